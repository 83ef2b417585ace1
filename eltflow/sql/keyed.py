"""Queries that give at most one row, or one row for each value of some of their columns: a LEFT JOIN to one neither adds nor drops rows, so
that what it reads decides over its own columns alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlglot import exp

from eltflow.sql.flow import Cause, Scope, Table

#: The key of an identifier, as `Expressions.key`.
Key = Callable[[Any], str]


def one_row(node: Any, made: Table, grouped: list[bool]) -> bool:
    """Whether a select gives exactly one row; `grouped` says of each of its columns whether no aggregation is in it."""
    args = node.args
    several = any(column.rows is not None for column in made.columns)
    fewer = any(args.get(key) is not None for key in ("group", "having", "qualify", "limit", "offset"))
    return not all(grouped) and not several and not fewer and not made.open


def keys_of(node: Any, made: Table, grouped: list[bool], scope: Scope, key: Key) -> frozenset[frozenset[str]]:
    """Sets of output columns (folded names) that no two rows of a select have the same values of; the empty set says that there is one row
    at most. `grouped` is as for `one_row`."""
    args = node.args
    if any(column.rows is not None for column in made.columns):
        return frozenset()  # rows are made in the select list
    limit = args.get("limit")
    if limit is not None and isinstance(limit.expression, exp.Literal) and limit.expression.name in ("0", "1"):
        return frozenset([frozenset()])
    group = args.get("group")
    if group is None and not all(grouped):
        return frozenset([frozenset()])
    outputs = _outputs(node, scope, key)
    found: set[frozenset[str]] = set()
    if group is not None and not any(group.args.get(sets) for sets in ("grouping_sets", "cube", "rollup", "totals")):
        terms: Iterable[Any] = group.expressions
        if group.args.get("all"):
            found.add(frozenset(made.fold(c.name, True) for c, by in zip(made.columns, grouped, strict=True) if by))
        elif group.expressions:
            found |= _mapped(terms, outputs, node, scope, key)
    distinct = args.get("distinct")
    if distinct is not None and distinct.args.get("on") is not None:
        on = distinct.args["on"]
        found |= _mapped(
            on.expressions if isinstance(on, exp.Tuple) else [on.this if isinstance(on, exp.Paren) else on],
            outputs,
            node,
            scope,
            key,
        )
    elif distinct is not None and not made.open:
        same = (one.alias for one in node.expressions if isinstance(one, exp.Alias) and isinstance(one.this, exp.Literal))
        found.add(frozenset(made.index) - {key(name) for name in same})
    for one in node.expressions:
        if isinstance(one, exp.Alias) and isinstance(one.this, exp.Window) and isinstance(one.this.this, exp.RowNumber):
            parted = one.this.args.get("partition_by") or []
            number = key(one.args["alias"])
            found |= {shown | {number} for shown in (_mapped(parted, outputs, node, scope, key) if parted else {frozenset[str]()})}
    if args.get("qualify") is not None:
        found |= _mapped(_first_of(args["qualify"].this), outputs, node, scope, key)
    if group is None and not args.get("joins") and not args.get("laterals") and len(scope.tables) == 1:
        (table,) = scope.tables.values()
        found |= _passed(
            table, outputs, made, _fixed(args.get("where"), key), starred=any(_is_star(one) for one in node.expressions)
        )
    return frozenset(found)


def keys_of_values(node: Any, made: Table) -> frozenset[frozenset[str]]:
    """The columns of a list of rows in which every value is written out, and no two are the same."""
    rows = [row.expressions if isinstance(row, exp.Tuple) else [row] for row in node.expressions]
    found = set()
    for at, column in enumerate(made.columns):
        values = [row[at] for row in rows if at < len(row)]
        written = all(isinstance(value, exp.Literal) for value in values) and len({value.is_string for value in values}) == 1
        if written and len({value.name for value in values}) == len(rows):
            found.add(frozenset([made.fold(column.name, True)]))
    return frozenset(found)


def _outputs(node: Any, scope: Scope, key: Key) -> dict[str, str]:
    """The names of outputs, by the column or expression that each shows; and by themselves, where no column that is read has such a name,
    as GROUP BY may call them."""
    shown: dict[str, str] = {}
    aliases: dict[str, str] = {}
    group = node.args.get("group")
    terms = [*(group.expressions if group is not None else ()), node.args.get("distinct"), node.args.get("qualify")]
    plain = all(term is None or isinstance(term, (exp.Column, exp.Literal)) for term in terms) and not node.args.get("windows")
    for one in node.expressions:
        inner = one.this if isinstance(one, exp.Alias) else one
        if plain and not isinstance(inner, exp.Column) and isinstance(one, exp.Alias):
            aliases[key(one.args["alias"])] = key(one.args["alias"])  # spelt out, it would be asked for by nobody
            continue
        name = one.args["alias"] if isinstance(one, exp.Alias) else inner.this if isinstance(inner, exp.Column) else None
        if isinstance(name, exp.Identifier):
            shown.setdefault(_spelt(inner, scope, key), key(name))
            aliases[key(name)] = key(name)
    read = list(scope.tables.values())
    free = {name for name in aliases if not any(table.open or name in table.index for table in read)}
    return {**{f".{name}": name for name in free}, **shown}


def _spelt(node: Any, scope: Scope, key: Key) -> str:
    """A column by its table and name (of one table alone, by its name), or the text of an expression."""
    if not (isinstance(node, exp.Column) and isinstance(node.this, exp.Identifier)):
        return str(node.sql())
    table = node.args.get("table")
    before = key(table) if table is not None and len(scope.tables) > 1 else ""
    return f"{before}.{key(node.this)}"


def _mapped(terms: Iterable[Any], outputs: dict[str, str], node: Any, scope: Scope, key: Key) -> set[frozenset[str]]:
    """The outputs that show all the terms; nothing if one is not shown."""
    made: list[str | None] = []
    for term in terms:
        if isinstance(term, exp.Literal):
            at = int(term.name) - 1 if term.name.isdigit() else -1
            one = node.expressions[at] if 0 <= at < len(node.expressions) else None
            if isinstance(one, exp.Alias):
                made.append(key(one.args["alias"]))
            else:
                made.append(outputs.get(_spelt(one, scope, key)) if one is not None else None)
        else:
            made.append(outputs.get(_spelt(term, scope, key)))
    return set() if None in made or not made else {frozenset(str(name) for name in made)}


def _first_of(condition: Any) -> list[Any]:
    """What the window of `row_number() over (...) = 1` is parted by, where a condition needs that."""
    for one in condition.flatten() if isinstance(condition, exp.And) else [condition]:
        first = isinstance(one, exp.EQ) and isinstance(one.expression, exp.Literal) and one.expression.name == "1"
        if first and isinstance(one.this, exp.Window) and isinstance(one.this.this, exp.RowNumber):
            return one.this.args.get("partition_by") or []
    return []


def _is_star(one: Any) -> bool:
    """A plain star, which shows every column under its name."""
    star = one.this if isinstance(one, exp.Column) else one
    return isinstance(star, exp.Star) and not any(star.args.values())


def _fixed(where: Any, key: Key) -> frozenset[str]:
    """The columns that a condition leaves one value to."""
    condition = where.this if where is not None else None
    found = set()
    for one in condition.flatten() if isinstance(condition, exp.And) else [condition]:
        if isinstance(one, exp.EQ) and isinstance(one.this, exp.Column) and isinstance(one.expression, exp.Literal):
            found.add(key(one.this.this))
    return frozenset(found)


def _passed(table: Table, outputs: dict[str, str], made: Table, fixed: frozenset[str], *, starred: bool) -> set[frozenset[str]]:
    """The keys of the one table that is read, without columns that have one value, where the others are shown."""
    found = set()
    for one in (whole - fixed for whole in table.keys):
        names = [outputs.get(f".{column}") or (column if starred and column in made.index else None) for column in one]
        if None not in names:
            found.add(frozenset(str(name) for name in names))
    return found


def following(node: Any) -> frozenset[int]:
    """The places of outputs of a select that have one value for each value of others that it shows: aggregates over whole groups of rows.
    DISTINCT compares them without effect."""
    inner = [one.this if isinstance(one, exp.Alias) else one for one in node.expressions]
    if not any(isinstance(one, exp.Window) for one in inner):
        return frozenset()
    shown = {one.sql() for one in inner if not isinstance(one, exp.Window)}
    return frozenset(
        at
        for at, one in enumerate(inner)
        if isinstance(one, exp.Window)
        and isinstance(one.this, (exp.Sum, exp.Count, exp.Avg, exp.Min, exp.Max))
        and not any(one.args.get(part) for part in ("order", "spec", "alias", "first"))
        and all(term.sql() in shown for term in one.args.get("partition_by") or ())
    )


def meets_once(join: Any, alias: str, table: Table, key: Key, using: set[str]) -> bool:
    """Whether each row of the left side of a LEFT JOIN meets one row of a table at most; `using` are the columns of USING, or those that a
    natural join is on."""
    if join.args.get("method") == "ASOF":
        return True  # the nearest one
    if join.args.get("method") not in (None, "", "NATURAL") or table.find_keys is None or not table.keys:
        return False
    if frozenset() in table.keys:
        return True
    same = set(using)
    on = join.args.get("on")
    for one in on.flatten() if isinstance(on, exp.And) else [on]:
        if isinstance(one, (exp.EQ, exp.NullSafeEQ)):
            same |= _equal(one.this, one.expression, alias, key) | _equal(one.expression, one.this, alias, key)
    return any(one <= same for one in table.keys)


def _equal(own: Any, other: Any, alias: str, key: Key) -> set[str]:
    """The column of a table that is said to be equal to something that the table has no part in."""
    if not (isinstance(own, exp.Column) and own.args.get("table") is not None and key(own.args["table"]) == alias):
        return set()
    used = [*other.find_all(exp.Column)]
    if other.find(exp.Query) is not None or any(c.args.get("table") is None or key(c.args["table"]) == alias for c in used):
        return set()
    return {key(own.this)}


def decided(table: Table, causes: set[Cause], unknown: str) -> Table:
    """The table, with what decides whether a row is met: over its own columns, and not over the rows of who joins it."""
    more = causes | table.rows
    made = Table([column.decided(more, unknown or table.unsure) for column in table.columns], set(), table.fold)
    made.find_keys = lambda: table.keys
    return made
