"""Whole projects: tests and their verdicts, kept failures, hooks, what a killed run left, a plan without a connection."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

import pytest

from eltflow import api
from eltflow.project.nodes import TestInfo
from eltflow.testing.bench import Bench, counting
from eltflow.testing.proxy import Proxy
from eltflow.warehouse.values import Statement

M = (
    "{{ config(materialized='table') }} select 1 as id, true as flag union all select 1, true"
    " union all select null, null union all select 3, false"
)
MODELS = {
    "models/m.sql": M,
    "models/p.sql": "select 1 as id union all select null",
    "models/e.sql": "{{ config(materialized='ephemeral') }}\n-- lead\nwith recursive r as"
    " (select 1 as id union all select id + 1 from r where id < 3) select * from r -- tail",
}
#: The test on m.id → status and failures.
VERDICTS: Mapping[str, tuple[str, int | None]] = {
    "unique": ("fail", 1),
    "not_null": ("fail", 1),
    "not_null: {config: {severity: warn}}": ("warn", 1),
    "not_null: {config: {error_if: '> 5'}}": ("warn", 1),
    "not_null: {config: {warn_if: '> 5', error_if: '> 6'}}": ("pass", 0),
    "not_null: {config: {severity: warn, warn_if: '> 100', error_if: '> 0'}}": ("pass", 0),
    "not_null: {config: {warn_if: '> 0', error_if: '> 100'}}": ("warn", 1),
    "not_null: {config: {where: id is not null}}": ("pass", 0),
    'not_null: {config: {where: "id is null -- and so on\\n"}}': ("fail", 1),
    "unique: {config: {where: 'id < 1'}}": ("pass", 0),
    "not_null: {config: {limit: 1}}": ("fail", 1),
    "not_null: {config: {fail_calc: 'sum(id)'}}": ("error", None),
    "not_null: {config: {fail_calc: 'coalesce(sum(id), 0)'}}": ("pass", 0),
    "not_null: {config: {fail_calc: 'max(1.5)'}}": ("error", None),
    "unique: {config: {fail_calc: 'sum(n_records)'}}": ("fail", 2),
    "accepted_values: {arguments: {values: [1, 2]}}": ("fail", 1),
    "accepted_values: {arguments: {values: [1, 2], quote: false}}": ("fail", 1),
    "accepted_values: {arguments: {values: [1, 3]}}": ("pass", 0),
    "accepted_values: {arguments: {values: [4], quote: false}, config: {where: 'false'}}": ("pass", 0),
    "relationships: {arguments: {to: ref('p'), field: id}}": ("fail", 1),
    "relationships: {arguments: {to: ref('e'), field: id}}": ("pass", 0),
    "least: {arguments: {least: 2}}": ("fail", 2),
}
LEAST = (
    "{% test least(model, column_name, least) %}"
    "select {{ column_name }} from {{ model }} where {{ column_name }} < {{ least }}{% endtest %}"
)


def test_verdicts(warehouse: Bench) -> None:
    named = []
    verdicts = {
        text: verdict
        for text, verdict in VERDICTS.items()
        # Where a column has no type, the number 1 is not the text '1' that the test asks for.
        if warehouse.can.column_types or "accepted_values" not in text or "quote: false" in text
    }
    for number, text in enumerate(verdicts):
        kind, _, rest = text.partition(": {")
        named.append(f"    - {kind}: {{name: t{number}{', ' + rest if rest else '}'}" + "\n")
    yml = "models:\n- name: m\n  columns:\n  - name: id\n    data_tests:\n" + "".join(named)
    results = warehouse.project({**MODELS, "models/y.yml": yml, "tests/generic/least.sql": LEAST})
    got = {text: (results[f"t{n}"].status, results[f"t{n}"].failures) for n, text in enumerate(verdicts)}
    assert got == verdicts


def test_kept_failures_change_their_kind(warehouse: Bench) -> None:
    for kind in ("table", "view", "view", "table", "table", "view"):
        made = warehouse.node("test", {"store_failures_as": kind}, test=TestInfo())
        outcome = warehouse.build("test", f"select '{kind}' as x", made=made)
        assert (outcome.status, outcome.failures, outcome.sample) == ("fail", 1, [(kind,)])
        existing = warehouse.existing()
        assert existing is not None
        assert existing.kind == kind


def test_hooks_and_again(warehouse: Bench) -> None:
    """Hooks in the node's transaction, outside of it, and of the run; a build again gives the same."""
    counted = "insert into s.log select case count(*) when 1 then 'post 1' end from {{ this }}"
    config = f'pre_hook="insert into s.log values (\'pre\')", post_hook=["{counted}"]'
    keyed = {"merge", "delete+insert"} & {*warehouse.can.incremental_strategies}
    again = "incremental', unique_key='id" if keyed else "table"
    files = {
        "models/a.sql": f"{{{{ config(materialized='table', {config}) }}}} select 1 as id",
        "models/b.sql": f"{{{{ config(materialized='{again}', {config}) }}}} select id from a",
        "models/c.sql": "select b.id from b join a on a.id = b.id",
        "seeds/s.csv": "id,v\n1,x\n",
        "models/d.sql": "select c.id, s.v from c join s on c.id = s.id",
    }
    settings = (
        "on_run_start: ['create table if not exists s.log (x varchar(20))']\non_run_end: [\"insert into s.log values ('end')\"]\n"
    )
    for _ in range(3):
        results = warehouse.project(files, settings=settings)
        assert {r.status for r in results.values()} == {"success"}, results
        assert warehouse.rows("select * from s.d") == [(1, "x")]
    logged = [x for (x,) in warehouse.rows("select x from s.log")]
    assert sorted(logged) == sorted(["pre", "post 1", "pre", "post 1", "end"] * 3)


def test_tables_that_share_their_views(warehouse: Bench) -> None:
    """Many tables rebuilt at the same time, under views that stand on several of them."""
    files = {f"models/t{n}.sql": f"{{{{ config(materialized='table') }}}} select {n} as id" for n in range(12)}
    for number in range(4):
        files[f"models/x{number}.sql"] = " union all ".join(f"select id from t{n}" for n in range(number, number + 8))
    files["models/top.sql"] = "select * from x0 union all select * from x3"
    target = {**warehouse.subject.target, "threads": 6}
    for _ in range(3):
        results = warehouse.project(files, target=target)
        assert {(r.status, r.attempts) for r in results.values()} == {("success", 1)}
        assert len(warehouse.rows("select * from s.top")) == 16


def test_what_a_killed_run_left_is_dropped(warehouse: Bench) -> None:
    warehouse.sql("create table s.a__eltflow_tmp_0123abcd as select 1 as id", "create table s.mine as select 1 as id")
    warehouse.project({"models/a.sql": "select 1 as id"})
    assert warehouse.names() == {"a", "mine"}


def test_a_plan_without_a_connection(warehouse: Bench) -> None:
    """What was seen last is what a plan goes by; nothing is asked."""
    files = {"models/a.sql": "{{ config(materialized='table') }} select 1 as id", "models/b.sql": "select * from a"}
    warehouse.project(files)
    warehouse.sql("drop view s.b", "drop table s.a")
    loaded = api.load(warehouse.root / "project")
    planned = api.plan(loaded, list(loaded.graph.nodes))
    assert [step.word for step in planned.steps] == ["table", "view"]
    assert all(step.statements for step in planned.steps)


def test_a_step_that_takes_too_long(warehouse: Bench) -> None:
    """(The other one comes first: an engine with one writer at a time would have it wait for too long, too.)"""
    slow = "{{ config(materialized='table') }}\n-- depends_on: {{ ref('b') }}\n" + warehouse.subject.slow
    results = warehouse.project({"models/slow.sql": slow, "models/b.sql": "select 1 as id"}, timeout=1.0)
    assert {name: r.status for name, r in results.items()} == {"slow": "error", "b": "success"}
    assert "timed out" in str(results["slow"].message)
    assert warehouse.names() == {"b"}


def test_a_run_goes_on_after_a_lost_connection(warehouse: Bench) -> None:
    """The connection is cut while a step runs: it is done again on another one."""
    subject = warehouse.subject
    if subject.upstream is None:
        pytest.skip("an embedded engine has no connection")
    if not subject.busy:
        pytest.skip("nothing tells what the server is doing")
    proxy = Proxy(subject.upstream)
    slowly = counting(7).replace("count(*)", "1 as id, count(*)")
    target = {**subject.target, "host": "127.0.0.1", "port": proxy.port, **subject.behind}
    files = {
        "models/a.sql": f"{{{{ config(materialized='table') }}}}\n{slowly}",
        "models/b.sql": "{{ config(materialized='incremental') }} select id from a",
    }
    done: dict[str, Any] = {}
    thread = threading.Thread(target=lambda: done.update(warehouse.project(files, target=target)))
    thread.start()
    watching = warehouse.database.session()
    running = Statement(subject.busy, role="query")
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not watching.execute(running).rows[0][0]:
            time.sleep(0.02)
        proxy.cut()
        thread.join(60)
    finally:
        proxy.close()
        watching.close()
    assert {name: (r.status, r.attempts) for name, r in done.items()} == {"a": ("success", 2), "b": ("success", 1)}
    assert warehouse.rows("select id from s.b") == [(1,)]
