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
    put(root, "data/1.csv.gz", gzip.compress(b"id,v\n1,a\n", mtime=0))
    put(root, "data/1.tsv", "id\tv\n1\ta\n")
    put(root, "data/1.json", '[{"id": 1, "v": "a"}]')
    put(root, "data/1.ndjson.gz", gzip.compress(b'{"id": 1, "v": "a"}\n', mtime=0))
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


TWO = {
    "csv": ("id,v\n1,a\n", "id\n2\n"),
    "json": ('{"id": 1, "v": "a"}', '{"id": 2}'),
    "parquet": ("select 1 as id, 'a' as v", "select 2 as id"),
}


def put_data(root, name, text):
    if name.endswith(".parquet"):
        (root / name).parent.mkdir(exist_ok=True)
        duckdb.execute(f"copy ({text}) to '{root / name}'")
    else:
        put(root, name, text)


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("kind", TWO)
def test_a_column_that_one_of_several_new_files_lacks(lake, eltflow, kind, order):
    """Read together, DuckDB would leave the column empty there. On the first load and on later ones."""
    root = lake([step("x", f"data/*.{kind}")])
    full, short = TWO[kind]
    first, second = (full, short) if order == 0 else (short, full)
    put_data(root, f"data/b.{kind}", first)
    put_data(root, f"data/c.{kind}", second)
    ran = eltflow("ingest", cwd=root)
    assert ran.code == 1
    lacking, having = ("c", "b") if order == 0 else ("b", "c")
    assert f"data/{lacking}.{kind} lacks the column `v`, which data/{having}.{kind} has" in ran.text
    with duckdb.connect(str(root / "p.duckdb"), read_only=True) as con:
        assert con.execute("select count(*) from information_schema.tables where table_schema = 's_raw'").fetchall() == [(0,)]
    for name in ("b", "c"):
        (root / f"data/{name}.{kind}").unlink()
    put_data(root, f"data/a.{kind}", full)
    assert eltflow("ingest", cwd=root).code == 0
    put_data(root, f"data/b.{kind}", first)
    put_data(root, f"data/c.{kind}", second)
    ran = eltflow("ingest", cwd=root)
    assert ran.code == 1
    assert f"the columns of data/{lacking}.{kind} are not those of p.s_raw.x (missing columns: v)" in ran.text
    assert query(root, "from s_raw.x") == [(1, "a")]
    assert query(root, "select path from eltflow_meta.file") == [(f"data/a.{kind}",)]
    assert eltflow("ingest", "--full-refresh", cwd=root).code == 1
    settings = {"steps": [step("x", f"data/*.{kind}", schema_changes={"column": "evolve"})]}
    (root / "ingest/i.yml").write_text(json.dumps(settings))
    for command in ((), ("--full-refresh",)):
        ran = eltflow("ingest", *command, cwd=root)
        assert ran.code == 0, ran.text
        assert f"data/{lacking}.{kind} lacks `v`, which is NULL in its rows" in ran.text
        assert query(root, "select id, v from s_raw.x order by all") == [(1, "a"), (1, "a"), (2, None)]


@pytest.mark.parametrize("load", ["append", "replace"])
@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_a_number_in_one_file_and_text_in_another(lake, eltflow, kind, load):
    """CSV is text, so that nothing is lost; a file that has types of its own must be told."""
    root = lake([step("x", f"data/*.{kind}", load=load)])
    texts = {
        "csv": ("v\n1.50\n", "v\nx\n"),
        "json": ('{"v": 1.5}', '{"v": "x"}'),
        "parquet": ("select 1.5::double v", "select 'x' v"),
    }
    for name, text in zip("ab", texts[kind], strict=True):
        put_data(root, f"data/{name}.{kind}", text)
    ran = eltflow("ingest", cwd=root)
    if kind == "csv":
        assert ran.code == 0, ran.text
        assert query(root, "from s_raw.x order by 1") == [("1.50",), ("x",)]
        return
    assert ran.code == 1
    assert f"the column `v` is DOUBLE in data/a.{kind} and VARCHAR in data/b.{kind}" in ran.text
    settings = root / "ingest/i.yml"
    settings.write_text(json.dumps({"steps": [step("x", f"data/*.{kind}", load=load, column_types={"v": "varchar"})]}))
    ran = eltflow("ingest", cwd=root)
    assert ran.code == 0, ran.text
    assert query(root, "from s_raw.x order by 1") == [("1.5",), ("x",)]


CHANGED = [
    ("csv", "v\n1\n", "v\n1.5\n", "1.5", "BIGINT"),
    ("csv", "v\n1\n", "v\n007\n", "007", "BIGINT"),
    ("csv", "v\n1\n", "v\n0x10\n", "0x10", "BIGINT"),
    ("csv", "v\n1\n", "v\n" + "1\n" * 30000 + "2.5\n", "2.5", "BIGINT"),
    ("csv", "v\ntrue\n", "v\nyes\n", "yes", "BOOLEAN"),
    ("csv", "v\ntrue\n", "v\n1\n", "1", "BOOLEAN"),
    ("csv", "v\n1.5\n", "v\n007\n", "007", "DOUBLE"),
    ("json", '{"v": 1}', '{"v": 1.5}', "1.5", "BIGINT"),
    ("parquet", "select 1::bigint v", "select 1.5::double v", "1.5", "BIGINT"),
    ("parquet", "select date '2020-01-01' v", "select timestamp '2020-01-01 10:00:00' v", "2020-01-01 10:00:00", "DATE"),
    ("parquet", "select 1.5::double v", "select 9007199254740993 v", "9007199254740993", "DOUBLE"),
]


@pytest.mark.parametrize(("kind", "first", "second", "value", "held"), CHANGED)
def test_a_value_that_the_tables_type_would_change(lake, eltflow, kind, first, second, value, held):
    root = lake([step("x", f"data/*.{kind}")])
    put_data(root, f"data/a.{kind}", first)
    assert eltflow("ingest", cwd=root).code == 0
    before = query(root, "from s_raw.x")
    put_data(root, f"data/b.{kind}", second)
    ran = eltflow("ingest", cwd=root)
    assert ran.code == 1
    assert f"the column `v` of data/b.{kind} holds `{value}`, and p.s_raw.x has {held} there" in ran.text
    assert query(root, "from s_raw.x") == before
    assert query(root, "select count(*) from eltflow_meta.file") == [(1,)]


@pytest.mark.parametrize(("kind", "first", "second"), [
    ("csv", "v\n1.5\n", "v\n2\n"),
    ("csv", "v\n2020-01-01 10:00:00\n", "v\n2020-01-02\n"),
    ("csv", "v,w\n1,1\n", "v,w\n,2\n"),
    ("csv", "v\ntrue\n", "v\nFALSE\n"),
    ("parquet", "select 1.5::double v", "select 2::bigint v"),
    ("parquet", "select 1::bigint v", "select 2::double v"),
    ("json", '{"v": 1.5}', '{"v": 2}'),
])  # fmt: skip
def test_a_type_that_loses_nothing(lake, eltflow, kind, first, second):
    root = lake([step("x", f"data/*.{kind}")])
    for name, text in zip("ab", (first, second), strict=True):
        put_data(root, f"data/{name}.{kind}", text)
        ran = eltflow("ingest", cwd=root)
        assert ran.code == 0, ran.text
    assert query(root, "select count(*) from s_raw.x") == [(2,)]


def test_a_late_row_of_json(lake, eltflow):
    """Neither a fraction nor a key that comes late is lost."""
    root = lake([step("x", "data/*.json")])
    put(root, "data/a.json", '{"v": 1}\n' * 30000 + '{"v": 1.5, "w": "late"}\n')
    assert eltflow("ingest", cwd=root).code == 0
    assert query(root, "select max(v), max(w) from s_raw.x") == [(1.5, "late")]


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


@pytest.mark.parametrize(
    ("name", "content", "said", "help"),
    [
        (
            "x.xyz",
            '{"a":1}',
            "what data/x.xyz holds is not told by its ending",
            "set `format: csv`, `json`, `parquet`, `xlsx` or `avro`",
        ),
        ("x.txt", "a\n1\n", "what data/x.txt holds is not told by its ending", ".jsonl, .ndjson, .parquet, .parq, .pq"),
        ("x.csv.gz", "no gzip", "data/x.csv.gz cannot be unpacked: it is no gzip file", "take `.gz` from its name"),
        ("x.csv.gz", gzip.compress(b"a,b\n" * 5000, mtime=0)[:-20], "data/x.csv.gz cannot be unpacked", "compress it again"),
        (
            "x.csv",
            gzip.compress(b"a\n1\n", mtime=0),
            "data/x.csv is compressed with gzip, and is read as CSV",
            "add `.gz` to its name",
        ),
        ("x.csv", b"PAR1\x00\x00", "data/x.csv is a Parquet file, and is read as CSV", "set `format: parquet`"),
        ("x.csv", 'id,"na\n1,2\n', "a quote that opens here is not closed", "double the quotes"),
        ("x.csv", 'id,"na\n' + "1,2\n" * 50_000, "a quote that opens here is not closed", "double the quotes"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_told(lake, eltflow, name, content, said, help):
    root = lake([step("x", f"data/{name}")])
    put(root, f"data/{name}", content)
    for load in ((), ("--full-refresh",)):
        ran = eltflow("ingest", *load, cwd=root)
        assert ran.code == 1
        assert said in ran.err, ran.text
        assert help in ran.err, ran.text
        assert f"data/{name}" in ran.err
        assert "error[E060" in ran.err
    assert query(root, "from information_schema.tables where table_schema = 's_raw'") == []


def test_files_of_several_formats_are_no_one_table(lake, eltflow):
    root = lake([step("x", ["data/a.csv", "data/b.tsv"]), step("y", ["data/a.csv", "data/c.json"])])
    put(root, "data/a.csv", "a,b\n1,2\n")
    put(root, "data/b.tsv", "a\tb\n3\t4\n")
    put(root, "data/c.json", '{"a": 5}')
    ran = eltflow("ingest", cwd=root)
    assert "data/a.csv and data/b.tsv are of different formats" in ran.err
    assert "data/a.csv and data/c.json are of different formats" in ran.err


def test_other_endings_and_a_format_that_is_given(lake, eltflow):
    steps = [step("t", "data/x.txt", source={"format": "csv"}), step("p", "data/x.parq"), step("q", "data/x.pq")]
    root = lake(steps)
    put(root, "data/x.txt", "a\n7\n")
    duckdb.sql(f"copy (select 7 as a) to '{root}/data/x.parq' (format parquet)")
    (root / "data/x.pq").write_bytes((root / "data/x.parq").read_bytes())
    ran = eltflow("ingest", cwd=root)
    assert ran.code == 0, ran.text
    assert query(root, "from s_raw.t union all from s_raw.p union all from s_raw.q") == [(7,)] * 3
