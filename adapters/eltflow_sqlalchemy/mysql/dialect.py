"""How MariaDB and MySQL spell things. Pages of mariadb.com/kb stand where a rule comes from there (10.11)."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from typing import Any

from eltflow.transfer import Source
from eltflow.warehouse import Capabilities, Column, Contract, Dialect, Relation, Statement
from eltflow_sqlalchemy.statements import CreateAs, Load

_NOTHING: Mapping[str, Any] = {}
_DECIMAL = re.compile(r"DECIMAL\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)\Z", re.IGNORECASE)
_WIDTH = re.compile(r"(tinyint|smallint|mediumint|int|bigint|year)\(\d+\)")

#: DuckDB's types → MariaDB's, as the catalog spells them (see `without_width`).
_TYPES: Mapping[str, str] = {
    "BOOLEAN": "tinyint(1)",
    "TINYINT": "tinyint",
    "SMALLINT": "smallint",
    "INTEGER": "int",
    "BIGINT": "bigint",
    "HUGEINT": "decimal(39,0)",
    "UTINYINT": "tinyint unsigned",
    "USMALLINT": "smallint unsigned",
    "UINTEGER": "int unsigned",
    "UBIGINT": "bigint unsigned",
    "UHUGEINT": "decimal(39,0)",
    "FLOAT": "double",
    "DOUBLE": "double",
    "VARCHAR": "longtext",
    "ENUM": "longtext",
    "BLOB": "longblob",
    "BIT": "longtext",
    "DATE": "date",
    "TIME": "time(6)",
    "TIMESTAMP": "datetime(6)",
    "TIMESTAMP_S": "datetime(6)",
    "TIMESTAMP_MS": "datetime(6)",
    "TIMESTAMP_NS": "datetime(6)",
    "TIMESTAMP WITH TIME ZONE": "datetime(6)",
    "INTERVAL": "longtext",
    "UUID": "char(36)",
    "JSON": "longtext",
    "STRUCT": "longtext",
    "MAP": "longtext",
    "UNION": "longtext",
    '"NULL"': "longtext",
}
_READ_AS: Mapping[str, str] = {
    "tinyint(1)": "BOOLEAN",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "mediumint": "INTEGER",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "tinyint unsigned": "UTINYINT",
    "smallint unsigned": "USMALLINT",
    "mediumint unsigned": "UINTEGER",
    "int unsigned": "UINTEGER",
    "bigint unsigned": "UBIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "date": "DATE",
}
#: The same, of types that have a length.
_READ_AS_BARE: Mapping[str, str] = {
    "time": "TIME",
    "datetime": "TIMESTAMP",
    "timestamp": "TIMESTAMP",
    "tinyblob": "BLOB",
    "blob": "BLOB",
    "mediumblob": "BLOB",
    "longblob": "BLOB",
    "binary": "BLOB",
    "varbinary": "BLOB",
}


def without_width(type: str) -> str:
    """The catalog's spelling of a type, without the width of whole numbers, which says nothing of the values; but `tinyint(1)` is what
    people have for a boolean."""
    return type if type == "tinyint(1)" else _WIDTH.sub(r"\1", type)


class MariaDBDialect(Dialect):
    """MariaDB 10.6 and later, where RENAME TABLE is atomic. A schema is a database; DDL commits."""

    name = "mariadb"
    sqlglot = "mysql"
    clock = "utc_timestamp(6)"
    create = "create or replace"  #: a table
    #: How texts are compared in what eltflow makes: as everywhere else, by their signs; the server's own rule knows no case.
    collation = "utf8mb4_nopad_bin"
    types = _TYPES  #: DuckDB's → the engine's own
    types_read = _READ_AS
    capabilities = Capabilities(
        transactional_ddl=False,
        create_or_replace_table=False,
        comments=False,
        # No foreign keys: one follows the table that it points at when that changes places with another (kb/rename-table), and keeps it.
        constraints=dict.fromkeys(("not_null", "unique", "primary_key", "check", "custom"), "enforced"),
        columns_in_create_as=True,
        identifier_limit=64,
        incremental_strategies=("delete+insert", "append"),
    )

    def scattered(self, columns: Sequence[str]) -> str:
        values = ", ".join(f"coalesce(hex(concat({c})), '-')" for c in columns)
        return f"md5(concat_ws(',', {values}))"

    def quote(self, identifier: str) -> str:
        return "`" + identifier.replace("`", "``") + "`"

    def fold(self, identifier: str, quoted: bool) -> str:
        """Columns are compared without regard to case; tables too on some systems (lower_case_table_names), so everywhere here."""
        return identifier.lower()

    def column(self, name: str) -> str:
        return self.quote(name)

    def string(self, text: str) -> str:
        """A backslash means something in a literal (sessions do without NO_BACKSLASH_ESCAPES)."""
        return super().string(text.replace("\\", "\\\\"))

    def literal(self, value: Any) -> str:
        if isinstance(value, datetime.datetime) and value.tzinfo is not None:
            value = value.astimezone(datetime.UTC).replace(tzinfo=None)
        if isinstance(value, bytes):
            return f"x'{value.hex()}'"
        return super().literal(value)

    # -- statements ------------------------------------------------------------------------------------------------------------

    def begin(self, *, read_only: bool = False) -> Statement:
        return Statement("start transaction read only" if read_only else "start transaction", role="begin")

    def create_schema(self, database: str | None, schema: str) -> Statement:
        return Statement(f"create schema if not exists {self.quote(schema)} character set utf8mb4 collate {self.collation}")

    def create_view(self, relation: Relation, sql: str, *, config: Mapping[str, Any] = _NOTHING) -> Statement:
        return Statement(f"create or replace view {self.render(relation)} as\n{sql}", main=True)

    def create_table_as(
        self, relation: Relation, sql: str, *, replace: bool = False, config: Mapping[str, Any] = _NOTHING
    ) -> Statement:
        """A server goes on with what a client has asked for that is gone: who asks again replaces that."""
        create = f"{self.create} table {self.render(relation)}"
        return CreateAs(f"{create} as\n{sql}", main=True, create=create, query=sql)

    def create_table(self, relation: Relation, columns: Sequence[Column], config: Mapping[str, Any] = _NOTHING) -> Statement:
        made = super().create_table(relation, columns, config)
        return Statement(f"{made.sql} character set utf8mb4 collate {self.collation}")

    def blank(self, columns: Sequence[Column]) -> str | None:
        return None  # CAST knows few of the types that columns have

    def create_contracted(
        self, relation: Relation, contract: Contract, sql: str, *, replace: bool = False, config: Mapping[str, Any] = _NOTHING
    ) -> tuple[Statement, ...]:
        texts = f" character set utf8mb4 collate {self.collation}"
        make = f"{self.create} table {self.render(relation)} {self.definitions(contract)}{texts}"
        return (Statement(f"{make} as\n{self.chosen(contract, sql)}", main=True),)

    def create_temporary_as(self, relation: Relation, sql: str) -> Statement:
        """A table of the session's own, which takes part in transactions and commits nothing."""
        create = f"{self.create} temporary table {self.render(relation)}"
        return CreateAs(f"{create} as\n{sql}", create=create, query=sql)

    def rename(self, relation: Relation, identifier: str, kind: str = "table") -> Statement:
        return Statement(f"rename table {self.render(relation)} to {self.render(relation.sibling(identifier))}")

    def exchange(self, relation: Relation, fresh: Relation, kinds: tuple[str, str] = ("table", "table")) -> Statement | None:
        """One RENAME TABLE is carried out as a whole, for views as well (kb/rename-table)."""
        aside = fresh.sibling(fresh.identifier[:-1] + "_")
        places = ((relation, aside), (fresh, relation), (aside, fresh))
        return Statement("rename table " + ", ".join(f"{self.render(a)} to {self.render(b)}" for a, b in places))

    def delete_matching(
        self, relation: Relation, source: Relation, keys: Sequence[str], predicates: Sequence[str] = ()
    ) -> Statement:
        """DELETE takes no alias (until 11.6), but for that of several tables, whose conditions may not read the table itself."""
        return self.unaliased(super().delete_matching(relation, source, keys, predicates), relation)

    def brought_back(self, column: str, type: str, into: str) -> str | None:
        return None  # CAST knows few of the types that columns have

    def alter_type(self, relation: Relation, column: Column) -> Statement:
        return Statement(f"alter table {self.render(relation)} modify column {self.quote(column.name)} {column.type}")

    # -- rows from elsewhere ---------------------------------------------------------------------------------------------------

    def keeps(self, type: str) -> str | None:
        """A point in time with a time zone is kept in UTC."""
        upper = " ".join(type.upper().split())
        decimal = _DECIMAL.match(upper)
        if decimal is not None:
            return f"decimal({decimal.group(1)},{decimal.group(2)})"
        if upper.endswith("]"):
            return self.types["STRUCT"]
        return self.types.get(upper.split("(")[0].strip())

    def reads_as(self, type: str) -> str:
        decimal = _DECIMAL.match(type)
        if decimal is not None and int(decimal.group(1)) <= 38:
            return f"DECIMAL({decimal.group(1)},{decimal.group(2)})"
        plain = without_width(type)
        return self.types_read.get(plain) or _READ_AS_BARE.get(plain.split("(")[0], "VARCHAR")

    def load(self, relation: Relation, columns: Sequence[str], source: Source) -> Statement:
        name, names = self.render(relation), self.columns(columns)
        return Load(
            f"insert into {name} ({names}) values",
            role="load",
            main=True,
            source=source,
            probe=f"select {names} from {name} where false",
            into=tuple(columns),
        )


class MySQLDialect(MariaDBDialect):
    """MySQL 8.0.17 and later (which has its collation): MariaDB's words, without OR REPLACE for tables."""

    name = "mysql"
    create = "create"
    collation = "utf8mb4_0900_bin"
