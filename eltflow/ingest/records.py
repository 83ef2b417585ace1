"""What a step asks for its records: opened when it is first asked, its answers in a temporary file, its secrets out of every message."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from eltflow.base.temporary import rows_folder
from eltflow.compile.program import FileInfo
from eltflow.transfer import Records
from eltflow.warehouse.connection import Connection, telling
from eltflow.warehouse.values import WarehouseError

_NAME = "records.ndjson"
_TICK = 0.5  #: seconds between two words of how far it is


class OpenedRecords:
    """What a step asks. `answers` limits how many are read, `stop` says that none is wanted any more, `far` is told now and
    then how many bytes were kept. Whoever makes it closes it."""

    def __init__(
        self,
        connection: Connection,
        source: Mapping[str, Any],
        root: Path,
        *,
        stop: Callable[[], bool] = lambda: False,
        answers: int | None = None,
        far: Callable[[int | None, int], None] = lambda records, size: None,
    ) -> None:
        self._connection = connection
        self._source = source
        self._root = root
        self._stop = stop
        self._answers = answers
        self._far = far
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self.types: Mapping[str, str] = {}
        self.token: str | None = None
        self.told: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        return f"{self._source.get('path') or self._source['kind']} of `{self._connection.name}`"

    def fetch(self, since: Any, until: Any = None) -> Sequence[FileInfo]:
        """The records in a file of their own; none if there are none. Raises WarehouseError."""
        if self._folder is None:
            self._folder = rows_folder()
        spool = Path(self._folder.name) / _NAME
        try:
            with telling(self._connection):
                records: Records = self._connection.reader.open(self._connection.values, self._root)
                with closing(records):
                    found = records.fetch(self._source, since, spool, stop=self._watched(spool), answers=self._answers, until=until)
        except WarehouseError:
            if self._stop():
                raise WarehouseError("cancelled", kind="cancelled") from None
            raise
        if not found.records:
            return ()
        stat = os.stat(spool)
        return (FileInfo(path=str(spool), name=self.where, size=stat.st_size, mtime=stat.st_mtime_ns),)

    def _watched(self, spool: Path) -> Callable[[], bool]:
        """What asks whether to stop, which whoever fetches does between two answers: a moment to tell how far it is."""
        said = time.monotonic()

        def stop() -> bool:
            nonlocal said
            if time.monotonic() - said > _TICK and spool.exists():
                said = time.monotonic()
                size = os.stat(spool).st_size
                if size:  # what was written may be in a buffer still
                    self._far(None, size)
            return self._stop()

        return stop

    def guess(self) -> Mapping[str, Any]:
        """What the first answer suggests to add to the step's source. Raises WarehouseError."""
        with telling(self._connection):
            records: Records = self._connection.reader.open(self._connection.values, self._root)
            with closing(records):
                return records.guess(self._source, stop=self._stop)

    def close(self) -> None:
        """Delete what was fetched."""
        if self._folder is not None:
            self._folder.cleanup()
