"""Facts without rendering and without parsing, for the many templates in which both could find nothing that the text does not show.

A plain name of a node can stand in rendered SQL only if the word is in the template's own text, in a macro that it calls, in a string
of its Jinja, or in a variable; and it matters only where a table may stand. `quick_facts` looks at exactly these places. It gives None
whenever it is not certain: the template is then rendered and its SQL parsed. (`tests/unit/test_quick.py` holds the two against each other.)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from eltflow.base.records import dataclass
from eltflow.graph.tablewords import BRANCH, TABLE, TABLE_CLAUSES, VALUE, Ident, Uncertain, plain_tables, takes_tables
from eltflow.jinja.static import OPENS, STRING, SURFACE, Call, blocks, literal_call
from eltflow.jinja.syntax import is_expression

_CALL = re.compile(r"(?<![\w.])(ref|source)\s*\(\s*('[^'\\]*'|\"[^\"\\]*\")\s*(?:,\s*('[^'\\]*'|\"[^\"\\]*\")\s*)?\)")
_CALLED = re.compile(r"(?<![\w.])(?:ref|source)\s*\(")
_NAME = re.compile(r"(?<![\w.])[^\W\d]\w*")
_AFTER_DOT = re.compile(r"\.\s*([^\W\d]\w*)")  # may be a macro, called by the project's name
_IN_WORD, _BLANKS_AND_WORD = re.compile(r"\w"), re.compile(r"\s*\w")
_KEYWORD_ARGUMENT = re.compile(r"([^\W\d]\w*)\s*=(?!=)")
_FILTER = re.compile(r"\|\s*([^\W\d]\w*)")
_TEST = re.compile(r"\bis\s+(?:not\s+)?([^\W\d]\w*)")
_COMPOSES = re.compile(r"~|%|\bjoin\b|\breplace\b|\bformat\b|\[[^\]]*:|\+")
_PASTED = re.compile(rf"\w{VALUE}|{VALUE}[\w{VALUE}]")  # what is written there is a part of a word
_VAR = re.compile(r"(?<![\w.])var\b")
_VAR_NAMED = re.compile(r"(?<![\w.])var\(\s*['\"]([^'\"]+)['\"]\s*[,)]")
_WORD = re.compile(r"[^\W\d]\w*")
_SET = re.compile(r"\{%[-+]?\s*set\s+([\w\s,()]+?)\s*(?:=|\||[-+]?%\})")
#: What gives another answer in a run than while edges are looked for.
_KNOWN_LATE = frozenset({"execute", "run_query"})
_ON_INCREMENTAL = re.compile(r"\s*(?:not\s+)?is_incremental\(\)\s*")  # both answers are tried when a template is rendered
_OPENS_BLOCK = frozenset({"if", "for", "call", "filter", "macro"})
_ENDS_BRANCH = frozenset({"else", "elif", "endif", "endfor"})
_FILTERS = frozenset(
    [
        "abs",
        "attr",
        "batch",
        "capitalize",
        "default",
        "d",
        "dictsort",
        "e",
        "escape",
        "first",
        "float",
        "groupby",
        "indent",
        "int",
        "items",
        "join",
        "last",
        "length",
        "list",
        "lower",
        "map",
        "max",
        "min",
        "reject",
        "rejectattr",
        "replace",
        "reverse",
        "round",
        "select",
        "selectattr",
        "slice",
        "sort",
        "string",
        "sum",
        "title",
        "tojson",
        "trim",
        "truncate",
        "unique",
        "upper",
        "wordcount",
    ]
)
_TESTS = frozenset(
    [
        "defined",
        "undefined",
        "none",
        "string",
        "number",
        "integer",
        "float",
        "mapping",
        "iterable",
        "sequence",
        "even",
        "odd",
        "divisibleby",
        "in",
        "true",
        "false",
        "boolean",
        "eq",
        "ne",
        "lt",
        "gt",
        "le",
        "ge",
        "sameas",
        "lower",
        "upper",
        "callable",
    ]
)
_WORDS_OF_JINJA = frozenset(
    [
        "in",
        "if",
        "else",
        "elif",
        "for",
        "not",
        "and",
        "or",
        "is",
        "true",
        "false",
        "none",
        "True",
        "False",
        "None",
        "recursive",
        "set",
        "do",
        "endif",
        "endfor",
    ]
)
_SAFE = frozenset(
    [
        "ref",
        "source",
        "config",
        "this",
        "is_incremental",
        "loop",
        "range",
        "var",
        "env_var",
        "target",
        "execute",
        "return",
        "tojson",
        "dict",
        "lipsum",
        "cycler",
    ]
)
#: Words in a macro's file that make what it does depend on more than its text and arguments.
_DYNAMIC = re.compile(
    r"\b(?:ref|source|config|builtins|run_query|graph|model|adapter|exceptions|env_var|caller|modules|context|varargs|kwargs)\b"
)


@dataclass(frozen=True, slots=True)
class MacroText:
    """What a macro file's text shows: its words (lower case), whether it is dynamic, puts something it is given where a table stands,
    or puts words together."""

    words: frozenset[str]
    names: frozenset[str]
    dynamic: bool
    takes_tables: bool
    composes: bool
    vars: frozenset[str]
    sets: frozenset[str]


def macro_text(text: str) -> MacroText:
    """Look at one macro file."""
    at, outside, insides = 0, "", []
    for block in blocks(text):
        outside += text[at : block.start()] + (VALUE if block["value"] is not None else " ")
        insides.append(block["value"] or block["tag"] or "")
        at = block.end()
    masked, inside = outside + text[at:], " ".join(insides)
    words = frozenset(map(str.lower, _WORD.findall(text)))
    return MacroText(
        words=words,
        names=frozenset((*_NAME.findall(inside), *_AFTER_DOT.findall(inside))),
        dynamic=bool(_DYNAMIC.search(inside)) or len(_VAR.findall(inside)) != len(_VAR_NAMED.findall(inside)),
        takes_tables=takes_tables(masked),
        composes=bool(_COMPOSES.search(STRING.sub("''", inside)) or _PASTED.search(masked)),
        vars=frozenset(_VAR_NAMED.findall(inside)),
        sets=frozenset(name for names in _SET.findall(text) for name in _WORD.findall(names)),
    )


class MacroTexts:
    """The macros of a project by name, each with the words of every file that it can reach."""

    def __init__(self, files: Mapping[str, str], macros: Mapping[str, str]) -> None:
        """`files` are texts by path, `macros` paths by name."""
        self._files = files
        self._macros = macros
        self._looked: dict[str, MacroText] = {}
        self._reached: dict[str, tuple[MacroText, ...]] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._macros

    @property
    def override(self) -> bool:
        """Whether a macro stands in for `ref`, `source` or another of their kind: then no call means what its text says."""
        return any(name in self._macros for name in SURFACE)

    def reached(self, name: str) -> tuple[MacroText, ...]:
        """The macro's file, and those of the macros that it may call."""
        done = self._reached.get(name)
        if done is None:
            paths: dict[str, None] = {}
            frontier = [self._macros[name]]
            while frontier:
                path = frontier.pop()
                if path not in paths:
                    paths[path] = None
                    frontier += [self._macros[n] for n in self._look(path).names if n in self._macros]
            done = tuple(self._look(path) for path in paths)
            self._reached[name] = done
        return done

    def source(self, name: str) -> tuple[str, str]:
        """The text and the path of the macro's file."""
        path = self._macros[name]
        return self._files[path], path

    def set_late(self, text: str) -> frozenset[str]:
        """The names that a template, or a macro which it may call, sets: where some hang on what only a run knows, they may yet be
        missing when that is not known. None otherwise."""
        own = macro_text(text)
        parts = (own, *(part for name in own.names if name in self._macros for part in self.reached(name)))
        if not any(part.names & _KNOWN_LATE for part in parts):
            return frozenset()
        return frozenset().union(*(part.sets for part in parts))

    def configures(self, name: str) -> bool:
        """Whether the macro, or one that it calls, may call `config`."""
        return any("config" in one.names for one in self.reached(name))

    def config_of_test(self, kind: str) -> tuple[Call, ...] | None:
        """What a generic test's block sets in literal calls of `config`; None where only rendering tells what is set."""
        text, _ = self.source(f"test_{kind}")
        found: list[Call] = []
        depth = -1  # outside of the block
        for block in blocks(text):
            tag = block["tag"] or ""
            word, rest = (*tag.split(None, 1), "", "")[:2]
            if depth < 0 and not (word in ("test", "data_test") and rest.lstrip().partition("(")[0].strip() == kind):
                continue
            if word in ("endtest", "enddata_test"):
                return tuple(found)
            call = literal_call(block["value"], *block.span(), name="config".__eq__) if block["value"] is not None else None
            if call is not None and depth == 0:
                found.append(call)
                continue
            inside = STRING.sub("''", block["value"] or tag)
            names = (*_NAME.findall(inside), *_AFTER_DOT.findall(inside))
            if word == "raw" or any(name == "config" or (name in self._macros and self.configures(name)) for name in names):
                return None
            depth += word in _OPENS_BLOCK or depth < 0 or (word == "set" and "=" not in rest)
            depth -= word.startswith("end")
        return None

    def _look(self, path: str) -> MacroText:
        looked = self._looked.get(path)
        if looked is None:
            looked = macro_text(self._files[path])
            self._looked[path] = looked
        return looked


@dataclass(frozen=True, slots=True)
class Quick:
    """What the text shows. `config` are literal calls in order; `used` the names that its Jinja looks up."""

    config: tuple[Call, ...]
    refs: tuple[tuple[str, ...], ...]
    sources: tuple[tuple[str, str], ...]
    tables: tuple[tuple[Ident, ...], ...]
    used: tuple[str, ...]


def quick_facts(text: str, candidates: frozenset[str], macros: MacroTexts, vars: Mapping[str, Any]) -> Quick | None:
    """What the template says, or None if that takes rendering or parsing to know. `candidates` are the words that may name a node."""
    if macros.override:
        return None
    try:
        return _Reading(text, candidates, macros, vars).read()
    except Uncertain:
        return None


class _Reading:
    def __init__(self, text: str, candidates: frozenset[str], macros: MacroTexts, vars: Mapping[str, Any]) -> None:
        self.text = text
        self.candidates = candidates
        self.macros = macros
        self.vars = vars
        self.config: list[Call] = []
        self.refs: list[tuple[str, ...]] = []
        self.sources: list[tuple[str, str]] = []
        self.used: set[str] = set()
        self.bound: set[str] = set()
        #: Of each branch or loop, the tag (`if else` behind its else) and whether what is in it counts in any case.
        self.open: list[tuple[str, bool]] = []
        self.outside: list[str] = []
        self.inside: list[str] = []
        self.whole = ""
        self.open_from = False

    def read(self) -> Quick:
        out: list[str] = []
        at = 0
        for block in blocks(self.text):
            between = self.text[at : block.start()]
            if OPENS.search(between) or between[-1:] == "{" or self._joins(block, between):
                raise Uncertain
            if not self.open:
                self.outside.append(between)
            elif not all(counts for _, counts in self.open):
                self.inside.append(between)
            out += (between, self._block(block))
            at = block.end()
        tail = self.text[at:]
        if OPENS.search(tail) or self.open:
            raise Uncertain
        out.append(tail)
        self.outside.append(tail)
        outside, inside = "".join(self.outside), "".join(self.inside)
        tables = plain_tables("".join(out), self.candidates, outside=outside, inside=inside, open_from=self.open_from)
        return Quick(tuple(self.config), _unique(self.refs), _unique(self.sources), tables, tuple(sorted(self.used)))

    def _joins(self, block: re.Match[str], before: str) -> bool:
        """Whether the words on both sides of a comment or tag become one."""
        if block["value"] is not None:
            return False
        text = block.group()
        before = before.rstrip() if text[2] in "-+" else before
        after = _BLANKS_AND_WORD if text[-3] in "-+" else _IN_WORD
        return bool(_IN_WORD.match(before[-1:]) and after.match(self.text, block.end()))

    # -- Jinja -----------------------------------------------------------------------------------------------------------------

    def _block(self, block: re.Match[str]) -> str:
        value, tag = block.group("value"), block.group("tag")
        if value is not None:
            return self._value(value, block.start(), block.end())
        if tag is not None:
            self._tag(tag)
            return BRANCH if tag.split(None, 1)[0] in _ENDS_BRANCH else ""
        return ""

    def _value(self, inner: str, start: int, end: int) -> str:
        stripped = inner.strip()
        if stripped == "this":
            return f" {TABLE} "
        if stripped.startswith("config"):
            call = literal_call(inner, start, end)
            if call is None or call.name != "config" or self.open:
                raise Uncertain
            self.config.append(call)
            return " "
        whole = _CALL.fullmatch(stripped)
        self._expression(inner)
        return f" {TABLE} " if whole is not None else VALUE

    def _tag(self, inner: str) -> None:
        words = inner.split(None, 1)
        name = words[0] if words else ""
        rest = words[1] if len(words) > 1 else ""
        if name in ("if", "for"):
            self.open.append((name, _ON_INCREMENTAL.fullmatch(rest) is not None))
        elif name in ("endif", "endfor"):
            if rest or not self.open or self.open.pop()[0].removesuffix(" else") != name[3:]:
                raise Uncertain
        elif name == "elif":
            if not self.open or self.open[-1][0] != "if":
                raise Uncertain
            if _ON_INCREMENTAL.fullmatch(rest) is None:
                self.open[-1] = ("if", False)
        elif name == "else":
            if rest or not self.open or self.open[-1][0] not in ("if", "for"):
                raise Uncertain
            self.open[-1] = (f"{self.open[-1][0]} else", self.open[-1][1])
        elif name == "set":
            target, equals, rest = rest.partition("=")
            if not equals:
                raise Uncertain
            self._bind(target)
        else:
            raise Uncertain
        if name == "for":
            loop = re.fullmatch(r"\s*([^\W\d]\w*(?:\s*,\s*[^\W\d]\w*)*)\s+in\s+(.*)", rest, re.DOTALL)
            if loop is None:
                raise Uncertain
            for part in loop.group(1).split(","):
                self._bind(part)
            rest = loop.group(2)
        if name in ("if", "elif", "for", "set"):
            self._expression(rest, conditional=name == "set")

    def _bind(self, target: str) -> None:
        name = target.strip()
        if not name.isidentifier() or name in _WORDS_OF_JINJA or name in _SAFE:
            raise Uncertain
        self.bound.add(name)

    def _expression(self, inner: str, *, conditional: bool = True) -> None:
        self.whole = inner
        calls = _CALL.findall(inner)
        bare = STRING.sub("''", inner)
        if len(calls) != len(_CALLED.findall(bare)) or not is_expression(bare.strip(), conditional):
            raise Uncertain
        for name, first, second in calls:
            if name == "ref":
                self.refs.append((first[1:-1],) if not second else (first[1:-1], second[1:-1]))
            elif second:
                self.sources.append((first[1:-1], second[1:-1]))
            else:
                raise Uncertain
        if not _FILTERS.issuperset(_FILTER.findall(bare)) or not _TESTS.issuperset(_TEST.findall(bare)):
            raise Uncertain
        rest = _CALL.sub(" ", inner)
        for literal in STRING.findall(rest):
            words = {word.lower() for word in _WORD.findall(literal)}
            opens = not words.isdisjoint(TABLE_CLAUSES)
            self.open_from = self.open_from or opens
            if not self.candidates.isdisjoint(words) or (opens and _COMPOSES.search(bare)):
                raise Uncertain
        skipped = {*_KEYWORD_ARGUMENT.findall(bare), *_FILTER.findall(bare), *_TEST.findall(bare)}
        for name in _NAME.findall(bare):
            if name not in skipped and name not in _WORDS_OF_JINJA:
                self._look_up(name, bare)

    def _look_up(self, name: str, bare: str) -> None:
        if name in self.macros:
            self.used.add(name)
            for reached in self.macros.reached(name):
                if reached.dynamic or not self.candidates.isdisjoint(reached.words):
                    raise Uncertain
                self._vars(reached.vars)
                self.open_from = self.open_from or not reached.words.isdisjoint(TABLE_CLAUSES)
                if reached.takes_tables and (reached.composes or _COMPOSES.search(bare)):
                    raise Uncertain
        elif name in ("var", "env_var"):
            self.used.add(name)
            if name == "env_var" or len(_VAR.findall(self.whole)) != len(_VAR_NAMED.findall(self.whole)):
                raise Uncertain
            self._vars(_VAR_NAMED.findall(self.whole))
        elif name in _SAFE:
            self.used.add(name)
        elif name not in self.bound:
            raise Uncertain

    def _vars(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self.vars or self._names_node(self.vars[name]):
                raise Uncertain
            self.used.add("var")

    def _names_node(self, value: Any) -> bool:
        if isinstance(value, str):
            words = {word.lower() for word in _WORD.findall(value)}
            self.open_from = self.open_from or not words.isdisjoint(TABLE_CLAUSES)
            return not self.candidates.isdisjoint(words)
        if isinstance(value, Mapping):
            return any(self._names_node(v) or self._names_node(k) for k, v in value.items())
        return any(self._names_node(v) for v in value) if isinstance(value, list) else False


def _unique(items: list[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(items))
