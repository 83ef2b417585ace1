"""Sessions on any engine that SQLAlchemy 2 has a pool and a dialect for. What differs by engine is its `Driver`.

Statements are text that our own dialects wrote, so they go to the DBAPI cursor as they are: of SQLAlchemy there is the URL, the pool, and the
knowledge of which errors mean that a connection is gone. Transactions are begun and ended by the statements that say so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy
from sqlalchemy import event
from sqlalchemy.pool import PoolProxiedConnection

from eltflow.warehouse import CatalogTable, Column, Relation, Result, Statement, Target, WarehouseError
from eltflow_sqlalchemy.statements import Attach, CreateAs, Load, Unsent

#: Runs a query with bound parameters, and gives its rows.
Ask = Callable[..., Sequence[tuple[Any, ...]]]
Schemas = Sequence[tuple[str | None, str]]


class Driver(Protocol):
    """What an engine's driver does in a way of its own."""

    def engine(self, target: Target, root: Path, *, read_only: bool) -> sqlalchemy.Engine:
        """The engine, in autocommit. Nothing is connected yet."""
        ...

    def prepare(self, connection: Any) -> None:
        """Settings of a new DBAPI connection."""
        ...

    def ready(self, connection: Any) -> None:
        """Called before a statement outside of a transaction, and before one begins."""
        ...

    def told(self, error: Exception, sql: str, *, lost: bool) -> WarehouseError:
        """What the driver raised under a statement."""
        ...

    def refused(self, error: Exception) -> WarehouseError:
        """Why there is no connection."""
        ...

    def types(self, cursor: Any) -> Sequence[str | None]:
        """The types of a result's columns, as the catalog spells them."""
        ...

    def open_transaction(self, connection: Any) -> bool:
        """Whether a transaction is open."""
        ...

    def cancel(self, connection: Any) -> None:
        """Stop what runs on the connection; called from another thread."""
        ...

    def catalog(self, ask: Ask, schemas: Schemas, only: Sequence[Relation] | None) -> tuple[CatalogTable, ...]: ...

    def load(self, cursor: Any, statement: Load, stopped: Callable[[], bool]) -> int:
        """Take in the rows of the statement's source; gives their number."""
        ...

    def attach(self, connection: Any, schema: str) -> None:
        """Make a schema that is a file of its own."""
        ...

    def create_as(self, cursor: Any, statement: CreateAs) -> int | None:
        """Create the table; gives the number of its rows, if the engine tells."""
        ...


class SQLSession:
    """A connection out of the pool."""

    def __init__(self, engine: sqlalchemy.Engine, driver: Driver, pooled: PoolProxiedConnection) -> None:
        self._engine, self._driver, self._pooled = engine, driver, pooled
        self._cancelled = self._running = self._lost = False

    @property
    def _connection(self) -> Any:
        return self._pooled.driver_connection

    def execute(self, statement: Statement) -> Result:
        if self._lost:
            raise WarehouseError("the connection to the server was lost", kind="lost")
        self._cancelled, self._running = False, True
        cursor = None
        try:
            if statement.role == "begin" or not self._driver.open_transaction(self._connection):
                self._driver.ready(self._connection)
            cursor = self._pooled.cursor()
            return self._run(statement, cursor)
        except self._errors as error:
            raise self._told(error, statement.sql, cursor) from None
        finally:
            self._running = False
            if cursor is not None:
                with suppress(Exception):
                    cursor.close()

    @property
    def _errors(self) -> type[Exception]:
        module: Any = self._engine.dialect.loaded_dbapi
        errors: type[Exception] = module.Error
        return errors

    def _run(self, statement: Statement, cursor: Any) -> Result:
        if isinstance(statement, Unsent):
            return Result()
        if isinstance(statement, Attach):
            self._driver.attach(self._connection, statement.schema)
            return Result()
        if isinstance(statement, CreateAs):
            return Result(affected=self._driver.create_as(cursor, statement))
        if isinstance(statement, Load):
            return Result(affected=self._driver.load(cursor, statement, lambda: self._cancelled))
        if statement.role in ("commit", "rollback") and not self._driver.open_transaction(self._connection):
            if statement.role == "commit":
                raise WarehouseError("the transaction was rolled back before it could be committed")
            return Result()
        if statement.parameters:
            cursor.execute(statement.sql, statement.parameters)
        else:
            cursor.execute(statement.sql)  # without parameters a % is only a %
        if statement.role == "query":
            names = [d[0] for d in cursor.description or ()]
            columns = tuple(Column(name, type) for name, type in zip(names, self._driver.types(cursor), strict=True))
            return Result(columns=columns, rows=[tuple(row) for row in cursor.fetchall()] if columns else ())
        return Result(affected=cursor.rowcount if cursor.rowcount >= 0 else None)

    def _told(self, error: Exception, sql: str, cursor: Any) -> WarehouseError:
        dialect: Any = self._engine.dialect
        lost = bool(dialect.is_disconnect(error, self._connection, cursor))
        told = self._driver.told(error, sql, lost=lost)
        if told.kind == "lost":
            self._lost = True
            self._pooled.invalidate()
            self._engine.dispose()  # the idle ones: what ended this one may have ended them
        elif self._cancelled:
            told.kind = "cancelled"
        return told

    def cancel(self) -> None:
        self._cancelled = True
        if self._running and not self._lost:
            with suppress(self._errors):
                self._driver.cancel(self._connection)

    def close(self) -> None:
        """Back to the pool, unless something is open in it."""
        with suppress(self._errors):
            if not self._lost and self._driver.open_transaction(self._connection):
                self._pooled.invalidate()
            self._pooled.close()


class SQLDatabase:
    """A target. The first connection is made at once, so that what is wrong with the target is told."""

    def __init__(self, driver: Driver, target: Target, root: Path, *, read_only: bool) -> None:
        self._driver = driver
        self._engine = driver.engine(target, root, read_only=read_only)
        event.listen(self._engine, "connect", lambda connection, record: driver.prepare(connection))
        self.session().close()

    def session(self) -> SQLSession:
        errors: Any = self._engine.dialect.loaded_dbapi
        try:
            return SQLSession(self._engine, self._driver, self._engine.pool.connect())
        except (errors.Error, OSError) as error:
            raise self._driver.refused(error) from None

    @contextmanager
    def _asking(self) -> Iterator[Ask]:
        session = self.session()
        try:
            yield lambda sql, *parameters: session.execute(Statement(sql, role="query", parameters=parameters)).rows
        finally:
            session.close()

    def catalog(self, schemas: Schemas, only: Sequence[Relation] | None = None) -> tuple[CatalogTable, ...]:
        with self._asking() as ask:
            return self._driver.catalog(ask, schemas, only)

    def close(self) -> None:
        self._engine.dispose()
