"""The table or query of another database that a step reads: opened when it is first asked, its secrets kept out of every message."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eltflow.base.records import dataclass
from eltflow.transfer import Kept, Origin, SharesMoment, Since, Source, Tables
from eltflow.warehouse.connection import Connection, telling
from eltflow.warehouse.values import WarehouseError

if TYPE_CHECKING:
    from collections.abc import Iterator


class OneMoment:
    """What the tables that a step brings are all read at: a connection holds it until each of the `members` sees the same, or it is closed."""

    def __init__(self, holder: Tables, members: Iterable[str]) -> None:
        self._holders = [holder]
        self._waited = set(members)
        try:
            self._moment = holder.moment() if isinstance(holder, SharesMoment) else None
        except WarehouseError:  # a server that has none to give: each table is then read at its own
            self._moment = None
        if self._moment is None:
            self.close()

    def join(self, member: str, tables: Tables) -> None:
        """Let a table be read at that moment. One that is tried again when all others have begun is read at its own. Raises WarehouseError."""
        if self._moment is None or member not in self._waited or not isinstance(tables, SharesMoment):
            return
        tables.see(self._moment)
        self._waited.discard(member)
        if not self._waited:
            self.close()

    def close(self) -> None:
        while self._holders:
            self._holders.pop().close()


class OpenedTable:
    """What a step reads. `join` is given the connection once it is open, before anything is read. Whoever makes it closes it."""

    def __init__(
        self,
        connection: Connection,
        source: Mapping[str, Any],
        root: Path,
        join: Callable[[Tables, Callable[[], Tables]], None] | None = None,
    ) -> None:
        self._join = join
        self._connection = connection
        self._origin = Origin(table=source.get("table"), query=source.get("query"))
        self._root = root
        self._opened: Tables | None = None

    @property
    def where(self) -> str:
        return f"{self._origin} of `{self._connection.name}`"

    def columns(self) -> Sequence[Kept]:
        with self._told():
            return self._tables().columns(self._origin)

    def rows(self, columns: Sequence[tuple[Kept, str]], since: Since | None, *, lenient: bool = False) -> Source:
        return _Told(self._tables().rows(self._origin, columns, since, lenient=lenient), self._told)

    def highest(self, column: Kept) -> str | None:
        with self._told():
            return self._tables().highest(self._origin, column)

    def tables(self, schema: str | None) -> Sequence[str]:
        """The tables that are there."""
        with self._told():
            return self._tables().tables(schema)

    def described(self, table: str) -> tuple[Sequence[Kept], Sequence[str]]:
        """The columns of a table, and those of its key."""
        with self._told():
            return self._tables().columns(Origin(table=table)), self._tables().key(table)

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()

    def _tables(self) -> Tables:
        if self._opened is None:
            self._opened = self._open()
            if self._join is not None:
                try:
                    self._join(self._opened, self._open)
                except WarehouseError:  # the moment is gone, and with it the transaction that asked for it
                    self._opened.close()
                    self._opened = self._open()
        return self._opened

    def _open(self) -> Tables:
        opened: Tables = self._connection.reader.open(self._connection.values, self._root)
        return opened

    def _told(self) -> AbstractContextManager[None]:
        return telling(self._connection)


@dataclass(frozen=True, slots=True)
class _Told:
    """A source whose errors are told as those of its connection."""

    source: Source
    told: Callable[[], AbstractContextManager[None]]

    @property
    def fields(self) -> Any:
        return self.source.fields

    def text(self) -> Iterator[bytes]:
        with self.told():
            yield from self.source.text()

    def parquet(self, folder: str, names: Sequence[str], *, plain: bool = False) -> None:
        with self.told():
            self.source.parquet(folder, names, plain=plain)
