"""The Jinja2 environment: sandboxed, strict about undefined names, with `{% test %}` blocks and macros that may return values.

Names are not copied into a context for every template. A context asks the *scope* of the rendering that is under way: one mapping,
held in a context variable, so that a macro compiled once sees the `this`, `ref` and `config` of whichever model calls it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from jinja2 import ChainableUndefined, StrictUndefined, nodes
from jinja2.exceptions import UndefinedError
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import SandboxedEnvironment
from jinja2.utils import missing

from eltflow.jinja.static import AST
from eltflow.jinja.values import RenderError

MACRO_PREFIX = "eltflow_macro_"
TEST_PREFIX = "test_"

_scope: ContextVar[Mapping[str, Any]] = ContextVar("eltflow_scope")


@contextmanager
def scope(names: Mapping[str, Any]) -> Iterator[None]:
    """Within the block, templates and macros see `names`."""
    token = _scope.set(names)
    try:
        yield
    finally:
        _scope.reset(token)


def current_scope() -> Mapping[str, Any]:
    """The names of the rendering that is under way."""
    return _scope.get({})


class MacroReturn(BaseException):
    """Carries the value of `return(value)` out of a macro's body (not an Exception: a template's handlers must not see it)."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


class ScopeContext(Context):
    """A context that looks names up in the scope of the rendering under way, then among Jinja2's own globals."""

    def resolve_or_missing(self, key: str) -> Any:
        found = self.vars.get(key, missing)
        if found is not missing:
            return found
        names = _scope.get({})
        try:
            return names[key]
        except KeyError:
            return self.parent.get(key, missing)


class Missing(StrictUndefined):
    """What a name gives that is not there; its error carries the value that was asked for an attribute, so that names near it can be told."""

    __slots__ = ()

    def __init__(self, hint: str | None = None, obj: Any = missing, name: str | None = None, exc: Any = UndefinedError) -> None:
        def told(message: str | None) -> Exception:
            error: Exception = exc(message)
            error.asked = (obj, name) if obj is not missing else None  # type: ignore[attr-defined]
            return error

        super().__init__(hint, obj, name, told)  # type: ignore[arg-type]


class Unset(ChainableUndefined):
    """What a name gives that is set where only a run comes by: empty, and so is whatever is made of it."""

    __slots__ = ()

    def _itself(self, *args: Any, **kwargs: Any) -> Unset:
        return self

    def _never(self, other: Any) -> bool:
        return False

    def __int__(self) -> int:  # type: ignore[override]
        return 0

    def __float__(self) -> float:  # type: ignore[override]
        return 0.0

    __call__ = __neg__ = __pos__ = _itself  # type: ignore[assignment]
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __pow__ = __rpow__ = _itself  # type: ignore[assignment]
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = _itself  # type: ignore[assignment]
    __lt__ = __le__ = __gt__ = __ge__ = _never  # type: ignore[assignment]


class TemplateParser(Parser):
    """Renames macros, so that one macro reaches another only by name look-up, and gets its returned value, not its text."""

    def parse_macro(self) -> nodes.Macro:
        node = super().parse_macro()
        node.name = MACRO_PREFIX + node.name
        return node


class TestBlock(Extension):
    """`{% test name(model, ...) %} ... {% endtest %}`: a macro called `test_name`."""

    tags = {"test", "data_test"}

    def parse(self, parser: Parser) -> nodes.Node:
        opened = next(parser.stream)
        node = nodes.Macro(lineno=opened.lineno)
        node.name = MACRO_PREFIX + TEST_PREFIX + parser.parse_assign_target(name_only=True).name
        parser.parse_signature(node)
        node.body = parser.parse_statements((f"name:end{opened.value}",), drop_needle=True)
        return node


#: The largest number (Python writes none of more digits as text) and text that a template may make.
_MOST_DIGITS = 4300
_MOST_LENGTH = 100_000_000


class Environment(SandboxedEnvironment):
    """The environment of one project. Products and powers are held to a size that can be worked with: a slip of a few zeros
    would take all memory, or minutes."""

    context_class = ScopeContext
    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if isinstance(left, int) and isinstance(right, int):
            bits = left.bit_length() * right if operator == "**" else left.bit_length() + right.bit_length()
            if abs(left) > 1 and bits * math.log10(2) > _MOST_DIGITS:
                message = f"a number of more than {_MOST_DIGITS:,} digits is too large for a template"
                raise RenderError("E0303", message, help="correct the expression", needle=operator)
        elif operator == "*":
            times, repeated = (left, right) if isinstance(left, int) else (right, left)
            if isinstance(times, int) and isinstance(repeated, (str, list, tuple)) and len(repeated) * times > _MOST_LENGTH:
                what = f"{len(repeated) * times:,} {'characters' if isinstance(repeated, str) else 'items'}"
                raise RenderError("E0303", f"this makes {what}, which is too much for a template", help="correct the expression")
        return super().call_binop(context, operator, left, right)

    def __init__(self) -> None:
        super().__init__(
            undefined=Missing,
            extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols", TestBlock],
            cache_size=0,
            optimized=False,  # most templates are rendered once: folding their constants costs more than it saves
        )

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        with AST:  # Jinja2's lexer reads decimals by it
            return TemplateParser(self, source, name, filename).parse()
