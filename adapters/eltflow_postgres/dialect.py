"""How PostgreSQL spells things. Page numbers of its manual (version 18) stand where a rule comes from there."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from typing import Any

from eltflow.base.fingerprint import fingerprint
from eltflow.base.records import replace as changed
from eltflow.transfer import Source
from eltflow.warehouse import Capabilities, Column, Contract, Dialect, LeaseStatements, Relation, Statement, Unnested

_NOTHING: Mapping[str, Any] = {}
_ALL = ("all", "all privileges")

#: DuckDB's types → PostgreSQL's, as format_type() spells them. Nested types are kept as jsonb.
_TYPES: Mapping[str, str] = {
    "BOOLEAN": "boolean",
    "TINYINT": "smallint",
    "SMALLINT": "smallint",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "HUGEINT": "numeric(39,0)",
    "UTINYINT": "smallint",
    "USMALLINT": "integer",
    "UINTEGER": "bigint",
    "UBIGINT": "numeric(20,0)",
    "UHUGEINT": "numeric(39,0)",
    "BIGNUM": "numeric",
    "FLOAT": "real",
    "DOUBLE": "double precision",
    "VARCHAR": "text",
    "ENUM": "text",
    "BLOB": "bytea",
    "BIT": "bit varying",
    "DATE": "date",
    "TIME": "time without time zone",
    "TIME_NS": "time without time zone",
    "TIME WITH TIME ZONE": "time with time zone",
    "TIMESTAMP": "timestamp without time zone",
    "TIMESTAMP_S": "timestamp without time zone",
    "TIMESTAMP_MS": "timestamp without time zone",
    "TIMESTAMP_NS": "timestamp without time zone",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
    "INTERVAL": "interval",
    "UUID": "uuid",
    "JSON": "jsonb",
    "STRUCT": "jsonb",
    "MAP": "jsonb",
    "UNION": "jsonb",
    '"NULL"': "text",  # of a column that has no value in any file
}
#: The other way round, where a type keeps what it was read as; what is not here is read as text.
_READ_AS: Mapping[str, str] = {
    "boolean": "BOOLEAN",
    "smallint": "SMALLINT",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "real": "FLOAT",
    "double precision": "DOUBLE",
    "bytea": "BLOB",
    "date": "DATE",
    "time without time zone": "TIME",
    "timestamp without time zone": "TIMESTAMP",
    "timestamp with time zone": "TIMESTAMP WITH TIME ZONE",
    "interval": "INTERVAL",
    "uuid": "UUID",
    "jsonb": "JSON",
}
_WHOLE = re.compile(r"(?:small|big)?int(?:eger)?\Z|int[248]\Z", re.IGNORECASE)
_MOMENT = re.compile(
    r"(?P<day>timestamp)?(?(day)|time)(?P<tz>tz)?\s*(?:\((?P<digits>[0-6])\))?\s*(?:without time zone|(?P<zone>with time zone))?\Z"
)
_NUMERIC = re.compile(r"numeric\((\d+),(\d+)\)\Z")
_DECIMAL = re.compile(r"DECIMAL\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)\Z")

_TIES = """
select pg_advisory_xact_lock(hashtext('eltflow')) where exists (
  select from pg_depend d join pg_rewrite r on r.oid = d.objid
  where d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass and r.ev_class <> d.refobjid and d.refobjid = (
    select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = {schema} and c.relname = {name})
  union all
  select from pg_constraint f where f.contype = 'f' and f.conrelid <> f.confrelid and f.confrelid = (
    select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = {schema} and c.relname = {name}))
"""
# One query: every view on top, the topmost first, with a script that makes it what it is: definition, options, owner, rights, comments,
# triggers, and a materialized view's indexes.
_DEPENDENTS = """
with recursive above (oid, depth) as (
  select r.ev_class, 1 from pg_depend d join pg_rewrite r on r.oid = d.objid
  where d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass and r.ev_class <> d.refobjid and d.refobjid = (
    select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = {schema} and c.relname = {name})
  union
  select r.ev_class, a.depth + 1 from above a join pg_depend d on d.refobjid = a.oid join pg_rewrite r on r.oid = d.objid
  where d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass and r.ev_class <> d.refobjid
), tops as (
  select c.*, n.nspname, a.depth, format('%I.%I', n.nspname, c.relname) as called,
    case c.relkind when 'm' then 'materialized view' else 'view' end as word
  from (select oid, max(depth) as depth from above group by oid) a
  join pg_class c on c.oid = a.oid and c.relkind in ('v', 'm') join pg_namespace n on n.oid = c.relnamespace
)
select nspname, relname, replace(word, ' ', '_'), concat_ws(E'\\n',
  format('create %s %s%s as %s%s;', word, called, ' with (' || array_to_string(reloptions, ', ') || ')',
    rtrim(pg_get_viewdef(oid), '; '), case when relkind = 'm' and not relispopulated then ' with no data' end),
  (select string_agg(pg_get_indexdef(i.indexrelid) || ';', E'\\n') from pg_index i where i.indrelid = t.oid),
  (select string_agg(pg_get_triggerdef(g.oid) || ';', E'\\n') from pg_trigger g where g.tgrelid = t.oid and not g.tgisinternal),
  (select string_agg(case when objsubid = 0 then format('comment on %s %s is %L;', word, called, description)
    else format('comment on column %s.%I is %L;', called, a.attname, description) end, E'\\n')
    from pg_description left join pg_attribute a on a.attrelid = objoid and a.attnum = objsubid
    where objoid = t.oid and classoid = 'pg_class'::regclass),
  (select string_agg(format('grant %s on %s to %s%s;', p.privilege_type, called,
    case p.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(p.grantee)) end,
    case when p.is_grantable then ' with grant option' end), E'\\n')
    from aclexplode(t.relacl) p where p.grantee <> t.relowner),
  case when pg_get_userbyid(relowner) <> current_user then
    format('alter %s %s owner to %I;', word, called, pg_get_userbyid(relowner)) end), depth
from tops t
union all
select n.nspname, c.relname, 'foreign_key', format('alter table %I.%I add constraint %I %s;',
  n.nspname, c.relname, f.conname, pg_get_constraintdef(f.oid)), 0
from pg_constraint f join pg_class c on c.oid = f.conrelid join pg_namespace n on n.oid = c.relnamespace
where f.contype = 'f' and f.conrelid <> f.confrelid and f.confrelid = (
  select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = {schema} and c.relname = {name})
order by 5 desc, 1, 2
"""
_UNPOINTED = """
do $eltflow$ declare f record; begin
  for f in select conrelid::regclass as who, conname from pg_constraint
    where contype = 'f' and conrelid <> confrelid and confrelid = {mine}::regclass
  loop execute format('alter table %s drop constraint %I', f.who, f.conname); end loop;
end $eltflow$
"""
_REFUSED = """
select line ->> 0, line ->> 1, line ->> 2
from jsonb_array_elements(nullif(current_setting('eltflow.refused', true), '')::jsonb) as line
"""
_HELD = """
select p.privilege_type, case p.grantee when 0 then 'public' else pg_get_userbyid(p.grantee) end
from pg_class c join pg_namespace n on n.oid = c.relnamespace, aclexplode(c.relacl) p
where n.nspname = {schema} and c.relname = {name} and p.grantee <> c.relowner order by 1, 2
"""
_SAME_VIEW = """
select pg_get_viewdef({mine}::regclass) = pg_get_viewdef({scratch}::regclass) and (
  select coalesce(array_agg(left(c.relname, 16) order by c.relname), '{{}}') from pg_index i join pg_class c on c.oid = i.indexrelid
  where i.indrelid = {mine}::regclass and c.relname ~ '^eltflow_[0-9a-f]{{8}}_[0-9a-f]{{8}}$') = {indexes}::text[]
"""


class PostgresDialect(Dialect):
    """PostgreSQL 13 and later; MERGE needs 15."""

    name = "postgres"
    sqlglot = "postgres"
    clock = "clock_timestamp()"
    capabilities = Capabilities(
        transactional_ddl=True,
        unnests=True,
        create_or_replace_table=False,
        replace_view_columns=False,
        materialized_views=True,
        merge=True,
        except_all=True,
        grants=True,
        constraints=dict.fromkeys(("not_null", "unique", "primary_key", "foreign_key", "check", "custom"), "enforced"),
        identifier_limit=63,
        incremental_strategies=("delete+insert", "append", "merge"),
    )

    #: COPY and INSERT ... SELECT fill a table that is new in the transaction page by page, without looking for room on earlier ones
    #: (TABLE_INSERT_SKIP_FSM in src/include/access/tableam.h).
    row_id: str | None = "ctid"
    types = _TYPES  #: DuckDB's → the engine's own
    types_read = _READ_AS
    nested = "jsonb"  #: what keeps a list

    def scattered(self, columns: Sequence[str]) -> str:
        return f"md5(array[{', '.join(f'{c}::text' for c in columns)}]::text)"

    def by_bytes(self, text: str) -> str:
        return f'({text} collate "C")'

    def fold(self, identifier: str, quoted: bool) -> str:
        """Folded to lower case without quotes (manual: "Identifiers and Key Words")."""
        return identifier if quoted else identifier.lower()

    def string(self, text: str) -> str:
        """A literal that means the same whatever `standard_conforming_strings` says."""
        plain = super().string(text)
        return "E" + plain.replace("\\", "\\\\") if "\\" in text else plain

    def literal(self, value: Any) -> str:
        if isinstance(value, datetime.datetime) and value.tzinfo is not None:
            return f"timestamptz {self.string(value.isoformat(sep=' '))}"
        if isinstance(value, float):
            return f"{self.string(repr(value))}::float8"
        if isinstance(value, bytes):
            return f"{self.string(chr(92) + 'x' + value.hex())}::bytea"
        return super().literal(value)

    def word(self, kind: str) -> str:
        return "foreign table" if kind == "external" else super().word(kind)

    # -- statements ------------------------------------------------------------------------------------------------------------

    def create_schema(self, database: str | None, schema: str) -> Statement:
        """Nothing is asked for where the schema is there: CREATE SCHEMA wants a right on the database even then."""
        name = self.quote(schema)
        return Statement(
            f"do $eltflow$ begin if to_regnamespace({self.string(name)}) is null then create schema {name}; end if;"
            " exception when duplicate_schema or unique_violation then null; end $eltflow$"
        )

    def create_table_as(
        self, relation: Relation, sql: str, *, replace: bool = False, config: Mapping[str, Any] = _NOTHING
    ) -> Statement:
        return Statement(f"create {_unlogged(config)}table {self.render(relation)} as (\n{sql}\n)", main=True)

    def create_table(self, relation: Relation, columns: Sequence[Column], config: Mapping[str, Any] = _NOTHING) -> Statement:
        body = ", ".join(f"{self.quote(c.name)} {c.type}" for c in columns)
        return Statement(f"create {_unlogged(config)}table if not exists {self.render(relation)} ({body})")

    def create_contracted(
        self, relation: Relation, contract: Contract, sql: str, *, replace: bool = False, config: Mapping[str, Any] = _NOTHING
    ) -> tuple[Statement, ...]:
        make = f"create {_unlogged(config)}table {self.render(relation)} {self.definitions(contract)}"
        return Statement(make), self.insert_select(relation, [c.name for c in contract.columns], self.chosen(contract, sql))

    def constrained(self, relation: Relation, contract: Contract, run: str) -> tuple[Contract, tuple[Statement, ...]]:
        """The index of a key has the key's name, and the one of the table that stands has it still."""
        made, after = [], []
        for one in contract.constraints:
            if one.type in ("not_null", "custom"):
                made.append(one)
                continue
            aside = f"eltflow_{fingerprint(repr((relation.schema, relation.identifier, one)))[:8]}_{run}"
            made.append(changed(one, name=aside))
            if one.name:
                names = f"{self.quote(aside)} to {self.quote(one.name)}"
                after.append(Statement(f"alter table {self.render(relation)} rename constraint {names}"))
        return changed(contract, constraints=tuple(made)), tuple(after)

    def staging(self, relation: Relation) -> Relation:
        return Relation(None, "pg_temp", relation.identifier)

    def create_temporary_as(self, relation: Relation, sql: str) -> Statement:
        return Statement(f"create temporary table {self.render(relation)} as (\n{sql}\n)")

    def create_temporary(self, relation: Relation, columns: Sequence[Column]) -> Statement:
        body = ", ".join(f"{self.quote(c.name)} {c.type}" for c in columns)
        return Statement(f"create temporary table {self.render(relation)} ({body})")

    def alter_type(self, relation: Relation, column: Column) -> Statement:
        name = self.quote(column.name)
        return Statement(f"alter table {self.render(relation)} alter column {name} type {column.type} using {name}::{column.type}")

    def indexes(self, relation: Relation, final: Relation, config: Mapping[str, Any], run: str) -> tuple[Statement, ...]:
        made = []
        for index in _indexes(config):
            columns, unique, method = _index(index)
            using = f" using {self.quote(method)}" if method else ""
            made.append(
                Statement(
                    f"create {'unique ' if unique else ''}index {self.quote(f'{_index_name(final, index)}_{run}')}"
                    f" on {self.render(relation)}{using} ({self.columns(columns)})"
                )
            )
        return tuple(made)

    # -- views on top ----------------------------------------------------------------------------------------------------------

    def ties(self, relation: Relation) -> Statement | None:
        """Two that put the same view aside at once would find it gone, or each other: they come one after the other."""
        return Statement(_TIES.format(**self._named(relation)).strip(), role="query")

    def dependents(self, relation: Relation) -> Statement:
        return Statement(_DEPENDENTS.format(**self._named(relation)).strip(), role="query")

    def restore(self, relation: Relation, script: str) -> Statement:
        tag = f"$eltflow_{fingerprint(script)[:8]}$"
        parts = ", ".join(self.string(part or "") for part in (relation.schema, relation.identifier))
        return Statement(
            f"do {tag} begin\n{script}\nexception when others then\n"
            "  perform set_config('eltflow.refused', (coalesce(nullif(current_setting('eltflow.refused', true), ''), '[]')::jsonb"
            f" || jsonb_build_array(jsonb_build_array({parts}, sqlerrm)))::text, true);\nend {tag}"
        )

    def unpointed(self, relation: Relation) -> Statement:
        return Statement(_UNPOINTED.format(mine=self.string(self.render(relation))).strip())

    def refused(self) -> Statement:
        return Statement(_REFUSED.strip(), role="query")

    def same_view(self, relation: Relation, scratch: Relation, config: Mapping[str, Any]) -> Statement | None:
        names = sorted(_index_name(relation, index)[:16] for index in _indexes(config))
        found = {
            "mine": self.string(self.render(relation)),
            "scratch": self.string(self.render(scratch)),
            "indexes": self.string("{" + ",".join(names) + "}"),
        }
        return Statement(_SAME_VIEW.format(**found).strip(), role="query")

    # -- rights ----------------------------------------------------------------------------------------------------------------

    def grants_held(self, relation: Relation) -> Statement:
        return Statement(_HELD.format(**self._named(relation)).strip(), role="query")

    def grants(
        self, relation: Relation, wanted: Mapping[str, Sequence[str]], held: Mapping[str, Sequence[str]], kind: str = "table"
    ) -> tuple[Statement, ...]:
        """As the standard's; who is to have all keeps what they have."""
        everything = {grantee for word in _ALL for grantee in wanted.get(word, ())}
        kept = {privilege: [g for g in grantees if g not in everything] for privilege, grantees in held.items()}
        return super().grants(relation, wanted, kept, kind)

    # -- who may write -----------------------------------------------------------------------------------------------------------

    def lease(self, key: str, *, token: str, holder: str, place: str, seconds: float) -> LeaseStatements:
        """The fence's lock (FOR KEY SHARE) lets the lease be renewed, and keeps it from being deleted, which taking it over begins with."""
        mine = f"key = {self.string(key)} and token = {self.string(token)}"
        until = f"clock_timestamp() + interval '{seconds:.3f} seconds'"
        values = ", ".join(self.string(text) for text in (key, token, holder, place))
        return LeaseStatements(
            make=(
                self.create_schema(None, "eltflow_meta"),
                Statement(
                    "create table if not exists eltflow_meta.lease"
                    " (key text primary key, token text not null, holder text not null, place text not null, until timestamptz not null)"
                ),
            ),
            clear=Statement(
                f"delete from eltflow_meta.lease where key in (select key from eltflow_meta.lease where key = {self.string(key)}"
                f" and (until < clock_timestamp() or place = {self.string(place)}) for update skip locked)",
                role="dml",
            ),
            take=Statement(f"insert into eltflow_meta.lease values ({values}, {until}) on conflict (key) do nothing", role="dml"),
            holder=Statement(f"select holder from eltflow_meta.lease where key = {self.string(key)}", role="query"),
            renew=Statement(f"update eltflow_meta.lease set until = {until} where {mine}", role="dml"),
            release=Statement(f"delete from eltflow_meta.lease where {mine}", role="dml"),
            fence=Statement(f"begin;\nselect 1 from eltflow_meta.lease where {mine} for key share", role="begin"),
        )

    # -- rows from elsewhere ---------------------------------------------------------------------------------------------------

    def keeps(self, type: str) -> str | None:
        upper = " ".join(type.upper().split())
        decimal = _DECIMAL.match(upper)
        if decimal is not None:
            return f"numeric({decimal.group(1)},{decimal.group(2)})"
        if upper.endswith("]"):
            return self.nested
        return self.types.get(upper.split("(")[0].strip())

    def reads_as(self, type: str) -> str:
        numeric = _NUMERIC.match(type)
        if numeric is None:
            return self.types_read.get(type, "VARCHAR")
        digits, scale = int(numeric.group(1)), int(numeric.group(2))
        if digits > 38:  # that is what a DECIMAL has at most
            return "HUGEINT" if type == _TYPES["HUGEINT"] else "VARCHAR"
        return f"DECIMAL({digits},{scale})"

    def out_of_json(self, type: str) -> str | None:
        """A number with a fraction is a decimal there, and keeps its digits; what JSON has no value for comes as it is written."""
        own = self.keeps(type)
        return _OUT_OF_JSON.get(own, own) if own is not None else self.types["VARCHAR"]

    def taken(self, text: str, type: str) -> str | None:
        """What PostgreSQL itself rounds, cuts and reads in other bases (pp. 32-36, 152-158) is none."""
        own = type.strip().lower()
        moment = _MOMENT.match(own)
        if moment is not None:
            digits = moment["digits"] or 6
            wrong = rf"[.][0-9]{{{digits}}}[0-9]*[1-9]|^\s*[0-9]{{1,2}}[-/. ][0-9]{{1,2}}[-/. ]"
            wrong += (
                r"|:[0-9.]+\s*[+-][0-9:]*[1-9]|[A-Za-z]/[A-Za-z]" if moment["day"] and not (moment["zone"] or moment["tz"]) else ""
            )
        elif own == "date":
            wrong = r"^\s*[0-9]{1,2}[-/. ][0-9]{1,2}[-/. ]|^\S+[ T].*[1-9]"
        elif _WHOLE.match(own):
            wrong = "[.][0-9]*[1-9]|[xXoObB_]"
        elif own.startswith(("numeric", "decimal", "dec", "real", "double", "float")):
            wrong = "[xXoObB_]"
        else:
            return None
        kept = f"{text} !~ {self.string(wrong)}"
        if "(" in own and own.startswith(("numeric", "decimal", "dec")):
            kept += f" and cast({text} as numeric) = cast({text} as {type})"
        return f"({text} is null or ({kept}))"

    def unnested(self, source: str, what: Unnested) -> str:
        quote = self.quote
        named = [f"eltflow_rows.{quote(own)} as {quote(name)}" for own, name in what.keys]
        named.append(f"eltflow_items.eltflow_place as {quote(what.position)}")
        named += [f"{self._item(field, type)} as {quote(name)}" for field, name, type in what.items]
        return f"select {', '.join(named)} from {source} as eltflow_rows\n  cross join lateral {self._items(what)}"

    def _items(self, what: Unnested) -> str:
        column = f"eltflow_rows.{self.quote(what.column)}"
        lists = f"case when jsonb_typeof({column}) = 'array' then {column} end"
        return f"jsonb_array_elements({lists}) with ordinality as eltflow_items(eltflow_item, eltflow_place)"

    def _item(self, field: str | None, type: str | None) -> str:
        item = "eltflow_items.eltflow_item"
        if type is None or type == "jsonb":
            return item if field is None else f"({item} -> {self.string(field)})"
        text = f"({item} #>> '{{}}')" if field is None else f"({item} ->> {self.string(field)})"
        if _WHOLE.match(type):  # 2.0 is 2, and 1.5 none
            text = f"case when position('.' in {text}) > 0 then regexp_replace({text}, '[.]0+$', '') else {text} end"
        return f"cast({text} as {type})"

    def not_unnested(self, source: str, what: Unnested) -> Statement:
        column = f"eltflow_rows.{self.quote(what.column)}"
        lists = f"select count(*) from {source} as eltflow_rows where jsonb_typeof({column}) not in ('array', 'null')"
        items = "0"
        if what.objects:
            bare = "jsonb_typeof(eltflow_items.eltflow_item) not in ('object', 'null')"
            items = f"(select count(*) from {source} as eltflow_rows cross join lateral {self._items(what)} where {bare})"
        return Statement(f"select ({lists}), {items}", role="query")

    def load(self, relation: Relation, columns: Sequence[str], source: Source) -> Statement:
        sql = f"copy {self.render(relation)} ({self.columns(columns)}) from stdin"
        return Statement(sql, role="load", main=True, source=source)

    def _named(self, relation: Relation) -> dict[str, str]:
        return {"schema": self.string(relation.schema or ""), "name": self.string(relation.identifier)}


#: What values of a type that are taken out of JSON are given.
_OUT_OF_JSON: Mapping[str, str] = {
    "real": "numeric",
    "double precision": "numeric",
    "bytea": "text",
    "bit varying": "text",
    "interval": "text",
}


def _unlogged(config: Mapping[str, Any]) -> str:
    return "unlogged " if config.get("unlogged") else ""


def _indexes(config: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return config.get("indexes") or ()


def _index(index: Mapping[str, Any]) -> tuple[list[str], bool, str | None]:
    columns = index["columns"]
    return ([columns] if isinstance(columns, str) else list(columns)), bool(index.get("unique")), index.get("type")


def _index_name(final: Relation, index: Mapping[str, Any]) -> str:
    """The beginning of an index's name: it says what the index is, so that one can be told from another without its definition."""
    return f"eltflow_{fingerprint(repr((final.schema, final.identifier, *_index(index))))[:8]}"
