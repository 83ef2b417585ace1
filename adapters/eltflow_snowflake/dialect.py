"""How Snowflake spells things. Its reference (docs.snowflake.com, November 2026) is meant where a rule has no other source."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from typing import Any

from eltflow.base.fingerprint import fingerprint
from eltflow.transfer import Source
from eltflow.warehouse import Capabilities, Column, Contract, Dialect, Relation, Statement
from eltflow_snowflake.types import holds, kept, read_as, widened

_NOTHING: Mapping[str, Any] = {}
#: What may stand without quotes ("Identifier requirements"); the engine makes it upper case.
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*\Z")
#: The folder of a table's stage that a load's files are put in; whoever loads gives it an ending of its own.
LOAD_FOLDER = "eltflow_load"
#: Types with nine digits of seconds.
_FINE = ("TIME", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ", "TIMESTAMP_TZ")
_LOAD = (
    "file_format = (type = parquet use_logical_type = true binary_as_text = false)"
    " match_by_column_name = case_insensitive on_error = abort_statement purge = true force = true"
)


class SnowflakeDialect(Dialect):
    """Every statement that makes, changes or drops something commits by itself, and what is open with it ("Transactions")."""

    name = "snowflake"
    sqlglot = "snowflake"
    default_schema = "public"
    capabilities = Capabilities(
        create_or_replace_table=True,
        dynamic_tables=True,
        narrow_literals=True,
        merge=True,
        streams=True,
        grants=True,
        constraints={
            "not_null": "enforced",
            "custom": "enforced",
            **dict.fromkeys(("unique", "primary_key", "foreign_key"), "accepted"),
        },
        columns_in_create_as=True,
        identifier_limit=255,
        incremental_strategies=("merge", "append", "delete+insert"),
    )

    # -- names and values ------------------------------------------------------------------------------------------------------

    def named(self, name: str) -> str:
        return name.upper() if _PLAIN.match(name) else name

    def fold(self, identifier: str, quoted: bool) -> str:
        """Names that differ in case alone are one name here, so that a column is known however a query spells it. (The engine tells
        `"a"` from `A`: two such columns in one incremental model are refused.)"""
        return identifier.upper() if identifier.isascii() else identifier

    def string(self, text: str) -> str:
        return super().string(text.replace("\\", "\\\\"))

    def literal(self, value: Any) -> str:
        if isinstance(value, datetime.datetime):
            kind = "timestamp_ntz" if value.tzinfo is None else "timestamp_tz"
            return f"{self.string(value.isoformat(sep=' '))}::{kind}"
        if isinstance(value, float):
            return f"{self.string(repr(value))}::float"
        if isinstance(value, bytes):
            return f"to_binary({self.string(value.hex())}, 'HEX')"
        return super().literal(value)

    # -- statements ------------------------------------------------------------------------------------------------------------

    def begin(self, *, read_only: bool = False) -> Statement:
        return Statement("begin", role="begin")

    def create_view(self, relation: Relation, sql: str, *, config: Mapping[str, Any] = _NOTHING) -> Statement:
        secure = "secure " if config.get("secure") else ""
        return Statement(f"create or replace {secure}view {self.render(relation)}{_copy_grants(config)} as (\n{sql}\n)", main=True)

    def create_table_as(
        self, relation: Relation, sql: str, *, replace: bool = False, config: Mapping[str, Any] = _NOTHING
    ) -> Statement:
        word = "create or replace" if replace else "create"
        more = self._clustered(config) + (_copy_grants(config) if replace else "")
        return Statement(f"{word} {_transient(config)}table {self.render(relation)}{more} as (\n{sql}\n)", main=True)

    def create_contracted(
        self, relation: Relation, contract: Contract, sql: str, *, replace: bool = False, config: Mapping[str, Any] = _NOTHING
    ) -> tuple[Statement, ...]:
        word = "create or replace" if replace else "create"
        more = self._clustered(config) + (_copy_grants(config) if replace else "")
        make = f"{word} {_transient(config)}table {self.render(relation)} {self.definitions(contract)}{more}"
        return (Statement(f"{make} as (\n{self.chosen(contract, sql)}\n)", main=True),)

    def create_table(self, relation: Relation, columns: Sequence[Column], config: Mapping[str, Any] = _NOTHING) -> Statement:
        body = ", ".join(f"{self.quote(c.name)} {c.type}" for c in columns)
        return Statement(
            f"create {_transient(config)}table if not exists {self.render(relation)} ({body}){self._clustered(config)}"
        )

    def create_temporary_as(self, relation: Relation, sql: str) -> Statement:
        """A transient table, which costs what a temporary one does; what a killed run leaves is dropped by the next."""
        return Statement(f"create or replace transient table {self.render(relation)} as (\n{sql}\n)")

    def rename(self, relation: Relation, identifier: str, kind: str = "table") -> Statement:
        to = self.render(relation.sibling(identifier))  # a lone name would move it to the session's schema
        return Statement(f"alter {self.word(kind)} {self.render(relation)} rename to {to}")

    def word(self, kind: str) -> str:
        return "external table" if kind == "external" else super().word(kind)

    def comment_on(self, relation: Relation, kind: str, text: str) -> Statement:
        return Statement(f"comment on {self.word(kind)} {self.render(relation)} is {self.string(text)}")

    def _clustered(self, config: Mapping[str, Any]) -> str:
        keys = config.get("cluster_by")
        if not keys:
            return ""
        listed = [keys] if isinstance(keys, str) else [str(key) for key in keys]
        return f" cluster by ({', '.join(listed)})"

    # -- dynamic tables --------------------------------------------------------------------------------------------------------

    def create_dynamic_table(self, relation: Relation, sql: str, config: Mapping[str, Any]) -> Statement:
        """The mark in the query says what was asked for: SHOW DYNAMIC TABLES gives the text back."""
        options = [
            f"target_lag = {self._lag(config)}",
            f"warehouse = {self.quote(self.named(str(config.get('snowflake_warehouse') or '')))}",
        ]
        options += [f"{key} = {str(config[key]).lower()}" for key in ("refresh_mode", "initialize") if config.get(key)]
        body = f"{_mark(sql, config)}\n{sql}"
        transient = "transient " if config.get("transient") else ""
        return Statement(
            f"create or replace {transient}dynamic table {self.render(relation)}\n  " + "\n  ".join(options) + f"\nas (\n{body}\n)",
            main=True,
        )

    def _lag(self, config: Mapping[str, Any]) -> str:
        lag = str(config.get("target_lag") or "")
        return "downstream" if lag.lower() == "downstream" else self.string(lag)

    def refresh_dynamic_table(self, relation: Relation) -> Statement:
        return Statement(f"alter dynamic table {self.render(relation)} refresh", main=True)

    def same_dynamic_table(self, relation: Relation, sql: str, config: Mapping[str, Any]) -> Statement:
        place = ".".join(self.quote(part) for part in relation.parts()[:-1])
        like = self.string(re.sub(r"([\\%_])", r"\\\1", relation.identifier))
        return Statement(
            f"show dynamic tables like {like} in schema {place}"
            f' ->> select contains("text", {self.string(_mark(sql, config))}) from $1',
            role="query",
        )

    # -- rights ----------------------------------------------------------------------------------------------------------------

    def grants_held(self, relation: Relation) -> Statement:
        place = f"{self.quote(relation.database)}." if relation.database else ""
        return Statement(
            f"select privilege_type, grantee from {place}information_schema.table_privileges"
            f" where table_schema = {self.string(relation.schema or '')} and table_name = {self.string(relation.identifier)}"
            " and privilege_type <> 'OWNERSHIP' order by 1, 2",
            role="query",
        )

    def grants(
        self, relation: Relation, wanted: Mapping[str, Sequence[str]], held: Mapping[str, Sequence[str]], kind: str = "table"
    ) -> tuple[Statement, ...]:
        """To roles, whose names are upper case where they are written without quotes."""
        name = f"{self.word(kind)} {self.render(relation)}"
        asked = {privilege: [self.named(role) for role in roles] for privilege, roles in wanted.items()}
        made: list[Statement] = []
        for privilege in sorted({*asked, *held}):
            want, have = set(asked.get(privilege, ())), set(held.get(privilege, ()))
            made += [Statement(f"revoke {privilege} on {name} from role {self.quote(r)}") for r in sorted(have - want)]
            made += [Statement(f"grant {privilege} on {name} to role {self.quote(r)}") for r in sorted(want - have)]
        return tuple(made)

    # -- types, and rows from elsewhere ------------------------------------------------------------------------------------------

    def keeps(self, type: str) -> str | None:
        return kept(type)

    def scattered(self, columns: Sequence[str]) -> str:
        values = ", ".join(f"coalesce(md5(to_varchar({c})), '-')" for c in columns)
        return f"md5(concat_ws(',', {values}))"

    def reads_as(self, type: str) -> str:
        return read_as(type)

    def gives(self, column: str, type: str) -> tuple[str, str]:
        """The driver cuts off parts of a microsecond in silence: a value that has any is an error, of a conversion that says so."""
        if type not in _FINE:
            return super().gives(column, type)
        told = f"{self.string(f'{column} has parts of a microsecond: ')} || to_varchar({column})"
        return f"iff(date_part(nanosecond, {column}) % 1000 = 0, {column}, cast({told} as {type}))", read_as(type)

    def holds(self, type: str, other: str) -> bool:
        return holds(type, other)

    def widened(self, type: str, other: str) -> str | None:
        return widened(type, other)

    def load(self, relation: Relation, columns: Sequence[str], source: Source) -> Statement:
        """COPY from Parquet files in the table's own stage, which needs no statement to make it: that would commit what is open."""
        stage = self.stage(relation)
        return Statement(
            f"copy into {self.render(relation)}\nfrom {stage}/{LOAD_FOLDER}\n{_LOAD}",
            role="load",
            main=True,
            parameters=(stage, *columns),
            source=source,
        )

    def stage(self, relation: Relation) -> str:
        """The stage that comes with a table."""
        *place, table = (part if _PLAIN.match(part) and part == part.upper() else self.quote(part) for part in relation.parts())
        return "@" + ".".join([*place, f"%{table}"])


def _transient(config: Mapping[str, Any]) -> str:
    return "" if config.get("transient") is False else "transient "


def _copy_grants(config: Mapping[str, Any]) -> str:
    return " copy grants" if config.get("copy_grants") else ""


def _mark(sql: str, config: Mapping[str, Any]) -> str:
    told = [str(config.get(key)) for key in ("target_lag", "snowflake_warehouse", "refresh_mode", "initialize", "transient")]
    return f"/* eltflow {fingerprint(repr((sql, told)))[:16]} */"
