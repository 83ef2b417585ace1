"""The smaller seam: rows that are read in one place and written in another, in bounded memory.

An engine that reads files by itself needs none of this. For every other one a `Source` is read here and sent along with the statement
that takes it in (`Statement.source`). The types of a source are spelt as DuckDB spells them; a dialect says what its engine keeps them in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a source; `type` as DuckDB spells it, e.g. `DECIMAL(10,2)`."""

    name: str
    type: str


class Source(Protocol):
    """Rows with typed columns. It may be read again from the start, when what took it in failed on the way."""

    @property
    def fields(self) -> tuple[Field, ...]:
        """The columns, in the order in which they come."""
        ...

    def text(self) -> Iterator[bytes]:
        """The rows as text in UTF-8, a few thousand at a time: a line for each row; tabs between values; `\\N` for NULL; backslash, tab
        and line breaks as `\\\\`, `\\t`, `\\n`, `\\r` (the text format of PostgreSQL's COPY and MySQL's LOAD DATA). Bytes are `\\\\x` and
        hex digits, points in time ISO 8601 (with time zone: in UTC), nested values JSON.

        Raises WarehouseError for a file that cannot be read, naming it.
        """
        ...

    def parquet(self, folder: str, names: Sequence[str]) -> None:
        """Write the rows as Parquet files into an empty folder, the columns under these names. What Parquet keeps of a type is kept; whole
        numbers beyond 64 bits, nanoseconds, and nested values other than lists and structures (as JSON) are text.

        Raises WarehouseError for a file that cannot be read, naming it.
        """
        ...
