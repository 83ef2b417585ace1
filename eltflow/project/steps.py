"""Ingestion steps as YAML defines them: what of an entry a load needs to know, and what in it does not go together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from eltflow.project.config import as_list
from eltflow.project.shape import Path

#: (place in the entry, message, help).
Finding = tuple[Path, str, str]
#: What each way to load needs to know of rows that take the place of others.
_MATCHES = {"merge": "unique_key", "delete+insert": "partition_by"}


def settings(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What a load of the step needs to know beside its source: plain values, empty ones left out.

    `rename` holds the names of columns in the source and in the table, `exclude` those in the source of columns that are left out.
    """
    columns = entry.get("columns") or ()
    made = {
        "column_types": entry.get("column_types"),
        "unique_key": as_list(entry.get("unique_key")),
        "partition_by": as_list(entry.get("partition_by")),
        "cursor": entry.get("cursor"),
        "schema_changes": entry.get("schema_changes"),
        "rename": {c["name"]: c["rename"] for c in columns if c.get("rename")},
        "exclude": [c["name"] for c in columns if c.get("exclude")],
    }
    return {key: value for key, value in made.items() if value}


def problems(entry: Mapping[str, Any]) -> Iterator[Finding]:
    """What of the entry does not go together."""
    load = entry.get("load") or "replace"
    needed = _MATCHES.get(load)
    if needed is not None and not any(as_list(entry.get(needed))):
        what = "whose values tell rows apart" if needed == "unique_key" else "whose values in the new rows say what is replaced"
        yield ("load",), f"`load: {load}` needs `{needed}`", f"add `{needed}:`, the column or columns {what}"
    for way, key in _MATCHES.items():
        if entry.get(key) and way != load:
            yield (key,), f"`{key}` means nothing to `load: {load}`", f"take it out, or set `load: {way}`"
    if entry.get("cursor") and load in ("replace", "delete+insert"):
        yield ("cursor",), f"`cursor` means nothing to `load: {load}`", "take it out, or set `load: merge`"
    for index, column in enumerate(entry.get("columns") or ()):
        if column.get("exclude"):
            more = next((key for key in ("rename", "data_type", "data_tests", "tests") if column.get(key)), None)
            if more is not None:
                message = f"the column `{column['name']}` is left out, and `{more}` means nothing"
                yield ("columns", index, more), message, f"take out `{more}:` or `exclude:`"
