"""MariaDB, proved against a server; MySQL, which speaks the same protocol, by golden SQL only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eltflow.base.plugins import driver
from eltflow.warehouse import Database, Dialect, Offline, Target
from eltflow_sqlalchemy.mysql.dialect import MariaDBDialect, MySQLDialect

_FIELDS: Mapping[str, str] = {
    "host": "the server's name or address; localhost unless told",
    "server": "another name for `host`",
    "port": "the server's port; 3306 unless told",
    "unix_socket": "the server's socket, instead of host and port",
    "user": "who signs in",
    "username": "another name for `user`",
    "password": "their password",
    "pass": "another name for `password`",
    "connect_timeout": "seconds that connecting may take; 10 unless told",
    "ssl_disabled": "true to do without TLS",
    "ssl_ca": "the file of the authorities that may vouch for the server",
    "ssl_cert": "the file of the client's certificate",
    "ssl_key": "the file of its key",
    "ssl_verify_cert": "true to refuse a server that none of them vouches for",
    "ssl_verify_identity": "true to refuse a server that they vouch for under another name",
}


class MySQLAdapter:
    """Targets of `type: mariadb` and `type: mysql`."""

    target_fields = _FIELDS
    port = 3306
    extra = "mysql"
    secret_fields: frozenset[str] = frozenset({"password", "pass"})

    def __init__(self, dialect: Dialect) -> None:
        self.name = dialect.name
        self.dialect = dialect
        self.starter = f"""type: {dialect.name}
host: "{{{{ env_var('MYSQL_HOST', 'localhost') }}}}"
port: "{{{{ env_var('MYSQL_PORT', '3306') }}}}"
user: "{{{{ env_var('MYSQL_USER', env_var('USER', 'me')) }}}}"
password: "{{{{ env_var('MYSQL_PASSWORD', '') }}}}"    # kept out of this file; a line of .env will do
schema: my_project
threads: 4
"""

    def target_problems(self, values: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        for key in ("port", "connect_timeout"):
            value = values.get(key)
            if value is not None and (isinstance(value, bool) or not str(value).isdigit()):
                found.append((key, f"`{key}` must be a whole number"))
        switches = ("ssl_disabled", "ssl_verify_cert", "ssl_verify_identity")
        found += [(key, f"`{key}` must be true or false") for key in switches if not isinstance(values.get(key, False), bool)]
        return found

    def database_name(self, values: Mapping[str, Any], root: Path) -> str | None:
        return None

    def location(self, target: Target, root: Path) -> str:
        values = target.values
        host = values.get("unix_socket") or values.get("host") or values.get("server") or "localhost"
        return f"{host}:{values.get('port') or self.port}/{target.schema}"

    def open(self, target: Target, root: Path, *, read_only: bool = False) -> Database:
        with driver(f"{self.name} targets", f"'eltflow[{self.extra}]'"):
            from eltflow_sqlalchemy.mysql.engine import MySQLDriver
            from eltflow_sqlalchemy.session import SQLDatabase
        return SQLDatabase(MySQLDriver(target, root, read_only=read_only), target, root, read_only=read_only)

    def offline(self) -> Offline | None:
        return None


MARIADB = MySQLAdapter(MariaDBDialect())
MYSQL = MySQLAdapter(MySQLDialect())
