"""The statements on BigQuery, one by one, as they are sent; no driver and no server. For much of this there is no other proof.

Rewritten by `GOLDEN=rewrite pytest tests/bigquery/test_bigquery_golden.py`.
"""

from __future__ import annotations

import datetime
import decimal
from pathlib import Path
from typing import Any

import golden_files
import pytest
from eltflow_bigquery import ADAPTER
from eltflow_bigquery.types import holds, kept, spelt

from eltflow.compile.compiled import Hook
from eltflow.compile.materialize import MATERIALIZATIONS
from eltflow.compile.program import ProgramError
from eltflow.engine.drive import dry
from eltflow.project.nodes import ColumnInfo
from eltflow.testing.bench import make_job, make_node
from eltflow.warehouse.catalog import Catalog
from eltflow.warehouse.values import CatalogColumn, CatalogTable, Column, Constraint, Contract, Relation, Result, WarehouseError

FOLDER = Path(__file__).parent / "golden"
T = Relation("my-project", "s", "t")
COLUMNS = (CatalogColumn("id", "INT64"), CatalogColumn("v", "STRING"))
TABLE, VIEW = CatalogTable(T, "table", COLUMNS), CatalogTable(T, "view", COLUMNS)
SQL = "select id, v\nfrom s.up"
SAME = Result(columns=(Column("id", "INT64"), Column("v", "STRING")))
DAILY = {"partition_by": {"field": "day", "data_type": "date"}}
MONTHLY = {"partition_by": {"field": "at", "data_type": "timestamp", "granularity": "month"}}
RANGED = {"partition_by": {"field": "id", "data_type": "int64", "range": {"start": 0, "end": 100, "interval": 10}}}
ALL = {
    **MONTHLY,
    "cluster_by": ["v", "id"],
    "labels": {"team": "finance", "tier": ""},
    "hours_to_expiration": 12,
    "partition_expiration_days": 30,
    "require_partition_filter": True,
    "kms_key_name": "projects/p/locations/eu/keyRings/r/cryptoKeys/k",
}
OVERWRITE = {"incremental_strategy": "insert_overwrite"}
DAYS = Result(columns=SAME.columns, rows=((datetime.date(2026, 1, 1),), (datetime.date(2026, 1, 2),)))
TOLD = {"v": ColumnInfo(name="v", description="it's\na \\ v")}
PROMISED = Contract(
    columns=(Column("id", "INT64"), Column("v", "STRING")),
    constraints=(
        Constraint(type="not_null", columns=("id",)),
        Constraint(type="primary_key", name="t_key", columns=("id",)),
        Constraint(type="foreign_key", columns=("v",), to=Relation("my-project", "s", "up"), to_columns=("v",)),
        Constraint(type="check", expression="id > 0"),
        Constraint(type="custom", expression="options(description = 'it')", columns=("v",)),
    ),
)
CASES: dict[str, tuple[str, dict[str, Any], Result | None]] = {
    "view_new": ("view", {}, None),
    "view_over_table": ("view", {"existing": TABLE}, None),
    "view_configured": ("view", {"existing": VIEW, "config": ALL}, None),
    "view_hooked": ("view", {"pre": (Hook(sql="select 1"),), "post": (Hook(sql="select 2"),)}, None),
    "table_new": ("table", {}, None),
    "table_over_table": ("table", {"existing": TABLE}, None),
    "table_over_view": ("table", {"existing": VIEW}, None),
    "table_configured": ("table", {"existing": TABLE, "config": ALL}, None),
    "table_contracted": ("table", {"existing": TABLE, "config": DAILY, "contract": PROMISED}, None),
    "table_daily": ("table", {"config": DAILY}, None),
    "table_ranged": ("table", {"config": RANGED}, None),
    "incremental_new": ("incremental", {"config": {"unique_key": "id"}}, None),
    "incremental_merge": ("incremental", {"existing": TABLE, "config": {"unique_key": "id"}}, SAME),
    "incremental_append": ("incremental", {"existing": TABLE}, SAME),
    "incremental_delete_insert": (
        "incremental",
        {"existing": TABLE, "config": {"unique_key": "id", "incremental_strategy": "delete+insert"}},
        SAME,
    ),
    "incremental_predicates": (
        "incremental",
        {"existing": TABLE, "config": {"unique_key": "id", "incremental_predicates": ["DBT_INTERNAL_DEST.id > 10"]}},
        SAME,
    ),
    "incremental_columns": (
        "incremental",
        {"existing": TABLE, "config": {"unique_key": "id", "on_schema_change": "sync_all_columns"}},
        Result(columns=(Column("id", "NUMERIC"), Column("more", "DATE"))),
    ),
    "overwrite_daily": ("incremental", {"existing": TABLE, "config": {**DAILY, **OVERWRITE}}, DAYS),
    "overwrite_named": (
        "incremental",
        {"existing": TABLE, "config": {**DAILY, **OVERWRITE, "partitions": ["current_date()"]}},
        SAME,
    ),
    "overwrite_without_a_day": (
        "incremental",
        {"existing": TABLE, "config": {**DAILY, **OVERWRITE}},
        Result(columns=SAME.columns, rows=((None,), (datetime.date(2026, 1, 1),))),
    ),
    "overwrite_monthly": (
        "incremental",
        {"existing": TABLE, "config": {**MONTHLY, **OVERWRITE}},
        Result(columns=SAME.columns, rows=((datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),),)),
    ),
    "overwrite_ranged": (
        "incremental",
        {"existing": TABLE, "config": {**RANGED, **OVERWRITE}},
        Result(columns=SAME.columns, rows=((3,),)),
    ),
}


def job(kind: str, sql: str = SQL, *, config: Any = None, made: Any = None, **more: Any) -> Any:
    return make_job(ADAPTER, made or make_node(kind, config or {}, None, T), sql, dry=True, **more)


def check(name: str, statements: Any) -> None:
    golden_files.compare(FOLDER / f"{name}.sql", golden_files.without_ddl_inside(statements))


@pytest.mark.parametrize("name", list(CASES))
def test_statements(name):
    kind, more, answer = CASES[name]
    check(name, dry(MATERIALIZATIONS[kind](job(kind, **more)), answer))


@pytest.mark.parametrize(("kind", "existing"), [("table", TABLE), ("view", VIEW)])
def test_descriptions(kind, existing):
    made = make_node(kind, {"persist_docs": {"relation": True, "columns": True}}, TOLD, T, description="It's\nall")
    check(f"{kind}_described", dry(MATERIALIZATIONS[kind](job(kind, made=made, existing=existing)), SAME))


def test_a_table_that_is_laid_out_otherwise_is_made_beside():
    """What CREATE OR REPLACE refuses: the program goes another way, and only for that."""
    refused = "Cannot replace a table with a different partitioning spec."
    program = MATERIALIZATIONS["table"](job("table", existing=TABLE, config=DAILY))
    sent = [next(program)]
    try:
        statement = program.throw(WarehouseError(refused, kind="layout"))
        while True:
            sent.append(statement)
            again = statement.sql.startswith("create or replace table `my-project`.`s`.`t`\n")
            statement = program.throw(WarehouseError(refused, kind="layout")) if again else program.send(Result())
    except StopIteration:
        check("table_laid_out_otherwise", sent)
    program = MATERIALIZATIONS["table"](job("table", existing=TABLE))
    next(program)
    with pytest.raises(WarehouseError, match="no such column"):
        program.throw(WarehouseError("no such column"))


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"partition_by": "day"}, "needs a `field`"),
        ({"partition_by": {"field": "d", "data_type": "text"}}, "knows no `data_type: text`"),
        ({"partition_by": {"field": "d", "granularity": "hour"}}, "a date has no partitions of a `hour`"),
        ({"partition_by": {"field": "d", "data_type": "int64"}}, "needs a `range`"),
        ({"cluster_by": ["a", "b", "c", "d", "e"]}, "names 5 columns"),
        ({"labels": ["team"]}, "names and their values"),
        ({"labels": {"Team": "x"}}, "`Team: x`"),
        ({"labels": {"team": "Größe X"}}, "does not take"),
        ({"hours_to_expiration": "soon"}, "must be a number above 0"),
        ({"hours_to_expiration": 0}, "must be a number above 0"),
        ({"hours_to_expiration": 1.5}, "must be a whole number"),
    ],
)
def test_a_configuration_that_cannot_be(config, words):
    with pytest.raises(WarehouseError, match=words) as raised:
        dry(MATERIALIZATIONS["table"](job("table", config=config)))
    assert raised.value.help


@pytest.mark.parametrize("existing", [None, TABLE], ids=["first", "next"])
def test_partitions_to_overwrite_must_be_known(existing):
    with pytest.raises(ProgramError, match="needs `partition_by`"):
        next(MATERIALIZATIONS["incremental"](job("incremental", existing=existing, config=OVERWRITE)))


def test_literals_and_names():
    literal, quote = ADAPTER.dialect.literal, ADAPTER.dialect.quote
    assert literal("it's\\\n") == "'it\\'s\\\\\\n'"
    assert literal(decimal.Decimal("1.5")) == "bignumeric '1.5'"
    assert literal(float("nan")) == "cast('nan' as float64)"
    assert literal(b"\x00\xff") == "from_hex('00ff')"
    assert literal(datetime.datetime(2026, 1, 2, 3)) == "datetime '2026-01-02 03:00:00'"
    assert literal(datetime.datetime(2026, 1, 2, 3, tzinfo=datetime.UTC)) == "timestamp '2026-01-02 03:00:00+00:00'"
    assert quote("a`b\\") == "`a\\`b\\\\`"


def test_tables_are_told_apart_by_case_and_columns_are_not():
    catalog = Catalog(ADAPTER.dialect.fold_relation, [CatalogTable(T.sibling("T"), "table")])
    assert catalog.get(T) is None
    assert catalog.get(T.sibling("T")) is not None
    assert ADAPTER.dialect.fold("Id", True) == ADAPTER.dialect.fold("ID", False)


def test_types():
    """Each of DuckDB's is kept by one of BigQuery's, or has none."""
    for type, other in {
        "HUGEINT": "BIGNUMERIC",
        "UBIGINT": "NUMERIC",
        "DECIMAL(18,3)": "NUMERIC",
        "DECIMAL(38, 0)": "BIGNUMERIC",
        "DECIMAL(38,10)": "BIGNUMERIC",
        "TIMESTAMP": "DATETIME",
        "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
        "TIMESTAMP_NS": "STRING",
        "INTEGER[]": "JSON",
        "STRUCT(a INTEGER)": "JSON",
        "INTERVAL": None,
    }.items():
        assert kept(type) == other, type
    assert spelt("NUMERIC(10, 2)") == "NUMERIC"
    assert spelt("STRING(5)") == "STRING"
    assert spelt("ARRAY<STRUCT<a INT64>>") == "ARRAY<STRUCT<a INT64>>"
    assert holds("BIGNUMERIC", "NUMERIC")
    assert not holds("INT64", "NUMERIC")
    assert not holds("FLOAT64", "INT64")
