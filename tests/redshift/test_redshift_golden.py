"""The statements on Redshift, as they are sent; no driver and no server. For what PostgreSQL does not take there is no other proof.

Rewritten by `GOLDEN=rewrite pytest tests/redshift/test_redshift_golden.py`.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from pathlib import Path
from typing import Any

import golden_files
import pytest
from botocore.exceptions import ClientError
from eltflow_postgres.redshift import ADAPTER
from eltflow_postgres.redshift.dialect import NULL, RedshiftDialect
from eltflow_postgres.redshift.rows import statements
from eltflow_postgres.redshift.staging import staged

from eltflow.compile.compiled import Hook
from eltflow.project.nodes import ColumnInfo
from eltflow.transfer import Field
from eltflow.warehouse.values import CatalogColumn, CatalogTable, Column, Constraint, Contract, Relation, Result, WarehouseError

FOLDER = Path(__file__).parent / "golden"
T = Relation("db", "s", "t")
_TEXT = "character varying(65535)"
COLUMNS = (CatalogColumn("id", "bigint"), CatalogColumn("v", _TEXT))
TABLE = CatalogTable(T, "table", COLUMNS)
VIEW = CatalogTable(T, "view", COLUMNS)
STORED = CatalogTable(T, "materialized_view", COLUMNS)
KEYED = {"unique_key": "id"}
SYNC = {**KEYED, "on_schema_change": "sync_all_columns"}
CHANGED = Result(columns=(Column("id", "numeric(38,0)"), Column("more", "date")))
NARROW = CatalogTable(T, "table", (CatalogColumn("id", "bigint"), CatalogColumn("v", "character varying(1)")))
WIDE = Result(columns=(Column("id", "bigint"), Column("v", "character varying(12)")))
LAID_OUT = {"dist": "id", "sort": ["v", "id"], "sort_type": "interleaved", "backup": False}
PROMISED = Contract(
    columns=(Column("id", "bigint"), Column("v", "varchar(10)")),
    constraints=(
        Constraint(type="not_null", columns=("id",)),
        Constraint(type="primary_key", name="t_key", columns=("id",)),
        Constraint(type="foreign_key", columns=("v",), to=Relation("db", "s", "up"), to_columns=("v",)),
        Constraint(type="check", expression="id > 0"),
        Constraint(type="custom", expression="encode zstd", columns=("v",)),
    ),
)
TOLD = {"columns": {"id": ColumnInfo(name="id", description="the 'id'")}, "node": {"description": "It's\nall \\ of it"}}
DOCS = {"persist_docs": {"relation": True, "columns": True}}
GRANTS = {"grants": {"select": ["reporter", "group:Night Shift", "role:auditor", "public"]}}
CASES: dict[str, tuple[str, dict[str, Any], Result | None]] = {
    "view new": ("view", {}, None),
    "view over view": ("view", {"existing": VIEW}, None),
    "view over table": ("view", {"existing": TABLE}, None),
    "view, late-binding": ("view", {"config": {"bind": False}}, None),
    "table new": ("table", {}, None),
    "table over table": ("table", {"existing": TABLE}, None),
    "table over materialized view": ("table", {"existing": STORED}, None),
    "table, laid out": ("table", {"config": LAID_OUT}, None),
    "table on every node": ("table", {"config": {"dist": "all", "sort": "auto"}}, None),
    "table with a sort key": ("table", {"config": {"dist": "even", "sort": "id"}}, None),
    "table with a contract": ("table", {"contract": PROMISED, "config": LAID_OUT}, None),
    "append": ("incremental", {"existing": TABLE, "config": {"incremental_strategy": "append"}}, None),
    "delete+insert": ("incremental", {"existing": TABLE, "config": {**KEYED, "incremental_predicates": ["id > 10"]}}, None),
    "merge": ("incremental", {"existing": TABLE, "config": {**KEYED, "incremental_strategy": "merge"}}, None),
    "merge of keys alone": (
        "incremental",
        {"existing": TABLE, "config": {"unique_key": ["id", "v"], "incremental_strategy": "merge"}},
        None,
    ),
    "sync_all_columns": ("incremental", {"existing": TABLE, "config": SYNC}, CHANGED),
    "a text that has to be longer": ("incremental", {"existing": NARROW, "config": KEYED}, WIDE),
    "materialized view new": ("materialized_view", {"config": {**LAID_OUT, "sort_type": "compound", "auto_refresh": True}}, None),
    "materialized view over another": ("materialized_view", {"existing": STORED, "config": {"auto_refresh": False}}, None),
    "materialized view over table": ("materialized_view", {"existing": TABLE}, None),
    "table, described": ("table", {"config": DOCS, **TOLD}, WIDE),
    "materialized view, described": ("materialized_view", {"config": DOCS, **TOLD}, WIDE),
    "table, granted": ("table", {"config": GRANTS}, Result(rows=(("SELECT", "group:old"), ("INSERT", "loader")))),
    "table, hooked": ("table", {"post": (Hook(sql="vacuum s.t", transaction=False),)}, None),
}


def test_statements() -> None:
    golden_files.compare(FOLDER / "redshift.sql", golden_files.of_cases(ADAPTER, T, CASES))


def test_views_that_are_put_aside() -> None:
    """What asks for them, and what makes one again: its rights and its owner come last."""
    dialect = RedshiftDialect()
    view = ("s", "above", "v", " select t.id from s.t;", "It's above", "somebody", 1)
    rights = [("select", "reporter", False), ("select", "role:auditor", False), ("insert", "loader", True)]
    script = dialect.script(view, rights, [("id", "the id")])
    stored = ("s", "stored", "m", "create materialized view s.stored as select 1;", None, None, 2)
    again = [dialect.restore(T, one) for one in (script, dialect.script(stored, [], []))]
    asked = [dialect.ties(T), dialect.dependents(T), dialect.rights(T), dialect.refused()]
    golden_files.compare(FOLDER / "views.sql", golden_files.text([one for one in (*asked, *again) if one is not None]))
    assert len(json.loads(script)) == 7


class _Rows:
    """Two rows of every kind of column, the second of NULLs."""

    fields = (Field("id", "BIGINT"), Field("v", "VARCHAR"), Field("j", "JSON"), Field("b", "BLOB"))

    def text(self) -> Any:
        yield b'1\tit\'s \\\\ a\\ttab\t{"a": "x\\\\\\\\y"}\t\\\\x00ff\n\\N\t\\N\t\\N\t\\N\n'


def test_rows() -> None:
    """A backslash in a text comes twice, and what is nested is parsed."""
    types = ("bigint", _TEXT, "super", "binary varying(1024000)")
    source: Any = _Rows()
    ((sql, count),) = statements('insert into "db"."s"."t" ("id", "v", "j", "b") values', source, types, RedshiftDialect())
    assert count == 2
    golden_files.compare(FOLDER / "rows.sql", sql + ";\n")


class _Bucket:
    """A client of S3 that keeps what it is given."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.gone: list[str] = []

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:
        if Bucket != "bucket":
            raise ClientError({"Error": {"Code": "NoSuchBucket", "Message": "no such bucket"}}, "PutObject")
        self.kept[Key] = Body

    def delete_object(self, *, Bucket: str, Key: str) -> None:
        self.gone.append(Key)


def test_rows_by_way_of_s3() -> None:
    """Files in a folder of their own, gone afterwards; NULL is told from a text that is empty."""
    dialect, bucket = RedshiftDialect(), _Bucket()
    source: Any = _Rows()
    types = ("bigint", _TEXT, "super", "binary varying(1024000)")
    with staged(bucket, "s3://bucket/a/folder/", source, types) as (place, count):
        assert count == 2
        assert re.fullmatch(r"s3://bucket/a/folder/eltflow_[0-9a-f]{32}/", place)
        ((key, body),) = bucket.kept.items()
        assert f"s3://bucket/{key}" == f"{place}00000.csv.gz"
        written = gzip.decompress(body).decode()
        assert list(csv.reader(io.StringIO(written))) == [["1", "it's \\ a\ttab", '{"a": "x\\\\y"}', "00ff"], [NULL] * 4]
        assert bucket.gone == []
    assert bucket.gone == [key]
    load: Any = dialect.load(T, ["id", "v"], source)
    roles = (("default", None), ("arn:aws:iam::1:role/r", "eu-west-1"))
    shown = [dialect.copied(load, "s3://bucket/f/", role, region) for role, region in roles]
    golden_files.compare(FOLDER / "copy.sql", "".join(f"{sql};\n" for sql in shown))


def test_a_bucket_that_is_not_there() -> None:
    source: Any = _Rows()
    with pytest.raises(WarehouseError) as raised, staged(_Bucket(), "s3://other/f", source, ("bigint", _TEXT, "super", _TEXT)):
        pass
    assert str(raised.value) == "S3: An error occurred (NoSuchBucket) when calling the PutObject operation: no such bucket"
    assert raised.value.help == "correct `copy_to:` of the target, and let its AWS keys or profile write there"


class _NoBytes:
    fields = (Field("b", "VARCHAR"),)

    def text(self) -> Any:
        yield b"\\\\xzz\n"


def test_bytes_that_are_none() -> None:
    source: Any = _NoBytes()
    with pytest.raises(WarehouseError, match=r"`\\xzz` begins as bytes in hexadecimal digits do, and is none"):
        list(statements("insert into t (b) values", source, ("binary varying(1024000)",), RedshiftDialect()))


class _Many:
    fields = (Field("v", "VARCHAR"),)

    def text(self) -> Any:
        for _ in range(4):
            yield b"x" * 600_000 + b"\n"


def test_a_statement_has_a_bounded_size() -> None:
    source: Any = _Many()
    sent = list(statements("insert into t (v) values", source, (_TEXT,), RedshiftDialect()))
    assert [count for _, count in sent] == [2, 2]
    assert all(len(sql) < 2_000_000 for sql, _ in sent)


@pytest.mark.parametrize(
    ("name", "physical"), [("Orders", "orders"), ("MyModel", "mymodel"), ("GRÖSSE", "grÖsse"), ("my Model", "my model")]
)
def test_names_are_folded(name: str, physical: str) -> None:
    """ASCII letters alone, between quotes too."""
    dialect = RedshiftDialect()
    assert dialect.named(name) == dialect.fold(name, True) == dialect.fold(name, False) == physical


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("it's a \\ back", "'it''s a \\\\ back'"),
        (b"\x00\xff", "to_varbyte('00ff', 'hex')"),
        (1.5, "'1.5'::float8"),
        (None, "null"),
    ],
)
def test_literals(value: Any, literal: str) -> None:
    assert RedshiftDialect().literal(value) == literal


@pytest.mark.parametrize(
    ("type", "kept"),
    [
        ("VARCHAR", _TEXT),
        ("HUGEINT", "numeric(38,0)"),
        ("DECIMAL(10,2)", "numeric(10,2)"),
        ("INTEGER[]", "super"),
        ("STRUCT(a INTEGER)", "super"),
        ("BLOB", "binary varying(1024000)"),
        ("UUID", "character varying(36)"),
        ("TIMESTAMP WITH TIME ZONE", "timestamp with time zone"),
        ("INTERVAL", None),
    ],
)
def test_types(type: str, kept: str | None) -> None:
    assert RedshiftDialect().keeps(type) == kept


@pytest.mark.parametrize(
    ("type", "other", "fits", "wider"),
    [
        (_TEXT, "character varying(5)", True, None),
        ("character varying(1)", "character varying(3)", False, "character varying(3)"),
        ("character varying(3)", "bigint", False, None),
        ("numeric(10,2)", "numeric(8,0)", True, None),
        ("numeric(10,2)", "numeric(9,0)", False, None),
        ("date", "date", True, None),
    ],
)
def test_what_a_type_holds(type: str, other: str, fits: bool, wider: str | None) -> None:
    dialect = RedshiftDialect()
    assert (dialect.holds(type, other), dialect.widened(type, other)) == (fits, wider)
