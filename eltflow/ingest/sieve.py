"""Files parted into good and bad rows, in a temporary folder that lasts as long as the step."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from typing import Any

from eltflow.base.temporary import rows_folder
from eltflow.compile.program import FileInfo
from eltflow.transfer import Judged, Sifted, Source
from eltflow.warehouse.protocols import FileReader
from eltflow.warehouse.values import WarehouseError


class TemporarySieve:
    """What parts files. `hidden` are the columns whose values must not be shown; None if any may be one. Whoever makes it closes it."""

    def __init__(self, reader: FileReader, hidden: frozenset[str] | None) -> None:
        self.hidden = hidden
        self._reader = reader
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._sifted = 0

    def sift(self, file: FileInfo, format: str, options: Mapping[str, Any], judge: Callable[[str], Judged]) -> Sifted | None:
        """The good and the bad rows of a file; None where it is not single rows that are wrong."""
        return self._reader.sift(file.path, file.name, format, options, judge, self._place())

    def spooled(self, source: Source, name: str) -> FileInfo:
        """A file of the rows of a source, which people know by this name: its text, a tab behind each line. Raises WarehouseError."""
        folder = self._place()
        path = os.path.join(folder, "rows")
        with open(path, "wb") as file:
            for batch in source.text():
                try:
                    file.write(batch.replace(b"\n", b"\t\n"))  # a line of one empty value would be none
                except OSError as error:
                    help = "make room there, or name another folder with the environment variable TMPDIR"
                    raise WarehouseError(f"rows on their way through {folder}: {error.strerror}", kind="disk", help=help) from None
        return FileInfo(path=path, name=name, size=os.path.getsize(path), mtime=0, temporary=True)

    def _place(self) -> str:
        """An empty folder."""
        if self._folder is None:
            self._folder = rows_folder()
        self._sifted += 1
        folder = os.path.join(self._folder.name, str(self._sifted))
        os.mkdir(folder)
        return folder

    def close(self) -> None:
        """Delete what was made."""
        if self._folder is not None:
            self._folder.cleanup()
