"""What people run day after day, from end to end: each test reads like the story that it is named after."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
from served import Hook, bench

Project = Callable[..., Path]
Run = Callable[..., Any]


def rows(root: Path, *queries: str) -> list[tuple[Any, ...]]:
    """What the last query gives, in the project's database."""
    with duckdb.connect(str(root / "p.duckdb")) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for query in queries:
            found = connection.execute(query).fetchall()
    return found


def told(hook: Hook) -> list[str]:
    return [json.loads(body)["eltflow"]["occasion"] for body, _ in hook.bodies]


# -- hourly inventory across warehouses, one of which is late ------------------------------------------------------------------------

WAREHOUSES = ("berlin", "lima", "osaka", "pune", "turin")
STOCK = """\
{{{{ config(materialized='incremental', unique_key=['item', 'counted_at']) }}}}
select '{name}' as warehouse, item, quantity, counted_at from {{{{ source('wms', '{name}') }}}}
{{% if is_incremental() %}}where counted_at > (select max(counted_at) from {{{{ this }}}}){{% endif %}}
"""
WORLD = """\
{{ config(materialized='table') }}
select item, sum(quantity) as quantity, count(*) as counts
from (%s)
group by item
""" % " union all ".join(f"select * from stock_{name}" for name in WAREHOUSES)  # noqa: UP031


def counted(root: Path, hour: int, *names: str) -> None:
    """Counts of two items come in from these warehouses."""
    at = f"timestamp '2026-03-10 {hour:02}:00:00'"
    for name in names:
        rows(
            root,
            f"create table if not exists main.{name} (item varchar, quantity int, counted_at timestamp)",
            f"insert into main.{name} values ('bolt', {hour}, {at}), ('nut', 1, {at})",
        )


def test_hourly_inventory_of_five_warehouses_goes_on_though_one_is_late(project: Project) -> None:
    hook = Hook()
    tables = ", ".join(f"{{name: {name}}}" for name in WAREHOUSES)
    limit = "freshness: {error_after: {count: 59, period: minute}}, loaded_at_field: counted_at"
    files = {
        **{f"models/stock_{name}.sql": STOCK.format(name=name) for name in WAREHOUSES},
        "models/world_stock.sql": WORLD,
        "models/s.yml": f"sources: [{{name: wms, schema: main, {limit}, tables: [{tables}]}}]\n",
        "jobs.yml": "jobs:\n  - name: inventory\n    triggers: [{cron: '5 * * * *'}]\n    on_late: wait\n    deadline: '08:30'\n"
        "    alerts: [{on: [failure, deadline, recovery], to: ops}]\n",
    }
    root = project(files, settings=f"connections: {{ops: {{type: webhook, url: '{hook.url}'}}}}\n")
    counted(root, 7, *WAREHOUSES)
    try:
        with bench(root, "2026-03-10T08:00:00") as made:
            counted(root, 8, *(name for name in WAREHOUSES if name != "osaka"))
            (run,) = made.look(minutes=6)
            assert (run.state, run.message) == ("queued", "waits for wms.osaka: its latest row is of 2026-03-10 07:00 UTC")
            assert rows(root, "select count(*) from s.stock_lima") == [(4,)]  # the others are through
            there = "select table_name from duckdb_tables() where table_name in ('stock_osaka', 'world_stock')"
            assert rows(root, there) == []
            for _ in range(4):
                made.look(minutes=7)
                made.send()
            assert told(hook) == ["deadline"]
            counted(root, 8, "osaka")
            (run,) = made.look(minutes=2)
            assert run.state == "ok"
            counted(root, 9, *WAREHOUSES)
            assert [run.state for run in made.look(minutes=30)] == ["ok", "ok"]
            made.send()
        assert rows(root, "select * from s.world_stock order by item") == [("bolt", 5 * (7 + 8 + 9), 15), ("nut", 15, 15)]
        for name in WAREHOUSES:  # nothing twice
            assert rows(root, f"select count(*), count(distinct (item, counted_at)) from s.stock_{name}") == [(6, 6)]
        assert told(hook) == ["deadline"]
    finally:
        hook.close()


# -- nightly sales onto a board ------------------------------------------------------------------------------------------------------


def test_nightly_sales_reach_the_board_once_a_night_whatever_the_clocks_do(project: Project, eltflow: Run) -> None:
    """02:30 in Paris: there is no such time in the night of 29 March, and the machine is off for the two nights after it."""
    hook = Hook()
    files = {
        "seeds/tickets.csv": "sold_at,amount\n2026-03-27 12:00:00,10.50\n2026-03-28 09:00:00,4.25\n2026-03-28 20:00:00,1.25\n",
        "models/sales.sql": "{{ config(materialized='table') }}\n"
        "select cast(sold_at as date) as day, sum(amount) as amount from tickets where sold_at < '{{ interval.end }}' group by 1\n",
        "models/s.yml": "models: [{name: sales, columns: [{name: day, data_tests: [unique, not_null]}]}]\n",
        "deliver/board.yml": "steps:\n  - name: board\n    from: sales\n    targets: [dev]\n"
        "    to: {kind: webhook, connection: board, title: Sales}\n",
        "jobs.yml": "jobs:\n  - {name: nightly, select: +board, triggers: [{cron: '30 2 * * *', timezone: Europe/Paris}]}\n",
    }
    root = project(files, settings=f"connections: {{board: {{type: webhook, url: '{hook.url}'}}}}\ndefault_target: dev\n")
    try:
        with bench(root, "2026-03-28T00:00:00") as made:
            assert [f"{run.slot:%d %H:%M}" for run in made.look(hours=4)] == ["28 01:30"]
            assert [f"{run.slot:%d %H:%M}" for run in made.look(hours=24)] == ["28 01:30", "29 01:00"]  # when the clocks jumped
            assert {run.state for run in made.runs()} == {"ok"}, made.said
        assert len(hook.bodies) == 2
        with bench(root, "2026-03-31T06:00:00") as made:  # the last night is caught up with, and the one before is in it
            (*_, last) = made.look(minutes=1)
            assert (f"{last.slot:%d %H:%M}", last.state) == ("31 00:30", "ok")
            made.look(hours=3)
        assert len(hook.bodies) == 3
        shown = json.loads(hook.bodies[-1][0])["eltflow"]["rows"]
        assert shown == [{"day": "2026-03-27", "amount": 10.50}, {"day": "2026-03-28", "amount": 5.50}]
    finally:
        hook.close()


# -- positions of lorries ------------------------------------------------------------------------------------------------------------


def test_positions_that_stop_coming_are_told_within_one_look_and_that_they_come_again(project: Project) -> None:
    hook = Hook()
    files = {
        "models/s.yml": "sources:\n  - name: gps\n    schema: main\n    tables:\n      - name: positions\n        loaded_at_field: seen\n"
        "        freshness: {error_after: {count: 10, period: minute}}\n",
        "jobs.yml": "jobs:\n  - name: watch\n    command: freshness\n    triggers: [{every: 5 min}]\n"
        "    alerts: [{on: [failure, recovery], to: ops}]\n",
    }
    root = project(files, settings=f"connections: {{ops: {{type: webhook, url: '{hook.url}'}}}}\n")
    rows(root, "create table positions (lorry int, seen timestamptz)")

    def position(at: dt.datetime) -> None:
        rows(root, f"insert into positions values (1, timestamptz '{at.isoformat()}')")

    try:
        with bench(root, "2026-03-10T08:00:00") as made:
            while made.clock() < dt.datetime(2026, 3, 10, 8, 20, tzinfo=dt.UTC):
                position(made.clock())
                made.look(minutes=5)
                made.send()
            stopped = made.clock()
            assert told(hook) == []
            while not hook.bodies:
                made.look(minutes=5)
                made.send()
                assert made.clock() <= stopped + dt.timedelta(minutes=20), "it was not told"
            for _ in range(3):
                made.look(minutes=5)
                made.send()
            assert told(hook) == ["failure"]
            assert "gps.positions" in json.loads(hook.bodies[0][0])["text"]
            position(made.clock())
            made.look(minutes=5)
            made.send()
            assert told(hook) == ["failure", "recovery"]
    finally:
        hook.close()


# -- times of travel, and who saw an advertisement -----------------------------------------------------------------------------------


def test_departures_of_everywhere_are_told_in_utc(project: Project, eltflow: Run) -> None:
    """Half hours, both sides of the date line, and the hours that come twice and never."""
    files = {
        "seeds/departures.csv": (
            "flight,zone,local_time\n"
            "AF1,Europe/Paris,2026-03-29 01:59:00\nAF2,Europe/Paris,2026-03-29 03:00:00\nAF3,Europe/Paris,2026-10-25 03:00:00\n"
            "AI1,Asia/Kolkata,2026-01-01 00:15:00\nNZ1,Pacific/Auckland,2026-01-01 00:15:00\nHA1,Pacific/Honolulu,2025-12-31 23:30:00\n"
            "NF1,America/St_Johns,2026-07-01 12:00:00\n"
        ),
        "models/departures_utc.sql": "{{ config(materialized='table') }}\n"
        "select flight, timezone('UTC', timezone(zone, local_time)) as departed_at from departures\n",
    }
    root = project(files)
    assert eltflow("build", cwd=root).code == 0
    assert rows(root, "select flight, departed_at::varchar from s.departures_utc order by 1") == [
        ("AF1", "2026-03-29 00:59:00"),
        ("AF2", "2026-03-29 01:00:00"),
        ("AF3", "2026-10-25 02:00:00"),
        ("AI1", "2025-12-31 18:45:00"),
        ("HA1", "2026-01-01 09:30:00"),
        ("NF1", "2026-07-01 14:30:00"),
        ("NZ1", "2025-12-31 11:15:00"),
    ]


def test_reach_of_an_advertisement_counts_each_viewer_once_though_files_overlap(project: Project) -> None:
    """A file for each hour, in which late views of the hour before come again, corrected."""
    files = {
        "data/h1.csv": "view_id,viewer,ad,seconds\n1,ann,a,5\n2,bob,a,1\n3,ann,b,9\n",
        "ingest/views.yml": "steps:\n  - name: views\n    source: {kind: files, path: data/*.csv}\n    into: raw.views\n"
        "    load: merge\n    unique_key: view_id\n",
        "models/reach.sql": "{{ config(materialized='table') }}\n"
        "select ad, count(distinct viewer) as viewers, count(*) as views, sum(seconds) as seconds from s_raw.views group by ad\n",
        "jobs.yml": "jobs:\n  - {name: reach, select: +reach, triggers: [{files: 'data/*.csv'}]}\n",
    }
    root = project(files)
    with bench(root) as made:
        for name, text in (
            ("h2", "view_id,viewer,ad,seconds\n2,bob,a,4\n4,cid,a,2\n"),
            ("h3", "view_id,viewer,ad,seconds\n4,cid,a,2\n5,ann,a,3\n6,dan,b,1\n"),
        ):
            (root / f"data/{name}.csv").write_text(text)
            for _ in range(3):
                made.look(seconds=3)
        assert {run.state for run in made.runs()} == {"ok"}, made.said
    assert rows(root, "select * from s.reach order by ad") == [("a", 3, 4, 14), ("b", 2, 2, 10)]
