"""Where state is kept: a small database, whose SQL is what SQLite and PostgreSQL both understand. Values are bound where a `?` stands."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from eltflow.base.diagnostics import EltflowError, fail
from eltflow.state.lock import is_held, service_key

#: Of the words below, SQLite's.
_WORDS = {"number": "integer primary key", "order": ""}


class Rows(Protocol):
    """What a statement gave: rows as tuples, or how many it changed."""

    @property
    def rowcount(self) -> int: ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...

    def __iter__(self) -> Iterator[Any]: ...


class Database(Protocol):
    """A connection, for one thread. Its statements are each a transaction of their own but within `transaction()`."""

    #: How a table's definition spells `{number}`, the key that counts up, and `{order}`, which keeps `rowid` in the order of insertion.
    words: Mapping[str, str]

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Rows: ...

    def executemany(self, sql: str, values: Iterable[Sequence[Any]]) -> None: ...

    def transaction(self) -> AbstractContextManager[None]:
        """All of it or nothing, and one after the other: whoever else begins one waits."""

    def format(self) -> int:
        """The format of the tables, 0 where there are none yet."""

    def mark(self, format: int) -> None:
        """Write the format down, within a transaction."""

    def close(self) -> None: ...


class Leased(Database, Protocol):
    """A database that several services may use at a time: by a lease, one of them leads. Time is the server's."""

    def take(self, owner: str, seconds: float) -> int | None:
        """Take the lease, if nobody has it; gives its token, which is higher than all before."""

    def renew(self, token: int, seconds: float) -> bool:
        """Hold the lease on; False if another has it by now."""

    def release(self, token: int) -> None:
        """Give the lease back."""

    def holds(self, token: int) -> bool:
        """Whether that is still the lease's token, which it then is to the end of the transaction."""

    def leader(self) -> str | None:
        """Who holds the lease."""


class Place(Protocol):
    """Where a project's state is."""

    #: What people know it by.
    name: str
    #: Whether services elsewhere may use it too: its connections are `Leased`.
    shared: bool

    def exists(self) -> bool:
        """Whether anything may have been kept there yet."""

    def served(self, database: Any) -> str | None:
        """The service that works with it, by a connection to it."""

    def connect(self, *, power: bool) -> Database:
        """A connection; the place is made if it is not there. With `power`, what is written outlives a loss of power, not only of the process.
        Raises EltflowError (E0802)."""


class SqliteDatabase:
    """A connection to an SQLite file."""

    words: Mapping[str, str] = _WORDS

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        connection.isolation_level = None  # transactions begin where they are said to
        self._connection = connection
        self._path = path

    def execute(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        try:
            return self._connection.execute(sql, values)
        except sqlite3.DatabaseError as error:
            raise _refused(self._path, error) from None

    def executemany(self, sql: str, values: Iterable[Sequence[Any]]) -> None:
        try:
            self._connection.executemany(sql, values)
        except sqlite3.DatabaseError as error:
            raise _refused(self._path, error) from None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.execute("begin immediate")
        try:
            yield
        except BaseException:
            with suppress(sqlite3.DatabaseError):  # some errors have rolled back already
                self._connection.execute("rollback")
            raise
        self.execute("commit")

    def format(self) -> int:
        (version,) = self.execute("pragma user_version").fetchone()
        return int(version)

    def mark(self, format: int) -> None:
        self.execute(f"pragma user_version = {format}")

    def close(self) -> None:
        self._connection.close()


class SqlitePlace:
    """An SQLite file in the project folder."""

    shared = False

    def __init__(self, path: Path, env: Mapping[str, str] = os.environ) -> None:
        self._path = path
        self._env = env
        self.name = f"{path.parent.name}/{path.name}"

    def exists(self) -> bool:
        return self._path.exists()

    def served(self, database: Any) -> str | None:
        return "that is at work here" if is_held(service_key(self._path.parent), self._env) else None

    def connect(self, *, power: bool) -> SqliteDatabase:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError), open(self._path.parent / ".gitignore", "x") as ignore:
                ignore.write("*\n")
            connection = sqlite3.connect(self._path, timeout=10)
        except (OSError, sqlite3.OperationalError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            message = f"the run history {self._path} cannot be opened: {why}"
            raise fail("E0802", message, help="see that its folder is one that can be written") from None
        database = SqliteDatabase(connection, self._path)
        try:
            if not database.format():
                database.execute("pragma journal_mode = wal")
            database.execute(f"pragma synchronous = {'full' if power else 'normal'}")
        except BaseException:
            database.close()
            raise
        return database


def _refused(path: Path, error: sqlite3.DatabaseError) -> EltflowError:
    if isinstance(error, sqlite3.OperationalError):  # not now; but what the file holds is whole
        help = "see that it may be written and its disk has room, and try again"
        return fail("E0808", f"the run history {path} cannot be used: {error}", help=help)
    return fail("E0802", f"the run history {path} cannot be read: {error}", help="move the file away; eltflow starts a new one")
