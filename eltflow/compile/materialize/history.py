"""History: a row for each version of what a key stands for, with the times between which it held (slowly changing, type 2).

A version begins when the cursor says that it does, where that is a day or a point in time, and else when it was loaded; one that holds
has no end.
"""

from __future__ import annotations

from collections.abc import Sequence

from eltflow.base.records import replace
from eltflow.compile.materialize.delta import cursor_of, matched_by, settle, without_older
from eltflow.compile.materialize.unnested import put_in
from eltflow.compile.program import Job, ProgramError, Steps
from eltflow.project.steps import VERSIONS
from eltflow.warehouse.values import CatalogColumn, Column, Relation, Statement

FROM, TO = VERSIONS
MOMENT = "TIMESTAMP WITH TIME ZONE"
_MOMENTS = (MOMENT, "TIMESTAMP", "DATE")


def keeps_history(job: Job) -> bool:
    """Whether the step keeps versions."""
    return job.node.ingest is not None and job.node.ingest.load == "history"


def of_source(job: Job) -> Sequence[CatalogColumn]:
    """The columns of the table that stands which the source gives. Raises ProgramError for a table that has no versions."""
    assert job.existing is not None
    columns = job.existing.columns
    if not keeps_history(job):
        return columns
    own = {job.dialect.fold(name, True) for name in (FROM, TO)}
    there = {job.dialect.fold(c.name, True) for c in columns}
    if not own <= there and not job.dry:
        message = f"{job.relation} has no columns `{FROM}` and `{TO}`: it was not loaded as a history"
        raise ProgramError(message, "load into another table with `into:`, or drop this one", place=("load",))
    return [c for c in columns if job.dialect.fold(c.name, True) not in own]


def dated(job: Job, names: Sequence[str]) -> Steps[None]:
    """The first versions: the rows of a table that was just made get their times."""
    dialect, table = job.dialect, job.dialect.render(job.relation)
    kind = dialect.keeps(MOMENT) or MOMENT
    begin = yield from _begin(job, job.relation, names)
    for name in (FROM, TO):
        yield dialect.add_column(job.relation, Column(dialect.named(name), kind))
    yield Statement(f"update {table} set {_quoted(job, FROM)} = {begin}", role="dml")


def put_versions(job: Job, staged: Relation, names: Sequence[str]) -> Steps[tuple[int | None, int | None]]:
    """What is new among staged rows as versions that hold from now on, in place of those that held. Where the source was read whole, what
    is not in it any more has ended. Gives (versions written, versions that ended)."""
    assert job.node.ingest is not None
    dialect, quote = job.dialect, job.dialect.quote
    by, cursor = matched_by(job, names), cursor_of(job, names)
    yield from settle(job, staged, by, cursor)
    if cursor is not None:
        yield without_older(job, staged, by, cursor)
    yield from put_in(job, dialect.render(staged), names)
    table, new = dialect.render(job.relation), dialect.render(staged)
    holds = f"eltflow_old.{_quoted(job, TO)} is null"
    same = " and ".join(f"eltflow_new.{quote(k)} = eltflow_old.{quote(k)}" for k in by)
    begin = yield from _begin(job, staged, names, "eltflow_new.")
    gone = 0
    if _whole(job):
        ended = yield Statement(
            f"update {table} as eltflow_old set {_quoted(job, TO)} = {dialect.clock}\n"
            f"where {holds} and not exists (select 1 from {new} as eltflow_new where {same})",
            role="dml",
        )
        gone += ended.affected or 0
    told = [n for n in names if n not in by and n != cursor]
    alike = "".join(f" and eltflow_new.{quote(n)} is not distinct from eltflow_old.{quote(n)}" for n in told)
    yield Statement(
        f"delete from {new} as eltflow_new where exists (\n"
        f"  select 1 from {table} as eltflow_old where {holds} and {same}{alike}\n)",
        role="dml",
    )
    ended = yield Statement(
        f"update {table} as eltflow_old set {_quoted(job, TO)} = (select min({begin}) from {new} as eltflow_new where {same})\n"
        f"where {holds} and exists (select 1 from {new} as eltflow_new where {same})",
        role="dml",
    )
    columns = [*names, dialect.named(FROM)]
    query = f"select {dialect.columns(names)}, {begin.replace('eltflow_new.', '')} from {new}"
    written = yield replace(dialect.insert_select(job.relation, columns, query), main=True)
    yield dialect.drop(staged)
    return written.affected, gone + (ended.affected or 0)


def _whole(job: Job) -> bool:
    """Whether a load gives all that the source has: no cursor leaves out what came before, and no file is a part of it."""
    assert job.node.ingest is not None
    return "cursor" not in job.node.ingest.step and job.node.ingest.source["kind"] != "files"


def _begin(job: Job, relation: Relation, names: Sequence[str], prefix: str = "") -> Steps[str]:
    """The expression for when rows of a relation begin to hold."""
    cursor = cursor_of(job, names)
    if cursor is None:
        return job.dialect.clock
    column = job.dialect.quote(cursor)
    described = yield job.dialect.describe(f"select {column} from {job.dialect.render(relation)}")
    if described.columns and described.columns[0].type is None:
        message = (
            f"`load: history` with a cursor needs an engine that has points in time, and {job.dialect.name} has texts for them"
        )
        raise ProgramError(message, "leave `cursor:` out: versions begin when they are loaded", place=("cursor",))
    kind = job.dialect.reads_as(str(described.columns[0].type)) if described.columns else ""
    if kind not in _MOMENTS:
        return job.dialect.clock
    return f"{prefix}{column}" if kind == MOMENT else job.dialect.in_utc(f"{prefix}{column}", kind)


def _quoted(job: Job, name: str) -> str:
    return job.dialect.quote(job.dialect.named(name))
