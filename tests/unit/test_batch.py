"""A shared scan changes no verdict, id or count: every test says what it says when it is run alone."""

from __future__ import annotations

import random

import pytest

from eltflow import api
from eltflow.api import batching

TESTS = """
models:
  - name: m
    columns:
      - name: a
        data_tests:
          - unique
          - not_null
          - accepted_values: {arguments: {values: ['1', '2', '3']}}
          - not_null: {name: some_a, config: {where: "b > 1"}}
          - unique: {name: some_unique, config: {where: "b > 1"}}
          - not_null: {name: warned, config: {severity: warn}}
          - not_null: {name: lenient, config: {error_if: ">100", warn_if: ">2"}}
      - name: b
        data_tests:
          - unique
          - not_null
          - accepted_values: {arguments: {values: [1, 2], quote: false}}
          - relationships: {arguments: {to: ref('m'), field: a}}
      - name: nope_not_numeric
        data_tests:
          - accepted_values: {arguments: {values: [1], quote: false}}
"""


def verdicts(root, monkeypatch, *, batched):
    monkeypatch.setattr(batching, "batch_key", batching.batch_key if batched else lambda node, own: None)
    loaded = api.load(root)
    state = api.RunState(run_id=loaded.options.invocation_id)
    list(api.execute(loaded, api.RunOptions(command="build", selected=tuple(loaded.graph.nodes)), state))
    monkeypatch.undo()
    return {
        r.step: (r.status, r.failures, r.sample_columns, sorted(map(repr, r.sample)), r.message) for r in state.results.values()
    }


@pytest.mark.parametrize("seed", range(8))
def test_verdicts_are_those_of_single_tests(project, monkeypatch, seed):
    chooser = random.Random(seed)

    def value():
        return chooser.choice(["null", "1", "2", "3", str(chooser.randrange(100))])

    rows = ", ".join(f"({value()}, {value()}, 'x')" for _ in range(chooser.choice([0, 1, 3, 12])))
    body = (
        f"select * from (values {rows}) as t(a, b, nope_not_numeric)"
        if rows
        else "select 1 as a, 1 as b, 'x' as nope_not_numeric where false"
    )
    root = project({"models/m.sql": body, "models/m.yml": TESTS}, name="p")
    alone = verdicts(root, monkeypatch, batched=False)
    together = verdicts(root, monkeypatch, batched=True)
    assert together == alone
    assert len(alone) == 13


def test_tests_of_one_relation_share_a_scan(project, monkeypatch):
    files = {"models/m.sql": "select 1 as a, 2 as b", "models/m.yml": TESTS.split("      - name: nope")[0]}
    root = project(files, name="p")
    scans = []
    original = batching.batch_sql
    monkeypatch.setattr(batching, "batch_sql", lambda tests, *rest: scans.append(len(tests)) or original(tests, *rest))
    verdicts(root, monkeypatch, batched=True)
    assert sorted(scans) == [2, 7]
