"""How Spark spells things. Its SQL reference (spark.apache.org, November 2026) is meant where a rule has no other source."""

from __future__ import annotations

import datetime
import decimal
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from eltflow.transfer import Source
from eltflow.warehouse import Capabilities, Column, Contract, Dialect, Relation, Statement, WarehouseError
from eltflow_spark.layout import MERGING, REPLACING, format_of, laid_out, partitions
from eltflow_spark.statements import Describe, Load, Overwrite
from eltflow_spark.types import kept, read_as

_NOTHING: Mapping[str, Any] = {}
_NAME = re.compile(r"[a-z0-9_]+\Z")


class SparkDialect(Dialect):
    """Spark 4, or 3.4 and later. Every statement stands for itself; what a table can do hangs on its format, parquet unless told."""

    name = "spark"
    sqlglot = "spark"
    default_schema = "default"
    capabilities = Capabilities(
        transactional_ddl=False,
        transactions=False,
        narrows=False,
        column_comments=False,
        streams=True,
        identifier_limit=128,
        incremental_strategies=("append", "insert_overwrite"),
    )

    def strategies(self, config: Mapping[str, Any]) -> tuple[str, ...]:
        own = self.capabilities.incremental_strategies
        return ("merge", *own) if format_of(config) in MERGING else own

    def replaces(self, config: Mapping[str, Any]) -> bool:
        return format_of(config) in REPLACING

    def narrows(self, config: Mapping[str, Any]) -> bool:
        return format_of(config) in MERGING

    def misnamed(self, identifier: str) -> str | None:
        """What the session catalog takes; a table of another name would fail once its files are written, and leave them."""
        return None if _NAME.match(identifier) else "letters, digits and `_` alone"

    # -- names and values ------------------------------------------------------------------------------------------------------

    def quote(self, identifier: str) -> str:
        return "`" + identifier.replace("`", "``") + "`"

    def column(self, name: str) -> str:
        return self.quote(name)

    def fold(self, identifier: str, quoted: bool) -> str:
        return identifier.lower()

    def named(self, name: str) -> str:
        """The session catalog keeps names of schemas and tables in small letters."""
        return name.lower()

    def string(self, text: str) -> str:
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

    def literal(self, value: Any) -> str:
        if isinstance(value, datetime.datetime) and value.tzinfo is None:
            return f"timestamp_ntz {self.string(value.isoformat(sep=' '))}"
        if isinstance(value, decimal.Decimal):
            return f"{value:f}bd"
        if isinstance(value, float):
            text = repr(value) if math.isfinite(value) else {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
            return f"cast({self.string(text)} as double)"
        if isinstance(value, bytes):
            return f"x'{value.hex()}'"
        return super().literal(value)

    # -- statements ------------------------------------------------------------------------------------------------------------

    def create_table_as(
        self, relation: Relation, sql: str, *, replace: bool = False, config: Mapping[str, Any] = _NOTHING
    ) -> Statement:
        word = "create or replace table" if replace else "create table"
        return Statement(f"{word} {self.render(relation)}{laid_out(self, config)}\nas (\n{sql}\n)", main=True)

    def create_table(self, relation: Relation, columns: Sequence[Column], config: Mapping[str, Any] = _NOTHING) -> Statement:
        made = super().create_table(relation, columns, config)
        return Statement(f"{made.sql}{laid_out(self, config)}")

    def create_contracted(
        self, relation: Relation, contract: Contract, sql: str, *, replace: bool = False, config: Mapping[str, Any] = _NOTHING
    ) -> tuple[Statement, ...]:
        make = f"create table {self.render(relation)} {self.definitions(contract)}{laid_out(self, config)}"
        return Statement(make), self.insert_select(relation, [c.name for c in contract.columns], self.chosen(contract, sql))

    def create_temporary_as(self, relation: Relation, sql: str) -> Statement:
        return Statement(f"create table {self.render(relation)}\nusing parquet\nas (\n{sql}\n)")

    def rename(self, relation: Relation, identifier: str, kind: str = "table") -> Statement:
        return Statement(f"alter {self.word(kind)} {self.render(relation)} rename to {self.render(relation.sibling(identifier))}")

    def describe(self, sql: str) -> Statement:
        return Describe(super().describe(sql).sql, role="query", query=sql)

    def alter_type(self, relation: Relation, column: Column) -> Statement:
        return Statement(f"alter table {self.render(relation)} alter column {self.quote(column.name)} type {column.type}")

    def comment_on(self, relation: Relation, kind: str, text: str) -> Statement:
        if kind == "view":
            return Statement(f"alter view {self.render(relation)} set tblproperties ('comment' = {self.string(text)})")
        return super().comment_on(relation, kind, text)

    def comment_on_column(self, relation: Relation, column: str, text: str, kind: str = "table") -> Statement:
        return Statement(
            f"alter {self.word(kind)} {self.render(relation)} alter column {self.quote(column)} comment {self.string(text)}"
        )

    # -- partitions ------------------------------------------------------------------------------------------------------------

    def partitions_in(self, source: Relation, config: Mapping[str, Any]) -> Statement | None:
        """Their number is enough: Spark itself finds out which they are."""
        names = partitions(config)
        if not names:
            return None
        if config.get("partitions"):
            help = "take `partitions` out, and have the query give all rows of the partitions that it shall replace"
            raise WarehouseError("spark overwrites the partitions that new rows are in, and no others", help=help)
        found = f"select distinct {self.columns(names)} from {self.render(source)}"
        return Statement(f"select count(*) as eltflow_partitions from (\n{found}\n) as eltflow_found", role="query")

    def overwrite(
        self, relation: Relation, source: Relation, columns: Sequence[str], partitions: Sequence[str], config: Mapping[str, Any]
    ) -> Statement:
        names = self.columns(columns)
        sql = f"insert overwrite table {self.render(relation)} ({names})\nselect {names} from {self.render(source)}"
        return Overwrite(sql, role="dml", main=True)

    # -- types, and rows from elsewhere ------------------------------------------------------------------------------------------

    def keeps(self, type: str) -> str | None:
        return kept(type)

    def gives(self, column: str, type: str) -> tuple[str, str]:
        if "<" in type:
            return f"to_json({column}, map('ignoreNullFields', 'false'))", "JSON"
        if type == "timestamp":  # a Thrift server tells the time of its session's zone, and not the zone
            era = f"case when {column} < timestamp '0001-01-01 00:00:00 UTC' then ' BC' else '' end"
            return f"concat(date_format({column}, 'yyyy-MM-dd HH:mm:ss.SSSSSSXXX'), {era})", self.reads_as(type)
        return super().gives(column, type)

    def scattered(self, columns: Sequence[str]) -> str:
        return f"md5(to_json(struct({', '.join(columns)})))"  # its hashes take no maps

    def reads_as(self, type: str) -> str:
        return read_as(type)

    def load(self, relation: Relation, columns: Sequence[str], source: Source) -> Statement:
        """The rows go into a table that nobody reads yet, a piece at a time; the types of its columns are put in when they are sent."""
        name, names = self.render(relation), [self.quote(column) for column in columns]
        sql = f"insert into {name} ({', '.join(names)})\nselect {', '.join(names)} from eltflow_rows"
        return Load(sql, role="load", main=True, source=source, name=name, into=tuple(names))
