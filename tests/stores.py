"""Servers that stand for Google Cloud Storage and Azure, each worker's own: fake-gcs-server and Azurite, in memory.

Like the one for S3 they show that our client, the store and what we make of its answers fit together. Azurite asks for a key, and refuses a
wrong one; the fake of Google's asks for none, and takes any version for the one that is asked for.
"""

from __future__ import annotations

import base64
import email.utils
import hashlib
import hmac
import json
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import obstore
import pytest
import urllib3
from emulators import serving
from obstore.store import AzureStore
from watchdog import room

ACCOUNT = "tester"
AZURE_KEY = base64.b64encode(b"s3cret key of the account").decode()


@dataclass(frozen=True)
class Google:
    """Where it listens."""

    port: int
    scheme = "gs"

    @property
    def connection(self) -> dict[str, Any]:
        """A connection as in `eltflow.yml`."""
        return {"type": "gcs", "endpoint": f"http://127.0.0.1:{self.port}", "anonymous": True}

    def bucket(self, name: str) -> None:
        """Make an empty one."""
        self._asked("POST", "/storage/v1/b?project=p", json.dumps({"name": name}).encode())

    def put(self, bucket: str, key: str, data: bytes) -> None:
        self._asked("POST", f"/upload/storage/v1/b/{bucket}/o?uploadType=media&name={key}", data)

    def _asked(self, method: str, path: str, body: bytes) -> None:
        answer = urllib3.request(method, f"http://127.0.0.1:{self.port}{path}", body=body)
        assert answer.status < 300, answer.data


@dataclass(frozen=True)
class Azure:
    """Where it listens."""

    port: int
    scheme = "az"

    @property
    def connection(self) -> dict[str, Any]:
        """A connection as in `eltflow.yml`."""
        endpoint = f"http://127.0.0.1:{self.port}/{ACCOUNT}"
        return {"type": "azure", "account_name": ACCOUNT, "account_key": AZURE_KEY, "endpoint": endpoint}

    def bucket(self, name: str) -> None:
        """Make an empty container, by a request that is signed as the service asks (Shared Key, 2021)."""
        sent = {"x-ms-date": email.utils.formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
        heads = "".join(f"{key}:{value}\n" for key, value in sorted(sent.items()))
        signed = "PUT" + 12 * "\n" + f"{heads}/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container"
        digest = hmac.new(base64.b64decode(AZURE_KEY), signed.encode(), hashlib.sha256).digest()
        sent["authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}"
        address = f"http://127.0.0.1:{self.port}/{ACCOUNT}/{name}?restype=container"
        answer = urllib3.request("PUT", address, headers=sent)
        assert answer.status < 300, answer.data

    def put(self, bucket: str, key: str, data: bytes) -> None:
        config: Any = {name: value for name, value in self.connection.items() if name != "type"}
        obstore.put(AzureStore(bucket, config=config, client_options={"allow_http": True}), key, data)


def _listens(port: int) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return
        except OSError:
            assert time.monotonic() < until, "nothing listens"
            time.sleep(0.05)


@pytest.fixture(scope="session")
def google() -> Iterator[Google]:
    with serving("gcs", "gcs_fake.py", folder=room("gcs"), env={}) as port:
        _listens(port)
        yield Google(port)


@pytest.fixture(scope="session")
def azure() -> Iterator[Azure]:
    with serving(
        "azurite", "azurite_server.py", folder=room("azurite"), env={"AZURITE_ACCOUNTS": f"{ACCOUNT}:{AZURE_KEY}"}
    ) as port:
        _listens(port)
        yield Azure(port)
