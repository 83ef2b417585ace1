"""Compiled SQL kept from run to run, each under a fingerprint of everything that it was made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from eltflow.base.diagnostics import Span
from eltflow.base.fingerprint import fingerprint
from eltflow.base.records import fields
from eltflow.compile.compiled import Compiled, as_plain, is_complaint
from eltflow.compile.data_tests import is_quoted
from eltflow.project.nodes import Node, TestInfo
from eltflow.warehouse.values import Relation

if TYPE_CHECKING:
    from eltflow.compile.node import Compiler

#: What a file is known by without reading it: its name, size and mtime.
Stamps = Callable[[Node], tuple[Any, ...]]

#: Where in an entry the fingerprint of its columns' types stands.
_DIGEST = 6


class KeptSql:
    """Compiled nodes by unique id, as plain values. `scope` stands for macros, variables and target; `environ` for the environment
    that any of the `entries` was made with: it stays with them, whatever this process itself reads of it."""

    def __init__(self, scope: str, entries: Mapping[str, Any], environ: Mapping[str, str | None], stamps: Stamps) -> None:
        self._scope = scope
        self._entries = entries
        self.environ = environ
        self._stamps = stamps
        self._keys: dict[str, str] = {}
        self._typed: dict[str, str] = {}
        self.fresh: dict[str, Any] = {}
        self.hits = 0

    def get(self, compiler: Compiler, node: Node) -> Compiled | None:
        """The node as it was compiled before, if nothing that went into it is another now."""
        key = self._key(compiler, node)
        entry = self._entries.get(node.unique_id)
        if entry is None or entry[0] != key or (entry[2] is not None and entry[2] != self._kinds(compiler, node)):
            return None
        _, sql, kinds, columns, against, typed, _, ctes, body = entry
        now = self._against(compiler, node)
        if now == against:
            self.hits += 1
        else:
            bound = compiler.known.bound(node, sql)
            if is_complaint(bound):
                return None
            typed = as_plain(bound)
            entry = (key, sql, kinds, columns, now, typed, fingerprint(repr(typed)), ctes, body)
        self.fresh[node.unique_id] = entry

        def place(line: int, column: int) -> Span:
            return compiler.anew(node).place(line, column)

        return Compiled(
            node=node,
            sql=sql,
            place=place,
            columns=columns,
            typed=typed,
            ctes=ctes,
            extra={"body": body} if body is not None else {},
        )

    def put(self, compiler: Compiler, node: Node, compiled: Compiled) -> None:
        """Keep a compiled node, unless it differs from run to run or has something to say."""
        if not compiled.cached or compiled.warnings:
            return
        self.fresh[node.unique_id] = (
            self._key(compiler, node),
            compiled.sql,
            self._kinds(compiler, node) if compiled.asked_kinds else None,
            compiled.columns,
            self._against(compiler, node),
            compiled.typed,
            fingerprint(repr(compiled.typed)),
            compiled.ctes,
            compiled.extra.get("body"),
        )

    def _key(self, compiler: Compiler, node: Node) -> str:
        known = self._keys.get(node.unique_id)
        if known is None:
            known = fingerprint(
                self._scope,
                node.checksum,
                repr((node.config, _tested(node), node.description if node.static else dict(node.columns))),
                repr(self._quoted(compiler, node)),
                repr(self._self(compiler, node)),
                repr([self._parent(compiler, parent) for parent in node.parents]),
                _translator() if compiler.written(node) is not compiler.dialect else "",
            )
            self._keys[node.unique_id] = known
        return known

    @staticmethod
    def _quoted(compiler: Compiler, node: Node) -> bool:
        """Whether the column that a test is on is described as one to be quoted."""
        test = node.test
        return test is not None and test.attached is not None and is_quoted(str(test.column), compiler.graph.nodes[test.attached])

    @staticmethod
    def _kinds(compiler: Compiler, node: Node) -> tuple[str | None, ...]:
        """What stands at the node's own relation and at its parents'."""
        relations = (node.relation, *(compiler.graph.nodes[parent].relation for parent in node.parents))
        tables = (compiler.catalog.get(relation) if relation is not None else None for relation in relations)
        return tuple(table.kind if table is not None else None for table in tables)

    def _self(self, compiler: Compiler, node: Node) -> tuple[Any, ...]:
        standing: Any = ()
        if node.materialized == "incremental":
            standing = (compiler.rebuilt(node), compiler.known.standing(node).names)
        return (_parts(node.relation), standing)

    def _parent(self, compiler: Compiler, unique_id: str) -> tuple[Any, ...]:
        """What a reader of a node can see of it."""
        node = compiler.graph.nodes[unique_id]
        if node.resource_type == "model":
            if node.materialized == "ephemeral":
                return (unique_id, self._key(compiler, node))
            names = compiler.known.names(node)
            return (unique_id, _parts(node.relation), names.names, names.complete)
        if node.resource_type in ("seed", "ingest"):
            return (unique_id, _parts(node.relation), node.checksum, repr(node.config), self._stamps(node))
        if node.source is not None and node.parents:
            return (unique_id, _parts(node.relation), *(self._parent(compiler, parent) for parent in node.parents))
        return (unique_id, _parts(node.relation), compiler.known.standing(node).names)

    def _against(self, compiler: Compiler, node: Node) -> str:
        """A fingerprint of the types that a model's SQL is bound against, where an embedded engine binds it."""
        if node.resource_type != "model" or not compiler.dialect.capabilities.offline_parser:
            return ""
        own = repr(compiler.known.standing_types(node)) if node.materialized == "incremental" else ""
        return fingerprint(own, *(self._types(compiler, compiler.graph.nodes[parent]) for parent in node.parents))

    def _types(self, compiler: Compiler, node: Node) -> str:
        """A fingerprint of the types of a node's columns: a model's as it was bound, another's as its table stands (those of files are in
        their content)."""
        known = self._typed.get(node.unique_id)
        if known is None:
            types = compiler.known.typed(node) if node.resource_type == "model" else compiler.known.standing_types(node)
            entry = self.fresh.get(node.unique_id)
            known = self._typed[node.unique_id] = entry[_DIGEST] if entry is not None else fingerprint(repr(types))
        return known

    def carried(self) -> Mapping[str, Any]:
        """Everything known: what was kept, and what was compiled since."""
        return {**self._entries, **self.fresh}


@cache
def _translator() -> str:
    """The version of what transpiles: another one may say it otherwise."""
    from importlib.metadata import version

    return version("sqlglot")


_OF_TEST = attrgetter(*(field.name for field in fields(TestInfo)))


def _tested(node: Node) -> Any:
    """What a test is, as plain values, whose text is had sooner than that of a class."""
    return _OF_TEST(node.test) if node.test is not None else None


def _parts(relation: Relation | None) -> tuple[str | None, ...] | None:
    return (relation.database, relation.schema, relation.identifier) if relation is not None else None
