"""Models that are files: whatever stood there, a reader of the view meets whole files, and rows and types come back as they were."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from eltflow.testing.bench import Bench
from eltflow.testing.contract.changes import NEW, OLD, QUERY, STANDING
from eltflow.warehouse.values import Statement, WarehouseError

LAYOUTS: dict[str, dict[str, Any]] = {
    "parquet": {"format": "parquet", "options": {"compression": "zstd"}},
    "csv": {"format": "csv", "delimiter": ";", "options": {"compression": "gzip"}},
    "json": {"format": "json"},
    "parquet by v": {"format": "parquet", "partition_by": ["v"]},
    "csv by id": {"format": "csv", "partition_by": ["id"]},
}
_ROWS = "select 1 as id, 'old' as v"
#: Rows that a format may take for others: nothing, an empty text, a delimiter, what a folder's name cannot have.
_AWKWARD: list[tuple[Any, ...]] = [
    (1, None),
    (2, ""),
    (3, 'a;b,"c"'),
    (4, "x/y=z %*é"),
    (5, "two\nlines"),
    (6, "NULL"),
    (None, "7"),
]
_KEPT = {
    "hugeint": "'170141183460469231731687303715884105'",
    "decimal(38,10)": "'1234567890123456789012345678.0123456789'",
    "double": "'0.1'",
    "timestamp with time zone": "'2024-02-29 12:00:00.123456+02'",
    "timestamp_ns": "'2024-02-29 12:00:00.123456789'",
    "time": "'23:59:59.999999'",
    "date": "'0001-01-01'",
    "interval": "'1 month 2 days'",
    "uuid": "'00000000-0000-0000-0000-00000000000a'",
    "boolean": "'true'",
    "blob": r"'a\x00\xFF'",
    "bit": "'0101'",
    "enum('x', 'it''s')": "'it''s'",
    "integer[]": "'[1, NULL]'",
    'struct(a integer, "b c" varchar)': "{'a': 1, 'b c': 'x'}",
    "map(varchar, hugeint)": "map {'k': 5}",
}


def need_files(warehouse: Bench) -> None:
    """Skip the case on an engine that writes no files."""
    if not warehouse.can.external:
        pytest.skip("no models that are files")


def stand(warehouse: Bench, standing: str) -> None:
    if standing in LAYOUTS:
        warehouse.build("external", _ROWS, config=LAYOUTS[standing], run="00000001")
    else:
        warehouse.sql(*STANDING[standing])


def left_over(warehouse: Bench) -> list[str]:
    return [path.name for path in Path(warehouse.root).rglob(".*__eltflow_tmp_*")]


@pytest.mark.parametrize(
    ("standing", "layout"), list(itertools.product(["none", "view", "table", "parquet", "parquet by v"], LAYOUTS))
)
def test_a_model_that_becomes_files(warehouse: Bench, standing: str, layout: str) -> None:
    need_files(warehouse)
    stand(warehouse, standing)
    seen: list[Any] = []

    def look(statement: Statement) -> None:
        if standing != "none" or "t" in warehouse.names():
            seen.append(warehouse.seen())

    outcome = warehouse.build("external", QUERY, config=LAYOUTS[layout], look=look)

    assert (outcome.kind, outcome.rows) == ("external", 2)
    assert warehouse.rows() == NEW
    assert warehouse.columns() == [("id", "INTEGER"), ("v", "VARCHAR")]
    assert all(rows in (OLD, NEW) for rows in seen), seen
    assert seen == sorted(seen, key=lambda rows: rows == NEW), "a reader went back in time"
    assert left_over(warehouse) == []
    place = Path(warehouse.root) / "external" / "s" / (f"t.{LAYOUTS[layout]['format']}" if " by " not in layout else "t")
    assert place.is_dir() == (" by " in layout)
    assert place.exists()


@pytest.mark.parametrize("kind", ["table", "view", "incremental"])
def test_files_that_become_something_else(warehouse: Bench, kind: str) -> None:
    need_files(warehouse)
    stand(warehouse, "parquet")
    warehouse.build(kind, QUERY, config={"unique_key": "id"} if kind == "incremental" else {})
    assert warehouse.rows() == NEW
    existing = warehouse.existing()
    assert existing is not None
    assert existing.kind == ("view" if kind == "view" else "table")


@pytest.mark.parametrize("standing", ["none", "table", "csv", "parquet by v"])
@pytest.mark.parametrize("layout", ["csv", "parquet by v"])
def test_a_failure_at_every_statement_leaves_files_whole(warehouse: Bench, standing: str, layout: str) -> None:
    """As with relations; a failure after the new rows can be seen leaves them, and the next build tidies up."""
    need_files(warehouse)
    before = OLD if standing != "none" else None
    real, failing, failed = warehouse.session.execute, 0, 0
    while True:
        stand(warehouse, standing)
        sent = [0]

        def execute(statement: Statement, failing: int = failing, sent: list[int] = sent) -> Any:
            sent[0] += statement.role != "rollback"
            if statement.role != "rollback" and sent[0] - 1 == failing:
                raise WarehouseError("out of luck")
            return real(statement)

        warehouse.session.execute = execute
        try:
            warehouse.build("external", QUERY, config=LAYOUTS[layout], run=f"{failing:08x}")
        except WarehouseError:
            left = warehouse.rows() if "t" in warehouse.names() else None
            assert left in (before, NEW)
            assert left == NEW or left_over(warehouse) == []
            failed += 1
        finally:
            warehouse.session.execute = real
        if sent[0] <= failing:
            break
        warehouse.build("external", QUERY, config=LAYOUTS[layout], run="0000ffff")
        assert warehouse.rows() == NEW
        assert left_over(warehouse) == []
        warehouse.sql("drop view s.t")
        failing += 1
    assert failed == failing > 5


@pytest.mark.parametrize("layout", LAYOUTS)
def test_awkward_rows_in_files(warehouse: Bench, layout: str) -> None:
    need_files(warehouse)
    literal = warehouse.adapter.dialect.literal
    rows = ", ".join(f"({n}, {literal(n)}, {literal(v)})" for n, (_, v) in enumerate(_AWKWARD))
    ids = ", ".join(f"({n}, {literal(id)})" for n, (id, _) in enumerate(_AWKWARD))
    query = f"select i.id, r.v, r.n from (values {rows}) as r (n, m, v) join (values {ids}) as i (n, id) on i.n = r.n"
    warehouse.build("external", query, config=LAYOUTS[layout])
    assert [row[:2] for row in warehouse.rows("select * from s.t order by n")] == _AWKWARD
    outcome = warehouse.build("external", f"select * from ({query}) as q where false", config=LAYOUTS[layout])
    assert outcome.rows == 0
    assert warehouse.rows() == []
    assert warehouse.columns() == [("id", "INTEGER"), ("v", "VARCHAR"), ("n", "INTEGER")]


@pytest.mark.parametrize("format", ["parquet", "csv", "json"])
@pytest.mark.parametrize("type", _KEPT)
def test_types_in_files(warehouse: Bench, format: str, type: str) -> None:
    need_files(warehouse)
    query = f"select cast({_KEPT[type]} as {type}) as x union all select null"
    expected, described = warehouse.rows(f"from ({query}) order by x is null"), warehouse.columns(f"({query}) as q")
    warehouse.build("external", query, config={"format": format})
    assert warehouse.rows("select * from s.t order by x is null") == expected
    assert warehouse.columns() == described


def test_descriptions_of_files(warehouse: Bench) -> None:
    need_files(warehouse)
    made = warehouse.node("external", {"persist_docs": {"relation": True}}, description="It's a file")
    for _ in range(2):
        warehouse.build("external", "select 1 as id", made=made)
        existing = warehouse.existing()
        assert existing is not None
        assert existing.comment == "It's a file"
