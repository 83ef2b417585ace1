"""Commands on the folder itself: make a project, delete what is derived, check that everything is in place."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from eltflow.api.loading import STATE_FOLDER, Loaded, load
from eltflow.api.opening import connected, schemas_of
from eltflow.base import plugins
from eltflow.base.diagnostics import EltflowError, fail
from eltflow.base.names import IDENTIFIER, IDENTIFIER_HELP
from eltflow.base.records import dataclass
from eltflow.native.settings import read_settings
from eltflow.project.findings import Findings
from eltflow.project.options import Options
from eltflow.project.project import read_text
from eltflow.project.settings import FILE
from eltflow.warehouse.protocols import Adapter
from eltflow.warehouse.values import WarehouseError

#: What the template's models are written in.
_WRITTEN_IN = "duckdb"
_TARGETS = re.compile(r"^# Where tables go.*?^targets:\n  dev: \{.*?\}\n", re.MULTILINE | re.DOTALL)
#: What eltflow writes into the target folder.
DERIVED = ("cache", "compiled", "manifest.json", "run_results.json", "catalog.json", "docs", "docs.html")


def template_folder() -> Path:
    """The project that `init` copies: package data, or the checkout's folder in an editable install."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "project_template"
    return installed if installed.is_dir() else package.parent / "project_template"


#: What is said of the template's step, where no step can add to a table.
_REPLACING = (
    "# Loads files into a table. `append` loads each file once: put next week's file beside this one and build again.",
    "# Loads files into a table. `replace` loads all of them: put next week's file beside this one and build again.",
)


def init_project(parent: Path, name: str, adapter: str | None = None) -> list[str]:
    """Copy the template to `parent/name`, with a target of the adapter; gives the files written. Raises EltflowError (E0114, or E0701
    for an adapter that is not there) before anything is written."""
    chosen: Adapter | None = None if adapter is None else plugins.load("eltflow.adapters", adapter)
    folder = parent / name
    project = folder.name
    if not IDENTIFIER.match(project):
        raise fail("E0114", f"`{project}` cannot be a project's name", help=IDENTIFIER_HELP)
    if folder.exists() and any(folder.iterdir()) if folder.is_dir() else folder.exists():
        raise fail("E0114", f"{name} exists and is not empty", help="choose another name, or empty it first")
    template = template_folder()
    written: list[str] = []
    for source in sorted(template.rglob("*")):
        relative = source.relative_to(template)
        if source.is_dir() or any(part in ("__pycache__", "target", "logs", STATE_FOLDER) for part in relative.parts):
            continue
        if source.suffix in (".duckdb", ".wal"):
            continue
        destination = folder / relative
        destination.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix in (".yml", ".md", ".example") or source.name == ".gitignore":
            text = source.read_text(encoding="utf-8")
            if chosen is not None and relative.as_posix() == FILE:
                text = _with_target(text, chosen)
            elif chosen is not None and not chosen.dialect.capabilities.transactions:
                text = text.replace(*_REPLACING).replace("load: append", "load: replace")
            destination.write_text(text.replace("my_project", project), encoding="utf-8")
        else:
            shutil.copyfile(source, destination)
        written.append(relative.as_posix())
    return written


def _with_target(text: str, adapter: Adapter) -> str:
    """The settings with a target of the adapter in place of the template's, and what the models are written in where it speaks something
    else."""
    block = "".join(f"    {line}\n" for line in adapter.starter.splitlines())
    text = _TARGETS.sub(lambda found: f"# Where tables go.\ntargets:\n  dev:\n{block}", text)
    if adapter.name != _WRITTEN_IN:
        told = (
            f"# What the models are written in; {adapter.name} gets them transpiled. Take it out to write {adapter.name}'s SQL.\n"
        )
        text = text.replace("# Where tables go.\n", f"{told}dialect: {_WRITTEN_IN}\n\n# Where tables go.\n", 1)
    if not adapter.dialect.capabilities.views_across_schemas:  # stg_orders reads raw.orders
        text = text.replace(
            "staging: {+materialized: view}", "staging: {+materialized: table}    # a view reads its own schema only", 1
        )
    return text


def clean_project(root: Path, env: Mapping[str, str]) -> list[str]:
    """Delete what eltflow writes into the folder of derived files, and the folder if nothing else is in it.

    State, databases and logs stay. Raises EltflowError if that folder is no place to delete.
    """
    findings = Findings(lambda path: read_text(root, path))
    settings, _ = read_settings(root, Options(env=env), findings)
    folder = (root / settings.target_path).resolve()
    if root.resolve() not in folder.parents:
        raise fail("E0115", f"{settings.target_path} is not inside the project", help="change `target_path` in eltflow.yml")
    sources = (*settings.model_paths, *settings.seed_paths, *settings.macro_paths, *settings.test_paths, *settings.ingest_paths)
    if any((root / path).resolve() == folder or folder in (root / path).resolve().parents for path in sources):
        raise fail("E0115", f"{settings.target_path} holds source files", help="change `target_path` in eltflow.yml")
    if not folder.is_dir():
        return []
    removed = [name for name in DERIVED if (folder / name).exists()]
    for name in removed:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()
        return [f"{settings.target_path}/"] if removed else []
    return [f"{settings.target_path}/{name}" for name in removed]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that must be right before a build can be."""

    what: str
    ok: bool
    detail: str
    help: str | None = None


def diagnose(root: Path, options: Options) -> Iterator[Check]:
    """Check the project, then of the target and of each other one that nodes are built at: the driver, the connection and the rights, in that
    order; stops where nothing more can be told."""
    yield Check(what="eltflow", ok=True, detail=f"Python {sys.version.split()[0]}, {sys.executable}")
    try:
        loaded = load(root, options)
    except EltflowError as error:
        first = error.diagnostics[0]
        more = len(error.diagnostics) - 1
        detail = f"{first.span or ''} {first.message}".strip() + (f" (and {more} more: eltflow parse)" if more else "")
        yield Check(what="project", ok=False, detail=detail, help=first.help)
        return
    name = loaded.opened.project.settings.name
    yield Check(what="project", ok=True, detail=f"{name}, {len(loaded.graph.nodes)} nodes, {root}")
    yield from _target_checks(loaded)
    for other in dict.fromkeys(loaded.places.elsewhere.values()):
        try:
            there = loaded.at(other)
        except EltflowError as error:
            yield Check(what="target", ok=False, detail=f"{other}: {error.diagnostics[0].message}", help=error.diagnostics[0].help)
        else:
            yield from _target_checks(there)


def _target_checks(loaded: Loaded) -> Iterator[Check]:
    where = loaded.adapter.location(loaded.target, loaded.root)
    yield Check(
        what="target", ok=True, detail=f"{loaded.target.name}: {loaded.adapter.name}, {where}, schema {loaded.target.schema}"
    )
    file = Path(where)
    if file.is_absolute() and not file.exists() and file.parent.is_dir():  # whoever connects to an embedded engine makes its file
        ok = os.access(file.parent, os.W_OK)
        detail = f"no database yet: the first build makes {file.name}" if ok else f"no right to make {file.name} in {file.parent}"
        yield Check(
            what="connection", ok=ok, detail=detail, help=None if ok else "grant the right to write there, or name another place"
        )
        return
    try:
        with connected(loaded) as database:
            session = database.session()
            try:
                yield Check(what="connection", ok=True, detail="opened")
                dialect = loaded.adapter.dialect
                for database_name, schema in schemas_of(loaded.graph.nodes.values())[:1]:
                    session.execute(dialect.create_schema(database_name, schema))
                yield Check(what="rights", ok=True, detail=f"can create in {loaded.target.schema}")
            finally:
                session.close()
    except EltflowError as error:
        yield Check(what="connection", ok=False, detail=error.diagnostics[0].message, help=error.diagnostics[0].help)
    except WarehouseError as error:
        yield Check(what="rights", ok=False, detail=error.engine_message, help="grant the right to create schemas and tables")
