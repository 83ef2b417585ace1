"""The contract, on DuckDB."""

import duckdb
import pytest
from eltflow_duckdb import ADAPTER

from eltflow.testing.bench import Bench, Subject
from eltflow.testing.contract import *  # noqa: F403

#: What DuckDB 1.x cannot.
_OLDER = {
    "counts_as_much[99999999999999999999]": "no whole numbers of more than 64 bits from CSV: they stay text",
    "types_in_files[decimal(38,10)-json]": "numbers of JSON are read as DOUBLE",
    "awkward_rows_in_files[parquet by v]": "a partition of the text NULL is read as none",
}


@pytest.fixture
def subject(tmp_path):
    return Subject(
        adapter=ADAPTER, target={"type": "duckdb", "path": str(tmp_path / "w.duckdb"), "schema": "s"}, root=tmp_path, places=True
    )


@pytest.fixture(autouse=True)
def older(request: pytest.FixtureRequest) -> None:
    for case, reason in _OLDER.items() if duckdb.__version__ < "2" else ():
        if request.node.name.endswith(case):
            request.applymarker(pytest.mark.xfail(strict=True, reason=reason))


@pytest.mark.parametrize(
    "type",
    ["blob", "struct(a integer, \"b c\" varchar)", "map(varchar, integer)", "enum('x', 'y')", "hugeint", "bit", "double[3]", "timestamp_ns"],
)  # fmt: skip
def test_an_unchanged_type_of_its_own_is_no_change(warehouse: Bench, type: str) -> None:
    for _ in range(2):
        warehouse.build("incremental", f"select cast(null as {type}) as x", config={"on_schema_change": "fail"})
    assert len(warehouse.rows("select * from s.t")) == 2


def test_staging_is_not_written_ahead(warehouse: Bench) -> None:
    for _ in range(2):
        warehouse.build("incremental", "select 1 as id", config={"unique_key": "id"})
    assert any(s.sql.startswith('create temporary table "temp"') for s in warehouse.statements)
