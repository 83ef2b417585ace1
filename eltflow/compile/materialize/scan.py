"""Queries over data files, and the types of CSV columns: the engine's inference, held to how people write values.

An engine that infers types from text takes more for a number or a boolean than a person does: `0x10`, `1_000`, `yes`, `t`; and from
the type of the first rows it goes on to take 1.5 for 2 and 007 for 7. What is not spelt as its column's type is text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eltflow.compile.program import FileInfo, Job, ProgramError, Steps
from eltflow.warehouse.dialect import Dialect
from eltflow.warehouse.values import Result, Statement

Options = Mapping[str, Any]
_TEXT = "VARCHAR"


def scan(dialect: Dialect, files: Sequence[FileInfo], format: str, options: Options, types: Mapping[str, str]) -> str:
    """A query for all rows of the files. Raises ProgramError where the engine reads no files."""
    item = dialect.files([f.read for f in files], format, options, types)
    if item is None:
        raise ProgramError(f"{dialect.name} cannot read files by itself")
    casts = ""
    if types and format != "csv":
        kept = ", ".join(f"{dialect.cast_read(format, dialect.quote(c), t)} as {dialect.quote(c)}" for c, t in types.items())
        casts = f" replace ({kept})"
    return f"select *{casts} from {item}"


def reading(job: Job) -> Dialect:
    """How what reads the job's files spells things: the engine itself, or its reader."""
    return job.dialect if job.reader is None else job.reader.dialect


def ask(job: Job, statement: Statement) -> Steps[Result]:
    """Ask something of files: the engine, or its reader."""
    if job.reader is None:
        return (yield statement)
    return job.reader.query(statement)


def guarded(job: Job, files: Sequence[FileInfo], options: Options, types: Mapping[str, str]) -> Steps[str]:
    """A query for all rows of CSV files under the types of their first rows; it fails at a row that is of another type."""
    dialect = reading(job)
    described = yield from ask(job, dialect.describe(scan(dialect, files, "csv", options, types)))
    inferred = {c.name: c.type or _TEXT for c in described.columns if c.name not in types}
    casts, read = [], dict(inferred)
    for name, type in inferred.items():
        column = dialect.quote(name)
        spelt = dialect.spelt(column, type)
        if spelt is not None:
            read[name] = _TEXT
            # The very expression that `spelt` may hold, so that the engine computes it once. What is misspelt gets a cast that fails,
            # and the load with it; NULL stays NULL.
            wrong = f"cast({column} || '?' as {type})"
            taken = f"try_cast({column} as {type})"
            taken = taken if taken in spelt else f"cast({column} as {type})"
            casts.append(f"case when {spelt} then {taken} else {wrong} end as {column}")
    replaced = f" replace ({', '.join(casts)})" if casts else ""
    return scan(dialect, files, "csv", options, {**read, **types}).replace("select *", f"select *{replaced}", 1)


def settled(job: Job, files: Sequence[FileInfo], options: Options, types: Mapping[str, str]) -> Steps[dict[str, str]]:
    """The types of all columns of CSV files, by all of their rows; `types` are given."""
    dialect = reading(job)
    described = yield from ask(job, dialect.describe(scan(dialect, files, "csv", {**options, "infer": "all"}, types)))
    inferred = {c.name: c.type or _TEXT for c in described.columns if c.name not in types}
    odd = yield from odd_values(job, files, options, inferred)
    return {**inferred, **dict.fromkeys(odd, _TEXT), **types}


def odd_values(
    job: Job, files: Sequence[FileInfo], options: Options, types: Mapping[str, str], *, castable: bool = False
) -> Steps[dict[str, str]]:
    """For each column of CSV files with values that are not spelt as its type, one of them; with `castable`, one that the engine would
    take all the same."""
    dialect = reading(job)
    tried: dict[str, str] = {}
    for name, type in types.items():
        column = dialect.quote(name)
        spelt = dialect.spelt(f"lower(trim({column}))", type)
        if spelt is not None:
            taken = f" and try_cast({column} as {type}) is not null" if castable else ""
            tried[name] = f"min(case when ({spelt}) is not true{taken} then {column} end)"
    if not tried:
        return {}
    item = dialect.files([f.read for f in files], "csv", {**options, "infer": "none"}, {})
    result = yield from ask(job, Statement(f"select {', '.join(tried.values())} from {item}", role="query"))
    return {name: str(value) for row in result.rows for name, value in zip(tried, row, strict=True) if value is not None}
