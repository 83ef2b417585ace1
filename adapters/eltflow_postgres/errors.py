"""psycopg's exceptions as WarehouseError: the server's words, the kind that its SQLSTATE tells, and the place in the statement.

The codes are those of the manual's appendix "PostgreSQL Error Codes" (version 18).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import psycopg

from eltflow.warehouse import WarehouseError
from eltflow.warehouse.values import ErrorKind

_KINDS: Mapping[str, ErrorKind] = {
    "40001": "transient",  # serialization_failure
    "40P01": "transient",  # deadlock_detected
    "57P03": "transient",  # cannot_connect_now: the server starts or stops
    "53300": "transient",  # too_many_connections
    "57014": "cancelled",
    "42501": "permission",
    "53100": "disk",
    "53400": "disk",  # configuration_limit_exceeded: temp_file_limit
    "25001": "outside",  # active_sql_transaction: VACUUM, CREATE DATABASE
    "25006": "read_only",
    "55P03": "locked",
    "57P01": "lost",  # admin_shutdown
    "57P02": "lost",  # crash_shutdown
    "57P05": "lost",  # idle_session_timeout
    "25P03": "lost",  # idle_in_transaction_session_timeout
    "25P04": "lost",  # transaction_timeout
}
_HELPS: Mapping[str, str] = {
    "locked": "another session holds the lock that this needs: wait for it, or look in pg_stat_activity",
    "permission": "grant the rights that are missing, or set `role:` of the target",
    "read_only": "this is a standby, or the database is set to be read: name the primary server as `host:`",
    "28P01": "correct `user:` and `password:` of the target",
    "28000": "correct `user:` of the target, or let it in (pg_hba.conf)",
    "3D000": "correct `dbname:` of the target, or create that database",
    "53400": "raise the server's temp_file_limit, or let the query sort and join fewer rows at once",
    "53300": "lower `threads:`, or raise the server's max_connections",
    "2BP01": "eltflow drops nothing that it did not make: drop or change that first",
    "42804": "cast the value, or build the table again with --full-refresh",
    "21000": "more than one new row has the same key: make the rows unique in the query",
}
#: Of a catalog that another session changed at that moment; the same again finds it as it is then (class XX, and duplicates in pg_*).
_RACES = ("tuple concurrently", "could not open relation with OID", "cache lookup failed")
_ROW = re.compile(r"COPY [^\n]*?, line (\d+)(?:, column (.+?))?(?::|$)", re.MULTILINE)
_CHATTER = ("Multiple connection attempts", "Is the server running")
_LOST = "the connection to the server was lost"


def as_warehouse_error(error: psycopg.Error, sql: str = "", *, lost: bool = False, version: int = 0) -> WarehouseError:
    """What the server or the driver said; `lost` says that the connection is gone, `version` is the server's (e.g. 150004)."""
    told = error.diag
    code = told.sqlstate
    message = told.message_primary or " ".join(str(error).split()) or type(error).__name__
    kind = _KINDS.get(code or "", "sql")
    if lost and kind != "lost":
        kind, message = "lost", f"{_LOST}: {message}"
    if any(words in message for words in _RACES) or (code in ("23505", "42710") and told.schema_name == "pg_catalog"):
        kind = "transient"
    if code == "57014" and "statement timeout" in message:
        kind = "sql"
    detail = told.message_detail
    if detail and not detail.startswith("Failing row contains"):  # a whole row is nobody's business
        message = f"{message} ({' '.join(detail.split())})"
    row = _ROW.match(told.context or "")
    if row is not None:
        message = f"{message} (row {row.group(1)}{', column ' + row.group(2) if row.group(2) else ''})"
    help = _HELPS.get(code or "") or _HELPS.get(kind) or told.message_hint
    if code == "42601" and sql.lstrip().lower().startswith("merge") and 0 < version < 150000:
        help = "MERGE needs PostgreSQL 15: set `incremental_strategy: delete+insert`"
    line, column = _place(told.statement_position, sql)
    return WarehouseError(message, kind=kind, code=code, line=line, column=column, help=help)


def as_connection_error(error: psycopg.Error, where: str) -> WarehouseError:
    """Why there is no connection; `where` is host and port. The driver's message never holds the password."""
    lines = [line.strip() for line in str(error).splitlines()]
    message = next((line for line in reversed(lines) if line and not line.startswith(_CHATTER)), type(error).__name__)
    message = message.split("FATAL: ")[-1].strip() if "FATAL: " in message else message
    starting = any(words in message for words in ("starting up", "shutting down", "too many clients", "remaining connection slots"))
    code = error.sqlstate or (
        "28P01" if "password authentication failed" in message else "3D000" if "does not exist" in message else None
    )
    help = _HELPS.get(code or "") if "role" not in message else _HELPS["28000"]
    shown = message if where in message else f"{where}: {message}"
    return WarehouseError(shown, kind="transient" if starting else "connection", code=code, help=help)


def _place(position: str | None, sql: str) -> tuple[int | None, int | None]:
    """Line and column of a position, which counts characters from 1."""
    if not sql or position is None:
        return None, None
    before = sql[: int(position) - 1]
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
