"""What nobody needs any more: relations that eltflow made for nodes that are gone, temporary ones and files of runs that died, old history, old
logs."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path

from eltflow.api.explain import connection_problem
from eltflow.api.external import delete
from eltflow.api.loading import STATE_FOLDER, Loaded
from eltflow.api.opening import about_run, connected, lease_of, schemas_of
from eltflow.api.running import files_written
from eltflow.base.diagnostics import EltflowError
from eltflow.base.names import is_temporary
from eltflow.base.records import dataclass
from eltflow.compile.materialize.meta import last_applied, relation_key
from eltflow.state.jobs import JobStore
from eltflow.state.lock import run_lock
from eltflow.warehouse.protocols import Database
from eltflow.warehouse.values import CatalogTable, WarehouseError


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """A relation that nothing in the project makes; `node` is what made it, None for one of a run that died."""

    table: CatalogTable
    node: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rubbish:
    """What may go. `files` (or folders) are what runs that died left beside models that are files; `runs` and `job_runs` are how many of
    history ended before `before`."""

    before: datetime.datetime
    orphans: tuple[Orphan, ...]
    runs: int
    job_runs: int
    logs: tuple[Path, ...]
    files: tuple[Path, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.orphans or self.runs or self.job_runs or self.logs or self.files)


def find_rubbish(loaded: Loaded, before: datetime.datetime) -> Rubbish:
    """What of the target and of the state beside the project may go; nothing is touched. Raises EltflowError."""
    with connected(loaded, read_only=True) as database:
        orphans = tuple(_orphans(loaded, database))
        files = tuple(_left(loaded, database))
    with closing(JobStore(loaded.store)) as jobs:
        ended = jobs.ended_before(before)
    folder = loaded.root / STATE_FOLDER / "logs"
    logs = [folder / f"{run}.log" for run in ended]
    return Rubbish(
        before=before,
        orphans=orphans,
        runs=loaded.store.count_before(before.isoformat(timespec="milliseconds")),
        job_runs=len(ended),
        logs=tuple(path for path in logs if path.is_file()),
        files=files,
    )


def take_away(loaded: Loaded, found: Rubbish) -> Iterator[tuple[Orphan, str | None]]:
    """Take it away, under the target's lock; tells of each relation what was in the way, None if it is gone. Raises EltflowError."""
    about = about_run(loaded)
    with run_lock(loaded.target_key, loaded.options.env, 0.0, about):
        if found.orphans or found.files:
            with connected(loaded) as database, lease_of(loaded, database, loaded.options.invocation_id, about):
                left = {one.table.relation for one in _orphans(loaded, database)}
                with closing(database.session()) as session:
                    for one in _views_first(found.orphans):
                        if one.table.relation not in left:
                            continue  # somebody was quicker, or a node makes it again
                        try:
                            session.execute(loaded.adapter.dialect.drop(one.table.relation, one.table.kind))
                        except WarehouseError as error:
                            yield one, connection_problem(loaded, error, "write to").message
                        else:
                            yield one, None
                for path in set(_left(loaded, database)) & set(found.files):
                    delete(path)
        with closing(JobStore(loaded.store)) as jobs:
            jobs.forget_before(found.before)
        loaded.store.forget_before(found.before.isoformat(timespec="milliseconds"))
        for path in found.logs:
            with suppress(OSError):
                path.unlink()


def _left(loaded: Loaded, database: Database) -> Iterator[Path]:
    """What runs that died left beside the files of models. A view may read some of it, where one died before the files were at their place."""
    known = {**loaded.graph.disabled, **loaded.graph.nodes}
    files = [found for node in known.values() if (found := files_written(loaded, node, "")) is not None]
    left = [path for one in files for path in one.left()]
    if not left:
        return
    with closing(database.session()) as session:
        for path in left:
            if not session.execute(loaded.adapter.dialect.views_of(str(path))).rows:
                yield path


def _views_first(orphans: Sequence[Orphan]) -> list[Orphan]:
    return sorted(orphans, key=lambda one: one.table.kind == "table")


def _orphans(loaded: Loaded, database: Database) -> Iterator[Orphan]:
    """Relations in the schemas of the project that were recorded as made by a node that is no more (not one that is disabled), or that carry
    the mark of a run. What eltflow did not write down is none of its own."""
    dialect, graph = loaded.adapter.dialect, loaded.graph
    known = {**graph.disabled, **graph.nodes}
    tables = database.catalog(schemas_of(known.values()))
    mine = {relation_key(dialect, n.relation) for n in known.values() if n.relation is not None}
    made: dict[str, str] = {}
    try:
        with closing(database.session()) as session:
            for one in dict.fromkeys(table.relation.database for table in tables):
                with suppress(WarehouseError):  # nothing was ever recorded there
                    made.update((str(key), str(node)) for key, node, *_ in session.execute(last_applied(dialect, one)).rows)
    except WarehouseError as error:
        raise EltflowError(connection_problem(loaded, error, "ask")) from None
    for table in tables:
        key = relation_key(dialect, table.relation)
        if is_temporary(table.relation.identifier):
            yield Orphan(table=table, node=None)
        elif key not in mine and key in made and made[key] not in known:
            yield Orphan(table=table, node=made[key])
