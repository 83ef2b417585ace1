"""The contract, on PostgreSQL."""

import pytest
from eltflow_postgres import ADAPTER
from postgres_server import Server

from eltflow.testing.bench import Subject
from eltflow.testing.contract import *  # noqa: F403


@pytest.fixture
def subject(postgres: Server, tmp_path):
    return Subject(
        adapter=ADAPTER,
        target=postgres.target(),
        root=tmp_path,
        reading=("set lock_timeout = '50ms'",),
        upstream=postgres.socket,
        roles=("reporter", "Other Role"),
        places=True,
    )
