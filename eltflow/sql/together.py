"""Names that several of the tables of a FROM have: which of them a join shows once, and which a bare name cannot tell apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

from sqlglot import exp

from eltflow.sql.reads import Fold
from eltflow.sql.values import Unshared

#: By alias, in the order of FROM: a table's columns (folded names) first.
Tables = Mapping[str, tuple[frozenset[str], bool, tuple[str, ...]]]


def merged_names(joins: Sequence[Any], fold: Fold) -> frozenset[str]:
    """Columns that a join's USING gives once."""
    return frozenset(fold(plain(e), True) for join in joins for e in join.args.get("using") or ())


def twice(
    tables: Tables, sources: Sequence[Any], only_match: Set[int], joins: Sequence[Any], merged: frozenset[str]
) -> frozenset[str]:
    """The names that stand in several of the tables, but for those that a USING gives once; none where a join is on names of its own
    finding, and of tables of which only the matching is seen."""
    if len(tables) != len(sources) or any(join.args.get("method") for join in joins):
        return frozenset()
    shown = [folded for source, (folded, _, _) in zip(sources, tables.values(), strict=True) if id(source) not in only_match]
    return _several(shown) - merged


def twice_on(tables: Tables, joins: Sequence[Any], shared: frozenset[str], fold: Fold) -> frozenset[str]:
    """The same for the condition of the last of the joins, which sees no table that comes later (nor, after a comma, any before)."""
    if any(_comma(join) for join in joins):
        return frozenset()
    seen = list(tables.values())[: len(joins) + 1]
    return _several([folded for folded, _, _ in seen]) & shared


def unshared(tables: Tables, joins: Sequence[Any], fold: Fold) -> Iterator[Unshared]:
    """Names in USING that one side of their join lacks, where all columns of all tables are known and each join adds one table."""
    sides = list(tables.values())
    for at, join in enumerate(joins, 1):
        for one in join.args.get("using") or ():
            _, name = named(one, fold)
            start = _spot(one, "start")
            for side, there in (("left", sides[:at]), ("right", sides[at : at + 1])):
                if start is not None and not any(name in folded for folded, _, _ in there):
                    known = tuple(dict.fromkeys(name for _, _, names in there for name in names))
                    yield Unshared(plain(one), start, start + len(plain(one)), side, known)
                    break


def _spot(node: Any, key: str) -> int | None:
    found = _identifier(node).meta.get(key)
    return int(found) if found is not None else None


def _identifier(node: Any) -> Any:
    return node.this if isinstance(node, exp.Column) else node


def _several(tables: Sequence[frozenset[str]]) -> frozenset[str]:
    once: set[str] = set()
    more: set[str] = set()
    for folded in tables:
        more |= once & folded
        once |= folded
    return frozenset(more)


def _comma(join: Any) -> bool:
    return not any(join.args.get(key) for key in ("on", "using", "kind", "side", "method"))


def plain(node: Any) -> str:
    return str(node.name)


def named(column: Any, fold: Fold) -> tuple[str | None, str]:
    """The table, if it is said, and the name of a column that a star leaves out or renames, both folded."""
    parts = [column.args.get("table"), column.this] if isinstance(column, exp.Column) else [None, column]
    table, name = (fold(one.name, bool(one.args.get("quoted"))) if one is not None else None for one in parts)
    return table, str(name)


def stored(identifier: Any, fold: Fold) -> str:
    """The name that the engine makes of an identifier: as written, unless what has no quotes is another name than the same in quotes."""
    name = str(identifier.name)
    if identifier.args.get("quoted") or fold(name, True) == fold(name, False):
        return name
    return fold(name, False)
