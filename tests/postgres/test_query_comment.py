"""Every statement that a node sends says where it comes from, and errors still point at the user's own line."""

from __future__ import annotations

import json
import re

import pytest

LOGGED = """
create or replace function s.noted() returns event_trigger language plpgsql as $$ begin
  insert into s.noted values (current_query(), current_setting('application_name'));
end $$
"""


@pytest.fixture
def folder(postgres, tmp_path):
    """A project, and a server that notes every statement that makes something."""

    def make(files, settings=""):
        for name, text in {
            **files,
            "eltflow.yml": f"name: shop\ntargets:\n  dev: {json.dumps(postgres.target())}\n{settings}",
        }.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return tmp_path

    with postgres.connect() as connection:
        connection.execute("drop schema if exists s cascade; create schema s; create table s.noted (sql text, name text)")
        connection.execute(LOGGED)
        connection.execute("create event trigger noting on ddl_command_end execute function s.noted()")
        yield make
        connection.execute("drop event trigger noting; drop schema s cascade")


def noted(postgres, word):
    with postgres.connect() as connection:
        return connection.execute("select sql, name from s.noted where sql like %s", (f"%{word}%",)).fetchall()


MODEL = {"models/m.sql": "{{ config(materialized='table') }} select 1 as id", "seeds/p.csv": "id\n1\n"}


def test_what_the_server_sees(folder, postgres, eltflow):
    root = folder(MODEL, "query_comment: {team: 'data */ drop'}\non_run_end: create table s.ended (id int)\n")
    ran = eltflow("build", cwd=root)
    assert ran.code == 0, ran.text
    results = json.loads((root / "target/run_results.json").read_text())
    run = results["metadata"]["invocation_id"]
    for word, node in (('."m"', "model.shop.m"), ('."p"', "seed.shop.p"), ("s.ended", "operation.shop.shop-on-run-end-0")):
        (sql, name), *_ = noted(postgres, word)
        said = re.match(r"/\* (\{.*?\}) \*/ ", sql)
        assert said is not None, sql
        expected = {"team": "data */ drop", "app": "eltflow", "project": "shop", "target": "dev", "run": run, "node": node}
        assert json.loads(said.group(1)) == expected
        assert name == f"eltflow shop.dev {run.replace('-', '')[:8]}"
    for result in results["results"]:
        assert re.fullmatch(r"[0-9a-f]{8}\.[0-9a-f]+", result["adapter_response"]["statement_id"])


def test_it_can_be_left_out(folder, postgres, eltflow):
    assert eltflow("build", cwd=folder(MODEL, "query_comment: false\n")).code == 0
    (sql, _), *_ = noted(postgres, '."m"')
    assert sql.startswith("create table")


def test_errors_point_at_the_line_that_was_written(folder, eltflow):
    ran = eltflow(
        "build", cwd=folder({"models/m.sql": "{{ config(materialized='table') }} select 1 as id,\n  nope\nfrom pg_class"})
    )
    assert ran.code == 1
    assert "models/m.sql:2:3" in ran.text, ran.text
    told = eltflow("build", cwd=folder({"models/m.sql": "select 1 as id"}, "on_run_start: select nope\n")).text
    assert "`nope`" in told or '"nope"' in told
    assert "/*" not in told


def test_a_statement_that_binds_is_left_as_it_is(warehouse):
    from eltflow.engine.comment import Commented, comment
    from eltflow.warehouse.values import Statement

    session = Commented(warehouse.session, comment({"node": "50% of *"}))
    assert session.execute(Statement("select %s::int + 1", role="query", parameters=(1,))).rows == [(2,)]
    assert session.execute(Statement("select '%s?'", role="query")).rows == [("%s?",)]
