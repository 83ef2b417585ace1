"""Tables of any database that has an SQLAlchemy dialect, read for steps: its catalogue by reflection, its rows as the driver's values."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eltflow.base.plugins import driver
from eltflow.base.records import dataclass
from eltflow.transfer import Field, Kept, Origin, Since, Source
from eltflow.transfer.astext import as_text
from eltflow.warehouse import WarehouseError

if TYPE_CHECKING:
    import sqlalchemy

_BATCH = 2000  #: rows
#: A level under which all statements of a connection see the same rows, where it keeps nobody from writing.
_SNAPSHOT: Mapping[str, str] = {
    **dict.fromkeys(("postgresql", "mysql", "mariadb"), "REPEATABLE READ"),
    "oracle": "SERIALIZABLE",
}
#: What is said to a connection first: that it reads alone, and that times are UTC.
_FIRST: Mapping[str, tuple[str, ...]] = {
    "postgresql": ("set session characteristics as transaction read only", "set time zone 'UTC'"),
    **dict.fromkeys(("mysql", "mariadb"), ("set session transaction read only", "set time_zone = '+00:00'")),
    "oracle": ("alter session set time_zone = '+00:00'",),
    "sqlite": ("pragma query_only = on",),
}
#: Engines whose own text of a value is what a person would write.
_SPELL = frozenset(["postgresql", "mysql", "mariadb", "oracle", "sqlite"])
#: The packages of drivers whose module has another name.
_PACKAGES: Mapping[str, str] = {"MySQLdb": "mysqlclient", "psycopg2": "psycopg2-binary", "cx_Oracle": "cx_Oracle"}


class AnyTableReader:
    """Connections of `type: sqlalchemy`."""

    kinds = ("sql",)
    keys: Mapping[str, str] = {
        "url": "dialect+driver://user@host:port/database, as SQLAlchemy has it; without the password",
        "password": "the user's password",
        "connect_args": "what the driver's connect() is given besides: a mapping",
    }
    secret_keys: frozenset[str] = frozenset(["password"])

    def problems(self, values: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        return tuple(self._problems(values))

    def _problems(self, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        url = values.get("url")
        scheme, sign, rest = url.partition("://") if isinstance(url, str) else ("", "", "")
        user, _, _ = rest.partition("@") if "@" in rest else ("", "", "")
        if not sign or not scheme:
            yield "url", "`url` must say how to connect: mssql+pymssql://reader@db.example.com/crm"
        elif ":" in user or re.search(r"[?&](password|passwd|pwd)=", rest, re.IGNORECASE):
            yield "url", "`url` must not hold the password: give it as `password`, so that it is never shown"
        if not isinstance(values.get("password", ""), str | int):
            yield "password", "`password` must be a text"
        if not isinstance(values.get("connect_args", {}), Mapping):
            yield "connect_args", "`connect_args` must be a mapping"

    def open(self, values: Mapping[str, Any], root: Path) -> AnyTables:
        with driver("sqlalchemy connections", "'eltflow[sqlalchemy]'"):
            import sqlalchemy
            from sqlalchemy.exc import ArgumentError, NoSuchModuleError
        name = str(values["url"]).partition(":")[0]
        try:
            url = sqlalchemy.make_url(str(values["url"]))
            if values.get("password") is not None:
                url = url.set(password=str(values["password"]))
            arguments = dict(values.get("connect_args") or {})
            engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.pool.NullPool, connect_args=arguments)
        except NoSuchModuleError:
            help = "install the package that brings it, or correct `url:` of the connection"
            raise WarehouseError(f"SQLAlchemy knows no dialect `{name}` here", kind="connection", help=help) from None
        except ImportError as error:
            module = str(error.name or "").partition(".")[0]
            with driver(f"{name} connections", _PACKAGES.get(module, module)):
                raise
        except ArgumentError as error:
            raise WarehouseError(str(error), kind="connection", help="correct `url:` of the connection") from None
        with _told(engine.dialect.name, "connection"):
            connection = engine.connect()
        return AnyTables(connection)


TABLES = AnyTableReader()


@contextmanager
def _told(name: str, kind: Any = "sql") -> Iterator[None]:
    """What the driver says, without SQLAlchemy's own words around it."""
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    try:
        yield
    except DBAPIError as error:
        words = str(error.orig).strip() or type(error.orig).__name__
        raise WarehouseError(f"{name}: {words}", kind="lost" if error.connection_invalidated else kind) from None
    except (
        SQLAlchemyError,
        OSError,
        ValueError,
        ArithmeticError,
        TypeError,
    ) as error:  # values that Python has no room for, odd settings
        raise WarehouseError(f"{name}: {error}", kind=kind) from None


class AnyTables:
    """A connection that reads; where the server has snapshots that keep nobody from writing, every read is of one."""

    def __init__(self, connection: sqlalchemy.Connection) -> None:
        self.name = connection.dialect.name
        level = _SNAPSHOT.get(self.name)
        with _told(self.name, "connection"):
            for sql in _FIRST.get(self.name, ()):
                connection.exec_driver_sql(sql)
            connection.commit()
            self.connection = connection if level is None else connection.execution_options(isolation_level=level)

    def tables(self, schema: str | None) -> Sequence[str]:
        import sqlalchemy

        with _told(self.name):
            there = sqlalchemy.inspect(self.connection)
            return sorted({*there.get_table_names(schema), *there.get_view_names(schema)})

    def key(self, table: str) -> Sequence[str]:
        import sqlalchemy

        schema, _, name = table.rpartition(".")
        with _told(self.name):
            found = sqlalchemy.inspect(self.connection).get_pk_constraint(name, schema or None)
        return [str(column) for column in found.get("constrained_columns") or ()]

    def columns(self, origin: Origin) -> Sequence[Kept]:
        """Those of a table by the catalogue. Of a query the driver tells names alone, and its values come as text."""
        import sqlalchemy

        if origin.table is None:
            none = sqlalchemy.select(sqlalchemy.text("*")).select_from(self._from(origin, [])).where(sqlalchemy.text("1 = 0"))
            with _told(self.name):
                found = self.connection.execute(none)
                names = list(found.keys())
                found.close()
            return [
                Kept(name, "VARCHAR", name, f"`{name}` is of a query, whose types nobody tells, and comes as text")
                for name in names
            ]
        return [_kept(self.name, str(name), type) for name, type in self._reflected(origin.table).items()]

    def _reflected(self, table: str) -> Mapping[str, Any]:
        import sqlalchemy
        from sqlalchemy.exc import NoSuchTableError

        schema, _, name = table.rpartition(".")
        try:
            with _told(self.name):
                return {one["name"]: one["type"] for one in sqlalchemy.inspect(self.connection).get_columns(name, schema or None)}
        except WarehouseError as error:
            if isinstance(error.__context__, NoSuchTableError):
                raise WarehouseError(f"{self.name}: there is no table {table}") from None
            raise

    def rows(self, origin: Origin, columns: Sequence[tuple[Kept, str]], since: Since | None, *, lenient: bool = False) -> Source:
        return _Selected(self, self.selected(origin, columns, since), tuple(Field(name, kept.type) for kept, name in columns))

    def selected(self, origin: Origin, columns: Sequence[tuple[Kept, str]], since: Since | None) -> sqlalchemy.Select[Any]:
        """The query for these columns."""
        import sqlalchemy

        names = [kept.name for kept, _ in columns]
        source = self._from(origin, [*names, since.column] if since is not None else names)
        query = sqlalchemy.select(*(self._item(source.c[kept.name], kept) for kept, _ in columns))
        if since is None:
            return query
        column = source.c[since.column]
        within = [column >= _bound(since.value, since.type)]
        if since.until is not None:
            within.append(column < _bound(since.until, since.type))
        return query.where(sqlalchemy.or_(sqlalchemy.and_(*within), column.is_(None)))

    def _item(self, column: Any, kept: Kept) -> Any:
        """The value of a column: as the server itself writes it where it comes as text or JSON, whatever its driver makes of such."""
        import sqlalchemy

        if kept.type == "JSON" or (kept.note is not None and kept.type == "VARCHAR" and self.name in _SPELL):
            return sqlalchemy.cast(column, sqlalchemy.Text)
        if kept.type == "DOUBLE" and self.name in ("mysql", "mariadb"):  # of a float, its text keeps six digits
            return column + sqlalchemy.literal_column("0e0")
        return column

    def _from(self, origin: Origin, names: Sequence[str]) -> Any:
        import sqlalchemy

        if origin.table is None:
            known: list[Any] = [sqlalchemy.column(name) for name in dict.fromkeys(names)]
            # On lines of its own: the query may end in a comment.
            query = sqlalchemy.text("\n" + _plain(str(origin.query).rstrip().removesuffix(";")) + "\n")
            return query.columns(*known).subquery("eltflow_rows")
        schema, _, name = origin.table.rpartition(".")
        listed = [sqlalchemy.column(column, type) for column, type in self._reflected(origin.table).items()]
        return sqlalchemy.table(name, *listed, schema=schema or None)

    def highest(self, origin: Origin, column: Kept) -> str | None:
        import sqlalchemy

        source = self._from(origin, [column.name])
        with _told(self.name):
            value = self.connection.execute(sqlalchemy.select(sqlalchemy.func.max(source.c[column.name]))).scalar()
        return None if value is None else as_text(value)

    def close(self) -> None:
        with suppress(Exception):
            self.connection.close()


@dataclass(frozen=True, slots=True)
class _Selected:
    """The rows of a query, as the driver sends them."""

    tables: AnyTables
    query: Any
    fields: tuple[Field, ...]

    def text(self) -> Iterator[bytes]:
        with _told(self.tables.name):
            found = self.tables.connection.execution_options(yield_per=_BATCH).execute(self.query)
        zoned = [field.type == "TIMESTAMP WITH TIME ZONE" for field in self.fields]
        try:
            partitions = found.partitions()
            while True:
                with _told(self.tables.name):
                    rows = next(partitions, None)
                if rows is None:
                    return
                yield "".join("\t".join(map(_text, row, zoned)) + "\n" for row in rows).encode()
        finally:
            with suppress(Exception):
                found.close()

    def parquet(self, folder: str, names: Sequence[str], *, plain: bool = False) -> None:
        raise NotImplementedError("no engine that takes Parquet is loaded from databases")


def _text(value: Any, zoned: bool) -> str:
    """A value as text. What a driver gives without the zone that its column has is UTC, as the session is."""
    if zoned and isinstance(value, datetime.datetime) and value.tzinfo is None:
        value = value.replace(tzinfo=datetime.UTC)
    return as_text(value)


def _plain(query: str) -> str:
    """A query whose colons are no parameters."""
    return query.replace(":", r"\:")


def _bound(value: Any, type: str) -> Any:
    """A limit as the column is compared with."""
    if isinstance(value, datetime.datetime) and type == "TIMESTAMP":
        return value.replace(tzinfo=None)
    return value


_ZONED = frozenset([("mysql", "TIMESTAMP"), ("mariadb", "TIMESTAMP")])


def _kept(name: str, column: str, type: Any) -> Kept:
    """What a column comes as. Whole numbers of Oracle have up to 38 digits, whatever they are called."""
    from sqlalchemy import types

    read, note = "VARCHAR", None
    match type:
        case types.Boolean():
            read = "BOOLEAN"
        case types.Integer() if getattr(type, "unsigned", False):
            read = "UBIGINT"
        case types.Integer() if not isinstance(type, types.Numeric):  # as Oracle's NUMBER is, too
            read = "DECIMAL(38,0)" if name == "oracle" else "BIGINT"
        case types.Float():
            read = "DOUBLE"
        case types.Numeric() if type.precision is not None and type.precision <= 38 and (type.scale or 0) >= 0:
            read = f"DECIMAL({type.precision},{type.scale or 0})"
        case types.DateTime():
            zoned = type.timezone or type.__class__.__name__ == "DATETIMEOFFSET" or (name, type.__class__.__name__) in _ZONED
            read, note = "TIMESTAMP WITH TIME ZONE" if zoned else "TIMESTAMP", _finer(column, type)
        case types.Date():
            read = "DATE"
        case types.Time() if name in ("mysql", "mariadb"):  # which holds spans of more than a day
            note = f"`{column}` is {type!r}, and comes as text"
        case types.Time():
            read = "TIME WITH TIME ZONE" if getattr(type, "timezone", False) else "TIME"
            note = _finer(column, type)
        case types.LargeBinary() | types._Binary():
            read = "BLOB"
        case types.Uuid():
            read = "UUID"
        case types.JSON():
            read = "JSON"
        case types.String() if type.__class__.__name__ == "SET":
            note = f"`{column}` is {type!r}, and comes as text"
        case types.String():
            why = f"`{column}` is text, which is no cursor here: each database has an order of its own"
            return Kept(column, read, column, unordered=why)
        case _:
            note = f"`{column}` is {type!r}, and comes as text"
    return Kept(column, read, column, note)


def _finer(column: str, type: Any) -> str | None:
    digits = getattr(type, "precision", None)
    return f"`{column}` is {type!r}, and comes in microseconds" if digits is not None and digits > 6 else None


__all__ = ["TABLES", "AnyTableReader", "AnyTables"]
