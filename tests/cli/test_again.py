"""The last line of a run that failed names what runs what was left undone: all of it, and no more."""

from __future__ import annotations

import json
import shlex

import pytest


def _again(ran) -> list[str]:
    (line,) = (line for line in ran.out.splitlines() if line.startswith("again: "))
    return shlex.split(line.removeprefix("again: eltflow "))


def _done(ran) -> set[str]:
    return {result["id"].split(".")[2] for result in json.loads(ran.out)["results"]}


VIEW = "select 1 as id"
NOT_NULL = "models:\n  - {{name: {name}, columns: [{{name: id, data_tests: [{{accepted_values: {{values: [9], name: t}}}}]}}]}}\n"


@pytest.mark.parametrize(
    ("files", "words", "runs"),
    [
        pytest.param(
            {"models/a.sql": VIEW, "models/b.sql": "select * from a", "models/other.sql": VIEW, "tests/t.sql": "select * from a"},
            ["--select", "a+"],
            {"a", "b", "t"},
            id="singular test",
        ),
        pytest.param(
            {
                "models/a.sql": "{{ config(materialized='ephemeral') }} select 1 as id",
                "models/b.sql": "select * from a",
                "models/other.sql": VIEW,
                "models/a.yml": NOT_NULL.format(name="a"),
            },
            ["--select", "b", "t"],
            {"b", "t"},
            id="test of an ephemeral model",
        ),
        pytest.param(
            {
                "models/a.sql": VIEW,
                "models/b.sql": VIEW,
                "models/of_a.sql": "select * from a",
                "models/of_both.sql": "select a.id from a join b using (id)",
                "tests/t.sql": "select a.id from a join b using (id)",
            },
            ["--select", "a", "b+"],
            {"a", "b", "of_both", "t"},
            id="test of two models, of which one has built children",
        ),
        pytest.param(
            {"models/core/core.sql": VIEW, "models/core/other.sql": VIEW, "tests/t.sql": "select * from core"},
            ["--select", "path:models/core/core.sql"],
            {"core", "t"},
            id="model called like its folder",
        ),
        pytest.param(
            {"models/a.sql": VIEW, "models/a.yml": NOT_NULL.format(name="a").replace("t}", '"one, two: three"}')},
            ["--select", "a"],
            {"a", "one, two: three"},
            id="test with a name of many words",
        ),
    ],
)
def test_again_runs_what_failed_and_what_was_skipped(eltflow, project, files, words, runs):
    root = project(files)
    ran = eltflow("build", cwd=root)
    assert ran.code == 1, ran.text
    again = _again(ran)
    assert again == ["build", *words]
    assert _done(eltflow(*again, "--json", cwd=root)) == runs


def test_again_of_test_names_the_tests_alone(eltflow, project):
    root = project({"models/a.sql": VIEW, "tests/t.sql": "select * from a", "tests/u.sql": "select * from a where id = 2"})
    eltflow("build", cwd=root)
    assert _again(eltflow("test", cwd=root)) == ["test", "--select", "t"]


def test_again_keeps_what_the_command_was_told(eltflow, project):
    root = project({"models/a.sql": "{{ config(materialized='table') }} select cast('x' as int) as id, '{{ var('v', 1) }}' as v"})
    ran = eltflow("build", "--vars", "{v: 2}", "--target", "dev", "--full-refresh", cwd=root)
    assert _again(ran) == ["build", "--target", "dev", "--vars", "{v: 2}", "--full-refresh", "--select", "a"]


def test_again_of_a_hook_is_the_command_itself(eltflow, project):
    root = project({"models/a.sql": VIEW, "models/b.sql": VIEW}, settings="on_run_end: ['select * from nowhere']\n")
    assert _again(eltflow("build", "--select", "a", cwd=root)) == ["build", "--select", "a"]


def test_again_with_more_names_than_anybody_reads_is_the_command_itself(eltflow, project):
    root = project({f"models/m{n}.sql": "{{ config(materialized='table') }} select cast('x' as int) as id" for n in range(31)})
    assert _again(eltflow("run", "--select", "m*", cwd=root)) == ["run", "--select", "m*"]
