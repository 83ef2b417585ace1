"""`eltflow gc`: what is shown, what is taken away, and what is not."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from ran import Ran

Project = Callable[..., Path]
Eltflow = Callable[..., Ran]


def relations(root: Path) -> set[str]:
    with duckdb.connect(str(root / "p.duckdb")) as connection:
        found = connection.execute("select table_schema || '.' || table_name from information_schema.tables").fetchall()
    return {name for (name,) in found if not name.startswith("eltflow_meta")}


def test_what_nothing_makes_any_more_is_shown_then_dropped(project: Project, eltflow: Eltflow) -> None:
    root = project(
        {
            "models/a.sql": "{{ config(materialized='table') }} select 1 as id\n",
            "models/b.sql": "select id from a\n",
            "models/off.sql": "{{ config(enabled=var('on', true)) }} select 2 as id\n",
        }
    )
    assert eltflow("build", cwd=root).code == 0
    with duckdb.connect(str(root / "p.duckdb")) as connection:
        connection.execute("create table s.mine as select 1 as x")
        connection.execute("create table s.c__eltflow_tmp_0123abcd as select 1 as x")
    (root / "models/a.sql").unlink()
    (root / "models/b.sql").unlink()
    (root / "models/off.sql").write_text("{{ config(enabled=false) }} select 2 as id\n")
    (root / "models/d.sql").write_text("select 3 as id\n")
    shown = eltflow("gc", cwd=root)
    assert shown.code == 0, shown.text
    assert "p.s.a" in shown.out
    assert "model.p.a" in shown.out
    assert "p.s.c__eltflow_tmp_0123abcd  table  left by a run that was killed" in shown.out
    assert "s.mine" not in shown.out
    assert "s.off" not in shown.out
    assert "3 relations, 0 runs and 0 runs of jobs older than 90 days, 0 logs: --yes takes them away" in shown.out
    assert len(relations(root)) == 5
    done = eltflow("gc", "--yes", cwd=root)
    assert done.code == 0, done.text
    assert relations(root) == {"s.mine", "s.off"}
    assert "nothing to take away" in eltflow("gc", cwd=root).err


def test_a_relation_that_moved_is_its_node_s(project: Project, eltflow: Eltflow) -> None:
    """A model that is called otherwise now, and makes the same relation."""
    root = project({"models/a.sql": "select 1 as id\n"})
    eltflow("build", cwd=root)
    (root / "models/a.sql").rename(root / "models/z.sql")
    (root / "models/z.sql").write_text("{{ config(alias='a') }} select 1 as id\n")
    assert "nothing to take away" in eltflow("gc", cwd=root).err


def test_what_stands_on_it_keeps_it(postgres: Any, project: Project, eltflow: Eltflow) -> None:
    settings = json.dumps({"name": "p", "targets": {"dev": postgres.target()}})
    root = project(
        {
            "eltflow.yml": settings,
            "models/keep.sql": "select 1 as id\n",
            "models/a.sql": "{{ config(materialized='table') }} select 1 as id\n",
        }
    )
    assert eltflow("build", cwd=root).code == 0
    with postgres.connect() as connection:
        connection.execute("create view public.theirs as select id from s.a")
    (root / "models/a.sql").unlink()
    done = eltflow("gc", "--yes", "--json", cwd=root)
    assert done.code == 1
    (kept,) = json.loads(done.out)["kept"]
    assert kept["relation"].endswith("s.a")
    assert "depend" in kept["why"]
    with postgres.connect() as connection:
        assert connection.execute("select id from public.theirs").fetchall() == [(1,)]
        connection.execute("drop view public.theirs")
    assert eltflow("gc", "--yes", cwd=root).code == 0


def test_while_another_machine_writes_nothing_is_dropped(postgres: Any, project: Project, eltflow: Eltflow) -> None:
    """What carries the mark of a run may be that of one that goes on."""
    settings = json.dumps({"name": "p", "targets": {"dev": postgres.target()}})
    root = project({"eltflow.yml": settings, "models/keep.sql": "select 1 as id\n"})
    assert eltflow("build", cwd=root).code == 0
    with postgres.connect() as connection:
        connection.execute("create table s.c__eltflow_tmp_0123abcd as select 1 as x")
        connection.execute("delete from eltflow_meta.lease")
        columns = "key, token, holder, place, until"
        held = "'s', 'theirs', 'process 1 on far', 'far:lock', now() + interval '1 hour'"
        connection.execute(f"insert into eltflow_meta.lease ({columns}) values ({held})")
    refused = eltflow("gc", "--yes", cwd=root)
    assert refused.code == 2
    assert "error[E0803]: another run is writing to this target: process 1 on far" in refused.err
    with postgres.connect() as connection:
        assert connection.execute("select x from s.c__eltflow_tmp_0123abcd").fetchall() == [(1,)]
        connection.execute("delete from eltflow_meta.lease")
    assert eltflow("gc", "--yes", cwd=root).code == 0


def test_old_history_is_forgotten(project: Project, eltflow: Eltflow) -> None:
    root = project({"models/a.sql": "select 1 as id\n"})
    for _ in range(3):
        eltflow("build", cwd=root)
    with sqlite3.connect(root / ".eltflow/state.sqlite") as state:
        ids = [id for (id,) in state.execute("select id from run order by started_at")]
        state.execute("update run set finished_at = '2020-01-01T00:00:00.000+00:00' where id = ?", (ids[0],))
        state.execute(
            "insert into job_run (id, job, state, started_by, created_at, ended_at)"
            " values ('old', 'j', 'ok', 'time', '2020-01-01T00:00:00.000000+00:00', '2020-01-01T00:01:00.000000+00:00')"
        )
    (root / ".eltflow/logs").mkdir()
    (root / ".eltflow/logs/old.log").write_text("x")
    shown = eltflow("gc", "--older-than", "30 days", cwd=root)
    assert "0 relations, 1 run and 1 run of jobs older than 30 days, 1 log: --yes takes them away" in shown.out
    assert eltflow("gc", "--older-than", "30 days", "--yes", cwd=root).code == 0
    with sqlite3.connect(root / ".eltflow/state.sqlite") as state:
        assert [id for (id,) in state.execute("select id from run order by started_at")] == ids[1:]
        assert state.execute("select count(*) from job_run").fetchone() == (0,)
        assert {id for (id,) in state.execute("select run_id from node_run")} == set(ids[1:])
    assert not (root / ".eltflow/logs/old.log").exists()


@pytest.mark.parametrize("span", ["soon", "-3 days"])
def test_a_span_that_is_none(project: Project, eltflow: Eltflow, span: str) -> None:
    failed = eltflow("gc", "--older-than", span, cwd=project({}))
    assert failed.code == 2
    assert f"--older-than cannot be `{span}`" in failed.err
