"""The laws of the run loop, on fakes."""

from __future__ import annotations

import itertools
import threading

import pytest
from engine_fakes import FakeSession, FakeWork, plan
from hypothesis import given, settings
from hypothesis import strategies as st

from eltflow.compile.program import Outcome
from eltflow.engine.drive import Trace, drive
from eltflow.engine.guard import Guard
from eltflow.engine.run import run
from eltflow.events import BAD, RunFinished, StepFinished, StepResult, StepRetried, StepStarted
from eltflow.warehouse.values import Result, Statement, WarehouseError


def play(made, work=None, session=FakeSession, **more):
    """Run a plan to its end: its events, results by id, and the work that was done."""
    work = work or FakeWork()
    ledger = {}
    events = list(run(made, session, work, run_id="r", ledger=ledger, pause=0.001, **more))
    told = [e.result.step for e in events if isinstance(e, StepFinished)]
    assert sorted(told) == sorted(made.steps), "every step ends exactly once"
    assert {e.result.step: e.result for e in events if isinstance(e, StepFinished)} == ledger
    assert isinstance(events[-1], RunFinished)
    return events, ledger, work


@st.composite
def graphs(draw):
    """Steps, those each waits for (earlier ones), and how each ends."""
    size = draw(st.integers(1, 9))
    waits = {str(i): [str(j) for j in range(i) if draw(st.booleans()) and draw(st.booleans())] for i in range(size)}
    ends = draw(
        st.lists(st.sampled_from(["success", "success", "success", "pass", "warn", "fail", "error"]), min_size=size, max_size=size)
    )
    return waits, dict(zip(waits, ends, strict=True))


@settings(max_examples=150)
@given(drawn=graphs(), threads=st.integers(1, 4))
def test_any_graph(drawn, threads):
    waits, ends = drawn
    work = FakeWork({i: WarehouseError("broken") if end == "error" else end for i, end in ends.items()})
    events, results, work = play(plan(waits, threads=threads), work)
    finished = {}
    for number, event in enumerate(events):
        if isinstance(event, StepFinished):
            finished[event.result.step] = number
        elif isinstance(event, StepStarted):
            for parent in waits[event.step]:
                assert finished.get(parent, number) < number, "none starts before those it waits for"
                assert results[parent].status not in BAD
    for step, result in results.items():
        above = ancestors(waits, step)
        bad = {a for a in above if results[a].status in BAD}
        if result.status == "skipped":
            assert result.because in bad, "what is skipped names the failure above it"
        else:
            assert not bad, "only descendants of a failure are skipped"
            assert result.status == ends[step]


def ancestors(waits, step):
    found, todo = set(), list(waits[step])
    while todo:
        one = todo.pop()
        if one not in found:
            found.add(one)
            todo += waits[one]
    return found


@settings(max_examples=60)
@given(drawn=graphs(), places=st.lists(st.sampled_from(["", "a", "b"]), min_size=9, max_size=9), most=st.integers(1, 2))
def test_each_step_has_a_session_at_its_target(drawn, places, most):
    """A worker opens one for each target, all are closed, and a target has no more steps at once than it has threads."""
    waits, _ = drawn
    targets = {i: places[int(i)] for i in waits}
    opened, lock = [], threading.Lock()
    running, peak = dict.fromkeys(("", "a", "b"), 0), dict.fromkeys(("", "a", "b"), 0)

    def session_at(name):
        def make():
            made = FakeSession()
            opened.append((name, threading.current_thread().name, made))
            return made

        return make

    def work(step, session, tell):
        with lock:
            running[step.target] += 1
            peak[step.target] = max(peak[step.target], running[step.target])
        session.execute(Statement(step.target))
        with lock:
            running[step.target] -= 1
        return StepResult(step=step.id, status="success")

    made = plan(waits, threads=4, targets=targets, threads_at={"a": most, "b": most})
    _, results, _ = play(made, work, session_at(""), elsewhere={"a": session_at("a"), "b": session_at("b")})
    assert {result.status for result in results.values()} == {"success"}
    assert len({(name, worker) for name, worker, _ in opened}) == len(opened)
    assert all(made.closed and {s.sql for s in made.sent} == {name} for name, _, made in opened)
    assert max(peak["a"], peak["b"]) <= most


@settings(max_examples=40)
@given(drawn=graphs())
def test_one_thread_is_deterministic(drawn):
    waits, ends = drawn
    outcomes = {i: WarehouseError("broken") if end == "error" else end for i, end in ends.items()}
    orders = {tuple(play(plan(waits, threads=1), FakeWork(outcomes))[2].started) for _ in range(3)}
    assert len(orders) == 1


def test_equal_readiness_keeps_the_order_of_the_plan():
    _, _, work = play(plan({name: [] for name in "dbcae"}, threads=1))
    assert work.started == list("dbcae")


def test_the_longest_expected_path_goes_first():
    """`tail` is short itself, but a long step waits for it."""
    waits = {"short": [], "medium": [], "tail": [], "long": ["tail"]}
    _, _, work = play(plan(waits, threads=1, expected={"short": 1, "medium": 5, "tail": 1, "long": 9}))
    assert work.started == ["tail", "long", "medium", "short"]


def test_a_long_chain_below_a_failure():
    waits = {str(i): [str(i - 1)] if i else [] for i in range(5000)}
    _, results, _ = play(plan(waits), FakeWork({"0": "fail"}))
    assert {r.because for i, r in results.items() if i != "0"} == {"0"}


# -- failures, retries, time ---------------------------------------------------------------------------------------------------


class Strange(BaseException):
    """Raised by nothing that eltflow knows."""


@pytest.mark.parametrize("error", [ValueError("odd"), Strange("odder"), SystemExit(3), WarehouseError("sql"), StopIteration()])
def test_whatever_a_step_raises_ends_it(error):
    _, results, _ = play(plan({"a": [], "b": ["a"], "c": []}), FakeWork({"a": error}))
    assert {i: r.status for i, r in results.items()} == {"a": "error", "b": "skipped", "c": "success"}


def test_a_session_that_cannot_be_opened():
    def refuse():
        raise WarehouseError("no connection", kind="connection")

    _, results, _ = play(plan({"a": [], "b": ["a"]}), session=refuse)
    assert [r.status for r in results.values()] == ["error", "skipped"]


@pytest.mark.parametrize(
    ("failures", "retries", "status", "attempts"),
    [(1, 2, "success", 2), (2, 2, "success", 3), (9, 2, "error", 3), (1, 0, "error", 1)],
)
def test_transient_errors_are_tried_again(failures, retries, status, attempts):
    left = itertools.count()

    def work(step, session):
        if next(left) < failures:
            raise WarehouseError("busy", kind="transient")

    events, results, _ = play(plan({"a": []}, retries=retries), FakeWork({"a": work}))
    assert (results["a"].status, results["a"].attempts) == (status, attempts)
    waits = [e.wait_seconds for e in events if isinstance(e, StepRetried)]
    assert waits == [0.001 * 2**n for n in range(attempts - 1)], "pauses double"


@pytest.mark.parametrize("kind", ["sql", "permission", "connection", "disk", "locked"])
def test_other_errors_are_not(kind):
    _, results, work = play(plan({"a": []}), FakeWork({"a": WarehouseError("no", kind=kind)}))
    assert work.attempts["a"] == results["a"].attempts == 1


def test_a_step_whose_time_is_up_is_cancelled_and_the_rest_goes_on():
    def slow(step, session):
        session.execute(Statement("block"))

    made = plan({"slow": [], "below": ["slow"], "other": []}, config={"slow": {"timeout": 0.05}})
    _, results, _ = play(made, FakeWork({"slow": slow}))
    assert results["slow"].status == "error"
    assert results["slow"].message.startswith("timed out after")
    assert results["below"].because == "slow"
    assert results["other"].status == "success"


def test_time_is_up_also_while_much_else_happens():
    def slow(step, session):
        session.execute(Statement("block"))

    waits = {"slow": [], **{f"n{i}": [] for i in range(3000)}}
    made = plan(waits, config={"slow": {"timeout": 0.01}})
    events, results, _ = play(made, FakeWork({"slow": slow}))
    order = [e.result.step for e in events if isinstance(e, StepFinished)]
    assert results["slow"].status == "error"
    assert order.index("slow") < len(order) - 1


def test_a_session_can_be_used_again_after_a_timeout():
    def slow(step, session):
        session.execute(Statement("block"))

    def plain(step, session):
        session.execute(Statement("select 1"))

    made = plan({"slow": [], "next": []}, threads=1, config={"slow": {"timeout": 0.05}})
    _, results, _ = play(made, FakeWork({"slow": slow, "next": plain}))
    assert results["next"].status == "success"


# -- stopping ------------------------------------------------------------------------------------------------------------------


def test_fail_fast_cancels_what_runs_and_skips_the_rest_but_the_hooks_of_the_end():
    running = threading.Event()

    def slow(step, session):
        running.set()
        session.execute(Statement("block"))

    def broken(step, session):
        assert running.wait(20)
        raise WarehouseError("broken")

    waits = {"slow": [], "broken": [], "later": ["slow"], "free": [], "end": ["slow", "broken", "later", "free"]}
    made = plan(waits, fail_fast=True, hooks={"end": "on_run_end"})
    _, results, _ = play(made, FakeWork({"slow": slow, "broken": broken}))
    assert {i: r.status for i, r in results.items()} == {
        "slow": "cancelled",
        "broken": "error",
        "later": "skipped",
        "free": "skipped",
        "end": "success",
    }
    assert results["free"].because == "--fail-fast"


def test_a_warning_is_no_failure_under_fail_fast():
    _, results, _ = play(plan({"a": [], "b": ["a"]}, fail_fast=True), FakeWork({"a": "warn"}))
    assert [r.status for r in results.values()] == ["warn", "success"]


def test_hooks_of_the_end_run_whatever_happened_but_not_after_one_that_failed():
    waits = {"start": [], "a": ["start"], "end1": ["start", "a"], "end2": ["end1"]}
    hooks = {"start": "on_run_start", "end1": "on_run_end", "end2": "on_run_end"}
    _, results, _ = play(plan(waits, hooks=hooks), FakeWork({"start": "error"}))
    assert [r.status for r in results.values()] == ["error", "skipped", "success", "success"]
    _, results, _ = play(plan(waits, hooks=hooks), FakeWork({"end1": "error"}))
    assert [r.status for r in results.values()] == ["success", "success", "error", "skipped"]


@pytest.mark.parametrize("how", ["flag", "close", "interrupt"])
def test_stopping_from_outside(how):
    """By a flag (a signal handler sets it), by closing the events, or by KeyboardInterrupt: every step has a result."""
    running = threading.Event()

    def slow(step, session):
        running.set()
        session.execute(Statement("block"))

    made = plan({"done": [], "slow": ["done"], "below": ["slow"]}, threads=1)
    ledger, flag, told = {}, [], []
    sessions = []

    def opened():
        sessions.append(FakeSession())
        return sessions[-1]

    events = run(made, opened, FakeWork({"slow": slow}), run_id="r", ledger=ledger, cancelled=lambda: bool(flag))
    for event in events:
        told.append(event)
        if isinstance(event, StepStarted) and event.step == "slow":
            if how == "flag":
                flag.append(True)
            elif how == "close":
                assert running.wait(20)
                events.close()
            else:
                told.append(events.throw(KeyboardInterrupt()))
    assert {i: r.status for i, r in ledger.items()} == {"done": "success", "slow": "cancelled", "below": "skipped"}
    if how != "close":
        assert isinstance(told[-1], RunFinished)
        assert told[-1].cancelled
    assert all(session.closed for session in sessions)


def test_no_retry_after_a_stop():
    flag = []

    def work(step, session):
        flag.append(True)
        raise WarehouseError("busy", kind="transient")

    events = list(
        run(plan({"a": []}, retries=5), FakeSession, FakeWork({"a": work}), run_id="r", cancelled=lambda: bool(flag), pause=60)
    )
    assert [e.result.attempts for e in events if isinstance(e, StepFinished)] == [1]


# -- driving a program ---------------------------------------------------------------------------------------------------------


def program():
    yield Statement("outside", role="user")
    yield Statement("begin", role="begin")
    yield Statement("one", role="ddl")
    yield Statement("two", role="dml")
    yield Statement("commit", role="commit")
    yield Statement("after", role="user")
    return Outcome(kind="made")


@pytest.mark.parametrize("failing", ["outside", "begin", "one", "two", "commit", "after"])
def test_a_failure_at_every_statement_rolls_back_what_was_begun(failing):
    def answer(statement):
        if statement.sql == failing:
            raise WarehouseError("broken")
        return Result()

    session = FakeSession(answer)
    with pytest.raises(WarehouseError):
        drive(program(), session, Trace())
    # A begin that failed may have opened one all the same: it may look at the lease in the same breath.
    assert session.roles.count("rollback") == (0 if failing in ("outside", "after") else 1)
    assert session.sent[-1].role == "rollback" or failing in ("outside", "after")


def test_a_program_that_raises_rolls_back():
    def wrong():
        yield Statement("begin", role="begin")
        yield Statement("one")
        raise ValueError("wrong")

    session = FakeSession()
    with pytest.raises(ValueError, match="wrong"):
        drive(wrong(), session, Trace())
    assert session.roles == ["begin", "ddl", "rollback"]


def test_a_stopped_guard_lets_nothing_through_but_the_rollback():
    session = FakeSession()
    guard = Guard(session)
    guard.stop()
    with pytest.raises(WarehouseError) as caught:
        drive(program(), guard, Trace())
    assert caught.value.kind == "cancelled"
    assert session.sent == []
    guard.execute(Statement("rollback", role="rollback"))
    assert session.roles == ["rollback"]
    assert session.cancels == 0, "a rollback is never interrupted"
    guard.reset()
    guard.execute(Statement("select 1"))
    assert session.sent[-1].sql == "select 1"


def test_a_step_stopped_between_two_statements_goes_no_further():
    """The engine has nothing to interrupt at that moment; the next statement is refused, and what was begun is rolled back."""
    session = FakeSession()
    guard = Guard(session)

    def stopping():
        yield Statement("begin", role="begin")
        yield Statement("one")
        guard.stop()
        yield Statement("two")
        return Outcome(kind="made")

    with pytest.raises(WarehouseError):
        drive(stopping(), guard, Trace())
    assert session.roles == ["begin", "ddl", "rollback"]
