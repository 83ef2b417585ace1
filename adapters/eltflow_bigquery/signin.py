"""The ways to sign in: what a target must say for each, and the credentials made of it. What can be wrong here is found here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eltflow.warehouse import WarehouseError

Values = Mapping[str, Any]

#: method → the keys that one of must be set.
_WANTED: Mapping[str, tuple[str, ...]] = {
    "oauth": (),
    "oauth-secrets": ("token", "refresh_token"),
    "service-account": ("keyfile",),
    "service-account-json": ("keyfile_json",),
    "none": ("api_endpoint",),
}
_REFRESHED = ("client_id", "client_secret", "token_uri")
_PARTS = ("client_email", "private_key", "token_uri")
_ACCOUNT = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+\Z")
SCOPES = ("https://www.googleapis.com/auth/bigquery",)


def method(values: Values) -> str:
    """How the target signs in: what `method` says, or what the other keys mean."""
    given = str(values.get("method") or "").strip().lower()
    if given:
        return given
    if values.get("keyfile"):
        return "service-account"
    if values.get("keyfile_json"):
        return "service-account-json"
    return "oauth-secrets" if values.get("token") or values.get("refresh_token") else "oauth"


def problems(values: Values) -> Sequence[tuple[str, str]]:
    """(key, what is wrong with it) of the settings that are about signing in."""
    how = method(values)
    if how not in _WANTED:
        return [("method", f"`method` must be one of {', '.join(_WANTED)}")]
    found: list[tuple[str, str]] = []
    wanted = _WANTED[how]
    if wanted and not any(values.get(key) for key in wanted):
        keys = " or ".join(f"`{key}:`" for key in wanted)
        found.append(("method", f"`method: {how}` needs {keys}"))
    if values.get("keyfile") and values.get("keyfile_json"):
        found.append(("keyfile", "`keyfile` and `keyfile_json` exclude each other: keep one of them"))
    if how == "oauth-secrets" and values.get("refresh_token"):
        found += [("refresh_token", f"a refresh token needs `{key}:` too") for key in _REFRESHED if not values.get(key)]
    if how == "none" and "googleapis.com" in str(values.get("api_endpoint") or ""):
        found.append(("method", "`method: none` is for an emulator: Google lets nobody in without signing in"))
    account = values.get("impersonate_service_account")
    if account and not _ACCOUNT.match(str(account)):
        found.append(("impersonate_service_account", "`impersonate_service_account` is the e-mail address of a service account"))
    scopes = values.get("scopes")
    if scopes is not None and (not isinstance(scopes, list) or not all(str(s).startswith("https://") for s in scopes)):
        found.append(("scopes", "`scopes` must be a list of https addresses"))
    return found


def credentials(values: Values, root: Path) -> Any:
    """Credentials for the client (`google.auth.credentials.Credentials`); nothing is sent, but that application default ones are looked
    for on Google's machines too. Raises WarehouseError (kind "connection") for a key that cannot be right, or where there are none."""
    scopes = [str(scope) for scope in values.get("scopes") or SCOPES]
    made = _own(values, root, scopes)
    account = values.get("impersonate_service_account")
    if not account:
        return made
    from google.auth import impersonated_credentials

    return impersonated_credentials.Credentials(made, target_principal=str(account), target_scopes=scopes)


def _own(values: Values, root: Path, scopes: Sequence[str]) -> Any:
    import google.auth
    from google.auth import credentials as plain
    from google.auth import exceptions
    from google.oauth2 import credentials as user
    from google.oauth2 import service_account

    how = method(values)
    if how == "none":
        return plain.AnonymousCredentials()
    if how == "oauth-secrets":
        given = {key: str(values[key]) for key in ("refresh_token", *_REFRESHED) if values.get(key)}
        return user.Credentials(str(values["token"]) if values.get("token") else None, scopes=scopes, **given)
    if how == "oauth":
        try:
            return google.auth.default(scopes=scopes)[0]
        except exceptions.GoogleAuthError as error:
            help = "sign in with `gcloud auth application-default login`, or set `method: service-account` and `keyfile:`"
            raise _refused(f"there are no application default credentials: {_first(error)}", help) from None
    what, info = _key(values, root)
    try:
        return service_account.Credentials.from_service_account_info(info, scopes=scopes)
    except (ValueError, exceptions.GoogleAuthError):
        raise _refused(f"the private key in {what} cannot be read", "download the key again, and keep it as it is") from None


def _key(values: Values, root: Path) -> tuple[str, Mapping[str, Any]]:
    """What people know a service account's key by, and the key."""
    given, what = values.get("keyfile_json"), "`keyfile_json:`"
    if method(values) == "service-account":
        path = root / Path(str(values["keyfile"])).expanduser()
        what = f"the key file {path}"
        try:
            given = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise _refused(f"{what} cannot be read: {why}", "correct `keyfile:`, which starts at the project") from None
    if not isinstance(given, Mapping):
        try:
            given = json.loads(str(given))
        except ValueError:
            raise _refused(f"{what} is no JSON", "it is what the console gives as a key of the service account") from None
    if not isinstance(given, Mapping) or given.get("type") != "service_account":
        raise _refused(f"{what} is no key of a service account", 'its `type` must be "service_account"')
    missing = [part for part in _PARTS if not given.get(part)]
    if missing:
        raise _refused(f"{what} lacks {', '.join(missing)}", "download the key again, and keep it as it is")
    # In an environment variable the line breaks of the key are often written out.
    return what, {**given, "private_key": str(given["private_key"]).replace("\\n", "\n")}


def _first(error: BaseException) -> str:
    return " ".join(str(error).split()).split(". ")[0]


def _refused(message: str, help: str) -> WarehouseError:
    return WarehouseError(message, kind="connection", help=help)
