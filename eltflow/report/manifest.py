"""Graph → manifest.json in the shape of dbt's manifest v12 (https://schemas.getdbt.com/dbt/manifest/v12.json), as a plain dict.

What differs from a manifest of dbt's is written down in docs/reference/artifacts.md; how ingestion steps are shown, in `vocabulary`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from eltflow.graph.graph import Graph
from eltflow.project.nodes import ConstraintInfo, ExposureInfo, Node
from eltflow.project.project import Project
from eltflow.report.fields import as_set, columns, constraint, contract, docs_of, freshness, full_config
from eltflow.report.info import RunInfo, metadata, to_json, to_lines
from eltflow.report.vocabulary import artifact_ids, delivery_facts, mapped, source_names, step_facts, task_facts
from eltflow.warehouse.dialect import Dialect


class CompiledSql(Protocol):
    """What an artifact tells of a compiled node."""

    @property
    def sql(self) -> str: ...
    @property
    def ctes(self) -> tuple[str, ...]: ...
    @property
    def extra(self) -> Mapping[str, Any]: ...


#: Seeds up to this many bytes are told apart by content, larger ones by their path (as in dbt).
SEED_LIMIT = 1 << 20

_CALLED = re.compile(r"([A-Za-z_]\w*)\s*\(")
_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_END = re.compile(r"\{%-?\s*end(?:macro|test|materialization)\s*-?%\}")


def manifest(
    project: Project,
    graph: Graph,
    dialect: Dialect,
    info: RunInfo,
    *,
    compiled: Mapping[str, CompiledSql] | None = None,
    compiled_path: Callable[[Node], str] | None = None,
    read: Callable[[str], str] | None = None,
    seed_bytes: Callable[[str], bytes | None] | None = None,
    dialects: Mapping[str, Dialect] | None = None,
    hooks: Sequence[Node] = (),
) -> dict[str, Any]:
    """The manifest of a project.

    `read` gives a file's text (the project's own by default); `seed_bytes` a seed's content, or None for one too large to look at
    (over SEED_LIMIT); `compiled` and `compiled_path` what was compiled, and where it is written; `hooks` the project's own hooks as nodes;
    `dialects` those of nodes that live on other targets, by their ids.
    """
    fold = _Fold(project, graph, dialect, info, compiled or {}, compiled_path, read or project.read, seed_bytes, dialects)
    return fold.manifest(hooks)


def manifest_lines(
    project: Project,
    graph: Graph,
    dialect: Dialect,
    info: RunInfo,
    *,
    compiled: Mapping[str, CompiledSql] | None = None,
    compiled_path: Callable[[Node], str] | None = None,
    seed_bytes: Callable[[str], bytes | None] | None = None,
    dialects: Mapping[str, Dialect] | None = None,
    hooks: Sequence[Node] = (),
) -> Iterator[str]:
    """The manifest as JSON in pieces, each of its `nodes` on a line of its own: no more than one of them is held unwritten as a value."""
    fold = _Fold(project, graph, dialect, info, compiled or {}, compiled_path, project.read, seed_bytes, dialects)
    return to_lines(fold.manifest(hooks, to_json), "nodes")


def manifest_entries(
    project: Project,
    graph: Graph,
    dialect: Dialect,
    info: RunInfo,
    ids: Iterable[str],
    *,
    compiled: Mapping[str, CompiledSql] | None = None,
    compiled_path: Callable[[Node], str] | None = None,
    seed_bytes: Callable[[str], bytes | None] | None = None,
    dialects: Mapping[str, Dialect] | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The metadata of a manifest, and the entries of some of its `nodes`, as `manifest` would give them."""
    fold = _Fold(project, graph, dialect, info, compiled or {}, compiled_path, project.read, seed_bytes, dialects)
    nodes = (graph.nodes[i] for i in ids)
    return fold._metadata(), {n.unique_id: fold._entry(n, None) for n in nodes if n.ingest is None and n.source is None}


class _Fold:
    def __init__(
        self,
        project: Project,
        graph: Graph,
        dialect: Dialect,
        info: RunInfo,
        compiled: Mapping[str, CompiledSql],
        compiled_path: Callable[[Node], str] | None,
        read: Callable[[str], str],
        seed_bytes: Callable[[str], bytes | None] | None,
        dialects: Mapping[str, Dialect] | None,
    ) -> None:
        self.project = project
        self.graph = graph
        self.dialect = dialect
        self.dialects = dialects or {}
        self.info = info
        self.compiled = compiled
        self.compiled_path = compiled_path
        self.read = read
        self.seed_bytes = seed_bytes
        self.package = project.settings.name
        self.created = info.generated_at.timestamp()
        self.steps = artifact_ids({**graph.disabled, **graph.nodes})
        self.macro_names = {m.name: f"macro.{self.package}.{m.name}" for m in project.macros}
        settings = project.settings
        folders = (
            *settings.model_paths,
            *settings.seed_paths,
            *settings.test_paths,
            *settings.macro_paths,
            *settings.analysis_paths,
            *settings.ingest_paths,
            *settings.deliver_paths,
            *settings.task_paths,
            *settings.docs_paths,
        )
        self.roots = tuple(sorted({f"{f.rstrip('/')}/" for f in folders if f not in (".", "")}, key=len, reverse=True))
        self.keys = _primary_keys(graph.nodes.values())

    def manifest(self, hooks: Sequence[Node], encode: Callable[[dict[str, Any]], Any] = lambda entry: entry) -> dict[str, Any]:
        nodes: dict[str, Any] = {}
        sources: dict[str, Any] = {}
        exposures: dict[str, Any] = {}
        homes = {"source": sources, "exposure": exposures}
        parents: dict[str, list[str]] = {}
        groups: dict[str, list[str]] = {name: [] for name in self.project.groups}
        loaders = {p: n for n in self.graph.nodes.values() if n.ingest is not None for p in (self.steps[n.unique_id],)}
        for node in (*self.graph.nodes.values(), *_numbered(hooks)):
            unique_id = self.steps.get(node.unique_id, node.unique_id)
            if node.ingest is not None and unique_id in self.graph.nodes:
                continue  # told with the source that declares its relation
            entry = self._entry(node, loaders.get(unique_id))
            home = homes.get(entry["resource_type"])
            if home is None:
                nodes[unique_id] = encode(entry)
            else:
                home[unique_id] = entry
            reads = entry["depends_on"]["nodes"] if "nodes" in entry.get("depends_on", {}) else ()
            parents[unique_id] = sorted(reads)
            if node.group in groups:
                groups[node.group].append(unique_id)
        children: dict[str, list[str]] = {unique_id: [] for unique_id in parents}
        for unique_id, above in parents.items():
            for parent in above:
                children[parent].append(unique_id)
        for below in children.values():
            below.sort()
        disabled: dict[str, list[Any]] = {}
        for node in self.graph.disabled.values():
            entry = self._entry(node, node if node.ingest is not None else None)
            disabled.setdefault(str(entry["unique_id"]), []).append(entry)
        return {
            "metadata": self._metadata(),
            "nodes": nodes,
            "sources": sources,
            "macros": self._macros(),
            "docs": self._docs(),
            "exposures": exposures,
            "metrics": {},
            "groups": self._groups(),
            "selectors": {str(s["name"]): dict(s) for s in self.project.selectors},
            "disabled": disabled,
            "parent_map": parents,
            "child_map": children,
            "group_map": groups,
            "saved_queries": {},
            "semantic_models": {},
            "unit_tests": {},
            "functions": {},
        }

    def _metadata(self) -> dict[str, Any]:
        return {
            **metadata(self.info, "manifest/v12"),
            "project_name": self.package,
            "project_id": hashlib.md5(self.package.encode(), usedforsecurity=False).hexdigest(),
            "user_id": None,
            "send_anonymous_usage_stats": False,
            "adapter_type": self.dialect.name,
            "quoting": {"database": True, "schema": True, "identifier": True, "column": None},
            "run_started_at": self.info.started_at.isoformat(),
        }

    # -- nodes -----------------------------------------------------------------------------------------------------------------

    def _entry(self, node: Node, loader: Node | None) -> dict[str, Any]:
        if node.source is not None or node.ingest is not None:
            return self._source(node, loader)
        if node.exposure is not None or node.outside is not None:
            return self._exposure(node)
        entry = self._node(node)
        if node.resource_type == "seed":
            del entry["language"], entry["refs"], entry["sources"], entry["metrics"], entry["functions"]
            entry["root_path"] = None
            entry["depends_on"] = {"macros": []}
            return entry
        self._compiled(entry, node)
        if node.resource_type == "model":
            access = node.config.get("access") or "protected"
            entry |= {
                "access": access,
                "constraints": self._constraints(node),
                "version": None,
                "latest_version": None,
                "deprecation_date": None,
                "primary_key": self.keys.get(node.unique_id, []),
                "time_spine": None,
            }
        elif node.resource_type == "operation":
            entry["index"] = node.config["index"]
        elif node.test is not None and not node.test.singular:
            self._generic(entry, node)
        return entry

    def _node(self, node: Node) -> dict[str, Any]:
        kind, config, relation = node.resource_type, node.config, node.relation
        target = self.project.target
        refs, sources = self._reads(node)
        code, checksum = self._code(node)
        made = relation is not None and node.materialized != "ephemeral"
        if kind == "test":
            made = bool(config.get("store_failures") or self.info.args.get("store_failures"))
        return {
            "database": relation.database if relation is not None else target.database,
            "schema": (relation.schema if relation is not None else target.schema) or "",
            "name": node.name,
            "resource_type": kind,
            "package_name": node.package,
            "path": self._path(node),
            "original_file_path": node.path,
            "unique_id": node.unique_id,
            "fqn": list(node.fqn),
            "alias": relation.identifier if relation is not None else node.name,
            "checksum": checksum,
            "config": full_config(node),
            "tags": [f"on-run-{config['at']}"] if kind == "operation" else list(node.tags),
            "description": node.description,
            "columns": self._columns(node),
            "meta": dict(node.meta),
            "group": node.group,
            "docs": docs_of(config),
            "patch_path": f"{self.package}://{node.patch}" if node.patch is not None and kind != "test" else None,
            "build_path": None,
            "unrendered_config": as_set(node),
            "created_at": self.created,
            "relation_name": self._rendered(node) if made else None,
            "raw_code": code,
            "doc_blocks": [],
            "language": "sql",
            "refs": refs,
            "sources": sources,
            "metrics": [],
            "functions": [],
            "depends_on": {"macros": self._macros_called(code, node), "nodes": mapped(node.parents, self.steps)},
        }

    def _code(self, node: Node) -> tuple[str, dict[str, str]]:
        """The text of a node as its file has it, without blank lines around (as dbt has it), and its checksum."""
        if node.resource_type == "seed":
            data = self.seed_bytes(node.path) if self.seed_bytes is not None else None
            if data is None or len(data) > SEED_LIMIT:
                return "", {"name": "path", "checksum": node.path}
            return "", {"name": "sha256", "checksum": hashlib.sha256(data.strip()).hexdigest()}
        if node.test is not None and not node.test.singular:
            return _test_call(node, self.graph), {"name": "none", "checksum": ""}
        text = (str(node.config["sql"]) if node.resource_type == "operation" else self.read(node.path)).strip()
        return text, {"name": "sha256", "checksum": hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()}

    def _reads(self, node: Node) -> tuple[list[dict[str, Any]], list[list[str]]]:
        refs: list[dict[str, Any]] = []
        sources: list[list[str]] = []
        known = self.graph.nodes
        for parent_id in node.parents:
            parent = known.get(self.steps.get(parent_id, parent_id)) or known.get(parent_id)
            if parent is None:
                continue
            pair = None
            if parent.source is not None:
                pair = [parent.source.source, parent.source.table]
            elif parent.ingest is not None:
                pair = list(source_names(parent))
            if pair is None:
                refs.append({"name": parent.name, "package": None, "version": None})
            elif pair not in sources:
                sources.append(pair)
        return refs, sources

    def _macros_called(self, code: str, node: Node) -> list[str]:
        """The project's macros that a template names in a call: read from its text, so that one named in a comment counts too."""
        if node.test is not None and not node.test.singular:
            own = self.macro_names.get(f"test_{node.test.kind}")
            return [own] if own is not None else []
        if not self.macro_names or "{" not in code:
            return []
        return self._macros_in(code)

    def _macros_in(self, code: str) -> list[str]:
        names = self.macro_names
        found: dict[str, None] = {}
        for part in dict.fromkeys(_JINJA.findall(code)):
            for name in _CALLED.findall(part):
                if name in names:
                    found[names[name]] = None
        return list(found)

    def _path(self, node: Node) -> str:
        if node.resource_type == "operation":
            return f"hooks/{node.name}.sql"
        if node.test is not None and not node.test.singular:
            return f"{node.relation.identifier if node.relation is not None else node.name}.sql"
        path = self._below(node.path)
        return f"analysis/{path}" if node.resource_type == "analysis" else path

    def _below(self, path: str) -> str:
        """The path without the folder that its kind of file lies in."""
        for root in self.roots:
            if path.startswith(root):
                return path[len(root) :]
        return path

    def _compiled(self, entry: dict[str, Any], node: Node) -> None:
        one = self.compiled.get(node.unique_id)
        entry["compiled_path"] = None
        if one is not None and one.sql:
            ctes = []
            for unique_id in one.ctes:
                inner = self.compiled.get(unique_id)
                ctes.append({"id": unique_id, "sql": str(inner.extra.get("body", inner.sql)) if inner is not None else ""})
            entry["compiled_path"] = self.compiled_path(node) if self.compiled_path is not None else None
            entry["compiled"] = True
            entry["compiled_code"] = one.sql
            entry["extra_ctes_injected"] = True
            entry["extra_ctes"] = ctes
        entry["contract"] = contract(node)

    def _constraints(self, node: Node) -> list[dict[str, Any]]:
        """Those of the model itself, which dbt has of contracts alone."""
        own = node.constraints if node.contracted else ()
        return [{**constraint(one, self._pointed_at(one)), "columns": list(one.columns)} for one in own]

    def _columns(self, node: Node) -> dict[str, Any]:
        made = columns(node.columns)
        if node.contracted:
            for name, column in node.columns.items():
                made[name]["constraints"] = [constraint(one, self._pointed_at(one)) for one in column.constraints]
        return made

    def _pointed_at(self, one: ConstraintInfo) -> str | None:
        target = self.graph.nodes.get(one.target) if one.target is not None else None
        return self._rendered(target) if target is not None else None

    def _rendered(self, node: Node) -> str | None:
        """A node's relation, as it stands in SQL where the node lives."""
        return self.dialects.get(node.unique_id, self.dialect).render(node.relation) if node.relation is not None else None

    def _generic(self, entry: dict[str, Any], node: Node) -> None:
        test = node.test
        assert test is not None and test.attached is not None
        attached = self._attached(node)
        source = attached is None or attached.source is not None or attached.ingest is not None
        if attached is None:
            key = ""
        elif attached.source is not None:
            key = f"sources.{attached.source.source}"
        elif attached.ingest is not None:
            key = f"sources.{source_names(attached)[0]}"
        else:
            key = f"{attached.resource_type}s.{attached.name}"
        kwargs = dict(test.kwargs)
        if test.column is not None:
            kwargs["column_name"] = test.column
        kwargs["model"] = "{{ " + _call(attached) + " }}"
        entry["column_name"] = test.column
        entry["file_key_name"] = key
        entry["attached_node"] = None if source else test.attached
        entry["test_metadata"] = {"name": test.kind, "kwargs": kwargs, "namespace": None}

    def _attached(self, node: Node) -> Node | None:
        assert node.test is not None and node.test.attached is not None
        known = self.graph.nodes
        return known.get(self.steps.get(node.test.attached, "")) or known.get(node.test.attached)

    # -- sources, exposures ----------------------------------------------------------------------------------------------------

    def _source(self, node: Node, loader: Node | None) -> dict[str, Any]:
        config, relation = node.config, node.relation
        described = {**(loader.columns if loader is not None else {}), **node.columns}
        meta = dict(node.meta)
        if loader is not None:
            meta = {**loader.meta, **meta, "eltflow": step_facts(loader)}
        tags = list(dict.fromkeys([*node.tags, *(loader.tags if loader is not None else ())]))
        if node.source is not None:
            name, table = node.source.source, node.source.table
            about, loads = node.source.source_description, node.source.loader
        else:
            (name, table), about, loads = source_names(node), "", ""
        if loader is not None:
            loads = loads or "eltflow"
        limits = freshness(config.get("freshness"))
        settings = {key: config.get(key) for key in ("event_time", "loaded_at_field", "loaded_at_query")}
        return {
            "database": relation.database if relation is not None else None,
            "schema": (relation.schema if relation is not None else None) or "",
            "name": table,
            "resource_type": "source",
            "package_name": node.package,
            "path": node.path,
            "original_file_path": node.path,
            "unique_id": self.steps.get(node.unique_id, node.unique_id),
            "fqn": list(node.fqn),
            "source_name": name,
            "source_description": about,
            "loader": loads,
            "identifier": relation.identifier if relation is not None else table,
            "quoting": {"database": None, "schema": None, "identifier": None, "column": None},
            "loaded_at_field": settings["loaded_at_field"],
            "loaded_at_query": settings["loaded_at_query"],
            "freshness": limits,
            "external": None,
            "description": node.description or (loader.description if loader is not None else ""),
            "columns": columns(described),
            "meta": meta,
            "source_meta": {},
            "tags": tags,
            "config": {
                "enabled": config.get("enabled", True),
                "static_analysis": None,
                **settings,
                "freshness": limits,
                "meta": meta,
                "tags": tags,
            },
            "patch_path": None,
            "unrendered_config": as_set(node),
            "relation_name": self._rendered(node),
            "created_at": self.created,
            "unrendered_database": None,
            "unrendered_schema": None,
            "doc_blocks": [],
        }

    def _exposure(self, node: Node) -> dict[str, Any]:
        exposure, meta = node.exposure or ExposureInfo(type="application"), dict(node.meta)
        if node.deliver is not None:
            meta["eltflow"] = delivery_facts(node)
        elif node.task is not None:
            meta["eltflow"] = task_facts(node)
        refs, sources = self._reads(node)
        return {
            "name": node.name,
            "resource_type": "exposure",
            "package_name": node.package,
            "path": self._below(node.path),
            "original_file_path": node.path,
            "unique_id": self.steps.get(node.unique_id, node.unique_id),
            "fqn": list(node.fqn),
            "type": exposure.type,
            "owner": {"email": None, "name": None, **exposure.owner},
            "description": node.description,
            "label": exposure.label,
            "maturity": exposure.maturity,
            "meta": meta,
            "tags": list(node.tags),
            "config": {"enabled": node.config.get("enabled", True), "tags": list(node.tags), "meta": meta},
            "unrendered_config": as_set(node),
            "url": exposure.url,
            "depends_on": {"macros": [], "nodes": mapped(node.parents, self.steps)},
            "refs": refs,
            "sources": sources,
            "metrics": [],
            "created_at": self.created,
        }

    # -- what is no node -------------------------------------------------------------------------------------------------------

    def _macros(self) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for source in self.project.macros:
            about = self.project.macro_info.get(source.name)
            sql = macro_text(source.text, source.line)
            unique_id = self.macro_names[source.name]
            meta = dict(about.meta) if about is not None else {}
            made[unique_id] = {
                "name": source.name,
                "resource_type": "macro",
                "package_name": self.package,
                "path": source.file,
                "original_file_path": source.file,
                "unique_id": unique_id,
                "macro_sql": sql,
                "depends_on": {"macros": [called for called in self._macros_in(sql) if called != unique_id]},
                "description": about.description if about is not None else "",
                "meta": meta,
                "docs": {"show": True, "node_color": None},
                "config": {"meta": meta, "docs": {"show": True, "node_color": None}},
                "patch_path": f"{self.package}://{about.patch}" if about is not None and about.patch is not None else None,
                "arguments": [
                    {"name": a["name"], "type": a.get("type"), "description": str(a.get("description") or "")}
                    for a in (about.arguments if about is not None else ())
                ],
                "created_at": self.created,
                "supported_languages": None,
            }
        return made

    def _docs(self) -> dict[str, Any]:
        return {
            f"doc.{self.package}.{doc.name}": {
                "name": doc.name,
                "resource_type": "doc",
                "package_name": self.package,
                "path": self._below(doc.path),
                "original_file_path": doc.path,
                "unique_id": f"doc.{self.package}.{doc.name}",
                "block_contents": doc.text,
            }
            for doc in self.project.docs.values()
        }

    def _groups(self) -> dict[str, Any]:
        return {
            f"group.{self.package}.{group.name}": {
                "name": group.name,
                "resource_type": "group",
                "package_name": self.package,
                "path": self._below(group.path),
                "original_file_path": group.path,
                "unique_id": f"group.{self.package}.{group.name}",
                "owner": {"email": None, "name": None, **group.owner},
                "description": group.description,
                "config": {"meta": {}},
            }
            for group in self.project.groups.values()
        }


def macro_text(text: str, line: int) -> str:
    """The macro that begins on that line of a file, from its opening tag to its closing one; the rest of the file if that is not found."""
    start = 0
    for _ in range(line - 1):
        start = text.find("\n", start) + 1
    end = _END.search(text, start)
    return text[start : end.end() if end is not None else len(text)].strip()


def _numbered(hooks: Iterable[Node]) -> list[Node]:
    from eltflow.base.records import replace

    seen: dict[str, int] = {}
    made = []
    for hook in hooks:
        seen[hook.config["at"]] = index = seen.get(hook.config["at"], 0) + 1
        made.append(replace(hook, config={**hook.config, "index": index}))
    return made


def _call(node: Node | None) -> str:
    if node is None:
        return "none"
    if node.source is not None:
        return f"source('{node.source.source}', '{node.source.table}')"
    return f"ref('{node.name}')"


def _test_call(node: Node, graph: Graph) -> str:
    """A generic test as a call of its macro: what stands for the code that it has no file for."""
    test = node.test
    assert test is not None and test.attached is not None
    arguments = {"column_name": test.column} if test.column is not None else {}
    written = "".join(f", {key}={value!r}" for key, value in {**arguments, **test.kwargs}.items())
    return "{{ test_" + f"{test.kind}({_call(graph.nodes.get(test.attached))}{written})" + " }}"


def _primary_keys(nodes: Iterable[Node]) -> dict[str, list[str]]:
    """The columns of each model's key: as its constraints say, else those that are tested to be both unique and not null."""
    said: dict[str, list[str]] = {}
    tested: dict[str, dict[str, set[str]]] = {}
    for node in nodes:
        test = node.test
        key = (
            next((one for one in node.all_constraints if one.type == "primary_key"), None)
            if node.resource_type == "model"
            else None
        )
        if key is not None:
            said[node.unique_id] = list(key.columns)
        if test is not None and test.kind in ("unique", "not_null") and test.column is not None and test.attached is not None:
            tested.setdefault(test.attached, {}).setdefault(test.column, set()).add(test.kind)
    keys = {unique_id: [column for column, kinds in columns.items() if len(kinds) == 2] for unique_id, columns in tested.items()}
    return {**keys, **said}
