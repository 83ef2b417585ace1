"""PyYAML's safe loader, made strict. A module of its own, because most commands read a project that is kept and load no YAML at all."""

from __future__ import annotations

import re
from typing import Any

import yaml
from yaml import YAMLError
from yaml.constructor import ConstructorError

__all__ = ["Base", "DuplicateKey", "TooMuch", "YAMLError", "load"]

Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

#: Levels of mappings and lists within each other, and values of a document whose aliases are written out: more is a mistake or an attack,
#: and what reads values goes down a level a call.
DEEPEST, LARGEST = 100, 200_000
#: So many brackets or blanks at a line's beginning could be levels enough to end the stack of libyaml.
_BRACKETS = 2_000
_ALIAS = re.compile(r"\*[\w-]")
_DEEP_LINE = re.compile(r"^[ ?-]{500,}", re.MULTILINE)


class TooMuch(Exception):
    """A document that would not end, or is nested too deep, or too large once its aliases are written out; and the place where."""

    def __init__(self, problem: str, help: str, mark: Any) -> None:
        super().__init__(problem)
        self.problem = problem
        self.help = help
        self.mark = mark


class _Sizes:
    """How large and how deep each anchor's value is, and the values that are open, outermost first: [anchor, size, height]."""

    def __init__(self) -> None:
        self.anchors: dict[str, tuple[int, int]] = {}
        self.open: list[tuple[str | None, int, int]] = []

    def check(self, text: str) -> None:
        loader = Base(text)
        try:
            while loader.check_event():
                self._take(loader.get_event())
        finally:
            loader.dispose()

    def _take(self, event: Any) -> None:
        if isinstance(event, yaml.CollectionStartEvent):
            self.open.append((event.anchor, 1, 1))
            self._limit(event, 1, 0)
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, size, height = self.open.pop()
            self._add(event, anchor, size, height)
        elif isinstance(event, yaml.ScalarEvent):
            self._add(event, event.anchor, 1, 0)
        elif isinstance(event, yaml.AliasEvent):
            if any(anchor == event.anchor for anchor, _, _ in self.open):
                help = f"take `*{event.anchor}` away, or write out what should stand there"
                raise TooMuch(
                    f"the alias `*{event.anchor}` stands within its own anchor, which would never end", help, event.start_mark
                )
            size, height = self.anchors.get(str(event.anchor), (1, 0))
            self._limit(event, size, height)
            self._add(event, None, size, height)

    def _add(self, event: Any, anchor: str | None, size: int, height: int) -> None:
        if anchor is not None:
            self.anchors[anchor] = (size, height)
        if self.open:
            around, before, highest = self.open[-1]
            self.open[-1] = (around, before + size, max(highest, height + 1))
            self._limit(event, 0, 0)

    def _limit(self, event: Any, size: int, height: int) -> None:
        if len(self.open) + height > DEEPEST:
            help = "write it with fewer mappings and lists within each other"
            raise TooMuch(f"nested more than {DEEPEST} levels deep", help, event.start_mark)
        if size + sum(held for _, held, _ in self.open) > LARGEST and self.anchors:
            help = "write fewer aliases (`*name`): each stands for all that its anchor holds"
            raise TooMuch(f"more than {LARGEST:,} values once its aliases are written out", help, event.start_mark)


class DuplicateKey(Exception):
    """A key that stands twice in one mapping, and where its second place is."""

    def __init__(self, key: Any, mark: Any) -> None:
        super().__init__(str(key))
        self.key = key
        self.mark = mark


class Loader(Base):  # type: ignore[misc]
    """PyYAML's safe loader that refuses a key written twice in one mapping."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        if len(node.value) > 1:
            seen: set[str] = set()
            for key, _ in node.value:
                name = key.value
                if name.__class__ is str and name != "<<":
                    if name in seen:
                        raise DuplicateKey(name, key.start_mark)
                    seen.add(name)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping

    def construct_yaml_timestamp(self, node: Any) -> Any:
        try:
            return super().construct_yaml_timestamp(node)
        except ValueError as error:  # 2013-02-30
            raise ConstructorError(None, None, f"{node.value} is no date: {error}", node.start_mark) from None


Loader.add_constructor("tag:yaml.org,2002:timestamp", Loader.construct_yaml_timestamp)


def load(text: str) -> Any:
    """The value of a document. Raises TooMuch, DuplicateKey, YAMLError."""
    if ("&" in text and _ALIAS.search(text)) or text.count("{") + text.count("[") > _BRACKETS or _DEEP_LINE.search(text):
        _Sizes().check(text)
    loader = Loader(text)
    try:
        value = loader.get_single_data()
    finally:
        loader.dispose()
    if _is_deep(value):
        _Sizes().check(text)
    return value


def _is_deep(value: Any) -> bool:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(DEEPEST):
        level = [
            part
            for held in level
            for part in (held.values() if held.__class__ is dict else held)
            if part.__class__ is dict or part.__class__ is list
        ]
        if not level:
            return False
    return True
