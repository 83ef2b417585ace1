"""What is told of a run, to whom, and how long is waited before another try."""

from __future__ import annotations

import datetime
import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Literal

from eltflow.api.jobs import Jobs
from eltflow.base.plurals import counted
from eltflow.base.records import dataclass
from eltflow.project.jobs import FILE
from eltflow.schedule.jobs import Alert, Job
from eltflow.serve.attempt import RUN, Ended, Finding, in_a_line, of_the_run
from eltflow.state.jobs import JobRun, Known, Mute, NewAlert, Told
from eltflow.transfer import Note

_LONGEST = 3600.0  #: seconds that are waited at most
_TOLD = {"failure": "failed", "recovery": "recovered", "deadline": "is late", "warning": "warned"}
_ORDER = ("failure", "recovery", "warning")
_SEVERITY: Mapping[str, Literal["error", "warn", "info"]] = {
    "failure": "error",
    "deadline": "error",
    "warning": "warn",
    "recovery": "info",
}
_MOST = 20  #: failures that are listed
#: The severity under which is kept that a node which failed is through, where that is not told yet.
_OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Muted:
    """What nothing is told of: the job, or nodes by their ids."""

    job: bool = False
    nodes: frozenset[str] = frozenset()


def muted(mutes: Collection[Mute], job: str) -> Muted:
    """What of a job is muted."""
    nodes = frozenset(mute.name for mute in mutes if mute.kind == "node")
    return Muted(job=any(mute.kind == "job" and mute.name == job for mute in mutes), nodes=nodes)


def alerts_of_end(
    jobs: Jobs,
    job: Job,
    run: JobRun,
    ended: Ended,
    *,
    told: Told,
    through: Collection[str],
    mute: Muted,
    now: datetime.datetime,
) -> tuple[list[NewAlert], Told]:
    """The alerts that the end of a run asks for, and what is told of the job from then on. `told` is what was before; `through` are the nodes
    that the run brought through. A connection hears once of a run and an occasion."""
    findings = _findings(ended)
    here = {one.node: one.severity for one in findings}
    ok = ended.outcome == "ok"

    def lasts(node: str, severity: str) -> bool:
        """Whether what was told of a node is not over: it is so again, or the run did not come to it."""
        return here[node] == severity if node in here else not (ok or node in through or node.startswith(RUN))

    left = {key: known for key, known in told.items() if key[2] != _OVER and lasts(*key[1:])}
    alerts = []
    for to in dict.fromkeys(alert.to for alert in job.alerts):
        rules = [alert for alert in job.alerts if alert.to == to]
        for on, severity in (("failure", "error"), ("warning", "warn")):
            # Whoever asks for recoveries alone is told of no failure; what fails is kept for them all the same.
            silent = on == "failure" and not any(on in rule.on for rule in rules)
            asked = "recovery" if silent else on
            fitting = [
                (one, fits)
                for one in findings
                if one.severity == severity
                and (fits := [rule for rule in rules if asked in rule.on and _concerns(rule, one.node, one.owners)])
            ]
            news, using = [], []
            for one, fits in fitting:
                key = (to, one.node, severity)
                at = left[key].at if key in left else None
                quiet = mute.job or one.node in mute.nodes
                new = at is None or any(
                    rule.repeat_interval is not None and _since(at, now) >= rule.repeat_interval for rule in fits
                )
                left[key] = Known(at=now if new and not quiet else at, owners=one.owners)
                if new and one.node not in mute.nodes:
                    news.append(one)
                    using += fits
            if news and not silent:
                known = sum(one.node not in mute.nodes for one, _ in fitting) - len(news)
                alerts.append(_alert(jobs, job, run, on, to, _words(on, ended, news), news, known, using, mute, now))
        text, using, waiting = _recovered([rule for rule in rules if "recovery" in rule.on], to, told, left, mute, ok=ok)
        if text is not None:
            alerts.append(_alert(jobs, job, run, "recovery", to, text, (), 0, using, mute, now))
        left.update({(to, node, _OVER): known for node, known in waiting.items()})
    return sorted(alerts, key=lambda alert: _ORDER.index(alert.occasion)), left


def _findings(ended: Ended) -> tuple[Finding, ...]:
    """What an end tells of: nodes, or where it is about none, the run itself."""
    severities = {one.severity for one in ended.findings}
    found = list(ended.findings)
    if ended.outcome == "failed" and "error" not in severities:
        found.append(of_the_run(ended.message or "failed"))
    if ended.warned and "warn" not in severities:
        found.append(of_the_run("there were warnings", "warn"))
    return tuple(found)


def _concerns(rule: Alert, node: str, owners: frozenset[str] | None) -> bool:
    """Whether an alert is about a node. What is about a whole run concerns everybody, and so does a node whose owners are not known."""
    return not rule.owner or node.startswith(RUN) or owners is None or not owners.isdisjoint(rule.owner)


def _since(at: datetime.datetime, now: datetime.datetime) -> float:
    return (now - at).total_seconds()


def _words(on: str, ended: Ended, news: Sequence[Finding]) -> str:
    if on == "failure":
        return in_a_line(news)
    return "it is through, with warnings" if ended.outcome == "ok" else "it failed, and there are warnings"


def _recovered(
    rules: Sequence[Alert], to: str, told: Told, left: Told, mute: Muted, *, ok: bool
) -> tuple[str | None, list[Alert], dict[str, Known]]:
    """What a connection is told to be over (None if nothing is), by which rules; and what is through without being told so yet. Whoever hears
    of all nodes waits for the job; whoever hears of some, for those of them that they were told of."""
    failing = {
        node: known for (by, node, severity), known in left.items() if by == to and severity == "error" and known.at is not None
    }
    over = {
        node: known
        for (by, node, severity), known in told.items()
        if by == to and severity != "warn" and known.at is not None and (to, node, "error") not in left and node not in mute.nodes
    }
    using: list[Alert] = []
    done: set[str] = set()
    for rule in rules:
        mine = {node for node, known in over.items() if _concerns(rule, node, known.owners)}
        waits = any(_concerns(rule, node, known.owners) for node, known in failing.items() if node not in mute.nodes)
        if mine and (ok or (rule.owner and not waits)):
            using.append(rule)
            done |= mine
    waiting = {
        node: known
        for node, known in over.items()
        if not ok and node not in done and any(_concerns(rule, node, known.owners) for rule in rules)
    }
    if not using:
        return None, using, waiting
    names = [node.split(".")[2] for node in done if not node.startswith(RUN) and node.count(".") >= 2]
    whole = not names or any(not rule.owner for rule in using)
    return "it is through again" if whole else f"through again: {', '.join(sorted(names)[:_MOST])}", using, waiting


def _alert(
    jobs: Jobs,
    job: Job,
    run: JobRun,
    on: str,
    to: str,
    text: str,
    news: Sequence[Finding],
    known: int,
    rules: Sequence[Alert],
    mute: Muted,
    now: datetime.datetime,
) -> NewAlert:
    waits = [rule.group_wait for rule in rules]
    wait = min((w for w in waits if w is not None), default=None) if None not in waits else None
    shown = [{"node": one.name, "id": one.node, "message": one.message} for one in news if one.name]
    body: dict[str, Any] = {
        "project": jobs.name,
        "job": job.name,
        "run": run.id,
        "occasion": on,
        "severity": _SEVERITY[on],
        "message": text,
        "target": job.target,
        "slot": _text(run.slot),
        "at": _text(now),
        "failures": shown[:_MOST],
        "more_failures": max(0, len(shown) - _MOST),
        "told_before": known,
    }
    gather = None if wait is None else now + datetime.timedelta(seconds=wait)
    return NewAlert(job_run=run.id, job=job.name, occasion=on, destination=to, body=body, gather=gather, muted=mute.job)


def deadline_alerts(jobs: Jobs, job: Job, run: JobRun, text: str, mute: Muted, now: datetime.datetime) -> Iterator[NewAlert]:
    """An alert for each connection that is to be told of a run that is late."""
    rules = [alert for alert in job.alerts if "deadline" in alert.on]
    for to in dict.fromkeys(rule.to for rule in rules):
        yield _alert(jobs, job, run, "deadline", to, text, (), 0, [rule for rule in rules if rule.to == to], mute, now)


def still_wanted(body: Mapping[str, Any], mute: Muted) -> Mapping[str, Any] | None:
    """What of an alert that waited is to be told now that so much is muted; None if nothing is."""
    if mute.job:
        return None
    shown = [one for one in body["failures"] if one.get("id") not in mute.nodes]
    if len(shown) == len(body["failures"]):
        return body
    if not shown and not body["more_failures"]:
        return None
    left = [Finding(node=one["id"], name=one["node"], message=one["message"]) for one in shown]
    message = in_a_line(left) if left and body["occasion"] == "failure" and not body["more_failures"] else body["message"]
    return {**body, "failures": shown, "message": message}


def broken_alerts(jobs: Jobs, what: str, why: str, now: datetime.datetime) -> Iterator[NewAlert]:
    """An alert for each connection that is told of failures: `jobs.yml`, or the project (`what`), was edited into an error, and what was
    before goes on."""
    goes_on = "its jobs go on as they were" if what == FILE else "it goes on as it was"
    text = f"{what} cannot be read, {goes_on}: {why}"
    body: dict[str, Any] = {
        "project": jobs.name,
        "job": what,
        "run": "",
        "occasion": "failure",
        "severity": "error",
        "message": text,
    }
    body |= {"target": None, "slot": None, "at": _text(now), "failures": [], "more_failures": 0, "told_before": 0}
    for to in dict.fromkeys(alert.to for job in jobs.jobs for alert in job.alerts if "failure" in alert.on):
        yield NewAlert(job_run=f"{what} {_text(now)}", job=what, occasion="failure", destination=to, body=body)


def note_of(bodies: Sequence[Mapping[str, Any]]) -> Note:
    """Alerts in words, in one message."""
    notes = [_note(body) for body in bodies]
    if len(notes) == 1:
        return notes[0]
    worst = min((note.severity for note in notes), key=list(_SEVERITY.values()).index)
    kinds = dict.fromkeys(body["occasion"] for body in bodies)
    what = ", ".join(f"{sum(body['occasion'] == on for body in bodies)} {_TOLD[on]}" for on in kinds)
    title = f"{bodies[0]['project']}: {counted(len(notes), 'alert')}: {what}"
    text = "\n\n".join(f"{note.title.partition(': ')[2]}\n{note.text}" for note in notes)
    facts = {"project": bodies[0]["project"], "severity": worst, "alerts": list(bodies)}
    return Note(title=title, text=text, facts=facts, severity=worst)


def _note(body: Mapping[str, Any]) -> Note:
    what = f"job {body['job']}" if body["run"] else body["job"]
    title = f"{body['project']}: {what} {_TOLD[body['occasion']]}"
    lines = [body["message"], *(f"- {one['node']}: {one['message']}" for one in body["failures"])]
    lines += [f"- and {body['more_failures']} more"] if body["more_failures"] else []
    lines += [f"- and {body['told_before']} of which you know"] if body.get("told_before") else []
    lines += [f"run {body['run'][:8]}" + (f", due {body['slot']}" if body["slot"] else "")] if body["run"] else []
    return Note(title=title, text="\n".join(lines), facts=body, severity=_SEVERITY[body["occasion"]])


def pause_before(attempt: int, backoff: float) -> float:
    """Seconds before the next attempt, after so many: they double with each, by up to a quarter more, that not all try at once."""
    return min(_LONGEST, backoff * 2.0 ** min(attempt - 1, 30)) * random.uniform(1.0, 1.25)


def _text(time: datetime.datetime | None) -> str | None:
    return None if time is None else time.astimezone(datetime.UTC).isoformat(timespec="seconds")


__all__ = ["alerts_of_end", "broken_alerts", "deadline_alerts", "muted", "note_of", "pause_before", "still_wanted"]
