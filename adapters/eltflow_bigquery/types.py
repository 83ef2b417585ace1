"""Types: DuckDB's as BigQuery's, and BigQuery's as its catalog, its results and our statements all spell them.

Lengths, precisions and scales are left out: a query's result does not tell them ("Parameterized data types").
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

#: DuckDB's types → BigQuery's. What is not here has no type that keeps all of it.
_TYPES: Mapping[str, str] = {
    "BOOLEAN": "BOOL",
    "TINYINT": "INT64",
    "SMALLINT": "INT64",
    "INTEGER": "INT64",
    "BIGINT": "INT64",
    "UTINYINT": "INT64",
    "USMALLINT": "INT64",
    "UINTEGER": "INT64",
    "UBIGINT": "NUMERIC",
    "HUGEINT": "BIGNUMERIC",
    "UHUGEINT": "BIGNUMERIC",
    "FLOAT": "FLOAT64",
    "DOUBLE": "FLOAT64",
    "VARCHAR": "STRING",
    "ENUM": "STRING",
    "UUID": "STRING",
    "BIT": "STRING",
    "BLOB": "BYTES",
    "DATE": "DATE",
    "TIME": "TIME",
    "TIME_NS": "STRING",  # BigQuery's times have microseconds
    "TIMESTAMP": "DATETIME",
    "TIMESTAMP_S": "DATETIME",
    "TIMESTAMP_MS": "DATETIME",
    "TIMESTAMP_NS": "STRING",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
    "JSON": "JSON",
    "MAP": "JSON",
    "UNION": "JSON",
    "STRUCT": "JSON",  # an ARRAY cannot be NULL, and none can be of arrays
    '"NULL"': "STRING",  # of a column that has no value in any file
}
#: The other way round, where a type keeps what it was read as; what is not here is read as text.
_READ_AS: Mapping[str, str] = {
    "BOOL": "BOOLEAN",
    "INT64": "BIGINT",
    "FLOAT64": "DOUBLE",
    "NUMERIC": "DECIMAL(38,9)",
    "BYTES": "BLOB",
    "DATE": "DATE",
    "TIME": "TIME",
    "DATETIME": "TIMESTAMP",
    "TIMESTAMP": "TIMESTAMP WITH TIME ZONE",
}
#: The types of parts of nested values that come out of JSON as they went in.
_PARTS: Mapping[str, str] = {
    "STRING": "VARCHAR",
    "JSON": "JSON",
    **{type: read for type, read in _READ_AS.items() if type != "BYTES"},
}
_ALIASES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "DECIMAL": "NUMERIC", "BIGDECIMAL": "BIGNUMERIC"}
#: Types that a column of another one takes as they are.
_HELD = {"NUMERIC": ("INT64",), "BIGNUMERIC": ("INT64", "NUMERIC")}
#: What a Parquet file holds of the types that a file of rows is sent in, as the table has it that the file is loaded into.
STAGED: Mapping[str, str] = {
    **dict.fromkeys(("BOOLEAN",), "BOOL"),
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"), "INT64"),
    **dict.fromkeys(("FLOAT", "DOUBLE"), "FLOAT64"),
    "DATE": "DATE",
    "BLOB": "BYTES",
}
_DECIMAL = re.compile(r"DECIMAL\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)\Z")
_PARAMETERS = re.compile(r"\(\s*[\d\s,]+\)")


def spelt(type: str) -> str:
    """A type as the catalog writes it, without its figures, in the words of the standard dialect."""
    plain = _PARAMETERS.sub("", type).strip()
    return _ALIASES.get(plain.upper(), plain.upper() if "<" not in plain else plain)


def of_field(field: Any) -> str:
    """The type of a column of a result (`google.cloud.bigquery.SchemaField`)."""
    kind = spelt(field.field_type)
    if kind in ("RECORD", "STRUCT"):
        kind = f"STRUCT<{', '.join(f'{inner.name} {of_field(inner)}' for inner in field.fields)}>"
    return f"ARRAY<{kind}>" if field.mode == "REPEATED" else kind


def kept(type: str) -> str | None:
    """BigQuery's type that keeps every value of DuckDB's; None if there is none."""
    upper = " ".join(type.upper().split())
    decimal = _DECIMAL.match(upper)
    if decimal is not None:
        precision, scale = int(decimal.group(1)), int(decimal.group(2))
        return "NUMERIC" if scale <= 9 and precision - scale <= 29 else "BIGNUMERIC"
    return "JSON" if upper.endswith("]") else _TYPES.get(upper.split("(")[0].strip())


def read_as(type: str) -> str:
    """The DuckDB type as which values for a column of this type are read."""
    return _READ_AS.get(type, "VARCHAR")


def given_as(type: str) -> str:
    """The DuckDB type of what a query gives for this type: STRUCT and ARRAY by their parts. One of which a part is no more than text in
    JSON (bytes, intervals, what has too many digits) is text as a whole."""
    return (_given(type)[0] or "VARCHAR") if "<" in type else read_as(type)


def _given(text: str) -> tuple[str | None, str]:
    """The DuckDB type of the one that a text begins with, and what follows it."""
    if text.startswith("ARRAY<"):
        inner, rest = _given(text[len("ARRAY<") :])
        return (f"{inner}[]" if inner is not None else None), rest[1:]
    if text.startswith("STRUCT<"):
        parts, rest = [], text[len("STRUCT<") :]
        while rest and not rest.startswith(">"):
            name, _, rest = rest.removeprefix(", ").partition(" ")
            inner, rest = _given(rest)
            parts.append(None if inner is None else f'"{name}" {inner}')
        known = [part for part in parts if part is not None]
        return (f"STRUCT({', '.join(known)})" if len(known) == len(parts) else None), rest[1:]
    end = min((at for at in (text.find(","), text.find(">")) if at >= 0), default=len(text))
    return _PARTS.get(text[:end]), text[end:]


def holds(type: str, other: str) -> bool:
    """Whether a column of a type takes every value of another one as it is."""
    mine, its = spelt(type), spelt(other)
    return mine == its or its in _HELD.get(mine, ())
