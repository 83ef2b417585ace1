"""Types that certainly do not go together, as the embedded engine says of a statement bound over empty tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from eltflow.base.diagnostics import Diagnostic, EltflowError, with_source
from eltflow.compile.compiled import Compiled
from eltflow.compile.faults import defines_functions
from eltflow.compile.node import Compiler
from eltflow.project.nodes import Node

#: The engine's words for types that do not go together. What else it refuses may hang on what a run makes first.
_CLASH = re.compile(
    r"No function matches the given name and argument types|Cannot compare values of type|Cannot mix values of type"
)
#: Types of columns of which nothing is known: they take part in no clash that is sure.
_VAGUE = re.compile(r"\"NULL\"|SQLNULL|UNKNOWN")


def clashes(compiler: Compiler, compiled: Iterable[Compiled]) -> Iterator[tuple[Node, Diagnostic]]:
    """An error (E0414) for each model whose types the embedded engine refuses, at the user's line."""
    if compiler.offline is None or defines_functions(compiler):
        return
    for done in compiled:
        node = done.node
        if node.resource_type != "model" or done.header or compiler.known.columns(node) is not None:
            continue
        complaint = compiler.known.complaint(node)
        if complaint is None or not _CLASH.search(complaint[0]) or _VAGUE.search(complaint[0]) or not compiler.known.sure(node):
            continue
        words, line, column = complaint
        try:
            span = done.place(line, column or 1) if line is not None else None
            text = compiler.project.read(node.path)
        except EltflowError:
            continue
        first = words.splitlines()[0].removeprefix("Binder Error: ")
        message = f"model `{node.name}` puts types together that do not go together: {first}"
        help = "cast one of them, e.g. `x::integer`, or use columns of the types that are meant"
        found = Diagnostic(code="E0414", message=message, span=span, help=help)
        yield node, with_source(found, text) if span is not None else found
