from __future__ import annotations

from collections.abc import Iterator

import pytest
from lineage_world import Oracle


@pytest.fixture(scope="session")
def oracle() -> Iterator[Oracle]:
    yield Oracle()
