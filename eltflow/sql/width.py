"""How many columns a query gives, and set operations of queries that certainly give different numbers of them."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from eltflow.sql.values import Names, Unequal

#: What a set operation may say of matching columns otherwise than by their place.
_OTHERWISE = ("by_name", "side", "kind", "on")


class Widths:
    """The widths of set operations, each as it was found, so that a chain of them is not walked again for each of its arms."""

    def __init__(self) -> None:
        self._found: dict[int, int | None] = {}

    def compared(self, node: Any, left: Names, right: Names) -> Unequal | None:
        """What is wrong with a set operation, whose arms give the columns `left` and `right`; None if that is not certain."""
        if any(node.args.get(key) for key in _OTHERWISE):
            self._found[id(node)] = None
            return None
        first, second = self._width(node.this, left), self._width(node.expression, right)
        self._found[id(node)] = second if second is not None else first
        if first is None or second is None or first == second:
            return None
        after, before = _spots(node.this), _spots(node.expression)
        return Unequal(first, second, max(after, default=0), min(before, default=None))

    def _width(self, query: Any, columns: Names) -> int | None:
        while isinstance(query, (exp.Subquery, exp.Paren)) and not query.args.get("pivots"):
            query = query.this
        if isinstance(query, exp.SetOperation):
            return self._found.get(id(query))
        if columns.complete:
            return len(columns.names)
        if not isinstance(query, exp.Select) or query.args.get("kind") or not query.expressions:
            return None
        # A function that sqlglot does not know may give several columns on some engines.
        unsure = any(one.is_star or isinstance(one, exp.Anonymous) or many(one) for one in query.expressions)
        return None if unsure else len(query.expressions)


def _spots(query: Any) -> list[int]:
    """Where the names within a query stand."""
    return [int(one.meta["start"]) for one in query.find_all(exp.Identifier) if "start" in one.meta]


def many(projection: Any) -> bool:
    """Whether one expression may give several columns: `COLUMNS(...)`, `* LIKE 'a%'`, an unnested struct."""
    inner = projection.this if isinstance(projection, exp.Alias) else projection
    if isinstance(inner, (exp.Column, exp.Literal)):
        return False
    if isinstance(inner, exp.UDTF) or (isinstance(inner.args.get("this"), exp.Star) and not isinstance(inner, exp.Count)):
        return True
    return inner.find(exp.Columns) is not None
