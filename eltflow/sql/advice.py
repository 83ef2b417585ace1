"""What may be wrong near the place where a parser gave up: one line of advice, from the words around it."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

from sqlglot.errors import TokenError
from sqlglot.tokens import TokenType

from eltflow.sql.parse import dialect_of

_WORDS = (
    "select", "from", "where", "group", "order", "having", "join", "left", "inner", "cross", "using", "case", "when", "then", "else",
    "union", "except", "limit", "distinct", "between", "with", "partition", "over", "qualify", "lateral", "values", "interval",
)  # fmt: skip
_CLAUSES = frozenset({"from", "where", "group", "order", "having", "limit", "qualify", "union"})


def advice(sql: str, dialect: str, offset: int | None) -> str:
    """What a person may look for, where the parser stopped at that character of the text."""
    try:
        tokens = dialect_of(dialect).tokenize(sql)
    except TokenError:
        return "close the quote or the comment that opens there"
    if not tokens:
        return "write a SELECT"
    at = next((i for i, token in enumerate(tokens) if offset is not None and token.end >= offset), len(tokens))
    return (
        _misspelt(tokens, at) or _comma(tokens, at) or _nameless(tokens, at) or _parenthesis(sql, tokens) or _fallback(tokens, at)
    )


def _misspelt(tokens: Sequence[Any], at: int) -> str | None:
    for token in tokens[max(0, at - 2) : at + 1][::-1]:
        if token.token_type == TokenType.VAR and token.text.lower() not in _WORDS:
            near = difflib.get_close_matches(token.text.lower(), _WORDS, n=1, cutoff=0.75)
            if near:
                return f"did you mean `{near[0]}` instead of `{token.text}`?"
    return None


def _comma(tokens: Sequence[Any], at: int) -> str | None:
    before = tokens[at - 1] if 0 < at <= len(tokens) else None
    here = tokens[at] if at < len(tokens) else None
    if before is not None and before.token_type == TokenType.COMMA and (here is None or here.text.lower() in (*_CLAUSES, ")")):
        return f"take the comma before `{here.text}` away" if here is not None else "take the last comma away"
    return None


def _nameless(tokens: Sequence[Any], at: int) -> str | None:
    """`as` is taken for the name of what follows it: the parser stops one word after that."""
    for index in (at - 1, at - 2):
        if 0 <= index < len(tokens) and tokens[index].text.lower() == "as":
            after = tokens[index + 1].text.lower() if index + 1 < len(tokens) else ""
            if after in _CLAUSES or after in ("", ",", ")"):
                return f"write a name after `as`{f', before `{after}`' if after else ''}"
            return f"put `{tokens[index + 1].text}` in double quotes if it is a name: the word means something in SQL"
    return None


def _parenthesis(sql: str, tokens: Sequence[Any]) -> str | None:
    opened: list[int] = []
    for index, token in enumerate(tokens):
        if token.token_type == TokenType.L_PAREN:
            opened.append(index)
        elif token.token_type == TokenType.R_PAREN:
            if not opened:
                return (
                    f"there is a `)` too many after `{tokens[index - 1].text}`" if index else "the text begins with a `)` too many"
                )
            opened.pop()
    if not opened:
        return None
    before = tokens[opened[-1] - 1].text if opened[-1] else ""
    return f"close the parenthesis that opens after `{before}`" if before else "close the parenthesis that opens the text"


def _fallback(tokens: Sequence[Any], at: int) -> str:
    if at >= len(tokens):
        return f"the text ends too early, after `{tokens[-1].text}`"
    return f"look just before `{tokens[at].text}`: a comma or a keyword may be missing there, or one too many"
