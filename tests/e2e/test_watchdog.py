"""The servers that tests start end with the run, also one that is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import watchdog
from emulators import need

TESTS = Path(__file__).resolve().parent.parent

#: A run of the tests: its only one has a server of each kind started, says so, and waits.
RUN = """
import os, time
from pathlib import Path

def test_that_takes_long(bigquery, snowflake, postgres, mariadb):
    Path("told").write_text(os.environ["ELTFLOW_TEST_RUN"])
    Path("told").rename("there")
    while not Path("enough").exists():
        time.sleep(0.05)
"""


@dataclass(frozen=True)
class Run:
    """A run that waits for the file `enough`, its folder, and the process ids of its servers, which are all there."""

    process: subprocess.Popen[str]
    enough: Path
    folder: Path
    servers: list[int]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    for name in ("bqemulator", "fakesnow"):
        need(name)
    (tmp_path / "test_run.py").write_text(RUN)
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", watchdog.FOLDER))}
    command = [sys.executable, "-m", "pytest", "-p", "conftest", "-p", "no:cacheprovider", "--rootdir=.", "test_run.py"]
    given = {"cwd": tmp_path, "env": {**env, "PYTHONPATH": str(TESTS)}, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **given) as process:
        try:
            wait(lambda: (tmp_path / "there").exists() or process.poll() is not None)
            assert process.poll() is None, process.communicate()[0]
            folder = Path((tmp_path / "there").read_text())
            listed = {file.name.rpartition("-")[0]: int(file.read_text().split()[0]) for file in (folder / "servers").iterdir()}
            assert set(listed) == {"bqemulator", "fakesnow", "postgres", "mariadb"}
            assert all(watchdog.alive(pid) for pid in listed.values())
            yield Run(process, tmp_path / "enough", folder, list(listed.values()))
        finally:
            process.kill()


def wait(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not done() and time.monotonic() < deadline:
        time.sleep(0.05)


def left(run: Run) -> list[int | Path]:
    """What is there of a run's servers and its folder."""
    servers: list[int | Path] = [pid for pid in run.servers if watchdog.alive(pid)]
    return [*servers, *([run.folder] if run.folder.exists() else [])]


def test_a_run_that_is_killed_leaves_nothing(run: Run) -> None:
    run.process.kill()
    run.process.communicate()
    wait(lambda: not left(run))
    assert left(run) == []


def test_a_run_that_ends_leaves_nothing(run: Run) -> None:
    run.enough.touch()
    told, _ = run.process.communicate(timeout=60)
    assert run.process.returncode == 0, told
    assert left(run) == []
