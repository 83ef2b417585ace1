"""From rendered text back to the line that the user wrote, and the text of literal calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from eltflow.base.diagnostics import Diagnostic, EltflowError, Span, with_source
from eltflow.jinja.static import Call
from eltflow.jinja.values import DOC_IN_SQL, RenderError, call_said

if TYPE_CHECKING:
    from eltflow.jinja.renderer import Renderer


class RenderedLines:
    """Maps lines of a rendered text to the template's, by rendering it once more with marks: only ever done to report an error."""

    def __init__(self, renderer: Renderer, text: str, path: str, names: Mapping[str, Any], rendered: str) -> None:
        self._parts = (renderer, text, path, names, rendered)

    def lines(self) -> tuple[int, ...] | None:
        from eltflow.jinja.renderer import line_map

        renderer, text, path, names, rendered = self._parts
        try:
            return line_map(renderer.render(text, path, names, lines=True).text, rendered)
        except EltflowError:
            return None


def template_place(sql: str, offset: int, text: str, spots: Any) -> tuple[int | None, int | None]:
    """Line and column (from 1) in the template of the character at `offset` of what it rendered to; the column may be unknown."""
    if isinstance(spots, tuple):
        shift = 0
        for start, length, origin in spots:
            if start > offset:
                break
            end = text.find("}}", origin) + 2 if text[origin : origin + 2] == "{{" else text.find("#}", origin) + 2
            if offset < start + length:
                return line_column(text, origin)
            shift = end - (start + length)
        return line_column(text, min(offset + shift, len(text)))
    lines = spots.lines()
    line, column = line_column(sql, offset)
    if lines is None or line > len(lines):
        return None, None
    origin = lines[line - 1]
    quoted = text.splitlines()[origin - 1] if origin <= len(text.splitlines()) else ""
    written = sql.splitlines()[line - 1]
    return origin, column if quoted[: column + 1] == written[: column + 1] else None


def rendered_note(found: Diagnostic, sql: str, line: int | None) -> tuple[str, ...]:
    """What the line renders to, where that is not what stands in the file."""
    lines = sql.split("\n")
    if line is None or line > len(lines) or found.source is None or lines[line - 1].strip() == found.source.strip():
        return ()
    shown = lines[line - 1].strip()
    return (f"rendered, the line is: {shown[:120]}{'…' if len(shown) > 120 else ''}",)


def line_column(text: str, offset: int) -> tuple[int, int]:
    return text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1


def static_value(call: Call, base: Mapping[str, Any], text: str, path: str) -> str:
    """Text of a literal call; `ref` and `source` give a name that is never looked up. Raises EltflowError at the call."""
    if call.name in ("ref", "source"):
        return "eltflow_placeholder"
    if call.name == "config":
        return ""
    function = base.get(call.name)
    try:
        if function is None:
            raise RenderError("E0302", DOC_IN_SQL[0], help=DOC_IN_SQL[1])  # the only one of the literal calls that may be missing
        return str(function(*call.args, **dict(call.kwargs)))
    except RenderError as error:
        fail_at(text, path, call.start, call.end, error.code, error.message, error.help)
    except TypeError as error:
        fail_at(text, path, call.start, call.end, "E0303", call_said(str(error))[1], f"correct the arguments of {call.name}()")


def fail_at(text: str, path: str, start: int, end: int, code: str, message: str, help: str | None = None) -> NoReturn:
    line, column = line_column(text, start)
    length = max(1, min(end, text.find("\n", start) if "\n" in text[start:end] else end) - start)
    span = Span(file=path, line=line, column=column, length=length)
    raise EltflowError(with_source(Diagnostic(code=code, message=message, span=span, help=help), text))
