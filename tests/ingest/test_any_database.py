"""Databases by SQLAlchemy's dialects: PostgreSQL and MariaDB stand for what has no reader of its own, SQL Server and Oracle are text alone."""

from __future__ import annotations

import json
from contextlib import closing
from decimal import Decimal
from types import SimpleNamespace

import duckdb
import pytest
import sqlalchemy
from eltflow_sqlalchemy.tables import TABLES, AnyTables, _kept
from sqlalchemy.dialects import mssql, oracle

from eltflow.transfer import Kept, Origin, Since
from eltflow.warehouse import WarehouseError

VALUES = """
create table src.t (id int primary key, n numeric(38, 10), big bigint, share double precision, free numeric, ok boolean, day date,
  clock time, stamp timestamp, seen timestamptz, note text, raw bytea, u uuid, j jsonb, list int[]);
insert into src.t values
 (1, 1234567890123456789012345678.0123456789, 9223372036854775807, 'NaN', 0.10, true, '0001-01-01', '23:59:59.999999',
  '2026-03-29 02:30:00.123456', '2026-03-29 02:30:00+02', E'a\\tb\\\\n\\n→', '\\x00ff',
  '6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'null', '{1,null}'),
 (2, -0.0000000001, -1, '-Infinity', 2, false, '9999-12-31', '00:00', '1969-12-31 23:59:59', '1969-12-31 23:59:59.5+00', '', '', null,
  '{"a": [1.50]}', null),
 (3, null, null, null, null, null, null, null, null, null, null, null, null, null, null);
"""


@pytest.fixture
def world(tmp_path, project, eltflow, postgres, mariadb):
    """A project whose step `x` reads `src.t` by SQLAlchemy."""

    def make(kind="postgres", **more):
        if kind == "postgres":
            at = postgres.target()
            url = f"postgresql+psycopg://{at['user']}@/{at['dbname']}"
            connection = {"type": "sqlalchemy", "url": url, "connect_args": {"host": at["host"]}}
            with closing(postgres.connect()) as con:
                con.execute("drop schema if exists src cascade; create schema src")
        else:
            at = mariadb.target()
            connection = {
                "type": "sqlalchemy",
                "url": f"mysql+pymysql://{at['user']}@{at['host']}:{at['port']}/src?charset=utf8mb4",
            }
            mariadb.sql("drop database if exists src", "create database src")
        settings = {
            "name": "p",
            "targets": {"dev": {"type": "duckdb", "path": "p.duckdb", "schema": "s"}},
            "connections": {"crm": {**connection, **more}},
        }
        root = project({"eltflow.yml": json.dumps(settings, indent=1), "models/keep.txt": ""})
        (root / "ingest").mkdir()

        def step(load="replace", source=None, **more):
            one = {"name": "x", "source": {"kind": "sql", "connection": "crm", **(source or {"table": "src.t"})}, "into": "raw.x"}
            (root / "ingest/i.yml").write_text(json.dumps({"steps": [{**one, "load": load, **more}]}, indent=1))

        def change(sql):
            if kind == "postgres":
                with closing(postgres.connect()) as con:
                    con.execute(sql)
            else:
                mariadb.sql(*(one for one in sql.split(";") if one.strip()))

        def rows(sql="from s_raw.x order by all"):
            with duckdb.connect(str(root / "p.duckdb"), read_only=True) as con:
                con.execute("set TimeZone = 'UTC'")
                return con.execute(sql).fetchall()

        step()
        return SimpleNamespace(root=root, step=step, change=change, rows=rows, run=lambda *a: eltflow("ingest", *a, cwd=root))

    return make


def test_every_value_arrives(world):
    it = world()
    it.change(VALUES)
    ran = it.run()
    assert ran.code == 0, ran.text
    assert "`free` is NUMERIC(), and comes as text" in ran.text
    assert "`list` is ARRAY(INTEGER()), and comes as text" in ran.text
    types = dict(it.rows("select column_name, data_type from duckdb_columns() where table_name = 'x' and schema_name = 's_raw'"))
    assert {n: t for n, t in types.items() if not n.startswith("_")} == {
        **{
            "id": "BIGINT",
            "n": "DECIMAL(38,10)",
            "big": "BIGINT",
            "share": "DOUBLE",
            "free": "VARCHAR",
            "ok": "BOOLEAN",
            "day": "DATE",
        },
        **{
            "clock": "TIME",
            "stamp": "TIMESTAMP",
            "seen": "TIMESTAMP WITH TIME ZONE",
            "note": "VARCHAR",
            "raw": "BLOB",
            "u": "UUID",
        },
        **{"j": "JSON", "list": "VARCHAR"},
    }
    shown = it.rows(
        "select n, big, share::varchar, free, ok, day::varchar, clock::varchar, stamp::varchar,"
        " seen::varchar, note, raw, u::varchar, j::varchar, list"
        " from s_raw.x order by id"
    )
    assert shown == [
        (
            *(Decimal("1234567890123456789012345678.0123456789"), 9223372036854775807, "nan", "0.10", True, "0001-01-01"),
            *("23:59:59.999999", "2026-03-29 02:30:00.123456", "2026-03-29 00:30:00+00", "a\tb\\n\n→", b"\x00\xff"),
            *("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "null", "{1,NULL}"),
        ),
        (
            *(Decimal("-1E-10"), -1, "-inf", "2", False, "9999-12-31", "00:00:00", "1969-12-31 23:59:59"),
            *("1969-12-31 23:59:59.5+00", "", b"", None, '{"a": [1.50]}', None),
        ),
        (None,) * 14,
    ]


@pytest.mark.parametrize("kind", ["postgres", "mariadb"])
def test_increments_by_a_cursor(world, kind):
    it = world(kind)
    it.change("create table src.t (id int primary key, stamp timestamp null, v varchar(9))")
    it.change("insert into src.t values (1, '2026-01-01 10:00:00', 'a'), (2, '2026-01-02 10:00:00', 'b:c')")
    it.step("merge", unique_key="id", cursor={"column": "stamp", "lookback": "1 hour"})
    assert it.run().code == 0
    it.change("update src.t set v = 'late' where id = 1")
    it.change("insert into src.t values (3, '2026-01-02 09:30:00', 'within'), (4, '2026-01-03 00:00:00', 'd')")
    ran = it.run()
    assert ran.code == 0, ran.text
    assert [row[0::2][:2] for row in it.rows("select id, stamp, v from s_raw.x order by id")] == [
        (1, "a"),
        (2, "b:c"),
        (3, "within"),
        (4, "d"),
    ]


def test_a_query_whose_types_nobody_tells(world):
    it = world()
    it.change("create table src.t (id int, clock time); insert into src.t values (1, '10:00:00'), (2, null)")
    it.step(
        source={"query": "select id, '10:00'::text || 'x' as c, clock::text as clock from src.t"},
        columns={"id": {"data_type": "bigint"}},
    )
    ran = it.run()
    assert ran.code == 0, ran.text
    assert "`c` is of a query, whose types nobody tells, and comes as text" in ran.text
    assert it.rows("select id, c, clock from s_raw.x order by id") == [(1, "10:00x", "10:00:00"), (2, "10:00x", None)]
    assert it.rows("select typeof(id) from s_raw.x limit 1") == [("BIGINT",)]


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        ({"url": "crm"}, 2, "`url` must say how to connect: mssql+pymssql://reader@db.example.com/crm"),
        ({"url": "mssql+pymssql://me:hidden-word@db/crm"}, 2, "`url` must not hold the password"),
        ({"url": "nosuch://me@db/crm"}, 2, "SQLAlchemy knows no dialect `nosuch` here"),
        ({"url": "mssql+pymssql://me@db/crm"}, 2, "install it: pip install pymssql"),
        ({"url": "oracle+oracledb://me@db/crm"}, 2, "install it: pip install oracledb"),
        ({"connect_args": "x"}, 2, "`connect_args` must be a mapping"),
        ({"url": "postgresql+psycopg://me@127.0.0.1:1/x", "password": "hidden-word", "connect_args": {}}, 1, "Connection refused"),
        ({"port": 5}, 2, "`port`"),
    ],
)
def test_a_connection_that_is_wrong(world, more, code, words):
    it = world(**more)
    ran = it.run()
    assert ran.code in (1, 2), ran.text
    assert words in ran.text
    assert "hidden-word" not in ran.text
    assert "Traceback" not in ran.text
    assert not (it.root / "p.duckdb").exists() or it.rows("select count(*) from duckdb_tables() where table_name = 'x'") == [(0,)]


@pytest.mark.parametrize("kind", ["postgres", "mariadb"])
def test_a_source_is_read_and_nothing_else(world, kind):
    """Whatever a query says: looking at it, too."""
    it = world(kind)
    it.change("create table src.t (id int); insert into src.t values (1)")
    queries = ["drop table src.t", "delete from src.t", "select 1 as a; drop table src.t; commit"]
    for query in [*queries, "select 1) as x; drop table src.t; --"]:
        it.step(source={"query": query})
        for words in (["--dry-run"], []):
            assert it.run(*words).code != 0, query
    it.step(source={"query": "select id from src.t -- all of it"})
    ran = it.run()
    assert ran.code == 0, ran.text
    it.step(source={"query": "select id from src.t;"})
    assert it.run("--full-refresh").code == 0
    assert it.rows("select id from s_raw.x") == [("1",)]


def test_values_of_mariadb_that_its_driver_changes(world):
    it = world("mariadb")
    it.change(
        "create table src.t (id int primary key, share float, span time, flags set('x','y','z'), big bigint unsigned, seen timestamp(6) null)"
    )
    it.change("set time_zone = '+05:00'; set global time_zone = '+05:00'")
    it.change("insert into src.t values (1, 16777217, '30:00:00', 'x,z', 18446744073709551615, from_unixtime(0.5))")
    try:
        ran = it.run()
        assert ran.code == 0, ran.text
        shown = it.rows("select share, span, flags, big, seen::varchar from s_raw.x")
        assert shown == [(16777216.0, "30:00:00", "x,z", 18446744073709551615, "1970-01-01 00:00:00.5+00")]
    finally:
        it.change("set global time_zone = 'SYSTEM'")


def test_values_of_postgres_that_its_driver_changes(world):
    it = world()
    it.change(
        "create table src.t (id int, span interval, place int4range, host inet, clock timetz);"
        "insert into src.t values (1, '1 mon', '[1,5)', '10.0.0.1/24', '10:00+02'), (2, '30 days', null, null, '10:00-05')"
    )
    ran = it.run()
    assert ran.code == 0, ran.text
    assert it.rows("select span, place, host, clock::varchar from s_raw.x order by id") == [
        ("1 mon", "[1,5)", "10.0.0.1/24", "10:00:00+02"),
        ("30 days", None, None, "10:00:00-05"),
    ]


def test_text_is_no_cursor(world):
    it = world()
    it.change("create table src.t (id int, u text); insert into src.t values (1, 'Z')")
    it.step("append", cursor={"column": "u"})
    for arguments in (("--dry-run",), ()):
        ran = it.run(*arguments)
        assert ran.code == 1
        assert "`u` is text, which is no cursor here" in ran.text
        assert "ingest/" in ran.text


def test_what_is_not_there(world):
    it = world()
    ran = it.run()
    assert ran.code == 1
    assert "postgresql: there is no table src.t" in ran.text
    it.step(source={"query": "select 1 from nowhere"})
    assert 'relation "nowhere" does not exist' in it.run().text


class _Reflected(AnyTables):
    """An engine's text without the engine: what its catalogue would tell is given."""

    def __init__(self, columns):
        self._columns = columns

    def _reflected(self, table):
        return self._columns


def test_what_sql_server_and_oracle_are_sent():
    """Golden only: no such server is here."""
    tables = _Reflected({"Id": mssql.BIGINT(), "Seen": mssql.DATETIMEOFFSET(7)})
    kept = [(Kept("Id", "BIGINT", "Id"), "Id"), (Kept("Seen", "TIMESTAMP WITH TIME ZONE", "Seen"), "Seen")]
    since = Since("Id", "BIGINT", 5)
    query = tables.selected(Origin(table="dbo.Orders"), kept, since)
    assert " ".join(str(query.compile(dialect=mssql.dialect())).split()) == (
        "SELECT dbo.[Orders].[Id], dbo.[Orders].[Seen] FROM dbo.[Orders]"
        " WHERE dbo.[Orders].[Id] >= :Id_1 OR dbo.[Orders].[Id] IS NULL"
    )
    asked = tables.selected(Origin(query="select id from orders where t = ':x'"), [(Kept("id", "VARCHAR", "id"), "id")], None)
    assert " ".join(str(asked.compile(dialect=oracle.dialect())).split()) == (
        "SELECT eltflow_rows.id FROM ( select id from orders where t = ':x' ) eltflow_rows"
    )


@pytest.mark.parametrize(
    ("name", "type", "read", "note"),
    [
        ("mssql", mssql.DATETIMEOFFSET(7), "TIMESTAMP WITH TIME ZONE", "comes in microseconds"),
        ("mssql", mssql.DATETIME2(3), "TIMESTAMP", None),
        ("mssql", mssql.MONEY(), "VARCHAR", "is MONEY(), and comes as text"),
        ("mssql", mssql.BIT(), "BOOLEAN", None),
        ("mssql", mssql.UNIQUEIDENTIFIER(), "UUID", None),
        ("mssql", mssql.ROWVERSION(), "BLOB", None),
        ("oracle", oracle.NUMBER(10, 2), "DECIMAL(10,2)", None),
        ("oracle", oracle.NUMBER(), "VARCHAR", "comes as text"),
        ("oracle", sqlalchemy.Integer(), "DECIMAL(38,0)", None),
        ("oracle", oracle.DATE(), "TIMESTAMP", None),
        ("oracle", oracle.TIMESTAMP(timezone=True), "TIMESTAMP WITH TIME ZONE", None),
        ("oracle", oracle.BINARY_DOUBLE(), "DOUBLE", None),
        ("oracle", oracle.CLOB(), "VARCHAR", None),
    ],
)
def test_types_of_sql_server_and_oracle(name, type, read, note):
    kept = _kept(name, "c", type)
    assert kept.type == read
    assert kept.note is None if note is None else note in kept.note


def test_what_python_has_no_room_for_is_an_error(world):
    it = world()
    it.change("create table src.t (id int, day date); insert into src.t values (1, '20000-01-01')")
    ran = it.run()
    assert ran.code == 1
    assert "Traceback" not in ran.text
    assert "postgresql:" in ran.text


def test_the_reader_names_what_it_cannot_connect_to(tmp_path):
    with pytest.raises(WarehouseError, match="Could not parse SQLAlchemy URL"):
        TABLES.open({"url": "a b://"}, tmp_path)
