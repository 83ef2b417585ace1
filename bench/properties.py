"""Writes the YAML of a project: sources, documented models and their tests, seeds, and the files at its root."""

from __future__ import annotations

from collections.abc import Sequence

from bench.body import COLUMNS, RAW, SCHEMA
from bench.shape import PROJECT, Model, Seed, Source, Test

MEANINGS = {
    "parent_id": "The owner of the row, between 1 and 120.",
    "status": "Where the row stands in its life.",
    "region": "Sales region; unknown where the system left it empty.",
    "amount": "Money in the main currency.",
    "quantity": "Number of pieces.",
    "is_active": "Whether the row still counts.",
    "created_at": "When the row was made, UTC.",
    "updated_at": "When the row last changed, UTC.",
}
DATABASE = "bench.duckdb"
THREADS = 2


def models_file(models: Sequence[Model]) -> str:
    """The properties of the documented models of one folder."""
    lines = ["version: 2", "", "models:"]
    for model in models:
        lines += [f"  - name: {model.name}", f"    description: The {model.entity} of layer {model.layer}."]
        lines += ["    columns:"]
        for column in (model.key, *COLUMNS, *model.measures):
            lines += column_entry(model, column)
    return "\n".join(lines) + "\n"


def column_entry(model: Model, column: str) -> list[str]:
    """One column with its tests."""
    meaning = MEANINGS.get(column) or ("One row for each." if column == model.key else f"The measure {column}.")
    lines = [f"      - name: {column}", f"        description: {meaning}"]
    tests = [test for test in model.tests if test.column == column]
    if tests:
        lines += ["        data_tests:", *(line for test in tests for line in test_entry(test))]
    return lines


def test_entry(test: Test) -> list[str]:
    """One test of a column."""
    if test.kind == "accepted_values":
        return [
            "          - accepted_values:",
            "              arguments:",
            f"                values: {list(test.values)}",
        ]
    if test.kind == "relationships":
        model, field = test.to
        lines = ["          - relationships:", "              arguments:", f"                to: ref('{model}')"]
        return [*lines, f"                field: {field}"]
    return [f"          - {test.kind}"]


def sources_file(system: str, sources: Sequence[Source]) -> str:
    """The declaration of one system's raw tables."""
    lines = ["version: 2", "", "sources:", f"  - name: {system}", f"    schema: {RAW}", "    tables:"]
    for source in sources:
        lines += [f"      - name: {source.table}", f"        identifier: {source.identifier}"]
        lines += [f"        description: Raw {source.table} as the system {system} sends them."]
    return "\n".join(lines) + "\n"


def seeds_file(seeds: Sequence[Seed]) -> str:
    """The properties of the seeds."""
    lines = ["version: 2", "", "seeds:"]
    for seed in seeds:
        lines += [f"  - name: {seed.name}", "    description: A list that is kept by hand."]
    return "\n".join(lines) + "\n"


def eltflow_files() -> dict[str, str]:
    """The root files of an eltflow project."""
    return {
        "eltflow.yml": f"""\
name: {PROJECT}
default_target: dev
model_paths: [models]
seed_paths: [seeds]
macro_paths: [macros]
targets:
  dev: {{type: duckdb, path: {DATABASE}, schema: {SCHEMA}, threads: {THREADS}}}
vars: {{latest_by: updated_at}}
models:
  +materialized: view
"""
    }


def dbt_files() -> dict[str, str]:
    """The root files of a dbt project on DuckDB."""
    project = f"""\
name: {PROJECT}
version: "1.0"
config-version: 2
profile: {PROJECT}
model-paths: [models]
seed-paths: [seeds]
macro-paths: [macros]
vars:
  latest_by: updated_at
flags:
  send_anonymous_usage_stats: false
models:
  {PROJECT}:
    +materialized: view
"""
    profile = f"""\
{PROJECT}:
  target: dev
  outputs:
    dev:
      type: duckdb
      path: {DATABASE}
      schema: {SCHEMA}
      threads: {THREADS}
"""
    return {"dbt_project.yml": project, "profiles.yml": profile}


ROOT_FILES = {"eltflow": eltflow_files, "dbt": dbt_files}
