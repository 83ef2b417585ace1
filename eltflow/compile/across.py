"""Nodes of other targets, as the compiler of one target meets them: who compiles them, and which relation their readers read instead."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from eltflow.base.diagnostics import Diagnostic, EltflowError, Span, with_source
from eltflow.base.records import dataclass
from eltflow.graph.graph import Graph
from eltflow.project import yamlfile
from eltflow.project.nodes import Node
from eltflow.project.places import config_span
from eltflow.project.project import Project
from eltflow.warehouse.values import Relation

if TYPE_CHECKING:
    from eltflow.compile.node import Compiler

#: What is a query that is asked again whenever somebody reads it, when the copies that it read are gone.
_LOOKS = ("view", "materialized_view", "dynamic_table")


@dataclass(frozen=True, slots=True, kw_only=True)
class Across:
    """What the compiler of the target `here` knows of the others. `run` is the run's target, `elsewhere` are the targets of the nodes that
    live on another one than that. `compiler` gives the compiler of a target, `made` are those that were asked for, `relation` is what stands
    `here` for a node of another target. `same` tells whether a target is where this one is, so that its relations can be read from here, and
    `refused` why no rows can come from a target to this one (message, help), if that is so."""

    here: str
    run: str
    elsewhere: Mapping[str, str]
    compiler: Callable[[str], Compiler]
    made: Mapping[str, Compiler]
    relation: Callable[[Node], Relation]
    same: Callable[[str], bool]
    refused: Callable[[str], tuple[str, str] | None]

    def target(self, node: Node) -> str:
        """The target that a node lives on; an ephemeral model is a part of whatever reads it."""
        return self.here if node.materialized == "ephemeral" else self.elsewhere.get(node.unique_id, self.run)

    def home(self, node: Node) -> Compiler | None:
        """The compiler of a node that lives on another target; None for one that lives here."""
        name = self.target(node)
        return None if name == self.here else self.compiler(name)

    def there(self, node: Node) -> Node:
        """A node of another target as that one sees it. Raises EltflowError (E0218) where it has no such node."""
        name = self.target(node)
        found = self.compiler(name).graph.nodes.get(node.unique_id)
        if found is None:
            message = f"{node.noun} `{node.name}` is to be built at the target `{name}`, and there is none with `--target {name}`"
            help = "see what disables it there: its configuration may ask for `target.name`"
            read = self.compiler(name).project.read
            span = config_span(read, node, "target")
            raise EltflowError(with_source(Diagnostic(code="E0218", message=message, span=span, help=help), read(span.file)))
        return found

    def stand_in(self, node: Node) -> Relation | None:
        """The relation that is read for a node of another target; None for a node that lives here."""
        return None if self.target(node) == self.here else self.relation(node)

    def crossing(self, graph: Graph, node: Node) -> Iterator[Node]:
        """The nodes whose rows must come from other targets, for `node` to read them here."""
        return (parent for parent in graph.read(node) if not self.same(self.target(parent)))


def check_crossing(across: Across, graph: Graph, project: Project, node: Node) -> None:
    """Raise EltflowError (E0218) at the node's line for what it reads on other targets and cannot have here."""
    if node.materialized == "ephemeral":
        return  # its readers are asked
    found = [one for parent in across.crossing(graph, node) for one in _problems(across, project, node, parent)]
    found += _pointing(across, graph, project, node)
    if found:
        raise EltflowError(found)


def _problems(across: Across, project: Project, node: Node, parent: Node) -> Iterator[Diagnostic]:
    there = across.target(parent)
    said = f"{node.noun} `{node.name}` on the target `{across.here}` reads `{parent.display}`, which is on `{there}`"
    if node.resource_type not in ("model", "test"):
        help = "rows cross from one target to another for models and tests: read a model that brings them"
        yield _at(project, node, parent, said, help)
    elif node.materialized in _LOOKS:
        help = f"set `materialized: table` or `incremental`: a {node.materialized.replace('_', ' ')} has no rows of its own to keep them in"
        yield _at(project, node, parent, said, help)
    elif node.config.get("store_failures_as") == "view":
        yield _at(project, node, parent, said, "set `store_failures_as: table`: a view has no rows of its own to keep them in")
    else:
        refused = across.refused(there)
        if refused is not None:
            yield _at(project, node, parent, f"{said}: {refused[0]}", refused[1])
    if there != across.here:
        across.there(parent)


def _pointing(across: Across, graph: Graph, project: Project, node: Node) -> Iterator[Diagnostic]:
    """An error for each foreign key that points at a table of another target."""
    for one in node.all_constraints:
        to = graph.nodes.get(one.target or "")
        if to is not None and not across.same(across.target(to)):
            message = (
                f"a foreign key of `{node.name}` on the target `{across.here}` points at `{to.display}`, on `{across.target(to)}`"
            )
            text = project.read(node.patch or node.path)
            help = "test it instead: `relationships` brings the rows that it needs"
            found = Diagnostic(code="E0218", message=message, span=_key_span(node, text), help=help)
            yield with_source(found, text)


def _key_span(node: Node, text: str) -> Span:
    """Where a node's entry in a properties file has its first foreign key."""
    file = node.patch or node.path
    above = (yamlfile.locate(text, file, node.place).line or 1) - 1
    for number, line in enumerate(text.splitlines()[above:], start=above + 1):
        if "foreign_key" in line:
            return Span(file=file, line=number, column=line.index("foreign_key") + 1, length=len("foreign_key"))
    return Span(file=file)


def _at(project: Project, node: Node, parent: Node, message: str, help: str) -> Diagnostic:
    text = project.read(node.path)
    from eltflow.graph.build import name_span

    span = name_span(node.path, parent.name, text) if node.path.endswith(".sql") else Span(file=node.path)
    if not node.path.endswith(".sql") and node.place:
        span = yamlfile.locate(text, node.path, node.place)
    return with_source(Diagnostic(code="E0218", message=message, span=span, help=help), text)


__all__ = ["Across", "check_crossing"]
