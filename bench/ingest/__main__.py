"""The command line: measures the paths, and writes what was found."""

from __future__ import annotations

import argparse
import datetime
import platform
import shutil
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from bench.ingest import files, servers
from bench.ingest.case import ELTFLOW, Case
from bench.ingest.memory import memory
from bench.ingest.peers import version
from bench.process import Usage, usage
from bench.report import cpu_model
from bench.tools import ROOT

CASES = (*files.CASES, *servers.CASES)
LIMIT = 900.0
"""Seconds of wall time that a process may take."""

Found = Mapping[str, Sequence[Usage]]
"""What each way cost, round by round."""


def main() -> int:
    """Measures what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.ingest", description=__doc__)
    parser.add_argument("--only", default="", help="paths, by commas: " + ", ".join(case.key for case in CASES))
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "INGEST.md")
    parser.add_argument("--memory", action="store_true", help="the peaks of ten million rows instead")
    asked = parser.parse_args()
    if asked.memory:
        print(memory(asked.rows * 10))
        return 0
    wanted = set(asked.only.split(",")) - {""}
    unknown = wanted - {case.key for case in CASES}
    if unknown:
        parser.error(f"no such path: {', '.join(sorted(unknown))}")
    parts = [head(asked.pairs, asked.rows)]
    least: dict[str, float] = {}
    for case in CASES:
        if not wanted or case.key in wanted:
            found = measured(case, asked.rows, asked.pairs)
            if case.above:
                least = {name: statistics.median(run.cpu for run in runs) for name, runs in found.items()}
            parts += table(case, found, least)
            asked.out.write_text("\n".join(parts) + "\n", encoding="utf-8")
    return 0


def measured(case: Case, rows: int, pairs: int) -> Found:
    """All ways of a path, in turn."""
    root = Path(tempfile.mkdtemp(prefix="eltflow-bench-"))
    found: dict[str, list[Usage]] = {}
    try:
        with case.opened(root, rows * case.times) as ways:
            usage([ELTFLOW, "parse"], root, {}, LIMIT)
            for turn in range(pairs):
                for name, way in ways.items():
                    way.reset()
                    spent = usage(way.words, way.folder, way.environment, LIMIT)
                    print(f"{case.key} {turn + 1} {name}: {spent.problem or f'{spent.cpu:.2f} CPU s'}", file=sys.stderr, flush=True)
                    found.setdefault(name, []).append(spent)
    finally:
        shutil.rmtree(root)
    return found


def head(pairs: int, rows: int) -> str:
    """Where and with what."""
    peers = "".join(f", {name} {version(name)}" for name in ("dlt", "ingestr") if version(name))
    return f"""# What an ingestion step costs

Made by `python -m bench.ingest` on {datetime.date.today()}: {rows:,} rows, {pairs} rounds, {cpu_model()}, CPython {platform.python_version()},
DuckDB {duckdb.__version__}{peers}. Whole processes; CPU of a process and its children, servers not in it; medians. eltflow keeps what it
loaded, its cursor and, of files and tables, bad rows aside, in the same transaction; the bare way does nothing but bring the rows. The last
ratio leaves out what one row costs either way.

| path | way | CPU s | wall s | peak MB | to bare | aim | limit | above one row |
|---|---|--:|--:|--:|--:|--:|--:|--:|"""


def table(case: Case, found: Found, least: Mapping[str, float]) -> list[str]:
    """The lines of a path."""
    first = next(iter(found))
    lines = []
    for name, runs in found.items():
        problem = next((run.problem for run in runs if run.problem), "")
        if problem:
            lines.append(f"| {case.title} | {name} | {problem} | | | | | | |")
            continue
        pairs = list(zip(runs, found[first], strict=True))
        ratio = statistics.median(a.cpu - b.cpu if case.above else a.cpu / b.cpu for a, b in pairs)
        cpu, wall, peak = (statistics.median(getattr(run, what) for run in runs) for what in ("cpu", "wall", "peak"))
        wanted = f"{case.aim} | {case.limit}" if name == "eltflow" else " | "
        rest = {
            way: statistics.median(run.cpu for run in found[way]) - least.get(of, 0) for way, of in ((name, name), (first, "bare"))
        }
        beyond = f"{rest[name] / rest[first]:.2f}" if name == "eltflow" and least and not case.above and rest[first] > 0.1 else ""
        told = "" if name == first else f"{ratio:.2f}"
        lines.append(f"| {case.title} | {name} | {cpu:.2f} | {wall:.2f} | {peak:,.0f} | {told} | {wanted} | {beyond} |")
    return lines


if __name__ == "__main__":
    sys.exit(main())
