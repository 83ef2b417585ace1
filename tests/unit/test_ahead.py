"""A source read ahead: through a pipe where it can be poured, batch by batch where not; the rows, the error and the end are the same."""

from __future__ import annotations

import threading

import pytest
from eltflow_duckdb.source import READER

from eltflow.engine.ahead import Ahead
from eltflow.transfer import Pouring
from eltflow.warehouse.values import WarehouseError

ROWS = [
    "select * from (values (''), (null), ('a')) as t(x)",
    r"select 'tab' || chr(9) || 'line' || chr(10) || chr(13) || 'back\slash' || chr(1) || '\"quoted\", ' as x, blob '\x00\xff' as y",
    "select [1, 2] as x, {'a': 'x,\"y'} as y, null as z",
    "select 'x' as x from range(0)",
    "select repeat('é', 1_500_000) as x, range as y from range(3)",
    "select range as x from range(100_000)",
]


@pytest.mark.parametrize("select", ROWS)
def test_the_same_rows(select):
    source = READER.source(select)
    batches = list(Ahead(source).text())
    assert isinstance(source, Pouring)
    assert b"".join(batches) == b"".join(source.text())
    assert all(batch.endswith(b"\n") for batch in batches)


def test_an_error_comes_where_its_rows_would_have():
    source = READER.source("select case when range = 900_000 then error('broken off') else 'x' end as x from range(1_000_000)")
    with pytest.raises(WarehouseError, match="broken off"):
        list(Ahead(source).text())


def test_what_nobody_reads_any_more_ends():
    before = threading.active_count()
    batches = Ahead(READER.source("select range as x from range(1_000_000_000)")).text()
    next(batches)
    batches.close()
    assert threading.active_count() == before
