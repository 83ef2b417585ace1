"""One attempt at a run of a job: what is left to do of it, done by the same engine as every command, each node written down as it goes."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Literal

from eltflow.api.artifacts import write_artifacts
from eltflow.api.freshness import Fresh, late, look, write_sources
from eltflow.api.jobs import NO_SECRETS, Jobs, options_for, owners_of, selected
from eltflow.api.loading import STATE_FOLDER, Loaded, load
from eltflow.api.log import LogFile
from eltflow.api.opening import connected
from eltflow.api.recording import applied_nodes
from eltflow.api.running import RunOptions, RunState, execute
from eltflow.base.diagnostics import Diagnostic, EltflowError, without
from eltflow.base.records import dataclass
from eltflow.engine.pools import Pools
from eltflow.events import BAD, StepFinished, StepResult, StepStarted
from eltflow.graph.graph import Graph
from eltflow.schedule.jobs import Job
from eltflow.state.jobs import JobRun, JobStore, NodeState
from eltflow.state.lock import run_lock
from eltflow.state.store import Store

Outcome = Literal["ok", "failed", "cancelled", "busy", "lost", "late"]
#: The states of a node that need not be run again.
DONE = frozenset({"success", "pass", "warn"})
#: Another run holds the target; or another process has its file open.
_BUSY = frozenset({"E0803", "E0807"})
_NO_CONNECTION = "E0805"
#: The state cannot be used now.
OUT_OF_REACH = "E0808"
#: A newer eltflow has brought it to a format of its own.
NEWER = "E0801"
#: It cannot be used, or is another's to write.
NO_STATE = frozenset({OUT_OF_REACH, NEWER, "E0809"})
#: Before what is told of a whole run, where else a node's id stands.
RUN = "run: "
#: How an attempt ended of which nobody was left to cancel what it had started elsewhere.
_LOST = frozenset({None, "interrupted"})
Clock = Callable[[], datetime.datetime]
#: Is called with the name of each moment at which a test may kill the process.
At = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What an alert can tell of a node, or of a whole run (see `of_the_run`): that it failed, or warned. `owners` are whose it is."""

    node: str
    name: str
    message: str
    severity: Literal["error", "warn"] = "error"
    owners: frozenset[str] = frozenset()

    @property
    def whole(self) -> bool:
        """Whether it is about a run, and no node."""
        return self.node.startswith(RUN)

    @property
    def words(self) -> str:
        """It in a line, which names the node once."""
        return self.message if not self.name or f"`{self.name}`" in self.message else f"{self.name}: {self.message}"


def of_the_run(message: str, severity: Literal["error", "warn"] = "error") -> Finding:
    """What there is to tell of a run as a whole; two of the same words are the same."""
    return Finding(node=f"{RUN}{message}", name="", message=message, severity=severity)


def in_a_line(findings: Sequence[Finding]) -> str:
    """The first finding, and how many there are beside it."""
    return findings[0].words + (f", and {len(findings) - 1} more" if len(findings) > 1 else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How an attempt ended. `again` says that another may end otherwise; `through` are the nodes that were looked at and of which there is
    nothing to tell, where the run writes no nodes down."""

    outcome: Outcome
    message: str | None = None
    again: bool = False
    warned: bool = False
    findings: tuple[Finding, ...] = ()
    through: frozenset[str] = frozenset()


class Control:
    """The way to stop an attempt from another thread; `why` says what for. `token` is that of its service's lease."""

    def __init__(self, token: int | None = None) -> None:
        self.token = token
        self.goes_on = False  #: whether jobs of APIs go on there, for whoever goes on here
        self.why: str | None = None
        self._state: RunState | None = None

    def stop(self, why: str) -> None:
        if self.why is None:
            self.why = why
        if self._state is not None:
            self._state.cancel()

    def holds(self, state: RunState) -> None:
        self._state = state
        if self.why is not None:
            state.cancel()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outside:
    """The jobs that APIs run for an attempt, in the state; each call is of a thread of its own."""

    store: Store
    control: Control
    run: JobRun
    run_id: str
    asked: str

    def known(self, unique_id: str) -> str | None:
        with closing(JobStore(self.store)) as store:
            return store.outside(self.run.id, unique_id, self.asked)

    def started(self, unique_id: str, job: str) -> None:
        with closing(JobStore(self.store, token=self.control.token)) as store:
            store.started_outside(self.run.id, unique_id, self.asked, job)

    def let_go(self) -> bool:
        try:
            with closing(JobStore(self.store, token=self.control.token)) as store:
                store.lets_go(self.run_id)
        except EltflowError as error:
            if error.diagnostics[0].code not in NO_STATE:
                raise
            self.control.goes_on = True
            return False
        return True


def log_path(root: Path, run: str) -> Path:
    """The log of a run of a job."""
    return root / STATE_FOLDER / "logs" / f"{run}.log"


def attempt(
    jobs: Jobs, job: Job, run: JobRun, run_id: str, control: Control, now: Clock, at: At, pools: Pools | None = None
) -> Ended:
    """Run what is left of it. Raises nothing."""
    secrets: tuple[str, ...] = ()
    try:
        about = (run.interval_start, run.interval_end) if run.interval_start and run.interval_end else None
        loaded = load(
            jobs.root, options_for(jobs, job, invocation_id=run_id, started_at=now(), interval=about, lease=control.token)
        )
        secrets = loaded.target.secrets
        with closing(JobStore(jobs.store, power=False, token=control.token)) as store:
            return _attempt(loaded, job, run, run_id, control, store, now, at, pools)
    except EltflowError as error:
        return _refused(error.diagnostics)
    except Exception as error:  # a run that never ended would hold its job up for good
        return Ended(outcome="failed", message=without(secrets, f"{type(error).__name__}: {error}"), again=True)


def _refused(found: Iterable[Diagnostic]) -> Ended:
    first = next(iter(found))
    text = f"{first.code}: {first.message}" + (f" ({first.span.file}:{first.span.line})" if first.span is not None else "")
    if first.code in _BUSY:
        return Ended(outcome="busy", message=text)
    if first.code in NO_STATE:
        return Ended(outcome="lost", message=text)
    return Ended(outcome="failed", message=text, again=first.code in (_NO_CONNECTION, NO_SECRETS))


def _attempt(
    loaded: Loaded,
    job: Job,
    run: JobRun,
    run_id: str,
    control: Control,
    store: JobStore,
    now: Clock,
    at: At,
    pools: Pools | None,
) -> Ended:
    chosen = selected(loaded, job).ids
    if not chosen:
        return Ended(outcome="failed", message=f"the job `{job.name}` selects nothing")
    if job.command == "freshness":
        return _fresh(loaded, chosen)
    ids = left(loaded, chosen, store.nodes(run.id), store, run)
    if not ids:
        return Ended(outcome="ok")
    behind = list(late(loaded, ids, chosen)) if job.on_late != "run_stale" else []
    if behind:
        below = {one.node.unique_id for one in behind} | loaded.graph.descendants([one.node.unique_id for one in behind])
        ids = tuple(i for i in ids if i not in below)
    ended = _run(loaded, job, run, run_id, control, store, now, at, pools, ids) if ids else Ended(outcome="ok")
    if behind and ended.outcome == "ok":
        words = "; ".join(_stale(one) for one in behind)
        if job.on_late == "wait":
            return Ended(outcome="late", message=f"waits for {words}")
        text = f"left out what depends on {words}"
        return Ended(outcome="ok", message=text, warned=True, findings=(*ended.findings, of_the_run(text, "warn")))
    return ended


def _run(
    loaded: Loaded,
    job: Job,
    run: JobRun,
    run_id: str,
    control: Control,
    store: JobStore,
    now: Clock,
    at: At,
    pools: Pools | None,
    ids: tuple[str, ...],
) -> Ended:
    """Run these nodes."""
    asked = f"{run.id} {sum(outcome not in _LOST for _, outcome in store.attempts(run.id))}"
    options = RunOptions(
        command=job.command,
        selected=ids,
        full_refresh=job.full_refresh,
        selection=f"job:{job.name}",
        pools=pools,
        asked=asked,
        outside=_Outside(store=loaded.store, control=control, run=run, run_id=run_id, asked=asked),
    )
    state = RunState(run_id=run_id)
    control.holds(state)
    log = LogFile(loaded, state, log_path(loaded.root, run.id))
    with log, closing(execute(loaded, options, state)) as events:
        for event in events:
            log.write(event)
            if isinstance(event, StepStarted):
                _note(store, loaded, run, run_id, event.step, "running", None, event.started_at)
                at("node begun")
            elif isinstance(event, StepFinished):
                at("node ended")
                result = event.result
                message = None if result.message is None else without(loaded.target.secrets, result.message)
                _note(store, loaded, run, run_id, result.step, result.status, message, now())
    if state.plan is not None:
        with _quietly():
            write_artifacts(loaded, options, state, ["eltflow", "serve"])
    return _ended(loaded, state, control)


def _fresh(loaded: Loaded, chosen: tuple[str, ...]) -> Ended:
    """Look how fresh sources are. One that is too old will be so again at once: nothing is tried again."""
    found = list(look(loaded, chosen))
    with _quietly():
        write_sources(loaded, found, ["eltflow", "serve"], sum(one.seconds for one in found))
    findings = tuple(
        Finding(
            node=one.node.unique_id,
            name=one.node.display,
            message=_age(one),
            severity="warn" if one.status == "warn" else "error",
            owners=owners_of(loaded, one.node),
        )
        for one in found
        if one.status != "pass"
    )
    bad = [one for one in findings if one.severity == "error"]
    through = frozenset(one.node.unique_id for one in found if one.status == "pass")
    if bad:
        again = any(one.status == "runtime error" for one in found)
        return Ended(outcome="failed", message=in_a_line(bad), again=again, findings=findings, through=through)
    return Ended(outcome="ok", warned=bool(findings), findings=findings)


def _age(one: Fresh) -> str:
    return one.message or f"its latest row is of {one.loaded_at:%Y-%m-%d %H:%M} UTC"


def _stale(one: Fresh) -> str:
    return f"{one.node.display}: {_age(one)}"


class _quietly:
    """Around what is good to have, and no part of the run."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        return isinstance(error, (EltflowError, OSError))


def _note(
    store: JobStore, loaded: Loaded, run: JobRun, run_id: str, step: str, state: str, message: str | None, at: datetime.datetime
) -> None:
    node = loaded.graph.nodes.get(step)
    store.node(run, run_id, step, state, node.checksum if node is not None else "", message, at)


def left(loaded: Loaded, chosen: tuple[str, ...], before: dict[str, NodeState], store: JobStore, run: JobRun) -> tuple[str, ...]:
    """The nodes of a run that are not done, in order: those that did not succeed, or are not what they were then; what a failed test
    looks at; and everything selected below them."""
    if not before:
        return chosen
    graph = loaded.graph
    unsure = {i for i, one in before.items() if one.state == "running" and i in graph.nodes}
    ids = [id for id, _ in store.attempts(run.id)]
    places = loaded.places
    for name in {
        places.step_target(graph.nodes[i]) for i in unsure
    }:  # the process was lost with them: the warehouse knows what is in it
        there = places.at(name)
        nodes = [places.seen(graph.nodes[i]) for i in unsure if places.step_target(graph.nodes[i]) == name]
        with run_lock(there.target_key, there.options.env), connected(there) as database:
            unsure -= applied_nodes(there, database, nodes, ids)
    done = {
        i
        for i, one in before.items()
        if (one.state in DONE or (one.state == "running" and i not in unsure))
        and i in graph.nodes
        and graph.nodes[i].checksum == one.checksum
    }
    failed = [i for i, one in before.items() if one.state in BAD and i in graph.nodes]
    again = {i for i in chosen if i not in done} | {i for test in failed for i in _looked_at(graph, test)}
    again |= graph.descendants(sorted(again))
    return tuple(i for i in chosen if i in again)


def _looked_at(graph: Graph, unique_id: str) -> Iterable[str]:
    """What a test that failed was written for: whoever mended it wants it built again."""
    test = graph.nodes[unique_id].test
    if test is None:
        return ()
    return (test.attached,) if test.attached is not None else graph.nodes[unique_id].parents


def _ended(loaded: Loaded, state: RunState, control: Control) -> Ended:
    if state.fenced:
        return Ended(outcome="lost", message="another run took the target over")
    results = list(state.results.values())
    bad = [result for result in results if result.status in BAD]
    findings = tuple(_finding(loaded, state, result) for result in results if result.status in ("error", "fail", "warn"))
    if state.finished is None or state.finished.cancelled:
        return Ended(outcome="cancelled", message=control.why or "cancelled", findings=findings)
    warned = bool(state.warned or any(one.severity == "warn" for one in findings))
    if bad:
        told = [one for one in findings if one.severity == "error"] or [_finding(loaded, state, one) for one in bad]
        errors = any(result.status != "fail" for result in bad)
        return Ended(outcome="failed", message=in_a_line(told), again=errors, warned=warned, findings=findings)
    return Ended(outcome="ok", warned=warned, findings=findings)


def _finding(loaded: Loaded, state: RunState, result: StepResult) -> Finding:
    node = loaded.graph.nodes.get(result.step)
    return Finding(
        node=result.step,
        name=_name(loaded, state, result),
        message=_why(loaded, result),
        severity="warn" if result.status == "warn" else "error",
        owners=owners_of(loaded, node) if node is not None else frozenset(),
    )


def _name(loaded: Loaded, state: RunState, result: StepResult) -> str:
    node = loaded.graph.nodes.get(result.step)
    if node is not None:
        return node.display
    return state.plan.steps[result.step].node.name if state.plan is not None and result.step in state.plan.steps else result.step


def _why(loaded: Loaded, result: StepResult) -> str:
    lines = (result.message or "").splitlines()
    return without(loaded.target.secrets, lines[0]) if lines else result.status
