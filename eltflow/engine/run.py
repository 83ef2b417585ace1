"""The run loop: one thread owns the state, workers own a session each and put what happened on one queue.

Every step ends exactly once; none starts before those it waits for succeeded; only descendants of a failure are skipped.
"""

from __future__ import annotations

import datetime
import heapq
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from eltflow.base.diagnostics import Diagnostic, EltflowError
from eltflow.events import BAD, Event, Message, RunFinished, RunStarted, StepFinished, StepResult, StepRetried, StepStarted
from eltflow.plan.plan import Plan, Step
from eltflow.warehouse.protocols import Session
from eltflow.warehouse.values import WarehouseError

OpenSession = Callable[[], Session]
#: Does a step's work in a worker's thread: (step, session, tell) → result. Raises WarehouseError, EltflowError or ProgramError.
Work = Callable[[Step, Session, Callable[[Event], None]], StepResult]
Clock = Callable[[], datetime.datetime]

_TICK = 0.2


def utc_now() -> datetime.datetime:
    """The time now, UTC."""
    return datetime.datetime.now(datetime.UTC)


@dataclass(slots=True)
class _Done:
    worker: int
    result: StepResult


@dataclass(slots=True)
class _Worker:
    index: int
    inbox: queue.SimpleQueue[Step | None] = field(default_factory=queue.SimpleQueue)
    session: Session | None = None
    step: Step | None = None
    deadline: float | None = None
    timed_out: bool = False
    thread: threading.Thread | None = None


def run(plan: Plan, open_session: OpenSession, work: Work, *, run_id: str, now: Clock = utc_now) -> Iterator[Event]:
    """Run the plan. Closing the iterator early, or KeyboardInterrupt in it, cancels what is running and ends every step."""
    return _Run(plan, open_session, work, run_id, now).events()


class _Run:
    def __init__(self, plan: Plan, open_session: OpenSession, work: Work, run_id: str, now: Clock) -> None:
        self.plan = plan
        self.open_session = open_session
        self.work = work
        self.run_id = run_id
        self.now = now
        self.outbox: queue.SimpleQueue[Event | _Done] = queue.SimpleQueue()
        self.waiting = {i: len(set(step.waits)) for i, step in plan.steps.items()}
        self.children: dict[str, list[str]] = {i: [] for i in plan.steps}
        for step in plan.steps.values():
            for parent in set(step.waits):
                self.children[parent].append(step.id)
        self.order = {step_id: index for index, step_id in enumerate(plan.steps)}
        self.ready: list[tuple[float, int, str]] = []
        self.ended: dict[str, StepResult] = {}
        self.workers: list[_Worker] = []
        self.idle: list[_Worker] = []
        self.stopping: str | None = None
        self.cancelled = False

    def events(self) -> Iterator[Event]:
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
            self._cancel_running()
            closing = isinstance(error, GeneratorExit)
            for event in self._drain("cancelled"):
                if not closing:
                    yield event
            if closing:
                return
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
            if not any(worker.step for worker in self.workers):
                break
            item = self._next()
            if item is None:
                continue
            if isinstance(item, _Done):
                yield from self._finish(item)
            else:
                yield item
        yield from self._drain(self.stopping or "not reached")

    def _next(self) -> Event | _Done | None:
        try:
            return self.outbox.get(timeout=_TICK)
        except queue.Empty:
            now = time.monotonic()
            for worker in self.workers:
                if worker.deadline is not None and now > worker.deadline and worker.session is not None:
                    worker.timed_out, worker.deadline = True, None
                    worker.session.cancel()
            return None

    def _push(self, step_id: str) -> None:
        heapq.heappush(self.ready, (-self.plan.steps[step_id].priority, self.order[step_id], step_id))

    def _start(self) -> Iterator[Event]:
        while self.ready and self.stopping is None:
            worker = self._free_worker()
            if worker is None:
                return
            step = self.plan.steps[heapq.heappop(self.ready)[2]]
            timeout = step.node.config.get("timeout") or self.plan.request.timeout
            worker.step = step
            worker.timed_out = False
            worker.deadline = time.monotonic() + float(timeout) if timeout else None
            yield StepStarted(step=step.id, worker=worker.index, started_at=self.now())
            worker.inbox.put(step)

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
        worker.step, worker.deadline = None, None
        self.idle.append(worker)
        yield from self._end(done.result)
        if done.result.status in BAD and self.plan.request.fail_fast and self.stopping is None:
            self.stopping = "--fail-fast"
            self._cancel_running()

    def _end(self, result: StepResult) -> Iterator[Event]:
        self.ended[result.step] = result
        yield StepFinished(result=result)
        if result.status in BAD or result.status == "skipped":
            yield from self._skip_below(result)
            return
        for child in self.children[result.step]:
            self.waiting[child] -= 1
            if not self.waiting[child] and child not in self.ended:
                self._push(child)

    def _skip_below(self, failed: StepResult) -> Iterator[Event]:
        """Every step below a failure ends as skipped, and names the failure. A hook of the end runs all the same."""
        cause = failed.because or failed.step
        for child in self.children[failed.step]:
            if child in self.ended:
                continue
            if self.plan.steps[child].action == "hook" and self.plan.steps[child].reason == "on_run_end":
                self.waiting[child] -= 1
                if not self.waiting[child]:
                    self._push(child)
                continue
            skipped = StepResult(step=child, status="skipped", because=cause, message=f"skipped because of {cause}")
            yield from self._end(skipped)

    def _drain(self, why: str) -> Iterator[Event]:
        """Wait for what is running to end, then end everything else as skipped."""
        deadline = time.monotonic() + 30
        while any(worker.step for worker in self.workers) and time.monotonic() < deadline:
            try:
                item = self.outbox.get(timeout=_TICK)
            except queue.Empty:
                self._cancel_running()
                continue
            if isinstance(item, _Done):
                worker = self.workers[item.worker - 1]
                worker.step = None
                self.ended[item.result.step] = item.result
                yield StepFinished(result=item.result)
            else:
                yield item
        for step_id in self.plan.steps:
            if step_id not in self.ended:
                result = StepResult(step=step_id, status="skipped", because=why, message=f"skipped: {why}")
                self.ended[step_id] = result
                yield StepFinished(result=result)

    def _cancel_running(self) -> None:
        for worker in self.workers:
            if worker.step is not None and worker.session is not None:
                worker.session.cancel()

    def _stop_workers(self) -> None:
        for worker in self.workers:
            worker.inbox.put(None)
        for worker in self.workers:
            if worker.thread is not None:
                worker.thread.join(timeout=5)

    # -- workers ---------------------------------------------------------------------------------------------------------------

    def _serve(self, worker: _Worker) -> None:
        try:
            while (step := worker.inbox.get()) is not None:
                self.outbox.put(_Done(worker.index, self._attempts(worker, step)))
        finally:
            if worker.session is not None:
                worker.session.close()

    def _attempts(self, worker: _Worker, step: Step) -> StepResult:
        """The step's work, again after an error that the adapter calls transient, with growing pauses."""
        attempt = 1
        while True:
            started_at, started = self.now(), time.monotonic()
            try:
                if worker.session is None:
                    worker.session = self.open_session()
                result = self.work(step, worker.session, self.outbox.put)
                return replace(
                    result,
                    started_at=started_at,
                    finished_at=self.now(),
                    seconds=time.monotonic() - started,
                    worker=worker.index,
                    attempts=attempt,
                )
            except Exception as error:
                transient = isinstance(error, WarehouseError) and error.kind == "transient"
                if transient and attempt <= self.plan.request.retries and self.stopping is None and not self.cancelled:
                    wait = 0.2 * 2 ** (attempt - 1)
                    self.outbox.put(StepRetried(step=step.id, attempt=attempt, wait_seconds=wait, message=str(error)))
                    time.sleep(wait)
                    attempt += 1
                    continue
                return self._failure(worker, step, error, started_at, time.monotonic() - started, attempt)

    def _failure(
        self, worker: _Worker, step: Step, error: Exception, started_at: datetime.datetime, seconds: float, attempt: int
    ) -> StepResult:
        cancelled = isinstance(error, WarehouseError) and error.kind == "cancelled"
        message = str(error)
        diagnostics: tuple[Diagnostic, ...] = error.diagnostics if isinstance(error, EltflowError) else ()
        if worker.timed_out:
            message = f"timed out after {seconds:.1f} s"
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


__all__ = ["Message", "run", "utc_now"]
