"""Types that certainly do not go together, as the embedded engine says of a statement bound over empty tables; and what a project has of
its own that makes an engine's word on functions and types uncertain."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from eltflow.base.diagnostics import Diagnostic
from eltflow.base.names import listed
from eltflow.base.records import replace
from eltflow.project.config import as_list

if TYPE_CHECKING:
    from eltflow.compile.node import Compiler
    from eltflow.compile.statement import Statement

#: Types of columns of which nothing is known: they take part in no clash that is sure.
_VAGUE = re.compile(r"\"NULL\"|SQLNULL|UNKNOWN")
#: How many forms of a function are shown.
_SHOWN = 5


def clash(statement: Statement, words: str, offset: int | None) -> Diagnostic | None:
    """An error (E0414) at the user's line, if the engine refuses a model for its types, and these are certain."""
    compiler, node = statement.compiler, statement.node
    if node.resource_type != "model" or _VAGUE.search(words):
        return None
    if defines_functions(compiler) or own_casts(compiler) or not compiler.known.sure(node):
        return None
    first, *more = (line.strip() for line in words.splitlines())
    message = f"model `{node.name}` puts types together that do not go together: {first.removeprefix('Binder Error: ')}"
    taken = [line for line in more if ") -> " in line]
    notes = (f"there is {listed(taken, _SHOWN)}",) if taken else ()
    help = "cast one of them, e.g. `x::integer`, or use columns of the types that are meant"
    found = statement.at(offset, "E0414", message)
    return replace(found, notes=(*notes, *found.notes), help=help)


def defines_functions(compiler: Compiler) -> bool:
    """Whether a hook of the project may define functions, of which nothing is known."""
    return any("macro" in hook or "function" in hook for hook in _hooks(compiler))


def own_casts(compiler: Compiler) -> bool:
    """Whether a hook or the target's settings may change which types an engine casts by itself (DuckDB's `old_implicit_casting`)."""
    settings = compiler.base["target"].get("settings") or {}
    return any("implicit_cast" in text for text in (*map(str.lower, map(str, settings)), *_hooks(compiler)))


def _hooks(compiler: Compiler) -> Iterator[str]:
    yield from (hook.lower() for hook in compiler.project.settings.on_run_start)
    for node in compiler.graph.nodes.values():
        for key in ("pre_hook", "post_hook", "sql_header"):
            yield from (str(hook).lower() for hook in as_list(node.config.get(key)))
