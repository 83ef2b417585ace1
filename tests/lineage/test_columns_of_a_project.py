"""Column lineage of whole projects: through every kind of node, kept from run to run, told by the command line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from eltflow import api

FILES = {
    "seeds/rates.csv": "code,rate\na,1\n",
    "models/sources.yml": """
sources:
  - name: raw
    tables:
      - {name: pay, columns: [{name: id}, {name: amount}]}
models:
  - name: orders
    config: {group: money}
    columns:
      - {name: amount, data_tests: [not_null]}
      - {name: id, data_tests: [unique]}
groups:
  - {name: money, owner: {name: Ann}}
exposures:
  - {name: board, type: dashboard, owner: {name: Bo}, depends_on: [ref('total')]}
""",
    "models/stg.sql": "{{ config(materialized='ephemeral') }} select id, amount::int as amount, code from {{ source('raw', 'pay') }}",
    "models/orders.sql": "select s.id, s.amount * r.rate as amount from {{ ref('stg') }} s join {{ ref('rates') }} r using (code)",
    "models/total.sql": "select sum(amount) as total, count(*) as n from {{ ref('orders') }} where id > 0",
    "models/other.sql": "select id from {{ ref('orders') }}",
    "models/grown.sql": """{{ config(materialized='incremental') }}
select id, amount from {{ ref('orders') }} {% if is_incremental() %} where id > (select max(id) from {{ this }}) {% endif %}""",
    "models/star.sql": "select * from {{ ref('orders') }}",
    "models/wild.sql": "select * from {{ source('raw', 'pay') }}",
    "tests/positive.sql": "select * from {{ ref('total') }} where total < 0",
}
MONEY = ("model.p.orders", "amount")


@pytest.fixture
def shop(project) -> Path:  # type: ignore[no-untyped-def]
    return project(FILES)


def lineages(root: Path):  # type: ignore[no-untyped-def]
    loaded = api.load(root, api.new_options(env=dict(os.environ)))
    return loaded, api.lineages(loaded)


def test_through_ephemerals_seeds_and_sources(shop: Path) -> None:
    _, found = lineages(shop)
    above = found.reach([MONEY], up=True, indirect=False)
    assert set(above) == {("model.p.stg", "amount"), ("seed.p.rates", "rate"), ("source.p.raw.pay", "amount")}
    assert {e.how for e in above["source.p.raw.pay", "amount"]} == {"cast"}
    everything = set(found.reach([MONEY], up=True))
    assert everything - set(above) == {("model.p.stg", "code"), ("seed.p.rates", "code"), ("source.p.raw.pay", "code")}


def test_what_a_column_flows_into(shop: Path) -> None:
    _, found = lineages(shop)
    carrying = set(found.reach([MONEY], up=False, indirect=False))
    assert carrying == {("model.p.total", "total"), ("model.p.grown", "amount"), ("model.p.star", "amount")}
    below = set(found.reach([("model.p.orders", "id")], up=False))
    assert ("model.p.total", "n") in below, "it decides which rows are counted"
    assert set(found.reach([("source.p.raw.pay", "amount")], up=False, depth=1)) == {
        ("model.p.stg", "amount"),
        ("model.p.wild", "amount"),
    }


def test_a_star_over_a_source_that_may_have_more_is_not_complete(shop: Path) -> None:
    loaded, found = lineages(shop)
    wild = loaded.graph.nodes["model.p.wild"]
    assert "not known" in found.of(wild).unlisted
    assert found.columns(wild) == ("id", "amount")
    coverage = found.coverage(loaded.graph.of_type("model"))
    assert set(coverage.unlisted) == {"model.p.wild"}
    assert coverage.percent == 100.0


def test_only_what_hangs_on_a_change_is_walked_again(shop: Path) -> None:
    loaded, found = lineages(shop)
    for node in loaded.graph.of_type("model"):
        found.of(node)
    assert found.walked == 7
    api.keep_lineages(loaded, found)
    before = {node.unique_id: found.of(node) for node in loaded.graph.of_type("model")}

    loaded, again = lineages(shop)
    assert {node.unique_id: again.of(node) for node in loaded.graph.of_type("model")} == before
    assert again.walked == 0

    (shop / "models/total.sql").write_text("select max(amount) as total from {{ ref('orders') }}")
    loaded, changed = lineages(shop)
    after = {node.unique_id: changed.of(node) for node in loaded.graph.of_type("model")}
    assert changed.walked == 1
    assert {i for i in after if after[i] != before[i]} == {"model.p.total"}

    # A new column is seen by whoever takes all of them, and by nobody who names his own.
    (shop / "models/orders.sql").write_text("select 1 as id, 2 as amount, 3 as more")
    loaded, wider = lineages(shop)
    assert wider.columns(loaded.graph.nodes["model.p.star"]) == ("id", "amount", "more")


def test_impact_names_models_tests_exposures_and_owners(shop: Path) -> None:
    loaded, found = lineages(shop)
    node, column = api.find_column(loaded, found, "orders.amount")
    touched = api.impact(loaded, found, node, column)
    assert [n.name for n in touched.nodes] == ["grown", "star", "total"]
    assert {t.name for t in touched.tests} == {"not_null_orders_amount", "positive"}
    assert [e.name for e in touched.exposures] == ["board"]
    assert touched.owners == ("Bo", "group money")
    assert touched.unsure == {}


def test_the_command_line(shop: Path, eltflow) -> None:  # type: ignore[no-untyped-def]
    told = eltflow("lineage", "orders.AMOUNT", cwd=shop)
    assert told.code == 0, told.text
    lines = told.out.splitlines()
    assert "orders.amount  (view, models/orders.sql)  = s.amount * r.rate" in lines
    assert "├─ total.total  aggregated" in lines or "└─ total.total  aggregated" in lines
    up = eltflow("lineage", "orders.amount", "--direction", "up", "--depth", "1", cwd=shop).out.splitlines()
    assert len(up) == 3
    data = json.loads(eltflow("lineage", "total.n", "--json", "--indirect", cwd=shop).out)
    assert {(e["from"]["column"], e["how"]) for e in data["edges"] if e["to"]["column"] == "n"} == {("id", "filter")}
    mermaid = eltflow("lineage", "total.total", "--mermaid", "--direction", "up", cwd=shop).out.splitlines()
    assert mermaid[0] == "flowchart LR"
    assert any("-->|aggregated|" in line for line in mermaid)
    dot = eltflow("lineage", "total", "--dot", cwd=shop).out
    assert dot.startswith("digraph lineage {\n")
    assert dot.endswith("}\n")


def test_selection_by_column(shop: Path, eltflow) -> None:  # type: ignore[no-untyped-def]
    def selected(text: str, *more: str) -> set[str]:
        return set(eltflow("ls", "--select", text, *more, cwd=shop).out.split())

    assert selected("column:orders.amount") == {"orders"}
    assert selected("column:orders.amount+") == {"orders", "grown", "star", "total", "board", "not_null_orders_amount", "positive"}
    assert selected("1+column:orders.amount") == {"orders", "stg", "rates"}
    models = {"orders", "grown", "star", "total"}
    assert selected("column:orders.amount+", "--resource-type", "model") == models
    assert selected("column:orders.amount+", "--indirect-selection", "empty") == {*models, "board"}
    assert selected("column:orders.amount+", "--exclude", "total") == {"orders", "grown", "star", "board", "not_null_orders_amount"}


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("orders.amont", "E0216", "did you mean `amount`?"),
        ("ordrs.amount", "E0214", "did you mean `orders`?"),
        ("star.nothing", "E0216", "there are: id, amount"),
    ],
)
def test_a_name_that_is_no_column(shop: Path, eltflow, name: str, code: str, words: str) -> None:  # type: ignore[no-untyped-def]
    for command in (("lineage", name), ("impact", name), ("ls", "--select", f"column:{name}+")):
        told = eltflow(*command, cwd=shop)
        assert told.code == 2
        assert code in told.err
        assert words in told.err
