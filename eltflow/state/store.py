"""The local state store: one SQLite file in the project folder. It is not derived: `clean` leaves it alone."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from eltflow.base.diagnostics import fail
from eltflow.base.records import dataclass
from eltflow.warehouse.values import CatalogColumn, CatalogTable, Relation

VERSION = 2
_SCHEMA = """
create table run (
  id text primary key, target_key text not null, target text not null, command text not null, selection text not null,
  status text not null, started_at text not null, finished_at text, seconds real, user text, host text, pid integer,
  git_commit text, version text
);
create index run_by_target on run (target_key, started_at);
create table node_run (
  run_id text not null references run (id), unique_id text not null, name text not null, action text not null, status text not null,
  kind text not null, started_at text, seconds real, rows integer, changed integer, files integer, failures integer,
  message text, primary key (run_id, unique_id)
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
  backfill text, unique (job, slot)
);
create index job_run_by_state on job_run (state, created_at);
create index job_run_by_job on job_run (job, created_at);
create table job_attempt (
  job_run text not null references job_run (id), run_id text primary key, number integer not null, started_at text not null,
  ended_at text, outcome text
);
create index job_attempt_by_run on job_attempt (job_run, started_at);
create table job_node (
  job_run text not null references job_run (id), unique_id text not null, state text not null, checksum text not null,
  run_id text not null, at text not null, message text, primary key (job_run, unique_id)
);
create table trigger_cursor (job text not null, source text not null, position text not null, primary key (job, source));
create table alert (
  id integer primary key, job_run text not null, job text not null, occasion text not null, destination text not null,
  body text not null, state text not null, attempts integer not null default 0, not_before text, made_at text not null, message text,
  unique (job_run, occasion, destination)
);
create index alert_by_state on alert (state);
"""
#: What brings the file from each format to the next.
_STEPS = (_SCHEMA, _JOBS)


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

    def __init__(self, path: Path) -> None:
        self._path = path

    def connect(self) -> sqlite3.Connection:
        """A connection to the file, which is made if it is not there. Raises EltflowError (E0801 a newer format, E0802)."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError), open(self._path.parent / ".gitignore", "x") as ignore:
                ignore.write("*\n")
            connection = sqlite3.connect(self._path, timeout=10)
        except (OSError, sqlite3.OperationalError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            message = f"the run history {self._path} cannot be opened: {why}"
            raise fail("E0802", message, help="see that its folder is one that can be written") from None
        try:
            (version,) = connection.execute("pragma user_version").fetchone()
            if version < VERSION:
                connection.execute("pragma journal_mode = wal")
                with connection:
                    connection.execute("begin immediate")
                    (version,) = connection.execute("pragma user_version").fetchone()
                    for step in _STEPS[version:]:
                        for statement in step.split(";"):
                            if statement.strip():
                                connection.execute(statement)
                    connection.execute(f"pragma user_version = {max(version, VERSION)}")
            elif version > VERSION:
                file = f"{self._path.parent.name}/{self._path.name}"
                message = f"the run history {file} was written by a newer eltflow (format {version}, this one knows {VERSION})"
                raise fail("E0801", message, help="upgrade eltflow, or move the file away (it holds run history only)")
        except sqlite3.DatabaseError as error:
            connection.close()
            message = f"the run history {self._path} cannot be read: {error}"
            raise fail("E0802", message, help="move the file away; eltflow starts a new one") from None
        except BaseException:
            connection.close()
            raise
        return connection

    def start(self, run: RunRecord) -> None:
        """Write a run down before it does anything. It holds the target's lock: whichever run did not end there was killed."""
        with closing(self.connect()) as connection, connection:
            connection.execute("update run set status = 'killed' where target_key = ? and status = 'running'", (run.target_key,))
            connection.execute(
                "insert into run (id, target_key, target, command, selection, status, started_at, user, host, pid, git_commit, version)"
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
        with closing(self.connect()) as connection, connection:
            connection.execute(
                "update run set status = ?, finished_at = ?, seconds = ? where id = ?", (status, finished_at, seconds, run_id)
            )
            connection.executemany(
                "insert or replace into node_run values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
        if not self._path.exists():
            return []
        where, values = ("where target_key = ?", [target_key]) if target_key is not None else ("", [])
        with closing(self.connect()) as connection:
            rows = connection.execute(
                "select id, target_key, target, command, selection, status, started_at, finished_at, seconds, user, host, pid,"
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
        if not self._path.exists():
            return {}
        with closing(self.connect()) as connection:
            rows = connection.execute(
                "select n.unique_id, n.seconds, max(n.started_at) from node_run n join run r on r.id = n.run_id"
                " where r.target_key = ? and n.status in ('success', 'pass', 'warn') and n.seconds is not null group by n.unique_id",
                (target_key,),
            ).fetchall()
        return {unique_id: seconds for unique_id, seconds, _ in rows}

    def count_before(self, moment: str) -> int:
        """How many runs ended before a moment (ISO 8601, UTC)."""
        with closing(self.connect()) as connection:
            (count,) = connection.execute("select count(*) from run where finished_at < ?", (moment,)).fetchone()
        return int(count)

    def forget_before(self, moment: str) -> None:
        """Forget the runs that ended before a moment, and their nodes."""
        with closing(self.connect()) as connection, connection:
            old = "(select id from run where finished_at < ?)"
            connection.execute(f"delete from node_run where run_id in {old}", (moment,))
            connection.execute("delete from run where finished_at < ?", (moment,))

    def save_catalog(
        self, target_key: str, seen_at: str, tables: Iterable[CatalogTable], only: Sequence[Relation] | None = None
    ) -> None:
        """Keep what a target held when it was last seen; with `only`, of these relations, the others as they were known."""
        rows = [(target_key, str(t.relation).lower(), json.dumps(_encoded(t))) for t in tables]
        with closing(self.connect()) as connection, connection:
            if only is None:
                connection.execute("delete from catalog where target_key = ?", (target_key,))
            else:
                gone = [(target_key, str(relation).lower()) for relation in only]
                connection.executemany("delete from catalog where target_key = ? and name = ?", gone)
            connection.executemany("insert or replace into catalog values (?, ?, ?)", rows)
            connection.execute("insert or replace into seen values (?, ?)", (target_key, seen_at))

    def catalog(self, target_key: str, only: Sequence[Relation] | None = None) -> tuple[str, list[CatalogTable]] | None:
        """When a target was last seen (ISO 8601, UTC), and what it held (with `only`: of these relations); None if it never was."""
        if not self._path.exists():
            return None
        names = None if only is None else json.dumps([str(relation).lower() for relation in only])
        chosen = "" if names is None else " and name in (select value from json_each(?))"
        values = (target_key,) if names is None else (target_key, names)
        with closing(self.connect()) as connection:
            seen = connection.execute("select seen_at from seen where target_key = ?", (target_key,)).fetchone()
            rows = connection.execute(f"select relation from catalog where target_key = ?{chosen}", values).fetchall()
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
