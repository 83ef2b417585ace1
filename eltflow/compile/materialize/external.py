"""Models that are files: written beside the old ones, and read through a view, which stands where a table would."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eltflow.base.records import dataclass, replace
from eltflow.compile.materialize.incremental import check_named
from eltflow.compile.materialize.relation import built, dressed, put_view
from eltflow.compile.program import Job, Program, ProgramError, Steps, Written, transaction
from eltflow.project.config import as_list
from eltflow.warehouse.values import Column


def external(job: Job) -> Program:
    """Write the rows of the node's query, and put a view over them in place of what stands there.

    Files take part in no transaction, so that there are two: the first ends with the view over the new files beside the old ones, the second
    with the view over the same files at their place. Whoever reads the view meets whole files, wherever a run is killed; those that
    nothing reads any more go with the next run of the node.
    """
    assert job.written is not None
    made = _Made(job.written)
    try:
        return (yield from built(job, _write(job, made), _put(job, made) if made.moves else None))
    finally:
        if not made.committed and made.moves and not job.dry:
            job.written.discard()


@dataclass(slots=True)
class _Made:
    """What is known of the files while they are made; `select` reads those at a path."""

    files: Written
    columns: tuple[Column, ...] = ()
    rows: int | None = None
    committed: bool = False

    @property
    def moves(self) -> bool:
        return self.files.fresh != self.files.path


def partitions(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(key, column) for each column of a configuration's partitions."""
    return [("partition_by", str(name)) for name in as_list(config.get("partition_by"))]


def _write(job: Job, made: _Made) -> Program:
    made.columns = (yield job.dialect.describe(job.sql)).columns
    check_named(job, partitions(job.config), [c.name for c in made.columns])
    if not job.dry:
        made.files.prepare()
        _select(job, made, made.files.fresh)  # says what the format cannot keep
    wrote = yield job.dialect.write_files(job.sql, made.files.fresh, made.files.layout, made.columns)
    made.rows = wrote.affected
    outcome = yield from put_view(job, _select(job, made, made.files.fresh))
    return replace(outcome, kind="external", rows=made.rows)


def _put(job: Job, made: _Made) -> Steps[None]:
    """What comes after the view over the new files is committed."""
    made.committed = True
    yield from transaction(job.dialect, _at_its_place(job, made), job.fence)
    if not job.dry:
        made.files.sweep()


def _at_its_place(job: Job, made: _Made) -> Steps[None]:
    if not job.dry:
        made.files.publish()
    yield job.dialect.create_view(job.relation, _select(job, made, made.files.path), config=job.config)
    yield from dressed(job, "view")


def _select(job: Job, made: _Made, path: str) -> str:
    """The query for the rows at a path. Where there are none there is no file of a partition either. Raises ProgramError."""
    layout = made.files.layout
    blank = job.dialect.blank(made.columns) if layout.partition_by and made.rows == 0 else None
    if blank is not None:
        return f"{blank} where false"
    try:
        return job.dialect.read_files(path, layout, made.columns)
    except ValueError as error:
        raise ProgramError(str(error), "cast it, or choose another `format`", config=("format", layout.format)) from None
