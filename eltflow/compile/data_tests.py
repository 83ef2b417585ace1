"""The SQL of data tests: the four built-in ones are written here, others by the project's own macros; and the query for a verdict."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from eltflow.base.diagnostics import EltflowError
from eltflow.base.records import replace
from eltflow.compile.names import NodeNames
from eltflow.graph.calls import argument
from eltflow.jinja.static import has_jinja
from eltflow.project.nodes import Node
from eltflow.project.relation import JinjaRelation
from eltflow.warehouse.dialect import Dialect

if TYPE_CHECKING:
    from eltflow.jinja.renderer import Renderer

_PLAIN = re.compile(r"[^\W\d]\w*\Z")


def test_sql(
    node: Node,
    attached: Node,
    relation: JinjaRelation,
    names: NodeNames,
    renderer: Callable[[], Renderer],
    dialect: Dialect,
    *,
    own_tests: Collection[str] = (),
) -> str:
    """The query whose rows are the failures of a generic test."""
    test = node.test
    assert test is not None and test.kind is not None
    where = node.config.get("where")
    model = str(relation)
    if where:
        condition = renderer().render(str(where), node.path, names.names).text if has_jinja(str(where)) else str(where)
        model = f"(select * from {relation} where {condition}) as eltflow_subquery"
    column = None if test.column is None else tested_column(node, attached, dialect)
    built_in = _BUILT_IN.get(test.kind)
    if built_in is not None and test.kind not in own_tests:
        return str(built_in(model, column or "", test.kwargs, names, renderer, dialect, node))
    kwargs = {key: argument(value, renderer, names.names, node.path) for key, value in test.kwargs.items()}
    if test.column is not None:
        quoted = column is not None and is_quoted(test.column, attached)
        kwargs["column_name"] = column if quoted else test.column
    try:
        shown = model if where else relation
        return str(renderer().call(f"test_{test.kind}", names.names, node.path, model=shown, **kwargs)).strip()
    except EltflowError as error:
        noted = [replace(d, notes=(*d.notes, f"in the test `{node.name}` of {node.path}")) for d in error.diagnostics]
        raise EltflowError(noted) from None


def tested_column(node: Node, attached: Node, dialect: Dialect) -> str:
    """A test's column in SQL: quoted where its entry says `quote: true`."""
    column = str(node.test.column) if node.test is not None else ""
    return dialect.quote(column) if is_quoted(column, attached) else column_text(column, dialect)


def is_quoted(column: str, attached: Node) -> bool:
    """Whether the entry of a column says that its name needs quotes."""
    described = attached.columns.get(column)
    return described is not None and described.quote


def column_text(column: str, dialect: Dialect) -> str:
    """A column that people name: a plain name under the dialect's quoting, what can only be a name in quotes, and an expression as it was
    written."""
    if _PLAIN.match(column):
        return dialect.column(column)
    from eltflow.sql.statement import is_expression

    return column if is_expression(column, dialect.sqlglot) else dialect.quote(column)


def _not_null(model: str, column: str, *_: Any) -> str:
    return f"select * from {model} where {column} is null"


def _unique(model: str, column: str, *_: Any) -> str:
    return (
        f"select {column} as unique_field, count(*) as n_records\nfrom {model}\nwhere {column} is not null\n"
        f"group by {column}\nhaving count(*) > 1"
    )


def _accepted_values(
    model: str,
    column: str,
    kwargs: Mapping[str, Any],
    names: NodeNames,
    renderer: Callable[[], Renderer],
    dialect: Dialect,
    node: Node,
) -> str:
    quote = kwargs.get("quote", True)
    values = argument(kwargs["values"], renderer, names.names, node.path)
    listed = ", ".join(dialect.string(str(v)) if quote else str(v) for v in values)
    return (
        f"with all_values as (\n  select {column} as value_field, count(*) as n_records from {model} group by {column}\n)\n"
        f"select * from all_values where value_field not in ({listed})"
    )


def _relationships(
    model: str,
    column: str,
    kwargs: Mapping[str, Any],
    names: NodeNames,
    renderer: Callable[[], Renderer],
    dialect: Dialect,
    node: Node,
) -> str:
    parent = argument(kwargs["to"], renderer, names.names, node.path)
    field = column_text(str(kwargs["field"]), dialect)
    return (
        f"with child as (select {column} as from_field from {model} where {column} is not null),\n"
        f"parent as (select {field} as to_field from {parent})\n"
        "select from_field from child left join parent on child.from_field = parent.to_field where parent.to_field is null"
    )


_BUILT_IN: Mapping[str, Any] = {
    "not_null": _not_null,
    "unique": _unique,
    "accepted_values": _accepted_values,
    "relationships": _relationships,
}


def verdict_sql(sql: str, config: Mapping[str, Any]) -> str:
    """A query of one row: failures, should_warn, should_error, under the test's thresholds."""
    calc = config.get("fail_calc") or "count(*)"
    return (
        f"select {calc} as failures, {calc} {config.get('warn_if') or '!= 0'} as should_warn, "
        f"{calc} {config.get('error_if') or '!= 0'} as should_error\nfrom (\n{limited(sql, config.get('limit'))}\n) as eltflow_test"
    )


def limited(sql: str, limit: int | None) -> str:
    """The query cut to so many rows; a limit of its own stays."""
    return sql if limit is None else f"select * from (\n{sql}\n) as eltflow_limited limit {int(limit)}"


def status(failures: int, should_warn: bool, should_error: bool, severity: str) -> str:
    """pass, warn or fail: severity `error` looks at `error_if`, then `warn_if`; severity `warn` at `warn_if` alone."""
    if severity.lower() == "error" and should_error:
        return "fail"
    return "warn" if should_warn else "pass"
