"""Fields of nested types, as DuckDB spells them."""

from __future__ import annotations

import duckdb
import pytest

from eltflow.warehouse.nested import apart, clash, mixed, narrowed, new_fields, replaced, settled, spelt_like, widened

#: A type, another one, the first with the fields of the second.
CASES = [
    ("INTEGER", "VARCHAR", "INTEGER"),
    ("STRUCT(a INTEGER)", "STRUCT(a INTEGER, b VARCHAR)", "STRUCT(a INTEGER, b VARCHAR)"),
    ("STRUCT(a INTEGER, b VARCHAR)", "STRUCT(b BIGINT)", "STRUCT(a INTEGER, b VARCHAR)"),
    ("STRUCT(a INTEGER)[]", "STRUCT(b DECIMAL(10,2), A INTEGER)[]", "STRUCT(a INTEGER, b DECIMAL(10,2))[]"),
    ("STRUCT(a INTEGER)[]", '"NULL"[]', "STRUCT(a INTEGER)[]"),
    ("STRUCT(a INTEGER)", 'STRUCT(a INTEGER, b "NULL")', "STRUCT(a INTEGER)"),
    ("STRUCT(s STRUCT(x INTEGER)[3])", "STRUCT(s STRUCT(y DATE)[3])", "STRUCT(s STRUCT(x INTEGER, y DATE)[3])"),
    ("MAP(VARCHAR, STRUCT(x INTEGER))", "MAP(VARCHAR, STRUCT(y DATE))", "MAP(VARCHAR, STRUCT(x INTEGER, y DATE))"),
    ('STRUCT("a, b" INTEGER)', 'STRUCT("q""(" INTEGER)', 'STRUCT("a, b" INTEGER, "q""(" INTEGER)'),
    ("STRUCT(e ENUM('a,', 'b)'))", "STRUCT(f TIMESTAMP WITH TIME ZONE)", "STRUCT(e ENUM('a,', 'b)'), f TIMESTAMP WITH TIME ZONE)"),
    ("STRUCT(a INTEGER)", "JSON", "STRUCT(a INTEGER)"),
    ("JSON", "STRUCT(a INTEGER)", "JSON"),
]


@pytest.mark.parametrize(("there", "other", "both"), CASES)
def test_fields_are_added(there: str, other: str, both: str) -> None:
    assert widened(there, other) == both
    assert widened(both, other) == both
    assert narrowed(both, there) == there
    with duckdb.connect() as connection:
        (spelt,) = connection.execute(f"select typeof(cast(null as {both}))").fetchone() or ("",)
        assert spelt == both


def test_fields_are_left_out() -> None:
    assert narrowed("STRUCT(a BIGINT, b DATE)", "STRUCT(a INTEGER)") == "STRUCT(a BIGINT)"
    assert narrowed("STRUCT(a BIGINT)", "STRUCT(b DATE)") == "STRUCT(a BIGINT)"  # nothing in common: that is told of


def test_what_is_never_there_is_json_at_every_depth() -> None:
    assert settled('STRUCT("NULL" INTEGER, b STRUCT(c "NULL")[], m MAP(VARCHAR, "NULL"))') == (
        'STRUCT("NULL" INTEGER, b STRUCT(c JSON)[], m MAP(VARCHAR, JSON))'
    )
    assert widened("STRUCT(a INTEGER)", 'STRUCT(b STRUCT(c "NULL", d DATE))') == "STRUCT(a INTEGER, b STRUCT(c JSON, d DATE))"


def test_new_fields_one_by_one() -> None:
    type = 'STRUCT(a INTEGER, l STRUCT(x DOUBLE, "y y" STRUCT(z DATE))[], n "NULL")[]'
    found = new_fields("c", type, "STRUCT(A BIGINT, L STRUCT(w DATE)[])[]")
    assert found == [("c.l.x", "STRUCT(l STRUCT(x DOUBLE)[])[]"), ("c.l.y y", 'STRUCT(l STRUCT("y y" STRUCT(z DATE))[])[]')]
    for _, only in found:
        type = replaced(type, only)
    assert type == 'STRUCT(a INTEGER, l STRUCT(x JSON, "y y" STRUCT(z JSON))[], n "NULL")[]'


def test_types_beside_each_other() -> None:
    assert (
        spelt_like("STRUCT(a DATE, b STRUCT(c INTEGER)[])", "STRUCT(B STRUCT(C DATE)[], X DATE)")
        == "STRUCT(a DATE, B STRUCT(C INTEGER)[])"
    )
    assert mixed("STRUCT(a INTEGER, b DATE[])[]", "STRUCT(b JSON[])[]") == "STRUCT(a INTEGER, b JSON[])[]"
    others = ["STRUCT(a VARCHAR)", "STRUCT(a BOOLEAN)", "STRUCT(a INTEGER[])", "STRUCT(a INTEGER)[]", "INTEGER"]
    assert [clash("STRUCT(a INTEGER)", other) for other in others] == [True] * 5
    others = ["STRUCT(a DOUBLE)", "STRUCT(b VARCHAR)", "JSON", 'STRUCT(a "NULL")', "MAP(VARCHAR, INTEGER)"]
    assert [clash("STRUCT(a INTEGER)", other) for other in others] == [False] * 5
    assert [apart("STRUCT(a INTEGER)", other) for other in ("STRUCT(b INTEGER)", "MAP(VARCHAR, INTEGER)", "INTEGER")] == [True] * 3
    assert [apart("STRUCT(a INTEGER)", other) for other in ("STRUCT(A DATE, b DATE)", "JSON", "VARCHAR")] == [False] * 3
