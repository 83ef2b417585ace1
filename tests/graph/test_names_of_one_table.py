"""A table that a step loads may be read by every name it has, whatever sources declare it, in whatever order they stand."""

from __future__ import annotations

from itertools import permutations

import duckdb
import pytest

from eltflow import api

SETTINGS = "name: p\ntargets:\n  dev: {type: duckdb, path: p.duckdb, schema: main}\n"
STEPS = "steps: [{name: a, source: {kind: files, path: data/a.csv}, into: raw.a}]\n"
BY_INTO = "- {name: s2, schema: raw, tables: [{name: a}]}\n"
BY_PLACE = "- {name: src, schema: main_raw, tables: [{name: a}]}\n"
ELSE = "- {name: other, schema: elsewhere, tables: [{name: a}]}\n"
NAMES = ("main_raw.a", "raw.a", "a", "{{ ref('a') }}", "p.main_raw.a")
ORDERS = [(), (BY_INTO,), (BY_PLACE,), *permutations((BY_INTO, BY_PLACE)), *permutations((BY_INTO, BY_PLACE, ELSE))]


def declared(sources):
    return "sources:\n" + "".join(sources) if sources else "models: [{name: m}]\n"


@pytest.mark.parametrize("name", NAMES)
def test_every_name_in_every_order_cold_and_warm(project, eltflow, name):
    files = {
        "eltflow.yml": SETTINGS,
        "ingest/a.yml": STEPS,
        "data/a.csv": "id\n7\n",
        "models/m.sql": f"select id from {name} where id > 1",
    }
    root = project(files)
    for sources in ORDERS:  # the cache is cold for the first, and holds the order before for the others
        (root / "models/m.yml").write_text(declared(sources))
        loaded = api.load(root, api.new_options(env={}))
        sql = api.compile_offline(loaded, list(loaded.graph.nodes)).compiled["model.p.m"].sql
        assert "from main_raw.a" in sql.replace('"', "").replace("p.main_raw", "main_raw"), sources
        assert "ingest.p.a" in loaded.graph.ancestors(["model.p.m"], None)
    ran = eltflow("build", cwd=root)
    assert ran.code == 0, ran.text
    with duckdb.connect(str(root / "p.duckdb"), read_only=True) as connection:
        assert connection.execute("select id from m").fetchall() == [(7,)]


def test_a_table_of_no_edge_is_still_an_error(project, eltflow):
    text = "select id\nfrom {{ 'main_raw.a' if execute else 'x.b' }}"
    root = project({"eltflow.yml": SETTINGS, "ingest/a.yml": STEPS, "data/a.csv": "id\n7\n", "models/m.sql": text})
    (root / "models/m.yml").write_text(declared((BY_INTO,)))
    ran = eltflow("compile", cwd=root)
    assert ran.code == 2
    assert ran.err == (
        "error[E0213]: `main_raw.a` is read here, but that could not be seen when the graph was made\n"
        " --> models/m.sql:2\n"
        "  |\n"
        "2 | from {{ 'main_raw.a' if execute else 'x.b' }}\n"
        "  |\n"
        "  = help: add a line `-- depends_on: {{ source('s2', 'a') }}`\n\n"
    )
