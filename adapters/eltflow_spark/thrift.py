"""Sessions on a Thrift server (HiveServer2's protocol), by PyHive."""

from __future__ import annotations

import datetime
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from pyhive import exc, hive
from TCLIService import ttypes
from thrift.Thrift import TException
from thrift.transport import TSocket, TTransport

from eltflow.transfer import Source, plain
from eltflow.warehouse import CatalogTable, Column, Relation, Result, Statement, WarehouseError
from eltflow_spark.catalog import of_schema
from eltflow_spark.dialect import SparkDialect
from eltflow_spark.errors import as_warehouse_error
from eltflow_spark.statements import DYNAMIC, SETTINGS, Describe, Load, Overwrite
from eltflow_spark.turns import Turns

_DIALECT = SparkDialect()
_STATES = ttypes.TOperationState
_RUNNING = (_STATES.INITIALIZED_STATE, _STATES.PENDING_STATE, _STATES.RUNNING_STATE)
_FAILURES = (exc.Error, TException, OSError, EOFError)
#: What was cancelled does not go on without anybody to see what it gives.
_SETTINGS = {"spark.sql.thriftServer.interruptOnCancel": "true"}
#: What the protocol calls types; it does not tell their figures, which a `Describe` does.
_TYPES: Mapping[str, str] = {"INT_TYPE": "int"}
#: What comes as text.
_READS: Mapping[str, Callable[[str], Any]] = {"DATE_TYPE": datetime.date.fromisoformat}
#: How many rows an INSERT brings.
_ROWS = 1000


class ThriftSession:
    """One of those who use the target's connection. A statement is started, and asked about until it has ended, so that others can ask
    in between and it can be cancelled."""

    def __init__(self, connection: Any, lock: threading.Lock, turns: Turns) -> None:
        self._connection, self._lock, self._turns = connection, lock, turns
        self._cancelled = self._lost = False

    @property
    def lost(self) -> bool:
        return self._lost

    def execute(self, statement: Statement) -> Result:
        if self._lost:
            raise WarehouseError("the connection to the server was lost", kind="lost")
        self._cancelled = False
        try:
            with self._turns.for_(statement):
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
        told, found = self._send(statement.sql, wanted=statement.role == "query")
        columns = tuple(Column(name, _TYPES.get(kind) or kind.removesuffix("_TYPE").lower()) for name, kind in told)
        reads = [_READS.get(kind) for _, kind in told]
        return Result(columns=columns, rows=[tuple(_value(v, r) for v, r in zip(row, reads, strict=True)) for row in found])

    def stream(self, statement: Statement) -> Iterator[Sequence[tuple[Any, ...]]]:
        """The rows as they are fetched; others may ask something in between."""
        if self._lost:
            raise WarehouseError("the connection to the server was lost", kind="lost")
        self._cancelled = False
        try:
            cursor = self._done(statement.sql)
            with self._lock:
                reads = [_READS.get(kind) for _, kind, *_ in cursor.description]
            while rows := self._fetched(cursor):
                if self._cancelled:
                    raise WarehouseError("cancelled", kind="cancelled")
                yield [tuple(_value(v, r) for v, r in zip(row, reads, strict=True)) for row in rows]
            with self._lock:
                cursor.close()
        except _FAILURES as error:
            told = as_warehouse_error(_text(error), cancelled=self._cancelled, lost=not isinstance(error, exc.OperationalError))
            self._lost = told.kind == "lost"
            raise told from None

    def _fetched(self, cursor: Any) -> Sequence[tuple[Any, ...]]:
        with self._lock:
            rows: Sequence[tuple[Any, ...]] = cursor.fetchmany(_ROWS)
            return rows

    def _send(self, sql: str, *, wanted: bool = False) -> tuple[list[tuple[str, str]], Sequence[tuple[Any, ...]]]:
        """Run it; gives columns and rows, if they are wanted."""
        cursor = self._done(sql)
        with self._lock:
            told = [(name, kind) for name, kind, *_ in cursor.description or ()] if wanted else []
            rows = cursor.fetchall() if told else []
            cursor.close()
        return told, rows

    def _done(self, sql: str) -> Any:
        """The cursor of a statement that has ended well."""
        with self._lock:
            cursor = self._connection.cursor()
            cursor.execute(sql, async_=True)
        wait = 0.002
        while (state := self._state(cursor)).operationState in _RUNNING:
            if self._cancelled:
                with self._lock:
                    cursor.cancel()
                raise WarehouseError("cancelled", kind="cancelled")
            time.sleep(wait)
            wait = min(wait * 1.5, 0.1)
        if state.operationState != _STATES.FINISHED_STATE:
            raise exc.OperationalError(state.errorMessage or "the statement failed, and the server does not say why")
        return cursor

    def _state(self, cursor: Any) -> Any:
        with self._lock:
            return cursor.poll(get_progress_update=False)

    def _described(self, query: str) -> list[tuple[str, str]]:
        return [(name, type) for name, type, *_ in self._send(f"describe query\n{query}", wanted=True)[1]]

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
            self._send(
                f"insert into {statement.name} ({names})\nselect {values} from values\n{literals}\nas eltflow_rows ({places})"
            )
            count += len(rows)
        return count

    def cancel(self) -> None:
        self._cancelled = True

    def close(self) -> None:
        """Nothing is to be done: the connection is the target's."""


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


def _transport(
    host: str, port: int, auth: str, username: str, password: str | None, kerberos_service_name: str | None, seconds: int
) -> Any:
    socket = TSocket.TSocket(host, port)
    socket.setTimeout(seconds * 1000)
    if auth == "NOSASL":
        return TTransport.TBufferedTransport(socket)
    from thrift_sasl import TSaslClientTransport

    way = "GSSAPI" if auth == "KERBEROS" else "PLAIN"
    given = {"host": host, "sasl_auth": way, "service": kerberos_service_name, "username": username, "password": password or "x"}
    return TSaslClientTransport(lambda: hive.get_installed_sasl(**given), way, socket)


class ThriftDatabase:
    """A target: one connection, used by all who ask, for the reason that `ConnectDatabase` has."""

    def __init__(self, arguments: Mapping[str, Any], where: str, settings: Mapping[str, str]) -> None:
        self._arguments, self._where, self._settings = dict(arguments), where, {**settings, **SETTINGS, **_SETTINGS}
        self._lock = threading.Lock()
        self._connection: Any = None
        self._transport: Any = None
        self._made: list[ThriftSession] = []
        self._speaks = threading.Lock()
        self._turns = Turns()
        self.session()

    def session(self) -> ThriftSession:
        with self._lock:
            if self._connection is None or any(session.lost for session in self._made):
                self._end()
                self._connection, self._speaks = self._connected(), threading.Lock()
                first = ThriftSession(self._connection, self._speaks, self._turns)
                for key, value in self._settings.items():
                    first.execute(Statement(f"set {key} = {value}"))
            made = ThriftSession(self._connection, self._speaks, self._turns)
            self._made.append(made)
            return made

    def _connected(self) -> Any:
        try:
            self._transport = _transport(**self._arguments)
            return hive.connect(thrift_transport=self._transport, username=self._arguments["username"])
        except (*_FAILURES, ValueError, NotImplementedError, ImportError) as error:
            raise WarehouseError(f"{self._where}: {' '.join(_text(error).split())}", kind="connection") from None

    def _end(self) -> None:
        """The server ends the session of a connection that is gone; asked to end it, Spark 4.3 gives no answer."""
        connection, self._connection, self._made = self._connection, None, []
        if connection is not None:
            with suppress(Exception):
                self._transport.close()

    def catalog(
        self, schemas: Sequence[tuple[str | None, str]], only: Sequence[Relation] | None = None
    ) -> tuple[CatalogTable, ...]:
        session = self.session()
        return tuple(table for _, schema in schemas for table in of_schema(session, schema, only))

    def close(self) -> None:
        with self._lock:
            self._end()
