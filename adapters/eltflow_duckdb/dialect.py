"""How DuckDB spells things."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from eltflow.transfer import Field, Source
from eltflow.warehouse import Capabilities, Column, Dialect, Layout, Relation, Statement, Unnested
from eltflow_duckdb import jsonvalues, spelling

#: How files of lines are read: each line is a text, and one without anything NULL.
LINES = "auto_detect = false, header = false, delim = '\x01', quote = '', escape = '', comment = '', columns = {'line': 'VARCHAR'}"
#: Types that a format does not give back as they were (2.0, November 2026), and what stands for them in the files: Parquet has whole numbers of
#: more than 64 bits as DOUBLE, and times without their offset. The UNION of Parquet cannot be cast to one.
_OTHERWISE = {
    "parquet": re.compile(r"\b(?:U?HUGEINT|BIGNUM|BIT|ENUM|TIME WITH TIME ZONE|TIMESTAMP_S|TIMESTAMP_MS)\b"),
    "json": re.compile(r"\b(?:BIT|BLOB)\b"),
}
_STANDS_FOR = re.compile(r"\b(?:(?P<number>U?HUGEINT)|TIME WITH TIME ZONE|BIGNUM|BIT|BLOB)\b")
_LOST = {"parquet": re.compile(r"\bUNION\(")}


#: How columns of JSON are found: by `all` records; by the `first` ones, after which a record with another key is an error; or, `raw`, as they
#: are written, with the keys of the first ones.
_INFERRED = {
    "all": ("union_by_name = true", "sample_size = -1"),
    "first": (),
    "raw": ("maximum_depth = 1",),
}


def _otherwise(format: str, type: str) -> bool:
    return format in _OTHERWISE and _OTHERWISE[format].search(type) is not None


def _in_files(type: str) -> str:
    return _STANDS_FOR.sub(lambda found: "DECIMAL(38, 0)" if found["number"] else "VARCHAR", type)


#: The tables that point at one, and at those, the topmost first, with what makes them again without their foreign keys: DuckDB can neither
#: replace a table that another points at, nor take a constraint away (2.0, November 2026).
_POINTING = """
with recursive pointing (schema_name, table_name, depth) as (
  select {schema}, {name}, 0
  union
  select c.schema_name, c.table_name, p.depth + 1 from pointing p, duckdb_constraints() c
  where c.constraint_type = 'FOREIGN KEY' and c.database_name = {database} and c.schema_name = p.schema_name
    and c.referenced_table = p.table_name and c.table_name <> p.table_name
)
select t.schema_name, t.table_name, 'table',
  'create table ' || {prefix} || '.' || quoted || substr(body, strpos(body, '(')) || E'\\n'
  || 'insert into ' || {prefix} || '.' || quoted || ' select * from temp.main."eltflow_kept_' || replace(t.table_name, '"', '""') || '";'
  || coalesce((select string_agg(i.sql, '') from duckdb_indexes() i where i.table_oid = t.table_oid and i.database_name = {database}), '')
from (select schema_name, table_name, max(depth) as depth from pointing where depth > 0 group by all) p
join (
  select *, '"' || replace(table_name, '"', '""') || '"' as quoted,
    regexp_replace(substr(sql, strpos(sql, table_name) + length(table_name)),
      ',\\s*FOREIGN KEY \\([^)]*\\) REFERENCES [^(]*\\([^)]*\\)', '', 'g') as body
  from duckdb_tables() where database_name = {database}
) t on t.schema_name = p.schema_name and t.table_name = p.table_name
order by p.depth desc, t.schema_name, t.table_name
"""


class DuckDBDialect(Dialect):
    """DuckDB 1.4 to 2.x."""

    name = "duckdb"
    sqlglot = "duckdb"
    default_schema = "main"
    capabilities = Capabilities(
        transactional_ddl=True,
        unnests=True,
        create_or_replace_table=True,
        reads_files=True,
        merge=True,
        merge_is_arbitrary=True,
        except_all=True,
        grants=False,
        incremental_strategies=("delete+insert", "append", "merge"),
        offline_parser="duckdb",
        constraints=dict.fromkeys(("not_null", "unique", "primary_key", "foreign_key", "check", "custom"), "enforced"),
        external={
            "parquet": ("compression", "compression_level", "row_group_size", "row_group_size_bytes", "parquet_version"),
            "csv": ("compression",),
            "json": ("compression",),
        },
        renames_pointing=False,  # the table that is pointed at would go on knowing it by its old name, and could not be dropped any more
        query_comments=False,  # nobody else is there to read them
    )

    again = "_"
    row_id = "rowid"
    keeps_order = Statement("select cast(current_setting('preserve_insertion_order') as boolean)", role="query")

    def fold(self, identifier: str, quoted: bool) -> str:
        """DuckDB compares identifiers without regard to case, quoted or not (docs: "Keywords and Identifiers")."""
        return identifier.lower()

    def scattered(self, columns: Sequence[str]) -> str:
        return f"md5(cast([{', '.join(f'cast({c} as varchar)' for c in columns)}] as varchar))"

    def column(self, name: str) -> str:
        return self.quote(name)  # case does not matter, and a reserved word needs it

    def literal(self, value: Any) -> str:
        if isinstance(value, (list, tuple)):
            return f"[{', '.join(self.literal(v) for v in value)}]"
        if isinstance(value, Mapping):
            return "{" + ", ".join(f"{self.string(str(k))}: {self.literal(v)}" for k, v in value.items()) + "}"
        return super().literal(value)

    def keeps(self, type: str) -> str | None:
        return type

    def reference(self, relation: Relation) -> str:
        """Without its database, which is that of the table itself: DuckDB 1.x takes a name with one for that of another."""
        return self.render(Relation(None, relation.schema, relation.identifier))

    def spelt(self, text: str, type: str, value: str | None = None) -> str | None:
        return spelling.spelt(text, type, value)

    def kept(self, text: str, type: str, value: str | None = None, *, rounds: bool = False) -> str | None:
        return spelling.kept(text, type, value, rounds=rounds)

    def taken(self, text: str, type: str) -> str | None:
        return spelling.taken(text, type)

    def is_whole(self, type: str) -> bool:
        return spelling.is_whole(type)

    def whole_text(self, text: str) -> str:
        return spelling.whole_text(text)

    def misfit(self, value: str, type: str, *, whole: bool = False) -> str | None:
        return jsonvalues.misfit(self, value, type, whole=whole)

    def rounded(self, value: str, type: str) -> str | None:
        return jsonvalues.rounded(self, value, type)

    def strictly(self, value: str, type: str, form: str = "") -> str | None:
        return jsonvalues.strictly(self, value, type, form)

    def describe(self, sql: str) -> Statement:
        return Statement(f"select * from (\n{sql}\n) as eltflow_described limit 0", role="query")

    def staging(self, relation: Relation) -> Relation:
        """A temporary table, which is not written ahead: 0.38 instead of 0.50 s of CPU to bring in 1M rows (2.0, November 2026)."""
        return Relation("temp", "main", relation.identifier)

    def create_temporary_as(self, relation: Relation, sql: str) -> Statement:
        return Statement(f"create temporary table {self.render(relation)} as (\n{sql}\n)")

    def create_temporary(self, relation: Relation, columns: Sequence[Column]) -> Statement:
        body = ", ".join(f"{self.quote(c.name)} {c.type}" for c in columns)
        return Statement(f"create temporary table {self.render(relation)} ({body})")

    # -- tables that point at another --------------------------------------------------------------------------------------------

    def pointing(self, relation: Relation) -> Statement | None:
        return Statement(
            "select 1 from duckdb_constraints() where constraint_type = 'FOREIGN KEY' and database_name ="
            f" {self._database(relation)} and schema_name = {self.string(relation.schema or '')}"
            f" and referenced_table = {self.string(relation.identifier)} and table_name <> referenced_table limit 1",
            role="query",
        )

    def dependents(self, relation: Relation) -> Statement:
        prefix = ".".join(self.quote(part) for part in relation.parts()[:-1])
        named = {
            "database": self._database(relation),
            "schema": self.string(relation.schema or ""),
            "name": self.string(relation.identifier),
            "prefix": self.string(prefix),
        }
        return Statement(_POINTING.format(**named).strip(), role="query")

    def kept_aside(self, relation: Relation) -> Statement:
        kept = Relation("temp", "main", f"eltflow_kept_{relation.identifier}")
        return Statement(f"create or replace temporary table {self.render(kept)} as from {self.render(relation)}")

    def restore(self, relation: Relation, script: str) -> Statement:
        return Statement(script)

    def refused(self) -> Statement:
        return Statement(
            "select null, null, null where false", role="query"
        )  # what is made again has no keys that could be missing

    def _database(self, relation: Relation) -> str:
        return self.string(relation.database) if relation.database else "current_database()"

    def alter_type(self, relation: Relation, column: Column) -> Statement:
        return Statement(f"alter table {self.render(relation)} alter column {self.quote(column.name)} type {column.type}")

    def cast_read(self, format: str, column: str, type: str) -> str:
        if format == "json" and type.upper() in ("VARCHAR", "TEXT", "STRING"):
            return f"(to_json({column}) ->> '$')"  # a cast would keep the quotes of what was read as JSON
        return super().cast_read(format, column, type)

    def unnested(self, source: str, what: Unnested) -> str:
        quote, column = self.quote, self.quote(what.column)
        items = f"cast(case when json_type({column}) = 'ARRAY' then {column} end as json[])" if what.json else column
        keys = "".join(f"{quote(own)}, " for own, _ in what.keys)
        place = f"unnest({items}) as eltflow_item, generate_subscripts({items}, 1) as eltflow_place"
        inner = f"select {keys}{place} from {source} as eltflow_rows"
        named = [f"{quote(own)} as {quote(name)}" for own, name in what.keys]
        named.append(f"eltflow_place as {quote(what.position)}")
        named += [f"{self._item(field, type, what.json)} as {quote(name)}" for field, name, type in what.items]
        return f"select {', '.join(named)} from (\n  {inner}\n) as eltflow_items"

    def _item(self, field: str | None, type: str | None, json: bool) -> str:
        """A field of an item, or the item itself, as a type."""
        if not json:
            value = "eltflow_item" if field is None else f"struct_extract(eltflow_item, {self.string(field)})"
        else:
            path = "$" if field is None else "/" + field.replace("~", "~0").replace("/", "~1")
            plain = type is None or type.upper() == "JSON"
            value = f"json_extract{'' if plain else '_string'}(eltflow_item, {self.string(path)})"
        return value if type is None else f"cast({value} as {type})"

    def not_unnested(self, source: str, what: Unnested) -> Statement:
        column = self.quote(what.column)
        lists = f"coalesce(json_type({column}), 'NULL') not in ('ARRAY', 'NULL')"
        own = f"cast(case when json_type({column}) = 'ARRAY' then {column} end as json[])"
        bare = f"len(list_filter({own}, lambda one: coalesce(json_type(one), 'NULL') not in ('OBJECT', 'NULL')))"
        items = f"coalesce(sum({bare}), 0)" if what.objects else "0"
        return Statement(
            f"select count(*) filter (where {lists}), {items} from (select {column} from {source} as eltflow_rows) as eltflow_lists",
            role="query",
        )

    def load(self, relation: Relation, columns: Sequence[str], source: Source) -> Statement:
        """From a file that the session writes the source's text to, whose path and longest line it binds."""
        values = ", ".join(values_of(source.fields))
        return Statement(
            f"insert into {self.render(relation)} ({self.columns(columns)})\nselect {values}\nfrom {text_item(source.fields, '$1', '$2')}",
            role="load",
            main=True,
            source=source,
        )

    def copy_to(self, select: str, path: str, format: str) -> Statement | None:
        if format != "parquet":
            return None
        return Statement(f"copy ({select}) to {self.string(path)} (format parquet)", role="dml", main=True)

    # -- models that are files -----------------------------------------------------------------------------------------------------

    def write_files(self, sql: str, path: str, layout: Layout, columns: Sequence[Column]) -> Statement:
        kept = [c for c in columns if _otherwise(layout.format, str(c.type))]
        casts = ", ".join(f"cast({self.quote(c.name)} as {_in_files(str(c.type))}) as {self.quote(c.name)}" for c in kept)
        query = f"select * replace ({casts}) from (\n{sql}\n) as eltflow_written" if casts else sql
        options = [f"format {layout.format}"]
        if layout.format == "csv":
            options.append(f"header true, delimiter {self.string(str(layout.delimiter))}")
        if layout.partition_by:
            options.append(f"partition_by ({self.columns(layout.partition_by)})")
        options += [f"{name} {self.literal(value)}" for name, value in layout.options.items()]
        return Statement(f"copy (\n{query}\n) to {self.string(path)} ({', '.join(options)})", role="dml", main=True)

    def read_files(self, path: str, layout: Layout, columns: Sequence[Column]) -> str:
        """Nothing is guessed: where a format does not keep the types they are said, and columns that come as others are cast back."""
        folded = {name.lower() for name in layout.partition_by}
        items = []
        for column in columns:
            name, type = self.quote(column.name), str(column.type)
            if column.name.lower() not in folded:
                if layout.format in _LOST and _LOST[layout.format].search(type):
                    raise ValueError(f"the column `{column.name}` is {type}, which files of {layout.format} do not keep")
                name = f"cast({name} as {type}) as {name}" if _otherwise(layout.format, type) else name
            items.append(name)
        files = f"{path}/**/*.{layout.format}" if layout.partition_by else path
        arguments = [self.string(files)]
        inside = {c.name: str(c.type) for c in columns if c.name.lower() not in folded}
        inside = {name: _in_files(type) if _otherwise(layout.format, type) else type for name, type in inside.items()}
        if layout.format == "csv":
            arguments.append(f"auto_detect = false, header = true, delim = {self.string(str(layout.delimiter))}")
            arguments.append("quote = '\"', escape = '\"', comment = '', nullstr = '', allow_quoted_nulls = false")
        if layout.format == "json":
            arguments.append("format = 'newline_delimited'")
        if layout.format != "parquet":
            arguments += [f"columns = {self.literal(inside)}"] if inside else []
            arguments += [f"compression = {self.literal(v)}" for k, v in layout.options.items() if k == "compression"]
        if layout.partition_by:
            types = {c.name: str(c.type) for c in columns if c.name.lower() in folded}
            arguments.append("hive_partitioning = true" + (f", hive_types = {self.literal(types)}" if types else ""))
        elif layout.format != "json":
            arguments.append("hive_partitioning = false")  # a folder called a=1 in the path is no column
        return f"select {', '.join(items) or '*'} from read_{layout.format}({', '.join(arguments)})"

    def views_of(self, path: str) -> Statement:
        quoted = self.string(path)[1:-1]  # as it stands in the view's own text
        return Statement(f"select 1 from duckdb_views() where contains(sql, {self.string(quoted)}) limit 1", role="query")

    def files(self, paths: Sequence[str], format: str, options: Mapping[str, Any], types: Mapping[str, str]) -> str | None:
        """A call of read_csv, read_json or read_parquet.

        CSV is read in one dialect (RFC 4180, the delimiter given or a comma), never guessed: a guess reads a file with one ragged row
        as a table of one column, without a word (DuckDB 2.0).
        """
        arguments = [self.literal(list(paths))]
        if format == "csv":
            arguments += self._csv(options, types)
            return f"read_csv({', '.join(arguments)})"
        if format == "json":  # from a sample, a later 1.5 would become 2 and a later key be left out (DuckDB 2.0)
            columns = options.get("columns")
            if columns and options.get("written"):
                return self._written(arguments[0], columns, options)
            arguments.append("dateformat = '%Y-%m-%d'")  # left alone, DuckDB takes 01-02-2013 for a day in February
            told = [f"columns = {self.literal(dict(columns))}"] if columns else [*_INFERRED[str(options.get("infer") or "all")]]
            return f"read_json({', '.join([*arguments, *told])})"
        if format in ("lines", "fixed"):
            return self._lines(arguments[0], format, options)
        return f"read_parquet({', '.join([*arguments, 'union_by_name = true'])})"

    def _written(self, paths: str, columns: Mapping[str, str], options: Mapping[str, Any]) -> str:
        """A call of read_json with some columns, whose values are no objects, as they are `written`: it reads 1.10 as 1.1 and
        keeps 17 digits of a fraction (2.0). Records are read a second time for that, as text; both come in the order of the files."""
        names = list(options["written"])
        texts = ", ".join(f"{spelling.as_written(name)} as {self.quote(name)}" for name in names)
        records = f"(select {texts} from read_json_objects({paths})) as eltflow_written"
        if set(columns) == set(names):
            return records
        items = [f"eltflow_{'written' if name in names else 'read'}.{self.quote(name)}" for name in columns]
        rest = {name: type for name, type in columns.items() if name not in names}
        read = f"read_json({paths}, dateformat = '%Y-%m-%d', columns = {self.literal(rest)}) as eltflow_read"
        return f"(select {', '.join(items)} from {read} positional join {records})"

    def _lines(self, paths: str, format: str, options: Mapping[str, Any]) -> str:
        """A query for what stands in each line, as text; NULL for what is empty there. Lines without anything are passed over. With `infer` as
        "lines", the lines themselves: their number (`n`), and whether they are as they should be (`fits`)."""
        lines = f"read_csv({paths}, {LINES})"
        fits, found, parts = self.parts_of_lines(format, options)
        if options.get("infer") == "lines":
            return f"(select row_number() over () as n, line is null or {fits} as fits from {lines}) as eltflow_lines"
        items = ", ".join(f"{part} as {self.quote(name)}" for name, part in parts)
        return f"(select {items} from (select line, {found} as found from {lines} where line is not null)) as eltflow_lines"

    def parts_of_lines(self, format: str, options: Mapping[str, Any]) -> tuple[str, str, Sequence[tuple[str, str]]]:
        """Of a `line`: whether it is as it should be; what is `found` in it; and by the columns' names, the value in `line` and `found`."""
        if format == "lines":
            fits = f"regexp_full_match(line, {self.string(str(options['pattern']))})"
            names = self.literal(list(options["columns_of"]))
            whole = self.string(f"^(?:{options['pattern']})$")
            parts = [(name, f"nullif(found[{self.string(name)}], '')") for name in options["columns_of"]]
            return fits, f"regexp_extract(line, {whole}, {names})", parts
        widths: Mapping[str, int] = options["widths"]
        start, parts = 1, []
        for name, width in widths.items():
            parts.append((name, f"nullif(trim(substr(line, {start}, {width})), '')"))
            start += width
        return f"length(line) <= {sum(widths.values())}", "null", parts

    def _csv(self, options: Mapping[str, Any], types: Mapping[str, str]) -> list[str]:
        """Nothing but types is guessed: left alone, DuckDB takes `a;b` for two columns, lines that begin with # for comments and
        01/02/2013 for a day in February or in January, as the rest of the file suggests."""
        made = [
            f"header = {self.literal(bool(options.get('header', True)))}",
            f"delim = {self.string(str(options.get('delimiter') or ','))}",
            "quote = '\"', escape = '\"', comment = '', skip = 0",
            "dateformat = '%Y-%m-%d'",
            "union_by_name = true",
        ]
        if options.get("infer") == "all":
            made.append("sample_size = -1")
        elif options.get("infer") == "none":
            made.append("all_varchar = true")
        if options.get("null") is not None:
            value = options["null"]
            made.append(f"nullstr = {self.literal(value if isinstance(value, list) else [str(value)])}")
        if types:
            made.append(f"types = {self.literal(dict(types))}")
        return made


#: Types whose values are spelt in a source's text as DuckDB reads them.
_AS_THEY_ARE = spelling.INTEGERS | {"BOOLEAN", "DOUBLE", "FLOAT", "UUID", "INTERVAL", "TIME", "TIME WITH TIME ZONE"}
#: Those that a text is cast to.
_CAST = ("BIT", "BIGNUM", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIME_NS")
_MOMENTS = ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE")


def _read_as(field: Field) -> str:
    return field.type if field.type in _AS_THEY_ARE or field.type.startswith("DECIMAL(") else "VARCHAR"


def text_item(fields: Sequence[Field], path: str, longest: str) -> str:
    """A FROM item that reads a file of a source's text, a tab behind each line, whose path and longest line are given in SQL. The columns of
    `values_of` are its own."""
    kinds = DuckDBDialect().literal({**{f"c{n}": _read_as(field) for n, field in enumerate(fields)}, "eltflow_end": "VARCHAR"})
    return (
        f"read_csv({path}, columns = {kinds}, auto_detect = false, header = false, delim = '\t', quote = '', escape = '', comment = '',"
        f" new_line = '\\n', nullstr = '\\N', max_line_size = {longest})"
    )


def values_of(fields: Sequence[Field]) -> list[str]:
    """The values that `text_item` reads, each as of its column's type."""
    return [value_of(f"c{n}", field) for n, field in enumerate(fields)]


def value_of(column: str, field: Field) -> str:
    """A column of a source's text (`eltflow.transfer.Source.text`) as a value of its type."""
    if _read_as(field) != "VARCHAR":
        return column
    if field.type in _MOMENTS:
        early = rf"regexp_replace({column}, '^(\S+)(.*) BC$', '\1 (BC)\2')"
        return f"cast(case when ends_with({column}, ' BC') then {early} else {column} end as {field.type})"
    if field.type in _CAST:
        return f"cast({column} as {field.type})"
    if field.type == "BLOB":
        return f"unhex(substr({column}, 4))"
    parts = f"string_split({column}, '\\\\')"
    marks = "replace(replace(replace(x, '\\t', chr(9)), '\\n', chr(10)), '\\r', chr(13))"
    plain = f"array_to_string(list_transform({parts}, lambda x: {marks}), '\\')"
    text = f"case when contains({column}, '\\') then {plain} else {column} end"
    if field.type == "VARCHAR":
        return text
    if field.type.startswith("ENUM("):
        return f"cast({text} as {field.type})"
    return f"cast(({text})::json as {field.type})"  # nested values come as JSON
