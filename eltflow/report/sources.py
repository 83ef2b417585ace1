"""How fresh sources are → sources.json in the shape of dbt's sources v3 (https://schemas.getdbt.com/dbt/sources/v3.json)."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any, Protocol

from eltflow.project.nodes import Node
from eltflow.report.fields import freshness
from eltflow.report.info import RunInfo, metadata, stamp


class Looked(Protocol):
    """A source that was looked at."""

    @property
    def node(self) -> Node: ...
    @property
    def status(self) -> str: ...
    @property
    def loaded_at(self) -> datetime.datetime | None: ...
    @property
    def seen_at(self) -> datetime.datetime | None: ...
    @property
    def age(self) -> float | None: ...
    @property
    def message(self) -> str | None: ...
    @property
    def seconds(self) -> float: ...


def sources(found: Iterable[Looked], info: RunInfo, seconds: float) -> dict[str, Any]:
    """What became of each source, in the order given; `seconds` is how long all of it took."""
    return {
        "metadata": metadata(info, "sources/v3"),
        "results": [_result(one) for one in found],
        "elapsed_time": seconds,
    }


def _result(one: Looked) -> dict[str, Any]:
    if one.loaded_at is None or one.seen_at is None or one.age is None:
        return {"unique_id": one.node.unique_id, "error": one.message, "status": "runtime error"}
    began = one.seen_at - datetime.timedelta(seconds=one.seconds)
    return {
        "unique_id": one.node.unique_id,
        "max_loaded_at": stamp(one.loaded_at),
        "snapshotted_at": stamp(one.seen_at),
        "max_loaded_at_time_ago_in_s": one.age,
        "status": one.status,
        "criteria": freshness(one.node.config.get("freshness")),
        "adapter_response": {},
        "timing": [{"name": "execute", "started_at": stamp(began), "completed_at": stamp(one.seen_at)}],
        "thread_id": "Thread-1",
        "execution_time": one.seconds,
    }
