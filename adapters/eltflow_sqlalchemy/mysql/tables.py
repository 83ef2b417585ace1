"""Tables of a MariaDB or MySQL server, read for steps: a row at a time, as a text that the server itself makes of exact values."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eltflow.base.plugins import driver
from eltflow.base.records import dataclass
from eltflow.transfer import Field, Kept, Origin, Since, Source
from eltflow.warehouse import Target, WarehouseError
from eltflow_sqlalchemy.mysql import MARIADB
from eltflow_sqlalchemy.mysql.dialect import MariaDBDialect

if TYPE_CHECKING:
    import pymysql

    from eltflow_sqlalchemy.mysql.engine import MySQLDriver

_DIALECT = MariaDBDialect()
_BATCH = 2000  #: rows
#: Texts are escaped as a source's are; backslashes mean themselves twice in a literal of this engine.
_MARKS = ((r"'\\'", r"'\\\\'"), (r"'\t'", r"'\\t'"), (r"'\n'", r"'\\n'"), (r"'\r'", r"'\\r'"))


class MySQLTableReader:
    """Connections of `type: mariadb` and `type: mysql`."""

    kinds = ("sql",)
    keys: Mapping[str, str] = {**MARIADB.target_fields, "database": "the database whose tables are named without one"}
    secret_keys: frozenset[str] = MARIADB.secret_fields

    def problems(self, values: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        return MARIADB.target_problems(values)

    def open(self, values: Mapping[str, Any], root: Path) -> MySQLTables:
        server, connection = connected(values, root, read_only=True)
        return MySQLTables(server, connection, values.get("database"))


def connected(values: Mapping[str, Any], root: Path, *, read_only: bool) -> tuple[MySQLDriver, pymysql.Connection[Any]]:
    """The server of a connection with these settings, and a session there. Raises as `MySQLTableReader.open` does."""
    with driver(f"{values['type']} connections", "'eltflow[mysql]'"):
        import pymysql

        from eltflow_sqlalchemy.mysql.engine import MySQLDriver
    target = Target(name="", type=str(values["type"]), database=None, schema="", threads=1, values=values)
    server = MySQLDriver(target, root, read_only=read_only)
    try:
        return server, server.connect()
    except (pymysql.Error, OSError) as error:
        raise server.refused(error) from None


TABLES = MySQLTableReader()


class MySQLTables:
    """A connection whose every read is in one read-only transaction with one view of the data."""

    def __init__(self, server: MySQLDriver, connection: pymysql.Connection[Any], database: object) -> None:
        self._server, self._connection = server, connection
        server.prepare(connection)
        for sql in ("set time_zone = '+00:00'", "set session net_write_timeout = 3600"):
            self.ask(sql)
        if database is not None:
            self.ask(f"use {_DIALECT.quote(str(database))}")
        self.ask("start transaction with consistent snapshot, read only")

    def ask(self, sql: str, *parameters: Any, stream: bool = False) -> Any:
        """The cursor of a query. Raises WarehouseError."""
        import pymysql
        from pymysql.cursors import SSCursor

        cursor = self._connection.cursor(SSCursor if stream else None)
        try:
            cursor.execute(sql, parameters or None)
        except (pymysql.Error, OSError) as error:
            raise self._server.told(error, sql, lost=False) from None
        return cursor

    def tables(self, schema: str | None) -> Sequence[str]:
        there = "table_schema = coalesce(%s, database())"
        sql = f"select table_name from information_schema.tables where {there} order by cast(table_name as binary)"
        return [str(name) for (name,) in self.ask(sql, schema).fetchall()]

    def key(self, table: str) -> Sequence[str]:
        schema, _, name = table.rpartition(".")
        sql = (
            "select column_name from information_schema.key_column_usage where constraint_name = 'PRIMARY'"
            " and table_schema = coalesce(%s, database()) and table_name = %s order by ordinal_position"
        )
        return [str(name) for (name,) in self.ask(sql, schema or None, name).fetchall()]

    def columns(self, origin: Origin) -> Sequence[Kept]:
        cursor = self.ask(f"select * from {origin.item(_DIALECT.quote)} limit 0")
        return [_kept(d[0], type) for d, type in zip(cursor.description, self._server.types(cursor), strict=True)]

    def rows(self, origin: Origin, columns: Sequence[tuple[Kept, str]], since: Since | None, *, lenient: bool = False) -> Source:
        # CONCAT is NULL, in silence, where the row is longer than the server may send.
        values = ", '\\t', ".join(rf"coalesce({kept.expression}, '\\N')" for kept, _ in columns)
        where = ""
        parameters: tuple[Any, ...] = ()
        if since is not None:
            column = _DIALECT.quote(since.column)
            mark = "cast(%s as binary)" if since.type == "VARCHAR" else "%s"
            bounds = [(">=", since.value)] + ([("<", since.until)] if since.until is not None else [])
            within = " and ".join(f"{_ordered(column, since.type)} {sign} {mark}" for sign, _ in bounds)
            where = f" where ({within}) or {column} is null"
            parameters = tuple(str(v.replace(tzinfo=None) if isinstance(v, datetime.datetime) else v) for _, v in bounds)
        fields = tuple(Field(name, kept.type) for kept, name in columns)
        sql = f"select concat({values}) from {origin.item(_DIALECT.quote)}"
        return _Selected(self, (sql.replace("%", "%%") if parameters else sql) + where, parameters, fields)

    def highest(self, origin: Origin, column: Kept) -> str | None:
        highest = f"max({_ordered(_DIALECT.quote(column.name), column.type)})"
        value = self.ask(f"select cast({highest} as char) from {origin.item(_DIALECT.quote)}").fetchone()[0]
        return None if value is None else str(value)

    def close(self) -> None:
        with suppress(Exception):
            self._connection.close()


@dataclass(frozen=True, slots=True)
class _Selected:
    """The rows of a query, as the server sends them."""

    tables: MySQLTables
    sql: str
    parameters: tuple[Any, ...]
    fields: tuple[Field, ...]

    def text(self) -> Iterator[bytes]:
        cursor = self.tables.ask(self.sql, *self.parameters, stream=True)
        try:
            while rows := self._fetched(cursor):
                yield b"".join([_line(row[0]) for row in rows])
        finally:
            with suppress(Exception):
                cursor.close()

    def _fetched(self, cursor: Any) -> Sequence[tuple[Any, ...]]:
        import pymysql

        try:
            rows: Sequence[tuple[Any, ...]] = cursor.fetchmany(_BATCH)
            return rows
        except (pymysql.Error, OSError) as error:
            raise self.tables._server.told(error, self.sql, lost=True) from None

    def parquet(self, folder: str, names: Sequence[str], *, plain: bool = False) -> None:
        raise NotImplementedError("no engine that takes Parquet is loaded from databases")


def _line(value: Any) -> bytes:
    if value is None:
        message = "a row is longer than the server sends (max_allowed_packet)"
        raise WarehouseError(message, help="raise `max_allowed_packet` on the server, or read fewer columns with `query:`")
    return (value if isinstance(value, bytes) else str(value).encode()) + b"\n"


def _ordered(column: str, type: str) -> str:
    """A cursor's column as its values are compared."""
    return f"cast({column} as binary)" if type == "VARCHAR" else column


def _kept(name: str, type: str | None) -> Kept:
    """What a column comes as; `type` as the catalog spells it, None for what the protocol does not tell (enumerations, uuid, inet)."""
    column = _DIALECT.quote(name)
    bare = (type or "").partition("(")[0].partition(" ")[0]
    if type == "tinyint(1)":  # people have it for a boolean, and it holds whole numbers
        return Kept(name, "TINYINT", f"cast({column} as char)")
    if bare == "timestamp":
        return Kept(name, "TIMESTAMP WITH TIME ZONE", f"concat(cast({column} as char), '+00')")
    if bare == "bit":
        width = int(str(type)[4:-1])
        return Kept(name, "BIT", f"lpad(bin({column} + 0), {width}, '0')")
    if bare in ("float", "double"):  # of a float, the cast alone keeps six digits
        return Kept(name, "FLOAT" if bare == "float" else "DOUBLE", f"cast(cast({column} as double) as char)")
    if bare == "year":
        return Kept(name, "SMALLINT", f"cast({column} as char)")
    if bare == "binary" and type == "binary(0)":  # of a query's NULL
        return Kept(name, "VARCHAR", "null")
    kind = _DIALECT.reads_as(type) if type is not None else "VARCHAR"
    if kind == "BLOB":
        return Kept(name, kind, rf"concat('\\\\x', lower(hex({column})))")
    if kind != "VARCHAR":
        return Kept(name, kind, f"cast({column} as char)")
    note = f"`{name}` is {type}, and comes as text" if type is not None and bare == "decimal" else None
    made = f"convert({column} using utf8mb4)"
    for character, written in _MARKS:
        made = f"replace({made}, {character}, {written})"
    return Kept(name, "VARCHAR", made, note)
