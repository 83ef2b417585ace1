"""Which cases are run: of Redshift's, which only a PostgreSQL stands for, and of those of Spark and of BigQuery's emulator, which are slow,
some variants and at least one of each case, unless ELTFLOW_TEST_ALL=1 asks for all (a long proof, `test_all.py`)."""

from __future__ import annotations

import os
import zlib

import pytest

#: Of so many variants one.
_ONE_OF = {"test_redshift.py": 24, "test_spark.py": 12, "test_bigquery.py": 4}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if os.environ.get("ELTFLOW_TEST_ALL"):
        return
    seen: set[str] = set()
    left = []
    for item in items:
        one_of = _ONE_OF.get(item.path.name)
        if one_of is not None:
            case = f"{item.path.name} {item.name.partition('[')[0]}"
            if case in seen and zlib.crc32(item.name.encode()) % one_of:
                left.append(item)
            seen.add(case)
    if left:
        gone = set(left)
        items[:] = [item for item in items if item not in gone]
        config.hook.pytest_deselected(items=left)
