"""What stands in a schema, from what SHOW TABLE EXTENDED says: one statement for all of it, where DESCRIBE takes one for each table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from eltflow.base.names import TEMPORARY
from eltflow.warehouse import CatalogColumn, CatalogTable, Relation, Session, Statement, WarehouseError
from eltflow.warehouse.values import RelationKind
from eltflow_spark.dialect import SparkDialect
from eltflow_spark.types import spelt

_DIALECT = SparkDialect()
#: `Comment:` of a table may have several lines; it ends where the next of Spark's own words begins.
_COMMENT = re.compile(
    r"^Comment: (.*?)\n(?=(?:Collation|Location|Serde Library|View Text|Table Properties|Statistics|Partition \w+|Schema|Num Buckets)\b)",
    re.MULTILINE | re.DOTALL,
)
_FIELD = re.compile(r"((?: \|   )*) \|-- (.*): ([^:\n]+?)(?: \((?:nullable|containsNull|valueContainsNull) = (true|false)\))?\Z")
_KIND = re.compile(r"^Type: (\w+)$", re.MULTILINE)


def of_schema(session: Session, schema: str, only: Sequence[Relation] | None) -> Iterator[CatalogTable]:
    """What stands there; with `only`, of these relations and what runs make for themselves. Nothing, where there is no such schema."""
    chosen = "*"
    if only is not None:
        chosen = "|".join([*sorted({r.identifier for r in only if r.schema == schema}), f"*{TEMPORARY}*"])
    sql = f"show table extended in {_DIALECT.quote(schema)} like {_DIALECT.string(chosen)}"
    try:
        rows = session.execute(Statement(sql, role="query")).rows
    except WarehouseError as error:
        if error.code == "SCHEMA_NOT_FOUND":
            return
        raise
    yield from tables(schema, rows)


def tables(schema: str, rows: Iterable[Sequence[Any]]) -> Iterator[CatalogTable]:
    """Of the rows (namespace, table, whether it is of the session alone, what is told of it)."""
    for _, name, temporary, told in rows:
        if not temporary:
            kind: RelationKind = "view" if "VIEW" in ((_KIND.search(told) or [""])[0]) else "table"
            comment = _COMMENT.search(told)
            columns = tuple(_columns(told.rpartition("\nSchema: root\n")[2]))
            yield CatalogTable(Relation(None, schema, name), kind, columns, comment.group(1) if comment else None)


def _columns(tree: str) -> Iterator[CatalogColumn]:
    """The columns of a printed schema: a line each, with the parts of their types in lines below."""
    lines = [(len(f[1]) // 5, f[2], f[3], f[4]) for f in map(_FIELD.match, tree.split("\n")) if f is not None]
    for at, (depth, name, _, nullable) in enumerate(lines):
        if depth == 0:
            yield CatalogColumn(name, _type(lines, at), nullable != "false")


def _type(lines: Sequence[tuple[int, str, str, str]], at: int) -> str:
    depth, _, type, _ = lines[at]
    end = next((n for n in range(at + 1, len(lines)) if lines[n][0] <= depth), len(lines))
    parts = [(lines[n][1], _type(lines, n)) for n in range(at + 1, end) if lines[n][0] == depth + 1]
    if type == "struct":
        return f"struct<{','.join(f'{name}:{part}' for name, part in parts)}>"
    return f"{type}<{','.join(part for _, part in parts)}>" if parts else spelt(type)
