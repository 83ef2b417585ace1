"""The rows of a `Source` as Python's values, each as the column takes it that it goes into."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from eltflow.transfer import Source, plain
from eltflow.warehouse import WarehouseError

#: What makes a value of the text that a source gives; raises ValueError, with the reason, for a text that the column does not take.
Reads = Callable[[str], Any]
_FINER = re.compile(r"[.,]\d{6}\d*[1-9]")
T = TypeVar("T", datetime.date, datetime.time, datetime.datetime)
_TAKEN: Mapping[type[Any], str] = {
    datetime.date: "it takes days of the years 1 to 9999",
    datetime.time: "it takes times of a day",
    datetime.datetime: "it takes times of the years 1 to 9999",
}


def batches(source: Source, names: Sequence[str], reads: Sequence[Reads]) -> Iterator[list[tuple[Any, ...]]]:
    """The rows, a few thousand at a time. Raises WarehouseError with row and column of a value that its column does not take."""
    number = 0
    for text in source.text():
        made = []
        for line in text.decode().split("\n")[:-1]:
            number += 1
            values = line.split("\t")
            try:
                made.append(tuple(_value(value, read) for value, read in zip(values, reads, strict=True)))
            except (ValueError, OverflowError):
                raise _refused(values, names, reads, number) from None
        yield made


def _value(text: str, read: Reads) -> Any:
    if text == "\\N":
        return None
    return read(plain(text) if "\\" in text else text)


def _refused(values: Sequence[str], names: Sequence[str], reads: Sequence[Reads], row: int) -> WarehouseError:
    """What is wrong with the first value of a row that is refused."""
    for value, name, read in zip(values, names, reads, strict=True):
        try:
            _value(value, read)
        except (ValueError, OverflowError) as error:
            shown = value if len(value) <= 60 else value[:60] + "…"
            return WarehouseError(f"the column `{name}` does not take `{shown}`: {error} (row {row})")
    raise AssertionError


def whole(least: int, most: int) -> Reads:
    """Reads whole numbers in this range."""

    def read(text: str) -> int:
        number = int(text)
        if not least <= number <= most or "_" in text:
            raise ValueError(f"it takes whole numbers from {least} to {most}")
        return number

    return read


def boolean(text: str) -> int:
    """1 and 0 for what people write for true and false."""
    lowered = text.strip().lower()
    if lowered in ("true", "t", "1", "yes", "y", "on"):
        return 1
    if lowered in ("false", "f", "0", "no", "n", "off"):
        return 0
    raise ValueError("it takes true and false")


def binary(text: str) -> bytes:
    """Bytes from `\\x` and hex digits, or else the text's own in UTF-8."""
    return bytes.fromhex(text[2:]) if text.startswith("\\x") else text.encode()


def day(text: str) -> str:
    """A day of the years 1 to 9999, as ISO 8601 has it."""
    return _iso(datetime.date, text).isoformat()


def clock(text: str) -> str:
    """A time of the day, in microseconds at the finest."""
    _coarse(text)
    return _iso(datetime.time, text).isoformat()


def moment(text: str) -> datetime.datetime:
    """A point in time, in microseconds at the finest, with the zone that the text names, if it names one."""
    _coarse(text)
    return _iso(datetime.datetime, text)


def _iso(kind: type[T], text: str) -> T:
    """Raises ValueError that says what is taken, where Python's own names the function that is called here."""
    try:
        return kind.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(_TAKEN[kind]) from None


def _coarse(text: str) -> None:
    """Raise ValueError for a part of a microsecond, which Python leaves out in silence."""
    if _FINER.search(text):
        raise ValueError("it takes microseconds at the finest")


def in_utc(text: str) -> datetime.datetime:
    """A point in time in UTC, which is what is meant where no zone is named."""
    given = moment(text)
    return given.astimezone(datetime.UTC) if given.tzinfo is not None else given.replace(tzinfo=datetime.UTC)
