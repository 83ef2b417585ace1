"""Sessions on Snowflake, by the connector (4 and 5)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import snowflake.connector
from snowflake.connector import constants, errors

from eltflow.base.names import TEMPORARY
from eltflow.base.temporary import rows_folder
from eltflow.warehouse import CatalogColumn, CatalogTable, Column, Relation, Result, Statement, Target, WarehouseError
from eltflow.warehouse.values import RelationKind
from eltflow_snowflake.dialect import LOAD_FOLDER, SnowflakeDialect
from eltflow_snowflake.errors import as_connection_error, as_warehouse_error
from eltflow_snowflake.signin import arguments
from eltflow_snowflake.types import spelt

_DIALECT = SnowflakeDialect()
_BATCH = 5_000  #: rows
_PASSED = ("account", "role", "warehouse", "host", "port", "protocol", "proxy_host", "proxy_port", "client_session_keep_alive")
_KINDS: dict[str, RelationKind] = {
    "BASE TABLE": "table",
    "VIEW": "view",
    "MATERIALIZED VIEW": "materialized_view",
    "EXTERNAL TABLE": "external",
}
#: Nothing is told to anybody, and what runs for a client that is gone is stopped.
_PARAMETERS = {"CLIENT_TELEMETRY_ENABLED": False, "ABORT_DETACHED_QUERY": True}
#: A relation has at least one column, and so this gives all of them, views where TABLES leaves them out among them.
_CATALOG = """
select c.table_schema, c.table_name, t.table_type, t.is_dynamic, t.comment, t.row_count, c.column_name, c.data_type, c.numeric_precision,
  c.numeric_scale, c.character_maximum_length, c.is_nullable, c.comment
from {place}information_schema.columns c
left join {place}information_schema.tables t on t.table_schema = c.table_schema and t.table_name = c.table_name
where c.table_schema in ({schemas}){only}
order by c.table_schema, c.table_name, c.ordinal_position
"""


class SnowflakeSession:
    """A connection. Transactions are begun and ended by the statements that say so."""

    def __init__(self, connection: Any, idle: list[SnowflakeSession]) -> None:
        self._connection = connection
        self._idle = idle
        self._running: tuple[Any, str] | None = None  #: the cursor and the text of the statement that is running
        self._cancelled = False
        self._open = self._lost = False

    def execute(self, statement: Statement) -> Result:
        self._cancelled = False
        try:
            return self._load(statement) if statement.role == "load" else self._run(statement)
        except errors.Error as error:
            told = as_warehouse_error(error, cancelled=self._cancelled)
            self._lost = self._lost or told.kind == "lost"
            raise told from None

    def _run(self, statement: Statement) -> Result:
        cursor = self._send(statement.sql, statement.parameters or None)
        if statement.role in ("begin", "commit", "rollback"):
            self._open = statement.role == "begin"
        if statement.role == "query":
            columns = tuple(_column(told) for told in cursor.description or ())
            return Result(columns=columns, rows=cursor.fetchall(), statement_id=cursor.sfqid)
        counted = statement.role in ("dml", "user") and cursor.rowcount is not None and cursor.rowcount >= 0
        return Result(affected=cursor.rowcount if counted else None, statement_id=cursor.sfqid)

    def stream(self, statement: Statement) -> Iterator[Sequence[tuple[Any, ...]]]:
        """The connector fetches the parts of a result one after the other, as they are asked for."""
        self._cancelled = False
        try:
            cursor = self._send(statement.sql)
            with closing(cursor):
                while rows := cursor.fetchmany(_BATCH):
                    self._stop_if_cancelled()
                    yield rows
        except errors.Error as error:
            told = as_warehouse_error(error, cancelled=self._cancelled)
            self._lost = self._lost or told.kind == "lost"
            raise told from None

    def _send(self, sql: str, parameters: Any = None) -> Any:
        cursor = self._connection.cursor()
        self._running = cursor, sql
        try:
            cursor.execute(sql, parameters)
        finally:
            self._running = None
        return cursor

    def _load(self, statement: Statement) -> Result:
        """Files are written here, put into the table's stage, and taken in by one COPY, which is part of the transaction that is open."""
        assert statement.source is not None
        stage, *columns = statement.parameters
        name = f"{LOAD_FOLDER}_{uuid.uuid4().hex}"
        with rows_folder() as folder:
            statement.source.parquet(folder, columns)
            self._stop_if_cancelled()
            files = _DIALECT.string(f"file://{folder}/*.parquet")
            self._send(f"put {files} {stage}/{name} auto_compress = false overwrite = true")
            self._stop_if_cancelled()
            cursor = self._send(statement.sql.replace(f"{stage}/{LOAD_FOLDER}", f"{stage}/{name}"))
            at = {told.name.lower(): number for number, told in enumerate(cursor.description)}
            if "rows_loaded" not in at:
                raise WarehouseError("COPY found none of the files that were put into the stage")
            rows = sum(int(row[at["rows_loaded"]]) for row in cursor.fetchall())
            return Result(affected=rows, statement_id=cursor.sfqid)

    def _stop_if_cancelled(self) -> None:
        if self._cancelled:
            raise WarehouseError("cancelled", kind="cancelled")

    def cancel(self) -> None:
        """The server is asked to abort what this session is running; nothing else of the connection is touched."""
        self._cancelled = True
        running = self._running
        if running is None:
            return
        cursor, sql = running
        with suppress(errors.Error, AttributeError):
            if cursor.sfqid is not None:  # the id of the statement, once the server has told it
                cursor.abort_query(cursor.sfqid)
            else:
                self._connection._cancel_query(sql.strip(" \t\n\r"), cursor._request_id)

    def close(self) -> None:
        """Kept for the next one that asks, unless something is open in it."""
        if self.alive and not self._open:
            self._idle.append(self)
        else:
            self.end()

    def end(self) -> None:
        """Close the connection."""
        with suppress(errors.Error):
            self._connection.close(retry=False)

    @property
    def alive(self) -> bool:
        """Whether the connection is not known to be gone."""
        return not self._lost and not self._connection.is_closed()


def _column(told: Any) -> Column:
    name = constants.FIELD_ID_TO_NAME[told.type_code]
    return Column(told.name, spelt(name, told.precision, told.scale, told.internal_size))


class SnowflakeDatabase:
    """A database of an account. The first connection is made at once, so that what is wrong with the target is told."""

    def __init__(self, target: Target, root: Path) -> None:
        values = target.values
        self._database = str(target.database)
        self._seconds = int(values.get("connect_timeout") or 10)
        self._arguments: dict[str, Any] = {key: values[key] for key in _PASSED if values.get(key) is not None}
        self._arguments |= arguments(values, root)
        parameters = dict(values.get("session_parameters") or {})
        if values.get("query_tag"):
            parameters["QUERY_TAG"] = str(values["query_tag"])
        self._arguments |= {
            "database": self._database,
            "schema": _DIALECT.named(target.schema),
            "login_timeout": self._seconds,
            "network_timeout": int(values.get("network_timeout") or 300),
            "application": "eltflow",
            "autocommit": True,  # whatever the account says: transactions are begun by the statements that say so
            "session_parameters": {**_PARAMETERS, **parameters},
        }
        if self._arguments["authenticator"] != "workload_identity":
            self._arguments["platform_detection_timeout_seconds"] = 0  # it would ask around in the network where it runs
        host = values.get("host") or f"{values.get('account')}.snowflakecomputing.com"
        self._where = f"{host}:{values.get('port') or 443}"
        self._idle: list[SnowflakeSession] = []
        self.session().close()

    def session(self) -> SnowflakeSession:
        with suppress(IndexError):  # several workers may ask at once: the list alone knows whether one is left
            while not (kept := self._idle.pop()).alive:
                pass
            return kept
        try:
            return SnowflakeSession(snowflake.connector.connect(**self._arguments), self._idle)
        except errors.Error as error:
            raise as_connection_error(error, self._where, self._seconds) from None

    def catalog(
        self, schemas: Sequence[tuple[str | None, str]], only: Sequence[Relation] | None = None
    ) -> tuple[CatalogTable, ...]:
        of: dict[str, list[str]] = {}
        for database, schema in schemas:
            of.setdefault(database or self._database, []).append(schema)
        session = self.session()
        try:
            found = [self._of_database(session, database, names, only) for database, names in of.items()]
        finally:
            session.close()
        tables = [table for one in found for table in one]
        # Of names that differ in case alone, the one that is written without quotes comes last, and is the one that is known.
        return tuple(sorted(tables, key=lambda table: table.relation.identifier.isupper()))

    def _of_database(
        self, session: SnowflakeSession, database: str, schemas: Sequence[str], only: Sequence[Relation] | None
    ) -> list[CatalogTable]:
        """What stands in these schemas of a database, by one query."""
        text, chosen = _DIALECT.string, ""
        if only is not None:
            names = sorted({relation.identifier.upper() for relation in only})
            among = f"upper(c.table_name) in ({', '.join(map(text, names))}) or " if names else ""
            chosen = f" and ({among}contains(upper(c.table_name), {text(TEMPORARY.upper())}))"
        sql = _CATALOG.format(place=f"{_DIALECT.quote(database)}.", schemas=", ".join(map(text, schemas)), only=chosen)
        made: dict[Relation, tuple[RelationKind, str | None, int | None, list[CatalogColumn]]] = {}
        for schema, table, kind, dynamic, comment, rows, name, *about, nullable, told in session.execute(
            Statement(sql.strip(), role="query")
        ).rows:
            shape: RelationKind = "dynamic_table" if dynamic == "YES" else _KINDS.get(kind or "VIEW", "table")
            columns = made.setdefault(Relation(database, schema, table), (shape, comment or None, rows, []))[3]
            columns.append(CatalogColumn(name, spelt(*about), nullable == "YES", told or None))
        return [CatalogTable(r, kind, tuple(columns), comment, rows) for r, (kind, comment, rows, columns) in made.items()]

    def close(self) -> None:
        while self._idle:
            self._idle.pop().end()
