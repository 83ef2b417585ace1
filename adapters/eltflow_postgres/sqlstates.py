"""What SQLSTATEs mean to us, on PostgreSQL and on what descends from it: kinds, and remedies. No driver.

The codes are those of the manual's appendix "PostgreSQL Error Codes" (version 18).
"""

from __future__ import annotations

from collections.abc import Mapping

from eltflow.warehouse.values import ErrorKind

KINDS: Mapping[str, ErrorKind] = {
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
HELPS: Mapping[str, str] = {
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
RACES = ("tuple concurrently", "could not open relation with OID", "cache lookup failed")


def place(position: str | None, sql: str) -> tuple[int | None, int | None]:
    """Line and column of a position, which counts characters from 1."""
    if not sql or position is None:
        return None, None
    before = sql[: int(position) - 1]
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
