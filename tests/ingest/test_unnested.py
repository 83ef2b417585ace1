"""`unnest`: the items of lists as rows of views and tables, which are in step with the step's table at every moment."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal

import pytest

BOTH = ["duckdb", "postgres"]
FIRST = [
    {"id": 1, "at": "2026-01-01", "items": [{"sku": "a", "qty": 1}, {"sku": "b", "qty": 2}], "tags": ["x", "y"]},
    {"id": 2, "at": "2026-01-02", "items": [{"sku": "c", "qty": 3}], "tags": None},
    {"id": 3, "at": "2026-01-03", "items": [], "tags": ["z"]},
]
SECOND = [
    {"id": 1, "at": "2026-02-01", "items": [{"sku": "z", "qty": 9}], "tags": []},
    {"id": 4, "at": "2026-02-02", "items": [{"sku": "k", "qty": 7}, None], "tags": ["q"]},
]
EVOLVE = {"schema_changes": {"column": "evolve"}}
ITEMS = "select * from s_raw.x__items order by 1, 2"
TAGS = "select * from s_raw.x__tags order by 1, 2"


@pytest.fixture
def shop(world):
    """Writes a file of orders into the world's folder."""

    def write(name, orders):
        (world.root / "data" / name).write_text("\n".join(map(json.dumps, orders)))

    world.write = write
    write("1.json", FIRST)
    return world


def made(shop, target="duckdb", **step):
    return shop.project({"path": "data/*.json"}, target, **{"unnest": {"items": None, "tags": {"materialized": "table"}}, **step})


@pytest.mark.parametrize("target", BOTH)
@pytest.mark.parametrize("load", ["replace", "append", "merge"])
def test_items_are_rows_that_follow_the_table(shop, target, load):
    own = (
        {"unique_key": "id"}
        if load == "merge"
        else {"unnest": {"items": {"key": "id"}, "tags": {"key": "id", "materialized": "table"}}}
    )
    made(shop, target, load=load, **own)
    shop.run()
    assert shop.rows(ITEMS) == [(1, 1, "a", 1), (1, 2, "b", 2), (2, 1, "c", 3)]
    assert shop.rows(TAGS) == [(1, 1, "x"), (1, 2, "y"), (3, 1, "z")]
    shop.write("1.json" if load == "replace" else "2.json", SECOND)
    shop.run()
    new = [(4, 1, "k", 7), (4, 2, None, None)]
    items, tags = {
        "replace": ([(1, 1, "z", 9), *new], [(4, 1, "q")]),
        "append": (
            [(1, 1, "a", 1), (1, 1, "z", 9), (1, 2, "b", 2), (2, 1, "c", 3), *new],
            [(1, 1, "x"), (1, 2, "y"), (3, 1, "z"), (4, 1, "q")],
        ),
        "merge": ([(1, 1, "z", 9), (2, 1, "c", 3), *new], [(3, 1, "z"), (4, 1, "q")]),
    }[load]
    assert (sorted(shop.rows(ITEMS), key=repr), shop.rows(TAGS)) == (sorted(items, key=repr), tags)
    shop.run("ingest", "--full-refresh")
    assert len(shop.rows(TAGS)) == (1 if load == "replace" else len(tags))


@pytest.mark.parametrize("target", BOTH)
def test_fields_that_come_later_are_columns_and_those_that_are_gone_stay(shop, target):
    made(shop, target, load="merge", unique_key="id", schema_changes={"column": "evolve"})
    shop.run()
    shop.write("2.json", [{"id": 5, "at": "2026-03-01", "items": [{"sku": "n", "Gift": True}], "tags": ["t"]}])
    shop.run()
    assert shop.rows("select x_id, sku, qty, gift from s_raw.x__items where x_id in (2, 5) order by 1") == [
        (2, "c", 3, None),
        (5, "n", None, True),
    ]


@pytest.mark.parametrize("target", BOTH)
def test_what_is_declared_of_a_field_holds(shop, target):
    columns = {
        "qty": {"data_type": "numeric(10,2)", "rename": "pieces", "data_tests": ["not_null"]},
        "sku": {"exclude": True},
    }
    made(shop, target, load="merge", unique_key="id", unnest={"items": {"columns": columns}})
    (shop.root / "models/m.sql").write_text("select x_id, sum(pieces) as pieces from raw.x__items group by x_id")
    text = shop.run("build")
    assert "1 test passed" in text
    assert shop.rows("select * from s.m order by 1") == [(1, Decimal(3)), (2, Decimal(3))]
    shop.write("2.json", [{"id": 7, "at": "2026-03-01", "items": [{"sku": "n", "qty": 12345678901}], "tags": ["t"]}])
    found = shop.fails()
    said = {"duckdb": "1 value of `qty` in the items of `items` would be changed by `numeric(10,2)`, or is none"}
    assert said.get(target, "the items of `items` do not go into") in found
    assert "ingest/i.yml" in found
    assert shop.rows("select count(*) from s_raw.x") == [(3,)], "nothing of it is there"


def test_lists_that_were_empty_get_the_fields_that_are_declared(shop):
    shop.write("1.json", [{"id": 1, "items": []}])
    made(
        shop,
        load="merge",
        unique_key="id",
        unnest={"items": {"columns": {"sku": {"data_type": "varchar"}, "day": {"data_type": "date"}}}},
    )
    shop.run()
    assert shop.rows(ITEMS) == []
    shop.write("2.json", [{"id": 2, "items": [{"sku": "a", "day": "2026-01-31"}, {"sku": "b"}]}])
    shop.run()
    assert shop.rows(ITEMS) == [(2, 1, "a", date(2026, 1, 31)), (2, 2, "b", None)]
    shop.write("3.json", [{"id": 3, "items": [{"sku": "a"}, 5]}])
    assert "the column `items` of data/3.json holds `" in shop.fails()


@pytest.mark.parametrize("target", BOTH)
def test_lists_that_were_empty_follow_what_comes(shop, target):
    """Nothing was known of them: no column of their own is there before, and all are then."""
    shop.write("1.json", [{"id": 1, "items": [], "tags": []}])
    items = {"items": {"columns": {"late": {"data_type": "integer"}}}, "tags": {"materialized": "table"}}
    made(shop, target, load="merge", unique_key="id", unnest=items)
    shop.run()
    shop.write("2.json", [{"id": 2, "items": [{"sku": "a", "qty": 1}], "tags": ["x"]}])
    shop.run()
    shop.write("3.json", [{"id": 3, "items": [{"sku": "b", "qty": 2}], "tags": []}])
    shop.run()
    assert shop.rows("select x_id, late, sku, qty from s_raw.x__items order by 1") == [(2, None, "a", 1), (3, None, "b", 2)]
    assert shop.rows(TAGS) == [(2, 1, "x")]


#: A declared type with values that it takes, as they then are, and one that it would change.
FIELDS = {
    "integer": ([2.0, 7], [2, 7], 1.5),
    "decimal(10,2)": ([1.25, 3], [Decimal("1.25"), Decimal(3)], 1.239),
    "timestamp": (["2026-01-01 00:00:00"], [datetime(2026, 1, 1)], "2026-01-01 00:00:00.1234567"),
    "date": (["2026-01-31"], [date(2026, 1, 31)], "2026-01-31 10:00:00"),
    "boolean": ([True], [True], 5),
    "smallint": ([1], [1], True),
}


@pytest.mark.parametrize("target", BOTH)
def test_a_declared_field_takes_no_other_value(shop, target):
    for n, (type, (good, kept, bad)) in enumerate(FIELDS.items()):
        shop.write("1.json", [{"id": 1, "items": [{"p": value} for value in good]}])
        items = {"items": {"columns": {"p": {"data_type": type}}, "materialized": ["view", "table"][n % 2]}}
        made(shop, target, load="merge", unique_key="id", unnest=items)
        shop.run("ingest", "--full-refresh")
        assert [p for *_, p in shop.rows(ITEMS)] == kept
        shop.write("2.json", [{"id": 2, "items": [{"p": bad}]}])
        found = shop.fails()
        said = (f"1 value of `p` in the items of `items` would be changed by `{type}`", "do not go into", 'holds `[{"p":')
        assert any(one in found for one in said)
        assert len(shop.rows(ITEMS)) == len(kept)
        (shop.root / "data/2.json").unlink()


@pytest.mark.parametrize("target", BOTH)
def test_a_field_that_is_left_out_may_be_missing(shop, target):
    made(shop, target, load="merge", unique_key="id", unnest={"items": {"columns": {"qty": {"exclude": True}}}}, **EVOLVE)
    shop.run()
    shop.write("2.json", [{"id": 4, "at": "2026-03-01", "items": [{"sku": "n"}], "tags": []}])
    shop.run()
    assert shop.rows("select sku from s_raw.x__items where x_id = 4") == [("n",)]


@pytest.mark.parametrize("target", BOTH)
def test_items_of_several_kinds_are_one_column_and_it_says_so(shop, target):
    shop.write("1.json", [{"id": 1, "items": [{"a": 1}, 5]}])
    made(shop, target, load="merge", unique_key="id", unnest=["items"])
    assert "the items of `items` are JSON in one column `value`" in shop.run()
    shop.write("2.json", [{"id": 2, "items": [{"a": 3}]}])
    shop.run()
    assert [json.loads(v) if isinstance(v, str) else v for *_, v in shop.rows(ITEMS)] == [{"a": 1}, 5, {"a": 3}]


def test_what_is_no_list_among_lists_stops_the_load(shop):
    shop.write("1.json", [{"id": 1, "items": [{"sku": "a"}]}, {"id": 2, "items": {"sku": "b"}}])
    made(shop, load="merge", unique_key="id", unnest=["items"])
    assert "1 value of `items` is no list" in shop.fails()
    assert shop.rows("select count(*) from information_schema.tables where table_schema = 's_raw'") == [(0,)]


@pytest.mark.parametrize("target", BOTH)
def test_each_version_of_a_history_has_its_items(shop, target):
    made(shop, target, load="history", unique_key="id", cursor={"column": "at"}, unnest="items")
    shop.run()
    shop.write("2.json", SECOND)
    shop.run()
    held = shop.rows("select x_id, sku, eltflow_valid_to is null from s_raw.x__items where x_id = 1 order by 2")
    assert held == [(1, "a", False), (1, "b", False), (1, "z", True)]


@pytest.mark.parametrize("target", BOTH)
def test_a_list_is_unnested_by_itself_when_its_table_is_there(shop, target):
    made(shop, target, load="merge", unique_key="id", unnest=[])
    shop.run()
    items = {"items": {"columns": {"sku": {"data_type": "varchar"}, "qty": {"data_type": "bigint"}}}}
    made(shop, "duckdb", load="merge", unique_key="id", unnest=items) if target == "duckdb" else None
    if target == "postgres":
        entry = json.loads((shop.root / "ingest/i.yml").read_text())
        entry["steps"][0]["unnest"] = ["items"]
        (shop.root / "ingest/i.yml").write_text(json.dumps(entry))
        assert "which fields the items of `items` have is not known" in shop.fails("ingest", "--select", "x.items")
        entry["steps"][0]["unnest"] = items
        (shop.root / "ingest/i.yml").write_text(json.dumps(entry))
    shop.run("ingest", "--select", "x.items")
    assert shop.rows(ITEMS) == [(1, 1, "a", 1), (1, 2, "b", 2), (2, 1, "c", 3)]


def test_a_list_that_is_not_loaded_cannot_be_unnested(shop):
    made(shop, load="merge", unique_key="id")
    assert "the table of `x` is not loaded yet" in shop.fails("ingest", "--select", "x.items")


def test_the_selection_means_the_step_and_its_lists(shop):
    made(shop, load="merge", unique_key="id")
    assert shop.run("ls", "--select", "x", "--quiet").split() == ["raw.x", "raw.x__items", "raw.x__tags"]
    assert shop.run("ls", "--select", "x.tags", "--quiet").split() == ["raw.x__tags"]
    assert "no step of its own" in shop.fails("ingest", "--preview", "x.items", code=2)
    assert "x__items" not in shop.run("ingest", "--dry-run")


def test_personal_lists_are_masked_in_their_items(shop):
    (shop.root / "models/m.sql").write_text("select x_id, sku as made from raw.x__items")
    made(shop, load="merge", unique_key="id", columns={"items": {"tags": ["pii"]}})
    shop.run("build")
    assert shop.run("show", "x.items").count("***") == 12
    assert shop.run("show", "m").count("***") == 6


def test_lineage_leads_from_an_item_to_its_list(shop):
    made(shop, load="merge", unique_key="id")
    shop.run()
    assert "raw.x.items" in shop.run("lineage", "x.items.sku")
    assert "raw.x.id" in shop.run("lineage", "x.items.x_id")


BAD = {
    "a database": (
        {},
        {"from": {"kind": "sql", "connection": "c", "table": "t"}},
        "`unnest` means nothing to tables of a database",
    ),
    "csv": ({}, {"from": {"path": "a.csv"}}, "`unnest` means nothing to files of csv, which hold no lists"),
    "no key": ({}, {"load": "replace"}, "the items of `items` need the key of the row that they belong to"),
    "two keys": (
        {"items": {"key": "id"}},
        {"unique_key": "id", "load": "merge"},
        "`key` means nothing to a step with a `unique_key`",
    ),
    "left out": (
        {},
        {"load": "merge", "unique_key": "id", "columns": {"items": {"exclude": True}}},
        "the column `items` is left out",
    ),
    "a table of a history": (
        {"items": {"materialized": "table"}},
        {"load": "history", "unique_key": "id"},
        "a table of the items of `items` cannot be kept beside rows that come in by `load: history`",
    ),
    "hashed fields": (
        {"items": {"columns": {"sku": {"hash": True}}}},
        {"load": "merge", "unique_key": "id"},
        "`hash` means nothing to `sku`: `items` holds its values",
    ),
    "an unknown key": ({"items": {"materialised": "table"}}, {"load": "merge", "unique_key": "id"}, "materialised"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_does_not_go_together_is_told_by_its_line(shop, case):
    unnest, step, message = BAD[case][0], dict(BAD[case][1]), BAD[case][2]
    source = step.pop("from", {"path": "data/*.json"})
    shop.project(source, connections={"c": {"type": "duckdb", "path": "c.duckdb"}}, **{"unnest": unnest or ["items"], **step})
    found = shop.fails("ls", code=2)
    assert message in found
    assert "ingest/i.yml:" in found
    assert not (shop.root / "p.duckdb").exists()


LATE = {
    "no such column": ({"unnest": ["itms"]}, "`unnest` names the column `itms`, which the table does not have"),
    "no such key": ({"unique_key": None, "load": "replace", "unnest": {"items": {"key": "no"}}}, "`key` names the column `no`"),
    "no list": ({"unnest": ["at"]}, "`at` is DATE, and `unnest` takes lists"),
    "no such field": (
        {"unnest": {"items": {"columns": {"skuu": {"rename": "b"}}}}},
        "`columns` names `skuu`, which the items do not have",
    ),
    "two of one name": (
        {"unnest": {"items": {"columns": {"sku": {"rename": "x_id"}}}}},
        "would have two columns `x_id`",
    ),
}


@pytest.mark.parametrize("case", LATE)
def test_what_only_the_rows_tell_stops_the_load_before_anything_is_there(shop, case):
    step, message = LATE[case]
    made(shop, **{"load": "merge", "unique_key": "id", **step})
    assert message in shop.fails()
    assert shop.rows("select count(*) from information_schema.tables where table_schema = 's_raw'") == [(0,)]


def test_other_targets_are_refused_before_anything_runs(shop):
    made(shop, load="merge", unique_key="id")
    (shop.root / "eltflow.yml").write_text(json.dumps({"name": "p", "targets": {"dev": {"type": "sqlite", "path": "p.sqlite"}}}))
    found = shop.fails(code=2)
    assert "`unnest` works on DuckDB and PostgreSQL, and sqlite" in found
    assert "ingest/i.yml:" in found
    assert not (shop.root / "p.sqlite").exists()
