"""Ingestion steps of files: rows into a table, and what was loaded into `eltflow_meta`, in one transaction."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from eltflow.base.names import listed
from eltflow.base.records import replace
from eltflow.compile.materialize.delta import bring_in, cursor_of, matched_by, settle
from eltflow.compile.materialize.files import (
    at_once,
    check_unchanged,
    emptied,
    look_at,
    picked,
    read_types,
    rows_of,
    stands_alike,
    told_format,
    typed,
    whole,
    whole_numbers,
)
from eltflow.compile.materialize.hashed import check_hashing
from eltflow.compile.materialize.history import dated, keeps_history, of_source
from eltflow.compile.materialize.items import with_items
from eltflow.compile.materialize.jsonfiles import exact, infers, without_rounding
from eltflow.compile.materialize.meta import Known, forgotten, loaded_files, record_load
from eltflow.compile.materialize.quarantine import check_records, put_aside, quarantines, without_bad_rows
from eltflow.compile.materialize.relation import (
    Rows,
    build_table,
    built,
    in_place,
    landing,
    loaded_columns,
    send,
)
from eltflow.compile.materialize.scan import Options, ask, changes, check_declared, reading, scan, settled
from eltflow.compile.materialize.shapes import (
    Fit,
    added_column,
    again,
    agreed_types,
    check_against,
    check_fields,
    check_kept,
    described_files,
    first_fields,
    fit,
    reading_type,
    types_of,
)
from eltflow.compile.materialize.spellings import Files
from eltflow.compile.materialize.unnested import beside, fields_of, following, unnested
from eltflow.compile.materialize.upto import arrived, arrived_up_to
from eltflow.compile.program import FileInfo, Job, Outcome, Program, ProgramError, Steps, T, rows_together
from eltflow.project.external import TURNED, file_format
from eltflow.project.nodes import given_types
from eltflow.project.steps import is_remote, shown_path
from eltflow.transfer import Source
from eltflow.warehouse.nested import beyond, narrowed, widened
from eltflow.warehouse.values import CatalogColumn, CatalogTable, Column, Statement, WarehouseError

#: What a step says of columns, so that it must be known which there are.
_OF_COLUMNS = ("rename", "exclude", "hash", "schema_changes", "cursor", "unique_key", "partition_by", "on_bad_row")


def load_files(job: Job) -> Program:
    """A step's files into its table: all of them in its place, or those that are new to it.

    What was loaded is written to `eltflow_meta.file` and `eltflow_meta.load` in the transaction that writes the rows.
    """
    info = job.node.ingest
    assert info is not None
    if info.load in ("merge", "delete+insert", "history") and not job.dialect.capabilities.transactional_ddl:
        help = "set `load: replace` or `append` for the targets that do not, and merge in an incremental model"
        message = f"steps with `load: {info.load}` need an engine whose DDL takes part in transactions, unlike {job.dialect.name}'s"
        raise ProgramError(message, help)
    if not job.dialect.capabilities.transactions:
        _check_taken_back(job)
    check_hashing(job)
    if not job.files:
        raise no_files(job)
    return (yield from without_bad_rows(job, _load, _new))


def _by_their_names(files: Sequence[FileInfo], body: Steps[T]) -> Steps[T]:
    """The body; an error in a file that is a copy is told by the name that people know the file by."""
    try:
        return (yield from body)
    except (WarehouseError, ProgramError) as error:
        paths = {path: f for f in files for path in ((f.path, f.read) if f.temporary else (f.good,))}
        file = paths.get(error.file) if error.file is not None else None
        if file is None:
            raise
        if not file.temporary:  # it is in the good rows, whose lines are no lines of the file
            if isinstance(error, WarehouseError):
                error.engine_message = error.engine_message.replace(file.read, file.name)
                error.file, error.file_line = file.path, None
            raise
        line = error.file_line if isinstance(error, WarehouseError) else error.line
        place = file.name if line is None else f"{file.name}, line {line}"
        told = error.engine_message if isinstance(error, WarehouseError) else error.message
        told = told.replace(file.read, file.name).replace(file.path, file.name)
        raise ProgramError(
            told if told.startswith(file.name) and line is None else f"{place}: {told}", error.help or "correct the file"
        ) from None


def _check_taken_back(job: Job) -> None:
    """Raise ProgramError for what needs rows, and what is written down of them, to come together or not at all."""
    assert job.node.ingest is not None
    if job.node.ingest.load != "replace":
        message = f"steps with `load: {job.node.ingest.load}` need an engine with transactions, and {job.dialect.name} has none"
        raise ProgramError(message, "set `load: replace` for the targets that have none")
    if quarantines(job):
        message = f"`on_bad_row: quarantine` needs an engine with transactions, and {job.dialect.name} has none"
        raise ProgramError(message, "set `on_bad_row: fail` for the targets that have none")


def adds(job: Job) -> bool:
    """Whether the load adds to a table that stands."""
    assert job.node.ingest is not None
    new = job.node.ingest.load != "replace" and (not job.full_refresh or keeps_history(job))  # versions are never thrown away
    return new and job.existing is not None and job.existing.kind == "table"


_LONGER = ("is longer than `widths` say", "are longer than `widths` say")


def _check_lines(job: Job, files: Sequence[FileInfo], format: str, options: Options) -> Steps[None]:
    """Raise ProgramError for a line that the step's pattern does not match, or its widths do not hold."""
    if format not in ("lines", "fixed") or job.dry:
        return
    for file in files:
        lines = reading(job).files([file.read], format, {**options, "infer": "lines"}, {})
        found = yield from ask(job, Statement(f"select min(n), count(*) from {lines} where not fits", role="query"))
        line, count = found.rows[0]
        if count:
            each, all = ("does not match `pattern`", "do not match `pattern`") if format == "lines" else _LONGER
            first = f"line {line:,} of {file.name} {each}"
            message = first if count == 1 else f"{count:,} lines of {file.name} {all}, of which line {line:,} is the first"
            raise ProgramError(
                message, f"correct the file, or `{'pattern' if format == 'lines' else 'widths'}:`", file=file.path, line=line
            )


def _brought(job: Job, files: Sequence[FileInfo]) -> tuple[FileInfo, ...]:
    """Files as the engine reads them, without the bad rows that are put aside."""
    parts = files if job.bring is None else job.bring(files)
    return tuple(replace(part, good=job.sifted.get(part.path)) for part in parts)


def _new(job: Job) -> Steps[tuple[Sequence[FileInfo], str, Options, Mapping[str, str]]]:
    """The files whose rows are to come into the table, as the engine reads them; and what there is to know of them."""
    files = _brought(job, fresh_files(job, (yield from _known(job))) if adds(job) else job.files)
    return (files, *_options(replace(job, files=files))) if files else ((), "", {}, {})


def _known(job: Job) -> Steps[Known]:
    """The files that were loaded before. One of fetched records is of this load alone."""
    if job.records is not None or job.full_refresh:
        return {}
    return (yield from loaded_files(job))


def _load(job: Job) -> Program:
    if adds(job):
        return (yield from built(job, _add(job)))
    parts = _brought(job, job.files)
    return (yield from _by_their_names(parts, _whole(job, replace(job, files=parts))))


def _whole(job: Job, read: Job) -> Program:
    """The rows of all files, as they are `read`, in place of the table's."""
    assert job.node.ingest is not None
    format, options, types = _options(read)
    looks = look_at(read, read.files, format, options)
    yield from _check_lines(read, read.files, format, options)
    found, agreed = None, dict[str, str]()
    asked = {key for key in _OF_COLUMNS if job.node.ingest.step.get(key)}
    if format == "json" and asked == {"on_bad_row"}:  # of a record that is bad it says nothing
        outcome = yield from at_once(read, format, options, types, looks, lambda rows: _replace(job, rows, None))
        if outcome is not None:
            return outcome
    if len(read.files) > 1 or asked:
        found, options, types, agreed = yield from _fitted(read, format, options, types)
    chosen = found.chosen if found is not None and _picks(job, found) else None
    return (yield from whole(read, format, options, types, lambda rows: _replace(job, rows, found), chosen=chosen, agreed=agreed))


def _fitted(
    job: Job, format: str, options: Options, types: Mapping[str, str]
) -> Steps[tuple[Fit, Options, dict[str, str], dict[str, str]]]:
    """How the columns of all files go into a table of their own, the options by which the files are read, the types that are given to the
    columns, and those that the files agree on where some are empty, or some have fields that are left out."""
    described, options = yield from described_files(job, job.files, format, options)
    check_records(job, format, described)
    agreed = yield from agreed_types(job, described, format, options, types)
    found = fit(job, [(f.name, c) for f, c in described], None)
    within, notes = first_fields(job, _chosen_of(described, found, types))
    found = replace(found, notes=(*found.notes, *notes))
    if infers(format, options):
        inferred = {**(yield from types_of(job, described, format, options)), **agreed}
        options, _ = yield from exact(job, job.files, options, read_types(job, types), types, inferred=inferred, within=within)
        agreed = {}
    elif within:
        of_files = yield from types_of(job, described, format, options)
        agreed |= {name: narrowed(of_files[name], type) for name, type in within.items()}
    return found, options, {**_left(found, format, (c.name for _, columns in described for c in columns)), **types}, agreed


def _chosen_of(described: Files, found: Fit, types: Mapping[str, str]) -> Files:
    """Of each file the columns that are taken, without those whose types are declared."""
    taken = {source for source, _ in found.chosen} - set(types)
    return [(file, [c for c in columns if c.name in taken]) for file, columns in described]


def inspect_files(job: Job) -> Steps[tuple[str, Fit]]:
    """A query, for whatever reads the step's files, that gives their rows as the table would get them if it were made now; and how the
    columns go into it."""
    assert job.node.ingest is not None
    if not job.files:
        raise no_files(job)
    parts = _brought(job, job.files)
    return (yield from _by_their_names(parts, _inspected(replace(job, files=parts))))


def _inspected(job: Job) -> Steps[tuple[str, Fit]]:
    format, options, types = _options(job)
    looks = look_at(job, job.files, format, options)
    yield from _check_lines(job, job.files, format, options)
    found, options, types, agreed = yield from _fitted(job, format, options, types)
    select = yield from typed(job, format, options, types, looks, agreed)
    return picked(job, select, found.chosen), found


def no_files(job: Job) -> ProgramError:
    """What there is to say of a step whose path matches nothing."""
    assert job.node.ingest is not None
    path = job.node.ingest.source["path"]
    help = (
        "check `path:`, and whether the connection may see what is there"
        if is_remote(path)
        else "check `path:`, which starts at the project root"
    )
    return ProgramError(f"no file matches {shown_path(path)}", help)


def _picks(job: Job, found: Fit) -> bool:
    """Whether the step takes other columns than files have, or by other names."""
    assert job.node.ingest is not None
    step = job.node.ingest.step
    return changes(job) == "discard" or bool(step.get("exclude")) or any(source != final for source, final in found.chosen)


def _options(job: Job) -> tuple[str, Options, dict[str, str]]:
    """The format of the files, its options, and the types of columns that the configuration names (as files call them)."""
    info = job.node.ingest
    assert info is not None
    given = info.source.get("format")
    if given:
        format, options = str(given), file_format(job.files[0].path)[1]
    else:
        format, options = told_format(job)
    format = "parquet" if format in TURNED else format
    options |= {key: info.source[key] for key in ("delimiter", "header", "null", "widths") if key in info.source}
    if "pattern" in info.source:
        options |= {"pattern": info.source["pattern"], "columns_of": list(re.compile(info.source["pattern"]).groupindex)}
    if job.records is not None and job.records.types:
        options["columns"] = job.records.types
    called = {final: source for source, final in (info.step.get("rename") or {}).items()}
    types = {called.get(name, name): type for name, type in given_types(job.node).items()}
    return format, options, {**types, **dict.fromkeys(info.step.get("hash") or (), "VARCHAR")}


def _replace(job: Job, rows: Rows, found: Fit | None) -> Program:
    assert job.node.ingest is not None
    told = found.notes if found is not None else ()
    if job.node.ingest.load == "append" and not job.dialect.capabilities.transactional_ddl:
        assert not isinstance(rows, str)  # no such engine reads files by itself
        return replace((yield from _begin_with(job, rows)), told=told)
    outcome = yield from build_table(job, rows, lambda: check_unchanged(job, job.files))
    count = outcome.rows
    if job.node.ingest.load in ("merge", "delete+insert", "history"):
        assert found is not None
        names = [landing(job, final) for _, final in found.chosen]
        gone = yield from settle(job, job.relation, matched_by(job, names), cursor_of(job, names))
        count = count - gone if count is not None else None
        if keeps_history(job):
            yield from dated(job, names)
    aside = yield from rows_together(job, _written_down(job, job.files, count, None))
    if job.records is not None and found is not None:
        yield from arrived_up_to(job, job.relation, [landing(job, final) for _, final in found.chosen])
    outcome = replace(outcome, kind="load", rows=count, files=_counted(job, job.files), told=told, quarantined=aside)
    return (yield from unnested(job, outcome, fields_of(job, rows)))


def _counted(job: Job, files: Sequence[FileInfo]) -> int | None:
    """How many files people gave."""
    return len(files) if job.records is None else None


def _written_down(job: Job, files: Sequence[FileInfo], rows: int | None, forget: Sequence[str] | None) -> Steps[int | None]:
    """Put the bad rows of the load aside, and write down what was loaded, in place of what was kept of the files in `forget` (None: of
    all). Gives the number of bad rows."""
    aside = yield from put_aside(job, forget)
    yield from record_load(job, files if job.records is None else (), rows, forget=forget)
    return aside


def _begin_with(job: Job, rows: Source) -> Program:
    """The first rows of a table that later loads add to, where making a table commits by itself: what stands there at any moment agrees
    with what is written down, so that no file is ever loaded twice or left out. A table of other columns is emptied before it goes."""
    dialect, existing = job.dialect, job.existing
    columns = loaded_columns(job, rows.fields)
    create = dialect.create_table(job.relation, columns, job.config)
    same = stands_alike(job, columns)
    clear = () if existing is None else _emptied(job, existing)
    if existing is not None and not same:
        yield from rows_together(job, send(clear))
        yield from (in_place(job, (create,), Outcome(kind="load")))
    elif existing is None:
        yield create
    body = _loaded(job, rows, [c.name for c in columns], job.files, before=clear if same else ())
    return replace((yield from rows_together(job, body)), made=(CatalogTable(job.relation, "table"),))


def _emptied(job: Job, existing: CatalogTable) -> tuple[Statement, ...]:
    """The statements that delete a table's rows and what is written down of its loads."""
    return (emptied(job), forgotten(job)) if existing.kind == "table" else (forgotten(job),)


def _loaded(
    job: Job,
    rows: Rows,
    names: Sequence[str],
    files: Sequence[FileInfo],
    *,
    columns: Sequence[CatalogColumn] = (),
    before: Sequence[Statement] = (),
    again: Sequence[str] = (),
    types: Mapping[str, str] | None = None,
) -> Program:
    """The rows brought in and written down, in place of what was written of the files that come `again`; `types` are what their columns are
    read as, by their names in the table."""
    yield from send(before)
    job = yield from following(job, [(c.name, c.type) for c in columns], types or {})
    bring = bring_in if job.records is None and not keeps_history(job) else arrived
    written, gone = yield from bring(job, rows, names, columns)
    check_unchanged(job, files)
    aside = yield from _written_down(job, files, written, again)
    outcome = Outcome(kind="load", rows=written, changed=gone, files=_counted(job, files), quarantined=aside)
    return (yield from beside(job, outcome))


def _add(job: Job) -> Program:
    """What is new among the files, into the table that stands."""
    assert job.existing is not None
    known = yield from _known(job)
    fresh = fresh_files(job, known)
    if not fresh:
        return Outcome(kind="load", rows=0, files=0)
    parts = _brought(job, fresh)
    return (yield from _by_their_names(parts, _added(job, replace(job, files=parts), fresh, known)))


def _added(job: Job, parted: Job, files: Sequence[FileInfo], known: Known) -> Program:
    """The rows of files that are new, as they are read (`parted`), into the table that stands."""
    assert job.existing is not None
    fresh = parted.files
    format, options, types = _options(parted)
    look_at(job, fresh, format, options)
    yield from _check_lines(job, fresh, format, options)
    described, options = yield from described_files(job, fresh, format, options)
    check_records(job, format, described)
    parts = [(f.name, c) for f, c in described]
    found = fit(job, parts, of_source(job))
    there = {c.name for _, columns in described for c in columns}
    types = {name: type for name, type in types.items() if name in there}  # a file may lack what is declared
    own = [(source, name) for source, name in found.chosen if source not in found.added and source not in types]
    of_table = {source: reading_type(job, name) for source, name in own}
    given = {**of_table, **types} if infers(format, options) else types  # what the table says need not be agreed on
    agreed = yield from agreed_types(job, described, format, options, given)
    of_files = {**(yield from types_of(job, described, format, options)), **agreed}
    if changes(job) == "fail" and format != "csv":
        check_fields(job, described, of_table, str(job.relation))
    if changes(job) == "evolve" and infers(format, options):
        of_files = yield from without_rounding(job, fresh, options, of_files, of_table)
    job = yield from with_items(job, {name: of_files[source] for source, name in found.chosen if source not in types})
    job, notes = yield from _with_fields(job, found, of_files, format, types)
    kept = {source: reading_type(job, name) for source, name in own}
    if infers(format, options):
        yield from check_against(job, described, options, kept, of_files)
    else:
        yield from check_kept(job, fresh, format, options, kept, of_files)
    differing = {name: type for name, type in kept.items() if format == "csv" or type != of_files[name]}
    read: Mapping[str, str] = {**agreed, **differing, **read_types(job, types)}
    if infers(format, options):
        options, read = yield from exact(job, fresh, options, read_types(job, types), types, inferred=of_files, kept=kept)
        of_files |= {name: options["columns"][name] for name in found.added if name not in types}
    columns, more = yield from _grown(job, found, fresh, format, options, of_files, types)
    yield from check_declared(job, fresh, format, options, types)
    read = {**_left(found, format, of_files), **read, **more}
    rows = rows_of(job, scan(reading(job), fresh, format, whole_numbers(job, options, types), read), found.chosen)
    changed = [f.name for f in files if f.name in known]
    read_as = {name: of_files[source] for source, name in found.chosen}
    body = _loaded(job, rows, [name for _, name in found.chosen], files, columns=columns, again=changed, types=read_as)
    outcome = yield from rows_together(job, body)
    return replace(outcome, made=(CatalogTable(job.relation, "table", tuple(columns)),), told=(*found.notes, *notes))


def _with_fields(
    job: Job, found: Fit, of_files: Mapping[str, str], format: str, types: Mapping[str, str]
) -> Steps[tuple[Job, list[str]]]:
    """The job of a table whose nested columns have the fields that are new in these files, where new columns are added too; and what there is
    to say of fields that are added or left out."""
    assert job.existing is not None
    if changes(job) == "fail" or format == "csv" or job.reader is not None:
        return job, []
    sources = {name: source for source, name in found.chosen if source not in types and source not in found.added}
    columns, new = list[CatalogColumn](), list[str]()
    for column in job.existing.columns:
        before = column.type or ""
        of_file = of_files[sources[column.name]] if column.name in sources else before
        fields = beyond(column.name, of_file, before)
        if fields and changes(job) == "evolve":
            column = replace(column, type=widened(before, of_file))
            yield job.dialect.alter_type(job.relation, Column(column.name, column.type))
        columns.append(column)
        new += fields
    what = "new" if changes(job) == "evolve" else "left out"
    notes = [f"{what}: {listed([f'`{field}`' for field in new], 8)}"] if new else []
    return replace(job, existing=replace(job.existing, columns=tuple(columns))), notes


def _grown(
    job: Job,
    found: Fit,
    files: Sequence[FileInfo],
    format: str,
    options: Options,
    of_files: Mapping[str, str],
    types: Mapping[str, str],
) -> Steps[tuple[list[CatalogColumn], dict[str, str]]]:
    """The table's columns, once it has got those that are new to it; and what these are read as."""
    assert job.existing is not None
    columns = list(job.existing.columns)
    if not found.added:
        return columns, {}
    read: Mapping[str, str] = {**of_files, **types}
    if format == "csv":
        read = yield from settled(job, files, options, read_types(job, types))
    declared = given_types(job.node)
    for source, final in found.chosen:
        if source in found.added:
            column = added_column(job, landing(job, final), read[source], declared.get(final))
            yield job.dialect.add_column(job.relation, Column(column.name, column.type))
            columns.append(column)
    return columns, {name: read[name] for name in found.added} if format == "csv" else {}


def _left(found: Fit, format: str, there: Iterable[str]) -> dict[str, str]:
    """What the columns of CSV files that are not taken are read as: no value of theirs can be wrong."""
    taken = {source for source, _ in found.chosen}
    return dict.fromkeys((name for name in there if name not in taken), "VARCHAR") if format == "csv" else {}


def fresh_files(job: Job, known: Known) -> list[FileInfo]:
    """The job's files that are not among those `known` to be loaded; where rows take the place of others, also those that changed since.
    Raises ProgramError for a changed file of a step that appends."""
    assert job.node.ingest is not None
    appends = job.node.ingest.load == "append"
    fresh = []
    for file in job.files:
        before = known.get(file.name)
        if before is None:
            fresh.append(file)
        elif before[:2] != (file.size, file.mtime) and job.digest is not None and job.digest(file) != before[2]:
            if appends:
                raise ProgramError(
                    f"{file.name} changed since it was loaded",
                    f"a step with `load: append` loads a file once; {again(job)}",
                )
            fresh.append(file)
    return fresh
