"""PIVOT and UNPIVOT: columns that are made of values, and values that are made of columns."""

from __future__ import annotations

from itertools import product
from typing import Any

from sqlglot import exp

from eltflow.sql.flow import COMPUTED, COPIED, Flow, Scope, Table, arms
from eltflow.sql.parse import Parsed
from eltflow.sql.stars import Stars


class Pivots(Stars):
    """Follows columns through pivots."""

    def pivoted(self, table: Table, pivots: list[Any], scope: Scope) -> Table:
        """A table after its pivots."""
        for pivot in pivots:
            inner = Scope(scope.outer, scope.ctes)
            inner.tables = {"": table}
            made = self._unpivot(table, pivot, inner) if pivot.args.get("unpivot") else self._pivot(table, pivot, inner)
            made.unsure = made.unsure or table.unsure
            table = made
        return table

    # -- pivot -----------------------------------------------------------------------------------------------------------------

    def _pivot(self, table: Table, pivot: Any, scope: Scope) -> Table:
        # The statement's form has the values' columns in `expressions` and its aggregates in `using`.
        statement = pivot.args.get("using") is not None or not pivot.args.get("fields")
        on = list(pivot.expressions if statement else pivot.args.get("fields") or ())
        using = pivot.args.get("using")
        aggregates = [one for one in ((using or []) if statement else pivot.expressions) if isinstance(one, exp.Expression)]
        causes = Flow()
        for one in on:
            self.visit(one.this if isinstance(one, exp.In) else one, scope, causes, COMPUTED, "condition")
        made = [(self._aggregate_name(one), self._cell(one, causes, scope)) for one in aggregates] or [
            ("", self._cell(None, causes, scope))
        ]
        kept, rows = self._kept(table, pivot, [*on, *aggregates], scope)
        # It groups: what decides only how often the rows it reads are there decides over its aggregates alone.
        again = bool(kept.columns) and not (kept.open or table.unsure) and all(column.keyed for column in kept.columns)
        regrouped = again and all(why == "group" for _, _, why in table.rows)
        often = set(table.rows if regrouped else table.often)
        rows |= table.rows - often
        made = [(called, cell.decided(often, "")) for called, cell in made]
        listed = [self._listed(one) for one in on]
        conditions = [[_is_value(one, value) for value in one.expressions] if isinstance(one, exp.In) else [] for one in on]
        result = Table(list(kept.columns), rows, self.fold)
        result.unsure = kept.open if not pivot.args.get("group") else ""
        single = len(made) == 1
        if all(values is not None for values in listed) and not kept.open:
            for values, when in zip(product(*(values or () for values in listed)), product(*conditions), strict=True):
                for called, cell in made:
                    name = "_".join(values)
                    column = cell.named(name if single and not _aliased(aggregates) else f"{name}_{called}")
                    result.columns.append(column.by(*(_filtered(tree, when) for tree in cell.made_by)))
            return result
        result.open = kept.open or "the columns of a pivot are named by the data"
        if not kept.open:
            # Whatever the data calls them, they are all made alike: a name that ends as an aggregate is called is that one's.
            result.rest = lambda key: _cell_called(key, made)
        return result

    def _cell(self, aggregate: Any, causes: Flow, scope: Scope) -> Flow:
        """What stands in one column that a pivot makes."""
        flow = Flow()
        if aggregate is not None:
            self.visit(aggregate, scope, flow, COPIED, None)
        flow.made_by = (aggregate.unalias() if aggregate is not None else exp.Count(this=exp.Star()),)
        flow.causes |= causes.causes
        flow.unknown = flow.unknown or causes.unknown
        return flow

    @staticmethod
    def _aggregate_name(aggregate: Any) -> str:
        return str(aggregate.alias or aggregate.sql().lower())

    def _kept(self, table: Table, pivot: Any, used: list[Any], scope: Scope) -> tuple[Table, set[Any]]:
        """The columns that a pivot groups by: those that are named, or all that it uses nowhere."""
        group = pivot.args.get("group")
        made = Table([], set(), self.fold)
        if group is not None:
            for one in group.expressions:
                made.columns.append(self.value(one, scope).named(one.alias_or_name))
        else:
            taken = {
                self.key(column.this)
                for one in used
                for column in one.find_all(exp.Column)
                if isinstance(column.this, exp.Identifier)
            }
            made.columns = [column for column in table.columns if self.fold(column.name, True) not in taken]
            made.open = table.open
        rows: set[Any] = set()
        for column in made.columns:
            rows |= column.as_causes("group")
        return made, rows

    @staticmethod
    def _listed(on: Any) -> list[str] | None:
        """The names that the listed values become; None where the data decides."""
        if not isinstance(on, exp.In) or not on.expressions:
            return None
        names = []
        for one in on.expressions:
            inner = one.this if isinstance(one, (exp.PivotAlias, exp.Alias)) else one
            if not isinstance(inner, (exp.Literal, exp.Boolean, exp.Null, exp.Column, exp.Neg, exp.Tuple)):
                return None
            names.append(
                one.alias or (inner.name if not isinstance(inner, exp.Tuple) else "_".join(e.name for e in inner.expressions))
            )
        return names

    # -- unpivot -----------------------------------------------------------------------------------------------------------------

    def _unpivot(self, table: Table, pivot: Any, scope: Scope) -> Table:
        name, values, groups = self._shape(pivot)
        picked: list[list[Flow]] = [[] for _ in values]
        used: set[str] = set()
        reason = ""
        for one in groups:
            inner = one.this if isinstance(one, (exp.PivotAlias, exp.Alias)) else one
            several = self.chosen(inner, scope) if isinstance(inner, exp.Columns) else None
            if isinstance(inner, exp.Star) or (isinstance(inner, exp.Column) and isinstance(inner.this, exp.Star)):
                several = table.open or self.star(inner if isinstance(inner, exp.Star) else inner.this, scope, None).columns
            if isinstance(several, str):
                reason = several
                continue
            parts = [[flow] for flow in several] if several is not None else None
            used |= {self.fold(flow.name, True) for flow in several or ()}
            used |= {self.key(c.this) for c in inner.find_all(exp.Column) if isinstance(c.this, exp.Identifier)}
            if parts is None:
                trees = inner.expressions if isinstance(inner, exp.Tuple) else (inner,)
                parts = [[self.value(e, scope) if isinstance(e, exp.Column) else self.value(e, scope).by(e) for e in trees]]
            for row in parts:
                for at, flow in enumerate(row[: len(picked)]):
                    picked[at].append(flow)
        made = Table([c for c in table.columns if self.fold(c.name, True) not in used], set(table.rows), self.fold)
        made.columns.append(Flow(name))
        for called, flows in zip(values, picked, strict=True):
            value = Flow(called)
            for flow in flows:
                value.take(flow, COMPUTED, None)
            value.made_by = arms(flows)
            value.unknown = value.unknown or reason
            if not pivot.args.get("include_nulls"):  # rows without a value are left out
                made.rows |= value.as_causes("filter")
            made.columns.append(value)
        if reason or table.open:
            made.open = reason or table.open
            made.unsure = reason
            made.rest = (lambda key: None if key in used else table.more(key)) if table.open and not reason else None
        return made

    @staticmethod
    def _shape(pivot: Any) -> tuple[str, list[str], list[Any]]:
        """The name column, the value columns and what is unpivoted, in either form."""
        into = pivot.args.get("into")
        fields = pivot.args.get("fields") or ()
        if fields:
            first = pivot.expressions[0]
            values = [e.name for e in (first.expressions if isinstance(first, exp.Tuple) else (first,))]
            return fields[0].this.name, values, list(fields[0].expressions)
        if into is not None:
            return into.this.name, [e.name for e in into.expressions], list(pivot.expressions)
        return "name", ["value"], list(pivot.expressions)


def _is_value(on: Any, listed: Any) -> Any:
    """The condition that what is pivoted on has a value that is listed."""
    value = listed.this if isinstance(listed, (exp.PivotAlias, exp.Alias)) else listed
    value = exp.Literal.string(value.name) if isinstance(value, exp.Column) else value.copy()
    return exp.EQ(this=on.this.copy(), expression=value)


def _filtered(aggregate: Any, conditions: tuple[Any, ...]) -> Any:
    """An aggregate of the rows for which conditions hold: what stands in a column that a pivot makes."""
    return exp.Filter(this=aggregate.copy(), expression=exp.Where(this=exp.and_(*conditions)))


def _aliased(aggregates: list[Any]) -> bool:
    return any(one.alias for one in aggregates)


def _cell_called(key: str, made: list[tuple[str, Flow]]) -> Flow:
    for called, cell in made:
        if len(made) == 1 or key.endswith(f"_{called.lower()}"):
            return cell.named(key)
    flow = Flow(key)
    for _, cell in made:
        flow.take(cell, COPIED, None)
    return flow


def named_by_data(parsed: Parsed) -> bool:
    """Whether a statement has a pivot whose columns its data names: over empty tables an engine gives it none of them."""
    tree = parsed.tree
    return tree is not None and any(not pivot.args.get("unpivot") and not _all_listed(pivot) for pivot in tree.find_all(exp.Pivot))


def _all_listed(pivot: Any) -> bool:
    statement = pivot.args.get("using") is not None or not pivot.args.get("fields")
    on = pivot.expressions if statement else pivot.args.get("fields")
    return all(isinstance(one, exp.In) and one.expressions for one in on or ())
