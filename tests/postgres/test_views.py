"""Views above a table that is built alone: what cannot follow is told, unless the same run makes it again."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def folder(postgres, tmp_path):
    def make(**models):
        (tmp_path / "models").mkdir(exist_ok=True)
        for name, sql in models.items():
            (tmp_path / f"models/{name}.sql").write_text(sql)
        (tmp_path / "eltflow.yml").write_text(f"name: p\ntargets:\n  dev: {json.dumps(postgres.target())}\n")
        return tmp_path

    with postgres.connect() as connection:
        connection.execute("drop schema if exists s cascade")
    return make


TABLE = "{{ config(materialized='table') }} select "


def test_a_column_that_goes(folder, postgres, eltflow):
    root = folder(t=TABLE + "1 as id, 2 as n", v="select n from t", w="select id from t")
    assert eltflow("build", cwd=root).code == 0
    folder_again = {"t": TABLE + "1 as id", "v": "select id as n from t"}
    for name, sql in folder_again.items():
        (root / f"models/{name}.sql").write_text(sql)
    ran = eltflow("run", "--select", "t", cwd=root)
    assert ran.code == 0, ran.text
    assert "dropped " in ran.text
    assert "s.v above it, which cannot stand on it any more: build it too" in ran.text
    with postgres.connect() as connection:
        assert connection.execute("select * from s.w").fetchall() == [(1,)]
        assert connection.execute("select to_regclass('s.v')").fetchone() == (None,)
    assert eltflow("build", cwd=root).code == 0
    (root / "models/t.sql").write_text(TABLE + "1 as other")
    for name in "vw":
        (root / f"models/{name}.sql").write_text("select other from t")
    ran = eltflow("build", cwd=root)
    assert ran.code == 0, ran.text
    assert "dropped" not in ran.text
    with postgres.connect() as connection:
        assert connection.execute("select * from s.v, s.w").fetchall() == [(1, 1)]
