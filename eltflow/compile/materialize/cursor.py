"""Values of cursors: from text, and so far back of one."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from eltflow.compile.program import Job, ProgramError
from eltflow.project.steps import LOOKBACK
from eltflow.transfer import Since

_MOMENTS = ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE")
_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")


def valued(text: str, type: str, column: str, place: tuple[str, ...] = ("cursor", "column")) -> Any:
    """The value that a text is, for a column of the type as DuckDB spells it. Raises ProgramError for what cannot be a cursor's."""
    try:
        if type in _WHOLE:
            return int(text)
        if type.startswith("DECIMAL("):
            number = Decimal(text)
            return number if number.is_finite() else _refuse(text, type, column, place)
        if type == "DATE":
            return datetime.date.fromisoformat(text)
        if type in _MOMENTS:
            moment = datetime.datetime.fromisoformat(text)
            if type == "TIMESTAMP":
                return moment if moment.tzinfo is None else _refuse(text, type, column, place)
            return moment.replace(tzinfo=datetime.UTC) if moment.tzinfo is None else moment
        if type == "VARCHAR":
            return text
    except (ValueError, InvalidOperation):
        return _refuse(text, type, column, place)
    help = "name a column of whole numbers, decimals, days, points in time or text"
    raise ProgramError(f"`{column}` is {type}, and cannot be a cursor", help, place=("cursor", "column"))


def _refuse(text: str, type: str, column: str, place: tuple[str, ...]) -> Any:
    help = f"write a {type}" if place[-1] == "initial" else "leave such rows out with `query:`, for nothing can come after them"
    raise ProgramError(f"the cursor `{column}` is {type}, and cannot go on from `{text}`", help, place=place)


def name_of(cursor: Mapping[str, Any]) -> str:
    """What the step calls its cursor: a column, or the token that its function gives."""
    return str(cursor.get("column") or cursor["token"])


def bounds(job: Job, column: str, type: str) -> tuple[Any, Any]:
    """The values of a cursor that a backfill, or the interval of a run, goes from and up to. Raises ProgramError for what are none, or do not
    follow each other."""
    assert job.backfill is not None
    if job.interval:
        return _interval(job.backfill, column, type)
    values = []
    for text in job.backfill:
        try:
            values.append(valued(text, type, column))
        except ProgramError:
            raise ProgramError(
                f"`--backfill {' '.join(job.backfill)}`: `{text}` is no {type}, like the cursor `{column}`", "write one"
            ) from None
    if not values[0] < values[1]:
        message = f"`--backfill {' '.join(job.backfill)}` holds nothing: it ends where it begins, or before"
        raise ProgramError(message, "write the earlier one first; rows at the second are left out")
    return values[0], values[1]


def _interval(texts: tuple[str, str], column: str, type: str) -> tuple[Any, Any]:
    """Of a cursor of days, every day that the interval touches."""
    start, end = map(datetime.datetime.fromisoformat, texts)
    if type == "DATE":
        last = end.date() if end.time() == datetime.time() else end.date() + datetime.timedelta(days=1)
        return start.date(), last
    if type not in _MOMENTS:
        help = "take `interval` out, or name a column of days or points in time"
        raise ProgramError(f"the cursor `{column}` is {type}, and a run's interval is of times", help, place=("cursor", "interval"))
    return (start, end) if type == "TIMESTAMP" else (start.replace(tzinfo=datetime.UTC), end.replace(tzinfo=datetime.UTC))


def since(column: str, type: str, value: Any, lookback: object) -> Since:
    """What is read: from `lookback` before the value on. Raises ProgramError where that cannot be told."""
    if lookback is None:
        return Since(column, type, value)
    told = LOOKBACK.fullmatch(str(lookback))
    assert told is not None  # as the step was read
    amount, unit = Decimal(told.group(1)), told.group(2)
    timed = isinstance(value, datetime.date)
    if timed != (unit is not None) or isinstance(value, str):
        _misfit(
            lookback,
            column,
            type,
            "give it a time like `1 hour`" if timed else "give it a number, and none where the cursor is text",
        )
    if unit is None:
        return Since(column, type, value - (math.ceil(amount) if isinstance(value, int) else amount))
    back = datetime.timedelta(**{f"{unit}s": float(amount)})
    if not isinstance(value, datetime.datetime) and back % datetime.timedelta(days=1):
        _misfit(lookback, column, type, "give it whole days")
    try:
        return Since(column, type, value - back)
    except OverflowError:  # before the first of all days
        return Since(column, type, _least(value))


def _misfit(lookback: object, column: str, type: str, help: str) -> NoReturn:
    message = f"`lookback` is `{lookback}`, and the cursor `{column}` is {type}"
    raise ProgramError(message, help, place=("cursor", "lookback"))


def _least(value: datetime.date) -> datetime.date:
    """The first of its kind."""
    return datetime.datetime.min.replace(tzinfo=value.tzinfo) if isinstance(value, datetime.datetime) else datetime.date.min
