"""Ingestion steps in Python files, read without running them: the options of `@eltflow.step(...)`, as YAML would have them.

A file is parsed, never imported: what stands in the decorator is written out, so that names and options are known while nothing runs.
"""

from __future__ import annotations

import ast
import datetime
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from eltflow.base.diagnostics import Diagnostic, EltflowError, Span, with_source
from eltflow.base.records import dataclass

Path = tuple[str | int, ...]
#: What a value that is not written out looks like, where it may be.
_MOMENTS = {"date": datetime.date, "datetime": datetime.datetime}


@dataclass(frozen=True, slots=True)
class _Found:
    """A function that is a step, and the call that says so."""

    function: ast.FunctionDef | ast.AsyncFunctionDef
    call: ast.expr


def read(text: str, file: str) -> Any:
    """The steps of a Python file as `{"steps": [...]}`, each as an entry of YAML. Raises EltflowError (E0121 for what is no Python, E0103
    for options that cannot be known without running the file)."""
    tree = _parsed(text, file)
    wrong: list[Diagnostic] = []
    entries = [_entry(one, file, text, wrong) for one in _steps(tree, file, text, wrong)]
    if wrong:
        raise EltflowError(wrong)
    return {"steps": entries}


def _parsed(text: str, file: str) -> ast.Module:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError) as error:
        line, column = getattr(error, "lineno", None), getattr(error, "offset", None)
        span = Span(file=file, line=line, column=column)
        words = getattr(error, "msg", None) or str(error)
        raise EltflowError(
            with_source(Diagnostic(code="E0121", message=f"broken Python: {words}", span=span, help="mend the line"), text)
        ) from None


@dataclass(frozen=True, slots=True)
class Function:
    """A function of a file: its parameters, those of them that have a value of their own, and where each stands."""

    takes: tuple[str, ...]
    free: frozenset[str]
    spans: Mapping[str, Span]


def function_in(text: str, file: str, name: str) -> Function | list[str]:
    """The function of that name at the top level of a file; the names of those that there are if it is none of them. Raises EltflowError
    (E0121 for what is no Python, E0103 for one that cannot be called by names)."""
    tree = _parsed(text, file)
    found = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    function = found.get(name)
    if function is None:
        return [*found]
    wrong = []
    if isinstance(function, ast.AsyncFunctionDef):
        help = "write `def`, and call what is asynchronous with `asyncio.run(...)`"
        wrong.append(_told(file, text, function, f"`{name}` is an `async def`", help))
    for one in function.args.posonlyargs[:1]:
        message = f"`{one.arg}` of `{name}` is not given by its name"
        wrong.append(_told(file, text, one, message, "take the `/` out of the parameters"))
    if wrong:
        raise EltflowError(wrong)
    takes, free = _takes(function)
    spans = {one.arg: _span(file, text, one) for one in _arguments(function)}
    return Function(tuple(takes), frozenset(free), spans)


def locate(text: str, file: str, path: Path, *, key: bool = False) -> Span:
    """Where the value at `path` of what `read` gives stands in the file; with `key`, where its key does."""
    try:
        found = _steps(ast.parse(text), file, text, [])
    except (SyntaxError, ValueError):
        return Span(file=file)
    index = path[1] if len(path) > 1 else None
    if not isinstance(index, int) or index >= len(found):
        return Span(file=file, line=1, column=1)
    one, rest = found[index], path[2:]
    if rest[:2] == ("source", "takes") and len(rest) > 2:
        named = next((arg for arg in _arguments(one.function) if arg.arg == rest[2]), None)
        if named is not None:
            return _span(file, text, named)
    keywords = {k.arg: k for k in one.call.keywords if k.arg} if isinstance(one.call, ast.Call) else {}
    keyword = keywords.get(str(rest[0])) if rest else None
    if keyword is None:
        if rest[:1] in (("source",), ("description",)) or rest == ("name",):
            return _of_name(file, text, one.function)
        return _span(file, text, one.call)
    node: ast.AST = keyword.value
    for step in rest[1:]:
        inner = _within(node, step, key=key and step is rest[-1])
        if inner is None:
            return _span(file, text, node)
        node = inner
    if key and len(rest) == 1:
        return Span(
            file=file, line=keyword.lineno, column=_column(text, keyword.lineno, keyword.col_offset), length=len(str(rest[0]))
        )
    return _span(file, text, node)


def _within(node: ast.AST, step: str | int, *, key: bool) -> ast.AST | None:
    if isinstance(node, ast.Dict):
        for name, value in zip(node.keys, node.values, strict=True):
            if isinstance(name, ast.Constant) and str(name.value) == str(step):
                return name if key else value
    elif isinstance(node, ast.List | ast.Tuple) and isinstance(step, int) and step < len(node.elts):
        return node.elts[step]
    return None


def _steps(tree: ast.Module, file: str, text: str, wrong: list[Diagnostic]) -> list[_Found]:
    """The steps of a file, in its order; what is none, and looks like one, goes to `wrong`."""
    names = set(_names_of_step(tree))
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for decorator in node.decorator_list:
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            if ast.unparse(called) not in names:
                continue
            if isinstance(node, ast.ClassDef) or node not in tree.body:
                say = f"`{node.name}` is no function of the file itself, which a step must be"
                wrong.append(_told(file, text, decorator, say, "write it as a `def` at the top level"))
            elif isinstance(node, ast.AsyncFunctionDef):
                help = "write `def`, and call what is asynchronous with `asyncio.run(...)`"
                wrong.append(_told(file, text, node, f"the step `{node.name}` is an `async def`", help))
            else:
                found.append(_Found(node, decorator))
    return sorted(found, key=lambda one: one.function.lineno)


def _names_of_step(tree: ast.Module) -> Iterator[str]:
    """What `eltflow.step` is called in a file."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (f"{a.asname or a.name}.step" for a in node.names if a.name == "eltflow")
        elif isinstance(node, ast.ImportFrom) and node.module == "eltflow" and not node.level:
            yield from (a.asname or a.name for a in node.names if a.name == "step")


def _entry(one: _Found, file: str, text: str, wrong: list[Diagnostic]) -> dict[str, Any]:
    function = one.function
    given: dict[str, Any] = {}
    call = one.call
    if isinstance(call, ast.Call) and call.args:
        help = "write `@step(into=..., load=...)`"
        wrong.append(_told(file, text, call.args[0], f"the options of the step `{function.name}` are given by name", help))
    for keyword in call.keywords if isinstance(call, ast.Call) else ():
        what = f"`{keyword.arg}`" if keyword.arg else "an option"
        if keyword.arg == "source":
            message, help = "a step in Python has no `source`: its function is that", "take it out"
            wrong.append(_told(file, text, keyword.value, message, help))
            continue
        try:
            value = _written(keyword.value)
            if keyword.arg is None:
                raise ValueError
        except ValueError:
            message = f"{what} of the step `{function.name}` is not written out, and the file is not run to know it"
            help = "write texts, numbers, lists and mappings of them, or a date(...) or datetime(...)"
            wrong.append(_told(file, text, keyword.value, message, help))
        else:
            given[keyword.arg] = value
    entry = {"name": function.name, **given}
    if "description" not in entry and (doc := ast.get_docstring(function)) is not None:
        entry["description"] = doc
    first = function.args.posonlyargs
    if first:
        message = f"`{first[0].arg}` of the step `{function.name}` is not given by its name"
        wrong.append(_told(file, text, first[0], message, "take the `/` out of the parameters"))
    takes, free = _takes(function)
    entry["source"] = {
        "kind": "python",
        "path": file,
        "function": function.name,
        "takes": takes,
        "free": free,
    }
    return entry


def _arguments(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Sequence[ast.arg]:
    return (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)


def _takes(function: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[list[str], list[str]]:
    """The parameters of a function, and those of them that have a value of their own."""
    args = function.args
    plain = [*args.posonlyargs, *args.args]
    free = [a.arg for a in plain[len(plain) - len(args.defaults) :]] if args.defaults else []
    free += [a.arg for a, value in zip(args.kwonlyargs, args.kw_defaults, strict=True) if value is not None]
    return [a.arg for a in _arguments(function)], free


def _written(node: ast.expr) -> Any:
    """The value that an expression writes out. Raises ValueError for one that must be computed."""
    if isinstance(node, ast.Dict):
        if any(key is None for key in node.keys):
            raise ValueError
        return {_written(k): _written(v) for k, v in zip(node.keys, node.values, strict=True) if k is not None}
    if isinstance(node, ast.List | ast.Tuple):
        return [_written(inner) for inner in node.elts]
    if isinstance(node, ast.Call):
        return _moment(node)
    value = ast.literal_eval(node)
    if value is not None and not isinstance(value, str | int | float | bool):
        raise ValueError
    return value


def _moment(node: ast.Call) -> datetime.date:
    """A day or a point in time, as `date(2013, 1, 1)` or `datetime(2013, 1, 1, tzinfo=UTC)`. Raises ValueError for any other call."""
    kind = _MOMENTS.get(ast.unparse(node.func).removeprefix("datetime.").removeprefix("dt."))
    if kind is None:
        raise ValueError
    zone = next((k.value for k in node.keywords if k.arg == "tzinfo"), None)
    if zone is not None and ast.unparse(zone).rpartition(".")[2].lower() != "utc":
        raise ValueError
    more = {str(k.arg): ast.literal_eval(k.value) for k in node.keywords if k.arg != "tzinfo"}
    if zone is not None:
        more["tzinfo"] = datetime.UTC
    try:
        return kind(*(ast.literal_eval(a) for a in node.args), **more)
    except TypeError as error:
        raise ValueError(str(error)) from None


def _told(file: str, text: str, node: ast.AST, message: str, help: str) -> Diagnostic:
    return with_source(Diagnostic(code="E0103", message=message, span=_span(file, text, node), help=help), text)


def _span(file: str, text: str, node: Any) -> Span:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return _of_name(file, text, node)
    column = _column(text, node.lineno, node.col_offset)
    end = _column(text, node.lineno, node.end_col_offset) if node.end_lineno == node.lineno else column + 1
    return Span(file=file, line=node.lineno, column=column, length=max(1, end - column))


def _of_name(file: str, text: str, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Span:
    line = text.split("\n")[function.lineno - 1]
    column = line.find(function.name, _column(text, function.lineno, function.col_offset) + 3) + 1
    return Span(file=file, line=function.lineno, column=column or 1, length=len(function.name))


def _column(text: str, line: int, offset: int) -> int:
    """The column, from 1, at so many bytes of a line."""
    return len(text.split("\n")[line - 1].encode()[:offset].decode("utf-8", "replace")) + 1


def given_to(
    source: Mapping[str, Any], connections: Mapping[str, Any], variables: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    """(parameter, kind, name) of what a step's function is given: its `cursor`, `until` where that is to end, a variable of the environment
    (`env`), a `connection` or a variable of the project (`var`); a kind that is empty for what nothing is called, and "both" for what two
    things are."""
    env: Mapping[str, str] = source.get("env") or {}
    for name in source["takes"]:
        if name in ("cursor", "until"):
            yield name, name, name
        elif name in env:
            yield name, "env", env[name]
        elif name in connections and name in variables:
            yield name, "both", name
        elif name in connections:
            yield name, "connection", name
        elif name in variables:
            yield name, "var", name
        elif name not in source["free"]:
            yield name, "", name


__all__ = ["Function", "function_in", "given_to", "locate", "read"]
