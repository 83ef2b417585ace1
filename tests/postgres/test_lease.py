"""The lease of a schema: one run at a time, whatever machine it is on, and none that lost it writes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from eltflow.base.diagnostics import EltflowError
from eltflow.compile.program import LostLease
from eltflow.engine.lease import leased

SLEEP = "{{ config(materialized='table') }} select 1 as id, pg_sleep(%s)::text as s"


@pytest.fixture
def folder(postgres, tmp_path):
    def make(models, name="p", **more):
        root = tmp_path / name
        (root / "models").mkdir(parents=True, exist_ok=True)
        for model, sql in models.items():
            (root / f"models/{model}.sql").write_text(sql)
        (root / "eltflow.yml").write_text(f"name: p\ntargets:\n  dev: {json.dumps(postgres.target(**more))}\n")
        return root

    with postgres.connect() as connection:
        for schema in ("s", "eltflow_meta"):
            connection.execute(f"drop schema if exists {schema} cascade")
    return make


def started(root, home, *arguments):
    """A build on what passes for another machine: nothing is known of its locks here."""
    process = subprocess.Popen(
        [sys.executable, "-m", "eltflow.cli.main", "build", *arguments],
        cwd=root,
        env={**os.environ, "XDG_STATE_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return process


def wait_for(postgres, sql, *, seconds=30):
    with postgres.connect() as connection:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if connection.execute(sql).fetchone()[0]:
                    return
            except Exception:
                pass
            time.sleep(0.05)
    raise AssertionError(sql)


#: What this worker's own database is asked; others run such tests too.
HERE = "from pg_stat_activity where datname = current_database() and"
RUNNING = f"select count(*) {HERE} state = 'active' and query like '/*%create table%pg_sleep%'"


def test_a_second_machine_is_told_and_may_wait(folder, postgres, eltflow, tmp_path):
    root = folder({"slow": SLEEP % 4})
    process = started(root, tmp_path / "elsewhere")
    wait_for(postgres, RUNNING)
    other = folder({"fast": "select 1 as id"}, name="q")
    refused = eltflow("build", cwd=other)
    assert refused.code == 2
    assert f"another run is writing to this target: process {process.pid} on " in refused.err
    waited = eltflow("build", "--lock-timeout", "60", cwd=other)
    assert waited.code == 0, waited.text
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 0, out
    with postgres.connect() as connection:
        assert connection.execute("select count(*) from eltflow_meta.lease").fetchone() == (0,)


def test_a_run_that_was_killed_is_in_nobodys_way(folder, postgres, eltflow, tmp_path):
    """On its own machine at once, where its lock says that it is dead; elsewhere when its lease has ended."""
    root = folder({"slow": SLEEP % 60})
    home = tmp_path / "elsewhere"
    process = started(root, home)
    wait_for(postgres, RUNNING)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    (root / "models/slow.sql").write_text("select 1 as id")
    assert eltflow("build", cwd=root).code == 2
    with postgres.connect() as connection:
        connection.execute(f"select pg_terminate_backend(pid) {HERE} query like '/*%create table%pg_sleep%'")
    done = eltflow("build", cwd=root, env={"XDG_STATE_HOME": str(home)})
    assert done.code == 0, done.text
    process = started(folder({"slow": SLEEP % 60}), home)
    wait_for(postgres, RUNNING)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    with postgres.connect() as connection:
        connection.execute(f"select pg_terminate_backend(pid) {HERE} query like '/*%create table%pg_sleep%'")
        connection.execute("update eltflow_meta.lease set until = now() - interval '1 second'")
    (root / "models/slow.sql").write_text("select 1 as id")
    assert eltflow("build", cwd=root).code == 0


def test_a_run_that_lost_its_lease_writes_nothing_more(folder, postgres, tmp_path):
    pause = "pre_hook=[{'sql': 'select pg_sleep(2)', 'transaction': false}]"  # between two transactions
    models = {
        "a": SLEEP % 2,
        "b": f"-- depends_on: {{{{ ref('a') }}}}\n{{{{ config(materialized='table', {pause}) }}}} select 1 as id",
        "c": "-- depends_on: {{ ref('b') }}\nselect 1 as id",
    }
    root = folder(models)
    process = started(root, tmp_path / "elsewhere")
    wait_for(postgres, RUNNING)
    with postgres.connect() as connection:
        # It waits for the transaction that looked at the row: what that one writes is written before another run begins.
        connection.execute("delete from eltflow_meta.lease")
        tables = {
            row[0]
            for row in connection.execute(
                "select relname from pg_class c join pg_namespace n on n.oid = c.relnamespace and nspname = 's'"
            )
        }
    assert tables == {"a"}
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 75, out
    assert "E0807" in out
    assert "another run has taken this target over" in out
    with postgres.connect() as connection:
        found = connection.execute("select relname from pg_class c join pg_namespace n on n.oid = c.relnamespace and nspname = 's'")
        assert {row[0] for row in found} == {"a"}


@pytest.fixture
def lease(warehouse):
    def make(token, seconds=60.0, place="there"):
        return warehouse.adapter.dialect.lease("s", token=token, holder=f"run {token}", place=place, seconds=seconds)

    return make


@pytest.mark.parametrize("kind", ["view", "table", "incremental", "seed", "materialized_view"])
def test_the_fence_stands_before_every_write(warehouse, lease, kind):
    files = (warehouse.file("t.csv", "id\n7\n"),) if kind == "seed" else ()
    with leased(warehouse.database, lease("one"), 0) as held:
        for number in (1, 2):
            warehouse.build(kind, f"select {number} as id", files=files, fence=held.fence)
        before = warehouse.rows()
        warehouse.sql("update eltflow_meta.lease set token = 'two'")
        with pytest.raises(LostLease):
            warehouse.build(kind, "select 3 as id", files=files, fence=held.fence)
        assert warehouse.rows() == before
        warehouse.sql("delete from eltflow_meta.lease")


def test_no_hook_writes_after_the_lease_is_lost(folder, postgres, eltflow, tmp_path):
    """Neither one of the project, nor one that a model asks to have outside of its transaction."""
    outside = [{"sql": sql, "transaction": False} for sql in ("select pg_sleep(2)", "create table s.after as select 1")]
    hook = f"post_hook={json.dumps(outside)}".replace("false", "False")
    root = folder({"a": f"{{{{ config(materialized='table', {hook}) }}}} select 1 as id, pg_sleep(2)::text as s"})
    path = root / "eltflow.yml"
    path.write_text(path.read_text() + "on_run_start: [vacuum, create table s.began as select 1]\n")
    path.write_text(path.read_text() + "on_run_end: [create table s.ended as select 1, vacuum]\n")
    process = started(root, tmp_path / "elsewhere")
    wait_for(postgres, RUNNING)
    with postgres.connect() as connection:
        connection.execute("delete from eltflow_meta.lease")
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 75, out
    tables = "select table_name from information_schema.tables where table_schema = 's'"
    with postgres.connect() as connection:
        assert {name for (name,) in connection.execute(tables)} == {"a", "began"}
        connection.execute("drop table s.began")
    done = eltflow("build", cwd=root)
    assert done.code == 0, done.text
    with postgres.connect() as connection:
        assert {name for (name,) in connection.execute(tables)} == {"a", "after", "began", "ended"}


def test_a_hook_that_fails_half_way_leaves_nothing(folder, postgres, eltflow):
    root = folder({"a": "select 1 as id"})
    path = root / "eltflow.yml"
    path.write_text(
        path.read_text() + "on_run_start: ['create table s.half as select 1', 'create table s.whole as select 1; select nope']\n"
    )
    ran = eltflow("build", cwd=root)
    assert ran.code == 1
    assert 'column "nope" does not exist' in ran.text
    with postgres.connect() as connection:
        assert connection.execute("select to_regclass('s.half') is not null, to_regclass('s.whole') is null").fetchone() == (
            True,
            True,
        )
        assert connection.execute(f"select count(*) {HERE} state like 'idle in%'").fetchone() == (0,)


def test_it_is_renewed_and_only_its_own(warehouse, lease):
    with leased(warehouse.database, lease("one", 0.9), 0, 0.9) as held:
        time.sleep(2)
        with pytest.raises(EltflowError, match="run one"), leased(warehouse.database, lease("two", place="here"), 0):
            pass
        assert not held.lost
        warehouse.sql("update eltflow_meta.lease set token = 'three'")
        deadline = time.monotonic() + 10
        while not held.lost and time.monotonic() < deadline:
            time.sleep(0.05)
        assert held.lost
    assert warehouse.rows("select token from eltflow_meta.lease") == [("three",)]


def test_only_one_of_many_gets_it(warehouse, lease):
    won, lost = [], []
    gate = threading.Barrier(6)

    def try_it(number):
        gate.wait()
        try:
            with leased(warehouse.database, lease(str(number), place=str(number)), 0):
                won.append(number)
                time.sleep(1)
        except EltflowError:
            lost.append(number)

    with leased(warehouse.database, lease("first"), 0):
        pass  # makes the table
    threads = [threading.Thread(target=try_it, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (len(won), len(lost)) == (1, 5)


def test_without_the_right_to_keep_one(folder, postgres, eltflow):
    from postgres_server import PASSWORD

    with postgres.connect() as connection:
        connection.execute("create schema s")
        connection.execute("grant create, usage on schema s to limited")
    ran = eltflow("build", cwd=folder({"m": "select 1 as id"}, user="limited", password=PASSWORD))
    assert ran.code == 0, ran.text
    assert "no right to keep a lease in eltflow_meta" in ran.text
    assert "no right to write to eltflow_meta.applied, so what each node does is not recorded: permission denied" in ran.text
    with postgres.connect() as connection:
        connection.execute("drop schema s cascade")


def test_the_right_to_record_is_looked_at_before_anything_is_built(folder, postgres, eltflow):
    """Somebody else's table, which may be seen and not written: found out by the run, not by each node."""
    from postgres_server import PASSWORD

    assert eltflow("build", cwd=folder({"m": "select 1 as id"})).code == 0
    with postgres.connect() as connection:
        connection.execute("drop view s.m")
        connection.execute("grant create, usage on schema s, eltflow_meta to limited")
        connection.execute("grant select on eltflow_meta.applied to limited")
        connection.execute("grant all on eltflow_meta.lease to limited")
    ran = eltflow("build", cwd=folder({"m": "select 2 as id"}, user="limited", password=PASSWORD))
    assert ran.code == 0, ran.text
    assert ran.text.count("is not recorded: permission denied for table applied") == 1
    with postgres.connect() as connection:
        assert connection.execute("select id from s.m").fetchall() == [(2,)]
        assert len(connection.execute("select * from eltflow_meta.applied").fetchall()) == 1
        connection.execute("drop schema s, eltflow_meta cascade")
