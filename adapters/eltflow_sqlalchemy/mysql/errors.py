"""MariaDB's and MySQL's errors, as the seam has them: kind, code, line. The codes are those of kb/mariadb-error-code-reference."""

from __future__ import annotations

import re
from collections.abc import Mapping

from eltflow.warehouse import WarehouseError
from eltflow.warehouse.values import ErrorKind

_KINDS: Mapping[int, ErrorKind] = {
    1213: "transient",  # deadlock
    1020: "transient",  # record has changed since last read
    1040: "transient",  # too many connections
    1205: "locked",
    1317: "cancelled",
    1044: "permission",
    1142: "permission",
    1143: "permission",
    1227: "permission",
    1370: "permission",
    1290: "read_only",
    1792: "read_only",
    1836: "read_only",
    1021: "disk",
    1114: "disk",
    1053: "lost",  # the server shuts down
    1927: "lost",  # killed
    2006: "lost",
    2013: "lost",
}
_HELPS: Mapping[int | str, str] = {
    1045: "correct `user:` and `password:` of the target",
    1698: "correct `user:` of the target: this one signs in otherwise",
    1049: "make that schema, or correct `schema:`",
    1040: "lower `threads:`, or raise the server's max_connections",
    1153: "raise the server's max_allowed_packet",
    1406: "cast the value, or build the table again with --full-refresh: a column made from literals is as long as the longest",
    2003: "correct `host:` and `port:` of the target, or start the server",
    "locked": "another session holds the lock that this needs: wait for it, or look in information_schema.processlist",
    "permission": "grant the rights that are missing",
    "read_only": "this server is set to be read: name the primary server as `host:`",
}
_LINE = re.compile(r" at line (\d+)\Z")


def as_warehouse_error(error: Exception, *, lost: bool) -> WarehouseError:
    """What the server or the driver said; `lost` says that the connection is gone."""
    code, message = _parts(error)
    kind = "lost" if lost else _KINDS.get(code, "sql")
    if kind == "lost":
        message = f"the connection to the server was lost: {message}"
    line = _LINE.search(message) if code == 1064 else None
    help = _HELPS.get(code) or _HELPS.get(kind)
    return WarehouseError(
        message, kind=kind, code=str(code) if code else None, line=int(line.group(1)) if line is not None else None, help=help
    )


def as_connection_error(error: Exception, where: str) -> WarehouseError:
    """Why there is no connection; `where` is host and port. Neither server nor driver tell the password."""
    code, message = _parts(error)
    help = _HELPS.get(code) or _HELPS[2003]
    return WarehouseError(f"{where}: {message}", kind="connection", code=str(code) if code else None, help=help)


def _parts(error: Exception) -> tuple[int, str]:
    """The code, 0 if there is none, and the words."""
    given = error.args
    code = given[0] if given and isinstance(given[0], int) else 0
    words = str(given[1]) if code and len(given) > 1 else str(error)
    return code, " ".join(words.split()) or type(error).__name__
