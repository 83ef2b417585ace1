"""Slots that the steps of all runs in this process share, so that what they ask is not asked by more of them at once than it bears."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from eltflow.project.nodes import Node


class Pools:
    """How many slots each pool has, and how many are taken. A pool that is not known has no end."""

    def __init__(self, limits: Mapping[str, int]) -> None:
        self._lock = threading.Lock()
        self._limits = dict(limits)
        self._taken: dict[str, int] = {}

    def set(self, limits: Mapping[str, int]) -> None:
        """Other limits from now on; what is taken stays so until it is given back."""
        with self._lock:
            self._limits = dict(limits)

    def take(self, node: Node) -> bool:
        """Take the slots of a node, if they are free. One that weighs more than its whole pool waits for all of it."""
        name, weight = pool_of(node)
        with self._lock:
            limit = self._limits.get(name)
            taken = self._taken.get(name, 0)
            if limit is not None and taken and taken + weight > limit:
                return False
            self._taken[name] = taken + weight
            return True

    def give(self, node: Node) -> None:
        """Give the slots of a node back."""
        name, weight = pool_of(node)
        with self._lock:
            self._taken[name] -= weight


def pool_of(node: Node) -> tuple[str, int]:
    """The pool of a node, and how many of its slots the node takes: by its configuration, or the connection that it reads or sends by."""
    ends = node.ingest.source if node.ingest is not None else node.deliver.to if node.deliver is not None else {}
    return str(node.config.get("pool") or ends.get("connection") or ""), int(node.config.get("weight") or 1)
