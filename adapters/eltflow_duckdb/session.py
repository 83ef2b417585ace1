"""Sessions on a DuckDB file: one database object a process, a cursor for each session."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from eltflow.base.names import TEMPORARY
from eltflow.base.temporary import rows_folder
from eltflow.transfer import Tables
from eltflow.warehouse import CatalogColumn, CatalogTable, Column, Relation, Result, Statement, Target, WarehouseError
from eltflow.warehouse.values import ErrorKind, RelationKind
from eltflow_duckdb.attached import attachments, secret_statements
from eltflow_duckdb.dialect import DuckDBDialect
from eltflow_duckdb.errors import as_warehouse_error
from eltflow_duckdb.source import spooled

_DIALECT = DuckDBDialect()
_TABLES = "select database_name, schema_name, table_name, 'table', comment, estimated_size from duckdb_tables() where not internal"
_VIEWS = "select database_name, schema_name, view_name, 'view', comment, null from duckdb_views() where not internal"
_COLUMNS = """
select database_name, schema_name, table_name, column_name, data_type, is_nullable, comment
from duckdb_columns() where not internal{chosen} order by column_index
"""


class DuckDBSession:
    """A cursor. DuckDB lets go of the interpreter's lock while a statement runs, so that sessions run at the same time."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor
        self._cancelled = False

    def execute(self, statement: Statement) -> Result:
        try:
            if statement.role == "begin":
                self._cursor.execute(statement.sql)
            elif statement.role == "commit":
                self._cursor.commit()
            elif statement.role == "rollback":
                self._cursor.rollback()
            elif statement.role == "load":
                return self._load(statement)
            else:
                return self._run(statement)
        except duckdb.Error as error:
            raise as_warehouse_error(error, statement.sql) from None
        except RuntimeError as error:  # what an interrupted query raises in some versions
            raise WarehouseError(str(error), kind="cancelled") from None
        return Result()

    def _run(self, statement: Statement) -> Result:
        if statement.parameters:
            self._cursor.execute(statement.sql, list(statement.parameters))
        else:
            self._cursor.execute(statement.sql)
        if statement.role == "ddl":
            rows: Sequence[tuple[Any, ...]] = self._cursor.fetchall() if statement.main else ()
            return Result(affected=_count(rows))
        rows = self._cursor.fetchall()
        if statement.role == "query":
            columns = tuple(Column(d[0], str(d[1])) for d in self._cursor.description or ())
            return Result(columns=columns, rows=rows)
        return Result(affected=_count(rows))

    def _load(self, statement: Statement) -> Result:
        """By way of a file, which takes no memory, and which DuckDB reads in parallel."""
        assert statement.source is not None
        self._cancelled = False
        with rows_folder() as folder:
            path = os.path.join(folder, "rows")
            rows, longest = spooled(statement.source, path, lambda: self._cancelled)
            self._cursor.execute(statement.sql, [path, longest + 2])
            taken = _count(self._cursor.fetchall())
        if taken != rows:
            raise WarehouseError(f"{rows} rows were read, and {taken} came into the table")
        return Result(affected=taken)

    def cancel(self) -> None:
        self._cancelled = True
        self._cursor.interrupt()

    def close(self) -> None:
        self._cursor.close()


def _count(rows: Sequence[tuple[Any, ...]]) -> int | None:
    if len(rows) == 1 and len(rows[0]) == 1 and isinstance(rows[0][0], int):
        return int(rows[0][0])
    return None


class DuckDBDatabase:
    """An opened database file."""

    def __init__(self, target: Target, location: str, root: Path, *, read_only: bool) -> None:
        settings: dict[str, Any] = {str(k): v for k, v in (target.values.get("settings") or {}).items()}
        wants_read_only = read_only or bool(target.values.get("read_only"))
        if location != ":memory:" and wants_read_only and not os.path.exists(location):
            raise WarehouseError(f"there is no database {location}", kind="connection")
        folder = os.path.dirname(location)
        if location != ":memory:" and not os.path.isdir(folder):
            raise WarehouseError(f"there is no folder {folder}", kind="connection")
        self._location = location
        self._read_only = wants_read_only and location != ":memory:"
        self._settings = settings
        self._extensions = tuple(str(name) for name in target.values.get("extensions") or ())
        self._secrets = secret_statements(target.values, _DIALECT)
        self._attached = attachments(target.values, root, _DIALECT, read_only=self._read_only)
        self._root: duckdb.DuckDBPyConnection | None = None
        if location == ":memory:" or os.path.exists(location):
            self._connect()

    def _connect(self) -> duckdb.DuckDBPyConnection:
        """The connection; a file that is not there yet is made when the first session is asked for, not before."""
        if self._root is None:
            try:
                if self._location != ":memory:" and not os.path.exists(self._location):
                    with duckdb.connect(
                        ":memory:", config=self._settings
                    ) as trial:  # what cannot be had is told before the file is made
                        self._equip(trial)
                root = duckdb.connect(self._location, read_only=self._read_only, config=self._settings)
                root.execute("set errors_as_json = true")
                root.execute("set enable_progress_bar = false")
                self._equip(root)
            except duckdb.Error as error:
                raise as_warehouse_error(error) from None
            self._root = root
        return self._root

    def _equip(self, root: duckdb.DuckDBPyConnection) -> None:
        """Load the extensions, and attach the other databases with the secrets that they need."""
        root.execute("set autoinstall_known_extensions = false")
        for name in self._extensions:
            root.load_extension(name)
        for secret in self._secrets:
            root.execute(secret)
        for one in self._attached:
            if one.file is not None and not os.path.isdir(os.path.dirname(one.file)):
                raise WarehouseError(
                    f"cannot attach {one.alias}: there is no folder {os.path.dirname(one.file)}", kind="connection"
                )
            try:
                root.execute(one.sql)
            except duckdb.Error as error:
                found = as_warehouse_error(error)
                message = f"cannot attach {one.alias}: {found.engine_message}"
                kind: ErrorKind = found.kind if found.kind in ("locked", "permission", "disk") else "connection"
                raise WarehouseError(message, kind=kind, code=found.code, help=found.help) from None

    def session(self) -> DuckDBSession:
        cursor = self._connect().cursor()
        cursor.execute("set errors_as_json = true")
        cursor.execute("set enable_progress_bar = false")
        return DuckDBSession(cursor)

    def tables(self) -> Tables:
        from eltflow_duckdb.tables import DuckDBTables

        try:
            cursor = self._connect().cursor()
            for setting in ("errors_as_json = true", "enable_progress_bar = false", "TimeZone = 'UTC'"):
                cursor.execute(f"set {setting}")
        except duckdb.Error as error:
            raise as_warehouse_error(error) from None
        return DuckDBTables(cursor)

    def catalog(
        self, schemas: Sequence[tuple[str | None, str]], only: Sequence[Relation] | None = None
    ) -> tuple[CatalogTable, ...]:
        if self._root is None:
            return ()
        wanted = {(database.lower() if database else None, schema.lower()) for database, schema in schemas}
        session = self.session()
        try:
            found = _asked(session, f"{_TABLES}{_named('table_name', only)} union all {_VIEWS}{_named('view_name', only)}")
            named = [row for row in found if (row[0].lower(), row[1].lower()) in wanted or (None, row[1].lower()) in wanted]
            # DuckDB writes down a row for each column of the database before it filters: not worth it for nothing.
            rows = _asked(session, _COLUMNS.format(chosen=_named("table_name", only))) if named else ()
        finally:
            session.close()
        columns: dict[tuple[str, str, str], list[CatalogColumn]] = {}
        for database, schema, name, column, type_, nullable, comment in rows:
            columns.setdefault((database, schema, name), []).append(CatalogColumn(column, type_, bool(nullable), comment))
        return tuple(
            CatalogTable(
                Relation(database, schema, name), _kind(kind), tuple(columns.get((database, schema, name), ())), comment, size
            )
            for database, schema, name, kind, comment, size in sorted(named, key=lambda row: row[:3])
        )

    def close(self) -> None:
        if self._root is not None:
            self._root.close()


def _asked(session: DuckDBSession, sql: str) -> Sequence[tuple[Any, ...]]:
    return session.execute(Statement(sql, role="query")).rows


def _named(column: str, only: Sequence[Relation] | None) -> str:
    """The condition that a row is of one of the given relations, or of what runs make for themselves; none without relations."""
    if only is None:
        return ""
    names = ", ".join(_DIALECT.string(name) for name in sorted({relation.identifier.lower() for relation in only}))
    # A list that is written out behind IN is a comparison of its own for each name and row: 90 ms for 240 of both, which this joins in 4.
    return f" and (lower({column}) in (select unnest([{names}]::varchar[])) or contains(lower({column}), '{TEMPORARY}'))"


def _kind(kind: str) -> RelationKind:
    return "view" if kind == "view" else "table"
