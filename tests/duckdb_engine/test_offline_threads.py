"""The offline parser and binder, asked from several threads at once: each gets the answer to its own question."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from eltflow_duckdb.offline import DuckDBOffline

from eltflow.warehouse import Column, Relation


@pytest.fixture
def offline():
    made = DuckDBOffline()
    yield made
    made.close()


def test_questions_from_many_threads(offline: DuckDBOffline) -> None:
    def asked(number: int) -> tuple[object, object, object]:
        relation = Relation(None, "s", f"t{number % 3}")
        good = f"select a + {number} as n, (select count(*) from s.t{number % 3}) as c from s.t{number % 3}"
        return (
            offline.parse(good),
            offline.parse(f"select {number} frm s.t"),
            offline.bind(good, {relation: [Column("a", "INTEGER")]}),
        )

    with ThreadPoolExecutor(8) as pool:
        for parsed, broken, bound in pool.map(asked, range(400)):
            assert parsed is None
            assert isinstance(broken, tuple)
            assert str(broken[0]).startswith("syntax error at or near")
            assert isinstance(bound, tuple)
            assert [(c.name, c.type) for c in bound] == [("n", "INTEGER"), ("c", "BIGINT")]
