"""The Spark adapter: a server by Spark Connect or by Thrift, or a Spark in this process."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from eltflow.base.plugins import driver
from eltflow.warehouse import Database, Dialect, Offline, Target
from eltflow_spark.dialect import SparkDialect

_METHODS = ("connect", "thrift", "session")
_PORTS = {"connect": 15002, "thrift": 10000}
_AUTH = ("NONE", "NOSASL", "LDAP", "CUSTOM", "KERBEROS")
#: The keys that only some methods have.
_ONLY: Mapping[str, tuple[str, ...]] = {
    "host": ("connect", "thrift"),
    "port": ("connect", "thrift"),
    "token": ("connect",),
    "use_ssl": ("connect",),
    "password": ("thrift",),
    "auth": ("thrift",),
    "kerberos_service_name": ("thrift",),
    "master": ("session",),
    "path": ("session",),
}
#: Seconds that a Thrift server may take to answer one question; statements themselves run on in between.
_ANSWER = 300
_SCHEMA = re.compile(r"\w+\Z", re.ASCII)


class SparkAdapter:
    """Targets of `type: spark`. The driver is imported by `open`, not before."""

    name = "spark"
    dialect: Dialect = SparkDialect()
    target_fields: Mapping[str, str] = {
        "method": "connect (Spark Connect), thrift (a Thrift server), or session (a Spark in this process)",
        "host": "the server's name or address",
        "port": "the server's port; 15002 for connect, 10000 for thrift unless told",
        "user": "who is named to the server",
        "token": "the bearer token, with `method: connect`",
        "use_ssl": "true for TLS, with `method: connect`; a token has it anyway",
        "password": "the password, with `auth: LDAP` or `CUSTOM`",
        "auth": "how a Thrift server lets in: NONE, NOSASL, LDAP, CUSTOM or KERBEROS",
        "kerberos_service_name": "the server's name in Kerberos",
        "connect_timeout": "seconds that connecting may take; 10 unless told",
        "server_side_parameters": "settings of every session, e.g. {spark.sql.session.timeZone: UTC}, or of a Spark of one's own",
        "master": "what the Spark of this process runs on, e.g. local[4]; all cores of this machine unless told",
        "path": "the folder for its tables, from the project root; spark-warehouse unless told",
    }
    secret_fields: frozenset[str] = frozenset({"password", "token"})
    starter = """type: spark
method: session    # a Spark in this process, which needs Java; `connect` and `thrift` are for servers:
# method: connect
# host: "{{ env_var('SPARK_HOST') }}"
# token: "{{ env_var('SPARK_TOKEN') }}"    # kept out of this file; a line of .env will do
path: spark-warehouse
schema: my_project
threads: 2
"""

    def target_problems(self, values: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        method = str(values.get("method") or "")
        if method in ("http", "odbc"):
            return [("method", f"`method: {method}` is not there: take connect or thrift")]
        if method not in _METHODS:
            return [("method" if method else "type", f"a spark target needs `method:`, one of {', '.join(_METHODS)}")]
        found: list[tuple[str, str]] = []
        for key, methods in _ONLY.items():
            if values.get(key) is not None and method not in methods:
                found.append((key, f"`{key}` goes with `method: {' or '.join(methods)}`, and this is `{method}`"))
        if method in _PORTS and not values.get("host"):
            found.append(("method", f"`method: {method}` needs `host:`"))
        for key in ("port", "connect_timeout"):
            value = values.get(key)
            if value is not None and (isinstance(value, bool) or not str(value).isdecimal() or not int(value)):
                found.append((key, f"`{key}` must be a whole number above 0"))
        if not isinstance(values.get("use_ssl", False), bool):
            found.append(("use_ssl", "`use_ssl` must be true or false"))
        return [*found, *_auth_problems(values), *_plain_problems(values)]

    def database_name(self, values: Mapping[str, Any], root: Path) -> str | None:
        return None

    def location(self, target: Target, root: Path) -> str:
        values = target.values
        if values["method"] == "session":
            return str(_folder(target, root))
        return f"{values['host']}:{_port(values)}/{target.schema}"

    def open(self, target: Target, root: Path, *, read_only: bool = False) -> Database:
        values = target.values
        settings = {str(key): _text(value) for key, value in (values.get("server_side_parameters") or {}).items()}
        with driver("spark targets", "'eltflow[spark]'"):
            if values["method"] == "thrift":
                return _thrift(target, settings)
            from eltflow_spark.connect import ConnectDatabase
        if values["method"] == "session":
            with driver("spark targets with `method: session`", "'eltflow[spark]'"):
                from eltflow_spark.local import started
            master = str(values.get("master") or "local[*]")
            return ConnectDatabase(started(_folder(target, root), master, settings), "Spark", {})
        from eltflow_spark.reach import reached

        host, port = str(values["host"]), _port(values)
        reached(host, port, int(values.get("connect_timeout") or 10))
        url = f"sc://{f'[{host}]' if ':' in host else host}:{port}/;user_id={quote(str(values.get('user') or 'eltflow'), safe='')}"
        if values.get("use_ssl"):
            url += ";use_ssl=true"
        if values.get("token"):
            url += f";token={quote(str(values['token']), safe='')}"
        return ConnectDatabase(url, f"{host}:{port}", settings)

    def offline(self) -> Offline | None:
        return None


def _thrift(target: Target, settings: Mapping[str, str]) -> Database:
    from eltflow_spark.reach import reached
    from eltflow_spark.thrift import ThriftDatabase

    values = target.values
    host, port, auth = str(values["host"]), _port(values), str(values.get("auth") or "NONE").upper()
    reached(host, port, int(values.get("connect_timeout") or 10))
    arguments = {
        "host": host,
        "port": port,
        "auth": auth,
        "username": str(values.get("user") or "eltflow"),
        "password": str(values["password"]) if auth in ("LDAP", "CUSTOM") else None,
        "kerberos_service_name": values.get("kerberos_service_name"),
        "seconds": _ANSWER,
    }
    return ThriftDatabase(arguments, f"{host}:{port}", settings)


def _port(values: Mapping[str, Any]) -> int:
    return int(values.get("port") or _PORTS[str(values["method"])])


def _folder(target: Target, root: Path) -> Path:
    return (root / Path(str(target.values.get("path") or "spark-warehouse")).expanduser()).resolve()


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _auth_problems(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    auth = str(values.get("auth") or "NONE").upper()
    if auth not in _AUTH:
        return [("auth", f"`auth` must be one of {', '.join(_AUTH)}")]
    found = []
    if (auth in ("LDAP", "CUSTOM")) != bool(values.get("password")):
        found.append(("password" if values.get("password") else "auth", "`password` and `auth: LDAP` or `CUSTOM` go together"))
    if (auth == "KERBEROS") != bool(values.get("kerberos_service_name")):
        found.append(("auth", "`auth: KERBEROS` and `kerberos_service_name` go together"))
    return found if values.get("method") == "thrift" else []


def _plain_problems(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = []
    settings = values.get("server_side_parameters")
    if settings is not None and not isinstance(settings, Mapping):
        found.append(("server_side_parameters", "`server_side_parameters` must be names of settings and their values"))
    schema, database = values.get("schema"), values.get("database")
    if schema and not _SCHEMA.match(str(schema)):
        found.append(("schema", "a schema's name is made of letters, digits and `_`"))
    if database and database != schema:
        found.append(("database", "Spark's databases are its schemas: take `database` out, or make it what `schema` is"))
    return found


ADAPTER = SparkAdapter()
