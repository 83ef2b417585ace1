"""Fields of nested types, as DuckDB spells them."""

from __future__ import annotations

import duckdb
import pytest

from eltflow.warehouse.nested import narrowed, widened

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
