"""YAML files as plain values, with the line of any value on demand.

Values are read without positions, because nearly all files are right; `locate` reads a file once more to say where a wrong value stands.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from eltflow.base.diagnostics import Diagnostic, EltflowError, Span, with_source

if TYPE_CHECKING:
    import yaml

Path = tuple[str | int, ...]


def read(text: str, file: str) -> Any:
    """The value of a YAML document; None for an empty one. Raises EltflowError (E0101 broken YAML, E0102 a key given twice).

    What has no end or no bounds (an alias within its own anchor, a bomb of aliases, a thousand levels) is broken too, and not read.
    """
    from eltflow.project.yamlloader import DuplicateKey, TooMuch, YAMLError, load

    try:
        return load(text)
    except TooMuch as error:
        span = Span(file=file, line=error.mark.line + 1, column=error.mark.column + 1)
        found = Diagnostic(code="E0101", message=f"broken YAML: {error.problem}", span=span, help=error.help)
        raise EltflowError(with_source(found, text)) from None
    except DuplicateKey as error:
        line, column = error.mark.line + 1, error.mark.column + 1
        span = Span(file=file, line=line, column=column, length=len(str(error.key)))
        found = Diagnostic(code="E0102", message=f"the key `{error.key}` is given twice", span=span, help="keep one of the two")
        raise EltflowError(with_source(found, text)) from None
    except YAMLError as error:
        raise EltflowError(with_source(_broken(error, text, file), text)) from None


#: What libyaml says, what that means, and what to do; the first that is found in its words counts.
_WORDS: tuple[tuple[str, str, str], ...] = (
    ("mapping values are not allowed", "a second colon in one line", "put quotes around a text that holds a colon, or mend the indentation"),
    ("found another document", "a second document begins here", "keep one document in a file: take the `---` away"),
    ("undefined alias", "an alias without its anchor", "define it before, with `&name`, or put quotes around a text that begins with `*`"),
    ("cannot start any token", "a character that no value can begin with", "put quotes around the text"),
    ("could not find expected ':'", "a key without its colon", "write `key: value`, with a space after the colon"),
    ("while scanning a quoted scalar", "a quote that is not closed", "close it, or double a quote inside the text"),
    ("did not find expected key", "this is no `key: value` of the mapping around it", "mend the indentation: its keys stand in one column"),
    ("did not find expected '-'", "this is no item of the list around it", "begin each item with `- `, in one column"),
    ("unhashable key", "a mapping where a key should be", "put quotes around a text that begins with a brace or a bracket"),
)  # fmt: skip
_OPENERS = {"flow sequence": ("[", "]"), "flow mapping": ("{", "}"), "flow node": ("[", "]")}


def _broken(error: yaml.YAMLError, text: str, file: str) -> Diagnostic:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        return _unreadable(error, text, file)
    lines = text.splitlines()
    line, column = mark.line + 1, mark.column + 1
    said = " ".join(str(part) for part in (getattr(error, "context", None), getattr(error, "problem", None)) if part)
    problem, help = said, "check the indentation, and put quotes around texts that hold `:`, `#`, `{` or `[`"
    known = next(((words, advice) for key, words, advice in _WORDS if key in said), None)
    tabbed = next((n for n, t in enumerate(lines[:line], 1) if "\t" in t[: len(t) - len(t.lstrip())]), None)
    opened = _opened(error, said, lines)
    called, ended = _called(error, said, lines), _QUOTES_IN_JINJA.search(lines[line - 1]) if line <= len(lines) else None
    if tabbed is not None:
        line, column = tabbed, lines[tabbed - 1].index("\t") + 1
        problem, help = "a tab in the indentation", "YAML is indented with spaces: replace the tab"
    elif ended is not None:
        other = "'" if ended["quote"] == '"' else '"'
        column, problem = ended.end(), f"the quote inside {{{{ }}}} ends the text that began with {ended['quote']}"
        help = f"write {other} inside the braces"
    elif called is not None:
        line, column, problem, help = called
    elif line <= len(lines) and ("{{" in lines[line - 1] or "{%" in lines[line - 1]):
        problem, help = "Jinja without quotes", "put quotes around a value that holds {{ }}"
    elif opened is not None:
        line, column, problem, help = opened
    elif known is not None:
        problem, help = known
    if line > len(lines):
        line, column = len(lines) or 1, len(lines[-1]) if lines else 1
    return Diagnostic(code="E0101", message=f"broken YAML: {problem}", span=Span(file=file, line=line, column=column), help=help)


#: A value in quotes, up to a quote of the same kind within its braces.
_QUOTES_IN_JINJA = re.compile(r"""[:,\[-]\s+(?P<quote>["'])(?:(?!(?P=quote)).)*?\{\{(?:(?!\}\}|(?P=quote)).)*(?P=quote)""")
_CALL = re.compile(r"""[:,\[]\s*((?:ref|source)\([^()"]*,[^()"]*\))""")


def _called(error: yaml.YAMLError, said: str, lines: list[str]) -> tuple[int, int, str, str] | None:
    """A call with a comma inside braces or brackets, whose comma YAML takes for its own."""
    mark, start = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    if mark is None or start is None or not any(kind in said for kind in _OPENERS):
        return None
    for number, text in enumerate(lines[start.line : mark.line + 1], start.line + 1):
        call = _CALL.search(text)
        if call is not None:
            return number, call.start(1) + 1, "a comma in a text without quotes", f'put quotes around the call: "{call.group(1)}"'
    return None


def _opened(error: yaml.YAMLError, said: str, lines: list[str]) -> tuple[int, int, str, str] | None:
    """Where a bracket or brace opens that is never closed."""
    start = getattr(error, "context_mark", None)
    kind = next((kind for kind in _OPENERS if kind in said), None)
    if start is None or kind is None:
        return None
    line, column = start.line + 1, start.column + 1
    opener, closer = _OPENERS[kind]
    if kind == "flow node":  # nothing follows the opener
        while line > 1 and (line > len(lines) or not lines[line - 1].strip()):
            line -= 1
        column = max(lines[line - 1].rfind("["), lines[line - 1].rfind("{")) + 1 or column
        opener, closer = ("{", "}") if lines[line - 1][column - 1 : column] == "{" else (opener, closer)
    return (
        line,
        column,
        f"the `{opener}` that opens here is not closed",
        f"close it with `{closer}`, and put commas between its parts",
    )


def _unreadable(error: yaml.YAMLError, text: str, file: str) -> Diagnostic:
    """A character that YAML does not allow anywhere."""
    position, character = getattr(error, "position", None), getattr(error, "character", None)
    problem = str(getattr(error, "reason", None) or error).split("\n")[0]
    if not isinstance(position, int):
        return Diagnostic(code="E0101", message=f"broken YAML: {problem}", span=Span(file=file))
    code = ord(character) if isinstance(character, str) else character
    at = next((i for i, c in enumerate(text) if ord(c) == code), position)
    line, column = text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1
    message = f"broken YAML: the control character U+{code or 0:04X}"
    help = 'take it away, or write it as an escape in double quotes, like "\\x07"'
    return Diagnostic(code="E0101", message=message, span=Span(file=file, line=line, column=column), help=help)


def locate(text: str, file: str, path: Path, *, key: bool = False) -> Span:
    """Where the value at `path` stands in the document; with `key`, where its key does. The nearest parent if it is not there.

    Of a Python file, whose steps are entries like those of YAML: where it stands there.
    """
    if file.endswith(".py"):
        from eltflow.project import pyfile

        return pyfile.locate(text, file, path, key=key)
    import yaml

    from eltflow.project.yamlloader import Base

    try:
        node = Base(text).get_single_node()
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
