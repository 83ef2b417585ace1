"""What is kept of an ephemeral model stands for it in whoever reads it, also when that one is compiled anew."""

from __future__ import annotations

from eltflow import api
from eltflow.compile.node import Compiler


def test_nested_ephemeral_models_after_an_edit(eltflow, project):
    root = project(
        {
            "models/e1.sql": "{{ config(materialized='ephemeral') }} select 1 as x",
            "models/e2.sql": "{{ config(materialized='ephemeral') }} select x from e1",
            "models/m.sql": "select x from e2",
        },
        name="p",
    )
    assert eltflow("build", cwd=root).code == 0
    (root / "models/m.sql").write_text("select x + 1 as x from e2")
    again = eltflow("build", cwd=root)
    assert again.code == 0, again.text
    assert eltflow("show", "m", "--csv", cwd=root).out.split() == ["x", "2"]


def test_nothing_is_compiled_again_when_nothing_changed(project, monkeypatch):
    root = project(
        {
            "macros/m.sql": "{% macro one() %}1{% endmacro %}",
            "models/a.sql": "select 1 as x",
            "models/rendered.sql": "select {{ one() }} as x from a",
            "models/y.yml": "models:\n  - name: rendered\n    columns: [{name: x, description: described, data_tests: [unique]}]\n",
        },
        name="p",
    )

    def compiled():
        loaded = api.load(root, api.new_options())
        done = api.compile_offline(loaded, list(loaded.graph.nodes))
        assert not done.deferred
        return {unique_id: one.sql for unique_id, one in done.compiled.items()}

    first = compiled()
    compiled()

    def again(self, node, ask):
        raise AssertionError(f"{node.unique_id} is compiled again")

    monkeypatch.setattr(Compiler, "_compile", again)
    assert compiled() == first
    assert len(first) == 3
