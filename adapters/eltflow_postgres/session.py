"""Sessions on a PostgreSQL server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
from psycopg import pq

from eltflow.base.names import TEMPORARY
from eltflow.base.records import replace
from eltflow.warehouse import CatalogColumn, CatalogTable, Column, Relation, Result, Statement, Target, WarehouseError
from eltflow.warehouse.values import RelationKind
from eltflow_postgres.errors import as_connection_error, as_warehouse_error
from eltflow_postgres.idle import kept_or_new

#: Settings that libpq takes as they are.
_PASSED = ("host", "port", "user", "sslmode", "sslcert", "sslkey", "sslrootcert", "keepalives_idle")
_FILES = ("sslcert", "sslkey", "sslrootcert")
_PATIENCE = 5.0  #: seconds that a request to cancel may take
_KINDS: dict[str, RelationKind] = {"r": "table", "p": "table", "v": "view", "m": "materialized_view", "f": "external"}
_ID = (
    "(select to_hex(trunc(extract(epoch from backend_start))::integer) || '.' || to_hex(pid)"
    " from pg_stat_get_activity(pg_backend_pid()))"
)
_CATALOG = """
select n.nspname, c.relname, c.relkind::text, obj_description(c.oid, 'pg_class'), c.reltuples::bigint, (
  select json_agg(json_build_array(a.attname, format_type(a.atttypid, a.atttypmod), not a.attnotnull, col_description(c.oid, a.attnum))
    order by a.attnum) from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
  c.relkind = 'r' and c.relpersistence = 'p' and c.relacl is null and c.relchecks = 0 and not c.relrowsecurity
    and not (c.relhasindex or c.relhastriggers or c.relhasrules or c.relhassubclass or c.relispartition)
    and not exists (select from pg_inherits i where c.oid in (i.inhrelid, i.inhparent))
    and not exists (select from pg_description d where d.objoid = c.oid and d.classoid = 'pg_class'::regclass)
    and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      and (a.attnotnull or a.atthasdef or a.attidentity <> '' or a.attacl is not null))
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = any(%s) and c.relkind in ('r', 'p', 'v', 'm', 'f')
  and (%s::text[] is null or c.relname = any(%s) or strpos(c.relname, %s) > 0)
order by 1, 2
"""


class PostgresSession:
    """A connection. Transactions are begun and ended by the statements that say so."""

    def __init__(
        self, connection: psycopg.Connection[Any], types: dict[tuple[int, int], str], idle: list[PostgresSession], id: str | None
    ) -> None:
        self._connection = connection
        self._id = id
        self._types = types
        self._idle = idle
        self._cancelled = False

    def execute(self, statement: Statement) -> Result:
        self._cancelled = False
        try:
            result = self._load(statement) if statement.role == "load" else self._run(statement)
        except psycopg.Error as error:
            raise self._told(error, statement.sql) from None
        return replace(result, statement_id=self._id)

    def _run(self, statement: Statement) -> Result:
        cursor = self._connection.execute(statement.sql, statement.parameters or None)
        while cursor.nextset():  # of several statements at once the last one counts
            pass
        if statement.role == "commit" and cursor.statusmessage != "COMMIT":
            raise WarehouseError("the server rolled the transaction back instead of committing it")
        if statement.role == "begin":
            return Result(rows=cursor.fetchall() if cursor.description is not None else ())
        if statement.role == "query":
            columns = self._columns(cursor)
            return Result(columns=columns, rows=cursor.fetchall() if cursor.description is not None else ())
        return Result(affected=cursor.rowcount if cursor.rowcount >= 0 else None)

    def _load(self, statement: Statement) -> Result:
        assert statement.source is not None
        with self._connection.cursor() as cursor:
            with cursor.copy(statement.sql) as copy:
                for batch in statement.source.text():
                    if self._cancelled:
                        raise WarehouseError("cancelled", kind="cancelled")
                    copy.write(batch)
            return Result(affected=cursor.rowcount)

    def copied(self, sql: str) -> Iterator[bytes]:
        """What a COPY ... TO STDOUT gives, a row or more at a time. Raises WarehouseError."""
        try:
            with self._connection.cursor().copy(sql) as copy:
                for part in copy:
                    yield bytes(part)
        except psycopg.Error as error:
            raise self._told(error, sql) from None

    def _columns(self, cursor: psycopg.Cursor[Any]) -> tuple[Column, ...]:
        """Names and types of a result. The server is asked how it spells a type the first time that one is met."""
        found = cursor.pgresult
        if found is None or cursor.description is None:
            return ()
        keys = [(found.ftype(i), found.fmod(i)) for i in range(found.nfields)]
        unknown = [key for key in dict.fromkeys(keys) if key not in self._types]
        if unknown:
            oids, mods = zip(*unknown, strict=True)
            asked = "select format_type(o, m) from unnest(%s::oid[], %s::int[]) with ordinality as t(o, m, n) order by n"
            named = self._connection.execute(asked, (list(oids), list(mods))).fetchall()
            self._types.update({key: str(name) for key, (name,) in zip(unknown, named, strict=True)})
        return tuple(Column(d.name, self._types[key]) for d, key in zip(cursor.description, keys, strict=True))

    def _told(self, error: psycopg.Error, sql: str) -> WarehouseError:
        told = as_warehouse_error(error, sql, lost=self._connection.closed, version=self._connection.info.server_version)
        if self._cancelled and told.kind == "sql" and isinstance(error, psycopg.OperationalError):
            told.kind = "cancelled"
        return told

    def cancel(self) -> None:
        self._cancelled = True
        with suppress(psycopg.Error):
            self._connection.cancel_safe(timeout=_PATIENCE)

    def close(self) -> None:
        """Kept for the next one that asks, unless something is open in it."""
        if not self._connection.closed and self._connection.info.transaction_status == pq.TransactionStatus.IDLE:
            self._idle.append(self)
        else:
            self.end()

    def end(self) -> None:
        """Close the connection."""
        with suppress(psycopg.Error):
            self._connection.close()

    @property
    def alive(self) -> bool:
        """Whether the connection is not known to be gone."""
        return not self._connection.closed


def _set(connection: psycopg.Connection[Any], settings: dict[str, str]) -> str | None:
    """Set them all with one statement; gives the session's id as the server's log has it (`%c` of log_line_prefix), for the server counts
    no statements. (A statement whose client is gone would run on to its end unless the server looks for it.)"""
    calls = ", ".join("set_config(%s, %s, false)" for _ in settings)
    row = connection.execute(f"select {_ID}, {calls}", [text for pair in settings.items() for text in pair]).fetchone()
    return str(row[0]) if row is not None and row[0] is not None else None


class PostgresDatabase:
    """A database on a server. The first connection is made at once, so that what is wrong with the target is told."""

    def __init__(self, target: Target, root: Path, *, read_only: bool) -> None:
        values = target.values
        self._arguments: dict[str, Any] = {key: values[key] for key in _PASSED if values.get(key) is not None}
        self._arguments.setdefault("host", "localhost")
        for key in _FILES:
            if key in self._arguments:
                self._arguments[key] = str(root / str(self._arguments[key]))
        password = values.get("password", values.get("pass"))
        if password is not None:
            self._arguments["password"] = str(password)
        self._arguments["dbname"] = target.database
        self._arguments["connect_timeout"] = int(values.get("connect_timeout") or 10)
        self._arguments["application_name"] = str(values.get("application_name") or target.application)
        self._retries = int(values.get("retries", 1))
        self._role, self._search_path = values.get("role"), values.get("search_path")
        self._read_only = read_only
        self._where = f"{self._arguments['host']}:{self._arguments.get('port') or 5432}"
        self._database = str(target.database)
        self._types: dict[tuple[int, int], str] = {}
        self._idle: list[PostgresSession] = []
        self.session().close()

    def session(self) -> PostgresSession:
        return kept_or_new(self._idle, self._connected, self._retries)

    def _connected(self) -> PostgresSession:
        try:
            # No prepared statements: a pooler between may give each transaction another connection.
            connection = psycopg.connect(**self._arguments, autocommit=True, prepare_threshold=None)
        except psycopg.Error as error:
            raise as_connection_error(error, self._where) from None
        settings = {"role": self._role, "search_path": self._search_path, "client_min_messages": "warning"}
        if self._read_only:
            settings["default_transaction_read_only"] = "on"
        given = {name: str(value) for name, value in settings.items() if value}
        watched = {**given, "client_connection_check_interval": "10s"} if connection.info.server_version >= 140000 else given
        try:
            with suppress(psycopg.errors.InvalidParameterValue):  # a server whose system cannot watch its clients
                return PostgresSession(connection, self._types, self._idle, _set(connection, watched))
            return PostgresSession(connection, self._types, self._idle, _set(connection, given))
        except psycopg.Error as error:
            connection.close()
            raise as_warehouse_error(error) from None

    def catalog(
        self, schemas: Sequence[tuple[str | None, str]], only: Sequence[Relation] | None = None
    ) -> tuple[CatalogTable, ...]:
        wanted = [schema for database, schema in schemas if database in (None, self._database)]
        names = None if only is None else sorted({relation.identifier for relation in only})
        session = self.session()
        try:
            rows = session.execute(Statement(_CATALOG, role="query", parameters=(wanted, names, names, TEMPORARY))).rows
        finally:
            session.close()
        return tuple(
            CatalogTable(
                Relation(self._database, schema, name),
                _KINDS[kind],
                tuple(CatalogColumn(*column) for column in columns or ()),
                comment,
                estimate if estimate >= 0 else None,
                plain,
            )
            for schema, name, kind, comment, estimate, columns, plain in rows
        )

    def close(self) -> None:
        while self._idle:
            self._idle.pop().end()
