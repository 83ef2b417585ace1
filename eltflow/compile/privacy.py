"""Personal data in what people are shown: values that may come from a personal column are masked before anyone sees them.

What counts is where a value comes from, not what the result calls it. Where that is not known, it is masked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from eltflow.base.diagnostics import MASK
from eltflow.base.records import dataclass
from eltflow.compile.compiled import cte_name
from eltflow.compile.personal import Personal
from eltflow.project.nodes import Node

#: What an engine quotes in a message, or shows of a row: texts in quotes, values in parentheses, and long numbers.
_VALUES = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|(?<=\)=)\([^)\n]*\)|(?<![\w./-])\d{4,}(?![\w/])|(?<=with value )\S+")
#: What our own messages show of a row.
_HELD = re.compile(r"(?<=holds )`[^`]*`|(?<=does not take )`[^`]*`")
#: The kinds of errors that come before any row is read: what they quote are names.
_SQLSTATE_OF_NAMES = re.compile(r"42\w{3}\Z")  # class 42: syntax error or access rule violation (SQL:2016 §24.1)
_ABOUT_NAMES = frozenset({"binder", "catalog", "parser", "syntax"})

Rows = Sequence[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Reach:
    """The personal columns (small letters) that a query may show; `unsure` if it may show others."""

    names: frozenset[str] = frozenset()
    unsure: bool = False

    def __bool__(self) -> bool:
        return self.unsure or bool(self.names)


def personal_columns(node: Node, personal: Personal) -> Reach:
    """The personal columns that a node has, or that are in reach of its SQL."""
    if not personal.any:
        return Reach()
    if node.opaque is not None:
        return Reach(unsure=True)  # it may read more than its edges tell
    return _reach(personal, _reached(node, personal))


def personal_values(node: Node, personal: Personal) -> Reach:
    """The columns whose values must not be seen in what is said of a node while it is built: its personal ones, and what a step hashes."""
    reach = personal_columns(node, personal)
    hashed = node.ingest.step.get("hash") or {} if node.ingest is not None else {}
    return Reach(reach.names | {name.lower() for name in (*hashed, *hashed.values())}, reach.unsure)


def personal_columns_in(sql: str, personal: Personal) -> Reach:
    """The same for SQL that stands in no file, by the relations that it holds."""
    if not personal.any:
        return Reach()
    dialect = personal.compiler.dialect
    found = [
        node
        for node in personal.graph.nodes.values()
        if (node.relation is not None and dialect.render(node.relation) in sql) or cte_name(node) in sql
    ]
    return _reach(personal, (other for node in found for other in personal.linked(node)))


def _reach(personal: Personal, nodes: Iterable[Node]) -> Reach:
    held = [personal.held(node) for node in nodes]
    return Reach(frozenset[str]().union(*(one.names for one in held)), any(one.doubtful for one in held))


def _reached(node: Node, personal: Personal) -> Iterator[Node]:
    """A node and what it reads, through those that are part of their readers' SQL."""
    nodes = personal.graph.nodes
    todo, seen = [node], set[str]()
    while todo:
        one = todo.pop()
        if one.unique_id in seen:
            continue
        seen.add(one.unique_id)
        yield from personal.linked(one)
        if one is node or one.materialized == "ephemeral":
            todo += [nodes[p] for p in one.parents if p in nodes]


def masked_rows(columns: Sequence[str], rows: Rows, sql: str, reach: Reach, personal: Personal) -> tuple[tuple[Any, ...], ...]:
    """The rows of a query with every value masked that may come from a personal column; a NULL stays, for it tells of nobody.

    `reach` is what its edges tell: a query that cannot be read may reach any of the project's.
    """
    if not rows or not personal.any:
        return tuple(rows)
    from eltflow.sql.origins import harmless

    shown = harmless(sql, personal.compiler.dialect.sqlglot, reach.names) if not reach.unsure else None
    if shown is not None and not reach:
        return tuple(rows)
    if shown is None:
        return tuple(tuple(None if value is None else MASK for value in row) for row in rows)
    hidden = [not shown(name) for name in columns]
    return tuple(
        tuple(MASK if hide and value is not None else value for hide, value in zip(hidden, row, strict=True)) for row in rows
    )


def masked_text(text: str, code: str | None, reach: Reach) -> str:
    """An engine's words without the values that it quotes, where they may be personal; `code` is the kind of its error."""
    told = (code or "").lower()
    if not reach or told in _ABOUT_NAMES or _SQLSTATE_OF_NAMES.match(told):
        return text
    return _VALUES.sub(MASK, masked_value(text, reach))


def masked_value(text: str, reach: Reach) -> str:
    """Our own words on a value that a column holds, without it where it may be personal."""
    return _HELD.sub(f"`{MASK}`", text) if reach else text
