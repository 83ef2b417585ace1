"""Personal data in what people are shown: values that may come from a column tagged `pii` are masked before anyone sees them.

What counts is where a value comes from, not what the result calls it. Where that is not known, it is masked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from eltflow.compile.compiled import cte_name
from eltflow.graph.graph import Graph
from eltflow.project.nodes import Node
from eltflow.warehouse.dialect import Dialect

TAG = "pii"
MASK = "*****"
#: What an engine quotes in a message, or shows of a row: texts in quotes, values in parentheses, and long numbers.
_VALUES = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|(?<=\)=)\([^)\n]*\)|(?<![\w./-])\d{4,}(?![\w/])|(?<=with value )\S+")
#: What our own messages show of a row.
_HELD = re.compile(r"(?<=holds )`[^`]*`|(?<=does not take )`[^`]*`")
#: The kinds of errors that come before any row is read: what they quote are names.
_SQLSTATE_OF_NAMES = re.compile(r"42\w{3}\Z")  # class 42: syntax error or access rule violation (SQL:2016 §24.1)
_ABOUT_NAMES = frozenset({"binder", "catalog", "parser", "syntax"})

Rows = Sequence[tuple[Any, ...]]


def personal_columns(node: Node, graph: Graph) -> frozenset[str]:
    """The names (small letters) of the personal columns that a node has, or that are in reach of its SQL."""
    if node.opaque is not None:
        return _tagged(graph.nodes.values())  # it may read more than its edges tell
    return _tagged(_reached([node], graph))


def personal_columns_in(sql: str, graph: Graph, dialect: Dialect) -> frozenset[str]:
    """The same for SQL that stands in no file, by the relations that it holds."""
    found = [
        node
        for node in graph.nodes.values()
        if (node.relation is not None and dialect.render(node.relation) in sql) or cte_name(node) in sql
    ]
    return frozenset[str]().union(*(_tagged(graph.nodes.values()) if n.opaque else _tagged(_linked(n, graph)) for n in found))


def _reached(nodes: Iterable[Node], graph: Graph) -> Iterator[Node]:
    """Nodes and what they read, through those that are part of their readers' SQL."""
    todo, seen = [*nodes], set[str]()
    first = {node.unique_id for node in todo}
    while todo:
        node = todo.pop()
        if node.unique_id in seen:
            continue
        seen.add(node.unique_id)
        yield from _linked(node, graph)
        if node.unique_id in first or node.materialized == "ephemeral":
            if node.opaque is not None:
                todo += graph.nodes.values()
            todo += [graph.nodes[p] for p in node.parents if p in graph.nodes]


def _linked(node: Node, graph: Graph) -> Iterator[Node]:
    """A node, and what describes the same table: a source and the step that loads it."""
    yield node
    if node.source is not None:
        yield from (graph.nodes[p] for p in node.parents if p in graph.nodes)
    elif node.ingest is not None:
        children = (graph.nodes[c] for c in graph.children.get(node.unique_id, ()) if c in graph.nodes)
        yield from (child for child in children if child.source is not None)


def _tagged(nodes: Iterable[Node]) -> frozenset[str]:
    found: set[str] = set()
    for node in nodes:
        found |= {c.name.lower() for c in node.columns.values() if TAG in c.tags}
        hashed = node.ingest.step.get("hash") or {} if node.ingest is not None else {}
        found |= {name.lower() for name in (*hashed, *hashed.values())}
    return frozenset(found)


def masked_rows(
    columns: Sequence[str], rows: Rows, sql: str, personal: frozenset[str], graph: Graph, dialect: Dialect
) -> tuple[tuple[Any, ...], ...]:
    """The rows of a query with every value masked that may come from a personal column; a NULL stays, for it tells of nobody.

    `personal` are the columns in reach, as far as the query's edges tell: one that cannot be read may reach any of the project's.
    """
    every = _tagged(graph.nodes.values())
    if not rows or not every:
        return tuple(rows)
    from eltflow.sql.origins import harmless

    shown = harmless(sql, dialect.sqlglot, personal or every)
    if shown is not None and not personal:
        return tuple(rows)
    if shown is None:
        return tuple(tuple(None if value is None else MASK for value in row) for row in rows)
    hidden = [not shown(name) for name in columns]
    return tuple(
        tuple(MASK if hide and value is not None else value for hide, value in zip(hidden, row, strict=True)) for row in rows
    )


def masked_text(text: str, code: str | None, personal: frozenset[str]) -> str:
    """An engine's words without the values that it quotes, where they may be personal; `code` is the kind of its error."""
    told = (code or "").lower()
    if not personal or told in _ABOUT_NAMES or _SQLSTATE_OF_NAMES.match(told):
        return text
    return _VALUES.sub(MASK, masked_value(text, personal))


def masked_value(text: str, personal: frozenset[str]) -> str:
    """Our own words on a value that a column holds, without it where it may be personal."""
    return _HELD.sub(f"`{MASK}`", text) if personal else text
