"""An emulator of Snowflake for a run of the tests, each worker's own: the real connector speaks to it over HTTP.

It is fakesnow, which runs the SQL on DuckDB. What it shows is that our statements, the connector and what we make of its answers fit
together; it is not Snowflake, and cannot show what the list in `tests/contract/test_snowflake.py` names.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from emulators import serving
from watchdog import room

PASSWORD = "s3cret/pass word'%"


@dataclass(frozen=True)
class Emulator:
    """Where it listens, and the file that it writes requests down in."""

    port: int
    log: Path

    def target(self, **more: Any) -> dict[str, Any]:
        """A target as in `eltflow.yml`."""
        return {
            "type": "snowflake",
            "account": "emulated",
            "user": "tester",
            "password": PASSWORD,
            "host": "127.0.0.1",
            "port": self.port,
            "protocol": "http",
            "database": "w",
            "schema": "s",
            "network_timeout": 10,
            "threads": 2,
            **more,
        }

    def requests(self) -> list[dict[str, Any]]:
        """What it was sent so far: path, statement, id of the request."""
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]


def live_target() -> dict[str, Any] | None:
    """The target of an account of your own, in JSON in the environment (docs/reference/snowflake.md), for the contract's cases."""
    given = os.environ.get("ELTFLOW_TEST_SNOWFLAKE")
    return None if not given else {"threads": 2, **json.loads(given), "type": "snowflake", "schema": "s"}


@pytest.fixture(scope="session")
def snowflake() -> Iterator[Emulator]:
    """The emulator, with an empty database `W`."""
    folder = room("snowflake")
    log = folder / "requests.jsonl"
    log.touch()
    env = {"TMPDIR": str(folder)}  # where it keeps what is put into stages
    with serving("fakesnow", "fakesnow_server.py", str(log), folder=folder, env=env) as port:
        emulator = Emulator(port=port, log=log)
        _create_database(emulator)
        yield emulator


def _create_database(emulator: Emulator) -> None:
    import snowflake.connector

    target = emulator.target()
    given = {key: target[key] for key in ("account", "user", "password", "host", "port", "protocol")}
    with snowflake.connector.connect(**given, session_parameters={"CLIENT_TELEMETRY_ENABLED": False}) as connection:
        connection.cursor().execute("create database if not exists W")
