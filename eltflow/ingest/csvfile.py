"""CSV files as a person wrote them: what is wrong with a head before it is loaded, and with a row that an engine refused."""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from eltflow.compile.program import FileInfo, Looks, ProgramError

#: Bytes of a file in which an engine that infers types looks at every row: DuckDB takes 20,480 of them, of two bytes at the least.
_SMALL = 40_000
_OTHER_DELIMITERS = {";": "';'", "\t": '"\\t"', "|": "'|'"}


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
    if header:
        _check_header(file, delimiter)
    return _looks(file, delimiter)


def _looks(file: FileInfo, delimiter: str) -> Looks:
    if file.size > _SMALL:
        return "large"
    opener = gzip.open if file.path.endswith(".gz") else open
    with opener(file.path, "rb") as handle:
        data = handle.read(_SMALL + 1)
    if len(data) > _SMALL:
        return "large"
    edge = re.escape(delimiter).encode()
    odd = rb"(?im)(?:^|\"|%b)\s*(?:yes|no|t|f|[-+]?0[xb][0-9a-f]+)\s*(?:$|\"|%b)" % (edge, edge)
    return "odd" if re.search(odd, data) else "plain"


def _check_header(file: FileInfo, delimiter: str) -> None:
    with _opened(file.path) as handle:
        header = next(csv.reader(handle, delimiter=delimiter), None)
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
        try:
            header = next(reader, None) or []
            before = reader.line_num
            for row in reader:
                if row and len(row) != len(header):
                    return (before + 1, *_ragged(len(row), len(header), delimiter))
                before = reader.line_num
        except csv.Error:
            return (
                before + 1,
                "a quote that opens here is not closed, or text follows it",
                "double the quotes inside a value in quotes",
            )
    return None


def _ragged(found: int, wanted: int, delimiter: str) -> tuple[str, str]:
    values = f"{found} value{'s' if found != 1 else ''}"
    columns = f"{wanted} column{'s' if wanted != 1 else ''}"
    if found > wanted:
        return f"this row has {values}, and the header {columns}", f"put quotes around a value that holds a `{delimiter}`"
    return f"this row has {values}, and the header {columns}", f"an empty value needs its `{delimiter}` too"


__all__ = ["complaint", "inspect"]
