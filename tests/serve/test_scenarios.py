"""What people run day after day, from end to end: each test reads like the story that it is named after."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pytest
from s3_server import Store
from served import Hook, bench
from spark_server import Spark

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


# -- a carrier of telephone calls ----------------------------------------------------------------------------------------------------

USAGE = """
import boto3
from eltflow import step


@step(
    into="raw.usage", load="merge", unique_key="id", env={"secret": "USAGE_SECRET"}, columns={"gigabytes": {"data_type": "decimal(38, 2)"}}
)
def usage(usage_table, usage, secret):
    \"\"\"What was used, from DynamoDB, page by page.\"\"\"
    session = boto3.Session("tester", secret, region_name="eu-west-1")
    table = session.resource("dynamodb", endpoint_url=usage["url"]).Table(usage_table)
    start = {}
    while start is not None:
        page = table.scan(Limit=7, **start)
        yield page["Items"]
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]} if "LastEvaluatedKey" in page else None
"""
TELCO = {
    "ingest/usage.py": USAGE,
    "ingest/calls.yml": "steps:\n"
    "  - {name: calls_west, source: {kind: files, path: 'data/west-*.csv', encoding: latin-1}, into: raw.calls_west, load: append}\n"
    "  - {name: calls_east, source: {kind: files, path: 'data/east-*.csv'}, into: raw.calls_east, load: append}\n"
    "  - name: subscribers\n    source: {kind: sql, connection: crm, table: subscribers}\n    into: raw.subscribers\n"
    "    load: merge\n    unique_key: id\n    cursor: {column: changed}\n",
    "models/calls.sql": "{{ config(materialized='table') }}\nselect * from raw.calls_west union all select * from raw.calls_east\n",
    "models/bills.sql": "{{ config(materialized='table') }}\n"
    "select s.name, count(c.subscriber) as calls, coalesce(max(u.gigabytes), 0) as gigabytes\n"
    "from raw.subscribers as s left join calls as c on c.subscriber = s.name left join raw.usage as u on u.id = s.id group by s.name\n",
    "tests/every_call_is_of_a_subscriber.sql": "select subscriber from calls where subscriber not in (select name from raw.subscribers)\n",
    "tests/counts_agree.sql": "select sum(calls) as billed, (select count(*) from calls) as there from bills having billed <> there\n",
    "jobs.yml": "jobs:\n  - {name: bill, triggers: [{cron: '0 4 * * *'}]}\n",
}


def test_calls_in_two_encodings_a_database_and_dynamodb_are_reconciled(
    project: Project, s3: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite stands for the operator's Oracle, moto for DynamoDB."""
    url = f"http://127.0.0.1:{s3.port}"
    made = boto3.resource(
        "dynamodb", endpoint_url=url, region_name="eu-west-1", aws_access_key_id="tester", aws_secret_access_key="x"
    )
    keys = [{"AttributeName": "id", "KeyType": "HASH"}]
    types = [{"AttributeName": "id", "AttributeType": "N"}]
    table = made.create_table(TableName="usage", KeySchema=keys, AttributeDefinitions=types, BillingMode="PAY_PER_REQUEST")
    for id in range(1, 31):
        table.put_item(Item={"id": id, "gigabytes": Decimal("0.1") * id, "plan": {"name": "ü", "tags": ["a", None]}})
    settings = f"vars: {{usage_table: usage}}\nconnections:\n  usage: {{type: rest, url: '{url}'}}\n  crm: {{type: sqlite, path: crm.sqlite}}\n"
    root = project(TELCO, settings=settings)

    def changed(day: int, *names: tuple[int, str]) -> None:
        with closing(sqlite3.connect(root / "crm.sqlite")) as con:
            con.execute("create table if not exists subscribers (id integer primary key, name text, changed timestamp)")
            con.executemany(
                "insert or replace into subscribers values (?, ?, ?)", [(*one, f"2026-03-{day:02} 00:00:00") for one in names]
            )
            con.commit()

    def called(file: str, encoding: str, *names: str) -> None:
        (root / "data").mkdir(exist_ok=True)
        text = "subscriber,seconds\n" + "".join(f"{name},60\n" for name in names)
        (root / "data" / file).write_bytes(text.encode(encoding))

    changed(1, (1, "Müller"), (2, "Łukasz"), (3, "Ève"))
    called("west-1.csv", "latin-1", "Müller", "Ève", "Müller")
    called("east-1.csv", "utf-8", "Łukasz", "Müller")
    monkeypatch.setenv("USAGE_SECRET", "t0ps3cret")
    with bench(root, "2026-03-10T03:59:00") as made_bench:
        made_bench.look(minutes=2)
        assert made_bench.states() == [("bill", "ok")], made_bench.said
        changed(2, (4, "Ñuñez"))
        called("west-2.csv", "latin-1", "Ñuñez", "Ève")
        table.put_item(Item={"id": 4, "gigabytes": Decimal("12345678901234567890.25"), "plan": {}})
        made_bench.look(hours=24)
        assert made_bench.states() == [("bill", "ok")] * 2, made_bench.said
    assert rows(root, "select name, calls, gigabytes from s.bills order by name") == [
        ("Müller", 3, Decimal("0.10")),
        ("Ève", 2, Decimal("0.30")),
        ("Ñuñez", 1, Decimal("12345678901234567890.25")),
        ("Łukasz", 1, Decimal("0.20")),
    ]
    assert rows(root, "select count(*) from s_raw.usage") == [(30,)]


# -- recommendations with Spark ------------------------------------------------------------------------------------------------------

PAIRS = """\
{{ config(materialized='table') }}
select a.item as item, b.item as other, cast(count(*) as int) as together
from baskets a join baskets b on a.basket = b.basket and a.item <> b.item
group by a.item, b.item
"""
SCORE = """\
import collections, pathlib


def score(pairs, most):
    if not pathlib.Path("model.txt").exists():
        raise RuntimeError("the model of today is not there yet")
    by_item = collections.defaultdict(list)
    for row in pairs.to_pylist():
        by_item[row["item"]].append((-row["together"], row["other"]))
    for item, others in sorted(by_item.items()):
        for rank, (_, other) in enumerate(sorted(others)[:most], 1):
            yield {"item": item, "rank": rank, "other": other}
"""
RECOMMENDED = "{{ config(materialized='table') }} select item, other from {{ source('ml', 'scores') }} where rank = 1\n"
SHOP = {
    "seeds/baskets.csv": "basket,item\n1,tea\n1,milk\n2,tea\n2,milk\n3,tea\n3,cake\n4,cake\n4,milk\n",
    "models/pairs.sql": PAIRS,
    "models/recommended.sql": RECOMMENDED,
    "models/s.yml": "sources: [{name: ml, schema: ml, tables: [{name: scores, columns: [{name: item, data_tests: [not_null]}]}]}]\n",
    "scripts/score.py": SCORE,
    "tasks/t.yml": "tasks:\n  - {name: score, python: {path: scripts/score.py}, params: {most: 2}, reads: [pairs], into: ml.scores, "
    "targets: [dev]}\n",
    "deliver/d.yml": "steps:\n"
    "  - {name: shop_window, from: recommended, to: {kind: files, path: out/recommended.csv}, targets: [dev]}\n",
    "jobs.yml": "jobs:\n  - {name: recommend, triggers: [{cron: '0 4 * * *'}], alerts: [{on: [failure, recovery], to: ops}]}\n",
}


@pytest.mark.prove
def test_recommendations_on_spark_with_a_scoring_step_in_python(project: Project, eltflow: Run, spark: Spark, hook: Hook) -> None:
    """Pairs are counted on Spark, scored in Python, read on Spark again and put into the shop's window. The scoring fails one night: what
    was counted is not counted again, nothing is put into the window, and whoever was told hears of the end of it."""
    target = spark.target(schema="shop_recommendations")
    settings = f"name: p\ntargets: {{dev: {json.dumps(target)}}}\nconnections: {{ops: {{type: webhook, url: '{hook.url}'}}}}\n"
    root = project({**SHOP, "eltflow.yml": settings})
    with bench(root, "2026-03-10T03:59:00") as made:
        (run,) = made.look(minutes=1)
        made.send()
        assert (run.state, told(hook)) == ("failed", ["failure"])
        assert "the model of today is not there yet" in (run.message or "")
        assert not (root / "out").exists()
        (root / "model.txt").write_text("v3")
        assert eltflow("resume", run.id, cwd=root).code == 0
        (run,) = made.look(minutes=1)
        made.send()
        assert (run.state, run.message, told(hook)) == ("ok", None, ["failure", "recovery"])
        steps = json.loads((root / "target" / "run_results.json").read_text())["results"]
        assert not any("pairs" in one["unique_id"] or "baskets" in one["unique_id"] for one in steps)
    window = (root / "out" / "recommended.csv").read_text().split()
    assert sorted(window) == ["cake,milk", "item,other", "milk,tea", "tea,milk"]
