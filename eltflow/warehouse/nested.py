"""Types of nested values, as DuckDB spells them: what is in them, and which fields one has beside another's."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from eltflow.base.records import dataclass

_LIST = re.compile(r"(.*)(\[\d*\])\Z", re.DOTALL)
_OUTER = re.compile(r"(STRUCT|MAP)\s*\((.*)\)\s*\Z", re.DOTALL | re.IGNORECASE)
_FIELD = re.compile(r'\s*("(?:[^"]|"")*"|[^\s"]+)\s+(.+)\Z', re.DOTALL)
_NUMBER = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT|INTEGER|DOUBLE|FLOAT|REAL|DECIMAL|NUMERIC", re.IGNORECASE)
#: The type of what is never there.
_NOTHING = '"NULL"'


@dataclass(frozen=True, slots=True)
class Opened:
    """What a nested type holds: its `kind` ([], STRUCT or MAP), its `parts` as (name as it is spelt, type), the name of an item or a value
    being empty; and how the whole is spelt of such parts."""

    kind: str
    parts: tuple[tuple[str, str], ...]
    spelt: Callable[[Sequence[tuple[str, str]]], str]


def opened(type: str) -> Opened | None:
    """What a type holds; None for one that is not nested."""
    type = type.strip()
    inner = _LIST.match(type)
    if inner is not None:
        size = inner[2]
        return Opened("[]", (("", inner[1]),), lambda parts: f"{parts[0][1]}{size}")
    inner = _OUTER.match(type)
    if inner is None:
        return None
    if inner[1].upper() == "MAP":
        key, value = _parts(inner[2])
        return Opened("MAP", (("", value),), lambda parts: f"MAP({key}, {parts[0][1]})")
    fields = [(match[1], match[2]) for part in _parts(inner[2]) if (match := _FIELD.match(part)) is not None]
    return Opened("STRUCT", tuple(fields), lambda parts: f"STRUCT({', '.join(f'{name} {type}' for name, type in parts)})")


def plain(name: str) -> str:
    """A name as it is without quotes."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def settled(type: str) -> str:
    """A type with JSON in the place of what is never there, at every depth: it takes whatever comes."""
    own = opened(type)
    if own is None:
        return "JSON" if type == _NOTHING else type
    return own.spelt([(name, settled(part)) for name, part in own.parts])


def holds(type: str, pattern: re.Pattern[str]) -> bool:
    """Whether a type, or one within it, is of a pattern."""
    own = opened(type)
    return pattern.match(type) is not None if own is None else any(holds(part, pattern) for _, part in own.parts)


def widened(there: str, other: str) -> str:
    """A type with the fields of another one beside its own, at every depth; what both have keeps its type."""
    both = _both(there, other)
    if both is None:
        return there
    made = [(name, widened(mine, theirs) if mine and theirs else mine or settled(theirs)) for name, mine, theirs in both.parts]
    return both.spelt([(name, type) for name, type in made if type])


def narrowed(type: str, there: str) -> str:
    """A type without the fields that another one has not; as it is where it has no field in common with that."""
    both = _both(type, there)
    kept = [(name, narrowed(mine, theirs)) for name, mine, theirs in both.parts if mine and theirs] if both is not None else []
    return both.spelt(kept) if both is not None and kept else type


def beyond(name: str, type: str, there: str) -> list[str]:
    """The fields that a column's type has and another has not, each with the way to it: `who.address.city`."""
    return [way for way, _ in new_fields(name, type, there)]


def new_fields(name: str, type: str, there: str) -> list[tuple[str, str]]:
    """As `beyond`, each with the type of a column that holds nothing but that field."""
    both = _both(type, there)
    found: list[tuple[str, str]] = []
    for field, mine, theirs in both.parts if both is not None else ():
        way = f"{name}.{plain(field)}" if field else name
        inner = new_fields(way, mine, theirs) if mine and theirs else [(way, mine)] if mine and mine != _NOTHING else []
        found += [(further, both.spelt([(field, only)])) for further, only in inner if both is not None]
    return found


def replaced(type: str, only: str) -> str:
    """A type whose field that is alone in another one (as `new_fields` gives it) is JSON."""
    both = _both(type, only)
    if both is None:
        return "JSON"
    shared = [(name, mine, theirs) for name, mine, theirs in both.parts if mine]
    return both.spelt([(name, replaced(mine, theirs) if theirs else mine) for name, mine, theirs in shared])


def spelt_like(type: str, other: str) -> str:
    """A type whose fields are spelt as those of another one, where that has them."""
    own, more = opened(type), opened(other)
    if own is None or more is None or own.kind != more.kind:
        return type
    theirs = {plain(name).lower(): (name, part) for name, part in more.parts}
    found = [(theirs.get(plain(name).lower(), (name, part)), part) for name, part in own.parts]
    return own.spelt([(name, spelt_like(part, like)) for (name, like), part in found])


def spellings(way: str, type: str) -> list[tuple[str, str]]:
    """Of each field in a type: the way to it in small letters, and how it is spelt."""
    own = opened(type)
    found: list[tuple[str, str]] = []
    for name, part in own.parts if own is not None else ():
        further = f"{way}.{plain(name).lower()}" if name else way
        found += [(further, plain(name))] if name else []
        found += spellings(further, part)
    return found


def apart(type: str, there: str) -> bool:
    """Whether a value of a type can never be one of another: one is nested in another way, or they have no field in common."""
    own, more = opened(type), opened(there)
    if own is None or more is None:
        return (own is None) != (more is None) and {"JSON", "VARCHAR"}.isdisjoint({type, there}) and type != _NOTHING
    both = _both(type, there)
    if both is None:
        return True
    shared = [(mine, theirs) for _, mine, theirs in both.parts if mine and theirs]
    return not shared or any(apart(mine, theirs) for mine, theirs in shared)


def clash(one: str, other: str) -> bool:
    """Whether the values of two types cannot be of one that both are read as: a number here and a boolean, a text or an object there."""
    if one == other or not {"JSON", _NOTHING}.isdisjoint({one, other}):
        return False
    own, more = opened(one), opened(other)
    if own is None or more is None:
        return (own is None) != (more is None) or _kind(one) != _kind(other)
    if "[]" in {own.kind, more.kind} and own.kind != more.kind:
        return True
    both = _both(one, other)
    return any(clash(mine, theirs) for _, mine, theirs in both.parts if mine and theirs) if both is not None else False


def crossed(one: str, other: str) -> bool:
    """Whether one of two types has booleans where the other has numbers, at any depth: casts take them for each other."""
    both = _both(one, other)
    if both is not None:
        return any(crossed(mine, theirs) for _, mine, theirs in both.parts if mine and theirs)
    return {_kind(one), _kind(other)} == {"boolean", "number"}


def _kind(type: str) -> str:
    return "number" if _NUMBER.match(type) else "boolean" if type == "BOOLEAN" else "text"


def mixed(type: str, other: str) -> str:
    """A type with JSON wherever another one has that."""
    if other == "JSON":
        return other
    both = _both(type, other)
    if both is None:
        return type
    return both.spelt([(name, mixed(mine, theirs) if theirs else mine) for name, mine, theirs in both.parts if mine])


@dataclass(frozen=True, slots=True)
class _Both:
    """Two types that are nested in the same way: the `parts` of both as (name, type in the one, type in the other), which is empty where there
    is none; and how the whole is spelt of parts."""

    parts: tuple[tuple[str, str, str], ...]
    spelt: Callable[[Sequence[tuple[str, str]]], str]


def _both(one: str, other: str) -> _Both | None:
    """What is in both of two types. What the other alone has, and is never there, is nowhere."""
    own, more = opened(one), opened(other)
    if own is None or more is None or own.kind != more.kind:
        return None
    mine, theirs = ({plain(name).lower(): (name, type) for name, type in which.parts} for which in (own, more))
    parts = [(name, type, theirs[key][1] if key in theirs else "") for key, (name, type) in mine.items()]
    parts += [(name, "", type) for key, (name, type) in theirs.items() if key not in mine and type != _NOTHING]
    return _Both(tuple(parts), own.spelt)


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
