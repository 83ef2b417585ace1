"""Fields that are new within nested columns, in files that come to a table which stands."""

from __future__ import annotations

import duckdb
import pytest

FIRST = '{"id": 1, "who": {"name": "a"}, "items": [{"sku": "x", "n": 2}]}\n'
MORE = (
    '{"id": 2, "who": {"name": "b", "at": {"city": "Lyon"}}, "items": [{"sku": "y", "n": 1, "gift": true}]}\n'
    '{"id": 3, "who": {"name": "c"}, "items": []}\n'
)
AGAIN = '{"id": 4, "who": {"name": "d", "at": {"zip": "69001"}}, "items": [{"sku": "z"}]}\n'


@pytest.fixture
def lake(world):
    def run(files, code=0, **step):
        for name, text in files.items():
            path = world.root / "data" / name
            if name.endswith(".parquet"):
                path.with_suffix(".json").write_text(text)
                duckdb.execute(f"copy (from read_json('{path.with_suffix('.json')}')) to '{path}'")
                path.with_suffix(".json").unlink()
            else:
                path.write_text(text)
        world.project({"path": "data/*"}, **{"load": "append", **step})
        return world.run(code=code)

    run.rows = world.rows
    return run


EVOLVE = {"schema_changes": {"column": "evolve"}}


@pytest.mark.parametrize("load", [{}, {"load": "merge", "unique_key": "id"}], ids=["append", "merge"])
@pytest.mark.parametrize("kind", ["json", "parquet"])
def test_they_are_added(lake, kind, load):
    lake({f"a.{kind}": FIRST}, **EVOLVE, **load)
    told = lake({f"b.{kind}": MORE, f"c.{kind}": AGAIN}, **EVOLVE, **load)
    assert "new: `who.at`, `items.gift`" in told
    assert "new:" not in lake({f"d.{kind}": FIRST.replace("1", "9", 1)}, **EVOLVE, **load).replace("nothing new", "")
    assert lake.rows("select id, who.name, who.at.city, who.at.zip from s_raw.x order by id") == [
        (1, "a", None, None),
        (2, "b", "Lyon", None),
        (3, "c", None, None),
        (4, "d", None, "69001"),
        (9, "a", None, None),
    ]
    found = lake.rows("select id, items[1].sku, items[1].n, items[1].gift from s_raw.x order by id")
    assert found == [(1, "x", 2, None), (2, "y", 1, True), (3, None, None, None), (4, "z", None, None), (9, "x", 2, None)]


def test_they_are_left_out_or_an_error_as_the_step_says(lake):
    lake({"a.json": FIRST})
    told = lake({"b.json": MORE}, code=1)
    assert "data/b.json has the fields `who.at`, `items.gift`, which p.s_raw.x lacks" in told
    assert "`schema_changes: {column: evolve}` adds fields that are new, `discard` leaves them out" in told
    assert lake.rows("select count(*) from s_raw.x") == [(1,)]
    assert "left out: `who.at`, `items.gift`" in lake({}, schema_changes={"column": "discard"})
    assert lake.rows("select id, who, items from s_raw.x where id = 2") == [(2, {"name": "b"}, [{"sku": "y", "n": 1}])]
    told = lake({"c.json": AGAIN.replace('"sku": "z"', '"sku": "z", "n": 1.5')}, code=1, schema_changes={"column": "discard"})
    assert "the column `items` of data/c.json holds " in told  # a value is no field
    told = lake({}, code=1, **EVOLVE)
    assert "the column `items` of data/c.json holds " in told


def test_what_is_unnested_has_them_too(lake):
    lake({"a.json": FIRST}, unnest=["items"], unique_key="id", load="merge", **EVOLVE)
    lake({"b.json": MORE, "c.json": AGAIN}, unnest=["items"], unique_key="id", load="merge", **EVOLVE)
    found = lake.rows("select x_id, sku, n, gift from s_raw.x__items order by 1")
    assert found == [(1, "x", 2, None), (2, "y", 1, True), (4, "z", None, None)]
