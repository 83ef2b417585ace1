"""Nodes: what a project consists of, with configuration resolved and names physical. The graph's vertices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from eltflow.base.records import dataclass, field
from eltflow.warehouse.values import Relation

#: Kinds of nodes that make or hold a relation, in the order in which a name is looked up among them.
RELATIONS = ("model", "seed", "ingest", "source")


def noun(resource_type: str) -> str:
    """What people call a node of that type."""
    return "delivery" if resource_type == "deliver" else resource_type


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstraintInfo:
    """What properties YAML says must hold for every row of a model's table. `to` is a reference as it is written (`ref('a')`), `target`
    the unique id of what it means; a constraint of a column has that column for its only one."""

    type: str
    name: str | None = None
    expression: str | None = None
    columns: tuple[str, ...] = ()
    to: str | None = None
    to_columns: tuple[str, ...] = ()
    target: str | None = None
    warn_unsupported: bool = True
    warn_unenforced: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnInfo:
    """A column as properties YAML describes it: documentation, never proof that others are absent."""

    name: str
    description: str = ""
    data_type: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    quote: bool = False
    constraints: tuple[ConstraintInfo, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TestInfo:
    """What a test tests. A generic test has `kind` (its macro without `test_`), arguments and the node and column it hangs on."""

    kind: str | None = None
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    column: str | None = None
    attached: str | None = None
    where: tuple[str, ...] = ()

    __test__: ClassVar[bool] = False  # it is about tests, and is none: test runners pass it over

    @property
    def singular(self) -> bool:
        return self.kind is None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceInfo:
    """A table of a source."""

    source: str
    table: str
    loader: str = ""
    source_description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestInfo:
    """A step that loads a table: where from (`source`, as written), and how (`load`)."""

    source: Mapping[str, Any]
    load: str
    into: str
    step: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureInfo:
    """A use of the data outside the project."""

    type: str
    owner: Mapping[str, Any] = field(default_factory=dict)
    label: str | None = None
    maturity: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverInfo:
    """What is sent (`columns`, all unless told), where to (`to`, as written), which rows (`send`), told apart by `key`, what becomes there of
    those that are gone (`on_delete`), and on which targets."""

    to: Mapping[str, Any]
    columns: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    send: str = "all"
    on_delete: str = "ignore"
    targets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskInfo:
    """What runs beside SQL: a program (`command`, with `env`, `folder`, `memory_mb`), a function (`python`, with `params` and the names that it
    reads; its rows go `into` a table of a source), a condition that is waited for, or a job that an API runs; and on which targets. `each`
    is the name that it has together with the other items of its `for_each`."""

    command: tuple[str, ...] = ()
    python: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    reads: tuple[str, ...] = ()
    into: str = ""
    each: str = ""
    wait_for: Mapping[str, Any] = field(default_factory=dict)
    http_job: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    folder: str = ""
    memory_mb: int | None = None
    targets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One node of the graph.

    `path` is relative to the project root; `place` is the position of its definition in that YAML file (empty for a file of its own);
    `tables` are the names that its SQL reads plainly; `refs` and `sources` the literal calls; `parents` the unique ids it depends on.
    """

    unique_id: str
    resource_type: str
    name: str
    package: str
    path: str
    fqn: tuple[str, ...]
    config: Mapping[str, Any]
    relation: Relation | None = None
    description: str = ""
    columns: Mapping[str, ColumnInfo] = field(default_factory=dict)
    parents: tuple[str, ...] = ()
    patch: str | None = None
    place: tuple[str | int, ...] = ()
    checksum: str = ""
    external: tuple[str, ...] = ()
    opaque: str | None = None
    static: bool = True
    test: TestInfo | None = None
    source: SourceInfo | None = None
    ingest: IngestInfo | None = None
    exposure: ExposureInfo | None = None
    deliver: DeliverInfo | None = None
    task: TaskInfo | None = None
    constraints: tuple[ConstraintInfo, ...] = ()

    @property
    def unnests(self) -> bool:
        """Whether its rows are the items of lists in the table of a step."""
        return self.ingest is not None and self.ingest.source.get("kind") == "unnest"

    @property
    def contracted(self) -> bool:
        """Whether its columns and their types are promised, and held to that."""
        return self.resource_type == "model" and bool((self.config.get("contract") or {}).get("enforced"))

    @property
    def all_constraints(self) -> tuple[ConstraintInfo, ...]:
        """Its constraints and those of its columns."""
        return (*self.constraints, *(one for column in self.columns.values() for one in column.constraints))

    @property
    def materialized(self) -> str:
        """How it is built: view, table, incremental, ephemeral, seed, ingest, test, source, ..."""
        if self.resource_type == "model":
            return str(self.config.get("materialized") or "view")
        return self.resource_type

    @property
    def outside(self) -> tuple[str, ...] | None:
        """The targets on which it may run, of a node that reaches outside; None of all others."""
        info = self.deliver or self.task
        return info.targets if info is not None else None

    @property
    def noun(self) -> str:
        """What people call a node of its type."""
        return noun(self.resource_type)

    @property
    def tags(self) -> tuple[str, ...]:
        return tuple(self.config.get("tags") or ())

    @property
    def meta(self) -> Mapping[str, Any]:
        meta: Mapping[str, Any] = self.config.get("meta") or {}
        return meta

    @property
    def group(self) -> str | None:
        group: str | None = self.config.get("group")
        return group

    @property
    def display(self) -> str:
        """The name that people know it by: `source.table` for a source, its relation's schema and name for a step, else its name."""
        if self.source is not None:
            return f"{self.source.source}.{self.source.table}"
        if self.ingest is not None:
            return self.ingest.into
        return self.name


def given_types(node: Node) -> dict[str, str]:
    """The types that a step's or a seed's configuration gives columns, by their names in the table."""
    if node.ingest is None:
        return dict(node.config.get("column_types") or {})
    types = {c.name: c.data_type for c in node.columns.values() if c.data_type}
    return {**types, **(node.ingest.step.get("column_types") or {})}
