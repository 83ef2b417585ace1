"""The JSON Schemas for editors come from the definitions that read the files, and agree with them."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
import yaml

from eltflow.project.properties import PROPERTIES, STEPS, json_schemas
from eltflow.project.settings import SETTINGS
from eltflow.project.shape import check

ROOT = Path(__file__).resolve().parents[2]
PROJECTS = [ROOT / "examples/flights", ROOT / "project_template"]
SHAPES = {"eltflow": SETTINGS, "properties": PROPERTIES, "ingest": STEPS}


def files():
    for project in PROJECTS:
        for path in sorted(project.rglob("*.yml")):
            if path.name == "selectors.yml":
                yield pytest.param("selectors", path, id=path.name)
            elif path.name == "eltflow.yml":
                yield pytest.param("eltflow", path, id=f"{project.name}/{path.name}")
            else:
                kind = "ingest" if "ingest" in path.parts else "properties"
                yield pytest.param(kind, path, id=f"{project.name}/{path.name}")


@pytest.mark.parametrize(("kind", "path"), list(files()))
def test_the_example_projects_fit(kind, path):
    schema = json_schemas()[f"{kind}.schema.json"]
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(yaml.safe_load(path.read_text()))


WRONG = [
    ("eltflow", {"name": "p"}),
    ("eltflow", {"name": "p", "targets": {"dev": {"path": "x"}}}),
    ("eltflow", {"name": "p", "targets": {"dev": {"type": "duckdb"}}, "model_pathss": ["m"]}),
    ("eltflow", {"name": 3, "targets": {"dev": {"type": "duckdb"}}}),
    ("properties", {"models": [{"nam": "x"}]}),
    ("properties", {"models": {"name": "x"}}),
    ("properties", {"models": [{"name": "x", "columns": [{"name": "a", "descripton": "y"}]}]}),
    ("properties", {"models": [{"name": "x", "config": {"materialized": "tabel"}}]}),
    ("properties", {"exposures": [{"name": "x", "type": "dashbord", "owner": {"name": "me"}}]}),
    ("ingest", {"steps": [{"name": "x", "into": "raw.x"}]}),
    ("ingest", {"steps": [{"name": "x", "into": "raw.x", "source": {"kind": "files", "path": "p"}, "load": "apend"}]}),
]


@pytest.mark.parametrize(("kind", "value"), WRONG)
def test_what_the_reader_refuses_the_schema_refuses(kind, value):
    schema = json_schemas()[f"{kind}.schema.json"]
    assert check(value, SHAPES[kind])
    assert not jsonschema.Draft202012Validator(schema).is_valid(value)
