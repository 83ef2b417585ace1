"""The plan: steps with reasons, made before the first statement. A value; running it is another room's business."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from eltflow.base.records import dataclass, field
from eltflow.project.nodes import Node

Action = Literal["model", "seed", "ingest", "test", "hook", "deliver", "task", "copy"]
#: The types of nodes that each command acts on.
ACTS_ON: Mapping[str, frozenset[str]] = {
    "build": frozenset({"model", "seed", "ingest", "test"}),
    "run": frozenset({"model"}),
    "test": frozenset({"test"}),
    "seed": frozenset({"seed"}),
    "ingest": frozenset({"ingest"}),
    "deliver": frozenset({"deliver"}),
    "task": frozenset({"task"}),
    "freshness": frozenset({"source"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to do. `waits` are the steps that must have succeeded before; `priority` is the longest expected path (seconds) to
    the end, itself included; `reason` says in words why it runs; `target` names where, if that is not the run's own."""

    id: str
    action: Action
    node: Node
    waits: tuple[str, ...] = ()
    reason: str = ""
    priority: float = 0.0
    expected: float | None = None
    sql: str | None = None
    target: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """Rows that cross from one target to another: of the node `of`, for `readers` at `target`, into the relation of `node`, which stands for
    it; `reason` says in words from where to where."""

    node: Node
    of: str
    readers: tuple[str, ...]
    target: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to do: the command's name, the selected node ids in order, and how. `threads_at` are how many steps run at once at each other
    target."""

    command: str
    selected: tuple[str, ...]
    full_refresh: bool = False
    fail_fast: bool = False
    threads: int = 4
    retries: int = 2
    timeout: float | None = None
    threads_at: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The steps by id, in a deterministic order in which parents come first."""

    request: Request
    steps: Mapping[str, Step]
    durations: Mapping[str, float] = field(default_factory=dict)

    @property
    def expected(self) -> float | None:
        """Seconds that the steps take together by history, or None without one."""
        known = [step.expected for step in self.steps.values() if step.expected is not None]
        return sum(known) if known else None
