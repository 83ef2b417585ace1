"""A run as it goes on: one line a node with its tests, what is running at the bottom of a terminal, failures repeated at the end."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping

from eltflow.api import Loaded, RunState
from eltflow.base.names import listed
from eltflow.base.plurals import counted
from eltflow.cli import render
from eltflow.events import (
    BAD,
    Event,
    Message,
    RunFinished,
    RunStarted,
    StepFinished,
    StepProgressed,
    StepResult,
    StepRetried,
    StepStarted,
)
from eltflow.plan.plan import Step
from eltflow.project.tests import given_name

_ACTIONS = (
    ("ingest", "ingestion step"),
    ("seed", "seed"),
    ("model", "model"),
    ("test", "test"),
    ("deliver", "delivery"),
    ("task", "task"),
)


class Progress:
    """A sink for events. `live` shows what is running; `tests` are said with the node they test."""

    def __init__(self, loaded: Loaded, state: RunState, *, quiet: bool = False) -> None:
        self._loaded = loaded
        self._state = state
        self._quiet = quiet
        self._colour = render.coloured(sys.stdout)
        self._live = render.live(sys.stdout) and not quiet
        self._running: dict[str, float] = {}
        self._far: dict[str, str] = {}
        self._pending: dict[str, int] = {}
        self._held: dict[str, list[StepResult]] = {}
        self._owner: dict[str, str] = {}
        self._done = 0
        self._shown = False
        self._name_width = 24
        self._narrow = False
        self._started = time.monotonic()

    # -- events ----------------------------------------------------------------------------------------------------------------

    def __call__(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            self._begin(event)
        elif isinstance(event, StepStarted):
            self._running[event.step] = time.monotonic()
        elif isinstance(event, StepProgressed):
            self._far[event.step] = far_said(event)
        elif isinstance(event, StepFinished):
            self._running.pop(event.result.step, None)
            self._far.pop(event.result.step, None)
            self._done += 1
            self._finish(event.result)
        elif isinstance(event, StepRetried):
            name = self._steps[event.step].node.display
            self._line(f"  retry     {name}: {event.message.splitlines()[0]} (again in {render.seconds(event.wait_seconds)})")
        elif isinstance(event, Message):
            self._message(event)
        elif isinstance(event, RunFinished):
            self._clear()
            return
        self._draw()

    @property
    def _steps(self) -> Mapping[str, Step]:
        assert self._state.plan is not None
        return self._state.plan.steps

    def _begin(self, event: RunStarted) -> None:
        steps = self._steps
        names = [s.node.display for s in steps.values() if s.action != "test"]
        self._narrow = sys.stdout.isatty() and render.width() < 100
        self._name_width = min(26 if self._narrow else 40, max([20, *map(len, names)]))
        for step in steps.values():
            if step.action == "test":
                parents = [p for p in step.node.parents if p in steps]
                attached = self._loader(step.node.test.attached if step.node.test else None)
                owner = attached if attached in steps else parents[0] if len(parents) == 1 else None
                if owner is not None:
                    self._owner[step.id] = owner
                    self._pending[owner] = self._pending.get(owner, 0) + 1
        if self._quiet or not steps:
            return
        held: Counter[str] = Counter(step.action for step in steps.values())
        counts = [counted(held[action], noun) for action, noun in _ACTIONS if held[action]]
        target = self._loaded.target
        place = self._loaded.shown_place
        root = f"{self._loaded.root}/"
        where = f"{target.name} ({target.type} {place.removeprefix(root)})"
        head = [self._loaded.opened.project.settings.name, where, ", ".join(counts), counted(event.threads, "thread")]
        render.out(render.dotted(head))
        render.out()

    def _loader(self, attached: str | None) -> str | None:
        """The step that a tested node's line is told with: of a source, the one that loads it."""
        node = self._loaded.graph.nodes.get(attached or "")
        return node.parents[0] if node is not None and node.source is not None and node.parents else attached

    def _message(self, event: Message) -> None:
        if event.diagnostic is not None:
            if self._quiet:
                return
            self._clear()
            render.diagnostics([event.diagnostic])
        elif event.level == "warning":
            self._line(f"  {render.paint('warning', 'yellow', self._colour)}   {render.visible(event.text)}")
        elif event.level == "info":
            self._line(f"  log       {render.visible(event.text)}")

    # -- lines -----------------------------------------------------------------------------------------------------------------

    def _finish(self, result: StepResult) -> None:
        step = self._steps[result.step]
        owner = self._owner.get(result.step)
        if step.action == "test" and result.status != "pass" and result.status != "skipped":
            self._test_line(result, step)
        if owner is not None:
            self._pending[owner] -= 1
            self._held.setdefault(owner, []).append(result)
            ended = self._state.results.get(owner)
            if ended is not None and ended.status == "success" and not self._pending[owner]:
                self._node_line(ended, self._steps[owner])
            return
        if step.action == "test":
            if result.status == "pass":
                self._test_line(result, step)
        elif not self._pending.get(result.step) or result.status != "success":
            self._node_line(result, step)

    def _test_line(self, result: StepResult, step: Step) -> None:
        word = {"fail": "FAIL", "warn": "warn", "error": "ERROR", "pass": "passed"}.get(result.status, result.status)
        style = {"fail": "red", "error": "red", "warn": "yellow"}.get(result.status)
        shown = render.paint(f"{word:<9}", style, self._colour) if style else f"{word:<9}"
        detail = _failures(result, step) if result.failures else first_line(result) if result.status == "error" else ""
        self._line(f"  {shown} {test_label(step)}  {detail}".rstrip(), result.seconds)

    def _node_line(self, result: StepResult, step: Step) -> None:
        if result.status == "skipped":
            return
        name = step.node.display
        if result.status in BAD:
            word = "ERROR" if result.status == "error" else "cancelled"
            text = f"  {render.paint(f'{word:<9}', 'red', self._colour)} {name:<{self._name_width}} {first_line(result)}"
            self._line(text, result.seconds)
            return
        word = {"load": "loaded", "delete+insert": "increment"}.get(result.kind, result.kind)
        said = _tests_said(self._held.get(result.step, []), short=self._narrow)
        rows, took = rows_said(result), render.seconds(result.seconds)
        shown = render.cut(name, self._name_width)
        columns = f"{rows:<21} {took:>6}" if self._narrow else f"{rows:<28}{took:>9}"
        text = f"  {word:<9} {shown:<{self._name_width}} {columns}   {said}".rstrip()
        if self._narrow and len(text) > render.width():
            text = f"  {word:<9} {shown}  {rows}  {took}  {said}"  # out of line, but in one
        self._line(text)

    def _line(self, text: str, took: float | None = None) -> None:
        if self._quiet:
            return
        self._clear()
        if took is not None and took >= 0.05:
            text = f"{text}  {render.seconds(took)}"
        render.out(text)

    def end(self) -> None:
        """Take the bottom line away."""
        self._clear()

    # -- the bottom line -------------------------------------------------------------------------------------------------------

    def _clear(self) -> None:
        if self._shown:
            sys.stdout.write("\r\x1b[2K")
            self._shown = False

    def _draw(self) -> None:
        if not self._live or not self._running:
            return
        now = time.monotonic()
        oldest = sorted(self._running.items(), key=lambda item: item[1])
        parts = [self._told(step, now - since) for step, since in oldest]
        total = len(self._steps)
        right = f"{self._done} of {total}"
        left = self._remaining(now)
        if left is not None:
            right += f" · about {render.seconds(left)} left"
        room = render.width() - len(right) - 15
        text = f"  running   {render.cut(' · '.join(parts), room):<{max(0, room)}}  {right}"
        self._clear()
        sys.stdout.write(render.cut(text, render.width() - 1))
        sys.stdout.flush()
        self._shown = True

    def _told(self, step: str, seconds: float) -> str:
        """A step that runs: how long, and how far it is where nobody knows how much there is."""
        said = f"{self._steps[step].node.display} {render.seconds(seconds)}"
        return f"{said} ({self._far[step]})" if step in self._far else said

    def _remaining(self, now: float) -> float | None:
        """Seconds left by history: the longer of the longest path and the work shared among threads."""
        plan = self._state.plan
        if plan is None or not plan.durations:
            return None
        open_steps = [s for s in plan.steps.values() if s.id not in self._state.results]
        work = sum(s.expected or 0.05 for s in open_steps)
        longest = max((s.priority for s in open_steps), default=0.0)
        running = max((now - since for since in self._running.values()), default=0.0)
        return max(0.0, max(work / plan.request.threads, longest) - running)


# -- words ---------------------------------------------------------------------------------------------------------------------


def far_said(event: StepProgressed) -> str:
    """How far a step is: its rows, their bytes and how fast they come, as far as these are known."""
    seconds = max(event.seconds, 0.1)
    size = f"{event.bytes / 1e6:,.1f} MB"
    if event.rows is None:
        return f"{size}, {event.bytes / 1e6 / seconds:,.1f} MB/s"
    return f"{counted(event.rows, 'row')}, {size}, {event.rows / seconds:,.0f} rows/s"


def test_label(step: Step) -> str:
    """`unique on orders.id`, with its name before that where it was given one; `my_test` for a singular one."""
    test = step.node.test
    if test is None or test.kind is None:
        return step.node.name
    model = test.attached.split(".", 2)[-1] if test.attached else ""
    label = f"{test.kind} on {model}{'.' + test.column if test.column else ''}"
    given = given_name(step.node.name, test)
    return label if given is None else f"{given} ({label})"


def rows_said(result: StepResult) -> str:
    """How many rows a step wrote, in words."""
    aside = f", {result.quarantined:,} quarantined" if result.quarantined else ""
    if result.files is not None:
        return f"{counted(result.files, 'file')}, {counted(result.rows or 0, 'row')}{aside}" if result.files else "nothing new"
    if result.rows is None:
        return ""
    if result.kind == "append":
        return f"+{counted(result.rows, 'row')}"
    if result.changed is not None:
        fresh = max(0, result.rows - result.changed)
        return f"+{counted(fresh, 'row')}, {result.changed:,} changed{aside}"
    return counted(result.rows, "row") + aside


def _failures(result: StepResult, step: Step) -> str:
    """How badly a test failed: rows, or the number that its `fail_calc` gives."""
    calc = _own_calc(step)
    return counted(result.failures or 0, "row") if calc is None else f"{calc} is {result.failures or 0:,}"


def _own_calc(step: Step) -> str | None:
    """A test's `fail_calc`, if it is another one than to count rows."""
    calc = str(step.node.config.get("fail_calc") or "count(*)")
    return None if "".join(calc.lower().split()) == "count(*)" else calc


def _tests_said(tests: list[StepResult], *, short: bool) -> str:
    counts: dict[str, int] = {}
    for test in tests:
        counts[test.status] = counts.get(test.status, 0) + 1
    words = {
        "pass": "passed",
        "warn": "warned",
        "fail": "failed",
        "error": "in error",
        "cancelled": "cancelled",
        "skipped": "skipped",
    }
    parts = ", ".join(f"{n} {words.get(status, status)}" for status, n in counts.items())
    if short or not parts:
        return parts
    return f"{counted(len(tests), 'test')} {parts.split(' ', 1)[1]}" if len(counts) == 1 else f"tests: {parts}"


def first_line(result: StepResult) -> str:
    """What went wrong, in one line."""
    return render.visible((result.message or "").split("\n")[0])


def summary(loaded: Loaded, state: RunState, again: Callable[[RunState], str], *, quiet: bool, warn_error: bool = False) -> None:
    """What happened, with every failure once more, and what to do next; `again` gives the command that runs what is left undone."""
    assert state.plan is not None
    colour = render.coloured(sys.stdout)
    steps, results = state.plan.steps, state.results
    bad = [r for r in results.values() if r.status in BAD]
    warned = [r for r in results.values() if r.status == "warn"]
    shown = [*(warned if warn_error or not quiet else ()), *bad]
    skipped = _skipped_by(state)
    stopped = warn_error and not bad and bool(warned or state.warned or state.warnings)
    if quiet and not bad and not stopped:
        return
    if not steps:
        render.out("nothing to do: an ephemeral model is part of what reads it")
        return
    if not quiet:
        render.out()
    for result in shown:
        on_stdout = _failure_block(loaded, state, result, colour)
        below = skipped.pop(result.step, None)
        if below:
            step = steps[result.step]
            cause = f"the test {test_label(step)}" if step.action == "test" else step.node.display
            render.out(f"skipped {counted(len(below), 'node')} below {cause}: {listed(below, 6)}")
        if on_stdout or below:
            render.out()
    for why, rest in skipped.items():
        render.out(f"{counted(len(rest), 'node')} not started ({why}): {listed(rest, 6)}")
        render.out()
    total = state.finished.seconds if state.finished else 0.0
    render.out(_closing(state, total, bool(bad) or stopped))
    if stopped:
        render.out("warnings are taken for errors: --warn-error")
    if bad:
        render.out(f"again: {again(state)}")
        return
    place = loaded.shown_place.removeprefix(f"{loaded.root}/")
    settings = loaded.opened.project.settings
    render.out(render.dotted([f"database {place}", f"artifacts {settings.target_path}/", "docs: eltflow docs generate"]))


def _skipped_by(state: RunState) -> dict[str, list[str]]:
    """The names of the nodes that were skipped, under the step that failed, or the reason if that is none."""
    assert state.plan is not None
    made: dict[str, list[str]] = {}
    for result in state.results.values():
        step = state.plan.steps[result.step]
        if result.status == "skipped" and step.action != "test":
            made.setdefault(result.because or "", []).append(step.node.display)
    return made


def _closing(state: RunState, total: float, failed: bool) -> str:
    assert state.plan is not None
    steps = state.plan.steps
    built: dict[str, int] = {}
    tests: dict[str, int] = {}
    for result in state.results.values():
        action = steps[result.step].action
        if action == "test":
            tests[result.status] = tests.get(result.status, 0) + 1
        elif result.status == "success":
            built[action] = built.get(action, 0) + 1
    parts = []
    made = [counted(built[a], noun) for a, noun in _ACTIONS if built.get(a) and a not in ("deliver", "task")]
    if made:
        parts.append(f"{', '.join(made)} built")
    if built.get("task"):
        parts.append(f"{counted(built['task'], 'task')} done")
    if built.get("deliver"):
        parts.append(f"{counted(built['deliver'], 'delivery')} sent")
    words = {
        "pass": "passed",
        "warn": "warned",
        "fail": "failed",
        "error": "in error",
        "cancelled": "cancelled",
        "skipped": "skipped",
    }
    said = [f"{tests[status]:,} {word}" for status, word in words.items() if tests.get(status)]
    if said:
        parts.append(
            "tests: " + ", ".join(said) if len(said) > 1 else f"{counted(sum(tests.values()), 'test')} {said[0].split(' ', 1)[1]}"
        )
    nodes = [r.status for r in state.results.values() if steps[r.step].action != "test"]
    if "error" in nodes:
        parts.append(f"{counted(nodes.count('error'), 'node')} failed")
    parts += [f"{nodes.count(status)} {status}" for status in ("cancelled", "skipped") if status in nodes]
    first = "cancelled" if state.finished is not None and state.finished.cancelled else "failed" if failed else "done"
    return render.dotted([f"{first} after {render.seconds(total)}", *parts])


def _failure_block(loaded: Loaded, state: RunState, result: StepResult, colour: bool) -> bool:
    """Tell a failure once more; True if that was on standard output, where no blank line follows yet."""
    assert state.plan is not None
    step = state.plan.steps[result.step]
    if result.diagnostics:
        render.diagnostics(result.diagnostics)
        return False
    if step.action == "test" and result.status in ("fail", "warn"):
        word = "FAILED" if result.status == "fail" else "WARNED"
        style = "red" if result.status == "fail" else "yellow"
        render.out(f"{render.paint(word, style, colour)}  test {test_label(step)}: {_failures(result, step)}")
        render.out(f"        {defined_at(loaded, step)}")
        for line in render.table(result.sample_columns, result.sample, indent="        ") if result.sample else ():
            render.out(line)
        if result.note is not None:
            render.out(f"        {render.visible(result.note.splitlines()[0])}")
        more = (result.failures or 0) - len(result.sample) if _own_calc(step) is None else 0
        if result.sample and more > 0:
            render.out(f"        … {more:,} more: --rows N shows N of them, --store-failures keeps all")
        return True
    word = "CANCELLED" if result.status == "cancelled" else "ERROR"
    render.err(f"{render.paint(word, 'red', colour)}  {step.node.display}: {render.visible(result.message or '')}")
    render.err(f"        {defined_at(loaded, step)}")
    render.err()
    return False


def defined_at(loaded: Loaded, step: Step) -> str:
    """File and line where a step's node is defined."""
    node = step.node
    if node.place and node.patch is not None:
        from eltflow.project import yamlfile

        return str(yamlfile.locate(loaded.opened.project.read(node.patch), node.patch, node.place)).rsplit(":", 1)[0]
    return f"{node.path}:1"
