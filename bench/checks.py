"""What the offline checks say of statements that an engine accepts (each accusation is a false error), and which of the mistakes that the
engine finds they find without it. Nothing is confirmed by the engine here: this is the walk over names alone.

    python -m bench.checks duckdb FOLDER       # DuckDB's own tests: the folder test/sql of its repository
    python -m bench.checks tpc FOLDER          # texts and tables as `bench.lineage_tpc dump` writes them
    python -m bench.checks cases               # tests/lineage/cases.sql, alone and in pairs
"""

from __future__ import annotations

import contextlib
import json
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
from eltflow_duckdb.dialect import DuckDBDialect

from eltflow.sql.columns import resolve
from eltflow.sql.parse import Parsed, parse
from eltflow.sql.reads import Ident
from eltflow.sql.values import UNKNOWN, Ambiguous, Fault, Missing, Names, Nowhere, Unequal, Unshared

Lookup = Callable[[tuple[Ident, ...]], Names]
#: Words of DuckDB for what the walk finds.
MISTAKES: Mapping[str, tuple[type, str]] = {
    "missing column": (Missing, r"Referenced column|does not have a column named|column .* not found"),
    "ambiguous column": (Ambiguous, r"Ambiguous reference to column"),
    "unknown table": (Nowhere, r"Referenced table"),
    "USING": (Unshared, r"does not exist on (?:left|right) side of join"),
    "unequal set operation": (Unequal, r"same number of result columns"),
}


@dataclass(slots=True)
class Tally:
    """Counts of statements: how many the engine accepts, what the walk says of those, and what it says of refused ones by their mistake."""

    accepted: int = 0
    unread: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    false: list[tuple[str, Fault]] = field(default_factory=list)

    def take(self, sql: str, complaint: str | None, lookup: Lookup) -> None:
        """Count one statement; `complaint` is what the engine says of it (None: it accepts it)."""
        kind = next((k for k, (_, words) in MISTAKES.items() if re.search(words, complaint or "", re.IGNORECASE)), None)
        if complaint is not None and kind is None:
            return  # refused for what this is not about
        parsed = parse(sql, "duckdb")
        faults = resolve(parsed, lookup, DuckDBDialect().fold).faults if isinstance(parsed, Parsed) and parsed.count == 1 else ()
        self.unread += not isinstance(parsed, Parsed)
        if kind is None:
            self.accepted += 1
            self.false += [(sql, fault) for fault in faults]
        else:
            self.refused[kind] += 1
            self.found[kind] += any(isinstance(fault, MISTAKES[kind][0]) for fault in faults)

    def told(self) -> str:
        lines = [f"{self.accepted:,} statements accepted ({self.unread} not read by the parser): {len(self.false)} false errors"]
        lines += [f"{kind}: {self.found[kind]} of {count} found" for kind, count in self.refused.items()]
        lines += [f"FALSE {fault}\n    {' '.join(sql.split())[:400]}" for sql, fault in self.false]
        return "\n".join(lines)


def fixed(columns: Mapping[str, Any]) -> Lookup:
    """Tables whose columns never change."""
    known = {name.lower(): Names(tuple(names), True) for name, names in columns.items()}
    return lambda parts: known.get(parts[-1].name.lower(), UNKNOWN)


def bound(connection: duckdb.DuckDBPyConnection, sql: str) -> str | None:
    """What the engine says against a query without running it (DESCRIBE would take `select ... limit 1 union ...` for a union of its own)."""
    try:
        connection.execute(f"prepare bound as {sql}")
    except duckdb.Error as error:
        return str(error)
    return None


# -- DuckDB's own tests ------------------------------------------------------------------------------------------------------------


def _records(text: str) -> Iterator[tuple[str, str]]:
    """(kind, SQL) of each record of a test file (sqllogictest): "ok", "error" or "query"."""
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        words = lines[at].split()
        at += 1
        if len(words) < 2 or words[0] not in ("statement", "query"):
            continue
        sql = []
        while at < len(lines) and lines[at].strip() and lines[at].strip() != "----":
            sql.append(lines[at])
            at += 1
        yield ("query" if words[0] == "query" else words[1]), "\n".join(sql).strip().rstrip(";")


def _standing(connection: duckdb.DuckDBPyConnection) -> Lookup:
    """The tables and views as they are now."""

    def lookup(parts: tuple[Ident, ...]) -> Names:
        name = ".".join('"' + part.name.replace('"', '""') + '"' for part in parts)
        try:
            found = connection.execute(f"describe table {name}").fetchall()
        except duckdb.Error:
            return UNKNOWN
        return Names(tuple(str(row[0]) for row in found), bool(found))

    return lookup


def own_tests(folder: Path) -> Tally:
    """Every query of DuckDB's tests for which no extension, loop or file is needed, in the state that the test has made by then."""
    with tempfile.TemporaryDirectory() as place, contextlib.chdir(place):  # some write files all the same
        return _own_tests(folder)


def _own_tests(folder: Path) -> Tally:
    tally = Tally()
    for path in sorted(folder.rglob("*.test")):
        text = path.read_text(encoding="utf-8", errors="replace")
        if re.search(
            r"^(require (?!vector_size|noforcestorage|skip_reload)|load |loop |foreach |restart|mode skip)", text, re.MULTILINE
        ):
            continue
        if "${" in text or "__TEST_DIR__" in text or "{DATA_DIR}" in text:
            continue
        connection = duckdb.connect(config={"threads": 1, "memory_limit": "400MB"})
        connection.execute("set autoload_known_extensions = false")
        for kind, sql in _records(text):
            if re.match(r"from\b|with\b|select\b|values\b|\(", sql, re.IGNORECASE):
                tally.take(sql, bound(connection, sql), _standing(connection))
            elif kind == "ok":
                limit = threading.Timer(1.0, connection.interrupt)
                limit.start()
                try:
                    connection.execute(sql)
                except (duckdb.Error, RuntimeError):
                    pass
                finally:
                    limit.cancel()
        connection.close()
    return tally


# -- others ------------------------------------------------------------------------------------------------------------------------


def tpc(folder: Path) -> Tally:
    """TPC-H and TPC-DS: every one is valid."""
    tally = Tally()
    for path in sorted(folder.glob("tpc*.json")):
        dumped = json.loads(path.read_text())
        for query in dumped["queries"]:
            tally.take(query["sql"], None, fixed(dumped["columns"]))
    return tally


#: Two queries, each with an alias, put together: as arms, joined with and without names of their own.
TOGETHER = (
    "{a} union all {b}",
    "with p as ({a}), q as ({b}) select * from p union select * from q",
    "with p as ({a}), q as ({b}) select {x} from p, q",
    "with p as ({a}), q as ({b}) select p.*, {x} from p join q on true order by {x}",
    "with p as ({a}), q as ({b}) select p.{x} from p join q on {x} is null",
    "select count(*) from ({a}) as p join ({b}) as q using ({x}) where {x} is not null",
    "with p as ({a}), q as ({b}) select 1 as one from p natural join q where {x} is null group by {x}",
    "with p as ({a}), q as ({b}) select {x} from p semi join q using ({x})",
    "with p as ({a}), q as ({b}) select (select max({x}) from q) from p where exists (from q where {x} = p.{x})",
    "with p as ({a}) select {x} as y, y from p union all select y, {x} from (select {x} as y, 1 as {x} from p) order by y",
)


def together(
    connection: duckdb.DuckDBPyConnection, queries: list[str], columns: Mapping[str, Any], every: int, seed: int = 0
) -> Tally:
    """The queries in pairs, in each of the forms above; one of `every` many, beginning with the one of that `seed`."""
    tally = Tally()
    lookup = fixed(columns)
    outputs = {}
    for sql in queries:
        tally.take(sql, bound(connection, sql), lookup)
        outputs[sql] = [str(row[0]) for row in connection.execute(f"describe {sql}").fetchall()]
    number = 0
    for a in queries:
        for b in queries:
            for form in TOGETHER:
                number += 1
                if number % every == seed % every:
                    name = outputs[a][number % len(outputs[a])]
                    quoted = '"' + name.replace('"', '""') + '"'
                    sql = form.format(a=a, b=b, x=quoted)
                    tally.take(sql, bound(connection, sql), lookup)
    return tally


def _cases() -> Tally:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "lineage"))
    from lineage_world import SCHEMA, cases  # type: ignore[import-not-found]

    connection = duckdb.connect(config={"threads": 1})
    for table, columns in SCHEMA.items():
        connection.execute(f"create table {table} ({', '.join(f'{name} {kind}' for name, kind in columns)})")
    queries = [case.sql for case in cases()]
    return together(connection, queries, {name: [c for c, _ in columns] for name, columns in SCHEMA.items()}, every=17)


def main() -> None:
    started = time.process_time()
    what, *folder = sys.argv[1:]
    tally = _cases() if what == "cases" else {"duckdb": own_tests, "tpc": tpc}[what](Path(folder[0]).resolve())
    print(tally.told())
    print(f"{time.process_time() - started:.0f} CPU s, DuckDB {duckdb.__version__}")


if __name__ == "__main__":
    main()
