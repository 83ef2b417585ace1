"""DuckDB's own parser and binder on an empty in-memory database: what it refuses, no warehouse file need be asked about."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

import duckdb

from eltflow.warehouse import Column, Relation
from eltflow_duckdb.dialect import DuckDBDialect
from eltflow_duckdb.errors import as_warehouse_error

#: On lines of their own, so that places after them are those of the statement.
_DESCRIBE = "describe\n"
_PREPARE = "prepare eltflow_bound as\n"
#: Whoever judges the number of a function's arguments must see all forms of it.
_ALL_LINES = 1_000
Complaint = tuple[str, int | None, int | None]


def _stub_kind(columns: Sequence[Column]) -> str:
    """A table has no columns of a type that is not known."""
    return "table" if all(c.type and '"' not in c.type for c in columns) else "view"


class DuckDBOffline:
    """Parses and binds without data, for one thread at a time: a connection that is at work refuses a second call (DuckDB 2.0.1)."""

    def __init__(self) -> None:
        self._one = threading.Lock()
        self._connection = duckdb.connect(":memory:", config={"threads": 1})
        self._connection.execute("set errors_as_json = true")
        self._connection.execute("set autoinstall_known_extensions = false")
        self._connection.execute("set autoload_known_extensions = false")
        self._connection.execute("set python_enable_replacements = false")  # no variable of this program is a table
        self._dialect = DuckDBDialect()
        self._stubs: dict[Relation, tuple[Column, ...]] = {}
        self._databases: set[str] = set()
        self._schemas: set[tuple[str | None, str]] = set()

    def parse(self, sql: str) -> Complaint | None:
        with self._one:
            return self._parsed(sql)

    def bind(self, sql: str, stubs: Mapping[Relation, Sequence[Column]]) -> tuple[Column, ...] | Complaint:
        with self._one:
            return self._bound(sql, stubs)

    def _parsed(self, sql: str) -> Complaint | None:
        try:
            self._connection.extract_statements(sql)
        except duckdb.Error as error:
            found = as_warehouse_error(error, sql)
            return found.engine_message.removeprefix("Parser Error: "), found.line, found.column
        return None

    def _bound(self, sql: str, stubs: Mapping[Relation, Sequence[Column]]) -> tuple[Column, ...] | Complaint:
        try:
            for relation, columns in stubs.items():
                self._stub(relation, tuple(columns))
        except duckdb.Error as error:  # a type that nobody knows here, or a name that is none of a table
            return as_warehouse_error(error, "").engine_message, None, None
        try:
            rows = self._connection.execute(f"{_DESCRIBE}{sql}").fetchall()
        except duckdb.Error:
            return self._refused(sql)
        return tuple(Column(str(row[0]), str(row[1])) for row in rows)

    def _refused(self, sql: str) -> tuple[Column, ...] | Complaint:
        """What is wrong with a query that DESCRIBE does not take; no columns if that was for DESCRIBE's own sake, which takes
        `... limit 1 union ...` for a union with itself."""
        try:
            self._connection.execute(f"{_PREPARE}{sql}")
        except duckdb.Error as error:
            found = as_warehouse_error(error, f"{_PREPARE}{sql}", most=_ALL_LINES)
            return found.engine_message, None if found.line is None else found.line - 1, found.column
        return ()

    def _stub(self, relation: Relation, columns: tuple[Column, ...]) -> None:
        if self._stubs.get(relation) == columns:
            return
        quote, run = self._dialect.quote, self._connection.execute
        if relation.database is not None and relation.database not in self._databases:
            known = {row[0].lower() for row in run("select database_name from duckdb_databases()").fetchall()}
            if relation.database.lower() not in known:
                run(f"attach ':memory:' as {quote(relation.database)}")
            self._databases.add(relation.database)
        if relation.schema is not None and (relation.database, relation.schema) not in self._schemas:
            parts = [p for p in (relation.database, relation.schema) if p]
            run(f"create schema if not exists {'.'.join(map(quote, parts))}")
            self._schemas.add((relation.database, relation.schema))
        name = self._dialect.render(relation)
        before = self._stubs.pop(relation, None)
        if before is not None:
            run(f"drop {_stub_kind(before)} {name}")
        if _stub_kind(columns) == "table":  # bound sooner than a view is
            run(f"create table {name} ({', '.join(f'{quote(c.name)} {c.type}' for c in columns)})")
        else:
            body = ", ".join(
                f"cast(null as {c.type}) as {quote(c.name)}" if c.type else f"null as {quote(c.name)}" for c in columns
            )
            run(f"create view {name} as select {body}")
        self._stubs[relation] = columns

    def close(self) -> None:
        self._connection.close()
