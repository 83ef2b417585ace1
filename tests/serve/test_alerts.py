"""Who is told of what: by owner and severity, once, together, and not while it is muted."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from served import Bench, Hook, bench

from eltflow.api.jobs import Jobs, open_jobs
from eltflow.schedule.jobs import Alert, Job
from eltflow.serve.alerts import Muted, alerts_of_end, note_of
from eltflow.serve.attempt import Ended, Finding, of_the_run
from eltflow.state.jobs import JobRun, Mute, NewAlert, NewRun
from eltflow.state.lock import run_lock

Project = Callable[..., Path]
Run = Callable[..., Any]
NOTHING = Muted()
NOW = dt.datetime(2026, 3, 1, 8, tzinfo=dt.UTC)
OPS = "connections:\n  ops: {type: webhook, url: \"{{ env_var('OPS') }}\"}\n  us: {type: webhook, url: \"{{ env_var('US', 'http://x') }}\"}\n"


@pytest.fixture
def jobs(project: Project) -> Jobs:
    from eltflow import api

    return open_jobs(project({"models/a.sql": "select 1 as id"}), api.new_options())


def a_run() -> JobRun:
    times = dict.fromkeys(("slot", "interval_start", "interval_end", "created_at", "started_at", "ended_at", "not_before"))
    more: dict[str, Any] = {"id": "12345678-x", "job": "j", "state": "running", "started_by": "hand", "cause": None, "attempt": 1}
    return JobRun(**{**times, **more, "interruptions": 0, "message": None, "cancel_asked": 0, "backfill": None})


def bad(name: str, *owners: str, severity: Any = "error", message: str = "no") -> Finding:
    return Finding(node=f"model.p.{name}", name=name, message=message, severity=severity, owners=frozenset(owners))


class Told:
    """Runs of a job that end one after the other, an hour apart; gives what each tells: (connection, occasion, what of)."""

    def __init__(self, jobs: Jobs, *rules: Alert) -> None:
        self.jobs, self.job = jobs, Job(name="j", alerts=rules)
        self.told: Any = {}
        self.now = NOW

    def end(
        self, *findings: Finding, through: Iterable[str] = (), mute: Muted = NOTHING, message: str | None = None
    ) -> list[tuple]:
        return [
            self.shown(alert) for alert in self.alerts(*findings, through=through, mute=mute, message=message) if not alert.muted
        ]

    def alerts(
        self,
        *findings: Finding,
        through: Iterable[str] = (),
        mute: Muted = NOTHING,
        message: str | None = None,
    ) -> list[NewAlert]:
        failed = message is not None or any(one.severity == "error" for one in findings)
        warned = any(one.severity == "warn" for one in findings)
        ended = Ended(outcome="failed" if failed else "ok", message=message, warned=warned, findings=findings)
        self.now += dt.timedelta(hours=1)
        given: Any = {"told": self.told, "mute": mute, "now": self.now}
        found, self.told = alerts_of_end(self.jobs, self.job, a_run(), ended, through={f"model.p.{n}" for n in through}, **given)
        return found

    @staticmethod
    def shown(alert: NewAlert) -> tuple[str, str, Any]:
        what = [one["node"] for one in alert.body["failures"]] or alert.body["message"]
        return alert.destination, alert.occasion, what


def on(occasions: str, to: str, *owner: str, **more: Any) -> Alert:
    named: Any = tuple(occasions.split())
    return Alert(on=named, to=to, owner=owner, **more)


def test_each_owner_hears_of_what_is_theirs(jobs: Jobs) -> None:
    told = Told(
        jobs, on("failure recovery", "ops"), on("failure recovery", "fin", "finance", "cfo@x"), on("failure", "us", "sales")
    )
    assert told.end(bad("a", "finance"), bad("b", "sales"), bad("c")) == [
        ("ops", "failure", ["a", "b", "c"]),
        ("fin", "failure", ["a"]),
        ("us", "failure", ["b"]),
    ]
    assert told.end(bad("a", "finance"), bad("c"), through="b") == []  # `us` did not ask for recoveries
    assert told.end(bad("c"), through="ab") == [("fin", "recovery", "through again: a")]  # theirs is, though the job is not
    assert told.end() == [("ops", "recovery", "it is through again")]
    assert told.end() == []
    assert told.told == {}


def test_what_is_of_no_node_concerns_everybody(jobs: Jobs) -> None:
    told = Told(jobs, on("failure recovery", "fin", "finance"))
    assert told.end(message="E0203: there is no such thing") == [("fin", "failure", "E0203: there is no such thing")]
    assert told.end(message="E0203: there is no such thing") == []
    assert told.end(message="timed out") == [("fin", "failure", "timed out")]  # it is something else
    assert told.end() == [("fin", "recovery", "it is through again")]
    assert told.end(of_the_run("timed out"), bad("a", "sales"), message="timed out") == [("fin", "failure", "timed out")]


def test_severities(jobs: Jobs) -> None:
    """What warns in a run that failed is told too, to those who hear of warnings."""
    told = Told(jobs, on("failure", "ops"), on("warning", "us"))
    assert told.end(bad("a"), bad("t", severity="warn")) == [("ops", "failure", ["a"]), ("us", "warning", ["t"])]
    assert told.end(bad("a"), bad("t", severity="warn")) == []
    assert told.end(bad("t"), through="a") == [("ops", "failure", ["t"])]  # it fails by now
    assert told.end(bad("t", severity="warn")) == [("us", "warning", ["t"])]
    (alert,) = told.alerts(bad("x", severity="warn"), bad("t", severity="warn"))
    assert (alert.body["severity"], alert.body["message"]) == ("warn", "it is through, with warnings")
    assert note_of([alert.body]).text == "it is through, with warnings\n- x: no\n- and 1 of which you know\nrun 12345678"


def test_a_node_that_goes_on_failing_is_told_once(jobs: Jobs) -> None:
    told = Told(
        jobs,
        on("failure", "ops"),
        on("failure", "daily", repeat_interval=7200.0),
        on("failure", "always", repeat_interval=0.0),
    )
    every = [("ops", "failure", ["a"]), ("daily", "failure", ["a"]), ("always", "failure", ["a"])]
    assert told.end(bad("a")) == every
    assert told.end(bad("a")) == [every[2]]
    assert told.end(bad("a"), bad("b")) == [
        ("ops", "failure", ["b"]),
        ("daily", "failure", ["a", "b"]),
        ("always", "failure", ["a", "b"]),
    ]
    assert told.end(bad("b")) == [("always", "failure", ["b"])]  # a was not come to
    assert told.end(bad("a"), through="b") == [("daily", "failure", ["a"]), ("always", "failure", ["a"])]
    told.end(through="a")
    assert told.end(bad("a")) == every  # it was through


def test_what_is_muted(jobs: Jobs) -> None:
    told = Told(jobs, on("failure recovery", "ops"))
    one = Muted(nodes=frozenset({"model.p.a"}))
    assert told.end(bad("a"), mute=one) == []
    assert told.end(bad("a"), bad("b"), mute=one) == [("ops", "failure", ["b"])]
    assert told.end(bad("a"), bad("b")) == [("ops", "failure", ["a"])]  # by itself it is over
    assert told.end(bad("c"), through="ab", mute=Muted(job=True)) == []
    (alert,) = told.alerts(bad("c"))
    assert told.shown(alert) == ("ops", "failure", ["c"])
    (alert,) = told.alerts(mute=Muted(job=True))
    assert (alert.occasion, alert.muted) == ("recovery", True)  # it is written down, and told to nobody
    assert told.end(bad("a"), bad("b")) == [("ops", "failure", ["a", "b"])]
    assert told.end(bad("b"), through="a", mute=one) == []
    assert told.end(mute=Muted(nodes=frozenset({"model.p.b"}))) == []  # of neither anything is told any more
    assert told.end(bad("c"), mute=Muted(job=True)) == []
    assert told.end() == []  # nobody was told of the failure
    assert told.told == {}


def test_a_recovery_is_told_to_those_whom_the_rule_concerns(jobs: Jobs) -> None:
    """Of several rules of one connection each looks at what it is about, and at what was told of that."""
    told = Told(jobs, on("failure", "chat", "sales"), on("recovery", "chat", "finance"))
    assert told.end(bad("s", "sales"), bad("f", "finance")) == [("chat", "failure", ["s"])]
    assert told.end() == []  # nobody was told that theirs failed
    told = Told(jobs, on("failure", "chat"), on("recovery", "chat", "finance"))
    assert told.end(bad("s", "sales"), bad("f", "finance")) == [("chat", "failure", ["s", "f"])]
    assert told.end(bad("s", "sales"), through="f") == [("chat", "recovery", "through again: f")]  # whatever sales does
    assert told.end() == []
    told = Told(jobs, on("failure recovery", "chat", "finance"), on("failure", "chat", "sales"))
    assert told.end(bad("s", "sales")) == [("chat", "failure", ["s"])]
    assert told.end() == []


def test_a_recovery_waits_for_all_that_the_rule_is_about(jobs: Jobs) -> None:
    told = Told(jobs, on("failure recovery", "fin", "finance"), on("failure recovery", "ops"), on("recovery", "bot"))
    assert told.end(bad("a", "finance"), bad("b", "finance")) == [("fin", "failure", ["a", "b"]), ("ops", "failure", ["a", "b"])]
    assert told.end(bad("b", "finance"), through="a") == []
    assert told.end(bad("c"), through="b") == [("ops", "failure", ["c"]), ("fin", "recovery", "through again: a, b")]
    assert told.end(bad("c"), bad("a", "finance"), through="b") == [("fin", "failure", ["a"]), ("ops", "failure", ["a"])]
    assert told.end() == [(to, "recovery", text) for to, text in (("fin", "through again: a"), *every("ops", "bot"))]
    assert told.end() == []
    # What was told stays open where the job then fails for what nobody hears of.
    assert told.end(bad("c")) == [("ops", "failure", ["c"])]
    assert told.end(bad("d"), through="c", mute=Muted(nodes=frozenset({"model.p.d"}))) == []
    assert told.end() == [(to, "recovery", text) for to, text in every("ops", "bot")]


def every(*connections: str) -> list[tuple[str, str]]:
    return [(to, "it is through again") for to in connections]


MUTES = "jobs: [{name: j, alerts: [{on: [failure, recovery], to: ops, group_wait: 10 min}]}]\n"


def test_what_is_muted_while_its_alert_waits(project: Project, hook: Hook) -> None:
    """It is not told, and told after all if it fails when the mute has ended; of several nodes the others are told."""
    broken = "{{ config(materialized='table') }} select error('no') as id"
    root = project({"models/a.sql": broken, "models/b.sql": broken, "jobs.yml": MUTES}, settings=OPS)
    until = dt.datetime(2026, 3, 10, 10, tzinfo=dt.UTC)
    with bench(root, OPS=hook.url) as made:

        def mute(kind: Any, name: str) -> None:
            made.store.mute(Mute(kind=kind, name=name, until=until, reason="x", since=made.clock(), who="me"))

        again(made, "j")
        mute("job", "j")
        made.clock.go(minutes=15)
        made.send()
        assert (heard(hook), made.store.alert_counts()) == ([], {("failure", "muted"): 1})
        made.store.unmute("job", "j", made.clock())
        again(made, "j")
        mute("node", "model.p.a")
        made.clock.go(minutes=15)
        made.send()
        ((body, _),) = hook.bodies
        assert json.loads(body)["eltflow"]["message"] == "model `b`: Invalid Input Error: no"
        assert heard(hook) == [("j", "failure", ["b"])]
        made.clock.go(hours=2)
        again(made, "j")
        made.clock.go(minutes=15)
        made.send()
        assert heard(hook) == [("j", "failure", ["a"])]


def test_a_deadline_that_passes_while_the_job_is_muted(project: Project, hook: Hook) -> None:
    """It is told once that is over, if the run still is not done; and whatever number of runs wait behind it."""
    jobs = "jobs:\n  - {name: j, deadline: '10:00', triggers: [{cron: '0 9 * * *'}], alerts: [{on: deadline, to: ops}]}\n"
    root = project({"models/a.sql": "select 1 as id", "jobs.yml": jobs}, settings=OPS)
    with bench(root, OPS=hook.url) as made, run_lock("duckdb:" + str((root / "p.duckdb").resolve()), os.environ):
        until = dt.datetime(2026, 3, 10, 12, tzinfo=dt.UTC)
        made.store.mute(Mute(kind="job", name="j", until=until, reason="x", since=made.clock(), who="me"))
        for _ in range(3):
            made.look(hours=1)
        made.send()
        assert heard(hook) == []
        newer = "insert into job_run (id, job, state, started_by, created_at) values (?, 'x', 'queued', 'hand', '2026-03-10T13:00')"
        made.store._connection.executemany(newer, [(f"x{n}",) for n in range(1100)])
        made.service.stopping.set()  # begin nothing
        for _ in range(3):
            made.look(hours=1)
            made.send()
        assert heard(hook) == [("j", "deadline", [])]


def test_several_in_one_message(jobs: Jobs) -> None:
    told = Told(jobs, on("failure", "ops", group_wait=60.0), on("failure", "us", group_wait=60.0), on("failure", "us"))
    ops, us = told.alerts(bad("a"), bad("b", message="never"))
    assert ops.gather == told.now + dt.timedelta(minutes=1)
    assert us.gather is None  # somebody is to hear at once
    assert note_of([ops.body]).title == "p: job j failed"
    note = note_of([ops.body, {**us.body, "job": "k", "occasion": "warning", "severity": "warn"}])
    assert (note.title, note.severity) == ("p: 2 alerts: 1 failed, 1 warned", "error")
    assert note.text.startswith("job j failed\na: no, and 1 more\n- a: no\n- b: never\nrun 12345678\n\njob k warned\n")
    assert [one["job"] for one in note.facts["alerts"]] == ["j", "k"]


OWNED = {
    "models/a.sql": "{{ config(materialized='table', meta={'owner': 'ann'}) }} select error('no') as id\n",
    "models/b.sql": "{{ config(materialized='table', group='finance') }} select error('no') as id\n",
    "models/c.sql": "select 1 as id\n",
    "models/p.yml": "groups: [{name: finance, owner: {name: Fin, email: [cfo@example.com]}}]\n"
    "models:\n"
    "  - {name: c, config: {group: finance}, columns: [{name: id, data_tests: ["
    "{accepted_values: {values: [2], config: {severity: warn}}}]}]}\n",
}


def heard(hook: Hook) -> list[tuple[str, str, list[str]]]:
    bodies = [json.loads(body)["eltflow"] for body, _ in hook.bodies]
    hook.bodies.clear()
    return [(b["job"], b["occasion"], sorted(one["node"] for one in b["failures"])) for b in bodies]


def again(made: Bench, *jobs: str) -> None:
    for job in jobs:
        made.store.queue(NewRun(job=job, started_by="hand"), made.clock())
        made.look(minutes=1)
    made.send()


def test_from_the_project_to_those_who_own_it(project: Project, eltflow: Run, hook: Hook) -> None:
    """Through a service: owners by `meta`, by groups and by what a test tests; what was told and muted outlives the process."""
    alerts = "{on: [failure, warning], to: ops, owner: [cfo@example.com]}, {on: failure, to: us, owner: ann, group_wait: 10 min}"
    text = f"jobs:\n  - {{name: j, alerts: [{alerts}]}}\n  - {{name: k, select: a, alerts: [{{on: failure, to: us, group_wait: 1 h}}]}}\n"
    root = project({**OWNED, "jobs.yml": text}, settings=OPS)
    urls = {"OPS": hook.url, "US": hook.url}
    with bench(root, **urls) as made:
        again(made, "j", "k")
        assert heard(hook) == [("j", "failure", ["b"]), ("j", "warning", ["accepted_values_c_id__2"])]
        made.clock.go(minutes=7)
        made.send()
        assert heard(hook) == []
        made.clock.go(minutes=2)  # ten since the first
        made.send()
        ((body, _),) = hook.bodies
        note = json.loads(body)
        assert note["title"] == "p: 2 alerts: 2 failed"
        assert [(one["job"], one["failures"][0]["node"]) for one in note["eltflow"]["alerts"]] == [("j", "a"), ("k", "a")]
        hook.bodies.clear()
    with bench(root, "2026-03-10T10:00:00", **urls) as made:
        again(made, "j", "k")
        made.clock.go(hours=2)
        made.send()
        assert heard(hook) == []  # nothing that is new
        (root / "models" / "b.sql").write_text("{{ config(group='finance') }} select 1 as id")
        assert eltflow("mute", "k", "--until", "2100-01-01", cwd=root).code == 0
        (root / "models" / "d.sql").write_text(
            "{{ config(materialized='table', meta={'owner': {'name': 'ann'}}) }} select error('no') as id"
        )
        (root / "models" / "a.sql").write_text("{{ config(meta={'owner': 'ann'}) }} select 1 as id")
        again(made, "j", "k")
        (root / "models" / "a.sql").write_text(OWNED["models/a.sql"])
        again(made, "k")
        made.clock.go(hours=2)
        made.send()
        assert heard(hook) == [("j", "failure", ["d"])]
        assert made.store.alert_counts()["failure", "muted"] == 1


KEPT = """\
secrets: {type: files, path: run}
connections:
  ops: {type: webhook, url: "{{ secret('hook') }}"}
"""


def test_an_alert_by_a_secret_that_is_out_of_reach(project: Project, hook: Hook) -> None:
    """It is told once that can be asked for; nobody is told what it is."""
    files = {"models/a.sql": OWNED["models/a.sql"], "jobs.yml": "jobs: [{name: j, alerts: [{on: failure, to: ops}]}]\n"}
    root = project(files, settings=KEPT)
    with bench(root) as made:
        again(made, "j")
        assert made.said[-1] == "j: ops was not told of the failure: there is no folder `run` of secrets, again later"
        (root / "run").mkdir()
        (root / "run" / "hook").write_text("http://127.0.0.1:9/t0ps3cret\n")
        made.clock.go(minutes=1)
        made.send()
        assert made.said[-1].startswith("j: ops was not told of the failure: no answer (")
        (root / "run" / "hook").write_text(f"{hook.url}\n")
        made.service.options.read_secrets.clear()  # five minutes later
        made.clock.go(minutes=1)
        made.send()
        assert len(hook.bodies) == 1
        assert "t0ps3cret" not in "".join(made.said)


def test_a_run_whose_secrets_are_out_of_reach_is_tried_again(project: Project) -> None:
    target = "{type: duckdb, path: p.duckdb, schema: s, settings: {custom_user_agent: \"{{ secret('agent') }}\"}}"
    settings = f"name: p\nsecrets: {{type: files, path: run}}\ntargets:\n  dev: {target}\n"
    jobs = "jobs: [{name: j, retries: {attempts: 3, backoff: 1 s}}]\n"
    root = project({"eltflow.yml": settings, "models/a.sql": "select 1 as id", "jobs.yml": jobs})
    with bench(root) as made:
        made.service.keeping.look(made.service.jobs)
        assert made.service.keeping.broken is None  # that is not the project's fault
        again(made, "j")
        (run,) = made.runs()
        assert (run.state, run.attempt, run.message) == ("queued", 1, "E0312: there is no folder `run` of secrets (eltflow.yml:4)")
        (root / "run").mkdir()
        (root / "run" / "agent").write_text("x")
        (run,) = made.look(seconds=5)
        assert (run.state, run.attempt) == ("ok", 2)
