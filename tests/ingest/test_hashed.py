"""`hash: true`: HMAC-SHA256 of a column's values under the project's secret, which nobody finds afterwards, nor the values."""

from __future__ import annotations

import hashlib
import hmac
import json
import sqlite3
from contextlib import closing

import duckdb
import pytest

SECRET = "f3b1c0ffee5eed00d15ea5ed"
EMAILS = ["ann@example.com", "", None, "tab\there", "naïve 😀"]
STEP = {"name": "x", "into": "raw.x", "columns": {"email": {"hash": True}}}
SETTINGS = {"hash_secret": "{{ env_var('PEPPER') }}"}


def hashed(text):
    return None if text is None else hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()


@pytest.fixture
def lake(tmp_path, eltflow, postgres):
    class Lake:
        root = tmp_path

        def project(self, source, *, target="duckdb", settings=SETTINGS, **more):
            own = {"duckdb": {"type": "duckdb", "path": "p.duckdb", "schema": "s"}, "postgres": postgres.target()}
            own["snowflake"] = {
                "type": "snowflake",
                "account": "a",
                "user": "u",
                "password": "p",
                "database": "d",
                "warehouse": "w",
            }
            made = {
                "name": "p",
                "targets": {"dev": own[target]},
                "connections": {"crm": {"type": "sqlite", "path": "crm.sqlite"}},
                **settings,
            }
            (tmp_path / "eltflow.yml").write_text(json.dumps(made))
            for name in ("ingest", "models", "data"):
                (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / "ingest/i.yml").write_text(json.dumps({"steps": [{**STEP, "source": source, **more}]}, indent=1))
            if target == "postgres":
                with closing(postgres.connect()) as con:
                    con.execute("drop schema if exists s_raw, eltflow_meta cascade")
            self.target = target

        def run(self, *arguments, code=0, secret=SECRET):
            ran = eltflow(*(arguments or ("ingest",)), cwd=tmp_path, env={"PEPPER": secret} if secret else None)
            assert ran.code == code, ran.text
            return ran.text

        def rows(self, sql="select id, email from s_raw.x order by 1"):
            if self.target == "postgres":
                with closing(postgres.connect()) as con:
                    return con.execute(sql).fetchall()
            with duckdb.connect(str(tmp_path / "p.duckdb"), read_only=True) as con:
                return con.execute(sql).fetchall()

        def table(self):
            with closing(sqlite3.connect(tmp_path / "crm.sqlite")) as con:
                con.execute("create table t (id integer, email text)")
                con.executemany("insert into t values (?, ?)", enumerate(EMAILS))
                con.commit()
            return {"kind": "sql", "connection": "crm", "table": "t"}

        def file(self, kind, name, rows):
            path = tmp_path / "data" / f"{name}.{kind}"
            path.parent.mkdir(exist_ok=True)
            with duckdb.connect() as con:
                con.execute("create table t (id integer, email varchar)")
                con.executemany("insert into t values (?, ?)", rows)
                con.execute(f"copy t to '{path}'" + (" (force_quote (email))" if kind == "csv" else ""))
            return {"kind": "files", "path": f"data/*.{kind}"}

    return Lake()


@pytest.mark.parametrize("target", ["duckdb", "postgres"])
@pytest.mark.parametrize("kind", ["sql", "csv", "json", "parquet"])
def test_values_are_hashed_on_their_way(lake, kind, target):
    lake.project(lake.table() if kind == "sql" else lake.file(kind, "a", list(enumerate(EMAILS))), target=target)
    lake.run()
    there = [None if kind == "csv" and email == "" else email for email in EMAILS]  # of CSV, what is empty is NULL
    assert lake.rows() == [(n, hashed(email)) for n, email in enumerate(there)]


@pytest.mark.parametrize("target", ["duckdb", "postgres"])
@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_hashes_are_keys(lake, kind, target):
    """The same value has the same hash in each load, as a key and under another name, whatever its letters."""
    source = lake.file(kind, "a", [(1, "a"), (2, "b")])
    columns = {"email": {"rename": "Mail", "hash": True}}
    lake.project(source, target=target, load="merge", unique_key="Mail", columns=columns)
    lake.run()
    lake.file(kind, "b", [(3, "b"), (4, "c")])
    lake.run()
    name = "mail" if target == "postgres" else "Mail"
    assert lake.rows(f"select id, {name} from s_raw.x order by 1") == [(1, hashed("a")), (3, hashed("b")), (4, hashed("c"))]


def test_nothing_of_it_is_left_anywhere(lake):
    lake.project(lake.file("csv", "a", [(7, "ann@example.com")]))
    for command in (
        ("plan", "--sql"),
        ("ingest", "--dry-run"),
        ("ingest", "--preview", "x"),
        ("ingest",),
        ("show", "x"),
        ("docs", "generate"),
    ):
        said = lake.run(*command)
        assert SECRET not in said
        assert "ann@example.com" not in said
    for path in lake.root.rglob("*"):
        if path.is_file() and path.parent.name != "data":
            assert SECRET.encode() not in path.read_bytes(), path
            assert b"ann@example.com" not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("settings", "secret", "words"),
    [
        ({}, SECRET, "`hash` needs the project's secret, and eltflow.yml has no `hash_secret`"),
        (
            {"hash_secret": "written down, and long enough"},
            SECRET,
            "`hash_secret` is written down, where everybody can read it",
        ),
        (SETTINGS, None, "the environment variable `PEPPER` is not set"),
        (SETTINGS, "short", "`hash_secret` has 5 characters, and needs 16"),
    ],
)
def test_a_secret_that_is_none(lake, settings, secret, words):
    lake.project(lake.file("csv", "a", [(1, "a")]), settings=settings)
    said = lake.run(code=2, secret=secret)
    assert words in said
    assert "written down, and" not in said
    assert not (lake.root / "p.duckdb").exists()


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        ({"columns": {"emial": {"hash": True}}}, 1, "`columns` names `emial`, which "),
        (
            {"columns": {"email": {"hash": True, "data_type": "text"}}},
            2,
            "the column `email` is hashed, which is a text, and has a type too",
        ),
        (
            {"columns": {"email": {"hash": True, "exclude": True}}},
            2,
            "the column `email` is left out, and `hash` means nothing",
        ),
        (
            {"load": "merge", "unique_key": "id", "cursor": {"column": "email"}},
            2,
            "the cursor `email` is hashed, and hashes have no order",
        ),
        ({"columns": {"email": {"hash": "yes"}}}, 2, "hash"),
    ],
)
@pytest.mark.parametrize("kind", ["sql", "csv"])
def test_what_does_not_go_with_a_hash(lake, kind, more, code, words):
    lake.project(lake.table() if kind == "sql" else lake.file("csv", "a", [(1, "a")]), **more)
    said = lake.run(code=code)
    assert words in said
    assert "ingest/i.yml" in said
    assert not (lake.root / "p.duckdb").exists() or lake.rows("select count(*) from duckdb_tables() where table_name = 'x'") == [
        (0,)
    ]


@pytest.mark.parametrize("kind", ["sql", "csv", "json"])
def test_a_hashed_column_that_goes_away_stops_the_load(lake, kind):
    """Whatever `schema_changes` says: it may come by another name, and would be there for all to read."""
    more = {"load": "merge", "unique_key": "id", "schema_changes": {"column": "evolve"}}
    if kind == "sql":
        lake.project(lake.table(), **more)
    else:
        lake.project(lake.file(kind, "a", [(1, "a")]), **more)
    lake.run()
    if kind == "sql":
        with closing(sqlite3.connect(lake.root / "crm.sqlite")) as con:
            con.execute("alter table t rename column email to mail")
    else:
        text = (lake.root / f"data/a.{kind}").read_text().replace("email", "mail")
        (lake.root / f"data/b.{kind}").write_text(text)
    before = lake.rows()
    assert "`columns` names `email`, which " in lake.run(code=1)
    assert lake.rows() == before


def test_an_engine_that_is_sent_no_hashes(lake):
    lake.project(lake.file("csv", "a", [(1, "a")]), target="snowflake")
    said = lake.run("ingest", "--dry-run", code=1)
    assert "columns are hashed for engines whose DDL takes part in transactions, unlike snowflake's" in said
