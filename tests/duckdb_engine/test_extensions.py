"""What DuckDB reaches by its extensions. They come from PyPI, whose newest are those of 1.5.5: eltflow runs there in an environment with
that version, and with the pure Python build of sqlglot."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from ran import Ran
from s3_server import SECRET

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "services"))

import make  # noqa: E402

SERVICE = "duckdb15"
INSTALL = """
import duckdb, importlib.util, pathlib, sys
for name in sys.argv[2:]:
    folder = importlib.util.find_spec("duckdb_extension_" + name).submodule_search_locations[0]
    file = next(pathlib.Path(folder).glob(f"extensions/v{duckdb.__version__}/*.duckdb_extension"))
    duckdb.connect(config={"extension_directory": sys.argv[1]}).execute(f"install '{file}'")
"""


@pytest.fixture(scope="session")
def older(tmp_path_factory: pytest.TempPathFactory):
    """`older("build", cwd=folder)` runs the command line on DuckDB 1.5.5; `older.extensions` is a folder where some are installed."""
    make.make(SERVICE)
    python = str(make.python(SERVICE))
    home = tmp_path_factory.mktemp("older")
    info = Path(str(importlib.metadata.distribution("eltflow")._path))  # type: ignore[attr-defined]
    shutil.copytree(info, home / info.name)  # it names the adapters
    extensions = str(home / "extensions")
    subprocess.run([python, "-c", INSTALL, extensions, "ducklake", "httpfs", "sqlite_scanner", "postgres_scanner"], check=True)
    path = os.pathsep.join([str(ROOT), str(ROOT / "adapters"), str(home)])
    environment = {**os.environ, "PYTHONPATH": path}

    def run(*arguments: str, cwd: Path) -> Ran:
        command = [python, "-m", "eltflow.cli.main", *arguments]
        done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120)
        return Ran(done.returncode, done.stdout, done.stderr)

    def rows(folder: Path, sql: str, *before: str) -> list[list[object]]:
        code = (
            "import duckdb, json, sys\n"
            "c = duckdb.connect(config={'extension_directory': sys.argv[1]})\n"
            "for s in sys.argv[3:]: c.execute(s)\n"
            "print(json.dumps(c.execute(sys.argv[2]).fetchall(), default=str))"
        )
        done = subprocess.run(
            [python, "-c", code, extensions, sql, *before], cwd=folder, capture_output=True, text=True, check=True
        )
        return json.loads(done.stdout)

    for name, value in {"extensions": extensions, "rows": rows, "python": python, "environment": environment}.items():
        setattr(run, name, value)
    return run


def project(root, older, files, **more):
    target = {"type": "duckdb", "path": "p.duckdb", "schema": "s", "settings": {"extension_directory": older.extensions}, **more}
    for path, text in {"eltflow.yml": f"name: p\ntargets:\n  dev: {json.dumps(target)}\n", **files}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root


def built(older, root, *more):
    ran = older("build", *more, cwd=root)
    assert ran.code == 0, ran.text
    return ran


def test_sqlite_is_read(older, tmp_path):
    with sqlite3.connect(tmp_path / "shop.sqlite") as connection:
        connection.execute("create table customers (id integer primary key, name text)")
        connection.execute("insert into customers values (1, 'ann'), (2, 'bob')")
    files = {
        "models/names.sql": "{{ config(materialized='table') }} select name from crm.customers where id > 1",
        "models/s.yml": "sources: [{name: crm, database: shop, schema: main, tables: [{name: customers}]}]\n",
    }
    attach = [{"path": "shop.sqlite", "type": "sqlite", "read_only": True}]
    root = project(tmp_path, older, files, extensions=["sqlite_scanner"], attach=attach)
    built(older, root)
    built(older, root)
    assert older.rows(root, "select name from p.s.names", "attach 'p.duckdb' as p") == [["bob"]]


LAKE = {
    "seeds/menu.csv": "dish,price\nsoup,4.5\nbread,2\n",
    "models/cheap.sql": "select dish from menu where price < {{ var('limit', 3) }}",
    "models/all_of_it.sql": "{{ config(materialized='table') }} select dish, price from menu",
    "models/grows.sql": (
        "{{ config(materialized='incremental', unique_key='dish', on_schema_change='append_new_columns') }}\n"
        "select dish, price * {{ var('times', 1) }} as price {% if var('more', false) %}, 1 as extra {% endif %} from menu"
    ),
    "models/y.yml": "models:\n- {name: cheap, columns: [{name: dish, data_tests: [unique, not_null]}]}\n",
}
LAKE_SQL = ("load ducklake", "attach 'ducklake:meta.ducklake' as lake")


def lake(root, older, files=LAKE, **more):
    attach = [{"path": "ducklake:meta.ducklake", "alias": "lake", "options": {"data_path": "files", "data_inlining_row_limit": 0}}]
    return project(root, older, files, path=":memory:", threads=1, extensions=["ducklake"], attach=attach, database="lake", **more)


def test_a_lake_as_the_target(older, tmp_path):
    root = lake(tmp_path, older)
    for options in ([], [], ["--vars", "{times: 2, more: true}"], ["--full-refresh"]):
        built(older, root, *options)
        if "--vars" in options:
            assert older.rows(root, "select dish, cast(price as double), extra from lake.s.grows order by 1", *LAKE_SQL) == [
                ["bread", 4.0, 1],
                ["soup", 9.0, 1],
            ]
    assert older.rows(root, "select dish from lake.s.cheap", *LAKE_SQL) == [["bread"]]
    assert older.rows(root, "select dish, cast(price as double) from lake.s.grows order by 1", *LAKE_SQL) == [
        ["bread", 2.0],
        ["soup", 4.5],
    ]
    left = older.rows(root, "select table_name from duckdb_tables() where table_name like '%eltflow_tmp%'", *LAKE_SQL)
    assert left == []
    assert list((root / "files").rglob("*.parquet"))


def test_a_lake_takes_one_at_a_time(older, tmp_path):
    """With several, DuckLake of DuckDB 1.5 did not always find the table that another session had made a moment before."""
    attach = [{"path": "ducklake:meta.ducklake", "alias": "lake"}]
    root = project(tmp_path, older, LAKE, path=":memory:", extensions=["ducklake"], attach=attach, database="lake")
    ran = older("build", cwd=root)
    assert ran.code == 2, ran.text
    assert "a DuckLake wants `threads: 1`" in ran.text


def test_a_model_that_fails_leaves_the_lake_as_it_was(older, tmp_path):
    root = lake(tmp_path, older)
    built(older, root)
    (root / "models/all_of_it.sql").write_text("{{ config(materialized='table') }} select cast(dish as integer) as dish from menu")
    ran = older("build", cwd=root)
    assert ran.code == 1, ran.text
    assert older.rows(root, "select count(*) from lake.s.all_of_it where price > 0", *LAKE_SQL) == [[2]]
    assert older.rows(root, "select table_name from duckdb_tables() where table_name like '%eltflow_tmp%'", *LAKE_SQL) == []


def test_postgres_is_read_by_a_secret(older, tmp_path, postgres):
    with postgres.connect() as connection:
        connection.execute("drop schema if exists far cascade")
        connection.execute("create schema far")
        connection.execute("create table far.orders as select 7 as id, 12.50::numeric(10, 2) as amount")
    files = {
        "models/o.sql": "{{ config(materialized='table') }} select id, amount from crm.orders",
        "models/s.yml": "sources: [{name: crm, database: pg, schema: far, tables: [{name: orders}]}]\n",
    }
    secret = {"type": "postgres", "name": "crm", "host": postgres.host, "user": postgres.user, "database": postgres.dbname}
    attach = [{"path": "", "alias": "pg", "type": "postgres", "secret": "crm", "read_only": True}]
    root = project(tmp_path, older, files, extensions=["postgres_scanner"], secrets=[secret], attach=attach)
    built(older, root)
    assert older.rows(root, "select id, amount::varchar from p.s.o", "attach 'p.duckdb' as p") == [[7, "12.50"]]
    wrong = {**secret, "host": "127.0.0.1", "port": 1, "password": "hush-hush"}
    project(tmp_path, older, files, extensions=["postgres_scanner"], secrets=[wrong], attach=attach)
    ran = older("build", cwd=root)
    assert ran.code == 2, ran.text
    assert "cannot attach pg" in ran.text
    assert "hush" not in ran.text


def test_models_that_are_files_of_an_object_store(older, tmp_path, s3):
    s3.bucket("lake")
    secret = {"type": "s3", "key_id": "tester", "secret": SECRET, "region": "us-east-1"}
    secret |= {"endpoint": f"127.0.0.1:{s3.port}", "url_style": "path", "use_ssl": False}
    files = {
        "models/m.sql": "{{ config(materialized='external') }} select {{ var('n', 1) }} as n, 'x' as v {{ var('more', '') }}",
        "models/above.sql": "{{ config(materialized='external', location='s3://lake/above.csv', options={'compression': 'gzip'}) }}\n"
        "select n from m",
    }
    root = project(tmp_path, older, files, extensions=["httpfs"], secrets=[secret], external_root="s3://lake/dev")
    built(older, root)
    built(older, root, "--vars", "{n: 2, more: ', 3 as more'}")
    told = ", ".join(f"{k} {v!r}" for k, v in secret.items() if k not in ("type", "use_ssl"))
    reach = ("load httpfs", f"create secret (type s3, {told}, use_ssl false)", "attach 'p.duckdb' as p")
    assert older.rows(root, "select n, v, more from p.s.m", *reach) == [[2, "x", 3]]
    assert older.rows(root, "select * from read_parquet('s3://lake/dev/s/m.parquet')", *reach) == [[2, "x", 3]]
    assert older.rows(root, "select * from read_csv('s3://lake/above.csv', compression = 'gzip')", *reach) == [[2]]
    ran = older("build", "--vars", "{n: 'no_column'}", cwd=root)
    assert ran.code == 2, ran.text
    assert older.rows(root, "select n from p.s.m", *reach) == [[2]]
    assert SECRET not in ran.text


def test_an_extension_that_is_not_there(older, tmp_path):
    root = project(tmp_path, older, {"models/a.sql": "select 1 as id"}, extensions=["spatial"])
    ran = older("build", cwd=root)
    assert ran.code == 2, ran.text
    assert "nothing is downloaded here" in ran.text
    assert not (root / "p.duckdb").exists()


@pytest.mark.parametrize("sample", ["12", pytest.param("1", marks=pytest.mark.prove)])
def test_the_contract_on_the_older_version(older, sample):
    options = ["-q", "-p", "no:cacheprovider", "-p", "sampled", "--noconftest"]
    command = [older.python, "-m", "pytest", *options, "tests/contract/test_duckdb.py"]
    paths = os.pathsep.join([older.environment["PYTHONPATH"], str(ROOT / "tests")])
    env = {**older.environment, "PYTHONPATH": paths, "SAMPLE": sample}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-4000:]


def test_large_whole_numbers_are_not_rounded(older, tmp_path):
    """DuckDB 1.5 takes them for DOUBLE."""
    root = project(tmp_path, older, {"seeds/n.csv": "a\n99999999999999999999\n7\n", "models/m.sql": "select a from n"})
    built(older, root)
    assert older.rows(root, "select cast(a as varchar) from p.s.m order by 1", "attach 'p.duckdb' as p") == [
        ["7"],
        ["99999999999999999999"],
    ]
