"""Parts of a statement made from text in the target's dialect, for the rules of a translation."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from eltflow.sql.parse import dialect_of


class Unsaid(Exception):
    """What stands there cannot be said in the other dialect; the words say why, and what to write instead."""


def said(dialect: str, text: str, **parts: Any) -> Any:
    """An expression in that dialect, in parentheses, with a copy of a node for each name of `parts` in it."""
    made = dialect_of(dialect).parse(f"select ({text})")[0].expressions[0]
    for column in list(made.find_all(exp.Column)):
        part = parts.get(column.name)
        if part is not None:
            column.replace(exp.Paren(this=part.copy()) if isinstance(part, (exp.Binary, exp.Unary)) else part.copy())
    inner = made.this
    return inner if isinstance(inner, (exp.Func, exp.Cast, exp.Paren)) else made


def cast(node: Any, type: str) -> Any:
    return exp.Cast(this=node.copy(), to=exp.DataType.build(type))


def call(name: str, *arguments: Any) -> Any:
    """A function that sqlglot is to leave as it is."""
    return exp.Anonymous(this=name, expressions=[argument.copy() for argument in arguments])
