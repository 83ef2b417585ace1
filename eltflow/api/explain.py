"""What a warehouse or a program refused, as a diagnostic at the line that the user wrote."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eltflow.base.diagnostics import Diagnostic, EltflowError, Span, with_source, without
from eltflow.compile.compiled import Compiled, transpiled_note
from eltflow.compile.privacy import masked_text, masked_value, personal_values
from eltflow.compile.program import ProgramError
from eltflow.graph.graph import Graph
from eltflow.ingest.csvfile import complaint
from eltflow.project import yamlfile
from eltflow.project.config import as_list
from eltflow.project.nodes import Node
from eltflow.project.places import config_span
from eltflow.project.settings import FILE
from eltflow.warehouse.catalog import Catalog
from eltflow.warehouse.values import Statement, Target, WarehouseError
from eltflow.warehouse.written import written_in

_FORMATS = {
    "json": "mend the JSON there: an array of objects, or one object a line",
    "parquet": "write the file as Parquet again, or name it for what it is",
}

if TYPE_CHECKING:
    from eltflow.api.loading import Loaded

_HELPS = {
    "locked": "close the other program that has it open (a notebook, a shell, another tool), then run this again",
    "read_only": "build with a target that may be written: check the file's rights, and `read_only:` of the target",
    "permission": "grant the rights that are missing, or name another target",
    "disk": "make room on that disk, then run this again: what was not finished is not there",
    "connection": "check the target's settings, then `eltflow debug`",
}


def connection_problem(loaded: Loaded, error: WarehouseError, doing: str = "open") -> Diagnostic:
    """What to tell when a target cannot be opened or prepared."""
    where = loaded.shown_place
    message = f"cannot {doing} the target `{loaded.target.name}` ({loaded.adapter.name} {where}): {masked(error, loaded.target)}"
    help = error.help or _HELPS.get(error.kind) or _HELPS["connection"]
    span = yaml_span(loaded, FILE, ("targets", loaded.target.name), key=True)
    return quoted(loaded, Diagnostic(code="E0805", message=message, span=span, help=help))


def warehouse_problem(
    loaded: Loaded,
    node: Node,
    compiled: Compiled | None,
    error: WarehouseError,
    statement: Statement | None,
    catalog: Catalog,
) -> Diagnostic:
    """The engine's words, at the user's line where the statement holds the compiled SQL, or at the data file's.

    `catalog` is what the target holds by now: what is not there is told before what the engine takes it for.
    """
    if error.file is not None:
        return _data_problem(loaded, node, error, error.file)
    sql = statement.sql if statement is not None else ""
    hook = statement is not None and statement.role == "user"
    span = hook_span(loaded, node, sql) if hook else node_span(loaded, node)
    notes: tuple[str, ...] = ()
    if not hook and compiled is not None and compiled.sql:
        place = _place(compiled, error, sql)
        span = place if place is not None and place.line is not None else span
        written = written_in(node.config.get("dialect"), loaded.adapter.dialect)
        how = (transpiled_note(written.name, loaded.adapter.name),) if written is not loaded.adapter.dialect else ()
        notes = (*how, f"the compiled SQL is in {compiled_path(loaded, node)}")
    elif node.config.get("column_types") and "type" in error.engine_message.lower() and node.patch is not None:
        span = yaml_span(loaded, node.patch, (*node.place, "config", "column_types"))
    label = {"operation": "hook"}.get(node.resource_type, node.noun)
    if hook and node.resource_type != "operation":
        label = f"a hook of {label}"
    message = f"{label} `{node.name}`: {_words(loaded, node, error)}"
    help = not_there(loaded.graph, node, catalog, error) or _of_columns(
        node, catalog, error, sql if span == node_span(loaded, node) else ""
    )
    if node.contracted and not hook and any(word in error.engine_message.lower() for word in _BROKEN):
        help = help or "a row breaks what the model's contract says: correct the SQL, what it reads, or the constraint"
    help = help or error.help or _HELPS.get(error.kind) or _otherwise(node, hook)
    return quoted(loaded, Diagnostic(code="E0601", message=message, span=span, notes=notes, help=help))


#: The words of engines for a row that breaks a constraint.
_BROKEN = ("constraint", "duplicate entry", "cannot be null", "null value in column")


def not_there(graph: Graph, node: Node, catalog: Catalog, error: WarehouseError) -> str | None:
    """What to do about a node that this one reads, and that the engine misses since it is not in the target yet."""
    said = error.engine_message.lower()
    for parent in graph.read(node):
        if parent.relation is None or catalog.get(parent.relation) is not None:
            continue
        if not re.search(rf"(?<!\w){re.escape(parent.relation.identifier.lower())}(?!\w)", said):
            continue
        if parent.source is not None:
            return f"load that table first, or correct the entry of the source `{parent.display}`"
        return f"build it first: eltflow build --select +{parent.name}"
    return None


def _of_columns(node: Node, catalog: Catalog, error: WarehouseError, sql: str) -> str | None:
    """What to do where an incremental model's table and its query do not fit; `sql` is a statement of ours, not of the user's."""
    table = catalog.get(node.relation) if node.relation is not None and node.materialized == "incremental" else None
    if table is None or not sql:
        return None
    if sql.startswith("alter table"):
        return "the rows in the table cannot follow that change: build it with --full-refresh"
    if (node.config.get("on_schema_change") or "ignore") != "ignore":
        return None
    gone = next((c.name for c in table.columns if f'"{c.name.lower()}"' in error.engine_message.lower()), None)
    if gone is None:
        return None
    return (
        f"the table has the column `{gone}`, and the query gives it no more: set on_schema_change to append_new_columns (keeps it) "
        "or sync_all_columns (drops it), or build with --full-refresh"
    )


def _otherwise(node: Node, hook: bool) -> str:
    if hook:
        return "correct the hook: it is sent to the warehouse as it is written there"
    if node.resource_type == "copy":
        return (
            "cast the column in the model that is copied to a type that both targets keep, or in one beside it that is read instead"
        )
    if node.resource_type in ("seed", "ingest"):
        return "correct the file, or its configuration"
    return "correct the SQL; the compiled file is what the warehouse was sent"


def _place(compiled: Compiled, error: WarehouseError, sql: str) -> Span | None:
    """Where the user wrote what the engine points at; None if it points at nothing of theirs."""
    at = sql.find(compiled.sql)
    if error.line is None or at < 0:
        return None
    before = sql.count("\n", 0, at)
    first_column = at - (sql.rfind("\n", 0, at) + 1)
    line = error.line - before
    column = (error.column or 1) - (first_column if line == 1 else 0)
    return compiled.place(line, max(1, column)) if 1 <= line <= compiled.sql.count("\n") + 1 else None


def _data_problem(loaded: Loaded, node: Node, error: WarehouseError, path: str) -> Diagnostic:
    """A diagnostic at a line of the data file: the engine's, or the one that a look at the file finds."""
    line, message, help = error.file_line, _words(loaded, node, error), error.help
    if line is None and path.lower().endswith((".csv", ".tsv", ".csv.gz")):
        found = complaint(path, _delimiter(node, path))
        if found is not None:
            line, message, help = found
    file = _shown(loaded, path)
    help = help or _FORMATS.get(path.rsplit(".", 1)[-1].lower(), "correct the file")
    message = message.replace(path, file)
    label = f"{node.noun} `{node.name}`"
    return _in_data(
        loaded, node, Diagnostic(code="E0603", message=f"{label}: {message}", span=Span(file=file, line=line), help=help)
    )


def _in_data(loaded: Loaded, node: Node, found: Diagnostic) -> Diagnostic:
    """A diagnostic at a line of a data file, with that line unless there may be personal data in it."""
    return found if personal_values(node, loaded.personal) else quoted(loaded, found)


def _words(loaded: Loaded, node: Node, error: WarehouseError) -> str:
    """The engine's words without secrets, and without values of personal columns."""
    return masked_text(masked(error, loaded.target), error.code, personal_values(node, loaded.personal))


def _delimiter(node: Node, path: str) -> str:
    given: Mapping[str, Any] = node.ingest.source if node.ingest is not None else node.config
    return str(given.get("delimiter") or ("\t" if path.lower().endswith(".tsv") else ","))


def program_problem(loaded: Loaded, node: Node, error: ProgramError) -> Diagnostic:
    """What a materialization refused to do."""
    code = "E0602"
    span = node_span(loaded, node)
    if error.file is not None:
        code = "E0604" if error.file.endswith(".py") else "E0603"
        span = Span(file=_shown(loaded, error.file), line=error.line)
    elif error.place and node.patch is not None:
        span = yaml_span(loaded, node.patch, (*node.place, *error.place))
    elif error.config is not None:
        span = config_span(loaded.read, node, *error.config)
    label = f"{node.noun} `{node.name}`"
    message = masked_value(error.message, personal_values(node, loaded.personal))
    found = Diagnostic(code=code, message=f"{label}: {message}", span=span, help=error.help, notes=error.notes)
    return quoted(loaded, found) if code != "E0603" else _in_data(loaded, node, found)


# -- places --------------------------------------------------------------------------------------------------------------------


def yaml_span(loaded: Loaded, file: str, path: tuple[str | int, ...], *, key: bool = False) -> Span:
    """Where a value stands in one of the project's YAML files."""
    try:
        return yamlfile.locate(loaded.read(file), file, path, key=key)
    except EltflowError:
        return Span(file=file)


def node_span(loaded: Loaded, node: Node) -> Span:
    """Where a node is defined: its entry if it has no file of its own, else its file."""
    if node.ingest is not None and node.patch is not None:
        return yaml_span(
            loaded,
            node.patch,
            (*node.place, "source", next(k for k in ("path", "table", "query", "kind") if k in node.ingest.source)),
        )
    if node.place and node.patch is not None and node.path == node.patch:
        return yaml_span(loaded, node.patch, node.place)
    return Span(file=node.path)


def hook_span(loaded: Loaded, node: Node, sql: str) -> Span:
    """Where a hook's first line is written: in the node's file, its properties, or the project's settings."""
    hooks = [
        h.get("sql", "") if isinstance(h, Mapping) else h
        for k in ("pre_hook", "post_hook", "sql")
        for h in as_list(node.config.get(k))
    ]
    first = next((line.strip() for line in [*sql.splitlines(), *map(str, hooks)] if line.strip()), "")
    for file in dict.fromkeys((node.path, node.patch or FILE, FILE)):
        try:
            text = loaded.read(file)
        except EltflowError:
            continue
        for wanted in (first, *map(str, hooks)):
            at = text.find(wanted) if wanted else -1
            if at >= 0:
                column = at - (text.rfind("\n", 0, at) + 1) + 1
                return Span(file=file, line=text.count("\n", 0, at) + 1, column=column, length=len(wanted.split("\n")[0]))
    return Span(file=node.path)


def quoted(loaded: Loaded, found: Diagnostic) -> Diagnostic:
    """The diagnostic with the line that it points at, if that file is text of the project."""
    if found.span is None:
        return found
    try:
        return with_source(found, without(loaded.target.secrets, loaded.read(found.span.file)))
    except EltflowError:
        return found


def _shown(loaded: Loaded, path: str) -> str:
    full = Path(path)
    for folder in (loaded.files, loaded.root):
        if full.is_relative_to(folder):
            return full.relative_to(folder).as_posix()
    return path


def masked(error: WarehouseError, target: Target) -> str:
    """The engine's words without the target's secrets."""
    return without(target.secrets, error.engine_message)


def compiled_path(loaded: Loaded, node: Node) -> str:
    """Where a node's compiled SQL is written, relative to the project root."""
    settings = loaded.opened.project.settings
    short = node.relation.identifier if node.relation is not None else node.name
    name = node.path if node.test is None or node.test.singular else f"{node.path}/{short}.sql"
    return f"{settings.target_path}/compiled/{settings.name}/{name}"
