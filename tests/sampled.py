"""A plug-in for a run of pytest within a test: with SAMPLE=n in the environment one of n cases is kept, whichever their names fall on. All
of them are a long proof."""

from __future__ import annotations

import os
import zlib

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    one_of = int(os.environ["SAMPLE"])
    left = [item for item in items if zlib.crc32(item.nodeid.rpartition("/")[2].encode()) % one_of]
    items[:] = [item for item in items if item not in left]
    config.hook.pytest_deselected(items=left)
