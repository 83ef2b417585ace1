"""Data tests in whole builds: verdicts as in dbt-core 1.12 (compared November 2026), gates, kept failures, personal data."""

from __future__ import annotations

import json

import duckdb
import pytest

from eltflow.testing.contract.projects import MODELS, M


def build(eltflow, root, *arguments, command="build"):
    ran = eltflow(command, "--json", *arguments, cwd=root)
    found = json.loads(ran.out)["results"]
    return ran, {r["id"].split(".")[2]: r for r in found}


ODD = 'order,my col,a-b,2nd,Name,"q""x"\n1,,x,1,A,\n2,u,x,,B,1\n'
ODD_TESTS = """seeds:
- name: odd
  columns:
  - {name: order, data_tests: [unique, not_null]}
  - {name: my col, data_tests: [unique, not_null, {accepted_values: {arguments: {values: [v]}}}]}
  - {name: a-b, quote: true, data_tests: [unique, not_null, {own: {config: {severity: error}}}]}
  - {name: 2nd, data_tests: [unique, not_null, {relationships: {arguments: {to: ref('odd'), field: 2nd}}}]}
  - {name: 'q"x', quote: true, data_tests: [not_null]}
  - {name: lower(Name), data_tests: [unique, {accepted_values: {arguments: {values: [a, b]}}}]}
  - {name: '"my col" || Name', data_tests: [{not_null: {name: expression}}]}
  data_tests: [{not_null: {column_name: my col, name: by_entry}}]
"""


@pytest.mark.parametrize("alone", [False, True])
def test_columns_whose_names_need_quotes(project, eltflow, alone):
    """As names where they can be nothing else, or `quote: true` says so; an expression is pasted, as in dbt-core 1.12."""
    tests = ODD_TESTS.replace("not_null,", "{not_null: {config: {limit: 9}}},") if alone else ODD_TESTS
    own = "{% test own(model, column_name) %} select 1 from {{ model }} where {{ column_name }} = 'x' {% endtest %}"
    root = project({"seeds/odd.csv": ODD, "seeds/odd.yml": tests, "tests/generic/own.sql": own})
    ran = eltflow("build", cwd=root)
    assert ran.code == 1, ran.text
    results = json.loads((root / "target/run_results.json").read_text())["results"]
    found = {r["unique_id"].split(".")[2]: (r["status"], r["failures"]) for r in results if r["unique_id"].startswith("test.")}
    assert found == {
        "unique_odd_order": ("pass", 0),
        "not_null_odd_order": ("pass", 0),
        "unique_odd_my_col": ("pass", 0),
        "not_null_odd_my_col": ("fail", 1),
        "accepted_values_odd_my_col__v": ("fail", 1),
        "unique_odd_a_b": ("fail", 1),
        "not_null_odd_a_b": ("pass", 0),
        "own_odd_a_b": ("fail", 2),
        "unique_odd_2nd": ("pass", 0),
        "not_null_odd_2nd": ("fail", 1),
        "relationships_odd_2nd__2nd__ref_odd_": ("pass", 0),
        "not_null_odd_q_x": ("fail", 1),
        "unique_odd_lower_Name_": ("pass", 0),
        "accepted_values_odd_lower_Name___a__b": ("pass", 0),
        "expression": ("fail", 1),
        "by_entry": ("fail", 1),
    }


def test_a_quoted_column_that_is_not_there(project, eltflow):
    entry = "models:\n- name: m\n  columns:\n  - {name: my cl, quote: true, data_tests: [unique]}\n"
    root = project({"models/m.sql": 'select 1 as "my col"', "models/m.yml": entry})
    ran = eltflow("build", cwd=root)
    assert ran.code == 2
    assert "error[E0406]: a test is on the column `my cl` of `m`, which does not exist" in ran.err
    assert "did you mean `my col`?" in ran.err
    (root / "models/m.yml").write_text(entry.replace("my cl", "my col").replace("quote: true", "quote: false"))
    assert eltflow("build", cwd=root).code == 0
    (root / "models/m.yml").write_text(entry.replace("my cl", "my-col"))
    assert eltflow("build", cwd=root).code == 2


def test_singular_tests_on_everything(project, eltflow):
    root = project(
        {
            **MODELS,
            "seeds/s1.csv": "id,name\n1,a\n2,\n",
            "data/x.csv": "id\n1\n1\n",
            "ingest/i.yml": "steps:\n- name: load\n  source: {kind: files, path: data/*.csv}\n  into: raw.x\n"
            "  columns: {id: {data_tests: [unique: {name: on_ingested}]}}\n",
            "models/y.yml": "sources:\n- name: src\n  schema: s_raw\n  tables:\n  - name: x\n"
            "    columns: [{name: id, data_tests: [not_null: {name: on_source}]}]\n"
            "seeds:\n- name: s1\n  columns: [{name: name, data_tests: [not_null: {name: on_seed}]}]\n",
            "tests/plain.sql": "-- c\nselect * from m where id = 3;",
            "tests/warned.sql": "{{ config(severity='warn') }} with a as (select * from e) select * from a where id > 1",
            "tests/limited.sql": "{{ config(limit=1) }} select * from {{ ref('e') }} order by id limit 2",
            "tests/passes.sql": "select * from {{ source('src', 'x') }} where id > 5",
        }
    )
    _, results = build(eltflow, root)
    expected = {
        "on_ingested": ("fail", 1),
        "on_source": ("pass", 0),
        "on_seed": ("fail", 1),
        "plain": ("fail", 1),
        "warned": ("warn", 2),
        "limited": ("fail", 1),
        "passes": ("pass", 0),
    }
    assert {name: (results[name]["status"], results[name]["failures"]) for name in expected} == expected


# -- kept failures -------------------------------------------------------------------------------------------------------------

KEEPS = {
    "a": ("store_failures: true", False, "table"),
    "b": ("store_failures_as: table", False, "table"),
    "c": ("store_failures_as: view", False, "view"),
    "d": ("store_failures_as: ephemeral, store_failures: true", True, None),
    "e": ("store_failures: false", True, None),
    "f": ("severity: error", True, "table"),
    "g": ("severity: error", False, None),
}


@pytest.mark.parametrize("flag", [False, True])
def test_kept_failures(project, eltflow, flag):
    wanted = {name: kind for name, (_, when, kind) in KEEPS.items() if when == flag or name in "abc"}
    tests = "".join(f"    - not_null: {{name: t{n}, config: {{{KEEPS[n][0]}, alias: kept_{n}}}}}\n" for n in wanted)
    root = project({"models/m.sql": M, "models/y.yml": "models:\n- name: m\n  columns:\n  - name: id\n    data_tests:\n" + tests})
    for _ in range(2):
        build(eltflow, root, *(["--store-failures"] if flag else []))
        with duckdb.connect(str(root / "p.duckdb"), read_only=True) as con:
            query = "select table_name, table_type from information_schema.tables where table_schema = 's_test_failures'"
            found = {name: {"BASE TABLE": "table", "VIEW": "view"}[kind] for name, kind in con.execute(query).fetchall()}
            assert found == {f"kept_{name}": kind for name, kind in wanted.items() if kind}
            for name in found:
                assert con.execute(f"from s_test_failures.{name}").fetchall() == [(None, None)]


# -- gates ---------------------------------------------------------------------------------------------------------------------

CHAIN = {
    "models/a.sql": "select 1 as id",
    "models/b.sql": "select * from a",
    "models/c.sql": "select * from b",
    "models/d.sql": "select 2 as id",
    "models/j.sql": "select * from b union all select * from d",
}


def on(node, test):
    return f"- name: {node}\n  columns: [{{name: id, data_tests: [{test}]}}]\n"


FAILS = "accepted_values: {name: gate, arguments: {values: [9]}}"
ABOVE = "relationships: {name: gate, arguments: {to: ref('a'), field: id}, config: {error_if: '= 0'}}"
GATES = {
    "a test that fails blocks what is below": (on("a", FAILS), {"b", "c", "j"}),
    "one in error too": (on("a", "not_null: {name: gate, config: {where: nope = 1}}"), {"b", "c", "j"}),
    "a warning does not": (on("a", FAILS.replace("values: [9]}", "values: [9]}, config: {severity: warn}")), set()),
    "in the middle": (on("b", FAILS), {"c", "j"}),
    "two parents: only what is below both": (on("b", "relationships: {name: gate, arguments: {to: ref('d'), field: id}}"), {"j"}),
    "two parents, one above the other": (
        on("b", "relationships: {name: gate, arguments: {to: ref('a'), field: id, }, config: {error_if: '= 0'}}"),
        {"c", "j"},
    ),
    "at the end": (on("j", FAILS), set()),
}


@pytest.mark.parametrize("name", GATES)
def test_gates(project, eltflow, name):
    yml, blocked = GATES[name]
    root = project({**CHAIN, "models/y.yml": "models:\n" + yml})
    _, results = build(eltflow, root)
    assert {n for n, r in results.items() if r["status"] == "skipped"} == blocked
    assert {results[n]["because"].split(".")[2] for n in blocked} <= {"gate"}
    _, results = build(eltflow, root, command="test")
    assert not [r for r in results.values() if r["status"] == "skipped"]


def test_what_is_skipped_names_its_cause(project, eltflow):
    root = project({**CHAIN, "models/y.yml": "models:\n" + on("a", FAILS)})
    ran, results = build(eltflow, root)
    assert results["c"]["message"] == f"skipped because of {results['gate']['id']}"
    assert ran.code == 1


# -- rows that are shown -------------------------------------------------------------------------------------------------------

PEOPLE = {
    "models/people.sql": "{{ config(materialized='table') }} select range as id, 'p' || (range % 2) || '@x.org' as email, null as gone"
    " from range(20)",
    "models/y.yml": "models:\n- name: people\n  columns:\n"
    "  - {name: id, data_tests: [accepted_values: {name: ids, arguments: {values: [99]}}]}\n"
    "  - name: email\n    tags: [pii]\n    data_tests:\n    - unique: {name: twice}\n"
    "    - accepted_values: {name: values, arguments: {values: [x]}}\n"
    "    - relationships: {name: related, arguments: {to: ref('others'), field: email}}\n    - spelt: {name: own}\n"
    "  - {name: gone, config: {tags: [pii]}, data_tests: [not_null: {name: rows}]}\n",
    "models/others.sql": "select 'nobody' as email",
    "tests/generic/spelt.sql": "{% test spelt(model, column_name) %}select id, upper({{ column_name }}) as x from {{ model }}{% endtest %}",
    "tests/one.sql": "select id, Email, lower(email) as renamed from people where id < 2",
}


def test_personal_data_is_masked_wherever_rows_are_shown(project, eltflow):
    root = project(PEOPLE)
    ran = eltflow("build", "--junit", "j.xml", cwd=root)
    log = (root / "logs/eltflow.log").read_text()
    everywhere = ran.text + eltflow("test", "--json", cwd=root).text + eltflow("test", "--log-format", "json", cwd=root).text + log
    if (root / "j.xml").exists():
        everywhere += (root / "j.xml").read_text()
    assert "@x.org" not in everywhere.lower()
    assert "*****" in ran.text
    _, results = build(eltflow, root, command="test")
    assert results["twice"]["sample"][0] == {"unique_field": "*****", "n_records": 10}
    assert results["values"]["sample"][0] == {"value_field": "*****", "n_records": 10}
    assert results["related"]["sample"][0] == {"from_field": "*****"}
    assert results["rows"]["sample"][0] == {"id": 0, "email": "*****", "gone": None}
    assert results["own"]["sample"][0] == {"id": 0, "x": "*****"}
    assert [*results["one"]["sample"][0].values()] == [0, "*****", "*****"]
    assert len(results["ids"]["sample"]) == 5
    assert results["ids"]["sample"][0]["n_records"] == 1
    assert not any(r["sample"] for r in build(eltflow, root, "--no-rows", command="test")[1].values())


EXPRESSIONS = """models:
- name: m
  data_tests:
  - unique: {arguments: {column_name: "id || g"}}
  - unique: {arguments: {column_name: id}, name: by_id}
  - pair: {arguments: {column_name: g, other: id}}
"""
PAIR = "{% test pair(model, column_name, other) %} select 1 from {{ model }} where {{ column_name }} = {{ other }} {% endtest %}"


def test_a_column_among_the_arguments(project, eltflow):
    """As dbt's documentation writes `unique` over an expression."""
    rows = "select * from (values ('1', 'a'), ('1', 'b'), ('c', 'c')) t(id, g)"
    root = project({"models/m.sql": rows, "models/m.yml": EXPRESSIONS, "tests/generic/pair.sql": PAIR})
    ran = eltflow("build", cwd=root)
    results = json.loads((root / "target/run_results.json").read_text())["results"]
    found = {r["unique_id"].split(".")[2]: (r["status"], r["failures"]) for r in results if r["unique_id"].startswith("test.")}
    assert found == {"unique_m_id_g": ("pass", 0), "by_id": ("fail", 1), "pair_m_g__id": ("fail", 1)}, ran.text
    manifest = json.loads((root / "target/manifest.json").read_text())
    told = next(n for n in manifest["nodes"].values() if n["name"] == "unique_m_id_g")["test_metadata"]
    assert told["kwargs"]["column_name"] == "id || g"


OWN = """{% test small(model, column_name, most=5) %}
{{ config(severity='warn', tags=['gen'], meta={'by': 'macro', 'kind': 'own'}, SET) }}
select * from {{ model }} where {{ column_name }} > {{ most }}
{% endtest %}
"""
OWN_MODEL = "select x as id from range(10) t(x)"
OWN_ENTRY = "models: [{name: m, columns: [{name: id, data_tests: [{small: {name: n, ENTRY}}]}]}]"


def own(project, own_set="limit=3", entry="arguments: {most: 5}", settings=""):
    return project(
        {
            "tests/generic/small.sql": OWN.replace("SET", own_set),
            "models/m.sql": OWN_MODEL,
            "models/m.yml": OWN_ENTRY.replace("ENTRY", entry),
        },
        settings=settings,
    )


def config_of(root):
    nodes = json.loads((root / "target/manifest.json").read_text())["nodes"]
    return next(node for node in nodes.values() if node["name"] == "n")["config"]


def test_what_a_generic_test_sets_itself_is_the_lowest_layer(project, eltflow):
    settings = "data_tests: {+limit: 2, +tags: [all]}\n"
    entry = "config: {meta: {by: entry}, tags: [mine]}"
    root = own(project, entry=entry, settings=settings)
    ran, results = build(eltflow, root, "-s", "+tag:gen")  # tags select
    assert ran.code == 0, ran.text
    assert (results["n"]["status"], results["n"]["failures"]) == ("warn", 2)
    config = config_of(root)
    assert config["severity"] == "warn"
    assert config["tags"] == ["gen", "all", "mine"]
    assert config["meta"] == {"by": "entry", "kind": "own"}
    root = own(project, entry="config: {severity: error}")
    ran, results = build(eltflow, root)
    assert (ran.code, results["n"]["status"], results["n"]["failures"]) == (1, "fail", 3)


@pytest.mark.parametrize(
    ("own_set", "status", "failures"),
    [
        ("where='id < 8'", "warn", 2),
        ("where='id < ' ~ var('upto', 7)", "warn", 1),  # not literal: its macro is rendered
        ("where='id < ' ~ (most + 2)", "warn", 1),
        ("warn_if='> 4'", "pass", 0),
        ("fail_calc='max(id)'", "warn", 9),
        ("enabled=false", None, None),
        ("enabled=not most", None, None),
    ],
)
def test_each_key_that_a_generic_test_sets_counts(project, eltflow, own_set, status, failures):
    root = own(project, own_set)
    for _ in range(2):  # cold and warm
        ran, results = build(eltflow, root, command="build")
        assert ran.code == 0, ran.text
        found = results.get("n")
        assert (found and found["status"], found and found["failures"]) == (status, failures)


def test_failures_are_kept_where_a_generic_test_says(project, eltflow):
    root = own(project, "store_failures=true, alias='big', schema='audit'")
    ran, _ = build(eltflow, root)
    assert ran.code == 0, ran.text
    with duckdb.connect(str(root / "p.duckdb")) as connection:
        assert connection.sql("select id from s_audit.big order by id").fetchall() == [(6,), (7,), (8,), (9,)]


def test_a_generic_test_that_configures_in_a_branch_or_by_a_macro(project, eltflow):
    root = own(project, "limit=3")
    body = "{% if most > 4 %}{{ mild() }}{% endif %} select * from {{ model }} where {{ column_name }} > {{ most }}"
    (root / "tests/generic/small.sql").write_text(f"{{% test small(model, column_name, most=5) %}}{body}{{% endtest %}}")
    (root / "macros").mkdir()
    (root / "macros/mild.sql").write_text("{% macro mild() %}{{ config(severity='warn') }}{% endmacro %}")
    ran, results = build(eltflow, root)
    assert (ran.code, results["n"]["status"]) == (0, "warn"), ran.text
    (root / "models/m.yml").write_text(OWN_ENTRY.replace("ENTRY", "arguments: {most: 4}"))
    ran, results = build(eltflow, root)
    assert (ran.code, results["n"]["status"]) == (1, "fail"), ran.text
    (root / "macros/mild.sql").write_text("{% macro mild() %}{{ config(severity='wran') }}{% endmacro %}")
    assert eltflow("ls", cwd=root).code == 0  # that branch is not taken
