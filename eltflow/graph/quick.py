"""Facts without rendering and without parsing, for the many templates in which both could find nothing that the text does not show.

A plain name of a node can stand in rendered SQL only if the word is in the template's own text, in a macro that it calls, in a string
of its Jinja, or in a variable; and it matters only where a table may stand. `quick_facts` looks at exactly these places. It gives None
whenever it is not certain: the template is then rendered and its SQL parsed. (`tests/graph/test_quick.py` holds the two against each other.)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from eltflow.jinja.static import Call, literal_call

_BLOCK = re.compile(
    r"\{#.*?#\}|\{\{[-+]?(?P<value>(?:[^'\"}]|'[^'\\]*'|\"[^\"\\]*\"|\}(?!\}))*?)[-+]?\}\}"
    r"|\{%[-+]?(?P<tag>(?:[^'\"%]|'[^'\\]*'|\"[^\"\\]*\"|%(?!\}))*?)[-+]?%\}",
    re.DOTALL,
)
_OPENS = re.compile(r"\{[{%#]")
_STRING = re.compile(r"'[^'\\]*'|\"[^\"\\]*\"")
_CALL = re.compile(r"(?<![\w.])(ref|source)\s*\(\s*('[^'\\]*'|\"[^\"\\]*\")\s*(?:,\s*('[^'\\]*'|\"[^\"\\]*\")\s*)?\)")
_CALLED = re.compile(r"(?<![\w.])(?:ref|source)\s*\(")
_NAME = re.compile(r"(?<![\w.])[^\W\d]\w*")
_AFTER_DOT = re.compile(r"\.\s*([^\W\d]\w*)")  # may be a macro, called by the project's name
_KEYWORD_ARGUMENT = re.compile(r"([^\W\d]\w*)\s*=(?!=)")
_FILTER = re.compile(r"\|\s*([^\W\d]\w*)")
_TEST = re.compile(r"\bis\s+(?:not\s+)?([^\W\d]\w*)")
_COMPOSES = re.compile(r"~|%|\bjoin\b|\breplace\b|\bformat\b|\[[^\]]*:|\+")
_VAR = re.compile(r"(?<![\w.])var\b")
_VAR_NAMED = re.compile(r"(?<![\w.])var\(\s*['\"]([^'\"]+)['\"]\s*[,)]")
_FROM = re.compile(r"\b(?:from|join)\s+[\"`\[]?([^\W\d]\w*)", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d]\w*")
#: Comments and strings; a mark ends a comment, for what is rendered there may hold a line's end.
_SQL_NOISE = re.compile(r"--[^\n\x02]*|/\*.*?\*/|'(?:[^']|'')*'", re.DOTALL)
_SQL_QUOTED = re.compile(rf'(?P<name>"(?:[^"]|"")*")|{_SQL_NOISE.pattern}', re.DOTALL)
_PLAIN_QUOTED = re.compile(r'"[^\W\d]\w*"')
_DOLLAR = re.compile(r"\$\w*\$")
_NOISE = re.compile(r"\{#.*?#\}|--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'", re.DOTALL)
_CLAUSE = re.compile(
    r"\b(select|from|join|where|on|using|group|having|order|qualify|window|limit|union|intersect|except|values|with"
    r"|pivot|unpivot|pivot_wider|pivot_longer|into|table|summarize|describe|update)\b|[(),\x02]",
    re.IGNORECASE,
)
_TABLE_CLAUSES = frozenset(
    ["from", "join", "pivot", "unpivot", "pivot_wider", "pivot_longer", "into", "table", "summarize", "describe", "update", "from("]
)
#: Clauses after which a comma goes on with the tables of FROM.
_OF_JOIN = frozenset({"on", "using"})
_NEXT = re.compile(r"\s*(?:(?:only|lateral)\b\s*|\"?[^\W\d]\w*\"?\s*:(?!:)\s*)?([\x01\x02]|[\"`\[]?[^\W\d]\w*\x02?)", re.IGNORECASE)
_DOT = re.compile(r"[\"`\]]?\s*\.")
_AS = re.compile(r'"?\s*(?:\([^()]*\)\s*)?as\b')
_IN_WORD = re.compile(r"\w")
_DEFINED = re.compile(r'(?:\bwith|,)\s*"?(\w+)"?\s*(?:\([^()]*\)\s*)?as\s+(?:not\s+)?(?:materialized\s*)?\(', re.IGNORECASE)
_PAREN = re.compile(r"[()]")

_CONTINUED = re.compile(
    r"(?:,|\x02)\s*[\"`\[]?([^\W\d]\w*)\b(?!\"?\s*(?:\([^()]*\)\s*)?as\s+(?:not\s+)?(?:materialized\s*)?\()", re.IGNORECASE
)
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


def macro_text(text: str) -> MacroText:
    """Look at one macro file."""
    masked = _BLOCK.sub(lambda m: "\x02" if m.group("value") is not None else " ", text)
    inside = " ".join(m.group("value") or m.group("tag") or "" for m in _BLOCK.finditer(text))
    words = frozenset(map(str.lower, _WORD.findall(text)))
    return MacroText(
        words=words,
        names=frozenset((*_NAME.findall(inside), *_AFTER_DOT.findall(inside))),
        dynamic=bool(_DYNAMIC.search(inside)) or len(_VAR.findall(inside)) != len(_VAR_NAMED.findall(inside)),
        takes_tables=any(word.endswith("\x02") for word, _, _ in _table_words(_without_noise(masked))),
        composes=bool(_COMPOSES.search(_STRING.sub("''", inside))),
        vars=frozenset(_VAR_NAMED.findall(inside)),
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
    used: tuple[str, ...]


class _Uncertain(Exception):
    pass


def quick_facts(text: str, candidates: frozenset[str], macros: MacroTexts, vars: Mapping[str, Any]) -> Quick | None:
    """What the template says, or None if that takes rendering or parsing to know. `candidates` are the words that may name a node."""
    try:
        return _Reading(text, candidates, macros, vars).read()
    except _Uncertain:
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
        self.open: list[str] = []
        self.outside: list[str] = []
        self.whole = ""
        self.open_from = False

    def read(self) -> Quick:
        plain = self.candidates.intersection(map(str.lower, _FROM.findall(_NOISE.sub(" ", self.text))))
        if plain and not _all_named(plain, self.text.lower()):
            raise _Uncertain
        out: list[str] = []
        at = 0
        for block in _BLOCK.finditer(self.text):
            between = self.text[at : block.start()]
            if _OPENS.search(between):
                raise _Uncertain
            if not self.open:
                self.outside.append(between)
            out += (between, self._block(block))
            at = block.end()
        tail = self.text[at:]
        if _OPENS.search(tail) or self.open:
            raise _Uncertain
        out.append(tail)
        self.outside.append(tail)
        self._check_sql("".join(out))
        return Quick(tuple(self.config), _unique(self.refs), _unique(self.sources), tuple(sorted(self.used)))

    # -- Jinja -----------------------------------------------------------------------------------------------------------------

    def _block(self, block: re.Match[str]) -> str:
        value, tag = block.group("value"), block.group("tag")
        if value is not None:
            return self._value(value, block.start(), block.end())
        if tag is not None:
            self._tag(tag)
        return ""

    def _value(self, inner: str, start: int, end: int) -> str:
        stripped = inner.strip()
        if stripped == "this":
            return " \x01 "
        if stripped.startswith("config"):
            call = literal_call(inner, start, end)
            if call is None or call.name != "config" or self.open:
                raise _Uncertain
            self.config.append(call)
            return " "
        whole = _CALL.fullmatch(stripped)
        self._expression(inner)
        return " \x01 " if whole is not None else "\x02"

    def _tag(self, inner: str) -> None:
        words = inner.split(None, 1)
        name = words[0] if words else ""
        rest = words[1] if len(words) > 1 else ""
        if name in ("if", "for"):
            self.open.append(name)
        elif name in ("endif", "endfor"):
            if not self.open or self.open.pop() != name[3:]:
                raise _Uncertain
        elif name == "elif" or name == "else":
            if not self.open:
                raise _Uncertain
        elif name == "set":
            target, equals, rest = rest.partition("=")
            if not equals or not re.fullmatch(r"\s*[^\W\d]\w*\s*", target):
                raise _Uncertain
            self.bound.add(target.strip())
        else:
            raise _Uncertain
        if name == "for":
            loop = re.fullmatch(r"\s*([^\W\d]\w*(?:\s*,\s*[^\W\d]\w*)*)\s+in\s+(.*)", rest, re.DOTALL)
            if loop is None:
                raise _Uncertain
            self.bound.update(part.strip() for part in loop.group(1).split(","))
            rest = loop.group(2)
        if name in ("if", "elif", "for", "set") and not rest.strip():
            raise _Uncertain
        if rest and name not in ("else", "endif", "endfor"):
            self._expression(rest)

    def _expression(self, inner: str) -> None:
        self.whole = inner
        calls = _CALL.findall(inner)
        bare = _STRING.sub("''", inner)
        if len(calls) != len(_CALLED.findall(bare)) or not _balanced(bare) or not bare.strip():
            raise _Uncertain
        for name, first, second in calls:
            if name == "ref":
                self.refs.append((first[1:-1],) if not second else (first[1:-1], second[1:-1]))
            elif second:
                self.sources.append((first[1:-1], second[1:-1]))
            else:
                raise _Uncertain
        if not _FILTERS.issuperset(_FILTER.findall(bare)) or not _TESTS.issuperset(_TEST.findall(bare)):
            raise _Uncertain
        rest = _CALL.sub(" ", inner)
        for literal in _STRING.findall(rest):
            words = {word.lower() for word in _WORD.findall(literal)}
            self.open_from = self.open_from or not words.isdisjoint(_TABLE_CLAUSES)
            if not self.candidates.isdisjoint(words):
                raise _Uncertain
        skipped = {*_KEYWORD_ARGUMENT.findall(bare), *_FILTER.findall(bare), *_TEST.findall(bare)}
        for name in _NAME.findall(bare):
            if name not in skipped and name not in _WORDS_OF_JINJA:
                self._look_up(name, bare)

    def _look_up(self, name: str, bare: str) -> None:
        if name in self.macros:
            self.used.add(name)
            for reached in self.macros.reached(name):
                if reached.dynamic or not self.candidates.isdisjoint(reached.words):
                    raise _Uncertain
                self._vars(reached.vars)
                self.open_from = self.open_from or not reached.words.isdisjoint(_TABLE_CLAUSES)
                if reached.takes_tables and (reached.composes or _COMPOSES.search(bare)):
                    raise _Uncertain
        elif name in ("var", "env_var"):
            self.used.add(name)
            if name == "env_var" or len(_VAR.findall(self.whole)) != len(_VAR_NAMED.findall(self.whole)):
                raise _Uncertain
            self._vars(_VAR_NAMED.findall(self.whole))
        elif name in _SAFE:
            self.used.add(name)
        elif name not in self.bound:
            raise _Uncertain

    def _vars(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self.vars or self._names_node(self.vars[name]):
                raise _Uncertain
            self.used.add("var")

    def _names_node(self, value: Any) -> bool:
        if isinstance(value, str):
            words = {word.lower() for word in _WORD.findall(value)}
            self.open_from = self.open_from or not words.isdisjoint(_TABLE_CLAUSES)
            return not self.candidates.isdisjoint(words)
        if isinstance(value, Mapping):
            return any(self._names_node(v) or self._names_node(k) for k, v in value.items())
        return any(self._names_node(v) for v in value) if isinstance(value, list) else False

    # -- SQL -------------------------------------------------------------------------------------------------------------------

    def _check_sql(self, masked: str) -> None:
        """Raise unless no table name in the text can be a node's."""
        if ("$" in masked and _DOLLAR.search(masked)) or "\\'" in masked:
            raise _Uncertain
        sql = _without_noise(masked)
        if "'" in sql:
            raise _Uncertain
        if self.open_from and not self.candidates.isdisjoint(map(str.lower, _CONTINUED.findall(sql))):
            raise _Uncertain  # what Jinja writes may end within a FROM clause, which the text then goes on with
        hits: list[tuple[str, int]] = []
        for word, place, sure in _table_words(sql):
            name = word.strip('"`[').lower()
            dotted = _DOT.match(sql, place + len(word)) is not None
            if word.endswith("\x02") or (dotted and (sure or name in self.candidates)):
                raise _Uncertain
            if name in self.candidates:
                hits.append((name, place))
        if not hits:
            return
        if sql.count("(") != sql.count(")"):
            raise _Uncertain
        defined: dict[str, re.Match[str]] = {}
        for match in _DEFINED.finditer(sql):
            defined.setdefault(match.group(1).lower(), match)
        outside = {name.lower() for name in _DEFINED.findall(_without_noise("".join(self.outside)))}
        for name in {name for name, _ in hits}:
            if name not in outside or name not in defined:
                raise _Uncertain  # no CTE, or one that stands in a branch
            self._check_hidden(sql, defined[name], [place for other, place in hits if other == name])

    def _check_hidden(self, sql: str, defined: re.Match[str], places: list[int]) -> None:
        """Raise unless the CTE is defined at the outermost level, and stands before every place where a table may be meant."""
        if sql.count("(", 0, defined.start()) != sql.count(")", 0, defined.start()):
            raise _Uncertain
        before = {token.group().lower() for token in _CLAUSE.finditer(_outermost(sql[: defined.start() + 1]))}
        if not before <= {"with", ",", "(", ")"}:
            raise _Uncertain
        depth, end = 1, defined.end()
        for paren in _PAREN.finditer(sql, end):
            depth += 1 if paren.group() == "(" else -1
            if depth == 0:
                end = paren.end()
                break
        if any(place <= end for place in places):
            raise _Uncertain


def names_qualified_table(sql: str) -> bool:
    """Whether the text may name a table as `schema.table` where a table may stand: a node's relation, though no word is a node's name."""
    sql = _without_noise(sql)
    return any(sure and _DOT.match(sql, place + len(word)) for word, place, sure in _table_words(sql))


def _without_noise(sql: str) -> str:
    """The text without comments and strings; quoted names that are more than one word give way to one that means nothing."""
    if '"' not in sql:
        return _SQL_NOISE.sub(" ", sql)

    def kept(match: re.Match[str]) -> str:
        name = match.group("name")
        return " " if name is None else name if _PLAIN_QUOTED.fullmatch(name) else '"q"'

    return _SQL_QUOTED.sub(kept, sql)


def _all_named(names: Iterable[str], text: str) -> bool:
    """Whether `as` follows each of the names somewhere in the text (both in lower case), as after the name of a CTE."""
    return all(any(_AS.match(text, at + len(name)) for at in _places(name, text)) for name in names)


def _places(word: str, text: str) -> Iterator[int]:
    """Where the text has a word that begins like that."""
    at = text.find(word)
    while at >= 0:
        if at == 0 or not _IN_WORD.match(text, at - 1):
            yield at
        at = text.find(word, at + 1)


def _outermost(sql: str) -> str:
    """The text without what stands in parentheses."""
    while (less := re.sub(r"\([^()]*\)", " ", sql)) != sql:
        sql = less
    return sql


def _table_words(sql: str) -> Iterable[tuple[str, int, bool]]:
    """The word (or mark) at each place of the text where a table may stand, its position, and whether the text shows that it may.

    A mark may have rendered to anything, as the end of a FROM clause: after one, a plain word counts too.
    """
    clauses: list[str] = [""]
    for token in _CLAUSE.finditer(sql):
        text = token.group().lower()
        if text == "(":
            clauses.append("(" if clauses[-1] not in _TABLE_CLAUSES else "from(")
            if clauses[-1] == "from(":  # FROM (a JOIN b): a table may follow directly
                word = _NEXT.match(sql, token.end())
                if word is not None and word.group(1).lower() not in ("select", "with", "from", "values"):
                    yield word.group(1), word.start(1), True
            continue
        if text == ")":
            if len(clauses) > 1:
                clauses.pop()
            continue
        marked = text == "\x02" or (text == "," and clauses[-1] == "\x02")
        if marked:
            if clauses[-1] not in _TABLE_CLAUSES:
                clauses[-1] = "\x02"
        elif text == ",":
            if clauses[-1] in _OF_JOIN:
                clauses[-1] = "from"
            if clauses[-1] not in _TABLE_CLAUSES:
                continue
        else:
            clauses[-1] = text
            if text not in _TABLE_CLAUSES:
                continue
        word = _NEXT.match(sql, token.end())
        if word is not None and not (marked and word.group(1)[-1] in "\x01\x02"):
            yield word.group(1), word.start(1), text != "," or not marked


def _balanced(text: str) -> bool:
    return all(text.count(a) == text.count(b) for a, b in ("()", "[]", "{}"))


def _unique(items: list[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(items))
