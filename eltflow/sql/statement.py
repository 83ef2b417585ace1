"""What kind of statement a text holds: a model must be one query."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp
from sqlglot.errors import ErrorLevel, ParseError, TokenError
from sqlglot.tokens import TokenType

from eltflow.base.records import dataclass
from eltflow.sql.parse import Parsed, Refused, dialect_of, parse

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


def only_comments(sql: str, dialect: str) -> bool:
    """Whether a text says nothing."""
    try:
        return not dialect_of(dialect).tokenize(sql)
    except TokenError:
        return False


def word_between(sql: str, dialect: str, words: tuple[str, ...], after: int, before: int | None) -> int:
    """The offset of the first of the words behind one offset and in front of another; the first offset if there is none."""
    for token in dialect_of(dialect).tokenize(sql):
        if token.start >= after and (before is None or token.start < before) and token.text.lower() in words:
            return int(token.start)
    return after


def output_place(parsed: Parsed | Refused, name: str) -> tuple[int, int] | None:
    """The line and column (from 1) where a query names one of its columns, or the star that gives it; None if that cannot be told."""
    tree = parsed.tree if isinstance(parsed, Parsed) else None
    while tree is not None and not isinstance(tree, exp.Select):
        tree = tree.this if isinstance(tree, (exp.SetOperation, exp.Subquery, exp.Paren)) else None
    for one in tree.expressions if tree is not None else ():
        if one.alias_or_name.lower() == name.lower() or one.is_star:
            named = one.args.get("alias") if isinstance(one, exp.Alias) else one.args.get("table") if one.is_star else one.this
            start = named.meta.get("start") if isinstance(named, exp.Identifier) else None
            if start is not None:
                before = parsed.sql[:start]
                return before.count("\n") + 1, start - before.rfind("\n")
    return None


# -- calls of functions ----------------------------------------------------------------------------------------------------------

#: What sqlglot says of a call that has more or fewer arguments than it knows the function to take.
_MISCALLED = re.compile(r"The number of provided arguments \(|Required keyword: ")


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a function: its name as written, where that stands, and how many arguments it is given."""

    name: str
    start: int
    arguments: int


def miscalled(refused: Refused, dialect: str) -> tuple[Call, Parsed] | None:
    """The first call in a text that sqlglot refuses for nothing but the number of arguments of its calls, and the statement as far as
    it was read; None for a text that it refuses for another reason."""
    if not _MISCALLED.match(refused.message):
        return None
    engine = dialect_of(dialect)
    parser = engine.parser(error_level=ErrorLevel.WARN)
    try:
        tokens = engine.tokenize(refused.sql)
        trees = [tree for tree in parser.parse(tokens, refused.sql) if tree is not None]
    except (ParseError, TokenError, RecursionError):
        return None
    found = [error for one in parser.errors for error in one.errors]
    if len(trees) != 1 or not found or not all(_MISCALLED.match(str(error.get("description"))) for error in found):
        return None
    call = _call(tokens, found[0].get("line"), found[0].get("col"))
    return (call, Parsed(refused.sql, trees[0], 1)) if call is not None else None


def _call(tokens: list[Any], line: int | None, column: int | None) -> Call | None:
    """The call that ends with the parenthesis at a place."""
    at = next((i for i, t in enumerate(tokens) if t.line == line and t.col == column and t.token_type == TokenType.R_PAREN), None)
    depth = commas = 0
    for index in range(at if at is not None else -1, 0, -1):
        kind = tokens[index].token_type
        depth += (kind in _CLOSING) - (kind in _OPENING)
        commas += kind == TokenType.COMMA and depth == 1
        if depth == 0:
            name = tokens[index - 1]
            return Call(str(name.text), int(name.start), 0 if index + 1 == at else commas + 1)
    return None


def call_at(sql: str, dialect: str, start: int) -> Call | None:
    """The call of a function whose name begins at an offset."""
    tokens = dialect_of(dialect).tokenize(sql)
    at = next((i for i, token in enumerate(tokens) if token.start == start), None)
    if at is None or at + 1 >= len(tokens) or tokens[at + 1].token_type != TokenType.L_PAREN:
        return None
    depth = 0
    for token in tokens[at + 1 :]:
        depth += (token.token_type in _OPENING) - (token.token_type in _CLOSING)
        if depth == 0:
            return _call(tokens, token.line, token.col)
    return None


#: Functions that every engine has, and that take nowhere a number of arguments which sqlglot refuses.
SURE_ARITY = frozenset(
    [
        "abs",
        "acos",
        "asin",
        "avg",
        "coalesce",
        "cos",
        "exp",
        "ln",
        "log",
        "lower",
        "nullif",
        "pow",
        "power",
        "replace",
        "sign",
        "sin",
        "sqrt",
        "sum",
        "tan",
        "upper",
    ]
)

_OPENING = frozenset({TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE})
_CLOSING = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE})
