"""The cache is right under any edit: a project loaded and compiled with it equals the same project loaded and compiled without."""

# ruff: noqa: E501
from __future__ import annotations

import os
import random
import shutil

import pytest

from eltflow import api
from eltflow.base.diagnostics import EltflowError
from eltflow.graph.codec import encode_graph

PROJECT = {
    "eltflow.yml": "name: p\ntargets:\n  dev: {type: duckdb, path: p.duckdb, schema: \"s_{{ env_var('SUFFIX', 'x') }}\"}\n"
    "vars: {v: 1, table: a, day: 2024-02-03}\nmodels: {sub: {+materialized: table}}\n",
    "models/a.sql": "select 1 as id, 2 as n",
    "models/b.sql": "select * from a",
    "models/sub/c.sql": "with a as (select * from a) select id from a",
    "models/sub/d.sql": "{{ config(tags=['t']) }}\nselect {{ f('id') }} as id from {{ ref('b') }}",
    "models/e.sql": "select id, {{ var('v') }} as v from {{ ref(var('table')) }}",
    "models/f.sql": "{% if is_incremental() %}select id from {{ this }}{% else %}select id from b{% endif %}",
    "models/y.yml": "models:\n  - name: a\n    columns: [{name: id, data_tests: [unique, small]}]\n  - name: b\n    config: {meta: {on: 2024-01-01}}\n",
    "macros/m.sql": "{% macro f(x) %}{{ x }} + 1{% endmacro %}",
    "seeds/s.csv": "id,name\n1,x\n",
    "tests/generic/small.sql": "{% test small(model, column_name) %}{{ config(tags=['gen']) }} select 1 from {{ model }} where {{ column_name }} > 5 {% endtest %}",
    "tests/t.sql": "select * from b where id < 0",
}

EDITS: dict[str, list[str]] = {
    "models/a.sql": ["select 1 as id, 2 as n", "select 1 as id, 3 as n -- more", "select id, 5 as n from s", "{{ config(alias='aa') }} select 1 as id, 2 as n"],
    "models/b.sql": ["select * from a", "select id from a -- fewer", "select a.id from a join s on true", "select * from {{ ref('a') }}"],
    "models/sub/c.sql": ["with a as (select * from a) select id from a", "with a as (select 1 as id) select id from a", "select id from zz"],
    "models/f.sql": [
        PROJECT["models/f.sql"],
        "{% if is_incremental() %}select id from {{ this }} where id > 1{% else %}select id from b where id > 2{% endif %}",
        "{% if is_incremental() %}select id from {{ this }}{% else %}select id, '{{ env_var('SUFFIX', 'x') }}' as suffix from b{% endif %}",
        "select id from {{ 'b' if config.get('materialized') == 'table' else 'a' }}",
        "select id from b where (",
        "select id from {{ 'b' if this.identifier == 'f' else 'a' }}",
        "select id from {{ 'b' if model.name == 'f' else 'a' }}",
    ],
    "models/zz.sql": ["select 1 as id", ""],
    "models/y.yml": [
        PROJECT["models/y.yml"],
        "models:\n  - name: a\n    description: changed\n    columns: [{name: id, data_tests: [unique, not_null]}]\n",
        "models:\n  - name: b\n    config: {materialized: table}\n",
    ],
    "macros/m.sql": [PROJECT["macros/m.sql"], "{% macro f(x) %}{{ x }} + (select max(id) from a){% endmacro %}", "{% macro f(x) %}{{ x }} * 2{% endmacro %}"],
    "tests/generic/small.sql": [
        PROJECT["tests/generic/small.sql"],
        PROJECT["tests/generic/small.sql"].replace("['gen']", "['gen'], severity='warn', limit=3"),
        PROJECT["tests/generic/small.sql"].replace("['gen']", "['{{ env_var(\"SUFFIX\", \"x\") }}', env_var('SUFFIX', 'x')]"),
        PROJECT["tests/generic/small.sql"].replace("['gen']", "[f('v')], where='id < ' ~ var('v')"),
        PROJECT["tests/generic/small.sql"].replace("tags", "tag"),
        PROJECT["tests/generic/small.sql"].replace("{{ config(tags=['gen']) }}", "{% if execute %}{{ config(enabled=false) }}{% else %}{{ config(meta={'a': 1}) }}{% endif %}"),
        PROJECT["tests/generic/small.sql"].replace("config", "config.get"),
    ],
    "seeds/s.csv": ["id,name\n1,x\n", "id,name,more\n1,x,2\n", "id,other\n1,x\n"],
    "eltflow.yml": [
        PROJECT["eltflow.yml"],
        PROJECT["eltflow.yml"].replace("v: 1", "v: 2"),
        PROJECT["eltflow.yml"].replace("table: a", "table: b"),
        PROJECT["eltflow.yml"].replace("+materialized: table", "+materialized: view"),
    ],
    "tests/t.sql": ["select * from b where id < 0", "select * from a where id < 0"],
    ".env": ["SUFFIX=one\n", "SUFFIX=two\n", ""],
}  # fmt: skip


def outcome(root, variables):
    """Everything that loading and compiling gives: the graph and SQL, or what is wrong."""
    env = {"HOME": str(root), **({"SUFFIX": "env"} if variables.get("env") else {})}
    options = api.new_options(env=env, vars={"v": 9} if variables.get("vars") else {})
    try:
        loaded = api.load(root, options)
        nodes, disabled, warnings = encode_graph(loaded.graph)
        done = api.compile_offline(loaded, list(loaded.graph.nodes))
        sql = {i: (c.sql, c.columns, c.typed, c.ctes) for i, c in done.compiled.items()}
    except EltflowError as error:
        return [str(d) for d in error.diagnostics]
    return sorted(map(repr, nodes)), sorted(map(repr, disabled)), sorted(map(repr, warnings)), sql, done.deferred


@pytest.mark.parametrize("seed", range(12))
def test_cold_and_warm_agree_after_random_edits(project, seed):
    root = project(PROJECT, name="p")
    chooser = random.Random(seed)
    variables = {}
    for _ in range(14):
        kind = chooser.random()
        if kind < 0.1:
            variables["env"] = not variables.get("env")
        elif kind < 0.2:
            variables["vars"] = not variables.get("vars")
        else:
            path = chooser.choice(sorted(EDITS))
            text = chooser.choice(EDITS[path])
            if text:
                (root / path).write_text(text)
            else:
                (root / path).unlink(missing_ok=True)
        if chooser.random() < 0.3:  # what is kept may be cut or spoilt at any time
            for file in (root / "target" / "cache").glob("*.bin"):
                data = file.read_bytes()
                spoil = chooser.choice([data[: len(data) // 2], data[:-1] + bytes([(data or b"x")[-1] ^ 1]), b"", data])
                file.write_bytes(spoil)
        warm = outcome(root, variables)
        again = outcome(root, variables)
        shutil.rmtree(root / "target", ignore_errors=True) if chooser.random() < 0.2 else None
        cold_root = root.parent / "cold"
        shutil.rmtree(cold_root, ignore_errors=True)
        shutil.copytree(root, cold_root, ignore=shutil.ignore_patterns("target", ".eltflow"))
        cold = outcome(cold_root, variables)
        assert warm == again
        assert repr(warm).replace(str(root), "") == repr(cold).replace(str(cold_root), "")


def test_an_edit_within_the_clock_s_tick_is_seen(project):
    root = project(PROJECT, name="p")
    first = outcome(root, {})
    stamp = (root / "models/a.sql").stat()
    (root / "models/a.sql").write_text("select 7 as id, 2 as n")  # same size
    os.utime(root / "models/a.sql", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert "select 7 as id" in outcome(root, {})[3]["model.p.a"][0]
    assert first[3]["model.p.a"][0] == "select 1 as id, 2 as n"


def test_secrets_are_not_in_the_cache(project):
    settings = "connections:\n  crm: {type: postgres, password: \"{{ env_var('CRM_PASSWORD') }}\"}\n"
    root = project({"models/a.sql": "select '{{ env_var('OTHER') }}' as x"}, settings=settings)
    options = api.new_options(env={"CRM_PASSWORD": "s3cr3t-one", "OTHER": "s3cr3t-two", "HOME": str(root)})
    api.load(root, options)
    kept = b"".join(file.read_bytes() for file in (root / "target" / "cache").glob("*.bin"))
    assert kept
    assert b"s3cr3t" not in kept


def test_an_edit_that_keeps_size_and_mtime_is_seen(project, monkeypatch):
    monkeypatch.setattr("eltflow.api.cache._RACY", 0.0)
    root = project(PROJECT, name="p")
    for path in root.rglob("*"):
        os.utime(path, (10**9, 10**9))
    outcome(root, {})
    outcome(root, {})
    (root / "models/a.sql").write_text("select 7 as id, 2 as n")
    os.utime(root / "models/a.sql", (10**9, 10**9))
    assert "select 7 as id" in outcome(root, {})[3]["model.p.a"][0]


def test_an_environment_read_by_one_template_is_minded_when_another_is_edited(project):
    files = {"models/m.sql": "select '{{ env_var('X') | upper }}' as x", "models/n.sql": "select 1 as id"}
    root = project(files, name="p")

    def sql(value):
        loaded = api.load(root, api.new_options(env={"X": value, "HOME": str(root)}))
        return api.compile_offline(loaded, list(loaded.graph.nodes)).compiled["model.p.m"].sql

    assert sql("one") == "select 'ONE' as x"
    for number, edit in enumerate(["select 2 as id", "{{ config(tags=['t']) }}select 3 as id", "select * from m"]):
        (root / "models/n.sql").write_text(edit)
        assert sql("one") == "select 'ONE' as x"
        assert sql(f"v{number}") == f"select 'V{number}' as x"
        assert sql("one") == "select 'ONE' as x"
