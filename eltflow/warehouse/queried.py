"""The rows of a query of a warehouse that no reader of tables is for: as its driver gives them, bit by bit where its session can."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from eltflow.base import plugins
from eltflow.base.records import dataclass
from eltflow.transfer import Field, Kept, Origin, Since, Source, TableReader
from eltflow.transfer.astext import as_text
from eltflow.warehouse.dialect import Dialect
from eltflow.warehouse.protocols import Adapter, Database, Session, Streams
from eltflow.warehouse.values import Purpose, Statement, Target

_BATCH = 5_000  #: rows
_TEXTS = re.compile(r"(var)?char|character|text|string|json", re.IGNORECASE)


def own_reader(type: str) -> TableReader | None:
    """What reads the tables of a type of database in a way of its own; None where its warehouse's session does."""
    reader: TableReader | None = plugins.load("eltflow.sources", type) if type in plugins.names("eltflow.sources") else None
    return None if isinstance(reader, QueriedTableReader) else reader


class QueriedTableReader:
    """Connections to a warehouse, with the keys of its targets, for the steps that read from it."""

    kinds = ("sql",)

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter
        common = {"database": "the database of tables that are named without one", "schema": "their schema"}
        self.keys: Mapping[str, str] = {**common, **adapter.target_fields}
        self.secret_keys = adapter.secret_fields

    def problems(self, values: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        name = self._adapter.name
        found = self._adapter.target_problems(values)
        return [(key, problem.replace(f"a {name} target", f"a {name} connection")) for key, problem in found]

    def open(self, values: Mapping[str, Any], root: Path) -> OpenedTables:
        adapter = self._adapter
        target = Target(
            name="",
            type=adapter.name,
            database=adapter.database_name(values, root),
            schema=str(values.get("schema") or adapter.dialect.default_schema),
            threads=1,
            values=values,
        )
        database = adapter.open(target, root, read_only=True)
        try:
            return OpenedTables(database, adapter.dialect, target)
        except BaseException:
            database.close()
            raise


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
        return [self._kept(name, type) for name, type in self._types(origin).items()]

    def _types(self, origin: Origin) -> Mapping[str, str]:
        found = self._session.execute(self._dialect.describe(f"select * from {self._item(origin)}")).columns
        return {c.name: c.type or "VARCHAR" for c in found}

    def _item(self, origin: Origin) -> str:
        """What stands behind FROM: names of tables are written without quotes, so that they are what the engine makes of such."""
        return origin.item(lambda name: self._dialect.quote(self._dialect.named(name)))

    def _kept(self, name: str, type: str) -> Kept:
        expression, read = self._dialect.gives(self._dialect.quote(name), type)
        as_what = {"VARCHAR": "text", "JSON": "JSON"}.get(read)
        told = as_what is not None and not _TEXTS.match(type)
        return Kept(name, read, expression, f"`{name}` is {type}, and comes as {as_what}" if told else None)

    def rows(self, origin: Origin, columns: Sequence[tuple[Kept, str]], since: Since | None, *, lenient: bool = False) -> Source:
        items = ", ".join(f"{kept.expression} as {self._dialect.quote(name)}" for kept, name in columns)
        fields = tuple(Field(name, kept.type) for kept, name in columns)
        sql = f"select {items} from {self._item(origin)}"
        if since is not None:
            column, type = self._dialect.quote(since.column), self._types(origin)[since.column]
            within = f"{column} >= {self._bound(since.value, since.type, type)}"
            if since.until is not None:
                within += f" and {column} < {self._bound(since.until, since.type, type)}"
            sql += f" where ({within}) or {column} is null"
        return _Queried(self._session, Statement(sql, role="query", purpose=self._purpose), fields)

    def _bound(self, value: Any, read: str, type: str) -> str:
        """A limit as the engine compares a column of this type with it."""
        if isinstance(value, datetime.datetime) and read == "TIMESTAMP":
            value = value.replace(tzinfo=None)
        text = value.isoformat(sep=" ") if isinstance(value, datetime.datetime) else str(value)
        return self._dialect.string(text) if read == "VARCHAR" else f"cast({self._dialect.string(text)} as {type})"

    def highest(self, origin: Origin, column: Kept) -> str | None:
        name = self._dialect.quote(column.name)
        query = f"select max({name}) as {name} from {self._item(origin)}"
        sql = f"select {column.expression} from (\n{query}\n) as eltflow_highest"
        rows = self._session.execute(Statement(sql, role="query", purpose=self._purpose)).rows
        return as_text(rows[0][0]) if rows and rows[0][0] is not None else None

    def close(self) -> None:
        self._session.close()


class OpenedTables(QueriedTables):
    """What a connection of its own is for. A query sees what was there when it began; one warehouse has no transaction for several."""

    def __init__(self, database: Database, dialect: Dialect, target: Target) -> None:
        super().__init__(database.session(), dialect)
        self._database = database
        self._target = target

    def _item(self, origin: Origin) -> str:
        if origin.table is not None and "." not in origin.table:
            origin = Origin(table=f"{self._target.schema}.{origin.table}")
        return super()._item(origin)

    def tables(self, schema: str | None) -> Sequence[str]:
        named = self._dialect.named(schema or self._target.schema)
        found = self._database.catalog([(self._target.database, named)])
        return sorted(table.relation.identifier for table in found)

    def close(self) -> None:
        super().close()
        self._database.close()


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
