"""The peaks of many rows, with the engine's memory limited."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import yaml

from bench.ingest import files, servers
from bench.ingest.case import ELTFLOW
from bench.process import usage

WANTED = 400
"""MB."""

KEYS = ("csv", "ndjson", "parquet", "postgres", "rest-1000")


def memory(rows: int) -> str:
    """A table of the peaks of these paths, `memory_limit` of DuckDB at 256 MB."""
    lines = [f"| path, {rows:,} rows | CPU s | wall s | peak MB | at most |", "|---|--:|--:|--:|--:|"]
    for case in (*files.CASES, *servers.CASES):
        if case.key not in KEYS:
            continue
        root = Path(tempfile.mkdtemp(prefix="eltflow-bench-"))
        try:
            with case.opened(root, rows):
                settings = yaml.safe_load((root / "eltflow.yml").read_text())
                settings["targets"]["dev"]["settings"] = {"memory_limit": "256MB"}
                (root / "eltflow.yml").write_text(yaml.safe_dump(settings))
                spent = usage([ELTFLOW, "ingest", "--quiet"], root, {}, 3600)
        finally:
            shutil.rmtree(root)
        figures = spent.problem or f"{spent.cpu:.1f} | {spent.wall:.1f} | {spent.peak:.0f}"
        lines.append(f"| {case.title} | {figures} | {WANTED} |")
        print(lines[-1], flush=True)
    return "\n".join(lines)
