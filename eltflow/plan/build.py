"""Graph × history × request → Plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from eltflow.base.records import replace
from eltflow.graph.graph import Graph
from eltflow.plan.plan import Action, Copy, Plan, Request, Step
from eltflow.project.nodes import Node

_ACTIONS: Mapping[str, Action] = {
    "model": "model",
    "seed": "seed",
    "ingest": "ingest",
    "test": "test",
    "deliver": "deliver",
    "task": "task",
}
_DEFAULT_SECONDS = 0.05


def make_plan(
    graph: Graph,
    request: Request,
    durations: Mapping[str, float] | None = None,
    reasons: Mapping[str, str] | None = None,
    hooks: Sequence[Node] = (),
    copies: Sequence[Copy] = (),
    at: Callable[[Node], str] = lambda node: "",
) -> Plan:
    """The plan for the selected nodes; ephemeral models take no step of their own.

    A step waits for its selected parents (through nodes that take no step), and for the tests that guard it: a test blocks what is
    downstream of all its parents; a delivery waits for every test of what it sends. `durations` are seconds by unique id from
    history; `reasons` beat the default ones. `copies` are steps too: each before its readers, after what it reads and the tests of that.
    `at` names the target of a node, if that is not the run's.
    """
    durations = durations or {}
    selected = [i for i in request.selected if i in graph.nodes and takes_step(graph.nodes[i])]
    chosen = set(selected)
    waits = {i: list(_selected_parents(graph, i, chosen)) for i in selected}
    if request.command in ("build", "deliver"):
        for test, guarded in _guards(graph, selected, chosen):
            waits[guarded].append(test)
    by_id = {copy.node.unique_id: copy for copy in copies}
    for copy in copies:
        waits[copy.node.unique_id] = [*_read_by(graph, copy.of, chosen), *_tests_alone(graph, copy.of, chosen, request.command)]
        for reader in copy.readers:
            waits[reader].append(copy.node.unique_id)
    steps: dict[str, Step] = {}
    for unique_id in _ordered([*selected, *by_id], waits):
        if unique_id in by_id:
            steps[unique_id] = _copying(by_id[unique_id], waits[unique_id], durations.get(unique_id))
            continue
        node = graph.nodes[unique_id]
        steps[unique_id] = Step(
            id=unique_id,
            action=_ACTIONS[node.resource_type],
            node=node,
            waits=tuple(dict.fromkeys(waits[unique_id])),
            reason=(reasons or {}).get(unique_id, "selected"),
            expected=durations.get(unique_id),
            target=at(node),
        )
    return Plan(request=request, steps=_prioritised(_with_hooks(steps, hooks)), durations=durations)


def _copying(copy: Copy, waits: Sequence[str], expected: float | None) -> Step:
    return Step(
        id=copy.node.unique_id,
        action="copy",
        node=copy.node,
        waits=tuple(dict.fromkeys(waits)),
        reason=copy.reason,
        expected=expected,
        target=copy.target,
    )


def _read_by(graph: Graph, unique_id: str, chosen: set[str]) -> Iterable[str]:
    """The steps that make what a copy reads: the node's own, or the nearest above one that is there already."""
    return (unique_id,) if unique_id in chosen else _selected_parents(graph, unique_id, chosen)


def _tests_alone(graph: Graph, unique_id: str, chosen: set[str], command: str) -> Iterable[str]:
    """The tests of a node alone, which block what is below it: a copy for readers that will not run is none."""
    if command != "build":
        return ()
    return (test for test in graph.tests_of(unique_id) if test in chosen and graph.nodes[test].parents == (unique_id,))


def takes_step(node: Node) -> bool:
    """Whether a node is something to do: an ephemeral model is part of what reads it, a source is there already."""
    return node.resource_type in _ACTIONS and node.materialized != "ephemeral"


def _selected_parents(graph: Graph, unique_id: str, chosen: set[str]) -> Iterable[str]:
    """The nearest ancestors that are selected: a node that is not is passed through, for it may be ephemeral or built already."""
    seen: set[str] = set()
    frontier = list(graph.nodes[unique_id].parents)
    while frontier:
        parent = frontier.pop()
        if parent in seen:
            continue
        seen.add(parent)
        if parent in chosen:
            yield parent
        else:
            frontier.extend(graph.nodes[parent].parents)


def _guards(graph: Graph, selected: Sequence[str], chosen: set[str]) -> Iterable[tuple[str, str]]:
    """(test, step) for each step that a selected test blocks directly; what is below that step waits for it anyway."""
    below: dict[str, set[str]] = {}

    def descendants(unique_id: str) -> set[str]:
        if unique_id not in below:
            below[unique_id] = graph.descendants([unique_id])
        return below[unique_id]

    for unique_id in selected:
        node = graph.nodes[unique_id]
        if node.deliver is not None:
            yield from ((child, unique_id) for parent in node.parents for child in graph.tests_of(parent) if child in chosen)
        if node.resource_type != "test" or not node.parents:
            continue
        if len(node.parents) == 1:
            below_it = [i for i in graph.children[node.parents[0]] if graph.nodes[i].resource_type != "test"]
            yield from ((unique_id, step) for step in _first_steps(graph, below_it, chosen))
            continue
        common = set.intersection(*(descendants(parent) for parent in node.parents))
        for other in common:
            if graph.nodes[other].resource_type == "test" or any(parent in common for parent in graph.nodes[other].parents):
                continue  # what is below another of them waits for that one
            yield from ((unique_id, step) for step in _first_steps(graph, [other], chosen))


def _first_steps(graph: Graph, start: Iterable[str], chosen: set[str]) -> Iterable[str]:
    """The selected steps among these nodes, or nearest below those that are not; the tests of what is passed through if it is ephemeral."""
    seen: set[str] = set()
    frontier = list(start)
    while frontier:
        unique_id = frontier.pop()
        if unique_id in seen:
            continue
        seen.add(unique_id)
        if unique_id in chosen:
            yield unique_id
            continue
        ephemeral = graph.nodes[unique_id].materialized == "ephemeral"
        frontier.extend(c for c in graph.children[unique_id] if ephemeral or graph.nodes[c].resource_type != "test")


def _ordered(ids: Sequence[str], waits: Mapping[str, Sequence[str]]) -> list[str]:
    """The ids with every one after those it waits for, otherwise as given."""
    counts = {i: len(set(waits[i])) for i in ids}
    waiting: dict[str, list[str]] = {i: [] for i in ids}
    for unique_id in ids:
        for parent in set(waits[unique_id]):
            waiting[parent].append(unique_id)
    position = {unique_id: index for index, unique_id in enumerate(ids)}
    ready = [i for i in ids if not counts[i]]
    made: list[str] = []
    while ready:
        made += ready
        freed: list[str] = []
        for unique_id in ready:
            for child in waiting[unique_id]:
                counts[child] -= 1
                if not counts[child]:
                    freed.append(child)
        ready = sorted(freed, key=position.__getitem__)
    return made


def _with_hooks(steps: dict[str, Step], hooks: Sequence[Node]) -> dict[str, Step]:
    """Project hooks as steps: those of the start one after another before everything, those of the end after it."""
    starts = [h for h in hooks if h.config.get("at") == "start"]
    ends = [h for h in hooks if h.config.get("at") == "end"]
    if not hooks or not steps:
        return steps
    made: dict[str, Step] = {}
    last: str | None = None
    for hook in starts:
        made[hook.unique_id] = Step(
            id=hook.unique_id, action="hook", node=hook, waits=(last,) if last else (), reason="on_run_start"
        )
        last = hook.unique_id
    for step in steps.values():
        made[step.id] = replace(step, waits=(*step.waits, last)) if last is not None else step
    after: tuple[str, ...] = tuple(steps)
    for hook in ends:
        made[hook.unique_id] = Step(id=hook.unique_id, action="hook", node=hook, waits=after, reason="on_run_end")
        after = (hook.unique_id,)
    return made


def _prioritised(steps: dict[str, Step]) -> dict[str, Step]:
    """The steps with the longest expected path from each to the end."""
    longest: dict[str, float] = dict.fromkeys(steps, 0.0)
    for step in reversed(steps.values()):
        own = longest[step.id] + (step.expected if step.expected is not None else _DEFAULT_SECONDS)
        longest[step.id] = own
        for parent in step.waits:
            longest[parent] = max(longest[parent], own)
    return {i: replace(step, priority=longest[i]) for i, step in steps.items()}
