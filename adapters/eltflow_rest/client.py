"""Requests: signed in, at the allowed pace, again after errors that may pass, and never to another host than the connection's."""

from __future__ import annotations

import base64
import email.utils
import random
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit, urlunsplit

import msgspec
import urllib3

from eltflow.base.records import dataclass, field
from eltflow.transfer.jsontext import dumps
from eltflow.warehouse import WarehouseError
from eltflow_rest.settings import pace

_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_LONGEST = 300.0  #: seconds that a wait may take
_BLOCK = 1 << 20  #: bytes
_TICK = 0.2  #: seconds between two looks at whether to stop
_NEAR = 60.0  #: seconds before a token ends that it is no longer used


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked: an address without its parameters, these, and a body, which makes it a post unless told; `key` is what the other side
    may know it by, if it comes twice."""

    url: str
    params: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    method: str | None = None
    key: str | None = None

    @property
    def shown(self) -> str:
        """What people know it by: parameters may be secret."""
        return urlsplit(self.url).path or "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came: where from, the headers (small letters), and the unpacked body."""

    url: str
    headers: Mapping[str, str]
    body: bytes


class Client:
    """Asks one API. `stop` says that nothing is wanted any more."""

    def __init__(self, values: Mapping[str, Any], root: Path, stop: Callable[[], bool]) -> None:
        self.base = str(values["url"]).rstrip("/")
        self._auth: Mapping[str, Any] = values.get("auth") or {}
        self._headers = {str(k): str(v) for k, v in (values.get("headers") or {}).items()}
        self._params: Mapping[str, Any] = values.get("params") or {}
        self._retries = int(values.get("retries", 5))
        self._timeout = float(values.get("timeout", 30))
        self._largest = float(values.get("max_answer_mb", 256)) * 1_000_000
        self._pace = pace(values["rate_limit"]) if values.get("rate_limit") is not None else None
        self._next = 0.0
        self._stop = stop
        self._token: tuple[str, float] | None = None
        ca = values.get("ca_file")
        if ca is not None and not (root / str(ca)).is_file():
            raise WarehouseError(f"there is no file {ca}", kind="connection", help="correct `ca_file:` of the connection")
        self._pool = urllib3.PoolManager(ca_certs=str(root / str(ca)) if ca is not None else None)

    def close(self) -> None:
        self._pool.clear()

    def url(self, path: str) -> str:
        """The address of a path of the API."""
        return f"{self.base}/{path.lstrip('/')}" if path.strip("/") else self.base

    def own(self, url: str, near: str) -> str:
        """An address that an answer names, in full. Raises WarehouseError for one of another host: it must not get the credentials."""
        full = urljoin(near, url)
        if _origin(full) != _origin(self.base):
            message = f"an answer names an address of another host ({urlsplit(full).hostname}), and credentials do not go there"
            raise WarehouseError(message, help="name that host in a connection of its own, if it is the API's")
        return full

    def ask(self, request: Request) -> Answer:
        """The answer to a request. Raises WarehouseError."""
        fresh, attempt = False, 0
        while True:
            self._wait(max(0.0, self._next - time.monotonic()))
            if self._pace is not None:
                self._next = time.monotonic() + self._pace
            problem, wait = "", None
            try:
                status, headers, body, url = self._sent(request)
            except urllib3.exceptions.SSLError as error:
                message = f"{request.shown}: the certificate of {urlsplit(request.url).hostname} is not trusted ({_words(error)})"
                raise WarehouseError(
                    message, kind="connection", help="name who signed it with `ca_file:` of the connection"
                ) from None
            except urllib3.exceptions.HTTPError as error:
                problem = _words(error)
            else:
                if status == 401 and self._auth.get("type") == "oauth2" and not fresh:
                    fresh, self._token = True, None  # it ended before it said it would
                    continue
                if status not in _PASSING:
                    return _checked(request, status, headers, body, url)
                problem, wait = _said(status, body), _retry_after(headers)
            if attempt == self._retries:
                times = f", {self._retries + 1} times" if self._retries else ""
                message = f"{request.shown}: {problem}{times}"
                raise WarehouseError(message, kind="connection", help="run it again when the API answers")
            pause = wait if wait is not None else min(0.5 * 2**attempt, 30.0) * random.uniform(0.5, 1.0)
            if pause > _LONGEST:
                message = f"{request.shown}: {problem}; it asks to wait {pause:,.0f} s"
                raise WarehouseError(message, kind="connection", help="run the step later, or ask less often with `rate_limit:`")
            attempt += 1
            self._wait(pause)

    def _sent(self, request: Request) -> tuple[int, Mapping[str, str], bytes, str]:
        """Status, headers, body, and where it came from in the end."""
        params = {**self._params, **request.params}
        headers = {"accept": "application/json", "accept-encoding": "gzip", **self._headers, **self._signed(params)}
        body = None
        if request.body is not None:
            body = dumps(request.body).encode()
            headers["content-type"] = "application/json"
        if request.key is not None:
            headers["idempotency-key"] = request.key
        url = _with(request.url, params)
        for _ in range(5):
            response = self._pool.request(
                request.method or ("POST" if body is not None else "GET"),
                url,
                body=body,
                headers=headers,
                retries=False,
                redirect=False,
                preload_content=False,
                timeout=urllib3.Timeout(connect=min(self._timeout, 10.0), read=self._timeout),
            )
            found = {name.lower(): value for name, value in response.headers.items()}
            if response.status not in _REDIRECTS or "location" not in found:
                return response.status, found, self._read(request, response), url
            response.drain_conn()
            url = self.own(found["location"], url)
        raise WarehouseError(f"{request.shown}: it sends on from address to address", kind="connection")

    def _read(self, request: Request, response: urllib3.BaseHTTPResponse) -> bytes:
        parts, size = [], 0
        for block in response.stream(_BLOCK, decode_content=True):
            size += len(block)
            if size > self._largest:
                response.close()
                message = f"{request.shown}: an answer is larger than {self._largest / 1_000_000:,.0f} MB"
                raise WarehouseError(message, help="ask for fewer records at once, or raise `max_answer_mb:` of the connection")
            parts.append(block)
            self._check()
        response.release_conn()
        return b"".join(parts)

    def _signed(self, params: dict[str, Any]) -> dict[str, str]:
        """The headers that sign a request; an API's key may go into `params` instead."""
        auth = self._auth
        match auth.get("type"):
            case "bearer":
                return {"authorization": f"Bearer {auth['token']}"}
            case "basic":
                pair = f"{auth['username']}:{auth['password']}".encode()
                return {"authorization": f"Basic {base64.b64encode(pair).decode()}"}
            case "api_key" if auth.get("header"):
                return {str(auth["header"]): str(auth["key"])}
            case "api_key":
                params[str(auth["param"])] = auth["key"]
            case "oauth2":
                return {"authorization": f"Bearer {self._access_token()}"}
        return {}

    def _access_token(self) -> str:
        """An access token (RFC 6749 §4.4, §6), the last one as long as it lives."""
        if self._token is not None and time.monotonic() < self._token[1]:
            return self._token[0]
        auth = self._auth
        refresh = auth.get("refresh_token")
        form = {"grant_type": "refresh_token" if refresh else "client_credentials"}
        form |= {key: str(auth[key]) for key in ("refresh_token", "scope", "audience") if auth.get(key)}
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        if auth.get("send") == "basic":
            pair = f"{auth['client_id']}:{auth['client_secret']}".encode()
            headers["authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        else:
            form |= {"client_id": str(auth["client_id"]), "client_secret": str(auth["client_secret"])}
        response = self._pool.request(
            "POST",
            str(auth["token_url"]),
            body=urlencode(form),
            headers=headers,
            retries=False,
            redirect=False,
            timeout=self._timeout,
        )
        try:
            given = msgspec.json.decode(response.data)
            token = str(given["access_token"])
        except (msgspec.DecodeError, KeyError, TypeError):
            if response.status in _PASSING:
                raise urllib3.exceptions.HTTPError(f"the sign-in answers {response.status}") from None
            message = f"signing in failed: {_said(response.status, response.data)}"
            raise WarehouseError(message, kind="connection", help="correct `auth:` of the connection") from None
        life = given.get("expires_in")
        lasts = float(life) if isinstance(life, int | float | str) and str(life).isdigit() else 3600.0
        self._token = (token, time.monotonic() + max(lasts - _NEAR, lasts / 2))
        return token

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._check()
            time.sleep(min(left, _TICK))
        self._check()

    def _check(self) -> None:
        if self._stop():
            raise WarehouseError("cancelled", kind="cancelled")


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _with(url: str, params: Mapping[str, Any]) -> str:
    """An address with parameters beside those that it has; ours win."""
    if not params:
        return url
    parts = urlsplit(url)
    kept = [pair for pair in parts.query.split("&") if pair and pair.partition("=")[0] not in params]
    written = urlencode([(k, v) for k, value in params.items() for v in (value if isinstance(value, list) else [_plain(value)])])
    return urlunsplit(parts._replace(query="&".join([*kept, written])))


def _plain(value: Any) -> Any:
    """A value as parameters have it."""
    return str(value).lower() if isinstance(value, bool) else value


def _checked(request: Request, status: int, headers: Mapping[str, str], body: bytes, url: str) -> Answer:
    if status == 204:
        body = b"[]"
    if 200 <= status < 300:
        return Answer(url=url, headers=headers, body=body)
    help = {
        401: "see whether the credentials in `auth:` of the connection are right, and still good",
        403: "ask whoever keeps the API for the right to read this",
        404: "correct `path:`, or `url:` of the connection",
    }.get(status, "correct what the step asks for")
    kind = "permission" if status in (401, 403) else "sql"
    raise WarehouseError(f"{request.shown}: {_said(status, body)}", kind=kind, code=str(status), help=help)  # type: ignore[arg-type]


def _said(status: int, body: bytes) -> str:
    """What an answer without records says, cut short."""
    shown = cut(body)
    return f"it answers {status}" + (f": {shown}" if shown and not shown.startswith("<") else "")


def cut(body: bytes) -> str:
    """The beginning of an answer, in a line."""
    text = " ".join(body[:2000].decode("utf-8", "replace").split())
    return text if len(text) <= 200 else text[:200] + "…"


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait (RFC 9110 §10.2.3), at most; None where the answer does not say."""
    told = headers.get("retry-after")
    if told is None:
        return None
    if told.strip().isdigit():
        return float(told)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(told).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def _words(error: Exception) -> str:
    """What went wrong on the way, without the address, which may hold a key."""
    match error:
        case urllib3.exceptions.NameResolutionError():
            return "the host is not known"
        case urllib3.exceptions.NewConnectionError():
            return "nobody answers there"
        case urllib3.exceptions.ConnectTimeoutError():
            return "no connection in time"
        case urllib3.exceptions.ReadTimeoutError():
            return "no answer in time"
        case urllib3.exceptions.SSLError():
            return str(error.args[0]) if error.args else "SSL"
        case urllib3.exceptions.DecodeError():
            return "the answer cannot be unpacked"
        case urllib3.exceptions.IncompleteRead() | urllib3.exceptions.ProtocolError():
            return "the answer broke off"
    return str(error) if type(error) is urllib3.exceptions.HTTPError else type(error).__name__
