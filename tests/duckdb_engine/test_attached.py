"""A DuckDB target with other databases beside its own file."""

from __future__ import annotations

import json
import subprocess
import sys

import duckdb
import pytest


@pytest.fixture
def folder(tmp_path):
    """A project; `folder({"models/a.sql": "..."}, attach=[...])` sets keys of its target. Beside it stands shop.duckdb."""

    def make(files, **more):
        root = tmp_path / "p"
        target = {"type": "duckdb", "path": "p.duckdb", "schema": "s", **more}
        for path, text in {"eltflow.yml": f"name: p\ntargets:\n  dev: {json.dumps(target)}\n", **files}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        (root / "models").mkdir(exist_ok=True)
        with duckdb.connect(str(root / "shop.duckdb")) as connection:
            connection.execute("create schema if not exists crm")
            connection.execute("create or replace table crm.customers as select 1 as id, 'ann' as name union all select 2, 'bob'")
        return root

    return make


def rows(path, sql):
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


SOURCE = "sources:\n- {name: crm, database: shop, schema: crm, tables: [{name: customers, columns: [{name: id, data_tests: [unique]}]}]}\n"


def test_a_source_in_an_attached_file(folder, eltflow):
    files = {"models/names.sql": "{{ config(materialized='table') }} select name from crm.customers", "models/s.yml": SOURCE}
    root = folder(files, attach=[{"path": "shop.duckdb", "read_only": True}])
    for _ in range(2):
        ran = eltflow("build", cwd=root)
        assert ran.code == 0, ran.text
    assert rows(root / "p.duckdb", "select name from s.names order by 1") == [("ann",), ("bob",)]
    ran = eltflow("plan", "--connect", cwd=root)
    assert ran.code == 0, ran.text


def test_models_in_an_attached_file(folder, eltflow):
    """Each database keeps the record of what was done in it: a transaction of DuckDB writes to one only."""
    files = {
        "models/a.sql": "{{ config(materialized='table', database='out') }} select 1 as id",
        "models/b.sql": "{{ config(materialized='incremental', unique_key='id', database='out', schema='x') }} select id from a",
        "models/c.sql": "select id from b",
    }
    root = folder(files, attach=[{"path": "other.duckdb", "alias": "out"}])
    for _ in range(2):
        ran = eltflow("build", cwd=root)
        assert ran.code == 0, ran.text
    assert rows(root / "other.duckdb", "select id from s_x.b") == [(1,)]
    kept = rows(root / "other.duckdb", "select distinct node from eltflow_meta.applied order by 1")
    assert kept == [("model.p.a",), ("model.p.b",)]
    assert rows(root / "p.duckdb", "select distinct node from eltflow_meta.applied") == [("model.p.c",)]


def test_an_attached_file_as_the_database_of_the_target(folder, eltflow):
    root = folder({"models/a.sql": "select 1 as id"}, path=":memory:", attach=[{"path": "lake.duckdb"}], database="lake")
    ran = eltflow("build", cwd=root)
    assert ran.code == 0, ran.text
    assert rows(root / "lake.duckdb", "select id from s.a") == [(1,)]
    assert not (root / "memory").exists()


def test_two_runs_of_one_attached_database(folder, eltflow):
    """The lock is that of the file that is written, whatever else the target names."""
    root = folder({"models/a.sql": "select 1 as id"}, path=":memory:", attach=[{"path": "lake.duckdb"}], database="lake")
    hold = "import duckdb, sys; c = duckdb.connect('lake.duckdb'); print(1, flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", hold], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        holder.stdout.readline()
        ran = eltflow("build", cwd=root)
        assert ran.code == 2, ran.text
        assert "cannot attach lake" in ran.text
        assert "lock" in ran.text
        holder.stdin.close()
    assert eltflow("build", cwd=root).code == 0


def test_templates_see_no_secret(folder, eltflow):
    secret = {"type": "s3", "name": "store", "key_id": "AKIAXYZ", "secret": "hush-hush-hush"}
    root = folder({"models/a.sql": "select '{{ target.secrets }}' as x"}, secrets=[secret])
    ran = eltflow("build", cwd=root)  # the type is known to an extension that is not there
    assert ran.code != 0
    for path in (root / "logs").rglob("*"):
        assert "hush" not in path.read_text()
    assert "hush" not in ran.text


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"attach": "shop.duckdb"}, "each entry of `attach` must be a mapping with a `path`"),
        ({"attach": [{"alias": "x"}]}, "each entry of `attach` must be a mapping with a `path`"),
        ({"attach": [{"path": "shop.duckdb", "readonly": True}]}, "an entry of `attach` has no key `readonly`"),
        ({"attach": [{"path": "x/p.duckdb"}]}, "two databases would be called `p`"),
        ({"attach": [{"path": "a/x.duckdb"}, {"path": "b/X.duckdb"}]}, "two databases would be called `X`"),
        ({"attach": [{"path": "nowhere/x.duckdb"}]}, "cannot attach x: there is no folder"),
        ({"attach": [{"path": "eltflow.yml", "alias": "x"}]}, "cannot attach x"),
        ({"attach": [{"path": "gone.duckdb", "read_only": True}]}, "cannot attach gone"),
        ({"attach": [{"path": "dbname=x password=hush", "type": "postgres", "alias": "x"}]}, "no password may stand in the `path`"),
        ({"attach": [{"path": "x.db", "type": "x) (y"}]}, "must be a word like postgres"),
        ({"attach": [{"path": "x.db", "options": {"a b": 1}}]}, "must be a mapping of names to values"),
        ({"attach": [{"path": "shop.duckdb", "type": "sqlite"}]}, "cannot attach shop"),
        ({"secrets": [{"name": "x"}]}, "each entry of `secrets` must be a mapping"),
        ({"secrets": [{"type": "nothing", "name": "x"}]}, "nothing"),
        ({"database": "lake"}, "`database` must be `p` or the alias of what is attached"),
    ],
)
def test_bad_settings(folder, eltflow, more, words):
    root = folder({"models/a.sql": "select 1 as id"}, **more)
    ran = eltflow("build", cwd=root)
    assert ran.code == 2, ran.text
    assert words in ran.text
    assert "hush" not in ran.text
    assert "Traceback" not in ran.text
    assert not (root / "p.duckdb").exists()


def test_a_file_by_a_link(project, eltflow):
    """DuckDB calls a database by its file; a link to it is another path to the same one, with one lock and one log for what is not written."""
    targets = "  link: {type: duckdb, path: link.duckdb}\n  real: {type: duckdb, path: data/real.duckdb}\n"
    settings = f"name: p\ndefault_target: link\ntargets:\n{targets}"
    root = project({"eltflow.yml": settings, "models/a.sql": "{{ config(materialized='table') }}select 1 as id"})
    (root / "data").mkdir()
    (root / "link.duckdb").symlink_to("data/real.duckdb")
    for words in ((), ("--target", "real"), ()):
        built = eltflow("build", *words, cwd=root)
        assert built.code == 0, built.text
    with duckdb.connect(str(root / "data/real.duckdb"), read_only=True) as con:
        assert con.execute("select * from a").fetchall() == [(1,)]
