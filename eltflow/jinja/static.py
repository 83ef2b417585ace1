"""A static scan of templates, without Jinja2: which templates hold only literal calls, and what a template calls literally.

Most models call nothing but `ref('a')`, `source('a', 'b')`, `config(...)` and `var('a')` with literal arguments; their SQL is had by
substitution, ninety times cheaper than by compiling and rendering a template.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

from eltflow.base.records import dataclass

#: Held wherever `ast` parses. Python 3.11 counts an interpreter's depth of nesting once for all threads (CPython issue 106905): two
#: threads that parse at the same moment could end in a SystemError.
AST = threading.RLock()
#: Where Jinja begins.
OPENS = re.compile(r"\{[{%#]")
#: A comment, output (its inside is `value`) or tag (`tag`); marks of whitespace control are outside of both, strings hold no escapes.
_BLOCK = re.compile(
    r"\{#.*?#\}|\{\{[-+]?(?P<value>(?:[^'\"}]|'[^'\\]*'|\"[^\"\\]*\"|\}(?!\}))*?)[-+]?\}\}"
    r"|\{%[-+]?(?P<tag>(?:[^'\"%]|'[^'\\]*'|\"[^\"\\]*\"|%(?!\}))*?)[-+]?%\}",
    re.DOTALL,
)
STRING = re.compile(r"'[^'\\]*'|\"[^\"\\]*\"")  #: within a block
_CLOSE = {"{{": "}}", "{%": "%}", "{#": "#}"}
_STRING = r"(?:'[^'\\\n]*'|\"[^\"\\\n]*\")"
_SIMPLE_CALL = re.compile(rf"\s*([^\W\d]\w*)\(\s*({_STRING})\s*(?:,\s*({_STRING})\s*)?\)\s*\Z")
_ANY_CALL = re.compile(r"\s*([^\W\d]\w*)\s*\((.*)\)\s*\Z", re.DOTALL)
#: What a native project calls to say what it reads and how it is built.
SURFACE = frozenset({"ref", "source", "config", "var", "doc", "env_var"})
_BRANCH_CALL = re.compile(rf"(?<![\w.])(ref|source)\s*\(\s*({_STRING})\s*(?:,\s*({_STRING})\s*)?[,)]")
_MACRO = re.compile(r"\{%-?\s*(macro|test|data_test)\s+([^\W\d]\w*)\s*\(")
_END_RAW = re.compile(r"\{%[-+]?\s*endraw\s*[-+]?%\}")
_STRINGS = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
#: What Python would read among arguments (without their strings) and Jinja2 refuses: comments, prefixed strings, 1. and .5.
_NOT_JINJA = re.compile(r"[#\\]|\w''|(?<!\d)\.\d|\d\.(?!\d)")
_INFINITE = (float("inf"), float("-inf"))
_LITERALS = {"true": True, "True": True, "false": False, "False": False, "none": None, "None": None}


@dataclass(frozen=True, slots=True)
class Call:
    """A literal call in a template: its name, arguments, and the characters of the template that its expression occupies."""

    name: str
    args: tuple[Any, ...]
    kwargs: tuple[tuple[str, Any], ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class StaticTemplate:
    """A template that holds nothing but text, comments and literal calls; `pieces` are (start, end, call or None for a comment)."""

    text: str
    pieces: tuple[tuple[int, int, Call | None], ...]

    @property
    def calls(self) -> tuple[Call, ...]:
        return tuple(call for _, _, call in self.pieces if call is not None)

    def substitute(self, value: Callable[[Call], str]) -> tuple[str, tuple[tuple[int, int, int], ...]]:
        """The text with each call replaced by `value(call)` and comments removed, as Jinja2 would render it.

        The second value tells where replaced text came from: (start in the result, length in the result, start in the template).
        """
        out: list[str] = []
        spots: list[tuple[int, int, int]] = []
        at = length = 0
        for start, end, call in self.pieces:
            out.append(self.text[at:start])
            length += start - at
            replacement = value(call) if call is not None else ""
            spots.append((length, len(replacement), start))
            out.append(replacement)
            length += len(replacement)
            at = end
        out.append(self.text[at:])
        rendered = "".join(out)
        if rendered.endswith("\n") and self.text.endswith("\n"):  # Jinja2 drops one newline at the end of a template
            rendered = rendered[:-1]
        return rendered, tuple(spots)


def scan(text: str) -> StaticTemplate | None:
    """The template as literal calls, or None if it holds any other Jinja (or whitespace control), which only rendering can tell."""
    pieces: list[tuple[int, int, Call | None]] = []
    at = 0
    while True:
        opened = OPENS.search(text, at)
        if opened is None:
            return StaticTemplate(text, tuple(pieces))
        start = opened.start()
        kind = opened.group()
        close = text.find(_CLOSE[kind], start + 2)
        if kind == "{%" or close < 0:
            return None
        inner = text[start + 2 : close]
        if inner[:1] in "-+" or inner[-1:] in "-+":
            return None
        if kind == "{#":
            pieces.append((start, close + 2, None))
        else:
            call = literal_call(inner, start, close + 2)
            if call is None:
                return None
            pieces.append((start, close + 2, call))
        at = close + 2


def literal_call(inner: str, start: int = 0, end: int = 0, *, name: Callable[[str], bool] = SURFACE.__contains__) -> Call | None:
    """`name(literal, ..., key=literal)` as a Call, or None if it is anything else. `name` tells which ones may be called: `ref`, `source`,
    `config`, `var`, `doc` and `env_var` if nothing else is said."""
    simple = _SIMPLE_CALL.match(inner)
    if simple is not None and name(simple[1]):
        called, first, second = simple.groups()
        args = (first[1:-1],) if second is None else (first[1:-1], second[1:-1])
        return Call(called, args, (), start, end)
    call = _ANY_CALL.match(inner)
    if call is None or not name(call[1]) or _NOT_JINJA.search(_STRINGS.sub("''", call[2])):
        return None
    import ast

    try:
        with AST:
            node = ast.parse(f"_({call[2]})", mode="eval").body
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            return None  # a method of what the call gives
        positional = tuple(_literal(arg) for arg in node.args)
        if any(keyword.arg is None for keyword in node.keywords):
            return None
        named = tuple((str(keyword.arg), _literal(keyword.value)) for keyword in node.keywords)
    except (SyntaxError, ValueError, TypeError, RecursionError):
        return None
    return Call(call[1], positional, named, start, end)


def _literal(node: Any) -> Any:
    import ast

    if isinstance(node, ast.Constant) and isinstance(node.value, (str, int, float, type(None))) and node.value not in _INFINITE:
        if isinstance(node.value, str) and node.kind == "u":
            raise ValueError("a prefixed string is not Jinja")
        return node.value
    if isinstance(node, ast.Name) and node.id in _LITERALS:
        return _LITERALS[node.id]
    if isinstance(node, ast.List):
        return [_literal(item) for item in node.elts]
    if isinstance(node, ast.Dict) and all(key is not None for key in node.keys):
        return {_literal(key): _literal(value) for key, value in zip(node.keys, node.values, strict=True)}
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _literal(node.operand)
        if isinstance(value, (int, float)):
            return -value
    raise ValueError("not a literal")


def branch_calls(text: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The literal `ref` and `source` calls anywhere in a template's Jinja, also in branches that a rendering does not take."""
    if "{" not in text:
        return ()
    found: list[tuple[str, tuple[str, ...]]] = []
    at = 0
    while (opened := OPENS.search(text, at)) is not None:
        kind = opened.group()
        close = text.find(_CLOSE[kind], opened.end())
        if close < 0:
            break
        if kind == "{%" and text[opened.end() : close].strip(" -+\n\t") == "raw":
            ended = _END_RAW.search(text, close)
            at = ended.end() if ended is not None else len(text)
            continue
        if kind != "{#":
            for name, first, second in _BRANCH_CALL.findall(text[opened.end() : close]):
                args = (first[1:-1],) if not second else (first[1:-1], second[1:-1])
                found.append((name, args))
        at = close + 2
    return tuple(dict.fromkeys(found))


def blocks(text: str) -> Iterator[re.Match[str]]:
    """The blocks of a template, up to the first place where Jinja begins and no block is found (whoever goes on behind it would read
    the whole text once for each of its brackets)."""
    at = 0
    while (opened := OPENS.search(text, at)) is not None and (block := _BLOCK.match(text, opened.start())) is not None:
        yield block
        at = block.end()


def balanced(text: str) -> bool:
    """Whether as many brackets are closed as are opened, in Jinja without its strings."""
    return all(text.count(a) == text.count(b) for a, b in ("()", "[]", "{}"))


def has_jinja(text: str) -> bool:
    """Whether the text holds any Jinja at all."""
    return OPENS.search(text) is not None


def macro_names(text: str) -> tuple[tuple[str, str, int], ...]:
    """(kind, name, line) of each `macro` and `test` block of a file; kind is "macro" or "test"."""
    return tuple(
        ("macro" if kind == "macro" else "test", name, text.count("\n", 0, at) + 1)
        for kind, name, at in ((m.group(1), m.group(2), m.start()) for m in _MACRO.finditer(text))
    )
