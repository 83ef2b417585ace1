"""Tables and queries of SQLite, DuckDB and PostgreSQL into the same three: every value, each row once, whatever happens."""

from __future__ import annotations

import datetime
import json
import sqlite3
from contextlib import closing

import duckdb
import pytest
from postgres_server import PASSWORD

TARGETS = ("duckdb", "postgres", "sqlite")
SOURCES = ("sqlite", "duckdb", "postgres")


class World:
    """A source that changes, and a project that loads `t` from it."""

    def __init__(self, root, source, target, postgres, eltflow):
        self.root, self.source, self.kind, self._postgres, self._eltflow = root, source, target, postgres, eltflow
        root.mkdir()
        own = {"type": target, "path": f"p.{target}", "schema": "s"} if target != "postgres" else postgres.target()
        connection = {k: v for k, v in postgres.target().items() if k in ("type", "host", "user", "dbname")}
        if source != "postgres":
            connection = {"type": source, "path": f"src.{source}"}
        self.settings = {"name": "p", "targets": {"dev": own}, "connections": {"crm": connection}}
        (root / "models").mkdir()
        self.save()
        if "postgres" in (source, target):
            with closing(postgres.connect()) as con:
                con.execute("drop schema if exists src, s_raw, eltflow_meta cascade")
                con.execute("create schema src")

    def save(self):
        (self.root / "eltflow.yml").write_text(json.dumps(self.settings))

    def step(self, load, *, table="t", query=None, **more):
        name = f"src.{table}" if self.source == "postgres" else table
        origin = {"query": query} if query else {"table": name}
        one = {"name": "x", "source": {"kind": "sql", "connection": "crm", **origin}, "into": "raw.x", "load": load, **more}
        (self.root / "ingest").mkdir(exist_ok=True)
        (self.root / "ingest/i.yml").write_text(json.dumps({"steps": [one]}, indent=1))

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
        ran = self._eltflow("ingest", *arguments, cwd=self.root)
        assert ran.code == code, ran.text
        return ran.text

    def rows(self, sql="select * from s_raw.x"):
        if self.kind == "duckdb":
            with duckdb.connect(str(self.root / "p.duckdb"), read_only=True) as con:
                return sorted(con.execute(sql).fetchall(), key=repr)
        if self.kind == "sqlite":
            with closing(sqlite3.connect(self.root / "p.sqlite")) as con:
                for schema in ("s_raw", "eltflow_meta"):
                    con.execute(f"attach '{self.root / f'p.{schema}.sqlite'}' as {schema}")
                return sorted(con.execute(sql).fetchall(), key=repr)
        with closing(self._postgres.connect()) as con:
            return sorted(con.execute(sql).fetchall(), key=repr)


@pytest.fixture
def world(tmp_path, postgres, eltflow):
    return lambda source, target="duckdb": World(tmp_path / "w", source, target, postgres, eltflow)


def both(test):
    return pytest.mark.parametrize("source", SOURCES)(pytest.mark.parametrize("target", TARGETS)(test))


@both
def test_a_merge_by_a_cursor(world, source, target):
    w = world(source, target)
    w.change("create table t (id integer, v varchar(20), seen timestamp)")
    w.change("insert into t values (1, 'a', '2020-01-01 10:00:00'), (2, 'b', '2020-01-01 11:00:00')")
    w.step("merge", unique_key="id", cursor={"column": "seen", "lookback": "1 hour"})
    w.run()
    w.change("update t set v = 'late' where id = 1", "insert into t values (3, 'c', '2020-01-02 00:00:00.25')")
    w.change("update t set v = 'B', seen = '2020-01-02 00:00:00' where id = 2")
    w.run()
    assert w.rows("select id, v from s_raw.x") == [(1, "late"), (2, "B"), (3, "c")]
    ((name, value),) = w.rows("select name, value from eltflow_meta.cursor")
    assert (name, datetime.datetime.fromisoformat(value)) == ("seen", datetime.datetime(2020, 1, 2, microsecond=250_000))
    w.run()
    w.change("insert into t values (4, 'too early', '2019-12-30 00:00:00')")
    w.run()
    assert (4, "too early") not in w.rows("select id, v from s_raw.x")
    w.run("--full-refresh")
    assert len(w.rows()) == 4


@both
def test_an_append_takes_every_row_once(world, source, target):
    """Rows that come late with the cursor's last value too, and as often as they are there."""
    w = world(source, target)
    w.change("create table t (seen integer, v varchar(20))", "insert into t values (1, 'a'), (2, 'b'), (2, 'b')")
    w.step("append", cursor={"column": "seen"})
    if target == "sqlite":
        said = w.run(code=1)
        assert "sqlite has no EXCEPT ALL, by which rows that are there are told from new ones" in said
        assert "set `load: merge` with a `unique_key`, or `replace`" in said
        return
    for _ in range(2):
        w.run()
        assert w.rows() == [(1, "a"), (2, "b"), (2, "b")]
    w.change("insert into t values (2, 'b'), (2, 'c'), (3, 'd')")
    for _ in range(2):
        w.run()
        assert w.rows() == [(1, "a"), (2, "b"), (2, "b"), (2, "b"), (2, "c"), (3, "d")]


@both
def test_replace_and_a_query(world, source, target):
    w = world(source, target)
    w.change("create table t (id integer, v varchar(20))", "insert into t values (1, 'a'), (2, null), (3, '')")
    place = "src.t" if source == "postgres" else "t"
    columns = [{"name": "v", "rename": "w"}, {"name": "two", "exclude": True}]
    w.step("replace", query=f"select id, v, id * 2 as two from {place} where id > 1", columns=columns)
    for _ in range(2):
        w.run()
        assert w.rows() == [(2, None), (3, "")]
    w.change("delete from t")
    w.run()
    assert w.rows() == []


ODD = ("x", "", "tab\there", "line\nbreak\r", "back\\slash \\n \\N", '"quotes" \'', "naïve 😀", "\\", "a\\\\t", " padded ")


@both
def test_texts_arrive_as_they_are(world, source, target):
    w = world(source, target)
    values = ", ".join(
        f"({n}, " + ("E" if source == "postgres" else "") + f"'{_spelt(text, source)}')" for n, text in enumerate(ODD)
    )
    w.change("create table t (id integer, v text)", f"insert into t values {values}, (100, null), (101, '{'long ' * 700_000}')")
    for query in ("select id, v from {}", "select v from {}"):
        w.step("replace", query=query.format("src.t" if source == "postgres" else "t"))
        w.run()
        found = {row[-1] for row in w.rows()}
        assert found == {*ODD, None, "long " * 700_000}
        assert len(w.rows()) == len(ODD) + 2


def _spelt(text, source):
    text = text.replace("'", "''")
    return text.replace("\\", "\\\\") if source == "postgres" else text


POSTGRES = {
    "numeric(38,10)": "-1234567890123456789012345678.0000000001",
    "numeric": "1234567890123456789012345678901234567890.123",
    "timestamptz": "infinity",
    "timestamp": "-infinity",
    "date": "0044-03-15 BC",
    "double precision": "NaN",
    "real": "-Infinity",
    "interval": "1 year 2 mons 3 days 04:05:06.7",
    "jsonb": '{"a": [1.10, "x\\ty"]}',
    "uuid": "6f1a0e9a-5a3b-4f0e-8c57-000000000001",
    "money": "$1,234.56",
    "bit(4)": "0101",
    "inet": "10.0.0.1/8",
    "int4range": "[1,5)",
    "text[]": '{"a b",NULL,"c,d"}',
    "bytea": "\\x00ff61",
    "time": "23:59:59.999999",
    "boolean": "t",
    "char(5)": "ab   ",
}


@pytest.mark.parametrize("target", ["duckdb", "postgres"])
def test_every_type_of_postgres(world, target):
    """What cannot be kept comes as text, and is said."""
    w = world("postgres", target)
    w.change("create table t (" + ", ".join(f"c{n} {type}" for n, type in enumerate(POSTGRES)) + ")")
    values = ", ".join("'" + value + "'" for value in POSTGRES.values())
    w.change(f"insert into t values ({values}), ({', '.join(['null'] * len(POSTGRES))})")
    w.step("replace")
    said = w.run()
    for type, kept in (
        ("numeric", "text: name a `data_type`"),
        ("money", "text"),
        ("bit(4)", "text"),
        ("inet", "text"),
        ("int4range", "text"),
    ):
        assert f"is {type}, and comes as {kept}" in said
    kind = "varchar" if target == "duckdb" else "text"
    items = ", ".join(f"cast(c{n} as {kind})" for n in range(len(POSTGRES)))
    row = w.rows(f"select {items} from s_raw.x where c0 is not null")[0]
    found = dict(zip(POSTGRES, row, strict=True))
    spelt = {
        "date": ("0044-03-15 (BC)", "0044-03-15 BC"),
        "double precision": ("nan", "NaN"),
        "real": ("-inf", "-Infinity"),
        "interval": ("1 year 2 months 3 days 04:05:06.7", "1 year 2 mons 3 days 04:05:06.7"),
        "text[]": ("[a b, NULL, 'c,d']", '["a b", null, "c,d"]'),
        "bytea": ("\\x00\\xFFa", "\\x00ff61"),
        "boolean": ("true", "true"),
        "char(5)": ("ab   ", "ab   "),
    }
    for type, value in POSTGRES.items():
        wanted = spelt.get(type, (value, value))[TARGETS.index(target)]
        assert found[type] == wanted, type
    assert w.rows("select count(*) from s_raw.x") == [(2,)]


def test_what_sqlite_cannot_keep_is_refused(world):
    w = world("postgres", "sqlite")
    w.change("create table t (id integer, v numeric(38,10))", "insert into t values (1, 2.5)")
    w.step("replace")
    assert "the column `v` is DECIMAL(38,10), and sqlite has no type that keeps all of that" in w.run(code=1)
    w.step("replace", columns=[{"name": "v", "data_type": "text"}])
    w.run()
    assert w.rows() == [(1, "2.5000000000")]
    w.change("insert into t values (2, null)", "alter table t add d double precision default 'NaN'")
    said = w.run(code=1)
    assert "SQLite has no NaN, and would make it NULL" in said
    assert w.rows() == [(1, "2.5000000000")]


@pytest.mark.parametrize(
    ("type", "value", "shown"),
    [
        ("integer", "'many'", "many"),
        ("integer", "1.5", "1.5"),
        ("text", "x'6162'", "ab"),
        ("boolean", "2", "2"),
        ("date", "'2020-01-01 10:00'", "2020-01-01 10:00"),
        ("datetime", "'2020-01-01T10:00:00+02'", "2020-01-01T10:00:00+02"),
    ],
)
def test_a_value_of_sqlite_that_is_not_of_its_columns_type(world, type, value, shown):
    w = world("sqlite")
    w.change(f"create table t (v {type})", f"insert into t values ({value})")
    w.step("replace")
    said = w.run(code=1)
    assert f"the column `v` is {type}, and holds `" in said.replace("INTEGER", "integer").replace("TEXT", "text")
    assert shown in said


# -- bad input ---------------------------------------------------------------------------------------------------------------------


@both
def test_what_goes_wrong_with_a_cursor(world, source, target):
    w = world(source, target)
    w.change("create table t (id integer, seen integer)", "insert into t values (1, 5), (2, 7)")
    w.step("merge", unique_key="id", cursor={"column": "seenn"})
    said = w.run(code=1)
    assert "has no column `seenn`, which is the cursor" in said
    assert "did you mean `seen`?" in said
    w.step("merge", unique_key="id", cursor={"column": "seen", "initial": "soon"})
    assert "the cursor `seen` is" in w.run(code=1)
    w.step("merge", unique_key="id", cursor={"column": "seen", "lookback": "1 hour"})
    w.run()
    assert "`lookback` is `1 hour`, and the cursor `seen` is" in w.run(code=1)
    w.step("merge", unique_key="id", cursor={"column": "seen", "lookback": 1})
    before = w.rows()
    w.change("insert into t values (3, null)")
    assert "1 row of the source has no value in the cursor `seen`" in w.run(code=1)
    w.change("delete from t where id > 1")
    said = w.run(code=1)
    assert "the cursor `seen` goes backwards: " in said
    assert "goes to 5 now, and was loaded up to 7" in said
    w.change("delete from t")
    assert "has no rows any more, and was loaded up to 7" in w.run(code=1)
    assert w.rows() == before
    assert w.rows("select value from eltflow_meta.cursor") == [("7",)]


@both
def test_a_source_that_is_not_what_it_was(world, source, target):
    w = world(source, target)
    w.change("create table t (id integer, v integer)", "insert into t values (1, 5)")
    w.step("merge", unique_key="id")
    w.run()
    w.change("drop table t", "create table t (id integer, v text, w integer)", "insert into t values (1, 'five', 2)")
    assert "(new columns: w)" in w.run(code=1)
    w.step("merge", unique_key="id", schema_changes={"column": "discard"})
    said = w.run(code=1)
    assert "the column `v` of " in said
    assert f"is {'VARCHAR' if target == 'duckdb' else 'text'} now, and" in said
    w.change("drop table t")
    said = w.run(code=1)
    assert "connection `crm`" in said
    assert "i.yml" in said
    assert w.rows() == [(1, 5)]
    w.change("create table t (id integer, v integer, w integer)", "insert into t values (1, 6, 7), (1, 6, 8)")
    w.step("merge", unique_key="id", schema_changes={"column": "evolve"})
    assert "several new rows have one key (`id` holds `1`), and nothing tells which of them is the latest" in w.run(code=1)
    w.change("delete from t where w = 8")
    assert "new: `w`" in w.run()
    assert w.rows() == [(1, 6, 7)]


def test_connections_that_are_wrong(world):
    w = world("postgres")
    w.change("create table t (id integer)")
    w.step("replace")
    good = w.settings["connections"]["crm"]
    for change, words in (
        ({"user": "limited", "password": PASSWORD[:-1]}, "password authentication failed"),
        ({"host": "127.0.0.1", "port": 1}, "127.0.0.1"),
        ({"dbname": "nope"}, "nope"),
        ({"usr": "x"}, "a postgres connection has no key `usr`"),
        ({"type": "postgrs"}, "no source is called `postgrs`"),
        ({"password": "{{ env_var('NOT_SET_ANYWHERE') }}"}, "the environment variable `NOT_SET_ANYWHERE` is not set"),
    ):
        w.settings["connections"]["crm"] = {**good, **change}
        w.save()
        ran = w._eltflow("ingest", cwd=w.root)
        assert ran.code in (1, 2), ran.text
        assert words in ran.text
        assert PASSWORD[:-1] not in ran.text
    w.settings["connections"] = {"crn": good}
    w.save()
    said = w.run(code=2)
    assert "there is no connection `crm`" in said
    assert "did you mean `crn`?" in said
