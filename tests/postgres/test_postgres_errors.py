"""What goes wrong with a server, as it is told. The password shows nowhere."""

from __future__ import annotations

import json
import socket
import threading
import time

import psycopg
import pytest
from eltflow_postgres import ADAPTER
from postgres_server import PASSWORD, own_server
from ran import everything

from eltflow.testing.bench import SLOW
from eltflow.warehouse.values import Statement, WarehouseError


@pytest.fixture
def folder(postgres, tmp_path):
    """A project of one model; `folder(host="...")` sets keys of its target."""

    def make(sql="select 1 as id", **more):
        root = tmp_path / "p"
        (root / "models").mkdir(parents=True, exist_ok=True)
        (root / "models/m.sql").write_text(sql)
        (root / "eltflow.yml").write_text(f"name: p\ntargets:\n  dev: {json.dumps(postgres.target(**more))}\n")
        return root

    return make


WRONG = "wrong s3cret"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"user": "limited", "password": WRONG}, 'password authentication failed for user "limited"'),
        ({"user": "limited", "pass": WRONG}, 'password authentication failed for user "limited"'),
        ({"user": "nobody_here"}, 'role "nobody_here" does not exist'),
        ({"dbname": "nowhere"}, 'database "nowhere" does not exist'),
        ({"host": "127.0.0.1", "port": 1}, 'server at "127.0.0.1", port 1 failed: Connection refused'),
        ({"host": "no.such.host.invalid"}, "no.such.host.invalid"),
        ({"role": "nobody_here"}, 'role "nobody_here" does not exist'),
    ],
)
def test_no_connection(folder, eltflow, more, words):
    root = folder(**more)
    for command in (["build"], ["debug"], ["build", "--debug"]):
        ran = eltflow(*command, cwd=root)
        assert ran.code in (1, 2)
        assert words in ran.text
        assert "Traceback" not in ran.text.replace(WRONG, "") or "--debug" in command
        assert "s3cret" not in everything(root, ran)
        assert "help" in ran.text


def test_the_right_password(folder, eltflow, postgres):
    with postgres.connect() as connection:
        connection.execute("drop schema if exists s cascade")
        connection.execute(f"grant create on database {postgres.dbname} to limited")
    root = folder(user="limited", password=PASSWORD)
    ran = eltflow("build", cwd=root)
    assert ran.code == 0, ran.text
    assert "s3cret" not in everything(root, ran)
    with postgres.connect() as connection:
        connection.execute("drop schema s cascade")
        connection.execute(f"revoke create on database {postgres.dbname} from limited")


def test_a_server_that_does_not_answer(folder, eltflow):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        root = folder(host="127.0.0.1", port=port, connect_timeout=2)
        started = time.monotonic()
        ran = eltflow("build", cwd=root)
    assert ran.code == 2
    assert f"127.0.0.1:{port}" in ran.text
    assert "timeout" in ran.text
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("port", "many", "`port` must be a whole number"),
        ("sslmode", "yes", "`sslmode` must be one of disable, allow"),
        ("dbname", None, "a postgres target needs `dbname:`"),
        ("hots", "x", "did you mean `host`?"),
    ],
)
def test_settings_of_the_target(folder, eltflow, key, value, words):
    ran = eltflow("build", cwd=folder(**{key: value}))
    assert ran.code == 2
    assert words in ran.text


def test_the_users_line(folder, eltflow):
    ran = eltflow("build", cwd=folder("select\n  1 as id,\n  nofunc(one) + 1 as x\nfrom (select 1 as one) t"))
    assert ran.code == 1
    assert "models/m.sql:3:3" in ran.text
    assert "function nofunc(integer) does not exist" in ran.text


def test_missing_rights(folder, eltflow, postgres):
    with postgres.connect() as connection:
        connection.execute("drop schema if exists s cascade")
        connection.execute("create schema s")
        connection.execute("create table s.hidden as select 1 as id")
        connection.execute("grant create, usage on schema s to limited")
    more = {"user": "limited", "password": PASSWORD}
    ran = eltflow("build", cwd=folder("{{ config(materialized='table') }} select * from s.hidden", **more))
    assert ran.code == 1
    assert "permission denied for table hidden" in ran.text
    assert "grant the rights" in ran.text
    ran = eltflow("build", cwd=folder(schema="other", **more))
    assert ran.code == 2
    assert "permission denied" in ran.text


def test_kinds(warehouse):
    warehouse.sql("create table s.t (id integer primary key, v text)", "insert into s.t values (1, 'secret')")
    for sql, kind, code in (
        ("insert into s.t values (1, 'x')", "sql", "23505"),
        ("alter table s.t add check (v = 'x')", "sql", "23514"),
        ("set transaction read only; create table s.u (id integer)", "read_only", "25006"),
        ("set lock_timeout = '10ms'; select pg_terminate_backend(pg_backend_pid())", "lost", "57P01"),
    ):
        with pytest.raises(WarehouseError) as raised:
            warehouse.session.execute(Statement(sql, role="user"))
        assert (raised.value.kind, raised.value.code) == (kind, code)
        assert "secret" not in str(raised.value)


def test_a_timeout_of_the_servers_own_is_not_our_cancelling(warehouse):
    with pytest.raises(WarehouseError, match="statement timeout") as raised:
        warehouse.session.execute(Statement(f"set statement_timeout = '50ms'; {SLOW}", role="user"))
    assert raised.value.kind == "sql"


def test_a_deadlock_is_tried_again(warehouse, postgres):
    """Another session holds a row and wants the table that the step has: one of the two is ended by the server."""
    warehouse.sql("create table s.a as select 1 as id", "create table s.b as select 1 as id")
    hook = "update s.a set id = id', 'select pg_sleep(1.5)', 'update s.b set id = id"
    done = {}
    build = threading.Thread(
        target=lambda: done.update(
            warehouse.project({"models/m.sql": f"{{{{ config(materialized='table', post_hook=['{hook}']) }}}} select 1 as id"})
        )
    )
    with postgres.connect() as other:
        other.execute("set deadlock_timeout = '60s'")  # ours notices, after a second
        other.execute("begin")
        other.execute("update s.b set id = id")
        build.start()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with postgres.connect() as looking:
                found = looking.execute(
                    "select count(*) from pg_stat_activity where datname = current_database() and query like '/*%select pg_sleep%'"
                ).fetchone()
            if found[0]:
                break
            time.sleep(0.05)
        other.execute("update s.a set id = id")
        other.execute("commit")
    build.join(30)
    assert (done["m"].status, done["m"].attempts) == ("success", 2)


def test_what_runs_at_the_server_ends_with_the_run(warehouse, postgres):
    """A step that timed out is no longer running there."""
    warehouse.project({"models/m.sql": "{{ config(materialized='table') }}\n" + SLOW}, timeout=0.5)
    with postgres.connect() as connection:
        running = (
            "select count(*) from pg_stat_activity where state = 'active' and query like '/*%%create table%%' and datname = %s"
        )
        assert connection.execute(running, (postgres.dbname,)).fetchone() == (0,)


def test_no_room_at_the_server(folder, eltflow, postgres):
    """A query that needs more space for its sort than the server gives it."""
    sql = "{{ config(materialized='table') }}\nselect md5(n::text) as h from generate_series(1, 300000) as n order by 1"
    root = folder(sql, schema="s_room")
    try:
        with postgres.connect() as connection:
            connection.execute(f"alter database {postgres.dbname} set temp_file_limit = '1MB'")
            connection.execute(f"alter database {postgres.dbname} set work_mem = '64kB'")
        ran = eltflow("build", cwd=root)
    finally:
        with postgres.connect() as connection:
            connection.execute(f"alter database {postgres.dbname} reset all")
    assert ran.code == 1
    assert "temporary file size exceeds" in ran.text
    assert "raise the server's temp_file_limit" in ran.text
    with postgres.connect() as connection:
        assert connection.execute("select count(*) from pg_class where relname ~ '^m(__eltflow_tmp|$)'").fetchone() == (0,)
        assert eltflow("build", cwd=root).code == 0
        assert connection.execute("select count(*) from s_room.m").fetchone() == (300000,)
        connection.execute("drop schema s_room cascade")


def test_more_than_a_statement_may_have(folder, eltflow):
    """PostgreSQL's limits are told in its own words, at the model."""
    ran = eltflow("build", cwd=folder(f"select {', '.join(f'{n} as c{n}' for n in range(2000))}"))
    assert ran.code == 1
    assert "target lists can have at most 1664 entries" in ran.text
    assert "models/m.sql" in ran.text


def test_merge_needs_15():
    from eltflow_postgres.errors import as_warehouse_error

    class Old(psycopg.errors.SyntaxError):
        sqlstate = "42601"

        @property
        def diag(self):
            class Told:
                sqlstate, message_primary, statement_position = "42601", 'syntax error at or near "merge"', "1"
                message_detail = message_hint = context = schema_name = None

            return Told()

    assert "PostgreSQL 15" in str(as_warehouse_error(Old(), "merge into x", version=140005).help)


def test_the_adapter_shows_no_password(postgres, tmp_path):
    from eltflow.testing.bench import Subject

    subject = Subject(adapter=ADAPTER, target=postgres.target(password="s3cret"), root=tmp_path)
    database = ADAPTER.open(subject.values(), tmp_path)
    session = database.session()
    assert "s3cret" not in repr((subject.values(), database, session, session.__dict__))
    assert "s3cret" not in ADAPTER.location(subject.values(), tmp_path)
    session.close()
    database.close()


def test_the_servers_disk_is_full(tmp_path, eltflow):
    """Files of the server may not grow beyond 20 MB: of a table's next page a part is written, which it takes for a disk that is full (53100).
    What stood there stays, and the next build goes on."""
    with own_server(tmp_path / "server", largest_file=20 * 1024 * 1024 + 4096) as server:
        target = json.dumps(server.target(schema="s", threads=1))
        root = tmp_path / "p"
        (root / "models").mkdir(parents=True)
        (root / "eltflow.yml").write_text(f"name: p\ntargets:\n  dev: {target}\nvars: {{rows: 10}}\n")
        rows = "select n, md5(n::text) as h from generate_series(1, {{ var('rows') }}) as n"
        (root / "models/m.sql").write_text("{{ config(materialized='table') }}\n" + rows)
        (root / "models/i.sql").write_text("{{ config(materialized='incremental', unique_key='n') }}\n" + rows)
        assert eltflow("build", cwd=root).code == 0
        ran = eltflow("build", "--vars", "rows: 400000", cwd=root)
        assert ran.code == 1
        assert "could not extend file" in ran.text
        assert "help: Check free disk space." in ran.text  # the server has words of its own
        counts = "select (select count(*) from s.m), (select count(*) from s.i)"
        with server.connect() as connection:
            assert connection.execute(counts).fetchone() == (10, 10)
            assert connection.execute("select count(*) from pg_class where relname ~ '__eltflow_tmp_'").fetchone() == (0,)
            assert eltflow("build", "--vars", "rows: 1000", cwd=root).code == 0
            assert connection.execute(counts).fetchone() == (1000, 1000)
