"""The contract, on a Spark of its own (local), by Spark Connect; its tables are of parquet."""

from __future__ import annotations

import datetime as dt
import re

import pytest
import sqlglot
from eltflow_spark import ADAPTER
from spark_server import Spark

from eltflow.testing.bench import Subject
from eltflow.testing.contract import *  # noqa: F403

pytestmark = pytest.mark.xdist_group("spark")  # one JVM for all of it


@pytest.fixture
def subject(spark: Spark, tmp_path) -> Subject:
    return Subject(
        adapter=ADAPTER,
        target=spark.target(),
        root=tmp_path,
        upstream=("127.0.0.1", spark.connect),
        behind={},
        busy="",
        # Its tasks look up from what they do when they take a row of their input: a join of ten rows with what it makes itself runs on.
        slow="select count(*) as n from range(1000000000000000) as r where id % 7 = 3",
        lacks=("interval", "uuid", "json", "time", "not null"),
        spell=spell,
        told=told,
        places=True,
        remembers=True,
    )


def told(value):
    """It keeps a time of the day as text."""
    return value.isoformat() if isinstance(value, dt.time) else value


def spell(sql: str) -> str:
    """The tests' SQL in Spark's words."""
    if not sql or "`" in sql:
        return sql
    commented = re.fullmatch(r"comment on (view|column) (\S+) is (.*)", sql)
    if commented:
        kind, name, text = commented.groups()
        table, _, column = name.rpartition(".")
        text = text.replace("''", "\\'")
        if kind == "view":
            return f"alter view {name} set tblproperties ('comment' = {text})"
        return f"alter table {table} alter column {column} comment {text}"
    try:
        tree = sqlglot.parse_one(sql, read="postgres")
    except sqlglot.errors.SqlglotError:
        return sql
    return tree.sql("spark")
