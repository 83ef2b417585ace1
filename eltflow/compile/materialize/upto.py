"""Up to where a table is loaded by a cursor: found in new rows, and used to leave out those that came before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eltflow.compile.materialize.cursor import bounds, name_of, valued
from eltflow.compile.materialize.delta import bring_in, cursor_of, matched_by, put, stage
from eltflow.compile.materialize.history import keeps_history, put_versions
from eltflow.compile.materialize.meta import loaded_up_to, record_cursor
from eltflow.compile.materialize.relation import Rows
from eltflow.compile.materialize.unnested import put_in
from eltflow.compile.program import Job, ProgramError, Steps
from eltflow.transfer import Kept, Since
from eltflow.warehouse.values import CatalogColumn, Relation, Statement


def reached(job: Job, relation: Relation, names: Sequence[str], cursor: Kept) -> Steps[str | None]:
    """The highest value of the cursor among new rows, as text. Raises ProgramError for a row that has none: no load would find it."""
    dialect, table = job.dialect, job.dialect.render(relation)
    name = cursor_of(job, names)
    assert name is not None
    column, text = dialect.quote(name), dialect.keeps("VARCHAR")
    highest = f"cast(max({_ordered(job, column, cursor)}) as {text})"
    found = yield Statement(f"select count(*) - count({column}), {highest} from {table}", role="query")
    missing, top = found.rows[0]
    if missing:
        rows = "1 row of the source has" if missing == 1 else f"{missing:,} rows of the source have"
        assert job.node.ingest is not None
        help = "correct the source" + (", or leave such rows out with `query:`" if job.node.ingest.source["kind"] == "sql" else "")
        raise ProgramError(f"{rows} no value in the cursor `{name}`", help, place=("cursor", "column"))
    if top is not None:
        valued(str(top), cursor.type, cursor.name)
    return None if top is None else str(top)


def _ordered(job: Job, column: str, cursor: Kept) -> str:
    """The cursor's column of the table, in the order that its values have in the source too."""
    return job.dialect.by_bytes(column) if cursor.type == "VARCHAR" else column


def appended(job: Job, staged: Relation, names: Sequence[str], cursor: Kept, limit: Since | None) -> Steps[int | None]:
    """Add the staged rows but those that are in the table already: what is read begins with the last that was loaded."""
    dialect, name = job.dialect, cursor_of(job, names)
    assert name is not None
    late = ""
    if limit is not None:
        late = f" where {_ordered(job, dialect.quote(name), cursor)} >= {dialect.literal(limit.value)}"
    columns = dialect.columns(names)
    there = f"select {columns} from {dialect.render(job.relation)}{late}"
    fresh = f"select {columns} from {dialect.render(staged)}{late}\nexcept all\n{there}"
    yield from put_in(job, f"(\n{fresh}\n)", names)
    result = yield dialect.insert_select(job.relation, names, fresh)
    return result.affected


def arrived(job: Job, rows: Rows, names: Sequence[str], columns: Sequence[CatalogColumn]) -> Steps[tuple[int | None, int | None]]:
    """Bring rows into the table that stands; of fetched records, write down up to where it is loaded. Gives (rows written, rows that they
    replaced)."""
    assert job.node.ingest is not None
    if job.node.ingest.load == "append" and cursor_of(job, names) is None:
        yield from token_moved(job)
        return (yield from bring_in(job, rows, names, columns))
    matched_by(job, names)
    staged = yield from stage(job, rows, names, columns)
    cursor, value = yield from arrived_up_to(job, staged, names)
    if job.node.ingest.load != "append":
        return (yield from put_rows(job, staged, names))
    limit = None if job.since is None else Since(cursor.name, cursor.type, value)
    written = yield from appended(job, staged, names, cursor, limit)
    yield job.dialect.drop(staged)
    return written, None


def check_loaded(job: Job) -> None:
    """Raise ProgramError for a backfill of a table that is not loaded yet."""
    if job.backfill is not None:
        help = f"load it first: eltflow ingest --select {job.node.name}"
        raise ProgramError(f"{job.relation} is not loaded yet, and so nothing is missing in it", help)


def put_rows(job: Job, staged: Relation, names: Sequence[str]) -> Steps[tuple[int | None, int | None]]:
    """Staged rows into the table that stands, in place of what they are matched with, or as the versions that hold from now on. Gives (rows
    written, rows that they replaced or ended)."""
    return (yield from (put_versions if keeps_history(job) else put)(job, staged, names))


def arrived_up_to(job: Job, relation: Relation, names: Sequence[str]) -> Steps[tuple[Kept, Any]]:
    """Write down up to where the table is loaded with the records in a relation. Gives the cursor's column, and the value up to which it
    was loaded before. Raises ProgramError if that is another one than when they were fetched."""
    assert job.node.ingest is not None
    name = cursor_of(job, names)
    told = str((job.node.ingest.step.get("cursor") or {}).get("column"))
    if name is None or job.records is None:
        yield from token_moved(job)
        return Kept("", "", ""), None
    described = yield job.dialect.describe(f"select {job.dialect.quote(name)} from {job.dialect.render(relation)}")
    cursor = Kept(told, job.dialect.reads_as(str(described.columns[0].type)), name)
    before = yield from _as_fetched(job, told)
    if job.backfill is not None:
        yield from _only(job, relation, cursor, bounds(job, told, cursor.type))
    top = yield from reached(job, relation, names, cursor)
    value = None if before is None else valued(before, cursor.type, told)
    if job.backfill is not None or top is None or (value is not None and valued(top, cursor.type, told) < value):
        top = before
    yield from record_cursor(job, job.records.where, told, top)
    return cursor, value


def _only(job: Job, relation: Relation, cursor: Kept, within: tuple[Any, Any]) -> Steps[None]:
    """Delete the rows whose cursor is not between the bounds: the other side may not know them."""
    dialect = job.dialect
    column = _ordered(job, dialect.quote(cursor.expression), cursor)
    first, end = map(dialect.literal, within)
    yield Statement(f"delete from {dialect.render(relation)} where {column} < {first} or {column} >= {end}", role="dml")


def token_moved(job: Job) -> Steps[None]:
    """Write down where the next load goes on, if that is a token, and what was fetched told one. Raises ProgramError where it was fetched
    from elsewhere than the table is loaded up to now."""
    assert job.node.ingest is not None
    cursor = job.node.ingest.step.get("cursor") or {}
    if "token" not in cursor or job.records is None:
        return
    name = name_of(cursor)
    before = yield from _as_fetched(job, name)
    yield from record_cursor(job, job.records.where, name, job.records.token or before)


def _as_fetched(job: Job, name: str) -> Steps[str | None]:
    """Up to where the table is loaded. Raises ProgramError if that is not where the records were fetched from."""
    found = yield from loaded_up_to(job, name)
    before = found[0] if found is not None else None
    if before != job.since:
        raise ProgramError("another run has loaded the table meanwhile", "run it again")
    return before
