"""What the contract does not ask: the command line, partitions, what is left behind. The real client and an emulator of the service."""

from __future__ import annotations

import json

import pytest
from eltflow_bigquery import ADAPTER

from eltflow.testing.bench import Subject, opened
from eltflow.warehouse.values import Statement

MODELS = {
    "models/stg_orders.sql": "select id, amount, 'x' as kind from orders",
    "models/daily.sql": "{{ config(materialized='table', cluster_by='kind') }}\nselect kind, sum(amount) as total from stg_orders group by 1",
    "models/events.sql": "{{ config(materialized='incremental', unique_key='id') }}\nselect id, amount from {{ ref('orders') }}",
    "seeds/orders.csv": "id,amount\n1,10\n2,20\n",
    "models/m.yml": "models:\n- {name: daily, columns: [{name: kind, data_tests: [not_null, unique]}]}\n",
}


def _settings(emulator, **more) -> str:
    return f"name: p\ntargets:\n  dev: {json.dumps(emulator.target(**more))}\n"


@pytest.fixture
def bench(bigquery, tmp_path):
    with opened(Subject(adapter=ADAPTER, target=bigquery.target(), root=tmp_path)) as one:
        yield one


def test_a_project_from_debug_to_build(bigquery, project, eltflow):
    """A plan needs no connection, and with one it tells what is read; results tell the jobs."""
    root = project({**MODELS, "eltflow.yml": _settings(bigquery, schema="shop")})
    planned = eltflow("plan", "--sql", cwd=root)
    assert planned.code == 0, planned.text
    assert "create table `w`.`shop`.`daily`\n      cluster by `kind` as (" in planned.out
    checked = eltflow("debug", cwd=root)
    assert checked.code == 0, checked.text
    for _ in range(2):
        built = eltflow("build", cwd=root)
        assert built.code == 0, built.text
    shown = eltflow("show", "daily", cwd=root)
    assert "30" in shown.out, shown.text
    results = json.loads((root / "target" / "run_results.json").read_text())["results"]
    told = {r["unique_id"]: r["adapter_response"] for r in results}["model.p.daily"]
    assert told["statement_id"].startswith("eltflow_")
    assert told["bytes_processed"] >= 0
    connected = eltflow("plan", "--connect", cwd=root)
    assert "reads 0 bytes" in connected.out, connected.text


def test_a_plan_of_what_cannot_be(bigquery, project, eltflow):
    root = project(
        {
            "models/a.sql": "{{ config(materialized='table', partition_by='day') }}\nselect 1 as id",
            "eltflow.yml": _settings(bigquery),
        }
    )
    planned = eltflow("plan", cwd=root)
    assert planned.code == 2
    assert "`partition_by` needs a `field`" in planned.text
    assert "granularity: day" in planned.text


DAYS = {"partition_by": {"field": "day", "data_type": "date"}, "incremental_strategy": "insert_overwrite"}
FIRST = "select 1 as id, date '2026-01-01' as day union all select 2, date '2026-01-02' union all select 3, date '2026-01-02'"


@pytest.mark.parametrize(
    ("config", "kept"),
    [({}, [(1,), (9,)]), ({"partitions": ["date '2026-01-01'"]}, [(2,), (3,), (9,)])],
    ids=["new rows'", "named"],
)
def test_partitions_are_overwritten(bench, config, kept):
    for sql in (FIRST, "select 9 as id, date '2026-01-02' as day"):
        outcome = bench.build("incremental", sql, config={**DAYS, **config})
    assert outcome.kind == "insert_overwrite"
    assert bench.rows("select id from s.t order by 1") == kept
    assert bench.names() == {"t"}


def test_rows_without_a_day_are_overwritten_by_such(bench):
    for sql in (FIRST, *2 * ["select 8 as id, cast(null as date) as day"]):
        bench.build("incremental", sql, config=DAYS)
    assert bench.rows("select id from s.t order by 1") == [(1,), (2,), (3,), (8,)]


def test_no_new_rows_overwrite_nothing(bench):
    for sql in (FIRST, f"select * from ({FIRST}) as x where id > 3"):
        bench.build("incremental", sql, config=DAYS)
    assert len(bench.rows()) == 3


def test_a_load_leaves_nothing_behind(bench):
    files = (bench.file("t.csv", "id,at\n1,2026-01-01 10:00:00\n"),)
    bench.build("seed", files=files)
    assert bench.names() == {"t"}
    bench.session.execute(Statement("drop table s.t"))
    with pytest.raises(Exception, match="many"):
        bench.build("seed", files=(bench.file("t.csv", "id\nmany\n"),), config={"column_types": {"id": "int64"}})
    assert bench.names() == set()


def test_what_init_makes(bigquery, eltflow, tmp_path):
    """The template builds, the second time with nothing new. (One thread: the emulator has one transaction for everybody.)"""
    assert eltflow("init", "shop", "--adapter", "bigquery", cwd=tmp_path).code == 0
    settings = tmp_path / "shop/eltflow.yml"
    text = settings.read_text()
    lines = "".join(f"    {line}\n" for line in ADAPTER.starter.replace("my_project", "shop").splitlines())
    assert lines in text
    settings.write_text(text.replace(f"\n{lines}", f" {json.dumps(bigquery.target(schema='template', threads=1))}\n"))
    for loaded in ("1 file, 189 rows", "nothing new"):
        built = eltflow("build", cwd=tmp_path / "shop")
        assert built.code == 0, built.text
        assert loaded in built.out
        assert "12 tests passed" in built.out
