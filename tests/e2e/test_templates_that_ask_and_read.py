# ruff: noqa: E501
"""What templates, hooks and tests of the project's own may read, and what `run_query` may do."""

from __future__ import annotations

import json

import duckdb
import pytest

SETTINGS = "name: p\ntargets:\n  dev: {type: duckdb, path: p.duckdb, schema: main}\n"


def rows(root, sql):
    with duckdb.connect(str(root / "p.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


@pytest.mark.parametrize(
    "asked",
    [
        "select 1; drop table keep",
        "explain analyze create table made as select 1",
        "select nextval('counter')",
        "create table made as select 1",
        "copy (select 1) to 'made.csv'",
        "attach 'made.duckdb' as made",
        "set threads = 1",
        "export database 'made'",
        "",
    ],
)
def test_run_query_only_reads(project, eltflow, asked):
    root = project({"eltflow.yml": SETTINGS, "models/x.sql": f'{{% set r = run_query("{asked}") %}}\nselect 1 as x'})
    with duckdb.connect(str(root / "p.duckdb")) as connection:
        connection.execute("create table keep as select 1 as a; create sequence counter")
    done = eltflow("build", cwd=root)
    assert done.code != 0
    assert rows(root, "select table_name from duckdb_tables() where schema_name <> 'eltflow_meta'") == [("keep",)]
    assert rows(root, "select last_value from duckdb_sequences()") == [(None,)]
    assert not list(root.glob("made*"))
    assert "models/x.sql:1" in done.text


@pytest.mark.parametrize(
    "asked", ["select max(a) as a from keep", "describe keep", "show tables", "from keep", "values (1)", "summarize keep"]
)
def test_run_query_reads_what_it_likes(project, eltflow, asked):
    text = f'{{% set r = run_query("{asked}") %}}\nselect {{{{ (r | length) if r else 0 }}}} as n'
    root = project({"eltflow.yml": SETTINGS, "models/x.sql": text})
    with duckdb.connect(str(root / "p.duckdb")) as connection:
        connection.execute("create table keep as select 1 as a")
    done = eltflow("build", cwd=root)
    assert done.code == 0, done.text
    assert rows(root, "select n from x") == [(1,)]


def test_a_test_s_own_macro_may_read_other_nodes(project, eltflow):
    root = project(
        {
            "eltflow.yml": SETTINGS,
            "models/a.sql": "select 1 as id",
            "models/lookup.sql": "{{ config(materialized='table', alias='looked_up') }} select 2 as id",
            "models/eph.sql": "{{ config(materialized='ephemeral') }} select 1 as id",
            "models/y.yml": "models: [{name: a, columns: [{name: id, data_tests: [by_ref, by_name, by_ephemeral]}]}]\n",
            "tests/generic/t.sql": "{% test by_ref(model, column_name) %}\n"
            "select x.* from {{ model }} x join {{ ref('lookup') }} l on l.id = x.{{ column_name }}\n{% endtest %}\n"
            "{% test by_name(model, column_name) %}\nselect x.* from {{ model }} x join lookup on lookup.id = x.id\n{% endtest %}\n"
            "{% test by_ephemeral(model, column_name) %}\nselect id from {{ ref('eph') }} where id not in (select id from {{ model }})\n{% endtest %}\n",
        }
    )
    done = eltflow("build", cwd=root)
    assert done.code == 0, done.text
    nodes = json.loads((root / "target" / "manifest.json").read_text())["nodes"]
    parents = {n["name"]: set(n["depends_on"]["nodes"]) for n in nodes.values() if n["resource_type"] == "test"}
    assert parents["by_ref_a_id"] == parents["by_name_a_id"] == {"model.p.a", "model.p.lookup"}
    assert parents["by_ephemeral_a_id"] == {"model.p.a", "model.p.eph"}


def test_a_test_s_macro_that_reads_what_could_not_be_seen_is_told_at_its_entry(project, eltflow):
    root = project(
        {
            "eltflow.yml": SETTINGS,
            "models/a.sql": "select 1 as id",
            "models/lookup.sql": "select 2 as id",
            "models/y.yml": "models:\n  - name: a\n    data_tests: [hidden]\n",
            "tests/generic/t.sql": "{% test hidden(model) %}{% if execute %}select * from {{ ref('lookup') }}{% endif %}{% endtest %}\n",
        }
    )
    done = eltflow("build", cwd=root)
    assert done.code == 2
    assert "error[E0213]" in done.err
    assert "depends_on" in done.err


def test_hooks_of_the_project_may_read_any_node(project, eltflow):
    hooks = "on_run_end:\n  - create or replace table seen as select * from {{ ref('a') }}\n"
    root = project({"eltflow.yml": SETTINGS + hooks, "models/a.sql": "select 1 as id"})
    planned = eltflow("plan", "--sql", cwd=root)
    assert 'create or replace table seen as select * from "p"."main"."a"' in planned.out
    assert eltflow("build", cwd=root).code == 0
    assert rows(root, "select id from seen") == [(1,)]


def test_a_hook_that_names_nobody_is_told_before_anything_runs(project, eltflow):
    hooks = "on_run_end:\n  - select 1\n  - drop table if exists {{ ref('nobody') }}\n"
    root = project({"eltflow.yml": SETTINGS + hooks, "models/a.sql": "select 1 as id"})
    done = eltflow("build", cwd=root)
    assert done.code == 2
    assert "eltflow.yml:6" in done.err
    assert "`nobody`, which does not exist" in done.err
    assert not (root / "p.duckdb").exists()


def test_an_incremental_model_may_ask_its_own_table_for_the_last_value(project, eltflow):
    asks = "{% set last = run_query('select max(id) from ' ~ this).columns[0].values()[0] %}"
    text = (
        "{{ config(materialized='incremental') }}\n"
        f"{{% if is_incremental() %}}{asks}{{% endif %}}\n"
        "select id from {{ ref('numbers') }}\n{% if is_incremental() %}where id > {{ last }}{% endif %}\n"
    )
    root = project({"eltflow.yml": SETTINGS, "models/numbers.sql": "select unnest(range(3)) as id", "models/x.sql": text})
    assert eltflow("build", cwd=root).code == 0
    (root / "models" / "numbers.sql").write_text("select unnest(range(5)) as id")
    done = eltflow("build", cwd=root)
    assert done.code == 0, done.text
    assert rows(root, "select id from x order by id") == [(0,), (1,), (2,), (3,), (4,)]


def test_a_mistake_in_the_incremental_branch_is_found_all_the_same(project, eltflow):
    text = "{{ config(materialized='incremental') }}\n{% if is_incremental() %}{{ nobody() }}{% endif %}\nselect 1 as id"
    root = project({"eltflow.yml": SETTINGS, "models/x.sql": text})
    done = eltflow("parse", cwd=root)
    assert done.code == 2
    assert "nobody" in done.err


def test_a_step_s_table_that_another_source_declares_may_be_read_by_its_name(project, eltflow):
    root = project(
        {
            "eltflow.yml": SETTINGS,
            "ingest/i.yml": "steps:\n  - {name: items, source: {kind: files, path: data/i.csv}, into: raw.items, load: replace}\n",
            "data/i.csv": "a,b\n1,2\n",
            "models/y.yml": "sources:\n  - name: other\n    schema: raw\n    tables: [{name: items}]\n",
            "models/one.sql": "select * from raw.items",
            "models/two.sql": "select * from other.items",
        }
    )
    done = eltflow("build", cwd=root)
    assert done.code == 0, done.text
    assert rows(root, "select a from one union all select a from two") == [(1,), (1,)]


def test_what_stands_in_raw_is_no_reference(project, eltflow):
    root = project(
        {"eltflow.yml": SETTINGS, "models/x.sql": "select '{% raw %}{{ ref(\"nobody\") }}{% endraw %}' as text, {{ 1 + 1 }} as n"}
    )
    done = eltflow("build", cwd=root)
    assert done.code == 0, done.text
    assert rows(root, "select text from x") == [('{{ ref("nobody") }}',)]


@pytest.mark.parametrize("call", ["ref('a', v=1)", "ref('a', nonsense=7)", "ref('a', nonsense=1 + 6)"])
def test_ref_takes_no_other_arguments(project, eltflow, call):
    root = project({"eltflow.yml": SETTINGS, "models/a.sql": "select 1 as id", "models/x.sql": f"select * from {{{{ {call} }}}}"})
    done = eltflow("build", cwd=root)
    assert done.code == 2
    assert "models/x.sql:1" in done.err
    assert "no argument of that name" in done.err


ASKS = "{%- set r = run_query(\"select 'card' as m union all select 'cash' order by 1\") -%}"
SET_LATE = ASKS + "{%- if execute -%}{%- set ms = r.columns[0].values() -%}{%- endif -%}"
LISTED = "select {% for m in ms %}'{{ m }}' as {{ m }}{{ ',' if not loop.last }}{% endfor %}"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (SET_LATE + LISTED, ("card", "cash")),
        (
            SET_LATE + "{% set n = ms | length %}select {{ n + 1 }} as a, {{ ms[0] | length }} as b, '{{ ms[0] | upper }}' as c",
            (3, 4, "CARD"),
        ),
        (SET_LATE + "select {{ 1 if ms is defined else 0 }} as a, {{ (ms | default([]) | list) | length }} as b", (1, 2)),
        (ASKS + "{% if r %}{% set k = {'n': 2} %}{% endif %}select {{ k.n * 2 - 1 }} as a, {{ k.get('n') | int }} as b", (3, 2)),
        ("{% set ms = methods() %}" + LISTED, ("card", "cash")),
    ],
)
def test_what_is_set_where_only_a_run_comes_by(project, eltflow, text, found):
    macro = (
        "{% macro methods() %}" + SET_LATE + "{% if ms | length > 9 %}{{ ms.x }}{% endif %}{{ return(ms | list) }}{% endmacro %}"
    )
    root = project({"eltflow.yml": SETTINGS, "models/x.sql": text, "macros/m.sql": macro})
    for command in ("parse", "plan", "compile", "build", "compile"):
        done = eltflow(command, cwd=root)
        assert done.code == 0, done.text
    assert rows(root, "from x") == [found]
