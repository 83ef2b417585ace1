"""The process that the functions of a project are forked from: `python -P -m eltflow.ingest.forkserver SOCKET`.

It has one thread, and has imported what each call would have to import. A datagram on the socket asks for a call; with it come
three file descriptors: where the call is read from, where its words go, and a socket which is told the exit code. When that one is
closed on the other side, the process of the call is killed with all that it started; when standard input is, all of them are, and
this process ends.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import warnings
from contextlib import suppress
from typing import Any

from eltflow.ingest import child

ARROW = b"arrow"  #: the call is given tables
_ASKED = 16  #: bytes of a datagram


class _Server:
    def __init__(self, asked: socket.socket) -> None:
        self._asked = asked
        self._calls: dict[int, socket.socket] = {}  #: who waits for it, by the process of a call
        self._woken, self._wakes = os.pipe()
        os.set_blocking(self._wakes, False)
        os.set_blocking(self._woken, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakes, warn_on_full_buffer=False)

    def serve(self) -> None:
        while True:
            waits = {waiting: pid for pid, waiting in self._calls.items()}
            watched: list[Any] = [0, self._asked, self._woken, *waits]
            ready, _, _ = select.select(watched, [], [])
            if 0 in ready:  # whoever started this is no more
                for pid in self._calls:
                    _kill(pid)
                return
            for one in ready:
                if one in waits:
                    _kill(waits[one])
            if self._woken in ready:
                with suppress(BlockingIOError):
                    os.read(self._woken, 4096)
            self._reap()
            if self._asked in ready:
                self._fork()

    def _fork(self) -> None:
        kind, given, _, _ = socket.recv_fds(self._asked, _ASKED, 3)
        for file in given:
            os.set_inheritable(file, False)  # what a function starts must not hold them open
        if kind == ARROW:
            with suppress(ImportError):  # which the call tells in its own words
                import pyarrow.parquet  # noqa: F401
        call, words, waiting = given
        with warnings.catch_warnings():
            # NumPy's and Arrow's own threads are known to those, which begin them anew in the child; Python has no second one here.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if not pid:
            self._forget()
            os.close(waiting)
            child.main(call, words)
        os.close(call)
        os.close(words)
        self._calls[pid] = socket.socket(fileno=waiting)

    def _forget(self) -> None:
        """Let go, in the process of a call, of what is the server's."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for file in (self._woken, self._wakes):
            os.close(file)
        for one in (self._asked, *self._calls.values()):
            one.close()

    def _reap(self) -> None:
        for pid in [*self._calls]:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                _kill(pid, itself=False)
                with self._calls.pop(pid) as waiting, suppress(OSError):
                    waiting.send(str(os.waitstatus_to_exitcode(status)).encode())


def _kill(pid: int, *, itself: bool = True) -> None:
    """Kill a call's process (which may not have its group yet), and what it started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    if itself:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as asked:
        _Server(asked).serve()
