"""Rows into a table of a PostgreSQL server that is not ours: each by its key, all of a request or none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eltflow.transfer import Origin
from eltflow.transfer.jsontext import dumps
from eltflow.warehouse import Statement, WarehouseError
from eltflow_postgres.dialect import PostgresDialect
from eltflow_postgres.tables import PostgresTableReader, opened

if TYPE_CHECKING:
    from eltflow_postgres.session import PostgresSession

_DIALECT = PostgresDialect()
_PARAMETERS = 60_000  #: of one statement; the protocol has 65,535 at most


class PostgresReceiver(PostgresTableReader):
    """The same connections, for tables that rows are sent to."""

    kinds = ("table",)

    def open(self, values: Mapping[str, Any], root: Path) -> PostgresRecipient:  # type: ignore[override]
        return PostgresRecipient(opened(values, root, read_only=False))


RECEIVER = PostgresReceiver()


class PostgresRecipient:
    """A connection that writes."""

    def __init__(self, session: PostgresSession) -> None:
        self._session = session

    def send(
        self, to: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], key: str, *, stop: Callable[[], bool]
    ) -> Mapping[int, str]:
        table = Origin(table=str(to["table"])).item(_quoted)
        names, keys = list(rows[0]), [str(name) for name in to["unique_key"]]
        try:
            self._written(rows, len(names), lambda some: _upsert(table, names, keys, some), stop)
        except WarehouseError as error:
            if "ON CONFLICT" in error.engine_message:
                columns = ", ".join(keys)
                help = f"let whoever keeps the table add one: alter table {table} add unique ({columns})"
                raise WarehouseError(f"{table} has no unique constraint on {columns}", help=help) from None
            raise
        return {}

    def delete(
        self, to: Mapping[str, Any], keys: Sequence[Mapping[str, Any]], key: str, *, stop: Callable[[], bool]
    ) -> Mapping[int, str]:
        table = Origin(table=str(to["table"])).item(_quoted)
        self._written(keys, len(keys[0]), lambda some: _delete(table, some), stop)
        return {}

    def _written(
        self,
        rows: Sequence[Mapping[str, Any]],
        values: int,
        made: Callable[[Sequence[Mapping[str, Any]]], Statement],
        stop: Callable[[], bool],
    ) -> None:
        """Execute what is made of the rows, so many at a time that their values fit, all or nothing."""
        most = max(1, _PARAMETERS // values)
        self._session.execute(_DIALECT.begin())
        try:
            for start in range(0, len(rows), most):
                if stop():
                    raise WarehouseError("cancelled", kind="cancelled")
                self._session.execute(made(rows[start : start + most]))
            self._session.execute(_DIALECT.commit())
        except WarehouseError:
            self._session.execute(_DIALECT.rollback())
            raise

    def close(self) -> None:
        self._session.end()


def _upsert(table: str, names: Sequence[str], keys: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Statement:
    """A statement that adds rows, or changes those that have their keys; columns that are not sent stay as they are."""
    columns, on = ", ".join(map(_quoted, names)), ", ".join(map(_quoted, keys))
    places = ", ".join(f"({', '.join(['%s'] * len(names))})" for _ in rows)
    changed = ", ".join(f"{_quoted(name)} = excluded.{_quoted(name)}" for name in names if name not in keys)
    does = f"update set {changed}" if changed else "nothing"
    sql = f"insert into {table} ({columns}) values {places} on conflict ({on}) do {does}"
    return Statement(sql, role="dml", parameters=tuple(_bound(row[name]) for row in rows for name in names))


def _delete(table: str, keys: Sequence[Mapping[str, Any]]) -> Statement:
    """A statement that deletes the rows with these keys."""
    names = list(keys[0])
    places = ", ".join(f"({', '.join(['%s'] * len(names))})" for _ in keys)
    sql = f"delete from {table} where ({', '.join(map(_quoted, names))}) in ({places})"
    return Statement(sql, role="dml", parameters=tuple(one[name] for one in keys for name in names))


def _quoted(name: str) -> str:
    """A name in a statement whose values are bound, in which a % has to come twice."""
    return _DIALECT.quote(name).replace("%", "%%")


def _bound(value: Any) -> Any:
    """A value as the driver takes it."""
    return dumps(value) if isinstance(value, Mapping) else value
