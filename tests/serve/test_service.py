"""The service, with a clock that is set by hand: what becomes due, runs, is tried again, told, stopped."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest
from served import Bench, Hook, bench, until

from eltflow import api
from eltflow.base.diagnostics import EltflowError
from eltflow.serve.service import Service, is_serving, network_file_system, serving
from eltflow.serve.web import status_page
from eltflow.state.jobs import INTERRUPTIONS, NewRun
from eltflow.state.lock import run_lock

Project = Callable[..., Path]
OPS = "connections:\n  ops: {type: webhook, url: \"{{ env_var('OPS') }}\", secret: \"{{ env_var('SEAL') }}\"}\n"
MODELS = {"models/a.sql": "select 1 as id\n", "models/b.sql": "select id from a\n"}
FAILS = "{{ config(materialized='table') }} select error('no') as id\n"
HOURLY = "jobs:\n  - {name: j, triggers: [{cron: '0 * * * *'}]}\n"


def rows(root: Path, query: str) -> list[tuple]:
    with duckdb.connect(str(root / "p.duckdb")) as connection:
        return connection.execute(query).fetchall()


def test_a_due_time_makes_one_run(project: Project) -> None:
    root = project({**MODELS, "jobs.yml": HOURLY})
    with bench(root) as made:
        assert made.look(minutes=30) == []
        (run,) = made.look(minutes=30)
        assert (run.state, run.started_by, run.attempt) == ("ok", "time", 0 + 1)
        assert (run.interval_start, run.interval_end) == (run.slot - dt.timedelta(hours=1), run.slot)
        assert made.look(seconds=1) == [run]
    assert rows(root, "select id from s.b") == [(1,)]
    with bench(root, "2026-03-10T09:59:00") as made:  # another start: the time that was run is not run again
        assert made.states() == [("j", "ok")]
        made.look(minutes=2)
        assert made.states() == [("j", "ok"), ("j", "ok")]


@pytest.mark.parametrize(("catchup", "expected"), [("last", ["12:00"]), ("all", ["10:00", "11:00", "12:00"]), ("none", [])])
def test_times_that_passed_while_it_was_down(project: Project, catchup: str, expected: list[str]) -> None:
    text = f"jobs:\n  - {{name: j, catchup: {catchup}, max_catchup: 3, triggers: [{{cron: '0 * * * *'}}]}}\n"
    root = project({**MODELS, "jobs.yml": text})
    with bench(root):
        pass
    with bench(root, "2026-03-10T12:20:00") as made:
        assert [f"{run.slot:%H:%M}" for run in made.runs()] == expected
        assert {run.state for run in made.runs()} <= {"ok"}


def test_a_time_that_comes_before_the_one_before_began(project: Project) -> None:
    """Runs do not pile up behind a target that is in use: the latest has the intervals of all."""
    root = project({**MODELS, "jobs.yml": HOURLY})
    with bench(root) as made:
        with run_lock("duckdb:" + str((root / "p.duckdb").resolve()), os.environ):
            made.service.tick()
            made.look(hours=1)
        (waiting,) = made.runs()
        assert (waiting.state, waiting.attempt) == ("queued", 0)  # waiting is no attempt
        assert waiting.message.startswith("E0803: another run is writing to this target")
        first, second = made.look(hours=1)
        assert [(r.state, r.message) for r in (first, second)] == [
            ("cancelled", "the next time came before it began"),
            ("ok", None),
        ]
        assert second.interval_start == first.interval_start


def test_a_job_after_a_job(project: Project) -> None:
    jobs = """\
jobs:
  - {name: load, select: a}
  - {name: then, select: b, triggers: [{job: load}]}
  - {name: mourn, select: a, triggers: [{job: load, on: failed}]}
  - {name: always, select: a, triggers: [{job: load, on: any}]}
"""
    root = project({**MODELS, "jobs.yml": jobs})
    with bench(root) as made:
        made.store.queue(NewRun(job="load", started_by="hand"), made.clock())
        made.look()
        assert sorted(made.states()) == [("always", "ok"), ("load", "ok"), ("then", "ok")]
        assert {run.started_by for run in made.runs() if run.job != "load"} == {"job load"}
        (root / "models" / "a.sql").write_text(FAILS)
        made.store.queue(NewRun(job="load", started_by="hand"), made.clock())
        made.look()
        assert sorted(made.states())[-2:] == [("mourn", "failed"), ("then", "ok")]
        assert sorted(made.states()).count(("always", "failed")) == 1


def test_a_paused_job(project: Project) -> None:
    root = project({**MODELS, "jobs.yml": HOURLY + "  - {name: k, triggers: [{job: j}]}\n"})
    with bench(root) as made:
        made.store.pause("j", True, made.clock())
        made.store.pause("k", True, made.clock())
        assert made.look(hours=3) == []
        made.store.queue(NewRun(job="j", started_by="hand"), made.clock())
        assert [run.job for run in made.look()] == ["j"]  # asked for by hand it runs; what follows is paused
        made.store.pause("j", False, made.clock())
        assert len(made.look(minutes=1)) == 1  # the times that passed are not made up for
        assert len(made.look(hours=1)) == 2


FLAKY = """\
{% set there = run_query("select count(*) as n from information_schema.tables where table_name = 'switch'") if execute else none %}
select {% if execute and there.rows[0][0] %} 1 {% else %} error('not yet') {% endif %} as id from a
"""


def test_what_failed_is_tried_again_and_nothing_else(project: Project) -> None:
    jobs = "jobs:\n  - {name: j, retries: {attempts: 3, backoff: 1 min}}\n"
    models = {
        "models/a.sql": "{{ config(materialized='table') }} select 1 as id, random() as r\n",
        "models/b.sql": FLAKY.replace("view", ""),
    }
    models["models/b.sql"] = "{{ config(materialized='table') }}" + FLAKY
    models["models/c.sql"] = "{{ config(materialized='table') }} select id from b\n"
    root = project({**models, "jobs.yml": jobs})
    with bench(root) as made:
        made.store.queue(NewRun(job="j", started_by="hand"), made.clock())
        (run,) = made.look()
        assert (run.state, run.attempt) == ("queued", 1)
        assert dt.timedelta(seconds=60) <= run.not_before - made.clock() <= dt.timedelta(seconds=75)
        before = rows(root, "select r from s.a")
        assert {n.unique_id: n.state for n in made.store.nodes(run.id).values()} == {
            "model.p.a": "success",
            "model.p.b": "error",
            "model.p.c": "skipped",
        }
        (run,) = made.look(seconds=50)
        assert run.attempt == 1  # not yet
        (run,) = made.look(seconds=30)
        assert (run.state, run.attempt) == ("queued", 2)
        assert dt.timedelta(seconds=120) <= run.not_before - made.clock() <= dt.timedelta(seconds=150)  # it doubles
        rows(root, "create table switch (i int)")
    with bench(root, "2026-03-10T09:00:00") as made:  # the pause outlives the process
        (run,) = made.runs()
        assert (run.state, run.attempt) == ("ok", 3)
        assert [outcome for _, outcome in made.store.attempts(run.id)] == ["retried", "retried", "ok"]
    assert rows(root, "select r from s.a") == before  # what was through was not run again
    assert rows(root, "select id from s.c") == [(1,)]


def test_a_test_that_fails_is_not_tried_again(project: Project) -> None:
    """The same rows fail it as often as it is asked."""
    tested = {"models/p.yml": "models:\n  - {name: a, columns: [{name: id, data_tests: [{accepted_values: {values: [2]}}]}]}\n"}
    root = project({**MODELS, **tested, "jobs.yml": "jobs:\n  - {name: j, retries: {attempts: 3}}\n"})
    with bench(root) as made:
        made.store.queue(NewRun(job="j", started_by="hand"), made.clock())
        (run,) = made.look()
        assert (run.state, run.attempt) == ("failed", 1)
        assert run.message.startswith("accepted_values_a_id__2: ")


def test_a_project_that_is_wrong_is_not_tried_again(project: Project) -> None:
    root = project(
        {**MODELS, "models/c.sql": "select * from {{ ref('x') }}", "jobs.yml": "jobs:\n  - {name: j, retries: {attempts: 3}}\n"}
    )
    with bench(root) as made:
        made.store.queue(NewRun(job="j", started_by="hand"), made.clock())
        (run,) = made.look()
        assert (run.state, run.attempt) == ("failed", 1)
        assert run.message == "E0203: model `c` refers to `x`, which does not exist (models/c.sql:1)"


def test_a_run_is_resumed_where_it_failed(project: Project) -> None:
    models = {
        "models/a.sql": "{{ config(materialized='table') }} select 1 as id, random() as r\n",
        "models/b.sql": "{{ config(materialized='table') }} select id, error('no') as x from a\n",
        "models/c.sql": "{{ config(materialized='table') }} select id from b\n",
    }
    root = project({**models, "jobs.yml": "jobs:\n  - {name: j}\n"})
    with bench(root) as made:
        made.store.queue(NewRun(job="j", started_by="hand"), made.clock())
        (run,) = made.look()
        assert run.state == "failed"
        before = rows(root, "select r from s.a")
        (root / "models" / "b.sql").write_text("{{ config(materialized='table') }} select id from a\n")
        assert made.store.reopen(run, made.clock())
        (run,) = made.look()
        assert (run.state, run.attempt) == ("ok", 1)
        assert rows(root, "select r from s.a") == before
        # What was edited since it was through is run again, with all that reads it.
        (root / "models" / "a.sql").write_text("{{ config(materialized='table') }} select 2 as id, random() as r\n")
        made.store.reopen(run, made.clock())
        made.look()
        assert rows(root, "select id from s.c") == [(2,)]


def test_a_resumed_test_looks_at_what_was_mended(project: Project) -> None:
    tested = {"models/p.yml": "models:\n  - {name: a, columns: [{name: id, data_tests: [{accepted_values: {values: [2]}}]}]}\n"}
    root = project(
        {
            "seeds/s.csv": "id\n1\n",
            "models/a.sql": "{{ config(materialized='table') }} select id from s",
            **tested,
            "jobs.yml": "jobs: [{name: j}]\n",
        }
    )
    with bench(root) as made:
        made.store.queue(NewRun(job="j", started_by="hand"), made.clock())
        (run,) = made.look()
        assert run.state == "failed"
        (root / "seeds" / "s.csv").write_text("id\n2\n")
        made.store.reopen(run, made.clock())
        (run,) = made.look()
        assert run.state == "ok", run.message


def slow(project: Project, jobs: str) -> Path:
    query = "select count(*) as n from range(3000000) a(i), range(300000) b(j) where hash(i + j) % 97 = 5"
    return project(
        {"models/a.sql": f"{{{{ config(materialized='table') }}}} {query}", "models/b.sql": "select n from a", "jobs.yml": jobs}
    )


def begun(made: Bench) -> str:
    made.service.tick()
    (active,) = made.service.active.values()
    until(lambda: made.store.nodes(active.run.id))
    return active.run.id


def test_a_run_that_is_cancelled_stops_in_the_warehouse(project: Project) -> None:
    root = slow(project, "jobs:\n  - {name: j, retries: {attempts: 3}}\n  - {name: k, triggers: [{job: j, on: any}]}\n")
    with bench(root) as made:
        made.store.queue(NewRun(job="j", started_by="hand"), made.clock())
        id = begun(made)
        assert made.store.cancel(made.store.run(id), made.clock()) == "running"
        (run,) = made.look()
        assert (run.state, run.message) == ("cancelled", "cancelled")  # neither tried again nor followed by another job
        made.store.queue(NewRun(job="j", started_by="hand"), made.clock())
        (_, queued) = made.runs()
        assert made.store.cancel(queued, made.clock()) == "cancelled"
        assert len(made.look()) == 2


def test_a_run_that_takes_too_long(project: Project) -> None:
    root = slow(project, "jobs:\n  - {name: j, timeout: 1 min}\n")
    with bench(root) as made:
        made.store.queue(NewRun(job="j", started_by="hand"), made.clock())
        begun(made)
        (run,) = made.look(seconds=61)
        assert (run.state, run.message) == ("failed", "timed out after 60 s")


def test_a_service_that_is_stopped_goes_on_with_the_next_start(project: Project) -> None:
    root = slow(project, "jobs: [{name: j}]\n")
    with bench(root) as made:
        made.store.queue(NewRun(job="j", started_by="hand"), made.clock())
        id = begun(made)
    (root / "models" / "a.sql").write_text("select 1 as n")
    with bench(root) as made:
        run = made.store.run(id)
        assert (run.state, run.attempt, run.interruptions) == ("ok", 1, 0)


def test_a_run_that_is_lost_again_and_again_is_given_up(project: Project, hook: Hook) -> None:
    jobs = "jobs:\n  - {name: j, alerts: [{on: failure, to: ops}]}\n"
    root = project({**MODELS, "jobs.yml": jobs}, settings=OPS)
    env = {"OPS": hook.url, "SEAL": "wax"}
    with bench(root, **env) as made:
        made.store.queue(NewRun(job="j", started_by="hand"), made.clock())
        for _ in range(INTERRUPTIONS):
            (run,) = made.store.ready(made.clock())
            made.store.begin(run, made.clock())
            made.service.adopt()
            assert made.store.run(run.id).state == "queued"
        (run,) = made.store.ready(made.clock())
        assert (run.attempt, run.interruptions) == (0, INTERRUPTIONS)
        made.store.begin(run, made.clock())
        made.service.adopt()
        run = made.store.run(run.id)
        assert (run.state, run.message) == ("failed", f"given up: the service was lost {INTERRUPTIONS + 1} times while it ran")
        made.send()
    assert len(hook.bodies) == 1


def told(hook: Hook) -> list[tuple[str, str]]:
    bodies = [json.loads(body) for body, _ in hook.bodies]
    return [(body["eltflow"]["job"], body["eltflow"]["occasion"]) for body in bodies]


def test_failures_and_recoveries_are_told(project: Project, hook: Hook) -> None:
    jobs = """\
jobs:
  - name: j
    retries: {attempts: 2, backoff: 1 s}
    alerts: [{on: [failure, recovery], to: ops}, {on: failure, to: ops}]
"""
    root = project({"models/a.sql": FAILS.replace("no", "the password is hunter22222"), "jobs.yml": jobs}, settings=OPS)
    with bench(root, OPS=hook.url, SEAL="hunter22222") as made:
        made.store.queue(NewRun(job="j", started_by="hand"), made.clock())
        made.look()
        made.send()
        assert told(hook) == []  # it is tried again first
        (run,) = made.look(seconds=5)
        made.send()
        made.send()
        assert told(hook) == [("j", "failure")]
        body, headers = hook.bodies[0]
        seal = hmac.new(b"hunter22222", body, hashlib.sha256).hexdigest()
        assert headers["X-Eltflow-Signature"] == f"sha256={seal}"
        note = json.loads(body)
        assert note["title"] == "p: job j failed"
        assert note["text"].startswith("p: job j failed\nmodel `a`: ")
        assert note["eltflow"]["run"] == run.id
        assert [one["node"] for one in note["eltflow"]["failures"]] == ["a"]
        (root / "models" / "a.sql").write_text("select 1 as id")
        made.store.queue(NewRun(job="j", started_by="hand"), made.clock())
        made.look()
        made.store.queue(NewRun(job="j", started_by="hand"), made.clock())
        made.look()
        made.send()
        assert told(hook) == [("j", "failure"), ("j", "recovery")]
        (root / "models" / "a.sql").write_text(FAILS)
        made.store.queue(NewRun(job="j", started_by="hand"), made.clock())
        made.look()
        *_, run = made.look(seconds=5)
        made.send()
        (root / "models" / "a.sql").write_text("select 1 as id")
        made.store.reopen(run, made.clock())
        made.look()
        made.send()
        assert told(hook)[2:] == [("j", "failure"), ("j", "recovery")]  # by a resumed run too


def test_an_alert_that_does_not_arrive_is_sent_again(project: Project, hook: Hook) -> None:
    root = project(
        {"models/a.sql": FAILS, "jobs.yml": "jobs: [{name: j, alerts: [{on: failure, to: ops, repeat_interval: always}]}]\n"},
        settings=OPS,
    )
    with bench(root, OPS=hook.url, SEAL="wax") as made:
        hook.answers = [503, 429, 200]
        made.store.queue(NewRun(job="j", started_by="hand"), made.clock())
        made.look()
        made.send()
        made.send()
        assert len(hook.bodies) == 1  # not at once
        made.clock.go(seconds=7)
        made.send()
        made.clock.go(seconds=13)
        made.send()
        made.clock.go(days=1)
        made.send()
        assert len(hook.bodies) == 3
        assert made.store.alert_counts() == {("failure", "sent"): 1}
        hook.answers = [404]
        made.store.queue(NewRun(job="j", started_by="hand"), made.clock())
        made.look()
        made.send()
        assert made.store.alert_counts() == {("failure", "sent"): 1, ("failure", "given up"): 1}
        assert made.said[-1] == "j: ops was not told of the failure: it answers 404 Not Found"
        assert "t0ps3cret" not in "".join(made.said)


def test_an_alert_to_nobody(project: Project) -> None:
    """A server that is not there, and a connection that is wrong by now: said, without what is secret."""
    root = project(
        {"models/a.sql": FAILS, "jobs.yml": "jobs: [{name: j, alerts: [{on: failure, to: ops}]}]\n"},
        settings=OPS,
    )
    with bench(root, OPS="http://127.0.0.1:9/t0ps3cret", SEAL="wax") as made:
        made.store.queue(NewRun(job="j", started_by="hand"), made.clock())
        made.look()
        made.send()
        assert made.said[-1].startswith("j: ops was not told of the failure: no answer (")
        assert made.said[-1].endswith("again later")
        (root / "eltflow.yml").write_text((root / "eltflow.yml").read_text().replace("url:", "ulr:"))
        made.clock.go(minutes=1)
        made.look()
        made.send()
        assert made.said[-1] == "j: ops was not told of the failure: a webhook connection has no key `ulr`"
        assert "t0ps3cret" not in "".join(made.said)


def test_a_cancelled_run_hides_no_failure_on_the_page(project: Project, eltflow: Callable[..., Any]) -> None:
    """And times of a job that runs every few seconds have their seconds."""
    files = {
        "models/a.sql": "{{ config(materialized='table') }} select error('no') as id",
        "jobs.yml": "jobs: [{name: j, triggers: [{every: 5 s}]}]\n",
    }
    root = project(files)
    with bench(root, "2026-03-10T08:00:02") as made:
        made.look(seconds=5)
        made.store.queue(NewRun(job="j", started_by="hand"), made.clock())
        made.store.cancel(made.store.runs()[0], made.clock())
        assert made.states() == [("j", "failed"), ("j", "cancelled")]
        page = status_page(made.service)
        assert '<span class="failed">model `a`: Invalid Input Error: no</span>' in page
        assert '<span class="none">cancelled 2026-03-10 08:00:07</span>' in page
        assert '<span class="time">2026-03-10 08:00:10</span>' in page
    assert " j    failed     2026-03-10 08:00:05  time" in eltflow("jobs", "--runs", cwd=root).out


def test_a_missed_deadline(project: Project, hook: Hook) -> None:
    """Of a run that has not even begun, because its target is in use."""
    jobs = "jobs:\n  - {name: j, deadline: '10:00', triggers: [{cron: '0 9 * * *'}], alerts: [{on: deadline, to: ops}]}\n"
    root = project({**MODELS, "jobs.yml": jobs}, settings=OPS)
    with bench(root, OPS=hook.url, SEAL="wax") as made:
        with run_lock("duckdb:" + str((root / "p.duckdb").resolve()), os.environ):
            made.look(hours=1, minutes=59)
            made.send()
            assert told(hook) == []
            made.look(minutes=1)
            made.look(minutes=1)
            made.send()
        assert told(hook) == [("j", "deadline")]
        assert json.loads(hook.bodies[0][0])["eltflow"]["message"] == "not done by 2026-03-10 10:00 UTC: it is queued"
        made.look(minutes=1)
        assert made.states() == [("j", "ok")]


def test_warnings_are_told(project: Project, hook: Hook) -> None:
    tested = {
        "models/p.yml": "models:\n  - {name: a, columns: [{name: id, data_tests: [{not_null: {config: {severity: warn}}}]}]}\n"
    }
    jobs = "jobs: [{name: j, alerts: [{on: warning, to: ops}]}]\n"
    root = project({"models/a.sql": "select null::int as id", **tested, "jobs.yml": jobs}, settings=OPS)
    with bench(root, OPS=hook.url, SEAL="wax") as made:
        made.store.queue(NewRun(job="j", started_by="hand"), made.clock())
        made.look()
        made.send()
        assert told(hook) == [("j", "warning")]


def test_jobs_edited_into_an_error(project: Project, hook: Hook) -> None:
    """The last good ones go on, and it is told once."""
    jobs = "jobs:\n  - {name: j, triggers: [{every: 1 h}], alerts: [{on: failure, to: ops}]}\n"
    root = project({**MODELS, "jobs.yml": jobs}, settings=OPS)
    with bench(root, OPS=hook.url, SEAL="wax") as made:
        (root / "jobs.yml").write_text(jobs.replace("every: 1 h", "every: 1 century"))
        made.look(hours=1)
        made.send()
        made.look()
        made.send()
        assert made.states() == [("j", "ok")]
        assert made.service.broken == "`every` must be a span of time, not `1 century` (jobs.yml:2)"
        assert told(hook) == [("jobs.yml", "failure")]
        (root / "jobs.yml").write_text(jobs.replace("name: j", "name: k"))
        made.look()
        assert made.service.broken is None
        assert "the jobs were read again" in made.said
        made.look(hours=1)
        assert made.states() == [("j", "ok"), ("k", "ok")]


def test_a_job_that_is_gone(project: Project) -> None:
    root = project({**MODELS, "jobs.yml": "jobs: [{name: j}, {name: k}]\n"})
    with bench(root) as made:
        made.store.queue(NewRun(job="k", started_by="hand"), made.clock())
        (root / "jobs.yml").write_text("jobs: [{name: j}]\n")
        (run,) = made.look()
        assert (run.state, run.message) == ("cancelled", "there is no job `k` any more")


def test_the_same_thing_asked_for_twice(project: Project) -> None:
    root = project({**MODELS, "jobs.yml": "jobs: [{name: j}]\n"})
    with bench(root) as made:
        first = made.store.queue(NewRun(job="j", started_by="hand", idem="x"), made.clock())
        assert made.store.queue(NewRun(job="j", started_by="hand", idem="x"), made.clock()) == first
        assert len(made.look()) == 1


def test_vars_target_and_full_refresh_of_a_job(project: Project) -> None:
    settings = "  other: {type: duckdb, path: p.duckdb, schema: o}\nvars: {n: 1}\ndefault_target: dev\n"
    jobs = "jobs:\n  - {name: j, target: other, vars: {n: 7}, full_refresh: true}\n"
    sql = "{{ config(materialized='incremental') }} select {{ var('n') }} as n, {{ flags.FULL_REFRESH }} as f, '{{ target.name }}' as t"
    root = project({"models/a.sql": sql, "jobs.yml": jobs}, settings=settings)
    with bench(root) as made:
        for _ in range(2):
            made.store.queue(NewRun(job="j", started_by="hand"), made.clock())
            made.look()
        assert [state for _, state in made.states()] == ["ok", "ok"]
    assert rows(root, "select * from o.a") == [(7, True, "other")]


DAILY = {
    "seeds/e.csv": "ts,n\n2026-03-01 05:00:00,1\n2026-03-01 23:59:59,2\n2026-03-02 00:00:00,4\n2026-03-03 12:00:00,8\n",
    "models/d.sql": """\
{{ config(materialized='incremental', unique_key='day') }}
select cast(ts as date) as day, sum(n) as n, '{{ interval.start }}' as since, '{{ interval.end }}' as until
from e where ts >= '{{ interval.start }}' and ts < '{{ interval.end }}' group by 1
""",
    "jobs.yml": "jobs:\n  - {name: j, select: +d, triggers: [{cron: '0 0 * * *'}]}\n",
}


def test_the_interval_of_a_run(project: Project, eltflow: Callable[..., Any]) -> None:
    root = project(DAILY)
    assert eltflow("build", cwd=root).code == 0  # by hand it is about everything up to now
    assert rows(root, "select day::text, n::int, since[:10] from s.d order by 1") == [
        ("2026-03-01", 3, "1970-01-01"),
        ("2026-03-02", 4, "1970-01-01"),
        ("2026-03-03", 8, "1970-01-01"),
    ]
    with bench(root, "2026-03-02T23:00:00") as made:
        made.look(hours=2)
        assert made.states() == [("j", "ok")]
    assert rows(root, "select day::text, n::int, since, until from s.d where since not like '1970%'") == [
        ("2026-03-02", 4, "2026-03-02 00:00:00+00:00", "2026-03-03 00:00:00+00:00")
    ]


def test_a_backfill(project: Project, eltflow: Callable[..., Any]) -> None:
    root = project(DAILY)
    with bench(root, "2026-03-10T23:59:00"):
        pass
    words = ("backfill", "j", "2026-03-01", "2026-03-03T12:00")
    done = eltflow(*words, cwd=root)
    assert (done.code, done.out) == (0, "j: 3 runs queued\n")
    assert eltflow(*words, cwd=root).out == "j: 0 runs queued, 3 are still to do from before\n"
    with bench(root, "2026-03-11T00:01:00") as made:
        assert {run.state for run in made.runs()} == {"ok"}
        order = [said.split(" run ")[1][:8] for said in made.said if said.endswith(" begins")]
        runs = [made.store.run(id) for id in order]
        assert [(run.started_by, f"{run.interval_start:%d %H}", f"{run.interval_end:%d %H}") for run in runs] == [
            ("time", "10 00", "11 00"),  # what is due goes first
            ("backfill", "01 00", "02 00"),
            ("backfill", "02 00", "03 00"),
            ("backfill", "03 00", "03 12"),
        ]
    assert rows(root, "select day::text, n::int from s.d order by 1") == [("2026-03-01", 3), ("2026-03-02", 4)]
    assert eltflow(*words, cwd=root).out == "j: 3 runs queued\n"  # once it is done it may be done again
    assert eltflow(*words, "--cancel", cwd=root).out == "j: 3 runs cancelled\n"
    assert eltflow(*words, "--every", "2 h", cwd=root).out == "j: 30 runs queued\n"


@pytest.mark.parametrize(("type", "kind"), [("timestamp", "TIMESTAMP"), ("date", "DATE")])
def test_a_step_brings_in_the_rows_of_its_interval(project: Project, eltflow: Callable[..., Any], type: str, kind: str) -> None:
    """What came late into an interval is brought in by its backfill, and by no run after it."""
    step = (
        "steps: [{name: e, source: {kind: sql, connection: crm, table: e}, into: raw.e, load: merge, unique_key: id,"
        " cursor: {column: at, interval: true}}]\n"
    )
    files = {"ingest/i.yml": step, "jobs.yml": "jobs:\n  - {name: j, select: e, triggers: [{cron: '0 0 * * *'}]}\n"}
    root = project(files, settings="connections: {crm: {type: sqlite, path: crm.sqlite}}\n")

    def change(*rows: tuple[int, str]) -> None:
        with closing(sqlite3.connect(root / "crm.sqlite")) as con:
            con.execute(f"create table if not exists e (id integer primary key, at {type})")
            con.executemany("insert or replace into e values (?, ?)", [(id, at[:10] if type == "date" else at) for id, at in rows])
            con.commit()

    def there() -> list[int]:
        return [row[0] for row in rows(root, "select id from s_raw.e order by 1")]

    change((1, "2026-03-01 05:00:00"))
    assert eltflow("ingest", cwd=root).code == 0
    (root / "jobs.yml").write_text("jobs:\n  - {name: h, select: e, triggers: [{every: 1 h}]}\n")
    with bench(root, "2026-03-01T09:00:00") as made:
        change((9, "2026-03-01 09:30:00"))
        made.look(hours=1)
        assert {state for _, state in made.states()} == {"ok"}
    assert there() == [1, 9]  # an interval within a day
    (root / "jobs.yml").write_text(files["jobs.yml"])
    change((2, "2026-03-01 06:00:00"), (3, "2026-03-02 05:00:00"), (4, "2026-03-03 00:00:00"))
    with bench(root, "2026-03-02T23:00:00") as made:
        made.look(hours=2)
        assert {state for _, state in made.states()} == {"ok"}
    assert there() == [1, 3, 9]
    assert eltflow("backfill", "j", "2026-03-01", "2026-03-02", cwd=root).out == "j: 1 run queued\n"
    with bench(root, "2026-03-03T01:00:00") as made:
        made.look()
    assert there() == [1, 2, 3, 9]
    assert rows(root, "select data_type from duckdb_columns() where table_name = 'e' and column_name = 'at'") == [(kind,)]
    assert eltflow("ingest", cwd=root).code == 0  # by hand it goes on from where it was, whatever jobs brought in between
    assert there() == [1, 2, 3, 4, 9]


def test_an_interval_is_of_times(project: Project, eltflow: Callable[..., Any]) -> None:
    step = (
        "steps: [{name: e, source: {kind: sql, connection: crm, table: e}, into: raw.e, load: merge, unique_key: id,"
        " cursor: {column: id, interval: true}}]\n"
    )
    files = {"ingest/i.yml": step, "jobs.yml": "jobs:\n  - {name: j, select: e, triggers: [{cron: '0 0 * * *'}]}\n"}
    root = project(files, settings="connections: {crm: {type: sqlite, path: crm.sqlite}}\n")
    with closing(sqlite3.connect(root / "crm.sqlite")) as con:
        con.execute("create table e (id integer primary key)")
    assert eltflow("ingest", cwd=root).code == 0
    with bench(root, "2026-03-02T23:00:00") as made:
        made.look(hours=2)
        assert made.states() == [("j", "failed")]
        assert any("the cursor `id` is BIGINT, and a run's interval is of times" in said for said in made.said), made.said


def test_new_files(project: Project) -> None:
    root = project({**MODELS, "landing/old.csv": "1", "jobs.yml": "jobs:\n  - {name: j, triggers: [{files: 'landing/*.csv'}]}\n"})
    with bench(root) as made:
        made.look(seconds=3)
        assert made.look(seconds=3) == []  # what is there when a job is first met is not new
        (root / "landing" / "a.csv").write_text("1")
        assert made.look(seconds=3) == []  # it may still be written to
        (root / "landing" / "a.csv").write_text("1,2")
        assert made.look(seconds=3) == []
        (run,) = made.look(seconds=3)
        assert (run.state, run.started_by) == ("ok", "files: landing/a.csv")
        assert len(made.look(seconds=30)) == 1
        (root / "landing" / "b.txt").write_text("1")  # no file of the pattern
        (root / "landing" / "a.csv").unlink()
        made.look(seconds=3)
        assert len(made.look(seconds=3)) == 1
    (root / "landing" / "old.csv").write_text("2")
    (root / "landing" / "c.csv").write_text("1")
    with bench(root, "2026-03-10T09:00:00") as made:  # what came while it was down
        made.look(seconds=3)
        made.look(seconds=3)
        assert [run.started_by for run in made.runs()] == ["files: landing/a.csv", "files: landing/c.csv, landing/old.csv"]


def test_a_connection_that_cannot_be_used_keeps_no_other_from_hearing(project: Project, hook: Hook) -> None:
    jobs = "jobs:\n  - {name: j, alerts: [{on: failure, to: odd}, {on: failure, to: ops}]}\n"
    odd = "  odd: {type: webhook, url: 'http://127.0.0.1:1/gehört', headers: {X-Odd: 'ü→'}}\n"
    root = project({"models/a.sql": FAILS, "jobs.yml": jobs}, settings=OPS + odd)
    with bench(root, OPS=hook.url, SEAL="wax") as made:
        made.store.queue(NewRun(job="j", started_by="hand"), made.clock())
        made.look(minutes=1)
        made.send()
        assert told(hook) == [("j", "failure")]
        assert any("odd was not told of the failure" in said for said in made.said), made.said


def test_a_wait_of_centuries_is_no_wait(project: Project, eltflow: Callable[..., Any]) -> None:
    jobs = "jobs:\n  - {name: j, alerts: [{on: failure, to: ops, group_wait: 4000000 days}]}\n"
    root = project({**MODELS, "jobs.yml": jobs}, settings=OPS)
    checked = eltflow("jobs", "--check", cwd=root, env={"OPS": "http://127.0.0.1:9", "SEAL": "wax"})
    assert checked.code == 2
    assert "`group_wait` cannot be `4000000 days`" in checked.text
    assert "help: write 3650 days or less" in checked.text


def test_stale_sources_are_told(project: Project, hook: Hook) -> None:
    jobs = (
        "jobs:\n  - {name: j, command: freshness, retries: {attempts: 3}, alerts: [{on: [failure, recovery, warning], to: ops}]}\n"
    )
    limits = "{warn_after: {count: 1, period: hour}, error_after: {count: 1, period: day}}"
    described = f"sources: [{{name: crm, schema: main, loaded_at_field: loaded, freshness: {limits}, tables: [{{name: t}}]}}]\n"
    root = project({"models/s.yml": described, "jobs.yml": jobs}, settings=OPS)
    rows(root, "create table t as select timestamptz '2026-01-01 00:00:00+00' as loaded")
    with bench(root, OPS=hook.url, SEAL="wax") as made:
        for at in ("2026-01-01 00:00", "2026-03-10 06:00", "2026-03-10 08:02"):  # by the service's clock, which stands at 08:00
            rows(root, f"update t set loaded = timestamptz '{at}:00+00'")
            made.store.queue(NewRun(job="j", started_by="hand"), made.clock())
            made.look(minutes=1)
        made.send()
        assert [(run.state, run.attempt, run.message) for run in made.runs()] == [
            ("failed", 1, "crm.t: its latest row is of 2026-01-01 00:00 UTC"),
            ("ok", 1, None),
            ("ok", 1, None),
        ]
    assert told(hook) == [("j", "failure"), ("j", "recovery"), ("j", "warning")]


def test_one_service_runs_a_project(project: Project) -> None:
    root = project({**MODELS, "jobs.yml": HOURLY})
    options = api.new_options()
    now = lambda: dt.datetime(2026, 1, 1, tzinfo=dt.UTC)  # noqa: E731
    assert not is_serving(root, options)
    with serving(root, options, now):
        assert is_serving(root, options)
        with pytest.raises(EltflowError) as caught, serving(root, options, now):
            pass
        message = caught.value.diagnostics[0]
        assert message.code == "E0907"
        assert message.message == f"this project is served already: process {os.getpid()} of me since 2026-01-01T00:00:00+00:00"
    assert not is_serving(root, options)


def test_state_on_a_network(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        f"/dev/sda1 / ext4 rw 0 0\nserver:/home {tmp_path}/far\\040away nfs4 rw 0 0\ntmpfs {tmp_path}/far\\040away/near tmpfs rw 0 0\n"
    )
    assert network_file_system(tmp_path / "far away" / "p" / ".eltflow", str(mounts)) == "nfs4"
    assert network_file_system(tmp_path / "far away" / "near" / ".eltflow", str(mounts)) is None
    assert network_file_system(tmp_path / "p", str(mounts)) is None
    assert network_file_system(tmp_path / "p", str(tmp_path / "missing")) is None


def test_a_service_of_a_broken_project_does_not_begin(project: Project) -> None:
    root = project({**MODELS, "jobs.yml": "jobs: [{nam: j}]\n"})
    with pytest.raises(EltflowError):
        Service(root, api.new_options(), now=lambda: dt.datetime.now(dt.UTC), say=print)
