"""REST and GraphQL APIs as sources of ingestion steps. Importing this imports no HTTP client."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from eltflow.base.plugins import driver
from eltflow_rest.settings import AUTH, pace

if TYPE_CHECKING:
    from eltflow_rest.jobs import ApiJobs
    from eltflow_rest.records import ApiRecords
    from eltflow_rest.sending import ApiRecipient


class ApiReader:
    """Connections of `type: rest`."""

    kinds: tuple[str, ...] = ("rest", "graphql")
    keys: Mapping[str, str] = {
        "url": "where the API is, as https://api.example.com/v1",
        "auth": "how to sign in: a mapping with `type:` bearer, basic, api_key or oauth2",
        "headers": "headers that are sent with every request",
        "params": "parameters that are sent with every request",
        "timeout": "seconds to wait for an answer, 30 unless given",
        "retries": "how often a request is sent again after an error that may pass, 5 unless given",
        "rate_limit": "how often to ask, as 10/second or 600/minute",
        "ca_file": "certificates to trust, as a file in PEM, from the project root",
        "max_answer_mb": "the largest answer that is read, unpacked, in megabytes; 256 unless given",
    }
    secret_keys = frozenset({"auth", "headers"})

    def problems(self, values: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        try:
            url = urlsplit(str(values.get("url") or ""))
            good = url.scheme in ("http", "https") and bool(url.hostname) and (url.port or 1) > 0
        except ValueError:
            url, good = urlsplit(""), False
        if not good:
            found.append(("url", "`url` must be an address like https://api.example.com/v1"))
        elif url.username or url.password:
            found.append(("url", "`url` holds a user or a password, which would be shown; sign in with `auth: {type: basic, ...}`"))
        elif url.query or url.fragment:
            found.append(("url", "`url` ends before `?` and `#`: give what follows as `params:`"))
        found += [("auth", problem) for problem in _auth_problems(values.get("auth"))]
        found += [
            (key, f"`{key}` must be a mapping")
            for key in ("headers", "params")
            if values.get(key) is not None and not isinstance(values[key], Mapping)
        ]
        for key, least in (("timeout", 0.001), ("retries", 0), ("max_answer_mb", 0.001)):
            value = values.get(key)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or value < least):
                found.append((key, f"`{key}` must be a number{' above 0' if least else ', 0 or more'}"))
        if values.get("rate_limit") is not None and pace(values["rate_limit"]) is None:
            found.append(("rate_limit", f"`rate_limit` cannot be `{values['rate_limit']}`: write 10/second or 600/minute"))
        return found

    def open(self, values: Mapping[str, Any], root: Path) -> ApiRecords:
        with driver("rest connections", "'eltflow[rest]'"):
            from eltflow_rest.records import ApiRecords

        return ApiRecords(values, root)


def _auth_problems(auth: Any) -> Sequence[str]:
    if auth is None:
        return ()
    if not isinstance(auth, Mapping) or auth.get("type") not in AUTH:
        return (f"`auth` must be a mapping whose `type` is one of {', '.join(AUTH)}",)
    needed, known = AUTH[auth["type"]]
    missing = [key for key in needed if not auth.get(key)]
    unknown = [key for key in auth if key not in ("type", *known)]
    found = [f"`auth` of type {auth['type']} has no `{key}`" for key in missing]
    found += [f"`auth` of type {auth['type']} has no key `{key}`; known: {', '.join(known)}" for key in unknown]
    if auth["type"] == "api_key" and bool(auth.get("header")) == bool(auth.get("param")):
        found.append("`auth` of type api_key is sent in one place: as `header:` or as `param:`")
    return found


class ApiReceiver(ApiReader):
    """The same connections, for what rows are sent to."""

    kinds = ("http",)

    def open(self, values: Mapping[str, Any], root: Path) -> ApiRecipient:  # type: ignore[override]
        with driver("rest connections", "'eltflow[rest]'"):
            from eltflow_rest.sending import ApiRecipient

        return ApiRecipient(values, root)


class ApiJobRunner(ApiReader):
    """The same connections, for jobs that an API runs."""

    kinds = ("http_job",)

    def open(self, values: Mapping[str, Any], root: Path, stop: Callable[[], bool] = lambda: False) -> ApiJobs:  # type: ignore[override]
        with driver("rest connections", "'eltflow[rest]'"):
            from eltflow_rest.jobs import ApiJobs

        return ApiJobs(values, root, stop)


READER = ApiReader()
RECEIVER = ApiReceiver()
JOBS = ApiJobRunner()
