"""What an expression is, as far as its text shows: columns have no type here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlglot import exp

_DATA: Mapping[str, frozenset[Any]] = {
    "text": frozenset(exp.DataType.TEXT_TYPES),
    "integer": frozenset(exp.DataType.INTEGER_TYPES),
    "double": frozenset(exp.DataType.FLOAT_TYPES),
    "decimal": frozenset([exp.DataType.Type.DECIMAL, exp.DataType.Type.BIGDECIMAL]),
    "boolean": frozenset([exp.DataType.Type.BOOLEAN]),
    "date": frozenset([exp.DataType.Type.DATE, exp.DataType.Type.DATE32]),
    "timestamp": frozenset([exp.DataType.Type.TIMESTAMP, exp.DataType.Type.TIMESTAMPNTZ, exp.DataType.Type.DATETIME]),
}
_META = "eltflow_kind"
_KINDS: Mapping[type, str] = {
    exp.Count: "integer",
    exp.RowNumber: "integer",
    exp.Rank: "integer",
    exp.DenseRank: "integer",
    exp.Extract: "integer",
    exp.DateDiff: "integer",
    exp.Length: "integer",
    exp.Concat: "text",
    exp.ConcatWs: "text",
    exp.DPipe: "text",
    exp.Lower: "text",
    exp.Upper: "text",
    exp.Trim: "text",
    exp.Substring: "text",
    exp.Replace: "text",
    exp.TimeToStr: "text",
    exp.GroupConcat: "text",
    exp.CurrentDate: "date",
    exp.DateFromParts: "date",
    exp.TimestampFromParts: "timestamp",
    exp.Boolean: "boolean",
    exp.Sqrt: "double",
    exp.Exp: "double",
    exp.Ln: "double",
    exp.PercentRank: "double",
    exp.CumeDist: "double",
}
_THROUGH = (
    exp.Paren,
    exp.Neg,
    exp.Abs,
    exp.Coalesce,
    exp.Min,
    exp.Max,
    exp.Sum,
    exp.Lag,
    exp.Lead,
    exp.Window,
    exp.Filter,
    exp.Nullif,
)


def note_kinds(tree: Any, dialect: str) -> None:
    """Keeps with every node what it is: rewriting its parts changes how it is said, not what it is."""
    for node in reversed(list(tree.walk())):
        if isinstance(node, exp.Expr):
            node.meta[_META] = kind(node, dialect)


def noted(node: Any, made: Any) -> Any:
    """What takes a node's place is of its kind."""
    made.meta[_META] = node.meta.get(_META)
    return made


def kind(node: Any, dialect: str) -> str | None:
    """text, integer, double, decimal, boolean, date or timestamp; None where the text does not say."""
    if _META in node.meta:
        noted: str | None = node.meta[_META]
        return noted
    told = _KINDS.get(type(node))
    if told is not None:
        return told
    if isinstance(node, exp.Cast):
        return next((name for name, types in _DATA.items() if node.to.this in types), None)
    if isinstance(node, exp.Literal):
        return (
            "text" if node.is_string else "integer" if node.name.isdigit() else "double" if "e" in node.name.lower() else "decimal"
        )
    if isinstance(node, (exp.Div, exp.Avg)):
        return "double" if dialect == "duckdb" else None
    if isinstance(node, (exp.Predicate, exp.Not, exp.And, exp.Or)):
        return "boolean"
    if isinstance(node, (exp.DateTrunc, exp.TimestampTrunc)):
        return kind(node.this, dialect)
    if isinstance(node, _THROUGH):
        return kind(node.this, dialect)
    if isinstance(node, (exp.Add, exp.Sub, exp.Mul)):
        return _of_both(node, dialect)
    return None


def _of_both(node: Any, dialect: str) -> str | None:
    left, right = kind(node.this, dialect), kind(node.expression, dialect)
    if "double" in (left, right):
        return "double"
    if left in ("date", "timestamp") and isinstance(node.expression, exp.Interval):
        return "timestamp"
    return left if left == right and left in ("integer", "decimal") else None


def literal_number(node: Any) -> Any:
    """The number that is written there, also below zero; None if it is none."""
    if isinstance(node, exp.Paren):
        return literal_number(node.this)
    if isinstance(node, exp.Neg):
        number = literal_number(node.this)
        return None if number is None else -number
    if not isinstance(node, exp.Literal) or node.is_string:
        return None
    return int(node.name) if node.name.isdigit() else float(node.name)
