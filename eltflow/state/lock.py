"""The run lock: one run at a time writes to a physical target, whatever checkout it comes from.

An advisory lock on a file in the user's state directory; the kernel frees it when the process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eltflow.base.diagnostics import fail
from eltflow.base.fingerprint import fingerprint

_POLL = 0.1
#: Seconds that are waited in any case: whoever only asks whether a lock is free holds it for an instant.
_GRACE = 0.2


def lock_path(key: str, env: Mapping[str, str]) -> Path:
    """The lock file of a target's key."""
    home = env.get("XDG_STATE_HOME") or os.path.join(env.get("HOME") or os.path.expanduser("~"), ".local", "state")
    return Path(home) / "eltflow" / "locks" / f"{fingerprint(key)}.lock"


#: (code, message, help) of a lock that another process holds; who holds it follows the message.
TARGET = ("E0803", "another run is writing to this target", "wait for it, or use --lock-timeout SECONDS")


@contextmanager
def run_lock(
    key: str,
    env: Mapping[str, str],
    timeout: float = 0.0,
    about: Mapping[str, Any] | None = None,
    held: tuple[str, str, str] = TARGET,
) -> Iterator[None]:
    """Hold the lock of a target. Waits at most `timeout` seconds, then raises EltflowError (E0803, or as `held` says) naming who holds it."""
    path = lock_path(key, env)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise fail(
            "E0804",
            f"the lock file {path} cannot be made: {error.strerror}",
            help="set XDG_STATE_HOME to a folder that can be written",
        ) from None
    try:
        deadline = time.monotonic() + max(timeout, _GRACE)
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() >= deadline:
                    code, message, help = held
                    raise fail(code, f"{message}: {_holder(handle)}", help=help) from None
                time.sleep(_POLL)
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps({"pid": os.getpid(), **(about or {})}).encode(), 0)
        yield
    finally:
        os.close(handle)


def service_key(folder: Path) -> str:
    """What a service of a project locks: the folder of its state."""
    return f"serve:{folder.resolve()}"


def is_free(key: str, env: Mapping[str, str]) -> bool:
    """Whether a run held the lock of this target once and nobody does now."""
    return _state_of(key, env) == "free"


def is_held(key: str, env: Mapping[str, str]) -> bool:
    """Whether a process of this machine holds the lock."""
    return _state_of(key, env) == "held"


def _state_of(key: str, env: Mapping[str, str]) -> str:
    try:
        handle = os.open(lock_path(key, env), os.O_RDONLY)
    except OSError:
        return "unknown"  # another user's lock, or another machine's: nothing can be told
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return "held"
    finally:
        os.close(handle)
    return "free"


def _holder(handle: int) -> str:
    try:
        about = json.loads(os.pread(handle, 4096, 0) or b"{}")
    except ValueError:
        about = {}
    words = [f"process {about.get('pid', 'unknown')}"]
    if about.get("user"):
        words.append(f"of {about['user']}")
    if about.get("started_at"):
        words.append(f"since {about['started_at']}")
    return " ".join(words)
