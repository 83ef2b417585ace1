"""The state of a project in a schema of a PostgreSQL database, where a team shares it; and the lease by which one service leads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from eltflow.base.diagnostics import EltflowError, fail
from eltflow.base.records import dataclass
from eltflow.warehouse import Statement, WarehouseError
from eltflow_postgres.dialect import PostgresDialect
from eltflow_postgres.tables import PostgresTableReader, opened

if TYPE_CHECKING:
    from eltflow_postgres.session import PostgresSession

_DIALECT = PostgresDialect()
#: Kinds of errors that pass: the server is out of reach, starts or stops, has no lock in time, or takes no writes for now.
_AWAY = frozenset({"connection", "lost", "transient", "locked", "read_only"})
#: Made once; `one` allows one row.
_TABLES = """
create table format (version integer not null);
create table lease (one boolean primary key check (one), token bigint not null, owner text not null, expires timestamp with time zone not null)
"""


class PostgresStates(PostgresTableReader):
    """The same connections, for state."""

    kinds = ("state",)

    def place(self, values: Mapping[str, Any], schema: str, root: Path) -> PostgresPlace:
        """The state that a schema holds."""
        return PostgresPlace(values, schema, root)


STATES = PostgresStates()


@dataclass(frozen=True, slots=True)
class Rows:
    """What a statement gave."""

    rows: Sequence[tuple[Any, ...]]
    rowcount: int

    def fetchone(self) -> tuple[Any, ...] | None:
        return self.rows[0] if self.rows else None

    def fetchall(self) -> list[tuple[Any, ...]]:
        return list(self.rows)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.rows)


class PostgresPlace:
    """A schema of a database. It is made if it is not there, and if the user may make one."""

    shared = True

    def __init__(self, values: Mapping[str, Any], schema: str, root: Path) -> None:
        self._values = values
        self._root = root
        self.schema = schema
        server = f"{values.get('host') or 'localhost'}:{values.get('port') or 5432}"
        self.name = f"{schema} of the database {values.get('dbname') or values.get('database')} on {server}"

    def exists(self) -> bool:
        return True

    def served(self, database: PostgresState) -> str | None:
        leader = database.leader()
        return None if leader is None else f"that leads ({leader})"

    def connect(self, *, power: bool) -> PostgresState:
        try:
            session = opened(self._values, self._root, read_only=False)
        except WarehouseError as error:
            _told(self.name, error, lost=error.kind in _AWAY)
        state = PostgresState(session, self.schema, self.name)
        try:
            state.prepare(power)
        except BaseException:
            state.close()
            raise
        return state


class PostgresState:
    """A connection, its search path the state's schema."""

    words: Mapping[str, str] = {
        "number": "bigint generated always as identity primary key",
        "order": ", rowid bigint generated always as identity",
    }

    def __init__(self, session: PostgresSession, schema: str, name: str) -> None:
        self._session = session
        self._schema = schema
        self._name = name

    def prepare(self, power: bool) -> None:
        """Look at the schema, and make what it holds of its own."""
        schema = _DIALECT.quote(self._schema)
        settings = {
            "search_path": schema,
            "synchronous_commit": "on" if power else "off",
            # Whoever stands still within a transaction, or is gone without a word, holds up all others: not for long.
            "idle_in_transaction_session_timeout": "'5s'",
            "lock_timeout": "'20s'",
        }
        self._run("; ".join(f"set {name} = {value}" for name, value in settings.items()), (), "dml")
        if self._there("to_regclass", "lease"):
            return
        with self.transaction():  # somebody else may make it at the same time
            if not self._there("to_regnamespace", ""):
                self._run(f"create schema {schema}", (), "ddl")
            if not self._there("to_regclass", "lease"):
                self._run(_TABLES, (), "ddl")

    def _there(self, function: str, name: str) -> bool:
        whole = ".".join(_DIALECT.quote(part) for part in (self._schema, name) if part)
        row = self.execute(f"select {function}(?) is not null", (whole,)).fetchone()
        return row is not None and bool(row[0])

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Rows:
        gives = sql.startswith("select") or " returning " in sql
        # A statement's only question marks stand for values, and it has no percent sign.
        return self._run(sql.replace("?", "%s"), values, "query" if gives else "dml")

    def executemany(self, sql: str, values: Iterable[Sequence[Any]]) -> None:
        for row in values:
            self.execute(sql, row)

    def _run(self, sql: str, values: Sequence[Any], role: Any) -> Rows:
        try:
            found = self._session.execute(Statement(sql, role=role, parameters=tuple(values)))
        except WarehouseError as error:
            _told(self._name, error, lost=error.kind in _AWAY or not self._session.alive)
        return Rows(found.rows, len(found.rows) if found.affected is None else found.affected)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._run("begin", (), "begin")
        try:
            self.execute("select pg_advisory_xact_lock(hashtextextended(?, 0))", (f"eltflow state {self._schema}",))
            yield
        except BaseException:
            with suppress(EltflowError):
                self._run("rollback", (), "rollback")
            raise
        self._run("commit", (), "commit")

    def format(self) -> int:
        row = self.execute("select version from format").fetchone()
        return 0 if row is None else int(row[0])

    def mark(self, format: int) -> None:
        self.execute("delete from format")
        self.execute("insert into format (version) values (?)", (format,))

    def close(self) -> None:
        self._session.end()

    # -- the lease -------------------------------------------------------------------------------------------------------------

    def take(self, owner: str, seconds: float) -> int | None:
        """Take the lease, if nobody has it by the server's clock; gives its token, which is higher than all before."""
        until = "clock_timestamp() + make_interval(secs => ?)"
        rows = self.execute(
            f"insert into lease (one, token, owner, expires) values (true, 1, ?, {until}) on conflict (one) do update"
            " set token = lease.token + 1, owner = excluded.owner, expires = excluded.expires"
            " where lease.expires < clock_timestamp() returning token",
            (owner, seconds),
        ).fetchall()
        return int(rows[0][0]) if rows else None

    def renew(self, token: int, seconds: float) -> bool:
        """Hold the lease on; False if another has it by now."""
        until = "clock_timestamp() + make_interval(secs => ?)"
        return bool(self.execute(f"update lease set expires = {until} where token = ?", (seconds, token)).rowcount)

    def release(self, token: int) -> None:
        """Give the lease back."""
        self.execute("update lease set expires = '-infinity' where token = ?", (token,))

    def holds(self, token: int) -> bool:
        """Whether that is still the lease's token, which it then is to the end of the transaction."""
        return bool(self.execute("select 1 from lease where token = ? for share", (token,)).fetchall())

    def leader(self) -> str | None:
        """Who holds the lease."""
        row = self.execute("select owner from lease where expires >= clock_timestamp()").fetchone()
        return None if row is None else str(row[0])


def _told(name: str, error: WarehouseError, *, lost: bool) -> NoReturn:
    """Raise what happened as the state's error: E0808 if the server cannot be reached, E0802 else."""
    if lost:
        help = "see that the server runs and can be reached; then try again"
        raise fail("E0808", f"the state ({name}) cannot be reached: {error.engine_message}", help=help) from None
    raise fail("E0802", f"the state ({name}) cannot be used: {error.engine_message}", help=error.help) from None
