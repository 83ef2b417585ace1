"""Rewrites the user's own text: names spliced in by position, CTEs put at the front; everything else stays as it was written."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from sqlglot.tokens import TokenType

from eltflow.base.records import dataclass
from eltflow.sql.parse import dialect_of


@dataclass(frozen=True, slots=True)
class Splice:
    """Characters [start, end) of the text give way to `text`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Spliced:
    """A text after its splices; `place` maps a position in it back to the text before."""

    text: str
    _starts: tuple[int, ...]
    _spots: tuple[tuple[int, int, int, int], ...]  # start and length in this text, start and end in the one before

    def place(self, position: int) -> int:
        """Where the character at `position` came from; for spliced text, where the splice began."""
        index = bisect_right(self._starts, position) - 1
        if index < 0:
            return position
        start, length, origin, origin_end = self._spots[index]
        return origin if position < start + length else origin_end + (position - start - length)

    def own(self, position: int) -> int | None:
        """Where the character at `position` came from, if it is one of the text's own."""
        index = bisect_right(self._starts, position) - 1
        start, length, _, _ = self._spots[index] if index >= 0 else (0, 0, 0, 0)
        return None if position < start + length else self.place(position)


def splice(text: str, splices: Sequence[Splice]) -> Spliced:
    """The text with every splice done; splices do not overlap."""
    out: list[str] = []
    starts: list[int] = []
    spots: list[tuple[int, int, int, int]] = []
    at = length = 0
    for one in sorted(splices, key=lambda s: (s.start, s.end)):
        out.append(text[at : one.start])
        length += one.start - at
        starts.append(length)
        spots.append((length, len(one.text), one.start, one.end))
        out.append(one.text)
        length += len(one.text)
        at = one.end
    out.append(text[at:])
    return Spliced("".join(out), tuple(starts), tuple(spots))


def trailing_semicolon(sql: str, dialect: str) -> Splice | None:
    """A splice that takes away the semicolons at the end of the text, or None if there are none."""
    if ";" not in sql:
        return None
    tokens = dialect_of(dialect).tokenize(sql)
    last = len(tokens)
    while last and tokens[last - 1].token_type == TokenType.SEMICOLON:
        last -= 1
    if last == len(tokens) or last == 0:
        return None
    return Splice(tokens[last].start, tokens[-1].end + 1, "")


def with_ctes(sql: str, dialect: str, ctes: Sequence[tuple[str, str]]) -> tuple[Splice, ...]:
    """Splices that put CTEs (name as rendered, SQL) before those of the text's own WITH, or begin one.

    A text that begins in a parenthesis and has a WITH in there becomes a subquery: CTEs put in there would be seen in there only, and
    before the parenthesis DuckDB 2.0 forgets one of the two lists where an ORDER BY follows. SUMMARIZE takes no WITH by itself.
    """
    if not ctes:
        return ()
    body = ",\n".join(f"{name} as (\n{text}\n)" for name, text in ctes)
    tokens = [token for token in dialect_of(dialect).tokenize(sql) if token.token_type != TokenType.SEMICOLON]
    if not tokens:
        return (Splice(0, 0, f"with {body}\n"),)
    first = tokens[0]
    if first.token_type == TokenType.WITH:
        recursive = len(tokens) > 1 and tokens[1].token_type == TokenType.RECURSIVE
        at = tokens[1 if recursive else 0].end + 1
        return (Splice(at, at, f" {body},"),)
    inside = first.token_type == TokenType.L_PAREN and any(token.token_type == TokenType.WITH for token in tokens)
    if inside or first.text.lower() == "summarize":
        end = tokens[-1].end + 1
        return Splice(first.start, first.start, f"with {body}\nselect * from (\n"), Splice(end, end, "\n) as eltflow_query")
    return (Splice(first.start, first.start, f"with {body}\n"),)


def position(text: str, line: int, column: int) -> int:
    """The offset of a line and column (from 1)."""
    at = 0
    for _ in range(line - 1):
        newline = text.find("\n", at)
        if newline < 0:
            return len(text)
        at = newline + 1
    return min(len(text), at + column - 1)


def line_column(text: str, offset: int) -> tuple[int, int]:
    """The line and column (from 1) of an offset."""
    line = text.count("\n", 0, offset) + 1
    return line, offset - (text.rfind("\n", 0, offset) + 1) + 1
