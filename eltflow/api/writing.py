"""Writes a derived file whole or not at all, and only when its content is another."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def write_pieces(path: Path, pieces: Iterable[str] | Iterable[bytes]) -> None:
    """Put a text (or its UTF-8) that comes in pieces at `path` in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with fresh.open("wb") as handle:
        handle.writelines(piece.encode() if isinstance(piece, str) else piece for piece in pieces)
    os.replace(fresh, path)


def write_if_changed(path: Path, text: str) -> bool:
    """Put the text at `path` in one step; False if it was there already."""
    try:
        if path.stat().st_size == len(text.encode()) and path.read_text(encoding="utf-8") == text:
            return False
    except (OSError, UnicodeDecodeError):
        pass
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    fresh.write_text(text, encoding="utf-8")
    os.replace(fresh, path)
    return True
