"""Tasks as YAML defines them: the shape of `tasks/*.yml`, and what in an entry does not go together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from eltflow.project import config
from eltflow.project.config import NAMES, SECONDS, TEXT
from eltflow.project.properties import DOC_TEXT
from eltflow.project.shape import ListOf, MapOf, Nullable, Object, Path, Scalar

#: (place in the entry, message, help).
Finding = tuple[Path, str, str]
#: What a task may be; one of them.
KINDS = ("command", "wait_for")
#: Seconds between two looks at a condition, and how long it is waited for, unless told.
EVERY, PATIENCE = 30.0, 3600.0

_WAIT = Object(
    what="`wait_for`",
    about="What must be so before the task is through: `sql`, whose first value is true, or `files`, of which there is one.",
    fields={
        "sql": Scalar(about="A query of the target; true, or a number above 0, as its first value."),
        "files": Scalar(about="A pattern of files, from the project's root."),
        "every": Scalar((int, float), least=0, about=f"Seconds between two looks (default {EVERY:.0f})."),
        "timeout": Scalar((int, float), least=0, about=f"Seconds after which it is given up (default {PATIENCE:.0f})."),
    },
)
TASK = Object(
    what="a task",
    required=("name", "targets"),
    fields={
        "name": TEXT,
        "description": DOC_TEXT,
        "command": ListOf(TEXT, about="A program and its arguments, each an item; no shell reads them."),
        "wait_for": _WAIT,
        "env": MapOf(TEXT, about="Variables of the program's environment, beside those of eltflow's own."),
        "folder": Scalar(about="Where the program runs, from the project's root; that itself unless told."),
        "memory_mb": Scalar((int,), least=16, about="How much memory (MB) each of its processes may have."),
        "timeout": SECONDS,
        "after": Nullable(NAMES),
        "reads": Nullable(NAMES),
        "writes": Nullable(NAMES),
        "targets": ListOf(TEXT, lone=True, about="The targets on which it runs, and no others."),
        "config": Object(what="the config of a task", fields=dict(config.KEYS["task"])),
        "meta": Nullable(config.META),
        "tags": Nullable(NAMES),
    },
)
TASKS = Object(what="a file of tasks", about="What is run beside SQL.", required=("tasks",), fields={"tasks": ListOf(TASK)})


def problems(entry: Mapping[str, Any]) -> Iterator[Finding]:
    """What of the entry does not go together."""
    kinds = [kind for kind in KINDS if entry.get(kind) is not None]
    if len(kinds) != 1:
        what = f", and this is {' and '.join(kinds)}" if kinds else ""
        yield ("name",), f"a task is one of `command` and `wait_for`{what}", "write `command: [python, score.py]`"
        return
    (kind,) = kinds
    if not entry.get("targets"):
        yield ("targets",), "`targets` names no target, so that it would never run", "name one: `targets: [prod]`"
    if kind == "command" and not entry["command"]:
        yield ("command",), "`command` is empty", "name a program, and its arguments: `command: [python, score.py]`"
    for key in ("env", "folder", "memory_mb", "timeout", "writes") if kind == "wait_for" else ():
        if entry.get(key) is not None:
            help = "write it below `wait_for:`" if key == "timeout" else "take it out"
            yield (key,), f"`{key}` means nothing to a task that waits", help
    if kind == "wait_for" and len([key for key in ("sql", "files") if entry["wait_for"].get(key)]) != 1:
        yield ("wait_for",), "`wait_for` is one of `sql` and `files`", "write `wait_for: {files: landing/*.csv}`"
    folder = str(entry.get("folder") or "")
    if folder.startswith("/") or ".." in folder.split("/"):
        yield ("folder",), f"`{folder}` is no folder of the project", "paths start at the project root"
