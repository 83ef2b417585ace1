"""What Spark says, as what people are told: the kind, the place in the statement, a remedy."""

from __future__ import annotations

import re
from collections.abc import Mapping

from eltflow.warehouse import WarehouseError
from eltflow.warehouse.values import ErrorKind

#: By the first words of an error's condition ("Error Conditions").
_KINDS: Mapping[str, ErrorKind] = {
    "OPERATION_CANCELED": "cancelled",
    "INVALID_HANDLE": "lost",  # the server knows our session no more
    "INSUFFICIENT_PERMISSIONS": "permission",
    "UNAUTHORIZED_ACCESS": "permission",
    "DELTA_CONCURRENT_APPEND": "transient",
    "DELTA_CONCURRENT_WRITE": "transient",
    "DELTA_METADATA_CHANGED": "transient",
}
_HELPS: Mapping[str, str] = {
    "DATA_SOURCE_NOT_FOUND": "have the server started with the package of that `file_format`, or keep the table as parquet",
    "UNSUPPORTED_FEATURE": "tables of parquet take new rows and new partitions alone: `file_format: delta` or `iceberg`, where the"
    " server has it, take MERGE, and columns that change",
    "LOCATION_ALREADY_EXISTS": "a statement that was cut off left files there: delete that folder, which no table has",
}
_CONDITION = re.compile(r"\[([A-Z][A-Z0-9_]+(?:\.[A-Z0-9_]+)*)\]\s*")
_AGAIN = re.compile(r"\s*[\w.$]+(?:Exception|Error): (?:\s*\[[A-Z][A-Z0-9_.]+\])?\s*")
#: The grammar counts columns from 0, and the first form of it from 1.
_PLACES = (
    (re.compile(r"== SQL \(line (\d+), position (\d+)\) =="), 0),
    (re.compile(r"\(line (\d+), pos (\d+)\)"), 1),
    (re.compile(r"; line (\d+) pos (\d+)"), 1),
)
_STATE = re.compile(r"\s*SQLSTATE: \w{5}.*", re.DOTALL)
_TAIL = re.compile(r"\n\n?(?:JVM stacktrace:|== SQL|'[A-Z]\w+ |org\.apache\.).*", re.DOTALL)
_FULL = "No space left on device"
#: SQLSTATE 42501 is insufficient privilege (SQL:2016 §24.1).
_PRIVILEGE = "SQLSTATE: 42501"


def as_warehouse_error(text: str, *, cancelled: bool = False, lost: bool = False, condition: str | None = None) -> WarehouseError:
    """What went wrong with a statement, by Spark's words; `cancelled` says that it was asked to stop."""
    named = _CONDITION.search(text)
    condition = condition or (named.group(1) if named is not None else None)
    family = (condition or "").split(".")[0]
    kind: ErrorKind = _KINDS.get(family, "permission" if _PRIVILEGE in text else "sql")
    if lost:
        kind = "lost"
    if _FULL in text:
        kind = "disk"
    if cancelled and kind in ("sql", "lost"):
        kind = "cancelled"
    message = words(text)
    if kind == "lost":
        message = f"the connection to the server was lost: {message}"
    line, column = _place(text) if kind == "sql" else (None, None)
    return WarehouseError(message, kind=kind, code=condition, line=line, column=column, help=_HELPS.get(family))


def words(text: str) -> str:
    """The sentence itself, without its condition, its state, and what the server was doing."""
    named = _CONDITION.search(text)
    told = text[named.end() :] if named is not None else text
    while (again := _AGAIN.match(told)) is not None:  # a Thrift server says it twice
        told = told[again.end() :]
    return " ".join(_TAIL.sub("", _STATE.sub("", told)).split()) or text.strip()


def _place(text: str) -> tuple[int | None, int | None]:
    for pattern, base in _PLACES:
        found = pattern.search(text)
        if found is not None:
            return int(found.group(1)), int(found.group(2)) + base
    return None, None
