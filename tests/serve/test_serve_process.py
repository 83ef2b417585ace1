"""`eltflow serve` and the commands that speak to it, as processes of their own."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import signal
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from served import PYTHON, store, until

from eltflow import api
from eltflow.engine.run import utc_now
from eltflow.serve.service import Service, serving
from eltflow.serve.web import status_page
from eltflow.state.jobs import ENDED
from eltflow.state.store import VERSION

Project = Callable[..., Path]
Run = Callable[..., Any]
JOBS = """\
jobs:
  - {name: nightly, triggers: [{cron: "30 2 * * *", timezone: Europe/Paris}]}
  - {name: "then", select: b, triggers: [{job: nightly}]}
  - {name: broken, select: c}
"""
FILES = {
    "models/a.sql": "select 1 as id\n",
    "models/b.sql": "select id from a\n",
    "models/c.sql": "{{ config(materialized='table', enabled=var('broken', false)) }} select error('no') as id from a\n",
    "jobs.yml": JOBS.replace("select: c}", "select: c, vars: {broken: true}}"),
}


@contextmanager
def serve(root: Path, *words: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The service, once it says where its page is."""
    command = [PYTHON, "-m", "eltflow.cli.main", "serve", "--port", "0", *words]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.search(r"http://127\.0\.0\.1:\d+/", line)
            assert found is not None, line + process.stdout.read()
            yield found.group(), process
        finally:
            if process.poll() is None:
                process.kill()


def fetch(url: str, **headers: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_run_from_trigger_to_resume(project: Project, eltflow: Run) -> None:
    root = project(FILES)
    with serve(root) as (address, process):
        done = eltflow("trigger", "nightly", "--wait", cwd=root)
        assert done.code == 0, done.text
        assert re.fullmatch(r"nightly: run \w{8} is queued\nnightly: run \w{8} ok\n", done.out)
        with store(root) as jobs:
            until(lambda: [r.state for r in jobs.runs(job="then")] == ["ok"])
        failed = eltflow("trigger", "broken", "--wait", "--json", cwd=root)
        assert failed.code == 1
        run = json.loads(failed.out)
        assert (run["state"], run["attempt"]) == ("failed", 1)
        assert run["message"].startswith("model `c`: ")
        listed = eltflow("jobs", "--runs", "--json", cwd=root)
        assert [(r["job"], r["state"]) for r in json.loads(listed.out)] == [("broken", "failed"), ("then", "ok"), ("nightly", "ok")]
        shown = eltflow("jobs", "--runs", cwd=root).out
        assert re.search(r"^\w{8}  broken +failed +hand .*model `c`: ", shown, re.MULTILINE)
        log = eltflow("logs", run["id"][:8], cwd=root)
        assert "error   error model.p.c" in log.out
        assert "error" in eltflow("logs", run["id"][:8], "c", cwd=root).out
        nothing = eltflow("logs", run["id"][:8], "nobody", cwd=root)
        assert (nothing.code, nothing.out) == (0, "")
        assert nothing.err.strip() == f"nothing in the log of the run {run['id'][:8]} is about `nobody`"
        (root / "models" / "c.sql").write_text("select 1 as id")
        resumed = eltflow("resume", run["id"][:8], "--wait", cwd=root)
        assert resumed.code == 0, resumed.text
        assert re.fullmatch(r"broken: run \w{8} is queued again, for what is left of it\nbroken: run \w{8} ok\n", resumed.out)
        again = eltflow("cancel", run["id"][:8], cwd=root)
        assert (again.code, again.err.split("\n")[0]) == (2, f"error[E0909]: the run {run['id'][:8]} of `broken` has ended: ok")
        second = eltflow("serve", "--port", "0", cwd=root)
        assert second.code == 2
        assert second.err.startswith(f"error[E0907]: this project is served already: process {process.pid} of me since ")
        assert "ok" in fetch(address + "healthz")[1]
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert process.stdout is not None
        assert process.stdout.read().endswith("stopped; what was running goes on with the next start\n")


def test_a_run_that_nobody_serves_waits(project: Project, eltflow: Run) -> None:
    root = project(FILES)
    done = eltflow("trigger", "nightly", "--key", "today", cwd=root)
    assert done.code == 0
    assert done.err == "no service of this project is at work here: `eltflow serve` runs it\n"
    assert eltflow("trigger", "nightly", "--key", "today", cwd=root).out == done.out  # the same run
    id = done.out.split()[2]
    assert eltflow("logs", id, cwd=root).err.startswith(f"the run {id} of `nightly` has no log yet: it is queued")
    not_ended = eltflow("resume", id, cwd=root)
    assert not_ended.err.startswith(f"error[E0909]: the run {id} of `nightly` has not ended: it is queued")
    assert eltflow("cancel", id, cwd=root).out == f"nightly: run {id} is cancelled\n"
    assert eltflow("resume", id, "--select", "x", cwd=root).code == 2
    assert eltflow("resume", id, "--select", "a", cwd=root).code == 0
    with serve(root):
        assert eltflow("trigger", "nightly", "--key", "tomorrow", "--wait", cwd=root).code == 0
    with store(root) as jobs:
        assert [run.state for run in jobs.runs(job="nightly")] == ["ok", "ok"]


def test_paused_and_listed(project: Project, eltflow: Run) -> None:
    root = project(FILES)
    assert eltflow("pause", "nightly", cwd=root).out == "nightly is paused: it runs when it is asked for\n"
    lines = eltflow("jobs", cwd=root).out.splitlines()
    assert lines[0].split("  ")[0] == "job"
    assert re.fullmatch(r"nightly  cron 30 2 \* \* \* Europe/Paris  paused", lines[1])
    assert eltflow("unpause", "nightly", cwd=root).out == "nightly goes on, with the next time that comes\n"
    row = json.loads(eltflow("jobs", "--json", cwd=root).out)[0]
    assert (row["name"], row["paused"], len(row["next"])) == ("nightly", False, 3)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT0[01]:30:00\+00:00", time) for time in row["next"])


def test_muted_and_listed(project: Project, eltflow: Run) -> None:
    root = project({**FILES, "models/p.yml": "sources: [{name: crm, tables: [{name: orders}]}]\n"})
    done = eltflow("mute", "nightly", "--until", "2100-01-01", "--reason", "it's moved <b>", cwd=root)
    assert done.out == "job nightly is muted until 2099-12-31 23:00 UTC\n"  # a day of its zone, which is Paris
    assert eltflow("mute", "a", "--for", "2 h", cwd=root).out.startswith("node model.p.a is muted until 20")
    muted = json.loads(eltflow("mute", "crm.orders", "--until", "2100-01-01T06:00", "--json", cwd=root).out)
    assert (muted["kind"], muted["name"], muted["until"]) == ("node", "source.p.crm.orders", "2100-01-01T06:00:00+00:00")
    listed = eltflow("jobs", cwd=root)
    assert "job nightly is muted until 2099-12-31 23:00 UTC: it's moved <b>\n" in listed.err
    assert json.loads(eltflow("jobs", "--json", cwd=root).out)[0]["muted_until"] == "2099-12-31T23:00:00+00:00"
    lines = eltflow("jobs", "--muted", cwd=root).out.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["job", "nightly"], ["node", "model.p.a"], ["node", "source.p.crm.orders"]]
    with closing(Service(root, api.new_options(), now=utc_now, say=print)) as service:
        page = status_page(service)
    assert '<td>job nightly</td><td><span class="time">2099-12-31 23:00</span></td>' in page
    assert "it&#x27;s moved &lt;b&gt;" in page
    (root / "models" / "a.sql").unlink()  # what is muted may be gone, or the project wrong
    for name, told in (("a", "node model.p.a"), ("crm.orders", "node source.p.crm.orders"), ("nightly", "job nightly")):
        assert eltflow("unmute", name, cwd=root).out == f"{told} is told of again\n"
    assert json.loads(eltflow("jobs", "--muted", "--json", cwd=root).out) == []


def test_builds_by_hand_go_on_between_runs(project: Project, eltflow: Run) -> None:
    """The service holds no file while nothing runs."""
    root = project(FILES)
    with serve(root):
        assert eltflow("trigger", "nightly", "--wait", cwd=root).code == 0
        with store(root) as jobs:
            until(lambda: [r.state for r in jobs.runs(job="then")] == ["ok"])
        built = eltflow("build", "--lock-timeout", "20", cwd=root)
        assert built.code == 0, built.text
        assert "nightly" not in eltflow("history", cwd=root).out.split("\n")[1]


@pytest.mark.parametrize("point", ["SIGKILL", "SIGTERM", "SIGINT"])
def test_what_was_lost_goes_on(project: Project, eltflow: Run, point: str) -> None:
    query = "select count(*) as n from range(3000000) a(i), range(300000) b(j) where hash(i + j) % 97 = 5"
    slow = {
        "models/b.sql": f"{{{{ config(materialized='table') }}}} {query}",
        "models/a.sql": "{{ config(materialized='table') }} select random() as id",
    }
    root = project({**slow, "models/c.sql": "select n from b, a", "jobs.yml": "jobs: [{name: j}]\n"})
    with serve(root) as (_, process):
        eltflow("trigger", "j", cwd=root)
        with store(root) as jobs:
            (run,) = jobs.runs()
            until(lambda: jobs.nodes(run.id).get("model.p.a") is not None and jobs.nodes(run.id)["model.p.a"].state == "success")
        process.send_signal(getattr(signal, point))
        process.wait(30)
    with store(root) as jobs:
        first = jobs.nodes(run.id)["model.p.a"]
    (root / "models" / "b.sql").write_text("select 1 as n")
    with serve(root), store(root) as jobs:
        until(lambda: jobs.run(run.id).state in ENDED)
        ended = jobs.run(run.id)
        assert (ended.state, ended.attempt, ended.interruptions) == ("ok", 1, int(point == "SIGKILL"))
        assert jobs.nodes(run.id)["model.p.a"].run_id == first.run_id  # it was through, and is not run again
        assert [outcome for _, outcome in jobs.attempts(run.id)] == ["interrupted" if point == "SIGKILL" else "stopped", "ok"]


def test_its_pages(project: Project, eltflow: Run) -> None:
    hostile = (
        "jobs:\n  - {name: j, description: '<script>alert(1)</script>'}\n  - {name: k, select: '<img src=x onerror=alert(1)>'}\n"
    )
    root = project({**FILES, "jobs.yml": hostile + JOBS.replace("jobs:\n", "")})
    with serve(root) as (address, _):
        eltflow("trigger", "nightly", "--wait", cwd=root)
        eltflow("trigger", "k", "--wait", cwd=root)
        assert fetch(address + "healthz") == (200, '{"status":"ok","jobs":"ok","project":"ok","state":"ok","leads":true}')
        status, page = fetch(address)
        assert status == 200
        assert "<script" not in page
        assert "<img" not in page
        assert "cron 30 2 * * * Europe/Paris" in page
        assert re.search(r'<span class="ok">ok \d{4}-', page)
        assert fetch(address + "nothing")[0] == 404
        assert fetch(address, Host="evil.example")[0] == 400
        families = {family.name: family for family in text_string_to_metric_families(fetch(address + "metrics")[1])}
        ended = {tuple(s.labels.values()): s.value for s in families["eltflow_job_runs"].samples}
        assert ended[("nightly", "ok")] == 1
        assert ended[("k", "failed")] == 1
        assert families["eltflow_job_last_success_timestamp_seconds"].samples[0].value > 1_700_000_000
        assert families["eltflow_jobs_broken"].samples[0].value == 0
        assert families["eltflow_project_broken"].samples[0].value == 0
        port = re.search(r":(\d+)/", address)
        assert port is not None
        other = project({**FILES}, name="q")
        taken = eltflow("serve", "--port", port.group(1), cwd=other)
        assert (taken.code, taken.err.split("\n")[0]) == (
            2,
            f"error[E0120]: port {port.group(1)} cannot be had: Address already in use",
        )


HOOKED = """\
jobs:
  - {name: j, select: a, triggers: [{webhook: crm}, {webhook: other}]}
  - {name: k, select: a, triggers: [{webhook: bad}]}
  - {name: unhooked, select: a}
"""
CRM = """\
connections:
  crm: {type: webhook, secret: "{{ env_var('CRM') }}"}
  other: {type: webhook, secret: wax, url: "http://127.0.0.1:9/"}
  bad: {type: webhook, secret: "{{ env_var('NOT_SET') }}"}
"""


def post(
    url: str, body: bytes, secret: str = "sesame", *, at: float | None = None, seal: str | None = None, stamp: str | None = None
) -> tuple[int, dict[str, Any]]:
    stamp = stamp or str(int(time.time() if at is None else at))
    made = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    headers = {"X-Eltflow-Timestamp": stamp, "X-Eltflow-Signature": f"sha256={made}" if seal is None else seal}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers, method="POST"), timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_a_project_that_is_broken_meanwhile(project: Project, eltflow: Run) -> None:
    root = project(FILES)
    with serve(root) as (address, _):
        until(lambda: list((root / ".eltflow" / "good").glob("*/*/models/a.sql")))
        (root / "models" / "a.sql").write_text("select {{ nothing }} as id")
        assert eltflow("trigger", "nightly", "--wait", cwd=root).code == 0
        assert json.loads(fetch(address + "healthz")[1])["project"].startswith("E0302: `nothing` is undefined (models/a.sql:1)")
        assert "the project cannot be read, the one of before goes on: E0302: " in fetch(address)[1]
        families = {family.name: family for family in text_string_to_metric_families(fetch(address + "metrics")[1])}
        assert families["eltflow_project_broken"].samples[0].value == 1


def test_webhooks_that_start_a_job(project: Project, eltflow: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM", "sesame")
    root = project({**FILES, "jobs.yml": HOOKED}, settings=CRM)
    unsigned = (401, {"error": "the request is not signed as it must be"})
    with serve(root) as (address, _):
        url = address + "hooks/j"
        now = time.time()
        code, answer = post(url, b'{"n": 1}', at=now)
        assert (code, answer["job"]) == (202, "j")
        with store(root) as jobs:
            until(lambda: jobs.run(answer["run"]).state == "ok")
        assert post(url, b'{"n": 1}', at=now) == (409, {"error": "this request was taken before"})
        assert post(url, b"", "wax")[0] == 202  # by the other connection
        assert post(url, b"", "salt") == unsigned
        assert post(url, b"x", seal="sha256=" + "0" * 64) == unsigned
        assert post(url, b"x", seal="größer".encode().decode("latin-1")) == unsigned
        assert post(url, b"x", at=now - 400) == unsigned  # an old one
        assert post(url, b"x", stamp="\xb2") == unsigned
        assert post(url, b"x", at=now + 400) == unsigned
        assert post(address + "hooks/unhooked", b"") == unsigned
        assert post(address + "hooks/nothing", b"") == unsigned
        assert post(address + "hooks/k", b"") == (503, {"error": "the service cannot check signatures now"})
        assert post(url, b"x" * 65_537)[0] == 413
        assert fetch(url)[0] == 405
        eltflow("pause", "j", cwd=root)
        assert post(url, b"later") == (409, {"error": "the job j is paused"})
        with store(root) as jobs:
            assert {run.started_by for run in jobs.runs()} == {"webhook"}
            assert len(jobs.runs()) == 2


def test_a_state_of_a_newer_version(project: Project, eltflow: Run) -> None:
    root = project(FILES)
    eltflow("pause", "nightly", cwd=root)
    with sqlite3.connect(root / ".eltflow" / "state.sqlite") as connection:
        connection.execute("pragma user_version = 99")
    done = eltflow("serve", "--port", "0", cwd=root)
    assert done.code == 2
    assert done.err.startswith(
        "error[E0801]: the run history .eltflow/state.sqlite was written by a newer eltflow (format 99, this one knows "
    )


def test_a_newer_eltflow_brings_the_state_forward_under_a_service(project: Project, eltflow: Run) -> None:
    """The service ends in order and fails nothing: whichever comes next goes on with what ran."""
    slow = "{{ config(materialized='table') }} select sum(hash(a.range + b.range)) as n from range(1000000) a, range(1000000) b"
    root = project({"models/a.sql": slow, "jobs.yml": "jobs: [{name: j}]\n"})
    with serve(root) as (_, process):
        assert eltflow("trigger", "j", cwd=root).code == 0
        with store(root) as jobs:
            until(lambda: any(n.state == "running" for run in jobs.runs() for n in jobs.nodes(run.id).values()))
        with closing(sqlite3.connect(root / ".eltflow" / "state.sqlite")) as connection:
            connection.execute("pragma user_version = 99")
            said, _ = process.communicate(timeout=20)
            connection.execute(f"pragma user_version = {VERSION}")
    assert process.returncode == 2
    assert "was written by a newer eltflow (format 99" in said
    with store(root) as jobs:
        assert [(run.state, run.attempt, run.message) for run in jobs.runs()] == [("running", 1, None)]


def test_a_command_brings_no_state_forward_under_a_service(project: Project, eltflow: Run) -> None:
    """It is of a newer eltflow than the service, which would have to end."""
    root = project({"models/a.sql": "select 1 as id", "jobs.yml": "jobs: [{name: j}]\n"})
    assert eltflow("pause", "j", cwd=root).code == 0
    options = api.new_options()
    with closing(sqlite3.connect(root / ".eltflow" / "state.sqlite")) as connection:
        connection.execute("alter table told drop column owners")
        connection.execute("drop table outside")
        connection.execute("pragma user_version = 3")
        with serving(root, options, utc_now):
            done = eltflow("history", cwd=root)
            assert done.code == 2
            assert (
                "error[E0810]: the run history .eltflow/state.sqlite is of an older format (3, this eltflow has 4), and the"
                in done.err
            )
            assert connection.execute("pragma user_version").fetchone() == (3,)
            Service(root, options, now=utc_now, say=print).close()  # another service does
            assert connection.execute("pragma user_version").fetchone() == (VERSION,)
            assert eltflow("history", cwd=root).code == 0


@pytest.mark.parametrize("version", [1, 2])
def test_a_state_of_an_earlier_version_is_brought_forward(project: Project, eltflow: Run, version: int) -> None:
    root = project(FILES)
    assert eltflow("build", cwd=root).code == 0
    with sqlite3.connect(root / ".eltflow" / "state.sqlite") as connection:
        later = ["told", "mute", "outside"]
        if version == 1:
            later += ["alert", "trigger_cursor", "job_node", "job_attempt", "job_run", "job"]
        else:
            values = "('r', 'j', 'failure', 'ops', '{}', 'pending', '')"
            connection.execute(f"insert into alert (job_run, job, occasion, destination, body, state, made_at) values {values}")
            connection.execute("alter table alert drop column together")
        for table in later:
            connection.execute(f"drop table {table}")
        connection.execute(f"pragma user_version = {version}")
    assert eltflow("pause", "nightly", cwd=root).code == 0
    with store(root) as jobs:
        assert [alert.together for alert in jobs.alerts(utc_now())] == [False] * (version == 2)
    assert "build" in eltflow("history", cwd=root).out


def test_without_the_library(project: Project) -> None:
    root = project(FILES)
    code = "import sys; sys.modules['cronsim'] = None; from eltflow.cli.main import main; main(['jobs'])"
    done = subprocess.run([PYTHON, "-c", code], cwd=root, capture_output=True, text=True, env=dict(os.environ))
    assert done.returncode == 2
    said = "error[E0702]: jobs need a library that is not installed: cronsim\n  = help: pip install 'eltflow[serve]'"
    assert done.stderr.strip() == said
