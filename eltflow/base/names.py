"""Names that people type: what they may have meant, and short forms that fit a warehouse's limits."""

from __future__ import annotations

import re
from collections.abc import Iterable

from eltflow.base.fingerprint import fingerprint

#: What the names of the relations that a run makes for itself have before the run's 8 hex digits.
TEMPORARY = "__eltflow_tmp_"
_LEFTOVER = re.compile(rf"{TEMPORARY}[0-9a-f]{{8}}\Z", re.IGNORECASE)
#: What stands between that and a relation's name while another is put in its place.
ASIDE = "__old"
_ASIDE = re.compile(rf"(.+){ASIDE}{TEMPORARY}[0-9a-f]{{8}}\Z", re.IGNORECASE)
IDENTIFIER = re.compile(r"[^\W\d]\w*\Z")
IDENTIFIER_HELP = "use letters, digits and underscores, and begin with a letter or an underscore"


def suggest(name: str, known: Iterable[str]) -> str | None:
    """The known name nearest to `name`, or None when nothing is near."""
    import difflib

    candidates: dict[str, str] = {}
    for one in known:
        candidates.setdefault(str(one).lower(), str(one))
    lowered = name.lower()
    if lowered in candidates:
        return candidates[lowered]
    near = difflib.get_close_matches(lowered, candidates, n=1, cutoff=0.6)
    return candidates[near[0]] if near else None


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A help line naming the nearest known name, or None."""
    near = suggest(name, known)
    return f"did you mean `{near}`?" if near else None


def is_temporary(identifier: str) -> bool:
    """Whether a relation of that name is one that a run makes for itself and drops."""
    return _LEFTOVER.search(identifier) is not None


def stepped_aside(identifier: str) -> str | None:
    """The name of the relation that was given this one by a run that meant to put another in its place; None for any other name."""
    found = _ASIDE.match(identifier)
    return found.group(1) if found is not None else None


def short(run_id: str) -> str:
    """The part of a run's id that names of ours carry."""
    return run_id.replace("-", "")[:8]


def shorten(name: str, limit: int) -> str:
    """`name` if it has at most `limit` bytes in UTF-8, else its beginning and a hash of the whole (8 hex digits)."""
    encoded = name.encode()
    if len(encoded) <= limit:
        return name
    return f"{encoded[: limit - 9].decode(errors='ignore')}_{fingerprint(name)[:8]}"


def listed(names: Iterable[str], most: int = 3) -> str:
    """`a, b, c, …`: at most `most` names, with an ellipsis when some were left out."""
    all_names = list(names)
    shown = ", ".join(all_names[:most])
    return shown + (", …" if len(all_names) > most else "")
