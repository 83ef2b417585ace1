"""Contracts as a project writes them: what of them cannot be, and what of them an engine does not hold anybody to."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from eltflow.base.diagnostics import Diagnostic, Span
from eltflow.base.names import did_you_mean, listed
from eltflow.base.records import replace
from eltflow.project import yamlfile
from eltflow.project.nodes import ConstraintInfo, Node
from eltflow.project.places import config_span
from eltflow.warehouse.dialect import Dialect

Place = tuple[str | int, ...]
#: (place in the model's entry, what is wrong, help).
Finding = tuple[Place, str, str]

_BUILT = ("table", "view", "incremental")
_FOLLOWS = ("append_new_columns", "fail")
#: What each type of constraint needs beside its columns.
_NEEDS = {"check": "expression", "custom": "expression"}
_ON_COLUMNS = ("not_null", "unique", "primary_key", "foreign_key")
_WORDS = {"not_null": "NOT NULL", "primary_key": "PRIMARY KEY", "foreign_key": "FOREIGN KEY", "custom": "a custom constraint"}


def called(kind: str) -> str:
    """A type of constraint as SQL calls it."""
    return _WORDS.get(kind, kind.upper())


def placed(node: Node) -> Iterator[tuple[Place, ConstraintInfo]]:
    """The constraints of a model, each with its place in the model's entry."""
    for index, one in enumerate(node.constraints):
        yield ("constraints", index), one
    for number, column in enumerate(node.columns.values()):
        for index, one in enumerate(column.constraints):
            yield ("columns", number, "constraints", index), one


def told(node: Node, dialect: Dialect, read: Callable[[str], str]) -> Iterator[Diagnostic]:
    """What of a model's contract cannot be (E0217), and warnings of what the engine does not enforce (W0218, W0219)."""
    for place, message, help in _problems(node, dialect):
        yield replace(_at(node, place, read), message=f"the contract of model `{node.name}` {message}", help=help)
    yield from _warnings(node, dialect, read)


def _at(node: Node, place: Place, read: Callable[[str], str]) -> Diagnostic:
    """A diagnostic at a place of the model's entry; where there is none, at its configuration."""
    if node.patch is None or place[:1] == ("config",):
        key = str(place[-1]) if place[:1] == ("config",) else "contract"
        span: Span = config_span(read, node, key)
    else:
        span = yamlfile.locate(read(node.patch), node.patch, (*node.place, *place))
    return Diagnostic(code="E0217", message="", span=span)


def _problems(node: Node, dialect: Dialect) -> Iterator[Finding]:
    if node.materialized not in _BUILT:
        help = f"set `materialized:` to one of {', '.join(_BUILT)}, or take `contract:` away"
        yield ("config", "contract"), f"cannot be kept by a model that is `materialized: {node.materialized}`", help
        return
    if not node.columns:
        help = "name every column that the query gives, with its `data_type`, under `columns:` of its properties"
        yield ("config", "contract"), "names no columns", help
        return
    follows = node.config.get("on_schema_change") or "ignore"
    if node.materialized == "incremental" and follows not in _FOLLOWS:
        help = f"set `on_schema_change` to {' or '.join(_FOLLOWS)}"
        place: Place = ("config", "on_schema_change" if node.config.get("on_schema_change") else "contract")
        yield place, f"does not go with `on_schema_change: {follows}`", help
    for number, column in enumerate(node.columns.values()):
        if not column.data_type:
            yield ("columns", number), f"says no type for the column `{column.name}`", "add `data_type:`, as the target spells it"
    keys = [place for place, one in placed(node) if one.type == "primary_key"]
    if len(keys) > 1:
        help = "name the columns of one key together, in `constraints:` of the model"
        yield (*keys[-1], "type"), "has more than one primary key", help
    for place, one in placed(node):
        yield from ((place + inner, message, help) for inner, message, help in _constraint(node, one, place, dialect))


def _constraint(node: Node, one: ConstraintInfo, place: Place, dialect: Dialect) -> Iterator[Finding]:
    what = called(one.type)
    needed = _NEEDS.get(one.type)
    if needed is not None and not one.expression:
        yield (
            (),
            f"has {what} without `{needed}`",
            "add `expression:`, the condition that every row must meet"
            if (one.type == "check")
            else "add `expression:`, what stands in the statement",
        )
    if one.type in _ON_COLUMNS and not one.columns:
        yield (), f"has {what} on no column", "add `columns:`, or write it at the column that it is on"
    if one.type == "foreign_key" and not one.expression and not (one.to and one.to_columns):
        missing = "to_columns" if one.to else "to"
        help = "add `to_columns:`, the columns of that table" if one.to else "add `to: ref('name')`, and `to_columns:`"
        yield (), f"has FOREIGN KEY without `{missing}`", help
    elif one.to and one.to_columns and len(one.to_columns) != len(one.columns):
        yield (
            ("to_columns",),
            f"has FOREIGN KEY of {len(one.columns)} columns on {len(one.to_columns)}",
            "name as many on both sides",
        )
    known = {dialect.fold(name, True) for name in node.columns}
    for name in one.columns:
        if dialect.fold(name, True) not in known:
            help = did_you_mean(name, node.columns) or f"there are: {listed(node.columns, 8)}"
            yield ("columns",), f"has {what} on the column `{name}`, which it does not name", help


def _warnings(node: Node, dialect: Dialect, read: Callable[[str], str]) -> Iterator[Diagnostic]:
    for place, one in placed(node):
        what, support = called(one.type), dialect.capabilities.constraints.get(one.type)
        if node.materialized == "view" and one.warn_unsupported:
            message = f"{what} of model `{node.name}` is left out: a view has no constraints"
        elif node.materialized == "view":
            continue
        elif support is None and one.warn_unsupported:
            message = f"{what} of model `{node.name}` is left out: {dialect.name} has no such constraint, or not on tables that are replaced"
        elif support == "accepted" and one.warn_unenforced:
            message = f"{what} of model `{node.name}` is written down, and not enforced: {dialect.name} lets any row in"
        else:
            continue
        code, key = (
            ("W0219", "warn_unenforced") if support == "accepted" and node.materialized != "view" else ("W0218", "warn_unsupported")
        )
        help = f"test what must hold with `data_tests:`; `{key}: false` at the constraint leaves this message out"
        yield replace(_at(node, place, read), code=code, severity="warning", message=message, help=help)
