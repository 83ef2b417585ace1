"""JSON of rows: numbers as they are, a DECIMAL with all its digits."""

from __future__ import annotations

import base64
import datetime
import json
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any


class NotJson(ValueError):
    """A value that JSON has no word for."""


def interval(value: datetime.timedelta) -> str:
    """A span of time as engines write it: 2 days 03:04:05.5."""
    sign, rest = ("-", -value) if value < datetime.timedelta() else ("", value)
    seconds, micros = rest.seconds, rest.microseconds
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}" + (f".{micros:06}".rstrip("0") if micros else "")
    days = f"{sign}{rest.days} day{'s' if rest.days != 1 else ''}" if rest.days else ""
    return " ".join(part for part in (days, f"{sign}{clock}" if rest.seconds or micros or not rest.days else "") if part)


def dumps(value: Any) -> str:
    """The value as JSON: moments and days as ISO 8601 has them, bytes in base64, anything else that is unknown as its text. Raises NotJson for
    a number that is none (NaN, infinity)."""
    match value:
        case None | bool() | int() | str():
            return json.dumps(value, ensure_ascii=False)
        case float() | Decimal():
            if not math.isfinite(value):
                raise NotJson(f"{value} is no number in JSON")
            return format(value, "f") if isinstance(value, Decimal) else json.dumps(value)
        case datetime.datetime() | datetime.date() | datetime.time():
            return json.dumps(value.isoformat())
        case datetime.timedelta():
            return json.dumps(interval(value))
        case bytes() | bytearray() | memoryview():
            return json.dumps(base64.b64encode(value).decode())
        case Mapping():
            return "{" + ", ".join(f"{dumps(str(key))}: {dumps(inner)}" for key, inner in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(dumps, value)) + "]"
    return json.dumps(str(value), ensure_ascii=False)
