"""Types: DuckDB's as Snowflake's, and Snowflake's as its catalog, its results and our statements all spell them.

The precision of times is left out: every statement of ours makes them with nine digits, and the catalog of some servers does not tell it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

#: DuckDB's types → Snowflake's. What is not here has no type that keeps all of it.
_TYPES: Mapping[str, str] = {
    "BOOLEAN": "BOOLEAN",
    "TINYINT": "NUMBER(38,0)",
    "SMALLINT": "NUMBER(38,0)",
    "INTEGER": "NUMBER(38,0)",
    "BIGINT": "NUMBER(38,0)",
    "HUGEINT": "NUMBER(38,0)",
    "UTINYINT": "NUMBER(38,0)",
    "USMALLINT": "NUMBER(38,0)",
    "UINTEGER": "NUMBER(38,0)",
    "UBIGINT": "NUMBER(38,0)",
    "UHUGEINT": "NUMBER(38,0)",
    "FLOAT": "FLOAT",
    "DOUBLE": "FLOAT",
    "VARCHAR": "VARCHAR",
    "ENUM": "VARCHAR",
    "UUID": "VARCHAR",
    "BIT": "VARCHAR",
    "BLOB": "BINARY",
    "DATE": "DATE",
    "TIME": "TIME",
    "TIME_NS": "TIME",
    "TIMESTAMP": "TIMESTAMP_NTZ",
    "TIMESTAMP_S": "TIMESTAMP_NTZ",
    "TIMESTAMP_MS": "TIMESTAMP_NTZ",
    "TIMESTAMP_NS": "TIMESTAMP_NTZ",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP_TZ",
    "JSON": "VARCHAR",
    "MAP": "VARCHAR",
    "UNION": "VARCHAR",
    "STRUCT": "VARIANT",
    '"NULL"': "VARCHAR",  # of a column that has no value in any file
}
#: The other way round, where a type keeps what it was read as; what is not here is read as text.
_READ_AS: Mapping[str, str] = {
    "BOOLEAN": "BOOLEAN",
    "FLOAT": "DOUBLE",
    "BINARY": "BLOB",
    "DATE": "DATE",
    "TIME": "TIME",
    "TIMESTAMP_NTZ": "TIMESTAMP",
    "TIMESTAMP_TZ": "TIMESTAMP WITH TIME ZONE",
    "TIMESTAMP_LTZ": "TIMESTAMP WITH TIME ZONE",
}
_ALIASES = {"TEXT": "VARCHAR", "FIXED": "NUMBER", "REAL": "FLOAT"}
#: Words for whole numbers, which are all the same type; a catalog may give back the one that was written.
_WHOLE = ("INT", "INTEGER", "BIGINT", "SMALLINT", "TINYINT", "BYTEINT")
#: Lengths that a column has for which none was named (before and since 2025).
_UNBOUNDED = {"VARCHAR": (16_777_216, 134_217_728), "BINARY": (8_388_608, 67_108_864)}
_DECIMAL = re.compile(r"DECIMAL\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)\Z")
_NUMBER = re.compile(r"NUMBER\((\d+),(\d+)\)\Z")
_LENGTH = re.compile(r"(VARCHAR|BINARY)(?:\((\d+)\))?\Z")


def spelt(name: str, precision: int | None = None, scale: int | None = None, length: int | None = None) -> str:
    """A type by the name and the figures that the catalog or a result tells."""
    kind = _ALIASES.get(name.upper(), name.upper())
    if kind in _WHOLE:
        return "NUMBER(38,0)"
    if kind == "NUMBER" and precision is not None:
        return f"NUMBER({precision},{scale or 0})"
    if kind in _UNBOUNDED and length is not None and length not in _UNBOUNDED[kind]:
        return f"{kind}({length})"
    return kind


def kept(type: str) -> str | None:
    """Snowflake's type that keeps every value of DuckDB's; None if there is none. (A whole number of more than 38 digits is refused.)"""
    upper = " ".join(type.upper().split())
    decimal = _DECIMAL.match(upper)
    if decimal is not None:
        return f"NUMBER({decimal.group(1)},{decimal.group(2)})"
    return "VARIANT" if upper.endswith("]") else _TYPES.get(upper.split("(")[0].strip())


def read_as(type: str) -> str:
    """The DuckDB type as which values for a column of this type are read."""
    number = _NUMBER.match(type)
    if number is None:
        return _READ_AS.get(type, "VARCHAR")
    precision, scale = int(number.group(1)), int(number.group(2))
    return "BIGINT" if (precision, scale) == (38, 0) else f"DECIMAL({precision},{scale})"


def widened(type: str, other: str) -> str | None:
    """The type that takes values of both, text or numbers of one scale (all that ALTER TABLE can change where there are rows); None if
    there is nothing to do, or nothing that can be done."""
    if holds(type, other):
        return None
    mine, its = _NUMBER.match(type), _NUMBER.match(other)
    if mine is not None and its is not None:
        return other if mine.group(2) == its.group(2) else None
    own, given = _LENGTH.match(type), _LENGTH.match(other)
    return other if own is not None and given is not None and own.group(1) == given.group(1) else None


def holds(type: str, other: str) -> bool:
    """Whether a column of a type takes every value of another one as it is: text as long, numbers with as many digits on both sides."""
    mine, its = _NUMBER.match(type), _NUMBER.match(other)
    if mine is not None and its is not None:
        (p, s), (q, t) = ((int(m.group(1)), int(m.group(2))) for m in (mine, its))
        return s >= t and p - s >= q - t
    own, given = _LENGTH.match(type), _LENGTH.match(other)
    if own is not None and given is not None and own.group(1) == given.group(1):
        return own.group(2) is None or (given.group(2) is not None and int(own.group(2)) >= int(given.group(2)))
    return type == other
