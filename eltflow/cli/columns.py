"""The commands about what hangs on what: lineage of nodes and of columns, impact."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eltflow.base.plurals import counted
from eltflow.cli import options as o

if TYPE_CHECKING:
    from eltflow.compile.lineage import Edge, Lineages, Spot

Direction = Annotated[str, typer.Option("--direction", help="up, down or both.")]
Mermaid = Annotated[bool, typer.Option("--mermaid", help="Print a Mermaid flowchart.")]
Dot = Annotated[bool, typer.Option("--dot", help="Print a graph for Graphviz.")]
Depth = Annotated[int | None, typer.Option("--depth", help="How many steps away.", min=1)]


@o.takes(o.GRAPH, o.NODES, o.PRINTING, o.WARNING)
def lineage(
    given: o.Given,
    name: Annotated[str | None, typer.Argument(help="A node, or a column: node.column. Without one: the whole project.")] = None,
    depth: Depth = None,
    direction: Direction = "both",
    indirect: Annotated[bool, typer.Option("--indirect", help="Of a column: also what only decides over it.")] = False,
    unknown: Annotated[bool, typer.Option("--unknown", help="List the columns that are not resolved, with the reason.")] = False,
    mermaid: Mermaid = False,
    dot: Dot = False,
) -> int:
    from eltflow import api
    from eltflow.base.diagnostics import fail

    if direction not in ("up", "down", "both"):
        raise fail("E0112", f"--direction cannot be `{direction}`", help="one of: up, down, both")
    if name is not None and given.selects:
        raise fail("E0113", "lineage takes a name or a selection, not both", help="eltflow lineage stg_orders")
    loaded = given.load()
    given.warn(loaded.graph.warnings if given.warn_error else ())
    form = "json" if given.voice.machine else "mermaid" if mermaid else "dot" if dot else "text"
    if unknown:
        return _unknown(given, loaded, name)
    if name is None and not given.selects and form in ("text", "json"):
        return _of_all(given, loaded, form)
    words = given.select or []
    wanted = name or (words[0] if len(words) == 1 and not given.exclude and not given.selector else None)
    if wanted is not None and api.is_node(loaded, wanted):
        return _of_nodes(given, loaded, [api.find_node(loaded, wanted)], depth, direction, form)
    if wanted is not None and (name is not None or api.is_node(loaded, wanted.rpartition(".")[0])):
        if "." not in wanted:
            api.find_node(loaded, wanted)  # which says that there is none
        return _of_column(given, loaded, wanted, depth, direction, form, indirect)
    chosen = given.selection(loaded, frozenset(n.resource_type for n in loaded.graph.nodes.values()) - {"test"})
    return _of_nodes(given, loaded, [loaded.graph.nodes[i] for i in chosen.ids], depth, direction, form, several=True)


def _of_all(given: o.Given, loaded: Any, form: str) -> int:
    """How much of the project's columns is known; as JSON, the lineage of all of them."""
    from eltflow import api
    from eltflow.cli import render

    found = api.lineages(loaded, telling=form == "json")
    if form == "json":
        given.voice.pieces(api.lineage_pieces(loaded, found))
    else:
        models = list(loaded.graph.of_type("model"))
        coverage = found.coverage(models)
        render.out(render.dotted([counted(len(models), "model"), *covered(coverage)]))
        if coverage.unknown or coverage.unlisted:
            render.out("those that are not: eltflow lineage --unknown")
    api.keep_lineages(loaded, found)
    return 0


def covered(coverage: Any) -> list[str]:
    """How much of columns is known, in words."""

    percent = f"{coverage.percent:.1f}".removesuffix(".0")
    parts = [f"{coverage.resolved:,} of {counted(coverage.columns, 'column')} resolved ({percent} %)"]
    more = len(coverage.unlisted)
    return [*parts, f"{counted(more, 'node')} may have more columns"] if more else parts


def _unknown(given: o.Given, loaded: Any, name: str | None) -> int:
    """The columns of all models, of one or of the selected ones that are not resolved, with the reason."""
    from eltflow import api
    from eltflow.cli import render

    if name is not None:
        nodes = [api.find_node(loaded, name)]
    elif given.selects:
        nodes = [loaded.graph.nodes[i] for i in given.selection(loaded, frozenset(["model"])).ids]
    else:
        nodes = list(loaded.graph.of_type("model"))
    found = api.lineages(loaded)
    coverage = found.coverage(nodes)
    api.keep_lineages(loaded, found)
    if given.voice.machine:
        given.voice.result(
            {
                "coverage": coverage.plain(),
                "unknown": [{"node": i, "column": column, "reason": reason} for (i, column), reason in coverage.unknown.items()],
                "unlisted": [{"node": i, "reason": reason} for i, reason in coverage.unlisted.items()],
            }
        )
        return 0
    for spot, reason in coverage.unknown.items():
        render.out(f"{_called(loaded, spot)}: {reason}")
    for unique_id, reason in coverage.unlisted.items():
        render.out(f"{loaded.graph.nodes[unique_id].display}: not all of its columns are known: {reason}")
    render.out(render.dotted(covered(coverage)))
    return 0


def _of_nodes(
    given: o.Given, loaded: Any, nodes: Sequence[Any], depth: int | None, direction: str, form: str, *, several: bool = False
) -> int:
    """What is around each node; `several` gives JSON as a list, also of one."""
    from eltflow.cli import render

    graph = loaded.graph
    shown = [i for i, n in graph.nodes.items() if n.resource_type != "test"]
    kept = set(shown)
    if form == "text":
        for at, node in enumerate(nodes):
            if at:
                render.out()
            _told(graph, node, [*shown, *([] if node.unique_id in kept else [node.unique_id])], kept, depth, direction)
        return 0
    around = []
    for node in nodes:
        up = sorted(graph.ancestors([node.unique_id], depth)) if direction != "down" else []
        down = sorted(i for i in graph.descendants([node.unique_id], depth) if i in kept) if direction != "up" else []
        around.append({"node": node.unique_id, "upstream": up, "downstream": down})
    if form == "json":
        given.voice.result(around if several else around[0])
        return 0
    ids = {i for one in around for i in (one["node"], *one["upstream"], *one["downstream"])}
    edges = [
        (graph.nodes[p].display, graph.nodes[i].display, "", False)
        for i in shown
        if i in ids
        for p in graph.nodes[i].parents
        if p in ids
    ]
    _drawn(form, edges, *(node.display for node in nodes))
    return 0


def _told(graph: Any, node: Any, shown: Sequence[str], kept: set[str], depth: int | None, direction: str) -> None:
    """The tree above a node, the node, and the tree below it."""
    from eltflow.cli import render

    above = {i: [p for p in graph.nodes[i].parents if p in kept] if direction != "down" else [] for i in shown}
    below = {i: [c for c in graph.children[i] if c in kept] if direction != "up" else [] for i in shown}

    def label(unique_id: str, _: Any) -> str:
        return str(graph.nodes[unique_id].display)

    for line in _tree(node.unique_id, above.__getitem__, label, depth, up=True):
        render.out(line)
    render.out(f"{node.display}  ({node.materialized}, {node.path})")
    for line in _tree(node.unique_id, below.__getitem__, label, depth, up=False):
        render.out(line)


def _of_column(given: o.Given, loaded: Any, wanted: str, depth: int | None, direction: str, form: str, indirect: bool) -> int:
    from eltflow import api

    found = api.lineages(loaded)
    node, column = api.find_column(loaded, found, wanted)
    start = (node.unique_id, column)
    edges: list[Edge] = []
    for up in (True, False):
        if direction in ("both", "up" if up else "down"):
            reached = found.reach([start], up=up, depth=depth, indirect=indirect)
            edges += [edge for several in reached.values() for edge in several]
    edges = list(dict.fromkeys(edges))
    spots = dict.fromkeys([start, *(edge.above for edge in edges), *(edge.below for edge in edges)])
    if form == "json":
        models = [n for n in loaded.graph.of_type("model") if n.unique_id in {i for i, _ in spots}]
        given.voice.result(
            {
                "column": _described(loaded, found, start),
                "columns": [_described(loaded, found, spot) for spot in spots if spot != start],
                "edges": [_edge_json(edge) for edge in edges],
                "coverage": found.coverage(models).plain(),
            }
        )
    elif form != "text":
        drawn = [(_called(loaded, edge.above), _called(loaded, edge.below), edge.how, edge.indirect) for edge in edges]
        _drawn(form, drawn, _called(loaded, start))
    else:
        _column_text(given, loaded, found, start, depth, direction, indirect)
    api.keep_lineages(loaded, found)
    return 0


def _column_text(
    given: o.Given, loaded: Any, found: Lineages, start: Spot, depth: int | None, direction: str, indirect: bool
) -> None:
    from eltflow.cli import render

    def neighbours(up: bool) -> Callable[[Spot], list[Spot]]:
        def of(spot: Spot) -> list[Spot]:
            edges = found.above(spot) if up else found.below(spot)
            return list(dict.fromkeys((e.above if up else e.below) for e in edges if indirect or not e.indirect))

        return of

    def label(spot: Spot, other: Spot) -> str:
        edges = [*found.above(spot), *found.above(other)]
        hows = dict.fromkeys(e.how for e in edges if {e.above, e.below} == {spot, other} and (indirect or not e.indirect))
        return f"{_called(loaded, spot)}  {', '.join(hows)}"

    node = loaded.graph.nodes[start[0]]
    if direction != "down":
        for line in _tree(start, neighbours(True), label, depth, up=True):
            render.out(line)
    text = found.expression(node, start[1])
    render.out(f"{_called(loaded, start)}  ({node.materialized}, {node.path})" + (f"  = {_short(text)}" if text else ""))
    if direction != "up":
        for line in _tree(start, neighbours(False), label, depth, up=False):
            render.out(line)
    known = found.column(node, start[1])
    if known is not None and known.unknown and node.resource_type == "model":
        given.voice.note(f"note: not all of it is known: {known.unknown}")
    elif known is None and node.resource_type == "model":
        given.voice.note(f"note: whether there is such a column is not known: {found.of(node).unlisted}")
    if not indirect:
        deciding = {edge.above for edge in found.above(start) if edge.indirect}
        if deciding and direction != "down":
            given.voice.note(f"note: {counted(len(deciding), 'column')} more only decide over it: --indirect shows them")
    nodes = [n for i, n in loaded.graph.nodes.items() if n.resource_type == "model" and i in loaded.graph.ancestors([start[0]])]
    coverage = found.coverage([*nodes, node])
    if coverage.unknown or (coverage.columns and any(loaded.graph.nodes[i].resource_type == "model" for i in coverage.unlisted)):
        given.voice.note(f"note: {coverage.resolved:,} of {coverage.columns:,} columns above are resolved")


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 80 else f"{flat[:77]}..."


def _called(loaded: Any, spot: Spot) -> str:
    node = loaded.graph.nodes.get(spot[0])
    return f"{node.display if node is not None else spot[0]}.{spot[1]}"


def _described(loaded: Any, found: Lineages, spot: Spot) -> dict[str, Any]:
    node = loaded.graph.nodes.get(spot[0])
    column = found.column(node, spot[1]) if node is not None else None
    return {
        "node": spot[0],
        "column": spot[1],
        "resource_type": node.resource_type if node is not None else None,
        "expression": found.expression(node, spot[1]) if node is not None else None,
        "unknown": column.unknown
        if column is not None
        else found.of(node).unlisted
        if node is not None
        else "no node of the project",
    }


def _edge_json(edge: Edge) -> dict[str, Any]:
    return {
        "from": {"node": edge.above[0], "column": edge.above[1]},
        "to": {"node": edge.below[0], "column": edge.below[1]},
        "how": edge.how,
        "indirect": edge.indirect,
    }


def _drawn(form: str, edges: Sequence[tuple[str, str, str, bool]], *starts: str) -> None:
    """The edges as a Mermaid flowchart or a Graphviz graph; what only decides is dashed."""
    from eltflow.cli import render

    names = dict.fromkeys([*starts, *(name for edge in edges for name in edge[:2])])
    ids = {name: f"n{number}" for number, name in enumerate(names)}

    def quoted(text: str) -> str:
        # Mermaid has no escape for a quote within quotes but the entity; Graphviz takes a backslash.
        return text.replace('"', "#quot;") if form == "mermaid" else text.replace("\\", "\\\\").replace('"', '\\"')

    mermaid = form == "mermaid"
    render.out("flowchart LR" if mermaid else "digraph lineage {\n  rankdir=LR;\n  node [shape=box];")
    for name, key in ids.items():
        render.out(f'  {key}["{quoted(name)}"]' if mermaid else f'  {key} [label="{quoted(name)}"];')
    for above, below, how, indirect in dict.fromkeys(edges):
        if mermaid:
            arrow = "-.->" if indirect else "-->"
            render.out(f"  {ids[above]} {arrow}{f'|{how}|' if how else ''} {ids[below]}")
        else:
            style = ", style=dashed" if indirect else ""
            render.out(f'  {ids[above]} -> {ids[below]} [label="{how}"{style}];')
    if not mermaid:
        render.out("}")


def _tree(
    start: Any, edges: Callable[[Any], Sequence[Any]], label: Callable[[Any, Any], str], depth: int | None, *, up: bool
) -> list[str]:
    """Lines of a tree below (or, upside down, above) something. What comes again is not unfolded again."""
    seen: set[Any] = {start}

    def walk(parent: Any, prefix: str, level: int) -> list[str]:
        if depth is not None and level > depth:
            return []
        lines: list[str] = []
        items = list(edges(parent))
        for index, other in enumerate(items):
            last = index == len(items) - 1
            again = other in seen and bool(edges(other))
            if depth is None or level < depth:
                seen.add(other)
            branch = ("└─ " if last else "├─ ") if not up else ("┌─ " if last else "├─ ")
            inner = walk(other, prefix + ("   " if last else "│  "), level + 1) if not again else []
            told = " (shown above)" if again and not up else " (shown below)" if again else ""
            lines += [f"{prefix}{branch}{label(other, parent)}{told}", *inner]
        return lines

    lines = walk(start, "", 1)
    return list(reversed(lines)) if up else lines


@o.takes(o.GRAPH, o.PRINTING, o.WARNING)
def impact(
    given: o.Given,
    name: Annotated[str, typer.Argument(help="A column: node.column.")],
    depth: Depth = None,
) -> int:
    from eltflow import api
    from eltflow.cli import render

    loaded = given.load()
    given.warn(loaded.graph.warnings if given.warn_error else ())
    found = api.lineages(loaded)
    node, column = api.find_column(loaded, found, name)
    touched = api.impact(loaded, found, node, column, depth)
    api.keep_lineages(loaded, found)
    by_node: dict[str, list[Spot]] = {}
    for spot in touched.columns:
        by_node.setdefault(spot[0], []).append(spot)
    if given.voice.machine:
        given.voice.result(
            {
                "column": {"node": node.unique_id, "column": column},
                "models": [n.unique_id for n in touched.nodes],
                "columns": [
                    {
                        "node": spot[0],
                        "column": spot[1],
                        "carries_value": spot in touched.carrying,
                        "how": sorted({e.how for e in edges}),
                    }
                    for spot, edges in touched.columns.items()
                ],
                "tests": [t.unique_id for t in touched.tests],
                "exposures": [e.unique_id for e in touched.exposures],
                "owners": list(touched.owners),
                "unsure": touched.unsure,
            }
        )
        return 0
    render.out(f"{node.display}.{column}  ({node.materialized}, {node.path})")
    width = min(40, max([8, *(len(n.display) for n in touched.nodes)]))
    for one in touched.nodes:
        spots = by_node.get(one.unique_id, [])
        carrying = [s[1] for s in spots if s in touched.carrying]
        deciding = len(spots) - len(carrying)
        parts = [", ".join(carrying)] if carrying else []
        parts += [f"decides over {counted(deciding, 'column')}"] if deciding else []
        render.out(f"  {one.display:<{width}}  {' · '.join(parts)}")
    for title, names in (
        ("tests", [t.name for t in touched.tests]),
        ("exposures", [e.name for e in touched.exposures]),
        ("owners", list(touched.owners)),
    ):
        if names:
            render.out(f"{title}: {', '.join(names)}")
    for display, reason in touched.unsure.items():
        given.voice.note(f"note: {display} may hang on it too: {reason}")
    models = sum(one.resource_type == "model" for one in touched.nodes)
    counts = [counted(models, "model"), counted(len(touched.columns), "column")]
    counts += [counted(len(touched.tests), "test"), counted(len(touched.exposures), "exposure")]
    render.out(render.dotted(counts))
    return 0
