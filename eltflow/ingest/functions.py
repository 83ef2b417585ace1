"""What a function of the project gives: called in a process of its own when it is first asked, its rows in temporary files, its secrets
out of every message."""

from __future__ import annotations

import json
import os
import select
import signal
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

from eltflow.base.diagnostics import without
from eltflow.base.records import dataclass, field
from eltflow.base.temporary import rows_folder
from eltflow.compile.program import FileInfo, ProgramError
from eltflow.ingest.forks import Forked, Forks
from eltflow.warehouse.values import WarehouseError

#: Is told how far something is that may have no end: the records that were taken, None where nobody counts them, and their bytes.
Far = Callable[[int | None, int], None]
_TICK = 0.2  #: seconds between two looks at whether to stop
_PATIENCE = 1.0  #: seconds in which a process that has said its last word ends
_SHOWN = 20  #: lines of what a function prints
_PRINTED = 1 << 16  #: bytes of it that are looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A function and what it is given: (kind, value) by parameter, which may be secret, so never print it; a `table` is a Parquet file.
    Of the columns that are `declared` values may be of any kind. `token` says that it may return where the next call goes on; `keeps`
    what becomes of rows: they are loaded (`rows`), must be there for a `table`, or nothing takes them (`none`). `environ` is its
    environment, that of this process unless told; `memory` bytes it may have beside what Python takes, 0 for no limit."""

    root: Path
    files: Path
    file: str
    function: str
    given: Mapping[str, tuple[str, Any]] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    declared: tuple[str, ...] = ()
    token: bool = False
    keeps: Literal["rows", "table", "none"] = "rows"
    environ: Mapping[str, str] | None = field(default=None, repr=False)
    memory: int = 0


class OpenedFunction:
    """What a step or a task calls. `forks` gives the process that it is forked from, which others use too (one of its own unless told); `most`
    limits how many records are taken, `stop` says that none is wanted any more, and `far` is told now and then how many records and bytes came.
    Whoever makes it closes it."""

    def __init__(
        self,
        call: Call,
        *,
        forks: Callable[[], Forks] | None = None,
        stop: Callable[[], bool] = lambda: False,
        most: int | None = None,
        far: Far = lambda records, size: None,
    ) -> None:
        self._call = call
        self._far = far
        self._forks = forks
        self._own: Forks | None = None
        self._stop = stop
        self._most = most
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self.types: Mapping[str, str] = {}
        self.token: str | None = None
        self.told: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        return f"the function `{self._call.function}`"

    def fetch(self, since: Any, until: Any = None) -> Sequence[FileInfo]:
        if self._folder is None:
            self._folder = rows_folder()
        told = {"cursor": since, "until": until}
        given = {name: (kind, told.get(kind, value)) for name, (kind, value) in self._call.given.items()}
        task = {
            "root": str(self._call.root),
            "file": str(self._call.files / self._call.file),
            "function": self._call.function,
            "given": given,
            "declared": self._call.declared,
            "token": self._call.token,
            "most": self._most,
            "folder": self._folder.name,
            "printed": os.path.join(self._folder.name, "printed.txt"),
            "keeps": self._call.keeps,
            "environ": self._call.environ,
            "memory": self._call.memory,
        }
        ended = self._ran(task)
        if "failed" in ended:
            raise self._failure(ended["failed"])
        self.types, self.token = ended["types"], ended["token"]
        if not ended["records"]:
            return ()
        several = len(ended["parts"]) > 1
        return [self._file(path, f"{self.where}, part {n}" if several else self.where) for n, path in enumerate(ended["parts"], 1)]

    def close(self) -> None:
        """Delete what was fetched."""
        if self._own is not None:
            self._own.close()
        if self._folder is not None:
            self._folder.cleanup()

    def _file(self, path: str, name: str) -> FileInfo:
        stat = os.stat(path)
        return FileInfo(path=path, name=name, size=stat.st_size, mtime=stat.st_mtime_ns)

    def _ran(self, task: Mapping[str, Any]) -> Mapping[str, Any]:
        """The last words of the process that runs a task. Raises WarehouseError where nothing is wanted any more."""
        arrow = any(kind == "table" for kind, _ in task["given"].values())
        if self._forks is None and self._own is None:
            self._own = Forks()
        forks = self._own or self._forks()  # type: ignore[misc]
        with closing(forks.call(task, arrow=arrow)) as process:
            patience = 0.0
            try:
                last = self._listened(process)
                patience = _PATIENCE
            finally:
                code = process.end(patience)
        self.told = self._printed(str(task["printed"]))
        if last is None:
            how = f"by the signal {signal.Signals(-code).name}" if code < 0 else f"with the code {code}"
            raise ProgramError(
                f"the process of the function `{self._call.function}` ended {how}, before its time",
                "see whether it uses more memory than there is, or ends itself",
                file=str(task["file"]),
                notes=self.told,
            )
        return last

    def _listened(self, process: Forked) -> Mapping[str, Any] | None:
        """The last words of a process; None if it broke off before."""
        rest = b""
        while True:
            if self._stop():
                raise WarehouseError("cancelled", kind="cancelled")
            if not select.select([process.words], [], [], _TICK)[0]:
                continue
            block = os.read(process.words, 1 << 16)
            if not block:
                return None
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                said: Mapping[str, Any] = json.loads(line)
                if "ended" in said or "failed" in said:
                    return said
                if "records" in said:
                    self._far(said["records"], said["bytes"])

    def _failure(self, failed: Mapping[str, Any]) -> ProgramError:
        secrets = self._call.secrets
        notes = (*(f"called from {place}" for place in failed["called"]), *self.told)
        return ProgramError(
            without(secrets, failed["message"]),
            failed["help"] or "correct the function, or what it asks",
            file=failed["file"] or str(self._call.files / self._call.file),
            line=failed["line"],
            notes=notes,
        )

    def _printed(self, path: str) -> tuple[str, ...]:
        """What the function printed, its last lines, without secrets."""
        if not os.path.exists(path):  # it ended before it began
            return ()
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _PRINTED))
            text = without(self._call.secrets, file.read().decode("utf-8", "replace"))  # a secret may have several lines
        lines = [line.rstrip() for line in text.splitlines() if line.strip()]
        shown = [f"printed: {line}" for line in lines[-_SHOWN:]]
        left = len(lines) - _SHOWN
        return (*([f"printed {left:,} lines before these"] if left > 0 else []), *shown)
