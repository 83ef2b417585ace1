"""The times at which a job is due. All times that go in and out are UTC.

A time of the day that a zone's clocks skip is due at the moment they jump; one that they show twice is due the first time. An expression
whose minute or hour begins with a star goes by the minutes that really pass, and is due in both.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from eltflow.base.diagnostics import fail
from eltflow.base.records import dataclass, replace
from eltflow.schedule.jobs import Cron, Every, Job

UTC = datetime.UTC
_LONG_AGO = datetime.datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One time at which a job is due; the interval is what lies between the time before and this one."""

    time: datetime.datetime
    start: datetime.datetime
    end: datetime.datetime


def zone(name: str) -> ZoneInfo | None:
    """The time zone of that name, or None."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def problem(expression: str) -> str | None:
    """What is wrong with a cron expression, in words; None if nothing is."""
    from cronsim import CronSim, CronSimError

    if len(expression.split()) != 5:
        return "it has not five parts: minute, hour, day of the month, month, day of the week"
    try:
        next(CronSim(expression, datetime.datetime(2024, 1, 1, tzinfo=UTC)))
    except CronSimError as error:
        return str(error).replace("Bad ", "there is no such ")
    except StopIteration:
        return "there is no such day"
    return None


def following(trigger: Cron | Every, after: datetime.datetime) -> Iterator[datetime.datetime]:
    """The times after that one, without end."""
    if isinstance(trigger, Every):
        number = math.floor(after.timestamp() / trigger.seconds) + 1
        while True:
            yield datetime.datetime.fromtimestamp(number * trigger.seconds, UTC)
            number += 1
    from cronsim import CronSim

    last = after
    for one in CronSim(trigger.expression, after.astimezone(ZoneInfo(trigger.timezone)).replace(microsecond=0)):
        found = one.astimezone(UTC)
        if found > last:  # clocks that go back show a time twice
            yield found
            last = found


def between(trigger: Cron | Every, after: datetime.datetime, until: datetime.datetime, most: int) -> list[datetime.datetime]:
    """The last `most` times (or some more) after the one and up to the other. It looks back from the end in growing steps, so that years
    of which nothing is wanted cost nothing; and always forward in each, for backward a library need not find the same."""
    span = datetime.timedelta(hours=1)
    while True:
        begin = max(after, until - span) if until - after > span else after
        found = list(takewhile(lambda t: t <= until, following(trigger, begin)))
        if len(found) >= most or begin == after:
            return found
        span *= 4


def slots(job: Job, after: datetime.datetime, now: datetime.datetime) -> tuple[list[Slot], bool]:
    """The slots of a job's timed triggers after a time, up to now, that its `catchup` lets run, oldest first; and whether it leaves out
    others."""
    most = job.max_catchup if job.catchup == "all" else 1
    times = sorted({t for trigger in job.timed for t in between(trigger, after, now, most + 1)})
    kept = [t for t in times[-most:] if job.catchup != "none" or now - t <= ON_TIME]
    made, more = [slot_of(job, t) for t in kept], len(kept) < len(times)
    if made and more and job.catchup == "last":  # it stands for those before it, whose time would be nobody's
        first = min((t for trigger in job.timed for t in islice(following(trigger, after), 1)), default=made[0].time)
        made[0] = replace(made[0], start=slot_of(job, first).start)
    return made, more


#: How late a time may be found and still be run under `catchup: none`.
ON_TIME = datetime.timedelta(seconds=60)


def slot_of(job: Job, time: datetime.datetime) -> Slot:
    """The slot of that due time."""
    instant = datetime.timedelta(microseconds=1)
    before = [t for trigger in job.timed for t in between(trigger, _LONG_AGO, time - instant, 1)[-1:]]
    return Slot(time=time, start=max(before, default=time), end=time)


def intervals(
    job: Job, start: datetime.datetime, end: datetime.datetime, step: datetime.timedelta | None = None
) -> list[tuple[datetime.datetime, datetime.datetime]]:
    """The intervals between two times, by the job's own due times or each as long as a step; the first and the last are cut to fit."""
    cuts = {start, end}
    if step is None:
        cuts.update(t for trigger in job.timed for t in takewhile(lambda t: t < end, following(trigger, start)))
    else:
        at = start + step
        while at < end:
            cuts.add(at)
            at += step
    return list(pairwise(sorted(cuts)))


def upcoming(job: Job, after: datetime.datetime, count: int = 3) -> list[datetime.datetime]:
    """The next times at which a job is due by its clock."""
    times: set[datetime.datetime] = set()
    for trigger in job.timed:
        times.update(islice(following(trigger, after), count))
    return sorted(times)[:count]


def deadline_of(job: Job, slot: datetime.datetime) -> datetime.datetime | None:
    """When a run that fell due then must be done."""
    if job.deadline is None:
        return None
    here = ZoneInfo(job.timezone)
    local = slot.astimezone(here)
    at = datetime.datetime.combine(local.date(), job.deadline, here)
    if at.astimezone(UTC) <= slot:
        at = datetime.datetime.combine(local.date() + datetime.timedelta(days=1), job.deadline, here)
    return at.astimezone(UTC)


def needed() -> None:
    """Raise EltflowError (E0702) where the library that reads cron expressions is missing."""
    try:
        import cronsim  # noqa: F401
    except ImportError:
        raise fail("E0702", "jobs need a library that is not installed: cronsim", help="pip install 'eltflow[serve]'") from None
