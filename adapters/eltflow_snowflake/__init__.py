"""The Snowflake adapter: by snowflake-connector-python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eltflow.base.plugins import driver
from eltflow.warehouse import Database, Dialect, Offline, Target
from eltflow_snowflake.dialect import SnowflakeDialect
from eltflow_snowflake.signin import problems

_WHOLE = ("port", "proxy_port", "connect_timeout", "network_timeout")


class SnowflakeAdapter:
    """Targets of `type: snowflake`. The driver is imported by `open`, not before."""

    name = "snowflake"
    dialect: Dialect = SnowflakeDialect()
    target_fields: Mapping[str, str] = {
        "account": "the account's identifier, as in myorg-account",
        "user": "who signs in",
        "password": "their password",
        "authenticator": "how to sign in: snowflake, username_password_mfa, snowflake_jwt, oauth, programmatic_access_token,"
        " externalbrowser, workload_identity, or the https address of an Okta site; told by the other keys unless set",
        "private_key": "a private key: PEM, or DER in base64",
        "private_key_path": "its file, from the project root",
        "private_key_passphrase": "what an encrypted key opens with",
        "token": "an OAuth token, or a programmatic access token",
        "workload_identity_provider": "aws, azure, gcp or oidc",
        "workload_identity_entra_resource": "the resource in Entra that stands for Snowflake",
        "role": "the role to take on; the user's default unless told",
        "warehouse": "the warehouse that computes; the user's default unless told",
        "query_tag": "what the account's history calls the session's statements",
        "session_parameters": "parameters of the session, as in ALTER SESSION",
        "client_session_keep_alive": "true keeps a session alive while nothing is sent",
        "connect_timeout": "seconds that connecting may take; 10 unless told",
        "network_timeout": "seconds that one request is tried again while the network fails; 300 unless told",
        "host": "the server's name, where it is not that of the account",
        "port": "its port; 443 unless told",
        "protocol": "https unless told",
        "proxy_host": "the proxy on the way",
        "proxy_port": "its port",
    }
    secret_fields: frozenset[str] = frozenset({"password", "private_key", "private_key_passphrase", "token"})
    starter = """type: snowflake
account: "{{ env_var('SNOWFLAKE_ACCOUNT', 'myorg-myaccount') }}"
user: "{{ env_var('SNOWFLAKE_USER', env_var('USER', 'me')) }}"
password: "{{ env_var('SNOWFLAKE_PASSWORD', '') }}"    # kept out of this file; a line of .env will do
# private_key_path: "{{ env_var('SNOWFLAKE_PRIVATE_KEY_PATH') }}"    # or this, or authenticator: externalbrowser
warehouse: "{{ env_var('SNOWFLAKE_WAREHOUSE', 'compute_wh') }}"
database: my_project
schema: "dev_{{ env_var('MY_SCHEMA', env_var('USER', 'me')) }}"
threads: 8
"""

    def target_problems(self, values: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        for key, what in (("account", "the account's identifier"), ("database", "the database")):
            if not values.get(key):
                found.append(("type", f"a snowflake target needs `{key}:`, {what}"))
        if ".snowflakecomputing." in str(values.get("account") or ""):
            found.append(("account", "`account` is the identifier alone, without .snowflakecomputing.com"))
        for key in _WHOLE:
            value = values.get(key)
            if value is not None and (isinstance(value, bool) or not str(value).isdigit()):
                found.append((key, f"`{key}` must be a whole number"))
        if values.get("protocol") not in (None, "http", "https"):
            found.append(("protocol", "`protocol` must be https or http"))
        if not isinstance(values.get("session_parameters") or {}, Mapping):
            found.append(("session_parameters", "`session_parameters` must be names and their values"))
        return [*found, *problems(values)]

    def database_name(self, values: Mapping[str, Any], root: Path) -> str | None:
        return self.dialect.named(str(values.get("database")))

    def location(self, target: Target, root: Path) -> str:
        place = target.values.get("host") or target.values.get("account")
        return f"{place}/{target.database}.{self.dialect.named(target.schema)}"

    def open(self, target: Target, root: Path, *, read_only: bool = False) -> Database:
        with driver("snowflake targets", "'eltflow[snowflake]'"):
            from eltflow_snowflake.session import SnowflakeDatabase
        return SnowflakeDatabase(target, root)

    def offline(self) -> Offline | None:
        return None


ADAPTER = SnowflakeAdapter()
