"""Lineage of what other engines write: nothing is lost without a word."""

from __future__ import annotations

import pytest

from eltflow.sql.columns import resolve
from eltflow.sql.lineage import lineage
from eltflow.sql.parse import Parsed, parse
from eltflow.sql.reads import Ident
from eltflow.sql.values import Names, QueryLineage

TABLES = {"orders": ("id", "amount", "qty", "city"), "customers": ("id", "name", "score")}


def known(parts: tuple[Ident, ...]) -> Names:
    found = TABLES.get(parts[-1].name.lower())
    return Names(found or (), found is not None)


def fold(name: str, quoted: bool) -> str:
    return name.lower()


def walked(sql: str, dialect: str) -> QueryLineage:
    parsed = parse(sql, dialect)
    assert isinstance(parsed, Parsed)
    return lineage(parsed, lambda parts: (parts[-1].name.lower(), known(parts)), fold)


MATCHED = "select * from orders match_recognize (order by id measures first(amount) as f pattern (a b+) define b as qty > 1)"
ALL = "amount city id qty"


@pytest.mark.parametrize(
    ("dialect", "sql", "origins", "rows"),
    [
        (
            "snowflake",
            "select hash(*) a, hash(* exclude city) b, object_construct(o.*) c from orders o",
            [ALL, "amount id qty", ALL],
            "",
        ),
        ("snowflake", "select id from orders start with id = 1 connect by prior id = qty", ["id"], "id qty"),
        (
            "snowflake",
            "select o.city from orders o asof join customers c match_condition (o.amount >= c.score)",
            ["city"],
            "amount score",
        ),
        (
            "postgres",
            "select row(o.*) a, o.*::text b, jsonb_build_object('a', o.*) c, count(*) n from orders o",
            [ALL, ALL, ALL, ""],
            "",
        ),
        ("postgres", "select city is normalized n from orders where city::xml is document", ["city"], "city"),
        ("postgres", "select id from orders limit (select max(score) from customers)", ["id"], "score"),
        ("bigquery", "select array(select as struct id, name from customers)[offset(0)] z", ["id name"], ""),
        ("bigquery", "select (select as struct c.* except (id) from customers c limit 1) x", ["name score"], ""),
        (
            "duckdb",
            "select main.f(city) a, pg_catalog.upper(city) b, city.nosuch(qty) c from orders",
            ["city", "city", "city qty"],
            "",
        ),
    ],
)
def test_nothing_is_lost(dialect: str, sql: str, origins: list[str], rows: str) -> None:
    found = walked(sql, dialect)
    assert [c.unknown for c in found.columns] == [None] * len(origins)
    assert [" ".join(sorted({o.column for o in c.origins})) for c in found.columns] == origins
    assert " ".join(sorted({one.column for one in found.rows})) == rows


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("select $1 as a from @stage", "`$1` is a column by its number, which is not followed"),
        ("select metadata$filename f from @stage", "what the function @stage reads is not known"),
    ],
)
def test_what_is_not_followed_says_so(sql: str, reason: str) -> None:
    (column,) = walked(sql, "snowflake").columns
    assert column.unknown == reason


def test_what_match_recognize_gives_is_not_known() -> None:
    found = walked(MATCHED, "snowflake")
    assert found.columns == ()
    assert found.unlisted == "what MATCH_RECOGNIZE finds is not followed"


@pytest.mark.parametrize(
    ("dialect", "sql"),
    [
        ("postgres", "select city is normalized n, city is not normalized m from orders"),
        ("postgres", "select city is nfkd normalized from orders where city::xml is document"),
        ("mysql", "select get_format(date, 'USA') a, get_format(datetime, 'EUR') b from orders"),
        (
            "snowflake",
            f"with m as ({MATCHED}) select f from m",
        ),
    ],
)
def test_words_are_no_columns(dialect: str, sql: str) -> None:
    parsed = parse(sql, dialect)
    assert isinstance(parsed, Parsed)
    assert resolve(parsed, known, fold).faults == ()


def test_lists_unnested_side_by_side_are_told_apart() -> None:
    found = walked("select x, y, n from orders, unnest(array[qty], array[amount, id]) with ordinality as z(x, y, n)", "postgres")
    assert [{o.column for o in c.origins} for c in found.columns] == [{"qty"}, {"amount", "id"}, set()]
    assert found.rows == ()
