"""What goes wrong with a MariaDB server, as it is told. The password shows nowhere."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time

import pytest
from eltflow_sqlalchemy import MARIADB
from mariadb_server import PASSWORD
from ran import everything

from eltflow.testing.bench import Subject
from eltflow.warehouse.values import Statement, WarehouseError


@pytest.fixture
def folder(mariadb, tmp_path):
    """A project of one model; `folder(host="...")` sets keys of its target."""

    def make(sql="select 1 as id", files=None, **more):
        root = tmp_path / "p"
        for path, text in {"models/m.sql": sql, **(files or {})}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        (root / "eltflow.yml").write_text(f"name: p\ntargets:\n  dev: {json.dumps(mariadb.target(**more))}\n")
        return root

    mariadb.sql("drop schema if exists s", "drop schema if exists eltflow_meta")
    return make


WRONG = "wrong s3cret"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"user": "limited", "password": WRONG}, "Access denied for user 'limited'"),
        ({"user": "limited", "pass": WRONG}, "Access denied for user 'limited'"),
        ({"user": "nobody_here"}, "Access denied for user 'nobody_here'"),
        ({"port": 1}, "127.0.0.1:1: Can't connect to MySQL server"),
        ({"host": "no.such.host.invalid"}, "no.such.host.invalid"),
    ],
)
def test_no_connection(folder, eltflow, more, words):
    root = folder(**more)
    for command in (["build"], ["debug"], ["build", "--debug"]):
        ran = eltflow(*command, cwd=root)
        assert ran.code in (1, 2)
        assert words in ran.text
        assert "s3cret" not in everything(root, ran)
        assert "help" in ran.text


def test_the_right_password(folder, eltflow, mariadb):
    mariadb.sql("grant all on s.* to limited@'%'")
    root = folder(user="limited", password=PASSWORD)
    try:
        ran = eltflow("build", cwd=root)
    finally:
        mariadb.sql("revoke all on s.* from limited@'%'")
    assert ran.code == 0, ran.text
    assert "s3cret" not in everything(root, ran)


def test_missing_rights(folder, eltflow, mariadb):
    ran = eltflow("build", cwd=folder(user="limited", password=PASSWORD))
    assert ran.code != 0
    assert "Access denied for user 'limited'" in ran.text
    assert "grant the rights that are missing" in ran.text
    assert "s3cret" not in ran.text


def test_a_server_that_does_not_answer(folder, eltflow):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        started = time.monotonic()
        ran = eltflow("build", cwd=folder(port=port, connect_timeout=2))
    assert ran.code == 2
    assert f"127.0.0.1:{port}" in ran.text
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("port", "many", "`port` must be a whole number"),
        ("ssl_disabled", "yes", "`ssl_disabled` must be true or false"),
        ("hots", "x", "did you mean `host`?"),
    ],
)
def test_settings_of_the_target(folder, eltflow, key, value, words):
    ran = eltflow("build", cwd=folder(**{key: value}))
    assert ran.code == 2
    assert words in ran.text


def test_the_users_line(folder, eltflow):
    ran = eltflow("build", cwd=folder("select\n  1 as id,\n  nofunc(one) + 1 as x\nfrom (select 1 as one) t"))
    assert ran.code == 1
    assert "models/m.sql" in ran.text
    assert "nofunc" in ran.text


@pytest.mark.parametrize(
    ("type", "value", "words"),
    [
        ("double", "nan", "MariaDB has neither NaN nor infinity"),
        ("double", "1e400", "seeds/values_of.csv holds `1e400`, which `double` would change"),
        ("decimal(10,2)", "1.555", "it keeps 2 digits after the point"),
        ("datetime", "2020-01-01 10:00:00.5", "it keeps 0 digits after the point"),
        ("datetime(6)", "2020-01-01 10:00:00.1234567", "which `datetime(6)` would change"),
        ("tinyint unsigned", "-1", "it takes whole numbers from 0 to 255"),
        ("varchar(3)", "long", "Data too long for column 'x'"),
    ],
)
def test_what_a_column_cannot_keep_is_an_error(folder, eltflow, mariadb, type, value, words):
    """MariaDB would round some of these in silence."""
    yml = f"seeds:\n- {{name: values_of, config: {{column_types: {{x: '{type}'}}}}}}\n"
    ran = eltflow("build", cwd=folder(files={"seeds/values_of.csv": f"id,x\n1,{value}\n", "seeds/values_of.yml": yml}))
    assert ran.code == 1
    assert words in ran.text
    assert "row 1" in ran.text or "would change" in words
    assert mariadb.sql("select table_name from information_schema.tables where table_schema = 's'") == (("m",),)


def test_unicode_in_a_schema_that_was_made_for_less(folder, eltflow, mariadb):
    """The server's own character set is latin1 here: tables that files are loaded into have all of Unicode."""
    mariadb.sql("create schema s character set latin1")
    ran = eltflow("build", cwd=folder("select name from words", files={"seeds/words.csv": "name\n日本😀\n"}))
    assert ran.code == 0, ran.text
    assert mariadb.sql("select name from s.m") == (("日本😀",),)


def test_columns_take_null_whatever_the_first_rows_were(folder, eltflow, mariadb):
    """CREATE TABLE AS would make `n` NOT NULL DEFAULT 0, and a row that lacks the column 0 in silence."""
    config = "{{ config(materialized='incremental', on_schema_change='append_new_columns') }}\n"
    assert eltflow("build", cwd=folder(config + "select 1 as id, 7 as n")).code == 0
    assert mariadb.sql("select is_nullable, column_default from information_schema.columns where table_schema = 's'") == (
        ("YES", "NULL"),
        ("YES", "NULL"),
    )


def test_init_and_debug(mariadb, eltflow, tmp_path):
    """What `init` writes connects, with the variables that it names."""
    env = {"MYSQL_HOST": "127.0.0.1", "MYSQL_PORT": str(mariadb.port), "MYSQL_USER": "root"}
    mariadb.sql("drop schema if exists shop")
    made = eltflow("init", "shop", "--adapter", "mariadb", cwd=tmp_path)
    assert made.code == 0, made.text
    ran = eltflow("debug", cwd=tmp_path / "shop", env=env)
    assert ran.code == 0, ran.text
    mariadb.sql("drop schema shop")


def test_files_are_loaded_once(folder, eltflow, mariadb):
    """Through the command line: a first load, another file, and everything anew with other columns."""
    step = "steps:\n- {name: orders, source: {kind: files, path: 'in/*.csv'}, into: raw.orders, load: append}\n"
    mariadb.sql("drop schema if exists s_raw")
    root = folder(files={"in/a.csv": "id,v\n1,x\n", "ingest/orders.yml": step})
    for expected in (1, 1):
        ran = eltflow("build", cwd=root)
        assert ran.code == 0, ran.text
        assert mariadb.sql("select count(*) from s_raw.orders") == ((expected,),)
    (root / "in/b.csv").write_text("id,v\n2,y\n")
    assert eltflow("build", cwd=root).code == 0
    assert mariadb.sql("select id, v from s_raw.orders order by id") == ((1, "x"), (2, "y"))
    for name in ("a", "b"):
        (root / f"in/{name}.csv").write_text(f"id,v,more\n3,{name},1\n")
    assert eltflow("build", cwd=root).code == 1
    ran = eltflow("ingest", "--full-refresh", cwd=root)
    assert ran.code == 0, ran.text
    assert mariadb.sql("select id, v, more from s_raw.orders order by v") == ((3, "a", 1), (3, "b", 1))


@pytest.mark.parametrize(("type", "extra", "module"), [("mariadb", "mysql", "pymysql"), ("sqlite", "sqlite", "sqlalchemy")])
def test_a_driver_that_is_missing(tmp_path, type, extra, module):
    target = {"type": type, "schema": "s", **({"path": "x.sqlite"} if type == "sqlite" else {"host": "127.0.0.1"})}
    (tmp_path / "models").mkdir()
    (tmp_path / "models/m.sql").write_text("select 1 as id")
    (tmp_path / "eltflow.yml").write_text(f"name: p\ntargets:\n  dev: {json.dumps(target)}\n")
    code = f"import sys; sys.modules[{module!r}] = None; sys.argv = ['eltflow', 'build']; from eltflow.cli.main import main; main()"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert f"error[E0702]: the driver of {type} targets is not installed" in done.stderr
    assert f"pip install 'eltflow[{extra}]'" in done.stderr


def test_a_server_that_restarted(mariadb, tmp_path):
    """Sessions that were open are lost; the idle ones are not handed out again."""
    subject = Subject(adapter=MARIADB, target=mariadb.target(), root=tmp_path)
    database = MARIADB.open(subject.values(), tmp_path)
    sessions = [database.session() for _ in range(4)]
    ids = [session.execute(Statement("select connection_id()", role="query")).rows[0][0] for session in sessions]
    kept = sessions.pop()
    for session in sessions:
        session.close()
    mariadb.sql(*(f"kill {number}" for number in ids))
    with pytest.raises(WarehouseError) as raised:
        kept.execute(Statement("select 1", role="query"))
    assert raised.value.kind == "lost"
    for _ in range(4):
        assert database.session().execute(Statement("select 1", role="query")).rows == [(1,)]
    database.close()
