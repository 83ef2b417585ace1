"""The text that makes a column, also where a query only passes on what another one within it made."""

from __future__ import annotations

import pytest

from eltflow.sql.lineage import lineage
from eltflow.sql.parse import Refused, parse
from eltflow.sql.values import Names

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
    "with x as (select a + 1 as b from t) select * replace (1 as b) from x": {"b": "1"},
    "select a + 1 as b from t union all select c from u": {"b": "a + 1 UNION c"},
    "select b from t union all select b from u": {},
    "select a as b from t union all select a from u": {"b": "a"},
    "select a as b from t union all by name select 2 as c, b + 1 as b from u": {"b": "a UNION b + 1", "c": "2"},
    "select b from t except select c + 1 from u": {},
    "(select a + 1 as b from t)": {"b": "a + 1"},
    "with x as (select 1 as b) select b from s.x": {},
    "select b from x, y": {},
    "with recursive r as (select 1 as n union all select n + 1 from r) select n from r": {"n": "1 UNION n + 1"},
    "select a /* why */ + 1 as b from t": {"b": "a + 1"},
    "values (1, 2)": {},
    "select b, d from (select a + 1 as b, c as d from t) as x": {"b": "a + 1", "d": "c"},
    "select q from (select a + 1 from t) as x(q)": {"q": "a + 1"},
    "select x.b from t, lateral (select t.a * 2 as b) as x": {"b": "t.a * 2"},
    "select * rename (b as c) from (select a as b from t)": {"c": "a"},
    "select * rename (b as c) from (select b from t)": {"c": "b"},
    "select columns('b|c') + 1 from (select b, c from t)": {"b": "b + 1", "c": "c + 1"},
    "select columns('b') as x from (select b, c from t)": {"x": "b"},
    "select v.x, v.y as z from (select {'x': a + 1, 'y': c} as v from t)": {"x": "a + 1", "z": "c"},
    "select s.x, s.y.z as q, t.s.p from t": {"x": "s.x", "q": "s.y.z", "p": "t.s.p"},
    "select id, x from t, unnest(l) as z(x)": {"x": "UNNEST(l)"},
    "select k, m from (select k from t) full join (select k, m from u) as y using (k)": {},
    "select k from (select k from t) as x full join (select k, m from u) as y using (k)": {"k": "COALESCE(x.k, y.k)"},
    "pivot (select g, k, a from t) on k in (1, 2) using sum(a + 1) group by g": {
        "1": "SUM(a + 1) FILTER(WHERE k = 1)",
        "2": "SUM(a + 1) FILTER(WHERE k = 2)",
    },
    "select * from (select g, k, h, a from t) pivot (max(a) as x for k in (1 as one) h in ('p'))": {
        "one_p_x": "MAX(a) FILTER(WHERE k = 1 AND h = 'p')"
    },
    'with p as (pivot (select k, a from t) on k using sum(a)) select "7" as x from p': {"x": "SUM(a)"},
    "pivot (select g, k from t) on k in (1) group by g": {"1": "COUNT(*) FILTER(WHERE k = 1)"},
    "unpivot (select y, jan, feb from m) on jan * 2 as jan, feb into name mon value v": {"v": "jan * 2 UNION feb"},
    " union all ".join(f"select {number} as n" for number in range(30)): {"n": " UNION ".join(map(str, range(20)))},
}


@pytest.mark.parametrize("sql", CASES)
def test_expressions(sql: str) -> None:
    parsed = parse(sql, "duckdb")
    assert not isinstance(parsed, Refused)
    found = lineage(parsed, lambda parts: (parts[-1].name, Names()), lambda name, quoted: name.lower(), telling="duckdb")
    assert {c.name: c.expression for c in found.columns if c.expression is not None} == CASES[sql]
    untold = lineage(parsed, lambda parts: (parts[-1].name, Names()), lambda name, quoted: name.lower())
    assert [c.expression for c in untold.columns] == [None] * len(found.columns)


def test_what_a_query_makes_does_not_change_its_tree() -> None:
    sql = (
        "select * from (select g, k, a from t) pivot (sum(a) for k in (1)) union all select columns('a') + 1 from (select a from t)"
    )
    parsed = parse(sql, "duckdb")
    assert not isinstance(parsed, Refused)
    before = repr(parsed.tree)
    lineage(parsed, lambda parts: (parts[-1].name, Names()), lambda name, quoted: name.lower(), telling="duckdb")
    assert repr(parsed.tree) == before
