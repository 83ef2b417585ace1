"""Types of JSON files: the engine's inference, held to what it would lose; and the values of files against the types of a table.

A file is read under types that are all told (`columns` of the reader's options): the engine then takes each value as it is written, finds
fields that a record lacks to be NULL, and infers nothing once more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from eltflow.base.names import listed
from eltflow.compile.materialize.declared import as_text, in_json, same_in_json
from eltflow.compile.materialize.scan import Options, ask, bare, changes, check_taken, item, reading, scan, shown
from eltflow.compile.materialize.spellings import spelt_alike, spelt_in
from eltflow.compile.program import FileInfo, Job, ProgramError, Steps
from eltflow.warehouse.nested import beyond, holds, narrowed, new_fields, opened, replaced, settled, spelt_like
from eltflow.warehouse.values import Column, Statement, WarehouseError

_TEXT = "VARCHAR"
#: Types that keep the digits of a JSON number as they are written, if the engine reads it as one of them at once.
_EXACT = re.compile(r"VARCHAR|TEXT|STRING|JSON|HUGEINT|DECIMAL|NUMERIC", re.IGNORECASE)
_DOUBLE = re.compile(r"DOUBLE\Z")
_DOUBTFUL = re.compile(r"DOUBLE\Z|TIMESTAMP\Z")
_INSTEAD = {"DOUBLE": _TEXT, "TIMESTAMP": _TEXT}
_SHOWN = 200  #: signs of a value, at most
_NUMBERED = re.compile(r"(.*)_\d+\Z")
#: Within nested values, a number that a DOUBLE may not keep.
_LONG = "[:,\\[]\\s*-?[0-9]{16,}"


def infers(format: str, options: Options) -> bool:
    """Whether the files are JSON of whose columns nobody told the types."""
    return format == "json" and "columns" not in options


def columns_of(job: Job, files: Sequence[FileInfo], format: str, options: Options) -> Steps[Sequence[Column]]:
    """The columns of files as the engine infers them. Raises ProgramError for keys of JSON in one file that differ in case alone."""
    try:
        described = yield from ask(job, reading(job).describe(scan(reading(job), files, format, bare(options), {})))
    except WarehouseError as error:
        if error.file is None and len(files) == 1:
            error.file = files[0].path
        raise
    if infers(format, options):
        yield from _check_keys(job, files, options, [c.name for c in described.columns])
    return described.columns


def quick(job: Job, files: Sequence[FileInfo], options: Options, types: Mapping[str, str]) -> Steps[str | None]:
    """A query that reads a file of JSON once, under the types of its first records: it fails at a record that says otherwise, or has a key
    which they have not. None where types or several files are given, and for values that are nested or written in several ways."""
    if types or len(files) != 1 or "columns" in options:
        return None
    dialect = reading(job)
    described = yield from ask(job, dialect.describe(scan(dialect, files, "json", {**options, "infer": "first"}, {})))
    inferred = {c.name: c.type or _TEXT for c in described.columns}
    if list(inferred) == ["json"] or _numbered(list(inferred)):
        return None  # records that are no objects, perhaps; and keys that differ in case alone
    raw = scan(dialect, files, "json", {**options, "infer": "raw"}, {})
    items = []
    for name, type in inferred.items():
        column, form = dialect.quote(name), ""
        if type == "TIMESTAMP":
            one = f"select cast({column} as varchar) from ({raw}) as eltflow_raw where {column} is not null limit 1"
            form = str((yield from ask(job, Statement(one, role="query"))).rows[0][0]).strip('"')
        item = dialect.strictly(column, type, form)
        if item is None:
            return None
        items.append(f"{item} as {column}")
    return f"select {', '.join(items)} from ({raw}) as eltflow_raw"


def exact(
    job: Job,
    files: Sequence[FileInfo],
    options: Options,
    types: Mapping[str, str],
    declared: Mapping[str, str],
    *,
    inferred: Mapping[str, str] | None = None,
    kept: Mapping[str, str] | None = None,
    within: Mapping[str, str] | None = None,
) -> Steps[tuple[Options, Mapping[str, str]]]:
    """Options and types under which JSON files are read as they are meant. Engines take for a DOUBLE what is too long for 64 bits, and whole
    numbers among others: a column with some that lose digits is read as HUGEINT, if that takes all of it, or as text; one that holds such
    inside of nested values, as JSON. They guess which of two numbers is the month, too: what is not written like 2013-01-31 stays text.
    Columns whose type is `declared` are read as they are written.

    `inferred` are the columns' types where those are known; `kept` the types of the table's columns, which stay; `within` types beyond whose
    fields nothing is taken. Raises ProgramError for a value that a kept type would change, or a declared one.
    """
    told = options.get("columns")
    if told is not None:
        return options, {name: type for name, type in types.items() if told.get(name) != type}
    if inferred is None:
        inferred = {c.name: c.type or _TEXT for c in (yield from columns_of(job, files, "json", options))}
    names = {name.lower(): name for name in inferred}  # a key may be declared in another case
    types = {names.get(name.lower(), name): type for name, type in types.items()}
    own = {names[name.lower()]: type for name, type in declared.items() if name.lower() in names}
    yield from _check_declared(job, files, options, inferred, own)
    how = {name: in_json(inferred[name], type, sent=job.reader is not None) for name, type in own.items()}
    flat = {name: as_read for name, (as_read, _) in how.items() if as_read is not None}
    kept = {name: spelt_like(type, inferred[name]) for name, type in (kept or {}).items()}
    read = {name: settled(type) for name, type in inferred.items()}
    read |= {name: narrowed(read[name], type) for name, type in (within or {}).items() if name in read}
    doubtful = {name: type for name, type in read.items() if holds(type, _DOUBTFUL) and kept.get(name, type) == type}
    direct = {name: types[name] for name in doubtful if name not in own and name in types and _EXACT.match(types[name])}
    lost = yield from _lost(job, files, options, {name: type for name, type in doubtful.items() if name not in types})
    yield from check_values(job, files, options, {name: kept[name] for name in lost if name in kept})
    direct |= {name: instead for name, instead in lost.items() if name not in kept}
    days = {name: type for name, type in kept.items() if type == "DATE" and read[name] != type}  # midnights: the reader takes none
    done = {*direct, *(name for name, as_read in flat.items() if types.get(name, "").upper() in (as_read.upper(), "JSONB"))}
    given = {name: type for name, type in {**types, **days}.items() if name not in done}
    columns = {**read, **direct, **{name: type for name, type in kept.items() if name not in days}, **flat}
    return {**options, "columns": columns, "flat": list(flat), "written": [n for n, (_, digits) in how.items() if digits]}, given


def _check_declared(
    job: Job, files: Sequence[FileInfo], options: Options, inferred: Mapping[str, str], declared: Mapping[str, str]
) -> Steps[None]:
    """Raise ProgramError for values of JSON, and fields of objects, that the types which are declared for columns do not take."""
    looked: dict[str, str] = {}
    for name, type in declared.items():
        nested = opened(type) is not None and job.reader is None
        more = beyond(name, inferred[name], type) if nested and changes(job) != "discard" else []
        if more and not job.dry:
            told, where = listed([f"`{field}`" for field in more], 8), listed([f.name for f in files], 3)
            help = "declare a type that has it, or say that it is left out: `schema_changes: {column: discard}`"
            raise ProgramError(f"{told} of {where} is not in the type that is declared, {type}", help, file=files[0].path)
        if not same_in_json(inferred[name], type):
            looked[name] = as_text(type) if nested else _TEXT
    digits = [n for n in looked if in_json(inferred[n], declared[n], sent=True)[1] and looked[n] == _TEXT]
    how = {**bare(options), "columns": looked, "written": digits}
    yield from check_taken(job, files, "json", how, {name: declared[name] for name in looked})


def _lost(job: Job, files: Sequence[FileInfo], options: Options, doubtful: Mapping[str, str]) -> Steps[dict[str, str]]:
    """The columns that would lose something by the types that are inferred of them, each with what it is read as instead."""
    if not doubtful:
        return {}
    dialect = reading(job)
    items = ", ".join(_doubts(dialect.quote(name), type) for name, type in doubtful.items())
    texts = item(dialect, files, "json", {**options, "columns": dict.fromkeys(doubtful, _TEXT)}, {})
    found = yield from ask(job, Statement(f"select {items} from {texts}", role="query"))
    told = found.rows[0] if found.rows else ()
    lost = {}
    for name, some, whole in zip(doubtful, told[::2], told[1::2], strict=False):
        if some:
            lost[name] = "HUGEINT" if whole else _INSTEAD.get(doubtful[name], "JSON")
    nested = {name: doubtful[name] for name, instead in lost.items() if instead == "JSON"}
    rounding = yield from rounded(job, files, options, list(nested.items()))
    return {name: instead for name, instead in lost.items() if instead != "JSON" or (name, nested[name]) in rounding}


def _doubts(text: str, type: str) -> str:
    """Two conditions on the texts of a column of JSON that is inferred to be of a type: a value may be another one by that, and HUGEINT takes
    all of them."""
    if type == "TIMESTAMP":
        return f"bool_or(not regexp_matches({text}, '^-?[0-9]{{4,}}-')), false"
    if type != "DOUBLE":
        return f"bool_or(regexp_matches({text}, '{_LONG}')), false"
    whole = f"regexp_full_match({text}, '-?[0-9]+')"
    kept = f"try_cast({text} as hugeint) = try_cast(try_cast({text} as double) as hugeint)"
    taken = f"{text} is null or ({whole} and try_cast({text} as hugeint) is not null)"
    return f"bool_or({whole} and strlen({text}) > 15 and ({kept}) is not true), bool_and({taken})"


def rounded(
    job: Job, files: Sequence[FileInfo], options: Options, columns: Sequence[tuple[str, str]]
) -> Steps[list[tuple[str, str]]]:
    """Those of columns (name, type) in which a DOUBLE of that type would round a whole number."""
    dialect = reading(job)
    found = set[tuple[str, str]]()
    for group, _ in spelt_alike(files, options) if columns else ():
        values = item(dialect, group, "json", {**options, "columns": {name: "JSON" for name, _ in columns}}, {})
        checks = [dialect.rounded(dialect.quote(name), spelt_in(group, options, name, type)) or "false" for name, type in columns]
        items = ", ".join(f"bool_or({check})" for check in checks)
        told = yield from ask(job, Statement(f"select {items} from {values}", role="query"))
        found |= {pair for pair, some in zip(columns, told.rows[0] if told.rows else (), strict=False) if some}
    return [pair for pair in columns if pair in found]


def without_rounding(
    job: Job, files: Sequence[FileInfo], options: Options, types: Mapping[str, str], there: Mapping[str, str]
) -> Steps[dict[str, str]]:
    """The types of files' columns, with JSON for fields that are new to the types `there` and that a DOUBLE would round."""
    fields = [(name, only) for name, own in there.items() for _, only in new_fields(name, types[name], own) if holds(only, _DOUBLE)]
    made = dict(types)
    for name, only in (yield from rounded(job, files, options, fields)):
        made[name] = replaced(made[name], only)
    return made


def check_values(
    job: Job, files: Sequence[FileInfo], options: Options, kept: Mapping[str, str], *, whole: bool = False
) -> Steps[None]:
    """Raise ProgramError for a value of JSON files that is none of the table's type for its column, or would become another one by it; if it is
    to come `whole`, also by a field that the type lacks."""
    found = yield from odd_columns(job, files, options, kept, whole=whole)
    if not found:
        return
    where = files[0]
    for file in files if len(files) > 1 else ():
        one = yield from odd_columns(job, [file], options, kept, whole=whole)
        if one:
            found, where = one, file
            break
    name, value = next(iter(found.items()))
    value = value if len(value) <= _SHOWN else f"{value[:_SHOWN]}…"
    assert job.node.ingest is not None
    raise ProgramError(
        f"the column `{name}` of {where.name} holds {shown(job, name, value)}, and {job.relation} has {kept[name]} there",
        "correct the value, or give the column another type under `column_types:` and load everything again with `eltflow ingest --select "
        f"{job.node.name} --full-refresh`",
        file=where.path,
    )


def odd_columns(
    job: Job, files: Sequence[FileInfo], options: Options, kept: Mapping[str, str], *, whole: bool = False
) -> Steps[dict[str, str]]:
    """The columns with a value that is none of their type, each with such a value."""
    dialect, odd = reading(job), dict[str, str]()
    kept = {name: type for name, type in kept.items() if dialect.misfit(dialect.quote(name), type) is not None}
    for group, _ in spelt_alike(files, options) if kept else ():
        values = item(dialect, group, "json", {**options, "columns": dict.fromkeys(kept, "JSON")}, {})
        checks = {n: dialect.misfit(dialect.quote(n), spelt_in(group, options, n, type), whole=whole) for n, type in kept.items()}
        items = [f"min(case when {check} then cast({dialect.quote(name)} as varchar) end)" for name, check in checks.items()]
        told = yield from ask(job, Statement(f"select {', '.join(items)} from {values}", role="query"))
        found = zip(checks, told.rows[0] if told.rows else (), strict=False)
        odd |= {name: str(value) for name, value in found if value is not None and name not in odd}
    return odd


def _check_keys(job: Job, files: Sequence[FileInfo], options: Options, names: Sequence[str]) -> Steps[None]:
    """Raise ProgramError for columns that are no keys of the files: names that differ in case alone are numbered by the engine."""
    dialect, doubtful = reading(job), _numbered(names)
    if not doubtful:
        return
    own = item(dialect, files, "json", {**options, "columns": dict.fromkeys(doubtful, _TEXT)}, {})
    all = " and ".join(f"{dialect.quote(name)} is not null" for name in doubtful)
    if (yield from ask(job, Statement(f"select 1 from {own} where {all} limit 1", role="query"))).rows:
        return  # mostly the first record says so
    counts = ", ".join(f"count({dialect.quote(name)})" for name in doubtful)
    told = []
    for one in (own, item(dialect, files, "json", options, {})):
        counted = yield from ask(job, Statement(f"select {counts} from {one}", role="query"))
        told.append(counted.rows)
    if told[0] != told[1] and not job.dry:
        numbered = {match[1] for name in doubtful if (match := _NUMBERED.match(name)) is not None}
        message = f"{files[0].name} has keys that differ in case alone: {listed([f'`{name}`' for name in numbered], 8)}"
        raise ProgramError(message, "give them one spelling in the file, or other names", file=files[0].path)


def _numbered(names: Sequence[str]) -> list[str]:
    """The columns of JSON that may be keys which differ from another in case alone."""
    folded = {name.lower() for name in names}
    return [name for name in names if (found := _NUMBERED.match(name)) is not None and found.group(1).lower() in folded]
