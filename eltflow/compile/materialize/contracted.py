"""A query held to its model's contract: its columns and their types are compared before anything is replaced."""

from __future__ import annotations

from collections.abc import Sequence

from eltflow.base.records import replace
from eltflow.compile.contract import differences, in_words, kind
from eltflow.compile.materialize.narrowing import keeping, narrows
from eltflow.compile.program import Job, ProgramError, Steps, discarded, tidily
from eltflow.warehouse.values import Column, Constraint, Contract, Relation, WarehouseError


def fulfilled(job: Job) -> Steps[Contract | None]:
    """The contract with its columns named as the query has them; None for a model without one. Raises ProgramError where the query gives
    other columns than it says, or columns of other types, or values that its types would round or cut."""
    contract = job.contract
    if contract is None or job.dry:
        return contract
    given = (yield job.dialect.describe(job.sql)).columns
    said = yield from _said(job, contract.columns)
    found = differences(said, given, job.dialect)
    if found:
        raise ProgramError(
            f"its query is not what its contract says: {in_words(found)}", found[0].help, place=found[0].place or ("columns",)
        )
    fold = job.dialect.fold
    names = {fold(c.name, True): c.name for c in given}
    told = [
        replace(column, name=names.get(fold(column.name, True)) or names[fold(column.name, False)]) for column in contract.columns
    ]
    types = {c.name: c.type for c in given}
    narrowed = [
        (column.name, str(types[column.name]), one.type)
        for column, one in zip(told, said, strict=True)
        if one.type and types[column.name] and one.type != types[column.name] and narrows(str(types[column.name]), one.type)
    ]
    help = "cast the column in the model, or write the type that it has into the contract"
    yield from keeping(job, job.sql, [(name, type, into) for name, type, into in narrowed if into], help)
    renamed = {old.name: new.name for old, new in zip(contract.columns, told, strict=True)}
    return Contract(columns=tuple(told), constraints=tuple(_on(one, renamed, job) for one in contract.constraints))


def _on(constraint: Constraint, renamed: dict[str, str], job: Job) -> Constraint:
    """The constraint on the columns as the table calls them."""
    fold = job.dialect.fold
    by_name = {fold(old, True): new for old, new in renamed.items()}
    columns = tuple(by_name.get(fold(name, True), name) for name in constraint.columns)
    to = tuple(fold(name, False) for name in constraint.to_columns)  # as SQL without quotes would name them
    return replace(constraint, columns=columns, to_columns=to)


def _said(job: Job, columns: Sequence[Column]) -> Steps[Sequence[Column]]:
    """The contract's columns with their types as the engine itself spells them. Raises ProgramError for one that it does not know."""
    if not job.dialect.capabilities.column_types:
        return [replace(c, type=None) for c in columns]
    try:
        return (yield from _spelt(job, columns))
    except WarehouseError as error:
        if error.kind != "sql":
            raise
        words = error.engine_message
        number = next((n for n, c in enumerate(columns) if kind(str(c.type)) in words.lower()), 0)
        message = f"its contract says a type that {job.dialect.name} does not take: {words}"
        raise ProgramError(message, "write types as the target spells them", place=("columns", number, "data_type")) from None


def _of_table(job: Job, scratch: Relation, columns: Sequence[Column]) -> Steps[Sequence[Column]]:
    yield job.dialect.create_temporary(scratch, columns)
    told = (yield job.dialect.describe(f"select * from {job.dialect.render(scratch)}")).columns
    yield from discarded(job, scratch)
    return told


def _spelt(job: Job, columns: Sequence[Column]) -> Steps[Sequence[Column]]:
    blank = job.dialect.blank(columns)
    if blank is not None:
        told: Sequence[Column] = (yield job.dialect.describe(blank)).columns
    else:
        scratch = job.dialect.staging(job.temporary("__said"))
        told = yield from tidily(job, scratch, _of_table(job, scratch, columns))
    return [replace(column, type=one.type) for column, one in zip(columns, told, strict=True)]
