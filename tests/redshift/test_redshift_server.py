"""What the contract does not ask: the command line, what goes wrong, views that are put aside. The real connector, and a PostgreSQL that
stands for Redshift (`tests/redshift_server.py` says what that cannot show)."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time

import pytest
from eltflow_postgres.redshift import ADAPTER
from ran import everything

from eltflow.testing.bench import SLOW, Subject, opened
from eltflow.warehouse.values import Statement, WarehouseError

WRONG = "wrong s3cret"
MODELS = {
    "models/stg_orders.sql": "select Id, Amount, 'x' as Kind from orders",
    "models/Daily.sql": "{{ config(materialized='table') }}\nselect kind, sum(amount) as total from stg_orders group by 1",
    "models/events.sql": "{{ config(materialized='incremental', unique_key='id') }}\nselect id, amount from {{ ref('orders') }}",
    "seeds/orders.csv": "id,amount\n1,10\n2,20\n",
    "models/m.yml": "models:\n- {name: Daily, columns: [{name: kind, data_tests: [not_null, unique]}]}\n",
}


@pytest.fixture
def folder(redshift, project):
    """A project; `folder(user="...")` sets keys of its target."""

    def make(files=None, **more):
        settings = f"name: p\ntargets:\n  dev: {json.dumps(redshift.target(**more))}\n"
        return project({**(files or {"models/m.sql": "select 1 as id"}), "eltflow.yml": settings})

    return make


@pytest.fixture
def warehouse(redshift, tmp_path):
    with opened(Subject(adapter=ADAPTER, target=redshift.target(), root=tmp_path)) as bench:
        yield bench


def test_a_project_from_init_to_build(redshift, folder, eltflow, tmp_path):
    """Names in any case are one; a plan needs no connection; what does not change is built again."""
    made = eltflow("init", "shop", "--adapter", "redshift", cwd=tmp_path)
    assert made.code == 0, made.text
    assert "type: redshift" in (tmp_path / "shop/eltflow.yml").read_text()
    assert "REDSHIFT_PASSWORD" in (tmp_path / "shop/eltflow.yml").read_text()
    root = folder(MODELS, schema="Bazaar")  # of this test alone: the database is that of the worker's other tests, too
    planned = eltflow("plan", "--sql", cwd=root)
    assert planned.code == 0, planned.text
    assert f'create table "{redshift.server.dbname}"."bazaar"."daily" as' in planned.out
    told = eltflow("debug", cwd=root)
    assert told.code == 0, told.text
    for _ in range(2):
        built = eltflow("build", cwd=root)
        assert built.code == 0, built.text
    assert "30" in eltflow("show", "Daily", cwd=root).out
    with redshift.server.connect() as connection:
        connection.execute("drop schema bazaar cascade")


@pytest.mark.parametrize(
    ("more", "message", "help"),
    [
        (
            {"user": "{guest}", "password": WRONG},
            '{where}: password authentication failed for user "{guest}"',
            "correct `user:` and `password:` of the target",
        ),
        (
            {"dbname": "nowhere"},
            '{where}: database "nowhere" does not exist',
            "correct `dbname:` of the target, or create that database",
        ),
        (
            {"port": 1},
            "127.0.0.1:1: communication error: [Errno 111] Connection refused",
            "correct `host:` and `port:` of the target; is there a way to it from here?",
        ),
        ({"sslmode": "verify-full"}, "{where}: Server refuses SSL", "correct `sslmode:` of the target"),
        ({"role": "nobody_here"}, 'role "nobody_here" does not exist', "check the target's settings"),
    ],
    ids=["password", "database", "port", "tls", "role"],
)
def test_no_connection(redshift, folder, eltflow, more, message, help):
    place = {"where": f"127.0.0.1:{redshift.port}", "guest": redshift.guest}
    root = folder(**{key: value.format(**place) if isinstance(value, str) else value for key, value in more.items()})
    ran = eltflow("debug", cwd=root)
    assert ran.code == 1
    assert message.format(**place) in ran.text
    assert f"= help: {help}" in ran.text
    assert "Traceback" not in ran.text
    assert "s3cret" not in everything(root, ran)


def test_the_right_password(redshift, tmp_path):
    target = Subject(adapter=ADAPTER, target=redshift.target(user=redshift.guest), root=tmp_path).values()
    database = ADAPTER.open(target, tmp_path)
    assert database.session().execute(Statement("select current_user", role="query")).rows == [(redshift.guest,)]
    database.close()


def test_a_server_that_does_not_answer(folder, eltflow):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        started = time.monotonic()
        ran = eltflow("build", cwd=folder(port=port, connect_timeout=1))
    assert ran.code == 2
    assert f": 127.0.0.1:{port}: no answer within 1 s\n" in ran.text
    assert "= help: correct `host:` and `port:` of the target; is there a way to it from here?" in ran.text
    assert time.monotonic() - started < 20


def test_the_driver_is_missing(folder, tmp_path):
    root = folder()
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['redshift_connector'] = None\n")
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", "eltflow.cli.main", "debug"]
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "the driver of redshift targets is not installed" in done.stdout + done.stderr
    assert "pip install 'eltflow[redshift]'" in done.stdout + done.stderr


def test_the_patience_is_that_of_connecting(redshift, tmp_path):
    """A statement may take longer."""
    target = Subject(adapter=ADAPTER, target=redshift.target(connect_timeout=1), root=tmp_path).values()
    database = ADAPTER.open(target, tmp_path)
    session = database.session()
    assert session.execute(Statement("select 1 from pg_sleep(1.5)", role="query")).rows == [(1,)]
    session.close()
    database.close()


def test_a_statement_that_is_cancelled(warehouse):
    """By another connection; the session goes on."""
    caught: list[str] = []

    def run() -> None:
        try:
            warehouse.session.execute(Statement(SLOW, role="query"))
        except WarehouseError as error:
            caught.append(error.kind)

    thread = threading.Thread(target=run)
    thread.start()
    while thread.is_alive():
        warehouse.session.cancel()
        thread.join(0.2)
    assert caught == ["cancelled"]
    assert warehouse.session.execute(Statement("select 1", role="query")).rows == [(1,)]


def test_the_texts_of_statements_are_not_kept(warehouse):
    """The connector would keep each for as long as the connection lives."""
    for number in range(3):
        warehouse.session.execute(Statement(f"select {number}", role="query"))
    assert not warehouse.session._connection._caches


def test_a_view_keeps_its_rights_and_its_descriptions(warehouse):
    warehouse.sql(
        "create table s.t as select 1 as id",
        "create view s.above as select id from s.t",
        "create view s.top as select id from s.above",
        "comment on column s.above.id is 'it''s the \\\\ id'",
        "grant usage on schema s to reporter",
        "grant select on s.above to reporter",
        "alter table s.above owner to limited",
    )
    warehouse.build("table", "select 5 as id")
    assert {"above", "top"} <= warehouse.names()
    above = warehouse.existing(warehouse.relation("above"))
    assert above.columns[0].comment == "it's the \\ id"
    rights = warehouse.adapter.dialect.grants_held(warehouse.relation("above"))
    assert ("select", "reporter") in {tuple(row) for row in warehouse.session.execute(rights).rows}
    owner = "select viewowner from pg_views where schemaname = 's' and viewname = 'above'"
    assert warehouse.rows(owner) == [("limited",)]


def test_a_view_that_cannot_follow(warehouse):
    """There are no savepoints: the step fails, in the server's words, and everything stays as it was."""
    warehouse.sql("create table s.t as select 1 as id, 2 as n", "create view s.above as select n from s.t")
    with pytest.raises(WarehouseError, match=r'column "?n"? does not exist'):
        warehouse.build("table", "select 1 as id", ours=lambda relation: True)
    assert warehouse.rows("select * from s.above") == [(2,)]
    assert warehouse.names() == {"t", "above"}


@pytest.mark.parametrize("strategy", ["append", "delete+insert", "merge"])
def test_a_column_that_changes_its_type(warehouse, strategy):
    """It comes last then."""
    config = {"on_schema_change": "sync_all_columns", "unique_key": "id", "incremental_strategy": strategy}
    warehouse.build("incremental", "select 1 as id, 'a' as v", config=config)
    warehouse.build("incremental", "select cast(2 as bigint) as id, 'b' as v", config=config)
    assert warehouse.kinds() == [("v", "VARCHAR"), ("id", "BIGINT")]
    assert warehouse.rows() == [("a", 1), ("b", 2)]


def test_a_materialized_view_is_refreshed_while_it_is_the_same(warehouse):
    """What it was made of is known from the record of effects; without one it is made anew."""
    warehouse.meta()
    warehouse.sql("create table s.up as select 1 as id")
    for sql, run, kind in (
        ("select id from s.up", "one", "materialized_view"),
        ("select id from s.up", "two", "refresh"),
        ("select id + 0 as id from s.up", "three", "materialized_view"),
        ("select id + 0 as id from s.up", None, "materialized_view"),
    ):
        warehouse.sql("update s.up set id = id + 1")
        assert warehouse.build("materialized_view", sql, run_id=run).kind == kind
        assert warehouse.rows() == warehouse.rows("select * from s.up")


def test_a_commit_after_a_failure_is_no_commit(warehouse):
    warehouse.session.execute(warehouse.adapter.dialect.begin())
    with pytest.raises(WarehouseError):
        warehouse.session.execute(Statement("select nope", role="query"))
    with pytest.raises(WarehouseError, match="the server rolled the transaction back instead of committing it"):
        warehouse.session.execute(warehouse.adapter.dialect.commit())
    assert warehouse.session.execute(Statement("select 1", role="query")).rows == [(1,)]


def test_types_are_told_as_the_catalog_tells_them(warehouse):
    warehouse.sql("create table s.t (a numeric(12,3), b character varying(7), c super, d timestamp with time zone)")
    told = [type for _, type in warehouse.columns()]
    found = [column.type for column in warehouse.existing().columns]
    assert found == ["numeric(12,3)", "character varying(7)", "super", "timestamp with time zone"]
    assert told == [
        "numeric(12,3)",
        "character varying(7)",
        "jsonb",
        "timestamp with time zone",
    ]  # a domain is told as what it is made of


def test_a_seed_by_way_of_s3(redshift, tmp_path, monkeypatch):
    """PostgreSQL knows no COPY from there: what is shown is that one is sent, and that what was put there is gone when it is refused."""
    from eltflow_postgres.redshift import session

    class Bucket:
        kept: dict[str, bytes] = {}

        def put_object(self, *, Bucket, Key, Body):
            self.kept[f"{Bucket}/{Key}"] = Body

        def delete_object(self, *, Bucket, Key):
            del self.kept[f"{Bucket}/{Key}"]

    monkeypatch.setattr(session, "client", lambda values: Bucket())
    target = redshift.target(copy_to="s3://b/f", copy_role="default")
    with opened(Subject(adapter=ADAPTER, target=target, root=tmp_path)) as bench:
        with pytest.raises(WarehouseError, match="syntax error") as raised:
            bench.build("seed", files=(bench.file("x.csv", "id\n1\n"),))
        assert raised.value.line == 3  # where it names the role
        assert bench.names() == set()
    assert Bucket.kept == {}
