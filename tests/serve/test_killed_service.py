"""`kill -9` at each named point of the service, and at any moment: nothing is lost, and nothing is in the warehouse twice.

Each run adds one row to a table by an incremental model, whose commit is the effect that must happen once. A chain of jobs hangs on its end.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest
from served import PYTHON, Hook, store

from eltflow.serve.service import POINTS
from eltflow.state.jobs import ENDED, INTERRUPTIONS

HERE = Path(__file__).parent
#: A view first, so that there is something to be done before, and a model after.
MODELS = {
    "models/before.sql": "select 1 as id\n",
    "models/effect.sql": "{{ config(materialized='incremental') }} select id, {{ dbl }} as run from before\n",
    "models/after.sql": "{{ config(materialized='table') }} select count(*) as n from effect\n",
    "models/broken.sql": "{{ config(materialized='table', tags=['broken']) }} select error('no') as id\n",
}
JOBS = """\
jobs:
  - {name: often, select: "+after", catchup: all, triggers: [{every: 1 s}]}
  - {name: then, select: before, triggers: [{job: often}]}
  - {name: fails, select: broken, triggers: [{job: often}], alerts: [{on: failure, to: ops, repeat_interval: always}]}
"""


def run(root: Path, runs: int, point: str = "", nth: int = 0) -> subprocess.CompletedProcess[str]:
    words = [PYTHON, str(HERE / "dies.py"), str(root), str(runs), point, str(nth)]
    return subprocess.run(words, capture_output=True, text=True, timeout=300)


def killed(root: Path, hook: Hook, chance: random.Random, kills: int, effects: Callable[[], list[str]]) -> None:
    """Kill it that often, at points that chance names; at the end every effect is there, once."""
    runs = 0
    first = [*((point, 1) for point in POINTS), ("node ended", 2), ("node begun", 2)]  # the second node is the one with the effect
    chance.shuffle(first)
    for number in range(kills):
        runs += 2
        point = chance.choice([*POINTS, "seconds", "seconds"])
        nth = chance.randrange(5, 250) if point == "seconds" else chance.choice([1, 2, 3, 4, 5])
        if number < len(first):
            point, nth = first[number]
        run(root, runs, point, nth)
    done = run(root, runs + 2)
    assert done.returncode == 0, done.stderr
    with store(root) as jobs:
        all_runs = jobs.runs(limit=100_000)
        slots = Counter(r.slot for r in all_runs if r.job == "often")
        assert set(slots.values()) == {1}
        ended = [r for r in all_runs if r.state in ENDED]
        often = [r for r in ended if r.job == "often" and r.state == "ok"]
        others = [r for r in ended if r.job == "often" and r.state != "ok"]
        # Kills that come thick and fast may take one run four times, which is when it is given up.
        assert all(r.message.startswith("given up") and r.interruptions == INTERRUPTIONS for r in others), others
        assert len(others) <= max(1, kills / 10)
        # Each end started each of the others once, whether they have run by now or not.
        assert Counter(r.cause for r in all_runs if r.job == "then") == Counter(r.id for r in often)
        assert Counter(r.cause for r in all_runs if r.job == "fails") == Counter(r.id for r in often)
        of = {attempt: r.id for r in all_runs for attempt, _ in jobs.attempts(r.id)}
        failed = [r for r in ended if r.job == "fails"]
        assert {r.state for r in failed} <= {"failed"}
        alerts = jobs.alert_counts()
    by_run = Counter(of[attempt] for attempt in effects())
    assert set(by_run.values()) == {1}
    assert {r.id for r in often} <= set(by_run)
    heard = Counter(json.loads(body)["eltflow"]["run"] for body, _ in hook.bodies)
    assert sum(alerts.values()) == len(failed)
    assert set(heard) <= {r.id for r in failed}
    assert alerts.get(("failure", "sent"), 0) <= len(heard)  # nothing is taken for sent that was not


def project_of(project: Any, hook: Hook, settings: str, target: str) -> Path:
    connections = f'connections:\n  ops: {{type: webhook, url: "{hook.url}"}}\n'
    models = {path: text.replace("{{ dbl }}", "'{{ invocation_id }}'") for path, text in MODELS.items()}
    files = {**models, "jobs.yml": JOBS, "eltflow.yml": f"name: p\ntargets:\n  dev: {target}\n{connections}{settings}"}
    return project(files)


def effects_in(root: Path) -> list[str]:
    with duckdb.connect(str(root / "p.duckdb")) as connection:
        return [str(run) for (run,) in connection.execute("select run from s.effect").fetchall()]


@pytest.mark.parametrize("kills", [pytest.param(6), pytest.param(100, marks=pytest.mark.prove)])
def test_killed_on_duckdb(project: Any, hook: Hook, kills: int) -> None:
    root = project_of(project, hook, "", "{type: duckdb, path: p.duckdb, schema: s}")
    killed(root, hook, random.Random(kills), kills, lambda: effects_in(root))


@pytest.mark.parametrize("kills", [pytest.param(6), pytest.param(100, marks=pytest.mark.prove)])
def test_killed_on_postgres(project: Any, hook: Hook, postgres: Any, kills: int) -> None:
    schema = f"served_{os.getpid()}"
    root = project_of(project, hook, "", json.dumps({**postgres.target(), "schema": schema}))

    def effects() -> list[str]:
        with closing(postgres.connect()) as connection:
            return [str(run) for (run,) in connection.execute(f'select run from "{schema}".effect').fetchall()]

    killed(root, hook, random.Random(kills), kills, effects)
