"""`eltflow docs serve`: this machine alone, an address that is printed, an end by Ctrl-C; and what it says when it cannot."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


@contextmanager
def serving(root: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "eltflow.cli.main", "docs", "serve", *options]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline()
        finally:
            process.kill()


@pytest.fixture
def written(project: Callable[..., Path], eltflow: Callable[..., Any]) -> Path:
    root = project({"models/a.sql": "select 1 as x"})
    assert eltflow("docs", "generate", cwd=root).code == 0
    return root


def test_it_serves_until_ctrl_c(written: Path) -> None:
    with serving(written) as (process, line):
        found = re.fullmatch(r"docs at (http://127\.0\.0\.1:\d+/) \(Ctrl-C ends it\)\n", line)
        assert found is not None, line
        with urllib.request.urlopen(found.group(1), timeout=10) as answer:
            assert "eltflowPart" not in answer.read().decode()
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_a_port_of_ones_own_and_an_address_for_machines(written: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with serving(written, "--port", str(port), "--log-format", "json") as (_, line):
        assert f"http://127.0.0.1:{port}/" in json.dumps(json.loads(line))


def test_a_port_that_is_taken(written: Path, eltflow: Callable[..., Any]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ran = eltflow("docs", "serve", "--port", str(port), cwd=written)
    assert ran.code == 2
    assert ran.err.splitlines()[0] == f"error[E0120]: port {port} cannot be had: {os.strerror(98)}"
    assert "leave --port away" in ran.err


def test_docs_that_were_not_written(project: Callable[..., Path], eltflow: Callable[..., Any]) -> None:
    ran = eltflow("docs", "serve", cwd=project({"models/a.sql": "select 1 as x"}))
    assert ran.code == 2
    assert "error[E0119]: there are no docs in target/docs" in ran.err
    assert "eltflow docs generate" in ran.err


@pytest.mark.parametrize("port", ["-1", "70000", "x"])
def test_ports_that_cannot_be(written: Path, eltflow: Callable[..., Any], port: str) -> None:
    ran = eltflow("docs", "serve", "--port", port, cwd=written)
    assert ran.code == 2
    assert "--port" in ran.err
