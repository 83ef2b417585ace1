"""Tables and queries of SQLite, DuckDB and PostgreSQL into the same three: every value, each row once, whatever happens."""

from __future__ import annotations

import datetime
import json
import math
import sqlite3
from contextlib import closing
from types import SimpleNamespace

import duckdb
import pytest
from eltflow_postgres.tables import PostgresTables
from postgres_server import PASSWORD

from eltflow.transfer import Kept, Origin, Since

TARGETS = ("duckdb", "postgres", "sqlite")
SOURCES = ("sqlite", "duckdb", "postgres", "mariadb")


class World:
    """A source that changes, and a project that loads `t` from it."""

    def __init__(self, root, source, target, postgres, eltflow, mariadb=None):
        self.root, self.source, self.kind, self._postgres, self._eltflow = root, source, target, postgres, eltflow
        self._mariadb = mariadb
        root.mkdir()
        own = {"type": target, "path": f"p.{target}", "schema": "s"} if target != "postgres" else postgres.target()
        connection = {k: v for k, v in postgres.target().items() if k in ("type", "host", "user", "dbname")}
        if source == "mariadb":
            self._mariadb.sql("drop database if exists src", "create database src character set latin1")
            connection = {k: v for k, v in self._mariadb.target().items() if k in ("type", "host", "port", "user")}
        elif source != "postgres":
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
        name = f"src.{table}" if self.source in ("postgres", "mariadb") else table
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
        if self.source == "mariadb":
            with self._mariadb.connect(database="src", charset="utf8mb4") as con, con.cursor() as cursor:
                cursor.execute("set sql_mode = 'ANSI_QUOTES,STRICT_ALL_TABLES'")
                for one in statements:
                    # Text there has at most 64 KB, and a timestamp no fraction.
                    if one.startswith("create table"):
                        one = one.replace(" text", " longtext").replace(" timestamp", " datetime(6)") + " character set utf8mb4"
                    cursor.execute(one)
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
def world(tmp_path, postgres, eltflow, mariadb):
    return lambda source, target="duckdb": World(tmp_path / "w", source, target, postgres, eltflow, mariadb)


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
    place = "src.t" if source in ("postgres", "mariadb") else "t"
    columns = {"v": {"rename": "w"}, "two": {"exclude": True}}
    w.step("replace", query=f"select id, v, id * 2 as two from {place} where id > 1", columns=columns)
    for _ in range(2):
        w.run()
        assert w.rows() == [(2, None), (3, "")]
    w.change("delete from t")
    w.run()
    assert w.rows() == []


@both
def test_delete_and_insert_and_names_that_must_be_quoted(world, source, target):
    w = world(source, target)
    table = '"Or ""der"'
    w.change(f'create table {table} ("sel ect" integer, "a""b" varchar(9), "UPPER" date, "naïve %" integer)')
    w.change(f"insert into {table} values (1, 'a', '2020-01-01', 1), (1, 'b', '2020-01-02', 2)")
    w.step("delete+insert", table='Or "der', partition_by=["UPPER"])
    w.run()
    w.change(f"delete from {table} where \"UPPER\" = '2020-01-02'", f"insert into {table} values (2, 'c', '2020-01-01', 3)")
    w.run()
    assert w.rows('select "a""b" from s_raw.x') == [("a",), ("b",), ("c",)]


ODD = ("x", "", "tab\there", "line\nbreak\r", "back\\slash \\n \\N", '"quotes" \'', "naïve 😀", "\\", "a\\\\t", " padded ")


@both
def test_texts_arrive_as_they_are(world, source, target):
    w = world(source, target)
    values = ", ".join(
        f"({n}, " + ("E" if source == "postgres" else "") + f"'{_spelt(text, source)}')" for n, text in enumerate(ODD)
    )
    w.change("create table t (id integer, v text)", f"insert into t values {values}, (100, null), (101, '{'long ' * 700_000}')")
    for query in ("select id, v from {}", "select v from {}"):
        w.step("replace", query=query.format("src.t" if source in ("postgres", "mariadb") else "t"))
        w.run()
        found = {row[-1] for row in w.rows()}
        assert found == {*ODD, None, "long " * 700_000}
        assert len(w.rows()) == len(ODD) + 2


def _spelt(text, source):
    text = text.replace("'", "''")
    return text.replace("\\", "\\\\") if source in ("postgres", "mariadb") else text


POSTGRES = {
    "numeric(38,10)": "-1234567890123456789012345678.0000000001",
    "numeric": "1234567890123456789012345678901234567890.123",
    "timestamptz": "infinity",
    "timestamp": "-infinity",
    "timestamp(3)": "0044-03-15 01:02:03.5 BC",
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
        "timestamp(3)": ("0044-03-15 (BC) 01:02:03.5", "0044-03-15 01:02:03.5 BC"),
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


#: Type → (a value as SQL writes it, the type that it has in DuckDB, and how DuckDB spells it there).
MARIADB = {
    "tinyint": ("-128", "TINYINT", "-128"),
    "tinyint(1)": ("5", "TINYINT", "5"),
    "bigint unsigned": ("18446744073709551615", "UBIGINT", "18446744073709551615"),
    "decimal(38,10)": ("-1234567890123456789012345678.0000000001", "DECIMAL(38,10)", "-1234567890123456789012345678.0000000001"),
    "decimal(65,2)": ("123456789012345678901234567890123456789012345678901234567890123.45", "VARCHAR", None),
    "float": ("0.1", "FLOAT", "0.1"),
    "double": ("1.7976931348623157e308", "DOUBLE", "1.7976931348623157e+308"),
    "double unsigned": ("0.3333333333333333", "DOUBLE", "0.3333333333333333"),
    "date": ("'1000-01-01'", "DATE", "1000-01-01"),
    "datetime(6)": ("'9999-12-31 23:59:59.999999'", "TIMESTAMP", "9999-12-31 23:59:59.999999"),
    "timestamp(3)": ("'2020-06-01 12:00:00.5'", "TIMESTAMP WITH TIME ZONE", "2020-06-01 12:00:00.5+00"),
    "time(6)": ("'23:59:59.999999'", "TIME", "23:59:59.999999"),
    "year": ("2020", "SMALLINT", "2020"),
    "bit(5)": ("b'00101'", "BIT", "00101"),
    "char(5)": ("'ab   '", "VARCHAR", "ab"),
    "varchar(9) character set latin1": ("'naïve'", "VARCHAR", "naïve"),
    "longblob": ("x'00ff61'", "BLOB", "\\x00\\xFFa"),
    "binary(3)": ("x'00ff61'", "BLOB", "\\x00\\xFFa"),
    "enum('a b','c')": ("'a b'", "VARCHAR", "a b"),
    "set('x','y')": ("'x,y'", "VARCHAR", "x,y"),
    "json": ('\'{"a": [1.10, "x"]}\'', "VARCHAR", '{"a": [1.10, "x"]}'),
    "uuid": ("'6f1a0e9a-5a3b-4f0e-8c57-000000000001'", "VARCHAR", "6f1a0e9a-5a3b-4f0e-8c57-000000000001"),
}


def test_every_type_of_mariadb(world):
    w = world("mariadb")
    w.change("set time_zone = '+00:00'", "set names utf8mb4")
    columns = ", ".join(f"c{n} {type} null" for n, type in enumerate(MARIADB))
    with w._mariadb.connect(database="src", charset="utf8mb4") as con, con.cursor() as cursor:
        cursor.execute("set time_zone = '+00:00'")
        cursor.execute(f"create table t ({columns})")
        cursor.execute(f"insert into t values ({', '.join(value for value, _, _ in MARIADB.values())})")
        cursor.execute(f"insert into t values ({', '.join(['null'] * len(MARIADB))})")
    w.step("replace")
    assert "is decimal(65,2), and comes as text" in w.run()
    with duckdb.connect(str(w.root / "p.duckdb"), read_only=True) as con:
        con.execute("set TimeZone = 'UTC'")
        kept = [str(d[1]) for d in con.execute("select * from s_raw.x limit 0").description]
        items = ", ".join(f"c{n}::varchar" for n in range(len(MARIADB)))
        found = con.execute(f"select {items} from s_raw.x where c0 is not null").fetchone()
        empty = con.execute("select * from s_raw.x where c0 is null").fetchall()
    wanted = {type: (kind, text or value) for type, (value, kind, text) in MARIADB.items()}
    assert dict(zip(MARIADB, zip(kept, found, strict=True), strict=True)) == wanted
    assert empty == [(None,) * len(MARIADB)]


def test_a_wrong_password_of_mariadb_is_not_told(world):
    w = world("mariadb")
    w.change("create table t (id integer)")
    w.settings["connections"]["crm"] |= {"user": "limited", "password": "wr0ng secret"}
    w.save()
    w.step("replace")
    said = w.run(code=1)
    assert "connection `crm`: " in said
    assert "wr0ng" not in said
    w.settings["connections"]["crm"] |= {"port": 9}
    w.save()
    assert "127.0.0.1:9" in w.run(code=1)


#: Expression in DuckDB → what PostgreSQL has of it, as text; None where it is what DuckDB says.
DUCKDB = {
    "170141183460469231731687303715884105727::hugeint": None,
    "18446744073709551615::ubigint": None,
    "'12345678901234567890123456789012345678'::decimal(38,0)": None,
    "'nan'::double": "NaN",
    "'-inf'::float": "-Infinity",
    "0.1::double": None,
    "'5881580-07-10'::date": "",
    "'infinity'::date": None,
    "'0044-03-15 (BC)'::date": "0044-03-15 BC",
    "'0044-03-15 (BC) 01:02:03.5'::timestamp": "0044-03-15 01:02:03.5 BC",
    "'-infinity'::timestamp": None,
    "'2020-01-01 10:00:00+05:30'::timestamptz": "2020-01-01 04:30:00+00",
    "'2020-01-01 10:00:00'::timestamp_s": None,
    "'2020-01-01 10:00:00.123'::timestamp_ms": None,
    "'2020-01-01 10:00:00.123456'::timestamp_ns": None,
    "'23:59:59.999999'::time": None,
    "'10:00:00+05:30'::timetz": None,
    "'-1 month 3 days -04:05:06'::interval": "-1 mons +3 days -04:05:06",
    "'6f1a0e9a-5a3b-4f0e-8c57-000000000001'::uuid": None,
    r"'\xff\x00a'::blob": r"\xff0061",
    "'0101'::bit": None,
    "'a b'::enum('a b', 'c\"d')": None,
    "['a,b', null, 'x\"y']": r'["a,b", null, "x\"y"]',
    "[[1], [2, 3]]": "[[1], [2, 3]]",
    "{'a': 1.5::decimal(9,2), 'b': 'x'}": '{"a": 1.5, "b": "x"}',
    "map {1: 'a'}": '{"1": "a"}',
    "'{\"a\": 1.10}'::json": '{"a": 1.10}',
    "''": None,
    "true": None,
}
SAID = {
    r"['\xff'::blob]": "is BLOB[], and comes as JSON",
    "['{}'::json]": "is JSON[], and comes as JSON, whose numbers may lose digits",
    "'10:00:00.123456789'::time_ns": "is TIME_NS, and comes as text",
}


@pytest.mark.parametrize("target", ["duckdb", "postgres"])
def test_every_type_of_duckdb(world, target):
    w = world("duckdb", target)
    wanted = {e: own for e, own in {**DUCKDB, **SAID}.items() if own != "" or target == "duckdb"}
    items = ", ".join(f"{expression} as c{n}" for n, expression in enumerate(wanted))
    w.change("set TimeZone = 'UTC'", f"create table t as select {items}", "insert into t (c0) values (null)")
    w.step("replace")
    said = w.run()
    columns = [n for n, expression in enumerate(wanted) if expression in DUCKDB]
    for n, expression in enumerate(wanted):
        assert expression in DUCKDB or f"`c{n}` {SAID[expression]}" in said
    with duckdb.connect(str(w.root / "src.duckdb"), read_only=True) as con:
        con.execute("set TimeZone = 'UTC'")
        source = con.execute(f"select {', '.join(f'c{n}::varchar' for n in columns)} from t where c0 is not null").fetchone()
        types = con.execute("select * from t limit 0").description
    if target == "duckdb":
        with duckdb.connect(str(w.root / "p.duckdb"), read_only=True) as con:
            con.execute("set TimeZone = 'UTC'")
            found = con.execute(
                f"select {', '.join(f'c{n}::varchar' for n in columns)} from s_raw.x where c0 is not null"
            ).fetchone()
            kept = con.execute("select * from s_raw.x limit 0").description
        assert [str(kept[n][1]) for n in columns] == [str(types[n][1]) for n in columns]
        assert found == source
    else:
        with closing(w._postgres.connect(options="-c timezone=UTC")) as con:
            found = con.execute(f"select {', '.join(f'c{n}::text' for n in columns)} from s_raw.x where c0 is not null").fetchone()
        own = [DUCKDB[expression] for expression in wanted if expression in DUCKDB]
        assert found == tuple(there if said is None else said for said, there in zip(own, source, strict=True))
    assert w.rows("select count(*) from s_raw.x") == [(2,)]


def test_every_digit_of_a_number_of_sqlite(world):
    """A cast to text keeps 15 of them."""
    w = world("sqlite")
    numbers = [12345678901234.567, 0.1, 1 / 3, -2.2250738585072014e-308, 1.7976931348623157e308, 9.0, 5e-324]
    w.change("create table t (a double, b decimal(18,4), c)")
    with closing(sqlite3.connect(w.root / "src.sqlite")) as con:
        con.executemany("insert into t values (?, ?, ?)", [(n, round(12345678901.2345 + i, 4), n) for i, n in enumerate(numbers)])
        con.execute("insert into t values (9e999, null, null), (-9e999, null, 'a' || char(0) || 'b')")
        con.commit()
    w.step("replace")
    w.run()
    found = w.rows("select a, b, c from s_raw.x")
    assert sorted(a for a, _, _ in found) == sorted([*numbers, math.inf, -math.inf])
    assert sorted(str(b) for _, b, _ in found if b is not None) == [f"123456789{i:02}.2345" for i in range(1, 8)]
    assert {c for _, _, c in found if c is not None} == {*map(repr, numbers), "a\0b"}
    w.change("update t set b = 1.23456 where a = 0.1")
    assert "the column `b` is decimal(18,4), and holds `1.23456`" in w.run(code=1)


def test_what_sqlite_cannot_keep_is_refused(world):
    w = world("postgres", "sqlite")
    w.change("create table t (id integer, v numeric(38,10))", "insert into t values (1, 2.5)")
    w.step("replace")
    assert "the column `v` is DECIMAL(38,10), and sqlite has no type that keeps all of that" in w.run(code=1)
    w.step("replace", columns={"v": {"data_type": "text"}})
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
        ("datetime", "'2020-01-01 10:00:00 EST'", "2020-01-01 10:00:00 EST"),
        ("decimal(9,2)", "'many'", "many"),
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
def test_a_cursor_of_text_goes_by_its_bytes(world, source, target):
    w = world(source, target)
    w.change("create table t (id integer, k varchar(9))", "insert into t values (1, 'a'), (2, 'B')")
    w.step("merge", unique_key="id", cursor={"column": "k"})
    w.run()
    w.change("insert into t values (3, '~z'), (4, 'b ')")
    w.run()
    assert w.rows("select id from s_raw.x") == [(1,), (2,), (3,), (4,)]
    assert w.rows("select value from eltflow_meta.cursor") == [("~z",)]
    w.run()


def test_postgres_is_asked_for_bytes():
    """In most collations ~z is before a, and would never be read. (The server of the tests has none of them: the words alone are proof.)"""
    asked = []
    tables = PostgresTables(SimpleNamespace(execute=lambda one: asked.append(one.sql) or SimpleNamespace(rows=[(None,)])))
    column = Kept("k", "VARCHAR", '"k"')
    source = tables.rows(Origin(table="t"), [(column, "k")], Since("k", "VARCHAR", "a "))
    assert """ where (("k"::text collate "C") >= 'a') or "k" is null""" in source.sql
    tables.highest(Origin(table="t"), column)
    assert 'max(("k"::text collate "C"))' in asked[-1]


@pytest.mark.parametrize("source", ["sqlite", "postgres"])
def test_a_cursor_that_comes_as_text_is_refused(world, source):
    """As text 10 is before 9: rows would be left out."""
    w = world(source)
    untyped = "n numeric" if source == "postgres" else "n"
    w.change(f"create table t (id integer, {untyped})", "insert into t values (1, 9)")
    w.step("merge", unique_key="id", cursor={"column": "n"})
    said = w.run(code=1)
    assert "comes as text" in said
    assert "and so cannot be the cursor" in said
    w.change("drop table t", "create table t (id integer, n integer)", "insert into t values (1, 9)")
    for declared in ({"column_types": {"n": "varchar"}}, {"columns": {"n": {"data_type": "varchar"}}}):
        w.step("merge", unique_key="id", cursor={"column": "n"}, **declared)
        said = w.run(code=1)
        assert "in the source, and varchar by its configuration: its values would go in another order" in said
    w.step("merge", unique_key="id", cursor={"column": "n"})
    w.run()
    w.change("insert into t values (2, 10)")
    w.run()
    assert w.rows("select id from s_raw.x") == [(1,), (2,)]


@pytest.mark.parametrize(
    ("type", "first", "odd"), [("timestamp", "'2020-01-01'", "17"), ("integer", "5", "'4'||'x'"), ("date", "'2020-01-01'", "3")]
)
def test_a_cursor_of_sqlite_that_holds_another_kind_of_value(world, type, first, odd):
    """SQLite sorts numbers before texts, so that it would not be read, and nobody told."""
    w = world("sqlite")
    w.change(f"create table t (id integer, n {type})", f"insert into t values (1, {first})")
    w.step("merge", unique_key="id", cursor={"column": "n"})
    w.run()
    w.change(f"insert into t values (2, {odd})")
    assert f"the column `n` is {type}, and holds `" in w.run(code=1).lower()


@both
def test_a_cursor_belongs_to_what_it_was_read_from(world, source, target):
    w = world(source, target)
    w.change("create table t (id bigint, n bigint)", "insert into t values (1, 5)")
    w.change("create table u (id bigint, n bigint)", "insert into u values (7, 1)")
    w.step("merge", unique_key="id", cursor={"column": "n"})
    w.run()
    w.step("merge", unique_key="id", cursor={"column": "n"}, table="u")
    said = w.run(code=1)
    assert "is loaded up to `n` 5 from" in said
    assert "t of `crm`, and the step reads" in said
    assert "--full-refresh" in said
    w.run("--full-refresh")
    assert w.rows() == [(7, 1)]
    (w.root / "a.csv").write_text("id,n\n3,3\n")
    by_table = (w.root / "ingest/i.yml").read_text()
    step = {"name": "x", "source": {"kind": "files", "path": "a.csv"}, "into": "raw.x", "load": "replace"}
    (w.root / "ingest/i.yml").write_text(json.dumps({"steps": [step]}))
    w.run()
    (w.root / "ingest/i.yml").write_text(by_table)
    w.change("insert into u values (8, 0)")
    w.run()  # nothing of the cursor is left: it goes on from nothing
    assert sorted(w.rows("select id from s_raw.x")) == [(3,), (7,), (8,)]


@pytest.mark.parametrize("target", TARGETS)
def test_columns_of_one_name(world, target):
    """DuckDB and SQLite give the second one another name."""
    w = world("postgres", target)
    w.change("create table t (id integer)", "insert into t values (1)")
    w.step("replace", query="select a.id, b.id from src.t a, src.t b")
    assert "gives several columns named `id`" in w.run(code=1)


def test_where_a_first_load_begins_has_a_zone_or_none(world):
    w = world("postgres")
    w.change("create table t (id integer, at timestamp, z timestamptz)")
    w.change("insert into t values (1, '2020-01-01', '2020-01-01'), (2, '2021-01-01', '2021-01-01')")
    w.step("merge", unique_key="id", cursor={"column": "at", "initial": "2020-06-01T00:00:00Z"})
    assert "the cursor `at` is TIMESTAMP, and cannot go on from `2020-06-01T00:00:00Z`" in w.run(code=1)
    w.step("merge", unique_key="id", cursor={"column": "z", "initial": "2020-06-01T00:00:00"})
    w.run()
    assert w.rows("select id from s_raw.x") == [(2,)]


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


def test_the_target_as_its_own_source(world):
    w = world("duckdb")
    w.change("create table t (id integer)")
    w.settings["connections"]["crm"]["path"] = "p.duckdb"
    w.save()
    w.step("replace")
    said = w.run(code=1)
    assert "p.duckdb is the target itself" in said
    assert "read its tables in a model" in said


def test_connections_that_are_wrong(world):
    w = world("postgres")
    w.change("create table t (id integer)")
    w.step("replace")
    good = w.settings["connections"]["crm"]
    for change, words in (
        ({"user": "limited", "password": PASSWORD[:-1]}, "password authentication failed"),
        ({"host": "127.0.0.1", "port": 1}, "127.0.0.1"),
        ({"dbname": "nope"}, "nope"),
        ({"usr": "x", "password": PASSWORD[:-1]}, "a postgres connection has no key `usr`"),
        ({"type": "postgre", "password": PASSWORD[:-1]}, "no source is called `postgre`"),
        ({"type": "postgrs"}, "no source is called `postgrs`"),
        ({"password": "{{ env_var('NOT_SET_ANYWHERE') }}"}, "the environment variable `NOT_SET_ANYWHERE` is not set"),
    ):
        w.settings["connections"]["crm"] = {**good, **change}
        w.save()
        ran = w._eltflow("ingest", cwd=w.root)
        assert ran.code in (1, 2), ran.text
        assert words in ran.text
        assert PASSWORD[:-1] not in ran.text
        for path in w.root.rglob("*"):
            assert path.name == "eltflow.yml" or not path.is_file() or PASSWORD[:-1].encode() not in path.read_bytes(), path
    w.settings["connections"] = {"crn": good}
    w.save()
    said = w.run(code=2)
    assert "there is no connection `crm`" in said
    assert "did you mean `crn`?" in said
