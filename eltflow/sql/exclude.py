"""`* exclude (a)` spelt out, where the columns stand in the statement itself: of a CTE or a subquery that names them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlglot import exp


def spell_out(tree: Any) -> None:
    """Puts the columns in the place of every star that leaves some out, as far as they can be told; others stay."""
    for select in list(tree.find_all(exp.Select)):
        made: list[Any] = []
        for one in select.expressions:
            star = _star(one)
            columns = _of_star(one, select) if star is not None and star.args.get("except_") else None
            if star is None or columns is None:
                made.append(one)
                continue
            made += [column for column in columns if not _left_out(column, star)]
        if any(one not in select.expressions for one in made):
            select.set("expressions", made)


def _left_out(column: Any, star: Any) -> bool:
    """Whether a star leaves out a column: by its name, or by that and its table's."""
    return any(
        one.name.lower() == column.name.lower() and (not one.text("table") or one.text("table").lower() == column.table.lower())
        for one in star.args.get("except_") or ()
    )


def _star(one: Any) -> Any:
    if isinstance(one, exp.Star):
        return one
    return one.this if isinstance(one, exp.Column) and isinstance(one.this, exp.Star) else None


def _of_star(one: Any, select: Any) -> list[Any] | None:
    """The columns that a star stands for, each with its table; None where one is not known."""
    wanted = one.table if isinstance(one, exp.Column) else None
    found: list[Any] = []
    for source in _sources(select):
        name = source.alias_or_name
        if wanted is not None and name.lower() != wanted.lower():
            continue
        columns = _columns(source)
        if columns is None:
            return None
        alias = source.args.get("alias")
        table = alias.this if alias is not None else source.this
        found += [exp.Column(this=column.copy(), table=table.copy()) for column in columns]
    return found or None


def _sources(select: Any) -> Iterator[Any]:
    from_ = select.args.get("from_")
    if from_ is not None:
        yield from_.this
    for join in select.args.get("joins") or ():
        if join.args.get("using"):
            yield exp.Null()  # which columns are one is not looked at
        yield join.this


def _columns(source: Any) -> list[Any] | None:
    """The columns of a CTE or a subquery; None for a table."""
    if isinstance(source, exp.Subquery):
        return _outputs(source.this)
    if not isinstance(source, exp.Table) or source.args.get("db") is not None:
        return None
    cte = _cte(source)
    return _outputs(cte.this) if cte is not None and not cte.args["alias"].args.get("columns") else None


def _cte(table: Any) -> Any:
    """The CTE that a name means: one before it in the same WITH, or one of a query around it."""
    child, node = table, table.parent
    while node is not None:
        with_ = node if isinstance(node, exp.With) else node.args.get("with_")
        if with_ is not None and with_ is not child:
            for cte in with_.expressions:
                if cte is child:
                    break
                if cte.alias.lower() == table.name.lower():
                    return cte
        child, node = node, node.parent
    return None


def _outputs(query: Any) -> list[Any] | None:
    while isinstance(query, (exp.SetOperation, exp.Subquery)):
        query = query.this
    if not isinstance(query, exp.Select):
        return None
    found: list[Any] = []
    for one in query.expressions:
        star = _star(one)
        if star is not None:
            columns = _of_star(one, query)
            if columns is None or star.args.get("replace") or star.args.get("rename"):
                return None
            found += [column.this for column in columns if not _left_out(column, star)]
        elif isinstance(one, exp.Alias):
            found.append(one.args["alias"])
        elif isinstance(one, exp.Column):
            found.append(one.this)
        else:
            return None
    return found
