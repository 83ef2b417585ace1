"""Connections that deliveries send by: opened when they are first used, their secrets kept out of every message."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from eltflow.base.diagnostics import without
from eltflow.report.rows import table_text, text
from eltflow.transfer import Note, NotTold, Recipient
from eltflow.transfer.jsontext import NotJson, dumps
from eltflow.warehouse.connection import Connection, telling
from eltflow.warehouse.values import Column, WarehouseError

_SHOWN = 20  #: rows of a message, unless told


class OpenedRecipient:
    """What takes rows. Whoever makes it closes it."""

    def __init__(
        self, connection: Connection, to: Mapping[str, Any], key: Sequence[str], root: Path, stop: Callable[[], bool]
    ) -> None:
        self._connection = connection
        self._to = {**to, "unique_key": list(key)}
        self._root = root
        self._stop = stop
        self._opened: Recipient | None = None

    @property
    def where(self) -> str:
        return f"{self._to.get('path') or self._to.get('table')} of `{self._connection.name}`"

    def send(self, rows: Sequence[Mapping[str, Any]], key: str) -> Mapping[int, str]:
        return self._asked(lambda opened: opened.send(self._to, rows, key, stop=self._stop))

    def delete(self, keys: Sequence[Mapping[str, Any]], key: str) -> Mapping[int, str]:
        return self._asked(lambda opened: opened.delete(self._to, keys, key, stop=self._stop))

    def _asked(self, ask: Callable[[Recipient], Mapping[int, str]]) -> Mapping[int, str]:
        try:
            with telling(self._connection, "correct the delivery, or its connection"):
                if self._opened is None:
                    self._opened = self._connection.reader.open(self._connection.values, self._root)
                refused = ask(self._opened)
        except WarehouseError:
            if self._stop():
                raise WarehouseError("cancelled", kind="cancelled") from None
            raise
        return {place: without(self._connection.secrets, why) for place, why in refused.items()}

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()


class OpenedMessage:
    """People who are told of rows, by one connection."""

    def __init__(self, connection: Connection, to: Mapping[str, Any], name: str, about: Mapping[str, Any]) -> None:
        self._connection = connection
        self._to = to
        self._title = str(to.get("title") or name)
        self._about = about

    @property
    def where(self) -> str:
        return f"`{self._connection.name}`"

    def tell(self, columns: Sequence[Column], rows: Sequence[tuple[Any, ...]]) -> None:
        names = [column.name for column in columns]
        shown = rows[: int(self._to.get("rows") or _SHOWN)]
        more = len(rows) - len(shown)
        try:
            facts = {**self._about, "rows": [dict(zip(names, row, strict=True)) for row in shown], "more_rows": more}
            dumps(facts)
            lines = table_text(names, [[*map(text, row)] for row in shown])
            note = Note(title=self._title, text=lines + (f"\n… and {more:,} more" if more else ""), facts=facts)
            self._connection.reader.tell(self._connection.values, note)
        except NotTold as error:
            words = without(self._connection.secrets, str(error))
            help = "run it again when it answers" if error.again else "correct the connection"
            raise WarehouseError(f"connection `{self._connection.name}`: {words}", kind="connection", help=help) from None
        except NotJson as error:
            raise WarehouseError(f"a value cannot be sent: {error}", help="leave such rows out, or cast the column") from None

    def close(self) -> None: ...
