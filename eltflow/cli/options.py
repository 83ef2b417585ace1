"""The options that commands share, and the step from them to a loaded project and a selection."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from eltflow.api import Loaded
    from eltflow.graph.select import Selection
    from eltflow.project.options import Options

ProjectDir = Annotated[
    Path | None, typer.Option("--project-dir", help="The project's folder (default: here, or the nearest above).")
]
TargetName = Annotated[str | None, typer.Option("--target", "-t", help="The target to build for.")]
Vars = Annotated[str | None, typer.Option("--vars", help="Variables as YAML, e.g. '{start: 2013-02-01}'.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]
Debug = Annotated[bool, typer.Option("--debug", "-d", help="Print details, and a stack trace if eltflow fails.")]
WarnError = Annotated[bool, typer.Option("--warn-error", help="Take warnings for errors.")]
LogFormat = Annotated[str, typer.Option("--log-format", help="text or json (one object a line).")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")]
Select = Annotated[list[str] | None, typer.Option("--select", "-s", "-m", "--models", help="Nodes to include.")]
Exclude = Annotated[list[str] | None, typer.Option("--exclude", help="Nodes to leave out.")]
Selector = Annotated[str | None, typer.Option("--selector", help="A selector of selectors.yml.")]
Indirect = Annotated[
    str | None, typer.Option("--indirect-selection", help="Tests to take along: eager, cautious, buildable or empty.")
]
ResourceType = Annotated[list[str] | None, typer.Option("--resource-type", help="Only nodes of this type.")]
ExcludeType = Annotated[list[str] | None, typer.Option("--exclude-resource-type", help="No nodes of this type.")]
FullRefresh = Annotated[bool, typer.Option("--full-refresh", "-f", help="Build incremental models from nothing.")]
Threads = Annotated[int | None, typer.Option("--threads", help="How many steps run at the same time.", min=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """What every command that reads a project takes."""

    project_dir: Path | None
    target: str | None
    vars: str | None
    threads: int | None = None
    flags: dict[str, Any] | None = None


def project_root(project_dir: Path | None) -> Path:
    """The project's folder: as given, or the nearest one at or above the working folder."""
    from eltflow.base.diagnostics import fail
    from eltflow.project.folder import FILE, find_root

    if project_dir is not None:
        root = project_dir.resolve()
        if not (root / FILE).is_file():
            message = f"there is no {FILE} in {project_dir}" if root.is_dir() else f"there is no folder {project_dir}"
            raise fail("E0108", message, help="name the folder that holds the project's eltflow.yml with --project-dir")
        return root
    found = find_root(Path.cwd(), [FILE])
    if found is None:
        help = "make a project with `eltflow init NAME`, or name its folder with --project-dir"
        raise fail("E0108", f"there is no {FILE} here or in a folder above", help=help)
    return found


_VARIABLE = re.compile(r"[^\W\d][\w.-]*\Z")


def parse_vars(text: str | None) -> dict[str, Any]:
    """The value of --vars. Raises EltflowError (E0111)."""
    if not text:
        return {}
    from eltflow.base.diagnostics import EltflowError, fail
    from eltflow.project import yamlfile

    try:
        value = yamlfile.read(text, "--vars")
    except EltflowError:
        value = None
    help = "write it like --vars '{start: 2013-02-01, days: 7}'"
    if not isinstance(value, dict):
        raise fail("E0111", f"--vars is no YAML mapping: {text}", help=help)
    odd = next((name for name in value if not isinstance(name, str) or not _VARIABLE.match(name)), None)
    if odd is not None:
        raise fail("E0111", f"--vars: `{odd}` cannot be the name of a variable", help=help)
    return value


def check_log_format(text: str) -> bool:
    """Whether --log-format asks for JSON lines. Raises EltflowError (E0112)."""
    from eltflow.base.diagnostics import fail

    if text not in ("text", "json"):
        raise fail("E0112", f"--log-format cannot be `{text}`", help="text or json")
    return text == "json"


def new_options(target: str | None, vars: str | None) -> Options:
    """Options for opening a project from what was typed."""
    from eltflow import api

    return api.new_options(target=target, vars=parse_vars(vars))


def load(common: Common) -> Loaded:
    """Open the project that the options name."""
    from eltflow import api

    options = api.new_options(
        target=common.target, vars=parse_vars(common.vars), threads=common.threads, flags=common.flags or {}, env=dict(os.environ)
    )
    return api.load(project_root(common.project_dir), options)


def selection(
    loaded: Loaded,
    types: frozenset[str],
    *,
    select: list[str] | None,
    exclude: list[str] | None,
    selector: str | None,
    indirect: str | None,
    resource_types: list[str] | None = None,
    exclude_types: list[str] | None = None,
) -> Selection:
    """What the options select among the nodes of the given types."""
    from eltflow import api
    from eltflow.base.diagnostics import fail
    from eltflow.graph.select import Request
    from eltflow.graph.select import select as choose

    if indirect not in (None, "eager", "cautious", "buildable", "empty"):
        raise fail("E0112", f"--indirect-selection cannot be `{indirect}`", help="one of: eager, cautious, buildable, empty")
    request = Request(
        select=tuple(select or ()),
        exclude=tuple(exclude or ()),
        selector=selector,
        selectors=loaded.selectors,
        indirect=indirect,  # type: ignore[arg-type]
        resource_types=tuple(resource_types or ()),
        exclude_resource_types=tuple(exclude_types or ()),
        acts_on=types,
        project=loaded.name,
        read=loaded.read,
        columns=lambda text, up, down: api.reached_nodes(loaded, text, up, down),
    )
    return choose(loaded.graph, request)
