"""Loads a project from its files, and keeps what was found for the next time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from eltflow.api.cache import LoadCache, content_of, hashed_environ, same_environ, stamps_of
from eltflow.api.extracting import extracting
from eltflow.api.loading import BrokenProject, Loaded
from eltflow.api.names import names_of
from eltflow.base.fingerprint import fingerprint
from eltflow.graph.build import FactStore, Names, build_graph, candidate_words
from eltflow.graph.codec import encode_graph
from eltflow.graph.facts import Facts
from eltflow.graph.graph import BrokenGraph, Graph
from eltflow.native.open import FileCache, folders_of, open_project
from eltflow.native.target import Opened, keepable
from eltflow.project.folder import read_dotenv
from eltflow.project.nodes import Node
from eltflow.project.options import Options
from eltflow.project.project import Project
from eltflow.project.surface import target_names

#: Names whose value is another in each run: facts of a template that uses one are never kept.
_UNSTEADY = frozenset({"run_started_at", "invocation_id", "interval", "modules", "flags"})


def load_fresh(root: Path, options: Options, cache: LoadCache) -> Loaded:
    """Read every file that is not known by its content, and build the graph. Raises EltflowError with everything that is wrong."""
    kept = cache.facts()
    hashes = {path: tuple(stamp) for path, stamp in (kept.get("hashes") or {}).items()}
    files = FileCache(hashes=hashes, values=dict(kept.get("values") or {}))
    opened = open_project(root, options, files)
    project = opened.project
    words = candidate_words(project)
    scope = _scope(opened, options, words)
    base = names_of(opened, options, say=lambda text, shown: None, warn=lambda text: None)
    with extracting(opened, options, base, words) as extractor:
        known = _known(kept, scope, project, {**read_dotenv(options.files(root)), **options.env})
        store = FactStore(extractor, known)
        try:
            graph = build_graph(project, store, opened.adapter.dialect, _naming(opened, base))
        except BrokenGraph as error:
            raise BrokenProject(error.diagnostics, _loaded(root, options, opened, error.sound)) from None
    # Facts that were known stand for a rendering that read the environment then: what it read is minded on.
    environ = {**((kept.get("environ") or {}) if known else {}), **hashed_environ(opened.environ.used)}
    _keep(options.files(root), cache, opened, graph, files, store, scope, words, options.invocation_id, environ)
    return _loaded(root, options, opened, graph)


def _loaded(root: Path, options: Options, opened: Opened, graph: Graph) -> Loaded:
    return Loaded(
        root=root,
        options=options,
        name=opened.project.settings.name,
        counts=counts_of(graph),
        make_graph=lambda: graph,
        selectors=opened.project.selectors,
        open=lambda: opened,
        graph_id=options.invocation_id,
    )


def counts_of(graph: Graph) -> dict[str, int]:
    """How many nodes there are of each type."""
    counts: dict[str, int] = {}
    for node in graph.nodes.values():
        counts[node.resource_type] = counts.get(node.resource_type, 0) + 1
    return counts


def _scope(opened: Opened, options: Options, words: frozenset[str]) -> str:
    """A fingerprint of everything but its own text that a template's facts may depend on."""
    project, target = opened.project, opened.project.target
    shown = target_names(target, opened.adapter.secret_fields, project.settings.name)
    parts = (
        sorted(words),
        project.macro_hash,
        sorted(project.vars.items(), key=repr),
        sorted(shown.items(), key=repr),
        options.strict,
    )
    return fingerprint(repr(parts), repr(sorted(options.flags.items(), key=repr)))


def _known(kept: Mapping[str, Any], scope: str, project: Project, env: Mapping[str, str]) -> dict[str, Facts]:
    """Facts of templates whose text and surroundings are the same, by path."""
    if kept.get("scope") != scope or not same_environ(kept.get("environ") or {}, env):
        return {}
    facts: Mapping[str, Any] = kept.get("facts") or {}
    known: dict[str, Facts] = {}
    for draft in project.drafts:
        entry = facts.get(draft.path)
        if entry is not None and draft.hash == entry[0] and entry[1] == repr(draft.layers):
            known[draft.path] = Facts.decode(entry[2])
    return known


def _keep(
    root: Path,
    cache: LoadCache,
    opened: Opened,
    graph: Graph,
    files: FileCache,
    store: FactStore,
    scope: str,
    words: frozenset[str],
    graph_id: str,
    environ: Mapping[str, str | None],
) -> None:
    if any(_UNSTEADY.intersection(used) for used in (store.used, *(facts.used for facts in store.gathered.values()))):
        return
    folders = folders_of(opened.project.settings)
    stamps: dict[str, tuple[int, int, str]] = {}
    for path, stamp in stamps_of(root, folders).items():
        known = files.hashes.get(path)
        if known is not None and known[:2] == stamp:
            stamps[path] = known
        else:
            stamps[path] = (*stamp, content_of(root / path))
    project = {
        **keepable(opened.project),
        "graph_id": graph_id,
        "edited": {},
        "counts": counts_of(graph),
        "words": sorted(words),
        "vars": dict(opened.project.vars),
    }
    cache.keep(
        graph=encode_graph(graph),
        project=project,
        stamps=stamps,
        folders=folders,
        environ=environ,
    )
    layers = {draft.path: repr(draft.layers) for draft in opened.project.drafts}
    digests = {draft.path: draft.hash for draft in opened.project.drafts}
    used_values = {k for k in files.values if k in {stamp[2] for stamp in stamps.values()}}
    cache.keep_facts(
        {
            "scope": scope,
            "environ": environ,
            "facts": {path: (digests[path], layers[path], facts.encode()) for path, facts in store.gathered.items()},
            "hashes": stamps,
            "values": {k: files.values[k] for k in used_values},
        }
    )


def _naming(opened: Opened, base: Mapping[str, Any]) -> Names:
    """The project's own `generate_schema_name`, `generate_alias_name` and `generate_database_name`, if it has them."""
    known = {macro.name for macro in opened.project.macros}

    def rule(macro: str) -> Callable[..., Any] | None:
        if macro not in known:
            return None

        def name(custom: Any, node: Node) -> Any:
            shown = {"name": node.name, "config": dict(node.config), "resource_type": node.resource_type, "fqn": list(node.fqn)}
            return opened.renderer.call(macro, {**base, "node": shown}, node.path, custom, shown)

        return name

    return Names(schema=rule("generate_schema_name"), alias=rule("generate_alias_name"), database=rule("generate_database_name"))
