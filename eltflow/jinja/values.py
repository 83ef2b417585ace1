"""What other rooms need of this one without Jinja2: a macro's source, and the error that functions of a scope raise."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from types import FunctionType
from typing import TypeVar

from eltflow.base.records import dataclass

#: What to do about `doc()` in SQL: (message, help).
DOC_IN_SQL = (
    "`doc` is for descriptions in YAML, and unknown here",
    "write a comment, or put the text into the description of the node",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MacroSource:
    """A macro of the project: its name in Jinja (a generic test `x` is `test_x`), its file, line and that file's text."""

    name: str
    file: str
    line: int
    text: str


_Class = TypeVar("_Class", bound=type)


def shown_as(name: str) -> Callable[[_Class], _Class]:
    """A class of what templates see, called in Python's errors as templates call it: `env_var() missing 1 ...`, not `Environ.__call__()`."""

    def renamed(made: _Class) -> _Class:
        made.__name__ = made.__shown__ = name  # type: ignore[attr-defined]
        for key, value in vars(made).items():
            if isinstance(value, FunctionType):
                value.__qualname__ = name if key == "__call__" else f"{name}.{key}"
        return made

    return renamed


#: What Python says of a call: the name as templates know it, without where in our files the function stands.
_CALLED = re.compile(r"(?:[\w.]*<locals>\.)?_?(?P<name>[\w.]+)\(\) (?P<said>.+)", re.DOTALL)
_TOO_MANY = re.compile(r"takes .*positional arguments? but \d+ (?:was|were) given")


def call_said(message: str) -> tuple[str, str]:
    """Python's complaint of a call's arguments in a template's words: (the function or "", message)."""
    called = _CALLED.match(message)
    if called is None:
        return "", message
    said = _TOO_MANY.sub("takes fewer arguments", called["said"])  # whose number is of Python's, with the object of a method
    return called["name"], f"{called['name']}() {said}"


class RenderError(Exception):
    """Raised inside a rendering by functions of the scope; the renderer adds the line. `needle` is text to point at on that line."""

    def __init__(self, code: str, message: str, *, help: str | None = None, needle: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.help = help
        self.needle = needle


class Package:
    """A project as templates see it under its own name: `shop.cents('price')` is the macro `cents`."""

    __slots__ = ("_macros", "_names")

    def __init__(self, names: Mapping[str, object], macros: Collection[str]) -> None:
        """`names` is the scope that gives the macros, and thereby knows that they were looked up."""
        self._names = names
        self._macros = macros

    def __getitem__(self, key: str) -> object:
        if key not in self._macros:
            raise KeyError(key)
        return self._names[key]

    def __dir__(self) -> list[str]:
        return sorted(self._macros)
