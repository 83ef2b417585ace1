"""How Redshift spells things, where it is not PostgreSQL. Pages of its developer guide (docs.aws.amazon.com/redshift/latest/dg, November
2026) stand where a rule comes from there."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Mapping, Sequence
from typing import Any

from eltflow.base.records import dataclass
from eltflow.transfer import Source
from eltflow.warehouse import Capabilities, Column, Contract, Dialect, Relation, Statement
from eltflow_postgres.dialect import PostgresDialect

_NOTHING: Mapping[str, Any] = {}
_TEXT = "character varying(65535)"  #: the longest; `text` and a varchar without a length have 256 bytes (r_Character_types)
_BYTES = "binary varying(1024000)"
_SMALL = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
NULL = "eltflow:null"  #: in files for COPY: no value is that
_FLOORS = 8  #: of views on views that are put aside; there is no recursion that is known to work on the catalog
_VARCHAR = re.compile(r"character varying\((\d+)\)\Z")
_NUMERIC = re.compile(r"numeric\((\d+),(\d+)\)\Z")

#: DuckDB's types → Redshift's, as format_type() spells them. An INTERVAL of months and seconds has no type.
_TYPES: Mapping[str, str] = {
    **{kind: type for kind, type in PostgresDialect.types.items() if kind != "INTERVAL"},
    "HUGEINT": "numeric(38,0)",
    "UHUGEINT": "numeric(38,0)",
    "BIGNUM": "numeric(38,0)",
    **dict.fromkeys(("VARCHAR", "ENUM", "BIT", '"NULL"'), _TEXT),
    "UUID": "character varying(36)",
    "BLOB": _BYTES,
    **dict.fromkeys(("JSON", "STRUCT", "MAP", "UNION"), "super"),
}
_READ_AS: Mapping[str, str] = {
    **{type: kind for type, kind in PostgresDialect.types_read.items() if type not in ("bytea", "interval", "uuid", "jsonb")},
    "super": "JSON",
}
# What stands on what: a view's rule depends on what it reads, and inwardly on the view (as in AWS's own v_view_dependency).
_EDGES = """
edges as (
  select distinct d.refobjid as low, v.refobjid as high from pg_depend d
  join pg_depend v on v.objid = d.objid and v.classid = d.classid and v.deptype = 'i'
  join pg_class c on c.oid = v.refobjid and c.relkind in ('v', 'm')
  where d.refobjid <> v.refobjid
), floor0 as (
  select c.oid as high from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = {schema} and c.relname = {name}
)"""
_TIES = "with {edges}\nselect 1 from edges join floor0 on floor0.high = edges.low limit 1"
_DEPENDENTS = """
with {edges}, {floors}
select n.nspname, c.relname, c.relkind::varchar, pg_get_viewdef(c.oid), obj_description(c.oid, 'pg_class'),
  case when u.usename <> current_user then u.usename end, max(f.depth)
from ({all}) f join pg_class c on c.oid = f.high join pg_namespace n on n.oid = c.relnamespace join pg_user u on u.usesysid = c.relowner
group by n.nspname, c.relname, c.relkind, c.oid, u.usename
order by 7 desc, 1, 2
"""
_RIGHTS = """
select lower(privilege_type), case identity_type when 'user' then identity_name
  when 'public' then 'public' else identity_type || ':' || identity_name end{more}
from svv_relation_privileges where namespace_name = {schema} and relation_name = {name}
  and not (identity_type = 'user' and identity_name = current_user)
order by 1, 2
"""


@dataclass(frozen=True, slots=True)
class Several(Statement):
    """Statements that go one after the other, for the protocol takes one at a time."""

    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ties(Statement):
    """A query whose rows say that views will be put aside: the session lets others of this process wait who would, until it ends the
    transaction."""


@dataclass(frozen=True, slots=True)
class Dependents(Statement):
    """Views on top of a relation, whose rights and descriptions are asked for one by one; the session makes scripts of it."""


@dataclass(frozen=True, slots=True)
class Load(Statement):
    """Takes in the rows of its source: `sql` up to and with VALUES; `probe` is a query that tells the types of the columns, `copy` a COPY up to
    where it names its files."""

    probe: str = ""
    copy: str = ""


class RedshiftDialect(PostgresDialect):
    """DDL takes part in transactions, but for what is said of `alter_type`."""

    name = "redshift"
    sqlglot = "redshift"
    #: When the transaction began, in microseconds; `getdate()` has seconds, and `current_timestamp` is the leader node's alone.
    clock = "cast('now' as timestamp)"
    capabilities = Capabilities(
        transactional_ddl=True,
        create_or_replace_view=False,  # it wants the very same columns (r_CREATE_VIEW)
        materialized_views=True,
        narrow_literals=True,
        merge=True,
        streams=True,
        grants=True,
        # What is not enforced is still believed by the planner (t_Defining_constraints); foreign keys would hold tables that are replaced.
        constraints={"not_null": "enforced", "custom": "enforced", "unique": "accepted", "primary_key": "accepted"},
        identifier_limit=127,
        incremental_strategies=("delete+insert", "append", "merge"),
    )
    row_id = None
    types = _TYPES
    types_read = _READ_AS
    nested = "super"

    # -- names and values ------------------------------------------------------------------------------------------------------

    def by_bytes(self, text: str) -> str:
        return text  # that is how texts are compared

    def scattered(self, columns: Sequence[str]) -> str:
        """It has no arrays, and casts no booleans to text; its own hash takes every type (r_FNV_HASH)."""
        hashes = " || ',' || ".join(f"cast(coalesce(fnv_hash({column}), 0) as varchar)" for column in columns)
        return f"md5({hashes})"

    def named(self, name: str) -> str:
        return name.translate(_SMALL)

    def fold(self, identifier: str, quoted: bool) -> str:
        """ASCII letters are folded to lower case, between quotes too (r_names)."""
        return identifier.translate(_SMALL)

    def string(self, text: str) -> str:
        """A backslash means something in a literal (pattern-matching-conditions-posix)."""
        return Dialect.string(self, text.replace("\\", "\\\\"))

    def literal(self, value: Any) -> str:
        return f"to_varbyte({self.string(value.hex())}, 'hex')" if isinstance(value, bytes) else super().literal(value)

    # -- statements ------------------------------------------------------------------------------------------------------------

    def create_schema(self, database: str | None, schema: str) -> Statement:
        return Statement(f"create schema if not exists {self.quote(schema)}")

    def create_view(self, relation: Relation, sql: str, *, config: Mapping[str, Any] = _NOTHING) -> Statement:
        """A late-binding view (`bind: false`) is not tied to what it reads."""
        late = " with no schema binding" if config.get("bind") is False else ""
        return Statement(f"create view {self.render(relation)} as (\n{sql}\n){late}", main=True)

    def create_table_as(
        self, relation: Relation, sql: str, *, replace: bool = False, config: Mapping[str, Any] = _NOTHING
    ) -> Statement:
        return Statement(f"create table {self.render(relation)}{self._laid_out(config)} as (\n{sql}\n)", main=True)

    def create_table(self, relation: Relation, columns: Sequence[Column], config: Mapping[str, Any] = _NOTHING) -> Statement:
        return Statement(super().create_table(relation, columns).sql + self._laid_out(config))

    def create_contracted(
        self, relation: Relation, contract: Contract, sql: str, *, replace: bool = False, config: Mapping[str, Any] = _NOTHING
    ) -> tuple[Statement, ...]:
        make, fill = Dialect.create_contracted(self, relation, contract, sql, config=config)
        return Statement(make.sql + self._laid_out(config)), fill

    def constrained(self, relation: Relation, contract: Contract, run: str) -> tuple[Contract, tuple[Statement, ...]]:
        return contract, ()  # keys have no index, and so no name to keep apart

    def _laid_out(self, config: Mapping[str, Any]) -> str:
        """What the configuration says of backup, distribution and order, in the order that the grammar has (r_CREATE_TABLE_NEW)."""
        words = []
        if config.get("backup") is False:
            words.append("backup no")
        dist = config.get("dist")
        if dist and str(dist).lower() in ("even", "all", "auto"):
            words.append(f"diststyle {str(dist).lower()}")
        elif dist:
            words.append(f"diststyle key distkey ({self.column(str(dist))})")
        keys = config.get("sort")
        if keys:
            columns = [keys] if isinstance(keys, str) else [str(key) for key in keys]
            if columns == ["auto"]:
                words.append("sortkey auto")
            else:
                words.append(f"{config.get('sort_type') or 'compound'} sortkey ({', '.join(map(self.column, columns))})")
        return "".join(f" {word}" for word in words)

    def staging(self, relation: Relation) -> Relation:
        return Relation(None, None, relation.identifier)  # a temporary table has no schema that can be named

    def indexes(self, relation: Relation, final: Relation, config: Mapping[str, Any], run: str) -> tuple[Statement, ...]:
        return ()

    def rename(self, relation: Relation, identifier: str, kind: str = "table") -> Statement:
        return super().rename(relation, identifier)  # of views too (r_ALTER_TABLE)

    def word(self, kind: str) -> str:
        return "table" if kind == "external" else super().word(kind)

    def delete_matching(
        self, relation: Relation, source: Relation, keys: Sequence[str], predicates: Sequence[str] = ()
    ) -> Statement:
        return self.unaliased(super().delete_matching(relation, source, keys, predicates), relation)

    def merge(
        self,
        relation: Relation,
        source: Relation,
        keys: Sequence[str],
        columns: Sequence[str],
        update: Sequence[str],
        predicates: Sequence[str] = (),
    ) -> Statement:
        """The target has no alias, and both branches must be there (r_MERGE): where nothing is to change, a key is set to itself."""
        return self.unaliased(super().merge(relation, source, keys, columns, update or keys[:1], predicates), relation)

    def alter_type(self, relation: Relation, column: Column) -> Statement:
        """By another column, which comes last: ALTER COLUMN changes the length of a VARCHAR alone, and not in a transaction."""
        table, name, aside = self.render(relation), self.quote(column.name), self.quote(f"{column.name[:100]}__eltflow")
        parts = (
            f"alter table {table} add column {aside} {column.type}",
            f"update {table} set {aside} = cast({name} as {column.type})",
            f"alter table {table} drop column {name}",
            f"alter table {table} rename column {aside} to {name}",
        )
        return Several(";\n".join(parts), parts=parts)

    # -- views -----------------------------------------------------------------------------------------------------------------

    def create_materialized_view(self, relation: Relation, sql: str, config: Mapping[str, Any] = _NOTHING) -> Statement:
        asked = config.get("auto_refresh")
        fresh = "" if asked is None else f" auto refresh {'yes' if asked else 'no'}"
        name = f"{self.render(relation)}{self._laid_out(config)}{fresh}"
        return Statement(f"create materialized view {name} as (\n{sql}\n)", main=True)

    def same_view(self, relation: Relation, scratch: Relation, config: Mapping[str, Any]) -> Statement | None:
        return None

    def ties(self, relation: Relation) -> Statement | None:
        return Ties(_TIES.format(edges=_EDGES.format(**self._named(relation)).strip()), role="query")

    def dependents(self, relation: Relation) -> Statement:
        """Views on more than eight floors hold the relation, and it is not replaced."""
        floors = ", ".join(
            f"floor{n} as (select distinct e.high, {n} as depth from edges e join floor{n - 1} f on f.high = e.low)"
            for n in range(1, _FLOORS + 1)
        )
        union = " union all ".join(f"select high, depth from floor{n}" for n in range(1, _FLOORS + 1))
        edges = _EDGES.format(**self._named(relation)).strip()
        return Dependents(_DEPENDENTS.format(edges=edges, floors=floors, all=union).strip(), role="query")

    def script(
        self,
        view: tuple[Any, ...],
        rights: Sequence[tuple[Any, ...]],
        told: Sequence[tuple[str, str]],
    ) -> str:
        """What makes a view again, for `restore`: of a row of `dependents`, rows of `rights`, and the descriptions of its columns."""
        schema, name, kind, definition, comment, owner, *_ = view
        relation, word = Relation(None, schema, name), "materialized_view" if kind == "m" else "view"
        body = str(definition).strip().rstrip(";")
        made = [body if body.lower().startswith("create ") else f"create {self.word(word)} {self.render(relation)} as {body}"]
        if comment:
            made.append(self.comment_on(relation, "view", comment).sql)
        made += [self.comment_on_column(relation, column, text).sql for column, text in told]
        for privilege, grantee, admin in rights:
            option = " with grant option" if admin else ""
            made.append(f"grant {privilege} on {self.render(relation)} to {self.grantee(grantee)}{option}")
        if owner:
            made.append(f"alter table {self.render(relation)} owner to {self.quote(owner)}")
        return json.dumps(made)

    def restore(self, relation: Relation, script: str) -> Statement:
        """One that cannot be made again fails the step, and everything stays as it was: there are no savepoints to go back to."""
        parts = tuple(json.loads(script))
        return Several(";\n".join(parts), parts=parts)

    def refused(self) -> Statement:
        return Statement("select '' as schema, '' as name, '' as words where false", role="query")

    def comment_on(self, relation: Relation, kind: str, text: str) -> Statement:
        return super().comment_on(relation, "view" if kind == "materialized_view" else kind, text)

    # -- rights ----------------------------------------------------------------------------------------------------------------

    def rights(self, relation: Relation, more: str = ", admin_option") -> Statement:
        """A query for what others than the current user hold: rows of (privilege, grantee, grant option)."""
        return Statement(_RIGHTS.format(more=more, **self._named(relation)).strip(), role="query")

    def grants_held(self, relation: Relation) -> Statement:
        return self.rights(relation, more="")

    def grantee(self, name: str) -> str:
        """A user; a group or a role as `group:name`, `role:name`; or public."""
        kind, colon, rest = name.partition(":")
        if colon and kind in ("group", "role"):
            return f"{kind} {self.quote(rest)}"
        return "public" if name.lower() == "public" else self.quote(name)

    # -- who may write -----------------------------------------------------------------------------------------------------------

    def lease(self, key: str, **_: Any) -> None:  # type: ignore[override]
        """Rows cannot be locked here: runs are kept apart on one machine alone."""
        return None

    # -- rows from elsewhere ---------------------------------------------------------------------------------------------------

    def reads_as(self, type: str) -> str:
        return "BLOB" if type.startswith("binary varying") else super().reads_as(type)

    def holds(self, type: str, other: str) -> bool:
        """A longer text takes a shorter one, and a number with as many digits on both sides another."""
        mine, its = _VARCHAR.match(type), _VARCHAR.match(other)
        if mine is not None and its is not None:
            return int(mine.group(1)) >= int(its.group(1))
        number, given = _NUMERIC.match(type), _NUMERIC.match(other)
        if number is not None and given is not None:
            (p, s), (q, t) = ((int(m.group(1)), int(m.group(2))) for m in (number, given))
            return s >= t and p - s >= q - t
        return type == other

    def widened(self, type: str, other: str) -> str | None:
        """A text made from a literal is as long as that."""
        both = _VARCHAR.match(type) is not None and _VARCHAR.match(other) is not None
        return other if both and not self.holds(type, other) else None

    def load(self, relation: Relation, columns: Sequence[str], source: Source) -> Statement:
        name, names = self.render(relation), self.columns(columns)
        return Load(
            f"insert into {name} ({names}) values",
            role="load",
            main=True,
            source=source,
            probe=f"select {names} from {name} where false",
            copy=f"copy {name} ({names})",
        )

    def copied(self, statement: Load, place: str, role: str, region: str | None) -> str:
        """The COPY of files that `staging` wrote (r_COPY)."""
        words = [f"from {self.string(place)}", f"iam_role {'default' if role == 'default' else self.string(role)}"]
        words += [f"region {self.string(region)}"] if region else []
        words += [f"csv gzip null as {self.string(NULL)}", "dateformat 'auto' timeformat 'auto' compupdate off statupdate off"]
        return "\n".join([statement.copy, *words])
