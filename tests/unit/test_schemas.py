"""The JSON Schemas for editors come from the definitions that read the files, and agree with them."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
import yaml

from eltflow.api.schemas import json_schemas
from eltflow.base.diagnostics import EltflowError
from eltflow.graph.selectors import read_selectors
from eltflow.project.properties import PROPERTIES, STEPS
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


PROJECT = {"name": "p", "targets": {"dev": {"type": "duckdb"}}}
RIGHT = [
    {"targets": {"dev": {"type": "duckdb", "threads": "{{ env_var('T') }}", "custom_schemas": "{{ var('c') }}"}}},
    {
        "models": {
            "+materialized": "{{ var('how') }}",
            "marts": {"+pre-hook": "select 1", "pre-hook": ["select 2"], "docs": {"+tags": "x"}},
        }
    },
    {"models": {"marts": {"materialized": "view", "schema": None, "daily": None}, "+meta": {"owner": {"a": 1}}, "+enabled": None}},
    {"sources": {"raw": {"orders": {"+enabled": False}}}},
]


@pytest.mark.parametrize("more", RIGHT)
def test_what_the_reader_takes_the_schema_takes(more):
    value = {**PROJECT, **more}
    assert check(value, SETTINGS) == []
    jsonschema.Draft202012Validator(json_schemas()["eltflow.schema.json"]).validate(value)


LONG = {"method": "tag", "value": "x"}
DEFINITIONS = [
    "+orders,tag:daily",
    {"tag": "x"},
    {"config.materialized": "table"},
    {**LONG, "parents": True, "parents_depth": 2, "children": True, "indirect_selection": "eager"},
    {**LONG, "exclude": ["a", {"union": ["b", "c"]}]},
    {"union": [LONG, {"intersection": ["a", {"tag": "b"}]}, {"exclude": [{"path": "models"}]}]},
]
NO_DEFINITIONS = [
    "",
    3,
    None,
    [],
    {"tagg": "x"},
    {"method": "tag"},
    {**LONG, "method": "tagg"},
    {**LONG, "valu": 3},
    {**LONG, "parents": "yes"},
    {**LONG, "parents": True, "parents_depth": -1},
    {**LONG, "indirect_selection": "eagerly"},
    {**LONG, "exclude": "a"},
    {"exclude": ["a"]},
    {"union": "a"},
    {"union": []},
    {"union": [{"exclude": ["a"]}]},
    {"union": ["a"], "intersection": ["b"]},
    {"union": [{"intersection": [{"tagg": "x"}]}]},
    {"tag": ["a", "b"]},
]


@pytest.mark.parametrize(("definition", "right"), [*((d, True) for d in DEFINITIONS), *((d, False) for d in NO_DEFINITIONS)])
def test_selectors_have_the_shape_that_the_reader_takes(definition, right):
    entries = [{"name": "s", "definition": definition}]
    try:
        read_selectors(entries)
        read = True
    except EltflowError:
        read = False
    schema = json_schemas()["selectors.schema.json"]
    jsonschema.Draft202012Validator.check_schema(schema)
    assert jsonschema.Draft202012Validator(schema).is_valid({"selectors": entries}) == read == right


WRONG = [
    ("eltflow", {"name": "p"}),
    ("eltflow", {"name": "p", "targets": {"dev": {"path": "x"}}}),
    ("eltflow", {"name": "p", "targets": {"dev": {"type": "duckdb"}}, "model_pathss": ["m"]}),
    ("eltflow", {"name": 3, "targets": {"dev": {"type": "duckdb"}}}),
    ("eltflow", {**PROJECT, "targets": {"dev": {"type": "duckdb", "threads": "four"}}}),
    ("eltflow", {**PROJECT, "targets": {"dev": {"type": "duckdb", "threads": 0}}}),
    ("eltflow", {**PROJECT, "models": {"+materialized": "vieww"}}),
    ("eltflow", {**PROJECT, "models": {"+materialised": "view"}}),
    ("eltflow", {**PROJECT, "models": {"marts": {"daily": {"+tags": 3}}}}),
    ("eltflow", {**PROJECT, "models": {"marts": {"materialized": "vieww"}}}),
    ("eltflow", {**PROJECT, "seeds": {"+materialized": "view"}}),
    ("eltflow", {**PROJECT, "data_tests": {"x": {"+limit": 0}}}),
    ("properties", {"models": [{"nam": "x"}]}),
    ("properties", {"models": {"name": "x"}}),
    ("properties", {"models": [{"name": "x", "columns": [{"name": "a", "descripton": "y"}]}]}),
    ("properties", {"models": [{"name": "x", "config": {"materialized": "tabel"}}]}),
    ("properties", {"exposures": [{"name": "x", "type": "dashbord", "owner": {"name": "me"}}]}),
    ("ingest", {"steps": [{"name": "x", "into": "raw.x"}]}),
    ("ingest", {"steps": [{"name": "x", "into": "raw.x", "source": {"kind": "files", "path": "p"}, "columns": [{"name": "a"}]}]}),
    ("ingest", {"steps": [{"name": "x", "into": "raw.x", "source": {"kind": "files", "path": "p"}, "on_bad_row": "skip"}]}),
    ("ingest", {"steps": [{"name": "x", "into": "raw.x", "source": {"kind": "files", "path": "p"}, "load": "apend"}]}),
]


@pytest.mark.parametrize(("kind", "value"), WRONG)
def test_what_the_reader_refuses_the_schema_refuses(kind, value):
    schema = json_schemas()[f"{kind}.schema.json"]
    assert check(value, SHAPES[kind])
    assert not jsonschema.Draft202012Validator(schema).is_valid(value)
