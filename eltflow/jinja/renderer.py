"""The renderer of a project: templates and expressions under a scope of names, macros compiled when first called, errors at the user's line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

from jinja2 import TemplateSyntaxError
from jinja2.defaults import DEFAULT_NAMESPACE
from jinja2.environment import Template

from eltflow.base.diagnostics import Diagnostic, EltflowError, Span, with_source
from eltflow.base.records import dataclass
from eltflow.jinja.environment import MACRO_PREFIX, Environment, MacroReturn, Unset, scope
from eltflow.jinja.explain import explained, syntax_explained
from eltflow.jinja.pieces import Piece, split
from eltflow.jinja.static import AST, SURFACE, blocks
from eltflow.jinja.values import MacroSource, Package, RenderError

MARK = re.compile("\ue000(\\d+)\ue001")


class _MacroCall:
    """A macro as templates see it: callable, giving what `return()` gave, else its text."""

    __slots__ = ("_name", "_renderer")

    def __init__(self, renderer: Renderer, name: str) -> None:
        self._renderer = renderer
        self._name = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        macro = self._renderer._compiled_macro(self._name)
        try:
            return macro(*args, **kwargs)
        except MacroReturn as returned:
            return returned.value

    def __repr__(self) -> str:
        return f"<macro {self._name}>"


_PART = "<template>"  #: what Jinja2 calls a template that is no file; it is a part of one here


class _Names(Mapping[str, Any]):
    """A scope: the project's macros, the names given for this rendering, and last the project itself; `used` records what was asked for."""

    __slots__ = ("_macros", "_names", "_package", "used")

    def __init__(self, macros: Mapping[str, _MacroCall], names: Mapping[str, Any], package: str | None = None) -> None:
        self._macros = macros
        self._names = names
        self._package = package
        self.used: set[str] = set()

    def __getitem__(self, key: str) -> Any:
        found = self._macros.get(key)
        if found is not None:
            self.used.add(key)
            return found
        if key == self._package and key not in self._names:
            return Package(self, self._macros)
        value = self._names[key]
        self.used.add(key)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter({**self._macros, **self._names})

    def __len__(self) -> int:
        return len({**self._macros, **self._names})


@dataclass(frozen=True, slots=True)
class Rendered:
    """Rendered text, and the names of the scope (macros included) that the rendering looked up."""

    text: str
    used: frozenset[str]


class Renderer:
    """Renders the templates of one project. Safe to share between threads: what it caches is only ever replaced by its equal."""

    def __init__(self, macros: Sequence[MacroSource], package: str | None = None) -> None:
        self._package = package
        self._environment = Environment()
        self._sources = {macro.name: macro for macro in macros}
        self._calls = {name: _MacroCall(self, name) for name in self._sources}
        self._modules: dict[str, Any] = {}
        self._templates: dict[tuple[str, str], Template] = {}

    @property
    def macros(self) -> Mapping[str, MacroSource]:
        """The project's macros by name."""
        return self._sources

    def macro(self, name: str) -> Callable[..., Any] | None:
        """The macro as a function to call within a scope, or None if the project has none of that name."""
        return self._calls.get(name)

    @staticmethod
    def unset(names: Iterable[str]) -> dict[str, Any]:
        """Names that are set, but may not be yet: under them, nothing is missing and everything empty."""
        return {name: Unset(name=name) for name in names if name not in DEFAULT_NAMESPACE}

    def check(self, text: str, file: str) -> None:
        """Compile a template without rendering it. Raises EltflowError (E0301)."""
        self._template(text, file)

    def render(self, text: str, file: str, names: Mapping[str, Any], *, lines: bool = False) -> Rendered:
        """The template rendered under `names`.

        With `lines`, the lines of the text have a mark in them that tells its line in the template (see `line_map`).
        Raises EltflowError: E0301 syntax, E0302 undefined name, E0303 anything that fails while rendering.
        """
        under = _Names(self._calls, names, self._package)
        compiled = None if lines else self._in_pieces(text, names)
        if compiled is None:
            compiled = [(Piece(text, 0), self._template(_marked(text) if lines else text, file, text))]
        out: list[str] = []
        with scope(under):
            for piece, template in compiled:
                if piece.plain:
                    out.append(piece.text)
                    continue
                with self._errors(text, file, under, piece.line or None):
                    try:
                        if template is not None:
                            out += template.root_render_func(template.new_context({}))
                        elif piece.call is not None:
                            out.append(str(under[piece.call.name](*piece.call.args, **dict(piece.call.kwargs))))
                    except MacroReturn as returned:
                        return Rendered(str(returned.value), frozenset(under.used))
        return Rendered("".join(out), frozenset(under.used))

    def _in_pieces(self, text: str, names: Mapping[str, Any]) -> list[tuple[Piece, Template | None]] | None:
        """The template in pieces, each with its template where it must be compiled; None where only the whole can be."""
        pieces = split(text, lambda name: name in self._calls or (name in SURFACE and name in names))
        if pieces is None:
            return None
        compiled: list[tuple[Piece, Template | None]] = []
        for piece in pieces:
            try:
                code = None if piece.plain or piece.call is not None else self._template(piece.text, _PART)
            except EltflowError:
                return None  # what is wrong is told of the whole
            compiled.append((piece, code))
        return compiled

    def expression(self, text: str, file: str, names: Mapping[str, Any], *, line: int = 1) -> Any:
        """The native value of a YAML scalar: of its expression where it is nothing but one, else its rendered text."""
        under = _Names(self._calls, names, self._package)
        inner = _sole_expression(text)
        with scope(under), self._errors(text, file, under, line):
            if inner is not None:
                with AST:
                    compiled = self._environment.compile_expression(inner, undefined_to_none=False)
                template: Template = compiled._template
                context = template.new_context({})
                for _ in template.root_render_func(context):
                    pass
                value = context.vars["result"]
                str(value) if isinstance(value, self._environment.undefined) else None
                return value
            template = self._environment.from_string(text)
            return "".join(template.root_render_func(template.new_context({})))

    def call(self, name: str, names: Mapping[str, Any], file: str, *args: Any, **kwargs: Any) -> Any:
        """What macro `name` gives for these arguments under `names`."""
        under = _Names(self._calls, names, self._package)
        with scope(under), self._errors("", file, under):
            return self._calls[name](*args, **kwargs)

    # -- macros ----------------------------------------------------------------------------------------------------------------

    def _compiled_macro(self, name: str) -> Callable[..., Any]:
        source = self._sources[name]
        module = self._modules.get(source.file)
        if module is None:
            template = self._template(source.text, source.file)
            module = template.make_module({})
            self._modules[source.file] = module
        macro: Callable[..., Any] = getattr(module, MACRO_PREFIX + name)
        return macro

    # -- templates and errors --------------------------------------------------------------------------------------------------

    def _template(self, text: str, file: str, original: str | None = None) -> Template:
        key = (file, text)
        template = self._templates.get(key)
        if template is None:
            try:
                code = self._environment.compile(text, name=file, filename=file)
            except TemplateSyntaxError as error:
                raise EltflowError(self._syntax_error(error, original or text, file)) from None
            template = Template.from_code(self._environment, code, self._environment.make_globals(None))
            self._templates[key] = template
        return template

    def _syntax_error(self, error: TemplateSyntaxError, text: str, file: str) -> Diagnostic:
        message, help, needle = syntax_explained(error)
        broken = self._broken_block(text, error.lineno) if needle is None else None
        column, length = broken or _locate(text, error.lineno, needle)
        span = Span(file=file, line=error.lineno, column=column, length=length)
        return with_source(Diagnostic(code="E0301", message=f"broken Jinja: {message}", span=span, help=help), text)

    def _broken_block(self, text: str, line: int) -> tuple[int, int] | None:
        """Column and length on that line of the block which is broken by itself: of several, Jinja2 says only the line."""
        begin = sum(len(one) for one in text.splitlines(keepends=True)[: line - 1])
        end = len(text) if (found := text.find("\n", begin)) < 0 else found
        for block in blocks(text):
            if block.start() >= end:
                break
            if block.end() <= begin or block.group().startswith("{#"):
                continue
            words = (block["tag"] or "").split(None, 1)
            closing = {"if": "{% endif %}", "for": "{% endfor %}"}.get(words[0] if words else "", "")
            alone = f"{{% if x %}}{block.group()}{{% endif %}}" if words[:1] == ["elif"] else block.group() + closing
            if block["tag"] is not None and words[:1] not in (["if"], ["for"], ["elif"], ["set"], ["do"]):
                continue
            try:
                self._environment.parse(alone)
            except TemplateSyntaxError:
                start = max(block.start(), begin + len(text[begin:end]) - len(text[begin:end].lstrip()))
                return start - begin + 1, min(block.end(), end) - start
        return None

    def _errors(self, text: str, file: str, names: _Names, line: int | None = None) -> _ErrorMapper:
        return _ErrorMapper(self, text, file, names, line)

    def text_of(self, file: str) -> str | None:
        """The text of a macro's file, for quoting its lines in errors."""
        for source in self._sources.values():
            if source.file == file:
                return source.text
        return None


class _ErrorMapper:
    """Turns what a rendering raises into an EltflowError at the innermost template line, with the calls that led there as notes."""

    def __init__(self, renderer: Renderer, text: str, file: str, names: _Names, line: int | None) -> None:
        self._renderer = renderer
        self._text = text
        self._file = file
        self._names = names
        self._line = line

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None or not isinstance(error, Exception):
            return
        if isinstance(error, EltflowError) and any(d.span is not None for d in error.diagnostics):
            return
        raise EltflowError(self._diagnostic(error, trace)) from (error if not isinstance(error, RenderError) else None)

    def _diagnostic(self, error: Exception, trace: TracebackType | None) -> Diagnostic:
        frames = [
            (self._file, line + (self._line or 1) - 1) if file in (self._file, _PART) else (file, line)
            for file, line in _template_frames(trace)
        ]
        if self._line is not None and (not frames or frames[0][0] != self._file):
            frames.insert(0, (self._file, self._line))  # a literal call, which no template makes
        if len(frames) > 12:  # a recursion: where it begins says enough, and where it ends is chance
            frames = frames[:2]
        file, line = frames[-1] if frames else (self._file, None)
        text = self._text if file == self._file else self._renderer.text_of(file) or ""
        code, message, help, needle = explained(error, self._names, self._renderer.macros, file, line, text)
        column, length = _locate(text, line, needle)
        notes = tuple(f"called from {Span(file=f, line=n)}" for f, n in reversed(frames[:-1]) if (f, n) != (file, line))
        found = Diagnostic(
            code=code, message=message, span=Span(file=file, line=line, column=column, length=length), notes=notes, help=help
        )
        return with_source(found, text)


def _template_frames(trace: TracebackType | None) -> list[tuple[str, int]]:
    frames: list[tuple[str, int]] = []
    while trace is not None:
        template = trace.tb_frame.f_globals.get("__jinja_template__")
        if isinstance(template, Template):
            frames.append((template.filename or _PART, template.get_corresponding_lineno(trace.tb_lineno)))
        trace = trace.tb_next
    return frames


def _locate(text: str, line: int | None, needle: str | None) -> tuple[int | None, int]:
    """Column (from 1) and length of `needle` on that line of the text; of its first Jinja when the needle is not there."""
    if line is None:
        return None, 1
    lines = text.splitlines()
    if not 0 < line <= len(lines):
        return None, 1
    quoted = lines[line - 1]
    if needle:
        found = re.search(rf"(?<!\w){re.escape(needle)}(?!\w)", quoted)
        if found is not None:
            return found.start() + 1, len(needle)
    first = min((at for at in (quoted.find("{{"), quoted.find("{%")) if at >= 0), default=-1)
    if first >= 0:
        close = re.search(r"[}%]\}", quoted[first:])
        return first + 1, (close.end() if close else len(quoted) - first)
    return len(quoted) - len(quoted.lstrip()) + 1, max(1, len(quoted.strip()))


def _sole_expression(text: str) -> str | None:
    """The inside of a scalar that is one `{{ expression }}` and nothing else."""
    stripped = text.strip()
    if not (stripped.startswith("{{") and stripped.endswith("}}")):
        return None
    inner = stripped[2:-2]
    return None if "{{" in inner or "}}" in inner else inner.strip("-").strip()


_TRIMS_BEFORE = re.compile(r"\{[{%#]-")


def _marked(text: str) -> str:
    """The template with a mark on each line that begins outside any Jinja block, before its first visible character.

    Blank lines have none, and on a line that begins with a block that trims what is before it (`{%-`) the mark stands after that block:
    whitespace that a block trims must not end at a mark.
    """
    out: list[str] = []
    inside: str | None = None
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        mark = f"\ue000{number}\ue001"
        start = len(line) - len(line.lstrip())
        spot = start if inside is None and line.strip() and not _TRIMS_BEFORE.match(line, start) else None
        trims = inside is None and spot is None and bool(line.strip())
        at = 0
        while True:
            if inside is None:
                opened = re.compile(r"\{\{|\{%|\{#").search(line, at)
                if opened is None:
                    break
                inside, at = {"{{": "}}", "{%": "%}", "{#": "#}"}[opened.group()], opened.end()
            else:
                close = line.find(inside, at)
                if close < 0:
                    break
                inside, at = None, close + 2
                rest = line[at:]
                if trims and rest.strip():
                    after = at + (len(rest) - len(rest.lstrip()) if line[close - 1] == "-" else 0)
                    spot = None if _TRIMS_BEFORE.match(rest.lstrip()) else after
                    trims = spot is None
        out.append(line if spot is None else f"{line[:spot]}{mark}{line[spot:]}")
    return "".join(out)


def line_map(marked: str, plain: str) -> tuple[int, ...] | None:
    """For each line of the rendered text `plain`, the template line it came from; None when the marks changed what was rendered."""
    if MARK.sub("", marked) != plain:
        return None
    lines: list[int] = []
    last = 1
    for line in marked.split("\n"):
        lines.append(_nearest_mark(line, last))
        marks = MARK.findall(line)
        last = int(marks[-1]) if marks else last
    return tuple(lines)


def _nearest_mark(line: str, default: int) -> int:
    """The mark that stands directly before the first visible character of the line."""
    current = default
    at = 0
    for mark in MARK.finditer(line):
        if MARK.sub("", line[at : mark.start()]).strip():
            return current
        current, at = int(mark.group(1)), mark.end()
    return current
