"""DuckDB's exceptions as WarehouseError, with the place in the statement where DuckDB tells it."""

from __future__ import annotations

import json
from typing import Any

from eltflow.warehouse import WarehouseError
from eltflow.warehouse.values import ErrorKind

_KINDS: dict[str, ErrorKind] = {"interrupt": "cancelled", "connection": "connection", "permission": "permission"}


def as_warehouse_error(error: Exception, sql: str = "") -> WarehouseError:
    """What DuckDB said; its message is JSON where the session asked for that."""
    text = str(error)
    details: dict[str, Any] = {}
    start = text.find("{")
    if start >= 0:
        try:
            details = json.loads(text[start:])
        except ValueError:
            details = {}
    kind_name = str(details.get("exception_type") or type(error).__name__.removesuffix("Exception"))
    message = str(details.get("exception_message") or text).strip()
    line = column = None
    position = details.get("position")
    if sql and position is not None and str(position).isdigit():
        before = sql.encode()[: int(position)].decode(errors="ignore")
        line = before.count("\n") + 1
        column = len(before) - (before.rfind("\n") + 1) + 1
    return WarehouseError(f"{kind_name} Error: {message}", kind=_kind(kind_name, message), line=line, column=column, code=kind_name)


def _kind(name: str, message: str) -> ErrorKind:
    lowered = message.lower()
    if name == "IO" and "lock" in lowered:
        return "locked"
    if "no space left" in lowered or "disk full" in lowered or "could not write all bytes" in lowered:
        return "disk"
    if "read-only" in lowered or "read only" in lowered:
        return "read_only"
    if name == "TransactionContext" or "write-write conflict" in lowered or "conflict on" in lowered:
        return "transient"
    return _KINDS.get(name.lower(), "sql")  # DuckDB spells some kinds in capitals
