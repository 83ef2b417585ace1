"""A type that is declared for a column of files takes no other value than what is written there."""

from __future__ import annotations

import json

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
}


@pytest.fixture
def lake(world, eltflow):
    def run(type, files, load="replace", *, tags=(), **more):
        for name, text in files.items():
            (world.root / "data" / name).write_text(text)
        world.project({"path": "data/*"}, load=load, columns={"a": {"data_type": type, "tags": list(tags)}}, **more)
        return eltflow("ingest", cwd=world.root)

    def rows(sql="select distinct a from s_raw.x order by 1"):
        return world.rows(sql)

    run.rows = rows
    return run


@pytest.mark.parametrize(("case", "many"), [*((case, 1) for case in CASES), ("integer", 6000), ("decimal", 6000)])
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
    evolve = {"schema_changes": {"column": "evolve"}}
    assert lake("bigint", {"a.csv": "id,a\n1,1\n"}, "append", **evolve).code == 0
    ran = lake("bigint", {"b.csv": "id\n2\n"}, "append", **evolve)
    assert ran.code == 0, ran.text
    assert "lacks `a`, which is NULL in its rows" in ran.text


@pytest.mark.parametrize("others", [(1, 2.5), (2.5, 1)])
def test_a_later_file_of_another_type_is_looked_at_too(lake, others):
    assert lake("varchar", {"a.json": '{"a": "x", "w": 1, "s": {"x": 1}}\n'}, "append").code == 0
    for name in ("w", "s"):
        rows = [{"a": "y", "w": 1, "s": {"x": 1}, **({"w": v} if name == "w" else {"s": {"x": v}})} for v in others]
        ran = lake("varchar", {f"{n}.json": json.dumps(row) + "\n" for n, row in zip("bc", rows, strict=True)}, "append")
        assert ran.code == 1, ran.text
        assert f"the column `{name}` of data/{'bc'[others.index(2.5)]}.json holds " in ran.text


def test_a_new_column_takes_the_values_of_all_files(lake):
    evolve = {"schema_changes": {"column": "evolve"}}
    assert lake("varchar", {"a.json": '{"a": "x"}\n'}, "append", **evolve).code == 0
    more = {"b.json": '{"a": "y", "v": 1}\n', "c.json": '{"a": "z", "v": 2.5}\n'}
    ran = lake("varchar", more, "append", **evolve)
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


def test_a_seed_rounds_decimals_as_sql_does(project, eltflow):
    files = {"seeds/n.csv": "a,b\n1.239,1\n", "seeds/n.yml": "seeds: [{name: n, config: {column_types: {a: 'decimal(10, 2)'}}}]"}
    root = project(files)
    assert eltflow("seed", cwd=root).code == 0
    (root / "seeds/n.yml").write_text("seeds: [{name: n, config: {column_types: {a: integer}}}]")
    ran = eltflow("seed", cwd=root)
    assert ran.code == 1
    assert "seeds/n.csv holds `1.239`, which `integer` would change" in ran.text
