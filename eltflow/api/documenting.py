"""The docs site of a loaded project: written under the target folder, with the manifest and the catalog that tell the same."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from eltflow.api.artifacts import manifest_inputs, run_info, target_file
from eltflow.api.compiling import compile_offline, last_catalog
from eltflow.api.lineage import keep_lineages, lineages, write_lineage
from eltflow.api.loading import Loaded
from eltflow.api.past import past_runs
from eltflow.api.running import project_hooks
from eltflow.api.writing import write_if_changed, write_pieces
from eltflow.base.records import dataclass
from eltflow.compile.inherited import Inheritance, Inherited
from eltflow.compile.lineage import Coverage, Lineages
from eltflow.compile.personal import Personal
from eltflow.report.catalog import catalog
from eltflow.report.info import to_json, to_lines
from eltflow.report.manifest import manifest
from eltflow.report.site.facts import Facts, Spot, Told, chunks
from eltflow.report.site.files import single_page, site_files
from eltflow.report.vocabulary import artifact_ids, mapped
from eltflow.sql.values import ColumnLineage, Influence, Origin, QueryLineage

#: The site's folder under the target folder, and the page that holds a whole site.
DOCS_FOLDER, PAGE = "docs", "docs.html"
#: How many past runs the site tells of.
_RUNS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Docs:
    """What was written: the page to open and the lineage of all columns, with how much of it is known."""

    page: Path
    lineage: Path
    coverage: Coverage


def generate_docs(loaded: Loaded, only: Iterable[str] | None = None, *, single_file: bool = False) -> Docs:
    """Write the docs site, with the manifest, the catalog and the lineage of columns. With `only`, the site shows these nodes; the others,
    which other tools read, tell of all. With `single_file` the site is one page."""
    found = lineages(loaded, telling=True)
    parts = chunks(_facts(loaded, found, None if only is None else mapped(only, artifact_ids(loaded.graph.nodes))))
    page = _write_page(loaded, parts) if single_file else _write_site(loaded, parts)
    return Docs(page=page, lineage=write_lineage(loaded, found), coverage=found.coverage(loaded.graph.of_type("model")))


def _write_page(loaded: Loaded, parts: dict[str, Any]) -> Path:
    page = target_file(loaded, PAGE)
    write_pieces(page, single_page(parts))
    return page


def _write_site(loaded: Loaded, parts: dict[str, Any]) -> Path:
    folder = target_file(loaded, DOCS_FOLDER)
    kept = set()
    for name, text in site_files(parts):
        write_if_changed(folder / name, text)
        kept.add(name)
    for old in (folder / "data").glob("*.js"):
        if f"data/{old.name}" not in kept:
            with suppress(OSError):
                old.unlink()
    return folder / "index.html"


def _facts(loaded: Loaded, found: Lineages, only: list[str] | None) -> Facts:
    info = run_info(loaded, "docs generate")
    seen, _ = last_catalog(loaded)
    compiled = compile_offline(loaded, loaded.graph.nodes).compiled
    made = manifest(**manifest_inputs(loaded, info, compiled), hooks=project_hooks(loaded))
    entries = {i: to_json(n) for i, n in made["nodes"].items()}
    write_pieces(target_file(loaded, "manifest.json"), to_lines({**made, "nodes": entries}, "nodes"))
    tables = catalog(loaded.graph.nodes, seen, info)
    places = loaded.places
    for name, other in places.others.items():  # what is told of the nodes that live there is what stands there
        tables["nodes"] = {i: entry for i, entry in tables["nodes"].items() if places.elsewhere.get(i) != name}
        nodes = {i: other.graph.nodes[i] for i, target in places.elsewhere.items() if target == name and i in other.graph.nodes}
        tables["nodes"] |= catalog(nodes, last_catalog(other)[0], info)["nodes"]
    write_if_changed(target_file(loaded, "catalog.json"), to_json(tables))
    readme = loaded.root / "README.md"
    return Facts(
        **site_columns(loaded, found),
        manifest=made,
        catalog=tables,
        history=[
            (run, loaded.store.nodes(run.id)) for run in past_runs(loaded.store, loaded.target_key, loaded.options.env, _RUNS)
        ],
        measured=_measured(loaded),
        readme=readme.read_text(encoding="utf-8", errors="replace") if readme.is_file() else "",
        only=None if only is None else frozenset(only),
    )


def _measured(loaded: Loaded) -> Any:
    """What `freshness` found last; None if it never ran here, or left what cannot be read."""
    with suppress(OSError, ValueError):
        found = json.loads(target_file(loaded, "sources.json").read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else None
    return None


def site_columns(loaded: Loaded, found: Lineages) -> dict[str, Any]:
    """What a site tells of columns, as `Facts` has it: the lineage of everything that has SQL, what columns inherit, and which are personal,
    in the ids of artifacts."""
    more = Inheritance(found)
    ids = artifact_ids(loaded.graph.nodes)
    nodes = [n for n in loaded.graph.nodes.values() if n.resource_type in ("model", "analysis")]
    made = {n.unique_id: (_named(found.of(n), ids), found.expressions(n)) for n in nodes}
    inherited = {n.unique_id: {name: _told(one, ids) for name, one in more.of(n).items()} for n in nodes}
    keep_lineages(loaded, found)
    return {"lineage": made, "inherited": inherited, "personal": _personal(found, ids)}


def _personal(found: Lineages, ids: dict[str, str]) -> dict[str, dict[str, Spot | None]]:
    """By node and column (small letters) the tagged column that a personal one is made of; None where that is not sure."""
    personal = Personal(found.compiler)
    made: dict[str, dict[str, Spot | None]] = {}
    for node in found.compiler.graph.nodes.values() if personal.any else ():
        held = personal.held(node)
        known = {name: _spot(personal.road((node.unique_id, name))[-1], ids) for name in held.via}
        columns = {**dict.fromkeys(held.names, None), **known}
        if columns:
            made[ids.get(node.unique_id, node.unique_id)] = columns
    return made


def _told(one: Inherited, ids: dict[str, str]) -> Told:
    def origin(kind: str, name: str) -> Spot:
        return _spot(one.origins[kind, name], ids)

    return Told(
        one.description,
        None if one.described is None else _spot(one.described, ids),
        {tag: origin("tag", tag) for tag in one.tags},
        {key: (value, origin("meta", key)) for key, value in one.meta.items()},
    )


def _spot(spot: tuple[str, str], ids: dict[str, str]) -> Spot:
    return ids.get(spot[0], spot[0]), spot[1]


def _named(found: QueryLineage, ids: dict[str, str]) -> QueryLineage:
    if not ids:
        return found

    def influences(given: Iterable[Influence]) -> tuple[Influence, ...]:
        return tuple(Influence(ids.get(i.table, i.table), i.column, i.why) for i in given)

    columns = tuple(
        ColumnLineage(
            c.name,
            tuple(Origin(ids.get(o.table, o.table), o.column, o.how) for o in c.origins),
            influences(c.influences),
            c.unknown,
            c.expression,
        )
        for c in found.columns
    )
    return QueryLineage(columns, influences(found.rows), found.unlisted, found.unsure)
