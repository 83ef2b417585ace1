"""What one template does with values that it is given is nobody else's business."""

from __future__ import annotations

import json

import duckdb


def rows(root, sql):
    with duckdb.connect(str(root / "p.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_a_variable_is_each_template_s_own(project, eltflow):
    more = "{% set s = var('statuses') %}{% do s.append('lost') %}{% do var('deep').inner.append(9) %}"
    root = project(
        {
            "models/a.sql": more + "select {{ s | length }} as n, {{ var('deep').inner | length }} as d",
            "models/b.sql": "{% set s = var('statuses') %}select {{ s | length }} as n, {{ var('deep').inner | length }} as d",
        },
        settings="vars: {statuses: [paid, sent], deep: {inner: [1]}}\n",
    )
    ran = eltflow("build", cwd=root)
    assert ran.code == 0, ran.text
    assert rows(root, "select n, d from s.a") == [(3, 1)]
    assert rows(root, "select n, d from s.b") == [(2, 1)]


def test_the_graph_is_read_only(project, eltflow):
    evil = (
        "{% do config.get('tags').append('evil') %}"
        "{% if execute %}{% do graph.nodes['model.p.a'].config.meta.update({'owner': 'evil'}) %}"
        "{% do model.config.tags.append('evil') %}{% endif %}"
    )
    root = project(
        {
            "models/a.sql": "{{ config(meta={'owner': 'ann'}) }} select 1 as id",
            "models/b.sql": "{{ config(tags=['x']) }}" + evil + " select id from a",
        }
    )
    ran = eltflow("build", cwd=root)
    assert ran.code == 0, ran.text
    nodes = json.loads((root / "target/manifest.json").read_text())["nodes"]
    assert nodes["model.p.a"]["config"]["meta"] == {"owner": "ann"}
    assert nodes["model.p.b"]["config"]["tags"] == ["x"]


def test_a_macro_in_the_place_of_ref_or_source_counts_everywhere(project, eltflow):
    """Also in templates that hold nothing but literal calls, which are not rendered otherwise."""
    files = {
        "macros/source.sql": (
            "{% macro source(a, b) %}{{ return(builtins.ref('sample')) }}{% endmacro %}\n"
            "{% macro ref(name) %}{{ return(builtins.ref(name ~ '_2')) }}{% endmacro %}"
        ),
        "models/sample.sql": "select 1 as n",
        "models/x.sql": "select 10 as n",
        "models/x_2.sql": "select 20 as n",
        "models/plain.sql": "select n from {{ source('raw', 'o') }}",
        "models/branch.sql": "{% set x = 1 %}select n from {{ source('raw', 'o') }}",
        "models/plain_ref.sql": "select n from {{ ref('x') }}",
        "models/s.yml": "sources: [{name: raw, schema: prod, tables: [{name: o}]}]",
    }
    root = project(files)
    for _ in range(2):
        ran = eltflow("build", cwd=root)
        assert ran.code == 0, ran.text
    both = rows(root, "select n from s.plain union all select n from s.branch union all select n from s.plain_ref")
    assert both == [(1,), (1,), (20,)]
    edges = {u: n["depends_on"]["nodes"] for u, n in json.loads((root / "target/manifest.json").read_text())["nodes"].items()}
    assert edges["model.p.plain"] == edges["model.p.branch"] == ["model.p.sample"]
    assert edges["model.p.plain_ref"] == ["model.p.x_2"]


def test_a_source_that_a_model_makes_waits_for_it(project, eltflow):
    files = {
        "models/maker.sql": "{{ config(materialized='table', schema='raw', alias='orders') }} select {{ var('v', 1) }} as id",
        "models/a.sql": "{{ config(materialized='table') }} select id from {{ source('crm', 'orders') }}",
        "models/s.yml": "sources: [{name: crm, schema: s_raw, tables: [{name: orders}]}]",
    }
    root = project(files)
    for version in (1, 2):
        ran = eltflow("build", "--vars", f"{{v: {version}}}", cwd=root)
        assert ran.code == 0, ran.text
        assert rows(root, "select id from s.a") == [(version,)]


def test_dotenv_quotes_and_comments(project, eltflow):
    lines = [
        'A="se#cret" # the password',
        "B='x y'#no blank before",
        "C=plain # comment",
        'D="a"b"',
        'E="open',
        "F=''",
    ]
    names = ", ".join(f"'{{{{ env_var('{n}') }}}}' as {n}" for n in "ABCDEF")
    root = project({".env": "\n".join(lines), "models/m.sql": f"select {names}"})
    ran = eltflow("build", cwd=root)
    assert ran.code == 0, ran.text
    assert rows(root, "select * from s.m") == [("se#cret", "x y", "plain", 'a"b', '"open', "")]


def test_the_state_folder_stays_out_of_git(project, eltflow):
    root = project({"models/a.sql": "select 1 as id"})
    assert eltflow("build", cwd=root).code == 0
    assert (root / ".eltflow/.gitignore").read_text() == "*\n"
