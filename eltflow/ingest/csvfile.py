"""CSV files as a person wrote them: what is wrong with a head before it is loaded, and with a row that an engine refused."""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from eltflow.compile.program import FileInfo, Looks, ProgramError

#: Bytes of a file in which an engine that infers types looks at every row: DuckDB takes 20,480 of them, of two bytes at the least.
_SMALL = 40_000
_OTHER_DELIMITERS = {";": "';'", "\t": '"\\t"', "|": "'|'"}
_QUOTE = ("a quote that opens here is not closed, or text follows it", "double the quotes inside a value in quotes")
#: How files begin that are no CSV: what they are, and what to do with them. As text each would be one column of rubbish.
_KINDS = {
    b"PAR1": ("a Parquet file", "name it `.parquet`, or set `format: parquet` under the step's `source:`"),
    b"\x1f\x8b": ("compressed with gzip", "add `.gz` to its name"),
    b"\x28\xb5\x2f\xfd": ("compressed with zstd", "add `.zst` to its name"),
}
#: What reading a file may raise: it is not there, may not be read, or is not the gzip that its name says.
_NO_GZIP = (OSError, EOFError, zlib.error)


@contextmanager
def _opened(path: str) -> Iterator[TextIO]:
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8-sig", errors="replace", newline="") as handle:
        yield handle


def _readable(path: str) -> bool:
    return not path.endswith((".zst", ".zstd"))


def inspect(file: FileInfo, delimiter: str, header: bool = True) -> Looks:
    """How a file looks. Raises ProgramError if it has no header, one with a name twice, or one that is delimited by something else."""
    if not _readable(file.path):
        return "large"
    try:
        _check_kind(file)
        if header:
            _check_header(file, delimiter)
        return _looks(file, delimiter)
    except _NO_GZIP as error:
        if not file.path.endswith(".gz"):
            raise ProgramError(
                f"{file.name} cannot be read: {error}", "see that the file is there and may be read", file=file.path
            ) from None
        message = f"{file.name} cannot be unpacked: it is no gzip file, or not a whole one"
        raise ProgramError(message, "compress it again, or take `.gz` from its name", file=file.path) from None


def _check_kind(file: FileInfo) -> None:
    with open(file.path, "rb") as handle:
        head = handle.read(4)
    found = next((kind for mark, kind in _KINDS.items() if head.startswith(mark)), None)
    if found is not None and not (file.path.endswith(".gz") and "gzip" in found[0]):
        raise ProgramError(f"{file.name} is {found[0]}, and is read as CSV", found[1], file=file.path)


def _looks(file: FileInfo, delimiter: str) -> Looks:
    if file.size > _SMALL:
        return "large"
    opener = gzip.open if file.path.endswith(".gz") else open
    with opener(file.path, "rb") as handle:
        data = handle.read(_SMALL + 1)
    if len(data) > _SMALL:
        return "large"
    edge = re.escape(delimiter).encode()
    words = rb"yes|no|t|f|[-+]?0[xb][0-9a-f]+|[-+]?[0-9.]{16,}"
    odd = rb"(?im)(?:^|\"|%b)\s*(?:%b)\s*(?:$|\"|%b)|:[0-9]{2}[.][0-9]{7}" % (edge, words, edge)
    return "odd" if re.search(odd, data) else "plain"


def _check_header(file: FileInfo, delimiter: str) -> None:
    try:
        with _opened(file.path) as handle:
            header = next(csv.reader(handle, delimiter=delimiter), None)
    except csv.Error:  # a value larger than any: its quote goes on and on
        raise ProgramError(f"{file.name}: {_QUOTE[0]}", _QUOTE[1], file=file.path, line=1) from None
    if not header or header == [""]:
        raise ProgramError(f"{file.name} is empty", "give it a header: the names of its columns", file=file.path, line=1)
    seen: set[str] = set()
    for name in header:
        if name.strip().lower() in seen:
            raise ProgramError(f"{file.name} has two columns `{name}`", "rename one of them in the header", file=file.path, line=1)
        seen.add(name.strip().lower())
    other = next((mark for mark in _OTHER_DELIMITERS if mark != delimiter and len(header) == 1 and mark in header[0]), None)
    if other is not None:
        shown = _OTHER_DELIMITERS[other]
        message = f"the header of {file.name} has no {_OTHER_DELIMITERS.get(delimiter, repr(delimiter))}, but {shown}"
        raise ProgramError(message, f"set `delimiter: {shown}`", file=file.path, line=1)


def complaint(path: str, delimiter: str) -> tuple[int, str, str] | None:
    """(line, message, help) of the first row that is not like the header; None if every row is, or the file cannot be told."""
    if not _readable(path):
        return None
    with _opened(path) as handle:
        reader = csv.reader(handle, delimiter=delimiter, strict=True)
        before = 0
        try:
            header = next(reader, None) or []
            before = reader.line_num
            for row in reader:
                if row and len(row) != len(header):
                    return (before + 1, *_ragged(len(row), len(header), delimiter))
                before = reader.line_num
        except csv.Error:
            return (before + 1, *_QUOTE)
        except _NO_GZIP:
            return None
    return None


def _ragged(found: int, wanted: int, delimiter: str) -> tuple[str, str]:
    values = f"{found} value{'s' if found != 1 else ''}"
    columns = f"{wanted} column{'s' if wanted != 1 else ''}"
    if found > wanted:
        return f"this row has {values}, and the header {columns}", f"put quotes around a value that holds a `{delimiter}`"
    return f"this row has {values}, and the header {columns}", f"an empty value needs its `{delimiter}` too"


__all__ = ["complaint", "inspect"]
