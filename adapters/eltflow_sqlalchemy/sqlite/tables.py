"""Tables of SQLite files, read for steps. A column of SQLite holds what it was given, so every value is held to its column's declared type."""

from __future__ import annotations

import datetime
import hashlib
import math
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

from eltflow.base.records import dataclass
from eltflow.transfer import Field, Kept, Origin, Since, Source
from eltflow.warehouse import WarehouseError
from eltflow_sqlalchemy.sqlite.dialect import SQLiteDialect
from eltflow_sqlalchemy.sqlite.files import schema_files

_DIALECT = SQLiteDialect()
_BATCH = 500  #: rows; some may be long
_VIEW = "temp.eltflow_columns"
_DECIMAL = re.compile(r"(?:DECIMAL|NUMERIC)\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)")
#: What the name of a declared type holds → DuckDB's type; the first that fits (the rules of datatype3.html §3.1 for what is not there).
_KINDS: Sequence[tuple[str, str]] = (
    ("BOOL", "BOOLEAN"),
    ("DATETIME", "TIMESTAMP"),
    ("TIMESTAMP", "TIMESTAMP"),
    ("DATE", "DATE"),
    ("INT", "BIGINT"),
    ("CHAR", "VARCHAR"),
    ("CLOB", "VARCHAR"),
    ("TEXT", "VARCHAR"),
    ("JSON", "JSON"),
    ("UUID", "VARCHAR"),
    ("BLOB", "BLOB"),
    ("REAL", "DOUBLE"),
    ("FLOA", "DOUBLE"),
    ("DOUB", "DOUBLE"),
)
_DAY = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"
_MINUTE = "[0-9][0-9]:[0-9][0-9]*"
_MARKS = ((r"'\'", r"'\\'"), ("char(9)", r"'\t'"), ("char(10)", r"'\n'"), ("char(13)", r"'\r'"))


class SQLiteTableReader:
    """Connections of `type: sqlite`."""

    kinds = ("sql",)
    keys: Mapping[str, str] = {"path": "the file, from the project root"}
    secret_keys: frozenset[str] = frozenset()

    def problems(self, values: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        return () if isinstance(values.get("path"), str) and values["path"] else (("path", "`path` must name an SQLite file"),)

    def file(self, values: Mapping[str, Any], root: Path) -> Path:
        """The file of a connection. Raises WarehouseError if there is none."""
        path = (root / str(values["path"])).resolve()
        if not path.is_file():
            raise WarehouseError(f"there is no file {values['path']}", kind="connection", help="correct `path:` of the connection")
        return path

    def open(self, values: Mapping[str, Any], root: Path) -> SQLiteTables:
        path = self.file(values, root)
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False)
        tables = SQLiteTables(connection)
        connection.create_function("eltflow_refuse", 3, tables.refuse)
        connection.create_function("eltflow_text", 1, _every_digit)
        connection.create_function("eltflow_scattered", -1, _scattered, deterministic=True)
        tables.ask("select 1 from sqlite_master")  # a file that is none says so now
        for schema, other in schema_files(path):
            with suppress(sqlite3.OperationalError):  # ten at most: of what is in another one the engine says that it is not there
                connection.execute(f"attach database ? as {_DIALECT.quote(schema)}", (f"{other.as_uri()}?mode=ro",))
        tables.ask("begin")
        return tables


TABLES = SQLiteTableReader()
_WRITTEN = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _every_digit(value: Any) -> str:
    """A number with a fraction as the shortest text that is this very number: a cast keeps 15 digits of it, printf not always the last."""
    return repr(value) if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")


def _scattered(*values: Any) -> str:
    """What orders rows as if by chance, for a file whose engine has no hash."""
    return hashlib.md5(repr(values).encode(), usedforsecurity=False).hexdigest()


class SQLiteTables:
    """An opened file, as it is at one moment."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._refused: str | None = None
        self.lenient = False

    def refuse(self, column: str, type: str, value: Any) -> str:
        """What SQL calls for a value that is not of its column's type. Where that is allowed, it is marked."""
        if self.lenient:
            text = value.hex() if isinstance(value, bytes) else _every_digit(value) if isinstance(value, float) else str(value)
            return "\\?" + text.translate(_WRITTEN)
        shown = value if not isinstance(value, bytes) else value[:20]
        self._refused = f"the column `{column}` is {type}, and holds `{str(shown)[:60]}`"
        raise ValueError

    def ask(self, sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        with _told(self):
            return self._connection.execute(sql, parameters)

    def failed(self, error: sqlite3.Error) -> WarehouseError:
        if self._refused is not None:
            return WarehouseError(self._refused, help="correct the value, or select it as text with `query:`")
        return WarehouseError(str(error))

    def tables(self, schema: str | None) -> Sequence[str]:
        sql = "select name from pragma_table_list where schema = ? and type in ('table', 'view', 'virtual') and name not like 'sqlite\\_%'"
        return [str(name) for (name,) in self.ask(f"{sql} escape '\\' order by name", (schema or "main",)).fetchall()]

    def key(self, table: str) -> Sequence[str]:
        schema, _, name = table.rpartition(".")
        sql = "select name from pragma_table_info(?, ?) where pk > 0 order by pk"
        return [str(name) for (name,) in self.ask(sql, (name, schema or "main")).fetchall()]

    def columns(self, origin: Origin) -> Sequence[Kept]:
        self.ask(f"create temp view eltflow_columns as select * from {origin.item(_DIALECT.quote)}")
        try:
            found = self.ask("select name, type from pragma_table_info('eltflow_columns')").fetchall()
        finally:
            self.ask(f"drop view {_VIEW}")
        return [_kept(str(name), str(type or "")) for name, type in found]

    def rows(self, origin: Origin, columns: Sequence[tuple[Kept, str]], since: Since | None, *, lenient: bool = False) -> Source:
        values = " || char(9) || ".join(rf"coalesce({kept.expression}, '\N')" for kept, _ in columns)
        where = ""
        parameters: Sequence[Any] = ()
        if since is not None:
            column = _DIALECT.quote(since.column)
            # A value of another kind than its column's sorts before all or behind all: it is read too, and refused.
            kind = "'integer', 'real'" if isinstance(since.value, int | Decimal) else "'text'"
            missed = f"{column} is null or typeof({column}) not in ({kind})"
            bounds = [(">=", since.value)] + ([("<", since.until)] if since.until is not None else [])
            within = " and ".join(f"{column} collate binary {sign} ?" for sign, _ in bounds)
            where, parameters = f" where ({within}) or {missed}", tuple(_bound(value, sign == "<") for sign, value in bounds)
        fields = tuple(Field(name, kept.type) for kept, name in columns)
        return _Selected(self, f"select {values} from {origin.item(_DIALECT.quote)}{where}", parameters, fields, lenient)

    def highest(self, origin: Origin, column: Kept) -> str | None:
        value = self.ask(
            f"select cast(max({_DIALECT.quote(column.name)} collate binary) as text) from {origin.item(_DIALECT.quote)}"
        ).fetchone()[0]
        return None if value is None else str(value)

    def close(self) -> None:
        self._connection.close()


@dataclass(frozen=True, slots=True)
class _told:
    """Within the block, SQLite's errors are ours."""

    tables: SQLiteTables

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, sqlite3.Error):
            raise self.tables.failed(error) from None


@dataclass(frozen=True, slots=True)
class _Selected:
    """The rows of a query, each a text that SQLite itself makes."""

    tables: SQLiteTables
    sql: str
    parameters: Sequence[Any]
    fields: tuple[Field, ...]
    lenient: bool

    def text(self) -> Iterator[bytes]:
        self.tables.lenient = self.lenient
        cursor = self.tables.ask(self.sql, self.parameters)
        while True:
            with _told(self.tables):
                rows = cursor.fetchmany(_BATCH)
            if not rows:
                return
            yield ("\n".join([row[0] for row in rows]) + "\n").encode()

    def parquet(self, folder: str, names: Sequence[str], *, plain: bool = False) -> None:
        raise NotImplementedError("no engine that takes Parquet is loaded from databases")


def _bound(value: Any, upper: bool = False) -> Any:
    """As the column's values are: days and points in time are texts. Of a point in time the day, of an upper limit the next one, for its text
    may be written in several ways: what is read is more than was asked for, and never less."""
    if isinstance(value, datetime.datetime):
        later = upper and value.time() != datetime.time()
        return (value.date() + datetime.timedelta(days=later)).isoformat()
    return float(value) if isinstance(value, Decimal) else value if isinstance(value, int) else str(value)


def _kept(name: str, declared: str) -> Kept:
    column = _DIALECT.quote(name)
    upper = declared.upper()
    decimal = _DECIMAL.match(upper)
    if decimal is not None and int(decimal.group(1)) <= 38:
        type = f"DECIMAL({decimal.group(1)},{decimal.group(2)})"
        taken = f"typeof({{c}}) in ('integer', 'real') and round({{c}}, {decimal.group(2)}) = {{c}}"
        return Kept(name, type, _checked(name, column, declared, taken, _PLAIN))
    type = next((type for word, type in _KINDS if word in upper), "VARCHAR")
    taken, text = _FORMS[type]
    note = (
        None
        if upper and any(word in upper for word, _ in _KINDS)
        else f"`{name}` has {'no type' if not upper else f'the type {declared}'}, and comes as text"
    )
    return Kept(name, type, _checked(name, column, declared or "without a type", taken, text), note)


def _checked(name: str, column: str, declared: str, taken: str, text: str) -> str:
    """The value's text if it is one that its type takes, and else an error."""
    refuse = f"eltflow_refuse({_DIALECT.string(name)}, {_DIALECT.string(declared)}, {column})"
    return f"case when {column} is null then null when {taken.format(c=column)} then {text.format(c=column)} else {refuse} end"


def _escaped(value: str) -> str:
    made = value
    for character, written in _MARKS:
        made = f"replace({made}, {character}, {written})"
    return made


_PLAIN = "case typeof({c}) when 'real' then eltflow_text({c}) else cast({c} as text) end"
_TEXT = ("typeof({c}) in ('text', 'integer', 'real')", _escaped(_PLAIN))
#: Type → (condition that a value is of it, its text in the format of a source).
_FORMS: Mapping[str, tuple[str, str]] = {
    "BIGINT": ("typeof({c}) = 'integer'", "cast({c} as text)"),
    "BOOLEAN": ("typeof({c}) = 'integer' and {c} in (0, 1)", "case {c} when 1 then 'true' else 'false' end"),
    "DOUBLE": ("typeof({c}) in ('integer', 'real')", _PLAIN),
    "VARCHAR": _TEXT,
    "JSON": ("json_valid({c})", _TEXT[1]),
    "BLOB": ("typeof({c}) in ('blob', 'text')", r"'\\x' || lower(hex({c}))"),
    "DATE": (f"typeof({{c}}) = 'text' and {{c}} glob '{_DAY}'", "{c}"),
    "TIMESTAMP": (
        f"typeof({{c}}) = 'text' and ({{c}} glob '{_DAY}' or {{c}} glob '{_DAY}[ T]{_MINUTE}' and substr({{c}}, 12) not glob '*[^0-9:.]*')",
        "{c}",
    ),
}
