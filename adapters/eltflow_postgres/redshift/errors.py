"""What redshift_connector raises, as WarehouseError. What the server says comes as a mapping of the protocol's letters."""

from __future__ import annotations

from collections.abc import Mapping

from eltflow.warehouse import WarehouseError
from eltflow_postgres.sqlstates import HELPS, KINDS, RACES, place

_HELPS: Mapping[str, str] = {
    **HELPS,
    "28000": "correct `user:` and `password:` of the target",
    "locked": "another session holds the lock that this needs: wait for it, or look in stv_locks and svv_transactions",
    "read_only": "the transaction or the database is set to be read",
    "53300": "lower `threads:`",
    "22001": "cast the value, or build the table again with --full-refresh: a column made from literals is as long as the longest",
}
#: 1023 is Redshift's: two transactions could not have come one after the other.
_CONFLICT = ("1023", "Serializable isolation violation", "conflict with concurrent transaction")
_BOUND = "views stand on it that eltflow could not put aside: make them late-binding (`bind: false`), or drop them first"
_TLS = "correct `sslmode:` of the target"
_ENDPOINT = "correct `host:` and `port:` of the target; is there a way to it from here?"
_AWS = "correct `iam_profile:` (or the keys), `region:` and `cluster_id:` of the target; AWS's own words are above"
_LOST = "the connection to the server was lost"


def _said(error: Exception) -> Mapping[str, str]:
    """The server's own fields; none, if it was the connector that spoke."""
    given = error.args[0] if error.args else None
    return given if isinstance(given, Mapping) else {}


def as_warehouse_error(error: Exception, sql: str = "") -> WarehouseError:
    """What went wrong with a statement. What the server did not say means that the connection is gone."""
    told = _said(error)
    if not told:
        return WarehouseError(f"{_LOST}: {_words(error)}", kind="lost")
    code, message = told.get("C"), " ".join(told.get("M", "").split())
    kind = KINDS.get(code or "", "sql")
    catalog = code in ("23505", "42710") and told.get("s") == "pg_catalog"
    if catalog or any(words in message for words in (*RACES, *_CONFLICT)):
        kind = "transient"
    if code == "57014" and "timeout" in message:
        kind = "sql"
    detail = " ".join(told.get("D", "").split())
    if detail and not detail.startswith("Failing row contains"):  # a whole row is nobody's business
        message = f"{message} ({detail})"
    if kind == "lost":
        message = f"{_LOST}: {message}"
    help = (_BOUND if code == "2BP01" else None) or _HELPS.get(code or "") or _HELPS.get(kind) or told.get("H")
    line, column = place(told.get("P"), sql)
    return WarehouseError(message, kind=kind, code=code, line=line, column=column, help=help)


def as_connection_error(error: Exception, where: str, seconds: float, *, aws: bool) -> WarehouseError:
    """Why there is no connection; `where` is host and port, `aws` says that AWS was asked for it. No words of these hold the password."""
    told = _said(error)
    if told:
        code, message = told.get("C"), " ".join(told.get("M", "").split())
        kind = "transient" if KINDS.get(code or "") == "transient" else "connection"
        help = _HELPS["28000"] if code in ("28000", "28P01") else _HELPS.get(code or "")
        return WarehouseError(
            f"{where}: {message}", kind="transient" if kind == "transient" else "connection", code=code, help=help
        )
    message = _words(error)
    if "time out" in message or "timed out" in message:
        return WarehouseError(f"{where}: no answer within {seconds:g} s", kind="connection", help=_ENDPOINT)
    help = _TLS if "SSL" in message or "certificate" in message else _AWS if aws else _ENDPOINT
    return WarehouseError(f"{where}: {message}", kind="connection", help=help)


def _words(error: Exception) -> str:
    """The connector's words, and those of what lies below: it keeps them as another argument."""
    parts = [str(part) for part in error.args if part and not isinstance(part, Mapping)]
    return " ".join(": ".join(parts).split()) or type(error).__name__
