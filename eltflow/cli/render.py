"""Everything that is printed. Colour only strengthens what the words say; without a terminal there are plain lines and no cursor tricks."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TextIO

from eltflow.base.diagnostics import Diagnostic, Span

Form = Literal["text", "document", "lines"]

_CODES = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36", "dim": "2", "bold": "1"}


def coloured(stream: TextIO) -> bool:
    """Whether colour is wanted on a stream."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def live(stream: TextIO) -> bool:
    """Whether what was printed may be drawn over: NO_COLOR asks for plain lines too."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, style: str, on: bool) -> str:
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if on else text


def out(text: str = "") -> None:
    """A line on standard output."""
    sys.stdout.write(text + "\n")


def err(text: str = "") -> None:
    """A line on standard error, after what was printed before it."""
    sys.stdout.flush()
    sys.stderr.write(text + "\n")


#: Characters that a terminal obeys instead of showing, or that turn the order of what it shows: each becomes one that is seen.
_OBEYED = {
    **{code: chr(0x2400 + code) for code in range(32) if chr(code) not in "\n\t"},
    0x7F: "\u2421",
    **dict.fromkeys((*range(128, 160), 8206, 8207, *range(8234, 8239), *range(8294, 8298)), "�"),
}


def visible(text: str) -> str:
    """The text of a file, an engine or a person as it may be shown: nothing in it moves a cursor or changes a colour."""
    return text.translate(_OBEYED)


def out_json(value: Any) -> None:
    """A value as JSON on standard output."""
    out(_json(value, indent=2))


def _json(value: Any, indent: int | None = None) -> str:
    """JSON as RFC 8259 has it: what is no number there (NaN, infinities) is a text, as what JSON has no words for."""
    from eltflow.report.rows import as_text

    try:
        return json.dumps(value, indent=indent, default=as_text, ensure_ascii=False, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), indent=indent, default=as_text, ensure_ascii=False)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def note(text: str) -> None:
    """A line on standard error that is no error."""
    err(text)


# -- numbers and tables --------------------------------------------------------------------------------------------------------


def seconds(value: float) -> str:
    """`0.4 s`, `2 min 10 s`, `1 h 5 min`."""
    if value < 59.95:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def width() -> int:
    """The terminal's width, 100 without one."""
    import shutil

    return shutil.get_terminal_size((100, 24)).columns


def dotted(parts: Sequence[str]) -> str:
    """The parts with dots between, over as many lines as a terminal asks for."""
    room = width() if sys.stdout.isatty() else sys.maxsize
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + 3 + len(part) <= room:
            lines[-1] += f" · {part}"
        else:
            lines.append(part)
    return "\n".join(lines)


def cut(text: str, length: int) -> str:
    """The text within a length, its end left out if it must be."""
    return text if len(text) <= length else text[: max(0, length - 1)] + "…"


def cell(value: Any) -> str:
    """A value of a table as people read it."""
    from eltflow.report.rows import as_text

    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    return visible(as_text(value).replace("\n", "⏎").replace("\t", " "))


def table(headers: Sequence[str], rows: Iterable[Sequence[Any]], *, indent: str = "", most: int | None = None) -> list[str]:
    """Lines of an aligned table, cut to the terminal where there is one; numbers stand to the right."""
    terminal = sys.stdout.isatty()
    room, widest = (most or width(), 40) if terminal else (most or 10_000, 120)
    text = [[cell(v) for v in row] for row in rows]
    kinds = [all(_number(row[i]) for row in text) and bool(text) if i < len(headers) else False for i in range(len(headers))]
    widths = [min(widest, max([len(h), *(len(row[i]) for row in text)])) for i, h in enumerate(headers)]
    lines = []
    for row in [list(headers), *text]:
        cells = [cut(v, w).rjust(w) if right else cut(v, w).ljust(w) for v, w, right in zip(row, widths, kinds, strict=True)]
        lines.append(cut((indent + "  ".join(cells)).rstrip(), room))
    return lines


def _number(text: str) -> bool:
    return text == "NULL" or text.replace(",", "").replace(".", "", 1).replace("-", "", 1).isdigit()


# -- diagnostics ---------------------------------------------------------------------------------------------------------------


def diagnostics(found: Iterable[Diagnostic]) -> None:
    """Draw diagnostics on standard error."""
    colour = coloured(sys.stderr)
    for one in found:
        for line in drawn(one, colour):
            err(line)
        err()


def drawn(found: Diagnostic, colour: bool = False) -> list[str]:
    """A diagnostic as lines: what, where with the line itself, and what to do."""
    style = {"error": "red", "warning": "yellow", "note": "blue"}[found.severity]
    head = paint(f"{found.severity}[{found.code}]", style, colour)
    first, *rest = visible(found.message).split("\n")
    lines = [f"{head}: {paint(first, 'bold', colour)}"]
    gutter = " " * (len(str(found.span.line)) if found.span is not None and found.span.line is not None else 1)
    if found.span is not None:
        lines.append(f"{gutter}{paint('-->', 'blue', colour)} {one_line(str(found.span))}")
        if found.source is not None and found.span.line is not None:
            lines += _quoted(found.source, found.span, gutter, style, colour)
    lines += [f"{gutter}   {line}".rstrip() for line in rest if line.strip()]
    lines += [f"{gutter} = note: {one_line(text)}" for text in found.notes]
    if found.help:
        lines.append(f"{gutter} = help: {one_line(found.help)}")
    return lines


def one_line(text: str) -> str:
    """A text that others wrote, on one line and without what moves the cursor."""
    return visible(text.replace("\n", "␊"))


def _quoted(source: str, span: Span, gutter: str, style: str, colour: bool) -> list[str]:
    """The line of the file, with marks under what is meant; of a long line, the part around it."""
    bar = paint("|", "blue", colour)
    text = visible(source.expandtabs(1))
    column = span.column
    room = max(40, width() - len(gutter) - 4)
    if column is not None and len(text) > room:
        start = max(0, min(column - 1 - room // 2, len(text) - room))
        ends = ("…" if start else "", "…" if start + room < len(text) else "")
        text = ends[0] + text[start + len(ends[0]) : start + room - len(ends[1])] + ends[1]
        column -= start
    else:
        text = cut(text, room)
    lines = [f"{gutter} {bar}", f"{paint(str(span.line), 'blue', colour)} {bar} {text}"]
    if column is None:
        return [*lines, f"{gutter} {bar}"]
    marks = "^" * max(1, min(span.length, max(1, len(text) - column + 1)))
    return [*lines, f"{gutter} {bar} {' ' * (column - 1)}{paint(marks, style, colour)}"]


class Voice:
    """How a command speaks: `text` for people; for machines one `document` at the end, or `lines` of one object each, all on standard
    output. People get what is wrong on standard error in any case but `lines`."""

    def __init__(self, form: Form, *, quiet: bool = False) -> None:
        self.form = form
        self.quiet = quiet
        self.machine = form != "text"

    @staticmethod
    def of(arguments: Sequence[str]) -> Voice:
        """The voice that the words of a command line ask for, before anybody has checked them."""
        lines = "--log-format=json" in " ".join(arguments).replace("--log-format json", "--log-format=json")
        return Voice("document" if "--json" in arguments else "lines" if lines else "text")

    def result(self, value: Any) -> None:
        """What a command gives, to machines."""
        if self.form == "document":
            out_json(value)
        elif self.form == "lines":
            _line("Result", {"result": value})

    def pieces(self, text: Iterable[str]) -> None:
        """The same, of a JSON text that comes in pieces."""
        if self.form == "document":
            for piece in text:
                sys.stdout.write(piece)
        else:
            self.result(json.loads("".join(text)))

    def diagnostics(self, found: Iterable[Diagnostic]) -> None:
        """What is wrong, while the command goes on."""
        if self.form == "lines":
            for one in found:
                _line("Diagnostic", as_json(one))
        else:
            diagnostics(found)

    def errors(self, found: Sequence[Diagnostic], told: str | None = None) -> None:
        """What stopped a command, instead of a result; `told` is how people are told, if not as diagnostics are drawn."""
        if self.form == "lines":
            self.diagnostics(found)
            return
        if told is None:
            diagnostics(found)
        else:
            err(told)
        self.result({"errors": [as_json(one) for one in found]})

    def note(self, text: str) -> None:
        """A line that is no error."""
        if self.form == "lines":
            _line("Message", {"text": text, "level": "info", "diagnostic": None})
        else:
            note(text)


def as_json(found: Diagnostic) -> Mapping[str, Any]:
    """A diagnostic for machines."""
    span = found.span
    return {
        "code": found.code or None,
        "severity": found.severity,
        "message": found.message,
        "file": span.file if span else None,
        "line": span.line if span else None,
        "column": span.column if span else None,
        "notes": list(found.notes),
        "help": found.help,
    }


def run_document(loaded: Any, state: Any, command: str) -> dict[str, Any]:
    """A finished run as one document; one for which nothing was selected has no results."""
    finished = state.finished
    return {
        "run_id": state.run_id,
        "command": command,
        "target": loaded.target.name,
        "seconds": round(finished.seconds, 3) if finished else None,
        "cancelled": state.plan is not None and bool(finished is None or finished.cancelled),
        "results": [result_json(r) for r in state.results.values()],
    }


def result_json(result: Any) -> dict[str, Any]:
    """A step's result for machines; failing rows of a test are among it only if they were asked for."""
    return {
        "id": result.step,
        "status": result.status,
        "kind": result.kind,
        "seconds": round(result.seconds, 4),
        "rows": result.rows,
        "files": result.files,
        "quarantined": result.quarantined,
        "failures": result.failures,
        "message": result.message,
        "note": result.note,
        "because": result.because,
        "attempts": result.attempts,
        "diagnostics": [as_json(d) for d in result.diagnostics],
        "sample": [dict(zip(result.sample_columns, row, strict=True)) for row in result.sample],
    }


def event_line(event: Any, state: Any) -> None:
    """An event as one line of JSON."""
    name = type(event).__name__
    if name == "StillRunning":
        return
    if name == "StepFinished":
        body = result_json(event.result)
    else:
        body = {field: getattr(event, field) for field in event.__slots__}
        if body.get("diagnostic") is not None:
            body["diagnostic"] = as_json(body["diagnostic"])
    _line(name, body)


def _line(event: str, body: Mapping[str, Any]) -> None:
    out(_json({"event": event, **body}))
