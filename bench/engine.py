"""Runs the bare statements of a generated project straight through DuckDB: one connection, dependency order.

    python bench/engine.py raw|seed|run_one|run|test|build|all PROJECT DATABASE

It imports nothing but DuckDB and json, so the CPU of its process is the floor for a tool that sends the same
statements. `run` builds what is missing and replaces what is there; an incremental model that is there gets its new
rows by delete and insert. `run_one` does so for the one model that a measurement selects. `build`
makes a whole database from nothing, `all` also tests it. Exit code 1 when a test
finds failing rows.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:  # the process that is measured loads no more than it needs
    from bench.statements import ModelStatement, Statements

SCHEMA = "analytics"
STORAGE = "v1.0.0"
"""The storage version of the file, so that every peer's DuckDB can open it."""


def connect(path: str) -> duckdb.DuckDBPyConnection:
    """A connection to the file, under the name that a tool would give its catalog."""
    connection = duckdb.connect()
    connection.execute("set threads = 2")
    name = os.path.splitext(os.path.basename(path))[0]
    connection.execute(f"attach '{path}' as \"{name}\" (storage_version '{STORAGE}')")
    connection.execute(f'use "{name}"')
    connection.execute(f"create schema if not exists {SCHEMA}")
    return connection


def existing(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """The relations that are there."""
    query = "select table_name from information_schema.tables where table_schema = ?"
    return {str(name) for (name,) in connection.execute(query, [SCHEMA]).fetchall()}


def seed(connection: duckdb.DuckDBPyConnection, statements: Statements, project: str) -> None:
    """Loads the seeds by the engine's own reader."""
    for relation, path in statements["seeds"]:
        connection.execute(f"create or replace table {relation} as from read_csv('{os.path.join(project, path)}')")


def run(connection: duckdb.DuckDBPyConnection, statements: Statements) -> None:
    """Builds every model."""
    there = existing(connection)
    for model in statements["models"]:
        if model["later"] and model["name"] in there:
            rerun(connection, model)
            continue
        kind = "view" if model["materialized"] == "view" else "table"
        connection.execute(f"create or replace {kind} {model['relation']} as\n{model['select']}")


def rerun(connection: duckdb.DuckDBPyConnection, model: ModelStatement) -> None:
    """Replaces the changed rows of an incremental model, in one transaction."""
    relation, key = model["relation"], model["key"]
    connection.execute("begin")
    connection.execute(f"create or replace temp table new_rows as\n{model['later']}")
    connection.execute(f"delete from {relation} where {key} in (select {key} from temp.new_rows)")
    connection.execute(f"insert into {relation} by name select * from temp.new_rows")
    connection.execute("commit")


def test(connection: duckdb.DuckDBPyConnection, statements: Statements) -> int:
    """Runs every test; gives how many found failing rows."""
    failed = 0
    for query in statements["tests"]:
        row = connection.execute(query).fetchone()
        failed += row is None or row[0] > 0
    return failed


def main() -> int:
    """The command line."""
    command, project, path = sys.argv[1:4]
    with open(os.path.join(project, "one.json" if command == "run_one" else "statements.json"), encoding="utf-8") as file:
        statements: Statements = json.load(file)
    connection = connect(path)
    if command in {"raw", "build", "all"}:
        for statement in statements["raw"]:
            connection.execute(statement)
    if command in {"seed", "build", "all"}:
        seed(connection, statements, project)
    if command in {"run_one", "run", "build", "all"}:
        run(connection, statements)
    failed = test(connection, statements) if command in {"test", "all"} else 0
    connection.close()
    if failed:
        print(f"{failed} tests found failing rows", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
