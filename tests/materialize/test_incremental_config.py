"""Columns that the configuration of an incremental model names, in whole builds: a misspelt one stops it, at its line."""

from __future__ import annotations

import pytest

MERGED = "materialized='incremental', unique_key='id', incremental_strategy='merge'"
MISNAMED = {
    "{{ config(materialized='incremental',\n  unique_key=['id', 'idd']) }}": ("unique_key", "idd", 2, "id"),
    "{{ config(" + MERGED + ",\n  merge_update_columns=['vv']) }}": ("merge_update_columns", "vv", 2, "v"),
    "{{ config(" + MERGED + ",\n  merge_exclude_columns=['vv']) }}": ("merge_exclude_columns", "vv", 2, "v"),
}


@pytest.mark.parametrize("config", MISNAMED)
@pytest.mark.parametrize("sql", ["select 1 as id, 2 as v", "from read_json('d.json')"])
def test_a_misspelt_column_of_the_configuration_stops_the_build(project, eltflow, config, sql):
    key, name, line, near = MISNAMED[config]
    root = project({"models/m.sql": f"{config}\n{sql}", "d.json": '{"id": 1, "v": 2}'})
    ran = eltflow("build", cwd=root)
    assert ran.code == (1 if "from read" in sql else 2), ran.text
    assert f"`{key}`" in ran.err
    assert f"the column `{name}`" in ran.err
    assert f"--> models/m.sql:{line}:" in ran.err
    assert f"did you mean `{near}`?" in ran.err
    good = (root / "models/m.sql").read_text().replace(f"'{name}'", f"'{near}'")
    (root / "models/m.sql").write_text(good)
    assert eltflow("build", cwd=root).code == 0  # nothing was left in the way
    bad = good.replace("'id', 'id'", "'idd'") if "'id', 'id'" in good else good.replace(f"{key}=['{near}'", f"{key}=['{name}'")
    (root / "models/m.sql").write_text(bad)
    again = eltflow("build", cwd=root)
    assert again.code in (1, 2)
    assert f"`{key}`" in again.err
    assert "did you mean" in again.err


def test_a_key_that_came_after_the_table_is_told(project, eltflow):
    root = project({"models/m.sql": "{{ config(materialized='incremental', unique_key='id') }} select 1 as id"})
    assert eltflow("build", cwd=root).code == 0
    (root / "models/m.sql").write_text("{{ config(materialized='incremental', unique_key='k') }} select 1 as id, 2 as k")
    ran = eltflow("build", cwd=root)
    assert ran.code == 1
    assert "error[E0602]: model `m`: `unique_key` names the column `k`, which p.s.m does not have" in ran.err
    assert "--> models/m.sql:1:51" in ran.err
    assert "--full-refresh" in ran.err
    assert eltflow("build", "--full-refresh", cwd=root).code == 0


def test_where_the_configuration_stands_is_told(project, eltflow):
    sql = "select 1 as id"
    tree = project({"models/m.sql": sql}, settings="models:\n  +materialized: incremental\n  +unique_key: idd\n")
    assert "--> eltflow.yml:6:16" in eltflow("build", cwd=tree).err
    entry = "models:\n  - name: m\n    config:\n      materialized: incremental\n      unique_key:\n        - idd\n"
    described = project({"models/m.sql": sql, "models/m.yml": entry}, name="q")
    ran = eltflow("compile", cwd=described)
    assert ran.code == 2
    assert "error[E0407]: `unique_key` of model `m` names the column `idd`, which its query does not give" in ran.err
    assert "--> models/m.yml:6:11" in ran.err


def test_columns_that_a_strategy_does_not_mind_are_not_asked_for(project, eltflow):
    settings = "models: {+materialized: incremental, +unique_key: id, +merge_update_columns: [nope]}\n"
    sql = {"models/a.sql": "{{ config(incremental_strategy='append') }} select 1 as x", "models/b.sql": "select 1 as ID"}
    root = project(sql, settings=settings)
    for _ in range(2):
        assert eltflow("build", cwd=root).code == 0


def test_a_merge_of_several_rows_for_one_is_refused(project, eltflow):
    """DuckDB would keep any of them."""
    config = "{{ config(materialized='incremental', unique_key='id', incremental_strategy='merge') }}"
    rows = "{{ var('rows', \"(1, 'a'), (2, 'b')\") }}"
    root = project({"models/m.sql": f"{config}\nselect * from (values {rows}) as t (id, v)"})
    assert eltflow("build", cwd=root).code == 0
    doubled = eltflow("build", "--vars", "{rows: \"(1, 'x'), (1, 'y')\"}", cwd=root)
    assert doubled.code == 1
    assert "several rows of the query have one key (`id` is `1`), and a merge would keep any of them" in doubled.text
    shown = eltflow("show", "--inline", "select * from m order by id", cwd=root)
    assert "1  a" in shown.out
    new = eltflow("build", "--vars", "{rows: \"(3, 'x'), (3, 'y'), (2, 'B')\"}", cwd=root)  # nothing is replaced by two
    assert new.code == 0, new.text
