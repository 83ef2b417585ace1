"""Which columns hold personal data: those tagged `pii`, and what is made of them, through all models; and where such a column must not be.

A count is not personal. A column described with `meta: {pii: false}` is not either: somebody has looked. What cannot be followed is taken
for personal where it is shown to people, and passed over where a model would be accused of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from eltflow.base.diagnostics import Diagnostic, Span, with_source
from eltflow.base.names import listed
from eltflow.base.records import dataclass, field
from eltflow.compile.compiled import Compiled
from eltflow.compile.node import Compiler
from eltflow.project.nodes import Node
from eltflow.project.unnest import POSITION, key_columns
from eltflow.sql.values import ColumnLineage

if TYPE_CHECKING:
    from eltflow.compile.lineage import Lineages, Spot

TAG = "pii"


@dataclass(slots=True)
class Held:
    """The personal columns of a node (small letters). Of those that are `sure`, `via` tells the column that they are made of, None for
    one that is tagged itself. With `doubtful`, any column that is not `listed` may be personal too."""

    names: set[str] = field(default_factory=set)
    via: dict[str, Spot | None] = field(default_factory=dict)
    listed: frozenset[str] = frozenset()
    doubtful: bool = False

    def has(self, column: str) -> bool:
        return column in self.names or (self.doubtful and column not in self.listed)


class Personal:
    """The personal columns of a graph's nodes; nothing is looked at that hangs on no tagged column."""

    def __init__(self, compiler: Compiler) -> None:
        self.compiler = compiler
        self.graph = compiler.graph
        tagged = [i for i, node in self.graph.nodes.items() if any(TAG in c.tags for c in node.columns.values())]
        self.any = bool(tagged)
        linked = [other.unique_id for i in tagged for other in self.linked(self.graph.nodes[i])]
        self._carrying = {*linked, *self.graph.descendants(linked)} if tagged else set[str]()
        self._held: dict[str, Held] = {}

    def linked(self, node: Node) -> Iterator[Node]:
        """A node, and what describes the same table: a source and the step that loads it."""
        nodes = self.graph.nodes
        yield node
        if node.source is not None:
            yield from (nodes[p] for p in node.parents if p in nodes)
        elif node.ingest is not None:
            children = (nodes[c] for c in self.graph.children.get(node.unique_id, ()) if c in nodes)
            yield from (child for child in children if child.source is not None)

    def held(self, node: Node) -> Held:
        """The personal columns of a node."""
        done = self._held.get(node.unique_id)
        if done is None:
            done = self._held[node.unique_id] = self._find(node)
        return done

    def _find(self, node: Node) -> Held:
        described = [column for one in self.linked(node) for column in one.columns.values()]
        own = {column.name.lower() for column in described if TAG in column.tags}
        made = Held(names=own, via=dict.fromkeys(own))
        if node.opaque is not None:
            made.doubtful = self.any  # it may read more than its edges tell
        elif node.unnests and node.parents and node.unique_id in self._carrying:
            self._unnest(node, made, {column.name.lower() for column in described if column.meta.get(TAG) is False})
        elif node.resource_type == "model" and node.unique_id in self._carrying:
            cleared = {column.name.lower() for column in described if column.meta.get(TAG) is False} - own
            self._follow(node, made, cleared)
        return made

    def _unnest(self, node: Node, made: Held, cleared: set[str]) -> None:
        """Add the columns of the items of lists: all of them, where the lists are personal, and keys that are."""
        assert node.ingest is not None
        parent, column = self.graph.nodes[node.parents[0]], str(node.ingest.source["column"])
        above = self.held(parent)
        keys = {name.lower(): own for name, own in key_columns(node.ingest.into, column, node.ingest.step["key"]).items()}
        known = [*self.compiler.known.names(node).names, *node.columns] if above.has(column.lower()) else []
        spots = {name.lower(): column for name in known} | {n: own for n, own in keys.items() if above.has(own.lower())}
        plain = {*cleared, POSITION, *(name for name in keys if name not in spots or spots[name] == column)}
        for name, own in spots.items():
            if name not in plain:
                made.names.add(name)
                if own.lower() in above.via:
                    made.via.setdefault(name, (parent.unique_id, own))
        made.doubtful = above.has(column.lower())
        made.listed = frozenset(plain)

    @cached_property
    def _lineages(self) -> Lineages:
        from eltflow.compile.lineage import Lineages  # imports sqlglot, which most projects' plans need not

        return Lineages(self.compiler, {}, counts=False)

    def _follow(self, node: Node, made: Held, cleared: set[str]) -> None:
        """Add the columns of a model that are made of personal ones."""
        found = self._lineages.of(node)
        made.doubtful = found.unlisted is not None
        made.listed = frozenset(column.name.lower() for column in found.columns)
        for parent in (self.graph.nodes[i] for i in node.parents if i in self.graph.nodes):
            # A star may have more columns by now than when its table was last seen.
            made.names |= self.held(parent).names - made.listed - cleared
        before = -1
        while before != len(made.names):  # a model may read its own table
            before = len(made.names)
            for column in found.columns:
                name = column.name.lower()
                if name not in cleared and name not in made.via:
                    self._take(node, column, name, made)

    def _take(self, node: Node, column: ColumnLineage, name: str, made: Held) -> None:
        spots = [(o.table, o.column) for o in column.origins]
        spots += [(i.table, i.column) for i in column.influences if i.why == "condition"]
        if column.unknown is not None:
            made.names.add(name)
        for table, above in spots:
            parent = self.graph.nodes.get(table)
            held = made if table == node.unique_id else self.held(parent) if parent is not None else None
            if held is not None and held.has(above.lower()):
                made.names.add(name)
                if above.lower() in held.via:
                    made.via[name] = (table, above)
                    return

    def road(self, spot: Spot) -> list[Spot]:
        """From a column that is surely personal up to the one that is tagged."""
        made = [spot]
        while True:
            above = self.held(self.graph.nodes[spot[0]]).via.get(spot[1].lower())
            if above is None or above in made:
                return made
            made.append(above)
            spot = above


def forbidden(compiler: Compiler, compiled: Iterable[Compiled]) -> list[Diagnostic]:
    """An error for each model that surely holds a personal column outside the groups that may (`pii: {allowed_groups: [...]}`)."""
    groups = compiler.project.settings.pii_groups
    if groups is None:
        return []
    personal = Personal(compiler)
    if not personal.any:
        return []
    found = []
    for one in compiled:
        node = one.node
        if node.resource_type == "model" and node.materialized != "ephemeral" and node.group not in groups:
            found += [_accused(personal, one, name, groups) for name in sorted(personal.held(node).via)]
    return found


def _accused(personal: Personal, compiled: Compiled, name: str, groups: tuple[str, ...]) -> Diagnostic:
    node = compiled.node
    nodes = personal.graph.nodes
    road = personal.road((node.unique_id, name))
    held = f"which is in the group `{node.group}`" if node.group is not None else "which is in no group"
    message = f"the personal column `{name}` reaches model `{node.name}`, {held}"
    come = tuple(f"{nodes[table].display}.{column}" for table, column in road[1:])
    notes = (f"it is made of {' ← '.join(come)}",) if come else ()
    allowed = f"put the model into a group that may hold such columns ({listed(groups)})" if groups else "no group may hold it"
    help = f"leave it out, {allowed}; or describe it with `meta: {{pii: false}}` if nothing personal is left of it"
    found = Diagnostic(code="E0411", message=message, span=_place(personal.compiler, compiled, name), notes=notes, help=help)
    return with_source(found, personal.compiler.project.read(node.path))


def _place(compiler: Compiler, compiled: Compiled, name: str) -> Span:
    """Where the model's SQL gives the column."""
    from eltflow.sql.parse import parse
    from eltflow.sql.statement import output_place

    at = output_place(parse(compiled.sql, compiler.home(compiled.node).dialect.sqlglot), name)
    return compiled.place(*at) if at is not None else Span(file=compiled.node.path, line=1)
