"""How commands behave where a newcomer trips."""

from __future__ import annotations

import base64
import json
import re
import zlib

import duckdb
import pytest

SHOP = {
    "models/a.sql": "select 1 as x union all select 1",
    "models/b.sql": "select x from a",
    "models/a.yml": "models:\n  - name: a\n    columns:\n      - {name: x, data_tests: [unique]}\n",
}


def test_help_is_no_error_when_a_command_is_missing(eltflow, tmp_path):
    for words in ((), ("docs",)):
        ran = eltflow(*words, cwd=tmp_path)
        assert ran.code == 2
        assert ran.err.startswith("Usage:")


def test_help_has_whole_sentences(eltflow, tmp_path):
    listed = eltflow("--help", cwd=tmp_path)
    assert "..." not in listed.out.split("Commands:")[1]


def test_a_failed_node_with_tests_is_told_once(eltflow, project):
    root = project({**SHOP, "models/a.sql": "select cast('no' as integer) as x", "models/b.sql": "select 1 as y"})
    root.joinpath("models/a.sql").write_text("{{ config(materialized='table') }} select cast('no' as integer) as x")
    ran = eltflow("build", cwd=root)
    assert ran.code == 1
    assert sum(line.startswith("  ERROR") for line in ran.out.splitlines()) == 1, ran.out


@pytest.mark.parametrize(
    "words", [(), ("--json",), ("--log-format", "json"), ("--select", "b"), ("--select", "customers", "--json")]
)
def test_a_table_that_may_be_misspelt_is_told_once(eltflow, project, words):
    files = {
        "customers": "select 1 as id",
        "within": "{{ config(materialized='ephemeral') }} select * from custmers",
        "b": "select * from custmers",
    }
    root = project({f"models/{name}.sql": text for name, text in files.items()})
    with duckdb.connect(str(root / "p.duckdb")) as connection:
        connection.execute("create table custmers as select 1 as id")
    ran = eltflow("build", *words, cwd=root)
    assert ran.code == 0, ran.err
    told = [line for line in (ran.out + ran.err).splitlines() if "W0204" in line]
    assert [sum(f"`{name}` reads `custmers`" in line for line in told) for name in ("within", "b")] == [1, 1], told


def test_lineage_takes_select_like_show(eltflow, project):
    root = project(SHOP)
    assert eltflow("lineage", "--select", "b", cwd=root).out == eltflow("lineage", "b", cwd=root).out
    both = eltflow("lineage", "a", "--select", "b", cwd=root)
    assert both.code == 2
    assert both.err == "error[E0113]: lineage takes a name or a selection, not both\n  = help: eltflow lineage stg_orders\n\n"


CHAIN = {
    "models/a.sql": "select 1 as x",
    "models/b.sql": "{{ config(tags=['t']) }} select x from a",
    "models/c.sql": "{{ config(tags=['t']) }} select x + 1 as x from b",
    "models/b.yml": "models: [{name: b, columns: [{name: x, data_tests: [not_null]}]}, {name: c, columns: [{name: x, data_tests: [unique]}]}]",
    "selectors.yml": "selectors: [{name: tagged, definition: {method: tag, value: t}}]",
}


def test_show_takes_a_selection_of_one_node(eltflow, project):
    root = project(CHAIN)
    assert eltflow("build", cwd=root).code == 0
    for words in (["c"], ["--select", "c"], ["--select", "tag:t", "--exclude", "b"], ["--selector", "tagged", "--exclude", "+b"]):
        assert eltflow("show", *words, "--csv", cwd=root).out == "x\n2\n", words
    for words in (["--select", "tag:t"], ["--selector", "tagged"], ["a", "--select", "b"], ["--select", "tag:none"]):
        ran = eltflow("show", *words, cwd=root)
        assert ran.code == 2, words
        assert "error[E0113]: show takes" in ran.err, words
    assert "these are b, c" in eltflow("show", "--select", "tag:t", cwd=root).err


def test_lineage_takes_a_selection(eltflow, project):
    root = project(CHAIN)
    chosen = ["lineage", "--selector", "tagged"]
    both = [json.loads(eltflow("lineage", name, "--json", cwd=root).out) for name in "bc"]
    assert json.loads(eltflow(*chosen, "--json", cwd=root).out) == both
    assert json.loads(eltflow("lineage", "--select", "tag:t", "--exclude", "b", "--json", cwd=root).out) == both[1:]
    assert eltflow(*chosen, cwd=root).out == "\n".join(eltflow("lineage", name, cwd=root).out for name in "bc")
    assert eltflow(*chosen, "--mermaid", "--direction", "up", cwd=root).out.count("-->") == 2
    assert eltflow("lineage", "--select", "c.x", cwd=root).out == eltflow("lineage", "c.x", cwd=root).out
    assert "there is no node `d`" in eltflow("lineage", "d", cwd=root).err
    assert eltflow("lineage", "a", "--exclude", "b", cwd=root).code == 2


def test_docs_of_a_selection(eltflow, project):
    """The page shows the nodes selected and the tests that go with them; the manifest, which others read, has all."""
    root = project(CHAIN)
    assert eltflow("build", cwd=root).code == 0

    def shown(*words: str) -> dict[str, int]:
        assert eltflow("docs", "generate", *words, cwd=root).code == 0
        packed = re.search(r',"(.*)"', (root / "target/docs/data/index.js").read_text()).group(1)
        nodes = json.loads(zlib.decompress(base64.b64decode(packed)))["nodes"]
        return dict(zip(nodes["name"], nodes["tests"], strict=True))

    assert shown() == {"a": 0, "b": 1, "c": 1}
    assert shown("--selector", "tagged", "--exclude", "b") == {"c": 1}
    assert shown("--select", "b", "--indirect-selection", "empty") == {"b": 0}
    assert len(json.loads((root / "target" / "manifest.json").read_text())["nodes"]) == 5


DIAMOND = {
    "models/a.sql": "select 1 as x",
    "models/b.sql": "select * from a",
    "models/c.sql": "select * from b",
    "models/d.sql": "select * from b",
    "models/e.sql": "select c.x from c join d using (x)",
}


def test_lineage_unfolds_a_node_once(eltflow, project):
    root = project(DIAMOND)
    above = [
        "      ┌─ b (shown below)",
        "   ┌─ d",
        "   │     ┌─ a",
        "   │  ┌─ b",
        "   ├─ c",
    ]
    assert eltflow("lineage", "e", cwd=root).out.splitlines()[:-1] == [line[3:] for line in above]
    assert eltflow("lineage", "a", cwd=root).out.splitlines()[1:] == [
        "└─ b",
        "   ├─ c",
        "   │  └─ e",
        "   └─ d",
        "      └─ e",
    ]
    (root / "models/f.sql").write_text("select * from e")
    assert eltflow("lineage", "a", cwd=root).out.splitlines()[-2:] == ["   └─ d", "      └─ e (shown above)"]
    assert "(shown" not in eltflow("lineage", "a", "--depth", "3", cwd=root).out


def test_tables_are_cut_on_a_terminal_only(eltflow, project):
    root = project(SHOP)
    listed = eltflow("ls", "--output", "table", cwd=root, env={"COLUMNS": "40"})
    assert "p.s_test_failures.unique_a_x" in listed.out
    assert "…" not in listed.out


def test_data_tests_in_eltflow_yml_configure_generic_tests(eltflow, project):
    root = project(SHOP, settings="data_tests: {+severity: warn}\n")
    ran = eltflow("build", cwd=root)
    assert ran.code == 0, ran.text
    assert "1 test warned" in ran.out
    nodes = json.loads(eltflow("ls", "--resource-type", "test", "--output", "json", cwd=root).out)
    assert [node["config"]["severity"] for node in nodes] == ["warn"]


def test_junit_takes_warnings_for_failures_under_warn_error(eltflow, project):
    root = project(SHOP, settings="data_tests: {+severity: warn}\n")
    assert eltflow("build", "--junit", "reports/a.xml", cwd=root).code == 0
    assert 'failures="0"' in (root / "reports/a.xml").read_text()
    assert eltflow("build", "--junit", "reports/a.xml", "--warn-error", cwd=root).code == 1
    assert 'failures="1"' in (root / "reports/a.xml").read_text()


def test_singular_tests_are_found_by_their_type(eltflow, project):
    root = project({**SHOP, "tests/none_negative.sql": "select * from b where x < 0"})
    for _ in ("cold", "warm"):
        assert eltflow("ls", "--select", "test_type:singular", cwd=root).out == "none_negative\n"


def test_a_broken_name_in_a_described_singular_test_is_shown_in_its_sql(eltflow, project):
    files = {"tests/t.sql": "select 1\nfrom {{ ref('bb') }}", "tests/t.yml": "data_tests:\n  - {name: t, description: It holds.}\n"}
    ran = eltflow("parse", cwd=project({**SHOP, **files}))
    assert "--> tests/t.sql:2:" in ran.err, ran.text


def test_failing_rows_of_secret_columns_are_masked_wherever_they_are_shown(eltflow, project):
    describe = "models:\n  - name: a\n    columns:\n      - {name: x, tags: [pii], data_tests: [unique]}\n      - {name: y}\n"
    files = {
        "models/a.sql": "select 'ann@example.com' as x, 7 as y union all select 'ann@example.com', 7",
        "models/a.yml": describe,
        "tests/none.sql": "select x, y from a",
    }
    root = project(files)
    for options in ((), ("--json",), ("--log-format", "json"), ("--junit", "junit.xml")):
        ran = eltflow("build", *options, cwd=root)
        assert ran.code == 1
        assert "ann@example.com" not in ran.text
        assert "***" in ran.text
    assert "ann@example.com" not in (root / "junit.xml").read_text()
    assert "ann@example.com" not in (root / "logs/eltflow.log").read_text()
