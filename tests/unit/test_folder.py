"""`clean` deletes what eltflow made, and nothing else; a disabled model is not read by its plain name."""

from __future__ import annotations

import os

from eltflow.project.folder import walk


def test_clean_leaves_what_it_did_not_make(eltflow, project):
    root = project({"models/a.sql": "select 1 as x", "data/mine.csv": "a\n1\n"}, settings="target_path: data\n")
    assert eltflow("build", cwd=root).code == 0
    assert (root / "data/manifest.json").exists()
    cleaned = eltflow("clean", cwd=root)
    assert cleaned.code == 0, cleaned.text
    assert [p.name for p in (root / "data").iterdir()] == ["mine.csv"]


def test_clean_takes_its_own_folder_away(eltflow, project):
    root = project({"models/a.sql": "select 1 as x"})
    assert eltflow("build", cwd=root).code == 0
    assert eltflow("clean", cwd=root).code == 0
    assert not (root / "target").exists()
    assert (root / "p.duckdb").exists()


def test_a_disabled_model_is_not_read_by_its_plain_name(eltflow, project):
    files = {"models/off.sql": "{{ config(enabled=false) }} select 1 as x", "models/b.sql": "select *\nfrom off"}
    read = eltflow("parse", cwd=project(files))
    assert read.code == 2
    assert "models/b.sql:2:6" in read.err
    assert "which is disabled" in read.err


def test_what_is_no_file_is_left_out(tmp_path):
    """Who reads a pipe waits for its other end."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models/a.sql").write_text("select 1")
    os.mkfifo(tmp_path / "models/b.sql")
    assert list(walk(tmp_path, ["models"])) == ["models/a.sql"]
