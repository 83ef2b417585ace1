"""A program as a task: its arguments as a list, in a group of its own that ends with the run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from eltflow.base.diagnostics import without
from eltflow.base.records import dataclass
from eltflow.compile.program import ProgramError
from eltflow.tasks import keeper
from eltflow.warehouse.values import WarehouseError

_TICK = 0.05
_SHOWN = 20  #: lines of what it printed
_READ = 1 << 16  #: bytes of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What is run: program and arguments, in a folder (absolute), with these variables; `memory` in bytes, 0 for no limit. `secrets` are kept
    out of what is shown."""

    arguments: Sequence[str]
    folder: Path
    environ: Mapping[str, str]
    memory: int = 0
    secrets: tuple[str, ...] = ()


def run(command: Command, stop: Callable[[], bool]) -> tuple[str, ...]:
    """What it printed, its last lines. Raises ProgramError if it fails; WarehouseError (cancelled) once `stop` says so and it has ended."""
    with tempfile.TemporaryFile() as printed:
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", keeper.__file__, str(command.memory), *command.arguments],
                stdin=subprocess.PIPE,
                stdout=printed,
                stderr=subprocess.STDOUT,
                cwd=command.folder,
                env=dict(command.environ),
                start_new_session=True,
            )
        except OSError as error:
            raise ProgramError(
                f"cannot run in {command.folder.name}/: {error.strerror}", "correct `folder:`", place=("folder",)
            ) from None
        try:
            stopped = _waited(process, stop)
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)  # what it left running
            process.wait()
        lines = _lines(printed.fileno(), command.secrets)
    if stopped:
        raise WarehouseError("cancelled", kind="cancelled")
    if process.returncode:
        raise ProgramError(*_failure(command, process.returncode), place=("command",), notes=lines)
    return lines


def _waited(process: subprocess.Popen[bytes], stop: Callable[[], bool]) -> bool:
    """Wait for its end; says whether it was asked to end before."""
    assert process.stdin is not None
    stopped = False
    while process.poll() is None:
        if not stopped and stop():
            stopped = True
            process.stdin.close()
        time.sleep(_TICK)
    if not stopped:
        process.stdin.close()
    return stopped


def _failure(command: Command, code: int) -> tuple[str, str]:
    program = without(command.secrets, command.arguments[0])
    if code == 127:
        return f"there is no program `{program}`", "correct `command:`, or install it where eltflow runs"
    if code == 126:
        return f"`{program}` cannot be run", "see whether it is a program, and you have the right to run it"
    if code > 128 and code - 128 in {s.value for s in signal.Signals}:
        limit = " (`memory_mb` may be too little)" if command.memory else ""
        return f"`{program}` was ended by the signal {signal.Signals(code - 128).name}{limit}", "see what it printed"
    return f"`{program}` ended with the code {code}", "see what it printed; 0 is the code of success"


def _lines(file: int, secrets: tuple[str, ...]) -> tuple[str, ...]:
    size = os.fstat(file).st_size
    text = os.pread(file, _READ, max(0, size - _READ)).decode("utf-8", "replace")
    text = without(secrets, text)  # a secret may have several lines
    found = [line.rstrip() for line in text.splitlines() if line.strip()]
    left = len(found) - _SHOWN
    shown = [f"printed: {line}" for line in found[-_SHOWN:]]
    return (*([f"printed {left:,} lines before these"] if left > 0 else []), *shown)
