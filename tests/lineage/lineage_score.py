"""What the walk says of a query beside what the oracle saw."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from eltflow_duckdb.dialect import DuckDBDialect
from lineage_witness import Witnesses
from lineage_world import SCHEMA, Case, Oracle

from eltflow.sql.lineage import lineage
from eltflow.sql.parse import Parsed, parse
from eltflow.sql.reads import Ident
from eltflow.sql.values import Names, QueryLineage

Spot = tuple[str, str]


def upstream(parts: tuple[Ident, ...]) -> tuple[str, Names]:
    name = parts[-1].name
    return name, Names(tuple(column for column, _ in SCHEMA.get(name, ())), name in SCHEMA)


def walked(sql: str) -> QueryLineage:
    parsed = parse(sql, "duckdb")
    assert isinstance(parsed, Parsed), parsed
    dialect = DuckDBDialect()
    return lineage(parsed, upstream, dialect.fold, again=dialect.again)


@dataclass(slots=True)
class Score:
    """Counts of edges. `wrong` names each query with what is not as it should be."""

    direct: list[int] = field(default_factory=lambda: [0, 0, 0])  # right, said and wrong, not said
    indirect: list[int] = field(default_factory=lambda: [0, 0, 0])
    unknown: int = 0
    outputs: int = 0
    wrong: list[str] = field(default_factory=list)

    def figures(self) -> str:
        def percent(right: int, other: int) -> float:
            return 100 * right / (right + other) if right + other else 100.0

        d, i = self.direct, self.indirect
        return (
            f"direct precision {percent(d[0], d[1]):.1f} recall {percent(d[0], d[2]):.1f} · "
            f"indirect precision {percent(i[0], i[1]):.1f} recall {percent(i[0], i[2]):.1f} · "
            f"{self.outputs} outputs, {self.unknown} unknown"
        )


def score(cases: Iterable[Case], oracle: Oracle, witnesses: Witnesses | None = None) -> Score:
    """Direct edges against what the case says (and the oracle must have seen each), indirect ones against what the oracle saw, or what
    `witnesses` found besides."""
    total = Score()
    for case in cases:
        for line in compare(case, oracle, total, witnesses):
            total.wrong.append(f"{case.kind}: {case.sql}\n      {line}")
    return total


def compare(case: Case, oracle: Oracle, total: Score, witnesses: Witnesses | None) -> list[str]:
    found = walked(case.sql)
    keys = [
        at
        for at, column in enumerate(found.columns)
        if {one.how for one in column.origins} <= {"copied", "renamed"} and not column.influences
    ]
    names = oracle.outputs(case.sql)
    if len(found.columns) != len(names) or found.unlisted:
        total.direct[2] += sum(len(one) for one in case.direct)
        return [f"{len(names)} outputs, {len(found.columns)} found {found.unlisted or ''}"]
    rows = {(one.table, one.column) for one in found.rows}
    if witnesses is None:
        moved = oracle.moved(case, keys)
    else:  # what the walk does not say is sought in the worlds drawn for the query
        told = [
            {(one.table, one.column) for one in (*column.origins, *column.influences)} | rows | direct
            for column, direct in zip(found.columns, case.direct, strict=True)
        ]
        moved = witnesses.more(case, keys, names, oracle.moved(case, keys, set().union(*told)), told)
    lines = [f"rows: {found.unsure}"] if found.unsure else []
    for column, seen, direct in zip(found.columns, moved, case.direct, strict=True):
        said = {(one.table, one.column) for one in column.origins}
        beside = ({(one.table, one.column) for one in column.influences} | rows) - said - direct
        there = seen - said - direct
        total.outputs += 1
        total.unknown += column.unknown is not None
        for count, right, got in ((total.direct, direct, said), (total.indirect, there, beside)):
            for at, spots in enumerate((right & got, got - right, right - got)):
                count[at] += len(spots)
        parts = (
            ("said and wrong", said - direct),
            ("not said", direct - said),
            ("indirect not said", there - beside),
            ("indirect not seen", beside - there),
            ("in the case, not seen", direct - seen),
        )
        lines += [f"{column.name}: {what} {sorted(spots)}" for what, spots in parts if spots]
        lines += [f"{column.name}: {column.unknown}"] if column.unknown else []
    return lines
