"""Which tables a statement reads: names that are neither a CTE in sight nor a function, with their place in the text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from eltflow.sql.parse import Parsed

Fold = Callable[[str, bool], str]


@dataclass(frozen=True, slots=True)
class Ident:
    """One part of a name as it was written."""

    name: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Read:
    """A table name in a text: its parts, the characters [start, end) that it occupies, and whether an alias follows."""

    parts: tuple[Ident, ...]
    start: int
    end: int
    aliased: bool

    def __str__(self) -> str:
        return ".".join(part.name for part in self.parts)


def reads(parsed: Parsed, fold: Fold) -> tuple[Read, ...]:
    """Every table that the statement reads, in the order of the text.

    A CTE hides a table of its name from what follows; the body of a CTE that is not recursive still sees the table (SQL:2016 §7.13).
    """
    if parsed.tree is None:
        return ()
    found = list(_walk(parsed.tree, frozenset(), fold, parsed.sql))
    return tuple(sorted(found, key=lambda read: read.start))


def _walk(node: Any, hidden: frozenset[str], fold: Fold, sql: str) -> Iterator[Read]:
    inside = hidden
    with_ = node.args.get("with_")
    if with_ is not None:
        names = {_key(cte, fold) for cte in with_.expressions}
        if with_.args.get("recursive"):
            inside = hidden | names
            for cte in with_.expressions:
                yield from _walk(cte.this, inside, fold, sql)
        else:
            for cte in with_.expressions:
                yield from _walk(cte.this, inside, fold, sql)
                inside = inside | {_key(cte, fold)}
    if isinstance(node, exp.Table):
        read = _read(node, inside, fold, sql)
        if read is not None:
            yield read
    for key, value in node.args.items():
        if key == "with_":
            continue
        for child in value if isinstance(value, list) else (value,):
            if isinstance(child, exp.Expression):
                yield from _walk(child, inside, fold, sql)


def _key(cte: Any, fold: Fold) -> str:
    alias = cte.args["alias"].this
    return fold(alias.name, bool(alias.args.get("quoted")))


def _read(table: Any, hidden: frozenset[str], fold: Fold, sql: str) -> Read | None:
    parts = table.parts
    if not parts or not all(isinstance(part, exp.Identifier) for part in parts):
        return None
    spots = [part.meta for part in parts]
    if any("start" not in spot for spot in spots):
        return None
    start, end = spots[0]["start"], spots[-1]["end"] + 1
    if sql[start : start + 1] == "'":
        return None  # a file name: FROM 'data.csv'
    idents = tuple(Ident(part.name, bool(part.args.get("quoted"))) for part in parts)
    if len(idents) == 1 and fold(idents[0].name, idents[0].quoted) in hidden:
        return None
    return Read(idents, start, end, bool(table.alias))
