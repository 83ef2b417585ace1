"""YAML files as plain values, with the line of any value on demand.

Values are read without positions, because nearly all files are right; `locate` reads a file once more to say where a wrong value stands.
"""

from __future__ import annotations

from typing import Any

import yaml

from eltflow.base.diagnostics import Diagnostic, EltflowError, Span, with_source

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Path = tuple[str | int, ...]


class _DuplicateKey(Exception):
    def __init__(self, key: Any, mark: Any) -> None:
        super().__init__(str(key))
        self.key = key
        self.mark = mark


class _Loader(_Base):  # type: ignore[misc]
    """PyYAML's safe loader that refuses a key written twice in one mapping."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        if len(node.value) > 1:
            seen: set[str] = set()
            for key, _ in node.value:
                name = key.value
                if name.__class__ is str and name != "<<":
                    if name in seen:
                        raise _DuplicateKey(name, key.start_mark)
                    seen.add(name)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def read(text: str, file: str) -> Any:
    """The value of a YAML document; None for an empty one. Raises EltflowError (E0101 broken YAML, E0102 a key given twice)."""
    loader = None
    try:
        loader = _Loader(text)
        return loader.get_single_data()
    except _DuplicateKey as error:
        line, column = error.mark.line + 1, error.mark.column + 1
        span = Span(file=file, line=line, column=column, length=len(str(error.key)))
        found = Diagnostic(code="E0102", message=f"the key `{error.key}` is given twice", span=span, help="keep one of the two")
        raise EltflowError(with_source(found, text)) from None
    except yaml.YAMLError as error:
        raise EltflowError(with_source(_broken(error, text, file), text)) from None
    finally:
        if loader is not None:
            loader.dispose()


def _broken(error: yaml.YAMLError, text: str, file: str) -> Diagnostic:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = str(getattr(error, "problem", None) or error).strip()
    context = getattr(error, "context", None)
    help = None
    if mark is None:
        position = getattr(error, "position", None)
        line = text.count("\n", 0, position) + 1 if isinstance(position, int) else None
        return Diagnostic(code="E0101", message=f"broken YAML: {problem}", span=Span(file=file, line=line))
    line, column = mark.line + 1, mark.column + 1
    lines = text.splitlines()
    quoted = lines[line - 1] if line <= len(lines) else ""
    tabbed = next((n for n, t in enumerate(lines[:line], 1) if "\t" in t[: len(t) - len(t.lstrip())]), None)
    if tabbed is not None:
        line, column = tabbed, lines[tabbed - 1].index("\t") + 1
        problem, help = "a tab in the indentation", "YAML is indented with spaces: replace the tab"
    elif "{{" in quoted or "{%" in quoted:
        help = "put quotes around a value that holds {{ }}"
    elif "mapping values are not allowed" in problem:
        help = "check the indentation, and put quotes around a text that holds a colon"
    if context and help is None:
        problem = f"{problem} ({context})"
    return Diagnostic(code="E0101", message=f"broken YAML: {problem}", span=Span(file=file, line=line, column=column), help=help)


def locate(text: str, file: str, path: Path, *, key: bool = False) -> Span:
    """Where the value at `path` stands in the document; with `key`, where its key does. The nearest parent if it is not there."""
    try:
        node = _Base(text).get_single_node()
    except yaml.YAMLError:
        return Span(file=file)
    mark, length = None, 1
    for step in path:
        found = None
        if isinstance(node, yaml.MappingNode):
            for name, value in node.value:
                if name.value == str(step) or (name.tag.endswith(":bool") and step in (name.value.lower(),)):
                    found = (value, name)
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            found = (node.value[step], None)
        if found is None:
            break
        node, name = found
        at = name if name is not None and (key or not isinstance(node, yaml.ScalarNode)) else node
        mark = at.start_mark
        length = max(1, at.end_mark.column - mark.column) if at.end_mark.line == mark.line else 1
    if mark is None:
        return Span(file=file, line=1, column=1)
    return Span(file=file, line=mark.line + 1, column=mark.column + 1, length=length)
