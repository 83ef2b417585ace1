"""How the lists of a step's table are unnested: which columns their items have, and of which types; and what of their values is wrong there.

Where lists are JSON, a column of the table does not say which fields their items have: those that there were before stay columns when new
rows have none of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from eltflow.base.names import did_you_mean, listed
from eltflow.base.records import replace
from eltflow.compile.materialize.incremental import as_columns
from eltflow.compile.materialize.meta import key_of, meta
from eltflow.compile.materialize.relation import check_length, landing
from eltflow.compile.materialize.scan import ask, reading
from eltflow.compile.program import Job, ProgramError, Steps
from eltflow.project.nodes import given_types
from eltflow.project.steps import VERSIONS
from eltflow.project.unnest import POSITION, key_columns
from eltflow.warehouse.nested import widened
from eltflow.warehouse.values import Column, Relation, Statement, Unnested

#: The column of items that have no fields, or not the same ones.
_ITEM = "value"
_WHOLE = frozenset({"smallint", "integer", "bigint", "numeric(20,0)", "numeric(39,0)"})
_ANY = ("text", "jsonb")  #: types that take whatever an item holds
#: What lists are read as where none has an item.
_UNKNOWN = ("", "JSON", "JSON[]", '"NULL"', '"NULL"[]')
Types = Mapping[str, str]


def how_unnested(
    job: Job, child: Job, columns: Sequence[tuple[str, str]], types: Types, was: Unnested | None, *, adds: bool = False
) -> Steps[tuple[Unnested, bool]]:
    """How the lists of a child are unnested, and whether no value can be wrong there. Raises ProgramError where they cannot be."""
    info = child.node.ingest
    assert info is not None
    names = [name for name, _ in columns]
    column = _named(child, names, str(info.source["column"]), "unnest")
    type = (dict(columns)[column] if job.reader is None else types.get(column, "")).strip()
    known = type not in _UNKNOWN
    if known and not type.endswith("]"):
        message = f"`{column}` is {type}, and `unnest` takes lists"
        raise ProgramError(message, "take it out of `unnest:`; fields of a single object are read in a model", place=("unnest",))
    as_json = job.reader is not None or type in ("JSON", "JSON[]")
    before = was.items if was is not None and as_json else ()
    own = (yield from _fields(job, type)) if known else None
    if own is not None and was is not None and as_json and bare(was):
        if (yield from has_items(job, job.relation, was)):  # of which each is JSON as a whole
            own = None
        else:  # lists that were empty told nothing
            before = ()
    items = _items(child, own, before, as_json)
    keys = key_columns(info.into, str(info.source["column"]), info.step["key"])
    named = [(_named(child, names, own, "key"), landing(child, name)) for name, own in keys.items()]
    named += [(name, name) for name in versions(child)]
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
    for name in renamed if before else (*renamed, *without):  # new rows may lack what others have
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


def check_told(child: Job, what: Unnested, was: Unnested | None) -> None:
    """Raise ProgramError where rows are in the table whose fields nobody has looked at."""
    if child.reader is not None and was is None and what.json and not given_types(child.node):
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


def columns_of(job: Job, table: Relation) -> Steps[list[tuple[str, str]]]:
    found = yield job.dialect.describe(f"select * from {job.dialect.render(table)}")
    return [(c.name, c.type or "") for c in found.columns]


def versions(child: Job) -> tuple[str, ...]:
    """The columns of a history that say when the row of an item held."""
    assert child.node.ingest is not None
    return tuple(map(child.dialect.named, VERSIONS)) if child.node.ingest.load == "history" else ()


def stored(child: Job) -> Steps[Unnested | None]:
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


def check_lists(child: Job, source: Relation | str, what: Unnested) -> Steps[None]:
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


def check_values(child: Job, source: Relation | str, what: Unnested) -> Steps[None]:
    """Raise ProgramError for values that a type which is declared for their field would change: 1.5, where that is `integer`. What they are is
    not told, for it may be personal."""
    declared = {landing(child, name): type for name, type in given_types(child.node).items()}
    dialect, text = child.dialect, child.dialect.text_type
    items = [(field, name, type) for field, name, type in what.items if name in declared and type is not None]
    tried = [(f, n, kept) for f, n, type in items if (kept := dialect.taken(dialect.quote(n), type)) is not None]
    if not tried or child.dry:
        return
    name = source if isinstance(source, str) else dialect.render(source)
    texts = dialect.unnested(name, replace(what, items=tuple((field, name, text) for field, name, _ in items)))
    counts = ", ".join(f"sum(case when {kept} then 0 else 1 end)" for _, _, kept in tried)
    found = yield Statement(f"select {counts} from (\n{texts}\n) as eltflow_tried", role="query")
    for (field, name, _), count in zip(tried, found.rows[0] if found.rows else (), strict=False):
        if count:
            values = f"{count:,} value{'s' if count > 1 else ''} of `{field or _ITEM}` in the items of `{what.column}`"
            message = f"{values} would be changed by `{declared[name].lower()}`, or {'are' if count > 1 else 'is'} none"
            raise ProgramError(message, "correct the source, or declare a type that keeps them", place=_at(child))


def bare(what: Unnested) -> bool:
    """Whether items are JSON as a whole, for want of anything that is known of them."""
    return what.json and [(field, type) for field, _, type in what.items] == [(None, None)]


def has_items(job: Job, table: Relation, what: Unnested) -> Steps[bool]:
    """Whether any list of a table has an item."""
    query = job.dialect.unnested(job.dialect.render(table), replace(what, keys=()))
    found = yield Statement(f"select 1 from (\n{query}\n) as eltflow_items limit 1", role="query")
    return bool(found.rows)


def with_items(job: Job, types: Types) -> Steps[Job]:
    """The job of a table whose lists that are unnested have the types that they have in new rows (`types`, by the table's columns), where none
    had an item so far, or a value: nothing was known of them."""
    if job.reader is not None or not job.children or job.existing is None or job.dry:
        return job
    declared = dict[str, str]()
    for child in job.children:
        assert child.node.ingest is not None
        called = {final: source for source, final in (child.node.ingest.step.get("rename") or {}).items()}
        fields = ", ".join(f"{job.dialect.quote(called.get(n, n))} {t}" for n, t in given_types(child.node).items())
        name = as_columns(job, [str(child.node.ingest.source["column"])], [Column(c.name) for c in job.existing.columns])[0]
        declared[name] = f"STRUCT({fields})[]" if fields else ""
    made = []
    for column in job.existing.columns:
        type = types.get(column.name, "")
        if column.name in declared and column.type in _UNKNOWN and type.endswith("]") and type not in _UNKNOWN:
            what = Unnested(column=column.name, keys=(), position=POSITION, items=((None, _ITEM, None),), json=True)
            values, _ = (yield job.dialect.not_unnested(job.dialect.render(job.relation), what)).rows[0]
            if not values and not (yield from has_items(job, job.relation, what)):
                column = replace(
                    column, type=widened(type, declared[column.name])
                )  # of fields that are declared, one may come later
                yield job.dialect.alter_type(job.relation, Column(column.name, column.type))
        made.append(column)
    return replace(job, existing=replace(job.existing, columns=tuple(made)))
