"""What became of jobs: their due times, runs, nodes and alerts, in the project's state store. Each change is one transaction.

A run of a job is `queued`, then `running`, and ends as `ok`, `failed` or `cancelled`. One that was lost with the process, or that
may be tried again, is queued anew. All times are UTC.
"""

from __future__ import annotations

import datetime
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from eltflow.base.diagnostics import fail
from eltflow.base.records import dataclass, replace
from eltflow.state.database import Database
from eltflow.state.store import Store

ENDED = ("ok", "failed", "cancelled")
_TIMES = ("slot", "interval_start", "interval_end", "created_at", "started_at", "ended_at", "not_before")
#: How often a run may be lost with the process that runs it before it is given up.
INTERRUPTIONS = 3
_RUN = (
    "id, job, slot, state, started_by, cause, interval_start, interval_end, created_at, started_at, ended_at, not_before, attempt,"
    " interruptions, message, cancel_asked, backfill"
)
_MEET = "insert into job (name, since) values (?, ?) on conflict do nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobState:
    """The time up to which a job's due times were looked at, and whether its triggers are stopped."""

    since: datetime.datetime
    paused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRun:
    """A run of a job. `started_by` says in words what did; `attempt` counts those that were begun; `backfill` names what it is a part of."""

    id: str
    job: str
    slot: datetime.datetime | None
    state: str
    started_by: str
    cause: str | None
    interval_start: datetime.datetime | None
    interval_end: datetime.datetime | None
    created_at: datetime.datetime
    started_at: datetime.datetime | None
    ended_at: datetime.datetime | None
    not_before: datetime.datetime | None
    attempt: int
    interruptions: int
    message: str | None
    cancel_asked: int
    backfill: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A run that is to be queued."""

    job: str
    started_by: str
    slot: datetime.datetime | None = None
    interval: tuple[datetime.datetime, datetime.datetime] | None = None
    cause: str | None = None
    idem: str | None = None
    backfill: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeState:
    """How far a node of a run came; `checksum` is that of the node as it was run."""

    unique_id: str
    state: str
    checksum: str
    run_id: str
    message: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAlert:
    """Something to tell a connection, once for each run of a job."""

    job_run: str
    job: str
    occasion: str
    destination: str
    body: Mapping[str, Any]
    #: Up to when others to the same connection are gathered, to be told with it; None: it is told by itself, at once.
    gather: datetime.datetime | None = None
    #: Written down, and told to nobody.
    muted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertState:
    """An alert on its way; `together` says that it may be told in one message with others to the same connection."""

    id: int
    job: str
    occasion: str
    destination: str
    body: Mapping[str, Any]
    attempts: int
    together: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """A job (by its name) or a node (by its id) of which nothing is told up to a time; why, and who said so."""

    kind: Literal["job", "node"]
    name: str
    until: datetime.datetime
    reason: str
    since: datetime.datetime
    who: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a connection knows of a node: when it was told (None: that was muted), and whose the node was (None: nobody wrote that down)."""

    at: datetime.datetime | None
    owners: frozenset[str] | None = None


#: What a connection was told of a job and not told to be over, by (connection, node, severity).
Told = Mapping[tuple[str, str, str], Known]


class JobStore:
    """The jobs of one project. One connection, for one thread."""

    def __init__(self, store: Store, *, power: bool = True, token: int | None = None) -> None:
        """With `power`, what is written outlives a loss of power, not only of the process. `token` is that of the lease of the service that
        writes: once another has the lease, nothing is written (E0809)."""
        self._store = store
        self._connection = store.connect(power=power)
        self.token = token

    def close(self) -> None:
        self._connection.close()

    def check(self) -> None:
        """Raise EltflowError (E0801) if a newer eltflow has brought the state to a format of its own."""
        self._store.check(self._connection)

    @contextmanager
    def _transaction(self) -> Iterator[Database]:
        with self._connection.transaction():
            self._store.check(self._connection, self.token)  # what is written here is of this format
            yield self._connection

    # -- what is old -----------------------------------------------------------------------------------------------------------

    def ended_before(self, moment: datetime.datetime) -> list[str]:
        """The runs of jobs that ended before a moment."""
        rows = self._connection.execute("select id from job_run where ended_at < ?", (_text(moment),))
        return [id for (id,) in rows]

    def forget_before(self, moment: datetime.datetime) -> None:
        """Forget the runs of jobs that ended before a moment, their attempts, nodes and alerts. (Their due times are not run again: a job looks
        at those since its last look alone.)"""
        old = "(select id from job_run where ended_at < ?)"
        with self._transaction() as connection:
            for table in ("job_attempt", "job_node", "outside", "alert"):
                connection.execute(f"delete from {table} where job_run in {old}", (_text(moment),))
            connection.execute("delete from job_run where ended_at < ?", (_text(moment),))

    # -- jobs ------------------------------------------------------------------------------------------------------------------

    def known(self) -> dict[str, JobState]:
        """What is kept of each job that was seen."""
        rows = self._connection.execute("select name, since, paused from job")
        return {name: JobState(since=_time(since), paused=bool(paused)) for name, since, paused in rows}

    def meet(self, names: Iterable[str], now: datetime.datetime) -> None:
        """Take note of jobs that are new: their due times count from now."""
        with self._transaction() as connection:
            connection.executemany(_MEET, [(name, _text(now)) for name in names])

    def pause(self, job: str, paused: bool, now: datetime.datetime) -> None:
        """Stop a job's triggers, or let them go on: the times that passed meanwhile are not made up for."""
        with self._transaction() as connection:
            connection.execute(_MEET, (job, _text(now)))
            connection.execute("update job set paused = ?, since = ? where name = ?", (int(paused), _text(now), job))

    # -- runs ------------------------------------------------------------------------------------------------------------------

    def advance(
        self, job: str, since: datetime.datetime, runs: Iterable[NewRun], now: datetime.datetime, *, supersede: bool = False
    ) -> list[str]:
        """Queue runs for due times and remember that these were looked at, both or neither. A due time makes one run. With `supersede`
        the run takes the place of those due before that did not begin yet, and has their intervals."""
        with self._transaction() as connection:
            if supersede:
                waiting = "job = ? and state = 'queued' and attempt = 0 and interruptions = 0 and slot is not null"
                (start,) = connection.execute(f"select min(interval_start) from job_run where {waiting}", (job,)).fetchone()
                connection.execute(
                    f"update job_run set state = 'cancelled', ended_at = ?, message = 'the next time came before it began' where {waiting}",
                    (_text(now), job),
                )
                if start is not None:
                    runs = [replace(run, interval=(_time(start), run.interval[1])) if run.interval else run for run in runs]
            made = [_insert(connection, run, now) for run in runs]
            connection.execute("update job set since = ? where name = ?", (_text(since), job))
        return [one for one in made if one is not None]

    def queue(self, run: NewRun, now: datetime.datetime) -> str | None:
        """Queue a run; gives its id, or None if there is one for that slot already. One that was asked for under the same name is that."""
        with self._transaction() as connection:
            if run.idem is not None:
                found = connection.execute("select id from job_run where idem = ?", (run.idem,)).fetchone()
                if found is not None:
                    return str(found[0])
            return _insert(connection, run, now)

    def asked(self, idem: str) -> bool:
        """Whether a run was asked for under that name."""
        return self._connection.execute("select 1 from job_run where idem = ?", (idem,)).fetchone() is not None

    def position(self, job: str, source: str) -> str | None:
        """How far a source was looked at for a job."""
        row = self._connection.execute("select position from trigger_cursor where job = ? and source = ?", (job, source)).fetchone()
        return None if row is None else str(row[0])

    def move(self, job: str, source: str, position: str, run: NewRun | None, now: datetime.datetime) -> str | None:
        """Remember how far a source was looked at, and queue a run for what is new, both or neither."""
        with self._transaction() as connection:
            values = (job, source, position)
            connection.execute(
                "insert into trigger_cursor (job, source, position) values (?, ?, ?)"
                " on conflict (job, source) do update set position = excluded.position",
                values,
            )
            return None if run is None else _insert(connection, run, now)

    def backfill(self, runs: Sequence[NewRun], now: datetime.datetime) -> list[str]:
        """Queue the runs of a backfill, but for intervals that a run of one is still to do."""
        with self._transaction() as connection:
            query = "select interval_start, interval_end from job_run where job = ? and backfill is not null and state in ('queued', 'running')"
            waiting = {tuple(row) for row in connection.execute(query, (runs[0].job,))} if runs else set()
            new = (r for r in runs if r.interval is None or (_text(r.interval[0]), _text(r.interval[1])) not in waiting)
            made = [_insert(connection, run, now) for run in new]
        return [one for one in made if one is not None]

    def backfills(self, job: str, start: datetime.datetime, end: datetime.datetime) -> list[JobRun]:
        """What is still to do of backfills between two times."""
        going = self.runs(states=("queued", "running"), job=job, limit=1_000_000)
        return [
            r
            for r in going
            if r.backfill and r.interval_start and r.interval_end and start <= r.interval_start and r.interval_end <= end
        ]

    def run(self, id: str) -> JobRun:
        """A run by its id or the beginning of one. Raises EltflowError (E0806)."""
        rows = self._connection.execute(f"select {_RUN} from job_run where substr(id, 1, ?) = ? limit 2", (len(id), id)).fetchall()
        if len(rows) != 1:
            why = "no run of a job has" if not rows else "several runs of jobs have"
            raise fail("E0806", f"{why} an id that begins with `{id}`", help="eltflow jobs --runs lists them")
        return _run(rows[0])

    def runs(self, *, states: Sequence[str] = (), job: str | None = None, limit: int = 1000) -> list[JobRun]:
        """Runs, newest first."""
        where = (
            ["1 = 1"]
            + ([f"state in ({', '.join('?' * len(states))})"] if states else [])
            + (["job = ?"] if job is not None else [])
        )
        values = (*states, *([job] if job is not None else []), limit)
        query = f"select {_RUN} from job_run where {' and '.join(where)} order by created_at desc, rowid desc limit ?"
        return [_run(row) for row in self._connection.execute(query, values)]

    def unwarned(self, jobs: Sequence[str]) -> list[JobRun]:
        """The runs of these jobs that fell due and have not ended, and of whose deadline nobody was told, oldest first."""
        query = (
            f"select {_RUN} from job_run where state in ('queued', 'running') and slot is not null and job in ({', '.join('?' * len(jobs))})"
            " and not exists (select 1 from alert where alert.job_run = job_run.id and occasion = 'deadline' and alert.state <> 'muted')"
            " order by slot"
        )
        return [_run(row) for row in self._connection.execute(query, jobs)]

    def ready(self, now: datetime.datetime) -> list[JobRun]:
        """The runs that may begin, in the order in which they fell due, backfills last: one of each job that is not running."""
        query = (
            f"select {_RUN} from job_run where state = 'queued' and (not_before is null or not_before <= ?)"
            " and job not in (select job from job_run where state = 'running')"
            " order by backfill is not null, coalesce(slot, interval_start, created_at), created_at, rowid"
        )
        first: dict[str, JobRun] = {}
        for row in self._connection.execute(query, (_text(now),)):
            run = _run(row)
            first.setdefault(run.job, run)
        return list(first.values())

    def begin(self, run: JobRun, now: datetime.datetime) -> str | None:
        """Take a queued run, and write its next attempt down; gives the attempt's own id, or None if somebody else has it."""
        run_id = str(uuid.uuid4())
        with self._transaction() as connection:
            taken = connection.execute(
                "update job_run set state = 'running', attempt = attempt + 1, started_at = coalesce(started_at, ?), not_before = null,"
                " message = null where id = ? and state = 'queued'",
                (_text(now), run.id),
            )
            if not taken.rowcount:
                return None
            connection.execute(
                "insert into job_attempt (job_run, run_id, number, started_at) values (?, ?, ?, ?)",
                (run.id, run_id, run.attempt + 1, _text(now)),
            )
        return run_id

    def node(
        self, run: JobRun, run_id: str, unique_id: str, state: str, checksum: str, message: str | None, at: datetime.datetime
    ) -> None:
        """Write down how far a node came."""
        with self._transaction() as connection:
            connection.execute(
                "insert into job_node (job_run, unique_id, state, checksum, run_id, at, message) values (?, ?, ?, ?, ?, ?, ?)"
                " on conflict (job_run, unique_id) do update set state = excluded.state, checksum = excluded.checksum,"
                " run_id = excluded.run_id, at = excluded.at, message = excluded.message",
                (run.id, unique_id, state, checksum, run_id, _text(at), message),
            )

    def nodes(self, job_run: str) -> dict[str, NodeState]:
        """How far each node of a run came, by its id."""
        query = "select unique_id, state, checksum, run_id, message from job_node where job_run = ? order by at"
        rows = self._connection.execute(query, (job_run,))
        return {i: NodeState(unique_id=i, state=state, checksum=sum, run_id=run_id, message=m) for i, state, sum, run_id, m in rows}

    def attempts(self, job_run: str) -> list[tuple[str, str | None]]:
        """(id, outcome) of each attempt at a run."""
        query = "select run_id, outcome from job_attempt where job_run = ? order by started_at, rowid"
        return [(run_id, outcome) for run_id, outcome in self._connection.execute(query, (job_run,))]

    def outside(self, job_run: str, unique_id: str, asked: str) -> str | None:
        """The job that an API runs for a node, if it was asked for under that name."""
        query = "select job from outside where job_run = ? and unique_id = ? and asked = ?"
        row = self._connection.execute(query, (job_run, unique_id, asked)).fetchone()
        return None if row is None else str(row[0])

    def started_outside(self, job_run: str, unique_id: str, asked: str, job: str) -> None:
        """Write down which job an API runs for a node."""
        with self._transaction() as connection:
            connection.execute(
                "insert into outside (job_run, unique_id, asked, job) values (?, ?, ?, ?)"
                " on conflict (job_run, unique_id) do update set asked = excluded.asked, job = excluded.job",
                (job_run, unique_id, asked, job),
            )

    def lets_go(self, run_id: str) -> None:
        """Write down that an attempt is about to cancel what it started elsewhere: the next one starts it anew."""
        with self._transaction() as connection:
            connection.execute("update job_attempt set outcome = 'stopped' where run_id = ? and outcome is null", (run_id,))

    def job_of(self, run_id: str) -> str | None:
        """The job that an attempt was at; None for a run that was none of a job."""
        query = "select r.job from job_attempt a join job_run r on r.id = a.job_run where a.run_id = ?"
        row = self._connection.execute(query, (run_id,)).fetchone()
        return None if row is None else str(row[0])

    def again(
        self,
        run: JobRun,
        run_id: str,
        outcome: str,
        now: datetime.datetime,
        *,
        not_before: datetime.datetime,
        counts: bool,
        message: str,
    ) -> None:
        """End an attempt, and queue the run for another. One that does not count leaves the number of attempts as it was. Of those that only
        `waited` the last one is kept."""
        with self._transaction() as connection:
            if outcome == "waited":
                connection.execute("delete from job_attempt where job_run = ? and outcome = 'waited'", (run.id,))
            _end_attempt(connection, run_id, outcome, now)
            connection.execute(
                "update job_run set state = 'queued', not_before = ?, message = ?, attempt = attempt - ? where id = ? and state = 'running'",
                (_text(not_before), message, int(not counts), run.id),
            )

    def end(
        self,
        run: JobRun,
        run_id: str | None,
        outcome: str,
        now: datetime.datetime,
        *,
        message: str | None = None,
        then: Iterable[NewRun] = (),
        alerts: Iterable[NewAlert] = (),
        told: Told | None = None,
    ) -> bool:
        """End a run, with what follows from it: other jobs' runs, and alerts, with what is `told` of the job from now on (None: as before). All
        of it or nothing; False if it had ended already."""
        with self._transaction() as connection:
            if run_id is not None:
                _end_attempt(connection, run_id, outcome, now)
            ended = connection.execute(
                "update job_run set state = ?, ended_at = ?, message = ?, not_before = null where id = ? and state in ('queued', 'running')",
                (outcome, _text(now), message, run.id),
            )
            if ended.rowcount:
                for new in then:
                    _insert(connection, new, now)
                _alert(connection, alerts, now)
                if told is not None:
                    connection.execute("delete from told where job = ?", (run.job,))
                    connection.executemany(
                        "insert into told (job, destination, node, severity, told_at, owners) values (?, ?, ?, ?, ?, ?)",
                        [(run.job, *key, _text(known.at), _owners(known)) for key, known in told.items()],
                    )
        return bool(ended.rowcount)

    def reopen(self, run: JobRun, now: datetime.datetime) -> bool:
        """Queue a run that ended anew, its attempts counted from nothing; False if it has not ended."""
        with self._transaction() as connection:
            opened = connection.execute(
                "update job_run set state = 'queued', ended_at = null, attempt = 0, interruptions = 0, not_before = null, message = null,"
                " cancel_asked = 0"
                " where id = ? and state in ('ok', 'failed', 'cancelled')",
                (run.id,),
            )
            # What it told of stays, and does not keep it from telling again.
            connection.execute("update alert set job_run = job_run || ' ' || id where job_run = ?", (run.id,))
        return bool(opened.rowcount)

    def cancel(self, run: JobRun, now: datetime.datetime) -> str:
        """Ask for the end of a run; gives what it is then: one that is not running yet is `cancelled`, one that runs is `running` until the
        service has stopped it, one that ended is what it was."""
        with self._transaction() as connection:
            connection.execute(
                "update job_run set state = 'cancelled', ended_at = ?, message = 'cancelled' where id = ? and state = 'queued'",
                (_text(now), run.id),
            )
            connection.execute("update job_run set cancel_asked = 1 where id = ? and state = 'running'", (run.id,))
            (state,) = connection.execute("select state from job_run where id = ?", (run.id,)).fetchone()
        return str(state)

    def to_cancel(self) -> frozenset[str]:
        """The running runs whose end was asked for."""
        return frozenset(
            i for (i,) in self._connection.execute("select id from job_run where state = 'running' and cancel_asked = 1")
        )

    def forget_nodes(self, job_run: str, unique_ids: Iterable[str]) -> None:
        """Take nodes as not run."""
        with self._transaction() as connection:
            connection.executemany("delete from job_node where job_run = ? and unique_id = ?", [(job_run, i) for i in unique_ids])

    def adopt(self, now: datetime.datetime) -> list[tuple[JobRun, bool]]:
        """The runs that another process was in the middle of when it died: each is queued anew, or has failed if that came too often
        (told by the flag)."""
        found = []
        for run in self.runs(states=("running",)):
            given_up = run.interruptions >= INTERRUPTIONS
            with self._transaction() as connection:
                connection.execute(
                    "update job_attempt set ended_at = ?, outcome = coalesce(outcome, 'interrupted') where job_run = ? and ended_at is null",
                    (_text(now), run.id),
                )
                if not given_up:
                    connection.execute(
                        "update job_run set state = 'queued', attempt = attempt - 1, interruptions = interruptions + 1 where id = ?",
                        (run.id,),
                    )
            found.append((run, given_up))
        return found

    # -- alerts ----------------------------------------------------------------------------------------------------------------

    def alert(self, alerts: Iterable[NewAlert], now: datetime.datetime) -> None:
        """Put alerts on their way; what a run has told of already is not told again."""
        with self._transaction() as connection:
            _alert(connection, alerts, now)

    def alerts(self, now: datetime.datetime) -> list[AlertState]:
        """The alerts to send now, oldest first; with one that is told together with others, all that wait for its connection and were not
        tried yet: what did not arrive keeps its own pauses."""
        due = "state = 'pending' and (not_before is null or not_before <= ?)"
        query = (
            f"select id, job, occasion, destination, body, attempts, together from alert where {due} or (state = 'pending'"
            f" and together = 1 and attempts = 0 and destination in (select destination from alert where together = 1 and {due})) order by id"
        )
        rows = self._connection.execute(query, (_text(now), _text(now))).fetchall()
        return [
            AlertState(id=i, job=job, occasion=occasion, destination=to, body=json.loads(body), attempts=n, together=bool(together))
            for i, job, occasion, to, body, n, together in rows
        ]

    def told(self, job: str) -> dict[tuple[str, str, str], Known]:
        """What connections were told of a job that is not over yet."""
        rows = self._connection.execute("select destination, node, severity, told_at, owners from told where job = ?", (job,))
        return {
            (to, node, severity): Known(
                at=None if at is None else _time(at), owners=None if owners is None else frozenset(json.loads(owners))
            )
            for to, node, severity, at, owners in rows
        }

    def mute(self, mute: Mute) -> None:
        """Tell nothing of a job or a node for a while; what was said of it before does not hold any more."""
        with self._transaction() as connection:
            connection.execute(
                "delete from mute where until <= ? or (kind = ? and name = ?)", (_text(mute.since), mute.kind, mute.name)
            )
            values = (mute.kind, mute.name, _text(mute.until), mute.reason, _text(mute.since), mute.who)
            connection.execute("insert into mute (kind, name, until, reason, since, who) values (?, ?, ?, ?, ?, ?)", values)

    def unmute(self, kind: str, name: str, now: datetime.datetime) -> bool:
        """Let alerts of a job or a node go on; False if it was not muted."""
        with self._transaction() as connection:
            gone = connection.execute("delete from mute where kind = ? and name = ? and until > ?", (kind, name, _text(now)))
        return bool(gone.rowcount)

    def mutes(self, now: datetime.datetime) -> list[Mute]:
        """What is muted now, by name."""
        query = "select kind, name, until, reason, since, who from mute where until > ? order by kind, name"
        rows = self._connection.execute(query, (_text(now),))
        return [
            Mute(kind=kind, name=name, until=_time(until), reason=reason, since=_time(since), who=who)
            for kind, name, until, reason, since, who in rows
        ]

    def alerted(
        self, alert: AlertState, state: str, not_before: datetime.datetime | None = None, message: str | None = None
    ) -> None:
        """Write down what became of an alert. Who never got it was told of nothing that it says."""
        with self._transaction() as connection:
            connection.execute(
                "update alert set state = ?, attempts = attempts + 1, not_before = ?, message = ? where id = ?",
                (state, _text(not_before), message, alert.id),
            )
            if state == "given up":
                _untold(connection, alert, ())

    def hush(self, alert: AlertState, nodes: Sequence[str] = ()) -> None:
        """Tell nobody of an alert that waited, or not of some of its nodes: what is muted by now counts as not told."""
        with self._transaction() as connection:
            if not nodes:
                connection.execute("update alert set state = 'muted', not_before = null where id = ?", (alert.id,))
            _untold(connection, alert, nodes)

    def alert_counts(self) -> dict[tuple[str, str], int]:
        """How many alerts there are, by occasion and state."""
        rows = self._connection.execute("select occasion, state, count(*) from alert group by occasion, state")
        return {(occasion, state): count for occasion, state, count in rows}

    # -- figures ---------------------------------------------------------------------------------------------------------------

    def counts(self) -> dict[tuple[str, str], int]:
        """How many runs there are, by job and state."""
        rows = self._connection.execute("select job, state, count(*) from job_run group by job, state")
        return {(job, state): count for job, state, count in rows}

    def last_ok(self) -> dict[str, datetime.datetime]:
        """When each job was last through."""
        rows = self._connection.execute("select job, max(ended_at) from job_run where state = 'ok' group by job")
        return {job: _time(at) for job, at in rows}

    def last_failed(self) -> dict[str, bool]:
        """Of each job that was ever through or failed, whether it failed the last time."""
        rows = self._connection.execute(
            "select job, max(case when state = 'ok' then ended_at end), max(case when state = 'failed' then ended_at end)"
            " from job_run where state in ('ok', 'failed') and ended_at is not null group by job"
        )
        return {job: failed is not None and (ok is None or failed > ok) for job, ok, failed in rows}


def _insert(connection: Database, run: NewRun, now: datetime.datetime) -> str | None:
    id = str(uuid.uuid4())
    start, end = run.interval or (None, None)
    made = connection.execute(
        "insert into job_run (id, job, slot, state, started_by, cause, idem, interval_start, interval_end, created_at, backfill)"
        " values (?, ?, ?, 'queued', ?, ?, ?, ?, ?, ?, ?) on conflict do nothing",
        (id, run.job, _text(run.slot), run.started_by, run.cause, run.idem, _text(start), _text(end), _text(now), run.backfill),
    )
    return id if made.rowcount else None


def _alert(connection: Database, alerts: Iterable[NewAlert], now: datetime.datetime) -> None:
    """What was muted is told if it is so still; what was told is not told again."""
    columns = ("body", "state", "together", "not_before", "made_at")
    connection.executemany(
        f"insert into alert (job_run, job, occasion, destination, {', '.join(columns)}) values (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        f" on conflict (job_run, occasion, destination) do update set {', '.join(f'{c} = excluded.{c}' for c in columns)}"
        " where alert.state = 'muted' and excluded.state = 'pending'",
        [
            (
                *(a.job_run, a.job, a.occasion, a.destination, json.dumps(a.body), "muted" if a.muted else "pending"),
                *(int(a.gather is not None), _text(a.gather), _text(now)),
            )
            for a in alerts
        ],
    )


def _untold(connection: Database, alert: AlertState, nodes: Sequence[str]) -> None:
    """Take what an alert says (of these nodes, or of all) as not told."""
    where = "where job = ? and destination = ? and told_at = (select made_at from alert where id = ?)"
    some = f" and node in ({', '.join('?' * len(nodes))})" if nodes else ""
    connection.execute(f"update told set told_at = null {where}{some}", (alert.job, alert.destination, alert.id, *nodes))


def _owners(known: Known) -> str | None:
    return None if known.owners is None else json.dumps(sorted(known.owners))


def _end_attempt(connection: Database, run_id: str, outcome: str, now: datetime.datetime) -> None:
    connection.execute("update job_attempt set ended_at = ?, outcome = ? where run_id = ?", (_text(now), outcome, run_id))


def _run(row: Sequence[Any]) -> JobRun:
    named: dict[str, Any] = dict(zip(JobRun.__slots__, row, strict=True))
    for key in _TIMES:
        named[key] = None if named[key] is None else _time(named[key])
    return JobRun(**named)


def _text(time: datetime.datetime | None) -> Any:
    return None if time is None else time.astimezone(datetime.UTC).isoformat(timespec="microseconds")


def _time(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)
