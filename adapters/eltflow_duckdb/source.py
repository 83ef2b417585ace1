"""Files as rows for engines that cannot read files themselves: read by DuckDB, under the same rules as on a DuckDB target."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from eltflow.base.plugins import driver
from eltflow.base.records import dataclass
from eltflow.base.temporary import rows_folder
from eltflow.transfer import Field, Judged, Sifted, Source
from eltflow.warehouse import Column, Dialect, Result, Statement, WarehouseError
from eltflow_duckdb.dialect import DuckDBDialect, text_item, values_of

if TYPE_CHECKING:
    import duckdb

_DIALECT = DuckDBDialect()
_BATCH = 10_000  #: rows; at some 100 bytes each, a megabyte
_NESTED = ("STRUCT", "MAP", "UNION", "JSON", "VARIANT")
#: Types whose values may hold what a line of text must not.
_ESCAPED = ("VARCHAR", "ENUM")
#: Types that every reader of Parquet understands alike.
_PLAIN = (
    *("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"),
    *("FLOAT", "DOUBLE", "VARCHAR", "BLOB", "DATE"),
)
#: Types that Parquet has no exact place for, or that readers of it understand in several ways.
_BEYOND = (
    "HUGEINT",
    "UHUGEINT",
    "BIGNUM",
    "UBIGINT",
    "UUID",
    "ENUM",
    "BIT",
    "INTERVAL",
    "TIMESTAMP_NS",
    "TIME_NS",
    "TIME WITH TIME ZONE",
)
_PART = 128 * 1024 * 1024  #: bytes of a Parquet file, about what a warehouse reads best
_LINE = 2_000_000  #: bytes that a line may have without being asked about
_MARKS = (("'\\'", "'\\\\'"), ("chr(9)", "'\\t'"), ("chr(10)", "'\\n'"), ("chr(13)", "'\\r'"))
#: Types with digits that most engines have no place for: their last three must be zero.
_NANOSECONDS: Mapping[str, str] = {"TIMESTAMP_NS": "timestamp", "TIME_NS": "time"}


class DuckDBFiles:
    """Reads files. The driver is imported when the first one is read."""

    dialect: Dialect = _DIALECT

    def query(self, statement: Statement) -> Result:
        with _connected() as connection:
            if statement.role != "query":
                # Several threads hold what they write in order: 445 MB of 4M rows, and 123 by one, for the same CPU (2.0, November 2026).
                connection.execute("set threads = 1")
            cursor = run(connection, statement.sql)
            rows = cursor.fetchall()
            return Result(columns=tuple(Column(d[0], str(d[1])) for d in cursor.description or ()), rows=rows)

    def source(self, select: str) -> Source:
        described = self.query(_DIALECT.describe(select)).columns
        return _FileRows(select, tuple(Field(c.name, str(c.type)) for c in described))

    def columnar(self, source: Source) -> Source:
        return _Columnar(source)

    def sift(
        self, path: str, name: str, format: str, options: Mapping[str, Any], judge: Callable[[str], Judged], folder: str
    ) -> Sifted | None:
        from eltflow_duckdb.sieve import sift  # which few loads need

        return sift(path, name, format, options, judge, folder)


READER = DuckDBFiles()


@dataclass(frozen=True, slots=True)
class QuerySource:
    """The rows of a query: over files, run by an in-memory DuckDB of its own each time, or on a connection that is given."""

    select: str
    fields: tuple[Field, ...]
    connection: duckdb.DuckDBPyConnection | None = None

    def text(self) -> Iterator[bytes]:
        values = ", ".join(f"coalesce({_as_text(field)}, '\\N')" for field in self.fields)
        with _connected() if self.connection is None else nullcontext(self.connection) as connection:
            cursor = run(connection, f"select concat_ws(chr(9), {values}) from ({self.select}) as eltflow_rows")
            while rows := _fetched(cursor):
                yield ("\n".join([row[0] for row in rows]) + "\n").encode()

    def parquet(self, folder: str, names: Sequence[str], *, plain: bool = False) -> None:
        self.written(folder, names, plain=plain)

    def written(self, folder: str, names: Sequence[str], *, plain: bool) -> int:
        """As `parquet`; gives the number of rows."""
        named = zip(self.fields, names, strict=True)
        values = ", ".join(f"{_as_parquet(field, plain)} as {_DIALECT.quote(name)}" for field, name in named)
        with _connected() as connection:
            run(connection, "set threads = 1")  # several hold what they write in order
            to = f"{_DIALECT.string(folder)} (format parquet, compression snappy, file_size_bytes {_PART}, overwrite_or_ignore)"
            ((count,),) = run(connection, f"copy (select {values} from ({self.select}) as eltflow_rows) to {to}").fetchall()
            return int(count)


class _FileRows(QuerySource):
    """The rows of a query over files."""

    __slots__ = ()

    def pour(self, path: str) -> None:
        with _connected() as connection:
            run(connection, "set threads = 1")  # several hold what they write in order
            values = ", ".join(map(_as_text, self.fields))
            lines = "format csv, header false, delimiter '\t', quote '', escape '', nullstr '\\N', use_tmp_file false"
            run(connection, f"copy (select {values} from ({self.select}) as eltflow_rows) to {_DIALECT.string(path)} ({lines})")


@dataclass(frozen=True, slots=True)
class _Columnar:
    """Any source. What Parquet is made of is a file of its text, which takes no memory."""

    source: Source

    @property
    def fields(self) -> tuple[Field, ...]:
        return self.source.fields

    def text(self) -> Iterator[bytes]:
        return self.source.text()

    def parquet(self, folder: str, names: Sequence[str], *, plain: bool = False) -> None:
        fields = self.source.fields
        with rows_folder() as place:
            path = os.path.join(place, "rows")
            rows, longest = spooled(self.source, path)
            values = [f"{value} as {_DIALECT.quote(field.name)}" for value, field in zip(values_of(fields), fields, strict=True)]
            item = text_item(fields, _DIALECT.string(path), str(longest + 2))
            written = QuerySource(f"select {', '.join(values)} from {item}", fields).written(folder, names, plain=plain)
        if written != rows:
            raise WarehouseError(f"{rows} rows were read, and {written} were written")


def spooled(source: Source, path: str, stopped: Callable[[], bool] = lambda: False) -> tuple[int, int]:
    """Write a source's text to a file, a tab behind each line; gives (rows, bytes of the longest line). Raises WarehouseError."""
    rows, longest = 0, _LINE
    try:
        with open(path, "wb") as file:
            for batch in source.text():
                if stopped():
                    raise WarehouseError("cancelled", kind="cancelled")
                if len(batch) > longest:
                    longest = max(longest, *(len(line) for line in batch.split(b"\n")))
                rows += batch.count(b"\n")
                file.write(batch.replace(b"\n", b"\t\n"))  # a line of one empty value would be none
    except OSError as error:
        help = "make room there, or name another folder with the environment variable TMPDIR"
        raise WarehouseError(f"rows on their way through {os.path.dirname(path)}: {error.strerror}", help=help) from None
    return rows, longest


def _as_parquet(field: Field, plain: bool) -> str:
    column = _DIALECT.quote(field.name)
    kind = field.type.split("(")[0].strip().upper()
    if field.type.endswith("]") or kind == "STRUCT":
        return f"cast(to_json({column}) as varchar)" if plain else column
    if kind in _NESTED:
        return f"cast({column if kind == 'JSON' else f'to_json({column})'} as varchar)"
    return f"cast({column} as varchar)" if kind in _BEYOND or (plain and kind not in _PLAIN) else column


def _as_text(field: Field) -> str:
    column = _DIALECT.quote(field.name)
    kind = field.type.split("(")[0].strip().upper()
    if field.type.endswith("]") or kind in _NESTED:
        return _escaped(column if kind == "JSON" else f"to_json({column})")
    if kind in _ESCAPED:
        return _escaped(column)
    if kind == "BLOB":
        return rf"'\\x' || lower(hex({column}))"
    if kind in _NANOSECONDS:
        refuse = _DIALECT.string(f"{field.name} has nanoseconds, and here there is only room for microseconds: ")
        text = f"cast(cast({column} as {_NANOSECONDS[kind]}) as varchar)"
        return f"case when epoch_ns({column}) % 1000 = 0 then {text} else error({refuse} || cast({column} as varchar)) end"
    if kind in ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_S", "TIMESTAMP_MS"):
        text = f"cast({column} as varchar)"
        late = rf"regexp_replace({text}, '^(\S+) \(BC\)(.*)$', '\1\2 BC')"  # behind the time, not before it
        return f"case when {column} < date '0001-01-01' then {late} else {text} end"
    return f"cast({column} as varchar)"


def _escaped(value: str) -> str:
    """The text with what must not stand in a line escaped; most texts hold nothing of the kind."""
    text = f"cast({value} as varchar)"
    made = text
    for character, written in _MARKS:
        made = f"replace({made}, {character}, {written})"
    held = " or ".join(f"contains({text}, {character})" for character, _ in _MARKS)
    return f"case when {held} then {made} else {text} end"


def _connected() -> duckdb.DuckDBPyConnection:
    with driver("files", "duckdb"):
        import duckdb

    connection = duckdb.connect(":memory:")
    for setting in ("errors_as_json = true", "enable_progress_bar = false", "autoinstall_known_extensions = false"):
        connection.execute(f"set {setting}")
    connection.execute("set TimeZone = 'UTC'")
    return connection


def run(connection: duckdb.DuckDBPyConnection, sql: str) -> duckdb.DuckDBPyConnection:
    """Execute a statement. Raises WarehouseError."""
    import duckdb

    from eltflow_duckdb.errors import as_warehouse_error

    try:
        return connection.execute(sql)
    except duckdb.Error as error:
        raise as_warehouse_error(error) from None


def _fetched(cursor: duckdb.DuckDBPyConnection) -> list[tuple[str]]:
    import duckdb

    from eltflow_duckdb.errors import as_warehouse_error

    try:
        rows: list[tuple[str]] = cursor.fetchmany(_BATCH)
        return rows
    except duckdb.Error as error:
        raise as_warehouse_error(error) from None
