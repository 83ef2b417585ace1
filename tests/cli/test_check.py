"""`eltflow check`: everything that is wrong, at once, offline."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bench.generate import generate

TEMPLATE = Path(__file__).resolve().parent.parent.parent / "project_template"
WRONG = {
    "models/c.sql": "select 1 as id, 'x' as name",
    "models/a.sql": "select idd from c",
    "models/b.sql": "select id from c union all select id, name from c",
    "models/d.sql": "select id from a",
    "models/m.yml": "models: [{name: c, columns: [{name: mail, data_tests: [unique]}]}]\n",
}
SOURCES = "sources: [{name: raw, tables: [{name: pay}]}]\n"


def test_all_errors_of_all_models_at_once_and_nothing_is_touched(eltflow, project):
    root = project(WRONG)
    ran = eltflow("check", cwd=root)
    assert ran.code == 1
    assert [code for code in ("E0405", "E0406", "E0409") if f"error[{code}]" in ran.err] == ["E0405", "E0406", "E0409"]
    assert "3 errors · 4 models, 1 test checked · 2 of 4 models with all columns known" in ran.out
    assert not list(root.glob("*.duckdb*"))
    assert not (root / "target/compiled").exists()


def test_a_selection_is_checked_alone(eltflow, project):
    root = project(WRONG)
    assert eltflow("check", "-s", "d", cwd=root).code == 0
    ran = eltflow("check", "-s", "a", cwd=root)
    assert ran.code == 1
    assert "E0409" not in ran.err


@pytest.mark.parametrize("hook", ["{{ nothing_known() }}", "{% if %}"])
def test_what_is_wrong_in_the_projects_hooks_is_found_too(eltflow, project, hook):
    root = project({"models/a.sql": "select 1 as id"}, settings=f'on_run_end: ["select 1", "{hook}"]\n')
    ran = eltflow("check", cwd=root)
    assert ran.code == 1
    assert "error[E03" in ran.err
    assert "eltflow.yml:4" in ran.err


def test_for_machines(eltflow, project):
    root = project(WRONG)
    ran = eltflow("check", "--json", cwd=root)
    assert ran.code == 1
    told = json.loads(ran.out)
    assert [(one["code"], one["file"], one["line"]) for one in told["findings"]] == [
        ("E0405", "models/a.sql", 1),
        ("E0409", "models/b.sql", 1),
        ("E0406", "models/m.yml", 1),
    ]
    assert told["counts"] == {"model": 4, "test": 1}
    assert told["columns_known"] == 2
    lines = [json.loads(line) for line in eltflow("check", "--log-format", "json", cwd=root).out.splitlines()]
    assert [line["event"] for line in lines] == ["Diagnostic"] * 3 + ["Result"]


def test_what_breaks_the_graph_is_a_finding_too(eltflow, project):
    root = project({"models/a.sql": "select * from {{ ref('nobody') }}"})
    ran = eltflow("check", "--json", cwd=root)
    assert ran.code == 1
    assert [one["code"] for one in json.loads(ran.out)["findings"]] == ["E0203"]
    assert eltflow("check", "--project-dir", str(root / "none"), cwd=root).code == 2


def test_warnings_are_findings_under_warn_error(eltflow, project):
    root = project({"models/c.sql": "select 1 as id", "models/a.sql": "select * from cc"})
    assert eltflow("check", cwd=root).code == 0
    assert "W0204" in eltflow("check", cwd=root).err
    ran = eltflow("check", "--warn-error", cwd=root)
    assert ran.code == 1
    assert "1 warning" in ran.out


def test_what_is_not_known_is_said(eltflow, project):
    root = project({"models/s.yml": SOURCES, "models/a.sql": "select * from {{ source('raw', 'pay') }}"})
    ran = eltflow("check", cwd=root)
    assert ran.code == 0
    assert "not all columns of a are known: the columns of source.p.raw.pay are not known" in ran.err
    assert "nothing wrong is found · 1 model checked · 0 of 1 model with all columns known" in ran.out


def test_what_hangs_on_the_last_view_of_the_target_is_a_warning(eltflow, project):
    grown = "{{ config(materialized='incremental') }} select 1 as id "
    grown += "{% if is_incremental() %} where 0 < (select max(id) from {{ this }}) {% endif %}"
    root = project({"models/a.sql": grown})
    assert eltflow("build", cwd=root).code == 0
    (root / "models/a.sql").write_text(grown.replace("max(id)", "max(old)"))
    ran = eltflow("check", cwd=root)
    assert ran.code == 0, ran.text
    assert "warning[E0405]" in ran.err
    assert "as they were seen at" in ran.err


def test_the_template_and_a_generated_project_are_right(eltflow, tmp_path):
    shutil.copytree(TEMPLATE, tmp_path / "t")
    ran = eltflow("check", "--warn-error", cwd=tmp_path / "t")
    assert ran.code == 0, ran.text
    _generated(eltflow, tmp_path / "g", 60)


@pytest.mark.prove
def test_a_large_generated_project_is_right(eltflow, tmp_path):
    _generated(eltflow, tmp_path / "g", 1000)


def _generated(eltflow, root, models):
    for style in ("ref", "bare"):
        generate(root / style, models, style, "eltflow", 1)
        ran = eltflow("check", cwd=root / style)
        assert ran.code == 0, ran.text
        assert f"{models:,} of {models:,} models with all columns known" in ran.out
