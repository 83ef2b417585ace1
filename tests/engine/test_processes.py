"""Real builds in processes and threads: Ctrl-C, two at a time, and what a killed one leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time

import duckdb
import pytest

from eltflow import api
from eltflow.state.database import SqlitePlace
from eltflow.state.store import Store

# An aggregate over a product that no machine finishes while the test waits.
SLOW = "select count(*) as n from range(100000000) a, range(100000000) b where (a.range * b.range) % 7 = 3"


def started(root, *arguments):
    """A build in a process of its own, once its first step runs."""
    command = [sys.executable, "-m", "eltflow.cli.main", "build", "--log-format", "json", *arguments]
    process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in process.stdout:
        if json.loads(line)["event"] == "StepStarted" and "slow" in line:
            return process
    raise AssertionError(process.stderr.read())


def tables(path):
    with duckdb.connect(str(path), read_only=True) as con:
        return {
            row[0]
            for row in con.execute(
                "select table_name from information_schema.tables where table_schema <> 'eltflow_meta'"
            ).fetchall()
        }


@pytest.mark.parametrize(
    ("materialized", "sent"), [("table", signal.SIGINT), ("incremental", signal.SIGINT), ("table", signal.SIGTERM)]
)
def test_ctrl_c(project, eltflow, materialized, sent):
    root = project(
        {
            "models/first.sql": "select 1 as id",
            "models/slow.sql": f"{{{{ config(materialized='{materialized}') }}}}\n-- depends_on: {{{{ ref('first') }}}}\n{SLOW}",
            "models/below.sql": "select * from slow",
        }
    )
    process = started(root)
    process.send_signal(sent)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    events = [json.loads(line) for line in out.splitlines()]
    assert events[-1]["event"] == "RunFinished"
    statuses = {e["id"].split(".")[-1]: e["status"] for e in events if e["event"] == "StepFinished"}
    assert statuses == {"slow": "cancelled", "below": "skipped"}
    assert tables(root / "p.duckdb") == {"first"}
    store = Store(SqlitePlace(root / ".eltflow/state.sqlite"))
    (run,) = store.runs()
    assert run.status == "cancelled"
    assert {n.name: n.status for n in store.nodes(run.id)} == {"first": "success", "slow": "cancelled", "below": "skipped"}
    written = json.loads((root / "target/run_results.json").read_text())["results"]
    assert {r["unique_id"].split(".")[-1] for r in written} == {"first", "slow", "below"}
    (root / "models/slow.sql").write_text("select 1 as n")
    again = eltflow("build", cwd=root)
    assert again.code == 0, again.text


def test_a_second_build_is_told_who_is_first_and_may_wait(project, eltflow):
    root = project({"models/slow.sql": "{{ config(materialized='table') }}\n" + SLOW})
    process = started(root)
    try:
        refused = eltflow("build", cwd=root)
        assert refused.code == 2
        assert f"process {process.pid} of me since" in refused.err
        (root / "models/other.sql").write_text("select 1 as n")
        waiting = subprocess.Popen(
            [sys.executable, "-m", "eltflow.cli.main", "build", "--lock-timeout", "60", "--select", "other"],
            cwd=root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    out, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 0, out


def test_ctrl_c_while_waiting_for_the_lock(project):
    root = project({"models/slow.sql": "{{ config(materialized='table') }}\n" + SLOW})
    process = started(root)
    command = [sys.executable, "-u", "-m", "eltflow.cli.main", "build", "--lock-timeout", "60", "--debug"]
    waiting = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        log = root / "logs/eltflow.log"
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not _open_lock(waiting.pid):
            time.sleep(0.02)
        waiting.send_signal(signal.SIGINT)
        waiting.communicate(timeout=30)
        assert waiting.returncode == 130
        assert log.exists()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def _open_lock(pid):
    """Whether a process has opened a lock file (Linux tells; elsewhere the test goes on after its wait)."""
    folder = f"/proc/{pid}/fd"
    try:
        return any(os.readlink(os.path.join(folder, fd)).endswith(".lock") for fd in os.listdir(folder))
    except OSError:
        return False


def _build(root, results, key, **options):
    loaded = api.load(root, api.new_options())
    state = api.RunState(run_id=loaded.options.invocation_id)
    selected = tuple(i for i, n in loaded.graph.nodes.items() if n.resource_type in ("model", "test", "seed", "ingest"))
    for _ in api.execute(loaded, api.RunOptions(selected=selected, **options), state):
        pass
    results[key] = {r.step.split(".")[-1]: r.status for r in state.results.values()}


def test_two_projects_on_two_threads(project):
    roots = []
    for name in ("one", "two"):
        models = {f"models/m{i}.sql": f"select {i} as id" for i in range(12)}
        roots.append(
            project({**models, "models/bad.sql": "select nope from m1" if name == "two" else "select id from m1"}, name=name)
        )
    results = {}
    errors = []

    def run(root):
        try:
            _build(root, results, root.name)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(root,)) for root in roots]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert set(results["one"].values()) == {"success"}
    assert len(errors) == 1, "a column that is certainly missing is found before anything runs"
    assert len(results["one"]) == 13


def test_two_runs_of_one_target_on_two_threads_take_turns(project):
    root = project({f"models/m{i}.sql": f"{{{{ config(materialized='table') }}}} select {i} as id" for i in range(8)})
    results, errors = {}, []

    def run(key):
        try:
            _build(root, results, key, lock_timeout=60)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(key,)) for key in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not errors
    assert [set(r.values()) for r in results.values()] == [{"success"}] * 3


def test_leftovers_of_a_killed_run_are_dropped(project, eltflow):
    """Only relations with our mark and eight hex digits, only in schemas that this run writes to."""
    root = project({"models/m.sql": "select 1 as id", "models/far.sql": "{{ config(schema='far') }} select 1 as id"})
    names = ["m__eltflow_tmp_0123abcd", "M__ELTFLOW_TMP_0123ABCD2", "m__eltflow_tmp_mine", "x__eltflow_tmp_ffffffff"]
    with duckdb.connect(str(root / "p.duckdb")) as con:
        for schema in ("s", "s_far", "other"):
            con.execute(f"create schema {schema}")
            for name in names:
                con.execute(f"create table {schema}.{name} as select 1 as id")
        con.execute("create view s.v__eltflow_tmp_00000000 as select 1 as id")
    ran = eltflow("build", "--select", "m", cwd=root)
    assert ran.code == 0, ran.text
    assert "killed" in ran.out
    with duckdb.connect(str(root / "p.duckdb"), read_only=True) as con:
        left = con.execute("select table_schema, table_name from information_schema.tables order by all").fetchall()
    kept = [(schema, name) for schema in ("other", "s_far") for name in names]
    assert [one for one in left if one[0] not in ("s", "eltflow_meta")] == sorted(kept)
    assert [name for schema, name in left if schema == "s"] == ["M__ELTFLOW_TMP_0123ABCD2", "m", "m__eltflow_tmp_mine"]
