"""Jobs, and what starts them."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Literal

from eltflow.base.records import dataclass, field

Outcome = Literal["ok", "failed", "any"]
Catchup = Literal["last", "all", "none"]
#: What is done with the nodes below a source that is late.
Late = Literal["wait", "skip", "run_stale"]
#: What an alert may tell of.
Occasion = Literal["failure", "recovery", "deadline", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """Due at the times of a cron expression, by the clocks of an IANA time zone."""

    expression: str
    timezone: str = "UTC"

    def __str__(self) -> str:
        return f"cron {self.expression}" + (f" {self.timezone}" if self.timezone != "UTC" else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Every:
    """Due at each multiple of `seconds` since 1970-01-01 UTC, so that a restart shifts nothing. `text` is how it was written."""

    seconds: int
    text: str

    def __str__(self) -> str:
        return f"every {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterJob:
    """Due when a run of another job ends like that."""

    job: str
    on: Outcome = "ok"

    def __str__(self) -> str:
        return f"after {self.job} ({self.on})"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFiles:
    """Due when files that a pattern finds are new, or others than they were. The pattern starts at the project root."""

    pattern: str

    def __str__(self) -> str:
        return f"files {self.pattern}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Due when somebody asks by HTTP, signed with the `secret` of a connection."""

    connection: str

    def __str__(self) -> str:
        return f"webhook {self.connection}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Updated:
    """Due when any run wrote one of these nodes' relations on the job's target, but for the job's own."""

    nodes: tuple[str, ...]

    def __str__(self) -> str:
        return f"updated {', '.join(self.nodes)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresher:
    """Due when a source (`source.table`) has a later row than at the last look; `check` are the seconds between two looks."""

    source: str
    check: float

    def __str__(self) -> str:
        return f"fresher {self.source}"


Trigger = Cron | Every | AfterJob | NewFiles | Webhook | Updated | Fresher


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Tell that to a connection: with `owner`, of the nodes of these alone. What comes within `group_wait` seconds is one message. A node that
    goes on failing is told of again after `repeat_interval` seconds (0: each time), or not at all (None)."""

    on: tuple[Occasion, ...]
    to: str
    owner: tuple[str, ...] = ()
    group_wait: float | None = None
    repeat_interval: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to run, and when. `attempts` counts all of a run's, the first one too; `backoff` are the seconds before the second, which double
    with each; `timeout` are seconds; `deadline` is a time of the day in `timezone` at which a run that fell due before is to be done.
    """

    name: str
    description: str = ""
    command: str = "build"
    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    selector: str | None = None
    full_refresh: bool = False
    target: str | None = None
    vars: Mapping[str, Any] = field(default_factory=dict)
    triggers: tuple[Trigger, ...] = ()
    catchup: Catchup = "last"
    max_catchup: int = 50
    attempts: int = 1
    backoff: float = 30.0
    timeout: float | None = None
    deadline: datetime.time | None = None
    on_late: Late = "run_stale"
    timezone: str = "UTC"
    alerts: tuple[Alert, ...] = ()

    @property
    def timed(self) -> tuple[Cron | Every, ...]:
        """The triggers that are times."""
        return tuple(t for t in self.triggers if isinstance(t, Cron | Every))
