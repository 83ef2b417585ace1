"""Project → Graph: gathers facts, resolves configuration and physical names, and turns names into edges."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from eltflow.base.diagnostics import Diagnostic, EltflowError, Span, with_source
from eltflow.base.names import did_you_mean, listed, suggest
from eltflow.base.records import dataclass, replace
from eltflow.graph.calls import parse_call
from eltflow.graph.contracts import Place, placed, told
from eltflow.graph.facts import Extractor, Facts
from eltflow.graph.graph import BrokenGraph, Graph
from eltflow.graph.lookup import REFERABLE, WITH_SQL, Lookup, Lookups, Missing
from eltflow.jinja.static import branch_calls
from eltflow.project import yamlfile
from eltflow.project.config import DIALECT, as_list, merge_all
from eltflow.project.findings import Findings
from eltflow.project.folder import FILE
from eltflow.project.nodes import ConstraintInfo, Node
from eltflow.project.places import config_span
from eltflow.project.project import Draft, Project
from eltflow.project.shape import Path, check
from eltflow.warehouse.dialect import Dialect
from eltflow.warehouse.values import Relation
from eltflow.warehouse.written import dialect_names, written_in

_DEFAULT_CONFIG: Mapping[str, Mapping[str, Any]] = {
    "model": {"enabled": True, "materialized": "view"},
    "seed": {"enabled": True},
    "test": {"enabled": True, "severity": "error"},
}

NameMacro = Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Overridden naming rules of the project: functions of (custom name, node) or None for the default rule."""

    schema: NameMacro | None = None
    alias: NameMacro | None = None
    database: NameMacro | None = None


class FactStore:
    """Facts by draft path; those known from an earlier run are handed in, new ones are gathered by the extractor."""

    def __init__(self, extractor: Extractor, known: Mapping[str, Facts] | None = None) -> None:
        self._extractor = extractor
        self._known = dict(known or {})
        self.gathered: dict[str, Facts] = {}
        self.used: set[str] = set()  #: the names that generic tests may look up to say what they set

    def of(self, draft: Draft, project: Project, outside: Mapping[str, Any]) -> Facts:
        facts = self._known.get(draft.path)
        if facts is None:
            text = project.read(draft.path)
            model = {
                "name": draft.name,
                "resource_type": draft.resource_type,
                "alias": outside.get("alias") or draft.name,
                "unique_id": f"{draft.resource_type}.{project.settings.name}.{draft.name}",
                "path": draft.path,
                "original_file_path": draft.path,
                "package_name": project.settings.name,
                "config": dict(outside),
                "tags": list(outside.get("tags") or ()),
                "meta": dict(outside.get("meta") or {}),
                "description": draft.description,
            }
            facts = self._extractor.facts(text, draft.path, draft.resource_type, outside, model)
        self.gathered[draft.path] = facts
        return facts

    def of_test(self, draft: Draft, outside: Mapping[str, Any]) -> Facts:
        """What a generic test of the project's own sets, and reads beside its arguments."""
        assert draft.test is not None
        facts = self._extractor.of_test(draft.test, draft.path, outside)
        self.used.update(facts.used)
        return facts


def candidate_words(project: Project) -> frozenset[str]:
    """The words (lower case) without one of which no SQL can name a node plainly."""
    words: set[str] = set()
    for draft in project.drafts:
        if draft.resource_type in REFERABLE:
            words.add(draft.name.lower())
        if draft.schema:
            words.add(draft.schema.lower())
        if draft.source is not None:
            words.add(draft.source.source.lower())
    return frozenset(words)


def build_graph(project: Project, facts: FactStore, dialect: Dialect, naming: Names | None = None) -> Graph:
    """The graph of a project. Raises BrokenGraph with every broken name (E02xx), template (E03xx) and statement (E04xx)."""
    return _Builder(project, facts, dialect, naming or Names()).build()


class _Builder:
    def __init__(self, project: Project, facts: FactStore, dialect: Dialect, naming: Names) -> None:
        self.project = project
        self.store = facts
        self.dialect = dialect
        self.naming = naming
        self.findings = Findings(project.read)
        self.package = project.settings.name
        self.macros = {macro.name for macro in project.macros}
        self.facts: dict[str, Facts] = {}
        self.drafts: dict[str, Draft] = {}
        self.unread: set[str] = set()  #: nodes whose templates are broken
        self.beside: dict[str, list[str]] = {}  #: the ids of tasks and deliveries by name; of each item's also by that of all
        self.nameless: set[str] = set()  #: macros that gave an empty name

    def build(self) -> Graph:
        nodes: dict[str, Node] = {}
        disabled: dict[str, Node] = {}
        for draft in self.project.drafts:
            node = self._node(draft)
            (nodes if node.config.get("enabled", True) is not False else disabled)[node.unique_id] = node
            self.drafts[node.unique_id] = draft
        for node in [n for n in nodes.values() if n.outside is not None]:
            for name in {node.name, node.task.each if node.task is not None else ""} - {""}:
                self.beside.setdefault(name, []).append(node.unique_id)
        broken = bool(self.findings.errors)
        lookups = Lookups(nodes, disabled, self.dialect, self.package)
        lookup = lookups.of(self.dialect)
        for unique_id, node in list(nodes.items()):
            loader = lookup.loader_of(unique_id) if node.source is not None else None
            if loader is not None:
                nodes[unique_id] = replace(node, relation=nodes[loader].relation, parents=(loader,))
        self._written_by_tasks(nodes, lookup)
        connected: dict[str, Node] = {}
        for unique_id, node in nodes.items():
            made = self._connect(node, lookups.of(self._written(node)))
            if made is not None:
                connected[unique_id] = made
        whole = {unique_id: node for unique_id, node in connected.items() if unique_id not in self.unread}
        for unique_id, node in connected.items():
            if not all(parent in connected for parent in node.parents):
                connected[unique_id] = replace(node, parents=tuple(p for p in node.parents if p in connected))
        self._check_hooks(lookup)
        if not broken:  # what a broken file says of its alias and its group is not known
            self._check_relations(connected)
            self._check_groups(connected)
            self._check_targets(connected)
            self._check_contracts(connected)
            self._check_external(connected)
        ordered = _in_order(connected)
        if len(ordered) < len(connected) and not self.findings.errors:
            self.findings.add(_cycle(connected, set(connected) - set(ordered), self.project))
        if self.findings.errors:
            raise BrokenGraph(self.findings.all, Graph(nodes=_in_order(whole), disabled=disabled))
        return Graph(nodes=ordered, disabled=disabled, warnings=tuple(self.findings.all))

    def _written_by_tasks(self, nodes: dict[str, Node], lookup: Lookup) -> None:
        """Let the tables of sources that tasks write come after these."""
        for node in [n for n in nodes.values() if n.task is not None]:
            for place, name in self.drafts[node.unique_id].writes:
                source, _, table = name.partition(".")
                found = lookup.source((source, table))
                if isinstance(found, Missing):
                    message = f"task `{node.name}` writes `{name}`, which {found.why}"
                    help = found.help or "declare it under `sources:`, and name it as source.table"
                    self.findings.at(str(node.patch), (*node.place, *place), found.code, message, help=help)
                    continue
                table_of = nodes[found]
                other = next((nodes[p] for p in table_of.parents if place == ("into",) or _makes_table(nodes[p])), None)
                if other is not None:
                    message = f"task `{node.name}` writes `{name}`, which {other.noun} `{other.name}` makes too"
                    self.findings.at(str(node.patch), (*node.place, *place), "E0210", message, help="name another table")
                nodes[found] = replace(table_of, parents=(*table_of.parents, node.unique_id))
                if place == ("into",):
                    nodes[node.unique_id] = replace(nodes[node.unique_id], relation=table_of.relation)

    # -- nodes -----------------------------------------------------------------------------------------------------------------

    def _node(self, draft: Draft) -> Node:
        kind = draft.resource_type
        defaults, layers = _DEFAULT_CONFIG.get(kind, {}), self._known_dialect(draft)
        facts = Facts()
        own_test = draft.test is not None and f"test_{draft.test.kind}" in self.macros
        try:
            if own_test:
                facts = self.store.of_test(draft, {**defaults, **merge_all(layers)})
            elif kind in WITH_SQL and (draft.test is None or draft.test.singular):
                facts = self.store.of(draft, self.project, {**defaults, **merge_all(layers)})
        except EltflowError as error:  # the name is kept, so that whoever refers to it is not told of a consequence
            self.findings.extend(error)
            self.unread.add(self._unique_id(draft))
        if own_test or kind in WITH_SQL:
            self.facts[self._unique_id(draft)] = facts
        # What a generic test's macro sets holds for all its tests, so that any of them may set it otherwise.
        config = {**defaults, **merge_all((facts.config, *layers) if own_test else (*layers, facts.config))}
        if draft.test_name is not None and draft.test_name != draft.name:
            config.setdefault("alias", draft.test_name)
        node = Node(
            unique_id=self._unique_id(draft),
            resource_type=kind,
            name=draft.name,
            package=self.package,
            path=draft.path,
            fqn=(self.package, *draft.folder, draft.name),
            config=config,
            description=draft.description or str(config.get("description") or ""),
            columns=draft.columns,
            patch=draft.patch,
            place=draft.place,
            checksum=draft.hash,
            opaque=facts.opaque,
            static=facts.static,
            test=draft.test,
            source=draft.source,
            ingest=draft.ingest,
            exposure=draft.exposure,
            deliver=draft.deliver,
            task=draft.task,
            constraints=draft.constraints,
        )
        return replace(node, relation=self._relation(node, draft))

    def _known_dialect(self, draft: Draft) -> tuple[Mapping[str, Any], ...]:
        """The draft's layers; an error for a dialect that is none, which is then taken out: what Jinja gave was not looked at before."""
        said = merge_all(draft.layers).get("dialect")
        if said is None or said in dialect_names():
            return draft.layers
        problem = next(iter(check(said, DIALECT)))
        at = Node(unique_id="", resource_type=draft.resource_type, name=draft.name, package="", path=draft.path, fqn=(), config={})
        span = config_span(self.project.read, replace(at, patch=draft.patch, place=draft.place), "dialect")
        message = f"the dialect of {draft.resource_type} `{draft.name}` cannot be `{said}`"
        self.findings.add(Diagnostic(code=problem.code, message=message, span=span, help=problem.help))
        return (*draft.layers, {"dialect": None})

    def _written(self, node: Node) -> Dialect:
        return written_in(node.config.get("dialect"), self.dialect)

    def _unique_id(self, draft: Draft) -> str:
        if draft.source is not None:
            return f"source.{self.package}.{draft.source.source}.{draft.source.table}"
        if draft.resource_type == "test" and draft.identifier is not None:
            return draft.identifier
        return f"{draft.resource_type}.{self.package}.{draft.name}"

    def _relation(self, node: Node, draft: Draft) -> Relation | None:
        """Where the node physically is: names as the engine takes them, but for those whose `quoting` says that they are exact."""
        found = self._placed(node, draft)
        if found is None:
            return None
        exact, named = node.config.get("quoting") or {}, self.dialect.named
        parts = zip(("database", "schema", "identifier"), (found.database, found.schema, found.identifier), strict=True)
        database, schema, identifier = (p if p is None or exact.get(key) else named(p) for key, p in parts)
        return Relation(database, schema, str(identifier))

    def _placed(self, node: Node, draft: Draft) -> Relation | None:
        target = self.project.target
        if node.resource_type in ("exposure", "analysis", "deliver", "task"):
            return None
        if node.source is not None:
            database = draft.database or target.database
            return Relation(database, draft.schema, draft.identifier or node.name)
        config = node.config
        database = config.get("database") or target.database
        if self.naming.database is not None:
            database = self.naming.database(config.get("database"), node)
        if node.resource_type == "test":
            schema = f"{target.schema}_{config.get('schema') or 'test_failures'}"
            return Relation(database, schema, str(config.get("alias") or draft.test_name or node.name))
        custom = config.get("schema")
        if node.resource_type == "ingest" and custom is None:
            custom = draft.schema
        if self.naming.schema is not None:
            schema = self._given("generate_schema_name", self.naming.schema(custom, node), node)
        elif custom is None:
            schema = target.schema
        else:
            schema = str(custom).strip() if target.custom_schemas == "exact" else f"{target.schema}_{str(custom).strip()}"
        alias = config.get("alias") or (draft.identifier if node.resource_type == "ingest" else None) or node.name
        if self.naming.alias is not None:
            alias = self._given("generate_alias_name", self.naming.alias(config.get("alias"), node), node)
        return Relation(database, schema, str(alias))

    def _given(self, macro: str, value: Any, node: Node) -> str:
        """The name that a macro gives; none at all is an error at the macro, told once."""
        name = "" if value is None else str(value).strip()
        if not name and macro not in self.nameless:
            self.nameless.add(macro)
            source = next(one for one in self.project.macros if one.name == macro)
            help = "let it give a name in every case, such as `{{ target.schema }}` or `{{ node.name }}`"
            message = f"the macro `{macro}` gives no name for {node.noun} `{node.name}`"
            self.findings.error("E0303", message, file=source.file, line=source.line, word=macro, help=help)
        return name

    # -- edges -----------------------------------------------------------------------------------------------------------------

    def _connect(self, node: Node, lookup: Lookup) -> Node | None:
        draft = self.drafts[node.unique_id]
        parents: list[str] = list(node.parents)
        external: list[str] = []
        ok = True
        facts = self.facts.get(node.unique_id)
        if facts is not None:
            for args in facts.refs:
                ok = self._add(lookup.ref(args), parents, node, "ref", args) and ok
            for pair in facts.sources:
                ok = self._add(lookup.source(pair), parents, node, "source", pair) and ok
            for name in facts.tables or ():
                found = lookup.table(name)
                if isinstance(found, str):
                    parents.append(found)
                elif node.test is not None and not node.test.singular:
                    continue  # what its text says is told when it is compiled
                elif isinstance(found, tuple):
                    self._ambiguous(node, name, found)
                    ok = False
                elif (off := lookup.disabled(name)) is not None:
                    self._disabled(node, name, off)
                    ok = False
                else:
                    external.append(".".join(part for part, _ in name))
                    self._undeclared(node, name, lookup)
        own = list(parents)
        for call, call_args in _hook_calls(node.config):
            found_call = lookup.ref(call_args) if call == "ref" else lookup.source((call_args[0], call_args[-1]))
            ok = self._add(found_call, parents, node, call, call_args) and ok
        for text in draft.depends_on:
            kind, args = parse_call(text)
            if kind is None:
                self._bad_call(node, text)
                ok = False
                continue
            found_id = lookup.ref(args) if kind == "ref" else lookup.source((args[0], args[-1]))
            if isinstance(found_id, str):
                parents.append(found_id)
            elif node.test is not None and lookup.is_disabled(kind, args):
                return None  # a test of a disabled node goes with it
            else:
                ok = self._add(found_id, parents, node, kind, args)
        for place, followed in draft.after:
            ok = self._follow(node, place, followed, lookup, parents) and ok
        if node.contracted:
            node, found_all = self._pointing(node, lookup, parents)
            ok = ok and found_all
        itself = node.unique_id
        kept = tuple(p for p in dict.fromkeys(parents) if p != itself)
        if itself in own and node.materialized != "incremental":
            self._self_reference(node)
            ok = False
        return replace(node, parents=kept, external=tuple(dict.fromkeys(external))) if ok else None

    def _follow(self, node: Node, place: Path, name: str, lookup: Lookup, parents: list[str]) -> bool:
        """Add the node that a task names as one to come after. It may be another task, or a delivery."""
        source, dot, table = name.partition(".")
        if name in self.beside:
            parents += self.beside[name]
            return True
        found = lookup.source((source, table)) if dot else lookup.ref((name,))
        if isinstance(found, str):
            parents.append(found)
            return True
        help = did_you_mean(name, [*self.beside, *lookup.spellings]) or found.help
        message = f"task `{node.name}` names `{name}`, which {found.why}"
        self.findings.at(str(node.patch), (*node.place, *place), found.code, message, help=help)
        return False

    def _pointing(self, node: Node, lookup: Lookup, parents: list[str]) -> tuple[Node, bool]:
        """The node with what its foreign keys mean, which are built before it; and whether they mean something."""
        made: dict[Place, ConstraintInfo] = {}
        ok = True
        for place, one in placed(node):
            made[place] = one
            if one.to is None:
                continue
            kind, args = parse_call(one.to)
            if kind is None:
                at = (*node.place, *place, "to")
                help = "write ref('name') or source('a', 'b')"
                self.findings.at(str(node.patch), at, "E0103", f"`{one.to}` is not a reference", help=help)
                ok = False
                continue
            found = lookup.ref(args) if kind == "ref" else lookup.source((args[0], args[-1]))
            if isinstance(found, Missing):
                message = f"a foreign key of model `{node.name}` points at `{'.'.join(args)}`, which {found.why}"
                self.findings.at(str(node.patch), (*node.place, *place, "to"), found.code, message, help=found.help)
                ok = False
                continue
            parents.append(found)
            made[place] = replace(one, target=found)
        columns = {
            column.name: replace(
                column,
                constraints=tuple(made["columns", number, "constraints", index] for index in range(len(column.constraints))),
            )
            for number, column in enumerate(node.columns.values())
        }
        own = tuple(made["constraints", index] for index in range(len(node.constraints)))
        return replace(node, columns=columns, constraints=own), ok

    def _check_contracts(self, nodes: Mapping[str, Node]) -> None:
        for node in nodes.values():
            if node.contracted:
                self.findings.extend(told(node, self.dialect, self.project.read))

    def _check_external(self, nodes: Mapping[str, Node]) -> None:
        files = [node for node in nodes.values() if node.materialized == "external"]
        if files:
            from eltflow.project.external import problems  # few projects have any

            project = self.project
            found = problems(files, project.root, project.settings, project.target, self.dialect, project.read)
            self.findings.extend(with_source(one, project.read(one.span.file)) if one.span else one for one in found)

    def _add(self, found: str | Missing, parents: list[str], node: Node, kind: str, args: tuple[str, ...]) -> bool:
        if isinstance(found, str):
            parents.append(found)
            return True
        label = ".".join(args)
        what = {"source": "source table"}.get(kind, "")
        message = f"{node.noun} `{node.name}` refers to {what + ' ' if what else ''}`{label}`, which {found.why}"
        self._at_call(node, kind, args, Diagnostic(code=found.code, message=message, help=found.help))
        return False

    def _at_call(self, node: Node, kind: str, args: tuple[str, ...], found: Diagnostic) -> None:
        """The diagnostic at the place where the node's file makes that call."""
        if (
            (node.place and node.test is not None and not node.test.singular)
            or node.exposure is not None
            or node.deliver is not None
        ):
            assert node.patch is not None
            place = self._argument_place(node, f"{kind}({', '.join(args)})")
            self.findings.at(node.patch, place, found.code, found.message, help=found.help)
            return
        text = self.project.read(node.path)
        inner = r"\s*,\s*".join(rf"['\"]{re.escape(arg)}['\"]" for arg in args)
        call = re.search(rf"{kind}\s*\(\s*({inner})", text) or re.search(rf"\b({kind})\s*\(\s*[^\s'\"]", text)
        span = Span(file=node.path)
        if call is not None:
            line = text.count("\n", 0, call.start(1)) + 1
            column = call.start(1) - (text.rfind("\n", 0, call.start(1)) + 1) + 1
            span = Span(file=node.path, line=line, column=column, length=call.end(1) - call.start(1))
        self.findings.add(with_source(replace(found, span=span), text))

    def _argument_place(self, node: Node, call: str) -> tuple[str | int, ...]:
        """Where in its YAML file a test, an exposure or a delivery makes that call."""
        if node.deliver is not None:
            return (*node.place, "from")
        wanted = _bare(call)
        if node.exposure is not None:
            texts = self.drafts[node.unique_id].depends_on
            return (*node.place, "depends_on", next((i for i, text in enumerate(texts) if _bare(text) == wanted), 0))
        assert node.test is not None
        kind = node.test.kind or ""
        for key, value in node.test.kwargs.items():
            if wanted in _bare(str(value)):
                places = [(*node.place, kind, "arguments", key), (*node.place, kind, key)]
                return max(places, key=lambda place: self._spot(node.patch or node.path, place))
        return node.place

    def _spot(self, file: str, place: tuple[str | int, ...]) -> tuple[int, int]:
        span = yamlfile.locate(self.project.read(file), file, place)
        return span.line or 0, span.column or 0

    def _at_name(self, node: Node, name: tuple[tuple[str, bool], ...], found: Diagnostic) -> None:
        """The diagnostic at the first place where the file reads from that table name; a column may be written after it before that."""
        text = self.project.read(node.path)
        pattern = r"\s*\.\s*".join(rf"[\"`\[]?{re.escape(part)}[\"`\]]?" for part, _ in name)
        after = (r"(?i:\b(?:from|join)\s+)", r"(?<![\w.])", r"(?<![\w.])")
        before = (r"(?![\w.])", r"(?!\w|\s*\.)", r"(?!\w)")
        spots = (re.search(f"{first}(?P<name>{pattern}){last}", text) for first, last in zip(after, before, strict=True))
        spot = next((spot for spot in spots if spot is not None), None)
        span = Span(file=node.path)
        if spot is not None:
            line = text.count("\n", 0, spot.start("name")) + 1
            column = spot.start("name") - (text.rfind("\n", 0, spot.start("name")) + 1) + 1
            span = Span(file=node.path, line=line, column=column, length=spot.end("name") - spot.start("name"))
        self.findings.add(with_source(replace(found, span=span), text))

    def _ambiguous(self, node: Node, name: tuple[tuple[str, bool], ...], found: tuple[str, ...]) -> None:
        label = ".".join(part for part, _ in name)
        message = f"{node.noun} `{node.name}` reads `{label}`, which may be {listed(found)}"
        self._at_name(node, name, Diagnostic(code="E0203", message=message, help="say which with ref() or source()"))

    def _disabled(self, node: Node, name: tuple[tuple[str, bool], ...], off: Node) -> None:
        """What stands in the warehouse under a disabled node's name is what it was built as last: nobody reads that unawares."""
        message = f"{node.noun} `{node.name}` reads `{'.'.join(part for part, _ in name)}`, which is disabled"
        help = f"enable it in {off.patch or off.path}, or take the reference out"
        self._at_name(node, name, Diagnostic(code="E0203", message=message, help=help))

    def _undeclared(self, node: Node, name: tuple[tuple[str, bool], ...], lookup: Lookup) -> None:
        label = ".".join(part for part, _ in name)
        near = suggest(label, lookup.spellings)
        strict = self.project.settings.external_tables == "error"
        if strict:
            help = f"did you mean `{near}`?" if near else "declare it under `sources:`, or allow it with `external_tables: allow`"
            message = f"{node.noun} `{node.name}` reads `{label}`, which is no node and no source"
            self._at_name(node, name, Diagnostic(code="E0204", message=message, help=help))
        elif near is not None:
            message = f"{node.noun} `{node.name}` reads `{label}`, which is no node and no source"
            help = f"did you mean `{near}`? (if not, declare it under `sources:`)"
            self._at_name(node, name, Diagnostic(code="W0204", severity="warning", message=message, help=help))

    def _bad_call(self, node: Node, text: str) -> None:
        assert node.patch is not None
        self.findings.at(
            node.patch,
            self._argument_place(node, text),
            "E0103",
            f"`{text}` is not a reference",
            help="write ref('name') or source('a', 'b')",
        )

    def _self_reference(self, node: Node) -> None:
        text = self.project.read(node.path)
        found = Diagnostic(
            code="E0209",
            message=f"model `{node.name}` reads itself, and is not incremental",
            help="make it incremental, or rename the table that it reads",
        )
        self.findings.add(with_source(replace(found, span=name_span(node.path, node.name, text)), text))

    # -- checks over the whole -------------------------------------------------------------------------------------------------

    def _check_relations(self, nodes: Mapping[str, Node]) -> None:
        seen: dict[tuple[str, ...], Node] = {}
        for node in nodes.values():
            if node.relation is None or node.resource_type not in REFERABLE or node.materialized == "ephemeral":
                continue
            place = node.config.get("target") or ""
            key = (place, *(self.dialect.fold_relation(part, True) for part in node.relation.parts()))
            other = seen.setdefault(key, node)
            if other is not node:
                message = f"{other.noun} `{other.name}` and {node.noun} `{node.name}` both make {node.relation}"
                keys = dict.fromkeys("`into:`" if n.ingest is not None else "`alias` or `schema`" for n in (other, node))
                where = f"{other.path}:{self._spot(other.path, other.place)[0]}" if other.ingest is not None else other.path
                help = f"give one of them another {', or '.join(keys)} (the other is {where})"
                span = Span(file=node.path, line=1)
                if node.ingest is not None:
                    span = yamlfile.locate(self.project.read(node.path), node.path, (*node.place, "into"))
                self.findings.add(Diagnostic(code="E0210", message=message, span=span, help=help))

    def _at_config(self, node: Node, key: str, found: Diagnostic) -> None:
        """The diagnostic where the node's configuration sets a key."""
        self.findings.add(replace(found, span=config_span(self.project.read, node, key)))

    def _check_hooks(self, lookup: Lookup) -> None:
        """The project's own hooks are rendered when a run begins; whom they name is known now."""
        settings = self.project.settings
        for key, texts in (("on_run_start", settings.on_run_start), ("on_run_end", settings.on_run_end)):
            for index, text in enumerate(texts):
                for kind, args in branch_calls(text):
                    found = lookup.ref(args) if kind == "ref" else lookup.source((args[0], args[-1]))
                    if isinstance(found, Missing):
                        what = "source table " if kind == "source" else ""
                        message = f"a hook of `{key}` refers to {what}`{'.'.join(args)}`, which {found.why}"
                        places = [(key, index), (key.replace("_", "-"), index)]
                        place = max(places, key=lambda place: self._spot(FILE, place))
                        self.findings.at(FILE, place, found.code, message, help=found.help)

    def _check_groups(self, nodes: Mapping[str, Node]) -> None:
        groups = self.project.groups
        for index, name in enumerate(self.project.settings.pii_groups or ()):
            if name not in groups:
                help = did_you_mean(name, groups) or "declare it under `groups:` in a properties file"
                message = f"`allowed_groups` names the group `{name}`, which does not exist"
                self.findings.at(FILE, ("pii", "allowed_groups", index), "E0211", message, help=help)
        for node in nodes.values():
            if node.group is not None and node.group not in groups:
                message = f"{node.noun} `{node.name}` is in the group `{node.group}`, which does not exist"
                help = did_you_mean(node.group, groups) or "declare it under `groups:` in a properties file"
                self._at_config(node, "group", Diagnostic(code="E0211", message=message, help=help))
            if node.resource_type not in ("model", "analysis"):
                continue
            for parent_id in node.parents:
                parent = nodes.get(parent_id)
                if parent is not None and parent.config.get("access") == "private" and parent.group != node.group:
                    message = f"model `{node.name}` reads `{parent.name}`, which is private to the group `{parent.group}`"
                    found = Diagnostic(code="E0212", message=message, help="make it protected, or move the reader into that group")
                    self._at_name(node, ((parent.name, False),), found)

    def _check_targets(self, nodes: Mapping[str, Node]) -> None:
        known = self.project.settings.targets
        for node in nodes.values():
            name = node.config.get("target")
            if name is not None and name not in known:
                message = f"{node.noun} `{node.name}` is to be built at the target `{name}`, which does not exist"
                help = did_you_mean(name, known) or f"targets in eltflow.yml: {', '.join(known) or 'none'}"
                self._at_config(node, "target", Diagnostic(code="E0107", message=message, help=help))


def name_span(path: str, name: str, text: str) -> Span:
    """Where a file names a node: in a call of ref(), else after FROM, JOIN or a comma, else anywhere."""
    word = re.escape(name)
    for pattern in (rf"ref\s*\([^)]*['\"]({word})['\"]", rf"(?i:\b(?:from|join)|,)\s+[\"`]?({word})\b", rf"\b({word})\b"):
        spot = re.search(pattern, text)
        if spot is not None:
            at = spot.start(1)
            line, column = text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1
            return Span(file=path, line=line, column=column, length=len(name))
    return Span(file=path)


def _bare(call: str) -> str:
    """A call without its quotes, spaces and braces, for comparing."""
    return re.sub(r"[\s'\"{}]", "", call)


def _makes_table(node: Node) -> bool:
    """Whether a node is a task whose rows become a table."""
    return node.task is not None and bool(node.task.into)


def _hook_calls(config: Mapping[str, Any]) -> Iterable[tuple[str, tuple[str, ...]]]:
    """The `ref` and `source` calls in a node's hooks: what they name is built before."""
    for key in ("pre_hook", "post_hook"):
        for hook in as_list(config.get(key)) if key in config else ():
            yield from branch_calls(str(hook.get("sql") or "") if isinstance(hook, Mapping) else str(hook))


def _in_order(nodes: dict[str, Node]) -> dict[str, Node]:
    """The nodes with parents before children, otherwise in the order given, without those in a ring or below one, or below what is not
    among them."""
    waiting = {unique_id: len(node.parents) for unique_id, node in nodes.items()}
    children: dict[str, list[str]] = {unique_id: [] for unique_id in nodes}
    for node in nodes.values():
        for parent in node.parents:
            if parent in children:
                children[parent].append(node.unique_id)
    ready = [unique_id for unique_id, count in waiting.items() if not count]
    ordered: dict[str, Node] = {}
    at = 0
    while at < len(ready):
        unique_id = ready[at]
        at += 1
        ordered[unique_id] = nodes[unique_id]
        for child in children[unique_id]:
            waiting[child] -= 1
            if not waiting[child]:
                ready.append(child)
    return ordered


def _cycle(nodes: Mapping[str, Node], left: set[str], project: Project) -> Diagnostic:
    """A diagnostic that walks one cycle among the nodes left over."""
    current = min(left)
    path: list[str] = []
    while current not in path:
        path.append(current)
        current = min(parent for parent in nodes[current].parents if parent in left)
    ring = path[path.index(current) :]
    ring.reverse()
    first = ring.index(min(ring))
    ring = [*ring[first:], *ring[:first]]
    names = [nodes[unique_id].name for unique_id in ring]
    reader = nodes[ring[0]]
    last = nodes[ring[-1]]
    text = project.read(reader.path)
    span = name_span(reader.path, last.name, text)
    notes = tuple(f"{nodes[b].path} reads `{nodes[a].name}`" for a, b in zip([ring[-1], *ring[:-1]], ring, strict=True))
    return with_source(
        Diagnostic(
            code="E0202",
            message=f"these read each other in a ring: {' → '.join([*names, names[0]])}",
            span=span,
            notes=notes,
            help="take one of these references out",
        ),
        text,
    )
