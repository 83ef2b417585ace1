"""`lineage.json`: what stands in it, that it fits its schema, and how much of the columns is said to be known."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from eltflow import __version__, api
from eltflow.api.schemas import json_schemas
from eltflow.compile.lineage import Coverage

SCHEMA = json_schemas()["lineage.schema.json"]
FILES = {
    "seeds/rates.csv": "code,rate\na,1\n",
    "files/pay.csv": "id,amount,code\n1,2,a\n",
    "ingest/pay.yml": "steps: [{name: pay, into: raw.pay, source: {kind: files, path: files/pay.csv}}]\n",
    "models/sources.yml": "sources: [{name: raw, tables: [{name: pay}, {name: old}]}]\n",
    "models/orders.sql": "select p.id, p.amount * r.rate as amount from {{ source('raw', 'pay') }} p join {{ ref('rates') }} r using (code)",
    "models/total.sql": "select sum(amount) as total, count(*) from {{ ref('orders') }}",
    "models/wide.sql": "select * from {{ source('raw', 'old') }}",
    "models/read.sql": "select code, rate from read_csv('seeds/rates.csv')",
    "models/odd.sql": "select id, nope from {{ source('raw', 'old') }} as a, {{ source('raw', 'old') }} as b",
    "tests/none.sql": "select * from {{ ref('total') }} where total < 0",
}


@pytest.fixture
def shop(project) -> Path:  # type: ignore[no-untyped-def]
    return project(FILES)


def checked(text: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator(SCHEMA).validate(value)
    return value


def test_all_columns_of_all_nodes(shop: Path, eltflow) -> None:  # type: ignore[no-untyped-def]
    made = checked(eltflow("lineage", "--json", cwd=shop).out)
    assert made["metadata"] == {"format": "eltflow-lineage/1", "eltflow_version": __version__, "project": "p"}
    nodes = made["nodes"]
    assert [*nodes] == sorted(nodes)
    assert [*nodes] == [
        "model.p.odd",
        "model.p.orders",
        "model.p.read",
        "model.p.total",
        "model.p.wide",
        "seed.p.rates",
        "source.p.raw.old",
        "source.p.raw.pay",
    ]
    assert nodes["model.p.orders"] == {
        "name": "orders",
        "resource_type": "model",
        "path": "models/orders.sql",
        "unlisted": None,
        "unsure": None,
        "rows": [
            {"node": "seed.p.rates", "column": "code", "why": "join"},
            {"node": "source.p.raw.pay", "column": "code", "why": "join"},
        ],
        "columns": [
            {
                "name": "id",
                "expression": None,
                "unknown": None,
                "origins": [{"node": "source.p.raw.pay", "column": "id", "how": "copied"}],
                "influences": [],
            },
            {
                "name": "amount",
                "expression": "p.amount * r.rate",
                "unknown": None,
                "origins": [
                    {"node": "seed.p.rates", "column": "rate", "how": "computed"},
                    {"node": "source.p.raw.pay", "column": "amount", "how": "computed"},
                ],
                "influences": [],
            },
        ],
    }
    # A step is the source that it loads, as in the manifest.
    pay = nodes["source.p.raw.pay"]
    assert pay["resource_type"] == "source"
    assert [(c["name"], c["origins"]) for c in pay["columns"]] == [("id", []), ("amount", []), ("code", [])]
    assert nodes["model.p.wide"]["columns"] == []
    assert nodes["model.p.wide"]["unlisted"] == "the columns of source.p.raw.old are not known"
    assert [c["unknown"] for c in nodes["model.p.read"]["columns"]] == ["what the function read_csv reads is not known"] * 2
    # The name that the engine gives what has none.
    assert [c["name"] for c in nodes["model.p.total"]["columns"]] == ["total", "count_star()"]


def test_the_file_is_the_same_and_stays_so(shop: Path, eltflow) -> None:  # type: ignore[no-untyped-def]
    told = eltflow("docs", "generate", cwd=shop)
    first = (shop / "target/lineage.json").read_bytes()
    assert told.out.splitlines()[1] == (
        f"lineage written: {shop / 'target/lineage.json'} · 4 of 8 columns resolved (50 %) · 1 node may have more columns · "
        "eltflow lineage --unknown lists the others"
    )
    assert eltflow("lineage", "--json", cwd=shop).out.encode() == first
    assert json.loads(eltflow("docs", "generate", "--json", cwd=shop).out) == {
        "page": str(shop / "target/docs/index.html"),
        "lineage": str(shop / "target/lineage.json"),
        "coverage": {"columns": 8, "resolved": 4, "percent": 50.0, "unlisted": 1},
    }
    assert (shop / "target/lineage.json").read_bytes() == first
    # Ids and node types are those of the manifest.
    manifest = json.loads((shop / "target/manifest.json").read_text())
    assert {*json.loads(first)["nodes"]} <= {*manifest["nodes"], *manifest["sources"]}


def test_how_much_is_known(shop: Path, eltflow) -> None:  # type: ignore[no-untyped-def]
    told = eltflow("lineage", cwd=shop)
    assert told.out == (
        "5 models · 4 of 8 columns resolved (50 %) · 1 node may have more columns\nthose that are not: eltflow lineage --unknown\n"
    )
    listed = eltflow("lineage", "--unknown", cwd=shop).out.splitlines()
    file = "what the function read_csv reads is not known"
    assert sorted(listed[:4]) == [
        "odd.id: `id` may be of any of 2 tables whose columns are not known",
        "odd.nope: `nope` may be of any of 2 tables whose columns are not known",
        f"read.code: {file}",
        f"read.rate: {file}",
    ]
    assert listed[4:] == [
        "wide: not all of its columns are known: the columns of source.p.raw.old are not known",
        "4 of 8 columns resolved (50 %) · 1 node may have more columns",
    ]
    assert eltflow("lineage", "orders", "--unknown", cwd=shop).out == "2 of 2 columns resolved (100 %)\n"
    assert eltflow("lineage", "--select", "orders total", "--unknown", cwd=shop).out == "4 of 4 columns resolved (100 %)\n"
    assert json.loads(eltflow("lineage", "read", "--unknown", "--json", cwd=shop).out) == {
        "coverage": {"columns": 2, "resolved": 0, "percent": 0.0, "unlisted": 0},
        "unknown": [
            {"node": "model.p.read", "column": "code", "reason": file},
            {"node": "model.p.read", "column": "rate", "reason": file},
        ],
        "unlisted": [],
    }
    of_one = json.loads(eltflow("lineage", "total.total", "--json", cwd=shop).out)
    assert of_one["coverage"] == {"columns": 4, "resolved": 4, "percent": 100.0, "unlisted": 0}


def test_a_column_that_a_node_may_have(shop: Path, eltflow) -> None:  # type: ignore[no-untyped-def]
    told = eltflow("lineage", "wide.x", cwd=shop)
    assert told.code == 0
    assert told.out == "wide.x  (view, models/wide.sql)\n"
    assert told.err == "note: whether there is such a column is not known: the columns of source.p.raw.old are not known\n"
    data = json.loads(eltflow("lineage", "wide.x", "--json", cwd=shop).out)
    assert data["column"]["unknown"] == "the columns of source.p.raw.old are not known"
    # To build what hangs on a column, it must be one.
    refused = eltflow("ls", "--select", "column:wide.x+", cwd=shop)
    assert refused.code == 2
    assert refused.err == "error[E0216]: `wide` has no column `x`\n  = help: the columns of source.p.raw.old are not known\n\n"


@pytest.mark.parametrize("name", ["ORDERS.amount", "Orders.AMOUNT", "orders.Amount"])
def test_names_in_any_case(shop: Path, eltflow, name: str) -> None:  # type: ignore[no-untyped-def]
    for command in (["lineage"], ["impact"], ["ls", "--select"]):
        asked, plain = ([*command, f"column:{n}+" if command[0] == "ls" else n] for n in (name, "orders.amount"))
        ran = eltflow(*asked, cwd=shop)
        assert ran.code == 0, ran.err
        assert ran.out == eltflow(*plain, cwd=shop).out
    assert eltflow("lineage", "ORDERS", cwd=shop).out == eltflow("lineage", "orders", cwd=shop).out


def test_a_name_that_is_another_one_in_another_case(project, eltflow) -> None:  # type: ignore[no-untyped-def]
    root = project({"models/one.sql": "select 1 as a", "models/One.sql": "select 2 as a, 3 as b"})
    told = eltflow("lineage", "ONE.a", cwd=root)
    assert told.code == 2
    assert "there is no node `ONE`" in told.err or "E02" in told.err


@pytest.mark.parametrize(
    ("columns", "unknown", "percent"), [(0, 0, 100.0), (3, 0, 100.0), (100_000, 1, 99.9), (3, 1, 66.6), (7, 7, 0.0)]
)
def test_coverage_is_never_rounded_up(columns: int, unknown: int, percent: float) -> None:
    gone = {("model.p.x", str(at)): "reason" for at in range(unknown)}
    assert Coverage(columns=columns, unknown=gone, unlisted={}).percent == percent


WEIRD = {
    "seeds/t.csv": "id,a,g\n1,2,x\n",
    "models/st.sql": "select id, {'x': a, 'y': {'p': g, 'q': a + 1}} as v from {{ ref('t') }}",
    "models/star.sql": "select v.* from {{ ref('st') }}",
    "models/deep.sql": "select id, unnest(v, recursive := true) from {{ ref('st') }}",
    "models/flat.sql": "select unnest(v) from {{ ref('st') }}",
    "models/twice.sql": "select * from {{ ref('t') }} as l join {{ ref('t') }} as r on l.id = r.a",
    "models/after.sql": "select a_1, g_1 as z from {{ ref('twice') }}",
    "models/both.sql": "select v.*, l.id, r.id from {{ ref('st') }} as l join {{ ref('t') }} as r on true",
    "models/numbers.sql": "select * from range(3) as n",
    "models/unread.sql": "pivot_longer {{ ref('t') }} on a, id into name n value v",
}


def test_columns_that_the_engine_lists(project) -> None:  # type: ignore[no-untyped-def]
    loaded = api.load(project(WEIRD), api.new_options(env=dict(os.environ)))
    found = api.lineages(loaded, telling=True)

    def told(name: str) -> dict[str, tuple[set[str], str | None]]:
        lineage = found.of(loaded.graph.nodes[f"model.p.{name}"])
        assert lineage.unlisted is None, (name, lineage.unlisted)
        assert {c.unknown for c in lineage.columns} <= {None}, (name, lineage.columns)
        return {c.name: ({f"{o.table.split('.')[-1]}.{o.column}" for o in c.origins}, c.expression) for c in lineage.columns}

    assert told("star") == {"x": ({"st.v"}, "v.x"), "y": ({"st.v"}, "v.y")}
    assert [*told("deep")] == ["id", "x", "p", "q"]
    assert {name: origins for name, (origins, _) in told("deep").items()} == {
        "id": {"st.id"},
        "x": {"st.v"},
        "p": {"st.v"},
        "q": {"st.v"},
    }
    assert {name: origins for name, (origins, _) in told("flat").items()} == {"x": {"st.v"}, "y": {"st.v"}}
    assert {name: origins for name, (origins, _) in told("twice").items()} == {
        "id": {"t.id"},
        "a": {"t.a"},
        "g": {"t.g"},
        "id_1": {"t.id"},
        "a_1": {"t.a"},
        "g_1": {"t.g"},
    }
    assert told("after") == {"a_1": ({"twice.a_1"}, None), "z": ({"twice.g_1"}, "g_1")}
    assert {name: origins for name, (origins, _) in told("both").items()} == {
        "x": {"st.v"},
        "y": {"st.v"},
        "id": {"st.id"},
        "id_1": {"t.id"},
    }
    assert [origins for origins, _ in told("numbers").values()] == [set()]
    unread = found.of(loaded.graph.nodes["model.p.unread"])
    assert (unread.unlisted or "").startswith("its SQL is beyond eltflow's parser (")
