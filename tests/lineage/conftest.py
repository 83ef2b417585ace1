from __future__ import annotations

import pytest
from lineage_world import Oracle


@pytest.fixture(scope="session")
def oracle() -> Oracle:
    return Oracle()
