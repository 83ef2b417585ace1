"""Personal data in the failing rows that a test shows: columns tagged `pii` are masked before anyone sees the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from eltflow.events import StepResult
from eltflow.graph.graph import Graph
from eltflow.project.nodes import Node

TAG = "pii"
MASK = "*****"
#: What the built-in tests call the column that they test.
_STANDS_FOR_COLUMN = {"unique": "unique_field", "accepted_values": "value_field", "relationships": "from_field"}


def masked(result: StepResult, test: Node, graph: Graph) -> StepResult:
    """The result with values of personal columns masked; a NULL stays, for it tells nothing about anybody.

    A column is known by its name. What a test of the project's own calls otherwise than its nodes' columns is called may hold
    anything of them, so that it is masked too where one of the nodes has a personal column.
    """
    if not result.sample:
        return result
    parents = [graph.nodes[p] for p in test.parents if p in graph.nodes]
    hidden = _hidden(test, parents, result.sample_columns)
    if not hidden:
        return result
    rows = tuple(tuple(_mask(value) if i in hidden else value for i, value in enumerate(row)) for row in result.sample)
    return replace(result, sample=rows)


def _mask(value: Any) -> Any:
    return None if value is None else MASK


def _hidden(test: Node, parents: Sequence[Node], columns: Sequence[str]) -> set[int]:
    told = {c.name.lower() for p in parents for c in p.columns.values()}
    personal = {c.name.lower() for p in parents for c in p.columns.values() if TAG in c.tags}
    if not personal:
        return set()
    kind = test.test.kind if test.test is not None else None
    harmless = told - personal
    if kind in _STANDS_FOR_COLUMN:
        harmless |= {"n_records"}
        if test.test is not None and (test.test.column or "").lower() in harmless:
            harmless |= {_STANDS_FOR_COLUMN[kind]}
    elif kind == "not_null":  # whole rows, under the columns' own names
        harmless |= {name.lower() for name in columns} - personal
    return {i for i, name in enumerate(columns) if name.lower() not in harmless}
