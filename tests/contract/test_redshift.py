"""The contract, on a PostgreSQL that stands for Redshift (emulated: `tests/redshift_server.py` says what that cannot show)."""

from __future__ import annotations

import pytest
from eltflow_postgres.redshift import ADAPTER
from redshift_server import Stand

from eltflow.testing.bench import Subject
from eltflow.testing.contract import *  # noqa: F403


@pytest.fixture
def subject(redshift: Stand, tmp_path) -> Subject:
    return Subject(
        adapter=ADAPTER,
        target=redshift.target(),
        root=tmp_path,
        reading=("set lock_timeout = '50ms'",),
        upstream=("127.0.0.1", redshift.port),
        roles=("reporter", "Other Role"),
        places=True,
    )
