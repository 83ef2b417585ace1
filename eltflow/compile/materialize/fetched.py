"""Ingestion steps whose records are asked for, and kept in a file until they are loaded like one.

What is fetched is no part of the transaction: when a run dies, the next one asks again from where the table was loaded up to. That is
written down in the transaction that writes the rows.
"""

from __future__ import annotations

import datetime
import json
from typing import Any

from eltflow.base.records import replace
from eltflow.compile.materialize.cursor import bounds, name_of, since, valued
from eltflow.compile.materialize.delta import cursor_of
from eltflow.compile.materialize.hashed import check_hashing
from eltflow.compile.materialize.ingest import adds, load_files
from eltflow.compile.materialize.meta import loaded_up_to, record_load
from eltflow.compile.materialize.quarantine import put_aside
from eltflow.compile.materialize.relation import built
from eltflow.compile.materialize.unnested import emptied
from eltflow.compile.materialize.upto import check_loaded, token_moved
from eltflow.compile.program import Job, Outcome, Program, ProgramError, Steps, rows_together
from eltflow.warehouse.values import Statement

_UNIX = {"unix": 1, "unix_ms": 1000}
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def load_fetched(job: Job) -> Program:
    """A step's records into its table: all of them in its place, or those that came since the last load."""
    info = job.node.ingest
    assert info is not None
    if info.load != "replace" and not job.dialect.capabilities.transactional_ddl:
        message = f"steps with `load: {info.load}` need an engine whose DDL takes part in transactions, unlike {job.dialect.name}'s"
        raise ProgramError(message, "set `load: replace`, and merge in an incremental model", place=("load",))
    check_hashing(job)
    if job.records is None:
        return Outcome(kind="load")  # nothing is asked in a dry run
    before = (yield from _loaded(job)) if adds(job) else None
    records = job.records
    if not adds(job):
        check_loaded(job)
    files = records.fetch(asked(job, None if job.full_refresh else before), asked_until(job))
    job = replace(job, files=tuple(files), since=before)
    outcome = yield from load_files(job) if files else built(job, rows_together(job, _nothing(job)))
    return replace(outcome, told=(*records.told, *outcome.told))


def _loaded(job: Job) -> Steps[str | None]:
    """Up to where rows are loaded, as text. Raises ProgramError if they came from elsewhere."""
    assert job.node.ingest is not None and job.records is not None
    cursor = job.node.ingest.step.get("cursor")
    if cursor is None:
        return None
    name = name_of(cursor)
    found = yield from loaded_up_to(job, name)
    if found is not None and found[1] != job.records.where:
        message = f"{job.relation} is loaded up to `{name}` {found[0]} from {found[1]}, and the step asks {job.records.where} now"
        help = f"load everything again with `eltflow ingest --select {job.node.name} --full-refresh`"
        raise ProgramError(message, help, place=("source",))
    return found[0] if found is not None else None


def asked(job: Job, before: str | None) -> Any:
    """From where on records are asked for: for an API, as the step's `incremental` writes it; None for all of them. Raises ProgramError."""
    assert job.node.ingest is not None
    source, cursor = job.node.ingest.source, job.node.ingest.step.get("cursor")
    if cursor is None:
        return None
    if "token" in cursor:
        return cursor.get("initial") if before is None else json.loads(before)
    if source["kind"] == "python":
        return cursor.get("initial") if before is None and job.backfill is None else _value(job, before)
    incremental = source.get("incremental")
    if not incremental:
        return None
    form = str(incremental.get("format") or "iso")
    if before is None and job.backfill is None:
        initial = cursor.get("initial")
        return None if initial is None else written(_initial(initial), form)
    return written(_value(job, before), form)


def asked_until(job: Job) -> Any:
    """Up to where records are asked for, in a backfill. Raises ProgramError."""
    if job.backfill is None:
        return None
    assert job.node.ingest is not None
    _, end = bounds(job, *_cursor(job))
    form = str((job.node.ingest.source.get("incremental") or {}).get("format") or "iso")
    return end if job.node.ingest.source["kind"] == "python" else written(end, form)


def _cursor(job: Job) -> tuple[str, str]:
    """The cursor's column in the table, and its type."""
    assert job.existing is not None
    name = cursor_of(job, [c.name for c in job.existing.columns])
    kind = next((c.type for c in job.existing.columns if c.name == name), None)
    return str(name), job.dialect.reads_as(str(kind))


def _value(job: Job, before: str | None) -> Any:
    """The cursor's value from which on records are asked for: that of a backfill, or where they are loaded up to `before`. Raises
    ProgramError."""
    assert job.existing is not None and job.node.ingest is not None
    cursor = job.node.ingest.step["cursor"]
    name, type = _cursor(job)
    if job.backfill is not None:
        return bounds(job, name, type)[0]
    return since(name, type, valued(str(before), type, name), cursor.get("lookback")).value


def _initial(value: Any) -> Any:
    """The value that a step begins at: a point in time, where it is written as one."""
    if isinstance(value, str):
        try:
            return datetime.datetime.fromisoformat(value) if len(value) > 10 else datetime.date.fromisoformat(value)
        except ValueError:
            return value
    return value


def written(value: Any, form: str) -> str:
    """A cursor's value as an API is told it. Points in time are UTC, where they do not say."""
    if not isinstance(value, datetime.date):
        return str(value)
    if form == "date":
        return value.isoformat()[:10]
    if isinstance(value, datetime.datetime):
        moment = value.astimezone(datetime.UTC) if value.tzinfo is not None else value.replace(tzinfo=datetime.UTC)
    else:
        moment = datetime.datetime(value.year, value.month, value.day, tzinfo=datetime.UTC)
    if form in _UNIX:
        return str((moment - _EPOCH) // datetime.timedelta(seconds=1) * _UNIX[form])
    if form == "iso":
        return moment.isoformat().removesuffix("+00:00") + "Z"
    return moment.strftime(form)


def _nothing(job: Job) -> Program:
    """What comes of no records: nothing new, or a table without rows. Raises ProgramError where there is no table."""
    assert job.records is not None
    if adds(job):
        yield from record_load(job, (), 0, forget=())
        yield from token_moved(job)
        return Outcome(kind="load", rows=0)
    if job.existing is None or job.existing.kind != "table":
        message = f"{job.records.where} gave no records, and so the table's columns are not known"
        raise ProgramError(message, "run the step again when there are some; see what is asked with `--preview`", place=("source",))
    yield Statement(f"delete from {job.dialect.render(job.relation)} where true", role="dml", main=True)
    aside = yield from put_aside(job, None)
    yield from record_load(job, (), 0, forget=None)
    yield from token_moved(job)
    return (yield from emptied(job, Outcome(kind="load", rows=0, quarantined=aside)))


__all__ = ["asked", "load_fetched", "written"]
