"""What is valid is never called wrong: stars over joins that leave out or rename a column of one table, words of engines, ROWS FROM."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

Project = Callable[..., Path]
Run = Callable[..., Any]
SEEDS = {"seeds/o.csv": "id,oid,amount\n1,10,5\n", "seeds/c.csv": "id,name\n1,ann\n"}
STARS = [
    "select * exclude (o.id) from o join c on o.id = c.id",
    "select * exclude (c.id, oid) from o join c on o.id = c.id",
    "select o.* exclude (o.id), c.id from o join c on o.id = c.id",
    "select * exclude (o.id) from o join c using (id)",
    "select * rename (o.id as mine) from o join c on o.id = c.id",
    "select * rename (o.id as mine, c.id as theirs) from o join c on o.id = c.id",
    "with x as (select id, oid from o), y as (select id, name from c) select * exclude (x.id) from x join y on x.id = y.id",
]


@pytest.mark.parametrize("query", STARS)
def test_every_column_that_is_there_may_be_tested(project: Project, eltflow: Run, query: str) -> None:
    """A test on each column that the engine gives is no error, and one on a name that it does not give never passes for known."""
    root = project({**SEEDS, "models/m.sql": query})
    assert eltflow("build", cwd=root).code == 0
    with duckdb.connect(str(root / "p.duckdb")) as connection:
        names = [
            name for (name,) in connection.execute("select column_name from duckdb_columns() where table_name = 'm'").fetchall()
        ]
    tests = "".join(f"      - {{name: {name}, data_tests: [not_null]}}\n" for name in names)
    (root / "models" / "m.yml").write_text(f"models:\n  - name: m\n    columns:\n{tests}")
    done = eltflow("check", cwd=root)
    assert done.code == 0, done.text
    for name in names:
        shown = eltflow("lineage", f"m.{name}", "--json", cwd=root)
        assert shown.code == 0 or "are not known" in shown.err or "not followed" in shown.err, shown.text


def test_what_is_personal_is_followed_through_them(project: Project, eltflow: Run) -> None:
    tagged = "seeds:\n  - {name: c, columns: [{name: id, tags: [pii]}]}\ngroups: [{name: crm, owner: {name: me}}]\n"
    models = {"models/m.sql": STARS[0], "models/n.sql": "select id as again from m"}
    root = project({**SEEDS, **models, "seeds/c.yml": tagged}, settings="pii: {allowed_groups: [crm]}\n")
    done = eltflow("check", cwd=root)
    assert done.code == 1
    assert "models/m.sql" in done.err
    assert "models/n.sql" in done.err
    found = json.loads(eltflow("impact", "c.id", "--json", cwd=root).out)
    assert "model.p.n" in json.dumps(found)


def test_lineage_of_a_test(project: Project, eltflow: Run) -> None:
    described = "models:\n  - {name: m, columns: [{name: id, data_tests: [not_null]}]}\n"
    root = project({**SEEDS, "models/m.sql": "select id from o", "models/m.yml": described})
    done = eltflow("lineage", "not_null_m_id", cwd=root)
    assert done.code == 0, done.text
    assert "m" in done.out


def test_rows_from_is_not_followed(project: Project, eltflow: Run) -> None:
    settings = "name: p\ntargets:\n  dev: {type: postgres, host: localhost, dbname: x, user: u, schema: s}\n"
    query = "select * from rows from (generate_series(1,2), generate_series(1,3)) as t(a, b)"
    root = project({"models/m.sql": query, "eltflow.yml": settings})
    done = eltflow("check", cwd=root)
    assert "itself failed" not in done.text
    assert done.code == 0, done.text


@pytest.mark.parametrize("engine", ["duckdb", "postgres", "mariadb", "sqlite", "snowflake", "bigquery"])
@pytest.mark.parametrize("word", ["user", "current_role", "system_user", "xmin", "tableoid", "utc_date", "level"])
def test_words_that_are_no_columns_of_ours(project: Project, eltflow: Run, word: str, engine: str) -> None:
    """Each is one in some engine: better silent than wrong. DuckDB itself is asked whether it is one of its own."""
    settings = f"name: p\ntargets:\n  dev: {{{TARGETS[engine]}}}\n"
    root = project({**SEEDS, "models/m.sql": f"select {word} as x from o", "eltflow.yml": settings})
    found = "E0405" in eltflow("check", cwd=root).text
    assert found is (engine == "duckdb" and word not in ("user", "current_role"))


VALID = Path(__file__).resolve().parent / "valid"
TARGETS = {
    "bigquery": "type: bigquery, project: p, schema: d",
    "duckdb": "type: duckdb, path: p.duckdb",
    "mariadb": "type: mariadb, host: localhost, database: x, user: u, schema: x",
    "postgres": "type: postgres, host: localhost, dbname: x, user: u, schema: s",
    "snowflake": "type: snowflake, account: a, user: u, password: p, database: d, schema: s, warehouse: w",
    "sqlite": "type: sqlite, path: p.db",
}


def _queries(engine: str) -> list[str]:
    return (VALID / f"{engine}.sql").read_text().splitlines()


@pytest.mark.parametrize("engine", TARGETS)
def test_what_an_engine_takes_is_no_error(project: Project, eltflow: Run, engine: str) -> None:
    """Words, pseudo-columns, functions and forms of each engine, one query a line, over the seeds `o` and `c`."""
    queries = _queries(engine)
    models = {f"models/m{number}.sql": query for number, query in enumerate(queries)}
    root = project({**SEEDS, **models, "eltflow.yml": f"name: p\ntargets:\n  dev: {{{TARGETS[engine]}}}\n"})
    done = eltflow("check", "--json", cwd=root)
    errors = [found for found in json.loads(done.out)["findings"] if found["severity"] == "error"]
    assert [(e["code"], e["message"], queries[int(Path(e["file"]).stem[1:])]) for e in errors] == []
    assert done.code == 0


def test_those_that_are_said_to_be_valid_are() -> None:
    """On the engines that are in this process."""
    tables = "create table o (id bigint, oid bigint, amount bigint); create table c (id bigint, name varchar);"
    with duckdb.connect() as duck:
        duck.execute(tables)
        for query in _queries("duckdb"):
            duck.execute(query)
    lite = sqlite3.connect(":memory:")
    lite.executescript(f"{tables} create index ix on o (id);")
    for query in _queries("sqlite"):
        lite.execute(query)
    lite.close()
