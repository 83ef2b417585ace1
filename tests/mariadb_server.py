"""A MariaDB for a run of the tests: the system's own package, a folder and a port of its own; one server for all workers of a run."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import pymysql

PASSWORD = "s3cret/pass word'%"  #: of the user `limited`, the only one who is asked for it
HOW = "MariaDB is not installed: `apt-get install mariadb-server` (Debian, Ubuntu) or `brew install mariadb`, as `.ci/run` does"
PLACES = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin")

#: The folder of this run's server, set in the process that starts the workers.
FOLDER = "ELTFLOW_TEST_MARIADB"
RUN = "ELTFLOW_TEST_RUN"  #: the id of that process


@dataclass(frozen=True)
class MariaDB:
    """Where it listens."""

    port: int

    def target(self, **more: Any) -> dict[str, Any]:
        """A target as in `eltflow.yml`."""
        values = {"type": "mariadb", "host": "127.0.0.1", "port": self.port, "user": "root", "schema": "s", "threads": 2}
        return {**values, **more}

    def connect(self, **more: Any) -> pymysql.Connection[Any]:
        import pymysql

        return pymysql.connect(**{"host": "127.0.0.1", "port": self.port, "user": "root", "autocommit": True, **more})

    def sql(self, *statements: str) -> Any:
        """Run them as root; gives the rows of the last."""
        with self.connect() as connection, connection.cursor() as cursor:
            for one in statements:
                cursor.execute(one)
            return cursor.fetchall()


def choose_folder() -> None:
    """Say where the servers of this run shall have their files."""
    os.environ[RUN] = str(os.getpid())
    os.environ[FOLDER] = str(Path(tempfile.gettempdir()) / f"eltflow-maria-{os.getpid()}")


def clear_away() -> None:
    """Stop the servers that this run started, and delete their files; once all workers have ended."""
    folder = Path(os.environ.pop(FOLDER))
    for told in folder.glob("*/server.json"):
        pid = json.loads(told.read_text())["pid"]
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 30
        while alive(pid) and time.monotonic() < deadline:
            time.sleep(0.05)
    shutil.rmtree(folder, ignore_errors=True)


def alive(pid: int) -> bool:
    """Whether the process is there, and has not ended unseen."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def keep(run: int, folder: Path, command: list[str]) -> None:
    """Run the server as long as the process `run` is there, and until a SIGTERM comes; then delete the folder, if `run` is gone."""
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: stopped.append(number))
    with (folder / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT) as server:
        while server.poll() is None and not stopped and alive(run):
            time.sleep(0.2)
        server.terminate()
        with suppress(subprocess.TimeoutExpired):
            server.wait(20)
        server.kill()
    if not alive(run):
        shutil.rmtree(folder.parent, ignore_errors=True)


def program(name: str) -> str:
    """The path of one of the server's programs. Fails the test, with how to get it, where there is none."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *PLACES]))
    if found is None:
        pytest.fail(HOW, pytrace=False)
    return found


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    import fcntl

    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _start(folder: Path) -> int:
    """Start a server; gives its port."""
    data, user = folder / "data", []
    folder.mkdir()
    if os.getuid() == 0:  # it refuses to run as root
        shutil.chown(folder, "mysql")
        user = ["--user=mysql"]
    install = [program("mariadb-install-db"), "--no-defaults", *user, f"--datadir={data}", "--skip-test-db"]
    done = subprocess.run([*install, "--auth-root-authentication-method=normal"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    command = [program("mariadbd"), "--no-defaults", *user, f"--datadir={data}", f"--socket={folder}/s", f"--port={port}"]
    command += [
        "--bind-address=127.0.0.1",
        f"--pid-file={folder}/pid",
        f"--tmpdir={folder}",
        "--skip-log-bin",
        "--innodb-buffer-pool-size=32M",
    ]
    command += ["--innodb-flush-log-at-trx-commit=2", "--skip-name-resolve", "--collation-server=latin1_swedish_ci"]
    run = str(os.environ[RUN])
    process = subprocess.Popen([sys.executable, __file__, run, str(folder), *command], start_new_session=True)
    server = MariaDB(port)
    deadline = time.monotonic() + 60
    while True:
        assert process.poll() is None, (folder / "log").read_text()
        with suppress(Exception):
            server.sql("select 1")
            break
        assert time.monotonic() < deadline, (folder / "log").read_text()
        time.sleep(0.05)
    server.sql(f"create user limited@'%' identified by '{PASSWORD.replace(chr(39), chr(39) * 2)}'")
    (folder / "server.json").write_text(json.dumps({"pid": process.pid, "port": port}))
    return port


@pytest.fixture(scope="session")
def mariadb() -> MariaDB:
    """The worker's server: schemas have no database around them, so that each worker needs one of its own."""
    root = Path(os.environ[FOLDER])
    folder = root / os.environ.get("PYTEST_XDIST_WORKER", "main")
    with _one_at_a_time(root):
        if not (folder / "server.json").exists():
            return MariaDB(_start(folder))
    return MariaDB(json.loads((folder / "server.json").read_text())["port"])


if __name__ == "__main__":
    keep(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
