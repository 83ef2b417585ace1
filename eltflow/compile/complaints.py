"""What the embedded engine has against a statement bound over empty tables, in our words and at the user's line, where it is certain.

A complaint that may hang on what the engine here does not know (an extension, a function or type of the database, a setting) is a note or
nothing. `_KINDS` has the complaints that are known, in the engine's words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from eltflow.base.diagnostics import Diagnostic
from eltflow.base.names import did_you_mean, listed
from eltflow.base.records import dataclass, replace
from eltflow.compile.clashes import clash, defines_functions
from eltflow.sql.parse import Parsed
from eltflow.sql.references import Reference, names_of_tables, using_spot
from eltflow.sql.rewrite import Splice
from eltflow.sql.statement import call_at

if TYPE_CHECKING:
    from eltflow.compile.statement import Statement

#: Stands for a column that is not there, so that the engine goes on: of no type, and no literal, which an ORDER BY refuses.
NOTHING = "coalesce(null, null)"
#: Stands for a function that is not there: it takes whatever it is given.
_ANYTHING = "row"
#: The engine knows no such table: what comes after it is not known either.
UNSEEN = re.compile(r"Catalog Error: Table (?:Function )?with name ")
#: How many forms of a function, and how many columns, are shown.
_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A complaint: the engine's `words` about the character at `offset` of the statement's rendered text (None: not told). `first` says
    that nothing of the text was changed before; `gone` are names of columns that were told of already, `known` those that there are."""

    statement: Statement
    parsed: Parsed
    words: str
    offset: int | None
    references: Mapping[int, Reference]
    first: bool
    gone: frozenset[str]
    known: tuple[str, ...]

    @property
    def who(self) -> str:
        return f"{self.statement.node.resource_type} `{self.statement.node.name}`"

    def error(self, code: str, message: str, help: str | None, at: int | None = None) -> Diagnostic:
        offset = at if at is not None else self.offset
        return replace(self.statement.at(offset, code, f"{self.who} {message}"), help=help)


#: What is to be told (None: nothing), and what takes the place of the culprit (None: the engine is not asked again).
Judged = tuple[Diagnostic | None, Splice | None]
_SILENCE: Judged = (None, None)


def judged(case: Case) -> Judged:
    """What a complaint comes to."""
    for words, judge in _KINDS:
        found = words.search(case.words)
        if found is not None:
            return judge(case, found)
    return _SILENCE


def without(reference: Reference, statement: Statement) -> Splice:
    """What takes a column's place that is not there."""
    name = f" as {statement.dialect.quote(reference.name)}" if reference.alone else ""
    return Splice(reference.start, reference.end, NOTHING + name)


# -- names ---------------------------------------------------------------------------------------------------------------------------


def _column(case: Case, found: re.Match[str]) -> Judged:
    name, table = found["name"], found.groupdict().get("table")
    reference = case.references.get(case.offset) if case.offset is not None else None
    if reference is None:
        return _SILENCE  # in the SQL of an ephemeral model, or where no column is written
    mend = without(reference, case.statement)
    if name.lower() in case.gone:
        return None, mend
    of = f" of `{table}`" if table else ""
    help = did_you_mean(name, case.known) or (f"there are: {listed(case.known, 8)}" if case.known else None)
    return case.error("E0405", f"uses the column `{name}`{of}, which does not exist", help, reference.name_start), mend


def _table(case: Case, found: re.Match[str]) -> Judged:
    """A qualified column whose table is none in sight; the engine says so too of a column that a table outside of a subquery lacks."""
    reference = case.references.get(case.offset) if case.offset is not None else None
    if reference is None or reference.table is None:
        return _SILENCE
    mend = without(reference, case.statement)
    if reference.name.lower() in case.gone:
        return None, mend
    named = names_of_tables(case.parsed)
    if reference.table.lower() in named:
        message = f"uses the column `{reference.name}` of `{reference.table}`, which does not exist there"
        help = f"`{reference.table}` has no such column, or cannot be seen from there"
        return case.error("E0405", message, help, reference.name_start), mend
    return case.error("E0405", *nowhere(reference.table, reference.name, sorted(named)), reference.start), mend


def nowhere(table: str, name: str, known: list[str] | tuple[str, ...]) -> tuple[str, str | None]:
    """What to say of a column whose table is none of those in sight."""
    help = did_you_mean(table, known) or (f"there are: {listed(known, 8)}" if known else None)
    return f"uses `{table}.{name}`, but reads no table called `{table}`", help


def unshared(name: str, side: str, known: tuple[str, ...]) -> tuple[str, str | None]:
    """What to say of a name in USING that one side of its join lacks."""
    help = did_you_mean(name, known) or (f"there are: {listed(known, 8)}" if known else "write the condition with `on`")
    return f"joins using the column `{name}`, which does not exist on the {side} side of the join", help


def _using(case: Case, found: re.Match[str]) -> Judged:
    at = using_spot(case.parsed, found["name"])
    if at is None:
        return _SILENCE
    return case.error("E0405", *unshared(found["name"], found["side"], ()), at), None


def _ambiguous(case: Case, found: re.Match[str]) -> Judged:
    reference = case.references.get(case.offset) if case.offset is not None else None
    if reference is None:
        return _SILENCE
    choices = " or ".join(re.findall(r"'([^']+)'", found["choices"])[:3])
    error = case.error("E0408", f"uses the column `{found['name']}`, which several tables have", f"say which is meant: {choices}")
    return error, without(reference, case.statement)


def _listed_column(case: Case, found: re.Match[str]) -> Judged:
    spot = re.search(rf"\b{re.escape(found['name'])}\b", case.statement.rendered, re.IGNORECASE)
    help = did_you_mean(found["name"], case.known)
    message = f"names the column `{found['name']}` in {found['list']}, which does not exist"
    return (case.error("E0405", message, help, spot.start()), None) if spot is not None else _SILENCE


# -- queries -------------------------------------------------------------------------------------------------------------------------


def _query(message: str, help: str) -> Callable[[Case, re.Match[str]], Judged]:
    """A judge of what no query may hold, once nothing in it was changed."""

    def judge(case: Case, found: re.Match[str]) -> Judged:
        if not case.first or case.offset is None:
            return _SILENCE
        words = {key: value or "" for key, value in found.groupdict().items()}
        return case.error("E0416", message.format(**words), help.format(**words)), None

    return judge


# -- functions and types -------------------------------------------------------------------------------------------------------------


def _function(case: Case, found: re.Match[str]) -> Judged:
    """A call that no form of a function takes: of a number of arguments that none has, or of types that none takes."""
    if case.offset is None or defines_functions(case.statement.compiler):
        return _SILENCE
    call = call_at(case.statement.rendered, case.statement.dialect.sqlglot, case.offset)
    given = _arguments(found["given"]) if found.groupdict().get("given") is not None else None
    count = len(given) if given is not None else call.arguments if call is not None else None
    forms = [line.strip() for line in case.words.splitlines()[1:] if "(" in line and not line.startswith("Candidate")]
    if count is None or not forms or any(_takes(form, count) for form in forms):
        return clash(case.statement, case.words, case.offset) if case.first else None, None
    name = call.name if call is not None else found["function"]
    mend = Splice(case.offset, case.offset + len(name), _ANYTHING) if call is not None else None
    return case.error("E0410", miscalled(name, count), f"there is: {listed(dict.fromkeys(forms), _SHOWN)}"), mend


def miscalled(name: str, count: int) -> str:
    """What to say of a call with so many arguments."""
    return f"calls `{name}` with {arguments(count)}, which it does not take"


def arguments(count: int) -> str:
    """A number of arguments in words."""
    return f"{count} argument{'s' if count != 1 else ''}" if count else "no argument"


def _arguments(text: str) -> list[str]:
    """The arguments between the outer parentheses of a call or of one form of a function."""
    inner = text[text.index("(") + 1 :]
    made, depth, quoted, part = [], 0, False, ""
    for sign in inner:
        quoted ^= sign == '"'
        depth += (sign in "([<") - (sign in ")]>") if not quoted else 0
        if depth < 0 or (sign == "," and not depth and not quoted):
            made.append(part.strip())
            part = ""
            if depth < 0:
                break
        else:
            part += sign
    return [one for one in made if one]


def _takes(form: str, count: int) -> bool:
    """Whether one form of a function, as the engine shows it, may be called with so many arguments."""
    named = [one for one in _arguments(form) if one != "/"]
    if any(one.startswith("*") or "..." in one for one in named):
        return count >= sum(not one.startswith("*") and "..." not in one for one in named)
    return sum(":=" not in one for one in named) <= count <= len(named)


def _clash(case: Case, found: re.Match[str]) -> Judged:
    return clash(case.statement, case.words, case.offset) if case.first else None, None


def _unknown(what: str, instead: str) -> Callable[[Case, re.Match[str]], Judged]:
    """A judge of a function or type that the engine does not have by itself: an extension, a hook or the database may give it."""

    def judge(case: Case, found: re.Match[str]) -> Judged:
        name = found["name"]
        offset, text = case.offset, case.statement.rendered
        if offset is None:
            spots = [one.start() for one in re.finditer(rf"\b{re.escape(name)}\b", text, re.IGNORECASE)]
            offset = spots[0] if len(spots) == 1 else None
        target = case.statement.compiler.base["target"]
        mine = offset is not None and text[offset : offset + len(name)].lower() == name.lower()
        mend = Splice(offset, offset + len(name), instead) if offset is not None and mine else None
        if defines_functions(case.statement.compiler) or target.get("extensions") or not mine:
            return None, mend
        extension = found.groupdict().get("extension")
        help = f"it is in the extension {extension}: name that under `extensions:` of the target" if extension else None
        help = help or "right, if a hook or the database defines it; otherwise correct its name"
        found_ = case.error("W0402", f"uses the {what} `{name}`, which the engine does not have by itself", help, offset)
        return replace(found_, severity="note"), mend

    return judge


_NAME, _TABLE_NAME = r'"(?P<name>.+?)"', r'"(?P<table>.+?)"'
_KINDS: tuple[tuple[re.Pattern[str], Callable[[Case, re.Match[str]], Judged]], ...] = tuple(
    (re.compile(f"(?:Binder|Catalog) Error: {words}"), judge)
    for words, judge in (
        (f"Referenced column {_NAME} (?:not found in FROM clause|was not found because the FROM clause is missing)", _column),
        (f"Table {_TABLE_NAME} does not have a column named {_NAME}", _column),
        (f"Referenced table {_TABLE_NAME} not found!", _table),
        (f"Column {_NAME} does not exist on (?P<side>left|right) side of join!", _using),
        (rf"Ambiguous reference to column name {_NAME} \(use: (?P<choices>.*)\)", _ambiguous),
        (f"Column {_NAME} in (?P<list>EXCLUDE|REPLACE|RENAME) list not found in FROM clause", _listed_column),
        (
            f"column {_NAME} must appear in the GROUP BY clause",
            _query(
                "uses the column `{name}` beside aggregates, and it is neither grouped by nor aggregated",
                "add it to GROUP BY, or aggregate it: any_value({name})",
            ),
        ),
        (
            r"(?P<clause>WHERE|GROUP BY|JOIN) clause cannot contain (?P<what>aggregates|window functions)!",
            _query("has {what} in its {clause} clause", "put the condition into HAVING or QUALIFY, or around a subquery"),
        ),
        (
            "Window functions are not supported here",
            _query("calls a window function without a window", "write `over (...)` after it"),
        ),
        ("aggregate function calls cannot be nested", _query("has an aggregate of an aggregate", "take one of them in a subquery")),
        (
            r"ORDER term out of range - should be between 1 and (?P<most>\d+)",
            _query("orders by a column that it does not have", "there are {most}: name one of them"),
        ),
        (
            r"Subquery returns (?P<count>\d+) columns - expected 1",
            _query("has a subquery of {count} columns where one value stands", "let it give one column"),
        ),
        ("No columns found to join on in NATURAL JOIN", _query("joins tables that share no column by NATURAL", "write `on`")),
        (r"No function matches the given name and argument types '(?P<given>\"?(?P<function>[^(\"]+)\"?\(.*\))'\.", _function),
        (r"Macro \"?(?P<function>[^(\"]+)\"?\(\) does not support the supplied arguments", _function),
        ("Cannot (?:compare|mix) values of type", _clash),
        (
            r'(?:\w+ )?Function with name "?(?P<name>\w+)"? (?:does not exist'
            r"|is not in the catalog, but it exists in the (?P<extension>\w+) extension)",
            _unknown("function", _ANYTHING),
        ),
        (r"Type with name (?P<name>\w+) does not exist!", _unknown("type", "varchar")),
    )
)
