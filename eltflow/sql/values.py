"""What other rooms need of this one without sqlglot."""

from __future__ import annotations

from eltflow.base.records import dataclass


@dataclass(frozen=True, slots=True)
class Names:
    """Column names in order. `complete` says that there are no others."""

    names: tuple[str, ...] = ()
    complete: bool = False


UNKNOWN = Names()


@dataclass(frozen=True, slots=True)
class Missing:
    """A column name that certainly means nothing: where it stands in the text, and what it could have meant."""

    name: str
    start: int
    end: int
    table: str | None
    known: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """A bare column name that several tables in sight have: where it stands in the text, and the tables' names."""

    name: str
    start: int
    end: int
    tables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unequal:
    """A set operation of queries that give `first` and `second` columns; its word stands between the offsets `after` and `before`
    (None: up to the end)."""

    first: int
    second: int
    after: int
    before: int | None


@dataclass(frozen=True, slots=True)
class Nowhere:
    """A column's table that certainly is none of those in sight: `table` as written, where that stands, and those in sight."""

    name: str
    start: int
    end: int
    table: str
    known: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unshared:
    """A name in USING that one `side` of its join certainly lacks, and the names which that side has."""

    name: str
    start: int
    end: int
    side: str
    known: tuple[str, ...]


Fault = Missing | Ambiguous | Unequal | Nowhere | Unshared

#: How a value is made of a column, from what changes it least to what changes it most.
HOWS = ("copied", "renamed", "cast", "computed", "aggregated", "windowed")


@dataclass(frozen=True, slots=True)
class Origin:
    """A column that another one's value comes from: `how` is one of HOWS."""

    table: str
    column: str
    how: str


@dataclass(frozen=True, slots=True)
class Influence:
    """A column that decides over a value without being part of it: `why` is filter, join, group, distinct, set, sort, unnest, window
    or condition."""

    table: str
    column: str
    why: str


@dataclass(frozen=True, slots=True)
class ColumnLineage:
    """Where one column of a query comes from. `unknown` says what could not be told of it, None if nothing is missing. `expression` is the
    text that makes it, where it was asked for and is more than a column of the same name."""

    name: str
    origins: tuple[Origin, ...]
    influences: tuple[Influence, ...]
    unknown: str | None = None
    expression: str | None = None


@dataclass(frozen=True, slots=True)
class QueryLineage:
    """Where the columns of a query come from. `rows` are the columns that decide which rows there are, and with that over every
    column. `unlisted` says why there may be more columns than `columns`, `unsure` why there may be more in `rows`; None: there are not."""

    columns: tuple[ColumnLineage, ...] = ()
    rows: tuple[Influence, ...] = ()
    unlisted: str | None = None
    unsure: str | None = None
