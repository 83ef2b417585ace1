"""Files into tables: read by the engine itself where it can, and sent to it where it cannot. Seeds, and what steps have in common with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eltflow.base.records import replace
from eltflow.compile.materialize.hashed import hashed
from eltflow.compile.materialize.jsonfiles import exact, quick
from eltflow.compile.materialize.relation import (
    Rows,
    build_table,
    built,
    has_hooks,
    loaded_columns,
)
from eltflow.compile.materialize.scan import Options, check_declared, guarded, reading, scan, settled
from eltflow.compile.program import FileInfo, Job, Looks, Outcome, Program, ProgramError, Steps
from eltflow.project.external import ENDINGS, file_format
from eltflow.project.nodes import given_types
from eltflow.warehouse.values import CatalogTable, Column, Statement, WarehouseError

#: Columns of files, each with its name in the table.
Pairs = Sequence[tuple[str, str]]


def told_format(job: Job) -> tuple[str, dict[str, Any]]:
    """The format of a job's files by their names. Raises ProgramError where a name tells none, or they are of several."""
    first = job.files[0]
    format, options = file_format(first.path)
    for file in job.files:
        other, told = file_format(file.path)
        if other is None:
            known = ", ".join(ending for endings in ENDINGS.values() for ending in endings)
            help = f"set `format: csv`, `json`, `parquet`, `xlsx` or `avro` under the step's `source:`; endings that tell it are {known}"
            raise ProgramError(f"what {file.name} holds is not told by its ending", help)
        if (other, told) != (format, options):
            help = "give each kind of file a step of its own, with a narrower `path:`"
            raise ProgramError(f"{first.name} and {file.name} are of different formats", help)
    assert format is not None
    return format, options


def seed(job: Job) -> Program:
    """The file's rows as a table, put in place of what stands there."""
    format, options = told_format(job)
    if job.config.get("delimiter"):
        options["delimiter"] = job.config["delimiter"]
    types = given_types(job.node)
    return (yield from whole(job, format, options, types, lambda rows: _load(job, rows)))


def _load(job: Job, rows: Rows) -> Program:
    if not isinstance(rows, str):
        columns = loaded_columns(job, rows.fields)
        if _refills(job, columns):
            yield emptied(job)
            result = yield job.dialect.load(job.relation, [c.name for c in columns], rows)
            check_unchanged(job, job.files)
            return Outcome(kind="seed", rows=result.affected, made=(CatalogTable(job.relation, "table"),))
    outcome = yield from build_table(job, rows, lambda: check_unchanged(job, job.files))
    return replace(outcome, kind="seed")


def _refills(job: Job, columns: Sequence[Column]) -> bool:
    """Whether the table that stands is the one that these rows would get, so that they can take the place of its own, in one transaction:
    its views stay, and readers see the old rows until the new ones are there. What hooks or the configuration add to a table may not be on
    this one, and what others added would have its say in a delete: those make it anew, as `--full-refresh` does."""
    dialect = job.dialect
    plain = dialect.create_table(job.relation, columns)
    return (
        dialect.capabilities.transactional_ddl
        and job.existing is not None
        and job.existing.plain
        and not (job.full_refresh or job.pointed or has_hooks(job))
        and stands_alike(job, columns)
        and dialect.create_table(job.relation, columns, job.config) == plain
        and not list(dialect.indexes(job.relation, job.relation, job.config, job.run))
    )


def stands_alike(job: Job, columns: Sequence[Column]) -> bool:
    """Whether a table with just these columns stands at the node's relation."""
    existing = job.existing
    return (
        existing is not None
        and existing.kind == "table"
        and [(c.name, c.type) for c in existing.columns] == [(c.name, c.type) for c in columns]
    )


def emptied(job: Job) -> Statement:
    """Delete the rows of the node's table."""
    return Statement(f"delete from {job.dialect.render(job.relation)} where true", role="dml")


def whole(
    job: Job,
    format: str,
    options: Options,
    types: Mapping[str, str],
    body: Callable[[Rows], Program],
    *,
    chosen: Pairs | None = None,
    agreed: Mapping[str, str] | None = None,
) -> Program:
    """What `body` makes of the query for all rows of the job's files, between the node's hooks; types are those that every row allows.
    `chosen` are the columns to take, with their names in the table; all of them unless given. `agreed` are types that the files say.
    """
    looks, options = look_at(job, job.files, format, options), whole_numbers(job, options, types)
    outcome = yield from at_once(job, format, options, types, looks, body, chosen=chosen)
    if outcome is not None:
        return outcome
    select = yield from typed(job, format, options, types, looks, agreed)
    return (yield from built(job, body(rows_of(job, select, chosen))))


def at_once(
    job: Job,
    format: str,
    options: Options,
    types: Mapping[str, str],
    looks: Looks,
    body: Callable[[Rows], Program],
    *,
    chosen: Pairs | None = None,
) -> Steps[Outcome | None]:
    """Large files are loaded under the types of their first rows, which reads them once; a row that says otherwise fails that load, and the
    types are looked for again in all rows: None."""
    if looks != "large" or has_hooks(job):
        return None
    way = quick(job, job.files, options, types) if format == "json" else guarded(job, job.files, options, types)
    select = yield from way
    if select is None:
        return None
    try:
        return (yield from built(job, body(rows_of(job, select, chosen))))
    except WarehouseError as error:
        if error.kind != "sql":
            raise
        if job.dialect.capabilities.transactional_ddl:
            yield job.dialect.rollback()
        return None


def typed(
    job: Job, format: str, options: Options, types: Mapping[str, str], looks: Looks, agreed: Mapping[str, str] | None = None
) -> Steps[str]:
    """A query for all rows of the job's files under types that every one of them allows, those that the files `agreed` on, and those that are
    declared."""
    yield from check_declared(job, job.files, format, options, types)
    declared, types = types, {**(agreed or {}), **read_types(job, types)}
    if format == "json":
        options, types = yield from exact(job, job.files, options, types, declared)
    if looks == "plain" or format == "json":
        return scan(reading(job), job.files, format, {**options, "infer": "all"}, types)
    every = yield from settled(job, job.files, options, types)
    return scan(reading(job), job.files, format, options, every)


def rows_of(job: Job, select: str, chosen: Pairs | None = None) -> Rows:
    """The rows of a query over files, of the chosen columns: the query itself, where the engine can run it."""
    select = select if chosen is None else picked(job, select, chosen)
    reader = job.reader or (job.hashing.reader if job.hashing is not None else None)
    return select if reader is None else hashed(job, reader.source(select))


def picked(job: Job, select: str, chosen: Pairs) -> str:
    """The chosen columns of a query over files, under their names in the table."""
    items = ", ".join(reading(job).quote(a) + ("" if a == b else f" as {reading(job).quote(b)}") for a, b in chosen)
    return f"select {items} from (\n{select}\n) as eltflow_new"


def read_types(job: Job, types: Mapping[str, str]) -> dict[str, str]:
    """What columns with a type of their own are read as. An engine that is sent the rows knows best what that type takes of a text."""
    return dict(types) if job.reader is None else dict.fromkeys(types, "VARCHAR")


def whole_numbers(job: Job, options: Options, types: Mapping[str, str]) -> Options:
    """The options with the columns whose whole numbers another engine is sent as text: 2.00 is 2 to each."""
    whole = [name for name, type in types.items() if reading(job).is_whole(type)] if job.reader is not None else []
    return {**options, "whole": whole} if whole else options


def look_at(job: Job, files: Sequence[FileInfo], format: str, options: Options) -> Looks:
    """How much there is to find out about files. Raises ProgramError where the head of one is wrong."""
    if format not in ("csv", "json") or job.inspect is None:
        return "plain"
    looks = {job.inspect(file, format, str(options.get("delimiter") or ","), bool(options.get("header", True))) for file in files}
    if looks == {"empty"}:  # of JSON, in which columns have names only where there are rows
        first = files[0]
        raise ProgramError(f"{first.name} has no rows", "give it one object at least: its keys are the columns", file=first.path)
    return "large" if "large" in looks else "odd" if "odd" in looks else "plain"


def check_unchanged(job: Job, files: Sequence[FileInfo]) -> None:
    """Raises ProgramError if a file is not what it was when it was listed: what was read of it may be neither the old nor the new."""
    for file in files if job.look is not None else ():
        now = job.look(file) if job.look is not None else None
        if now is None or (now.size, now.mtime) != (file.size, file.mtime):
            what = "went away" if now is None else "changed"
            raise ProgramError(f"{file.name} {what} while it was being loaded", "run it again when the file is complete")
