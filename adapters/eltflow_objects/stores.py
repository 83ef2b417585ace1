"""Files in buckets of S3 and Google Cloud Storage, in containers of Azure, and of servers that speak like one of them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import (
    BaseError,
    GenericError,
    NotFoundError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import AzureStore, GCSStore, S3Store

from eltflow.base.records import dataclass
from eltflow.transfer import Remote, version_of
from eltflow.warehouse import WarehouseError
from eltflow_objects.patterns import WILD, pattern

#: What stores say of a bucket or a container that is not there.
_NO_HOLDER = ("NoSuchBucket", "ContainerNotFound")
_BLOCK = 8 << 20  #: bytes that are asked for at once


Store = AzureStore | GCSStore | S3Store
#: What keeps a request from going on for longer than people wait.
_PATIENCE: Any = {"max_retries": 5, "retry_timeout": timedelta(seconds=60)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A kind of store: how its paths begin, what holds its files (a bucket, a container), the keys of a connection that say which it is, and
    what opens one by the values of a connection and its name."""

    scheme: str
    holder: str
    keys: str
    opened: Callable[[Mapping[str, Any], str], Store]


class Buckets:
    """What one connection may read, and write."""

    def __init__(self, place: Place, values: Mapping[str, Any]) -> None:
        self._place = place
        self._values = values
        self._stores: dict[str, Store] = {}

    def listed(self, path: str) -> Sequence[Remote]:
        bucket, key = self._parts(path)
        with self._told(path):
            store = self._store(bucket)
            if not WILD.search(key):
                try:
                    return [self._remote(bucket, obstore.head(store, key))]
                except (NotFoundError, FileNotFoundError):
                    return []
            first = WILD.split(key)[0]
            prefix = first.rpartition("/")[0] or None
            matches = re.compile(pattern(key)).fullmatch
            found = [meta for batch in obstore.list(store, prefix=prefix) for meta in batch if matches(meta["path"])]
        return sorted((self._remote(bucket, meta) for meta in found), key=lambda one: one.name)

    def look(self, name: str) -> Remote | None:
        found = self.listed(name) if not WILD.search(name) else self._exactly(name)
        return found[0] if found else None

    def _exactly(self, name: str) -> Sequence[Remote]:
        bucket, key = self._parts(name)
        with self._told(name):
            try:
                return [self._remote(bucket, obstore.head(self._store(bucket), key))]
            except (NotFoundError, FileNotFoundError):
                return []

    def fetch(self, file: Remote, path: str, stop: Callable[[], bool]) -> None:
        bucket, key = self._parts(file.name)
        with self._told(file.name), open(path, "wb") as output:
            # Every part is of the version that was listed, or the store refuses.
            options: Any = {"if_match": f'"{file.tag}"'} if file.tag else {}
            for block in obstore.get(self._store(bucket), key, options=options).stream(min_chunk_size=_BLOCK):
                if stop():
                    raise WarehouseError("cancelled", kind="cancelled")
                output.write(block)
        if os.path.getsize(path) != file.size:
            raise WarehouseError(f"{file.name} broke off: {os.path.getsize(path):,} bytes of {file.size:,}", kind="connection")

    def put(self, path: str, name: str) -> None:
        bucket, key = self._parts(name)
        with self._told(name, "written"):
            obstore.put(self._store(bucket), key, Path(path))

    def close(self) -> None:
        self._stores.clear()

    def _store(self, bucket: str) -> Store:
        if bucket not in self._stores:
            self._stores[bucket] = self._place.opened(self._values, bucket)
        return self._stores[bucket]

    def _parts(self, path: str) -> tuple[str, str]:
        bucket, _, key = path.partition("://")[2].partition("/")
        return bucket, key

    def _remote(self, bucket: str, meta: Any) -> Remote:
        # A list and a head spell one version in two ways: with quotes around the tag or without, with fractions of a second or without.
        tag = (meta.get("e_tag") or "").strip('"') or None
        version = version_of(f"{tag} {int(meta['last_modified'].timestamp())}")
        return Remote(name=f"{self._place.scheme}://{bucket}/{meta['path']}", size=meta["size"], version=version, tag=tag)

    @contextmanager
    def _told(self, path: str, done: str = "read") -> Iterator[None]:
        """Around what asks a store: its errors are ours."""
        try:
            yield
        except PreconditionError:
            raise WarehouseError(f"{path} changed while it was being read", help="run it again when the file is complete") from None
        except (PermissionDeniedError, UnauthenticatedError) as error:
            help = "correct the key of the connection, or the rights that it has"
            raise WarehouseError(f"{path} may not be {done}: {_words(error)}", kind="permission", help=help) from None
        except (NotFoundError, FileNotFoundError, GenericError) as error:  # which one depends on what was asked
            if isinstance(error, GenericError) and not any(word in str(error) for word in _NO_HOLDER):
                raise self._failed(path, error, done) from None
            help = f"correct the name of the {self._place.holder}, or the {self._place.keys} of the connection"
            raise WarehouseError(f"{path} is not there", kind="connection", help=help) from None
        except BaseError as error:
            raise self._failed(path, error, done) from None

    def _failed(self, path: str, error: BaseException, done: str) -> WarehouseError:
        help = f"see whether the server can be reached, and correct the {self._place.keys} of the connection"
        return WarehouseError(f"{path} cannot be {done}: {_words(error)}", kind="connection", help=help)


def _s3(values: Mapping[str, Any], bucket: str) -> Store:
    told = {key: values[key] for key in ("region", "access_key_id", "secret_access_key", "endpoint") if values.get(key)}
    if values.get("session_token"):
        told["token"] = values["session_token"]
    return S3Store(bucket, config=_config(values, told), client_options=_options(values), retry_config=_PATIENCE)


def _gcs(values: Mapping[str, Any], bucket: str) -> Store:
    names = {"service_account_key": "service_account_key", "service_account_file": "service_account", "endpoint": "base_url"}
    told = {its: values[ours] for ours, its in names.items() if values.get(ours)}
    return GCSStore(bucket, config=_config(values, told), client_options=_options(values), retry_config=_PATIENCE)


def _azure(values: Mapping[str, Any], container: str) -> Store:
    same = ("account_name", "account_key", "tenant_id", "client_id", "client_secret", "endpoint")
    told = {key: values[key] for key in same if values.get(key)}
    if values.get("sas_token"):
        told["sas_key"] = str(values["sas_token"]).removeprefix("?")
    return AzureStore(container, config=_config(values, told), client_options=_options(values), retry_config=_PATIENCE)


def _config(values: Mapping[str, Any], told: dict[str, Any]) -> Any:
    return {**told, "skip_signature": True} if values.get("anonymous") else told


def _options(values: Mapping[str, Any]) -> Any:
    return {"allow_http": str(values.get("endpoint") or "").startswith("http://")}


S3 = Place(scheme="s3", holder="bucket", keys="`region:` or `endpoint:`", opened=_s3)
GCS = Place(scheme="gs", holder="bucket", keys="`endpoint:`", opened=_gcs)
AZURE = Place(scheme="az", holder="container", keys="`account_name:` or `endpoint:`", opened=_azure)


def _words(error: BaseException) -> str:
    """The first line of what an error says, what follows is how the client sees it; without the parameters of addresses, for a signature may
    be among them."""
    return re.sub(r"\?\S+", "", str(error).strip().split("\n")[0])
