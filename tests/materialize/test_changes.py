"""Every kind that may stand there × every kind that may come: right after, and never missing or half-built in between."""

from __future__ import annotations

import itertools

import pytest

from eltflow.compile.compiled import Hook
from eltflow.warehouse.values import WarehouseError

OLD, NEW = [(1, "old")], [(2, "new"), (3, "new")]
QUERY = "select 2 as id, 'new' as v union all select 3, 'new'"
STANDING = {
    "none": (),
    "view": ("create view s.t as select 1 as id, 'old' as v",),
    "table": ("create table s.t as select 1 as id, 'old' as v",),
    "incremental": ("create table s.t as select 1 as id, 'old' as v",),
}
COMING = {
    "view": ("view", {}, NEW),
    "table": ("table", {}, NEW),
    "append": ("incremental", {"incremental_strategy": "append"}, NEW),
    "delete+insert": ("incremental", {"unique_key": "id"}, NEW),
    "merge": ("incremental", {"unique_key": "id", "incremental_strategy": "merge"}, NEW),
    "seed": ("seed", {}, NEW),
}


def expected(standing: str, coming: str) -> list[tuple[int, str]]:
    adds = COMING[coming][0] == "incremental" and standing in ("table", "incremental")
    return [*OLD, *NEW] if adds else NEW


@pytest.mark.parametrize(("standing", "coming"), list(itertools.product(STANDING, COMING)))
@pytest.mark.parametrize("hooked", [False, True])
def test_a_change(warehouse, standing, coming, hooked):
    warehouse.sql(*STANDING[standing])
    materialized, config, _ = COMING[coming]
    seen = []

    def look(statement):
        if standing != "none" or "t" in warehouse.names():
            seen.append(warehouse.rows())

    hooks = {"pre": (Hook(sql="select 1"),), "post": (Hook(sql="select 2"),)} if hooked else {}
    files = (warehouse.file("t.csv", "id,v\n2,new\n3,new\n"),) if materialized == "seed" else ()
    warehouse.build(materialized, QUERY, config=config, look=look, files=files, **hooks)

    after = expected(standing, coming)
    assert warehouse.rows() == after
    assert warehouse.existing().kind == ("view" if coming == "view" else "table")
    assert all(rows in (OLD, after) for rows in seen), seen
    assert seen == sorted(seen, key=lambda rows: rows == after), "a reader went back in time"
    assert not [name for name in warehouse.names() if "__eltflow_tmp_" in name]


@pytest.mark.parametrize(("standing", "coming"), list(itertools.product(STANDING, COMING)))
def test_a_failure_at_every_statement_leaves_what_stood_there(warehouse, standing, coming):
    """The fake failure comes in place of the n-th statement, for every n; then the build succeeds as if nothing had been."""
    materialized, config, _ = COMING[coming]
    files = (warehouse.file("t.csv", "id,v\n2,new\n3,new\n"),) if materialized == "seed" else ()
    more = {"config": config, "files": files, "post": (Hook(sql="select 2"),)}
    warehouse.sql(*STANDING[standing])
    real, number = warehouse.session.execute, itertools.count()
    for failing in range(20):
        count = itertools.count()

        def execute(statement, failing=failing, count=count):
            if statement.role != "rollback" and next(count) == failing:
                raise WarehouseError("out of luck")
            return real(statement)

        warehouse.session.execute = execute
        try:
            warehouse.build(materialized, QUERY, **more)
        except WarehouseError:
            assert (warehouse.rows() if standing != "none" else "t" not in warehouse.names()) == (
                OLD if standing != "none" else True
            )
            assert not [name for name in warehouse.names() if "__eltflow_tmp_" in name]
            next(number)
            continue
        finally:
            warehouse.session.execute = real
        break
    assert next(number) >= 1
    assert warehouse.rows() == expected(standing, coming)


def test_what_is_built_may_read_what_stands_there(warehouse):
    """A view that becomes a table, by a query that reads the view."""
    warehouse.sql("create view s.t as select 1 as id")
    warehouse.build("table", "select id + 1 as id from s.t")
    assert warehouse.rows() == [(2,)]
    warehouse.build("table", "select id + 1 as id from s.t")
    assert warehouse.rows() == [(3,)]


def test_views_on_top_survive_a_rebuild(warehouse):
    warehouse.sql("create table s.t as select 1 as id", "create view s.above as select * from s.t")
    warehouse.build("table", "select 5 as id")
    assert warehouse.rows("from s.above") == [(5,)]
    warehouse.build("view", "select 6 as id")
    assert warehouse.rows("from s.above") == [(6,)]
    warehouse.build("table", "select 7 as id")
    assert warehouse.rows("from s.above") == [(7,)]


def test_a_lone_statement_needs_no_transaction(warehouse):
    warehouse.build("view", "select 1 as id")
    warehouse.build("table", "select 1 as id")
    assert [s.role for s in warehouse.statements] == ["begin", "ddl", "ddl", "ddl", "commit"]  # a view gave way
    warehouse.build("table", "select 1 as id")
    assert [s.role for s in warehouse.statements] == ["ddl"]
