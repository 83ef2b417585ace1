"""What the client says, as what people are told: the kind, the place in the statement, a remedy."""

from __future__ import annotations

import re
from collections.abc import Mapping

import requests
from google.api_core import exceptions
from google.auth import exceptions as auth

from eltflow.warehouse import WarehouseError
from eltflow.warehouse.values import ErrorKind

#: By the reason that the service gives ("Error messages").
_KINDS: Mapping[str, ErrorKind] = {
    "accessDenied": "permission",
    "authError": "connection",
    "backendError": "transient",
    "internalError": "transient",
    "jobBackendError": "transient",
    "jobInternalError": "transient",
    "jobRateLimitExceeded": "transient",
    "rateLimitExceeded": "transient",
    "tableUnavailable": "transient",
    "stopped": "cancelled",
}
_HELPS: Mapping[str, str] = {
    "authError": "the credentials are refused: sign in again, or have a new key made",
    "accessDenied": "grant the account of the target what is missing: BigQuery Data Editor on the dataset, BigQuery Job User on the project",
    "bytesBilledLimitExceeded": "read less (a filter on the partition), or raise `maximum_bytes_billed:` of the target",
    "quotaExceeded": "wait until the quota is free again, or have it raised: console, IAM & Admin, Quotas",
    "resourcesExceeded": "break the query up, or give it less to sort: an ORDER BY without a LIMIT is the usual reason",
    "billingNotEnabled": "turn on billing for the project of the target",
    "invalidUser": "the account of the target is not known to BigQuery",
}
#: What is said of a transaction that another one was in the way of.
_CONFLICT = re.compile(r"aborted due to concurrent update|could not serialize access", re.IGNORECASE)
#: What CREATE OR REPLACE says of a table that is laid out otherwise.
_LAYOUT = re.compile(r"cannot replace a table with a different (partitioning|clustering) spec", re.IGNORECASE)
_PLACE = re.compile(r" ?\bat \[(\d+):(\d+)\]")
_NOISE = re.compile(r"\A(?:\d{3} )?(?:(?:GET|POST|PUT|PATCH|DELETE) https?://\S+: )?")
_TAIL = re.compile(r"(?:; reason: \w+.*)?(?:\s*Location: \S+)?\s*(?:Job ID: \S+)?\s*\Z", re.DOTALL)

#: What the client raises: the service's answer, no answer, no credentials.
FAILURES = (exceptions.GoogleAPIError, requests.RequestException, auth.GoogleAuthError)
_AGAIN = (429, 500, 502, 503, 504)


def reason_of(error: BaseException) -> str:
    """The service's word for what is wrong; empty where it gives none."""
    listed = getattr(error, "errors", None) or ()
    return str(listed[0].get("reason") or "") if listed and isinstance(listed[0], Mapping) else ""


def taken(error: BaseException) -> bool:
    """Whether a job was refused because there is one under its id."""
    return isinstance(error, exceptions.Conflict) and "Already Exists: Job" in str(error)


def unanswered(error: BaseException) -> bool:
    """Whether it cannot be told from the error if the request was carried out, or whether it may be sent again."""
    if isinstance(error, exceptions.GoogleAPICallError):
        return error.code in _AGAIN or _KINDS.get(reason_of(error)) == "transient"
    broken = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError, auth.TransportError)
    return isinstance(error, (*broken, exceptions.RetryError))


def as_warehouse_error(error: BaseException, *, cancelled: bool = False) -> WarehouseError:
    """What went wrong with a statement; `cancelled` says that it was asked to stop."""
    reason, message = reason_of(error), text_of(error)
    if isinstance(error, auth.GoogleAuthError) and not isinstance(error, auth.TransportError):
        return as_connection_error(error, "the sign-in")
    kind: ErrorKind = _KINDS.get(reason, "sql")
    if _CONFLICT.search(message):
        kind = "transient"
    elif _LAYOUT.search(message):
        kind = "layout"
    if not isinstance(error, exceptions.GoogleAPICallError):
        kind, message = "lost", f"the service did not answer: {message}"
    elif not reason and error.code in _AGAIN:  # (the client gives 500 to a job's reasons that it does not know)
        kind = "transient"
    if cancelled and kind in ("sql", "lost"):
        kind = "cancelled"
    place = _PLACE.search(message)
    line, column = (int(place.group(1)), int(place.group(2))) if place is not None and kind == "sql" else (None, None)
    return WarehouseError(message, kind=kind, code=reason or None, line=line, column=column, help=_HELPS.get(reason))


def as_connection_error(error: BaseException, where: str) -> WarehouseError:
    """Why there is no way to the service, or no right to use it."""
    reason = reason_of(error)
    help = _HELPS.get(reason)
    if isinstance(error, auth.DefaultCredentialsError):
        help = "sign in with `gcloud auth application-default login`, or set `method: service-account` and `keyfile:`"
    elif isinstance(error, auth.RefreshError):
        help = _HELPS["authError"]
    elif unanswered(error):
        help = "is there a way to it from here? `api_endpoint:` of the target says where it is, if not where it usually is"
    elif reason == "notFound":
        help = "correct `project:` of the target"
    return WarehouseError(f"{where}: {text_of(error)}", kind="connection", code=reason or None, help=help)


def text_of(error: BaseException) -> str:
    """The words of an error, without addresses, ids and numbers around them, on one line."""
    text = str(getattr(error, "message", None) or error)
    return " ".join(_TAIL.sub("", _NOISE.sub("", text)).split()) or type(error).__name__
