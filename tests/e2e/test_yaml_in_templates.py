"""What templates make of YAML texts."""

from __future__ import annotations

import json

import pytest

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{c}: &{c} [{', '.join([f'*{b}'] * 10)}]\n" for b, c in ("ab", "bc", "cd", "de", "ef", "fg")
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (BOMB, "fromyaml: more than 200,000 values once its aliases are written out"),
        ("a: 1\na: 2\n", "fromyaml: the key `a` is given twice"),
    ],
)
def test_yaml_that_nobody_can_mean_has_no_value(eltflow, project, text, told):
    root = project({"models/a.sql": "{% set v = fromyaml(var('text')) %}select 1 as id"})
    ran = eltflow("compile", "--vars", json.dumps({"text": text}), cwd=root)
    assert ran.code == 2
    assert told in ran.err
    assert "models/a.sql:1" in ran.err


def test_yaml_that_is_broken_gives_the_default(eltflow, project):
    root = project({"models/a.sql": "select {{ fromyaml('a: [', 7) }} as a, {{ fromyaml('{a: 3}').a }} as b"})
    assert eltflow("run", cwd=root).code == 0
    assert "select 7 as a, 3 as b" in (root / "target/compiled/p/models/a.sql").read_text()
