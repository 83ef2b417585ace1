"""A large generated project gives what the bare engine gives for the same statements: every edge, every row, twice."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

ROOT = Path(__file__).resolve().parents[2]
#: Views are computed when they are looked at, so that of a large project only these many are.
VIEWS = 60
#: Exact columns that say how floating ones compare: the last digit of a sum, which hangs on the order of the rows, decides ties.
ORDERED = ("region_rank", "size_class")


def _bench(*words: object, cwd: Path = ROOT) -> None:
    done = subprocess.run([sys.executable, *map(str, words)], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def _contents(path: Path, wanted: dict[str, str]) -> dict[str, tuple[int, str, tuple[object, ...]]]:
    """Of each relation: its rows, a fingerprint of what is exact in them, whatever their order, and the sum of each floating column."""
    found: dict[str, tuple[int, str, tuple[object, ...]]] = {}
    with duckdb.connect(str(path), read_only=True) as connection:
        for name, relation in wanted.items():
            columns = connection.execute(f"describe {relation}").fetchall()
            exact = [
                f'"{column}"::text' for column, kind, *_ in columns if kind not in ("DOUBLE", "FLOAT") and column not in ORDERED
            ]
            sums = [f'sum("{column}")' for column, kind, *_ in columns if kind in ("DOUBLE", "FLOAT")]
            wanted_columns = ", ".join(["count(*)", f"sum(hash({', '.join(exact)}))::text", *sums])
            row = connection.execute(f"select {wanted_columns} from {relation}").fetchone()
            assert row is not None
            # What is added up in another order differs in its last digits.
            found[name] = (row[0], row[1], tuple(value and pytest.approx(value, rel=1e-9) for value in row[2:]))
    return found


@pytest.mark.parametrize(
    ("models", "style"),
    [(150, "bare-macros"), (40, "ref"), pytest.param(10_000, "bare-macros", marks=pytest.mark.prove)],
)
def test_a_large_project_gives_what_the_engine_gives(tmp_path, eltflow, models, style):
    project, bare = tmp_path / "project", tmp_path / "bare" / "bench.duckdb"
    bare.parent.mkdir()
    _bench("-m", "bench.generate", "--models", models, "--style", style, "--flavour", "eltflow", "--out", project)
    facts = json.loads((project / "facts.json").read_text())
    statements = json.loads((project / "statements.json").read_text())
    chosen = [m for m in statements["models"] if m["materialized"] != "view"]
    views = [m for m in statements["models"] if m["materialized"] == "view"]
    chosen += random.Random(models).sample(views, min(VIEWS, len(views)))
    wanted = {m["name"]: m["relation"] for m in chosen}

    _bench("bench/engine.py", "raw", project, project / "bench.duckdb")
    built = eltflow("build", "--json", cwd=project, timeout=3600)
    assert built.code == 0, built.text[-4000:]
    _bench("-m", "bench.check", project, "--manifest", project / "target" / "manifest.json")
    results = json.loads((project / "target" / "run_results.json").read_text())["results"]
    assert len(results) == facts["models"] + facts["tests"] + facts["seeds"]
    assert {one["status"] for one in results} == {"success", "pass"}

    _bench("bench/engine.py", "build", project, bare)
    assert _contents(project / "bench.duckdb", wanted) == _contents(bare, wanted)

    again = eltflow("run", cwd=project, timeout=3600)
    assert again.code == 0, again.text[-4000:]
    _bench("bench/engine.py", "run", project, bare)
    assert _contents(project / "bench.duckdb", wanted) == _contents(bare, wanted)
    assert not list((project / "target").glob("**/*.tmp"))
