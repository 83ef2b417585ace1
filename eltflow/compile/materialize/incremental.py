"""Incremental models: the first run builds the table, later runs bring in what the query gives then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eltflow.base.names import listed
from eltflow.compile.materialize.relation import build_table, described, hooked
from eltflow.compile.program import Job, Outcome, Program, ProgramError, Steps, transaction
from eltflow.project.config import as_list
from eltflow.warehouse.values import CatalogTable, Column, Relation


def incremental(job: Job) -> Program:
    """Create on the first run (or when what stands there is no table, or on a full refresh); bring in new rows on the next ones."""
    if job.existing is None or job.existing.kind != "table" or job.full_refresh:
        return (yield from hooked(job, build_table(job)))
    return (yield from hooked(job, transaction(job.dialect, _increment(job))))


@dataclass(frozen=True, slots=True)
class _Change:
    """How the query's columns differ from the table's."""

    added: tuple[Column, ...]
    removed: tuple[str, ...]
    retyped: tuple[Column, ...]


def _increment(job: Job) -> Program:
    assert job.existing is not None
    strategy = chosen_strategy(job)
    keys = [k for k in dict.fromkeys(as_list(job.config.get("unique_key"))) if k]
    columns = [c.name for c in job.existing.columns]
    mode = job.config.get("on_schema_change") or "ignore"
    made = job.existing
    if mode != "ignore" or not columns:
        described_query = yield job.dialect.describe(job.sql)
        change = _compare(job, described_query.columns)
        columns = yield from _follow(job, mode, change, columns)
        made = CatalogTable(job.relation, "table")
    if strategy == "append" or not keys:
        result = yield job.dialect.insert_select(job.relation, columns, _select(job, columns))
        yield from described(job, "table")
        return Outcome(kind="append", rows=result.affected, made=(made,))
    staged = yield from _stage(job)
    outcome = yield from (_merge if strategy == "merge" else _delete_insert)(job, staged, keys, columns)
    yield job.dialect.drop(staged)
    yield from described(job, "table")
    return Outcome(kind=outcome.kind, rows=outcome.rows, changed=outcome.changed, made=(made,))


def chosen_strategy(job: Job) -> str:
    """The strategy that the model asks for, or the engine's first. Raises ProgramError for one that the engine lacks."""
    known = job.dialect.capabilities.incremental_strategies
    asked = job.config.get("incremental_strategy")
    if asked is not None and asked not in known:
        raise ProgramError(f"{job.dialect.name} has no incremental strategy `{asked}`", f"it has: {', '.join(known)}")
    strategy = str(asked or known[0])
    if strategy == "merge" and not as_list(job.config.get("unique_key")):
        return "append"
    return strategy


def _select(job: Job, columns: Sequence[str]) -> str:
    return f"select {job.dialect.columns(columns)} from (\n{job.sql}\n) as eltflow_new"


def _stage(job: Job) -> Steps[Relation]:
    staged = job.temporary()
    yield job.dialect.create_temporary_as(staged, job.sql)
    return staged


def _delete_insert(job: Job, staged: Relation, keys: Sequence[str], columns: Sequence[str]) -> Program:
    predicates = as_list(job.config.get("incremental_predicates"))
    deleted = yield job.dialect.delete_matching(job.relation, staged, keys, predicates)
    inserted = yield job.dialect.insert_from(job.relation, columns, staged)
    return Outcome(kind="delete+insert", rows=inserted.affected, changed=deleted.affected)


def _merge(job: Job, staged: Relation, keys: Sequence[str], columns: Sequence[str]) -> Program:
    only, without = as_list(job.config.get("merge_update_columns")), as_list(job.config.get("merge_exclude_columns"))
    if only and without:
        raise ProgramError("`merge_update_columns` and `merge_exclude_columns` exclude each other", "keep one of them")
    fold = job.dialect.fold
    excluded = {fold(c, True) for c in without}
    wanted = {fold(c, True) for c in only} if only else None
    update = [c for c in columns if fold(c, True) not in excluded and (wanted is None or fold(c, True) in wanted)]
    predicates = as_list(job.config.get("incremental_predicates"))
    merged = yield job.dialect.merge(job.relation, staged, keys, columns, update, predicates)
    return Outcome(kind="merge", rows=merged.affected)


def _compare(job: Job, now: Sequence[Column]) -> _Change:
    assert job.existing is not None
    fold = job.dialect.fold
    before = {fold(c.name, True): c for c in job.existing.columns}
    after = {fold(c.name, True): c for c in now}
    return _Change(
        added=tuple(c for key, c in after.items() if key not in before),
        removed=tuple(c.name for key, c in before.items() if key not in after),
        retyped=tuple(c for key, c in after.items() if key in before and c.type is not None and before[key].type != c.type),
    )


def _follow(job: Job, mode: str, change: _Change, columns: list[str]) -> Steps[list[str]]:
    """Bring the table's columns after the query's, as `on_schema_change` says; gives the columns to write."""
    if mode == "fail" and (change.added or change.removed or change.retyped):
        parts = [
            f"{what}: {listed(names, 8)}"
            for what, names in (
                ("new", [c.name for c in change.added]),
                ("gone", change.removed),
                ("of another type", [c.name for c in change.retyped]),
            )
            if names
        ]
        raise ProgramError(
            f"the columns of `{job.node.name}` changed ({'; '.join(parts)})",
            "build it with --full-refresh, or set on_schema_change to append_new_columns or sync_all_columns",
        )
    if mode in ("append_new_columns", "sync_all_columns"):
        for column in change.added:
            yield job.dialect.add_column(job.relation, column)
        columns = [*columns, *(c.name for c in change.added)]
    if mode == "sync_all_columns":
        for name in change.removed:
            yield job.dialect.drop_column(job.relation, name)
        for column in change.retyped:
            yield job.dialect.alter_type(job.relation, column)
    gone = {job.dialect.fold(name, True) for name in change.removed}
    return [c for c in columns if job.dialect.fold(c, True) not in gone]
