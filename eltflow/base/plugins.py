"""Plug-ins by entry point: an unknown one, one whose driver is missing and a broken one are three different errors."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from eltflow.base.diagnostics import Span, fail
from eltflow.base.names import did_you_mean


def names(group: str) -> tuple[str, ...]:
    """The names registered in an entry-point group, sorted."""
    return tuple(sorted({point.name for point in _points(group, tuple(sys.path))}))


@cache
def _points(group: str, path: tuple[str, ...]) -> tuple[Any, ...]:
    """The entry points of a group, with `sys.path` as it is. To look for them reads a file of every package that is installed: 5 ms where
    there are 140."""
    from importlib.metadata import entry_points

    return tuple(entry_points(group=group))


def load(group: str, name: str, *, span: Span | None = None) -> Any:
    """The object behind entry point `name` of `group`.

    Raises EltflowError: E0701 unknown name, E0703 the plug-in itself fails to import. (A missing driver is E0702, raised by the
    plug-in when it opens a connection: plug-ins import their driver no earlier.)
    """
    found = [point for point in _points(group, tuple(sys.path)) if point.name == name]
    if not found:
        known = names(group)
        kind = group.removeprefix("eltflow.").removesuffix("s").replace("_", " ")
        raise fail(
            "E0701",
            f"no {kind} is called `{name}`",
            span=span,
            help=did_you_mean(name, known) or f"installed: {', '.join(known) or 'none'}",
        )
    try:
        return found[0].load()
    except Exception as error:
        package = found[0].dist.name if found[0].dist is not None else "the package that provides it"
        raise fail(
            "E0703",
            f"the plug-in `{name}` ({found[0].value}) cannot be loaded: {type(error).__name__}: {error}",
            span=span,
            help=f"install {package} again, in a version that fits this eltflow",
        ) from error


@contextmanager
def driver(plugin: str, package: str) -> Iterator[None]:
    """Around a plug-in's import of its driver: one that is not there is EltflowError (E0702), which names what to install."""
    try:
        yield
    except ImportError as error:
        message = f"the driver of {plugin} is not installed ({error})"
        raise fail("E0702", message, help=f"install it: pip install {package}") from None
