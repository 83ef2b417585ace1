"""The server, and a bench on it."""

import pytest
from eltflow_postgres import ADAPTER
from forked_fixtures import eltflow, forked
from postgres_server import Server

from eltflow.testing.bench import Subject, opened

__all__ = ["eltflow", "forked"]


@pytest.fixture
def warehouse(postgres: Server, tmp_path):
    subject = Subject(
        adapter=ADAPTER, target=postgres.target(), root=tmp_path, reading=("set lock_timeout = '50ms'",), upstream=postgres.socket
    )
    with opened(subject) as bench:
        yield bench
