"""MariaDB and MySQL by PyMySQL."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pymysql
import sqlalchemy
from pymysql.constants import FIELD_TYPE, FLAG, SERVER_STATUS

from eltflow.base.names import TEMPORARY
from eltflow.warehouse import CatalogColumn, CatalogTable, Relation, Target, WarehouseError
from eltflow.warehouse.values import RelationKind
from eltflow_sqlalchemy.mysql.dialect import MariaDBDialect, MySQLDialect, without_width
from eltflow_sqlalchemy.mysql.errors import as_connection_error, as_warehouse_error
from eltflow_sqlalchemy.rows import Reads, batches, binary, boolean, clock, day, in_utc, moment, whole
from eltflow_sqlalchemy.session import Ask, Schemas
from eltflow_sqlalchemy.statements import CreateAs, Load

_DIALECT = MariaDBDialect()
_PATIENCE = 10  #: seconds that connecting may take
_BINARY = 63  #: the number of the character set of bytes
_KINDS: Mapping[str, RelationKind] = {
    "BASE TABLE": "table",
    "SYSTEM VERSIONED": "table",
    "VIEW": "view",
    "MATERIALIZED VIEW": "materialized_view",
}
_STRICT = "set session sql_mode = concat_ws(',', nullif(replace(@@sql_mode, 'NO_BACKSLASH_ESCAPES', ''), ''), 'STRICT_ALL_TABLES')"
_CATALOG = """
select t.table_schema, t.table_name, t.table_type, t.table_rows, c.column_name, c.column_type, c.is_nullable
from information_schema.tables as t
left join information_schema.columns as c on c.table_schema = t.table_schema and c.table_name = t.table_name
where t.table_schema in ({schemas}){names}
order by t.table_schema, t.table_name, c.ordinal_position
"""

_WHOLE = {
    FIELD_TYPE.TINY: "tinyint",
    FIELD_TYPE.SHORT: "smallint",
    FIELD_TYPE.INT24: "mediumint",
    FIELD_TYPE.LONG: "int",
    FIELD_TYPE.LONGLONG: "bigint",
}
_PLAIN = {FIELD_TYPE.FLOAT: "float", FIELD_TYPE.DOUBLE: "double", FIELD_TYPE.DATE: "date", FIELD_TYPE.YEAR: "year"}
_MOMENTS = {FIELD_TYPE.TIME: ("time", 10), FIELD_TYPE.DATETIME: ("datetime", 19), FIELD_TYPE.TIMESTAMP: ("timestamp", 19)}
_SCALE = re.compile(r"(\d+)\)")
_LARGE = ((255, "tiny"), (65_535, ""), (16_777_215, "medium"), (4_294_967_295, "long"))
_BITS = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}


def _collation(connection: Any) -> str:
    """What the server calls the order of texts by their signs, blanks at the end among them."""
    return MariaDBDialect.collation if "mariadb" in connection.get_server_info().lower() else MySQLDialect.collation


class MySQLDriver:
    """Where the server is, and how to sign in."""

    port = 3306
    listed = _CATALOG  #: the query for what there is

    def __init__(self, target: Target, root: Path, *, read_only: bool) -> None:
        values = target.values
        self._read_only = read_only
        self._arguments: dict[str, Any] = {
            "host": str(values.get("host") or values.get("server") or "localhost"),
            "port": int(values.get("port") or self.port),
            "user": values.get("user") or values.get("username"),
            "charset": "utf8mb4",
            "autocommit": True,
            "connect_timeout": int(values.get("connect_timeout") or _PATIENCE),
        }
        password = values.get("password", values.get("pass"))
        if password is not None:
            self._arguments["password"] = str(password)
        if values.get("unix_socket"):
            self._arguments["unix_socket"] = str(values["unix_socket"])
        for key in ("ssl_ca", "ssl_cert", "ssl_key"):
            if values.get(key):
                self._arguments[key] = str(root / str(values[key]))
        for key in ("ssl_disabled", "ssl_verify_cert", "ssl_verify_identity"):
            if values.get(key) is not None:
                self._arguments[key] = bool(values[key])
        self.where = str(values.get("unix_socket") or f"{self._arguments['host']}:{self._arguments['port']}")

    def engine(self, target: Target, root: Path, *, read_only: bool) -> sqlalchemy.Engine:
        return sqlalchemy.create_engine("mysql+pymysql://", creator=self.connect, pool_size=target.threads + 2, max_overflow=-1)

    def connect(self) -> Any:
        """A connection. PyMySQL minds `connect_timeout` only until the server accepts it: one that is silent then is waited for as long."""
        connection = pymysql.connect(**self._arguments, read_timeout=self._arguments["connect_timeout"])
        connection._read_timeout = None  # type: ignore[attr-defined]
        return connection

    def prepare(self, connection: Any) -> None:
        """Values that a column does not take are errors, and texts are compared by their signs."""
        with connection.cursor() as cursor:
            cursor.execute(_STRICT)
            cursor.execute(f"set names utf8mb4 collate {_collation(connection)}")
            if self._read_only:
                cursor.execute("set session transaction read only")

    def ready(self, connection: Any) -> None:
        pass

    def told(self, error: Exception, sql: str, *, lost: bool) -> WarehouseError:
        return as_warehouse_error(error, lost=lost)

    def refused(self, error: Exception) -> WarehouseError:
        return as_connection_error(error, self.where)

    def types(self, cursor: Any) -> Sequence[str | None]:
        fields = cursor._result.fields or () if cursor._result is not None else ()
        return [_type(field) for field in fields]

    def open_transaction(self, connection: Any) -> bool:
        return bool(connection.server_status & SERVER_STATUS.SERVER_STATUS_IN_TRANS)

    def cancel(self, connection: Any) -> None:
        other = self.connect()
        try:
            with other.cursor() as cursor:
                cursor.execute(f"kill query {connection.thread_id()}")
        finally:
            other.close()

    def attach(self, connection: Any, schema: str) -> None:
        raise NotImplementedError

    def create_as(self, cursor: Any, statement: CreateAs) -> int | None:
        """MariaDB takes a column for NOT NULL, with a default, when no row of the query can have NULL there: a later row that has it would
        be refused, and one without the column would get 0 or '' in silence (kb/create-table: CREATE TABLE ... SELECT)."""
        cursor.execute(f"select * from (\n{statement.query}\n) as eltflow_described where false")
        types = [(d[0], type) for d, type in zip(cursor.description, self.types(cursor), strict=True)]
        columns = ", ".join(f"{_DIALECT.quote(name)} {type} null" for name, type in types if type is not None)
        listed = f" ({columns})" if columns and all(type is not None for _, type in types) else ""
        texts = f" character set utf8mb4 collate {_collation(cursor.connection)}"
        count: int = cursor.execute(f"{statement.create}{listed}{texts} as\n{statement.query}")
        return count

    def catalog(self, ask: Ask, schemas: Schemas, only: Sequence[Relation] | None) -> tuple[CatalogTable, ...]:
        wanted = [schema for database, schema in schemas if database is None]
        if not wanted:
            return ()
        named = "" if only is None else " and (locate(%s, t.table_name) > 0 or t.table_name in (%s" + ", %s" * len(only) + "))"
        sql = self.listed.format(schemas=", ".join(["%s"] * len(wanted)), names=named)
        names = [] if only is None else [TEMPORARY, "", *(relation.identifier for relation in only)]
        found: dict[tuple[str, str], tuple[str, int | None, list[CatalogColumn]]] = {}
        for schema, name, kind, count, column, type, nullable in ask(sql, *wanted, *names):
            if schema in wanted and kind in _KINDS:
                columns = found.setdefault((schema, name), (kind, count, []))[2]
                if column is not None:
                    columns.append(CatalogColumn(column, without_width(type), nullable == "YES"))
        return tuple(
            CatalogTable(Relation(None, schema, name), _KINDS[kind], tuple(columns), None, count)
            for (schema, name), (kind, count, columns) in found.items()
        )

    def load(self, cursor: Any, statement: Load, stopped: Callable[[], bool]) -> int:
        """Rows by the thousand in one INSERT, each value as text that the server reads, after a look at what it would change in silence."""
        assert statement.source is not None
        cursor.execute(statement.probe)
        reads = [_reads(type or "", field.type) for type, field in zip(self.types(cursor), statement.source.fields, strict=True)]
        sql = f"{statement.sql.replace('%', '%%')} ({', '.join(['%s'] * len(reads))})"
        count = 0
        for rows in batches(statement.source, statement.into, reads):
            if stopped():
                raise WarehouseError("cancelled", kind="cancelled")
            cursor.executemany(sql, rows)
            count += len(rows)
        return count


def _type(field: Any) -> str | None:
    """The type of a result's column, as the catalog spells it; None for one that the protocol does not tell all of (an enumeration)."""
    code, length, unsigned = field.type_code, field.length, " unsigned" if field.flags & FLAG.UNSIGNED else ""
    if code == FIELD_TYPE.TINY and length == 1 and not unsigned:
        return "tinyint(1)"
    if code in _WHOLE:
        return _WHOLE[code] + unsigned
    if code in _PLAIN:
        return _PLAIN[code] + (unsigned if code in (FIELD_TYPE.FLOAT, FIELD_TYPE.DOUBLE) else "")
    if code in _MOMENTS:
        return _MOMENTS[code][0] + (f"({field.scale})" if 0 < field.scale <= 6 else "")
    if code in (FIELD_TYPE.NEWDECIMAL, FIELD_TYPE.DECIMAL):
        digits = length - (1 if field.scale else 0) - (0 if unsigned else 1)
        return f"decimal({digits},{field.scale}){unsigned}"
    if code == FIELD_TYPE.BIT:
        return f"bit({length})"
    if code == FIELD_TYPE.NULL:
        return "binary(0)"
    return _text_type(field)


def _text_type(field: Any) -> str | None:
    """The type of a column of text or bytes. Lengths are in bytes, four to a character."""
    code, bytes = field.type_code, field.charsetnr == _BINARY
    if field.flags & (FLAG.ENUM | FLAG.SET) or (code == FIELD_TYPE.STRING and field.flags & FLAG.BINARY and not bytes):
        return None  # an enumeration; uuid, inet6
    length = field.length if bytes or field.length == _LARGE[-1][0] else field.length // 4
    if code in (FIELD_TYPE.BLOB, FIELD_TYPE.TINY_BLOB, FIELD_TYPE.MEDIUM_BLOB, FIELD_TYPE.LONG_BLOB):
        size = next(word for most, word in _LARGE if length <= most)
        return size + ("blob" if bytes else "text")
    word = {FIELD_TYPE.VAR_STRING: ("varchar", "varbinary"), FIELD_TYPE.STRING: ("char", "binary")}.get(code)
    return f"{word[bytes]}({length})" if word is not None else None


def _reads(type: str, kind: str) -> Reads:
    """What makes a value for a column of a type from the text of a field of DuckDB's type `kind`."""
    bare = type.partition("(")[0]
    name, _, sign = type.partition(" ")
    if type == "tinyint(1)":
        return boolean
    if name in _BITS:
        bits = _BITS[name]
        return whole(0, 2**bits - 1) if sign == "unsigned" else whole(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    if kind == "BLOB":
        return binary
    if bare in ("datetime", "timestamp", "time", "decimal"):
        digits = _SCALE.search(type)
        scale = int(digits.group(1)) if digits is not None else 0
        if bare in ("time", "decimal"):
            return lambda text: _at_most(clock(text) if bare == "time" else text, scale)
        return lambda text: _at_most(_naive(text, zoned=kind == "TIMESTAMP WITH TIME ZONE"), scale)
    return {"double": _finite, "float": _finite, "date": day}.get(bare, str)


def _finite(text: str) -> str:
    if not math.isfinite(float(text)):
        raise ValueError("MariaDB has neither NaN nor infinity")
    return text


def _at_most(text: str, digits: int) -> str:
    """The text, which has no more digits after the point than that: MariaDB would round in silence."""
    if len(text.partition(".")[2].rstrip("0")) > digits and "e" not in text.lower():
        raise ValueError(f"it keeps {digits} digits after the point")
    return text


def _naive(text: str, *, zoned: bool) -> str:
    """A point in time, in UTC where the text names a zone or its column has one."""
    given = moment(text)
    return (in_utc(text) if zoned or given.tzinfo is not None else given).replace(tzinfo=None).isoformat(sep=" ")
