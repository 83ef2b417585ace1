"""Where the columns of a graph's nodes come from, node by node: each from its own SQL and its parents' columns, kept under a fingerprint
of just those, so that a change is followed only as far down as it reaches."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from eltflow.base.diagnostics import EltflowError
from eltflow.base.fingerprint import fingerprint
from eltflow.base.records import dataclass
from eltflow.compile.compiled import CTE_PREFIX, Compiled, NeedsWarehouse
from eltflow.compile.node import Compiler
from eltflow.project.nodes import Node
from eltflow.project.steps import VERSIONS
from eltflow.project.unnest import key_columns
from eltflow.sql.lineage import lineage
from eltflow.sql.parse import Refused, parse
from eltflow.sql.reads import Ident
from eltflow.sql.values import ColumnLineage, Influence, Names, Origin, QueryLineage
from eltflow.warehouse.dialect import Dialect

#: Part of every key: a walk that learns something makes what was kept before worthless.
_VERSION = "4"

#: (unique id, or the written name of a table that is no node; column)
Spot = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """One column that another one hangs on. `how` is how its value enters; for what only decides, `indirect`, it is why."""

    above: Spot
    below: Spot
    how: str
    indirect: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How much of the columns is known: of `columns` in all, `resolved` have every origin; `unlisted` nodes may have more of them. `unknown`
    are the columns that are not resolved. Both with the reason."""

    columns: int
    unknown: Mapping[Spot, str]
    unlisted: Mapping[str, str]

    @property
    def resolved(self) -> int:
        return self.columns - len(self.unknown)

    @property
    def percent(self) -> float:
        """Rounded down to a tenth: 100 only where all are resolved."""
        return 1000 * self.resolved // self.columns / 10 if self.columns else 100.0

    def plain(self) -> dict[str, Any]:
        """Its figures, as JSON has them."""
        return {"columns": self.columns, "resolved": self.resolved, "percent": self.percent, "unlisted": len(self.unlisted)}


class Lineages:
    """The column lineage of a graph. `kept` is what an earlier one had in `fresh`; without `counts` nothing flows into a count; with
    `telling` each column's expression is kept too, for whoever wants those of many."""

    def __init__(self, compiler: Compiler, kept: Mapping[str, Any], *, counts: bool = True, telling: bool = False) -> None:
        self.compiler = compiler
        self._counts = counts
        self._telling = telling
        self._graph = compiler.graph
        self._kept = kept
        self.fresh: dict[str, Any] = {}
        self.walked = 0
        self._done: dict[str, QueryLineage] = {}
        self._texts: dict[str, Mapping[str, str]] = {}
        self._names: dict[str, Names] = {}
        self._ephemeral = {CTE_PREFIX + node.name: i for i, node in self._graph.nodes.items() if node.materialized == "ephemeral"}
        self._inlined: dict[str, Mapping[str, str]] = {}
        self._up: dict[str, dict[str, list[Edge]]] = {}
        self._down: dict[Spot, list[Edge]] | None = None

    def of(self, node: Node) -> QueryLineage:
        """The lineage of a node's columns; tables are unique ids where they are nodes."""
        done = self._done.get(node.unique_id)
        if done is None:
            done = self._done[node.unique_id] = self._find(node)
        return done

    def _find(self, node: Node) -> QueryLineage:
        if node.resource_type in ("model", "test", "analysis"):
            return self._of_sql(node)
        names = self.names(node)
        if node.unnests and node.parents:
            return _of_lists(node, names)
        reason = None if names.complete else f"the columns of {node.display} are not known before it is built"
        parents = node.parents if node.source is not None else ()
        columns = tuple(ColumnLineage(n, tuple(Origin(p, n, "copied") for p in parents), ()) for n in names.names)
        return QueryLineage(columns, (), reason)

    def _of_sql(self, node: Node) -> QueryLineage:
        try:
            compiled = self.compiler.node(node)
        except NeedsWarehouse:
            return QueryLineage(unlisted="its template asks the warehouse", unsure="its template asks the warehouse")
        except (EltflowError, RecursionError):
            return QueryLineage(unlisted="it does not compile", unsure="it does not compile")
        sql = own_sql(compiled)
        listed = tuple(name for name, _ in compiled.typed) if compiled.typed is not None else None
        seen = [(i, self.names(self._graph.nodes[i]), self._graph.nodes[i].relation) for i in node.parents]
        key = fingerprint(
            _VERSION if self._counts else f"{_VERSION} without counts",
            self.compiler.home(node).dialect.sqlglot,
            sql,
            repr((node.opaque, node.relation, seen, listed)),
        )
        kept = self._kept.get(node.unique_id)
        if kept is not None and kept[0] == key and kept[2] >= self._telling:
            self.fresh[node.unique_id] = kept
            return _from_plain(kept[1])
        made = self._walk(node, compiled, telling=self._telling)
        self.walked += 1
        self.fresh[node.unique_id] = (key, _to_plain(made), self._telling)
        return made

    def _walk(self, node: Node, compiled: Compiled, *, telling: bool) -> QueryLineage:
        if node.opaque is not None:
            return QueryLineage(unlisted=node.opaque, unsure=node.opaque)
        home = self.compiler.home(node)
        parsed = parse(own_sql(compiled), home.dialect.sqlglot)
        if isinstance(parsed, Refused):
            reason = f"its SQL is beyond eltflow's parser ({parsed.message})"
            return QueryLineage(unlisted=reason, unsure=reason)

        def upstream(parts: tuple[Ident, ...]) -> tuple[str, Names]:
            hit = self._node_of(parts, node, home)
            if hit is None:
                return ".".join(part.name for part in parts), Names()
            if hit == node.unique_id:
                return hit, home.known.standing(home.graph.nodes[hit])
            return hit, self.names(self._graph.nodes[hit])

        dialect = home.dialect
        return lineage(
            parsed,
            upstream,
            dialect.fold,
            again=dialect.again,
            counts=self._counts,
            telling=dialect.sqlglot if telling else None,
            listed=[name for name, _ in compiled.typed] if compiled.typed is not None else None,
        )

    def _node_of(self, parts: tuple[Ident, ...], node: Node, home: Compiler) -> str | None:
        """The node that a name in the compiled SQL of `node`, whose compiler is `home`, means."""
        if len(parts) == 1:
            inlined = self._ephemerals(home.dialect).get(home.dialect.fold(parts[0].name, parts[0].quoted))
            if inlined is not None:
                return inlined
        copied = _copied(parts, node, home) if home.across is not None else None
        hit = copied or home.lookup.table(tuple((part.name, part.quoted) for part in parts))
        return hit if isinstance(hit, str) else None

    def _ephemerals(self, dialect: Dialect) -> Mapping[str, str]:
        """The ephemeral models by the names of their CTEs, as a dialect folds them."""
        if dialect.sqlglot not in self._inlined:
            self._inlined[dialect.sqlglot] = {dialect.fold(name, True): i for name, i in self._ephemeral.items()}
        return self._inlined[dialect.sqlglot]

    def names(self, node: Node) -> Names:
        """The columns of a node as its readers find them: surely all, or those that are known."""
        done = self._names.get(node.unique_id)
        if done is None:
            self._names[node.unique_id] = Names()  # a ring ends here
            done = self._names[node.unique_id] = self._find_names(node)
        return done

    def _find_names(self, node: Node) -> Names:
        if node.source is not None and node.parents:
            names = self.names(self._graph.nodes[node.parents[0]])
        else:
            names = self.compiler.known.names(node)
        if names.complete:
            return names
        if node.resource_type == "model":
            return Names(tuple(column.name for column in self.of(node).columns), False)
        return Names(tuple(dict.fromkeys((*names.names, *(column.name for column in node.columns.values())))), False)

    # -- from column to column ---------------------------------------------------------------------------------------------------

    def columns(self, node: Node) -> tuple[str, ...]:
        """The names of a node's columns, as far as they are known."""
        return tuple(column.name for column in self.of(node).columns)

    def column(self, node: Node, name: str) -> ColumnLineage | None:
        """One column of a node, by its name in any spelling that the warehouse takes for the same: with quotes first, then without."""
        fold = self.compiler.dialect.fold
        columns = {fold(c.name, True): c for c in reversed(self.of(node).columns)}
        return columns.get(fold(name, True)) or columns.get(fold(name, False))

    def expression(self, node: Node, name: str) -> str | None:
        """The text that makes a column of a model, where it is more than the column's own name."""
        if node.resource_type != "model":
            return None
        if node.unique_id not in self._texts:
            self._texts[node.unique_id] = self._find_texts(node)
        return self._texts[node.unique_id].get(name)

    def _find_texts(self, node: Node) -> Mapping[str, str]:
        if self._telling:
            return self.expressions(node)
        try:
            return _texts(self._walk(node, self.compiler.node(node), telling=True))
        except (EltflowError, NeedsWarehouse, RecursionError):
            return {}

    def expressions(self, node: Node) -> Mapping[str, str]:
        """The text that makes each column of a node, where it is more than the column's own name; `telling` alone has any."""
        return _texts(self.of(node))

    def above(self, spot: Spot) -> list[Edge]:
        """What a column hangs on directly: origins first."""
        node = self._graph.nodes.get(spot[0])
        return self._edges(node).get(spot[1], []) if node is not None else []

    def below(self, spot: Spot) -> list[Edge]:
        """What hangs on a column directly: where its value goes first."""
        if self._down is None:
            down: dict[Spot, list[Edge]] = {}
            for node in self._graph.nodes.values():
                if node.resource_type != "test":
                    for edges in self._edges(node).values():
                        for edge in edges:
                            down.setdefault(edge.above, []).append(edge)
            self._down = {key: sorted(edges, key=lambda edge: edge.indirect) for key, edges in down.items()}
        return self._down.get(spot, [])

    def _edges(self, node: Node) -> dict[str, list[Edge]]:
        made = self._up.get(node.unique_id)
        if made is None:
            found = self.of(node)
            made = self._up[node.unique_id] = {c.name: _edges_of(node.unique_id, c, found.rows) for c in found.columns}
        return made

    def reach(self, start: Iterable[Spot], *, up: bool, depth: int | None = None, indirect: bool = True) -> dict[Spot, list[Edge]]:
        """Every column above or below, at most `depth` steps away, with the edges that lead to it."""
        found: dict[Spot, list[Edge]] = {}
        seen = set(start)
        queue = deque((spot, 0) for spot in seen)
        while queue:
            spot, steps = queue.popleft()
            if depth is not None and steps >= depth:
                continue
            for edge in self.above(spot) if up else self.below(spot):
                if edge.indirect and not indirect:
                    continue
                other = edge.above if up else edge.below
                found.setdefault(other, []).append(edge)
                if other not in seen:
                    seen.add(other)
                    queue.append((other, steps + 1))
        return found

    def reads(self, node: Node) -> set[Spot]:
        """Every column that a node's SQL uses in any way."""
        found = self.of(node)
        spots = {(one.table, one.column) for one in found.rows}
        for column in found.columns:
            spots.update((origin.table, origin.column) for origin in column.origins)
            spots.update((one.table, one.column) for one in column.influences)
        return spots

    def coverage(self, nodes: Iterable[Node]) -> Coverage:
        """How much of the nodes' columns is resolved."""
        total = 0
        unknown: dict[Spot, str] = {}
        unlisted = {}
        for node in nodes:
            found = self.of(node)
            total += len(found.columns)
            unknown |= {(node.unique_id, column.name): column.unknown for column in found.columns if column.unknown is not None}
            if found.unlisted is not None:
                unlisted[node.unique_id] = found.unlisted
        return Coverage(columns=total, unknown=unknown, unlisted=unlisted)


def _of_lists(node: Node, names: Names) -> QueryLineage:
    """The columns of the items of lists: keys of the table that these are in, and what the lists hold."""
    assert node.ingest is not None
    parent, column = node.parents[0], str(node.ingest.source["column"])
    keys = {name.lower(): own for name, own in key_columns(node.ingest.into, column, node.ingest.step["key"]).items()}
    made = []
    for name in names.names:
        own = keys.get(name.lower())
        if own is not None:
            origin = Origin(parent, own, "copied" if own == name else "renamed")
        elif name.lower() in VERSIONS:
            origin = Origin(parent, name, "copied")
        else:
            origin = Origin(parent, column, "computed")
        made.append(ColumnLineage(name, (origin,), ()))
    reason = None if names.complete else f"the columns of {node.display} are not known before it is made"
    return QueryLineage(tuple(made), (Influence(parent, column, "unnest"),), reason)


def _edges_of(unique_id: str, column: ColumnLineage, rows: tuple[Influence, ...]) -> list[Edge]:
    below = (unique_id, column.name)
    made = [Edge(above=(one.table, one.column), below=below, how=one.how, indirect=False) for one in column.origins]
    reasons: dict[Spot, str] = {}
    for one in (*column.influences, *rows):
        reasons.setdefault((one.table, one.column), one.why)
    return made + [Edge(above=spot, below=below, how=why, indirect=True) for spot, why in reasons.items()]


def _texts(found: QueryLineage) -> Mapping[str, str]:
    return {column.name: column.expression for column in found.columns if column.expression is not None}


def _copied(parts: tuple[Ident, ...], node: Node, home: Compiler) -> str | None:
    """The node of another target that a name stands for in the SQL of `node`."""
    assert home.across is not None
    name = tuple(part.name for part in parts)
    for parent in home.graph.read(node):
        relation = home.across.stand_in(parent)
        if relation is not None and relation.parts() == name:
            return parent.unique_id
    return None


def own_sql(compiled: Compiled) -> str:
    """A node's SQL without the ephemeral models in front of it: those are nodes of their own."""
    return str(compiled.extra.get("body", compiled.sql))


def _to_plain(found: QueryLineage) -> Any:
    columns = [
        (
            c.name,
            [(o.table, o.column, o.how) for o in c.origins],
            [(i.table, i.column, i.why) for i in c.influences],
            c.unknown,
            c.expression,
        )
        for c in found.columns
    ]
    return (columns, [(i.table, i.column, i.why) for i in found.rows], found.unlisted, found.unsure)


def _from_plain(value: Any) -> QueryLineage:
    columns, rows, unlisted, unsure = value
    return QueryLineage(
        tuple(
            ColumnLineage(name, tuple(Origin(*o) for o in origins), tuple(Influence(*i) for i in influences), unknown, expression)
            for name, origins, influences, unknown, expression in columns
        ),
        tuple(Influence(*i) for i in rows),
        unlisted,
        unsure,
    )
