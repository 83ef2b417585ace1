"""Compiled SQL means what was written: it runs where the relations have other names than the text says."""

from __future__ import annotations

import duckdb
import pytest

from eltflow import api

FILES = {
    "models/orders.sql": "{{ config(alias='ord_v2', schema='odd one') }} select 1 as id, 2 as n",
    "models/eph.sql": "{{ config(materialized='ephemeral') }} with o2 as (select * from orders) select id from o2; -- done",
    "models/s.yml": "sources:\n  - {name: raw, schema: phys, tables: [{name: t, identifier: T two}, {name: u}]}\n",
}


@pytest.mark.parametrize(
    "sql",
    [
        "table orders",
        "summarize orders",
        "select * from (describe orders)",
        "select * from orders where exists (table orders)",
        "select raw.t.x, RAW.u.x as y from raw.t join raw.u on raw.t.x = raw.u.x",
        "select raw.t.* from raw.t where raw.t.x > 0",
        "select orders.* exclude (n) from orders",
        "from o: orders select o.id",
        "pivot orders on id using sum(n)",
        "select * from orders tablesample 100%",
        "with recursive r as (select id from eph union all select id + 1 from r where id < 3) select * from r",
        "with recursive orders as (select * from orders), r as (select id from orders union select id + 1 from r where id < 3) from r",
        "with recursive r as (select id from orders), orders as (select * from r) select * from orders",
        "-- orders\nselect * from orders; -- orders\n;",
        "with orders as (select * from orders) select * from orders",
        "(with o2 as (select * from orders) select id from o2 where id in (select id from eph))",
        "(with o2 as (select * from orders) select id from o2 where id in (select id from eph)) order by id limit 1 -- one\n;",
        "(with o2 as (select * from orders) select id from o2) union all select id from eph",
        "select id from eph union all (with o2 as (select * from orders) select id from o2)",
        "((with eph2 as (select id from eph) select id from eph2))",
        "select * from eph join (with o2 as (select * from orders) select id from o2) as o using (id)",
        "summarize eph",
        "from eph",
        "select count(*) from orders, eph, lateral (from raw.t where raw.t.x = orders.id)",
    ],
)
def test_compiled_sql_runs_under_other_names(project, sql):
    root = project({**FILES, "models/probe.sql": sql}, name="p")
    loaded = api.load(root, api.new_options(env={"HOME": str(root)}))
    compiled = api.compile_offline(loaded, ["model.p.probe"]).compiled
    with duckdb.connect() as engine:
        for statement in (
            "attach ':memory:' as p",
            'create schema p."s_odd one"',
            "create schema p.phys",
            'create table p."s_odd one".ord_v2 as select 1 as id, 2 as n',
            'create table p.phys."T two" as select 1 as x',
            "create table p.phys.u as select 1 as x",
        ):
            engine.execute(statement)
        assert engine.execute(f"from (\n{compiled['model.p.probe'].sql}\n)").fetchall()


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("show tables", "a SHOW"),
        ("show orders", "a SHOW"),
        ("describe orders", "a DESCRIBE"),
        ("(describe orders)", "a DESCRIBE"),
        ("-- why\nexplain analyze select 1", "an EXPLAIN"),
        ("pragma table_info('orders')", "a PRAGMA"),
        ("call pragma_version()", "a CALL"),
        ("load json", "a LOAD"),
        ("vacuum", "a VACUUM"),
        ("checkpoint", "an expression alone"),
        ("orders", "an expression alone"),
        ("1 + 1", "an expression alone"),
        ("comment on table orders is 'x'", "a COMMENT"),
        ("grant select on orders to ann", "a GRANT"),
    ],
)
def test_a_model_is_a_query(project, eltflow, sql, what):
    """Also what an engine would take for one, as DuckDB does SHOW and DESCRIBE: a table of it is nobody's wish."""
    root = project({"models/orders.sql": "select 1 as id", "models/probe.sql": sql})
    ran = eltflow("build", cwd=root)
    assert ran.code == 2
    assert f"error[E0404]: model `probe` must be a query, not {what}" in ran.err
    assert not (root / "p.duckdb").exists()


def test_a_table_named_in_a_text_by_ref(project, eltflow):
    files = {
        "models/x.sql": "select * from query_table('{{ ref('orders') }}')",
        "models/orders.sql": "{{ config(schema='odd one') }} select 1 as id",
    }
    root = project(files)
    ran = eltflow("build", cwd=root)
    assert ran.code == 0, ran.text
    with duckdb.connect(str(root / "p.duckdb"), read_only=True) as engine:
        assert engine.execute("from s.x").fetchall() == [(1,)]
