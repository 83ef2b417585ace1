"""A server that speaks S3 for a run of the tests, each worker's own.

It is moto, which keeps buckets in memory: what it shows is that our client, the store and what we make of its answers fit together. It has no
rights, no delays and no other regions, and is not Amazon.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import obstore
import pytest
import urllib3
from emulators import serving
from obstore.store import S3Store
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
        obstore.put(self._bucket(bucket), key, data)

    def delete(self, bucket: str, key: str) -> None:
        obstore.delete(self._bucket(bucket), key)

    def bucket(self, name: str) -> None:
        """Make an empty one."""
        answer = urllib3.request("PUT", f"http://127.0.0.1:{self.port}/{name}")
        assert answer.status < 300, answer.data

    def _bucket(self, name: str) -> S3Store:
        config: Any = {key: value for key, value in self.connection.items() if key != "type"}
        return S3Store(name, config=config, client_options={"allow_http": True})


@pytest.fixture(scope="session")
def s3() -> Iterator[Store]:
    with serving("s3", "moto_s3.py", folder=room("s3"), env={}) as port:
        yield Store(port)
