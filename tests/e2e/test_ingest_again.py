"""A file that changed after it was loaded: refused, and the way out that the message names works."""

from __future__ import annotations

FILES = {
    "ingest/rows.yml": "steps:\n  - {name: rows, source: {kind: files, path: 'data/*.csv'}, into: raw.rows, load: append}\n",
    "data/a.csv": "x\n1\n",
}


def test_full_refresh_loads_everything_again(eltflow, project):
    root = project(FILES)
    assert eltflow("ingest", cwd=root).code == 0
    (root / "data/a.csv").write_text("x\n1\n2\n")
    refused = eltflow("ingest", cwd=root)
    assert refused.code == 1
    assert "eltflow ingest --select rows --full-refresh" in refused.text
    again = eltflow("ingest", "--select", "rows", "--full-refresh", cwd=root)
    assert again.code == 0, again.text
    assert "1 file, 2 rows" in again.out
    assert "nothing new" in eltflow("ingest", cwd=root).out
