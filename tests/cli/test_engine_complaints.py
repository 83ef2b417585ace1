"""What the engine has against a statement is told at the user's line, one mistake after the other; and never a consequence of one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Project = Callable[..., Path]
Run = Callable[..., Any]
SEEDS = {"seeds/o.csv": "id,oid,amount\n1,10,5\n", "seeds/c.csv": "id,name\n1,ann\n"}
#: A query, and what is told of it: code, the text at the place, words of the message.
WRONG = [
    ("select z.oid from o", [("E0405", "z.oid", "reads no table called `z`")]),
    ("select o.id from o as p", [("E0405", "o.id", "reads no table called `o`")]),
    ("select id from o where exists (select 1 from c where c.idd = o.id)", [("E0405", "idd", "`idd` of `c`")]),
    ("select * from o join c using (zid)", [("E0405", "zid", "left side")]),
    ("select * from o join c using (amount)", [("E0405", "amount)", "right side")]),
    ("select amoun from o union all select idd from c", [("E0405", "amoun", "`amoun`"), ("E0405", "idd", "`idd`")]),
    ("select o.amoun, z.x from o", [("E0405", "amoun", "`amoun` of `o`"), ("E0405", "z.x", "`z`")]),
    ("select id, count(*) from o group by idd", [("E0405", "idd", "`idd`")]),  # that id is not grouped by is a consequence
    (
        "with a as (select amoun from o) select amoun, nothing from a",
        [("E0405", "amoun", "`amoun`"), ("E0405", "nothing", "`nothing`")],
    ),
    ("select id, sum(amount) as s from o", [("E0416", "id", "beside aggregates")]),
    ("select id from o where sum(amount) > 1", [("E0416", "sum", "aggregates in its WHERE")]),
    ("select id from o where row_number() over () = 1", [("E0416", "row_number", "window functions in its WHERE")]),
    ("select sum(count(id)) as n from o", [("E0416", "count", "aggregate of an aggregate")]),
    ("select row_number() as n from o", [("E0416", "row_number", "without a window")]),
    ("select id from o order by 3", [("E0416", "3", "orders by a column")]),
    ("select (select id, name from c) as x from o", [("E0416", "(select", "2 columns where one value")]),
    ("select * exclude (nothing) from o", [("E0405", "nothing", "`nothing`")]),
    ("select substr(name) as s from c", [("E0410", "substr", "1 argument")]),
    ("select list_sum([1], 2) as s, zz from c", [("E0410", "list_sum", "2 arguments"), ("E0405", "zz", "`zz`")]),
    ("select lag(id, 1, 2, 3) over () as s from c", [("E0410", "lag", "4 arguments")]),
    ("select upper(x, 2) as u from elsewhere", [("E0410", "upper", "2 arguments")]),
    ("select sum(name) as s from c", [("E0414", "sum", "types")]),
    ("select foo(idd) as f from o", [("E0405", "idd", "`idd`")]),
]


def told(root: Path, eltflow: Run, name: str = "m") -> list[dict[str, Any]]:
    done = eltflow("check", "--json", cwd=root)
    return [found for found in json.loads(done.out)["findings"] if Path(found["file"]).stem == name]


@pytest.mark.parametrize(("query", "expected"), WRONG)
def test_each_is_told_at_its_place(project: Project, eltflow: Run, query: str, expected: list[tuple[str, str, str]]) -> None:
    found = told(project({**SEEDS, "models/m.sql": query}), eltflow)
    assert [(one["code"], one["severity"]) for one in found] == [(code, "error") for code, _, _ in expected], found
    for one, (_, at, words) in zip(found, expected, strict=True):
        assert query[one["column"] - 1 :].startswith(at), (one["column"], one["message"])
        assert words in one["message"]


def test_places_are_those_of_the_template(project: Project, eltflow: Run) -> None:
    query = "{% set n = 2 %}\nselect\n    o.id,\n    {{ 'z.oid' }},\n    amoun -- {{ n }}\nfrom {{ ref('o') }}\n"
    found = told(project({**SEEDS, "models/m.sql": query}), eltflow)
    assert [(one["code"], one["line"]) for one in found] == [("E0405", 4), ("E0405", 5)]


@pytest.mark.parametrize(
    ("query", "settings"),
    [
        ("select foo(id) as x from o", ""),
        ("select st_area(id) as x from o", "{type: duckdb, path: p.duckdb, extensions: [spatial]}"),
        ("select cast(id as money) as x from o", ""),
        ("select * from my_rows(3)", ""),
        ("select * from {{ source('raw', 'pay') }} join o using (id)", ""),
        ("select p.x, o.id from elsewhere as p, o", ""),
    ],
)
def test_what_may_be_there_is_no_error(project: Project, eltflow: Run, query: str, settings: str) -> None:
    source = {"models/s.yml": "sources: [{name: raw, tables: [{name: pay}]}]\n"}
    files = {**SEEDS, **source, "models/m.sql": query}
    if settings:
        files["eltflow.yml"] = f"name: p\ntargets:\n  dev: {settings}\n"
    root = project(files)
    for command in ("check", "compile"):
        assert eltflow(command, cwd=root).code == 0
    assert eltflow("check", "--warn-error", cwd=root).code == 0
    assert {one["severity"] for one in told(root, eltflow)} <= {"note"}


def test_hooks_may_give_what_is_missing(project: Project, eltflow: Run) -> None:
    hook = "{{ config(pre_hook='create macro foo(a) as a') }}\n"
    root = project({**SEEDS, "models/m.sql": hook + "select foo(id) as x, foo(id, oid) as y from o"})
    assert told(root, eltflow) == []


def test_a_hook_may_add_columns(project: Project, eltflow: Run) -> None:
    hook = "{{ config(materialized='table', post_hook='alter table {{ this }} add column more integer') }}\n"
    root = project({**SEEDS, "models/a.sql": hook + "select id from o", "models/m.sql": "select id, more, a.more as again from a"})
    assert told(root, eltflow) == []
    assert eltflow("build", cwd=root).code == 0


def test_an_ephemeral_model_is_told_of_itself_alone(project: Project, eltflow: Run) -> None:
    files = {
        **SEEDS,
        "models/e.sql": "{{ config(materialized='ephemeral') }}\nselect z.id from o",
        "models/m.sql": "select id from e",
    }
    root = project(files)
    assert told(root, eltflow) == []
    assert [one["code"] for one in told(root, eltflow, "e")] == ["E0405"]


def test_what_an_older_table_may_still_have_is_no_error(project: Project, eltflow: Run) -> None:
    """An incremental model's table keeps a column that its SQL no longer gives: who reads it is right."""
    grown = "{{ config(materialized='incremental', on_schema_change='append_new_columns') }} select id, amount from o"
    root = project({**SEEDS, "models/i.sql": grown, "models/m.sql": "select amount from i"})
    assert eltflow("build", cwd=root).code == 0
    (root / "models/i.sql").write_text(grown.replace(", amount", ""))
    assert told(root, eltflow) == []
    assert eltflow("build", cwd=root).code == 0


def test_a_statement_that_only_the_engine_reads_is_asked_about_too(project: Project, eltflow: Run) -> None:
    singular = {"tests/t.sql": "select z.id from o"}
    found = told(project({**SEEDS, **singular, "models/m.sql": "select 1 as x"}), eltflow, "t")
    assert [(one["code"], one["line"]) for one in found] == [("E0405", 1)]
