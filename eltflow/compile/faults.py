"""What is certainly wrong with a statement, in words and at the user's line. Where an embedded engine can bind the SQL over empty tables,
it has the last word: an accusation that it does not share is not made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from eltflow.base.diagnostics import Diagnostic
from eltflow.base.names import did_you_mean, listed
from eltflow.base.records import replace
from eltflow.compile.compiled import is_complaint
from eltflow.project.config import as_list
from eltflow.project.nodes import Node
from eltflow.sql.parse import Parsed, Refused
from eltflow.sql.statement import Call, miscalled, word_between
from eltflow.sql.values import Ambiguous, Fault, Missing, Unequal

if TYPE_CHECKING:
    from eltflow.compile.node import Compiler
    from eltflow.compile.statement import Statement

#: What a fault is in words: message and help; and the words of an engine that mean the same, of which all must be there.
_Told = tuple[str, str, str]
_SET_WORDS = ("union", "except", "intersect", "minus")


def faults(statement: Statement, sql: str, found: Sequence[Fault]) -> list[Diagnostic]:
    """An error for each fault that is sure; `sql` is the statement as the engine would get it."""
    complaint = _complaint(statement, sql, statement.node)
    told = []
    for one in found:
        if complaint is None or all(word in complaint for word in _engine_words(one)):
            code, message, help = _words(statement, one)
            offset = _word_of(statement, one) if isinstance(one, Unequal) else one.start
            told.append(replace(statement.at(offset, code, message), help=help))
    once = {(d.code, d.message): d for d in reversed(told)}.values()
    return sorted(once, key=lambda d: (d.span.line, d.span.column or 0) if d.span is not None else (0, 0))


def _complaint(statement: Statement, sql: str, node: Node) -> str | None:
    """What the embedded engine says of the SQL, in small letters ("" for nothing); None where it cannot be asked."""
    bound = statement.compiler.known.bound(node, sql)
    return None if bound is None else bound[0].lower() if is_complaint(bound) else ""


def _engine_words(fault: Fault) -> tuple[str, ...]:
    if isinstance(fault, Missing):
        return (fault.name.lower(), "column")
    return ("ambiguous", fault.name.lower()) if isinstance(fault, Ambiguous) else ("same number of",)


def _words(statement: Statement, fault: Fault) -> _Told:
    who = f"{statement.node.resource_type} `{statement.node.name}`"
    if isinstance(fault, Missing):
        of = f" of `{fault.table}`" if fault.table else ""
        help = did_you_mean(fault.name, fault.known) or f"there are: {listed(fault.known, 8)}"
        return "E0405", f"{who} uses the column `{fault.name}`{of}, which does not exist", help
    if isinstance(fault, Ambiguous):
        tables = listed([f"`{table}`" for table in fault.tables])
        help = f"say which is meant: {' or '.join(f'{table}.{fault.name}' for table in fault.tables[:3])}"
        return "E0408", f"{who} uses the column `{fault.name}`, which several tables have: {tables}", help
    message = f"{who} puts a query of {_columns(fault.first)} and one of {_columns(fault.second)} together"
    return "E0409", message, "give both the same columns in the same order"


def _columns(number: int) -> str:
    return f"{number} column{'s' if number != 1 else ''}"


def _word_of(statement: Statement, fault: Unequal) -> int:
    """Where the word of a set operation stands."""
    sql = statement.rendered
    return word_between(sql, statement.compiler.dialect.sqlglot, _SET_WORDS, fault.after, fault.before)


# -- calls -----------------------------------------------------------------------------------------------------------------------


def arity(statement: Statement, refused: Refused, as_read: Callable[[Parsed], tuple[str, Node] | None]) -> list[Diagnostic]:
    """An error for a function that is certainly called with too many or too few arguments: sqlglot and the embedded engine say so, and
    no hook of the project defines functions. `as_read` gives the SQL as the engine would get it, and the node with all that it reads
    for parents, if that can be told."""
    compiler = statement.compiler
    found = miscalled(refused, compiler.dialect.sqlglot) if compiler.offline is not None else None
    if found is None or defines_functions(statement.compiler):
        return []
    call, parsed = found
    read = as_read(parsed)
    complaint = _complaint(statement, *read) if read is not None else None
    if complaint is None or not all(word in complaint for word in ("function", "argument", f"{call.name.lower()}(")):
        return []
    return [replace(statement.at(call.start, "E0410", _called(statement, call)), help=_candidates(call, complaint))]


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


def _called(statement: Statement, call: Call) -> str:
    node = statement.node
    given = f"{call.arguments} argument{'s' if call.arguments != 1 else ''}" if call.arguments else "no argument"
    return f"{node.resource_type} `{node.name}` calls `{call.name}` with {given}, which it does not take"


def _candidates(call: Call, complaint: str) -> str:
    lines = [line.strip() for line in complaint.splitlines() if line.strip().startswith(f"{call.name.lower()}(")]
    return f"there is: {listed(dict.fromkeys(lines))}" if lines else f"look up what `{call.name}` takes"
