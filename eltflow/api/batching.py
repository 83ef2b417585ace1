"""Tests of one relation that share a scan, in a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from eltflow.compile.batch import batch_key, batch_sql
from eltflow.compile.node import Compiler
from eltflow.engine.once import Once
from eltflow.project.nodes import Node
from eltflow.warehouse.protocols import Session
from eltflow.warehouse.values import Statement, WarehouseError

_Key = tuple[str, str]


class Batches:
    """The batches of a run: made for the first test that asks, told to the others."""

    def __init__(self, compiler: Compiler, tests: Iterable[Node], *, off: bool) -> None:
        self._compiler = compiler
        self._groups: dict[_Key, list[Node]] = {}
        self._of: dict[str, _Key] = {}
        self._passed: Once[Mapping[str, bool]] = Once()
        own_tests = compiler.own_tests
        for node in () if off else tests:
            key = batch_key(node, own_tests)
            if key is not None and compiler.graph.nodes[key[0]].materialized != "ephemeral":
                self._groups.setdefault(key, []).append(node)
        for key, nodes in self._groups.items():
            if len(nodes) > 1:
                self._of.update((node.unique_id, key) for node in nodes)

    def passes(self, node: Node, session: Session) -> bool:
        """Whether the shared scan shows that the test has no failures. False says nothing: the test is then run alone."""
        key = self._of.get(node.unique_id)
        if key is None:
            return False
        return self._passed.get(key, lambda: self._scan(key, session)).get(node.unique_id, False)

    def _scan(self, key: _Key, session: Session) -> Mapping[str, bool]:
        nodes = self._groups[key]
        attached = self._compiler.graph.nodes[key[0]]
        dialect = self._compiler.dialect
        sql = batch_sql(nodes, attached, key[1], dialect)
        try:
            ((*counts,),) = session.execute(Statement(sql, role="query")).rows
        except WarehouseError as error:
            if error.kind in ("cancelled", "transient", "lost"):
                raise
            return {}  # one of them is in error: alone, each says which
        return {node.unique_id: count == 0 for node, count in zip(nodes, counts, strict=True)}
