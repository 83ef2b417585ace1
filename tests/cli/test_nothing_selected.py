"""A run of nothing leaves results that say so: nobody takes those of an earlier run for its own."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest

FILES = {
    "models/a.sql": "select 1 as id",
    "models/m.yml": "models: [{name: a, columns: [{name: id, data_tests: [unique, {not_null: {config: {where: id > 5}}}]}]}]",
}


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_the_results_of_a_run_of_nothing_are_empty(project, eltflow, more):
    root = project(FILES)
    assert eltflow("build", "--junit", "out/j.xml", cwd=root).code == 0
    assert len(ET.parse(root / "out/j.xml").findall(".//testcase")) == 2
    before = json.loads((root / "target/run_results.json").read_text())
    assert len(before["results"]) == 3
    for _ in range(2):
        ran = eltflow("test", "-s", "nothing", "--junit", "out/j.xml", *more, cwd=root)
        assert ran.code == 0, ran.text
        top = ET.parse(root / "out/j.xml").getroot()
        assert (top.tag, len(top)) == ("testsuites", 0)
        assert {key: top.get(key) for key in ("tests", "failures", "errors", "skipped")} == dict.fromkeys(
            ("tests", "failures", "errors", "skipped"), "0"
        )
        now = json.loads((root / "target/run_results.json").read_text())
        assert now["results"] == []
        assert now["metadata"]["invocation_id"] != before["metadata"]["invocation_id"]
    assert len(json.loads((root / "target/manifest.json").read_text())["nodes"]) == 3


def test_in_a_fresh_checkout_too(project, eltflow):
    root = project(FILES)
    ran = eltflow("build", "-s", "nothing", "--junit", "j.xml", cwd=root)
    assert ran.code == 0, ran.text
    assert len(ET.parse(root / "j.xml").getroot()) == 0
    assert json.loads((root / "target/run_results.json").read_text())["results"] == []
    assert not (root / "p.duckdb").exists()
