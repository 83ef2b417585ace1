"""Bad rows of files: put aside with the rows that are loaded, or neither."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from eltflow.compile.program import ProgramError
from eltflow.ingest.files import file_reader
from eltflow.ingest.sieve import TemporarySieve
from eltflow.testing.bench import Bench
from eltflow.testing.contract.merging import Loads
from eltflow.warehouse.values import Statement, WarehouseError

ASIDE = {"on_bad_row": "quarantine"}


@pytest.fixture
def sieve() -> Iterator[TemporarySieve]:
    with closing(TemporarySieve(file_reader(), frozenset())) as made:
        yield made


def _aside(warehouse: Bench) -> list[tuple[Any, ...]]:
    """The bad rows as (file, line, column, raw)."""
    name = warehouse.said(warehouse.adapter.dialect.named("t__quarantine"))
    rows = warehouse.rows(f"select file, line, column_name, raw from s.{name}")
    return sorted(rows, key=lambda row: (row[0], row[1]))


def test_bad_rows_are_put_aside_once(warehouse: Bench, sieve: TemporarySieve) -> None:
    load = Loads(warehouse, "append", **ASIDE)
    assert load("a.csv id,v;1,10", sieve=sieve).quarantined == 0
    outcome = load("b.csv id,v;2,20;x,30;4;5,50", sieve=sieve)
    assert (outcome.rows, outcome.quarantined) == (2, 2)
    assert load(sieve=sieve).rows == 0
    assert warehouse.rows() == [(1, 10), (2, 20), (5, 50)]
    assert _aside(warehouse) == [("b.csv", 3, "id", '{"id":"x","v":"30"}'), ("b.csv", 4, None, "4")]
    assert load("c.csv id,v;6,many", sieve=sieve).quarantined == 1
    assert len(_aside(warehouse)) == 3
    assert sorted(warehouse.rows("select path from eltflow_meta.file")) == [("a.csv",), ("b.csv",), ("c.csv",)]


def test_a_replaced_table_has_the_bad_rows_of_its_own_files(warehouse: Bench, sieve: TemporarySieve) -> None:
    if not warehouse.can.transactions:
        with pytest.raises(ProgramError, match="`on_bad_row: quarantine` needs an engine with transactions"):
            Loads(warehouse, "replace", **ASIDE)("a.csv id;1", sieve=sieve)
        assert warehouse.names() == set()
        return
    load = Loads(warehouse, "replace", **ASIDE)
    for bad in (2, 1, 0):
        outcome = load("a.csv id,v;1,10" + ";9" * bad, sieve=sieve)
        assert (outcome.rows, outcome.quarantined) == (1, bad)
        assert warehouse.rows() == [(1, 10)]
        assert _aside(warehouse) == [("a.csv", 3 + n, None, "9") for n in range(bad)]


def test_more_bad_rows_than_are_allowed(warehouse: Bench, sieve: TemporarySieve) -> None:
    load = Loads(warehouse, "append", **ASIDE, max_bad_rows="1")
    load("a.csv id,v;1,10", sieve=sieve)
    with pytest.raises(ProgramError, match=r"2 of 3 rows are bad, and `max_bad_rows` is 1; the first is b\.csv:3"):
        load("b.csv id,v;2,20;3;4", sieve=sieve)
    assert warehouse.rows() == [(1, 10)]
    assert _aside(warehouse) == []
    load("b.csv id,v;2,20;3", sieve=sieve)
    assert warehouse.rows() == [(1, 10), (2, 20)]
    assert len(_aside(warehouse)) == 1


def test_bad_rows_of_a_file_that_is_merged_again(warehouse: Bench, sieve: TemporarySieve) -> None:
    load = Loads(warehouse, **ASIDE)
    load("a.csv id,v;1,10;2;,30", "b.csv id,v;5,50;6", sieve=sieve)
    assert [(file, line) for file, line, _, _ in _aside(warehouse)] == [("a.csv", 3), ("a.csv", 4), ("b.csv", 3)]
    load("a.csv id,v;1,11;2,20;,30", sieve=sieve)
    assert warehouse.rows() == [(1, 11), (2, 20), (5, 50)]
    assert [(file, line) for file, line, _, _ in _aside(warehouse)] == [("a.csv", 4), ("b.csv", 3)]


def test_a_failure_at_every_statement_of_a_load_with_bad_rows(warehouse: Bench, sieve: TemporarySieve) -> None:
    load = Loads(warehouse, "append", **ASIDE)
    load("a.csv id,v;1,10", sieve=sieve)
    warehouse.file("b.csv", "id,v\n2,20\n3\n")
    real = warehouse.session.execute
    failed = 0
    for failing in range(60):
        sent = [0]

        def execute(statement: Statement, failing: int = failing, sent: list[int] = sent) -> Any:
            sent[0] += statement.role != "rollback"
            if statement.role != "rollback" and sent[0] - 1 == failing:
                raise WarehouseError("out of luck", kind="permission")
            return real(statement)

        warehouse.session.execute = execute
        try:
            load(sieve=sieve)
        except WarehouseError:
            failed += 1
            warehouse.session.execute = real
            assert warehouse.rows() == [(1, 10)]
            assert _aside(warehouse) == []
            assert warehouse.rows("select count(*) from eltflow_meta.file") == [(1,)]
            continue
        finally:
            warehouse.session.execute = real
        break
    assert failed > 5
    assert warehouse.rows() == [(1, 10), (2, 20)]
    assert len(_aside(warehouse)) == 1
