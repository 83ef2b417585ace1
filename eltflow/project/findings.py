"""Collects what is wrong in a project's files, so that one run tells everything."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress

from eltflow.base.diagnostics import Diagnostic, EltflowError, Severity, Span, with_source, without
from eltflow.project import yamlfile
from eltflow.project.shape import Path, Problem


class Findings:
    """A growing list of diagnostics; `read` gives a file's text for quoting lines."""

    def __init__(self, read: Callable[[str], str]) -> None:
        self._read = read
        self.secrets: tuple[str, ...] = ()  #: which no quoted line may show
        self.all: list[Diagnostic] = []

    def add(self, found: Diagnostic) -> None:
        if found.span is not None and found.source is None:
            try:
                found = with_source(found, without(self.secrets, self._read(found.span.file)))
            except EltflowError:
                pass
        if found not in self.all:
            self.all.append(found)

    def extend(self, error: EltflowError | Iterable[Diagnostic]) -> None:
        for found in error.diagnostics if isinstance(error, EltflowError) else error:
            self.add(found)

    def at(
        self,
        file: str,
        path: Path,
        code: str,
        message: str,
        *,
        help: str | None = None,
        key: bool = False,
        notes: tuple[str, ...] = (),
        severity: Severity = "error",
    ) -> None:
        """An error, or a warning, at the value (with `key`, the key) that stands at `path` of a YAML file."""
        span = yamlfile.locate(self._read(file), file, path, key=key)
        self.add(Diagnostic(code=code, message=message, span=span, help=help, notes=notes, severity=severity))

    def problems(self, file: str, problems: Iterable[Problem]) -> None:
        for problem in problems:
            self.at(file, problem.path, problem.code, problem.message, help=problem.help, key=problem.at_key)

    def error(
        self, code: str, message: str, *, file: str, line: int | None = None, word: str | None = None, help: str | None = None
    ) -> None:
        """An error at a line of a file, at that word on it."""
        self.add(Diagnostic(code=code, message=message, span=self._span(file, line, word), help=help))

    def _span(self, file: str, line: int | None, word: str | None) -> Span:
        if line is not None and word is not None:
            with suppress(EltflowError):
                lines = self._read(file).split("\n")
                found = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", lines[line - 1]) if line <= len(lines) else None
                if found is not None:
                    return Span(file=file, line=line, column=found.start() + 1, length=len(word))
        return Span(file=file, line=line)

    def spot(self, file: str, path: Path) -> Span:
        """Where a value of a YAML file stands."""
        return yamlfile.locate(self._read(file), file, path)

    @property
    def errors(self) -> list[Diagnostic]:
        return [found for found in self.all if found.severity == "error"]

    def stop(self) -> None:
        """Raise EltflowError if any error was found."""
        if self.errors:
            raise EltflowError(self.all)
