"""Names in valid SQL are never called missing, and columns called complete are the engine's own."""

from __future__ import annotations

import duckdb
import pytest
from eltflow_duckdb.dialect import DuckDBDialect

from eltflow.sql.columns import Resolved, resolve
from eltflow.sql.parse import Parsed, parse
from eltflow.sql.values import UNKNOWN, Names

TABLES = {
    "a": "(id int, k int, n int)",
    "b": "(id int, k int, m int)",
    "s": '(s struct(x int, y int), "end" int)',
}


def resolved(sql: str) -> Resolved:
    known = {"a": ("id", "k", "n"), "b": ("id", "k", "m"), "s": ("s", "end")}
    parsed = parse(sql, "duckdb")
    assert isinstance(parsed, Parsed)
    names = {name: Names(columns, True) for name, columns in known.items()}
    return resolve(parsed, lambda parts: names.get(parts[-1].name, UNKNOWN), DuckDBDialect().fold)


@pytest.fixture(scope="module")
def engine():
    with duckdb.connect() as connection:
        for name, columns in TABLES.items():
            connection.execute(f"create table {name} {columns}")
        yield connection


@pytest.mark.parametrize(
    "sql",
    [
        "select * from a semi join b using (id)",
        "select * from a anti join b on a.id = b.id",
        "select min_id from (select min(columns(*)) as 'min_\\0' from a)",
        "select c_id from (select * similar to '(id|k)' as 'c_\\1' from a)",
        "select x from (select unnest(s) as z from s)",
        "select s.x, s.s.y from s",
        "with alias as (select k, n as c from a) select k as g, count(*) as d from alias group by alias.k having alias.d > 1",
        "with recursive r(i) as (select 1, 2 as j union all select i + 1, j from r where i < 3) select i, j from r",
        "with recursive r(i) as (select 1 union all select i + 1 from r where i < 3) select i from r",
        "select l.n, l.m from (a join b using (id)) l",
        "select id from a where exists (select 1 from (b as a join s on true) where a.m = 1)",
        "select n as x, x + 1 as y from a where x > 1 group by all having y > 1 order by y",
        "select a from a",
        "from a select * exclude (id) replace (n + 1 as n)",
        "select * rename (n as q) from a",
        "select * from a natural join b",
        "select * from a join b using (id, k)",
        "select [z + n for z in [1, 2] if z > k] as l, list_transform([1], lambda q: q + n) as t from a",
        "select id, m from a full join b using (id)",
        "from (pivot a on k using sum(n) group by id) select id",
        "from (unpivot a on k, n into name u value v) select u, v",
        "select id from a union by name select m from b order by m",
    ],
)
def test_valid_sql_is_not_accused(engine, sql):
    found = resolved(sql)
    assert found.faults == ()
    described = [row[0].lower() for row in engine.execute(f"select column_name from (describe {sql})").fetchall()]
    assert not found.columns.complete or [name.lower() for name in found.columns.names] == described


@pytest.mark.parametrize(
    ("sql", "missing"),
    [
        ("select nn from a", ["nn"]),
        ("select x.nn from a x join b y using (id)", ["nn"]),
        ("with recursive r(i) as (select 1 union all select i + 1 from r where ii < 3) select i from r", ["ii"]),
        ("with c as (select id from a) select n from c", ["n"]),
        ("select id from a where exists (select 1 from b where b.id = a.idd)", ["idd"]),
        ("select id from a order by nope", ["nope"]),
    ],
)
def test_what_certainly_means_nothing(sql, missing):
    assert [one.name for one in resolved(sql).faults] == missing


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("with a as (select 1 as Id) select ID from a", ["id"]),
        ("select x.ID from (select 1 as Id) as x", ["id"]),
        ("with a(Id) as (select 1) select iD as Other from a", ["other"]),
        ('select "Id" from (select 1 as "Id") as x', ["Id"]),
    ],
)
def test_a_name_without_quotes_is_what_the_engine_makes_of_it(sql, columns):
    """As in PostgreSQL, which writes it small, and tells it from one in quotes."""
    found = resolve(parse(sql, "postgres"), lambda parts: UNKNOWN, lambda name, quoted: name if quoted else name.lower())
    assert (list(found.columns.names), found.faults) == (columns, ())
