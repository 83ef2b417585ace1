"""Incremental models: the first run builds the table, later runs bring in what the query gives then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eltflow.base.names import did_you_mean, listed
from eltflow.base.records import dataclass, replace
from eltflow.compile.materialize.contracted import fulfilled
from eltflow.compile.materialize.narrowing import keeping, narrows
from eltflow.compile.materialize.relation import build_table, built, has_hooks, put_back, set_aside
from eltflow.compile.program import Job, Outcome, Program, ProgramError, Steps, discarded, rows_together, tidily
from eltflow.project.config import as_list
from eltflow.warehouse.dialect import Dialect
from eltflow.warehouse.values import CatalogColumn, CatalogTable, Column, Relation, Result, Statement


def incremental(job: Job) -> Program:
    """Create on the first run (or when what stands there is no table, or on a full refresh); bring in new rows on the next ones."""
    chosen_strategy(job)  # the first run, which needs none, tells what is wrong with it
    named = named_columns(job.config, job.dialect)
    unsure = bool(named) and (job.compiled is None or job.compiled.columns is None)
    if job.existing is None or job.existing.kind != "table" or job.full_refresh:
        if unsure and not has_hooks(job):  # the query may read what a hook makes: then the next run will tell
            told = yield job.dialect.describe(job.sql)
            _check_named(job, named, [c.name for c in told.columns])
        return (yield from built(job, build_table(job)))
    return (yield from built(job, _increment(job, named if unsure else ())))


#: The columns that a model's configuration names: (key, column).
Named = Sequence[tuple[str, str]]


#: The strategies that do not mind a `unique_key`.
_KEYLESS = ("append", "insert_overwrite")


def named_columns(config: Mapping[str, Any], dialect: Dialect) -> Named:
    """The columns that an incremental model's configuration names, of the keys that its strategy minds."""
    strategy = str(config.get("incremental_strategy") or dialect.strategies(config)[0])
    if strategy in _KEYLESS or not any(as_list(config.get("unique_key"))):
        return ()
    keys = ("unique_key", *(("merge_update_columns", "merge_exclude_columns") if strategy == "merge" else ()))
    return tuple((key, str(name)) for key in keys for name in as_list(config.get(key)) if name)


def misnamed(named: Named, columns: Sequence[str], dialect: Dialect) -> tuple[str, str, str] | None:
    """(key, column, help) of the first that a query with these columns lacks: nothing would be matched, or kept from being updated."""
    there = {dialect.fold(c, True) for c in columns}
    for key, name in named:
        if not {dialect.fold(name, True), dialect.fold(name, False)} & there:
            return key, name, did_you_mean(name, columns) or f"there are: {listed(columns, 8)}"
    return None


def _check_named(job: Job, named: Named, columns: Sequence[str]) -> None:
    found = misnamed(named, columns, job.dialect) if columns and not job.dry else None
    if found is not None:
        key, name, help = found
        raise ProgramError(f"`{key}` names the column `{name}`, which the query does not give", help, config=(key, name))


@dataclass(frozen=True, slots=True)
class _Change:
    """How the query's columns differ from the table's."""

    added: tuple[Column, ...]
    removed: tuple[str, ...]
    retyped: tuple[Column, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.retyped)


def _increment(job: Job, unsure: Named) -> Program:
    assert job.existing is not None
    strategy = chosen_strategy(job)
    keys = unique_keys(job)
    yield from fulfilled(job)
    before = yield from _columns(job)
    _check_alike(job, [c.name for c in before])
    mode = job.config.get("on_schema_change") or "ignore"
    change = _Change((), (), ())
    now: Result | None = None
    if mode != "ignore" or unsure:
        now = yield job.dialect.describe(job.sql)
        _check_alike(job, [c.name for c in now.columns])
        _check_named(job, unsure, [c.name for c in now.columns])
        change = _compare(job, before, now.columns) if mode != "ignore" else change
    keys = as_columns(job, keys, [*before, *change.added])
    keyed = bool(keys) and strategy not in _KEYLESS
    if keyed:
        _check_keys(job, keys, [*before, *(change.added if mode in ("append_new_columns", "sync_all_columns") else ())])
    # Rows are staged before the columns change: the query may read a column of the table that is about to go.
    staged = (
        job.dialect.staging(job.temporary()) if keyed or strategy == "insert_overwrite" or (change and mode != "fail") else None
    )
    if staged is None:
        return (yield from _brought_in(job, None, mode, change, before, now, ()))
    body = _brought_in(job, staged, mode, change, before, now, keys if keyed else ())
    outcome = yield from tidily(job, staged, body)
    yield from discarded(job, staged)
    return outcome


def _check_alike(job: Job, columns: Sequence[str]) -> None:
    """Raise ProgramError for columns whose names are one name to us: which one is meant could not be said."""
    seen: dict[str, str] = {}
    for name in columns:
        other = seen.setdefault(job.dialect.fold(name, True), name)
        if other != name:
            message = f"the columns `{other}` and `{name}` of `{job.node.name}` differ in case alone"
            raise ProgramError(message, "give one of them another name: an incremental model matches columns by name")


def _brought_in(
    job: Job,
    staged: Relation | None,
    mode: str,
    change: _Change,
    before: Sequence[CatalogColumn],
    now: Result | None,
    keys: Sequence[str],
) -> Program:
    """The new rows in the table, whose columns follow first; by way of `staged`, where that is given. `now` tells the query's columns,
    if they were asked for."""
    assert job.existing is not None
    if staged is not None:
        yield job.dialect.create_temporary_as(staged, job.sql)
    narrows = mode == "sync_all_columns" and bool(change.removed or change.retyped)
    aside = (yield from set_aside(job)) if narrows else ()
    if job.dialect.capabilities.narrow_literals:
        yield from _widen(job, staged, before, change)
    columns = yield from _follow(job, mode, change, before)
    yield from _fitting(job, staged, mode, change, before, now)
    if staged is None:
        result = yield job.dialect.insert_select(job.relation, columns, _select(job, columns))
        outcome = Outcome(kind="append", rows=result.affected)
    elif chosen_strategy(job) == "insert_overwrite":
        outcome = yield from _overwrite(job, staged, columns)
    elif not keys:
        result = yield job.dialect.insert_from(job.relation, columns, staged)
        outcome = Outcome(kind="append", rows=result.affected)
    elif chosen_strategy(job) == "merge":
        outcome = yield from _merge(job, staged, keys, columns)
    else:
        outcome = yield from rows_together(job, _delete_insert(job, staged, keys, columns))
    outcome = replace(outcome, made=(CatalogTable(job.relation, "table") if change else job.existing,))
    return (yield from put_back(job, aside, outcome))


def _fitting(
    job: Job, staged: Relation | None, mode: str, change: _Change, before: Sequence[CatalogColumn], now: Result | None
) -> Steps[None]:
    """Raise ProgramError for new rows with values that the table's columns would round or cut."""
    if not job.dialect.capabilities.column_types or job.dialect.brought_back("", "", "") is None:
        return
    if now is None:
        now = yield job.dialect.describe(job.sql if staged is None else f"select * from {job.dialect.render(staged)}")
    fold = job.dialect.fold
    given = {fold(c.name, True): c.type for c in now.columns}
    followed = {fold(c.name, True) for c in change.retyped} if mode == "sync_all_columns" else set()
    columns = []
    for column in before:
        type = given.get(fold(column.name, True))
        if type and column.type and fold(column.name, True) not in followed and narrows(type, column.type):
            columns.append((column.name, type, column.type))
    help = "cast the column in the model, or build it with --full-refresh to give the table the type of the query"
    yield from keeping(job, staged or job.sql, columns, help)


def _widen(job: Job, staged: Relation | None, before: Sequence[CatalogColumn], change: _Change) -> Steps[None]:
    """Make the table's columns as wide as the new rows, where `'a'` made one of one character; those that follow the query do so by
    themselves."""
    dialect = job.dialect
    rows = job.sql if staged is None else f"select * from {dialect.render(staged)}"
    now = {dialect.fold(c.name, True): c.type for c in (yield dialect.describe(rows)).columns}
    follow = (
        {dialect.fold(c.name, True) for c in change.retyped} if job.config.get("on_schema_change") == "sync_all_columns" else set()
    )
    for column in before:
        key = dialect.fold(column.name, True)
        type = dialect.widened(column.type, now.get(key) or column.type)
        if type is not None and key not in follow:
            yield dialect.alter_type(job.relation, Column(column.name, type))


def _check_keys(job: Job, keys: Sequence[str], columns: Sequence[Column | CatalogColumn]) -> None:
    """Raise ProgramError for a key that the table has not: it was built before the key was there."""
    there = {job.dialect.fold(c.name, True) for c in columns}
    missing = next((key for key in keys if job.dialect.fold(key, True) not in there), None)
    if missing is not None and not job.dry:
        message = f"`unique_key` names the column `{missing}`, which {job.relation} does not have"
        raise ProgramError(
            message, "build it with --full-refresh, or name a column that the table has", config=("unique_key", missing)
        )


def unique_keys(job: Job) -> list[str]:
    """The columns of `unique_key`, each once; none where it is empty."""
    return [str(k) for k in dict.fromkeys(as_list(job.config.get("unique_key"))) if k]


def as_columns(job: Job, names: Sequence[str], columns: Sequence[Column | CatalogColumn]) -> list[str]:
    """Names from a configuration as the columns that they mean: as written, or else as SQL means them without quotes."""
    fold = job.dialect.fold
    there = {fold(c.name, True): c.name for c in columns}
    found = [there.get(fold(n, True)) or there.get(fold(n, False)) or n for n in map(str, names)]
    return list(dict.fromkeys(found))


def _columns(job: Job) -> Steps[Sequence[CatalogColumn]]:
    """The table's columns now: the catalog's, unless something may have changed them since it was read."""
    assert job.existing is not None
    if job.existing.columns and not (job.compiled is not None and job.compiled.pre_hooks):
        return job.existing.columns
    told = yield job.dialect.describe(f"select * from {job.dialect.render(job.relation)}")
    return [CatalogColumn(c.name, c.type or "") for c in told.columns]


def chosen_strategy(job: Job) -> str:
    """The strategy that the model asks for, or the engine's first. Raises ProgramError for one that the engine lacks, or that lacks
    something itself."""
    known = job.dialect.strategies(job.config)
    asked = job.config.get("incremental_strategy")
    if asked is not None and asked not in known:
        raise ProgramError(f"{job.dialect.name} has no incremental strategy `{asked}`", f"it has: {', '.join(known)}")
    strategy = str(asked or known[0])
    if asked is None and strategy in _KEYLESS and any(as_list(job.config.get("unique_key"))):
        message = f"`{strategy}`, which {job.dialect.name} does unless told, minds no `unique_key`"
        raise ProgramError(message, f"name an `incremental_strategy` ({', '.join(known)}), or take `unique_key` out")
    if strategy == "merge" and not as_list(job.config.get("unique_key")):
        return "append"
    if strategy == "insert_overwrite" and job.dialect.partitions_in(job.relation, job.config) is None:
        raise ProgramError("`insert_overwrite` needs `partition_by`", "set it, or take another `incremental_strategy`")
    return strategy


def _select(job: Job, columns: Sequence[str]) -> str:
    return f"select {job.dialect.columns(columns)} from (\n{job.sql}\n) as eltflow_new"


def _delete_insert(job: Job, staged: Relation, keys: Sequence[str], columns: Sequence[str]) -> Program:
    deleted = yield job.dialect.delete_matching(job.relation, staged, keys, _predicates(job, columns))
    inserted = yield job.dialect.insert_from(job.relation, columns, staged)
    return Outcome(kind="delete+insert", rows=inserted.affected, changed=deleted.affected)


def _check_one_each(job: Job, staged: Relation, keys: Sequence[str]) -> Steps[None]:
    """Raise ProgramError where several new rows would take the place of one, of which the engine keeps any."""
    dialect, new = job.dialect, job.dialect.render(staged)
    doubled = f"select {dialect.columns(keys)} from {new} group by {dialect.columns(keys)} having count(*) > 1"
    if not (yield Statement(f"{doubled} limit 1", role="query")).rows and not job.dry:
        return
    same = " and ".join(f"eltflow_target.{dialect.quote(k)} = eltflow_source.{dialect.quote(k)}" for k in keys)
    found = yield Statement(
        f"select {dialect.columns(keys, 'eltflow_source.')} from (\n{doubled}\n) as eltflow_source\n"
        f"where exists (select 1 from {dialect.render(job.relation)} as eltflow_target where {same}) limit 1",
        role="query",
    )
    if found.rows and not job.dry:
        values = ", ".join(f"`{name}` is `{value}`" for name, value in zip(keys, found.rows[0], strict=True))
        raise ProgramError(
            f"several rows of the query have one key ({values}), and a merge would keep any of them",
            "give one row for each key: `qualify row_number() over (partition by <key> order by <what is latest> desc) = 1`",
        )


def _merge(job: Job, staged: Relation, keys: Sequence[str], columns: Sequence[str]) -> Program:
    there = [Column(c) for c in columns]
    only = as_columns(job, as_list(job.config.get("merge_update_columns")), there)
    without = as_columns(job, as_list(job.config.get("merge_exclude_columns")), there)
    if only and without:
        raise ProgramError("`merge_update_columns` and `merge_exclude_columns` exclude each other", "keep one of them")
    fold = job.dialect.fold
    excluded = {fold(c, True) for c in without}
    wanted = {fold(c, True) for c in only} if only else None
    if wanted is None:
        excluded |= {fold(k, True) for k in keys}  # equal as it is
    update = [c for c in columns if fold(c, True) not in excluded and (wanted is None or fold(c, True) in wanted)]
    if job.dialect.capabilities.merge_is_arbitrary:
        yield from _check_one_each(job, staged, keys)
    merged = yield job.dialect.merge(job.relation, staged, keys, columns, update, _predicates(job, columns))
    return Outcome(kind="merge", rows=merged.affected)


def _overwrite(job: Job, staged: Relation, columns: Sequence[str]) -> Program:
    """The new rows in place of what stands in their partitions, or in those that `partitions` names."""
    dialect = job.dialect
    ask = dialect.partitions_in(staged, job.config)
    assert ask is not None
    partitions = [str(p) for p in as_list(job.config.get("partitions"))]
    if not partitions:
        found = (yield ask).rows
        partitions = ["/* those of the new rows */"] if job.dry and not found else [dialect.literal(row[0]) for row in found]
    written = yield dialect.overwrite(job.relation, staged, columns, partitions, job.config)
    return Outcome(kind="insert_overwrite", rows=written.affected)


#: The names of table and new rows in the statements that people's predicates were written for, and in ours.
_ALIASES = {"dbt_internal_dest": "eltflow_target", "dbt_internal_source": "eltflow_source"}


def _predicates(job: Job, columns: Sequence[str]) -> list[str]:
    """`incremental_predicates` in the words of our statements; a bare column is the table's, which a MERGE would call ambiguous."""
    given = [str(p) for p in as_list(job.config.get("incremental_predicates"))]
    if not given:
        return []
    from eltflow.sql.predicate import qualified

    fold = job.dialect.fold
    known = {fold(c, True) for c in columns}
    return [
        qualified(
            f"{predicate}\n" if "--" in predicate else predicate,  # a comment would swallow what follows the predicate
            job.dialect.sqlglot,
            aliases=_ALIASES,
            target="eltflow_target",
            is_column=lambda name, quoted: fold(name, quoted) in known,
        )
        for predicate in given
    ]


def _compare(job: Job, table: Sequence[CatalogColumn], now: Sequence[Column]) -> _Change:
    fold, holds = job.dialect.fold, job.dialect.holds
    before = {fold(c.name, True): c for c in table}
    after = {fold(c.name, True): c for c in now}
    return _Change(
        added=tuple(c for key, c in after.items() if key not in before),
        removed=tuple(c.name for key, c in before.items() if key not in after),
        retyped=tuple(
            c for key, c in after.items() if key in before and c.type is not None and not holds(before[key].type, c.type)
        ),
    )


def _follow(job: Job, mode: str, change: _Change, before: Sequence[CatalogColumn]) -> Steps[list[str]]:
    """Bring the table's columns after the query's, as `on_schema_change` says; gives the columns to write."""
    columns = [c.name for c in before]
    if mode == "fail" and change:
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
    if mode == "sync_all_columns" and (change.removed or change.retyped) and not job.dialect.narrows(job.config):
        changed = listed([*change.removed, *(c.name for c in change.retyped)], 8)
        message = f"{job.dialect.name} cannot drop columns of a table, or give them another type: {changed}"
        raise ProgramError(message, "build it with --full-refresh, or set on_schema_change to append_new_columns")
    if mode in ("append_new_columns", "sync_all_columns"):
        for column in change.added:
            yield job.dialect.add_column(job.relation, column)
        columns = [*columns, *(c.name for c in change.added)]
    if mode == "sync_all_columns":
        for name in change.removed:
            yield job.dialect.drop_column(job.relation, name)
        types = {job.dialect.fold(c.name, True): c.type for c in before}
        retyped = [(c.name, types[job.dialect.fold(c.name, True)], str(c.type)) for c in change.retyped]
        help = "build it with --full-refresh, which asks the query for all rows again, or cast the column in the model"
        yield from keeping(job, job.relation, retyped, help)
        for column in change.retyped:
            yield job.dialect.alter_type(job.relation, column)
    gone = {job.dialect.fold(name, True) for name in change.removed}
    return [c for c in columns if job.dialect.fold(c, True) not in gone]
