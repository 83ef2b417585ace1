"""One statement from the dialect that it is written in to another: by sqlglot, within what was proved by running both.

sqlglot passes on what it does not know, and translates some things to what only looks the same. So this is a list of what is known to mean
the same (`tests/dialect/`), with the rewriting that it takes; anything else is a problem, told at its place, and nothing is generated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlglot import exp
from sqlglot.errors import ErrorLevel

from eltflow.base.records import dataclass
from eltflow.sql.exclude import spell_out
from eltflow.sql.identifiers import respelt, twins
from eltflow.sql.known import nameless, refusals
from eltflow.sql.meaning import same_meaning
from eltflow.sql.parse import Parsed, dialect_of
from eltflow.sql.redshift import into_redshift

#: The SQL of a relation in the target, by the parts of the name that stands in the text; None for a table that is no node.
Relations = Callable[[tuple[str, ...]], str | None]
#: sqlglot's dialects from which statements are translated, and to which.
_FROM = ("bigquery", "duckdb", "mysql", "postgres", "snowflake", "sqlite")
_TO = (*_FROM, "spark", "redshift")
#: What is said as for another, and then looked at once more.
_AS = {"redshift": "postgres"}
_MARK = "eltflow_relation_{}_"


@dataclass(frozen=True, slots=True)
class Problem:
    """What cannot be said in the other dialect, and where it stands in the text (None: nobody knows)."""

    message: str
    start: int | None


@dataclass(frozen=True, slots=True)
class Transpiled:
    """The statement in the other dialect; empty where there are problems."""

    sql: str
    problems: tuple[Problem, ...] = ()


def transpile(parsed: Parsed, read: str, write: str, relations: Relations, *, named: bool = False) -> Transpiled:
    """A statement that is one query, in sqlglot's dialect `read`, said in `write`; with `named`, its columns must have names."""
    if read not in _FROM or write not in _TO:
        way = f"from {read}" if read not in _FROM else f"to {write}"
        return Transpiled("", (Problem(f"no translation {way} is known", None),))
    tree = parsed.tree.copy()
    unnamed = list(nameless(tree)) if named else []
    marks = _mark_relations(tree, relations, write)
    spell_out(tree)
    found = [*twins(tree, read, write), *unnamed]
    goal, write = write, _AS.get(write, write)
    found += refusals(tree, read, write, parsed.sql)
    if found:
        return Transpiled("", _problems(found))
    tree, found = same_meaning(tree, read, write)
    if not found and goal == "redshift":
        tree, found = into_redshift(tree, read)
    if found:
        return Transpiled("", _problems(found))
    respelt(tree, read, write)
    generator = dialect_of(write).generator(pretty=True, unsupported_level=ErrorLevel.IGNORE)
    sql = generator.generate(tree)
    if generator.unsupported_messages:
        return Transpiled("", _unsupported(tree, write, generator.unsupported_messages))
    for mark, text in marks.items():
        sql = sql.replace(mark, text)
    return Transpiled(sql)


def _problems(found: list[tuple[Any, str]]) -> tuple[Problem, ...]:
    told = dict.fromkeys(Problem(message, start_of(node)) for node, message in found)
    return tuple(sorted(told, key=lambda one: -1 if one.start is None else one.start))


def start_of(node: Any) -> int | None:
    """Where the first word of a part of the tree that carries its place stands."""
    spots = [n.meta["start"] for n in node.walk() if "start" in n.meta]
    while not spots and node.parent is not None:
        node = node.parent
        spots = [n.meta["start"] for n in node.walk() if "start" in n.meta]
    return min(spots) if spots else None


def _unsupported(tree: Any, write: str, messages: list[str]) -> tuple[Problem, ...]:
    """Each of sqlglot's complaints at the smallest part of the tree that it is made of."""
    left = dict.fromkeys(messages)
    found = []
    for node in reversed(list(tree.walk(bfs=True))):
        if not left:
            break
        generator = dialect_of(write).generator(unsupported_level=ErrorLevel.IGNORE)
        generator.generate(node)
        for message in generator.unsupported_messages:
            if message in left:
                del left[message]
                found.append(Problem(message, start_of(node)))
    return (*found, *(Problem(message, None) for message in left))


def _mark_relations(tree: Any, relations: Relations, write: str) -> Mapping[str, str]:
    """Puts a mark in the place of every relation that has a text of its own in the target; gives mark → text."""
    marks: dict[str, str] = {}
    names: dict[tuple[str, ...], Any] = {}
    for table in list(tree.find_all(exp.Table)):
        parts = tuple(part.name for part in table.parts)
        text = relations(parts) if parts and all(isinstance(part, exp.Identifier) for part in table.parts) else None
        if text is None:
            continue
        mark = _MARK.format(len(marks))
        marks[mark] = text
        if len(parts) > 1 and not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(parts[-1], quoted=True)))
            names[parts] = parts[-1]
        elif len(parts) > 1:
            names[parts] = table.alias
        written = table.this.meta
        table.set("this", exp.to_identifier(mark))
        table.this.meta.update(written)
        table.set("db", None)
        table.set("catalog", None)
    for column in tree.find_all(exp.Column):
        given = [column.args.get(key) for key in ("catalog", "db", "table")]
        parts = tuple(part.name for part in given if part is not None)
        if len(parts) > 1 and parts in names:
            column.set("table", exp.to_identifier(names[parts], quoted=True))
            column.set("db", None)
            column.set("catalog", None)
    return marks
