"""A DuckDB file, programs driven on it statement by statement, and a reader that looks after every one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from eltflow_duckdb import ADAPTER

from eltflow.base.diagnostics import Span
from eltflow.compile.compiled import Compiled, Hook
from eltflow.compile.materialize import MATERIALIZATIONS
from eltflow.compile.program import FileInfo, Job, Outcome
from eltflow.engine.drive import Trace, drive
from eltflow.ingest.files import digest, file_info, file_now
from eltflow.project.nodes import ColumnInfo, Node
from eltflow.warehouse.catalog import Catalog
from eltflow.warehouse.values import Relation, Result, Statement, Target

T = Relation("w", "s", "t")


def node(materialized: str, config: Mapping[str, Any], columns: Mapping[str, ColumnInfo] | None = None, **more: Any) -> Node:
    kind = materialized if materialized in ("seed", "ingest", "test") else "model"
    return Node(
        unique_id=f"{kind}.p.t",
        resource_type=kind,
        name="t",
        package="p",
        path="models/t.sql",
        fqn=("p", "t"),
        config={"materialized": materialized, **config},
        relation=T,
        columns=columns or {},
        **more,
    )


def make_job(
    materialized: str,
    sql: str = "",
    *,
    existing: Any = None,
    config: Mapping[str, Any] | None = None,
    pre: tuple[Hook, ...] = (),
    post: tuple[Hook, ...] = (),
    header: str = "",
    files: tuple[FileInfo, ...] = (),
    run: str = "0123abcd",
    full_refresh: bool = False,
    made: Node | None = None,
    options: Mapping[str, Any] | None = None,
) -> Job:
    one = made or node(materialized, config or {})
    compiled = Compiled(
        node=one, sql=sql, place=lambda line, column: Span(file=one.path), pre_hooks=pre, post_hooks=post, header=header
    )
    return Job(
        node=one,
        relation=one.relation or T,
        dialect=ADAPTER.dialect,
        run=run,
        compiled=compiled,
        existing=existing,
        files=files,
        full_refresh=full_refresh,
        digest=digest,
        look=file_now,
        options=options or {},
    )


@dataclass
class Watched:
    """A session that calls `look` after every statement, the transaction's own among them."""

    session: Any
    look: Callable[[Statement], None]

    def execute(self, statement: Statement) -> Result:
        result: Result = self.session.execute(statement)
        self.look(statement)
        return result

    def cancel(self) -> None:
        self.session.cancel()

    def close(self) -> None:
        self.session.close()


@dataclass
class Warehouse:
    """A database with one session that writes and another that reads."""

    root: Path
    database: Any
    session: Any
    reader: Any
    statements: list[Statement] = field(default_factory=list)

    def sql(self, *statements: str) -> None:
        for one in statements:
            self.session.execute(Statement(one))

    def rows(self, sql: str = "select * from s.t order by all") -> list[tuple[Any, ...]]:
        return list(self.reader.execute(Statement(sql, role="query")).rows)

    def columns(self, name: str = "s.t") -> list[tuple[str, str | None]]:
        found = self.reader.execute(Statement(f"select * from {name} limit 0", role="query")).columns
        return [(c.name, c.type) for c in found]

    def existing(self, relation: Relation = T) -> Any:
        return Catalog(ADAPTER.dialect.fold, self.database.catalog([("w", "s"), ("w", "s_test_failures")])).get(relation)

    def names(self) -> set[str]:
        return {row[0] for row in self.rows("select table_name from information_schema.tables")}

    def build(self, materialized: str, sql: str = "", *, look: Callable[[Statement], None] | None = None, **more: Any) -> Outcome:
        """Drive a materialization on what stands there now."""
        relation = more["made"].relation if more.get("made") is not None else T
        job = make_job(materialized, sql, existing=self.existing(relation), **more)
        trace = Trace()
        session = self.session if look is None else Watched(self.session, look)
        try:
            return drive(MATERIALIZATIONS[materialized](job), session, trace)
        finally:
            self.statements = trace.statements

    def file(self, name: str, text: str | bytes) -> FileInfo:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return file_info(self.root, name)


@pytest.fixture
def warehouse(tmp_path):
    target = Target(name="dev", type="duckdb", database="w", schema="s", threads=1, values={"path": "w.duckdb"})
    database = ADAPTER.open(target, tmp_path)
    made = Warehouse(tmp_path, database, database.session(), database.session())
    made.sql("create schema s", "create schema s_test_failures")
    yield made
    made.session.close()
    made.reader.close()
    database.close()


@pytest.fixture
def job():
    """Makes jobs without a database."""
    return make_job


@pytest.fixture
def model():
    """Makes nodes."""
    return node
