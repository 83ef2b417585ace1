"""Work that a run does not wait for: done one piece after the other, in a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Piece = TypeVar("Piece")


class Aside(Generic[Piece]):
    """Calls `work` with each piece in the order in which it came. `work` must raise nothing."""

    def __init__(self, name: str, work: Callable[[Piece], None]) -> None:
        self._work = work
        self._queue: queue.SimpleQueue[tuple[Piece] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    def put(self, piece: Piece) -> None:
        self._queue.put((piece,))

    def close(self, patience: float) -> bool:
        """Wait for what was put, so many seconds at most; says whether all of it is done."""
        self._queue.put(None)
        self._thread.join(patience)
        return not self._thread.is_alive()

    def _serve(self) -> None:
        while (piece := self._queue.get()) is not None:
            self._work(*piece)
