"""What is told to be wrong with a statement, held against the engine's own binder: the cases of these tests, alone and in pairs."""

from __future__ import annotations

import duckdb
import pytest
from lineage_world import SCHEMA, cases

from bench.checks import Tally, together


def scored(every: int, seed: int) -> Tally:
    connection = duckdb.connect(config={"threads": 1})
    for table, columns in SCHEMA.items():
        connection.execute(f"create table {table} ({', '.join(f'{name} {kind}' for name, kind in columns)})")
    known = {name: [column for column, _ in columns] for name, columns in SCHEMA.items()}
    return together(connection, [case.sql for case in cases()], known, every, seed)


def _sound(tally: Tally) -> None:
    assert tally.false == []
    assert tally.accepted > 100
    for kind in ("ambiguous column", "unequal set operation"):
        assert tally.found[kind] >= tally.refused[kind] * 0.6 > 0, tally.told()


def test_a_sample_of_pairs_is_judged_as_the_engine_does() -> None:
    _sound(scored(every=2003, seed=11))


@pytest.mark.prove
def test_pairs_are_judged_as_the_engine_does() -> None:
    for seed in range(3):
        _sound(scored(every=31, seed=seed))
