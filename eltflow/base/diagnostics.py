"""Diagnostics: what is wrong, where, and how to mend it, as values that stages collect and the terminal draws."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal

from eltflow.base.records import dataclass, replace

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A place in a file. `file` is relative to the project root; `line` and `column` count from 1, `length` is in characters."""

    file: str
    line: int | None = None
    column: int | None = None
    length: int = 1

    def __str__(self) -> str:
        parts = [self.file]
        if self.line is not None:
            parts.append(str(self.line))
            if self.column is not None:
                parts.append(str(self.column))
        return ":".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One finding. `code` is stable (documented under docs/reference/errors.md); `source` is the quoted line's text where it is known."""

    code: str
    message: str
    severity: Severity = "error"
    span: Span | None = None
    source: str | None = None
    notes: tuple[str, ...] = ()
    help: str | None = None


class EltflowError(Exception):
    """Carries every diagnostic that one stage collected; `exit_code` is what the command line returns for it."""

    exit_code: int = 2

    def __init__(self, diagnostics: Iterable[Diagnostic] | Diagnostic) -> None:
        found = (diagnostics,) if isinstance(diagnostics, Diagnostic) else tuple(diagnostics)
        self.diagnostics = found
        super().__init__("\n".join(plain(d) for d in found))


def fail(
    code: str, message: str, *, span: Span | None = None, help: str | None = None, notes: tuple[str, ...] = ()
) -> EltflowError:
    """Shorthand for an error that carries a single diagnostic: `raise fail("E0101", "...")`."""
    return EltflowError(Diagnostic(code=code, message=message, span=span, help=help, notes=notes))


def plain(diagnostic: Diagnostic) -> str:
    """One line without colour or source text, for logs and `str(error)`."""
    where = f"{diagnostic.span}: " if diagnostic.span else ""
    advice = f" ({diagnostic.help})" if diagnostic.help else ""
    return f"{where}{diagnostic.severity}[{diagnostic.code}]: {diagnostic.message}{advice}"


#: What stands in the place of what nobody may see.
MASK = "*****"


def without(secrets: Iterable[str], text: str) -> str:
    """The text with every secret left out, also as JSON, Python, SQL or an address spells it; one that another begins with does not spoil
    that one."""
    hidden = {secret for secret in secrets if secret}
    if _SPELT.search(text):
        hidden |= {spelling for secret in hidden for spelling in _spellings(secret)}
    for secret in sorted(hidden, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


#: Without any of these a text spells nothing otherwise than it is.
_SPELT = re.compile(r"[\\%+&]|''|\"\"")


def _spellings(secret: str) -> Iterator[str]:
    """How writers spell a text within others: escaped (twice, where one message is quoted in another), between quotes that are doubled, in
    addresses, in HTML."""
    import json
    from html import escape
    from urllib.parse import quote, quote_plus

    def escaped(text: str) -> set[str]:
        found = {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1]}
        found.add(repr(text + "'\"")[1:-4])  # where both kinds of quotes stand beside it
        found.add(repr(text.encode("utf-8", "replace"))[2:-1])
        found.add(text.replace("\\", "\\\\").replace("'", "\\'"))
        return found

    once = escaped(secret)
    yield from once
    for text in once - {secret}:
        yield from escaped(text)
    yield from (secret.replace(one, one * 2) for one in "'\"")
    yield from (quote(secret, safe="", errors="replace"), quote(secret, errors="replace"), quote_plus(secret, errors="replace"))
    yield escape(secret)


def with_source(diagnostic: Diagnostic, text: str) -> Diagnostic:
    """The diagnostic with the line that its span names, taken from the file's `text`."""
    if diagnostic.source is not None or diagnostic.span is None or diagnostic.span.line is None:
        return diagnostic
    lines = text.splitlines()
    number = diagnostic.span.line
    if 0 < number <= len(lines):
        return replace(diagnostic, source=lines[number - 1])
    return diagnostic
