"""Rewrites a statement so that it means in another dialect what it did, where sqlglot alone would change that.

Each rule is a function of one node: it gives the node that takes its place, or raises Unsaid. `tests/dialect/` runs all of them on every
engine. Types are known only as far as the text shows them (`kind`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlglot import exp

from eltflow.sql.dates import DATE_RULES
from eltflow.sql.into_duckdb import INTO_DUCKDB, not_zero
from eltflow.sql.kinds import kind, literal_number, note_kinds, noted
from eltflow.sql.parse import dialect_of
from eltflow.sql.redshift import chosen
from eltflow.sql.template import Unsaid, call, cast, said

_TYPE = exp.DataType.Type
_UNSURE = frozenset(
    [_TYPE.INT128, _TYPE.INT256, _TYPE.UINT, _TYPE.UBIGINT, _TYPE.USMALLINT, _TYPE.UTINYINT, _TYPE.UINT128, _TYPE.UINT256]
)
_SAME_PATTERN = re.compile(r"(?:[\w ,;:!@#%&=<>/'\"~`-]|\\\.|[|^$.()]|\[[\w -]+\][+*]?)*\Z")
Found = list[tuple[Any, str]]
Rule = Callable[[Any, str, str], Any]

#: What a division by zero gives: an error is never silent.
_BY_ZERO: Mapping[str, str] = {"duckdb": "infinity", "sqlite": "NULL", "mysql": "NULL"}
#: Engines whose LIKE takes a backslash for an escape unless told otherwise.
_BACKSLASH = frozenset(["postgres", "mysql", "bigquery", "spark"])
_GREATEST_OF_NULL = frozenset(["mysql", "snowflake", "bigquery", "sqlite"])  #: is NULL; elsewhere NULL counts for nothing


def same_meaning(tree: Any, read: str, write: str) -> tuple[Any, Found]:
    """The statement rewritten (sqlglot's tree), and what cannot be."""
    found: Found = []
    note_kinds(tree, read)
    for node in reversed(list(tree.walk(bfs=False))):  # children first; what a rule makes is not looked at again
        for rule in _rules(type(node), read, write):
            try:
                made = rule(node, read, write)
            except Unsaid as unsaid:
                found.append((node, str(unsaid)))
                break
            if made is not None and made is not node:
                noted(node, made)
                if node is tree:
                    tree = made
                else:
                    node.replace(made)
                break
    return tree, found


def _rules(type: type, read: str, write: str) -> Iterator[Rule]:
    own = INTO_DUCKDB.get(read, {}).get(type) if write == "duckdb" else None
    if own is not None:
        yield lambda node, read, write: own[1](node, read)
    yield from _RULES.get(type, ())


# -- numbers -------------------------------------------------------------------------------------------------------------------------


def _never_zero(divisor: Any) -> bool:
    """Whether a divisor is a number that is written, or NULL in place of zero."""
    divisor = divisor.unnest()
    number = literal_number(divisor)
    return (number is not None and number != 0) or (isinstance(divisor, exp.Nullif) and literal_number(divisor.expression) == 0)


def _safe_divisor(node: Any, read: str, write: str) -> None:
    """Sees to a divisor that may be zero, where the two engines make something else of that: DuckDB can be made to stop. Raises Unsaid where
    neither stops."""
    divisor = node.expression
    here, there = _BY_ZERO.get(read, "an error"), _BY_ZERO.get(write, "an error")
    if here == there or there == "an error" or _never_zero(divisor):
        return
    if write != "duckdb" or here != "an error":
        text = divisor.unnest().sql(dialect=read)
        raise Unsaid(f"a division by zero is {here} in {read}, and {there} there: divide by `nullif({text}, 0)`")
    node.set("expression", noted(divisor, not_zero(divisor)))


def _divide(node: Any, read: str, write: str) -> Any:
    """A quotient with its fraction: of 64 bits where the text is written so; no engine's own rule for whole numbers or digits."""
    _safe_divisor(node, read, write)
    left, right = node.this, node.expression
    if dialect_of(read).TYPED_DIVISION and not {kind(left, read), kind(right, read)} & {"double", "decimal"}:
        if not dialect_of(write).TYPED_DIVISION:
            raise Unsaid(
                "whether `/` drops the fraction hangs on types that the text does not show: cast one side to double precision"
            )
        return None
    typed, safe = dialect_of(write).TYPED_DIVISION, dialect_of(write).SAFE_DIVISION
    if read == "duckdb" and kind(left, read) != "double":
        left = cast(left, "double")
    return exp.Div(this=left, expression=right, typed=typed, safe=safe)


def _whole_division(node: Any, read: str, write: str) -> Any:
    _safe_divisor(node, read, write)
    if {kind(node.this, read), kind(node.expression, read)} & {"double", "decimal"}:
        raise Unsaid("`//` of what is no whole number is not known to mean the same")
    if write == "sqlite":
        return said(write, "cast(a_ as integer) / cast(b_ as integer)", a_=node.this, b_=node.expression)
    if write == "snowflake":  # a quotient has six digits, and would be rounded up
        return said(write, "cast((a_ - mod(a_, b_)) / b_ as bigint)", a_=node.this, b_=node.expression)
    return None


def _remainder(node: Any, read: str, write: str) -> Any:
    _safe_divisor(node, read, write)


def _round(node: Any, read: str, write: str) -> Any:
    """Half away from zero, whatever the type: PostgreSQL and MariaDB round a float to the even neighbour, SQLite by its decimal text."""
    digits = literal_number(node.args["decimals"]) if node.args.get("decimals") is not None else 0
    if digits is None or digits != int(digits) or not 0 <= digits <= 15:
        raise Unsaid("ROUND to a number of digits that is not written as one from 0 to 15 is not known to mean the same")
    of = kind(node.this, read)
    if read in ("postgres", "mysql") and (digits == 0 or read == "mysql") and of not in ("decimal", "integer"):
        raise Unsaid(f"ROUND of {read} goes to the even neighbour for a float: say what it is, by a cast to decimal")
    if write == "sqlite":
        return said(write, f"round(a_ * 1e{int(digits)}) / 1e{int(digits)}", a_=node.this) if digits else None
    if write in ("postgres", "mysql"):
        by = f"1{'0' * int(digits)}.0"
        text = f"(case when a_ < 0 then ceil(a_ * {by} - 0.5) else floor(a_ * {by} + 0.5) end)"
        return said(write, f"{text} / {by}" if digits else text, a_=node.this)
    return None


def _floor(node: Any, read: str, write: str) -> Any:
    """Not every SQLite has FLOOR."""
    if write != "sqlite" or node.args.get("decimals") is not None:
        return None
    return said(write, "(cast(a_ as integer) - (a_ < cast(a_ as integer)))", a_=node.this)


def _logarithm(node: Any, read: str, write: str) -> Any:
    """Spark's is NULL where there is none."""
    if write != "spark" or read != "duckdb":
        return None
    odd = "when a_ = 0 then cast('-Infinity' as double) when a_ < 0 then cast('NaN' as double)"
    return said(write, f"case when a_ > 0 then ln(a_) {odd} end", a_=node.this)


def _average(node: Any, read: str, write: str) -> Any:
    """Of 64 bits: others give as few digits as the column has, and some more."""
    if write in ("mysql", "snowflake", "spark") and kind(node.this, read) != "double" and not isinstance(node.this, exp.Distinct):
        node.set("this", cast(node.this, "double"))


def _most(node: Any, read: str, write: str) -> Any:
    """GREATEST and LEAST, whose NULLs count for nothing, or for all."""
    values = [node.this, *node.expressions]
    here, there = read in _GREATEST_OF_NULL, write in _GREATEST_OF_NULL
    name = "greatest" if isinstance(node, exp.Greatest) else "least"
    if write == "sqlite":
        name = {"greatest": "max", "least": "min"}[name]
    made = values[0]
    for value in values[1:]:
        if there and not here:
            made = said(write, f"coalesce({name}(a_, b_), a_, b_)", a_=made, b_=value)
        elif here and not there:
            made = said(write, f"case when a_ is null or b_ is null then null else {name}(a_, b_) end", a_=made, b_=value)
        else:
            made = said(write, f"{name}(a_, b_)", a_=made, b_=value)
    return made


# -- casts ---------------------------------------------------------------------------------------------------------------------------


#: What DECIMAL without digits is; PostgreSQL's has as many as it takes.
_DECIMAL = {"duckdb": (18, 3), "mysql": (10, 0), "snowflake": (38, 0), "bigquery": (38, 9)}
_CUT_TEXT = frozenset(["postgres", "mysql", "snowflake"])  #: engines where VARCHAR(3) cuts


def _typed(node: Any, to: str | None, read: str, write: str) -> Any:
    """A CAST whose type is said in full. Raises Unsaid for a type of which nothing is known."""
    type, sizes = node.to, node.to.expressions
    if to is None or type.this in _UNSURE:
        raise Unsaid(f"a cast to {type.sql(dialect=read).lower()} is not known to mean the same")
    if type.this == _TYPE.FLOAT and read in ("duckdb", "postgres", "mysql"):
        raise Unsaid("a float of 32 bits is not known to mean the same: cast to double")
    if to == "text" and sizes:
        if read == "duckdb":  # it does not mind the length
            return exp.Cast(this=node.this, to=exp.DataType.build("text")) if write != "mysql" else cast(node.this, "char")
        if not {read, write} <= _CUT_TEXT or type.this != _TYPE.VARCHAR:
            raise Unsaid("a cast to a text of so many signs cuts it in one and not in the other: cut it with LEFT")
    if to == "decimal" and not sizes:
        digits = _DECIMAL.get(read)
        if digits is None:
            raise Unsaid("DECIMAL without digits is not known to mean the same: write how many, as in decimal(18, 3)")
        for size in digits:
            type.append("expressions", exp.DataTypeParam(this=exp.Literal.number(size)))
    if to == "decimal" and write == "bigquery":
        scale = type.expressions[1].name if len(type.expressions) > 1 else "0"
        return said(write, f"round(cast(a_ as numeric), {scale})", a_=node.this)
    return None


def _cast(node: Any, read: str, write: str) -> Any:
    to, given = kind(node, read), kind(node.this, read)
    loose = to == "integer" and given not in ("integer", "text", "boolean")
    if read == "sqlite" and (loose or to in ("date", "timestamp", "decimal")):
        raise Unsaid(f"a cast to {to} makes no {to} in SQLite, and cuts what it makes")
    made = _typed(node, to, read, write)
    if made is not None:
        return made
    if to == "text" and given in ("double", "boolean", "timestamp"):
        raise Unsaid(f"each engine writes a {given} as text in its own way")
    if to == "boolean" and given not in ("boolean", None):
        raise Unsaid("a cast to boolean is not known to mean the same: write a comparison")
    if to == "integer" and write == "sqlite" and given not in ("integer", "text", "boolean"):
        half = "cast(round(a_) as integer)"
        if given != "decimal":  # a float goes to the even neighbour
            half = f"case when abs(a_ - cast(a_ as integer)) = 0.5 then 2 * cast(round(a_ / 2) as integer) else {half} end"
        return said(write, f"case when typeof(a_) = 'real' then {half} else cast(a_ as integer) end", a_=node.this)
    if to == "integer" and write == "spark" and given not in ("integer", "text", "boolean"):
        type = node.to.sql(dialect="spark")
        exact, even = f"cast(round(a_) as {type})", f"cast(bround(a_) as {type})"  # a plain cast cuts
        known = {"decimal": exact, "double": even}.get(given or "")
        kinds = f"when typeof(a_) in ('double', 'float') then {even} when typeof(a_) like 'decimal%' then {exact}"
        return said(write, known or f"case {kinds} else cast(a_ as {type}) end", a_=node.this)
    if to == "decimal" and write == "sqlite":
        scale = node.to.expressions[1].name if len(node.to.expressions) > 1 else "0"
        return said(write, f"round(a_ * 1e{scale}) / 1e{scale}", a_=node.this)
    if to == "timestamp" and write == "mysql":
        return said(write, "cast(a_ as datetime(6))", a_=node.this)
    return None


# -- text ----------------------------------------------------------------------------------------------------------------------------


def _like(node: Any, read: str, write: str) -> Any:
    pattern = node.expression
    text = pattern.name if isinstance(pattern, exp.Literal) and pattern.is_string else None
    escaped = isinstance(node.parent, exp.Escape)
    if read == "sqlite":
        raise Unsaid("LIKE of SQLite knows no case, and is not known to mean the same")
    if not escaped and (read in _BACKSLASH) != (write in _BACKSLASH) and (text is None or "\\" in text):
        raise Unsaid("a backslash in a pattern of LIKE is not known to mean the same: say which sign escapes, with ESCAPE")
    if write == "sqlite":
        if text is None or escaped or any(sign in text for sign in "*?["):
            raise Unsaid("LIKE of SQLite knows no case: only a plain pattern can be said, as GLOB")
        glob = exp.Glob(this=node.this, expression=exp.Literal.string(text.replace("%", "*").replace("_", "?")))
        return exp.Not(this=exp.Paren(this=glob)) if node.args.get("negate") else glob
    return None


def _substring(node: Any, read: str, write: str) -> Any:
    start = literal_number(node.args["start"]) if node.args.get("start") is not None else None
    if start is None or start < 1:
        raise Unsaid("SUBSTRING from a place that is not written as a number from 1 is not known to mean the same")
    length = node.args.get("length")
    if length is not None and (literal_number(length) is None or literal_number(length) < 0):
        raise Unsaid("SUBSTRING of a length that is not written as a number from 0 is not known to mean the same")


def _length(node: Any, read: str, write: str) -> Any:
    if read == "mysql" and node.args.get("binary"):
        raise Unsaid("LENGTH counts bytes in MySQL: write CHAR_LENGTH")


def _letters(node: Any, read: str, write: str) -> Any:
    if read == "sqlite":
        raise Unsaid("LOWER and UPPER of SQLite know ASCII letters only")


def _in(node: Any, read: str, write: str) -> Any:
    """IN with a query: what would be NULL is FALSE to Spark, which makes no difference to a condition that rows must meet."""
    if write != "spark" or node.args.get("query") is None:
        return None
    negated = isinstance(node.parent, exp.Not)  # of which Spark takes care, unless it stands beside an OR
    outside = node.parent.parent if negated else node.parent
    while isinstance(outside, (exp.And, exp.Paren)) or (isinstance(outside, exp.Or) and not negated):
        outside = outside.parent
    if not isinstance(outside, (exp.Where, exp.Having)):
        raise Unsaid(
            "IN with a query, anywhere but among the conditions of WHERE, is not known to mean the same where values are NULL"
        )


def _is(node: Any, read: str, write: str) -> Any:
    """IS TRUE and IS FALSE, of which sqlglot takes the second half away for Snowflake: NULL would stay NULL."""
    truth = node.expression
    if write != "snowflake" or not isinstance(truth, exp.Boolean):
        return None
    if truth.this:
        return said(write, "coalesce(a_, false)", a_=node.this)
    return said(write, "not coalesce(a_, true)", a_=node.this)


def _side(node: Any, read: str, write: str) -> Any:
    count = literal_number(node.expression)
    if count is None or count < 1:
        raise Unsaid("LEFT and RIGHT with a length that is not written as a number from 1 are not known to mean the same")
    if write != "sqlite":
        return None
    return said(write, f"substr(a_, 1, {count})" if isinstance(node, exp.Left) else f"substr(a_, -{count})", a_=node.this)


def _starts_with(node: Any, read: str, write: str) -> Any:
    start = node.expression
    if write not in ("sqlite", "mysql"):
        return None
    if not (isinstance(start, exp.Literal) and start.is_string and start.name):
        raise Unsaid("STARTS_WITH of what is no written text is not known to mean the same")
    return said(write, f"substr(a_, 1, {len(start.name)}) = b_", a_=node.this, b_=start)


def _joined(node: Any, read: str, write: str) -> Any:
    """`||` of what is no text, as a cast of it to text."""
    parts = node.expressions if isinstance(node, exp.Concat) else [node.this, node.expression]
    odd = next((of for one in parts if (of := kind(one, read)) in ("double", "boolean", "timestamp")), None)
    if write == "spark" and odd is not None:
        raise Unsaid(f"each engine writes a {odd} as text in its own way")


def _concat(node: Any, read: str, write: str) -> Any:
    """CONCAT; where NULL counts for nothing in it, so it does there."""
    if write in ("postgres", "duckdb") and node.args.get("coalesce"):
        return None
    if not node.args.get("coalesce") and write not in ("mysql", "snowflake", "bigquery"):  # their CONCAT minds no NULL
        made = node.expressions[0].copy()
        for one in node.expressions[1:]:
            made = exp.DPipe(this=made, expression=one.copy(), safe=True)
        return exp.Paren(this=made)
    parts = []
    for one in node.expressions:
        text = one if kind(one, read) == "text" else cast(one, "char" if write == "mysql" else "text")
        literal = isinstance(one, exp.Literal)
        parts.append(said(write, "coalesce(a_, '')", a_=text) if node.args.get("coalesce") and not literal else text)
    if write == "mysql" or not node.args.get("coalesce"):
        return call("concat", *parts)
    made = parts[0]
    for part in parts[1:]:
        made = exp.DPipe(this=made, expression=part, safe=True)
    return exp.Paren(this=made) if len(parts) > 1 else made


def _concat_ws(node: Any, read: str, write: str) -> Any:
    if write not in ("postgres", "duckdb", "mysql", "spark"):
        raise Unsaid("CONCAT_WS is not known to mean the same")


def _string_agg(node: Any, read: str, write: str) -> Any:
    if write == "sqlite" and next(node.find_all(exp.Order), None) is not None:
        raise Unsaid("STRING_AGG in an order is not known to mean the same")


# -- aggregates, windows, order ----------------------------------------------------------------------------------------------------------


def _filter(node: Any, read: str, write: str) -> Any:
    """FILTER as a CASE, where the engine has none."""
    if write not in ("mysql", "bigquery", "snowflake"):
        return None
    return chosen(node)


def _beside(node: Any, read: str, write: str) -> Any:
    if write == "mysql" and node.args.get("default") is not None:
        raise Unsaid("LAG and LEAD with a value for where no row is are not known to mean the same")


def _quantile(node: Any, read: str, write: str) -> Any:
    return call("percentile", node.this, node.expression) if write == "spark" else None


def _window(node: Any, read: str, write: str) -> Any:
    """BigQuery sorts NULLs in a window as it likes best: a key before says where they go. Snowflake takes the first and the last value
    of the whole partition, where no frame is written."""
    order, spec = node.args.get("order"), node.args.get("spec")
    if isinstance(node.this, (exp.Median, exp.PercentileCont, exp.WithinGroup)) and write == "postgres":
        raise Unsaid("a median or a quantile over a window is not there in PostgreSQL")
    if isinstance(node.this, (exp.FirstValue, exp.LastValue)) and spec is None and "snowflake" in (read, write):
        raise Unsaid(
            "FIRST_VALUE and LAST_VALUE without a frame are not known to mean the same: write one, `rows between ... and ...`"
        )
    if write != "bigquery" or order is None:
        return None
    if spec is not None and str(spec.args.get("kind")).upper() == "RANGE" and str(spec.args.get("start")).upper() != "UNBOUNDED":
        return None  # it may have one key only; sqlglot refuses it
    order.set("expressions", [key for one in order.expressions for key in _keys(one)])
    return None


def _keys(one: Any) -> Iterator[Any]:
    first, down = bool(one.args.get("nulls_first")), bool(one.args.get("desc"))
    if first == (not down):  # as BigQuery has it
        yield one
        return
    told = said("bigquery", f"case when a_ is null then {0 if first else 1} else {1 if first else 0} end", a_=one.this.copy())
    yield exp.Ordered(this=told, desc=False, nulls_first=True)
    one.set("nulls_first", not down)
    yield one


def _asof(node: Any, read: str, write: str) -> Any:
    """ASOF JOIN as a subquery for each row: the nearest one, by the one condition that is no equality."""
    if str(node.args.get("method") or "").upper() != "ASOF":
        return None
    table, conditions = node.this, node.args.get("on")
    name = table.alias_or_name
    parts = list(conditions.flatten()) if isinstance(conditions, exp.And) else [conditions]
    nearest = [one.unnest() for one in parts if isinstance(one.unnest(), (exp.GT, exp.GTE, exp.LT, exp.LTE))]
    if len(nearest) != 1 or not isinstance(table, exp.Table):
        raise Unsaid("ASOF JOIN is not known to mean the same, but of a table, with one condition that is no equality")
    inner = [side for side in (nearest[0].this, nearest[0].expression) if isinstance(side, exp.Column) and side.table == name]
    if len(inner) != 1:
        raise Unsaid(
            f"ASOF JOIN is not known to mean the same, unless one side of its condition is a column of `{name}`, said with its name"
        )
    latest = isinstance(nearest[0], (exp.GT, exp.GTE)) == (nearest[0].expression is inner[0])
    chosen = exp.select("*").from_(table.copy()).where(conditions.copy())
    chosen = chosen.order_by(exp.Ordered(this=inner[0].copy(), desc=latest, nulls_first=False)).limit(1)
    alias = exp.TableAlias(this=exp.to_identifier(name, quoted=bool(table.args.get("alias"))))
    side = "LEFT" if str(node.args.get("side") or "").upper() == "LEFT" else None
    lateral = exp.Lateral(this=exp.Subquery(this=chosen), alias=alias)
    return exp.Join(this=lateral, side=side, kind=None if side else "INNER", on=exp.true())


def _pattern(node: Any, read: str, write: str) -> Any:
    """A regular expression of the signs that mean the same to RE2 and to PostgreSQL."""
    pattern = node.expression
    if not (isinstance(pattern, exp.Literal) and _SAME_PATTERN.match(pattern.name)) or node.args.get("modifiers") is not None:
        raise Unsaid(
            "this regular expression is not known to mean the same: letters, digits, groups, `|`, `^`, `$`, `.` and ranges are"
        )
    new = node.args.get("replacement")
    if isinstance(node, exp.RegexpReplace) and not (isinstance(new, exp.Literal) and "\\" not in new.name):
        raise Unsaid("what is put in the place of a regular expression must be written, without backslashes")


def _derived(node: Any, read: str, write: str) -> Any:
    """A table made by a query has a name, where the engine wants one."""
    if (
        write not in ("mysql", "postgres")
        or node.args.get("alias") is not None
        or not isinstance(node.parent, (exp.From, exp.Join))
    ):
        return None
    number = sum(1 for _ in node.root().find_all(exp.TableAlias))
    node.set("alias", exp.TableAlias(this=exp.to_identifier(f"eltflow_query_{number}")))


def _order(node: Any, read: str, write: str) -> Any:
    for one in node.expressions:
        inner = one.this if isinstance(one, exp.Ordered) else one
        if isinstance(inner, exp.All) or (isinstance(inner, exp.Var) and inner.name.lower() == "all"):
            raise Unsaid("ORDER BY ALL is not known to mean the same")
        if isinstance(inner, exp.Column) and inner.name.lower() == "all" and not inner.this.args.get("quoted"):
            raise Unsaid("ORDER BY ALL is not known to mean the same")


def _star(node: Any, read: str, write: str) -> Any:
    """QUALIFY and DISTINCT ON, where the engine has none, become a query around one that has a column more, which `*` would take too."""
    distinct = node.args.get("distinct")
    said_otherwise = [
        "QUALIFY" if node.args.get("qualify") is not None and write in ("postgres", "mysql", "sqlite", "spark") else "",
        "DISTINCT ON"
        if distinct is not None and distinct.args.get("on") is not None and write not in ("duckdb", "postgres")
        else "",
    ]
    words = next(filter(None, said_otherwise), None)
    if words is not None and any(one.is_star for one in node.expressions):
        raise Unsaid(f"{words} with `*` is not known to mean the same: name the columns")


def _group(node: Any, read: str, write: str) -> Any:
    """GROUP BY ALL spelt out."""
    if not node.args.get("all"):
        return None
    keys = []
    for one in node.parent.expressions:
        value = one.this if isinstance(one, exp.Alias) else one
        if isinstance(value, exp.Star) or (isinstance(value, exp.Column) and isinstance(value.this, exp.Star)):
            raise Unsaid("GROUP BY ALL of `*` is not known to mean the same")
        if not any(_aggregates(value)):
            keys.append(value.copy())
    return exp.Group(expressions=keys) if keys else None


def _aggregates(value: Any) -> Iterator[Any]:
    yield from value.find_all(exp.AggFunc, exp.Window)


def _deviation(node: Any, read: str, write: str) -> Any:
    if write == "mysql" and kind(node.this, read) != "double":
        node.set("this", cast(node.this, "double"))


def _column(node: Any, read: str, write: str) -> Any:
    """A table's name where a column may stand is the whole row, for those who have such."""
    select = node.find_ancestor(exp.Select)
    if select is None or node.args.get("table") is not None or write not in ("postgres", "bigquery", "duckdb"):
        return None
    from_ = select.args.get("from_")
    tables = [from_.this if from_ is not None else None, *(join.this for join in select.args.get("joins") or ())]
    if any(isinstance(one, exp.Table) and one.alias_or_name.lower() == node.name.lower() for one in tables):
        raise Unsaid(f"`{node.name}` may be a column or a whole row of the table: write `{node.name}.{node.name}` for the column")
    return None


_RULES: Mapping[type, tuple[Rule, ...]] = {
    exp.Select: (_star,),
    **DATE_RULES,
    exp.Div: (_divide,),
    exp.IntDiv: (_whole_division,),
    exp.Mod: (_remainder,),
    exp.Round: (_round,),
    exp.Floor: (_floor,),
    exp.Avg: (_average,),
    exp.Ln: (_logarithm,),
    exp.Greatest: (_most,),
    exp.Least: (_most,),
    exp.Cast: (*DATE_RULES.get(exp.Cast, ()), _cast),
    exp.Like: (_like,),
    exp.In: (*DATE_RULES.get(exp.In, ()), _in),
    exp.Is: (_is,),
    exp.Length: (_length,),
    exp.Lower: (_letters,),
    exp.Upper: (_letters,),
    exp.Substring: (_substring,),
    exp.Left: (_side,),
    exp.Right: (_side,),
    exp.StartsWith: (_starts_with,),
    exp.Concat: (_joined, _concat),
    exp.DPipe: (_joined,),
    exp.ConcatWs: (_concat_ws,),
    exp.GroupConcat: (_string_agg,),
    exp.Filter: (_filter,),
    exp.Lag: (_beside,),
    exp.Lead: (_beside,),
    exp.PercentileCont: (_quantile,),
    exp.Window: (_window,),
    exp.Order: (_order,),
    exp.Subquery: (_derived,),
    exp.Join: (_asof,),
    exp.RegexpReplace: (_pattern,),
    exp.RegexpLike: (_pattern,),
    exp.Group: (_group,),
    exp.Column: (_column,),
    exp.Stddev: (_deviation,),
    exp.StddevPop: (_deviation,),
    exp.StddevSamp: (_deviation,),
    exp.Variance: (_deviation,),
    exp.VariancePop: (_deviation,),
}
