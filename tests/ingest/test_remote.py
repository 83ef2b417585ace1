"""Files that are elsewhere, in a store that speaks S3 or at addresses: they load like those that are here, each once."""

from __future__ import annotations

import gzip
import json
from contextlib import closing

import duckdb
import pytest
from api_server import Api, Reply
from s3_server import SECRET


class World:
    def __init__(self, root, eltflow, request):
        self.root, self._eltflow, self._request = root, eltflow, request
        self.target = "duckdb"

    def project(self, path, target="duckdb", *, connections=None, source=None, **step):
        self.target = target
        own = {"type": "duckdb", "path": "p.duckdb", "schema": "s"}
        if target == "postgres":
            postgres = self._request.getfixturevalue("postgres")
            own = postgres.target()
            with closing(postgres.connect()) as con:
                con.execute("drop schema if exists s_raw, eltflow_meta cascade")
        (self.root / "eltflow.yml").write_text(json.dumps({"name": "p", "targets": {"dev": own}, "connections": connections or {}}))
        for name in ("ingest", "models"):
            (self.root / name).mkdir(exist_ok=True)
        one = {"name": "x", "source": {"kind": "files", "path": path, **(source or {})}, "into": "raw.x", **step}
        (self.root / "ingest/i.yml").write_text(json.dumps({"steps": [one]}, indent=1))
        return self

    def run(self, *arguments, code=0, env=None):
        ran = self._eltflow(*(arguments or ("ingest",)), cwd=self.root, env=env)
        assert ran.code == code, ran.text
        assert SECRET not in ran.text
        return ran.text

    def fails(self, *arguments, code=1):
        text = self.run(*arguments, code=code)
        return text[text.index("error[") :].split("\n\n")[0].rstrip()

    def rows(self, sql="select * from s_raw.x order by 1"):
        if self.target == "postgres":
            with closing(self._request.getfixturevalue("postgres").connect()) as con:
                return con.execute(sql).fetchall()
        with duckdb.connect(str(self.root / "p.duckdb"), read_only=True) as con:
            return con.execute(sql).fetchall()


@pytest.fixture
def world(tmp_path, eltflow, request):
    return World(tmp_path, eltflow, request)


@pytest.fixture
def bucket(s3, request):
    """An empty bucket of the test's own."""
    name = f"b{abs(hash(request.node.name))}"
    s3.bucket(name)
    return name


@pytest.fixture
def api():
    with closing(Api()) as made:
        yield made


def lake(s3):
    return {"lake": s3.connection}


ON = {"connection": "lake"}


@pytest.mark.parametrize("target", ["duckdb", "postgres"])
def test_each_file_once(world, s3, bucket, target):
    """By patterns that stay within a folder or do not, in all formats, packed or not."""
    s3.put(bucket, "in/a.csv", b"id,v\n1,a\n")
    s3.put(bucket, "in/deep/b.csv.gz", gzip.compress(b"id,v\n2,b\n"))
    s3.put(bucket, "in/c.txt", b"no")
    s3.put(bucket, "out/d.csv", b"id,v\n9,z\n")
    world.project(f"s3://{bucket}/in/**/*.csv*", target, connections=lake(s3), source=ON, load="append")
    assert "2 files, 2 rows" in world.run()
    assert "nothing new" in world.run()
    s3.put(bucket, "in/e [1].csv", b"id,v\n3,c\n")
    assert "1 file, 1 row" in world.run()
    assert world.rows() == [(1, "a"), (2, "b"), (3, "c")]
    assert [path for (path,) in world.rows("select path from eltflow_meta.file order by 1")] == [
        f"s3://{bucket}/in/a.csv",
        f"s3://{bucket}/in/deep/b.csv.gz",
        f"s3://{bucket}/in/e [1].csv",
    ]
    s3.put(bucket, "in/a.csv", b"id,v\n1,a\n")  # the same again is no change
    assert "nothing new" in world.run()
    s3.put(bucket, "in/a.csv", b"id,v\n1,changed\n")
    assert f"error[E0602]: ingest `x`: s3://{bucket}/in/a.csv changed since it was loaded" in world.fails()
    s3.delete(bucket, "in/a.csv")
    assert "nothing new" in world.run()


def test_merged_again_when_it_changes(world, s3, bucket):
    s3.put(bucket, "a.ndjson", b'{"id": 1, "v": "a"}\n{"id": 2, "v": "b"}\n')
    world.project(f"s3://{bucket}/a.ndjson", connections=lake(s3), source=ON, load="merge", unique_key="id")
    world.run()
    s3.put(bucket, "a.ndjson", b'{"id": 2, "v": "changed"}\n')
    assert "1 file, 1 row" in world.run()
    assert world.rows() == [(1, "a"), (2, "changed")]


def test_a_large_file_comes_in_parts(world, s3, bucket):
    with duckdb.connect() as con:
        con.execute(f"copy (select range as id, hash(range) as h from range(3000000)) to '{world.root / 'x.parquet'}'")
    data = (world.root / "x.parquet").read_bytes()
    assert len(data) > 20_000_000
    s3.put(bucket, "x.parquet", data)
    world.project(f"s3://{bucket}/x.parquet", connections=lake(s3), source=ON)
    assert "3,000,000 rows" in world.run()
    assert world.rows("select count(*), sum(id) from s_raw.x") == [(3_000_000, 2_999_999 * 1_500_000)]


def test_looking_and_planning(world, s3, bucket):
    """A plan asks nobody; a preview fetches the first file."""
    s3.put(bucket, "a.csv", b"id,v\n1,a\n")
    s3.put(bucket, "b.csv", b"id,v\n2,b\n")
    world.project(f"s3://{bucket}/*.csv", connections=lake(s3), source=ON)
    assert f"loads all of s3://{bucket}/*.csv" in world.run("plan")
    shown = world.run("ingest", "--preview", "x")
    assert "  2 files, of which the first was looked at: fetched, and read by duckdb\n" in shown
    assert "id      bigint   bigint" in shown
    assert "   1  a\n" in shown


def test_bad_rows_are_named_by_where_they_are(world, s3, bucket):
    s3.put(bucket, "a.csv", b"id,v\n1,a\nx,b\n")
    columns = {"id": {"data_type": "bigint"}}
    world.project(f"s3://{bucket}/a.csv", connections=lake(s3), source=ON, columns=columns)
    found = world.fails()
    assert f"s3://{bucket}/a.csv, line 3" in found
    assert "eltflow-rows" not in found
    world.project(f"s3://{bucket}/a.csv", connections=lake(s3), source=ON, columns=columns, on_bad_row="quarantine")
    world.run()
    assert world.rows() == [(1, "a")]
    assert world.rows("select file, line from s_raw.x__quarantine") == [(f"s3://{bucket}/a.csv", 3)]
    s3.put(bucket, "a.csv", b"id,v\n1,a,b,c\n")
    world.project(f"s3://{bucket}/a.csv", connections=lake(s3), source=ON)
    assert f"s3://{bucket}/a.csv" in world.fails()


@pytest.mark.parametrize(
    ("path", "more", "message", "help"),
    [
        (
            "s3://no-such-bucket-here/*.csv",
            {},
            "s3://no-such-bucket-here/*.csv is not there",
            "correct the name of the bucket, or the `region:` or `endpoint:` of the connection",
        ),
        (
            "s3://BUCKET/none-*.csv",
            {},
            "no file matches s3://BUCKET/none-*.csv",
            "check `path:`, and whether the connection may see what is there",
        ),
    ],
)
def test_what_is_not_there(world, s3, bucket, path, more, message, help):
    world.project(path.replace("BUCKET", bucket), connections={"lake": {**s3.connection, **more}}, source=ON)
    found = world.fails().replace(bucket, "BUCKET")
    assert message in found.split("\n")[0]
    assert found.split("\n")[-1].strip() == f"= help: {help}"


def test_a_store_that_does_not_answer(world, s3, bucket):
    world.project(f"s3://{bucket}/a.csv", connections={"lake": {**s3.connection, "endpoint": "http://127.0.0.1:9"}}, source=ON)
    found = world.fails("ingest", "--retries", "0")
    assert f"connection `lake`: s3://{bucket}/a.csv cannot be read" in found


# -- addresses -----------------------------------------------------------------------------------------------------------------------


def test_files_at_addresses(world, api):
    """What tells versions apart is the ETag, or when it was modified, or else the file itself."""
    texts = {"/a.csv": b"id,v\n1,a\n", "/b.csv.gz": gzip.compress(b"id,v\n2,b\n"), "/c.csv": b"id,v\n3,c\n"}
    tags = {"/a.csv": {"ETag": '"one"'}, "/b.csv.gz": {"Last-Modified": "Tue, 01 Jan 2013 10:00:00 GMT"}, "/c.csv": {}}
    for path in texts:
        api.answers[path] = lambda asked: Reply(texts[asked.path], headers=tags[asked.path])
    world.project([f"{api.url}{path}?token=abc" for path in texts], load="merge", unique_key="id")
    assert "3 files, 3 rows" in world.run()
    assert [one.method for one in api.asked if one.path == "/a.csv"] == ["HEAD", "GET", "HEAD"]
    assert "nothing new" in world.run()
    assert world.rows("select path from eltflow_meta.file order by 1") == [(f"{api.url}{path}",) for path in sorted(texts)]
    texts |= {"/a.csv": b"id,v\n1,b\n", "/b.csv.gz": gzip.compress(b"id,v\n2,c\n"), "/c.csv": b"id,v\n3,d\n"}
    tags |= {"/a.csv": {"ETag": '"two"'}, "/b.csv.gz": {"Last-Modified": "Tue, 01 Jan 2013 11:00:00 GMT"}}
    assert "3 files, 3 rows" in world.run()
    assert world.rows() == [(1, "b"), (2, "c"), (3, "d")]
    world.run("compile")
    for path in (world.root / "target").rglob("*.json"):
        assert "token=abc" not in path.read_text()


def test_it_is_asked_again_and_sent_on(world, api):
    told = {"n": 0}

    def once(asked):
        told["n"] += 1
        if told["n"] in (1, 3):
            return Reply(b"", 503, {"Retry-After": "0"})
        if told["n"] == 4:
            return Reply(b"id\n1\n2\n", headers={"ETag": '"x"'}, cut=4)
        return Reply(b"id\n1\n2\n", headers={"ETag": '"x"'})

    api.answers["/real.csv"] = once
    api.answers["/a.csv"] = lambda asked: Reply(b"", 302, {"Location": "/real.csv"})
    world.project(f"{api.url}/a.csv")
    world.run()
    assert world.rows() == [(1,), (2,)]


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply(b"", 404), "no file matches URL/a.csv"),
        (Reply(b"", 403), "URL/a.csv cannot be read: status 403"),
        (Reply(b"", 302, {"Location": "/a.csv"}), "URL/a.csv sends on from address to address"),
        (Reply(b"id\n", headers={"ETag": '"a"'}, cut=1), "URL/a.csv broke off after 1 bytes, 5 times: ProtocolError"),
    ],
)
def test_what_an_address_may_answer(world, api, reply, message):
    """Parameters of an address are in no message, for they may be secret."""
    api.answers["/a.csv"] = lambda asked: reply
    world.project(f"{api.url}/a.csv?key=abc")
    assert message in world.fails("ingest", "--retries", "0").replace(api.url, "URL").split("\n")[0]


def test_a_file_that_changes_while_it_is_read(world, api):
    tags = iter(['"1"', '"2"'])
    api.answers["/a.csv"] = lambda asked: Reply(b"id\n1\n", headers={"ETag": next(tags)})
    world.project(f"{api.url}/a.csv")
    assert "changed while it was being read" in world.fails()
    tags = iter(['"1"', '"1"', '"2"', '"2"'])
    api.answers["/a.csv"] = lambda asked: Reply(b"id\n1\n", headers={"ETag": next(tags)})
    assert "changed while it was being loaded" in world.fails()
