"""Workbooks of Excel: the rows of a table in a sheet, as its cells hold them."""

from __future__ import annotations

import datetime
import re
import warnings
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from itertools import repeat
from typing import Any

from eltflow.base.diagnostics import EltflowError
from eltflow.base.names import did_you_mean, listed
from eltflow.base.plugins import driver
from eltflow.compile.program import FileInfo, ProgramError
from eltflow.ingest.zips import archive, check_size, reading
from eltflow.project.config import as_list
from eltflow.project.steps import corners_of

#: How old workbooks begin, and those that are encrypted.
_OLE = b"\xd0\xcf\x11\xe0"
_FORMULA = re.compile(rb"<(?:\w+:)?f[ >/]")
#: A row in the XML of a sheet, and its number there.
_ROW = re.compile(rb"<(?:\w+:)?row(?=[\s/>])([^>]*)>")
_NUMBER = re.compile(rb"(?:^|\s)r\s*=\s*[\"']([\d.]+)")
_BLOCK = 1 << 20  #: bytes
_MIDNIGHT = datetime.time()
Rows = Iterator[tuple[int, Mapping[str, Any]]]


@contextmanager
def opened(
    file: FileInfo, source: Mapping[str, Any], declared: Collection[str], limit: int
) -> Iterator[tuple[Sequence[str], Rows]]:
    """The names of a table's columns, and its rows with the number of each in the sheet; rows without a value are passed over. `source` says
    where the table is (`sheet`, `range`, `header`) and which texts mean no value (`null`). Of `declared` columns a cell that holds an error
    gives its text. Raises ProgramError, also while rows are read."""
    with open(file.path, "rb") as handle:
        if handle.read(4) == _OLE:
            message = f"{file.name} has a password, or is a workbook of Excel 97"
            raise ProgramError(message, "save it as .xlsx, without a password")
    with driver("files of xlsx", "'eltflow[xlsx]'"):
        import openpyxl
    with archive(file, "workbook") as packed:
        check_size(file, packed.infolist(), limit)
        with reading(file, "workbook"):
            computed = _computes(packed)
    with ExitStack() as stack:
        with _told(file):
            books = [
                stack.enter_context(closing(openpyxl.load_workbook(file.path, read_only=True, data_only=cached)))
                for cached in ((True, False) if computed else (True,))
            ]
            sheet = _sheet(file, books[0], source.get("sheet"))
            _check_order(file, sheet)
            names, rows = _table(file, sheet, books[1] if computed else None, source, declared)
        yield names, _guarded(file, rows)


@contextmanager
def _told(file: FileInfo) -> Iterator[None]:
    """Around what asks the library: what a broken workbook makes it raise is told as that."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what a workbook may hold beside cells
            yield
    except (ProgramError, EltflowError):
        raise
    except Exception as error:  # of the library, of the XML in it, of the archive around that
        message = f"{file.name} cannot be read: it is no whole workbook ({type(error).__name__}: {error})"
        raise ProgramError(message, "open it in Excel and save it again") from None


def _guarded(file: FileInfo, rows: Rows) -> Rows:
    while True:
        with _told(file):
            row = next(rows, None)
        if row is None:
            return
        yield row


def _computes(packed: zipfile.ZipFile) -> bool:
    """Whether any sheet holds a formula."""
    for name in packed.namelist():
        if name.startswith("xl/worksheets/") and name.endswith(".xml"):
            with packed.open(name) as sheet:
                end = b""
                while block := sheet.read(1 << 20):
                    if _FORMULA.search(end + block):
                        return True
                    end = block[-20:]
    return False


def _check_order(file: FileInfo, sheet: Any) -> None:
    """Raise ProgramError for a sheet whose rows do not follow each other in the file: the library passes over one that comes late (openpyxl
    3.1, November 2026)."""
    last, end = 0, b""
    with zipfile.ZipFile(file.path) as packed, packed.open(sheet._worksheet_path) as read:
        while True:
            block = read.read(_BLOCK)
            data = end + block
            cut = data.rfind(b"<") if block else len(data)
            end = data[cut:]
            for found in _ROW.finditer(data, 0, cut):
                told = _NUMBER.search(found.group(1))
                row = int(float(told.group(1))) if told is not None else last + 1
                if row <= last:
                    message = f"{file.name}, sheet `{sheet.title}`: row {row} stands behind row {last} in the file"
                    raise ProgramError(message, "open it in Excel and save it again, which puts its rows in order")
                last = row
            if not block:
                return


def _table(
    file: FileInfo, sheet: Any, formulas: Any, source: Mapping[str, Any], declared: Collection[str]
) -> tuple[Sequence[str], Rows]:
    top, left, bottom, right = corners_of(str(source["range"])) if source.get("range") else (1, 1, float("inf"), float("inf"))
    part = {"min_row": top, "min_col": left}
    part |= {key: int(value) for key, value in (("max_row", bottom), ("max_col", right)) if value != float("inf")}
    sheet.reset_dimensions()  # some programs write others than there are
    cells = iter(sheet.iter_rows(**part))
    other: Iterator[Sequence[Any]] = repeat(())
    if formulas is not None:
        formulas[sheet.title].reset_dimensions()
        other = formulas[sheet.title].iter_rows(**part)
    where = f"{file.name}, sheet `{sheet.title}`"
    nulls = frozenset({"", *(str(one) for one in as_list(source.get("null")))})
    numbered = enumerate(zip(cells, other, strict=False), top)
    if source.get("header", True):
        row, (head, _) = next(numbered, (top, ((), ())))
        names = _names(where, row, head, left)
        return names, _rows(where, names, left, numbered, nulls, declared, strict=True)
    return _lettered(where, left, numbered, nulls, declared)


def _sheet(file: FileInfo, book: Any, wanted: str | None) -> Any:
    sheets = {sheet.title: sheet for sheet in book.worksheets}
    shown = [title for title, sheet in sheets.items() if sheet.sheet_state == "visible"]
    if wanted is not None:
        if wanted not in sheets:
            help = did_you_mean(wanted, sheets) or f"it has {listed(list(sheets), 8)}"
            raise ProgramError(f"{file.name} has no sheet `{wanted}`", help, place=("source", "sheet"))
        return sheets[wanted]
    if len(shown) != 1:
        message = f"{file.name} has {len(shown)} sheets" + (f": {listed(shown, 8)}" if shown else "")
        raise ProgramError(message, "say which is read: `sheet: ...`", place=("source",))
    return sheets[shown[0]]


def _names(where: str, row: int, head: Sequence[Any], left: int) -> list[str]:
    """The names of columns in the first row of the table; an empty one for a column that has none."""
    names = ["" if cell.value is None else str(cell.value).strip() for cell in head]
    while names and not names[-1]:
        names.pop()
    if not names:
        help = "say where the table begins, with the names of its columns: `range: B3`; or `header: false`"
        raise ProgramError(f"{where}: row {row} holds no names of columns", help, place=("source",))
    seen: dict[str, str] = {}
    for n, name in enumerate(names):
        if name and (other := seen.get(name.lower())) is not None:
            message = f"{where}: two columns are called `{name}`, {other} and {_letters(left + n)}"
            raise ProgramError(message, f"rename one of them in row {row}")
        seen[name.lower()] = _letters(left + n)
    return names


def _rows(
    where: str,
    names: list[str],
    left: int,
    numbered: Iterator[tuple[int, tuple[Sequence[Any], Sequence[Any]]]],
    nulls: Collection[str],
    declared: Collection[str],
    *,
    strict: bool,
) -> Rows:
    """The rows under their names. Where that is `strict`, a value beyond them is an error; else names are added as columns come."""
    for row, (cells, formulas) in numbered:
        record: dict[str, Any] = dict.fromkeys(name for name in names if name)
        held = False
        for n, cell in enumerate(cells):
            value = _value(where, row, left + n, cell, formulas, n, nulls, names[n] in declared if n < len(names) else False)
            if value is None:
                continue
            if n >= len(names) or not names[n]:
                if strict:
                    message = f"{where}: cell {_letters(left + n)}{row} holds a value, and its column has no name"
                    raise ProgramError(message, "name the column in the header, or say where the table ends: `range: A1:F`")
                names += (_letters(left + m) for m in range(len(names), n + 1))
            record[names[n]] = value
            held = True
        if held:
            yield row, record


def _lettered(
    where: str,
    left: int,
    numbered: Iterator[tuple[int, tuple[Sequence[Any], Sequence[Any]]]],
    nulls: Collection[str],
    declared: Collection[str],
) -> tuple[Sequence[str], Rows]:
    """A table without a header, whose columns are called by their letters."""
    names: list[str] = []
    rows = _rows(where, names, left, numbered, nulls, declared, strict=False)
    first = next(rows, None)
    if first is None:
        raise ProgramError(f"{where} holds no values", "correct `sheet:` or `range:`", place=("source",))

    def all() -> Rows:
        assert first is not None
        yield first
        yield from rows

    return names, all()


def _value(
    where: str,
    row: int,
    column: int,
    cell: Any,
    formulas: Sequence[Any],
    n: int,
    nulls: Collection[str],
    declared: bool,
) -> Any:
    value = cell.value
    if value is None:
        if getattr(cell, "data_type", None) == "str":  # the formula gave a text without any sign: the cell shows nothing
            return None
        if n < len(formulas) and formulas[n].value is not None:
            message = f"{where}: cell {_letters(column)}{row} holds a formula, and the file has no value of it"
            raise ProgramError(message, "open it in Excel and save it again, so that it is computed")
        return None
    if isinstance(value, str):
        if value in nulls:
            return None
        if cell.data_type == "e" and not declared:
            help = f"correct the formula, or let it mean no value: `null: '{value}'`"
            raise ProgramError(f"{where}: cell {_letters(column)}{row} holds the error {value}", help)
        return value
    if isinstance(value, datetime.datetime) and value.time() == _MIDNIGHT:
        from openpyxl.styles.numbers import is_datetime

        return value.date() if is_datetime(cell.number_format) == "date" else value
    return value


def _letters(column: int) -> str:
    made = ""
    while column:
        column, digit = divmod(column - 1, 26)
        made = chr(ord("A") + digit) + made
    return made
