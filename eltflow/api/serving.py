"""Serves the docs site to this machine alone."""

from __future__ import annotations

import http.server
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from eltflow.base.diagnostics import fail

_HERE = ("127.0.0.1", "localhost")


class _Files(http.server.SimpleHTTPRequestHandler):
    """The files of one folder; neither lists of files nor what is linked from elsewhere."""

    def send_head(self) -> Any:
        # A page elsewhere may give its own name this machine's address; what it asks for carries that name.
        host = urlsplit(f"//{self.headers.get('Host', '')}").hostname
        path = Path(self.translate_path(self.path))
        if host not in _HERE or not path.resolve().is_relative_to(Path(self.directory).resolve()):
            self.send_error(403)
            return None
        return super().send_head()

    def list_directory(self, path: Any) -> None:
        self.send_error(404)

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


def docs_server(folder: Path, port: int = 0) -> http.server.ThreadingHTTPServer:
    """A server of the site in that folder on the loopback interface, at a free port unless one is named; not yet serving. Raises
    EltflowError (E0119 if there is no site, E0120 if the port cannot be had)."""
    if not (folder / "index.html").is_file():
        raise fail(
            "E0119", f"there are no docs in {folder.parent.name}/{folder.name}", help="write them first: eltflow docs generate"
        )

    def handler(*args: Any) -> _Files:
        return _Files(*args, directory=str(folder))

    try:
        return http.server.ThreadingHTTPServer((_HERE[0], port), handler)
    except (OSError, OverflowError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise fail("E0120", f"port {port} cannot be had: {why}", help="leave --port away for a free one") from None
