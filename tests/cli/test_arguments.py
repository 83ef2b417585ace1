"""What is told of calls without asking an engine is true of it: no engine takes a number of arguments that would be called an error."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from eltflow_postgres import ADAPTER
from mariadb_server import MariaDB as MariaDB
from postgres_server import Server as Postgres

from eltflow.sql.parse import Refused, parse
from eltflow.sql.statement import SURE_ARITY, miscalled
from eltflow.testing.bench import Subject, opened


def accused(dialect: str) -> list[tuple[str, int]]:
    """The names, with the numbers of arguments (up to six) that are told of as errors."""
    found = []
    for name in sorted(SURE_ARITY):
        for count in range(7):
            read = parse(f"select {name}({', '.join(['x'] * count)}) from t", dialect)
            if isinstance(read, Refused) and miscalled(read, dialect) is not None:
                found.append((name, count))
    assert len(found) > 3 * len(SURE_ARITY)
    return found


def test_postgres_has_no_such_function(postgres: Postgres, tmp_path: Path) -> None:
    with opened(Subject(adapter=ADAPTER, target=postgres.target(), root=tmp_path)) as bench:
        takes = bench.rows("select proname::text, pronargs - pronargdefaults, pronargs, provariadic <> 0 from pg_catalog.pg_proc")
    wrong = [
        (name, count)
        for name, count in accused("postgres")
        for one, least, most, variadic in takes
        if one == name and least <= count and (count <= most or variadic)
    ]
    assert wrong == []


def test_mariadb_takes_no_such_call(mariadb: MariaDB) -> None:
    for name, count in accused("mysql"):
        with pytest.raises(Exception, match=r"1064|1582|syntax|parameter count"):
            mariadb.sql(f"select {name}({', '.join(['1'] * count)})")


def test_sqlite_takes_no_such_call() -> None:
    with sqlite3.connect(":memory:") as connection:
        for name, count in accused("sqlite"):
            with pytest.raises(sqlite3.OperationalError, match=r"wrong number|syntax|no such function|requires"):
                connection.execute(f"select {name}({', '.join(['1'] * count)})")


def _project(make: Callable[..., Path], query: str) -> Path:
    settings = "name: p\ntargets:\n  dev: {type: postgres, host: localhost, dbname: x, user: u, schema: s}\n"
    return make({"models/m.sql": query, "eltflow.yml": settings})


def test_one_that_others_may_take_otherwise_is_a_warning(project: Callable[..., Path], eltflow: Callable[..., Any]) -> None:
    done = eltflow("check", cwd=_project(project, "select md5(1, 2) as x"))
    assert done.code == 0
    assert "warning[W0401]: the SQL of `m` is beyond eltflow's parser (`md5` is called with 2 arguments)" in done.err, done.err


def test_a_function_of_the_projects_own_is_none_of_these(project: Callable[..., Path], eltflow: Callable[..., Any]) -> None:
    query = (
        "{{ config(pre_hook=\"create function upper(int, int) returns int language sql as 'select 1'\") }} select upper(1, 2) as x"
    )
    done = eltflow("check", cwd=_project(project, query))
    assert done.code == 0, done.text
    assert "E0410" not in done.text
