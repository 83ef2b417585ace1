"""What Jinja2's errors mean, in words that a person who writes SQL knows: (code, message, help, the text to point at)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from jinja2 import TemplateSyntaxError, UndefinedError
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS
from jinja2.tests import TESTS

from eltflow.base.diagnostics import EltflowError
from eltflow.base.names import did_you_mean, listed
from eltflow.jinja.environment import MACRO_PREFIX, TEST_PREFIX
from eltflow.jinja.values import DOC_IN_SQL, MacroSource, Package, RenderError, call_said

Explained = tuple[str, str, str | None, str | None]

_QUOTED = re.compile(r"'([^']+)' is undefined")
_PARAMETER = re.compile(r"parameter '(\w+)' was not provided")
_MACRO = re.compile(r"macro '(?:test )?(\w+)'")
_KEYWORD = re.compile(r"keyword argument '(\w+)'")
_MARK = re.compile("\ue000\\d+\ue001")
_TAGS = (
    "if",
    "elif",
    "else",
    "endif",
    "for",
    "endfor",
    "set",
    "endset",
    "macro",
    "endmacro",
    "call",
    "endcall",
    "do",
    "test",
    "endtest",
)
_OPENED_BY = {"endif": "if", "elif": "if", "else": "if", "endfor": "for", "endset": "set", "endmacro": "macro", "endcall": "call"}


def explained(
    error: Exception, names: Iterable[str], macros: Mapping[str, MacroSource], file: str, line: int | None, text: str
) -> Explained:
    """What went wrong while rendering; `file`, its `text` and `line` are where."""
    if isinstance(error, RenderError):
        return error.code, error.message, error.help, error.needle
    if isinstance(error, EltflowError):
        first = error.diagnostics[0]
        return first.code, first.message, first.help, None
    if isinstance(error, UndefinedError):
        return _undefined(error, names, macros, file, line, text)
    if isinstance(error, TemplateSyntaxError):  # of an expression in YAML, which is compiled when it is needed
        message, help, needle = syntax_explained(error)
        return "E0301", f"broken Jinja: {message}", help, needle
    if isinstance(error, RecursionError):
        return "E0309", "macros call each other without end", "give the recursion a condition that ends it", None
    if isinstance(error, SecurityError):
        help = "templates may use their names, not Python's insides"
        return "E0310", f"not allowed in a template: {_sentence(error)}", help, None
    if isinstance(error, MemoryError):
        return "E0303", "this makes more than memory holds", "correct the expression, or what it is given", None
    if isinstance(error, TypeError) and "no loader" in str(error):
        message = "a template cannot include, import or extend another file"
        return "E0303", message, "write a macro in a file under macros/: every template sees it", None
    if isinstance(error, TypeError):
        return _type_error(error, macros)
    return "E0303", f"{_sentence(error)} ({type(error).__name__})", "correct the expression, or what it is given", None


def _undefined(
    error: UndefinedError, names: Iterable[str], macros: Mapping[str, MacroSource], file: str, line: int | None, text: str
) -> Explained:
    named, parameter = _QUOTED.search(str(error)), _PARAMETER.search(str(error))
    asked: tuple[Any, Any] | None = getattr(error, "asked", None)
    if parameter is not None:
        macro = max((m for m in macros.values() if m.file == file and m.line <= (line or 0)), key=lambda m: m.line, default=None)
        name = parameter.group(1)
        of = f"the macro `{_shown(macro)}`" if macro is not None else "the macro"
        return "E0303", f"{of} needs the argument `{name}`", f"give it in the call, or a default here: {name}=...", name
    if asked is not None:
        obj, key = asked
        known = [str(k) for k in obj] if isinstance(obj, Mapping) else [n for n in dir(obj) if not n.startswith("_")]
        help = did_you_mean(str(key), known) or f"there are: {listed(known, 8) or 'none'}"
        return "E0302", f"there is no `{key}` in {_kind(obj)}", help, str(key)
    if named is not None:
        name = named.group(1)
        if name == "doc":
            return "E0302", *DOC_IN_SQL, name
        if re.search(rf"\{{%[-+]?\s*macro\s+{re.escape(name)}\s*\(", text):
            return "E0302", f"the macro `{name}` stands in a file that is no macro file", "move it to a file under macros/", name
        help = did_you_mean(name, names) or "define it with {% set %} or in a macro of the project"
        return "E0302", f"`{name}` is undefined", help, name
    return "E0302", _sentence(error), "define it before it is used", None


def _kind(value: Any) -> str:
    if isinstance(value, Package):
        return "the macros of this project"
    shown = getattr(type(value), "__shown__", None)
    if shown is not None and shown != "relation":
        return f"`{shown}`"
    return "this mapping" if isinstance(value, Mapping) else f"this {type(value).__name__.lstrip('_')}"


def _type_error(error: TypeError, macros: Mapping[str, MacroSource]) -> Explained:
    message = str(error).replace(MACRO_PREFIX + TEST_PREFIX, "test ").replace(MACRO_PREFIX, "")
    name, said = call_said(message)
    if name:
        return "E0303", said, f"correct the arguments of {name}()", name.rpartition(".")[2]
    named = _MACRO.search(message)
    source = macros.get(named.group(1)) or macros.get(TEST_PREFIX + named.group(1)) if named is not None else None
    if source is None:
        iterated = "is not iterable" in message
        return "E0303", _sentence(error), "loop over a list" if iterated else "correct the expression, or what it is given", None
    signature = _signature(source)
    if "special caller argument" in message:
        shown = _shown(source)
        help = f"use `caller()` in it, or write {{{{ {shown}(...) }}}}; it is {shown}({signature}), at {source.file}:{source.line}"
        return "E0303", f"the macro `{shown}` is called with a block, and makes no use of it", help, shown
    message = (
        message.replace("argument(s)", "arguments").replace("'", "`").replace("`test ", "test `").replace("macro test", "test")
    )
    keyword = _KEYWORD.search(str(error))
    near = did_you_mean(keyword.group(1), re.findall(r"[^\W\d]\w*", signature)) if keyword is not None else None
    help = f"it is {_shown(source)}({signature}), at {source.file}:{source.line}"
    return "E0303", message, f"{near} {help}" if near else help, keyword.group(1) if keyword is not None else _shown(source)


def _shown(source: MacroSource) -> str:
    return source.name.removeprefix(TEST_PREFIX)


def _signature(source: MacroSource) -> str:
    """The arguments of a macro as its file declares them."""
    lines = "\n".join(source.text.split("\n")[source.line - 1 :])
    declared = re.search(rf"{re.escape(_shown(source))}\s*\((.*?)\)\s*-?%}}", lines, re.DOTALL)
    return " ".join(declared.group(1).split()) if declared is not None else ""


def syntax_explained(error: TemplateSyntaxError) -> tuple[str, str, str | None]:
    """(message, help, the text to point at) of a template that Jinja2 cannot parse."""
    said = _MARK.sub("", error.message or "broken template").removesuffix(".")
    tag = re.match(r"Encountered unknown tag '(\w+)'", said)
    if tag is not None:
        return _tag(tag.group(1), said)
    missing = re.search(r"No (filter|test) named '(\w+)'", said)
    if missing is not None:
        kind, name = missing.groups()
        help = did_you_mean(name, FILTERS if kind == "filter" else TESTS) or f"Jinja has no {kind} of that name: write a macro"
        return f"there is no {kind} `{name}`", help, name
    if "looking for the following tags" in said:
        block = re.search(r"innermost block that needs to be closed is '(\w+)'", said)
        name = block.group(1) if block is not None else "block"
        return f"the `{name}` that begins here is not closed", f"close it with {{% end{name} %}}", name
    if "unexpected end of template" in said:
        return "the Jinja that begins here is not closed", "close it with }} or %}", None
    if "unexpected char" in said:
        mark = re.search(r"unexpected char (.+) at", said)
        quote = mark is not None and mark.group(1).strip("'\"") in ("", "'", '"')
        if quote:
            return "a quote is not closed", "close the text in quotes", None
        return f"a character that Jinja does not know: {mark.group(1) if mark else ''}", "take it away, or put it in quotes", None
    if said.startswith("unexpected '}'") or "expected token 'end of print statement', got '}'" in said:
        wanted = re.search(r", expected '(.)'", said)
        help = (
            f"close the `{_OPENERS.get(wanted.group(1), '')}` before it"
            if wanted is not None
            else "close the Jinja with two braces: }}"
        )
        return said[:1].lower() + said[1:], help, None
    return said[:1].lower() + said[1:], "see what stands between the braces: a comma, a quote or a parenthesis may be missing", None


_OPENERS = {")": "(", "]": "[", "}": "{"}


def _tag(name: str, said: str) -> tuple[str, str, str]:
    opener = _OPENED_BY.get(name)
    if opener is not None:
        expected = re.search(r"looking for the following tags: ([^.]+)", said)
        if expected is not None and name in ("else", "elif") and "else" not in expected.group(1):
            return f"`{name}` stands behind the `else` of its block", "make `else` the last branch, and the only one", name
        if expected is not None:
            return f"`{name}` stands inside a block that is not closed", f"close that one first, with {expected.group(1)}", name
        return f"`{name}` closes nothing", f"begin with {{% {opener} ... %}}, or take it away", name
    return f"there is no tag `{name}`", did_you_mean(name, _TAGS) or f"tags are: {', '.join(_TAGS)}", name


def _sentence(error: Exception) -> str:
    text = str(error).strip()
    return text[:1].lower() + text[1:].removesuffix(".")
