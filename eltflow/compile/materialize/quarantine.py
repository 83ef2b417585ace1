"""Rows that cannot be read, beside the table that they were for: `<table>__quarantine`, in the transaction that writes the others.

Files are sifted only after a load of them failed, so that those without a bad row cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal

from eltflow.base.diagnostics import MASK
from eltflow.base.names import shorten
from eltflow.base.records import replace
from eltflow.compile.materialize.delta import matched_columns
from eltflow.compile.materialize.meta import own_columns
from eltflow.compile.materialize.scan import Options, reading
from eltflow.compile.materialize.shapes import key_of_column
from eltflow.compile.program import Bad, FileInfo, Job, LostLease, Program, ProgramError, Steps
from eltflow.project.external import ARCHIVES
from eltflow.project.nodes import given_types
from eltflow.project.steps import allowed
from eltflow.transfer import Judged, Sifted
from eltflow.warehouse.values import Column, Relation, Statement, WarehouseError

#: `line` counts from 1; in a Parquet file and in one JSON array it is the row's number. `load_id` is as in `eltflow_meta.load`.
COLUMNS = (
    Column("reason", "varchar"),
    Column("column_name", "varchar"),
    Column("raw", "varchar"),
    Column("file", "varchar"),
    Column("line", "bigint"),
    Column("load_id", "varchar"),
    Column("loaded_at", "timestamp with time zone"),
)
_SUFFIX = "__quarantine"
#: Of a job, what is new to its table: files, their format, its options, and the types that are declared of their columns.
New = Callable[[Job], Steps[tuple[Sequence[FileInfo], str, Options, Mapping[str, str]]]]
Found = Sequence[tuple[FileInfo, Sifted]]


def quarantines(job: Job) -> bool:
    """Whether the step puts bad rows aside."""
    return job.node.ingest is not None and job.node.ingest.step.get("on_bad_row") == "quarantine"


def quarantine_of(job: Job) -> Relation:
    """Where the step's bad rows go."""
    limit = job.dialect.capabilities.identifier_limit
    suffix = job.dialect.named(_SUFFIX)
    name = job.relation.identifier
    return job.relation.sibling((name if limit is None else shorten(name, limit - len(suffix))) + suffix)


def without_bad_rows(job: Job, load: Callable[[Job], Program], new: New) -> Program:
    """What `load` makes of the job; where it fails, of what is left of what is `new` to the table without its bad rows."""
    if not quarantines(job):
        return (yield from load(job))
    if not job.dialect.capabilities.transactional_ddl:
        yield _made(job)
    if job.sieve is None:  # in a dry run
        return (yield from load(job))
    try:
        return (yield from load(job))
    except (ProgramError, WarehouseError) as error:
        if isinstance(error, LostLease) or (isinstance(error, WarehouseError) and error.kind != "sql"):
            raise
        if job.dialect.capabilities.transactional_ddl:
            with suppress(WarehouseError):  # it may have failed before it opened one
                yield job.dialect.rollback()
        sifted = yield from _sifted(job, new)
        if sifted is None:
            raise
        return (yield from load(sifted))


def check_records(job: Job, format: str, described: Sequence[tuple[FileInfo, Sequence[Column]]]) -> None:
    """Raise ProgramError for JSON that an engine takes for one column of values of all kinds, because some of them are no objects."""
    for file, columns in described if format == "json" and quarantines(job) else ():
        mixed = [(c.name, c.type) for c in columns] == [("json", "JSON")]
        if mixed and (job.inspect is None or job.inspect(file, format, "", True) != "empty"):
            raise ProgramError(f"{file.name} holds values that are no objects", "give it one object for each row", file=file.path)


def put_aside(job: Job, forget: Sequence[str] | None) -> Steps[int | None]:
    """Write the bad rows of the load, in the transaction that is open, in place of those of the files in `forget` (None: of all). Gives
    their number; None where the step keeps none."""
    if not quarantines(job):
        return None
    dialect, relation = job.dialect, quarantine_of(job)
    if dialect.capabilities.transactional_ddl:
        yield _made(job)
    name = dialect.render(relation)
    if forget is None or forget:
        file = dialect.quote(dialect.named("file"))
        parts = [f"{file} in ({', '.join(map(dialect.literal, forget or ()))})"]
        archives = [f"{one}/" for one in forget or () if one.lower().endswith(ARCHIVES)]  # whose members have names of their own
        parts += [f"substr({file}, 1, {len(one)}) = {dialect.literal(one)}" for one in archives]
        only = "true" if forget is None else " or ".join(parts)
        yield Statement(f"delete from {name} where {only}", role="dml")
    if job.bad is None:
        return 0
    reader = reading(job)
    item = reader.files(job.bad.paths, "parquet", {}, {})
    select = (
        f"select reason, name as column_name, raw, file, line, {reader.literal(job.run)} as load_id,"
        f" cast(now() as timestamp with time zone) as loaded_at from {item}"
    )
    names = [dialect.named(c.name) for c in COLUMNS]
    if job.reader is None:
        yield replace(dialect.insert_select(relation, names, select), main=False)
    else:
        yield replace(dialect.load(relation, names, job.reader.source(select)), main=False)
    if forget == ():
        yield _once(job, relation)
    return job.bad.count


def _once(job: Job, relation: Relation) -> Statement:
    """Delete the rows of earlier loads that came again with this one: what is read of a database begins before where the last load ended.
    Masked rows look alike and may be others, so that they stay: one too many is not one lost."""
    dialect, name = job.dialect, job.dialect.render(relation)
    quote = {column.name: dialect.quote(dialect.named(column.name)) for column in COLUMNS}
    same = " and ".join(
        f"(eltflow_new.{quote[c]} = eltflow_old.{quote[c]} or (eltflow_new.{quote[c]} is null and eltflow_old.{quote[c]} is null))"
        for c in ("raw", "reason", "column_name", "file")
    )
    load, run = quote["load_id"], dialect.literal(job.run)
    same += f" and replace(eltflow_new.{quote['raw']}, {dialect.literal(MASK)}, '') = eltflow_new.{quote['raw']}"
    return Statement(
        f"delete from {name} as eltflow_old where eltflow_old.{load} <> {run} and exists (\n"
        f"  select 1 from {name} as eltflow_new where eltflow_new.{load} = {run} and {same}\n)",
        role="dml",
    )


def _made(job: Job) -> Statement:
    return job.dialect.create_table(quarantine_of(job), own_columns(job.dialect, COLUMNS))


def _sifted(job: Job, new: New) -> Steps[Job | None]:
    """The job with its bad rows put aside; None if no file has any. Raises ProgramError if there are more than the step allows."""
    assert job.sieve is not None
    files, format, options, types = yield from new(job)
    judge = _judge(job, format, types)
    found: list[tuple[FileInfo, Sifted]] = []
    for file in files:
        sifted = job.sieve.sift(file, format, options, judge)
        if sifted is not None:
            found.append((file, sifted))
    if not found:
        return None
    _check_allowed(job, found, files)
    bad = Bad(
        paths=tuple(sifted.bad for _, sifted in found), count=sum(sifted.count for _, sifted in found), first=found[0][1].first
    )
    return replace(job, sifted={file.path: sifted.good for file, sifted in found}, bad=bad)


def _check_allowed(job: Job, found: Found, files: Sequence[FileInfo]) -> None:
    assert job.node.ingest is not None
    limit = job.node.ingest.step.get("max_bad_rows")
    count, rows = sum(sifted.count for _, sifted in found), sum(sifted.rows for _, sifted in found)
    if limit is None:
        return
    number, percent = allowed(limit)
    if (Decimal(100 * count) / rows if percent else count) <= number:
        return
    of = " of the files that have any" if len(files) > len(found) else ""
    raise ProgramError(
        f"{count:,} of {rows:,} rows{of} are bad, and `max_bad_rows` is {limit}; the first is {found[0][1].first}",
        "correct them, or allow more; nothing was loaded",
        place=("max_bad_rows",),
    )


def _judge(job: Job, format: str, declared: Mapping[str, str]) -> Callable[[str], Judged]:
    """How the values of a column, by its name in the file, are judged: by the type that its table has, or the one that is declared."""
    info = job.node.ingest
    assert info is not None
    step = info.step
    adds = info.load != "replace" and not job.full_refresh and job.existing is not None and job.existing.kind == "table"
    there = {key_of_column(job, c.name): c.type for c in job.existing.columns} if adds and job.existing is not None else {}
    given = {key_of_column(job, name) for name in given_types(job.node)}
    cursor = (step.get("cursor") or {}).get("column") if info.source.get("kind") == "sql" else None
    needed = {key_of_column(job, str(name)) for name in (*matched_columns(job), *(() if cursor is None else (cursor,)))}
    without = {key_of_column(job, name) for name in step.get("exclude") or ()}
    hidden = {name.lower() for name in job.sieve.hidden} if job.sieve is not None and job.sieve.hidden is not None else None

    def judge(name: str) -> Judged:
        final = (step.get("rename") or {}).get(name, name)
        key = key_of_column(job, final)
        if key_of_column(job, name) in without:
            return Judged(left_out=True)
        type = declared[name].lower() if name in declared else there.get(key)
        hashed = name in (step.get("hash") or ())
        return Judged(
            type=None if type is None or hashed else job.dialect.reads_as(str(type)),
            shown=str(type).lower(),
            strict=format in ("csv", "json") and key not in given,
            needed=key in needed,
            hidden=hashed or hidden is None or final.lower() in hidden or name.lower() in hidden,
        )

    return judge
