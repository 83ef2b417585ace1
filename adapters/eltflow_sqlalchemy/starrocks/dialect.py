"""How StarRocks (3.4 and later) spells things. Pages of docs.starrocks.io (November 2026) stand where a rule comes from there."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from eltflow.warehouse import Capabilities, Column, Contract, Dialect, Relation, Statement
from eltflow_sqlalchemy.mysql.dialect import MariaDBDialect
from eltflow_sqlalchemy.statements import Unsent

_NOTHING: Mapping[str, Any] = {}
_TEXT = "varchar(65533)"  #: a varchar without a length has one character
#: DuckDB's types → StarRocks's. There are no times of the day, and no bits.
_TYPES: Mapping[str, str] = {
    "BOOLEAN": "boolean",
    "TINYINT": "tinyint",
    "SMALLINT": "smallint",
    "INTEGER": "int",
    "BIGINT": "bigint",
    "HUGEINT": "largeint",
    "UTINYINT": "smallint",
    "USMALLINT": "int",
    "UINTEGER": "bigint",
    "UBIGINT": "largeint",
    "FLOAT": "float",
    "DOUBLE": "double",
    "BLOB": "varbinary",
    "DATE": "date",
    **dict.fromkeys(("VARCHAR", "ENUM", "BIT", "TIME", "UUID", '"NULL"'), _TEXT),
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP WITH TIME ZONE"), "datetime"),
    **dict.fromkeys(("JSON", "STRUCT", "MAP", "UNION"), "json"),
}
_READ_AS: Mapping[str, str] = {**MariaDBDialect.types_read, "boolean": "BOOLEAN", "largeint": "HUGEINT", "json": "JSON"}


class StarRocksDialect(MariaDBDialect):
    """A schema is a database of the default catalog. Every statement stands for itself."""

    name = "starrocks"
    sqlglot = "starrocks"
    clock = "utc_timestamp()"
    types = _TYPES
    types_read = _READ_AS
    capabilities = Capabilities(
        comments=False,
        materialized_views=True,
        transactions=False,
        renames_views=False,
        constraints={"not_null": "enforced", "custom": "enforced"},
        identifier_limit=64,
        incremental_strategies=("append", "insert_overwrite"),
    )

    def literal(self, value: Any) -> str:
        if isinstance(value, datetime.datetime):  # there is no literal of a type
            moment = value.astimezone(datetime.UTC).replace(tzinfo=None) if value.tzinfo is not None else value
            return self.string(moment.isoformat(sep=" "))
        if isinstance(value, datetime.date):
            return self.string(value.isoformat())
        return super().literal(value)

    # -- statements ------------------------------------------------------------------------------------------------------------

    def begin(self, *, read_only: bool = False) -> Statement:
        return Unsent("/* begin: there are no transactions */", role="begin")

    def commit(self) -> Statement:
        return Unsent("/* commit: there are no transactions */", role="commit")

    def rollback(self) -> Statement:
        return Unsent("/* rollback: there are no transactions */", role="rollback")

    def create_schema(self, database: str | None, schema: str) -> Statement:
        return Statement(f"create database if not exists {self.quote(schema)}")

    def create_table_as(
        self, relation: Relation, sql: str, *, replace: bool = False, config: Mapping[str, Any] = _NOTHING
    ) -> Statement:
        return Statement(f"create table {self.render(relation)}{self._laid_out(config)}\nas\n{sql}", main=True)

    def create_table(self, relation: Relation, columns: Sequence[Column], config: Mapping[str, Any] = _NOTHING) -> Statement:
        return Statement(Dialect.create_table(self, relation, columns).sql + self._laid_out(config))

    def create_contracted(
        self, relation: Relation, contract: Contract, sql: str, *, replace: bool = False, config: Mapping[str, Any] = _NOTHING
    ) -> tuple[Statement, ...]:
        """Here a table may have any type: how rows of one key are aggregated is a column's own constraint (`expression: sum`)."""
        make, fill = Dialect.create_contracted(self, relation, contract, sql)
        return Statement(make.sql + self._laid_out(config)), fill

    def create_temporary_as(self, relation: Relation, sql: str) -> Statement:
        """A table as every other; what a killed run leaves is dropped by the next."""
        return Statement(f"create table {self.render(relation)}\nas\n{sql}")

    def create_materialized_view(self, relation: Relation, sql: str, config: Mapping[str, Any] = _NOTHING) -> Statement:
        """An asynchronous one: without a way to be refreshed or distributed it would be a rollup (CREATE_MATERIALIZED_VIEW)."""
        parts = [self._distributed(config), f"refresh {config.get('refresh_method') or 'async'}", self._partitioned(config)]
        parts += [self._ordered(config), self._properties(config)]
        shown = "".join(f"\n{part}" for part in parts if part)
        return Statement(f"create materialized view {self.render(relation)}{shown}\nas\n{sql}", main=True)

    def refresh(self, relation: Relation) -> Statement:
        return Statement(f"refresh materialized view {self.render(relation)} with sync mode", main=True)

    def same_view(self, relation: Relation, scratch: Relation, config: Mapping[str, Any]) -> Statement | None:
        return None

    def rename(self, relation: Relation, identifier: str, kind: str = "table") -> Statement:
        return Statement(f"alter table {self.render(relation)} rename {self.quote(identifier)}")

    def exchange(self, relation: Relation, fresh: Relation, kinds: tuple[str, str] = ("table", "table")) -> Statement | None:
        """Two tables change places as a whole (ALTER_TABLE, "Swap"); a view has no place to give."""
        if kinds != ("table", "table"):
            return None
        return Statement(f"alter table {self.render(relation)} swap with {self.quote(fresh.identifier)}")

    def partitions_in(self, source: Relation, config: Mapping[str, Any]) -> Statement | None:
        """None are asked for: the engine finds those of the new rows itself."""
        if not config.get("partition_by"):
            return None
        return Statement("select 1 as eltflow_partition limit 0", role="query")

    def overwrite(
        self, relation: Relation, source: Relation, columns: Sequence[str], partitions: Sequence[str], config: Mapping[str, Any]
    ) -> Statement:
        """One INSERT OVERWRITE, which is all or nothing: of the partitions of the new rows, or of those that the configuration names."""
        named = _listed(config.get("partitions"))
        hint = "" if named else "/*+ set_var(dynamic_overwrite = true) */ "
        chosen = f" partition ({self.columns(named)})" if named else ""
        names = self.columns(columns)
        return Statement(
            f"insert {hint}overwrite {self.render(relation)}{chosen} ({names})\nselect {names} from {self.render(source)}",
            role="dml",
            main=True,
        )

    # -- how a table is laid out -------------------------------------------------------------------------------------------------

    def _laid_out(self, config: Mapping[str, Any]) -> str:
        """Key, partitions, buckets, order and properties, in the order that the grammar has (CREATE_TABLE)."""
        parts = [self._key(config), self._partitioned(config), self._distributed(config)]
        parts += [self._ordered(config), self._properties(config)]
        return "".join(f"\n{part}" for part in parts if part)

    def _key(self, config: Mapping[str, Any]) -> str:
        keys = _listed(config.get("keys"))
        return f"{str(config.get('table_type') or 'duplicate').lower()} key ({self.columns(keys)})" if keys else ""

    def _partitioned(self, config: Mapping[str, Any]) -> str:
        """By columns, or by expressions of them, as they are written."""
        listed = _listed(config.get("partition_by"))
        return (
            f"partition by {', '.join(listed) if any('(' in one for one in listed) else f'({self.columns(listed)})'}"
            if listed
            else ""
        )

    def _distributed(self, config: Mapping[str, Any]) -> str:
        by, buckets = _listed(config.get("distributed_by")), config.get("buckets")
        most = f" buckets {int(buckets)}" if buckets else ""
        if by:
            return f"distributed by hash ({self.columns(by)}){most}"
        return f"distributed by random{most}" if buckets else ""

    def _ordered(self, config: Mapping[str, Any]) -> str:
        keys = _listed(config.get("order_by"))
        return f"order by ({self.columns(keys)})" if keys else ""

    def _properties(self, config: Mapping[str, Any]) -> str:
        given = config.get("properties") or {}
        pairs = ", ".join(f"{self.string(str(key))} = {self.string(_said(value))}" for key, value in given.items())
        return f"properties ({pairs})" if pairs else ""


def _listed(value: Any) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else [str(one) for one in value]


def _said(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
