"""A server that speaks S3 for a run of the tests, each worker's own.

It is moto, which keeps buckets in memory: what it shows is that our client, the store and what we make of its answers fit together. It has no
rights, no delays and no other regions, and is not Amazon.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
import urllib3
from emulators import serving
from watchdog import room

SECRET = "s3cret/of+the/bucket"


@dataclass(frozen=True)
class Store:
    """Where it listens."""

    port: int

    @property
    def connection(self) -> dict[str, Any]:
        """A connection as in `eltflow.yml`."""
        endpoint = f"http://127.0.0.1:{self.port}"
        key = {"access_key_id": "tester", "secret_access_key": SECRET}
        return {"type": "s3", "endpoint": endpoint, "region": "us-east-1", **key}

    def put(self, bucket: str, key: str, data: bytes) -> None:
        self._ask("PUT", f"{bucket}/{quote(key)}", data)

    def delete(self, bucket: str, key: str) -> None:
        self._ask("DELETE", f"{bucket}/{quote(key)}")

    def bucket(self, name: str) -> None:
        """Make an empty one."""
        self._ask("PUT", name)

    def _ask(self, method: str, path: str, data: bytes = b"") -> None:
        answer = urllib3.request(method, f"http://127.0.0.1:{self.port}/{path}", body=data)
        assert answer.status < 300, answer.data


@pytest.fixture(scope="session")
def s3() -> Iterator[Store]:
    with serving("s3", "s3_server.py", folder=room("s3"), env={}) as port:
        yield Store(port)
