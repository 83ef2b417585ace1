"""The contract, on a MariaDB server."""

import datetime as dt
import math

import pytest
import sqlglot
from eltflow_sqlalchemy import MARIADB
from mariadb_server import MariaDB
from sqlglot import exp

from eltflow.testing.bench import Subject
from eltflow.testing.contract import *  # noqa: F403


@pytest.fixture
def subject(mariadb: MariaDB, tmp_path):
    return Subject(
        adapter=MARIADB,
        target=mariadb.target(),
        root=tmp_path,
        reading=("set session lock_wait_timeout = 0",),
        upstream=("127.0.0.1", mariadb.port),
        behind={"ssl_disabled": True},
        busy="select count(*) from information_schema.processlist where info like '%create or replace table%as d0%' and id <> connection_id()",
        drop_schema="drop schema if exists {schema}",
        spell=spell,
        lacks=("interval", "integer[]", "json", "uuid"),
        told=told,
    )


def told(value):
    """It has no booleans, and no points in time with a time zone: those are kept in UTC."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return value.astimezone(dt.UTC).replace(tzinfo=None)
    if isinstance(value, dt.time):  # the driver's: hours may be more than 24
        return dt.timedelta(hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("MariaDB has neither NaN nor infinity")
    return value


def spell(sql):
    """Names in backticks; a literal is as long as it is, and a column made from it no longer."""
    try:
        tree = sqlglot.parse_one(sql, read="postgres")
    except sqlglot.errors.SqlglotError:
        return sql
    return tree.transform(_spelt).sql("mysql")


def _spelt(node):
    if isinstance(node, exp.Cast) and node.to.this == exp.DataType.Type.BIGINT:
        return sqlglot.parse_one(f"({node.this.sql()} + 9999999999 - 9999999999)")
    if isinstance(node, exp.Literal) and node.is_string and isinstance(node.parent, exp.Alias | exp.Select):
        return exp.cast(node.copy(), "char(200)")
    return node
