"""What a run leaves behind in a process that goes on."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress


def give_back() -> None:
    """Give memory that nobody uses any more back to the system, a third of it after a run of a thousand models: trees of SQL are cycles, which
    Python looks for seldom, and the C library keeps what was freed unless it is asked (`malloc_trim` of glibc; others do without)."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
