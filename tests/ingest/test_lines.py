"""Files of lines: by a pattern, or by the width of columns."""

from __future__ import annotations

import gzip
import json
from contextlib import closing
from textwrap import dedent

import duckdb
import pytest

LOG = r'(?P<ip>\S+) - (?P<user>\w+)? ?"(?P<request>[^"]*)" (?P<status>\d+)(?: (?P<bytes>\d+))?'


class World:
    def __init__(self, root, eltflow, request):
        self.root, self._eltflow, self._request = root, eltflow, request

    def project(self, source, target="duckdb", **step):
        self.target = target
        own = {"type": "duckdb", "path": "p.duckdb", "schema": "s"}
        if target == "postgres":
            postgres = self._request.getfixturevalue("postgres")
            own = postgres.target()
            with closing(postgres.connect()) as con:
                con.execute("drop schema if exists s_raw, eltflow_meta cascade")
        (self.root / "eltflow.yml").write_text(json.dumps({"name": "p", "targets": {"dev": own}}))
        for name in ("ingest", "models", "data"):
            (self.root / name).mkdir(exist_ok=True)
        one = {"name": "x", "source": {"kind": "files", **source}, "into": "raw.x", **step}
        (self.root / "ingest/i.yml").write_text(json.dumps({"steps": [one]}, indent=1))
        return self

    def run(self, *arguments, code=0):
        ran = self._eltflow(*(arguments or ("ingest",)), cwd=self.root)
        assert ran.code == code, ran.text
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


@pytest.mark.parametrize("target", ["duckdb", "postgres"])
def test_lines_by_a_pattern(world, target):
    """Each is matched as a whole; empty ones are passed over; columns are text, unless they are declared."""
    columns = {"status": {"data_type": "integer"}, "ip": {"rename": "address"}, "bytes": {"data_type": "bigint"}}
    world.project({"path": "data/*.log*", "format": "lines", "pattern": LOG}, target, load="append", columns=columns)
    (world.root / "data/a.log").write_text('10.0.0.1 - ann "GET /a\tb?x=\'1\'" 200 17\n\n10.0.0.2 - "POST /é" 404\n')
    assert "2 rows" in world.run()
    (world.root / "data/b.log.gz").write_bytes(gzip.compress(b'10.0.0.3 - bob "" 500 0\r\n'))
    assert "1 file, 1 row" in world.run()
    assert world.rows('select address, "user", request, status, bytes from s_raw.x order by 1') == [
        ("10.0.0.1", "ann", "GET /a\tb?x='1'", 200, 17),
        ("10.0.0.2", None, "POST /é", 404, None),
        ("10.0.0.3", "bob", None, 500, 0),
    ]


@pytest.mark.parametrize("target", ["duckdb", "postgres"])
def test_lines_of_fixed_width(world, target):
    widths = {"id": 3, "name": 5, "cents": 6}
    world.project({"path": "data/a.txt", "format": "fixed", "widths": widths}, target, columns={"cents": {"data_type": "integer"}})
    (world.root / "data/a.txt").write_text("001Zoë     320\n002\n 3 Ann B   -5\n")
    world.run()
    assert world.rows() == [("001", "Zoë", 320), ("002", None, None), ("3", "Ann B", -5)]


def test_a_line_that_does_not_fit(world):
    """Is told with its number, and nothing is loaded."""
    world.project({"path": "data/*.log", "format": "lines", "pattern": r"(?P<a>\d+)"})
    (world.root / "data/a.log").write_text("1\n\n2\nx3\n4\n5x\n")
    assert world.fails() == dedent("""\
        error[E0603]: ingest `x`: 2 lines of data/a.log do not match `pattern`, of which line 4 is the first
         --> data/a.log:4
          |
        4 | x3
          |
          = help: correct the file, or `pattern:`""")
    world.project({"path": "data/*.log", "format": "fixed", "widths": {"a": 1}})
    assert "2 lines of data/a.log are longer than `widths` say, of which line 4 is the first" in world.fails()
    assert "2 lines of data/a.log are longer than `widths` say, of which line 4 is the first" in world.fails(
        "ingest", "--preview", "x"
    )


def test_models_are_checked_against_their_columns(world):
    world.project({"path": "data/*.log", "format": "lines", "pattern": r"(?P<code>\d+)"})
    (world.root / "data/a.log").write_text("1\n")
    (world.root / "models/m.sql").write_text("select cod from raw.x")
    assert "did you mean `code`?" in world.fails("check")
    (world.root / "models/m.sql").write_text("select code from raw.x")
    assert "1 model built" in world.run("build")


@pytest.mark.parametrize("target", ["duckdb", "postgres"])
def test_bad_lines_are_put_aside(world, target):
    """Those that do not match, are no text, or hold a value of another type than is declared; the others are loaded."""
    source = {"path": "data/*.log*", "format": "lines", "pattern": r"(?P<id>\S+) (?P<n>\S*)"}
    columns = {"n": {"data_type": "integer"}}
    world.project(source, target, load="append", on_bad_row="quarantine", max_bad_rows=4, columns=columns)
    (world.root / "data/a.log").write_bytes(b"a 1\n\nnothing\nb \xff\nc 1x\nd \n")
    assert "1 file, 2 rows, 3 quarantined" in world.run()
    assert world.rows() == [("a", 1), ("d", None)]
    bad = "select line, column_name, reason, raw, file from s_raw.x__quarantine order by line"
    found = world.rows(bad)
    assert found == [
        (3, None, "it does not match `pattern`", "nothing", "data/a.log"),
        (4, None, "it is not UTF-8", "b ?", "data/a.log"),
        (5, "n", "`1x` is no integer", '{"id":"c","n":"1x"}', "data/a.log"),
    ]
    (world.root / "data/b.log.gz").write_bytes(gzip.compress(b"e 5\nx\n"))
    assert "1 file, 1 row, 1 quarantined" in world.run()
    assert "nothing new" in world.run()
    assert world.rows(bad.replace("order by line", "where file = 'data/b.log.gz'")) == [
        (2, None, "it does not match `pattern`", "x", "data/b.log.gz")
    ]
    (world.root / "data/c.log").write_text("1\n2\n3\n4\n5\nx 1\n")
    assert "5 of 6 rows are bad, and `max_bad_rows` is 4; the first is data/c.log:1: it does not match `pattern`" in world.fails()
    assert len(world.rows(bad)) == 4


def test_bad_lines_of_fixed_width(world):
    """Nothing of a column that must not be shown is in the quarantine."""
    source = {"path": "data/a.txt", "format": "fixed", "widths": {"id": 2, "n": 3}}
    columns = {"n": {"data_type": "integer"}, "id": {"tags": ["pii"]}}
    world.project(source, on_bad_row="quarantine", columns=columns)
    (world.root / "data/a.txt").write_text("a  12\nb  1x\nccccccc\n")
    assert "1 row, 2 quarantined" in world.run()
    assert world.rows("select line, reason, raw from s_raw.x__quarantine order by line") == [
        (2, "`1x` is no integer", '{"id":"*****","n":"1x"}'),
        (3, "it is longer than `widths` say", None),
    ]


def test_a_carriage_return_within_a_line_makes_no_line_of_it(world):
    """Whether bad rows are put aside or not; a file whose lines all end in one is no other file."""
    source = {"path": "data/a.log", "format": "lines", "pattern": r"(?P<k>\w) (?P<n>\d)(?P<rest>.*)"}
    for more in ({}, {"on_bad_row": "quarantine"}):
        world.project(source, **more)
        (world.root / "data/a.log").write_bytes(b"a 1\nc 3 x\ry 4\nd 5\nbad\n")
        told = world.run(code=1)
        assert "Traceback" not in told
    assert "data/a.log:2 holds a carriage return, which may end a line or not" in told
    (world.root / "data/a.log").write_bytes(b"a 1\r\nc 3\r\nbad\r\n")
    world.run()
    assert world.rows("select k, n from s_raw.x order by k") == [("a", "1"), ("c", "3")]
