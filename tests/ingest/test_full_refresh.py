"""`build --full-refresh` rebuilds models and loads increments; only `ingest --full-refresh` fetches everything again."""

from __future__ import annotations

import duckdb

STEP = "steps:\n  - {name: t, source: {kind: files, path: data/*.csv}, into: raw.t, load: append}\n"


def rows(root):
    with duckdb.connect(str(root / "p.duckdb"), read_only=True) as con:
        return con.execute("select count(*) from s_raw.t").fetchone()[0]


def test_only_ingest_loads_everything_again(eltflow, project):
    root = project({"ingest/t.yml": STEP, "data/a.csv": "id\n1\n2\n", "models/m.sql": "select * from raw.t"}, name="p")
    assert eltflow("build", cwd=root).code == 0
    (root / "data/a.csv").unlink()
    (root / "data/b.csv").write_text("id\n3\n")
    built = eltflow("build", "--full-refresh", cwd=root)
    assert built.code == 0, built.text
    assert rows(root) == 3
    again = eltflow("ingest", "--full-refresh", cwd=root)
    assert again.code == 0, again.text
    assert rows(root) == 1
