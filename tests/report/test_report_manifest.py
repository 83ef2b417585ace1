"""Manifest: what stands in it for each kind of node."""

from __future__ import annotations

import datetime
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from counted_calls import calls

from eltflow.project import nodes as nouns
from eltflow.report.info import to_json
from eltflow.report.manifest import macro_text, manifest

FILES = {
    "models/raw.sql": "-- first\nselect 1 as id, 'a' as word\n",
    "models/kept.sql": "{{ config(materialized='ephemeral') }}\nselect * from raw",
    "models/last.sql": (
        "{{ config(materialized='table', group='people', access='private', tags=['nightly'], post_hook='select 1') }}\n"
        "select id, {{ shout('word') }} as word from {{ ref('kept') }} join {{ source('crm', 'users') }} using (id)"
    ),
    "models/off.sql": "{{ config(enabled=false) }}\nselect 1 as id",
    "models/p.yml": """
groups: [{name: people, owner: {name: Ann, email: ann@example.org}}]
models:
  - name: raw
    description: "{{ doc('about') }}"
    columns:
      - {name: id, description: The key., data_type: integer, data_tests: [unique, not_null]}
  - name: last
    columns:
      - name: id
        data_tests:
          - relationships: {arguments: {to: ref('raw'), field: id}, config: {severity: warn}}
sources:
  - name: crm
    description: Customers.
    schema: landing
    tables: [{name: users, columns: [{name: id, data_tests: [not_null]}]}]
exposures:
  - {name: board, type: dashboard, owner: {name: Ann}, depends_on: [ref('last')], maturity: high, url: "https://example.org"}
macros: [{name: shout, description: Louder., arguments: [{name: what, type: string}]}]
""",
    "models/about.md": "{% docs about %}What came in.{% enddocs %}",
    "macros/shout.sql": "{% macro quiet(what) %}{{ what }}{% endmacro %}\n{% macro shout(what) %}upper({{ quiet(what) }}){% endmacro %}\n",
    "ingest/users.yml": "steps:\n  - {name: load_users, source: {kind: files, path: data/u.csv}, into: landing.users}\n"
    "  - {name: more, source: {kind: files, path: data/u.csv}, into: landing.more}\n",
    "data/u.csv": "id,name\n1,x\n",
    "seeds/codes.csv": "code,label\n1,one\n",
    "tests/none_lost.sql": "select * from last where id is null",
    "analyses/look.sql": "select count(*) from raw",
}
SETTINGS = "on_run_start: [\"create schema if not exists extra\"]\non_run_end: ['select 1', 'select 2']\n"


def test_every_kind_of_node(built: Callable[..., Any]) -> None:
    one = built(FILES, settings=SETTINGS)
    made = json.loads(to_json(one.manifest()))
    nodes = made["nodes"]

    last = nodes["model.p.last"]
    text = FILES["models/last.sql"]
    assert last["raw_code"] == text
    assert last["checksum"] == {"name": "sha256", "checksum": hashlib.sha256(text.encode()).hexdigest()}
    assert last["refs"] == [{"name": "kept", "package": None, "version": None}]
    assert last["sources"] == [["crm", "users"]]
    assert last["depends_on"] == {"macros": ["macro.p.shout"], "nodes": ["model.p.kept", "source.p.crm.users"]}
    assert last["relation_name"] == '"p"."s"."last"'
    assert (last["access"], last["group"], last["tags"]) == ("private", "people", ["nightly"])
    assert last["config"]["post-hook"] == [{"sql": "select 1", "transaction": True, "index": None}]
    assert last["compiled_path"] == "target/compiled/p/models/last.sql"
    assert "upper(word)" in last["compiled_code"]
    assert [cte["id"] for cte in last["extra_ctes"]] == ["model.p.kept"]
    assert made["group_map"] == {"people": ["model.p.last"]}

    raw = nodes["model.p.raw"]
    assert raw["description"] == "What came in."
    assert raw["primary_key"] == ["id"]
    assert raw["path"] == "raw.sql"
    assert raw["columns"]["id"]["data_type"] == "integer"
    assert nodes["model.p.kept"]["relation_name"] is None
    assert nodes["analysis.p.look"]["path"] == "analysis/look.sql"
    assert nodes["seed.p.codes"]["checksum"]["name"] == "sha256"
    assert [n["index"] for n in nodes.values() if n["resource_type"] == "operation"] == [1, 1, 2]
    assert nodes["operation.p.p-on-run-end-1"]["raw_code"] == "select 2"

    tests = {n["test_metadata"]["name"]: n for n in nodes.values() if "test_metadata" in n and n["attached_node"]}
    reference = tests["relationships"]
    assert reference["attached_node"] == "model.p.last"
    assert reference["test_metadata"]["kwargs"] == {
        "to": "ref('raw')",
        "field": "id",
        "column_name": "id",
        "model": "{{ ref('last') }}",
    }
    assert reference["config"]["severity"] == "warn"
    assert "test_metadata" not in nodes["test.p.none_lost"]

    assert list(made["disabled"]) == ["model.p.off"]
    assert made["exposures"]["exposure.p.board"]["depends_on"]["nodes"] == ["model.p.last"]
    assert made["docs"]["doc.p.about"]["block_contents"] == "What came in."
    shout = made["macros"]["macro.p.shout"]
    assert shout["macro_sql"] == "{% macro shout(what) %}upper({{ quiet(what) }}){% endmacro %}"
    assert shout["depends_on"]["macros"] == ["macro.p.quiet"]
    assert made["groups"]["group.p.people"]["owner"] == {"name": "Ann", "email": "ann@example.org"}


def test_a_contract(built: Callable[..., Any]) -> None:
    """In dbt's shapes: the contract with a checksum of what it promises, the constraints of model and columns, the key."""
    files = {
        "models/a.sql": "select 1 as id",
        "models/b.sql": "select 1 as a_id",
        "models/m.yml": """
models:
  - name: a
    config: {materialized: table, contract: {enforced: true}}
    columns: [{name: id, data_type: integer, constraints: [{type: primary_key, warn_unenforced: false}]}]
  - name: b
    config: {materialized: table, contract: {enforced: true}}
    constraints: [{type: foreign_key, name: fk, columns: [a_id], to: ref('a'), to_columns: [id]}]
    columns: [{name: a_id, data_type: integer}]
""",
    }
    nodes = json.loads(to_json(built(files).manifest()))["nodes"]
    a, b = nodes["model.p.a"], nodes["model.p.b"]
    nothing = {"name": None, "expression": None, "warn_unenforced": True, "warn_unsupported": True, "to": None, "to_columns": []}
    assert a["columns"]["id"]["constraints"] == [{**nothing, "type": "primary_key", "warn_unenforced": False}]
    assert (a["primary_key"], a["constraints"]) == (["id"], [])
    pointing = {**nothing, "type": "foreign_key", "name": "fk", "columns": ["a_id"], "to": '"p"."s"."a"', "to_columns": ["id"]}
    assert b["constraints"] == [pointing]
    assert b["depends_on"]["nodes"] == ["model.p.a"]
    assert b["config"]["contract"] == {"enforced": True, "alias_types": True}
    assert {k: v for k, v in b["contract"].items() if k != "checksum"} == {"enforced": True, "alias_types": True}
    assert re.fullmatch("[0-9a-f]{64}", b["contract"]["checksum"])
    wider = {
        **files,
        "models/b.sql": "select 1::bigint as a_id",
        "models/m.yml": files["models/m.yml"].replace("a_id, data_type: integer", "a_id, data_type: bigint"),
    }
    again = json.loads(to_json(built(wider).manifest()))["nodes"]
    assert again["model.p.a"]["contract"] == a["contract"]
    assert again["model.p.b"]["contract"] != b["contract"]


def test_a_step_is_the_source_that_it_loads(built: Callable[..., Any]) -> None:
    one = built(FILES, settings=SETTINGS)
    made, results = one.manifest(), one.run_results()
    assert {i.split(".")[0] for i in (*made["nodes"], *made["sources"])} == {
        "model",
        "seed",
        "test",
        "analysis",
        "operation",
        "source",
    }
    users = made["sources"]["source.p.crm.users"]
    assert users["meta"]["eltflow"]["unique_id"] == "ingest.p.load_users"
    assert users["source_description"] == "Customers."
    alone = made["sources"]["source.p.landing.more"]
    assert alone["meta"]["eltflow"]["step"] == "more"
    assert alone["relation_name"] == '"p"."s_landing"."more"'
    assert made["parent_map"]["source.p.crm.users"] == []
    ran = {r["unique_id"]: r for r in results["results"]}
    assert ran["source.p.crm.users"]["adapter_response"]["files"] == 1
    assert {"source.p.crm.users", "source.p.landing.more"} == set(one.catalog()["sources"])


def test_what_yaml_has_and_json_has_not() -> None:
    value = {"day": datetime.date(2026, 1, 2), 3: "three", "none": float("nan"), "set": {"b", "a"}}
    assert json.loads(to_json(value)) == {"day": "2026-01-02", "3": "three", "none": None, "set": ["a", "b"]}
    assert json.loads(to_json({datetime.date(2026, 1, 2): 1})) == {"2026-01-02": 1}


def test_a_macro_alone_from_its_file() -> None:
    text = "{% macro a() %}1{% endmacro %}\n\n{%- macro b() -%}\n2\n{%- endmacro -%}\n"
    assert macro_text(text, 1) == "{% macro a() %}1{% endmacro %}"
    assert macro_text(text, 3) == "{%- macro b() -%}\n2\n{%- endmacro -%}"


def test_a_manifest_grows_with_the_project_and_no_faster(built: Callable[..., Any]) -> None:
    """Models with five columns and three parents each, and as many tests and two thirds more; JSON included."""
    one = built({"models/a.sql": "select 1 as id"})
    graph, project = one.loaded.graph, one.loaded.opened.project
    first = graph.nodes["model.p.a"]
    columns = {f"c{i}": nouns.ColumnInfo(name=f"c{i}", description="About it.") for i in range(5)}
    sql = "select * from {{ ref('m1') }}\n" * 30

    def of(models: int) -> int:
        nodes: dict[str, nouns.Node] = {}
        for i in range(models):
            parents = tuple(f"model.p.m{j}" for j in range(max(0, i - 3), i))
            path = f"models/m{i}.sql"
            node = replace(first, unique_id=f"model.p.m{i}", name=f"m{i}", parents=parents, columns=columns, path=path)
            nodes[node.unique_id] = node
        for i in range(models * 5 // 3):
            attached = f"model.p.m{i % models}"
            info = nouns.TestInfo(kind="not_null", column="c1", attached=attached)
            node = replace(first, unique_id=f"test.p.t{i}", name=f"t{i}", resource_type="test", test=info, parents=(attached,))
            nodes[node.unique_id] = node
        whole = replace(graph, nodes=nodes)
        dialect = one.loaded.adapter.dialect
        made: dict[str, Any] = {}
        counted = calls(lambda: made.update(manifest(project, whole, dialect, one.info, read=lambda path: sql)))
        counted += calls(lambda: to_json(made))
        assert len(made["nodes"]) == len(nodes)
        return counted

    small, large = of(300), of(1200)
    assert large < 4.5 * small
    assert large < 150 * 3200  # calls of a node
