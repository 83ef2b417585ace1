"""Shapes of YAML values: one definition checks a file strictly (or leniently) and yields its JSON Schema."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from typing import Any, Literal

from eltflow.base.names import did_you_mean
from eltflow.base.records import dataclass, field, replace

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A value that does not fit: where (`path`; `at_key` when its key is what is wrong), what, and how to mend it."""

    path: Path
    message: str
    help: str | None = None
    at_key: bool = False
    code: str = "E0103"


@dataclass(frozen=True, slots=True)
class Shape:
    """Any value at all."""

    about: str = field(default="", kw_only=True)

    def check(self, value: Any, path: Path, found: list[Problem], strict: bool) -> None:
        """Append a Problem for each thing wrong with `value`."""

    def schema(self) -> dict[str, Any]:
        """The same as JSON Schema (draft 2020-12)."""
        return {"description": self.about} if self.about else {}


_MAPPING = "write `key: value` lines"
_NAMES = {str: "text", int: "a whole number", float: "a number", bool: "true or false", list: "a list", dict: "a mapping"}
_LIKE = {str: "a text", int: "a number like 4", float: "a number like 0.5", bool: "true or false, without quotes"}
_JSON = {str: "string", int: "integer", float: "number", bool: "boolean"}


def describe(value: Any) -> str:
    """A value's kind in words that a person uses."""
    if value is None:
        return "nothing"
    for kind in (bool, int, float, str, list, dict):
        if isinstance(value, kind):
            shown = f" ({value!r})" if kind in (str, int, float, bool) and len(str(value)) <= 40 else ""
            return _NAMES[kind] + shown
    if isinstance(value, (datetime.date, datetime.datetime)):
        return f"a date ({value})"
    return type(value).__name__


@dataclass(frozen=True, slots=True)
class Scalar(Shape):
    """One of the given kinds. Text that holds Jinja fits everywhere: what it renders to is checked where it is used."""

    kinds: tuple[type, ...] = (str,)
    choices: tuple[Any, ...] = ()
    least: int | None = None  # of a number
    pattern: str | None = None  # what a text has somewhere, and `wanted` in words: (what it must be, what to write)
    wanted: tuple[str, str] = ("", "")

    def check(self, value: Any, path: Path, found: list[Problem], strict: bool) -> None:
        if value.__class__ is str and ("{{" in value or "{%" in value):
            return
        if not isinstance(value, self.kinds) or (value.__class__ is bool and bool not in self.kinds):
            if str in self.kinds and isinstance(value, (int, float, datetime.date)) and not isinstance(value, bool) and not strict:
                return
            wanted = " or ".join(_NAMES.get(k, k.__name__) for k in self.kinds)
            quotable = str in self.kinds and value is not None and not isinstance(value, (dict, list))
            if self.choices:
                help = f"one of: {', '.join(str(c) for c in self.choices)}"
            else:
                help = "put it in quotes" if quotable else f"write {' or '.join(_LIKE.get(k, 'a value') for k in self.kinds)}"
            found.append(Problem(path=path, message=f"`{_tail(path)}` must be {wanted}, not {describe(value)}", help=help))
        elif self.choices and value not in self.choices:
            choices = ", ".join(str(c) for c in self.choices)
            near = did_you_mean(str(value), [str(c) for c in self.choices])
            found.append(Problem(path=path, message=f"`{_tail(path)}` cannot be `{value}`", help=near or f"one of: {choices}"))
        elif self.least is not None and isinstance(value, (int, float)) and not value >= self.least:
            message = f"`{_tail(path)}` must be at least {self.least}, not {value}"
            found.append(Problem(path=path, message=message, help=f"write {self.least} or more, or leave it out"))
        elif self.pattern is not None and isinstance(value, str) and re.search(self.pattern, value) is None:
            found.append(
                Problem(path=path, message=f"`{_tail(path)}` must be {self.wanted[0]}, not {value!r}", help=self.wanted[1])
            )

    def schema(self) -> dict[str, Any]:
        kinds: list[str] = [_JSON[k] for k in self.kinds if k in _JSON] or ["string"]
        made: dict[str, Any] = {"type": kinds[0] if len(kinds) == 1 else kinds}
        if self.choices:
            made["enum"] = [*self.choices]
        if self.least is not None:
            made["minimum"] = self.least
        if self.pattern is not None:
            made["pattern"] = self.pattern
        if made != {"type": "string"}:
            made = {"anyOf": [made, {"type": "string", "pattern": r"\{[{%]"}]}
        return {**made, **({"description": self.about} if self.about else {})}


@dataclass(frozen=True, slots=True)
class Nullable(Shape):
    """Another shape, or null."""

    shape: Shape = field(default_factory=Shape)

    def check(self, value: Any, path: Path, found: list[Problem], strict: bool) -> None:
        if value is not None:
            self.shape.check(value, path, found, strict)

    def schema(self) -> dict[str, Any]:
        made = self.shape.schema()
        return {"anyOf": [made, {"type": "null"}]} if made.keys() - {"description"} else made


@dataclass(frozen=True, slots=True)
class ListOf(Shape):
    """A list; with `lone`, a single item stands for a list of one."""

    item: Shape = field(default_factory=Shape)
    lone: bool = False

    def check(self, value: Any, path: Path, found: list[Problem], strict: bool) -> None:
        if isinstance(value, list):
            for index, item in enumerate(value):
                self.item.check(item, (*path, index), found, strict)
        elif self.lone:
            problems: list[Problem] = []
            self.item.check(value, path, problems, strict)
            found += [replace(p, message=p.message.replace("must be ", "must be a list, or ", 1)) for p in problems]
        elif value is not None or strict:
            message = f"`{_tail(path)}` must be a list, not {describe(value)}"
            found.append(Problem(path=path, message=message, help="begin each item with `- `", at_key=True))

    def schema(self) -> dict[str, Any]:
        made: dict[str, Any] = {"type": "array", "items": self.item.schema()}
        if self.lone:
            made = {"anyOf": [made, self.item.schema()]}
        return {**made, **({"description": self.about} if self.about else {})}


@dataclass(frozen=True, slots=True)
class MapOf(Shape):
    """A mapping from any name to values of one shape; `example` says how to write one."""

    value: Shape = field(default_factory=Shape)
    example: str = field(default=_MAPPING, kw_only=True)

    def check(self, value: Any, path: Path, found: list[Problem], strict: bool) -> None:
        if isinstance(value, dict):
            cut = _cut(value)
            for key, item in value.items():
                if key not in cut or key == cut[0]:
                    self.value.check(item, (*path, key), found, strict)
            if cut:
                whole = ", ".join((value[cut[0]], *map(str, cut[1:])))
                message = f"the comma in `{whole}` begins another key: `{cut[1]}`"
                help = f'put it in quotes: {cut[0]}: "{whole}"'
                found.append(Problem(path=(*path, cut[0]), message=message, help=help))
        elif value is not None or strict:
            found.append(
                Problem(
                    path=path, message=f"`{_tail(path)}` must be a mapping, not {describe(value)}", at_key=True, help=self.example
                )
            )

    def schema(self) -> dict[str, Any]:
        made: dict[str, Any] = {"type": "object", "additionalProperties": self.value.schema()}
        return {**made, **({"description": self.about} if self.about else {})}


def _cut(value: Mapping[Any, Any]) -> list[Any]:
    """The keys that one text became because it has a comma: `{y: decimal(10,2)}` is read as `{y: decimal(10, "2)": null}`."""
    items = list(value.items())
    for at, (_, text) in enumerate(items):
        depth = text.count("(") - text.count(")") if isinstance(text, str) else 0
        for end, (key, rest) in enumerate(items[at + 1 :], at + 1):
            if depth <= 0 or rest is not None:
                break
            depth += str(key).count("(") - str(key).count(")")
            if depth == 0:
                return [name for name, _ in items[at : end + 1]]
    return []


@dataclass(frozen=True, slots=True)
class Object(Shape):
    """A mapping with known keys. An unknown one is a problem when strict; `required` must be there; `open` allows any other."""

    fields: Mapping[str, Shape] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    open: bool = False
    what: str = ""

    def check(self, value: Any, path: Path, found: list[Problem], strict: bool) -> None:
        if not isinstance(value, dict):
            found.append(
                Problem(
                    path=path, message=f"{self._place(path)} must be a mapping, not {describe(value)}", at_key=True, help=_MAPPING
                )
            )
            return
        for key, item in value.items():
            shape = self.fields.get(key)
            if shape is not None:
                shape.check(item, (*path, key), found, strict)
            elif strict and not self.open:
                help = did_you_mean(str(key), self.fields) or f"known here: {', '.join(self.fields)}"
                message = f"{self._place(path)} has no key `{key}`"
                found.append(Problem(path=(*path, key), message=message, help=help, at_key=True, code="E0104"))
        missing = [key for key in self.required if value.get(key) is None]
        found += [Problem(path=path, message=f"{self._place(path)} has no `{key}`", help=f"add `{key}:`") for key in missing]

    def _place(self, path: Path) -> str:
        return self.what or (f"`{_tail(path)}`" if path else "the file")

    def schema(self) -> dict[str, Any]:
        made: dict[str, Any] = {"type": "object", "properties": {k: s.schema() for k, s in self.fields.items()}}
        if self.required:
            made["required"] = list(self.required)
        if not self.open:
            made["additionalProperties"] = False
        return {**made, **({"description": self.about} if self.about else {})}


@dataclass(frozen=True, slots=True)
class OneOf(Shape):
    """The first of several shapes whose kind of value fits: a mapping, a list, or a scalar."""

    options: tuple[Shape, ...] = ()

    def check(self, value: Any, path: Path, found: list[Problem], strict: bool) -> None:
        best: list[Problem] | None = None
        if not any(_fits(option, value) for option in self.options):
            kinds = " or ".join(dict.fromkeys(_kind_of(option) for option in self.options))
            help = f"write {kinds}"
            found.append(Problem(path=path, message=f"`{_tail(path)}` must be {kinds}, not {describe(value)}", help=help))
            return
        for option in self.options:
            problems: list[Problem] = []
            option.check(value, path, problems, strict)
            if not problems:
                return
            if best is None or _fits(option, value):
                best = problems
        found.extend(best or ())

    def schema(self) -> dict[str, Any]:
        made: dict[str, Any] = {"anyOf": [option.schema() for option in self.options]}
        return {**made, **({"description": self.about} if self.about else {})}


@dataclass(frozen=True, slots=True)
class ByKey(Shape):
    """A mapping whose shape one of its keys tells."""

    key: str = ""
    options: Mapping[str, Object] = field(default_factory=dict)

    def check(self, value: Any, path: Path, found: list[Problem], strict: bool) -> None:
        told = value.get(self.key) if isinstance(value, dict) else None
        first = next(iter(self.options.values()))
        (self.options.get(told, first) if isinstance(told, str) else first).check(value, path, found, strict)

    def schema(self) -> dict[str, Any]:
        made = []
        for name, option in self.options.items():
            one = option.schema()
            one["properties"][self.key] = {"const": name}
            made.append(one)
        return {"oneOf": made, **({"description": self.about} if self.about else {})}


def _fits(shape: Shape, value: Any) -> bool:
    if isinstance(value, dict):
        return isinstance(shape, (Object, MapOf))
    if isinstance(value, list):
        return isinstance(shape, ListOf)
    return isinstance(shape, Scalar) or (isinstance(shape, ListOf) and shape.lone)


def _kind_of(shape: Shape) -> str:
    if isinstance(shape, Scalar):
        return " or ".join(_NAMES.get(k, k.__name__) for k in shape.kinds)
    return "a list" if isinstance(shape, ListOf) else "a mapping"


def _tail(path: Path) -> str:
    names = [str(step) for step in path if isinstance(step, str)]
    return names[-1] if names else "the file"


Direction = Literal["strict", "lenient"]


def check(value: Any, shape: Shape, *, strict: bool = True) -> list[Problem]:
    """Everything that is wrong with `value`."""
    found: list[Problem] = []
    shape.check(value, (), found, strict)
    return found
