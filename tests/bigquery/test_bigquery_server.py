"""What the contract does not ask: the command line, partitions, what is left behind. The real client and an emulator of the service."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import grpc
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


LARGE = """
select n as id, cast(n as numeric) / 4 as amount, concat('ä', n) as note, mod(n, 2) = 0 as even,
  date_add(date '2026-01-01', interval mod(n, 300) day) as day,
  timestamp_add(timestamp '2026-01-01 00:00:00.25+00', interval n second) as moment, if(n = 3, null, b'x') as raw, [n, 7] as list
from unnest(generate_array(1, 12000)) as n order by n
"""


def _rows(target, root, sql=LARGE, *, whole=False):
    """The rows, by a query or bit by bit; what was told of it, and what read them."""
    with closing(ADAPTER.open(Subject(adapter=ADAPTER, target=target, root=root).values(), root)) as database:
        with closing(database.session()) as session:
            query = Statement(sql, role="query")
            found = session.execute(query).rows if whole else [row for batch in session.stream(query) for row in batch]
        return list(found), database.told(), database.results


def test_a_large_result_comes_as_arrow(bigquery, tmp_path):
    """By the Storage Read API the same values as by REST, in their order."""
    by_rest, told, _ = _rows({**bigquery.target(), "storage_endpoint": None}, tmp_path)
    assert told == []
    found, told, results = _rows(bigquery.target(), tmp_path, whole=True)
    assert results._client is not None
    assert told == []
    assert len(found) == 12_000
    assert found == by_rest
    assert [str(row[1]) for row in found[:4]] == ["0.25", "0.5", "0.75", "1"]


def test_what_arrow_gives_as_something_else_comes_by_rest(bigquery, tmp_path):
    _, told, results = _rows(bigquery.target(), tmp_path, "select n, to_json(n) as j from unnest(generate_array(1, 10001)) as n")
    assert (results._client, told) == (None, [])


@pytest.mark.prove
def test_without_a_way_to_the_storage_api_results_come_by_rest(bigquery, tmp_path):
    """It is said, once, and not tried again."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    found, told, _ = _rows({**bigquery.target(), "storage_endpoint": f"127.0.0.1:{port}"}, tmp_path)
    assert len(found) == 12_000
    (said,) = told
    assert said.startswith("large results come by REST, for the Storage Read API gives none: ")


class _Forbidding(grpc.GenericRpcHandler):
    def service(self, details):
        def refuse(request, context):
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "the permission bigquery.readsessions.create is missing")

        return grpc.unary_unary_rpc_method_handler(refuse)


_WHY = "large results come by REST, for the Storage Read API gives none: the permission bigquery.readsessions.create is missing"
_ASKED = "(it asks for the role BigQuery Read Session User)"


@pytest.fixture
def forbidding(bigquery):
    """A target whose account may not read by the Storage Read API."""
    server = grpc.server(ThreadPoolExecutor(1), handlers=[_Forbidding()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield {**bigquery.target(), "storage_endpoint": f"127.0.0.1:{port}", "schema": "storage"}
    server.stop(0)


def test_results_come_by_rest_where_the_storage_api_is_not_permitted(forbidding, tmp_path):
    found, told, _ = _rows(forbidding, tmp_path, "select n from unnest(generate_array(1, 10001)) as n order by n")
    assert [row[0] for row in found] == [*range(1, 10_002)]
    assert told == [f"{_WHY} {_ASKED}"]


@pytest.mark.prove
def test_a_copy_tells_of_it(forbidding, project, eltflow):
    settings = {
        "name": "p",
        "default_target": "local",
        "targets": {"local": {"type": "duckdb", "path": "l.duckdb"}, "bq": forbidding},
    }
    root = project(
        {
            "eltflow.yml": json.dumps(settings),
            "models/many.sql": f"{{{{ config(target='bq', materialized='table') }}}}\n{LARGE}",
            "models/counted.sql": "{{ config(materialized='table') }}\nselect count(*) as n, sum(amount) as amount from many",
        }
    )
    built = eltflow("build", cwd=root)
    assert built.code == 0, built.text
    assert f"{_WHY} {_ASKED}" in " ".join(built.text.split())
    shown = eltflow("show", "counted", "--json", cwd=root)
    assert json.loads(shown.out)[0]["n"] == 12_000


def test_an_endpoint_that_is_none(bigquery):
    told = dict(ADAPTER.target_problems({**bigquery.target(), "storage_endpoint": "http://localhost:1"}))
    assert told == {"storage_endpoint": "`storage_endpoint` must be a host and a port, as in localhost:9060"}
