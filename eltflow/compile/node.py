"""Node → Compiled: renders its template, finds the tables that its SQL names, and puts the target's relations in their place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from eltflow.base.diagnostics import Diagnostic, EltflowError, Span, with_source
from eltflow.base.fingerprint import fingerprint
from eltflow.base.names import IDENTIFIER, did_you_mean, listed, suggest
from eltflow.compile.compiled import Compiled, NeedsWarehouse, Place
from eltflow.compile.data_tests import test_sql
from eltflow.compile.known import Known
from eltflow.compile.names import NodeNames
from eltflow.graph.facts import RenderedLines, rendered_note, static_value, template_place
from eltflow.graph.graph import Graph
from eltflow.graph.lookup import Lookup
from eltflow.jinja import static
from eltflow.jinja.renderer import Renderer
from eltflow.jinja.values import RenderError
from eltflow.project import yamlfile
from eltflow.project.config import as_list
from eltflow.project.nodes import Node
from eltflow.project.project import Project, decode, read_bytes
from eltflow.project.settings import FILE as SETTINGS_FILE
from eltflow.project.surface import VOLATILE
from eltflow.sql.advice import advice
from eltflow.sql.columns import UNKNOWN, Missing, Names, resolve
from eltflow.sql.parse import Parsed, Refused, parse
from eltflow.sql.reads import Ident, Read, reads
from eltflow.sql.rewrite import Splice, Spliced, line_column, position, splice, trailing_semicolon, with_ctes
from eltflow.sql.statement import first_word, kind_problem, second_statement
from eltflow.warehouse.catalog import Catalog
from eltflow.warehouse.dialect import Dialect
from eltflow.warehouse.protocols import Offline

CTE_PREFIX = "eltflow_cte__"

#: Asks the warehouse: SQL of a query in, what `run_query` gives out.
Ask = Callable[[str], Any]


@dataclass(slots=True, kw_only=True)
class Compiler:
    """Compiles the nodes of one graph for one target. What is compiled once is kept; `catalog` says what exists."""

    project: Project
    graph: Graph
    renderer: Renderer
    dialect: Dialect
    base: Mapping[str, Any]
    catalog: Catalog
    offline: Offline | None = None
    full_refresh: bool = False
    lookup: Lookup
    files: Callable[[Node], tuple[str, ...]]
    _done: dict[str, Compiled]
    _known: Known | None = None

    @staticmethod
    def make(
        project: Project,
        graph: Graph,
        renderer: Renderer,
        dialect: Dialect,
        base: Mapping[str, Any],
        catalog: Catalog,
        *,
        offline: Offline | None = None,
        full_refresh: bool = False,
        files: Callable[[Node], tuple[str, ...]] = lambda node: (),
    ) -> Compiler:
        lookup = Lookup(graph.nodes, graph.disabled, dialect, project.settings.name)
        return Compiler(
            project=project,
            graph=graph,
            renderer=renderer,
            dialect=dialect,
            base=base,
            catalog=catalog,
            offline=offline,
            full_refresh=full_refresh,
            lookup=lookup,
            files=files,
            _done={},
        )

    def node(self, node: Node, ask: Ask | None = None) -> Compiled:
        """The node compiled. Raises EltflowError at the user's line; NeedsWarehouse if its template must `ask` one and none is there."""
        done = self._done.get(node.unique_id)
        if done is None:
            if node.resource_type in ("seed", "ingest"):
                done = self._without_sql(node, ask)
            elif node.test is not None and not node.test.singular:
                done = self._generic_test(node, ask)
            else:
                done = self._file(node, ask)
            self._done[node.unique_id] = done
        return done

    def take(self, catalog: Catalog) -> None:
        """Go on with a fresh view of the target that says the same as the one compiled against."""
        self.catalog, self._known = catalog, None

    @property
    def known(self) -> Known:
        """What is known of columns."""
        if self._known is None:
            self._known = Known(self.graph, self.dialect, self.catalog, self.offline, self.node, self.files, self._rebuilt)
        return self._known

    def _rebuilt(self, node: Node) -> bool:
        """Whether this run makes an incremental model's table from nothing."""
        own = node.config.get("full_refresh")
        existing = self.catalog.get(node.relation) if node.relation is not None else None
        return (bool(own) if own is not None else self.full_refresh) or existing is None or existing.kind != "table"

    def names(self, node: Node, ask: Ask | None = None) -> NodeNames:
        return NodeNames(
            node=node,
            graph=self.graph,
            lookup=self.lookup,
            base=self.base,
            renderer=self.renderer,
            dialect=self.dialect,
            catalog=self.catalog,
            groups=self.project.groups,
            cte_name=cte_name,
            run_query=_run_query(ask, self.dialect.sqlglot),
            full_refresh=self.full_refresh,
        )

    def hooks(self, node: Node, key: str, names: NodeNames) -> tuple[str, ...]:
        """The rendered hooks of a node; an empty one is left out."""
        made = []
        for hook in as_list(node.config.get(key)):
            text = hook.get("sql", "") if isinstance(hook, Mapping) else str(hook)
            if static.has_jinja(text):
                try:
                    text = self.renderer.render(text, node.path, names.names).text.strip()
                except EltflowError as error:
                    raise EltflowError(self._in_hook(node, text, found) for found in error.diagnostics) from None
            made.append(text)
        return tuple(hook for hook in made if hook)

    def _in_hook(self, node: Node, hook: str, found: Diagnostic) -> Diagnostic:
        """What is wrong in a hook, at the place where the hook is written."""
        if found.span is None or found.span.file != node.path or found.span.line is None:
            return found
        for file in dict.fromkeys((node.path, node.patch or SETTINGS_FILE, SETTINGS_FILE)):
            with suppress(EltflowError):
                text = self.project.read(file)
                at = text.find(hook)
                if at >= 0:
                    within = position(hook, found.span.line, found.span.column or 1)
                    line, column = line_column(text, at + within)
                    span = replace(found.span, file=file, line=line, column=column)
                    return with_source(replace(found, span=span, source=None), text)
        return replace(found, span=Span(file=node.path), source=None)

    def _without_sql(self, node: Node, ask: Ask | None) -> Compiled:
        names = self.names(node, ask)
        pre, post = self.hooks(node, "pre_hook", names), self.hooks(node, "post_hook", names)
        span = Span(file=node.path)
        return Compiled(node=node, sql="", place=lambda line, column: span, pre_hooks=pre, post_hooks=post)

    # -- files -----------------------------------------------------------------------------------------------------------------

    def _file(self, node: Node, ask: Ask | None) -> Compiled:
        data = read_bytes(self.project.root, node.path)
        text = decode(data, node.path)
        if fingerprint(data) != node.checksum:
            message = f"{node.path} changed while eltflow was running"
            raise EltflowError(Diagnostic(code="E0110", message=message, span=Span(file=node.path), help="run the command again"))
        names = self.names(node, ask)
        template = static.scan(text)
        if template is not None:
            rendered, spots = template.substitute(lambda call: self._static_call(call, names, text, node.path))
            used: frozenset[str] = frozenset()
            origin: Any = spots
        else:
            result = self.renderer.render(text, node.path, names.names)
            rendered, used = result.text, result.used
            origin = RenderedLines(self.renderer, text, node.path, names.names, rendered)
        compiled = self._statement(node, text, rendered, origin, names)
        return replace(
            compiled,
            pre_hooks=self.hooks(node, "pre_hook", names),
            post_hooks=self.hooks(node, "post_hook", names),
            cached=not (used & VOLATILE),
        )

    @staticmethod
    def _static_call(call: static.Call, names: NodeNames, text: str, path: str) -> str:
        if call.name == "ref":
            return str(names.ref(*call.args))
        if call.name == "source":
            return str(names.source(*call.args))
        return static_value(call, names.names, text, path)

    def _statement(self, node: Node, text: str, rendered: str, origin: Any, names: NodeNames) -> Compiled:
        parsed = parse(rendered, self.dialect.sqlglot)
        splices: list[Splice] = []
        warnings: list[Diagnostic] = []
        if isinstance(parsed, Refused):
            warnings.append(self._refused(node, text, rendered, parsed, origin))
        else:
            self._check(node, text, rendered, parsed, origin)
            if node.opaque is None:
                splices += self._table_splices(node, text, rendered, parsed, origin, names)
                warnings += self._near_misses(node, text, rendered, parsed, origin, names)
        semicolon = trailing_semicolon(rendered, self.dialect.sqlglot)
        if semicolon is not None:
            splices.append(semicolon)
        bodies = self._ctes(names)
        front = with_ctes(rendered, self.dialect.sqlglot, [(self.dialect.quote(cte_name(n)), sql) for n, sql in bodies])
        body = {"body": splice(rendered, splices).text.strip("\n")} if front is not None else {}
        if front is not None:
            splices.append(front)
        spliced = splice(rendered, splices)
        sql = spliced.text.strip("\n")
        columns = None
        if isinstance(parsed, Parsed) and node.opaque is None:
            resolved = resolve(parsed, self._columns_of(node, names), self.dialect.fold)
            columns = resolved.columns.names if resolved.columns.complete else None
            if resolved.missing:
                self._check_missing(node, text, rendered, sql, resolved.missing, origin)
        return Compiled(
            extra=body,
            node=node,
            sql=sql,
            columns=columns,
            place=_placer(node, text, rendered, spliced, origin),
            ctes=tuple(n.unique_id for n, _ in bodies),
            warnings=tuple(warnings),
        )

    def _refused(self, node: Node, text: str, sql: str, refused: Refused, origin: Any) -> Diagnostic:
        """A warning for SQL that only the engine understands. Raises EltflowError if the engine's own parser refuses it too."""
        complaint = self.offline.parse(sql) if self.offline is not None else None
        if complaint is not None:
            message, line, column = complaint
            if line is None:
                line, column = refused.line, refused.column
            raise EltflowError(self._broken(node, text, sql, message, line, column, origin))
        message = f"the SQL of `{node.name}` is beyond eltflow's parser ({refused.message}): only ref() and source() make its edges"
        offset = position(sql, refused.line, refused.column or 1) if refused.line is not None else None
        help = "name the tables that it reads with ref() or source(); the engine itself takes the statement"
        return replace(_at(node, text, sql, offset, origin, "W0401", message), severity="warning", help=help)

    def _broken(
        self, node: Node, text: str, sql: str, message: str, line: int | None, column: int | None, origin: Any
    ) -> Diagnostic:
        """What the engine's own parser refused, with what may be wrong there."""
        offset = position(sql, line, column or 1) if line is not None else None
        found = _at(node, text, sql, offset, origin, "E0401", f"broken SQL: {message}")
        return replace(found, help=advice(sql, self.dialect.sqlglot, offset), notes=rendered_note(found, sql, line))

    def _check(self, node: Node, text: str, sql: str, parsed: Parsed, origin: Any) -> None:
        if parsed.count == 0:
            message = f"{node.resource_type} `{node.name}` is empty: it has no SQL"
            help = "write a SELECT, or take the file away"
            raise EltflowError(Diagnostic(code="E0402", message=message, span=Span(file=node.path, line=1), help=help))
        if parsed.count > 1:
            offset = second_statement(sql, self.dialect.sqlglot)
            message = f"{node.resource_type} `{node.name}` has {parsed.count} statements"
            help = "keep one SELECT; what else must run can be a pre_hook or a post_hook"
            raise EltflowError(replace(_at(node, text, sql, offset, origin, "E0403", message), help=help))
        problem = kind_problem(parsed)
        if problem is not None:
            message = f"{node.resource_type} `{node.name}` must be a query, not {problem}"
            help = "write the SELECT alone: eltflow creates the table or view"
            first = first_word(sql, self.dialect.sqlglot)
            raise EltflowError(replace(_at(node, text, sql, first, origin, "E0404", message), help=help))
        complaint = self.offline.parse(sql) if self.offline is not None else None
        if complaint is not None:
            message, line, column = complaint
            raise EltflowError(self._broken(node, text, sql, message, line, column, origin))

    def _table_splices(self, node: Node, text: str, sql: str, parsed: Parsed, origin: Any, names: NodeNames) -> list[Splice]:
        made: list[Splice] = []
        found: list[Diagnostic] = []
        for read in reads(parsed, self.dialect.fold):
            if tuple(part.name for part in read.parts) in names.rendered:
                continue
            hit = self.lookup.table(tuple((part.name, part.quoted) for part in read.parts))
            if not isinstance(hit, str):
                continue
            if hit not in node.parents and hit != node.unique_id:
                found.append(self._unseen(node, text, sql, read, hit, origin))
                continue
            made.append(self._table_splice(read, self.graph.nodes[hit], names))
        if found:
            raise EltflowError(found)
        return made

    def _near_misses(self, node: Node, text: str, sql: str, parsed: Parsed, origin: Any, names: NodeNames) -> Iterator[Diagnostic]:
        """A warning for each table that is no node and no source, and is spelt nearly like one."""
        for read in reads(parsed, self.dialect.fold):
            parts = tuple((part.name, part.quoted) for part in read.parts)
            if tuple(part.name for part in read.parts) in names.rendered or self.lookup.table(parts) is not None:
                continue
            near = suggest(str(read), self.lookup.spellings)
            if near is not None:
                message = f"{node.resource_type} `{node.name}` reads `{read}`, which is no node and no source"
                help = f"did you mean `{near}`? (if not, declare it under `sources:`)"
                found = _at(node, text, sql, read.start, origin, "W0204", message)
                yield replace(found, severity="warning", help=help)

    def _table_splice(self, read: Read, node: Node, names: NodeNames) -> Splice:
        relation = names.relation_of(node)
        written = read.parts[-1]
        differs = node.materialized == "ephemeral" or self.dialect.fold(relation.identifier, True) != self.dialect.fold(
            written.name, written.quoted
        )
        alias = f" as {self.dialect.quote(written.name)}" if differs and not read.aliased else ""
        return Splice(read.start, read.end, str(relation) + alias)

    def _unseen(self, node: Node, text: str, sql: str, read: Read, hit: str, origin: Any) -> Diagnostic:
        message = f"`{read}` is read here, but that could not be seen when the graph was made"
        help = f"add a line `-- depends_on: {{{{ ref('{self.graph.nodes[hit].name}') }}}}`"
        found = _at(node, text, sql, read.start, origin, "E0213", message)
        return replace(found, help=help)

    def _columns_of(self, node: Node, names: NodeNames) -> Callable[[tuple[Ident, ...]], Names]:
        def columns(parts: tuple[Ident, ...]) -> Names:
            found: Any = names.rendered.get(tuple(part.name for part in parts))
            if found is None:
                found = self.lookup.table(tuple((part.name, part.quoted) for part in parts))
            if not isinstance(found, str):
                return UNKNOWN
            return self.known.standing(node) if found == node.unique_id else self.known.names(self.graph.nodes[found])

        return columns

    def _check_missing(self, node: Node, text: str, rendered: str, sql: str, missing: Sequence[Missing], origin: Any) -> None:
        """Raise EltflowError (E0405) for names that mean nothing; where an embedded engine can bind the SQL, it has the last word."""
        complaint: str | None = None
        stubs = self.known.stubs(node) if self.offline is not None else None
        if self.offline is not None and stubs is not None:
            bound = self.offline.bind(sql, stubs)
            complaint = str(bound[0]) if bound and isinstance(bound[0], str) else ""
        found = []
        first = {(one.name, one.table): one for one in reversed(missing)}
        for one in reversed(first.values()):
            if complaint is not None and not (one.name.lower() in complaint.lower() and "column" in complaint.lower()):
                continue
            of = f" of `{one.table}`" if one.table else ""
            message = f"{node.resource_type} `{node.name}` uses the column `{one.name}`{of}, which does not exist"
            near = did_you_mean(one.name, one.known)
            help = near or f"there are: {listed(one.known, 8)}"
            found.append(replace(_at(node, text, rendered, one.start, origin, "E0405", message), help=help))
        if found:
            raise EltflowError(found)

    def _ctes(self, names: NodeNames) -> list[tuple[Node, str]]:
        """The ephemeral models that a statement needs, each after those that it needs itself, with their own SQL."""
        made: dict[str, tuple[Node, str]] = {}
        for unique_id in names.ephemeral:
            compiled = self.node(self.graph.nodes[unique_id])
            for inner in (*compiled.ctes, unique_id):
                if inner not in made:
                    body = self._done[inner]
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
            config={},
            parents=tuple(self.graph.nodes),
        )
        names = self.names(node, ask)
        result = self.renderer.render(sql, node.path, names.names)
        origin = RenderedLines(self.renderer, sql, node.path, names.names, result.text)
        return self._statement(node, sql, result.text, origin, names).sql

    # -- generic tests ---------------------------------------------------------------------------------------------------------

    def _check_tested(self, node: Node, attached: Node) -> None:
        """Raise EltflowError (E0406) for a test on a column that its node certainly lacks."""
        column = node.test.column if node.test is not None else None
        if column is None or not IDENTIFIER.match(column):
            return
        names = self.known.names(attached)
        if not names.complete or self.dialect.fold(column, True) in {self.dialect.fold(n, True) for n in names.names}:
            return
        span, text = _test_span(self.project, node)
        message = f"a test is on the column `{column}` of `{attached.display}`, which does not exist"
        help = did_you_mean(column, names.names) or f"there are: {listed(names.names, 8)}"
        raise EltflowError(with_source(Diagnostic(code="E0406", message=message, span=span, help=help), text))

    def _in_test(self, node: Node, found: Diagnostic) -> Diagnostic:
        """What a test's macro says is wrong, at the entry that calls it where it names no line of its own."""
        if found.span is not None and found.span.line is not None:
            return found
        span, text = _test_span(self.project, node)
        return with_source(replace(found, span=span, source=None, notes=()), text)

    def _generic_test(self, node: Node, ask: Ask | None) -> Compiled:
        names = self.names(node, ask)
        test = node.test
        assert test is not None and test.attached is not None
        attached = self.graph.nodes[test.attached]
        relation = names.relation_of(attached)
        self._check_tested(node, attached)
        try:
            sql = test_sql(node, relation, names, self.renderer, self.dialect)
        except EltflowError as error:
            raise EltflowError(self._in_test(node, found) for found in error.diagnostics) from None
        front = with_ctes(sql, self.dialect.sqlglot, [(self.dialect.quote(cte_name(n)), body) for n, body in self._ctes(names)])
        spliced = splice(sql, [front] if front is not None else [])
        span = Span(file=node.path)
        return Compiled(node=node, sql=spliced.text.strip("\n"), place=lambda line, column: span)


def _test_span(project: Project, node: Node) -> tuple[Span, str]:
    text = project.read(node.path)
    return yamlfile.locate(text, node.path, node.place), text


def cte_name(node: Node) -> str:
    """The name of the CTE that an ephemeral model becomes."""
    return CTE_PREFIX + node.name


def _run_query(ask: Ask | None, dialect: str) -> Ask:
    """`run_query` of templates: read-only."""

    def run_query(sql: str) -> Any:
        parsed = parse(str(sql), dialect)
        problem = kind_problem(parsed) if isinstance(parsed, Parsed) else None
        if problem is not None:
            raise RenderError("E0308", f"run_query only reads, and this is {problem}", help="put it in a hook", needle="run_query")
        if ask is None:
            raise NeedsWarehouse()
        return ask(str(sql))

    return run_query


def _placer(node: Node, text: str, rendered: str, spliced: Spliced, origin: Any) -> Place:
    stripped = len(spliced.text) - len(spliced.text.lstrip("\n"))

    def place(line: int, column: int) -> Span:
        at = spliced.place(position(spliced.text[stripped:], line, column) + stripped)
        where = template_place(rendered, min(at, len(rendered)), text, origin)
        return Span(file=node.path, line=where[0], column=where[1], length=_word_length(text, where))

    return place


def _word_length(text: str, where: tuple[int | None, int | None]) -> int:
    if where[0] is None or where[1] is None:
        return 1
    lines = text.splitlines()
    word = re.match(r"\w+|\S", lines[where[0] - 1][where[1] - 1 :]) if where[0] <= len(lines) else None
    return len(word.group()) if word else 1


def _at(node: Node, text: str, sql: str, offset: int | None, origin: Any, code: str, message: str) -> Diagnostic:
    where = template_place(sql, offset, text, origin) if offset is not None else (None, None)
    span = Span(file=node.path, line=where[0], column=where[1], length=_word_length(text, where))
    return with_source(Diagnostic(code=code, message=message, span=span), text)


__all__ = ["Compiler", "cte_name"]
