"""The statements on Snowflake, one by one, as they are sent; no driver and no server. For much of this there is no other proof.

Rewritten by `GOLDEN=rewrite pytest tests/snowflake/test_snowflake_golden.py`.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import golden_files
import pytest
from eltflow_snowflake import ADAPTER
from eltflow_snowflake.dialect import SnowflakeDialect

from eltflow.compile.compiled import Hook
from eltflow.compile.materialize import MATERIALIZATIONS
from eltflow.compile.materialize.meta import load_tables
from eltflow.compile.program import FileInfo, ProgramError
from eltflow.engine.drive import dry
from eltflow.project.nodes import ColumnInfo, IngestInfo, TestInfo
from eltflow.testing.bench import make_job, make_node
from eltflow.transfer import Field
from eltflow.warehouse.values import CatalogColumn, CatalogTable, Column, Constraint, Contract, Relation, Result

FOLDER = Path(__file__).parent / "golden"
T = Relation("DB", "S", "T")
COLUMNS = (CatalogColumn("ID", "NUMBER(38,0)"), CatalogColumn("V", "VARCHAR"))
STANDING = {
    "new": None,
    "over_table": CatalogTable(T, "table", COLUMNS),
    "over_view": CatalogTable(T, "view", COLUMNS),
    "over_dynamic_table": CatalogTable(T, "dynamic_table", COLUMNS),
}
SQL = "select id, v\nfrom db.s.up"
CHANGED = Result(columns=(Column("ID", "NUMBER(38,0)"), Column("MORE", "DATE")))
SAME = Result(columns=(Column("ID", "NUMBER(38,0)"), Column("V", "VARCHAR(5)")))
DYNAMIC = {"target_lag": "1 hour", "snowflake_warehouse": "transforming", "refresh_mode": "INCREMENTAL", "initialize": "on_create"}
PROMISED = Contract(
    columns=(Column("ID", "NUMBER(38,0)"), Column("V", "VARCHAR")),
    constraints=(
        Constraint(type="not_null", columns=("ID",)),
        Constraint(type="primary_key", name="T_KEY", columns=("ID",)),
        Constraint(type="foreign_key", columns=("V",), to=Relation("DB", "S", "UP"), to_columns=("V",)),
        Constraint(type="check", expression="id > 0"),
        Constraint(type="custom", expression="masking policy hidden", columns=("V",)),
    ),
)
TRUE = Result(rows=((True,),))


@dataclass(frozen=True)
class Rows:
    """Rows of a file that is not there."""

    fields: tuple[Field, ...]


class Reader:
    """Says what a file of two columns would; no file is read."""

    @property
    def dialect(self) -> Any:
        from eltflow_duckdb import ADAPTER as duckdb

        return duckdb.dialect

    def query(self, statement: Any) -> Result:
        return Result(columns=(Column("id", "BIGINT"), Column("v", "VARCHAR")))

    def source(self, select: str) -> Any:
        return Rows((Field("id", "BIGINT"), Field("v", "VARCHAR")))


def job(kind: str, sql: str = "", *, config: Mapping[str, Any] | None = None, made: Any = None, **more: Any) -> Any:
    node = made or make_node(kind, config or {}, None, T)
    one = make_job(ADAPTER, node, sql, reader=Reader(), **more)
    compiled = replace(one.compiled, columns=("id", "v")) if one.compiled is not None else None
    return replace(one, digest=lambda file: f"hash-of-{file.name}", look=None, compiled=compiled, dry=True)


def check(name: str, statements: Any) -> None:
    golden_files.compare(FOLDER / f"{name}.sql", golden_files.without_ddl_inside(statements))


def sent(kind: str, answer: Result | None = None, **more: Any) -> Any:
    return dry(MATERIALIZATIONS[kind](job(kind, SQL, **more)), answer)


FILES = (
    FileInfo(path="/data/a.csv", name="data/a.csv", size=10, mtime=1),
    FileInfo(path="/data/b.csv", name="data/b.csv", size=20, mtime=2),
)
KINDS: dict[str, dict[str, Any]] = {
    "view": {},
    "table": {},
    "incremental": {"config": {"unique_key": "id"}},
    "seed": {"files": FILES[:1]},
    "dynamic_table": {"config": DYNAMIC},
}
STRATEGIES = ("append", "delete+insert", "merge")
MODES = ("ignore", "append_new_columns", "sync_all_columns")
GRANTS = {"grants": {"select": ["reporter", "Other Role"], "INSERT": "loader"}}
MORE: dict[str, tuple[str, dict[str, Any], Result | None]] = {
    "table_contracted": ("table", {"existing": STANDING["over_table"], "config": {"cluster_by": "id"}, "contract": PROMISED}, None),
    "table_permanent": ("table", {"config": {"transient": False}}, None),
    "table_configured": (
        "table",
        {"existing": STANDING["over_table"], "config": {"cluster_by": ["id", "to_date(v)"], "copy_grants": True}},
        None,
    ),
    "view_configured": ("view", {"existing": STANDING["over_view"], "config": {"secure": True, "copy_grants": True}}, None),
    "dynamic_table_same": ("dynamic_table", {"existing": STANDING["over_dynamic_table"], "config": DYNAMIC}, TRUE),
    "dynamic_table_downstream": (
        "dynamic_table",
        {"config": {"target_lag": "DOWNSTREAM", "snowflake_warehouse": "My Warehouse", "transient": True}},
        None,
    ),
    "table_over_dynamic_table": ("table", {"existing": STANDING["over_dynamic_table"]}, None),
    "incremental_full_refresh": ("incremental", {"existing": STANDING["over_table"], "full_refresh": True}, None),
    "incremental_predicates": (
        "incremental",
        {
            "existing": STANDING["over_table"],
            "config": {"unique_key": ["id", "v"], "incremental_predicates": ["id > 10", "DBT_INTERNAL_SOURCE.id < 20"]},
        },
        None,
    ),
    "incremental_merge_some": (
        "incremental",
        {"existing": STANDING["over_table"], "config": {"unique_key": "id", "merge_exclude_columns": "v"}},
        None,
    ),
    "table_granted": ("table", {"config": GRANTS}, Result(rows=(("SELECT", "OLD_ROLE"), ("INSERT", "LOADER")))),
    "view_granted": ("view", {"config": GRANTS}, Result(rows=(("SELECT", "OLD_ROLE"),))),
    "view_hooked": (
        "view",
        {
            "existing": STANDING["over_view"],
            "pre": (Hook(sql="use warehouse small"), Hook(sql="select 1", transaction=False)),
            "post": (Hook(sql="select 2"),),
            "header": "alter session set timezone = 'UTC'",
        },
        None,
    ),
}


@pytest.mark.parametrize(("kind", "standing"), list(itertools.product(KINDS, STANDING)))
def test_a_kind_over_what_stands_there(kind: str, standing: str) -> None:
    check(f"{kind}_{standing}", sent(kind, existing=STANDING[standing], **KINDS[kind]))


@pytest.mark.parametrize(("strategy", "mode"), list(itertools.product(STRATEGIES, MODES)))
def test_an_increment(strategy: str, mode: str) -> None:
    config = {"unique_key": "id", "incremental_strategy": strategy, "on_schema_change": mode}
    name = f"incremental_{strategy.replace('+', '_')}_{mode}"
    check(name, sent("incremental", CHANGED, existing=STANDING["over_table"], config=config))


@pytest.mark.parametrize("name", MORE)
def test_configured(name: str) -> None:
    kind, more, answer = MORE[name]
    check(name, sent(kind, answer, **more))


@pytest.mark.parametrize("load", ["append", "replace"])
@pytest.mark.parametrize("standing", ["new", "over_table", "over_view"])
def test_a_load(load: str, standing: str) -> None:
    node = make_node(
        "ingest", {}, None, T, ingest=IngestInfo(source={"kind": "files", "path": "data/*.csv"}, load=load, into="s.t")
    )
    one = job("ingest", made=node, files=FILES, existing=STANDING[standing])
    check(f"ingest_{load}_{standing}", [*load_tables(ADAPTER.dialect, T.database), *dry(MATERIALIZATIONS["ingest"](one))])


def test_a_load_anew_into_other_columns() -> None:
    """The table is emptied, with what is written down about it, before it goes: at no moment does one tell of the other what is not so."""
    node = make_node(
        "ingest", {}, None, T, ingest=IngestInfo(source={"kind": "files", "path": "data/*.csv"}, load="append", into="s.t")
    )
    before = CatalogTable(T, "table", (CatalogColumn("ID", "VARCHAR"),))
    one = job("ingest", made=node, files=FILES, existing=before, full_refresh=True)
    check("ingest_append_other_columns", dry(MATERIALIZATIONS["ingest"](one)))


@pytest.mark.parametrize("kind", ["table", "view", None])
def test_a_data_test(kind: str | None) -> None:
    config = {"limit": 3, "warn_if": ">2", **({"store_failures_as": kind} if kind else {})}
    made = make_node("test", config, None, T, test=TestInfo())
    name = f"test_stored_as_{kind}" if kind else "test"
    check(name, dry(MATERIALIZATIONS["test"](job("test", SQL, made=made)), Result(rows=((5, True, True),))))


@pytest.mark.parametrize("kind", ["view", "table", "dynamic_table"])
def test_descriptions(kind: str) -> None:
    told = {n: ColumnInfo(name=n, description=f"the '{n}'") for n in ("id", "gone")}
    config = {"persist_docs": {"relation": True, "columns": True}, **DYNAMIC}
    made = make_node(kind, config, told, T, description="It's\nall \\ of it")
    check(f"{kind}_described", dry(MATERIALIZATIONS[kind](job(kind, SQL, made=made)), SAME))


NARROW = CatalogTable(T, "table", (CatalogColumn("ID", "NUMBER(1,0)"), CatalogColumn("V", "VARCHAR(1)")))
WIDE = Result(columns=(Column("ID", "NUMBER(2,0)"), Column("V", "VARCHAR(12)")))


@pytest.mark.parametrize("strategy", ["append", "merge"])
def test_literals_make_narrow_columns_which_widen(strategy: str) -> None:
    config = {"unique_key": "id", "incremental_strategy": strategy}
    check(f"incremental_{strategy}_widened", sent("incremental", WIDE, existing=NARROW, config=config))


@pytest.mark.parametrize(
    ("type", "other", "wanted"),
    [
        ("VARCHAR(1)", "VARCHAR(3)", "VARCHAR(3)"),
        ("VARCHAR(3)", "VARCHAR(1)", None),
        ("VARCHAR(3)", "VARCHAR", "VARCHAR"),
        ("NUMBER(1,0)", "NUMBER(38,0)", "NUMBER(38,0)"),
        ("NUMBER(3,1)", "NUMBER(4,2)", None),
        ("NUMBER(3,1)", "VARCHAR(2)", None),
        ("BINARY(1)", "BINARY(2)", "BINARY(2)"),
        ("DATE", "DATE", None),
    ],
)
def test_what_a_type_widens_to(type: str, other: str, wanted: str | None) -> None:
    assert SnowflakeDialect().widened(type, other) == wanted


def test_a_longer_text_and_more_digits_are_no_change() -> None:
    config = {"unique_key": "id", "on_schema_change": "fail"}
    assert sent("incremental", SAME, existing=STANDING["over_table"], config=config)


def test_every_golden_file_has_a_test() -> None:
    known = {f"{kind}_{standing}" for kind in KINDS for standing in STANDING} | {*MORE, "ingest_append_other_columns"}
    known |= {f"incremental_{s.replace('+', '_')}_{mode}" for s in STRATEGIES for mode in MODES}
    known |= {f"ingest_{load}_{s}" for load in ("append", "replace") for s in ("new", "over_table", "over_view")}
    known |= {"incremental_append_widened", "incremental_merge_widened"}
    known |= {"test", "test_stored_as_table", "test_stored_as_view"}
    known |= {f"{kind}_described" for kind in ("view", "table", "dynamic_table")}
    assert {path.stem for path in FOLDER.glob("*.sql")} == known


@pytest.mark.parametrize("missing", ["target_lag", "snowflake_warehouse"])
def test_a_dynamic_table_that_lacks_what_it_needs(missing: str) -> None:
    with pytest.raises(ProgramError, match=f"a dynamic table needs `{missing}`"):
        sent("dynamic_table", config={k: v for k, v in DYNAMIC.items() if k != missing})


def test_columns_that_differ_in_case_alone() -> None:
    two = CatalogTable(T, "table", (CatalogColumn("ID", "NUMBER(38,0)"), CatalogColumn("id", "NUMBER(38,0)")))
    with pytest.raises(ProgramError, match="the columns `ID` and `id` of `t` differ in case alone"):
        sent("incremental", existing=two, config={"unique_key": "id"})


@pytest.mark.parametrize(
    ("name", "physical"),
    [("orders", "ORDERS"), ("MyModel", "MYMODEL"), ("my model", "my model"), ("größe", "größe"), ("a$1", "A$1")],
)
def test_names_without_quotes(name: str, physical: str) -> None:
    assert SnowflakeDialect().named(name) == physical


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("it's a \\ back", "'it''s a \\\\ back'"),
        (b"\x00\xff", "to_binary('00ff', 'HEX')"),
        (1.5, "'1.5'::float"),
        (float("nan"), "'nan'::float"),
        (None, "null"),
        (True, "true"),
    ],
)
def test_literals(value: Any, literal: str) -> None:
    assert SnowflakeDialect().literal(value) == literal


@pytest.mark.parametrize(
    ("type", "other", "fits"),
    [
        ("VARCHAR", "VARCHAR(5)", True),
        ("VARCHAR(5)", "VARCHAR(5)", True),
        ("VARCHAR(5)", "VARCHAR(6)", False),
        ("VARCHAR(5)", "VARCHAR", False),
        ("BINARY", "BINARY(5)", True),
        ("NUMBER(38,0)", "NUMBER(3,0)", True),
        ("NUMBER(10,2)", "NUMBER(10,3)", False),
        ("NUMBER(10,2)", "NUMBER(8,0)", True),
        ("NUMBER(10,2)", "NUMBER(9,0)", False),
        ("DATE", "TIMESTAMP_NTZ", False),
        ("VARCHAR", "NUMBER(3,0)", False),
    ],
)
def test_what_a_type_holds(type: str, other: str, fits: bool) -> None:
    assert SnowflakeDialect().holds(type, other) is fits
