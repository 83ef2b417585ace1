"""The settings and the chosen target of a project: all that is read again of one whose files did not change."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eltflow.base.diagnostics import fail
from eltflow.base.records import dataclass, replace
from eltflow.jinja.values import MacroSource
from eltflow.native.settings import YamlRenderer, base_yaml_names, read_settings, read_target, secret_of
from eltflow.project.config import DIALECT, KEYS
from eltflow.project.findings import Findings
from eltflow.project.folder import FILE, Stamp, read_dotenv
from eltflow.project.options import Options
from eltflow.project.project import Doc, Group, MacroInfo, Project, read_text
from eltflow.project.settings import TREES, Settings
from eltflow.project.shape import Nullable, Problem
from eltflow.project.surface import Environ, target_names
from eltflow.warehouse.protocols import Adapter
from eltflow.warehouse.values import Target

if TYPE_CHECKING:
    from eltflow.jinja.renderer import Renderer


@dataclass(frozen=True, kw_only=True)
class Opened:
    """An opened project with what later stages need beside it."""

    project: Project
    adapter: Adapter
    environ: Environ
    files: Mapping[str, Stamp]

    @cached_property
    def renderer(self) -> Renderer:
        """The project's renderer; made, and Jinja2 imported, when it is first needed."""
        from eltflow.jinja.renderer import Renderer

        return Renderer(self.project.macros, self.project.settings.name)


def open_target(root: Path, options: Options, findings: Findings) -> tuple[Settings, Target, Adapter, Environ, YamlRenderer]:
    """The settings, rendered, and the chosen target with its adapter. Raises EltflowError."""
    files = options.files(root)
    if not (files / FILE).is_file():
        help = "make a project with `eltflow init NAME`, or name its folder with --project-dir"
        raise fail("E0108", f"there is no {FILE} in {root}", help=help)
    environ = Environ({**read_dotenv(files), **options.env})
    settings, value = read_settings(files, options, findings)
    render = YamlRenderer(base_yaml_names({**settings.vars, **options.vars}, environ), findings)
    # What is given to the command is a value as it stands, and what it stands for is not looked at.
    written = {name: value for name, value in settings.vars.items() if name not in options.vars}
    settings = replace(settings, vars={**render(written, FILE, ("vars",)), **options.vars})
    render.names = base_yaml_names(settings.vars, environ)
    environ.secret = secret_of(settings, environ, root, options, lambda path: read_text(files, path))
    target, adapter = read_target(value, root, options, render, environ.secret, findings)
    render.names["target"] = target_names(target, adapter.secret_fields, settings.name)
    configs = {tree: render(dict(branches), FILE, (tree,)) for tree, branches in settings.configs.items()}
    dialect = render(settings.dialect, FILE, ("dialect",))
    problems: list[Problem] = []
    Nullable(DIALECT).check(dialect, ("dialect",), problems, True)
    findings.problems(FILE, problems)
    findings.stop()
    if dialect is not None:
        configs |= {tree: {"+dialect": dialect, **configs[tree]} for tree, of in TREES.items() if "dialect" in KEYS[of.kind]}
    return replace(settings, configs=configs, dialect=dialect), target, adapter, environ, render


def reopen(root: Path, options: Options, kept: Mapping[str, Any]) -> Opened:
    """A project whose files did not change since `kept` was made of it (see `keepable`): only settings and target are read again."""
    files = options.files(root)
    findings = Findings(lambda path: read_text(files, path))
    settings, target, adapter, environ, _ = open_target(root, options, findings)
    project = Project(
        root=root,
        files=files,
        settings=settings,
        target=target,
        drafts=(),
        macros=tuple(MacroSource(name=n, file=f, line=line, text=read_text(files, f)) for n, f, line in kept["macros"]),
        macro_info={
            name: MacroInfo(name=name, file=file, line=line, description=text, arguments=arguments, patch=patch, meta=meta)
            for name, file, line, text, arguments, patch, meta in kept["macro_info"]
        },
        docs={name: Doc(name=name, path=path, text=text) for name, path, text in kept["docs"]},
        groups={n: Group(name=n, owner=owner, description=text, path=path) for n, owner, text, path in kept["groups"]},
        selectors=tuple(kept["selectors"]),
        vars=settings.vars,
        macro_hash=kept["macro_hash"],
    )
    return Opened(project=project, adapter=adapter, environ=environ, files={})


def keepable(project: Project) -> dict[str, Any]:
    """What `reopen` needs of a project, as plain values; no secret is among them."""
    return {
        "name": project.settings.name,
        "state": project.settings.state is not None,
        "macros": [(m.name, m.file, m.line) for m in project.macros],
        "macro_info": [
            (m.name, m.file, m.line, m.description, tuple(dict(a) for a in m.arguments), m.patch, dict(m.meta))
            for m in project.macro_info.values()
        ],
        "docs": [(d.name, d.path, d.text) for d in project.docs.values()],
        "groups": [(g.name, dict(g.owner), g.description, g.path) for g in project.groups.values()],
        "selectors": [dict(s) for s in project.selectors],
        "macro_hash": project.macro_hash,
    }
