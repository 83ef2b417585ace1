"""Results of a run → run_results.json in the shape of dbt's run results v6 (https://schemas.getdbt.com/dbt/run-results/v6.json)."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from typing import Any

from eltflow.base.plurals import counted
from eltflow.events import StepResult
from eltflow.project.nodes import Node
from eltflow.report.info import RunInfo, metadata, stamp
from eltflow.report.manifest import CompiledSql
from eltflow.report.vocabulary import artifact_ids
from eltflow.warehouse.dialect import Dialect


def run_results(
    results: Iterable[StepResult],
    nodes: Mapping[str, Node],
    dialect: Dialect,
    info: RunInfo,
    *,
    compiled: Mapping[str, CompiledSql] | None = None,
    seconds: float = 0.0,
    dialects: Mapping[str, Dialect] | None = None,
) -> dict[str, Any]:
    """What came of each step, in the order given (that of completion).

    `nodes` are those of the graph, disabled ones left out; a step that is not among them is one of the project's hooks. `seconds` is
    how long the whole run took; `dialects` are those of nodes that live on other targets, by their ids.
    """
    steps = artifact_ids(nodes)
    stored = bool(info.args.get("store_failures"))
    return {
        "metadata": metadata(info, "run-results/v6"),
        "results": [
            _result(r, nodes.get(r.step), (compiled or {}).get(r.step), (dialects or {}).get(r.step, dialect), steps, stored)
            for r in results
        ],
        "elapsed_time": seconds,
        "args": {**info.args, "which": info.command, "invocation_command": " ".join(info.argv)},
    }


def status(result: StepResult) -> str:
    """The status in dbt's words, which have none for what was cancelled."""
    return "error" if result.status == "cancelled" else result.status


def _result(
    result: StepResult, node: Node | None, compiled: CompiledSql | None, dialect: Dialect, steps: Mapping[str, str], stored: bool
) -> dict[str, Any]:
    sql = compiled.sql if compiled is not None else result.sql
    builds = node is not None and node.relation is not None and result.status != "skipped"
    if node is not None and node.resource_type == "test":
        builds = builds and bool(node.config.get("store_failures") or stored)
    return {
        "status": status(result),
        "timing": _timing(result),
        "thread_id": f"Thread-{max(result.worker, 1)}",
        "execution_time": result.compile_seconds + result.seconds,
        "adapter_response": _response(result),
        "message": _message(result),
        "failures": result.failures,
        "unique_id": steps.get(result.step, result.step),
        "compiled": True if sql else None,
        "compiled_code": sql or None,
        "relation_name": dialect.render(node.relation) if builds and node is not None and node.relation is not None else None,
        "batch_results": None,
    }


def _timing(result: StepResult) -> list[dict[str, Any]]:
    started = result.started_at
    if started is None:
        return []
    finished = result.finished_at or started + datetime.timedelta(seconds=result.seconds)
    compiling = started - datetime.timedelta(seconds=result.compile_seconds)
    return [
        {"name": "compile", "started_at": stamp(compiling), "completed_at": stamp(started)},
        {"name": "execute", "started_at": stamp(started), "completed_at": stamp(finished)},
    ]


def _response(result: StepResult) -> dict[str, Any]:
    """What the warehouse said: dbt's keys where we know them, and ours."""
    if result.status == "skipped":
        return {}
    made: dict[str, Any] = {"_message": result.kind or "ok"}
    if result.rows is not None:
        made["rows_affected"] = result.rows
    for key in ("changed", "files"):
        value = getattr(result, key)
        if value is not None:
            made[f"rows_{key}" if key == "changed" else key] = value
    if result.quarantined is not None:
        made["rows_quarantined"] = result.quarantined
    if result.statement_id is not None:
        made["statement_id"] = result.statement_id
    if result.attempts > 1:
        made["attempts"] = result.attempts
    return {**made, **result.statistics}


def _message(result: StepResult) -> str | None:
    """For people: what was said, else how it ended."""
    if result.status == "cancelled":
        return f"cancelled: {result.message}" if result.message else "cancelled"
    if result.diagnostics:
        found = result.diagnostics[0]
        where = f" ({found.span})" if found.span is not None else ""
        return f"{found.message}{where}"
    if result.message is not None or result.status == "pass":
        return result.message
    if result.status in ("fail", "warn"):
        return failures_text(result.failures)
    if result.rows is not None:
        aside = f", {result.quarantined:,} quarantined" if result.quarantined else ""
        return f"{result.kind}: {counted(result.rows, 'row')}{aside}"
    return result.kind or None


def failures_text(failures: int | None) -> str:
    """How a test did not pass, in words."""
    return "failed" if failures is None else counted(failures, "failing row")
