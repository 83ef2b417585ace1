"""Values of rows as JSON, and spans of time as text."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from eltflow.transfer.jsontext import NotJson, dumps, interval


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (dt.timedelta(), "00:00:00"),
        (dt.timedelta(days=1), "1 day"),
        (dt.timedelta(days=32, seconds=3), "32 days 00:00:03"),
        (dt.timedelta(hours=1, minutes=30, microseconds=500_000), "01:30:00.5"),
        (dt.timedelta(seconds=-1), "-00:00:01"),
        (-dt.timedelta(days=2, hours=3), "-2 days -03:00:00"),
    ],
)
def test_spans_of_time(value: dt.timedelta, text: str) -> None:
    assert interval(value) == text
    assert dumps(value) == f'"{text}"'


def test_values() -> None:
    row = {
        "a": Decimal("1.10"), "b": 0.1, "c": None, "d": True, "e": b"\x00\xff", "f": [1, {"g": dt.date(2026, 1, 31)}], "h": 'é "x"', "i": 2**70,
        "j": Decimal("1E+3"), "k": dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC),
    }  # fmt: skip
    assert dumps(row) == (
        '{"a": 1.10, "b": 0.1, "c": null, "d": true, "e": "AP8=", "f": [1, {"g": "2026-01-31"}], "h": "é \\"x\\"", "i": 1180591620717411303424,'
        ' "j": 1000, "k": "2026-01-31T12:00:00+00:00"}'
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("NaN"), Decimal("-Infinity")])
def test_what_json_has_no_number_for(value: object) -> None:
    with pytest.raises(NotJson, match="is no number in JSON"):
        dumps([value])
