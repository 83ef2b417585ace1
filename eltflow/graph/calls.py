"""References that stand as text in YAML: `ref('a')`, `source('a', 'b')`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from eltflow.jinja.static import has_jinja

if TYPE_CHECKING:
    from eltflow.jinja.renderer import Renderer

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


def argument(value: Any, renderer: Callable[[], Renderer], names: Mapping[str, Any], path: str) -> Any:
    """A test's argument as its macro gets it: what stands in it as `ref(...)`, `source(...)` or Jinja has become a value."""
    if isinstance(value, str):
        kind, args = parse_call(value)
        if kind is not None:
            return names[kind](*args)
        return renderer().expression(value, path, names) if has_jinja(value) else value
    if isinstance(value, list):
        return [argument(item, renderer, names, path) for item in value]
    if isinstance(value, Mapping):
        return {key: argument(item, renderer, names, path) for key, item in value.items()}
    return value
