"""Files of rows: written beside the old one, which they replace whole; or here, and put where they belong."""

from __future__ import annotations

import csv
import datetime
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

from eltflow.base.temporary import alive, rows_folder
from eltflow.deliver.parquet import write_parquet
from eltflow.project.deliveries import format_of
from eltflow.project.steps import PLACES
from eltflow.transfer.jsontext import NotJson, dumps
from eltflow.warehouse.connection import Connection, telling
from eltflow.warehouse.protocols import FileReader
from eltflow.warehouse.values import Column, WarehouseError

#: What makes a spreadsheet take a text for a formula (OWASP, "CSV Injection").
_FORMULA = re.compile(r"[=+\-@\t\r]")
_OURS = "eltflow-tmp"
#: The most rows of a sheet (ECMA-376), the header among them.
_SHEET = 1_048_576


class OpenedFile:
    """The file of a delivery. Whoever makes it closes it."""

    def __init__(self, to: Mapping[str, Any], root: Path, day: datetime.date, reader: Callable[[], FileReader]) -> None:
        self.where = PLACES.sub(lambda place: day.isoformat(), str(to["path"]))
        self._to = to
        self._reader = reader  #: writes Parquet for an engine that does not
        self._path = root / self.where
        self._beside: Path | None = None

    def beside(self) -> str:
        """A path to write to, in the folder of the file, which is made. Raises WarehouseError."""
        with _told(self.where):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._sweep()
        self._beside = self._path.with_name(f".{self._path.name}.{_OURS}-{os.getpid()}-{secrets.token_hex(4)}")
        return str(self._beside)

    def write(self, columns: Sequence[Column], rows: Sequence[tuple[Any, ...]]) -> None:
        assert self._beside is not None
        names = [column.name for column in columns]
        match format_of(self._to):
            case "csv":
                with _told(self.where), self._beside.open("w", encoding="utf-8", newline="") as file:
                    writer = csv.writer(file, delimiter=str(self._to.get("delimiter") or self._usual))
                    writer.writerow(map(_cell, names))
                    writer.writerows([_cell(value) for value in row] for row in rows)
            case "json":
                with _told(self.where), self._beside.open("w", encoding="utf-8") as file:
                    file.writelines(f"{dumps(dict(zip(names, row, strict=True)))}\n" for row in rows)
            case "xlsx":
                with _told(self.where):
                    self._sheet(names, rows)
            case _:
                with _told(self.where):
                    write_parquet(self._reader(), str(self._beside), names, rows)

    @property
    def _usual(self) -> str:
        return "\t" if self.where.lower().endswith(".tsv") else ","

    def _sheet(self, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        from eltflow.base.plugins import driver

        if len(rows) >= _SHEET:
            message = f"{self.where}: a sheet has {_SHEET - 1:,} rows at most, and these are {len(rows):,}"
            raise WarehouseError(message, help="write `format: csv` or `parquet`, or send fewer rows")
        with driver("files of xlsx", "'eltflow[xlsx]'"):
            import openpyxl
            from openpyxl.cell import WriteOnlyCell

        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet("rows")

        def cells(values: Sequence[Any]) -> Iterator[Any]:
            for value in values:
                cell = WriteOnlyCell(sheet, _in_sheet(value))
                if isinstance(cell.value, str):
                    cell.data_type = "s"  # or a text that begins with = would be a formula
                yield cell

        for row in ([*names], *rows):
            sheet.append(cells(row))
        assert self._beside is not None
        book.save(self._beside)

    def publish(self) -> None:
        """Put what was written in the file's place, as one step. Raises WarehouseError."""
        assert self._beside is not None
        with _told(self.where):
            with self._beside.open("rb") as file:
                os.fsync(file.fileno())
            self._beside.replace(self._path)
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        self._beside = None

    def close(self) -> None:
        """Delete what was written and not published."""
        if self._beside is not None:
            with suppress(OSError):
                self._beside.unlink()

    def _sweep(self) -> None:
        """Delete what processes that are no more left of this file."""
        for left in self._path.parent.glob(f".{_escaped(self._path.name)}.{_OURS}-*"):
            pid = left.name.rpartition(f"{_OURS}-")[2].partition("-")[0]
            if pid.isdigit() and not alive(int(pid)):
                left.unlink(missing_ok=True)


class OpenedObject(OpenedFile):
    """A file of a delivery that is elsewhere: written here, and put there as a whole. Whoever makes it closes it."""

    def __init__(
        self, connection: Connection, to: Mapping[str, Any], root: Path, day: datetime.date, reader: Callable[[], FileReader]
    ) -> None:
        self._folder = rows_folder()
        super().__init__(to, Path(self._folder.name), day, reader)
        self._connection = connection
        self._root = root

    def publish(self) -> None:
        assert self._beside is not None
        with (
            telling(self._connection, "correct the delivery, or its connection"),
            closing(self._connection.reader.open(self._connection.values, self._root)) as files,
        ):
            files.put(str(self._beside), self.where)

    def close(self) -> None:
        self._folder.cleanup()


def _escaped(name: str) -> str:
    return re.sub(r"[*?\[]", lambda found: f"[{found.group(0)}]", name)


@contextmanager
def _told(where: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        kind = "disk" if error.errno in (28, 122) else "sql"
        raise WarehouseError(
            f"cannot write {where}: {error.strerror}",
            kind=kind,  # type: ignore[arg-type]
            help="see whether the folder can be written, and the disk has room",
        ) from None
    except NotJson as error:
        raise WarehouseError(f"cannot write {where}: {error}", help="leave such rows out, or cast the column") from None


def _cell(value: Any) -> Any:
    """A value as CSV has it; a text that a spreadsheet would take for a formula begins with an apostrophe."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float():
            return value
        case Decimal():
            return format(value, "f")
        case datetime.date() | datetime.time():
            return value.isoformat()
        case str():
            return f"'{value}" if _FORMULA.match(value) else value
    text = dumps(value)
    return text[1:-1] if text.startswith('"') else text


def _in_sheet(value: Any) -> Any:
    """A value as a sheet takes it: no time zones, no structures."""
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        return value.isoformat()
    if value is None or isinstance(value, bool | int | float | Decimal | datetime.date | datetime.time):
        return value
    return value if isinstance(value, str) else _cell(value)
