"""The PostgreSQL adapter: a server, by psycopg 3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eltflow.base.plugins import driver
from eltflow.warehouse import Database, Dialect, Offline, Target
from eltflow_postgres.dialect import PostgresDialect

_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_WHOLE = ("port", "connect_timeout", "keepalives_idle", "retries")


def common_problems(values: Mapping[str, Any], type: str, whole: Sequence[str]) -> list[tuple[str, str]]:
    """(key, what is wrong with it): a target of that type that names no database, and keys in `whole` that are no whole numbers."""
    found: list[tuple[str, str]] = []
    if not (values.get("dbname") or values.get("database")):
        found.append(("type", f"a {type} target needs `dbname:`, the database"))
    for key in whole:
        value = values.get(key)
        if value is not None and (isinstance(value, bool) or not str(value).isdigit()):
            found.append((key, f"`{key}` must be a whole number"))
    return found


class PostgresAdapter:
    """Targets of `type: postgres`. The driver is imported by `open`, not before."""

    name = "postgres"
    dialect: Dialect = PostgresDialect()
    target_fields: Mapping[str, str] = {
        "host": "the server's name or address, or the folder of its socket; localhost unless told",
        "port": "the server's port; 5432 unless told",
        "user": "the role that signs in; libpq's own default unless told",
        "password": "its password; without one, libpq looks into its password file",
        "pass": "another name for `password`",
        "dbname": "the database",
        "connect_timeout": "seconds that connecting may take; 10 unless told",
        "retries": "how often connecting is tried again while the server starts or has no room; 1 unless told",
        "sslmode": f"one of {', '.join(_SSL_MODES)}",
        "sslcert": "the file of the client's certificate",
        "sslkey": "the file of its key",
        "sslrootcert": "the file of the authorities that may vouch for the server",
        "role": "the role to take on after signing in (SET ROLE)",
        "search_path": "the session's search_path, as in SET search_path",
        "keepalives_idle": "seconds without traffic before the connection is probed; the system's unless told",
        "application_name": "what the server's own views call the session; eltflow, project, target and run unless told",
    }
    secret_fields: frozenset[str] = frozenset({"password", "pass"})
    starter = """type: postgres
host: "{{ env_var('PGHOST', 'localhost') }}"
port: "{{ env_var('PGPORT', '5432') }}"
user: "{{ env_var('PGUSER', env_var('USER', 'me')) }}"
password: "{{ env_var('PGPASSWORD', '') }}"    # kept out of this file; a line of .env will do
dbname: my_project
schema: "dev_{{ env_var('MY_SCHEMA', env_var('USER', 'me')) }}"
threads: 4
"""

    def target_problems(self, values: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        found = common_problems(values, self.name, _WHOLE)
        mode = values.get("sslmode")
        if mode is not None and mode not in _SSL_MODES:
            found.append(("sslmode", f"`sslmode` must be one of {', '.join(_SSL_MODES)}"))
        return found

    def database_name(self, values: Mapping[str, Any], root: Path) -> str | None:
        return str(values.get("dbname") or values.get("database"))

    def location(self, target: Target, root: Path) -> str:
        host, port = target.values.get("host") or "localhost", target.values.get("port") or 5432
        return f"{host}:{port}/{target.database}.{target.schema}"

    def open(self, target: Target, root: Path, *, read_only: bool = False) -> Database:
        with driver("postgres targets", "'eltflow[postgres]'"):
            from eltflow_postgres.session import PostgresDatabase
        return PostgresDatabase(target, root, read_only=read_only)

    def offline(self) -> Offline | None:
        return None


ADAPTER = PostgresAdapter()
