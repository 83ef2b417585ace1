"""Sessions that wait for the next one who asks."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, TypeVar

from eltflow.warehouse import WarehouseError


class Kept(Protocol):
    """A session, and whether its connection is not known to be gone."""

    @property
    def alive(self) -> bool: ...


S = TypeVar("S", bound=Kept)


def kept_or_new(idle: list[S], connect: Callable[[], S], retries: int) -> S:
    """One that waits, or a new one; connecting is tried again so often, a second later, while there is no room. Raises WarehouseError."""
    with suppress(IndexError):  # several workers may ask at once: the list alone knows whether one is left
        while not (kept := idle.pop()).alive:
            pass
        return kept
    for attempt in range(retries + 1):
        try:
            return connect()
        except WarehouseError as error:
            if error.kind != "transient" or attempt == retries:
                error.kind = "connection"
                raise
            time.sleep(1.0)
    raise AssertionError
