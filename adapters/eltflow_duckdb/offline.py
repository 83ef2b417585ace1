"""DuckDB's own parser and binder on an empty in-memory database: what it refuses, no warehouse file need be asked about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from eltflow.warehouse import Column, Relation
from eltflow_duckdb.dialect import DuckDBDialect
from eltflow_duckdb.errors import as_warehouse_error

#: On a line of its own, so that places after it are those of the statement.
_DESCRIBE = "describe\n"
Complaint = tuple[str, int | None, int | None]


class DuckDBOffline:
    """Parses and binds without data."""

    def __init__(self) -> None:
        self._connection = duckdb.connect(":memory:", config={"threads": 1})
        self._connection.execute("set errors_as_json = true")
        self._connection.execute("set autoinstall_known_extensions = false")
        self._connection.execute("set autoload_known_extensions = false")
        self._dialect = DuckDBDialect()

    def parse(self, sql: str) -> Complaint | None:
        try:
            self._connection.extract_statements(sql)
        except duckdb.Error as error:
            found = as_warehouse_error(error, sql)
            return found.engine_message.removeprefix("Parser Error: "), found.line, found.column
        return None

    def bind(self, sql: str, stubs: Mapping[Relation, Sequence[Column]]) -> tuple[Column, ...] | Complaint:
        for relation, columns in stubs.items():
            self._stub(relation, columns)
        try:
            rows = self._connection.execute(f"{_DESCRIBE}{sql}").fetchall()
        except duckdb.Error as error:
            found = as_warehouse_error(error, f"{_DESCRIBE}{sql}")
            line, column = found.line, found.column
            return found.engine_message, None if line is None else line - 1, column
        return tuple(Column(str(row[0]), str(row[1])) for row in rows)

    def _stub(self, relation: Relation, columns: Sequence[Column]) -> None:
        quote = self._dialect.quote
        if relation.database is not None:
            known = {row[0].lower() for row in self._connection.execute("select database_name from duckdb_databases()").fetchall()}
            if relation.database.lower() not in known:
                self._connection.execute(f"attach ':memory:' as {quote(relation.database)}")
        if relation.schema is not None:
            parts = [p for p in (relation.database, relation.schema) if p]
            self._connection.execute(f"create schema if not exists {'.'.join(map(quote, parts))}")
        body = ", ".join(f"cast(null as {c.type}) as {quote(c.name)}" if c.type else f"null as {quote(c.name)}" for c in columns)
        self._connection.execute(f"create or replace view {self._dialect.render(relation)} as select {body}")

    def close(self) -> None:
        self._connection.close()
