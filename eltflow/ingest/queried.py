"""The rows of a query of a warehouse that no reader of tables is for: as its driver gives them, so that they must fit into memory."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from eltflow.base.records import dataclass
from eltflow.transfer import Field, Kept, Origin, Since, Source
from eltflow.transfer.astext import as_text
from eltflow.warehouse.dialect import Dialect
from eltflow.warehouse.protocols import Session
from eltflow.warehouse.values import Statement

_BATCH = 5_000  #: rows
_TEXTS = re.compile(r"(var)?char|character|text|string|json", re.IGNORECASE)


class QueriedTables:
    """`transfer.Tables` by a session of the warehouse. Whoever makes it closes it."""

    def __init__(self, session: Session, dialect: Dialect) -> None:
        self._session = session
        self._dialect = dialect

    def tables(self, schema: str | None) -> Sequence[str]:
        raise NotImplementedError("its catalog tells")

    def key(self, table: str) -> Sequence[str]:
        return ()  # such warehouses hold nobody to a key

    def columns(self, origin: Origin) -> Sequence[Kept]:
        found = self._session.execute(self._dialect.describe(f"select * from {origin.item(self._dialect.quote)}")).columns
        return [self._kept(c.name, c.type or "VARCHAR") for c in found]

    def _kept(self, name: str, type: str) -> Kept:
        expression, read = self._dialect.gives(self._dialect.quote(name), type)
        as_what = {"VARCHAR": "text", "JSON": "JSON"}.get(read)
        told = as_what is not None and not _TEXTS.match(type)
        return Kept(name, read, expression, f"`{name}` is {type}, and comes as {as_what}" if told else None)

    def rows(self, origin: Origin, columns: Sequence[tuple[Kept, str]], since: Since | None, *, lenient: bool = False) -> Source:
        items = ", ".join(f"{kept.expression} as {self._dialect.quote(name)}" for kept, name in columns)
        fields = tuple(Field(name, kept.type) for kept, name in columns)
        return _Queried(self._session, f"select {items} from {origin.item(self._dialect.quote)}", fields)

    def highest(self, origin: Origin, column: Kept) -> str | None:
        raise NotImplementedError("no step reads by it")

    def close(self) -> None:
        self._session.close()


@dataclass(frozen=True, slots=True)
class _Queried:
    session: Session
    sql: str
    fields: tuple[Field, ...]

    def text(self) -> Iterator[bytes]:
        rows = self.session.execute(Statement(self.sql, role="query")).rows
        for start in range(0, len(rows), _BATCH):
            lines = ("\t".join(map(as_text, row)) + "\n" for row in rows[start : start + _BATCH])
            yield "".join(lines).encode()

    def parquet(self, folder: str, names: Sequence[str], *, plain: bool = False) -> None:
        raise NotImplementedError("no engine that takes Parquet is sent a sample")
