"""A real HTTP server on loopback whose answers a test writes: what an API says is a fake, how it is said is not."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Asked:
    """A request as it came; `params` of the address, headers in small letters, the body parsed if it is JSON."""

    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    host: str


@dataclass(frozen=True)
class Reply:
    """What is said: a body (JSON unless bytes), its status and headers; `cut` closes the connection after so many bytes of it."""

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    zipped: bool = False


class Api:
    """The server. `answers` maps a path to a function of the request; `asked` are all requests, in order."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[Asked], Any]] = {}
        self.asked: list[Asked] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 1 << 16  # headers and body at once: the second packet of two would wait for an answer to the first

            def _answer(self) -> None:
                parts = urlsplit(self.path)
                size = int(self.headers.get("content-length") or 0)
                data: Any = self.rfile.read(size)
                if len(data) < size:  # whoever asked is gone
                    self.close_connection = True
                    return
                with suppress(ValueError):
                    data = json.loads(data)
                headers = {k.lower(): v for k, v in self.headers.items()}
                asked = Asked(self.command, parts.path, dict(parse_qsl(parts.query)), headers, data, headers.get("host", ""))
                api.asked.append(asked)
                found = api.answers.get(parts.path)
                reply = found(asked) if found is not None else Reply({"message": "no such thing"}, 404)
                if not isinstance(reply, Reply):
                    reply = Reply(reply)
                body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                extra = dict(reply.headers)
                if reply.zipped:
                    body, extra["content-encoding"] = gzip.compress(body), "gzip"
                self.send_response(reply.status)
                for name, value in {"content-type": "application/json", **extra, "content-length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command == "HEAD":
                    return
                if reply.cut is not None:
                    self.wfile.write(body[: reply.cut])
                    self.close_connection = True
                    return
                with suppress(BrokenPipeError, ConnectionResetError):
                    self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _answer

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
