"""Failing rows of a test as people may see them: columns tagged `pii` masked, values as short text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eltflow.events import StepResult
from eltflow.project.nodes import Node

MASK = "***"
_WIDTH = 60


def shown_rows(result: StepResult, nodes: Mapping[str, Node]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The names of the columns and the rows of a test's sample, as text.

    A column is masked when a column of its name is tagged `pii` in what the test reads. When the tested column itself is tagged, every
    column is: a test may give values under other names (`value_field`).
    """
    node = nodes.get(result.step)
    secret, everything = _masked(node, nodes)
    hidden = [everything or name.lower() in secret for name in result.sample_columns]
    rows = [
        tuple(MASK if hide else text(value) for value, hide in zip(row, hidden, strict=True))
        for row in result.sample
        if len(row) == len(hidden)
    ]
    return result.sample_columns, rows


def table_text(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Names and rows under each other, in columns."""
    lines = [list(columns), *(list(row) for row in rows)]
    widths = [max((len(line[i]) for line in lines), default=0) for i in range(len(columns))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines)


def text(value: Any) -> str:
    """A value on one line."""
    if value is None:
        return "NULL"
    shown = " ".join(str(value).split())
    return shown if len(shown) <= _WIDTH else f"{shown[: _WIDTH - 1]}…"


def _masked(node: Node | None, nodes: Mapping[str, Node]) -> tuple[set[str], bool]:
    if node is None:
        return set(), False
    secret: set[str] = set()
    for parent_id in node.parents:
        parent = nodes.get(parent_id)
        if parent is not None:
            secret |= {c.name.lower() for c in parent.columns.values() if "pii" in c.tags}
    column = node.test.column if node.test is not None else None
    return secret, column is not None and column.lower() in secret
