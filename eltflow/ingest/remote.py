"""Files that are elsewhere: listed when a load begins, and brought into a temporary folder as they are needed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from eltflow.base.records import replace
from eltflow.base.temporary import rows_folder
from eltflow.compile.program import FileInfo
from eltflow.ingest.files import digest, local_name
from eltflow.transfer import Remote, RemoteFiles, version_of
from eltflow.warehouse.connection import Connection, telling


class OpenedFiles:
    """The files of a step. `stop` says that none is wanted any more. Whoever makes it closes it."""

    def __init__(
        self, connection: Connection, paths: Sequence[str], root: Path, *, stop: Callable[[], bool] = lambda: False
    ) -> None:
        self._connection, self._paths, self._root, self._stop = connection, paths, root, stop
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._opened: RemoteFiles | None = None
        self._remote: dict[str, Remote] = {}

    def files(self) -> tuple[FileInfo, ...]:
        """The files, each where it will be once it is fetched. Raises WarehouseError."""
        with telling(self._connection):
            found = {one.name: one for path in self._paths for one in self._files().listed(path)}
        return tuple(self._known(found[name]) for name in sorted(found))

    def fetch(self, files: Sequence[FileInfo]) -> None:
        """Bring files here that are not yet. Raises WarehouseError."""
        for file in files:
            if not os.path.exists(file.path):
                with telling(self._connection):
                    part = f"{file.path}.part"
                    self._files().fetch(self._remote[file.path], part, self._stop)
                    os.replace(part, file.path)

    def look(self, file: FileInfo) -> FileInfo | None:
        """What is known of a file by now; None if it is gone."""
        remote = self._remote[file.path]
        if not remote.version:
            return file  # nothing but the file itself tells
        with telling(self._connection):
            now = self._files().look(remote.name)
        return None if now is None else replace(file, size=file.size if now.size < 0 else now.size, mtime=now.version)

    def digest(self, file: FileInfo) -> str:
        """The fingerprint of a file's content."""
        self.fetch([file])
        return digest(file)

    def close(self) -> None:
        """Delete what was fetched."""
        if self._opened is not None:
            self._opened.close()
        if self._folder is not None:
            self._folder.cleanup()

    def _known(self, one: Remote) -> FileInfo:
        if self._folder is None:
            self._folder = rows_folder()
        path = os.path.join(self._folder.name, f"{len(self._remote) + 1}-{local_name(_path(one.name))}")
        self._remote[path] = one
        file = FileInfo(path=path, name=_shown(one.name), size=one.size, mtime=one.version, temporary=True)
        if one.version and one.size >= 0:
            return file
        self.fetch([file])
        version = one.version or version_of(digest(file))
        return replace(file, size=os.path.getsize(path), mtime=version)

    def _files(self) -> RemoteFiles:
        if self._opened is None:
            self._opened = self._connection.reader.open(self._connection.values, self._root)
        return self._opened


def _path(name: str) -> str:
    """The path of a file: of an address without its parameters; elsewhere `#` and `?` are signs like others."""
    parts = urlsplit(name)
    return parts.path if parts.scheme in ("http", "https") else name.partition("://")[2] or name


def _shown(name: str) -> str:
    """What people know a file by: an address without its parameters, which may be secret."""
    parts = urlsplit(name)
    return f"{parts.scheme}://{parts.netloc}{parts.path}" if parts.scheme in ("http", "https") else name
