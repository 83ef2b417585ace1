"""One rendered statement → Compiled: names into relations, ephemeral models in front, and what is certainly wrong said beforehand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from eltflow.base.diagnostics import Diagnostic, EltflowError, Span, with_source
from eltflow.base.names import did_you_mean, suggest
from eltflow.base.records import dataclass, replace
from eltflow.compile.compiled import Compiled, Place, cte_name
from eltflow.compile.complaints import arguments
from eltflow.compile.faults import Looked, arity, look
from eltflow.compile.names import NodeNames
from eltflow.graph.places import rendered_note, template_place
from eltflow.project.nodes import Node
from eltflow.sql.advice import advice
from eltflow.sql.columns import resolve
from eltflow.sql.parse import Parsed, Refused, parse
from eltflow.sql.pivots import named_by_data
from eltflow.sql.reads import Ident, Read, named_in_calls, qualifiers, reads
from eltflow.sql.rewrite import Splice, Spliced, position, splice, trailing_semicolon, with_ctes
from eltflow.sql.statement import command, first_word, first_words, kind_problem, miscalled, no_select, second_statement
from eltflow.sql.values import UNKNOWN, Names
from eltflow.warehouse.dialect import Dialect

if TYPE_CHECKING:
    from eltflow.compile.node import Compiler

#: What reads files and other databases, whose columns may be others by the time that the statement runs.
_OUTSIDE = re.compile(r"\b(?:read_\w+|\w+_scan|glob|sniff_csv|query|query_table)\s*\(|\b(?:from|join)\s*'", re.IGNORECASE)


@dataclass(slots=True, kw_only=True)
class Statement:
    """A node's template `text`, what it `rendered` to, and `origin`, which maps one to the other."""

    compiler: Compiler
    node: Node
    text: str
    rendered: str
    origin: Any
    names: NodeNames
    ask: Callable[[str], Any] | None = None

    @property
    def dialect(self) -> Dialect:
        """What the text is written in."""
        return self.names.dialect

    def compiled(self) -> Compiled:
        """The statement compiled. Raises EltflowError at the user's line."""
        node, rendered = self.node, self.rendered
        parsed = parse(rendered, self.dialect.sqlglot)
        splices: list[Splice] = []
        warnings: list[Diagnostic] = []
        if isinstance(parsed, Refused):
            warnings.append(self._refused(parsed))
        else:
            self._check(parsed)
            if node.opaque is None:
                found = reads(parsed, self.dialect.fold)
                splices += self._table_splices(parsed, found)
                warnings += self._near_misses(found)
        semicolon = trailing_semicolon(rendered, self.dialect.sqlglot)
        if semicolon is not None:
            splices.append(semicolon)
        bodies = self.compiler.ctes(self.names, self.ask)
        front = with_ctes(rendered, self.dialect.sqlglot, [(self.dialect.quote(cte_name(n)), sql) for n, sql in bodies])
        body = {"body": splice(rendered, splices).text.strip("\n")} if front else {}
        splices += front
        spliced = splice(rendered, splices)
        sql = spliced.text.strip("\n")
        columns = None
        looked = Looked()
        if isinstance(parsed, Refused):
            looked = arity(self, parsed, lambda read: self._as_read(read, splices))
        elif node.opaque is None:
            resolved = cache(lambda: resolve(parsed, self._columns(), self.dialect.fold))
            looked = look(self, parsed, splices, lambda: resolved().faults, node)
            if looked.typed is not None and "pivot" in rendered.lower() and named_by_data(parsed):
                looked = replace(looked, typed=None)
            columns = looked.columns
            if columns is not None and _OUTSIDE.search(rendered):
                columns = None
            if columns is None and resolved().columns.complete:
                columns = resolved().columns.names
        place, typed = self._placer(spliced), looked.typed
        warnings += looked.notes
        offline = self.compiler.offline if isinstance(parsed, Parsed) and typed is None else None
        if offline is not None and offline.parse(sql) is not None:
            self._ask_engine(None)  # about what was written: its place and words
        if looked.errors:
            raise EltflowError(looked.errors)
        return Compiled(
            extra=body,
            node=node,
            sql=sql,
            columns=columns,
            typed=typed,
            place=place,
            ctes=tuple(n.unique_id for n, _ in bodies),
            warnings=tuple(warnings),
        )

    def with_relations(self) -> str:
        """The statement with the target's relations in place of the nodes' names, otherwise as it is; unread, if it cannot be parsed."""
        parsed = parse(self.rendered, self.dialect.sqlglot)
        if not isinstance(parsed, Parsed):
            return self.rendered
        return splice(self.rendered, self._table_splices(parsed, reads(parsed, self.dialect.fold))).text

    def _as_read(self, read: Parsed, splices: Sequence[Splice]) -> tuple[list[Splice], Node] | None:
        """The splices of a statement whose plain names made no edges, with those that put relations in their place, and the node with
        those it names for parents; None if it reads anything else."""
        compiler = self.compiler
        parents = list(self.node.parents)
        more = list(splices)
        for one in reads(read, compiler.dialect.fold):
            if tuple(part.name for part in one.parts) in self.names.rendered:
                continue
            hit = compiler.lookup.table(tuple((part.name, part.quoted) for part in one.parts))
            if not isinstance(hit, str) or compiler.graph.nodes[hit].materialized == "ephemeral":
                return None
            if self.node.unique_id in (hit, *compiler.graph.ancestors([hit])):
                return None
            parents.append(hit)
            more.append(self._table_splice(one, compiler.graph.nodes[hit])[0])
        return more, replace(self.node, parents=tuple(dict.fromkeys(parents)))

    def _refused(self, refused: Refused) -> Diagnostic:
        """A warning for SQL that only the engine understands. Raises EltflowError if the engine's own parser refuses it too."""
        node, sql = self.node, self.rendered
        self._check_kind(command(sql, self.dialect.sqlglot))
        self._ask_engine(refused)
        called = miscalled(refused, self.dialect.sqlglot)
        why = f"`{called[0].name}` is called with {arguments(called[0].arguments)}" if called is not None else refused.message
        message = f"the SQL of `{node.name}` is beyond eltflow's parser ({why}): only ref() and source() make its edges"
        offset = position(sql, refused.line, refused.column or 1) if refused.line is not None else None
        offset = called[0].start if called is not None else offset
        asked = "the engine itself takes the statement" if self.compiler.offline is not None else "the engine itself was not asked"
        help = f"name the tables that it reads with ref() or source(); {asked}"
        return replace(self.at(offset, "W0401", message), severity="warning", help=help)

    def _check(self, parsed: Parsed) -> None:
        node, sql = self.node, self.rendered
        if parsed.count == 0:
            message = f"{node.resource_type} `{node.name}` is empty: it has no SQL"
            help = "write a SELECT, or take the file away"
            raise EltflowError(Diagnostic(code="E0402", message=message, span=Span(file=node.path, line=1), help=help))
        if parsed.count > 1:
            offset = second_statement(sql, self.dialect.sqlglot)
            message = f"{node.resource_type} `{node.name}` has {parsed.count} statements"
            help = "keep one SELECT; what else must run can be a pre_hook or a post_hook"
            raise EltflowError(replace(self.at(offset, "E0403", message), help=help))
        self._check_kind(kind_problem(parsed) or no_select(parsed))

    def _check_kind(self, problem: str | None) -> None:
        """Raise EltflowError (E0404) for a statement that is certainly no query; `problem` says what it is."""
        if problem is not None:
            message = f"{self.node.resource_type} `{self.node.name}` must be a query, not {problem}"
            help = "write the SELECT alone: eltflow creates the table or view"
            first = first_word(self.rendered, self.dialect.sqlglot)
            raise EltflowError(replace(self.at(first, "E0404", message), help=help))

    def _ask_engine(self, refused: Refused | None) -> None:
        """Raise EltflowError (E0401) if the engine's own parser refuses the statement."""
        offline, sql = self.compiler.offline, self.rendered
        complaint = offline.parse(sql) if offline is not None else None
        if complaint is None:
            return
        message, line, column = complaint
        if line is None and refused is not None:
            line, column = refused.line, refused.column
        offset = position(sql, line, column or 1) if line is not None else None
        found = self.at(offset, "E0401", f"broken SQL: {message}")
        help = advice(sql, self.dialect.sqlglot, offset)
        raise EltflowError(replace(found, help=help, notes=rendered_note(found, sql, line)))

    def _table_splices(self, parsed: Parsed, tables: Sequence[Read]) -> list[Splice]:
        node, names = self.node, self.names
        made: list[Splice] = []
        found: list[Diagnostic] = []
        qualified: dict[tuple[str, ...], str] = {}
        fold = self.dialect.fold
        nodes = self.compiler.graph.nodes
        # One table may have several names: a source's, another's, that of the step which loads both. An edge to one is an edge to all.
        near = [node, *(nodes[i] for i in node.parents)]
        ids = {one.unique_id for one in near}
        relations = {one.relation for one in near if one.relation is not None and one.materialized != "ephemeral"}

        def seen(unique_id: str) -> bool:
            return unique_id in ids or nodes[unique_id].relation in relations

        for read in tables:
            if tuple(part.name for part in read.parts) in names.rendered:
                continue
            parts = tuple((part.name, part.quoted) for part in read.parts)
            hit = self.names.lookup.table(parts)
            if not isinstance(hit, str):
                other = self.names.lookup.standing(parts)
                if other is not None and not seen(other):
                    found.append(self._in_reach(read, nodes[other]))
                continue
            if not seen(hit):
                found.append(self._unseen(read, hit))
                continue
            splice, name = self._table_splice(read, nodes[hit])
            made.append(splice)
            if len(read.parts) > 1:
                qualified[tuple(fold(part.name, part.quoted) for part in read.parts)] = name
        found += self._in_calls(parsed)
        if found:
            raise EltflowError(found)
        for read in qualifiers(parsed) if qualified else ():
            said = qualified.get(tuple(fold(part.name, part.quoted) for part in read.parts))
            if said is not None:
                made.append(Splice(read.start, read.end, said))
        return made

    def _in_calls(self, parsed: Parsed) -> Iterator[Diagnostic]:
        """An error for each node whose name a function is given as text: it would be read from wherever the engine looks, at any time."""
        for name, offset in named_in_calls(parsed):
            hit = self.names.lookup.table(tuple((part, False) for part in name))
            if isinstance(hit, str):
                node = self.compiler.graph.nodes[hit]
                found = self.at(
                    offset, "E0213", f"`{'.'.join(name)}` is named in a text, which makes no edge to the {node.resource_type}"
                )
                yield replace(found, help=f"write {{{{ {_call(node)} }}}} in that text")

    def _near_misses(self, tables: Sequence[Read]) -> Iterator[Diagnostic]:
        """A warning for each table that is no node and no source, and is spelt nearly like one."""
        node, lookup = self.node, self.names.lookup
        for read in tables:
            parts = tuple((part.name, part.quoted) for part in read.parts)
            if tuple(part.name for part in read.parts) in self.names.rendered or lookup.table(parts) is not None:
                continue
            near = suggest(str(read), lookup.spellings)
            if near is not None:
                message = f"{node.resource_type} `{node.name}` reads `{read}`, which is no node and no source"
                help = f"did you mean `{near}`? (if not, declare it under `sources:`)"
                yield replace(self.at(read.start, "W0204", message), severity="warning", help=help)

    def _table_splice(self, read: Read, node: Node) -> tuple[Splice, str]:
        """The splice of a table's name, and how its columns are qualified after it."""
        relation = self.names.relation_of(node)
        written = read.parts[-1]
        fold = self.dialect.fold_relation
        differs = node.materialized == "ephemeral" or fold(relation.identifier, True) != fold(written.name, written.quoted)
        alias = f" as {self.dialect.quote(written.name)}" if differs and not read.aliased else ""
        return Splice(read.start, read.end, str(relation) + alias), alias.removeprefix(" as ") or str(relation)

    def _unseen(self, read: Read, hit: str) -> Diagnostic:
        message = f"`{read}` is read here, but that could not be seen when the graph was made"
        help = f"add a line `-- depends_on: {{{{ {_call(self.compiler.graph.nodes[hit])} }}}}`"
        found = self.at(read.start, "E0213", message)
        return replace(found, help=help)

    def _in_reach(self, read: Read, node: Node) -> Diagnostic:
        message = f"`{read}` is where {node.resource_type} `{node.name}` is built: read by that name, it makes no edge"
        return replace(self.at(read.start, "E0213", message), help=f"write `{node.name}`, or {{{{ ref('{node.name}') }}}}")

    def _columns(self) -> Callable[[tuple[Ident, ...]], Names]:
        def columns(parts: tuple[Ident, ...]) -> Names:
            found: Any = self.names.rendered.get(tuple(part.name for part in parts))
            if found is None:
                found = self.names.lookup.table(tuple((part.name, part.quoted) for part in parts))
            if not isinstance(found, str):
                return UNKNOWN
            return (
                self.compiler.known.standing(self.node)
                if found == self.node.unique_id
                else self.compiler.known.names(self.compiler.graph.nodes[found])
            )

        return columns

    def _placer(self, spliced: Spliced) -> Place:
        node, text, rendered = self.node, self.text, self.rendered
        stripped = len(spliced.text) - len(spliced.text.lstrip("\n"))

        def place(line: int, column: int) -> Span:
            at = spliced.place(position(spliced.text[stripped:], line, column) + stripped)
            where = self.spot(min(at, len(rendered)))
            return Span(file=node.path, line=where[0], column=where[1], length=_word_length(text, where))

        return place

    def spot(self, offset: int) -> tuple[int | None, int | None]:
        """Line and column (from 1) in the user's file of the character at `offset` of the rendered text."""
        return template_place(self.rendered, offset, self.text, self.origin)

    def at(self, offset: int | None, code: str, message: str) -> Diagnostic:
        """A diagnostic at the place in the user's file that gave the character at `offset` of the rendered text."""
        node, text = self.node, self.text
        where = self.spot(offset) if offset is not None else (None, None)
        span = Span(file=node.path, line=where[0], column=where[1], length=_word_length(text, where))
        return with_source(Diagnostic(code=code, message=message, span=span), text)


def _call(node: Node) -> str:
    """How a template names the node."""
    source = node.source
    return f"source('{source.source}', '{source.table}')" if source is not None else f"ref('{node.name}')"


def _word_length(text: str, where: tuple[int | None, int | None]) -> int:
    if where[0] is None or where[1] is None:
        return 1
    lines = text.splitlines()
    word = re.match(r"\w+|\S", lines[where[0] - 1][where[1] - 1 :]) if where[0] <= len(lines) else None
    return len(word.group()) if word else 1


def in_front(sql: str, dialect: str, ctes: Sequence[tuple[str, str]]) -> str:
    """The SQL with CTEs (name as rendered, SQL) before its own."""
    return splice(sql, with_ctes(sql, dialect, ctes)).text.strip("\n")


#: The words with which a statement begins that only asks.
_ASKING = frozenset(
    [
        "select",
        "with",
        "from",
        "values",
        "table",
        "describe",
        "desc",
        "show",
        "explain",
        "summarize",
        "pivot",
        "unpivot",
        "pragma",
        "(",
    ]
)


def no_question(sql: str, dialect: str) -> str | None:
    """What a text is if it is not one statement that only asks, in words."""
    parsed = parse(sql, dialect)
    if isinstance(parsed, Parsed):
        if parsed.count != 1:
            return f"{parsed.count} statements" if parsed.count else "no statement"
        problem = kind_problem(parsed)
        if problem is not None:
            return problem
    words = [word.lower() for word in first_words(sql, dialect, 2)]
    if words[:1] and words[0] not in _ASKING:
        near = did_you_mean(words[0], _ASKING)
        return f"`{words[0]}`{f' ({near})' if near else ''}"
    return "`explain analyze`, which runs what it explains" if words == ["explain", "analyze"] else None
