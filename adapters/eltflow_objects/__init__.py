"""Files that are elsewhere: at an address, on a host, in an object store. Importing this imports no client."""

from __future__ import annotations

import base64
import json
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
        found = _of_store(values, "https://minio.example.com")
        for key, other in (("access_key_id", "secret_access_key"), ("secret_access_key", "access_key_id")):
            if values.get(key) and not values.get(other):
                found.append((key, f"`{key}` needs `{other}` too"))
        return found

    def open(self, values: Mapping[str, Any], root: Path) -> WritableFiles:
        with driver("s3 connections", _EXTRA):
            from eltflow_objects import stores
        return stores.Buckets(stores.S3, values)


class GcsReader:
    """Connections of `type: gcs`, and paths that begin with `gs://`."""

    kinds = ("files",)
    keys: Mapping[str, str] = {
        "service_account_file": "the path of the key file of a service account; without a key, that of the environment or the machine",
        "service_account_key": "that key itself, as JSON",
        "endpoint": "the address of a server other than Google's, as https://storage.example.com",
        "anonymous": "true to sign nothing, for buckets that everybody may read",
    }
    secret_keys = frozenset({"service_account_key"})

    def problems(self, values: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        found = _of_store(values, "https://storage.example.com")
        if values.get("service_account_file") and values.get("service_account_key"):
            found.append(("service_account_file", "`service_account_file` and `service_account_key` are two keys"))
        key = values.get("service_account_key")
        if key is not None and not _is_object(key):
            found.append(("service_account_key", "`service_account_key` must be the JSON of a service account's key"))
        return found

    def open(self, values: Mapping[str, Any], root: Path) -> RemoteFiles:
        with driver("gcs connections", _EXTRA):
            from eltflow_objects import stores
        if values.get("service_account_file"):
            values = {**values, "service_account_file": str(root / Path(values["service_account_file"]).expanduser())}
        return stores.Buckets(stores.GCS, values)


class AzureReader:
    """Connections of `type: azure`, and paths that begin with `az://`."""

    kinds = ("files",)
    keys: Mapping[str, str] = {
        "account_name": "the storage account; without one, that of the environment",
        "account_key": "a key of the account; without any, that of the environment or the machine",
        "sas_token": "a shared access signature, in place of a key",
        "tenant_id": "of a service principal, in place of a key",
        "client_id": "the id of that service principal",
        "client_secret": "its secret",
        "endpoint": "the address of the account where it is not https://<account>.blob.core.windows.net",
        "anonymous": "true to sign nothing, for containers that everybody may read",
    }
    secret_keys = frozenset({"account_key", "sas_token", "client_secret"})

    def problems(self, values: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        found = _of_store(values, "https://account.blob.example.com")
        ways = [key for key in ("account_key", "sas_token", "client_secret") if values.get(key)]
        if len(ways) > 1:
            found.append((ways[1], f"`{ways[0]}` and `{ways[1]}` are two ways to sign in"))
        principal = ("tenant_id", "client_id", "client_secret")
        if values.get("client_secret") or values.get("tenant_id"):
            found += [(key, f"a service principal needs `{key}` too") for key in principal if not values.get(key)]
        if values.get("account_key") and not _is_base64(str(values["account_key"])):
            found.append(("account_key", "`account_key` must be base64, as the account shows it"))
        return found

    def open(self, values: Mapping[str, Any], root: Path) -> RemoteFiles:
        with driver("azure connections", _EXTRA):
            from eltflow_objects import stores
        return stores.Buckets(stores.AZURE, values)


def _of_store(values: Mapping[str, Any], example: str) -> list[tuple[str, str]]:
    """What is wrong with what connections to all kinds of stores may say."""
    found = []
    endpoint = urlsplit(str(values["endpoint"])) if values.get("endpoint") else None
    if endpoint is not None and (endpoint.scheme not in ("http", "https") or not endpoint.hostname):
        found.append(("endpoint", f"`endpoint` must be an address like {example}"))
    elif endpoint is not None and (endpoint.username or endpoint.password or endpoint.query):
        found.append(("endpoint", "`endpoint` holds a user, a password or a signature, which would be shown"))
    if not isinstance(values.get("anonymous", False), bool):
        found.append(("anonymous", "`anonymous` must be true or false"))
    return found


def _is_object(text: Any) -> bool:
    try:
        return isinstance(json.loads(str(text)), dict)
    except ValueError:
        return False


def _is_base64(text: str) -> bool:
    try:
        return bool(base64.b64decode(text, validate=True))
    except ValueError:
        return False


class SftpReader:
    """Connections of `type: sftp`, and paths that begin with `sftp://`."""

    kinds = ("files",)
    keys: Mapping[str, str] = {
        "user": "who signs in; the one who runs eltflow unless given",
        "password": "the password; without one and without a key, the keys of the agent and of ~/.ssh are tried",
        "private_key_file": "the path of a private key",
        "passphrase": "what opens that key",
        "known_hosts": "the path of the file that holds the keys of hosts, ~/.ssh/known_hosts unless given",
        "timeout": "seconds to wait for an answer, 30 unless given",
    }
    secret_keys = frozenset({"password", "passphrase"})

    def problems(self, values: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        found = []
        if values.get("passphrase") and not values.get("private_key_file"):
            found.append(("passphrase", "`passphrase` needs `private_key_file` too"))
        if values.get("password") and values.get("private_key_file"):
            found.append(("password", "`password` and `private_key_file` are two ways to sign in"))
        return [*found, *_timeout(values)]

    def open(self, values: Mapping[str, Any], root: Path) -> RemoteFiles:
        with driver("sftp connections", "'eltflow[sftp]'"):
            from eltflow_objects.sftp import Hosts
        return Hosts(values, root)


def _timeout(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    timeout = values.get("timeout", 30)
    good = isinstance(timeout, int | float) and not isinstance(timeout, bool) and timeout > 0
    return [] if good else [("timeout", "`timeout` must be a number above 0")]


class HttpReader:
    """Paths that begin with `https://` or `http://`."""

    kinds = ("files",)
    keys: Mapping[str, str] = {"timeout": "seconds to wait for an answer, 30 unless given"}
    secret_keys: frozenset[str] = frozenset()

    def problems(self, values: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        return _timeout(values)

    def open(self, values: Mapping[str, Any], root: Path) -> RemoteFiles:
        with driver("files at an address", _EXTRA):
            from eltflow_objects.web import Addresses
        return Addresses(values)


S3 = S3Reader()
GCS = GcsReader()
AZURE = AzureReader()
SFTP = SftpReader()
HTTP = HttpReader()
