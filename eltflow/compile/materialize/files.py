"""Seeds and ingestion steps: files into tables, read by the engine itself where it can."""

from __future__ import annotations

from collections.abc import Sequence

from eltflow.base.names import listed
from eltflow.compile.materialize.relation import described
from eltflow.compile.program import FileInfo, Job, Outcome, Program, ProgramError, Steps, transaction
from eltflow.warehouse.values import CatalogTable, Column, Relation, Statement

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
    outcome = yield from _load_whole(job, [file], format, options, dict(job.config.get("column_types") or {}))
    for hook in job.compiled.post_hooks if job.compiled is not None else ():
        yield Statement(hook, role="user")
    return Outcome(kind="seed", rows=outcome.rows, made=outcome.made)


def _scan(job: Job, files: Sequence[FileInfo], format: str, options: dict[str, object], types: dict[str, str]) -> str:
    item = job.dialect.files([f.path for f in files], format, options, types)
    if item is None:
        raise ProgramError(f"{job.dialect.name} cannot read files by itself")
    casts = ""
    if types and format != "csv":
        kept = ", ".join(f"cast({job.dialect.quote(c)} as {t}) as {job.dialect.quote(c)}" for c, t in types.items())
        casts = f" replace ({kept})"
    return f"select *{casts} from {item}"


def _load_whole(job: Job, files: Sequence[FileInfo], format: str, options: dict[str, object], types: dict[str, str]) -> Program:
    select = _scan(job, files, format, options, types)
    made = (CatalogTable(job.relation, "table"),)
    if job.existing is not None and job.existing.kind != "table":
        yield job.dialect.begin()
        yield job.dialect.drop(job.relation, job.existing.kind)
        result = yield job.dialect.create_table_as(job.relation, select)
        yield job.dialect.commit()
    else:
        result = yield job.dialect.create_table_as(job.relation, select, replace=True)
    yield from described(job, "table")
    return Outcome(kind="table", rows=result.affected, made=made)


def ingest(job: Job) -> Program:
    """Load a step's files: all of them in place of the table, or those not loaded before on top of it, exactly once.

    What was loaded is written to `eltflow_meta.file` and `eltflow_meta.load` in the transaction that writes the rows.
    """
    info = job.node.ingest
    assert info is not None
    if not job.files:
        raise ProgramError(f"no file matches {info.source['path']}", "check `path:`, which starts at the project root")
    return (yield from transaction(job.dialect, _append(job) if info.load == "append" and not job.full_refresh else _replace(job)))


def _options(job: Job) -> tuple[str, dict[str, object], dict[str, str]]:
    info = job.node.ingest
    assert info is not None
    format, options = file_format(job.files[0].path)
    for key in ("delimiter", "header", "null"):
        if key in info.source:
            options[key] = info.source[key]
    types = {c.name: c.data_type for c in job.node.columns.values() if c.data_type}
    return str(info.source.get("format") or format), options, {**types, **(info.step.get("column_types") or {})}


def _replace(job: Job) -> Program:
    format, options, types = _options(job)
    select = _scan(job, job.files, format, options, types)
    if job.existing is not None and job.existing.kind != "table":
        yield job.dialect.drop(job.relation, job.existing.kind)
    result = yield job.dialect.create_table_as(job.relation, select, replace=True)
    yield from _record(job, job.files, result.affected, forget=True)
    yield from described(job, "table")
    return Outcome(kind="load", rows=result.affected, files=len(job.files), made=(CatalogTable(job.relation, "table"),))


def _append(job: Job) -> Program:
    known = {} if job.existing is None else (yield from _loaded(job))
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
    select = _scan(job, fresh, format, options, types)
    if job.existing is None:
        result = yield job.dialect.create_table_as(job.relation, select)
    else:
        described_files = yield job.dialect.describe(select)
        columns = _same_columns(job, described_files.columns, fresh)
        result = yield job.dialect.insert_select(job.relation, columns, f"select {job.dialect.columns(columns)} from ({select})")
    yield from _record(job, fresh, result.affected, forget=job.existing is None)
    yield from described(job, "table")
    made = job.existing or CatalogTable(job.relation, "table")
    return Outcome(kind="load", rows=result.affected, files=len(fresh), made=(made,))


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
    key = dialect.literal(str(job.relation))
    result = yield Statement(
        f"select path, size, mtime_ns, hash from {dialect.render(_meta(job, 'file'))} where relation = {key}", role="query"
    )
    return {str(path): (size, mtime, digest) for path, size, mtime, digest in result.rows}


def _record(job: Job, files: Sequence[FileInfo], rows: int | None, *, forget: bool) -> Steps[None]:
    """Write what was loaded, in the transaction that is open; with `forget`, in place of what was written before."""
    dialect, literal = job.dialect, job.dialect.literal
    key = str(job.relation)
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
