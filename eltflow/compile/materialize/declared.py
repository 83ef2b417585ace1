"""What a type that is declared for a column asks of what files hold: how a value of JSON is read for it, and which values it would change."""

from __future__ import annotations

import re
from collections.abc import Callable

from eltflow.warehouse.nested import opened, plain

_TEXTS = re.compile(r"(?:VARCHAR|TEXT|STRING|CHAR|CHARACTER VARYING|CLOB)(?:\s*\(.*\))?\Z", re.IGNORECASE)
_JSON = re.compile(r"(?:JSONB?|VARIANT|SUPER|OBJECT|ARRAY)\Z", re.IGNORECASE)
_DECIMAL = re.compile(r"(?:DECIMAL|NUMERIC|DEC)\b", re.IGNORECASE)
_FLOAT = re.compile(r"(?:DOUBLE|FLOAT|REAL)", re.IGNORECASE)
_WHOLE = re.compile(r"U?(?:TINY|SMALL|BIG|HUGE)?INT\Z|INTEGER\Z")
#: What engines infer where some values are numbers with a fraction, perhaps.
_FRACTIONS = frozenset({"DOUBLE", "JSON"})


def as_text(type: str) -> str:
    """A nested type with texts in place of all that is not nested; JSON stays."""
    found = opened(type)
    if found is None:
        return "JSON" if _JSON.match(type) else "VARCHAR"
    return found.spelt([(name, as_text(inner)) for name, inner in found.parts])


def same_in_json(inferred: str, type: str) -> bool:
    """Whether every value of JSON that is inferred to be of one type is taken by the other as it is: nobody need look at the values."""
    if _JSON.match(type.strip()):
        return True
    if _WHOLE.match(inferred):
        return any(kind.match(type) for kind in (_TEXTS, _DECIMAL, _FLOAT)) or _WHOLE.match(type.upper()) is not None
    if inferred == "BOOLEAN":
        return type.upper() in ("BOOLEAN", "BOOL") or _TEXTS.match(type) is not None
    return (inferred == "VARCHAR" and _TEXTS.match(type) is not None) or inferred == type.upper() == "DATE"


def in_json(inferred: str, type: str, *, sent: bool) -> tuple[str | None, bool]:
    """What a column of JSON is read as for a type that is declared for it (None: as it is inferred), and whether its numbers are wanted as they
    are written. `sent` says that another engine is sent the text, which has types of its own."""
    type = type.strip()
    if _JSON.match(type):
        if inferred == "DOUBLE":
            return "VARCHAR", True
        return (None if inferred == "JSON" else "JSON"), False
    if same_in_json(inferred, type) or inferred == "VARCHAR" or (inferred == "DOUBLE" and _FLOAT.match(type)):
        return None, False
    if not sent and opened(type) is not None:
        return as_text(type), False
    if not sent and inferred in _FRACTIONS and _DECIMAL.match(type):
        return type, False  # which is made of the digits as they are written
    return "VARCHAR", inferred in _FRACTIONS and not _FLOAT.match(type)


def wrong(text: str, type: str, kept: Callable[[str, str], str | None], depth: int = 0) -> str | None:
    """A condition: the type would change a value, whose parts that are not nested are texts, or that is one. None where it changes none. `kept`
    is that it keeps a text."""
    found = opened(type)
    if found is None:
        held = kept(text, type)
        if held is None:
            return None
        cut = f" or (strlen({text}) > 17 and regexp_matches({text}, '[.eE]'))" if depth and not _FLOAT.match(type) else ""
        return f"(({held}) is false{cut if _number(type) else ''})"
    made = []
    for name, inner in found.parts:
        if found.kind == "STRUCT":
            field = plain(name).replace("'", "''")
            made.append(wrong(f"struct_extract({text}, '{field}')", inner, kept, depth + 1))
            continue
        one = f"eltflow_{depth}"
        condition = wrong(one, inner, kept, depth + 1)
        values = text if found.kind == "[]" else f"map_values({text})"
        made.append(condition and f"coalesce(len(list_filter({values}, lambda {one}: {condition})) > 0, false)")
    told = [condition for condition in made if condition is not None]
    return f"({' or '.join(told)})" if told else None


def _number(type: str) -> bool:
    return _DECIMAL.match(type) is not None or _WHOLE.match(type.upper()) is not None
