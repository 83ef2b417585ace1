"""A source read ahead on a thread of its own, so that what reads and what takes in work at the same time."""

from __future__ import annotations

import fcntl
import os
import queue
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress

from eltflow.transfer import Field, Pouring, Source

_BATCHES = 4  #: that may wait to be taken in
_TICK = 0.2
_BLOCK = 1 << 20  #: bytes
_OPEN_FILES = "/dev/fd"


class Ahead:
    """The source, its batches read before they are asked for. An error comes where the batch would have."""

    def __init__(self, source: Source) -> None:
        self._source = source

    @property
    def fields(self) -> tuple[Field, ...]:
        return self._source.fields

    def text(self) -> Iterator[bytes]:
        if isinstance(self._source, Pouring) and os.path.isdir(_OPEN_FILES):
            return _poured(self._source)
        return self._batches()

    def _batches(self) -> Iterator[bytes]:
        waiting: queue.Queue[bytes | BaseException | None] = queue.Queue(_BATCHES)
        stopped = threading.Event()
        thread = threading.Thread(target=self._read, args=(waiting, stopped), name="eltflow-reader", daemon=True)
        thread.start()
        try:
            while (item := waiting.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            stopped.set()
            thread.join()

    def parquet(self, folder: str, names: Sequence[str], *, plain: bool = False) -> None:
        self._source.parquet(folder, names, plain=plain)

    def _read(self, waiting: queue.Queue[bytes | BaseException | None], stopped: threading.Event) -> None:
        def put(item: bytes | BaseException | None) -> None:
            while not stopped.is_set():
                try:
                    return waiting.put(item, timeout=_TICK)
                except queue.Full:
                    continue

        try:
            for batch in self._source.text():
                put(batch)
                if stopped.is_set():
                    return
            put(None)
        except BaseException as error:  # told where it is missed
            put(error)


def _poured(source: Pouring) -> Iterator[bytes]:
    """The rows of a source through a pipe: whoever reads it holds no lock of the interpreter meanwhile."""
    readable, writable = os.pipe()
    if sys.platform == "linux":  # elsewhere a pipe grows by itself, or has one size
        with suppress(OSError):  # of a system that allows less
            fcntl.fcntl(readable, fcntl.F_SETPIPE_SZ, _BLOCK)
    failed: list[BaseException] = []

    def pour() -> None:
        try:
            source.pour(f"{_OPEN_FILES}/{writable}")
        except BaseException as error:  # told where its rows are missed
            failed.append(error)
        finally:
            os.close(writable)

    thread = threading.Thread(target=pour, name="eltflow-reader", daemon=True)
    thread.start()
    try:
        with open(readable, "rb", buffering=0) as pipe:  # once it is closed, writing to it is an error
            begun: list[bytes] = []
            while block := pipe.read(_BLOCK):
                whole = block.rfind(b"\n") + 1
                if whole:
                    yield b"".join([*begun, block[:whole]])
                    begun = []
                begun.append(block[whole:])
    finally:
        thread.join()
    if failed:
        raise failed[0]
