"""Tables of a PostgreSQL server, read for steps: by COPY in its text format, which keeps every digit."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eltflow.base.plugins import driver
from eltflow.base.records import dataclass
from eltflow.transfer import Field, Kept, Origin, Since, Source
from eltflow.warehouse import Statement, Target
from eltflow_postgres import ADAPTER
from eltflow_postgres.dialect import PostgresDialect

if TYPE_CHECKING:
    from eltflow_postgres.session import PostgresSession

_DIALECT = PostgresDialect()
_BATCH = 1 << 18  #: bytes
#: Text as the format of a source has it, whatever the server's or the role's own settings are.
_SETTINGS = "set datestyle = 'ISO, YMD'; set intervalstyle = 'postgres'; set timezone = 'UTC'; set bytea_output = 'hex'"
_TYPES: Mapping[str, str] = {
    "boolean": "BOOLEAN",
    "smallint": "SMALLINT",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "oid": "BIGINT",
    "real": "FLOAT",
    "double precision": "DOUBLE",
    "text": "VARCHAR",
    "character varying": "VARCHAR",
    "character": "VARCHAR",
    "name": "VARCHAR",
    "citext": "VARCHAR",
    "bytea": "BLOB",
    "date": "DATE",
    "time without time zone": "TIME",
    "time with time zone": "TIME WITH TIME ZONE",
    "timestamp without time zone": "TIMESTAMP",
    "timestamp with time zone": "TIMESTAMP WITH TIME ZONE",
    "interval": "INTERVAL",
    "uuid": "UUID",
    "json": "JSON",
    "jsonb": "JSON",
}
#: Types whose arrays JSON keeps.
_IN_ARRAYS = ("boolean", "smallint", "integer", "bigint", "text", "character varying", "uuid", "date")
_NUMERIC = re.compile(r"numeric\((\d+),(-?\d+)\)\Z")
_LENGTH = re.compile(r"\(\d+\)")
_DIGITS = 38


class PostgresTableReader:
    """Connections of `type: postgres`: with the keys of a target."""

    kinds = ("sql",)
    keys: Mapping[str, str] = ADAPTER.target_fields
    secret_keys: frozenset[str] = ADAPTER.secret_fields

    def problems(self, values: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        return [
            (key, problem.replace("a postgres target", "a postgres connection")) for key, problem in ADAPTER.target_problems(values)
        ]

    def open(self, values: Mapping[str, Any], root: Path) -> PostgresTables:
        session = opened(values, root, read_only=True)
        session.execute(Statement(_SETTINGS))
        return PostgresTables(session)


def opened(values: Mapping[str, Any], root: Path, *, read_only: bool) -> PostgresSession:
    """A session by the settings of a connection; whoever asks for it ends it. Raises WarehouseError; EltflowError (E0702)."""
    with driver("postgres connections", "'eltflow[postgres]'"):
        from eltflow_postgres.session import PostgresDatabase
    target = Target(name="", type="postgres", database=ADAPTER.database_name(values, root), schema="", threads=1, values=values)
    return PostgresDatabase(target, root, read_only=read_only).session()


TABLES = PostgresTableReader()


class PostgresTables:
    """A connection whose every read is in one read-only transaction: what is seen is of one moment."""

    def __init__(self, session: PostgresSession) -> None:
        self._session = session
        session.execute(Statement("begin isolation level repeatable read read only", role="begin"))

    def tables(self, schema: str | None) -> Sequence[str]:
        there = "current_schema()" if schema is None else _DIALECT.string(schema)
        sql = (
            "select c.relname from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
            f" where n.nspname = {there} and c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition"
            " and has_table_privilege(c.oid, 'select') order by c.relname collate \"C\""
        )
        return [str(name) for (name,) in self._session.execute(Statement(sql, role="query")).rows]

    def key(self, table: str) -> Sequence[str]:
        name = _DIALECT.string(Origin(table=table).item(_DIALECT.quote))
        sql = (
            "select a.attname from pg_catalog.pg_constraint c join pg_catalog.pg_attribute a"
            " on a.attrelid = c.conrelid and a.attnum = any(c.conkey)"
            f" where c.contype = 'p' and c.conrelid = to_regclass({name}) order by array_position(c.conkey, a.attnum)"
        )
        return [str(name) for (name,) in self._session.execute(Statement(sql, role="query")).rows]

    def columns(self, origin: Origin) -> Sequence[Kept]:
        found = self._session.execute(Statement(f"select * from {origin.item(_DIALECT.quote)} limit 0", role="query"))
        return [_kept(c.name, c.type or "") for c in found.columns]

    def rows(self, origin: Origin, columns: Sequence[tuple[Kept, str]], since: Since | None, *, lenient: bool = False) -> Source:
        items = ", ".join(kept.expression for kept, _ in columns)
        where = ""
        if since is not None:
            column = _DIALECT.quote(since.column)
            until = "" if since.until is None else f" and {_ordered(column, since.type)} < {_literal(since.until)}"
            where = f" where ({_ordered(column, since.type)} >= {_literal(since.value)}{until}) or {column} is null"
        fields = tuple(Field(name, kept.type) for kept, name in columns)
        return _Copied(self._session, f"copy (\nselect {items} from {origin.item(_DIALECT.quote)}{where}\n) to stdout", fields)

    def highest(self, origin: Origin, column: Kept) -> str | None:
        highest = f"max({_ordered(_DIALECT.quote(column.name), column.type)})"
        rows = self._session.execute(Statement(f"select {highest}::text from {origin.item(_DIALECT.quote)}", role="query")).rows
        return None if rows[0][0] is None else str(rows[0][0])

    def moment(self) -> str:
        self._session.execute(
            Statement("set idle_in_transaction_session_timeout = 0")
        )  # it waits for those that are to see the same
        return str(self._session.execute(Statement("select pg_export_snapshot()", role="query")).rows[0][0])

    def see(self, moment: str) -> None:
        self._session.execute(Statement(f"set transaction snapshot {_DIALECT.string(moment)}"))

    def close(self) -> None:
        self._session.end()


@dataclass(frozen=True, slots=True)
class _Copied:
    """The rows of a COPY, a batch of bytes at a time."""

    session: PostgresSession
    sql: str
    fields: tuple[Field, ...]

    def text(self) -> Iterator[bytes]:
        waiting: list[bytes] = []
        size = 0
        for part in self.session.copied(self.sql):
            waiting.append(part)
            size += len(part)
            if size >= _BATCH:
                yield b"".join(waiting)
                waiting, size = [], 0
        if waiting:
            yield b"".join(waiting)

    def parquet(self, folder: str, names: Sequence[str], *, plain: bool = False) -> None:
        raise NotImplementedError("no engine that takes Parquet is loaded from databases")


def _ordered(column: str, type: str) -> str:
    """A cursor's column as its values are compared."""
    return _DIALECT.by_bytes(f"{column}::text") if type == "VARCHAR" else column


def _literal(value: Any) -> str:
    """An untyped literal takes the type of what it is compared with. A text of a column with a length has lost the blanks at its end."""
    return _DIALECT.string(value.isoformat() if isinstance(value, datetime.date) else str(value).rstrip(" "))


def _kept(name: str, type: str) -> Kept:
    """What a column comes as. What JSON, DuckDB or COPY would damage goes as text (measured in November
    2026: numeric without a scale, money, bit and inet by any binary path)."""
    column = _DIALECT.quote(name)
    numeric = _NUMERIC.match(type)
    if numeric is not None:
        digits, scale = int(numeric.group(1)), int(numeric.group(2))
        if digits <= _DIGITS and 0 <= scale <= digits:
            return Kept(name, f"DECIMAL({digits},{scale})", column)
    plain = _LENGTH.sub("", type)
    if plain in _TYPES:
        return Kept(name, _TYPES[plain], column)
    if plain.endswith("[]") and plain[:-2] in _IN_ARRAYS:
        return Kept(name, _TYPES[plain[:-2]] + "[]", f"to_json({column})")
    if plain.endswith("[]"):
        return Kept(name, "JSON", f"to_json({column})", f"`{name}` is {type}, and comes as JSON")
    hint = ": name a `data_type` to have numbers" if plain.startswith("numeric") else ""
    return Kept(name, "VARCHAR", f"{column}::text", f"`{name}` is {type}, and comes as text{hint}")
