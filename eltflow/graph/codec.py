"""A graph as plain values that `marshal` takes, and back. Columns are decoded when they are asked for: most commands never do."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from typing import Any

from eltflow.base.diagnostics import Diagnostic, Span
from eltflow.base.records import fields
from eltflow.graph.graph import Graph
from eltflow.project.nodes import (
    ColumnInfo,
    ConstraintInfo,
    DeliverInfo,
    ExposureInfo,
    IngestInfo,
    Node,
    SourceInfo,
    TaskInfo,
    TestInfo,
)
from eltflow.warehouse.values import Relation

_DATE, _DATETIME = "\x00date", "\x00datetime"


class _Columns(Mapping[str, ColumnInfo]):
    """Columns by name, made when first looked at."""

    __slots__ = ("_made", "_raw")

    def __init__(self, raw: tuple[Any, ...]) -> None:
        self._raw = raw
        self._made: dict[str, ColumnInfo] | None = None

    def _all(self) -> dict[str, ColumnInfo]:
        if self._made is None:
            self._made = {
                name: ColumnInfo(
                    name=name,
                    description=description,
                    data_type=data_type,
                    meta=meta,
                    tags=tags,
                    quote=quote,
                    constraints=_constraints(constraints),
                )
                for name, description, data_type, meta, tags, quote, constraints in self._raw
            }
        return self._made

    def __getitem__(self, key: str) -> ColumnInfo:
        return self._all()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._raw)


def encode_graph(graph: Graph) -> tuple[Any, ...]:
    """The graph as tuples, lists, mappings and scalars."""
    return (
        [_node(n) for n in graph.nodes.values()],
        [_node(n) for n in graph.disabled.values()],
        [encode_diagnostic(d) for d in graph.warnings],
    )


def decode_graph(value: tuple[Any, ...]) -> Graph:
    """The graph of `encode_graph`."""
    nodes, disabled, warnings = value
    return Graph(
        nodes={raw[0]: _decoded(raw) for raw in nodes},
        disabled={raw[0]: _decoded(raw) for raw in disabled},
        warnings=tuple(decode_diagnostic(d) for d in warnings),
    )


def encode_diagnostic(d: Diagnostic) -> tuple[Any, ...]:
    span = (d.span.file, d.span.line, d.span.column, d.span.length) if d.span is not None else None
    return (d.code, d.message, d.severity, span, d.source, d.notes, d.help)


def decode_diagnostic(value: tuple[Any, ...]) -> Diagnostic:
    code, message, severity, span, source, notes, help = value
    where = Span(file=span[0], line=span[1], column=span[2], length=span[3]) if span is not None else None
    return Diagnostic(code=code, message=message, severity=severity, span=where, source=source, notes=notes, help=help)


def _node(n: Node) -> tuple[Any, ...]:
    relation = n.relation
    test, source, ingest, exposure, deliver = n.test, n.source, n.ingest, n.exposure, n.deliver
    return (
        n.unique_id,
        n.resource_type,
        n.name,
        n.package,
        n.path,
        n.fqn,
        dict(n.config),
        (relation.database, relation.schema, relation.identifier) if relation is not None else None,
        n.description,
        tuple(
            (c.name, c.description, c.data_type, dict(c.meta), c.tags, c.quote, _plain(c.constraints)) for c in n.columns.values()
        ),
        n.parents,
        n.patch,
        n.place,
        n.checksum,
        n.external,
        n.opaque,
        n.static,
        (test.kind, dict(test.kwargs), test.column, test.attached, test.where) if test is not None else None,
        (source.source, source.table, source.loader, source.source_description) if source is not None else None,
        (dict(ingest.source), ingest.load, ingest.into, dict(ingest.step)) if ingest is not None else None,
        (exposure.type, dict(exposure.owner), exposure.label, exposure.maturity, exposure.url) if exposure is not None else None,
        tuple(_bare(getattr(deliver, part)) for part in _DELIVER) if deliver is not None else None,
        tuple(_bare(getattr(n.task, part)) for part in _TASK) if n.task is not None else None,
        _plain(n.constraints),
    )


def _decoded(raw: tuple[Any, ...]) -> Node:
    (
        unique_id, resource_type, name, package, path, fqn, config, relation, description, columns, parents, patch, place, checksum,
        external, opaque, static, test, source, ingest, exposure, deliver, task, constraints,
    ) = raw  # fmt: skip
    return Node(
        unique_id=unique_id,
        resource_type=resource_type,
        name=name,
        package=package,
        path=path,
        fqn=fqn,
        config=config,
        relation=Relation(*relation) if relation is not None else None,
        description=description,
        columns=_Columns(columns) if columns else {},
        parents=parents,
        patch=patch,
        place=place,
        checksum=checksum,
        external=external,
        opaque=opaque,
        static=static,
        test=TestInfo(kind=test[0], kwargs=test[1], column=test[2], attached=test[3], where=test[4]) if test else None,
        source=SourceInfo(source=source[0], table=source[1], loader=source[2], source_description=source[3]) if source else None,
        ingest=IngestInfo(source=ingest[0], load=ingest[1], into=ingest[2], step=ingest[3]) if ingest else None,
        exposure=(
            ExposureInfo(type=exposure[0], owner=exposure[1], label=exposure[2], maturity=exposure[3], url=exposure[4])
            if exposure
            else None
        ),
        deliver=DeliverInfo(**dict(zip(_DELIVER, deliver, strict=True))) if deliver else None,
        task=TaskInfo(**dict(zip(_TASK, task, strict=True))) if task else None,
        constraints=_constraints(constraints),
    )


def _bare(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value


_DELIVER = tuple(one.name for one in fields(DeliverInfo))
_TASK = tuple(one.name for one in fields(TaskInfo))
_PARTS = tuple(one.name for one in fields(ConstraintInfo))


def _plain(constraints: tuple[ConstraintInfo, ...]) -> tuple[tuple[Any, ...], ...]:
    return tuple(tuple(getattr(one, part) for part in _PARTS) for one in constraints)


def _constraints(raw: tuple[tuple[Any, ...], ...]) -> tuple[ConstraintInfo, ...]:
    return tuple(ConstraintInfo(**dict(zip(_PARTS, one, strict=True))) for one in raw)


def to_plain(value: Any) -> Any:
    """A value with the dates in it written as text that `from_plain` knows again: YAML reads dates, and `marshal` takes none."""
    if isinstance(value, dict):
        return {to_plain(k): to_plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(to_plain(v) for v in value)
    if isinstance(value, datetime.datetime):
        return (_DATETIME, value.isoformat())
    if isinstance(value, datetime.date):
        return (_DATE, value.isoformat())
    return value


def from_plain(value: Any) -> Any:
    """The value of `to_plain`."""
    if isinstance(value, dict):
        return {from_plain(k): from_plain(v) for k, v in value.items()}
    if isinstance(value, tuple) and len(value) == 2 and value[0] == _DATE:
        return datetime.date.fromisoformat(value[1])
    if isinstance(value, tuple) and len(value) == 2 and value[0] == _DATETIME:
        return datetime.datetime.fromisoformat(value[1])
    if isinstance(value, (list, tuple)):
        return type(value)(from_plain(v) for v in value)
    return value
