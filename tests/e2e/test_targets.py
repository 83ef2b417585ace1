"""Models on several targets in one graph: what crosses arrives, is read, and is gone, whatever becomes of the run."""

from __future__ import annotations

import datetime
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from decimal import Decimal

import duckdb
import pytest

from eltflow import api
from eltflow.events import StepFinished

#: Of DuckDB's and PostgreSQL's SQL alike.
VALUES = """{{ config(materialized='table') }}
select id, cast(amount as numeric(18, 4)) as amount, paid, note, stamp, moment, day from (
select 1 as id, cast(12345678901234.5678 as numeric(18, 4)) as amount, true as paid, 'ä→😀' as note,
  timestamp '2026-03-29 01:59:59.123456' as stamp, timestamp with time zone '2026-03-29 01:30:00+02' as moment, date '2026-02-28' as day
union all
select 2, -0.0001, false, '', timestamp '1969-12-31 23:59:59', timestamp with time zone '1969-12-31 23:59:59.5+00', date '1900-01-01'
union all
select 3, null, null, null, null, null, null
) as v
"""
UTC = datetime.UTC
ROWS = [
    (
        1,
        Decimal("12345678901234.5678"),
        True,
        "ä→😀",
        datetime.datetime(2026, 3, 29, 1, 59, 59, 123456),
        datetime.datetime(2026, 3, 28, 23, 30, tzinfo=UTC),
        datetime.date(2026, 2, 28),
    ),
    (
        2,
        Decimal("-0.0001"),
        False,
        "",
        datetime.datetime(1969, 12, 31, 23, 59, 59),
        datetime.datetime(1969, 12, 31, 23, 59, 59, 500000, tzinfo=UTC),
        datetime.date(1900, 1, 1),
    ),
    (3, None, None, None, None, None, None),
]
AT_WH = "{{ config(target='wh', materialized='table') }}\n"


class World:
    """A project whose run is at `dev`, with another target `wh`; of any two engines."""

    def __init__(self, root, postgres):
        self.root, self.postgres, self.kinds = root, postgres, {}

    def targets(self, dev, wh, **more):
        self.kinds = {"dev": dev, "wh": wh}
        made = {name: self._target(name, kind) for name, kind in self.kinds.items()}
        settings = {"name": "p", "default_target": "dev", "targets": made, **more}
        self.write({"eltflow.yml": json.dumps(settings, indent=1)})
        if "postgres" in self.kinds.values():
            with closing(self.postgres.connect()) as con:
                for schema in ("in_dev", "in_wh", "in_wh_test_failures", "eltflow_meta"):
                    con.execute(f"drop schema if exists {schema} cascade")

    def _target(self, name, kind):
        if kind == "postgres":
            return {**self.postgres.target(), "schema": f"in_{name}"}
        return {"type": kind, "path": f"{name}.{kind}", **({"schema": f"in_{name}"} if kind == "duckdb" else {})}

    def write(self, files):
        for path, text in files.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(text, encoding="utf-8")

    def rows(self, name, sql):
        kind = self.kinds[name]
        if kind == "postgres":
            with closing(self.postgres.connect()) as con:
                con.execute(f"set search_path = in_{name}")
                con.execute("set timezone = 'UTC'")
                return con.execute(sql).fetchall()
        if kind == "sqlite":
            with closing(sqlite3.connect(self.root / f"{name}.sqlite")) as con:
                return con.execute(sql).fetchall()
        with closing(duckdb.connect(str(self.root / f"{name}.duckdb"), read_only=True)) as con:
            con.execute(f"set schema = 'in_{name}'")
            con.execute("set timezone = 'UTC'")
            return con.execute(sql).fetchall()

    def names(self, name):
        """The relations that are at a target, but eltflow's own."""
        if self.kinds[name] == "sqlite":
            found = self.rows(name, "select name from sqlite_master where type in ('table', 'view')")
        else:
            found = self.rows(name, f"select table_name from information_schema.tables where table_schema = 'in_{name}'")
        return sorted(one for (one,) in found if not one.startswith("eltflow_meta"))


@pytest.fixture
def world(tmp_path, postgres):
    root = tmp_path / "p"
    root.mkdir()
    return World(root, postgres)


@pytest.mark.parametrize(("dev", "wh"), [("duckdb", "duckdb"), ("duckdb", "postgres"), ("postgres", "duckdb")])
def test_every_value_arrives_and_nothing_else_stays(world, eltflow, dev, wh):
    world.targets(dev, wh)
    world.write({"models/vals.sql": VALUES, "models/there.sql": AT_WH + "select * from vals"})
    built = eltflow("build", cwd=world.root)
    assert built.code == 0, built.text
    assert world.rows("wh", "select * from there order by id") == ROWS
    assert (world.names("dev"), world.names("wh")) == (["vals"], ["there"])


@pytest.mark.parametrize(("dev", "wh"), [("sqlite", "duckdb"), ("duckdb", "sqlite"), ("postgres", "sqlite")])
def test_sqlite_takes_part(world, eltflow, dev, wh):
    world.targets(dev, wh)
    noted = "{{ config(materialized='table') }}\nselect id, case id when 1 then 'ä' when 2 then '' end as note from ids"
    world.write({"seeds/ids.csv": "id\n1\n2\n3\n", "models/vals.sql": noted, "models/there.sql": AT_WH + "select * from vals"})
    built = eltflow("build", cwd=world.root)
    assert built.code == 0, built.text
    assert world.rows("wh", "select id, note from there order by id") == [(1, "ä"), (2, ""), (3, None)]
    assert world.names("wh") == ["there"]


def test_mariadb_is_read(world, eltflow, mariadb):
    """Names stand in artifacts as they do in the SQL of the target that a node lives on."""
    mariadb.sql("drop database if exists in_dev", "create database in_dev character set utf8mb4")
    world.targets("duckdb", "duckdb")
    settings = json.loads((world.root / "eltflow.yml").read_text())
    settings["targets"]["maria"] = {**mariadb.target(), "schema": "in_dev"}
    vals = "{{ config(target='maria', materialized='table') }}\nselect 1 as id, 'ä' as note, cast(2.5 as decimal(10, 2)) as amount"
    there = "{{ config(materialized='table') }}\nselect * from vals"
    world.write({"eltflow.yml": json.dumps(settings), "models/vals.sql": vals, "models/there.sql": there})
    built = eltflow("build", cwd=world.root)
    assert built.code == 0, built.text
    assert world.rows("dev", "select * from there") == [(1, "ä", Decimal("2.50"))]
    nodes = json.loads((world.root / "target/manifest.json").read_text())["nodes"]
    assert (nodes["model.p.vals"]["relation_name"], nodes["model.p.there"]["relation_name"]) == (
        "`in_dev`.`vals`",
        '"dev"."in_dev"."there"',
    )
    results = {
        r["unique_id"]: r["relation_name"] for r in json.loads((world.root / "target/run_results.json").read_text())["results"]
    }
    assert results["model.p.vals"] == "`in_dev`.`vals`"


def test_what_is_nested_and_what_changes_on_the_way(world, eltflow):
    """Between two files of DuckDB lists and structures stay what they are; PostgreSQL has JSON for them, and what goes as text is told."""
    nested = "{{ config(materialized='table') }}\nselect [1, null, 3] as list, {'a': 'x', 'b': [true]} as obj, 'F0'::blob as raw"
    world.targets("duckdb", "duckdb")
    world.write({"models/vals.sql": nested, "models/there.sql": AT_WH + "select * from vals"})
    assert eltflow("build", cwd=world.root).code == 0
    assert world.rows("wh", "select * from there") == [([1, None, 3], {"a": "x", "b": [True]}, b"F0")]

    world.targets("duckdb", "postgres")
    world.write({"models/there.sql": AT_WH + "select list, obj from vals"})
    told = eltflow("build", cwd=world.root)
    assert told.code == 0, told.text
    assert "warning   `vals to wh`: `list` is INTEGER[], and becomes jsonb on `wh`" in told.text
    assert world.rows("wh", "select list, obj from there") == [([1, None, 3], {"a": "x", "b": [True]})]

    world.targets("postgres", "duckdb")
    world.write({"models/there.sql": AT_WH + "select * from vals"})
    world.write({"models/vals.sql": "{{ config(materialized='table') }}\nselect 1.5::numeric as free, '10.0.0.1'::inet as host"})
    told = eltflow("build", cwd=world.root)
    assert told.code == 0, told.text
    assert "warning   `vals to wh`: `host` is inet, and comes as text" in told.text
    assert eltflow("build", "--warn-error", cwd=world.root).code == 1
    assert world.rows("wh", "select * from there") == [("1.5", "10.0.0.1/32")]


def test_a_type_without_a_place_is_told_before_anything_moves(world, eltflow):
    world.targets("duckdb", "sqlite")
    world.write(
        {"models/vals.sql": "select 1::decimal(38, 10) as share, 1 as id", "models/there.sql": AT_WH + "select id from vals"}
    )
    refused = eltflow("build", cwd=world.root)
    assert refused.code == 1
    assert "copy `vals to wh`: the column `share` is DECIMAL(38,10), and sqlite has no type that keeps all of that" in refused.text
    assert "cast it to another type in the model `vals`" in refused.text
    assert world.names("wh") == []

    world.write({"models/vals.sql": "select date '20000-01-01' as day, 1 as id"})
    refused = eltflow("build", cwd=world.root)
    assert refused.code == 1
    said = "the column `day` does not take `20000-01-01`: it takes days of the years 1 to 9999 (row 1)"
    assert said in refused.text
    assert "again: eltflow build --select vals+" in refused.text
    assert world.names("wh") == []


GRAPH = {
    "seeds/pay.csv": "id,amount\n1,2.5\n2,3.5\n",
    "models/orders.sql": "select id, amount from pay",
    "models/part.sql": "{{ config(materialized='ephemeral') }}\nselect id, amount * 2 as twice from {{ ref('orders') }}",
    "models/one.sql": AT_WH + "select id, twice from part",
    "models/two.sql": AT_WH + "select sum(amount) as total from {{ ref('orders') }}",
    "models/shown.sql": "{{ config(target='wh') }}\nselect * from one",
    "models/back.sql": "{{ config(materialized='table') }}\nselect count(*) as n from shown",
    "models/s.yml": json.dumps(
        {
            "models": [
                {
                    "name": "one",
                    "columns": [
                        {
                            "name": "id",
                            "data_tests": ["unique", {"relationships": {"arguments": {"to": "ref('orders')", "field": "id"}}}],
                        }
                    ],
                }
            ]
        }
    ),
}


def test_a_graph_there_and_back(world, eltflow):
    """Seeds, views, ephemeral models and tests; one copy for all that read a node on a target."""
    world.targets("duckdb", "postgres")
    world.write(GRAPH)
    planned = json.loads(eltflow("plan", "--json", cwd=world.root).out)["steps"]
    assert [(s["id"], s["reason"]) for s in planned if s["action"] == "copy"] == [
        ("copy.model.p.orders.wh", "crosses from dev to wh"),
        ("copy.model.p.shown.dev", "crosses from wh to dev"),
    ]
    shown = eltflow("plan", "--sql", cwd=world.root)
    assert "-- on dev\n" in shown.out
    assert 'select * from "dev"."in_dev"."orders"\n' in shown.out
    assert f'-- its rows go into "{world.postgres.dbname}"."in_wh"."orders_' in shown.out
    dry = eltflow("build", "--dry-run", cwd=world.root)
    assert "copy        orders to wh" in dry.text
    assert not (world.root / "dev.duckdb").exists()

    built = eltflow("build", cwd=world.root)
    assert built.code == 0, built.text
    assert "2 tests passed" in built.text
    assert sorted(world.rows("wh", "select id, twice from shown")) == [(1, 5.0), (2, 7.0)]
    assert world.rows("wh", "select total from two") == [(6.0,)]
    assert world.rows("dev", "select n from back") == [(2,)]
    assert world.names("wh") == ["one", "shown", "two"]
    assert world.names("dev") == ["back", "orders", "pay"]

    alone = eltflow("build", "--select", "two", cwd=world.root)
    assert alone.code == 0, alone.text
    again = json.loads((world.root / "target/run_results.json").read_text())["results"]
    assert [(r["unique_id"], r["status"]) for r in again] == [("copy.model.p.orders.wh", "success"), ("model.p.two", "success")]
    assert again[1]["relation_name"] == f'"{world.postgres.dbname}"."in_wh"."two"'
    shown = json.loads((world.root / "target/manifest.json").read_text())["nodes"]
    assert shown["model.p.two"]["relation_name"] == f'"{world.postgres.dbname}"."in_wh"."two"'
    assert shown["model.p.back"]["relation_name"] == '"dev"."in_dev"."back"'


def test_what_was_compiled_is_the_same_each_time(world, eltflow):
    """The names of copies carry the run; those in artifacts do not."""
    world.targets("duckdb", "duckdb")
    world.write({"models/vals.sql": "select 1 as id", "models/there.sql": AT_WH + "select id from vals"})
    found = []
    for command in ("build", "build", "compile"):
        assert eltflow(command, cwd=world.root).code == 0
        kept = json.loads((world.root / "target/manifest.json").read_text())["nodes"]["model.p.there"]["compiled_code"]
        found += [kept, (world.root / "target/compiled/p/models/there.sql").read_text().rstrip("\n")]
    assert len(set(found)) == 1, found
    assert '__eltflow_tmp_00000000"' in found[0]
    results = json.loads((world.root / "target/run_results.json").read_text())["results"]
    assert {r["compiled_code"] for r in results if r["unique_id"] == "model.p.there"} == {found[0]}


def test_a_source_that_names_a_model_of_another_target_is_there(world, eltflow):
    world.targets("duckdb", "duckdb")
    settings = json.loads((world.root / "eltflow.yml").read_text())
    settings["targets"]["wh"]["schema"] = "in_dev"
    world.write(
        {
            "eltflow.yml": json.dumps(settings),
            "models/made.sql": AT_WH + "select 1 as id",
            "models/s.yml": "sources: [{name: out, schema: in_dev, tables: [{name: made}]}]",
            "models/read.sql": "{{ config(materialized='table') }}\nselect id from {{ source('out', 'made') }}",
        }
    )
    built = eltflow("build", cwd=world.root)
    assert built.code == 0, built.text
    assert "out.made to dev" in built.text
    assert world.rows("dev", "select id from read") == [(1,)]


def test_what_only_looks_knows_where_nodes_are(world, eltflow):
    """`ls`, `show`, `compile`, `lineage`, `test` and the events of OpenLineage; a configuration from properties."""
    world.targets("duckdb", "postgres", openlineage={"file": "events.jsonl"})
    world.write(
        {
            "models/orders.sql": "select 1 as id, 2.5::decimal(10, 2) as amount",
            "models/sums.sql": "select id, amount * 2 as twice from orders",
            "models/s.yml": "models: [{name: sums, config: {target: wh, materialized: table}}]",
            "tests/alone.sql": "select * from {{ ref('sums') }} where pg_typeof(twice)::text <> 'numeric'",
            "tests/both.sql": "select o.id from orders as o left join {{ ref('sums') }} as s on s.id = o.id where s.id is null",
        }
    )
    assert eltflow("build", cwd=world.root).code == 0
    tested = eltflow("test", cwd=world.root)
    assert tested.code == 0, tested.text
    assert "sums to dev" in tested.text
    assert "2 tests passed" in tested.text
    listed = json.loads(eltflow("ls", "--output", "json", "--select", "sums", cwd=world.root).out)
    assert listed[0]["relation"] == f"{world.postgres.dbname}.in_wh.sums"
    shown = eltflow("show", "sums", "--json", cwd=world.root)
    assert [(row["id"], float(row["twice"])) for row in json.loads(shown.out)] == [(1, 5.0)]
    assert eltflow("compile", cwd=world.root).code == 0
    assert '"in_wh"."orders_' in (world.root / "target/compiled/p/models/sums.sql").read_text()
    assert eltflow("docs", "generate", cwd=world.root).code == 0
    told = json.loads((world.root / "target/catalog.json").read_text())["nodes"]["model.p.sums"]
    assert (told["metadata"]["schema"], list(told["columns"])) == ("in_wh", ["id", "twice"])
    hangs = eltflow("lineage", "sums.twice", cwd=world.root)
    assert "orders.amount" in hangs.text
    events = [json.loads(line) for line in (world.root / "events.jsonl").read_text().splitlines()]
    made = next(e for e in events if e["eventType"] == "COMPLETE" and e["job"]["name"].endswith("sums"))
    assert made["inputs"][0]["namespace"].startswith("duckdb:")
    assert made["outputs"][0]["namespace"].startswith("postgres:")
    (column,) = made["outputs"][0]["facets"]["columnLineage"]["fields"]["twice"]["inputFields"]
    assert (column["namespace"][:7], column["name"], column["field"]) == ("duckdb:", "dev.in_dev.orders", "amount")


def test_an_incremental_model_reads_across_in_each_run(world, eltflow):
    world.targets("duckdb", "postgres")
    grown = AT_WH.replace("'table'", "'incremental', unique_key='id'")
    more = "{% if is_incremental() %} where id > (select max(id) from {{ this }}){% endif %}"
    world.write({"seeds/pay.csv": "id,v\n1,a\n2,b\n", "models/kept.sql": grown + "select id, v from {{ ref('pay') }}" + more})
    assert eltflow("build", cwd=world.root).code == 0
    world.write({"seeds/pay.csv": "id,v\n1,changed\n2,b\n3,c\n"})
    built = eltflow("build", cwd=world.root)
    assert built.code == 0, built.text
    assert sorted(world.rows("wh", "select * from kept")) == [(1, "a"), (2, "b"), (3, "c")]
    assert world.names("wh") == ["kept"]


def test_what_is_not_built_yet_is_told(world, eltflow):
    world.targets("duckdb", "postgres")
    world.write({"models/vals.sql": "select 1 as id", "models/there.sql": AT_WH + "select id from vals"})
    eltflow("build", "--select", "vals", cwd=world.root)
    world.write({"models/vals.sql": "{{ config(alias='other') }}\nselect 1 as id"})
    refused = eltflow("build", "--select", "there", cwd=world.root)
    assert refused.code == 1
    assert "the target `dev`: Catalog Error: Table with name other does not exist" in refused.text
    assert "again: eltflow build --select there" in refused.text


@pytest.mark.parametrize("wh", ["sqlite", "duckdb"])
def test_a_file_that_is_not_there_yet_is_told_by_what_makes_it(world, eltflow, wh):
    world.targets("duckdb", wh)
    here = "{{ config(materialized='table') }}\nselect id from vals"
    world.write({"models/vals.sql": AT_WH + "select 1 as id", "models/here.sql": here})
    refused = eltflow("build", "--select", "here", cwd=world.root)
    assert refused.code == 2
    path = world.root / f"wh.{wh}"
    assert f"error[E0805]: `vals` of the target `wh` is not built yet: there is no file {path}" in " ".join(refused.text.split())
    assert "help: build it first: eltflow build --select vals" in refused.text
    assert not path.exists()
    built = eltflow("build", "--select", "vals", "here", cwd=world.root)
    assert built.code == 0, built.text


def test_a_copy_goes_when_its_reader_fails(world, eltflow):
    world.targets("duckdb", "postgres")
    files = {"models/vals.sql": "select 1 as id", "models/bad.sql": AT_WH + "select 1 / (id - 1) as x from vals"}
    world.write(
        {**files, "models/good.sql": AT_WH + "select id from vals", "models/below.sql": AT_WH + "select v.id from vals as v, bad"}
    )
    failed = eltflow("build", cwd=world.root)
    assert failed.code == 1
    assert "division by zero" in failed.text
    assert world.names("wh") == ["good"]


def _slow(world):
    """A reader that takes long, once the copy is there; how the build is begun, and what it waits for."""
    world.targets("duckdb", "postgres")
    world.write(
        {"models/vals.sql": "select 1 as id", "models/there.sql": AT_WH + "select id, pg_sleep(60)::text as slept from vals"}
    )
    command = [sys.executable, "-m", "eltflow.cli.main", "build"]
    process = subprocess.Popen(command, cwd=world.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if any("__eltflow_tmp_" in name for name in world.names("wh")):
            return process
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.1)
    raise AssertionError("no copy was made")


def test_a_cancelled_run_drops_its_copies(world):
    process = _slow(world)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130, out
    assert world.names("wh") == []


def test_whoever_stops_listening_leaves_no_copy(world):
    world.targets("duckdb", "duckdb")
    world.write({"models/vals.sql": "select 1 as id", "models/there.sql": AT_WH + "select id from vals"})
    loaded = api.load(world.root)
    events = api.execute(loaded, api.RunOptions())
    for event in events:
        if isinstance(event, StepFinished) and event.result.kind == "copy":
            break
    events.close()
    assert event.result.rows == 1
    assert not [name for name in world.names("wh") if "__eltflow_tmp_" in name]


def test_what_a_killed_run_left_goes_with_the_next(world, eltflow):
    process = _slow(world)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    with closing(world.postgres.connect()) as con:
        con.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep%' and pid <> pg_backend_pid()"
        )
    (left,) = world.names("wh")
    world.write({"models/there.sql": AT_WH + "select id from vals"})
    built = eltflow("build", "--lock-timeout", "90", cwd=world.root)
    assert built.code == 0, built.text
    assert f"dropped what a run that was killed had left: {world.postgres.dbname}.in_wh.{left}" in built.text
    assert world.names("wh") == ["there"]


@pytest.mark.parametrize("point", range(1, 20, 3))
def test_killed_at_any_statement_and_built_again(world, eltflow, forked, point):
    """Whatever it was that was cut off: the next build makes everything, and leaves nothing else."""
    world.targets("duckdb", "duckdb")
    rows = "{{ config(materialized='table') }}\nselect range as id, 'v' || range as v from range(30000)"
    world.write({"models/vals.sql": rows, "models/there.sql": AT_WH + "select id, v from vals"})
    world.write({"models/back.sql": "{{ config(materialized='table') }}\nselect count(*) as n, max(v) as v from there"})
    code, _, _ = forked("build", "--quiet", cwd=world.root, statement=point, delay=0.002)
    assert code in (0, -signal.SIGKILL)
    built = eltflow("build", cwd=world.root)
    assert built.code == 0, built.text
    assert world.rows("dev", "select n, v from back") == [(30_000, "v9999")]
    assert (world.names("dev"), world.names("wh")) == (["back", "vals"], ["there"])


_FAR_OFF = "seeds: [{name: far_off, config: {target: far}}]\n"


def test_only_the_targets_of_what_was_selected_are_asked_for(world, eltflow):
    world.targets("duckdb", "duckdb")
    settings = json.loads((world.root / "eltflow.yml").read_text())
    settings["targets"]["far"] = {"type": "postgres", "host": "{{ env_var('FAR_HOST') }}", "user": "u", "dbname": "d"}
    world.write(
        {
            "eltflow.yml": json.dumps(settings),
            "models/vals.sql": "select 1 as id",
            "models/there.sql": AT_WH + "select id from vals",
            "models/away.sql": "{{ config(target='far', materialized='table') }}\nselect 1 as id",
        }
    )
    built = eltflow("build", "--select", "there", "vals", cwd=world.root)
    assert built.code == 0, built.text
    assert world.rows("wh", "select id from there") == [(1,)]
    assert eltflow("build", "--select", "vals", cwd=world.root).code == 0
    above = {"seeds/far_off.csv": "id\n1\n", "models/vals.sql": "select id from far_off", "seeds/s.yml": _FAR_OFF}
    world.write(above)
    planned = eltflow("build", "--select", "there", cwd=world.root)
    assert planned.code == 0, planned.text
    checked = eltflow("debug", cwd=world.root)
    assert checked.code == 1
    told = [" ".join(line.split()) for line in checked.out.splitlines()]
    assert any(line.startswith("✓ ok target wh: duckdb") for line in told), told
    assert any(line.startswith("✗") and "target far: " in line and "FAR_HOST" in line for line in told), told
    refused = eltflow("build", cwd=world.root)
    assert refused.code == 2
    assert "error[E0304]" in refused.text
    assert "FAR_HOST" in refused.text


def test_every_target_that_is_written_to_is_locked(world, eltflow):
    """A run that another one keeps out of one of its targets has touched none of them."""
    world.targets("duckdb", "duckdb")
    world.write({"models/vals.sql": "select 1 as id", "models/there.sql": AT_WH + "select id from vals"})
    code = (
        "import os, sys\nfrom eltflow.state.lock import run_lock\n"
        f"with run_lock('duckdb:{(world.root / 'wh.duckdb').resolve()}', os.environ, 0, {{'user': 'ann'}}):\n"
        "    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        refused = eltflow("build", cwd=world.root)
        alone = eltflow("build", "--select", "vals", cwd=world.root)
        other.stdin.close()
    assert refused.code == 2
    assert "error[E0803]: another run is writing to the target `wh`: process" in refused.text
    assert alone.code == 0, alone.text
    assert not (world.root / "wh.duckdb").exists()


def test_personal_columns_are_followed_across(world, eltflow):
    world.targets("duckdb", "postgres", pii={"allowed_groups": ["trusted"]})
    world.write(
        {
            "models/people.sql": "{{ config(group='trusted', materialized='table') }}\nselect 1 as id, 'ann@x.org' as email",
            "models/mails.sql": "{{ config(group='trusted', target='wh', materialized='table') }}\nselect email as mail from people",
            "models/leak.sql": AT_WH + "select mail as m from mails",
            "models/s.yml": json.dumps(
                {
                    "groups": [{"name": "trusted", "owner": {"name": "ann"}}],
                    "models": [
                        {"name": "people", "columns": [{"name": "email", "tags": ["pii"]}]},
                        {
                            "name": "mails",
                            "columns": [{"name": "mail", "data_tests": [{"accepted_values": {"arguments": {"values": ["b"]}}}]}],
                        },
                    ],
                }
            ),
        }
    )
    refused = eltflow("build", cwd=world.root)
    assert refused.code == 2
    assert "error[E0411]: the personal column `m` reaches model `leak`, which is in no group" in refused.text
    assert "it is made of mails.mail ← people.email" in refused.text
    (world.root / "models/leak.sql").unlink()
    failed = eltflow("build", cwd=world.root)
    assert failed.code == 1
    assert "accepted_values on mails.mail: 1 row" in failed.text
    assert "ann@x.org" not in failed.text


def test_an_empty_table_and_two_targets_in_one_database(world, eltflow):
    """Targets that are one database read each other's relations: nothing is copied, and a view may read across."""
    world.targets("duckdb", "duckdb")
    settings = json.loads((world.root / "eltflow.yml").read_text())
    settings["targets"]["wh"]["path"] = "dev.duckdb"
    world.write(
        {
            "eltflow.yml": json.dumps(settings),
            "models/vals.sql": "select 1 as id where false",
            "models/there.sql": "{{ config(target='wh') }}\nselect id from vals",
        }
    )
    built = eltflow("build", cwd=world.root)
    assert built.code == 0, built.text
    assert "copy" not in built.text
    with closing(duckdb.connect(str(world.root / "dev.duckdb"), read_only=True)) as con:
        assert con.execute("select count(*) from in_wh.there").fetchall() == [(0,)]
    settings["targets"]["wh"]["path"] = "wh.duckdb"
    world.write({"eltflow.yml": json.dumps(settings), "models/there.sql": AT_WH + "select id from vals"})
    assert eltflow("build", cwd=world.root).code == 0
    assert world.rows("wh", "select count(*) from there") == [(0,)]


def test_two_targets_in_one_schema_have_copies_of_their_own(world, eltflow):
    """What one of them has read goes while the other still reads its own."""
    world.targets("duckdb", "duckdb")
    settings = json.loads((world.root / "eltflow.yml").read_text())
    settings["targets"]["wh2"] = {**settings["targets"]["wh"]}
    models = {
        f"models/{name}.sql": AT_WH.replace("'wh'", f"'{to}'") + "select id from vals" for name, to in (("a", "wh"), ("b", "wh2"))
    }
    late = AT_WH + "select v.id from vals as v, range(3000000) as r group by v.id"
    world.write({"eltflow.yml": json.dumps(settings), "models/vals.sql": "select 1 as id", **models, "models/late.sql": late})
    for _ in range(3):
        built = eltflow("build", "--threads", "4", cwd=world.root)
        assert built.code == 0, built.text
    assert world.rows("wh", "select * from a, b, late") == [(1, 1, 1)]


def test_two_nodes_that_make_one_table_are_told_whichever_runs(world, eltflow):
    world.targets("duckdb", "duckdb")
    settings = json.loads((world.root / "eltflow.yml").read_text())
    settings["targets"]["wh"] = {**settings["targets"]["dev"]}
    other = "{{ config(target='wh', alias='base') }} select 'other' as id"
    world.write({"eltflow.yml": json.dumps(settings), "models/base.sql": "select 1 as id", "models/base2.sql": other})
    for words in ((), ("--select", "base2")):
        built = eltflow("build", *words, cwd=world.root)
        assert built.code == 2
        assert "error[E0210]" in built.text
    settings["targets"]["wh"]["schema"] = "another"
    world.write({"eltflow.yml": json.dumps(settings)})
    assert eltflow("build", cwd=world.root).code == 0


MEASURED = """
import resource, sys
from pathlib import Path
from eltflow import api
loaded = api.load(Path(sys.argv[1]))
for _ in api.execute(loaded, api.RunOptions(selected=("model.p.there",)), state := api.RunState(run_id=loaded.options.invocation_id)):
    pass
assert state.results["model.p.there"].status == "success", state.results
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, state.results["copy.model.p.vals.wh"].rows)
"""


@pytest.mark.parametrize("rows", [600_000, pytest.param(10_000_000, marks=pytest.mark.prove)])
@pytest.mark.parametrize("wh", ["duckdb", "postgres"])
def test_a_large_table_takes_no_more_memory_than_a_small_one(world, eltflow, wh, rows):
    """Some 100 bytes a row, a gigabyte in the long proof. The peak is that of the whole process, in which each DuckDB may have 128 MB."""
    world.targets("duckdb", wh)
    settings = json.loads((world.root / "eltflow.yml").read_text())
    for target in settings["targets"].values():
        if target["type"] == "duckdb":
            target |= {"settings": {"memory_limit": "128MB", "threads": 1}}
    files = {"eltflow.yml": json.dumps(settings), "models/there.sql": AT_WH + "select count(*) as n, max(pad) as pad from vals"}
    peaks = []
    for count in (20_000, rows):
        pad = "md5(range::varchar) || md5(range::varchar) || md5(range::varchar)"
        query = f"select range as id, {pad} as pad from range({count})"
        world.write({**files, "models/vals.sql": "{{ config(materialized='table') }}\n" + query})
        made = eltflow("build", "--select", "vals", cwd=world.root)
        assert made.code == 0, made.text
        done = subprocess.run([sys.executable, "-c", MEASURED, world.root], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        peak, copied = map(int, done.stdout.split())
        assert copied == count
        peaks.append(peak)
    print(f"peaks: {peaks} MB")
    assert peaks[1] - peaks[0] < (2 if wh == "duckdb" else 1) * 128 + 64, peaks
    assert world.rows("wh", "select n from there") == [(rows,)]
