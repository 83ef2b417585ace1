"""Names of types."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.errors import SqlglotError


def same_type(one: str, other: str, dialect: str) -> bool:
    """Whether two spellings mean one type: `text` and VARCHAR, `int` and INTEGER."""
    try:
        return bool(exp.DataType.build(one, dialect=dialect) == exp.DataType.build(other, dialect=dialect))
    except SqlglotError:
        return "".join(one.split()).lower() == "".join(other.split()).lower()
