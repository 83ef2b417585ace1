"""Ingestion steps of tables and queries of other databases: the rows, and up to where they are loaded, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eltflow.base.names import did_you_mean, listed
from eltflow.base.records import dataclass, replace
from eltflow.compile.materialize.cursor import bounds, since, valued
from eltflow.compile.materialize.delta import cursor_of, matched_by, settle, stage
from eltflow.compile.materialize.hashed import check_hashing, hashed
from eltflow.compile.materialize.history import dated, keeps_history, of_source
from eltflow.compile.materialize.meta import loaded_up_to, record_cursor, record_load
from eltflow.compile.materialize.quarantine import put_aside, without_bad_rows
from eltflow.compile.materialize.relation import build_table, built, landing, put_back, set_aside
from eltflow.compile.materialize.retyped import (
    alters,
    cast_back,
    check_retyping,
    retyped,
    staged_columns,
    told,
    widened,
)
from eltflow.compile.materialize.shapes import Fit, added_column, again, fit, key_of_column
from eltflow.compile.materialize.upto import appended, check_loaded, put_rows, reached
from eltflow.compile.program import FileInfo, Job, Outcome, Program, ProgramError, Steps
from eltflow.project.config import as_list
from eltflow.project.nodes import given_types
from eltflow.transfer import Kept, Since, Source, Spooled
from eltflow.warehouse.values import CatalogColumn, CatalogTable, Column


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What is read: the columns with their names in the table, how they go into it, and the cursor's column, if the step has one."""

    columns: Sequence[tuple[Kept, str]]
    found: Fit
    cursor: Kept | None
    told: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        return [name for _, name in self.columns]


def load_tables(job: Job) -> Program:
    """A step's table or query into its table: in its place, or what is new."""
    info = job.node.ingest
    assert info is not None
    if not job.dialect.capabilities.transactional_ddl:
        message = f"steps that read databases need an engine whose DDL takes part in transactions, unlike {job.dialect.name}'s"
        raise ProgramError(message, "load into DuckDB, PostgreSQL or SQLite")
    if info.load == "append" and not job.dialect.capabilities.except_all:
        message = f"{job.dialect.name} has no EXCEPT ALL, by which rows that are there are told from new ones"
        raise ProgramError(message, "set `load: merge` with a `unique_key`, or `replace`")
    check_hashing(job)
    check_retyping(job)
    if job.tables is None:
        return Outcome(kind="load")  # nothing is read in a dry run
    return (yield from without_bad_rows(job, _load, _new))


def _adds(job: Job) -> bool:
    """Whether the load adds to a table that stands."""
    assert job.node.ingest is not None
    adds = job.node.ingest.load != "replace" and (not job.full_refresh or keeps_history(job))
    return adds and job.existing is not None and job.existing.kind == "table"


def _load(job: Job) -> Program:
    if _adds(job):
        return (yield from built(job, _delta(job)))
    check_loaded(job)
    return (yield from built(job, _whole(job)))


def _new(job: Job) -> Steps[tuple[Sequence[FileInfo], str, Mapping[str, Any], Mapping[str, str]]]:
    """The rows that are to come into the table, in a file; and what there is to know of them."""
    assert job.tables is not None and job.sieve is not None and job.node.ingest is not None
    plan = _planned(job, of_source(job) if _adds(job) else None)
    limit = (yield from _limited(job, plan))[1] if _adds(job) else _first(job, plan.cursor)
    source = hashed(job, job.tables.rows(plan.columns, limit, lenient=True))
    called = {name: kept.name for kept, name in plan.columns}
    columns = [(called[field.name], field.type) for field in source.fields]
    declared = {called[name]: type for name, type in given_types(job.node).items() if name in called}
    return [job.sieve.spooled(source, job.tables.where)], "rows", {"columns": columns, **_told_apart(job, plan)}, declared


def _told_apart(job: Job, plan: _Plan) -> Mapping[str, Sequence[str]]:
    """By which columns of the source one row for each key is left, and which says what is the latest; nothing where several may stay."""
    assert job.node.ingest is not None
    step = job.node.ingest.step
    if job.node.ingest.load not in ("merge", "history"):
        return {}
    called = {key_of_column(job, name): kept.name for kept, name in plan.columns}
    names = [key_of_column(job, str(name)) for name in as_list(step.get("unique_key"))]
    key = [called[name] for name in names if name in called]  # of one that is not there, the load has told
    return {"key": key if len(key) == len(names) else [], "cursor": [plan.cursor.name] if plan.cursor is not None else []}


def inspect_tables(job: Job) -> tuple[Sequence[tuple[Kept, str]], Sequence[str], Source]:
    """The columns that the step reads with their names in a table made now; what people should know of them; and the rows."""
    assert job.tables is not None
    plan = _planned(job, None)
    return plan.columns, plan.told, _rows(job, plan, _first(job, plan.cursor))


def _rows(job: Job, plan: _Plan, limit: Since | None) -> Source:
    assert job.tables is not None
    source = hashed(job, job.tables.rows(plan.columns, limit))
    for path in job.sifted.values():  # of the one file that the rows were in
        return Spooled(source.fields, path)
    return source


def _planned(job: Job, table: Sequence[CatalogColumn] | None) -> _Plan:
    assert job.tables is not None and job.node.ingest is not None
    kept = list(job.tables.columns())
    _check_names(job, [k.name for k in kept])
    found = fit(job, [(job.tables.where, [Column(k.name, k.type) for k in kept])], table)
    by_name = {k.name: k for k in kept}
    texts = job.node.ingest.step.get("hash") or {}
    columns = [
        (replace(by_name[source], type="VARCHAR", note=None) if source in texts else by_name[source], name)
        for source, name in found.chosen
    ]
    declared = given_types(job.node)
    notes = tuple(k.note for k, name in columns if k.note is not None and name not in declared)
    return _Plan(columns=columns, found=found, cursor=_cursor(job, columns), told=(*notes, *found.notes))


def _check_names(job: Job, names: Sequence[str]) -> None:
    """Raise ProgramError for a name that several columns of a query have."""
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled is not None:
        assert job.tables is not None
        raise ProgramError(f"{job.tables.where} gives several columns named `{doubled}`", "give each a name of its own with `as`")


def _cursor(job: Job, columns: Sequence[tuple[Kept, str]]) -> Kept | None:
    """The cursor's column in the source. Raises ProgramError if there is none of that name."""
    assert job.node.ingest is not None and job.tables is not None
    named = (job.node.ingest.step.get("cursor") or {}).get("column")
    if named is None:
        return None
    found = next(((k, name) for k, name in columns if key_of_column(job, name) == key_of_column(job, str(named))), None)
    if found is None:
        names = [name for _, name in columns]
        help = did_you_mean(str(named), names) or f"there are: {listed(names, 8)}"
        raise ProgramError(f"{job.tables.where} has no column `{named}`, which is the cursor", help, place=("cursor", "column"))
    _check_ordered(job, found[0], found[1])
    return found[0]


def _check_ordered(job: Job, cursor: Kept, name: str) -> None:
    """Raise ProgramError for a cursor whose values have another order in the table than in the source: 9 is behind 10 as text."""
    declared = {key_of_column(job, column): type for column, type in given_types(job.node).items()}.get(key_of_column(job, name))
    wanted = job.dialect.keeps(cursor.type)
    if cursor.note is not None:
        help = "name a column of another type, or give this one its own: with `query:`, as in `select cast(n as bigint) as n, ...`"
        raise ProgramError(f"{cursor.note}, and so cannot be the cursor", help, place=("cursor", "column"))
    if cursor.unordered is not None:
        help = "name a column of numbers, days or points in time, or leave the cursor out with `load: merge`"
        raise ProgramError(cursor.unordered, help, place=("cursor", "column"))
    if declared is not None and wanted is not None and not job.dialect.holds(declared.lower(), wanted.lower()):
        message = f"the cursor `{name}` is {wanted} in the source, and {declared} by its configuration: its values would go in another order"
        raise ProgramError(message, "leave it the type that it has", place=("cursor", "column"))


def _whole(job: Job) -> Program:
    assert job.tables is not None and job.node.ingest is not None
    plan = _planned(job, None)
    rows = _rows(job, plan, _first(job, plan.cursor))
    outcome = yield from build_table(job, rows)
    names = [landing(job, name) for name in plan.names]
    count = outcome.rows
    if job.node.ingest.load in ("merge", "delete+insert", "history"):
        gone = yield from settle(job, job.relation, matched_by(job, names), cursor_of(job, names))
        count = count - gone if count is not None else None
        if keeps_history(job):
            yield from dated(job, names)
    bad = yield from put_aside(job, None)
    yield from record_load(job, [], count, forget=None)
    if plan.cursor is not None:
        top = yield from reached(job, job.relation, names, plan.cursor)
        yield from record_cursor(job, job.tables.where, plan.cursor.name, top)
    return replace(outcome, kind="load", rows=count, told=plan.told, quarantined=bad)


def _first(job: Job, cursor: Kept | None) -> Since | None:
    """Where the first load begins."""
    assert job.node.ingest is not None
    initial = (job.node.ingest.step.get("cursor") or {}).get("initial")
    if cursor is None or initial is None:
        return None
    return Since(cursor.name, cursor.type, valued(str(initial), cursor.type, cursor.name, ("cursor", "initial")))


def _delta(job: Job) -> Program:
    assert job.tables is not None and job.node.ingest is not None and job.existing is not None
    plan = _planned(job, of_source(job))
    changed = retyped(job, plan.columns, plan.cursor)
    before, limit = yield from _limited(job, plan)
    aside = (yield from set_aside(job)) if alters(job, changed) else ()
    columns = yield from widened(job, changed, (yield from _grown(job, plan)))
    names = plan.names
    staged = yield from stage(job, _rows(job, plan, limit), names, staged_columns(job, changed, columns))
    yield from cast_back(job, changed, staged)
    top = before
    if plan.cursor is not None:
        top = yield from reached(job, staged, names, plan.cursor)
        top = before if job.backfill is not None else _onward(job, plan.cursor, before, top)
    if job.node.ingest.load == "append":
        assert plan.cursor is not None
        written, gone = (yield from appended(job, staged, names, plan.cursor, limit)), None
        yield job.dialect.drop(staged)
    else:
        written, gone = yield from put_rows(job, staged, names)
    if plan.cursor is not None:
        yield from record_cursor(job, job.tables.where, plan.cursor.name, top)
    bad = yield from put_aside(job, ())
    yield from record_load(job, [], written, forget=())
    made = CatalogTable(job.relation, "table", tuple(columns))
    outcome = Outcome(
        kind="load", rows=written, changed=gone, made=(made,), told=(*plan.told, *told(job, changed)), quarantined=bad
    )
    return (yield from put_back(job, aside, outcome))


def _limited(job: Job, plan: _Plan) -> Steps[tuple[str | None, Since | None]]:
    """Up to where rows are loaded, and from where on they are read, into a table that stands."""
    assert job.node.ingest is not None
    cursor, limit = plan.cursor, _first(job, plan.cursor)
    if cursor is None:
        return None, limit
    before = yield from _loaded(job, cursor)
    if job.backfill is not None:
        limit = Since(cursor.name, cursor.type, *bounds(job, cursor.name, cursor.type))
    elif before is not None and not job.full_refresh:
        value = valued(before, cursor.type, cursor.name)
        limit = since(cursor.name, cursor.type, value, job.node.ingest.step["cursor"].get("lookback"))
    return before, limit


def _loaded(job: Job, cursor: Kept) -> Steps[str | None]:
    """Up to where rows are loaded, as text. Raises ProgramError if they came from elsewhere: what is there before that would never come."""
    assert job.tables is not None
    found = yield from loaded_up_to(job, cursor.name)
    if found is None:
        return None
    value, source = found
    if source != job.tables.where:
        message = f"{job.relation} is loaded up to `{cursor.name}` {value} from {source}, and the step reads {job.tables.where} now"
        raise ProgramError(message, again(job), place=("source",))
    return value


def _grown(job: Job, plan: _Plan) -> Steps[list[CatalogColumn]]:
    """The table's columns, once it has got those that are new to it."""
    assert job.existing is not None
    columns, declared = list(job.existing.columns), given_types(job.node)
    for kept, name in plan.columns:
        if kept.name in plan.found.added:
            column = added_column(job, landing(job, name), kept.type, declared.get(name))
            yield job.dialect.add_column(job.relation, Column(column.name, column.type))
            columns.append(column)
    return columns


def _onward(job: Job, cursor: Kept, before: str | None, top: str | None) -> str | None:
    """Up to where rows are loaded now. Raises ProgramError if the source has fallen back behind what was loaded."""
    assert job.tables is not None
    if before is None:
        return top
    value = valued(before, cursor.type, cursor.name)
    if top is not None and valued(top, cursor.type, cursor.name) >= value:
        return top
    highest = job.tables.highest(cursor)
    if highest is None or valued(highest, cursor.type, cursor.name) < value:
        now = "has no rows any more" if highest is None else f"goes to {highest} now"
        raise ProgramError(
            f"the cursor `{cursor.name}` goes backwards: {job.tables.where} {now}, and was loaded up to {before}",
            f"see whether the source was put back to an earlier state; then {again(job)}",
            place=("cursor", "column"),
        )
    return before
