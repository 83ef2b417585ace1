"""The names that a template sees while a node is compiled: `ref` gives the real relation, `config` the resolved configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from eltflow.graph.graph import Graph
from eltflow.graph.lookup import BAD_SOURCE, Lookup, Missing, check_ref
from eltflow.jinja.values import RenderError, shown_as
from eltflow.project.config import canonical
from eltflow.project.nodes import Node
from eltflow.project.relation import JinjaRelation
from eltflow.project.surface import AdapterView, copied
from eltflow.warehouse.catalog import Catalog
from eltflow.warehouse.dialect import Dialect
from eltflow.warehouse.values import Relation

if TYPE_CHECKING:
    from eltflow.jinja.renderer import Renderer


@shown_as("config")
class ConfigView:
    """`config` in a compiled node: `config(...)` itself does nothing any more; reading gives what was resolved."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config

    def __call__(self, *args: Any, **kwargs: Any) -> str:
        return ""

    def get(self, key: str, default: Any = None, validator: Any = None) -> Any:
        value = self._config.get(canonical(key))
        return default if value is None else copied(value)

    def require(self, key: str, validator: Any = None) -> Any:
        value = self.get(key)
        if value is None:
            raise RenderError(
                "E0307",
                f"the config `{key}` is required here, and is not set",
                help="set it in the model, its properties or eltflow.yml",
                needle=key,
            )
        return value

    def meta_get(self, key: str, default: Any = None) -> Any:
        return copied((self._config.get("meta") or {}).get(key, default))


class GraphView(Mapping[str, Any]):
    """`graph`: read-only mappings of nodes by unique id, made when they are asked for."""

    _KINDS = {"nodes": None, "sources": "source", "exposures": "exposure"}

    def __init__(self, graph: Graph, groups: Mapping[str, Any]) -> None:
        self._graph = graph
        self._groups = groups

    def __getitem__(self, key: str) -> Any:
        if key == "groups":
            return {name: {"name": name, "owner": copied(group.owner)} for name, group in self._groups.items()}
        if key not in self._KINDS:
            raise KeyError(key)
        kind = self._KINDS[key]
        nodes = self._graph.nodes.values()
        if kind is None:
            return {n.unique_id: node_view(n) for n in nodes if n.resource_type not in ("source", "exposure")}
        return {n.unique_id: node_view(n) for n in nodes if n.resource_type == kind}

    def __iter__(self) -> Iterator[str]:
        return iter((*self._KINDS, "groups"))

    def __len__(self) -> int:
        return len(self._KINDS) + 1


def node_view(node: Node) -> dict[str, Any]:
    """A node as `model` and `graph` show it, in the field's words."""
    relation = node.relation
    return {
        "unique_id": node.unique_id,
        "name": node.name,
        "alias": relation.identifier if relation else node.name,
        "database": relation.database if relation else None,
        "schema": relation.schema if relation else None,
        "resource_type": node.resource_type,
        "package_name": node.package,
        "path": node.path,
        "original_file_path": node.path,
        "fqn": list(node.fqn),
        "config": copied(node.config),
        "tags": list(node.tags),
        "meta": copied(node.meta),
        "group": node.group,
        "description": node.description,
        "columns": {
            c.name: {
                "name": c.name,
                "description": c.description,
                "data_type": c.data_type,
                "meta": copied(c.meta),
                "tags": list(c.tags),
            }
            for c in node.columns.values()
        },
        "depends_on": {"nodes": list(node.parents), "macros": []},
        "checksum": {"name": "blake2b", "checksum": node.checksum},
        **({"source_name": node.source.source, "identifier": relation.identifier} if node.source and relation else {}),
    }


class NodeNames:
    """Builds the names for one node, and records what `ref`, `source` and `this` rendered."""

    def __init__(
        self,
        *,
        node: Node,
        graph: Graph,
        lookup: Lookup,
        base: Mapping[str, Any],
        renderer: Callable[[], Renderer],
        dialect: Dialect,
        target: Dialect,
        catalog: Catalog,
        groups: Mapping[str, Any],
        cte_name: Callable[[Node], str],
        run_query: Callable[[str], Any],
        full_refresh: bool,
        stand_in: Callable[[Node], Relation | None] | None = None,
    ) -> None:
        self._node = node
        self._graph = graph
        self.lookup = lookup  #: what names mean where the text is written
        self.dialect = dialect  #: what the text is written in
        self._catalog = catalog
        self._cte_name = cte_name
        self._full_refresh = full_refresh
        self._stand_in = stand_in
        self.rendered: dict[tuple[str, ...], str] = {}
        self.ephemeral: dict[str, None] = {}
        self.asked: list[bool] = []
        self._groups = groups
        self._base = base
        self._renderer = renderer
        self._run_query = run_query
        self._target = target
        self._itself = self._this()

    @cached_property
    def names(self) -> dict[str, Any]:
        """The names by which a template finds these; most models and tests need none of them."""
        config = ConfigView(self._node.config)
        return {
            **self._base,
            "ref": self.ref,
            "source": self.source,
            "config": config,
            "this": self._itself,
            "model": node_view(self._node),
            "graph": GraphView(self._graph, self._groups),
            "execute": True,
            "is_incremental": self.is_incremental,
            "run_query": self._run_query,
            "adapter": AdapterView(self._renderer, self.dialect, self._target),
            "builtins": {"ref": self.ref, "source": self.source, "config": config},
        }

    def _this(self) -> JinjaRelation | None:
        relation = self._node.relation
        if relation is None:
            return None
        self.rendered[relation.parts()] = self._node.unique_id
        existing = self._catalog.get(relation)
        return JinjaRelation(relation, self.dialect, type=existing.kind if existing else None, asked=self.asked)

    def is_incremental(self) -> bool:
        """True when the model is incremental, its table is there, and no full refresh is asked for."""
        relation = self._node.relation
        if self._node.materialized != "incremental" or relation is None or self.refreshed():
            return False
        existing = self._catalog.get(relation)
        return existing is not None and existing.kind == "table"

    def refreshed(self) -> bool:
        """Whether this run builds the model from nothing: its own `full_refresh` beats the flag."""
        own = self._node.config.get("full_refresh")
        return bool(own) if own is not None else self._full_refresh

    def ref(self, *args: Any, **kwargs: Any) -> JinjaRelation:
        check_ref(args, kwargs)
        return self._relation(self.lookup.ref(tuple(str(a) for a in args)), str(args[-1]), f"ref('{args[-1]}')")

    def source(self, *args: Any) -> JinjaRelation:
        if len(args) != 2:
            raise RenderError(*BAD_SOURCE[:2], help=BAD_SOURCE[2], needle="source")
        found = self.lookup.source((str(args[0]), str(args[1])))
        return self._relation(found, f"{args[0]}.{args[1]}", f"source('{args[0]}', '{args[1]}')")

    def _relation(self, found: str | Missing, label: str, call: str) -> JinjaRelation:
        if not isinstance(found, str):
            message = f"{self._node.resource_type} `{self._node.name}` refers to `{label}`, which {found.why}"
            raise RenderError(found.code, message, help=found.help, needle=label.split(".")[-1])
        if found not in self._node.parents and found != self._node.unique_id:
            raise RenderError(
                "E0213",
                f"`{label}` is read here, but that could not be seen when the graph was made",
                help=f"add a line `-- depends_on: {{{{ {call} }}}}`",
                needle=label.split(".")[-1],
            )
        return self.relation_of(self._graph.nodes[found])

    def relation_of(self, node: Node) -> JinjaRelation:
        """What a reference to `node` gives: its relation, or the name of its CTE if it is ephemeral."""
        assert node.relation is not None
        if node.materialized == "ephemeral":
            self.ephemeral[node.unique_id] = None
            name = self._cte_name(node)
            self.rendered[(name,)] = node.unique_id
            return JinjaRelation(node.relation, self.dialect, text=self.dialect.quote(name))
        copy = self._stand_in(node) if self._stand_in is not None else None
        if copy is not None:
            return self._crossing(node, copy)
        self.rendered[node.relation.parts()] = node.unique_id
        existing = self._catalog.get(node.relation)
        return JinjaRelation(node.relation, self.dialect, type=existing.kind if existing else None, asked=self.asked)

    def _crossing(self, node: Node, relation: Relation) -> JinjaRelation:
        """The relation that stands for a node of another target."""
        if self._node.resource_type not in ("model", "test"):
            raise RenderError(
                "E0218",
                f"`{node.display}` is on another target, and its rows are not brought here",
                help="they cross for models and tests: read a model of this target that reads it",
                needle=node.name,
            )
        self.rendered[relation.parts()] = node.unique_id
        return JinjaRelation(relation, self.dialect, type="table", asked=self.asked)
