"""Types: DuckDB's as Spark's, and Spark's as its catalog, its results and our statements all spell them."""

from __future__ import annotations

import re
from collections.abc import Mapping

#: DuckDB's types → Spark's. What is not here has no type that keeps all of it. Spark's `timestamp` is a moment, as TIMESTAMP WITH TIME ZONE is.
_TYPES: Mapping[str, str] = {
    "BOOLEAN": "boolean",
    "TINYINT": "tinyint",
    "SMALLINT": "smallint",
    "INTEGER": "int",
    "BIGINT": "bigint",
    "HUGEINT": "decimal(38,0)",  # one of more digits is refused
    "UTINYINT": "smallint",
    "USMALLINT": "int",
    "UINTEGER": "bigint",
    "UBIGINT": "decimal(20,0)",
    "UHUGEINT": "decimal(38,0)",
    "FLOAT": "float",
    "DOUBLE": "double",
    "VARCHAR": "string",
    "ENUM": "string",
    "UUID": "string",
    "BIT": "string",
    "BLOB": "binary",
    "DATE": "date",
    "TIME": "string",
    "TIME_NS": "string",
    "TIMESTAMP": "timestamp_ntz",
    "TIMESTAMP_S": "timestamp_ntz",
    "TIMESTAMP_MS": "timestamp_ntz",
    "TIMESTAMP_NS": "string",  # Spark's have microseconds
    "TIMESTAMP WITH TIME ZONE": "timestamp",
    "INTERVAL": "string",
    "JSON": "string",
    "MAP": "string",
    "UNION": "string",
    "STRUCT": "string",
    '"NULL"': "string",  # of a column that has no value in any file
}
#: The other way round, where a type keeps what it was read as; what is not here is read as text.
_READ_AS: Mapping[str, str] = {
    "boolean": "BOOLEAN",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "binary": "BLOB",
    "date": "DATE",
    "timestamp_ntz": "TIMESTAMP",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
}
#: What SHOW TABLE EXTENDED calls types that have another name everywhere else.
_TOLD = {"integer": "int", "long": "bigint", "short": "smallint", "byte": "tinyint"}
_DECIMAL = re.compile(r"decimal\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)\Z", re.IGNORECASE)


def spelt(name: str) -> str:
    """The name of a type that has no parts, as SHOW TABLE EXTENDED tells it."""
    return _TOLD.get(name, name)


def kept(type: str) -> str | None:
    """Spark's type that keeps every value of DuckDB's; None if there is none. Nested values become JSON."""
    upper = " ".join(type.upper().split())
    decimal = _DECIMAL.match(upper)
    if decimal is not None:
        return f"decimal({decimal.group(1)},{decimal.group(2)})"
    return "string" if upper.endswith("]") else _TYPES.get(upper.split("(")[0].strip())


def read_as(type: str) -> str:
    """The DuckDB type as which values for a column of this type are read."""
    decimal = _DECIMAL.match(type)
    if decimal is not None:
        return f"DECIMAL({decimal.group(1)},{decimal.group(2)})"
    return _READ_AS.get(type, "VARCHAR")
