"""Which columns of a query certainly hold nothing of certain named columns: plain copies of others, counts and constants.

What cannot be followed is not certain. Names are compared in small letters, whatever the dialect says: that can only find more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from sqlglot import exp

from eltflow.sql.parse import Refused, parse

#: Of a column by its name (small letters): True if it is harmless, False if that is not known, None if there is no such column.
_Columns = Callable[[str], bool | None]
#: What an engine puts behind a name that comes twice.
_NUMBERED = re.compile(r"[_:]\d+\Z")
_WRAPPED = (exp.Paren, exp.Cast, exp.TryCast)


def harmless(sql: str, dialect: str, named: frozenset[str]) -> Callable[[str], bool] | None:
    """Tells of a column that the query gives whether it surely holds nothing of the columns `named` (small letters) of any table; None
    for a query that cannot be read."""
    parsed = parse(sql, dialect)
    if isinstance(parsed, Refused) or parsed.count != 1:
        return None
    columns = _query(parsed.tree, {}, named)
    return lambda name: columns(name.lower()) is True and columns(_NUMBERED.sub("", name.lower())) is not False


def _unknown(name: str) -> bool | None:
    return False


def _query(node: Any, ctes: Mapping[str, _Columns], named: frozenset[str]) -> _Columns:
    with_ = node.args.get("with_")
    if with_ is not None:
        if with_.args.get("recursive"):
            return _unknown
        known = dict(ctes)
        for cte in with_.expressions:
            alias = cte.args["alias"]
            known[alias.this.name.lower()] = _unknown if alias.args.get("columns") else _query(cte.this, known, named)
        ctes = known
    if isinstance(node, exp.Paren | exp.Subquery) and not node.args.get("pivots"):
        return _query(node.this, ctes, named)
    if isinstance(node, exp.SetOperation):
        return _both(node, ctes, named)
    return _select(node, ctes, named) if isinstance(node, exp.Select) else _unknown


def _both(node: Any, ctes: Mapping[str, _Columns], named: frozenset[str]) -> _Columns:
    """Rows of two queries, whose columns are matched by place: harmless where both give the same names in the same order."""
    sides = [node.this, node.expression]
    names = [[e.alias_or_name.lower() for e in side.expressions] if isinstance(side, exp.Select) else None for side in sides]
    if names[0] is None or names[0] != names[1] or "*" in names[0] or "" in names[0]:
        return _unknown
    left, right = (_query(side, ctes, named) for side in sides)
    return lambda name: None if left(name) is None else bool(left(name) and right(name))


def _select(node: Any, ctes: Mapping[str, _Columns], named: frozenset[str]) -> _Columns:
    sources = _sources(node, ctes, named)
    if sources is None:
        return _unknown

    def column(name: str, table: str) -> bool | None:
        if table:
            return sources[table](name) if table in sources else False
        if name in sources:
            return False  # a whole row, by its table's name
        told = [found for source in sources.values() if (found := source(name)) is not None]
        return all(told) if told else None

    given: dict[str, bool] = {}
    stars: list[_Columns] = []
    for item in node.expressions:
        star = item.this if isinstance(item, exp.Column) and isinstance(item.this, exp.Star) else item
        if isinstance(star, exp.Star):
            if any(value for key, value in star.args.items() if key != "except_"):
                return _unknown
            stars.append(_of(item.text("table").lower() if star is not item else "", column))
            continue
        name = item.alias_or_name.lower()
        fine = bool(name) and name not in named and _fine(item.unalias(), column)
        given[name] = given.get(name, True) and fine

    def columns(name: str) -> bool | None:
        if name in named:
            return False
        told = [found for star in stars if (found := star(name)) is not None]
        told += [given[name]] if name in given else []
        return all(told) if told else None

    return columns


def _of(table: str, column: Callable[[str, str], bool | None]) -> _Columns:
    return lambda name: column(name, table)


def _sources(node: Any, ctes: Mapping[str, _Columns], named: frozenset[str]) -> dict[str, _Columns] | None:
    """The tables in sight by their names; None where one of them is more than a table or a query."""
    from_ = node.args.get("from_")
    if node.args.get("laterals"):
        return None
    found: dict[str, _Columns] = {}
    todo = [from_.this] if from_ is not None else []
    todo += [join.this for join in node.args.get("joins") or ()]
    while todo:
        source = todo.pop()
        alias = source.args.get("alias")
        todo += [join.this for join in source.args.get("joins") or ()]
        if source.args.get("pivots") or (alias is not None and alias.args.get("columns")):
            return None
        if isinstance(source, exp.Table) and isinstance(source.this, exp.Identifier):
            name = source.alias_or_name.lower()
            cte = ctes.get(source.name.lower()) if len(source.parts) == 1 else None
            found[name] = _unknown if name in found else cte or (lambda column: column not in named)
        elif isinstance(source, exp.Subquery):
            name = source.alias.lower() or f"\0{len(found)}"
            found[name] = _unknown if name in found else _query(source.this, ctes, named)
        else:
            return None
    return found


def _fine(value: Any, column: Callable[[str, str], bool | None]) -> bool:
    """Whether a value is a copy of a harmless column, a count, or a constant."""
    while isinstance(value, _WRAPPED):
        value = value.this
    if isinstance(value, exp.Column):
        plain = isinstance(value.this, exp.Identifier) and value.args.get("db") is None
        return plain and column(value.name.lower(), value.text("table").lower()) is True
    if isinstance(value, exp.Window):
        value = value.this
    return isinstance(value, exp.Count | exp.CountIf | exp.Literal | exp.Null | exp.Boolean)
