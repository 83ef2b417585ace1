"""`plan` of steps that append: what is new is asked of the warehouse, and without it nobody claims to know."""

from __future__ import annotations

import json

STEPS = """steps:
  - {name: a, source: {kind: files, path: data/*.csv}, into: raw.a, load: append}
  - {name: r, source: {kind: files, path: data/*.csv}, into: raw.r}
"""


def planned(eltflow, root, *options):
    ran = eltflow("plan", "--json", *options, cwd=root)
    assert ran.code == 0, ran.text
    return {step["id"].split(".")[-1]: step for step in json.loads(ran.out)["steps"]}


def test_plan_tells_the_files_that_a_build_would_load(eltflow, project):
    root = project({"ingest/i.yml": STEPS, "data/1.csv": "id\n1\n", "data/2.csv": "id\n2\n"})
    for options in ((), ("--connect",), ("--full-refresh",)):
        steps = planned(eltflow, root, *options)
        assert steps["a"]["reason"] == "the table's first: 2 files"
        assert steps["r"]["reason"] == "replaces the table by 2 files"
    assert eltflow("build", cwd=root).code == 0
    nothing = planned(eltflow, root, "--connect", "--full-refresh")["a"]
    assert (nothing["reason"], nothing["statements"]) == ("nothing new, of 2 files", [])
    (root / "data/3.csv").write_text("id\n3\n")
    fresh = planned(eltflow, root, "--connect")["a"]
    assert fresh["reason"] == "1 new file (data/3.csv)"
    sql = "\n".join(fresh["statements"])
    assert "data/3.csv" in sql
    assert "data/1.csv" not in sql
    unsure = planned(eltflow, root)["a"]
    assert unsure["reason"] == "appends what was not loaded before, of 3 files (--connect tells)"
    assert unsure["queries"] == ["which of its files were loaded before: the SQL is that for all of them"]
    shown = eltflow("plan", "--sql", cwd=root).out
    assert "asks: which of its files were loaded before" in shown
    (root / "data/1.csv").write_text("id\n9\n")
    changed = planned(eltflow, root, "--connect")["a"]
    assert (changed["reason"], changed["statements"]) == ("stops: data/1.csv changed since it was loaded", [])
    dry = eltflow("build", "--dry-run", cwd=root)
    assert "appends what was not loaded before, of 3 files" in dry.out


def test_plan_of_a_table_that_we_did_not_load(eltflow, project):
    import duckdb

    root = project({"ingest/i.yml": STEPS, "data/1.csv": "id\n1\n"})
    with duckdb.connect(str(root / "p.duckdb")) as con:
        con.execute("create schema s_raw; create table s_raw.a as select 7 as id")
    assert planned(eltflow, root, "--connect")["a"]["reason"] == "1 new file (data/1.csv)"
    for path in (root / "data").iterdir():
        path.unlink()
    assert planned(eltflow, root)["a"]["reason"] == "stops: no file matches data/*.csv"
