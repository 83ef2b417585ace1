"""The command line in a child process forked from one in which everything is imported: real, and without the time to start up.

The child may kill itself, as `kill -9` would, at a given point: before the n-th statement of its workers, or so many seconds after.
Orders are lines of JSON on standard input ({"folder", "arguments", "env", "statement", "delay"}), answers {"code", "out", "err"}.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any


def arm(statement: int, delay: float) -> None:
    """Let this process die at the `statement`-th statement of its workers: before it is sent, or `delay` seconds later."""
    from eltflow_duckdb.session import DuckDBSession
    from eltflow_postgres.session import PostgresSession

    counted = [0]

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def armed(real):  # type: ignore[no-untyped-def]
        def execute(self, one):  # type: ignore[no-untyped-def]
            if threading.current_thread().name.startswith("eltflow-"):
                counted[0] += 1
                if counted[0] == statement and delay <= 0:
                    die()
                elif counted[0] == statement:
                    threading.Timer(delay, die).start()
            return real(self, one)

        return execute

    for session in (DuckDBSession, PostgresSession):
        session.execute = armed(session.execute)


OTHERS = (
    "duckdb",
    "sqlglot.dialects.duckdb",
    "sqlglot.optimizer.scope",
    "jinja2.sandbox",
    "typer.main",
    "yaml",
    "sqlite3",
    "difflib",
)


def import_everything() -> None:
    """What a build may import, imported here once."""
    import eltflow_duckdb
    import eltflow_postgres

    import eltflow

    for package in (eltflow, eltflow_duckdb, eltflow_postgres):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(found.name)
    for name in OTHERS:
        importlib.import_module(name)


def main() -> None:
    import_everything()
    from eltflow.cli.main import main as command

    for line in sys.stdin:
        order = json.loads(line)
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            child = os.fork()
            if not child:
                become(order, out.fileno(), err.fileno())
                os._exit(run(command, order))
            _, status = os.waitpid(child, 0)
            told = [read(out), read(err)]
        print(json.dumps({"code": os.waitstatus_to_exitcode(status), "out": told[0], "err": told[1]}), flush=True)


def become(order: dict[str, Any], out: int, err: int) -> None:
    """Take on the folder, environment and streams of the order."""
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["env"])
    if order.get("statement") is not None:
        arm(order["statement"], order["delay"])


def run(command: Callable[[list[str]], None], order: dict[str, Any]) -> int:
    """The command's exit code; its output is written out."""
    code = 0
    try:
        command(order["arguments"])
    except SystemExit as stop:
        code = int(stop.code or 0)
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def read(file: Any) -> str:
    file.seek(0)
    return str(file.read().decode())


class Forked:
    """The process that forks."""

    def __init__(self) -> None:
        self._process = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(
        self,
        *arguments: str,
        cwd: Path,
        env: dict[str, str] | None = None,
        statement: int | None = None,
        delay: float = 0.0,
    ) -> tuple[int, str, str]:
        """Exit code (-9 when killed), output and errors of `eltflow ARGUMENTS`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {
            "folder": str(cwd),
            "arguments": arguments,
            "env": {**os.environ, **(env or {})},
            "statement": statement,
            "delay": delay,
        }
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        return answer["code"], answer["out"], answer["err"]

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=20)


if __name__ == "__main__":
    main()
