"""A template in pieces that mean by themselves what they mean in it: text, literal calls, and expressions, branches and loops.

Templates of one project repeat each other, `{% if is_incremental() %}` to the letter: a piece is compiled once for all of them. And most
expressions are calls with literal arguments, which need no compiling at all.
"""

from __future__ import annotations

from collections.abc import Callable

from eltflow.base.records import dataclass
from eltflow.jinja.static import OPENS, STRING, Call, balanced, blocks, literal_call

_CLOSED_BY = {"endif": "if", "endfor": "for"}


@dataclass(frozen=True, slots=True)
class Piece:
    """Text as it stands, a call, or (with neither flag nor call) Jinja to compile. `line` is where it begins in the template, from 1."""

    text: str
    line: int
    plain: bool = False
    call: Call | None = None


def split(text: str, callable: Callable[[str], bool]) -> tuple[Piece, ...] | None:
    """The template's pieces; `callable` tells which names may be called at once. None where one piece may change what another means: with
    `{% set %}`, whitespace control, and anything but output, branches and loops."""
    if "\r" in text:
        return None  # Jinja2 writes its lines' ends anew
    found: list[Piece] = []
    opened: list[str] = []
    at = begun = 0
    for block in blocks(text):
        value, tag = block["value"], block["tag"]
        inner = value if value is not None else tag
        within = block.group()[2:-2]
        if (
            OPENS.search(text, at, block.start())
            or text[block.start() - 1 : block.start()] == "{"
            or _trims(within)
            or not balanced(STRING.sub("", inner or ""))
        ):
            return None
        if not opened:
            found.append(Piece(text[at : block.start()], 0, plain=True))
            begun = block.start()
        at = block.end()
        if tag is not None and not _follows(tag.split(None, 1)[0] if tag.strip() else "", opened):
            return None
        if not opened and inner is not None:
            call = literal_call(inner, name=callable) if value is not None else None
            start = (
                begun if call is None else begun + 2 + len(inner) - len(inner.lstrip())
            )  # Jinja2 counts from where its text begins
            found.append(Piece(text[begun:at], text.count("\n", 0, start) + 1, call=call))
    if opened or OPENS.search(text, at):
        return None
    found.append(Piece(text[at:].removesuffix("\n"), 0, plain=True))  # Jinja2 drops one newline at the end of a template
    return tuple(found)


def _follows(tag: str, opened: list[str]) -> bool:
    """Whether the tag may stand there; `opened` are the branches and loops around it, and are kept up."""
    if tag in ("if", "for"):
        opened.append(tag)
    elif tag in _CLOSED_BY:
        return bool(opened) and opened.pop() == _CLOSED_BY[tag]
    else:
        return tag in ("else", "elif") and bool(opened)
    return True


def _trims(within: str) -> bool:
    """Whether a block takes blanks beside it away."""
    return within[:1] in ("-", "+") or within[-1:] in ("-", "+")
