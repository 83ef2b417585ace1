"""Ids and fields that every artifact must name alike: ingestion steps, deliveries and tasks in dbt's vocabulary, which has none.

A step is shown as the source table that it loads: the source that declares its relation, or else one made for it, called
`source.<project>.<schema>.<table>` after its `into:`. Readers that take only dbt's resource types accept it, readers of the step depend on
it, and its tests hang on it. Its own id and how it loads stand in the source's `meta.eltflow`. Deliveries and tasks are shown as exposures:
uses of the data outside the project.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from eltflow.project.nodes import Node
from eltflow.project.steps import shown_path


def artifact_ids(nodes: Mapping[str, Node]) -> dict[str, str]:
    """The id in artifacts of every ingestion step, delivery and task; all others keep their own."""
    made = _exposures(nodes)
    steps = [node for node in nodes.values() if node.ingest is not None]
    if not steps:
        return made
    declared: dict[str, str] = {}
    for node in nodes.values():
        if node.source is not None:
            for parent in node.parents:
                declared.setdefault(parent, node.unique_id)
    taken = {*nodes}
    for step in steps:
        known = declared.get(step.unique_id)
        if known is None:
            source, table = source_names(step)
            known = f"source.{step.package}.{source}.{table}"
            if known in taken:
                known = f"source.{step.package}.ingest.{step.name}"
            taken.add(known)
        made[step.unique_id] = known
    return made


def _exposures(nodes: Mapping[str, Node]) -> dict[str, str]:
    made: dict[str, str] = {}
    for node in nodes.values():
        if node.outside is not None:
            known = f"exposure.{node.package}.{node.name}"
            made[node.unique_id] = f"exposure.{node.package}.{node.resource_type}.{node.name}" if known in nodes else known
    return made


def delivery_facts(node: Node) -> dict[str, Any]:
    """What `meta.eltflow` says of a delivery. Of where it goes only what cannot be a secret."""
    assert node.deliver is not None
    to = node.deliver.to
    shown = {key: to[key] for key in ("kind", "connection", "path", "table", "format", "method", "batch") if key in to}
    return {"unique_id": node.unique_id, "send": node.deliver.send, "targets": list(node.deliver.targets), "to": shown}


def task_facts(node: Node) -> dict[str, Any]:
    """What `meta.eltflow` says of a task. Of a program only its name: arguments may be secret."""
    assert node.task is not None
    if node.task.http_job:
        what: dict[str, Any] = {"command": f"a job of {node.task.http_job['connection']}"}
    elif node.task.python:
        what = {"python": dict(node.task.python), **({"into": node.task.into} if node.task.into else {})}
    else:
        what = {"command": node.task.command[0]} if node.task.command else {"wait_for": dict(node.task.wait_for)}
    return {"unique_id": node.unique_id, "targets": list(node.task.targets), **what}


def source_names(step: Node) -> tuple[str, str]:
    """Source and table that a step without a declared source is shown as."""
    assert step.ingest is not None
    schema, _, table = step.ingest.into.rpartition(".")
    return schema.replace(".", "_") or "ingest", table


def step_facts(step: Node) -> dict[str, Any]:
    """What `meta.eltflow` says of the step that loads a source. Of where it loads from only what cannot be a secret."""
    assert step.ingest is not None
    source = step.ingest.source
    shown = {key: source[key] for key in ("kind", "path", "format", "connection", "table", "function") if key in source}
    if source["kind"] == "files":
        shown["path"] = shown_path(source["path"])
    return {"unique_id": step.unique_id, "step": step.name, "load": step.ingest.load, "into": step.ingest.into, "source": shown}


def mapped(ids: Iterable[str], steps: Mapping[str, str]) -> list[str]:
    """The ids as artifacts have them, each once."""
    return list(dict.fromkeys(steps.get(unique_id, unique_id) for unique_id in ids))
