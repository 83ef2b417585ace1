"""The statements on Spark, one by one, as they are sent. What is on tables of Delta and Iceberg has no other proof than Spark's own parser.

Rewritten by `GOLDEN=rewrite pytest tests/spark/test_spark_golden.py`.
"""

from __future__ import annotations

import datetime
import decimal
import math
from pathlib import Path
from typing import Any

import golden_files
import pytest
from eltflow_spark import ADAPTER
from eltflow_spark.catalog import tables
from eltflow_spark.types import kept, read_as
from spark_server import Spark

from eltflow.compile.compiled import Hook
from eltflow.compile.materialize import MATERIALIZATIONS
from eltflow.compile.program import ProgramError
from eltflow.engine.drive import dry
from eltflow.project.nodes import ColumnInfo
from eltflow.testing.bench import Subject, make_job, make_node
from eltflow.warehouse.values import (
    CatalogColumn,
    CatalogTable,
    Column,
    Constraint,
    Contract,
    Relation,
    Result,
    Statement,
    WarehouseError,
)

FOLDER = Path(__file__).parent / "golden"
T = Relation(None, "s", "t")
COLUMNS = (CatalogColumn("id", "int"), CatalogColumn("v", "string"))
TABLE, VIEW = CatalogTable(T, "table", COLUMNS), CatalogTable(T, "view", COLUMNS)
SQL = "select id, v\nfrom s.up"
SAME = Result(columns=(Column("id", "int"), Column("v", "string")))
LAID_OUT = {
    "file_format": "orc",
    "partition_by": ["v"],
    "clustered_by": "id",
    "buckets": 8,
    "options": {"compression": "zstd"},
    "tblproperties": {"owner": "it's ours", "external.table.purge": True},
}
DELTA, ICEBERG = {"file_format": "delta"}, {"file_format": "iceberg"}
OVERWRITE = {"incremental_strategy": "insert_overwrite", "partition_by": ["v"]}
CONTRACT = Contract(
    columns=(Column("id", "int"), Column("v", "string")),
    constraints=(Constraint(type="not_null", columns=("id",)), Constraint(type="primary_key", columns=("id",))),
)
KEYED = {"unique_key": "id"}
CASES: dict[str, tuple[str, dict[str, Any], Result | None]] = {
    "view_new": ("view", {}, None),
    "view_over_table": ("view", {"existing": TABLE}, None),
    "table_new": ("table", {}, None),
    "table_over_table": ("table", {"existing": TABLE}, None),
    "table_over_view": ("table", {"existing": VIEW}, None),
    "table_laid_out": ("table", {"config": LAID_OUT}, None),
    "table_contracted": ("table", {"existing": TABLE, "config": LAID_OUT, "contract": CONTRACT}, SAME),
    "table_hooked": ("table", {"pre": (Hook(sql="select 1"),), "post": (Hook(sql="select 2"),)}, None),
    "incremental_append": ("incremental", {"existing": TABLE}, SAME),
    "incremental_overwrite": ("incremental", {"existing": TABLE, "config": OVERWRITE}, SAME),
    "incremental_new_columns": (
        "incremental",
        {"existing": TABLE, "config": {"on_schema_change": "append_new_columns"}},
        Result(columns=(*SAME.columns, Column("more", "date"))),
    ),
    "delta_table": ("table", {"existing": TABLE, "config": DELTA}, None),
    "iceberg_table": ("table", {"existing": TABLE, "config": ICEBERG}, None),
    "delta_merge": ("incremental", {"existing": TABLE, "config": {**DELTA, **KEYED}}, SAME),
    "delta_merge_chosen": (
        "incremental",
        {
            "existing": TABLE,
            "config": {**DELTA, **KEYED, "merge_exclude_columns": ["v"], "incremental_predicates": ["DBT_INTERNAL_DEST.id > 10"]},
        },
        SAME,
    ),
    "iceberg_merge": ("incremental", {"existing": TABLE, "config": {**ICEBERG, **KEYED}}, SAME),
    "delta_columns": (
        "incremental",
        {"existing": TABLE, "config": {**DELTA, **KEYED, "on_schema_change": "sync_all_columns"}},
        Result(columns=(Column("id", "bigint"), Column("more", "date"))),
    ),
}


def job(kind: str, *, config: Any = None, made: Any = None, **more: Any) -> Any:
    return make_job(ADAPTER, made or make_node(kind, config or {}, None, T), SQL, dry=True, **more)


def sent(name: str) -> list[Statement]:
    kind, more, answer = CASES[name]
    return dry(MATERIALIZATIONS[kind](job(kind, **more)), answer)


@pytest.mark.parametrize("name", list(CASES))
def test_statements(name: str) -> None:
    golden_files.compare(FOLDER / f"{name}.sql", golden_files.text(sent(name)))


@pytest.mark.parametrize(("kind", "existing"), [("table", TABLE), ("view", VIEW)])
def test_descriptions(kind: str, existing: CatalogTable) -> None:
    told = {"v": ColumnInfo(name="v", description="it's\na \\ v")}
    made = make_node(kind, {"persist_docs": {"relation": True, "columns": True}}, told, T, description="It's\nall")
    found = dry(MATERIALIZATIONS[kind](job(kind, made=made, existing=existing)), SAME)
    golden_files.compare(FOLDER / f"{kind}_described.sql", golden_files.text(found))


@pytest.mark.xdist_group("spark")
def test_the_parser_takes_what_no_table_here_does(spark: Spark, tmp_path: Path) -> None:
    """Spark's own grammar reads MERGE, as EXPLAIN shows, and CREATE OR REPLACE TABLE and columns that change, which are refused later."""
    wanted = {
        "delta_merge": "MergeIntoTable",
        "delta_merge_chosen": "MergeIntoTable",
        "iceberg_merge": "MergeIntoTable",
    }
    database = ADAPTER.open(Subject(adapter=ADAPTER, target=spark.target(), root=tmp_path).values(), tmp_path)
    session = database.session()
    try:
        session.execute(Statement("drop schema if exists s cascade"))  # of others' tests
        for name, plan in wanted.items():
            found = [
                str(session.execute(Statement(f"explain extended {s.sql}", role="query")).rows[0][0]) for s in sent(name) if s.main
            ]
            assert found, name
            assert all(plan in text.partition("== Analyzed Logical Plan ==")[0] for text in found), (name, found)
        others = [s for name in ("delta_table", "iceberg_table", "delta_columns") for s in sent(name)]
        for one in [s for s in others if s.sql.startswith(("alter table", "create or replace table"))]:
            with pytest.raises(WarehouseError) as refused:
                session.execute(one)
            assert str(refused.value.code).split(".")[0] in (
                "TABLE_OR_VIEW_NOT_FOUND",
                "UNSUPPORTED_FEATURE",
                "DATA_SOURCE_NOT_FOUND",
            )
    finally:
        database.close()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"file_format": "it's"}, "`file_format: it's` is no name of a format"),
        ({"partition_by": {"field": "day"}}, "`partition_by` must be a column, or a list of columns"),
        ({"clustered_by": ["id"]}, "`clustered_by` and `buckets` go together"),
        ({"buckets": 8}, "`clustered_by` and `buckets` go together"),
        ({"options": ["x"]}, "`options` must be names and their values"),
        ({"location_root": "s3a://b/t"}, "`location_root` is not there on spark"),
        ({"liquid_clustered_by": "id"}, "`liquid_clustered_by` is not there on spark"),
    ],
)
def test_configurations_that_cannot_be(config: dict[str, Any], message: str) -> None:
    with pytest.raises(WarehouseError) as raised:
        dry(MATERIALIZATIONS["table"](job("table", config=config)))
    assert str(raised.value) == message
    assert raised.value.help


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {**KEYED, "incremental_strategy": "merge"},
            ("spark has no incremental strategy `merge`", "it has: append, insert_overwrite"),
        ),
        (
            {**DELTA, **KEYED, "incremental_strategy": "delete+insert"},
            ("spark has no incremental strategy `delete+insert`", "it has: merge, append, insert_overwrite"),
        ),
        (
            KEYED,
            (
                "`append`, which spark does unless told, minds no `unique_key`",
                "name an `incremental_strategy` (append, insert_overwrite), or take `unique_key` out",
            ),
        ),
        (
            {"incremental_strategy": "insert_overwrite"},
            ("`insert_overwrite` needs `partition_by`", "set it, or take another `incremental_strategy`"),
        ),
    ],
)
def test_strategies_that_cannot_be(config: dict[str, Any], message: tuple[str, str]) -> None:
    with pytest.raises(ProgramError) as raised:
        dry(MATERIALIZATIONS["incremental"](job("incremental", config=config, existing=TABLE)))
    assert (raised.value.message, raised.value.help) == message


def test_partitions_are_those_of_the_rows() -> None:
    config = {**OVERWRITE, "partitions": ["'x'"]}
    with pytest.raises(WarehouseError, match="spark overwrites the partitions that new rows are in, and no others"):
        dry(MATERIALIZATIONS["incremental"](job("incremental", config=config, existing=TABLE)))


@pytest.mark.parametrize(
    ("value", "sql"),
    [
        (None, "null"),
        (True, "true"),
        (-1, "-1"),
        (1.5, "cast('1.5' as double)"),
        (math.inf, "cast('Infinity' as double)"),
        (decimal.Decimal("1E+3"), "1000bd"),
        (b"\x00\xff", "x'00ff'"),
        ("it's \\ ${env:HOME}", r"'it\'s \\ ${env:HOME}'"),
        (datetime.date(2026, 1, 2), "date '2026-01-02'"),
        (datetime.datetime(2026, 1, 2, 3), "timestamp_ntz '2026-01-02 03:00:00'"),
        (datetime.datetime(2026, 1, 2, 3, tzinfo=datetime.UTC), "timestamp '2026-01-02 03:00:00+00:00'"),
    ],
)
def test_literals(value: Any, sql: str) -> None:
    assert ADAPTER.dialect.literal(value) == sql


@pytest.mark.parametrize(
    ("type", "spark"),
    [
        ("BIGINT", "bigint"),
        ("UBIGINT", "decimal(20,0)"),
        ("DECIMAL(38,10)", "decimal(38,10)"),
        ("TIMESTAMP", "timestamp_ntz"),
        ("TIMESTAMP WITH TIME ZONE", "timestamp"),
        ("TIMESTAMP_NS", "string"),
        ("STRUCT(a INTEGER)", "string"),
        ("INTEGER[]", "string"),
        ("TIME WITH TIME ZONE", None),
    ],
)
def test_types_that_keep_others(type: str, spark: str | None) -> None:
    assert kept(type) == spark
    if spark is not None and "(" not in type and "[" not in type and spark != "string" and not type.startswith("U"):
        assert read_as(spark) == type


def test_what_a_schema_holds_is_read_off_a_listing() -> None:
    """Comments of several lines, columns with colons in their names, nested types."""
    tree = (
        "Schema: root\n |-- id: long (nullable = true)\n |-- a: b: decimal(10,2) (nullable = false)\n"
        " |-- tags: array (nullable = true)\n |    |-- element: struct (containsNull = true)\n"
        " |    |    |-- x: integer (nullable = true)\n |    |    |-- y: string (nullable = true)\n"
        " |-- m: map (nullable = true)\n |    |-- key: string\n |    |-- value: short (valueContainsNull = true)\n\n"
    )
    told = (
        f"Catalog: c\nDatabase: s\nTable: t\nType: MANAGED\nProvider: parquet\nComment: It's\nall of it\nLocation: file:/x\n{tree}"
    )
    (table, view) = tables("s", [("s", "t", False, told), ("s", "v", False, "Type: VIEW\nView Text: x\n"), ("", "tmp", True, "")])
    assert (table.relation, table.kind, table.comment) == (T, "table", "It's\nall of it")
    assert [(c.name, c.type, c.nullable) for c in table.columns] == [
        ("id", "bigint", True),
        ("a: b", "decimal(10,2)", False),
        ("tags", "array<struct<x:int,y:string>>", True),
        ("m", "map<string,smallint>", True),
    ]
    assert (view.kind, view.comment) == ("view", None)
