"""`null` clears a configuration wherever it can be written, and the default holds again."""

from __future__ import annotations

import json

import pytest

#: A value of each key, as eltflow.yml would inherit it.
INHERITED = {
    "enabled": False,
    "alias": "other",
    "schema": "x",
    "tags": ["a"],
    "meta": {"owner": "ann"},
    "group": "finance",
    "docs": {"show": False},
    "materialized": "table",
    "incremental_strategy": "append",
    "unique_key": "x",
    "on_schema_change": "fail",
    "incremental_predicates": ["true"],
    "merge_update_columns": ["x"],
    "pre_hook": ["select 1"],
    "post_hook": ["select 1"],
    "grants": {"select": ["ann"]},
    "persist_docs": {"relation": True},
    "access": "private",
    "sql_header": "set threads = 1",
    "timeout": 3,
    "full_refresh": True,
    "column_types": {"x": "bigint"},
}
DEFAULTS = {"enabled": True, "materialized": "view"}


def configs(eltflow, root):
    ran = eltflow("ls", "--resource-type", "model", "--json", cwd=root)
    assert ran.code == 0, ran.text
    assert ran.err == ""
    return {node["name"]: node["config"] for node in json.loads(ran.out)}


@pytest.mark.parametrize("where", ["tree", "properties", "file", "rendered"])
def test_null_clears_what_is_inherited(eltflow, project, where):
    nothing = dict.fromkeys(INHERITED)
    tree: dict = {f"+{key}": value for key, value in INHERITED.items()}
    tree["x"] = {f"+{key}": None for key in INHERITED} if where == "tree" else {}
    words = ", ".join(f"{key}=none" for key in INHERITED)
    sql = {"file": f"{{{{ config({words}) }}}} select 1 as x", "rendered": f"{{{{ config({words}) }}}} select {{{{ 1 + 0 }}}} as x"}
    files = {"models/x/m.sql": sql.get(where, "select 1 as x"), "models/k.sql": "select 1 as x"}
    files["models/g.yml"] = json.dumps({"groups": [{"name": "finance", "owner": {"name": "Ann"}}]})
    if where == "properties":
        files["models/x/m.yml"] = json.dumps({"models": [{"name": "m", "config": nothing}]})
    if where != "tree":
        tree["x"]["+tags"] = ["b"]
    root = project(files, settings=f"models: {json.dumps(tree)}\n")
    for _ in ("cold", "warm"):
        assert configs(eltflow, root) == {"m": DEFAULTS}  # `k` is not enabled


def test_null_clears_beside_config_and_for_tests_seeds_and_steps(eltflow, project):
    files = {
        "models/m.sql": "select 1 as x",
        "models/m.yml": "models:\n  - name: m\n    tags: null\n    meta: null\n    docs: null\n    access: null\n    columns:\n"
        "      - {name: x, tags: null, meta: null, data_tests: [not_null: {config: {severity: null, where: null}}]}\n",
        "seeds/s.csv": "x\n1\n",
        "seeds/s.yml": "seeds: [{name: s, tags: null, config: {delimiter: null, column_types: null}}]\n",
        "data/d.csv": "x\n1\n",
        "ingest/i.yml": "steps: [{name: i, tags: null, source: {kind: files, path: data/d.csv}, into: raw.i, config: {schema: null}}]\n",
    }
    settings = "models: {+tags: a, +meta: {b: 1}, +docs: {show: false}, +access: private}\n"
    settings += "data_tests: {+severity: warn, +where: '1=0'}\nseeds: {+delimiter: ';', +tags: [q]}\ningest: {+tags: [q]}\n"
    root = project(files, settings=settings)
    ran = eltflow("ls", "--json", cwd=root)
    found = {node["name"]: node["config"] for node in json.loads(ran.out)}
    assert found["m"] == DEFAULTS
    assert found["not_null_m_x"] == {"enabled": True, "severity": "error"}
    assert found["s"] == {"enabled": True}
    assert found["i"] == {}
    assert eltflow("build", cwd=root).code == 0
    assert eltflow("parse", "--target", "dev", cwd=root).code == 0


def test_a_mapping_inside_keeps_its_nulls_and_a_list_its_rules(eltflow, project):
    root = project({"models/m.sql": "select 1 as x"}, settings="models: {+meta: {a: 1, b: null}}\n")
    assert configs(eltflow, root)["m"]["meta"] == {"a": 1, "b": None}
    (root / "eltflow.yml").write_text((root / "eltflow.yml").read_text() + "seeds: {+tags: [null]}\n")
    ran = eltflow("parse", cwd=root)
    assert ran.code == 2
    assert "`+tags` must be text, not nothing" in ran.err
