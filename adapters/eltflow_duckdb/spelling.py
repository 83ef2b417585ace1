"""How DuckDB reads a text as a value of a type, and which of those readings a person means."""

from __future__ import annotations

import json
import re

INTEGERS = frozenset(
    {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"}
)
#: Types of whole numbers and of decimals, as people write them for one engine or another.
_WHOLE = re.compile(
    r"\s*(?:U?(?:TINY|SMALL|MEDIUM|BIG|HUGE)?INT(?:EGER)?(?:\s*\(\d+\))?|INT(?:[1248]|16|32|64|128)|BYTEINT|SHORT|LONG|SIGNED)"
    r"(?:\s+UNSIGNED)?\s*\Z",
    re.IGNORECASE,
)
_DECIMAL = re.compile(r"\s*(?:NUMBER|NUMERIC|DECIMAL|DEC)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?\s*\Z", re.IGNORECASE)
_DIGITS = 38  #: of a DECIMAL
_FLOAT = re.compile(r"\s*(?:DOUBLE(?:\s+PRECISION)?|REAL|FLOAT(?:\s*\(\d+\)|4|8|32|64)?)\s*\Z", re.IGNORECASE)
_SINGLE = re.compile(r"\s*(?:REAL|FLOAT(?:4|32)?)\s*\Z", re.IGNORECASE)
#: Types of points in time and of times of a day, with the digits of their seconds and their zone.
_MOMENT = re.compile(
    r"\s*(?P<day>TIMESTAMP|DATETIME)?(?(day)(?P<short>_S|_MS)?|TIME)\s*(?:\(\s*(?P<digits>[0-6])\s*\))?\s*"
    r"(?P<zone>TZ|WITH\s+TIME\s+ZONE|WITHOUT\s+TIME\s+ZONE)?\s*\Z",
    re.IGNORECASE,
)
#: What engines take for numbers and people do not write: `0x10`, `0o7`.
_OTHER_BASE = "'^\\s*[+-]?0[xXoObB]'"
_NUMBER = "[+-]?(?:[0-9]+[.]?[0-9]*|[.][0-9]+)"
_AS_THEY_COME = frozenset({"VARCHAR", "TEXT", "STRING", "JSON", "STRUCT", "MAP"})
#: The least whole number of one digit, of two digits, ...
_LEAST = f"cast([0, {', '.join(str(10**n) for n in range(1, 19))}] as bigint[])"


def _plain(text: str, value: str) -> str:
    """Whether a text is surely a whole number as it is written everywhere: it begins with 1 to 9, and the `value` that it is taken for has as
    many digits as it has signs, which nothing with a fraction, blank or `_` has; one with an exponent can only end with 00. A fifth of
    what writing the value down again costs (2.0, November 2026)."""
    return f"{text} >= '1' and {value} >= ({_LEAST})[strlen({text})] and ({value} & 3 <> 0 or {value} % 100 <> 0)"


def as_written(key: str) -> str:
    """The value of a key of `json`, a record, as text: that of a number digit by digit."""
    path = _string("/" + key.replace("~", "~0").replace("/", "~1"))
    spelt = re.escape(json.dumps(key, ensure_ascii=False))
    pattern = _string(f"{spelt}\\s*:\\s*(-?[0-9][0-9.eE+-]*)")
    value = f"(json ->> {path})"
    there = f"regexp_extract_all(json, {pattern}, 1)"  # also those of objects within
    own = f"list_distinct(list_filter({there}, lambda one: try_cast(one as double) = try_cast({value} as double)))"
    unclear = _string(f"which number of `{key}` is the record's cannot be told: ")
    above = f"(json_keys(json))[: list_position(json_keys(json), {_string(key)}) - 1]"
    inner = "cast(json -> ('/' || replace(replace(one, '~', '~0'), '/', '~1')) as varchar)"
    before = f"coalesce(list_sum(list_transform({above}, lambda one: len(regexp_extract_all({inner}, {pattern}, 1)))), 0)"
    counted = f"{there}[cast({before} as bigint) + 1]"
    last = f"case when list_contains({own}, {counted}) then {counted} else error({unclear} || left({value}, 60)) end"
    found = f"case when len({there}) = 0 then {value} when len({own}) = 1 then {own}[1] else {last} end"  # 0: spelt with escapes
    other = f"json_type(json, {path}) not in ('DOUBLE', 'BIGINT', 'UBIGINT')"
    several = f"case when {other} or not regexp_matches({value}, '[.eE]') and strlen({value}) <= 15 then {value} else {found} end"
    name = _string(json.dumps(key, ensure_ascii=False))
    once = f"strlen(json) - strlen(replace(json, {name}, '')) = strlen({name})"  # as it is in most
    first = f"case when {value} is not null then coalesce(nullif(regexp_extract(json, {pattern}, 1), ''), {value}) end"
    return f"case when {once} then {first} else {several} end"


def _unshortened(text: str, moment: re.Match[str]) -> str:
    """Whether a point in time, or a time, has no more digits than its type keeps, and no offset if that has no zone."""
    short = (moment["short"] or "").upper()
    digits = int(moment["digits"]) if moment["digits"] else {"_S": 0, "_MS": 3}.get(short, 6)
    wrong = f"[.][0-9]{{{digits}}}[0-9]*[1-9]"
    if (moment["zone"] or "WITHOUT")[:7].upper() == "WITHOUT":
        wrong += "|:[0-9.]+\\s*[+-][0-9:]*[1-9]|:[0-9.]+\\s*[A-Ya-y]|[A-Za-z]/[A-Za-z]"
    if not moment["day"]:
        wrong += "|^\\s*[0-9]+-"  # the time of a day alone
    plain = f"{text} like '____-__-_____:__:__'" if moment["day"] else f"strlen({text}) <= 8"
    return f"{plain} or not regexp_matches({text}, '{wrong}')"


def _unrounded(text: str) -> str:
    """Whether a DOUBLE keeps all digits of a number: one of at most 17, which it gives back. (DuckDB 1.x takes whole numbers of more than 64
    bits for DOUBLE, all versions decimals of any length.)"""
    number = f"try_cast({text} as double)"

    def bare(value: str) -> str:
        return f"case when contains({value}, '.') then rtrim(rtrim({value}, '0'), '.') else {value} end"

    same = f"{bare(text)} in ({bare(f'cast({number} as varchar)')}, printf('%.17g', {number}))"
    return f"strlen({text}) <= 15 or contains({text}, 'e') or contains({text}, 'E') or {same}"


def spelt(text: str, type: str, value: str | None = None) -> str | None:
    """DuckDB takes 0x10, 0b1 and 1_000 for numbers, yes and t for true; and where a column is BIGINT already, 1.5 for 2."""
    value = value or f"try_cast({text} as {type})"
    if type in INTEGERS:
        return f"({_plain(text, value)}) or cast({value} as varchar) = {text}"
    if type in ("DOUBLE", "FLOAT"):  # 1e400 is infinity to it
        # `:` is what follows 9. Twice as fast as a regular expression, and most numbers are short and begin with 1 to 9.
        plain = f"strlen({text}) <= 15 and {text} >= '1' and not contains({text}, '_') and {text} < ':' and {value} < 1e16"
        zeros = " or ".join(f"{text} between '{sign}00' and '{sign}09:'" for sign in ("", "-"))
        odd = f"{zeros} or contains({text}, '_') or contains({text}, 'n')"
        # Most long ones are what a DOUBLE is written as: an eighth of what all that follows costs.
        written = f"cast({value} as varchar) = {text} and isfinite({value})"
        return f"({plain}) or ({written}) or (not ({odd}) and isfinite({value}) and ({_unrounded(text)}))"
    if type == "TIMESTAMP":  # of microseconds, and of no zone
        return f"{text} like '____-__-_____:__:__' or not regexp_matches({text}, '[.][0-9]{{6}}[0-9]*[1-9]|:[0-9.]+\\s*[+-]')"
    if type == "TIMESTAMP WITH TIME ZONE":
        return f"strlen({text}) <= 26 or not regexp_matches({text}, '[.][0-9]{{6}}[0-9]*[1-9]')"
    # What is shorter is yes, no, t, f, y, n, 1 or 0. A list of words would be joined with, and a join loses the order of rows.
    return f"strlen({text}) >= 4" if type == "BOOLEAN" else None


def kept(text: str, type: str, value: str | None = None, *, rounds: bool = False) -> str | None:
    """Of whole numbers and decimals no digit is lost; of a float the nearest is meant, if there is one."""
    if type.strip().upper() == "DATE":
        day = f"try_cast({text} as date)"
        whole = f"try_cast({text} as timestamp) is not distinct from try_cast({day} as timestamp)"
        return f"strlen({text}) <= 10 or case when {day} is not null then {whole} end"
    moment = _MOMENT.match(type)
    if moment is not None:
        return _unshortened(text, moment)
    none = f"case when regexp_matches({text}, {_OTHER_BASE}) then false end"
    if _FLOAT.match(type):
        value = value or f"try_cast({text} as {'float' if _SINGLE.match(type) else 'double'})"
        far = f"isinf({value}) or {value} = 0"
        near = f"case when {far} then not regexp_matches({text}, '^[^eE]*[1-9]') else not contains({text}, '_') end"
        return f"case when {value} is null then {none} else {near} end"
    decimal = _DECIMAL.match(type)
    digits = int(decimal[2] or (0 if decimal[1] else 3)) if decimal is not None else 0  # DECIMAL alone is DECIMAL(18, 3)
    if (decimal is None and not _WHOLE.match(type)) or (rounds and digits) or digits > _DIGITS:
        return None
    value = value or f"try_cast({text} as {f'decimal(38, {digits})' if digits else 'hugeint'})"
    quick = _plain(text, value) if decimal is None else f"cast({value} as varchar) = {text}"
    exponent = f"regexp_full_match({text}, '\\s*{_NUMBER}[eE][+-]?[0-9]+\\s*')"
    exact = f"try_cast({text} as decimal(38, 18)) = try_cast({value} as decimal(38, 18))"
    same = f"coalesce({exact}, try_cast({text} as double) is not distinct from cast({value} as double))"
    written = f"regexp_full_match({text}, '\\s*[+-]?[0-9]*(?:[.][0-9]{{0,{digits}}}0*)?\\s*')"
    slow = f"case when {value} is null then {none} when {written} then true when {exponent} then {same} else false end"
    # What is longer than any number of 64 bits makes the first condition NULL.
    return f"({quick}) is true or {slow}"


def taken(text: str, type: str) -> str | None:
    """As `Dialect.taken`; None for types that take every text, and for nested ones."""
    if type.rstrip().endswith("]") or type.upper().split("(")[0].strip() in _AS_THEY_COME:
        return None
    whole = kept(text, type)
    held = f"try_cast({text} as {type}) is not null" + (f" and ({whole}) is not false" if whole is not None else "")
    return f"({text} is null or ({held}))"


def is_whole(type: str) -> bool:
    """As `Dialect.is_whole`."""
    return _WHOLE.match(type) is not None


def whole_text(text: str) -> str:
    """As `Dialect.whole_text`."""
    more = " or ".join(f"contains({text}, '{sign}')" for sign in ".eE")
    return f"case when {more} then coalesce(cast(try_cast({text} as hugeint) as varchar), {text}) else {text} end"


def _string(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
