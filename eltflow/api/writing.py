"""Writes a derived file whole or not at all, and only when its content is another."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from eltflow.base.diagnostics import fail

_HELP = "see that its folder is one that can be written, with room on the disk; derived files go where `target_path:` says"


def write_pieces(path: Path, pieces: Iterable[str] | Iterable[bytes]) -> None:
    """Put a text (or its UTF-8) that comes in pieces at `path` in one step. Raises EltflowError (E0117)."""
    with _told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        try:
            with fresh.open("wb") as handle:
                handle.writelines(piece.encode() if isinstance(piece, str) else piece for piece in pieces)
            os.replace(fresh, path)
        except OSError:
            with suppress(OSError):
                fresh.unlink()
            raise


def write_if_changed(path: Path, text: str) -> bool:
    """Put the text at `path` in one step; False if it was there already. Raises EltflowError (E0117)."""
    try:
        if path.stat().st_size == len(text.encode()) and path.read_text(encoding="utf-8") == text:
            return False
    except (OSError, UnicodeDecodeError):
        pass
    write_pieces(path, (text,))
    return True


def check_folder(path: Path) -> None:
    """Make a folder of derived files. Raises EltflowError (E0117) if that cannot be, or nothing can be written there."""
    with _told(path):
        path.mkdir(parents=True, exist_ok=True)
        if not os.access(path, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied")


def check_file(path: Path, help: str) -> None:
    """Raise EltflowError (E0117) for a place where no file can be put: before a run begins, not after. Nothing is made there."""
    with _told(path, help):
        if path.is_dir():
            raise IsADirectoryError(21, "a folder stands where a file is needed")
        above = next(one for one in path.absolute().parents if one.exists())
        if not above.is_dir():
            raise NotADirectoryError(20, "Not a directory")
        if not os.access(above, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied")


@contextmanager
def _told(path: Path, help: str = _HELP) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        no_folder = isinstance(error, (FileExistsError, NotADirectoryError))
        why = "a file stands where a folder is needed" if no_folder else error.strerror or str(error)
        raise fail("E0117", f"{path} cannot be written: {why}", help=help) from None
