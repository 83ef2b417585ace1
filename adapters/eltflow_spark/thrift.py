"""Sessions on a Thrift server (HiveServer2's protocol), by PyHive."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from pyhive import exc, hive
from TCLIService import ttypes
from thrift.Thrift import TException

from eltflow.transfer import Source, plain
from eltflow.warehouse import CatalogTable, Column, Relation, Result, Statement, WarehouseError
from eltflow_spark.catalog import of_schema
from eltflow_spark.dialect import SparkDialect
from eltflow_spark.errors import as_warehouse_error
from eltflow_spark.statements import DYNAMIC, SETTINGS, Describe, Load, Overwrite

_DIALECT = SparkDialect()
_STATES = ttypes.TOperationState
_RUNNING = (_STATES.INITIALIZED_STATE, _STATES.PENDING_STATE, _STATES.RUNNING_STATE)
_FAILURES = (exc.Error, TException, OSError, EOFError)
#: What the protocol calls types; it does not tell their figures, which a `Describe` does.
_TYPES: Mapping[str, str] = {"INT_TYPE": "int"}
#: What comes as text.
_READS: Mapping[str, Callable[[str], Any]] = {"DATE_TYPE": datetime.date.fromisoformat}
#: How many rows an INSERT brings.
_ROWS = 1000


class ThriftSession:
    """A connection. A statement is started, and asked about until it has ended, so that it can be cancelled."""

    def __init__(self, connection: Any, idle: list[ThriftSession]) -> None:
        self._connection, self._idle = connection, idle
        self._cancelled = self._lost = False

    def execute(self, statement: Statement) -> Result:
        if self._lost:
            raise WarehouseError("the connection to the server was lost", kind="lost")
        self._cancelled = False
        try:
            return self._run(statement)
        except _FAILURES as error:
            told = as_warehouse_error(_text(error), cancelled=self._cancelled, lost=not isinstance(error, exc.OperationalError))
            self._lost = told.kind == "lost"
            raise told from None

    def _run(self, statement: Statement) -> Result:
        if isinstance(statement, Load):
            return Result(affected=self._load(statement))
        if isinstance(statement, Describe):
            return Result(columns=tuple(Column(name, type) for name, type in self._described(statement.query)))
        if isinstance(statement, Overwrite):
            self._send(f"set {DYNAMIC[0]} = {DYNAMIC[1]}")
        cursor = self._send(statement.sql)
        if statement.role != "query":
            return Result()
        told = [(name, kind) for name, kind, *_ in cursor.description or ()]
        columns = tuple(Column(name, _TYPES.get(kind) or kind.removesuffix("_TYPE").lower()) for name, kind in told)
        reads = [_READS.get(kind) for _, kind in told]
        rows = [tuple(_value(v, r) for v, r in zip(row, reads, strict=True)) for row in cursor.fetchall()] if columns else []
        return Result(columns=columns, rows=rows)

    def _send(self, sql: str) -> Any:
        cursor = self._connection.cursor()
        cursor.execute(sql, async_=True)
        wait = 0.002
        while (state := cursor.poll(get_progress_update=False)).operationState in _RUNNING:
            if self._cancelled:
                cursor.cancel()
                raise WarehouseError("cancelled", kind="cancelled")
            time.sleep(wait)
            wait = min(wait * 1.5, 0.1)
        if state.operationState != _STATES.FINISHED_STATE:
            raise exc.OperationalError(state.errorMessage or "the statement failed, and the server does not say why")
        return cursor

    def _described(self, query: str) -> list[tuple[str, str]]:
        rows = self._send(f"describe query\n{query}").fetchall()
        return [(name, type) for name, type, *_ in rows]

    def _load(self, statement: Load) -> int:
        """The values stand as literals in INSERTs: for what is large, Connect is the way."""
        assert statement.source is not None
        names = ", ".join(statement.into)
        kinds = [type for _, type in self._described(f"select {names} from {statement.name}")]
        count = 0
        for rows in _batches(statement.source):
            if self._cancelled:
                raise WarehouseError("cancelled", kind="cancelled")
            literals = ",\n".join(f"({', '.join(map(_DIALECT.literal, row))})" for row in rows)
            values = ", ".join(_from_text(f"c{n}", kind) for n, kind in enumerate(kinds))
            places = ", ".join(f"c{n}" for n in range(len(kinds)))
            self._send(f"insert into {statement.name} ({names})\nselect {values} from values\n{literals}\nas eltflow_rows ({places})")
            count += len(rows)
        return count

    def cancel(self) -> None:
        self._cancelled = True

    def close(self) -> None:
        """Kept for the next one that asks."""
        if self._lost:
            self.end()
        else:
            self._idle.append(self)

    def end(self) -> None:
        with suppress(Exception):
            self._connection.close()


def _value(value: Any, read: Callable[[str], Any] | None) -> Any:
    return read(value) if read is not None and isinstance(value, str) else value


def _from_text(column: str, kind: str) -> str:
    """A column of texts as this type."""
    if kind == "binary":
        return f"case when {column} like '\\\\\\\\x%' then unhex(substr({column}, 3)) else cast({column} as binary) end"
    return f"cast({column} as {kind})"


def _batches(source: Source) -> Iterator[list[tuple[str | None, ...]]]:
    for text in source.text():
        lines = text.decode().split("\n")[:-1]
        for at in range(0, len(lines), _ROWS):
            yield [tuple(None if v == "\\N" else plain(v) for v in line.split("\t")) for line in lines[at : at + _ROWS]]


def _text(error: BaseException) -> str:
    """The server's words in an error of the driver."""
    first = error.args[0] if error.args else None
    status = getattr(first, "status", None)
    if status is not None:
        text = str(getattr(status, "errorMessage", None) or "; ".join(getattr(status, "infoMessages", None) or ()))
    else:
        text = str(first if first is not None else error)
    return text.split("\n\tat ")[0]


class ThriftDatabase:
    """A server. The first connection is made at once, so that what is wrong with the target is told."""

    def __init__(self, arguments: Mapping[str, Any], where: str, settings: Mapping[str, str]) -> None:
        self._arguments, self._where = dict(arguments), where
        self._settings = {**settings, **SETTINGS}
        self._idle: list[ThriftSession] = []
        self.session().close()

    def session(self) -> ThriftSession:
        with suppress(IndexError):  # several workers may ask at once: the list alone knows whether one is left
            return self._idle.pop()
        try:
            connection = hive.connect(**self._arguments)
        except (*_FAILURES, ValueError, NotImplementedError, ImportError) as error:
            raise WarehouseError(f"{self._where}: {' '.join(_text(error).split())}", kind="connection") from None
        made = ThriftSession(connection, self._idle)
        for key, value in self._settings.items():
            made.execute(Statement(f"set {key} = {value}"))
        return made

    def catalog(
        self, schemas: Sequence[tuple[str | None, str]], only: Sequence[Relation] | None = None
    ) -> tuple[CatalogTable, ...]:
        session = self.session()
        try:
            return tuple(table for _, schema in schemas for table in of_schema(session, schema, only))
        finally:
            session.close()

    def close(self) -> None:
        while self._idle:
            self._idle.pop().end()
