"""Files in buckets of S3, and of servers that speak it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import obstore
from obstore.exceptions import (
    BaseError,
    GenericError,
    NotFoundError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from eltflow.transfer import Remote, version_of
from eltflow.warehouse import WarehouseError

_WILD = re.compile(r"[*?\[]")
_TOKEN = re.compile(r"\*\*/|\*\*|\*|\?|\[!?\]?[^\]]*\]|.", re.DOTALL)
_BLOCK = 8 << 20  #: bytes that are asked for at once


class Buckets:
    """What one connection may read, and write."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self._stores: dict[str, S3Store] = {}

    def listed(self, path: str) -> Sequence[Remote]:
        bucket, key = _parts(path)
        store = self._store(bucket)
        with _told(path):
            if not _WILD.search(key):
                try:
                    return [_remote(bucket, obstore.head(store, key))]
                except NotFoundError:
                    return []
            first = _WILD.split(key)[0]
            prefix = first.rpartition("/")[0] or None
            matches = re.compile(pattern(key)).fullmatch
            found = [meta for batch in obstore.list(store, prefix=prefix) for meta in batch if matches(meta["path"])]
        return sorted((_remote(bucket, meta) for meta in found), key=lambda one: one.name)

    def look(self, name: str) -> Remote | None:
        found = self.listed(name) if not _WILD.search(name) else self._exactly(name)
        return found[0] if found else None

    def _exactly(self, name: str) -> Sequence[Remote]:
        bucket, key = _parts(name)
        with _told(name):
            try:
                return [_remote(bucket, obstore.head(self._store(bucket), key))]
            except NotFoundError:
                return []

    def fetch(self, file: Remote, path: str, stop: Callable[[], bool]) -> None:
        bucket, key = _parts(file.name)
        with _told(file.name), open(path, "wb") as output:
            # Every part is of the version that was listed, or the store refuses.
            options: Any = {"if_match": file.tag} if file.tag else {}
            for block in obstore.get(self._store(bucket), key, options=options).stream(min_chunk_size=_BLOCK):
                if stop():
                    raise WarehouseError("cancelled", kind="cancelled")
                output.write(block)
        if os.path.getsize(path) != file.size:
            raise WarehouseError(f"{file.name} broke off: {os.path.getsize(path):,} bytes of {file.size:,}", kind="connection")

    def put(self, path: str, name: str) -> None:
        bucket, key = _parts(name)
        with _told(name, "written"):
            obstore.put(self._store(bucket), key, Path(path))

    def close(self) -> None:
        self._stores.clear()

    def _store(self, bucket: str) -> S3Store:
        if bucket not in self._stores:
            told = {
                key: self._values[key]
                for key in ("region", "access_key_id", "secret_access_key", "endpoint")
                if self._values.get(key)
            }
            if self._values.get("session_token"):
                told["token"] = self._values["session_token"]
            if self._values.get("anonymous"):
                told["skip_signature"] = True
            plain = str(told.get("endpoint", "")).startswith("http://")
            self._stores[bucket] = S3Store(
                bucket,
                config=cast(Any, told),
                client_options={"allow_http": plain},
                retry_config={"max_retries": 5, "retry_timeout": timedelta(seconds=60)},
            )
        return self._stores[bucket]


def pattern(key: str) -> str:
    """A regular expression for a glob: `*` and `?` stay within a folder, `**` does not."""
    made = []
    for token in _TOKEN.findall(key):
        if token == "**/":
            made.append("(?:.*/)?")
        elif token == "**":
            made.append(".*")
        elif token == "*":
            made.append("[^/]*")
        elif token == "?":
            made.append("[^/]")
        elif token.startswith("[") and len(token) > 2:
            inner = token[1:-1].replace("\\", "\\\\")
            made.append(f"[{'^' + inner[1:] if inner.startswith('!') else inner}]")
        else:
            made.append(re.escape(token))
    return "".join(made)


def _parts(path: str) -> tuple[str, str]:
    bucket, _, key = path.removeprefix("s3://").partition("/")
    return bucket, key


def _remote(bucket: str, meta: Any) -> Remote:
    tag = meta.get("e_tag")
    version = version_of(f"{tag} {meta['last_modified'].isoformat()}")
    return Remote(name=f"s3://{bucket}/{meta['path']}", size=meta["size"], version=version, tag=tag)


@contextmanager
def _told(path: str, done: str = "read") -> Iterator[None]:
    """Around what asks a store: its errors are ours."""
    try:
        yield
    except PreconditionError:
        raise WarehouseError(f"{path} changed while it was being read", help="run it again when the file is complete") from None
    except (PermissionDeniedError, UnauthenticatedError) as error:
        help = "correct the key of the connection, or the rights that it has"
        raise WarehouseError(f"{path} may not be {done}: {_words(error)}", kind="permission", help=help) from None
    except (NotFoundError, FileNotFoundError, GenericError) as error:  # which one depends on what was asked
        if isinstance(error, GenericError) and "NoSuchBucket" not in str(error):
            raise _failed(path, error, done) from None
        help = "correct the name of the bucket, or the `region:` or `endpoint:` of the connection"
        raise WarehouseError(f"{path} is not there", kind="connection", help=help) from None
    except BaseError as error:
        raise _failed(path, error, done) from None


def _failed(path: str, error: BaseException, done: str) -> WarehouseError:
    help = "see whether the server can be reached, and correct the `region:` or `endpoint:` of the connection"
    return WarehouseError(f"{path} cannot be {done}: {_words(error)}", kind="connection", help=help)


def _words(error: BaseException) -> str:
    """The first line of what an error says: what follows is how the client sees it."""
    return str(error).strip().split("\n")[0]
