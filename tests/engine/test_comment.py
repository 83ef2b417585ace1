"""The comment before statements, on an embedded engine: left out unless asked for, and never in the way of an error's place."""

import pytest
from eltflow_duckdb import ADAPTER
from eltflow_duckdb.session import DuckDBSession

from eltflow.engine.comment import comment
from eltflow.testing.bench import Subject, opened


def test_nothing_in_it_ends_it():
    made = comment({"node": "model.p.*/ drop /* x", "why": 'it\'s\n"quoted"'})
    assert made.count("*/") == made.count("/*") == 1
    assert "\n" not in made


@pytest.mark.parametrize("asked", ["", "query_comment: true\n", "query_comment: {team: data}\n"])
def test_on_duckdb(tmp_path, monkeypatch, asked):
    """What the driver is given (DuckDB's own current_query() leaves the comment out), and the place of an error."""
    sent = []
    real = DuckDBSession.execute
    monkeypatch.setattr(DuckDBSession, "execute", lambda self, statement: sent.append(statement.sql) or real(self, statement))
    target = {"type": "duckdb", "path": str(tmp_path / "w.duckdb"), "schema": "s"}
    with opened(Subject(adapter=ADAPTER, target=target, root=tmp_path)) as bench:
        models = {"models/m.sql": "select 1 as a, nofunc(2) as b", "models/o.sql": "select 1 as id"}
        results = bench.project(models, settings=asked)
    assert str(results["m"].diagnostics[0].span) == "models/m.sql:1:16"
    (view,) = [sql for sql in sent if "create or replace view" in sql and '"o"' in sql]
    assert ('"node": "model.p.o"' in view) == bool(asked)
    assert ('"team": "data"' in view) == ("team" in asked)
    assert view.startswith("/* {" if asked else "create")


@pytest.mark.parametrize("value", ["1", "[a]", "{team: [a]}", "loud"])
def test_what_it_cannot_be(tmp_path, eltflow, value):
    (tmp_path / "models").mkdir()
    path = tmp_path / "eltflow.yml"
    path.write_text(f"name: p\ntargets:\n  dev: {{type: duckdb, path: p.duckdb}}\nquery_comment: {value}\n")
    ran = eltflow("parse", cwd=tmp_path)
    assert ran.code == 2
    assert "eltflow.yml:4:" in ran.text, ran.text
