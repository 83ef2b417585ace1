"""Log files: one line an event, rotated at 10 MB, five files kept, secrets masked."""

from __future__ import annotations

import datetime
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TextIO

from eltflow.api.loading import Loaded
from eltflow.api.running import RunState
from eltflow.base.diagnostics import without
from eltflow.events import Event, Message, RunFinished, RunStarted, StepFinished, StepRetried, StepStarted

_LIMIT = 10 * 1024 * 1024
_KEPT = 5


class LogFile:
    """Writes `logs/eltflow.log`, or the file at `path`; a log that cannot be written stops nothing."""

    def __init__(self, loaded: Loaded, state: RunState, path: Path | None = None) -> None:
        self._path = path or loaded.root / loaded.opened.project.settings.log_path / "eltflow.log"
        self._secrets = loaded.target.secrets
        self._state = state
        self._file: TextIO | None = None

    def __enter__(self) -> LogFile:
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if self._path.exists() and self._path.stat().st_size > _LIMIT:
                self._rotate()
            self._file = self._path.open("a", encoding="utf-8")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is not None and isinstance(error, Exception):
            self._write("error", str(error))
        if self._file is not None:
            with suppress(OSError):
                self._file.close()

    def _rotate(self) -> None:
        for number in range(_KEPT - 1, 0, -1):
            older = self._path.with_suffix(f".log.{number}")
            if older.exists():
                os.replace(older, self._path.with_suffix(f".log.{number + 1}"))
        os.replace(self._path, self._path.with_suffix(".log.1"))

    def write(self, event: Event) -> None:
        """One event as a line."""
        if isinstance(event, RunStarted):
            self._write("info", f"run {event.run_id} started: {event.command}, {event.steps} steps, {event.threads} threads")
        elif isinstance(event, StepStarted):
            self._write("debug", f"started {event.step} (worker {event.worker})")
        elif isinstance(event, StepRetried):
            self._write(
                "warning", f"{event.step}: attempt {event.attempt} failed, again in {event.wait_seconds} s: {event.message}"
            )
        elif isinstance(event, StepFinished):
            result = event.result
            parts = [f"{result.status} {result.step} ({result.seconds:.3f} s, {result.statements} statements)"]
            parts += [f"rows {result.rows}"] if result.rows is not None else []
            parts += [f"failures {result.failures}"] if result.failures else []
            parts += [said for said in (result.message, result.note) if said]
            self._write("info" if result.status in ("success", "pass", "skipped") else "error", "; ".join(parts))
        elif isinstance(event, Message):
            self._write(event.level, event.text)
        elif isinstance(event, RunFinished):
            counts = ", ".join(f"{n} {status}" for status, n in sorted(event.counts.items()))
            self._write("info", f"run {event.run_id} finished after {event.seconds:.3f} s: {counts}")

    def _write(self, level: str, text: str) -> None:
        if self._file is None:
            return
        text = without(self._secrets, text)
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        with suppress(OSError):
            for line in text.splitlines() or [""]:
                self._file.write(f"{now} {level:<7} {line}\n")
