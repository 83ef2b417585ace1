"""What columns are told of by the columns that they are copies of: descriptions, tags and `meta`, where a node has `docs: {inherit: true}`.

A column is a copy if its value comes from one column and nothing was done to it but giving it another name. What is written at a column
itself comes first; of two columns above, the nearer one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from eltflow.base.records import dataclass, field
from eltflow.compile.lineage import Lineages, Spot
from eltflow.project.nodes import ColumnInfo, Node

_COPIES = ("copied", "renamed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inherited:
    """What a column has from those above it; `described` is the column whose description that is, None if there is none, and `origins` are
    those at which tags (by ("tag", name)) and keys of `meta` (by ("meta", key)) are written."""

    description: str = ""
    described: Spot | None = None
    tags: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)
    origins: Mapping[tuple[str, str], Spot] = field(default_factory=dict)


class Inheritance:
    """What the columns of a graph's nodes inherit."""

    def __init__(self, lineages: Lineages) -> None:
        self._lineages = lineages
        self._nodes = lineages.compiler.graph.nodes
        self._done: dict[Spot, Inherited] = {}

    def of(self, node: Node) -> dict[str, Inherited]:
        """Column (as the node spells it) → what it inherits; nothing for a node that does not ask for it."""
        if not (node.config.get("docs") or {}).get("inherit"):
            return {}
        found = {}
        for name in self._lineages.columns(node):
            own, told = self._own(node, name), self._told((node.unique_id, name))
            tags = tuple(tag for tag in told.tags if tag not in own.tags)
            meta = {key: value for key, value in told.meta.items() if key not in own.meta}
            above = told.described if told.described != (node.unique_id, name) else None
            if above is not None or tags or meta:
                description = told.description if above is not None else ""
                found[name] = Inherited(description=description, described=above, tags=tags, meta=meta, origins=told.origins)
        return found

    def _told(self, spot: Spot) -> Inherited:
        done = self._done.get(spot)
        if done is None:
            self._done[spot] = Inherited()  # a model that reads itself ends here
            done = self._done[spot] = self._find(spot)
        return done

    def _find(self, spot: Spot) -> Inherited:
        node = self._nodes.get(spot[0])
        if node is None:
            return Inherited()
        own = self._own(node, spot[1])
        above = [self._told(one) for one in self._copied(node, spot[1])]
        near = above[0] if above else Inherited()
        described = spot if own.description else near.described
        return Inherited(
            description=own.description or near.description,
            described=described,
            tags=tuple(dict.fromkeys((*own.tags, *near.tags))),
            origins={**near.origins, **{("tag", tag): spot for tag in own.tags}, **{("meta", key): spot for key in own.meta}},
            # That somebody looked at a column and found it not personal says nothing of another table.
            meta={**{key: value for key, value in near.meta.items() if key != "pii"}, **own.meta},
        )

    def _copied(self, node: Node, name: str) -> Iterator[Spot]:
        """The column that a column is a copy of, if it is one."""
        found = self._lineages.column(node, name)
        if found is not None and found.unknown is None and len(found.origins) == 1 and found.origins[0].how in _COPIES:
            yield found.origins[0].table, self._spelt(found.origins[0].table, found.origins[0].column)

    def _spelt(self, table: str, name: str) -> str:
        node = self._nodes.get(table)
        found = self._lineages.column(node, name) if node is not None else None
        return found.name if found is not None else name

    def _own(self, node: Node, name: str) -> ColumnInfo:
        fold = self._lineages.compiler.dialect.fold
        same = (one for one in node.columns.values() if fold(one.name, one.quote) == fold(name, True))
        return next(same, None) or next((c for c in node.columns.values() if c.name.lower() == name.lower()), ColumnInfo(name=name))
