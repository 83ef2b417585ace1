"""The text that makes a column, also where a query only passes on what a CTE made."""

from __future__ import annotations

import pytest

from eltflow.sql.lineage import expressions
from eltflow.sql.parse import Refused, parse

CASES = {
    "select a, b as c, a + 1 as d from t": {"c": "b", "d": "a + 1"},
    "with x as (select sum(a) as s, k from t group by k) select * from x": {"s": "SUM(a)"},
    "with x as (select sum(a) as s, k from t group by k) select s, k as g from x": {"s": "SUM(a)", "g": "k"},
    "with x as (select a + 1 as b, c * 2 as d from t) select x.* exclude (d), y.e from x join y on y.k = x.b": {"b": "a + 1"},
    "with x as (select a + 1 as b from t), y as (select b from x) select b from y": {"b": "a + 1"},
    "with x as (select a + 1 as b from t) select i.b as n, upper(i.b) as u from x as i join z on true": {
        "n": "a + 1",
        "u": "UPPER(i.b)",
    },
    "with x as (select a + 1 as b from t) select * replace (1 as b) from x": {},
    "select a + 1 as b from t union all select c from u": {"b": "a + 1"},
    "(select a + 1 as b from t)": {"b": "a + 1"},
    "with x as (select 1 as b) select b from s.x": {},
    "select b from x, y": {},
    "with recursive r as (select 1 as n union all select n + 1 from r) select n from r": {"n": "1"},
    "select a /* why */ + 1 as b from t": {"b": "a + 1"},
    "values (1, 2)": {},
}


@pytest.mark.parametrize("sql", CASES)
def test_expressions(sql: str) -> None:
    parsed = parse(sql, "duckdb")
    assert not isinstance(parsed, Refused)
    assert expressions(parsed, "duckdb") == CASES[sql]
