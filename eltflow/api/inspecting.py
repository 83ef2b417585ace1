"""What ingestion steps would load, asked of their sources alone: nothing is written, and the target is not opened."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from eltflow.api.compiling import files_of
from eltflow.api.connections import calls, check_connections, opened_files, opened_records, opened_table, unpacked_files
from eltflow.api.explain import program_problem, warehouse_problem
from eltflow.api.hashing import hashes
from eltflow.api.loading import Loaded
from eltflow.base.diagnostics import MASK, EltflowError, fail
from eltflow.base.names import did_you_mean
from eltflow.base.plurals import counted
from eltflow.base.records import dataclass, replace
from eltflow.compile.materialize.fetched import asked
from eltflow.compile.materialize.hashed import check_hashing
from eltflow.compile.materialize.ingest import inspect_files
from eltflow.compile.materialize.relation import loaded_columns
from eltflow.compile.materialize.tables import inspect_tables
from eltflow.compile.privacy import personal_values
from eltflow.compile.program import FileInfo, Hashing, Job, ProgramError, RecordSource, Steps
from eltflow.ingest.files import file_reader
from eltflow.ingest.looks import inspect
from eltflow.ingest.remote import OpenedFiles
from eltflow.ingest.tables import OpenedTable
from eltflow.project.nodes import Node
from eltflow.transfer import Field, first_rows
from eltflow.warehouse.catalog import Catalog
from eltflow.warehouse.values import Statement, WarehouseError


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedColumn:
    """A column of a load: its name in the source and in the table, the type (as DuckDB spells it) that its values come as, and the
    table's, if it were made now."""

    source: str
    name: str
    read_as: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """What a step would load: how its rows come into the target, in words; its columns; what people should know about them (what is
    lost, left out or filled); and its first rows, values of personal columns masked."""

    node: Node
    path: str
    columns: tuple[LoadedColumn, ...]
    notes: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...] = ()


def preview(loaded: Loaded, name: str, rows: int = 10) -> Inspected:
    """What a step would load, with its first rows. Raises EltflowError (E0214 for what is no step)."""
    steps = [node for node in loaded.graph.nodes.values() if node.ingest is not None]
    node = next((n for n in steps if name in (n.unique_id, n.name, n.display)), None)
    if node is None:
        other = next((n for n in loaded.graph.nodes.values() if name in (n.unique_id, n.name)), None)
        what = f"`{name}` is a {other.resource_type}, and no ingestion step" if other is not None else f"there is no step `{name}`"
        raise fail(
            "E0214", what, help=did_you_mean(name, [n.name for n in steps]) or "eltflow ls --resource-type ingest lists them"
        )
    if node.ingest is not None and node.unnests:
        step, column = node.ingest.source["step"], node.ingest.source["column"]
        message = f"`{node.name}` is no step of its own: it holds the items of `{column}` in what `{step}` loads"
        raise fail("E0214", message, help=f"eltflow ingest --preview {step}")
    return inspect_steps(loaded, [node.unique_id], rows)[0]


def inspect_steps(loaded: Loaded, ids: Sequence[str], rows: int = 0) -> tuple[Inspected, ...]:
    """What steps would load into tables made now, with so many rows of each. Raises EltflowError with what every one would stop at."""
    nodes = [node for i in ids if not (node := loaded.graph.nodes[i]).unnests]
    check_connections(loaded, nodes)
    found, failed = [], []
    for node in nodes:
        try:
            found.append(_inspected(loaded, node, rows))
        except ProgramError as error:
            failed.append(program_problem(loaded, node, error))
        except WarehouseError as error:
            failed.append(warehouse_problem(loaded, node, None, error, None, Catalog(loaded.adapter.dialect.fold)))
    if failed:
        stopped = EltflowError(failed)
        stopped.exit_code = 1
        raise stopped
    return tuple(found)


def _inspected(loaded: Loaded, node: Node, rows: int) -> Inspected:
    assert node.relation is not None
    dialect = loaded.adapter.dialect
    reader = None if dialect.capabilities.reads_files else file_reader()
    files = files_of(loaded, node)
    job = Job(node=node, relation=node.relation, dialect=dialect, run="", files=files, inspect=inspect, reader=reader)
    check_hashing(job)
    job = replace(job, hashing=Hashing(file_reader(), lambda text: MASK) if hashes(node) else None)
    tables = opened_table(loaded, node)
    records = opened_records(loaded, node, some=True)
    elsewhere = opened_files(loaded, node)
    unpacked = unpacked_files(node, elsewhere)
    if unpacked is not None:
        with contextlib.closing(unpacked):
            job = replace(job, bring=unpacked.bring)
            made = _of_remote(job, elsewhere, rows) if elsewhere is not None else _of_files(job, rows)
    elif tables is not None:
        made = _of_table(job, tables, rows)
    elif records is not None:
        made = _of_records(job, records, rows)
    else:
        raise AssertionError("every step has one kind of source")
    reach = personal_values(node, loaded.personal)
    hidden = [reach.unsure or column.name.lower() in reach.names for column in made.columns]
    masked = tuple(tuple(MASK if hide and v is not None else v for hide, v in zip(hidden, row, strict=True)) for row in made.rows)
    return replace(made, rows=masked)


def inspect_files_of(loaded: Loaded, node: Node, files: tuple[FileInfo, ...]) -> Inspected:
    """What a step of these files would load, none of its rows. Raises ProgramError, WarehouseError."""
    assert node.relation is not None
    dialect = loaded.adapter.dialect
    reader = None if dialect.capabilities.reads_files else file_reader()
    job = Job(node=node, relation=node.relation, dialect=dialect, run="", files=files, inspect=inspect, reader=reader)
    unpacked = unpacked_files(node)
    if unpacked is None:
        return _of_files(job, 0)
    with contextlib.closing(unpacked):
        return _of_files(replace(job, bring=unpacked.bring), 0)


def _of_table(job: Job, tables: OpenedTable, rows: int) -> Inspected:
    with contextlib.closing(tables):
        columns, notes, source = inspect_tables(replace(job, tables=tables))
        return Inspected(
            node=job.node,
            path=f"{tables.where}: read as text under the types of its catalogue, and taken in by {job.dialect.name}'s bulk load",
            columns=_columns(job, [kept.name for kept, _ in columns], source.fields),
            notes=tuple(notes),
            rows=tuple(first_rows(source, rows)) if rows else (),
        )


def _of_remote(job: Job, elsewhere: OpenedFiles, rows: int) -> Inspected:
    """By the first of the files alone."""
    with contextlib.closing(elsewhere):
        files = elsewhere.files()
        found = _of_files(replace(job, files=files[:1]), rows)
        how = found.path.partition(": ")[2].replace(" itself", "")
        return replace(found, path=f"{counted(len(files), 'file')}, of which the first was looked at: fetched, and {how}")


def _of_records(job: Job, records: RecordSource, rows: int) -> Inspected:
    """By the records of the first answer alone, or the first of a function."""
    with contextlib.closing(records):
        files = records.fetch(asked(job, None))
        if not files:
            message = f"{records.where} gives no records, and so the columns are not known"
            raise ProgramError(message, "look again when there are some, or correct what the step asks for", place=("source",))
        found = _of_files(replace(job, files=tuple(files), records=records), rows)
        taken = "read by" if job.reader is None else "read here, and taken in by the bulk load of"
        what = "what it gives is" if calls(job.node) else "its answers are"
        path = f"{records.where}: {what} kept in a file, and {taken} {job.dialect.name}"
        return replace(found, path=path, notes=(*records.told, *found.notes))


def _of_files(job: Job, rows: int) -> Inspected:
    reader = file_reader()
    select, found = _answered(inspect_files(job), reader)
    fields = [Field(c.name, str(c.type)) for c in reader.query(reader.dialect.describe(select)).columns]
    count = counted(len(job.files), "file")
    turned = job.bring is not None and {part.path for part in job.bring(job.files)} != {file.path for file in job.files}
    how = (
        f"{'unpacked or turned into Parquet here, and ' if turned else ''}read by {job.dialect.name}{'' if turned else ' itself'}"
        if job.reader is None
        else f"read here, and taken in by {job.dialect.name}'s bulk load"
    )
    shown = Statement(f"select * from (\n{select}\n) as eltflow_shown limit {rows}", role="query")
    return Inspected(
        node=job.node,
        path=f"{count}: {how}",
        columns=_columns(job, [source for source, _ in found.chosen], fields),
        notes=found.notes,
        rows=tuple(tuple(row) for row in reader.query(shown).rows) if rows else (),
    )


def _answered(steps: Steps[Any], reader: Any) -> Any:
    """What steps that only ask something of files come to."""
    try:
        statement = next(steps)
        while True:
            statement = steps.send(reader.query(statement))
    except StopIteration as end:
        return end.value


def _columns(job: Job, sources: Sequence[str], fields: Sequence[Field]) -> tuple[LoadedColumn, ...]:
    made = loaded_columns(job, fields)
    return tuple(
        LoadedColumn(source=source, name=column.name, read_as=field.type, type=str(column.type))
        for source, field, column in zip(sources, fields, made, strict=True)
    )
