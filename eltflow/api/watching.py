"""What was written into a target by whichever run, and what came into its sources: what starts a job by itself."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress

from eltflow.api.explain import connection_problem
from eltflow.api.freshness import check_told, embedded_file, latest
from eltflow.api.loading import Loaded
from eltflow.api.opening import connected
from eltflow.base.diagnostics import Diagnostic, EltflowError, fail
from eltflow.base.names import did_you_mean
from eltflow.compile.materialize.meta import last_applied, relation_key, table_of
from eltflow.project.nodes import Node
from eltflow.schedule.jobs import Fresher, Updated
from eltflow.warehouse.values import WarehouseError


def watched(loaded: Loaded, trigger: Updated | Fresher) -> list[Node]:
    """The nodes that a trigger names. Raises EltflowError: E0913 there is none of that name, E0914 nothing records what runs write there."""
    if isinstance(trigger, Fresher):
        known = {node.display: node for node in loaded.graph.nodes.values() if node.source is not None}
        if trigger.source not in known:
            help = did_you_mean(trigger.source, known) or "write it as source.table"
            raise fail("E0913", f"there is no source `{trigger.source}`", help=help)
        node = known[trigger.source]
        check_told(loaded, [node], _untold)
        return [node]
    if not loaded.adapter.dialect.capabilities.transactional_ddl:
        message = f"on a {loaded.target.type} target no run records what it wrote, which `updated` goes by"
        raise fail("E0914", message, help="start the job after another one: `{job: ...}`")
    written = {node.name: node for node in loaded.graph.nodes.values() if node.resource_type in ("model", "seed", "ingest")}
    for name in trigger.nodes:
        if name not in written or written[name].relation is None or written[name].materialized == "ephemeral":
            help = did_you_mean(name, written) or "name a model, a seed or an ingestion step"
            raise fail("E0913", f"there is no `{name}` that a run could write", help=help)
    return [written[name] for name in trigger.nodes]


def _untold(node: Node) -> str:
    return f"nothing says when rows of `{node.display}` came"


def state_of(loaded: Loaded, trigger: Updated | Fresher, nodes: Sequence[Node]) -> dict[str, list[str]]:
    """How things stand with the nodes that a trigger names: of each that was ever written the run that did so last and when, or of a source
    the time of its latest row. Raises EltflowError for a target that cannot be asked."""
    if isinstance(trigger, Updated):
        return dict(_written(loaded, nodes))
    (found,) = latest(loaded, nodes)
    if found.loaded_at is None:
        raise EltflowError(Diagnostic(code="E0415", message=f"`{trigger.source}` cannot be looked at: {found.message}"))
    return {found.node.unique_id: [found.loaded_at.isoformat()]}


def _written(loaded: Loaded, nodes: Sequence[Node]) -> Iterator[tuple[str, list[str]]]:
    dialect = loaded.adapter.dialect
    keys = {relation_key(dialect, node.relation): node for node in nodes if node.relation is not None}
    file = embedded_file(loaded)
    if file is not None and not file.exists():
        return  # nothing was ever written
    with connected(loaded, read_only=True) as database:
        try:
            with closing(database.session()) as session:
                for one in dict.fromkeys(node.relation.database for node in nodes if node.relation is not None):
                    table = table_of(dialect, one, "applied")
                    if not database.catalog([(table.database, table.schema or "")], [table]):
                        continue  # nothing was ever recorded there
                    for key, _, run_id, at in session.execute(last_applied(dialect, one)).rows:
                        if key in keys:
                            yield keys[key].unique_id, [str(run_id), str(at)]
        except WarehouseError as error:
            raise EltflowError(connection_problem(loaded, error, "ask")) from None


def stamp_of(loaded: Loaded, nodes: Sequence[Node]) -> tuple[int, ...] | None:
    """What changes with each write to these nodes where the target is a file; None where it has to be asked."""
    path = embedded_file(loaded)
    databases = {node.relation.database for node in nodes if node.relation is not None}
    if path is None or not path.is_file() or databases - {loaded.target.database}:
        return None
    found = []
    for name in (path, path.with_name(f"{path.name}.wal")):
        with suppress(FileNotFoundError):
            status = os.stat(name)
            found += [status.st_mtime_ns, status.st_size]
    return tuple(found)
