"""Every kind that may stand there × every kind that may come: right after, and never missing or half-built in between."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from eltflow.compile.compiled import Hook
from eltflow.compile.program import ProgramError
from eltflow.testing.bench import Bench, make_node
from eltflow.testing.contract.claims import need_strategy, tables_step_aside
from eltflow.warehouse.values import Relation, Statement, WarehouseError

OLD, NEW = [(1, "old")], [(2, "new"), (3, "new")]
QUERY = "select 2 as id, 'new' as v union all select 3, 'new'"
STANDING: dict[str, tuple[str, ...]] = {
    "none": (),
    "view": ("create view s.t as select 1 as id, 'old' as v",),
    "table": ("create table s.t as select 1 as id, 'old' as v",),
    "incremental": ("create table s.t as select 1 as id, 'old' as v",),
}
COMING: dict[str, tuple[str, dict[str, Any], Any]] = {
    "view": ("view", {}, NEW),
    "table": ("table", {}, NEW),
    "append": ("incremental", {"incremental_strategy": "append"}, NEW),
    "delete+insert": ("incremental", {"unique_key": "id", "incremental_strategy": "delete+insert"}, NEW),
    "merge": ("incremental", {"unique_key": "id", "incremental_strategy": "merge"}, NEW),
    "seed": ("seed", {}, NEW),
}


GONE = [("nothing", "there")]


def steps_aside(warehouse: Bench, standing: str, coming: str) -> bool:
    """Whether one relation steps aside for another on an engine whose DDL commits: then nothing is there for a moment. It does where
    they are of different kinds, and for a table where the engine can neither replace one nor let two change places."""
    if coming != "view" and standing in ("table", "incremental") and COMING[coming][0] != "incremental":
        return tables_step_aside(warehouse)
    kinds = {"none": "", "view": "view"}
    comes = "view" if coming == "view" else "table"
    return not warehouse.can.transactional_ddl and kinds.get(standing, "table") not in ("", comes)


def expected(standing: str, coming: str) -> list[tuple[int, str]]:
    adds = COMING[coming][0] == "incremental" and standing in ("table", "incremental")
    return [*OLD, *NEW] if adds else NEW


@pytest.mark.parametrize(("standing", "coming"), list(itertools.product(STANDING, COMING)))
@pytest.mark.parametrize("hooked", [False, True])
def test_a_change(warehouse: Bench, standing: Any, coming: Any, hooked: Any) -> None:
    materialized, config, _ = COMING[coming]
    need_strategy(warehouse, config.get("incremental_strategy"))
    warehouse.sql(*STANDING[standing])
    seen: list[Any] = []

    def look(statement: Statement) -> None:
        there = "t" in warehouse.names()
        if standing != "none" or there:
            seen.append(warehouse.seen() if there else GONE)

    hooks: Any = {"pre": (Hook(sql="select 1"),), "post": (Hook(sql="select 2"),)} if hooked else {}
    files = (warehouse.file("t.csv", "id,v\n2,new\n3,new\n"),) if materialized == "seed" else ()
    warehouse.build(materialized, QUERY, config=config, look=look, files=files, **hooks)

    after = expected(standing, coming)
    seen = [rows for rows in seen if rows is not None]
    if steps_aside(warehouse, standing, coming):
        seen = [rows for rows in seen if rows != GONE]
    assert warehouse.rows() == after
    existing = warehouse.existing()
    assert existing is not None
    assert existing.kind == ("view" if coming == "view" else "table")
    assert all(rows in (OLD, after) for rows in seen), seen
    assert seen == sorted(seen, key=lambda rows: rows == after), "a reader went back in time"
    assert not [name for name in warehouse.names() if "__eltflow_tmp_" in name]


@pytest.mark.parametrize(("standing", "coming"), list(itertools.product(STANDING, COMING)))
def test_a_failure_at_every_statement_leaves_what_stood_there(warehouse: Bench, standing: Any, coming: Any) -> None:
    """The fake failure comes in place of the n-th statement, for every n; then the build succeeds as if nothing had been."""
    materialized, config, _ = COMING[coming]
    need_strategy(warehouse, config.get("incremental_strategy"))
    files = (warehouse.file("t.csv", "id,v\n2,new\n3,new\n"),) if materialized == "seed" else ()
    # What is committed by then, a hook after it cannot take back.
    hooks = {"post": (Hook(sql="select 2"),)} if warehouse.can.transactional_ddl else {}
    more: Any = {"config": config, "files": files, **hooks}
    warehouse.sql(*STANDING[standing])
    warehouse.meta()
    more["run_id"] = "one" if warehouse.can.transactional_ddl else None
    before, after = (OLD if standing != "none" else None), expected(standing, coming)
    real, failed = warehouse.session.execute, 0
    for failing in range(20):
        sent = [0]

        def execute(statement: Statement, failing: int = failing, sent: list[int] = sent) -> Any:
            sent[0] += statement.role != "rollback"
            if statement.role != "rollback" and sent[0] - 1 == failing:
                raise WarehouseError("out of luck")
            return real(statement)

        warehouse.session.execute = execute
        try:
            warehouse.build(materialized, QUERY, **more)
        except WarehouseError:
            left = warehouse.rows() if "t" in warehouse.names() else None
            # Where DDL commits, what comes after the new is in its place may fail too.
            assert left == before or (left == after and not warehouse.can.transactional_ddl)
            assert not [name for name in warehouse.names() if "__eltflow_tmp_" in name]
            assert warehouse.applied() == []
            failed += 1
        finally:
            warehouse.session.execute = real
        if sent[0] <= failing:
            break
        if not warehouse.can.transactional_ddl:
            for table in warehouse.catalog():  # what could not be dropped as well, as the next run does
                if table.relation.sibling("") == warehouse.table.sibling(""):
                    warehouse.session.execute(warehouse.adapter.dialect.drop(table.relation, table.kind))
            warehouse.sql(*STANDING[standing])
    assert failed >= 1
    assert warehouse.rows() == after
    assert [run for _, run, *_ in warehouse.applied()] == (["one"] if warehouse.can.transactional_ddl else [])


def test_what_is_built_may_read_what_stands_there(warehouse: Bench) -> None:
    """A view that becomes a table, by a query that reads the view."""
    warehouse.sql("create view s.t as select 1 as id")
    warehouse.build("table", "select id + 1 as id from s.t")
    assert warehouse.rows() == [(2,)]
    warehouse.build("table", "select id + 1 as id from s.t")
    assert warehouse.rows() == [(3,)]


def test_views_on_top_survive_a_rebuild(warehouse: Bench) -> None:
    warehouse.sql("create table s.t as select 1 as id", "create view s.above as select * from s.t")
    warehouse.build("table", "select 5 as id")
    assert warehouse.rows("select * from s.above") == [(5,)]
    warehouse.build("view", "select 6 as id")
    assert warehouse.rows("select * from s.above") == [(6,)]
    warehouse.build("table", "select 7 as id")
    assert warehouse.rows("select * from s.above") == [(7,)]


def test_views_on_top_of_views_survive_and_keep_what_they_are(warehouse: Bench) -> None:
    """Two floors of views, a comment, and what is built in between."""
    warehouse.sql(
        "create table s.t as select 1 as id, 2 as n",
        "create view s.above as select id, n from s.t",
        "create view s.top as select a.id, b.n from s.above as a join s.t as b on a.id = b.id",
    )
    if warehouse.can.comments:
        warehouse.sql("comment on view s.above is 'it''s above'")
    for kind, sql in (
        ("table", "select 5 as id, 6 as n"),
        ("view", "select 5 as id, 6 as n"),
        ("table", "select 5 as id, 6 as n, 7 as m"),
    ):
        outcome = warehouse.build(kind, sql)
        assert warehouse.rows("select * from s.top") == [(5, 6)]
        assert outcome.message is None
    above = warehouse.existing(warehouse.table.sibling("above"))
    assert above is not None
    assert above.comment == ("it's above" if warehouse.can.comments else None)


def test_a_view_that_cannot_follow(warehouse: Bench) -> None:
    """On an engine that ties it to the table: somebody else's is an error and stays; one of the project's goes, and that is told."""
    if warehouse.adapter.dialect.ties(warehouse.table) is None:
        pytest.skip("views are not tied to what they read")
    warehouse.sql("create table s.t as select 1 as id, 2 as n", "create view s.above as select n from s.t")
    with pytest.raises(ProgramError, match=r"above stands on .*: column .*n.* does not exist"):
        warehouse.build("table", "select 1 as id")
    assert warehouse.rows("select * from s.above") == [(2,)]
    outcome = warehouse.build("table", "select 1 as id", ours=lambda relation: relation.identifier == "above")
    assert [relation.identifier for relation in outcome.gone] == ["above"]
    assert "s.above" in str(outcome.message)
    assert warehouse.names() == {"t"}


def test_a_view_whose_columns_change(warehouse: Bench) -> None:
    for sql in (
        "select 1 as id, 2 as n",
        "select 'x' as id, 2 as n",
        "select 2 as n",
        "select 2 as n, 3 as more",
        "select 3 as more",
    ):
        warehouse.build("view", sql)
        warehouse.sql("create view s.above as select * from s.t" if "above" not in warehouse.names() else "select 1")
        assert [name for name, _ in warehouse.columns()] == [part.split()[-1] for part in sql.split(",")]
        warehouse.sql("drop view s.above")


def test_what_a_node_did_is_recorded_and_what_it_is_replaced_by(warehouse: Bench) -> None:
    """With the node's own transaction, and only where a run says who it is; a later run forgets what is not the latest any more."""
    if not warehouse.can.transactional_ddl:
        pytest.skip("tables and rows do not commit together")
    warehouse.meta()
    warehouse.build("table", QUERY, run_id="one")
    warehouse.build("table", QUERY)
    assert [s.role for s in warehouse.statements if s.role in ("begin", "commit", "dml")] == ["begin", "commit"]
    key = warehouse.adapter.dialect.render(Relation(None, "s", "t"))
    assert [(relation, run, node) for relation, run, node, _ in warehouse.applied()] == [(key, "one", "model.p.t")]
    assert warehouse.applied()[0][3] in (2, None)  # not every engine counts what it made
    warehouse.build("view", QUERY, run_id="two")
    warehouse.build("table", QUERY, made=make_node("table", {}, relation=warehouse.table.sibling("O'Hara")), run_id="two")
    assert [row[1] for row in warehouse.applied()] == ["one", "two", "two"]
    warehouse.meta()
    assert sorted(row[1] for row in warehouse.applied()) == ["two", "two"]
    name = warehouse.adapter.dialect.render(Relation(warehouse.table.database, "eltflow_meta", "applied"))
    (first, second) = warehouse.rows(f"select fingerprint, applied_at from {name} order by applied_at")
    assert first[0] != second[0]
    assert not warehouse.can.column_types or all(moment.tzinfo is not None for _, moment in (first, second))


def test_a_materialized_view(warehouse: Bench) -> None:
    if not warehouse.can.materialized_views:
        with pytest.raises(ProgramError, match="has no materialized views"):
            warehouse.build("materialized_view", "select 1 as id")
        return
    warehouse.sql("create table s.up as select 1 as id")
    indexed = {"indexes": [{"columns": ["id"], "unique": True}]}
    for sql, config, kind in (
        ("select id from s.up", {}, "materialized_view"),
        ("select id from s.up", {}, "refresh"),
        ("-- the same\nselect id from s.up", {}, "refresh"),
        ("select id + 0 as id from s.up", {}, "materialized_view"),
        ("select id + 0 as id from s.up", indexed, "materialized_view"),
        ("select id + 0 as id from s.up", indexed, "refresh"),
        ("select id + 0 as id from s.up", {}, "materialized_view"),
    ):
        warehouse.sql("update s.up set id = id + 1")
        assert warehouse.build("materialized_view", sql, config=config).kind == kind
        assert warehouse.rows() == warehouse.rows("select * from s.up")
        if "above" not in warehouse.names():
            warehouse.sql("create view s.above as select * from s.t")
        assert warehouse.rows("select * from s.above") == warehouse.rows()
    for kind in ("table", "materialized_view", "view", "materialized_view"):
        warehouse.build(kind, "select 9 as id")
        assert warehouse.rows("select * from s.above") == [(9,)]


def test_indexes(warehouse: Bench) -> None:
    config = {"indexes": [{"columns": ["id"], "unique": True}, {"columns": ["v", "id"]}]}
    job = warehouse.adapter.dialect.indexes(warehouse.table, warehouse.table, config, "0123abcd")
    if not job:
        pytest.skip("no indexes of its own")
    for run in ("0123abcd", "0123abce"):
        warehouse.build("table", QUERY, config=config, run=run)
    with pytest.raises(WarehouseError, match=r"(?i)unique"):
        warehouse.sql("insert into s.t select 2, 'again'")
    with pytest.raises(WarehouseError, match="nope"):
        warehouse.build("table", QUERY, config={"indexes": [{"columns": "nope"}]})
    assert warehouse.rows() == NEW
