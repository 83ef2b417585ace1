"""Compiles nodes against what a target holds, or held when it was last seen."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Any

from eltflow.api.cache import LoadCache, hashed_environ, same_environ
from eltflow.api.loading import Loaded
from eltflow.base.diagnostics import Diagnostic, EltflowError
from eltflow.base.fingerprint import fingerprint
from eltflow.base.records import dataclass, replace
from eltflow.compile.compiled import Compiled, NeedsWarehouse
from eltflow.compile.kept import KeptSql
from eltflow.compile.node import Compiler
from eltflow.compile.personal import forbidden
from eltflow.compile.program import FileInfo
from eltflow.graph.lookup import WITH_SQL
from eltflow.ingest.files import file_info, matching
from eltflow.project.config import as_list
from eltflow.project.folder import read_dotenv
from eltflow.project.nodes import Node
from eltflow.project.steps import is_remote
from eltflow.project.surface import target_names
from eltflow.warehouse.catalog import Catalog
from eltflow.warehouse.values import CatalogTable, Relation

#: Errors about columns, which a table of the target may have.
_OF_COLUMNS = frozenset({"E0405", "E0406", "E0407", "E0408", "E0409", "E0413", "E0414", "E0416"})


def files_of(loaded: Loaded, node: Node) -> tuple[FileInfo, ...]:
    """The files that a seed or an ingestion step loads, as they are now; none of those that are elsewhere."""
    if node.resource_type == "seed":
        return (file_info(loaded.files, node.path),)
    if node.ingest is None or node.ingest.source.get("kind") != "files":
        return ()
    path = node.ingest.source.get("path")
    return () if is_remote(path) else matching(loaded.root, as_list(path))


def _kept_sql(loaded: Loaded, before: KeptSql | None = None) -> KeptSql:
    """What was compiled before, for the same macros, variables, environment and target."""
    project = loaded.opened.project
    if before is not None:
        entries, environ = before.carried(), before.environ
    else:
        value = LoadCache(loaded.root, loaded.options).compiled()
        entries, environ = value.get("sql") or {}, value.get("environ") or {}
        if not same_environ(environ, {**read_dotenv(loaded.files), **loaded.options.env}):
            entries, environ = {}, {}
    shown = target_names(loaded.target, loaded.adapter.secret_fields, project.settings.name)
    parts = (
        project.macro_hash,
        sorted(project.vars.items(), key=repr),
        sorted(shown.items(), key=repr),
        sorted(project.groups),
        _engine(loaded.adapter.dialect.capabilities.offline_parser),
    )

    def stamps(node: Node) -> tuple[Any, ...]:
        return tuple((f.name, f.size, f.mtime) for f in files_of(loaded, node)) if node.ingest is not None else ()

    return KeptSql(fingerprint(repr(parts)), entries, environ, stamps)


@cache
def _engine(distribution: str) -> str:
    """The version of an embedded engine: another one may see it otherwise. Read from the name of its folder of metadata, which is had sooner
    than what `importlib.metadata` imports."""
    start = f"{distribution.lower()}-"
    for folder in sys.path if distribution else ():
        with suppress(OSError):
            for name in os.listdir(folder or "."):
                if name.endswith(".dist-info") and name.lower().startswith(start):
                    return name
    return ""


def keep_compiled(loaded: Loaded, compiler: Compiler) -> None:
    """Keep what was compiled for the next time, if anything new was."""
    for name, other in compiler.across.made.items() if compiler.across is not None else ():
        if other is not compiler:
            _keep(loaded.places.at(name), other)
    _keep(loaded, compiler)


def _keep(loaded: Loaded, compiler: Compiler) -> None:
    kept = compiler.kept
    if kept is None or kept.hits == len(kept.fresh):
        return
    environ = {**kept.environ, **hashed_environ(loaded.opened.environ.used)}
    sql = {i: entry for i, entry in kept.carried().items() if i in loaded.graph.nodes}
    LoadCache(loaded.root, loaded.options).keep_compiled({"environ": environ, "sql": sql})


def make_compiler(
    loaded: Loaded,
    catalog: Catalog,
    *,
    full_refresh: bool = False,
    before: KeptSql | None = None,
    others: Mapping[str, Catalog] | None = None,
) -> Compiler:
    """A compiler for the loaded graph against what `catalog` says exists; `before` is what another one has compiled already. Nodes that live
    on other targets are compiled for these, against what `others` say exists there: their last views, unless told."""
    made = _compiler(loaded, catalog, full_refresh, before)
    if loaded.places.elsewhere:
        _join(loaded, made, others or {})
    return made


def _join(loaded: Loaded, main: Compiler, catalogs: Mapping[str, Catalog]) -> None:
    """Let the compilers of the targets know of each other; one is made when it is first needed."""
    places = loaded.places
    made: dict[str, Compiler] = {places.run: main}

    def compiler(name: str) -> Compiler:
        if name not in made:
            other = places.at(name)
            catalog = catalogs.get(name) or last_catalog(other)[0]
            made[name] = _compiler(other, catalog, main.full_refresh, None)
            made[name].across = places.across(name, compiler, made)
        return made[name]

    main.across = places.across(places.run, compiler, made)


def _compiler(loaded: Loaded, catalog: Catalog, full_refresh: bool, before: KeptSql | None) -> Compiler:
    return Compiler.make(
        loaded.opened.project,
        loaded.graph,
        lambda: loaded.opened.renderer,
        loaded.adapter.dialect,
        loaded.base,
        catalog,
        offline=lambda: loaded.adapter.offline() if loaded.adapter.dialect.capabilities.offline_parser else None,
        full_refresh=full_refresh,
        kept=_kept_sql(loaded, before),
        files=lambda node: tuple(file.path for file in files_of(loaded, node)),
    )


def compile_all(compiler: Compiler, nodes: Iterable[Node]) -> tuple[dict[str, Compiled], list[str]]:
    """Every node compiled, and the ids of those that must ask the warehouse first. Raises EltflowError with every error."""
    done, deferred, failed = compile_each(compiler, nodes)
    _stop(failed)
    _stop_at(forbidden(compiler, done.values()))
    return done, deferred


def compile_each(
    compiler: Compiler, nodes: Iterable[Node]
) -> tuple[dict[str, Compiled], list[str], dict[str, tuple[Diagnostic, ...]]]:
    """Every node compiled, the ids of those that must ask the warehouse first, and what is wrong with those that do not compile."""
    done: dict[str, Compiled] = {}
    deferred: list[str] = []
    failed: dict[str, tuple[Diagnostic, ...]] = {}
    for node in nodes:
        try:
            done[node.unique_id] = compiler.node(node)
        except NeedsWarehouse:
            deferred.append(node.unique_id)
        except EltflowError as error:
            failed[node.unique_id] = error.diagnostics
    return done, deferred, failed


def _stop(failed: Mapping[str, tuple[Diagnostic, ...]]) -> None:
    _stop_at(d for diagnostics in failed.values() for d in diagnostics)


def _stop_at(found: Iterable[Diagnostic]) -> None:
    distinct = dict.fromkeys(found)
    if distinct:
        raise EltflowError(distinct)


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstLook:
    """What compiling against the last views of targets gave."""

    compiler: Compiler
    compiled: dict[str, Compiled]
    sure: bool

    def against(
        self, loaded: Loaded, views: Sequence[View], nodes: Sequence[Node], *, full_refresh: bool
    ) -> tuple[Compiler, dict[str, Compiled]]:
        """The same against what the targets hold now (the run's own first): compiled again only if that is something else."""
        compilers = [self.compiler if view.target == "" else compiler_at(self.compiler, view.target) for view in views]
        if self.sure and all(view.alike(one.catalog) for view, one in zip(views, compilers, strict=True)):
            for view, one in zip(views, compilers, strict=True):
                one.take(view.catalog)
            return self.compiler, self.compiled
        others = {view.target: view.catalog for view in views[1:]}
        compiler = make_compiler(loaded, views[0].catalog, full_refresh=full_refresh, before=self.compiler.kept, others=others)
        return compiler, compile_all(compiler, nodes)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a target (by its name; empty for the run's own) holds now of the `relations` that were looked for."""

    target: str
    catalog: Catalog
    relations: Sequence[Relation]

    def alike(self, before: Catalog) -> bool:
        """Whether it looks as it did before."""
        return all(_looks(before.get(r)) == _looks(self.catalog.get(r)) for r in self.relations)


def compiler_at(compiler: Compiler, name: str) -> Compiler:
    """The compiler of a target, by its name; of the run's own for none."""
    return compiler if not name or compiler.across is None else compiler.across.compiler(name)


def _looks(table: CatalogTable | None) -> Any:
    return None if table is None else (table.kind, tuple((c.name, c.type) for c in table.columns))


def compile_first(loaded: Loaded, nodes: Sequence[Node], seen: Sequence[Relation] | None, *, full_refresh: bool) -> FirstLook:
    """Compile before the target is opened; `seen` are the relations that the nodes hang on (None: all). Raises EltflowError for what
    is wrong whatever the target holds."""
    catalog, _ = last_catalog(loaded, seen)
    compiler = make_compiler(loaded, catalog, full_refresh=full_refresh)
    compiled, _, failed = compile_each(compiler, nodes)
    if failed and all(certain(loaded, unique_id, found) for unique_id, found in failed.items()):
        _stop(failed)
    _stop_at(forbidden(compiler, compiled.values()))
    return FirstLook(compiler=compiler, compiled=compiled, sure=not failed)


def certain(loaded: Loaded, unique_id: str, found: Iterable[Diagnostic]) -> bool:
    """Whether an error stands whatever the target holds: nothing that it hangs on is asked of the target."""
    nodes = loaded.graph.nodes
    above = [unique_id, *loaded.graph.ancestors([unique_id], None)] if any(d.code in _OF_COLUMNS for d in found) else [unique_id]
    return not any(nodes[i].materialized == "incremental" or (nodes[i].source is not None and not nodes[i].parents) for i in above)


def as_last_seen(found: Iterable[Diagnostic], seen: str | None) -> list[Diagnostic]:
    """Errors that hang on tables of the target, which are as they were `seen`: warnings, since they may be something else by now."""
    note = f"tables of the target are taken as they were seen at {seen}"
    return [replace(one, severity="warning", notes=(*one.notes, note)) for one in found]


def new_warnings(loaded: Loaded, compiled: Iterable[Compiled], *, running: bool = False) -> Iterator[Diagnostic]:
    """What compiling warns of, and the graph has not; when nodes run, also of tables that may be misspelt (see `first_warnings`)."""
    told = {(w.code, w.message) for w in (first_warnings(loaded) if running else loaded.graph.warnings)} if loaded.warned else set()
    for one in compiled:
        yield from (w for w in one.warnings if w.severity == "warning" and (w.code, w.message) not in told)


def first_warnings(loaded: Loaded) -> list[Diagnostic]:
    """What a command that runs nodes warns of beforehand. A table that may be misspelt is told of with the reader's own result."""
    return [found for found in loaded.graph.warnings if found.code != "W0204"]


def said_warnings(loaded: Loaded) -> list[Diagnostic]:
    """What templates have warned of (`exceptions.warn`) since this was last asked."""
    said = [message for message in loaded.messages if message.level == "warning"]
    loaded.messages[:] = [message for message in loaded.messages if message.level != "warning"]
    help = "the project says this itself, with exceptions.warn"
    return [Diagnostic(code="W0301", severity="warning", message=message.text, help=help) for message in said]


def last_catalog(loaded: Loaded, only: Sequence[Relation] | None = None) -> tuple[Catalog, str | None]:
    """The last view of the target (with `only`: of these relations), and when that was (ISO 8601, UTC); an empty one if it was never
    seen."""
    seen = loaded.store.catalog(loaded.target_key, only)
    fold = loaded.adapter.dialect.fold_relation
    if seen is None:
        return Catalog(fold, known=False), None
    return Catalog(fold, seen[1]), seen[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offline:
    """Nodes compiled against the last view of the target, the ids of those that must ask the warehouse, and warnings of those that do not
    compile against this view, which may be old."""

    compiled: dict[str, Compiled]
    deferred: tuple[str, ...]
    unsure: tuple[Diagnostic, ...]


def compile_offline(loaded: Loaded, ids: Iterable[str], *, full_refresh: bool = False) -> Offline:
    """The selected nodes compiled. Raises EltflowError with every error that stands whatever the target holds."""
    catalog, seen = last_catalog(loaded)
    compiler = make_compiler(loaded, catalog, full_refresh=full_refresh)
    nodes = (loaded.graph.nodes[i] for i in ids if loaded.graph.nodes[i].resource_type in WITH_SQL)
    compiled, deferred, failed = compile_each(compiler, nodes)
    unsure = {i: found for i, found in failed.items() if seen is not None and not certain(loaded, i, found)}
    _stop({i: found for i, found in failed.items() if i not in unsure})
    _stop_at(forbidden(compiler, compiled.values()))
    keep_compiled(loaded, compiler)
    told = (one for found in unsure.values() for one in as_last_seen(found, seen))
    return Offline(compiled=compiled, deferred=tuple(deferred), unsure=tuple(dict.fromkeys(told)))
