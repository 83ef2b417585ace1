"""The graph: nodes by unique id, and who reads whom."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property

from eltflow.base.diagnostics import Diagnostic, EltflowError
from eltflow.base.records import dataclass, field
from eltflow.project.nodes import Node


@dataclass(frozen=True, kw_only=True)
class Graph:
    """Nodes by unique id, parents before children; `warnings` are what building it had to say."""

    nodes: Mapping[str, Node]
    disabled: Mapping[str, Node] = field(default_factory=dict)
    warnings: tuple[Diagnostic, ...] = ()

    @cached_property
    def children(self) -> Mapping[str, tuple[str, ...]]:
        """The ids that read each node."""
        made: dict[str, list[str]] = {unique_id: [] for unique_id in self.nodes}
        for node in self.nodes.values():
            for parent in node.parents:
                made[parent].append(node.unique_id)
        return {unique_id: tuple(ids) for unique_id, ids in made.items()}

    def ancestors(self, start: Iterable[str], depth: int | None = None) -> set[str]:
        """The ids above `start`, at most `depth` steps away; `start` itself is not among them unless it is above another."""
        return self._reach(start, depth, lambda unique_id: self.nodes[unique_id].parents)

    def descendants(self, start: Iterable[str], depth: int | None = None) -> set[str]:
        """The ids below `start`, at most `depth` steps away."""
        children = self.children
        return self._reach(start, depth, lambda unique_id: children[unique_id])

    def read(self, node: Node) -> Iterator[Node]:
        """The nodes whose relations the SQL of `node` names: through ephemeral parents, what those read."""
        seen: set[str] = set()
        frontier = [*node.parents]
        while frontier:
            unique_id = frontier.pop(0)
            if unique_id in seen:
                continue
            seen.add(unique_id)
            parent = self.nodes[unique_id]
            if parent.materialized == "ephemeral":
                frontier += parent.parents
            else:
                yield parent

    @staticmethod
    def _reach(start: Iterable[str], depth: int | None, step: Callable[[str], Iterable[str]]) -> set[str]:
        seen: set[str] = set()
        frontier = set(start)
        while frontier and (depth is None or depth > 0):
            frontier = {to for unique_id in frontier for to in step(unique_id)} - seen
            seen |= frontier
            depth = None if depth is None else depth - 1
        return seen

    def tests_of(self, unique_id: str) -> Iterable[str]:
        """The tests that read a node."""
        return (child for child in self.children.get(unique_id, ()) if self.nodes[child].resource_type == "test")

    def beside(self, unique_id: str) -> list[Node]:
        """The nodes of the lists that a step unnests."""
        return [self.nodes[child] for child in self.children.get(unique_id, ()) if self.nodes[child].unnests]

    def of_type(self, *types: str) -> Iterator[Node]:
        """The nodes of the given resource types, in order."""
        return (node for node in self.nodes.values() if node.resource_type in types)

    @cached_property
    def by_name(self) -> Mapping[str, Node]:
        """Models, seeds and steps by the name that `ref` takes."""
        return {node.name: node for node in self.nodes.values() if node.resource_type in ("model", "seed", "ingest")}


class BrokenGraph(EltflowError):
    """What is wrong with a project's names and templates; `sound` are the nodes that do not hang on any of that."""

    def __init__(self, diagnostics: Iterable[Diagnostic], sound: Graph) -> None:
        super().__init__(diagnostics)
        self.sound = sound
