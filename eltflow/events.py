"""Events: what a run tells, in order. Sinks are plain functions over them."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from eltflow.base.diagnostics import Diagnostic
from eltflow.base.records import dataclass, field

Status = Literal["success", "error", "skipped", "pass", "warn", "fail", "cancelled"]

#: The statuses that stop what is downstream, and make a command fail.
BAD = frozenset({"error", "fail", "cancelled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """How one step ended. Times are UTC; `seconds` is its execution; `rows` those written, `quarantined` the bad ones put aside; `sample`
    are failing rows of a test, or `note` says why there are none. `statement_id` is what the engine knows the step's main statement by,
    `statistics` are its own figures."""

    step: str
    status: Status
    kind: str = ""
    started_at: datetime.datetime | None = None
    finished_at: datetime.datetime | None = None
    seconds: float = 0.0
    compile_seconds: float = 0.0
    worker: int = 0
    attempts: int = 1
    rows: int | None = None
    changed: int | None = None
    files: int | None = None
    quarantined: int | None = None
    failures: int | None = None
    message: str | None = None
    note: str | None = None
    because: str | None = None
    diagnostics: tuple[Diagnostic, ...] = ()
    sample_columns: tuple[str, ...] = ()
    sample: Sequence[tuple[Any, ...]] = ()
    statements: int = 0
    statement_id: str | None = None
    statistics: Mapping[str, float] = field(default_factory=dict)
    sql: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    run_id: str
    command: str
    started_at: datetime.datetime
    steps: int
    threads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted:
    step: str
    worker: int
    started_at: datetime.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRetried:
    step: str
    attempt: int
    wait_seconds: float
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepProgressed:
    """How far a step is that does not know how much there is: records taken (None where they are not counted), bytes kept, and seconds since
    it began to ask."""

    step: str
    rows: int | None
    bytes: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFinished:
    result: StepResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a template's `log` or `print` wrote, or a warning."""

    text: str
    level: Literal["debug", "info", "warning"] = "info"
    diagnostic: Diagnostic | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StillRunning:
    """Nothing happened for a moment: whoever shows a clock may move it on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    run_id: str
    finished_at: datetime.datetime
    seconds: float
    counts: Mapping[str, int] = field(default_factory=dict)
    cancelled: bool = False


Event = RunStarted | StepStarted | StepRetried | StepProgressed | StepFinished | Message | StillRunning | RunFinished
