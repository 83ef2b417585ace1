"""Parts of a manifest's nodes: their configuration with every default spelled out, columns, freshness."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from eltflow.project.config import as_list
from eltflow.project.nodes import ColumnInfo, ConstraintInfo, Node

_NODE: Mapping[str, Any] = {
    "enabled": True,
    "alias": None,
    "schema": None,
    "database": None,
    "tags": [],
    "meta": {},
    "group": None,
    "static_analysis": None,
    "materialized": "view",
}
_BUILT: Mapping[str, Any] = {
    **_NODE,
    "incremental_strategy": None,
    "batch_size": None,
    "lookback": 1,
    "begin": None,
    "persist_docs": {},
    "post-hook": [],
    "pre-hook": [],
    "quoting": {},
    "column_types": {},
    "full_refresh": None,
    "unique_key": None,
    "on_schema_change": "ignore",
    "on_configuration_change": "apply",
    "grants": {},
    "packages": [],
    "docs": {"show": True, "node_color": None},
    "contract": {"enforced": False, "alias_types": True},
    "event_time": None,
    "concurrent_batches": None,
}
_TEST: Mapping[str, Any] = {
    **_NODE,
    "materialized": "test",
    "severity": "ERROR",
    "store_failures": None,
    "store_failures_as": None,
    "where": None,
    "limit": None,
    "fail_calc": "count(*)",
    "warn_if": "!= 0",
    "error_if": "!= 0",
}
_CONFIG: Mapping[str, Mapping[str, Any]] = {
    "model": {**_BUILT, "access": "protected", "freshness": None},
    "seed": {**_BUILT, "materialized": "seed", "delimiter": ",", "quote_columns": None},
    "analysis": _BUILT,
    "operation": _BUILT,
    "test": _TEST,
}
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "model": {"enabled": True, "materialized": "view"},
    "seed": {"enabled": True},
    "test": {"enabled": True, "severity": "error"},
}


def full_config(node: Node) -> dict[str, Any]:
    """The whole configuration: what was set, over what holds when nothing is."""
    config: dict[str, Any] = {**_CONFIG[node.resource_type], **node.config}
    for key, written in (("pre_hook", "pre-hook"), ("post_hook", "post-hook")):
        if key in config:
            config[written] = [_hook(hook) for hook in as_list(config.pop(key))]
    if "docs" in node.config:
        config["docs"] = docs_of(node.config)
    if "contract" in node.config:
        config["contract"] = {**_BUILT["contract"], **node.config["contract"]}
    config["tags"] = as_list(config.get("tags"))
    if node.resource_type == "test" and str(config.get("severity")).upper() == "ERROR":
        config["severity"] = "ERROR"
    if node.resource_type == "operation":
        for key in ("at", "sql", "index"):
            config.pop(key, None)
    return config


def _hook(hook: Any) -> dict[str, Any]:
    if isinstance(hook, Mapping):
        return {"sql": str(hook.get("sql", "")), "transaction": bool(hook.get("transaction", True)), "index": hook.get("index")}
    return {"sql": str(hook), "transaction": True, "index": None}


def as_set(node: Node) -> dict[str, Any]:
    """What the project's files set, rendered."""
    if node.resource_type == "operation":
        return {}
    known = _DEFAULTS.get(node.resource_type, {})
    return {key: value for key, value in node.config.items() if key not in known or known[key] != value}


def columns(described: Mapping[str, ColumnInfo]) -> dict[str, Any]:
    """Columns by name, as properties YAML describes them."""
    return {
        c.name: {
            "name": c.name,
            "description": c.description,
            "meta": dict(c.meta),
            "data_type": c.data_type,
            "constraints": [constraint(one) for one in c.constraints],
            "quote": c.quote or None,
            "config": {"meta": dict(c.meta), "tags": list(c.tags)},
            "tags": list(c.tags),
            "granularity": None,
            "doc_blocks": [],
        }
        for c in described.values()
    }


def constraint(one: ConstraintInfo, to: str | None = None) -> dict[str, Any]:
    """A constraint of a column or, with its columns, of a model; `to` is the relation that a foreign key points at, if that is known."""
    return {
        "type": one.type,
        "name": one.name,
        "expression": one.expression,
        "warn_unenforced": one.warn_unenforced,
        "warn_unsupported": one.warn_unsupported,
        "to": to or one.to,
        "to_columns": list(one.to_columns),
    }


def contract(node: Node) -> dict[str, Any]:
    """What the manifest says of a node's contract: whether it is enforced, and a checksum that changes with what it promises."""
    config = node.config.get("contract") or {}
    made: dict[str, Any] = {"enforced": node.contracted, "alias_types": bool(config.get("alias_types", True)), "checksum": None}
    if node.contracted:
        promised = [(c.name, c.data_type, c.constraints) for c in sorted(node.columns.values(), key=lambda c: c.name)]
        held = (node.materialized, node.constraints) if node.materialized != "view" else ()
        made["checksum"] = hashlib.sha256(repr((promised, held)).encode()).hexdigest()
    return made


def freshness(value: Any) -> dict[str, Any]:
    """When a source is stale: every key there is, with null for a limit that is not set."""
    given: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
    made: dict[str, Any] = {"filter": given.get("filter")}
    for key in ("warn_after", "error_after"):
        limit = given.get(key) or {}
        made[key] = {"count": limit.get("count"), "period": limit.get("period")}
    return made


def docs_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """What dbt's artifacts have of `docs`; what we have beside it is ours to follow, and not theirs to read."""
    docs = config.get("docs") or {}
    return {"show": docs.get("show", True), "node_color": docs.get("node_color")}
