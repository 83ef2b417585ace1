"""The run loop: one thread owns the state, workers own a session each and put what happened on one queue.

Every step ends exactly once; none starts before those it waits for succeeded; only descendants of a failure are skipped.
"""

from __future__ import annotations

import datetime
import heapq
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, MutableMapping

from eltflow.base.diagnostics import Diagnostic, EltflowError
from eltflow.base.records import dataclass, field, replace
from eltflow.engine.guard import Guard
from eltflow.engine.pools import Pools
from eltflow.events import (
    BAD,
    Event,
    Message,
    RunFinished,
    RunStarted,
    StepFinished,
    StepResult,
    StepRetried,
    StepStarted,
    StillRunning,
)
from eltflow.plan.plan import Plan, Step
from eltflow.warehouse.protocols import Session
from eltflow.warehouse.values import WarehouseError

OpenSession = Callable[[], Session]
#: Does a step's work in a worker's thread: (step, session, tell) → result. Raises WarehouseError, EltflowError or ProgramError.
Work = Callable[[Step, Session, Callable[[Event], None]], StepResult]
Clock = Callable[[], datetime.datetime]

_TICK = 0.2
_PATIENCE = 30.0  #: seconds that a cancelled statement may take to end


def utc_now() -> datetime.datetime:
    """The time now, UTC."""
    return datetime.datetime.now(datetime.UTC)


def _never() -> bool:
    return False


class NotYet(Exception):
    """What a step waits for is not so yet: look again after so many seconds, and let its worker go meanwhile."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"look again in {seconds} s")
        self.seconds = seconds


@dataclass(slots=True)
class _Done:
    """What became of a worker's step; None if it is to be done again after `again` seconds."""

    worker: int
    result: StepResult | None
    again: float = 0.0


@dataclass(slots=True)
class _Worker:
    index: int
    inbox: queue.SimpleQueue[Step | None] = field(default_factory=queue.SimpleQueue)
    sessions: dict[str, Guard] = field(default_factory=dict)
    step: Step | None = None
    deadline: float | None = None
    stopping: bool = False
    timed_out: bool = False
    thread: threading.Thread | None = None

    @property
    def session(self) -> Guard | None:
        """The session at the target of its step, once one is open."""
        return self.sessions.get(self.step.target) if self.step is not None else None


def run(
    plan: Plan,
    open_session: OpenSession,
    work: Work,
    *,
    run_id: str,
    now: Clock = utc_now,
    ledger: MutableMapping[str, StepResult] | None = None,
    cancelled: Callable[[], bool] = _never,
    pause: float = 0.2,
    pools: Pools | None = None,
    elsewhere: Mapping[str, OpenSession] | None = None,
) -> Generator[Event, None, None]:
    """Run the plan. `ledger` is given each result before its event is; it is complete also when the iterator is closed early.

    When `cancelled` turns true (asked every 0.2 s), on a KeyboardInterrupt in the iterator, or when it is closed, what is running is
    cancelled and every other step ends as skipped. `pause` are the seconds before the first retry; they double with each. `elsewhere`
    opens the sessions of steps that name a target, by that name.
    """
    opens = {"": open_session, **(elsewhere or {})}
    return _Run(plan, opens, work, run_id, now, {} if ledger is None else ledger, cancelled, pause, pools or Pools({})).events()


class _Run:
    def __init__(
        self,
        plan: Plan,
        opens: Mapping[str, OpenSession],
        work: Work,
        run_id: str,
        now: Clock,
        ended: MutableMapping[str, StepResult],
        asked_to_stop: Callable[[], bool],
        pause: float,
        pools: Pools,
    ) -> None:
        self.plan = plan
        self.opens = opens
        self.work = work
        self.run_id = run_id
        self.now = now
        self.ended = ended
        self.asked_to_stop = asked_to_stop
        self.pause = pause
        self.pools = pools
        self.outbox: queue.SimpleQueue[Event | _Done] = queue.SimpleQueue()
        self.waiting = {i: len(set(step.waits)) for i, step in plan.steps.items()}
        self.children: dict[str, list[str]] = {i: [] for i in plan.steps}
        for step in plan.steps.values():
            for parent in set(step.waits):
                self.children[parent].append(step.id)
        self.order = {step_id: index for index, step_id in enumerate(plan.steps)}
        self.ready: list[tuple[float, int, str]] = []
        self.later: list[tuple[float, str]] = []  #: (when, on the monotonic clock; step), of those that wait for something
        self.begun: set[str] = set()
        self.began: dict[str, tuple[datetime.datetime, float]] = {}  #: when each step first began, also on the monotonic clock
        self.until: dict[str, float] = {}  #: up to when each may take, however often it waits
        self.workers: list[_Worker] = []
        self.idle: list[_Worker] = []
        self.halt = threading.Event()  # no more retries
        self.cancelled = False
        self.failing_fast = False

    def events(self) -> Generator[Event, None, None]:
        started = time.monotonic()
        yield RunStarted(
            run_id=self.run_id,
            command=self.plan.request.command,
            started_at=self.now(),
            steps=len(self.plan.steps),
            threads=self.plan.request.threads,
        )
        try:
            yield from self._loop()
        except (KeyboardInterrupt, GeneratorExit) as error:
            self.cancelled = True
            drained = self._drain("cancelled")
            if isinstance(error, GeneratorExit):
                for _ in drained:
                    pass
                return
            yield from drained
        finally:
            self._stop_workers()
        counts: dict[str, int] = {}
        for result in self.ended.values():
            counts[result.status] = counts.get(result.status, 0) + 1
        seconds = time.monotonic() - started
        yield RunFinished(run_id=self.run_id, finished_at=self.now(), seconds=seconds, counts=counts, cancelled=self.cancelled)

    # -- the loop --------------------------------------------------------------------------------------------------------------

    def _loop(self) -> Iterator[Event]:
        for step_id, count in self.waiting.items():
            if not count:
                self._push(step_id)
        while len(self.ended) < len(self.plan.steps):
            yield from self._start()
            if not any(worker.step for worker in self.workers) and not self.later and not self.ready:
                break
            item = self._next()
            if self.asked_to_stop():
                if item is not None:
                    self.outbox.put(item)
                raise KeyboardInterrupt
            if isinstance(item, _Done):
                yield from self._finish(item)
            else:
                yield item if item is not None else StillRunning()
        yield from self._drain("not reached")

    def _next(self) -> Event | _Done | None:
        """What happened next, or nothing for a while. Steps whose time is up are stopped, again and again until they end."""
        try:
            item = self.outbox.get(timeout=_TICK)
        except queue.Empty:
            item = None
        now = time.monotonic()
        for worker in self.workers:
            if worker.deadline is not None and now > worker.deadline:
                worker.timed_out = worker.stopping = True
            if worker.stopping:
                self._stop(worker)
        return item

    def _push(self, step_id: str) -> None:
        heapq.heappush(self.ready, (-self.plan.steps[step_id].priority, self.order[step_id], step_id))

    def _start(self) -> Iterator[Event]:
        while self.later and self.later[0][0] <= time.monotonic():
            self._push(heapq.heappop(self.later)[1])
        full: list[str] = []  # their pools have no slot, which another run may hold: they are asked again with every tick
        while self.ready:
            if self.ready[0][2] in self.ended:
                heapq.heappop(self.ready)
                continue
            worker = self._free_worker()
            if worker is None:
                break
            step = self.plan.steps[heapq.heappop(self.ready)[2]]
            if not self._has_thread(step) or not self.pools.take(step.node):
                self.idle.append(worker)
                full.append(step.id)
                continue
            if step.id in self.until and time.monotonic() > self.until[step.id]:  # it waited until then
                worker.step = step
                self.outbox.put(_Done(worker.index, self._late(step)))
                continue
            worker.step = step
            worker.timed_out = worker.stopping = False
            if worker.session is not None:
                worker.session.reset()
            started_at = self.now()
            if step.id not in self.begun:
                own = step.node.config.get("timeout")
                timeout = self.plan.request.timeout if own is None else own
                self.began[step.id] = (started_at, time.monotonic())
                if timeout:
                    self.until[step.id] = time.monotonic() + float(timeout)
            worker.deadline = self.until.get(step.id)
            worker.inbox.put(step)  # before the event: whoever hears it may stop the run there and then
            if step.id not in self.begun:
                self.begun.add(step.id)
                yield StepStarted(step=step.id, worker=worker.index, started_at=started_at)
        for step_id in full:
            self._push(step_id)

    def _late(self, step: Step) -> StepResult:
        """The result of a step that waited until its time was up."""
        started_at, began = self.began[step.id]
        seconds = time.monotonic() - began
        message = f"timed out after {seconds:.1f} s"
        return StepResult(
            step=step.id, status="error", started_at=started_at, finished_at=self.now(), seconds=seconds, message=message
        )

    def _has_thread(self, step: Step) -> bool:
        """Whether the step's target takes one more step at a time."""
        most = self.plan.request.threads_at.get(step.target)
        return most is None or sum(w.step is not None and w.step.target == step.target for w in self.workers) < most

    def _free_worker(self) -> _Worker | None:
        if self.idle:
            return self.idle.pop()
        if len(self.workers) >= self.plan.request.threads:
            return None
        worker = _Worker(len(self.workers) + 1)
        worker.thread = threading.Thread(target=self._serve, args=(worker,), name=f"eltflow-{worker.index}", daemon=True)
        self.workers.append(worker)
        worker.thread.start()
        return worker

    def _finish(self, done: _Done) -> Iterator[Event]:
        worker = self.workers[done.worker - 1]
        step, worker.step, worker.deadline, worker.stopping = worker.step, None, None, False
        self.idle.append(worker)
        assert step is not None
        self.pools.give(step.node)
        if done.result is None:
            again = time.monotonic() + done.again
            heapq.heappush(self.later, (min(again, self.until.get(step.id, again)), step.id))
            return
        yield from self._end(done.result)
        if done.result.status in BAD and self.plan.request.fail_fast and not self.halt.is_set():
            yield from self._stop_early()

    def _stop_early(self) -> Iterator[Event]:
        """Cancel what is running and skip what is not, but the hooks of the end."""
        self.failing_fast = True
        self._cancel_running()
        running = {worker.step.id for worker in self.workers if worker.step is not None}
        for step_id in self.plan.steps:
            if step_id not in self.ended and step_id not in running and not self._at_end(step_id):
                yield from self._end(_skipped(step_id, "--fail-fast", "skipped: --fail-fast"))

    def _at_end(self, step_id: str) -> bool:
        step = self.plan.steps[step_id]
        return step.action == "hook" and step.reason == "on_run_end"

    def _end(self, first: StepResult) -> Iterator[Event]:
        """Write a result down, and what follows from it: children are ready, or skipped with all that is below them.

        A hook of the end runs whatever became of the nodes; after another such hook that failed it does not.
        """
        queued = [first]
        for result in queued:
            if result.step in self.ended:
                continue
            self.ended[result.step] = result
            yield StepFinished(result=result)
            stops = result.status in BAD or result.status == "skipped"
            for child in self.children[result.step]:
                if child in self.ended:
                    continue
                if stops and (not self._at_end(child) or self._at_end(result.step)):
                    cause = result.because or result.step
                    queued.append(_skipped(child, cause, f"skipped because of {cause}"))
                    continue
                self.waiting[child] -= 1
                if not self.waiting[child]:
                    self._push(child)

    def _drain(self, why: str) -> Iterator[Event]:
        """Cancel what is running and wait for it, then end everything else as skipped."""
        self._cancel_running()
        deadline = time.monotonic() + _PATIENCE
        while any(worker.step for worker in self.workers) and time.monotonic() < deadline:
            item = self._next()
            if isinstance(item, _Done):
                self._give_back(self.workers[item.worker - 1])
                if item.result is None:
                    continue
                self.ended[item.result.step] = item.result
                yield StepFinished(result=item.result)
            elif item is not None:
                yield item
        running = {worker.step.id for worker in self.workers if worker.step is not None}
        for worker in self.workers:
            self._give_back(worker)
        for step_id in self.plan.steps:
            if step_id in self.ended:
                continue
            result = _skipped(step_id, why, f"skipped: {why}")
            if step_id in running:
                result = replace(result, status="cancelled", message="cancelled; its statement did not end in time")
            self.ended[step_id] = result
            yield StepFinished(result=result)

    def _give_back(self, worker: _Worker) -> None:
        step, worker.step = worker.step, None
        if step is not None:
            self.pools.give(step.node)

    def _cancel_running(self) -> None:
        self.halt.set()
        for worker in self.workers:
            if worker.step is not None:
                worker.stopping = True
                self._stop(worker)

    @staticmethod
    def _stop(worker: _Worker) -> None:
        if worker.step is not None and worker.session is not None:
            worker.session.stop()

    def _stop_workers(self) -> None:
        self.halt.set()
        for worker in self.workers:
            worker.inbox.put(None)
        for worker in self.workers:
            if worker.thread is not None:
                worker.thread.join(timeout=5)

    # -- workers ---------------------------------------------------------------------------------------------------------------

    def _serve(self, worker: _Worker) -> None:
        try:
            while (step := worker.inbox.get()) is not None:
                try:
                    done = _Done(worker.index, self._attempts(worker, step))
                except NotYet as wait:
                    done = _Done(worker.index, None, wait.seconds)
                self.outbox.put(done)
        finally:
            for session in worker.sessions.values():
                session.close()

    def _attempts(self, worker: _Worker, step: Step) -> StepResult:
        """The step's work, again after an error that may not come twice, with growing pauses."""
        attempt = 1
        while True:
            started_at, started = self.now(), time.monotonic()
            try:
                result = self.work(step, self._session(worker, step), self.outbox.put)
                return replace(
                    result,
                    started_at=started_at,
                    finished_at=self.now(),
                    seconds=time.monotonic() - started,
                    worker=worker.index,
                    attempts=attempt,
                )
            except NotYet:
                raise
            except BaseException as error:  # whatever it is: a step that never ended would hold up the run for good
                refused = _refused(error)
                if refused is not None and refused.retriable and attempt <= self.plan.request.retries and not worker.stopping:
                    wait = self.pause * 2 ** (attempt - 1)
                    self.outbox.put(StepRetried(step=step.id, attempt=attempt, wait_seconds=wait, message=str(error)))
                    if not self.halt.wait(wait):
                        attempt += 1
                        continue
                return self._failure(worker, step, error, started_at, time.monotonic() - started, attempt)

    def _session(self, worker: _Worker, step: Step) -> Guard:
        """The worker's session at the step's target; a new one where there is none yet, or it was lost."""
        session = worker.sessions.get(step.target)
        if session is not None and session.lost:
            del worker.sessions[step.target]
            session.close()
            session = None
        if session is None:
            session = worker.sessions[step.target] = Guard(self.opens[step.target]())
        return session

    def _failure(
        self, worker: _Worker, step: Step, error: BaseException, started_at: datetime.datetime, seconds: float, attempt: int
    ) -> StepResult:
        refused = _refused(error)
        cancelled = refused is not None and refused.kind == "cancelled"
        message = str(error)
        diagnostics: tuple[Diagnostic, ...] = error.diagnostics if isinstance(error, EltflowError) else ()
        if worker.timed_out:
            message = f"timed out after {seconds:.1f} s"
            diagnostics = ()
        elif cancelled:  # the engine says that it was interrupted; by what, only we know
            message = "cancelled: --fail-fast" if self.failing_fast else "cancelled"
            diagnostics = ()
        elif diagnostics:
            message = diagnostics[0].message
        elif not isinstance(error, WarehouseError):
            message = f"{type(error).__name__}: {error}"
        return StepResult(
            step=step.id,
            status="cancelled" if cancelled and not worker.timed_out else "error",
            started_at=started_at,
            finished_at=self.now(),
            seconds=seconds,
            worker=worker.index,
            attempts=attempt,
            message=message,
            diagnostics=diagnostics,
        )


def _refused(error: BaseException) -> WarehouseError | None:
    """The warehouse's own error, which may have come up while a template asked it something."""
    cause = error.__cause__ if isinstance(error, EltflowError) else error
    return cause if isinstance(cause, WarehouseError) else None


def _skipped(step_id: str, because: str, message: str) -> StepResult:
    return StepResult(step=step_id, status="skipped", because=because, message=message)


__all__ = ["Message", "run", "utc_now"]
