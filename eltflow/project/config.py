"""Configuration of nodes: which keys there are, and how the layers that set them merge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from eltflow.base.names import did_you_mean
from eltflow.base.records import dataclass
from eltflow.project.shape import ListOf, MapOf, Nullable, Object, OneOf, Path, Problem, Scalar, Shape
from eltflow.warehouse.written import dialect_names

TEXT = Scalar()
FLAG = Scalar((bool,))
NUMBER = Scalar((int,))
NAME = Scalar(pattern=r"\S", wanted=("a name", "write a name, or leave it out"))
SECONDS = Scalar((int, float), least=0)
#: What `warn_if` and `error_if` put behind the count of failures.
COMPARISON = Scalar(
    pattern=r"^\s*(?:[<>=!]=?|<>|(?:[iI][nN]|[nN][oO][tT]|[iI][sS]|[bB][eE][tT][wW][eE][eE][nN])\b)\s*\S",
    wanted=("a comparison", 'write an operator and a number: "> 10", "!= 0"'),
)
NAMES = ListOf(TEXT, lone=True)


@dataclass(frozen=True, slots=True)
class DialectName(Shape):
    """The name of an adapter, whose SQL a text is written in."""

    def check(self, value: Any, path: Path, found: list[Problem], strict: bool) -> None:
        Scalar(choices=dialect_names()).check(value, path, found, strict)

    def schema(self) -> dict[str, Any]:
        return Scalar(about=self.about).schema()


DIALECT = DialectName(about="What the SQL is written in, as the name of an adapter; unless told, what the target speaks.")
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
    "docs": Object(
        fields={
            "show": FLAG,
            "node_color": TEXT,
            "inherit": Scalar((bool,), about="Whether columns have what is told of the columns that they are copies of."),
        }
    ),
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
    "timeout": SECONDS,
    "target": Scalar(about="The target that it is built at, by its name in eltflow.yml; the run's, unless told."),
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
    "table_type",
    "keys",
    "distributed_by",
    "order_by",
    "properties",
    "refresh_method",
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
    "dialect": DIALECT,
    "materialized": Scalar(choices=("view", "table", "incremental", "ephemeral", "materialized_view", "dynamic_table", "external")),
    "incremental_strategy": Scalar(choices=("append", "delete+insert", "merge", "insert_overwrite")),
    "unique_key": OneOf(options=(ListOf(TEXT), TEXT)),
    "contract": Object(fields={"enforced": FLAG, "alias_types": FLAG}),
    "on_schema_change": Scalar(choices=("ignore", "append_new_columns", "sync_all_columns", "fail")),
    "incremental_predicates": NAMES,
    "merge_update_columns": NAMES,
    "merge_exclude_columns": NAMES,
    "sql_header": TEXT,
    "access": Scalar(choices=("private", "protected", "public")),
    "indexes": ListOf(_INDEX),
    "unlogged": FLAG,
    "delimiter": TEXT,
    **{key: Shape() for key in _ADAPTER_KEYS},
}
SEED: dict[str, Shape] = {**_BUILT, "delimiter": TEXT, "quote_columns": FLAG, "indexes": ListOf(_INDEX), "unlogged": FLAG}
_LIMIT = Nullable(
    Object(
        fields={"count": Nullable(Scalar((int,), least=1)), "period": Nullable(Scalar(choices=("minute", "hour", "day")))},
        about="How old the latest row may be: `{count: 12, period: hour}`.",
    )
)
FRESHNESS = Nullable(
    Object(
        fields={
            "warn_after": _LIMIT,
            "error_after": _LIMIT,
            "filter": Nullable(Scalar(about="SQL that says which rows are looked at.")),
        },
        about="When a source is stale; null takes away what is set above.",
    )
)
SOURCE: dict[str, Shape] = {
    "enabled": FLAG,
    "meta": META,
    "tags": NAMES,
    "quoting": MapOf(FLAG),
    "event_time": TEXT,
    "freshness": FRESHNESS,
    "loaded_at_field": TEXT,
    "loaded_at_query": TEXT,
}
TEST: dict[str, Shape] = {
    "enabled": FLAG,
    "severity": Scalar(choices=("error", "warn", "ERROR", "WARN")),
    "error_if": COMPARISON,
    "warn_if": COMPARISON,
    "fail_calc": TEXT,
    "dialect": DIALECT,
    "where": TEXT,
    "limit": Scalar((int,), least=1),
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
    "timeout": SECONDS,
}
_POOLED: dict[str, Shape] = {
    "pool": Scalar(about="The pool of jobs.yml whose slots it takes in jobs; its connection's unless told."),
    "weight": Scalar((int,), least=1, about="How many slots of its pool it takes (default 1)."),
}
INGEST |= _POOLED
DELIVER: dict[str, Shape] = {"enabled": FLAG, "meta": META, "tags": NAMES, "group": TEXT, "timeout": SECONDS, **_POOLED}
TASK = DELIVER
EXPOSURE: dict[str, Shape] = {"enabled": FLAG, "meta": META, "tags": NAMES, "group": TEXT}
ANALYSIS: dict[str, Shape] = {
    "dialect": DIALECT,
    "enabled": FLAG,
    "meta": META,
    "tags": NAMES,
    "docs": _NODE["docs"],
    "group": TEXT,
}

_SHAPES: dict[str, dict[str, Shape]] = {
    "model": MODEL,
    "seed": SEED,
    "source": SOURCE,
    "test": TEST,
    "ingest": INGEST,
    "deliver": DELIVER,
    "task": TASK,
    "exposure": EXPOSURE,
    "analysis": ANALYSIS,
}
#: What each kind of node can be configured with; `null` clears any of it.
KEYS: Mapping[str, Mapping[str, Shape]] = {
    kind: {key: Nullable(shape) for key, shape in shapes.items()} for kind, shapes in _SHAPES.items()
}


@dataclass(frozen=True, slots=True)
class Tree(Shape):
    """The configuration of one kind of node by folder: keys with a `+` are configuration, all others folders and names.

    What is a folder is checked when the folders are known; a key without `+` that is no mapping is configuration too."""

    kind: str = "model"

    def check(self, value: Any, path: Path, found: list[Problem], strict: bool) -> None:
        if not isinstance(value, Mapping):
            MapOf().check(value, path, found, strict)
            return
        keys = KEYS[self.kind]
        for key, inner in value.items():
            marked = isinstance(key, str) and key.startswith("+")
            name = canonical(str(key).removeprefix("+"))
            if not marked and isinstance(inner, Mapping):
                self.check(inner, (*path, key), found, strict)
            elif name in keys:
                keys[name].check(inner, (*path, key), found, strict)
            elif marked and strict:
                message = f"a {self.kind} has no config `{name}`"
                found.append(Problem(path=(*path, key), message=message, help=did_you_mean(name, keys), at_key=True, code="E0104"))

    def schema(self) -> dict[str, Any]:
        """A reference, for trees hold trees: `definition` belongs under `$defs`."""
        return {"$ref": f"#/$defs/{self.kind}_tree", **({"description": self.about} if self.about else {})}

    def definition(self) -> dict[str, Any]:
        keys = {key: shape.schema() for key, shape in KEYS[self.kind].items()}
        keys |= {written: keys[key] for written, key in _SPELLINGS.items() if key in keys}
        below = {"$ref": f"#/$defs/{self.kind}_tree"}
        bare = {key: {"if": {"type": "object"}, "then": below, "else": shape} for key, shape in keys.items()}
        return {
            "type": "object",
            "properties": {**bare, **{f"+{key}": shape for key, shape in keys.items()}},
            "patternProperties": {"^\\+": {}},
            "additionalProperties": {"anyOf": [below, {"type": "null"}]},
            "propertyNames": {"anyOf": [{"pattern": "^[^+]"}, {"enum": [f"+{key}" for key in keys]}]},
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
