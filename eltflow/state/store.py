"""The state store: run history, durations and the last view of targets. It is not derived: `clean` leaves it alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any, cast

from eltflow.base.diagnostics import fail
from eltflow.base.records import dataclass
from eltflow.state.database import Database, Leased, Place
from eltflow.warehouse.values import CatalogColumn, CatalogTable, Relation

VERSION = 4
_SCHEMA = """
create table run (
  id text primary key, target_key text not null, target text not null, command text not null, selection text not null,
  status text not null, started_at text not null, finished_at text, seconds double precision, "user" text, host text, pid integer,
  git_commit text, version text{order}
);
create index run_by_target on run (target_key, started_at);
create table node_run (
  run_id text not null references run (id), unique_id text not null, name text not null, action text not null, status text not null,
  kind text not null, started_at text, seconds double precision, rows bigint, changed bigint, files bigint, failures bigint,
  message text, primary key (run_id, unique_id){order}
);
create index node_run_by_node on node_run (unique_id, started_at);
create table seen (target_key text primary key, seen_at text not null);
create table catalog (target_key text not null, name text not null, relation text not null, primary key (target_key, name));
"""
#: Jobs. A run of a job has one row whatever becomes of it, and each attempt at it is a run above. `since` is the time up to which a job's
#: due times were looked at. `idem` is the caller's own name for what it asks for; `cause` the run of another job that started this one.
_JOBS = """
create table job (name text primary key, paused integer not null default 0, since text not null);
create table job_run (
  id text primary key, job text not null, slot text, state text not null, started_by text not null, cause text, idem text unique,
  interval_start text, interval_end text, created_at text not null, started_at text, ended_at text, not_before text,
  attempt integer not null default 0, interruptions integer not null default 0, message text,
  cancel_asked integer not null default 0,
  backfill text, unique (job, slot){order}
);
create index job_run_by_state on job_run (state, created_at);
create index job_run_by_job on job_run (job, created_at);
create table job_attempt (
  job_run text not null references job_run (id), run_id text primary key, number integer not null, started_at text not null,
  ended_at text, outcome text{order}
);
create index job_attempt_by_run on job_attempt (job_run, started_at);
create table job_node (
  job_run text not null references job_run (id), unique_id text not null, state text not null, checksum text not null,
  run_id text not null, at text not null, message text, primary key (job_run, unique_id)
);
create table trigger_cursor (job text not null, source text not null, position text not null, primary key (job, source));
create table alert (
  id {number}, job_run text not null, job text not null, occasion text not null, destination text not null,
  body text not null, state text not null, attempts integer not null default 0, not_before text, made_at text not null, message text,
  unique (job_run, occasion, destination)
);
create index alert_by_state on alert (state);
"""
#: Alerts. `together` marks those that are told in one message with others to the same connection. `told` is when a connection was last told
#: of a node that is not through yet, null where that was muted. A `mute` is of a job by its name, or of a node by its id.
_ALERTS = """
alter table alert add column together integer not null default 0;
create table told (
  job text not null, destination text not null, node text not null, severity text not null, told_at text,
  primary key (job, destination, node, severity)
);
create table mute (
  kind text not null, name text not null, until text not null, reason text not null, since text not null, who text not null,
  primary key (kind, name)
);
"""
#: `owners` are those of a node when somebody was told of it, as a list in JSON; null where that was not written down. `outside` are the jobs
#: that APIs run for nodes of a run, and the names under which these were asked for.
_OUTSIDE = """
alter table told add column owners text;
create table outside (
  job_run text not null references job_run (id), unique_id text not null, asked text not null, job text not null,
  primary key (job_run, unique_id)
);
"""
_NODE_RUN = (
    "insert into node_run (run_id, unique_id, name, action, status, kind, started_at, seconds, rows, changed, files, failures, message)"
    " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (run_id, unique_id) do update set name = excluded.name,"
    " action = excluded.action, status = excluded.status, kind = excluded.kind, started_at = excluded.started_at,"
    " seconds = excluded.seconds, rows = excluded.rows, changed = excluded.changed, files = excluded.files, failures = excluded.failures,"
    " message = excluded.message"
)
#: Names that a statement asks for at once.
_MANY = 500
#: What brings the tables from each format to the next; the words in braces are the database's.
_STEPS = (_SCHEMA, _JOBS, _ALERTS, _OUTSIDE)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A run as history keeps it. Times are ISO 8601 in UTC."""

    id: str
    target_key: str
    target: str
    command: str
    selection: str
    status: str
    started_at: str
    finished_at: str | None = None
    seconds: float | None = None
    user: str | None = None
    host: str | None = None
    pid: int | None = None
    git_commit: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRecord:
    """One node of a run."""

    unique_id: str
    name: str
    action: str
    status: str
    kind: str = ""
    started_at: str | None = None
    seconds: float | None = None
    rows: int | None = None
    changed: int | None = None
    files: int | None = None
    failures: int | None = None
    message: str | None = None


class Store:
    """The state of one project. Opened for each use, so that two processes never hold it for long."""

    def __init__(self, place: Place, token: int | None = None) -> None:
        """`token` is that of the lease of the service that writes: once another has the lease, nothing is written (E0809)."""
        self._place = place
        self._token = token

    def led_by(self, token: int | None) -> Store:
        """The same state, as a service with that token writes it."""
        return Store(self._place, token)

    @property
    def shared(self) -> bool:
        """Whether services elsewhere may use it too."""
        return self._place.shared

    def connect(self, *, power: bool = True, upgrades: bool = False) -> Database:
        """A connection, its tables of today's format. Raises EltflowError (E0801 they are of a newer one, E0802, E0810 they are of an
        older one, which a service uses: under it they are brought to today's by another service alone, with `upgrades`)."""
        database = self._place.connect(power=power)
        try:
            found = database.format()
            if found < VERSION:
                by = self._place.served(database) if found and not upgrades else None
                if by is not None:
                    older = f"the run history {self._place.name} is of an older format ({found}, this eltflow has {VERSION})"
                    help = "upgrade that service first: it brings the run history to its own format when it starts"
                    raise fail("E0810", f"{older}, and the service {by} uses it", help=help)
                self._bring_forward(database)
            self.check(database)
        except BaseException:
            database.close()
            raise
        return database

    def upgrade(self) -> None:
        """Bring the tables to today's format, whoever uses them: a service of an older eltflow then ends. Raises EltflowError as `connect`."""
        self.connect(upgrades=True).close()

    def check(self, database: Database, token: int | None = None) -> None:
        """Raise EltflowError if a newer eltflow brought the tables to a format of its own (E0801), or the lease with that token is another's
        by now (E0809)."""
        found = database.format()
        if found > VERSION:
            message = (
                f"the run history {self._place.name} was written by a newer eltflow (format {found}, this one knows {VERSION})"
            )
            raise fail("E0801", message, help="upgrade eltflow, or move the state away: a new one is started")

        if token is not None and not cast("Leased", database).holds(token):
            raise fail("E0809", "another service leads by now", help="this one stands by")

    @staticmethod
    def _bring_forward(database: Database) -> None:
        with database.transaction():
            found = database.format()
            for step in _STEPS[found:]:
                for statement in step.format(**database.words).split(";"):
                    if statement.strip():
                        database.execute(statement)
            database.mark(max(found, VERSION))

    @contextmanager
    def _writing(self) -> Iterator[Database]:
        with closing(self.connect()) as database, database.transaction():
            self.check(database, self._token)
            yield database

    def start(self, run: RunRecord) -> None:
        """Write a run down before it does anything. It holds the target's lock: whichever run did not end there was killed."""
        with self._writing() as connection:
            connection.execute("update run set status = 'killed' where target_key = ? and status = 'running'", (run.target_key,))
            connection.execute(
                'insert into run (id, target_key, target, command, selection, status, started_at, "user", host, pid, git_commit, version)'
                " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    run.id,
                    run.target_key,
                    run.target,
                    run.command,
                    run.selection,
                    run.status,
                    run.started_at,
                    run.user,
                    run.host,
                    run.pid,
                    run.git_commit,
                    run.version,
                ),
            )

    def finish(self, run_id: str, status: str, finished_at: str, seconds: float, nodes: Iterable[NodeRecord]) -> None:
        """Write down how a run ended, with its nodes."""
        with self._writing() as connection:
            connection.execute(
                "update run set status = ?, finished_at = ?, seconds = ? where id = ?", (status, finished_at, seconds, run_id)
            )
            connection.executemany(
                _NODE_RUN,
                [
                    (
                        run_id,
                        n.unique_id,
                        n.name,
                        n.action,
                        n.status,
                        n.kind,
                        n.started_at,
                        n.seconds,
                        n.rows,
                        n.changed,
                        n.files,
                        n.failures,
                        n.message,
                    )
                    for n in nodes
                ],
            )

    def runs(self, target_key: str | None = None, limit: int = 20) -> list[RunRecord]:
        """The latest runs, newest first."""
        if not self._place.exists():
            return []
        where, values = ("where target_key = ?", [target_key]) if target_key is not None else ("", [])
        with closing(self.connect()) as connection:
            rows = connection.execute(
                'select id, target_key, target, command, selection, status, started_at, finished_at, seconds, "user", host, pid,'
                f" git_commit, version from run {where} order by started_at desc, rowid desc limit ?",
                (*values, limit),
            ).fetchall()
        names = RunRecord.__slots__
        return [RunRecord(**dict(zip(names, row, strict=True))) for row in rows]

    def nodes(self, run_id: str) -> list[NodeRecord]:
        """The nodes of a run, in the order in which they started."""
        with closing(self.connect()) as connection:
            rows = connection.execute(
                "select unique_id, name, action, status, kind, started_at, seconds, rows, changed, files, failures, message"
                " from node_run where run_id = ? order by started_at is null, started_at, rowid",
                (run_id,),
            ).fetchall()
        names = NodeRecord.__slots__
        return [NodeRecord(**dict(zip(names, row, strict=True))) for row in rows]

    def durations(self, target_key: str) -> dict[str, float]:
        """Seconds that each node took when it last succeeded on this target."""
        if not self._place.exists():
            return {}
        with closing(self.connect()) as connection:
            rows = connection.execute(
                "select unique_id, seconds from (select n.unique_id, n.seconds,"
                " row_number() over (partition by n.unique_id order by n.started_at is null, n.started_at desc) as place"
                " from node_run n join run r on r.id = n.run_id where r.target_key = ? and n.status in ('success', 'pass', 'warn')"
                " and n.seconds is not null) as latest where place = 1",
                (target_key,),
            ).fetchall()
        return dict(rows)

    def count_before(self, moment: str) -> int:
        """How many runs ended before a moment (ISO 8601, UTC)."""
        with closing(self.connect()) as connection:
            (count,) = connection.execute("select count(*) from run where finished_at < ?", (moment,)).fetchone()
        return int(count)

    def forget_before(self, moment: str) -> None:
        """Forget the runs that ended before a moment, and their nodes."""
        with self._writing() as connection:
            old = "(select id from run where finished_at < ?)"
            connection.execute(f"delete from node_run where run_id in {old}", (moment,))
            connection.execute("delete from run where finished_at < ?", (moment,))

    def save_catalog(
        self, target_key: str, seen_at: str, tables: Iterable[CatalogTable], only: Sequence[Relation] | None = None
    ) -> None:
        """Keep what a target held when it was last seen; with `only`, of these relations, the others as they were known."""
        rows = [(target_key, str(t.relation).lower(), json.dumps(_encoded(t))) for t in tables]
        with self._writing() as connection:
            if only is None:
                connection.execute("delete from catalog where target_key = ?", (target_key,))
            else:
                gone = [(target_key, str(relation).lower()) for relation in only]
                connection.executemany("delete from catalog where target_key = ? and name = ?", gone)
            connection.executemany(
                "insert into catalog (target_key, name, relation) values (?, ?, ?)"
                " on conflict (target_key, name) do update set relation = excluded.relation",
                rows,
            )
            connection.execute(
                "insert into seen (target_key, seen_at) values (?, ?) on conflict (target_key) do update set seen_at = excluded.seen_at",
                (target_key, seen_at),
            )

    def catalog(self, target_key: str, only: Sequence[Relation] | None = None) -> tuple[str, list[CatalogTable]] | None:
        """When a target was last seen (ISO 8601, UTC), and what it held (with `only`: of these relations); None if it never was."""
        if not self._place.exists():
            return None
        query, rows = "select relation from catalog where target_key = ?", []
        with closing(self.connect()) as connection:
            seen = connection.execute("select seen_at from seen where target_key = ?", (target_key,)).fetchone()
            if only is None:
                rows = connection.execute(query, (target_key,)).fetchall()
            names = [str(relation).lower() for relation in only or ()]
            for start in range(0, len(names), _MANY):
                some = names[start : start + _MANY]
                places = ", ".join("?" * len(some))
                rows += connection.execute(f"{query} and name in ({places})", (target_key, *some)).fetchall()
        return (seen[0], [_decoded(json.loads(row)) for (row,) in rows]) if seen is not None else None


def _encoded(t: CatalogTable) -> list[Any]:
    columns = [[c.name, c.type, c.nullable, c.comment] for c in t.columns]
    return [[*_parts(t.relation)], t.kind, columns, t.comment, t.rows]


def _decoded(value: list[Any]) -> CatalogTable:
    parts, kind, columns, comment, rows = value
    return CatalogTable(Relation(*parts), kind, tuple(CatalogColumn(*column) for column in columns), comment, rows)


def _parts(relation: Relation) -> tuple[str | None, str | None, str]:
    return relation.database, relation.schema, relation.identifier


def as_mapping(record: Any) -> Mapping[str, Any]:
    """A record's fields by name."""
    return {name: getattr(record, name) for name in record.__slots__}
