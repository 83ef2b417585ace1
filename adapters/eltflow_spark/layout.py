"""How a table is laid out: what a model's configuration says of its format, its partitions and its properties, in DDL."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from eltflow.warehouse import Dialect, WarehouseError

#: Formats whose tables take MERGE; the session must have what reads them.
MERGING = ("delta", "iceberg", "hudi")
#: Those of them that one statement replaces.
REPLACING = ("delta", "iceberg")
_FORMAT = re.compile(r"[a-z][a-z0-9_.]*\Z", re.IGNORECASE)
_NOT_YET = {
    "location_root": "tables stand in the schema's own location: `create schema … location '…'` says where that is",
    "liquid_clustered_by": "it is Databricks's: `sql_header` or a hook can say it",
}


def format_of(config: Mapping[str, Any]) -> str:
    """The format that tables are kept in. Raises WarehouseError."""
    given = str(config.get("file_format") or "parquet")
    if not _FORMAT.match(given):
        raise _wrong(f"`file_format: {given}` is no name of a format", "e.g. parquet, orc, delta or iceberg")
    return given.lower()


def partitions(config: Mapping[str, Any]) -> Sequence[str]:
    """The columns of `partition_by`. Raises WarehouseError."""
    given = config.get("partition_by") or []
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise _wrong("`partition_by` must be a column, or a list of columns", "e.g. `partition_by: [day]`")
    return names


def laid_out(dialect: Dialect, config: Mapping[str, Any]) -> str:
    """What stands between a table's name (or columns) and its query. Raises WarehouseError."""
    for key, help in _NOT_YET.items():
        if config.get(key):
            raise _wrong(f"`{key}` is not there on spark", help)
    made = f"\nusing {format_of(config)}"
    if config.get("options"):
        made += f"\noptions ({_pairs(dialect, 'options', config['options'])})"
    names = partitions(config)
    if names:
        made += f"\npartitioned by ({dialect.columns(names)})"
    made += _clustered(dialect, config)
    if config.get("tblproperties"):
        made += f"\ntblproperties ({_pairs(dialect, 'tblproperties', config['tblproperties'])})"
    return made


def _clustered(dialect: Dialect, config: Mapping[str, Any]) -> str:
    given, buckets = config.get("clustered_by"), config.get("buckets")
    if not given and buckets is None:
        return ""
    names = [given] if isinstance(given, str) else given
    if not names or isinstance(buckets, bool) or not isinstance(buckets, int) or buckets < 1:
        raise _wrong("`clustered_by` and `buckets` go together", "e.g. `clustered_by: [id]` and `buckets: 8`")
    return f"\nclustered by ({dialect.columns([str(name) for name in names])}) into {buckets} buckets"


def _pairs(dialect: Dialect, key: str, given: Any) -> str:
    if not isinstance(given, Mapping) or not given:
        raise _wrong(f"`{key}` must be names and their values", f"e.g. `{key}: {{compression: zstd}}`")
    return ", ".join(f"{dialect.string(str(name))} = {dialect.string(_text(value))}" for name, value in given.items())


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _wrong(message: str, help: str) -> WarehouseError:
    return WarehouseError(message, help=help)
