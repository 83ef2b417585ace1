"""How an engine spells things: pure text, no driver. The defaults are the SQL standard's; an adapter overrides what differs."""

from __future__ import annotations

import datetime
import decimal
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from eltflow.base.records import replace as changed
from eltflow.transfer import Source
from eltflow.warehouse.values import (
    Capabilities,
    Column,
    Constraint,
    Contract,
    Layout,
    LeaseStatements,
    Relation,
    Statement,
    Unnested,
)

_NOTHING: Mapping[str, Any] = {}
#: The alias of the table that a statement changes; or a text or a name in quotes, where it is none.
_TARGET = re.compile(r"'(?:[^'\\]|\\.|'')*'|`[^`]*`|\"[^\"]*\"|\b(eltflow_target)\b(?=\s*\.)", re.IGNORECASE | re.DOTALL)


class Dialect:
    """SQL text for one engine. Every identifier and literal that eltflow writes comes from here."""

    name = "ansi"
    text_type = "text"  #: of which every text is
    sqlglot = ""  #: sqlglot's name of the dialect
    default_schema = "public"  #: of a target that names none
    #: An expression: the time now, for a column of the type that keeps one with its time zone. (Within a transaction the standard's is when
    #: that began, SQL:2016 §6.41.)
    clock = "current_timestamp"
    capabilities = Capabilities()
    #: What stands between a name and a number where a query gives the name again and a table is made of it (`id`, `id_1`); None where the
    #: engine refuses that.
    again: str | None = None
    #: What tells a row of a table from every other; in a table that was filled in the transaction that is open, in the order in which the
    #: rows came. None where the engine has nothing of the kind.
    row_id: str | None = None
    #: A query whose one value says whether `row_id` is in that order; None where it always is.
    keeps_order: Statement | None = None

    def by_bytes(self, text: str) -> str:
        """The text, as what it is compared and ordered by: its bytes in UTF-8, whatever the database's collation is."""
        return text

    def scattered(self, columns: Sequence[str]) -> str | None:
        """An expression that orders rows as if by chance, and always alike: a hash of the values of columns (SQL), NULL among them. None where
        the engine has no hash."""
        return None

    # -- what it can do, where a node's configuration decides ----------------------------------------------------------------------

    def strategies(self, config: Mapping[str, Any]) -> tuple[str, ...]:
        """The incremental strategies of a model of this configuration, the default first."""
        return self.capabilities.incremental_strategies

    def replaces(self, config: Mapping[str, Any]) -> bool:
        """Whether one statement puts a table of this configuration in place of another one."""
        return self.capabilities.create_or_replace_table

    def narrows(self, config: Mapping[str, Any]) -> bool:
        """Whether columns of a table of this configuration can be dropped, and get another type."""
        return self.capabilities.narrows

    def misnamed(self, identifier: str) -> str | None:
        """Which names the engine takes for a relation, in words, if it does not take this one."""
        return None

    # -- names and values ------------------------------------------------------------------------------------------------------

    def quote(self, identifier: str) -> str:
        """The identifier, quoted, so that it names exactly what it spells."""
        return '"' + identifier.replace('"', '""') + '"'

    def column(self, name: str) -> str:
        """A column that people name without saying whether it is quoted, e.g. in a test: as written, so that the engine folds it."""
        return name

    def fold(self, identifier: str, quoted: bool) -> str:
        """A key that is equal for two spellings exactly when the engine takes them for the same name (SQL:2016 §5.2)."""
        return identifier if quoted else identifier.upper()

    def fold_relation(self, identifier: str, quoted: bool) -> str:
        """As `fold`, for the names of relations and schemas, where these have a rule of their own."""
        return self.fold(identifier, quoted)

    def named(self, name: str) -> str:
        """The name itself of a relation, schema or database that a project calls so. On an engine whose people write names without quotes
        it is what the engine makes of that; else it is as written."""
        return name

    def render(self, relation: Relation) -> str:
        """The relation as it stands in SQL, every part quoted."""
        return ".".join(self.quote(part) for part in relation.parts())

    def literal(self, value: Any) -> str:
        """A value as a literal, for statements that cannot bind."""
        if value is None:
            return "null"
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, (int, decimal.Decimal)):
            return str(value)
        if isinstance(value, float):
            return repr(value)
        if isinstance(value, datetime.datetime):
            return f"timestamp {self.string(value.isoformat(sep=' '))}"
        if isinstance(value, datetime.date):
            return f"date {self.string(value.isoformat())}"
        return self.string(str(value))

    def string(self, text: str) -> str:
        """A string literal."""
        return "'" + text.replace("'", "''") + "'"

    def columns(self, names: Iterable[str], prefix: str = "") -> str:
        """A comma-separated list of quoted column names, each after `prefix`."""
        return ", ".join(prefix + self.quote(name) for name in names)

    def spelt(self, text: str, type: str, value: str | None = None) -> str | None:
        """A condition: the text (an expression, in small letters or as it was written) is how people write a value of the type, without
        blanks around it. None where the engine itself is as strict. `value` is the text as that type, NULL if it is none, where a query
        has that already.

        Engines take more for a number than a decimal one, and more for a boolean than true and false.
        """
        return None

    def kept(self, text: str, type: str, value: str | None = None, *, rounds: bool = False) -> str | None:
        """A condition, as `spelt`: a type that somebody chose keeps all of the value that the text means; false where it takes another, as
        engines take 1.5 for 2, and NULL where it takes none. None for types that keep what they take, and for decimals if those are meant
        to be `rounds`."""
        return None

    def misfit(self, value: str, type: str, *, whole: bool = False) -> str | None:
        """A condition: a value of JSON (an expression) is not of a type, as DuckDB spells it and at any depth of it, or would become another
        one by it; if it is to come `whole`, also that it has fields which the type lacks. None if that takes all. Of what reads files alone.
        """
        raise NotImplementedError

    def rounded(self, value: str, type: str) -> str | None:
        """As `misfit`, of nothing but whole numbers that a DOUBLE within the type would round."""
        raise NotImplementedError

    def strictly(self, value: str, type: str, form: str = "") -> str | None:
        """A raw value of JSON (an expression) as a type, where it is written as that and would be inferred to be nothing else; it fails where
        not. `form` is a value that the others must look like, for types that are written in several ways. None where the engine cannot
        tell. Of what reads files alone.
        """
        return None

    def taken(self, text: str, type: str) -> str | None:
        """A condition: one of the engine's types that somebody chose takes a text (or NULL), and keeps all of the value that it means. None
        where a cast that fails tells it."""
        return None

    def is_whole(self, type: str) -> bool:
        """Whether a type, as people write it for one engine or another, is of whole numbers."""
        return False

    def whole_text(self, text: str) -> str:
        """A text that means a whole number without what is no digit of it (2.00, 1e2); as it is where it means none."""
        return text

    # -- statements ------------------------------------------------------------------------------------------------------------

    def begin(self, *, read_only: bool = False) -> Statement:
        """Open a transaction; one that is read-only is refused every write, where the engine can (SQL:2016 §17.3)."""
        return Statement("begin transaction read only" if read_only else "begin", role="begin")

    def commit(self) -> Statement:
        return Statement("commit", role="commit")

    def rollback(self) -> Statement:
        return Statement("rollback", role="rollback")

    def create_schema(self, database: str | None, schema: str) -> Statement:
        name = ".".join(self.quote(part) for part in (database, schema) if part)
        return Statement(f"create schema if not exists {name}")

    def create_view(self, relation: Relation, sql: str, *, config: Mapping[str, Any] = _NOTHING) -> Statement:
        """Create the view, or put it in place of a view of that name; `config` is the node's."""
        return Statement(f"create or replace view {self.render(relation)} as (\n{sql}\n)", main=True)

    def create_table_as(
        self, relation: Relation, sql: str, *, replace: bool = False, config: Mapping[str, Any] = _NOTHING
    ) -> Statement:
        """Create the table from a query; `config` is the node's, for what the engine has of its own."""
        word = "create or replace table" if replace else "create table"
        return Statement(f"{word} {self.render(relation)} as (\n{sql}\n)", main=True)

    def staging(self, relation: Relation) -> Relation:
        """Where rows are kept for the rest of a step: `relation` itself, or a place of the session's own that is cheaper."""
        return relation

    def create_temporary_as(self, relation: Relation, sql: str) -> Statement:
        """The table that `staging` names; it is dropped at the end of the step."""
        return Statement(f"create table {self.render(relation)} as (\n{sql}\n)")

    def create_temporary(self, relation: Relation, columns: Sequence[Column]) -> Statement:
        """The table that `staging` names, empty."""
        body = ", ".join(f"{self.quote(c.name)} {c.type}" for c in columns)
        return Statement(f"create table {self.render(relation)} ({body})")

    def create_table(self, relation: Relation, columns: Sequence[Column], config: Mapping[str, Any] = _NOTHING) -> Statement:
        """Create an empty table, if it is not there."""
        body = ", ".join(f"{self.quote(c.name)} {c.type}" for c in columns)
        return Statement(f"create table if not exists {self.render(relation)} ({body})")

    # -- contracts ---------------------------------------------------------------------------------------------------------------

    def blank(self, columns: Sequence[Column]) -> str | None:
        """A query whose columns have these names and types. None where a table alone can have any type."""
        return "select " + ", ".join(f"cast(null as {c.type}) as {self.quote(c.name)}" for c in columns)

    def create_contracted(
        self, relation: Relation, contract: Contract, sql: str, *, replace: bool = False, config: Mapping[str, Any] = _NOTHING
    ) -> tuple[Statement, ...]:
        """Statements that create the table with the contract's columns and constraints, and fill it from a query that gives columns of
        these names."""
        make = f"create table {self.render(relation)} {self.definitions(contract)}"
        names = [c.name for c in contract.columns]
        return Statement(make), self.insert_select(relation, names, self.chosen(contract, sql))

    def definitions(self, contract: Contract) -> str:
        """What stands between the name of a new table and its options: columns and constraints."""
        held = [c for c in contract.constraints if c.type in self.capabilities.constraints]
        lines = [self._definition(column, held) for column in contract.columns]
        lines += [self.constraint(c) for c in held if c.type != "not_null" and (c.type != "custom" or len(c.columns) != 1)]
        return "(\n  " + ",\n  ".join(lines) + "\n)"

    def _definition(self, column: Column, constraints: Sequence[Constraint]) -> str:
        own = [c for c in constraints if c.columns == (column.name,)]
        words = ["not null"] if any(c.type == "not_null" for c in constraints if column.name in c.columns) else []
        words += [str(c.expression) for c in own if c.type == "custom"]
        return " ".join([self.quote(column.name), str(column.type), *words])

    def constraint(self, constraint: Constraint) -> str:
        """A constraint of a table, as it stands among the definitions of its columns."""
        named = f"constraint {self.quote(constraint.name)} " if constraint.name else ""
        more = f" {constraint.expression}" if constraint.expression else ""
        if constraint.type == "custom":
            return named + str(constraint.expression)
        if constraint.type == "check":
            return f"{named}check ({constraint.expression})"
        columns = f"({self.columns(constraint.columns)})"
        if constraint.type == "foreign_key":
            if constraint.to is not None:
                more = f" {self.reference(constraint.to)} ({self.columns(constraint.to_columns)})"
            return f"{named}foreign key {columns} references{more}"
        return f"{named}{constraint.type.replace('_', ' ')} {columns}{more}"

    def reference(self, relation: Relation) -> str:
        """The table that a foreign key points at."""
        return self.render(relation)

    def chosen(self, contract: Contract, sql: str) -> str:
        """The query with the contract's columns in their order."""
        return f"select {self.columns(c.name for c in contract.columns)} from (\n{sql}\n) as eltflow_contracted"

    def constrained(self, relation: Relation, contract: Contract, run: str) -> tuple[Contract, tuple[Statement, ...]]:
        """The contract for a table that is made beside `relation` and put in its place, and the statements that then give its constraints
        the names that they are to have; with `run` (8 hex digits) an engine that keeps names apart does so."""
        return contract, ()

    def indexes(self, relation: Relation, final: Relation, config: Mapping[str, Any], run: str) -> tuple[Statement, ...]:
        """The statements that give a new table the indexes of its configuration. `final` is where it will stand; with `run` (8 hex
        digits) that keeps the names of indexes apart."""
        return ()

    def drop(self, relation: Relation, kind: str = "table") -> Statement:
        """Drop the relation, if it is there; never what stands on it."""
        return Statement(f"drop {self.word(kind)} if exists {self.render(relation)}")

    def rename(self, relation: Relation, identifier: str, kind: str = "table") -> Statement:
        return Statement(f"alter {self.word(kind)} {self.render(relation)} rename to {self.quote(identifier)}")

    def exchange(self, relation: Relation, fresh: Relation, kinds: tuple[str, str] = ("table", "table")) -> Statement | None:
        """Let two relations, of these kinds, change places at once. None where there is no such statement, or none is needed because
        DDL takes part in transactions."""
        return None

    def word(self, kind: str) -> str:
        """What SQL calls a kind of relation."""
        return {"materialized_view": "materialized view", "dynamic_table": "dynamic table", "external": "table"}.get(kind, kind)

    # -- views that the engine ties to what they read, so that it cannot be dropped under them ------------------------------------

    def ties(self, relation: Relation) -> Statement | None:
        """A query with a row if views stand on a relation and hold it; who gets one lets every other wait who would,
        until the transaction ends.
        None where the engine lets go what views read."""
        return None

    def pointing(self, relation: Relation) -> Statement | None:
        """As `ties`, where an engine lets go what views read, and holds what foreign keys point at."""
        return None

    def dependents(self, relation: Relation) -> Statement:
        """A query for the views on top of a relation, the topmost first: rows of (schema, name, kind, script that makes it again). A row of
        the kind "foreign_key" is a table that points at it, and its script makes the constraint again; one of the kind "table" is such a
        table where it has to be made anew."""
        raise NotImplementedError

    def unpointed(self, relation: Relation) -> Statement:
        """Take away the foreign keys that point at a relation."""
        raise NotImplementedError

    def kept_aside(self, relation: Relation) -> Statement:
        """Keep the rows of a table that `restore` is to make again."""
        raise NotImplementedError

    def restore(self, relation: Relation, script: str) -> Statement:
        """Make a view again from its script. That it cannot be is no error, but told by `refused`."""
        raise NotImplementedError

    def refused(self) -> Statement:
        """A query for what `restore` could not do in this transaction: rows of (schema, name, the engine's words)."""
        raise NotImplementedError

    # -- materialized views --------------------------------------------------------------------------------------------------------

    def create_materialized_view(self, relation: Relation, sql: str, config: Mapping[str, Any] = _NOTHING) -> Statement:
        """Create it; `config` is the node's, for what the engine has of its own."""
        return Statement(f"create materialized view {self.render(relation)} as (\n{sql}\n)", main=True)

    def refresh(self, relation: Relation) -> Statement:
        return Statement(f"refresh materialized view {self.render(relation)}", main=True)

    def create_dynamic_table(self, relation: Relation, sql: str, config: Mapping[str, Any]) -> Statement:
        """A table that the engine itself keeps up to date with its query, in place of a table of that kind."""
        raise NotImplementedError

    def refresh_dynamic_table(self, relation: Relation) -> Statement:
        raise NotImplementedError

    def same_dynamic_table(self, relation: Relation, sql: str, config: Mapping[str, Any]) -> Statement:
        """A query of one value: whether the dynamic table has this query and this configuration."""
        raise NotImplementedError

    def same_view(self, relation: Relation, scratch: Relation, config: Mapping[str, Any]) -> Statement | None:
        """A query of one value: whether the materialized view has the definition of the view `scratch`, and the indexes of `config`.
        None where the engine does not tell: then the record of effects does, and another one is made under its own name."""
        raise NotImplementedError

    def insert_select(self, relation: Relation, columns: Sequence[str], select: str) -> Statement:
        names = self.columns(columns)
        return Statement(f"insert into {self.render(relation)} ({names})\n{select}", role="dml", main=True)

    def insert_from(self, relation: Relation, columns: Sequence[str], source: Relation) -> Statement:
        return self.insert_select(relation, columns, f"select {self.columns(columns)} from {self.render(source)}")

    def delete_matching(
        self, relation: Relation, source: Relation, keys: Sequence[str], predicates: Sequence[str] = ()
    ) -> Statement:
        """Delete the rows of `relation` whose key stands in `source`. A NULL key matches nothing (SQL:2016 §8.9), as in dbt.

        `predicates` speak of the table's columns, bare or after `eltflow_target`, and of the new ones after `eltflow_source`, as in a
        MERGE. Those that do not name the source stand outside the subquery, where a bare column cannot be the source's.
        """
        inside = [p for p in predicates if "eltflow_source" in p.lower()]
        matches = [f"eltflow_target.{self.quote(k)} = eltflow_source.{self.quote(k)}" for k in keys]
        condition = " and ".join([*matches, *(f"({p})" for p in inside)])
        extra = "".join(f"\n  and ({p})" for p in predicates if p not in inside)
        return Statement(
            f"delete from {self.render(relation)} as eltflow_target\nwhere exists (\n  select 1 from {self.render(source)} as eltflow_source\n"
            f"  where {condition}\n){extra}",
            role="dml",
        )

    def unaliased(self, statement: Statement, relation: Relation) -> Statement:
        """A DELETE or MERGE of ours without the alias of the table that it changes, for engines that take none there; in its conditions
        the table's name stands for it. A backslash in a text is taken for one that escapes."""
        name = self.render(relation)
        sql = statement.sql.replace(" as eltflow_target\n", "\n", 1)
        return changed(statement, sql=_TARGET.sub(lambda found: found.group(0) if found.group(1) is None else name, sql))

    def merge(
        self,
        relation: Relation,
        source: Relation,
        keys: Sequence[str],
        columns: Sequence[str],
        update: Sequence[str],
        predicates: Sequence[str] = (),
    ) -> Statement:
        """MERGE (SQL:2016 §14.12); source columns are qualified, which every engine takes."""
        on = [f"eltflow_target.{self.quote(k)} = eltflow_source.{self.quote(k)}" for k in keys] + [f"({p})" for p in predicates]
        sets = ", ".join(f"{self.quote(c)} = eltflow_source.{self.quote(c)}" for c in update)
        matched = f"when matched then update set {sets}\n" if update else ""
        return Statement(
            f"merge into {self.render(relation)} as eltflow_target\nusing {self.render(source)} as eltflow_source\n"
            f"on {' and '.join(on)}\n{matched}"
            f"when not matched then insert ({self.columns(columns)}) values ({self.columns(columns, 'eltflow_source.')})",
            role="dml",
            main=True,
        )

    def partitions_in(self, source: Relation, config: Mapping[str, Any]) -> Statement | None:
        """A query for the partitions, as the configuration has them, that the rows of `source` are in: a column of their starts. None
        where the configuration has no partitions."""
        raise NotImplementedError

    def overwrite(
        self, relation: Relation, source: Relation, columns: Sequence[str], partitions: Sequence[str], config: Mapping[str, Any]
    ) -> Statement:
        """The rows of `source` in place of all that the partitions (SQL) hold; where they are none, beside what is there."""
        raise NotImplementedError

    def in_utc(self, moment: str, type: str) -> str:
        """An expression of a DATE or TIMESTAMP without a time zone (as DuckDB spells them) as the instant that it is in UTC."""
        return f"(cast({moment} as timestamp) at time zone 'UTC')"

    def add_column(self, relation: Relation, column: Column) -> Statement:
        return Statement(f"alter table {self.render(relation)} add column {self.quote(column.name)} {column.type}")

    def drop_column(self, relation: Relation, name: str) -> Statement:
        return Statement(f"alter table {self.render(relation)} drop column {self.quote(name)}")

    def alter_type(self, relation: Relation, column: Column) -> Statement:
        return Statement(f"alter table {self.render(relation)} alter column {self.quote(column.name)} set data type {column.type}")

    def describe(self, sql: str) -> Statement:
        """A query without rows whose result columns are those of `sql`."""
        return Statement(f"select * from (\n{sql}\n) as eltflow_described where false", role="query")

    def grants_held(self, relation: Relation) -> Statement:
        """A query for the privileges on a relation that others than its owner hold: rows of (privilege, grantee)."""
        raise NotImplementedError

    def comment_on(self, relation: Relation, kind: str, text: str) -> Statement:
        return Statement(f"comment on {self.word(kind)} {self.render(relation)} is {self.string(text)}")

    def comment_on_column(self, relation: Relation, column: str, text: str, kind: str = "table") -> Statement:
        return Statement(f"comment on column {self.render(relation)}.{self.quote(column)} is {self.string(text)}")

    def grants(
        self, relation: Relation, wanted: Mapping[str, Sequence[str]], held: Mapping[str, Sequence[str]], kind: str = "table"
    ) -> tuple[Statement, ...]:
        """Statements that turn the privileges held (privilege → grantees) into those wanted: only the differences."""
        name = self.render(relation)
        made: list[Statement] = []
        for privilege in sorted({*wanted, *held}):
            want, have = set(wanted.get(privilege, ())), set(held.get(privilege, ()))
            made += [Statement(f"revoke {privilege} on {name} from {self.grantee(g)}") for g in sorted(have - want)]
            made += [Statement(f"grant {privilege} on {name} to {self.grantee(g)}") for g in sorted(want - have)]
        return tuple(made)

    def grantee(self, name: str) -> str:
        """Who has a privilege, as GRANT and REVOKE name them."""
        return self.quote(name)

    def cast_read(self, format: str, column: str, type: str) -> str:
        """A column (an expression) that `files` read from that format, as the type."""
        return f"cast({column} as {type})"

    def files(self, paths: Sequence[str], format: str, options: Mapping[str, Any], types: Mapping[str, str]) -> str | None:
        """A FROM item that reads the files (absolute paths), or None where the engine cannot read files by itself.

        `format` is csv, json, parquet, lines or fixed; `types` overrides inferred column types. Lines are read by a `pattern`, whose groups
        are `columns_of`, and those of fixed width by their `widths`; with `infer` as "lines", their numbers and whether they fit.
        Of CSV, the option `infer` says from what types are inferred: "all" rows, or "none", so that everything is text; else as many rows as
        the engine likes.
        """
        return None

    # -- who may write ---------------------------------------------------------------------------------------------------------------

    def lease(self, key: str, *, token: str, holder: str, place: str, seconds: float) -> LeaseStatements | None:
        """The lease of what `key` names, in `eltflow_meta`. A run of the same `place` is known to have ended. None where the lock of this
        machine is enough, because nobody else can write."""
        return None

    # -- rows from elsewhere ---------------------------------------------------------------------------------------------------------

    def keeps(self, type: str) -> str | None:
        """The engine's type that keeps every value of a type as DuckDB spells it, spelt as the catalog does. None if there is none."""
        return None

    def reads_as(self, type: str) -> str:
        """The type, as DuckDB spells it, as which values for a column of the engine's type are read: the other way round of `keeps`."""
        return type

    def out_of_json(self, type: str) -> str | None:
        """The engine's type for a value, of a type as DuckDB spells it, that is taken out of JSON. None where that is JSON itself."""
        return self.keeps(type)

    def unnested(self, source: str, what: Unnested) -> str:
        """A query for the items of lists, a row each; `source` is a table or a query in brackets. Where `Capabilities.unnests` alone."""
        raise NotImplementedError

    def not_unnested(self, source: str, what: Unnested) -> Statement:
        """Counts of what is kept as JSON and `unnested` would pass over: values that are no list, and items without fields."""
        raise NotImplementedError

    def gives(self, column: str, type: str) -> tuple[str, str]:
        """The expression that gives the values of a column (SQL) of the engine's type, and the type, as DuckDB spells it, as which they come:
        as `reads_as` has it, and nested values as such."""
        return column, self.reads_as(type)

    def holds(self, type: str, other: str) -> bool:
        """Whether a column of the engine's type takes every value of another one as it is, so that a table need not follow its query."""
        return type == other

    def brought_back(self, column: str, type: str, into: str) -> str | None:
        """A value as another type keeps it, in its own type again: it differs where the other one rounds or cuts it. None where the engine
        keeps values whatever the column's type, or cannot say it."""
        return f"cast(cast({column} as {into}) as {type})"

    def widened(self, type: str, other: str) -> str | None:
        """What a column's type must become to take values of another one, where the engine types a query's columns as narrow as its
        literals are, and can widen a column that has rows. None if it takes them as it is, or is of another kind."""
        return None

    def copy_to(self, select: str, path: str, format: str) -> Statement | None:
        """The statement that writes the rows of a query to a file of this machine; None where the engine does not, or not in that format."""
        return None

    def write_files(self, sql: str, path: str, layout: Layout, columns: Sequence[Column]) -> Statement:
        """Write the rows of a query, which has these columns, to a file; with partitions to files in a new folder."""
        raise NotImplementedError

    def read_files(self, path: str, layout: Layout, columns: Sequence[Column]) -> str:
        """The query that gives the rows which `write_files` has written there, in columns of the same names, order and types. ValueError says
        in words why the format cannot keep them."""
        raise NotImplementedError

    def views_of(self, path: str) -> Statement:
        """A query with a row if a view reads files whose path begins so."""
        raise NotImplementedError

    def load(self, relation: Relation, columns: Sequence[str], source: Source) -> Statement:
        """Take in the rows of the source, whose columns go into these of the relation in order."""
        raise NotImplementedError
