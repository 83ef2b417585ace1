"""Views and tables. A reader sees what stood there before, or what stands there after; never nothing, never a half."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import cast

from eltflow.base.names import ASIDE, IDENTIFIER, listed
from eltflow.base.records import replace
from eltflow.compile.compiled import Hook
from eltflow.compile.materialize.contracted import fulfilled
from eltflow.compile.materialize.meta import applied_alike, recorded
from eltflow.compile.program import (
    Job,
    Outcome,
    Program,
    ProgramError,
    Steps,
    cleared,
    discarded,
    rows_together,
    tidily,
    transaction,
)
from eltflow.project.config import as_list
from eltflow.project.nodes import given_types
from eltflow.transfer import Field, Source
from eltflow.warehouse.dialect import Dialect
from eltflow.warehouse.values import CatalogTable, Column, Contract, Relation, RelationKind, Result, Statement, WarehouseError

#: What fills a table: a query that the engine runs, or rows that are sent to it.
Rows = str | Source


def view(job: Job) -> Program:
    """Create the view, or put it in place of what stands there."""
    return (yield from built(job, _view(job)))


def table(job: Job) -> Program:
    """Create the table from its query, or put it in place of what stands there."""
    return (yield from built(job, build_table(job)))


def materialized_view(job: Job) -> Program:
    """Create it, bring it up to date, or put another in its place if its query or its indexes are others now."""
    if not job.dialect.capabilities.materialized_views:
        help = "set `materialized: table` for the targets that have none"
        raise ProgramError(f"{job.dialect.name} has no materialized views", help)
    return (yield from built(job, _materialized_view(job)))


def dynamic_table(job: Job) -> Program:
    """Create a table that the engine keeps up to date by itself; bring it up to date now, or make it anew if it is to be another."""
    if not job.dialect.capabilities.dynamic_tables:
        help = "set `materialized: table` for the targets that have none"
        raise ProgramError(f"{job.dialect.name} has no dynamic tables", help)
    return (yield from built(job, _dynamic_table(job)))


def _dynamic_table(job: Job) -> Program:
    dialect, existing = job.dialect, job.existing
    for key, example in (("target_lag", "1 hour"), ("snowflake_warehouse", "transforming")):
        if not job.config.get(key):
            raise ProgramError(f"a dynamic table needs `{key}`", f"set it, e.g. `{key}: {example}`")
    outcome = Outcome(kind="dynamic_table", made=(CatalogTable(job.relation, "dynamic_table"),))
    create = dialect.create_dynamic_table(job.relation, job.sql, job.config)
    if existing is not None and existing.kind != "dynamic_table":
        return (yield from in_place(job, (create,), outcome))
    if existing is not None and not job.full_refresh:
        same = yield dialect.same_dynamic_table(job.relation, job.sql, job.config)
        if same.rows and same.rows[0][0]:
            yield dialect.refresh_dynamic_table(job.relation)
            return replace(outcome, kind="refresh")
    yield create
    return outcome


def replaceable(job: Job) -> bool:
    """Whether one statement is enough to put a table in its place."""
    if job.existing is None:
        return True
    return job.existing.kind == "table" and job.dialect.replaces(job.config)


def _view(job: Job) -> Program:
    yield from fulfilled(job)
    return (yield from put_view(job, job.sql))


def put_view(job: Job, sql: str) -> Program:
    """A view of this query at the node's relation, in place of what stands there."""
    outcome = Outcome(kind="view", made=(CatalogTable(job.relation, "view"),))
    create = job.dialect.create_view(job.relation, sql, config=job.config)
    if (yield from _fits(job, sql)):
        yield create
        return outcome
    fresh = job.temporary()
    if job.dialect.exchange(job.relation, fresh, _kinds(job, "view")) is None:
        return (yield from in_place(job, (create,), outcome))
    beside = job.dialect.create_view(fresh, sql, config=job.config)
    yield from cleared(job, fresh, "view")
    return (yield from tidily(job, fresh, in_place(job, (beside,), outcome, fresh), "view"))


def _kinds(job: Job, coming: str) -> tuple[str, str]:
    """What stands at the node's relation, and what comes in its place."""
    assert job.existing is not None
    return job.existing.kind, coming


def _fits(job: Job, sql: str) -> Steps[bool]:
    """Whether CREATE OR REPLACE VIEW takes what stands there: nothing, or a view with the same columns, after which new ones may come."""
    existing = job.existing
    if existing is None:
        return True
    can = job.dialect.capabilities
    if existing.kind != "view" or not can.create_or_replace_view:
        return False
    if can.replace_view_columns:
        return True
    standing: Sequence[Column] = [Column(c.name, c.type) for c in existing.columns]
    if not standing:
        standing = (yield job.dialect.describe(f"select * from {job.dialect.render(job.relation)}")).columns
    coming = (yield job.dialect.describe(sql)).columns
    return tuple(coming[: len(standing)]) == tuple(standing)


def build_table(job: Job, rows: Rows | None = None, check: Callable[[], None] = lambda: None) -> Program:
    """The table from nothing, whatever stands there; from the node's query unless other rows are given. `check` looks, before anybody
    can see them, whether these are the rows that were meant."""
    wanted = job.sql if rows is None else rows
    can = job.dialect.capabilities
    contract = (yield from fulfilled(job)) if rows is None else None
    outcome = Outcome(kind="table", made=(CatalogTable(job.relation, "table"),))
    at_once = isinstance(wanted, str) or can.transactional_ddl
    if job.existing is not None and (job.pointed or (contract is not None and not can.columns_in_create_as)):
        at_once = False  # a table that others point at cannot be replaced; and a query may read the table that stands
    alike = True
    if replaceable(job) and at_once:
        try:
            result = yield from _filled(job, job.relation, wanted, contract, replace=job.existing is not None)
        except WarehouseError as error:
            if error.kind != "layout":
                raise
            alike = False
        else:
            check()
            return replace(outcome, rows=result.affected)
    return (yield from tidily(job, job.temporary(), _from_beside(job, wanted, contract, outcome, check, alike)))


def own_table(job: Job, rows: Source) -> Program:
    """A table of these rows under a name that nobody else knows, and nothing of it should it fail."""
    return (yield from tidily(job, job.relation, _own_table(job, rows)))


def _own_table(job: Job, rows: Source) -> Program:
    if not job.dialect.capabilities.transactional_ddl:
        yield from cleared(job, job.relation)  # of an attempt whose connection was lost
    result = yield from _filled(job, job.relation, rows)
    return Outcome(kind="table", rows=result.affected)


def _from_beside(
    job: Job, wanted: Rows, contract: Contract | None, outcome: Outcome, check: Callable[[], None], alike: bool
) -> Program:
    """The table made beside what stands there, which the query may read, and put in its place; by one statement, where both are laid out
    `alike`."""
    dialect, fresh = job.dialect, job.temporary()
    points = contract is not None and any(one.type == "foreign_key" for one in contract.constraints)
    if contract is not None and points and isinstance(wanted, str) and not dialect.capabilities.renames_pointing:
        return (yield from _anew(job, wanted, contract, outcome))
    if not dialect.capabilities.transactional_ddl:
        yield from cleared(job, fresh)  # of an attempt whose connection was lost
    after: Sequence[Statement] = ()
    if contract is not None:
        contract, after = dialect.constrained(job.relation, contract, job.run)
        own = tuple(replace(one, to=fresh) if one.to == job.relation else one for one in contract.constraints)
        contract = replace(contract, constraints=own)  # a table that points at itself is not to point at the one that goes
    result = yield from _filled(job, fresh, wanted, contract)
    check()
    outcome = replace(outcome, rows=result.affected)
    put = dialect.rename(fresh, job.relation.identifier)
    if job.existing is None:
        yield from send((put, *after))
    elif not replaceable(job) or not alike or contract is not None or job.pointed:
        swapped = dialect.exchange(job.relation, fresh, _kinds(job, "table")) is not None
        return (yield from in_place(job, () if swapped else (put, *after), outcome, fresh))
    else:
        try:
            yield dialect.create_table_as(job.relation, f"select * from {dialect.render(fresh)}", replace=True, config=job.config)
        except WarehouseError as error:
            if error.kind != "layout":
                raise
            return (yield from in_place(job, (put,), outcome, fresh))
        yield from discarded(job, fresh)
    return outcome


def _anew(job: Job, sql: str, contract: Contract, outcome: Outcome) -> Program:
    """The rows kept aside first, and the table made of them under its own name when nothing stands there any more: in one transaction."""
    staged = job.dialect.staging(job.temporary())
    yield job.dialect.create_temporary_as(staged, sql)
    rows = f"select * from {job.dialect.render(staged)}"
    put = job.dialect.create_contracted(job.relation, contract, rows, config=job.config)
    outcome = yield from in_place(job, put, outcome)
    yield job.dialect.drop(staged)
    return outcome


def _filled(job: Job, relation: Relation, rows: Rows, contract: Contract | None = None, *, replace: bool = False) -> Steps[Result]:
    """A new table with these rows, and the indexes of the node's configuration."""
    dialect = job.dialect
    if isinstance(rows, str) and contract is not None:
        result = Result()
        for statement in dialect.create_contracted(relation, contract, rows, replace=replace, config=job.config):
            result = yield statement
    elif isinstance(rows, str):
        result = yield dialect.create_table_as(relation, rows, replace=replace, config=job.config)
    else:
        columns = loaded_columns(job, rows.fields)
        if replace:
            yield dialect.drop(relation)
        yield dialect.create_table(relation, columns, job.config)
        result = yield from rows_together(job, _one(dialect.load(relation, [c.name for c in columns], rows)))
    yield from send(dialect.indexes(relation, job.relation, job.config, job.run))
    return result


def loaded_columns(job: Job, fields: Sequence[Field]) -> list[Column]:
    """The columns that rows get in the table. A type is the one that the configuration names, or the engine's
    for what was found. Raises ProgramError."""
    dialect = job.dialect
    declared = given_types(job.node)
    made: list[Column] = []
    for field in fields:
        name = landing(job, field.name)
        type = declared.get(field.name) or dialect.keeps(field.type)
        if type is None:
            message = f"the column `{field.name}` is {field.type}, and {dialect.name} has no type that keeps all of that"
            raise ProgramError(message, "name a type that it has under `column_types:`")
        check_length(job, name, "the column")
        made.append(Column(name, type))
    return made


def landing(job: Job, name: str) -> str:
    """The table's name for a column of a file. What is sent to the engine lands as SQL without quotes would name it."""
    if job.reader is None or job.config.get("quote_columns") or not IDENTIFIER.match(name):
        return name
    return job.dialect.fold(name, False)


def check_length(job: Job, name: str, what: str) -> None:
    """Raises ProgramError for a name that the engine would cut short."""
    limit = job.dialect.capabilities.identifier_limit
    if limit is not None and len(name.encode()) > limit:
        message = f"{what} `{name}` has {len(name.encode())} bytes, and {job.dialect.name} keeps {limit} of a name"
        raise ProgramError(message, "give it a shorter name" + (" with `alias:`" if what == "the name" else ""))


def _materialized_view(job: Job) -> Program:
    dialect, existing = job.dialect, job.existing
    outcome = Outcome(kind="materialized_view", made=(CatalogTable(job.relation, "materialized_view"),))
    indexes = dialect.indexes(job.relation, job.relation, job.config, job.run)
    if existing is None:
        result = yield dialect.create_materialized_view(job.relation, job.sql, job.config)
        yield from send(indexes)
        return replace(outcome, rows=result.affected)
    if existing.kind == "materialized_view" and not job.full_refresh and (yield from _is_same(job)):
        yield dialect.refresh(job.relation)
        return replace(outcome, kind="refresh")
    fresh = job.temporary()
    if dialect.same_view(job.relation, fresh, job.config) is None:
        return (yield from in_place(job, (dialect.create_materialized_view(job.relation, job.sql, job.config),), outcome))
    result = yield dialect.create_materialized_view(fresh, job.sql, job.config)
    yield from send(dialect.indexes(fresh, job.relation, job.config, job.run))
    put = dialect.rename(fresh, job.relation.identifier, "materialized_view")
    return (yield from in_place(job, (put,), replace(outcome, rows=result.affected)))


def _is_same(job: Job) -> Steps[bool]:
    scratch = job.dialect.staging(job.temporary())
    ask = job.dialect.same_view(job.relation, scratch, job.config)
    if ask is None:
        return (yield from applied_alike(job))
    yield job.dialect.create_view(scratch, job.sql)
    told = yield ask
    yield job.dialect.drop(scratch, "view")
    return bool(told.rows and told.rows[0][0])


def in_place(job: Job, put: Sequence[Statement], outcome: Outcome, fresh: Relation | None = None) -> Program:
    """Drop what stands at the node's relation and `put` something else there; where relations can change places, at `fresh` if given."""
    assert job.existing is not None
    kinds = _kinds(job, outcome.made[0].kind if outcome.made else "table")
    exchange = job.dialect.exchange(job.relation, fresh, kinds) if fresh is not None else None
    if fresh is not None and exchange is not None:
        yield from send((*put, exchange))
        yield from discarded(job, fresh, job.existing.kind)
        return outcome
    if not job.dialect.capabilities.transactional_ddl:
        return (yield from _in_turn(job, put, outcome))
    drop = job.dialect.drop(job.relation, job.existing.kind)
    aside = yield from set_aside(job)
    for statement in (drop, *put):
        result = yield statement
        if statement.main and outcome.rows is None:
            outcome = replace(outcome, rows=result.affected)
    return (yield from put_back(job, aside, outcome))


def _in_turn(job: Job, put: Sequence[Statement], outcome: Outcome) -> Program:
    """As `in_place`, where every statement stands for itself: what was there steps aside, and comes back if its place cannot be taken.
    For a moment nothing is there. A view that cannot be renamed is dropped: it has no rows, and the next build makes it again."""
    assert job.existing is not None
    dialect, kind = job.dialect, job.existing.kind
    if kind != "table" and not dialect.capabilities.renames_views:
        yield dialect.drop(job.relation, kind)
        yield from send(put)
        return outcome
    old = job.temporary(ASIDE)
    try:
        yield dialect.rename(job.relation, old.identifier, kind)
    except WarehouseError as error:
        if error.kind != "sql":
            raise
        try:  # an attempt before this one, whose connection was lost, may have moved it there
            yield dialect.rename(old, job.relation.identifier, kind)
        except WarehouseError:  # or have left there what it moved
            yield from discarded(job, old, kind)
        yield dialect.rename(job.relation, old.identifier, kind)
    try:
        yield from send(put)
    except WarehouseError:
        with suppress(WarehouseError):
            yield dialect.rename(old, job.relation.identifier, kind)
        raise
    yield from discarded(job, old, kind)
    return outcome


#: What `Dialect.dependents` calls a table whose foreign key points at a relation.
_POINTER = "foreign_key"
Aside = Sequence[tuple[Relation, str, str]]


def set_aside(job: Job) -> Steps[Aside]:
    """Drop the views on the node's relation and the foreign keys that point at it, where the engine holds it for them; gives what makes
    them again."""
    ties = job.dialect.ties(job.relation) or (job.dialect.pointing(job.relation) if job.pointed else None)
    if ties is None or not (yield ties).rows:
        return ()
    found = yield job.dialect.dependents(job.relation)
    aside = [(Relation(job.relation.database, schema, name), kind, script) for schema, name, kind, script, *_ in found.rows]
    if any(kind == _POINTER for _, kind, _ in aside):
        yield job.dialect.unpointed(job.relation)
    for relation, kind, _ in aside:
        if kind == "table":
            yield job.dialect.kept_aside(relation)
        if kind != _POINTER:
            yield job.dialect.drop(relation, kind)
    return aside


def put_back(job: Job, aside: Aside, outcome: Outcome) -> Program:
    """Make the views again. One of the project's own that cannot be is gone until it is built, and that is told; one of somebody else's
    is an error, so that nothing happens to it."""
    if not aside:
        return outcome
    yield from send(job.dialect.restore(relation, script) for relation, _, script in reversed(aside))
    refused = {(schema, name): words for schema, name, words in (yield job.dialect.refused()).rows}
    pointers = dict.fromkeys(relation for relation, kind, _ in aside if kind == _POINTER)
    lost = [relation for relation, _, _ in aside if (relation.schema, relation.identifier) in refused]
    foreign = [relation for relation in reversed(lost) if not job.ours(relation)]
    if foreign:
        words = refused[foreign[0].schema, foreign[0].identifier]
        message = f"{foreign[0]} stands on {job.relation}, and would not on what comes in its place: {words}"
        raise ProgramError(message, "it is not this project's: change or drop that view first, or keep what it reads")
    unpointed = tuple(relation for relation, kind, _ in aside if kind == "table" or (kind == _POINTER and relation in lost))
    lost = [relation for relation in lost if relation not in pointers]
    moved = tuple(
        CatalogTable(relation, cast("RelationKind", kind))
        for relation, kind, _ in aside
        if relation not in lost and kind not in (_POINTER, "table")
    )
    told = f"dropped {listed(map(str, lost))} above it, which cannot stand on it any more: build it too" if lost else None
    return replace(outcome, moved=moved, gone=tuple(lost), unpointed=tuple(dict.fromkeys(unpointed)), message=told)


def built(job: Job, body: Program, then: Steps[None] | None = None) -> Program:
    """The body between the node's hooks, in one transaction with those that do not ask to stand outside of it, and with the record of
    what it did; `then`, if given, comes right after that transaction."""
    check_length(job, job.relation.identifier, "the name")
    takes = job.dialect.misnamed(job.relation.identifier)
    if takes is not None:
        message = f"{job.dialect.name} does not take `{job.relation.identifier}` for a name: {takes}"
        raise ProgramError(message, "give it another one with `alias:`")
    pre, post = _hooks(job)
    yield from _outside(job, [hook for hook in pre if not hook.transaction])
    inner = _dressed(job, body, [hook for hook in pre if hook.transaction], [hook for hook in post if hook.transaction])
    outcome = yield from transaction(job.dialect, recorded(job, inner), job.fence)
    if then is not None:
        yield from then
    yield from _outside(job, [hook for hook in post if not hook.transaction])
    return outcome


def project_hook(dialect: Dialect, sql: str, fence: Statement | None) -> Program:
    """A hook of the project: as it is where nobody else can write; else in a transaction that looks whether this run still may. What
    cannot stand in one is sent by itself, right after the look."""
    statement = Statement(sql, role="user")
    if fence is None:
        yield statement
        return Outcome(kind="hook")
    try:
        yield from transaction(dialect, send([statement]), fence)
    except WarehouseError as error:
        if error.kind != "outside":
            raise
        yield dialect.rollback()
        yield from transaction(dialect, send(()), fence)
        yield statement
    return Outcome(kind="hook")


def has_hooks(job: Job) -> bool:
    return any(_hooks(job))


def _hooks(job: Job) -> tuple[tuple[Hook, ...], tuple[Hook, ...]]:
    return (job.compiled.pre_hooks, job.compiled.post_hooks) if job.compiled is not None else ((), ())


def _dressed(job: Job, body: Program, pre: Iterable[Hook], post: Iterable[Hook]) -> Program:
    if job.compiled is not None and job.compiled.header:
        yield Statement(job.compiled.header, role="user")
    yield from _hooked(pre)
    outcome = yield from body
    for made in outcome.made:
        yield from dressed(job, made.kind)
    yield from _hooked(post)
    return outcome


def _outside(job: Job, hooks: Sequence[Hook]) -> Steps[None]:
    """Hooks that ask to stand outside of the transaction: each after a look whether this run may still write."""
    for hook in hooks:
        if job.fence is not None:
            yield from transaction(job.dialect, send(()), job.fence)
        yield from _hooked([hook])


def _hooked(hooks: Iterable[Hook]) -> Steps[None]:
    yield from send(Statement(hook.sql, role="user") for hook in hooks)


def _one(statement: Statement) -> Steps[Result]:
    return (yield statement)


def send(statements: Iterable[Statement]) -> Steps[None]:
    for statement in statements:  # noqa: UP028 (a generator of results, which plain iterators do not take)
        yield statement


def dressed(job: Job, kind: str) -> Steps[None]:
    """Give a relation that was just made its descriptions and its grants."""
    yield from _described(job, kind)
    yield from _granted(job, kind)


def _described(job: Job, kind: str) -> Steps[None]:
    """Write descriptions into the warehouse, where `persist_docs` asks for it and the engine keeps comments."""
    wanted = job.config.get("persist_docs") or {}
    if not job.dialect.capabilities.comments:
        return
    if wanted.get("relation") and job.node.description:
        yield job.dialect.comment_on(job.relation, kind, job.node.description)
    told = [c for c in job.node.columns.values() if c.description]
    if wanted.get("columns") and told and (kind == "table" or job.dialect.capabilities.column_comments):
        fold = job.dialect.fold
        result = yield job.dialect.describe(f"select * from {job.dialect.render(job.relation)}")
        there = {fold(c.name, True): c.name for c in result.columns}
        for column in told:
            name = there.get(fold(column.name, True)) or there.get(fold(column.name, False))
            if name is not None:
                yield job.dialect.comment_on_column(job.relation, name, column.description, kind)


def _granted(job: Job, kind: str) -> Steps[None]:
    """Bring the privileges to what `grants` names, where it is set and the engine knows any."""
    wanted = job.config.get("grants")
    if not job.dialect.capabilities.grants or not wanted:
        return
    held: dict[str, list[str]] = {}
    for privilege, grantee in (yield job.dialect.grants_held(job.relation)).rows:
        held.setdefault(str(privilege).lower(), []).append(str(grantee))
    asked = {str(privilege).lower(): [str(g) for g in as_list(to)] for privilege, to in wanted.items()}
    yield from send(job.dialect.grants(job.relation, asked, held, kind))
