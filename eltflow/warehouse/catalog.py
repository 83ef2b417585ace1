"""What exists in a target, as a mapping that its owner keeps up to date with what it changes itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from eltflow.warehouse.values import CatalogTable, Relation


class Catalog:
    """Relations that exist, by the engine's rule for equal names. `known` is False for a target that was never looked at."""

    def __init__(self, fold: Callable[[str, bool], str], tables: Iterable[CatalogTable] = (), *, known: bool = True) -> None:
        self._fold = fold
        self._tables: dict[tuple[str, ...], CatalogTable] = {}
        self.known = known
        for table in tables:
            self.add(table)

    def _key(self, relation: Relation) -> tuple[str, ...]:
        return tuple(self._fold(part, True) for part in relation.parts())

    def get(self, relation: Relation) -> CatalogTable | None:
        return self._tables.get(self._key(relation))

    def add(self, table: CatalogTable) -> None:
        self._tables[self._key(table.relation)] = table

    def remove(self, relation: Relation) -> None:
        self._tables.pop(self._key(relation), None)

    def __iter__(self) -> Iterator[CatalogTable]:
        return iter(self._tables.values())
