"""A clock that is set while the service runs."""

from __future__ import annotations

import datetime as dt
import random

import pytest
from served import bench
from test_serve_process import Project

MODELS = {"models/a.sql": "select 1 as id\n"}


@pytest.mark.parametrize("seed", [1, 2, *(pytest.param(n, marks=pytest.mark.prove) for n in range(3, 30))])
def test_each_due_time_has_one_run_whatever_the_clock_does(project: Project, seed: int) -> None:
    jobs = "jobs: [{name: j, triggers: [{every: 10 min}], catchup: all, max_catchup: 1000}]\n"
    root = project({**MODELS, "jobs.yml": jobs})
    rng = random.Random(seed)
    with bench(root) as made:
        begin = latest = made.clock()
        for _ in range(12):
            if rng.random() < 0.5:
                made.clock.set(minutes=rng.choice([-90, -35, -1, 1, 45]))
            made.look(minutes=rng.randint(1, 25))
            latest = max(latest, made.clock())
        slots = [run.slot for run in made.runs()]
        step = dt.timedelta(minutes=10)
        wanted = [begin + step * n for n in range(1, (latest - begin) // step + 1)]
        assert sorted(slot for slot in slots if slot is not None) == wanted
        assert {state for _, state in made.states()} <= {"ok"}


def test_it_is_said(project: Project) -> None:
    root = project({**MODELS, "jobs.yml": "jobs: [{name: j, triggers: [{every: 10 min}]}]\n"})
    with bench(root) as made:
        made.clock.set(seconds=3)
        made.look(minutes=1)
        assert not [text for text in made.said if "clock" in text]
        made.clock.set(hours=-2)
        made.look(minutes=1)
        made.clock.set(days=1)
        made.look()
        assert [text for text in made.said if "clock" in text] == [
            "the clock was set back by 2:00:00: due times until it is as late again had their runs",
            "the clock was set on by 1 day, 0:00:00",
        ]


def test_a_run_is_not_too_long_because_the_clock_was_set(project: Project) -> None:
    slow = "{{ config(materialized='table') }} select count(*) as n from range(30000000) t(i) where hash(i) % 7 = 0\n"
    root = project({"models/a.sql": slow, "jobs.yml": "jobs: [{name: j, timeout: 1 min, triggers: [{every: 10 min}]}]\n"})
    with bench(root) as made:
        made.clock.go(minutes=10)
        made.service.tick()
        assert made.service.active
        made.clock.set(hours=5)
        made.service.tick()
        made.look()
        assert made.states()[0] == ("j", "ok")
