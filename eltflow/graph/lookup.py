"""Names → nodes: what a `ref`, a `source` and a plain table name mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eltflow.base.names import suggest
from eltflow.base.records import dataclass
from eltflow.jinja.values import RenderError
from eltflow.project.nodes import RELATIONS, Node
from eltflow.warehouse.dialect import Dialect

#: Kinds of nodes that `ref` and a bare name may mean.
REFERABLE = ("model", "seed", "ingest")
#: Kinds of nodes that have SQL of their own in a file.
WITH_SQL = ("model", "analysis", "test")

#: (code, message, help) of calls with too few or too many arguments.
BAD_REF = ("E0303", "ref() takes a name, or a project and a name", "write ref('orders')")
BAD_REF_KEYWORD = ("E0303", "ref() takes no argument of that name", "model versions are not known here: write ref('orders')")
BAD_SOURCE = ("E0303", "source() takes two arguments: the source and its table", "write source('raw', 'orders')")


def check_ref(args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Raise RenderError for a `ref` that is called with what it does not take."""
    if kwargs:
        raise RenderError(*BAD_REF_KEYWORD[:2], help=BAD_REF_KEYWORD[2], needle=next(iter(kwargs)))
    if not 1 <= len(args) <= 2:
        raise RenderError(*BAD_REF[:2], help=BAD_REF[2], needle="ref")


@dataclass(frozen=True, slots=True)
class Missing:
    why: str
    code: str = "E0203"
    help: str | None = None


class Lookups:
    """The lookup for each dialect that SQL is written in: what is one name to one may be two to another."""

    def __init__(self, nodes: Mapping[str, Node], disabled: Mapping[str, Node], target: Dialect, package: str) -> None:
        self._parts = (nodes, disabled, package)
        self._made = {target.sqlglot: Lookup(nodes, disabled, target, package)}

    def of(self, dialect: Dialect) -> Lookup:
        made = self._made.get(dialect.sqlglot)
        if made is None:
            nodes, disabled, package = self._parts
            made = self._made[dialect.sqlglot] = Lookup(nodes, disabled, dialect, package)
        return made


class Lookup:
    """Names → unique ids, by the rules of `docs/reference/names.md`."""

    def __init__(self, nodes: Mapping[str, Node], disabled: Mapping[str, Node], dialect: Dialect, package: str) -> None:
        self._dialect = dialect
        self._package = package
        self._named = {n.name: n for n in nodes.values() if n.resource_type in REFERABLE}
        self._disabled = {n.name: n for n in disabled.values() if n.resource_type in REFERABLE}
        self._sources = {(n.source.source, n.source.table): n for n in nodes.values() if n.source is not None}
        self._disabled_sources = {(n.source.source, n.source.table): n for n in disabled.values() if n.source is not None}
        fold = dialect.fold_relation
        self._bare: dict[str, str] = {fold(n.name, False): n.unique_id for n in self._named.values()}
        self._source_names: dict[tuple[str, str], str] = {}
        self._physical: dict[tuple[str, ...], str] = {}
        self._intos: dict[tuple[str, str], str] = {}
        self._made: dict[tuple[str, ...], str] = {}
        self._made_short: dict[tuple[str, ...], str] = {}
        self._built: dict[tuple[str, ...], str] = {}
        self._in_reach: dict[tuple[str, ...], str] = {}
        for node in nodes.values():
            if node.source is not None:
                self._source_names[fold(node.source.source, False), fold(node.source.table, False)] = node.unique_id
                if node.relation is not None and node.relation.schema:
                    self._physical[fold(node.relation.schema, False), fold(node.relation.identifier, False)] = node.unique_id
            elif node.ingest is not None:
                schema, _, table = node.ingest.into.rpartition(".")
                self._intos[fold(schema, False), fold(table, False)] = node.unique_id
            if node.relation is not None and node.resource_type in RELATIONS and node.materialized != "ephemeral":
                parts = tuple(fold(p, True) for p in node.relation.parts())
                self._made[parts] = node.unique_id
                self._made_short[parts[-2:]] = node.unique_id
                if node.source is not None:
                    continue
                self._built[parts] = node.unique_id
                if parts[-2:-1] == (fold(dialect.default_schema, False),):  # where engines look for what is not qualified
                    self._in_reach[parts[-1:]] = self._in_reach[parts[:-2] + parts[-1:]] = node.unique_id

    @property
    def spellings(self) -> list[str]:
        """What a person may have meant by a table name."""
        dotted = [f"{a}.{b}" for a, b in self._sources] + [".".join(p for p in key if p) for key in self._intos]
        return [*(name for name in self._named if "." not in name), *dotted]  # one of several tables of a step goes by its relation

    def disabled(self, name: tuple[tuple[str, bool], ...]) -> Node | None:
        """The disabled node that a plain table name would mean if it were not."""
        folded = tuple(self._dialect.fold_relation(part, quoted) for part, quoted in name)
        if len(folded) == 1:
            return next((n for n in self._disabled.values() if self._dialect.fold_relation(n.name, False) == folded[0]), None)
        pairs = ((self._dialect.fold_relation(a, False), self._dialect.fold_relation(b, False)) for a, b in self._disabled_sources)
        return next((n for pair, n in zip(pairs, self._disabled_sources.values(), strict=True) if pair == folded), None)

    def is_disabled(self, kind: str, args: tuple[str, ...]) -> bool:
        return args[-1] in self._disabled if kind == "ref" else (args[0], args[-1]) in self._disabled_sources

    def ref(self, args: tuple[str, ...]) -> str | Missing:
        name = args[-1]
        if len(args) == 2 and args[0] != self._package:
            return Missing("names another project", help=f"this project is `{self._package}`")
        node = self._named.get(name)
        if node is not None:
            return node.unique_id
        if name in self._disabled:
            return Missing("is disabled", help=f"enable it in {self._disabled[name].path}, or take the reference out")
        near = suggest(name, self._named)
        help = f"did you mean `{near}` ({self._named[near].path}:1)?" if near else "no model, seed or step has that name"
        return Missing("does not exist", help=help)

    def source(self, pair: tuple[str, str]) -> str | Missing:
        node = self._sources.get(pair)
        if node is not None:
            return node.unique_id
        if pair in self._disabled_sources:
            return Missing("is disabled", help=f"enable it in {self._disabled_sources[pair].path}")
        near = suggest(".".join(pair), [".".join(p) for p in self._sources])
        help = None
        if near is not None:
            found = next(n for p, n in self._sources.items() if ".".join(p) == near)
            help = f"did you mean `{near}` ({found.path})?"
        return Missing("does not exist", help=help or "declare it under `sources:` in a properties file")

    def table(self, name: tuple[tuple[str, bool], ...]) -> str | tuple[str, ...] | None:
        """The node that a plain table name means; several ids if it may mean several; None for an undeclared table."""
        folded = tuple(self._dialect.fold_relation(part, quoted) for part, quoted in name)
        if len(folded) == 1:
            return self._bare.get(folded[0])
        if len(folded) == 2:
            pair = (folded[0], folded[1])
            hits = [table[pair] for table in (self._source_names, self._physical, self._intos) if pair in table]
            distinct = tuple(dict.fromkeys(hits))
            if len(distinct) > 1:
                return self._same_relation(distinct)
            if distinct:
                return distinct[0]
        if len(folded) == 2:
            return self._made_short.get((folded[0], folded[1]))
        if len(folded) == 3:
            return self._made.get(folded)
        return None

    def standing(self, name: tuple[tuple[str, bool], ...]) -> str | None:
        """The node whose relation the engine would find under a name that means no node: that of an alias, say."""
        return self._in_reach.get(tuple(self._dialect.fold(part, quoted) for part, quoted in name))

    def _same_relation(self, hits: tuple[str, ...]) -> str | tuple[str, ...]:
        """A source and the step that loads its very relation are no conflict: the source, which has the step as parent, is meant."""
        sources = [h for h in hits if h.startswith("source.")]
        steps = [h for h in hits if h.startswith("ingest.")]
        if len(sources) == 1 and len(steps) == 1 and self.loader_of(sources[0]) == steps[0]:
            return sources[0]
        return hits

    def loader_of(self, source_id: str) -> str | None:
        """The step, model or seed that makes the relation which a source declares, by what its `into:` says or by its physical name."""
        node = next(n for n in self._sources.values() if n.unique_id == source_id)
        assert node.source is not None and node.relation is not None
        fold = self._dialect.fold_relation
        declared = (fold(node.relation.schema or "", False), fold(node.relation.identifier, False))
        return self._intos.get(declared) or self._built.get(tuple(fold(p, True) for p in node.relation.parts()))
