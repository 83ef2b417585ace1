"""Sessions by Spark Connect: on a server, or on a Spark in this process (`local.py`)."""

from __future__ import annotations

import logging
import threading
import uuid
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
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

from eltflow.base.temporary import rows_folder
from eltflow.warehouse import CatalogTable, Column, Relation, Result, Statement, WarehouseError
from eltflow_spark.catalog import of_schema
from eltflow_spark.errors import as_warehouse_error
from eltflow_spark.statements import DYNAMIC, SETTINGS, Describe, Load, Overwrite
from eltflow_spark.turns import Turns

#: How much of a source is sent at once, in bytes of the rows as Arrow has them.
_PIECE = 16 * 1024 * 1024
#: The client writes what it raises into the log, too.
warnings.filterwarnings("ignore", message=r"\[RETRIES_EXCEEDED\]")  # it is told as an error
logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL + 1)
logging.getLogger("DataFrameQueryContextLogger").setLevel(logging.CRITICAL + 1)


class ConnectSession:
    """One of those who use the target's session on the server."""

    def __init__(self, spark: Any, turns: Turns) -> None:
        self._turns = turns
        self._spark, self._tag = spark, f"eltflow-{uuid.uuid4().hex}"
        self._cancelled = self._lost = self._running = False

    @property
    def lost(self) -> bool:
        return self._lost

    def execute(self, statement: Statement) -> Result:
        with self._working(), self._turns.for_(statement):
            return self._run(statement)

    @contextmanager
    def _working(self) -> Iterator[None]:
        """Around what the server does for this thread, which a cancel finds by its tag."""
        if self._lost:
            raise WarehouseError("the connection to the server was lost", kind="lost")
        self._cancelled, self._running = False, True
        self._spark.addTag(self._tag)  # of this thread
        try:
            yield
        except (PySparkException, grpc.RpcError, pa.ArrowException) as error:
            told = self._told(error)
            self._lost = told.kind == "lost"
            raise told from None
        finally:
            self._spark.removeTag(self._tag)
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

    def stream(self, statement: Statement) -> Iterator[Sequence[tuple[Any, ...]]]:
        """The server sends a batch of Arrow after the other."""
        with self._working():
            plan = self._spark.sql(statement.sql)._plan
            client = self._spark.client
            for table in client.to_table_as_iterator(plan.to_proto(client), plan.observations):
                if self._cancelled:
                    raise WarehouseError("cancelled", kind="cancelled")
                if isinstance(table, pa.Table):  # else it is their schema
                    yield _rows(table)

    def _load(self, statement: Load) -> int:
        """A piece after the other, each by an INSERT."""
        assert statement.source is not None
        names = ", ".join(statement.into)
        kinds = [field.dataType.simpleString() for field in self._spark.sql(f"select {names} from {statement.name}").schema.fields]
        values = ", ".join(f"cast(`c{n}` as {kind})" for n, kind in enumerate(kinds))
        view = f"eltflow_{uuid.uuid4().hex}"
        count = 0
        try:
            with rows_folder() as folder:
                statement.source.parquet(folder, [f"c{n}" for n in range(len(kinds))], plain=True)
                for piece in _pieces(Path(folder)):
                    if self._cancelled:
                        raise WarehouseError("cancelled", kind="cancelled")
                    self._spark.createDataFrame(piece).createOrReplaceTempView(view)
                    self._spark.sql(f"insert into {statement.name} ({names})\nselect {values} from `{view}`")
                    count += piece.num_rows
            return count
        finally:
            with suppress(PySparkException, grpc.RpcError):
                self._spark.catalog.dropTempView(view)

    def _told(self, error: Exception) -> WarehouseError:
        condition = error.getCondition() if isinstance(error, PySparkException) else None
        text = _text(error)
        lost = isinstance(error, grpc.RpcError) or condition == "RETRIES_EXCEEDED" or (condition is None and "UNAVAILABLE" in text)
        return as_warehouse_error(text, cancelled=self._cancelled, lost=lost, condition=condition)

    def cancel(self) -> None:
        self._cancelled = True
        if self._running and not self._lost:
            with suppress(PySparkException, grpc.RpcError):
                self._spark.interruptTag(self._tag)

    def close(self) -> None:
        """Nothing is to be done: the session on the server is the target's."""


def _text(error: Exception) -> str:
    if isinstance(error, PySparkException):
        return error.getMessage() or str(error)
    details = getattr(error, "details", None)
    return str(details() if callable(details) else error)


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
    """A target: one session on the server, used by all who ask. A session of Spark's keeps what it knew of a table's files until it
    changes the table itself, so that two of them would not see what the other has written."""

    def __init__(self, url: str, where: str, settings: Mapping[str, str]) -> None:
        self._url, self._where, self._settings = url, where, {**settings, **SETTINGS}
        self._lock = threading.Lock()
        self._spark: Any = None
        self._made: list[ConnectSession] = []
        self._turns = Turns()
        self.session()

    def session(self) -> ConnectSession:
        with self._lock:
            if self._spark is None or any(session.lost for session in self._made):
                self._end()
                self._spark = self._connected()
            made = ConnectSession(self._spark, self._turns)
            self._made.append(made)
            return made

    def _connected(self) -> Any:
        try:
            spark = SparkSession(self._url)
            # The server is not asked again for ten minutes; what it was asked to do it does once, whatever is asked again.
            spark.client.set_retry_policies([DefaultPolicy(max_retries=3, initial_backoff=50, max_backoff=1000)])
            for key, value in self._settings.items():
                spark.conf.set(key, value)
        except (PySparkException, grpc.RpcError) as error:
            told = as_warehouse_error(_text(error))
            refused = "UNAUTHENTICATED" in str(error) or "authentication" in str(error)
            help = "correct `token:` of the target" if refused else told.help
            raise WarehouseError(f"{self._where}: {told.engine_message}", kind="connection", code=told.code, help=help) from None
        return spark

    def _end(self) -> None:
        """Let go of the session, if the server still knows it."""
        spark, self._spark, self._made = self._spark, None, []
        if spark is not None:
            with suppress(Exception):
                spark.client.release_session()
            with suppress(Exception):
                spark.client.close()

    def catalog(
        self, schemas: Sequence[tuple[str | None, str]], only: Sequence[Relation] | None = None
    ) -> tuple[CatalogTable, ...]:
        session = self.session()
        return tuple(table for _, schema in schemas for table in of_schema(session, schema, only))

    def close(self) -> None:
        with self._lock:
            self._end()
