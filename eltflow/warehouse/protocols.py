"""What an adapter implements. Small on purpose; `eltflow.testing.contract` is the kit that proves an implementation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from eltflow.transfer import Judged, Sifted, Source, Tables
from eltflow.warehouse.dialect import Dialect
from eltflow.warehouse.values import CatalogTable, Column, Relation, Result, Statement, Target


class Session(Protocol):
    """One connection, used by one thread at a time; only `cancel` may be called from another thread."""

    def execute(self, statement: Statement) -> Result:
        """Run one statement. Raises WarehouseError."""
        ...

    def cancel(self) -> None:
        """Stop the statement that is running, if one is."""
        ...

    def close(self) -> None: ...


class Database(Protocol):
    """An opened target: it hands out sessions and answers questions about what exists."""

    def session(self) -> Session:
        """A new session. Raises WarehouseError."""
        ...

    def catalog(
        self, schemas: Sequence[tuple[str | None, str]], only: Sequence[Relation] | None = None
    ) -> tuple[CatalogTable, ...]:
        """Every relation in the given (database, schema) pairs, with columns; one query a schema at most. Makes nothing.

        With `only`, those of the given relations that exist, and what runs make for themselves (others may be among the answer).
        """
        ...

    def close(self) -> None: ...


@runtime_checkable
class Streams(Protocol):
    """A `Session` that gives the rows of a query bit by bit (`Capabilities.streams`)."""

    def stream(self, statement: Statement) -> Iterator[Sequence[tuple[Any, ...]]]:
        """The rows that the statement gives, some thousand at a time, in memory that does not grow with their number. Until the last of them
        the session does nothing else. Raises WarehouseError."""
        ...


@runtime_checkable
class Estimates(Protocol):
    """A `Database` that can tell beforehand what a query costs."""

    def estimate(self, sql: str) -> int | None:
        """The bytes that a query would read; None where it cannot run as things are. Nothing is run. Raises WarehouseError."""
        ...


@runtime_checkable
class Tells(Protocol):
    """A `Database` that may find out what people should know of how it is used, which is no error."""

    def told(self) -> Sequence[str]:
        """What was not told before."""
        ...


@runtime_checkable
class Reads(Protocol):
    """A `Database` that a process opens once: its tables are read by way of what is open, and not by a connection of their own."""

    def tables(self) -> Tables:
        """What reads its tables, a batch at a time. Whoever asks for it closes it. Raises WarehouseError."""
        ...


class Offline(Protocol):
    """What an embedded engine can tell about SQL without any data: a parser, and a binder over empty stubs."""

    def parse(self, sql: str) -> tuple[str, int | None, int | None] | None:
        """None if `sql` is one statement that the engine's grammar accepts; else its words, line and column (from 1)."""
        ...

    def bind(self, sql: str, stubs: Mapping[Relation, Sequence[Column]]) -> tuple[Column, ...] | tuple[str, int | None, int | None]:
        """The columns that `sql` yields over empty relations of the given columns, or the engine's complaint."""
        ...

    def close(self) -> None: ...


class FileReader(Protocol):
    """An engine in this process that reads files for one that cannot: the plug-in `files` of the entry-point group `eltflow.sources`."""

    @property
    def dialect(self) -> Dialect:
        """Its `files` and `spelt` are the ones that hold."""
        ...

    def query(self, statement: Statement) -> Result:
        """Run a query over files. Raises WarehouseError."""
        ...

    def source(self, select: str) -> Source:
        """The rows of a query over files. Raises WarehouseError."""
        ...

    def columnar(self, source: Source) -> Source:
        """The rows of any source, as one that can be written as Parquet too: by way of a file of its text, in a folder for temporary ones."""
        ...

    def sift(
        self, path: str, name: str, format: str, options: Mapping[str, Any], judge: Callable[[str], Judged], folder: str
    ) -> Sifted | None:
        """The good and the bad rows of a file, known as `name`, each written to a file in `folder`, which is empty; `judge` tells of each
        column how its values are judged. None where it is not single rows that are wrong. In the format `rows` the file is the text of a
        source (`transfer.Source.text`), a tab behind each line, and the option `columns` its columns: (name, type) of each."""
        ...


class Adapter(Protocol):
    """The door to one kind of warehouse."""

    @property
    def name(self) -> str: ...

    @property
    def dialect(self) -> Dialect: ...

    @property
    def target_fields(self) -> Mapping[str, str]:
        """The keys a target of this type may have (beside type, schema, database, threads, custom_schemas) and what each means."""
        ...

    @property
    def secret_fields(self) -> frozenset[str]:
        """The keys whose values must never be shown."""
        ...

    @property
    def starter(self) -> str:
        """A target for a new project, as it is written in `eltflow.yml` below its name; `my_project` stands for the project's."""
        ...

    def target_problems(self, values: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        """(key, what is wrong with it) for each bad value of a target's settings."""
        ...

    def database_name(self, values: Mapping[str, Any], root: Path) -> str | None:
        """The name that relations of this target carry as their database, or None where the engine has none."""
        ...

    def location(self, target: Target, root: Path) -> str:
        """Where the target physically is, without secrets: the key of the run lock, and what people are told."""
        ...

    def open(self, target: Target, root: Path, *, read_only: bool = False) -> Database:
        """Connect. Raises WarehouseError (kind "connection", "locked", "read_only", ...)."""
        ...

    def offline(self) -> Offline | None:
        """The engine's own parser and binder, where it needs no server."""
        ...
