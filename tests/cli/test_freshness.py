"""`eltflow freshness`: when the latest rows of sources came, the verdicts, and what is written for other programs."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dbt_artifacts_parser.parser import parse_sources_v3

Project = Callable[..., Path]
Run = Callable[..., Any]
HOUR = dt.timedelta(hours=1)


def sources(**tables: str) -> str:
    entries = "".join(f"      - {{name: {name}, {keys}}}\n" for name, keys in tables.items())
    limits = "{warn_after: {count: 12, period: hour}, error_after: {count: 2, period: day}}"
    return f"sources:\n  - name: crm\n    schema: raw\n    loaded_at_field: loaded\n    freshness: {limits}\n    tables:\n{entries}"


def made(root: Path, **ages: dt.timedelta | None) -> None:
    """Tables with a row as old as that, and an older one; none of a table without an age."""
    now = dt.datetime.now(dt.UTC)
    with duckdb.connect(str(root / "p.duckdb")) as connection:
        connection.execute("create schema if not exists raw")
        for name, age in ages.items():
            connection.execute(f"create table raw.{name} (id int, kind text, loaded timestamptz)")
            for extra in (dt.timedelta(), dt.timedelta(days=30)) if age is not None else ():
                connection.execute(f"insert into raw.{name} values (1, 'a', ?)", [now - age - extra])


def test_verdicts(project: Project, eltflow: Run) -> None:
    tables = {"young": "description: x", "old": "description: x", "ancient": "description: x", "empty": "description: x"}
    tables |= {"unlimited": "freshness: null", "loose": "freshness: {error_after: {count: 90, period: day}, warn_after: null}"}
    root = project({"models/s.yml": sources(**tables)})
    made(root, young=HOUR, old=20 * HOUR, ancient=60 * HOUR, empty=None, unlimited=1000 * HOUR, loose=1000 * HOUR)
    done = eltflow("freshness", cwd=root)
    assert done.code == 1
    lines = [re.split(r"  +", line.strip()) for line in done.out.splitlines()]
    assert lines[0] == ["source", "latest row (UTC)", "age", "verdict"]
    assert [(line[0], line[-1] if "row" not in line[-1] else line[1:]) for line in lines[1:]] == [
        ("crm.young", "pass"),
        ("crm.old", "warn"),
        ("crm.ancient", "error"),
        ("crm.empty", ["error", "there are no rows"]),
        ("crm.loose", "pass"),
    ]
    assert [line[2] for line in lines[1:4]] == ["1 hour", "20 hours", "2 days"]
    document = json.loads((root / "target" / "sources.json").read_text())
    read = parse_sources_v3(document)
    assert [(one.unique_id, one.status.value) for one in read.results] == [
        ("source.p.crm.young", "pass"),
        ("source.p.crm.old", "warn"),
        ("source.p.crm.ancient", "error"),
        ("source.p.crm.empty", "error"),
        ("source.p.crm.loose", "pass"),
    ]
    assert 3590 < read.results[0].max_loaded_at_time_ago_in_s < 3700
    assert read.results[0].criteria.warn_after.count == 12
    assert read.results[4].criteria.warn_after.count is None


def test_exit_codes_and_selection(project: Project, eltflow: Run) -> None:
    root = project({"models/s.yml": sources(young="description: x", old="description: x")})
    made(root, young=HOUR, old=20 * HOUR)
    assert eltflow("freshness", cwd=root).code == 0  # a warning
    assert eltflow("freshness", "--warn-error", cwd=root).code == 1
    done = eltflow("freshness", "--select", "source:crm.young", "--json", cwd=root)
    assert [(one["id"], one["status"]) for one in json.loads(done.out)] == [("source.p.crm.young", "pass")]
    assert eltflow("freshness", "--quiet", "--select", "source:crm.young", cwd=root).text == ""
    assert eltflow("freshness", "--select", "crm.yung", cwd=root).err.startswith("warning[W0501]")


def test_filters_queries_and_expressions(project: Project, eltflow: Run) -> None:
    entries = {
        "filtered": "freshness: {warn_after: {count: 1, period: minute}, filter: \"kind = 'b'\"}",
        "asked": 'loaded_at_query: "select max(loaded) + interval 19 hour from raw.asked"',
        "days": "loaded_at_field: cast(loaded as date), freshness: {error_after: {count: 3, period: day}}",
        "texts": "loaded_at_field: cast(loaded as varchar)",
    }
    root = project({"models/s.yml": sources(**entries)})
    made(root, filtered=HOUR, asked=20 * HOUR, days=HOUR, texts=HOUR)
    with duckdb.connect(str(root / "p.duckdb")) as connection:
        connection.execute("insert into raw.filtered values (2, 'b', now())")
    done = eltflow("freshness", "--json", cwd=root)
    assert {one["id"].split(".")[-1]: (one["status"], one["message"]) for one in json.loads(done.out)} == {
        "filtered": ("pass", None),
        "asked": ("pass", None),
        "days": ("pass", None),
        "texts": ("pass", None),
    }
    ages = {one["id"].split(".")[-1]: one["age_seconds"] for one in json.loads(done.out)}
    assert ages["filtered"] < 60
    assert 3590 < ages["asked"] < 3700


def test_what_goes_wrong_is_the_sources_own(project: Project, eltflow: Run) -> None:
    entries = {"missing": "description: x", "young": "description: x", "number": "loaded_at_field: id"}
    root = project({"models/s.yml": sources(**entries)})
    made(root, young=HOUR, number=HOUR)
    done = eltflow("freshness", "--json", cwd=root)
    assert done.code == 1
    found = {one["id"].split(".")[-1]: (one["status"], one["message"]) for one in json.loads(done.out)}
    assert found["young"] == ("pass", None)
    assert found["missing"][0] == "runtime error"
    assert "missing does not exist" in found["missing"][1]
    assert found["number"] == ("runtime error", "what says when rows came gives 1, which is no time")
    read = parse_sources_v3(json.loads((root / "target" / "sources.json").read_text()))
    assert [one.status.value for one in read.results] == ["runtime error", "pass", "runtime error"]


def test_a_source_that_a_step_loads(project: Project, eltflow: Run) -> None:
    files = {
        "data/orders.csv": "id\n1\n",
        "ingest/i.yml": "steps: [{name: orders, source: {kind: files, path: data/orders.csv}, into: raw.orders}]\n",
        "models/s.yml": "sources: [{name: crm, schema: s_raw, freshness: {error_after: {count: 1, period: hour}}, tables: [{name: orders}]}]\n",
    }
    root = project(files)
    assert eltflow("build", cwd=root).code == 0
    (one,) = json.loads(eltflow("freshness", "--json", cwd=root).out)
    assert (one["status"], one["message"]) == ("pass", None)
    assert 0 <= one["age_seconds"] < 300


def test_nothing_to_look_at(project: Project, eltflow: Run) -> None:
    root = project({"models/s.yml": "sources: [{name: crm, tables: [{name: a}]}]\n"})
    done = eltflow("freshness", cwd=root)
    assert (done.code, done.out) == (0, "")
    assert done.err == "no source here has limits of freshness: set `freshness:` and `loaded_at_field:` where it is described\n"


@pytest.mark.parametrize("command", ["ls", "freshness"])
def test_limits_are_read_strictly(project: Project, eltflow: Run, command: str) -> None:
    root = project({"models/s.yml": sources(a="freshness: {warn_after: {count: 0, period: week}}")})
    done = eltflow(command, cwd=root)
    assert done.code == 2
    assert "`count` must be at least 1, not 0" in done.err
    assert "`period` cannot be `week`" in done.err
