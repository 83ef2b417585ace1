"""`dialect:` in a project: where it is said, what it reaches, and that names, ephemeral models, tests and hooks stand together."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from ran import Ran

from eltflow.api.schemas import json_schemas
from eltflow.sql.parse import Parsed, parse
from eltflow.sql.transpile import transpile

Make = Callable[..., Path]
Run = Callable[..., Ran]

LITE = "targets:\n  dev: {type: sqlite, path: p.sqlite, schema: main}\n"
TABLES = "models: {+materialized: table}\n"


def lite(settings: str = "") -> dict[str, str]:
    return {"eltflow.yml": f"name: p\n{LITE}{settings}"}


def compiled(root: Path, model: str) -> str:
    return (root / "target" / "compiled" / "p" / "models" / f"{model}.sql").read_text(encoding="utf-8")


def in_duckdb(root: Path, sql: str) -> list[Any]:
    with duckdb.connect(str(root / "p.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def in_sqlite(root: Path, sql: str) -> list[Any]:
    connection = sqlite3.connect(root / "p.sqlite")
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def built(eltflow: Run, root: Path, *more: str) -> Ran:
    ran = eltflow("build", *more, cwd=root)
    assert ran.code == 0, ran.text
    return ran


# -- where it is said --------------------------------------------------------------------------------------------------------------------

TEXT = "select 7 // 2 as x   -- as it is written\n"
PLACES = {
    "project": ({"models/a.sql": TEXT}, "dialect: duckdb\n"),
    "folder": ({"models/staging/a.sql": TEXT}, "models: {staging: {+dialect: duckdb}}\n"),
    "properties": ({"models/a.sql": TEXT, "models/a.yml": "models: [{name: a, config: {dialect: duckdb}}]\n"}, ""),
    "model": ({"models/a.sql": "{{ config(dialect='duckdb') }}" + TEXT}, ""),
    "variable": ({"models/a.sql": TEXT}, "vars: {written: duckdb}\ndialect: \"{{ var('written') }}\"\n"),
    "nearer beats farther": ({"models/a.sql": "{{ config(dialect='duckdb') }}" + TEXT}, "dialect: bigquery\n"),
}


@pytest.mark.parametrize("place", PLACES)
def test_where_it_is_said(place: str, project: Make, eltflow: Run) -> None:
    files, settings = PLACES[place]
    root = project({**lite(settings), **files})
    built(eltflow, root)
    assert in_sqlite(root, "select x from a") == [(3,)]


def test_null_takes_it_back(project: Make, eltflow: Run) -> None:
    root = project({**lite("dialect: duckdb\n"), "models/a.sql": "{{ config(dialect=none) }}\nselect glob('a*', 'abc')  as x"})
    built(eltflow, root)
    assert "select glob('a*', 'abc')  as x" in compiled(root, "a")


def test_a_name_of_the_same_language_is_no_other(project: Make, eltflow: Run) -> None:
    text = "select   1 as x -- kept;\n"
    root = project({"models/a.sql": text}, settings="dialect: duckdb\n")
    built(eltflow, root)
    assert compiled(root, "a").strip() == text.strip()


def test_what_changes_it_compiles_again(project: Make, eltflow: Run) -> None:
    """The cache of facts and of compiled SQL hangs on it."""
    root = project({**lite(TABLES), "models/a.sql": "select 7 / 2 as x", "models/b.sql": "select x from a"})
    built(eltflow, root)
    assert in_sqlite(root, "select x from b") == [(3,)]  # SQLite's own division
    (root / "eltflow.yml").write_text((root / "eltflow.yml").read_text() + "dialect: duckdb\n")
    for _ in range(2):  # the second time from the cache
        built(eltflow, root)
        assert in_sqlite(root, "select x from b") == [(3.5,)]
    (root / "models/a.sql").write_text("{{ config(dialect=none) }}select 7 / 2 as x")
    built(eltflow, root)
    assert in_sqlite(root, "select x from b") == [(3,)]


def test_manifest_and_schema(project: Make, eltflow: Run) -> None:
    root = project({**lite("dialect: duckdb\n"), "models/a.sql": TEXT, "tests/t.sql": "select 1 as x where 7 // 2 <> 3"})
    built(eltflow, root)
    nodes = json.loads((root / "target" / "manifest.json").read_text())["nodes"]
    assert nodes["model.p.a"]["config"]["dialect"] == "duckdb"
    assert nodes["test.p.t"]["config"]["dialect"] == "duckdb"
    settings = json_schemas()["eltflow.schema.json"]
    assert "dialect" in settings["properties"]
    assert "dialect" in settings["$defs"]["model_tree"]["properties"]


# -- names -------------------------------------------------------------------------------------------------------------------------------


def test_many_dialects_in_one_project(project: Make, eltflow: Run) -> None:
    """Each model's names are quoted and folded as it is written; on DuckDB all of them meet."""
    root = project(
        {
            "models/raw.sql": 'select 1 as id, \'x\' as "Mixed Name", 10 as "order"',
            "models/snow.sql": "{{ config(dialect='snowflake') }}\nselect ID, \"order\" as Amount, iff(ID = 1, 'y', 'n') as \"Told\" from RAW",
            "models/big.sql": "{{ config(dialect='bigquery') }}\nselect b.id, concat('it\\'s ', b.`Told`) as told, from `snow` as b",
            "models/bigref.sql": "{{ config(dialect='bigquery') }}\nselect id, told from {{ ref('big') }} where told like \"it's%\"",
            "models/post.sql": "{{ config(dialect='postgres') }}\nselect bigref.id::bigint as id, post.\"Mixed Name\" as n "
            'from bigref join "raw" as post on post.id = bigref.id',
            "models/maria.sql": "{{ config(dialect='mariadb') }}\nselect `n`, if(id = 1, 'one', \"other\") as word from `post`",
            "models/last.sql": "select * exclude (word), word || '!' as loud from Maria",
        },
        settings=TABLES,
    )
    built(eltflow, root)
    assert in_duckdb(root, "select * from s.last") == [("x", "one!")]
    assert in_duckdb(root, "select told from s.bigref") == [("it's y",)]
    assert eltflow("ls", "--select", "+last", cwd=root).out.split() == ["raw", "snow", "big", "bigref", "post", "maria", "last"]
    assert "raw.Mixed Name" in eltflow("lineage", "maria.n", cwd=root).out
    assert eltflow("check", cwd=root).code == 0


def test_names_that_quotes_tell_apart(project: Make, eltflow: Run, postgres: Any) -> None:
    """In DuckDB quotes change nothing about a name: on PostgreSQL, where they would, the name stays one."""
    root = project(
        {
            "eltflow.yml": f"name: p\ndialect: duckdb\n{TABLES}targets:\n  dev: {json.dumps(postgres.target(schema='dq'))}\n",
            "models/a.sql": 'select 1 as Id, 2 as "Order", 3 as "Two Words"',
            "models/b.sql": 'select "ID", "order" from A where A."Id" = 1',
        }
    )
    built(eltflow, root)
    with postgres.connect() as connection:
        assert connection.execute('select id, "order" from dq.b').fetchall() == [(1, 2)]


def test_tables_by_several_names(project: Make, eltflow: Run) -> None:
    """A table with its schema, before a column too; `ref` without an alias; `this`; a CTE that hides a node; a table of nobody's."""
    root = project(
        {
            **lite(f"dialect: duckdb\n{TABLES}"),
            "ingest/s.yml": "steps: [{name: orders, source: {kind: files, path: o.csv}, into: raw.orders, load: replace}]",
            "o.csv": "id,n\n1,10\n2,20\n",
            "models/a.sql": "select raw.orders.id, orders.n // 3 as n from raw.orders",
            "models/b.sql": "select {{ ref('a') }}.id, a.n + x.n as twice from {{ ref('a') }} join a as x on a.id = x.id",
            "models/c.sql": "with a as (select 5 as id), d as (select * from b) select a.id, d.twice from a, d; -- the end;",
            "models/e.sql": "select count(*) as n from sqlite_master",
        }
    )
    built(eltflow, root)
    assert in_sqlite(root, "select id, twice from c order by 2") == [(5, 6), (5, 12)]


def test_a_name_in_two_cases(project: Make, eltflow: Run) -> None:
    root = project(
        {"models/a.sql": "{{ config(dialect='snowflake') }}\nwith Few as (select 1 as N) select FEW.n, Few.N + 1 as m from few"}
    )
    built(eltflow, root)
    assert in_duckdb(root, "select * from s.a") == [(1, 2)]


# -- what stands in front, and goes on ---------------------------------------------------------------------------------------------------


def test_an_ephemeral_model_of_another_dialect(project: Make, eltflow: Run) -> None:
    root = project(
        {
            **lite(TABLES),
            "models/base.sql": "{{ config(materialized='ephemeral', dialect='duckdb') }}\nselect 7 / 2 as half, 7 // 2 as whole -- tail",
            "models/over.sql": "{{ config(materialized='ephemeral') }}\nselect half, whole / 2 as own from {{ ref('base') }}",
            "models/own.sql": "select half, own, 7 / 2 as sqlites from over",
            "models/other.sql": "{{ config(dialect='duckdb') }}\nwith x as (select * from over) select x.half / nullif(x.own, 0) as y from x",
            "models/plain.sql": "{{ config(dialect='postgres') }}\nselect half::text as t from base",
        }
    )
    built(eltflow, root)
    assert in_sqlite(root, "select * from own") == [(3.5, 1, 3)]
    assert in_sqlite(root, "select * from other") == [(3.5,)]


@pytest.mark.parametrize("written", ["snowflake", "bigquery", "postgres"])
def test_an_incremental_model(written: str, project: Make, eltflow: Run) -> None:
    config = f"config(materialized='incremental', unique_key='id', dialect='{written}')"
    text = (
        "{{ " + config + " }}\nselect id, n from {{ ref('a') }}\n"
        "{% if is_incremental() %}where id > (select max(id) from {{ this }}){% endif %}"
    )
    root = project(
        {"models/a.sql": "select 1 as id, {{ var('n', 1) }} as n union all select {{ var('n', 1) }}, 5", "models/b.sql": text}
    )
    built(eltflow, root)
    built(eltflow, root, "--vars", "n: 3")
    assert sorted(in_duckdb(root, "select id, n from s.b")) == [(1, 1), (1, 5), (3, 5)]


def test_hooks_are_the_targets(project: Make, eltflow: Run) -> None:
    """A hook is sent as it is written, its names in the target's quotes."""
    hook = "insert into log select 'of ' || count(*) from {{ this }}"
    root = project(
        {
            "models/a.sql": f"{{{{ config(materialized='table', dialect='bigquery', post_hook=\"{hook}\") }}}}\nselect 'x' as `a b`",
        },
        settings="on_run_start: ['create table if not exists log (x varchar)']\n",
    )
    built(eltflow, root)
    assert in_duckdb(root, "select x from log") == [("of 1",)]


# -- tests -------------------------------------------------------------------------------------------------------------------------------


def test_tests_follow(project: Make, eltflow: Run) -> None:
    """A singular test and a generic one of the project's own are written as the project is; the built-in ones are nobody's text."""
    root = project(
        {
            **lite(f"dialect: duckdb\n{TABLES}"),
            "models/a.sql": "select 7 / 2 as half, cast('2013-02-03' as date) as day",
            "models/a.yml": "models: [{name: a, columns: [{name: half, data_tests: [not_null, {halves: {arguments: {of: 7}}}]}]}]",
            "tests/sundays.sql": "select day from a where extract(isodow from day) <> 7",
            "tests/generic/halves.sql": "{% test halves(model, column_name, of) %}select {{ column_name }} from {{ model }} "
            "where {{ column_name }} <> {{ of }} / 2{% endtest %}",
        }
    )
    assert "3 tests passed" in built(eltflow, root).out


# -- Jinja -------------------------------------------------------------------------------------------------------------------------------


def test_jinja(project: Make, eltflow: Run) -> None:
    """`target` is the target; what `adapter` gives into the text is of the text's dialect; `run_query` asks in it too."""
    root = project(
        {
            **lite(f"dialect: duckdb\n{TABLES}"),
            "macros/m.sql": "{% macro half(x) %}{{ adapter.dispatch('half')(x) }}{% endmacro %}"
            "{% macro default__half(x) %}broken({{ x }}){% endmacro %}{% macro duckdb__half(x) %}{{ x }} // 2{% endmacro %}"
            "{% macro sqlite__half(x) %}iif(1, {{ x }}, 'not this one'){% endmacro %}",
            "models/a.sql": "select {{ half(7) }} as half, '{{ target.type }} {{ adapter.type() }}' as target, "
            "1 as {{ adapter.quote('a b') }}",
            "models/b.sql": "{% set found = run_query('select half // 2 as q from ' ~ ref('a')) %}"
            "select {% if execute %}{{ found.rows[0][0] }}{% else %}0{% endif %} as quarter",
        }
    )
    built(eltflow, root)
    assert in_sqlite(root, "select half, target, `a b` from a") == [(3, "sqlite sqlite", 1)]
    assert in_sqlite(root, "select quarter from b") == [(1,)]


# -- commands ----------------------------------------------------------------------------------------------------------------------------


def test_commands(project: Make, eltflow: Run) -> None:
    root = project({**lite(f"dialect: duckdb\n{TABLES}"), "models/a.sql": "select 7 // 2 as x"})
    assert "7 // 2" not in eltflow("plan", "--sql", cwd=root).out
    assert eltflow("compile", cwd=root).code == 0
    assert "//" not in compiled(root, "a")
    built(eltflow, root)
    assert "1" in eltflow("show", "--inline", "select x // 3 as y from a", cwd=root).out
    assert "3" in eltflow("show", "a", cwd=root).out


def test_comments_and_hints(project: Make, eltflow: Run) -> None:
    """A comment stays, semicolon and all; a hint is an instruction to one engine, and is not dropped in silence."""
    root = project(
        {
            "models/a.sql": "{{ config(dialect='snowflake') }}\nselect 1 as x -- a; b\n/* c; */ ; -- end;\n",
            "models/b.sql": "{{ config(dialect='mysql') }}\nselect /*+ MAX_EXECUTION_TIME(1000) */ 1 as x\n",
        }
    )
    ran = eltflow("build", cwd=root)
    assert ran.code == 2
    assert "model `b` cannot be transpiled from mysql to duckdb: a hint is not known to mean the same" in ran.text
    assert "models/b.sql:2" in ran.text
    (root / "models/b.sql").unlink()
    built(eltflow, root)
    assert "a; b" in compiled(root, "a")


# -- what sqlglot would say otherwise ----------------------------------------------------------------------------------------------------

LATEST = "select * from t qualify row_number() over (partition by a order by b) = 1"
FIRST = "select distinct on (a) * from t order by a, b"


@pytest.mark.parametrize(
    ("sql", "target", "word"),
    [
        *((LATEST, name, "QUALIFY with `*`") for name in ("postgres", "mysql", "sqlite", "spark")),
        *((FIRST, name, "DISTINCT ON with `*`") for name in ("mysql", "sqlite", "spark", "snowflake", "bigquery")),
        ("select cast(a as double) || 'x' as x from t", "spark", "writes a double as text"),
        ("select concat(cast(a as double), 'x') as x from t", "spark", "writes a double as text"),
        ("select a in (select b from t) as x from t", "spark", "IN with a query"),
        ("select a from t where not (a in (select b from t) or b = 1)", "spark", "IN with a query"),
    ],
)
def test_what_would_mean_something_else(sql: str, target: str, word: str) -> None:
    """A column more under `*`; a text of another look; FALSE in the place of NULL."""
    parsed = parse(sql, "duckdb")
    assert isinstance(parsed, Parsed)
    problems = transpile(parsed, "duckdb", target, lambda parts: None).problems
    assert any(word in problem.message for problem in problems), problems


@pytest.mark.parametrize(("sql", "target"), [(LATEST, "duckdb"), (LATEST.replace("*", "a, b"), "spark"), (FIRST, "postgres")])
def test_what_means_the_same(sql: str, target: str) -> None:
    parsed = parse(sql, "duckdb")
    assert isinstance(parsed, Parsed)
    assert not transpile(parsed, "duckdb", target, lambda parts: None).problems
