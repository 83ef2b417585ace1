"""Where a node's configuration is written."""

from __future__ import annotations

import re
from collections.abc import Callable

from eltflow.base.diagnostics import EltflowError, Span
from eltflow.project import yamlfile
from eltflow.project.nodes import Node
from eltflow.project.settings import FILE


def config_span(read: Callable[[str], str], node: Node, key: str, value: str | None = None) -> Span:
    """The place where a node's configuration sets a key, in its file, its properties or the settings; at `value`, if that is there."""
    name = re.escape(key)
    tries: list[tuple[str | None, Callable[[str], int | None]]] = [
        (node.path if node.path.endswith(".sql") else None, lambda text: _after(text, rf"(?<!\w){name}['\"]?\s*[=:]\s*")),
        (node.patch, lambda text: _in_entry(text, str(node.patch), node, key)),
        (FILE, lambda text: _after(text, rf"(?<!\w)\+?{name}['\"]?\s*:\s*")),
    ]
    for file, find in tries:
        if file is None:
            continue
        try:
            text = read(file)
        except EltflowError:
            continue
        start = find(text)
        if start is not None:
            close = text.find("}}", start) if file.endswith(".sql") else start + 400
            at, length = _word(text, start, close, value)
            return Span(file=file, line=text.count("\n", 0, at) + 1, column=at - (text.rfind("\n", 0, at) + 1) + 1, length=length)
    return Span(file=node.path)


def _after(text: str, pattern: str) -> int | None:
    spot = re.search(pattern, text)
    return spot.end() if spot is not None else None


def _in_entry(text: str, file: str, node: Node, key: str) -> int | None:
    """Where the value stands in the node's entry of a properties file."""
    for place in ((*node.place, "config", key), (*node.place, key)):
        found = yamlfile.locate(text, file, place, key=True)
        line, column = found.line or 1, found.column or 1
        at = sum(len(one) + 1 for one in text.split("\n")[: line - 1]) + column - 1
        if text.startswith(key, at):
            return at + len(key)
    return None


def _word(text: str, start: int, close: int, value: str | None) -> tuple[int, int]:
    """The value that was named, where it stands before `close`; else what begins there."""
    if value is not None:
        spot = re.compile(rf"(?<!\w){re.escape(value)}(?!\w)").search(text, start, max(start, close))
        if spot is not None:
            return spot.start(), len(value)
    first = re.compile(r"[\s:'\"\[]*([^\s'\",)}\]]*)").match(text, start)
    return (first.start(1), max(1, len(first.group(1)))) if first is not None else (start, 1)
