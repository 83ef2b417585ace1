"""Which tests a failed test keeps from running."""

from __future__ import annotations

import json

EPHEMERAL = "{{ config(materialized='ephemeral') }} "


def _statuses(eltflow, root, *words):
    results = json.loads(eltflow("build", *words, "--json", cwd=root).out)["results"]
    return {result["id"].split(".")[2]: (result["status"], result["because"]) for result in results}


def test_a_test_of_an_ephemeral_model_below_a_failed_test_is_skipped(eltflow, project):
    root = project(
        {
            "models/a.sql": "select 1 as id",
            "models/middle.sql": EPHEMERAL + "select * from a",
            "models/b.sql": EPHEMERAL + "select * from middle",
            "tests/of_a.sql": "select * from a",
            "tests/of_b.sql": "select * from b",
            "tests/of_a_too.sql": "select * from a where id = 2",
        }
    )
    assert _statuses(eltflow, root) == {
        "a": ("success", None),
        "of_a": ("fail", None),
        "of_a_too": ("pass", None),
        "of_b": ("skipped", "test.p.of_a"),
    }


def test_a_test_of_two_models_skips_tests_of_ephemeral_models_below_both(eltflow, project):
    root = project(
        {
            "models/a.sql": "select 1 as id",
            "models/b.sql": "select 1 as id",
            "models/of_a.sql": EPHEMERAL + "select * from a",
            "models/of_both.sql": EPHEMERAL + "select a.id from a join b using (id)",
            "tests/first.sql": "select a.id from a join b using (id)",
            "tests/second.sql": "select * from of_both",
            "tests/third.sql": "select * from of_a where id = 2",
        }
    )
    statuses = _statuses(eltflow, root)
    assert statuses["first"] == ("fail", None)
    assert statuses["second"] == ("skipped", "test.p.first")
    assert statuses["third"] == ("pass", None)
