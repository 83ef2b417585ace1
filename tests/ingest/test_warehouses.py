"""Steps that read from a warehouse: on the real servers, and on the emulators where there is no server."""

from __future__ import annotations

import datetime as dt
import json
from contextlib import closing
from decimal import Decimal

import duckdb
import pytest

from eltflow.base import plugins
from eltflow.testing.bench import Subject
from eltflow.warehouse.values import Statement

ENGINES = ["snowflake", "bigquery", "spark", "redshift"]
SCHEMA = "bought"
#: How an engine spells the types of the columns, where not as most do.
TYPES = {
    "bigquery": {"bigint": "int64", "varchar(20)": "string", "decimal(18,4)": "numeric", "timestamp": "datetime"},
    "spark": {"timestamp": "timestamp_ntz"},
}


class Shop:
    """A project on DuckDB with a connection to a warehouse, whose table is `orders`."""

    def __init__(self, root, eltflow, kind, values):
        self.root, self._eltflow, self.kind = root, eltflow, kind
        self.values = {**values, "schema": SCHEMA}
        for name in ("ingest", "models"):
            (root / name).mkdir()
        self.settings()
        for sql in ("drop schema if exists {} cascade", "create schema if not exists {}"):
            self.sql(sql.format(SCHEMA))
        of = TYPES.get(kind, {})
        wanted = [("id", "bigint"), ("amount", "decimal(18,4)"), ("note", "varchar(20)"), ("stamp", "timestamp"), ("day", "date")]
        columns = ", ".join(f"{name} {of.get(type, type)}" for name, type in wanted)
        self.sql(f"create table {SCHEMA}.orders ({columns})")

    def settings(self, **more):
        values = {k: v for k, v in {**self.values, **more}.items() if k != "threads"}
        targets = {"dev": {"type": "duckdb", "path": "p.duckdb", "schema": "s"}}
        (self.root / "eltflow.yml").write_text(json.dumps({"name": "p", "targets": targets, "connections": {"far": values}}))

    def sql(self, *statements):
        adapter = plugins.load("eltflow.adapters", self.values["type"])
        subject = Subject(adapter=adapter, target=self.values, root=self.root).values()
        with closing(adapter.open(subject, self.root)) as database, closing(database.session()) as session:
            for one in statements:
                session.execute(Statement(one))

    def put(self, *rows):
        cast = TYPES.get(self.kind, {}).get("timestamp", "timestamp")
        for id, amount, note, at in rows:
            day = f"date '{at[:10]}'"
            self.sql(f"insert into {SCHEMA}.orders values ({id}, {amount}, '{note}', cast('{at}' as {cast}), {day})")

    def step(self, **more):
        source = {"kind": "sql", "connection": "far", **more.pop("source", {"table": f"{SCHEMA}.orders"})}
        entry = {"name": "x", "source": source, "into": "raw.x", "load": "append", "cursor": {"column": "stamp"}, **more}
        (self.root / "ingest/i.yml").write_text(json.dumps({"steps": [entry]}))

    def run(self, *words, code=0):
        ran = self._eltflow(*(words or ("ingest",)), cwd=self.root)
        assert ran.code == code, ran.text
        return ran.text

    def rows(self, sql="select id, amount, note, stamp, day from s_raw.x order by id"):
        with duckdb.connect(str(self.root / "p.duckdb"), read_only=True) as connection:
            return connection.execute(sql).fetchall()


@pytest.fixture
def shop(request, tmp_path, eltflow):
    return Shop(tmp_path, eltflow, request.param, request.getfixturevalue(request.param).target())


def every(*, ci):
    """All engines, of which some are long proofs."""
    more = {kind: [] if kind in ci else [pytest.mark.prove] for kind in ENGINES}
    return pytest.mark.parametrize(
        "shop", [pytest.param(kind, marks=[pytest.mark.xdist_group(kind), *more[kind]]) for kind in ENGINES], indirect=True
    )


@every(ci=("snowflake", "bigquery", "redshift"))
def test_rows_come_once_by_their_cursor(shop):
    shop.put((1, "12345678901.234", "ä", "2026-03-29 01:59:59.123456"), (2, "-0.5", "", "2026-03-30 00:00:00"))
    shop.step()
    assert "2 rows" in shop.run()
    first = [
        (1, Decimal("12345678901.234"), "ä", dt.datetime(2026, 3, 29, 1, 59, 59, 123456), dt.date(2026, 3, 29)),
        (2, Decimal("-0.5"), "", dt.datetime(2026, 3, 30), dt.date(2026, 3, 30)),
    ]
    assert shop.rows() == first
    shop.put((3, "1", "late", "2026-03-30 00:00:00"), (4, "2", "new", "2026-03-31 00:00:00"))
    shop.run()
    assert [id for id, *_ in shop.rows()] == [1, 2, 3, 4]
    shop.step(load="merge", unique_key="id", cursor={"column": "id"}, source={"query": f"select id, note from {SCHEMA}.orders"})
    shop.run("ingest", "--full-refresh")
    assert shop.rows("select count(*), max(note) from s_raw.x") == [(4, "ä")]


@every(ci=("redshift",))
def test_what_is_wrong_is_said_before_anything_is_touched(shop):
    shop.step(source={"table": f"{SCHEMA}.nothing"})
    told = shop.run(code=1)
    assert "connection `far`: " in told
    assert "nothing" in told.lower()
    shop.step(cursor={"column": "missing"})
    assert "missing" in shop.run(code=1)
    shop.settings(nonsense=1)
    assert "nonsense" in shop.run(code=2)


@every(ci=("redshift",))
def test_a_step_is_written_from_what_is_there(shop):
    shop.put((1, "1", "a", "2026-03-29 00:00:00"))
    text = shop.run("init-source", "far", "--schema", SCHEMA)
    assert "orders" in text.lower()
    assert "1 row" in shop.run("ingest")
