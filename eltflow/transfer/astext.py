"""Values of drivers as the text of a `Source`."""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal
from typing import Any

from eltflow.transfer.jsontext import dumps, interval

_MARKS = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def as_text(value: Any) -> str:
    """A value of a driver as `transfer.Source.text` has it."""
    match value:
        case None:
            return "\\N"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return repr(value)
        case Decimal():
            return format(value, "f")
        case bytes() | bytearray() | memoryview():
            return "\\\\x" + bytes(value).hex()
        case datetime.datetime() if value.tzinfo is not None:
            return value.astimezone(datetime.UTC).isoformat(sep=" ")
        case datetime.datetime():
            return value.isoformat(sep=" ")
        case datetime.date() | datetime.time():
            return value.isoformat()
        case datetime.timedelta():
            return interval(value)
        case uuid.UUID():
            return str(value)
        case str():
            return value.translate(_MARKS)
    return dumps(value).translate(_MARKS)
