"""What other rooms need of this one without sqlglot."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Names:
    """Column names in order. `complete` says that there are no others."""

    names: tuple[str, ...] = ()
    complete: bool = False


UNKNOWN = Names()


@dataclass(frozen=True, slots=True)
class Missing:
    """A column name that certainly means nothing: where it stands in the text, and what it could have meant."""

    name: str
    start: int
    end: int
    table: str | None
    known: tuple[str, ...]
