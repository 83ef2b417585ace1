"""The ways to sign in: what a target must say for each, and what the connector is given. What can be wrong here is found here."""

from __future__ import annotations

import base64
import binascii
import datetime
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eltflow.warehouse import WarehouseError

Values = Mapping[str, Any]

#: authenticator → the keys that one of must be set. (An address is that of an Okta site, which wants the password.)
_WANTED: Mapping[str, tuple[str, ...]] = {
    "snowflake": ("password",),
    "username_password_mfa": ("password",),
    "snowflake_jwt": ("private_key", "private_key_path"),
    "oauth": ("token",),
    "programmatic_access_token": ("token",),
    "externalbrowser": (),
    "workload_identity": ("workload_identity_provider",),
}
_SPELLINGS = {"jwt": "snowflake_jwt", "pat": "programmatic_access_token"}
_NO_USER = ("oauth", "workload_identity")


def method(values: Values) -> str:
    """How the target signs in: what `authenticator` says, or what the other keys mean."""
    given = str(values.get("authenticator") or "").strip()
    if given:
        return given if "://" in given else _SPELLINGS.get(given.lower(), given.lower())
    if values.get("private_key") or values.get("private_key_path"):
        return "snowflake_jwt"
    return "oauth" if values.get("token") and not values.get("password") else "snowflake"


def problems(values: Values) -> Sequence[tuple[str, str]]:
    """(key, what is wrong with it) of the settings that are about signing in."""
    found: list[tuple[str, str]] = []
    how = method(values)
    address = how.startswith("https://")
    if how not in _WANTED and not address:
        return [("authenticator", f"`authenticator` must be one of {', '.join(_WANTED)}, or the https address of an Okta site")]
    wanted = ("password",) if address else _WANTED[how]
    if how not in _NO_USER and not values.get("user"):
        found.append(("type", "a snowflake target needs `user:`, who signs in"))
    if wanted and not any(values.get(key) for key in wanted):
        keys = " or ".join(f"`{key}:`" for key in wanted)
        ways = "; other ways to sign in: a private key, `authenticator: externalbrowser`, or a token" if how == "snowflake" else ""
        found.append(("authenticator" if values.get("authenticator") else "type", f"signing in by {how} needs {keys}{ways}"))
    if values.get("private_key") and values.get("private_key_path"):
        found.append(("private_key", "`private_key` and `private_key_path` exclude each other: keep one of them"))
    return found


def arguments(values: Values, root: Path) -> dict[str, Any]:
    """What the connector is given for it. Raises WarehouseError (kind "connection") for a key or a token that cannot be right."""
    how = method(values)
    given: dict[str, Any] = {"authenticator": how}
    if values.get("user"):
        given["user"] = str(values["user"])
    if how == "snowflake_jwt":
        return {**given, "private_key": _private_key(values, root)}
    if how == "workload_identity":
        keys = ("workload_identity_provider", "workload_identity_entra_resource")
        return {**given, **{key: str(values[key]) for key in keys if values.get(key)}}
    if how in ("oauth", "programmatic_access_token"):
        _check_expiry(str(values["token"]))
        return {**given, "token": str(values["token"])}
    return {**given, "password": str(values["password"])} if values.get("password") else given


def _private_key(values: Values, root: Path) -> bytes:
    """The private key in DER, as the connector wants it."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    named = values.get("private_key_path")
    what = f"the private key {root / Path(str(named)).expanduser()}" if named else "the private key under `private_key:`"
    content = _content(what, root / Path(str(named)).expanduser()) if named else str(values["private_key"]).strip().encode()
    phrase = values.get("private_key_passphrase")
    password = str(phrase).encode() if phrase else None
    try:
        if b"-----BEGIN" in content:
            key = serialization.load_pem_private_key(content, password=password)
        else:
            key = serialization.load_der_private_key(base64.b64decode(content, validate=True), password=password)
    except TypeError:
        if password is None:
            raise _refused(f"{what} is encrypted", "set `private_key_passphrase:`") from None
        raise _refused(f"{what} is not encrypted", "take `private_key_passphrase:` out") from None
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        if password is not None:
            raise _refused(f"{what} does not open with its passphrase", "correct `private_key_passphrase:`") from None
        raise _refused(f"{what} is no private key", "it must be PKCS#8 in PEM, or its DER in base64") from None
    return key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _content(what: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _refused(
            f"{what} cannot be read: {error.strerror}", "correct `private_key_path:`, which starts at the project"
        ) from None


def _check_expiry(token: str) -> None:
    """Raise WarehouseError for a token that says of itself that its time is over (RFC 7519 §4.1.4)."""
    parts = token.split(".")
    if len(parts) != 3:
        return
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        ends = datetime.datetime.fromtimestamp(float(claims["exp"]), datetime.UTC)
    except (ValueError, KeyError, TypeError, OverflowError, OSError):
        return
    if ends < datetime.datetime.now(datetime.UTC):
        raise _refused(f"the token expired at {ends:%Y-%m-%d %H:%M:%S} UTC", "get a new one, and set it as `token:`")


def _refused(message: str, help: str) -> WarehouseError:
    return WarehouseError(message, kind="connection", help=help)
