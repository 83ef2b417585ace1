"""The words of a text where a table may stand, found without parsing: those that must be one, and those that only might.

The text is SQL with marks in the place of Jinja: `TABLE` is a relation that `ref`, `source` or `this` wrote, `VALUE` anything else that
was written, `BRANCH` the end of a branch. `plain_tables` raises `Uncertain` whenever parsing could find more, or less, than it.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable

TABLE, VALUE, BRANCH = "\x01", "\x02", "\x03"
Ident = tuple[str, bool]  #: a part of a name, and whether it is quoted

_WORD = re.compile(r"[^\W\d]\w*")
#: Comments and strings; a mark ends a comment, for what is rendered there may hold a line's end. A comment gives way to a blank, a string to
#: a blank and a quote, a quote that nothing closes to two.
_NOISE = re.compile(r"--[^\n\x02]*|/\*.*?\*/|(')(?:[^']|'')*'|(')", re.DOTALL)
_QUOTED = re.compile(rf'(?P<name>"(?:[^"]|"")*")|{_NOISE.pattern}', re.DOTALL)
_PLAIN_QUOTED = re.compile(r'"[^\W\d]\w*"')
_DOLLAR = re.compile(r"\$\w*\$")
#: In small letters, and by their first ones: the engine of `re` tries the alternatives one by one.
_CLAUSE = re.compile(
    r"[(),\x02\x03]|\b(?:select|summarize|from|join|w(?:here|indow|ith)|o(?:n|rder)|u(?:sing|nion|npivot|pdate)|(?<!\bwithin )group|having"
    r"|qualify|limit|in(?:tersect|to)|except|values|pivot(?:_wider|_longer)?|table|describe)\b"
)
TABLE_CLAUSES = frozenset(
    ["from", "join", "pivot", "unpivot", "pivot_wider", "pivot_longer", "into", "table", "summarize", "describe", "update", "from("]
)
#: Clauses after which a comma goes on with the tables of FROM.
_OF_JOIN = frozenset({"on", "using"})
_IN_FROM = frozenset({"from", "join", "on", "using"})
_NEXT = re.compile(r"\s*(?:(?:only|lateral)\b\s*|\"?[^\W\d]\w*\"?\s*:(?!:)\s*)?([\x01\x02]|[\"`\[]?[^\W\d]\w*\x02?)", re.IGNORECASE)
_DOT = re.compile(r"[\"`\]]?\s*\.")
#: A name of up to three parts that nothing goes on with.
_WHOLE = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*){0,2}(?![\w\"`\[@#$/\\{-])(?!\s*[.(:\x01\x02])")
#: A CTE, in small letters.
_DEFINED = re.compile(r'(?:\bwith|,)\s*+"?(\w++)"?\s*+(?:\([^()]*\)\s*+)?as\b\s*+(?:not\s++)?(?:materialized\s*+)?\(')
_CONTINUED = re.compile(
    r"(?:,|\x02)\s*[\"`\[]?([^\W\d]\w*)\b(?!\"?\s*(?:\([^()]*\)\s*)?as\b\s*(?:not\s+)?(?:materialized\s*)?\()", re.IGNORECASE
)
_DISTINCT = re.compile(r"\bis\s+(?:not\s+)?distinct\s+\Z", re.IGNORECASE)
_PAREN = re.compile(r"[()]")
_MANY = 64  #: words that are looked for one by one
_SMALL = {ord(letter): letter.lower() for letter in string.ascii_uppercase}
_READS = re.compile(r"\b(?:from|join)\b", re.IGNORECASE)
#: What makes a name that stands where a table must no table after all, or one that is hidden in a way of its own.
_UNUSUAL = re.compile(r"#|\*/|\brecursive\b", re.IGNORECASE)
_VALUE_IN_COMMENT = re.compile(rf"--[^\n]*{VALUE}")


class Uncertain(Exception):
    """Only parsing can tell which tables the text reads."""


def plain_tables(
    masked: str, candidates: frozenset[str], *, outside: str, inside: str, open_from: bool
) -> tuple[tuple[Ident, ...], ...]:
    """The tables that the text names plainly, as parsing would find them. Raises Uncertain.

    `candidates` are the words (lower case) that may name a node; names of anything else are told where they are certain. `outside` is
    the text that stands in no branch or loop, `inside` what stands in one that may not be taken; `open_from` tells that what Jinja
    writes may be part of a FROM clause.
    """
    if ("$" in masked and _DOLLAR.search(masked)) or "\\'" in masked:
        raise Uncertain
    sql = _without_noise(masked)
    if "''" in sql:
        raise Uncertain
    if open_from and not candidates.isdisjoint(map(str.lower, _CONTINUED.findall(sql))):
        raise Uncertain  # what Jinja writes may end within a FROM clause, which the text then goes on with
    found = _found(sql, candidates, bool(inside))
    if any(_concerns(parts, candidates) for _, parts in found) and sql.count("(") != sql.count(")"):
        raise Uncertain
    visible = _visible(sql, found, candidates, outside)
    if visible and (open_from or _UNUSUAL.search(sql) or _VALUE_IN_COMMENT.search(masked) or not _apart(inside, candidates)):
        if any(_concerns(parts, candidates) for parts in visible):
            raise Uncertain
        return ()  # names of anything else are told where they are certain
    return visible


def names_qualified_table(sql: str) -> bool:
    """Whether the text may name a table as `schema.table` where a table may stand: a node's relation, though no word is a node's name."""
    sql = _without_noise(sql)
    return any(sure and _DOT.match(sql, place + len(word)) for word, place, sure, _ in _table_words(sql))


def takes_tables(masked: str) -> bool:
    """Whether a value that Jinja writes may stand in the place of a table."""
    return any(word.endswith(VALUE) for word, _, _, _ in _table_words(_without_noise(masked)))


def _found(sql: str, candidates: frozenset[str], branches: bool) -> list[tuple[int, tuple[Ident, ...]]]:
    """The names that stand where a table must, each with its place."""
    found: list[tuple[int, tuple[Ident, ...]]] = []
    for word, place, sure, must in _table_words(sql):
        if word.endswith(VALUE):
            raise Uncertain
        dotted = _DOT.match(sql, place + len(word)) is not None
        concerns = word.strip('"`[').lower() in candidates or (dotted and sure)
        whole = _WHOLE.match(sql, place) if must > branches and not _CLAUSE.match(word.lower()) else None
        if whole is not None:
            found.append((place, tuple((part, False) for part in whole.group().split("."))))
        elif concerns:
            raise Uncertain
    return found


def _visible(
    sql: str, found: list[tuple[int, tuple[Ident, ...]]], candidates: frozenset[str], outside: str
) -> tuple[tuple[Ident, ...], ...]:
    """The names that no CTE hides. Raises Uncertain where one may hide a node's."""
    low = _lower(sql)
    words = {parts[0][0].lower() for _, parts in found if not _concerns(parts, candidates)}
    ctes = {word for word in words if f"{word} as (" in low} if len(words) < _MANY else set()
    ours = [(place, parts) for place, parts in found if _concerns(parts, candidates) or parts[0][0].lower() not in ctes]
    if not ours:
        return ()
    defined: dict[str, list[re.Match[str]]] = {}
    for match in _DEFINED.finditer(low):
        defined.setdefault(match.group(1), []).append(match)
    always: set[str] | None = None
    ends: dict[str, int] = {}
    visible: dict[tuple[Ident, ...], None] = {}
    for place, parts in ours:
        name = parts[0][0].lower() if len(parts) == 1 else ""
        if name not in defined:
            visible[parts] = None
        elif name in candidates:
            if always is None:
                always = set(_DEFINED.findall(_lower(_without_noise(outside))))
            if name not in always or any(sql[cte.start(1) - 1] == '"' for cte in defined[name]):
                raise Uncertain  # a CTE that stands in a branch, or whose name may be another one
            if name not in ends:
                ends[name] = _end(low, defined[name][0])
            if place <= ends[name]:
                if len(defined[name]) > 1:
                    raise Uncertain
                visible[parts] = None
    return tuple(visible)


def _end(sql: str, defined: re.Match[str]) -> int:
    """Where the body of a CTE ends, after which its name hides a table's. Raises Uncertain unless it is defined at the outermost level."""
    if sql.count("(", 0, defined.start()) != sql.count(")", 0, defined.start()):
        raise Uncertain
    before = {token.group() for token in _CLAUSE.finditer(_outermost(sql[: defined.start() + 1]))}
    if not before <= {"with", ",", "(", ")"}:
        raise Uncertain
    depth = 1
    for paren in _PAREN.finditer(sql, defined.end()):
        depth += 1 if paren.group() == "(" else -1
        if depth == 0:
            return paren.end()
    raise Uncertain


def _apart(inside: str, candidates: frozenset[str]) -> bool:
    """Whether what stands in branches and loops names no table."""
    if not inside:
        return True
    sql = _without_noise(inside)
    return _READS.search(sql) is None and candidates.isdisjoint(map(str.lower, _WORD.findall(sql)))


def _concerns(parts: tuple[Ident, ...], candidates: frozenset[str]) -> bool:
    return len(parts) > 1 or parts[0][0].lower() in candidates


def _without_noise(sql: str) -> str:
    """The text without comments and strings; quoted names that are more than one word give way to one that means nothing."""
    if '"' not in sql:
        return _NOISE.sub(r" \1\2\2", sql)

    def kept(match: re.Match[str]) -> str:
        name = match.group("name")
        if name is None:
            return " '" if match.group(2) else " ''" if match.group(3) else " "
        return name if _PLAIN_QUOTED.fullmatch(name) else '"q"'

    return _QUOTED.sub(kept, sql)


def _lower(sql: str) -> str:
    """The text in small letters, each at its place: a few letters outside of ASCII are several when they are small."""
    low = sql.lower()
    return low if len(low) == len(sql) else sql.translate(_SMALL)


def _outermost(sql: str) -> str:
    """The text without what stands in parentheses."""
    while (less := re.sub(r"\([^()]*\)", " ", sql)) != sql:
        sql = less
    return sql


def _table_words(sql: str) -> Iterable[tuple[str, int, bool, int]]:
    """The word (or mark) at each place of the text where a table may stand, its position, whether the text shows that it may, and whether
    it must be one: 2 after FROM or JOIN of a SELECT, 1 after a comma there, 0 where that is not certain.

    A mark may have rendered to anything, as the end of a FROM clause: after one, a plain word counts too.
    """
    clauses = [""]  # of each level of parentheses, the last clause or mark
    plain = [""]  # the same without marks
    tables = [0]  # what a comma (2: a table) and a join (1 or 2) of the level go on with
    for token in _CLAUSE.finditer(_lower(sql)):
        text = token.group()
        if text == "(":
            clauses.append("(" if clauses[-1] not in TABLE_CLAUSES else "from(")
            plain.append("")
            tables.append(0)
            if clauses[-1] == "from(":  # FROM (a JOIN b): a table may follow directly
                word = _NEXT.match(sql, token.end())
                if word is not None and word.group(1).lower() not in ("select", "with", "from", "values"):
                    yield word.group(1), word.start(1), True, 0
            continue
        if text == ")":
            if len(clauses) > 1:
                del clauses[-1], plain[-1], tables[-1]
            continue
        if text == BRANCH:
            if clauses[-1] in TABLE_CLAUSES:
                yield VALUE, token.start(), True, 0  # what stands beside it may be a table in one branch only
            continue
        must = 0
        marked = text == VALUE or (text == "," and clauses[-1] == VALUE)
        if marked:
            if clauses[-1] not in TABLE_CLAUSES:
                clauses[-1] = VALUE
            tables[-1] = min(tables[-1], 1)
        elif text == ",":
            if clauses[-1] in _OF_JOIN:
                clauses[-1] = "from"
            if clauses[-1] not in TABLE_CLAUSES and clauses[-1] != "where":  # after a condition the parser takes it for a join
                continue
            must = 1 if tables[-1] == 2 and plain[-1] in _IN_FROM else 0
        elif text == "from" and _DISTINCT.search(sql, max(0, token.start() - 30), token.start()) is not None:
            continue
        else:
            clauses[-1] = text
            if text == "from":
                tables[-1] = must = 2 if plain[-1] == "select" and _starts(sql, token.start()) else 0
            elif text == "join":
                must = 2 if tables[-1] and plain[-1] in _IN_FROM and _starts(sql, token.start()) else 0
            if not (text == "on" and plain[-1] == "select"):  # DISTINCT ON
                plain[-1] = text
            if text not in TABLE_CLAUSES:
                continue
        word = _NEXT.match(sql, token.end())
        if word is not None and not (marked and word.group(1) in (TABLE, VALUE)):
            plainly = (must and sql[token.end() : word.start(1)].isspace()) or (must == 1 and word.start(1) == token.end())
            yield word.group(1), word.start(1), text != "," or not marked, must if plainly else 0


def _starts(sql: str, at: int) -> bool:
    """Whether FROM or JOIN there is a clause, and no name."""
    return sql[at - 1 : at] not in ('"', "`", "[", ".")
