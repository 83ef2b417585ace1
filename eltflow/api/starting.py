"""Steps written from live sources: the tables of a database, files, or an endpoint of an API. Nothing is loaded, and no file is replaced."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from eltflow.api.connections import connection_of
from eltflow.api.explain import program_problem, warehouse_problem
from eltflow.api.inspecting import LoadedColumn, inspect_files_of
from eltflow.api.loading import Loaded
from eltflow.base.diagnostics import EltflowError, fail
from eltflow.base.names import IDENTIFIER, IDENTIFIER_HELP, did_you_mean, listed
from eltflow.base.records import dataclass
from eltflow.compile.program import FileInfo, ProgramError
from eltflow.graph.graph import Graph
from eltflow.ingest.files import matching
from eltflow.ingest.records import OpenedRecords
from eltflow.ingest.tables import OpenedTable
from eltflow.native.target import reopen
from eltflow.project import several, yamlfile
from eltflow.project.nodes import IngestInfo, Node
from eltflow.project.options import Options
from eltflow.project.project import read_text
from eltflow.project.settings import Settings
from eltflow.transfer import Kept
from eltflow.warehouse.catalog import Catalog
from eltflow.warehouse.connection import Connection
from eltflow.warehouse.values import Relation, WarehouseError

#: Names of columns that are written anew whenever their row is.
_CHANGED = re.compile(
    r"(row_?)?(updated|modified|changed|last_?(updated?|modified|changed?))(_?(at|on|ts|time|date|timestamp))?"
    r"|(update|modification|change)_?(time|date|ts|timestamp)",
    re.IGNORECASE,
)
#: A name of a table that can stand in a list of tables, behind a schema and a dot.
_TABLE = re.compile(r"[^.*?\[\]\s#][^.*?\[\]\r\n]*")
_MOMENTS = ("TIMESTAMP", "DATE")
_EMPTY: Mapping[str, Any] = {"macros": (), "macro_info": (), "docs": (), "groups": (), "selectors": (), "macro_hash": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a step is to be written of: a connection, with the tables (all unless told) of a schema, or the path of an endpoint; or files (with
    their sheet as `tables`).
    is the step's, `into` the schema that it loads into."""

    source: str
    tables: tuple[str, ...] = ()
    schema: str | None = None
    path: str | None = None
    name: str | None = None
    into: str = "raw"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file that was written, the step that is in it, and its tables."""

    file: str
    step: str
    tables: tuple[str, ...]


def init_source(root: Path, options: Options, wanted: Wanted) -> Written:
    """Write a step into a file of its own. Raises EltflowError (E0123 where there is one of that name, or no such source)."""
    loaded = _opened(root, options)
    settings = loaded.opened.project.settings
    connection = connection_of(loaded, wanted.source) if wanted.source in settings.connections else None
    if connection is None:
        made = _of_files(loaded, wanted)
    elif "sql" in connection.reader.kinds:
        made = _of_tables(loaded, connection, wanted)
    else:
        made = _of_endpoint(loaded, connection, wanted)
    step, text, tables = made
    file = f"{settings.ingest_paths[0]}/{step}.yml"
    try:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        with open(root / file, "x", encoding="utf-8") as output:
            output.write(text)
    except FileExistsError:
        raise fail("E0123", f"{file} exists, and is not replaced", help="write another file: --name NAME") from None
    except OSError as error:
        raise fail("E0117", f"{file} cannot be written: {error.strerror}", help="make the folder one that can be") from None
    return Written(file=file, step=step, tables=tables)


def list_tables(root: Path, options: Options, step: str) -> Written:
    """Write down which tables a step's patterns can mean: those that its connection has now. Raises EltflowError (E0214 for no such
    step)."""
    loaded = _opened(root, options)
    found = dict(_several(root, loaded.opened.project.settings))
    if step not in found:
        help = did_you_mean(step, found) or f"steps with `tables:`: {listed(found) or 'none'}"
        raise fail("E0214", f"there is no step `{step}` that brings several tables", help=help)
    path, source = found[step]
    name = str(source["connection"])
    if name not in loaded.opened.project.settings.connections:
        raise _no_connection(loaded, name)
    connection = connection_of(loaded, name)
    node = _node(loaded, step, {"kind": "sql", "connection": connection.name}, "raw.x")
    there = _there(loaded, node, connection, source.get("schema"))
    file = several.list_of(path, step)
    head = (
        f"# The tables of `{connection.name}` that the patterns of the step `{step}` can mean."
        f" Written by: eltflow init-source --tables {step}\n"
    )
    (root / file).write_text(head + "".join(f"{name}\n" for name in there if _TABLE.fullmatch(name)), encoding="utf-8")
    return Written(file=file, step=step, tables=tuple(there))


def _several(root: Path, settings: Settings) -> Iterator[tuple[str, tuple[str, Mapping[str, Any]]]]:
    """The steps that bring several tables, each with its file and its source."""
    for folder in settings.ingest_paths:
        for path in sorted((root / folder).rglob("*.y*ml")):
            file = path.relative_to(root).as_posix()
            value = yamlfile.read(read_text(root, file), file)
            for entry in (value or {}).get("steps") or () if isinstance(value, Mapping) else ():
                if isinstance(entry, Mapping) and "tables" in (entry.get("source") or {}):
                    yield str(entry.get("name")), (file, entry["source"])


def _opened(root: Path, options: Options) -> Loaded:
    """The project's settings and target, without its nodes, of which there need not be any."""
    return Loaded(
        root=root.absolute(),
        options=options,
        name="",
        counts={},
        selectors=(),
        make_graph=lambda: Graph(nodes={}),
        open=lambda: reopen(root.absolute(), options, _EMPTY),
    )


def _no_connection(loaded: Loaded, name: str) -> EltflowError:
    known = loaded.opened.project.settings.connections
    help = did_you_mean(name, known) or f"connections in eltflow.yml: {', '.join(known) or 'none'}"
    return fail("E0118", f"there is no connection `{name}`", help=help)


def _node(loaded: Loaded, name: str, source: Mapping[str, Any], into: str) -> Node:
    """The step as it would be, to ask its source with."""
    target = loaded.target
    info = IngestInfo(source=source, load="replace", into=into)
    relation = Relation(target.database, target.schema, into.rpartition(".")[2])
    return Node(
        unique_id=f"ingest.{name}",
        resource_type="ingest",
        name=name,
        package="",
        path="",
        fqn=(),
        config={},
        relation=relation,
        ingest=info,
    )


@contextlib.contextmanager
def _told(loaded: Loaded, node: Node) -> Iterator[None]:
    """Errors of a source as diagnostics, which point nowhere: nothing is written yet."""
    try:
        yield
    except ProgramError as error:
        raise EltflowError(program_problem(loaded, node, error)) from None
    except WarehouseError as error:
        catalog = Catalog(loaded.adapter.dialect.fold)
        raise EltflowError(warehouse_problem(loaded, node, None, error, None, catalog)) from None


# -- tables ------------------------------------------------------------------------------------------------------------------------


def _there(loaded: Loaded, node: Node, connection: Connection, schema: str | None) -> Sequence[str]:
    with _told(loaded, node), contextlib.closing(OpenedTable(connection, {}, loaded.root)) as opened:
        return opened.tables(schema)


def _of_tables(loaded: Loaded, connection: Connection, wanted: Wanted) -> tuple[str, str, tuple[str, ...]]:
    step = _named(wanted.name or wanted.source)
    if wanted.path is not None:
        raise fail("E0123", f"`{connection.name}` is a database, and has no paths", help="name tables: --table NAME")
    node = _node(loaded, step, {"kind": "sql", "connection": connection.name}, f"{wanted.into}.x")
    lines: list[str] = []
    with _told(loaded, node), contextlib.closing(OpenedTable(connection, {}, loaded.root)) as opened:
        there = opened.tables(wanted.schema)
        matched = several.matching(wanted.tables, there) if wanted.tables else list(there)
        chosen = [name for name in matched if _TABLE.fullmatch(name)]
        missing = next((pattern for pattern in wanted.tables if not several.matching([pattern], there)), None)
        where = f"the schema `{wanted.schema}` of `{connection.name}`" if wanted.schema else f"`{connection.name}`"
        if not there or missing is not None:
            what = f"no table `{missing}`" if missing is not None and there else "no table that may be read"
            help = (did_you_mean(missing, there) if missing else None) or (
                f"there are: {listed(there, 8)}" if there else "name another schema: --schema NAME"
            )
            raise fail("E0123", f"{where} has {what}", help=help)
        for table in chosen:
            name = f"{wanted.schema}.{table}" if wanted.schema else table
            lines += _table(table, *opened.described(name))
        lines += [f"        # left out, for its name: {json.dumps(name)}" for name in matched if name not in chosen]
    head = [
        "steps:",
        f"  - name: {step}",
        "    source:",
        "      kind: sql",
        f"      connection: {_text(connection.name)}",
        *([f"      schema: {_text(wanted.schema)}"] if wanted.schema else []),
        "      tables:",
    ]
    return step, "\n".join([*head, *lines, f"    into: {_text(f'{wanted.into}.{{table}}')}", ""]), tuple(chosen)


def _table(name: str, columns: Sequence[Kept], key: Sequence[str]) -> Iterator[str]:
    """A table as it is written under `tables:`."""
    cursor = next((c.name for c in columns if _CHANGED.fullmatch(c.name) and c.type.startswith(_MOMENTS) and c.note is None), None)
    notes = [f"          # {' '.join(column.note.split())}" for column in columns if column.note is not None]
    if key and cursor is not None:
        yield f"        {_text(name)}:"
        yield "          load: merge"
        yield f"          unique_key: {_texts(key)}"
        yield f"          cursor: {{column: {_text(cursor, flow=True)}}}"
    else:
        why = "no column says when a row changed" if key else "it has no primary key"
        yield f"        {_text(name)}:  # loaded whole: {why}"
    yield from notes


# -- files and endpoints -----------------------------------------------------------------------------------------------------------


def _of_files(loaded: Loaded, wanted: Wanted) -> tuple[str, str, tuple[str, ...]]:
    files = matching(loaded.root, [wanted.source])
    if not files:
        known = loaded.opened.project.settings.connections
        help = did_you_mean(wanted.source, known) or f"connections in eltflow.yml: {', '.join(known) or 'none'}"
        raise fail("E0123", f"`{wanted.source}` is no connection, and no file matches it", help=help)
    if len(wanted.tables) > 1:
        raise fail("E0123", "a step reads one sheet of a workbook", help="write a step for each: --table SHEET --name NAME")
    stem = re.sub(r"\.(gz|zst|zstd)$", "", PurePosixPath(wanted.source).name).partition(".")[0]
    step = _named(wanted.name or re.sub(r"\W+", "_", re.sub(r"[*?\[\]]+", "", stem)).strip("_").lower())
    source = {"kind": "files", "path": wanted.source, **({"sheet": wanted.tables[0]} if wanted.tables else {})}
    columns = _columns(loaded, _node(loaded, step, source, f"{wanted.into}.{step}"), files)
    return step, _one(step, f"    source: {_flow(source)}", f"{wanted.into}.{step}", columns, []), (step,)


def _of_endpoint(loaded: Loaded, connection: Connection, wanted: Wanted) -> tuple[str, str, tuple[str, ...]]:
    if wanted.path is None:
        raise fail("E0123", f"`{connection.name}` is an API, and no endpoint of it is named", help="name one: --path /orders")
    step = _named(
        wanted.name or re.sub(r"\W+", "_", wanted.path.partition("?")[0].rstrip("/").rpartition("/")[2]).strip("_").lower()
    )
    source: dict[str, Any] = {"kind": "rest", "connection": connection.name, "path": wanted.path}
    node = _node(loaded, step, source, f"{wanted.into}.{step}")
    with _told(loaded, node):
        with contextlib.closing(OpenedRecords(connection, source, loaded.root, answers=1)) as records:
            source |= records.guess()
        with contextlib.closing(OpenedRecords(connection, source, loaded.root, answers=1)) as records:
            fetched = records.fetch(None)
            columns = _columns(loaded, node, fetched) if fetched else []
    lines = ["    source:", *(f"      {key}: {_flow(value)}" for key, value in source.items())]
    if "pagination" not in source:
        lines.append("      # pagination: if answers come in parts, say how the next one is asked for")
    key = next((c.name for c in columns if c.name.lower() == "id"), None)
    more = ["    load: merge", f"    unique_key: {_text(key)}"] if key is not None else []
    return step, _one(step, "\n".join(lines), f"{wanted.into}.{step}", columns, more), (step,)


def _columns(loaded: Loaded, node: Node, files: Sequence[FileInfo]) -> Sequence[LoadedColumn]:
    with _told(loaded, node):
        return inspect_files_of(loaded, node, tuple(files)).columns


def _one(step: str, source: str, into: str, columns: Sequence[LoadedColumn], more: Sequence[str]) -> str:
    lines = ["steps:", f"  - name: {step}", source, f"    into: {_text(into)}", *more]
    if columns:
        lines.append("    columns:")
        lines += [f"      {_text(c.name)}: {{data_type: {_text(c.type.lower(), flow=True)}}}" for c in columns]
    return "\n".join([*lines, ""])


# -- YAML --------------------------------------------------------------------------------------------------------------------------

_PLAIN = re.compile(r"[A-Za-z_/][\w./-]*(?: [A-Za-z]\w*)*")
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


def _text(value: str, *, flow: bool = False) -> str:
    """A text as YAML has it, in quotes where it needs them."""
    plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
    if not plain and not flow and re.fullmatch(r"[\w.]+\.\{table\}", value):
        return value
    return value if plain else json.dumps(value, ensure_ascii=False)


def _texts(values: Sequence[str]) -> str:
    return _text(values[0]) if len(values) == 1 else f"[{', '.join(_text(value, flow=True) for value in values)}]"


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_flow(inner)}' for key, inner in value.items())}}}"
    return _text(str(value), flow=True)


def _named(name: str) -> str:
    """The name of a step. Raises EltflowError (E0123) for what cannot be one."""
    if not IDENTIFIER.match(name):
        raise fail("E0123", f"`{name}` cannot be a step's name", help=f"give it one: --name NAME; {IDENTIFIER_HELP}")
    return name


__all__ = ["Wanted", "Written", "init_source", "list_tables"]
