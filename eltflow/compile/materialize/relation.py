"""Views and tables. A reader sees what stood there before, or what stands there after; never nothing, never a half."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from eltflow.compile.compiled import Hook
from eltflow.compile.program import Job, Outcome, Program, Steps, transaction
from eltflow.project.config import as_list
from eltflow.warehouse.values import CatalogTable, Statement


def view(job: Job) -> Program:
    """Create the view, or put it in place of what stands there."""
    return (yield from built(job, _view(job), alone=job.existing is None or job.existing.kind == "view"))


def table(job: Job) -> Program:
    """Create the table from its query, or put it in place of what stands there."""
    return (yield from built(job, build_table(job), alone=replaceable(job)))


def replaceable(job: Job) -> bool:
    """Whether one statement is enough to put a table in its place."""
    if job.existing is None:
        return True
    return job.existing.kind == "table" and job.dialect.capabilities.create_or_replace_table


def _view(job: Job) -> Program:
    if job.existing is not None and job.existing.kind != "view":
        yield job.dialect.drop(job.relation, job.existing.kind)
    yield job.dialect.create_view(job.relation, job.sql)
    return Outcome(kind="view", made=(CatalogTable(job.relation, "view"),))


def build_table(job: Job, sql: str | None = None) -> Program:
    """The table from nothing, whatever stands there; from the node's query unless another one is given."""
    dialect, query = job.dialect, job.sql if sql is None else sql
    outcome = Outcome(kind="table", made=(CatalogTable(job.relation, "table"),))
    if replaceable(job):
        result = yield dialect.create_table_as(job.relation, query, replace=job.existing is not None)
        return replace(outcome, rows=result.affected)
    assert job.existing is not None
    fresh = job.temporary()
    result = yield dialect.create_table_as(fresh, query)  # beside the old one, which the query may read
    yield dialect.drop(job.relation, job.existing.kind)
    yield dialect.rename(fresh, job.relation.identifier)
    return replace(outcome, rows=result.affected)


def built(job: Job, body: Program, *, alone: bool = False) -> Program:
    """The body between the node's hooks, in one transaction with those that do not ask to stand outside of it.

    `alone` says that the body is a single statement, which needs no transaction where nothing goes with it.
    """
    pre, post = _hooks(job)
    yield from _send(hook for hook in pre if not hook.transaction)
    inner = _dressed(job, body, [hook for hook in pre if hook.transaction], [hook for hook in post if hook.transaction])
    plain = stands_alone(job, alone)
    outcome = yield from (inner if plain else transaction(job.dialect, inner))
    yield from _send(hook for hook in post if not hook.transaction)
    return outcome


def stands_alone(job: Job, alone: bool) -> bool:
    """Whether a body, `alone` in itself, is sent without a transaction."""
    return alone and not _has_company(job)


def has_hooks(job: Job) -> bool:
    return any(_hooks(job))


def _hooks(job: Job) -> tuple[tuple[Hook, ...], tuple[Hook, ...]]:
    return (job.compiled.pre_hooks, job.compiled.post_hooks) if job.compiled is not None else ((), ())


def _has_company(job: Job) -> bool:
    """Whether other statements belong to the node's transaction."""
    header = job.compiled.header if job.compiled is not None else ""
    return bool(header or job.config.get("persist_docs") or job.config.get("grants") or any(_hooks(job)))


def _dressed(job: Job, body: Program, pre: Iterable[Hook], post: Iterable[Hook]) -> Program:
    if job.compiled is not None and job.compiled.header:
        yield Statement(job.compiled.header, role="user")
    yield from _send(pre)
    outcome = yield from body
    for made in outcome.made:
        yield from _described(job, made.kind)
        yield from _granted(job)
    yield from _send(post)
    return outcome


def _send(hooks: Iterable[Hook]) -> Steps[None]:
    for hook in hooks:
        yield Statement(hook.sql, role="user")


def _described(job: Job, kind: str) -> Steps[None]:
    """Write descriptions into the warehouse, where `persist_docs` asks for it and the engine keeps comments."""
    wanted = job.config.get("persist_docs") or {}
    if not job.dialect.capabilities.comments:
        return
    if wanted.get("relation") and job.node.description:
        yield job.dialect.comment_on(job.relation, kind, job.node.description)
    told = [c for c in job.node.columns.values() if c.description]
    if wanted.get("columns") and told:
        fold = job.dialect.fold
        result = yield job.dialect.describe(f"select * from {job.dialect.render(job.relation)}")
        there = {fold(c.name, True): c.name for c in result.columns}
        for column in told:
            name = there.get(fold(column.name, True))
            if name is not None:
                yield job.dialect.comment_on_column(job.relation, name, column.description)


def _granted(job: Job) -> Steps[None]:
    """Give the privileges that `grants` names, where the engine knows any."""
    if job.dialect.capabilities.grants:
        wanted = {str(privilege): [str(g) for g in as_list(to)] for privilege, to in (job.config.get("grants") or {}).items()}
        yield from job.dialect.grants(job.relation, wanted, {})
