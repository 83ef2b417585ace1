"""What jobs read: a job begins when that was written or has later rows, and what depends on a source that is late waits, or is left out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest
from postgres_server import Server
from served import Bench, bench

from eltflow.schedule.durations import seconds
from eltflow.serve.watching import Watch
from eltflow.state.jobs import JobStore, NewRun

Project = Callable[..., Path]
Run = Callable[..., Any]
MODELS = {
    "models/a.sql": "{{ config(materialized='table') }} select 1 as id\n",
    "models/b.sql": "{{ config(materialized='table') }} select id from a\n",
    "models/mart.sql": "{{ config(materialized='table') }} select id from b\n",
}
LIMITS = "{error_after: {count: 1, period: hour}}"


def sources(limits: str = f"freshness: {LIMITS}, ") -> str:
    return f"sources: [{{name: crm, schema: main, tables: [{{name: t, {limits}loaded_at_field: loaded}}, {{name: u}}]}}]\n"


def jobs(*entries: str) -> str:
    return "jobs:\n" + "".join(f"  - {{{entry}}}\n" for entry in entries)


def rows(root: Path, *queries: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(root / "p.duckdb")) as connection:
        for query in queries:
            found = connection.execute(query).fetchall()
    return found


def watch(made: Bench) -> list[tuple[str, str, str]]:
    """Look once at everything, whenever it was looked at last, and run what that starts; gives the new runs."""
    before = {run.id for run in made.runs()}
    one = Watch(made.clock, made.said.append, look=0.0)
    with closing(JobStore(made.service.jobs.store)) as store:
        one.look(made.service.jobs, store)
    return [(run.job, run.started_by, run.state) for run in made.look(seconds=1) if run.id not in before]


# -- what runs write -----------------------------------------------------------------------------------------------------------------


def test_another_target_is_looked_at_anew(project: Project, eltflow: Run) -> None:
    """What it holds when the job first runs there is not new, although it is other than what was at the target of before."""
    two = "name: p\ntargets:\n" + "".join(
        f"  {name}: {{type: duckdb, path: {name}.duckdb, schema: s}}\n" for name in ("dev", "prod")
    )
    text = jobs("name: marts, select: mart, target: %s, triggers: [{updated: a}]")
    root = project({**MODELS, "jobs.yml": text % "dev", "eltflow.yml": two + "default_target: dev\n"})
    for target in ("dev", "prod"):
        assert eltflow("build", "--target", target, cwd=root).code == 0
    with bench(root) as made:
        assert watch(made) == []
        (root / "jobs.yml").write_text(text % "prod")
        made.look()
        assert watch(made) == []
        assert eltflow("run", "--select", "a", "--target", "prod", cwd=root).code == 0
        assert watch(made) == [("marts", "updated: a", "ok")]


@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
def test_what_any_run_writes_starts_a_job(project: Project, eltflow: Run, postgres: Server, engine: str) -> None:
    """A build by hand, another job's run; but not the job's own, nor a node that nobody named, nor what was there before."""
    text = jobs("name: marts, select: mart b, triggers: [{updated: [a, b]}]", "name: loads, select: a")
    files = {**MODELS, "jobs.yml": text}
    if engine == "postgres":
        with postgres.connect() as connection:
            connection.execute("drop schema if exists s cascade; drop schema if exists eltflow_meta cascade")
        import json

        files["eltflow.yml"] = f"name: p\ntargets:\n  dev: {json.dumps(postgres.target())}\n"
    root = project(files)
    assert eltflow("build", cwd=root).code == 0
    with bench(root) as made:
        assert watch(made) == []
        assert watch(made) == []
        assert eltflow("build", "-s", "mart", cwd=root).code == 0
        assert watch(made) == []
        assert eltflow("build", "-s", "a", cwd=root).code == 0
        assert watch(made) == [("marts", "updated: a", "ok")]
        assert watch(made) == []  # it wrote b itself
        made.store.queue(NewRun(job="loads", started_by="hand"), made.clock())
        made.look(seconds=1)
        assert watch(made) == [("marts", "updated: a", "ok")]
        made.store.pause("marts", True, made.clock())
        assert eltflow("build", "-s", "a", "b", cwd=root).code == 0
        assert watch(made) == []
        made.store.pause("marts", False, made.clock())
        assert watch(made) == [("marts", "updated: a, b", "ok")]
    with bench(root) as made:  # what happens while no service is there is seen by the next
        assert watch(made) == []
    assert eltflow("build", "-s", "b", cwd=root).code == 0
    with bench(root) as made:
        assert watch(made) == [("marts", "updated: b", "ok")]


def test_a_file_that_did_not_change_is_not_opened(project: Project, eltflow: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    root = project({**MODELS, "jobs.yml": jobs("name: j, select: b, triggers: [{updated: a}]")})
    assert eltflow("build", cwd=root).code == 0
    opened = 0
    from eltflow.serve import watching

    original = watching.state_of

    def counted(*given: Any) -> Any:
        nonlocal opened
        opened += 1
        return original(*given)

    monkeypatch.setattr(watching, "state_of", counted)
    with bench(root) as made, closing(JobStore(made.service.jobs.store)) as store:
        one = Watch(made.clock, made.said.append, look=0.0)
        for _ in range(3):
            one.look(made.service.jobs, store)
        assert opened == 1
        with duckdb.connect(str(root / "p.duckdb")) as other:
            other.execute("create table x as select 1 as id")
            one.look(made.service.jobs, store)  # in use: it is looked at later
        one.look(made.service.jobs, store)
        one.look(made.service.jobs, store)
        assert opened in (2, 3)
        assert made.runs() == []


# -- what comes into sources ---------------------------------------------------------------------------------------------------------


def test_a_later_row_starts_a_job(project: Project) -> None:
    text = jobs("name: j, select: a, triggers: [{fresher: crm.t, check: 10 s}]")
    root = project({**MODELS, "models/s.yml": sources(""), "jobs.yml": text})
    rows(root, "create table t as select timestamptz '2026-01-01 00:00:00+00' as loaded")
    with bench(root) as made:
        assert watch(made) == []
        rows(root, "insert into t values (timestamptz '2025-01-01 00:00:00+00')")
        assert watch(made) == []
        rows(root, "insert into t values (timestamptz '2026-01-01 00:00:01+00')")
        assert watch(made) == [("j", "a later row of crm.t", "ok")]
        rows(root, "drop table t")
        assert watch(made) == []
        rows(root, "create table t as select timestamptz '2026-01-02 00:00:00+00' as loaded")
        assert watch(made) == [("j", "a later row of crm.t", "ok")]


@pytest.mark.parametrize(
    ("trigger", "message"),
    [
        ("updated: nope", "error[E0913]: there is no `nope` that a run could write"),
        ("updated: [a, eph]", "error[E0913]: there is no `eph` that a run could write"),
        ("fresher: crm.tt", "error[E0913]: there is no source `crm.tt`"),
        ("fresher: crm.u", "error[E0415]: nothing says when rows of `crm.u` came"),
        ("updated: b", "warning[W0915]: the job writes `b` itself: of what starts it, its own runs do not count"),
        ("fresher: crm.t, check: often", "error[E0103]: `check` must be a span of time, not `often`"),
        ("updated: a, check: 1 s", "error[E0103]: `check` means nothing to `updated`"),
        (
            "updated: a, fresher: crm.t",
            "error[E0103]: a trigger is one of `cron`, `every`, `job`, `files`, `webhook`, `updated`, `fresher`,",
        ),
    ],
)
def test_triggers_that_are_wrong(project: Project, eltflow: Run, trigger: str, message: str) -> None:
    more = {"models/s.yml": sources(), "models/eph.sql": "{{ config(materialized='ephemeral') }} select 1 as id"}
    root = project({**MODELS, **more, "jobs.yml": jobs(f"name: j, select: b, triggers: [{{{trigger}}}]")})
    done = eltflow("jobs", "--check", cwd=root)
    assert message in done.text
    assert "jobs.yml:2:" in done.text or "s.yml:1:" in done.text
    assert done.code == (0 if "warning" in message else 2)


def test_what_is_wrong_later_is_said_once(project: Project) -> None:
    root = project({**MODELS, "jobs.yml": jobs("name: j, select: b, triggers: [{updated: gone}]")})
    with bench(root) as made, closing(JobStore(made.service.jobs.store)) as store:
        one = Watch(made.clock, made.said.append, look=0.0)
        for _ in range(3):
            assert one.look(made.service.jobs, store) == []
        assert [s for s in made.said if "gone" in s] == ["j: updated gone: there is no `gone` that a run could write"]


# -- late --------------------------------------------------------------------------------------------------------------------------

READS = {
    **MODELS,
    "models/of_t.sql": "{{ config(materialized='table') }} select count(*) as n from {{ source('crm', 't') }}\n",
    "models/below.sql": "{{ config(materialized='table') }} select n from of_t\n",
    "models/s.yml": sources(),
}
OLD = "create or replace table t as select timestamptz '2026-01-01 00:00:00+00' as loaded"
NEW = "create or replace table t as select now() as loaded"
THERE = "select table_name from information_schema.tables where table_schema = 's' order by 1"
OTHERS = [("a",), ("b",), ("mart",)]
ALL = [("a",), ("b",), ("below",), ("mart",), ("of_t",)]


def of_late(project: Project, on_late: str) -> Path:
    root = project({**READS, "jobs.yml": jobs(f"name: j, on_late: {on_late}")})
    rows(root, OLD)
    return root


def test_only_what_depends_on_a_late_source_waits(project: Project) -> None:
    root = of_late(project, "wait")
    with bench(root) as made:
        made.store.queue(NewRun(job="j", started_by="hand"), made.clock())
        (run,) = made.look(seconds=1)
        words = "waits for crm.t: its latest row is of 2026-01-01 00:00 UTC"
        assert (run.state, run.attempt, run.message) == ("queued", 0, words)
        assert rows(root, THERE) == OTHERS
        (run,) = made.look(seconds=61)
        assert (run.state, run.attempt) == ("queued", 0)
        assert [outcome for _, outcome in made.store.attempts(run.id)] == ["waited"]
        assert [s for s in made.said if "waits for" in s] == [f"j: {words}"]
        (run,) = made.look(seconds=30)
        assert run.state == "queued"
        rows(root, NEW)
        (run,) = made.look(seconds=61)
        assert (run.state, run.attempt) == ("ok", 1)
        assert rows(root, THERE) == ALL
        nodes = made.store.nodes(run.id)
        assert len({nodes[f"model.p.{name}"].run_id for name in ("a", "below")}) == 2  # what was through was not run again
        assert dt.timedelta(seconds=seconds("1 min") or 0) <= made.clock() - run.created_at


def test_a_run_that_waits_can_be_cancelled(project: Project) -> None:
    with bench(of_late(project, "wait")) as made:
        made.store.queue(NewRun(job="j", started_by="hand"), made.clock())
        (run,) = made.look(seconds=1)
        assert made.store.cancel(run, made.clock()) == "cancelled"
        assert [r.state for r in made.look(minutes=5)] == ["cancelled"]


def test_what_depends_on_a_late_source_is_left_out(project: Project) -> None:
    root = of_late(project, "skip")
    with bench(root) as made:
        made.store.queue(NewRun(job="j", started_by="hand"), made.clock())
        (run,) = made.look(seconds=1)
        assert (run.state, run.message) == ("ok", "left out what depends on crm.t: its latest row is of 2026-01-01 00:00 UTC")
        assert rows(root, THERE) == OTHERS


def test_stale_rows_are_taken_unless_told(project: Project) -> None:
    root = of_late(project, "run_stale")
    (root / "jobs.yml").write_text(jobs("name: j", "name: k, on_late: run_stale"))
    with bench(root) as made:
        for name in ("j", "k"):
            made.store.queue(NewRun(job=name, started_by="hand"), made.clock())
            made.look(seconds=1)
        assert made.states() == [("j", "ok"), ("k", "ok")]
    assert rows(root, THERE) == ALL


def test_a_source_that_the_job_loads_itself_is_not_late(project: Project) -> None:
    step = "steps: [{name: t, source: {kind: files, path: t.csv}, into: crm.t}]\n"
    described = "sources: [{name: crm, schema: s_crm, freshness: {error_after: {count: 1, period: hour}}, tables: [{name: t}]}]\n"
    files = {
        "t.csv": "id\n1\n",
        "ingest/t.yml": step,
        "models/s.yml": described,
        "models/m.sql": "select * from {{ source('crm', 't') }}",
    }
    root = project({**files, "jobs.yml": jobs("name: j, on_late: wait", "name: k, select: m, on_late: wait")})
    with bench(root) as made:
        rows(root, "select 1")
        for name in ("k", "j"):
            made.store.queue(NewRun(job=name, started_by="hand"), made.clock())
            made.look(seconds=10)
        assert made.states() == [("k", "queued"), ("j", "ok")], made.runs()
        made.look(seconds=60)
        assert made.states() == [("k", "ok"), ("j", "ok")], made.runs()


def test_a_failure_beside_a_late_source(project: Project) -> None:
    """What failed is told and tried again as ever; what waits goes on waiting."""
    root = project(
        {**READS, "models/a.sql": "select error('no') as id", "jobs.yml": jobs("name: j, on_late: wait, retries: {attempts: 2}")}
    )
    rows(root, OLD)
    with bench(root) as made:
        made.store.queue(NewRun(job="j", started_by="hand"), made.clock())
        (run,) = made.look(seconds=1)
        assert (run.state, run.attempt) == ("queued", 1)
        (root / "models" / "a.sql").write_text(MODELS["models/a.sql"])
        rows(root, NEW)
        assert made.look(minutes=2)[0].state == "ok"
        assert rows(root, THERE) == ALL


def test_a_source_loaded_by_an_earlier_attempt_is_not_late(project: Project) -> None:
    """What failed beside it is tried again, and the step is not among what is left."""
    step = "steps: [{name: t, source: {kind: files, path: t.csv}, into: crm.t}]\n"
    described = "sources: [{name: crm, schema: s_crm, freshness: {error_after: {count: 1, period: hour}}, tables: [{name: t}]}]\n"
    model = "{{ config(materialized='table') }} select error('no') from {{ source('crm', 't') }}"
    files = {"t.csv": "id\n1\n", "ingest/t.yml": step, "models/s.yml": described, "models/m.sql": model}
    root = project({**files, "jobs.yml": jobs("name: j, on_late: skip, retries: {attempts: 2, backoff: 1 s}")})
    with bench(root) as made:
        made.store.queue(NewRun(job="j", started_by="hand"), made.clock())
        (run,) = made.look(seconds=1)
        assert (run.state, run.attempt) == ("queued", 1)
        rows(root, "update eltflow_meta.load set loaded_at = loaded_at - interval 1 day")
        (run,) = made.look(seconds=5)
        assert (run.state, run.attempt) == ("failed", 2)
        assert run.message == "model `m`: Invalid Input Error: no"


# -- what is in the way of looking -------------------------------------------------------------------------------------------------


def test_rows_that_come_from_elsewhere(project: Project, tmp_path: Path) -> None:
    """A source of the target may be a view over files: the target's own file does not change with them."""
    text = jobs("name: j, select: a, triggers: [{fresher: crm.t, check: 10 s}]")
    root = project({**MODELS, "models/s.yml": sources(""), "jobs.yml": text})
    there = tmp_path / "t.parquet"
    day = "copy (select timestamptz '2026-01-0{} 00:00:00+00' as loaded) to '{}'"
    duckdb.execute(day.format(1, there))
    rows(root, f"create view t as select * from read_parquet('{there}')")
    with bench(root) as made, closing(JobStore(made.service.jobs.store)) as store:
        one = Watch(made.clock, made.said.append, look=0.0)

        def look() -> int:
            one._next.clear()
            return len(one.look(made.service.jobs, store))

        assert look() == 0
        duckdb.execute(day.format(2, there))
        assert look() == 1
        made.look(seconds=1)
        assert look() == 0


def test_a_time_that_is_none_stops_nothing_else(project: Project) -> None:
    text = jobs("name: j, select: a, triggers: [{fresher: crm.t}]", "name: k, select: b, triggers: [{updated: a}]")
    root = project({**MODELS, "models/s.yml": sources(""), "jobs.yml": text})
    rows(root, "create table t as select '9999-12-31T23:59:59-05:00' as loaded")
    with bench(root) as made:
        assert watch(made) == []
        made.store.queue(NewRun(job="j", started_by="hand"), made.clock())
        made.look(seconds=1)
        assert watch(made) == [("k", "updated: a", "ok")]
        assert any("crm.t" in said and "no time" in said for said in made.said)


def test_one_run_for_what_is_written_while_it_waits(project: Project, eltflow: Run) -> None:
    root = project({**MODELS, "jobs.yml": jobs("name: j, select: mart, triggers: [{updated: [a, b]}]")})
    assert eltflow("build", cwd=root).code == 0
    with bench(root) as made, closing(JobStore(made.service.jobs.store)) as store:
        one = Watch(made.clock, made.said.append, look=0.0)
        assert one.look(made.service.jobs, store) == []
        for name in ("a", "b", "a"):
            assert eltflow("build", "-s", name, cwd=root).code == 0
            one.look(made.service.jobs, store)
        assert [(run.started_by, run.state) for run in made.look(seconds=1)] == [("updated: a", "ok")]


def test_a_position_that_cannot_be_written_is_looked_at_again(
    project: Project, eltflow: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = project({**MODELS, "jobs.yml": jobs("name: j, select: mart, triggers: [{updated: a}]")})
    assert eltflow("build", cwd=root).code == 0
    with bench(root) as made, closing(JobStore(made.service.jobs.store)) as store:
        one = Watch(made.clock, made.said.append, look=0.0)
        one.look(made.service.jobs, store)
        assert eltflow("build", "-s", "a", cwd=root).code == 0
        with monkeypatch.context() as broken:
            broken.setattr(store, "move", lambda *given: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                one.look(made.service.jobs, store)
        assert len(one.look(made.service.jobs, store)) == 1


def test_the_threads_of_a_service_outlive_what_goes_wrong(project: Project) -> None:
    root = project({**MODELS, "jobs.yml": jobs("name: j, select: b, triggers: [{updated: a}]")})
    with bench(root) as made:
        service = made.service
        for _ in range(2):
            with service._going_on("it cannot be done"):
                raise OverflowError("too far")
        assert [said for said in made.said if "cannot be done" in said] == ["it cannot be done: OverflowError: too far"]


def test_a_target_that_keeps_no_record(project: Project, eltflow: Run) -> None:
    target = "{type: mariadb, host: h, user: u, password: p, schema: s}"
    settings = f"name: p\ntargets: {{dev: {target}}}\n"
    root = project({**MODELS, "eltflow.yml": settings, "jobs.yml": jobs("name: j, select: b, triggers: [{updated: a}]")})
    done = eltflow("jobs", "--check", cwd=root)
    assert done.code == 2
    assert "error[E0914]: on a mariadb target no run records what it wrote, which `updated` goes by\n --> jobs.yml:2:" in done.text
    assert "start the job after another one: `{job: ...}`" in done.text


def test_a_state_that_is_moved_while_a_service_runs(project: Project) -> None:
    root = project({**MODELS, "jobs.yml": jobs("name: j")})
    with bench(root) as made:
        text = (root / "eltflow.yml").read_text()
        meta = "connections: {meta: {type: postgres, host: h, user: u, dbname: d}}\nstate: {connection: meta}\n"
        (root / "eltflow.yml").write_text(text + meta)
        made.look(seconds=1)
        assert made.service.broken == "the state is kept elsewhere now"
        (root / "eltflow.yml").write_text(text)
        made.look(seconds=1)
        assert made.service.broken is None
