"""Failing rows of a test as text."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from eltflow.events import StepResult
from eltflow.transfer.jsontext import interval

_WIDTH = 60


def shown_rows(result: StepResult) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The names of the columns and the rows of a test's sample, as text. What is personal in them was masked when they were fetched."""
    return result.sample_columns, [tuple(map(text, row)) for row in result.sample]


def table_text(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Names and rows under each other, in columns."""
    lines = [list(columns), *(list(row) for row in rows)]
    widths = [max((len(line[i]) for line in lines), default=0) for i in range(len(columns))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines)


def as_text(value: Any) -> str:
    """A value that JSON and people have no words for: bytes as `\\x` and hex digits, spans of time as engines write them, everything else as
    it writes itself."""
    if isinstance(value, datetime.timedelta):
        return interval(value)
    return f"\\x{bytes(value).hex()}" if isinstance(value, bytes | bytearray | memoryview) else str(value)


def text(value: Any) -> str:
    """A value on one line."""
    if value is None:
        return "NULL"
    shown = " ".join(as_text(value).split())
    return shown if len(shown) <= _WIDTH else f"{shown[: _WIDTH - 1]}…"
