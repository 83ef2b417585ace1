"""The columns of a load against those of its table: what goes where, and what a step says about columns that come, go or change."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from eltflow.base.names import did_you_mean, listed
from eltflow.base.records import dataclass
from eltflow.compile.materialize.jsonfiles import check_values, columns_of, infers, odd_columns
from eltflow.compile.materialize.relation import landing
from eltflow.compile.materialize.scan import Options, ask, changes, odd_values, reading, scan, shown
from eltflow.compile.materialize.spellings import Files, one_spelling
from eltflow.compile.program import FileInfo, Job, ProgramError, Steps
from eltflow.warehouse.nested import apart, beyond, clash, crossed, mixed, narrowed, opened, spelt_like
from eltflow.warehouse.values import CatalogColumn, Column, Statement

#: Each part of a load (a file, a table of a source) by its name, with its columns.
Described = Sequence[tuple[str, Sequence[Column]]]

_FAMILIES = {  # the first that fits
    "structure": re.compile(r"STRUCT|MAP|.*\[\d*\]\Z", re.IGNORECASE),
    "number": re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT|INTEGER|DOUBLE|FLOAT|REAL|DECIMAL|NUMERIC", re.IGNORECASE),
    "time": re.compile(r"DATE|TIMESTAMP", re.IGNORECASE),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How a load goes into its table: (column of the load, column of the table) for what is taken, the columns (as the load names them)
    that the table gets anew, and what people should know about it."""

    chosen: tuple[tuple[str, str], ...]
    added: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def key_of_column(job: Job, name: str) -> str:
    """What a column of a load is known by in the table."""
    return job.dialect.fold(landing(job, name), True)


def described_files(job: Job, files: Sequence[FileInfo], format: str, options: Options) -> Steps[tuple[Files, Options]]:
    """The columns of each file by itself (read together, a column that one of them lacks would be empty there in silence), and the options
    by which the files are read together."""
    found = []
    given = {**options, "infer": "none"} if format == "csv" else options  # of CSV, the names are enough
    for file in files:
        columns = yield from columns_of(job, [file], format, given)
        found.append((file, columns))
    return one_spelling(found, options) if format == "json" else (found, options)


def types_of(job: Job, described: Files, format: str, options: Options) -> Steps[dict[str, str]]:
    """The type of each column in all of the files: where they differ, the one that takes the values of each."""
    types: dict[str, str] = {}
    differs = False
    for _, columns in described:
        for column in columns:
            differs |= types.setdefault(column.name, column.type or "") != (column.type or "")
    if not differs or format == "csv":
        return types
    files = [file for file, _ in described]
    together = yield from ask(job, reading(job).describe(scan(reading(job), files, format, options, {})))
    types |= {column.name: column.type or "" for column in together.columns if column.name in types}
    if not infers(format, options):
        return types
    among = dict(types)
    for _, columns in described:
        among |= {
            c.name: mixed(among[c.name], c.type or "") for c in columns if None not in (opened(among[c.name]), opened(c.type or ""))
        }
    several = {name: type for name, type in types.items() if among[name] != type}  # an empty list is one of JSON, too
    odd = yield from odd_columns(job, files, options, several)
    return types | {name: among[name] for name in odd}


def fit(job: Job, described: Described, table: Sequence[CatalogColumn] | None) -> Fit:
    """How the parts of a load go into the table, or into a new one where that is None. Raises ProgramError for columns that come or go
    where the step's `schema_changes` do not say what is to happen."""
    policy = changes(job)
    taken = _taken(job, described)
    first = _finals(taken, described[0][1])
    has = {job.dialect.fold(c.name, True): c.name for c in table} if table is not None else first
    if policy == "fail":
        if table is None:
            _check_alike(described, taken)
        else:
            _check_same(job, described, taken, has)
    new = [key for key in dict.fromkeys(k for k, _ in taken.values()) if key not in has]
    notes = list(_told(described, taken, has, new, policy))
    kept = {key for key in (k for k, _ in taken.values()) if policy != "discard" or key in has}
    chosen: dict[str, tuple[str, str]] = {}
    for source, (key, final) in taken.items():
        if key in kept:
            chosen.setdefault(key, (source, has.get(key, final) if table is not None else final))
    if not chosen and not job.dry:
        there = f"; there are: {listed([c.name for c in table], 8)}" if table is not None else ""
        raise ProgramError(
            f"{described[0][0]} has no column that is to be loaded",
            f"correct the file, or let the step take its columns: `schema_changes: {{column: evolve}}`{there}",
        )
    added = tuple(chosen[key][0] for key in new if key in chosen) if table is not None else ()
    return Fit(chosen=tuple(chosen.values()), added=added, notes=tuple(notes))


def _taken(job: Job, described: Described) -> dict[str, tuple[str, str]]:
    """The columns of a load that the step wants: name in the load → (what the table knows it by, its name there)."""
    assert job.node.ingest is not None
    step = job.node.ingest.step
    renamed: Mapping[str, str] = step.get("rename") or {}
    without = {job.dialect.fold(str(name), True) for name in step.get("exclude") or ()}
    there = list(dict.fromkeys(c.name for _, columns in described for c in columns))
    for name in (*renamed, *(step.get("exclude") or ()), *(step.get("hash") or ())):
        if name not in there and not job.dry:
            help = did_you_mean(name, there) or f"there are: {listed(there, 8)}"
            raise ProgramError(f"`columns` names `{name}`, which {described[0][0]} does not have", help, config=("columns", name))
    taken = {
        n: (key_of_column(job, renamed.get(n, n)), renamed.get(n, n)) for n in there if job.dialect.fold(n, True) not in without
    }
    for _, columns in described:
        seen: dict[str, str] = {}
        for column in columns:
            key = taken.get(column.name, ("", ""))[0]
            if key and seen.setdefault(key, column.name) != column.name:
                message = f"`{seen[key]}` and `{column.name}` would be one column `{taken[column.name][1]}`"
                raise ProgramError(message, "give one of them another name with `rename:`")
    return taken


def _finals(taken: Mapping[str, tuple[str, str]], columns: Sequence[Column]) -> dict[str, str]:
    return {key: final for c in columns if c.name in taken for key, final in (taken[c.name],)}


def _check_alike(described: Described, taken: Mapping[str, tuple[str, str]]) -> None:
    """Raise ProgramError where parts that are loaded together have not the same columns."""
    holder: dict[str, tuple[str, str]] = {}
    for part, columns in described:
        for key, final in _finals(taken, columns).items():
            holder.setdefault(key, (final, part))
    for part, columns in described:
        missing = [key for key in holder if key not in _finals(taken, columns)]
        if missing:
            names, other = [holder[key][0] for key in missing], holder[missing[0]][1]
            word = "column" if len(names) == 1 else "columns"
            raise ProgramError(
                f"{part} lacks the {word} {listed([f'`{n}`' for n in names], 8)}, which {other} has",
                "give all files the same columns, or say what is to happen: `schema_changes: {column: evolve}` takes all of them, with "
                "NULL for what is missing; `discard` takes those of the first file",
            )


def _check_same(job: Job, described: Described, taken: Mapping[str, tuple[str, str]], has: Mapping[str, str]) -> None:
    """Raise ProgramError if the columns of a part are not the table's: a column is never dropped or left empty in silence."""
    for part, columns in described:
        seen = _finals(taken, columns)
        added = [name for key, name in seen.items() if key not in has]
        missing = [name for key, name in has.items() if key not in seen]
        if added or missing:
            parts = [
                f"{what}: {listed(names, 8)}" for what, names in (("new columns", added), ("missing columns", missing)) if names
            ]
            raise ProgramError(
                f"the columns of {part} are not those of {job.relation} ({'; '.join(parts)})",
                "say what is to happen: `schema_changes: {column: evolve}` adds what is new, `discard` leaves it out, and both fill with "
                f"NULL what is missing; or {again(job)}",
            )


def _told(
    described: Described, taken: Mapping[str, tuple[str, str]], has: Mapping[str, str], new: Sequence[str], policy: str
) -> list[str]:
    finals = dict(taken.values())
    notes = []
    if new:
        what = "left out" if policy == "discard" else "new"
        notes.append(f"{what}: {listed([f'`{finals[key]}`' for key in new], 8)}")
    for part, columns in described:
        wanted = {**has, **({} if policy == "discard" else {key: finals[key] for key in new})}
        missing = [name for key, name in wanted.items() if key not in _finals(taken, columns)]
        if missing:
            notes.append(f"{part} lacks {listed([f'`{n}`' for n in missing], 8)}, which is NULL in its rows")
    return notes


def agreed_types(job: Job, described: Files, format: str, options: Options, types: Mapping[str, str]) -> Steps[dict[str, str]]:
    """What columns are read as that are of one kind in some files and empty in the others. Raises ProgramError where a column is a number in
    one file and text in another. In CSV everything is text, which loses nothing."""
    kinds: dict[str, dict[str, list[tuple[str, FileInfo]]]] = {}
    for file, columns in described if format != "csv" else ():
        for column in columns:
            type = column.type or ""
            kinds.setdefault(column.name, {}).setdefault(_family(type), []).append((type, file))
    if format == "json":
        _check_kinds(described, types)
    agreed: dict[str, str] = {}
    for name, families in kinds.items():
        if len(families) < 2 or name in types:
            continue
        held: list[tuple[str, FileInfo]] = []
        for files in families.values():
            for type, file in files:
                if not (yield from _empty(job, file, format, options, name)):
                    held.append((type, file))
                    break
        if len(held) > 1:
            (one, first), (other, second) = held[:2]
            raise _differs(name, one, first, other, second)
        if held:
            family = _family(held[0][0])
            alike = [
                (file, [c]) for file, columns in described for c in columns if c.name == name and _family(c.type or "") == family
            ]
            agreed |= yield from types_of(job, alike, format, options)
    return agreed


def _check_kinds(described: Files, types: Mapping[str, str]) -> None:
    """Raise ProgramError where something within a nested column is a number in one file and a boolean, or an object, in another."""
    seen: dict[str, list[tuple[str, FileInfo]]] = {}
    for file, columns in described:
        for c in columns:
            type = c.type or ""
            if opened(type) is not None and c.name not in types:
                for other, first in seen.get(c.name, ()):
                    if clash(type, other):
                        raise _differs(c.name, other, first, type, file)
                if type not in (other for other, _ in seen.setdefault(c.name, [])):
                    seen[c.name].append((type, file))


def _differs(name: str, one: str, first: FileInfo, other: str, second: FileInfo) -> ProgramError:
    kind = "varchar" if opened(one) is None and opened(other) is None else "json"
    message = f"the column `{name}` is {one} in {first.name} and {other} in {second.name}"
    return ProgramError(message, f"say what it is read as: `column_types: {{{name}: {kind}}}`")


def _empty(job: Job, file: FileInfo, format: str, options: Options, name: str) -> Steps[bool]:
    """Whether a column of a file has no value at all."""
    column = reading(job).quote(name)
    query = f"select count({column}) from ({scan(reading(job), [file], format, options, {})}) as eltflow_new"
    found = yield from ask(job, Statement(query, role="query"))
    return bool(found.rows) and not found.rows[0][0]


def _family(type: str) -> str:
    """What of a type decides whether its values stay themselves beside those of another one."""
    for name, pattern in _FAMILIES.items():
        if pattern.match(type):
            return name
    return type


def reading_type(job: Job, name: str) -> str:
    """What a column of the table that stands is read as."""
    assert job.existing is not None
    return job.dialect.reads_as(next(c.type or "" for c in job.existing.columns if c.name == name))


def check_fields(job: Job, described: Files, there: Mapping[str, str], holder: str) -> None:
    """Raise ProgramError for fields of nested columns that a file has, and the types that are `there` (of a `holder`) have not."""
    for file, columns in described:
        new = [way for c in columns if c.name in there for way in beyond(c.name, c.type or "", there[c.name])]
        if new:
            word = "field" if len(new) == 1 else "fields"
            raise ProgramError(
                f"{file.name} has the {word} {listed([f'`{way}`' for way in new], 8)}, which {holder} lacks",
                "say what is to happen: `schema_changes: {column: evolve}` adds fields that are new, `discard` leaves them out",
                file=file.path,
            )


def first_fields(job: Job, described: Files) -> tuple[dict[str, str], list[str]]:
    """Of files that make a table anew: the types beyond whose fields nothing is taken, and what there is to say of fields that the first file
    with the column does not have. Raises ProgramError for such where the step does not say what is to happen."""
    there: dict[str, tuple[str, str]] = {}
    for file, columns in described:
        for c in columns:
            if opened(c.type or "") is not None:
                there.setdefault(c.name, (c.type or "", file.name))
    if changes(job) == "fail":
        for name, (type, holder) in there.items():
            check_fields(job, described, {name: type}, holder)
    new = [
        way
        for _, columns in described
        for c in columns
        if c.name in there
        for way in beyond(c.name, c.type or "", there[c.name][0])
    ]
    named = listed([f"`{way}`" for way in dict.fromkeys(new)], 8)
    discards = changes(job) == "discard"
    notes = [f"{'left out' if discards else 'new'}: {named}"] if new else []
    return {name: type for name, (type, _) in there.items()} if discards and new else {}, notes


def check_against(job: Job, described: Files, options: Options, kept: Mapping[str, str], own: Mapping[str, str]) -> Steps[None]:
    """As `check_kept`, of JSON: also that one of the files has a field or a kind of values that the table has not."""
    differing = dict.fromkeys(c.name for _, columns in described for c in columns if kept.get(c.name, c.type) != c.type)
    changed = {name: spelt_like(kept[name], own[name]) for name in differing}
    yield from check_values(job, [file for file, _ in described], options, changed, whole=changes(job) != "discard")


def check_kept(
    job: Job, files: Sequence[FileInfo], format: str, options: Options, kept: Mapping[str, str], own: Mapping[str, str]
) -> Steps[None]:
    """Raise ProgramError for a value that the table's type would change: 1.5 where it has whole numbers, `yes` where it has booleans."""
    dialect = reading(job)
    if format == "csv":
        odd = yield from odd_values(job, files, options, kept, castable=True)
    else:
        odd = {}
        for name, type in kept.items():
            if type == own[name] or type.upper() in ("VARCHAR", "TEXT"):
                continue
            column, there = dialect.quote(name), own[name]
            if changes(job) == "discard":
                there = narrowed(there, type)
            cast = f"try_cast({column} as {type})"
            before = column if there == own[name] else f"cast({column} as {there})"
            lost = f"{cast} is not null and cast({cast} as {there}) is distinct from {before}"
            if apart(own[name], type) or crossed(own[name], type):  # no cast leads from the one to the other, or true would be 1
                lost = f"{column} is not null"
            query = f"select cast({column} as varchar) from ({scan(dialect, files, format, options, {})}) as eltflow_new where {lost} limit 1"
            for (value,) in (yield from ask(job, Statement(query, role="query"))).rows:
                odd[name] = str(value)
    for name, value in odd.items():
        names = listed([f.name for f in files], 3)
        raise ProgramError(
            f"the column `{name}` of {names} holds {shown(job, name, value)}, and {job.relation} has {kept[name]} there",
            f"correct the value, or give the column another type under `column_types:` and {again(job)}",
        )


def added_column(job: Job, name: str, type: str, declared: str | None) -> CatalogColumn:
    """A column that the table gets, for values of a type as DuckDB spells it. Raises ProgramError where the engine has none for them."""
    own = declared or job.dialect.keeps(type)
    if own is None:
        message = f"the new column `{name}` is {type}, and {job.dialect.name} has no type that keeps all of that"
        raise ProgramError(message, "name a type that it has under `column_types:`")
    return CatalogColumn(name, own)


def again(job: Job) -> str:
    """How to load everything from the beginning."""
    return f"load everything again with `eltflow ingest --select {job.node.name} --full-refresh`"
