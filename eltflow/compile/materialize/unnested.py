"""The items of lists in a step's table as rows of their own: views on that table, or tables that are kept beside it, made and filled in the
transaction that writes its rows.

How a list was unnested stands in `eltflow_meta.unnested`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from eltflow.base.records import replace
from eltflow.compile.materialize.items import (
    Types,
    bare,
    check_lists,
    check_told,
    check_values,
    columns_of,
    has_items,
    how_unnested,
    stored,
    versions,
)
from eltflow.compile.materialize.meta import key_of, meta, recorded
from eltflow.compile.materialize.relation import build_table, built, dressed, landing, put_view
from eltflow.compile.program import Along, Job, Nested, Outcome, Program, ProgramError, Steps, T
from eltflow.transfer import Source
from eltflow.warehouse.values import CatalogTable, Relation, Statement, Unnested, WarehouseError


def unnest(job: Job) -> Program:
    """A node of items by itself: made anew of the table that its lists are in."""
    if job.beside is None:
        assert job.node.ingest is not None
        step = job.node.ingest.source["step"]
        raise ProgramError(f"the table of `{step}` is not loaded yet", f"load it first: eltflow ingest --select {step}")
    return (yield from built(job, _by_itself(job, job.beside.relation)))


def _by_itself(job: Job, table: Relation) -> Program:
    if job.dry:
        return Outcome(kind="load")  # which fields there are is known when it is made
    columns = yield from columns_of(job, table)
    before = yield from stored(job)
    what, _ = yield from how_unnested(job, job, columns, {}, before, adds=before is not None)
    check_told(job, what, before)
    yield from _checked(job, table, what)
    outcome = yield from _made(job, table, what)
    return outcome if outcome.kind == "view" else replace(outcome, kind="load")


def fields_of(job: Job, rows: str | Source) -> Types:
    """What the columns of rows that are sent to the engine were read as, by their names in the table."""
    return {} if isinstance(rows, str) else {landing(job, field.name): field.type for field in rows.fields}


def unnested(job: Job, outcome: Outcome, types: Types) -> Program:
    """What stands beside a table that was just filled from nothing, whose columns were read as `types`."""
    if not job.children or job.dry:
        return outcome
    columns = yield from columns_of(job, job.relation)
    along, notes = [], list[str]()
    for child in job.children:
        if child.existing is not None and child.relation in outcome.gone:
            child = replace(child, existing=None)
        what, sure = yield from how_unnested(job, child, columns, types, None)
        yield from _checked(child, job.relation, what)
        along.append((yield from _beside(child, job.relation, what, sure)))
        notes += yield from _noted(child, job.relation, what)
    own = {child.relation for child in job.children}
    gone = tuple(relation for relation in outcome.gone if relation not in own)
    told = (*outcome.told, *notes)
    return replace(outcome, gone=gone, message=outcome.message if gone else None, along=tuple(along), told=told)


def following(job: Job, columns: Sequence[tuple[str, str]], types: Types) -> Steps[Job]:
    """The job of a table that stands, with how what stands beside it goes with the rows that are to come; `columns` are those of the table
    with their types, `types` what the new rows' are read as."""
    if not job.children or job.dry:
        return job
    assert job.existing is not None
    before = {c.name for c in job.existing.columns}
    made = []
    for child in job.children:
        was = yield from stored(child)
        what, sure = yield from how_unnested(job, child, columns, types, was, adds=True)
        if what.column in before:
            check_told(child, what, was)
        stands = was == what and child.existing is not None and child.existing.kind == _wanted(child)
        made.append(Nested(job=child, what=what, stands=stands, follows=stands and _wanted(child) == "table", sure=sure))
    return replace(job, nested=tuple(made))


def needs_staging(job: Job) -> bool:
    """Whether new rows are looked at once more before they are in the table."""
    return any(one.follows or not one.sure for one in job.nested)


def taken_out(job: Job, staged: Relation) -> Steps[None]:
    """Delete the items of the rows that staged ones take the place of."""
    dialect, new = job.dialect, job.dialect.render(staged)
    for one in job.nested:
        if one.follows:
            pairs = [(dialect.quote(own), dialect.quote(name)) for own, name in one.what.keys]
            same = " and ".join(f"eltflow_new.{own} = eltflow_old.{name}" for own, name in pairs)
            table = dialect.render(one.job.relation)
            yield Statement(
                f"delete from {table} as eltflow_old where exists (\n  select 1 from {new} as eltflow_new where {same}\n)",
                role="dml",
            )


def put_in(job: Job, source: str, names: Sequence[str]) -> Steps[None]:
    """Add the items of new rows, which are a table or a query in brackets with columns of these names. Raises ProgramError for lists that
    are none, and for values that are not of their column's type."""
    for one in job.nested:
        if one.what.column not in names:
            continue
        missing = [own for own, _ in one.what.keys if own not in names and own not in versions(one.job)]
        if missing:
            message = f"the load has no column `{missing[0]}`, by which the items of `{one.what.column}` are told apart"
            raise ProgramError(message, "correct the source", place=("unnest",))
        what = replace(one.what, keys=tuple(pair for pair in one.what.keys if pair[0] in names))
        yield from _checked(one.job, source, what)
        if one.follows:
            written = [name for _, name in what.keys] + [what.position] + [name for _, name, _ in what.items]
            insert = one.job.dialect.insert_select(one.job.relation, written, one.job.dialect.unnested(source, what))
            yield from _told(one.job, what, _sent(replace(insert, main=False)))
        elif not one.sure:
            yield from _tried(one.job, source, what)


def beside(job: Job, outcome: Outcome) -> Program:
    """What stands beside a table that new rows were brought into: as it is, where it went with them, or made again."""
    along, notes = [], list[str]()
    for one in job.nested:
        if one.stands:
            along.append(Along(node=one.job.node.unique_id, table=CatalogTable(one.job.relation, _wanted(one.job))))
        else:
            along.append((yield from _beside(one.job, job.relation, one.what, True)))
            notes += yield from _noted(one.job, job.relation, one.what)
    return replace(outcome, along=tuple(along), told=(*outcome.told, *notes))


def emptied(job: Job, outcome: Outcome) -> Program:
    """What stands beside a table that lost all of its rows."""
    for child in job.children:
        if child.existing is not None and child.existing.kind == "table" and _wanted(child) == "table":
            yield Statement(f"delete from {job.dialect.render(child.relation)} where true", role="dml")
    return outcome


# -- what stands beside -------------------------------------------------------------------------------------------------------------


def _wanted(child: Job) -> Any:
    assert child.node.ingest is not None
    return child.node.ingest.step["materialized"]


def _beside(child: Job, table: Relation, what: Unnested, sure: bool) -> Steps[Along]:
    """The view or the table of a child, made of the whole table."""
    if not sure and _wanted(child) == "view":
        yield from _tried(child, table, what)
    outcome = yield from recorded(child, _made(child, table, what))
    yield from dressed(child, _wanted(child))
    return Along(node=child.node.unique_id, table=CatalogTable(child.relation, _wanted(child)), rows=outcome.rows)


def _made(child: Job, table: Relation, what: Unnested) -> Program:
    query = child.dialect.unnested(child.dialect.render(table), what)
    body = put_view(child, query) if _wanted(child) == "view" else build_table(child, query)
    outcome = yield from _told(child, what, body)
    dialect, literal = child.dialect, child.dialect.literal
    kept = dialect.render(meta(child, "unnested"))
    yield Statement(f"delete from {kept} where relation = {literal(key_of(child))}", role="dml")
    values = ", ".join(literal(value) for value in (key_of(child), _written(what), child.run))
    yield Statement(f"insert into {kept} values ({values})", role="dml")
    return outcome


def _written(what: Unnested) -> str:
    told = {"column": what.column, "keys": what.keys, "position": what.position, "items": what.items, "json": what.json}
    return json.dumps(told)


def _checked(child: Job, source: Relation | str, what: Unnested) -> Steps[None]:
    """Raise ProgramError for what would be passed over, and for values that the types which are declared for them would change."""
    yield from check_lists(child, source, what)
    yield from _told(child, what, check_values(child, source, what))


def _noted(child: Job, table: Relation, what: Unnested) -> Steps[list[str]]:
    """What there is to say of items that are JSON as a whole."""
    if not bare(what) or not (yield from has_items(child, table, what)):
        return []
    column = what.column
    why = "they are of several kinds, or hold numbers that their kind does not keep"
    how = f"`unnest: {{{column}: {{columns: {{sku: {{data_type: text}}}}}}}}` makes columns of fields"
    return [f"the items of `{column}` are JSON in one column `{what.items[0][1]}`, for {why}; {how}"]


def _tried(child: Job, source: Relation | str, what: Unnested) -> Steps[None]:
    """Read every value of a view that is made or that gets new rows: one that is not of its column's type would break all its readers."""
    name = source if isinstance(source, str) else child.dialect.render(source)
    counts = ", ".join(f"count({child.dialect.quote(column)})" for _, column, _ in what.items)
    query = f"select {counts} from (\n{child.dialect.unnested(name, what)}\n) as eltflow_tried"
    yield from _told(child, what, _sent(Statement(query, role="query")))


def _told(child: Job, what: Unnested, body: Steps[T]) -> Steps[T]:
    """The body; what the engine refuses of it is told as an error of the items."""
    try:
        return (yield from body)
    except WarehouseError as error:
        if error.kind != "sql":
            raise
        message = f"the items of `{what.column}` do not go into {child.relation}: {error.engine_message}"
        raise ProgramError(
            message, "give the column a type that takes all values, or correct the source", place=("unnest",)
        ) from None


def _sent(statement: Statement) -> Program:
    result = yield statement
    return Outcome(kind="append", rows=result.affected)


__all__ = ["beside", "emptied", "fields_of", "following", "needs_staging", "put_in", "taken_out", "unnest", "unnested"]
