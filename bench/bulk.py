"""Loads one large file as a seed and by an ingestion step, beside DuckDB's own bulk load of the same file."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.process import Usage, usage
from bench.tools import ROOT, WORK, Tool

FOLDER = WORK / "projects" / "bulk"
SCRIPT = str(ROOT / "bench" / "bulk_engine.py")
FILES = {
    "eltflow.yml": """\
name: bench_bulk
default_target: dev
model_paths: [models]
targets:
  dev: {type: duckdb, path: bench.duckdb, schema: analytics, threads: 2}
""",
    "ingest/files.yml": """\
steps:
  - {name: events_csv, source: {kind: files, path: data/events.csv}, into: raw.events_csv, load: replace}
  - {name: events_parquet, source: {kind: files, path: data/events.parquet}, into: raw.events_parquet, load: replace}
""",
    "models/daily.sql": "select day, count(*) as events from {{ ref('events') }} group by day\n",
}
WAYS = (
    ("seed from CSV", "csv", ("seed", "--select", "events")),
    ("file to table, CSV", "csv", ("ingest", "--select", "events_csv")),
    ("file to table, Parquet", "parquet", ("ingest", "--select", "events_parquet")),
)
"""Title, what DuckDB loads for comparison, and eltflow's words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """One way to load the file: what it cost by the engine alone and by eltflow, round by round."""

    title: str
    rows: int
    engine: tuple[Usage, ...]
    eltflow: tuple[Usage, ...]


def measure(tools: Sequence[Tool], rows: int, rounds: int, limit: float) -> list[Load]:
    """All ways, `rounds` times each, engine and eltflow by turns."""
    eltflow = next(tool for tool in tools if tool.family == "eltflow")
    write_project(eltflow.python, rows)
    return [measure_way(eltflow, title, file, words, rows, rounds, limit) for title, file, words in WAYS]


def write_project(python: str, rows: int) -> None:
    """The project and its files of `rows` rows."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    for path, text in FILES.items():
        (FOLDER / path).parent.mkdir(parents=True, exist_ok=True)
        (FOLDER / path).write_text(text)
    for name in ("seeds", "data"):
        (FOLDER / name).mkdir()
    subprocess.run([python, SCRIPT, "make", str(FOLDER), str(rows)], check=True)


def measure_way(eltflow: Tool, title: str, file: str, words: Sequence[str], rows: int, rounds: int, limit: float) -> Load:
    """One way to load."""
    alone, ours = [], []
    for _ in range(rounds):
        without_database(FOLDER)
        alone.append(usage([eltflow.python, SCRIPT, file, str(FOLDER)], FOLDER, {}, limit))
        if not eltflow.problem:
            ours.append(usage([*eltflow.prefix, *words, *eltflow.suffix], FOLDER, {}, limit))
    missing = Usage(cpu=0, wall=0, peak=0, problem=eltflow.problem)
    return Load(title=title, rows=rows, engine=tuple(alone), eltflow=tuple(ours) or (missing,))


def without_database(folder: Path) -> None:
    """Both start from no database, so that neither pays for dropping what the other round left."""
    for name in ("bench.duckdb", "engine.duckdb"):
        (folder / name).unlink(missing_ok=True)
