"""A condition on an incremental model's table, made to speak of the names that our statements give the table and the new rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from sqlglot import exp

from eltflow.sql.parse import Parsed, parse
from eltflow.sql.rewrite import Splice, splice

_BEFORE = "select 1 where "


def qualified(
    condition: str,
    dialect: str,
    *,
    aliases: Mapping[str, str],
    target: str,
    is_column: Callable[[str, bool], bool],
) -> str:
    """The condition with `aliases` (in lower case) replaced, and with bare columns of the table after `target`.

    `is_column` says whether a name (and whether it is quoted) is one of the table's. A bare name inside a subquery is the subquery's own
    affair. A condition that cannot be parsed stays as it is.
    """
    parsed = parse(_BEFORE + condition, dialect)
    if not isinstance(parsed, Parsed) or parsed.count != 1:
        return condition
    splices: list[Splice] = []
    for column in parsed.tree.find_all(exp.Column):
        qualifier, name = column.args.get("table"), column.this
        if qualifier is not None:
            alias = aliases.get(qualifier.name.lower())
            if alias is not None and column.args.get("db") is None:
                splices += _at(qualifier, alias, whole=True)
        elif isinstance(name, exp.Identifier) and _outermost(column) and is_column(name.name, bool(name.args.get("quoted"))):
            splices += _at(name, f"{target}.", whole=False)
    return splice(condition, splices).text


def _outermost(column: Any) -> bool:
    select = column.find_ancestor(exp.Query)
    return select is not None and select.parent is None


def _at(identifier: Any, text: str, *, whole: bool) -> Collection[Splice]:
    """A splice in place of an identifier, or before it, if the parser tells where it stands."""
    start, end = identifier.meta.get("start"), identifier.meta.get("end")
    if start is None or end is None:
        return ()
    begin = start - len(_BEFORE)
    return (Splice(begin, end + 1 - len(_BEFORE) if whole else begin, text),)
