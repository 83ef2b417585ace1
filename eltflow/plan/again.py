"""The selection that runs what a run left undone: what failed, what was skipped, and nothing that is done already."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from eltflow.graph.graph import Graph
from eltflow.graph.select import Request, select
from eltflow.plan.build import takes_step
from eltflow.plan.plan import Plan
from eltflow.project.nodes import Node

#: Characters of a test's own name that mean something in a selection.
_MEANT = re.compile(r"[^\w.\-]")
#: With more names than these nobody reads them: the command as it was typed does it too.
_MOST = 30


def again(graph: Graph, plan: Plan, failed: Collection[str], skipped: Collection[str], request: Request) -> tuple[str, ...] | None:
    """The texts to select so that these steps run again, with what the failed tests and copies read; None where no selection says it.

    `request` is what the command was asked. `name+` stands for a node only if everything below it is to run.
    """
    if any(plan.steps[i].action == "hook" for i in failed):
        return None  # no selection runs a hook alone
    wanted = {i for i in (*failed, *skipped) if plan.steps[i].action not in ("hook", "copy")}
    for unique_id in failed:
        step = plan.steps[unique_id]
        if step.action == "test":
            wanted.update(_read(graph, unique_id, plan.steps))
        if step.action == "copy":  # what is wrong is corrected in the model whose values could not be taken
            wanted.update(i for i in step.node.parents if i in plan.steps)
    folders = {part for node in graph.nodes.values() for part in node.fqn[:-1]}
    texts = list(_nodes(graph, plan, wanted, folders, request.acts_on or ()))
    if len(texts) > _MOST:
        return None
    found = set(select(graph, _asking(request, texts)).ids) if texts else set()
    texts += [_text(graph.nodes[i], folders) for i in plan.steps if i in wanted and i not in found]
    return tuple(texts) if len(texts) <= _MOST else None


def _read(graph: Graph, test: str, steps: Collection[str]) -> Iterable[str]:
    """The steps whose rows a test looks at, of the node that it is written for if there is one; what takes no step is passed through."""
    node = graph.nodes[test]
    frontier = [node.test.attached] if node.test is not None and node.test.attached is not None else [*node.parents]
    while frontier:
        parent = frontier.pop()
        if parent in steps:
            yield parent
        elif not takes_step(graph.nodes[parent]):
            frontier += graph.nodes[parent].parents


def _nodes(graph: Graph, plan: Plan, wanted: set[str], folders: set[str], types: Collection[str]) -> Iterable[str]:
    """A text for each node to build, or for the topmost of those whose descendants are all to be built."""
    covered: set[str] = set()
    for unique_id, step in plan.steps.items():
        if step.action == "test" or unique_id not in wanted or unique_id in covered:
            continue
        below = {i for i in graph.descendants([unique_id]) if _built(graph.nodes[i], types)}
        if below and below <= wanted:
            covered |= below
            yield f"{_text(step.node, folders)}+"
        else:
            yield _text(step.node, folders)


def _built(node: Node, types: Collection[str]) -> bool:
    return node.resource_type in types and node.resource_type != "test" and node.materialized != "ephemeral"


def _asking(request: Request, texts: Sequence[str]) -> Request:
    return Request(
        select=tuple(texts),
        indirect=request.indirect,
        acts_on=request.acts_on,
        resource_types=request.resource_types,
        exclude_resource_types=request.exclude_resource_types,
    )


def _text(node: Node, folders: Collection[str]) -> str:
    """What selects the node alone: its name, or its file where a folder has that name too."""
    if node.name in folders and node.path.rpartition("/")[2].partition(".")[0] == node.name:
        return f"path:{node.path}"
    return _MEANT.sub("?", node.name)


__all__ = ["again"]
