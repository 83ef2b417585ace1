"""Data tests: a verdict in one query; the failing rows in a second one, asked only of a test that does not pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from eltflow.compile.data_tests import limited, status, verdict_sql
from eltflow.compile.program import Job, Outcome, Program, ProgramError, Steps, transaction
from eltflow.warehouse.values import CatalogTable, Statement, WarehouseError


def data_test(job: Job) -> Program:
    """Count the failures, judge them by the test's thresholds, and bring some rows along if there are any."""
    config = job.config
    sql = job.sql
    made: tuple[CatalogTable, ...] = ()
    if job.compiled is not None and job.compiled.header:
        yield Statement(job.compiled.header, role="user")
    if stores_failures(config, bool(job.options.get("store_failures"))):
        replaces = not _replaced_at_once(job)
        store = _store(job)
        stored = yield from (transaction(job.dialect, store, job.fence) if replaces or job.fence is not None else store)
        made = (stored,)
        sql = f"select * from {job.dialect.render(job.relation)}"
    result = yield Statement(verdict_sql(sql, config), role="query", main=True)
    failures, should_warn, should_error = _verdict(result.rows)
    outcome = status(failures, should_warn, should_error, str(config.get("severity") or "error"))
    most = int(job.options.get("sample_rows", 5))
    if outcome == "pass" or most < 1:
        return Outcome(kind="test", status=outcome, failures=0 if outcome == "pass" else failures, made=made)
    try:
        sample = yield Statement(f"select * from (\n{sql}\n) as eltflow_test limit {most}", role="query")
    except WarehouseError as error:  # counting needs not every column, so that only showing the rows may fail
        if error.kind == "cancelled":
            raise
        note = f"its rows cannot be shown: {error.engine_message}"
        return Outcome(kind="test", status=outcome, failures=failures, note=note, note_code=error.code, made=made)
    return Outcome(
        kind="test",
        status=outcome,
        failures=failures,
        sample_columns=tuple(c.name for c in sample.columns),
        sample=sample.rows,
        made=made,
    )


def stores_failures(config: Mapping[str, Any], flag: bool) -> bool:
    """Whether a test keeps its failing rows: `store_failures_as` beats `store_failures`, which beats the flag."""
    kept_as = config.get("store_failures_as")
    if kept_as is not None:
        return str(kept_as) != "ephemeral"
    own = config.get("store_failures")
    return flag if own is None else bool(own)


def _stored_kind(job: Job) -> Literal["view", "table"]:
    return "view" if job.config.get("store_failures_as") == "view" else "table"


def _replaced_at_once(job: Job) -> bool:
    """Whether one statement puts the failing rows in place of what stands there."""
    can = job.dialect.capabilities
    takes = (
        (can.create_or_replace_view and can.replace_view_columns) if _stored_kind(job) == "view" else can.create_or_replace_table
    )
    return job.existing is None or (job.existing.kind == _stored_kind(job) and takes)


def _store(job: Job) -> Steps[CatalogTable]:
    """Keep the failing rows in a relation of their own, in place of those of the last run."""
    kind, sql = _stored_kind(job), limited(job.sql, job.config.get("limit"))
    if job.existing is not None and not _replaced_at_once(job):
        yield job.dialect.drop(job.relation, job.existing.kind)
    if kind == "view":
        yield job.dialect.create_view(job.relation, sql)
    else:
        replace = job.dialect.capabilities.create_or_replace_table
        yield job.dialect.create_table_as(job.relation, sql, replace=replace)
    return CatalogTable(job.relation, kind)


def _verdict(rows: Sequence[tuple[Any, ...]]) -> tuple[int, bool, bool]:
    ((failures, should_warn, should_error),) = rows
    try:
        whole = int(failures)
    except (TypeError, ValueError):
        whole = None
    if whole is None or whole != failures:
        given = "NULL" if failures is None else repr(failures)
        help = "wrap it in coalesce(…, 0)" if failures is None else "make it a count of rows, or another whole number"
        raise ProgramError(f"`fail_calc` gave {given}, which is no number of failures", help)
    return whole, bool(should_warn), bool(should_error)
