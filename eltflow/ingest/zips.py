"""Zip archives: members that are wanted, each unpacked into a file of our own naming."""

from __future__ import annotations

import gzip
import os
import re
import stat
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import IO, Any

from eltflow.base.names import did_you_mean, listed
from eltflow.base.plugins import driver
from eltflow.base.records import replace
from eltflow.compile.program import FileInfo, ProgramError
from eltflow.ingest.files import local_name
from eltflow.warehouse.values import WarehouseError

_BLOCK = 1 << 20  #: bytes
_WHAT = "zip archive"
WORKBOOKS = (".xlsx", ".xlsm")
#: What systems put beside the files that a person packed.
_BESIDE = re.compile(r"(?:.*/)?(?:__MACOSX/.*|\.DS_Store|Thumbs\.db)")
_LEADS_OUT = re.compile(r"/|[A-Za-z]:|(?:.*/)?\.\.(?:/|\Z)")


@contextmanager
def archive(file: FileInfo, what: str) -> Iterator[zipfile.ZipFile]:
    """The file as a zip archive. Raises ProgramError for one that is none."""
    with reading(file, what):
        opened = zipfile.ZipFile(file.path)
    with opened:
        yield opened


@contextmanager
def reading(file: FileInfo, what: str) -> Iterator[None]:
    """Around what reads an archive: whatever odd bytes make the library raise is told as an archive that is broken, by ProgramError."""
    try:
        yield
    except Exception as error:
        words = str(error).replace(file.path, file.name) or type(error).__name__
        message = f"{file.name} cannot be read: it is no {what}, or not a whole one ({words})"
        raise ProgramError(message, "see that the file is complete") from None


def check_size(file: FileInfo, members: Sequence[zipfile.ZipInfo], limit: int) -> None:
    """Raise ProgramError for more than may be unpacked. What an archive says holds: no member is read beyond the size that it tells."""
    size = sum(member.file_size for member in members)
    if size > limit:
        message = f"{file.name} would be {size:,} bytes unpacked, and at most {limit:,} are"
        raise ProgramError(message, "if that is meant, allow more: `max_unpacked_mb:`", place=("source",))


def check_inner(file: FileInfo, members: Sequence[tuple[str, str]], limit: int, stop: Callable[[], bool]) -> None:
    """Raise ProgramError where members (name, path here) that are packed themselves hold more than may be unpacked of an archive, together
    with the others. What a packed file says of its size is not believed: it is read until it is too much."""
    size = 0
    for name, path in members:
        opens = next((opens for ending, opens in _PACKED.items() if name.lower().endswith(ending)), open)
        if name.lower().endswith(WORKBOOKS):
            with archive(replace(file, path=path, name=f"{file.name}/{name}"), "workbook") as book:
                size += sum(member.file_size for member in book.infolist())
        elif opens is open:
            size += os.path.getsize(path)
        else:
            with reading(replace(file, name=f"{file.name}/{name}"), "packed file"), opens(path, "rb") as packed:
                while size <= limit and (block := packed.read(_BLOCK)):
                    size += len(block)
                    if stop():
                        break
        if stop():
            raise WarehouseError("cancelled", kind="cancelled")
        if size > limit:
            message = f"{file.name} would be more than {limit:,} bytes unpacked, with what `{name}` in it holds"
            raise ProgramError(message, "if that is meant, allow more: `max_unpacked_mb:`", place=("source",))


def _zstd(path: str, mode: str) -> IO[bytes]:
    with driver("packed files in an archive, by zstd,", "zstandard"):
        import zstandard
    opened: IO[bytes] = zstandard.open(path, mode)
    return opened


#: How members are opened that are packed, by the ends of their names.
_PACKED: Mapping[str, Callable[[str, str], Any]] = {".gz": gzip.open, ".zst": _zstd, ".zstd": _zstd}


def unpacked(
    file: FileInfo, wanted: Sequence[str], limit: int, place: Callable[[str], str], stop: Callable[[], bool]
) -> Iterator[tuple[str, str]]:
    """(name in the archive, path here) of the members that match a pattern of those `wanted`, or of its only one where there is none,
    sorted by name; `place` gives a path for a name. Raises ProgramError, WarehouseError (cancelled)."""
    with archive(file, _WHAT) as opened:
        members = _chosen(file, opened.infolist(), wanted)
        check_size(file, members, limit)
        for member in members:
            path = place(local_name(member.filename))
            with reading(file, _WHAT):
                packed = opened.open(member)
            with packed, open(path, "wb") as output:
                while block := _block(file, packed):
                    if stop():
                        raise WarehouseError("cancelled", kind="cancelled")
                    output.write(block)
            yield member.filename, path


def _block(file: FileInfo, packed: IO[bytes]) -> bytes:
    with reading(file, _WHAT):
        return packed.read(_BLOCK)


def _chosen(file: FileInfo, all: Sequence[zipfile.ZipInfo], wanted: Sequence[str]) -> Sequence[zipfile.ZipInfo]:
    for member in all:
        # `orig_filename` is the name as it stands there, with the backslashes that zipfile may have turned.
        if _LEADS_OUT.match(member.orig_filename.replace("\\", "/")):
            message = f"{file.name} holds {member.orig_filename!r}, a name that leads out of it"
            raise ProgramError(message, "see where the archive comes from; nothing of it was unpacked")
    files = sorted((m for m in all if not m.is_dir() and not _BESIDE.fullmatch(m.filename)), key=lambda m: m.filename)
    names = [member.filename for member in files]
    if not wanted and len(files) != 1:
        holds = f"{len(files)} files: {listed(names, 5)}" if files else "no files"
        raise ProgramError(f"{file.name} holds {holds}", "say which are read: `member: '*.csv'`", place=("source",))
    chosen = [m for m in files if not wanted or any(fnmatchcase(m.filename, pattern) for pattern in wanted)]
    missing = next((pattern for pattern in wanted if not any(fnmatchcase(name, pattern) for name in names)), None)
    if missing is not None:
        help = did_you_mean(missing, names) or f"it holds {listed(names, 5) or 'no files'}"
        raise ProgramError(f"{file.name} holds nothing that matches `{missing}`", help, place=("source", "member"))
    for n, member in enumerate(chosen):
        if n and chosen[n - 1].filename == member.filename:
            raise ProgramError(f"{file.name} holds `{member.filename}` twice", "pack it again")
        if member.flag_bits & 1:
            raise ProgramError(f"{file.name} holds `{member.filename}` under a password", "pack it again without one")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise ProgramError(f"`{member.filename}` in {file.name} is a link, and no file", "pack the file itself")
        if member.filename.lower().endswith(".zip"):
            raise ProgramError(f"`{member.filename}` in {file.name} is an archive of its own", "unpack the outer one")
    return chosen
