"""State in a PostgreSQL database: the same as in a file, for whoever shares it; of two services one leads, and the other takes over."""

from __future__ import annotations

import datetime as dt
import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from postgres_server import PASSWORD, Server
from served import PYTHON, UTC, store

from eltflow import api
from eltflow.api.jobs import open_jobs
from eltflow.api.loading import load
from eltflow.base.diagnostics import EltflowError
from eltflow.base.records import replace
from eltflow.serve.leading import Leading
from eltflow.serve.service import Service, is_serving
from eltflow.serve.web import status_page
from eltflow.state.jobs import JobStore, Known, Mute, NewAlert, NewRun
from eltflow.state.store import VERSION, NodeRecord, RunRecord, Store
from eltflow.warehouse.values import CatalogColumn, CatalogTable, Relation

HERE = Path(__file__).parent
LEASE = 2.0
Project = Callable[..., Path]
Run = Callable[..., Any]
JOBS = "jobs:\n- {name: j, select: a, triggers: [{cron: '0 3 * * *'}]}\n"
MODEL = {"models/a.sql": "select 1 as id\n", "jobs.yml": JOBS}


@pytest.fixture
def database(postgres: Server) -> Server:
    with postgres.connect() as connection:
        connection.execute('drop schema if exists eltflow_state cascade; drop schema if exists "Odd ""name" cascade')
    return postgres


def settings(postgres: Server, state: str = "{connection: meta}", **more: Any) -> str:
    connection = {"type": "postgres", "host": postgres.host, "user": postgres.user, "dbname": postgres.dbname, **more}
    return f"connections: {{meta: {json.dumps(connection)}}}\nstate: {state}\n"


def on_postgres(postgres: Server, state: str = "{connection: meta}") -> dict[str, str]:
    target = json.dumps(postgres.target())
    return {"eltflow.yml": f"name: p\ntargets:\n  dev: {target}\n{settings(postgres, state)}"}


def shared(root: Path) -> Store:
    return open_jobs(root, api.new_options()).store


# -- the same as in a file -----------------------------------------------------------------------------------------------------------


def at(minutes: int) -> dt.datetime:
    return dt.datetime(2026, 3, 1, 8, tzinfo=UTC) + dt.timedelta(minutes=minutes)


def history(made: Store) -> Iterator[Any]:
    """All that run history and catalog give, step by step."""
    run = RunRecord(
        id="r1",
        target_key="k",
        target="dev",
        command="build",
        selection="",
        status="running",
        started_at="2026-01-01T00:00:00",
        pid=7,
    )
    yield made.runs(), made.durations("k"), made.catalog("k")
    made.start(run)
    nodes = [
        NodeRecord(
            unique_id="model.p.b", name="b", action="run", status="success", started_at="2026-01-01T00:00:01", seconds=0.125
        ),
        NodeRecord(unique_id="model.p.a", name="a", action="run", status="success", seconds=1.5, rows=2**40, message="déjà ?%s"),
        NodeRecord(unique_id="model.p.c", name="c", action="run", status="error"),
    ]
    made.finish("r1", "error", "2026-01-01T00:01:00", 60.25, nodes)
    made.finish("r1", "error", "2026-01-01T00:01:00", 60.25, nodes[:1])
    made.start(RunRecord(**{name: getattr(run, name) for name in RunRecord.__slots__} | {"id": "r2"}))
    again = NodeRecord(
        unique_id="model.p.b", name="b", action="run", status="pass", started_at="2026-01-02T00:00:01", seconds=0.5, kind="view"
    )
    made.finish("r2", "success", "2026-01-02T00:00:02", 1.0, [again])
    made.start(RunRecord(**{name: getattr(run, name) for name in RunRecord.__slots__} | {"id": "r3"}))
    made.start(RunRecord(**{name: getattr(run, name) for name in RunRecord.__slots__} | {"id": "r4"}))
    yield made.runs(), made.runs("k", 1), made.runs("other"), made.nodes("r1"), made.nodes("r2"), made.durations("k")
    tables = [
        CatalogTable(Relation("d", "s", f"T{n}"), "table", (CatalogColumn("x", "int", True, None),), None, n) for n in range(1200)
    ]
    made.save_catalog("k", "2026-01-01T00:00:00", tables)
    made.save_catalog("k", "2026-01-03T00:00:00", tables[:1], [tables[0].relation, tables[1].relation])
    for only in ([t.relation for t in tables[:700]], [], None):
        seen = made.catalog("k", only)
        assert seen is not None
        yield seen[0], sorted(seen[1], key=repr)
    yield made.catalog("other")
    yield made.count_before("2026-01-02T00:00:00")
    made.forget_before("2026-01-02T00:00:00")
    yield made.runs(), made.nodes("r1")


def jobs(made: Store) -> Iterator[Any]:
    """All that the runs of jobs give, step by step; their ids, which are new each time, by their order."""
    with closing(JobStore(made)) as one:
        one.meet(["j", "k"], at(0))
        one.meet(["j"], at(5))
        one.pause("k", True, at(1))
        one.pause("new", False, at(1))
        yield one.known()
        slots = [NewRun(job="j", started_by="time", slot=at(n), interval=(at(n - 1), at(n))) for n in (10, 20)]
        first = one.advance("j", at(20), slots, at(21))
        yield len(first), one.advance("j", at(20), slots, at(22)), one.known()["j"]
        late = NewRun(job="j", started_by="time", slot=at(30), interval=(at(29), at(30)))
        (latest,) = one.advance("j", at(30), [late], at(31), supersede=True)
        asked = one.queue(NewRun(job="k", started_by="hand", idem="me"), at(32))
        yield asked == one.queue(NewRun(job="k", started_by="hand", idem="me"), at(33)), one.asked("me"), one.asked("you")
        yield [(r.job, r.slot, r.state, r.interval_start, r.message) for r in one.runs()]
        yield one.position("j", "f"), one.move("j", "f", "1", None, at(34)), one.position("j", "f")
        moved = one.move("j", "f", "2", NewRun(job="j", started_by="files", cause=asked), at(35))
        filled = [NewRun(job="k", started_by="backfill", interval=(at(n), at(n + 1)), backfill="b") for n in range(3)]
        yield one.position("j", "f"), len(one.backfill(filled, at(36))), one.backfill(filled, at(37)), one.backfill([], at(37))
        yield len(one.backfills("k", at(0), at(2))), len(one.runs(states=("queued",), job="k", limit=2))
        yield [(r.job, r.backfill, r.slot) for r in one.ready(at(40))]
        deadline = NewAlert(job_run=latest, job="j", occasion="deadline", destination="ops", body={}, muted=True)
        one.alert([deadline], at(40))
        yield [r.id == latest for r in one.unwarned(["j", "k"])], one.alerts(at(40))
        one.alert([replace(deadline, muted=False)], at(40))  # the mute is over
        yield one.unwarned(["j", "k"]), [a.occasion for a in one.alerts(at(40))]
        one.alert([replace(deadline, body={"not": "again"}), replace(deadline, body={"nor": "so"}, muted=False)], at(40))
        yield [a.body for a in one.alerts(at(40))]
        one.alerted(one.alerts(at(40))[0], "sent")
        run = one.run(latest[:12])
        begun = one.begin(run, at(41))
        assert begun is not None
        yield one.begin(run, at(41)), one.run(latest).state, one.run(latest).attempt, [r.job for r in one.ready(at(42))]
        one.node(run, begun, "model.p.a", "running", "sum", None, at(42))
        one.node(run, begun, "model.p.a", "success", "sum", "it's 100 % ?", at(43))
        one.node(run, begun, "model.p.b", "error", "sum", "no", at(44))
        yield (
            [(n.unique_id, n.state, n.checksum, n.message) for n in one.nodes(latest).values()],
            one.attempts(latest) == [(begun, None)],
        )
        one.again(run, begun, "retried", at(45), not_before=at(50), counts=True, message="later")
        yield one.run(latest).state, one.run(latest).not_before, [r.id == latest for r in one.ready(at(46)) if r.job == "j"]
        second = one.begin(one.run(latest), at(51))
        assert second is not None
        yield [outcome for _, outcome in one.attempts(latest)], one.cancel(one.run(latest), at(51)), one.to_cancel() == {latest}
        yield [(r.job, given_up) for r, given_up in one.adopt(at(52))], one.run(latest).interruptions, one.run(latest).state
        third = one.begin(one.run(latest), at(53))
        alert = NewAlert(job_run=latest, job="j", occasion="failure", destination="ops", body={"a": [1, "é"]})
        after = [NewRun(job="k", started_by="job j", cause=latest, idem="after")]
        told = {
            ("ops", "model.p.b", "error"): Known(at=at(54), owners=frozenset({"b", "a"})),
            ("us", "model.p.b", "error"): Known(at=None, owners=None),
            ("us", "model.p.c", "error"): Known(at=at(63)),
            ("us", "model.p.d", "error"): Known(at=at(55)),
        }
        yield (
            one.end(run, third, "failed", at(54), message="no", then=after, alerts=[alert, alert], told=told),
            one.end(run, third, "ok", at(55)),
        )
        yield [(a.job, a.occasion, a.destination, a.body, a.attempts) for a in one.alerts(at(56))]
        one.alerted(one.alerts(at(56))[0], "pending", at(60), "refused")
        yield one.alerts(at(57)), [(a.attempts, a.body) for a in one.alerts(at(61))], one.alert_counts()
        one.forget_nodes(latest, ["model.p.b"])
        yield one.reopen(one.run(latest), at(62)), one.reopen(one.run(latest), at(62)), list(one.nodes(latest)), one.counts()
        one.alert([alert], at(63))
        yield one.alert_counts(), one.last_ok(), one.cancel(one.run(str(moved)), at(64)), one.cancel(one.run(str(moved)), at(64))
        yield one.told("j"), one.told("k")
        for n in range(3):  # told together, once the first of them is due
            one.alert(
                [NewAlert(job_run=f"x{n}", job="j", occasion="failure", destination="us", body={}, gather=at(64 + n))], at(63)
            )
        one.alert([NewAlert(job_run="y", job="j", occasion="failure", destination="us", body={}, muted=True)], at(63))
        for minutes in (63, 64):
            yield [(a.destination, a.together) for a in one.alerts(at(minutes))]
        for number, a in enumerate(one.alerts(at(64))):
            if number:
                one.alerted(a, "given up")
            else:
                one.hush(a, ["model.p.d"])
                one.hush(a)
        yield one.alert_counts(), one.told("j")
        mute = Mute(kind="node", name="model.p.a", until=at(70), reason="it's known", since=at(64), who="me")
        one.mute(mute)
        one.mute(replace(mute, kind="job", name="j", until=at(66)))
        one.mute(replace(mute, reason="again"))
        yield one.mutes(at(64)), one.mutes(at(66)), one.unmute("job", "j", at(66)), one.unmute("node", "model.p.a", at(65))
        yield one.mutes(at(64))
        yield len(one.ended_before(at(65))), one.counts()
        one.forget_before(at(65))
        yield one.counts(), one.alert_counts(), one.ended_before(at(65))
        for wrong in ("", "none"):
            with pytest.raises(EltflowError) as caught:
                one.run(wrong)
            yield caught.value.diagnostics[0].message


@pytest.mark.parametrize("steps", [history, jobs])
def test_both_keep_the_same(project: Project, database: Server, steps: Callable[[Store], Iterator[Any]]) -> None:
    here = project(MODEL)
    there = project(MODEL, name="q", settings=settings(database))
    ours, theirs = list(steps(shared(here))), list(steps(shared(there)))
    for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        assert one == other, number
    assert len(ours) > 5


def test_the_history_of_a_service_that_leads_no_more(database: Server, project: Project) -> None:
    """A run that it had begun writes nothing down any more: neither that it ended, nor what it saw."""
    root = project({**MODEL, **on_postgres(database)})
    made = shared(root)
    with closing(made.connect()) as connection:
        token = connection.take("process 1 on here", 60)
        old = load(root, replace(api.new_options(), lease=token)).store
        old.start(
            RunRecord(id="r", target_key="k", target="dev", command="build", selection="", status="running", started_at="2026")
        )
        connection.release(token)
        assert connection.take("process 2 on there", 60) == token + 1
        for write in (
            lambda: old.finish("r", "success", "2027", 1.0, []),
            lambda: old.save_catalog("k", "2027", []),
            lambda: old.start(
                RunRecord(id="s", target_key="k", target="dev", command="run", selection="", status="", started_at="")
            ),
        ):
            with pytest.raises(EltflowError, match="another service leads by now"):
                write()
        assert [(run.id, run.status) for run in made.runs()] == [("r", "running")]
        assert made.catalog("k") is None


def test_an_older_state_under_a_service_that_leads(database: Server, project: Project, eltflow: Run) -> None:
    """A command does not bring it forward; the next service does, whereupon the one that leads ends."""
    root = project({**MODEL, **on_postgres(database)})
    made = shared(root)
    with closing(made.connect()) as connection:
        connection.execute("alter table told drop column owners")
        connection.execute("drop table outside")
        connection.execute("update format set version = 3")
        token = connection.take("process 1 on old", 60)
        assert token is not None
        done = eltflow("history", cwd=root)
        assert done.code == 2
        assert "error[E0810]" in done.err
        assert "and the service that leads (process 1 on old) uses it" in done.err
        made.upgrade()
        assert connection.format() == VERSION
        connection.execute("update format set version = 99")
        with closing(JobStore.__new__(JobStore)) as one:
            one._store, one._connection, one.token = made, connection, token
            with pytest.raises(EltflowError, match="written by a newer eltflow"):
                one.pause("j", True, dt.datetime.now(UTC))


def test_a_team_shares_one_history(project: Project, database: Server, eltflow: Run, tmp_path: Path) -> None:
    state = """{connection: meta, schema: 'Odd "name'}"""
    one = project(MODEL, name="p", settings=settings(database, state))
    other = project(MODEL, name="elsewhere/p", settings=settings(database, state))
    (other / "eltflow.yml").write_text((one / "eltflow.yml").read_text())
    assert eltflow("build", cwd=one).code == 0
    assert eltflow("trigger", "j", cwd=other).code == 0
    assert not (one / ".eltflow/state.sqlite").exists()
    seen = json.loads(eltflow("jobs", "--runs", "--json", cwd=one).out)
    assert [run["job"] for run in seen] == ["j"]
    runs = json.loads(eltflow("history", "--json", cwd=one).out)
    assert [run["command"] for run in runs] == ["build"]
    with database.connect() as connection:
        assert connection.execute("""select command from "Odd ""name".run""").fetchall() == [("build",)]


# -- bad input -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ("{connection: mata}", "error[E0103]: there is no connection `mata`\n --> eltflow.yml:7:21"),
        ("{connection: meta, scheme: x}", "error[E0104]: `state` has no key `scheme`\n --> eltflow.yml:7:27"),
        ("{schema: x}", "error[E0103]: `state` has no `connection`\n --> eltflow.yml:7:1"),
        ("{connection: hook}", "error[E0701]: no store is called `webhook`\n --> eltflow.yml:6:16"),
    ],
)
def test_settings_that_are_wrong(project: Project, eltflow: Run, state: str, message: str) -> None:
    connections = (
        "connections:\n  meta: {type: postgres, host: h, user: u, dbname: d}\n  hook: {type: webhook, url: 'http://localhost'}\n"
    )
    done = eltflow("history", cwd=project(MODEL, settings=f"{connections}state: {state}\n"))
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(message)


def test_a_server_that_is_not_there(project: Project, database: Server, eltflow: Run) -> None:
    root = project(MODEL, settings=settings(database, host="127.0.0.1", port=1, connect_timeout=2))
    done = eltflow("build", cwd=root)
    assert done.code == 2
    assert "error[E0808]: the state (eltflow_state of the database " in done.text
    assert "on 127.0.0.1:1) cannot be reached" in done.text
    assert not (root / "p.duckdb").exists()


def test_a_password_that_is_wrong(project: Project, database: Server, eltflow: Run) -> None:
    wrong = "n0t the " + PASSWORD
    done = eltflow("history", cwd=project(MODEL, settings=settings(database, user="limited", password=wrong)))
    assert done.code == 2
    assert "cannot be reached" in done.text
    assert wrong not in done.text
    assert wrong not in done.err


def test_a_user_who_may_not_make_the_schema(project: Project, database: Server, eltflow: Run) -> None:
    root = project(MODEL, settings=settings(database, user="limited", password=PASSWORD))
    done = eltflow("history", cwd=root)
    assert done.code == 2
    assert "error[E0802]: the state (eltflow_state of the database" in done.text
    assert "permission denied" in done.text


def test_a_format_of_a_newer_version(project: Project, database: Server, eltflow: Run) -> None:
    root = project(MODEL, settings=settings(database))
    assert eltflow("history", cwd=root).code == 0
    with database.connect() as connection:
        connection.execute("update eltflow_state.format set version = 99")
    done = eltflow("history", cwd=root)
    assert done.code == 2
    assert "was written by a newer eltflow (format 99" in done.text


# -- of two services, one leads ------------------------------------------------------------------------------------------------------


class Running:
    """A service in a process of its own, and the lines that it prints."""

    def __init__(self, root: Path) -> None:
        self.lines: list[str] = []
        self._new: queue.Queue[str] = queue.Queue()
        words = [PYTHON, str(HERE / "leads.py"), str(root), str(LEASE)]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            self._new.put(line)

    def says(self, text: str, seconds: float = 60.0) -> float:
        """Wait until a new line has this in it; gives how long that took."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            try:
                if text in self._new.get(timeout=0.5):
                    return time.monotonic() - began
            except queue.Empty:
                assert self.process.poll() is None, self.lines
        raise AssertionError((text, self.lines))

    def kill(self, number: int) -> None:
        os.kill(self.process.pid, number)


@contextmanager
def services(*roots: Path) -> Iterator[list[Running]]:
    made = [Running(root) for root in roots]
    try:
        yield made
    finally:
        for one in made:
            one.process.kill()
            one.process.wait()


SLOW = {
    "models/effect.sql": (
        "{{ config(materialized='incremental') }} select '{{ invocation_id }}' as run, clock_timestamp() as at from pg_sleep(2)\n"
    ),
    "jobs.yml": "jobs:\n- {name: slow, select: effect, triggers: [{cron: '0 3 * * *'}]}\n",
}


def clean(database: Server) -> None:
    with database.connect() as connection:
        connection.execute("drop schema if exists s cascade; drop schema if exists eltflow_meta cascade")


def done(root: Path, run_id: str, seconds: float = 60.0) -> str:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with closing(JobStore(shared(root))) as jobs:
            if (run := jobs.run(run_id)).ended_at is not None:
                return run.state
        time.sleep(0.2)
    raise AssertionError(run)


def effects(database: Server) -> list[int]:
    with database.connect() as connection:
        return [n for (n,) in connection.execute("select count(*) from s.effect group by run").fetchall()]


def ask(root: Path) -> str:
    with closing(JobStore(shared(root))) as jobs:
        made = jobs.queue(NewRun(job="slow", started_by="hand"), dt.datetime.now(UTC))
        assert made is not None
        return made


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM])
def test_the_other_takes_over(project: Project, database: Server, how: int) -> None:
    """Whether the leader is killed, stands still past its lease or ends in order, in the middle of a run: that is done once, by the other."""
    clean(database)
    roots = [project({**on_postgres(database), **SLOW}, name=name) for name in ("p", "q")]
    with services(roots[0]) as (first,):
        first.says("leads")
        with services(roots[1]) as (second,):
            second.says(f"stands by: process {first.process.pid} on ")
            run = ask(roots[0])
            first.says("begins")
            time.sleep(1.0)
            first.kill(how)
            took = second.says("leads")
            assert took < (LEASE + 2.0) * 3  # three times as long as promised, on a machine that is busy
            if how == signal.SIGSTOP:
                first.kill(signal.SIGCONT)
                first.says("another service took over")
                first.says(f"stands by: process {second.process.pid} on ")
            assert done(roots[1], run) == "ok"
            assert effects(database) == [1]
            if how == signal.SIGTERM:
                assert first.process.wait(30) == 0


def test_a_state_that_is_restarted(project: Project, database: Server) -> None:
    """All connections of the service are cut, twice: it says so, and goes on."""
    clean(database)
    root = project({**on_postgres(database), **SLOW})
    with services(root) as (service,):
        service.says("leads")
        for _ in range(2):
            run = ask(root)
            service.says("begins")
            with database.connect() as connection:
                connection.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
                )
            service.says("cannot be reached")
            service.says("leads")
            assert done(root, run) == "ok"
        assert Counter(effects(database)) == {1: 2}


def test_the_page_of_one_that_stands_by(project: Project, database: Server) -> None:
    root = project({**MODEL, "eltflow.yml": on_postgres(database)["eltflow.yml"]})
    options = api.new_options()
    with closing(shared(root).connect()) as connection:
        connection.take("<b> on here", 60.0)  # type: ignore[attr-defined]
    said: list[str] = []
    assert is_serving(root, options)
    service = Service(root, options, now=lambda: at(0), say=said.append)
    try:
        assert not service.leads()
        assert not service.leads()
        assert "This service stands by: &lt;b&gt; on here leads." in status_page(service)
    finally:
        service.close()
    assert said == ["stands by: <b> on here leads"]


def test_what_a_stale_leader_writes_is_refused(project: Project, database: Server) -> None:
    root = project(MODEL, settings=settings(database))
    made = shared(root)
    with closing(made.connect()) as connection:
        token = connection.take("one", 0.0)  # type: ignore[attr-defined]
        assert connection.take("two", 60.0) == token + 1  # type: ignore[attr-defined]
        assert connection.leader() == "two"  # type: ignore[attr-defined]
        assert connection.take("three", 60.0) is None  # type: ignore[attr-defined]
        assert not connection.renew(token, 60.0)  # type: ignore[attr-defined]
    with closing(JobStore(made, token=token)) as stale, closing(JobStore(made, token=token + 1)) as leader:
        with pytest.raises(EltflowError) as caught:
            stale.queue(NewRun(job="j", started_by="hand"), at(0))
        assert caught.value.diagnostics[0].code == "E0809"
        assert leader.runs() == []
        assert leader.queue(NewRun(job="j", started_by="hand"), at(0)) is not None


def test_a_file_has_no_lease(project: Project) -> None:
    root = project(MODEL)
    with store(root) as jobs:
        assert jobs.token is None
    assert not shared(root).shared


def test_who_stands_still_within_a_transaction_holds_nobody_up_for_long(project: Project, database: Server) -> None:
    """A leader that is stopped between two statements keeps the locks of its transaction: the server ends that."""
    made = shared(project(MODEL, settings=settings(database)))
    with closing(JobStore(made)) as still, closing(JobStore(made)) as other:
        still._connection.execute("begin")
        still._connection.execute("select pg_advisory_xact_lock(hashtextextended(?, 0))", ("eltflow state eltflow_state",))
        began = time.monotonic()
        assert other.queue(NewRun(job="j", started_by="hand"), at(0)) is not None
        assert time.monotonic() - began < 20
        with pytest.raises(EltflowError) as caught:
            still.queue(NewRun(job="j", started_by="hand"), at(0))
        assert caught.value.diagnostics[0].code == "E0808"


def test_a_lease_that_is_lost_is_told_at_once(project: Project, database: Server) -> None:
    made = shared(project(MODEL, settings=settings(database)))
    told = threading.Event()
    leading = Leading(made, seconds=0.5, renew=0.2, lost=told.set)
    token, other = leading.take()
    assert (token, other) == (leading.token, None)
    with closing(made.connect()) as connection:
        connection.execute("update lease set token = token + 1, owner = 'two'")
    assert told.wait(20)
    assert leading.token is None
    leading.release()
    again = Leading(made, seconds=60.0)
    with closing(made.connect()) as connection:
        connection.execute("update lease set expires = clock_timestamp() + interval '1 hour'")
    assert again.take() == (None, "two")
