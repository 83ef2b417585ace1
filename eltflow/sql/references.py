"""Where a statement names columns, tables and functions, so that one of them can be told of, or taken out of the text."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from eltflow.base.records import dataclass
from eltflow.sql.parse import Parsed


@dataclass(frozen=True, slots=True)
class Reference:
    """A column as it is named in a text: the characters [start, end) with its table, `name_start` without; `alone` if its name becomes
    that of a column of the query."""

    name: str
    table: str | None
    start: int
    name_start: int
    end: int
    alone: bool


def references(parsed: Parsed) -> dict[int, Reference]:
    """The columns that a statement names, by where they begin, and by where their names do."""
    found = {}
    for column in parsed.tree.find_all(exp.Column) if parsed.tree is not None else ():
        parts = column.parts
        spots = [part.meta for part in parts if isinstance(part, exp.Identifier) and "start" in part.meta]
        if not spots or len(spots) != len(parts):
            continue
        table = ".".join(part.name for part in parts[:-1]) or None
        alone = column.arg_key == "expressions" and isinstance(column.parent, exp.Select)
        one = Reference(parts[-1].name, table, spots[0]["start"], spots[-1]["start"], spots[-1]["end"] + 1, alone)
        found[one.start] = found[one.name_start] = one
    return found


def names_of_tables(parsed: Parsed) -> frozenset[str]:
    """What the tables and queries that a statement reads are called in it, in small letters."""
    tree = parsed.tree
    return (
        frozenset(one.alias_or_name.lower() for one in tree.find_all(exp.Table, exp.Subquery, exp.UDTF))
        if tree is not None
        else frozenset()
    )


def using_spot(parsed: Parsed, name: str) -> int | None:
    """Where the first USING of a statement that names a column names it."""
    for join in parsed.tree.find_all(exp.Join) if parsed.tree is not None else ():
        for one in join.args.get("using") or ():
            identifier: Any = one.this if isinstance(one, exp.Column) else one
            if identifier.name.lower() == name.lower() and "start" in identifier.meta:
                return int(identifier.meta["start"])
    return None
