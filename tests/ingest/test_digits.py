"""No digit of a CSV or JSON file is lost because the engine has a type for most of them."""

from __future__ import annotations

import json
from contextlib import closing

import duckdb
import pytest

VALUES = {
    "decimals": ["1.5", "12345678901234567890.12"],
    "whole and broken": ["0.5", "9007199254740993"],
    "nanoseconds": ["2026-01-01 00:00:00", "2026-01-01 00:00:00.123456789"],
}


@pytest.mark.parametrize("rows", [1, 6000], ids=["small", "large"])
@pytest.mark.parametrize("case", list(VALUES))
def test_digits_are_kept(project, eltflow, case, rows):
    first, last = VALUES[case]
    root = project({"seeds/n.csv": f"a,b\n{f'{first},1{chr(10)}' * rows}{last},1\n"})
    ran = eltflow("build", cwd=root)
    assert ran.code == 0, ran.text
    with duckdb.connect(str(root / "p.duckdb"), read_only=True) as connection:
        found = connection.execute("select distinct a, typeof(a) from s.n order by 1").fetchall()
    assert sorted(found) == sorted([(first, "VARCHAR"), (last, "VARCHAR")])


@pytest.mark.parametrize(
    "values", [["0.1", "0.10000000000000001"], ["1.5", "2.5000000000000000"], ["1.5", "1e300"], ["1", "0.30000000000000004"]]
)
@pytest.mark.parametrize("rows", [1, 6000], ids=["small", "large"])
def test_numbers_that_a_double_keeps_are_numbers(project, eltflow, values, rows):
    root = project({"seeds/n.csv": f"a,b\n{f'{values[0]},1{chr(10)}' * rows}{values[1]},1\n"})
    ran = eltflow("build", cwd=root)
    assert ran.code == 0, ran.text
    with duckdb.connect(str(root / "p.duckdb"), read_only=True) as connection:
        assert connection.execute("select distinct typeof(a) from s.n").fetchall() == [("DOUBLE",)]
        assert connection.execute("select max(a) from s.n").fetchall() == [(max(map(float, values)),)]


BIG = "123456789012345678901234567890"


@pytest.mark.parametrize("target", ["duckdb", "postgres"])
def test_whole_numbers_of_json_keep_their_digits(tmp_path, eltflow, postgres, target):
    """Also in a second file, whose types are those of the table."""
    own = {"type": "duckdb", "path": "p.duckdb", "schema": "s"} if target == "duckdb" else postgres.target()
    if target == "postgres":
        with closing(postgres.connect()) as con:
            con.execute("drop schema if exists s_raw, eltflow_meta cascade")
    (tmp_path / "eltflow.yml").write_text(json.dumps({"name": "p", "targets": {"dev": own}}))
    for name in ("ingest", "models", "data"):
        (tmp_path / name).mkdir()
    step = {"name": "x", "source": {"kind": "files", "path": "data/*"}, "into": "raw.x", "load": "append"}
    (tmp_path / "ingest/i.yml").write_text(json.dumps({"steps": [step]}))
    lines = [
        f'{{"id": 1, "big": {BIG}, "mixed": 12345678901234567, "huge": {BIG}{BIG}, "deep": {{"x": {BIG}}}, '
        '"fine": 1234567890123456, "day": "01-02-2013 03:04:05"}',
        '{"id": 2, "big": 1, "mixed": 2.5, "huge": 3, "deep": {"x": 1}, "fine": 0.5, "day": null}',
    ]
    (tmp_path / "data/1.ndjson").write_text("\n".join(lines))
    ran = eltflow("ingest", cwd=tmp_path)
    assert ran.code == 0, ran.text
    (tmp_path / "data/2.ndjson").write_text(lines[0].replace('"id": 1', '"id": 3').replace("03:04:05", "09:04:05"))
    ran = eltflow("ingest", cwd=tmp_path)
    assert ran.code == 0, ran.text
    kind = "varchar" if target == "duckdb" else "text"
    items = ", ".join(f"cast({name} as {kind})" for name in ("big", "mixed", "huge", "deep", "fine", "day"))
    query = f"select {items} from s_raw.x where id in (1, 3) order by id"
    if target == "duckdb":
        with duckdb.connect(str(tmp_path / "p.duckdb"), read_only=True) as con:
            found = con.execute(query).fetchall()
    else:
        with closing(postgres.connect()) as con:
            found = con.execute(query).fetchall()
    fine = "1234567890123456.0" if target == "duckdb" else "1.234567890123456e+15"
    deep = f'{{"x":{BIG}}}' if target == "duckdb" else f'{{"x": {BIG}}}'
    wanted = (BIG, "12345678901234567", BIG + BIG, deep, fine)
    assert found == [(*wanted, "01-02-2013 03:04:05"), (*wanted, "01-02-2013 09:04:05")]


def test_keys_of_json_that_differ_in_case(tmp_path, eltflow):
    """The engine numbers them, so that none can be read under its own name."""
    (tmp_path / "eltflow.yml").write_text(
        json.dumps({"name": "p", "targets": {"dev": {"type": "duckdb", "path": "p.duckdb", "schema": "s"}}})
    )
    for name in ("ingest", "models", "data"):
        (tmp_path / name).mkdir()
    step = {"name": "x", "source": {"kind": "files", "path": "data/*"}, "into": "raw.x"}
    (tmp_path / "ingest/i.yml").write_text(json.dumps({"steps": [step]}))
    (tmp_path / "data/1.ndjson").write_text(f'{{"a": 1, "A": 2, "n": {BIG}}}')
    ran = eltflow("ingest", cwd=tmp_path)
    assert ran.code == 1
    assert "data/1.ndjson has keys that differ in case alone" in ran.text
    (tmp_path / "data/1.ndjson").write_text(f'{{"a": 1, "a_2": 2, "n": {BIG}}}')
    ran = eltflow("ingest", cwd=tmp_path)
    assert ran.code == 0, ran.text
    with duckdb.connect(str(tmp_path / "p.duckdb"), read_only=True) as con:
        assert con.execute("select * from s_raw.x").fetchall() == [(1, 2, int(BIG))]
