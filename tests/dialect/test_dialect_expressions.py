"""Expressions and queries of DuckDB, one by one: each gives the same on another engine, or is refused; never anything else in silence.

`cases.txt` has them; `outcomes/` says what becomes of each on each engine (GOLDEN=rewrite writes it, for review). What an emulator, or an
engine itself, does otherwise without being refused is named in DIFFERENT, with the reason.
"""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import duckdb
import golden_files
import pytest
from engines import NAMES, Engine, Rows, build, rows, same, started, with_target

from eltflow import api
from eltflow.sql.parse import Parsed, parse
from eltflow.sql.transpile import transpile
from eltflow.warehouse.values import Relation, WarehouseError

HERE = Path(__file__).parent
ROWS = """(1, 7, 2, 2.5, 'Apple', '  pad ', date '2013-01-31', timestamp '2013-01-31 05:17:09'),
(2, -7, 2, -2.5, 'apple pie', 'x', date '2012-02-29', timestamp '2012-02-29 23:59:59'),
(3, 7, 0, 0.1, '', 'é', date '2013-12-31', timestamp '2013-12-31 00:00:00'),
(4, null, 3, 1e10, null, 'a%b_c', null, null),
(5, 100, -3, null, 'Zebra', null, date '2016-01-03', timestamp '2016-01-03 12:30:00')"""
COLUMNS = "k int, a int, b int, f double, s varchar, u varchar, d date, ts timestamp"

_FORMAT = "the emulator does not mind the format of TO_CHAR"
_FORMATTED = ("strftime(d, '%Y%m%d')", "strftime(ts, '%Y-%m-%d %H:%M')")
_TYPES = "no text shows the column's type: docs/how-to/write-once.md says so"
#: (engine, case) → why it may give something else, or fail, without being refused. An entry that is no longer true fails.
DIFFERENT: dict[tuple[str, str], str] = {
    ("sqlite", "d + 3"): _TYPES,
    ("mariadb", "d + 3"): _TYPES,
    ("mariadb", "cast(f as varchar)"): _TYPES,
    ("mariadb", "cast(ts as varchar)"): _TYPES,
    ("postgres", "cast(f as varchar)"): _TYPES,
    ("redshift", "cast(f as varchar)"): _TYPES,
    ("spark", "cast(f as varchar)"): _TYPES,
    **{("snowflake", case): _FORMAT for case in _FORMATTED},
    **{("snowflake", f"{side}trim(u)"): "the emulator trims both ends" for side in "lr"},
}


#: The table, and its alias where it has one.
_TABLE = re.compile(r"\b(from|join|,) t\b(?!\.)((?: as)? [xy]\b)?", re.IGNORECASE)


def cases() -> list[str]:
    return (HERE / "cases.txt").read_text(encoding="utf-8").splitlines()


def query(case: str) -> str:
    whole = case.lower().startswith(("select", "with", "from t", "(select"))
    return case if whole else f"select k, {case} as r from t"


@pytest.fixture(scope="module")
def expected() -> dict[str, Rows]:
    with duckdb.connect() as connection:
        connection.execute(f"create table t ({COLUMNS})")
        connection.execute(f"insert into t values {ROWS}")
        return {case: connection.execute(query(case)).fetchall() for case in cases()}


#: Engines on which one statement takes long: one case in so many, and all of them as a long proof.
SAMPLED = {"spark": 3, "snowflake": 3, "bigquery": 3}


@pytest.mark.parametrize(
    ("name", "one_of"),
    [*((name, SAMPLED.get(name, 1)) for name in NAMES), *(pytest.param(name, 1, marks=pytest.mark.prove) for name in SAMPLED)],
)
def test_each_is_the_same_or_refused(
    name: str, one_of: int, expected: dict[str, Rows], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    engine = started(name, request)
    tried = cases()[::one_of]
    outcomes = {}
    told = {}
    with engine.session(_with_table(engine, tmp_path), "dx") as session:
        relation = engine.adapter.dialect.render(_relation(engine, tmp_path))
        for case in tried:
            parsed = parse(query(case), "duckdb")
            assert isinstance(parsed, Parsed), case
            made = transpile(parsed, "duckdb", engine.adapter.dialect.sqlglot, lambda parts: relation if parts == ("t",) else None)
            if made.problems:
                outcomes[case] = "refused"
                continue
            try:
                got = rows(session, made.sql)
                if name == "snowflake":  # the emulator tells a timestamp that is NULL as this one, which the table has not
                    got = [tuple(None if value == dt.datetime(1970, 1, 1) else value for value in row) for row in got]
            except WarehouseError as error:
                outcomes[case], told[case] = "fails", f"{error}\n{made.sql}"
                continue
            outcomes[case] = "same" if same(got, expected[case]) else "differs"
            told[case] = f"{expected[case]}\n{got}\n{made.sql}"
    silent = {case for case, outcome in outcomes.items() if outcome == "differs" and (name, case) not in DIFFERENT}
    assert not silent, "\n".join(f"{case}\n{told[case]}" for case in silent)
    healed = [case for (engine_, case), _ in DIFFERENT.items() if engine_ == name and outcomes.get(case, "differs") != "differs"]
    assert not healed, f"no longer different: {healed}"
    lines = [f"{outcome:8}{case}" for case, outcome in outcomes.items()]
    if one_of == 1:
        golden_files.compare(HERE / "outcomes" / f"{name}.txt", "".join(f"{line}\n" for line in lines))
        return
    kept = (HERE / "outcomes" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    assert lines == kept[::one_of]


def _with_table(engine: Engine, root: Path) -> Path:
    """A project whose one ingestion step loads the table there, as it is in DuckDB."""
    (root / "ingest").mkdir()
    (root / "models").mkdir()
    duckdb.execute(
        f"copy (select * from (values {ROWS}) as v({', '.join(c.split()[0] for c in COLUMNS.split(', '))})) to '{root}/t.parquet'"
    )
    (root / "ingest" / "t.yml").write_text("steps: [{name: t, source: {kind: files, path: t.parquet}, into: x.t, load: replace}]\n")
    (root / "eltflow.yml").write_text("name: p\ntargets: {}\n")
    with_target(root, engine.target("dx"))
    results = build(root)
    assert {result.status for result in results.values()} == {"success"}, results
    return root


def _relation(engine: Engine, root: Path) -> Relation:
    found = next(node.relation for node in api.load(root).graph.nodes.values() if node.resource_type == "ingest")
    assert found is not None
    return found


#: As DIFFERENT, for what is written for the engine and goes to DuckDB.
_DIGITS = "a quotient has four digits more than what is divided there, and all of them in DuckDB: docs/how-to/write-once.md says so"
DIFFERENT_IN_DUCKDB: dict[tuple[str, str], str] = {
    ("sqlite", "d + 3"): _TYPES,
    ("mariadb", "d + 3"): _TYPES,
    ("postgres", "cast(f as varchar)"): _TYPES,
    ("mariadb", "a / nullif(b, 0)"): _DIGITS,
    ("mariadb", "select 1.0 / 3"): _DIGITS,
    ("mariadb", "select cast(1 as decimal(10,2)) / 3"): _DIGITS,
    ("mariadb", "select stddev(a), stddev_pop(a), var_samp(a), var_pop(a) from t"): _DIGITS,
}


@pytest.mark.parametrize("name", ["sqlite", "postgres", "mariadb"])
def test_the_other_way_round(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """What a real engine takes as its own SQL gives the same in DuckDB, or is refused. (The emulators are DuckDB themselves.)"""
    engine = started(name, request)
    spoken = engine.adapter.dialect.sqlglot
    outcomes, told = {}, {}
    with duckdb.connect() as connection, engine.session(_with_table(engine, tmp_path), "dx") as session:
        connection.execute(f"create table t ({COLUMNS})")
        connection.execute(f"insert into t values {ROWS}")
        relation = engine.adapter.dialect.render(_relation(engine, tmp_path))
        for case in cases():
            sql = query(case)
            try:
                expected = rows(session, _TABLE.sub(lambda found: f"{found.group(1)} {relation}{found.group(2) or ' as t'}", sql))
            except WarehouseError:
                continue  # not its SQL
            parsed = parse(sql, spoken)
            if not isinstance(parsed, Parsed):
                outcomes[case] = "refused"
                continue
            made = transpile(parsed, spoken, "duckdb", lambda parts: "t" if parts == ("t",) else None)
            if made.problems:
                outcomes[case] = "refused"
                continue
            try:
                got = connection.execute(made.sql).fetchall()
            except duckdb.Error as error:
                outcomes[case], told[case] = "fails", f"{error}\n{made.sql}"
                continue
            outcomes[case] = "same" if same(got, expected) else "differs"
            told[case] = f"{expected}\n{got}\n{made.sql}"
    silent = {case for case, outcome in outcomes.items() if outcome == "differs" and (name, case) not in DIFFERENT_IN_DUCKDB}
    assert not silent, "\n".join(f"{case}\n{told[case]}" for case in silent)
    healed = [
        case for (engine_, case), _ in DIFFERENT_IN_DUCKDB.items() if engine_ == name and outcomes.get(case, "differs") != "differs"
    ]
    assert not healed, f"no longer different: {healed}"
    golden_files.compare(
        HERE / "outcomes" / f"from-{name}.txt", "".join(f"{outcome:8}{case}\n" for case, outcome in outcomes.items())
    )


def test_the_page_says_how_many() -> None:
    """The figures of docs/how-to/write-once.md are those of the outcomes."""
    page = (HERE.parents[1] / "docs" / "how-to" / "write-once.md").read_text(encoding="utf-8")
    assert f"(of {len(cases())})" in page
    for name, shown in {
        "postgres": "PostgreSQL",
        "mariadb": "MariaDB",
        "sqlite": "SQLite",
        "spark": "Spark",
        "snowflake": "Snowflake",
        "bigquery": "BigQuery",
    }.items():
        count = (HERE / "outcomes" / f"{name}.txt").read_text(encoding="utf-8").count("same    ")
        assert re.search(rf"\| {shown} \| [^|]+ \| {count} \|", page), (shown, count)
