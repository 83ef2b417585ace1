"""The run lock of a warehouse that several machines write to: a row that is leased, renewed while the run goes on, and a fence.

The row's token is looked at in every transaction that writes, under a lock that keeps anybody from taking the lease over before that
transaction ends. So a run whose lease went to another one, because it slept or its network did, cannot write any more.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from eltflow.base.diagnostics import fail
from eltflow.engine.drive import patiently
from eltflow.warehouse.protocols import Database, Session
from eltflow.warehouse.values import LeaseStatements, Statement, WarehouseError

SECONDS = 60.0  #: that a lease lasts; it is renewed three times in that
_POLL = 0.5


class Lease:
    """A lease that is held. `lost` turns true when another run has it."""

    def __init__(self, statements: LeaseStatements) -> None:
        self.statements = statements
        self.lost = False

    @property
    def fence(self) -> Statement:
        """The query that has a row, in this transaction and until it ends, if the lease is still this run's."""
        return self.statements.fence


@contextmanager
def leased(
    database: Database, statements: LeaseStatements | None, timeout: float, seconds: float = SECONDS
) -> Iterator[Lease | None]:
    """Hold the lease, renewing it from a thread; None where the warehouse has none. Waits at most `timeout` seconds, then raises
    EltflowError (E0803) naming who holds it. Raises WarehouseError if the table of leases cannot be made."""
    if statements is None:
        yield None
        return
    session = database.session()
    try:
        for statement in statements.make:
            patiently(session, statement)
        _take(session, statements, timeout)
    finally:
        session.close()
    lease, stop = Lease(statements), threading.Event()
    thread = threading.Thread(target=_renew, args=(database, lease, stop, seconds / 3), name="eltflow-lease", daemon=True)
    thread.start()
    try:
        yield lease
    finally:
        stop.set()
        thread.join(timeout=5)
        with suppress(WarehouseError):
            session = database.session()
            session.execute(statements.release)
            session.close()


def _take(session: Session, statements: LeaseStatements, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while True:
        session.execute(statements.clear)
        if session.execute(statements.take).affected:
            return
        if time.monotonic() >= deadline:
            rows = session.execute(statements.holder).rows
            held = str(rows[0][0]) if rows else "another run"
            help = "wait for it, or use --lock-timeout SECONDS (the lease of a run that died ends within a minute)"
            raise fail("E0803", f"another run is writing to this target: {held}", help=help)
        time.sleep(_POLL)


def _renew(database: Database, lease: Lease, stop: threading.Event, pause: float) -> None:
    session: Session | None = None
    while not stop.wait(pause):
        try:
            session = session or database.session()
            if not session.execute(lease.statements.renew).affected:
                lease.lost = True
                break
        except WarehouseError:  # the fence decides; another connection may be had the next time
            session = None
    if session is not None:
        session.close()
