"""A session that can be stopped from another thread, for one step at a time."""

from __future__ import annotations

import threading

from eltflow.warehouse.protocols import Session
from eltflow.warehouse.values import Result, Statement, WarehouseError


class Guard:
    """Between a worker and its session. After `stop` every statement is refused until `reset`, but a rollback, which is let through
    and never interrupted: what was begun is always ended."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lock = threading.Lock()
        self._stopped = False
        self._running = False
        self.lost = False  #: the connection is gone: the session can only be closed

    def execute(self, statement: Statement) -> Result:
        ends = statement.role == "rollback"
        with self._lock:
            if self._stopped and not ends:
                raise WarehouseError("cancelled", kind="cancelled")
            self._running = not ends
        try:
            return self._session.execute(statement)
        except WarehouseError as error:
            self.lost = self.lost or error.kind == "lost"
            raise
        finally:
            self._running = False

    def stop(self) -> None:
        """Refuse further statements, and interrupt the one that is running. An engine may miss an interrupt that comes just before
        its statement: call again until the step has ended."""
        with self._lock:
            self._stopped = True
            if self._running:
                self._session.cancel()

    cancel = stop

    @property
    def stopped(self) -> bool:
        """Whether statements are refused."""
        return self._stopped

    def reset(self) -> None:
        """Let statements through again."""
        with self._lock:
            self._stopped = False

    def close(self) -> None:
        self._session.close()
