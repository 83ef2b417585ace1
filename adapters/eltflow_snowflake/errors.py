"""What the connector says, as what people are told: the kind, the place in the statement, a remedy."""

from __future__ import annotations

import re
from collections.abc import Mapping

from snowflake.connector import errors

from eltflow.warehouse import WarehouseError
from eltflow.warehouse.values import ErrorKind

#: By the server's number of an error ("Snowflake error codes", and what the connector's own code minds).
_KINDS: Mapping[int, ErrorKind] = {
    604: "cancelled",
    3001: "permission",
    3041: "permission",
    625: "transient",  # the wait for a lock ended
    630: "sql",  # STATEMENT_TIMEOUT_IN_SECONDS
    390111: "lost",  # the session is gone
    390112: "lost",  # its token is too old to be renewed
    390113: "lost",
    390114: "lost",
    390115: "lost",
}
_HELPS: Mapping[int, str] = {
    606: "name a warehouse that your role may use: `warehouse:` of the target",
    2043: "correct the name, or have the role of the target granted what it needs",
    3001: "grant the rights that are missing, or set `role:` of the target",
    90073: "the warehouse has used up what its resource monitor allows: ask whoever keeps that",
    100038: "cast the value in the query, or build the table again with --full-refresh",
    100090: "more than one new row has the same key: make the rows unique in the query",
    100078: "the column is shorter than the value: cast it to varchar in the query, and build it again with --full-refresh",
    390100: "correct `user:` and `password:` of the target",
    390101: "correct `user:` and `password:` of the target",
    390144: "the public key of `user:` is not that of this private key: see RSA_PUBLIC_KEY in DESCRIBE USER",
    390189: "correct `role:` of the target, or have it granted to the user",
    390303: "get a new token",
    390318: "get a new token: this one has expired",
    390422: "this address is not among those that a network policy lets in",
}
_PLACE = re.compile(r"\bline (\d+) at position (-?\d+)")
_NOISE = re.compile(r"\A(?:\d{6} \(\w+\): )?(?:[0-9a-f-]{36}: )?(?:SQL (?:compilation|execution) error:?\s*)?", re.IGNORECASE)
#: Numbers of the connector itself: it could not reach the server, or not get an answer.
_OWN = range(250001, 253000)
_HTTP = range(290000, 300000)
_CLOSED = 250002


def as_warehouse_error(error: errors.Error, *, cancelled: bool = False) -> WarehouseError:
    """What went wrong with a statement; `cancelled` says that it was asked to stop."""
    number = error.errno if isinstance(error.errno, int) else -1
    kind: ErrorKind = _KINDS.get(number, "sql")
    if number in _OWN or number in _HTTP:
        kind = "lost"
    if cancelled and kind == "sql":
        kind = "cancelled"
    message = text_of(error)
    if kind == "lost":
        message = f"the connection to the server was lost: {message}"
    place = _PLACE.search(message)
    line = int(place.group(1)) if place is not None and kind == "sql" else None
    column = max(int(place.group(2)), 0) + 1 if line is not None and place is not None else None
    return WarehouseError(message, kind=kind, code=_code(number), line=line, column=column, help=_HELPS.get(number))


def as_connection_error(error: errors.Error, where: str, seconds: float) -> WarehouseError:
    """Why there is no connection; `where` is host and port. The connector's message never holds a secret of the target."""
    number = error.errno if isinstance(error.errno, int) else -1
    inner = re.search(r"\b(390\d{3})\b", str(error))
    if inner is not None:
        number = int(inner.group(1))
    message = text_of(error)
    reached = number in _HELPS or not (number in _OWN or number in _HTTP)
    if not reached:
        message = f"no answer within {seconds:g} s: {message}" if "imeout" in message or "retry" in message else message
    help = _HELPS.get(number) or (
        None if reached else "correct `account:` (or `host:`) of the target; is there a way to it from here?"
    )
    return WarehouseError(f"{where}: {message}", kind="connection", code=_code(number), help=help)


def text_of(error: errors.Error) -> str:
    """The words of an error, without numbers and ids before them, on one line."""
    text = str(error.raw_msg or error.msg or error)
    return _NOISE.sub("", " ".join(text.split())).strip() or type(error).__name__


def _code(number: int) -> str | None:
    return f"{number:06d}" if number > 0 else None
