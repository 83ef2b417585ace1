"""How fresh sources are: when the latest row of each came, by the warehouse's own word, and whether that is too long ago."""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from eltflow.api.artifacts import run_info, target_file
from eltflow.api.loading import Loaded
from eltflow.api.opening import connected
from eltflow.api.writing import write_if_changed
from eltflow.base.diagnostics import without
from eltflow.base.records import dataclass
from eltflow.compile.materialize.meta import loaded_at
from eltflow.project.findings import Findings
from eltflow.project.nodes import Node
from eltflow.report.info import to_json
from eltflow.report.sources import sources
from eltflow.warehouse.protocols import Session
from eltflow.warehouse.values import Statement, WarehouseError

Verdict = Literal["pass", "warn", "error", "runtime error"]
_PERIODS = {"minute": 60, "hour": 3600, "day": 86400}
#: When the latest row came of a table without rows.
NEVER = datetime.datetime(1, 1, 1, tzinfo=datetime.UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """A source, looked at: when its latest row came and when that was looked up (UTC), the age between, and what became of it.
    `seconds` is how long the look took."""

    node: Node
    status: Verdict
    loaded_at: datetime.datetime | None = None
    seen_at: datetime.datetime | None = None
    age: float | None = None
    message: str | None = None
    seconds: float = 0.0


def limits_of(node: Node) -> dict[str, float]:
    """The limits of a source in seconds: `warn_after`, `error_after`; those that are set."""
    given: Mapping[str, Any] = node.config.get("freshness") or {}
    found = {}
    for key in ("warn_after", "error_after"):
        limit = given.get(key) or {}
        if limit.get("count") and limit.get("period"):
            found[key] = float(limit["count"]) * _PERIODS[limit["period"]]
    return found


def embedded_file(loaded: Loaded) -> Path | None:
    """The file that the target is; None for a server, or what is in memory."""
    location = loaded.adapter.location(loaded.target, loaded.root)
    return Path(location) if "path" in loaded.target.values and os.path.isabs(location) else None


def late(loaded: Loaded, ids: Sequence[str], loads: Sequence[str]) -> Iterator[Fresh]:
    """The sources above these nodes that are older than their `error_after`, or cannot be looked at. What a step among those in `loads`
    brings is not looked at. Raises EltflowError as `look` does."""
    file = embedded_file(loaded)
    if file is not None and not file.exists():
        return iter(())  # the run will make it
    graph, brought = loaded.graph, set(loads)
    above = [graph.nodes[i] for i in sorted(graph.ancestors(sorted(ids)))]
    limited = [node for node in above if node.source is not None and "error_after" in limits_of(node)]
    wanted = [node.unique_id for node in limited if brought.isdisjoint(node.parents)]
    return (one for one in look(loaded, wanted) if one.status in ("error", "runtime error"))


def check_told(loaded: Loaded, nodes: Sequence[Node], words: Callable[[Node], str]) -> None:
    """Raise EltflowError (E0415) for sources of which nothing says when rows come."""
    findings = Findings(loaded.read)
    for node in nodes:
        if _query(loaded, node) is None and node.patch is not None:
            help = "name the column: `loaded_at_field: updated_at`, or write a query that gives the time: `loaded_at_query:`"
            findings.at(node.patch, (*node.place, "name"), "E0415", words(node), help=help)
    findings.stop()


def look(loaded: Loaded, ids: Sequence[str]) -> Iterator[Fresh]:
    """Each of these sources that has a limit, looked at. Raises EltflowError: E0415 where nothing says when rows come, E0805 no connection."""
    nodes = [node for i in ids if limits_of(node := loaded.graph.nodes[i])]
    check_told(loaded, nodes, lambda node: f"`{node.display}` has limits of freshness, and nothing says when its rows came")
    yield from latest(loaded, nodes)


def latest(loaded: Loaded, nodes: Sequence[Node]) -> Iterator[Fresh]:
    """Each of these sources, looked at; something says of each when its rows come (`check_told`). Raises EltflowError (E0805)."""
    if not nodes:
        return
    with connected(loaded, read_only=True) as database:
        session = database.session()
        try:
            for node in nodes:
                yield _looked_at(loaded, node, session)
        finally:
            session.close()


def _query(loaded: Loaded, node: Node) -> str | None:
    """The query for when the latest row of a source came; None if nothing says so."""
    dialect, config = loaded.adapter.dialect, node.config
    if config.get("loaded_at_query"):
        return str(config["loaded_at_query"])
    assert node.relation is not None
    if config.get("loaded_at_field"):
        chosen = (config.get("freshness") or {}).get("filter")
        where = f"\nwhere {chosen}" if chosen else ""
        return f"select max({config['loaded_at_field']})\nfrom {dialect.render(node.relation)}{where}"
    if any(loaded.graph.nodes[parent].ingest is not None for parent in node.parents):
        return loaded_at(dialect, node.relation)
    return None


def _looked_at(loaded: Loaded, node: Node, session: Session) -> Fresh:
    started = time.monotonic()
    try:
        rows = session.execute(Statement(_query(loaded, node) or "", role="query")).rows
        latest = _time(rows[0][0] if rows else None)
    except (WarehouseError, ValueError) as error:
        told = without(loaded.target.secrets, str(error))
        return Fresh(node=node, status="runtime error", message=told, seconds=time.monotonic() - started)
    now = loaded.options.started_at
    age = (now - latest).total_seconds()
    limits = limits_of(node)
    status: Verdict = "pass"
    if age > limits.get("error_after", float("inf")):
        status = "error"
    elif age > limits.get("warn_after", float("inf")):
        status = "warn"
    message = "there are no rows" if latest == NEVER else None
    seconds = time.monotonic() - started
    return Fresh(node=node, status=status, loaded_at=latest, seen_at=now, age=age, message=message, seconds=seconds)


def _time(value: Any) -> datetime.datetime:
    """A time as a warehouse gives it; without a zone it is UTC. Raises ValueError."""
    if value is None:
        return NEVER
    if isinstance(value, str):
        value = datetime.datetime.fromisoformat(value)
    elif isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        value = datetime.datetime.combine(value, datetime.time())
    if not isinstance(value, datetime.datetime):
        raise ValueError(f"what says when rows came gives {value!r}, which is no time")
    try:
        return value.replace(tzinfo=datetime.UTC) if value.tzinfo is None else value.astimezone(datetime.UTC)
    except OverflowError:
        raise ValueError(f"what says when rows came gives {value}, which is no time in UTC") from None


def write_sources(loaded: Loaded, found: Sequence[Fresh], argv: Sequence[str], seconds: float) -> None:
    """Write `sources.json`. Raises EltflowError (E0117)."""
    document = sources(found, run_info(loaded, "freshness", argv), seconds)
    write_if_changed(target_file(loaded, "sources.json"), to_json(document))


__all__ = ["NEVER", "Fresh", "check_told", "embedded_file", "late", "latest", "limits_of", "look", "write_sources"]
