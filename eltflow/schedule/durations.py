"""Spans of time as people write them: `30 s`, `2 h`, `1 day`."""

from __future__ import annotations

import re

_UNITS = {"s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600, "d": 86400, "day": 86400}
_WRITTEN = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+?)s?")
HELP = "write it like `30 s`, `15 min`, `2 h` or `1 day`"


def seconds(text: str) -> float | None:
    """The seconds of a span; None if it is none, or of no length."""
    found = _WRITTEN.fullmatch(text.strip().lower())
    unit = _UNITS.get(found.group(2)) if found is not None else None
    return float(found.group(1)) * unit or None if found is not None and unit is not None else None
