"""`columns:` of a step: what is said of each, under its name in the source."""

from __future__ import annotations

import json

STEP = """steps:
  - name: people
    source: {kind: files, path: data/*.csv}
    into: raw.people
    columns:
      id: {description: Who it is., data_tests: [unique], meta: {owner: me}}
      email: {rename: mail, tags: [pii], description: Where to write to., data_tests: [not_null]}
      2013: {rename: n, data_type: varchar}
"""
FILES = {
    "ingest/i.yml": STEP,
    "data/a.csv": "id,email,2013\n1,ann@example.com,7\n2,,8\n",
    "models/v.sql": "{{ config(materialized='table') }} select mail, n from raw.people",
}


def test_what_is_said_reaches_the_node(eltflow, project):
    root = project(FILES)
    assert eltflow("parse", cwd=root).code == 0
    manifest = json.loads((root / "target/manifest.json").read_text())
    node = next(n for n in (*manifest["nodes"].values(), *manifest["sources"].values()) if n["name"] == "people")
    said = {name: (c["description"], c["data_type"], c["tags"], c["meta"]) for name, c in node["columns"].items()}
    assert said == {
        "id": ("Who it is.", None, [], {"owner": "me"}),
        "mail": ("Where to write to.", None, ["pii"], {}),
        "n": ("", "varchar", [], {}),
    }


def test_values_of_tagged_columns_are_masked(eltflow, project):
    root = project(FILES)
    ran = eltflow("build", cwd=root)
    assert ran.code == 1
    assert "not_null on people.mail  1" in ran.text
    shown = eltflow("show", "people", cwd=root), eltflow("show", "--inline", "select * from raw.people", cwd=root)
    for one in (ran, *shown):
        assert "ann@example.com" not in one.text
    assert "7" in shown[0].out
    assert eltflow("show", "--inline", "select 1 as one from raw.people where n = '7'", cwd=root).code == 0


def test_a_column_twice(eltflow, project):
    root = project({**FILES, "ingest/i.yml": STEP + "      Email: {tags: [x]}\n"})
    ran = eltflow("parse", cwd=root)
    assert ran.code == 2
    assert "ingest/i.yml:9:7" in ran.text
    assert "the column `Email` is described twice" in ran.text
    assert "the other is in line 7" in ran.text


def test_what_the_table_will_have_is_known_before(eltflow, project):
    """A model is checked against the columns of the table, and not those of the files."""
    step = STEP.replace(
        "    columns:", "    load: append\n    schema_changes: {column: evolve}\n    columns:\n      secret: {exclude: true}"
    )
    root = project({**FILES, "ingest/i.yml": step, "data/a.csv": "id,email,2013,secret,old\n1,a,7,s,o\n"})
    (root / "models/v.sql").write_text("select id, mail, n, old from raw.people")
    assert eltflow("build", cwd=root).code == 0
    (root / "data/a.csv").unlink()
    (root / "data/b.csv").write_text("id,email,2013,secret,new\n2,b,8,s,n\n")
    (root / "models/v.sql").write_text("select id, mail, n, old, new from raw.people")
    ran = eltflow("build", cwd=root)
    assert ran.code == 0, ran.text
    for name in ("secret", "email"):
        (root / "models/v.sql").write_text(f"select {name} from raw.people")
        ran = eltflow("build", cwd=root)
        assert ran.code == 2
        assert f"model `v` uses the column `{name}`, which does not exist" in ran.text
