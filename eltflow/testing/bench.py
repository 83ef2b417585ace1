"""A warehouse under test: programs driven on it statement by statement, whole projects built on it, and a reader that looks on."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from eltflow import api
from eltflow.api.external import LocalFiles
from eltflow.base.diagnostics import Span
from eltflow.base.records import dataclass, field
from eltflow.base.secrets import secrets_of
from eltflow.compile.compiled import Compiled, Hook
from eltflow.compile.materialize import MATERIALIZATIONS
from eltflow.compile.materialize.meta import META, applied_table, load_tables
from eltflow.compile.program import FileInfo, Job, Outcome
from eltflow.engine.drive import Trace, drive
from eltflow.events import StepResult
from eltflow.ingest.files import digest, file_info, file_now, file_reader
from eltflow.ingest.looks import inspect
from eltflow.project.external import place_of
from eltflow.project.nodes import ColumnInfo, Node
from eltflow.warehouse.catalog import Catalog
from eltflow.warehouse.protocols import Adapter, Session
from eltflow.warehouse.values import CatalogTable, Relation, Result, Statement, Target, WarehouseError

_DIGITS = "(" + " union all ".join(f"select {n}{' as i' if n == 0 else ''}" for n in range(10)) + ")"


def counting(digits: int) -> str:
    """A query that needs no memory, and time in proportion to ten to the power of `digits`."""
    tables = ", ".join(f"{_DIGITS} as d{n}" for n in range(digits))
    return f"select count(*) as n from {tables} where ({' + '.join(f'd{n}.i' for n in range(digits))}) % 7 = 3"


#: A query that no machine finishes while a test waits.
SLOW = counting(14)


def series(rows: int) -> str:
    """A query for the numbers below `rows` (at most 10,000), each once, as `id`."""
    number = "a.i + 10 * b.i + 100 * c.i + 1000 * d.i"
    return f"select {number} as id from {_DIGITS} as a, {_DIGITS} as b, {_DIGITS} as c, {_DIGITS} as d where {number} < {rows}"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is tested: an adapter and a target of it, as in `eltflow.yml`, with `schema: s`, in whose database everything may be dropped.

    `reading` are statements for a session that reads while another writes: on an engine where it would wait for the other they make it
    give up at once, with an error of kind "locked". `upstream` is where a server listens (the path of a socket, or host and port); a
    proxy stands between for the cases in which connections are cut, and `behind` are settings for a target behind it. `busy` is a query
    that counts the tables that the server is making. `roles` are two roles that grants may name. `places` says that errors tell the
    line. `drop_schema` is a statement that drops a schema with all that is in it, if it is there. `lacks` are types of the cases that
    the engine has not, and "not null" where its tables forget it. `spell` makes of the SQL of the cases what the engine takes. `told`
    makes of a Python value what the engine gives back for it, where its types keep less, and raises ValueError where it must refuse it.
    `slow` is a query that no machine finishes while a test waits, and that the engine can end.
    `remembers` says that an open target goes by what it knew of a table until it changes that itself: it is opened anew to see what others did.
    """

    adapter: Adapter
    target: Mapping[str, Any]
    root: Path
    reading: tuple[str, ...] = ()
    upstream: str | tuple[str, int] | None = None
    behind: Mapping[str, Any] = field(default_factory=lambda: {"sslmode": "disable"})
    roles: tuple[str, ...] = ()
    places: bool = False
    busy: str = "select count(*) from pg_stat_activity where state = 'active' and query like '%create table%as d0%' and pid <> pg_backend_pid()"
    drop_schema: str = "drop schema if exists {schema} cascade"
    lacks: tuple[str, ...] = ()
    spell: Callable[[str], str] = lambda sql: sql
    told: Callable[[Any], Any] = lambda value: value
    slow: str = SLOW
    remembers: bool = False

    def values(self, **more: Any) -> Target:
        """The target, with other settings where `more` says so."""
        values = {**self.target, **more}
        secrets = tuple(text for k in self.adapter.secret_fields for text in secrets_of(values.get(k)))
        database = self.adapter.database_name(values, self.root)
        return Target(name="dev", type=self.adapter.name, database=database, schema="s", threads=2, values=values, secrets=secrets)


@dataclass
class Watched:
    """A session that calls `look` after every statement, the transaction's own among them."""

    session: Session
    look: Callable[[Statement], None]

    def execute(self, statement: Statement) -> Result:
        result = self.session.execute(statement)
        self.look(statement)
        return result

    def cancel(self) -> None:
        self.session.cancel()

    def close(self) -> None:
        self.session.close()


def make_node(
    materialized: str, config: Mapping[str, Any], columns: Mapping[str, ColumnInfo] | None = None, relation: Any = None, **more: Any
) -> Node:
    """A node that makes the relation."""
    kind = materialized if materialized in ("seed", "ingest", "test") else "model"
    return Node(
        unique_id=f"{kind}.p.t",
        resource_type=kind,
        name="t",
        package="p",
        path="models/t.sql",
        fqn=("p", "t"),
        config={"materialized": materialized, **config},
        relation=relation or Relation("w", "s", "t"),
        columns=columns or {},
        **more,
    )


def make_job(
    adapter: Adapter,
    made: Node,
    sql: str = "",
    *,
    pre: tuple[Hook, ...] = (),
    post: tuple[Hook, ...] = (),
    header: str = "",
    run: str = "0123abcd",
    **more: Any,
) -> Job:
    """What a node's materialization is given; `more` are fields of `Job`."""
    assert made.relation is not None
    compiled = Compiled(
        node=made, sql=sql, place=lambda line, column: Span(file=made.path), pre_hooks=pre, post_hooks=post, header=header
    )
    reader = None if adapter.dialect.capabilities.reads_files else file_reader()
    given = {"digest": digest, "look": file_now, "reader": reader, **more}
    return Job(node=made, relation=made.relation, dialect=adapter.dialect, run=run, compiled=compiled, **given)


@dataclass
class Bench:
    """A database with one session that writes and another that reads. It is opened when the first of these is used, unless it was before: a
    case that asks no more than capabilities costs nothing."""

    subject: Subject
    statements: list[Statement] = field(default_factory=list)
    database: Any = field(init=False, repr=False)
    session: Any = field(init=False, repr=False)
    reader: Any = field(init=False, repr=False)
    _opening: Any = field(default_factory=threading.RLock, init=False, repr=False)

    def __getattr__(self, name: str) -> Any:
        if name not in ("database", "session", "reader"):
            raise AttributeError(name)
        self.open()
        return vars(self)[name]

    def open(self) -> None:
        """Open it, and make its schemas anew, unless that is done."""
        with self._opening:
            if "database" in vars(self):
                return
            subject, dialect = self.subject, self.adapter.dialect
            database: Any = subject.adapter.open(subject.values(), subject.root)
            try:
                session, reader = database.session(), database.session()
                for schema in ("s", "s_test_failures", "s_raw", "eltflow_meta"):
                    session.execute(Statement(subject.drop_schema.format(schema=schema)))
                for schema in ("s", "s_test_failures"):
                    session.execute(dialect.create_schema(self.table.database, dialect.named(schema)))
                for statement in subject.reading:
                    reader.execute(Statement(statement))
            except BaseException:
                database.close()
                raise
            self.session, self.reader, self.database = session, reader, database

    def close(self) -> None:
        if "database" not in vars(self):
            return
        for session in (self.session, self.reader):
            with suppress(WarehouseError):
                session.close()
        self.database.close()

    @property
    def root(self) -> Path:
        return self.subject.root

    @property
    def adapter(self) -> Adapter:
        return self.subject.adapter

    @property
    def can(self) -> Any:
        """The engine's capabilities."""
        return self.adapter.dialect.capabilities

    @property
    def table(self) -> Relation:
        """The relation that `build` makes."""
        return self.relation("t")

    def relation(self, name: str, schema: str = "s") -> Relation:
        """The relation that the tests' own SQL calls so."""
        named = self.adapter.dialect.named
        return Relation(self.subject.values().database, named(schema), named(name))

    def said(self, name: str) -> str:
        """What the tests call something that was named without quotes."""
        return name.lower() if self.adapter.dialect.named(name.lower()) == name else name

    def type(self, name: str) -> str:
        """What the engine calls one of DuckDB's types."""
        return self.adapter.dialect.keeps(name) or name

    def read_as(self, type: str | None) -> str | None:
        """A type of the engine's as `kinds` tells it."""
        return self.adapter.dialect.reads_as(type) if type is not None and self.can.column_types else None

    def told(self, rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Rows as the engine gives them back. Raises ValueError if it must refuse one of the values."""
        return [tuple(map(self.subject.told, row)) for row in rows]

    def sql(self, *statements: str) -> None:
        for one in statements:
            self.session.execute(Statement(self.subject.spell(one)))

    def rows(self, sql: str | None = None) -> list[tuple[Any, ...]]:
        """The rows of a query; of the table `s.t`, sorted with NULL last, unless one is given."""
        found = list(self.reader.execute(Statement(self.subject.spell(sql) if sql else "select * from s.t", role="query")).rows)
        return found if sql else sorted(found, key=lambda row: [(v is None, type(v).__name__, v) for v in row])

    def seen(self) -> list[tuple[Any, ...]] | None:
        """What a reader sees in `s.t` now; None if it would have to wait."""
        try:
            return self.rows()
        except WarehouseError as error:
            if error.kind != "locked":
                raise
            return None

    def columns(self, name: str = "s.t") -> list[tuple[str, str | None]]:
        found = self.reader.execute(Statement(f"select * from {name} limit 0", role="query")).columns
        return [(self.said(c.name), c.type) for c in found]

    def kinds(self) -> list[tuple[str, str | None]]:
        """The columns of the table `s.t` with the types that they are read as, None where a column may hold anything."""
        return [(name, self.read_as(type)) for name, type in self.columns()]

    def catalog(self, names: Sequence[str] = ("s", "s_test_failures", "s_raw")) -> Catalog:
        """What stands in these schemas of the tests."""
        place, dialect = self.table.database, self.adapter.dialect
        return Catalog(dialect.fold_relation, self.database.catalog([(place, dialect.named(name)) for name in names]))

    def existing(self, relation: Relation | None = None) -> CatalogTable | None:
        wanted = relation or self.table
        return self.catalog([wanted.schema or ""]).get(wanted)

    def names(self) -> set[str]:
        return {self.said(table.relation.identifier) for table in self.catalog()}

    def node(self, materialized: str, config: Mapping[str, Any] | None = None, columns: Any = None, **more: Any) -> Node:
        return make_node(materialized, config or {}, columns, self.table, **more)

    def build(
        self,
        materialized: str,
        sql: str = "",
        *,
        look: Callable[[Statement], None] | None = None,
        config: Mapping[str, Any] | None = None,
        made: Node | None = None,
        **more: Any,
    ) -> Outcome:
        """Drive a materialization on what stands there now."""
        one = made or self.node(materialized, config)
        job = make_job(
            self.adapter,
            one,
            self.subject.spell(sql) if sql else sql,
            **{"existing": self.existing(one.relation), "inspect": inspect, **self._written(one, more), **more},
        )
        trace = Trace()
        session = self.session if look is None else Watched(self.session, look)
        try:
            return drive(MATERIALIZATIONS[materialized](job), session, trace)
        finally:
            self.statements = trace.statements

    def _written(self, node: Node, more: Mapping[str, Any]) -> dict[str, Any]:
        """The files of a model that is kept in such."""
        if node.materialized != "external":
            return {}
        return {"written": LocalFiles(place_of(node, self.root, self.subject.values()), more.get("run", "0123abcd"))}

    def applied(self) -> list[tuple[Any, ...]]:
        """What is recorded of effects, the latest last: rows of (relation, run, node, rows)."""
        if not self.can.transactional_ddl:
            return []
        name = self.adapter.dialect.render(Relation(self.table.database, META, "applied"))
        return self.rows(f"select relation, run_id, node, rows from {name} order by applied_at, run_id, relation")

    def file(self, name: str, text: str | bytes) -> FileInfo:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return file_info(self.root, name)

    def meta(self) -> None:
        """Make the tables in which loads and effects are written down."""
        dialect, database = self.adapter.dialect, self.table.database
        effects = applied_table(dialect, database) if self.can.transactional_ddl else ()
        for statement in (*load_tables(dialect, database), *effects):
            self.session.execute(statement)

    def project(
        self, files: Mapping[str, str], command: str = "build", settings: str = "", **options: Any
    ) -> dict[str, StepResult]:
        """Run a command on a project of these files, in this process; the results by the names of their nodes."""
        folder = self.root / "project"
        target = json.dumps(dict(options.pop("target", self.subject.target)))
        given = {"eltflow.yml": f"name: p\ntargets:\n  dev: {target}\n{settings}", **files}
        for path, text in given.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        (folder / "models").mkdir(exist_ok=True)
        self.session.close()
        loaded = api.load(folder, api.new_options(invocation_id=str(uuid.uuid4())))
        state = api.RunState(run_id=loaded.options.invocation_id)
        for _ in api.execute(loaded, api.RunOptions(command=command, **options), state):
            pass
        self._look_anew()
        return {name.split(".")[2]: result for name, result in state.results.items()}

    def _look_anew(self) -> None:
        """Go on after others have changed things."""
        if self.subject.remembers:
            self.database.close()
            self.database = self.adapter.open(self.subject.values(), self.subject.root)
            self.reader = self.database.session()
        self.session = self.database.session()


@contextmanager
def opened(subject: Subject) -> Iterator[Bench]:
    """A bench for the subject, with its schemas made anew."""
    made = Bench(subject)
    try:
        made.open()
        yield made
    finally:
        made.close()


def statements(sent: Sequence[Statement]) -> list[str]:
    """What was sent, as text."""
    return [statement.sql for statement in sent]
