"""Tables that one step brings of PostgreSQL are read at one moment, whatever is written between them."""

from __future__ import annotations

import json
import threading
from contextlib import closing

import duckdb
import pytest


@pytest.fixture
def counted(tmp_path, postgres):
    """Three tables of PostgreSQL whose numbers are the same at every moment, and grow all the time."""
    with closing(postgres.connect()) as con:
        con.execute("drop schema if exists moment cascade; create schema moment")
        for name in "abc":
            con.execute(f"create table moment.{name} (n bigint); insert into moment.{name} values (0)")
    ended = threading.Event()

    def count():
        with closing(postgres.connect()) as con:
            while not ended.wait(0.001):
                con.execute(
                    "begin; update moment.a set n = n + 1; update moment.b set n = n + 1; update moment.c set n = n + 1; commit"
                )

    counting = threading.Thread(target=count)
    counting.start()
    source = {k: v for k, v in postgres.target().items() if k in ("type", "host", "port", "user", "password", "dbname")}
    target = {"type": "duckdb", "path": "p.duckdb", "schema": "s", "threads": 1}
    (tmp_path / "eltflow.yml").write_text(json.dumps({"name": "p", "targets": {"dev": target}, "connections": {"crm": source}}))
    (tmp_path / "ingest").mkdir()
    asked = {"kind": "sql", "connection": "crm", "schema": "moment", "tables": ["a", "b", "c"]}
    (tmp_path / "ingest/i.yml").write_text(json.dumps({"steps": [{"name": "x", "source": asked, "into": "raw.{table}"}]}))
    yield tmp_path
    ended.set()
    counting.join()


def numbers(root):
    with duckdb.connect(str(root / "p.duckdb"), read_only=True) as con:
        return con.execute("select a.n, b.n, c.n from s_raw.a, s_raw.b, s_raw.c").fetchall()[0]


def test_tables_of_one_step_are_of_one_moment(counted, eltflow, postgres):
    for _ in range(3):
        ran = eltflow("ingest", cwd=counted)
        assert ran.code == 0, ran.text
        assert len(set(numbers(counted))) == 1
    with closing(postgres.connect()) as con:
        held = con.execute("select count(*) from pg_stat_activity where state like 'idle in transaction%'").fetchall()
    assert held == [(0,)], "nobody holds the moment any more"


def test_one_table_alone_is_of_now(counted, eltflow):
    assert eltflow("ingest", cwd=counted).code == 0
    before = numbers(counted)
    assert eltflow("ingest", "--select", "x.b", cwd=counted).code == 0
    after = numbers(counted)
    assert after[1] > before[1]
    assert after[0] == before[0]


def test_a_table_that_fails_lets_the_others_be(counted, eltflow):
    steps = json.loads((counted / "ingest/i.yml").read_text())
    steps["steps"][0]["source"]["tables"] = ["a", "nope", "c"]
    (counted / "ingest/i.yml").write_text(json.dumps(steps))
    assert eltflow("ingest", cwd=counted).code == 1
    with duckdb.connect(str(counted / "p.duckdb"), read_only=True) as con:
        assert len(set(con.execute("select n from s_raw.a union all select n from s_raw.c").fetchall())) == 1
