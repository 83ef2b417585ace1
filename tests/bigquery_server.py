"""An emulator of BigQuery for a run of the tests, each worker's own: the real client speaks to it over HTTP.

It is bqemulator, which runs the SQL on DuckDB. What it shows is that our statements, the client and what we make of its answers fit
together; it is not BigQuery, and cannot show what the list in `tests/contract/test_bigquery.py` names.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from emulators import serving_at
from watchdog import room


@dataclass(frozen=True)
class Emulator:
    """Where it listens."""

    port: int
    storage: int  #: of the Storage Read API

    def target(self, **more: Any) -> dict[str, Any]:
        """A target as in `eltflow.yml`."""
        return {
            "type": "bigquery",
            "project": "w",
            "schema": "s",
            "method": "none",
            "api_endpoint": f"http://127.0.0.1:{self.port}",
            "storage_endpoint": f"127.0.0.1:{self.storage}",
            "job_retry_deadline_seconds": 2,
            "threads": 2,
            **more,
        }


def live_target() -> dict[str, Any] | None:
    """The target in a project of your own, in JSON in the environment (docs/reference/bigquery.md), for the contract's cases."""
    given = os.environ.get("ELTFLOW_TEST_BIGQUERY")
    return None if not given else {"threads": 2, **json.loads(given), "type": "bigquery", "schema": "s"}


@pytest.fixture(scope="session")
def bigquery() -> Iterator[Emulator]:
    """The emulator, with an empty project `w`."""
    folder = room("bigquery")
    env = {"HOME": str(folder), "TMPDIR": str(folder)}
    with serving_at("bqemulator", "bqemulator_server.py", "w", folder=folder, env=env, ports=2) as (port, storage):
        yield Emulator(port, storage)
