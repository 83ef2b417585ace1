"""The lineage of all columns → `lineage.json` (docs/reference/artifacts.md), node by node, and the JSON Schema of it.

The same project gives the same text: nodes are sorted by id, and no time stands in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from eltflow.project.nodes import Node
from eltflow.report.info import to_json
from eltflow.sql.values import HOWS, ColumnLineage, Influence, QueryLineage

#: What the shape is called: a number higher when a reader must know of it.
FORMAT = "eltflow-lineage/1"
#: Nodes that have columns.
TYPES = ("model", "analysis", "seed", "ingest", "source")


def lineage_artifact(
    nodes: Sequence[Node],
    of: Callable[[Node], QueryLineage],
    coverage: Mapping[str, Any],
    *,
    project: str,
    version: str,
    ids: Mapping[str, str],
) -> dict[str, Any]:
    """The artifact, for `to_lines` of its `nodes`. `ids` are those of artifacts where they are others."""
    metadata = {"format": FORMAT, "eltflow_version": version, "project": project}
    return {"metadata": metadata, "coverage": coverage, "nodes": _Entries(nodes, of, ids)}


class _Entries(Mapping[str, str]):
    """The entry of each node as JSON, made when it is asked for: of a large project they never stand side by side."""

    def __init__(self, nodes: Sequence[Node], of: Callable[[Node], QueryLineage], ids: Mapping[str, str]) -> None:
        self._of = of
        self._ids = ids
        found: dict[str, Node] = {}
        for node in nodes:
            if node.resource_type in TYPES and (node.ingest is None or self._id(node.unique_id) not in found):
                found[self._id(node.unique_id)] = node  # of a step and the source that it loads the source
        self._nodes = dict(sorted(found.items()))

    def __len__(self) -> int:
        return len(self._nodes)

    def __iter__(self) -> Iterator[str]:
        return iter(self._nodes)

    def __getitem__(self, key: str) -> str:
        return to_json(self.entry(key))

    def entry(self, key: str) -> dict[str, Any]:
        """What is told of a node."""
        node = self._nodes[key]
        found = self._of(node)
        return {
            "name": node.display,
            "resource_type": "source" if node.ingest is not None else node.resource_type,
            "path": node.path,
            "unlisted": found.unlisted,
            "unsure": found.unsure,
            "rows": self._influences(found.rows),
            "columns": [self._column(key, column) for column in found.columns],
        }

    def _column(self, key: str, column: ColumnLineage) -> dict[str, Any]:
        origins = [(self._id(one.table), one.column, one.how) for one in column.origins]
        return {
            "name": column.name,
            "expression": column.expression,
            "unknown": column.unknown,
            "origins": [
                {"node": node, "column": name, "how": how} for node, name, how in origins if node != key or name != column.name
            ],
            "influences": self._influences(column.influences),
        }

    def _influences(self, influences: Sequence[Influence]) -> list[dict[str, str]]:
        return [{"node": self._id(one.table), "column": one.column, "why": one.why} for one in influences]

    def _id(self, unique_id: str) -> str:
        return self._ids.get(unique_id, unique_id)


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "required": [*properties], "properties": properties}


_TEXT = {"type": "string"}
_REASON = {"type": ["string", "null"]}
_COUNT = {"type": "integer", "minimum": 0}
_WHY = {"enum": ["filter", "join", "group", "distinct", "set", "sort", "unnest", "window", "condition"]}
_INFLUENCES = {"type": "array", "items": _object(node=_TEXT, column=_TEXT, why=_WHY)}
#: The shape of the artifact (JSON Schema, draft 2020-12).
LINEAGE_SCHEMA: Mapping[str, Any] = _object(
    metadata=_object(format={"const": FORMAT}, eltflow_version=_TEXT, project=_TEXT),
    coverage=_object(columns=_COUNT, resolved=_COUNT, percent={"type": "number", "minimum": 0, "maximum": 100}, unlisted=_COUNT),
    nodes={
        "type": "object",
        "additionalProperties": _object(
            name=_TEXT,
            resource_type={"enum": [one for one in TYPES if one != "ingest"]},
            path=_TEXT,
            unlisted=_REASON,
            unsure=_REASON,
            rows=_INFLUENCES,
            columns={
                "type": "array",
                "items": _object(
                    name=_TEXT,
                    expression=_REASON,
                    unknown=_REASON,
                    origins={"type": "array", "items": _object(node=_TEXT, column=_TEXT, how={"enum": [*HOWS]})},
                    influences=_INFLUENCES,
                ),
            },
        ),
    },
)
