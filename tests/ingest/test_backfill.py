"""`ingest --backfill FROM TO`: rows between two values of the cursor come again, and nothing else changes."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import duckdb
import pytest
from api_server import Api

#: (id, day of January 2013, value)
ROWS = [(n, n + 1, "old") for n in range(9)]
FUNCTION = """
import json
from datetime import datetime
from eltflow import step

@step(into="raw.x", load="merge", unique_key="id", cursor={"column": "at"})
def x(cursor, until):
    print("from", cursor, "until", until)
    for row in json.load(open("rows.json")):
        yield {**row, "at": datetime.fromisoformat(row["at"])}
"""


class World:
    def __init__(self, root, eltflow, servers):
        self.root, self._eltflow, self._servers = root, eltflow, servers
        self.api = None

    def project(self, kind, target="duckdb", **step):
        self.kind, self.target = kind, target
        own = {"type": "duckdb", "path": "p.duckdb", "schema": "s"}
        if target == "postgres":
            own = self._servers("postgres").target()
            with closing(self._servers("postgres").connect()) as con:
                con.execute("drop schema if exists s_raw, eltflow_meta cascade")
        for name in ("ingest", "models"):
            (self.root / name).mkdir(exist_ok=True)
        source, connections = self._source(kind)
        (self.root / "eltflow.yml").write_text(json.dumps({"name": "p", "targets": {"dev": own}, "connections": connections}))
        if kind == "function":
            (self.root / "ingest/x.py").write_text(FUNCTION)
            return self
        one = {
            "name": "x",
            "source": source,
            "into": "raw.x",
            "load": "merge",
            "unique_key": "id",
            "cursor": {"column": "at"},
            **step,
        }
        (self.root / "ingest/x.yml").write_text(json.dumps({"steps": [one]}, indent=1))
        return self

    def _source(self, kind):
        table = {"kind": "sql", "connection": "crm", "table": "t"}
        if kind == "function":
            return {}, {}
        if kind == "rest":
            self.api = Api()
            self.api.answers["/rows"] = lambda asked: self.records
            asked = {"kind": "rest", "connection": "crm", "path": "/rows", "incremental": {"param": "since", "until": "before"}}
            return asked, {"crm": {"type": "rest", "url": self.api.url}}
        if kind in ("sqlite", "duckdb"):
            return table, {"crm": {"type": kind, "path": f"crm.{kind}"}}
        server = self._servers(kind)
        connection = {key: value for key, value in server.target().items() if key not in ("schema", "database", "threads")}
        return {**table, "table": "crm_backfill.t"}, {"crm": connection}

    def holds(self, rows):
        """The source's rows, all of them."""
        self.records = [{"id": id, "at": f"2013-01-{day:02}T00:00:00", "v": v} for id, day, v in rows]
        (self.root / "rows.json").write_text(json.dumps(self.records))
        made = [f"({r['id']}, '{r['at'].replace('T', ' ')}', '{r['v']}')" for r in self.records]
        statements = ["create table t (id integer, at_ timestamp, v varchar(9))", f"insert into t values {', '.join(made)}"]
        statements = [s.replace("at_", '"at"' if self.kind != "mariadb" else "at") for s in statements]
        if self.kind == "sqlite":
            with closing(sqlite3.connect(self.root / "crm.sqlite")) as con:
                con.executescript(";".join(["drop table if exists t", *statements]))
        elif self.kind == "duckdb":
            with duckdb.connect(str(self.root / "crm.duckdb")) as con:
                con.execute(";".join(["drop table if exists t", *statements]))
        elif self.kind in ("postgres", "mariadb"):
            with closing(self._servers(self.kind).connect()) as con:
                cursor = con.cursor()
                use = "set search_path = crm_backfill" if self.kind == "postgres" else "use crm_backfill"
                for statement in ("create schema if not exists crm_backfill", use, "drop table if exists t", *statements):
                    cursor.execute(statement)
                con.commit()

    def run(self, *arguments, code=0):
        ran = self._eltflow(*arguments, cwd=self.root)
        assert ran.code == code, ran.text
        return ran.text

    def fails(self, *arguments, code=1):
        text = self.run(*arguments, code=code)
        return text[text.index("error[") :].split("\n\n")[0].rstrip()

    def rows(self, sql="select id, v from s_raw.x order by id"):
        if self.target == "postgres":
            with closing(self._servers("postgres").connect()) as con:
                return con.execute(sql).fetchall()
        with duckdb.connect(str(self.root / "p.duckdb"), read_only=True) as con:
            return con.execute(sql).fetchall()


@pytest.fixture
def world(tmp_path, eltflow, request):
    made = World(tmp_path, eltflow, request.getfixturevalue)
    yield made
    if made.api is not None:
        made.api.close()


CASES = [(kind, "duckdb") for kind in ("sqlite", "duckdb", "postgres", "mariadb", "rest", "function")]
CASES += [(kind, "postgres") for kind in ("sqlite", "rest", "function")]


@pytest.mark.parametrize(("kind", "target"), CASES)
def test_rows_between_two_days_come_again(world, kind, target):
    """With those that came late; the first bound is in, the second out; the cursor stays where it is; twice is once."""
    world.project(kind, target)
    world.holds(ROWS)
    world.run("ingest")
    cursor = world.rows("select name, value from eltflow_meta.cursor")
    world.holds([(id, day, "new") for id, day, _ in ROWS] + [(50, 4, "late")])
    for _ in range(2):
        text = world.run("ingest", "--backfill", "2013-01-03", "2013-01-06")
        assert world.rows() == [(n, "new" if n in (2, 3, 4) else "old") for n in range(9)] + [(50, "late")]
        assert world.rows("select name, value from eltflow_meta.cursor") == cursor
    if kind == "rest":
        assert world.api.asked[-1].params == {"since": "2013-01-03T00:00:00Z", "before": "2013-01-06T00:00:00Z"}
    if kind == "function":
        assert "printed: from 2013-01-03 00:00:00 until 2013-01-06 00:00:00" in text
    world.run("ingest")
    assert world.rows()[8] == (8, "new")


def test_a_later_row_of_the_table_stays(world):
    world.project("sqlite")
    world.holds(ROWS)
    world.run("ingest")
    world.holds([(8, 2, "earlier")])
    world.run("ingest", "--backfill", "2013-01-01", "2013-01-05")
    assert world.rows()[8] == (8, "old")


def test_a_backfill_that_fails_changes_nothing(world):
    world.project("sqlite")
    world.holds(ROWS)
    world.run("ingest")
    world.holds([(1, 2, "new")])
    with closing(sqlite3.connect(world.root / "crm.sqlite")) as con:
        con.execute("insert into t values (3, null, 'x')")
        con.commit()
    assert "1 row of the source has no value in the cursor `at`" in world.fails("ingest", "--backfill", "2013-01-01", "2013-01-05")
    assert {v for _, v in world.rows()} == {"old"}


@pytest.mark.parametrize("kind", ["sqlite", "function"])
def test_killed_at_every_statement(world, forked, kind):
    """All of it is there, or nothing; the next one makes it whole."""
    world.project(kind)
    world.holds(ROWS)
    world.run("ingest")
    old, killed = world.rows(), 0
    for point in range(1, 20):
        values = f"new {point}"
        world.holds([(id, day, values) for id, day, _ in ROWS])
        code, out, err = forked("ingest", "--backfill", "2013-01-01", "2013-02-01", cwd=world.root, statement=point)
        assert code in (-9, 0), out + err
        killed += code == -9
        new = [(id, values) for id, _ in old]
        assert world.rows() in (old, new)
        world.run("ingest", "--backfill", "2013-01-01", "2013-02-01")
        assert world.rows() == new
        old = new
        if code == 0:
            break
    assert killed >= 9


@pytest.mark.parametrize(
    ("bounds", "message", "help"),
    [
        (("2013-01-01", "soon"), "`--backfill 2013-01-01 soon`: `soon` is no TIMESTAMP, like the cursor `at`", "write one"),
        (
            ("2013-02-01", "2013-01-01"),
            "`--backfill 2013-02-01 2013-01-01` holds nothing: it ends where it begins, or before",
            "write the earlier one first; rows at the second are left out",
        ),
    ],
)
@pytest.mark.parametrize("kind", ["sqlite", "function"])
def test_bounds_that_are_none(world, kind, bounds, message, help):
    world.project(kind)
    world.holds(ROWS)
    world.run("ingest")
    lines = world.fails("ingest", "--backfill", *bounds).split("\n")
    assert lines[0] == f"error[E0602]: ingest `x`: {message}"
    assert lines[-1].strip() == f"= help: {help}"


@pytest.mark.parametrize("kind", ["sqlite", "function"])
def test_a_table_that_is_not_loaded_yet(world, kind):
    world.project(kind)
    world.holds(ROWS)
    lines = world.fails("ingest", "--backfill", "2013-01-01", "2013-01-05").split("\n")
    assert lines[0] == "error[E0602]: ingest `x`: p.s_raw.x is not loaded yet, and so nothing is missing in it"
    assert lines[-1].strip() == "= help: load it first: eltflow ingest --select x"


def test_what_else_it_goes_with(world):
    world.project("sqlite")
    for option in ("--full-refresh", "--dry-run"):
        assert world.fails("ingest", "--backfill", "1", "2", option, code=2) == (
            "error[E0112]: --backfill goes with none of --full-refresh, --preview and --dry-run\n  = help: leave one of them out"
        )
