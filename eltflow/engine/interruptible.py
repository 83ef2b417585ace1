"""A session for the main thread whose statements Ctrl-C stops: a driver that waits for its engine does not look for signals by itself."""

from __future__ import annotations

import threading
import time

from eltflow.warehouse.protocols import Session
from eltflow.warehouse.values import Result, Statement

_LOOK = 0.1  #: seconds between two looks
_PATIENCE = 30.0  #: seconds that a cancelled statement may take to end


class Interruptible:
    """Runs each statement in a thread, waits for it, and cancels it on a KeyboardInterrupt, which then goes on."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def execute(self, statement: Statement) -> Result:
        results: list[Result] = []
        errors: list[BaseException] = []

        def run() -> None:
            try:
                results.append(self._session.execute(statement))
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            while thread.is_alive():
                thread.join(_LOOK)
        except KeyboardInterrupt:
            end = time.monotonic() + _PATIENCE
            while thread.is_alive() and time.monotonic() < end:
                self._session.cancel()  # an engine may miss one that comes just before its statement
                thread.join(_LOOK)
            raise
        if errors:
            raise errors[0]
        return results[0]

    def cancel(self) -> None:
        self._session.cancel()

    def close(self) -> None:
        self._session.close()
