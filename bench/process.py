"""Runs one process and gives what it cost: CPU of it and all its children, wall time, and the largest resident set.

The caller must stay small: Linux counts the memory of the process that starts another into that one's peak.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

BYTES_OF_RSS = 1 if sys.platform == "darwin" else 1024
"""getrusage counts kilobytes on Linux and bytes on macOS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a process cost: CPU (user and system) and wall in seconds, peak in MB (10^6); `problem` when it failed."""

    cpu: float
    wall: float
    peak: float
    problem: str = ""


def usage(command: Sequence[str], folder: Path, environment: Mapping[str, str], limit: float) -> Usage:
    """Runs the command in `folder` to its end, at most `limit` seconds of wall time."""
    # An installed package has its bytecode; with this set, one that is installed for development would be compiled at each start.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        try:
            process = subprocess.Popen(
                command, cwd=folder, env={**inherited, **environment}, stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            return Usage(cpu=0, wall=0, peak=0, problem=str(error.strerror))
        timer = threading.Timer(limit, os.killpg, (process.pid, signal.SIGKILL))
        timer.start()
        _, status, spent = os.wait4(process.pid, 0)
        timer.cancel()
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        problem = said(output.read().decode(errors="replace"), process.returncode, wall >= limit)
    peak = spent.ru_maxrss * BYTES_OF_RSS / 1e6
    return Usage(cpu=spent.ru_utime + spent.ru_stime, wall=wall, peak=peak, problem=problem)


def said(output: str, code: int, late: bool) -> str:
    """Why a process failed, in one line; "" when it did not."""
    if code == 0:
        return ""
    if late:
        return "stopped: took too long"
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return f"failed with exit code {code}: {lines[-1][:160] if lines else 'no output'}"
