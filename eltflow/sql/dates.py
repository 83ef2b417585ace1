"""Dates and times between dialects: parts, truncation, differences, intervals. Every engine has words of its own for all of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from sqlglot import exp

from eltflow.sql.kinds import kind
from eltflow.sql.template import Unsaid, call, cast, said

Rule = Callable[[Any, str, str], Any]
_LONG = {
    "y": "year",
    "yy": "year",
    "mon": "month",
    "d": "day",
    "h": "hour",
    "m": "minute",
    "min": "minute",
    "s": "second",
    "w": "week",
}
_STEPS = ("second", "minute", "hour", "day", "week", "month", "quarter", "year")
_ASK = "say what it is: `cast({} as date)`, or as timestamp"

_SQLITE_PART = {"year": "%Y", "month": "%m", "day": "%d", "hour": "%H", "minute": "%M", "dow": "%w", "doy": "%j"}
_COMMON = ("year", "month", "day", "hour", "minute", "quarter")
_PARTS: Mapping[str, Mapping[str, str]] = {
    "postgres": {
        **{p: f"cast(extract({p} from a_) as bigint)" for p in (*_COMMON, "dow", "isodow", "doy", "week")},
        "second": "cast(floor(extract(second from a_)) as bigint)",
    },
    "duckdb": {p: f"extract({p} from a_)" for p in (*_COMMON, "second", "dow", "isodow", "doy", "week")},
    "mysql": {
        **{p: f"extract({p} from a_)" for p in (*_COMMON, "second")},
        "dow": "(dayofweek(a_) - 1)",
        "isodow": "(weekday(a_) + 1)",
        "doy": "dayofyear(a_)",
        "week": "week(a_, 3)",
    },
    "sqlite": {
        **{part: f"cast(strftime('{code}', a_) as integer)" for part, code in _SQLITE_PART.items()},
        "second": "cast(substr(strftime('%S', a_), 1, 2) as integer)",
        "quarter": "((cast(strftime('%m', a_) as integer) + 2) / 3)",
        "isodow": "((cast(strftime('%w', a_) as integer) + 6) % 7 + 1)",
    },
    "snowflake": {
        **{p: f"{p}(a_)" for p in (*_COMMON, "second")},
        "dow": "mod(dayofweekiso(a_), 7)",
        "isodow": "dayofweekiso(a_)",
        "doy": "dayofyear(a_)",
        "week": "weekiso(a_)",
    },
    "bigquery": {
        **{p: f"extract({p} from a_)" for p in (*_COMMON, "second")},
        "dow": "(extract(dayofweek from a_) - 1)",
        "isodow": "(mod(extract(dayofweek from a_) + 5, 7) + 1)",
        "doy": "extract(dayofyear from a_)",
        "week": "extract(isoweek from a_)",
    },
    "spark": {
        **{p: f"{p}(a_)" for p in (*_COMMON, "second")},
        "dow": "(dayofweek(a_) - 1)",
        "isodow": "(weekday(a_) + 1)",
        "doy": "dayofyear(a_)",
        "week": "weekofyear(a_)",
    },
}
_CALLED: Mapping[type, str] = {
    exp.Year: "year",
    exp.Month: "month",
    exp.Day: "day",
    exp.Quarter: "quarter",
    exp.Hour: "hour",
    exp.Minute: "minute",
    exp.DayOfWeekIso: "isodow",
    exp.DayOfYear: "doy",
}
_SAME_PART = {
    "dayofweek": "dow",
    "dayofyear": "doy",
    "dayofweekiso": "isodow",
    "dayofweek_iso": "isodow",
    "weekiso": "week",
    "isoweek": "week",
}
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _unit(node: Any) -> str:
    name = str(node.name if isinstance(node, exp.Expression) else node or "").lower()
    name = _LONG.get(name, name)
    return name.removesuffix("s") if name not in _STEPS else name


def _part(name: str, value: Any, read: str, write: str) -> Any:
    name = _SAME_PART.get(name, name)
    if name == "week" and read not in ("duckdb", "postgres"):
        raise Unsaid("the number of a week is not known to mean the same")
    if name == "dow" and read not in ("duckdb", "postgres"):
        raise Unsaid("the number of a weekday is not known to mean the same: write isodow, from Monday as 1")
    text = _PARTS.get(write, {}).get(name)
    if text is None:
        raise Unsaid(f"the part `{name}` of a date is not known to mean the same")
    return said(write, text, a_=value)


def _extract(node: Any, read: str, write: str) -> Any:
    return _part(_unit(node.this), node.expression, read, write)


def _called_part(node: Any, read: str, write: str) -> Any:
    return _part(_CALLED[type(node)], node.this, read, write)


def _day_of_week(node: Any, read: str, write: str) -> Any:
    return _part("dow", node.this, read, write)


def _dayname(node: Any, read: str, write: str) -> Any:
    if read not in ("duckdb", "mysql"):
        raise Unsaid("the name of a weekday is not known to mean the same")
    cases = " ".join(f"when {number} then '{name}'" for number, name in enumerate(_DAYS, 1))
    made = said(write, f"case i_ {cases} end", i_=_part("isodow", node.this, read, write))
    return made


# -- truncation ----------------------------------------------------------------------------------------------------------------------

_MYSQL_FORMAT = {
    "year": "%Y-01-01",
    "month": "%Y-%m-01",
    "day": "%Y-%m-%d",
    "hour": "%Y-%m-%d %H:00:00",
    "minute": "%Y-%m-%d %H:%i:00",
}
_SQLITE_FORMAT = {**_MYSQL_FORMAT, "minute": "%Y-%m-%d %H:%M:00"}


def _truncate(node: Any, read: str, write: str) -> Any:
    unit, value = _unit(node.args.get("unit")), node.this
    of = kind(value, read)
    if of not in ("date", "timestamp"):
        raise Unsaid(f"what is truncated may be a date or a timestamp: {_ASK.format(value.sql(dialect=read))}")
    if unit not in ("year", "quarter", "month", "week", "day", "hour", "minute") or (of == "date" and unit in ("hour", "minute")):
        raise Unsaid(f"truncating a {of} to its {unit} is not known to mean the same")
    if unit == "week" and read not in ("duckdb", "postgres"):
        raise Unsaid("where a week begins is not known to be the same")
    as_timestamp = read == "duckdb" and write in ("postgres", "mysql")  # there a date is truncated to a timestamp
    return _TRUNCATE[write](unit, value, "timestamp" if as_timestamp else of)


def _cut_postgres(unit: str, value: Any, of: str) -> Any:
    text = f"date_trunc('{unit}', cast(a_ as timestamp))"
    return said("postgres", f"cast({text} as date)" if of == "date" else text, a_=value)


def _cut_duckdb(unit: str, value: Any, of: str) -> Any:
    text = f"date_trunc('{unit}', a_)"
    return said("duckdb", f"cast({text} as {of})", a_=value)


def _cut_mysql(unit: str, value: Any, of: str) -> Any:
    type = "date" if of == "date" else "datetime(6)"
    if unit == "week":
        return said("mysql", f"cast(date_sub(cast(a_ as date), interval weekday(a_) day) as {type})", a_=value)
    if unit == "quarter":
        return said("mysql", f"cast(date_add(makedate(year(a_), 1), interval (quarter(a_) - 1) * 3 month) as {type})", a_=value)
    made = call("date_format", value, exp.Literal.string(_MYSQL_FORMAT[unit]))
    return said("mysql", f"cast(a_ as {type})", a_=made)


def _cut_sqlite(unit: str, value: Any, of: str) -> Any:
    tail = "" if of == "date" or unit in ("hour", "minute") else " || ' 00:00:00'"
    if unit == "week":
        text = "date(a_, '-' || ((strftime('%w', a_) + 6) % 7) || ' days')"
    elif unit == "quarter":
        text = "date(a_, 'start of year', '+' || ((strftime('%m', a_) - 1) / 3 * 3) || ' months')"
    else:
        text = f"strftime('{_SQLITE_FORMAT[unit]}', a_)"
    return _raw_sqlite(text + tail, value)


def _raw_sqlite(text: str, value: Any) -> Any:
    """SQLite's own functions of dates: sqlglot must not take them for others'."""
    return said("sqlite", text.replace("strftime(", "eltflow_strftime(").replace("date(", "eltflow_date("), a_=value).transform(
        _named
    )


def _named(node: Any) -> Any:
    if isinstance(node, exp.Anonymous) and node.name.lower().startswith("eltflow_"):
        node.set("this", node.name.lower().removeprefix("eltflow_"))
    return node


def _cut_snowflake(unit: str, value: Any, of: str) -> Any:
    if unit == "week":
        return said("snowflake", "dateadd('day', 1 - dayofweekiso(a_), date_trunc('day', a_))", a_=value)
    return said("snowflake", f"date_trunc('{unit}', a_)", a_=value)


def _cut_bigquery(unit: str, value: Any, of: str) -> Any:
    word = {"week": "isoweek"}.get(unit, unit)
    return said("bigquery", f"{'date' if of == 'date' else 'datetime'}_trunc(a_, {word})", a_=value)


def _cut_spark(unit: str, value: Any, of: str) -> Any:
    """DATE_TRUNC gives a time with a zone there."""
    type = "date" if of == "date" else "timestamp_ntz"
    return said("spark", f"cast(t_ as {type})", t_=call("date_trunc", exp.Literal.string(unit), value))


_TRUNCATE: Mapping[str, Callable[[str, Any, str], Any]] = {
    "postgres": _cut_postgres,
    "duckdb": _cut_duckdb,
    "mysql": _cut_mysql,
    "sqlite": _cut_sqlite,
    "snowflake": _cut_snowflake,
    "bigquery": _cut_bigquery,
    "spark": _cut_spark,
}

# -- differences ---------------------------------------------------------------------------------------------------------------------


def _difference(node: Any, read: str, write: str) -> Any:
    """How many borders of the unit lie between the two: DuckDB's, Snowflake's and BigQuery's rule."""
    unit, late, early = _unit(node.args.get("unit") or "day"), node.this, node.expression
    if read not in ("duckdb", "snowflake", "bigquery") and unit != "day":
        raise Unsaid(f"a difference in {unit}s is not known to mean the same")
    if unit not in ("year", "month", "day", "hour", "minute"):
        raise Unsaid(f"a difference in {unit}s is not known to mean the same")
    if unit in ("year", "month"):
        year = _part("year", late, "duckdb", write), _part("year", early, "duckdb", write)
        if unit == "year":
            return said(write, "(a_ - b_)", a_=year[0], b_=year[1])
        month = _part("month", late, "duckdb", write), _part("month", early, "duckdb", write)
        return said(write, "((a_ - b_) * 12 + c_ - d_)", a_=year[0], b_=year[1], c_=month[0], d_=month[1])
    if write == "postgres":
        if unit == "day":
            return said(write, "(cast(a_ as date) - cast(b_ as date))", a_=late, b_=early)
        by = {"hour": 3600, "minute": 60}[unit]
        cut = f"extract(epoch from date_trunc('{unit}', cast({{}} as timestamp)))"
        return said(write, f"cast(({cut.format('a_')} - {cut.format('b_')}) / {by} as bigint)", a_=late, b_=early)
    if write == "mysql":
        if unit == "day":
            return call("datediff", late, early)
        cuts = [call("date_format", one, exp.Literal.string(_MYSQL_FORMAT[unit])) for one in (early, late)]
        return call("timestampdiff", exp.Var(this=unit), *cuts)
    if write == "sqlite":
        by = {"day": 86400, "hour": 3600, "minute": 60}[unit]
        seconds = f"strftime('%s', strftime('{_SQLITE_FORMAT[unit]}', a_))"
        ends = [said(write, "cast(a_ as integer)", a_=_raw_sqlite(seconds, one)) for one in (late, early)]
        return said(write, f"((a_ - b_) / {by})", a_=ends[0], b_=ends[1])
    if write == "bigquery":
        name = "date_diff" if unit == "day" else "datetime_diff"
        type = "date" if unit == "day" else "datetime"
        return call(name, cast(late, type), cast(early, type), exp.Var(this=unit.upper()))
    if write == "snowflake":
        return call("datediff", exp.Literal.string(unit), early, late)
    if write == "spark":
        if unit == "day":
            return call("datediff", cast(late, "date"), cast(early, "date"))
        return call("timestampdiff", exp.Var(this=unit.upper()), *(_cut_spark(unit, one, "timestamp") for one in (early, late)))
    return said(write, f"date_diff('{unit}', b_, a_)", a_=late, b_=early)


# -- intervals -----------------------------------------------------------------------------------------------------------------------

_TO_INTERVAL = {f"to_{unit}s": unit for unit in ("year", "month", "day", "hour", "minute", "second")}


def interval_of(node: Any) -> tuple[Any, str] | None:
    """(how many, of which unit) of an interval; None if the node is none that is known."""
    if isinstance(node, exp.Paren):
        return interval_of(node.this)
    if isinstance(node, exp.Interval) and node.args.get("unit") is not None and node.this is not None:
        amount = node.this
        if isinstance(amount, exp.Literal) and amount.is_string:
            if not amount.name.strip().lstrip("-").isdigit():
                return None
            amount = said("duckdb", amount.name.strip()).unnest()
        return amount, _unit(node.args["unit"])
    if isinstance(node, exp.Anonymous) and node.name.lower() in _TO_INTERVAL and len(node.expressions) == 1:
        return node.expressions[0], _TO_INTERVAL[node.name.lower()]
    if isinstance(node, exp.ToDays):
        return node.this, "day"
    return None


def _shift(node: Any, read: str, write: str) -> Any:
    """A point in time, and an interval after or before it."""
    found = interval_of(node.expression)
    if found is None:
        if isinstance(node, exp.Sub) and {kind(node.this, read), kind(node.expression, read)} == {"date"}:
            return _difference(exp.DateDiff(this=node.this, expression=node.expression, unit=exp.Var(this="DAY")), "duckdb", write)
        dated = [one for one in (node.this, node.expression) if kind(one, read) in ("date", "timestamp")]
        if dated and not isinstance(node.expression, exp.Interval):
            raise Unsaid(
                "a sum or difference of dates and numbers is not known to mean the same: write `+ interval n day`, or date_diff"
            )
        return None
    amount, unit = found
    sign = "-" if isinstance(node, exp.Sub) else "+"
    if unit not in _STEPS:
        raise Unsaid(f"an interval of {unit}s is not known to mean the same")
    if write == "sqlite":
        return _shift_sqlite(node.this, sign, amount, unit, kind(node.this, read) or _cast_to(node, read), read)
    return _SHIFT[write](node.this, sign, amount, unit)


def _cast_to(node: Any, read: str) -> str | None:
    """What a CAST around a node makes of it."""
    outside = node.parent
    while isinstance(outside, exp.Paren):
        outside = outside.parent
    return kind(outside, read) if isinstance(outside, exp.Cast) else None


def _shift_postgres(value: Any, sign: str, amount: Any, unit: str) -> Any:
    if isinstance(amount, exp.Literal):
        return said("postgres", f"(a_ {sign} interval '{amount.name} {unit}')", a_=value)
    return said("postgres", f"(a_ {sign} b_ * interval '1 {unit}')", a_=value, b_=amount)


def _shift_duckdb(value: Any, sign: str, amount: Any, unit: str) -> Any:
    made = exp.Interval(this=exp.Paren(this=amount.copy()), unit=exp.Var(this=unit.upper()))
    return exp.Paren(this=(exp.Sub if sign == "-" else exp.Add)(this=value.copy(), expression=made))


def _shift_mysql(value: Any, sign: str, amount: Any, unit: str) -> Any:
    return said("mysql", f"{'date_sub' if sign == '-' else 'date_add'}(a_, interval (b_) {unit})", a_=value, b_=amount)


def _shift_sqlite(value: Any, sign: str, amount: Any, unit: str, to: str | None, read: str) -> Any:
    """A date that is moved by days becomes one; of a timestamp the parts of a second stay."""
    if to not in ("date", "timestamp"):
        raise Unsaid(f"what is moved may be a date or a timestamp: {_ASK.format(value.sql(dialect=read))}")
    times, unit = {"week": (7, "day"), "quarter": (3, "month")}.get(unit, (1, unit))
    if isinstance(amount, exp.Literal):
        step = exp.Literal.string(f"{sign}{times * int(amount.name)} {unit}")
    else:
        step = said("sqlite", f"(({sign}{times} * b_) || ' {unit}')", b_=amount)
    return _month_end(value, step, unit, to if unit in ("day", "month", "year") else "timestamp")


def _month_end(value: Any, step: Any, unit: str, to: str) -> Any:
    """31 January and a month is 28 February: SQLite would say 3 March."""
    if unit in ("month", "year"):
        text = "min(date(a_, s_), date(a_, 'start of month', s_, '+1 month', '-1 day'))"
    else:
        text = "date(a_, s_)"
    if to == "timestamp":
        text = f"{text} || ' ' || time(a_)" if unit in ("month", "year") else "datetime(a_, s_)"
        text = f"({text} || substr(a_, 20))"
    for name in ("datetime", "time", "date"):
        text = _call_raw(text, name)
    return said("sqlite", text, a_=value, s_=step).transform(_named)


def _call_raw(text: str, name: str) -> str:
    return re.sub(rf"(?<![\w]){name}\(", f"eltflow_{name}(", text)


def _shift_snowflake(value: Any, sign: str, amount: Any, unit: str) -> Any:
    return call("dateadd", exp.Literal.string(unit), said("snowflake", "-(b_)" if sign == "-" else "b_", b_=amount), value)


def _shift_bigquery(value: Any, sign: str, amount: Any, unit: str) -> Any:
    name = "datetime_sub" if sign == "-" else "datetime_add"
    interval = exp.Interval(this=exp.Paren(this=amount.copy()), unit=exp.Var(this=unit.upper()))
    return call(name, cast(value, "datetime"), interval)


def _shift_spark(value: Any, sign: str, amount: Any, unit: str) -> Any:
    """What is moved by less than a day is no date any more; without the cast it would be a time with a zone."""
    times, unit = {"week": (7, "day"), "quarter": (3, "month")}.get(unit, (1, unit))
    if unit not in ("day", "month", "year"):
        value = cast(value, "timestamp_ntz")
    if isinstance(amount, exp.Literal):
        return said("spark", f"(a_ {sign} interval '{times * int(amount.name)}' {unit})", a_=value)
    many = f"({times} * b_)" if times > 1 else "b_"
    return said("spark", f"(a_ {sign} {many} * interval '1' {unit})", a_=value, b_=amount)


_SHIFT: Mapping[str, Callable[[Any, str, Any, str], Any]] = {
    "postgres": _shift_postgres,
    "duckdb": _shift_duckdb,
    "mysql": _shift_mysql,
    "snowflake": _shift_snowflake,
    "bigquery": _shift_bigquery,
    "spark": _shift_spark,
}

# -- made of parts, and as text ------------------------------------------------------------------------------------------------------


def _from_parts(node: Any, read: str, write: str) -> Any:
    values = [node.args.get(key) for key in ("year", "month", "day")]
    time = isinstance(node, exp.TimestampFromParts)
    if time:
        values += [node.args.get(key) for key in ("hour", "min", "sec")]
    if any(value is None for value in values) or (time and any(node.args.get(k) is not None for k in ("nano", "zone", "milli"))):
        raise Unsaid("a timestamp of other parts than year to second is not known to mean the same")
    if write == "postgres":
        return call("make_timestamp" if time else "make_date", *values)
    if write == "bigquery":
        return call("datetime" if time else "date", *values)
    if write == "snowflake":
        return call("timestamp_ntz_from_parts" if time else "date_from_parts", *values)
    if write == "duckdb":
        return call("make_timestamp" if time else "make_date", *values)
    if write == "spark":
        return call("make_timestamp_ntz" if time else "make_date", *values)
    names = dict(zip("abcdef", values, strict=False))
    parts = {f"{name}_": value for name, value in names.items()}
    if write == "mysql":
        pieces = [
            one
            for pair in zip(values, ("-", "-", " ", ":", ":", ""), strict=False)
            for one in (pair[0], exp.Literal.string(pair[1]))
        ]
        made = call("concat", *pieces[:-1])
        return said(write, f"cast(m_ as {'datetime(6)' if time else 'date'})", m_=made)
    form = "%04d-%02d-%02d %02d:%02d:%02d" if time else "%04d-%02d-%02d"
    made = call("printf", exp.Literal.string(form), *values)
    return said(write, f"case when {' + '.join(parts)} is not null then m_ end", m_=made, **parts)


_CODES = frozenset(["%Y", "%m", "%d", "%H", "%M", "%S"])


def _as_text(node: Any, read: str, write: str) -> Any:
    form = node.args.get("format")
    if not isinstance(form, exp.Literal) or read != "duckdb":
        raise Unsaid("a date as text is not known to mean the same, unless it is STRFTIME with a written format")
    text = form.name
    codes = {text[at : at + 2] for at in range(len(text)) if text[at] == "%"}
    plain = text
    for code in _CODES:
        plain = plain.replace(code, "")
    if codes - _CODES or any(sign.isalpha() or sign in "\"'\\" for sign in plain):
        raise Unsaid("STRFTIME with other signs than %Y %m %d %H %M %S and punctuation is not known to mean the same")
    if write == "bigquery":
        return call("format_datetime", exp.Literal.string(text), cast(node.this, "datetime"))
    if write == "mysql":
        return call("date_format", node.this, exp.Literal.string(text.replace("%M", "%i").replace("%S", "%s")))
    if write == "sqlite":
        return call("strftime", exp.Literal.string(text), node.this)
    if write in ("postgres", "snowflake"):
        words = {"%Y": "YYYY", "%m": "MM", "%d": "DD", "%H": "HH24", "%M": "MI", "%S": "SS"}
        for code, word in words.items():
            text = text.replace(code, word)
        return call("to_char", node.this, exp.Literal.string(text))
    if write == "spark":
        words = {"%Y": "yyyy", "%m": "MM", "%d": "dd", "%H": "HH", "%M": "mm", "%S": "ss"}
        for code, word in words.items():
            text = text.replace(code, word)
        return call("date_format", node.this, exp.Literal.string(text))
    return None


# -- SQLite's dates are texts --------------------------------------------------------------------------------------------------------


def _compare(node: Any, read: str, write: str) -> Any:
    """A date beside a timestamp: as texts they would be compared by their length too."""
    if write != "sqlite":
        return None
    sides = [key for key in ("this", "expression", "low", "high") if isinstance(node.args.get(key), exp.Expression)]
    kinds = {key: _dated(node.args[key], read) for key in sides}
    if not any(kinds.values()) or set(kinds.values()) == {"date"}:
        return None
    for key in sides:
        value = node.args[key]
        if isinstance(value, exp.Query):
            continue
        node.set(key, said("sqlite", "case when length(a_) = 10 then a_ || ' 00:00:00' else a_ end", a_=value))
    return None


def _dated(node: Any, read: str) -> str | None:
    told = kind(node, read)
    if told in ("date", "timestamp"):
        return told
    if isinstance(node, exp.Anonymous) and node.name.lower() in ("date", "datetime"):
        return "date" if node.name.lower() == "date" else "timestamp"
    return None


def _cast_date(node: Any, read: str, write: str) -> Any:
    if write != "sqlite":
        return None
    to = kind(node, read)
    inner = node.this
    if to == "date":
        if isinstance(inner, exp.Literal):
            return exp.Literal.string(inner.name)
        return call("date", inner)
    if to == "timestamp":
        if isinstance(inner, exp.Literal):
            return exp.Literal.string(inner.name if len(inner.name) > 10 else inner.name + " 00:00:00")
        return said("sqlite", "case when length(a_) = 10 then a_ || ' 00:00:00' else a_ end", a_=inner)
    return None


DATE_RULES: Mapping[type, tuple[Rule, ...]] = {
    exp.Extract: (_extract,),
    **dict.fromkeys(_CALLED, (_called_part,)),
    exp.DayOfWeek: (_day_of_week,),
    exp.Dayname: (_dayname,),
    exp.DateTrunc: (_truncate,),
    exp.TimestampTrunc: (_truncate,),
    exp.DateDiff: (_difference,),
    exp.Add: (_shift,),
    exp.Sub: (_shift,),
    exp.DateFromParts: (_from_parts,),
    exp.TimestampFromParts: (_from_parts,),
    exp.TimeToStr: (_as_text,),
    exp.Cast: (_cast_date,),
    **dict.fromkeys((exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between), (_compare,)),
}
