"""Which cases are run: of Redshift's, which only a PostgreSQL stands for, one in 24 and at least one variant of each, unless
ELTFLOW_TEST_ALL=1 asks for all (a long proof, `tests/redshift/test_redshift_all.py`)."""

from __future__ import annotations

import os
import zlib

import pytest

_ONE_OF = 24


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if os.environ.get("ELTFLOW_TEST_ALL"):
        return
    seen: set[str] = set()
    left = []
    for item in items:
        if item.path.name == "test_redshift.py":
            case = item.name.partition("[")[0]
            if case in seen and zlib.crc32(item.name.encode()) % _ONE_OF:
                left.append(item)
            seen.add(case)
    if left:
        gone = set(left)
        items[:] = [item for item in items if item not in gone]
        config.hook.pytest_deselected(items=left)
