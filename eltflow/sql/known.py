"""What is known to mean the same in another dialect, once `meaning` has rewritten it; anything else is refused, at its place."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from sqlglot import exp

from eltflow.sql.dates import interval_of
from eltflow.sql.into_duckdb import INTO_DUCKDB

#: Parts of a statement, operators and functions that `tests/dialect/` runs on every engine.
_PLAIN_NAMES = """
Select From Join Where Group Having Order Ordered Limit Offset With CTE TableAlias Alias Aliases Subquery Table Identifier Column Star
Union Except Intersect Values Tuple Paren Window WindowSpec Distinct Exists In Between Like And Or Not EQ NEQ GT GTE LT LTE Is
NullSafeEQ NullSafeNEQ Add Sub Mul Div Mod IntDiv Neg Case If Coalesce Nullif Cast DataType DataTypeParam Literal Boolean Null Var Count
Sum Avg Min Max Filter RowNumber Rank DenseRank PercentRank CumeDist Ntile Lag Lead FirstValue LastValue Qualify Concat ConcatWs DPipe
Lower Upper Trim Length Substring Left Right Replace Round Abs Floor Ceil Sign Sqrt Exp Ln Greatest Least Extract Interval IntervalSpan
DateTrunc TimestampTrunc DateDiff CurrentDate Date Year Month Day Quarter Hour Minute DayOfWeekIso DayOfWeek DayOfYear StrPosition Pow
GroupConcat Median PercentileCont CountIf LogicalAnd LogicalOr Stddev StddevSamp StddevPop Variance VariancePop ToInterval Anonymous MD5
All Any Dayname TimeToStr DateFromParts TimestampFromParts StartsWith Escape IgnoreNulls RespectNulls
"""
_PLAIN = frozenset(_PLAIN_NAMES.split())
#: What only some targets have, too.
_ALSO_THERE: Mapping[str, frozenset[str]] = {
    "postgres": frozenset(["AtTimeZone", "GenerateSeries", "RegexpReplace", "RegexpLike"]),
}
#: What each target cannot say, or says otherwise in a way that nobody proved.
_NOT_THERE: Mapping[str, frozenset[str]] = {
    "sqlite": frozenset(
        [
            "PercentileCont",
            "Median",
            "Stddev",
            "StddevSamp",
            "StddevPop",
            "Variance",
            "VariancePop",
            "MD5",
            "All",
            "Any",
            "Lower",
            "Upper",
        ]
    ),
    "mysql": frozenset(["PercentileCont", "Median"]),
    "spark": frozenset(["All", "Any"]),
}
#: The arguments that those parts may have: the ones that a case of `tests/dialect/` has. `this`, `expression` and `expressions` unless told.
_ARGUMENT_NAMES = """
Alias: alias this
AtTimeZone: this zone
Between: high low this
CTE: alias materialized this
Case: default ifs this
Cast: this to
Column: catalog db table this
Concat: coalesce expressions safe
ConcatWs: coalesce expressions safe
Count: big_int this
DPipe: expression safe this
DateDiff: date_part_boundary expression this unit
DateFromParts: day month year
DateTrunc: input_type_preserved this unit
Dayname: abbreviated this
Distinct: expressions on
Div: expression safe this typed
Except: distinct expression limit offset order this with_
GenerateSeries: end is_end_exclusive start step
Greatest: expressions ignore_nulls this
Group: all expressions
GroupConcat: separator this
Identifier: quoted this
If: false this true
In: expressions query this
Intersect: distinct expression limit offset order this with_
Interval: this unit
Is: expression negate this
Join: kind method on side this using
Lag: default offset this
Least: expressions ignore_nulls this
Left: expression negative_length_returns_empty this
Length: binary this
Like: expression negate this
Literal: is_string this
Max: this
Min: this
Ordered: desc nulls_first this
RegexpReplace: expression modifiers position replacement single_replace this
Replace: expression replacement this
Right: expression negative_length_returns_empty this
Round: casts_non_integer_decimals decimals this
Select: distinct expressions from_ group having joins limit offset order qualify where windows with_
StrPosition: clamp_position substr this
Subquery: alias this
Substring: length start this zero_start
Sum: this
Table: alias catalog db this
TableAlias: columns this
TimeToStr: format this
TimestampFromParts: day hour min month sec year
TimestampTrunc: input_type_preserved this unit
Trim: position this
Union: distinct expression limit offset order this with_
Values: alias expressions
Window: alias order over partition_by spec this
WindowSpec: end end_side kind start start_side
With: expressions recursive
"""
_ARGUMENTS = {name: frozenset(keys.split()) for name, keys in (line.split(": ") for line in _ARGUMENT_NAMES.split("\n") if line)}
_USUAL = frozenset(["this", "expression", "expressions"])
_NAME = re.compile(r"\w+")
_JOINS = frozenset([("", ""), ("LEFT", ""), ("RIGHT", ""), ("FULL", ""), ("", "INNER"), ("", "CROSS"), ("", "OUTER")])
#: What a part of a statement is called by who writes it.
_WORDS: Mapping[str, str] = {
    "hint": "a hint",
    "pivots": "PIVOT",
    "sample": "TABLESAMPLE",
    "laterals": "LATERAL",
    "match": "MATCH_RECOGNIZE",
    "except_": "EXCLUDE",
    "replace": "REPLACE",
    "rename": "RENAME",
    "into": "INTO",
    "locks": "FOR UPDATE",
    "cube": "CUBE",
    "rollup": "ROLLUP",
    "grouping_sets": "GROUPING SETS",
    "totals": "WITH TOTALS",
    "prewhere": "PREWHERE",
    "kind": "AS STRUCT",
    "when": "time travel",
    "ordinality": "WITH ORDINALITY",
    "format": "FORMAT",
    "percent": "a percentage of rows",
}


def refusals(tree: Any, read: str, write: str, text: str) -> Iterator[tuple[Any, str]]:
    """Each part of the statement that is not known to mean the same, and what to say of it."""
    missing, also = _NOT_THERE.get(write, frozenset()), _ALSO_THERE.get(write, frozenset())
    ruled = INTO_DUCKDB.get(read, {}) if write == "duckdb" else {}
    for node in tree.walk():
        name = type(node).__name__
        if isinstance(node, (exp.JSONPath, exp.JSONPathPart)):
            continue  # what it is part of is refused, or has a rule that looks at it
        if type(node) in ruled:
            yield from _unruled(node, ruled[type(node)][0].split())
        elif isinstance(node, exp.Interval) or interval_of(node) is not None:
            yield from _interval(node, read, write)
        elif isinstance(node, exp.Anonymous):
            yield node, f"the function `{node.name.lower()}` is not known"
        elif (name not in _PLAIN and name not in also) or name in missing:
            yield node, f"{_called(node, read, text)} is not known to mean the same"
        else:
            yield from _arguments(node, write)


def nameless(tree: Any) -> Iterator[tuple[Any, str]]:
    """Columns of the query that are no plain columns and have no name: what an engine calls them differs."""
    select = tree
    while not isinstance(select, exp.Select) and isinstance(select, (exp.SetOperation, exp.Subquery, exp.Paren)):
        select = select.this
    for one in select.expressions if isinstance(select, exp.Select) else ():
        if not isinstance(one, (exp.Alias, exp.Aliases, exp.Column, exp.Star)):
            yield one, "this column has no name, and each engine gives it one of its own: write `as name` after it"


def _interval(node: Any, read: str, write: str) -> Iterator[tuple[Any, str]]:
    """An interval stands after `+` or `-`, or in a window's frame."""
    parent = node.parent
    while isinstance(parent, exp.Paren):
        parent = parent.parent
    if isinstance(parent, exp.WindowSpec) and write in ("postgres", "mysql", "duckdb"):
        return
    if isinstance(parent, (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.GenerateSeries)) and write in ("postgres", "duckdb"):
        return
    if interval_of(node) is None or not isinstance(parent, (exp.Add, exp.Sub)):
        yield node, "an interval anywhere but after `+` or `-` is not known to mean the same"


def _unruled(node: Any, allowed: Collection[str]) -> Iterator[tuple[Any, str]]:
    for key, value in node.args.items():
        if key not in allowed and value not in (None, [], False):
            yield node, f"{_WORDS.get(key, key.strip('_').replace('_', ' ').upper())} is not known to mean the same"


def _arguments(node: Any, write: str) -> Iterator[tuple[Any, str]]:
    yield from _unruled(node, _ARGUMENTS.get(type(node).__name__, _USUAL))
    if isinstance(node, exp.Join):
        method, side, kind = (str(node.args.get(k) or "").upper() for k in ("method", "side", "kind"))
        if (method and (method, write) != ("ASOF", "postgres")) or (side, kind) not in _JOINS:
            words = " ".join(word for word in (method, side, kind) if word)
            yield node, f"{words} JOIN is not known to mean the same"


def _called(node: Any, read: str, sql: str) -> str:
    """A part of a statement in the words in which it was written, as far as these are known."""
    if isinstance(node, exp.Func):
        written = _NAME.match(sql, node.meta["start"]) if "start" in node.meta else None
        return f"the function `{(written.group() if written is not None else node.sql_name()).lower()}`"
    text = " ".join(node.sql(dialect=read).split())
    return f"`{text[:60]}{'…' if len(text) > 60 else ''}`"
