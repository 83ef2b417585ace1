"""`on_bad_row: quarantine`: bad rows of files go beside the table, each once, with the reason; the others are loaded without them."""

from __future__ import annotations

import gzip
import json
from contextlib import closing

import duckdb
import pytest

CSV = 'id,n,v\n1,1,x\n2,abc,y\n3,4\n4,5,6,7\n5,1.5,half\n6,"1,"z"\n7,99999999999999999999,q\n8,8,"two\nlines"\n9,x,"la""ter"\n10,,end\n'
GOOD = [(1, 1, "x"), (8, 8, "two\nlines"), (10, None, "end")]
BAD = [
    (3, "n", "`abc` is no bigint", '{"id":"2","n":"abc","v":"y"}'),
    (4, None, "it has 2 values, and the header 3 columns", "3,4"),
    (5, None, "it has 4 values, and the header 3 columns", "4,5,6,7"),
    (6, "n", "`1.5` is no bigint", '{"id":"5","n":"1.5","v":"half"}'),
    (7, None, "a quote is not closed, or text follows it", '6,"1,"z"'),
    (8, "n", "`99999999999999999999` is no bigint", '{"id":"7","n":"99999999999999999999","v":"q"}'),
    (11, "n", "`x` is no bigint", '{"id":"9","n":"x","v":"la\\"ter"}'),
]
FIRST = "id,n,v\n100,1,first\n"
STEP = {"name": "x", "into": "raw.x", "source": {"kind": "files", "path": "data/*"}, "load": "append", "on_bad_row": "quarantine"}


@pytest.fixture
def lake(tmp_path, eltflow, postgres):
    class Lake:
        root = tmp_path

        def project(self, target="duckdb", *, settings=None, **more):
            own = {"type": "duckdb", "path": "p.duckdb", "schema": "s"} if target == "duckdb" else postgres.target()
            self.target = target
            if target == "postgres":
                with closing(postgres.connect()) as con:
                    con.execute("drop schema if exists s_raw, eltflow_meta cascade")
            (tmp_path / "eltflow.yml").write_text(json.dumps({"name": "p", "targets": {"dev": own}, **(settings or {})}))
            for name in ("ingest", "models", "data"):
                (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / "ingest/i.yml").write_text(json.dumps({"steps": [{**STEP, **more}]}, indent=1))
            return self

        def file(self, name, text):
            (tmp_path / "data" / name).write_bytes(text.encode() if isinstance(text, str) else text)

        def run(self, *arguments, code=0):
            ran = eltflow(*(arguments or ("ingest",)), cwd=tmp_path, env={"PEPPER": "0123456789abcdef0123"})
            assert ran.code == code, ran.text
            return ran.text

        def rows(self, sql="select id, n, v from s_raw.x where id < 100 order by 1"):
            if self.target == "postgres":
                with closing(postgres.connect()) as con:
                    return con.execute(sql).fetchall()
            with duckdb.connect(str(tmp_path / "p.duckdb"), read_only=True) as con:
                return con.execute(sql).fetchall()

        def bad(self, columns="line, column_name, reason, raw"):
            return self.rows(f"select {columns} from s_raw.x__quarantine order by file, line")

    return Lake()


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("target", ["duckdb", "postgres"])
def test_bad_rows_of_csv(lake, target, ending):
    lake.project(target)
    lake.file("a.csv", FIRST)
    lake.run()
    lake.file("b.csv", CSV.replace("\n", ending).replace("two\r\n", "two\n"))
    said = lake.run()
    assert "1 file, 3 rows, 7 quarantined" in said
    assert "`x`: 7 bad rows are in " in said
    assert lake.rows() == GOOD
    assert lake.bad() == BAD
    ((file, load, times),) = set(lake.bad("file, load_id, loaded_at is not null"))
    assert (file, times) == ("data/b.csv", True)
    assert lake.rows(f"select rows from eltflow_meta.load where load_id = '{load}'") == [(3,)]
    assert "nothing new" in lake.run()
    results = json.loads((lake.root / "target/run_results.json").read_text())["results"]
    assert results[0]["adapter_response"]["rows_affected"] == 0
    lake.run("ingest", "--full-refresh")
    assert len(lake.bad()) == 3  # `n` has other types in these files together: only what is no row at all is bad
    lake.file("b.csv", "id,n,v\n1,2,z\n")
    lake.run("ingest", "--full-refresh")
    assert lake.bad() == []


def test_what_is_written_down(lake):
    lake.project(load="replace", columns={"n": {"data_type": "bigint"}})
    lake.file("a.csv", CSV)
    answer = json.loads(lake.run("ingest", "--json"))["results"][0]
    assert (answer["rows"], answer["quarantined"]) == (3, 7)  # 1.5 is no bigint, though an engine's own cast takes it for one
    result = json.loads((lake.root / "target/run_results.json").read_text())["results"][0]
    assert (result["message"], result["adapter_response"]["rows_quarantined"]) == ("load: 3 rows, 7 quarantined", 7)


@pytest.mark.parametrize("packed", [False, True])
def test_wrong_encoding(lake, packed):
    lake.project()
    data = b"\xef\xbb\xbfid,v\n1,a\n2,\xff\xfe\n3,na\xc3\xafve\n"
    lake.file("a.csv.gz" if packed else "a.csv", gzip.compress(data) if packed else data)
    assert "1 file, 2 rows, 1 quarantined" in lake.run()
    assert lake.rows("select id, v from s_raw.x order by 1") == [(1, "a"), (3, "naïve")]
    assert lake.bad("line, reason") == [(3, "it is not UTF-8")]


def test_a_quote_that_never_ends_is_no_bad_row(lake):
    lake.project()
    lake.file("a.csv", 'id,v\n1,"x\n2,y\n3,z\n')
    assert "data/a.csv" in lake.run(code=1)
    lake.file("a.csv", "id,id\n1\n")
    assert "two columns `id`" in lake.run(code=1)


NDJSON = '{"id": 1, "n": 1}\n{"id": 2, "n": "many"}\n{"id": 3, "n": \n{"id": 4, "n": [1]}\n{"id": 5, "n": 1.5}\n[6]\n{"id": 7, "n": 7.0}\n'


@pytest.mark.parametrize("target", ["duckdb", "postgres"])
def test_bad_rows_of_json(lake, target):
    lake.project(target)
    lake.file("a.ndjson", '{"id": 100, "n": 1}\n')
    lake.run()
    lake.file("b.ndjson", NDJSON)
    assert "1 file, 2 rows, 5 quarantined" in lake.run()
    assert lake.rows("select id, n from s_raw.x where id < 100 order by 1") == [(1, 1), (7, 7)]
    assert lake.bad() == [
        (2, "n", "`many` is no bigint", '{"id":2,"n":"many"}'),
        (3, None, "it is no JSON object", '{"id": 3, "n": '),
        (4, "n", "`[1]` is no bigint", '{"id":4,"n":[1]}'),
        (5, "n", "`1.5` is no bigint", '{"id":5,"n":1.5}'),
        (6, None, "it is no JSON object", "[6]"),
    ]
    lake.file("c.json", '[{"id": 8, "n": 8},\n {"id": 9, "n": "x"}]')
    assert "1 file, 1 row, 1 quarantined" in lake.run()
    lake.file("d.json", '{\n "id": 8,\n "n": "x"\n}')
    lake.run(code=1)  # one object over several lines, which no sieve parts


def test_what_is_no_object(lake):
    """DuckDB alone would make one column of such a file, of all that is in it."""
    lake.project()
    lake.file("a.ndjson", '{"id": 1}\n[6]\n\n{"id": 2, "id": 3}\n{"id": 3}\n')
    assert "1 file, 2 rows, 2 quarantined" in lake.run()
    assert lake.rows("select id from s_raw.x order by 1") == [(1,), (3,)]
    assert {reason for _, reason in lake.bad("line, reason")} == {"it is no JSON object", "it has two values of one name"}
    lake.file("b.ndjson", '{"id": 4}\n7\nnull\n{"id": 5}\n')
    assert "1 file, 2 rows, 2 quarantined" in lake.run()
    lake.file("c.ndjson", '{"id": "x"}\n')
    assert "`x`" in lake.run(code=1)  # not one row is good, and whose columns these are cannot be told
    assert lake.rows("select id from s_raw.x order by 1") == [(1,), (3,), (4,), (5,)]


def test_bad_rows_of_parquet(lake):
    lake.project()
    for name, rows in (("a", "(1::bigint, 1::smallint)"), ("b", "(2::bigint, '7'), (3, 'x')"), ("c", "(4, '99999')")):
        duckdb.sql(f"copy (select * from (values {rows}) t(id, n)) to '{lake.root}/data/{name}.parquet' (format parquet)")
        said = lake.run()
    assert "1 file, 0 rows, 1 quarantined" in said
    assert lake.rows("select id, n from s_raw.x order by 1") == [(1, 1), (2, 7)]
    assert lake.bad("file, line, reason, raw") == [
        ("data/b.parquet", 2, "`x` is no smallint", '{"id":"3","n":"x"}'),
        ("data/c.parquet", 1, "`99999` is no smallint", '{"id":"4","n":"99999"}'),
    ]


@pytest.mark.parametrize("target", ["duckdb", "postgres"])
def test_a_file_that_is_merged_again(lake, target):
    """Rows without a key are bad, and what was bad of a file is forgotten when it comes again."""
    lake.project(target, load="merge", unique_key="id")
    lake.file("a.csv", "id,n,v\n1,1,a\n,2,b\n3,3\n")
    lake.run()
    assert lake.bad("line, column_name, reason") == [
        (3, "id", "it has no value, and rows are matched by it"),
        (4, None, "it has 2 values, and the header 3 columns"),
    ]
    lake.file("b.csv", "id,n,v\n1,4,c\n5,many,d\n")
    lake.run()
    lake.file("a.csv", "id,n,v\n1,9,a\n2,2,b\n3,3\n")
    lake.run()
    assert lake.rows() == [(1, 9, "a"), (2, 2, "b")]
    assert lake.bad("file, line") == [("data/a.csv", 4), ("data/b.csv", 3)]


@pytest.mark.parametrize(
    ("limit", "code"), [(7, 0), (6, 1), (0, 1), ("70%", 0), ("69.9 %", 1), ("{{ 7 }}", 2), ("many", 2), (-1, 2), ("101%", 2)]
)
def test_too_many(lake, limit, code):
    lake.project(max_bad_rows=limit)
    lake.file("a.csv", FIRST)
    lake.run(code=code if code == 2 else 0)
    lake.file("b.csv", CSV)
    said = lake.run(code=code)
    if code == 1:
        assert f"7 of 10 rows are bad, and `max_bad_rows` is {limit}; the first is data/b.csv:3: `n`: `abc` is no bigint" in said
        assert lake.rows() == lake.bad() == []
    elif code == 2:
        assert f"`max_bad_rows` cannot be `{limit}`" in said


@pytest.mark.parametrize(
    "columns",
    [{"v": {"tags": ["pii"]}}, {"v": {"hash": True}}, {"v": {"exclude": True}}, {"n": {"tags": ["pii"]}, "v": {"tags": ["pii"]}}],
)
def test_nothing_personal_is_put_aside(lake, columns):
    lake.project(columns=columns, settings={"hash_secret": "{{ env_var('PEPPER') }}"})
    lake.file("a.csv", "id,n,v\n100,1,first\n")
    lake.run()
    lake.file("b.csv", "id,n,v\n1,1,x\n2,sesame,ann@example.com\n3,ann@example.com\n")
    said = lake.run()
    assert "1 row, 2 quarantined" in said
    assert "ann@example.com" not in said
    assert lake.bad("line, raw is null") == [(3, False), (4, True)]
    for path in lake.root.rglob("*"):
        if path.is_file() and path.parent.name != "data":
            assert b"ann@example.com" not in path.read_bytes(), path
            assert ("n" in columns) <= (b"sesame" not in path.read_bytes()), path
