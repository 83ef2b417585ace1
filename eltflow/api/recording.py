"""The tables in the warehouse that a run writes beside the data: made before it begins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress

from eltflow.api.loading import Loaded
from eltflow.compile.materialize.meta import applied_by, applied_table, load_tables, sent_key_table, sent_tables, unnested_table
from eltflow.engine.drive import patiently
from eltflow.events import Message
from eltflow.project.nodes import Node
from eltflow.warehouse.protocols import Database, Session
from eltflow.warehouse.values import WarehouseError


def make_tables(loaded: Loaded, nodes: Sequence[Node], control: Session) -> bool:
    """Make the tables of `eltflow_meta` that the nodes need, in each database that they write to. Says whether effects can be recorded
    there: not where a table and its rows do not commit together, or the right is missing, of which people are told."""
    dialect = loaded.adapter.dialect
    for database in _databases(n for n in nodes if n.resource_type in ("ingest", "task")):
        for statement in load_tables(dialect, database):
            patiently(control, statement)
    for database in _databases(n for n in nodes if n.unnests or loaded.graph.beside(n.unique_id)):
        for statement in unnested_table(dialect, database):
            patiently(control, statement)
    if any(n.deliver is not None and n.deliver.key for n in nodes):
        for statement in sent_tables(dialect, loaded.target.database):
            patiently(control, statement)
    if any(n.deliver is not None and n.deliver.on_delete == "delete" for n in nodes):
        patiently(control, sent_key_table(dialect, loaded.target.database))
    if not dialect.capabilities.transactional_ddl:
        return False
    try:
        for database in _databases(n for n in nodes if n.resource_type != "test"):
            for statement in applied_table(dialect, database):
                patiently(control, statement)
    except WarehouseError as error:
        if error.kind != "permission":
            raise
        text = f"no right to write to eltflow_meta.applied, so what each node does is not recorded: {error}"
        loaded.messages.append(Message(text=text, level="warning"))
        return False
    return True


def applied_nodes(loaded: Loaded, database: Database, nodes: Iterable[Node], run_ids: Sequence[str]) -> frozenset[str]:
    """The nodes whose effects these runs committed, as the warehouse itself has it; none where it keeps no record."""
    if not loaded.adapter.dialect.capabilities.transactional_ddl:
        return frozenset()
    found: set[str] = set()
    session = database.session()
    try:
        for one in _databases(nodes):
            with suppress(WarehouseError):  # no run has recorded anything yet
                found.update(str(row[0]) for row in session.execute(applied_by(loaded.adapter.dialect, one, run_ids)).rows)
    finally:
        session.close()
    return frozenset(found)


def _databases(nodes: Iterable[Node]) -> tuple[str | None, ...]:
    return tuple(dict.fromkeys(n.relation.database for n in nodes if n.relation is not None))
