"""What kind of statement a text holds: a model must be one query."""

from __future__ import annotations

import re

from sqlglot import exp
from sqlglot.errors import TokenError
from sqlglot.tokens import TokenType

from eltflow.sql.parse import Parsed, dialect_of, parse

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
#: What a model may be: FROM, VALUES, TABLE, PIVOT and SUMMARIZE are queries of their own on some engines.
_QUERY = (exp.Query, exp.Values, exp.Pivot, exp.Table, exp.Summarize)
_TELLING: dict[type, str] = {
    exp.Describe: "a DESCRIBE",
    exp.Show: "a SHOW",
    exp.Install: "an INSTALL",
    exp.Analyze: "an ANALYZE",
    exp.Grant: "a GRANT",
    exp.Comment: "a COMMENT",
}
_COMMANDS = re.compile(
    r"(analy[sz]e|call|checkpoint|comment|deallocate|declare|execute|explain|export|force|grant|import|install|kill|load|prepare|refresh"
    r"|reset|revoke|show|vacuum)\b",
    re.IGNORECASE,
)


def kind_problem(parsed: Parsed) -> str | None:
    """What the statement is if it is no query, in words; None for a query or for what sqlglot has no name for."""
    return _NO_QUERY.get(type(parsed.tree))


def no_select(parsed: Parsed) -> str | None:
    """What the statement is if it tells about tables or the engine and is no query to build one from; None for a query."""
    tree = parsed.tree
    while isinstance(tree, exp.Paren):
        tree = tree.this
    if isinstance(tree, _QUERY):
        return None
    if type(tree) in _TELLING:
        return _TELLING[type(tree)]
    return "an expression alone" if isinstance(tree, exp.Condition | exp.Alias) else f"a statement of the kind {tree.key.upper()}"


def command(sql: str, dialect: str) -> str | None:
    """What a statement that sqlglot has no grammar for is, by its first word, if that can begin no query."""
    try:
        found = _COMMANDS.match(sql, first_word(sql, dialect))
    except TokenError:
        return None
    word = found.group(1).upper() if found is not None else None
    return word and f"{'an' if word[0] in 'AEI' else 'a'} {word}"


def is_expression(text: str, dialect: str) -> bool:
    """Whether the text may stand for a value in SQL, such as `lower(x)`; `my col` and `2nd` may not."""
    parsed = parse(f"select ({text})", dialect)
    return isinstance(parsed, Parsed) and parsed.count == 1 and not isinstance(parsed.tree.expressions[0].this, exp.Alias)


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
