"""What the contract does not ask: the command line, loads, what is sent to cancel, servers that are not there. The real connector and an
emulator of the server."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from eltflow_snowflake import ADAPTER
from emulators import make, need
from snowflake_server import PASSWORD, Emulator

from eltflow.testing.bench import Subject, counting
from eltflow.warehouse.values import Statement, WarehouseError

MODELS = {
    "models/stg_orders.sql": "select Id, Amount, 'x' as Kind from orders",
    "models/daily.sql": "{{ config(materialized='table', cluster_by='kind') }}\nselect kind, sum(amount) as total from stg_orders group by 1",
    "models/events.sql": "{{ config(materialized='incremental', unique_key='id') }}\nselect id, amount from {{ ref('orders') }}",
    "seeds/orders.csv": "id,amount\n1,10\n2,20\n",
    "models/m.yml": "models:\n- {name: daily, columns: [{name: kind, data_tests: [not_null, unique]}]}\n",
}


ROOT = Path(__file__).resolve().parent.parent.parent
#: Takes a second or two.
_LONG = counting(8)


def _run(session) -> None:
    """It runs to its end, or to the client's patience: the emulator stops nothing."""
    with suppress(WarehouseError):
        session.execute(Statement(_LONG, role="query"))


def _settings(emulator: Emulator, **more) -> str:
    return f"name: p\ntargets:\n  dev: {json.dumps(emulator.target(**more))}\n"


def test_a_project_from_plan_to_build(snowflake, project, eltflow):
    """Names without quotes, in any case, mean what Snowflake takes them for; a plan needs no connection."""
    root = project({**MODELS, "eltflow.yml": _settings(snowflake, schema="shop", query_tag="nightly")})
    before = len(snowflake.requests())
    planned = eltflow("plan", "--sql", cwd=root)
    assert planned.code == 0, planned.text
    assert 'create transient table "W"."SHOP"."DAILY" cluster by (kind) as' in planned.out
    assert len(snowflake.requests()) == before
    for _ in range(2):
        built = eltflow("build", cwd=root)
        assert built.code == 0, built.text
    shown = eltflow("show", "daily", cwd=root)
    assert "30" in shown.out, shown.text
    sent = [str(request["sql"]) for request in snowflake.requests()]
    assert any('create or replace transient table "W"."SHOP"."DAILY" cluster by (kind)' in sql for sql in sent)
    assert any('merge into "W"."SHOP"."EVENTS"' in sql for sql in sent)
    assert any(sql.startswith("put 'file://") for sql in sent)


@pytest.mark.parametrize(
    ("values", "number", "words", "help"),
    [
        ({"password": "wrong"}, "390100", "Incorrect username or password", "correct `user:` and `password:`"),
        ({"password": None, "token": "expired", "authenticator": "oauth"}, "390318", "token expired", "get a new token"),
    ],
)
def test_who_is_refused(snowflake, tmp_path, values, number, words, help):
    """The emulator is told to answer as the server does."""
    target = Subject(adapter=ADAPTER, target=snowflake.target(**values), root=tmp_path).values()
    with pytest.raises(WarehouseError, match=words) as raised:
        ADAPTER.open(target, tmp_path)
    assert (raised.value.kind, raised.value.code) == ("connection", number)
    assert f"127.0.0.1:{snowflake.port}" in str(raised.value)
    assert help in str(raised.value.help)
    assert "wrong" not in str(raised.value)
    assert PASSWORD not in str(raised.value)


@pytest.mark.parametrize(
    ("values", "how"),
    [
        ({}, None),
        ({"password": None, "private_key_path": "k.p8"}, "SNOWFLAKE_JWT"),
        ({"password": None, "token": "t", "authenticator": "oauth"}, "OAUTH"),
        ({"password": None, "token": "t", "authenticator": "pat"}, "PROGRAMMATIC_ACCESS_TOKEN"),
    ],
)
def test_the_connector_takes_each_way_to_sign_in(snowflake, tmp_path, values, how):
    """The emulator lets everybody in: what is shown is that the connector signs in so."""
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (tmp_path / "k.p8").write_bytes(key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()))
    target = Subject(adapter=ADAPTER, target=snowflake.target(**values), root=tmp_path).values()
    assert ADAPTER.target_problems(target.values) == []
    ADAPTER.open(target, tmp_path).close()
    asked = [r for r in snowflake.requests() if r["path"] == "/session/v1/login-request"][-1]
    assert asked["authenticator"] == how


def test_a_wrong_password_on_the_command_line(snowflake, project, eltflow):
    root = project({**MODELS, "eltflow.yml": _settings(snowflake, password="wrong")})
    for command in ("build", "debug"):
        told = eltflow(command, cwd=root)
        assert told.code != 0
        assert "Incorrect username or password" in told.text
        assert '"wrong"' not in told.text


def test_a_quoted_line_does_not_show_the_password(snowflake, project, eltflow):
    root = project({"eltflow.yml": _settings(snowflake, password="open sesame", port="many", wrong_key=1)})
    told = eltflow("ls", cwd=root)
    assert told.code == 2
    assert "`port` must be a whole number" in told.err
    assert "a snowflake target has no key `wrong_key`" in told.err
    assert "open sesame" not in told.text


def test_debug_and_init(snowflake, project, eltflow, tmp_path):
    made = eltflow("init", "shop", "--adapter", "snowflake", cwd=tmp_path)
    assert made.code == 0, made.text
    assert "type: snowflake" in (tmp_path / "shop/eltflow.yml").read_text()
    refused = eltflow("debug", cwd=tmp_path / "shop")
    assert refused.code == 1
    assert "signing in by snowflake needs `password:`" in refused.text
    root = project({"eltflow.yml": _settings(snowflake)})
    told = eltflow("debug", cwd=root)
    assert told.code == 0, told.text
    assert PASSWORD not in told.text


def test_the_template_builds(snowflake, eltflow, tmp_path):
    """What `eltflow init` makes, file to tests, the second time with nothing new."""
    assert eltflow("init", "shop", "--adapter", "snowflake", cwd=tmp_path).code == 0
    settings = tmp_path / "shop/eltflow.yml"
    text = settings.read_text()
    written = ADAPTER.starter.replace("my_project", "shop")
    lines = "".join(f"    {line}\n" for line in written.splitlines())
    assert lines in text
    settings.write_text(text.replace(f"\n{lines}", f" {json.dumps(snowflake.target(schema='template'))}\n"))
    for loaded in ("1 file, 189 rows", "nothing new"):
        built = eltflow("build", cwd=tmp_path / "shop")
        assert built.code == 0, built.text
        assert loaded in built.out
        assert "12 tests passed" in built.out
    assert eltflow("docs", "generate", cwd=tmp_path / "shop").code == 0


def test_a_column_that_does_not_exist_is_found_offline(snowflake, project, eltflow):
    broken = {**MODELS, "models/daily.sql": "select kind, sum(payed) as total from stg_orders group by 1"}
    root = project({**broken, "eltflow.yml": _settings(snowflake)})
    told = eltflow("compile", cwd=root)
    assert told.code == 2
    assert "error[E0405]: model `daily` uses the column `payed`, which does not exist" in told.err


def test_connector_5(snowflake):
    """Sign-in, DDL, rows, transactions, errors and the catalog; cancelling and loads are not shown."""
    need("connector5")
    command = [str(make.python("connector5")), str(Path(__file__).with_name("connector5.py")), json.dumps(snowflake.target())]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "adapters")])}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    columns = [["ID", "NUMBER(38,0)"], ["V", "VARCHAR"]]
    assert json.loads(done.stdout) == {
        "version": "5",
        "columns": [*columns, ["N", "NUMBER(3,2)"], ["B", "BOOLEAN"]],
        "rows": [["1", "b", "1.50", "True"], ["2", "c", "1.50", "True"]],
        "error": ["sql", "002003"],
        "tables": {"W.FIVE.NEW": columns, "W.FIVE.T": columns},
    }


def test_ddl_commits_what_is_open(snowflake, tmp_path):
    """As on Snowflake: what the emulator is told to do, so that a transaction of ours that held one would lose its rows in a test."""
    database = ADAPTER.open(Subject(adapter=ADAPTER, target=snowflake.target(schema="d"), root=tmp_path).values(), tmp_path)
    session = database.session()
    for sql, role in (
        ("create schema if not exists w.d", "ddl"),
        ("create or replace table w.d.t as select 1 as id", "ddl"),
        ("begin", "begin"),
        ("insert into w.d.t values (2)", "dml"),
        ("create or replace table w.d.other as select 1 as id", "ddl"),
        ("rollback", "rollback"),
    ):
        session.execute(Statement(sql, role=role))
    assert session.execute(Statement("select count(*) from w.d.t", role="query")).rows == [(2,)]
    session.close()
    database.close()


def test_no_way_to_the_server(snowflake, tmp_path):
    """It ends within its timeout, and says host and port; the password is not told."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    target = Subject(adapter=ADAPTER, target=snowflake.target(port=port, connect_timeout=2), root=tmp_path).values()
    started = time.monotonic()
    with pytest.raises(WarehouseError, match=f"127.0.0.1:{port}: ") as raised:
        ADAPTER.open(target, tmp_path)
    assert time.monotonic() - started < 45
    assert raised.value.kind == "connection"
    assert "account" in str(raised.value.help)
    assert PASSWORD not in str(raised.value)


def test_to_cancel_the_server_is_asked_to_abort_that_very_statement(snowflake, tmp_path):
    """The emulator answers and goes on; that Snowflake stops is not shown."""
    target = Subject(adapter=ADAPTER, target=snowflake.target(network_timeout=2), root=tmp_path).values()
    database = ADAPTER.open(target, tmp_path)
    session = database.session()
    session.cancel()
    before = len(snowflake.requests())
    runner = threading.Thread(target=_run, args=(session,))
    runner.start()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not [r for r in snowflake.requests()[before:] if r["sql"] == _LONG]:
        time.sleep(0.02)
    session.cancel()
    runner.join(60)
    assert not runner.is_alive()
    after = snowflake.requests()[before:]
    assert [r["sql"] for r in after if r["path"] == "/queries/v1/abort-request"] == [_LONG]
    database.close()
