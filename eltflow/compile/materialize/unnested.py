"""The items of lists in a step's table as rows of their own: views on that table, or tables that are kept beside it, made and filled in the
transaction that writes its rows.

How a list was unnested stands in `eltflow_meta.unnested`. Where lists are JSON, a column of the table does not say which fields their items
have: those that were there before stay columns when new rows have none of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from eltflow.base.names import did_you_mean, listed
from eltflow.base.records import replace
from eltflow.compile.materialize.incremental import as_columns
from eltflow.compile.materialize.meta import key_of, meta, recorded
from eltflow.compile.materialize.relation import build_table, built, check_length, dressed, landing, put_view
from eltflow.compile.materialize.scan import ask, reading
from eltflow.compile.program import Along, Job, Nested, Outcome, Program, ProgramError, Steps
from eltflow.project.nodes import given_types
from eltflow.project.steps import VERSIONS
from eltflow.project.unnest import POSITION, key_columns
from eltflow.transfer import Source
from eltflow.warehouse.values import CatalogTable, Column, Relation, Statement, Unnested, WarehouseError

#: The column of items that have no fields, or not the same ones.
_ITEM = "value"
_WHOLE = frozenset({"smallint", "integer", "bigint", "numeric(20,0)", "numeric(39,0)"})
_ANY = ("text", "jsonb")  #: types that take whatever an item holds
Types = Mapping[str, str]


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
    columns = yield from _columns(job, table)
    stored = yield from _stored(job)
    what, _ = yield from _how(job, job, columns, {}, stored, adds=stored is not None)
    _check_told(job, what, stored)
    yield from _check_lists(job, table, what)
    outcome = yield from _made(job, table, what)
    return outcome if outcome.kind == "view" else replace(outcome, kind="load")


def fields_of(job: Job, rows: str | Source) -> Types:
    """What the columns of rows that are sent to the engine were read as, by their names in the table."""
    return {} if isinstance(rows, str) else {landing(job, field.name): field.type for field in rows.fields}


def unnested(job: Job, outcome: Outcome, types: Types) -> Program:
    """What stands beside a table that was just filled from nothing, whose columns were read as `types`."""
    if not job.children or job.dry:
        return outcome
    columns = yield from _columns(job, job.relation)
    along = []
    for child in job.children:
        if child.existing is not None and child.relation in outcome.gone:
            child = replace(child, existing=None)
        what, sure = yield from _how(job, child, columns, types, None)
        yield from _check_lists(child, job.relation, what)
        along.append((yield from _beside(child, job.relation, what, sure)))
    own = {child.relation for child in job.children}
    gone = tuple(relation for relation in outcome.gone if relation not in own)
    return replace(outcome, gone=gone, message=outcome.message if gone else None, along=tuple(along))


def following(job: Job, columns: Sequence[tuple[str, str]], types: Types) -> Steps[Job]:
    """The job of a table that stands, with how what stands beside it goes with the rows that are to come; `columns` are those of the table
    with their types, `types` what the new rows' are read as."""
    if not job.children or job.dry:
        return job
    assert job.existing is not None
    before = {c.name for c in job.existing.columns}
    made = []
    for child in job.children:
        stored = yield from _stored(child)
        what, sure = yield from _how(job, child, columns, types, stored, adds=True)
        if what.column in before:
            _check_told(child, what, stored)
        stands = stored == what and child.existing is not None and child.existing.kind == _wanted(child)
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
        missing = [own for own, _ in one.what.keys if own not in names and own not in _versions(one.job)]
        if missing:
            message = f"the load has no column `{missing[0]}`, by which the items of `{one.what.column}` are told apart"
            raise ProgramError(message, "correct the source", place=("unnest",))
        what = replace(one.what, keys=tuple(pair for pair in one.what.keys if pair[0] in names))
        yield from _check_lists(one.job, source, what)
        if one.follows:
            written = [name for _, name in what.keys] + [what.position] + [name for _, name, _ in what.items]
            insert = one.job.dialect.insert_select(one.job.relation, written, one.job.dialect.unnested(source, what))
            yield from _told(one.job, what, _sent(replace(insert, main=False)))
        elif not one.sure:
            yield from _tried(one.job, source, what)


def beside(job: Job, outcome: Outcome) -> Program:
    """What stands beside a table that new rows were brought into: as it is, where it went with them, or made again."""
    along = []
    for one in job.nested:
        if one.stands:
            along.append(Along(node=one.job.node.unique_id, table=CatalogTable(one.job.relation, _wanted(one.job))))
        else:
            along.append((yield from _beside(one.job, job.relation, one.what, True)))
    return replace(outcome, along=tuple(along))


def emptied(job: Job, outcome: Outcome) -> Program:
    """What stands beside a table that lost all of its rows."""
    for child in job.children:
        if child.existing is not None and child.existing.kind == "table" and _wanted(child) == "table":
            yield Statement(f"delete from {job.dialect.render(child.relation)} where true", role="dml")
    return outcome


# -- how a list is unnested ---------------------------------------------------------------------------------------------------------


def _how(
    job: Job, child: Job, columns: Sequence[tuple[str, str]], types: Types, stored: Unnested | None, *, adds: bool = False
) -> Steps[tuple[Unnested, bool]]:
    """How the lists of a child are unnested, and whether no value can be wrong there. Raises ProgramError where they cannot be."""
    info = child.node.ingest
    assert info is not None
    names = [name for name, _ in columns]
    column = _named(child, names, str(info.source["column"]), "unnest")
    type = (dict(columns)[column] if job.reader is None else types.get(column, "")).strip()
    known = type not in ("", "JSON", "JSON[]", '"NULL"')
    if known and not type.endswith("]"):
        message = f"`{column}` is {type}, and `unnest` takes lists"
        raise ProgramError(message, "take it out of `unnest:`; fields of a single object are read in a model", place=("unnest",))
    as_json = job.reader is not None or type in ("JSON", "JSON[]")
    before = stored.items if stored is not None and as_json else ()
    own = (yield from _fields(job, type)) if known else None
    items = _items(child, own, before, as_json)
    keys = key_columns(info.into, str(info.source["column"]), info.step["key"])
    named = [(_named(child, names, own, "key"), landing(child, name)) for name, own in keys.items()]
    named += [(name, name) for name in _versions(child)]
    what = Unnested(column=column, keys=tuple(named), position=child.dialect.named(POSITION), items=items, json=as_json)
    _check_names(child, what)
    return what, not given_types(child.node) and (own is not None) and not (as_json and adds)


def _items(
    child: Job, own: Sequence[Column] | None, before: Sequence[tuple[str | None, str, str | None]], as_json: bool
) -> tuple[tuple[str | None, str, str | None], ...]:
    """(field, name, type) of each column of the items: those that were there, those of new items, and those that are declared."""
    info = child.node.ingest
    assert info is not None
    renamed: Mapping[str, str] = info.step.get("rename") or {}
    without = {str(name) for name in info.step.get("exclude") or ()}
    declared = given_types(child.node)
    called = {final: source for source, final in renamed.items()}
    scalar = own is not None and not any(column.name for column in own)
    made: dict[str | None, tuple[str, str | None]] = {}
    for field, _, type in before:
        final = renamed.get(field or _ITEM, field or _ITEM)
        if (field or _ITEM) not in without:
            made[field] = (landing(child, final), declared.get(final, type))
    for column in own or ():
        field = column.name or None
        final = renamed.get(field or _ITEM, field or _ITEM)
        if (field or _ITEM) in without:
            continue
        type = declared.get(final) or (child.dialect.out_of_json(column.type or "") if as_json else None)
        had = made.get(field)
        made[field] = (landing(child, final), type if had is None else _both(child, final, had[1], type))
    for final, type in declared.items() if not scalar else ():
        field = called.get(final, final)
        if own is not None and not as_json and field not in made:
            message = f"`columns` gives `{final}` a type, and the items have no field `{field}`"
            help = did_you_mean(field, [f for f in made if f]) or "take it out, or correct its name"
            raise ProgramError(message, help, place=_at(child, "columns", field))
        made.setdefault(field, (landing(child, final), type))
    for name in (*renamed, *without):
        if own is not None and not scalar and name not in made and not any(c.name == name for c in own):
            there = [c.name for c in own]
            help = did_you_mean(name, there) or f"there are: {listed(there, 8)}"
            raise ProgramError(f"`columns` names `{name}`, which the items do not have", help, place=_at(child, "columns", name))
    if not made:
        final = renamed.get(_ITEM, _ITEM)
        made[None] = (landing(child, final), declared.get(final))
    return tuple((field, name, type) for field, (name, type) in made.items())


def _both(child: Job, name: str, before: str | None, now: str | None) -> str | None:
    """The type that takes the values of a field that was of one type, and is of another in new rows. Raises ProgramError if none does."""
    if (
        before == now
        or before is None
        or before in _ANY
        or (before == "numeric" and (now in _WHOLE or str(now).startswith("numeric")))
    ):
        return before
    if before == "bigint" and now in _WHOLE and not str(now).startswith("numeric"):
        return before
    column = _at(child)[1]
    told = f"the field `{name}` of `{column}` is {now or 'jsonb'} in new rows, and {child.relation} has {before} there"
    help = f"give it a type that takes both: `unnest: {{{column}: {{columns: {{{name}: {{data_type: numeric}}}}}}}}`"
    raise ProgramError(told, help, place=_at(child))


def _at(child: Job, *inner: str) -> tuple[str, ...]:
    """Where in the entry of the step something is said of the child."""
    assert child.node.ingest is not None
    return ("unnest", str(child.node.ingest.source["column"]), *inner)


def _check_told(child: Job, what: Unnested, stored: Unnested | None) -> None:
    """Raise ProgramError where rows are in the table whose fields nobody has looked at."""
    if child.reader is not None and stored is None and what.json and not given_types(child.node):
        assert child.node.ingest is not None
        step = child.node.ingest.source["step"]
        help = (
            f"declare them (`columns: {{sku: {{data_type: text}}}}`), or load again: eltflow ingest --select {step} --full-refresh"
        )
        message = f"which fields the items of `{what.column}` have is not known of the rows that are loaded already"
        raise ProgramError(message, help)


def _check_names(child: Job, what: Unnested) -> None:
    """Raise ProgramError for two columns of one name, or one that is too long."""
    seen = {child.dialect.fold(what.position, True): what.position}
    for name in (*(name for _, name in what.keys), *(name for _, name, _ in what.items)):
        check_length(child, name, "the column")
        other = seen.setdefault(child.dialect.fold(name, True), name)
        if other is not name:
            help = f"give the field another name: `columns: {{{name}: {{rename: ...}}}}`"
            raise ProgramError(f"{child.relation} would have two columns `{name}`", help)
    check_length(child, child.relation.identifier, "the name")


def _named(child: Job, names: Sequence[str], name: str, key: str) -> str:
    found = as_columns(child, [name], [Column(n) for n in names])[0]
    if found not in names:
        help = did_you_mean(name, names) or f"there are: {listed(names, 8)}"
        raise ProgramError(f"`{key}` names the column `{name}`, which the table does not have", help, place=("unnest",))
    return found


def _fields(job: Job, type: str) -> Steps[Sequence[Column]]:
    """The fields of the items of a list of this type; one without a name for items that have none."""
    if not type.removesuffix("[]").upper().startswith("STRUCT"):
        return (Column("", type[: type.rindex("[")]),)
    empty = f"select unnest(eltflow_item) from (select unnest(cast(null as {type})) as eltflow_item)"
    return (yield from ask(job, reading(job).describe(empty))).columns


def _columns(job: Job, table: Relation) -> Steps[list[tuple[str, str]]]:
    found = yield job.dialect.describe(f"select * from {job.dialect.render(table)}")
    return [(c.name, c.type or "") for c in found.columns]


def _versions(child: Job) -> tuple[str, ...]:
    """The columns of a history that say when the row of an item held."""
    assert child.node.ingest is not None
    return tuple(map(child.dialect.named, VERSIONS)) if child.node.ingest.load == "history" else ()


def _wanted(child: Job) -> Any:
    assert child.node.ingest is not None
    return child.node.ingest.step["materialized"]


# -- what stands beside -------------------------------------------------------------------------------------------------------------


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


def _stored(child: Job) -> Steps[Unnested | None]:
    """How the child was unnested before; None if it was not."""
    kept = child.dialect.render(meta(child, "unnested"))
    where = f"relation = {child.dialect.literal(key_of(child))}"
    found = yield Statement(f"select definition from {kept} where {where}", role="query")
    if not found.rows or child.existing is None:
        return None
    told = json.loads(str(found.rows[0][0]))
    return Unnested(
        column=told["column"],
        keys=tuple((own, name) for own, name in told["keys"]),
        position=told["position"],
        items=tuple((field, name, type) for field, name, type in told["items"]),
        json=told["json"],
    )


def _written(what: Unnested) -> str:
    told = {"column": what.column, "keys": what.keys, "position": what.position, "items": what.items, "json": what.json}
    return json.dumps(told)


def _check_lists(child: Job, source: Relation | str, what: Unnested) -> Steps[None]:
    """Raise ProgramError for values that are no lists, and items that have no fields where others do: they would be passed over."""
    if not what.json:
        return
    name = source if isinstance(source, str) else child.dialect.render(source)
    values, items = (yield child.dialect.not_unnested(name, what)).rows[0]
    if not values and not items:
        return
    count = values or items
    lists = f"value{'s' if count > 1 else ''} of `{what.column}` {'are' if count > 1 else 'is'} no list"
    fields = f"item{'s' if count > 1 else ''} of `{what.column}` {'have' if count > 1 else 'has'} no fields, unlike others"
    raise ProgramError(
        f"{count:,} {lists if values else fields}",
        f"correct the source, or take `{what.column}` out of `unnest:`",
        place=("unnest",),
    )


def _tried(child: Job, source: Relation | str, what: Unnested) -> Steps[None]:
    """Read every value of a view that is made or that gets new rows: one that is not of its column's type would break all its readers."""
    name = source if isinstance(source, str) else child.dialect.render(source)
    counts = ", ".join(f"count({child.dialect.quote(column)})" for _, column, _ in what.items)
    query = f"select {counts} from (\n{child.dialect.unnested(name, what)}\n) as eltflow_tried"
    yield from _told(child, what, _sent(Statement(query, role="query")))


def _told(child: Job, what: Unnested, body: Program) -> Program:
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
