"""What was run before, and what became of it."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress

from eltflow.base.records import replace
from eltflow.state.lock import is_free
from eltflow.state.store import RunRecord, Store


def past_runs(store: Store, target_key: str, env: Mapping[str, str], limit: int = 20) -> list[RunRecord]:
    """The latest runs on a target, newest first. One of this machine that never ended, while nobody holds the lock, was killed."""
    runs = store.runs(target_key, limit)
    here = socket.gethostname()
    if any(run.status == "running" and run.host == here for run in runs) and is_free(target_key, env):
        return [replace(run, status="killed") if run.status == "running" and run.host == here else run for run in runs]
    return runs


def user_of(env: Mapping[str, str]) -> str | None:
    """Who runs this: the environment's word, else the operating system's."""
    name = env.get("USER") or env.get("LOGNAME")
    if not name:
        with suppress(ImportError, KeyError):
            import pwd

            name = pwd.getpwuid(os.getuid()).pw_name
    return name or None
