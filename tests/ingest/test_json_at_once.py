"""A large file of JSON is read once, under the types of its first records; what comes is what a look at all records gives."""

from __future__ import annotations

import json
from decimal import Decimal

import eltflow_duckdb
import pytest

from eltflow.compile.program import ProgramError
from eltflow.ingest import looks
from eltflow.testing.bench import Subject, opened
from eltflow.warehouse.values import WarehouseError

FIRST = {"id": 1, "n": 1.5, "ok": True, "d": "2020-01-31", "t": "2020-01-01 10:00:00", "s": 'é"\\\n x'}
#: What comes behind more records than the engine looks at.
LATER = {
    "nothing": {},
    "nulls": dict.fromkeys(FIRST),
    "a fraction": {"id": 2.5},
    "a whole number of a fraction": {"id": 2.0},
    "a longer number": {"id": 2**63},
    "a text of a number": {"id": "7"},
    "a number of a text": {"s": 7},
    "a boolean of a number": {"id": True},
    "a number of a boolean": {"ok": 1},
    "a word of a boolean": {"ok": "true"},
    "digits that are lost": {"n": 123456789012345678901234},
    "an exponent": {"n": 1e-300},
    "infinity": {"n": "inf"},
    "another day": {"d": "31.01.2020"},
    "a midnight": {"d": "2020-01-31 00:00:00"},
    "a T": {"t": "2020-01-01T10:00:00"},
    "a part of a second": {"t": "2020-01-01 10:00:00.5"},
    "a zone": {"t": "2020-01-01 10:00:00Z"},
    "an offset of as many signs": {"t": "2020-01-01 10:00-08"},
    "a zone of as many signs": {"t": "2020-1-01 10:00:00Z"},
    "the end of a day": {"t": "2020-01-01 24:00:00"},
    "slashes": {"d": "2020/01/31"},
    "before christ": {"d": "-001-01-01"},
    "far away": {"d": "10000-1-01"},
    "an object": {"s": {"a": 1}},
    "a list": {"id": [1]},
    "another key": {"more": 1},
    "another case": {"ID": 5},
    "escaped": {"s": '"\\"\u0301\u0000'},
    "empty": {"s": ""},
}
MANY = 20_500


@pytest.fixture
def warehouse(tmp_path):
    target = {"type": "duckdb", "path": str(tmp_path / "w.duckdb"), "schema": "s"}
    with opened(Subject(adapter=eltflow_duckdb.ADAPTER, target=target, root=tmp_path)) as bench:
        yield bench


def _loaded(warehouse, file):
    try:
        warehouse.build("seed", files=(file,))
    except (ProgramError, WarehouseError) as error:
        return str(error)
    return warehouse.columns(), warehouse.rows("select * from s.t offset 20000")


@pytest.mark.parametrize("later", list(LATER))
def test_the_same_as_by_all_records(warehouse, monkeypatch, later):
    lines = [json.dumps(FIRST)] * MANY + [json.dumps({**FIRST, **LATER[later]}, default=str)]
    file = warehouse.file("x.ndjson", "\n".join(lines) + "\n")
    assert looks.inspect(file, "json", ",") == "large"
    at_once = _loaded(warehouse, file)
    monkeypatch.setattr(looks, "_SMALL", 10**9)
    assert at_once == _loaded(warehouse, file)
    if later in ("nothing", "nulls", "an exponent", "escaped", "empty"):
        assert dict(at_once[0]) == {"id": "BIGINT", "n": "DOUBLE", "ok": "BOOLEAN", "d": "DATE", "t": "TIMESTAMP", "s": "VARCHAR"}


@pytest.mark.parametrize(
    "first",
    [
        {"a": None, "b": 1},
        {"a": {"x": 1}},
        {"a": [1, 2]},
        {"a": 1, "A": 2},
        {"a": "10:00:00"},
        {"a": "2020-01-01T00:00:00.5Z"},
        {"a": 2**70},
        {"a'\"b": 1, "c d": "x"},
        {"json": 5},
    ],
)
def test_what_is_not_read_at_once_comes_all_the_same(warehouse, monkeypatch, first):
    file = warehouse.file("x.ndjson", (json.dumps(first) + "\n") * (1 + 1_100_000 // len(json.dumps(first))))
    at_once = _loaded(warehouse, file)
    monkeypatch.setattr(looks, "_SMALL", 10**9)
    assert at_once == _loaded(warehouse, file)


def test_an_array_of_objects_and_a_packed_file(warehouse, monkeypatch):
    import gzip

    rows = [{"id": n, "note": f"note {n * 7919 % 10007} {n}", "amount": float(Decimal(n) / 8)} for n in range(50_000)]
    for name, text in (
        ("x.json", json.dumps(rows).encode()),
        ("x.ndjson.gz", gzip.compress("\n".join(map(json.dumps, rows)).encode())),
    ):
        file = warehouse.file(name, text)
        assert looks.inspect(file, "json", ",") == "large"
        assert _loaded(warehouse, file)[1] == [tuple(row.values()) for row in rows[20_000:]]


def test_it_is_read_once(warehouse):
    """No statement looks at all records before the one that loads them."""
    file = warehouse.file("x.ndjson", (json.dumps(FIRST) + "\n") * MANY)
    sent = []
    warehouse.build("seed", files=(file,), look=lambda statement: sent.append(statement.sql))
    assert sum("read_json" in sql and "limit" not in sql for sql in sent) == 1
    assert not any("sample_size = -1" in sql for sql in sent)
