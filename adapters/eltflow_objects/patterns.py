"""Patterns of paths, as regular expressions."""

from __future__ import annotations

import re

WILD = re.compile(r"[*?\[]")  #: what a path has that is a pattern
_TOKEN = re.compile(r"\*\*/|\*\*|\*|\?|\[!?\]?[^\]]*\]|.", re.DOTALL)


def pattern(key: str) -> str:
    """A regular expression for a glob: `*` and `?` stay within a folder, `**` does not."""
    made = []
    for token in _TOKEN.findall(key):
        if token == "**/":
            made.append("(?:.*/)?")
        elif token == "**":
            made.append(".*")
        elif token == "*":
            made.append("[^/]*")
        elif token == "?":
            made.append("[^/]")
        elif token.startswith("[") and len(token) > 2:
            inner = token[1:-1].replace("\\", "\\\\")
            made.append(f"[{'^' + inner[1:] if inner.startswith('!') else inner}]")
        else:
            made.append(re.escape(token))
    return "".join(made)
