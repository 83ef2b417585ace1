"""A delta into a table that stands: appended, merged by key, or in place of the partitions that it touches."""

from __future__ import annotations

from collections.abc import Sequence

from eltflow.base.names import did_you_mean, listed
from eltflow.compile.materialize.incremental import as_columns
from eltflow.compile.materialize.relation import Rows
from eltflow.compile.materialize.unnested import needs_staging, put_in, taken_out
from eltflow.compile.program import Job, ProgramError, Steps
from eltflow.project.config import as_list
from eltflow.warehouse.values import CatalogColumn, Column, Relation, Statement


def bring_in(job: Job, rows: Rows, names: Sequence[str], columns: Sequence[CatalogColumn]) -> Steps[tuple[int | None, int | None]]:
    """Bring rows, whose columns are `names` of the table's `columns`, into the table as the step's `load` says, in the transaction that
    is open. Gives (rows written, rows that they replaced)."""
    assert job.node.ingest is not None
    if job.node.ingest.load == "append" and not needs_staging(job):
        return (yield from add(job, job.relation, rows, names)), None
    if job.node.ingest.load == "append":
        staged = yield from stage(job, rows, names, columns)
        yield from put_in(job, job.dialect.render(staged), names)
        inserted = yield job.dialect.insert_from(job.relation, names, staged)
        yield job.dialect.drop(staged)
        return inserted.affected, None
    matched_by(job, names)
    staged = yield from stage(job, rows, names, columns)
    return (yield from put(job, staged, names))


def put(job: Job, staged: Relation, names: Sequence[str]) -> Steps[tuple[int | None, int | None]]:
    """Put staged rows in place of those that they are matched with. Gives (rows written, rows that they replaced)."""
    assert job.node.ingest is not None
    by = matched_by(job, names)
    cursor = cursor_of(job, names)
    yield from settle(job, staged, by, cursor)
    if cursor is not None and job.node.ingest.load == "merge":
        yield without_older(job, staged, by, cursor)
    yield from taken_out(job, staged)
    yield from put_in(job, job.dialect.render(staged), names)
    deleted = yield job.dialect.delete_matching(job.relation, staged, by)
    inserted = yield job.dialect.insert_from(job.relation, names, staged)
    yield job.dialect.drop(staged)
    return inserted.affected, deleted.affected


def add(job: Job, relation: Relation, rows: Rows, names: Sequence[str]) -> Steps[int | None]:
    """Add rows to a relation; gives their number."""
    if isinstance(rows, str):
        source = f"select {job.dialect.columns(names)} from (\n{rows}\n) as eltflow_new"
        result = yield job.dialect.insert_select(relation, names, source)
    else:
        result = yield job.dialect.load(relation, names, rows)
    return result.affected


def stage(job: Job, rows: Rows, names: Sequence[str], columns: Sequence[CatalogColumn]) -> Steps[Relation]:
    """A table of this step's own with the rows, in the types of the table that they are for."""
    staged = job.dialect.staging(job.temporary())
    if isinstance(rows, str):
        yield job.dialect.create_temporary_as(staged, rows)
    else:
        types = {c.name: c.type for c in columns}
        yield job.dialect.create_temporary(staged, [Column(name, types[name]) for name in names])
        yield job.dialect.load(staged, names, rows)
    return staged


def matched_by(job: Job, names: Sequence[str]) -> list[str]:
    """The columns by which new rows take the place of old ones, as the table spells them: the step's `unique_key`, or what it is
    partitioned by. Raises ProgramError for one that the load does not have."""
    assert job.node.ingest is not None
    key = _key(job)
    return [_column(job, names, key, name) for name in map(str, as_list(job.node.ingest.step.get(key)))]


def matched_columns(job: Job) -> list[str]:
    """The columns by which the step's new rows take the place of old ones, as the step names them."""
    assert job.node.ingest is not None
    step = job.node.ingest.step
    return [str(name) for key in ("unique_key", "partition_by") for name in as_list(step.get(key))]


def _key(job: Job) -> str:
    assert job.node.ingest is not None
    return "partition_by" if job.node.ingest.load == "delete+insert" else "unique_key"


def _column(job: Job, names: Sequence[str], key: str, name: str) -> str:
    """A column that the step names, as the table spells it."""
    found = as_columns(job, [name], [Column(n) for n in names])[0]
    if found not in names and not job.dry:
        help = did_you_mean(name, names) or f"there are: {listed(names, 8)}"
        raise ProgramError(f"`{key}` names the column `{name}`, which the load does not have", help, config=(key, name))
    return found


def cursor_of(job: Job, names: Sequence[str]) -> str | None:
    """The column that says which of two rows is the later, as the table spells it; None where the step has none."""
    assert job.node.ingest is not None
    name = (job.node.ingest.step.get("cursor") or {}).get("column")
    return None if name is None else _column(job, names, "cursor", str(name))


def settle(job: Job, relation: Relation, by: Sequence[str], cursor: str | None) -> Steps[int]:
    """See that every row has what it is matched by, and leave one row for each key of a merge: that with the highest cursor, then the
    one that came last. Gives the number of rows that gave way. Raises ProgramError where it cannot be told."""
    assert job.node.ingest is not None
    dialect, table = job.dialect, job.dialect.render(relation)
    empty = " or ".join(f"{dialect.quote(name)} is null" for name in by)
    found = yield Statement(f"select count(*) from {table} where {empty}", role="query")
    if found.rows and found.rows[0][0] and not job.dry:
        count, what = found.rows[0][0], listed([f"`{name}`" for name in by], 8)
        raise ProgramError(
            f"{count:,} new row{'s have' if count != 1 else ' has'} no value in {what}, by which rows are matched",
            f"correct the source, or name columns in `{_key(job)}` that every row has a value in",
        )
    if _key(job) != "unique_key":
        return 0
    doubled = yield Statement(f"select 1 from {table} group by {dialect.columns(by)} having count(*) > 1 limit 1", role="query")
    if not doubled.rows and not job.dry:
        return 0
    return (yield from _one_for_each(job, relation, by, cursor))


def _one_for_each(job: Job, relation: Relation, by: Sequence[str], cursor: str | None) -> Steps[int]:
    dialect, table = job.dialect, job.dialect.render(relation)
    assert job.node.ingest is not None
    latest = [f"{dialect.quote(cursor)} desc nulls last"] if cursor is not None else []
    ordered = dialect.row_id is not None and job.node.ingest.source.get("kind") != "sql"
    if ordered and dialect.keeps_order is not None:
        told = yield dialect.keeps_order
        ordered = job.dry or bool(told.rows and told.rows[0][0])
    if not ordered:
        yield from _check_decided(job, relation, by, latest)
        assert cursor is not None or job.dry
        later = f"select 1 from {table} as eltflow_later where {_later(job, by, cursor or by[0])}"
        statement = f"delete from {table} as eltflow_old where exists (\n  {later}\n)"
        gone = yield Statement(statement, role="dml")
        return gone.affected or 0
    order = ", ".join([*latest, f"{dialect.row_id} desc"])
    place = f"row_number() over (partition by {dialect.columns(by)} order by {order})"
    inner = f"select {dialect.row_id} as eltflow_id, {place} as eltflow_place from {table}"
    losers = f"select eltflow_id from ({inner}) as eltflow_rows where eltflow_place > 1"
    gone = yield Statement(f"delete from {table} where {dialect.row_id} in ({losers})", role="dml")
    return gone.affected or 0


def _later(job: Job, by: Sequence[str], cursor: str, *, later: str = "eltflow_later", old: str = "eltflow_old") -> str:
    """That `later` has the key of `old`, and a higher cursor."""
    quote = job.dialect.quote
    same = " and ".join(f"{later}.{quote(k)} = {old}.{quote(k)}" for k in by)
    new, before = f"{later}.{quote(cursor)}", f"{old}.{quote(cursor)}"
    return f"{same} and ({new} > {before} or ({before} is null and {new} is not null))"


def _check_decided(job: Job, relation: Relation, by: Sequence[str], latest: Sequence[str]) -> Steps[None]:
    """Raise ProgramError where two rows of one key have the same cursor, or there is none, and nothing else tells which is the later."""
    dialect, table = job.dialect, job.dialect.render(relation)
    order = f" order by {', '.join(latest)}" if latest else ""
    keys = dialect.columns(by)
    ranked = f"select {keys}, rank() over (partition by {keys}{order}) as eltflow_place from {table}"
    found = yield Statement(
        f"select {keys} from ({ranked}) as eltflow_rows where eltflow_place = 1 group by {keys} having count(*) > 1 limit 1",
        role="query",
    )
    if found.rows and not job.dry:
        values = ", ".join(f"`{name}` holds `{value}`" for name, value in zip(by, found.rows[0], strict=True))
        raise ProgramError(
            f"several new rows have one key ({values}), and nothing tells which of them is the latest",
            "name a column that tells with `cursor: {column: ...}`, or more columns in `unique_key:`",
        )


def without_older(job: Job, staged: Relation, by: Sequence[str], cursor: str) -> Statement:
    """Take out new rows that are older, by the cursor, than the table's row of their key: what is there came after them."""
    dialect = job.dialect
    later = _later(job, by, cursor, later="eltflow_there", old="eltflow_new")
    return Statement(
        f"delete from {dialect.render(staged)} as eltflow_new where exists (\n"
        f"  select 1 from {dialect.render(job.relation)} as eltflow_there\n  where {later}\n)",
        role="dml",
    )
