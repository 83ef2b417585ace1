"""A disk without room, under a service that goes on once there is some again. What stands in for it is a limit on the size of the files that
the process may write, which refuses what a full disk would, but not to other processes."""

from __future__ import annotations

import itertools
import json
import resource
import time

import duckdb
from served import store, until
from test_serve_process import Project, Run, fetch, serve

SLOW = "(select count(*) from range(40000000) t(i) where hash(i) % 7 = 0) as slow"
FILES = {
    "models/told.sql": "{{ config(materialized='incremental', incremental_strategy='append') }}\n"
    "select '{{ interval.end }}' as due, " + SLOW + "\n",
    "models/after.sql": "{{ config(materialized='incremental', incremental_strategy='append') }}\n"
    "select '{{ interval.end }}' as due, 1 as n where (select count(*) from told) > 0\n",
    "jobs.yml": "jobs: [{name: often, triggers: [{every: 2 s}], catchup: all}]\n",
}


def test_nothing_is_lost_and_nothing_done_twice(project: Project, eltflow: Run) -> None:
    root = project(FILES)
    with serve(root) as (address, process):
        with store(root) as jobs:
            until(lambda: [run for run in jobs.runs() if run.state == "ok"])
        room = resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        until(lambda: fetch(address + "healthz")[0] == 503)
        told = json.loads(fetch(address + "healthz")[1])
        assert (told["status"], told["leads"]) == ("no state", False)
        assert told["state"].startswith("the run history ")
        time.sleep(3)
        assert process.poll() is None
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, room)
        until(lambda: fetch(address + "healthz")[0] == 200)
        eltflow("pause", "often", cwd=root)
        with store(root) as jobs:
            until(lambda: not jobs.runs(states=("queued", "running")))
            runs = jobs.runs()
        process.terminate()
        assert process.wait(30) == 0
    assert {run.state for run in runs} == {"ok"}
    due = sorted(run.slot for run in runs)
    assert {(b - a).total_seconds() for a, b in itertools.pairwise(due)} == {2.0}
    with duckdb.connect(str(root / "p.duckdb"), read_only=True) as connection:
        for table in ("told", "after"):
            found = connection.execute(f"select count(*), count(distinct due) from s.{table}").fetchone()
            assert found == (len(runs), len(runs))
