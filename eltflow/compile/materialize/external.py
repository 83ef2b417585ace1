"""Models that are files: written beside the old ones, and read through a view, which stands where a table would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eltflow.base.records import dataclass, replace
from eltflow.compile.materialize.incremental import misnamed
from eltflow.compile.materialize.relation import built, dressed, put_view
from eltflow.compile.program import Job, Program, ProgramError, Steps, Written, transaction
from eltflow.project.config import as_list
from eltflow.warehouse.dialect import Dialect
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


def wrong_partitions(config: Mapping[str, Any], columns: Sequence[str], dialect: Dialect) -> tuple[str, str, str] | None:
    """(column, what is wrong with it, help) where `partition_by` does not go with the columns that a query gives."""
    names = [str(name) for name in as_list(config.get("partition_by"))]
    found = misnamed([("partition_by", name) for name in names], columns, dialect)
    if found is not None:
        return found[1], f"`partition_by` names the column `{found[1]}`, which the query does not give", found[2]
    if names and len(names) == len(columns):
        return names[0], "`partition_by` names all columns, so that none is left for the files", "leave one of them out"
    return None


def _write(job: Job, made: _Made) -> Program:
    made.columns = (yield job.dialect.describe(job.sql)).columns
    if not job.dry:
        _check_partitions(job, [c.name for c in made.columns])
        made.files.prepare()
        _select(job, made, made.files.fresh)  # says what the format cannot keep
    wrote = yield job.dialect.write_files(job.sql, made.files.fresh, made.files.layout, made.columns)
    made.rows = wrote.affected
    outcome = yield from put_view(job, _select(job, made, made.files.fresh))
    return replace(outcome, kind="external", rows=made.rows)


def _check_partitions(job: Job, columns: Sequence[str]) -> None:
    found = wrong_partitions(job.config, columns, job.dialect)
    if found is not None:
        name, words, help = found
        raise ProgramError(words, help, config=("partition_by", name))


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
