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
