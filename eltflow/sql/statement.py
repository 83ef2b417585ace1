"""What kind of statement a text holds: a model must be one query."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.errors import TokenError
from sqlglot.tokens import TokenType

from eltflow.sql.parse import Parsed, dialect_of

_NO_QUERY: dict[type, str] = {
    exp.Create: "a CREATE",
    exp.Insert: "an INSERT",
    exp.Update: "an UPDATE",
    exp.Delete: "a DELETE",
    exp.Drop: "a DROP",
    exp.Alter: "an ALTER",
    exp.Merge: "a MERGE",
    exp.TruncateTable: "a TRUNCATE",
    exp.Set: "a SET",
    exp.Use: "a USE",
    exp.Pragma: "a PRAGMA",
    exp.Copy: "a COPY",
    exp.Attach: "an ATTACH",
    exp.Detach: "a DETACH",
    exp.Transaction: "a BEGIN",
    exp.Commit: "a COMMIT",
    exp.Rollback: "a ROLLBACK",
}


def kind_problem(parsed: Parsed) -> str | None:
    """What the statement is if it is no query, in words; None for a query or for what sqlglot has no name for."""
    return _NO_QUERY.get(type(parsed.tree))


def second_statement(sql: str, dialect: str) -> int | None:
    """The offset at which the second statement of a text begins."""
    ended = False
    for token in dialect_of(dialect).tokenize(sql):
        if token.token_type == TokenType.SEMICOLON:
            ended = True
        elif ended:
            return int(token.start)
    return None


def first_word(sql: str, dialect: str) -> int:
    """The offset at which the first statement of a text begins, after comments."""
    tokens = dialect_of(dialect).tokenize(sql)
    return int(tokens[0].start) if tokens else 0


def first_words(sql: str, dialect: str, count: int) -> list[str]:
    """The first words (or signs) of a text, after comments; none where it cannot be taken apart."""
    try:
        return [str(token.text) for token in dialect_of(dialect).tokenize(sql)[:count]]
    except TokenError:
        return []
