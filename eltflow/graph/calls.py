"""References that stand as text in YAML: `ref('a')`, `source('a', 'b')`."""

from __future__ import annotations

import re

_CALL = re.compile(r"\s*(ref|source)\s*\((.*)\)\s*\Z", re.DOTALL)
_ARG = re.compile(r"\s*['\"]([^'\"]*)['\"]\s*(?:,|\Z)")


def parse_call(text: str) -> tuple[str | None, tuple[str, ...]]:
    """`ref('a')` or `source('a', 'b')` as (kind, arguments); (None, ()) for anything else."""
    stripped = text.strip()
    if stripped.startswith("{{") and stripped.endswith("}}"):
        stripped = stripped[2:-2]
    call = _CALL.match(stripped)
    if call is None:
        return None, ()
    args = tuple(_ARG.findall(call.group(2)))
    return (call.group(1), args) if args and (call.group(1) == "ref" or len(args) == 2) else (None, ())
