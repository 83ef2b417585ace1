"""Seeds: what a file says is what the table holds. Types are inferred; nothing else is guessed."""

from __future__ import annotations

import duckdb
import pytest


def loaded(root, sql="select * from s.x order by all"):
    with duckdb.connect(str(root / "p.duckdb"), read_only=True) as con:
        found = con.execute(sql)
        return [(d[0], str(d[1])) for d in found.description], found.fetchall()


B, V = "BIGINT", "VARCHAR"
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
