"""A statement in another dialect than the target's: its names are found as they are written, then it is transpiled, then compiled as any."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from eltflow.base.diagnostics import Diagnostic, EltflowError
from eltflow.base.records import replace
from eltflow.compile.compiled import Compiled, transpiled_note
from eltflow.compile.names import NodeNames
from eltflow.compile.statement import Statement
from eltflow.jinja.values import RenderError
from eltflow.project.nodes import Node
from eltflow.sql.align import Alignment
from eltflow.sql.parse import Refused, parse
from eltflow.sql.reads import Read, reads
from eltflow.sql.rewrite import Splice, Spliced, splice, trailing_semicolon
from eltflow.sql.transpile import Relations, transpile

if TYPE_CHECKING:
    from eltflow.compile.node import Compiler

_CLASS = re.compile(r"<class '[\w.]*?(\w+)'>")
_HELP = "write it in other words, or for this engine alone: `dialect:` may be another for one model"


class ForeignStatement(Statement):
    """A statement as it is written. `compiled` and `with_relations` give it in the target's words."""

    def compiled(self) -> Compiled:
        spliced, sql = self._transpiled()
        names = relations_of(self.compiler, self.node, self.names)
        compiler, node, text, ask = self.compiler, self.node, self.text, self.ask
        made = TranspiledStatement(compiler=compiler, node=node, text=text, rendered=sql, origin=self, names=names, ask=ask)
        made.aligned = Alignment(spliced.text, sql)
        made.spliced = spliced
        return made.compiled()

    def with_relations(self) -> str:
        return self._transpiled()[1]

    def _transpiled(self) -> tuple[Spliced, str]:
        """The text with the relations in it, and what that is in the target's dialect. Raises EltflowError at the user's line."""
        parsed = parse(self.rendered, self.dialect.sqlglot)
        if isinstance(parsed, Refused):
            raise EltflowError(self._unread(parsed))
        self._check(parsed)
        splices = self._table_splices(parsed, reads(parsed, self.dialect.fold))
        semicolon = trailing_semicolon(self.rendered, self.dialect.sqlglot)
        spliced = splice(self.rendered, [*splices, *([semicolon] if semicolon is not None else [])])
        whole = parse(spliced.text, self.dialect.sqlglot)
        if isinstance(whole, Refused):
            raise EltflowError(self._unread(whole))
        target = self.compiler.dialect
        relation = relation_texts(self.compiler, self.node, self.names)
        named = self.node.resource_type == "model"
        made = transpile(whole, self.dialect.sqlglot, target.sqlglot, relation, named=named)
        if made.problems:
            raise EltflowError(
                self._unsaid(None if one.start is None else spliced.place(one.start), one.message) for one in made.problems
            )
        return spliced, made.sql

    def _unread(self, refused: Refused) -> Diagnostic:
        from eltflow.sql.rewrite import position

        offset = position(self.rendered, refused.line, refused.column or 1) if refused.line is not None else None
        said = _CLASS.sub(lambda found: found.group(1), refused.message[:1].lower() + refused.message[1:])
        return self._unsaid(offset, f"it is beyond eltflow's parser ({said})")

    def _unsaid(self, offset: int | None, message: str) -> Diagnostic:
        node, target = self.node, self.compiler.dialect
        who = "the query" if node.unique_id == "inline" else f"{node.resource_type} `{node.name}`"
        words = f"{who} cannot be transpiled from {self.dialect.name} to {target.name}: {message}"
        return replace(self.at(offset if offset is not None else 0, "E0412", words), help=_HELP)

    def _ask_engine(self, refused: Refused | None) -> None:
        """The target's parser is no judge of it."""

    def _table_splice(self, read: Read, node: Node) -> tuple[Splice, str]:
        """Under the name that was written, always: how the target's relation is called there may be something else."""
        relation = str(self.names.relation_of(node))
        name = self.dialect.quote(read.parts[-1].name) if read.parts[-1].quoted else read.parts[-1].name
        return Splice(read.start, read.end, relation if read.aliased else f"{relation} as {name}"), name


class TranspiledStatement(Statement):
    """What a statement became in the target's dialect. `origin` is the statement, whose file errors are shown in."""

    origin: ForeignStatement
    aligned: Alignment
    spliced: Spliced

    def spot(self, offset: int) -> tuple[int | None, int | None]:
        at = self.aligned.place(offset)
        line, column = self.origin.spot(self.spliced.place(at.offset))
        return line, column if at.sure else None

    def at(self, offset: int | None, code: str, message: str) -> Diagnostic:
        found = Statement.at(self, offset, code, message)
        return replace(found, notes=(*found.notes, transpiled_note(self.origin.dialect.name, self.dialect.name)))

    def _refused(self, refused: Refused) -> Diagnostic:
        raise EltflowError(self.origin._unsaid(None, f"what it would become is not understood ({refused.message})"))


def relation_texts(compiler: Compiler, node: Node, written: NodeNames) -> Relations:
    """The target's text for each relation that the written text names."""
    own = compiler.names(node)

    def text(parts: tuple[str, ...]) -> str | None:
        found = written.rendered.get(parts)
        return None if found is None else str(own.relation_of(compiler.graph.nodes.get(found, node)))

    return text


def asked_in_target(compiler: Compiler, node: Node, written: NodeNames, sql: str) -> str:
    """The SQL of `run_query` in the target's words. Raises RenderError for what cannot be said in them."""
    parsed = parse(sql, written.dialect.sqlglot)
    target = compiler.dialect
    if isinstance(parsed, Refused):
        problem = f"it is beyond eltflow's parser ({parsed.message})"
    else:
        made = transpile(parsed, written.dialect.sqlglot, target.sqlglot, relation_texts(compiler, node, written))
        if not made.problems:
            return made.sql
        problem = made.problems[0].message
    message = f"what run_query asks cannot be transpiled from {written.dialect.name} to {target.name}: {problem}"
    raise RenderError("E0412", message, help=_HELP, needle="run_query")


def relations_of(compiler: Compiler, node: Node, written: NodeNames) -> NodeNames:
    """The names of the target's own dialect, for a text in which those relations stand that another one wrote."""
    names = compiler.names(node)
    names.rendered, names.ephemeral, names.asked = written.rendered, written.ephemeral, written.asked
    return names
