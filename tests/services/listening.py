"""Turns this process into a server that is a program of its own, so that whoever stops this one stops that."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable


def become(command: Callable[[int], list[str]]) -> None:
    """Print a free port, and become the command for it. It may take a moment until it listens there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    print(port, flush=True)
    words = command(port)
    os.execv(words[0], words)
