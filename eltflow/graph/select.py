"""Which nodes a command works on: a Request applied to a Graph gives their ids in graph order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from eltflow.base.diagnostics import Diagnostic, EltflowError, Severity, fail
from eltflow.base.names import did_you_mean, listed
from eltflow.base.plurals import counted
from eltflow.base.records import dataclass, replace
from eltflow.graph.expression import (
    INDIRECT,
    RESOURCE_TYPES,
    Difference,
    Everything,
    Expression,
    Indirect,
    Token,
    Union,
    parse_all,
)
from eltflow.graph.graph import Graph
from eltflow.graph.lookup import REFERABLE
from eltflow.graph.methods import Index
from eltflow.graph.selectors import Selectors, named, no_selector, read_selectors, spanned
from eltflow.project.nodes import noun

#: Methods that compare with another state of the project, and what each needs.
_NEED_STATE = {
    "state": "an earlier state of the project",
    "result": "the results of an earlier run",
    "source_status": "an earlier check of how fresh the sources are",
}
_MOST_ADVICE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a command was asked to work on.

    `select` and `exclude` are texts as typed; `selector` is a name from `selectors`, the entries of selectors.yml, whose text
    `read` gives. `indirect` is how tests join (None: eager); a definition in selectors.yml may say otherwise for itself.
    `acts_on` are the resource types that the command works on (None: all); `resource_types` replace them (`all`, `default` for
    `acts_on`), and `exclude_resource_types` are taken away. `project` is the package that `package:this` means. Where it is not
    `strict`, keys that mean nothing in selectors.yml are passed over. `columns` gives the nodes that a column reaches, by its name and
    how many steps up and down (None: all the way): lineage is no business of the graph's.
    """

    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    selector: str | None = None
    selectors: Sequence[Mapping[str, Any]] = ()
    indirect: Indirect | None = None
    resource_types: tuple[str, ...] = ()
    exclude_resource_types: tuple[str, ...] = ()
    acts_on: Collection[str] | None = None
    project: str | None = None
    read: Callable[[str], str] | None = None
    strict: bool = True
    columns: Callable[[str, int | None, int | None], set[str]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The ids selected, in graph order, and what there is to say.

    W0501: something matched nothing (a note where that may be no mistake); W0502: nothing is selected (a note where nothing was asked for);
    W0503: a text passed over.
    """

    ids: tuple[str, ...]
    diagnostics: tuple[Diagnostic, ...] = ()


def select(graph: Graph, request: Request) -> Selection:
    """The nodes that a request selects. To select nothing is no error.

    Raises EltflowError for a broken text (E0501), a method that needs a state (E0502), an unknown selector (E0503) or a
    broken selectors.yml (E0504).
    """
    if request.indirect is not None and request.indirect not in INDIRECT:
        help = did_you_mean(request.indirect, INDIRECT) or f"one of {', '.join(INDIRECT)}"
        raise fail("E0501", f"`{request.indirect}` is no way to select tests", help=help)
    types = _types(request)
    selectors = read_selectors(request.selectors, request.read, strict=request.strict)
    evaluation = _Evaluation(graph, selectors, request)
    diagnostics: list[Diagnostic] = []
    expression = _expression(request, selectors, diagnostics)
    chosen = evaluation.found(expression).direct if expression is not None else set()
    nodes = graph.nodes
    ids = tuple(
        unique_id for unique_id in nodes if unique_id in chosen and (types is None or nodes[unique_id].resource_type in types)
    )
    diagnostics += evaluation.unmatched()
    if not ids and not any(found.severity == "warning" for found in diagnostics):
        help = "everything selected is excluded again" if request.exclude else "no node is in all parts of an intersection"
        found = _nothing(graph, chosen, None if diagnostics else help)
        asked = any((request.select, request.exclude, request.selector, request.resource_types, request.exclude_resource_types))
        diagnostics.append(found if asked else replace(found, severity="note"))  # a project may have no seeds: that is no mistake
    return Selection(ids=ids, diagnostics=tuple(diagnostics))


def _expression(request: Request, selectors: Selectors, diagnostics: list[Diagnostic]) -> Expression | None:
    """What the request asks for as one expression; None for a `--select` that is blank."""
    kept: Expression = Everything()
    excluded = any(text.split() for text in request.exclude)
    if request.selector is not None:
        if request.selector not in selectors:
            help = no_selector(request.selector, selectors)
            raise fail("E0503", f"there is no selector `{request.selector}`", help=help)
        kept = selectors[request.selector].expression
        if request.select:
            help = f'to have both, write `--select "selector:{request.selector} {" ".join(request.select)}"`'
            message = f"`--select {' '.join(request.select)}` is passed over: `--selector` says what to select"
            diagnostics.append(Diagnostic(code="W0503", severity="warning", message=message, help=help))
    elif request.select:
        if not any(text.split() for text in request.select):
            help = "leave it out to select everything"
            diagnostics.append(Diagnostic(code="W0501", severity="warning", message="the text to select is blank", help=help))
            return None
    elif not excluded:
        kept = next((selector.expression for selector in selectors.values() if selector.default), kept)
    problems: list[Diagnostic] = []
    dropped: Expression | None = None
    try:
        kept = parse_all(request.select) if request.select and request.selector is None else kept
    except EltflowError as error:
        problems += error.diagnostics
    try:
        dropped = parse_all(request.exclude) if excluded else None
    except EltflowError as error:
        problems += error.diagnostics
    if problems:
        raise EltflowError(problems)
    return kept if dropped is None else Difference(kept, dropped)


def _types(request: Request) -> frozenset[str] | None:
    """The resource types that may stay; None for all."""
    known = (*RESOURCE_TYPES, "all", "default")
    for name in (*request.resource_types, *request.exclude_resource_types):
        if name not in known:
            help = did_you_mean(name, known) or f"one of {', '.join(known)}"
            raise fail("E0501", f"there is no resource type `{name}`", help=help)
    default = frozenset(RESOURCE_TYPES if request.acts_on is None else request.acts_on)
    words = {"all": frozenset(RESOURCE_TYPES), "default": default}

    def types(names: tuple[str, ...]) -> frozenset[str]:
        return frozenset(kind for name in names for kind in words.get(name, (name,)))

    if request.acts_on is None and not request.resource_types and not request.exclude_resource_types:
        return None
    return (types(request.resource_types) or default) - types(request.exclude_resource_types)


def _nothing(graph: Graph, chosen: set[str], help: str | None) -> Diagnostic:
    """Why nothing is selected; `help` is for when no node is left."""
    if chosen:
        kinds: dict[str, int] = {}
        for unique_id in chosen:
            kind = graph.nodes[unique_id].resource_type
            kinds[kind] = kinds.get(kind, 0) + 1
        held = listed(
            [counted(count, "ingestion step" if kind == "ingest" else noun(kind)) for kind, count in sorted(kinds.items())], 10
        )
        message = f"the selection holds {held}, and nothing that this command works on"
        return Diagnostic(code="W0502", severity="warning", message=message)
    if not graph.nodes:
        return Diagnostic(code="W0502", severity="warning", message="the project has no nodes")
    return Diagnostic(code="W0502", severity="warning", message="nothing is selected", help=help)


@dataclass(frozen=True, slots=True)
class _Found:
    """Ids chosen, and the tests on them that join once all parents are chosen (`cautious`), or chosen or above one (`buildable`).

    A test that has joined stays among those, so that it can join what a set operation makes of several.
    """

    direct: set[str]
    cautious: set[str]
    buildable: set[str]


class _Evaluation:
    """One request at work: holds lookups, what selectors came to, and the tokens that matched nothing."""

    def __init__(self, graph: Graph, selectors: Selectors, request: Request) -> None:
        self.graph = graph
        self.index = Index(graph, request.project)
        self.selectors = selectors
        self.mode: Indirect = request.indirect or "eager"
        self.read = request.read
        self.columns = request.columns
        self._excluding = 0
        self._missed: list[tuple[Token, Severity]] = []
        self._known: dict[str, _Found] = {}

    def found(self, expression: Expression) -> _Found:
        """What an expression selects."""
        if isinstance(expression, Token):
            return self._token(expression)
        if isinstance(expression, Everything):
            return _Found(set(self.graph.nodes), set(), set())
        if isinstance(expression, Difference):
            kept = self.found(expression.kept)
            self._excluding += 1
            dropped = self.found(expression.dropped)
            self._excluding -= 1
            gone = dropped.direct
            return _Found(kept.direct - gone, kept.cautious - gone, kept.buildable - gone)
        parts = [self.found(part) for part in expression.parts]
        combine = set.union if isinstance(expression, Union) else set.intersection
        return self._settled(
            combine(*(part.direct for part in parts)),
            combine(*(part.cautious for part in parts)),
            combine(*(part.buildable for part in parts)),
        )

    def _token(self, token: Token) -> _Found:
        if token.method in _NEED_STATE:
            message = f"`{token}` compares with {_NEED_STATE[token.method]}, and there is none"
            error = Diagnostic(code="E0502", message=message, help="select without it: such states are not kept yet")
            raise EltflowError(spanned(error, token.place, self.read) if token.selector else error)
        if token.method == "column":
            return self._column(token)
        start = self._selector(token) if token.method == "selector" else _Found(self.index.match(token), set(), set())
        if not start.direct:
            self._missed.append((token, "note" if token.selector or self._excluding else "warning"))
            return start
        reach = self._reach(token, start.direct)
        fresh = reach - start.direct if token.method == "selector" else reach
        if not fresh:
            return start
        return self._with_tests(reach, fresh, token.indirect or self.mode, start)

    def _column(self, token: Token) -> _Found:
        if self.columns is None:
            raise fail("E0502", f"`{token}` needs column lineage, which is not there", help="select by name instead")
        up, down = (None, None) if token.around else (token.parents, token.children)
        ids = self.columns(token.value, up, down)
        tests = {unique_id for unique_id in ids if self.graph.nodes[unique_id].resource_type == "test"}
        mode = token.indirect or self.mode
        if mode == "eager":
            return _Found(ids, set(), set())
        waiting = set() if mode == "empty" else tests
        return self._settled(ids - tests, waiting if mode == "cautious" else set(), waiting if mode == "buildable" else set())

    def _selector(self, token: Token) -> _Found:
        names = named(self.selectors, token.value)
        if not names:
            raise fail("E0503", f"there is no selector `{token.value}`", help=no_selector(token.value, self.selectors))
        for name in names:
            if name not in self._known:
                self._known[name] = self.found(self.selectors[name].expression)
        parts = [self._known[name] for name in names]
        return self._settled(
            set().union(*(part.direct for part in parts)),
            set().union(*(part.cautious for part in parts)),
            set().union(*(part.buildable for part in parts)),
        )

    def _reach(self, token: Token, start: set[str]) -> set[str]:
        """The nodes matched and the neighbours that the token's operators add."""
        if token.around:
            below = start | self.graph.descendants(start)
            return below | self.graph.ancestors(below)
        above = self.graph.ancestors(start, token.parents) if token.parents != 0 else set()
        below = self.graph.descendants(start, token.children) if token.children != 0 else set()
        return start | above | below

    def _with_tests(self, reach: set[str], fresh: set[str], mode: Indirect, start: _Found) -> _Found:
        """What is reached, and the tests on what is fresh: at once, or once their other parents are chosen too."""
        if mode == "empty":
            return _Found(reach, start.cautious, start.buildable)
        on = self.index.tests
        tests = {test for unique_id in fresh for test in on.get(unique_id, ())}
        if mode == "eager":
            return _Found(reach | tests, start.cautious, start.buildable)
        tests |= {unique_id for unique_id in fresh if self.graph.nodes[unique_id].resource_type == "test"}
        if mode == "cautious":
            return self._settled(reach, start.cautious | tests, start.buildable)
        return self._settled(reach, start.cautious, start.buildable | tests)

    def _settled(self, direct: set[str], cautious: set[str], buildable: set[str]) -> _Found:
        """With the pending tests that can join now."""
        nodes = self.graph.nodes
        joining = {test for test in cautious | buildable if direct.issuperset(nodes[test].parents)}
        waiting = buildable - direct - joining
        if waiting:
            near = direct | self.graph.ancestors(direct)
            joining |= {test for test in waiting if near.issuperset(nodes[test].parents)}
        return _Found(direct | joining, cautious, buildable)

    def unmatched(self) -> list[Diagnostic]:
        """A diagnostic for each token that matched nothing, with what it may have meant.

        A warning for what the command was asked to select; a note for exclusions and for selectors.yml, where it may be no mistake
        to name what is still to come.
        """
        made: dict[tuple[str, str | None], Diagnostic] = {}
        for token, severity in self._missed:
            key = (str(token), token.selector)
            if key not in made:
                made[key] = self._unmatched(token, severity, advise=len(made) < _MOST_ADVICE)
        return list(made.values())

    def _to_choose_from(self, token: Token) -> str:
        """What there is, for a value that is near to nothing."""
        if token.method not in ("fqn", "path", "file"):
            labels = sorted(self.index.labels(token))
            method = ".".join((token.method, *token.args))
            return (
                f"there are: {listed([f'{method}:{label}' for label in labels], 5)}" if labels else f"no node has a {method} at all"
            )
        kinds = Counter(node.resource_type for node in self.graph.nodes.values() if node.resource_type in REFERABLE)
        held = listed([counted(count, noun(kind)) for kind, count in kinds.most_common()], 10)
        return f"`eltflow ls` lists the project's {held or 'nodes'}; beside names there are tag:, path:, source: and more"

    def _unmatched(self, token: Token, severity: Severity, *, advise: bool) -> Diagnostic:
        where = f" in selector `{token.selector}`" if token.selector else ""
        help = None
        disabled = next((n for n in self.graph.disabled.values() if n.name == token.value), None) if token.method == "fqn" else None
        if disabled is not None:
            help = f"the {disabled.resource_type} `{disabled.name}` ({disabled.path}) is disabled"
        elif token.method == "fqn" and token.value in self.selectors:
            help = f"did you mean `selector:{token.value}`?"
        elif advise and token.method != "selector":
            near = self.index.meant(token)
            help = f"did you mean `{near}`?" if near else self._to_choose_from(token)
        found = Diagnostic(code="W0501", severity=severity, message=f"`{token}`{where} matches nothing", help=help)
        return spanned(found, token.place, self.read) if token.selector else found
