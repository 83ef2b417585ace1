"""Who may add rows to a table: one statement at a time."""

from __future__ import annotations

import re
import threading
from contextlib import AbstractContextManager, nullcontext

from eltflow.warehouse import Statement

#: After the comment that says where a statement comes from.
_INSERT = re.compile(r"(?:\s|/\*.*?\*/)*insert\s+into\s+(\S+)", re.IGNORECASE | re.DOTALL)


class Turns:
    """The statements of one target that add rows to tables, one after the other for each table.

    Spark keeps what is not written yet in a folder within the table's own, and who is ready clears that away: of two that add to a table of
    files at once, the other then fails (FileNotFoundException) or loses rows.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tables: dict[str, threading.Lock] = {}

    def for_(self, statement: Statement) -> AbstractContextManager[object]:
        """What the statement is carried out within."""
        found = _INSERT.match(statement.sql) if statement.role in ("dml", "user") else None
        if found is None:
            return nullcontext()
        with self._lock:
            return self._tables.setdefault(found.group(1).replace("`", "").lower(), threading.Lock())
