"""The statements of every materialization, as they are sent. Rewritten by `GOLDEN=rewrite pytest tests/materialize/test_golden.py`."""

from __future__ import annotations

from pathlib import Path

import golden_files
import pytest
from eltflow_duckdb import ADAPTER

from eltflow.api.external import LocalFiles
from eltflow.compile.compiled import Hook
from eltflow.compile.materialize import MATERIALIZATIONS
from eltflow.compile.program import FileInfo
from eltflow.engine.drive import dry
from eltflow.project.external import place_of
from eltflow.project.nodes import ColumnInfo, IngestInfo, TestInfo
from eltflow.project.properties import LOADS
from eltflow.testing.bench import make_job, make_node
from eltflow.warehouse.values import CatalogColumn, CatalogTable, Column, Constraint, Contract, Relation, Result, Target

FOLDER = Path(__file__).parent / "golden"
T = Relation("w", "s", "t")
TABLE = CatalogTable(T, "table", (CatalogColumn("id", "BIGINT"), CatalogColumn("v", "VARCHAR")))
VIEW = CatalogTable(T, "view", (CatalogColumn("id", "BIGINT"),))
SQL = "select id, v\nfrom w.s.up"
CHANGED = Result(columns=(Column("id", "BIGINT"), Column("more", "DATE")))
HOOKS = {
    "pre": (Hook(sql="insert into audit values ('before')"), Hook(sql="checkpoint", transaction=False)),
    "post": (Hook(sql="analyze"), Hook(sql="checkpoint", transaction=False)),
    "header": "set variable day = 1",
}
FILES = (
    FileInfo(path="/data/a.csv", name="data/a.csv", size=10, mtime=1),
    FileInfo(path="/data/b.csv", name="data/b.csv", size=20, mtime=2),
)
KEYED = {"unique_key": ["id", "v"], "incremental_predicates": ["id > 10"]}
MERGE = {"unique_key": "id", "incremental_strategy": "merge"}

PROMISED = Contract(
    columns=(Column("id", "BIGINT"), Column("v", "VARCHAR")),
    constraints=(
        Constraint(type="not_null", columns=("id",)),
        Constraint(type="primary_key", name="t_key", columns=("id",)),
        Constraint(type="foreign_key", columns=("v",), to=Relation("w", "s", "up"), to_columns=("v",)),
        Constraint(type="check", expression="id > 0"),
        Constraint(type="custom", expression="default 'x'", columns=("v",)),
    ),
)
KEY_ALONE = Contract(columns=PROMISED.columns, constraints=PROMISED.constraints[:2])
ROOT = {"external_root": "/data"}


def written(**config):
    """The files that a model with this configuration is kept in."""
    target = Target(name="dev", type="duckdb", database="w", schema="s", threads=1, values=ROOT)
    return {"config": config, "written": LocalFiles(place_of(model("external", config), Path("/p"), target), "0123abcd")}


def model(kind, config, columns=None, **more):
    return make_node(kind, config, columns, T, **more)


WIDE = Result(columns=(Column("id", "HUGEINT"), Column("v", "VARCHAR")))
CASES = {
    "view_new": ("view", {}, None),
    "view_over_view": ("view", {"existing": VIEW}, None),
    "view_over_table": ("view", {"existing": TABLE}, None),
    "view_hooked": ("view", {"existing": VIEW, **HOOKS}, None),
    "table_new": ("table", {}, None),
    "table_over_table": ("table", {"existing": TABLE}, None),
    "table_over_view": ("table", {"existing": VIEW}, None),
    "table_contracted_new": ("table", {"contract": PROMISED}, None),
    "table_contracted_over_table": ("table", {"existing": TABLE, "contract": KEY_ALONE}, None),
    "table_pointing_over_table": ("table", {"existing": TABLE, "contract": PROMISED}, None),
    "table_pointed_at": ("table", {"existing": TABLE, "pointed": True}, None),
    "incremental_new": ("incremental", {"config": {"unique_key": "id"}}, None),
    "incremental_over_view": ("incremental", {"existing": VIEW}, None),
    "incremental_full_refresh": ("incremental", {"existing": TABLE, "full_refresh": True}, None),
    "incremental_append": ("incremental", {"existing": TABLE, "config": {"incremental_strategy": "append"}}, None),
    "incremental_delete_insert": ("incremental", {"existing": TABLE, "config": KEYED}, None),
    "incremental_merge": ("incremental", {"existing": TABLE, "config": MERGE}, None),
    "incremental_merge_some": ("incremental", {"existing": TABLE, "config": {**MERGE, "merge_exclude_columns": "v"}}, None),
    "incremental_sync": ("incremental", {"existing": TABLE, "config": {**KEYED, "on_schema_change": "sync_all_columns"}}, CHANGED),
    "incremental_append_new": (
        "incremental",
        {"existing": TABLE, "config": {"incremental_strategy": "append", "on_schema_change": "append_new_columns"}},
        CHANGED,
    ),
    "external_new": ("external", written(options={"compression": "zstd", "row_group_size": 1000}), WIDE),
    "external_over_table": ("external", {"existing": TABLE, **written(format="csv", delimiter=";", location="out/t.csv")}, WIDE),
    "external_over_view": ("external", {"existing": VIEW, **written(location="s3://lake/t.json")}, WIDE),
    "external_partitioned": ("external", {"existing": VIEW, **written(partition_by="v")}, WIDE),
    "seed_new": ("seed", {"files": FILES[:1], "config": {"column_types": {"id": "integer"}, "delimiter": ";"}}, None),
    "seed_over_view": ("seed", {"files": FILES[:1], "existing": VIEW}, None),
}


def job(kind, sql="", *, config=None, made=None, **more):
    return make_job(ADAPTER, made or model(kind, config or {}), sql, **more)


def check(name: str, shown: str) -> None:
    golden_files.compare(FOLDER / f"{name}.sql", shown)


@pytest.mark.parametrize("name", CASES)
def test_statements(name):
    kind, more, answer = CASES[name]
    made = job(kind, SQL, **more)
    check(name, golden_files.text(dry(MATERIALIZATIONS[kind](_blind(made)), answer)))


def _blind(made):
    """Without the functions that look at files, which are not there; the columns of the query are known, as they mostly are."""
    from dataclasses import replace

    compiled = replace(made.compiled, columns=("id", "v")) if made.compiled is not None else None
    return replace(made, digest=lambda file: f"hash-of-{file.name}", look=None, compiled=compiled, dry=True)


MATCHED = {
    "merge": {"unique_key": ["id"], "cursor": {"column": "v"}},
    "history": {"unique_key": ["id"]},
    "delete+insert": {"partition_by": ["v"]},
}


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("existing", [None, TABLE])
def test_ingest(load, existing):
    info = IngestInfo(source={"kind": "files", "path": "data/*.csv"}, load=load, into="s.t", step=MATCHED.get(load, {}))
    step = model("ingest", {}, ingest=info)
    made = _blind(job("ingest", made=step, files=FILES, existing=existing))
    answer = Result(columns=(Column("id", "BIGINT"), Column("v", "VARCHAR")))
    program = MATERIALIZATIONS["ingest"](made)
    check(f"ingest_{load}_{'again' if existing else 'new'}", golden_files.text(dry(program, answer)))


@pytest.mark.parametrize("kind", ["table", "view", None])
def test_data_test(kind):
    config = {"limit": 3, "warn_if": ">2", **({"store_failures_as": kind} if kind else {})}
    made = model("test", config, test=TestInfo())
    answer = Result(rows=((5, True, True),))
    name = f"test_stored_as_{kind}" if kind else "test"
    check(name, golden_files.text(dry(MATERIALIZATIONS["test"](job("test", SQL, made=made)), answer)))


def test_persisted_descriptions():
    described = {n: ColumnInfo(name=n, description=f"the {n}") for n in ("ID", "gone")}
    made = model("table", {"persist_docs": {"relation": True, "columns": True}}, described, description="It's all")
    answer = Result(columns=(Column("id", "BIGINT"),))
    check("table_described", golden_files.text(dry(MATERIALIZATIONS["table"](job("table", SQL, made=made)), answer)))


def test_every_golden_file_has_a_test():
    known = {*CASES, "test", "test_stored_as_table", "test_stored_as_view", "table_described"}
    known |= {f"ingest_{load}_{when}" for load in LOADS for when in ("new", "again")}
    assert {path.stem for path in FOLDER.glob("*.sql")} == known
