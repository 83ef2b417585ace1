"""Runs `eltflow build` in a child process that kills itself, as `kill -9` would, at a given point: before the n-th statement of its
workers, or so many seconds after that was sent. Forks from a process in which everything is imported: a build takes no start-up.

Lines of JSON on standard input: {"root", "arguments", "statement", "delay"}; answers: {"code"} (-9: killed).
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading


def arm(statement: int, delay: float) -> None:
    """Let this process die at the `statement`-th statement of its workers: before it is sent, or `delay` seconds later."""
    from eltflow_duckdb import session

    counted = [0]
    real = session.DuckDBSession.execute

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def execute(self, one):  # type: ignore[no-untyped-def]
        if threading.current_thread().name.startswith("eltflow-"):
            counted[0] += 1
            if counted[0] == statement and delay <= 0:
                die()
            elif counted[0] == statement:
                threading.Timer(delay, die).start()
        return real(self, one)

    session.DuckDBSession.execute = execute


def main() -> None:
    import duckdb  # noqa: F401
    import eltflow_duckdb.offline
    import eltflow_duckdb.session  # noqa: F401

    from eltflow.cli.main import main as command

    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if not child:
            null = os.open(os.devnull, os.O_RDWR)
            log = os.open(os.path.join(order["root"], "out.txt"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(null, 0)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.chdir(order["root"])
            if order.get("statement") is not None:
                arm(order["statement"], order["delay"])
            try:
                command(order["arguments"])
            except SystemExit as stop:
                os._exit(int(stop.code or 0))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(json.dumps({"code": os.waitstatus_to_exitcode(status)}), flush=True)


if __name__ == "__main__":
    main()
