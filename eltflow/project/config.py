"""Configuration of nodes: which keys there are, and how the layers that set them merge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from eltflow.project.shape import ListOf, MapOf, Nullable, Object, OneOf, Scalar, Shape

TEXT = Scalar()
FLAG = Scalar((bool,))
NUMBER = Scalar((int,))
NAMES = ListOf(TEXT, lone=True)
META = MapOf()

_HOOK = OneOf(options=(TEXT, Object(fields={"sql": TEXT, "transaction": FLAG}, required=("sql",))))
_HOOKS = ListOf(_HOOK, lone=True)
_INDEX = Object(fields={"columns": NAMES, "unique": FLAG, "type": TEXT}, required=("columns",))
_EVENT_TIME = {"event_time": TEXT}

_NODE: dict[str, Shape] = {
    "enabled": FLAG,
    "alias": TEXT,
    "schema": TEXT,
    "database": TEXT,
    "tags": NAMES,
    "meta": META,
    "group": TEXT,
    "docs": Object(fields={"show": FLAG, "node_color": TEXT}),
    "description": TEXT,
    "quoting": MapOf(FLAG),
}

_BUILT: dict[str, Shape] = {
    **_NODE,
    "pre_hook": _HOOKS,
    "post_hook": _HOOKS,
    "persist_docs": Object(fields={"relation": FLAG, "columns": FLAG}),
    "grants": MapOf(NAMES),
    "full_refresh": FLAG,
    "column_types": MapOf(TEXT),
    "event_time": TEXT,
    "timeout": Scalar((int, float)),
}

_ADAPTER_KEYS = [
    "dist",
    "sort",
    "sort_type",
    "bind",
    "backup",
    "auto_refresh",
    "query_group",
    "transient",
    "cluster_by",
    "automatic_clustering",
    "secure",
    "copy_grants",
    "copy_tags",
    "query_tag",
    "snowflake_warehouse",
    "target_lag",
    "refresh_mode",
    "initialize",
    "tmp_relation_type",
    "row_access_policy",
    "table_tag",
    "table_format",
    "external_volume",
    "catalog_name",
    "partition_by",
    "partitions",
    "require_partition_filter",
    "partition_expiration_days",
    "hours_to_expiration",
    "kms_key_name",
    "labels",
    "resource_tags",
    "grant_access_to",
    "file_format",
    "location_root",
    "clustered_by",
    "buckets",
    "options",
    "tblproperties",
    "liquid_clustered_by",
    "location",
    "format",
    "partitioned_by",
    "sorted_by",
]

MODEL: dict[str, Shape] = {
    **_BUILT,
    "materialized": Scalar(choices=("view", "table", "incremental", "ephemeral", "materialized_view", "dynamic_table")),
    "incremental_strategy": Scalar(choices=("append", "delete+insert", "merge", "insert_overwrite")),
    "unique_key": OneOf(options=(ListOf(TEXT), TEXT)),
    "on_schema_change": Scalar(choices=("ignore", "append_new_columns", "sync_all_columns", "fail")),
    "incremental_predicates": NAMES,
    "merge_update_columns": NAMES,
    "merge_exclude_columns": NAMES,
    "sql_header": TEXT,
    "access": Scalar(choices=("private", "protected", "public")),
    "indexes": ListOf(_INDEX),
    "unlogged": FLAG,
    **{key: Shape() for key in _ADAPTER_KEYS},
}
SEED: dict[str, Shape] = {**_BUILT, "delimiter": TEXT, "quote_columns": FLAG, "indexes": ListOf(_INDEX), "unlogged": FLAG}
SOURCE: dict[str, Shape] = {
    "enabled": FLAG,
    "meta": META,
    "tags": NAMES,
    "quoting": MapOf(FLAG),
    "event_time": TEXT,
    "freshness": Shape(),
    "loaded_at_field": TEXT,
    "loaded_at_query": TEXT,
}
TEST: dict[str, Shape] = {
    "enabled": FLAG,
    "severity": Scalar(choices=("error", "warn", "ERROR", "WARN")),
    "error_if": TEXT,
    "warn_if": TEXT,
    "fail_calc": TEXT,
    "where": TEXT,
    "limit": NUMBER,
    "store_failures": FLAG,
    "store_failures_as": Scalar(choices=("table", "view", "ephemeral")),
    "schema": TEXT,
    "database": TEXT,
    "alias": TEXT,
    "tags": NAMES,
    "meta": META,
    "group": TEXT,
    "sql_header": TEXT,
}
INGEST: dict[str, Shape] = {
    "enabled": FLAG,
    "tags": NAMES,
    "meta": META,
    "group": TEXT,
    "schema": TEXT,
    "timeout": Scalar((int, float)),
}
EXPOSURE: dict[str, Shape] = {"enabled": FLAG, "meta": META, "tags": NAMES, "group": TEXT}
ANALYSIS: dict[str, Shape] = {"enabled": FLAG, "meta": META, "tags": NAMES, "docs": _NODE["docs"], "group": TEXT}

_SHAPES: dict[str, dict[str, Shape]] = {
    "model": MODEL,
    "seed": SEED,
    "source": SOURCE,
    "test": TEST,
    "ingest": INGEST,
    "exposure": EXPOSURE,
    "analysis": ANALYSIS,
}
#: What each kind of node can be configured with; `null` clears any of it.
KEYS: Mapping[str, Mapping[str, Shape]] = {
    kind: {key: Nullable(shape) for key, shape in shapes.items()} for kind, shapes in _SHAPES.items()
}

_APPEND = frozenset({"tags", "pre_hook", "post_hook"})
_UPDATE = frozenset({"meta", "docs", "quoting", "column_types", "persist_docs", "contract"})
_SPELLINGS = {"pre-hook": "pre_hook", "post-hook": "post_hook", "dataset": "schema", "project": "database", "catalog": "database"}


def canonical(key: str) -> str:
    """One spelling for a key that the field spells in several ways."""
    return _SPELLINGS.get(key, key)


def as_list(value: Any) -> list[Any]:
    """A lone value as a list of one; None as an empty list."""
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def merge(base: Mapping[str, Any], layer: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `layer` on top: tags and hooks add up, meta and its like merge by key, grants replace unless written `+select`,
    everything else replaces. None clears what is below it, and stays as a mark for layers that are merged later."""
    merged = dict(base)
    for written, value in layer.items():
        key = canonical(written)
        if value is None:
            merged[key] = None
        elif key in _APPEND:
            have = merged.get(key) or []
            more = as_list(value)
            merged[key] = [*have, *(v for v in more if key != "tags" or v not in have)]
        elif key in _UPDATE and isinstance(value, Mapping):
            merged[key] = {**(merged.get(key) or {}), **value}
        elif key == "grants" and isinstance(value, Mapping):
            merged[key] = _merge_grants(merged.get(key) or {}, value)
        else:
            merged[key] = value
    return merged


def _merge_grants(base: Mapping[str, Any], layer: Mapping[str, Any]) -> dict[str, list[Any]]:
    merged: dict[str, list[Any]] = {} if not any(k.startswith("+") for k in layer) else {k: as_list(v) for k, v in base.items()}
    for key, grantees in layer.items():
        name = key.removeprefix("+")
        merged[name] = [*merged.get(name, ()), *as_list(grantees)] if key.startswith("+") else as_list(grantees)
    return merged


def merge_all(layers: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Layers merged, lowest first; what was cleared is not there."""
    merged: dict[str, Any] = {}
    for layer in layers:
        if layer:
            merged = merge(merged, layer)
    return {key: value for key, value in merged.items() if value is not None}
