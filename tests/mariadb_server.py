"""A MariaDB for a run of the tests: the system's own package, a folder and a port of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import watchdog

if TYPE_CHECKING:
    import pymysql

PASSWORD = "s3cret/pass word'%"  #: of the user `limited`, the only one who is asked for it
HOW = "MariaDB is not installed: `apt-get install mariadb-server` (Debian, Ubuntu) or `brew install mariadb`, as `.ci/run` does"
PLACES = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin")


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


def program(name: str) -> str:
    """The path of one of the server's programs. Fails the test, with how to get it, where there is none."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *PLACES]))
    if found is None:
        pytest.fail(HOW, pytrace=False)
    return found


@pytest.fixture(scope="session")
def mariadb() -> MariaDB:
    """The worker's server: schemas have no database around them, so that each worker needs one of its own."""
    folder = watchdog.room("mariadb")
    data, user = folder / "data", []
    if os.getuid() == 0:  # it refuses to run as root
        shutil.chown(folder, "mysql")
        user = ["--user=mysql"]
    install = [program("mariadb-install-db"), "--no-defaults", *user, f"--datadir={data}", "--skip-test-db"]
    install.append(f"--tmpdir={folder}")  # a server that starts takes away what it finds in the folder of all
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
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    watchdog.write_down("mariadb", process.pid, signal.SIGTERM)
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
    return server
