"""YAML files changed in place: comments, order, quotes and layout stay (ruamel.yaml, the extra `sync`)."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from eltflow.base.diagnostics import fail
from eltflow.project import yamlfile
from eltflow.project.yamlfile import Path


class YamlEdit:
    """A YAML document that can be changed and written again. Raises EltflowError (E0702) where ruamel.yaml is not installed."""

    def __init__(self, text: str) -> None:
        try:
            from ruamel.yaml import YAML
        except ImportError as error:
            message = f"what changes YAML files and keeps their comments is not installed ({error})"
            raise fail("E0702", message, help="install it: pip install 'eltflow[sync]'") from None
        self._yaml = YAML()
        self._yaml.preserve_quotes = True
        self._yaml.brace_single_entry_mapping_in_flow_sequence = True
        self._yaml.width = 100_000  # a line that somebody wrote in one stays in one
        mapping, offset = _layout(text)
        self._yaml.indent(mapping=mapping, sequence=offset + 2, offset=offset)
        self._crlf = "\r\n" in text
        self._yaml.explicit_start = text.startswith("---")
        self._text = text.replace("\r\n", "\n")
        self._data = self._yaml.load(self._text)
        if self._data is None:
            self._data = self._yaml.map()
        self._before = self._dump()
        seen: set[int] = set()
        self._several: set[int] = set()
        _count(self._data, seen, self._several)

    def text(self) -> str:
        """The document as it is now. Lines that nothing was changed in are as they were, to the byte."""
        made = self._dump()
        merged = _merged(self._text, self._before, made)
        if yamlfile.read(merged, "") == yamlfile.read(made, ""):
            made = merged
        return made.replace("\n", "\r\n") if self._crlf else made

    def _dump(self) -> str:
        out = io.StringIO()
        self._yaml.dump(self._data, out)
        return out.getvalue()

    def at(self, path: Path) -> Any:
        """The value at a path; None if there is none."""
        value = self._data
        for step in path:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def shared(self, path: Path) -> bool:
        """Whether a change at a path would be one elsewhere too: on its way is an alias, or an anchor that is used."""
        value = self._data
        for step in path:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return False
            if id(value) in self._several:
                return True
        return False

    def set(self, path: Path, key: str, value: Any, after: str | None = None) -> None:
        """Set a key of the mapping at a path; a new one comes right after the key `after`."""
        holder = self.at(path)
        if key in holder or after is None or after not in holder:
            tail = _take_tail(holder) if key not in holder else ""
            holder[key] = value
            _give_tail(holder, tail)
            return
        position = list(holder).index(after) + 1
        tail = _take_tail_of(holder, after)
        holder.insert(position, key, value)
        _give_tail_of(holder, key, tail)

    def insert(self, path: Path, position: int, item: Mapping[str, Any]) -> None:
        """Put a mapping into the list at a path, in front of the item at `position`."""
        from ruamel.yaml.comments import CommentedMap

        holder = self.at(path)
        made = CommentedMap(item)
        flow = holder.fa.flow_style()
        if flow:
            made.fa.set_flow_style()
        tail = _take_tail(holder[position - 1]) if position and not flow else ""
        holder.insert(position, made)
        _give_tail(made, tail)

    def new_list(self, items: Sequence[Mapping[str, Any]]) -> Any:
        """A list of mappings, to be set somewhere."""
        from ruamel.yaml.comments import CommentedMap, CommentedSeq

        return CommentedSeq([CommentedMap(item) for item in items])


def _merged(original: str, before: str, after: str) -> str:
    """The original with what differs between two texts that were written of it, before and after a change."""
    old, first, second = (text.splitlines(keepends=True) for text in (original, before, after))
    place: dict[int, int] = {}
    for tag, a, b, c, d in SequenceMatcher(None, first, old, autojunk=False).get_opcodes():
        if tag == "equal" or b - a == d - c:
            place.update(zip(range(a, b), range(c, d), strict=True))
    place[len(first)] = len(old)
    made: list[str] = []
    done = 0
    for tag, a, b, c, d in SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        if tag != "equal":
            if a not in place or b not in place:
                return after
            made += [*old[done : place[a]], *second[c:d]]
            done = place[b]
    return "".join([*made, *old[done:]])


def _layout(text: str) -> tuple[int, int]:
    """How far nested keys stand in, and how far the dash of a list item stands in from its key."""
    nested = re.search(r"^( *)[\w\"'-]+:[ \t]*(?:#.*)?\n(?:\s*(?:#.*)?\n)*( +)(?:\w|[\"'])[^\n]*:", text, re.MULTILINE)
    mapping = len(nested.group(2)) - len(nested.group(1)) if nested is not None else 2
    listed = re.search(r"^((?: *- )? *)[\w\"'-]+:[ \t]*(?:#.*)?\n(?:\s*(?:#.*)?\n)*( *)- ", text, re.MULTILINE)
    offset = len(listed.group(2)) - len(listed.group(1)) if listed is not None else 2
    return max(mapping, 2), max(offset, 0)


# -- what is written between two items hangs, in ruamel.yaml, on the end of the first one ------------------------------------------


def _count(value: Any, seen: set[int], several: set[int]) -> None:
    """Note the mappings and lists that stand in several places."""
    if not hasattr(value, "fa"):
        return
    if id(value) in seen:
        several.add(id(value))
        return
    seen.add(id(value))
    for inner in [value[key] for key in value] if _is_mapping(value) else value:
        _count(inner, seen, several)


def _is_mapping(value: Any) -> bool:
    return isinstance(value, dict)


def _is_block(value: Any) -> bool:
    """Whether a value is a mapping or a list in lines of its own."""
    return hasattr(value, "fa") and len(value) > 0 and not value.fa.flow_style()


def _last(value: Any) -> tuple[Any, Any] | None:
    """The mapping or list, and its key, that a value ends with."""
    found = None
    while _is_block(value):
        key = list(value)[-1] if _is_mapping(value) else len(value) - 1
        found = value, key
        value = value[key]
    return found


def _take_tail(value: Any) -> str:
    """Take away the lines of comments and blanks that follow a value."""
    ends = ""
    inner = value
    while _is_block(inner):  # after a value in braces or brackets they hang on the list around it
        ends = "".join(" " * token.start_mark.column + token.value for token in inner.ca.end) + ends
        inner.ca.end = []
        inner = inner[list(inner)[-1] if _is_mapping(inner) else -1]
    found = _last(value)
    return (_cut(*found) if found is not None else "") + ends


def _take_tail_of(holder: Any, key: Any) -> str:
    return _take_tail(holder[key]) if _is_block(holder[key]) else _cut(holder, key)


def _cut(holder: Any, key: Any) -> str:
    tokens = holder.ca.items.get(key)
    at = 2 if _is_mapping(holder) else 0
    token = tokens[at] if tokens is not None and len(tokens) > at else None
    if token is None:
        return ""
    first, newline, rest = token.value.partition("\n")
    if type(holder[key]).__name__ in ("FoldedScalarString", "LiteralScalarString"):  # which end with a line's end of their own
        first, rest = "", " " * token.start_mark.column + token.value
    if not rest:
        return ""
    if first.strip():
        token.value = first + newline
    else:
        tokens[at] = None
    return str(rest)


def _give_tail(value: Any, tail: str) -> None:
    found = _last(value)
    if tail and found is not None:
        _glue(*found, tail)


def _give_tail_of(holder: Any, key: Any, tail: str) -> None:
    if tail:
        _glue(*(_last(holder[key]) or (holder, key)), tail)


def _glue(holder: Any, key: Any, tail: str) -> None:
    from ruamel.yaml.error import CommentMark
    from ruamel.yaml.tokens import CommentToken

    token = CommentToken("\n" + tail, CommentMark(0), None)
    holder.ca.items[key] = [None, None, token, None] if _is_mapping(holder) else [token, None]
