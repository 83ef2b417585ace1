"""Where a word of a transpiled text came from: the two have the same words, mostly, in mostly the same order."""

from __future__ import annotations

import re
from bisect import bisect_right
from difflib import SequenceMatcher
from functools import cached_property

from eltflow.base.records import dataclass

_WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Origin:
    """An offset in the text before; `sure` if the word there is the same."""

    offset: int
    sure: bool


class Alignment:
    """Maps offsets of the text `after` to those of the text `before`. Nothing is compared until it is asked for: only errors ask."""

    def __init__(self, before: str, after: str) -> None:
        self._before = before
        self._after = after

    @cached_property
    def _places(self) -> tuple[list[int], list[tuple[int, bool]]]:
        old = [(m.group().lower(), m.start()) for m in _WORD.finditer(self._before)]
        new = [(m.group().lower(), m.start()) for m in _WORD.finditer(self._after)]
        matcher = SequenceMatcher(None, [w for w, _ in old], [w for w, _ in new], autojunk=False)
        same: dict[int, int] = {}
        for block in matcher.get_matching_blocks():
            same.update({block.b + step: block.a + step for step in range(block.size)})
        spots: list[tuple[int, bool]] = []
        last = 0
        for index in range(len(new)):
            if index in same:
                last = old[same[index]][1]
            spots.append((last, index in same))
        return [start for _, start in new], spots

    def place(self, offset: int) -> Origin:
        """Where the word at `offset` came from; for one that was not there, the last before it that was."""
        starts, spots = self._places
        index = bisect_right(starts, offset) - 1
        return Origin(*spots[index]) if 0 <= index < len(spots) else Origin(0, False)
