"""How SQLite spells things. Sections of sqlite.org/lang.html stand where a rule comes from there (3.35 and later)."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from typing import Any

from eltflow.transfer import Source
from eltflow.warehouse import Capabilities, Dialect, Relation, Statement
from eltflow_sqlalchemy.statements import Attach, Load

_NOTHING: Mapping[str, Any] = {}
_DECIMAL = re.compile(r"DECIMAL\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)\Z")
_EXACT = 15  #: digits that a number with a fraction keeps (a float of 64 bits)

#: DuckDB's types → the name that a column gets. It says what the loader lets in; what SQLite makes of a name is its affinity
#: (datatype3.html §3.1). A text whose name were not TEXT would become a number where it looks like one.
_TYPES: Mapping[str, str] = {
    "BOOLEAN": "boolean",
    "TINYINT": "tinyint",
    "SMALLINT": "smallint",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "UTINYINT": "smallint",
    "USMALLINT": "integer",
    "UINTEGER": "bigint",
    "FLOAT": "double",
    "DOUBLE": "double",
    "VARCHAR": "text",
    "ENUM": "text",
    "BLOB": "blob",
    "BIT": "text",
    "DATE": "date",
    "TIME": "time",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP_S": "timestamp",
    "TIMESTAMP_MS": "timestamp",
    "TIMESTAMP_NS": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
    "INTERVAL": "text",
    "UUID": "text",
    "JSON": "text",
    "STRUCT": "text",
    "MAP": "text",
    "UNION": "text",
    '"NULL"': "text",
}
_READ_AS: Mapping[str, str] = {
    "boolean": "BOOLEAN",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "double": "DOUBLE",
    "blob": "BLOB",
    "date": "DATE",
    "time": "TIME",
    "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMP WITH TIME ZONE",
}


class SQLiteDialect(Dialect):
    """A schema is a file; `main` is the target's own."""

    name = "sqlite"
    sqlglot = "sqlite"
    again = ":"
    default_schema = "main"
    clock = "strftime('%Y-%m-%d %H:%M:%f', 'now')"  # current_timestamp has no parts of a second
    capabilities = Capabilities(
        transactional_ddl=True,
        create_or_replace_table=False,
        create_or_replace_view=False,
        replace_view_columns=False,
        column_types=False,
        views_across_schemas=False,
        comments=False,
        constraints={
            **dict.fromkeys(("not_null", "unique", "primary_key", "check", "custom"), "enforced"),
            "foreign_key": "accepted",  # no session asks for them (foreignkeys.html §2)
        },
        quotes_may_be_text=True,
        query_comments=False,  # nobody else is there to read them
        incremental_strategies=("delete+insert", "append"),
    )

    row_id = "rowid"  # one more than the largest, in a table without an INTEGER PRIMARY KEY (autoinc.html)

    def quote(self, identifier: str) -> str:
        """In backticks: what stands in double quotes becomes a text where no column has that name (quirks.html §8)."""
        return "`" + identifier.replace("`", "``") + "`"

    def fold(self, identifier: str, quoted: bool) -> str:
        """Compared without regard to the case of ASCII letters, quoted or not."""
        return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in identifier)

    def column(self, name: str) -> str:
        return self.quote(name)

    def literal(self, value: Any) -> str:
        if isinstance(value, bool):
            return "1" if value else "0"
        if isinstance(value, datetime.datetime):
            return self.string(value.isoformat(sep=" "))
        if isinstance(value, datetime.date):
            return self.string(value.isoformat())
        if isinstance(value, bytes):
            return f"x'{value.hex()}'"
        return super().literal(value)

    # -- statements ------------------------------------------------------------------------------------------------------------

    def begin(self, *, read_only: bool = False) -> Statement:
        """A writer takes its turn at once: one that had read before could not, if another wrote meanwhile (lang_transaction.html §2.2)."""
        return Statement("begin" if read_only else "begin immediate", role="begin")

    def create_schema(self, database: str | None, schema: str) -> Statement:
        return Attach(f"-- the schema {schema}: a file beside the target's own", schema=schema)

    def create_view(self, relation: Relation, sql: str, *, config: Mapping[str, Any] = _NOTHING) -> Statement:
        return Statement(f"create view {self.render(relation)} as\n{sql}", main=True)

    def create_table_as(
        self, relation: Relation, sql: str, *, replace: bool = False, config: Mapping[str, Any] = _NOTHING
    ) -> Statement:
        return Statement(f"create table {self.render(relation)} as\n{sql}", main=True)

    def reference(self, relation: Relation) -> str:
        return self.quote(relation.identifier)  # of the same file (foreignkeys.html §3)

    def staging(self, relation: Relation) -> Relation:
        return Relation(None, "temp", relation.identifier)

    def create_temporary_as(self, relation: Relation, sql: str) -> Statement:
        return self.create_table_as(relation, sql)

    # -- rows from elsewhere ---------------------------------------------------------------------------------------------------

    def keeps(self, type: str) -> str | None:
        """None for what SQLite would round: whole numbers beyond 64 bits, decimals of more than 15 digits."""
        upper = " ".join(type.upper().split())
        decimal = _DECIMAL.match(upper)
        if decimal is not None:
            return f"decimal({decimal.group(1)},{decimal.group(2)})" if int(decimal.group(1)) <= _EXACT else None
        if upper.endswith("]"):
            return "text"
        return _TYPES.get(upper.split("(")[0].strip())

    def scattered(self, columns: Sequence[str]) -> str:
        return f"eltflow_scattered({', '.join(columns)})"  # known to connections of `sqlite.tables`, which read what is sampled

    def reads_as(self, type: str) -> str:
        return type.upper() if _DECIMAL.match(type.upper()) else _READ_AS.get(type.lower(), "VARCHAR")

    def load(self, relation: Relation, columns: Sequence[str], source: Source) -> Statement:
        names = self.columns(columns)
        return Load(
            f"insert into {self.render(relation)} ({names}) values ({', '.join('?' * len(columns))})",
            role="load",
            main=True,
            source=source,
            probe=f"select name, type from pragma_table_info({self.string(relation.identifier)}, {self.string(relation.schema or 'main')})",
            into=tuple(columns),
        )
