"""Parses one statement of a dialect; what sqlglot refuses is a value, not an exception: its grammar is not the engine's."""

from __future__ import annotations

import logging
import re
from functools import cache
from typing import Any

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ParseError, TokenError

from eltflow.base.records import dataclass

# What sqlglot would say on stderr of a statement that it knows by its first word only is said here, as a diagnostic.
logging.getLogger("sqlglot").addHandler(logging.NullHandler())

#: How sqlglot shows the token that it did not expect; what is written there is told beside it.
_TOKEN = re.compile(r" but got <Token .*?>(?= |$)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A statement: its text, tree and the number of statements that the text held (0 for a text without any)."""

    sql: str
    tree: Any
    count: int


@dataclass(frozen=True, slots=True)
class Refused:
    """What sqlglot says of a text that it cannot parse, and where (from 1)."""

    sql: str
    message: str
    line: int | None
    column: int | None


@cache
def dialect_of(name: str) -> Any:
    """sqlglot's dialect of that name. Immutable; cached because making one costs more than parsing a statement."""
    return Dialect.get_or_raise(name)


def parse(sql: str, dialect: str) -> Parsed | Refused:
    """The first statement of the text."""
    engine = dialect_of(dialect)
    try:
        trees = [tree for tree in engine.parse(sql) if tree is not None and not isinstance(tree, exp.Semicolon)]
    except ParseError as error:
        first: dict[str, Any] = error.errors[0] if error.errors else {}
        highlight = str(first.get("highlight") or "").strip()
        message = _TOKEN.sub("", str(first.get("description") or error)).strip().rstrip(".")
        if highlight:
            message = f"{message} at or near `{highlight}`"
        column = first.get("col")
        start = max(1, column - len(highlight) + 1) if isinstance(column, int) else None
        return Refused(sql, message, first.get("line"), start)
    except TokenError as error:
        return Refused(sql, str(error).splitlines()[0], None, None)
    except RecursionError:
        return Refused(sql, "nested too deeply", None, None)
    tree = trees[0] if trees else None
    if isinstance(tree, exp.Command):
        return Refused(sql, f"`{tree.this}` is not understood", None, None)
    return Parsed(sql, tree, len(trees))
