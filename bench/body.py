"""Writes the SQL of a model in one of several spellings that all mean the same.

A spelling says how other relations are named and whether macros and loops stand as Jinja or written out. The choices a
model makes (names of CTEs, order of clauses) come from its own number, so they are the same in every spelling.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from bench.shape import STATUSES, Model, Relation, Source

SCHEMA = "analytics"
RAW = "raw"
COLUMNS = ("parent_id", "status", "region", "amount", "quantity", "is_active", "created_at", "updated_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """`references`: call, bare or physical; `macros`: more Jinja; `increment`: jinja, later (a rerun) or none."""

    references: str
    macros: bool
    increment: str
    config: bool = True


STYLES: Mapping[str, Spelling] = {
    "ref": Spelling(references="call", macros=True, increment="jinja"),
    "bare": Spelling(references="bare", macros=False, increment="none"),
    "bare-macros": Spelling(references="bare", macros=True, increment="jinja"),
}
FIRST = Spelling(references="physical", macros=False, increment="none", config=False)
"""What a database is sent when the relation is built from nothing."""
LATER = Spelling(references="physical", macros=False, increment="later", config=False)
"""What it is sent for an incremental model that is already there."""


@dataclass(frozen=True, slots=True)
class Pen:
    """Writes parts of one model in one spelling."""

    model: Model
    spelling: Spelling

    def either(self, jinja: str, plain: str) -> str:
        """The Jinja form where this model has macros in this spelling, else the plain form."""
        return jinja if self.model.jinja and self.spelling.macros else plain

    def name(self, relation: Relation) -> str:
        """How the model names a relation that it reads; one model in ten keeps its calls in the bare styles."""
        form = self.spelling.references
        if form == "call" or (form == "bare" and self.model.number % 10 == 9):
            return called(relation)
        return physical(relation) if form == "physical" else bare(relation, self.model.number)

    def latest(self, relation: Relation, key: str) -> str:
        """The rows of a relation, the last one of each key: by a macro that takes the relation, or written out."""
        written = self.name(relation)
        argument = written[3:-3] if written.startswith("{{") else f"'{written}'"
        plain = f"select * from {written} qualify row_number() over (partition by {key} order by updated_at desc) = 1"
        return self.either(f"{{{{ latest_rows({argument}, '{key}') }}}}", plain)


def called(relation: Relation) -> str:
    """The relation by `ref()` or `source()`."""
    if isinstance(relation, Source):
        return f"{{{{ source('{relation.system}', '{relation.table}') }}}}"
    return f"{{{{ ref('{relation.name}') }}}}"


def physical(relation: Relation) -> str:
    """The relation as the database knows it."""
    if isinstance(relation, Source):
        return f'"{RAW}"."{relation.identifier}"'
    return f'"{SCHEMA}"."{relation.name}"'


def bare(relation: Relation, number: int) -> str:
    """The relation by its plain name; a source by either of its two names."""
    if isinstance(relation, Source):
        return f"{relation.system}.{relation.table}" if number % 2 else f"{RAW}.{relation.identifier}"
    return relation.name


def body(model: Model, spelling: Spelling) -> str:
    """The text of the model's file (or, without `config`, the bare statement)."""
    pen = Pen(model, spelling)
    lines = [*config(model), ""] if spelling.config and model.materialized != "view" else []
    lines += RECIPES[model.recipe](pen, Random(model.number))
    return "\n".join(lines) + "\n"


def config(model: Model) -> list[str]:
    """The config call at the head of a model that is no view."""
    if model.materialized == "table":
        return ["{{ config(materialized='table') }}"]
    return [
        "{{",
        "    config(",
        "        materialized='incremental',",
        "        incremental_strategy='delete+insert',",
        f"        unique_key='{model.key}'",
        "    )",
        "}}",
    ]


def with_clause(steps: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
    """A WITH clause of named steps."""
    lines: list[str] = []
    for index, (name, inner) in enumerate(steps):
        lines += [f"with {name} as (" if index == 0 else f"{name} as (", *(f"    {line}" for line in inner)]
        lines.append("),")
    lines[-1] = ")"
    return lines


def first_step(pen: Pen, rng: Random) -> str:
    """The name of the CTE over the first relation: plain, the relation's own name, or the name of another model."""
    model = pen.model
    if model.decoy:
        return model.decoy
    parent = model.upstream[0]
    own = parent.table if isinstance(parent, Source) else parent.name
    return rng.choice((own, "source" if model.layer == "staging" else "base", own if rng.random() < 0.4 else "input"))


def listed(columns: Sequence[str], number: int) -> list[str]:
    """A select list: one column a line, or four where people write densely (two models in three)."""
    width = 4 if number % 3 else 1
    rows = [columns[start : start + width] for start in range(0, len(columns), width)]
    lines = [f"    {', '.join(row)}," for row in rows]
    return [*lines[:-1], lines[-1].removesuffix(",")]


def final(pen: Pen, step: str, condition: str = "") -> list[str]:
    """The last select: all columns of the model, and the part that an incremental rerun reads."""
    model = pen.model
    lines = ["", "select", *listed([model.key, *COLUMNS, *model.measures], model.number), f"from {step}"]
    lines += [f"where {condition}"] if condition else []
    return lines + increment(pen, "and" if condition else "where")


def increment(pen: Pen, word: str) -> list[str]:
    """The condition of an incremental rerun, as Jinja or written out."""
    if pen.model.materialized != "incremental" or pen.spelling.increment == "none":
        return []
    jinja = pen.spelling.increment == "jinja"
    this = "{{ this }}" if jinja else physical(pen.model)
    test = f"{word} updated_at > (select coalesce(max(updated_at), timestamp '1900-01-01 00:00:00') from {this})"
    return ["{% if is_incremental() %}", test, "{% endif %}"] if jinja else [test]


def staging(pen: Pen, rng: Random) -> list[str]:
    """Renames, types and cleans the columns of one raw table, and keeps the last version of each row."""
    model = pen.model
    first = first_step(pen, rng)
    status = pen.either("{{ clean_text('status_code') }}", "lower(trim(status_code))")
    amount = pen.either("{{ money('amount_cents') }}", "cast(coalesce(amount_cents, 0) as double) / 100")
    renamed = [
        "select",
        f"    cast(id as bigint) as {model.key},",
        "    cast(owner_ref as bigint) as parent_id,",
        f"    {status} as status,",
        "    coalesce(nullif(trim(region_name), ''), 'unknown') as region,",
        f"    {amount} as amount,",
        "    cast(coalesce(quantity, 0) as integer) as quantity,",
        "    coalesce(active, 0) = 1 as is_active,",
        "    cast(created_at as timestamp) as created_at,",
        "    cast(updated_at as timestamp) as updated_at,",
        "    load_id",
        f"from {first}",
    ]
    ranked = [
        "select",
        "    *,",
        *measures(pen),
        f"    row_number() over (partition by {model.key} order by updated_at desc, load_id desc) as version_number",
        "from renamed",
    ]
    if model.number % 3:
        renamed[-1:] = [f"from {first}", "where load_id is not null"]
    steps = [(first, ["select *", f"from {pen.name(model.upstream[0])}"]), ("renamed", renamed), ("ranked", ranked)]
    return [*with_clause(steps), *final(pen, "ranked", "version_number = 1")]


def measures(pen: Pen) -> list[str]:
    """The model's own columns as lines of a select list."""
    found = []
    for name in pen.model.measures:
        jinja, plain = MEASURE_SQL[name]
        found.append(f"    {pen.either(jinja or plain, plain).replace('KEY', pen.model.key)} as {name},")
    return found


MEASURE_SQL: Mapping[str, tuple[str, str]] = {
    "age_days": ("{{ days_between('created_at', 'updated_at') }}", "date_diff('day', created_at, updated_at)"),
    "unit_amount": ("{{ ratio('amount', 'quantity') }}", "amount / nullif(quantity, 0)"),
    "large_flag": ("{{ flag('amount > 500') }}", "case when amount > 500 then 1 else 0 end"),
    "size_class": (
        "{{ bucket('amount', [50, 200, 500]) }}",
        "case when amount < 50 then 'under_50' when amount < 200 then 'under_200' "
        "when amount < 500 then 'under_500' else 'more' end",
    ),
    "amount_last_7": (
        "",
        "sum(amount) over (partition by region order by created_at, KEY rows between 6 preceding and current row)",
    ),
    "region_rank": ("", "rank() over (partition by region order by amount desc, KEY)"),
    "previous_amount": ("", "lag(amount) over (partition by status order by created_at, KEY)"),
    "share_of_region": (
        "{{ ratio('amount', 'sum(amount) over (partition by region)') }}",
        "amount / nullif(sum(amount) over (partition by region), 0)",
    ),
    "running_amount": ("", "sum(amount) over (partition by origin order by created_at, KEY rows unbounded preceding)"),
    "member_count": ("", "count(*)"),
    "total_amount": ("", "sum(amount)"),
    "largest_amount": ("", "max(amount)"),
    "paid_share": (
        "{{ ratio('sum(' ~ flag(\"status = 'paid'\") ~ ')', 'count(*)') }}",
        "sum(case when status = 'paid' then 1 else 0 end) / nullif(count(*), 0)",
    ),
    "origin": ("", "origin"),
}
"""By name: a measure as Jinja ("" where there is no such form) and written out; KEY is the model's key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a joined relation adds to a model: a CTE, the line that joins it, a term of the model's `amount`."""

    name: str
    query: list[str]
    join: str
    term: str


def looked_up(pen: Pen, relation: Model, index: int) -> Part:
    """One row of the relation for each parent_id."""
    name = f"{relation.entity}_{index}"
    query = ["select", f"    {relation.key},", f"    status as {name}_status,", f"    amount as {name}_amount"]
    return Part(
        name=name,
        query=[*query, f"from {pen.name(relation)}"],
        join=f"left join {name} on start.parent_id = {name}.{relation.key}",
        term=f"coalesce({name}.{name}_amount, 0)",
    )


def summed(pen: Pen, relation: Model, index: int, key: str) -> Part:
    """The relation's rows counted and added up by parent_id, with one column for each status; joined on `key`."""
    name = relation.name if pen.model.number % 4 == 0 else f"{relation.entity}_totals_{index}"
    rows = [f"    sum(case when status = '{status}' then amount else 0 end) as {status}_amount," for status in STATUSES]
    if pen.either("jinja", ""):
        rows = [
            "    {% for status in ['new', 'paid', 'shipped', 'closed'] %}",
            "    sum(case when status = '{{ status }}' then amount else 0 end) as {{ status }}_amount,",
            "    {% endfor %}",
        ]
    query = ["select", "    parent_id as owner_id,", *rows, "    count(*) as row_count"]
    return Part(
        name=name,
        query=[*query, f"from {pen.name(relation)}", "group by parent_id"],
        join=f"left join {name} on start.{key} = {name}.owner_id",
        term=f"coalesce({name}.paid_amount, 0)",
    )


def parts_of(pen: Pen, base: Model) -> list[Part]:
    """The relations after the first, summed and looked up by turns."""
    found = []
    for index, relation in enumerate(pen.model.upstream[1:], start=1):
        assert isinstance(relation, Model)
        found.append(summed(pen, relation, index, base.key) if index % 2 else looked_up(pen, relation, index))
    return found


def joined(pen: Pen, rng: Random) -> list[tuple[str, list[str]]]:
    """The CTEs that read all relations and join them to the first; the last one is called `combined`."""
    model = pen.model
    base = model.upstream[0]
    assert isinstance(base, Model)
    first = first_step(pen, rng)
    source = pen.latest(base, base.key) if model.number % 3 == 0 else f"select * from {pen.name(base)}"
    parts = parts_of(pen, base)
    key = model.key if model.recipe == "enrich" else "member_id"
    columns = [f"{base.key} as {key}", *(column for column in COLUMNS if column != "amount")]
    added = " + ".join(["start.amount", *(part.term for part in parts)])
    query = ["select", f"    {added} as amount,", *listed([f"start.{column}" for column in columns], model.number)]
    query += [f"from {first} as start", *(part.join for part in parts)]
    return [(first, [source]), *((part.name, part.query) for part in parts), ("combined", query)]


def enrich(pen: Pen, rng: Random) -> list[str]:
    """Joins the other relations to the first one, row by row, and measures the rows with windows."""
    query = ["select", *measures(pen), "    combined.*", "from combined"]
    return [*with_clause([*joined(pen, rng), ("measured", query)]), *final(pen, "measured")]


def rollup(pen: Pen, rng: Random) -> list[str]:
    """Joins, then gives one row for each parent_id."""
    grouped = [
        "select",
        f"    parent_id as {pen.model.key},",
        "    1 + parent_id % 97 as parent_id,",
        *(f"    min({column}) as {column}," for column in ("status", "region")),
        *measures(pen),
        "    sum(amount) as amount,",
        "    cast(round(avg(quantity)) as integer) as quantity,",
        "    bool_or(is_active) as is_active,",
        "    min(created_at) as created_at,",
        "    max(updated_at) as updated_at",
        "from combined",
        "group by combined.parent_id",
    ]
    return [*with_clause([*joined(pen, rng), ("grouped", grouped)]), *final(pen, "grouped")]


def union(pen: Pen, rng: Random) -> list[str]:
    """The rows of two relations one below the other, with keys that stay unique."""
    one, two = (relation for relation in pen.model.upstream if isinstance(relation, Model))
    first = first_step(pen, rng)
    stacked: list[str] = []
    for index, (step, parent) in enumerate(((first, one), ("added", two))):
        stacked += ["union all"] if index else []
        stacked += [
            "select",
            f"    {parent.key} * 2 + {index} as {pen.model.key},",
            f"    '{parent.entity}' as origin,",
        ]
        stacked += [f"    {', '.join(COLUMNS[:5])},", f"    {', '.join(COLUMNS[5:])}", f"from {step}"]
    own = [line for line in measures(pen) if not line.startswith("    origin")]
    steps = [
        (first, [f"select * from {pen.name(one)}"]),
        ("added", [pen.latest(two, two.key)]),
        ("stacked", stacked),
        ("measured", ["select", *own, "    stacked.*", "from stacked"]),
    ]
    return [*with_clause(steps), *final(pen, "measured")]


RECIPES: Mapping[str, Callable[[Pen, Random], list[str]]] = {
    "staging": staging,
    "enrich": enrich,
    "rollup": rollup,
    "union": union,
}

MACROS: Mapping[str, str] = {
    "money": """\
{% macro money(column) -%}
    cast(coalesce({{ column }}, 0) as double) / 100
{%- endmacro %}
""",
    "clean_text": """\
{% macro clean_text(column) -%}
    lower(trim({{ column }}))
{%- endmacro %}
""",
    "days_between": """\
{% macro days_between(start, finish) -%}
    date_diff('day', {{ start }}, {{ finish }})
{%- endmacro %}
""",
    "ratio": """\
{% macro ratio(part, whole) -%}
    {{ part }} / nullif({{ whole }}, 0)
{%- endmacro %}
""",
    "flag": """\
{% macro flag(condition) -%}
    case when {{ condition }} then 1 else 0 end
{%- endmacro %}
""",
    "bucket": """\
{% macro bucket(column, bounds) -%}
    case
    {%- for bound in bounds %}
        when {{ column }} < {{ bound }} then 'under_{{ bound }}'
    {%- endfor %}
        else 'more'
    end
{%- endmacro %}
""",
    "latest_rows": """\
{% macro latest_rows(relation, key) -%}
    {% set order = var('latest_by', 'updated_at') -%}
    select * from {{ relation }} qualify row_number() over (partition by {{ key }} order by {{ order }} desc) = 1
{%- endmacro %}
""",
}
"""The macros of a project, by file name."""
