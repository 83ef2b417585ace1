"""What is kept of an ephemeral model stands for it in whoever reads it, also when that one is compiled anew."""

from __future__ import annotations


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
