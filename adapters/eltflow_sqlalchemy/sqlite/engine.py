"""SQLite by Python's own driver."""

from __future__ import annotations

import math
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import sqlalchemy

from eltflow.base.names import TEMPORARY
from eltflow.warehouse import CatalogColumn, CatalogTable, Relation, Target, WarehouseError
from eltflow.warehouse.values import ErrorKind
from eltflow_sqlalchemy.rows import Reads, batches, binary, boolean, clock, day, in_utc, moment, whole
from eltflow_sqlalchemy.session import Ask, Schemas
from eltflow_sqlalchemy.sqlite.dialect import SQLiteDialect
from eltflow_sqlalchemy.sqlite.files import schema_file, schema_files
from eltflow_sqlalchemy.statements import CreateAs, Load

_DIALECT = SQLiteDialect()
_KINDS: Mapping[str, ErrorKind] = {
    "SQLITE_INTERRUPT": "cancelled",
    "SQLITE_BUSY": "locked",
    "SQLITE_LOCKED": "locked",
    "SQLITE_READONLY": "read_only",
    "SQLITE_PERM": "permission",
    "SQLITE_FULL": "disk",
    "SQLITE_IOERR": "disk",
    "SQLITE_CANTOPEN": "connection",
    "SQLITE_NOTADB": "connection",
}
_HELPS: Mapping[str, str] = {
    "locked": "another process writes to this file: wait for it, or raise `timeout:` of the target",
    "read_only": "give the file, and the folder it is in, to the user who runs this",
}
_ACROSS = re.compile(r"view (.+) cannot reference objects in database (.+)")
_ODD = re.compile(r"[^\w -]")

_RANGES = {"tinyint": 7, "smallint": 15, "int": 31, "integer": 31, "bigint": 63}


class SQLiteDriver:
    """`path` is the file of the schema `main`; the schema `x` is the file with `.x` before its ending."""

    def __init__(self, path: Path, *, read_only: bool, timeout: float) -> None:
        self._path, self._read_only, self._timeout = path, read_only, timeout

    def engine(self, target: Target, root: Path, *, read_only: bool) -> sqlalchemy.Engine:
        def connect() -> sqlite3.Connection:
            return sqlite3.connect(
                self._uri(self._path), uri=True, isolation_level=None, check_same_thread=False, timeout=self._timeout
            )

        return sqlalchemy.create_engine("sqlite://", creator=connect, poolclass=sqlalchemy.pool.QueuePool, max_overflow=-1)

    def _uri(self, path: Path) -> str:
        return f"{path.as_uri()}?mode={'ro' if self._read_only else 'rwc'}"

    def prepare(self, connection: sqlite3.Connection) -> None:
        """Without the old way of renaming, a view that reads what is not there keeps any table from being renamed
        (lang_altertable.html §2)."""
        connection.execute("pragma legacy_alter_table = on")
        connection.execute("select 1 from sqlite_master")  # a file that is none says so now

    def ready(self, connection: sqlite3.Connection) -> None:
        """Files that came since are attached: no transaction may be open then."""
        there = {row[1] for row in connection.execute("pragma database_list")}
        for schema, path in schema_files(self._path):
            if schema not in there:
                self._attach(connection, schema, path)

    def attach(self, connection: sqlite3.Connection, schema: str) -> None:
        if _ODD.search(schema):
            raise WarehouseError(f"the schema `{schema}` is a file here, and may have only letters, digits, _ and - in its name")
        if schema in {row[1] for row in connection.execute("pragma database_list")}:
            return
        path = schema_file(self._path, schema)
        new = not path.exists()
        path.touch()  # for the other sessions to find
        try:
            self._attach(connection, schema, path)
        except (WarehouseError, sqlite3.Error):
            if new:
                path.unlink()
            raise

    def _attach(self, connection: sqlite3.Connection, schema: str, path: Path) -> None:
        try:
            connection.execute(f"attach database ? as {_DIALECT.quote(schema)}", (self._uri(path),))
        except sqlite3.OperationalError as error:
            if "too many attached" not in str(error):
                raise
            help = "keep models in fewer schemas"
            raise WarehouseError(
                f"a schema is a file here, and SQLite opens 10 beside the target's own: {path.name}", help=help
            ) from None

    def create_as(self, cursor: sqlite3.Cursor, statement: CreateAs) -> int | None:
        raise NotImplementedError

    def open_transaction(self, connection: sqlite3.Connection) -> bool:
        return connection.in_transaction

    def cancel(self, connection: sqlite3.Connection) -> None:
        connection.interrupt()

    def told(self, error: Exception, sql: str, *, lost: bool) -> WarehouseError:
        code = str(getattr(error, "sqlite_errorname", "") or "")
        primary = "_".join(code.split("_")[:2])
        kind = _KINDS.get(primary, "sql")
        across = _ACROSS.match(str(error))
        help = _HELPS.get(kind)
        if across is not None:
            help = f"a view reads its own schema only: set `materialized: table`, or keep both in the schema {across.group(2)}"
        return WarehouseError(str(error), kind="lost" if lost else kind, code=code or None, help=help)

    def refused(self, error: Exception) -> WarehouseError:
        return WarehouseError(f"{self._path}: {error}", kind="connection", help="`path:` of the target names an SQLite file")

    def types(self, cursor: sqlite3.Cursor) -> Sequence[str | None]:
        """None: a column of a result may hold values of any type."""
        return [None] * len(cursor.description or ())

    def catalog(self, ask: Ask, schemas: Schemas, only: Sequence[Relation] | None) -> tuple[CatalogTable, ...]:
        there = {str(row[1]) for row in ask("pragma database_list")}
        names = None if only is None else {_DIALECT.fold(relation.identifier, True) for relation in only}
        found = []
        for database, schema in schemas:
            if database is not None or schema not in there:
                continue
            listed = ask(
                f"select name, type from {_DIALECT.quote(schema)}.sqlite_master where type in ('table', 'view') order by 1"
            )
            for name, kind in listed:
                wanted = names is None or _DIALECT.fold(name, True) in names or TEMPORARY in name
                if wanted and not name.startswith("sqlite_"):
                    columns: tuple[CatalogColumn, ...] = ()
                    with suppress(WarehouseError):  # a view of what is not there any more
                        rows = ask('select name, type, not "notnull" from pragma_table_xinfo(?, ?) where hidden <> 1', name, schema)
                        columns = tuple(CatalogColumn(column, type.lower(), bool(nullable)) for column, type, nullable in rows)
                    found.append(CatalogTable(Relation(None, schema, name), kind, columns))
        return tuple(found)

    def load(self, cursor: sqlite3.Cursor, statement: Load, stopped: Callable[[], bool]) -> int:
        """SQLite lets anything into a column: that a value is of the column's type is seen to here."""
        assert statement.source is not None
        types = {str(name): str(type).lower() for name, type in cursor.execute(statement.probe)}
        reads = [
            _reads(types.get(name, ""), field.type) for name, field in zip(statement.into, statement.source.fields, strict=True)
        ]
        count = 0
        for rows in batches(statement.source, statement.into, reads):
            if stopped():
                raise WarehouseError("cancelled", kind="cancelled")
            cursor.executemany(statement.sql, rows)
            count += len(rows)
        return count


def _reads(type: str, kind: str) -> Reads:
    """What makes a value for a column of a type from the text of a field of DuckDB's type `kind`."""
    bare = type.split("(")[0].strip()
    if bare in _RANGES:
        return whole(-(2 ** _RANGES[bare]), 2 ** _RANGES[bare] - 1)
    if kind == "BLOB" or bare == "blob":
        return binary
    return _READS.get(bare, str)


def _double(text: str) -> float:
    number = float(text)
    if math.isnan(number):
        raise ValueError("SQLite has no NaN, and would make it NULL")
    return number


def _decimal(text: str) -> float | int:
    digits = sum(c.isdigit() for c in text.lstrip("-+0."))
    if digits > 15:
        raise ValueError("SQLite keeps 15 digits of a number with a fraction")
    return float(text) if "." in text or "e" in text.lower() else int(text)


_READS: Mapping[str, Reads] = {
    "boolean": boolean,
    "double": _double,
    "real": _double,
    "float": _double,
    "decimal": _decimal,
    "numeric": _decimal,
    "date": day,
    "time": clock,
    "timestamp": lambda text: moment(text).isoformat(sep=" "),
    "datetime": lambda text: moment(text).isoformat(sep=" "),
    "timestamptz": lambda text: in_utc(text).isoformat(sep=" "),
    "timestamp with time zone": lambda text: in_utc(text).isoformat(sep=" "),
}
