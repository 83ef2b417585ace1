"""What a template may make is held to a size that can be worked with."""

from __future__ import annotations

import json

import pytest

DIGITS = "a number of more than 4,300 digits is too large for a template"


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("select {{ 10 ** 10000000 }} as x", DIGITS),
        ("{{ config(meta={'a': 10 ** 10000}) }} select 1 as x", DIGITS),
        ("select {{ 10 ** 4000 * 10 ** 4000 }} as x", DIGITS),
        ("{% set n = -7 ** 1000000000 %}select 1 as x", DIGITS),
        ("select {{ 'x' * 1000000000000 }} as x", "this makes 1,000,000,000,000 characters, which is too much for a template"),
        ("select {{ 1000000000 * [1, 2] }} as x", "this makes 2,000,000,000 items, which is too much for a template"),
        ("select {{ 'x'.ljust(1000000000000000) }} as x", "this makes more than memory holds"),
    ],
)
def test_too_much_is_an_error_at_its_line(eltflow, project, model, said):
    ran = eltflow("build", cwd=project({"models/a.sql": model}))
    assert ran.code == 2
    assert f"error[E0303]: {said}\n --> models/a.sql:1:" in ran.err


def test_properties_too(eltflow, project):
    files = {"models/a.sql": "select 1 as x", "models/a.yml": "models: [{name: a, meta: {k: '{{ 10 ** 10000 }}'}}]\n"}
    ran = eltflow("build", cwd=project(files))
    assert ran.code == 2
    assert f"error[E0303]: {DIGITS}" in ran.err
    assert "--> models/a.yml:1:" in ran.err


def test_what_people_compute_is_untouched(eltflow, project):
    sql = "select {{ 2 ** 0.5 * 0 + 3 * 4 + 2 ** 10 + (-1) ** 1000001 + 2 ** -1 }} as x, '{{ '-' * 10 }}' as y, {{ 1 ** 99999999 }} as z"
    ran = eltflow("show", "--inline", sql, "--json", cwd=project({}))
    assert json.loads(ran.out) == [{"x": "1035.5", "y": "----------", "z": 1}]
