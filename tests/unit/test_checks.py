"""Offline checks accuse no statement that the engine takes, and find most of those that it refuses for what they look for."""

from __future__ import annotations

import pytest

from bench.checks import Tally, fixed


def test_a_false_error_would_be_counted() -> None:
    tally = Tally()
    tally.take("select b from t", None, fixed({"t": ["a"]}))
    tally.take("select a from t", None, fixed({"t": ["a"]}))
    assert tally.accepted == 2
    assert [sql for sql, _ in tally.false] == ["select b from t"]


KNOWN = {"a": ["id", "k", "n"], "b": ["id", "k", "m"], "c": ["id", "z"]}


def told(sql: str) -> list[tuple[str, ...]]:
    from eltflow_duckdb.dialect import DuckDBDialect

    from eltflow.sql.columns import resolve
    from eltflow.sql.parse import Parsed, parse

    parsed = parse(sql, "duckdb")
    assert isinstance(parsed, Parsed)
    found = resolve(parsed, fixed(KNOWN), DuckDBDialect().fold).faults
    return [(type(one).__name__, getattr(one, "name", "")) for one in found]


@pytest.mark.parametrize(
    "sql",
    [
        "select id from a join b using (id)",
        "select id from a natural join b",
        "select id from a semi join b on a.id = b.id",
        "select a.id from a join b on true order by id",
        "select a.id as k2 from a join b on true group by 1 having k2 > 1",
        "select * exclude (id) from a, c",
        "select * from a join b on m = n join c on z = m",
        "select (select n from c where c.id = b.id) from a join b using (id)",
        "select id from a, dark",
        "select 1, 2 union all by name select 1",
        "select * from a union all select * from b",
        "select * from dark union all select 1",
        "select columns(*) from a union all select 1, 2, 3",
        "select unnest({'x': 1, 'y': 2}) union all select 1, 2",
        "from a union all (values (1, 2, 3))",
    ],
)
def test_no_word_against_valid_or_unsure_statements(sql: str) -> None:
    assert told(sql) == []


@pytest.mark.parametrize(
    ("sql", "faults"),
    [
        ("select id from a join b on true", [("Ambiguous", "id")]),
        ("select a.id from a, b where k = 1", [("Ambiguous", "k")]),
        ("select n from a join b on id = k", [("Ambiguous", "id"), ("Ambiguous", "k")]),
        ("select n, id from a join b using (k) join c on true", [("Ambiguous", "id")]),
        ("select 1 from c where exists (select id from a, b)", [("Ambiguous", "id")]),
        ("select * from a union all select id from b", [("Unequal", "")]),
        ("select id, 1 from a except (select id from b)", [("Unequal", "")]),
        ("select 1 union select 2, 3 union select 4, 5", [("Unequal", "")]),
        ("with q as (select * from a intersect select 1, 2) select n from q", [("Unequal", "")]),
        ("select nn, id from a join b on true", [("Missing", "nn"), ("Ambiguous", "id")]),
    ],
)
def test_what_is_certainly_wrong(sql: str, faults: list[tuple[str, str]]) -> None:
    assert sorted(told(sql)) == sorted(faults)
