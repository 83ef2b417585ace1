"""The smaller seam: rows that are read in one place and written in another, in bounded memory.

An engine that reads files by itself needs none of this. For every other one a `Source` is read here and sent along with the statement
that takes it in (`Statement.source`). The types of a source are spelt as DuckDB spells them; a dialect says what its engine keeps them in.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from eltflow.base.records import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a source; `type` as DuckDB spells it, e.g. `DECIMAL(10,2)`."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A column of a table that is read: its name, the type (as DuckDB spells it) that its values come as, the expression of the source's
    own SQL that gives them so, and what is lost or changed by that, in words, if anything is; `unordered` says why nobody can go on from one
    of its values, if that is so."""

    name: str
    type: str
    expression: str
    note: str | None = None
    unordered: str | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """What is read of a database: a table, as `schema.table` or by its name alone, or the rows of a query."""

    table: str | None = None
    query: str | None = None

    def __str__(self) -> str:
        return self.table or "the query"

    def item(self, quote: Callable[[str], str]) -> str:
        """What stands behind FROM."""
        if self.table is not None:
            return ".".join(map(quote, self.table.split(".")))
        return f"(\n{self.query}\n) as eltflow_rows"


@dataclass(frozen=True, slots=True)
class Since:
    """A limit to what is read: rows whose `column` (of the type, as DuckDB spells it) is `value` or more, and less than `until` if that is
    given; and those where it is NULL."""

    column: str
    type: str
    value: Any
    until: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """How the values of a file's column are judged: by a `type` (as DuckDB spells it), `shown` to people as that; `strict`ly, as people
    spell its values; whether each row `needed` one. Of a `hidden` column no value is shown, one `left_out` is not even named."""

    type: str | None = None
    shown: str = ""
    strict: bool = False
    needed: bool = False
    hidden: bool = False
    left_out: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sifted:
    """A file of whose `rows` so many (`count`) are bad: paths of a file of the `good` rows, in the format of its own, and of a Parquet file of
    the `bad` ones (line, name, reason, raw, file); and the `first` bad one in words."""

    good: str
    bad: str
    rows: int
    count: int
    first: str


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

    def parquet(self, folder: str, names: Sequence[str], *, plain: bool = False) -> None:
        """Write the rows as Parquet files into an empty folder, the columns under these names. What Parquet keeps of a type is kept; whole
        numbers beyond 64 bits, nanoseconds, and nested values other than lists and structures (as JSON) are text. With `plain`, all is
        text but booleans, whole numbers of 64 bits, floating-point numbers, bytes and dates.

        Raises WarehouseError for a file that cannot be read, naming it.
        """
        ...


@runtime_checkable
class Pouring(Source, Protocol):
    """A source that is read sooner by writing it to a pipe than batch by batch."""

    def pour(self, path: str) -> None:
        """Write the whole of `text` to what is open there already, and return when all is taken in. Raises WarehouseError as `text` does, also
        where nobody takes it in any more."""
        ...


_BLOCK = 1 << 20  #: bytes
_MARK = re.compile(r"\\(.)")
_MEANS = {"t": "\t", "n": "\n", "r": "\r", "\\": "\\"}


def plain(text: str) -> str:
    """A value of a source's text without what keeps tabs and line breaks apart from those of the format. (Bytes, `\\\\x`, become `\\x`.)"""
    return _MARK.sub(lambda found: _MEANS.get(found.group(1), found.group(0)), text)


def first_rows(source: Source, count: int) -> list[tuple[str | None, ...]]:
    """The first rows of a source as texts, None for NULL; no more of it is read than they take."""
    rows: list[tuple[str | None, ...]] = []
    for batch in source.text():
        for line in batch.decode().split("\n")[:-1]:
            if len(rows) == count:
                return rows
            rows.append(tuple(None if value == "\\N" else plain(value) for value in line.split("\t")))
    return rows


@dataclass(frozen=True, slots=True)
class Hashed:
    """A source with the texts of some columns, by their names, replaced by what `digest` makes of them. NULL stays NULL."""

    source: Source
    names: frozenset[str]
    digest: Callable[[str], str]

    @property
    def fields(self) -> tuple[Field, ...]:
        return tuple(Field(f.name, "VARCHAR") if f.name in self.names else f for f in self.source.fields)

    def text(self) -> Iterator[bytes]:
        places = [n for n, field in enumerate(self.source.fields) if field.name in self.names]
        for batch in self.source.text():
            lines = []
            for line in batch.decode().split("\n")[:-1]:
                values = line.split("\t")
                for place in places:
                    mark = "\\?" if values[place].startswith("\\?") else ""  # of a value that is not of its column's type
                    if values[place] != "\\N":
                        values[place] = mark + self.digest(plain(values[place].removeprefix(mark)))
                lines.append("\t".join(values) + "\n")
            yield "".join(lines).encode()

    def parquet(self, folder: str, names: Sequence[str], *, plain: bool = False) -> None:
        raise NotImplementedError("no engine that takes Parquet is sent hashes")


@dataclass(frozen=True, slots=True)
class Spooled:
    """The rows of a source whose text is in a file."""

    fields: tuple[Field, ...]
    path: str

    def text(self) -> Iterator[bytes]:
        with open(self.path, "rb") as file:
            while block := file.read(_BLOCK):
                yield block + file.readline()

    def parquet(self, folder: str, names: Sequence[str], *, plain: bool = False) -> None:
        raise NotImplementedError("no engine that takes Parquet is loaded from databases")


class Tables(Protocol):
    """A connection to a database that is read. All raise WarehouseError."""

    def tables(self, schema: str | None) -> Sequence[str]:
        """The tables and views of a schema (the one that a bare name means, unless told) that may be read, sorted by name."""
        ...

    def key(self, table: str) -> Sequence[str]:
        """The columns of a table's primary key, in its order; none if it has none."""
        ...

    def columns(self, origin: Origin) -> Sequence[Kept]:
        """The columns with their types, by the database's own catalogue."""
        ...

    def rows(self, origin: Origin, columns: Sequence[tuple[Kept, str]], since: Since | None, *, lenient: bool = False) -> Source:
        """The rows, of the columns by these names; nothing is read before the source is. A value that is not of its column's type, where a
        database holds such, is an error of the source; if it is `lenient`, it comes as `\\?` and its text."""
        ...

    def highest(self, origin: Origin, column: Kept) -> str | None:
        """The largest value of a column, as text; None if there is none."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class SharesMoment(Protocol):
    """Of a connection to a database that can show several connections what was there at one moment. All raise WarehouseError."""

    def moment(self) -> str:
        """What another connection sees the same by, as long as this one is open."""
        ...

    def see(self, moment: str) -> None:
        """See what was there at that moment; before anything was read."""
        ...


class ConnectionType(Protocol):
    """What a connection of one type may say in `eltflow.yml`."""

    @property
    def keys(self) -> Mapping[str, str]:
        """The keys that a connection of this type may have, beside `type`, and what each means."""
        ...

    @property
    def secret_keys(self) -> frozenset[str]:
        """Those of them whose values must never be shown."""
        ...

    def problems(self, values: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        """(key, what is wrong with it) for each bad value of a connection."""
        ...


class ConnectionReader(ConnectionType, Protocol):
    """What reads one kind of connection: a plug-in of the entry-point group `eltflow.sources`, by the `type` of the connection."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The `kind:` of the steps that read from it."""
        ...


class TableReader(ConnectionReader, Protocol):
    """What reads one kind of database, for steps of kind `sql`."""

    def open(self, values: Mapping[str, Any], root: Path) -> Tables:
        """Connect, to read alone. Raises WarehouseError; EltflowError (E0702) if the driver is not installed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """A file that is elsewhere: its full name, its size in bytes (-1 if that is not told), and a number that another version of it would not
    have (0 if nothing tells versions apart but the file itself); `tag` is what the other side knows this version by."""

    name: str
    size: int
    version: int
    tag: str | None = None


def version_of(text: str) -> int:
    """A number above 0, of 62 bits, that stands for a text."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 2 or 1


class RemoteFiles(Protocol):
    """A connection to where files are. All raise WarehouseError."""

    def listed(self, path: str) -> Sequence[Remote]:
        """The files that a path or a pattern means now, sorted by name; none if there are none."""
        ...

    def look(self, name: str) -> Remote | None:
        """What is known of a file by now; None if it is gone."""
        ...

    def fetch(self, file: Remote, path: str, stop: Callable[[], bool]) -> None:
        """Write a file, the version that was listed, to a path here. Gives up, by an error of the kind "cancelled", soon after `stop` says
        so."""
        ...

    def close(self) -> None: ...


class WritableFiles(RemoteFiles, Protocol):
    """A connection to where files are, which may be written too."""

    def put(self, path: str, name: str) -> None:
        """Write the file at a path here to where `name` says: others see the old one or the whole new one. Raises WarehouseError."""
        ...


class RemoteReader(ConnectionReader, Protocol):
    """What reads files that are elsewhere, for steps of kind `files`: a plug-in by the type of the connection, or the scheme of the path."""

    def open(self, values: Mapping[str, Any], root: Path) -> RemoteFiles:
        """Make ready; nothing is asked yet. Raises EltflowError (E0702) if the driver is not installed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What was fetched: how many records, in how many answers."""

    records: int
    answers: int


class Records(Protocol):
    """A connection to what gives records by request. All raise WarehouseError."""

    def fetch(
        self,
        request: Mapping[str, Any],
        since: str | None,
        spool: Path,
        *,
        stop: Callable[[], bool],
        answers: int | None = None,
        until: str | None = None,
    ) -> Fetched:
        """Write the records that a step's `source` asks for into the file `spool`, as they came: a JSON object on each line, in UTF-8.
        With `since`, those that came after it, and with `until`, before that, as far as the other side can tell; with `answers`, only
        those of the first ones. Gives up, by an error of the kind "cancelled", soon after `stop` says so."""
        ...

    def guess(self, request: Mapping[str, Any], *, stop: Callable[[], bool]) -> Mapping[str, Any]:
        """What is to be added to a step's `source`, as far as the first answer to it tells."""
        ...

    def close(self) -> None: ...


class RecordReader(ConnectionReader, Protocol):
    """What reads one kind of service, for steps whose `kind` is among its own."""

    def open(self, values: Mapping[str, Any], root: Path) -> Records:
        """Make ready; nothing is asked yet. Raises WarehouseError; EltflowError (E0702) if the driver is not installed."""
        ...


class Recipient(Protocol):
    """A connection that rows are sent to. All raise WarehouseError."""

    def send(
        self, to: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], key: str, *, stop: Callable[[], bool]
    ) -> Mapping[int, str]:
        """Send rows (their values as drivers give them) to where a delivery's `to` says, its `unique_key` with it; `key` is what the other
        side may know this request by, if it comes twice. Gives what was refused for good: the row's place → why. Raises WarehouseError where
        what became of them is not known, or all are refused for a reason that is none of theirs. Gives up, by an error of the kind
        "cancelled", soon after `stop` says so."""
        ...

    def delete(
        self, to: Mapping[str, Any], keys: Sequence[Mapping[str, Any]], key: str, *, stop: Callable[[], bool]
    ) -> Mapping[int, str]:
        """Delete the rows that have these values of their `unique_key`, as JSON keeps them; those that are not there are deleted. Else as
        `send`."""
        ...

    def close(self) -> None: ...


class JobRunner(Protocol):
    """A connection to what runs jobs of its own. All raise WarehouseError."""

    def start(self, job: Mapping[str, Any], key: str) -> str:
        """Start a job as a task's `http_job` says; gives its id. `key` is what the other side may know this by, if it comes twice."""
        ...

    def state(self, job: Mapping[str, Any], id: str) -> tuple[str, str]:
        """The job's state, in the other side's word, and the beginning of what it answered."""
        ...

    def cancel(self, job: Mapping[str, Any], id: str) -> None:
        """Ask for the job's end."""
        ...

    def close(self) -> None: ...


class RowReceiver(ConnectionType, Protocol):
    """What takes rows by one kind of connection: a plug-in of the entry-point group `eltflow.recipients`, by the connection's `type`."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The `kind:` of the deliveries that send to it."""
        ...

    def open(self, values: Mapping[str, Any], root: Path) -> Recipient:
        """Make ready; nothing is sent yet. Raises WarehouseError; EltflowError (E0702) if the driver is not installed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something to tell people: a line, some more of them, and the same as plain values; how grave it is."""

    title: str
    text: str
    facts: Mapping[str, Any]
    severity: Literal["error", "warn", "info"] = "info"


class NotTold(Exception):
    """A note did not reach its destination. `again` says that another try may; the message shows no secret."""

    def __init__(self, message: str, *, again: bool) -> None:
        super().__init__(message)
        self.again = again


class Notifier(ConnectionType, Protocol):
    """What tells people by one kind of connection: a plug-in of the entry-point group `eltflow.destinations`, by the connection's `type`."""

    def tell(self, values: Mapping[str, Any], note: Note) -> None:
        """Send the note, and see it taken. Raises NotTold."""
        ...


class NoSecret(Exception):
    """A back end of secrets cannot be asked, or does not answer; the message shows no secret. (One that it does not have is None, no error.)"""

    def __init__(self, message: str, *, help: str) -> None:
        super().__init__(message)
        self.help = help


class SecretBackend(Protocol):
    """Where secrets are kept: a plug-in of the entry-point group `eltflow.secret_backends`, by the `type` under `secrets:` in `eltflow.yml`."""

    #: What may stand under `secrets:` beside `type`, and what each key is.
    keys: Mapping[str, str]

    def problems(self, values: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        """What is wrong with the values, by key."""
        ...

    def open(self, values: Mapping[str, Any], root: Path, env: Mapping[str, str]) -> Callable[[str], str | None]:
        """What gives a secret by its name, or None where it has none of that name. `env` is the environment, with `.env` below it. Both may
        raise NoSecret, and EltflowError (E0702) without the driver."""
        ...
