"""What the service costs: idle, for each node of a run, for each link of a chain, and its page over a long history.

python -m bench.serving [NODES]      Linux: the figures of the process come from /proc

Each figure is of one `eltflow serve` on a project made for it, with its log, its state file and its page on. CPU is user and system seconds of
the process, in a second run: what is compiled is kept. Beside it stands `eltflow run` of the same nodes, with its start.
"""

from __future__ import annotations

import datetime
import os
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path

from bench.process import usage

ELTFLOW = [sys.executable, "-m", "eltflow.cli.main"]
TICKS = os.sysconf("SC_CLK_TCK")
SETTINGS = "name: p\ntargets:\n  dev: {type: duckdb, path: p.duckdb, schema: s, threads: 2}\n"


def project(root: Path, models: dict[str, str], jobs: str) -> Path:
    (root / "models").mkdir(parents=True)
    (root / "eltflow.yml").write_text(SETTINGS)
    (root / "jobs.yml").write_text(jobs)
    for name, sql in models.items():
        (root / "models" / f"{name}.sql").write_text(sql)
    return root


@contextmanager
def serve(root: Path) -> Iterator[tuple[int, str]]:
    """A service: its process, and the address of its page."""
    with subprocess.Popen([*ELTFLOW, "serve", "--port", "0"], cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None
        try:
            yield process.pid, found.group()
        finally:
            process.terminate()
            process.wait(30)


def cpu(pid: int) -> float:
    """User and system seconds of a process so far."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / TICKS


def memory(pid: int, kind: str = "VmRSS") -> float:
    """What a process has of memory, in MB (10^6): all of it, or what is its own (`RssAnon`) and no page of a program's file, which the system
    has only as long as it wants to."""
    found = re.search(rf"{kind}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found.group(1)) * 1024 / 1e6


def triggered(root: Path, job: str) -> None:
    done = subprocess.run([*ELTFLOW, "trigger", job, "--wait"], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def idle(root: Path, seconds: float) -> tuple[float, float, float, float]:
    """(CPU in per cent, MB before anything ran, MB after a run, MB of its own after it) of a service with 20 jobs that has nothing to do."""
    jobs = "".join(f"  - {{name: j{i}, triggers: [{{cron: '{i} 3 * * *', timezone: Europe/Paris}}]}}\n" for i in range(20))
    project(root, {"a": "select 1 as id"}, f"jobs:\n{jobs}")
    with serve(root) as (pid, _):
        time.sleep(3)
        before, at, small = cpu(pid), time.monotonic(), memory(pid)
        time.sleep(seconds)
        share = 100 * (cpu(pid) - before) / (time.monotonic() - at)
        triggered(root, "j1")
        time.sleep(2)
        return share, small, memory(pid), memory(pid, "RssAnon")


def nodes(root: Path, count: int) -> tuple[float, float]:
    """CPU seconds of a run of so many views by a service, and by `eltflow run`; the second of each, caches warm."""
    project(root, {f"m{i}": f"select {i} as id" for i in range(count)}, "jobs:\n  - {name: j, command: run}\n")
    with serve(root) as (pid, _):
        triggered(root, "j")
        before = cpu(pid)
        triggered(root, "j")
        served = cpu(pid) - before
    by_hand = statistics.median(usage([*ELTFLOW, "--quiet", "run"], root, {}, 600).cpu for _ in range(3))
    return served, by_hand


def chain(root: Path, length: int) -> float:
    """Milliseconds from the end of a node to the beginning of the one that waits for it, the median over a chain of views."""
    models = {"m0": "select 1 as id", **{f"m{i}": f"select id from m{i - 1}" for i in range(1, length)}}
    project(root, models, "jobs:\n  - {name: j, command: run}\n")
    with serve(root):
        for _ in range(2):
            triggered(root, "j")
    with closing(sqlite3.connect(root / ".eltflow" / "state.sqlite")) as connection:
        (last,) = connection.execute("select run_id from job_attempt order by started_at desc limit 1").fetchone()
        rows = connection.execute(
            "select started_at, seconds from node_run where run_id = ? order by started_at", (last,)
        ).fetchall()
    times = [(datetime.datetime.fromisoformat(at), seconds) for at, seconds in rows]
    gaps = [(b[0] - a[0]).total_seconds() - a[1] for a, b in pairwise(times)]
    return 1000 * statistics.median(gaps)


def history(root: Path, runs: int) -> tuple[float, float]:
    """Milliseconds for the page and for the figures, over a history of so many runs; the median of 20."""
    project(root, {"a": "select 1 as id"}, "jobs:\n  - {name: j}\n  - {name: k}\n")
    subprocess.run([*ELTFLOW, "pause", "k"], cwd=root, check=True, capture_output=True)
    begin = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    with closing(sqlite3.connect(root / ".eltflow" / "state.sqlite")) as connection, connection:
        connection.executemany(
            "insert into job_run (id, job, slot, state, started_by, created_at, started_at, ended_at, attempt)"
            " values (?, 'j', ?, ?, 'time', ?, ?, ?, 1)",
            (
                (str(uuid.UUID(int=i)), at, "failed" if i % 50 == 0 else "ok", at, at, at)
                for i in range(runs)
                for at in [(begin + datetime.timedelta(minutes=i)).isoformat(timespec="microseconds")]
            ),
        )
    with serve(root) as (_, address):
        return tuple(1000 * statistics.median(_timed(address + path) for _ in range(20)) for path in ("", "metrics"))  # type: ignore[return-value]


def _timed(url: str) -> float:
    at = time.perf_counter()
    with urllib.request.urlopen(url, timeout=60) as answer:
        answer.read()
    return time.perf_counter() - at


def first_statement(root: Path) -> float:
    """Seconds from the start of the service to the beginning of the first node of a run that waits, nothing cached, 1,000 models."""
    words = ["--models", "1000", "--style", "bare", "--flavour", "eltflow", "--out", str(root)]
    subprocess.run([sys.executable, "-m", "bench.generate", *words], check=True, capture_output=True)
    (root / "jobs.yml").write_text("jobs:\n  - {name: j, command: seed}\n")
    subprocess.run([*ELTFLOW, "trigger", "j"], cwd=root, check=True, capture_output=True)
    at = datetime.datetime.now(datetime.UTC)
    with serve(root):
        while True:
            with closing(sqlite3.connect(root / ".eltflow" / "state.sqlite")) as connection:
                row = connection.execute("select min(at) from job_node").fetchone()
            if row[0] is not None:
                return (datetime.datetime.fromisoformat(row[0]) - at).total_seconds()
            time.sleep(0.02)


def main(count: int = 1000) -> None:
    with tempfile.TemporaryDirectory(prefix="eltflow-serving-") as place:
        root = Path(place)
        share, small, large, own = idle(root / "idle", 60)
        print(f"idle, 20 jobs: {share:.2f} % of a CPU, {small:.0f} MB; after a run {large:.0f} MB, {own:.0f} of them its own")
        served, by_hand = nodes(root / "nodes", count)
        print(
            f"{count:,} views: {served:.2f} CPU s by the service, {by_hand:.2f} by `eltflow run`: {1000 * served / count:.2f} ms a node"
        )
        print(f"a link of a chain of 100: {chain(root / 'chain', 100):.1f} ms")
        page, figures = history(root / "history", 100_000)
        print(f"100,000 runs in history: the page in {page:.0f} ms, the figures in {figures:.0f} ms")
        print(f"1,000 models, nothing cached: the first node begins after {first_statement(root / 'cold'):.1f} s")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
