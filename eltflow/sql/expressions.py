"""What flows into an expression: the second half of the lineage walk, beneath the queries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from sqlglot import exp

from eltflow.sql.flow import AGGREGATED, CAST, COMPUTED, COPIED, WINDOWED, Cause, Flow, Ranking, Scope, Table, unknown
from eltflow.sql.reads import Fold

#: Functions that sqlglot has no class for and that make one value of many rows.
_AGGREGATES = frozenset(
    [
        "favg",
        "fsum",
        "kahan_sum",
        "sumkahan",
        "product",
        "bit_xor",
        "bit_and",
        "bit_or",
        "bool_and",
        "bool_or",
        "mad",
        "sem",
        "entropy",
        "histogram",
        "list_agg",
        "approx_count_distinct",
        "reservoir_quantile",
        "quantile",
        "count_if",
        "countif",
        "bitstring_agg",
        "weighted_avg",
    ]
)
#: Of these the second argument only says which row is taken.
_PICKING = frozenset(["arg_min", "arg_max", "min_by", "max_by", "argmin", "argmax", "arg_min_null", "arg_max_null"])

_COUNTS = (exp.Count, exp.CountIf)

Handler = Callable[["Expressions", Any, Scope, Flow, int, str | None], None]


class Expressions:
    """Walks expressions; `query` is the walk over queries. `why` None means that what is met enters as a value."""

    #: Whether what is counted flows into the count.
    counts = True

    def __init__(self, fold: Fold) -> None:
        self.fold = fold
        self._locals: list[frozenset[str]] = []
        self._aliases_first: dict[str, Flow] = {}

    def query(self, node: Any, ctes: Mapping[str, Table], outer: Scope | None) -> Table:
        raise NotImplementedError

    def chosen(self, columns: Any, scope: Scope) -> list[Flow] | str:
        """The columns that COLUMNS(...) means, or why that cannot be told."""
        raise NotImplementedError

    def key(self, identifier: Any) -> str:
        if isinstance(identifier, exp.Identifier):
            return self.fold(identifier.this, bool(identifier.args.get("quoted")))
        return self.fold(str(identifier.name if isinstance(identifier, exp.Expression) else identifier), False)

    def value(self, node: Any, scope: Scope) -> Flow:
        """What an expression is made of, as a value."""
        if node.__class__ is exp.Column:
            return self.column(node, scope)
        kind = node.__class__
        if kind in _TRANSPARENT:
            return self.value(node.this, scope)
        if kind is exp.Dot or kind is exp.Bracket:
            return self._accessed(node, scope)
        made = Flow()
        if kind is exp.Struct:
            made.fields = self._struct(node, scope, made)
        elif kind is exp.Subquery:
            made.fields = self._scalar(node, scope, made, COPIED, None)
        else:
            self.visit(node, scope, made, COPIED, None)
        return made

    def visit(self, node: Any, scope: Scope, into: Flow, rank: int, why: str | None) -> None:
        handler = _HANDLERS[node.__class__]
        if handler is not None:
            handler(self, node, scope, into, rank, why)

    # -- names -----------------------------------------------------------------------------------------------------------------

    def column(self, node: Any, scope: Scope) -> Flow:
        """What a column's name means: a column, a field of a struct, or a whole row."""
        args = node.args
        name = node.this
        if isinstance(name, exp.Star):
            return self._whole(name, args.get("table"), scope)
        if not isinstance(name, exp.Identifier):
            made = Flow()
            self.visit(name, scope, made, COPIED, None)
            return made
        table = args.get("table")
        if table is None:
            return self._bare(name, scope)
        parts = [part for part in (args.get("catalog"), args.get("db"), table) if part is not None]
        return self._qualified([self.key(part) for part in parts], self.key(name), name.name, scope)

    def _whole(self, star: Any, table: Any, scope: Scope) -> Flow:
        """All columns of a table, or of all in sight, as one value: the argument `*` or `t.*` of a function."""
        made = Flow()
        left = {self.key(one.this if isinstance(one, exp.Column) else one) for one in star.args.get("except_") or ()}
        found = [scope.table(self.key(table))] if table is not None else [*scope.tables.values()]
        for one in found:
            if one is None:
                made.unknown = made.unknown or f"`{table.name}` is no table in sight"
                continue
            for key, column in one.index.items():
                if key not in left:
                    made.take(column, COMPUTED, None)
            made.unknown = made.unknown or one.open
        return made

    def _star(self, node: Any, scope: Scope, into: Flow, rank: int, why: str | None) -> None:
        into.take(self._whole(node, None, scope), max(rank, COMPUTED), why)

    def _is(self, node: Any, scope: Scope, into: Flow, rank: int, why: str | None) -> None:
        """`x IS NORMALIZED`, `x IS DOCUMENT`: what follows IS is a word, and no column."""
        self.visit(node.this, scope, into, max(rank, COMPUTED), why)
        if not isinstance(node.expression, exp.Column):
            self.visit(node.expression, scope, into, max(rank, COMPUTED), why)

    def _by_number(self, node: Any, scope: Scope, into: Flow, rank: int, why: str | None) -> None:
        """Snowflake's `$1`, a column by its number; other parameters are values of their own."""
        if isinstance(node.this, exp.Literal) and not node.this.is_string:
            into.unknown = into.unknown or f"`${node.this.name}` is a column by its number, which is not followed"

    def _called(self, node: Any, scope: Scope) -> Any:
        """`x.f(y)` as f(x, y), which DuckDB takes it for where x is a value; what follows the dot where it is a schema."""
        receiver = _with_columns(node.this)
        bare = receiver
        while isinstance(bare, exp.Dot):
            bare = bare.this
        if isinstance(bare, exp.Column) and not self._in_sight(bare, scope):
            return node.expression
        function = node.expression
        if isinstance(function, exp.Anonymous):
            with suppress(ValueError):  # a function that takes fewer arguments, to the parser's knowledge
                return exp.func(function.name, receiver, *(one.copy() for one in function.expressions), dialect="duckdb")
        return exp.Anonymous(this="", expressions=[receiver, function.copy()])

    def _in_sight(self, column: Any, scope: Scope) -> bool:
        """Whether a name is one of a column, a table, an alias or a parameter."""
        key = self.key(column.args.get("table") or column.this)
        named = any(key in names for names in self._locals) or key in self._aliases_first
        return named or scope.find(key) is not None or scope.table(key) is not None

    def _bare(self, name: Any, scope: Scope) -> Flow:
        key = self.key(name)
        if self._locals and any(key in names for names in self._locals):
            return Flow(name.name)
        found = self._aliases_first.get(key) or scope.find(key)
        if found is not None:
            return found
        whole = scope.table(key)
        if whole is not None:
            return _row(key, whole)
        return unknown(name.name, f"`{name.name}` is no column of the tables in sight")

    def _qualified(self, before: list[str], key: str, name: str, scope: Scope) -> Flow:
        if self._locals and any(before[0] in names for names in self._locals):
            return Flow(name)
        path = [*before, key]
        # `a.b.c` is the column b of a table a with a field c, or the column c of a table a.b, or fields of a column a.
        table = scope.table(path[0])
        if table is not None:
            found = self._of_table(table, path[1], len(path) == 2 and (scope.outer is None or path[0] in scope.tables))
            if found is not None:
                return self._fields(found, path[2:])
        if len(path) > 2:
            table = scope.table(path[-2])
            found = self._of_table(table, key, True) if table is not None else None
            if found is not None:
                return found
        if path[0] == "alias" and table is None and len(path) == 2 and key in scope.aliases:
            return scope.aliases[key]  # DuckDB: `alias.x` is the x of the select list
        start = scope.find(path[0])
        if start is not None:
            return self._fields(start, path[1:])
        return unknown(name, f"`{'.'.join(path)}` is no column of the tables in sight")

    @staticmethod
    def _of_table(table: Table, key: str, sure: bool) -> Flow | None:
        found = table.index.get(key)
        if found is not None:
            return found
        if table.open:
            return table.more(key)
        return table.rest(key) if table.rest is not None and sure else None

    @staticmethod
    def _fields(flow: Flow, path: Iterable[str]) -> Flow:
        for key in path:
            flow = flow.field(key)
        return flow

    def _accessed(self, node: Any, scope: Scope) -> Flow:
        """`x.field`, `x['field']` and `x.function()`."""
        if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Func):
            return self.value(self._called(node, scope), scope)
        inner = self.value(node.this, scope)
        if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Identifier):
            return inner.field(self.key(node.expression))
        keys = node.expressions if isinstance(node, exp.Bracket) else [node.expression]
        if len(keys) == 1 and isinstance(keys[0], exp.Literal) and keys[0].is_string:
            return inner.field(self.fold(keys[0].name, True))
        made = Flow()
        made.take(inner, COMPUTED, None)
        for one in keys:
            self.visit(one, scope, made, COMPUTED, None)
        return made

    def _struct(self, node: Any, scope: Scope, into: Flow) -> dict[str, Flow]:
        fields: dict[str, Flow] = {}
        for at, one in enumerate(node.expressions):
            inner = (
                one.expression if isinstance(one, (exp.PropertyEQ, exp.Kwarg)) else one.this if isinstance(one, exp.Alias) else one
            )
            name = one.alias if isinstance(one, exp.Alias) else one.name if inner is not one else f"_{at}"
            flow = self.value(inner, scope)
            into.take(flow, COMPUTED, None)
            into.aggregated = into.aggregated or flow.aggregated
            field = flow.named(name)
            fields[self.fold(name, True)] = field if isinstance(inner, exp.Column) else field.by(inner)
        return fields

    # -- kinds of expressions ----------------------------------------------------------------------------------------------------

    def _any(self, node: Any, scope: Scope, into: Flow, rank: int, why: str | None) -> None:
        if rank < COMPUTED:
            rank = COMPUTED
        handlers = _HANDLERS
        for value in node.args.values():
            if value.__class__ is list:
                for one in value:
                    handler = handlers[one.__class__]
                    if handler is not None:
                        handler(self, one, scope, into, rank, why)
            else:
                handler = handlers[value.__class__]
                if handler is not None:
                    handler(self, value, scope, into, rank, why)

    def _column(self, node: Any, scope: Scope, into: Flow, rank: int, why: str | None) -> None:
        flow = self.column(node, scope)
        into.aggregated = into.aggregated or flow.aggregated  # an alias of this select's
        into.take(flow, rank, why)

    def _same(self, node: Any, scope: Scope, into: Flow, rank: int, why: str | None) -> None:
        self.visit(node.this, scope, into, rank, why)

    def _cast(self, node: Any, scope: Scope, into: Flow, rank: int, why: str | None) -> None:
        self.visit(node.this, scope, into, max(rank, CAST), why)

    def _distinct_in(self, node: Any, scope: Scope, into: Flow, rank: int, why: str | None) -> None:
        for one in node.expressions:
            self.visit(one, scope, into, rank, why)

    def _case(self, node: Any, scope: Scope, into: Flow, rank: int, why: str | None) -> None:
        args = node.args
        if args.get("this") is not None:
            self.visit(args["this"], scope, into, COMPUTED, why or "condition")
        for branch in args.get("ifs") or ():
            self._if(branch, scope, into, rank, why)
        if args.get("default") is not None:
            self.visit(args["default"], scope, into, max(rank, COMPUTED), why)

    def _if(self, node: Any, scope: Scope, into: Flow, rank: int, why: str | None) -> None:
        self.visit(node.this, scope, into, COMPUTED, why or "condition")
        for key in ("true", "false"):
            if node.args.get(key) is not None:
                self.visit(node.args[key], scope, into, max(rank, COMPUTED), why)

    def _nullif(self, node: Any, scope: Scope, into: Flow, rank: int, why: str | None) -> None:
        self.visit(node.this, scope, into, max(rank, COMPUTED), why)
        self.visit(node.expression, scope, into, COMPUTED, why or "condition")

    def _aggregate(self, node: Any, scope: Scope, into: Flow, rank: int, why: str | None) -> None:
        into.aggregated = True
        before, self._aliases_first = self._aliases_first, {}
        self._any(node, scope, into, max(rank, AGGREGATED), why)
        self._aliases_first = before

    def _picking(self, node: Any, scope: Scope, into: Flow, rank: int, why: str | None) -> None:
        into.aggregated = True
        self.visit(node.this, scope, into, max(rank, AGGREGATED), why)
        for key, value in node.args.items():
            if key != "this" and isinstance(value, exp.Expression):
                self.visit(value, scope, into, COMPUTED, why or "sort")

    def _anonymous(self, node: Any, scope: Scope, into: Flow, rank: int, why: str | None) -> None:
        called = node.name.lower()
        if called in _PICKING:
            into.aggregated = True
            for at, one in enumerate(node.expressions):
                self.visit(one, scope, into, max(rank, AGGREGATED), why if at != 1 else why or "sort")
            return
        if called in _AGGREGATES:
            into.aggregated = True
            rank = max(rank, AGGREGATED)
        self._any(node, scope, into, rank, why)

    def _grouping(self, node: Any, scope: Scope, into: Flow, rank: int, why: str | None) -> None:
        """Which of its arguments a row is grouped by: a figure of the statement's, whatever their values are."""
        into.aggregated = True

    def _count(self, node: Any, scope: Scope, into: Flow, rank: int, why: str | None) -> None:
        into.aggregated = True
        if self.counts and not isinstance(node.this, exp.Star):
            self._aggregate(node, scope, into, rank, why)

    def _ordered_in(self, node: Any, scope: Scope, into: Flow, rank: int, why: str | None) -> None:
        """ORDER BY within an aggregate."""
        if node.args.get("this") is not None:
            self.visit(node.this, scope, into, rank, why)
        for one in node.expressions:
            self.visit(one, scope, into, COMPUTED, why or "sort")

    def _within(self, node: Any, scope: Scope, into: Flow, rank: int, why: str | None) -> None:
        into.aggregated = True
        self.visit(node.this, scope, into, max(rank, AGGREGATED), why)
        order = node.expression
        # `listagg(x) within group (order by y)` sorts by y; `mode() within group (order by y)` takes its values from it.
        sorts = isinstance(node.this, (exp.GroupConcat, exp.ArrayAgg))
        for one in order.expressions if isinstance(order, exp.Order) else ():
            self.visit(one.this, scope, into, max(rank, AGGREGATED), (why or "sort") if sorts else why)

    def _filtered(self, node: Any, scope: Scope, into: Flow, rank: int, why: str | None) -> None:
        self.visit(node.this, scope, into, rank, why)
        self.visit(node.expression.this, scope, into, COMPUTED, why or "filter")

    def _window(self, node: Any, scope: Scope, into: Flow, rank: int, why: str | None) -> None:
        function = node.this
        wrapped = []
        while isinstance(function, (exp.Filter, exp.IgnoreNulls, exp.RespectNulls)):
            wrapped.append(function)
            function = function.this
        # The function itself is no aggregation of the query's rows; one within its arguments is.
        if isinstance(function, exp.Expression):
            kind = type(function)
            if kind in (exp.ArgMax, exp.ArgMin):
                self.visit(function.this, scope, into, WINDOWED, why)
                self.visit(function.expression, scope, into, WINDOWED, why or "sort")
            elif not (isinstance(function, _COUNTS) and (not self.counts or isinstance(function.this, exp.Star))):
                self._any(function, scope, into, max(rank, WINDOWED), why)
        for one in wrapped:
            if isinstance(one, exp.Filter):
                self.visit(one.expression.this, scope, into, COMPUTED, why or "filter")
        self._framed(node, scope, into, why or "window")
        if isinstance(function, exp.RowNumber) and not wrapped:
            into.ranked = self._ranked(node, scope)

    def term(self, node: Any, scope: Scope) -> tuple[Flow | None, Flow]:
        """A term of an order: the column that it is, if it is one, and what is in it."""
        flow = self.value(node, scope)
        return (scope.one_of(flow) if isinstance(node, exp.Column) else None), flow

    def _ranked(self, node: Any, scope: Scope) -> Ranking | None:
        """The order that `row_number()` numbers rows in, where its window says all of it."""
        args = node.args
        called = scope.windows.get(self.key(args["alias"])) if isinstance(args.get("alias"), exp.Identifier) else None
        if called is not None and not any(args.get(key) for key in ("partition_by", "order", "spec", "first")):
            args = {**called.args, "spec": None}  # which rows are in the frame does not change their numbers
        if any(args.get(key) for key in ("spec", "first", "alias")):
            return None
        made = Ranking(scope)
        for one in args.get("partition_by") or ():
            same, flow = self.term(one, scope)
            made.parted.take(flow, COPIED, None)
            made.groups += [same] if same is not None else []
        for one in args["order"].expressions if args.get("order") is not None else ():
            made.terms.append(self.term(one.this if isinstance(one, exp.Ordered) else one, scope))
        return made

    def _framed(self, node: Any, scope: Scope, into: Flow, why: str, depth: int = 0) -> None:
        args = node.args
        for one in args.get("partition_by") or ():
            self.visit(one, scope, into, COMPUTED, why)
        for key in ("order", "spec"):
            if args.get(key) is not None:
                self._any(args[key], scope, into, COMPUTED, why)
        for named in (args.get("alias"), args.get("first") if isinstance(args.get("first"), exp.Expression) else None):
            called = scope.windows.get(self.key(named)) if named is not None else None
            if called is not None and called is not node and depth < 20:
                self._framed(called, scope, into, why, depth + 1)

    def _subquery(self, node: Any, scope: Scope, into: Flow, rank: int, why: str | None) -> None:
        self._scalar(node, scope, into, rank, why)

    def _scalar(self, node: Any, scope: Scope, into: Flow, rank: int, why: str | None) -> dict[str, Flow] | None:
        """A scalar subquery: its first column is the value. Gives its fields, if it is a struct."""
        table = self.query(node, scope.ctes, scope)
        self._rows_of(table, into)
        if table.columns:
            inner = node.this if isinstance(node, exp.Subquery) else node
            if isinstance(inner, exp.Select) and inner.args.get("kind") is not None:  # BigQuery: one value of all columns
                for column in table.columns:
                    into.take(column, COMPUTED, why)
                return None
            into.take(table.columns[0], rank, why)
            return table.columns[0].decided(table.rows, table.unsure).fields
        if table.open:
            into.unknown = into.unknown or table.open
        return None

    def _mapped(self, node: Any, scope: Scope, into: Flow, rank: int, why: str | None) -> None:
        """`MAP {key: value}`: which value is found hangs on the keys too."""
        for struct in node.find_all(exp.Struct):
            for one in struct.expressions:
                if isinstance(one, exp.PropertyEQ):
                    self.visit(one.this, scope, into, COMPUTED, why)
        self._any(node, scope, into, rank, why)

    def _exists(self, node: Any, scope: Scope, into: Flow, rank: int, why: str | None) -> None:
        if isinstance(node.this, exp.Query):
            self._rows_of(self.query(node.this, scope.ctes, scope), into)
        else:
            self._any(node, scope, into, rank, why)

    def _in(self, node: Any, scope: Scope, into: Flow, rank: int, why: str | None) -> None:
        rank = max(rank, COMPUTED)
        for key, value in node.args.items():
            if key == "query" and value is not None:
                table = self.query(value, scope.ctes, scope)
                for column in table.columns:
                    into.take(column, rank, why)
                if table.open:
                    into.unknown = into.unknown or table.open
                self._rows_of(table, into)
            else:
                for one in value if isinstance(value, list) else (value,):
                    self.visit(one, scope, into, rank, why)

    @staticmethod
    def _rows_of(table: Table, into: Flow) -> None:
        into.causes |= table.rows
        into.unknown = into.unknown or table.unsure

    def _local(self, node: Any, scope: Scope, into: Flow, rank: int, why: str | None) -> None:
        """A lambda or a comprehension: its own names mean nothing outside."""
        self._locals.append(self._own_names(node))
        if isinstance(node, exp.Lambda):
            self.visit(node.this, scope, into, rank, why)
        else:
            self.visit(node.this, scope, into, COMPUTED, why)
            if node.args.get("condition") is not None:
                self.visit(node.args["condition"], scope, into, COMPUTED, why or "condition")
        self._locals.pop()
        if isinstance(node, exp.Comprehension):
            self.visit(node.args["iterator"], scope, into, COMPUTED, why)

    def _own_names(self, node: Any) -> frozenset[str]:
        given = node.args.get("expressions") or [node.args.get("expression"), node.args.get("position")]
        return frozenset(self.key(one) for one in given if isinstance(one, exp.Expression))

    def _assigned(self, node: Any, scope: Scope, into: Flow, rank: int, why: str | None) -> None:
        self.visit(node.expression, scope, into, rank, why)

    def _structured(self, node: Any, scope: Scope, into: Flow, rank: int, why: str | None) -> None:
        made = Flow()
        self._struct(node, scope, made)
        into.aggregated = into.aggregated or made.aggregated
        into.take(made, max(rank, COMPUTED), why)

    def _field(self, node: Any, scope: Scope, into: Flow, rank: int, why: str | None) -> None:
        flow = self._accessed(node, scope)
        into.aggregated = into.aggregated or flow.aggregated
        into.take(flow, max(rank, COMPUTED), why)

    def _unnested(self, node: Any, scope: Scope, into: Flow, rank: int, why: str | None) -> None:
        """A list that becomes rows: with that it decides how often every other column of the row is there."""
        made = Flow()
        self._any(node, scope, made, rank, None)
        into.take(made, COMPUTED, why)
        into.rows = (into.rows or set()) | self.counted(node, scope, made)

    def counted(self, node: Any, scope: Scope, given: Flow) -> set[Cause]:
        """What decides over how many rows a function in FROM or an unnest gives; `given` is all that flows into it."""
        lists = [one for value in node.args.values() for one in (value if isinstance(value, list) else (value,)) if one]
        lists = [one for one in lists if not isinstance(one, (exp.TableAlias, bool)) and one is not node.args.get("offset")]
        if not isinstance(node, (exp.Unnest, exp.Explode)) or any(isinstance(one, (exp.Kwarg, exp.PropertyEQ)) for one in lists):
            return given.as_causes("unnest")
        made = Flow()
        for one in lists:
            self._length(one, scope, made)
        return made.as_causes("unnest")

    def _length(self, node: Any, scope: Scope, into: Flow) -> None:
        """What decides over how many elements a list has: not what stands in those that are written out, nor what is done to each."""
        called = node.name.lower() if isinstance(node, exp.Anonymous) else ""
        if isinstance(node, exp.Array):
            for one in node.expressions:
                if isinstance(one, (exp.Query, exp.Star)):
                    self.visit(one, scope, into, COMPUTED, None)
                elif isinstance(one, exp.Comprehension):
                    self._length(one.args["iterator"], scope, into)
                    if one.args.get("condition") is not None:
                        self._locals.append(self._own_names(one))
                        self.visit(one.args["condition"], scope, into, COMPUTED, None)
                        self._locals.pop()
        elif isinstance(node, (exp.Transform, exp.ArraySort, exp.Paren, exp.Cast)):
            self._length(node.this, scope, into)
        elif isinstance(node, exp.ArrayAgg) and isinstance(node.this, exp.Order) and node.this.this is not None:
            self.visit(node.this.this, scope, into, COMPUTED, None)
        elif called in _ONE_FOR_ONE and node.expressions:
            self._length(node.expressions[0], scope, into)
        elif called in ("list_zip", "array_zip"):
            for one in node.expressions:
                self._length(one, scope, into)
        else:
            self.visit(node, scope, into, COMPUTED, None)

    def _bound(self, node: Any, scope: Scope, into: Flow, rank: int, why: str | None) -> None:
        if scope.bound is not None and not node.args.get("unpack"):
            into.take(scope.bound, rank, why)
            return
        chosen = self.chosen(node, scope)  # in a condition all of them must hold
        if isinstance(chosen, str):
            into.unknown = into.unknown or chosen
        else:
            for column in chosen:
                into.take(column, rank, why)

    def _positional(self, node: Any, scope: Scope, into: Flow, rank: int, why: str | None) -> None:
        at = int(node.name) - 1
        columns = [column for table in scope.tables.values() for column in table.columns]
        if any(table.open for table in scope.tables.values()) or not 0 <= at < len(columns):
            into.unknown = into.unknown or f"which column #{node.name} is cannot be told"
        else:
            into.take(columns[at], rank, why)


def _row(key: str, table: Table) -> Flow:
    """A table's name as a value: the whole row, a struct."""
    made = Flow(key)
    for column in table.columns:
        made.take(column, COMPUTED, None)
    made.fields = dict(table.index)
    made.unknown = made.unknown or table.open
    return made


def _with_columns(receiver: Any) -> Any:
    """What stands before the dot of a method, with columns where the parser has left names."""

    def as_column(one: Any) -> Any:
        if isinstance(one, exp.Dot) and isinstance(one.this, exp.Identifier) and isinstance(one.expression, exp.Identifier):
            return exp.Column(this=one.expression.copy(), table=one.this.copy())
        if (
            isinstance(one, exp.Identifier)
            and one.arg_key in ("this", "expression", "expressions")
            and not isinstance(one.parent, _NAMED)
        ):
            return exp.Column(this=one.copy())
        return one

    if isinstance(receiver, exp.Identifier):
        return exp.Column(this=receiver.copy())
    return receiver.copy().transform(as_column)


#: Functions that sqlglot has no class for, and that give a list as long as their first argument.
_ONE_FOR_ONE = frozenset(["list_apply", "array_apply", "apply", "array_transform", "list_reverse", "array_reverse"])
#: What has names of its own.
_NAMED = (exp.Column, exp.Dot, exp.Table, exp.TableAlias, exp.Lambda, exp.Kwarg, exp.PropertyEQ, exp.ColumnDef, exp.CTE)
_TRANSPARENT = frozenset([exp.Paren])
_EXACT: dict[type, Handler | None] = {
    exp.Column: Expressions._column,
    exp.Paren: Expressions._same,
    exp.Alias: Expressions._same,
    exp.IgnoreNulls: Expressions._same,
    exp.RespectNulls: Expressions._same,
    exp.Distinct: Expressions._distinct_in,
    exp.Cast: Expressions._cast,
    exp.TryCast: Expressions._cast,
    exp.Case: Expressions._case,
    exp.If: Expressions._if,
    exp.Nullif: Expressions._nullif,
    exp.ArgMax: Expressions._picking,
    exp.ArgMin: Expressions._picking,
    exp.Anonymous: Expressions._anonymous,
    exp.AnonymousAggFunc: Expressions._aggregate,
    exp.Count: Expressions._count,
    exp.CountIf: Expressions._count,
    exp.Grouping: Expressions._grouping,
    exp.GroupingId: Expressions._grouping,
    exp.Order: Expressions._ordered_in,
    exp.WithinGroup: Expressions._within,
    exp.Filter: Expressions._filtered,
    exp.Window: Expressions._window,
    exp.Exists: Expressions._exists,
    exp.In: Expressions._in,
    exp.Lambda: Expressions._local,
    exp.Comprehension: Expressions._local,
    exp.Kwarg: Expressions._assigned,
    exp.PropertyEQ: Expressions._assigned,
    exp.Struct: Expressions._structured,
    exp.ToMap: Expressions._mapped,
    exp.Dot: Expressions._field,
    exp.Bracket: Expressions._field,
    exp.Unnest: Expressions._unnested,
    exp.Explode: Expressions._unnested,
    exp.Posexplode: Expressions._unnested,
    exp.Columns: Expressions._bound,
    exp.PositionalColumn: Expressions._positional,
    exp.Identifier: None,
    exp.Literal: None,
    exp.Star: Expressions._star,
    exp.Is: Expressions._is,
    exp.Parameter: Expressions._by_number,
    exp.Var: None,
    exp.DataType: None,
    exp.Boolean: None,
    exp.Null: None,
}


class _Handlers(dict[type, Handler | None]):
    """The handler of each class of tree node: found once a class."""

    def __missing__(self, cls: type) -> Handler | None:
        found: Handler | None = None
        if cls in _EXACT:
            found = _EXACT[cls]
        elif issubclass(cls, exp.Query):
            found = Expressions._subquery
        elif issubclass(cls, exp.DataType):
            found = None
        elif issubclass(cls, exp.AggFunc):
            found = Expressions._aggregate
        elif issubclass(cls, exp.Expression):
            found = Expressions._any
        self[cls] = found
        return found


_HANDLERS = _Handlers()
