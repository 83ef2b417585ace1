"""Tasks as YAML defines them: the shape of `tasks/*.yml`, and what in an entry does not go together."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from typing import Any

from eltflow.base.names import did_you_mean, listed
from eltflow.project import config
from eltflow.project.config import NAMES, SECONDS, TEXT
from eltflow.project.properties import DOC_TEXT
from eltflow.project.shape import ListOf, MapOf, Nullable, Object, OneOf, Path, Scalar

#: (place in the entry, message, help).
Finding = tuple[Path, str, str]
#: What a task may be; one of them.
KINDS = ("command", "python", "wait_for", "http_job")
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
_PYTHON = Object(
    what="`python`",
    about="A function that is called in a process of its own.",
    required=("path",),
    fields={
        "path": Scalar(about="Its file, from the project's root."),
        "function": Scalar(about="Its name; the task's own unless told."),
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
        "python": _PYTHON,
        "params": MapOf(about="What the function is given, by the names of its parameters; texts may hold Jinja."),
        "into": Scalar(about="The table of a source that the function's rows become, as source.table; replaced whole."),
        "wait_for": _WAIT,
        "http_job": _HTTP_JOB,
        "for_each": ListOf(
            OneOf((Scalar((str, int, float, bool, datetime.date)), MapOf(Scalar((str, int, float, bool, datetime.date))))),
            about="Items, for each of which the task is run by itself; {{ item }} or {{ item.key }} in any text is the item.",
        ),
        "env": MapOf(TEXT, about="Variables of the environment of the program or function, beside those of eltflow's own."),
        "folder": Scalar(about="Where the program runs, from the project's root; that itself unless told."),
        "memory_mb": Scalar(
            (int,), least=16, about="How much memory (MB) each of its processes may have; a function, beside what Python takes."
        ),
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
_FUNCTIONS = ("params", "into")
#: What means nothing to a kind of task.
_MEANINGLESS: Mapping[str, tuple[str, ...]] = {
    "command": _FUNCTIONS,
    "python": ("folder",),
    "wait_for": (*_PROGRAMS, *_FUNCTIONS, "writes"),
    "http_job": (*_PROGRAMS, *_FUNCTIONS),
}
_NOUNS = {
    "command": "a task that is a program",
    "python": "a task that is a function",
    "wait_for": "a task that waits",
    "http_job": "a task that waits",
}
#: What is expanded nowhere.
_ONCE = ("name", "for_each")
_PLACE = re.compile(r"\{\{-?\s*item((?:\.\w+)*)\s*-?\}\}")
_MENTIONS = re.compile(r"\{[{%][^}]*\bitem\b")


def expanded(entry: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The entries that one with `for_each` stands for, one for each item, called `name.item`; the items are in place in their texts."""
    for item in entry["for_each"]:
        made = {key: value if key in _ONCE else _with(item, value) for key, value in entry.items()}
        yield {**made, "name": f"{entry['name']}.{_label(item)}", "for_each": None}


def each_problems(entry: Mapping[str, Any]) -> Iterator[Finding]:
    """What of an entry's `for_each` does not go together, so that it cannot be expanded."""
    items = entry["for_each"]
    if not items:
        yield ("for_each",), "`for_each` has no items, so that nothing would ever run", "name some: `for_each: [eu, us]`"
        return
    labels: dict[str, int] = {}
    for index, item in enumerate(items):
        first = labels.setdefault(_label(item), index)
        if first != index:
            message = f"items {first + 1} and {index + 1} would both be called `{entry['name']}.{_label(item)}`"
            yield ("for_each", index), message, "take one of them out, or add a key that tells them apart"
    for path, text in _texts({key: value for key, value in entry.items() if key not in _ONCE}):
        for index, item in enumerate(items):
            found = list(_missing(item, text))
            if found:
                key, known = found[0]
                message = (
                    f"item {index + 1} of `for_each` has no `{key}`" if known else f"item {index + 1} of `for_each` has no keys"
                )
                help = (did_you_mean(key, known) or f"it has {listed([f'`{k}`' for k in known])}") if known else "write {{ item }}"
                yield path, message, help
                break
        if _MENTIONS.search(_PLACE.sub("", text)):
            message = "`item` stands by itself in a text: it is put in before Jinja is read"
            yield path, message, "write {{ item }} or {{ item.key }}, and nothing else within the braces"


def _label(item: Any) -> str:
    """What an item is called in the names of nodes."""
    parts = item.values() if isinstance(item, Mapping) else [item]
    words = "_".join("true" if p is True else "false" if p is False else str(p) for p in parts)
    return re.sub(r"[^\w-]+", "_", words).strip("_") or "item"


def _with(item: Any, value: Any) -> Any:
    """A value with the item in its texts; a text that is the item alone becomes what that is."""
    if isinstance(value, Mapping):
        return {key: _with(item, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with(item, inner) for inner in value]
    if not isinstance(value, str):
        return value
    whole = _PLACE.fullmatch(value.strip())
    if whole is not None:
        return _found(item, whole[1])
    return _PLACE.sub(lambda place: str(_found(item, place[1])), value)


def _found(item: Any, path: str) -> Any:
    for key in path.split(".")[1:]:
        item = item[key]
    return item


def _missing(item: Any, text: str) -> Iterator[tuple[str, list[str]]]:
    """(key, those that there are) of what a text asks of an item that has it not."""
    for place in _PLACE.finditer(text):
        inner = item
        for key in place[1].split(".")[1:]:
            known = [str(k) for k in inner] if isinstance(inner, Mapping) else []
            if key not in known:
                yield key, known
                break
            inner = inner[key]


def _texts(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping | list):
        for key, inner in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from _texts(inner, (*path, key))


def parameter(name: str) -> str:
    """The parameter by which a function is given a table that its task reads."""
    return re.sub(r"\W", "_", name)


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
        message = f"a task is one of `command`, `python`, `wait_for` and `http_job`{what}"
        yield ("name",), message, "write `command: [python, score.py]`"
        return
    (kind,) = kinds
    if not entry.get("targets"):
        yield ("targets",), "`targets` names no target, so that it would never run", "name one: `targets: [prod]`"
    if kind == "command" and not entry["command"]:
        yield ("command",), "`command` is empty", "name a program, and its arguments: `command: [python, score.py]`"
    for key in _MEANINGLESS[kind]:
        if entry.get(key) is not None:
            help = f"write it below `{kind}:`" if key == "timeout" else "take it out"
            yield (key,), f"`{key}` means nothing to {_NOUNS[kind]}", help
    if kind == "python":
        path = str(entry["python"]["path"])
        if not path.endswith(".py") or path.startswith("/") or ".." in path.split("/"):
            yield (
                ("python", "path"),
                f"`{path}` is no Python file of the project",
                "paths start at the project root, and end in .py",
            )
        clash = next(
            (name for name in map(str, config.as_list(entry.get("reads"))) if parameter(name) in (entry.get("params") or {})), None
        )
        if clash is not None:
            yield ("params", parameter(clash)), f"`{clash}` is read, and given by its name", "give the parameter another name"
    if kind == "http_job":
        yield from _job_problems(entry["http_job"])
    if kind == "wait_for" and len([key for key in ("sql", "files") if entry["wait_for"].get(key)]) != 1:
        yield ("wait_for",), "`wait_for` is one of `sql` and `files`", "write `wait_for: {files: landing/*.csv}`"
    folder = str(entry.get("folder") or "")
    if folder.startswith("/") or ".." in folder.split("/"):
        yield ("folder",), f"`{folder}` is no folder of the project", "paths start at the project root"
