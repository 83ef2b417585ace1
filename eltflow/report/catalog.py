"""What exists in the target → catalog.json in the shape of dbt's catalog v1 (https://schemas.getdbt.com/dbt/catalog/v1.json)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eltflow.project.nodes import Node
from eltflow.report.info import RunInfo, metadata
from eltflow.report.vocabulary import artifact_ids
from eltflow.warehouse.catalog import Catalog
from eltflow.warehouse.values import CatalogTable

_TYPES = {"table": "BASE TABLE", "view": "VIEW", "materialized_view": "MATERIALIZED VIEW", "external": "EXTERNAL"}


def catalog(nodes: Mapping[str, Node], tables: Catalog, info: RunInfo) -> dict[str, Any]:
    """The models, seeds and sources of the graph that exist in the target, with their columns as they are there."""
    steps = artifact_ids(nodes)
    found: dict[str, Any] = {}
    sources: dict[str, Any] = {}
    for node in nodes.values():
        if node.relation is None or node.resource_type not in ("model", "seed", "source", "ingest"):
            continue
        table = tables.get(node.relation) if node.materialized != "ephemeral" else None
        if table is not None:
            unique_id = steps.get(node.unique_id, node.unique_id)
            (found if node.resource_type in ("model", "seed") else sources)[unique_id] = _table(unique_id, table)
    return {"metadata": metadata(info, "catalog/v1"), "nodes": found, "sources": sources, "errors": None}


def _table(unique_id: str, table: CatalogTable) -> dict[str, Any]:
    relation = table.relation
    return {
        "metadata": {
            "type": _TYPES[table.kind],
            "schema": relation.schema or "",
            "name": relation.identifier,
            "database": relation.database,
            "comment": table.comment,
            "owner": None,
        },
        "columns": {
            c.name: {"type": c.type, "index": index, "name": c.name, "comment": c.comment}
            for index, c in enumerate(table.columns, start=1)
        },
        "stats": _stats(table),
        "unique_id": unique_id,
    }


def _stats(table: CatalogTable) -> dict[str, Any]:
    known = table.rows is not None and table.kind == "table"
    made: dict[str, Any] = {
        "has_stats": {
            "id": "has_stats",
            "label": "Has stats",
            "value": known,
            "include": False,
            "description": "Whether the warehouse tells anything of this relation",
        }
    }
    if known:
        made["row_count"] = {
            "id": "row_count",
            "label": "Rows",
            "value": table.rows,
            "include": True,
            "description": "Number of rows, as the warehouse's catalog has it (it may be an estimate)",
        }
    return made
