"""Ingestion of files: each loaded exactly once, whatever happens in between."""

from __future__ import annotations

import gzip
import json
import os

import duckdb
import pytest


def step(name, path, load="append", **more):
    return {
        "name": name,
        "source": {"kind": "files", "path": path, **more.pop("source", {})},
        "into": f"raw.{name}",
        "load": load,
        **more,
    }


@pytest.fixture
def lake(project):
    """A project with steps; `lake([step(...)])`."""

    def make(steps, **files):
        return project({"ingest/i.yml": json.dumps({"steps": steps}), **files})

    return make


def put(root, name, text):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def query(root, sql):
    with duckdb.connect(str(root / "p.duckdb"), read_only=True) as con:
        return con.execute(sql).fetchall()


def test_append_loads_each_file_once(lake, eltflow):
    root = lake([step("x", "data/*.csv")])
    for number in range(4):
        put(root, f"data/{number}.csv", f"id,v\n{number},a\n")
        for _ in range(2):
            ran = eltflow("ingest", cwd=root)
            assert ran.code == 0, ran.text
    assert query(root, "select id from s_raw.x order by id") == [(n,) for n in range(4)]
    assert query(root, "select count(*), count(distinct path) from eltflow_meta.file") == [(4, 4)]
    assert query(root, "select files, rows from eltflow_meta.load order by loaded_at") == [(1, 1)] * 4


def test_a_touched_file_is_the_same_and_a_changed_one_is_an_error(lake, eltflow):
    root = lake([step("x", "data/*.csv")])
    path = put(root, "data/a.csv", "id\n1\n")
    assert eltflow("ingest", cwd=root).code == 0
    os.utime(path, (1, 1))
    assert eltflow("ingest", cwd=root).code == 0
    path.write_text("id\n1\n2\n")
    ran = eltflow("ingest", cwd=root)
    assert ran.code == 1
    assert "data/a.csv changed since it was loaded" in ran.text
    assert query(root, "from s_raw.x") == [(1,)]
    ran = eltflow("ingest", "--select", "x", "--full-refresh", cwd=root)
    assert ran.code == 0, ran.text
    assert query(root, "from s_raw.x order by 1") == [(1,), (2,)]
    assert eltflow("ingest", cwd=root).code == 0
    assert query(root, "from s_raw.x order by 1") == [(1,), (2,)]


def test_a_database_that_is_renamed_knows_its_files(lake, eltflow):
    root = lake([step("x", "data/*.csv")])
    put(root, "data/a.csv", "id\n1\n")
    assert eltflow("ingest", cwd=root).code == 0
    (root / "p.duckdb").rename(root / "q.duckdb")
    settings = root / "eltflow.yml"
    settings.write_text(settings.read_text().replace("p.duckdb", "q.duckdb"))
    assert eltflow("ingest", cwd=root).code == 0
    (root / "q.duckdb").rename(root / "p.duckdb")
    assert query(root, "from s_raw.x") == [(1,)]


def test_a_table_that_was_dropped_is_loaded_anew(lake, eltflow):
    root = lake([step("x", "data/*.csv")])
    put(root, "data/a.csv", "id\n1\n")
    assert eltflow("ingest", cwd=root).code == 0
    with duckdb.connect(str(root / "p.duckdb")) as con:
        con.execute("drop table s_raw.x")
    assert eltflow("ingest", cwd=root).code == 0
    assert query(root, "from s_raw.x") == [(1,)]
    assert query(root, "select count(*) from eltflow_meta.file") == [(1,)]


def test_replace(lake, eltflow):
    root = lake([step("x", ["data/a*.csv", "data/b.csv"], load="replace")])
    put(root, "data/a1.csv", "id\n1\n")
    put(root, "data/b.csv", "id\n2\n")
    for _ in range(2):
        assert eltflow("ingest", cwd=root).code == 0
        assert query(root, "from s_raw.x order by 1") == [(1,), (2,)]
    (root / "data/a1.csv").unlink()
    assert eltflow("ingest", cwd=root).code == 0
    assert query(root, "from s_raw.x") == [(2,)]
    assert query(root, "select path from eltflow_meta.file") == [("data/b.csv",)]


def test_formats_and_compression(lake, eltflow):
    kinds = ["csv", "csv.gz", "csv.zst", "tsv", "json", "ndjson.gz", "parquet"]
    steps = [step(f"x{n}", f"data/*.{kind}", source={"format": "csv"} if kind == "nope" else {}) for n, kind in enumerate(kinds)]
    root = lake(steps)
    put(root, "data/1.csv", "id,v\n1,a\n")
    put(root, "data/1.csv.gz", gzip.compress(b"id,v\n1,a\n"))
    put(root, "data/1.tsv", "id\tv\n1\ta\n")
    put(root, "data/1.json", '[{"id": 1, "v": "a"}]')
    put(root, "data/1.ndjson.gz", gzip.compress(b'{"id": 1, "v": "a"}\n'))
    duckdb.execute(f"copy (select 1 as id, 'a' as v) to '{root}/data/1.parquet'")
    duckdb.execute(f"copy (select 1 as id, 'a' as v) to '{root}/data/1.csv.zst' (format csv, compression zstd)")
    ran = eltflow("ingest", cwd=root)
    assert ran.code == 0, ran.text
    for number, kind in enumerate(kinds):
        assert query(root, f"from s_raw.x{number}") == [(1, "a")], kind


@pytest.mark.parametrize("header", ["id,v,more", "id"])
def test_other_columns_are_an_error(lake, eltflow, header):
    root = lake([step("x", "data/*.csv")])
    put(root, "data/a.csv", "id,v\n1,a\n")
    assert eltflow("ingest", cwd=root).code == 0
    put(root, "data/b.csv", f"{header}\n" + ",".join("1" for _ in header.split(",")) + "\n")
    ran = eltflow("ingest", cwd=root)
    assert ran.code == 1
    assert ("new columns: more" if "more" in header else "missing columns: v") in ran.text
    assert query(root, "from s_raw.x") == [(1, "a")]


def test_two_steps_and_many_files_at_once(lake, eltflow):
    root = lake([step("x", "x/**/*.csv"), step("y", "y/*.csv")])
    for number in range(300):
        put(root, f"x/{number % 7}/{number}.csv", f"id\n{number}\n")
        put(root, f"y/{number}.csv", f"id\n{number}\n")
    for _ in range(2):
        ran = eltflow("ingest", cwd=root)
        assert ran.code == 0, ran.text
    for name in ("x", "y"):
        assert query(root, f"select count(*), count(distinct id) from s_raw.{name}") == [(300, 300)]
    assert query(root, "select relation, count(*) from eltflow_meta.file group by 1 order by 1") == [
        ('"s_raw"."x"', 300),
        ('"s_raw"."y"', 300),
    ]


def test_two_developers_share_no_memory(lake, eltflow):
    root = lake([step("x", "data/*.csv")])
    put(root, "data/a.csv", "id\n1\n")
    settings = root / "eltflow.yml"
    for schema in ("s", "t"):
        settings.write_text(settings.read_text().replace("schema: s", f"schema: {schema}"))
        assert eltflow("ingest", cwd=root).code == 0
    assert query(root, "from s_raw.x") == query(root, "from t_raw.x") == [(1,)]


def test_no_file(lake, eltflow):
    root = lake([step("x", "data/*.csv")])
    ran = eltflow("ingest", cwd=root)
    assert ran.code != 0
    assert "no file matches" in ran.text
