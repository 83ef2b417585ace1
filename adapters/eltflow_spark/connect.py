"""Sessions by Spark Connect: on a server, or on a Spark in this process (`local.py`)."""

from __future__ import annotations

import logging
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it has words about every new pandas, which is not used here
    import grpc
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq
    from pyspark.errors import PySparkException
    from pyspark.sql.connect.client.retries import DefaultPolicy
    from pyspark.sql.connect.session import SparkSession

from eltflow.warehouse import CatalogTable, Column, Relation, Result, Statement, WarehouseError
from eltflow_spark.catalog import of_schema
from eltflow_spark.errors import as_warehouse_error
from eltflow_spark.statements import DYNAMIC, SETTINGS, Describe, Load, Overwrite

#: How much of a source is sent at once, in bytes of the rows as Arrow has them.
_PIECE = 16 * 1024 * 1024
#: The client writes what it raises into the log, too.
logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL + 1)
logging.getLogger("DataFrameQueryContextLogger").setLevel(logging.CRITICAL + 1)


class ConnectSession:
    """A session of its own on the server: temporary views and settings are not seen by others."""

    def __init__(self, spark: Any, idle: list[ConnectSession]) -> None:
        self._spark, self._idle = spark, idle
        self._cancelled = self._lost = self._running = False

    def execute(self, statement: Statement) -> Result:
        if self._lost:
            raise WarehouseError("the connection to the server was lost", kind="lost")
        self._cancelled, self._running = False, True
        try:
            return self._run(statement)
        except (PySparkException, grpc.RpcError, pa.ArrowException) as error:
            told = self._told(error)
            self._lost = told.kind == "lost"
            raise told from None
        finally:
            self._running = False

    def _run(self, statement: Statement) -> Result:
        if isinstance(statement, Load):
            return Result(affected=self._load(statement))
        if isinstance(statement, Overwrite):
            self._spark.conf.set(*DYNAMIC)
        frame = self._spark.sql(statement.sql, args=list(statement.parameters) or None)
        if isinstance(statement, Describe):
            return Result(columns=_columns(frame))
        if statement.role != "query":
            return Result()
        columns = _columns(frame)
        return Result(columns=columns, rows=_rows(frame.toArrow()) if columns else ())

    def _load(self, statement: Load) -> int:
        """A piece after the other, each by an INSERT."""
        assert statement.source is not None
        names = ", ".join(statement.into)
        kinds = [field.dataType.simpleString() for field in self._spark.sql(f"select {names} from {statement.name}").schema.fields]
        values = ", ".join(f"cast(`c{n}` as {kind})" for n, kind in enumerate(kinds))
        view, folder = f"eltflow_{uuid.uuid4().hex}", Path(tempfile.mkdtemp(prefix="eltflow-"))
        count = 0
        try:
            statement.source.parquet(str(folder), [f"c{n}" for n in range(len(kinds))], plain=True)
            for piece in _pieces(folder):
                if self._cancelled:
                    raise WarehouseError("cancelled", kind="cancelled")
                self._spark.createDataFrame(piece).createOrReplaceTempView(view)
                self._spark.sql(f"insert into {statement.name} ({names})\nselect {values} from `{view}`")
                count += piece.num_rows
            return count
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(PySparkException, grpc.RpcError):
                self._spark.catalog.dropTempView(view)

    def _told(self, error: Exception) -> WarehouseError:
        if isinstance(error, grpc.RpcError):
            code = error.code().name if callable(getattr(error, "code", None)) else ""
            details = error.details() if callable(getattr(error, "details", None)) else str(error)
            return as_warehouse_error(f"{code}: {details}", cancelled=self._cancelled, lost=True)
        condition = error.getCondition() if isinstance(error, PySparkException) else None
        text = (error.getMessage() if isinstance(error, PySparkException) else None) or str(error)
        gone = condition is None and ("UNAVAILABLE" in text or "Connection reset" in text or "RETRIES_EXCEEDED" in text)
        return as_warehouse_error(text, cancelled=self._cancelled, lost=gone or condition == "RETRIES_EXCEEDED", condition=condition)

    def cancel(self) -> None:
        self._cancelled = True
        if self._running and not self._lost:
            with suppress(PySparkException, grpc.RpcError):
                self._spark.interruptAll()

    def close(self) -> None:
        """Kept for the next one that asks."""
        if self._lost:
            self.end()
        else:
            self._idle.append(self)

    def end(self) -> None:
        with suppress(PySparkException, grpc.RpcError):
            if not self._lost:
                self._spark.client.release_session()
        with suppress(Exception):
            self._spark.client.close()


def _columns(frame: Any) -> tuple[Column, ...]:
    return tuple(Column(field.name, field.dataType.simpleString()) for field in frame.schema.fields)


def _rows(table: pa.Table) -> list[tuple[Any, ...]]:
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def _pieces(folder: Path) -> Iterator[pa.Table]:
    """The rows of the Parquet files in a folder, as types that Spark has."""
    for path in sorted(folder.glob("*.parquet")):
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=50_000):
                table = pa.table([_signed(column) for column in batch.columns], names=batch.schema.names)
                step = max(1, table.num_rows * _PIECE // max(table.nbytes, 1))
                yield from (table.slice(at, step) for at in range(0, table.num_rows, step))


def _signed(column: Any) -> Any:
    """Spark has no whole numbers without a sign."""
    if not pa.types.is_unsigned_integer(column.type):
        return column
    return pc.cast(column, pa.string() if pa.types.is_uint64(column.type) else pa.int64())


class ConnectDatabase:
    """A server. The first session is opened at once, so that what is wrong with the target is told."""

    def __init__(self, url: str, where: str, settings: Mapping[str, str], end: Callable[[], None] = lambda: None) -> None:
        self._url, self._where, self._settings, self._end = url, where, {**settings, **SETTINGS}, end
        self._idle: list[ConnectSession] = []
        try:
            self.session().close()
        except BaseException:
            end()
            raise

    def session(self) -> ConnectSession:
        with suppress(IndexError):  # several workers may ask at once: the list alone knows whether one is left
            return self._idle.pop()
        try:
            spark = SparkSession(self._url)
            # The server is not asked again for ten minutes; what it was asked to do it does once, whatever is asked again.
            spark.client.set_retry_policies([DefaultPolicy(max_retries=4, initial_backoff=50, max_backoff=1000)])
            for key, value in self._settings.items():
                spark.conf.set(key, value)
        except (PySparkException, grpc.RpcError) as error:
            text = (error.getMessage() if isinstance(error, PySparkException) else None) or str(error)
            told = as_warehouse_error(text)
            help = "correct `token:` of the target" if "UNAUTHENTICATED" in text or "Invalid authentication" in text else told.help
            raise WarehouseError(f"{self._where}: {told.engine_message}", kind="connection", code=told.code, help=help) from None
        return ConnectSession(spark, self._idle)

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
        self._end()
