"""JSON files of one step, and what differs between them: keys, fields, kinds and digits."""

from __future__ import annotations

import json

import duckdb
import pytest

BIG = "123456789012345678901234"
EVOLVE = {"schema_changes": {"column": "evolve"}}
DISCARD = {"schema_changes": {"column": "discard"}}
ASIDE = {"on_bad_row": "quarantine"}


@pytest.fixture
def lake(world):
    """A step that appends files; `run(name=[lines], ...)` writes files and loads them, and gives what was said."""

    class Lake:
        def again(self, target="duckdb", **step):
            for path in [*(world.root / "data").iterdir(), *world.root.glob("p.duckdb*")]:
                path.unlink()
            world.project({"path": "data/*"}, target, **{"load": "append", **step})
            return self

        def run(self, code=0, **files):
            for name, lines in files.items():
                text = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
                (world.root / f"data/{name}.ndjson").write_text(text)
            return world.run(code=code)

        def undo(self, *names):
            for name in names:
                (world.root / f"data/{name}.ndjson").unlink()

        rows = staticmethod(world.rows)
        types = staticmethod(world.types)

    return Lake()


# -- keys that differ in case ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [{}, EVOLVE, DISCARD], ids=["fail", "evolve", "discard"])
def test_keys_of_files_that_differ_in_case_are_one_column(lake, step):
    lake.again(**step)
    first = {"id": 1, "Name": "a", "w": [{"X": {"Deep": 1}}]}
    lake.run(a=[first], b=[{"ID": 2, "name": "b", "w": [{"x": {"deep": 2.5}}]}], c=[{**first, "id": 3}])
    lake.run(d=[{"id": 4, "NAME": "d", "w": [{"x": {"DEEP": 4}}]}], e=[{**first, "id": 5}])
    assert lake.types() == {"id": "BIGINT", "Name": "VARCHAR", "w": "STRUCT(X STRUCT(Deep DOUBLE))[]"}
    assert lake.rows("select id, Name, w[1].X.Deep from s_raw.x order by id") == [
        (1, "a", 1.0),
        (2, "b", 2.5),
        (3, "a", 1.0),
        (4, "d", 4.0),
        (5, "a", 1.0),
    ]


def test_which_row_of_such_files_came_last_is_kept(lake):
    lake.again(load="merge", unique_key="id")
    lake.run(a=[{"id": 1, "Name": "a"}], b=[{"id": 1, "name": "b"}], c=[{"id": 1, "Name": "c"}, {"id": 2, "Name": "z"}])
    assert lake.rows() == [(1, "c"), (2, "z")]


def test_keys_that_differ_in_case_within_a_file_are_an_error(lake):
    lake.again()
    for lines in ([{"id": 1, "Name": "a", "name": "b"}], [{"id": 1, "Name": "a"}, {"id": 2, "name": "b"}]):
        assert "data/a.ndjson has keys that differ in case alone: `name`" in lake.run(a=lines, code=1)
    said = lake.run(a=[{"id": 1, "w": {"Name": 1, "name": 2}}], code=1)
    assert "an object has keys that differ in case alone: `name`" in said
    assert "data/a.ndjson" in said
    lake.run(a=[{"id": 1, "n": 1, "n_1": None, "n_2": 3}])  # keys that only look like what the engine would make of such
    assert lake.rows("select id, n, n_2 from s_raw.x") == [(1, 1, 3)]
    lake.again(**ASIDE)
    lake.run(a=[{"id": 1, "Name": "a", "name": "b"}, {"id": 2, "Name": "c"}])
    assert lake.rows() == [(2, "c")]
    assert lake.rows("select line, reason from s_raw.x__quarantine") == [(1, "it has two values of one name")]


# -- digits ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["duckdb", "postgres"])
def test_new_columns_keep_their_digits(lake, target):
    lake.again(target, **EVOLVE)
    lake.run(a=[{"id": 1, "w": {"a": 1}}])
    more = [
        f'{{"id": 2, "n": {BIG}, "h": {BIG}, "w": {{"a": 1, "n": {BIG}, "d": 0.5, "l": [{{"x": {BIG}}}]}}}}',
        '{"id": 3, "n": 1.5, "h": 7, "w": {"n": 1.5, "l": [{"x": 0.5}]}}',
        '{"id": 4}',
    ]
    lake.run(b=more)
    assert [str(n) for (n,) in lake.rows("select n from s_raw.x where id in (2, 3) order by id")] == [BIG, "1.5"]
    assert [int(h) for (h,) in lake.rows("select h from s_raw.x where id in (2, 3) order by id")] == [int(BIG), 7]
    if target == "postgres":
        assert lake.rows("select cast(w->'n' as text) from s_raw.x where id = 2") == [(BIG,)]
        return
    assert lake.types()["w"] == "STRUCT(a BIGINT, n JSON, d DOUBLE, l STRUCT(x JSON)[])"
    assert lake.rows("select w.n, w.d, w.l[1].x from s_raw.x where id in (2, 3) order by id") == [
        (BIG, 0.5, BIG),
        ("1.5", None, "0.5"),
    ]


@pytest.mark.parametrize("target", ["duckdb", "postgres"])
def test_a_number_that_the_tables_type_would_round_is_an_error(lake, target):
    lake.again(target, **EVOLVE)
    lake.run(a=[{"id": 1, "n": 1.5, "w": {"a": 1, "n": 0.5, "ref": 1234567890123456789, "s": "x:1234567890123456789"}}])
    assert target == "postgres" or lake.types()["w"] == 'STRUCT(a BIGINT, n DOUBLE, "ref" BIGINT, s VARCHAR)'
    for number in (BIG, "9007199254740993"):
        said = lake.run(b=[f'{{"id": 2, "n": {number}}}', '{"id": 3}'], code=1)
        assert f"the column `n` of data/b.ndjson holds `{number}`, and " in said
        assert "load everything again with `eltflow ingest --select x --full-refresh`" in said
    if target == "duckdb":  # PostgreSQL has jsonb there
        for lines in (
            [f'{{"id": 2, "n": 1.5, "w": {{"a": 1, "n": {BIG}}}}}', '{"id": 3, "n": 1, "w": {"a": 1}}'],
            [f'{{"id": 2, "n": 1.5, "w": {{"a": 1, "n": {BIG}, "ref": 1, "s": ""}}}}'],
        ):
            said = lake.run(b=lines, code=1)
            assert 'the column `w` of data/b.ndjson holds `{"a":1,"n":123456789012345678901234' in said
    lake.run(b=['{"id": 2, "n": 9007199254740992, "w": {"a": 1, "n": 9007199254740992, "ref": 1, "s": ":1234567890123456789"}}'])
    assert lake.rows("select id, n from s_raw.x order by id") == [(1, 1.5), (2, 9007199254740992.0)]


# -- fields of the files of a first load -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("load", ["append", "replace"])
def test_files_of_a_first_load_are_compared_by_their_fields(lake, load):
    files = {"a": [{"id": 1, "w": None}], "b": [{"id": 2, "w": {"a": 1}}], "c": [{"id": 3, "w": {"a": 2, "n": {"x": 1}}}]}
    lake.again(load=load)
    said = lake.run(**files, code=1)
    assert "data/c.ndjson has the field `w.n`, which data/b.ndjson lacks" in said
    lake.again(load=load, **DISCARD)
    assert "left out: `w.n`" in lake.run(**files)
    assert lake.types()["w"] == "STRUCT(a BIGINT)"
    lake.again(load=load, **EVOLVE)
    assert "new: `w.n`" in lake.run(**files)
    assert lake.rows("select w from s_raw.x order by id")[1:] == [({"a": 1, "n": None},), ({"a": 2, "n": {"x": 1}},)]


# -- kinds -------------------------------------------------------------------------------------------------------------------------


def test_what_was_never_there_takes_whatever_comes(lake):
    lake.again(**EVOLVE)
    lake.run(a=[{"id": 1, "w": {"a": None, "b": 1}}])
    lake.run(
        b=[{"id": 2, "w": {"a": {"z": 1}, "b": 2}, "v": {"p": None, "q": 1}}], c=[{"id": 3, "w": {"a": "x", "b": 3}, "v": {"q": 2}}]
    )
    assert lake.types() == {"id": "BIGINT", "w": "STRUCT(a JSON, b BIGINT)", "v": "STRUCT(p JSON, q BIGINT)"}
    assert lake.rows("select w.a, v.q from s_raw.x order by id") == [(None, None), ('{"z":1}', 1), ('"x"', 2)]


def test_objects_of_a_few_keys_beside_a_map(lake):
    many = [{"id": n, "m": {f"k{10 * n + k}": k for k in range(30)}} for n in range(30)]
    lake.again()
    lake.run(a=many)
    assert lake.types()["m"] == "MAP(VARCHAR, BIGINT)"
    lake.run(b=[{"id": 90, "m": {"k1": 1}}])
    assert lake.rows("select m from s_raw.x where id = 90") == [({"k1": 1},)]
    assert "the column `m` of data/c.ndjson holds " in lake.run(c=[{"id": 91, "m": {"k1": 1.5}}], code=1)
    lake.again(**EVOLVE)
    lake.run(a=[{"id": 90, "m": {"k1": 1}}])
    said = lake.run(b=many, code=1)
    assert "the column `m` of data/b.ndjson holds " in said
    assert "has STRUCT(k1 BIGINT) there" in said


def test_files_that_have_nothing_in_common_with_the_table(lake):
    lake.again(**DISCARD)
    lake.run(a=[{"id": 1, "w": {"a": 1}}])
    assert "left out: `w.b`" in lake.run(b=[{"id": 2, "w": {"b": 1}}])
    assert lake.rows("select w.a from s_raw.x order by id") == [(1,), (None,)]
    assert "data/c.ndjson has no column that is to be loaded" in lake.run(c=[{"other": 1}], code=1)


def test_files_of_one_load_that_hold_several_kinds(lake):
    lake.again(**EVOLVE)
    for one, other in [
        ({"x": 1}, {"x": True}),
        ({"x": "2026-01-01"}, {"x": 1}),
        ([1], 2.5),
        ([True], [1]),
        ({"x": [1]}, {"x": {"y": 1}}),
    ]:
        said = lake.run(a=[{"id": 1, "v": one}], b=[{"id": 2, "v": other}], code=1)
        assert "the column `v` is " in said
        assert " in data/a.ndjson and " in said
    lake.run(
        a=[{"id": 1, "v": [], "w": {"x": None}}],
        b=[{"id": 2, "v": [{"y": 1}], "w": {"x": 2}}],
        c=[{"id": 3, "v": [], "w": {"x": 2.5}}],
    )
    assert lake.types() == {"id": "BIGINT", "v": "STRUCT(y BIGINT)[]", "w": "STRUCT(x DOUBLE)"}
    said = lake.run(d=[{"id": 4, "w": {"x": True}}], e=[{"id": 5, "w": {"x": 1.5}}], code=1)  # together, they look like numbers
    assert "the column `w` of data/d.ndjson holds " in said
    lake.again()
    lake.run(a=[{"id": 1, "n": None}], b=[{"id": 2, "n": 2}], c=[{"id": 3, "n": 2.5}])
    assert lake.rows() == [(1, None), (2, 2.0), (3, 2.5)]


def test_parquet_that_no_cast_leads_from_is_an_error(world):
    def write(name, value):
        duckdb.execute(f"copy (select {value} as w) to '{world.root}/data/{name}.parquet'")

    world.project({"path": "data/*.parquet"}, load="append", **DISCARD)
    write("a", "{'a': 1}")
    world.run()
    for value in ("map(['k'], [1])", "[{'a': 1}]", "{'b': 1}"):
        write("b", value)
        assert "the column `w` of data/b.parquet holds " in world.run(code=1)
    write("b", "{'a': 2, 'b': 1}")
    assert "left out: `w.b`" in world.run()
    world.run("ingest", "--full-refresh")
    assert world.rows("select w from s_raw.x order by w.a") == [({"a": 1},), ({"a": 2},)]


WRONG = [
    ("STRUCT(a BIGINT)", {"a": 1}, [{"a": "x"}, {"a": 1.5}, {"a": {"b": 1}}, 5, [1], "x"]),
    ("STRUCT(a DOUBLE, b DATE)[]", [{"a": 1.5, "b": "2026-01-01"}], [{"a": 1}, [{"a": int(BIG)}], [{"b": "01-02-2026"}], [5]]),
    ("DOUBLE", 1.5, [int(BIG), "x", {"a": 1}]),
    ("BOOLEAN", True, [1, "no"]),
]


@pytest.mark.parametrize(("type", "good", "bad"), WRONG, ids=[type for type, _, _ in WRONG])
def test_values_of_another_kind_are_put_aside(lake, type, good, bad):
    """At every depth; where rows are not put aside, they are an error that says the file."""
    lake.again(**ASIDE)
    lake.run(a=[{"id": 0, "v": good}])
    assert lake.types()["v"] == type
    lake.run(b=[{"id": 1, "v": good}, *({"id": 2, "v": value} for value in bad), {"id": 3, "v": None}, {"id": 4}])
    assert lake.rows("select id from s_raw.x order by id") == [(0,), (1,), (3,), (4,)]
    found = lake.rows("select line, column_name, raw, reason from s_raw.x__quarantine order by line")
    assert [json.loads(raw)["v"] for _, _, raw, _ in found] == bad
    assert {(column, reason.rpartition("` is no ")[2]) for _, column, _, reason in found} == {("v", type.lower())}
    lake.again()
    lake.run(a=[{"id": 0, "v": good}])
    for value in bad:
        said = lake.run(b=[{"id": 1, "v": good}, {"id": 2, "v": value}], c=[{"id": 3, "v": good}], code=1)
        assert "the column `v` of data/b.ndjson holds " in said
        assert f"has {type} there" in said
        lake.undo("b", "c")
