"""How the files of a load look, before an engine reads them."""

from __future__ import annotations

import gzip
import zlib

from eltflow.compile.program import FileInfo, Looks
from eltflow.ingest import csvfile

_HEAD = 4096  #: bytes; a file without rows is smaller than that
_SMALL = 1_000_000  #: bytes of JSON
_PACKED = (".gz", ".zst", ".zstd")


def inspect(file: FileInfo, format: str, delimiter: str, header: bool = True) -> Looks:
    """How a file looks; JSON is "empty" if it holds nothing. Raises ProgramError for CSV as `csvfile.inspect` does."""
    if format == "csv":
        return csvfile.inspect(file, delimiter, header)
    if _is_empty(file.path):
        return "empty"
    return "large" if file.size > _SMALL / (10 if file.path.endswith(_PACKED) else 1) else "plain"


def _is_empty(path: str) -> bool:
    if path.endswith((".zst", ".zstd")):
        return False
    opener = gzip.open if path.endswith(".gz") else open
    try:
        with opener(path, "rb") as handle:
            return handle.read(_HEAD).removeprefix(b"\xef\xbb\xbf").translate(None, b" \t\r\n") in (b"", b"[]")
    except (OSError, EOFError, zlib.error):
        return False  # the engine says what is wrong with it


__all__ = ["inspect"]
