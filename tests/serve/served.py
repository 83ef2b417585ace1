"""What tests of the service share: a project with jobs, a clock that is set by hand, a service that is asked to look once."""

from __future__ import annotations

import datetime as dt
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from eltflow import api
from eltflow.serve.service import Service
from eltflow.state.database import SqlitePlace
from eltflow.state.jobs import JobRun, JobStore
from eltflow.state.store import Store

UTC = dt.UTC
PYTHON = sys.executable


class Clock:
    """Stands still until time goes on, or it is set."""

    def __init__(self, text: str) -> None:
        self.time = dt.datetime.fromisoformat(text).replace(tzinfo=UTC)
        self.seconds = 0.0

    def steady(self) -> float:
        return self.seconds

    def set(self, **span: float) -> None:
        """Another time, although none went by."""
        self.time += dt.timedelta(**span)

    def __call__(self) -> dt.datetime:
        return self.time

    def go(self, **span: float) -> None:
        self.time += dt.timedelta(**span)
        self.seconds += dt.timedelta(**span).total_seconds()


class Bench:
    """A service that looks when it is told to."""

    def __init__(self, root: Path, clock: Clock, env: Mapping[str, str]) -> None:
        self.said: list[str] = []
        self.clock = clock
        self.service = Service(
            root, api.new_options(env={**os.environ, **env}), now=clock, say=self.said.append, steady=clock.steady
        )
        self.service.adopt()
        self.store = self.service.store

    def look(self, **span: float) -> list[JobRun]:
        """Move the clock on and look, until every run that begins has ended; gives all runs, oldest first."""
        self.clock.go(**span)
        self.service.tick()
        while self.service.active:
            for active in list(self.service.active.values()):
                assert active.thread is not None
                active.thread.join(60)
            self.service.tick()
        return self.runs()

    def runs(self) -> list[JobRun]:
        return self.store.runs()[::-1]

    def states(self) -> list[tuple[str, str]]:
        return [(run.job, run.state) for run in self.runs()]

    def send(self) -> None:
        self.service.send_alerts(self.store)


@contextmanager
def bench(root: Path, at: str = "2026-03-10T08:00:00", **env: str) -> Iterator[Bench]:
    made = Bench(root, Clock(at), env)
    made.look()  # jobs that are new count from now
    try:
        yield made
    finally:
        made.service.close()


def store(root: Path) -> Any:
    return closing(JobStore(Store(SqlitePlace(root / ".eltflow" / "state.sqlite"))))


class Hook:
    """A server that takes webhooks; it answers with the codes in `answers`, then with 200."""

    def __init__(self) -> None:
        self.bodies: list[tuple[bytes, Mapping[str, str]]] = []
        self.answers: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.bodies.append((body, dict(self.headers)))
                self.send_response(outer.answers.pop(0) if outer.answers else 200)
                self.end_headers()

            def log_message(self, *args: Any) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook/t0ps3cret"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def until(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """What the condition gives once it is true."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)
    return found
