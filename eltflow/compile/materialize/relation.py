"""Views and tables. A reader sees what stood there before, or what stands there after; never nothing, never a half."""

from __future__ import annotations

from dataclasses import replace

from eltflow.compile.program import Job, Outcome, Program, Steps, transaction
from eltflow.warehouse.values import CatalogTable, Statement


def view(job: Job) -> Program:
    """Create the view, or put it in place of what stands there."""
    return (yield from hooked(job, _view(job)))


def table(job: Job) -> Program:
    """Create the table from its query, or put it in place of what stands there."""
    return (yield from hooked(job, build_table(job)))


def _view(job: Job) -> Program:
    outcome = Outcome(kind="view", made=(CatalogTable(job.relation, "view"),))
    create = job.dialect.create_view(job.relation, job.sql)
    if job.existing is not None and job.existing.kind != "view":
        return (yield from transaction(job.dialect, _replace_other(job, create, outcome)))
    yield create
    yield from described(job, "view")
    return outcome


def build_table(job: Job) -> Program:
    """The table from nothing, whatever stands there."""
    dialect = job.dialect
    outcome = Outcome(kind="table", made=(CatalogTable(job.relation, "table"),))
    if job.existing is not None and job.existing.kind == "view":
        return (yield from transaction(dialect, _replace_other(job, dialect.create_table_as(job.relation, job.sql), outcome)))
    if job.existing is None or dialect.capabilities.create_or_replace_table:
        create = dialect.create_table_as(job.relation, job.sql, replace=dialect.capabilities.create_or_replace_table)
        result = yield create
        yield from described(job, "table")
        return replace(outcome, rows=result.affected)
    return (yield from transaction(dialect, _swap(job, outcome)))


def _replace_other(job: Job, create: Statement, outcome: Outcome) -> Program:
    """Drop what stands there, which is of another kind, and create; in one transaction where DDL takes part in them."""
    assert job.existing is not None
    yield job.dialect.drop(job.relation, job.existing.kind)
    result = yield create
    yield from described(job, outcome.kind)
    return replace(outcome, rows=result.affected)


def _swap(job: Job, outcome: Outcome) -> Program:
    """Build beside the old table, then put the new one in its place."""
    fresh = job.temporary()
    result = yield job.dialect.create_table_as(fresh, job.sql)
    yield job.dialect.drop(job.relation, "table")
    yield job.dialect.rename(fresh, job.relation.identifier)
    yield from described(job, "table")
    return replace(outcome, rows=result.affected)


def described(job: Job, kind: str) -> Steps[None]:
    """Write descriptions into the warehouse, where `persist_docs` asks for it and the engine keeps comments."""
    wanted = job.config.get("persist_docs") or {}
    if not job.dialect.capabilities.comments:
        return
    if wanted.get("relation") and job.node.description:
        yield job.dialect.comment_on(job.relation, kind, job.node.description)
    if wanted.get("columns"):
        for column in job.node.columns.values():
            if column.description:
                yield job.dialect.comment_on_column(job.relation, column.name, column.description)


def hooked(job: Job, body: Program) -> Program:
    """The body between the node's hooks."""
    assert job.compiled is not None
    for hook in job.compiled.pre_hooks:
        yield Statement(hook, role="user")
    outcome = yield from body
    for hook in job.compiled.post_hooks:
        yield Statement(hook, role="user")
    return outcome
