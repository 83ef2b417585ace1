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
