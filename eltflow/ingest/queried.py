"""The rows of a query of a warehouse that no reader of tables is for: as its driver gives them, bit by bit where its session can."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from eltflow.base.records import dataclass
from eltflow.transfer import Field, Kept, Origin, Since, Source
from eltflow.transfer.astext import as_text
from eltflow.warehouse.dialect import Dialect
from eltflow.warehouse.protocols import Session, Streams
from eltflow.warehouse.values import Purpose, Statement

_BATCH = 5_000  #: rows
_TEXTS = re.compile(r"(var)?char|character|text|string|json", re.IGNORECASE)


class QueriedTables:
    """`transfer.Tables` by a session of the warehouse. Whoever makes it closes it."""

    def __init__(self, session: Session, dialect: Dialect, purpose: Purpose | None = None) -> None:
        self._session = session
        self._dialect = dialect
        self._purpose = purpose

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
        sql = f"select {items} from {origin.item(self._dialect.quote)}"
        return _Queried(self._session, Statement(sql, role="query", purpose=self._purpose), fields)

    def highest(self, origin: Origin, column: Kept) -> str | None:
        raise NotImplementedError("no step reads by it")

    def close(self) -> None:
        self._session.close()


@dataclass(frozen=True, slots=True)
class _Queried:
    session: Session
    statement: Statement
    fields: tuple[Field, ...]

    def text(self) -> Iterator[bytes]:
        for batch in self._batches():
            yield "".join(["\t".join(map(as_text, row)) + "\n" for row in batch]).encode()

    def _batches(self) -> Iterator[Sequence[tuple[Any, ...]]]:
        if isinstance(self.session, Streams):
            yield from self.session.stream(self.statement)
        else:
            rows = self.session.execute(self.statement).rows
            yield from (rows[start : start + _BATCH] for start in range(0, len(rows), _BATCH))

    def parquet(self, folder: str, names: Sequence[str], *, plain: bool = False) -> None:
        raise NotImplementedError("what takes Parquet asks for `FileReader.columnar`")
