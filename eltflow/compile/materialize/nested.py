"""Types of nested values, as DuckDB spells them: which fields one has beside another's."""

from __future__ import annotations

import re

_LIST = re.compile(r"(.*)(\[\d*\])\Z", re.DOTALL)
_OUTER = re.compile(r"(STRUCT|MAP)\((.*)\)\Z", re.DOTALL)
_FIELD = re.compile(r'\s*("(?:[^"]|"")*"|[^\s"]+)\s+(.+)\Z', re.DOTALL)
#: The type of what is never there.
_NOTHING = '"NULL"'


def widened(there: str, other: str) -> str:
    """A type with the fields of another one beside its own, at every depth; what both have keeps its type."""
    inner, more = _LIST.match(there), _LIST.match(other)
    if inner is not None:
        return widened(inner[1], more[1]) + inner[2] if more is not None else there
    inner, more = _OUTER.match(there), _OUTER.match(other)
    if inner is None or more is None or inner[1] != more[1]:
        return there
    if inner[1] == "MAP":
        (key, value), (_, others) = _parts(inner[2]), _parts(more[2])
        return f"MAP({key}, {widened(value, others)})"
    mine, theirs = _fields(inner[2]), _fields(more[2])
    made = [f"{name} {widened(type, theirs[key][1]) if key in theirs else type}" for key, (name, type) in mine.items()]
    made += [f"{name} {type}" for key, (name, type) in theirs.items() if key not in mine and _NOTHING not in type]
    return f"STRUCT({', '.join(made)})"


def narrowed(type: str, there: str) -> str:
    """A type without the fields that another one has not."""
    inner, more = _LIST.match(type), _LIST.match(there)
    if inner is not None:
        return narrowed(inner[1], more[1]) + inner[2] if more is not None else type
    inner, more = _OUTER.match(type), _OUTER.match(there)
    if inner is None or more is None or inner[1] != more[1]:
        return type
    if inner[1] == "MAP":
        (key, value), (_, others) = _parts(inner[2]), _parts(more[2])
        return f"MAP({key}, {narrowed(value, others)})"
    theirs = _fields(more[2])
    kept = [f"{name} {narrowed(one, theirs[key][1])}" for key, (name, one) in _fields(inner[2]).items() if key in theirs]
    return f"STRUCT({', '.join(kept)})" if kept else type


def beyond(name: str, type: str, there: str) -> list[str]:
    """The fields that a column's type has and another has not, each with the way to it: `who.address.city`."""
    inner, more = _LIST.match(type), _LIST.match(there)
    if inner is not None:
        return beyond(name, inner[1], more[1]) if more is not None else []
    inner, more = _OUTER.match(type), _OUTER.match(there)
    if inner is None or more is None or inner[1] != more[1]:
        return []
    if inner[1] == "MAP":
        return beyond(name, _parts(inner[2])[1], _parts(more[2])[1])
    theirs = _fields(more[2])
    found: list[str] = []
    for key, (field, one) in _fields(inner[2]).items():
        way = f"{name}.{_plain(field)}"
        found += beyond(way, one, theirs[key][1]) if key in theirs else [way] if _NOTHING not in one else []
    return found


def _fields(text: str) -> dict[str, tuple[str, str]]:
    """Name and type of each field, by what makes two names one: DuckDB's fields are found in any case."""
    found = {}
    for part in _parts(text):
        match = _FIELD.match(part)
        if match is not None:
            found[_plain(match[1]).lower()] = (match[1], match[2])
    return found


def _plain(name: str) -> str:
    """A name as it is without quotes."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def _parts(text: str) -> list[str]:
    """What stands between the commas of the outermost level."""
    parts, depth, begin, quoted = [], 0, 0, ""
    for at, sign in enumerate(text):
        if quoted:
            quoted = "" if sign == quoted else quoted
        elif sign in "\"'":
            quoted = sign
        elif sign in "([":
            depth += 1
        elif sign in ")]":
            depth -= 1
        elif sign == "," and not depth:
            parts.append(text[begin:at].strip())
            begin = at + 1
    return [*parts, text[begin:].strip()]
