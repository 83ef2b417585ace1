"""Numbers with the nouns that they count. Imports nothing: every command prints some."""

from __future__ import annotations

#: Nouns whose plural is no noun and an s.
_PLURALS = {"analysis": "analyses", "delivery": "deliveries"}


def plural(noun: str) -> str:
    return _PLURALS.get(noun, f"{noun}s")


def counted(number: int, noun: str) -> str:
    """`1 model`, `1,204 models`, `0 deliveries`."""
    return f"{number:,} {noun if number == 1 else plural(noun)}"
