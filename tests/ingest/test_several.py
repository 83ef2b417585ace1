"""Steps that bring several tables, and steps that are written from live sources."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from textwrap import dedent

import duckdb
import pytest
import yaml
from api_server import Api, Reply

SCHEMA = """
    create table orders (id integer not null primary key, cents decimal(10, 2), updated_at timestamp);
    create table order_items (order_id integer, line integer, sku varchar(9), primary key (line, order_id));
    create table audit_log (note varchar(9));
    create view big_orders as select id from orders where cents > 100;
"""
ROWS = """
    insert into orders values (1, 5, '2013-01-01 10:00:00'), (2, 500, '2013-01-02 10:00:00');
    insert into order_items values (1, 1, 'a'), (1, 2, 'b');
    insert into audit_log values ('x');
"""


class World:
    def __init__(self, root, eltflow, servers):
        self.root, self._eltflow, self._servers = root, eltflow, servers

    def project(self, connection, steps=None):
        settings = {
            "name": "p",
            "targets": {"dev": {"type": "duckdb", "path": "p.duckdb", "schema": "s"}},
            "connections": {"crm": connection},
        }
        (self.root / "eltflow.yml").write_text(json.dumps(settings))
        for name in ("ingest", "models"):
            (self.root / name).mkdir(exist_ok=True)
        if steps is not None:
            (self.root / "ingest/crm.yml").write_text(yaml.safe_dump({"steps": steps}))
        return self

    def database(self, kind, statements=SCHEMA + ROWS):
        """The settings of a connection to a database that these statements made."""
        if kind == "sqlite":
            with closing(sqlite3.connect(self.root / "crm.sqlite")) as con:
                con.executescript(statements)
            return {"type": "sqlite", "path": "crm.sqlite"}
        if kind == "duckdb":
            with duckdb.connect(str(self.root / "crm.duckdb")) as con:
                con.execute(statements)
            return {"type": "duckdb", "path": "crm.duckdb"}
        server = self._servers(kind)
        schema = "crm_several"
        with closing(server.connect()) as con:
            cursor = con.cursor()
            cursor.execute(f"drop schema if exists {schema}" + (" cascade" if kind == "postgres" else ""))
            cursor.execute(f"create schema {schema}")
            cursor.execute(f"set search_path = {schema}" if kind == "postgres" else f"use {schema}")
            for statement in filter(str.strip, statements.split(";")):
                cursor.execute(statement)
            con.commit()
        return {key: value for key, value in server.target().items() if key not in ("schema", "database", "threads")}

    def run(self, *arguments, code=0):
        ran = self._eltflow(*arguments, cwd=self.root)
        assert ran.code == code, ran.text
        return ran.text

    def fails(self, *arguments, code=2):
        text = self.run(*arguments, code=code)
        return text[text.index("error[") :].split("\n\n")[0].rstrip()

    def rows(self, sql):
        with duckdb.connect(str(self.root / "p.duckdb"), read_only=True) as con:
            return con.execute(sql).fetchall()

    def written(self, file):
        return (self.root / file).read_text()


@pytest.fixture
def world(tmp_path, eltflow, request):
    return World(tmp_path, eltflow, request.getfixturevalue)


CRM = {
    "name": "crm",
    "source": {
        "kind": "sql",
        "connection": "crm",
        "tables": {
            "order*": {"tags": ["order"]},
            "orders": {
                "load": "merge",
                "unique_key": "id",
                "cursor": {"column": "updated_at"},
                "columns": {"id": {"data_tests": ["unique"]}},
            },
            "audit_log": None,
        },
        "exclude": "order_i*",
    },
    "into": "raw.crm_{table}",
    "tags": ["crm"],
}


def test_each_table_is_a_node(world):
    world.project(world.database("sqlite"), [CRM])
    world.run("init-source", "--tables", "crm")
    assert world.written("ingest/crm.tables.txt") == (
        "# The tables of `crm` that the patterns of the step `crm` can mean. Written by: eltflow init-source --tables crm\n"
        "audit_log\nbig_orders\norder_items\norders\n"
    )
    (world.root / "models/m.sql").write_text("select count(*) as n from raw.crm_orders")
    assert world.run("ls").split() == ["raw.crm_audit_log", "raw.crm_orders", "m", "unique_crm_orders_id"]
    assert world.run("ls", "--select", "tag:order+").split() == ["raw.crm_orders", "m", "unique_crm_orders_id"]
    assert world.run("ls", "--select", "crm", "--resource-type", "ingest").split() == ["raw.crm_audit_log", "raw.crm_orders"]
    assert world.run("ls", "--select", "crm.orders", "--resource-type", "ingest").split() == ["raw.crm_orders"]
    assert "2 ingestion steps, 1 model built · 1 test passed" in world.run("build")
    assert "+0 rows, 1 changed" in world.run("ingest", "--select", "crm.orders")
    assert world.rows("select step, rows from eltflow_meta.load order by 1, 2") == [
        ("ingest.p.crm.audit_log", 1),
        ("ingest.p.crm.orders", 1),
        ("ingest.p.crm.orders", 2),
    ]


def test_the_list_is_read_anew(world):
    """Also by a project that is cached."""
    world.project(world.database("sqlite"), [{**CRM, "source": {"kind": "sql", "connection": "crm", "tables": "*"}}])
    assert world.fails("parse").startswith("error[E0103]: which tables `*` means is not written down in ingest/crm.tables.txt yet")
    world.run("init-source", "--tables", "crm")
    assert len(world.run("ls").split()) == 4
    with closing(sqlite3.connect(world.root / "crm.sqlite")) as con:
        con.execute("create table late (id integer)")
    assert len(world.run("ls").split()) == 4
    world.run("init-source", "--tables", "crm")
    assert len(world.run("ls").split()) == 5


def test_a_list_of_no_such_step(world):
    world.project({"type": "sqlite", "path": "crm.sqlite"}, [CRM])
    assert world.fails("init-source", "--tables", "crn") == (
        "error[E0214]: there is no step `crn` that brings several tables\n  = help: did you mean `crm`?"
    )


def test_an_error_of_one_table_is_told_where_it_is_said(world):
    """And before anything runs, if it can be known."""
    world.project({"type": "sqlite", "path": "crm.sqlite"})
    (world.root / "ingest/crm.yml").write_text(
        dedent("""\
        steps:
          - name: crm
            source:
              kind: sql
              connection: crm
              tables:
                orders:
                  load: merge
                audit_log:
            into: raw.{table}
        """)
    )
    assert world.fails("parse") == dedent("""\
        error[E0103]: `load: merge` needs `unique_key`
         --> ingest/crm.yml:8:17
          |
        8 |           load: merge
          |                 ^^^^^
          = help: add `unique_key:`, the column or columns whose values tell rows apart""")


def test_a_table_that_is_not_there(world):
    """The others are loaded."""
    source = {"kind": "sql", "connection": "crm", "tables": ["orders", "ordres"]}
    world.project(world.database("sqlite"), [{**CRM, "source": source, "into": "raw.{table}"}])
    text = world.run("ingest", code=1)
    assert "error[E0601]: ingest `crm.ordres`: connection `crm`: no such table: ordres" in text
    assert world.rows("select count(*) from s_raw.orders") == [(2,)]


KINDS = ["sqlite", "duckdb", "postgres", "mariadb"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_is_written_from_a_database(world, kind):
    """And loads: keys and the columns that say when a row changed are found."""
    world.project(world.database(kind))
    schema = () if kind in ("sqlite", "duckdb") else ("--schema", "crm_several")
    assert world.run("init-source", "crm", *schema) == (
        "wrote ingest/crm.yml · 4 tables\nnext: eltflow ingest --preview crm.audit_log\n"
    )
    line = "      schema: crm_several\n" if schema else ""
    moment = "cursor: {column: updated_at}"
    assert world.written("ingest/crm.yml") == (
        "steps:\n  - name: crm\n    source:\n      kind: sql\n      connection: crm\n"
        f"{line}      tables:\n"
        "        audit_log:  # loaded whole: it has no primary key\n"
        "        big_orders:  # loaded whole: it has no primary key\n"
        "        order_items:  # loaded whole: no column says when a row changed\n"
        f"        orders:\n          load: merge\n          unique_key: id\n          {moment}\n"
        "    into: raw.{table}\n"
    )
    world.run("build")
    assert world.rows("select id, cents from s_raw.orders order by 1")[1][0] == 2
    assert world.rows("select count(*) from s_raw.order_items") == [(2,)]


def test_some_tables_under_another_name(world):
    world.project(
        world.database("sqlite", SCHEMA + ROWS + 'create table "odd. name" (a integer); create table "yes" ("a: b" integer)')
    )
    world.run("init-source", "crm", "--table", "o*", "--table", "yes", "--name", "some", "--into", "landing")
    assert world.written("ingest/some.yml").endswith(
        "        order_items:  # loaded whole: no column says when a row changed\n"
        "        orders:\n          load: merge\n          unique_key: id\n          cursor: {column: updated_at}\n"
        '        "yes":  # loaded whole: it has no primary key\n'
        '        # left out, for its name: "odd. name"\n'
        "    into: landing.{table}\n"
    )
    assert world.run("ls").split() == ["landing.order_items", "landing.orders", "landing.yes"]
    assert world.fails("init-source", "crm", "--table", "ordrs", "--name", "x") == (
        "error[E0123]: `crm` has no table `ordrs`\n  = help: did you mean `orders`?"
    )
    assert world.fails("init-source", "crm", "--schema", "nowhere", "--name", "x") == (
        "error[E0123]: the schema `nowhere` of `crm` has no table that may be read\n  = help: name another schema: --schema NAME"
    )
    assert not (world.root / "ingest/x.yml").exists()


def test_a_step_is_written_from_files(world):
    world.project({"type": "sqlite", "path": "crm.sqlite"})
    (world.root / "data").mkdir()
    for day, rows in (("01", "1,2013-01-01,007,yes\n"), ("02", "2,2013-01-02,12,no\n")):
        (world.root / f"data/visits-{day}.csv").write_text(f"id,day,code,a b\n{rows}")
    assert world.run("init-source", "data/visits-*.csv") == (
        "wrote ingest/visits.yml · 1 table\nnext: eltflow ingest --preview visits\n"
    )
    assert world.written("ingest/visits.yml") == dedent("""\
        steps:
          - name: visits
            source: {kind: files, path: "data/visits-*.csv"}
            into: raw.visits
            columns:
              id: {data_type: bigint}
              day: {data_type: date}
              code: {data_type: varchar}
              a b: {data_type: varchar}
        """)
    world.run("build")
    assert len(world.rows("select * from s_raw.visits")) == 2
    assert world.fails("init-source", "data/visits-*.csv") == (
        "error[E0123]: ingest/visits.yml exists, and is not replaced\n  = help: write another file: --name NAME"
    )
    assert world.fails("init-source", "data/vists-*.csv").startswith(
        "error[E0123]: `data/vists-*.csv` is no connection, and no file matches it"
    )
    (world.root / "data/2013.csv").write_text("a\n1\n")
    assert world.fails("init-source", "data/2013.csv").startswith("error[E0123]: `2013` cannot be a step's name")


ANSWERS = {
    "a list": (lambda asked: [{"id": 1, "at": "2013-01-01T10:00:00Z"}], [], True),
    "within, and an address": (
        lambda asked: {
            "data": {"items": [{"id": int(asked.params.get("page", 1)), "at": "2013-01-01T10:00:00Z"}]},
            "links": {"next": "/v1/orders?page=2" if "page" not in asked.params else None},
        },
        ["      records: data.items", "      pagination: {type: next_url, next: links.next}"],
        False,
    ),
    "a link": (
        lambda asked: Reply(
            [{"id": int(asked.params.get("page", 1)), "at": "2013-01-01T10:00:00Z"}],
            headers={"Link": '</v1/orders?page=2>; rel="next"'} if "page" not in asked.params else {},
        ),
        ["      pagination: {type: link}"],
        False,
    ),
}


@pytest.mark.parametrize("case", list(ANSWERS))
def test_a_step_is_written_from_an_endpoint(world, case):
    answer, lines, asks = ANSWERS[case]
    with closing(Api()) as api:
        api.answers["/v1/orders"] = answer
        world.project({"type": "rest", "url": f"{api.url}/v1", "retries": 0})
        world.run("init-source", "crm", "--path", "/orders")
        more = ["      # pagination: if answers come in parts, say how the next one is asked for"] if asks else []
        assert world.written("ingest/orders.yml").split("\n") == [
            *("steps:", "  - name: orders", "    source:", "      kind: rest", "      connection: crm", "      path: /orders"),
            *(*lines, *more, "    into: raw.orders", "    load: merge", "    unique_key: id", "    columns:"),
            *("      id: {data_type: bigint}", "      at: {data_type: timestamp with time zone}", ""),
        ]
        world.run("ingest")
        assert world.rows("select count(*) from s_raw.orders") == [(1 if asks else 2,)]


def test_an_endpoint_that_tells_nothing(world):
    with closing(Api()) as api:
        api.answers["/v1/two"] = lambda asked: {"a": [{"id": 1}], "b": [{"id": 2}]}
        api.answers["/v1/no"] = lambda asked: "nothing"
        world.project({"type": "rest", "url": f"{api.url}/v1", "retries": 0})
        assert world.fails("init-source", "crm") == (
            "error[E0123]: `crm` is an API, and no endpoint of it is named\n  = help: name one: --path /orders"
        )
        assert "/v1/two: the answer holds several lists: `a`, `b`" in world.fails("init-source", "crm", "--path", "/two")
        assert "/v1/no: the answer holds no records" in world.fails("init-source", "crm", "--path", "/no")
        assert not list((world.root / "ingest").iterdir())
