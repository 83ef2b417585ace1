"""Columns that are known without asking the warehouse about data: of models from their SQL, of files from themselves, else the catalog's.

Columns in properties YAML are documentation: a subset, never proof that there are no others.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from eltflow.base.diagnostics import EltflowError
from eltflow.compile.compiled import Bound, Compiled, NeedsWarehouse, Typed
from eltflow.compile.materialize.history import FROM, MOMENT, TO
from eltflow.graph.graph import Graph
from eltflow.project.config import as_list
from eltflow.project.external import file_format, is_turned
from eltflow.project.nodes import Node, given_types
from eltflow.sql.values import UNKNOWN, Names
from eltflow.warehouse.catalog import Catalog
from eltflow.warehouse.dialect import Dialect
from eltflow.warehouse.protocols import Offline
from eltflow.warehouse.values import Column, Relation

#: Bytes of a file that the engine certainly reads all rows of when it infers types (20,480 of them; the shortest have two bytes).
_SEEN = 40_960


class Known:
    """What is known of the columns of a graph's nodes. `files` gives the absolute paths of the files that a seed or step loads, `home` what
    is known on the target that a node lives on."""

    def __init__(
        self,
        graph: Graph,
        dialect: Dialect,
        catalog: Catalog,
        offline: Callable[[], Offline | None],
        compiled: Callable[[Node], Compiled],
        files: Callable[[Node], tuple[str, ...]],
        rebuilt: Callable[[Node], bool],
        home: Callable[[Node], Known],
    ) -> None:
        self._graph = graph
        self._dialect = dialect
        self._catalog = catalog
        self._open = offline
        self._compiled = compiled
        self._files = files
        self._rebuilt = rebuilt
        self._home = home
        self._names: dict[str, Names] = {}
        self._typed: dict[str, tuple[Column, ...] | None] = {}

    @property
    def _offline(self) -> Offline | None:
        return self._open()

    def names(self, node: Node) -> Names:
        """The column names of a node, as whoever reads it will find them."""
        home = self._at_home(node)
        if home is not self:
            there = home._graph.nodes.get(node.unique_id) if home is not None else None
            return home.names(there) if home is not None and there is not None else UNKNOWN
        done = self._names.get(node.unique_id)
        if done is None:
            done = UNKNOWN if _altered(node) else self._find(node)
            self._names[node.unique_id] = done
        return done

    def _at_home(self, node: Node) -> Known | None:
        """What is known where the node lives; None of a target whose settings cannot be read, which whoever builds there is told."""
        try:
            return self._home(node)
        except EltflowError:
            return None

    def standing(self, node: Node) -> Names:
        """The columns of the node's table as it stands now (`this` in an incremental model)."""
        existing = self._catalog.get(node.relation) if node.relation is not None else None
        return Names(tuple(c.name for c in existing.columns), True) if existing is not None and existing.columns else UNKNOWN

    def _find(self, node: Node) -> Names:
        if node.resource_type == "model":
            names = self._of_sql(node)
            if node.materialized != "incremental" or self._rebuilt(node):
                return names
            before = self.standing(node)  # on_schema_change decides which of the two it will be: sure only where they agree
            return names if set(before.names) == set(names.names) and names.complete else UNKNOWN
        if node.source is not None and node.parents:
            return self.names(self._graph.nodes[node.parents[0]])
        if node.source is not None:
            return self.standing(node)
        if node.resource_type in ("seed", "ingest"):
            header = self.header(node)
            if header is not None:
                return header
            typed = self.columns(node)
            return Names(tuple(c.name for c in typed), True) if typed else UNKNOWN
        return UNKNOWN

    def _of_sql(self, node: Node) -> Names:
        try:
            columns = self._compiled(node).columns
        except (EltflowError, NeedsWarehouse, RecursionError):
            return UNKNOWN
        return Names(columns, True) if columns is not None else UNKNOWN

    def header(self, node: Node) -> Names | None:
        """The first line of a seed's CSV file, where it says all."""
        if node.resource_type != "seed" or not node.path.endswith(".csv"):
            return None
        try:
            (path,) = self._files(node)
            with Path(path).open(encoding="utf-8-sig", newline="") as handle:
                line = handle.readline()
            row = next(csv.reader(io.StringIO(line), delimiter=str(node.config.get("delimiter") or ",")))
        except (OSError, ValueError, StopIteration, csv.Error, TypeError):
            return None
        names = tuple(name.strip() for name in row)
        return Names(names, True) if all(names) and len(set(names)) == len(names) else None

    # -- with types ------------------------------------------------------------------------------------------------------------

    def columns(self, node: Node) -> tuple[Column, ...] | None:
        """The columns of a node with their types, bound by the embedded engine; None where that cannot be, or it lives on another target,
        whose types are not these."""
        if self._at_home(node) is not self:
            return None
        if node.unique_id not in self._typed:
            self._typed[node.unique_id] = None  # a ring (a model that reads itself) ends here
            self._typed[node.unique_id] = self._bind(node)
        return self._typed[node.unique_id]

    def _bind(self, node: Node) -> tuple[Column, ...] | None:
        if node.source is not None and node.parents:
            return self.columns(self._graph.nodes[node.parents[0]])
        if node.source is not None:
            return self._from_catalog(node)
        if not self._dialect.capabilities.offline_parser:
            return self._from_catalog(node)
        if node.resource_type in ("seed", "ingest"):
            return self._bind_files(node) or self._from_catalog(node)
        typed = self.typed(node)
        return tuple(Column(name, type) for name, type in typed) if typed is not None else None

    def typed(self, node: Node) -> Typed | None:
        """The columns that a model's SQL gives, as `columns`, as plain values."""
        if node.resource_type != "model":
            return None
        try:
            return self._compiled(node).typed
        except (EltflowError, NeedsWarehouse, RecursionError):
            return None

    def standing_types(self, node: Node) -> Typed:
        """The columns of the node's table as it stands now, with their types."""
        return tuple((c.name, c.type) for c in self._from_catalog(node) or ())

    def bound(self, node: Node, sql: str, *, partly: bool = False) -> Bound:
        """What the embedded engine makes of a node's SQL: columns with their types, or its complaint; None where it cannot be asked, as over
        tables that are not all known, unless `partly` wants to hear what it says before it comes to one of those."""
        if not self._dialect.capabilities.offline_parser:
            return None
        stubs, whole = self.stubs(node)
        offline = self._offline if whole or partly else None
        return offline.bind(sql, stubs) if offline is not None else None

    def near(self, node: Node) -> tuple[str, ...]:
        """The names of all columns that a node's SQL may read, as far as they are known, to tell what a wrong one may mean."""
        return tuple(dict.fromkeys(column.name for columns in self.stubs(node)[0].values() for column in columns))

    def sure(self, node: Node) -> bool:
        """Whether the types of columns are what a build will find: those of a text file are inferred from its beginning."""
        return not any(
            file_format(path)[0] != "parquet" and Path(path).stat().st_size > _SEEN
            for unique_id in (node.unique_id, *self._graph.ancestors([node.unique_id]))
            if self._graph.nodes[unique_id].resource_type in ("seed", "ingest")
            for path in self._files(self._graph.nodes[unique_id])
        )

    def _from_catalog(self, node: Node) -> tuple[Column, ...] | None:
        existing = self._catalog.get(node.relation) if node.relation is not None else None
        return tuple(Column(c.name, c.type) for c in existing.columns) if existing is not None else None

    def _bind_files(self, node: Node) -> tuple[Column, ...] | None:
        files = self._files(node)
        if not files or self._offline is None:
            return None
        format, options = file_format(files[0])
        source = node.ingest.source if node.ingest is not None else node.config
        options |= {k: source[k] for k in ("delimiter", "header", "null", "widths") if source.get(k) is not None}
        if "pattern" in source:
            options |= {"pattern": source["pattern"], "columns_of": list(re.compile(source["pattern"]).groupindex)}
        step = node.ingest.step if node.ingest is not None else {}
        called = {final: name for name, final in (step.get("rename") or {}).items()}
        types = {called.get(name, name): type for name, type in given_types(node).items()}
        types |= dict.fromkeys(step.get("hash") or (), "VARCHAR")
        format = source.get("format") or format
        if format is None or is_turned(str(files[0]), {**source, "format": format}):
            return None  # known once they are loaded
        item = self._dialect.files(files, str(format), options, types)
        bound = self._offline.bind(f"select * from {item}", {}) if item is not None else ()
        found = tuple(c for c in bound or () if isinstance(c, Column))
        return self._landed(node, found) if found and node.ingest is not None else found or None

    def _landed(self, node: Node, found: tuple[Column, ...]) -> tuple[Column, ...]:
        """The columns of a step's table, once files with these columns are loaded."""
        assert node.ingest is not None
        step, fold = node.ingest.step, self._dialect.fold
        without = {fold(name, True) for name in step.get("exclude") or ()}
        renamed: Mapping[str, str] = step.get("rename") or {}
        made = {
            fold(renamed.get(c.name, c.name), True): Column(renamed.get(c.name, c.name), c.type)
            for c in found
            if fold(c.name, True) not in without
        }
        if node.ingest.load == "history":
            made |= {fold(name, True): Column(self._dialect.named(name), MOMENT) for name in (FROM, TO)}
        policy = (step.get("schema_changes") or {}).get("column")
        there = self._from_catalog(node) if policy and node.ingest.load != "replace" and not self._rebuilt(node) else None
        if there is None:
            return tuple(made.values())
        kept = {fold(c.name, True): c for c in there}
        return tuple((kept if policy == "discard" else {**kept, **made}).values())

    def stubs(self, node: Node) -> tuple[Mapping[Relation, tuple[Column, ...]], bool]:
        """Empty relations to bind a node's SQL against: one for each that it reads and whose columns are known; and whether these are all."""
        made: dict[Relation, tuple[Column, ...]] = {}
        whole = not node.external
        ids = [*node.parents, *([node.unique_id] if node.materialized == "incremental" else [])]
        while ids:
            parent = self._graph.nodes[ids.pop()]
            if parent.materialized == "ephemeral":
                ids += parent.parents
                continue
            itself = parent.unique_id == node.unique_id
            columns = self._from_catalog(parent) if itself else self._as_read(parent)
            whole = whole and (columns is not None or itself)
            if parent.relation is not None and columns:
                made[parent.relation] = columns
        return made, whole

    def _as_read(self, node: Node) -> tuple[Column, ...] | None:
        """The columns of a node with their types, as whoever reads it will find them; None if its table may keep others."""
        grown = node.materialized == "incremental" and not self.names(node).complete
        return None if grown or _altered(node) else self.columns(node)


def _altered(node: Node) -> bool:
    """Whether a hook of the node's may give its table other columns than its SQL does."""
    return any("alter" in str(hook).lower() for hook in as_list(node.config.get("post_hook")))
