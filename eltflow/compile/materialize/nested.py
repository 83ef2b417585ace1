"""Types of nested values, as DuckDB spells them: which fields one has beside another's."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from eltflow.base.records import dataclass

_LIST = re.compile(r"(.*)(\[\d*\])\Z", re.DOTALL)
_OUTER = re.compile(r"(STRUCT|MAP)\s*\((.*)\)\s*\Z", re.DOTALL | re.IGNORECASE)
_FIELD = re.compile(r'\s*("(?:[^"]|"")*"|[^\s"]+)\s+(.+)\Z', re.DOTALL)
_NUMBER = re.compile(r"U?(?:TINY|SMALL|BIG|HUGE)?INT|INTEGER|DOUBLE|FLOAT|DECIMAL")
#: The type of what is never there.
_NOTHING = '"NULL"'


def widened(there: str, other: str) -> str:
    """A type with the fields of another one beside its own, at every depth; what both have keeps its type."""
    both = _both(there, other)
    if both is None:
        return there
    made = [(name, widened(mine, theirs) if mine and theirs else mine or theirs) for name, mine, theirs in both.parts]
    return both.spelt([(name, type) for name, type in made if type])


def narrowed(type: str, there: str) -> str:
    """A type without the fields that another one has not; as it is where it has no field in common with that."""
    both = _both(type, there)
    kept = [(name, narrowed(mine, theirs)) for name, mine, theirs in both.parts if mine and theirs] if both is not None else []
    return both.spelt(kept) if both is not None and kept else type


def beyond(name: str, type: str, there: str) -> list[str]:
    """The fields that a column's type has and another has not, each with the way to it: `who.address.city`."""
    both = _both(type, there)
    found: list[str] = []
    for field, mine, theirs in both.parts if both is not None else ():
        way = f"{name}.{_plain(field)}" if field else name
        if mine and theirs:
            found += beyond(way, mine, theirs)
        elif mine and _NOTHING not in mine:
            found.append(way)
    return found


def crossed(one: str, other: str) -> bool:
    """Whether one of two types has booleans where the other has numbers, at any depth: casts take them for each other."""
    both = _both(one, other)
    if both is not None:
        return any(crossed(mine, theirs) for _, mine, theirs in both.parts if mine and theirs)
    return (one == "BOOLEAN") != (other == "BOOLEAN") and _NUMBER.match(other if one == "BOOLEAN" else one) is not None


@dataclass(frozen=True, slots=True)
class Parts:
    """What a nested type is made of: a `kind` (LIST, MAP or STRUCT), the types of its values with their names, of which only fields have any;
    and how a type of that kind is spelt of others."""

    kind: str
    inner: tuple[tuple[str, str], ...]
    spelt: Callable[[Sequence[str]], str]


def parts(type: str) -> Parts | None:
    """What a type is made of; None if it is not nested."""
    type = type.strip()
    found = _LIST.match(type)
    if found is not None:
        size = found[2]
        return Parts("LIST", (("", found[1]),), lambda made: f"{made[0]}{size}")
    found = _OUTER.match(type)
    if found is None:
        return None
    if found[1].upper() == "MAP":
        key, value = _parts(found[2])
        return Parts("MAP", (("", value),), lambda made: f"MAP({key}, {made[0]})")
    fields = [(match[1], match[2]) for match in map(_FIELD.match, _parts(found[2])) if match is not None]
    return Parts(
        "STRUCT",
        tuple((_plain(name), type) for name, type in fields),
        lambda made: f"STRUCT({', '.join(f'{name} {type}' for (name, _), type in zip(fields, made, strict=True))})",
    )


@dataclass(frozen=True, slots=True)
class _Both:
    """Two types that are nested in the same way: the `parts` of both as (name, type in the one, type in the other), which is empty where there
    is none; and how the whole is spelt of parts."""

    parts: tuple[tuple[str, str, str], ...]
    spelt: Callable[[Sequence[tuple[str, str]]], str]


def _both(one: str, other: str) -> _Both | None:
    """What is in both of two types. What the other alone has, and is never there, is nowhere."""
    inner, more = _LIST.match(one), _LIST.match(other)
    if inner is not None and more is not None:
        size = inner[2]
        return _Both((("", inner[1], more[1]),), lambda parts: f"{parts[0][1]}{size}")
    inner, more = _OUTER.match(one), _OUTER.match(other)
    if inner is None or more is None or inner[1].upper() != more[1].upper():
        return None
    if inner[1].upper() == "MAP":
        (key, value), (_, others) = _parts(inner[2]), _parts(more[2])
        return _Both((("", value, others),), lambda parts: f"MAP({key}, {parts[0][1]})")
    mine, theirs = _fields(inner[2]), _fields(more[2])
    parts = [(name, type, theirs[key][1] if key in theirs else "") for key, (name, type) in mine.items()]
    parts += [(name, "", type) for key, (name, type) in theirs.items() if key not in mine and _NOTHING not in type]
    return _Both(tuple(parts), lambda parts: f"STRUCT({', '.join(f'{name} {type}' for name, type in parts)})")


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
