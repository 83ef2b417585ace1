"""The way to the process that functions are forked from: started with the first call, ended with whoever made it."""

from __future__ import annotations

import os
import pickle
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from typing import Any

_ARROW, _PLAIN = b"arrow", b"plain"
_PATIENCE = 30.0  #: seconds in which a process that was killed is gone


class Forks:
    """A process that functions are forked from. Calls may come from any thread; whoever makes it closes it."""

    def __init__(self) -> None:
        self._asks, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "eltflow.ingest.forkserver", str(theirs.fileno())],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,  # Ctrl-C is for the run, which ends its calls in order
            )

    def call(self, task: Mapping[str, Any], *, arrow: bool) -> Forked:
        """A process that does what `child` does with a task; with `arrow` it is given tables."""
        with ExitStack() as ours:
            read, call = os.pipe()
            ours.callback(os.close, read)
            words, told = os.pipe()
            ours.callback(os.close, told)
            waiting, theirs = socket.socketpair()
            ours.enter_context(theirs)
            made = Forked(words, waiting)
            with os.fdopen(call, "wb") as file, suppress(OSError):  # it is no more, which its end tells
                socket.send_fds(self._asks, [_ARROW if arrow else _PLAIN], [read, told, theirs.fileno()])
                ours.close()
                pickle.dump(dict(task), file)
                file.flush()
        return made

    def close(self) -> None:
        """End it, and what was not ended."""
        self._asks.close()
        assert self._process.stdin is not None
        self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=_PATIENCE)
        self._process.kill()
        self._process.wait()


class Forked:
    """A process of a call: its `words` are lines of JSON, and end with it. Whoever has it closes it."""

    def __init__(self, words: int, waiting: socket.socket) -> None:
        self.words = words
        self._waiting = waiting

    def end(self, patience: float) -> int:
        """See that it is no more after so many seconds, and what it started; gives its exit code, as `subprocess` does."""
        code = self._code(patience)
        if code is None:
            with suppress(OSError):
                self._waiting.shutdown(socket.SHUT_WR)
            code = self._code(_PATIENCE)
        return -signal.SIGKILL if code is None else code

    def _code(self, seconds: float) -> int | None:
        until = time.monotonic() + seconds
        if not select.select([self._waiting], [], [], max(0.0, until - time.monotonic()))[0]:
            return None
        with suppress(OSError, ValueError):
            return int(self._waiting.recv(16))
        return None

    def close(self) -> None:
        os.close(self.words)
        self._waiting.close()


__all__ = ["Forked", "Forks"]
