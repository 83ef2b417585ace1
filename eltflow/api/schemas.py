"""JSON Schemas (draft 2020-12) of a project's YAML files for editors, from the definitions that read them."""

from __future__ import annotations

from typing import Any

from eltflow.graph.selectors import definition_schema
from eltflow.project.deliveries import DELIVERIES
from eltflow.project.jobs import JOBS
from eltflow.project.properties import PROPERTIES, STEPS
from eltflow.project.settings import SELECTORS, SETTINGS, TREES
from eltflow.project.tasks import TASKS

_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def json_schemas() -> dict[str, dict[str, Any]]:
    """The schema of each kind of file, by the name of the schema's own file."""
    trees = {f"{tree.kind}_tree": tree.definition() for tree in TREES.values()}
    selectors = SELECTORS.schema()
    selectors["properties"]["selectors"]["items"]["properties"]["definition"] = {"$ref": "#/$defs/definition"}
    kinds = {
        "eltflow": {**SETTINGS.schema(), "$defs": trees},
        "properties": PROPERTIES.schema(),
        "ingest": STEPS.schema(),
        "deliver": DELIVERIES.schema(),
        "tasks": TASKS.schema(),
        "jobs": JOBS.schema(),
        "selectors": {**selectors, "$defs": {"definition": definition_schema()}},
    }
    return {f"{name}.schema.json": {"$schema": _DRAFT, "title": name, **schema} for name, schema in kinds.items()}
