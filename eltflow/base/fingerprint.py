"""Content fingerprints: short, stable across processes and versions of Python."""

from __future__ import annotations

import hashlib
import os
import zlib
from pathlib import Path

#: Files of more bytes than this are data, a seed's; they are told apart by a sum that takes a quarter of the time.
LARGE = 8 << 20
_PIECE = 1 << 20


def fingerprint(*parts: str | bytes) -> str:
    """32 hex digits of BLAKE2b over the parts; parts are framed by their length, so ("ab", "c") differs from ("a", "bc")."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        digest.update(b"%d:" % len(data))
        digest.update(data)
    return digest.hexdigest()


def fingerprint_content(data: bytes) -> str:
    """The fingerprint of a file's content, as `fingerprint_file` has it."""
    return fingerprint(data) if len(data) <= LARGE else _large(len(data), zlib.crc32(data))


def fingerprint_file(path: Path) -> str:
    """The fingerprint of a file's content; that of one over `LARGE` is made of its size and its CRC-32. Raises OSError."""
    with path.open("rb") as handle:
        size = os.fstat(handle.fileno()).st_size
        if size <= LARGE:
            return fingerprint_content(handle.read())
        size = found = 0
        while piece := handle.read(_PIECE):
            size, found = size + len(piece), zlib.crc32(piece, found)
    return _large(size, found)


def _large(size: int, sum: int) -> str:
    return fingerprint("large", str(size), str(sum))
