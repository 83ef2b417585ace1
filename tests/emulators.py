"""Servers that stand for warehouses: each in an environment of its own (tests/services/), started by the tests that need it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import watchdog

SERVICES = Path(__file__).resolve().parent / "services"
sys.path.insert(0, str(SERVICES))

import make  # noqa: E402


def need(name: str) -> None:
    """Skip a test whose environment is not there; in CI it fails."""
    if make.made(name):
        return
    message = f"{name} is not installed: python tests/services/make.py {name}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@contextmanager
def serving(name: str, script: str, *arguments: str, folder: Path, env: Mapping[str, str]) -> Iterator[int]:
    """As `serving_at`, for a server with one port."""
    with serving_at(name, script, *arguments, folder=folder, env=env) as (port,):
        yield port


@contextmanager
def serving_at(
    name: str, script: str, *arguments: str, folder: Path, env: Mapping[str, str], ports: int = 1
) -> Iterator[tuple[int, ...]]:
    """The ports of a server that is run by the environment's Python until the block ends: of a script that prints them, each as a line
    of its own. The server may keep things in the folder."""
    need(name)
    command = [str(make.python(name)), str(SERVICES / script), *arguments]
    with (folder / "log.txt").open("w") as log:
        pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": log}
        with subprocess.Popen(command, **pipes, env={**os.environ, **env}, text=True, start_new_session=True) as server:
            watchdog.write_down(name, server.pid)
            try:
                assert server.stdout is not None
                found: list[int] = []
                while len(found) < ports:
                    line = server.stdout.readline()
                    assert line, f"{script} did not start: {(folder / 'log.txt').read_text()[-2000:]}"
                    if line.strip().isdigit():  # else it is what the server says about itself
                        found.append(int(line))
                yield tuple(found)
            finally:
                server.kill()  # it keeps nothing, and may be at a query that it would end first
                server.wait()
                watchdog.forget(name, server.pid)


def mark_limits(request: pytest.FixtureRequest, golden_only: Mapping[str, str], *, live: bool) -> None:
    """Mark a case that the emulator cannot show as one that is to fail; the words before a bracket are all of a test's cases. It is not
    run, for most of it only fails after a long wait, unless ELTFLOW_TEST_GOLDEN_ONLY=1 says so."""
    name = request.node.name
    reason = golden_only.get(name) or golden_only.get(name.split("[")[0])
    if reason and not live:
        tried = bool(os.environ.get("ELTFLOW_TEST_GOLDEN_ONLY"))
        request.applymarker(pytest.mark.xfail(reason=f"golden only: {reason}", strict=True, run=tried))
