"""Column lineage of a loaded project: of a column, what it hangs on and what hangs on it; and what a change of it touches."""

from __future__ import annotations

from collections.abc import Iterable

from eltflow.api.cache import LoadCache
from eltflow.api.compiling import keep_compiled, last_catalog, make_compiler
from eltflow.api.loading import Loaded
from eltflow.api.looking import find_node
from eltflow.base.diagnostics import EltflowError, fail
from eltflow.base.names import did_you_mean, listed
from eltflow.base.records import dataclass
from eltflow.compile.lineage import Edge, Lineages, Spot
from eltflow.graph.graph import Graph
from eltflow.project.nodes import Node
from eltflow.warehouse.catalog import Catalog


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """What a change of a column touches. `columns` holds every column below with the edges that lead to it; `carrying` those of them
    that its value flows into. `unsure` are nodes below of which it cannot be told, with the reason."""

    columns: dict[Spot, list[Edge]]
    carrying: frozenset[Spot]
    nodes: tuple[Node, ...]
    tests: tuple[Node, ...]
    exposures: tuple[Node, ...]
    owners: tuple[str, ...]
    unsure: dict[str, str]


def lineages(loaded: Loaded, catalog: Catalog | None = None, *, telling: bool = False) -> Lineages:
    """The column lineage of the project against a view of its target, the last one unless given. Nothing is walked until it is asked for.
    With `telling` the expressions of all columns are kept beside it."""
    catalog = catalog if catalog is not None else last_catalog(loaded)[0]
    return Lineages(make_compiler(loaded, catalog), LoadCache(loaded.root, loaded.options).lineage(), telling=telling)


def keep_lineages(loaded: Loaded, found: Lineages) -> None:
    """Keep what was walked for the next time, if anything was."""
    if found.walked:
        cache = LoadCache(loaded.root, loaded.options)
        before = {i: entry for i, entry in cache.lineage().items() if i in loaded.graph.nodes}
        cache.keep_lineage({**before, **found.fresh})
        keep_compiled(loaded, found.compiler)


def find_column(loaded: Loaded, found: Lineages, text: str) -> tuple[Node, str]:
    """The node and column that `node.column` means. Raises EltflowError (E0214 for the node, E0216 for the column)."""
    name, dot, column = text.rpartition(".")
    if not dot:
        raise fail("E0216", f"`{text}` names no column", help="write node.column, such as orders.amount")
    node = find_node(loaded, name)
    known = found.column(node, column)
    if known is not None:
        return node, known.name
    if found.of(node).unlisted is not None and node.resource_type != "model":
        return node, column  # a table whose columns nobody knows yet may have it
    names = found.columns(node)
    help = did_you_mean(column, names) or (f"there are: {listed(names, 12)}" if names else found.of(node).unlisted)
    raise fail("E0216", f"`{node.display}` has no column `{column}`", help=help)


def is_node(loaded: Loaded, name: str) -> bool:
    """Whether a person who writes that means a node."""
    try:
        find_node(loaded, name)
    except EltflowError:
        return False
    return True


def impact(loaded: Loaded, found: Lineages, node: Node, column: str, depth: int | None = None) -> Impact:
    """What a change of a column touches, directly or by deciding over rows and values."""
    start = (node.unique_id, column)
    graph = loaded.graph
    columns = found.reach([start], up=False, depth=depth)
    carrying = frozenset(found.reach([start], up=False, depth=depth, indirect=False))
    touched = {start, *columns}
    ids = {unique_id for unique_id, _ in touched}
    nodes = tuple(n for i, n in graph.nodes.items() if i in ids and i != node.unique_id)
    tests = tuple(test for test in graph.of_type("test") if _tests(found, test, touched))
    exposures = tuple(e for e in _uses(graph) if ids.intersection(e.parents))
    below = graph.descendants(ids, depth) if depth is not None else graph.descendants(ids)
    unsure = {
        graph.nodes[i].display: reason
        for i in sorted(below)
        if graph.nodes[i].resource_type == "model"
        and (reason := found.of(graph.nodes[i]).unlisted or found.of(graph.nodes[i]).unsure)
    }
    return Impact(
        columns=columns,
        carrying=carrying,
        nodes=nodes,
        tests=tests,
        exposures=exposures,
        owners=tuple(sorted({owner for one in (node, *nodes, *exposures) for owner in _owners(loaded, one)})),
        unsure=unsure,
    )


def _tests(found: Lineages, test: Node, touched: set[Spot]) -> bool:
    """Whether a test looks at one of the columns."""
    if not any(i in {unique_id for unique_id, _ in touched} for i in test.parents):
        return False
    info = test.test
    if info is not None and info.attached is not None and info.column is not None and (info.attached, info.column) in touched:
        return True
    lineage = found.of(test)
    if lineage.unsure is not None:
        return True  # what a test looks at cannot be told: better one too many
    if info is not None and not info.singular:
        # It shows whole rows; what it looks at is what decides which of them.
        return any((one.table, one.column) in touched for one in lineage.rows)
    return bool(found.reads(test) & touched)


def _uses(graph: Graph) -> Iterable[Node]:
    """What is no part of the warehouse, and reads from it."""
    return (*graph.of_type("exposure"), *graph.of_type("deliver"), *graph.of_type("task"))


def _owners(loaded: Loaded, node: Node) -> Iterable[str]:
    if node.exposure is not None:
        owner = node.exposure.owner
        yield str(owner.get("name") or owner.get("email") or "")
        return
    if node.group is not None:
        yield f"group {node.group}"
    meta = node.meta.get("owner")
    if isinstance(meta, str) and meta:
        yield meta


def reached_nodes(loaded: Loaded, text: str, up: int | None, down: int | None) -> set[str]:
    """The ids that `column:` selects: the node of the column, and those whose columns hang on it or that it hangs on, at most so many
    steps away (None: all the way)."""
    found = lineages(loaded)
    node, column = find_column(loaded, found, text)
    start = (node.unique_id, column)
    ids = {node.unique_id}
    for upwards, depth in ((True, up), (False, down)):
        if depth != 0:
            ids |= {i for i, _ in found.reach([start], up=upwards, depth=depth) if i in loaded.graph.nodes}
    if down != 0:
        below = {start, *found.reach([start], up=False, depth=down)}
        ids |= {test.unique_id for test in loaded.graph.of_type("test") if _tests(found, test, below)}
        ids |= {e.unique_id for e in _uses(loaded.graph) if {i for i, _ in below}.intersection(e.parents)}
    keep_lineages(loaded, found)
    return ids
