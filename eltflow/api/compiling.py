"""Compiles nodes against what a target holds, or held when it was last seen."""

from __future__ import annotations

from collections.abc import Iterable

from eltflow.api.loading import Loaded
from eltflow.base.diagnostics import Diagnostic, EltflowError
from eltflow.compile.compiled import Compiled, NeedsWarehouse
from eltflow.compile.node import Compiler
from eltflow.compile.program import FileInfo
from eltflow.graph.build import WITH_SQL
from eltflow.ingest.files import file_info, matching
from eltflow.project.config import as_list
from eltflow.project.nodes import Node
from eltflow.warehouse.catalog import Catalog


def files_of(loaded: Loaded, node: Node) -> tuple[FileInfo, ...]:
    """The files that a seed or an ingestion step loads, as they are now."""
    if node.resource_type == "seed":
        return (file_info(loaded.root, node.path),)
    return matching(loaded.root, as_list(node.ingest.source["path"])) if node.ingest is not None else ()


def make_compiler(loaded: Loaded, catalog: Catalog, *, full_refresh: bool = False) -> Compiler:
    """A compiler for the loaded graph against what `catalog` says exists."""
    return Compiler.make(
        loaded.opened.project,
        loaded.graph,
        loaded.opened.renderer,
        loaded.adapter.dialect,
        loaded.base,
        catalog,
        offline=loaded.adapter.offline() if loaded.adapter.dialect.capabilities.offline_parser else None,
        full_refresh=full_refresh,
        files=lambda node: tuple(file.path for file in files_of(loaded, node)),
    )


def compile_all(compiler: Compiler, nodes: Iterable[Node]) -> tuple[dict[str, Compiled], list[str]]:
    """Every node compiled, and the ids of those that must ask the warehouse first. Raises EltflowError with every error."""
    done: dict[str, Compiled] = {}
    deferred: list[str] = []
    found: list[Diagnostic] = []
    for node in nodes:
        try:
            done[node.unique_id] = compiler.node(node)
        except NeedsWarehouse:
            deferred.append(node.unique_id)
        except EltflowError as error:
            found += [d for d in error.diagnostics if d not in found]
    if found:
        raise EltflowError(found)
    return done, deferred


def last_catalog(loaded: Loaded) -> tuple[Catalog, str | None]:
    """The last view of the target, and when that was (ISO 8601, UTC); an empty one if it was never seen."""
    seen = loaded.store.catalog(loaded.target_key)
    fold = loaded.adapter.dialect.fold
    if seen is None:
        return Catalog(fold, known=False), None
    return Catalog(fold, seen[1]), seen[0]


def compile_offline(loaded: Loaded, ids: Iterable[str], *, full_refresh: bool = False) -> tuple[dict[str, Compiled], list[str]]:
    """The selected nodes compiled against the last view of the target, and the ids of those that must ask the warehouse."""
    catalog, _ = last_catalog(loaded)
    compiler = make_compiler(loaded, catalog, full_refresh=full_refresh)
    return compile_all(compiler, (loaded.graph.nodes[i] for i in ids if loaded.graph.nodes[i].resource_type in WITH_SQL))
