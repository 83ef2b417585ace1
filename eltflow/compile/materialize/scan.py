"""Queries over data files, and the types of CSV columns: the engine's inference, held to how people write values.

An engine that infers types from text takes more for a number or a boolean than a person does: `0x10`, `1_000`, `yes`, `t`; and from
the type of the first rows it goes on to take 1.5 for 2 and 007 for 7. What is not spelt as its column's type is text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from eltflow.base.names import listed
from eltflow.compile.materialize.declared import as_text, in_json, is_nested, same_in_json, wrong
from eltflow.compile.materialize.nested import beyond
from eltflow.compile.program import FileInfo, Job, ProgramError, Steps
from eltflow.warehouse.dialect import Dialect
from eltflow.warehouse.values import Result, Statement

Options = Mapping[str, Any]
_DAYS = re.compile(r"DATE|TIMESTAMP", re.IGNORECASE)
_TEXT = "VARCHAR"


def scan(dialect: Dialect, files: Sequence[FileInfo], format: str, options: Options, types: Mapping[str, str]) -> str:
    """A query for all rows of the files. Raises ProgramError where the engine reads no files."""
    item = dialect.files([f.read for f in files], format, options, types)
    if item is None:
        raise ProgramError(f"{dialect.name} cannot read files by itself")
    flat, whole = options.get("flat") or (), options.get("whole") or ()
    values = {}
    for name, type in types.items() if format != "csv" else ():
        values[name] = dialect.cast_read("" if name in flat else format, dialect.quote(name), type)
    values |= {name: dialect.whole_text(values.get(name, dialect.quote(name))) for name in whole}
    made = ", ".join(f"{value} as {dialect.quote(name)}" for name, value in values.items())
    return f"select *{f' replace ({made})' if made else ''} from {item}"


#: Types that keep the digits of a JSON number as they are written, if the engine reads it as one of them at once.
_EXACT = re.compile(r"VARCHAR|TEXT|STRING|JSON|HUGEINT|DECIMAL|NUMERIC", re.IGNORECASE)


def exact(
    job: Job, files: Sequence[FileInfo], options: Options, types: Mapping[str, str], declared: Mapping[str, str]
) -> Steps[tuple[Options, Mapping[str, str]]]:
    """Options and types under which JSON files are read as they are meant. Engines take for a DOUBLE what is too long for 64 bits, and whole
    numbers among others: a column with some that lose digits is read as HUGEINT, if that takes all of it, or as text; one that holds such
    inside of nested values, as JSON. They guess which of two numbers is the month, too: what is not written like 2013-01-31 stays text.
    Columns whose type is `declared` are read as they are written. Raises ProgramError for a value of theirs that the type would change."""
    if "columns" in options:
        return options, types
    dialect = reading(job)
    described = yield from ask(job, dialect.describe(scan(dialect, files, "json", _bare(options), {})))
    inferred = {c.name: "INTEGER" if c.type == '"NULL"' else c.type or _TEXT for c in described.columns}
    own = {name: type for name, type in declared.items() if name in inferred}
    yield from _check_in_json(job, files, options, inferred, own)
    how = {name: in_json(inferred[name], type, sent=job.reader is not None) for name, type in own.items()}
    flat = {name: read for name, (read, _) in how.items() if read is not None}
    doubtful = {name: type.upper() for name, type in inferred.items() if "DOUBLE" in type.upper() or type == "TIMESTAMP"}
    direct = {name: types[name] for name in doubtful if name not in own and name in types and _EXACT.match(types[name])}
    looked = [name for name in doubtful if name not in types]
    if looked:
        item = dialect.files([f.read for f in files], "json", {**options, "columns": dict.fromkeys(looked, _TEXT)}, {})
        items = ", ".join(_doubts(dialect.quote(name), doubtful[name]) for name in looked)
        found = yield from ask(job, Statement(f"select {items} from {item}", role="query"))
        told = found.rows[0] if found.rows else ()
        for name, lost, whole in zip(looked, told[::2], told[1::2], strict=False):
            if lost:
                direct[name] = _INSTEAD.get(doubtful[name], "JSON") if not whole else "HUGEINT"
    if not direct and not flat:
        # What was found in all records need not be looked for again.
        found_types = {c.name: "JSON" if c.type == '"NULL"' else c.type or _TEXT for c in described.columns}
        return ({**options, "columns": found_types} if not _numbered(list(found_types)) else options), types
    given = {**options, "columns": {**inferred, **direct, **flat}, "flat": list(flat)}
    written = [name for name, (_, digits) in how.items() if digits]
    yield from _check_keys(job, files, options, given, list(inferred))
    done = {*direct, *(name for name, read in flat.items() if types.get(name, "").upper() in (read.upper(), "JSONB"))}
    return {**given, "written": written}, {name: type for name, type in types.items() if name not in done}


def _bare(options: Options) -> Options:
    """Options without what is made of values."""
    return {key: value for key, value in options.items() if key != "whole"}


def _check_in_json(
    job: Job, files: Sequence[FileInfo], options: Options, inferred: Mapping[str, str], declared: Mapping[str, str]
) -> Steps[None]:
    """Raise ProgramError for values of JSON, and fields of objects, that the types which are declared for columns do not take."""
    looked: dict[str, str] = {}
    for name, type in declared.items():
        nested = is_nested(type) and job.reader is None
        more = beyond(name, inferred[name], type) if nested and _policy(job) != "discard" else []
        if more and not job.dry:
            told, where = listed([f"`{field}`" for field in more], 8), listed([f.name for f in files], 3)
            help = "declare a type that has it, or say that it is left out: `schema_changes: {column: discard}`"
            raise ProgramError(f"{told} of {where} is not in the type that is declared, {type}", help, file=files[0].path)
        if not same_in_json(inferred[name], type):
            looked[name] = as_text(type) if nested else _TEXT
    digits = [n for n in looked if in_json(inferred[n], declared[n], sent=True)[1] and looked[n] == _TEXT]
    how = {**_bare(options), "columns": looked, "written": digits}
    yield from _check_values(job, files, "json", how, {name: declared[name] for name in looked})


def _check_keys(job: Job, files: Sequence[FileInfo], options: Options, given: Options, names: Sequence[str]) -> Steps[None]:
    """Raise ProgramError for columns that are no keys of the files: names that differ in case alone are numbered by the engine."""
    dialect = reading(job)
    doubtful = _numbered(names)
    if not doubtful:
        return
    counts = ", ".join(f"count({dialect.quote(name)})" for name in doubtful)
    told = []
    for how in (options, given):
        query = f"select {counts} from ({scan(dialect, files, 'json', _bare(how), {})}) as eltflow_new"
        told.append((yield from ask(job, Statement(query, role="query"))).rows)
    if told[0] != told[1] and not job.dry:
        message = f"{files[0].name} has keys that differ in case alone, and values that must be read under their own names"
        raise ProgramError(message, "give the keys other names in the file")


def _numbered(names: Sequence[str]) -> list[str]:
    """The columns of JSON that may be keys which differ from another in case alone."""
    folded = {name.lower() for name in names}
    return [name for name in names if (found := _NUMBERED.match(name)) is not None and found.group(1).lower() in folded]


_INSTEAD = {"DOUBLE": _TEXT, "TIMESTAMP": _TEXT}
_NUMBERED = re.compile(r"(.*)_\d+\Z")


def _doubts(text: str, type: str) -> str:
    """Two conditions on the texts of a column of JSON that is inferred to be of a type: a value is another one by that, and HUGEINT takes all
    of them."""
    if type == "TIMESTAMP":
        return f"bool_or(not regexp_matches({text}, '^-?[0-9]{{4,}}-')), false"
    if type != "DOUBLE":
        return f"bool_or(regexp_matches({text}, '[:,\\[]\\s*-?[0-9]{{16,}}')), false"
    whole = f"regexp_full_match({text}, '-?[0-9]+')"
    kept = f"try_cast({text} as hugeint) = try_cast(try_cast({text} as double) as hugeint)"
    taken = f"{text} is null or ({whole} and try_cast({text} as hugeint) is not null)"
    return f"bool_or({whole} and strlen({text}) > 15 and ({kept}) is not true), bool_and({taken})"


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
    described = yield from ask(job, dialect.describe(scan(dialect, files, "csv", _bare(options), read_as)))
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
        if name in types and is_nested(type):
            changed = not_kept(job, column, type)
            held = f"not {changed}" if changed is not None else None
        if held is not None:
            # What is misspelt gets a cast that fails, and the load with it; NULL stays NULL. The value is had once, in a query within.
            read[name] = _TEXT
            values.append(f"try_cast({column} as {type}) as {value}")
            casts.append(f"case when {held} then {value} else cast({column} || '?' as {type}) end as {column}")
    query = scan(dialect, files, "csv", _bare(options), read)
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
    if format != "json" or "columns" in options:
        yield from _check_values(job, files, format, {**_bare(options), "infer": "none"}, types)


def _check_values(job: Job, files: Sequence[FileInfo], format: str, options: Options, types: Mapping[str, str]) -> Steps[None]:
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
    step = job.node.ingest.step if job.node.ingest is not None else {}
    column = job.node.columns.get((step.get("rename") or {}).get(name, name))
    shown = "a value" if column is not None and "pii" in column.tags else f"`{value}`"
    message = f"the column `{name}` of {where.name} holds {shown}, which {how.format(type=f'`{types[name].lower()}`')}"
    raise ProgramError(message, "correct the value, or declare a type that keeps it", file=where.path)


def _policy(job: Job) -> str:
    step = job.node.ingest.step if job.node.ingest is not None else {}
    return str((step.get("schema_changes") or {}).get("column") or "fail")


def _kept(job: Job, text: str, type: str, value: str | None = None) -> str | None:
    """That a declared type keeps a text's digits. Seeds are rounded to a decimal's, as everywhere else (dbt 1.12 on PostgreSQL). What another
    engine is sent, it may read with the day before the month, or the month before the day."""
    if job.reader is not None and type.strip().upper() in _ANY_DIGITS:
        return None  # of another engine than the one that is asked here
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
    if is_nested(type):
        if job.reader is not None:
            return None
        column = f"try_cast({column} as {as_text(type)})" if text else column
    return wrong(column, type, lambda one, type: _kept(job, one, type))


def _recast(job: Job, column: str, own: str, type: str) -> str | None:
    """A condition: a value that has a type of its own in its file becomes another one under a type that is declared."""
    text = f"cast({column} as varchar)"
    if job.reader is not None or own == _TEXT:
        return not_kept(job, text, type)
    if is_nested(type):
        return f"cast(try_cast({column} as {type}) as {own}) is distinct from {column}"
    held = _kept(job, text, type)
    lost = f"try_cast({text} as {type}) is null and try_cast({column} as {type}) is not null"
    return f"(({held}) is false or ({lost}))" if held is not None else f"({lost})"
