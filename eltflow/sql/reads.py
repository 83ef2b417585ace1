"""Which tables a statement reads: names that are neither a CTE in sight nor a function, with their place in the text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sqlglot import exp

from eltflow.base.records import dataclass
from eltflow.sql.parse import Parsed, parse

Fold = Callable[[str, bool], str]
#: Words after which a table's name stands alone: no alias may follow.
_ALONE = re.compile(r"\b(?:table|summarize|describe|desc)\s*\Z", re.IGNORECASE)

_CALLS_TEXT = re.compile(r"\bquery(?:_table)?\s*\(", re.IGNORECASE)
_PLAIN_NAME = re.compile(r"\w+(\.\w+){0,2}\Z")


@dataclass(frozen=True, slots=True)
class Ident:
    """One part of a name as it was written."""

    name: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Read:
    """A table name in a text: its parts, the characters [start, end) that it occupies, and whether an alias follows (or none may)."""

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
    found = []
    for table in parsed.tree.find_all(exp.Table):
        read = _read(table, parsed.sql)
        if read is not None and not (len(read.parts) == 1 and _hidden(table, fold(read.parts[0].name, read.parts[0].quoted), fold)):
            found.append(read)
    found.sort(key=lambda read: read.start)
    return tuple(found)


def _hidden(table: Any, key: str, fold: Fold) -> bool:
    """Whether a CTE in sight has that name: looked for from the table outwards."""
    child, node = table, table.parent
    while node is not None:
        if isinstance(node, exp.With):
            recursive = node.args.get("recursive")
            for cte in node.expressions:
                if cte is child and not (recursive and isinstance(cte.this.unnest(), exp.SetOperation)):
                    break  # also after RECURSIVE, what is no union cannot mean itself
                if _key(cte, fold) == key:
                    return True
        else:
            with_ = node.args.get("with_")
            if with_ is not None and with_ is not child and any(_key(cte, fold) == key for cte in with_.expressions):
                return True
        child, node = node, node.parent
    return False


def _key(cte: Any, fold: Fold) -> str:
    alias = cte.args["alias"].this
    return fold(alias.name, bool(alias.args.get("quoted")))


def _read(table: Any, sql: str) -> Read | None:
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
    return Read(idents, start, end, bool(table.alias) or _ALONE.search(sql[max(0, start - 40) : start]) is not None)


def named_in_calls(parsed: Parsed) -> tuple[tuple[tuple[str, ...], int], ...]:
    """The plain table names that stand as text in `query_table('x')`, `query_table(['x', 'y'])` and `query('from x')` of DuckDB, with
    their offset."""
    if parsed.tree is None or not _CALLS_TEXT.search(parsed.sql):
        return ()
    found: list[tuple[tuple[str, ...], int]] = []
    for call in parsed.tree.find_all(exp.Anonymous):
        if call.name.lower() == "query":
            for literal in call.find_all(exp.Literal):
                inner = parse(literal.name, "duckdb") if literal.is_string else None
                if isinstance(inner, Parsed):
                    at = max(parsed.sql.find("'" + literal.name.replace("'", "''") + "'"), 0)
                    found += [(tuple(part.name for part in read.parts), at) for read in reads(inner, _small)]
        elif call.name.lower() == "query_table":
            for literal in call.find_all(exp.Literal):
                if literal.is_string and _PLAIN_NAME.match(literal.name):
                    spot = re.search(rf"'{re.escape(literal.name)}'", parsed.sql)
                    found.append((tuple(literal.name.split(".")), spot.start() + 1 if spot is not None else 0))
    return tuple(found)


def _small(name: str, quoted: bool) -> str:
    return name.lower()


def qualifiers(parsed: Parsed) -> tuple[Read, ...]:
    """Every `schema.table` (or longer) that stands before a column's name, as `raw.flights` in `raw.flights.id`."""
    found = []
    for column in parsed.tree.find_all(exp.Column) if parsed.tree is not None else ():
        parts = [column.args.get(key) for key in ("catalog", "db", "table")]
        parts = [part for part in parts if part is not None]
        if len(parts) > 1 and all(isinstance(part, exp.Identifier) and "start" in part.meta for part in parts):
            idents = tuple(Ident(part.name, bool(part.args.get("quoted"))) for part in parts)
            found.append(Read(idents, parts[0].meta["start"], parts[-1].meta["end"] + 1, False))
    return tuple(found)
