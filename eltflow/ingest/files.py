"""The files that a step or a seed loads: found by path or glob, and fingerprinted by content."""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from eltflow.base import plugins
from eltflow.base.records import replace
from eltflow.compile.program import FileInfo
from eltflow.warehouse.protocols import FileReader


def matching(root: Path, patterns: Iterable[str]) -> tuple[FileInfo, ...]:
    """The files below `root` that match any pattern (`*`, `?`, `[..]`, `**`), each once, sorted by name."""
    found: dict[str, FileInfo] = {}
    for pattern in patterns:
        base = pattern if os.path.isabs(pattern) else os.path.join(glob.escape(str(root)), pattern)
        for path in glob.iglob(base, recursive=True):
            if os.path.isfile(path):
                info = file_info(root, path)
                found[info.name] = info
    return tuple(found[name] for name in sorted(found))


def file_info(root: Path, path: str) -> FileInfo:
    """What is known of a file without reading it; `name` is relative to the root where it lies below it."""
    absolute = os.path.abspath(os.path.join(root, path))
    stat = os.stat(absolute)
    relative = os.path.relpath(absolute, root)
    name = absolute if relative.startswith("..") else Path(relative).as_posix()
    return FileInfo(path=absolute, name=name, size=stat.st_size, mtime=stat.st_mtime_ns)


def file_now(file: FileInfo) -> FileInfo | None:
    """The same file as it is by now; None if it is gone."""
    try:
        stat = os.stat(file.path)
    except OSError:
        return None
    return replace(file, size=stat.st_size, mtime=stat.st_mtime_ns)


def digest(file: FileInfo) -> str:
    """The fingerprint of a file's content (BLAKE2b, 32 hex digits)."""
    made = hashlib.blake2b(digest_size=16)
    with open(file.path, "rb") as handle:
        while block := handle.read(1 << 20):
            made.update(block)
    return made.hexdigest()


def local_name(path: str) -> str:
    """A name that a file may have here: the last part of its path, without what could lead elsewhere."""
    return re.sub(r"[^\w.-]", "_", PurePosixPath(path).name)[-100:].lstrip(".") or "file"


def file_reader() -> FileReader:
    """What reads files for an engine that cannot."""
    reader: FileReader = plugins.load("eltflow.sources", "files")
    return reader
