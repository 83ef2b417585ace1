"""What a newcomer does first: init, build, look around."""

from __future__ import annotations

import duckdb


def test_init_then_build(eltflow, tmp_path):
    made = eltflow("init", "my_shop", cwd=tmp_path)
    assert made.code == 0, made.text
    assert "cd my_shop && eltflow build" in made.out
    root = tmp_path / "my_shop"
    assert "name: my_shop" in (root / "eltflow.yml").read_text()
    built = eltflow("build", cwd=root)
    assert built.code == 0, built.text
    assert "12 tests passed" in built.out
    with duckdb.connect(str(root / "my_shop.duckdb"), read_only=True) as con:
        assert con.execute("select count(*) from dev_me.best_sellers").fetchone() == (7,)
    again = eltflow("build", cwd=root)
    assert again.code == 0, again.text


def test_init_refuses_a_folder_that_holds_something(eltflow, tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").write_text("mine")
    made = eltflow("init", "taken", cwd=tmp_path)
    assert made.code == 2
    assert "exists and is not empty" in made.err
    assert (tmp_path / "taken" / "file").read_text() == "mine"


def test_init_asks_nothing_without_a_terminal(eltflow, tmp_path):
    made = eltflow("init", cwd=tmp_path)
    assert made.code == 2
    assert "eltflow init my_project" in made.err


def test_flights_builds_and_arrives_month_by_month_at_the_same_tables(eltflow, example, tmp_path):
    whole = example("examples/flights")
    built = eltflow("build", cwd=whole)
    assert built.code == 0, built.text
    assert "336,776 rows" in built.out
    monthly = tmp_path / "monthly"
    whole.joinpath("flights.duckdb").rename(tmp_path / "whole.duckdb")
    whole.rename(monthly)
    held = tmp_path / "held"
    held.mkdir()
    files = sorted((monthly / "data").glob("flights-*.parquet"))
    for file in files:
        file.rename(held / file.name)
    for batch in (files[:1], files[1:5], files[5:], []):
        for file in batch:
            (held / file.name).rename(file)
        step = eltflow("build", "--quiet", cwd=monthly)
        assert step.code == 0, step.text
    with duckdb.connect() as con:
        con.execute(f"attach '{tmp_path / 'whole.duckdb'}' as one (read_only)")
        con.execute(f"attach '{monthly / 'flights.duckdb'}' as other (read_only)")
        for table in ("fct_flights", "daily_carrier_scorecard", "aircraft_sessions", "carrier_scorecard"):
            for a, b in (("one", "other"), ("other", "one")):
                left = con.execute(f"select count(*) from (from {a}.dev_me.{table} except all from {b}.dev_me.{table})").fetchone()
                assert left == (0,), (table, a)


def test_init_here_is_built_here(eltflow, tmp_path):
    folder = tmp_path / "my_shop"
    folder.mkdir()
    assert eltflow("init", ".", cwd=folder).out.splitlines()[-1] == "next: eltflow build"
    assert eltflow("init", "a folder/shop", cwd=tmp_path).out.splitlines()[-1] == "next: cd 'a folder/shop' && eltflow build"
    assert eltflow("build", cwd=folder).code == 0
