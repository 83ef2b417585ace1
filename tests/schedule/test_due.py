"""When jobs are due: clocks that change, times that passed, deadlines."""

from __future__ import annotations

import datetime as dt
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eltflow.schedule import durations
from eltflow.schedule.due import between, deadline_of, following, problem, slot_of, slots, upcoming
from eltflow.schedule.jobs import Cron, Every, Job

UTC = dt.UTC


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=UTC)


def times(expression: str, zone: str, after: str, count: int) -> list[str]:
    found = islice(following(Cron(expression=expression, timezone=zone), utc(after)), count)
    return [f"{one:%m-%d %H:%M}" for one in found]


PARIS, NEW_YORK = "Europe/Paris", "America/New_York"
#: (expression, zone, after, the times that follow, UTC). In Paris clocks go from 02:00 to 03:00 on 2026-03-29 and from 03:00 to 02:00 on
#: 2026-10-25; in New York on 2026-03-08 and 2026-11-01.
GOLDEN = [
    # A time of the day that is skipped is due as the clocks jump, once; the days around it as ever.
    ("30 2 * * *", PARIS, "2026-03-27 12:00", ["03-28 01:30", "03-29 01:00", "03-30 00:30"]),
    ("30 2 * * *", NEW_YORK, "2026-03-07 12:00", ["03-08 07:00", "03-09 06:30"]),
    # One that comes twice is due the first time, once.
    ("30 2 * * *", PARIS, "2026-10-24 12:00", ["10-25 00:30", "10-26 01:30"]),
    ("30 1 * * *", NEW_YORK, "2026-10-31 12:00", ["11-01 05:30", "11-02 06:30"]),
    # Each hour is each hour that passes: 23 and 25 of them.
    ("0 * * * *", PARIS, "2026-03-29 00:00", ["03-29 01:00", "03-29 02:00"]),
    ("0 * * * *", PARIS, "2026-10-24 23:30", ["10-25 00:00", "10-25 01:00", "10-25 02:00"]),
    # Minutes with a star within an hour that is skipped, and one that comes twice.
    ("*/30 2 * * *", PARIS, "2026-03-28 12:00", ["03-30 00:00", "03-30 00:30"]),
    ("*/30 2 * * *", PARIS, "2026-10-24 12:00", ["10-25 00:00", "10-25 00:30", "10-25 01:00", "10-25 01:30", "10-26 01:00"]),
    # Hours with a star.
    ("0 */6 * * *", PARIS, "2026-10-24 20:00", ["10-24 22:00", "10-25 05:00", "10-25 11:00"]),
    # Midnight is never touched here.
    ("0 0 * * *", PARIS, "2026-03-28 12:00", ["03-28 23:00", "03-29 22:00"]),
    ("0 0 29 2 *", "UTC", "2026-01-01 00:00", ["02-29 00:00"]),
    ("0 9 * * MON-FRI", "UTC", "2026-01-02 10:00", ["01-05 09:00", "01-06 09:00"]),
    ("0 9 1 * *", "Asia/Kolkata", "2026-01-02 10:00", ["02-01 03:30"]),
    ("0 9 L * *", "UTC", "2026-02-02 10:00", ["02-28 09:00"]),
]


@pytest.mark.parametrize(("expression", "zone", "after", "expected"), GOLDEN)
def test_the_golden_table(expression: str, zone: str, after: str, expected: list[str]) -> None:
    assert times(expression, zone, after, len(expected)) == expected


def test_an_interval_goes_by_the_epoch() -> None:
    every = Every(seconds=900, text="15 min")
    assert list(islice(following(every, utc("2026-01-01 10:07")), 2)) == [utc("2026-01-01 10:15"), utc("2026-01-01 10:30")]
    assert next(following(every, utc("2026-01-01 10:15"))) == utc("2026-01-01 10:30")


MOMENTS = st.datetimes(dt.datetime(2020, 1, 1), dt.datetime(2030, 1, 1)).map(lambda t: t.replace(tzinfo=UTC))
TRIGGERS = st.one_of(
    st.builds(
        Cron,
        expression=st.sampled_from(
            ["30 2 * * *", "*/7 * * * *", "0 */6 * * *", "15 1,2,3 * * *", "0 0 1 * *", "5 4 * * 1", "0 2 29 2 *"]
        ),
        timezone=st.sampled_from(["UTC", PARIS, NEW_YORK, "Australia/Sydney", "America/Santiago", "Asia/Kolkata"]),
    ),
    st.integers(1, 100_000).map(lambda n: Every(seconds=n, text=f"{n} s")),
)


@given(TRIGGERS, MOMENTS)
def test_times_follow_each_other(trigger, moment: dt.datetime) -> None:
    found = [moment, *islice(following(trigger, moment), 4)]
    assert all(a < b for a, b in pairwise(found))


@given(TRIGGERS, MOMENTS, st.integers(1, 40 * 86400), st.integers(1, 5))
def test_looking_back_finds_what_looking_forward_does(trigger, moment: dt.datetime, seconds: int, most: int) -> None:
    until = moment + dt.timedelta(seconds=seconds)
    found = between(trigger, moment, until, most)
    ahead = []
    for one in following(trigger, until - dt.timedelta(hours=1) if seconds > 3600 else moment):
        if one > until:
            break
        ahead.append(one)
    assert all(moment < one <= until for one in found)
    assert found[-len(ahead) :] == ahead[-len(found) :] if found and ahead else not ahead
    assert next(following(trigger, found[-1] if found else moment)) > until or not found


def job(**given) -> Job:
    return Job(name="j", **{"triggers": (Cron(expression="0 * * * *"),), **given})


@pytest.mark.parametrize(
    ("catchup", "expected", "more"),
    [("last", ["12:00"], True), ("all", ["09:00", "10:00", "11:00", "12:00"], False), ("none", [], True)],
)
def test_times_that_passed(catchup, expected: list[str], more: bool) -> None:
    found, left_out = slots(job(catchup=catchup), utc("2026-01-01 08:30"), utc("2026-01-01 12:40"))
    assert [f"{one.time:%H:%M}" for one in found] == expected
    assert left_out is more


def test_the_last_time_stands_for_those_before_it() -> None:
    """Its run is about all of the time that nobody ran for; the others are about their own."""
    found, _ = slots(job(catchup="last"), utc("2026-01-01 08:30"), utc("2026-01-01 12:40"))
    assert [(f"{one.start:%H:%M}", f"{one.end:%H:%M}") for one in found] == [("08:00", "12:00")]
    found, _ = slots(job(catchup="all"), utc("2026-01-01 08:30"), utc("2026-01-01 12:40"))
    assert {one.end - one.start for one in found} == {dt.timedelta(hours=1)}


def test_a_time_that_has_just_come_is_run_without_catching_up() -> None:
    found, left_out = slots(job(catchup="none"), utc("2026-01-01 08:30"), utc("2026-01-01 12:00:20"))
    assert [f"{one.time:%H:%M}" for one in found] == ["12:00"]
    assert left_out


def test_all_times_have_an_end() -> None:
    """Ten years of minutes are no storm, and cost nothing."""
    every_minute = job(catchup="all", max_catchup=3, triggers=(Cron(expression="* * * * *"),))
    found, left_out = slots(every_minute, utc("2016-01-01 00:00"), utc("2026-01-01 12:00:30"))
    assert [f"{one.time:%H:%M}" for one in found] == ["11:58", "11:59", "12:00"]
    assert left_out


def test_the_interval_of_a_time_begins_with_the_one_before() -> None:
    one = slot_of(job(triggers=(Cron(expression="30 2 * * *", timezone=PARIS),)), utc("2026-03-29 01:00"))
    assert (one.start, one.end) == (utc("2026-03-28 01:30"), utc("2026-03-29 01:00"))


def test_two_triggers_are_one_row_of_times() -> None:
    two = job(triggers=(Cron(expression="0 6 * * *"), Every(seconds=21600, text="6 h")), catchup="all")
    found, _ = slots(two, utc("2026-01-01 00:00"), utc("2026-01-01 18:00"))
    assert [f"{one.time:%H:%M}" for one in found] == ["06:00", "12:00", "18:00"]
    assert [f"{one:%d %H:%M}" for one in upcoming(two, utc("2026-01-01 18:00"))] == ["02 00:00", "02 06:00", "02 12:00"]


@pytest.mark.parametrize(
    ("slot", "expected"),
    [
        ("2026-01-01 01:30", "2026-01-01 05:00"),  # 06:00 in Paris
        ("2026-01-01 05:00", "2026-01-02 05:00"),  # due at the deadline itself: the next day's
        ("2026-01-01 20:00", "2026-01-02 05:00"),
        ("2026-03-28 20:00", "2026-03-29 04:00"),  # summer by then
    ],
)
def test_deadlines(slot: str, expected: str) -> None:
    assert deadline_of(job(deadline=dt.time(6, 0), timezone=PARIS), utc(slot)) == utc(expected)
    assert deadline_of(job(), utc(slot)) is None


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("30 2 * *", "it has not five parts: minute, hour, day of the month, month, day of the week"),
        ("61 * * * *", "there is no such minute"),
        ("0 24 * * *", "there is no such hour"),
        ("0 0 30 2 *", "there is no such day-of-month"),
        ("0 0 1 13 *", "there is no such month"),
        ("0 0 * * 8", "there is no such day-of-week"),
        ("0 0 0 2 * *", "it has not five parts: minute, hour, day of the month, month, day of the week"),
        ("0 0 29 2 *", None),
    ],
)
def test_expressions_that_never_come(expression: str, said: str | None) -> None:
    assert problem(expression) == said


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30 s", 30), ("15 min", 900), ("15m", 900), ("2 h", 7200), ("1.5 hours", 5400), ("1 day", 86400), ("2 Days", 172800)],
)
def test_spans(text: str, seconds: float) -> None:
    assert durations.seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "s", "0 s", "-1 s", "2 weeks", "1 h 30 min", "1e3 s"])
def test_what_is_no_span(text: str) -> None:
    assert durations.seconds(text) is None
