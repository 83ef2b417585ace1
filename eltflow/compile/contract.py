"""Contracts: the columns and types that a model promises, what of them its SQL certainly does not keep, and how that is told."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from eltflow.base.diagnostics import Diagnostic, EltflowError, Span, with_source
from eltflow.base.names import did_you_mean, listed
from eltflow.base.records import dataclass
from eltflow.project import yamlfile
from eltflow.project.nodes import ConstraintInfo, Node
from eltflow.project.places import config_span
from eltflow.warehouse.dialect import Dialect
from eltflow.warehouse.values import Column, Constraint, ConstraintType, Contract

if TYPE_CHECKING:
    from eltflow.compile.compiled import Compiled
    from eltflow.compile.node import Compiler

#: What stands behind the name of a type and does not make it another one: how long, how precise.
_FIGURES = re.compile(r"\s*\([\d\s,]*\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A difference between a query and its model's contract: in words, with help, and where in the model's entry it is."""

    words: str
    help: str
    place: tuple[str | int, ...]


def contract_of(node: Node, nodes: Mapping[str, Node]) -> Contract | None:
    """What a model promises; None for one without a contract."""
    if not node.contracted:
        return None
    return Contract(
        columns=tuple(Column(c.name, c.data_type) for c in node.columns.values()),
        constraints=tuple(_constraint(one, nodes) for one in node.all_constraints) if node.materialized != "view" else (),
    )


def _constraint(one: ConstraintInfo, nodes: Mapping[str, Node]) -> Constraint:
    target = nodes.get(one.target) if one.target is not None else None
    return Constraint(
        type=cast("ConstraintType", one.type),
        name=one.name,
        expression=one.expression,
        columns=one.columns,
        to=target.relation if target is not None else None,
        to_columns=one.to_columns,
    )


def pointed_at(node: Node, nodes: Mapping[str, Node], children: Sequence[str]) -> bool:
    """Whether a foreign key of one of the children points at the node."""
    return any(
        one.target == node.unique_id
        for child in map(nodes.__getitem__, children)
        if child.contracted
        for one in child.all_constraints
    )


def kind(type: str) -> str:
    """A type without its figures: what two of them have in common that differ in length or precision alone."""
    return " ".join(_FIGURES.sub("", type).lower().split())


def differences(said: Sequence[Column], given: Sequence[Column], dialect: Dialect) -> list[Told]:
    """How the columns that a query gives differ from those that its contract says. Order does not matter; types that are not known agree."""
    fold = dialect.fold
    there = {fold(c.name, True): c for c in given}
    found: list[Told] = []
    used: set[str] = set()
    for number, column in enumerate(said):
        key = next((k for k in (fold(column.name, True), fold(column.name, False)) if k in there), None)
        if key is None:
            near = did_you_mean(column.name, [c.name for c in given]) or f"the query gives: {listed([c.name for c in given], 8)}"
            found.append(Told(words=f"`{column.name}` is missing", help=near, place=("columns", number, "name")))
            continue
        used.add(key)
        type = there[key].type
        if column.type and type and kind(column.type) != kind(type):
            words = f"`{column.name}` is {type}, not {column.type}"
            help = f"cast it in the model, or write `data_type: {type}`"
            found.append(Told(words=words, help=help, place=("columns", number, "data_type")))
    for key, one in there.items():
        if key not in used:
            help = "take it out of the model, or add it under `columns:`, with its `data_type`"
            found.append(Told(words=f"`{one.name}` is not in the contract", help=help, place=()))
    return found


def in_words(found: Sequence[Told]) -> str:
    """Differences in one line."""
    most = 8
    more = f"; and {len(found) - most} more" if len(found) > most else ""
    return "; ".join(one.words for one in found[:most]) + more


def check(compiler: Compiler, node: Node, compiled: Compiled) -> None:
    """Raise EltflowError (E0413) for each column of a contract that the model's SQL certainly does not give so."""
    if compiled.columns is None:
        return
    dialect = compiler.dialect
    given = [Column(name) for name in compiled.columns]
    said = [Column(c.name, None) for c in node.columns.values()]
    found = differences(said, given, dialect)
    bound = compiler.known.columns(node) if compiler.dialect.capabilities.offline_parser and compiler.known.sure(node) else None
    if bound is not None:
        said, wrong = _spelt(compiler, node)
        found = [*wrong, *(differences(said, bound, dialect) if not wrong else found)]
    elif not found and not compiler.dialect.capabilities.offline_parser:
        found = _cast_otherwise(node, compiled, dialect)
    if found:
        raise EltflowError([_at(compiler, node, one) for one in found])


def _cast_otherwise(node: Node, compiled: Compiled, dialect: Dialect) -> list[Told]:
    """Columns that the query casts to something else than the contract says, where no engine can be asked: a text, say, not a number."""
    if not dialect.capabilities.column_types or not any(c.data_type for c in node.columns.values()):
        return []
    from eltflow.sql.types import cast_types, family

    cast = {dialect.fold(name, True): type for name, type in cast_types(compiled.sql, dialect.sqlglot).items()}
    found = []
    for number, column in enumerate(node.columns.values()):
        type = cast.get(dialect.fold(column.name, True), cast.get(dialect.fold(column.name, False)))
        if type is None or not column.data_type:
            continue
        given, said = family(type, dialect.sqlglot), family(column.data_type, dialect.sqlglot)
        if given is not None and said is not None and given != said:
            words = f"`{column.name}` is {given} ({type.lower()}), not {said} ({column.data_type})"
            help = f"cast it in the model to {column.data_type}, or write `data_type: {type.lower()}`"
            found.append(Told(words=words, help=help, place=("columns", number, "data_type")))
    return found


def _spelt(compiler: Compiler, node: Node) -> tuple[list[Column], list[Told]]:
    """The contract's columns with their types as the engine spells them, and those whose types it does not know."""
    assert compiler.offline is not None
    made: list[Column] = []
    wrong: list[Told] = []
    for number, column in enumerate(node.columns.values()):
        blank = compiler.dialect.blank([Column(column.name, column.data_type)])
        bound = compiler.offline.bind(blank, {}) if blank is not None else ()
        one = bound[0] if bound else None
        made.append(one if isinstance(one, Column) else Column(column.name, None))
        if isinstance(one, str) and "does not exist" in one.lower():
            words = f"`{column.data_type}` is no type of {compiler.dialect.name}"
            wrong.append(Told(words=words, help="write it as the target spells it", place=("columns", number, "data_type")))
    return made, wrong


def _at(compiler: Compiler, node: Node, one: Told) -> Diagnostic:
    read = compiler.project.read
    span: Span = config_span(read, node, "contract")
    if node.patch is not None:
        place = one.place or ("columns",)
        span = yamlfile.locate(read(node.patch), node.patch, (*node.place, *place), key=not one.place)
    message = f"the contract of model `{node.name}` is not kept by its SQL: {one.words}"
    made = Diagnostic(code="E0413", message=message, span=span, help=one.help)
    return with_source(made, read(span.file))


__all__ = ["Told", "check", "contract_of", "differences", "in_words", "kind", "pointed_at"]
