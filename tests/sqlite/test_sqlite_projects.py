"""Projects on SQLite: what is particular to files that are schemas, and to columns that take anything."""

from __future__ import annotations

import json
import sqlite3
import sys
import threading

import pytest
from eltflow_sqlalchemy import SQLITE

from eltflow.testing.bench import Subject
from eltflow.warehouse.values import Relation, Statement, WarehouseError


@pytest.fixture
def folder(tmp_path):
    """A project; `folder({"models/a.sql": "..."}, timeout=1)` sets keys of its target."""

    def make(files, **more):
        root = tmp_path / "p"
        target = {"type": "sqlite", "path": "p.sqlite", **more}
        for path, text in {"eltflow.yml": f"name: p\ntargets:\n  dev: {json.dumps(target)}\n", **files}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        (root / "models").mkdir(exist_ok=True)
        return root

    return make


def test_init_and_debug(eltflow, tmp_path):
    made = eltflow("init", "shop", "--adapter", "sqlite", cwd=tmp_path)
    assert made.code == 0, made.text
    ran = eltflow("debug", cwd=tmp_path / "shop")
    assert ran.code == 0, ran.text
    assert not (tmp_path / "shop/shop.sqlite").exists()
    assert eltflow("seed", cwd=tmp_path / "shop").code == 0
    assert "rights" in eltflow("debug", cwd=tmp_path / "shop").out


def test_a_project(folder, eltflow):
    files = {
        "seeds/menu.csv": "dish,price\nsoup,4.5\nbread,2\n",
        "models/cheap.sql": "select dish from menu where price < 3",
        "models/all_of_it.sql": "{{ config(materialized='incremental', unique_key='dish') }} select dish, price from menu",
        "models/y.yml": "models:\n- {name: cheap, columns: [{name: dish, data_tests: [unique, not_null]}]}\n",
    }
    root = folder(files)
    for command in (["build"], ["build"], ["docs", "generate"], ["build", "--full-refresh"]):
        ran = eltflow(*command, cwd=root)
        assert ran.code == 0, ran.text
    with sqlite3.connect(root / "p.sqlite") as connection:
        assert connection.execute("select * from all_of_it order by 1").fetchall() == [("bread", 2.0), ("soup", 4.5)]
        assert connection.execute("select * from cheap").fetchall() == [("bread",)]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"path": None}, "a sqlite target needs `path:`"),
        ({"path": ":memory:"}, "`path` must name a file"),
        ({"timeout": "long"}, "`timeout` must be a number of seconds"),
        ({"pat": "x"}, "did you mean `path`?"),
        ({"path": "nowhere/p.sqlite"}, "unable to open database file"),
        ({"path": "eltflow.yml"}, "file is not a database"),
    ],
)
def test_settings_of_the_target(folder, eltflow, more, words):
    ran = eltflow("build", cwd=folder({"models/a.sql": "select 1 as id"}, **more))
    assert ran.code == 2, ran.text
    assert words in ran.text
    assert "Traceback" not in ran.text


def test_a_view_of_another_schema(folder, eltflow):
    files = {"models/a.sql": "{{ config(materialized='table', schema='raw') }} select 1 as id", "models/b.sql": "select id from a"}
    ran = eltflow("build", cwd=folder(files))
    assert ran.code == 1
    assert "a view reads its own schema only: set `materialized: table`" in ran.text
    files["models/b.sql"] = "{{ config(materialized='table') }} select id from a"
    root = folder(files)
    assert eltflow("build", cwd=root).code == 0
    assert sorted(path.name for path in root.glob("*.sqlite")) == ["p.eltflow_meta.sqlite", "p.main_raw.sqlite", "p.sqlite"]


def test_a_column_that_is_not_there_is_no_text(folder, eltflow, tmp_path):
    """In double quotes, a name that is no column becomes a text in SQLite; ours stand in backticks."""
    config = "{{ config(materialized='incremental') }}\n"
    root = folder({"models/a.sql": config + "select 1 as id, 'x' as v"})
    assert eltflow("build", cwd=root).code == 0
    ran = eltflow("build", cwd=folder({"models/a.sql": config + "select 2 as id"}))
    assert ran.code == 1
    assert "no such column: v" in ran.text
    with sqlite3.connect(root / "p.sqlite") as connection:
        assert connection.execute("select * from a").fetchall() == [(1, "x")]


@pytest.mark.parametrize(
    ("type", "value", "words"),
    [
        ("boolean", "maybe", "it takes true and false"),
        ("integer", "3000000000", "it takes whole numbers from -2147483648 to 2147483647"),
        ("decimal(20,2)", "12345678901234567.89", "SQLite keeps 15 digits"),
        ("date", "2021-02-29", "it takes days of the years 1 to 9999"),
        ("double", "nan", "would make it NULL"),
        (
            "timestamp",
            "2020-01-01 10:00:00.1234567",
            "seeds/x.csv holds `2020-01-01 10:00:00.1234567`, which `timestamp` would change",
        ),
    ],
)
def test_what_a_column_cannot_keep_is_an_error(folder, eltflow, type, value, words):
    """SQLite would take it, and make something else of it."""
    yml = f"seeds:\n- {{name: x, config: {{column_types: {{v: '{type}'}}}}}}\n"
    root = folder({"seeds/x.csv": f"id,v\n1,{value}\n", "seeds/x.yml": yml})
    ran = eltflow("build", cwd=root)
    assert ran.code == 1
    assert words in ran.text
    assert "(row 1)" in ran.text or "would change" in words
    with sqlite3.connect(root / "p.sqlite") as connection:
        assert connection.execute("select count(*) from sqlite_master").fetchone() == (0,)


def test_another_process_that_writes(folder, eltflow):
    """It is waited for; after `timeout` seconds the step says what is in its way."""
    root = folder({"models/a.sql": "{{ config(materialized='table') }} select 1 as id"}, timeout=0.5)
    other = sqlite3.connect(root / "p.sqlite", isolation_level=None, check_same_thread=False)
    other.execute("begin immediate")
    ran = eltflow("build", cwd=root)
    assert ran.code == 1
    assert "database is locked" in ran.text
    assert "another process writes to this file" in ran.text
    root = folder({}, timeout=30)
    timer = threading.Timer(1.0, lambda: other.execute("rollback"))
    timer.start()
    ran = eltflow("build", cwd=root)
    timer.join()
    other.close()
    assert ran.code == 0, ran.text


def test_too_many_schemas(tmp_path):
    subject = Subject(
        adapter=SQLITE, target={"type": "sqlite", "path": str(tmp_path / "w.sqlite"), "schema": "main"}, root=tmp_path
    )
    database = SQLITE.open(subject.values(), tmp_path)
    session = database.session()
    for number in range(10):
        session.execute(SQLITE.dialect.create_schema(None, f"s{number}"))
    with pytest.raises(WarehouseError, match="SQLite opens 10 beside"):
        session.execute(SQLITE.dialect.create_schema(None, "one_more"))
    with pytest.raises(WarehouseError, match="may have only letters"):
        session.execute(SQLITE.dialect.create_schema(None, "../up"))
    session.close()
    database.close()


def test_a_schema_that_another_session_made(tmp_path):
    subject = Subject(
        adapter=SQLITE, target={"type": "sqlite", "path": str(tmp_path / "w.sqlite"), "schema": "main"}, root=tmp_path
    )
    database = SQLITE.open(subject.values(), tmp_path)
    one, two = database.session(), database.session()
    one.execute(SQLITE.dialect.create_schema(None, "raw"))
    one.execute(Statement("create table raw.t as select 1 as id"))
    assert two.execute(Statement("select id from raw.t", role="query")).rows == [(1,)]
    assert [t.relation for t in database.catalog([(None, "raw"), (None, "nowhere")])] == [Relation(None, "raw", "t")]
    one.close()
    two.close()
    database.close()


def test_the_driver_is_imported_on_opening():
    assert "sqlalchemy" not in _imported("import eltflow_sqlalchemy")


def _imported(code):
    import subprocess

    done = subprocess.run(
        [sys.executable, "-c", f"{code}; import sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return done.stdout.split()
