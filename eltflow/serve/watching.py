"""Looks at what others write into targets and sources, and queues what that starts. In a thread of its own: a server may take its time."""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Callable
from typing import Any

from eltflow.api.jobs import Jobs, options_for
from eltflow.api.loading import Loaded, load
from eltflow.api.watching import stamp_of, state_of, watched
from eltflow.base.diagnostics import EltflowError
from eltflow.base.names import listed
from eltflow.schedule.jobs import Fresher, Job, Updated
from eltflow.state.jobs import JobRun, JobStore, NewRun

#: Seconds between two looks at what runs wrote, and after which the project is read again.
LOOK = 5.0
_READ = 60.0


class Watch:
    """Remembers what need not be looked at again. `say` is told once of what is in the way of a look."""

    def __init__(self, now: Callable[[], datetime.datetime], say: Callable[[str], None], *, look: float = LOOK) -> None:
        self._now = now
        self._say = say
        self._look = look
        self._loaded: dict[str, tuple[float, Jobs, Loaded]] = {}
        self._next: dict[tuple[str, str], float] = {}
        self._stamps: dict[tuple[str, str], Any] = {}
        self._told: dict[tuple[str, str], str] = {}

    def look(self, jobs: Jobs, store: JobStore) -> list[str]:
        """Look at what it is time for, and queue what is due; gives the ids of runs. Raises EltflowError for the state alone."""
        known, made = store.known(), []
        for job in jobs.jobs:
            for trigger in job.triggers:
                if isinstance(trigger, Updated | Fresher) and job.name in known and not known[job.name].paused:
                    key = (job.name, str(trigger))
                    if time.monotonic() < self._next.get(key, 0.0):
                        continue
                    self._next[key] = time.monotonic() + (trigger.check if isinstance(trigger, Fresher) else self._look)
                    stamp, place, found = self._seen(jobs, job, trigger, key)
                    if found is not None:
                        made.append(self._compared(store, job, trigger, f"{trigger} at {place}", found))
                        self._stamps[key] = (place, stamp)
        return [one for one in made if one is not None]

    def _seen(
        self, jobs: Jobs, job: Job, trigger: Updated | Fresher, key: tuple[str, str]
    ) -> tuple[tuple[int, ...] | None, str, dict[str, list[str]] | None]:
        """The stamp of the target, where that is, and how things stand there; None for these where nothing can have changed or nothing can be
        seen now."""
        stamp, place = None, ""
        try:
            loaded = self._project(jobs, job)
            nodes, place = watched(loaded, trigger), loaded.target_key
            if isinstance(trigger, Updated):  # a source's rows may come from elsewhere than the target's file
                stamp = stamp_of(loaded, nodes)
            if stamp is not None and self._stamps.get(key) == (place, stamp):
                return stamp, place, None
            found = state_of(loaded, trigger, nodes)
        except Exception as error:  # whatever it is: what else is watched goes on
            message = told_shortly(error)
            # The target is in use, or away: it will be back.
            passing = isinstance(error, EltflowError) and error.diagnostics[0].code in ("E0803", "E0805")
            if self._told.get(key) != message and not passing:
                self._say(f"{job.name}: {trigger}: {message}")
            self._told[key] = message
            return stamp, place, None
        self._told.pop(key, None)
        return stamp, place, found

    def _project(self, jobs: Jobs, job: Job) -> Loaded:
        kept = self._loaded.get(job.name)
        if kept is not None and kept[1] is jobs and time.monotonic() - kept[0] < _READ:
            return kept[2]
        loaded = load(jobs.root, options_for(jobs, job))
        self._loaded[job.name] = (time.monotonic(), jobs, loaded)
        return loaded

    def _compared(
        self, store: JobStore, job: Job, trigger: Updated | Fresher, source: str, found: dict[str, list[str]]
    ) -> str | None:
        kept = store.position(job.name, source)
        before: dict[str, list[str]] = {} if kept is None else json.loads(kept)
        position = json.dumps({**before, **found})
        if kept is None:  # what is there when a job is first met, or first runs there, is not new
            store.move(job.name, source, position, None, self._now())
            return None
        if isinstance(trigger, Fresher):
            changed = [i for i, (at,) in found.items() if i not in before or at > before[i][0]]
            words = f"a later row of {trigger.source}"
        else:
            others = {i: one for i, one in found.items() if before.get(i) != one}
            changed = [i for i, (run_id, _) in others.items() if store.job_of(run_id) != job.name]
            words = f"updated: {listed([i.rsplit('.', 1)[-1] for i in sorted(changed)], 5)}"
        if not changed and position == kept:
            return None
        waiting = changed and any(one.started_by.split(":")[0] == words.split(":")[0] for one in _untouched(store, job))
        run = NewRun(job=job.name, started_by=words) if changed and not waiting else None  # one that has not begun will see it all
        made = store.move(job.name, source, position, run, self._now())
        if made is not None:
            self._say(f"{job.name}: {words}")
        return made


def _untouched(store: JobStore, job: Job) -> list[JobRun]:
    """The runs of a job that did not begin yet."""
    return [run for run in store.runs(states=("queued",), job=job.name) if not run.attempt and not run.interruptions]


def told_shortly(error: Exception) -> str:
    """What happened, in a line."""
    return error.diagnostics[0].message if isinstance(error, EltflowError) else f"{type(error).__name__}: {error}"
