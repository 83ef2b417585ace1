"""Values of JSON against types, at every depth of these: which are none of their type, and which it would change."""

from __future__ import annotations

import re
from collections.abc import Callable

from eltflow.warehouse import Dialect
from eltflow.warehouse.nested import opened, plain

#: Of a value and the type of something that is not nested, a condition that one does not go into the other; None if all values do.
Leaf = Callable[[str, str], str | None]
_KINDS = {"[]": "ARRAY", "STRUCT": "OBJECT", "MAP": "OBJECT"}
_FLOATS = ("DOUBLE", "FLOAT")
_MOMENTS = ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE")
_ANY = ("VARCHAR", "TEXT", "STRING", "JSON", '"NULL"')


def misfit(dialect: Dialect, value: str, type: str, *, whole: bool) -> str | None:
    """A condition: a value of JSON is of another kind than a type, or would become another value by it. If it is to come `whole`, fields that
    the type does not have are wrong too."""
    nested = opened(type) is not None
    return _within(dialect, value, (), type, lambda one, own: _wrong(dialect, one, own, nested), kinds=True, whole=whole)


def rounded(dialect: Dialect, value: str, type: str) -> str | None:
    """A condition: somewhere in a value of JSON is a whole number that a DOUBLE, which the type has there, would round."""
    return _within(dialect, value, (), type, lambda one, own: _rounds(_text(one), own), kinds=False)


def _within(
    dialect: Dialect, base: str, way: tuple[str, ...], type: str, leaf: Leaf, *, kinds: bool, whole: bool = False, depth: int = 0
) -> str | None:
    """What `leaf` says of any value in what is found at `way` in a value of JSON, `base`."""
    pointer = "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in way)
    value = f"json_extract({base}, {dialect.string(pointer)})" if way else base
    own = opened(type)
    if own is None:
        return leaf(value, type)
    kind, found = _KINDS[own.kind], list[str | None]()
    if own.kind == "STRUCT":
        for name, part in own.parts:
            found.append(_within(dialect, base, (*way, plain(name)), part, leaf, kinds=kinds, whole=whole, depth=depth))
        if whole:
            keys = ", ".join(dialect.string(plain(name)) for name, _ in own.parts)
            held = f"case when json_type({value}) = 'OBJECT' then json_keys({value}) end"
            one = "json_extract(" + value + ", '/' || replace(replace(eltflow_key, '~', '~0'), '/', '~1'))"
            more = f"eltflow_key not in ({keys}) and json_type({one}) <> 'NULL'"
            found.append(f"len(list_filter({held}, lambda eltflow_key: {more})) > 0")
    else:
        item = f"eltflow_item_{depth}"
        inner = _within(dialect, item, (), own.parts[0][1], leaf, kinds=kinds, whole=whole, depth=depth + 1)
        held = f"case when json_type({value}) = '{kind}' then {value} end"
        items = f"cast({held} as json[])" if own.kind == "[]" else f"json_extract({held}, '$.*')"
        found.append(f"len(list_filter({items}, lambda {item}: {inner})) > 0" if inner is not None else None)
    if kinds:
        found.insert(0, f"json_type({value}) not in ('{kind}', 'NULL')")
    made = [one for one in found if one is not None]
    return f"({' or '.join(made)})" if made else None


def _text(value: str) -> str:
    return f"json_extract_string({value}, '$')"


def _wrong(dialect: Dialect, value: str, type: str, nested: bool) -> str | None:
    type = type.upper()
    if type in _ANY:
        return None
    text = _text(value)
    kept = dialect.kept(text, type)
    found = [f"json_type({value}) in ('OBJECT', 'ARRAY')", f"try_cast({text} as {type}) is null"]
    found += [f"({kept}) is false"] if kept is not None else []
    found += [rounds] if (rounds := _rounds(text, type)) is not None else []
    found += [f"lower({text}) not in ('true', 'false')"] if type == "BOOLEAN" else []
    found += [f"not regexp_matches({text}, '^-?[0-9]{{4,}}-')"] if type in _MOMENTS else []
    found += [f"strlen({text}) > 10"] if type == "DATE" and nested else []  # the reader takes no midnight for a day
    return f"({text} is not null and ({' or '.join(found)}))"


def _rounds(text: str, type: str) -> str | None:
    if type.upper() not in _FLOATS:
        return None
    whole = f"regexp_full_match({text}, '-?[0-9]+')"
    kept = f"try_cast({text} as hugeint) = try_cast(try_cast({text} as {type}) as hugeint)"
    return f"({whole} and strlen({text}) > {15 if type.upper() == 'DOUBLE' else 7} and ({kept}) is not true)"


_PLAIN_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\Z")


def strictly(dialect: Dialect, value: str, type: str, form: str) -> str | None:
    """See `Dialect.strictly`: numbers that a DOUBLE or a BIGINT keeps, days, seconds of days that are all written with a blank or all with a T,
    booleans and text."""
    text = f"cast({value} as varchar)"
    made = f"try_cast({text} as {type})"
    if type == "VARCHAR":  # nothing within is a quotation mark that has no backslash
        made = f"case when contains({text}, '\\') then {value} ->> '$' else replace({text}, '\"', '') end"
        held: str | None = f"starts_with({text}, '\"')"
    elif type in ("BIGINT", "DOUBLE"):
        held = dialect.spelt(text, type, made)
    elif type == "BOOLEAN":
        held = f"{text} in ('true', 'false')"
    elif type == "DATE" or (type == "TIMESTAMP" and _PLAIN_MOMENT.match(form)):
        bare = f"replace({text}, '\"', '')"
        made = f"try_cast({bare} as {type})"
        written = "____-__-__" if type == "DATE" else f"____-__-__{form[10]}__:__:__"
        late = "" if type == "DATE" else f" and substr({bare}, 12, 2) < '24'"
        held = f"{bare} like '{written}' and {bare} between '0' and '9:'{late} and {made} is not null"
    else:
        return None
    return (
        f"case when {held} then {made} else cast(cast({text} || '?' as bigint) as {'varchar' if type == 'VARCHAR' else type}) end"
    )
