"""Small tables, and an oracle over them: change one column at a time and see which outputs of a query move."""

from __future__ import annotations

import random
import re
import threading
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

SCHEMA: Mapping[str, tuple[tuple[str, str], ...]] = {
    "t": (
        ("id", "int"),
        ("k", "int"),
        ("g", "varchar"),
        ("a", "int"),
        ("b", "int"),
        ("day", "date"),
        ("l", "int[]"),
        ("s", "struct(x int, y int)"),
    ),
    "u": (("k", "int"), ("m", "int"), ("n", "varchar")),
    "w": (("k", "int"), ("g", "varchar"), ("p", "int"), ("q", "int")),
    "e": (("eid", "int"), ("boss", "int"), ("nm", "varchar"), ("sal", "int")),
    "m": (("yr", "int"), ("jan", "int"), ("feb", "int"), ("mar", "int")),
}
ROWS: Mapping[str, Sequence[tuple[Any, ...]]] = {
    "t": (
        (1, 1, "a", 5, 2, "2024-01-05", [1, 2], {"x": 1, "y": 2}),
        (2, 1, "a", 3, 4, "2024-02-06", [3], {"x": 3, "y": 4}),
        (3, 2, "b", 2, 1, "2025-03-07", [2, 5, 7], {"x": 5, "y": 1}),
        (4, 3, "b", 5, 6, "2025-03-08", [4, 1], {"x": 1, "y": 6}),
        (5, 2, "c", 1, 3, "2026-05-09", [6], {"x": 2, "y": 3}),
        (6, 4, "a", 7, 3, "2026-05-10", [9, 2], {"x": 4, "y": 7}),
        (7, None, "c", None, 5, None, None, {"x": 9, "y": 8}),
        (8, 1, "b", 4, None, "2024-02-07", [8, 3], {"x": 6, "y": 5}),
    ),
    "u": ((1, 3, "p"), (1, 5, "q"), (2, 4, "x"), (3, 2, "p"), (5, 6, "r"), (None, 1, "q")),
    "w": ((1, "a", 2, 1), (2, "b", 3, 2), (2, "a", 6, 3), (3, "c", 4, 4), (6, "d", 1, 5)),
    "e": ((1, None, "a", 90), (2, 1, "b", 70), (3, 1, "c", 60), (4, 2, "d", 50), (5, 2, "e", 45), (6, 4, "f", 30)),
    "m": ((2020, 1, 2, 3), (2021, 4, None, 6), (2022, 2, 8, 9), (2020, 7, 5, None)),
}
#: Values that no row has, to shift to: with them a column can leave the range it is compared in.
STRANGE: Mapping[str, Sequence[Any]] = {
    "int": (0, 1, 2, 3, 4, 5, 6, 11, 17, None),
    "varchar": ("a", "b", "x", "zz", "7", None),
    "date": ("2019-01-01", "2024-01-05", "2027-11-30", None),
    "int[]": ([1], [2, 9], [7, 7, 7], [], None),
    "struct(x int, y int)": ({"x": 11, "y": 12}, {"x": 2, "y": 1}, {"x": 6, "y": 6}),
}


#: Of what the rows of further worlds are drawn, beside the values of the first: few, so that there are ties, keys that come twice and
#: groups of several rows.
FEW: Mapping[str, Sequence[Any]] = {
    "int": (1, 2, 2, 3, 4, None),
    "varchar": ("a", "a", "b", "p", "q", None),
    "date": ("2024-01-05", "2024-02-06", "2025-03-07", None),
    "int[]": ([1, 2], [2], [3, 1], [5, 7], None),
    "struct(x int, y int)": ({"x": 1, "y": 2}, {"x": 2, "y": 2}, {"x": 3, "y": 1}),
}
World = Mapping[str, Sequence[tuple[Any, ...]]]


def _drawn(seed: int) -> World:
    chance = random.Random(seed)
    return {
        table: [
            tuple(chance.choice([*(row[at] for row in ROWS[table]), *FEW[kind]]) for at, (_, kind) in enumerate(columns))
            for _ in range(len(ROWS[table]) + 2)
        ]
        for table, columns in SCHEMA.items()
    }


#: What one change of one column cannot show in the first world, since its keys are unique and its sorts have no ties, it can in another.
WORLDS: Sequence[World] = (ROWS, *(_drawn(seed) for seed in (3, 11, 29)))


@dataclass(frozen=True, slots=True)
class Case:
    """A query with what its outputs are made of: one set of (table, column) for each output. `surplus` is what the walk says besides,
    because it cannot see that it is never used."""

    kind: str
    sql: str
    direct: tuple[frozenset[tuple[str, str]], ...]
    surplus: tuple[frozenset[tuple[str, str]], ...]


@cache
def cases() -> tuple[Case, ...]:
    """The queries of cases.sql."""
    return made(Path(__file__).with_name("cases.sql").read_text(encoding="utf-8"))


def made(text: str) -> tuple[Case, ...]:
    """The queries of a text as that of cases.sql."""
    found, kind = [], ""
    for line in text.splitlines():
        if line.startswith("-- class:"):
            kind = line.partition(":")[2].strip()
        elif line and not line.startswith("--"):
            sql, _, said = line.partition(" --> ")
            outputs = said.split(";")
            direct = tuple(_spots([w for w in words.split() if w[0] != "("], sql) for words in outputs)
            surplus = tuple(_spots([w[1:-1] for w in words.split() if w[0] == "("], sql) for words in outputs)
            found.append(Case(kind, sql, direct, surplus))
    return tuple(found)


def _spots(words: Sequence[str], sql: str) -> frozenset[tuple[str, str]]:
    found = set()
    for word in words:
        if word == "-":
            continue
        table, dot, column = word.rpartition(".")
        if not dot:
            (table,) = [name for name, columns in SCHEMA.items() if column in dict(columns) and re.search(rf"\b{name}\b", sql)][:1]
        found.add((table, column))
    return frozenset(found)


def tables_of(sql: str) -> list[str]:
    return [name for name in SCHEMA if re.search(rf"\b{name}\b", sql)]


def _load(connection: duckdb.DuckDBPyConnection, schema: str, table: str, rows: Sequence[Sequence[Any]]) -> None:
    columns = ", ".join(f'"{name}" {type}' for name, type in SCHEMA[table])
    values = ", ".join(f"({', '.join(literal(value) for value in row)})" for row in rows)
    connection.execute(f'create schema if not exists {schema}; create table {schema}."{table}" ({columns})')
    connection.execute(f'insert into {schema}."{table}" values {values}')


def literal(value: Any) -> str:
    return "null" if value is None else repr(value)


def _variants(world: World, table: str, at: int) -> Iterator[list[list[Any]]]:
    """The table's rows with one column changed: turned round, moved by one, one row at a time set to something else, all alike."""
    rows = [list(row) for row in world[table]]
    values = [row[at] for row in rows]
    kind = SCHEMA[table][at][1]
    chance = random.Random(f"{table}.{at}")
    changed = [values[::-1], values[1:] + values[:1], [values[0]] * len(values)]
    changed += [[strange] * len(values) for strange in STRANGE[kind][::3]]
    changed += [[chance.choice([*values, *STRANGE[kind]]) for _ in values] for _ in range(12)]
    for position in range(len(values)):
        changed.append([*values[:position], chance.choice(STRANGE[kind]), *values[position + 1 :]])
    if kind == "int":
        changed += [[None if v is None else v + step for v in values] for step in (1, 10, -3)]
    for new in changed:
        if new != values:
            yield [[*row[:at], value, *row[at + 1 :]] for row, value in zip(rows, new, strict=True)]


Answer = tuple[list[str], list[Counter[str]], list[tuple[str, ...]]]


def answer(connection: duckdb.DuckDBPyConnection, sql: str, seconds: float | None) -> Answer | None:
    limit = threading.Timer(seconds, connection.interrupt) if seconds is not None else None
    try:
        if limit is not None:
            limit.start()
        cursor = connection.execute(sql)
        names = [column[0] for column in cursor.description or ()]
        rows = cursor.fetchall()
    except duckdb.Error:  # a scalar subquery of several rows, a cast that fails, a recursion in a ring: no answer to compare
        return None
    finally:
        if limit is not None:
            limit.cancel()
    shown = [tuple(map(_shown, row)) for row in rows]
    return names, [Counter(row[at] for row in shown) for at in range(len(names))], shown


def _shown(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, float) else repr(value)  # the last digits hang on the order in which rows are added


#: Columns whose values name a row: what stands beside one of them in an output may move without other values being there.
NAMING = (("t", "id"), ("e", "eid"))


def naming(
    case: Case, keys: Sequence[int], changed: Sequence[tuple[str, str]], unique: Collection[tuple[str, str]] = NAMING
) -> list[int]:
    """The outputs that name a row, and are not made of what was changed: `keys` are those that only hand a column on (an aggregate of keys
    names nothing), `unique` the columns that are keys of their tables."""
    direct = case.direct
    return [at for at in keys if len(direct[at]) == 1 and direct[at] <= {*unique} and direct[at].isdisjoint(changed)]


def moved_beside(before: Answer, after: Answer, names: Sequence[int]) -> set[int]:
    """Outputs that have another value in a row which one of the outputs `names` names before and after."""
    found: set[int] = set()
    for at in names:
        if max(before[1][at].values(), default=2) == 1 and before[1][at] == after[1][at]:
            rows = {row[at]: row for row in after[2]}
            found |= {n for row in before[2] for n, (one, other) in enumerate(zip(row, rows[row[at]], strict=True)) if one != other}
    return found


class Oracle:
    """Knows what moves what, by trying. Each world is a schema, and so is each change of a column, which stands before it in the search
    path; those of the first world alone are made at once."""

    def __init__(self) -> None:
        self._connection = duckdb.connect()
        self._connection.execute("set threads = 1")
        self._changes: dict[tuple[int, str, str], list[str]] = {}
        for number, world in enumerate(WORLDS):
            for table, rows in world.items():
                _load(self._connection, f"world_{number}", table, rows)

    def _changed(self, world: int, table: str, column: str) -> list[str]:
        known = self._changes.get((world, table, column))
        if known is None:
            at = [name for name, _ in SCHEMA[table]].index(column)
            known = self._changes[world, table, column] = []
            variants = list(_variants(WORLDS[world], table, at))
            for number, changed in enumerate(variants if world == 0 else variants[::3]):  # they only add to what the first shows
                schema = f"change_{world}_{table}_{column}_{number}"
                _load(self._connection, schema, table, changed)
                known.append(schema)
        return known

    def outputs(self, sql: str) -> list[str]:
        """The names of the query's columns."""
        self._connection.execute("set search_path = 'world_0'")
        found = answer(self._connection, sql, None)
        assert found is not None, f"the engine does not take: {sql}"
        return found[0]

    def moved(
        self, case: Case, keys: Sequence[int], among: Collection[tuple[str, str]] | None = None
    ) -> list[set[tuple[str, str]]]:
        """For each output of the query the columns that move it, in one world at least. `keys`: the outputs that are a column handed on;
        `among`: only these columns are changed."""
        names = self.outputs(case.sql)
        moved: list[set[tuple[str, str]]] = [set() for _ in names]
        spots = [(table, column) for table in tables_of(case.sql) for column, _ in SCHEMA[table]]
        for world in range(len(WORLDS)):
            self._look(world, case, keys, names, [spot for spot in spots if among is None or spot in among], moved)
        return moved

    def _look(
        self,
        world: int,
        case: Case,
        keys: Sequence[int],
        names: list[str],
        spots: Sequence[tuple[str, str]],
        moved: list[set[tuple[str, str]]],
    ) -> None:
        sql = case.sql
        seconds = 0.05 if "recursive" in sql else None
        self._connection.execute(f"set search_path = 'world_{world}'")
        before = answer(self._connection, sql, seconds)
        if before is None or before[0] != names:
            return
        for spot in spots:
            if all(spot in one for one in moved):
                continue
            names_row = naming(case, keys, [spot])
            for schema in self._changed(world, *spot):
                self._connection.execute(f"set search_path = '{schema},world_{world}'")
                after = answer(self._connection, sql, seconds)
                if after is None or after[0] != names:
                    continue
                for output, (one, other) in enumerate(zip(before[1], after[1], strict=True)):
                    if one != other:
                        moved[output].add(spot)
                for output in moved_beside(before, after, names_row):
                    moved[output].add(spot)
                if all(spot in one for one in moved):
                    break
