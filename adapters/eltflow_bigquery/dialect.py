"""How BigQuery spells things. Its reference (cloud.google.com/bigquery/docs, November 2026) is meant where a rule has no other source."""

from __future__ import annotations

import datetime
import decimal
import math
from collections.abc import Mapping, Sequence
from typing import Any

from eltflow.base.names import TEMPORARY
from eltflow.transfer import Source
from eltflow.warehouse import Capabilities, Column, Constraint, Contract, Dialect, Relation, Statement
from eltflow_bigquery.layout import options, partition_start, partitioned
from eltflow_bigquery.types import given_as, holds, kept, read_as

_NOTHING: Mapping[str, Any] = {}
_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r"}


class BigQueryDialect(Dialect):
    """A statement that makes, changes or drops a relation stands for itself: none may be in a transaction ("Multi-statement
    transactions")."""

    name = "bigquery"
    sqlglot = "bigquery"
    default_schema = "eltflow"
    capabilities = Capabilities(
        create_or_replace_table=True,
        merge=True,
        streams=True,
        constraints={
            "not_null": "enforced",
            "custom": "enforced",
            **dict.fromkeys(("primary_key", "foreign_key"), "accepted"),
        },
        columns_in_create_as=True,
        identifier_limit=1024,
        query_comments=False,  # labels of the jobs say it, and a comment of the run's would keep BigQuery from finding a result again
        incremental_strategies=("merge", "append", "delete+insert", "insert_overwrite"),
    )

    # -- names and values ------------------------------------------------------------------------------------------------------

    def quote(self, identifier: str) -> str:
        return "`" + identifier.replace("\\", "\\\\").replace("`", "\\`") + "`"

    def fold(self, identifier: str, quoted: bool) -> str:
        """Columns whose names differ in case alone are one."""
        return identifier.lower()

    def fold_relation(self, identifier: str, quoted: bool) -> str:
        return identifier  # "Case sensitivity": datasets and tables are told apart

    def string(self, text: str) -> str:
        return "'" + "".join(_ESCAPES.get(character, character) for character in text) + "'"

    def literal(self, value: Any) -> str:
        if isinstance(value, datetime.datetime):
            kind = "datetime" if value.tzinfo is None else "timestamp"
            return f"{kind} {self.string(value.isoformat(sep=' '))}"
        if isinstance(value, decimal.Decimal):
            return f"bignumeric {self.string(str(value))}"
        if isinstance(value, float) and not math.isfinite(value):
            return f"cast({self.string(repr(value))} as float64)"
        if isinstance(value, bytes):
            return f"from_hex({self.string(value.hex())})"
        return super().literal(value)

    # -- statements ------------------------------------------------------------------------------------------------------------

    def begin(self, *, read_only: bool = False) -> Statement:
        return Statement("begin transaction", role="begin")

    def commit(self) -> Statement:
        return Statement("commit transaction", role="commit")

    def rollback(self) -> Statement:
        return Statement("rollback transaction", role="rollback")

    def create_view(self, relation: Relation, sql: str, *, config: Mapping[str, Any] = _NOTHING) -> Statement:
        more = options(self, config, table=False)
        return Statement(f"create or replace view {self.render(relation)}{more} as (\n{sql}\n)", main=True)

    def create_table_as(
        self, relation: Relation, sql: str, *, replace: bool = False, config: Mapping[str, Any] = _NOTHING
    ) -> Statement:
        word = "create or replace table" if replace else "create table"
        more = partitioned(self, config) + options(self, config)
        return Statement(f"{word} {self.render(relation)}{more} as (\n{sql}\n)", main=True)

    def create_contracted(
        self, relation: Relation, contract: Contract, sql: str, *, replace: bool = False, config: Mapping[str, Any] = _NOTHING
    ) -> tuple[Statement, ...]:
        word = "create or replace table" if replace else "create table"
        make = f"{word} {self.render(relation)} {self.definitions(contract)}{partitioned(self, config)}{options(self, config)}"
        return (Statement(f"{make} as (\n{self.chosen(contract, sql)}\n)", main=True),)

    def constraint(self, constraint: Constraint) -> str:
        """A key is taken only with the words that nothing holds anybody to it ("Use primary and foreign keys")."""
        made = super().constraint(constraint)
        key = constraint.type in ("primary_key", "foreign_key")
        return f"{made} not enforced" if key and "not enforced" not in made.lower() else made

    def create_table(self, relation: Relation, columns: Sequence[Column], config: Mapping[str, Any] = _NOTHING) -> Statement:
        body = ", ".join(f"{self.quote(c.name)} {c.type}" for c in columns)
        more = partitioned(self, config) + options(self, config)
        return Statement(f"create table if not exists {self.render(relation)} ({body}){more}")

    def create_temporary_as(self, relation: Relation, sql: str) -> Statement:
        """A table that goes by itself after a day, should nobody be there to drop it."""
        ends = "timestamp_add(current_timestamp(), interval 1 day)"
        return Statement(f"create or replace table {self.render(relation)} options(expiration_timestamp = {ends}) as (\n{sql}\n)")

    def rename(self, relation: Relation, identifier: str, kind: str = "table") -> Statement:
        """A view has no new name: another is made of its text, and then it goes."""
        if kind == "table":
            return super().rename(relation, identifier, kind)
        to = self.render(relation.sibling(identifier))
        views = ".".join(self.quote(part) for part in relation.parts()[:-1]) + ".INFORMATION_SCHEMA.VIEWS"
        text = f"select view_definition from {views} where table_name = {self.string(relation.identifier)}"
        make = self.string(f"create {self.word(kind)} {to.replace('%', '%%')} as %s")
        return Statement(
            f"begin\n  declare definition string default ({text});\n  execute immediate format({make}, definition);\n"
            f"  drop {self.word(kind)} {self.render(relation)};\nend"
        )

    def comment_on(self, relation: Relation, kind: str, text: str) -> Statement:
        return Statement(f"alter {self.word(kind)} {self.render(relation)} set options(description = {self.string(text)})")

    def comment_on_column(self, relation: Relation, column: str, text: str, kind: str = "table") -> Statement:
        name = f"alter {self.word(kind)} {self.render(relation)} alter column {self.quote(column)}"
        return Statement(f"{name} set options(description = {self.string(text)})")

    # -- partitions ------------------------------------------------------------------------------------------------------------

    def partitions_in(self, source: Relation, config: Mapping[str, Any]) -> Statement | None:
        start = partition_start(self, config)
        if start is None:
            return None
        return Statement(f"select distinct {start} as eltflow_partition from {self.render(source)} order by 1", role="query")

    def overwrite(
        self, relation: Relation, source: Relation, columns: Sequence[str], partitions: Sequence[str], config: Mapping[str, Any]
    ) -> Statement:
        """One MERGE, which is all or nothing; the partitions stand in it as literals, so that no other is read. Rows without a value to
        part them by are in a partition too."""
        if not partitions:
            return self.insert_from(relation, columns, source)
        start = partition_start(self, config, "eltflow_target.")
        known = [one for one in partitions if one.lower() != "null"]
        chosen = [f"{start} in ({', '.join(known)})"] if known else []
        if len(known) < len(partitions):
            chosen.append(f"{start} is null")
        names = self.columns(columns)
        return Statement(
            f"merge into {self.render(relation)} as eltflow_target\nusing {self.render(source)} as eltflow_source\non false\n"
            f"when not matched by source and ({' or '.join(chosen)}) then delete\n"
            f"when not matched then insert ({names}) values ({self.columns(columns, 'eltflow_source.')})",
            role="dml",
            main=True,
        )

    # -- types, and rows from elsewhere ------------------------------------------------------------------------------------------

    def keeps(self, type: str) -> str | None:
        return kept(type)

    def gives(self, column: str, type: str) -> tuple[str, str]:
        if type == "JSON":  # the client would make values of it, of which a text is one without quotes
            return f"if({column} is null, null, to_json_string({column}))", "JSON"
        if type in ("INTERVAL", "GEOGRAPHY"):
            return (f"cast({column} as string)" if type == "INTERVAL" else f"st_astext({column})"), "VARCHAR"
        return column, given_as(type)

    def scattered(self, columns: Sequence[str]) -> str:
        return f"to_hex(md5(to_json_string(struct({', '.join(columns)}))))"

    def reads_as(self, type: str) -> str:
        return read_as(type)

    def holds(self, type: str, other: str) -> bool:
        return holds(type, other)

    def load(self, relation: Relation, columns: Sequence[str], source: Source) -> Statement:
        """Load jobs bring Parquet files into a table beside; one INSERT, which a transaction can hold, takes them from there. The
        types of the columns are put in when it is sent."""
        staged = self.render(relation.sibling(f"{relation.identifier}__load{TEMPORARY}"))
        return Statement(
            f"insert into {self.render(relation)} ({self.columns(columns)})\nselect {self.columns(columns)}\nfrom {staged}",
            role="load",
            main=True,
            parameters=(relation, *columns),
            source=source,
        )
