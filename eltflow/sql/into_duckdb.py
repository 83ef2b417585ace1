"""What BigQuery and Snowflake have words of their own for, said in DuckDB, where a project of theirs is developed and tested.

Each entry has a part of a statement (sqlglot's), the arguments that its rule knows, and the rule. What the functions do is what the vendors'
references say; `tests/dialect/into_duckdb.txt` has a case with its value for each.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from sqlglot import exp

from eltflow.sql.kinds import kind, literal_number
from eltflow.sql.template import Unsaid, cast, said

Rule = Callable[[Any, str], Any]
_SAID = "duckdb"
_PATH = re.compile(r"[\w -]+\Z")
_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_CLOCK = ("microsecond", "millisecond", "second", "minute", "hour")
#: What a format may be made of, and its signs in DuckDB.
_FORMATS = re.compile(r"(?:%[YmdHMSBbaAjy]|[^%\w])*\Z")
_TO_CHAR = {"YYYY": "%Y", "MM": "%m", "DD": "%d", "HH24": "%H", "MI": "%M", "SS": "%S", "YY": "%y"}
_TO_CHAR_PARTS = re.compile(r"YYYY|HH24|MM|DD|MI|SS|YY|[-/:. ]")
#: A pattern without what may take no part in a match, of signs that BigQuery (RE2, as DuckDB) and Snowflake read alike.
_ALWAYS = re.compile(r"(?!.*\)[?*{])[^|]*\Z", re.DOTALL)
_GROUPS = re.compile(r"(?<!\\)\((?!\?)")
_ALIKE = re.compile(r"(?:[\w ,;:!@#%&=<>/'\"~`-]|\\\.|[|^$.()?*+]|\[[\w -]+\])*\Z")


def _is_text(node: Any) -> bool:
    return isinstance(node, exp.Literal) and bool(node.is_string)


def _written(node: Any, what: str) -> str:
    if not _is_text(node) or not node.name:
        raise Unsaid(f"{what} must be written as a text to be known to mean the same")
    return str(node.name)


def _unit(node: Any) -> str:
    unit = node.args.get("unit")
    if isinstance(unit, exp.WeekStart):
        return f"week({unit.this.name.lower()})"
    return str(unit.name if unit is not None else "day").lower().removesuffix("s")


def _say(text: str) -> Rule:
    """A function whose arguments stand in the text as this_ and expression_."""
    return lambda node, read: said(_SAID, text, this_=node.this, expression_=node.args.get("expression"))


def _same(node: Any, read: str) -> Any:
    return None


# -- numbers and conditions ----------------------------------------------------------------------------------------------------------


def _decode(node: Any, read: str) -> Any:
    """The first value that is the same, NULL for NULL; the last one stands alone if it is for all others."""
    value, *rest = node.expressions
    made = exp.Case()
    for known, given in zip(rest[::2], rest[1::2], strict=False):
        made = made.when(exp.NullSafeEQ(this=value.copy(), expression=known.copy()), given.copy())
    return made.else_(rest[-1].copy()) if len(rest) % 2 else made


def not_zero(divisor: Any) -> Any:
    """A divisor at which the statement stops where it is zero, of which DuckDB makes infinity."""
    return said(_SAID, "case when a_ = 0 then error('division by zero') else a_ end", a_=divisor)


def _whole(node: Any, read: str) -> Any:
    """Of numbers with a fraction too, of which DuckDB's `//` leaves one; no digit goes through a float."""
    divisor = node.expression
    return said(_SAID, "(a_ - a_ % b_) // b_", a_=node.this, b_=divisor if literal_number(divisor) else not_zero(divisor))


def _to_number(node: Any, read: str) -> Any:
    digits, scale = (literal_number(node.args.get(name)) for name in ("precision", "scale"))
    if node.args.get("format") is not None or digits is None or scale is None or node.args.get("safe"):
        raise Unsaid("a number by a format is not known to mean the same")
    text = f"cast(a_ as decimal({int(digits)}, {int(scale)}))"
    return said(_SAID, f"case when contains(cast(a_ as varchar), '_') then error('no number') else {text} end", a_=node.this)


def _try_cast(node: Any, read: str) -> Any:
    """Numbers alone: what else is no date or time is another text for each engine."""
    to = kind(exp.Cast(this=node.this.copy(), to=node.args["to"].copy()), read)
    type = node.args["to"].sql(dialect=_SAID)
    if kind(node.this, read) not in ("text", None) or to not in ("integer", "double", "decimal"):
        raise Unsaid("a cast that gives NULL where it fails is known to mean the same for numbers alone")
    if to == "integer" and read == "snowflake":  # of 38 digits there
        type = "decimal(38, 0)"
    if to == "decimal" and not node.args["to"].expressions:
        type = "decimal(38, 9)" if read == "bigquery" else "decimal(38, 0)"
    signs = (
        r"\s*[+-]?[0-9]+\s*"
        if to == "integer" and read == "bigquery"
        else r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*"
    )
    if to == "double":
        signs = rf"(?i)({signs}|\s*[+-]?(nan|inf|infinity)\s*)"
    return said(_SAID, f"case when regexp_full_match(cast(a_ as varchar), '{signs}') then try_cast(a_ as {type}) end", a_=node.this)


# -- text ----------------------------------------------------------------------------------------------------------------------------


def _pad(node: Any, read: str) -> Any:
    length, fill = literal_number(node.expression), node.args.get("fill_pattern")
    if length is None or length < 0 or (fill is not None and not (_is_text(fill) and fill.name)):
        raise Unsaid("LPAD and RPAD are known to mean the same with a length and a filling that are written")
    name = "lpad" if node.args.get("is_left") else "rpad"
    return said(_SAID, f"{name}(a_, {int(length)}, b_)", a_=node.this, b_=fill if fill is not None else exp.Literal.string(" "))


def _split(node: Any, read: str) -> Any:
    _written(node.expression, "what a text is split at")
    return said(_SAID, "string_split(a_, b_)", a_=node.this, b_=node.expression)


def _split_part(node: Any, read: str) -> Any:
    _written(node.args["delimiter"], "what a text is split at")
    place = literal_number(node.args["part_index"])
    if place is None or place == 0:
        raise Unsaid("SPLIT_PART is known to mean the same with a place that is written, from 1")
    return said(_SAID, f"split_part(a_, b_, {int(place)})", a_=node.this, b_=node.args["delimiter"])


def _pattern(node: Any, read: str) -> str:
    pattern = _written(node.expression, "a regular expression")
    if read == "snowflake" and not _ALIKE.match(pattern):
        raise Unsaid(
            "this regular expression is not known to mean the same: letters, digits, groups, `|`, `^`, `$`, `.` and ranges are"
        )
    return pattern


def _matches(node: Any, read: str) -> Any:
    """Snowflake's must fit the whole text, and its dot no end of a line, as here."""
    _pattern(node, read)
    name = "regexp_full_match" if node.args.get("full_match") else "regexp_matches"
    return said(_SAID, f"{name}(a_, b_)", a_=node.this, b_=node.expression)


def _extracted(node: Any, read: str) -> Any:
    """What the group matched, or the whole where there is none; NULL without a match."""
    pattern = _pattern(node, read)
    if (
        read != "bigquery"
        or not _ALWAYS.match(pattern)
        or len(_GROUPS.findall(pattern)) > 1
        or node.args.get("position") is not None
        or node.args.get("occurrence") is not None
    ):
        raise Unsaid("this search by a regular expression is not known to mean the same")
    group = literal_number(node.args.get("group")) or 0
    return said(
        _SAID, f"case when regexp_matches(a_, b_) then regexp_extract(a_, b_, {int(group)}) end", a_=node.this, b_=node.expression
    )


def _replaced(node: Any, read: str) -> Any:
    """All of them. What was matched is named by a backslash and a number in both."""
    _pattern(node, read)
    new = node.args.get("replacement") or exp.Literal.string("")
    if not _is_text(new) or (read == "snowflake" and "\\" in new.name):
        raise Unsaid("what is put in the place of a regular expression must be written, without backslashes")
    if any(node.args.get(name) is not None for name in ("position", "occurrence", "modifiers")):
        raise Unsaid("a replacement from a place on is not known to mean the same")
    return said(_SAID, "regexp_replace(a_, b_, c_, 'g')", a_=node.this, b_=node.expression, c_=new)


def _to_char(node: Any, read: str) -> Any:
    form = node.args.get("format")
    if form is None:
        return cast(node.this, "text")
    text = _written(form, "the format").upper()
    if "".join(_TO_CHAR_PARTS.findall(text)) != text:
        raise Unsaid(f"the format `{form.name}` is not known to mean the same")
    made = _TO_CHAR_PARTS.sub(lambda found: _TO_CHAR.get(found.group(), found.group()), text)
    return said(_SAID, f"strftime(a_, '{made}')", a_=node.this)


# -- dates and times -----------------------------------------------------------------------------------------------------------------


def _formatted(node: Any, read: str) -> Any:
    of = node.this.this if isinstance(node.this, (exp.TsOrDsToDate, exp.TsOrDsToTimestamp)) else node.this
    form = _written(node.args["format"], "the format")
    if not _FORMATS.match(form):
        raise Unsaid(f"the format `{form}` is not known to mean the same")
    if isinstance(node.this, exp.TsOrDsToTimestamp):
        of = said(_SAID, "timezone('UTC', a_)", a_=of)
    return said(_SAID, "strftime(a_, b_)", a_=of, b_=node.args["format"])


def _read_date(node: Any, read: str) -> Any:
    form = node.args.get("format")
    if form is None or not _FORMATS.match(_written(form, "the format")) or "%Y" not in form.name:
        raise Unsaid("a date is known to be read alike by a format that is written, of years, months and days")
    return said(_SAID, "cast(strptime(a_, b_) as date)", a_=node.this, b_=form)


def _plain(node: Any, read: str) -> Any:
    """Stands within FORMAT_DATE, which takes it off."""
    if isinstance(node.parent, exp.TimeToStr) or (node.args.get("format") is not None and isinstance(node, exp.TsOrDsToDate)):
        return _read_date(node, read) if node.args.get("format") is not None else None
    raise Unsaid("a date of a text whose form nobody says is not known to mean the same: write the format")


def _shifted(node: Any, read: str) -> Any:
    """BigQuery's DATE_ADD takes dates, and gives them: `+ 0` fails for what is none. Snowflake's DATEADD gives what it takes."""
    sign = "-" if isinstance(node, (exp.DateSub, exp.DatetimeSub, exp.TimestampSub)) else "+"
    unit, number, value = _unit(node), node.expression, node.this
    if isinstance(number, exp.Literal) and number.is_string:
        number = exp.Literal.number(number.name)
    of = kind(value, read)
    if read == "bigquery":
        of = {exp.DateAdd: "date", exp.DateSub: "date"}.get(type(node), "timestamp")
    if unit in _CLOCK and of != "date":
        return said(_SAID, f"a_ {sign} to_{unit}s(cast(b_ as bigint))", a_=value, b_=number)
    if of not in ("date", "timestamp") or (unit not in _DAYS and unit not in _MONTHS):
        text = value.sql(dialect=read)
        raise Unsaid(f"what is shifted may be a date or a timestamp: say what it is: `cast({text} as date)`, or as timestamp")
    if unit in _DAYS:
        steps = f"cast(b_ as bigint) * {_DAYS[unit]}"  # a fraction is rounded first
        text = f"(a_ {sign} cast({steps} as integer))" if of == "date" else f"a_ {sign} to_days(cast({steps} as integer))"
        return said(_SAID, text, a_=value, b_=number)
    months = f"to_months(cast(cast(b_ as bigint) * {_MONTHS[unit]} as integer))"
    return said(_SAID, f"cast((a_ + 0) {sign} {months} as date)" if of == "date" else f"a_ {sign} {months}", a_=value, b_=number)


def _elapsed(node: Any, read: str) -> Any:
    """Whole units between two moments, not the bounds that are crossed."""
    unit = _unit(node)
    if unit not in (*_CLOCK, "day"):
        raise Unsaid(f"a difference in {unit}s is not known to mean the same")
    return said(_SAID, f"date_sub('{unit}', b_, a_)", a_=node.this, b_=node.expression)


def _truncated(node: Any, read: str) -> Any:
    """BigQuery's functions say what they take. Others hang on what the text shows."""
    unit = {"isoweek": "week", "week(monday)": "week", "week": "week(sunday)"}.get(_unit(node), _unit(node))
    if read != "bigquery":
        return None
    if unit not in ("year", "quarter", "month", "week", "week(sunday)", "day", "hour", "minute", "second"):
        raise Unsaid(f"truncating to {unit} is not known to mean the same")
    if isinstance(node, exp.DateTrunc):
        if unit == "week(sunday)":
            return said(_SAID, "cast(date_trunc('week', (a_ + 0) + 1) as date) - 1", a_=node.this)
        return said(_SAID, f"cast(date_trunc('{unit}', a_ + 0) as date)", a_=node.this)
    if unit == "week(sunday)" or node.args.get("zone") is not None:
        raise Unsaid("where a week or a day begins is not known to be the same")
    if isinstance(node, exp.TimestampTrunc):
        return said(_SAID, f"timezone('UTC', date_trunc('{unit}', timezone('UTC', a_)))", a_=node.this)
    return said(_SAID, f"date_trunc('{unit}', a_)", a_=node.this)


# -- JSON and lists ------------------------------------------------------------------------------------------------------------------


def _path(node: Any) -> str:
    """A path of keys and places, as DuckDB writes it."""
    made = "$"
    for part in node.expression.expressions[1:]:
        if isinstance(part, exp.JSONPathKey) and isinstance(part.this, str) and _PATH.match(part.this):
            made += f'."{part.this}"'
        elif isinstance(part, exp.JSONPathSubscript) and isinstance(part.this, int) and part.this >= 0:
            made += f"[{part.this}]"
        else:
            raise Unsaid("only a path of names and places in JSON is known to mean the same")
    return made


def _json_scalar(node: Any, read: str) -> Any:
    """NULL for what is no scalar."""
    path = _path(node)
    text = f"case when json_type(a_, '{path}') not in ('OBJECT', 'ARRAY') then json_extract_string(a_, '{path}') end"
    return said(_SAID, text, a_=node.this)


def _variant(node: Any, read: str) -> Any:
    """A part of a VARIANT is known by the cast that it stands in: text as it is without its quotes, numbers from their digits."""
    parent = node.parent
    if not isinstance(parent, exp.Cast) or not node.args.get("variant_extract"):
        raise Unsaid("a part of a VARIANT is not known to mean the same unless it is cast: `v:a::varchar`")
    return said(_SAID, f"json_extract_string(a_, '{_path(node)}')", a_=node.this)


def _element(node: Any, read: str) -> Any:
    place = node.expressions[0] if len(node.expressions) == 1 else None
    number = literal_number(place)
    if number is None or number < 0 or node.args.get("offset") is None:
        raise Unsaid("an element of an array is known to mean the same at a place that is written")
    at = int(number) - int(node.args["offset"]) + 1
    if at < 1:
        raise Unsaid("an array has no such place")
    if node.args.get("safe"):
        return said(_SAID, f"a_[{at}]", a_=node.this)
    return said(_SAID, f"case when len(a_) < {at} then error('array index out of bounds') else a_[{at}] end", a_=node.this)


def _array(node: Any, read: str) -> Any:
    if any(isinstance(one, exp.Query) for one in node.expressions):
        raise Unsaid("an array of a query is not known to mean the same")


def _struct(node: Any, read: str) -> Any:
    if not all(isinstance(one, exp.PropertyEQ) for one in node.expressions):
        raise Unsaid("a struct is known to mean the same where each part has a name: `struct(a as a)`")


def _raw(node: Any, read: str) -> Any:
    return exp.Literal.string(node.name)


_BOTH: Mapping[type, tuple[str, Rule]] = {
    exp.AnyValue: ("this", _same),
    exp.ApproxDistinct: ("this", _same),
    exp.CountIf: ("this zero_on_all_null", _say("count(case when this_ then 1 end)")),  # DuckDB's own is NULL of nothing
    exp.CurrentTimestamp: ("", _same),
    exp.EndsWith: ("this expression", _say("ends_with(this_, expression_)")),
    exp.Pad: ("this expression fill_pattern is_left", _pad),
    exp.RegexpReplace: ("this expression replacement position occurrence modifiers single_replace", _replaced),
    exp.Split: ("this expression null_returns_null empty_delimiter_returns_whole", _split),
    exp.TryCast: ("this to safe requires_string", _try_cast),
    exp.Uuid: ("is_string", lambda node, read: said(_SAID, "cast(uuid() as varchar)")),
    exp.ArraySize: ("this", _say("len(this_)")),
}
INTO_DUCKDB: Mapping[str, Mapping[type, tuple[str, Rule]]] = {
    "bigquery": {
        **_BOTH,
        exp.Array: ("expressions value_constructor struct_name_inheritance", _array),
        exp.Bracket: ("this expressions offset safe", _element),
        **dict.fromkeys((exp.DateAdd, exp.DateSub, exp.DatetimeAdd, exp.DatetimeSub), ("this expression unit", _shifted)),
        **dict.fromkeys((exp.TimestampAdd, exp.TimestampSub), ("this expression unit", _shifted)),
        exp.DatetimeTrunc: ("this unit", _truncated),
        exp.DateTrunc: ("this unit", _truncated),
        exp.Dot: ("this expression", _same),
        exp.IntDiv: ("this expression", _whole),
        exp.JSONExtractScalar: ("this expression scalar_only", _json_scalar),
        exp.PropertyEQ: ("this expression", _same),
        exp.RawString: ("this", _raw),
        exp.RegexpExtract: (
            "this expression group position occurrence null_if_pos_overflow null_if_no_match empty_if_group_missing",
            _extracted,
        ),
        exp.RegexpLike: ("this expression", _matches),
        exp.SafeDivide: ("this expression", _say("this_ / nullif(expression_, 0)")),
        exp.StrToDate: ("this format default_year", _read_date),
        exp.Struct: ("expressions", _struct),
        exp.TimeToStr: ("this format", _formatted),
        exp.TimestampDiff: ("this expression unit", _elapsed),
        exp.TimestampTrunc: ("this unit zone", _truncated),
        exp.TsOrDsToDate: ("this", _plain),
        exp.TsOrDsToTimestamp: ("this", _plain),
        exp.UnixSeconds: ("this", _say("cast(floor(epoch(this_)) as bigint)")),
        exp.WeekStart: ("this", _same),
    },
    "snowflake": {
        **_BOTH,
        exp.Contains: ("this expression", _say("contains(this_, expression_)")),
        exp.DateAdd: ("this expression unit", _shifted),
        exp.DecodeCase: ("expressions", _decode),
        exp.EqualNull: ("this expression", _say("this_ is not distinct from expression_")),
        exp.ILike: ("this expression negate", _same),
        exp.JSONExtract: ("this expression variant_extract requires_json", _variant),
        exp.LastDay: ("this", _say("last_day(this_)")),
        exp.RegexpLike: ("this expression full_match", _matches),
        exp.SHA2: ("this", _say("sha256(this_)")),
        exp.SplitPart: ("this delimiter part_index part_index_zero_as_one empty_delimiter_returns_whole", _split_part),
        exp.ToChar: ("this format", _to_char),
        exp.ToNumber: ("this precision scale safe format", _to_number),
        exp.TsOrDsToDate: ("this format safe", _plain),
    },
}
"""By the dialect that is read."""
