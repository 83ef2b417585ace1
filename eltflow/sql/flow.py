"""What the lineage walk knows of a table, a subquery or an expression: columns, each with the upstream columns that flow into it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from itertools import islice
from typing import Any

from eltflow.sql.reads import Fold

COPIED, RENAMED, CAST, COMPUTED, AGGREGATED, WINDOWED = range(6)

#: (table, column)
Spot = tuple[str, str]
Keys = frozenset[frozenset[str]]
#: (table, column, why)
Cause = tuple[str, str, str]


class Flow:
    """A column, or what an expression gives: `direct` holds how each upstream column's value enters, `causes` what else decides over
    it, `unknown` why that may not be all. `made_by` are the expressions that make it, one for each arm of a union: trees, or names of
    columns; none for a column that nothing was done to. `keyed` says that it is a term that its query groups by. Never changed once
    somebody else holds it."""

    __slots__ = ("aggregated", "causes", "direct", "fields", "keyed", "made_by", "name", "ranked", "rows", "unknown")

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.direct: dict[Spot, int] = {}
        self.causes: set[Cause] = set()
        self.unknown = ""
        self.made_by: tuple[Any, ...] = ()
        self.fields: dict[str, Flow] | None = None
        self.aggregated = self.keyed = False
        self.rows: set[Cause] | None = None  # what an unnest within the expression makes rows of
        self.ranked: Ranking | None = None  # of a `row_number()`

    def take(self, other: Flow, rank: int, why: str | None) -> None:
        """Let another column flow in: as a value, or with `why` as something that decides."""
        if why is None:
            direct = self.direct
            for spot, before in other.direct.items():
                how = rank if rank > before else before
                if direct.get(spot, -1) < how:
                    direct[spot] = how
        else:
            self.causes.update([(table, column, why) for table, column in other.direct])
        if other.causes:
            self.causes |= other.causes
        if other.unknown and not self.unknown:
            self.unknown = other.unknown

    def named(self, name: str, rank: int = COPIED) -> Flow:
        """The same under another name, changed at least by `rank`."""
        if rank == COPIED and name == self.name:
            return self
        made = Flow(name)
        made.direct = self.direct
        if rank and self.direct and min(self.direct.values()) < rank:
            made.direct = {spot: max(rank, how) for spot, how in self.direct.items()}
        made.causes, made.unknown, made.fields, made.ranked = self.causes, self.unknown, self.fields, self.ranked
        made.keyed = self.keyed and rank <= RENAMED
        made.made_by = self.made_by or ((self.name,) if self.name and name != self.name else ())
        return made

    def by(self, *trees: Any) -> Flow:
        """The same as something that these expressions make."""
        made = Flow(self.name)
        made.direct, made.causes, made.unknown, made.fields = self.direct, self.causes, self.unknown, self.fields
        made.aggregated, made.rows, made.ranked, made.made_by = self.aggregated, self.rows, self.ranked, trees
        return made

    def field(self, key: str) -> Flow:
        """A field of a struct: exactly, where the struct was seen being made, else whatever made the struct."""
        if self.fields is not None and key in self.fields:
            return self.fields[key]
        made = self.named(key, COMPUTED)
        made.fields, made.made_by = None, ()
        return made

    def decided(self, causes: set[Cause], unknown: str) -> Flow:
        """The same with more that decides over it."""
        if causes <= self.causes and not unknown:
            return self
        made = Flow(self.name)
        made.direct, made.causes, made.unknown = self.direct, self.causes | causes, self.unknown or unknown
        made.aggregated, made.keyed, made.rows, made.made_by = self.aggregated, self.keyed, self.rows, self.made_by
        if self.fields is not None:
            made.fields = {key: field.decided(causes, unknown) for key, field in self.fields.items()}
        return made

    def as_key(self) -> Flow:
        """The same as a term that its query groups by."""
        if self.keyed:
            return self
        made = self.unranked()
        made.ranked, made.keyed = self.ranked, True
        return made

    def unranked(self) -> Flow:
        """The same, without being the number of a row."""
        made = self.named("")
        made.name, made.ranked, made.made_by = self.name, None, self.made_by
        made.aggregated, made.rows = self.aggregated, self.rows
        return made

    def as_causes(self, why: str) -> set[Cause]:
        return {*self.causes, *((table, column, why) for table, column in self.direct)}


class Ranking:
    """The terms of an order: `terms` are pairs of the column that a term is (None for an expression) and what is in it. `groups` are the
    columns within whose values rows are ordered; `parted` is what those are made of. `scope` is that of the select which orders."""

    __slots__ = ("groups", "parted", "scope", "terms")

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.groups: list[Flow] = []
        self.parted = Flow()
        self.terms: list[tuple[Flow | None, Flow]] = []

    def graded(self, columns: Iterable[Flow]) -> list[Flow]:
        """The columns of the first rows in that order, each with what decides over its values: of the terms that it stands among, those
        behind it do not, and nothing does for what the groups are made by."""
        made = []
        for column in columns:
            over = Flow()
            for same, term in self.terms if all(column is not one for one in self.groups) else ():
                over.take(term, COPIED, "sort")
                if same is column:
                    break
            made.append(column.decided(over.causes, over.unknown))
        return made


def unknown(name: str, reason: str) -> Flow:
    """A column of which nothing is known but the reason."""
    made = Flow(name)
    made.unknown = reason
    return made


def both(left: Flow, right: Flow, name: str) -> Flow:
    """What either side may give, as in a union."""
    made = Flow(name)
    made.take(left, COPIED, None)
    made.take(right, COPIED, None)
    made.made_by = arms((left, right))
    if left.fields is not None and right.fields is not None and left.fields.keys() == right.fields.keys():
        made.fields = {key: both(flow, right.fields[key], flow.name) for key, flow in left.fields.items()}
    return made


#: How many expressions of a column are kept: nobody reads those of a thousand arms.
_ARMS = 20


def arms(flows: Iterable[Flow]) -> tuple[Any, ...]:
    """The expressions of columns that come together in one, each once."""
    found = {one if isinstance(one, str) else id(one): one for flow in flows for one in (flow.made_by or (flow.name,)) if one}
    return tuple(islice(found.values(), _ARMS))


class Table:
    """Anything with columns. `rows` decides which rows there are; of these `often` decides only how often they are. `open` says why there
    may be more columns than `columns`; `rest` then gives one of those by its folded name. `unsure` says why there may be more in `rows`.
    `keys` are sets of columns (folded names) that no two rows have the same values of: asked for by few, and found then."""

    __slots__ = ("_index", "_keys", "columns", "find_keys", "fold", "often", "open", "rest", "rows", "unsure")

    def __init__(self, columns: list[Flow], rows: set[Cause], fold: Fold) -> None:
        self.columns = columns
        self.rows = rows
        self.often: Set[Cause] = frozenset()
        self.open = ""
        self.rest: Callable[[str], Flow | None] | None = None
        self.unsure = ""
        self.find_keys: Callable[[], Keys] | None = None
        self._keys: Keys | None = None
        self.fold = fold
        self._index: dict[str, Flow] | None = None

    @property
    def keys(self) -> Keys:
        if self._keys is None:
            self._keys = self.find_keys() if self.find_keys is not None else frozenset()
        return self._keys

    @property
    def index(self) -> dict[str, Flow]:
        """The columns by folded name; of two with one name the first."""
        if self._index is None:
            made: dict[str, Flow] = {}
            for column in self.columns:
                made.setdefault(self.fold(column.name, True), column)
            self._index = made
        return self._index

    def become(self, columns: list[Flow]) -> None:
        """Take other columns of the same names, before anybody reads this."""
        self.columns, self._index = columns, None

    def more(self, key: str) -> Flow:
        """A column that an open table must have."""
        found = self.rest(key) if self.rest is not None else None
        return found if found is not None else unknown(key, self.open)

    def renamed(self, names: Iterable[str]) -> Table:
        """The same with other names for its first columns."""
        listed = list(names)
        columns = [
            flow.named(name, RENAMED if name != flow.name else COPIED) for name, flow in zip(listed, self.columns, strict=False)
        ]
        made = Table([*columns, *self.columns[len(columns) :]], self.rows, self.fold)
        made.unsure, made.often = self.unsure, self.often
        made.find_keys = lambda: self._keys_as(made.columns) if listed else self.keys
        if self.open or len(listed) > len(self.columns):
            reason = self.open or "a list of column names is longer than what it names"
            made.columns += [unknown(name, reason) for name in listed[len(self.columns) :]]
            made.open, made.rest = reason, self.rest
        return made

    def numbered(self, again: str | None) -> Table:
        """The same as a table has it: names that come again get a number behind `again` (None: they keep them)."""
        if again is None or self.open or len(self.index) == len(self.columns):
            return self
        times: dict[str, int] = {}
        columns = []
        for column in self.columns:
            name = column.name
            key = self.fold(name, True)
            while self.fold(name, True) in times:
                name = f"{column.name}{again}{times[key]}"
                times[key] += 1
            times[self.fold(name, True)] = 1
            columns.append(column if name == column.name else column.named(name, RENAMED))
        made = Table(columns, self.rows, self.fold)
        made.unsure, made.often = self.unsure, self.often
        made.find_keys = lambda: self.keys
        return made

    def _keys_as(self, columns: list[Flow]) -> Keys:
        called = {self.fold(a.name, True): self.fold(b.name, True) for a, b in zip(self.columns, columns, strict=False)}
        return frozenset(frozenset(called.get(name, name) for name in one) for one in self.keys)

    def size(self) -> int:
        """How much is known: grows until a recursion says nothing new."""
        return len(self.rows) + sum(sum(c.direct.values()) + len(c.direct) + len(c.causes) for c in self.columns)


class Scope:
    """What names mean at one level of a query: tables by alias in order, columns merged by USING, aliases of the select list."""

    __slots__ = ("aliases", "bound", "ctes", "hidden", "merged", "outer", "tables", "times", "windows")

    def __init__(self, outer: Scope | None, ctes: Mapping[str, Table]) -> None:
        self.outer = outer
        self.ctes = ctes
        self.tables: dict[str, Table] = {}
        self.merged: dict[str, Flow] = {}
        self.hidden: set[tuple[str, str]] = set()
        self.aliases: dict[str, Flow] = {}
        self.windows: dict[str, Any] = {}
        self.times = Flow()  # what decides how often rows are there, not whether
        self.bound: Flow | None = None  # the column that COLUMNS(...) stands for just now

    def add(self, alias: str, table: Table) -> str:
        """Put a table in sight; gives the name it is known by here."""
        key = alias
        while key in self.tables or not key:
            key = f"\x00{len(self.tables)}{key}"
        self.tables[key] = table
        return key

    def table(self, key: str) -> Table | None:
        scope: Scope | None = self
        while scope is not None:
            if key in scope.tables:
                return scope.tables[key]
            scope = scope.outer
        return None

    def one_of(self, flow: Flow) -> Flow | None:
        """The flow, if it is a column of one of the tables in sight alone: the same table may stand there twice."""
        seen = sum(flow is column for table in self.tables.values() for column in table.columns)
        return flow if seen == 1 else None

    def find(self, key: str, *, alias_first: bool = False) -> Flow | None:
        """What a bare name means. None: nothing in sight, and everything in sight is known."""
        scope: Scope | None = self
        open_: list[Table] = []
        while scope is not None:
            if alias_first and key in scope.aliases:
                return scope.aliases[key]
            hit = scope.merged.get(key) or scope._hit(key)
            if hit is not None:
                return self._sure(key, hit, open_)
            here = [table for table in scope.tables.values() if table.open]
            if key in scope.aliases:
                return self._sure(key, scope.aliases[key], [*open_, *here])
            open_ += here
            scope, alias_first = scope.outer, False
        if not open_:
            return None
        if len(open_) > 1:
            return unknown(key, f"`{key}` may be of any of {len(open_)} tables whose columns are not known")
        return open_[0].more(key)

    def _hit(self, key: str) -> Flow | None:
        for table in self.tables.values():
            found = table.index.get(key)
            if found is not None:
                return found
        return None

    @staticmethod
    def _sure(key: str, hit: Flow, open_: list[Table]) -> Flow:
        """A name that is found, unless a table that comes before may have it too."""
        if not open_:
            return hit
        return unknown(key, f"`{key}` is known, but a nearer table whose columns are not known may have it too")
