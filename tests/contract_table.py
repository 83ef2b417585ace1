"""What each engine was seen to do: the outcomes of the contract's cases, as a table in docs/reference/engines.md.

    ENGINES=rewrite pytest -n 2 tests/contract

writes it, and the summary in the README; every other run of the whole contract compares what it saw with what stands there.
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "engines.md"
README = ROOT / "README.md"
#: The module of tests → the engine, what its cases ran on, and what that makes of a case that passed.
ENGINES = {
    "duckdb": ("DuckDB", "DuckDB 2.0 itself (and 1.5 in another run)", "proved"),
    "postgres": ("PostgreSQL", "a PostgreSQL server", "proved"),
    "mariadb": ("MariaDB", "a MariaDB server", "proved"),
    "sqlite": ("SQLite", "SQLite itself", "proved"),
    "redshift": ("Redshift", "a PostgreSQL behind a proxy, one variant in 24", "emulated"),
    "spark": ("Spark, tables of parquet", "a Spark of its own, local, one variant in 12", "proved"),
    "snowflake": ("Snowflake", "an emulator, fakesnow", "emulated"),
    "bigquery": ("BigQuery", "an emulator, bqemulator, one variant in 4", "emulated"),
}
TITLES = {
    "sessions": "Sessions",
    "catalog": "Catalog, comments, grants",
    "changes": "Materializations, and changes from one to another",
    "contracts": "Contracts of models",
    "external": "Models that are files",
    "incremental": "Incremental models",
    "loading": "Seeds and files",
    "merging": "Ingestion: merge and partitions",
    "quarantine": "Ingestion: bad rows",
    "projects": "Whole projects",
    "reader": "Reading files",
}
_BEGIN, _END = "<!-- engines: made by ENGINES=rewrite pytest tests/contract -->", "<!-- engines: end -->"

Outcomes = Mapping[tuple[str, str], Counter[str]]
"""(engine, case) → how often it passed, was off, or could not be shown."""


class Recorder:
    """Counts outcomes where the reports of all workers come together."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self.failed = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        found = re.match(r"tests/contract/test_(\w+)\.py::(test_\w+)", report.nodeid)
        if found is None or found[1] not in ENGINES:
            return
        self.failed = self.failed or report.failed
        if report.skipped:
            self.seen[found[1], found[2]]["not shown" if hasattr(report, "wasxfail") else "off"] += 1
        elif report.when == "call" and report.passed:
            self.seen[found[1], found[2]]["passed"] += 1

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        cases = contract()
        if self.failed or any(not self.seen.get((engine, case)) for engine in ENGINES for case in cases):
            return  # not all of it, or not well
        texts = {PAGE: page(cases, self.seen), README: summarized(README.read_text(), cases, self.seen)}
        for path, text in texts.items():
            if os.environ.get("ENGINES") == "rewrite":
                path.write_text(text)
            elif not path.exists() or path.read_text() != text:
                print(f"\n{path.relative_to(ROOT)} is not what was seen: ENGINES=rewrite pytest -n 2 tests/contract")
                session.exitstatus = pytest.ExitCode.TESTS_FAILED


def contract() -> dict[str, str]:
    """The names of the contract's cases → the modules that they stand in."""
    from eltflow.testing import contract

    found = {name: getattr(contract, name).__module__.rpartition(".")[2] for name in dir(contract) if name.startswith("test_")}
    return dict(sorted(found.items(), key=lambda pair: (list(TITLES).index(pair[1]), pair[0])))


def words(case: str) -> str:
    return case.removeprefix("test_").replace("_", " ")


def cell(count: Counter[str]) -> str:
    """What became of a case on one engine."""
    passed, off, hidden = count["passed"], count["off"], count["not shown"]
    if not passed:
        return "not shown" if hidden else "–"
    more = [f"{off} –"] * bool(off) + [f"{hidden} not shown"] * bool(hidden)
    return ", ".join([str(passed), *more])


def total(cases: Iterable[str], seen: Outcomes, engine: str) -> Counter[str]:
    return sum((seen[engine, case] for case in cases), Counter[str]())


def page(cases: Mapping[str, str], seen: Outcomes) -> str:
    lines = [
        "# Engines, case by case",
        "",
        "What every adapter must do is written down as cases (`eltflow.testing.contract`), which CI runs on each engine. A number says how",
        "many of a case's variants passed; – that the engine does not claim what they need, and that using it is refused in words where it",
        "can be used, or that the tests' own server has none of it (roles to grant to; a connection of its own to cut); *not shown* that an",
        "emulator cannot do what the engine can: of those, the statements are compared with what was written down and reviewed.",
        "",
        "| engine | the cases ran on | which makes a case that passed | passed | – | not shown |",
        "|---|---|---|---|---|---|",
    ]
    for engine, (name, where, proof) in ENGINES.items():
        count = total(cases, seen, engine)
        lines.append(f"| {name} | {where} | {proof} | {count['passed']} | {count['off']} | {count['not shown']} |")
    golden = "MySQL has MariaDB's adapter, StarRocks one of its own, and no server here: golden only"
    lines += ["", f"{golden}, and so are Spark's tables of Delta and Iceberg. Nothing is claimed of an engine beyond this.", ""]
    for module, title in TITLES.items():
        lines += [
            f"## {title}",
            "",
            f"| case | {' | '.join(name for name, _, _ in ENGINES.values())} |",
            "|---|" + "---|" * len(ENGINES),
        ]
        lines += [
            f"| {words(case)} | {' | '.join(cell(seen[engine, case]) for engine in ENGINES)} |"
            for case, where in cases.items()
            if where == module
        ]
        lines.append("")
    return "\n".join([*lines, "Made by `ENGINES=rewrite pytest -n 2 tests/contract`.", ""])


def summarized(readme: str, cases: Mapping[str, str], seen: Outcomes) -> str:
    """The README with the summary of the table."""
    lines = [_BEGIN, "| engine | seen on | cases passed | not claimed | not shown |", "|---|---|---|---|---|"]
    for engine, (name, where, proof) in ENGINES.items():
        count = total(cases, seen, engine)
        lines.append(f"| {name} | {where}: *{proof}* | {count['passed']} | {count['off']} | {count['not shown']} |")
    before, _, rest = readme.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return before + "\n".join([*lines, _END]) + after
