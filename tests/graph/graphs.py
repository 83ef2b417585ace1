"""Small graphs made by hand, for tests of what works on graphs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from graphlib import TopologicalSorter
from typing import Any

from eltflow.graph.graph import Graph
from eltflow.project.nodes import ExposureInfo, IngestInfo, Node, SourceInfo, TestInfo

PACKAGE = "shop"


def node(
    kind: str,
    path: str,
    parents: str = "",
    *,
    patch: str | None = None,
    name: str | None = None,
    package: str = PACKAGE,
    **config: Any,
) -> Node:
    """A node of a file; `parents` are unique ids without the package: `model.orders source.raw.orders`."""
    folders, _, file = path.rpartition("/")
    name = name or file.partition(".")[0]
    return Node(
        unique_id=f"{kind}.{package}.{name}",
        resource_type=kind,
        name=name,
        package=package,
        path=path,
        fqn=(package, *folders.split("/")[1:], name),
        config=config,
        parents=ids(parents),
        patch=patch,
        test=TestInfo() if kind == "test" else None,
        exposure=ExposureInfo(type="dashboard") if kind == "exposure" else None,
    )


def generic(kind: str, column: str, parents: str, path: str, **config: Any) -> Node:
    """A generic test, named after its test, first parent and column."""
    name = f"{kind}_{parents.split()[0].rpartition('.')[2]}_{column}"
    made = node("test", path, parents, patch=path, name=name, **config)
    return _with(made, test=TestInfo(kind=kind, column=column, attached=made.parents[0]))


def source(source: str, table: str, path: str, parents: str = "", **config: Any) -> Node:
    """A table of a source."""
    made = node("source", path, parents, patch=path, name=table, **config)
    fqn = (*made.fqn[:-1], source, table)
    unique_id = f"source.{PACKAGE}.{source}.{table}"
    return _with(made, unique_id=unique_id, fqn=fqn, source=SourceInfo(source=source, table=table))


def ingest(step: str, into: str, path: str, **config: Any) -> Node:
    """An ingestion step."""
    made = node("ingest", path, patch=path, name=step, **config)
    return _with(made, ingest=IngestInfo(source={}, load="replace", into=into))


def graph(nodes: Iterable[Node], disabled: Iterable[Node] = ()) -> Graph:
    """The graph of some nodes, parents before children."""
    known = {one.unique_id: one for one in nodes}
    order = TopologicalSorter({unique_id: one.parents for unique_id, one in known.items()}).static_order()
    return Graph(nodes={unique_id: known[unique_id] for unique_id in order}, disabled={one.unique_id: one for one in disabled})


def ids(short: str) -> tuple[str, ...]:
    """`model.orders` → `model.shop.orders`, for each word."""
    return tuple(word.replace(".", f".{PACKAGE}.", 1) for word in short.split())


def _with(made: Node, **changes: Any) -> Node:
    return replace(made, **changes)


def shop() -> Graph:
    """Sources and a seed → staging → marts → a dashboard, with tests of every kind and a step that loads a table."""
    staging, marts = "models/staging/staging.yml", "models/marts/marts.yml"
    return graph(
        [
            source("raw", "orders", "models/staging/raw.yml", tags=["src", "hot"]),
            source("raw", "customers", "models/staging/raw.yml", tags=["src"]),
            source("crm", "people", "models/staging/raw.yml"),
            ingest("payments", "raw.payments", "ingest/payments.yml"),
            node("seed", "seeds/countries.csv", patch="seeds/seeds.yml", tags=["static"]),
            node(
                "model", "models/staging/stg_orders.sql", "source.raw.orders", patch=staging,
                materialized="view", tags=["nightly"], meta={"owner": "ann", "level": 3, "pii": True},
            ),
            node("model", "models/staging/stg_customers.sql", "source.raw.customers", tags=["nightly"], access="public"),
            node("model", "models/staging/stg_payments.sql", "ingest.payments", tags=["nightly"]),
            node(
                "model", "models/marts/core/orders.sql", "model.stg_orders model.stg_payments", patch=marts,
                materialized="table", tags=["daily"], group="finance", meta={"who": ["ann", "bob"], "deep": {"er": "x"}},
            ),
            node(
                "model", "models/marts/core/customers.sql", "model.stg_customers model.orders seed.countries", patch=marts,
                materialized="table",
            ),
            node(
                "model", "models/marts/finance/revenue.sql", "model.orders", patch=marts,
                materialized="incremental", unique_key=["id", "day"], group="finance", tags=["daily"], access="public",
            ),
            node("model", "models/lonely.sql"),
            node("exposure", marts, "model.revenue source.raw.customers", name="dashboard", patch=marts, tags=["daily"]),
            node("analysis", "analyses/look.sql", "model.orders"),
            generic("not_null", "id", "source.raw.orders", "models/staging/raw.yml"),
            generic("unique", "id", "model.stg_orders", staging, tags=["dq"]),
            generic("unique", "id", "model.customers", marts, severity="warn"),
            generic("is_ok", "", "model.orders", marts),
            generic("relationships", "id", "model.orders model.stg_orders", marts),
            generic("relationships", "customer", "model.orders model.customers", marts),
            node("test", "tests/money/money_adds_up.sql", "model.revenue model.stg_payments"),
            node("test", "tests/customers_fine.sql", "model.customers", tags=["slow"]),
        ],
        disabled=[node("model", "models/old.sql", enabled=False)],
    )  # fmt: skip
