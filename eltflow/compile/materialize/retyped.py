"""Columns of a source whose type is another than when their table was made: widened, cast to what it was, or an error."""

from __future__ import annotations

import re
from collections.abc import Sequence

from eltflow.base.records import dataclass
from eltflow.compile.materialize.narrowing import keeping
from eltflow.compile.materialize.shapes import again, key_of_column
from eltflow.compile.program import Job, ProgramError, Steps
from eltflow.project.nodes import given_types
from eltflow.transfer import Kept
from eltflow.warehouse.values import CatalogColumn, Column, Relation

#: Bits of a number beside its sign, and the digits that it may have.
_WHOLE = {"TINYINT": 7, "SMALLINT": 15, "INTEGER": 31, "BIGINT": 63, "HUGEINT": 127}
_UNSIGNED = {"UTINYINT": 8, "USMALLINT": 16, "UINTEGER": 32, "UBIGINT": 64, "UHUGEINT": 128}
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")
_DIGITS = 38  #: of a DECIMAL, at most
_PRECISE = {"FLOAT": 24, "DOUBLE": 53}  #: bits of a whole number that a floating-point one keeps (IEEE 754)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retyped:
    """A column of the table, its type there, and those that the source's values need (`now`) and that both need (`both`: None if there is
    none that keeps each of them as it is), as the engine spells them."""

    name: str
    there: str
    now: str
    both: str | None


def wider(old: str, new: str) -> str | None:
    """The type that keeps every value of two types, as DuckDB spells them, for what it is; None if there is none."""
    if old == new:
        return old
    bits = [{**_WHOLE, **_UNSIGNED}.get(type) for type in (old, new)]
    floats = [_PRECISE.get(type) for type in (old, new)]
    if bits[0] is not None and bits[1] is not None:
        kinds = _UNSIGNED if old in _UNSIGNED and new in _UNSIGNED else _WHOLE
        return next((type for type, size in kinds.items() if size >= max(bits[0], bits[1])), None)
    if floats[0] is not None or floats[1] is not None:
        needed = max(floats[n] or bits[n] or _DIGITS * 4 for n in (0, 1))
        return next((type for type, size in _PRECISE.items() if size >= needed), None)
    numbers = [_digits(old), _digits(new)]
    if numbers[0] is not None and numbers[1] is not None:
        whole, scale = (max(numbers[0][n], numbers[1][n]) for n in (0, 1))
        return f"DECIMAL({whole + scale},{scale})" if whole + scale <= _DIGITS else None
    return "TIMESTAMP" if {old, new} == {"DATE", "TIMESTAMP"} else None


def _digits(type: str) -> tuple[int, int] | None:
    """How many digits a number has before and behind its point."""
    decimal = _DECIMAL.fullmatch(type)
    if decimal is not None:
        precision, scale = int(decimal.group(1)), int(decimal.group(2))
        return precision - scale, scale
    bits = {**_WHOLE, **_UNSIGNED}.get(type)
    return (len(str(2**bits)), 0) if bits is not None else None


def check_retyping(job: Job) -> None:
    """Raise ProgramError for a step that may have to change a column's type, on an engine that cannot."""
    policy = _policy(job)
    if policy != "fail" and not job.dialect.capabilities.column_types:
        message = f"`type: {policy}` needs an engine that changes the type of a column, unlike {job.dialect.name}"
        raise ProgramError(message, "take it out", place=("schema_changes", "type"))


def retyped(job: Job, columns: Sequence[tuple[Kept, str]], cursor: Kept | None) -> list[Retyped]:
    """The columns whose type is another now. Raises ProgramError for one that the step does not allow that, or cannot follow."""
    assert job.existing is not None
    there = {c.name: c.type for c in job.existing.columns}
    declared = {key_of_column(job, name) for name in given_types(job.node)}
    found = []
    for kept, name in columns:
        now = job.dialect.keeps(kept.type)
        if name not in there or key_of_column(job, name) in declared or now is None or job.dialect.holds(there[name], now):
            continue
        both = wider(job.dialect.reads_as(there[name]), kept.type)
        one = Retyped(name=name, there=there[name], now=now, both=job.dialect.keeps(both) if both is not None else None)
        _check(job, one, kept, kept is cursor)
        found.append(one)
    return found


def _check(job: Job, one: Retyped, kept: Kept, is_cursor: bool) -> None:
    assert job.tables is not None
    policy = _policy(job)
    changed = f"the column `{kept.name}` of {job.tables.where} is {one.now} now, and {job.relation} has {one.there} there"
    if policy == "fail":
        help = (
            "say what is to happen: `schema_changes: {type: evolve}` widens the column if that changes no value, `discard` casts to the type "
            f"that it has; or give the column its type under `column_types:`, and {again(job)}"
        )
        raise ProgramError(changed, help)
    if policy == "evolve" and one.both is None:
        raise ProgramError(
            f"{changed}: no type keeps the values of both", f"give the column its type under `column_types:`, and {again(job)}"
        )
    if policy == "discard" and is_cursor:
        raise ProgramError(
            f"{changed}: as {one.there}, the cursor's values would go in another order",
            f"set `schema_changes: {{type: evolve}}`, or {again(job)}",
            place=("cursor", "column"),
        )


def widened(job: Job, changed: Sequence[Retyped], columns: Sequence[CatalogColumn]) -> Steps[list[CatalogColumn]]:
    """The table's columns, once those that changed have got the wider type, where the step wants that."""
    types: dict[str, str] = {}
    for one in changed if _policy(job) == "evolve" else ():
        if one.both is not None and one.both != one.there:
            yield job.dialect.alter_type(job.relation, Column(one.name, one.both))
            types[one.name] = one.both
    return [CatalogColumn(c.name, types.get(c.name, c.type), c.nullable, c.comment) for c in columns]


def alters(job: Job, changed: Sequence[Retyped]) -> bool:
    """Whether the table's own columns are changed."""
    return _policy(job) == "evolve" and any(one.both != one.there for one in changed)


def staged_columns(job: Job, changed: Sequence[Retyped], columns: Sequence[CatalogColumn]) -> list[CatalogColumn]:
    """The columns that new rows are staged in: in the types that they come with, where they are cast only then."""
    types = {one.name: one.now for one in changed} if _policy(job) == "discard" else {}
    return [CatalogColumn(c.name, types.get(c.name, c.type)) for c in columns]


def cast_back(job: Job, changed: Sequence[Retyped], staged: Relation) -> Steps[None]:
    """Cast staged rows to the table's types, where the step wants that. Raises ProgramError for a value that the cast would change."""
    if _policy(job) != "discard" or not changed:
        return
    help = f"correct the source, set `schema_changes: {{type: evolve}}`, or {again(job)}"
    yield from keeping(job, staged, [(one.name, one.now, one.there) for one in changed], help)
    for one in changed:
        yield job.dialect.alter_type(staged, Column(one.name, one.there))


def told(job: Job, changed: Sequence[Retyped]) -> tuple[str, ...]:
    """What people should know of it."""
    if _policy(job) == "discard":
        return tuple(f"`{one.name}` is {one.now} in the source, and cast to {one.there}" for one in changed)
    return tuple(f"`{one.name}` is {one.both} now, and was {one.there}" for one in changed if one.both != one.there)


def _policy(job: Job) -> str:
    assert job.node.ingest is not None
    return (job.node.ingest.step.get("schema_changes") or {}).get("type") or "fail"
