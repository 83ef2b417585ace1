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
FILES = {
    "types": (
        "i,d,b,day,at,code,text\n1,1.5,true,2020-01-02,2020-01-01 10:00:00,007,null\n2,2,false,2020-01-03,2020-01-01T10:00:00,008,\n",
        [("i", B), ("d", D), ("b", "BOOLEAN"), ("day", "DATE"), ("at", "TIMESTAMP"), ("code", V), ("text", V)],
        [
            (1, 1.5, True, dt.date(2020, 1, 2), dt.datetime(2020, 1, 1, 10), "007", "null"),
            (2, 2.0, False, dt.date(2020, 1, 3), dt.datetime(2020, 1, 1, 10), "008", None),
        ],
    ),
    "a late surprise": ("a\n" + "1\n" * 30000 + "x\n", [("a", V)], [("1",)] * 30000 + [("x",)]),
    "empty is NULL": ('a,b\n"",1\n,2\nx,\n', [("a", V), ("b", B)], [("x", None), (None, 1), (None, 2)]),
    "quotes": (
        'a,b\n"x, y","he said ""hi"""\n"line\nbreak",z\n',
        [("a", V), ("b", V)],
        [("line\nbreak", "z"), ("x, y", 'he said "hi"')],
    ),
    "semicolons are text": ("a\nx;y\nz;w\n", [("a", V)], [("x;y",), ("z;w",)]),
    "other days are text": ("d\n01/02/2013\n03/04/2013\n", [("d", V)], [("01/02/2013",), ("03/04/2013",)]),
    "no comments": ("a,b\n#1,2\n3,4\n", [("a", V), ("b", B)], [("#1", 2), ("3", 4)]),
    "only a header": ("a,b\n", [("a", V), ("b", V)], []),
    "only a header, no newline": ("a,b", [("a", V), ("b", V)], []),
    "unicode": ("naïve,größe,日本\né,ü,語\n", [("naïve", V), ("größe", V), ("日本", V)], [("é", "ü", "語")]),
    "a mark": ("\ufeffa,b\n1,2\n", [("a", B), ("b", B)], [(1, 2)]),
    "windows lines": ("a,b\r\n1,x\r\n", [("a", B), ("b", V)], [(1, "x")]),
    "reserved names": ("select,order,A b\n1,2,3\n", [("select", B), ("order", B), ("A b", B)], [(1, 2, 3)]),
    "only true and false are booleans": (
        'a,b,c,d,e\nyes,t,TRUE,true,True\nno,f,False,"false",true\n',
        [("a", V), ("b", V), ("c", "BOOLEAN"), ("d", "BOOLEAN"), ("e", "BOOLEAN")],
        [("no", "f", False, False, True), ("yes", "t", True, True, True)],
    ),
    "only decimal digits are numbers": (
        "a,b,c,d\n0x10,0b1,1_000,12\n0X1f,0,2_000,-3\n",
        [("a", V), ("b", V), ("c", V), ("d", B)],
        [("0X1f", "0", "2_000", -3), ("0x10", "0b1", "1_000", 12)],
    ),
    "quoted, the last, and alone": ('a,b\n1,"no"\n2,"yes"\n', [("a", B), ("b", V)], [(1, "no"), (2, "yes")]),
    "blanks around numbers": ("a,b\n 1 ,yes\n2,no\n", [("a", B), ("b", V)], [(1, "yes"), (2, "no")]),
    "a word and true": ("a\nTRUE\nyes\n", [("a", V)], [("TRUE",), ("yes",)]),
    "wide": (
        ",".join(f"c{i}" for i in range(1500)) + "\n" + ",".join(str(i) for i in range(1500)) + "\n",
        [(f"c{i}", B) for i in range(1500)],
        [tuple(range(1500))],
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_csv(project, eltflow, name):
    text, columns, rows = FILES[name]
    root = project({"seeds/x.csv": ""})
    (root / "seeds/x.csv").write_bytes(text.encode())
    ran = eltflow("seed", cwd=root)
    assert ran.code == 0, ran.text
    assert loaded(root) == (columns, rows)


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


def test_a_file_that_changes_while_it_is_read(warehouse, job):
    from eltflow.compile.program import ProgramError

    file = warehouse.file("t.csv", "a\n1\n")
    warehouse.build("seed", files=(file,))

    def grow(statement):
        (warehouse.root / "t.csv").write_text("a\n1\n2\n3\n")

    with pytest.raises(ProgramError, match="changed while it was being loaded"):
        warehouse.build("seed", files=(file,), look=grow, config={"persist_docs": {"relation": True}})
    assert warehouse.rows() == [(1,)]
