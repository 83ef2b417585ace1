"""Fixtures for every test: projects in temporary folders, the command line as a function, a private home."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import contract_table
import pytest
import watchdog
from bigquery_server import bigquery
from hypothesis import HealthCheck, settings
from mariadb_server import mariadb
from postgres_server import postgres
from ran import Ran
from redshift_server import redshift
from s3_server import s3
from snowflake_server import snowflake
from spark_server import spark

ROOT = Path(__file__).resolve().parent.parent
# A machine that has something else to do makes no law untrue.
settings.register_profile("eltflow", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("eltflow")
_WATCHING = pytest.StashKey[subprocess.Popen[bytes]]()

__all__ = ["bigquery", "mariadb", "postgres", "redshift", "s3", "snowflake", "spark"]


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.stash[_WATCHING] = watchdog.begin()
        config.pluginmanager.register(contract_table.Recorder())


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        watchdog.end(config.stash[_WATCHING])


@pytest.fixture(autouse=True)
def private_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks and settings of the person who runs the tests are not touched, and their environment does not show."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
    monkeypatch.setenv("USER", "me")
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def eltflow() -> Callable[..., Ran]:
    """Runs the command line in a process of its own: `eltflow("build", cwd=folder)`."""

    def run(*arguments: str, cwd: Path, env: dict[str, str] | None = None, stdin: str | None = None, timeout: float = 120) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "eltflow.cli.main", *arguments],
            cwd=cwd,
            env={**os.environ, **(env or {})},
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Path]:
    """Makes a project folder from a mapping of file → text: `project({"models/a.sql": "select 1 as x"})`."""

    def make(files: dict[str, str], *, name: str = "p", settings: str = "") -> Path:
        root = tmp_path / name
        defaults = {
            "eltflow.yml": f"name: {name}\ntargets:\n  dev: {{type: duckdb, path: {name}.duckdb, schema: s, threads: 4}}\n{settings}"
        }
        for path, text in {**defaults, **files}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        (root / "models").mkdir(exist_ok=True)
        return root

    return make


@pytest.fixture
def example(tmp_path: Path) -> Callable[[str], Path]:
    """Copies one of the repository's projects: `example("examples/flights")`."""

    def copy(path: str) -> Path:
        target = tmp_path / Path(path).name
        shutil.copytree(ROOT / path, target, ignore=shutil.ignore_patterns("*.duckdb", "*.wal", ".eltflow", "target", "logs"))
        return target

    return copy
