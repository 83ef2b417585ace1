"""Some rows of each source and ingested table, from one target into another: the same ones each time, personal columns masked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from typing import Literal, cast

from eltflow.api.explain import connection_problem, masked, quoted, yaml_span
from eltflow.api.hashing import HELP, digest_of
from eltflow.api.loading import Loaded
from eltflow.api.opening import about_run, connected, lease_of, said_by, schemas_of
from eltflow.base import plugins
from eltflow.base.diagnostics import Diagnostic, EltflowError, Span, fail
from eltflow.base.names import listed, short
from eltflow.base.records import dataclass, replace
from eltflow.compile.materialize.relation import build_table, built
from eltflow.compile.program import Job, ProgramError
from eltflow.engine.drive import Trace, drive, patiently
from eltflow.ingest.files import file_reader
from eltflow.project.nodes import Node
from eltflow.state.lock import run_lock
from eltflow.transfer import Hashed, Kept, Origin, Source, Tables
from eltflow.warehouse.catalog import Catalog
from eltflow.warehouse.protocols import Database, Session
from eltflow.warehouse.queried import QueriedTables, own_reader
from eltflow.warehouse.values import Relation, WarehouseError

#: How a personal column is masked: by its hash under the project's secret, or as NULL; `meta: {mask: ...}` of the column says it.
Mask = Literal["hash", "empty"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """A table that was brought: how many rows, which columns are masked, and what people should know of it. A `step` would load it."""

    node: str
    step: bool
    relation: str
    rows: int
    masked: tuple[str, ...]
    told: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """A table to bring: the node in the target that it goes into, where it stands in the other, and its personal columns (small letters)."""

    node: Node
    there: Relation
    masks: Mapping[str, Mask]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """How a table is read: its columns with their names, and which of them are hashed."""

    table: _Table
    origin: Origin
    columns: tuple[tuple[Kept, str], ...]
    hashed: frozenset[str]
    masked: tuple[str, ...]

    def rows(self, tables: Tables, digest: Callable[[str], str] | None) -> Source:
        source = tables.rows(self.origin, self.columns, None)
        return source if digest is None or not self.hashed else Hashed(source, self.hashed, digest)


def sample(loaded: Loaded, origin: Loaded, ids: Sequence[str], *, rows: int, where: str | None = None) -> Iterator[Sampled]:
    """Bring at most `rows` rows of each of the nodes (sources and steps) from the target of `origin` into that of `loaded`, in place of what
    stands there; `where` is a condition in the other target's SQL. Nothing is written to that one.

    Raises EltflowError before anything is written: E0112 for targets that do not go together, E0126 for what cannot be brought; E0601 and
    E0602 for a table that the other side or this one refuses, after which those before it are there.
    """
    _check_targets(loaded, origin)
    wanted = _wanted(loaded, origin, ids)
    digest = digest_of(loaded) if any("hash" in one.masks.values() for one in wanted) else None
    with ExitStack() as stack:
        database = stack.enter_context(connected(origin, read_only=True))
        _check_there(loaded, origin, database, wanted)
        if own_reader(origin.target.type) is not None:
            stack.close()  # who opens a file of DuckDB twice must do it in the same way
        tables = stack.enter_context(closing(_tables(origin, database)))
        for one in _all(loaded, origin, tables, wanted, digest, rows=rows, where=where):
            yield replace(one, told=(*one.told, *said_by(database)))


def _tables(origin: Loaded, database: Database) -> Tables:
    """What reads the tables of the other target: the reader of its type, or its own session where there is none."""
    try:
        reader = own_reader(origin.target.type)
        if reader is not None:
            return reader.open(origin.target.values, origin.root)
        return QueriedTables(database.session(), origin.adapter.dialect)
    except WarehouseError as error:
        raise EltflowError(connection_problem(origin, error)) from None


def _all(
    loaded: Loaded,
    origin: Loaded,
    tables: Tables,
    wanted: Sequence[_Table],
    digest: Callable[[str], str] | None,
    *,
    rows: int,
    where: str | None,
) -> Iterator[Sampled]:
    reads = [_described(loaded, origin, tables, one, rows, where) for one in wanted]
    about = about_run(loaded)
    with (
        run_lock(loaded.target_key, loaded.options.env, 0.0, about),
        connected(loaded) as into,
        lease_of(loaded, into, loaded.options.invocation_id, about),
        closing(_session(loaded, into)) as session,
    ):
        relations = [one.node.relation for one in wanted if one.node.relation is not None]
        fold = loaded.adapter.dialect.fold_relation
        catalog = Catalog(fold, into.catalog(schemas_of(one.node for one in wanted), relations))
        try:
            for database_name, schema in schemas_of(one.node for one in wanted):
                patiently(session, loaded.adapter.dialect.create_schema(database_name, schema))
        except WarehouseError as error:
            raise EltflowError(connection_problem(loaded, error, "write to")) from None
        for read in reads:
            yield _brought(loaded, origin, read, read.rows(tables, digest), session, catalog)


def _session(loaded: Loaded, database: Database) -> Session:
    try:
        return database.session()
    except WarehouseError as error:
        raise EltflowError(connection_problem(loaded, error)) from None


def _check_targets(loaded: Loaded, origin: Loaded) -> None:
    """Raise EltflowError (E0112) for a target that is sampled into itself, or that cannot be read."""
    name, dialect = origin.target.name, origin.adapter.dialect
    if origin.target_key == loaded.target_key:
        message = f"--from {name} is where the sample would go: `{loaded.target.name}`"
        raise fail("E0112", message, help="name another target with --from, or with --target")
    into = loaded.adapter
    if (
        not into.dialect.capabilities.transactional_ddl
    ):  # the rule of steps that read databases: what stands there is never half replaced
        message = (
            f"no sample can go into the target `{loaded.target.name}`, of type {into.name}, whose DDL takes no part in transactions"
        )
        raise fail("E0112", message, help="name one of DuckDB, PostgreSQL or SQLite with --target")
    if dialect.scattered(("a",)) is None:
        adapters = ((kind, plugins.load("eltflow.adapters", kind)) for kind in plugins.names("eltflow.adapters"))
        kinds = [kind for kind, adapter in adapters if adapter.dialect.scattered(("a",)) is not None]
        help = f"a target of one of these types can be: {listed(kinds, 8)}"
        raise fail("E0112", f"--from {name}: no sample can be taken of a target of type {origin.target.type}", help=help)


def _wanted(loaded: Loaded, origin: Loaded, ids: Sequence[str]) -> list[_Table]:
    """The tables of the nodes, each once. Raises EltflowError (E0126) for personal columns that nothing masks, and masks that are none."""
    made: dict[Relation, _Table] = {}
    found: list[Diagnostic] = []
    for node in (loaded.graph.nodes[i] for i in ids):
        other = origin.graph.nodes.get(node.unique_id)
        if other is None or other.relation is None or node.relation is None:
            message = f"`{node.display}` is no node on the target `{origin.target.name}`"
            found.append(_at(loaded, node, message, help="leave it out with --exclude"))
        elif node.relation not in made:
            masks, problems = _masks(loaded, node)
            found += problems
            made[node.relation] = _Table(node=node, there=other.relation, masks=masks)
    without = [one for one in made.values() if "hash" in one.masks.values()]
    if without and loaded.opened.project.settings.hash_secret is None:
        for one in without:
            columns = [f"`{name}`" for name, mask in one.masks.items() if mask == "hash"]
            message = f"`{one.node.display}` has personal columns, and nothing masks them: {listed(columns, 8)}"
            found.append(_at(loaded, one.node, message, help=f"{HELP}; or give each `meta: {{mask: empty}}`"))
    if found:
        raise EltflowError(found)
    return list(made.values())


def _masks(loaded: Loaded, node: Node) -> tuple[dict[str, Mask], list[Diagnostic]]:
    """How each personal column of a table is masked, by its name in small letters."""
    masks: dict[str, Mask] = dict.fromkeys(sorted(loaded.personal.held(node).names), "hash")
    found: list[Diagnostic] = []
    if node.unnests and loaded.personal.held(node).doubtful:
        message = f"`{node.display}` holds the items of lists that are personal, in columns which are not known here"
        found.append(_at(loaded, node, message, help="leave it out with --exclude"))
    for one in loaded.personal.linked(node):
        for column in one.columns.values():
            mask = column.meta.get("mask")
            if mask in ("hash", "empty"):
                masks[column.name.lower()] = cast("Mask", mask)
            elif mask is not None:
                message = f"`{one.display}`: `{column.name}` has the mask `{mask}`"
                found.append(_at(loaded, one, message, help="a mask is hash or empty"))
                masks.pop(column.name.lower(), None)
    return masks, found


def _at(loaded: Loaded, node: Node, message: str, *, help: str | None, code: str = "E0126") -> Diagnostic:
    span = yaml_span(loaded, node.patch, (*node.place, "name"), key=False) if node.patch is not None else Span(file=node.path)
    return quoted(loaded, Diagnostic(code=code, message=message, span=span, help=help))


def _check_there(loaded: Loaded, origin: Loaded, database: Database, wanted: Sequence[_Table]) -> None:
    """Raise EltflowError (E0126) for tables that the other target does not have."""
    relations = [one.there for one in wanted]
    schemas = list({(r.database, r.schema): None for r in relations if r.schema})
    try:
        there = Catalog(origin.adapter.dialect.fold_relation, database.catalog([(d, s) for d, s in schemas if s], relations))
    except WarehouseError as error:
        raise EltflowError(connection_problem(origin, error, "ask")) from None
    name = origin.target.name
    found = [
        _at(
            loaded,
            one.node,
            f"`{one.node.display}` is not on the target `{name}`: there is no {one.there}",
            help="correct the entry, load that table there, or leave it out with --exclude",
        )
        for one in wanted
        if there.get(one.there) is None
    ]
    if found:
        raise EltflowError(found)


def _described(loaded: Loaded, origin: Loaded, tables: Tables, table: _Table, rows: int, where: str | None) -> _Read:
    """How a table is read. Raises EltflowError (E0126 for a personal column that is not there; E0601)."""
    dialect, there = origin.adapter.dialect, table.there
    every = f"select * from {dialect.render(there)}"
    try:
        kept = list(tables.columns(Origin(query=every)))
        key = tables.key(".".join(part for part in (there.schema, there.identifier) if part))
        by = [dialect.quote(name) for name in key or [one.name for one in kept]]
        condition = f"\nwhere (\n{where}\n)" if where else ""
        drawn = Origin(query=f"{every}{condition}\norder by {dialect.scattered(by)}\nlimit {rows}")
        if where:
            tables.columns(drawn)  # a condition that is wrong is told before anything is written
    except WarehouseError as error:
        raise EltflowError(_refused(loaded, origin, table, error)) from None
    gone = sorted(table.masks.keys() - {one.name.lower() for one in kept})
    if gone:
        message = f"`{table.node.display}` has no column `{gone[0]}` on the target `{origin.target.name}`, and it is to be masked"
        raise EltflowError(_at(loaded, table.node, message, help="see whether it has another name now"))
    columns = tuple((_masked(one, table.masks.get(one.name.lower())), one.name) for one in kept)
    hashed = frozenset(name for _, name in columns if table.masks.get(name.lower()) == "hash")
    shown = tuple(name for _, name in columns if name.lower() in table.masks)
    return _Read(table=table, origin=drawn, columns=columns, hashed=hashed, masked=shown)


def _masked(kept: Kept, mask: Mask | None) -> Kept:
    match mask:
        case "hash":
            return replace(kept, type="VARCHAR", note=None)
        case "empty":
            return replace(kept, expression="null", note=None)
    return kept


def _refused(loaded: Loaded, origin: Loaded, table: _Table, error: WarehouseError) -> Diagnostic:
    message = f"`{table.node.display}` on the target `{origin.target.name}`: {masked(error, origin.target)}"
    return _at(loaded, table.node, message, help=error.help or "correct --where, or leave it out with --exclude", code="E0601")


def _stopped(found: Diagnostic) -> EltflowError:
    """The error of a command that has begun to write."""
    error = EltflowError(found)
    error.exit_code = 1
    return error


def _brought(loaded: Loaded, origin: Loaded, read: _Read, source: Source, session: Session, catalog: Catalog) -> Sampled:
    """Put the rows in place of what stands there."""
    node, relation = read.table.node, read.table.node.relation
    assert relation is not None
    dialect = loaded.adapter.dialect
    job = Job(
        node=replace(node, ingest=None, config={}),  # the types are those that are there, whatever a step says of its files
        relation=relation,
        dialect=dialect,
        run=short(loaded.options.invocation_id),
        existing=catalog.get(relation),
        reader=None if dialect.capabilities.reads_files else file_reader(),
    )
    try:
        outcome = drive(built(job, build_table(job, source)), session, Trace())
    except WarehouseError as error:
        raise _stopped(_refused(loaded, origin, read.table, error)) from None
    except ProgramError as error:
        found = _at(loaded, node, f"`{node.display}`: {error.message}", help="leave it out with --exclude", code="E0602")
        raise _stopped(found) from None
    told = tuple(kept.note for kept, _ in read.columns if kept.note is not None)
    return Sampled(
        node=node.display,
        step=node.ingest is not None,
        relation=str(relation),
        rows=outcome.rows or 0,
        masked=read.masked,
        told=told,
    )
