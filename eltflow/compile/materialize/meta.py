"""The tables of `eltflow_meta`: what must commit with the data, and so stands in the warehouse beside it. Keys begin with the relation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from eltflow.base.fingerprint import fingerprint
from eltflow.compile.program import FileInfo, Job, Outcome, Program, Steps
from eltflow.warehouse.dialect import Dialect
from eltflow.warehouse.values import Column, Relation, Statement

META = "eltflow_meta"
_MOMENT = "timestamp with time zone"
FILE_COLUMNS = (
    Column("relation", "varchar"),
    Column("path", "varchar"),
    Column("size", "bigint"),
    Column("mtime_ns", "bigint"),
    Column("hash", "varchar"),
    Column("load_id", "varchar"),
)
LOAD_COLUMNS = (
    Column("load_id", "varchar"),
    Column("relation", "varchar"),
    Column("step", "varchar"),
    Column("files", "bigint"),
    Column("rows", "bigint"),
    Column("loaded_at", _MOMENT),
)
CURSOR_COLUMNS = (
    Column("relation", "varchar"),
    Column("step", "varchar"),
    Column("source", "varchar"),
    Column("name", "varchar"),
    Column("value", "varchar"),
    Column("load_id", "varchar"),
    Column("loaded_at", _MOMENT),
)

#: How the lists of a table are unnested beside it, as JSON.
UNNESTED_COLUMNS = (Column("relation", "varchar"), Column("definition", "varchar"), Column("load_id", "varchar"))

#: One row for each effect; of a relation, the latest is of what stands there. No key is declared: on DuckDB it would make a row three times
#: as dear (2.4 instead of 0.8 ms of CPU; 2.0, November 2026), and the run lock keeps two runs from one relation.
APPLIED_COLUMNS = (
    Column("relation", "varchar"),
    Column("run_id", "varchar"),
    Column("node", "varchar"),
    Column("fingerprint", "varchar"),
    Column("rows", "bigint"),
    Column("applied_at", _MOMENT),
)


#: One row for each row that an API was sent, told apart by the fingerprint of its key: `state` is pending from before the request (whose key
#: is `request`) until it is answered, then sent; deleting from before it is
#: asked to be deleted. `delivery` is the node and a fingerprint of where it goes.
SENT_COLUMNS = (
    Column("relation", "varchar"),
    Column("delivery", "varchar"),
    Column("key_hash", "varchar"),
    Column("row_hash", "varchar"),
    Column("state", "varchar"),
    Column("request", "varchar"),
    Column("sent_at", _MOMENT),
)


#: The values of their keys, as JSON, of rows that were sent and are to be deleted there when they are gone here.
SENT_KEY_COLUMNS = (
    Column("relation", "varchar"),
    Column("delivery", "varchar"),
    Column("key_hash", "varchar"),
    Column("key_values", "varchar"),
)


#: What is known of a file that was loaded: its size, mtime and hash then.
Known = Mapping[str, tuple[int, int, str]]


def key_of(job: Job) -> str:
    """What is kept of a table is kept under: its name inside the database, which may be renamed or copied with all that it holds."""
    return relation_key(job.dialect, job.relation)


def relation_key(dialect: Dialect, relation: Relation) -> str:
    """The same of any relation."""
    return dialect.render(Relation(None, dialect.fold(relation.schema or "", True), dialect.fold(relation.identifier, True)))


def meta(job: Job, name: str) -> Relation:
    """A table of `eltflow_meta` in the database of the node's relation."""
    return table_of(job.dialect, job.relation.database, name)


def table_of(dialect: Dialect, database: str | None, name: str) -> Relation:
    """A table of `eltflow_meta` in a database."""
    return Relation(database, dialect.named(META), dialect.named(name))


def own_columns(dialect: Dialect, columns: Sequence[Column]) -> list[Column]:
    """Columns of our own tables, named as the engine takes them in the statements about them, with types that it has."""
    return [Column(dialect.named(c.name), dialect.keeps((c.type or "").upper()) or c.type) for c in columns]


def load_tables(dialect: Dialect, database: str | None) -> tuple[Statement, ...]:
    """The statements that make the tables for loads, if they are not there."""
    return (
        dialect.create_schema(database, dialect.named(META)),
        dialect.create_table(table_of(dialect, database, "file"), own_columns(dialect, FILE_COLUMNS)),
        dialect.create_table(table_of(dialect, database, "load"), own_columns(dialect, LOAD_COLUMNS)),
        dialect.create_table(table_of(dialect, database, "cursor"), own_columns(dialect, CURSOR_COLUMNS)),
    )


def unnested_table(dialect: Dialect, database: str | None) -> tuple[Statement, ...]:
    """The statements that make the table of how lists are unnested, if it is not there."""
    return (
        dialect.create_schema(database, dialect.named(META)),
        dialect.create_table(table_of(dialect, database, "unnested"), own_columns(dialect, UNNESTED_COLUMNS)),
    )


def sent_tables(dialect: Dialect, database: str | None) -> tuple[Statement, ...]:
    """The statements that make the table of what deliveries sent, if it is not there."""
    return (
        dialect.create_schema(database, dialect.named(META)),
        dialect.create_table(table_of(dialect, database, "sent"), own_columns(dialect, SENT_COLUMNS)),
    )


def sent_key_table(dialect: Dialect, database: str | None) -> Statement:
    """The statement that makes the table of the keys of what deliveries may delete, if it is not there."""
    return dialect.create_table(table_of(dialect, database, "sent_key"), own_columns(dialect, SENT_KEY_COLUMNS))


def applied_table(dialect: Dialect, database: str | None) -> tuple[Statement, ...]:
    """The statements that make the table of effects, if it is not there; that fail if rows may not be added; and that forget what later
    effects on the same relation have replaced."""
    table = table_of(dialect, database, "applied")
    name = dialect.render(table)
    return (
        dialect.create_schema(database, dialect.named(META)),
        dialect.create_table(table, own_columns(dialect, APPLIED_COLUMNS)),
        Statement(f"insert into {name} select * from {name} where false", role="dml"),
        Statement(
            f"delete from {name} where exists (select 1 from {name} as later"
            f" where later.relation = {name}.relation and later.applied_at > {name}.applied_at)",
            role="dml",
        ),
    )


def loaded_at(dialect: Dialect, relation: Relation) -> str:
    """The query for when an ingestion step last loaded rows into a relation."""
    table = dialect.render(table_of(dialect, relation.database, "load"))
    return f"select max(loaded_at) from {table} where relation = {dialect.literal(relation_key(dialect, relation))}"


def applied_by(dialect: Dialect, database: str | None, run_ids: Sequence[str]) -> Statement:
    """The query for the nodes whose effects these runs committed."""
    runs = ", ".join(dialect.literal(run_id) for run_id in run_ids)
    table = dialect.render(table_of(dialect, database, "applied"))
    return Statement(f"select distinct node from {table} where run_id in ({runs})", role="query")


def last_applied(dialect: Dialect, database: str | None) -> Statement:
    """The query for every relation that was ever recorded, with the node that made it last, that node's run and the time."""
    table = dialect.render(table_of(dialect, database, "applied"))
    later = f"select 1 from {table} as b where b.relation = a.relation and b.applied_at > a.applied_at"
    return Statement(
        f"select a.relation, a.node, a.run_id, a.applied_at from {table} as a where not exists ({later})", role="query"
    )


def recorded(job: Job, body: Program) -> Program:
    """The body, and a row in `eltflow_meta.applied` that says so: the transaction that is open commits both, or neither."""
    outcome = yield from body
    if job.run_id is not None:
        yield _record(job, outcome)
    return outcome


def _record(job: Job, outcome: Outcome) -> Statement:
    dialect, node = job.dialect, job.node
    values = (key_of(job), job.run_id, node.unique_id, applied_fingerprint(job), outcome.rows)
    written = ", ".join(dialect.literal(value) for value in values)
    return Statement(f"insert into {dialect.render(meta(job, 'applied'))} values ({written}, {dialect.clock})", role="dml")


def applied_fingerprint(job: Job) -> str:
    """A fingerprint of what makes the relation: its SQL as it was sent, or the file that a seed or a step is written in, and its
    configuration."""
    sql = job.compiled.sql if job.compiled is not None else ""
    config = json.dumps(job.config, sort_keys=True, default=str)
    return fingerprint(job.node.materialized, sql or job.node.checksum, config)


def applied_alike(job: Job) -> Steps[bool]:
    """Whether what stands at the relation was made, as its record says, of the same SQL and configuration. Without a record it is not
    known, and False."""
    if job.run_id is None:
        return False
    where = f"relation = {job.dialect.literal(key_of(job))} order by applied_at desc limit 1"
    found = yield Statement(f"select fingerprint from {job.dialect.render(meta(job, 'applied'))} where {where}", role="query")
    return bool(found.rows) and found.rows[0][0] == applied_fingerprint(job)


def loaded_files(job: Job) -> Steps[Known]:
    """What was loaded before: path → (size, mtime, hash)."""
    dialect = job.dialect
    key = dialect.literal(key_of(job))
    result = yield Statement(
        f"select path, size, mtime_ns, hash from {dialect.render(meta(job, 'file'))} where relation = {key}", role="query"
    )
    return {str(path): (size, mtime, digest) for path, size, mtime, digest in result.rows}


def forgotten(job: Job, paths: Sequence[str] | None = None) -> Statement:
    """Delete what is written down of a table's files: of all, or of these paths."""
    literal = job.dialect.literal
    only = "" if paths is None else f" and path in ({', '.join(map(literal, paths))})"
    return Statement(
        f"delete from {job.dialect.render(meta(job, 'file'))} where relation = {literal(key_of(job))}{only}", role="dml"
    )


def record_load(job: Job, files: Sequence[FileInfo], rows: int | None, *, forget: Sequence[str] | None) -> Steps[None]:
    """Write what was loaded, in the transaction that is open; in place of what was written of the paths in `forget` (None: of all, and
    of the cursor)."""
    dialect, literal = job.dialect, job.dialect.literal
    key, count = key_of(job), len(files)
    if not dialect.capabilities.transactions:  # of its loads, each in place of the one before, nothing is ever asked
        files, forget = (), ()
    if forget is None or forget:
        yield forgotten(job, forget)
    if forget is None and dialect.capabilities.transactional_ddl:  # others have no loads by a cursor
        yield _without_cursor(job)
    values = []
    for file in files:
        # Only a step that adds to its table ever asks whether a file is the one that it loaded.
        adds = job.node.ingest is not None and job.node.ingest.load != "replace"
        digest = job.digest(file) if job.digest is not None and adds else ""
        values.append(f"({', '.join(literal(v) for v in (key, file.name, file.size, file.mtime, digest, job.run))})")
    if values:
        yield Statement(f"insert into {dialect.render(meta(job, 'file'))} values {', '.join(values)}", role="dml")
    written = ", ".join(literal(v) for v in (job.run, key, job.node.unique_id, count, rows))
    yield Statement(f"insert into {dialect.render(meta(job, 'load'))} values ({written}, {dialect.clock})", role="dml")


def loaded_up_to(job: Job, name: str) -> Steps[tuple[str, str] | None]:
    """The value, as text, up to which a cursor's rows are loaded, and what they were read from; None if none are."""
    where = f"relation = {job.dialect.literal(key_of(job))} and name = {job.dialect.literal(name)}"
    found = yield Statement(f"select value, source from {job.dialect.render(meta(job, 'cursor'))} where {where}", role="query")
    return (str(found.rows[0][0]), str(found.rows[0][1])) if found.rows else None


def record_cursor(job: Job, source: str, name: str, value: str | None) -> Steps[None]:
    """Write down up to where a cursor's rows are loaded from a source, in the transaction that is open."""
    dialect, literal = job.dialect, job.dialect.literal
    if not dialect.capabilities.transactions:  # no load begins at one
        return
    yield _without_cursor(job)
    if value is not None:
        values = ", ".join(literal(v) for v in (key_of(job), job.node.unique_id, source, name, value, job.run))
        yield Statement(f"insert into {dialect.render(meta(job, 'cursor'))} values ({values}, {dialect.clock})", role="dml")


def _without_cursor(job: Job) -> Statement:
    """Delete what is written down of a table's cursor."""
    key = job.dialect.literal(key_of(job))
    return Statement(f"delete from {job.dialect.render(meta(job, 'cursor'))} where relation = {key}", role="dml")
