"""A longer search for influences than the four worlds of `lineage_world.py`: worlds drawn for one query at a time.

What an influence is does not change: one column changes, all else stays, and the values of an output do, or its values beside a key. Only
the data differs, drawn to suit the query: the literals that stand in it and their neighbours, keys that meet or meet nothing, ties, NULLs,
tables of one row or of none.

What was found is sought again with the rows of the tables in other orders. Where that alone gives another answer (a sort with ties and
a limit), the query leaves its answer open in that world, which is then a witness of nothing.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import duckdb
from lineage_world import FEW, ROWS, SCHEMA, STRANGE, Answer, Case, answer, literal, moved_beside, naming, tables_of

Spot = tuple[str, str]
Rows = list[list[Any]]
Drawn = dict[str, Rows]
Changes = Mapping[Spot, Sequence[Any]]

#: Worlds in which every influence is sought, those that the walk does not say too; worlds in which one is sought that the walk says.
WORLDS, BOUND = 24, 200
#: Changes of a column in one world, to find what the walk says.
CHANGES = 4
#: Answers of one query that took too long: after so many it is left alone (a recursion runs in rings).
PATIENCE = 60


def _literals(sql: str) -> Mapping[str, list[Any]]:
    """The values that stand in a query, and those beside them, by the type of the columns that could have them."""
    numbers = {int(n) for n in re.findall(r"(?<![\w.'\"])\d+(?![\w.'\"])", sql)}
    words = set(re.findall(r"'([^']*)'", sql))
    days = {date.fromisoformat(w) for w in words if re.fullmatch(r"\d{4}-\d\d-\d\d", w)}
    near = sorted({n + step for n in numbers for step in (-1, 0, 1)})
    return {
        "int": near,
        "varchar": sorted(w for w in words if len(w) < 4),
        "date": [str(day + timedelta(days=step)) for day in sorted(days) for step in (-1, 0, 1)],
        "int[]": [[n] for n in near] + [[n, n + 1] for n in near],
        "struct(x int, y int)": [{"x": n, "y": other} for n in near for other in near[::2]],
    }


class _Draw:
    """Worlds for one query, each another mixture."""

    def __init__(self, sql: str) -> None:
        self._chance = random.Random(sql)
        self._literals = _literals(sql)
        self._tables = tables_of(sql)

    def pool(self, table: str, at: int) -> list[Any]:
        kind = SCHEMA[table][at][1]
        return [*(row[at] for row in ROWS[table]), *FEW[kind], *STRANGE[kind], *self._literals[kind]]

    def world(self) -> Drawn:
        chance = self._chance
        near = chance.random() < 0.3  # the rows of the first world, some values of them others
        shared = {} if near or chance.random() < 0.5 else self._shared()
        nulls = chance.choice((0.0, 0.0, 0.1, 0.4))
        return {table: self._near(table) if near else self._rows(table, shared, nulls) for table in self._tables}

    def _shared(self) -> dict[str, list[Any]]:
        """A few values for all columns of a type, so that whatever is compared is often equal."""
        kinds: dict[str, list[Any]] = {}
        for table in self._tables:
            for at, (_, kind) in enumerate(SCHEMA[table]):
                kinds.setdefault(kind, []).extend(self.pool(table, at))
        return {kind: [self._chance.choice(pool) for _ in range(self._chance.choice((2, 3, 5)))] for kind, pool in kinds.items()}

    def _near(self, table: str) -> Rows:
        rows = [list(row) for row in ROWS[table]]
        for _ in range(self._chance.choice((1, 3, 8))):
            at = self._chance.randrange(len(SCHEMA[table]))
            self._chance.choice(rows)[at] = self._chance.choice(self.pool(table, at))
        return self._named(table, rows)

    def _rows(self, table: str, shared: Mapping[str, list[Any]], nulls: float) -> Rows:
        chance = self._chance
        columns = []
        count = chance.choice((0, 1, 2, 3, 4, 6, 9, 12))
        for at, (_, kind) in enumerate(SCHEMA[table]):
            pool = shared.get(kind) or self.pool(table, at)
            if not shared and chance.random() < 0.6:
                pool = [chance.choice(pool) for _ in range(chance.choice((1, 2, 3)))]
            columns.append([None if chance.random() < nulls else chance.choice(pool) for _ in range(count)])
        return self._named(table, [list(row) for row in zip(*columns, strict=True)])

    def _named(self, table: str, rows: Rows) -> Rows:
        """Mostly the keys are keys, as in the first world, and nobody stands above himself; any other column may be a key too."""
        if table in ("t", "e") and self._chance.random() < 0.8:
            for number, row in enumerate(rows, 1):
                row[0] = number
                if table == "e" and row[1] is not None:
                    row[1] = self._chance.randrange(1, number) if number > 1 and self._chance.random() < 0.8 else None
        if self._chance.random() < 0.4:
            at = self._chance.randrange(len(SCHEMA[table]))
            values = list({repr(value): value for value in self.pool(table, at) if value is not None}.values())
            self._chance.shuffle(values)
            for row, value in zip(rows, values, strict=False):
                row[at] = value
            del rows[len(values) :]
        return rows

    def change(self, world: Drawn, spot: Spot) -> list[Any]:
        """Other values for one column."""
        chance, table = self._chance, spot[0]
        at = _at(spot)
        values = [row[at] for row in world[table]]
        pool = [*values, *self.pool(table, at), None]
        how = chance.randrange(6)
        if how < 2 and values:
            values[chance.randrange(len(values))] = chance.choice(pool)
        elif how == 2:
            values = [chance.choice(pool) if chance.random() < 0.5 else value for value in values]
        elif how == 3:
            chance.shuffle(values)
        elif how == 4:
            values = [chance.choice(pool)] * len(values)
        else:
            values = [chance.choice(pool) for _ in values]
        return values


def _at(spot: Spot) -> int:
    return [name for name, _ in SCHEMA[spot[0]]].index(spot[1])


@dataclass(slots=True)
class _Look:
    """One query while it is looked at."""

    case: Case
    keys: Sequence[int]
    names: list[str]
    moved: list[set[Spot]]
    said: Sequence[set[Spot]]
    slow: int = 0
    unique: frozenset[Spot] = frozenset()

    def sought(self, spot: Spot) -> set[int]:
        """The outputs that this column is said to move and that it was not seen to move."""
        return {at for at, said in enumerate(self.said) if spot in said and spot not in self.moved[at]}

    def unsaid(self) -> Iterator[tuple[frozenset[Spot], set[int]]]:
        """Columns that are said to move nothing of some outputs, with those. Columns that are shown stand apart: where one is a key, it names
        what moves beside it."""
        groups: dict[frozenset[Spot], set[int]] = {}
        spots = {(table, column) for table in tables_of(self.case.sql) for column, _ in SCHEMA[table]}
        for at, (said, moved) in enumerate(zip(self.said, self.moved, strict=True)):
            left = frozenset(spots - said - moved)
            shown = {spot for key in self.keys for spot in self.case.direct[key]}
            for part in (left - shown, *(frozenset({spot}) for spot in sorted(left & shown))):
                if part:
                    groups.setdefault(part, set()).add(at)
        yield from groups.items()


class Witnesses:
    """Looks for what the four worlds did not show."""

    def __init__(self) -> None:
        self._connection = duckdb.connect()
        self._connection.execute("set threads = 1")
        for schema in ("base", *(f"changed_{table}" for table in SCHEMA), "turned"):
            self._connection.execute(f"create schema {schema}")

    def more(
        self, case: Case, keys: Sequence[int], names: list[str], moved: Sequence[set[Spot]], said: Sequence[set[Spot]]
    ) -> list[set[Spot]]:
        """`moved` with what further worlds show beside; `said` are the influences to confirm."""
        draw = _Draw(case.sql)
        look = _Look(case, keys, names, [set(one) for one in moved], said)
        for number in range(BOUND):
            sought = sorted({spot for one in said for spot in one if look.sought(spot)})
            if (number >= WORLDS and not sought) or look.slow > PATIENCE:
                break
            world = draw.world()
            self._load(world)
            look.unique = _unique(world)
            before = self._ask(look, {})
            if before is None:
                continue
            for spot in sought:
                for _ in range(CHANGES):
                    if wanted := look.sought(spot):
                        self._step(look, {}, {spot: draw.change(world, spot)}, spot, wanted, before)
            if number < WORLDS:
                for spots, outputs in list(look.unsaid()):
                    self._walk(look, {spot: draw.change(world, spot) for spot in sorted(spots)}, outputs, before)
        return look.moved

    def _step(self, look: _Look, there: Changes, then: Changes, spot: Spot, wanted: set[int], before: Answer) -> Answer | None:
        """The answer after one column more is changed; what moves of the outputs `wanted` is moved by that column."""
        after = self._ask(look, then)
        if after is not None and (found := _differs(look, before, after, [spot]) & wanted):
            found &= self._settled(look, there, before) & self._settled(look, then, after)
            for at in found:
                look.moved[at].add(spot)
        return after

    def _walk(self, look: _Look, changes: Changes, outputs: set[int], before: Answer) -> None:
        """Several columns that should move nothing of those outputs, changed at once. If something moves all the same, it does so at one of
        the steps from the one world to the other, and each step changes one column of a world."""
        after = self._ask(look, changes)
        if after is None or not _differs(look, before, after, list(changes)) & outputs:
            return
        there: dict[Spot, Sequence[Any]] = {}
        for spot in changes:
            then = {**there, spot: changes[spot]}
            step = self._step(look, there, then, spot, outputs, before)
            if step is None:
                return
            there, before = then, step

    # -- the engine ------------------------------------------------------------------------------------------------------------------

    def _load(self, world: Drawn) -> None:
        for table, rows in world.items():
            columns = ", ".join(f'"{name}" {kind}' for name, kind in SCHEMA[table])
            self._connection.execute(f'create or replace table base."{table}" ({columns})')
            if rows:
                values = ", ".join(f"({', '.join(map(literal, row))})" for row in rows)
                self._connection.execute(f'insert into base."{table}" values {values}')

    def _ask(self, look: _Look, changes: Changes) -> Answer | None:
        """The answer in the world with those columns changed."""
        return self._answer(look, self._changed(changes))

    def _changed(self, changes: Changes) -> str:
        """Makes the tables with those columns changed, and gives the search path that has them."""
        tables = list(dict.fromkeys(table for table, _ in changes))
        for table in tables:
            kinds = dict(SCHEMA[table])
            replaced = ", ".join(
                f'([{", ".join(map(literal, values))}]::{kinds[column]}[])[rowid + 1] as "{column}"'
                for (name, column), values in changes.items()
                if name == table
            )
            made = f'create or replace table changed_{table}."{table}"'
            self._connection.execute(f'{made} as select * replace ({replaced}) from base."{table}"')
        return ",".join([*(f"changed_{table}" for table in tables), "base"])

    def _answer(self, look: _Look, path: str) -> Answer | None:
        self._connection.execute(f"set search_path = '{path}'")
        seconds = 0.03 if "recursive" in look.case.sql else None
        found = answer(self._connection, look.case.sql, seconds)
        look.slow += found is None and seconds is not None
        return found if found is not None and found[0] == look.names else None

    def _settled(self, look: _Look, changes: Changes, expected: Answer) -> set[int]:
        """The outputs that are the same whatever order the rows of the tables have."""
        path = self._changed(changes)
        same = set(range(len(look.names)))
        names = naming(look.case, look.keys, [], look.unique)
        for order in ("rowid desc", "hash(rowid)", "hash(rowid + 77)"):
            self._connection.execute(f"set search_path = '{path}'")
            for table in tables_of(look.case.sql):
                self._connection.execute(f'create or replace table turned."{table}" as from "{table}" order by {order}')
            turned = self._answer(look, "turned")
            if turned is None:
                return set()
            same -= {at for at in same if _beside(expected, at, names) != _beside(turned, at, names)}
        return same


def _unique(world: Drawn) -> frozenset[Spot]:
    """The columns that are keys in a world: none of their values comes twice."""
    return frozenset(
        (table, column)
        for table, rows in world.items()
        for at, (column, _) in enumerate(SCHEMA[table])
        if len({repr(row[at]) for row in rows}) == len(rows) and all(row[at] is not None for row in rows)
    )


def _beside(found: Answer, at: int, names: Sequence[int]) -> Counter[tuple[str, ...]]:
    return Counter((row[at], *(row[name] for name in names)) for row in found[2])


def _differs(look: _Look, before: Answer, after: Answer, spots: Sequence[Spot]) -> set[int]:
    found = {at for at, (one, other) in enumerate(zip(before[1], after[1], strict=True)) if one != other}
    return found | moved_beside(before, after, naming(look.case, look.keys, spots, look.unique))
