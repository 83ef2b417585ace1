"""Rows are added to a table by one statement at a time."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from eltflow_spark.turns import Turns

from eltflow.warehouse import Statement

INTO = "insert into `m`.`load` values (1)"


@pytest.mark.parametrize("sql", [INTO, f"/* {{'run': 'x'}} */\n{INTO}", "  INSERT\n INTO M.Load select 1", f"{INTO}\n/* from */"])
def test_one_table_has_one_turn(sql: str) -> None:
    turns = Turns()
    own = turns.for_(Statement(INTO, role="dml"))
    assert turns.for_(Statement(sql, role="dml")) is own
    assert turns.for_(Statement("insert into `m`.`file` values (1)", role="dml")) is not own


@pytest.mark.parametrize("statement", [Statement("select 'insert into x'", role="query"), Statement("create table t as select 1")])
def test_others_wait_for_nobody(statement: Statement) -> None:
    assert isinstance(Turns().for_(statement), nullcontext)
