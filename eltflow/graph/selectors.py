"""selectors.yml: each definition → Expression, with references between selectors checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import translate
from graphlib import CycleError, TopologicalSorter
from typing import Any

from eltflow.base.diagnostics import Diagnostic, EltflowError, Span, with_source
from eltflow.base.names import did_you_mean, listed
from eltflow.base.records import dataclass, replace
from eltflow.graph.expression import (
    INDIRECT,
    METHODS,
    Difference,
    Expression,
    Intersection,
    Token,
    Union,
    parse,
    token,
    union,
)
from eltflow.project.shape import describe

FILE = "selectors.yml"

#: Keys of a definition that names a method, beside `method` and `value`.
_FLAGS = ("parents", "children", "childrens_parents")
_DEPTHS = ("parents_depth", "children_depth")
_KEYS = ("method", "value", *_FLAGS, *_DEPTHS, "indirect_selection", "exclude")

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """A named selection; the `default` one is used when a command names nothing."""

    name: str
    expression: Expression
    default: bool = False
    description: str = ""


Selectors = Mapping[str, Selector]


def read_selectors(
    entries: Sequence[Mapping[str, Any]], read: Callable[[str], str] | None = None, *, strict: bool = True
) -> Selectors:
    """The selectors of a project by name, from the entries of selectors.yml; `read` gives the file's text for quoting lines.

    Where it is not `strict`, keys that mean nothing are passed over.

    Raises EltflowError with everything that is wrong: a shape, a name used twice, an unknown selector, a ring, two defaults
    (E0504), and texts and methods that break the grammar (E0501).
    """
    return _Reader(read, strict).read(entries)


def named(selectors: Selectors, name: str) -> list[str]:
    """The names of the selectors that a name with wildcards stands for."""
    if name in selectors:
        return [name]
    matches = re.compile(translate(name)).match
    return [known for known in selectors if matches(known)] if any(letter in name for letter in "*?[") else []


def no_selector(name: str, selectors: Iterable[str]) -> str:
    """Advice for a selector's name that is not known."""
    names = list(selectors)
    return did_you_mean(name, names) or (f"there are {listed(names, 10)}" if names else f"write it in {FILE}")


def tokens(expression: Expression) -> Iterable[Token]:
    """The tokens of an expression, in the order written."""
    if isinstance(expression, Token):
        yield expression
    elif isinstance(expression, (Union, Intersection)):
        for part in expression.parts:
            yield from tokens(part)
    elif isinstance(expression, Difference):
        yield from tokens(expression.kept)
        yield from tokens(expression.dropped)


class _Reader:
    def __init__(self, read: Callable[[str], str] | None, strict: bool) -> None:
        self._text = read
        self._strict = strict
        self._name = ""
        self.found: list[Diagnostic] = []

    def read(self, entries: Sequence[Mapping[str, Any]]) -> Selectors:
        made: dict[str, Selector] = {}
        places: dict[str, Place] = {}
        for index, entry in enumerate(entries):
            place: Place = ("selectors", index)
            self._name = str(entry.get("name"))
            if self._name in made:
                self._note((*place, "name"), f"two selectors are called `{self._name}`", "rename one of them")
                continue
            expression = self._definition(entry.get("definition"), (*place, "definition"))
            default = self._default(entry.get("default", False), (*place, "default"))
            description = str(entry.get("description") or "")
            if expression is not None:
                made[self._name] = Selector(name=self._name, expression=expression, default=default, description=description)
                places[self._name] = place
        if not self.found:
            self._check_defaults(made, places)
            self._check_references(made, places)
        if self.found:
            raise EltflowError(self.found)
        return made

    # -- one definition --------------------------------------------------------------------------------------------------------

    def _definition(self, value: Any, place: Place) -> Expression | None:
        if isinstance(value, str):
            return self._guarded(place, lambda: parse(value))
        if not isinstance(value, Mapping):
            help = "write a text (`+orders,tag:daily`), `method:` and `value:`, or a list under `union:` or `intersection:`"
            return self._wrong(place, f"a selection is a text or a mapping, not {describe(value)}", help)
        for key, kind in (("union", Union), ("intersection", Intersection)):
            if key in value:
                return self._set(key, kind, value, place)
        if "method" in value or "value" in value:
            return self._long(value, place)
        if len(value) == 1:
            ((method, what),) = value.items()
            if method == "exclude":
                help = "put it beside a `method:` and a `value:`, or last in the list under `union:` or `intersection:`"
                return self._wrong(place, "`exclude` has nothing to take away from", help)
            return self._token(str(method), what, place, {})
        help = "write `method:` and `value:`, or a list under `union:` or `intersection:`"
        return self._wrong(place, f"a definition of {len(value)} keys ({listed(map(str, value), 5)}) says no method", help)

    def _set(self, key: str, kind: type[Union] | type[Intersection], value: Mapping[str, Any], place: Place) -> Expression | None:
        if len(value) > 1:
            others = listed(f"`{other}`" for other in value if other != key)
            return self._wrong(place, f"`{key}` stands alone, without {others}", f"put the rest into the list under `{key}:`")
        items = value[key]
        inner = (*place, key)
        if not isinstance(items, list):
            return self._wrong(inner, f"`{key}` is a list, not {describe(items)}", "put a dash before each part")
        kept: list[Expression | None] = []
        dropped: Expression | None = None
        excluded = False
        for index, item in enumerate(items):
            at = (*inner, index)
            if isinstance(item, Mapping) and list(item) == ["exclude"]:
                if excluded:
                    self._wrong(at, f"a second `exclude` in one `{key}`", "put both into one list")
                excluded = True
                dropped = self._exclude(item["exclude"], (*at, "exclude"))
            else:
                kept.append(self._definition(item, at))
        parts = tuple(part for part in kept if part is not None)
        if not kept:
            return self._wrong(inner, f"`{key}` has nothing to select", "add what it selects, with a dash before each part")
        together = parts[0] if len(parts) == 1 else kind(parts)
        return together if dropped is None else Difference(together, dropped)

    def _exclude(self, items: Any, place: Place) -> Expression | None:
        if not isinstance(items, list) or not items:
            return self._wrong(place, f"`exclude` is a list, not {describe(items)}", "put a dash before each part")
        parts = [self._definition(item, (*place, index)) for index, item in enumerate(items)]
        return union(part for part in parts if part is not None)

    def _long(self, value: Mapping[str, Any], place: Place) -> Expression | None:
        for key in ("method", "value"):
            if key not in value:
                return self._wrong(place, f"`{key}` is missing", f"add `{key}:`")
        for key in value:
            if key not in _KEYS and self._strict:
                help = did_you_mean(str(key), _KEYS) or f"known here: {', '.join(_KEYS)}"
                return self._wrong((*place, key), f"a selection has no `{key}`", help, key=True)
        options = self._options(value, place)
        if options is None or not isinstance(value["method"], str):
            if options is not None:
                self._wrong(
                    (*place, "method"), f"`method` is a text, not {describe(value['method'])}", _methods(str(value["method"]))
                )
            return None
        made = self._token(value["method"], value["value"], place, options)
        if made is None or "exclude" not in value:
            return made
        dropped = self._exclude(value["exclude"], (*place, "exclude"))
        return None if dropped is None else Difference(made, dropped)

    def _options(self, value: Mapping[str, Any], place: Place) -> dict[str, Any] | None:
        """The arguments of `token` that a definition's flags, depths and indirect selection come to."""
        before = len(self.found)
        for key in _FLAGS:
            if not isinstance(value.get(key, False), bool):
                self._wrong((*place, key), f"`{key}` is true or false, not {describe(value[key])}", f"write `{key}: true`")
        depths: dict[str, int | None] = {}
        for key in _DEPTHS:
            depth = value.get(key)
            if isinstance(depth, str) and depth.isdecimal():
                depth = int(depth)
            if depth is not None and (not isinstance(depth, int) or isinstance(depth, bool) or depth < 0):
                self._wrong((*place, key), f"`{key}` is a number of steps, not {describe(depth)}", "leave it out for all of them")
            depths[key] = depth
            flag = key.removesuffix("_depth")
            if depth is not None and not value.get(flag) and self._strict:
                self._wrong((*place, key), f"`{key}` does nothing without `{flag}`", f"add `{flag}: true`", key=True)
        mode = value.get("indirect_selection")
        if mode is not None and mode not in INDIRECT:
            help = did_you_mean(str(mode), INDIRECT) or f"one of {', '.join(INDIRECT)}"
            self._wrong((*place, "indirect_selection"), f"`{mode}` is no way to select tests", help)
        if len(self.found) > before:
            return None
        return {
            "parents": depths["parents_depth"] if value.get("parents") else 0,
            "children": depths["children_depth"] if value.get("children") else 0,
            "around": bool(value.get("childrens_parents")),
            "indirect": mode,
        }

    def _token(self, method: str, value: Any, place: Place, options: Mapping[str, Any]) -> Expression | None:
        if not isinstance(value, (str, int, float)):
            return self._wrong(
                (*place, "value"), f"a value is a text, not {describe(value)}", "write one text, and a `union:` for several"
            )
        text = str(value).lower() if isinstance(value, bool) else str(value)
        name, *args = method.split(".")
        if name == "fqn" and "+" in text:
            help = f"write the whole as a text, {text!r}, or add `parents: true` or `children: true`"
            return self._wrong((*place, "value"), f"`{text}` is a name here, and cannot hold a `+`", help)
        return self._guarded(place, lambda: token(name, text, args=tuple(args), **options))

    def _guarded(self, place: Place, make: Callable[[], Expression]) -> Expression | None:
        try:
            return self._marked(make(), place)
        except EltflowError as error:
            for found in error.diagnostics:
                named_in = replace(found, message=f"selector `{self._name}`: {found.message}")
                self.found.append(spanned(named_in, place, self._text))
            return None

    def _marked(self, made: Expression, place: Place) -> Expression:
        """The expression with the selector's name and place in its tokens."""
        if isinstance(made, Token):
            return replace(made, selector=self._name, place=place)
        if isinstance(made, (Union, Intersection)):
            return type(made)(tuple(self._marked(part, place) for part in made.parts))
        return made

    def _default(self, value: Any, place: Place) -> bool:
        if isinstance(value, str) and value.strip().lower() in ("true", "false"):
            return value.strip().lower() == "true"
        if not isinstance(value, bool):
            self._wrong(place, f"`default` is true or false, not {describe(value)}", "write `default: true`")
        return value is True

    # -- all of them -----------------------------------------------------------------------------------------------------------

    def _check_defaults(self, made: Selectors, places: Mapping[str, Place]) -> None:
        defaults = [selector.name for selector in made.values() if selector.default]
        if len(defaults) > 1:
            message = f"{len(defaults)} selectors are the default: {listed(f'`{name}`' for name in defaults)}"
            self._note((*places[defaults[1]], "default"), message, "keep `default: true` on one of them")

    def _check_references(self, made: Selectors, places: Mapping[str, Place]) -> None:
        reads: dict[str, list[str]] = {}
        for name, selector in made.items():
            reads[name] = []
            for reference in tokens(selector.expression):
                if reference.method != "selector":
                    continue
                known = named(made, reference.value)
                if not known:
                    help = no_selector(reference.value, [other for other in made if other != name])
                    self._note(reference.place, f"selector `{name}` refers to `{reference.value}`, which does not exist", help)
                reads[name] += known
        ring = _ring(reads)
        if ring:
            shown = " → ".join([*ring, ring[0]])
            self._note(
                places[ring[0]], f"these selectors refer to each other in a ring: {shown}", "take one of these references out"
            )

    def _wrong(self, place: Place, message: str, help: str | None, *, key: bool = False) -> Expression | None:
        """Note what is wrong in the selector being read, and give None for what should have stood there."""
        self._note(place, f"selector `{self._name}`: {message}", help, key=key)
        return None

    def _note(self, place: Place, message: str, help: str | None, *, key: bool = False) -> None:
        self.found.append(spanned(Diagnostic(code="E0504", message=message, help=help), place, self._text, key=key))


def spanned(found: Diagnostic, place: Place, read: Callable[[str], str] | None, *, key: bool = False) -> Diagnostic:
    """The diagnostic at a place of selectors.yml; at the file alone where its text is not to be had."""
    if read is None:
        return replace(found, span=Span(file=FILE))
    text = read(FILE)
    from eltflow.project import yamlfile

    return with_source(replace(found, span=yamlfile.locate(text, FILE, place, key=key)), text)


def _ring(reads: Mapping[str, Sequence[str]]) -> list[str]:
    """The names along one ring of references, each referring to the next, or none."""
    try:
        TopologicalSorter(reads).prepare()
    except CycleError as error:
        names: list[str] = error.args[1][:0:-1]
        first = names.index(min(names))
        return [*names[first:], *names[:first]]
    return []


def _methods(method: str) -> str:
    return did_you_mean(method, METHODS) or f"one of {', '.join(METHODS)}"
