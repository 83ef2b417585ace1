"""What tests of deliveries share: an API whose answers they write, and a shop whose customers are sent to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from api_server import Api
from forked_fixtures import eltflow, forked

__all__ = ["eltflow", "forked"]


@pytest.fixture
def crm() -> Iterator[Api]:
    made = Api()
    yield made
    made.close()
