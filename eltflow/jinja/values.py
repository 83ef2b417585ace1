"""What other rooms need of this one without Jinja2: a macro's source, and the error that functions of a scope raise."""

from __future__ import annotations

from collections.abc import Collection, Mapping

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
