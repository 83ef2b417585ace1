"""Node → Compiled: renders its template, finds the tables that its SQL names, and puts the target's relations in their place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from eltflow.base.diagnostics import Diagnostic, EltflowError, Span, with_source
from eltflow.base.fingerprint import fingerprint_content
from eltflow.base.names import IDENTIFIER, did_you_mean, listed
from eltflow.base.records import dataclass, field, replace
from eltflow.compile.compiled import Compiled, Hook, NeedsWarehouse, cte_name
from eltflow.compile.data_tests import is_quoted, test_sql
from eltflow.compile.kept import KeptSql
from eltflow.compile.known import Known
from eltflow.compile.names import NodeNames
from eltflow.graph.calls import parse_call
from eltflow.graph.graph import Graph
from eltflow.graph.lookup import Lookup, Lookups
from eltflow.graph.places import RenderedLines, line_column, static_value
from eltflow.jinja import static
from eltflow.jinja.values import RenderError
from eltflow.project import yamlfile
from eltflow.project.config import as_list
from eltflow.project.nodes import Node
from eltflow.project.places import config_span
from eltflow.project.project import Project, decode, read_bytes
from eltflow.project.settings import FILE as SETTINGS_FILE
from eltflow.project.surface import VOLATILE
from eltflow.warehouse.catalog import Catalog
from eltflow.warehouse.dialect import Dialect
from eltflow.warehouse.protocols import Offline
from eltflow.warehouse.written import written_in

if TYPE_CHECKING:
    from eltflow.compile.across import Across
    from eltflow.compile.statement import Statement
    from eltflow.jinja.renderer import Renderer

#: Asks the warehouse: SQL of a query in, what `run_query` gives out.
Ask = Callable[[str], Any]


@dataclass(slots=True, kw_only=True)
class Compiler:
    """Compiles the nodes of one graph for one target. What is compiled once is kept; `catalog` says what exists. Where nodes live on several
    targets, `across` leads to the compilers of the others, which compile theirs.

    The renderer and the embedded engine's parser and binder are opened when they are first needed.
    """

    project: Project
    graph: Graph
    open_renderer: Callable[[], Renderer]
    dialect: Dialect
    base: Mapping[str, Any]
    catalog: Catalog
    open_offline: Callable[[], Offline | None]
    full_refresh: bool = False
    files: Callable[[Node], tuple[str, ...]]
    kept: KeptSql | None = None
    across: Across | None = None
    _done: dict[str, Compiled]
    _known: Known | None = None
    _offline: list[Offline | None] = field(default_factory=list)
    _lookups: Lookups | None = None

    @staticmethod
    def make(
        project: Project,
        graph: Graph,
        renderer: Callable[[], Renderer],
        dialect: Dialect,
        base: Mapping[str, Any],
        catalog: Catalog,
        *,
        offline: Callable[[], Offline | None] = lambda: None,
        full_refresh: bool = False,
        files: Callable[[Node], tuple[str, ...]] = lambda node: (),
        kept: KeptSql | None = None,
    ) -> Compiler:
        return Compiler(
            project=project,
            graph=graph,
            open_renderer=renderer,
            dialect=dialect,
            base=base,
            catalog=catalog,
            open_offline=offline,
            full_refresh=full_refresh,
            files=files,
            kept=kept,
            _done={},
        )

    def node(self, node: Node, ask: Ask | None = None) -> Compiled:
        """The node compiled. Raises EltflowError at the user's line; NeedsWarehouse if its template must `ask` one and none is there."""
        home = self.home(node)
        if home is not self and self.across is not None:
            return home.node(self.across.there(node), ask)
        done = self._done.get(node.unique_id)
        if done is None:
            kept = self.kept if node.resource_type in ("model", "test", "analysis") and not self.crosses(node) else None
            done = kept.get(self, node) if kept is not None else None
            if done is None:
                done = self._compile(node, ask)
                if kept is not None:
                    kept.put(self, node, done)
            self._done[node.unique_id] = done
            if node.contracted:
                self._check_contract(node, done)
        return done

    def home(self, node: Node) -> Compiler:
        """The compiler of the target that the node lives on."""
        return (self.across.home(node) if self.across is not None else None) or self

    def crosses(self, node: Node) -> bool:
        """Whether the node's SQL names copies, which have another name in each run."""
        return self.across is not None and any(self.across.target(p) != self.across.here for p in self.graph.read(node))

    def _check_contract(self, node: Node, done: Compiled) -> None:
        from eltflow.compile.contract import check

        try:
            check(self, node, done)
        except EltflowError:
            del self._done[node.unique_id]
            raise

    def anew(self, node: Node) -> Compiled:
        """The node compiled whatever is kept of it: to tell where in its file something stands."""
        return self._compile(node, None)

    def _compile(self, node: Node, ask: Ask | None) -> Compiled:
        if self.across is not None:
            from eltflow.compile.across import check_crossing

            check_crossing(self.across, self.graph, self.project, node)
        if node.resource_type in ("seed", "ingest", "deliver", "task"):
            return self._without_sql(node, ask)
        if node.test is not None and not node.test.singular:
            return self._generic_test(node, ask)
        return self._file(node, ask)

    @property
    def renderer(self) -> Renderer:
        return self.open_renderer()

    @property
    def lookups(self) -> Lookups:
        """What names mean, by dialect; it looks at every node, which a run of few that are compiled already has no need of."""
        if self._lookups is None:
            self._lookups = Lookups(self.graph.nodes, self.graph.disabled, self.dialect, self.project.settings.name)
        return self._lookups

    @property
    def offline(self) -> Offline | None:
        """The embedded engine's parser and binder; None where the target's engine has none."""
        if not self._offline:
            self._offline.append(self.open_offline())
        return self._offline[0]

    def take(self, catalog: Catalog) -> None:
        """Go on with a fresh view of the target that says the same as the one compiled against."""
        self.catalog, self._known = catalog, None

    @property
    def known(self) -> Known:
        """What is known of columns."""
        if self._known is None:
            self._known = Known(
                self.graph,
                self.dialect,
                self.catalog,
                lambda: self.offline,
                self.node,
                self.files,
                self.rebuilt,
                lambda node: self.home(node).known,
            )
        return self._known

    @property
    def own_tests(self) -> frozenset[str]:
        """The generic tests that the project defines."""
        return frozenset(m.name.removeprefix("test_") for m in self.project.macros if m.name.startswith("test_"))

    @property
    def overridden(self) -> bool:
        """Whether a macro of the project stands in for `ref`, `source` or another of their kind."""
        return any(macro.name in static.SURFACE for macro in self.project.macros)

    def rebuilt(self, node: Node) -> bool:
        """Whether this run makes an incremental model's table from nothing."""
        own = node.config.get("full_refresh")
        existing = self.catalog.get(node.relation) if node.relation is not None else None
        return (bool(own) if own is not None else self.full_refresh) or existing is None or existing.kind != "table"

    @property
    def lookup(self) -> Lookup:
        """What names mean in the target's own dialect."""
        return self.lookups.of(self.dialect)

    def written(self, node: Node) -> Dialect:
        """What the node's SQL is written in."""
        return written_in(node.config.get("dialect"), self.dialect)

    def names(self, node: Node, ask: Ask | None = None, *, dialect: Dialect | None = None) -> NodeNames:
        """The names for a text of the node's that is written in a dialect: the target's own, unless told."""
        written = dialect or self.dialect

        def in_target(sql: str) -> str:
            if written is self.dialect:
                return sql
            from eltflow.compile.foreign import asked_in_target

            return asked_in_target(self, node, made, sql)

        made = NodeNames(
            node=node,
            graph=self.graph,
            lookup=self.lookups.of(written),
            base=self.base,
            renderer=self.open_renderer,
            dialect=written,
            target=self.dialect,
            catalog=self.catalog,
            groups=self.project.groups,
            cte_name=cte_name,
            run_query=_run_query(ask, written.sqlglot, in_target),
            full_refresh=self.full_refresh,
            stand_in=self.across.stand_in if self.across is not None else None,
        )
        return made

    def hooks(self, node: Node, key: str, names: NodeNames) -> tuple[Hook, ...]:
        """The rendered hooks of a node; one that renders to nothing is left out."""
        made = []
        for hook in as_list(node.config.get(key)):
            given = hook if isinstance(hook, Mapping) else {"sql": hook}
            sql = self._rendered(str(given.get("sql") or ""), node, names)
            if sql:
                made.append(Hook(sql=sql, transaction=bool(given.get("transaction", True))))
        return tuple(made)

    def hook(self, node: Node, ask: Ask | None = None) -> str:
        """The SQL of one of the project's own hooks, which may read every node. Raises EltflowError at its line of the settings;
        NeedsWarehouse if it must `ask` one and none is there."""
        reader = replace(node, parents=tuple(self.graph.nodes))
        return self._rendered(str(node.config["sql"]), reader, self.names(reader, ask))

    def _rendered(self, text: str, node: Node, names: NodeNames) -> str:
        """SQL in a node's configuration, without what may end it."""
        made = text
        if static.has_jinja(text):
            try:
                made = self.renderer.render(text, node.path, names.names).text
            except EltflowError as error:
                raise EltflowError(self._in_config(node, text, found) for found in error.diagnostics) from None
        text = made.strip().rstrip(";").rstrip()
        if text.startswith(("--", "/*")):
            from eltflow.sql.statement import only_comments

            return "" if only_comments(text, self.dialect.sqlglot) else text
        return text

    def _in_config(self, node: Node, written: str, found: Diagnostic) -> Diagnostic:
        """What is wrong in a hook or a header, at the place where that is written."""
        if found.span is None or found.span.file != node.path or found.span.line is None:
            return found
        for file in dict.fromkeys((node.path, node.patch or SETTINGS_FILE, SETTINGS_FILE)):
            with suppress(EltflowError):
                text = self.project.read(file)
                at = text.find(written)
                if at >= 0:
                    before = written.split("\n")[: found.span.line - 1]
                    within = sum(len(line) + 1 for line in before) + (found.span.column or 1) - 1
                    line, column = line_column(text, at + within)
                    span = replace(found.span, file=file, line=line, column=column)
                    return with_source(replace(found, span=span, source=None), text)
        return replace(found, span=Span(file=node.path), source=None)

    def _without_sql(self, node: Node, ask: Ask | None) -> Compiled:
        self._check_typed(node)
        names = self.names(node, ask)
        span = Span(file=node.path)
        return self._with_hooks(Compiled(node=node, sql="", place=lambda line, column: span), names)

    def _with_hooks(self, compiled: Compiled, names: NodeNames) -> Compiled:
        node = compiled.node
        pre, post = self.hooks(node, "pre_hook", names), self.hooks(node, "post_hook", names)
        header = self._rendered(str(node.config.get("sql_header") or ""), node, names)
        return replace(compiled, header=header, pre_hooks=pre, post_hooks=post) if pre or post or header else compiled

    # -- files -----------------------------------------------------------------------------------------------------------------

    def _file(self, node: Node, ask: Ask | None) -> Compiled:
        data = read_bytes(self.project.files, node.path)
        text = decode(data, node.path)
        if fingerprint_content(data) != node.checksum:
            message = f"{node.path} changed while eltflow was running"
            raise EltflowError(Diagnostic(code="E0110", message=message, span=Span(file=node.path), help="run the command again"))
        names = self.names(node, ask, dialect=self.written(node))
        template = static.scan(text) if not self.overridden else None
        if template is not None:
            rendered, spots = template.substitute(lambda call: self._static_call(call, names, text, node.path))
            used: frozenset[str] = frozenset()
            origin: Any = spots
        else:
            result = self.renderer.render(text, node.path, names.names)
            rendered, used = result.text, result.used
            origin = RenderedLines(self.renderer, text, node.path, names.names, rendered)
        compiled = self._statement(node, text, rendered, origin, names, ask).compiled()
        self._check_named(node, compiled.columns)
        more = any(node.config.get(k) for k in ("pre_hook", "post_hook", "sql_header"))
        cached = not (used & (VOLATILE | {"model"})) and not more
        compiled = replace(compiled, cached=cached, asked_kinds=bool(names.asked))
        return self._with_hooks(compiled, self.names(node, ask)) if more else compiled

    @staticmethod
    def _static_call(call: static.Call, names: NodeNames, text: str, path: str) -> str:
        if call.name == "ref":
            return str(names.ref(*call.args))
        if call.name == "source":
            return str(names.source(*call.args))
        return static_value(call, names.names, text, path)

    def _statement(self, node: Node, text: str, rendered: str, origin: Any, names: NodeNames, ask: Ask | None) -> Statement:
        from eltflow.compile.statement import Statement

        made = Statement
        if names.dialect is not self.dialect:
            from eltflow.compile.foreign import ForeignStatement

            made = ForeignStatement
        return made(compiler=self, node=node, text=text, rendered=rendered, origin=origin, names=names, ask=ask)

    def ctes(self, names: NodeNames, ask: Ask | None = None) -> list[tuple[Node, str]]:
        """The ephemeral models that a statement needs, each after those that it needs itself, with their own SQL."""
        made: dict[str, tuple[Node, str]] = {}
        for unique_id in names.ephemeral:
            compiled = self.node(self.graph.nodes[unique_id], ask)
            for inner in (*compiled.ctes, unique_id):
                if inner not in made:
                    body = self.node(self.graph.nodes[inner], ask)  # one that was kept brought its own along by name only
                    made[inner] = (body.node, str(body.extra.get("body", body.sql)))
        return list(made.values())

    def inline(self, sql: str, ask: Ask | None) -> str:
        """SQL that stands in no file, compiled: what it may read is every node."""
        node = Node(
            unique_id="inline",
            resource_type="analysis",
            name="inline",
            package=self.project.settings.name,
            path="--inline",
            fqn=("inline",),
            config={} if self.project.settings.dialect is None else {"dialect": self.project.settings.dialect},
            parents=tuple(self.graph.nodes),
        )
        names = self.names(node, ask, dialect=self.written(node))
        result = self.renderer.render(sql, node.path, names.names)
        origin = RenderedLines(self.renderer, sql, node.path, names.names, result.text)
        try:
            return self._statement(node, sql, result.text, origin, names, ask).compiled().sql
        except RenderError as error:  # a bare name is looked up when all is rendered
            raise EltflowError(Diagnostic(code=error.code, message=error.message, help=error.help)) from None

    def _check_named(self, node: Node, columns: tuple[str, ...] | None) -> None:
        """Raise EltflowError (E0407) for a column that the configuration of an incremental model or of one that is a file names, and its
        query certainly lacks."""
        if columns is None or node.materialized not in ("incremental", "external"):
            return
        found: tuple[str, str, str, str] | None = None  # key, column, what is wrong, help
        if node.materialized == "external":
            from eltflow.compile.materialize.external import wrong_partitions

            wrong = wrong_partitions(node.config, columns, self.dialect)
            found = ("partition_by", wrong[0], f"model `{node.name}`: {wrong[1]}", wrong[2]) if wrong is not None else None
        else:
            from eltflow.compile.materialize.incremental import misnamed, named_columns

            named = misnamed(named_columns(node.config, self.dialect), columns, self.dialect)
            if named is not None:
                key, name, help = named
                found = key, name, f"`{key}` of model `{node.name}` names the column `{name}`, which its query does not give", help
        if found is not None:
            key, name, message, help = found
            span = config_span(self.project.read, node, key, name)
            made = Diagnostic(code="E0407", message=message, span=span, help=help)
            raise EltflowError(with_source(made, self.project.read(span.file)))

    def _check_typed(self, node: Node) -> None:
        """Raise EltflowError (E0407) for each column that a seed's `column_types` name and its file certainly lacks."""
        types: Mapping[str, str] = node.config.get("column_types") or {}
        header = self.known.header(node) if types else None
        if header is None:
            return
        there = {name.lower() for name in header.names}
        found = []
        for name in types:
            if name.lower() not in there:
                span = config_span(self.project.read, node, "column_types", name)
                message = f"`column_types` of seed `{node.name}` names the column `{name}`, which its file does not have"
                help = did_you_mean(name, header.names) or f"there are: {listed(header.names, 8)}"
                made = Diagnostic(code="E0407", message=message, span=span, help=help)
                found.append(with_source(made, self.project.read(span.file)))
        if found:
            raise EltflowError(found)

    # -- generic tests ---------------------------------------------------------------------------------------------------------

    def _check_tested(self, node: Node, attached: Node, names: NodeNames) -> None:
        """Raise EltflowError (E0406) for a test that names a column which its node, or the one it compares with, certainly lacks."""
        test = node.test
        assert test is not None
        if test.column is not None and (IDENTIFIER.match(test.column) or is_quoted(test.column, attached)):
            self._check_column(node, attached, test.column, f"a test is on the column `{test.column}` of", [node.place])
        if test.kind != "relationships" or test.kind in self.own_tests:
            return
        field = str(test.kwargs["field"])
        kind, args = parse_call(str(test.kwargs["to"]))
        to = names.lookup.ref(args) if kind == "ref" else names.lookup.source((args[0], args[-1])) if args else None
        if isinstance(to, str) and IDENTIFIER.match(field):
            inner = [(*way, "field") for way in ((test.kind, "arguments"), ("arguments",), (test.kind,))]
            places = [(*node.place, *way) for way in inner]
            self._check_column(node, self.graph.nodes[to], field, f"a test compares with the column `{field}` of", places)

    def _check_column(self, node: Node, of: Node, column: str, said: str, places: Sequence[tuple[str | int, ...]]) -> None:
        """Raise EltflowError (E0406) where `of` certainly lacks a column; at the innermost of the places that is there in the file."""
        names = self.known.names(of)
        if not names.complete or self.dialect.fold(column, True) in {self.dialect.fold(n, True) for n in names.names}:
            return
        text = self.project.read(node.path)
        span = max((yamlfile.locate(text, node.path, one) for one in places), key=lambda span: (span.line or 0, span.column or 0))
        message = f"{said} `{of.display}`, which does not exist"
        help = did_you_mean(column, names.names) or f"there are: {listed(names.names, 8)}"
        raise EltflowError(with_source(Diagnostic(code="E0406", message=message, span=span, help=help), text))

    def _in_test(self, node: Node, found: Diagnostic) -> Diagnostic:
        """What a test's macro says is wrong, at the entry that calls it where it names no line of its own."""
        if found.span is not None and found.span.line is not None:
            return found
        span, text = _test_span(self.project, node)
        return with_source(replace(found, span=span, source=None, notes=()), text)

    def _with_relations(self, node: Node, sql: str, names: NodeNames) -> str:
        """The SQL of a test's macro as the target gets it: its relations in place of the nodes' names. Raises EltflowError without a
        place."""
        try:
            return self._statement(node, sql, sql, (), names, None).with_relations()
        except EltflowError as error:
            raise EltflowError(replace(found, span=None, source=None) for found in error.diagnostics) from None

    def _generic_test(self, node: Node, ask: Ask | None) -> Compiled:
        test = node.test
        assert test is not None and test.attached is not None
        own = test.kind in self.own_tests  # what is written here is the target's own SQL already
        names = self.names(node, ask, dialect=self.written(node) if own else None)
        attached = self.graph.nodes[test.attached]
        relation = names.relation_of(attached)
        self._check_tested(node, attached, names)
        try:
            sql = test_sql(node, attached, relation, names, self.open_renderer, names.dialect, own_tests=self.own_tests)
            if own:
                sql = self._with_relations(node, sql, names)
        except EltflowError as error:
            raise EltflowError(self._in_test(node, found) for found in error.diagnostics) from None
        bodies = [(self.dialect.quote(cte_name(n)), body) for n, body in self.ctes(names, ask)]
        if bodies:
            from eltflow.compile.statement import in_front

            sql = in_front(sql, self.dialect.sqlglot, bodies)
        span = Span(file=node.path)
        # A test of the project's own is a macro, which may use what differs from run to run.
        rendered = own or "{{" in repr((test.kwargs, node.config.get("where")))
        cached = not rendered and not node.config.get("sql_header")
        return self._with_hooks(
            Compiled(node=node, sql=sql.strip("\n"), place=lambda line, column: span, cached=cached), self.names(node, ask)
        )


def _test_span(project: Project, node: Node) -> tuple[Span, str]:
    text = project.read(node.path)
    return yamlfile.locate(text, node.path, node.place), text


def _run_query(ask: Ask | None, dialect: str, in_target: Callable[[str], str]) -> Ask:
    """`run_query` of templates: read-only. What is asked is written in the template's dialect."""

    def run_query(sql: str) -> Any:
        from eltflow.compile.statement import no_question

        problem = no_question(str(sql), dialect)
        if problem is not None:
            help = "ask with a query, and put what changes something in a hook"
            raise RenderError("E0308", f"run_query only reads, and this is {problem}", help=help, needle="run_query")
        if ask is None:
            raise NeedsWarehouse()
        return ask(in_target(str(sql)))

    return run_query
