"""Data tests: a verdict in one query; the failing rows in a second one, asked only of a test that does not pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from eltflow.compile.data_tests import status, verdict_sql
from eltflow.compile.program import Job, Outcome, Program, ProgramError, Steps
from eltflow.warehouse.values import CatalogTable, Statement


def data_test(job: Job) -> Program:
    """Count the failures, judge them by the test's thresholds, and bring some rows along if there are any."""
    config = job.config
    sql = job.sql
    store = bool(config.get("store_failures") or job.options.get("store_failures"))
    made: tuple[CatalogTable, ...] = ()
    if store and config.get("store_failures_as") != "ephemeral":
        stored = yield from _store(job)
        made = (stored,)
        sql = f"select * from {job.dialect.render(job.relation)}"
    result = yield Statement(verdict_sql(sql, config), role="query", main=True)
    failures, should_warn, should_error = _verdict(result.rows)
    outcome = status(failures, should_warn, should_error, str(config.get("severity") or "error"))
    most = int(job.options.get("sample_rows", 5))
    if outcome == "pass" or most < 1:
        return Outcome(kind="test", status=outcome, failures=failures, made=made)
    sample = yield Statement(f"select * from (\n{sql}\n) as eltflow_test limit {most}", role="query")
    return Outcome(
        kind="test",
        status=outcome,
        failures=failures,
        sample_columns=tuple(c.name for c in sample.columns),
        sample=sample.rows,
        made=made,
    )


def _store(job: Job) -> Steps[CatalogTable]:
    """Keep the failing rows in a relation of their own, in place of those of the last run."""
    limit = f"\nlimit {int(job.config['limit'])}" if job.config.get("limit") is not None else ""
    kind: Literal["view", "table"] = "view" if job.config.get("store_failures_as") == "view" else "table"
    if job.existing is not None and job.existing.kind != kind:
        yield job.dialect.drop(job.relation, job.existing.kind)
    if kind == "view":
        yield job.dialect.create_view(job.relation, job.sql + limit)
    else:
        replace = job.dialect.capabilities.create_or_replace_table
        yield job.dialect.create_table_as(job.relation, job.sql + limit, replace=replace)
    return CatalogTable(job.relation, kind)


def _verdict(rows: Sequence[tuple[Any, ...]]) -> tuple[int, bool, bool]:
    try:
        ((failures, should_warn, should_error),) = rows
        return int(failures or 0), bool(should_warn), bool(should_error)
    except (TypeError, ValueError):
        raise ProgramError(f"the test gave no number of failures but {rows!r}", "check its `fail_calc`") from None
