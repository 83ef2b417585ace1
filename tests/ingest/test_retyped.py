"""`schema_changes: {type: ...}`: a column of a database whose type is another than when its table was made."""

from __future__ import annotations

from decimal import Decimal

import pytest
from test_tables import World

from eltflow.compile.materialize.retyped import wider

SOURCES, TARGETS = ("duckdb", "postgres"), ("duckdb", "postgres")
STEP = {"unique_key": "id", "cursor": {"column": "seen"}}


@pytest.fixture
def world(tmp_path, postgres, eltflow):
    return lambda source, target="duckdb": World(tmp_path / "w", source, target, postgres, eltflow)


def both(test):
    return pytest.mark.parametrize("source", SOURCES)(pytest.mark.parametrize("target", TARGETS)(test))


def loaded(w, policy, load="merge", n="integer", value="1", **more):
    w.change(f"create table t (id integer, seen integer, n {n})", f"insert into t values (1, 1, {value})")
    changes = {"schema_changes": {"type": policy}} if policy else {}
    step = STEP if load == "merge" else {"cursor": {"column": "seen"}}
    w.step(load, **{**step, **changes, **more})
    w.run()
    return w


def remade(w, n, *rows):
    w.change("drop table t", f"create table t (id integer, seen integer, n {n})", *(f"insert into t values {row}" for row in rows))


@both
@pytest.mark.parametrize("load", ["merge", "append"])
def test_a_column_is_widened(world, source, target, load):
    w = loaded(world(source, target), "evolve", load)
    remade(w, "bigint", "(1, 1, 1)", "(2, 2, 3000000000)")
    assert "`n` is bigint now, and was integer" in w.run().lower()
    assert w.rows("select id, n from s_raw.x") == [(1, 1), (2, 3000000000)]
    remade(w, "decimal(8, 3)", "(1, 1, 1)", "(3, 3, 1.125)")
    assert "`n` is " in w.run()
    found = w.rows("select id, n from s_raw.x")
    assert [n for _, n in found] == [1, 3000000000, Decimal("1.125")]
    remade(w, "smallint", "(3, 3, 1)", "(4, 4, 7)")
    assert "`n` is " not in w.run()  # the column takes it as it is
    assert w.rows("select id, n from s_raw.x where id = 4") == [(4, 7)]


@both
def test_a_column_is_cast_to_what_it_was(world, source, target):
    w = loaded(world(source, target), "discard")
    remade(w, "varchar(20)", "(1, 1, '1')", "(2, 2, '42')")
    assert "in the source, and cast to integer" in w.run().lower()
    assert w.rows("select id, n from s_raw.x") == [(1, 1), (2, 42)]
    for value in ("'1.5'", "'many'", "'3000000000'"):
        w.change(f"insert into t values (3, 3, {value})")
        said = w.run(code=1).lower()
        assert "`n` has values that " in said
        assert "integer" in said
        assert w.rows("select id, n from s_raw.x") == [(1, 1), (2, 42)]
        assert w.rows("select value from eltflow_meta.cursor") == [("2",)]
        w.change("delete from t where id = 3")
    w.change("insert into t values (4, 4, null)")
    w.run()
    assert w.rows("select id, n from s_raw.x where id = 4") == [(4, None)]


@both
@pytest.mark.parametrize("policy", [None, "fail"])
def test_a_change_is_an_error(world, source, target, policy):
    w = loaded(world(source, target), policy)
    remade(w, "bigint", "(2, 2, 3)")
    said = w.run(code=1).lower()
    assert "the column `n` of " in said
    assert "is bigint now, and " in said
    assert "has integer there" in said
    assert "`schema_changes: {type: evolve}`" in said
    assert w.rows("select id, n from s_raw.x") == [(1, 1)]
    w.run("--full-refresh")
    assert w.rows("select id, n from s_raw.x") == [(2, 3)]


@both
def test_no_type_keeps_both(world, source, target):
    w = loaded(world(source, target), "evolve")
    remade(w, "varchar(9)", "(2, 2, 'x')")
    assert "no type keeps the values of both" in w.run(code=1)
    assert w.rows("select id, n from s_raw.x") == [(1, 1)]


def test_views_of_postgres_stay(world, postgres):
    w = loaded(world("duckdb", "postgres"), "evolve")
    with postgres.connect() as con:
        con.execute("create view s_raw.v as select id, n + 1 as more from s_raw.x")
    remade(w, "bigint", "(1, 1, 1)", "(2, 2, 3000000000)")
    w.run()
    assert w.rows("select * from s_raw.v") == [(1, 2), (2, 3000000001)]


def test_the_cursor_itself(world):
    w = loaded(world("postgres"), "discard")
    w.change("alter table src.t alter seen type bigint", "insert into t values (2, 2, 3)")
    assert "the cursor's values would go in another order" in w.run(code=1)
    w.step("merge", **STEP, schema_changes={"type": "evolve"})
    w.run()
    assert w.rows("select id, n from s_raw.x") == [(1, 1), (2, 3)]
    w.change("insert into t values (3, 3000000000, 5)")
    w.run()
    assert w.rows("select value from eltflow_meta.cursor") == [("3000000000",)]


@pytest.mark.parametrize("policy", ["evolve", "discard"])
def test_sqlite_as_a_target_cannot(world, policy):
    w = world("duckdb", "sqlite")
    w.change("create table t (id integer)", "insert into t values (1)")
    w.step("merge", unique_key="id", schema_changes={"type": policy})
    assert f"`type: {policy}` needs an engine that changes the type of a column, unlike sqlite" in w.run(code=1)


def test_a_step_of_files_has_no_types_that_change(eltflow, project):
    step = "steps:\n- {name: x, source: {kind: files, path: 'a.csv'}, into: raw.x, schema_changes: {type: evolve}}\n"
    ran = eltflow("parse", cwd=project({"ingest/i.yml": step}))
    assert ran.code == 2
    assert "ingest/i.yml:2:87" in ran.text
    assert "`type: evolve` means nothing to files, whose table keeps its types" in ran.text


@pytest.mark.parametrize(
    ("old", "new", "type"),
    [
        ("INTEGER", "BIGINT", "BIGINT"),
        ("BIGINT", "SMALLINT", "BIGINT"),
        ("UINTEGER", "INTEGER", "BIGINT"),
        ("UTINYINT", "USMALLINT", "USMALLINT"),
        ("UBIGINT", "BIGINT", "HUGEINT"),
        ("UHUGEINT", "BIGINT", None),
        ("INTEGER", "DECIMAL(8,3)", "DECIMAL(13,3)"),
        ("DECIMAL(10,2)", "DECIMAL(8,4)", "DECIMAL(12,4)"),
        ("DECIMAL(38,0)", "DECIMAL(8,4)", None),
        ("BIGINT", "DOUBLE", None),
        ("INTEGER", "DOUBLE", "DOUBLE"),
        ("SMALLINT", "FLOAT", "FLOAT"),
        ("INTEGER", "FLOAT", "DOUBLE"),
        ("FLOAT", "DOUBLE", "DOUBLE"),
        ("DOUBLE", "DECIMAL(8,4)", None),
        ("DATE", "TIMESTAMP", "TIMESTAMP"),
        ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE", None),
        ("INTEGER", "VARCHAR", None),
        ("BOOLEAN", "INTEGER", None),
    ],
)
def test_the_wider_type(old, new, type):
    assert wider(old, new) == wider(new, old) == type
