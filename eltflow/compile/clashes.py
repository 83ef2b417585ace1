"""Types that certainly do not go together, as the embedded engine says of a statement bound over empty tables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from eltflow.base.diagnostics import Diagnostic, EltflowError, with_source
from eltflow.base.names import listed
from eltflow.compile.faults import defines_functions, own_casts

if TYPE_CHECKING:
    from eltflow.compile.compiled import Complaint, Place
    from eltflow.compile.node import Compiler
    from eltflow.project.nodes import Node

#: The engine's words for types that do not go together. What else it refuses may hang on what a run makes first.
_CLASH = re.compile(
    r"No function matches the given name and argument types|Cannot compare values of type|Cannot mix values of type"
)
#: Types of columns of which nothing is known: they take part in no clash that is sure.
_VAGUE = re.compile(r"\"NULL\"|SQLNULL|UNKNOWN")
#: How many forms of a function are shown.
_SHOWN = 5


def clash(compiler: Compiler, node: Node, complaint: Complaint, place: Place) -> Diagnostic | None:
    """An error (E0414) at the user's line, if the engine refuses a model for its types, and these are certain; `place` is where a line and
    column of the model's SQL stand."""
    words, line, column = complaint
    if not _CLASH.search(words) or _VAGUE.search(words):
        return None
    if defines_functions(compiler) or own_casts(compiler) or not compiler.known.sure(node):
        return None
    try:
        span = place(line, column or 1) if line is not None else None
        text = compiler.project.read(node.path)
    except EltflowError:
        return None
    first, *more = (line.strip() for line in words.splitlines())
    message = f"model `{node.name}` puts types together that do not go together: {first.removeprefix('Binder Error: ')}"
    taken = [line for line in more if ") -> " in line]
    notes = (f"there is {listed(taken, _SHOWN)}",) if taken else ()
    help = "cast one of them, e.g. `x::integer`, or use columns of the types that are meant"
    found = Diagnostic(code="E0414", message=message, span=span, notes=notes, help=help)
    return with_source(found, text) if span is not None else found
