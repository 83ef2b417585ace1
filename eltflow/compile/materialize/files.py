"""Seeds and ingestion steps: files into tables, read by the engine itself where it can, and sent to it where it cannot."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eltflow.base.names import listed
from eltflow.base.records import replace
from eltflow.compile.materialize.meta import key_of, meta
from eltflow.compile.materialize.relation import (
    Rows,
    build_table,
    built,
    declared_types,
    has_hooks,
    in_place,
    landing,
    loaded_columns,
    send,
)
from eltflow.compile.materialize.scan import Options, ask, guarded, odd_values, reading, scan, settled
from eltflow.compile.program import FileInfo, Job, Looks, Outcome, Program, ProgramError, Steps, rows_together
from eltflow.transfer import Source
from eltflow.warehouse.values import CatalogTable, Column, Statement, WarehouseError

#: Each file with its columns.
Described = Sequence[tuple[FileInfo, Sequence[Column]]]

_FAMILIES = {
    "number": re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT|INTEGER|DOUBLE|FLOAT|REAL|DECIMAL|NUMERIC", re.IGNORECASE),
    "time": re.compile(r"DATE|TIMESTAMP", re.IGNORECASE),
    "structure": re.compile(r"STRUCT|MAP|.*\[\d*\]\Z", re.IGNORECASE),
}


#: The endings of files that tell their format; each may be followed by one of a compression.
ENDINGS = {
    "csv": (".csv", ".tsv"),
    "json": (".json", ".jsonl", ".ndjson"),
    "parquet": (".parquet", ".parq", ".pq"),
}


def file_format(path: str) -> tuple[str | None, dict[str, object]]:
    """The format that a file's name tells, None if it tells none, and options that go with it."""
    name = path.lower()
    for suffix in (".gz", ".zst", ".zstd"):
        name = name.removesuffix(suffix)
    format = next((format for format, endings in ENDINGS.items() if name.endswith(endings)), None)
    return format, {"delimiter": "\t"} if name.endswith(".tsv") else {}


def _format(job: Job) -> tuple[str, dict[str, Any]]:
    """The format of a job's files by their names. Raises ProgramError where a name tells none, or they are of several."""
    first = job.files[0]
    format, options = file_format(first.path)
    for file in job.files:
        other, told = file_format(file.path)
        if other is None:
            known = ", ".join(ending for endings in ENDINGS.values() for ending in endings)
            help = f"set `format: csv`, `json` or `parquet` under the step's `source:`; endings that tell it are {known}"
            raise ProgramError(f"what {file.name} holds is not told by its ending", help)
        if (other, told) != (format, options):
            help = "give each kind of file a step of its own, with a narrower `path:`"
            raise ProgramError(f"{first.name} and {file.name} are of different formats", help)
    assert format is not None
    return format, options


def seed(job: Job) -> Program:
    """The file's rows as a table, put in place of what stands there."""
    format, options = _format(job)
    if job.config.get("delimiter"):
        options["delimiter"] = job.config["delimiter"]
    types = declared_types(job)
    return (yield from _whole(job, format, options, types, lambda rows: _load(job, rows)))


def _load(job: Job, rows: Rows) -> Program:
    outcome = yield from build_table(job, rows, lambda: check_unchanged(job, job.files))
    return replace(outcome, kind="seed")


def _whole(job: Job, format: str, options: Options, types: Mapping[str, str], body: Callable[[Rows], Program]) -> Program:
    """What `body` makes of the query for all rows of the job's files, between the node's hooks; types are those that every row allows.

    Large CSV files are loaded under the types of their first rows, which reads them once; a row that says otherwise fails that load,
    and the types are looked for again in all rows.
    """
    types = _read_types(job, types)
    looks = _looks(job, job.files, format, options)
    if looks == "plain":
        select = scan(reading(job), job.files, format, {**options, "infer": "all"}, types)
        return (yield from built(job, body(_rows(job, select))))
    if looks == "large" and not has_hooks(job):
        quick = _rows(job, (yield from guarded(job, job.files, options, types)))
        try:
            return (yield from built(job, body(quick)))
        except WarehouseError as error:
            if error.kind != "sql":
                raise
            if job.dialect.capabilities.transactional_ddl:
                yield job.dialect.rollback()
    every = yield from settled(job, job.files, options, types)
    return (yield from built(job, body(_rows(job, scan(reading(job), job.files, format, options, every)))))


def _rows(job: Job, select: str) -> Rows:
    """The rows of a query over files: the query itself, where the engine can run it."""
    return select if job.reader is None else job.reader.source(select)


def _read_types(job: Job, types: Mapping[str, str]) -> dict[str, str]:
    """What columns with a type of their own are read as. An engine that is sent the rows knows best what that type takes of a text."""
    return dict(types) if job.reader is None else dict.fromkeys(types, "VARCHAR")


def _looks(job: Job, files: Sequence[FileInfo], format: str, options: Options) -> Looks:
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


def ingest(job: Job) -> Program:
    """Load a step's files: all of them in place of the table, or those not loaded before on top of it, exactly once.

    What was loaded is written to `eltflow_meta.file` and `eltflow_meta.load` in the transaction that writes the rows.
    """
    info = job.node.ingest
    assert info is not None
    if not job.files:
        raise ProgramError(f"no file matches {info.source['path']}", "check `path:`, which starts at the project root")
    appends = info.load == "append" and not job.full_refresh
    if appends and job.existing is not None and job.existing.kind == "table":
        return (yield from built(job, _append(job)))
    format, options, types = _options(job)
    _looks(job, job.files, format, options)
    if len(job.files) > 1 and (appends or format != "csv"):
        described = yield from _described(job, job.files, format, options)
        _check_types(described, format, types)
        if appends:
            _check_alike(job, described)
    return (yield from _whole(job, format, options, types, lambda rows: _replace(job, rows)))


def _options(job: Job) -> tuple[str, dict[str, Any], dict[str, str]]:
    info = job.node.ingest
    assert info is not None
    given = info.source.get("format")
    format, options = (str(given), file_format(job.files[0].path)[1]) if given else _format(job)
    for key in ("delimiter", "header", "null"):
        if key in info.source:
            options[key] = info.source[key]
    return format, options, declared_types(job)


def _replace(job: Job, rows: Rows) -> Program:
    assert job.node.ingest is not None
    if job.node.ingest.load == "append" and not job.dialect.capabilities.transactional_ddl:
        assert not isinstance(rows, str)  # no such engine reads files by itself
        return (yield from _begin_with(job, rows))
    outcome = yield from build_table(job, rows, lambda: check_unchanged(job, job.files))
    yield from rows_together(job, _record(job, job.files, outcome.rows, forget=True))
    return replace(outcome, kind="load", files=len(job.files))


def _begin_with(job: Job, rows: Source) -> Program:
    """The first rows of a table that later loads add to, where making a table commits by itself: what stands there at any moment agrees
    with what is written down, so that no file is ever loaded twice or left out. A table of other columns is emptied before it goes."""
    dialect, existing = job.dialect, job.existing
    columns = loaded_columns(job, rows)
    create = dialect.create_table(job.relation, columns, job.config)
    same = (
        existing is not None
        and existing.kind == "table"
        and [(c.name, c.type) for c in existing.columns] == [(c.name, c.type) for c in columns]
    )
    clear = () if existing is None else _forgotten(job, rows=existing.kind == "table")
    if existing is not None and not same:
        yield from rows_together(job, send(clear))
        yield from (in_place(job, (create,), Outcome(kind="load")))
    elif existing is None:
        yield create
    outcome = yield from rows_together(job, _loaded(job, columns, rows, job.files, clear if same else ()))
    return replace(outcome, made=(CatalogTable(job.relation, "table"),))


def _forgotten(job: Job, *, rows: bool) -> tuple[Statement, ...]:
    """The statements that delete what is written down of a table's loads, and its `rows`."""
    tables = [(job.relation, " where true")] if rows else []
    tables.append((meta(job, "file"), f" where relation = {job.dialect.literal(key_of(job))}"))
    return tuple(Statement(f"delete from {job.dialect.render(table)}{which}", role="dml") for table, which in tables)


def _loaded(
    job: Job, columns: Sequence[Column], rows: Source, files: Sequence[FileInfo], before: Sequence[Statement] = ()
) -> Program:
    """The rows taken in and written down."""
    yield from send(before)
    result = yield job.dialect.load(job.relation, [c.name for c in columns], rows)
    check_unchanged(job, files)
    yield from _record(job, files, result.affected, forget=False)
    return Outcome(kind="load", rows=result.affected, files=len(files))


def _append(job: Job) -> Program:
    assert job.existing is not None
    fresh = fresh_files(job, (yield from loaded_files(job)))
    if not fresh:
        return Outcome(kind="load", rows=0, files=0)
    format, options, types = _options(job)
    _looks(job, fresh, format, options)
    described = yield from _described(job, fresh, format, options)
    _check_types(described, format, types)
    for file, columns in described:
        _same_columns(job, columns, file)
    # The table's types, not those that these files alone suggest: `007` stays text where the table has text.
    fold = job.dialect.fold
    declared = {_key_of(job, name) for name in types}
    of_table = {fold(c.name, True): c.type or "" for c in job.existing.columns if fold(c.name, True) not in declared}
    of_files = {c.name: c.type or "" for _, columns in reversed(described) for c in columns if _key_of(job, c.name) in of_table}
    kept = {name: job.dialect.reads_as(of_table[_key_of(job, name)]) for name in of_files}
    yield from _check_kept(job, fresh, format, options, kept, of_files)
    if format != "csv":
        kept = {name: type for name, type in kept.items() if type != of_files[name]}
    rows = _rows(job, scan(reading(job), fresh, format, options, {**kept, **_read_types(job, types)}))
    if isinstance(rows, str):
        names = [c.name for c in job.existing.columns]
        source = f"select {job.dialect.columns(names)} from (\n{rows}\n) as eltflow_new"
        result = yield job.dialect.insert_select(job.relation, names, source)
        check_unchanged(job, fresh)
        yield from _record(job, fresh, result.affected, forget=False)
        return Outcome(kind="load", rows=result.affected, files=len(fresh), made=(job.existing,))
    own = {fold(c.name, True): c for c in job.existing.columns}
    columns = [Column(own[_key_of(job, field.name)].name) for field in rows.fields]
    outcome = yield from rows_together(job, _loaded(job, columns, rows, fresh))
    return replace(outcome, made=(job.existing,))


def fresh_files(job: Job, known: Mapping[str, tuple[int, int, str]]) -> list[FileInfo]:
    """The job's files that are not among those `known` to be loaded. Raises ProgramError for one that is another by now."""
    fresh = []
    for file in job.files:
        before = known.get(file.name)
        if before is None:
            fresh.append(file)
        elif before[:2] != (file.size, file.mtime) and job.digest is not None and job.digest(file) != before[2]:
            raise ProgramError(
                f"{file.name} changed since it was loaded",
                f"a step with `load: append` loads a file once; {_again(job)}",
            )
    return fresh


def _again(job: Job) -> str:
    return f"load everything again with `eltflow ingest --select {job.node.name} --full-refresh`"


def _described(job: Job, files: Sequence[FileInfo], format: str, options: Options) -> Steps[Described]:
    """The columns of each file by itself: read together, a column that one of them lacks would be empty there in silence."""
    found = []
    for file in files:
        result = yield from ask(job, reading(job).describe(scan(reading(job), [file], format, options, {})))
        found.append((file, result.columns))
    return found


def _check_alike(job: Job, described: Described) -> None:
    """Raise ProgramError where files that are loaded together have not the same columns."""
    holder: dict[str, tuple[str, FileInfo]] = {}
    for file, columns in described:
        for column in columns:
            holder.setdefault(_key_of(job, column.name), (column.name, file))
    for file, columns in described:
        missing = [key for key in holder if key not in {_key_of(job, c.name) for c in columns}]
        if missing:
            names, (_, other) = [holder[key][0] for key in missing], holder[missing[0]]
            word = "column" if len(names) == 1 else "columns"
            raise ProgramError(
                f"{file.name} lacks the {word} {listed([f'`{n}`' for n in names], 8)}, which {other.name} has",
                "give all files the same columns, or take them as they are, with NULL for what is missing: "
                f"`eltflow ingest --select {job.node.name} --full-refresh`",
            )


def _check_types(described: Described, format: str, types: Mapping[str, str]) -> None:
    """Raise ProgramError where a column is a number in one file and text in another. In CSV everything is text, which loses nothing."""
    seen: dict[str, tuple[str, FileInfo]] = {}
    for file, columns in described if format != "csv" else ():
        for column in columns:
            type, other = seen.setdefault(column.name, (column.type or "", file))
            if column.name not in types and _family(type) != _family(column.type or ""):
                raise ProgramError(
                    f"the column `{column.name}` is {type} in {other.name} and {column.type} in {file.name}",
                    f"say what it is read as: `column_types: {{{column.name}: varchar}}`",
                )


def _family(type: str) -> str:
    """What of a type decides whether its values stay themselves beside those of another one."""
    for name, pattern in _FAMILIES.items():
        if pattern.match(type):
            return name
    return type


def _check_kept(
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
            column = dialect.quote(name)
            cast = f"try_cast({column} as {type})"
            lost = f"{cast} is not null and cast({cast} as {own[name]}) is distinct from {column}"
            query = f"select cast({column} as varchar) from ({scan(dialect, files, format, options, {})}) as eltflow_new where {lost} limit 1"
            for (value,) in (yield from ask(job, Statement(query, role="query"))).rows:
                odd[name] = str(value)
    for name, value in odd.items():
        raise ProgramError(
            f"the column `{name}` of {listed([f.name for f in files], 3)} holds `{value}`, and {job.relation} has {kept[name]} there",
            f"correct the value, or give the column another type under `column_types:` and {_again(job)}",
        )


def _same_columns(job: Job, now: Sequence[Column], file: FileInfo) -> None:
    """Raise ProgramError if a file's columns are not the table's: a column is never dropped or left empty in silence."""
    assert job.existing is not None
    table = {job.dialect.fold(c.name, True): c.name for c in job.existing.columns}
    seen = {_key_of(job, c.name): c.name for c in now}
    added = [name for key, name in seen.items() if key not in table]
    missing = [name for key, name in table.items() if key not in seen]
    if added or missing:
        parts = [f"{what}: {listed(names, 8)}" for what, names in (("new columns", added), ("missing columns", missing)) if names]
        raise ProgramError(f"the columns of {file.name} are not those of {job.relation} ({'; '.join(parts)})", _again(job))


def _key_of(job: Job, name: str) -> str:
    """What a file's column is known by in the table."""
    return job.dialect.fold(landing(job, name), True)


def loaded_files(job: Job) -> Steps[dict[str, tuple[int, int, str]]]:
    """What was loaded before: path → (size, mtime, hash)."""
    dialect = job.dialect
    key = dialect.literal(key_of(job))
    result = yield Statement(
        f"select path, size, mtime_ns, hash from {dialect.render(meta(job, 'file'))} where relation = {key}", role="query"
    )
    return {str(path): (size, mtime, digest) for path, size, mtime, digest in result.rows}


def _record(job: Job, files: Sequence[FileInfo], rows: int | None, *, forget: bool) -> Steps[None]:
    """Write what was loaded, in the transaction that is open; with `forget`, in place of what was written before."""
    dialect, literal = job.dialect, job.dialect.literal
    key = key_of(job)
    if forget:
        yield from send(_forgotten(job, rows=False))
    load_id = job.run
    appends = job.node.ingest is not None and job.node.ingest.load == "append"
    values = []
    for file in files:
        # Only a step that appends ever asks whether a file is the one that it loaded.
        digest = job.digest(file) if job.digest is not None and appends else ""
        values.append(f"({', '.join(literal(v) for v in (key, file.name, file.size, file.mtime, digest, load_id))})")
    yield Statement(f"insert into {dialect.render(meta(job, 'file'))} values {', '.join(values)}", role="dml")
    written = ", ".join(literal(v) for v in (load_id, key, job.node.unique_id, len(files), rows))
    yield Statement(f"insert into {dialect.render(meta(job, 'load'))} values ({written}, {dialect.clock})", role="dml")
