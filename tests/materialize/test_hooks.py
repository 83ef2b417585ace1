"""Hooks, ephemeral models, headers, names and descriptions, in whole builds. Compared with dbt-core 1.12 (November 2026)."""

from __future__ import annotations

import json

import duckdb
import pytest

HOOKS = (
    "on_run_start: ['create schema if not exists s', 'create table if not exists s.log (x varchar)']\n"
    "on_run_end: [\"insert into s.log values ('end')\"]\n"
)


def rows(root, sql):
    with duckdb.connect(str(root / "p.duckdb"), read_only=True) as con:
        return con.execute(sql).fetchall()


def statuses(ran):
    return {r["id"].split(".")[2]: r["status"] for r in json.loads(ran.out)["results"]}


def logged(root):
    return [row[0] for row in rows(root, "from s.log")]


KINDS = {
    "view": "{{ config(materialized='view') }}",
    "table": "{{ config(materialized='table') }}",
    "incremental": "{{ config(materialized='incremental', unique_key='id') }}",
    "seed": "",
}
CONFIG = """
  config:
    pre_hook:
    - "insert into s.log values ('pre {{ this.identifier }}');"
    - {sql: "insert into s.log values ('outside')", transaction: false}
    - "{% if false %}select nope{% endif %}"
    post_hook: "insert into s.log select 'post ' || count(*) from {{ this }} {{ LATER }}"
"""


@pytest.mark.parametrize("kind", KINDS)
def test_order_and_transaction(project, eltflow, kind):
    """Those outside come first; those inside go with the node when something fails."""
    node, where = ("seeds", "seeds/m.csv") if kind == "seed" else ("models", "models/m.sql")
    good, bad = CONFIG.replace("{{ LATER }}", ""), CONFIG.replace("{{ LATER }}", "where nope")
    files = {where: "id\n1\n" if kind == "seed" else f"{KINDS[kind]} select 1 as id", "models/y.yml": f"{node}:\n- name: m{bad}"}
    root = project(files, settings=HOOKS)
    for _ in range(2):
        ran = eltflow("build", "--json", cwd=root)
        assert statuses(ran)["m"] == "error"
        assert "a hook of" in ran.text
        assert rows(root, "select count(*) from information_schema.tables where table_name = 'm'") == [(0,)]
    assert logged(root) == ["outside", "end"] * 2
    (root / "models/y.yml").write_text(f"{node}:\n- name: m{good}")
    for _ in range(2):
        assert eltflow("build", "--json", cwd=root).code == 0
    assert logged(root)[4:] == ["outside", "pre m", "post 1", "end"] * 2


def test_hooks_of_folder_file_and_properties_add_up(project, eltflow):
    root = project(
        {
            "models/m.sql": "{{ config(post_hook=[\"insert into s.log values ('file {{ this.schema }}')\"]) }} select 1 as id",
            "models/y.yml": "models:\n- name: m\n  config: {post-hook: \"insert into s.log values ('properties')\"}\n",
        },
        settings=HOOKS + "models: {+post-hook: \"insert into s.log values ('folder {{ this.name }}')\"}\n",
    )
    ran = eltflow("build", cwd=root)
    assert ran.code == 0, ran.text
    assert logged(root) == ["folder m", "properties", "file s", "end"]


def test_what_a_hook_refers_to_is_built_before(project, eltflow):
    root = project(
        {
            "models/a.sql": "{{ config(post_hook='insert into s.log select id from {{ ref(\"z\") }}') }} select 1 as id",
            "models/z.sql": "select 'from z' as id",
        },
        settings=HOOKS,
    )
    ran = eltflow("build", cwd=root)
    assert ran.code == 0, ran.text
    assert logged(root) == ["from z", "end"]


def test_a_hook_in_error_at_the_start(project, eltflow):
    root = project(
        {"models/m.sql": "select 1 as a", "models/n.sql": "select * from m"},
        settings="on_run_start: [select 1, select nope, create table main.never as select 1]\n"
        "on_run_end: [create table main.ended as select 1]\n",
    )
    ran = eltflow("build", "--json", cwd=root)
    assert ran.code == 1
    assert statuses(ran) == {
        "p-on-run-start-0": "success",
        "p-on-run-start-1": "error",
        "p-on-run-start-2": "skipped",
        "m": "skipped",
        "n": "skipped",
        "p-on-run-end-0": "success",
    }
    assert rows(root, "select table_name from information_schema.tables where table_schema <> 'eltflow_meta'") == [("ended",)]


@pytest.mark.parametrize("flag", [[], ["--fail-fast"]])
def test_hooks_at_the_end_run_after_a_failure_too(project, eltflow, flag):
    root = project(
        {"models/m.sql": "select 1 as a, error('broken') as b", "tests/t.sql": "select * from m"},
        settings="on_run_end: [create table main.one as select 1, select nope, create table main.two as select 1]\n",
    )
    ran = eltflow("build", "--json", *flag, cwd=root)
    assert ran.code == 1
    found = statuses(ran)
    assert [found[f"p-on-run-end-{n}"] for n in range(3)] == ["success", "error", "skipped"]


# -- ephemeral -----------------------------------------------------------------------------------------------------------------

EPHEMERAL = {
    "models/e1.sql": "{{ config(materialized='ephemeral') }} select 1 as id;",
    "models/e2.sql": "{{ config(materialized='ephemeral') }}\nwith x as (select * from e1) select * from x -- tail",
    "models/e3.sql": "{{ config(materialized='ephemeral') }}\n-- lead\nselect id + (select max(id) from {{ ref('e1') }}) as id from e2",
}
READERS = {
    "plain": ("select * from e2", [(1,)]),
    "twice": ("select a.id, b.id as other from e2 a join {{ ref('e2') }} b on a.id = b.id", [(1, 1)]),
    "nested": ("select * from e3", [(2,)]),
    "with": ("with q as (select * from e2) select * from q", [(1,)]),
    "recursive": (
        "-- lead\n/* and more */ with recursive r as (select id as n from e1 union all select n + 1 from r where n < 3) select * from r, e3",
        [(1, 2), (2, 2), (3, 2)],
    ),
    "inner_with": (
        "select * from (with q as (select * from e2) select * from q) where now()::timestamp with time zone > '2000-01-01'",
        [(1,)],
    ),
    "parentheses": ("(select id from e1) union all (select id from e1)", [(1,), (1,)]),
    "union": ("select * from e1 union all select * from e3 order by id", [(1,), (2,)]),
    "alias": ("select e2.id from e2 where exists (select 1 from e1 where e1.id = e2.id)", [(1,)]),
    "incremental": ("{{ config(materialized='incremental', unique_key='id') }} select * from e3", [(2,)]),
    "from_first": ("from e2 select id", [(1,)]),
}


def test_ephemeral_models(project, eltflow):
    tests = {
        "tests/t.sql": "-- lead\nwith a as (select * from e3) select * from a where id <> 2",
        "models/y.yml": "models:\n- name: e3\n  columns: [{name: id, data_tests: [unique, not_null: {config: {where: id > 0}},"
        " relationships: {arguments: {to: ref('twice'), field: other}, config: {severity: warn}}]}]\n",
    }
    models = {f"models/{name}.sql": sql for name, (sql, _) in READERS.items()}
    root = project({**EPHEMERAL, **models, **tests})
    for _ in range(2):
        ran = eltflow("build", "--json", cwd=root)
        assert ran.code == 0, ran.text
    for name, (_, expected) in READERS.items():
        assert rows(root, f"select * from s.{name} order by all") == expected, name
    assert {row[0] for row in rows(root, "select table_name from information_schema.tables where table_schema = 's'")} == set(
        READERS
    )
    found = statuses(ran)
    assert [found[n] for n in found if n.startswith(("unique_e3", "not_null_e3", "t"))].count("pass") == 3


def test_an_ephemeral_model_that_asks_the_warehouse(project, eltflow):
    asks = "{{ config(materialized='ephemeral') }} select"
    asks += " {% if execute %}{{ run_query('select 41 + 1 as n').rows[0][0] }}{% else %}0{% endif %} as id"
    root = project({"models/e.sql": asks, "models/m.sql": "select * from e", "tests/t.sql": "select * from e where id <> 42"})
    ran = eltflow("build", cwd=root)
    assert ran.code == 0, ran.text
    assert rows(root, "from s.m") == [(42,)]


# -- the rest ------------------------------------------------------------------------------------------------------------------


def test_a_header_goes_before_everything(project, eltflow):
    root = project(
        {
            "models/m.sql": "{{ config(materialized='table', sql_header='create temp macro twice(x) as x * 2;') }} select twice(21) as id",
            "tests/t.sql": "{{ config(sql_header='set variable least = 40') }} select * from m where id < getvariable('least')",
        }
    )
    for _ in range(2):
        ran = eltflow("build", cwd=root)
        assert ran.code == 0, ran.text
        root.joinpath("models/m.sql").write_text(
            root.joinpath("models/m.sql").read_text().replace("create temp", "create or replace temp")
        )
    assert rows(root, "from s.m") == [(42,)]


def test_grants_are_said_to_be_left_out(project, eltflow):
    config = "{{ config(grants={'select': ['reporter']}) }} select 1 as id"
    root = project({"models/m.sql": config, "models/n.sql": config})
    ran = eltflow("build", cwd=root)
    assert ran.code == 0
    assert ran.text.count("duckdb has no grants: those of `m`, `n` are left out") == 1


@pytest.mark.parametrize("kind", ["view", "table", "incremental"])
def test_descriptions(project, eltflow, kind):
    yml = "models:\n- name: m\n  description: it's m\n  config: {persist_docs: {relation: true, columns: true}}\n"
    columns = "  columns: [{name: A, description: the a}, {name: b, description: ''}, {name: gone, description: no such column}]\n"
    root = project(
        {"models/m.sql": f"{{{{ config(materialized='{kind}') }}}} select 1 as a, 2 as b", "models/y.yml": yml + columns}
    )
    for _ in range(2):
        ran = eltflow("build", cwd=root)
        assert ran.code == 0, ran.text
        told = "select comment from duckdb_tables() where schema_name = 's' union all select comment from duckdb_views() where not internal"
        assert rows(root, told) == [("it's m",)]
        assert rows(root, "select column_name, comment from duckdb_columns() where comment is not null") == [("a", "the a")]


def test_names(project, eltflow):
    macro = "{% macro generate_alias_name(custom, node) %}{{ custom or node.name }}_v1{% endmacro %}"
    models = {"models/m.sql": "{{ config(schema='x', alias='mm') }} select 1 as a", "models/n.sql": "select * from m"}
    root = project(models)
    assert eltflow("build", cwd=root).code == 0
    assert rows(root, "from s_x.mm") == rows(root, "from s.n") == [(1,)]
    exact = project({**models, "macros/a.sql": macro}, name="q")
    (exact / "eltflow.yml").write_text(
        "name: q\ntargets:\n  dev: {type: duckdb, path: p.duckdb, schema: s, custom_schemas: exact}\n"
    )
    assert eltflow("build", cwd=exact).code == 0
    assert rows(exact, "from x.mm_v1") == rows(exact, "from s.n_v1") == [(1,)]


@pytest.mark.parametrize(
    ("flag", "own", "incremental"),
    [
        (False, None, True),
        (True, None, False),
        (False, True, False),
        (True, True, False),
        (False, False, True),
        (True, False, True),
    ],
)
def test_full_refresh(project, eltflow, flag, own, incremental):
    config = f", full_refresh={own}" if own is not None else ""
    sql = f"{{{{ config(materialized='incremental'{config}) }}}} select {{{{ is_incremental() }}}} as again, '{{{{ this }}}}' as me"
    root = project(
        {"models/m.sql": sql.replace("full_refresh=True", "full_refresh=true").replace("full_refresh=False", "full_refresh=false")}
    )
    assert eltflow("build", cwd=root).code == 0
    assert eltflow("build", *(["--full-refresh"] if flag else []), cwd=root).code == 0
    first, second = (False, '"p"."s"."m"'), (True, '"p"."s"."m"')
    assert rows(root, "select * from s.m order by all") == ([first, second] if incremental else [first])


@pytest.mark.parametrize("text", ["-- nothing", "/* nothing */", "-- a\n/* b */ ;", "{% if false %}select 1{% endif %} -- c"])
def test_a_hook_that_says_nothing_is_left_out(project, eltflow, text):
    root = project({"models/m.sql": f'{{{{ config(materialized="table", post_hook={text!r}) }}}}\nselect 1 as id'})
    ran = eltflow("build", cwd=root)
    assert ran.code == 0, ran.text
