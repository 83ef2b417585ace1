"""Column names of a query, and what is certainly wrong with the names in it. Own name resolution in one walk; unsure means silence.

A query's columns are *complete* when every one of them is known by name; nobody is accused of a missing name where anything in sight is
incomplete: a table function, a pivot, an unknown table, an expression that the engine will name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlglot import exp

from eltflow.base.records import dataclass, field
from eltflow.sql.parse import Parsed
from eltflow.sql.reads import Fold, Ident
from eltflow.sql.together import merged_names, named, stored, twice, twice_on, unshared
from eltflow.sql.values import UNKNOWN, Ambiguous, Fault, Missing, Names, Nowhere
from eltflow.sql.width import Widths, many

#: Columns that an engine gives to every table, and words that a parser may take for columns.
_PSEUDO = frozenset(
    [
        "rowid",
        "rownum",
        "_rowid_",
        "ctid",
        "oid",
        "filename",
        "file_row_number",
        "file_index",
        "value",
        "values",
        "excluded",
        "current_date",
        "__mark_join_marker",
        # PostgreSQL's columns of every table, and words that engines take without parentheses.
        *("xmin", "xmax", "cmin", "cmax", "tableoid"),
        *("user", "current_role", "session_user", "system_user", "utc_date", "utc_time", "utc_timestamp"),
        "level",  # of Snowflake's CONNECT BY
        *("_partitiontime", "_partitiondate", "_table_suffix", "_file_name", "_change_type", "_change_timestamp"),  # of BigQuery
        *("row_start", "row_end"),  # of MariaDB's versioned tables
    ]
)
_UNITS = frozenset(
    [
        "year",
        "years",
        "quarter",
        "quarters",
        "month",
        "months",
        "week",
        "weeks",
        "day",
        "days",
        "hour",
        "hours",
        "minute",
        "minutes",
        "second",
        "seconds",
        "millisecond",
        "milliseconds",
        "microsecond",
        "microseconds",
        "epoch",
        "dow",
        "doy",
        "isodow",
        "isoyear",
        "century",
        "decade",
        "millennium",
        "timezone",
    ]
)
#: Functions that MariaDB gives the name of a sequence.
_OF_SEQUENCES = frozenset(["nextval", "lastval", "setval"])
#: What stands behind the name of a sequence, on Snowflake and in MariaDB's Oracle mode.
_SEQUENCE = frozenset(["nextval", "currval"])
_LOCAL_NAMES = (exp.Lambda, exp.Comprehension, exp.Kwarg, exp.PropertyEQ, exp.Pivot)


class _Kinds(dict[type, str]):
    """What a value within a tree is to the walk, by its class: asking once a class is much cheaper than `isinstance` at every node."""

    def __missing__(self, cls: type) -> str:
        if issubclass(cls, exp.Query):
            kind = "query"
        elif issubclass(cls, _LOCAL_NAMES):
            kind = "local"
        elif issubclass(cls, exp.Column):
            kind = "column"
        elif issubclass(cls, list):
            kind = "list"
        elif issubclass(cls, exp.Expression) and not issubclass(cls, (exp.Identifier, exp.Literal)):
            kind = "inner"
        else:
            kind = ""
        self[cls] = kind
        return kind


_KINDS = _Kinds()


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a statement yields, and what is certainly wrong with it."""

    columns: Names
    faults: tuple[Fault, ...]


#: Gives the columns of a table by the parts of its name.
Lookup = Callable[[tuple[Ident, ...]], Names]


def resolve(parsed: Parsed, lookup: Lookup, fold: Fold) -> Resolved:
    """The columns of a statement and its faults."""
    if parsed.tree is None:
        return Resolved(UNKNOWN, ())
    walk = _Walk(lookup, fold)
    columns = walk.query(parsed.tree, {}, None)
    return Resolved(columns, tuple(walk.faults))


@dataclass(slots=True)
class _Scope:
    """The tables in sight: by folded alias, their columns (folded names) and whether those are complete."""

    outer: _Scope | None
    tables: dict[str, tuple[frozenset[str], bool, tuple[str, ...]]] = field(default_factory=dict)
    complete: bool = True
    aliases: frozenset[str] = frozenset()
    #: Names that several tables have, where a bare one of them cannot mean anything but a table's column.
    twice: frozenset[str] = frozenset()


class _Walk:
    def __init__(self, lookup: Lookup, fold: Fold) -> None:
        self._lookup = lookup
        self._fold = fold
        self.faults: list[Fault] = []
        self._widths = Widths()

    # -- queries ---------------------------------------------------------------------------------------------------------------

    def query(self, node: Any, ctes: Mapping[str, Names], outer: _Scope | None) -> Names:
        """The columns of any query; nested ones are checked on the way."""
        with_ = node.args.get("with_")
        if with_ is not None:
            ctes = self._ctes(with_, ctes, outer)
        if isinstance(node, exp.Select):
            return self._select(node, ctes, outer)
        if isinstance(node, exp.SetOperation):
            return self._set_operation(node, ctes, outer)
        if isinstance(node, exp.Subquery):
            inner = self.query(node.this, ctes, outer)
            return UNKNOWN if node.args.get("pivots") else inner
        if isinstance(node, exp.Paren):
            return self.query(node.this, ctes, outer)
        if isinstance(node, exp.Table) and not node.args.get("joins"):
            return self._table(node, ctes)
        for inner in _nested(node):
            self.query(inner, ctes, outer)
        return UNKNOWN

    def _ctes(self, with_: Any, ctes: Mapping[str, Names], outer: _Scope | None) -> Mapping[str, Names]:
        known = dict(ctes)
        recursive = bool(with_.args.get("recursive"))
        for cte in with_.expressions:
            alias = cte.args["alias"]
            key = self._key(alias.this)
            listed = tuple(stored(c, self._fold) for c in alias.args.get("columns") or ())
            if recursive:
                anchor = cte.this.this if isinstance(cte.this, exp.SetOperation) else None
                quiet = _Walk(self._lookup, self._fold)
                first = quiet.query(anchor, {**known, key: UNKNOWN}, outer) if anchor is not None else UNKNOWN
                known[key] = _renamed(listed, first, anchor)
            columns = self.query(cte.this, known, outer)
            known[key] = _renamed(listed, columns, cte.this)
            if with_.args.get("search") or with_.args.get("cycle"):  # which add columns
                known[key] = UNKNOWN
        return known

    def _set_operation(self, node: Any, ctes: Mapping[str, Names], outer: _Scope | None) -> Names:
        left = self.query(node.this, ctes, outer)
        right = self.query(node.expression, ctes, outer)
        unequal = self._widths.compared(node, left, right)
        if unequal is not None:
            self.faults.append(unequal)
        if node.args.get("by_name"):
            folded = {self._fold(n, True) for n in left.names}
            more = tuple(n for n in right.names if self._fold(n, True) not in folded)
            return Names((*left.names, *more), left.complete and right.complete)
        return left

    def _select(self, node: Any, ctes: Mapping[str, Names], outer: _Scope | None) -> Names:
        scope = _Scope(outer)
        from_ = node.args.get("from_")
        sources = [from_.this] if from_ is not None else []
        joins = list(node.args.get("joins") or ())
        if from_ is not None:
            joins += list(from_.this.args.get("joins") or ())
        sources += [join.this for join in joins]
        only_match = {id(join.this) for join in joins if join.args.get("kind") in ("SEMI", "ANTI")}
        ordered: list[tuple[str, Names]] = []
        for source in sources:
            alias, columns = self._source(source, ctes, scope)
            self._add(scope, alias, columns)
            if id(source) not in only_match:
                ordered.append((alias, columns))
        if node.args.get("laterals") or node.args.get("match"):
            scope.complete = False
        for lateral in node.args.get("laterals") or ():
            for inner in _nested(lateral):
                self.query(inner, ctes, scope)
        merged = merged_names(joins, self._fold)
        scope.aliases = frozenset(
            self._key(e.args["alias"]) for e in node.expressions if isinstance(e, exp.Alias) and e.args.get("alias")
        )
        plainly = scope.complete and len(sources) > 1 and not from_.this.args.get("joins")
        shared = twice(scope.tables, sources, only_match, joins, merged) if plainly else frozenset()
        if plainly and len(scope.tables) == len(sources):
            self.faults += unshared(scope.tables, joins, self._fold)
        self._check(node, scope, ctes, joins, shared)
        made = self._outputs(node, scope, ordered, merged)
        return UNKNOWN if node.args.get("match") else made

    # -- sources ---------------------------------------------------------------------------------------------------------------

    def _source(self, node: Any, ctes: Mapping[str, Names], scope: _Scope) -> tuple[str, Names]:
        alias = node.args.get("alias")
        name = self._key(alias.this) if alias is not None and alias.this is not None else ""
        listed = tuple(stored(c, self._fold) for c in alias.args.get("columns") or ()) if alias is not None else ()
        if isinstance(node, exp.Table):
            columns = self._table(node, ctes)
            name = name or (self._key(node.parts[-1]) if node.parts and isinstance(node.parts[-1], exp.Identifier) else "")
        elif isinstance(node, exp.Subquery):
            columns = self.query(node.this, ctes, scope)
        else:
            columns = UNKNOWN
            for inner in _nested(node):
                self.query(inner, ctes, scope)
        if node.args.get("pivots"):
            return name, UNKNOWN
        if listed:
            if not columns.complete or len(listed) > len(columns.names):
                return name, UNKNOWN
            columns = Names((*listed, *columns.names[len(listed) :]), True)
        return name, columns

    def _table(self, node: Any, ctes: Mapping[str, Names]) -> Names:
        parts = node.parts
        if not parts or not all(isinstance(part, exp.Identifier) for part in parts):
            return UNKNOWN
        if len(parts) == 1:
            known = ctes.get(self._key(parts[0]))
            if known is not None:
                return known
        return self._lookup(tuple(Ident(part.name, bool(part.args.get("quoted"))) for part in parts))

    def _add(self, scope: _Scope, alias: str, columns: Names) -> None:
        folded = frozenset(self._fold(name, True) for name in columns.names)
        key = alias or f"\x00{len(scope.tables)}"
        if key in scope.tables:
            columns = UNKNOWN
        scope.tables[key] = (folded, columns.complete, columns.names)
        scope.complete = scope.complete and columns.complete

    # -- outputs ---------------------------------------------------------------------------------------------------------------

    def _outputs(self, node: Any, scope: _Scope, ordered: list[tuple[str, Names]], merged: frozenset[str]) -> Names:
        names: list[str] = []
        for projection in node.expressions:
            if isinstance(projection, exp.Star):
                more = self._star(projection, ordered, merged)
            elif isinstance(projection, exp.Column) and isinstance(projection.this, exp.Star):
                wanted = self._key(projection.args["table"]) if projection.args.get("table") else ""
                more = self._star(projection.this, [(a, c) for a, c in ordered if a == wanted], frozenset())
            elif many(projection):
                more = None
            else:
                called = projection.args.get("alias") if isinstance(projection, exp.Alias) else projection.this
                named = isinstance(projection, (exp.Alias, exp.Column)) and isinstance(called, exp.Identifier)
                more = [stored(called, self._fold)] if named else None
            if more is None:
                return UNKNOWN
            names += more
        # A name that stands twice gets another name from the engine: then not every name is known.
        return Names(tuple(names), bool(names) and len({self._fold(n, True) for n in names}) == len(names))

    def _star(self, star: Any, ordered: list[tuple[str, Names]], merged: frozenset[str]) -> list[str] | None:
        if not ordered or not all(columns.complete for _, columns in ordered):
            return None
        if not {k for k, v in star.args.items() if v} <= {"except_", "replace", "rename"}:
            return None
        without = {named(e, self._fold) for e in star.args.get("except_") or ()}
        renamed: dict[tuple[str | None, str], str] = {}
        for pair in star.args.get("rename") or ():
            if not isinstance(pair, exp.Alias):
                return None
            renamed[named(pair.this, self._fold)] = stored(pair.args["alias"], self._fold)
        if merged and any(table is not None for table, _ in (*without, *renamed)):
            return None  # which of two that are one is meant, the engine decides
        names: list[str] = []
        seen: set[str] = set()
        for alias, columns in ordered:
            for name in columns.names:
                key = self._fold(name, True)
                if (None, key) in without or (alias, key) in without or (key in merged and key in seen):
                    continue
                seen.add(key)
                names.append(renamed.get((alias, key), renamed.get((None, key), name)))
        return names

    # -- names -----------------------------------------------------------------------------------------------------------------

    def _check(self, node: Any, scope: _Scope, ctes: Mapping[str, Names], joins: list[Any], shared: frozenset[str]) -> None:
        nested: list[Any] = []
        for key, value in node.args.items():
            if key in ("with_", "from_", "joins", "laterals", "hint"):
                continue
            for child in value if isinstance(value, list) else (value,):
                if isinstance(child, exp.Expression):
                    # Behind these, a name may as well be that of an output column.
                    strict = shared and (key == "where" or (key == "expressions" and not child.is_star and not many(child)))
                    scope.twice = shared if strict else frozenset()
                    self._visit(child, scope, nested)
        for at, join in enumerate(joins):
            if join.args.get("on") is not None:
                scope.twice = twice_on(scope.tables, joins[: at + 1], shared, self._fold) if shared else frozenset()
                self._visit(join.args["on"], scope, nested)
        scope.twice = frozenset()
        for inner in nested:
            self.query(inner, ctes, scope)

    def _visit(self, root: Any, scope: _Scope, nested: list[Any]) -> None:
        stack = [root]
        kinds = _KINDS
        while stack:
            node = stack.pop()
            kind = kinds[node.__class__]
            if kind == "inner":
                stack.extend(value for value in node.args.values() if kinds[value.__class__])
            elif kind == "column":
                self._column(node, scope)
            elif kind == "list":
                stack.extend(node)
            elif kind == "query":
                nested.append(node)
            elif kind == "local":
                nested.extend(_nested(node))

    def _column(self, column: Any, scope: _Scope) -> None:
        identifier = column.this
        if not isinstance(identifier, exp.Identifier) or column.args.get("db") is not None:
            return
        key = self._key(identifier)
        table = column.args.get("table")
        spot = identifier.meta
        if "start" not in spot:
            return
        if table is not None:
            name = self._key(table)
            found = _table_in(scope, name)
            if found is not None and (not found[1] or key in found[0]):
                return
            if name == "alias" and key in scope.aliases:
                return  # DuckDB: `alias.x` is the x of the select list
            if any(name in folded for folded, _, _ in scope.tables.values()):
                return  # a struct may have the name of its table
            if found is None:
                self._nowhere(identifier, table, scope)
                return
            if _is_word(identifier.name):
                return
            self.faults.append(Missing(identifier.name, spot["start"], spot["end"] + 1, table.name, found[2]))
            return
        called = column.parent
        if isinstance(called, exp.Anonymous) and called.name.lower() in _OF_SEQUENCES:
            return
        if isinstance(called, exp.Is) and column.arg_key == "expression":
            return  # IS NORMALIZED, IS DOCUMENT
        if isinstance(called, exp.Anonymous) and called.name.lower() == "get_format" and column.arg_key == "expressions":
            return  # of MySQL: get_format(date, 'USA')
        known: list[str] = []
        current: _Scope | None = scope
        while current is not None:
            if not current.complete or key in current.aliases or key in current.tables:
                return
            for folded, _, names in current.tables.values():
                if key in folded:
                    if key in current.twice and current is scope:
                        self._twice(identifier, scope, key)
                    return
                known += names
            current = current.outer
        if not known or _is_word(identifier.name) or identifier.name.lower() in _UNITS:
            return
        self.faults.append(Missing(identifier.name, spot["start"], spot["end"] + 1, None, tuple(dict.fromkeys(known))))

    def _nowhere(self, identifier: Any, table: Any, scope: _Scope) -> None:
        """The column of a table that nothing in sight is called, unless that may be a struct, or the name of something else."""
        key, known = self._key(table), []
        current: _Scope | None = scope
        while current is not None:
            if not current.complete or key in current.aliases or any(key in folded for folded, _, _ in current.tables.values()):
                return
            known += [alias for alias in current.tables if not alias.startswith("\x00")]
            current = current.outer
        spot = table.meta if isinstance(table, exp.Identifier) else {}
        if known and "start" in spot and not _is_word(key) and identifier.name.lower() not in _SEQUENCE:
            self.faults.append(Nowhere(identifier.name, spot["start"], spot["end"] + 1, table.name, tuple(dict.fromkeys(known))))

    def _twice(self, identifier: Any, scope: _Scope, key: str) -> None:
        if _is_word(identifier.name) or identifier.name.lower() in _UNITS:
            return
        tables = tuple(alias for alias, (folded, _, _) in scope.tables.items() if key in folded and not alias.startswith("\x00"))
        self.faults.append(Ambiguous(identifier.name, identifier.meta["start"], identifier.meta["end"] + 1, tables))

    def _key(self, identifier: Any) -> str:
        if isinstance(identifier, exp.Identifier):
            return self._fold(identifier.name, bool(identifier.args.get("quoted")))
        return self._fold(str(identifier), False)


def _is_word(name: str) -> bool:
    """Whether an engine may know the name without a column of ours."""
    small = name.lower()
    return small in _PSEUDO or small.startswith("metadata$")  # of files and streams, on Snowflake


def _table_in(scope: _Scope | None, key: str) -> tuple[frozenset[str], bool, tuple[str, ...]] | None:
    while scope is not None:
        if key in scope.tables:
            return scope.tables[key]
        if not scope.complete:  # a table in parentheses may have that alias
            return None
        scope = scope.outer
    return None


def _renamed(listed: tuple[str, ...], columns: Names, query: Any) -> Names:
    """The columns of a CTE whose name is followed by a list of names: a list that is too short renames only the first ones."""
    if not listed:
        return columns
    while isinstance(query, (exp.SetOperation, exp.Subquery)):
        query = query.this
    width = len(columns.names)
    if isinstance(query, exp.Select) and not any(many(e) or isinstance(e, exp.Star) or e.is_star for e in query.expressions):
        width = len(query.expressions)
    return Names(listed, True) if len(listed) == width else UNKNOWN


def _nested(node: Any) -> Iterator[Any]:
    """The queries nearest inside a node."""
    stack = list(node.args.values())
    while stack:
        value = stack.pop()
        if isinstance(value, list):
            stack.extend(value)
        elif isinstance(value, exp.Query):
            yield value
        elif isinstance(value, exp.Expression):
            stack.extend(value.args.values())
