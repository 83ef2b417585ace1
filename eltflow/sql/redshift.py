"""Into Redshift: what was proved on PostgreSQL, as far as Redshift's developer guide (November 2026) has the same and means the same by it.

No text of ours was run there. So this is a list of what may pass, of a statement that is said for PostgreSQL already; anything else is a
problem, told at its place. What PostgreSQL runs is then what is sent, but for the types of texts, averages and FILTER.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sqlglot import exp

from eltflow.sql.kinds import kind
from eltflow.sql.template import Unsaid, cast, said

_TYPE = exp.DataType.Type
_KNOWN_NAMES = """
Select From Join Where Group Having Order Ordered Limit Offset With CTE TableAlias Alias Subquery Table Identifier Column Star Qualify
Union Except Intersect Tuple Paren Window WindowSpec Distinct Exists In Between Like Escape And Or Not EQ NEQ GT GTE LT LTE Is
Add Sub Mul Div Mod Neg Case If Coalesce Nullif Cast DataType DataTypeParam Literal Boolean Null Var Count Sum Avg Min Max Filter
RowNumber Rank DenseRank PercentRank CumeDist Ntile Lag Lead FirstValue LastValue DPipe Lower Upper Trim Length Substring Left Right
Replace Abs Floor Ceil Sign Sqrt Exp Ln Greatest Least Extract Interval IntervalSpan CurrentDate StrPosition Pow TimestampTrunc DateTrunc MD5
"""
_KNOWN = frozenset(_KNOWN_NAMES.split())
#: Types that a cast may name, beside texts, and what they are called in both. (A number of two kinds of 64 bits is rounded as it likes best.)
_TYPES = frozenset(
    [_TYPE.SMALLINT, _TYPE.INT, _TYPE.BIGINT, _TYPE.DOUBLE, _TYPE.DECIMAL, _TYPE.DATE, _TYPE.TIMESTAMP, _TYPE.TIMESTAMPNTZ]
)
_WHOLE = frozenset([_TYPE.SMALLINT, _TYPE.INT, _TYPE.BIGINT])
_TEXTS = frozenset([_TYPE.TEXT, _TYPE.VARCHAR])
_LONGEST = "65535"
#: Parts of dates that mean the same; weeks and the days of ISO's are missing or not said.
_PARTS = frozenset(["year", "quarter", "month", "day", "hour", "minute", "second", "dow", "doy"])
_TENS = re.compile(r"10+\.0+\Z")
#: What is cast to a whole number without being rounded; a sum, for on other engines that of whole numbers needs it (the docs say so).
_WITHOUT_FRACTION = (exp.Extract, exp.Floor, exp.Ceil, exp.Null, exp.Sum)
_RANKS = (exp.RowNumber, exp.Rank, exp.DenseRank, exp.PercentRank, exp.CumeDist, exp.Ntile, exp.Lag, exp.Lead)
Found = list[tuple[Any, str]]


def into_redshift(tree: Any, read: str) -> tuple[Any, Found]:
    """The statement (sqlglot's tree, said for PostgreSQL) for Redshift, and what cannot be."""
    found = [(node, problem) for node in tree.walk() for problem in _problems(node, read)]
    if found:
        return tree, found
    for node in reversed(list(tree.walk(bfs=False))):  # children first
        try:
            made = _said(node, read)
        except Unsaid as unsaid:
            found.append((node, str(unsaid)))
            continue
        if made is not None and node is tree:
            tree = made
        elif made is not None:
            node.replace(made)
    return tree, found


def _said(node: Any, read: str) -> Any:
    """What takes the place of a part of the statement, or is changed in it; None for nothing. Raises Unsaid."""
    if isinstance(node, exp.Filter):
        return chosen(node)
    if isinstance(node, exp.Avg) and kind(node.this, read) != "double" and not isinstance(node.this, exp.Distinct):
        node.set("this", cast(node.this, "double"))  # of whole numbers it would be one
    elif isinstance(node, exp.Extract) and node.this.name.lower() == "isodow":
        return said("postgres", "((cast(extract(dow from a_) as bigint) + 6) % 7 + 1)", a_=node.expression)
    elif isinstance(node, exp.DataType) and node.this in _TEXTS:  # of a text without a length it would keep 256 bytes
        node.set("this", _TYPE.VARCHAR)
        node.set("expressions", [exp.DataTypeParam(this=exp.Literal.number(_LONGEST))])
    return None


def chosen(node: Any) -> Any:
    """FILTER as a CASE, for engines that have none. Raises Unsaid."""
    inner, condition = node.this, node.expression.this
    if not isinstance(inner, (exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max)):
        raise Unsaid("FILTER of this function is not known to mean the same")
    argument = inner.this
    holder = argument if isinstance(argument, exp.Distinct) else inner
    values = argument.expressions if isinstance(argument, exp.Distinct) else [argument]
    if len(values) != 1:
        raise Unsaid("FILTER of several values is not known to mean the same")
    value = exp.Literal.number(1) if isinstance(values[0], exp.Star) else values[0]
    made = exp.Case(ifs=[exp.If(this=condition, true=value)])
    holder.set("expressions" if holder is argument else "this", [made] if holder is argument else made)
    return inner


def _problems(node: Any, read: str) -> Iterator[str]:
    """What is wrong with one part of the statement."""
    if type(node).__name__ not in _KNOWN:
        words = " ".join(node.sql(dialect=read).split())[:60]
        if isinstance(node, exp.Func):
            words = (node.name if isinstance(node, exp.Anonymous) else node.sql_name()).lower()
        yield f"{'the function ' if isinstance(node, exp.Func) else ''}`{words}` is not known to mean the same"
        return
    if isinstance(node, exp.Literal) and node.is_string and "\\" in node.name:
        yield "a backslash in a text is not known to mean the same"
    elif isinstance(node, exp.Cast):
        yield from _cast(node, read)
    elif isinstance(node, exp.Div) and not _exact(node, read):
        yield "how many digits a quotient has hangs on types that the text does not show: cast one side to double precision"
    elif isinstance(node, exp.Extract) and str(node.this.name).lower() not in (*_PARTS, "isodow"):
        yield f"the part `{node.this.name.lower()}` of a date is not known to mean the same"
    elif isinstance(node, exp.Interval) and not isinstance(node.this, exp.Literal):
        yield "an interval of a length that is not written as a number is not known to mean the same"
    elif isinstance(node, exp.Distinct) and node.args.get("on") is not None:
        yield "DISTINCT ON is not known to mean the same"
    elif isinstance(node, exp.Window):
        yield from _window(node)
    elif isinstance(node, exp.Select) and node.args.get("windows"):
        yield "WINDOW is not known to mean the same"
    elif isinstance(node, (exp.Except, exp.Intersect)) and node.args.get("distinct") is False:
        yield f"{type(node).__name__.upper()} ALL is not known to mean the same"
    elif isinstance(node, exp.With) and node.args.get("recursive"):
        yield "WITH RECURSIVE is not known to mean the same"
    elif isinstance(node, exp.Join) and str(node.args.get("method") or ""):
        yield f"{str(node.args['method']).upper()} JOIN is not known to mean the same"


def _exact(node: Any, read: str) -> bool:
    """Whether a quotient has no digits to lose: of 64 bits, or by a power of ten, for which there are always enough
    (Computations with numeric values)."""
    divisor = node.expression.unnest()
    by_ten = isinstance(divisor, exp.Literal) and not divisor.is_string and _TENS.match(divisor.name) is not None
    return by_ten or "double" in (kind(node.this, read), kind(node.expression, read))


def _cast(node: Any, read: str) -> Iterator[str]:
    to, given = node.to.this, kind(node.this, read)
    if to in _TEXTS and node.to.expressions:
        yield "a text of so many signs is one of so many bytes there: cut it with LEFT"
    elif to not in _TYPES and to not in _TEXTS:
        yield f"a cast to {node.to.sql(dialect=read).lower()} is not known to mean the same"
    elif to in _WHOLE and given not in ("integer", "text", "boolean") and not isinstance(node.this, _WITHOUT_FRACTION):
        yield "how a number with a fraction is rounded is not known to be the same: write FLOOR, or CEIL"


def _window(node: Any) -> Iterator[str]:
    """Without a frame an ordered aggregate is refused there; and there are no ranges of values."""
    spec = node.args.get("spec")
    if spec is not None and str(spec.args.get("kind")).upper() != "ROWS":
        yield "a window of a range of values is not known to mean the same: write `rows between ... and ...`"
    elif spec is None and node.args.get("order") is not None and not isinstance(node.this, _RANKS):
        yield "an ordered window without a frame is not known to mean the same: write `rows between ... and ...`"
