"""Seeds and ingestion steps: files into tables, read by the engine itself where it can, and sent to it where it cannot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from eltflow.base.names import listed
from eltflow.compile.materialize.relation import Rows, build_table, built, declared_types, loaded_columns, single
from eltflow.compile.program import FileInfo, Job, Outcome, Program, ProgramError, Steps
from eltflow.transfer import Files
from eltflow.warehouse.values import Column, Relation, Statement

META = "eltflow_meta"
FILE_COLUMNS = (
    Column("relation", "varchar"),
    Column("path", "varchar"),
    Column("size", "bigint"),
    Column("mtime_ns", "bigint"),
    Column("hash", "varchar"),
    Column("load_id", "varchar"),
)
LOAD_COLUMNS = (
    Column("load_id", "varchar"),
    Column("relation", "varchar"),
    Column("step", "varchar"),
    Column("files", "bigint"),
    Column("rows", "bigint"),
    Column("loaded_at", "timestamp with time zone"),
)


def file_format(path: str) -> tuple[str, dict[str, object]]:
    """The format that a file's name tells, and options that go with it."""
    name = path.lower()
    for suffix in (".gz", ".zst", ".zstd"):
        name = name.removesuffix(suffix)
    if name.endswith(".parquet"):
        return "parquet", {}
    if name.endswith((".json", ".jsonl", ".ndjson")):
        return "json", {}
    return "csv", {"delimiter": "\t"} if name.endswith(".tsv") else {}


def seed(job: Job) -> Program:
    """The file's rows as a table, put in place of what stands there."""
    (file,) = job.files
    format, options = file_format(file.path)
    if job.config.get("delimiter"):
        options["delimiter"] = job.config["delimiter"]
    rows = _rows(job, [file], format, {**options, "infer": "all"}, declared_types(job))
    return (yield from built(job, _load(job, rows), alone=single(job, rows)))


def _load(job: Job, rows: Rows) -> Program:
    outcome = yield from build_table(job, rows)
    check_unchanged(job, job.files)
    return replace(outcome, kind="seed")


def _rows(job: Job, files: Sequence[FileInfo], format: str, options: dict[str, object], types: dict[str, str]) -> Rows:
    """A query over the files, or the files opened, where the engine cannot read any. Columns with a type of their own are then sent as
    they are written: the engine knows best what that type takes."""
    if format == "csv" and job.inspect is not None and options.get("header", True):
        for file in files:
            job.inspect(file, str(options.get("delimiter") or ","))
    item = job.dialect.files([f.path for f in files], format, options, types)
    if item is None:
        assert job.read is not None
        paths = tuple(f.path for f in files)
        return job.read(Files(paths=paths, format=format, options=options, texts=tuple(types)))
    casts = ""
    if types and format != "csv":
        kept = ", ".join(f"cast({job.dialect.quote(c)} as {t}) as {job.dialect.quote(c)}" for c, t in types.items())
        casts = f" replace ({kept})"
    return f"select *{casts} from {item}"


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
    whole = info.load != "append" or job.full_refresh
    return (yield from built(job, _replace(job) if whole else _append(job)))


def _options(job: Job) -> tuple[str, dict[str, object], dict[str, str]]:
    info = job.node.ingest
    assert info is not None
    format, options = file_format(job.files[0].path)
    for key in ("delimiter", "header", "null"):
        if key in info.source:
            options[key] = info.source[key]
    return str(info.source.get("format") or format), options, declared_types(job)


def _replace(job: Job) -> Program:
    format, options, types = _options(job)
    outcome = yield from build_table(job, _rows(job, job.files, format, options, types))
    check_unchanged(job, job.files)
    yield from _record(job, job.files, outcome.rows, forget=True)
    return replace(outcome, kind="load", files=len(job.files))


def _append(job: Job) -> Program:
    if job.existing is None or job.existing.kind != "table":
        return (yield from _replace(job))
    known = yield from _loaded(job)
    fresh = []
    for file in job.files:
        before = known.get(file.name)
        if before is None:
            fresh.append(file)
        elif before[:2] != (file.size, file.mtime) and job.digest is not None and job.digest(file) != before[2]:
            raise ProgramError(
                f"{file.name} changed since it was loaded",
                f"a step with `load: append` loads a file once; load everything again with "
                f"`eltflow ingest --select {job.node.name} --full-refresh`",
            )
    if not fresh:
        return Outcome(kind="load", rows=0, files=0)
    format, options, types = _options(job)
    rows = _rows(job, fresh, format, options, types)
    # The table's types, not those that these files alone suggest: `007` stays text where the table has text.
    if isinstance(rows, str):
        described_files = yield job.dialect.describe(rows)
        columns = _same_columns(job, described_files.columns, fresh)
        kept = {**_types_of_table(job, described_files.columns), **types}
        select = _rows(job, fresh, format, options, kept)
        source = f"select {job.dialect.columns(columns)} from (\n{select}\n) as eltflow_new"
        result = yield job.dialect.insert_select(job.relation, columns, source)
    else:
        found = loaded_columns(job, rows)
        _same_columns(job, found, fresh)
        others = _types_of_table(job, found)
        texts = {field.name: "" for field, column in zip(rows.fields, found, strict=True) if column.name in others}
        if texts:
            rows = _rows(job, fresh, format, options, {**texts, **types})
            assert not isinstance(rows, str)
        result = yield job.dialect.load(job.relation, [c.name for c in found], rows)
    check_unchanged(job, fresh)
    yield from _record(job, fresh, result.affected, forget=False)
    return Outcome(kind="load", rows=result.affected, files=len(fresh), made=(job.existing,))


def _types_of_table(job: Job, files: Sequence[Column]) -> dict[str, str]:
    """The table's type for each column of the files, by its name in the files."""
    assert job.existing is not None
    fold = job.dialect.fold
    types = {fold(c.name, True): c.type for c in job.existing.columns}
    return {c.name: types[fold(c.name, True)] for c in files if c.type != types[fold(c.name, True)]}


def _same_columns(job: Job, now: Sequence[Column], files: Sequence[FileInfo]) -> list[str]:
    """The table's columns, if the files have the same. Raises ProgramError: a column is never dropped or left empty in silence."""
    assert job.existing is not None
    fold = job.dialect.fold
    table = {fold(c.name, True): c.name for c in job.existing.columns}
    seen = {fold(c.name, True): c.name for c in now}
    added = [name for key, name in seen.items() if key not in table]
    missing = [name for key, name in table.items() if key not in seen]
    if added or missing:
        parts = [f"{what}: {listed(names, 8)}" for what, names in (("new columns", added), ("missing columns", missing)) if names]
        raise ProgramError(
            f"the columns of {listed([f.name for f in files])} are not those of {job.relation} ({'; '.join(parts)})",
            f"load everything again with `eltflow ingest --select {job.node.name} --full-refresh`",
        )
    return list(table.values())


def _meta(job: Job, name: str) -> Relation:
    return Relation(job.relation.database, META, name)


def _key(job: Job) -> str:
    """What a table's loads are kept under: its name inside the database, which may be renamed or copied with all that it holds."""
    fold = job.dialect.fold
    return job.dialect.render(Relation(None, fold(job.relation.schema or "", True), fold(job.relation.identifier, True)))


def meta_tables(job: Job) -> tuple[Statement, ...]:
    """The statements that make the tables of `eltflow_meta` for loads, if they are not there."""
    return (
        job.dialect.create_schema(job.relation.database, META),
        job.dialect.create_table(_meta(job, "file"), FILE_COLUMNS),
        job.dialect.create_table(_meta(job, "load"), LOAD_COLUMNS),
    )


def _loaded(job: Job) -> Steps[dict[str, tuple[int, int, str]]]:
    """What was loaded before: path → (size, mtime, hash)."""
    dialect = job.dialect
    key = dialect.literal(_key(job))
    result = yield Statement(
        f"select path, size, mtime_ns, hash from {dialect.render(_meta(job, 'file'))} where relation = {key}", role="query"
    )
    return {str(path): (size, mtime, digest) for path, size, mtime, digest in result.rows}


def _record(job: Job, files: Sequence[FileInfo], rows: int | None, *, forget: bool) -> Steps[None]:
    """Write what was loaded, in the transaction that is open; with `forget`, in place of what was written before."""
    dialect, literal = job.dialect, job.dialect.literal
    key = _key(job)
    if forget:
        yield Statement(f"delete from {dialect.render(_meta(job, 'file'))} where relation = {literal(key)}", role="dml")
    load_id = job.run
    values = []
    for file in files:
        digest = job.digest(file) if job.digest is not None else ""
        values.append(f"({', '.join(literal(v) for v in (key, file.name, file.size, file.mtime, digest, load_id))})")
    yield Statement(f"insert into {dialect.render(_meta(job, 'file'))} values {', '.join(values)}", role="dml")
    written = ", ".join(literal(v) for v in (load_id, key, job.node.unique_id, len(files), rows))
    yield Statement(f"insert into {dialect.render(_meta(job, 'load'))} values ({written}, current_timestamp)", role="dml")
