"""A type that is declared for a column of files takes no other value than what is written there."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal

import duckdb
import pytest

#: Type, a value that it keeps (and as it then is), and one that it would change.
CASES = {
    "integer": ("integer", "007", 7, "1.5"),
    "exponent": ("bigint", "15e2", 1500, "15e-1"),
    "fraction of zeros": ("bigint", "-3.00", -3, "-3.01"),
    "decimal": ("decimal(10, 2)", "1.250", 1.25, "1.239"),
    "long fraction": ("integer", "19.00000000000000000000", 19, "19.98999999999999843"),
    "long exponent": ("bigint", "1234567890123456800e-2", 12345678901234568, "1234567890123456789e-2"),
    "decimal without digits": ("numeric(10)", "4.0", 4, "4.4"),
    "other base": ("integer", " 7", 7, "0x10"),
    "underscore": ("decimal(10, 2)", "+.5", 0.5, "1_000.5"),
    "beyond": ("double", "1e3", 1000, "1e400"),
    "below": ("double", "0.0", 0, "1e-400"),
}


EVOLVE = {"schema_changes": {"column": "evolve"}}


@pytest.fixture
def lake(world, eltflow):
    def run(type, files, load="replace", *, tags=(), only=False, target="duckdb", **more):
        for old in (world.root / "data").iterdir() if only else ():
            old.unlink()
        for name, text in files.items():
            (world.root / "data" / name).write_text(text)
        world.project({"path": "data/*"}, target, load=load, columns={"a": {"data_type": type, "tags": list(tags)}}, **more)
        return eltflow("ingest", cwd=world.root)

    def rows(sql="select distinct a from s_raw.x order by 1"):
        return world.rows(sql)

    run.rows = rows
    return run


@pytest.mark.parametrize(
    ("case", "many"), [*((case, 1) for case in CASES), *((case, 6000) for case in ("integer", "decimal", "beyond"))]
)
def test_values_of_csv_are_kept_or_refused(lake, case, many):
    type, good, value, bad = CASES[case]
    head = "a,b\n" + f"{good},1\n" * many
    ran = lake(type, {"a.csv": head})
    assert ran.code == 0, ran.text
    assert [float(v) for (v,) in lake.rows()] == [value]
    ran = lake(type, {"a.csv": head, "b.csv": f"{head}{bad},1\n"})
    assert ran.code == 1
    assert f"the column `a` of data/b.csv holds `{bad}`, which `{type}` would change" in ran.text
    assert [float(v) for (v,) in lake.rows()] == [value]


#: Values by their declared type: as JSON, what the table has; or the end of the error.
JSON = {
    "varchar": [("1.10", "1.10"), ("1e2", "1e2"), ("true", "true"), ('"x"', "x"), ("12345678901234567.5", "12345678901234567.5")],
    "integer": [("2.00", 2), ('"7"', 7), ("1.5", "would change"), ("true", "is no `integer`"), ('"0x10"', "would change")],
    "bigint": [("12345678901234567.0", 12345678901234567), ("12345678901234567.5", "would change"), ('"1_000"', "would change")],
    "boolean": [("1", True), ("true", True), ("5", "is no `boolean`"), ("1.5", "is no `boolean`")],
    "double": [("0.1", 0.1), ("1e400", "would change"), ("true", "is no `double`")],
    "decimal(38,10)": [
        ("1234567890123456789.1234567890", Decimal("1234567890123456789.1234567890")),
        ("0.12345678901", "would change"),
    ],
    "timestamp": [
        ('"2020-01-01T00:00:00Z"', datetime(2020, 1, 1)),
        ('"2020-01-01 00:00:00.123456789"', "would change"),
        ('"2020-01-01T00:00:00+02:00"', "would change"),
    ],
    "time": [('"10:00:00.1234567"', "would change")],
    "json": [("12345678901234567.5", "12345678901234567.5"), ('"x"', '"x"')],
    "integer[]": [("[1, 2.0]", [1, 2]), ("[1.5]", "would change")],
    "struct(a integer, b map(varchar, decimal(3,1))[])": [
        ('{"a": 1, "b": [{"k": 1.5}]}', {"a": 1, "b": [{"k": Decimal("1.5")}]}),
        ('{"a": 1, "b": [{"k": 1.55}]}', "would change"),
        ('{"a": 1.5}', "would change"),
        ('{"a": 1, "c": 2}', "is not in the type that is declared"),
    ],
}


@pytest.mark.parametrize("type", JSON)
def test_a_type_takes_of_json_what_is_written(lake, type):
    for value, expected in JSON[type]:
        ran = lake(type, {"a.json": f'{{"a": {value}, "b": "x"}}\n'})
        if isinstance(expected, str) and " " in expected:
            assert ran.code == 1, (value, lake.rows())
            assert expected in ran.text
        else:
            assert ran.code == 0, ran.text
            assert lake.rows("select a, b from s_raw.x") == [(expected, "x")]


def test_numbers_are_as_they_are_written_beside_those_within_and_in_any_row(lake):
    """The record's own is taken, whatever has its name within, and beside columns that are read in one go."""
    rows = [f'{{"n": {n}, "s": {{"a": {n}.25}}, "a": {n}.{n % 90 + 10:02}0, "t": "\\"a\\": 7.5"}}' for n in range(5000)]
    ran = lake("varchar", {"a.json": "\n".join(rows), "b.json": '[{"n": -1, "a": "x"}, {"n": -2, "a": null}, {"n": -3}]'}, **EVOLVE)
    assert ran.code == 0, ran.text
    assert lake.rows("select count(*) from s_raw.x where n >= 0 and a = n || '.' || (n % 90 + 10) || '0'") == [(5000,)]
    assert lake.rows("select a from s_raw.x where n < 0 order by n") == [(None,), (None,), ("x",)]


def test_both_engines_take_the_same(lake):
    """PostgreSQL by itself rounds what is finer than it keeps, reads 0x10, and finds no whole number in 2.00."""
    numeric = {"a.json": '{"a": 1.10}\n{"a": 1234567890123456789.123456789}\n'}
    assert lake("numeric", numeric, target="postgres").code == 0
    assert [str(a) for (a,) in lake.rows()] == ["1.10", "1234567890123456789.123456789"]
    for text in ("2.00", "2e0"):
        for name, body in (
            ("a.json", f'{{"a": {text}}}\n'),
            ("b.csv", f"a,b\n{text},1\n"),
            ("c.csv", "a,b\n" + f"{text},1\n" * 6000),
        ):
            ran = lake("integer", {name: body}, target="postgres", only=True)
            assert ran.code == 0, (name, ran.text)
            assert lake.rows() == [(2,)]
    bad = {"integer": "0x10", "timestamp": "2020-01-01 00:00:00.1234567", "date": "01-02-2020", "double precision": "0x10"}
    for type, text in bad.items():
        ran = lake(type, {"a.csv": f"a,b\n{text},1\n"}, target="postgres", only=True)
        assert ran.code == 1, lake.rows()
        assert f"holds `{text}`, which `{type}` would change" in ran.text


@pytest.mark.parametrize("load", ["replace", "append"])
def test_values_of_json_are_kept_or_refused(lake, load):
    assert lake("integer", {"a.json": '{"a": 1}\n{"a": 2.0}\n'}, load).code == 0
    assert lake.rows() == [(1,), (2,)]
    assert (
        "data/b.json holds `1.5`, which `integer` would change" in lake("integer", {"b.json": '{"a": 1}\n{"a": 1.5}\n'}, load).text
    )
    assert lake("date", {"b.json": '{"a": "2013-01-01 10:00:00"}\n', "a.json": '{"a": "2013-01-01"}\n'}).code == 1
    assert lake("date", {"b.json": '{"a": "2013-01-01 00:00:00"}\n', "a.json": '{"a": "2013-01-01"}\n'}).code == 0
    assert lake.rows() == lake.rows()[:1]


def test_a_file_without_the_column_is_one_that_lacks_it(lake):
    assert lake("bigint", {"a.csv": "id,a\n1,1\n"}, "append", **EVOLVE).code == 0
    ran = lake("bigint", {"b.csv": "id\n2\n"}, "append", **EVOLVE)
    assert ran.code == 0, ran.text
    assert "lacks `a`, which is NULL in its rows" in ran.text


def test_booleans_are_no_numbers_and_numbers_no_booleans(lake):
    assert lake("varchar", {"a.json": '{"a": "x", "n": 1, "t": true, "s": {"n": [1]}}\n'}, "append").code == 0
    rows = {
        "n": '"n": true, "t": true, "s": {"n": [1]}',
        "t": '"n": 1, "t": 1, "s": {"n": [1]}',
        "s": '"n": 1, "t": true, "s": {"n": [true]}',
    }
    for name, row in rows.items():
        ran = lake("varchar", {"b.json": f'{{"a": "y", {row}}}\n'}, "append")
        assert ran.code == 1, lake.rows("select * from s_raw.x")
        assert f"the column `{name}` of data/b.json holds " in ran.text


@pytest.mark.parametrize("others", [(1, 2.5), (2.5, 1)])
def test_a_later_file_of_another_type_is_looked_at_too(lake, others):
    assert lake("varchar", {"a.json": '{"a": "x", "w": 1, "s": {"x": 1}}\n'}, "append").code == 0
    for name in ("w", "s"):
        rows = [{"a": "y", "w": 1, "s": {"x": 1}, **({"w": v} if name == "w" else {"s": {"x": v}})} for v in others]
        ran = lake("varchar", {f"{n}.json": json.dumps(row) + "\n" for n, row in zip("bc", rows, strict=True)}, "append")
        assert ran.code == 1, ran.text
        assert f"the column `{name}` of data/{'bc'[others.index(2.5)]}.json holds " in ran.text


def test_a_new_column_takes_the_values_of_all_files(lake):
    assert lake("varchar", {"a.json": '{"a": "x"}\n'}, "append", **EVOLVE).code == 0
    more = {"b.json": '{"a": "y", "v": 1}\n', "c.json": '{"a": "z", "v": 2.5}\n'}
    ran = lake("varchar", more, "append", **EVOLVE)
    assert ran.code == 0, ran.text
    assert lake.rows("select v from s_raw.x order by a") == [(None,), (1.0,), (2.5,)]


def test_what_is_personal_is_not_shown(lake):
    ran = lake("integer", {"a.csv": "a,b\n1.5,1\n"}, tags=["pii"])
    assert ran.code == 1
    assert "holds a value, which `integer` would change" in ran.text
    assert "1.5" not in ran.text


@pytest.mark.parametrize("text", ["0xFFFFFF", "1_000", "+7", "15e2", "1.5e4", "007", " 7x"])
@pytest.mark.parametrize("many", [0, 25_000], ids=["first", "late"])
def test_what_is_not_written_as_whole_numbers_is_none(project, eltflow, text, many):
    """Beside whole numbers of as many digits as it has signs, too."""
    lines = "".join(f"{10 ** (len(text) - 1) + n},1\n" for n in range(many or 1))
    root = project({"seeds/n.csv": f"a,b\n{lines}{text},1\n"})
    ran = eltflow("seed", cwd=root)
    assert ran.code == 0, ran.text
    with duckdb.connect(str(root / "p.duckdb"), read_only=True) as connection:
        types = connection.execute("select distinct typeof(a) from s.n").fetchall()
        assert types == [("DOUBLE",) if "e" in text else ("VARCHAR",)]
        assert connection.execute("select count(*) from s.n where a = ?", [float(text) if "e" in text else text]).fetchone() != (0,)


def test_what_is_nested_in_csv_and_typed_in_parquet_is_kept_too(lake, world):
    text = "a,b\n" + '"[1, 2]",1\n' * 6000
    assert lake("integer[]", {"a.csv": text}).code == 0
    assert lake.rows() == [([1, 2],)]
    for body in (text, "a,b\n"):
        assert "holds `[1.5]`, which `integer[]` would change" in lake("integer[]", {"a.csv": body + '"[1.5]",1\n'}, only=True).text
    for sql, type in (
        ("true", "integer"),
        ("5", "boolean"),
        ("[1.5]", "integer[]"),
        ("timestamp_ns '2020-01-01 00:00:00.123456789'", "timestamp"),
    ):
        lake(type, {}, only=True)
        duckdb.sql(f"copy (select {sql} as a) to '{world.root}/data/a.parquet'")
        assert f"`{type}` would change" in lake(type, {}).text, sql


def test_bad_values_are_put_aside_by_the_same_rule(lake):
    rows = {"a.json": '{"a": 2.0}\n{"a": true}\n{"a": "0x10"}\n{"a": 12345678901234567.5}\n'}
    ran = lake("bigint", rows, on_bad_row="quarantine")
    assert ran.code == 0, ran.text
    assert lake.rows() == [(2,)]
    assert lake.rows("select line from s_raw.x__quarantine order by 1") == [(2,), (3,), (4,)]


def test_a_seed_rounds_decimals_as_sql_does(project, eltflow):
    files = {"seeds/n.csv": "a,b\n1.239,1\n", "seeds/n.yml": "seeds: [{name: n, config: {column_types: {a: 'decimal(10, 2)'}}}]"}
    root = project(files)
    assert eltflow("seed", cwd=root).code == 0
    (root / "seeds/n.yml").write_text("seeds: [{name: n, config: {column_types: {a: integer}}}]")
    ran = eltflow("seed", cwd=root)
    assert ran.code == 1
    assert "seeds/n.csv holds `1.239`, which `integer` would change" in ran.text


@pytest.mark.parametrize(
    ("type", "good", "bad"),
    [
        ("timestamp", "2020-01-01 10:00:00", "n/a"),
        ("timestamp", "2020-01-01 10:00:00", "2020-01-01 10:00:00 EST"),
        ("timestamp", "2020-01-01 10:00:00", "2026-1-1 1:00-08:00"),
        ("timestamptz", "2020-01-01 10:00:00+00", "unknown"),
        ("time", "10:00:00", "31/01"),
        ("time", "10:00:00", "10:00:00+02"),
        ("time", "10:00:00", "2020-01-01 10:00:00"),
        ("boolean", "true", "nope"),
        ("integer[]", "[1]", "n/a"),
    ],
)
def test_what_a_late_row_of_a_large_file_holds_is_no_null(lake, type, good, bad):
    text = "b,a\n" + f"1,{good}\n" * 6000
    ran = lake(type, {"a.csv": text + f"1,{bad}\n"})
    assert ran.code == 1, ran.text
    assert bad in ran.text or "row 6" in ran.text or "line 6002" in ran.text, ran.text
    ran = lake(type, {"a.csv": text + f"1,{bad}\n"}, on_bad_row="quarantine")
    assert (ran.code, lake.rows("select count(*) from s_raw.x"), "1 bad row" in ran.text) == (0, [(6000,)], True), ran.text


@pytest.mark.parametrize(
    ("good", "bad", "type"),
    [
        ("2020-01-01 10:00:00", "n/a", "VARCHAR"),
        ("2020-01-01 10:00:00", "2020-01-01 10:00:00+05", "VARCHAR"),
        ("2020-01-01 10:00:00", "2020-01-01 10:00+05", "VARCHAR"),
        ("true", "nope", "VARCHAR"),
    ],
)
def test_what_is_inferred_of_a_large_file_loses_no_late_value(world, eltflow, good, bad, type):
    (world.root / "data/a.csv").write_text("b;c\n" + f"1;{good}\n" * 6000 + f"1;{bad}\n")
    world.project({"path": "data/*", "delimiter": ";"}, "duckdb", load="replace")
    ran = eltflow("ingest", cwd=world.root)
    assert ran.code == 0, ran.text
    found = dict(world.rows("select c, typeof(c) from s_raw.x"))
    assert len(found) == 2, found
    assert bad in found or set(found.values()) == {"TIMESTAMP WITH TIME ZONE"}


@pytest.mark.parametrize("target", ["duckdb", "postgres"])
def test_a_key_may_be_declared_in_another_case(lake, target):
    ran = lake("integer", {"a.ndjson": '{"b": 1, "A": 1.5}\n'}, target=target)
    assert ran.code == 1, ran.text
    assert "holds `1.5`" in ran.text
    assert lake("integer", {"a.ndjson": '{"b": 1, "A": 2.0}\n'}, target=target).code == 0
    assert lake.rows() == [(2,)]


def test_a_key_may_be_spelt_with_escapes(world, eltflow):
    (world.root / "data/a.ndjson").write_text('{"gr\\u00f6\\u00dfe": 1.5, "km\\/h": 2.25}\n')
    columns = {"größe": {"data_type": "decimal(10,2)"}, "km/h": {"data_type": "varchar"}}
    world.project({"path": "data/*"}, "duckdb", load="replace", columns=columns)
    ran = eltflow("ingest", cwd=world.root)
    assert ran.code == 0, ran.text
    assert world.rows("select * from s_raw.x") == [(Decimal("1.50"), "2.25")]


def test_json_takes_values_of_all_kinds(lake):
    text = '{"a": "text"}\n{"a": {"x": 1}}\n{"a": "12"}\n{"a": 1.5}\n{"a": [true]}\n'
    ran = lake("json", {"a.ndjson": text})
    assert ran.code == 0, ran.text
    assert {value for (value,) in lake.rows()} == {'"text"', '{"x":1}', '"12"', "1.5", "[true]"}
