"""Stars, COLUMNS(...) and whatever else stands for several columns of a select list."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from eltflow.sql.expressions import Expressions
from eltflow.sql.flow import COMPUTED, COPIED, RENAMED, Flow, Scope, Table
from eltflow.sql.together import named

_STAR_KNOWN = frozenset(["except_", "replace", "rename"])
_COMPARING = (exp.Like, exp.ILike, exp.SimilarTo, exp.RegexpLike, exp.RegexpILike, exp.Glob, exp.Not)


class Stars(Expressions):
    """Gives the columns that one item of a select list stands for."""

    def several(self, projection: Any, scope: Scope) -> Table | None:
        """The columns of an item that may be several; None for one that is a single value."""
        kind = projection.__class__
        if kind is exp.Column:
            return self._qualified_star(projection, scope) if isinstance(projection.this, exp.Star) else None
        if kind is exp.Star:
            return self.star(projection, scope, None)
        inner = projection.this if kind is exp.Alias else projection
        if isinstance(inner, exp.Explode):
            return self._unnested_columns(inner, scope, aliased=kind is exp.Alias)
        if isinstance(inner, exp.Dot) and isinstance(inner.expression, exp.Star):
            return self._struct_star(self.value(inner.this, scope), inner.expression, inner.this.sql())
        if isinstance(inner, _COMPARING) and _starred(inner) is not None:
            return self._matching(inner, projection, scope)
        if isinstance(inner, (exp.Column, exp.Literal)):
            return None
        columns = _repeating(inner)
        return self._for_each(columns, projection, scope) if columns is not None else None

    def _table(self, columns: list[Flow]) -> Table:
        return Table(columns, set(), self.fold)

    def _unlisted(self, reason: str) -> Table:
        made = self._table([])
        made.open = reason
        return made

    # -- stars -----------------------------------------------------------------------------------------------------------------

    def _qualified_star(self, projection: Any, scope: Scope) -> Table:
        table = projection.args.get("table")
        key = self.key(table) if table is not None else ""
        if scope.table(key) is not None:
            return self.star(projection.this, scope, key)
        found = scope.find(key)
        if found is not None:
            return self._struct_star(found, projection.this, key)
        return self._unlisted(f"`{key}.*` names no table in sight")

    def _struct_star(self, flow: Flow, star: Any, called: str) -> Table:
        """All fields of a struct that is called so."""
        if flow.fields is None or any(star.args.get(key) for key in star.args):
            made = self._unlisted(flow.unknown or "the fields of a struct are not known")
            made.rest = lambda key: flow.field(key).by(f"{called}.{key}")
            return made
        return self._table(list(flow.fields.values()))

    def star(self, star: Any, scope: Scope, only: str | None) -> Table:
        """The columns of `*`, or with `only` of one table's, with EXCLUDE, REPLACE and RENAME."""
        unknown_forms = {key for key, value in star.args.items() if value} - _STAR_KNOWN
        if unknown_forms:
            return self._unlisted(f"a star with {', '.join(sorted(unknown_forms))} is not followed")
        without = {named(one, self.fold) for one in star.args.get("except_") or ()}
        replaced = {self.key(one.args["alias"]): one for one in star.args.get("replace") or () if isinstance(one, exp.Alias)}
        renamed = {named(one.this, self.fold): one.alias for one in star.args.get("rename") or () if isinstance(one, exp.Alias)}
        if scope.merged and any(table is not None for table, _ in (*without, *renamed)):
            return self._unlisted("a star that names a column of one table, over a join by USING, is not followed")
        made = self._table([])
        opened: list[Table] = []
        merged: set[str] = set()
        seen: set[str] = set()
        owner = scope.table(only) if only is not None else None
        tables = scope.tables.items() if only is None else ((only, owner),) if owner is not None else ()
        for alias, table in tables:
            if table.open:
                opened.append(table)
            for column in table.columns:
                key = self.fold(column.name, True)
                if (None, key) in without or (alias, key) in without:
                    continue
                if only is None and key in scope.merged:
                    if key in merged or (alias, key) in scope.hidden:
                        continue
                    merged.add(key)
                    column = scope.merged[key].named(column.name)
                if key in replaced:
                    if key in seen:
                        return self._unlisted("a star that replaces a column of several tables is not followed")
                    seen.add(key)
                    by = replaced[key].this
                    value = self.value(by, scope)
                    column = value.named(column.name) if isinstance(by, exp.Column) else value.named(column.name).by(by)
                called = renamed.get((alias, key), renamed.get((None, key)))
                made.columns.append(column.named(called, RENAMED) if called is not None else column)
        if opened:
            self._open(made, opened, {key for _, key in (*without, *renamed)} | {*replaced})
        return made

    @staticmethod
    def _open(made: Table, opened: list[Table], changed: set[str]) -> None:
        """A star over tables whose columns are not all known: one that is asked for by name can still be told, if only one table may
        have it."""
        made.open = opened[0].open
        if len(opened) == 1:
            made.rest = lambda key: None if key in changed else opened[0].more(key)

    # -- COLUMNS(...) ------------------------------------------------------------------------------------------------------------

    def _for_each(self, columns: Any, projection: Any, scope: Scope) -> Table:
        """One column for each that COLUMNS(...) matches."""
        chosen = self.chosen(columns, scope)
        if isinstance(chosen, str):
            return self._unlisted(chosen)
        made = self._table([])
        inner = projection.this if isinstance(projection, exp.Alias) else projection
        for column in chosen:
            scope.bound = column
            flow = self.value(inner, scope).by(_instead(inner, column.name)) if inner is not columns else column
            name = _called(projection, columns, column.name, inner)
            one = flow.named(name, COPIED if name == column.name else RENAMED)
            one.aggregated = flow.aggregated
            made.columns.append(one)
        scope.bound = None
        return made

    def chosen(self, columns: Any, scope: Scope) -> list[Flow] | str:
        """The columns that COLUMNS(...) means, or why that cannot be told."""
        argument = columns.this
        if isinstance(argument, exp.Column) and isinstance(argument.this, exp.Star):
            table = self._qualified_star(argument, scope)
            return table.open or table.columns
        star = argument if isinstance(argument, exp.Star) else exp.Star()
        everything = self.star(star, scope, None)
        if everything.open:
            return everything.open
        if isinstance(argument, exp.Star):
            return everything.columns
        if isinstance(argument, exp.Array) and all(isinstance(one, exp.Literal) for one in argument.expressions):
            wanted = [self.fold(one.name, True) for one in argument.expressions]
            return [everything.index[key] for key in wanted if key in everything.index]
        if isinstance(argument, exp.Literal):
            try:
                pattern = re.compile(argument.name)
            except re.error:
                return "COLUMNS(...) has a pattern that is not understood"
            return [column for column in everything.columns if pattern.search(column.name)]
        if isinstance(argument, exp.Lambda):
            verdicts = [_holds(argument.this, argument.expressions[0].name, column.name) for column in everything.columns]
            if None not in verdicts:
                return [column for column, held in zip(everything.columns, verdicts, strict=True) if held]
        return "which columns COLUMNS(...) means is not decided by their names"

    def _matching(self, comparison: Any, projection: Any, scope: Scope) -> Table:
        """`* LIKE 'a%'` and its kin."""
        star = _starred(comparison)
        made = self.star(star, scope, None) if isinstance(star, exp.Star) else self._qualified_star(star, scope)
        if made.open:
            return self._unlisted(made.open)
        kept = []
        for column in made.columns:
            held = _holds(comparison, "*", column.name)
            if held is None:
                return self._unlisted("which columns a star means is not decided by their names")
            if held:
                kept.append(column)
        if isinstance(projection, exp.Alias):
            kept = [column.named(_called(projection, None, column.name, comparison), RENAMED) for column in kept]
        return self._table(kept)

    def _unnested_columns(self, node: Any, scope: Scope, *, aliased: bool) -> Table | None:
        """UNNEST of a struct gives a column for each field, of a list one column: which it is is known only where it was made. To what has
        a name of its own a list is taken for granted, unless a struct was seen."""
        flow = self.value(node.this, scope)
        deep = bool(node.expressions)  # `recursive := true`, `max_depth := 2`
        if flow.fields is not None and not deep:
            return self._table(list(flow.fields.values()))
        if aliased and not deep:
            return None
        whole = Flow(f"unnest({node.this.sql()})".lower())
        whole.take(flow, COMPUTED, None)
        made = self._table([whole])
        made.rows = whole.as_causes("unnest")
        if deep:
            inner = _leaves(flow)
            made = self._unlisted("how deep an unnest goes is decided by types")
            made.rows = whole.as_causes("unnest") if flow.fields is None else set()
            made.rest = lambda key: inner.get(key) or whole.named(key, COMPUTED)
        elif not isinstance(node.this, (exp.Array, exp.Func)):
            made.become([])
            made.open = "an unnest gives one column for a list and several for a struct"
            made.rest = lambda key: whole.named(key, COMPUTED)
        return made


def _repeating(node: Any) -> Any:
    """The COLUMNS(...) for each of whose columns an expression stands once: not that of a query within it, nor one that is unpacked into
    the arguments of a function (`*COLUMNS(...)`)."""
    if node.find(exp.Columns) is None:
        return None
    found = node.walk(prune=lambda one: isinstance(one, exp.Query))
    return next((one for one in found if isinstance(one, exp.Columns) and not one.args.get("unpack")), None)


def _instead(node: Any, name: str) -> Any:
    """An expression with a column in the place of its COLUMNS(...)."""
    return node.transform(lambda one: exp.column(name) if isinstance(one, exp.Columns) and not one.args.get("unpack") else one)


def _leaves(flow: Flow) -> dict[str, Flow]:
    """The fields of a struct and of the structs within it."""
    made: dict[str, Flow] = {}
    for key, field in (flow.fields or {}).items():
        made |= _leaves(field) if field.fields is not None else {key: field}
    return made


def _starred(node: Any) -> Any:
    """The star that is compared, as in `* like 'a%'`."""
    while isinstance(node, exp.Not):
        node = node.this
    inner = node.this if isinstance(node, _COMPARING) else None
    if isinstance(inner, exp.Star) or (isinstance(inner, exp.Column) and isinstance(inner.this, exp.Star)):
        return inner
    return None


def _holds(node: Any, variable: str, name: str) -> bool | None:
    """Whether a condition on a column's name holds; None if it is not one that can be told."""
    if isinstance(node, exp.Paren):
        return _holds(node.this, variable, name)
    if isinstance(node, exp.Not):
        inner = _holds(node.this, variable, name)
        return None if inner is None else not inner
    if isinstance(node, (exp.And, exp.Or)):
        left, right = _holds(node.this, variable, name), _holds(node.expression, variable, name)
        if left is None or right is None:
            return None
        return (left and right) if isinstance(node, exp.And) else (left or right)
    if node.args.get("negate"):  # `NOT LIKE`
        plain = node.copy()
        plain.set("negate", None)
        inner = _holds(plain, variable, name)
        return None if inner is None else not inner
    subject = node.args.get("this")
    if subject is None or not (isinstance(subject, exp.Star) or variable == "*" or subject.name == variable):
        return None
    if isinstance(node, exp.In) and all(isinstance(one, exp.Literal) for one in node.expressions) and not node.args.get("query"):
        return name in {one.name for one in node.expressions}
    pattern = node.args.get("expression")
    return _compares(node, pattern.name, name) if isinstance(pattern, exp.Literal) and pattern.is_string else None


def _compares(node: Any, text: str, name: str) -> bool | None:
    if isinstance(node, (exp.EQ, exp.NEQ)):
        return (name == text) is isinstance(node, exp.EQ)
    if isinstance(node, exp.StartsWith):
        return name.startswith(text)
    if isinstance(node, (exp.Like, exp.ILike)):
        made = "".join(".*" if c == "%" else "." if c == "_" else re.escape(c) for c in text)
        return re.fullmatch(made, name, re.DOTALL | (re.IGNORECASE if isinstance(node, exp.ILike) else 0)) is not None
    if isinstance(node, exp.Glob):
        made = "".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in text)
        return re.fullmatch(made, name, re.DOTALL) is not None if "[" not in text else None
    try:
        if isinstance(node, exp.SimilarTo):
            # `* SIMILAR TO` looks for the pattern anywhere in the name (DuckDB 1.5 and 2.0.0), or it is the whole name (2.0.1).
            whole, within = re.fullmatch(text, name) is not None, re.search(text, name) is not None
            return whole if whole == within or _starred(node) is None else None
        if isinstance(node, exp.RegexpLike):
            return re.search(text, name) is not None
    except re.error:
        return None
    return None


def _called(projection: Any, columns: Any, name: str, inner: Any) -> str:
    """What a column that COLUMNS(...) made is called: an alias may hold what the pattern matched (`\\1`)."""
    if isinstance(projection, exp.Alias):
        pattern = columns.this.name if columns is not None and isinstance(columns.this, exp.Literal) else ""
        if columns is None and isinstance(inner.args.get("expression"), exp.Literal):
            pattern = inner.expression.name if isinstance(inner, (exp.SimilarTo, exp.RegexpLike)) else ""
        match = re.search(pattern or ".*", name)
        groups = (match.group(0), *match.groups()) if match is not None else (name,)
        if not pattern:
            groups = (name,)
        return re.sub(r"\\(\d)", lambda m: str(groups[int(m[1])] or "") if int(m[1]) < len(groups) else "", projection.alias)
    return name
