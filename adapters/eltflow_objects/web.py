"""Files at addresses. Nothing secret is sent, so that following an address to another host gives nothing away."""

from __future__ import annotations

import email.utils
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urljoin, urlsplit

import urllib3

from eltflow.transfer import Remote, version_of
from eltflow.warehouse import WarehouseError

_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TRIES = 5
_LONGEST = 60.0  #: seconds that a wait may take
_BLOCK = 1 << 20  #: bytes


class Addresses:
    """A client. What tells the versions of a file apart is its `ETag`, or when it was last modified; a server that tells neither is asked for
    the file itself."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        timeout = float(values.get("timeout", 30))
        self._pool = urllib3.PoolManager(timeout=urllib3.Timeout(connect=min(timeout, 10.0), read=timeout))

    def listed(self, path: str) -> Sequence[Remote]:
        found = self.look(path)
        return [] if found is None else [found]

    def look(self, name: str) -> Remote | None:
        response = self._asked("HEAD", name)
        response.drain_conn()
        if response.status in (404, 410):
            return None
        tag, changed = response.headers.get("etag"), response.headers.get("last-modified")
        size = response.headers.get("content-length")
        if response.status != 200 or not (tag or changed):
            return Remote(name=name, size=-1, version=0)
        return Remote(name=name, size=int(size) if size is not None else -1, version=version_of(f"{tag} {changed}"), tag=tag)

    def fetch(self, file: Remote, path: str, stop: Callable[[], bool]) -> None:
        """Raises WarehouseError, also for a file that is not the one that was listed any more."""
        for attempt in range(_TRIES):
            response = self._asked("GET", file.name)
            _check(file.name, response)
            tag = response.headers.get("etag")
            if file.tag is not None and tag is not None and tag != file.tag:
                raise WarehouseError(
                    f"{shown(file.name)} changed while it was being read", help="run it again when the file is complete"
                )
            try:
                with open(path, "wb") as output:
                    for block in response.stream(_BLOCK, decode_content=False):
                        if stop():
                            raise WarehouseError("cancelled", kind="cancelled")
                        output.write(block)
                return
            except urllib3.exceptions.HTTPError as error:
                if attempt == _TRIES - 1:
                    size = os.path.getsize(path)
                    message = f"{shown(file.name)} broke off after {size:,} bytes, {_TRIES} times: {type(error).__name__}"
                    raise WarehouseError(message, kind="connection", help="run it again when the server answers") from None

    def close(self) -> None:
        self._pool.clear()

    def _asked(self, method: str, url: str) -> urllib3.BaseHTTPResponse:
        """An answer, behind all redirections. Raises WarehouseError."""
        at = url
        for _ in range(6):
            response = self._once(method, at, url)
            if response.status not in _REDIRECTS or "location" not in response.headers:
                return response
            response.drain_conn()
            onward = urljoin(at, response.headers["location"])
            if urlsplit(onward).scheme not in ("https", urlsplit(at).scheme):
                message = f"{shown(url)} sends on to {shown(onward)}, which is not encrypted"
                raise WarehouseError(message, kind="connection", help="name that address itself, if it is meant")
            at = onward
        raise WarehouseError(f"{shown(url)} sends on from address to address", kind="connection", help="correct `path:`")

    def _once(self, method: str, at: str, url: str) -> urllib3.BaseHTTPResponse:
        problem = ""
        for attempt in range(_TRIES):
            wait = min(0.5 * 2**attempt, 8.0)
            try:
                # As it is stored: what a file is packed in is told by its name.
                headers = {"accept-encoding": "identity"}
                response = self._pool.request(method, at, headers=headers, retries=False, redirect=False, preload_content=False)
            except urllib3.exceptions.SSLError as error:
                message = f"{shown(url)}: the certificate of {urlsplit(at).hostname} is not trusted ({error.args[0] if error.args else error})"
                raise WarehouseError(message, kind="connection", help="see whom the certificate is of") from None
            except urllib3.exceptions.HTTPError as error:
                problem = type(error).__name__
            else:
                if response.status not in _PASSING:
                    return response
                problem, wait = f"status {response.status}", _retry_after(response, wait)
                response.drain_conn()
            if attempt < _TRIES - 1:
                time.sleep(wait)
        message = f"{shown(url)} cannot be read: {problem}, {_TRIES} times"
        raise WarehouseError(message, kind="connection", help="run it again when the server answers")


def _check(url: str, response: urllib3.BaseHTTPResponse) -> None:
    if response.status == 200:
        return
    response.drain_conn()
    message = f"{shown(url)} cannot be read: status {response.status}"
    raise WarehouseError(message, kind="connection", help="correct `path:`; files are asked for without signing in")


def _retry_after(response: urllib3.BaseHTTPResponse, otherwise: float) -> float:
    told = response.headers.get("retry-after", "")
    if told.isdigit():
        return min(float(told), _LONGEST)
    moment = email.utils.parsedate_to_datetime(told).timestamp() - time.time() if told else otherwise
    return max(0.0, min(moment, _LONGEST))


def shown(url: str) -> str:
    """An address without its parameters, which may be secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"
