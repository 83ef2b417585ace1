"""Where each column of a query comes from: one walk over the tree that gives, for every output column, the upstream columns that its value
is made of and those that decide over it. What cannot be told is marked with the reason; nothing is guessed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any

from sqlglot import exp

from eltflow.sql.flow import COMPUTED, COPIED, RENAMED, Cause, Flow, Ranking, Scope, Spot, Table, both, unknown
from eltflow.sql.keyed import decided, following, keys_of, keys_of_values, meets_once, one_row
from eltflow.sql.parse import Parsed
from eltflow.sql.pivots import Pivots
from eltflow.sql.reads import Fold, Ident
from eltflow.sql.together import stored
from eltflow.sql.values import HOWS, UNKNOWN, ColumnLineage, Influence, Names, Origin, QueryLineage

#: Gives what a table is called and its columns, by the parts of its name.
Upstream = Callable[[tuple[Ident, ...]], tuple[str, Names]]


def lineage(
    parsed: Parsed,
    upstream: Upstream,
    fold: Fold,
    *,
    again: str | None = None,
    counts: bool = True,
    telling: str | None = None,
    listed: Sequence[str] | None = None,
) -> QueryLineage:
    """The lineage of a statement's columns, as a table made of it has them: a name that comes twice is told apart by a number behind
    `again`. Without `counts` nothing flows into a count. With `telling` expressions are told too, in that dialect. `listed` are the names
    that an engine gave the columns, if one was asked: none is left out then, and where the walk differs that is told."""
    if parsed.tree is None:
        return QueryLineage(unlisted="there is no statement")
    try:
        table = _Walk(upstream, fold, again, counts).query(parsed.tree, {}, None)
        table = (_as_listed(table, listed) if listed is not None else table).numbered(again)
    except RecursionError:
        return QueryLineage(unlisted="the statement is nested too deeply")
    columns = tuple(
        ColumnLineage(
            flow.name,
            tuple(Origin(*spot, HOWS[how]) for spot, how in sorted(flow.direct.items())),
            _influences(flow.causes),
            flow.unknown or None,
            _told(flow, telling) if telling is not None and flow.made_by else None,
        )
        for flow in table.columns
    )
    return QueryLineage(columns, _influences(table.rows), table.open or None, table.unsure or None)


def _as_listed(table: Table, names: Sequence[str]) -> Table:
    """A query's columns by the names that an engine gave them."""
    keys = [table.fold(name, True) for name in names]
    if not table.open and keys == [table.fold(column.name, True) for column in table.columns]:
        return table
    if not table.open and len(names) == len(table.columns):
        columns = [_as_called(flow, name, key in table.index) for flow, name, key in zip(table.columns, names, keys, strict=True)]
    else:
        reason = f"columns that the engine finds here: {len(names)}, that eltflow finds: {len(table.columns)}"
        # Of a name that is not here anything may be meant, as long as a column here is called otherwise by the engine.
        open_ = table.open and all(key in keys for key in table.index)
        given: dict[str, list[Flow]] = {}
        for column in table.columns:
            given.setdefault(table.fold(column.name, True), []).append(column)
        sure = {key for key, times in Counter(keys).items() if len(given.get(key, ())) == times}
        columns = []
        for name, key in zip(names, keys, strict=True):
            here = given.get(key)
            if here is None:
                columns.append((table.more(key) if open_ else unknown(name, reason)).named(name))
            else:
                columns.append(here.pop(0) if key in sure else unknown(name, reason))
    made = Table(columns, table.rows, table.fold)
    made.unsure = table.unsure
    return made


def _as_called(flow: Flow, name: str, elsewhere: bool) -> Flow:
    """A column as the engine calls it: an expression without a name of its own, or something that the walk took for another column."""
    if flow.name == name or flow.name.lower() == name.lower():
        return flow
    if elsewhere or not flow.made_by:
        return unknown(name, f"the engine calls this column `{name}`, eltflow took it for `{flow.name}`")
    return flow.named(name).by(*flow.made_by)


def expressions_of(parsed: Parsed) -> dict[str, Any]:
    """The one expression that makes each named column of a statement, as a tree; nothing is known of the tables that it reads."""
    if parsed.tree is None:
        return {}
    walk = _Walk(lambda parts: (parts[-1].name, UNKNOWN), lambda name, quoted: name.lower(), None, True)
    made = walk.query(parsed.tree, {}, None)
    return {flow.name: flow.made_by[0] for flow in made.columns if len(flow.made_by) == 1 and not isinstance(flow.made_by[0], str)}


def _told(flow: Flow, dialect: str) -> str | None:
    """The text that makes a column, of a union that of each arm; None for a column that nothing was done to."""
    texts = dict.fromkeys(one if isinstance(one, str) else one.sql(dialect=dialect, comments=False) for one in flow.made_by)
    return " UNION ".join(texts) if [*texts] != [flow.name] else None


def _influences(causes: set[Cause]) -> tuple[Influence, ...]:
    return tuple(Influence(*cause) for cause in sorted(causes))


class _Walk(Pivots):
    def __init__(self, upstream: Upstream, fold: Fold, again: str | None, counts: bool) -> None:
        super().__init__(fold)
        self._again = again
        self.counts = counts
        self._upstream = upstream
        self._tables: dict[tuple[str, ...], Table] = {}

    # -- queries ---------------------------------------------------------------------------------------------------------------

    def query(self, node: Any, ctes: Mapping[str, Table], outer: Scope | None) -> Table:
        """The columns of any query."""
        with_ = node.args.get("with_")
        if with_ is not None:
            ctes = self._ctes(with_, ctes, outer)
        if isinstance(node, exp.Select):
            return self._select(node, ctes, outer)
        if isinstance(node, exp.SetOperation):
            return self._set_operation(node, ctes, outer)
        if isinstance(node, (exp.Subquery, exp.Paren)):
            inner = self.query(node.this, ctes, outer)
            if node.args.get("pivots"):
                inner = self.pivoted(inner, node.args["pivots"], Scope(outer, ctes))
            return self._modified(node, inner, Scope(outer, ctes))
        scope = Scope(outer, ctes)
        if isinstance(node, exp.Pivot):
            return self._modified(node, self.pivoted(self._source(node.this, scope)[1], [node], scope), scope)
        if isinstance(node, (exp.Table, exp.Values)):
            rows = Flow()
            self._item(node, scope, rows)
            return self._table_of(self.star(exp.Star(), scope, None), rows, scope)
        if isinstance(node, exp.Summarize):
            return self._opaque("SUMMARIZE gives one row for each column")
        return self._opaque(f"a statement of the kind {node.key.upper()} is not followed")

    def _opaque(self, reason: str) -> Table:
        made = Table([], set(), self.fold)
        made.open = made.unsure = reason
        return made

    def _ctes(self, with_: Any, ctes: Mapping[str, Table], outer: Scope | None) -> Mapping[str, Table]:
        known = dict(ctes)
        for cte in with_.expressions:
            alias = cte.args["alias"]
            key = self.key(alias.this)
            listed = [stored(c, self.fold) for c in alias.args.get("columns") or ()]
            body = cte.this
            if with_.args.get("recursive") and isinstance(body, exp.SetOperation):
                known[key] = self._recursive(key, listed, body, known, outer)
            else:
                known[key] = self.query(body, known, outer).renamed(listed).numbered(self._again)
        return known

    def _recursive(self, key: str, listed: list[str], body: Any, known: Mapping[str, Table], outer: Scope | None) -> Table:
        """A recursive CTE: what its own rows add is walked until nothing new comes (it only grows, and the columns are finite)."""
        inner = body.args.get("with_")
        if inner is not None:
            known = self._ctes(inner, known, outer)
        # The anchor may name a table that the CTE hides from the other arm (SQL:2016 §7.13).
        anchor = self.query(body.this, known, outer).renamed(listed)
        current = anchor
        while True:
            before = current.size()
            step = self.query(body.expression, {**known, key: current}, outer)
            current = self._combined(body, anchor, self._combined(body, current, step))
            if current.size() == before:
                return current

    def _set_operation(self, node: Any, ctes: Mapping[str, Table], outer: Scope | None) -> Table:
        arms = [node.expression]
        first = node.this
        above = [node]
        # Unions lean to the left: walked in a loop, a thousand arms need no thousand stack frames.
        while isinstance(first, exp.SetOperation) and not _modifies(first):
            arms.append(first.expression)
            above.append(first)
            first = first.this
        made = self.query(first, ctes, outer)
        for operation, arm in zip(reversed(above), reversed(arms), strict=True):
            made = self._combined(operation, made, self.query(arm, ctes, outer))
        return self._modified(node, made, Scope(outer, ctes))

    def _combined(self, node: Any, left: Table, right: Table) -> Table:
        """Two arms of a set operation put together."""
        if not isinstance(node, exp.Union):
            return self._compared(left, right)
        columns, reason = self._by_name(left, right) if node.args.get("by_name") else self._by_position(left, right)
        made = Table(columns, left.rows | right.rows, self.fold)
        made.unsure = left.unsure or right.unsure
        made.open = reason
        if node.args.get("by_name") and reason:
            made.rest = lambda key: both(_or_nothing(left, key), _or_nothing(right, key), key)
        if node.args.get("distinct"):
            for column in columns:
                made.rows |= column.as_causes("distinct")
        return made

    @staticmethod
    def _by_position(left: Table, right: Table) -> tuple[list[Flow], str]:
        if left.open or right.open or len(left.columns) != len(right.columns):
            reason = left.open or right.open or "the arms of a set operation are not equally wide"
            made = [column.named(column.name) for column in left.columns]
            return [_unsure(column, reason) for column in made], reason
        return [both(a, b, a.name) for a, b in zip(left.columns, right.columns, strict=True)], ""

    def _by_name(self, left: Table, right: Table) -> tuple[list[Flow], str]:
        made = []
        for column in left.columns:
            key = self.fold(column.name, True)
            other = right.index.get(key)
            if other is None and right.open:
                column = _unsure(column, right.open)
            made.append(column if other is None else both(column, other, column.name))
        made += [
            _unsure(column, left.open) if left.open else column for key, column in right.index.items() if key not in left.index
        ]
        return made, left.open or right.open

    def _compared(self, left: Table, right: Table) -> Table:
        """EXCEPT and INTERSECT: values from the left, rows by comparing whole rows of both."""
        made = Table(left.columns, left.rows | right.rows, self.fold)
        for column in (*left.columns, *right.columns):
            made.rows |= column.as_causes("set")
        made.open, made.rest = left.open, left.rest
        made.unsure = left.unsure or right.unsure or left.open or right.open
        return made

    def _modified(self, node: Any, table: Table, scope: Scope) -> Table:
        """ORDER BY and LIMIT after a set operation or a query in parentheses."""
        order = node.args.get("order")
        rows = Flow()
        for key in ("limit", "offset"):
            self._counted(node.args.get(key), scope, rows)
        if order is None or not (node.args.get("limit") or node.args.get("offset")):
            if rows.causes:
                made = Table(table.columns, table.rows | rows.causes, self.fold)
                made.open, made.rest, made.unsure = table.open, table.rest, table.unsure or rows.unknown
                return made
            return table
        scope.add("", table)
        made = Table(table.columns, table.rows, self.fold)
        made.open, made.rest = table.open, table.rest
        self._sorted(order, scope, made, rows)
        made.rows, made.unsure = table.rows | rows.causes, table.unsure or rows.unknown
        return made

    def _counted(self, clause: Any, scope: Scope, rows: Flow) -> None:
        """A LIMIT or an OFFSET that a query tells."""
        number = clause.args.get("expression") if clause is not None else None
        if isinstance(number, exp.Expression) and number.find(exp.Query) is not None:
            self.visit(number, scope, rows, COPIED, "filter")

    # -- select ----------------------------------------------------------------------------------------------------------------

    def _select(self, node: Any, ctes: Mapping[str, Table], outer: Scope | None) -> Table:
        args = node.args
        scope = Scope(outer, ctes)
        rows = Flow()
        outside, self._aliases_first = self._aliases_first, {}
        from_ = args.get("from_")
        self._from([from_.this] if from_ is not None else [], list(args.get("joins") or ()), scope, rows)
        for lateral in args.get("laterals") or ():
            scope.add(*self._source(lateral, scope))
        for window in args.get("windows") or ():
            scope.windows[self.key(window.this)] = window
        made = self._outputs(node, scope, rows)
        if args.get("match") is not None:
            made.become([])
            made.open = rows.unknown = "what MATCH_RECOGNIZE finds is not followed"
        first = self._first_rows(args, scope, made)
        for clause in ("where", "qualify"):
            if args.get(clause) is not None and (first is None or first[0] != clause):
                self.visit(args[clause].this, scope, rows, COPIED, "filter")
        connect = args.get("connect")
        for key in ("start", "connect") if connect is not None else ():
            if connect.args.get(key) is not None:
                self.visit(connect.args[key], scope, rows, COPIED, "filter")
        if args.get("having") is not None:
            self._having(node, scope, rows)
        self._group(args.get("group"), scope, made, rows)
        regrouped = self._regrouped(args, scope, made)
        scope.times.causes |= regrouped
        for table in scope.tables.values():
            scope.times.causes |= table.often
        often = self._repeated(node, scope, made, rows) if scope.times.causes else set()
        self._distinct(args, scope, made, rows)
        for key in ("limit", "offset"):
            self._counted(args.get(key), scope, rows)
        if first is not None:
            rows.take(first[1].parted, COPIED, "filter")
            made.become(first[1].graded(made.columns))
        self._ranked_still(args, scope, made)
        self._aliases_first = outside
        table = self._table_of(made, rows, scope, regrouped)
        table.often = often - table.rows
        table.rows |= often
        grouped = [not column.aggregated for column in table.columns]
        for column in table.columns:
            column.aggregated = False  # to who reads this query it is a column like any other
        if args.get("group") is not None:
            table.become([column.as_key() if key else column for column, key in zip(table.columns, grouped, strict=True)])
        table.find_keys = lambda: keys_of(node, table, grouped, scope, self.key)
        # Of an aggregation without groups there is one row, whatever it reads: that decides over its columns.
        return decided(table, set(), "") if one_row(node, table, grouped) else table

    def _first_rows(self, args: Mapping[str, Any], scope: Scope, made: Table) -> tuple[str, Ranking] | None:
        """The clause that does nothing but keep the first rows of each group, by the number that `row_number()` gave them, and the order
        of those: how many rows there are does not hang on it."""
        later = ("group", "having", "distinct", "limit", "offset", "laterals", "windows")
        if made.open or made.rows or any(args.get(key) for key in later):
            return None
        clauses = [key for key in ("where", "qualify") if args.get(key) is not None]
        if not clauses or (clauses[-1] == "where" and (args.get("joins") or len(scope.tables) != 1)):
            return None
        condition = args[clauses[-1]].this
        if not isinstance(condition, (exp.EQ, exp.LT, exp.LTE)) or not isinstance(condition.expression, exp.Literal):
            return None
        number = condition.this
        ranked = self.value(number, scope).ranked if isinstance(number, (exp.Window, exp.Column)) else None
        here = clauses[-1] == "qualify"
        return (clauses[-1], ranked) if ranked is not None and (ranked.scope is scope) is here else None

    @staticmethod
    def _ranked_still(args: Mapping[str, Any], scope: Scope, made: Table) -> None:
        """The number of a row says no longer which row that is once rows were left out after they got their numbers."""
        left_out = any(args.get(key) for key in ("qualify", "distinct", "limit", "offset"))
        passed = len(scope.tables) == 1 and not any(args.get(key) for key in ("where", "group", "having", "joins", "laterals"))
        if any(column.ranked is not None for column in made.columns):
            made.become(
                [c.unranked() if c.ranked and (left_out or not (passed or c.ranked.scope is scope)) else c for c in made.columns]
            )

    def _having(self, node: Any, scope: Scope, rows: Flow) -> None:
        """A bare name in HAVING is a column that is grouped by, else an alias of the select list (outside of aggregates)."""
        group = node.args.get("group")
        terms = (*(group.expressions if group is not None else ()), *(node.expressions if group is not None else ()))
        grouped = {self.key(one.this) for one in terms if isinstance(one, exp.Column) and isinstance(one.this, exp.Identifier)}
        self._aliases_first = {key: flow for key, flow in scope.aliases.items() if key not in grouped}
        self.visit(node.args["having"].this, scope, rows, COPIED, "filter")
        self._aliases_first = {}

    def _regrouped(self, args: Mapping[str, Any], scope: Scope, made: Table) -> set[Cause]:
        """What decides how often the rows of a grouped query are there, where this one does nothing but group them again by some of the same
        terms: which of these there are does not hang on it."""
        more = ("where", "having", "qualify", "distinct", "limit", "offset", "joins", "laterals")
        if args.get("group") is None or len(scope.tables) != 1 or any(args.get(key) for key in more):
            return set()
        (table,) = scope.tables.values()
        group = args["group"]
        plain = not any(group.args.get(key) for key in ("grouping_sets", "cube", "rollup", "totals"))
        if not plain or table.open or table.unsure or not table.rows or any(why != "group" for _, _, why in table.rows):
            return set()
        if group.args.get("all"):
            terms = [column for column in made.columns if not column.aggregated]
        else:
            terms = [self._term(one, scope, made) for one in group.expressions]
        return set(table.rows) if terms and all(term.keyed for term in terms) else set()

    @staticmethod
    def _repeated(node: Any, scope: Scope, made: Table, rows: Flow) -> set[Cause]:
        """Lets what decides only how often rows are there decide over what it can: over aggregates where there are groups, over nothing where
        DISTINCT takes each row once, over all where rows are counted off. Else it is given back, for who reads this query to decide."""
        args, times = node.args, scope.times.causes
        counted = made.open or any(args.get(key) for key in ("having", "qualify", "limit", "offset", "sample"))
        counted = counted or any(one.args.get("method") == "POSITIONAL" for one in args.get("joins") or ())
        if args.get("group") is not None and not counted and not args.get("distinct"):
            made.become([c.decided(times, "") if c.aggregated else c for c in made.columns])
            return set()
        distinct = args.get("distinct")
        counted = counted or args.get("group") is not None or (distinct is not None and distinct.args.get("on") is not None)
        aggregated = any(column.aggregated for column in made.columns)
        if counted or aggregated or node.find(exp.TableSample) or any(one.find(exp.Window) for one in node.expressions):
            rows.causes |= times
            return set()
        return set() if distinct is not None else set(times)

    def _term(self, one: Any, scope: Scope, made: Table) -> Flow:
        """A term of GROUP BY, if it is a column or the number of one."""
        if isinstance(one, exp.Literal) and one.name.isdigit() and 0 < int(one.name) <= len(made.columns):
            return made.columns[int(one.name) - 1]
        return self.value(one, scope) if isinstance(one, exp.Column) else Flow()

    def _table_of(self, made: Table, rows: Flow, scope: Scope, often: Set[Cause] = frozenset()) -> Table:
        """A select's columns with all that decides over its rows, but for what decides only how often they are there."""
        made.rows = made.rows | rows.causes
        unsure = rows.unknown
        for table in scope.tables.values():
            if table.rows:
                made.rows |= table.rows - often - table.often
            unsure = unsure or table.unsure
        made.unsure = unsure
        return made

    def _outputs(self, node: Any, scope: Scope, rows: Flow) -> Table:
        made = Table([], set(), self.fold)
        for projection in node.expressions:
            more = self.several(projection, scope)
            if more is not None:
                made.columns += more.columns
                made.rows |= more.rows
                if more.open:
                    made.rest = more.rest if not made.open else None
                    made.open = more.open
                continue
            flow = self._output(projection, scope)
            if flow.rows:
                made.rows |= flow.rows
            made.columns.append(flow)
        if node.args.get("kind") is not None:  # BigQuery: SELECT AS STRUCT, AS VALUE
            made.open = "SELECT AS makes one value of its columns"
        return made

    def _output(self, projection: Any, scope: Scope) -> Flow:
        if isinstance(projection, exp.Alias):
            name = stored(projection.args["alias"], self.fold)
            flow = self.value(projection.this, scope)
            inner = projection.this
            same = isinstance(inner, exp.Column) and self.key(inner.this) == self.key(projection.args["alias"])
            made = flow.named(name, COPIED if same else RENAMED)
            if not same or _is_field(inner, scope, self.key):
                made = made if flow.made_by and isinstance(inner, exp.Column) else made.by(inner)
            made.aggregated, made.rows = flow.aggregated, flow.rows
            scope.aliases[self.key(projection.args["alias"])] = made
            return made
        flow = self.value(projection, scope)
        own = projection.args.get({exp.Column: "this", exp.Dot: "expression"}.get(type(projection), "-"))
        name = stored(own, self.fold) if isinstance(own, exp.Identifier) else projection.output_name
        made = flow.named(name or projection.sql().lower())
        if not isinstance(own, exp.Identifier) or _is_field(projection, scope, self.key):
            made = made if flow.made_by and isinstance(projection, exp.Column) else made.by(projection)
        made.aggregated, made.rows = flow.aggregated, flow.rows
        return made

    def _group(self, group: Any, scope: Scope, made: Table, rows: Flow) -> None:
        if group is None:
            return
        if group.args.get("all"):
            for column in made.columns:
                if not column.aggregated:
                    rows.take(column, COPIED, "group")
            if made.open:
                rows.unknown = rows.unknown or made.open
        for one in group.expressions:
            self._by_ordinal(one, scope, made.columns, rows, "group")
        for key in ("grouping_sets", "cube", "rollup", "totals"):
            for one in group.args.get(key) or () if isinstance(group.args.get(key), list) else ():
                self.visit(one, scope, rows, COPIED, "group")

    def _by_ordinal(self, node: Any, scope: Scope, columns: list[Flow], rows: Flow, why: str) -> None:
        """A term of GROUP BY or ORDER BY, which may be the number of a column."""
        if isinstance(node, exp.Literal) and not node.is_string:
            at = int(node.name) - 1 if node.name.isdigit() else -1
            if 0 <= at < len(columns):
                rows.take(columns[at], COPIED, why)
            return
        self.visit(node, scope, rows, COPIED, why)

    def _distinct(self, args: Mapping[str, Any], scope: Scope, made: Table, rows: Flow) -> None:
        """DISTINCT, and ORDER BY where it decides which rows stay."""
        distinct = args.get("distinct")
        on = distinct.args.get("on") if distinct is not None else None
        if on is not None:
            for one in on.expressions if isinstance(on, exp.Tuple) else (on.this if isinstance(on, exp.Paren) else on,):
                self._by_ordinal(one, scope, made.columns, rows, "distinct")
        elif distinct is not None:
            follows = following(distinct.parent) if len(made.columns) == len(distinct.parent.expressions) else frozenset()
            for at, column in enumerate(made.columns):
                if at not in follows:
                    rows.take(column, COPIED, "distinct")
            rows.unknown = rows.unknown or made.open
        if args.get("order") is not None and (on is not None or args.get("limit") or args.get("offset")):
            self._sorted(args["order"], scope, made, rows)

    def _sorted(self, order: Any, scope: Scope, made: Table, rows: Flow) -> None:
        """What an order decides about the first rows: their values, not how many there are."""
        ranking = Ranking(scope)
        for one in order.expressions:
            inner = one.this if isinstance(one, exp.Ordered) else one
            at = int(inner.name) - 1 if isinstance(inner, exp.Literal) and inner.name.isdigit() else -1
            if isinstance(inner, exp.Column) and not inner.args.get("table") and self.key(inner.this) in made.index:
                output = made.index[self.key(inner.this)]
                ranking.terms.append((output, output))
            elif isinstance(inner, exp.Var) and inner.name.upper() == "ALL":
                ranking.terms += [(column, column) for column in made.columns]
            elif 0 <= at < len(made.columns):
                ranking.terms.append((made.columns[at], made.columns[at]))
            elif not isinstance(inner, exp.Literal) or inner.is_string:
                ranking.terms.append(self.term(inner, scope))
        limit = order.parent.args.get("limit") if order.parent is not None else None
        ties = isinstance(limit, exp.Fetch) and limit.args.get("limit_options") is not None
        if made.open or ties:
            for _, term in ranking.terms:
                rows.take(term, COPIED, "sort")
        if not made.open:
            made.become(ranking.graded(made.columns))

    # -- tables ----------------------------------------------------------------------------------------------------------------

    def _from(self, sources: list[Any], joins: list[Any], scope: Scope, rows: Flow) -> None:
        for source in sources:
            self._item(source, scope, rows)
        for join in joins:
            self._join(join, scope, rows)

    def _item(self, node: Any, scope: Scope, rows: Flow) -> None:
        """One table of FROM. The names of one in parentheses stay in sight, if those have no alias."""
        inside = isinstance(node, exp.Subquery) and not node.alias and not node.args.get("pivots")
        if inside and (isinstance(node.this, exp.Table) or (isinstance(node.this, exp.Subquery) and node.this.args.get("joins"))):
            self._item(node.this, scope, rows)
        else:
            scope.add(*self._source(node, scope))
        for join in node.args.get("joins") or ():
            self._join(join, scope, rows)

    def _join(self, join: Any, scope: Scope, rows: Flow) -> None:
        left = dict(scope.tables)
        self._item(join.this, scope, rows)
        right = {key: table for key, table in scope.tables.items() if key not in left}
        using = [(self.key(one), one.name) for one in join.args.get("using") or ()]
        if join.args.get("method") == "NATURAL":
            using = self._shared(left, right, rows)
            if rows.unknown and (join.args.get("side") in ("RIGHT", "FULL") or any(table.open for table in left.values())):
                # A name that one side is known to have may be the other's too, and then it is that one's value.
                single = {key: flow.name for table in (*left.values(), *right.values()) for key, flow in table.index.items()}
                shared = {key for key, _ in using}
                scope.merged |= {key: unknown(name, rows.unknown) for key, name in single.items() if key not in shared}
        met = Flow()
        only_match = join.args.get("kind") in ("SEMI", "ANTI")
        for key, name in using:
            shown = self._merge(key, name, left, right, join.args.get("side") or "", scope, met)
            if not only_match:
                scope.merged[key] = shown
                scope.hidden |= {(alias, key) for alias in right}
        for key in ("on", "match_condition"):
            if join.args.get(key) is not None:
                self.visit(join.args[key], scope, met, COPIED, "join")
        alone = next(iter(right), "")
        if join.args.get("side") == "LEFT" and not only_match and len(right) == 1 and not right[alone].open:
            # It drops no row of the left side; at most it doubles some.
            scope.tables[alone] = decided(right[alone], met.causes, met.unknown)
            if not meets_once(join, alone, right[alone], self.key, {key for key, _ in using}):
                scope.times.causes |= met.causes | right[alone].rows
                rows.unknown = rows.unknown or met.unknown or right[alone].unsure
        else:
            rows.causes |= met.causes
            rows.unknown = rows.unknown or met.unknown
        if only_match:
            for alias in right:
                gone = scope.tables.pop(alias)
                rows.causes |= gone.rows
                rows.unknown = rows.unknown or gone.unsure

    @staticmethod
    def _shared(left: Mapping[str, Table], right: Mapping[str, Table], rows: Flow) -> list[tuple[str, str]]:
        """The columns that a natural join is on."""
        if any(table.open for table in (*left.values(), *right.values())):
            rows.unknown = rows.unknown or "a natural join is on columns that are not all known"
        known = {key for table in left.values() for key in table.index}
        return [(key, flow.name) for table in right.values() for key, flow in table.index.items() if key in known]

    def _merge(
        self, key: str, name: str, left: Mapping[str, Table], right: Mapping[str, Table], side: str, scope: Scope, rows: Flow
    ) -> Flow:
        """What a column of USING shows: the left side's value, unless rows of the right side alone are kept too. Both decide over rows."""
        sides = []
        for tables, merged in ((left, scope.merged), (right, {})):
            inner = Scope(None, {})
            inner.tables, inner.merged = dict(tables), merged
            sides.append(inner.find(key) or unknown(name, f"USING names `{name}`, which one side does not have"))
            rows.take(sides[-1], COPIED, "join")
        if side != "FULL":
            return (sides[1] if side == "RIGHT" else sides[0]).named(name)
        shown = Flow(name)
        for one in sides:
            shown.take(one, COMPUTED, None)
        known = [next((alias for alias, table in tables.items() if key in table.index), "") for tables in (left, right)]
        if all(alias and "\x00" not in alias for alias in known):
            first, *others = (exp.column(name, table=alias) for alias in known)
            shown.made_by = (exp.Coalesce(this=first, expressions=others),)
        return shown

    def _source(self, node: Any, scope: Scope) -> tuple[str, Table]:
        """One item of FROM: its alias ("" for none) and its columns."""
        alias = node.args.get("alias")
        name = self.key(alias.this) if alias is not None and alias.this is not None else ""
        listed = [stored(c, self.fold) for c in alias.args.get("columns") or ()] if alias is not None else []
        if isinstance(node, exp.Table):
            if isinstance(node.this, exp.Identifier):
                table = self._named_table(node, scope)
                name = name or self.key(node.this)
            elif node.this is None:
                table, listed = self._opaque("what ROWS FROM gives is not followed"), []
            else:
                table, listed = self._function(node.this, name, listed, scope, numbered=bool(node.args.get("ordinality"))), []
        elif isinstance(node, exp.Values):
            table = self._values(node, scope)
        elif isinstance(node, (exp.Unnest, exp.Func)):
            table, listed = self._function(node, name, listed, scope), []
        elif isinstance(node, exp.Lateral):
            name, table, listed = self._lateral(node, name, listed, scope)
        elif isinstance(node, exp.Pivot):
            table = self.pivoted(self._source(node.this, scope)[1], [node], scope)
        else:
            table = self.query(
                node.this if isinstance(node, (exp.Subquery, exp.Paren)) else node, self._ctes_of(node, scope), scope
            )
            if isinstance(node, exp.Subquery):
                table = self._modified(node, table, Scope(scope, scope.ctes))
        for pivot in node.args.get("pivots") or ():
            table = self.pivoted(table, [pivot], scope)
            called = pivot.args.get("alias")
            name = self.key(called.this) if called is not None and called.this is not None else name
            table = table.renamed([stored(c, self.fold) for c in called.args.get("columns") or ()]) if called is not None else table
        return name, (table.renamed(listed) if listed else table).numbered(self._again)

    def _ctes_of(self, node: Any, scope: Scope) -> Mapping[str, Table]:
        with_ = node.args.get("with_") if isinstance(node, exp.Subquery) else None
        return self._ctes(with_, scope.ctes, scope) if with_ is not None else scope.ctes

    def _named_table(self, node: Any, scope: Scope) -> Table:
        parts = node.parts
        if len(parts) == 1:
            known = scope.ctes.get(self.key(parts[0]))
            if known is not None:
                return known
        if not all(isinstance(part, exp.Identifier) for part in parts):
            return self._opaque("a table's name is computed")
        written = tuple(part.name for part in parts)
        made = self._tables.get(written)
        if made is None:
            made = self._tables[written] = self._upstream_table(
                tuple(Ident(part.name, bool(part.args.get("quoted"))) for part in parts)
            )
        return made

    def _upstream_table(self, parts: tuple[Ident, ...]) -> Table:
        called, names = self._upstream(parts)
        columns = []
        for name in names.names:
            flow = Flow(name)
            flow.direct = {(called, name): COPIED}
            columns.append(flow)
        made = Table(columns, set(), self.fold)
        if not names.complete:
            made.open = f"the columns of {called} are not known"
            made.rest = lambda key: _column(called, key)
        return made

    def _values(self, node: Any, scope: Scope) -> Table:
        columns: list[Flow] = []
        for row in node.expressions:
            for at, one in enumerate(row.expressions if isinstance(row, exp.Tuple) else (row,)):
                if at == len(columns):
                    columns.append(Flow(f"col{at}"))
                columns[at].take(self.value(one, scope), COMPUTED, None)
        made = Table(columns, set(), self.fold)
        made.find_keys = lambda: keys_of_values(node, made)
        return made

    def _lateral(self, node: Any, name: str, listed: list[str], scope: Scope) -> tuple[str, Table, list[str]]:
        inner = node.this
        if isinstance(inner, exp.Query):
            return name, self.query(inner.this if isinstance(inner, exp.Subquery) else inner, scope.ctes, scope), listed
        return name, self._function(inner, name, listed, scope), []

    def _function(self, node: Any, alias: str, listed: list[str], scope: Scope, *, numbered: bool = False) -> Table:
        """A function as a table: every column may come from every argument, and how many rows there are too. With `numbered` its rows are
        (WITH ORDINALITY)."""
        given = Flow()
        for value in node.args.values():
            for one in value if isinstance(value, list) else (value,):
                if isinstance(one, exp.Expression) and one is not node.args.get("offset"):
                    self.visit(one, scope, given, COMPUTED, None)
        rows = self.counted(node, scope, given)
        if not isinstance(node, _SERIES):
            reason = f"what the function {_written(node)} reads is not known"
            made = Table([_unsure(given.named(name, COMPUTED), reason) for name in listed], rows, self.fold)
            made.open = made.unsure = reason
            return made
        offset = node.args.get("offset")
        number = None if not numbered and not offset else stored(offset, self.fold) if isinstance(offset, exp.Identifier) else ""
        lists = len(node.expressions) or 1 if isinstance(node, exp.Unnest) else 1
        own = _function_name(node)
        bare = node.copy()
        bare.set("alias", None)
        bare.set("offset", None)
        given.made_by = (bare,)
        if lists > 1 and len(listed) >= lists:
            called = [self._element(one, scope).named(name, COMPUTED) for one, name in zip(node.expressions, listed, strict=False)]
        else:
            called = [given.named(name, COMPUTED) for name in listed[:lists] or [own]]
        if number is not None:
            called.append(Flow(number or (listed[lists] if len(listed) > lists else "ordinality")))
        made = Table(called, rows, self.fold)
        made.unsure = given.unknown
        if not listed and (alias or isinstance(node, (exp.Explode, exp.Unnest))):
            # Engines, and versions of one, call it by the function's name or by its alias; an unnest of structs may give their fields.
            any_field = isinstance(node, (exp.Explode, exp.Unnest))
            made.become(called[1:])
            made.open = f"what {own}() gives without a list of columns hangs on the engine"
            made.rest = lambda key: given.named(key, COMPUTED) if any_field or key in (alias, own) else None
        return made

    def _element(self, node: Any, scope: Scope) -> Flow:
        """What one of several lists gives that are unnested side by side."""
        made = Flow()
        self.visit(node, scope, made, COMPUTED, None)
        made.made_by = (exp.Unnest(expressions=[node.copy()]),)
        return made


#: Functions that give a row for each of some values.
_SERIES = (exp.Unnest, exp.Explode, exp.GenerateSeries, exp.ExplodingGenerateSeries)


def _written(node: Any) -> str:
    """A function's name as people write it."""
    return str(node.name if isinstance(node, exp.Anonymous) else node.sql().partition("(")[0]).strip().lower()


def _function_name(node: Any) -> str:
    if isinstance(node, exp.GenerateSeries):
        return "range" if node.args.get("is_end_exclusive") else "generate_series"
    return "unnest"


def _column(table: str, key: str) -> Flow:
    flow = Flow(key)
    spot: Spot = (table, key)
    flow.direct = {spot: COPIED}
    return flow


def _unsure(flow: Flow, reason: str) -> Flow:
    made = Flow(flow.name)
    made.take(flow, COPIED, None)
    made.unknown = flow.unknown or reason
    return made


def _or_nothing(table: Table, key: str) -> Flow:
    found = table.index.get(key)
    return found if found is not None else table.more(key) if table.open else Flow(key)


def _is_field(node: Any, scope: Scope, key: Callable[[Any], str]) -> bool:
    """Whether a column's name is that of a field of a struct, as in `s.x`."""
    if isinstance(node, exp.Dot):
        return True
    table = node.args.get("table") if isinstance(node, exp.Column) else None
    return table is not None and (node.args.get("db") is not None or scope.table(key(table)) is None)


def _modifies(node: Any) -> bool:
    return any(node.args.get(key) for key in ("order", "limit", "offset", "with_"))
