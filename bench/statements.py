"""The bare statements of a project: what a database must be sent when no tool stands between.

Raw tables and seeds first, then every model once, then one query for each test. `bench.engine` runs them.
"""

from __future__ import annotations

from typing import TypedDict

from bench.body import FIRST, LATER, RAW, SCHEMA, body, physical
from bench.shape import Model, Seed, Shape, Source, Test


class ModelStatement(TypedDict):
    """A model: `select` builds it, `later` (incremental only, else "") gives the rows of a rerun, replaced by `key`."""

    name: str
    relation: str
    materialized: str
    select: str
    later: str
    key: str


class Statements(TypedDict):
    """All that is run on a bare database, in order; `tests` are queries that give the number of failing rows."""

    raw: list[str]
    seeds: list[tuple[str, str]]
    models: list[ModelStatement]
    tests: list[str]


def statements(shape: Shape) -> Statements:
    """The statements of a project."""
    return Statements(
        raw=[f"create schema if not exists {RAW}", *(raw_table(source) for source in shape.sources)],
        seeds=[(physical(seed), f"seeds/{seed.name}.csv") for seed in shape.seeds],
        models=[model_statement(model) for model in shape.models],
        tests=[test_query(model, test) for model in shape.models for test in model.tests],
    )


def model_statement(model: Model) -> ModelStatement:
    """One model's statement."""
    return ModelStatement(
        name=model.name,
        relation=physical(model),
        materialized=model.materialized,
        select=body(model, FIRST),
        later=body(model, LATER) if model.materialized == "incremental" else "",
        key=model.key,
    )


def raw_table(source: Source) -> str:
    """Creates a raw table by arithmetic alone: the same rows on every machine and engine."""
    n = source.number
    return f"""\
create or replace table {physical(source)} as
select
    i % {source.keys} + 1 as id,
    1 + (i * 37 + {n} * 11) % 120 as owner_ref,
    (['new', ' Paid', 'shipped', 'CLOSED '])[1 + (i * 7 + {n}) % 4] as status_code,
    (['north', 'south', ' east', 'west', '', null])[1 + (i * 5 + {n}) % 6] as region_name,
    case when i % 23 = 0 then null else (i * 7919 + {n} * 104729) % 100000 end as amount_cents,
    (i + {n}) % 9 as quantity,
    (i + {n}) % 2 as active,
    timestamp '2024-01-01 00:00:00' + to_hours(cast((i * 13 + {n}) % 8000 as integer)) as created_at,
    timestamp '2025-01-01 00:00:00' + to_hours(cast((i * 17 + {n}) % 8000 as integer)) as updated_at,
    i + 1 as load_id
from range({source.rows}) as rows(i)"""


def seed_text(seed: Seed) -> str:
    """The CSV of a seed: the columns of a raw table."""
    lines = ["id,owner_ref,status_code,region_name,amount_cents,quantity,active,created_at,updated_at,load_id"]
    for i in range(seed.rows):
        status = ("new", "paid", "shipped", "closed")[(i + seed.number) % 4]
        region = ("north", "south", "east", "west")[(i * 5 + seed.number) % 4]
        amount = (i * 7919 + seed.number * 104729) % 100000
        days = f"2024-{1 + i % 12:02d}-{1 + i % 28:02d} 08:00:00,2025-{1 + i % 12:02d}-{1 + i % 28:02d} 08:00:00"
        owner = 1 + (i * 37 + seed.number) % 120
        lines.append(f"{i + 1},{owner},{status},{region},{amount},{i % 9},{i % 2},{days},{i + 1}")
    return "\n".join(lines) + "\n"


def test_query(model: Model, test: Test) -> str:
    """One query that counts the rows which break a test."""
    return f"select count(*) from ({failing_rows(physical(model), test)}) as failing"


def failing_rows(relation: str, test: Test) -> str:
    """The rows that break a test; a null never breaks accepted_values, unique or relationships."""
    column = test.column
    if test.kind == "unique":
        repeated = f"select {column} from {relation} where {column} is not null"
        return f"{repeated} group by {column} having count(*) > 1"
    if test.kind == "not_null":
        return f"select {column} from {relation} where {column} is null"
    if test.kind == "accepted_values":
        values = ", ".join(f"'{value}'" for value in test.values)
        return f"select {column} from {relation} where {column} not in ({values})"
    other, field = test.to
    missing = f'select 1 from "{SCHEMA}"."{other}" as parent where parent.{field} = child.{column}'
    return f"select {column} from {relation} as child where {column} is not null and not exists ({missing})"
