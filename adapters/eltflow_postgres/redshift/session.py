"""Sessions on Redshift, by redshift_connector."""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import redshift_connector

from eltflow.base.names import TEMPORARY
from eltflow.warehouse import CatalogColumn, CatalogTable, Column, Relation, Result, Statement, Target, WarehouseError
from eltflow.warehouse.values import RelationKind
from eltflow_postgres.idle import kept_or_new
from eltflow_postgres.redshift.dialect import Dependents, Load, RedshiftDialect, Several, Ties
from eltflow_postgres.redshift.errors import as_connection_error, as_warehouse_error
from eltflow_postgres.redshift.rows import statements
from eltflow_postgres.redshift.signin import arguments, settings
from eltflow_postgres.redshift.staging import client, staged

_DIALECT = RedshiftDialect()
_BATCH = 5_000  #: rows of a result
_PATIENCE = 300  #: seconds that views of others are waited for
#: What the connector lets through when the other side goes away in the middle of a message.
_BROKEN = (redshift_connector.Error, OSError, struct.error, IndexError, KeyError, AttributeError, ValueError)
_KINDS: dict[str, RelationKind] = {"r": "table", "v": "view", "m": "materialized_view"}
#: A materialized view is a view to pg_class, over a table `mv_tbl__<its name>__0` (materialized-view-overview). Its definition would
#: say what it is, but to ask for that is to wait for whoever changes it.
_CATALOG = """
select n.nspname, c.relname, case when b.oid is not null then 'm' else c.relkind::varchar end,
  obj_description(c.oid, 'pg_class'), c.reltuples::bigint,
  a.attname, format_type(a.atttypid, a.atttypmod), not a.attnotnull, col_description(c.oid, a.attnum)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
left join pg_class b on b.relnamespace = c.relnamespace and b.relname = 'mv_tbl__' || c.relname || '__0' and c.relkind = 'v'
left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where n.nspname in ({schemas}) and c.relkind in ('r', 'v', 'm') and c.relname not like 'mv\\\\_tbl\\\\_\\\\_%'{only}
order by n.nspname, c.relname, a.attnum
"""
_TOLD = """
select a.attname, d.description from pg_description d join pg_class c on c.oid = d.objoid join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum = d.objsubid
where d.objsubid > 0 and n.nspname = {schema} and c.relname = {name} order by a.attnum
"""


class RedshiftSession:
    """A connection. Transactions are begun and ended by the statements that say so."""

    def __init__(self, database: RedshiftDatabase, connection: Any) -> None:
        self._database, self._connection = database, connection
        self._cancelled = self._running = self._failed = self._lost = self._alone = False
        self._pid = int(self._send("select pg_backend_pid()").fetchall()[0][0])

    def execute(self, statement: Statement) -> Result:
        self._cancelled = False
        if self._lost:
            raise WarehouseError("the connection to the server was lost", kind="lost")
        if isinstance(statement, Load):
            return self._load(statement)
        if isinstance(statement, Ties):
            result = self._run(statement)
            return self._run(statement) if result.rows and self._waited() else result
        if isinstance(statement, Dependents):
            return self._dependents(statement)
        if isinstance(statement, Several):
            for part in statement.parts:
                self._send(part)
            return Result(statement_id=str(self._pid))
        return self._run(statement)

    def _run(self, statement: Statement) -> Result:
        if statement.role == "commit" and self._failed:
            self._failed = False
            self._send("rollback")
            raise WarehouseError("the server rolled the transaction back instead of committing it")
        if statement.role in ("begin", "commit", "rollback"):
            self._failed = False
        cursor = self._send(statement.sql, statement.parameters or None)
        if statement.role in ("commit", "rollback"):
            self._let_others()
        if statement.role == "query":
            described = cursor.ps["row_desc"]
            rows = [tuple(row) for row in cursor.fetchall()] if described else ()
            return Result(columns=self._columns(described), rows=rows, statement_id=str(self._pid))
        return Result(affected=cursor.rowcount if cursor.rowcount >= 0 else None, statement_id=str(self._pid))

    def stream(self, statement: Statement) -> Iterator[Sequence[tuple[Any, ...]]]:
        """By a cursor of the server's, for the connector keeps all rows of a result (declare)."""
        self._cancelled = False
        self._send("begin")
        try:
            self._send(f"declare eltflow_rows cursor for\n{statement.sql}")
            while rows := self._send(f"fetch forward {_BATCH} from eltflow_rows").fetchall():
                if self._cancelled:
                    raise WarehouseError("cancelled", kind="cancelled")
                yield [tuple(row) for row in rows]
        finally:
            if not self._lost:
                with suppress(WarehouseError):
                    self._send("rollback")
                self._failed = False

    def _send(self, sql: str, parameters: Any = None) -> Any:
        cursor = self._connection.cursor()
        self._running = True
        try:
            cursor.execute(sql, parameters)
        except _BROKEN as error:
            raise self._told(error, sql) from None
        finally:
            self._running = False
            self._connection._caches.clear()  # it keeps the text of every statement for as long as it lives
        return cursor

    def _waited(self) -> bool:
        """Wait until no other session of this process has put views aside: two would find the same one gone, or each other. (The server
        has no locks but those of tables.) Gives whether there was something to wait for, so that what is there has to be asked again."""
        if self._alone:
            return False
        if not self._database.aside.acquire(timeout=_PATIENCE):
            raise WarehouseError("another step has put views aside for too long", kind="transient")
        self._alone = True
        return True

    def _let_others(self) -> None:
        if self._alone:
            self._alone = False
            self._database.aside.release()

    def _columns(self, described: Sequence[dict[str, Any]]) -> tuple[Column, ...]:
        """Names and types of a result. The server is asked how it spells a type the first time that one is met."""
        types = self._database.types
        keys = [(int(d["type_oid"]), int(d["type_modifier"])) for d in described]
        unknown = [key for key in dict.fromkeys(keys) if key not in types]
        if unknown:
            asked = ", ".join(f"format_type({oid}, {modifier})" for oid, modifier in unknown)
            (named,) = self._send(f"select {asked}").fetchall()
            types.update({key: str(name) for key, name in zip(unknown, named, strict=True)})
        return tuple(Column(d["label"].decode(), types[key]) for d, key in zip(described, keys, strict=True))

    def _load(self, statement: Load) -> Result:
        """Rows in INSERTs of many each, of bounded size; or by way of S3, where the target names a folder."""
        assert statement.source is not None
        types = [column.type or "" for column in self._run(Statement(statement.probe, role="query")).columns]
        values = self._database.values
        if values.get("copy_to"):
            with staged(client(values), str(values["copy_to"]), statement.source, types) as (place, count):
                if self._cancelled:
                    raise WarehouseError("cancelled", kind="cancelled")
                if count:
                    self._send(_DIALECT.copied(statement, place, str(values["copy_role"]), values.get("region")))
            return Result(affected=count, statement_id=str(self._pid))
        count = 0
        for sql, rows in statements(statement.sql, statement.source, types, _DIALECT):
            if self._cancelled:
                raise WarehouseError("cancelled", kind="cancelled")
            self._send(sql)
            count += rows
        return Result(affected=count, statement_id=str(self._pid))

    def _dependents(self, statement: Dependents) -> Result:
        rows = []
        for view in self._send(statement.sql).fetchall():
            schema, name, kind = view[:3]
            relation = Relation(None, schema, name)
            rights = self._send(_DIALECT.rights(relation).sql).fetchall()
            place = {"schema": _DIALECT.string(schema), "name": _DIALECT.string(name)}
            told = [(column, text) for column, text in self._send(_TOLD.format(**place)).fetchall()]
            script = _DIALECT.script(tuple(view), [tuple(one) for one in rights], told)
            rows.append((schema, name, _KINDS[kind], script))
        return Result(rows=rows)

    def _told(self, error: Exception, sql: str) -> WarehouseError:
        told = as_warehouse_error(error, sql)
        self._failed = True
        if told.kind == "lost":
            self._lost = True
            self.end()
        return told

    def cancel(self) -> None:
        """The server is asked by another connection: the connector knows no other way."""
        self._cancelled = True
        if self._running and not self._lost:
            self._database.cancel(self._pid)

    def close(self) -> None:
        """Kept for the next one that asks, unless something is open in it."""
        if not self._lost and not self._connection.in_transaction:
            self._database.keep(self)
        else:
            self.end()

    def end(self) -> None:
        """Close the connection."""
        self._lost = True
        self._let_others()
        with suppress(*_BROKEN):
            self._connection.close()

    @property
    def alive(self) -> bool:
        """Whether the connection is not known to be gone."""
        return not self._lost


class RedshiftDatabase:
    """A database. The first connection is made at once, so that what is wrong with the target is told."""

    def __init__(self, target: Target) -> None:
        self.values = values = target.values
        self._seconds = int(values.get("connect_timeout") or 30)
        self._arguments = {
            **arguments(values),
            "database": target.database,
            "timeout": self._seconds,
            "application_name": str(values.get("application_name") or target.application),
            "max_prepared_statements": 0,  # a pooler between may give each transaction another connection
        }
        place = values.get("host") or values.get("cluster_id") or values.get("serverless_work_group")
        self._where = f"{place}:{self._arguments['port']}"
        self._retries = int(values.get("retries", 1))
        self._settings = settings(values, _DIALECT)
        self._database = str(target.database)
        self.types: dict[tuple[int, int], str] = {}  #: how the server spells types, by their numbers
        self.aside = threading.Lock()  #: held by the session that has put views aside
        self._idle: list[RedshiftSession] = []
        self.session().close()

    def session(self) -> RedshiftSession:
        return kept_or_new(self._idle, lambda: RedshiftSession(self, self._connected()), self._retries)

    def keep(self, session: RedshiftSession) -> None:
        """For the next one that asks."""
        self._idle.append(session)

    def cancel(self, pid: int) -> None:
        """Ask for an end of what a session of this process id is running."""
        with suppress(WarehouseError, *_BROKEN):
            connection = self._connected()
            try:
                connection.cursor().execute(f"select pg_cancel_backend({pid})")
            finally:
                connection.close()

    def _connected(self) -> Any:
        """A connection in autocommit, with the target's settings."""
        try:
            connection = redshift_connector.connect(**self._arguments)
        except Exception as error:  # of what lies below the connector, too: AWS's client, TLS, SCRAM
            raise as_connection_error(error, self._where, self._seconds, aws=bool(self._arguments.get("iam"))) from None
        connection._usock.settimeout(None)  # it would be the patience for every answer, too
        connection.autocommit = True
        try:
            for sql in self._settings:
                connection.cursor().execute(sql)
        except _BROKEN as error:
            connection.close()
            raise as_warehouse_error(error) from None
        return connection

    def catalog(
        self, schemas: Sequence[tuple[str | None, str]], only: Sequence[Relation] | None = None
    ) -> tuple[CatalogTable, ...]:
        wanted = [schema for database, schema in schemas if database in (None, self._database)]
        if not wanted:
            return ()
        session = self.session()
        try:
            rows = session.execute(Statement(_catalog(wanted, only), role="query")).rows
        finally:
            session.close()
        return tuple(self._tables(rows))

    def _tables(self, rows: Sequence[tuple[Any, ...]]) -> Iterator[CatalogTable]:
        found: dict[tuple[str, str], tuple[tuple[Any, ...], list[CatalogColumn]]] = {}
        for schema, name, kind, comment, count, *column in rows:
            columns = found.setdefault((schema, name), ((kind, comment, count), []))[1]
            if column[0] is not None:
                columns.append(CatalogColumn(*column))
        for (schema, name), ((kind, comment, count), columns) in found.items():
            estimate = count if count is not None and count > 0 else None  # 0 of a table that was never analyzed
            yield CatalogTable(Relation(self._database, schema, name), _KINDS[kind], tuple(columns), comment, estimate)

    def close(self) -> None:
        while self._idle:
            self._idle.pop().end()


def _catalog(schemas: Sequence[str], only: Sequence[Relation] | None) -> str:
    """The query for what stands in the schemas: all of it, or these and what runs left."""
    text, chosen = _DIALECT.string, ""
    if only is not None:
        names = ", ".join(text(name) for name in sorted({relation.identifier for relation in only}))
        among = f"c.relname in ({names}) or " if names else ""
        chosen = f"\n  and ({among}position({text(TEMPORARY)} in c.relname) > 0)"
    return _CATALOG.format(schemas=", ".join(map(text, schemas)), only=chosen).strip()
