"""Seeds: what a file says is what the table holds. Types are inferred; nothing else is guessed."""

from __future__ import annotations

import datetime as dt

import duckdb
import pytest


def loaded(root, sql="select * from s.x order by all"):
    with duckdb.connect(str(root / "p.duckdb"), read_only=True) as con:
        found = con.execute(sql)
        return [(d[0], str(d[1])) for d in found.description], found.fetchall()


B, V, D = "BIGINT", "VARCHAR", "DOUBLE"
MANY = 30000
LATE = {  # the type by the first rows, a row that says otherwise, and what the column is then
    "1.5": ("1", [1.0, 1.5], D),
    "0x10": ("1", ["1", "0x10"], V),
    "1_0": ("1", ["1", "1_0"], V),
    "007": ("1", ["1", "007"], V),
    "-007": ("2.5", ["2.5", "-007"], V),
    "2_5.0": ("2.5", ["2.5", "2_5.0"], V),
    "yes": ("true", ["true", "yes"], V),
    "1": ("false", ["false", "1"], V),
    "x": ("2020-01-01", ["2020-01-01", "x"], V),
    "2020-01-01 10:30:00": ("2020-01-01", [dt.datetime(2020, 1, 1), dt.datetime(2020, 1, 1, 10, 30)], "TIMESTAMP"),
    "99999999999999999999": ("7", [7, 99999999999999999999], "HUGEINT"),
}


@pytest.mark.parametrize("hook", ["", "select 1"])
@pytest.mark.parametrize("late", LATE)
def test_a_row_beyond_the_first_ones_counts_as_much(project, eltflow, late, hook):
    """An engine that looks at some rows only would take 1.5 for 2, 007 for 7 and yes for true."""
    first, values, kind = LATE[late]
    lines = f"a,b\n{f'{first},1{chr(10)}' * MANY}{late},2\n"
    root = project(
        {
            "seeds/x.csv": lines,
            "seeds/x.yml": f"seeds:\n- name: x\n  config: {{pre_hook: '{hook}'}}\n",
            "data/y.csv": lines,
            "ingest/y.yml": "steps:\n- {name: y, source: {kind: files, path: data/*.csv}, into: s.y}\n",
        }
    )
    ran = eltflow("build", cwd=root)
    assert ran.code == 0, ran.text
    for table in ("s.x", "s_s.y"):
        found = loaded(root, f"select distinct a, b from {table} order by b")
        assert found == ([("a", kind), ("b", B)], [(values[0], 1), (values[1], 2)])
        assert loaded(root, f"select count(*) from {table}")[1] == [(MANY + 1,)]


def test_a_large_file_without_surprises(project, eltflow):
    text = "i,d,b,s,day\n" + "".join(f"{n},{n}.5,{str(n % 2 == 0).lower()},s{n},2020-01-01\n" for n in range(MANY)) + ",,,,\n"
    root = project({"seeds/x.csv": text})
    assert eltflow("seed", cwd=root).code == 0
    _, rows = loaded(root, "select min(i), sum(i), sum(d), count(*) filter (b), count(s), count(*), min(day) from s.x")
    total = MANY * (MANY - 1) // 2
    assert rows == [(0, total, total + MANY / 2, MANY // 2, MANY, MANY + 1, dt.date(2020, 1, 1))]
    assert [kind for _, kind in loaded(root, "from s.x limit 1")[0]] == [B, D, "BOOLEAN", V, "DATE"]


YML = "seeds:\n- name: x\n  config: {column_types: {a: varchar, b: 'decimal(10, 2)'}%s}\n"
AS_TOLD = ([("a", V), ("b", "DECIMAL(10,2)")], 1)


@pytest.mark.parametrize("name", ["x.csv", "x.tsv", "x.csv|", "x.json", "x.ndjson", "x.parquet"])
def test_column_types_and_formats(project, eltflow, name):
    extra = ", delimiter: '|'" if name.endswith("|") else ""
    name = name.rstrip("|")
    root = project({"seeds/x.yml": YML % extra})
    path = root / "seeds" / name
    if name == "x.parquet":
        duckdb.execute(f"copy (select 7 as a, 1.5 as b) to '{path}'")
    elif name.endswith("json"):
        path.write_text('{"a": 7, "b": 1.5}\n' if name == "x.ndjson" else '[{"a": 7, "b": 1.5}]')
    else:
        mark = "|" if extra else "\t" if name == "x.tsv" else ","
        path.write_text(f"a{mark}b\n007{mark}1.5\n")
    ran = eltflow("seed", cwd=root)
    assert ran.code == 0, ran.text
    columns, rows = loaded(root)
    assert columns == AS_TOLD[0]
    assert [(a.lstrip("0"), float(b)) for a, b in rows] == [("7", 1.5)]


@pytest.mark.parametrize("text", ["a,b\n1,2\n3\n", "a,b\n1,2,3\n"])
def test_ragged_rows_are_an_error(project, eltflow, text):
    root = project({"seeds/x.csv": text})
    ran = eltflow("seed", cwd=root)
    assert ran.code == 1
    assert "seed `x`" in ran.text


def test_again_and_a_change(project, eltflow):
    """A seed is replaced whole; what reads it sees the new rows; its hooks run in its transaction."""
    hook = "create table if not exists s.log (n bigint); insert into s.log select count(*) from s.x"
    root = project(
        {
            "seeds/x.csv": "a,b\n1,x\n",
            "seeds/x.yml": f'seeds:\n- name: x\n  config: {{pre_hook: create schema if not exists s, post_hook: "{hook}"}}\n',
            "models/v.sql": "select * from x",
        }
    )
    assert eltflow("build", cwd=root).code == 0
    (root / "seeds/x.csv").write_text("a,b\n1,x\n2,y\n")
    assert eltflow("build", cwd=root).code == 0
    assert loaded(root, "from s.v order by all")[1] == [(1, "x"), (2, "y")]
    assert loaded(root, "from s.log")[1] == [(1,), (2,)]
    (root / "seeds/x.csv").write_text("other\n1\n")
    ran = eltflow("build", "--full-refresh", cwd=root)
    assert ran.code == 0, ran.text
    assert loaded(root, "from s.v")[0] == [("other", B)]


def test_rows_keep_the_order_of_their_file(project, eltflow):
    """In a file that an engine reads by several threads, with a column of each kind that is looked at closely."""
    lines = (f"{n},{n}.5,{str(n % 2 == 0).lower()},2020-01-01 00:00:00,{n}\n" for n in range(400_000))
    root = project({"seeds/x.csv": "i,d,b,at,t\n" + "".join(lines), "seeds/x.yml": "seeds: [{name: x}]\n"})
    assert eltflow("seed", cwd=root).code == 0
    kinds, rows = loaded(root, "select any_value(columns(*)), count(*) filter (rowid <> i) from s.x")
    assert [kind for _, kind in kinds] == [B, D, "BOOLEAN", "TIMESTAMP", B, B]
    assert rows[0][-1] == 0
