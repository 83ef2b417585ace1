"""The ways to sign in: what a target must say for each, and what redshift_connector is given. What can be wrong here is found here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eltflow.warehouse import Dialect

Values = Mapping[str, Any]

_METHODS = ("database", "iam", "iam_role")
#: The target's words → ssl and sslmode of the connector, which has nothing between no TLS and a server that an authority vouches for.
_SSL: Mapping[str, tuple[bool, str | None]] = {
    "disable": (False, None),
    "allow": (True, "verify-ca"),
    "prefer": (True, "verify-ca"),
    "require": (True, "verify-ca"),
    "verify-ca": (True, "verify-ca"),
    "verify-full": (True, "verify-full"),
}
#: Keys that go through as they are, as the connector calls them.
_PASSED = {
    "host": "host",
    "region": "region",
    "cluster_id": "cluster_identifier",
    "access_key_id": "access_key_id",
    "secret_access_key": "secret_access_key",
    "session_token": "session_token",
    "serverless_acct_id": "serverless_acct_id",
    "serverless_work_group": "serverless_work_group",
}
_ALIVE = ("tcp_keepalive_idle", "tcp_keepalive_interval", "tcp_keepalive_count")


def _method(values: Values) -> str:
    return str(values.get("method") or "database").lower()


def _password(values: Values) -> Any:
    return values.get("password", values.get("pass"))


def serverless(values: Values) -> bool:
    """Whether it is a workgroup of Redshift Serverless, which its endpoint says too."""
    told = values.get("is_serverless")
    return bool(told) if told is not None else ".redshift-serverless." in str(values.get("host") or "")


def problems(values: Values) -> Sequence[tuple[str, str]]:
    """(key, what is wrong with it) of the settings that are about signing in."""
    how = _method(values)
    if how not in _METHODS:
        return [("method", f"`method` must be one of {', '.join(_METHODS)}")]
    found: list[tuple[str, str]] = []
    mode = values.get("sslmode")
    if mode is not None and mode not in _SSL:
        found.append(("sslmode", f"`sslmode` must be one of {', '.join(_SSL)}"))
    if bool(values.get("copy_to")) != bool(values.get("copy_role")):
        found.append(("copy_to" if values.get("copy_to") else "copy_role", "`copy_to` and `copy_role` go together"))
    if values.get("copy_to") and not str(values["copy_to"]).startswith("s3://"):
        found.append(("copy_to", "`copy_to` must be a folder like s3://bucket/folder"))
    if how == "database":
        lacks = [("host", values.get("host")), ("user", values.get("user")), ("password", _password(values))]
        words = {"host": "the endpoint", "user": "who signs in", "password": "their password, or another `method:`"}
        return [*found, *(("type", f"a redshift target needs `{key}:`, {words[key]}") for key, value in lacks if value is None)]
    if mode == "disable":
        found.append(("sslmode", f"`method: {how}` needs TLS: take `sslmode: disable` out"))
    if serverless(values):
        if not (values.get("serverless_work_group") or values.get("host")):
            found.append(("method", f"`method: {how}` needs `serverless_work_group:`, or `host:`"))
        return found
    if not values.get("cluster_id"):
        found.append(("method", f"`method: {how}` needs `cluster_id:`, or `is_serverless: true` with `serverless_work_group:`"))
    if how == "iam" and not values.get("user"):
        found.append(("method", "`method: iam` needs `user:`, the database user to become; `iam_role` has none"))
    if how == "iam_role" and values.get("user"):
        found.append(("user", "`method: iam_role` signs in as the IAM role itself: take `user:` out"))
    return found


def arguments(values: Values) -> dict[str, Any]:
    """What the connector is given for it, without the database."""
    how = _method(values)
    given: dict[str, Any] = {theirs: str(values[ours]) for ours, theirs in _PASSED.items() if values.get(ours) is not None}
    given["port"] = int(values.get("port") or 5439)
    given |= {key: int(values[key]) for key in _ALIVE if values.get(key) is not None}
    if values.get("tcp_keepalive") is not None:
        given["tcp_keepalive"] = bool(values["tcp_keepalive"])
    if values.get("sslmode") is not None:  # unless told, the connector's own default, which is the strictest
        ssl, mode = _SSL[str(values["sslmode"])]
        given |= {"ssl": ssl} if mode is None else {"ssl": ssl, "sslmode": mode}
    if how == "database":
        return {**given, "user": str(values["user"]), "password": str(_password(values))}
    given["iam"] = True
    if serverless(values):
        given["is_serverless"] = True
    elif how == "iam":
        given |= {"db_user": str(values["user"]), "auto_create": bool(values.get("autocreate"))}
        given["db_groups"] = [str(group) for group in values.get("db_groups") or ()]
    else:
        given["group_federation"] = True
    named = values.get("iam_profile") or values.get("profile")
    if named is not None:
        given["profile"] = str(named)
    return given


def settings(values: Values, dialect: Dialect) -> Sequence[str]:
    """The statements that a new session begins with."""
    made = []
    if values.get("role"):
        made.append(f"set role {dialect.quote(str(values['role']))}")
    if values.get("query_group"):
        made.append(f"set query_group to {dialect.string(str(values['query_group']))}")
    return made
