"""The service's loop: due times become runs, runs are started and followed, what went wrong is told. Every step of it is written down before
the next is taken, so that a process which dies at any point leaves nothing undone and nothing done twice."""

from __future__ import annotations

import datetime
import json
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from eltflow.api.jobs import Jobs, open_jobs, tell
from eltflow.api.loading import STATE_FOLDER
from eltflow.base.diagnostics import EltflowError, fail
from eltflow.base.names import listed
from eltflow.base.records import dataclass, replace
from eltflow.engine.pools import Pools
from eltflow.project.folder import FILE as SETTINGS_FILE
from eltflow.project.jobs import FILE
from eltflow.project.options import Options
from eltflow.schedule.due import deadline_of, following, slots
from eltflow.schedule.jobs import AfterJob, Fresher, Job, NewFiles, Updated
from eltflow.serve.alerts import alerts_of_end, broken_alerts, deadline_alerts, muted, note_of, pause_before, still_wanted
from eltflow.serve.attempt import DONE, NEWER, NO_STATE, OUT_OF_REACH, At, Clock, Control, Ended, attempt, of_the_run
from eltflow.serve.keeping import Keeping
from eltflow.serve.leading import Leading, leader_of
from eltflow.serve.memory import give_back
from eltflow.serve.watching import Watch, told_shortly
from eltflow.state.jobs import AlertState, JobRun, JobStore, NewAlert, NewRun, Told
from eltflow.state.lock import is_held, run_lock, service_key
from eltflow.transfer import Note, NotTold

#: Seconds between two looks at the clock and at what commands asked for.
POLL = 0.5
#: Seconds until a run whose target is in use looks again.
_BUSY = 5.0
#: Until a run that waits for a source looks at it again.
_LATE = 60.0
#: Seconds that runs may take to stop when the service ends.
_PATIENCE = 10.0
#: Seconds between two looks at files.
_LOOK = 2.0
#: By how many seconds a clock that is set is told of; one that is kept right goes by less.
_JUMP = 5.0
#: How often an alert is tried, over some eight hours.
_ALERT_TRIES = 16
#: Seconds between two turns of what watches targets and sources.
_WATCH = 1.0
#: Between two looks at whether the project can still be read, where no run begins meanwhile.
_PROJECT = 30.0
#: Between two looks at whether another service still leads.
_STAND_BY = 1.0
_NEVER = datetime.datetime.max.replace(tzinfo=datetime.UTC)
#: The names of moments at which a test may kill the process.
POINTS = (
    *("slots queued", "run begun", "node begun", "node ended", "attempt ended", "run ended"),
    *("alert sent", "alert noted"),
)
Say = Callable[[str], None]


@dataclass(slots=True)
class _Active:
    """A run that is going on in a thread of its own."""

    job: Job
    run: JobRun
    run_id: str
    target: str | None
    began: float
    control: Control
    ended: Ended | None = None
    thread: threading.Thread | None = None


def is_serving(root: Path, options: Options) -> bool:
    """Whether a service of this project is at work: on this machine, or wherever its state is shared."""
    store = open_jobs(root, options).store
    return leader_of(store) is not None if store.shared else is_held(service_key(root / STATE_FOLDER), options.env)


@contextmanager
def serving(root: Path, options: Options, now: Clock) -> Iterator[None]:
    """Hold the place of the one service of a project, unless its state is shared: then the lease decides which one leads. Raises EltflowError:
    E0907 there is one already, E0908 its state cannot be kept safely where it is."""
    if open_jobs(root, options).store.shared:
        yield
        return
    folder = root / STATE_FOLDER
    kind = network_file_system(folder)
    if kind is not None:
        help = "keep the project on a disk of this machine"
        raise fail(
            "E0908", f"{STATE_FOLDER} is on a network file system ({kind}), where SQLite's locks cannot be trusted", help=help
        )
    about = {"user": options.env.get("USER") or options.env.get("LOGNAME"), "started_at": now().isoformat(timespec="seconds")}
    help = "one service runs a project; stop that one first"
    with run_lock(service_key(folder), options.env, about=about, held=("E0907", "this project is served already", help)):
        yield


_NETWORK = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse.sshfs", "fuse.glusterfs", "lustre", "gpfs")


def network_file_system(folder: Path, mounts: str = "/proc/self/mounts") -> str | None:
    """The kind of network file system that a folder is on; None if it is on none, or (off Linux) that cannot be told."""
    try:
        lines = Path(mounts).read_text().splitlines()
    except OSError:
        return None
    folder = folder.resolve()
    best = ("", "")
    for line in lines:
        _, place, kind, *_ = line.split(" ")
        place = place.replace("\\040", " ")
        if folder.is_relative_to(place) and len(place) >= len(best[0]):
            best = (place, kind)
    return best[1] if best[1] in _NETWORK else None


def files_now(root: Path, pattern: str) -> dict[str, list[int]]:
    """The files that a pattern finds, by path from the root, with size and time of the last change (ns)."""
    found = {}
    for path in root.glob(pattern):
        try:
            status = path.stat()
        except OSError:  # it went away
            continue
        if stat.S_ISREG(status.st_mode):
            found[path.relative_to(root).as_posix()] = [status.st_size, status.st_mtime_ns]
    return dict(sorted(found.items()))


class Service:
    """Runs the jobs of one project. `say` is told what a person may want to read; `most` runs go on at the same time; `at` is called at
    each of `POINTS`. `steady` counts seconds, whatever happens to the clock that tells `now`. `led` says whether this service works, or stands
    by `behind` another."""

    def __init__(
        self,
        root: Path,
        options: Options,
        *,
        now: Clock,
        say: Say,
        most: int = 4,
        at: At = lambda point: None,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self.root = root
        self.options = options
        self.now = now
        self.steady = steady
        self._seen = (now(), steady())
        self._say, self._saying = say, threading.Lock()
        self.most = most
        self.at = at
        self.stamp = self._stamp()
        self.jobs: Jobs = open_jobs(root, options)
        self.pools = Pools(self.jobs.pools)
        self.broken: str | None = None
        self.keeping = Keeping(root, self.say, self._tell_broken)
        self.active: dict[str, _Active] = {}
        self.jobs.store.upgrade()
        self.store = JobStore(self.jobs.store)
        self.leading = Leading(self.jobs.store, lost=self._lost) if self.jobs.store.shared else None
        self.led = self.leading is None
        self.behind: str | None = None
        self.wake = threading.Event()
        self.stopping = threading.Event()
        self.ticked = time.monotonic()
        self._looked = float("-inf")
        self._files: dict[tuple[str, str], dict[str, list[int]]] = {}
        self._due: dict[str, tuple[Job, datetime.datetime, datetime.datetime]] = {}
        self._sender = threading.Thread(target=self._send, name="eltflow-alerts", daemon=True)
        self._to_send = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="eltflow-watch", daemon=True)
        self.watch = Watch(now, self.say)
        self._said_of: dict[str, str] = {}
        #: Why the state cannot be used, while it cannot.
        self.without_state: str | None = None

    def say(self, text: str) -> None:
        """Tell a person, one thread at a time."""
        with self._saying:
            self._say(text)

    # -- from start to end -----------------------------------------------------------------------------------------------------

    def serve(self) -> None:
        """Work until `stop` is called; behind another service of the same state, wait for its end."""
        try:
            if self.leading is None:
                self.adopt()
            self._sender.start()
            self._watcher.start()
            while not self.stopping.is_set():
                try:
                    if self.leads():
                        self.tick()
                except EltflowError as error:
                    if not _of_the_state(error) or error.diagnostics[0].code == NEWER:
                        raise  # of a state that a newer eltflow has taken over, this one can make nothing any more
                    self._without_state(error)
                self.wake.wait(POLL if self.led else _STAND_BY)
                self.wake.clear()
        finally:
            self.close()

    def leads(self) -> bool:
        """Whether this is the service that works. One that comes to lead takes over what is going on, one that does no more lets go of it."""
        if self.leading is None:
            if not self.led:
                self._again()
            return True
        if self.led and self.leading.token is not None:
            return True
        if self.led:
            self.say("another service took over")
            self._let_go("another service took over")
        self.ticked = time.monotonic()
        token, other = self.leading.take()
        self.without_state = None
        if token is None:
            if other != self.behind:
                self.say(f"stands by: {other} leads")
            self.behind = other
            return False
        self.behind, self.led = None, True
        self.store.close()
        self.store = JobStore(self.jobs.store, token=token)
        self.say("leads")
        self.adopt()
        return True

    def _again(self) -> None:
        """Go on with a state that nobody else leads, now that it can be used."""
        self.ticked = time.monotonic()
        self.store.close()
        self.store = JobStore(self.jobs.store)
        self.adopt()
        self.led = True
        self.without_state = None
        self.say("the state can be used again")

    def _let_go(self, why: str) -> None:
        """Stop what runs: it is another's to run, or cannot be written down."""
        self.led = False
        self._stop_all(why)
        until = time.monotonic() + _PATIENCE
        for active in self.active.values():
            if active.thread is not None:
                active.thread.join(max(0.0, until - time.monotonic()))
        self.active.clear()

    def _lost(self) -> None:
        """Stop what runs at once: the loop may be waiting for a state that is out of reach."""
        self._stop_all("another service took over")
        self.wake.set()

    def _stop_all(self, why: str) -> None:
        for active in list(self.active.values()):
            active.control.stop(why)

    def _without_state(self, error: EltflowError) -> None:
        """What runs cannot be written down: it ends. Whichever service first reaches the state again goes on."""
        self.ticked = time.monotonic()
        first = error.diagnostics[0]
        if self.led or self.without_state != first.message:
            self.say(first.message)
        if first.code == OUT_OF_REACH:
            self.without_state = first.message
        self._let_go("the state cannot be used")
        if self.leading is not None:
            with self._unless_lost():
                self.leading.release()

    def stop(self) -> None:
        """End soon: what runs is cancelled in the warehouse, and goes on with the next start. May be called from a signal handler."""
        self.stopping.set()
        self.wake.set()

    def close(self) -> None:
        self.stopping.set()
        self._stop_all("the service was stopped")
        deadline = time.monotonic() + _PATIENCE
        for active in list(self.active.values()):
            if active.thread is not None:
                active.thread.join(max(0.0, deadline - time.monotonic()))
            if active.ended is not None:
                with self._unless_lost():
                    self._finish(active, stopping=True)
        self._to_send.set()
        for thread in (self._sender, self._watcher):
            if thread.is_alive():
                thread.join(_PATIENCE)
        if self.leading is not None:
            with self._unless_lost():
                self.leading.release()
        self.keeping.close()
        self.store.close()  # what did not stop in time is taken for lost at the next start

    @contextmanager
    def _unless_lost(self) -> Iterator[None]:
        """Around what is written at the end: where the state is out of reach, the next service finds out by itself."""
        try:
            yield
        except EltflowError as error:
            if not _of_the_state(error):
                raise

    def adopt(self) -> None:
        """Take over what a service that died was in the middle of."""
        for run, given_up in self.store.adopt(self.now()):
            if run.cancel_asked:
                self.store.end(run, None, "cancelled", self.now(), message="cancelled")
            elif given_up:
                message = f"given up: the service was lost {run.interruptions + 1} times while it ran"
                self._end(self._job(run), run, None, Ended(outcome="failed", message=message))
            else:
                self.say(f"{run.job}: run {run.id[:8]} goes on where it was lost")

    def tick(self) -> None:
        """Look at everything once."""
        self.ticked = time.monotonic()
        self.store.check()
        self._look_at_clock()
        self.reload()
        self.collect()
        self.cancel()
        self.make_due()
        self.look_at_files()
        self.watch_deadlines()
        self.start()
        self._to_send.set()

    def _look_at_clock(self) -> None:
        """Say so when the clock was set: due times that it passes are due, and those that it comes to again had their runs."""
        (before, then), self._seen = self._seen, (self.now(), self.steady())
        set_by = (self._seen[0] - before).total_seconds() - (self._seen[1] - then)
        if abs(set_by) > _JUMP:
            span = datetime.timedelta(seconds=round(abs(set_by)))
            back = ": due times until it is as late again had their runs" if set_by < 0 else ""
            self.say(f"the clock was set {'back' if set_by < 0 else 'on'} by {span}{back}")

    # -- the project -----------------------------------------------------------------------------------------------------------

    def _stamp(self) -> tuple[tuple[int, int] | None, ...]:
        found: list[tuple[int, int] | None] = []
        for name in (FILE, SETTINGS_FILE, ".env"):
            try:
                status = os.stat(self.root / name)
                found.append((status.st_mtime_ns, status.st_size))
            except OSError:
                found.append(None)
        return tuple(found)

    def reload(self) -> None:
        """Read the jobs again if their files changed. One that is wrong is told of, and the last good one holds."""
        stamp = self._stamp()
        if stamp == self.stamp:
            return
        self.stamp = stamp
        try:
            jobs = open_jobs(self.root, self.options)
            if jobs.settings.state != self.jobs.settings.state:
                raise fail("E0916", "the state is kept elsewhere now", help="start the service again to use it")
            self.options.read_secrets.clear()  # they may be kept elsewhere now
            self.jobs = jobs
            self.pools.set(jobs.pools)
            if self.leading is not None:
                self.leading.store = jobs.store  # its password may be another
        except EltflowError as error:
            first = error.diagnostics[0]
            where = f" ({first.span.file}:{first.span.line})" if first.span is not None else ""
            told, self.broken = self.broken is not None, f"{first.message}{where}"
            self.say(f"the jobs cannot be read, those of before go on: {self.broken}")
            if not told:  # once, however often the file is saved
                self.store.alert(broken_alerts(self.jobs, FILE, self.broken, self.now()), self.now())
            return
        self.say("the jobs were read again")
        self.broken = None

    def _tell_broken(self, why: str) -> bool:
        """Tell that the project cannot be read, but not while the jobs cannot either, which may be for the same settings."""
        if self.broken is not None:
            return False
        with closing(JobStore(self.jobs.store, token=None if self.leading is None else self.leading.token)) as store:
            store.alert(broken_alerts(self.jobs, "the project", why, self.now()), self.now())
        self._to_send.set()
        return True

    def _job(self, run: JobRun) -> Job | None:
        return next((job for job in self.jobs.jobs if job.name == run.job), None)

    # -- due times -------------------------------------------------------------------------------------------------------------

    def make_due(self) -> None:
        """Queue a run for each due time that came since the last look."""
        now, known = self.now(), self.store.known()
        new = [job.name for job in self.jobs.jobs if job.name not in known]
        if new:
            self.store.meet(new, now)
            return
        for job in self.jobs.jobs:
            state = known[job.name]
            if state.paused or now < self._next_due(job, state.since):
                continue
            found, more = slots(job, state.since, now)
            if not found:
                continue
            runs = [NewRun(job=job.name, started_by="time", slot=s.time, interval=(s.start, s.end)) for s in found]
            made = self.store.advance(job.name, found[-1].time, runs, now, supersede=job.catchup != "all")
            self.at("slots queued")
            if made:
                left_out = ", earlier ones left out" if more else ""
                self.say(f"{job.name}: due at {found[-1].time:%Y-%m-%d %H:%M:%S} UTC{left_out}")

    def _next_due(self, job: Job, since: datetime.datetime) -> datetime.datetime:
        """The first time after the last look at which a job is due; it is not looked for each time."""
        kept = self._due.get(job.name)
        if kept is None or kept[:2] != (job, since):
            first = min((next(following(trigger, since), _NEVER) for trigger in job.timed), default=_NEVER)
            kept = self._due[job.name] = (job, since, first)
        return kept[2]

    def look_at_files(self) -> None:
        """Queue a run where files are new or changed, and stand still since the last look. Those that are there when a job is first met
        are not new."""
        now, steady = self.now(), self.steady()
        if steady - self._looked < _LOOK:
            return
        self._looked = steady
        known = self.store.known()
        for job in self.jobs.jobs:
            for trigger in job.triggers:
                if not isinstance(trigger, NewFiles) or job.name not in known or known[job.name].paused:
                    continue
                found = files_now(self.root, trigger.pattern)
                before, self._files[job.name, trigger.pattern] = self._files.get((job.name, trigger.pattern)), found
                kept = self.store.position(job.name, str(trigger))
                if kept is None:
                    self.store.move(job.name, str(trigger), json.dumps(found), None, now)
                    continue
                seen = json.loads(kept)
                new = sorted(path for path, stamp in found.items() if seen.get(path) != stamp)
                if new and before == found:
                    run = NewRun(job=job.name, started_by=f"files: {listed(new)}")
                    self.store.move(job.name, str(trigger), json.dumps(found), run, now)
                    self.say(f"{job.name}: new files: {listed(new)}")

    def watch_deadlines(self) -> None:
        """Tell of runs that are not done by their deadline, whether they began or not. Of a job that is muted it is told once that is over,
        if the run still is not done."""
        now = self.now()
        watched = {
            job.name: job for job in self.jobs.jobs if job.deadline is not None and any("deadline" in a.on for a in job.alerts)
        }
        if not watched:
            return
        mutes = self.store.mutes(now)
        for run in self.store.unwarned(sorted(watched)):
            job = watched[run.job]
            deadline = None if run.slot is None else deadline_of(job, run.slot)
            mute = muted(mutes, job.name)
            if deadline is not None and now >= deadline and not mute.job:
                text = f"not done by {deadline:%Y-%m-%d %H:%M} UTC: it is {run.state}"
                self.store.alert(deadline_alerts(self.jobs, job, run, text, mute, now), now)

    # -- runs ------------------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin what is ready, one run of a job and one of a target at a time."""
        now = self.now()
        taken = {active.target for active in self.active.values()}
        for run in self.store.ready(now):
            job = self._job(run)
            if job is None:
                self.store.end(run, None, "cancelled", now, message=f"there is no job `{run.job}` any more")
                continue
            target = job.target or self.options.target
            if len(self.active) >= self.most or target in taken or self.stopping.is_set():
                continue
            run_id = self.store.begin(run, now)
            if run_id is None:
                continue
            self.at("run begun")
            taken.add(target)
            active = _Active(job=job, run=run, run_id=run_id, target=target, began=self.steady(), control=Control(self.store.token))
            active.thread = threading.Thread(target=self._work, args=(active,), name=f"eltflow-job-{job.name}", daemon=True)
            self.active[run.id] = active
            self.say(f"{job.name}: run {run.id[:8]} begins" + (f" (attempt {run.attempt + 1})" if run.attempt else ""))
            active.thread.start()

    def _work(self, active: _Active) -> None:
        jobs = self.jobs
        with self._going_on("the project cannot be looked at"):
            self.keeping.look_again(jobs)
        with self.keeping.using(jobs) as usable:
            active.ended = attempt(usable, active.job, active.run, active.run_id, active.control, self.now, self.at, self.pools)
        self.wake.set()
        give_back()

    def cancel(self) -> None:
        """Stop what somebody asked to be stopped, and what takes too long."""
        asked = self.store.to_cancel()
        for active in self.active.values():
            if active.run.id in asked:
                active.control.stop("cancelled")
            limit = active.job.timeout
            if limit is not None and self.steady() - active.began > limit:
                active.control.stop(f"timed out after {limit:g} s")

    def collect(self) -> None:
        """Take in the attempts that ended."""
        for active in list(self.active.values()):
            if active.ended is not None:
                self.at("attempt ended")
                self._finish(active)

    def _finish(self, active: _Active, stopping: bool = False) -> None:
        ended, run, job, now = active.ended, active.run, active.job, self.now()
        assert ended is not None
        del self.active[run.id]
        message = ended.message or ""
        timed_out = ended.outcome == "cancelled" and (active.control.why or "").startswith("timed out")
        if ended.outcome in ("busy", "lost") or (stopping and ended.outcome == "cancelled" and not timed_out):
            soon = now + datetime.timedelta(seconds=0 if stopping else _BUSY)
            outcome = "interrupted" if active.control.goes_on else "stopped"
            self.store.again(run, active.run_id, outcome, now, not_before=soon, counts=False, message=message)
            if not stopping:
                self.say(f"{job.name}: waits, {message}")
            return
        if ended.outcome == "late":
            soon = now + datetime.timedelta(seconds=_LATE)
            self.store.again(run, active.run_id, "waited", now, not_before=soon, counts=False, message=message)
            if message != run.message:
                self.say(f"{job.name}: {message}")
            return
        number = run.attempt + 1
        if number < job.attempts and (timed_out or (ended.outcome == "failed" and ended.again)):
            pause = pause_before(number, job.backoff)
            self.store.again(
                run, active.run_id, "retried", now, not_before=now + datetime.timedelta(seconds=pause), counts=True, message=message
            )
            self.say(f"{job.name}: attempt {number} of {job.attempts} failed, again in {pause:.0f} s: {message}")
            return
        if timed_out:
            findings = (of_the_run(active.control.why or ""), *ended.findings)
            ended = Ended(outcome="failed", message=active.control.why, warned=ended.warned, findings=findings)
        self._end(job, run, active.run_id, ended)

    def _end(self, job: Job | None, run: JobRun, run_id: str | None, ended: Ended) -> None:
        """End a run with all that follows from it."""
        now = self.now()
        then = [] if ended.outcome == "cancelled" else list(self._following(run, ended.outcome))
        alerts, told = self._news(job, run, ended, now) if job is not None and ended.outcome != "cancelled" else ([], None)
        self.store.end(run, run_id, ended.outcome, now, message=ended.message, then=then, alerts=alerts, told=told)
        self.at("run ended")
        self.say(f"{run.job}: run {run.id[:8]} {ended.outcome}" + (f": {ended.message}" if ended.message else ""))

    def _news(self, job: Job, run: JobRun, ended: Ended, now: datetime.datetime) -> tuple[list[NewAlert], Told]:
        """What an end tells, and what is then told of the job."""
        if not job.alerts:
            return [], {}
        done = {i for i, node in self.store.nodes(run.id).items() if node.state in DONE}
        return alerts_of_end(
            self.jobs,
            job,
            run,
            ended,
            told=self.store.told(job.name),
            through=done | ended.through,
            mute=muted(self.store.mutes(now), job.name),
            now=now,
        )

    def _following(self, run: JobRun, outcome: str) -> Iterator[NewRun]:
        """The runs of other jobs that this end starts, each once: under the end's own name."""
        known = self.store.known()
        interval = (run.interval_start, run.interval_end) if run.interval_start and run.interval_end else None
        for job in self.jobs.jobs:
            fits = any(isinstance(t, AfterJob) and t.job == run.job and t.on in (outcome, "any") for t in job.triggers)
            if fits and not (job.name in known and known[job.name].paused):
                idem = f"after {run.id} {job.name}"
                yield NewRun(job=job.name, started_by=f"job {run.job}", cause=run.id, interval=interval, idem=idem)

    def _watch(self) -> None:
        """Look at what others write, until the service ends."""
        looked = float("-inf")
        while not self.stopping.wait(_WATCH):
            if self.led and time.monotonic() - looked >= _PROJECT:
                with self._going_on("the project cannot be looked at"):
                    self.keeping.look(self.jobs)
                looked = time.monotonic()
            watched = any(isinstance(t, Updated | Fresher) for job in self.jobs.jobs for t in job.triggers)
            token = None if self.leading is None else self.leading.token
            if not watched or not self.led or (self.leading is not None and token is None):
                continue
            with (
                self._going_on("the triggers cannot be watched"),
                closing(JobStore(self.jobs.store, token=token)) as store,
                self.keeping.using(self.jobs) as jobs,
            ):
                if self.watch.look(jobs, store):
                    self.wake.set()

    @contextmanager
    def _going_on(self, what: str) -> Iterator[None]:
        """Around one turn of a thread that lives as long as the service: what goes wrong is said once, and the next turn comes a little
        later."""
        try:
            yield
        except Exception as error:
            words = told_shortly(error)
            if self._said_of.get(what) != words and not _of_the_state(error):  # of the state the loop tells
                self.say(f"{what}: {words}")
            self._said_of[what] = words
            self.stopping.wait(_STAND_BY)
        else:
            self._said_of.pop(what, None)

    # -- alerts ----------------------------------------------------------------------------------------------------------------

    def _send(self) -> None:
        """Send alerts until the service ends: a server that does not answer holds up nothing else."""
        while not self.stopping.is_set():
            with self._going_on("alerts cannot be sent"), closing(JobStore(self.jobs.store)) as store:
                while not self.stopping.is_set():
                    store.token = None if self.leading is None else self.leading.token
                    if self.led and (self.leading is None or store.token is not None):
                        self.send_alerts(store)
                    self._to_send.wait()
                    self._to_send.clear()

    def send_alerts(self, store: JobStore) -> None:
        """Send what is due; what does not arrive is tried again. A process that dies in between sends it twice rather than never."""
        for alerts in _messages(self._to_tell(store)):
            try:
                _tell(self.jobs, alerts[0].destination, note_of([alert.body for alert in alerts]))
            except NotTold as error:
                for alert in alerts:
                    given_up = not error.again or alert.attempts + 1 >= _ALERT_TRIES
                    later = None if given_up else self.now() + datetime.timedelta(seconds=pause_before(alert.attempts + 1, 5.0))
                    store.alerted(alert, "given up" if given_up else "pending", later, str(error))
                    more = "" if given_up else ", again later"
                    self.say(f"{alert.job}: {alert.destination} was not told of the {alert.occasion}: {error}{more}")
                continue
            self.at("alert sent")
            for alert in alerts:
                store.alerted(alert, "sent")
            self.at("alert noted")

    def _to_tell(self, store: JobStore) -> Iterator[AlertState]:
        """The alerts that are due, but for what was muted while they waited."""
        now = self.now()
        due = store.alerts(now)
        mutes = store.mutes(now) if due else []
        for alert in due:
            wanted = still_wanted(alert.body, muted(mutes, alert.job))
            if wanted is None:
                store.hush(alert)
                continue
            if wanted is not alert.body:
                left = {one["id"] for one in wanted["failures"]}
                store.hush(alert, [one["id"] for one in alert.body["failures"] if one["id"] not in left])
            yield replace(alert, body=wanted)


def _tell(jobs: Jobs, destination: str, note: Note) -> None:
    """Raise NotTold for whatever goes wrong: of one connection that cannot be used, no other may hear nothing. What an error says may hold a
    secret."""
    try:
        tell(jobs, destination, note)
    except (NotTold, sqlite3.Error):
        raise
    except Exception as error:
        raise NotTold(f"{type(error).__name__}: see that the connection's settings are right", again=True) from None


def _messages(alerts: Iterable[AlertState]) -> list[list[AlertState]]:
    """The alerts by the message that tells them."""
    made: dict[tuple[str, int | None], list[AlertState]] = {}
    for alert in alerts:
        made.setdefault((alert.destination, None if alert.together else alert.id), []).append(alert)
    return list(made.values())


def _of_the_state(error: Exception) -> bool:
    """Whether the state is out of reach, or another's to write."""
    return isinstance(error, EltflowError) and error.diagnostics[0].code in NO_STATE


__all__ = ["POINTS", "Service", "is_serving", "network_file_system", "serving"]
