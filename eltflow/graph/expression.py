"""Selections as text → Expression: `2+orders,tag:daily path:seeds` as a value that `select` can apply to any graph."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias, get_args

from eltflow.base.diagnostics import Diagnostic, EltflowError, fail
from eltflow.base.names import did_you_mean, listed
from eltflow.base.records import dataclass, field

Indirect = Literal["eager", "cautious", "buildable", "empty"]
INDIRECT: tuple[Indirect, ...] = get_args(Indirect)

#: What may stand before the colon, and what it looks at.
METHODS: Mapping[str, str] = {
    "fqn": "the name, or the folders and the name with dots between",
    "path": "a file or folder, from the project's root",
    "file": "a file's name, in any folder",
    "tag": "a tag",
    "source": "a source, or `source.table`",
    "ingest": "an ingestion step, or the table it loads",
    "deliver": "a delivery",
    "task": "a task",
    "exposure": "an exposure",
    "column": "a column, `node.column`: with `+`, what it hangs on or what hangs on it",
    "config": "a config value: `config.materialized:table`",
    "group": "a group",
    "access": "who may read a model: private, protected or public",
    "package": "a package; `this` is the project",
    "resource_type": "model, seed, source, test, ...",
    "test_name": "the generic test that a test uses",
    "test_type": "generic, singular, data or unit",
    "version": "latest, prerelease, old or none",
    "selector": "a selector of selectors.yml",
    "unit_test": "a unit test",
    "metric": "a metric",
    "semantic_model": "a semantic model",
    "saved_query": "a saved query",
    "state": "what changed since another state of the project",
    "result": "how it went in an earlier run",
    "source_status": "how fresh a source was",
}

RESOURCE_TYPES = (
    "model", "seed", "source", "ingest", "test", "exposure", "deliver", "task", "analysis",
    "snapshot", "unit_test", "metric", "semantic_model", "saved_query", "function",
)  # fmt: skip

#: Methods that take one of a few words, and nothing else.
WORDS: Mapping[str, tuple[str, ...]] = {
    "resource_type": RESOURCE_TYPES,
    "test_type": ("generic", "singular", "data", "unit", "schema"),
    "version": ("latest", "prerelease", "old", "none"),
}

FILE_ENDINGS = (".sql", ".py", ".csv", ".json", ".parquet")

_TOKEN = re.compile(r"(?P<at>@)?(?:(?P<up>\d*)\+)?(?P<body>.*?)(?:\+(?P<down>\d*))?", re.DOTALL)
_METHOD = re.compile(r"(?P<name>\w+)(?P<args>(?:\.\w+)*):(?P<value>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What one method matches, and its neighbours.

    `parents` and `children` are steps in the graph: 0 none, None all the way; `around` is the `@`. `indirect` overrules how the
    request attaches tests. `text` (as written), `selector` and `place` (where it stands in selectors.yml) are for messages only.
    """

    method: str
    value: str
    args: tuple[str, ...] = ()
    parents: int | None = 0
    children: int | None = 0
    around: bool = False
    indirect: Indirect | None = None
    text: str = field(default="", compare=False)
    selector: str | None = field(default=None, compare=False)
    place: tuple[str | int, ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        return self.text or ".".join((self.method, *self.args)) + f":{self.value}"


@dataclass(frozen=True, slots=True)
class Everything:
    """The whole graph: what is meant when nothing is selected."""


@dataclass(frozen=True, slots=True)
class Union:
    """What any of the parts selects."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Intersection:
    """What all the parts select."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """What `kept` selects and `dropped` does not."""

    kept: Expression
    dropped: Expression


Expression: TypeAlias = Token | Everything | Union | Intersection | Difference


def parse(text: str) -> Expression:
    """The expression that a text stands for: tokens, with commas for intersection and blanks for union.

    Raises EltflowError (E0501) where the text breaks the grammar or names a method that does not exist.
    """
    return parse_all((text,))


def parse_all(texts: Iterable[str]) -> Expression:
    """The union of several texts. Raises EltflowError (E0501) with every mistake in them, or when there is no token at all."""
    words = [word for text in texts for word in text.split()]
    if not words:
        raise fail("E0501", "an empty selection", help="name something: `orders`, `tag:daily`, `path:models/staging`")
    found: list[Diagnostic] = []
    parts: list[Expression] = []
    for word in words:
        try:
            parts.append(_word(word))
        except EltflowError as error:
            found += error.diagnostics
    if found:
        raise EltflowError(found)
    return union(parts)


def union(parts: Iterable[Expression]) -> Expression:
    """The union of the parts; of one part, that part."""
    together = tuple(parts)
    return together[0] if len(together) == 1 else Union(together)


def token(
    method: str,
    value: str,
    *,
    args: tuple[str, ...] = (),
    parents: int | None = 0,
    children: int | None = 0,
    around: bool = False,
    indirect: Indirect | None = None,
    text: str = "",
) -> Token:
    """A checked Token. Raises EltflowError (E0501) for an unknown method, a value it cannot take, or `@` together with children."""
    shown = text or ".".join((method, *args)) + f":{value}"
    if method not in METHODS:
        raise fail("E0501", f"there is no selection method `{method}`, as in `{shown}`", help=_no_method(method, value))
    if method == "config" and not args:
        help = "name the config with a dot: `config.materialized:table`, `config.meta.owner:ann`"
        raise fail("E0501", f"`{shown}` does not say which config", help=help)
    if method != "config" and args:
        help = f"write `{method}:{value}`"
        raise fail("E0501", f"`{method}` takes no `.{'.'.join(args)}`, as in `{shown}`", help=help)
    if not value:
        raise fail("E0501", f"`{shown}` names nothing", help=f"after the colon stands {METHODS[method]}")
    words = WORDS.get(method)
    if words is not None and value not in words:
        help = did_you_mean(value, words) or f"one of {', '.join(words)}"
        raise fail("E0501", f"`{value}` in `{shown}` is no {method.replace('_', ' ')}", help=help)
    if method == "fqn" and "+" in value:
        help = "a `+` stands before or after a name, with a number of steps at most: `2+orders`, `orders+1`"
        raise fail("E0501", f"`{shown}` has a `+` where none can stand", help=help)
    if around and children != 0:
        help = f"write `@{value}`: it has everything downstream already"
        raise fail("E0501", f"`@` and a `+` behind cannot stand together, as in `{shown}`", help=help)
    above = 0 if around else parents  # `@` reaches all of them anyway
    return Token(
        method=method, value=value, args=args, parents=above, children=children, around=around, indirect=indirect, text=text
    )


def _word(word: str) -> Expression:
    parts = word.split(",")
    if not all(parts):
        help = "a comma stands between two selections, without blanks: `tag:daily,path:models/marts`"
        raise fail("E0501", f"a comma in `{word}` has nothing on one side", help=help)
    tokens = tuple(_token(part) for part in parts)
    return tokens[0] if len(tokens) == 1 else Intersection(tokens)


def _token(text: str) -> Token:
    match = _TOKEN.fullmatch(text)
    assert match is not None  # every text matches: `body` takes what the operators leave
    body = match["body"]
    if not body:
        raise fail("E0501", f"`{text}` selects around nothing", help="name something beside the operator: `+orders`, `@orders`")
    parts = _METHOD.fullmatch(body)
    if parts is None:
        if body.startswith(":"):
            raise fail("E0501", f"there is no method before the colon of `{text}`", help=f"write `{body[1:]}`, or `tag{body}`")
        method, args, value = default_method(body), (), body
    else:
        method, value = parts["name"], parts["value"]
        args = tuple(parts["args"].split(".")[1:])
    return token(
        method,
        value,
        args=args,
        parents=_depth(match["up"]),
        children=_depth(match["down"]),
        around=match["at"] is not None,
        text=text,
    )


def default_method(value: str) -> str:
    """How a value without a method is looked up: as a path, as a file, else by name."""
    if "/" in value:
        return "path"
    return "file" if value.lower().endswith(FILE_ENDINGS) else "fqn"


def _depth(digits: str | None) -> int | None:
    if digits is None:
        return 0
    return int(digits) if digits and len(digits) < 10 else None


def _no_method(method: str, value: str) -> str:
    if method in RESOURCE_TYPES:
        return f"write `{value}`, or `{value},resource_type:{method}` for that kind alone"
    return did_you_mean(method, METHODS) or f"there are {listed(METHODS, 30)}"
