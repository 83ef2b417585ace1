"""Run results and JUnit of runs that go wrong, and of texts that XML cannot hold."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from dbt_artifacts_parser.parsers.run_results.run_results_v6 import RunResultsV6
from hypothesis import given
from hypothesis import strategies as st
from junitparser import JUnitXml

from eltflow.base.diagnostics import Diagnostic, Span
from eltflow.events import StepResult
from eltflow.project import nodes as nouns
from eltflow.report.info import RunInfo
from eltflow.report.junit import junit
from eltflow.report.rows import shown_rows, table_text
from eltflow.report.run_results import run_results
from eltflow.warehouse.dialect import Dialect

NOW = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
INFO = RunInfo(invocation_id="i", started_at=NOW, generated_at=NOW, command="build", version="0.1.0", argv=("eltflow", "build"))

FILES = {
    "models/good.sql": "select 1 as id, 'x' as mail union all select null, 'y'",
    "models/bad.sql": "{{ config(materialized='table') }} select cast(mail as integer) as id from good",
    "models/below.sql": "select * from bad",
    "models/p.yml": """
models:
  - name: good
    columns:
      - {name: id, data_tests: [unique, {not_null: {config: {severity: warn}}}]}
      - {name: mail, tags: [pii], data_tests: [{accepted_values: {arguments: {values: [x]}, config: {severity: warn}}}]}
  - name: below
    columns: [{name: id, data_tests: [unique]}]
""",
    "tests/never.sql": "select 1 as wrong, 2 as also",
    "tests/broken.sql": "select 1 as x where error('broken') is null",
}


def _node(unique_id: str, **values: Any) -> nouns.Node:
    kind, package, name = unique_id.split(".")[:3]
    given = {"path": f"{kind}s/{name}.sql", "fqn": (package, name), "config": {}, "name": name, **values}
    return nouns.Node(unique_id=unique_id, resource_type=kind, package=package, **given)


def _nodes() -> dict[str, nouns.Node]:
    columns = {"mail": nouns.ColumnInfo(name="mail", tags=("pii",)), "id": nouns.ColumnInfo(name="id")}
    whole = nouns.TestInfo(kind="whole", attached="model.p.a")
    of_mail = nouns.TestInfo(kind="accepted_values", attached="model.p.a", column="mail")
    made = [
        _node("model.p.a", columns=columns),
        _node("test.p.t", test=whole, parents=("model.p.a",)),
        _node("test.p.m", test=of_mail, parents=("model.p.a",)),
    ]
    return {node.unique_id: node for node in made}


def test_a_run_that_goes_wrong(built: Callable[..., Any]) -> None:
    one = built(FILES)
    made = one.run_results()
    RunResultsV6(**made)
    status = {r["unique_id"].rsplit(".", 1)[0] if r["unique_id"].count(".") > 2 else r["unique_id"]: r for r in made["results"]}
    assert status["model.p.good"]["status"] == "success"
    assert status["model.p.bad"]["status"] == "error"
    assert "models/bad.sql:1" in status["model.p.bad"]["message"]
    skipped = status["model.p.below"]
    assert (skipped["status"], skipped["timing"], skipped["execution_time"]) == ("skipped", [], 0.0)
    assert status["test.p.never"]["status"] == "fail"
    assert (status["test.p.never"]["failures"], status["test.p.never"]["message"]) == (1, "1 failing row")
    assert status["test.p.not_null_good_id"]["status"] == "warn"
    assert [t["name"] for t in status["test.p.never"]["timing"]] == ["compile", "execute"]
    assert made["args"]["which"] == "build"

    read = JUnitXml.fromstring(one.junit().encode())
    cases = {case.name: case for suite in read for case in suite}
    assert (read.tests, read.failures, read.errors, read.skipped) == (len(cases), 1, 2, 1)
    assert cases["build bad"].result[0].type == "error"
    assert "models/bad.sql:1" in cases["build bad"].result[0].text
    assert cases["unique_below_id"].result[0].message == "skipped because of bad"
    assert cases["never"].result[0].text == "wrong  also\n1      2"
    assert not cases["not_null_good_id"].result
    assert "warning: 1 failing row" in cases["not_null_good_id"].system_out
    assert "y" not in cases["accepted_values_good_mail__x"].system_out.split()
    assert {suite.name for suite in read} == {"good", "bad", "below", "tests/never.sql", "tests/broken.sql"}

    strict = JUnitXml.fromstring(one.junit(warn_error=True, rows=False).encode())
    assert strict.failures == 3
    assert not any(case.result[0].text for suite in strict for case in suite if case.name == "never")


def test_a_cancelled_step_is_an_error() -> None:
    nodes = _nodes()
    results = [StepResult(step="test.p.t", status="cancelled"), StepResult(step="model.p.a", status="cancelled", message="stopped")]
    made = run_results(results, nodes, Dialect(), INFO)
    RunResultsV6(**made)
    assert [(r["status"], r["message"]) for r in made["results"]] == [("error", "cancelled"), ("error", "cancelled: stopped")]
    assert JUnitXml.fromstring(junit(results, nodes, INFO, project="p").encode()).errors == 2


def test_a_failed_hook_stands_in_junit() -> None:
    found = Diagnostic(code="E0601", message="no such table", span=Span(file="eltflow.yml", line=3))
    result = StepResult(step="operation.p.p-on-run-start-0", status="error", message="no such table", diagnostics=(found,))
    (suite,) = JUnitXml.fromstring(junit([result], {}, INFO, project="p").encode())
    assert suite.name == "hooks"
    (case,) = suite
    assert (case.name, case.result[0].message) == ("p-on-run-start-0", "no such table")


@pytest.mark.parametrize(("value", "shown"), [(None, "NULL"), ("a\n b", "a b"), ("x" * 70, "x" * 59 + "…")])
def test_a_value_takes_one_line(value: Any, shown: str) -> None:
    result = StepResult(step="test.p.t", status="fail", sample_columns=("id",), sample=[(value,)])
    assert shown_rows(result)[1] == [(shown,)]


def test_rows_stand_under_each_other() -> None:
    assert table_text(("id", "name"), [("1", "x"), ("1000", "yy")]) == "id    name\n1     x\n1000  yy"


@given(st.text(st.characters(codec=None)), st.text(st.characters(codec=None)))
def test_any_text_makes_a_document(message: str, value: str) -> None:
    """Control characters, surrogates, markup: the document parses, and every case is there."""
    nodes = _nodes()
    results = [
        StepResult(step="test.p.t", status="fail", failures=1, message=message, sample_columns=(value,), sample=[(value,)]),
        StepResult(step="test.p.m", status="warn", failures=1, sample_columns=(value,), sample=[(value,)]),
        StepResult(step="model.p.a", status="error", message=message),
    ]
    document = junit(results, nodes, INFO, project=value)
    read = JUnitXml.fromstring(document.encode())
    assert (read.tests, read.failures, read.errors) == (3, 1, 1)
