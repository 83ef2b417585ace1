"""Queries over data files, and the types of CSV columns: the engine's inference, held to how people write values.

An engine that infers types from text takes more for a number or a boolean than a person does: `0x10`, `1_000`, `yes`, `t`; and from
the type of the first rows it goes on to take 1.5 for 2 and 007 for 7. What is not spelt as its column's type is text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from eltflow.compile.materialize.declared import as_text, wrong
from eltflow.compile.materialize.spellings import spelt_alike
from eltflow.compile.program import FileInfo, Job, ProgramError, Steps
from eltflow.warehouse.dialect import Dialect
from eltflow.warehouse.nested import opened
from eltflow.warehouse.values import Result, Statement

Options = Mapping[str, Any]
_DAYS = re.compile(r"DATE|TIMESTAMP", re.IGNORECASE)
_TEXT = "VARCHAR"
_ZONED = "TIMESTAMP WITH TIME ZONE"


def scan(dialect: Dialect, files: Sequence[FileInfo], format: str, options: Options, types: Mapping[str, str]) -> str:
    """A query for all rows of the files. Raises ProgramError where the engine reads no files."""
    flat, whole = options.get("flat") or (), options.get("whole") or ()
    values = {}
    for name, type in types.items() if format != "csv" else ():
        values[name] = dialect.cast_read("" if name in flat else format, dialect.quote(name), type)
    values |= {name: dialect.whole_text(values.get(name, dialect.quote(name))) for name in whole}
    made = ", ".join(f"{value} as {dialect.quote(name)}" for name, value in values.items())
    return f"select *{f' replace ({made})' if made else ''} from {item(dialect, files, format, options, types)}"


def item(dialect: Dialect, files: Sequence[FileInfo], format: str, options: Options, types: Mapping[str, str]) -> str:
    """A FROM item for the rows of files; of those that spell the keys of JSON in several ways, group by group."""
    found = []
    for group, own in spelt_alike(files, options):
        one = dialect.files([f.read for f in group], format, own, types)
        if one is None:
            raise ProgramError(f"{dialect.name} cannot read files by itself")
        found.append(one)
    return (
        found[0] if len(found) == 1 else f"({' union all by name '.join(f'select * from {one}' for one in found)}) as eltflow_files"
    )


def bare(options: Options) -> Options:
    """Options without what is made of values."""
    return {key: value for key, value in options.items() if key != "whole"}


#: Types that keep all digits on the engines that files are sent to.
_ANY_DIGITS = frozenset(["NUMERIC", "DECIMAL", "DEC", "NUMBER"])


def reading(job: Job) -> Dialect:
    """How what reads the job's files spells things: the engine itself, or its reader."""
    return job.dialect if job.reader is None else job.reader.dialect


def ask(job: Job, statement: Statement) -> Steps[Result]:
    """Ask something of files: the engine, or its reader."""
    if job.reader is None:
        return (yield statement)
    return job.reader.query(statement)


def guarded(job: Job, files: Sequence[FileInfo], options: Options, types: Mapping[str, str]) -> Steps[str]:
    """A query for all rows of CSV files under the types of their first rows, and those that are given; it fails at a row that is of
    another type."""
    dialect = reading(job)
    read_as = dict(types) if job.reader is None else dict.fromkeys(types, _TEXT)
    described = yield from ask(job, dialect.describe(scan(dialect, files, "csv", bare(options), read_as)))
    read, values, casts = {c.name: c.type or _TEXT for c in described.columns}, list[str](), list[str]()
    read |= read_as
    for name, type in list(read.items()):
        column, value = dialect.quote(name), dialect.quote(f"eltflow_value_{len(values)}")
        if name in types and job.reader is not None:  # whoever is sent the text refuses it
            held = _kept(job, column, types[name])
            text = dialect.whole_text(column) if name in (options.get("whole") or ()) else column
            casts += [f"case when {held} then {text} else {column} || '?' end as {column}"] if held is not None else []
            continue
        if name in types and type.upper() == "DATE":
            continue  # the reader takes days in one order, and refuses what has a time
        held = _kept(job, column, type, value) if name in types else dialect.spelt(column, type, value)
        if name in types and opened(type) is not None:
            changed = not_kept(job, column, type)
            held = f"not {changed}" if changed is not None else None
        if held is not None:
            # What is misspelt gets a cast that fails, and the load with it; NULL stays NULL. The value is had once, in a query within.
            read[name] = _TEXT
            values.append(f"try_cast({column} as {type}) as {value}")
            casts.append(
                f"case when ({held}) and {value} is not null then {value} else cast({column} || '?' as {type}) end as {column}"
            )
    query = scan(dialect, files, "csv", bare(options), read)
    if not casts:
        return query
    without = f" exclude ({', '.join(dialect.quote(f'eltflow_value_{n}') for n in range(len(values)))})" if values else ""
    within = query.replace("select *", ", ".join(["select *", *values]), 1)
    return f"select *{without} replace ({', '.join(casts)}) from ({within}) as eltflow_new"


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
    within: list[str] = []
    for n, (name, type) in enumerate(types.items()):
        column, text, value = dialect.quote(name), f"eltflow_text_{n}", f"eltflow_value_{n}"
        spelt = dialect.spelt(text, type, value)
        if spelt is not None:
            taken = f" and try_cast({column} as {type}) is not null" if castable else ""
            tried[name] = f"min(case when ({spelt}) is not true{taken} then {column} end)"
            within.append(f"{column}, lower(trim({column})) as {text}, try_cast({text} as {type}) as {value}")
    if not tried:
        return {}
    item = dialect.files([f.read for f in files], "csv", {**options, "infer": "none"}, {})
    query = f"select {', '.join(tried.values())} from (select {', '.join(within)} from {item}) as eltflow_new"
    result = yield from ask(job, Statement(query, role="query"))
    return {name: str(value) for row in result.rows for name, value in zip(tried, row, strict=True) if value is not None}


def check_declared(job: Job, files: Sequence[FileInfo], format: str, options: Options, types: Mapping[str, str]) -> Steps[None]:
    """Raise ProgramError for a value that the type which is declared for its column would change: 1.5, where that is `integer`. JSON whose
    types are inferred is looked at where that is done (`exact`)."""
    if format != "json" or ("columns" in options and "flat" not in options):
        yield from check_taken(job, files, format, {**bare(options), "infer": "none"}, types)


def check_taken(job: Job, files: Sequence[FileInfo], format: str, options: Options, types: Mapping[str, str]) -> Steps[None]:
    found = yield from _changed(job, files, format, options, types)
    if found is None:
        return
    where = files[0]
    for file in files if len(files) > 1 else ():
        one = yield from _changed(job, [file], format, options, types)
        if one is not None:
            found, where = one, file
            break
    name, value, how = found
    message = (
        f"the column `{name}` of {where.name} holds {shown(job, name, value)}, which {how.format(type=f'`{types[name].lower()}`')}"
    )
    raise ProgramError(message, "correct the value, or declare a type that keeps it", file=where.path)


def changes(job: Job) -> str:
    """What is done about columns, and fields of nested ones, that come or go: fail, evolve or discard."""
    step = job.node.ingest.step if job.node.ingest is not None else {}
    return str((step.get("schema_changes") or {}).get("column") or "fail")


def shown(job: Job, name: str, value: str) -> str:
    """A value of a column, as files name that, for people to see."""
    step = job.node.ingest.step if job.node.ingest is not None else {}
    column = job.node.columns.get((step.get("rename") or {}).get(name, name))
    return "a value" if column is not None and "pii" in column.tags else f"`{value}`"


def _kept(job: Job, text: str, type: str, value: str | None = None) -> str | None:
    """That a declared type keeps a text's digits. Seeds are rounded to a decimal's, as everywhere else (dbt 1.12 on PostgreSQL). What another
    engine is sent, it may read with the day before the month, or the month before the day."""
    if job.reader is not None and type.strip().upper() in _ANY_DIGITS:
        return None  # of another engine than the one that is asked here
    zoned = job.dialect.keeps(_ZONED) if job.reader is not None else None
    if zoned is not None and zoned.lower() == type.strip().lower():
        type = _ZONED  # whatever the engine calls it
    held = reading(job).kept(text, type, value, rounds=job.node.resource_type == "seed")
    if held is not None and job.reader is not None and _DAYS.match(type):
        return f"coalesce({held}, true) and not regexp_matches({text}, '^\\s*[0-9]{{1,2}}[-/. ][0-9]{{1,2}}[-/. ]')"
    return held


def _changed(
    job: Job, files: Sequence[FileInfo], format: str, options: Options, types: Mapping[str, str]
) -> Steps[tuple[str, str, str] | None]:
    """A column, a value of it that its type would change, or does not take, and which of both."""
    dialect = reading(job)
    query = scan(dialect, files, format, options, {})
    told = format == "json" and "written" in options
    typed = format == "parquet" or (format == "json" and not told)
    described = (yield from ask(job, dialect.describe(query))).columns if typed and types else ()
    inside = {column.name: column.type or _TEXT for column in described}
    tried: list[tuple[str, str, str]] = []
    for name, type in types.items():
        column = dialect.quote(name)
        lost = _recast(job, column, inside.get(name, _TEXT), type) if typed else not_kept(job, column, type, text=not told)
        if lost is not None:
            tried.append((name, lost, "{type} would change"))
        if told and job.reader is None:
            tried.append((name, f"{column} is not null and try_cast({column} as {type}) is null", "is no {type}"))
    if not tried:
        return None
    items = ", ".join(f"min(case when {wrong} then cast({dialect.quote(name)} as varchar) end)" for name, wrong, _ in tried)
    result = yield from ask(job, Statement(f"select {items} from ({query}) as eltflow_new", role="query"))
    values = zip(tried, result.rows[0] if result.rows else (), strict=False)
    return next(((name, str(value), how) for (name, _, how), value in values if value is not None), None)


def not_kept(job: Job, column: str, type: str, *, text: bool = True) -> str | None:
    """A condition: a declared type would change a value of a column, which is `text`, or of such in the shape of the type. None where it
    changes none, or where another engine is sent the text of what is nested."""
    if opened(type) is not None:
        if job.reader is not None:
            return None
        column = f"try_cast({column} as {as_text(type)})" if text else column
    return wrong(column, type, lambda one, type: _kept(job, one, type))


def _recast(job: Job, column: str, own: str, type: str) -> str | None:
    """A condition: a value that has a type of its own in its file becomes another one under a type that is declared."""
    text = f"cast({column} as varchar)"
    if job.reader is not None or own == _TEXT:
        return not_kept(job, text, type)
    if opened(type) is not None:
        return f"cast(try_cast({column} as {type}) as {own}) is distinct from {column}"
    held = _kept(job, text, type)
    lost = f"try_cast({text} as {type}) is null and try_cast({column} as {type}) is not null"
    return f"(({held}) is false or ({lost}))" if held is not None else f"({lost})"
