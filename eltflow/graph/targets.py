"""Which nodes live on another target than the run's: those that say so, and the tests of these."""

from __future__ import annotations

from collections.abc import Mapping

from eltflow.graph.graph import Graph
from eltflow.project.nodes import Node


def elsewhere(graph: Graph, default: str) -> Mapping[str, str]:
    """The names of targets by the ids of the nodes that live there and not on `default`.

    An ephemeral model lives wherever its reader does, and is never among them. A test lives where its node does, one without a node where all
    that it reads is, if that is one target. A source that names what a model or a seed makes lives with that.
    """
    made: dict[str, str] = {}
    for node in graph.nodes.values():
        name = node.config.get("target")
        if name is not None and name != default and node.materialized != "ephemeral":
            made[node.unique_id] = str(name)
    if not made:
        return made
    for node in graph.of_type("source"):
        if node.parents and node.parents[0] in made:
            made[node.unique_id] = made[node.parents[0]]
    for node in graph.of_type("test", "analysis"):
        name = _of_reader(graph, node, made, default)
        if name != default:
            made[node.unique_id] = name
    return made


def _of_reader(graph: Graph, node: Node, known: Mapping[str, str], default: str) -> str:
    if node.test is not None and node.test.attached is not None:
        return known.get(node.test.attached, default)
    read = {known.get(parent.unique_id, default) for parent in graph.read(node)}
    return read.pop() if len(read) == 1 else default


__all__ = ["elsewhere"]
