"""What a run tells, as events of OpenLineage (spec 2-0-2): jobs, their runs, the tables these read and write, down to the column.

The whole run is a job, and each node that ran is one whose parent it is. Events are plain values; `eltflow.api.emitting` sends them.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from eltflow.base.records import dataclass, field
from eltflow.events import BAD, Event, RunFinished, RunStarted, StepFinished, StepResult, StepStarted
from eltflow.project.nodes import ColumnInfo, Node
from eltflow.sql.values import HOWS, ColumnLineage, QueryLineage

_SPEC = "https://openlineage.io/spec"
_EVENT = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
#: Facet → the version and the name of its published schema.
_FACETS = {
    "parent": "1-2-0/ParentRunFacet",
    "errorMessage": "1-0-1/ErrorMessageRunFacet",
    "processing_engine": "1-1-1/ProcessingEngineRunFacet",
    "jobType": "2-0-4/JobTypeJobFacet",
    "sql": "1-1-0/SQLJobFacet",
    "schema": "1-2-0/SchemaDatasetFacet",
    "documentation": "1-1-0/DocumentationDatasetFacet",
    "columnLineage": "1-2-0/ColumnLineageDatasetFacet",
    "outputStatistics": "1-0-2/OutputStatisticsOutputDatasetFacet",
    "dataQualityAssertions": "1-1-0/DataQualityAssertionsDatasetFacet",
}
#: Our words → OpenLineage's; it has none for values that are set against each other, or taken out of a list.
_DIRECT = {"copied": "IDENTITY", "renamed": "IDENTITY", "aggregated": "AGGREGATION"}
_INDIRECT = {
    "filter": "FILTER",
    "join": "JOIN",
    "group": "GROUP_BY",
    "distinct": "GROUP_BY",
    "sort": "SORT",
    "window": "WINDOW",
    "condition": "CONDITIONAL",
}

#: (namespace, name)
Dataset = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What is the same in all events of a run. `datasets` is the namespace of the target's tables, `jobs` that of the jobs; `parent`
    (namespace, job, run id) is what started eltflow, where that has told. `elsewhere` are the namespaces of nodes' tables on other targets,
    by their ids."""

    version: str
    project: str
    jobs: str
    datasets: str
    dialect: str
    command: str
    run_id: str
    parent: tuple[str, str, str] | None = None
    elsewhere: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What is asked of nodes: the lineage of a node's columns, its columns as far as they are known, its compiled SQL, and what it
    reads that is no node: files, tables of other databases."""

    lineage: Callable[[Node], QueryLineage]
    columns: Callable[[Node], Sequence[ColumnInfo]]
    sql: Callable[[Node], str | None]
    origins: Callable[[Node], Sequence[Dataset]]


class OpenLineage:
    """A fold of a run's events."""

    def __init__(self, about: About, nodes: Mapping[str, Node], sight: Sight) -> None:
        self._about = about
        self._nodes = nodes
        self._sight = sight
        self._begun: set[str] = set()
        self._failed = False

    def take(self, event: Event) -> Iterator[dict[str, Any]]:
        """The OpenLineage events of one event of the run."""
        if isinstance(event, RunStarted):
            yield self._whole("START", event.started_at)
        elif isinstance(event, StepStarted) and event.step in self._nodes:
            self._begun.add(event.step)
            yield self._of_node(self._nodes[event.step], "START", event.started_at)
        elif isinstance(event, StepFinished):
            self._failed = self._failed or event.result.status in BAD
            if event.result.step in self._begun:
                yield self._ended(self._nodes[event.result.step], event.result)
        elif isinstance(event, RunFinished):
            yield self._whole("ABORT" if event.cancelled else "FAIL" if self._failed else "COMPLETE", event.finished_at)

    def _ended(self, node: Node, result: StepResult) -> dict[str, Any]:
        kind = {"error": "FAIL", "cancelled": "ABORT"}.get(result.status, "COMPLETE")
        time = result.finished_at or datetime.datetime.now(datetime.UTC)
        return self._of_node(node, kind, time, result)

    # -- jobs and runs -----------------------------------------------------------------------------------------------------------

    def _facet(self, name: str, value: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        return {name: {"_producer": self._producer, "_schemaURL": f"{_SPEC}/facets/{_FACETS[name]}.json", **value}}

    @property
    def _producer(self) -> str:
        return f"pkg:pypi/eltflow@{self._about.version}"

    def _event(self, kind: str, time: datetime.datetime, run: Any, job: Any, **more: Any) -> dict[str, Any]:
        told = {"eventType": kind, "eventTime": time.isoformat(), "producer": self._producer, "schemaURL": _EVENT}
        return {**told, "run": run, "job": job, **more}

    def _type(self, kind: str) -> dict[str, Any]:
        return self._facet("jobType", {"processingType": "BATCH", "integration": "ELTFLOW", "jobType": kind})

    @property
    def _job(self) -> dict[str, str]:
        return {"namespace": self._about.jobs, "name": f"{self._about.project}.{self._about.command}"}

    def _whole(self, kind: str, time: datetime.datetime) -> dict[str, Any]:
        facets = self._facet("processing_engine", {"name": "eltflow", "version": self._about.version})
        if self._about.parent is not None:
            namespace, name, run = self._about.parent
            facets |= self._facet("parent", {"run": {"runId": run}, "job": {"namespace": namespace, "name": name}})
        whole: dict[str, Any] = {"runId": self._about.run_id, "facets": facets}
        return self._event(kind, time, whole, {**self._job, "facets": self._type("JOB")}, inputs=[], outputs=[])

    def _of_node(self, node: Node, kind: str, time: datetime.datetime, result: StepResult | None = None) -> dict[str, Any]:
        name = node.unique_id
        run_id = str(uuid.uuid5(uuid.UUID(self._about.run_id), name))
        run = self._facet("parent", {"run": {"runId": self._about.run_id}, "job": self._job})
        if result is not None and kind == "FAIL":
            run |= self._facet("errorMessage", {"message": result.message or "it failed", "programmingLanguage": "SQL"})
        job = self._type(node.resource_type.upper())
        sql = self._sight.sql(node) if result is not None else None
        if sql:
            job |= self._facet("sql", {"query": sql, "dialect": self._about.dialect})
        done = result if kind == "COMPLETE" else None
        return self._event(
            kind,
            time,
            {"runId": run_id, "facets": run},
            {"namespace": self._about.jobs, "name": name, "facets": job},
            inputs=self._inputs(node, done),
            outputs=[self._output(node, done)] if node.resource_type != "test" and node.relation is not None else [],
        )

    # -- datasets ----------------------------------------------------------------------------------------------------------------

    def _dataset(self, node: Node) -> Dataset:
        """The table of a node that has one."""
        assert node.relation is not None
        return self._about.elsewhere.get(node.unique_id, self._about.datasets), ".".join(node.relation.parts())

    def _inputs(self, node: Node, done: StepResult | None) -> list[dict[str, Any]]:
        made = []
        read = (self._nodes[i] for one in (node, *self._inlined(node, set())) for i in one.parents if i in self._nodes)
        tables = {one.unique_id: one for one in read if one.relation is not None and one.materialized != "ephemeral"}
        for parent in tables.values():
            namespace, name = self._dataset(parent)
            one: dict[str, Any] = {"namespace": namespace, "name": name}
            if done is not None and node.test is not None and node.test.attached in (None, parent.unique_id):
                one["inputFacets"] = self._verdict(node, done)
            made.append(one)
        more = [*self._sight.origins(node), *((self._about.datasets, name) for name in node.external)]
        return [*made, *({"namespace": namespace, "name": name} for namespace, name in more)]

    def _verdict(self, node: Node, done: StepResult) -> dict[str, Any]:
        assert node.test is not None
        one: dict[str, Any] = {
            "assertion": node.test.kind or "custom_sql",
            "success": not done.failures and done.status == "pass",
            "severity": str(node.config.get("severity") or "error").lower(),
            "name": node.name,
        }
        if node.test.column is not None:
            one["column"] = node.test.column
        if node.description:
            one["description"] = node.description
        return self._facet("dataQualityAssertions", {"assertions": [one]})

    def _output(self, node: Node, done: StepResult | None) -> dict[str, Any]:
        namespace, name = self._dataset(node)
        made: dict[str, Any] = {"namespace": namespace, "name": name}
        if done is None:
            return made
        facets = self._schema(node)
        if node.description:
            facets |= self._facet("documentation", {"description": node.description})
        if node.resource_type == "model":
            facets |= self._lineage(node)
        made["facets"] = facets
        if done.rows is not None:
            made["outputFacets"] = self._facet("outputStatistics", {"rowCount": done.rows})
        return made

    def _schema(self, node: Node) -> dict[str, Any]:
        fields = []
        for position, column in enumerate(self._sight.columns(node), 1):
            one: dict[str, Any] = {"name": column.name, "ordinal_position": position}
            if column.data_type:
                one["type"] = column.data_type
            if column.description:
                one["description"] = column.description
            fields.append(one)
        return self._facet("schema", {"fields": fields}) if fields else {}

    # -- columns -----------------------------------------------------------------------------------------------------------------

    def _lineage(self, node: Node) -> dict[str, Any]:
        """What is known of where the columns come from; a column of which nothing is known is left out."""
        found = self._sight.lineage(node)
        fields = {}
        for column in found.columns:
            used: dict[tuple[Dataset, str], dict[tuple[str, str], None]] = {}
            for origin in column.origins:
                self._direct(origin.table, origin.column, origin.how, used, set())
            for one in column.influences:
                self._indirect(one.table, one.column, one.why, used, set())
            if used:
                fields[column.name] = {"inputFields": list(_input_fields(used))}
        rows: dict[tuple[Dataset, str], dict[tuple[str, str], None]] = {}
        for one in (*found.rows, *(row for other in self._inlined(node, set()) for row in self._sight.lineage(other).rows)):
            self._indirect(one.table, one.column, one.why, rows, set())
        value: dict[str, Any] = {"fields": fields}
        if rows:
            value["dataset"] = list(_input_fields(rows))
        return self._facet("columnLineage", value) if fields or rows else {}

    def _inlined(self, node: Node, seen: set[str]) -> Iterator[Node]:
        """The ephemeral models in a node's SQL."""
        for parent in (self._nodes[i] for i in node.parents if i in self._nodes):
            if parent.materialized == "ephemeral" and parent.unique_id not in seen:
                seen.add(parent.unique_id)
                yield parent
                yield from self._inlined(parent, seen)

    def _above(self, table: str) -> Node | Dataset:
        """The table of a spot: an ephemeral model, whose own columns count instead, or what is read."""
        node = self._nodes.get(table)
        if node is None:
            return self._about.datasets, table
        if node.materialized == "ephemeral":
            return node
        return self._dataset(node) if node.relation is not None else (self._about.datasets, node.name)

    def _direct(self, table: str, column: str, how: str, used: Any, seen: set[tuple[str, str]]) -> None:
        for one in self._follow((table, column), ("DIRECT", how), used, seen):
            for origin in one.origins:
                self._direct(origin.table, origin.column, max(how, origin.how, key=HOWS.index), used, seen)
            for other in one.influences:
                self._indirect(other.table, other.column, other.why, used, set())

    def _indirect(self, table: str, column: str, why: str, used: Any, seen: set[tuple[str, str]]) -> None:
        for one in self._follow((table, column), ("INDIRECT", why), used, seen):
            for spot in (*((o.table, o.column) for o in one.origins), *((i.table, i.column) for i in one.influences)):
                self._indirect(*spot, why, used, seen)

    def _follow(self, spot: tuple[str, str], way: tuple[str, str], used: Any, seen: set[tuple[str, str]]) -> list[ColumnLineage]:
        """Note in `used` the way in which a table's column is used; of an ephemeral model, give the column that counts instead, once."""
        table, column = spot
        above = self._above(table)
        if not isinstance(above, Node):
            used.setdefault((above, column), {})[way] = None
            return []
        if spot in seen:
            return []
        seen.add(spot)
        return [one for one in self._sight.lineage(above).columns if one.name.lower() == column.lower()]


def _input_fields(used: Mapping[tuple[Dataset, str], Iterable[tuple[str, str]]]) -> Iterator[dict[str, Any]]:
    for ((namespace, name), column), ways in used.items():
        transformations = []
        for type, word in ways:
            subtype = _DIRECT.get(word, "TRANSFORMATION") if type == "DIRECT" else _INDIRECT.get(word)
            one = {"type": type, **({"subtype": subtype} if subtype else {}), "description": word}
            transformations.append(one)
        yield {"namespace": namespace, "name": name, "field": column, "transformations": transformations}


def namespace_of(type: str, location: str) -> str:
    """The namespace of a database's tables: its kind, and its server or file (`postgres://host:5432`, `duckdb:///data/my.duckdb`)."""
    if location.startswith(("/", ":")):
        return f"{type}://{location}"
    server, slash, _ = location.rpartition("/")
    return f"{type}://{server}" if slash else type
