"""Whether Jinja2 takes an expression, without Jinja2: a walk over its tokens that is sure when it says yes.

A template that a quick look understands is not compiled while a project is read, so the look has to know by itself that it could be.
The grammar is that of `jinja2.parser.Parser` (3.1), without its rarer half: whatever is not listed here, Jinja2 decides.
"""

from __future__ import annotations

import re
from functools import lru_cache

from eltflow.base.records import dataclass, field

_TOKEN = re.compile(
    r"\s*(?:(?P<string>'[^'\\]*'|\"[^\"\\]*\")|(?P<number>(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?![\w.]))"
    r"|(?P<keyword>[A-Za-z_][A-Za-z0-9_]*)\s*=(?!=)|(?P<is>is\s+not\b|is\b)|(?P<notin>not\s+in\b)|(?P<name>[A-Za-z_][A-Za-z0-9_]*(?!\w))"
    r"|(?P<sign>//|\*\*|==|!=|<=|>=|[-+*/%~<>,.:|()\[\]{}]))\s*"
)
_BINARY = frozenset({"+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", ">", "<=", ">=", "and", "or", "in", "not in"})
_WORDS = frozenset({"and", "or", "in", "not", "if", "else", "is", "elif", "for", "recursive"})
#: After these a whole expression begins, so that `not` may stand.
_BEGIN = frozenset({"", "(", "[", "{", ",", "=", ":", "and", "or", "not", "if", "else"})
#: Of a test without brackets; Jinja2 takes anything else for its argument, also an `if`.
_AFTER_TEST = frozenset({"and", "or", "else", ",", ")", "]", "}"})
_OPENS = {"(": "tuple", "[": "list", "{": "dict"}
_CLOSES = {")": "(", "]": "[", "}": "{"}
#: What names stand after; and what reading one makes of the walk.
_NAMED = {"filter": "filtered", "attribute": "value", "tested": "test"}
#: Jinja2 goes down a level for most signs, and Python's stack ends.
_LONGEST = 80


@dataclass(slots=True)
class _Frame:
    """An open bracket: its sign, what it is of, and what was seen in the part since its last comma."""

    sign: str = ""
    kind: str = ""  # call, filter (its call), tuple, list, dict, subscript; "" around everything
    pending: bool = False  # an `if` that may have its `else` yet
    named: bool = False  # this argument has a name
    colon: bool = False  # this entry of a dict has its value
    keywords: set[str] = field(default_factory=set)


@lru_cache(maxsize=4096)
def is_expression(text: str, conditional: bool = True) -> bool:
    """True if Jinja2 certainly takes the text as one expression; False if it may refuse it. Names of filters and tests are not looked at.
    Without `conditional`, an `if` of its own may not stand in it, as within `{% if %}` and `{% for %}`."""
    return _Walk(conditional).take(text)


class _Walk:
    def __init__(self, conditional: bool) -> None:
        self.conditional = conditional
        self.frames = [_Frame()]
        self.before = ""  # the token before
        #: What is wanted (operand, or a name: filter, attribute, tested), or else what was read (value, number, filtered, test).
        self.state = "operand"
        self.signs = 0

    def take(self, text: str) -> bool:
        at = 0
        while at < len(text):
            token = _TOKEN.match(text, at)
            if token is None or not self._step(str(token.lastgroup), token[str(token.lastgroup)]):
                return False
            at = token.end()
        return self.state != "operand" and self.state not in _NAMED and len(self.frames) == 1 and self.signs < _LONGEST

    def _step(self, kind: str, token: str) -> bool:
        if kind == "is" or kind == "notin":
            token = "is" if kind == "is" else "not in"
        elif kind == "sign" and token != ",":
            self.signs += 1
        if kind == "keyword" and (self.state != "operand" or token in _WORDS):
            return False
        if self.state == "operand":
            taken = self._operand(kind, token)
        elif self.state in _NAMED:
            taken = kind == "name" and (token not in _WORDS or self.state == "attribute")
            self.state = _NAMED[self.state]
        elif self.state == "test" and token not in _AFTER_TEST:
            taken = False
        else:
            taken = self._follow(token)
        self.before = "=" if kind == "keyword" else token
        return taken

    def _operand(self, kind: str, token: str) -> bool:
        frame = self.frames[-1]
        if token in _WORDS:
            return token == "not" and self.before in _BEGIN
        if kind in ("name", "string", "number"):
            self.state = "number" if kind == "number" else "value"
            return True
        if kind == "keyword":
            fresh = frame.kind in ("call", "filter") and self.before in ("(", ",") and token not in frame.keywords
            frame.keywords.add(token)
            frame.named = True
            return fresh
        if token in ("-", "+"):
            return self.before not in ("-", "+")
        if token in _OPENS:
            self.frames.append(_Frame(token, _OPENS[token]))
            return True
        empty = self.before == frame.sign and _CLOSES.get(token) == frame.sign and frame.kind != "subscript"
        return empty and self._close(frame)

    def _follow(self, token: str) -> bool:
        frame, state = self.frames[-1], self.state
        if token in _CLOSES:
            return _CLOSES[token] == frame.sign and self._ends(frame) and self._close(frame)
        if token == "|" or token == "is":
            self.state = "filter" if token == "|" else "tested"
            return True
        if token == ".":
            self.state = "attribute"
            return state == "value"
        self.state = "operand"
        if token in _BINARY:
            return True
        if token == "(":
            self.frames.append(_Frame(token, "filter" if state == "filtered" else "call"))
            return state in ("value", "filtered")
        if token == "[":
            self.frames.append(_Frame(token, "subscript"))
            return state == "value"
        return self._part(frame, token)

    def _part(self, frame: _Frame, token: str) -> bool:
        """What parts an expression or a bracket: `if` and `else`, a comma, the colon of a dict."""
        pending, frame.pending = frame.pending, token == "if"
        if token == "if":
            return self.conditional or len(self.frames) > 1
        if token == "else":
            return pending
        if token == ":":
            first = frame.kind == "dict" and not frame.colon
            frame.colon = True
            return first
        ended = token == "," and frame.kind not in ("", "subscript") and self._ends(frame)
        frame.named = frame.colon = False
        return ended

    def _ends(self, frame: _Frame) -> bool:
        """Whether a part of a bracket is whole: an entry of a dict has its value, an argument behind named ones a name."""
        return (frame.kind != "dict" or frame.colon) and (not frame.keywords or frame.named)

    def _close(self, frame: _Frame) -> bool:
        self.frames.pop()
        self.state = "filtered" if frame.kind == "filter" else "value"
        return True
