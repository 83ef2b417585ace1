"""Rows into a table of a MariaDB or MySQL server that is not ours: each by its key, all of a request or none."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eltflow.base.names import listed
from eltflow.transfer import Origin
from eltflow.transfer.jsontext import dumps
from eltflow.warehouse import WarehouseError
from eltflow_sqlalchemy.mysql.dialect import MariaDBDialect
from eltflow_sqlalchemy.mysql.tables import MySQLTableReader, connected

if TYPE_CHECKING:
    from eltflow_sqlalchemy.mysql.engine import MySQLDriver

_DIALECT = MariaDBDialect()
_AT_ONCE = 500  #: rows between two looks at whether to stop
_HELP = "correct the delivery, or the table"
_TEXTS = ("char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set")
_ROUNDED = ("decimal", "float", "double", "datetime", "timestamp", "time")
_UNIQUE = """
select index_name, group_concat(column_name order by seq_in_index separator '\\n') from information_schema.statistics
where non_unique = 0 and table_schema = coalesce(%s, database()) and table_name = %s group by index_name order by index_name
"""
_TYPES = """
select column_name, data_type, collation_name from information_schema.columns
where table_schema = coalesce(%s, database()) and table_name = %s
"""
_KEPT = """
select t.engine, e.transactions from information_schema.tables as t left join information_schema.engines as e on e.engine = t.engine
where t.table_schema = coalesce(%s, database()) and t.table_name = %s
"""


class MySQLReceiver(MySQLTableReader):
    """The same connections, for tables that rows are sent to."""

    kinds = ("table",)

    def open(self, values: Mapping[str, Any], root: Path) -> MySQLRecipient:  # type: ignore[override]
        server, connection = connected(values, root, read_only=False)
        return MySQLRecipient(server, connection, values.get("database"))


RECEIVER = MySQLReceiver()


class MySQLRecipient:
    """A connection that writes."""

    def __init__(self, server: MySQLDriver, connection: Any, database: object) -> None:
        self._server, self._connection = server, connection
        server.prepare(connection)
        self._ask("set time_zone = '+00:00'")
        if database is not None:
            self._ask(f"use {_DIALECT.quote(str(database))}")

    def send(
        self, to: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], key: str, *, stop: Callable[[], bool]
    ) -> Mapping[int, str]:
        keys = [str(name) for name in to["unique_key"]]
        self._check(str(to["table"]), keys)
        self._written(_upsert(_item(to), list(rows[0]), keys), rows, stop)
        return {}

    def delete(
        self, to: Mapping[str, Any], keys: Sequence[Mapping[str, Any]], key: str, *, stop: Callable[[], bool]
    ) -> Mapping[int, str]:
        """By their signs, whatever the column's collation takes for the same: `a` is not the row of `A`, which may have come in its place."""
        kinds = {str(name).lower(): str(kind) for name, kind, _ in self._ask(_TYPES, *_named(str(to["table"])))}
        signs = {name: " collate utf8mb4_bin" if kinds.get(name.lower()) in _TEXTS else "" for name in keys[0]}
        told = " and ".join(f"{_plain(_DIALECT.quote(name))} = %s{sign}" for name, sign in signs.items())
        self._written(f"delete from {_plain(_item(to))} where {told}", keys, stop)
        return {}

    def _check(self, table: str, keys: Sequence[str]) -> None:
        """Raise WarehouseError where an upsert could change another row than that of its key, or could not be taken back."""
        found = self._ask(_KEPT, *_named(table))
        if not found:
            raise WarehouseError(f"there is no table {table}", help=_HELP)
        if found[0][1] != "YES":
            raise WarehouseError(f"{table} is kept by {found[0][0]}, which takes nothing back", help="make it a table of InnoDB")
        for name, kind, collation in self._ask(_TYPES, *_named(table)):
            if str(name).lower() not in {key.lower() for key in keys}:
                continue
            if str(kind) in _ROUNDED:
                message = f"{name} of {table} is {kind}, which may round two keys to one"
                raise WarehouseError(message, help="send by a key of whole numbers, texts or days")
            if collation is not None and not str(collation).endswith("_bin"):
                message = f"{table} takes different texts of {name} for the same ({collation}), so that one row would be sent over another"
                raise WarehouseError(message, help="let whoever keeps the table give the column a collation that ends in _bin")
        unique = {str(name): set(str(columns).lower().split("\n")) for name, columns in self._ask(_UNIQUE, *_named(table))}
        wanted = {name.lower() for name in keys}
        if wanted not in unique.values():
            names = ", ".join(map(_DIALECT.quote, keys))
            help = f"let whoever keeps the table add one: create unique index ... on {table} ({names})"
            raise WarehouseError(f"{table} has no unique key of {listed(keys)}", help=help)
        others = [name for name, columns in unique.items() if columns != wanted]
        if others:
            message = f"{table} has another unique key, {listed(others)}: by it the server may change the row of another key"
            raise WarehouseError(message, help="send to a table whose only unique key is that of the delivery")

    def _ask(self, sql: str, *parameters: Any) -> Sequence[tuple[Any, ...]]:
        with self._told(sql), self._connection.cursor() as cursor:
            cursor.execute(sql, parameters or None)
            rows: Sequence[tuple[Any, ...]] = cursor.fetchall()
            return rows

    def _told(self, sql: str) -> _Told:
        return _Told(self._server, sql)

    def _written(self, sql: str, rows: Sequence[Mapping[str, Any]], stop: Callable[[], bool]) -> None:
        """Execute a statement for each row, all or nothing."""
        self._ask("start transaction")
        try:
            for start in range(0, len(rows), _AT_ONCE):
                if stop():
                    raise WarehouseError("cancelled", kind="cancelled")
                with self._told(sql), self._connection.cursor() as cursor:
                    cursor.executemany(sql, [[*map(_bound, row.values())] for row in rows[start : start + _AT_ONCE]])
            self._ask("commit")
        except BaseException:
            with suppress(Exception):
                self._connection.rollback()
            raise

    def close(self) -> None:
        with suppress(Exception):
            self._connection.close()


class _Told:
    """Around what is asked of the server: its errors in its words."""

    def __init__(self, server: MySQLDriver, sql: str) -> None:
        self._server, self._sql = server, sql

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: object) -> None:
        import pymysql

        if isinstance(error, pymysql.Error | OSError):
            found = self._server.told(error, self._sql, lost=False)
            raise WarehouseError(found.engine_message, kind=found.kind, code=found.code, help=found.help or _HELP) from None


def _item(to: Mapping[str, Any]) -> str:
    return Origin(table=str(to["table"])).item(_DIALECT.quote)


def _named(table: str) -> tuple[str | None, str]:
    schema, _, name = table.rpartition(".")
    return schema or None, name


def _plain(sql: str) -> str:
    """Text in which a percent sign is no parameter."""
    return sql.replace("%", "%%")


def _upsert(table: str, names: Sequence[str], keys: Sequence[str]) -> str:
    """The statement that adds a row, or changes the one that has its key; columns that are not sent stay as they are."""
    quoted = {name: _plain(_DIALECT.quote(name)) for name in names}
    changed = ", ".join(f"{quoted[name]} = values({quoted[name]})" for name in names if name not in keys)
    does = changed or f"{quoted[keys[0]]} = {quoted[keys[0]]}"
    places = ", ".join(["%s"] * len(names))
    return f"insert into {_plain(table)} ({', '.join(quoted.values())}) values ({places}) on duplicate key update {does}"


def _bound(value: Any) -> Any:
    """A value as the server takes it: points in time in UTC, nested values as JSON."""
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        return value.astimezone(datetime.UTC).replace(tzinfo=None)
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, Mapping | list):
        return dumps(value)
    return value
