"""Files into DuckDB: whole, merged, and one row."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.ingest.case import ELTFLOW, SCRIPTS, Case, Ways, bare, own, peer, project

MADE = SCRIPTS / "rows.py"


def _made(path: Path, first: int, rows: int) -> None:
    subprocess.run([sys.executable, str(MADE), str(path), str(first), str(rows)], check=True)


def _whole(format: str) -> Case:
    @contextmanager
    def opened(root: Path, rows: int) -> Iterator[Ways]:
        path = root / f"rows.{format}"
        _made(path, 0, rows)
        project(root, {"source": {"kind": "files", "path": f"rows.{format}"}, "load": "replace", "on_bad_row": "quarantine"})
        yield {
            "bare": bare("files", root, str(path)),
            "eltflow": own(root),
            **peer("dlt", "dlt_files", root, str(path)),
            **(peer("ingestr", "ingestr_run", root, f"csv://{path}", "rows") if format == "csv" else {}),
        }

    return Case(
        key=format, title=f"{format.upper() if format != 'parquet' else 'Parquet'} → DuckDB", aim=1.1, limit=1.3, opened=opened
    )


def _merge(key: str, times: int) -> Case:
    @contextmanager
    def opened(root: Path, rows: int) -> Iterator[Ways]:
        (root / "data").mkdir()
        _made(root / "data/a.parquet", 0, rows)
        step = {"source": {"kind": "files", "path": "data/*.parquet"}, "load": "merge", "unique_key": "id"}
        project(root, step)
        subprocess.run([ELTFLOW, "ingest", "--quiet"], cwd=root, check=True)
        (root / "own.duckdb").rename(root / "own.duckdb.kept")
        load = [sys.executable, str(SCRIPTS / "merge.py"), "load", str(root / "data/a.parquet")]
        subprocess.run(load, cwd=root, check=True)
        (root / "bare.duckdb").rename(root / "bare.duckdb.kept")
        _made(root / "data/b.parquet", rows - rows // 200, rows // 100)  # half of them there already
        yield {"bare": bare("merge", root, "merge", str(root / "data/b.parquet")), "eltflow": own(root)}
        shutil.rmtree(root / "data")

    title = f"merge of 1 % into {'1' if times == 1 else '10'} M rows"
    return Case(key=key, title=title, aim=1.2, limit=1.5, opened=opened, times=times)


@contextmanager
def _one_row(root: Path, rows: int) -> Iterator[Ways]:
    (root / "rows.csv").write_text("id,name\n1,a\n")
    project(root, {"source": {"kind": "files", "path": "rows.csv"}, "load": "replace"})
    yield {
        "bare": bare("files", root, str(root / "rows.csv")),
        "eltflow": own(root),
        **peer("dlt", "dlt_files", root, str(root / "rows.csv")),
    }


CASES = (
    Case(key="one-row", title="one row, CPU s above the bare way", aim=0.15, limit=0.3, opened=_one_row, above=True),
    _whole("csv"),
    _whole("ndjson"),
    _whole("parquet"),
    _merge("merge", 1),
    _merge("merge-10", 10),
)
