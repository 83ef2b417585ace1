"""`on_bad_row: quarantine` for rows of databases: the good ones are loaded, the bad ones beside them, in one transaction."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import duckdb
import pytest

BAD = "select column_name, reason, raw, line from s_raw.x__quarantine order by line, raw"


class Shop:
    """A source of one kind with a table `t`, and a project that loads it."""

    def __init__(self, root, eltflow, postgres, source, target):
        self.root, self._eltflow, self._postgres, self.source, self.target = root, eltflow, postgres, source, target
        crm = {"type": source, "path": f"src.{source}"}
        if source == "postgres":
            crm = {key: value for key, value in postgres.target().items() if key in ("type", "host", "user", "dbname")}
        own = postgres.target() if target == "postgres" else {"type": "duckdb", "path": "p.duckdb", "schema": "s"}
        with closing(postgres.connect()) as con:
            con.execute("drop schema if exists src, s_raw, eltflow_meta cascade")
            con.execute("create schema src")
        settings = {"name": "p", "targets": {"dev": own}, "connections": {"crm": crm}, "hash_secret": "{{ env_var('PEPPER') }}"}
        (root / "eltflow.yml").write_text(json.dumps(settings))
        for name in ("ingest", "models"):
            (root / name).mkdir()

    def step(self, load="replace", **more):
        table = "src.t" if self.source == "postgres" else "t"
        one = {"name": "x", "source": {"kind": "sql", "connection": "crm", "table": table}, "into": "raw.x", "load": load}
        (self.root / "ingest/i.yml").write_text(json.dumps({"steps": [{**one, "on_bad_row": "quarantine", **more}]}, indent=1))

    def change(self, *statements):
        if self.source == "postgres":
            with closing(self._postgres.connect()) as con:
                con.execute("set search_path = src")
                for one in statements:
                    con.execute(one)
            return
        opener = sqlite3.connect if self.source == "sqlite" else duckdb.connect
        with closing(opener(str(self.root / f"src.{self.source}"))) as con:
            for one in statements:
                con.execute(one)
            con.commit()

    def run(self, *arguments, code=0):
        ran = self._eltflow("ingest", *arguments, cwd=self.root, env={"PEPPER": "0123456789abcdef0123"})
        assert ran.code == code, ran.text
        return ran.text

    def rows(self, sql="select * from s_raw.x order by 1"):
        if self.target == "postgres":
            with closing(self._postgres.connect()) as con:
                return con.execute(sql).fetchall()
        with duckdb.connect(str(self.root / "p.duckdb"), read_only=True) as con:
            return con.execute(sql).fetchall()


@pytest.fixture
def shop(tmp_path, eltflow, postgres):
    return lambda source, target="duckdb": Shop(tmp_path, eltflow, postgres, source, target)


@pytest.mark.parametrize(
    ("source", "target"), [("sqlite", "postgres"), ("duckdb", "duckdb"), ("postgres", "postgres"), ("postgres", "duckdb")]
)
def test_values_that_a_declared_type_does_not_take(shop, source, target):
    """Of a merge by a cursor, which reads some rows again: each bad row is in the quarantine once."""
    w = shop(source, target)
    w.change("create table t (id integer, n varchar(20), seen timestamp)")
    tab = "char" if source == "sqlite" else "chr"
    rows = f"(1, '5', '2020-01-01'), (2, 'x' || {tab}(9) || '\\y', '2020-01-02'), (3, '', '2020-01-02')"
    w.change(f"insert into t values {rows}")
    w.step("merge", unique_key="id", cursor={"column": "seen"}, columns={"n": {"data_type": "integer"}})
    assert "1 row, 2 quarantined" in w.run()
    first = [("n", "`x\t\\y` is no integer", 2), ("n", "`` is no integer", 3)]
    assert [(column, reason, line) for column, reason, _, line in w.rows(BAD)] == first
    assert json.loads(w.rows(BAD)[0][2]) | {"seen": ""} == {"id": "2", "n": "x\t\\y", "seen": ""}
    w.change("insert into t values (4, '7', '2020-01-03'), (5, 'y', '2020-01-03')")
    assert "+1 row" in w.run()
    assert len(w.rows(BAD)) == 3
    w.run()  # reads what is at the end of the last load again
    assert len(w.rows(BAD)) == 3
    w.change("update t set n = '8', seen = '2020-01-04' where id = 5")
    w.run()
    assert [(id, n) for id, n, _ in w.rows()] == [(1, 5), (4, 7), (5, 8)]


def test_values_that_are_not_of_their_columns_type(shop):
    """SQLite keeps any value in any column; what is masked elsewhere is masked here."""
    w = shop("sqlite")
    w.change("create table t (id integer, d date, mail text, b text)")
    w.change("insert into t values (1, '2020-01-01', 'a@x', 'ok'), ('abc', '2020-01-01', 'b@x', 'ok'), (3, 'soon', 'c@x', 'ok')")
    w.change("insert into t values (4, null, 'd@x', x'00ff'), (5, null, 'e@x', null), (1.5, null, 'f@x', 'half')")
    w.step(columns={"mail": {"hash": True, "tags": ["pii"]}}, max_bad_rows="70%")
    assert "2 rows, 4 quarantined" in w.run()
    assert [row[0] for row in w.rows()] == [1, 5]
    assert w.rows(BAD) == [
        ("id", "`abc` is no bigint", '{"id":"abc","d":"2020-01-01","mail":"*****","b":"ok"}', 2),
        ("d", "`soon` is no date", '{"id":"3","d":"soon","mail":"*****","b":"ok"}', 3),
        ("b", "`00ff` is no varchar", '{"id":"4","d":null,"mail":"*****","b":"00ff"}', 4),
        ("id", "`1.5` is no bigint", '{"id":"1.5","d":null,"mail":"*****","b":"half"}', 6),
    ]
    w.step(max_bad_rows="50%")
    assert "4 of 6 rows are bad, and `max_bad_rows` is 50%; the first is t of `crm`:2: `id`: `abc` is no bigint" in w.run(code=1)
    w.change("delete from t where typeof(id) <> 'integer' or id in (3, 4)")
    w.run()
    assert w.rows(BAD) == []  # a table that is replaced has the bad rows of its own load


def test_rows_without_what_they_are_matched_by(shop):
    w = shop("duckdb")
    w.change("create table t (id integer, v varchar, seen timestamp)")
    w.change("insert into t values (1, 'a', '2020-01-01'), (null, 'b', '2020-01-01'), (3, 'c', null)")
    w.step("append", cursor={"column": "seen"})
    assert "2 rows, 1 quarantined" in w.run()
    w.run()
    assert [(column, reason) for column, reason, *_ in w.rows(BAD)] == [("seen", "it has no value, and rows are matched by it")]
    w.step("merge", unique_key="id", cursor={"column": "seen"})
    w.run("--full-refresh")
    assert [row[0] for row in w.rows()] == [1]
    assert [(column, line) for column, _, _, line in w.rows(BAD)] == [("id", 2), ("seen", 3)]


@pytest.mark.parametrize(("source", "target"), [("duckdb", "duckdb"), ("postgres", "postgres"), ("sqlite", "postgres")])
def test_rows_of_one_key_of_which_none_is_the_latest(shop, source, target):
    """The highest cursor wins; where two have it, or there is none, a database has no order that would tell."""
    w = shop(source, target)
    w.change("create table t (id integer, v varchar(9), seen timestamp)")
    w.change("insert into t values (1, 'a', '2020-01-01'), (1, 'b', '2020-01-02'), (2, 'c', '2020-01-01'), (2, 'd', '2020-01-01')")
    w.change("insert into t values (2, 'e', '2019-01-01'), (3, 'f', '2020-01-01')")
    w.step("merge", unique_key="id", cursor={"column": "seen"}, on_bad_row="fail")
    assert "several new rows have one key (`id` holds `2`), and nothing tells which of them is the latest" in w.run(code=1)
    w.step("merge", unique_key="id", cursor={"column": "seen"})
    assert "2 quarantined" in w.run()
    assert [(id, v) for id, v, _ in w.rows()] == [(1, "b"), (2, "e"), (3, "f")]
    reason = "another row has its key, and nothing tells which of them is the latest"
    assert [(c, r, json.loads(raw)["v"]) for c, r, raw, _ in w.rows(BAD)] == [("id", reason, "c"), ("id", reason, "d")]
    w.change("insert into t values (4, 'g', '2020-01-03'), (4, 'h', '2020-01-03')")
    w.run()
    w.run()
    assert [v for _, v, _ in w.rows()] == ["b", "e", "f"]
    assert sorted(json.loads(raw)["v"] for _, _, raw, _ in w.rows(BAD)) == ["c", "d", "g", "h"]
    w.change("update t set seen = '2020-01-04' where v in ('d', 'h')")
    w.run()
    assert [v for _, v, _ in w.rows()] == ["b", "d", "f", "h"]
    w.step("merge", unique_key=["id", "v"])
    w.change("insert into t values (1, 'b', '2020-01-01')")
    w.run("--full-refresh")
    assert [(c, json.loads(raw)["v"]) for c, _, raw, _ in w.rows(BAD)] == [(None, "b"), (None, "b")]


def test_what_is_no_bad_row_stops_the_step(shop):
    w = shop("duckdb")
    w.change("create table t (id integer)")
    w.step("merge", unique_key="nope", cursor={"column": "id"})
    assert "`unique_key` names the column `nope`" in w.run(code=1)
    w.step(columns={"id": {"data_type": "nope"}})
    assert "error[" in w.run(code=1)
