"""`load: history`: a row for each version, with the times between which it held, whatever the source and the target are."""

from __future__ import annotations

import json

import pytest
from api_server import Api
from test_tables import World

KEY = {"unique_key": "id"}
TIMES = "eltflow_valid_from, eltflow_valid_to"


@pytest.fixture
def world(tmp_path, postgres, eltflow):
    return lambda source, target="duckdb": World(tmp_path / "w", source, target, postgres, eltflow)


def text(value):
    """A time of the table, whatever the engine gives it as."""
    return None if value is None else str(value)[:19]


@pytest.mark.parametrize("target", ["duckdb", "postgres"])
def test_versions_by_a_cursor(world, target):
    w = world("sqlite", target)
    w.change("create table t (id integer, v varchar(9), seen timestamp)")
    w.change("insert into t values (1, 'a', '2020-01-01 10:00:00'), (2, 'b', '2020-01-01 11:00:00')")
    w.step("history", cursor={"column": "seen"}, **KEY)
    w.run()
    w.change("update t set v = 'A', seen = '2020-01-02 00:00:00' where id = 1")
    w.change("insert into t values (3, null, '2020-01-02 00:00:00')")
    assert "+1 row, 1 changed" in w.run()
    w.run()
    w.change("update t set v = 'x', seen = '2020-01-03 00:00:00' where id = 3", "delete from t where id = 2")
    w.run()
    found = [(*row[:2], text(row[2]), text(row[3])) for row in w.rows(f"select id, v, {TIMES} from s_raw.x")]
    assert sorted(found, key=repr) == sorted(
        [
            (1, "a", "2020-01-01 10:00:00", "2020-01-02 00:00:00"),
            (1, "A", "2020-01-02 00:00:00", None),
            (2, "b", "2020-01-01 11:00:00", None),  # what a cursor leaves out may be there still
            (3, None, "2020-01-02 00:00:00", "2020-01-03 00:00:00"),
            (3, "x", "2020-01-03 00:00:00", None),
        ],
        key=repr,
    )


@pytest.mark.parametrize("target", ["duckdb", "postgres", "sqlite"])
def test_versions_of_a_source_that_is_read_whole(world, target):
    w = world("sqlite", target)
    w.change("create table t (id integer, v varchar(9))", "insert into t values (1, 'a'), (2, 'b'), (3, 'c')")
    w.step("history", **KEY)
    w.run()
    w.run()
    assert len(w.rows()) == 3
    w.change("update t set v = null where id = 1", "delete from t where id = 2", "insert into t values (4, 'd')")
    w.run()
    held = "select id, v from s_raw.x where eltflow_valid_to is null"
    assert w.rows(held) == [(1, None), (3, "c"), (4, "d")]
    assert w.rows("select id, v from s_raw.x where eltflow_valid_to is not null") == [(1, "a"), (2, "b")]
    w.change("insert into t values (2, 'b')")
    w.run()
    assert w.rows("select id, v, eltflow_valid_to is null from s_raw.x where id = 2") in (
        [(2, "b", False), (2, "b", True)],
        [(2, "b", 0), (2, "b", 1)],
    )
    before = w.rows()
    w.run("--full-refresh")  # versions are not thrown away
    assert w.rows() == before


def test_versions_of_files(world):
    w = world("duckdb")
    (w.root / "data").mkdir()
    (w.root / "ingest").mkdir()
    source = {"kind": "files", "path": "data/*.csv"}
    step = {"name": "x", "source": source, "into": "raw.x", "load": "history", "cursor": {"column": "day"}, **KEY}
    (w.root / "ingest/i.yml").write_text(json.dumps({"steps": [step]}))
    (w.root / "data/1.csv").write_text("id,v,day\n1,a,2020-01-01\n2,b,2020-01-01\n")
    w.run()
    (w.root / "data/2.csv").write_text("id,v,day\n1,A,2020-01-03\n2,b,2020-01-03\n3,c,2020-01-03\n")
    w.run()
    (w.root / "data/0.csv").write_text("id,v,day\n1,older,2019-01-01\n")  # comes late: what holds is later
    w.run()
    found = [(*row[:2], text(row[2]), text(row[3])) for row in w.rows(f"select id, v, {TIMES} from s_raw.x")]
    assert found == [
        (1, "A", "2020-01-03 00:00:00", None),
        (1, "a", "2020-01-01 00:00:00", "2020-01-03 00:00:00"),
        (2, "b", "2020-01-01 00:00:00", None),
        (3, "c", "2020-01-03 00:00:00", None),
    ]
    (w.root / "models/m.sql").write_text("select id from raw.x where eltflow_valid_to is null and eltflow_valid_from is not null")
    ran = w._eltflow("build", cwd=w.root)
    assert ran.code == 0, ran.text


def test_versions_of_an_api(world):
    api = Api()
    try:
        w = world("duckdb")
        answers = [
            [{"id": 1, "tags": ["a"]}, {"id": 2, "tags": []}],
            [{"id": 1, "tags": ["a", "b"]}],
            [],
        ]
        api.answers["/things"] = lambda asked: answers.pop(0)
        w.settings["connections"] = {"shop": {"type": "rest", "url": api.url}}
        w.save()
        (w.root / "ingest").mkdir()
        source = {"kind": "rest", "connection": "shop", "path": "/things"}
        (w.root / "ingest/i.yml").write_text(
            json.dumps({"steps": [{"name": "x", "source": source, "into": "raw.x", "load": "history", **KEY}]})
        )
        w.run()
        w.run()
        found = w.rows("select id, tags, eltflow_valid_to is null from s_raw.x")
        assert found == [(1, ["a", "b"], True), (1, ["a"], False), (2, [], False)]
    finally:
        api.close()


def test_a_table_without_versions_is_left_alone(world):
    w = world("sqlite")
    w.change("create table t (id integer, v varchar(9))", "insert into t values (1, 'a')")
    w.step("merge", **KEY)
    w.run()
    w.step("history", **KEY)
    said = w.run(code=1)
    assert "has no columns `eltflow_valid_from` and `eltflow_valid_to`: it was not loaded as a history" in said
    assert w.rows() == [(1, "a")]


def test_an_engine_without_points_in_time(world):
    w = world("sqlite", "sqlite")
    w.change("create table t (id integer, seen timestamp)", "insert into t values (1, '2020-01-01 10:00:00')")
    w.step("history", cursor={"column": "seen"}, **KEY)
    assert "`load: history` with a cursor needs an engine that has points in time, and sqlite has texts for them" in w.run(code=1)


def test_settings(world):
    w = world("sqlite")
    w.step("history")
    assert "`load: history` needs `unique_key`" in w.run(code=2)
    w.step("history", unique_key="id", partition_by="id")
    assert "`partition_by` means nothing to `load: history`" in w.run(code=2)
