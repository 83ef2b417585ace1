"""Names of types."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.errors import SqlglotError

from eltflow.sql.lineage import expressions_of
from eltflow.sql.parse import Parsed, parse

#: Types of which no engine takes one for another: what a cast makes is of the same family as what the table says of it.
_FAMILIES = {
    "a number": "INT BIGINT SMALLINT TINYINT MEDIUMINT UINT UBIGINT USMALLINT UTINYINT DECIMAL BIGDECIMAL FLOAT DOUBLE BOOLEAN BIT",
    "a text": "TEXT VARCHAR CHAR NCHAR NVARCHAR TINYTEXT MEDIUMTEXT LONGTEXT NAME",
    "a date": "DATE",
    "a timestamp": "TIMESTAMP TIMESTAMPTZ TIMESTAMPNTZ TIMESTAMPLTZ DATETIME DATETIME2 SMALLDATETIME TIMESTAMP_S TIMESTAMP_MS TIMESTAMP_NS",
    "JSON": "JSON JSONB",
    "bytes": "VARBINARY BINARY BLOB",
    "a UUID": "UUID",
}
_FAMILY = {kind: family for family, kinds in _FAMILIES.items() for kind in kinds.split()}


def same_type(one: str, other: str, dialect: str) -> bool:
    """Whether two spellings mean one type: `text` and VARCHAR, `int` and INTEGER."""
    try:
        return bool(exp.DataType.build(one, dialect=dialect) == exp.DataType.build(other, dialect=dialect))
    except SqlglotError:
        return "".join(one.split()).lower() == "".join(other.split()).lower()


def family(type: str, dialect: str) -> str | None:
    """What kind of values a type has, in words; None for one that is not known."""
    try:
        return _FAMILY.get(exp.DataType.build(type, dialect=dialect).this.name)
    except SqlglotError:
        return None


def cast_types(sql: str, dialect: str) -> dict[str, str]:
    """The types of those columns of a query that are casts, by name: what they are is sure without asking an engine."""
    parsed = parse(sql, dialect)
    # What a set operation gives is of a type that suits all of its arms.
    if not isinstance(parsed, Parsed) or parsed.tree is None or parsed.tree.find(exp.SetOperation) is not None:
        return {}
    made = {}
    for name, value in expressions_of(parsed).items():
        inner = value.unnest()
        if isinstance(inner, (exp.Cast, exp.TryCast)):
            made[name] = inner.to.sql(dialect=dialect)
    return made
