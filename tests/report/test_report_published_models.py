"""The artifacts of whole projects, read by an independent reader of dbt's published schemas; and the three agree with each other."""

from __future__ import annotations

import json
from typing import Any

from dbt_artifacts_parser.parsers.catalog.catalog_v1 import CatalogV1
from dbt_artifacts_parser.parsers.manifest.manifest_v12 import ManifestV12
from dbt_artifacts_parser.parsers.run_results.run_results_v6 import RunResultsV6

from eltflow.report.info import to_json


def _again(artifact: dict[str, Any]) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(to_json(artifact))
    return read


def test_strict_readers_take_the_artifacts(built_example: Any) -> None:
    manifest = ManifestV12(**_again(built_example.manifest()))
    results = RunResultsV6(**_again(built_example.run_results()))
    catalog = CatalogV1(**_again(built_example.catalog()))
    assert manifest.metadata.adapter_type == "duckdb"
    assert {str(r.status.value) for r in results.results} <= {"success", "pass", "warn"}
    assert catalog.nodes


def test_the_artifacts_speak_of_the_same_nodes(built_example: Any) -> None:
    manifest = built_example.manifest()
    known = {**manifest["nodes"], **manifest["sources"], **manifest["exposures"]}
    ran = [r["unique_id"] for r in built_example.run_results()["results"]]
    assert len(ran) == len(set(ran))
    assert set(ran) <= set(known)
    catalog = built_example.catalog()
    assert set(catalog["nodes"]) <= set(manifest["nodes"])
    assert set(catalog["sources"]) <= set(manifest["sources"])
    for unique_id, entry in known.items():
        assert entry["unique_id"] == unique_id


def test_the_maps_are_each_other_turned_round(built_example: Any) -> None:
    manifest = built_example.manifest()
    parents, children = manifest["parent_map"], manifest["child_map"]
    known = {**manifest["nodes"], **manifest["sources"], **manifest["exposures"]}
    assert set(parents) == set(children) == set(known)
    assert {(a, b) for b, above in parents.items() for a in above} == {(a, b) for a, below in children.items() for b in below}
    for unique_id, entry in known.items():
        assert sorted(entry.get("depends_on", {}).get("nodes", [])) == parents[unique_id]
