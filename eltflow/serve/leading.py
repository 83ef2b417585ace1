"""Which of several services leads: the one that holds the lease of the state they share. The others stand by and take over when it ends."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import cast

from eltflow.base.diagnostics import EltflowError
from eltflow.state.database import Leased
from eltflow.state.store import Store

#: Seconds that a lease lasts, and after which it is renewed.
LEASE = 10.0
_RENEW = 3.0


class Leading:
    """A place in the lead. `token` is the lease's while it is held, as far as this process knows."""

    def __init__(
        self, store: Store, *, seconds: float = LEASE, renew: float = _RENEW, lost: Callable[[], None] = lambda: None
    ) -> None:
        """`lost` is called, in a thread of its own, when the lease is another's; `renew` seconds after the last renewal comes the next."""
        self.store = store
        self._lost = lost
        self._guard = threading.Lock()
        self._seconds = seconds
        self._renew = renew
        self.owner = f"process {os.getpid()} on {socket.gethostname()}"
        self.token: int | None = None
        self._ended = threading.Event()

    def take(self) -> tuple[int | None, str | None]:
        """Take the lease: its token, or None and who else has it. Raises EltflowError."""
        began = time.monotonic()
        with closing(cast(Leased, self.store.connect())) as database:
            token = database.take(self.owner, self._seconds)
            if token is None:
                return None, database.leader() or "another service"
        with self._guard:
            self._ended.set()  # whoever renewed an earlier one
            self.token, self._ended = token, threading.Event()
        threading.Thread(target=self._hold, args=(token, self._ended, began), name="eltflow-lease", daemon=True).start()
        return token, None

    def _hold(self, token: int, ended: threading.Event, renewed: float) -> None:
        """Renew the lease until it is given back, or surely is another's: by whose clock it ends, this process cannot know."""
        while not ended.wait(self._renew):
            began = time.monotonic()
            try:
                with closing(cast(Leased, self.store.connect())) as database:
                    if not database.renew(token, self._seconds):
                        break
                renewed = began
            except EltflowError:
                if time.monotonic() - renewed > self._seconds:
                    break
        with self._guard:
            mine = not ended.is_set() and self.token == token
            if mine:
                self.token = None
        if mine:
            self._lost()

    def release(self) -> None:
        """Give the lease back, if it is held: whoever stands by need not wait for its end."""
        with self._guard:
            self._ended.set()
            token, self.token = self.token, None
        if token is not None:
            with closing(cast(Leased, self.store.connect())) as database:
                database.release(token)


def leader_of(store: Store) -> str | None:
    """Who leads. Raises EltflowError."""
    with closing(cast(Leased, store.connect())) as database:
        return database.leader()
