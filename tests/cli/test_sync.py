"""`eltflow sync`: columns and types into properties YAML, and nothing else changes in these files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from eltflow.base.diagnostics import EltflowError
from eltflow.project import yamlfile
from eltflow.project.yamledit import YamlEdit

ROOT = Path(__file__).resolve().parent.parent.parent
AWKWARD = """\
# a head that stays
version: 2   # and this

models:
  - name: a   # eol a
    description: "it's {{ doc('x') }}"
    columns:
      - name: id  # the key
        data_tests: [unique]

      # about v
      - name: v
        description: >
          folded
          text
  # before b
  - name: b
    columns: [{name: x}, {name: y, data_type:  int}]


# before c
  - name: c
    config: {tags: [t,  u]}
    columns:
      - name: z
        data_tests:
          - accepted_values: {values: ['1',   "2"]}

  # the end of c
  - {name: d, description: 'in braces'}
# last words
"""
MODELS = {
    "models/a.sql": "select 1 as id, 2.5 as added, 'x' as v, true as last",
    "models/b.sql": "select 1 as x, 2 as y, 3 as w",
    "models/c.sql": "select '1' as z, date '2020-01-01' as day",
    "models/d.sql": "select 1 as only_one",
    "models/docs.md": "{% docs x %}words{% enddocs %}",
    "models/props.yml": AWKWARD,
}


def kept(before: str, after: str) -> bool:
    """Whether every line of a text stands in another one, in order."""
    lines = iter(after.splitlines())
    return all(line in lines for line in before.splitlines())


def described(root: Path, path: str = "models/props.yml") -> dict[str, list[tuple[str, str | None]]]:
    value = yamlfile.read((root / path).read_text(), path)
    found = [*value.get("models", []), *value.get("seeds", [])]
    return {one["name"]: [(c["name"], c.get("data_type")) for c in one.get("columns", [])] for one in found}


def test_a_diff_first_and_then_the_files(eltflow, project):
    root = project(MODELS)
    ran = eltflow("sync", cwd=root)
    assert ran.code == 0
    assert "+      - name: added\n+        data_type: DECIMAL(2,1)\n" in ran.out
    assert "1 file would change: write them with `eltflow sync --write`" in ran.out
    assert (root / "models/props.yml").read_text() == AWKWARD
    assert eltflow("sync", "--write", cwd=root).code == 0
    assert described(root) == {
        "a": [("id", "INTEGER"), ("added", "DECIMAL(2,1)"), ("v", "VARCHAR"), ("last", "BOOLEAN")],
        "b": [("x", "INTEGER"), ("y", "int"), ("w", "INTEGER")],
        "c": [("z", "VARCHAR"), ("day", "DATE")],
        "d": [("only_one", "INTEGER")],
    }
    text = (root / "models/props.yml").read_text()
    assert [line for line in AWKWARD.splitlines() if line not in text.splitlines()] == [
        "    columns: [{name: x}, {name: y, data_type:  int}]",
        "  - {name: d, description: 'in braces'}",
    ]
    assert text.index("last") < text.index("# before b") < text.index("- name: b")
    assert text.index("name: day") < text.index("# the end of c") < text.index("name: d,")
    again = eltflow("sync", cwd=root)
    assert "the properties files say all that is known: nothing to write" in again.out
    assert eltflow("check", cwd=root).code == 0


def test_nothing_is_written_of_what_changed_in_between(eltflow, project):
    from eltflow import api

    root = project({**MODELS, "models/sub/e.sql": "select 1 as one"})
    loaded = api.load(root)
    found = api.sync(loaded, loaded.graph.nodes)
    assert [change.path for change in found.changes] == ["models/props.yml", "models/sub/sub.yml"]
    (root / "models/props.yml").write_text(AWKWARD + "# more\n")
    with pytest.raises(EltflowError, match=r"models/props\.yml changed in between"):
        api.write_synced(loaded, found)
    assert not (root / "models/sub/sub.yml").exists()


def test_what_no_file_describes_is_described_beside_it(eltflow, project):
    root = project(
        {
            "models/shop/a.sql": "select 1 as id",
            "models/shop/b.sql": "select 'x' as name",
            "models/shop/more.yml": "models:\n- name: a\n  columns:\n  - name: id\n",
            "models/other/c.sql": "select id from a",
            "seeds/s.csv": "id,at\n1,2020-01-01\n",
        }
    )
    ran = eltflow("sync", "--write", cwd=root)
    assert "3 files written" in ran.out
    more = "models:\n- name: a\n  columns:\n  - name: id\n    data_type: INTEGER\n"
    assert (root / "models/shop/more.yml").read_text() == more + "- name: b\n  columns:\n  - name: name\n    data_type: VARCHAR\n"
    assert described(root, "models/other/other.yml") == {"c": [("id", "INTEGER")]}
    assert described(root, "seeds/seeds.yml") == {"s": [("id", "BIGINT"), ("at", "DATE")]}
    assert eltflow("build", cwd=root).code == 0


def test_a_type_that_is_another_one_is_shown_and_an_alias_is_none(eltflow, project):
    columns = "[{name: id, data_type: varchar}, {name: n, data_type: Int}, {name: t, data_type: text}]"
    root = project(
        {
            "models/a.sql": "select 1::bigint as id, 2 as n, 'x' as t",
            "models/p.yml": f"models: [{{name: a, columns: {columns}}}]\n",
        }
    )
    assert eltflow("sync", "--check", cwd=root).code == 1
    assert eltflow("sync", "--write", cwd=root).code == 0
    assert described(root, "models/p.yml") == {"a": [("id", "BIGINT"), ("n", "Int"), ("t", "text")]}
    assert eltflow("sync", "--check", cwd=root).code == 0


def test_what_is_not_known_is_left_alone_and_said(eltflow, project):
    before = "models: [{name: a, columns: [{name: x}]}, {name: b, columns: [{name: old, description: words}]}]\n"
    root = project(
        {"models/a.sql": "select * from elsewhere.t", "models/b.sql": "select 1 as new", "models/p.yml": before},
    )
    ran = eltflow("sync", "--write", cwd=root)
    assert "note: a is left as it is: " in ran.err
    assert "note: b has no column old, which its file describes: it stays" in ran.err
    assert described(root, "models/p.yml") == {"a": [("x", None)], "b": [("new", "INTEGER"), ("old", None)]}
    told = json.loads(eltflow("sync", "--json", cwd=root).out)
    assert (list(told["unknown"]), told["not_in_query"], told["files"]) == (["a"], [{"node": "b", "column": "old"}], [])


def test_what_an_alias_shares_is_left_alone(eltflow, project):
    before = "models:\n  - name: a\n    columns: &both\n      - name: id\n  - name: b\n    columns: *both\n"
    root = project({"models/a.sql": "select 1 as id, 2 as n", "models/b.sql": "select 1 as id", "models/p.yml": before})
    ran = eltflow("sync", "--write", cwd=root)
    assert "note: a is left as it is: its entry is shared with another one by a YAML alias" in ran.err
    assert (root / "models/p.yml").read_text() == before


def test_sources_have_the_columns_that_the_target_was_seen_with(eltflow, project):
    import duckdb

    root = project(
        {
            "models/a.sql": "select * from {{ source('raw', 't') }}",
            "models/s.yml": "sources:\n  - name: raw\n    tables:\n      - name: t\n        description: kept\n",
        }
    )
    with duckdb.connect(str(root / "p.duckdb")) as con:
        con.execute("create schema raw; create table raw.t as select 1 as id, now() as at")
    assert eltflow("run", cwd=root).code == 0
    assert eltflow("sync", "--write", "--select", "source:raw", cwd=root).code == 0
    (table,) = yamlfile.read((root / "models/s.yml").read_text(), "")["sources"][0]["tables"]
    assert table["columns"] == [
        {"name": "id", "data_type": "INTEGER"},
        {"name": "at", "data_type": "TIMESTAMP WITH TIME ZONE"},
    ]
    assert table["description"] == "kept"


def test_line_ends_of_windows_stay(eltflow, project):
    root = project({"models/a.sql": "select 1 as id"})
    (root / "models/p.yml").write_bytes(b"models:\r\n  - name: a # one\r\n    description: d\r\n")
    assert eltflow("sync", "--write", cwd=root).code == 0
    assert (root / "models/p.yml").read_bytes() == (
        b"models:\r\n  - name: a # one\r\n    description: d\r\n    columns:\r\n      - name: id\r\n        data_type: INTEGER\r\n"
    )


def test_a_real_project_keeps_every_line(eltflow, tmp_path):
    root = tmp_path / "flights"
    shutil.copytree(ROOT / "examples/flights", root, ignore=shutil.ignore_patterns("target", "*.duckdb", ".eltflow"))
    before = {path: path.read_text() for path in root.rglob("*.yml")}
    assert eltflow("sync", "--write", cwd=root).code == 0
    changed = {path for path, text in before.items() if path.read_text() != text}
    assert len(changed) == 7
    assert all(kept(before[path], path.read_text()) for path in changed)
    assert eltflow("check", cwd=root).code == 0


@pytest.mark.parametrize("path", sorted((ROOT / "examples").rglob("*.yml")) + sorted((ROOT / "project_template").rglob("*.yml")))
def test_a_file_that_nothing_is_changed_in_stays_as_it_is(path):
    text = path.read_text()
    assert YamlEdit(text).text() == text


def test_without_its_library_it_says_what_to_install(eltflow, project, tmp_path):
    (tmp_path / "shadow/ruamel").mkdir(parents=True)
    (tmp_path / "shadow/ruamel/__init__.py").write_text("")
    root = project({"models/a.sql": "select 1 as id"})
    ran = eltflow("sync", cwd=root, timeout=60, env={"PYTHONPATH": str(tmp_path / "shadow")})
    assert ran.code == 2
    assert "error[E0702]" in ran.err
    assert "pip install 'eltflow[sync]'" in ran.err
