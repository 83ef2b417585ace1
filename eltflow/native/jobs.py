"""Reads `jobs.yml`: jobs and their triggers, each checked with the line of what is wrong."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from eltflow.base.names import did_you_mean, listed
from eltflow.base.records import dataclass
from eltflow.project import yamlfile
from eltflow.project.config import as_list
from eltflow.project.findings import Findings
from eltflow.project.jobs import FILE, JOBS
from eltflow.project.project import read_text
from eltflow.project.shape import check
from eltflow.schedule import durations
from eltflow.schedule.due import needed, problem, zone
from eltflow.schedule.jobs import AfterJob, Alert, Cron, Every, Fresher, Job, NewFiles, Trigger, Updated, Webhook

_NAME = re.compile(r"[^\W\d][\w.-]*\Z")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\Z")
_KINDS = ("cron", "every", "job", "files", "webhook", "updated", "fresher")
#: The interval of alerts that come with each run.
ALWAYS = "always"
#: Seconds between two looks at a source.
_CHECK = 300.0
Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the rest of the project has that jobs may name."""

    targets: tuple[str, ...]
    connections: Mapping[str, str]  # the type of each
    alerting: tuple[str, ...]  # the types that can be told something


def read_jobs(root: Path, around: Surroundings) -> tuple[tuple[Job, ...], Mapping[str, int]]:
    """The jobs of a project, in the order in which they are written, and its pools; none if there is no `jobs.yml`. Raises EltflowError
    with everything that is wrong (E01xx the file, E0206 a name given twice, E09xx what can never run)."""
    if not (root / FILE).is_file():
        return (), {}
    findings = Findings(lambda path: read_text(root, path))
    value = worded(yamlfile.read(read_text(root, FILE), FILE))
    findings.problems(FILE, check(value if value is not None else {}, JOBS))
    findings.stop()
    entries: list[Mapping[str, Any]] = value["jobs"] or []
    needed()
    jobs = tuple(_job(entry, ("jobs", index), findings, around) for index, entry in enumerate(entries))
    _check_names(entries, findings)
    _check_triggers(entries, findings)
    findings.stop()
    return jobs, value.get("pools") or {}


def worded(value: Any) -> Any:
    """The value with `on` for the key that YAML 1.1 takes for true."""
    if isinstance(value, dict):
        return {"on" if key is True else key: worded(inner) for key, inner in value.items()}
    return [worded(inner) for inner in value] if isinstance(value, list) else value


def _job(entry: Mapping[str, Any], place: Place, findings: Findings, around: Surroundings) -> Job:
    if "{{" in str(entry) or "{%" in str(entry):
        _no_jinja(entry, place, findings)
    retries = entry.get("retries") or {}
    triggers = tuple(
        made
        for index, one in enumerate(entry.get("triggers") or ())
        if (made := _trigger(one, (*place, "triggers", index), findings, around)) is not None
    )
    target = entry.get("target")
    if target is not None and target not in around.targets:
        help = did_you_mean(target, around.targets) or f"targets here: {', '.join(around.targets)}"
        findings.at(FILE, (*place, "target"), "E0107", f"there is no target `{target}`", help=help)
    if entry.get("selector") and (entry.get("select") or entry.get("exclude")):
        message = "`selector` takes the place of `select` and `exclude`"
        findings.at(FILE, (*place, "selector"), "E0103", message, help="keep one of them", key=True)
    zones = [t.timezone for t in triggers if isinstance(t, Cron)]
    return Job(
        name=entry["name"],
        description=entry.get("description") or "",
        command=entry.get("command") or "build",
        select=tuple(as_list(entry.get("select"))),
        exclude=tuple(as_list(entry.get("exclude"))),
        selector=entry.get("selector"),
        full_refresh=bool(entry.get("full_refresh")),
        target=target,
        vars=entry.get("vars") or {},
        triggers=triggers,
        catchup=entry.get("catchup") or "last",
        max_catchup=entry.get("max_catchup") or 50,
        attempts=retries.get("attempts") or 1,
        backoff=_span(retries, "backoff", (*place, "retries"), findings) or 30.0,
        timeout=_span(entry, "timeout", place, findings),
        deadline=_clock(entry, place, findings),
        timezone=zones[0] if zones else "UTC",
        on_late=entry.get("on_late") or "run_stale",
        alerts=tuple(_alert(one, (*place, "alerts", i), findings, around) for i, one in enumerate(entry.get("alerts") or ())),
    )


def _no_jinja(value: Any, place: Place, findings: Findings) -> None:
    """An error for each text with Jinja: what runs, and when, stands in the file as it is."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _no_jinja(inner, (*place, key), findings)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _no_jinja(inner, (*place, index), findings)
    elif isinstance(value, str) and ("{{" in value or "{%" in value):
        help = "write the value itself; what differs by environment is a target of eltflow.yml, or a variable"
        findings.at(FILE, place, "E0103", "jobs are not rendered, and this is Jinja", help=help)


def _trigger(entry: Mapping[str, Any], place: Place, findings: Findings, around: Surroundings) -> Trigger | None:
    kinds = [kind for kind in _KINDS if entry.get(kind) is not None]
    if len(kinds) != 1:
        message = f"a trigger is one of {listed([f'`{kind}`' for kind in _KINDS], 10)}{', and this is ' + ' and '.join(kinds) if kinds else ''}"
        findings.at(FILE, place, "E0103", message, help='write one trigger an item: `- {cron: "30 2 * * *"}`')
        return None
    (kind,) = kinds
    for key, of in (("timezone", "cron"), ("on", "job"), ("check", "fresher")):
        if key in entry and kind != of:
            help = "days and times of the day have a time zone: use `cron`" if key == "timezone" else "take it out"
            findings.at(FILE, (*place, key), "E0103", f"`{key}` means nothing to `{kind}`", help=help, key=True)
    if kind == "job":
        return AfterJob(job=entry["job"], on=entry.get("on") or "ok")
    if kind == "every":
        span = _span(entry, "every", place, findings)
        if span is not None and (span < 1 or span != int(span)):
            findings.at(FILE, (*place, "every"), "E0103", "`every` must be whole seconds", help="write 1 s or more")
            return None
        return Every(seconds=int(span), text=str(entry["every"])) if span is not None else None
    if kind == "files":
        return _files(entry, place, findings)
    if kind == "updated":
        return Updated(nodes=tuple(as_list(entry["updated"])))
    if kind == "fresher":
        return Fresher(source=entry["fresher"], check=_span(entry, "check", place, findings) or _CHECK)
    if kind == "webhook":
        return _webhook(entry, place, findings, around)
    return _cron(entry, place, findings)


def _files(entry: Mapping[str, Any], place: Place, findings: Findings) -> NewFiles | None:
    path = PurePosixPath(entry["files"])
    if path.is_absolute() or ".." in path.parts or not path.parts:
        message = f"`{entry['files']}` is no pattern of files below the project"
        findings.at(FILE, (*place, "files"), "E0103", message, help="paths start at the project root: landing/*.csv")
        return None
    return NewFiles(pattern=path.as_posix())


def _webhook(entry: Mapping[str, Any], place: Place, findings: Findings, around: Surroundings) -> Webhook | None:
    name = entry["webhook"]
    if around.connections.get(name) != "webhook":
        fitting = [known for known, type in around.connections.items() if type == "webhook"]
        help = (
            did_you_mean(name, fitting) or f"add it under `connections:` in eltflow.yml: `{name}: {{type: webhook, secret: ...}}`"
        )
        if name in around.connections:
            message = f"`{name}` is a {around.connections[name]} connection, by which nobody asks for a job"
            findings.at(FILE, (*place, "webhook"), "E0103", message, help="name one of type webhook")
        else:
            findings.at(FILE, (*place, "webhook"), "E0118", f"there is no connection `{name}`", help=help)
        return None
    return Webhook(connection=name)


def _cron(entry: Mapping[str, Any], place: Place, findings: Findings) -> Cron | None:
    name = entry.get("timezone") or "UTC"
    wrong = problem(entry["cron"])
    if wrong is not None:
        message = f"`{entry['cron']}` is no time that comes: {wrong}"
        findings.at(FILE, (*place, "cron"), "E0901", message, help='"30 2 * * *" is each day at half past two')
    if zone(name) is None:
        import zoneinfo

        help = did_you_mean(name, zoneinfo.available_timezones()) or "write one like Europe/Paris or America/New_York"
        findings.at(FILE, (*place, "timezone"), "E0902", f"there is no time zone `{name}`", help=help)
        return None
    return Cron(expression=" ".join(entry["cron"].split()), timezone=name) if wrong is None else None


_LONGEST = 3650 * 86400.0  #: seconds


def _span(entry: Mapping[str, Any], key: str, place: Place, findings: Findings, more: str = "") -> float | None:
    if entry.get(key) is None:
        return None
    found = durations.seconds(entry[key])
    if found is None:
        findings.at(FILE, (*place, key), "E0103", f"`{key}` must be a span of time, not `{entry[key]}`", help=durations.HELP + more)
    elif found > _LONGEST:
        findings.at(FILE, (*place, key), "E0103", f"`{key}` cannot be `{entry[key]}`", help="write 3650 days or less")
        return None
    return found


def _clock(entry: Mapping[str, Any], place: Place, findings: Findings) -> datetime.time | None:
    if entry.get("deadline") is None:
        return None
    found = _CLOCK.match(entry["deadline"])
    if found is None:
        message = f"`deadline` must be a time of the day, not `{entry['deadline']}`"
        findings.at(FILE, (*place, "deadline"), "E0103", message, help='write it like "06:00"')
        return None
    return datetime.time(int(found.group(1)), int(found.group(2)))


def _alert(entry: Mapping[str, Any], place: Place, findings: Findings, around: Surroundings) -> Alert:
    to = entry["to"]
    fitting = [name for name, type in around.connections.items() if type in around.alerting]
    if to not in around.connections:
        help = did_you_mean(to, fitting) or f"add it under `connections:` in eltflow.yml: `{to}: {{type: webhook, url: ...}}`"
        findings.at(FILE, (*place, "to"), "E0118", f"there is no connection `{to}`", help=help)
    elif to not in fitting:
        message = f"`{to}` is a {around.connections[to]} connection, which cannot be told of anything"
        help = f"name one of type {' or '.join(around.alerting)}"
        findings.at(FILE, (*place, "to"), "E0103", message, help=help)
    on, owner = tuple(as_list(entry["on"])), tuple(as_list(entry.get("owner")))
    if owner and "deadline" in on:
        help = "say in an alert of its own who hears of deadlines"
        findings.at(FILE, (*place, "owner"), "E0103", "a deadline is the job's, and `owner` is of nodes", help=help, key=True)
    repeat = 0.0 if entry.get("repeat_interval") == ALWAYS else _span(entry, "repeat_interval", place, findings, f"; or `{ALWAYS}`")
    return Alert(on=on, to=to, owner=owner, group_wait=_span(entry, "group_wait", place, findings), repeat_interval=repeat)


def _check_names(entries: list[Mapping[str, Any]], findings: Findings) -> None:
    seen: dict[str, int] = {}
    for index, entry in enumerate(entries):
        name, place = entry["name"], ("jobs", index, "name")
        if not _NAME.match(name):
            help = "use letters, digits, underscores, dots and dashes, and begin with a letter"
            findings.at(FILE, place, "E0103", f"`{name}` cannot be a job's name", help=help)
        first = seen.setdefault(name, index)
        if first != index:
            line = findings.spot(FILE, ("jobs", first, "name")).line
            findings.at(FILE, place, "E0206", f"two jobs are called `{name}`", help=f"the other is in line {line}; rename one")


def _check_triggers(entries: list[Mapping[str, Any]], findings: Findings) -> None:
    """Errors for triggers that name no job, and for jobs that start each other in a ring."""
    index = {entry["name"]: i for i, entry in enumerate(entries)}
    starts: dict[str, list[str]] = {name: [] for name in index}
    for name, at in index.items():
        for spot, trigger in enumerate(entries[at].get("triggers") or ()):
            before = trigger.get("job")
            if before is not None and before not in index:
                help = did_you_mean(before, index) or f"jobs here: {listed(index, 10)}"
                findings.at(FILE, ("jobs", at, "triggers", spot, "job"), "E0903", f"there is no job `{before}`", help=help)
            elif before is not None:
                starts[name].append(before)
    told: set[str] = set()
    for name, at in index.items():
        ring = ring_of(name, starts)
        if ring and not told.intersection(ring):
            told.update(ring)
            message = f"jobs start each other in a ring: {' → '.join([*reversed(ring), ring[-1]])}"
            help = "take one of these triggers out; times may start it"
            findings.at(FILE, ("jobs", at, "triggers"), "E0904", message, help=help, key=True)


def ring_of(name: str, starts: Mapping[str, Sequence[str]]) -> list[str]:
    """The jobs on a way from a job, by what starts them, back to itself; empty where none leads there."""
    ways: list[list[str]] = [[name]]
    seen: set[str] = set()
    for way in ways:
        for before in starts[way[-1]]:
            if before == name:
                return way
            if before not in seen:
                seen.add(before)
                ways.append([*way, before])
    return []


__all__ = ["Surroundings", "read_jobs", "ring_of"]
