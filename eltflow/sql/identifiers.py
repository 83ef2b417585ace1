"""Names between dialects: what quotes and capitals mean where a text was written, kept where it goes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from sqlglot import exp
from sqlglot.dialects.dialect import NormalizationStrategy

from eltflow.sql.parse import dialect_of

_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_FOLDS = {NormalizationStrategy.UPPERCASE: str.upper, NormalizationStrategy.LOWERCASE: str.lower}


@cache
def _reserved() -> frozenset[str]:
    """Words that some engine takes for its own: a name in quotes that is one of them keeps them."""
    words = (dialect_of(name).generator().RESERVED_KEYWORDS for name in ("duckdb", "bigquery", "mysql", "redshift"))
    return frozenset(word.lower() for some in words for word in some)


def key(name: str, quoted: bool, dialect: str) -> str:
    """Equal for two spellings exactly when the engine takes them for the same column (MySQL's columns are compared without case)."""
    fold = _FOLDS.get(dialect_of(dialect).normalization_strategy)
    if fold is None:
        return name.lower()
    return name if quoted else fold(name)


def respelt(tree: Any, read: str, write: str) -> None:
    """Every name so that it means in `write` what it did in `read`.

    Quotes that change nothing where they were written would change something where capitals count: they go, or the name becomes what the
    target makes of it without them. MySQL tells aliases of tables apart by case: they become small.
    """
    fold = _FOLDS.get(dialect_of(write).normalization_strategy)
    small = dialect_of(write).normalization_strategy is NormalizationStrategy.CASE_SENSITIVE
    for one in tree.find_all(exp.Identifier):
        name, quoted = one.name, bool(one.args.get("quoted"))
        means = quoted and key(name, True, read) != key(name, False, read)
        if not means:
            plain = _BARE.match(name) is not None and name.lower() not in _reserved()
            if fold is not None and (fold is str.lower or (not plain and (quoted or name.lower() in _reserved()))):
                one.set("this", fold(name))
            one.set("quoted", not plain)
        if small and _names_a_table(one):
            one.set("this", one.name.lower())


def _names_a_table(one: Any) -> bool:
    """Whether it is an alias, a CTE's name, or the table before a column; not the name of a table that stands outside."""
    parent = one.parent
    if isinstance(parent, exp.TableAlias):
        return parent.this is one
    if isinstance(parent, exp.Column):
        return parent.args.get("table") is one and parent.args.get("db") is None and not _is_outside(one)
    return isinstance(parent, exp.Table) and parent.args.get("db") is None and not _is_outside(one)


def _is_outside(one: Any) -> bool:
    """Whether a table of that very name, which no CTE defines, stands in the statement."""
    root = one.root()
    ctes = {cte.alias.lower() for cte in root.find_all(exp.CTE)}
    return one.name.lower() not in ctes and any(
        table.name == one.name and table.args.get("alias") is None for table in root.find_all(exp.Table)
    )


def twins(tree: Any, read: str, write: str) -> Iterator[tuple[Any, str]]:
    """Columns of one select list, and CTEs of one WITH, that are two names in `read` and one in `write`."""
    for select in tree.find_all(exp.Select):
        named = [one.args["alias"] if isinstance(one, exp.Alias) else one.this for one in select.expressions if one.alias_or_name]
        yield from _twins(named, read, write)
    for with_ in tree.find_all(exp.With):
        yield from _twins([cte.args["alias"].this for cte in with_.expressions], read, write)


def _twins(named: list[Any], read: str, write: str) -> Iterator[tuple[Any, str]]:
    seen: dict[str, Any] = {}
    for one in named:
        if not isinstance(one, exp.Identifier):
            continue
        quoted = bool(one.args.get("quoted"))
        means = quoted and key(one.name, True, read) != key(one.name, False, read)
        other = seen.setdefault(key(one.name, means, write), one)
        if key(other.name, bool(other.args.get("quoted")), read) != key(one.name, quoted, read):
            first, second = other.sql(dialect=read), one.sql(dialect=read)
            yield one, f"`{first}` and `{second}` are two names in {read}, and one there"
