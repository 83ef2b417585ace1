"""`eltflow ingest --preview` and `--dry-run`: what steps would load, and that nothing is."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import duckdb
import pytest

OWN = {"duckdb": {"type": "duckdb", "path": "p.duckdb", "schema": "s"}, "sqlite": {"type": "sqlite", "path": "p.sqlite"}}
STEP = {"name": "x", "source": {"kind": "files", "path": "data/*.csv"}, "into": "raw.x"}
TABLE = {"name": "t", "source": {"kind": "sql", "connection": "crm", "table": "t"}, "into": "raw.t"}


@pytest.fixture
def lake(tmp_path):
    def make(*steps, target="duckdb"):
        settings = {"name": "p", "targets": {"dev": OWN[target]}, "connections": {"crm": {"type": "sqlite", "path": "crm.sqlite"}}}
        (tmp_path / "eltflow.yml").write_text(json.dumps(settings))
        for name in ("ingest", "models", "data"):
            (tmp_path / name).mkdir()
        (tmp_path / "models/m.sql").write_text("select 1 as id")
        (tmp_path / "ingest/i.yml").write_text(json.dumps({"steps": list(steps)}, indent=1))
        (tmp_path / "data/a.csv").write_text("id,v,day,gone\n1,007,2020-01-01,x\n" + "2,,2020-01-02,y\n" * 20)
        with closing(sqlite3.connect(tmp_path / "crm.sqlite")) as con:
            con.execute("create table t (id integer, email text, amount decimal(9,2), odd)")
            con.executemany("insert into t values (?, 'a' || char(9) || 'b', 1.5, null)", [(n,) for n in range(20_000)])
            con.commit()
        return tmp_path

    return make


def found(ran, code=0):
    assert ran.code == code, ran.text
    return json.loads(ran.out)


def untouched(root):
    """Nothing was made where the target would be."""
    return not [p.name for p in root.iterdir() if p.name.startswith("p.")]


@pytest.mark.parametrize(("target", "types"), [("duckdb", ["BIGINT", "VARCHAR", "DATE"]), ("sqlite", ["bigint", "text", "date"])])
def test_a_preview_of_files(lake, eltflow, target, types):
    columns = {"v": {"rename": "code", "tags": ["pii"]}, "gone": {"exclude": True}}
    root = lake({**STEP, "load": "append", "columns": columns}, target=target)
    (one,) = found(eltflow("ingest", "--preview", "x", "--json", cwd=root))
    assert [(c["source"], c["name"]) for c in one["columns"]] == [("id", "id"), ("v", "code"), ("day", "day")]
    assert [c["read_as"] for c in one["columns"]] == ["BIGINT", "VARCHAR", "DATE"]
    assert [c["type"] for c in one["columns"]] == types
    assert len(one["rows"]) == 10
    assert one["rows"][0] == {"id": 1, "code": "*****", "day": "2020-01-01"}
    assert one["rows"][1]["code"] is None
    assert one["path"] == (
        "1 file: read by duckdb itself" if target == "duckdb" else "1 file: read here, and taken in by sqlite's bulk load"
    )
    assert untouched(root)


def test_a_preview_of_a_table(lake, eltflow):
    root = lake({**TABLE, "columns": {"email": {"tags": ["pii"]}, "id": {"rename": "key"}}})
    (one,) = found(eltflow("ingest", "--preview", "ingest.p.t", "--json", cwd=root))
    assert [(c["source"], c["name"], c["read_as"], c["type"]) for c in one["columns"]] == [
        ("id", "key", "BIGINT", "BIGINT"),
        ("email", "email", "VARCHAR", "VARCHAR"),
        ("amount", "amount", "DECIMAL(9,2)", "DECIMAL(9,2)"),
        ("odd", "odd", "VARCHAR", "VARCHAR"),
    ]
    assert one["notes"] == ["`odd` has no type, and comes as text"]
    assert len(one["rows"]) == 10
    assert one["rows"][0] == {"key": "0", "email": "*****", "amount": "1.5", "odd": None}
    assert untouched(root)


def test_a_preview_of_postgres_reads_no_more_than_it_shows(lake, eltflow, postgres):
    root = lake(
        {
            **TABLE,
            "source": {
                "kind": "sql",
                "connection": "crm",
                "query": "select n, n / (1000000 - n) as d from generate_series(1, 1000000) n",
            },
        }
    )
    settings = json.loads((root / "eltflow.yml").read_text())
    settings["connections"]["crm"] = {k: v for k, v in postgres.target().items() if k in ("type", "host", "user", "dbname")}
    (root / "eltflow.yml").write_text(json.dumps(settings))
    (one,) = found(eltflow("ingest", "--preview", "t", "--json", cwd=root))  # the last row would fail
    assert one["rows"][:2] == [{"n": "1", "d": "0"}, {"n": "2", "d": "0"}]


def test_a_dry_run_tells_how_each_step_would_load(lake, eltflow):
    root = lake(
        {**STEP, "load": "merge", "unique_key": "id"}, {**TABLE, "load": "merge", "unique_key": "id", "cursor": {"column": "id"}}
    )
    two, one = found(eltflow("ingest", "--dry-run", "--json", cwd=root))
    assert (two["id"], one["id"]) == ("ingest.p.x", "ingest.p.t")
    assert one["path"] == "t of `crm`: read as text under the types of its catalogue, and taken in by duckdb's bulk load"
    assert two["reason"] == "the table's first: 1 file"
    assert one["rows"] == two["rows"] == []
    assert [o["id"] for o in found(eltflow("ingest", "--dry-run", "--select", "x", "--json", cwd=root))] == ["ingest.p.x"]
    text = eltflow("ingest", "--dry-run", cwd=root).out
    for words in (
        "x → p.s_raw.x · merge · the table's first: 1 file",
        "`odd` has no type, and comes as text",
        "decimal(9,2)",
        "nothing was loaded",
    ):
        assert words in text
    assert untouched(root)


def test_what_is_shown_is_what_is_loaded(lake, eltflow):
    root = lake(STEP, TABLE)
    planned = {one["id"]: one["columns"] for one in found(eltflow("ingest", "--dry-run", "--json", cwd=root))}
    assert eltflow("ingest", cwd=root).code == 0
    with duckdb.connect(str(root / "p.duckdb"), read_only=True) as con:
        for id, table in (("ingest.p.x", "x"), ("ingest.p.t", "t")):
            made = con.execute(f"describe s_raw.{table}").fetchall()
            assert [(c["name"], c["type"]) for c in planned[id]] == [row[:2] for row in made]


@pytest.mark.parametrize(
    ("change", "arguments", "code", "words"),
    [
        ({}, ("--preview", "y"), 2, "there is no step `y`"),
        ({}, ("--preview", "m"), 2, "`m` is a model, and no ingestion step"),
        ({"source": {"kind": "files", "path": "none/*.csv"}}, ("--preview", "x"), 1, "no file matches none/*.csv"),
        ({"source": {"kind": "files", "path": "none/*.csv"}}, ("--dry-run",), 1, "no file matches none/*.csv"),
        ({"columns": {"w": {"exclude": True}}}, ("--dry-run",), 1, "`columns` names `w`, which data/a.csv does not have"),
        ({"source": {**TABLE["source"], "table": "tt"}}, ("--preview", "x"), 1, "connection `crm`: no such table: tt"),
        (
            {"source": TABLE["source"], "load": "append", "cursor": {"column": "odd"}},
            ("--dry-run",),
            1,
            "and so cannot be the cursor",
        ),
    ],
)
def test_what_cannot_be_shown(lake, eltflow, change, arguments, code, words):
    root = lake({**STEP, **change})
    ran = eltflow("ingest", *arguments, cwd=root)
    assert ran.code == code, ran.text
    assert words in ran.text
    assert "i.yml" in ran.text or code == 2
    assert untouched(root)


def test_a_personal_value_that_is_refused_is_not_shown(lake, eltflow):
    root = lake({**TABLE, "columns": {"id": {"tags": ["pii"]}}})
    with closing(sqlite3.connect(root / "crm.sqlite")) as con:
        con.execute("update t set id = 'secret-7' where id = 5")
        con.commit()
    for arguments in (("--preview", "t"), ()):
        said = eltflow("ingest", *arguments, cwd=root).text
        assert "the column `id` is INTEGER, and holds `*****`" in said
        assert "secret-7" not in said
