"""Columns that certainly hold nothing of `email` or `phone`, and those of which that is not known."""

from __future__ import annotations

import pytest

from eltflow.sql.origins import harmless

#: Query → the columns of its result that may be shown; all others that are asked for are masked.
CASES = {
    "select * from u": "id amt",
    "select id, email, amt from u": "id amt",
    "select email as id, amt from u": "amt",
    "select id as user_id, u.amt as email from u": "user_id",
    "select max(email) as id from u": "",
    "select {'a': email} as id from u": "",
    "select u as id from u": "",
    "select x as id from u as x": "",
    "select to_json(x) as id from u as x": "",
    "select count(*) as n, count(distinct email) as m, 1 as one, null as id, 'x' as amt from u": "n m one id amt",
    "select count(*) over () as n, cast(id as varchar) as id, (amt) as amt from u": "n id amt",
    "select upper(id) as id, amt + 1 as amt from u": "",
    "select id from (select email as id from u)": "",
    "select id from (select id, email from u)": "id",
    "select s.id as id, s.m as m from (select id, email as m from u) as s": "id",
    "with c as (select email as id, amt from u) select * from c": "amt",
    "with c as (select email as id, amt from u), d as (select * from c) select d.* from d": "amt",
    "with c(id, amt) as (select email, id from u) select * from c": "",
    "with recursive c as (select email as id from u union all select id from c) select id from c": "",
    "with u as (select email as id from u) select id from u": "",
    "select * from u as t(id, amt)": "",
    "select id from u union all select id from v": "id",
    "select id from u union all select email from u": "",
    "select id, amt from u union all select amt, id from u": "",
    "select * from u union all select * from v": "",
    "select *, email as id from u": "amt",
    "select *, email as more from u": "id amt",
    "select * exclude (email, phone) from u": "id amt",
    "select * replace (email as id) from u": "",
    "select * rename (email as id) from u": "",
    "select columns('.*') from u": "",
    "select u.id, v.amt from u join v using (id)": "id amt",
    "select id, amt from u join (select email as id from u) as s on true": "amt",
    "select id from u, lateral (select email as id from u) as l": "",
    "select id from read_csv('u.csv') as r": "",
    "select unnest([email]) as id from u": "",
    "select (select email from u) as id from v": "",
    "select id.email as amt, id from u": "id",
    "select id from u pivot (max(email) for amt in (1))": "",
    "select id as unique_field, count(*) as n_records from u group by id": "unique_field n_records",
    "select email as unique_field, count(*) as n_records from u group by email": "n_records",
    "(select id, email as amt from u)": "id",
    "from u": "id amt",
}
ASKED = ["id", "amt", "email", "phone", "unique_field", "n_records", "n", "m", "one", "user_id", "more", "id_1", "email_1", "name"]


@pytest.mark.parametrize("sql", CASES)
def test_what_is_known_to_be_harmless(sql):
    told = harmless(sql, "duckdb", frozenset({"email", "phone"}))
    assert told is not None
    star = told("name")  # whatever the table has, if it is not one of the two
    asked = ("id", "amt", "email", "phone", "email_1") if star else ASKED
    assert {name for name in asked if told(name)} == set(CASES[sql].split())


def test_a_column_that_comes_twice_is_as_bad_as_the_other():
    told = harmless("select *, email as id from u", "duckdb", frozenset({"email"}))
    assert not told("id")
    assert not told("id_1")
    assert not told("email_1")
    assert told("amt_1")


def test_names_in_any_case():
    told = harmless('select "ID", Email as Id2, EMAIL from U', "duckdb", frozenset({"email"}))
    assert told("ID")
    assert told("id")
    assert not told("ID2")
    assert not told("email")


def test_what_cannot_be_read_is_not_known():
    assert harmless("select from from from", "duckdb", frozenset({"email"})) is None
    assert harmless("select 1; select 2", "duckdb", frozenset({"email"})) is None
