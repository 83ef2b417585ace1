"""Tables of other DuckDB files, read for steps."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eltflow.base.plugins import driver
from eltflow.transfer import Field, Kept, Origin, Since, Source
from eltflow.warehouse import WarehouseError
from eltflow_duckdb.dialect import DuckDBDialect
from eltflow_duckdb.source import QuerySource, run

if TYPE_CHECKING:
    import duckdb

_DIALECT = DuckDBDialect()


class DuckDBTableReader:
    """Connections of `type: duckdb`."""

    kinds = ("sql",)
    keys: Mapping[str, str] = {"path": "the database file, from the project root"}
    secret_keys: frozenset[str] = frozenset()

    def problems(self, values: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        return () if isinstance(values.get("path"), str) and values["path"] else (("path", "`path` must name a database file"),)

    def open(self, values: Mapping[str, Any], root: Path) -> DuckDBTables:
        with driver("duckdb connections", "duckdb"):
            import duckdb

            from eltflow_duckdb.errors import as_warehouse_error
        path = root / str(values["path"])
        if not path.is_file():
            raise WarehouseError(
                f"there is no database {values['path']}", kind="connection", help="correct `path:` of the connection"
            )
        try:
            connection = duckdb.connect(str(path), read_only=True)
            for setting in ("errors_as_json = true", "enable_progress_bar = false", "autoinstall_known_extensions = false"):
                connection.execute(f"set {setting}")
            connection.execute("set TimeZone = 'UTC'")
        except duckdb.Error as error:
            if "different configuration" in str(error):
                help = "read its tables in a model, by their names: they are in reach already"
                raise WarehouseError(f"{values['path']} is the target itself", kind="connection", help=help) from None
            raise as_warehouse_error(error) from None
        return DuckDBTables(connection)


#: Types whose every value arrives (tests/ingest/test_tables.py), and those that JSON damages inside of nested ones.
_KEPT = frozenset(
    [
        "BOOLEAN",
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "BIGINT",
        "HUGEINT",
        "UTINYINT",
        "USMALLINT",
        "UINTEGER",
        "UBIGINT",
        "UHUGEINT",
        "DECIMAL",
        "FLOAT",
        "DOUBLE",
        "VARCHAR",
        "ENUM",
        "BLOB",
        "BIT",
        "BIGNUM",
        "DATE",
        "TIME",
        "TIMESTAMP",
        "TIMESTAMP_S",
        "TIMESTAMP_MS",
        "TIMESTAMP_NS",
        "INTERVAL",
        "UUID",
        "JSON",
    ]
) | {"TIMESTAMP WITH TIME ZONE", "TIME WITH TIME ZONE"}
_BROKEN = re.compile(r"\b(BLOB|BIT|BIGNUM|VARIANT|GEOMETRY)\b")

TABLES = DuckDBTableReader()


class DuckDBTables:
    """An opened file."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def tables(self, schema: str | None) -> Sequence[str]:
        there = "current_schema()" if schema is None else _DIALECT.string(schema)
        sql = (
            "select table_name from information_schema.tables"
            f" where table_catalog = current_database() and table_schema = {there} order by table_name"
        )
        return [str(name) for (name,) in run(self._connection, sql).fetchall()]

    def key(self, table: str) -> Sequence[str]:
        schema, _, name = table.rpartition(".")
        there = _DIALECT.string(schema) if schema else "current_schema()"
        sql = (
            "select unnest(constraint_column_names) from duckdb_constraints() where constraint_type = 'PRIMARY KEY'"
            f" and database_name = current_database() and schema_name = {there} and table_name = {_DIALECT.string(name)}"
        )
        return [str(name) for (name,) in run(self._connection, sql).fetchall()]

    def columns(self, origin: Origin) -> Sequence[Kept]:
        cursor = run(self._connection, f"select * from {origin.item(_DIALECT.quote)} limit 0")
        return [_kept(d[0], str(d[1])) for d in cursor.description or ()]

    def rows(self, origin: Origin, columns: Sequence[tuple[Kept, str]], since: Since | None, *, lenient: bool = False) -> Source:
        items = ", ".join(f"{kept.expression} as {_DIALECT.quote(name)}" for kept, name in columns)
        where = ""
        if since is not None:
            column = _DIALECT.quote(since.column)
            bounds = [(">=", since.value)] + ([("<", since.until)] if since.until is not None else [])
            within = " and ".join(f"{column} {sign} cast({_DIALECT.literal(str(value))} as {since.type})" for sign, value in bounds)
            where = f" where ({within}) or {column} is null"
        fields = tuple(Field(name, kept.type) for kept, name in columns)
        return QuerySource(f"select {items} from {origin.item(_DIALECT.quote)}{where}", fields, self._connection.cursor())

    def highest(self, origin: Origin, column: Kept) -> str | None:
        rows = run(
            self._connection, f"select cast(max({column.expression}) as varchar) from {origin.item(_DIALECT.quote)}"
        ).fetchall()
        return None if rows[0][0] is None else str(rows[0][0])

    def close(self) -> None:
        self._connection.close()


def _kept(name: str, type: str) -> Kept:
    """What a column comes as. Nested values go as JSON, which some of their parts do not survive."""
    column = _DIALECT.quote(name)
    kind = type.split("(")[0]
    nested = type.endswith("]") or kind in ("STRUCT", "MAP", "UNION")
    if nested and "JSON" in type:
        return Kept(name, "JSON", f"to_json({column})", f"`{name}` is {type}, and comes as JSON, whose numbers may lose digits")
    if kind == "VARIANT" or (nested and _BROKEN.search(type)):
        return Kept(name, "JSON", f"to_json({column})", f"`{name}` is {type}, and comes as JSON")
    if nested or kind in _KEPT:
        return Kept(name, type, column)
    return Kept(name, "VARCHAR", f"cast({column} as varchar)", f"`{name}` is {type}, and comes as text")
