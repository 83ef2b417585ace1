"""What the caller decides about opening a project: nothing here is read from the process behind the caller's back."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eltflow.base.records import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`env` is the process environment as it was given; clock and ids come in here too, so that two runs know nothing of each other."""

    target: str | None = None
    vars: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    flags: Mapping[str, Any] = field(default_factory=dict)
    invocation_id: str = ""
    started_at: datetime.datetime = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    strict: bool = True
    threads: int | None = None
    #: What was read of secrets, for all who share these options: see `eltflow.project.secrets`.
    read_secrets: dict[tuple[str, str], tuple[float, str]] = field(default_factory=dict, repr=False, compare=False)
    #: The folder that the project's files are read from, where that is a copy of them; data, state and derived files are at its root still.
    copy: Path | None = None
    lease: int | None = None  #: the token of the service that a run is of, without which it writes no state
    interval: tuple[datetime.datetime, datetime.datetime] | None = None  #: what a run is about; None: everything up to its start

    def files(self, root: Path) -> Path:
        """Where the files of the project at that root are read from."""
        return self.copy or root
