"""The types of columns, as DuckDB spells them, by the Python values that they hold; and those values as JSON.

A value keeps the kind that it has in Python: a text that looks like a day stays a text, a whole number stays one up to 38 digits.
"""

from __future__ import annotations

import datetime
import json
import math
import uuid
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from typing import Any

_FLOATS = 2**53  #: whole numbers up to that are kept by a DOUBLE
_LONG = 2**63
_WIDE = 10**38
_FIELDS = 100  #: a mapping of more keys than that is no structure, but holds data in its keys
_WORDS = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a floating-point number",
    "decimal": "a decimal",
    "str": "a text",
    "bytes": "bytes",
    "date": "a day",
    "datetime": "a point in time without a zone",
    "moment": "a point in time with a zone",
    "time": "a time of day",
    "timedelta": "a length of time",
    "uuid": "a UUID",
    "list": "a list",
    "struct": "a mapping",
    "json": "nested values",
}
_TYPES = {
    "": "VARCHAR",
    "bool": "BOOLEAN",
    "float": "DOUBLE",
    "str": "VARCHAR",
    "bytes": "BLOB",
    "date": "DATE",
    "datetime": "TIMESTAMP",
    "moment": "TIMESTAMP WITH TIME ZONE",
    "time": "TIME",
    "timedelta": "INTERVAL",
    "uuid": "UUID",
    "json": "JSON",
}
#: The first class that a value is of says its kind.
_KINDS: Sequence[tuple[type | tuple[type, ...], str]] = (
    (bool, "bool"),
    (int, "int"),
    (float, "float"),
    (str, "str"),
    (datetime.datetime, "datetime"),
    (datetime.date, "date"),
    (datetime.time, "time"),
    (datetime.timedelta, "timedelta"),
    (Decimal, "decimal"),
    ((bytes, bytearray, memoryview), "bytes"),
    (uuid.UUID, "uuid"),
    (Mapping, "struct"),
    ((list, tuple), "list"),
)
#: Kinds of one column of which the second keeps what the first holds.
_TAKES = {("date", "datetime"), ("int", "decimal"), ("list", "json"), ("struct", "json")}
#: Those that must be looked at value by value.
_VARY = frozenset({"int", "decimal", "list", "struct", "datetime", "moment", "time"})


class Unfit(Exception):
    """A value that no column holds, or not beside the others: what is wrong, and what helps."""

    def __init__(self, message: str, help: str) -> None:
        super().__init__(message)
        self.message, self.help = message, help


class _Slot:
    """What is known of a column, or of a part of a nested value."""

    __slots__ = ("after", "before", "fields", "item", "kind", "most", "since")

    def __init__(self) -> None:
        self.kind = ""
        self.most = 0  # of whole numbers: the largest there is, without its sign
        self.before = self.after = 0  # of decimals: digits on both sides of the point
        self.item: _Slot | None = None
        self.fields: dict[str, _Slot] = {}
        self.since = 0  # the record that it was first seen in

    def take(self, value: Any, number: int) -> None:
        """Take in one more value. Raises Unfit for one that is of another kind than those before."""
        if value is None:
            return
        kind = kind_of(value)
        if not self.kind:
            self.since = number
        self.kind = self._both(kind, value, number)
        if kind == "int":
            self.most = max(self.most, value, -value)
            if self.kind == "float" and self.most > _FLOATS:
                raise Unfit(f"holds floating-point numbers, and in record {number} a whole number that is none of them", _DECLARE)
            if self.most >= _WIDE:
                raise Unfit(f"holds a whole number of more than 38 digits in record {number}", "declare it: `data_type: text`")
        elif kind == "float" and self.most > _FLOATS:
            raise Unfit(f"holds a floating-point number in record {number}, and whole numbers that are none before", _DECLARE)
        elif kind == "decimal":
            self._digits(value, number)
        elif kind == "list" and self.kind == "list":
            self.item = self.item or _Slot()
            for inner in value:
                self.item.nested(inner, number)
        elif kind == "struct" and self.kind == "struct":
            for name, inner in value.items():
                if not isinstance(name, str) or not name:
                    self.kind = "json"
                    return
                if name not in self.fields:
                    self.fields[name] = _Slot()
                    if len(self.fields) > _FIELDS or len({f.lower() for f in self.fields}) < len(self.fields):
                        self.kind = "json"
                        return
                self.fields[name].nested(inner, number)

    def nested(self, value: Any, number: int) -> None:
        """Take in a part of a nested value: parts of several kinds are kept as JSON."""
        if self.kind == "json":
            return
        try:
            self.take(value, number)
        except Unfit:
            self.kind = "json"

    def _both(self, kind: str, value: Any, number: int) -> str:
        if self.kind in ("", kind):
            return kind
        if {self.kind, kind} == {"int", "float"}:
            return "float"
        if {self.kind, kind} == {"list", "struct"}:
            return "json"
        if (kind, self.kind) in _TAKES:
            return self.kind
        if (self.kind, kind) in _TAKES:
            return kind
        raise Unfit(f"holds {_WORDS[self.kind]} in record {self.since}, and {_WORDS[kind]} in record {number}", _DECLARE)

    def _digits(self, value: Decimal, number: int) -> None:
        if not value.is_finite():
            raise Unfit(f"holds a decimal that is no number in record {number}", "give None in its place")
        _, digits, exponent = value.as_tuple()
        assert isinstance(exponent, int)
        self.after = max(self.after, -exponent)
        self.before = max(self.before, len(digits) + exponent)
        if self.before + self.after > 38:
            raise Unfit(f"holds decimals of more than 38 digits, in record {number} too", "declare it: `data_type: text`")

    @property
    def type(self) -> str:
        if self.kind == "int":
            return "BIGINT" if self.most < _LONG else "HUGEINT"
        if self.kind == "decimal":
            whole = max(self.before, len(str(self.most)) if self.most else 0)
            if whole + self.after > 38:
                return "VARCHAR"
            return f"DECIMAL(38,{self.after})"
        if self.kind == "list":
            return "JSON" if self.item is None or not self.item.kind else f"{self.item.type}[]"
        if self.kind == "struct":
            inner = ", ".join(f"{quoted(name)} {slot.type}" for name, slot in self.fields.items())
            return f"STRUCT({inner})" if inner else "JSON"
        return _TYPES[self.kind]


_DECLARE = 'give values of one kind, or say under `columns=` what the column is: `{"data_type": ...}`'


def kind_of(value: Any) -> str:
    """The kind of a value. Raises Unfit for what is no value of a table."""
    for classes, kind in _KINDS:
        if isinstance(value, classes):
            if isinstance(value, datetime.datetime):
                if value != value:  # what pandas has for nothing
                    break
                return "moment" if value.tzinfo is not None else kind
            if isinstance(value, datetime.time) and value.tzinfo is not None:
                raise Unfit("holds a time of day with a zone, which no table can", "leave the zone out, or give a point in time")
            return kind
    raise Unfit(
        f"holds a {type(value).__module__}.{type(value).__qualname__}, which no table can", "turn it into a text or a number"
    )


class Columns:
    """The columns of records, as they come. Of those that are `declared`, values may be of any kind: they are read as text where they are of
    several."""

    def __init__(self, declared: Iterable[str] = ()) -> None:
        self._slots: dict[str, _Slot] = {}
        self._declared = frozenset(declared)
        self._mixed: set[str] = set()
        self._seen: dict[Any, tuple[str, ...]] = {}
        self._folded: dict[str, str] = {}

    def take(self, record: Mapping[str, Any], number: int) -> None:
        """Take in a record. Raises Unfit, whose message begins with the column."""
        shape = (tuple(record), tuple(map(type, record.values())))
        look = self._seen.get(shape)
        if look is None:
            for name, value in record.items():
                self._one(name, value, number)
            if len(self._seen) < 10_000:
                vary = (n for n, v in record.items() if v is not None and n not in self._mixed and kind_of(v) in _VARY)
                self._seen[shape] = tuple(vary)
            return
        for name in look:
            self._one(name, record[name], number)

    def _one(self, name: Any, value: Any, number: int) -> None:
        slot = self._slots.get(name)
        if slot is None:
            slot = self._slots[name] = self._new(name, number)
        if name in self._mixed:
            return
        try:
            slot.take(value, number)
        except Unfit as error:
            if name in self._declared:
                self._mixed.add(name)
                return
            raise Unfit(f"the column `{name}` {error.message}", error.help) from None

    def _new(self, name: Any, number: int) -> _Slot:
        if not isinstance(name, str) or not name:
            raise Unfit(f"record {number} has a key that is no name: {name!r}", "give every value a name, as a text")
        other = self._folded.setdefault(name.lower(), name)
        if other != name:
            raise Unfit(f"record {number} has a key `{name}`, and others have `{other}`", "write it one way")
        return _Slot()

    @property
    def types(self) -> dict[str, str]:
        return {name: "VARCHAR" if name in self._mixed else slot.type for name, slot in self._slots.items()}


def line(record: Mapping[str, Any]) -> str:
    """A record as one line of JSON. Raises Unfit."""
    try:
        return _ENCODE(record)
    except (ValueError, TypeError):
        return _ENCODE(_plain(record))


def _spelt(value: Any) -> Any:
    """What JSON has no value for, as a text that DuckDB reads as one of its type."""
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() else str(value)
    if isinstance(value, datetime.timedelta):
        return f"{value.days} days {value.seconds}.{value.microseconds:06} seconds"
    if isinstance(value, bytes | bytearray | memoryview):
        return "".join(f"\\x{byte:02X}" for byte in bytes(value))
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    kind_of(value)
    raise TypeError


def _plain(value: Any) -> Any:
    """A value without what JSON refuses: numbers that are none, keys that are no texts."""
    if isinstance(value, float) and not math.isfinite(value):
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def native(value: Any) -> Any:
    """A value as Python itself has it: numbers of numpy, what pandas has for nothing, members of enumerations."""
    if isinstance(value, Enum):
        return native(value.value)
    module = type(value).__module__
    if module.startswith("pandas") and value != value:
        return None
    if module == "numpy":
        return value.tolist()
    return value


def quoted(name: str) -> str:
    """A name in quotes, as DuckDB reads it."""
    return '"' + name.replace('"', '""') + '"'


_ENCODE = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_spelt, separators=(",", ":")).encode
__all__ = ["Columns", "Unfit", "line", "native", "quoted"]
