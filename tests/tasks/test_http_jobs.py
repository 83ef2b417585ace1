"""Jobs that an API runs, as nodes of the graph: a real client against a real server, whose jobs are a fake."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from api_server import Api, Asked, Reply
from ran import Ran

Project = Callable[..., Path]
Eltflow = Callable[..., Ran]
MODELS = {"models/a.sql": "select 1 as id\n", "models/b.sql": "select id from a\n"}
TOKEN = "t0ken of the api"


class Jobs:
    """A server whose jobs take so many looks; under one idempotency key it starts one."""

    def __init__(self, api: Api, looks: int = 3, end: str = "SUCCEEDED") -> None:
        self.api = api
        self.looks, self.end = looks, end
        self.states: dict[str, Iterator[str]] = {}
        self.keys: dict[str, str] = {}
        self.cancelled: list[str] = []
        self.keyless = False
        api.answers["/v1/jobs"] = self.start

    def start(self, asked: Asked) -> Any:
        key = asked.headers["idempotency-key"] if not self.keyless else str(len(self.keys))
        if key not in self.keys:
            id = f"job/{len(self.keys) + 1}"
            self.keys[key] = id
            self.states[id] = itertools.chain(["QUEUED"] * self.looks, itertools.repeat(self.end))
            path = f"/v1/jobs/job%2F{len(self.keys)}"
            self.api.answers[path] = lambda asked: self.look(asked, id)
        return {"job": {"id": self.keys[key]}}

    def look(self, asked: Asked, id: str) -> Any:
        if asked.method == "DELETE":
            self.cancelled.append(id)
            return Reply(status=204)
        return {"job": {"state": next(self.states[id])}, "why": "no space left"}


@pytest.fixture
def api() -> Iterator[Api]:
    with closing(Api()) as made:
        yield made


def job(**more: Any) -> dict[str, Any]:
    made = {
        "connection": "bi",
        "start": {"path": "/jobs", "body": {"cube": "{{ var('cube', 'sales') }}"}, "id": "job.id"},
        "poll": {"path": "/jobs/{id}", "state": "job.state", "every": 0.05},
        "done": ["SUCCEEDED", "SKIPPED"],
        "failed": "FAILED",
        "cancel": {"path": "/jobs/{id}", "method": "delete"},
        "timeout": 30,
    }
    return {"name": "cube", "http_job": {key: one for key, one in (made | more).items() if one is not None}, "targets": ["dev"]}


def files(api: Api | None, *entries: dict[str, Any]) -> dict[str, str]:
    return {**MODELS, "tasks/t.yml": json.dumps({"tasks": entries})}


def settings(api: Api | None) -> str:
    url = f"{api.url}/v1" if api is not None else "http://127.0.0.1:1"
    bi = {"type": "rest", "url": url, "retries": 0, "auth": {"type": "bearer", "token": TOKEN}}
    return f"connections: {{bi: {json.dumps(bi)}, mail: {{type: smtp}}}}\n"


def test_it_is_started_and_waited_for(project: Project, eltflow: Eltflow, api: Api) -> None:
    jobs = Jobs(api)
    after = {"name": "then", "command": [sys.executable, "-c", "print('after it')"], "after": ["cube"], "targets": ["dev"]}
    root = project(files(api, job() | {"reads": ["b"]}, after), settings=settings(api))
    done = eltflow("task", cwd=root)
    assert done.code == 0, done.text
    assert "`cube`: the job job/1 is through: SUCCEEDED" in done.out
    assert "printed: after it" in done.out
    first, *looks = api.asked
    assert (first.method, first.path, first.body) == ("POST", "/v1/jobs", {"cube": "sales"})
    assert first.headers["authorization"] == f"Bearer {TOKEN}"
    assert {(one.method, one.path) for one in looks} == {("GET", "/v1/jobs/job%2F1")}
    assert len(looks) == 4
    assert jobs.cancelled == []
    assert TOKEN not in done.text + (root / "target/manifest.json").read_text()


def test_many_wait_without_a_thread_each(project: Project, eltflow: Eltflow, api: Api) -> None:
    Jobs(api, looks=2)
    several = [job() | {"name": f"cube{n}"} for n in range(40)]
    most, stop = [0], threading.Event()

    def watch() -> None:
        while not stop.wait(0.01):
            most[0] = max(most[0], threading.active_count())

    threading.Thread(target=watch, daemon=True).start()
    root = project(files(api, *several), settings=settings(api))
    done = eltflow("task", "--threads", "2", cwd=root)
    stop.set()
    assert done.code == 0, done.text
    assert len([one for one in api.asked if one.method == "POST"]) == 40


@pytest.mark.parametrize("end", ["FAILED", "RUNNING"])
def test_it_fails_or_takes_too_long(project: Project, eltflow: Eltflow, api: Api, end: str) -> None:
    jobs = Jobs(api, end=end)
    failed = eltflow("task", cwd=project(files(api, job(timeout=1)), settings=settings(api)))
    assert failed.code == 1
    if end == "FAILED":
        assert 'the job job/1 ended as `FAILED`: {"job": {"state": "FAILED"}, "why": "no space left"}' in failed.text
        assert jobs.cancelled == []
    else:
        assert "the job job/1 has not ended in time: it is `RUNNING`" in failed.text
        assert jobs.cancelled == ["job/1"]
    assert "tasks/t.yml:1" in failed.text


def test_looks_count_together(project: Project, eltflow: Eltflow, api: Api) -> None:
    """The time that a node may take is for all of them, whether it is over during a look or between two; `--timeout` too."""
    jobs = Jobs(api, looks=10_000)
    patient = job(poll={"path": "/jobs/{id}", "state": "job.state", "every": 60}) | {"config": {"timeout": 0.4}}
    root = project(files(api, job() | {"config": {"timeout": 0.4}}, patient | {"name": "slow"}), settings=settings(api))
    began = time.monotonic()
    done = eltflow("task", "--select", "cube", "slow", cwd=root)
    assert time.monotonic() - began < 20
    assert done.code == 1
    assert done.out.count("timed out after ") + done.err.count("timed out after ") >= 2, done
    assert sorted(jobs.cancelled) == ["job/1", "job/2"]
    done = eltflow(
        "task",
        "--select",
        "cube",
        "--timeout",
        "0.3",
        "--vars",
        "{x: 1}",
        cwd=project(files(api, job()), settings=settings(api), name="q"),
    )
    assert "timed out after " in done.out + done.err


def test_a_look_that_fails_is_made_again(project: Project, eltflow: Eltflow, api: Api) -> None:
    jobs = Jobs(api)
    replies = iter([Reply(status=503), Reply(b"x", cut=0), Reply(status=500)])
    original = jobs.look

    def sometimes(asked: Asked, id: str) -> Any:
        return next(replies, None) or original(asked, id)

    jobs.look = sometimes  # type: ignore[method-assign]
    done = eltflow("task", cwd=project(files(api, job()), settings=settings(api)))
    assert done.code == 0, done.text
    assert len(jobs.keys) == 1


@pytest.mark.parametrize(
    ("change", "answer", "message"),
    [
        ({"start": {"path": "/jobs", "id": "job.nr"}}, None, "/jobs: the answer has no id of a job at `job.nr`"),
        (
            {"poll": {"path": "/jobs/{id}", "state": "state", "every": 0}},
            None,
            "/jobs/{id}: the answer has no state of the job at `state`",
        ),
        ({"start": {"path": "/nope", "id": "job.id"}}, None, "/v1/nope: it answers 404"),
        ({}, Reply({"job": {"id": None}}), "/jobs: the answer has no id of a job at `job.id`"),
        ({}, Reply(b"<html>", 401), "/v1/jobs: it answers 401"),
        ({}, Reply(b"{", 200), "/jobs: the answer has no id"),
    ],
)
def test_answers_that_are_none(project: Project, eltflow: Eltflow, api: Api, change: Any, answer: Any, message: str) -> None:
    Jobs(api)
    if answer is not None:
        api.answers["/v1/jobs"] = lambda asked: answer
    failed = eltflow("task", cwd=project(files(api, job(**change)), settings=settings(api)))
    assert failed.code == 1, failed.text
    assert message in failed.text
    assert TOKEN not in failed.text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"connection": "by"}, "error[E0118]: there is no connection `by`"),
        ({"connection": "mail"}, "error[E0701]: no runner is called `smtp`"),
        ({"poll": {"path": "/jobs", "state": "x"}}, "error[E0103]: nothing in `path` says which job is meant"),
        ({"failed": ["SKIPPED"]}, "error[E0103]: `SKIPPED` is a state of success too"),
        ({"done": None}, "error[E0103]: `http_job` has no `done`"),
        ({"start": {"path": "/jobs"}}, "error[E0103]: `start` has no `id`"),
        ({"poll": {"path": "/j/{id}", "state": "x", "verb": "get"}}, "error[E0104]: `poll` has no key `verb`"),
    ],
)
def test_settings_that_are_wrong(project: Project, eltflow: Eltflow, change: Any, message: str) -> None:
    failed = eltflow("task", cwd=project(files(None, job(**change)), settings=settings(None)))
    assert failed.code == 2
    assert message in failed.text
    assert "tasks/t.yml:1" in failed.text or "eltflow.yml:" in failed.text


def test_what_means_nothing_to_it(project: Project, eltflow: Eltflow) -> None:
    entry = job() | {"memory_mb": 100, "timeout": 3}
    failed = eltflow("parse", cwd=project(files(None, entry), settings=settings(None)))
    assert "`memory_mb` means nothing to a task that waits" in failed.text
    assert "write it below `http_job:`" in failed.text


@pytest.mark.parametrize("cancel", [True, False])
def test_a_run_that_ends_cancels_it(project: Project, api: Api, cancel: bool) -> None:
    jobs = Jobs(api, end="RUNNING")
    root = project(files(api, job() if cancel else job(cancel=None)), settings=settings(api))
    words = [str(Path(sys.executable).with_name("eltflow")), "task"]
    process = subprocess.Popen(words, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    until = time.monotonic() + 60
    while len(api.asked) < 4 and time.monotonic() < until:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 130, text
    assert jobs.cancelled == (["job/1"] if cancel else [])
    assert f"`cube`: the job job/1 {'was cancelled' if cancel else 'runs on: nothing says how to cancel it'}" in text


def test_a_run_begun_again_asks_under_the_same_name(project: Project, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that is lost while a job runs there asks for it by the key of before; an attempt after a failure by another."""
    from eltflow import api as project_api
    from eltflow.serve.service import Service
    from eltflow.state.jobs import NewRun

    jobs = Jobs(api, looks=1, end="FAILED")
    text = "jobs:\n- {name: j, command: task, retries: {attempts: 2, backoff: 1 s}}\n"
    root = project({**files(api, job()), "jobs.yml": text}, settings=settings(api))
    from eltflow.engine.run import utc_now

    def service() -> Service:
        return Service(root, project_api.new_options(), now=utc_now, say=lambda text: None)

    lost = service()
    run_id = lost.store.queue(NewRun(job="j", started_by="hand"), utc_now())
    assert run_id is not None
    assert lost.store.begin(lost.store.run(run_id), utc_now()) is not None  # as if it had been killed here
    lost.store.close()
    again = service()
    again.adopt()
    until = time.monotonic() + 60
    while again.store.run(run_id).ended_at is None and time.monotonic() < until:
        again.tick()
        time.sleep(0.05)
    run = again.store.run(run_id)
    again.close()
    assert (run.state, run.attempt, run.interruptions) == ("failed", 2, 1)
    assert len(jobs.keys) == 2


def served(root: Path) -> Any:
    from eltflow import api as project_api
    from eltflow.engine.run import utc_now
    from eltflow.serve.service import Service

    return Service(root, project_api.new_options(), now=utc_now, say=lambda text: None)


def ticked(service: Any, condition: Callable[[], Any]) -> None:
    until = time.monotonic() + 60
    while not condition() and time.monotonic() < until:
        service.tick()
        time.sleep(0.02)
    assert condition()


@pytest.mark.parametrize("how", ["state", "killed", "stopped"])
def test_what_another_service_makes_of_it(project: Project, api: Api, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """Of an API that knows no keys. A job whose service is cut off from the state, or is killed, is looked at by the next one; one that was
    cancelled when its service ended in order is started anew: never both."""
    from eltflow.base.diagnostics import fail
    from eltflow.engine.run import utc_now
    from eltflow.state.jobs import JobStore, NewRun

    jobs = Jobs(api, looks=10_000)
    jobs.keyless = True
    root = project({**files(api, job()), "jobs.yml": "jobs: [{name: j, command: task}]\n"}, settings=settings(api))
    first = served(root)
    run_id = first.store.queue(NewRun(job="j", started_by="hand"), utc_now())
    ticked(first, lambda: first.store.outside(run_id, "task.p.cube", f"{run_id} 0"))
    (active,) = first.active.values()
    if how == "stopped":
        first.close()
        assert jobs.cancelled == ["job/1"]
    else:
        with monkeypatch.context() as patch:
            if how == "state":

                def away(*given: Any, **named: Any) -> None:
                    raise fail("E0808", "the state cannot be reached", help="")

                patch.setattr(JobStore, "_transaction", away)
            else:
                patch.setattr("eltflow.api.running._left_behind", lambda *given: iter(()))
            active.control.stop("another service took over")
            active.thread.join(30)
        first.store.close()
        assert jobs.cancelled == []
    jobs.states, jobs.looks = {id: itertools.repeat("SUCCEEDED") for id in jobs.states}, 0
    second = served(root)
    second.adopt()
    ticked(second, lambda: second.store.run(run_id).ended_at is not None)
    assert second.store.run(run_id).state == "ok"
    second.close()
    assert len(jobs.states) == (2 if how == "stopped" else 1)


@pytest.mark.parametrize(
    ("answer", "message"),
    [(Reply({"no": 1}, 403), "it answers 403"), (Reply({"other": 1}), "the answer has no state of the job at `job.state`")],
)
def test_a_job_whose_end_nobody_saw_is_cancelled(project: Project, eltflow: Eltflow, api: Api, answer: Reply, message: str) -> None:
    jobs = Jobs(api)
    original = jobs.look
    jobs.look = lambda asked, id: original(asked, id) if asked.method == "DELETE" else answer  # type: ignore[method-assign]
    failed = eltflow("task", cwd=project(files(api, job()), settings=settings(api)))
    assert failed.code == 1
    assert message in failed.text
    assert jobs.cancelled == ["job/1"]
    assert "`cube`: the job job/1 was cancelled" in failed.text


def test_a_cancel_that_is_refused(project: Project, eltflow: Eltflow, api: Api) -> None:
    jobs = Jobs(api, end="RUNNING")
    original = jobs.look
    no = Reply({"why": "too late"}, 409)
    jobs.look = lambda asked, id: no if asked.method == "DELETE" else original(asked, id)  # type: ignore[method-assign]
    failed = eltflow("task", cwd=project(files(api, job(timeout=1)), settings=settings(api)))
    assert failed.code == 1
    assert "the job job/1 has not ended in time: it is `RUNNING`" in failed.text
    assert "`cube`: the job job/1 may still run: " in failed.text
    assert "it answers 409" in failed.text


def test_what_an_answer_repeats_is_not_shown(project: Project, eltflow: Eltflow, api: Api) -> None:
    jobs = Jobs(api, looks=0)
    secret = "s3cret of the cube"
    jobs.look = lambda asked, id: {"job": {"state": "FAILED"}, "saw": [TOKEN, secret]}  # type: ignore[method-assign]
    entry = job(start={"path": "/jobs", "id": "job.id", "body": {"key": ["{{ env_var('CUBE_KEY') }}"]}})
    failed = eltflow("task", cwd=project(files(api, entry), settings=settings(api)), env={"CUBE_KEY": secret})
    assert failed.code == 1
    assert "the job job/1 ended as `FAILED`" in failed.text
    assert secret not in failed.text
    assert TOKEN not in failed.text
    assert api.asked[0].body == {"key": [secret]}
