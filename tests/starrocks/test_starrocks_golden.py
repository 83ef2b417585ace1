"""The statements on StarRocks, as they would be sent. No server was there to try them on: these texts are all the proof there is.

Rewritten by `GOLDEN=rewrite pytest tests/starrocks`.
"""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import golden_files
import pytest
from eltflow_sqlalchemy import STARROCKS
from eltflow_sqlalchemy.session import SQLSession
from eltflow_sqlalchemy.starrocks.engine import StarRocksDriver

from eltflow.compile.materialize import MATERIALIZATIONS
from eltflow.compile.materialize.meta import load_tables
from eltflow.compile.program import FileInfo, ProgramError
from eltflow.engine.drive import dry
from eltflow.project.nodes import IngestInfo
from eltflow.testing.bench import make_job, make_node
from eltflow.warehouse.values import CatalogColumn, CatalogTable, Column, Constraint, Contract, Relation, Result, Target

FOLDER = Path(__file__).parent / "golden"
T = Relation(None, "s", "t")
COLUMNS = (CatalogColumn("id", "bigint"), CatalogColumn("v", "varchar(65533)"))
TABLE = CatalogTable(T, "table", COLUMNS)
VIEW = CatalogTable(T, "view", COLUMNS)
STORED = CatalogTable(T, "materialized_view", COLUMNS)
CHANGED = Result(columns=(Column("id", "bigint"), Column("v", "varchar(65533)"), Column("more", "date")))
PRIMARY = {
    "table_type": "PRIMARY",
    "keys": ["id"],
    "partition_by": "date_trunc('day', at)",
    "distributed_by": "id",
    "buckets": 8,
    "order_by": ["v"],
    "properties": {"replication_num": 1, "enable_persistent_index": True},
}
SUMMED = Contract(
    columns=(Column("id", "bigint"), Column("n", "bigint")),
    constraints=(Constraint(type="not_null", columns=("id",)), Constraint(type="custom", expression="sum", columns=("n",))),
)
PARTED = {"incremental_strategy": "insert_overwrite", "partition_by": ["day"]}
CASES: dict[str, tuple[str, dict[str, Any], Result | None]] = {
    "view new": ("view", {}, None),
    "view over view": ("view", {"existing": VIEW}, None),
    "view over table": ("view", {"existing": TABLE}, None),
    "table new": ("table", {}, None),
    "table over table": ("table", {"existing": TABLE}, None),
    "table over view": ("table", {"existing": VIEW}, None),
    "table over materialized view": ("table", {"existing": STORED}, None),
    "table with a primary key": ("table", {"config": PRIMARY}, None),
    "table of duplicates": ("table", {"config": {"keys": "id", "partition_by": ["day"], "buckets": 3}}, None),
    "table of sums": ("table", {"config": {"table_type": "aggregate", "keys": "id"}, "contract": SUMMED}, None),
    "append": ("incremental", {"existing": TABLE}, None),
    "insert overwrite": ("incremental", {"existing": TABLE, "config": PARTED}, None),
    "insert overwrite of named partitions": (
        "incremental",
        {"existing": TABLE, "config": {**PARTED, "partitions": ["p20260101", "p20260102"]}},
        None,
    ),
    "append_new_columns": ("incremental", {"existing": TABLE, "config": {"on_schema_change": "append_new_columns"}}, CHANGED),
    "materialized view new": (
        "materialized_view",
        {"config": {"refresh_method": "async every (interval 1 hour)", "partition_by": "day", "distributed_by": ["id"]}},
        None,
    ),
    "materialized view over another": ("materialized_view", {"existing": STORED}, None),
    "materialized view over table": ("materialized_view", {"existing": TABLE}, None),
}


def test_statements() -> None:
    golden_files.compare(FOLDER / "starrocks.sql", golden_files.of_cases(STARROCKS, T, CASES))


def test_tables_of_our_own() -> None:
    golden_files.compare(FOLDER / "meta.sql", golden_files.text(load_tables(STARROCKS.dialect, None)))


@pytest.mark.parametrize("strategy", ["delete+insert", "merge"])
def test_what_would_need_a_transaction(strategy: str) -> None:
    config = {"unique_key": "id", "incremental_strategy": strategy}
    made = make_node("incremental", config, None, T)
    with pytest.raises(ProgramError) as raised:
        dry(MATERIALIZATIONS["incremental"](make_job(STARROCKS, made, "select 1 as id", existing=TABLE, dry=True)))
    assert str(raised.value) == f"starrocks has no incremental strategy `{strategy}`"
    assert raised.value.help == "it has: append, insert_overwrite"


def test_files_are_not_added_to_a_table() -> None:
    """They could not be loaded exactly once."""
    step = IngestInfo(source={"kind": "files", "path": "*.csv"}, load="append", into="s.t")
    files = (FileInfo(path="/data/a.csv", name="a.csv", size=10, mtime=1),)
    made = make_node("ingest", {}, None, T, ingest=step)
    with pytest.raises(ProgramError) as raised:
        dry(MATERIALIZATIONS["ingest"](make_job(STARROCKS, made, files=files, dry=True)))
    assert str(raised.value) == "steps with `load: append` need an engine with transactions, and starrocks has none"
    assert raised.value.help == "set `load: replace` for the targets that have none"


def test_a_transaction_is_not_sent() -> None:
    target = Target(name="d", type="starrocks", database=None, schema="s", threads=1)
    driver = StarRocksDriver(target, Path(), read_only=False)
    assert driver.where == "localhost:9030"
    pooled: Any = Pooled()
    session = SQLSession(driver.engine(target, Path(), read_only=False), driver, pooled)
    dialect = STARROCKS.dialect
    for statement in (dialect.begin(), dialect.begin(read_only=True), dialect.commit(), dialect.rollback()):
        assert session.execute(statement) == Result()
    assert pooled.sent == []


class Pooled:
    """A connection that writes down what it is sent."""

    driver_connection = None

    def __init__(self) -> None:
        self.sent: list[str] = []

    def cursor(self) -> Any:
        return self

    def execute(self, sql: str, parameters: Any = None) -> None:
        self.sent.append(sql)

    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        (dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC), "'2026-01-02 03:04:05'"),
        (dt.date(2026, 1, 2), "'2026-01-02'"),
        ("it's a \\ back", "'it''s a \\\\ back'"),
        (True, "true"),
    ],
)
def test_literals(value: Any, literal: str) -> None:
    assert STARROCKS.dialect.literal(value) == literal


@pytest.mark.parametrize(
    ("type", "kept", "read"),
    [
        ("BOOLEAN", "boolean", "BOOLEAN"),
        ("HUGEINT", "largeint", "HUGEINT"),
        ("DECIMAL(10,2)", "decimal(10,2)", "DECIMAL(10,2)"),
        ("VARCHAR", "varchar(65533)", "VARCHAR"),
        ("INTEGER[]", "json", "JSON"),
        ("TIMESTAMP", "datetime", "TIMESTAMP"),
        ("BLOB", "varbinary", "BLOB"),
        ("INTERVAL", None, None),
        ("UHUGEINT", None, None),
    ],
)
def test_types(type: str, kept: str | None, read: str | None) -> None:
    assert STARROCKS.dialect.keeps(type) == kept
    assert kept is None or STARROCKS.dialect.reads_as(kept) == read


def _project(folder: Path, **more: Any) -> Path:
    target = {"type": "starrocks", "schema": "s", "host": "127.0.0.1", "user": "u", "password": "wrong s3cret", **more}
    (folder / "models").mkdir(exist_ok=True)
    (folder / "models/m.sql").write_text("{{ config(materialized='table', keys=['id']) }}\nselect 1 as id")
    (folder / "eltflow.yml").write_text(f"name: p\ntargets:\n  dev: {json.dumps(target)}\n")
    return folder


def test_no_server(tmp_path: Path, eltflow: Any) -> None:
    """A plan needs none; what is wrong is told with host and port, and without the password."""
    made = eltflow("init", "shop", "--adapter", "starrocks", cwd=tmp_path)
    assert made.code == 0, made.text
    assert "type: starrocks" in (tmp_path / "shop/eltflow.yml").read_text()
    assert "STARROCKS_PORT', '9030'" in (tmp_path / "shop/eltflow.yml").read_text()
    root = _project(tmp_path, port=1)
    planned = eltflow("plan", "--sql", cwd=root)
    assert planned.code == 0, planned.text
    assert [line.strip() for line in planned.out.splitlines()][3:5] == ["create table `s`.`m`", "duplicate key (`id`)"]
    told = eltflow("debug", cwd=root)
    assert told.code == 1
    assert "127.0.0.1:1: Can't connect to MySQL server on '127.0.0.1'" in told.text
    assert "correct `host:` and `port:` of the target, or start the server" in told.text
    assert "s3cret" not in told.text


def test_a_driver_that_is_missing(tmp_path: Path) -> None:
    code = "import sys; sys.modules['pymysql'] = None; sys.argv = ['eltflow', 'build']; from eltflow.cli.main import main; main()"
    done = subprocess.run([sys.executable, "-c", code], cwd=_project(tmp_path), capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "error[E0702]: the driver of starrocks targets is not installed" in done.stderr
    assert "pip install 'eltflow[starrocks]'" in done.stderr
