"""psycopg's exceptions as WarehouseError: the server's words, the kind that its SQLSTATE tells, and the place in the statement."""

from __future__ import annotations

import re

import psycopg

from eltflow.warehouse import WarehouseError
from eltflow_postgres.sqlstates import HELPS, KINDS, RACES, place

_ROW = re.compile(r"COPY [^\n]*?, line (\d+)(?:, column (.+?))?(?::|$)", re.MULTILINE)
_CHATTER = ("Multiple connection attempts", "Is the server running")
_LOST = "the connection to the server was lost"


def as_warehouse_error(error: psycopg.Error, sql: str = "", *, lost: bool = False, version: int = 0) -> WarehouseError:
    """What the server or the driver said; `lost` says that the connection is gone, `version` is the server's (e.g. 150004)."""
    told = error.diag
    code = told.sqlstate
    message = told.message_primary or " ".join(str(error).split()) or type(error).__name__
    kind = KINDS.get(code or "", "sql")
    if lost and kind != "lost":
        kind, message = "lost", f"{_LOST}: {message}"
    if any(words in message for words in RACES) or (code in ("23505", "42710") and told.schema_name == "pg_catalog"):
        kind = "transient"
    if code == "57014" and "statement timeout" in message:
        kind = "sql"
    detail = told.message_detail
    if detail and not detail.startswith("Failing row contains"):  # a whole row is nobody's business
        message = f"{message} ({' '.join(detail.split())})"
    row = _ROW.match(told.context or "")
    if row is not None:
        message = f"{message} (row {row.group(1)}{', column ' + row.group(2) if row.group(2) else ''})"
    help = HELPS.get(code or "") or HELPS.get(kind) or told.message_hint
    if code == "42601" and sql.lstrip().lower().startswith("merge") and 0 < version < 150000:
        help = "MERGE needs PostgreSQL 15: set `incremental_strategy: delete+insert`"
    line, column = place(told.statement_position, sql)
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
    help = HELPS.get(code or "") if "role" not in message else HELPS["28000"]
    shown = message if where in message else f"{where}: {message}"
    return WarehouseError(shown, kind="transient" if starting else "connection", code=code, help=help)
