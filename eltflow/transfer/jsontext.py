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
        case bytes() | bytearray() | memoryview():
            return json.dumps(base64.b64encode(value).decode())
        case Mapping():
            return "{" + ", ".join(f"{dumps(str(key))}: {dumps(inner)}" for key, inner in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(dumps, value)) + "]"
    return json.dumps(str(value), ensure_ascii=False)
