"""Temporary folders that hold rows: those of runs that were killed are taken away by the next one that needs its own."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from contextlib import suppress

_NAME = re.compile(r"eltflow-rows-(\d+)-")


def rows_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder that only this user may read; whoever asks for it cleans it up."""
    _sweep(tempfile.gettempdir())
    return tempfile.TemporaryDirectory(prefix=f"eltflow-rows-{os.getpid()}-")


def _sweep(place: str) -> None:
    """Delete the folders of this user's processes that are no more."""
    with suppress(OSError), os.scandir(place) as entries:
        for entry in entries:
            told = _NAME.match(entry.name)
            if told is None or not entry.is_dir(follow_symlinks=False) or alive(int(told.group(1))):
                continue
            if entry.stat(follow_symlinks=False).st_uid == os.getuid():
                shutil.rmtree(entry.path, ignore_errors=True)


def alive(pid: int) -> bool:
    """Whether a process of that number is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
