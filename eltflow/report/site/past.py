"""History as the docs site tells it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eltflow.state.store import NodeRecord, RunRecord

#: Runs and their nodes, as history keeps them, newest first.
History = Sequence[tuple[RunRecord, Sequence[NodeRecord]]]
_DONE = ("success", "pass", "warn")


class Past:
    """The results of each node, newest first; what was skipped had none."""

    def __init__(self, history: History) -> None:
        self._found: dict[str, list[tuple[RunRecord, NodeRecord]]] = {}
        for run, records in history:
            for record in records:
                if record.status != "skipped":
                    self._found.setdefault(record.unique_id, []).append((run, record))

    def of(self, unique_id: str) -> list[list[Any]]:
        """Each run of a node: when (ISO 8601, UTC), status, seconds, rows, changed rows, command. Messages stay away: they may quote
        rows."""
        return [
            [one.started_at or run.started_at, one.status, _rounded(one.seconds), one.rows, one.changed, run.command]
            for run, one in self._found.get(unique_id, ())
        ]

    def last(self, unique_id: str) -> NodeRecord | None:
        """The last result."""
        found = self._found.get(unique_id)
        return found[0][1] if found else None

    def built(self, unique_id: str) -> str | None:
        """When it last succeeded."""
        for run, one in self._found.get(unique_id, ()):
            if one.status in _DONE:
                return one.started_at or run.started_at
        return None


def run_summary(run: RunRecord, records: Sequence[NodeRecord]) -> dict[str, Any]:
    """A run in a line."""
    counts: dict[str, int] = {}
    for record in records:
        counts[record.status] = counts.get(record.status, 0) + 1
    return {
        "command": run.command,
        "selection": run.selection,
        "status": run.status,
        "started_at": run.started_at,
        "seconds": _rounded(run.seconds),
        "target": run.target,
        "commit": run.git_commit,
        "counts": counts,
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
