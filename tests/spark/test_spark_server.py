"""What the contract does not ask: the command line, Thrift, a Spark of one's own, partitions, what cannot be reached. All on a real Spark."""

from __future__ import annotations

import datetime as dt
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import make
import pytest
from emulators import need
from spark_server import need_java

from eltflow.testing.bench import Subject, opened
from eltflow.warehouse.values import Relation, Statement, WarehouseError

pytestmark = pytest.mark.xdist_group("spark")

ROOT = Path(__file__).resolve().parents[2]
MODELS = {
    "models/stg_orders.sql": "select id, amount, 'x' as kind from orders",
    "models/daily.sql": "{{ config(materialized='table') }}\nselect kind, sum(amount) as total from stg_orders group by kind",
    "models/events.sql": "{{ config(materialized='incremental') }}\nselect id, amount from {{ ref('orders') }}",
    "seeds/orders.csv": "id,amount\n1,10\n2,20\n",
    "models/m.yml": "models:\n- {name: daily, columns: [{name: kind, data_tests: [not_null, unique]}]}\n",
}
DAYS = {"incremental_strategy": "insert_overwrite", "partition_by": ["day"]}
FIRST = "select 1 as id, date '2026-01-01' as day union all select 2, date '2026-01-01' union all select 3, date '2026-01-02'"


def _settings(target) -> str:
    return f"name: p\ntargets:\n  dev: {json.dumps(target)}\n"


def _bench(spark, tmp_path, method="connect"):
    from eltflow_spark import ADAPTER

    return opened(Subject(adapter=ADAPTER, target=spark.target(method), root=tmp_path, remembers=True))


@pytest.mark.parametrize("method", ["connect", "thrift"])
def test_a_project_from_debug_to_build(spark, project, eltflow, method):
    """A plan needs no connection; what one run made is there for the next."""
    root = project({**MODELS, "eltflow.yml": _settings(spark.target(method, schema=f"shop_{method}"))})
    planned = eltflow("plan", "--sql", cwd=root)
    assert planned.code == 0, planned.text
    assert "using parquet" in planned.out
    checked = eltflow("debug", cwd=root)
    assert checked.code == 0, checked.text
    for rows in (2, 4):
        built = eltflow("build", cwd=root)
        assert built.code == 0, built.text
        assert "2 tests passed" in built.out
        shown = eltflow("show", "--inline", "select count(*) as n from {{ ref('events') }}", cwd=root)
        assert str(rows) in shown.out, shown.text
    shown = eltflow("show", "daily", cwd=root)
    assert "30" in shown.out, shown.text
    assert "JVM" not in built.text


def test_partitions_are_overwritten(spark, tmp_path):
    """Those of the new rows, and no others; no new rows overwrite nothing."""
    with _bench(spark, tmp_path) as bench:
        bench.build("incremental", FIRST, config=DAYS)
        bench.build("incremental", "select 8 as id, date '2026-01-01' as day", config=DAYS)
        assert bench.rows("select id from s.t order by id") == [(3,), (8,)]
        bench.build("incremental", f"select * from ({FIRST}) as x where id > 3", config=DAYS)
        assert bench.rows("select id from s.t order by id") == [(3,), (8,)]
        bench.session.execute(Statement("set spark.sql.sources.partitionOverwriteMode = static", role="user"))
        bench.build("incremental", "select 9 as id, cast(null as date) as day", config=DAYS)
        assert bench.rows("select id from s.t order by id") == [(3,), (8,), (9,)]


def test_values_are_never_made_null_or_replaced(spark, tmp_path):
    """What is no number is an error, whatever the server is set to; `${…}` in a text is the text."""
    with _bench(spark, tmp_path) as bench:
        with pytest.raises(WarehouseError, match="'x' of the type \"STRING\" cannot be cast"):
            bench.build("table", "select cast(v as int) as id from values ('x') as y(v)")
        bench.build("table", "select '${env:HOME}' as v")
        assert bench.rows() == [("${env:HOME}",)]
        assert bench.rows("select '${env:HOME}'") == [("${env:HOME}",)]


def test_thrift_keeps_types_and_values(spark, tmp_path):
    """Values of a file, the columns of a query, cancelling, and an error with its place."""
    text = (
        'i,d,b,day,at,text\n1,1.5,true,2020-01-02,2020-01-01 10:00:00,"it\'s \\\\ ${env:HOME}"\n'
        "2,2.25,false,2020-01-03,2020-01-01 11:00:00,\n"
    )
    with _bench(spark, tmp_path, "thrift") as bench:
        outcome = bench.build("seed", files=(bench.file("x.csv", text),))
        assert outcome.rows == 2
        existing = bench.existing()
        assert existing is not None
        types = [("i", "bigint"), ("d", "double"), ("b", "boolean"), ("day", "date"), ("at", "timestamp_ntz"), ("text", "string")]
        assert [(c.name, c.type) for c in existing.columns] == types
        described = bench.session.execute(bench.adapter.dialect.describe("select cast(1 as decimal(10,2)) as n, * from s.t"))
        assert [(c.name, c.type) for c in described.columns] == [("n", "decimal(10,2)"), *types]
        assert bench.rows("select i, d, b, day, at, text from s.t order by i")[0] == (
            1,
            1.5,
            True,
            dt.date(2020, 1, 2),
            dt.datetime(2020, 1, 1, 10),
            "it's \\\\ ${env:HOME}",
        )
        with pytest.raises(WarehouseError) as raised:
            bench.session.execute(Statement("select 1 as a,\n  2 as b\nfrom s.nowhere", role="query"))
        assert (raised.value.kind, raised.value.code, raised.value.line) == ("sql", "TABLE_OR_VIEW_NOT_FOUND", 3)
        assert "HiveSQLException" not in str(raised.value)
        caught = []

        def run():
            try:
                bench.session.execute(Statement("select reflect('java.lang.Thread', 'sleep', 30000L)", role="query"))
            except WarehouseError as error:
                caught.append(error.kind)

        thread = threading.Thread(target=run)
        thread.start()
        time.sleep(0.5)
        bench.session.cancel()
        thread.join(20)
        assert caught == ["cancelled"]
        assert bench.rows("select count(*) from s.t") == [(2,)]


def test_what_a_killed_run_put_aside_is_put_back(spark, tmp_path):
    with _bench(spark, tmp_path) as bench:
        bench.sql("create table s.a__old__eltflow_tmp_0123abcd as select 1 as id")
        results = bench.project({"models/a.sql": "{{ config(materialized='table') }} select cast('x' as int) as id"})
        assert results["a"].status == "error"
        assert bench.rows("select * from s.a") == [(1,)]
        bench.sql("create table s.a__old__eltflow_tmp_0123abcd as select 2 as id")
        bench.project({"models/a.sql": "{{ config(materialized='table') }} select 3 as id"})
        assert bench.rows("select * from s.a") == [(3,)]
        assert bench.names() == {"a"}


def test_what_has_no_place_among_tables_of_parquet(spark, tmp_path):
    """A format that the server has not: told, with what to do, and nothing is touched."""
    with _bench(spark, tmp_path) as bench:
        bench.build("table", "select 1 as id")
        with pytest.raises(WarehouseError) as raised:
            bench.build("table", "select 2 as id", config={"file_format": "hudi"})
        assert raised.value.code == "DATA_SOURCE_NOT_FOUND"
        assert raised.value.help is not None
        assert "keep the table as parquet" in raised.value.help
        assert bench.rows() == [(1,)]
        assert bench.names() == {"t"}
        dialect = bench.adapter.dialect
        assert dialect.misnamed("größe") == "letters, digits and `_` alone"
        assert bench.database.catalog([(None, "s")], [Relation(None, "s", "t")])[0].kind == "table"


def test_debug_where_nobody_listens(spark, project, eltflow):
    """Within the timeout, with host and port; no secret shows."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for method, more in (("connect", {"token": "s3cret"}), ("thrift", {"auth": "LDAP", "password": "s3cret"})):
        root = project({"eltflow.yml": _settings(spark.target(method, **more) | {"port": port})}, name=method)
        started = time.monotonic()
        told = eltflow("debug", cwd=root)
        assert told.code == 1
        assert time.monotonic() - started < 15
        assert f"127.0.0.1:{port}: Connection refused" in told.text
        assert "correct `host:` and `port:` of the target; is the server up?" in told.text
        assert "s3cret" not in told.text


def test_a_server_that_speaks_something_else(spark, project, eltflow):
    """The ports of the two protocols, mixed up: an error, and no endless wait."""
    root = project({"eltflow.yml": _settings(spark.target("connect") | {"port": spark.thrift})})
    told = eltflow("debug", cwd=root)
    assert told.code == 1
    assert f"127.0.0.1:{spark.thrift}" in told.text
    assert "Traceback" not in told.text


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "a spark target needs `method:`, one of connect, thrift, session"),
        ({"method": "odbc"}, "`method: odbc` is not there: take connect or thrift"),
        ({"method": "connect"}, "`method: connect` needs `host:`"),
        ({"method": "connect", "host": "h", "port": "many"}, "`port` must be a whole number above 0"),
        ({"method": "connect", "host": "h", "use_ssl": "yes"}, "`use_ssl` must be true or false"),
        ({"method": "thrift", "host": "h", "token": "x"}, "`token` goes with `method: connect`, and this is `thrift`"),
        ({"method": "session", "host": "h"}, "`host` goes with `method: connect or thrift`, and this is `session`"),
        ({"method": "thrift", "host": "h", "auth": "MAGIC"}, "`auth` must be one of NONE, NOSASL, LDAP, CUSTOM, KERBEROS"),
        ({"method": "thrift", "host": "h", "auth": "LDAP"}, "`password` and `auth: LDAP` or `CUSTOM` go together"),
        ({"method": "thrift", "host": "h", "auth": "KERBEROS"}, "`auth: KERBEROS` and `kerberos_service_name` go together"),
        ({"method": "session", "schema": "a-b"}, "a schema's name is made of letters, digits and `_`"),
        (
            {"method": "session", "schema": "a", "database": "b"},
            "Spark's databases are its schemas: take `database` out, or make it what `schema` is",
        ),
        (
            {"method": "session", "server_side_parameters": ["x"]},
            "`server_side_parameters` must be names of settings and their values",
        ),
    ],
)
def test_targets_that_cannot_be(values, message):
    from eltflow_spark import ADAPTER

    assert [text for _, text in ADAPTER.target_problems(values)] == [message]


def _own(*words: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """`eltflow` by the Python that has a whole Spark."""
    need("spark")
    given = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "adapters"), str(cwd.parent / "plugins")]), **env}
    command = [str(make.python("spark")), "-m", "eltflow.cli.main", *words]
    return subprocess.run(command, cwd=cwd, env=given, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL)


@pytest.mark.prove
def test_what_init_makes_builds_on_a_spark_of_ones_own(tmp_path):
    """A session in the process, whose tables are there in the next one."""
    need_java()
    plugins = tmp_path / "plugins" / "eltflow-0.1.0.dist-info"
    plugins.mkdir(parents=True)
    (plugins / "METADATA").write_text("Metadata-Version: 2.1\nName: eltflow\nVersion: 0.1.0\n")
    (plugins / "entry_points.txt").write_text(
        "[eltflow.adapters]\nspark = eltflow_spark:ADAPTER\nduckdb = eltflow_duckdb:ADAPTER\n"
        "[eltflow.sources]\nfiles = eltflow_duckdb.source:READER\n"
    )
    made = _own("init", "shop", "--adapter", "spark", cwd=tmp_path, PYTHONPATH=_path(tmp_path))
    assert made.returncode == 0, made.stdout + made.stderr
    shop = tmp_path / "shop"
    assert "dialect: duckdb" in (shop / "eltflow.yml").read_text()
    built = _own("build", cwd=shop)
    assert built.returncode == 0, built.stdout + built.stderr
    assert "12 tests passed" in built.stdout
    assert "WARN" not in built.stderr
    shown = _own("show", "best_sellers", cwd=shop)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "revenue" in shown.stdout
    assert (shop / "spark-warehouse" / "spark.log").is_file()


def _path(tmp_path: Path) -> str:
    return os.pathsep.join([str(ROOT), str(ROOT / "adapters"), str(tmp_path / "plugins")])


def test_without_the_driver(project):
    """The thin client has no Spark in it: `method: session` says what to install; where there is no client at all, all of them do."""
    target = {"type": "spark", "method": "session", "schema": "s"}
    root = project({"eltflow.yml": _settings(target)})
    (root / "spark-warehouse").mkdir()  # else `debug` says that the first build makes it, and opens nothing
    for hidden, what in (("pyspark.java_gateway", "spark targets with `method: session`"), ("pyspark", "spark targets")):
        script = root / "hiding.py"  # a file: the client takes `python -c` for a doctest, and looks for a whole Spark
        script.write_text(
            f"import sys; sys.modules[{hidden!r}] = None\n"
            "from eltflow.cli.main import main\nsys.argv = ['eltflow', 'debug']\nmain()"
        )
        done = subprocess.run([sys.executable, str(script)], cwd=root, capture_output=True, text=True, timeout=120)
        assert done.returncode == 1
        assert f"the driver of {what} is not installed" in done.stdout + done.stderr
        assert "pip install 'eltflow[spark]'" in done.stdout + done.stderr
