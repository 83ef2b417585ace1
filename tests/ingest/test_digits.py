"""No digit of a CSV file is lost because the engine has a type for most of them."""

from __future__ import annotations

import duckdb
import pytest

VALUES = {
    "decimals": ["1.5", "12345678901234567890.12"],
    "whole and broken": ["0.5", "9007199254740993"],
    "nanoseconds": ["2026-01-01 00:00:00", "2026-01-01 00:00:00.123456789"],
}


@pytest.mark.parametrize("rows", [1, 6000], ids=["small", "large"])
@pytest.mark.parametrize("case", list(VALUES))
def test_digits_are_kept(project, eltflow, case, rows):
    first, last = VALUES[case]
    root = project({"seeds/n.csv": f"a,b\n{f'{first},1{chr(10)}' * rows}{last},1\n"})
    ran = eltflow("build", cwd=root)
    assert ran.code == 0, ran.text
    with duckdb.connect(str(root / "p.duckdb"), read_only=True) as connection:
        found = connection.execute("select distinct a, typeof(a) from s.n order by 1").fetchall()
    assert sorted(found) == sorted([(first, "VARCHAR"), (last, "VARCHAR")])


@pytest.mark.parametrize(
    "values", [["0.1", "0.10000000000000001"], ["1.5", "2.5000000000000000"], ["1.5", "1e300"], ["1", "0.30000000000000004"]]
)
@pytest.mark.parametrize("rows", [1, 6000], ids=["small", "large"])
def test_numbers_that_a_double_keeps_are_numbers(project, eltflow, values, rows):
    root = project({"seeds/n.csv": f"a,b\n{f'{values[0]},1{chr(10)}' * rows}{values[1]},1\n"})
    ran = eltflow("build", cwd=root)
    assert ran.code == 0, ran.text
    with duckdb.connect(str(root / "p.duckdb"), read_only=True) as connection:
        assert connection.execute("select distinct typeof(a) from s.n").fetchall() == [("DOUBLE",)]
        assert connection.execute("select max(a) from s.n").fetchall() == [(max(map(float, values)),)]
