"""Fakes for the run loop: no warehouse, no threads of their own; they write down what was asked of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from eltflow.events import StepResult
from eltflow.plan.plan import Plan, Request, Step
from eltflow.project.nodes import Node
from eltflow.warehouse.values import Result, Statement, WarehouseError


class FakeSession:
    """Remembers statements; `answers` may raise; `block` holds a statement up until it is cancelled."""

    def __init__(self, answer: Callable[[Statement], Result] | None = None) -> None:
        self.sent: list[Statement] = []
        self.closed = False
        self.cancels = 0
        self._answer = answer or (lambda statement: Result())
        self._cancelled = threading.Event()

    def execute(self, statement: Statement) -> Result:
        self.sent.append(statement)
        if statement.sql == "block":
            assert self._cancelled.wait(20), "nobody cancelled"
            self._cancelled.clear()
            raise WarehouseError("interrupted", kind="cancelled")
        return self._answer(statement)

    def cancel(self) -> None:
        self.cancels += 1
        self._cancelled.set()

    def close(self) -> None:
        self.closed = True

    @property
    def roles(self) -> list[str]:
        return [s.role for s in self.sent]


@dataclass
class FakeWork:
    """Work that ends as `outcomes` says: a status, an exception, or a function of (step, session)."""

    outcomes: Mapping[str, Any] = field(default_factory=dict)
    started: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    attempts: dict[str, int] = field(default_factory=dict)

    def __call__(self, step: Step, session: Any, tell: Any) -> StepResult:
        self.started.append(step.id)
        self.attempts[step.id] = self.attempts.get(step.id, 0) + 1
        given = self.outcomes.get(step.id, "success")
        try:
            if isinstance(given, BaseException):
                raise given
            if callable(given):
                made = given(step, session)
                given = made if isinstance(made, str) else "success"
            return StepResult(step=step.id, status=given)
        finally:
            self.ended.append(step.id)


def node(name: str, **config: Any) -> Node:
    return Node(unique_id=name, resource_type="model", name=name, package="p", path=f"{name}.sql", fqn=(name,), config=config)


def plan(
    waits: Mapping[str, Sequence[str]],
    *,
    threads: int = 2,
    hooks: Mapping[str, str] | None = None,
    expected: Mapping[str, float] | None = None,
    config: Mapping[str, Mapping[str, Any]] | None = None,
    targets: Mapping[str, str] | None = None,
    **request: Any,
) -> Plan:
    """A plan from id → the ids it waits for, parents first. `hooks` are ids with their reason (on_run_start, on_run_end), `targets` those with
    a target of their own."""
    from eltflow.plan.build import _prioritised

    steps = {}
    for name, parents in waits.items():
        hook = (hooks or {}).get(name)
        steps[name] = Step(
            id=name,
            action="hook" if hook else "model",
            node=node(name, **(config or {}).get(name, {})),
            waits=tuple(parents),
            reason=hook or "selected",
            expected=(expected or {}).get(name),
            target=(targets or {}).get(name, ""),
        )
    return Plan(request=Request(command="build", selected=tuple(waits), threads=threads, **request), steps=_prioritised(steps))
