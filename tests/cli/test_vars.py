"""Variables from the command line: values as they stand, over those of `eltflow.yml`."""

from __future__ import annotations

import json

import pytest

SETTINGS = "vars: {fmt: \"{{ env_var('NOT_SET') }}\", who: \"{{ env_var('WHO', 'me') }}\"}\n"
ODD = ["{{name}} is {% x", "{{ env_var('NOT_SET') }}", "{# a", "{{ 1 + 1 }}", "{{", "plain"]


@pytest.mark.parametrize("value", ODD)
def test_a_value_from_the_command_line_is_never_rendered(project, eltflow, value):
    files = {
        "models/a.sql": 'select \'{{ var("fmt") | replace("\'", "\'\'") }}\' as fmt, \'{{ var("who") }}\' as who',
        "models/m.yml": "models: [{name: a, config: {meta: {fmt: \"{{ var('fmt') }}\"}}}]",
    }
    root = project(files, settings=SETTINGS)
    given = ("--vars", json.dumps({"fmt": value, "more": [value]}))
    for command in ("compile", "build"):  # cold and warm
        ran = eltflow(command, *given, cwd=root, env={"WHO": "you"})
        assert ran.code == 0, ran.text
    quoted = value.replace("'", "''")
    assert (root / "target/compiled/p/models/a.sql").read_text() == f"select '{quoted}' as fmt, 'you' as who\n"
    meta = json.loads((root / "target/manifest.json").read_text())["nodes"]["model.p.a"]["config"]["meta"]
    assert meta["fmt"] == value
