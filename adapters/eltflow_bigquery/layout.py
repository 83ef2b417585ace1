"""How a table is laid out: what `partition_by`, `cluster_by` and the options of a model's configuration are in DDL."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from eltflow.warehouse import Dialect, WarehouseError

_GRAINS: Mapping[str, tuple[str, ...]] = {
    "date": ("day", "month", "year"),
    "datetime": ("hour", "day", "month", "year"),
    "timestamp": ("hour", "day", "month", "year"),
}
_LABEL = re.compile(r"[a-z0-9_\-]{0,63}\Z")


def partition_start(dialect: Dialect, config: Mapping[str, Any], prefix: str = "") -> str | None:
    """The expression that gives the partition of a row, as PARTITION BY has it; None for a table without. Raises WarehouseError."""
    given = config.get("partition_by")
    if not given:
        return None
    if not isinstance(given, Mapping) or not given.get("field"):
        raise _wrong("`partition_by` needs a `field`", "e.g. `partition_by: {field: day, data_type: date, granularity: day}`")
    column = prefix + dialect.quote(str(given["field"]))
    kind = str(given.get("data_type") or "date").lower()
    if kind in ("int64", "integer", "int"):
        reach = given.get("range")
        if not isinstance(reach, Mapping) or any(not isinstance(reach.get(k), int) for k in ("start", "end", "interval")):
            raise _wrong("`partition_by` of whole numbers needs a `range`", "set its `start`, `end` and `interval`")
        return f"range_bucket({column}, generate_array({reach['start']}, {reach['end']}, {reach['interval']}))"
    if kind not in _GRAINS:
        raise _wrong(f"`partition_by` knows no `data_type: {kind}`", f"it has: {', '.join((*_GRAINS, 'int64'))}")
    grain = str(given.get("granularity") or "day").lower()
    if grain not in _GRAINS[kind]:
        raise _wrong(f"a {kind} has no partitions of a `{grain}`", f"set `granularity` to one of {', '.join(_GRAINS[kind])}")
    if kind == "date" and grain == "day":
        return column
    return f"{kind}_trunc({column}, {grain})"


def partitioned(dialect: Dialect, config: Mapping[str, Any]) -> str:
    """PARTITION BY and CLUSTER BY. Raises WarehouseError."""
    start = partition_start(dialect, config)
    made = "" if start is None else f"\npartition by {start}"
    keys = config.get("cluster_by")
    if keys:
        listed = [keys] if isinstance(keys, str) else [str(key) for key in keys]
        if len(listed) > 4:
            raise _wrong(f"`cluster_by` names {len(listed)} columns", "BigQuery clusters by four at most")
        made += f"\ncluster by {dialect.columns(listed)}"
    return made


def options(dialect: Dialect, config: Mapping[str, Any], *, table: bool = True) -> str:
    """OPTIONS of a table or of a view. Raises WarehouseError."""
    made: list[str] = []
    hours = config.get("hours_to_expiration")
    if hours is not None:
        many = _number("hours_to_expiration", hours)
        if many != int(many):
            raise _wrong("`hours_to_expiration` must be a whole number", f"it is {hours!r}")
        made.append(f"expiration_timestamp = timestamp_add(current_timestamp(), interval {int(many)} hour)")
    if table and config.get("partition_by"):
        days = config.get("partition_expiration_days")
        if days is not None:
            made.append(f"partition_expiration_days = {_number('partition_expiration_days', days)}")
        if config.get("require_partition_filter"):
            made.append("require_partition_filter = true")
    if table and config.get("kms_key_name"):
        made.append(f"kms_key_name = {dialect.string(str(config['kms_key_name']))}")
    if config.get("labels"):
        made.append(f"labels = [{', '.join(_labels(dialect, config['labels']))}]")
    return f"\noptions({', '.join(made)})" if made else ""


def _labels(dialect: Dialect, labels: Any) -> Sequence[str]:
    if not isinstance(labels, Mapping):
        raise _wrong("`labels` must be names and their values", "e.g. `labels: {team: finance}`")
    for key, value in labels.items():
        if not key or not _LABEL.match(str(key)) or not _LABEL.match(str(value)):
            help = "both are small letters, digits, `_` and `-`, 63 at most"
            raise _wrong(f"`labels` has `{key}: {value}`, which BigQuery does not take", help)
    return [f"({dialect.string(str(key))}, {dialect.string(str(value))})" for key, value in labels.items()]


def _number(key: str, value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
        raise _wrong(f"`{key}` must be a number above 0", f"it is {value!r}")
    return value


def _wrong(message: str, help: str) -> WarehouseError:
    return WarehouseError(message, help=help)
