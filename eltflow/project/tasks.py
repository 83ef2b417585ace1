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
KINDS = ("command", "wait_for", "http_job")
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
_PLACE_OF_ID = "an address of the API, behind the connection's url; {id} in it is the job's id."
_METHOD = Scalar(choices=("get", "post", "put", "patch", "delete"))
_HTTP_JOB = Object(
    what="`http_job`",
    about="A job that an API runs: it is started, and looked at until it has ended.",
    required=("connection", "start", "poll", "done"),
    fields={
        "connection": Scalar(about="A connection of type rest."),
        "start": Object(
            what="`start`",
            required=("path", "id"),
            fields={
                "path": Scalar(about="Where a job is started, behind the connection's url."),
                "method": _METHOD,
                "body": MapOf(about="What is sent, as JSON."),
                "id": Scalar(about="Where in the answer the job's id is, as a path with dots."),
            },
        ),
        "poll": Object(
            what="`poll`",
            required=("path", "state"),
            fields={
                "path": Scalar(about=f"Where the job is looked at: {_PLACE_OF_ID}"),
                "method": _METHOD,
                "body": MapOf(about="What is sent, as JSON."),
                "state": Scalar(about="Where in the answer its state is, as a path with dots."),
                "every": Scalar((int, float), least=0, about=f"Seconds between two looks (default {EVERY:.0f})."),
            },
        ),
        "done": ListOf(TEXT, lone=True, about="The states in which it is through."),
        "failed": ListOf(TEXT, lone=True, about="The states in which it has failed."),
        "cancel": Object(
            what="`cancel`",
            required=("path",),
            fields={
                "path": Scalar(about=f"Where its end is asked for when the run ends before: {_PLACE_OF_ID}"),
                "method": _METHOD,
                "body": MapOf(about="What is sent, as JSON."),
            },
        ),
        "timeout": Scalar(
            (int, float), least=0, about=f"Seconds after which it is cancelled and has failed (default {PATIENCE:.0f})."
        ),
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
        "http_job": _HTTP_JOB,
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


_PROGRAMS = ("env", "folder", "memory_mb", "timeout")
#: What means nothing to a kind of task.
_MEANINGLESS: Mapping[str, tuple[str, ...]] = {"command": (), "wait_for": (*_PROGRAMS, "writes"), "http_job": _PROGRAMS}


def _job_problems(job: Mapping[str, Any]) -> Iterator[Finding]:
    for part in ("poll", "cancel"):
        path = str((job.get(part) or {}).get("path") or "{id}")
        if "{id}" not in path:
            help = f"write where it stands: `path: {path.rstrip('/')}/{{id}}`"
            yield ("http_job", part, "path"), "nothing in `path` says which job is meant", help
    done = {str(one) for one in config.as_list(job.get("done"))}
    both = next((str(one) for one in config.as_list(job.get("failed")) if str(one) in done), None)
    if both is not None:
        yield ("http_job", "failed"), f"`{both}` is a state of success too", "a state is in `done` or in `failed`"


def problems(entry: Mapping[str, Any]) -> Iterator[Finding]:
    """What of the entry does not go together."""
    kinds = [kind for kind in KINDS if entry.get(kind) is not None]
    if len(kinds) != 1:
        what = f", and this is {' and '.join(kinds)}" if kinds else ""
        yield ("name",), f"a task is one of `command`, `wait_for` and `http_job`{what}", "write `command: [python, score.py]`"
        return
    (kind,) = kinds
    if not entry.get("targets"):
        yield ("targets",), "`targets` names no target, so that it would never run", "name one: `targets: [prod]`"
    if kind == "command" and not entry["command"]:
        yield ("command",), "`command` is empty", "name a program, and its arguments: `command: [python, score.py]`"
    for key in _MEANINGLESS[kind]:
        if entry.get(key) is not None:
            help = f"write it below `{kind}:`" if key == "timeout" else "take it out"
            yield (key,), f"`{key}` means nothing to a task that waits", help
    if kind == "http_job":
        yield from _job_problems(entry["http_job"])
    if kind == "wait_for" and len([key for key in ("sql", "files") if entry["wait_for"].get(key)]) != 1:
        yield ("wait_for",), "`wait_for` is one of `sql` and `files`", "write `wait_for: {files: landing/*.csv}`"
    folder = str(entry.get("folder") or "")
    if folder.startswith("/") or ".." in folder.split("/"):
        yield ("folder",), f"`{folder}` is no folder of the project", "paths start at the project root"
