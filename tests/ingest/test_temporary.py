"""Rows that a killed run left in temporary folders go with the next run; those of a run that is alive stay."""

from __future__ import annotations

import os
import subprocess
import sys

from eltflow.base.temporary import rows_folder


def test_what_a_killed_run_left_is_taken_away(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left, alive, others = (
        tmp_path / f"eltflow-rows-{dead.pid}-x",
        tmp_path / f"eltflow-rows-{os.getppid()}-x",
        tmp_path / "eltflow-x",
    )
    for folder in (left, alive, others):
        folder.mkdir()
        (folder / "rows.ndjson").write_text("{}")
    (tmp_path / f"eltflow-rows-{dead.pid}-link").symlink_to(others)
    with rows_folder() as own:
        assert os.stat(own).st_mode & 0o777 == 0o700
        assert sorted(p.name for p in tmp_path.iterdir() if p.is_dir() and not p.is_symlink()) == sorted(
            [os.path.basename(own), alive.name, others.name]
        )
        assert (others / "rows.ndjson").exists()
