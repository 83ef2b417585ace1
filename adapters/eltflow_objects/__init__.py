"""Files that are elsewhere, at an address or in an object store, for steps and deliveries of kind `files`. Importing this imports no client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from eltflow.base.plugins import driver
from eltflow.transfer import RemoteFiles, WritableFiles

_EXTRA = "'eltflow[remote]'"


class S3Reader:
    """Connections of `type: s3`, and paths that begin with `s3://`."""

    kinds = ("files",)
    keys: Mapping[str, str] = {
        "region": "where the buckets are, as eu-central-1",
        "endpoint": "the address of a server that speaks S3, as https://minio.example.com",
        "access_key_id": "the id of an access key; without one, that of the environment or the machine",
        "secret_access_key": "the secret of that key",
        "session_token": "a token that goes with a temporary key",
        "anonymous": "true to sign nothing, for buckets that everybody may read",
    }
    secret_keys = frozenset({"secret_access_key", "session_token"})

    def problems(self, values: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        found = []
        endpoint = urlsplit(str(values["endpoint"])) if values.get("endpoint") else None
        if endpoint is not None and (endpoint.scheme not in ("http", "https") or not endpoint.hostname):
            found.append(("endpoint", "`endpoint` must be an address like https://minio.example.com"))
        elif endpoint is not None and (endpoint.username or endpoint.password):
            found.append(("endpoint", "`endpoint` holds a user or a password, which would be shown"))
        for key, other in (("access_key_id", "secret_access_key"), ("secret_access_key", "access_key_id")):
            if values.get(key) and not values.get(other):
                found.append((key, f"`{key}` needs `{other}` too"))
        if not isinstance(values.get("anonymous", False), bool):
            found.append(("anonymous", "`anonymous` must be true or false"))
        return found

    def open(self, values: Mapping[str, Any], root: Path) -> WritableFiles:
        with driver("s3 connections", _EXTRA):
            from eltflow_objects.s3 import Buckets
        return Buckets(values)


class HttpReader:
    """Paths that begin with `https://` or `http://`."""

    kinds = ("files",)
    keys: Mapping[str, str] = {"timeout": "seconds to wait for an answer, 30 unless given"}
    secret_keys: frozenset[str] = frozenset()

    def problems(self, values: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        timeout = values.get("timeout", 30)
        good = isinstance(timeout, int | float) and not isinstance(timeout, bool) and timeout > 0
        return [] if good else [("timeout", "`timeout` must be a number above 0")]

    def open(self, values: Mapping[str, Any], root: Path) -> RemoteFiles:
        with driver("files at an address", _EXTRA):
            from eltflow_objects.web import Addresses
        return Addresses(values)


S3 = S3Reader()
HTTP = HttpReader()
