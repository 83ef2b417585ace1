"""What is told of a run, to whom, and how long is waited before another try."""

from __future__ import annotations

import datetime
import random
from collections.abc import Iterator, Mapping
from typing import Any

from eltflow.api.jobs import Jobs
from eltflow.project.jobs import FILE
from eltflow.schedule.jobs import Job, Occasion
from eltflow.serve.attempt import Ended
from eltflow.state.jobs import JobRun, NewAlert
from eltflow.transfer import Note

_LONGEST = 3600.0  #: seconds that are waited at most
_TOLD = {"failure": "failed", "recovery": "recovered", "deadline": "is late", "warning": "warned"}
_MOST = 20  #: failures that are listed


def alerts_for(
    jobs: Jobs, job: Job, run: JobRun, on: Occasion, text: str, ended: Ended | None, now: datetime.datetime
) -> Iterator[NewAlert]:
    """An alert for each connection that is to be told of this."""
    failures = [{"node": node, "message": message} for node, message in (ended.failures if ended is not None else ())]
    body: dict[str, Any] = {
        "project": jobs.name,
        "job": job.name,
        "run": run.id,
        "occasion": on,
        "message": text,
        "target": job.target,
        "slot": _text(run.slot),
        "at": _text(now),
        "failures": failures[:_MOST],
        "more_failures": max(0, len(failures) - _MOST),
    }
    for to in dict.fromkeys(alert.to for alert in job.alerts if on in alert.on):
        yield NewAlert(job_run=run.id, job=job.name, occasion=on, destination=to, body=body)


def broken_alerts(jobs: Jobs, why: str, now: datetime.datetime) -> Iterator[NewAlert]:
    """An alert for each connection that is told of failures: `jobs.yml` was edited into an error, and the jobs of before go on."""
    text = f"{FILE} cannot be read, its jobs go on as they were: {why}"
    body: dict[str, Any] = {"project": jobs.name, "job": FILE, "run": "", "occasion": "failure", "message": text, "target": None}
    body |= {"slot": None, "at": _text(now), "failures": [], "more_failures": 0}
    for to in dict.fromkeys(alert.to for job in jobs.jobs for alert in job.alerts if "failure" in alert.on):
        yield NewAlert(job_run=f"{FILE} {_text(now)}", job=FILE, occasion="failure", destination=to, body=body)


def note_of(body: Mapping[str, Any]) -> Note:
    """An alert in words."""
    what = f"job {body['job']}" if body["run"] else body["job"]
    title = f"{body['project']}: {what} {_TOLD[body['occasion']]}"
    lines = [body["message"], *(f"- {one['node']}: {one['message']}" for one in body["failures"])]
    lines += [f"- and {body['more_failures']} more"] if body["more_failures"] else []
    lines += [f"run {body['run'][:8]}" + (f", due {body['slot']}" if body["slot"] else "")] if body["run"] else []
    return Note(title=title, text="\n".join(lines), facts=body)


def pause_before(attempt: int, backoff: float) -> float:
    """Seconds before the next attempt, after so many: they double with each, by up to a quarter more, that not all try at once."""
    return min(_LONGEST, backoff * 2.0 ** min(attempt - 1, 30)) * random.uniform(1.0, 1.25)


def _text(time: datetime.datetime | None) -> str | None:
    return None if time is None else time.astimezone(datetime.UTC).isoformat(timespec="seconds")
