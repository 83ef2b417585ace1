"""What is certainly wrong with a statement, in words and at the user's line. Where an embedded engine can bind the SQL over empty tables,
it has the last word: an accusation that it does not share is not made, and what it has to say itself is told too. It speaks of one thing
at a time: what was told of is taken out of the text, and it is asked again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from eltflow.base.diagnostics import Diagnostic
from eltflow.base.names import did_you_mean, listed
from eltflow.base.records import dataclass, replace
from eltflow.compile.clashes import defines_functions
from eltflow.compile.compiled import Bound, Typed, as_plain, is_complaint
from eltflow.compile.complaints import UNSEEN, Case, judged, miscalled, nowhere, unshared, without
from eltflow.project.nodes import Node
from eltflow.sql.parse import Parsed, Refused
from eltflow.sql.references import Reference, references
from eltflow.sql.rewrite import Splice, Spliced, position, splice
from eltflow.sql.statement import SURE_ARITY, Call, word_between
from eltflow.sql.statement import miscalled as miscalled_in
from eltflow.sql.values import Ambiguous, Fault, Missing, Nowhere, Unequal, Unshared

if TYPE_CHECKING:
    from eltflow.compile.statement import Statement

_SET_WORDS = ("union", "except", "intersect", "minus")
#: How often an engine is asked about one statement.
_MOST = 20


@dataclass(frozen=True, slots=True)
class Looked:
    """What is wrong with a statement, what is only remarkable, and the columns that the engine gives it, if nothing is wrong."""

    errors: tuple[Diagnostic, ...] = ()
    notes: tuple[Diagnostic, ...] = ()
    typed: Typed | None = None

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The names of the engine's columns; None where two are alike, of which a table would call one otherwise."""
        names = [name for name, _ in self.typed or ()]
        return tuple(names) if names and len({name.lower() for name in names}) == len(names) else None


def look(
    statement: Statement,
    parsed: Parsed,
    splices: Sequence[Splice],
    faults: Callable[[], Sequence[Fault]],
    node: Node,
    *,
    miscalled: bool = False,
) -> Looked:
    """What is told of a statement: of its `faults`, and by the engine of its text after the `splices`. `node` is its own, with
    all that it reads for parents. Faults are not looked for in what the engine takes. Where the tables are not all known, the engine is asked
    only if something is wrong: a fault was found, or a function `miscalled`."""
    known = statement.compiler.known
    own_sql = bool(node.config.get("sql_header")) or node.unique_id == "inline"  # what is run before it, nobody here knows
    keeps_types = node.resource_type == "model" and not own_sql

    def bind(mended: Sequence[Splice], *, partly: bool) -> tuple[Spliced, str, Bound]:
        text = splice(statement.rendered, [*_apart(splices, mended), *mended])
        sql = text.text.strip("\n")
        return text, sql, known.bound(node, sql, partly=partly)

    asked = bind((), partly=miscalled) if not own_sql else None
    if asked is not None and asked[2] is not None and not is_complaint(asked[2]):
        return Looked(typed=as_plain(asked[2]) if keeps_types else None)
    found = faults()
    if not found and (own_sql or (not miscalled and (asked is None or asked[2] is None))):
        return Looked()  # nothing is wrong, and the engine cannot be asked
    pending, told, notes = [one for one in found if not _text(statement, one)], list[Diagnostic](), list[Diagnostic]()
    mended: list[Splice] = []
    gone: set[str] = set()
    spots = references(parsed) if found else None
    typed: Typed | None = None
    for _ in range(_MOST):
        if asked is None or asked[2] is None:
            asked = bind(mended, partly=miscalled or bool(found))
        (text, sql, bound), asked = asked, None
        if bound is None or (is_complaint(bound) and UNSEEN.match(bound[0])):
            told += [_told(statement, one) for one in pending]
            break
        if not is_complaint(bound):
            typed = as_plain(bound) if not mended and keeps_types else None
            break
        if spots is None:
            spots = references(parsed)
        words, line, column = bound
        stripped = len(text.text) - len(text.text.lstrip("\n"))
        offset = text.own(position(sql, line, column or 1) + stripped) if line is not None else None
        shared = [one for one in pending if _shared(one, words, offset, spots)]
        if shared:
            told += [_told(statement, one) for one in shared]
            pending = [one for one in pending if one not in shared]
            more = [_without(one, spots, statement) for one in shared]
        elif own_sql:
            break
        else:
            case = Case(
                statement=statement, parsed=parsed, words=words, offset=offset, references=spots,
                first=not mended, gone=frozenset(gone), known=known.near(node),
            )  # fmt: skip
            made, mend = judged(case)
            more = [mend]
            if made is not None:
                (told if made.severity == "error" else notes).append(made)
        gone |= {one.name.lower() for one in shared if not isinstance(one, Unequal)}
        if offset is not None and offset in spots:
            gone.add(spots[offset].name.lower())
        added = [one for one in more if one is not None]
        if len(added) < len(more) or not added:
            break
        mended += _apart(added, mended)
    return Looked(tuple(_in_order(told)), tuple(_in_order(notes)), typed if not told else None)


def _text(statement: Statement, fault: Fault) -> bool:
    """Whether a name that is no column's may be a text."""
    quoted = isinstance(fault, Missing) and fault.table is None and statement.rendered[fault.start : fault.start + 1] == '"'
    return quoted and statement.dialect.capabilities.quotes_may_be_text


def _apart(splices: Iterable[Splice], others: Sequence[Splice]) -> list[Splice]:
    """The splices that none of the others covers, each once."""
    made: list[Splice] = []
    for one in splices:
        if not any(other.start <= one.start and one.end <= other.end and other.end > other.start for other in (*others, *made)):
            made.append(one)
    return made


def _in_order(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    once = {(d.code, d.message): d for d in reversed(list(found))}.values()
    return sorted(once, key=lambda d: (d.span.line or 0, d.span.column or 0) if d.span is not None else (0, 0))


def _told(statement: Statement, fault: Fault) -> Diagnostic:
    code, message, help = _words(fault)
    offset = _word_of(statement, fault) if isinstance(fault, Unequal) else fault.start
    who = f"{statement.node.resource_type} `{statement.node.name}`"
    return replace(statement.at(offset, code, f"{who} {message}"), help=help)


def _shared(fault: Fault, words: str, offset: int | None, spots: dict[int, Reference]) -> bool:
    """Whether the engine complains of the same."""
    small = words.lower()
    if isinstance(fault, Missing) and fault.table and offset in spots and spots[offset].name_start == fault.start:
        return "referenced table" in small or (fault.name.lower() in small and "column" in small)
    return all(word in small for word in _engine_words(fault))


def _without(fault: Fault, spots: dict[int, Reference], statement: Statement) -> Splice | None:
    reference = spots.get(fault.start) if isinstance(fault, Missing | Ambiguous | Nowhere) else None
    return without(reference, statement) if reference is not None else None


def _engine_words(fault: Fault) -> tuple[str, ...]:
    """Words of an engine that mean the same, of which all must be there."""
    if isinstance(fault, Missing):
        return (fault.name.lower(), "column")
    if isinstance(fault, Nowhere):
        return ("referenced table", f'"{fault.table.lower()}"')
    if isinstance(fault, Unshared):
        return (f'"{fault.name.lower()}"', "side of join")
    return ("ambiguous", fault.name.lower()) if isinstance(fault, Ambiguous) else ("same number of",)


def _words(fault: Fault) -> tuple[str, str, str | None]:
    """What a fault is in words: code, message and help."""
    if isinstance(fault, Missing):
        of = f" of `{fault.table}`" if fault.table else ""
        help = did_you_mean(fault.name, fault.known) or f"there are: {listed(fault.known, 8)}"
        return "E0405", f"uses the column `{fault.name}`{of}, which does not exist", help
    if isinstance(fault, Nowhere):
        return "E0405", *nowhere(fault.table, fault.name, fault.known)
    if isinstance(fault, Unshared):
        return "E0405", *unshared(fault.name, fault.side, fault.known)
    if isinstance(fault, Ambiguous):
        tables = listed([f"`{table}`" for table in fault.tables])
        help = f"say which is meant: {' or '.join(f'{table}.{fault.name}' for table in fault.tables[:3])}"
        return "E0408", f"uses the column `{fault.name}`, which several tables have: {tables}", help
    message = f"puts a query of {_columns(fault.first)} and one of {_columns(fault.second)} together"
    return "E0409", message, "give both the same columns in the same order"


def _columns(number: int) -> str:
    return f"{number} column{'s' if number != 1 else ''}"


def _word_of(statement: Statement, fault: Unequal) -> int:
    """Where the word of a set operation stands."""
    sql = statement.rendered
    return word_between(sql, statement.compiler.dialect.sqlglot, _SET_WORDS, fault.after, fault.before)


# -- calls -----------------------------------------------------------------------------------------------------------------------


def arity(statement: Statement, refused: Refused, as_read: Callable[[Parsed], tuple[list[Splice], Node] | None]) -> Looked:
    """What is told of a text that sqlglot refuses for the number of arguments of a call: by the engine of the text as it would get it
    (`as_read` gives what makes it so, if that can be told) or of the call alone; without one, of functions that are the same everywhere."""
    compiler = statement.compiler
    found = miscalled_in(refused, statement.dialect.sqlglot)
    if found is None or defines_functions(compiler):
        return Looked()
    call, parsed = found
    read = as_read(parsed) if compiler.offline is not None else None
    looked = look(statement, parsed, read[0], tuple, read[1], miscalled=True) if read is not None else Looked()
    if looked.errors:
        return looked
    sure = call.name.lower() in SURE_ARITY if compiler.offline is None else _refuses(statement, call)
    if not sure:
        return looked
    who = f"{statement.node.resource_type} `{statement.node.name}`"
    error = statement.at(call.start, "E0410", f"{who} {miscalled(call.name, call.arguments)}")
    return replace(looked, errors=(replace(error, help=f"look up what `{call.name}` takes"),))


def _refuses(statement: Statement, call: Call) -> bool:
    """Whether the engine refuses a call of a function for the number of its arguments, whatever they are."""
    offline = statement.compiler.offline
    said = offline.bind(f"select {call.name}({', '.join(['null'] * call.arguments)})", {}) if offline is not None else ()
    return is_complaint(said) and re.search(r"No function matches|Wrong number of arguments", said[0]) is not None
