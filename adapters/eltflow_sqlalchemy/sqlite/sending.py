"""Rows into a table of an SQLite file that is not ours: each by its key, all of a request or none."""

from __future__ import annotations

import datetime
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

from eltflow.transfer import Origin
from eltflow.transfer.jsontext import dumps
from eltflow.warehouse import WarehouseError
from eltflow_sqlalchemy.sqlite.dialect import SQLiteDialect
from eltflow_sqlalchemy.sqlite.tables import SQLiteTableReader

_DIALECT = SQLiteDialect()
_AT_ONCE = 500  #: rows between two looks at whether to stop
_PATIENCE = 60.0  #: seconds in which whoever else writes to the file is to end
_WIDE = 2**63


class SQLiteReceiver(SQLiteTableReader):
    """The same connections, for tables that rows are sent to."""

    kinds = ("table",)

    def open(self, values: Mapping[str, Any], root: Path) -> SQLiteRecipient:  # type: ignore[override]
        path = self.file(values, root)
        return SQLiteRecipient(
            sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=_PATIENCE, check_same_thread=False)
        )


RECEIVER = SQLiteReceiver()


class SQLiteRecipient:
    """A file that is written to."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def send(
        self, to: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], key: str, *, stop: Callable[[], bool]
    ) -> Mapping[int, str]:
        table = Origin(table=str(to["table"])).item(_DIALECT.quote)
        keys = [str(name) for name in to["unique_key"]]
        try:
            self._written(_upsert(table, list(rows[0]), keys), rows, stop)
        except sqlite3.Error as error:
            if "ON CONFLICT" in str(error):
                columns = ", ".join(map(_DIALECT.quote, keys))
                help = f"let whoever keeps the file add one: create unique index ... on {table} ({columns})"
                raise WarehouseError(f"{table} has no unique constraint on {', '.join(keys)}", help=help) from None
            raise WarehouseError(str(error), help="correct the delivery, or the table") from None
        return {}

    def delete(
        self, to: Mapping[str, Any], keys: Sequence[Mapping[str, Any]], key: str, *, stop: Callable[[], bool]
    ) -> Mapping[int, str]:
        table = Origin(table=str(to["table"])).item(_DIALECT.quote)
        where = " and ".join(f"{_DIALECT.quote(name)} = ?" for name in keys[0])
        try:
            self._written(f"delete from {table} where {where}", keys, stop)
        except sqlite3.Error as error:
            raise WarehouseError(str(error), help="correct the delivery, or the table") from None
        return {}

    def _written(self, sql: str, rows: Sequence[Mapping[str, Any]], stop: Callable[[], bool]) -> None:
        """Execute a statement for each row, all or nothing."""
        self._connection.execute("begin immediate")
        try:
            for start in range(0, len(rows), _AT_ONCE):
                if stop():
                    raise WarehouseError("cancelled", kind="cancelled")
                self._connection.executemany(sql, [[*map(_bound, row.values())] for row in rows[start : start + _AT_ONCE]])
            self._connection.execute("commit")
        except BaseException:
            with suppress(sqlite3.Error):
                self._connection.execute("rollback")
            raise

    def close(self) -> None:
        self._connection.close()


def _upsert(table: str, names: Sequence[str], keys: Sequence[str]) -> str:
    """The statement that adds a row, or changes the one that has its key; columns that are not sent stay as they are."""
    quote = _DIALECT.quote
    changed = ", ".join(f"{quote(name)} = excluded.{quote(name)}" for name in names if name not in keys)
    does = f"update set {changed}" if changed else "nothing"
    columns, places = ", ".join(map(quote, names)), ", ".join("?" for _ in names)
    return f"insert into {table} ({columns}) values ({places}) on conflict ({', '.join(map(quote, keys))}) do {does}"


def _bound(value: Any) -> Any:
    """A value as the file keeps it: its columns make numbers of texts where they are declared as such."""
    if isinstance(value, datetime.datetime):
        return value.isoformat(" ")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if value is None or isinstance(value, float | str | bytes):
        return value
    if isinstance(value, int):
        return int(value) if -_WIDE <= value < _WIDE else str(value)
    return dumps(value) if isinstance(value, Mapping | list) else str(value)
