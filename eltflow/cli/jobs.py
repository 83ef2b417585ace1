"""The commands about jobs: `jobs`, `serve`, `trigger`, `pause`, `unpause`, `mute`, `unmute`, `cancel`, `resume`, `logs`."""

from __future__ import annotations

import json
import signal
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eltflow.base.plurals import counted
from eltflow.cli import options as o

if TYPE_CHECKING:
    from eltflow.api.jobs import Jobs
    from eltflow.schedule.jobs import Job
    from eltflow.state.jobs import JobRun, JobState, JobStore, Mute

_EVERY = (o.PROJECT, o.PRINTING)
_NAME = Annotated[str, typer.Argument(metavar="JOB", help="A job's name.")]
_RUN = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or its beginning.")]
_POLL = 0.2


def _jobs(given: o.Given) -> Jobs:
    from eltflow.api.jobs import open_jobs

    return open_jobs(o.project_root(given.project_dir), o.new_options(given.target, given.vars))


@o.takes(*_EVERY)
def jobs(
    given: o.Given,
    check: Annotated[
        bool, typer.Option("--check", help="Look at what each job selects and writes; print only what is wrong.")
    ] = False,
    runs: Annotated[bool, typer.Option("--runs", help="List runs of jobs, not the jobs.")] = False,
    muted: Annotated[bool, typer.Option("--muted", help="List what is muted, not the jobs.")] = False,
    limit: Annotated[int, typer.Option("--limit", help="How many runs.", min=1)] = 20,
) -> int:
    from eltflow.api.jobs import check_jobs
    from eltflow.base.diagnostics import EltflowError
    from eltflow.cli import render
    from eltflow.engine.run import utc_now
    from eltflow.state.jobs import JobStore

    found = _jobs(given)
    if check:
        told = check_jobs(found)
        if any(one.severity == "error" for one in told):
            raise EltflowError(told)
        given.warn(told)
        if given.voice.machine:
            given.voice.result({"jobs": len(found.jobs)})
        elif not given.quiet and not told:
            render.out(f"{counted(len(found.jobs), 'job')}: nothing is wrong")
        return 0
    with closing(JobStore(found.store)) as store:
        if runs:
            return _show_runs(given, store.runs(limit=limit))
        known, mutes = store.known(), store.mutes(utc_now())
    if muted:
        return _show_mutes(given, mutes)
    rows = [_row(job, known.get(job.name), mutes, utc_now()) for job in found.jobs]
    if given.voice.machine:
        given.voice.result(rows)
        return 0
    shown = [(r["name"], r["starts"], "paused" if r["paused"] else "  ".join(map(_short, r["next"]))) for r in rows]
    for line in render.table(("job", "starts", "next three times (UTC)"), shown):
        render.out(line)
    for mute in mutes:
        reason = f": {render.one_line(mute.reason)}" if mute.reason else ""
        render.note(f"{mute.kind} {mute.name} is muted until {_short(mute.until.isoformat())} UTC{reason}")
    if not rows:
        render.note("there are no jobs: write some in jobs.yml")
    return 0


def _short(time: str) -> str:
    """A time for people: seconds only where there are any."""
    return (time[:16] if time[16:19] == ":00" else time[:19]).replace("T", " ")


def _show_mutes(given: o.Given, mutes: list[Mute]) -> int:
    from eltflow.cli import render

    if given.voice.machine:
        given.voice.result([_plain(mute) for mute in mutes])
        return 0
    rows = [(mute.kind, mute.name, _short(mute.until.isoformat()), mute.who, mute.reason) for mute in mutes]
    for line in render.table(("muted", "name", "until (UTC)", "by", "reason"), rows):
        render.out(line)
    if not rows:
        render.note("nothing is muted")
    return 0


def _row(job: Job, state: JobState | None, mutes: list[Mute], now: Any) -> dict[str, Any]:
    from eltflow.schedule.due import upcoming

    until = next((mute.until for mute in mutes if mute.kind == "job" and mute.name == job.name), None)

    return {
        "name": job.name,
        "description": job.description,
        "command": job.command,
        "select": list(job.select),
        "target": job.target,
        "starts": ", or ".join(map(str, job.triggers)) or "when it is asked for",
        "paused": state is not None and state.paused,
        "muted_until": None if until is None else until.isoformat(),
        "next": [t.isoformat() for t in upcoming(job, now)],
    }


def _show_runs(given: o.Given, runs: list[JobRun]) -> int:
    from eltflow.cli import render

    if given.voice.machine:
        given.voice.result([_plain(run) for run in runs])
        return 0
    rows = [
        (r.id[:8], r.job, r.state, _short(r.slot.isoformat()) if r.slot else "", r.started_by,
         render.seconds((r.ended_at - r.started_at).total_seconds()) if r.ended_at and r.started_at else "", r.message or "")
        for r in runs
    ]  # fmt: skip
    for line in render.table(("run", "job", "state", "due (UTC)", "started by", "took", "message"), rows):
        render.out(line)
    if not rows:
        render.note("no job has run yet")
    return 0


def _plain(record: JobRun | Mute) -> dict[str, Any]:
    from eltflow.state.store import as_mapping

    return {key: value.isoformat() if hasattr(value, "isoformat") else value for key, value in as_mapping(record).items()}


@o.takes(*_EVERY)
def serve(
    given: o.Given,
    port: Annotated[
        int, typer.Option("--port", help="The port of the status page, on this machine alone (0: a free one).", min=0)
    ] = 8580,
    max_runs: Annotated[int, typer.Option("--max-runs", help="How many runs go on at the same time.", min=1)] = 4,
) -> int:
    from eltflow.cli import render
    from eltflow.engine.run import utc_now
    from eltflow.serve.service import Service, serving
    from eltflow.serve.web import listening

    root, options = o.project_root(given.project_dir), o.new_options(given.target, given.vars)

    def say(text: str) -> None:
        if given.voice.machine:
            render.out(json.dumps({"at": utc_now().isoformat(timespec="milliseconds"), "message": text}))
        elif not given.quiet:
            render.out(f"{utc_now():%H:%M:%S} {text}")
        sys.stdout.flush()

    with serving(root, options, utc_now):
        service = Service(root, options, now=utc_now, say=say, most=max_runs)
        with listening(service, port) as address:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: service.stop())
            count = counted(len(service.jobs.jobs), "job")
            say(f"{service.jobs.name}: {count} served, status at {address} (Ctrl-C ends it)")
            service.serve()
    say("stopped; what was running goes on with the next start")
    return 0


@o.takes(*_EVERY)
def trigger(
    given: o.Given,
    job: _NAME,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for its end; the exit code tells how that was.")] = False,
    key: Annotated[str | None, typer.Option("--key", help="A name for what is asked for: asked for twice, it runs once.")] = None,
) -> int:
    from eltflow.engine.run import utc_now
    from eltflow.state.jobs import JobStore, NewRun

    found = _jobs(given)
    found.job(job)
    with closing(JobStore(found.store)) as store:
        idem = None if key is None else f"asked {job} {key}"
        run_id = store.queue(NewRun(job=job, started_by="hand", idem=idem), utc_now())
        assert run_id is not None
        if not (wait and given.voice.machine):
            _say(given, {"run": run_id, "job": job}, f"{job}: run {run_id[:8]} is queued")
        if not _served(given, found):
            given.voice.note("no service of this project is at work here: `eltflow serve` runs it")
        return _wait(given, store, run_id) if wait else 0


@o.takes(*_EVERY)
def backfill(
    given: o.Given,
    job: _NAME,
    start: Annotated[str, typer.Argument(metavar="FROM", help="A day, or a time in the job's zone: 2026-01-31, 2026-01-31T06:00.")],
    end: Annotated[str, typer.Argument(metavar="TO", help="The same; it is not part of it.")],
    every: Annotated[
        str | None, typer.Option("--every", help="How long each run's interval is (default: by the job's times).")
    ] = None,
    cancel: Annotated[bool, typer.Option("--cancel", help="Cancel what is still to do of it.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for its end; the exit code tells how that was.")] = False,
) -> int:
    from eltflow.api.jobs import intervals_of, uses_interval
    from eltflow.base.diagnostics import fail
    from eltflow.engine.run import utc_now
    from eltflow.state.jobs import JobStore, NewRun

    found = _jobs(given)
    one = found.job(job)
    cut = intervals_of(one, start, end, every)
    with closing(JobStore(found.store)) as store:
        if cancel:
            ended = [store.cancel(run, utc_now()) for run in store.backfills(job, cut[0][0], cut[-1][1])]
            _say(given, {"job": job, "cancelled": len(ended)}, f"{job}: {counted(len(ended), 'run')} cancelled")
            return 0
        if not uses_interval(found, one):
            help = "use it: `where ordered_at >= '{{ interval.start }}' and ordered_at < '{{ interval.end }}'`"
            raise fail(
                "E0910", f"no node of `{job}` asks for `interval.start` or `interval.end`: each run would do the same", help=help
            )
        name = f"{cut[0][0].isoformat()} {cut[-1][1].isoformat()}"
        runs = [NewRun(job=job, started_by="backfill", interval=interval, backfill=name) for interval in cut]
        ids = store.backfill(runs, utc_now())
        waiting = f", {len(cut) - len(ids)} are still to do from before" if len(ids) < len(cut) else ""
        _say(given, {"job": job, "runs": ids}, f"{job}: {counted(len(ids), 'run')} queued{waiting}")
        if not _served(given, found):
            given.voice.note("no service of this project is at work here: `eltflow serve` runs it")
        return max((_wait(given, store, id) for id in ids), default=0) if wait else 0


@o.takes(*_EVERY)
def pause(given: o.Given, job: _NAME) -> int:
    return _set_paused(given, job, True)


@o.takes(*_EVERY)
def unpause(given: o.Given, job: _NAME) -> int:
    return _set_paused(given, job, False)


def _set_paused(given: o.Given, name: str, paused: bool) -> int:
    from eltflow.engine.run import utc_now
    from eltflow.state.jobs import JobStore

    found = _jobs(given)
    found.job(name)
    with closing(JobStore(found.store)) as store:
        store.pause(name, paused, utc_now())
    what = "is paused: it runs when it is asked for" if paused else "goes on, with the next time that comes"
    _say(given, {"job": name, "paused": paused}, f"{name} {what}")
    return 0


@o.takes(*_EVERY)
def mute(
    given: o.Given,
    name: Annotated[str, typer.Argument(metavar="JOB|NODE", help="A job's name, or else a node's name or id.")],
    until: Annotated[
        str | None, typer.Option("--until", help="Up to a day or a time, in the job's zone: 2026-01-31, 2026-01-31T06:00.")
    ] = None,
    span: Annotated[str | None, typer.Option("--for", help="For so long: '2 h', '3 days'.")] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why, for those who wonder.")] = None,
) -> int:
    from eltflow.api.jobs import mute_for
    from eltflow.engine.run import utc_now
    from eltflow.state.jobs import JobStore

    found = _jobs(given)
    made = mute_for(found, name, until, span, reason or "", utc_now())
    with closing(JobStore(found.store)) as store:
        store.mute(made)
    _say(given, _plain(made), f"{made.kind} {made.name} is muted until {_short(made.until.isoformat())} UTC")
    return 0


@o.takes(*_EVERY)
def unmute(
    given: o.Given,
    name: Annotated[str, typer.Argument(metavar="JOB|NODE", help="As `eltflow jobs --muted` lists it, or a node's name.")],
) -> int:
    from eltflow.base.diagnostics import fail
    from eltflow.engine.run import utc_now
    from eltflow.state.jobs import JobStore

    found = _jobs(given)
    with closing(JobStore(found.store)) as store:
        # By what is muted, not by what there is: a node may be gone by now, or the project be wrong.
        mutes = store.mutes(utc_now())
        fitting = [one for one in mutes if name == one.name] or [one for one in mutes if name in _short_names(one)]
        if len(fitting) > 1 and fitting[0].kind == "node":
            help = f"name one of them: {', '.join(one.name for one in fitting)}"
            raise fail("E0919", f"several nodes that are called `{name}` are muted", help=help)
        if not fitting or not store.unmute(fitting[0].kind, fitting[0].name, utc_now()):
            raise fail("E0919", f"`{name}` is not muted", help="eltflow jobs --muted lists what is")
    _say(given, {"kind": fitting[0].kind, "name": fitting[0].name}, f"{fitting[0].kind} {fitting[0].name} is told of again")
    return 0


def _short_names(mute: Mute) -> tuple[str, ...]:
    """What a node's id may be called for short: its name, with that of its source."""
    if mute.kind != "node":
        return ()
    _, _, *parts = mute.name.split(".")
    return (".".join(parts), *parts[:1])


@o.takes(*_EVERY)
def cancel(given: o.Given, run: _RUN) -> int:
    from eltflow.base.diagnostics import fail
    from eltflow.engine.run import utc_now
    from eltflow.state.jobs import ENDED, JobStore

    found = _jobs(given)
    with closing(JobStore(found.store)) as store:
        one = store.run(run)
        if one.state in ENDED:
            raise fail("E0909", f"the run {one.id[:8]} of `{one.job}` has ended: {one.state}", help="there is nothing to cancel")
        state = store.cancel(one, utc_now())
        if state == "running" and _served(given, found):
            state = _await_end(store, one.id, 30.0)
    told = {"cancelled": "is cancelled", "running": "is to be cancelled, when the service is at work again"}
    _say(given, {"run": one.id, "state": state}, f"{one.job}: run {one.id[:8]} {told.get(state, f'has ended: {state}')}")
    return 0


@o.takes(*_EVERY)
def resume(
    given: o.Given,
    run: _RUN,
    select: Annotated[list[str] | None, typer.Option("--select", "-s", help="Nodes to run again although they succeeded.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for its end; the exit code tells how that was.")] = False,
) -> int:
    from eltflow.base.diagnostics import fail
    from eltflow.engine.run import utc_now
    from eltflow.state.jobs import JobStore

    found = _jobs(given)
    with closing(JobStore(found.store)) as store:
        one = store.run(run)
        again = _nodes_of(given, found, one, select) if select else ()
        if not store.reopen(one, utc_now()):
            raise fail(
                "E0909", f"the run {one.id[:8]} of `{one.job}` has not ended: it is {one.state}", help="there is nothing to resume"
            )
        store.forget_nodes(one.id, again)
        if not (wait and given.voice.machine):
            _say(given, {"run": one.id, "job": one.job}, f"{one.job}: run {one.id[:8]} is queued again, for what is left of it")
        if not _served(given, found):
            given.voice.note("no service of this project is at work here: `eltflow serve` runs it")
        return _wait(given, store, one.id) if wait else 0


def _nodes_of(given: o.Given, found: Jobs, run: JobRun, select: list[str]) -> tuple[str, ...]:
    """The nodes that texts select in the project of a run's job. Raises EltflowError, also (E0905) if that is none."""
    from eltflow.api.jobs import options_for, selected
    from eltflow.api.loading import load
    from eltflow.base.diagnostics import fail
    from eltflow.base.records import replace

    job = found.job(run.job)
    loaded = load(found.root, options_for(found, job))
    chosen = selected(loaded, replace(job, select=tuple(select), exclude=(), selector=None))
    given.warn(chosen.diagnostics, always=True)
    if not chosen.ids:
        raise fail("E0905", "nothing is selected: there is nothing to run again", help="eltflow ls lists the nodes")
    return chosen.ids


@o.takes(*_EVERY)
def logs(
    given: o.Given,
    run: _RUN,
    node: Annotated[str | None, typer.Argument(help="Only lines about this node.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until the run has ended.")] = False,
) -> int:
    from eltflow.serve.attempt import log_path
    from eltflow.state.jobs import ENDED, JobStore

    found = _jobs(given)
    with closing(JobStore(found.store)) as store:
        one = store.run(run)
        path, at, shown = log_path(found.root, one.id), 0, 0
        while True:
            ended = store.run(one.id).state in ENDED  # before the file is read: nothing is added after it
            at, lines = _print_from(path, at, node)
            shown += lines
            if ended or not follow:
                break
            time.sleep(_POLL)
    if at and not shown:
        given.voice.note(f"nothing in the log of the run {one.id[:8]} is about `{node}`")
    if at == 0:
        given.voice.note(f"the run {one.id[:8]} of `{one.job}` has no log yet: it is {one.state}")
    return 0


def _print_from(path: Any, at: int, node: str | None) -> tuple[int, int]:
    """Print the whole lines of a file from a place on; gives the place after them, and how many were printed."""
    from eltflow.cli import render

    try:
        with open(path, "rb") as file:
            file.seek(at)
            data = file.read()
    except OSError:
        return at, 0
    shown = 0
    whole = data[: data.rfind(b"\n") + 1]
    for line in whole.decode("utf-8", "replace").splitlines():
        if node is None or node in line.replace(".", " ").split() or node in line.split():
            render.out(line)
            shown += 1
    sys.stdout.flush()
    return at + len(whole), shown


def _served(given: o.Given, found: Jobs) -> bool:
    from eltflow.serve.service import is_serving

    return is_serving(found.root, found.options)


def _say(given: o.Given, document: dict[str, Any], text: str) -> None:
    from eltflow.cli import render

    if given.voice.machine:
        given.voice.result(document)
    elif not given.quiet:
        render.out(text)
    sys.stdout.flush()


def _await_end(store: JobStore, run_id: str, seconds: float) -> str:
    from eltflow.state.jobs import ENDED

    deadline = time.monotonic() + seconds
    while (state := store.run(run_id).state) not in ENDED and time.monotonic() < deadline:
        time.sleep(_POLL)
    return state


def _wait(given: o.Given, store: JobStore, run_id: str) -> int:
    """Wait for the end of a run: 0 it is through, 1 it failed, 130 it was cancelled."""
    from eltflow.cli import render

    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        state = _await_end(store, run_id, float("inf"))
    except KeyboardInterrupt:
        given.voice.note("no longer waiting; the run goes on")
        return 130
    run = store.run(run_id)
    if given.voice.machine:
        given.voice.result(_plain(run))
    elif not given.quiet:
        render.out(f"{run.job}: run {run.id[:8]} {state}" + (f": {run.message}" if run.message else ""))
    return {"ok": 0, "failed": 1}.get(state, 130)
