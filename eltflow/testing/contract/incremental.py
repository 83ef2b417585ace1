"""Incremental models. What is expected here was compared with dbt-core 1.12 and dbt-duckdb 1.11 on DuckDB 1.5 (November 2026)."""

from __future__ import annotations

import random
import re
from contextlib import suppress
from typing import Any

import pytest

from eltflow.compile.compiled import Hook
from eltflow.compile.program import ProgramError
from eltflow.testing.bench import Bench
from eltflow.testing.contract.claims import need_keys, need_strategy
from eltflow.warehouse.values import WarehouseError

FIRST = "select 1 as id, 'a' as v union all select 2, 'b' union all select null, 'n'"
NEXT = "select 1 as id, 'a2' as v union all select 3, 'c' union all select 3, 'c2' union all select null, 'n2'"
ADDED = [(1, "a"), (1, "a2"), (2, "b"), (3, "c"), (3, "c2"), (None, "n"), (None, "n2")]
KEYED = [(1, "a2"), (2, "b"), (3, "c"), (3, "c2"), (None, "n"), (None, "n2")]


@pytest.mark.parametrize(
    ("strategy", "key", "after"),
    [
        (None, None, ADDED),
        (None, "id", KEYED),
        ("append", None, ADDED),
        ("append", "id", ADDED),
        ("delete+insert", None, ADDED),
        ("delete+insert", "", ADDED),
        ("delete+insert", [], ADDED),
        ("delete+insert", "id", KEYED),
        ("delete+insert", "ID", KEYED),
        ("delete+insert", ["id", "id"], KEYED),
        ("delete+insert", ["id", "v"], ADDED),
        ("merge", None, ADDED),
        ("merge", "", ADDED),
        ("merge", "id", KEYED),
        ("merge", "ID", KEYED),
        ("merge", ["id", "id"], KEYED),
        ("merge", ["id", "v"], ADDED),
    ],
)
def test_strategies_and_keys(warehouse: Bench, strategy: Any, key: Any, after: Any) -> None:
    """A NULL key equals nothing; rows that are new twice over are brought in twice."""
    need_strategy(warehouse, strategy)
    config = {"unique_key": key, **({"incremental_strategy": strategy} if strategy else {})}
    if strategy is None and key and warehouse.can.incremental_strategies[0] in ("append", "insert_overwrite"):
        with pytest.raises(ProgramError, match="minds no `unique_key`"):
            warehouse.build("incremental", FIRST, config=config)
        assert warehouse.names() == set()
        return
    warehouse.build("incremental", FIRST, config=config)
    warehouse.build("incremental", NEXT, config=config)
    assert warehouse.rows() == after


@pytest.mark.parametrize("strategy", ["delete+insert", "merge"])
def test_a_key_that_is_no_column(warehouse: Bench, strategy: Any) -> None:
    need_strategy(warehouse, strategy)
    config = {"unique_key": "nope", "incremental_strategy": strategy}
    with pytest.raises(ProgramError, match="`unique_key` names the column `nope`"):
        warehouse.build("incremental", FIRST, config=config)
    warehouse.build("incremental", FIRST)
    with pytest.raises(ProgramError, match="`unique_key` names the column `nope`"):
        warehouse.build("incremental", NEXT, config=config)
    assert len(warehouse.rows()) == 3


def test_a_strategy_that_the_engine_has_not(warehouse: Bench) -> None:
    """The first run tells, too."""
    for there in (0, 3):
        for strategy in {"insert_overwrite", "merge", "delete+insert"} - {*warehouse.can.incremental_strategies}:
            with pytest.raises(ProgramError, match=re.escape(f"no incremental strategy `{strategy}`")):
                warehouse.build("incremental", NEXT, config={"incremental_strategy": strategy, "unique_key": "id"})
        assert (len(warehouse.rows()) if warehouse.names() else 0) == there
        warehouse.build("incremental", FIRST)


def test_delete_insert_is_what_it_says(warehouse: Bench) -> None:
    """Any rows: those whose key is among the new ones go, then all the new ones come."""
    need_strategy(warehouse, "delete+insert")
    chance = random.Random(4)

    def some() -> list[tuple[int | None, int]]:
        return [(chance.choice([None, 0, 1, 2, 3, 4, 5]), chance.randint(0, 3)) for _ in range(chance.randint(0, 8))]

    def select(values: Any) -> str:
        listed = " union all ".join(f"select {'null' if k is None else k} as k, {v} as v" for k, v in values or [(0, 0)])
        return f"select cast(k as integer) as k, cast(v as integer) as v from ({listed}) as y{'' if values else ' where false'}"

    for _ in range(25):
        before, new = some(), some()
        warehouse.sql("drop table if exists s.t", "create table s.t (k integer, v integer)")
        for values in (before, new):
            config = {"unique_key": "k", "incremental_strategy": "delete+insert"}
            warehouse.build("incremental", select(values), config=config)
        keys = {k for k, _ in new if k is not None}
        expected = [row for row in before if row[0] is None or row[0] not in keys] + new
        assert sorted(warehouse.rows(), key=repr) == sorted(expected, key=repr)


# -- columns that change -------------------------------------------------------------------------------------------------------

TABLE = "select 1 as id, 'a' as v"
CHANGES: dict[str, str] = {
    "added": "select 2 as id, 'b' as v, 5 as extra",
    "removed": "select 2 as id",
    "wider": "select cast(2 as bigint) as id, 'b' as v",
    "other": "select 2 as id, 7 as v",
    "order": "select 'b' as v, 2 as id",
    "both": "select 2 as id, 9 as z",
}
_ID, _V = ("id", "INTEGER"), ("v", "VARCHAR")
EXPECTED: dict[tuple[str, str], Any] = {
    ("ignore", "added"): ([_ID, _V], [(1, "a"), (2, "b")]),
    ("ignore", "removed"): "error",
    ("ignore", "wider"): ([_ID, _V], [(1, "a"), (2, "b")]),
    ("ignore", "other"): ([_ID, _V], [(1, "a"), (2, "7")]),
    ("ignore", "order"): ([_ID, _V], [(1, "a"), (2, "b")]),
    ("ignore", "both"): "error",
    ("append_new_columns", "added"): ([_ID, _V, ("extra", "INTEGER")], [(1, "a", None), (2, "b", 5)]),
    ("append_new_columns", "removed"): ([_ID, _V], [(1, "a"), (2, None)]),
    ("append_new_columns", "wider"): ([_ID, _V], [(1, "a"), (2, "b")]),
    ("append_new_columns", "other"): ([_ID, _V], [(1, "a"), (2, "7")]),
    ("append_new_columns", "order"): ([_ID, _V], [(1, "a"), (2, "b")]),
    ("append_new_columns", "both"): ([_ID, _V, ("z", "INTEGER")], [(1, "a", None), (2, None, 9)]),
    ("sync_all_columns", "added"): ([_ID, _V, ("extra", "INTEGER")], [(1, "a", None), (2, "b", 5)]),
    ("sync_all_columns", "removed"): ([_ID], [(1,), (2,)]),
    # dbt-duckdb fails here: it alters the type outside of the transaction that then inserts.
    ("sync_all_columns", "wider"): ([("id", "BIGINT"), _V], [(1, "a"), (2, "b")]),
    ("sync_all_columns", "other"): "error",
    ("sync_all_columns", "order"): ([_ID, _V], [(1, "a"), (2, "b")]),
    ("sync_all_columns", "both"): ([_ID, ("z", "INTEGER")], [(1, None), (2, 9)]),
    ("fail", "added"): "new: extra",
    ("fail", "removed"): "gone: v",
    ("fail", "wider"): "of another type: id",
    ("fail", "other"): "of another type: v",
    ("fail", "order"): ([_ID, _V], [(1, "a"), (2, "b")]),
    ("fail", "both"): "new: z; gone: v",
}


@pytest.mark.parametrize("strategy", ["append", "delete+insert", "merge"])
@pytest.mark.parametrize(("mode", "change"), list(EXPECTED))
def test_columns_that_change(warehouse: Bench, strategy: Any, mode: Any, change: Any) -> None:
    need_strategy(warehouse, strategy)
    if change in ("wider", "other") and not warehouse.can.column_types:
        pytest.skip("columns have no types that hold")
    if change == "wider" and warehouse.type("INTEGER") == warehouse.type("BIGINT"):
        pytest.skip("the engine has one type for both")
    config = {"on_schema_change": mode, "incremental_strategy": strategy, "unique_key": "id"}
    warehouse.build("incremental", TABLE, config=config)
    expected = EXPECTED[mode, change]
    if mode == "sync_all_columns" and change in ("removed", "wider", "both") and not warehouse.can.narrows:
        expected = "cannot drop columns of a table, or give them another type"
    if isinstance(expected, str):
        with pytest.raises((ProgramError, WarehouseError), match=None if expected == "error" else f"(?i){expected}"):
            warehouse.build("incremental", CHANGES[change], config=config)
        assert (warehouse.kinds(), warehouse.rows()) == (_typed(warehouse, [_ID, _V]), [(1, "a")])
        return
    warehouse.build("incremental", CHANGES[change], config=config)
    assert (warehouse.kinds(), warehouse.rows()) == (_typed(warehouse, expected[0]), expected[1])


#: What stood there, and what comes, of which the engine would make something else without a word.
NARROWED = {
    "rounded": ("5", "6.75"),
    "cut": ("date '2026-01-01'", "timestamp '2026-01-02 12:34:56'"),
    "fewer digits": ("cast(5.5 as decimal(5, 1))", "cast(6.75 as decimal(5, 2))"),
}


def _need_types(warehouse: Bench) -> None:
    if not warehouse.can.column_types or warehouse.adapter.dialect.brought_back("n", "a", "b") is None:
        pytest.skip("columns have no types that hold, or it cannot be asked what they would change")


@pytest.mark.parametrize("strategy", ["append", "delete+insert", "merge"])
@pytest.mark.parametrize("mode", ["ignore", "append_new_columns"])
@pytest.mark.parametrize("case", list(NARROWED))
def test_values_that_would_be_changed(warehouse: Bench, strategy: Any, mode: Any, case: str) -> None:
    need_strategy(warehouse, strategy)
    _need_types(warehouse)
    first, then = NARROWED[case]
    config = {"on_schema_change": mode, "incremental_strategy": strategy, "unique_key": "id"}
    warehouse.build("incremental", f"select 1 as id, {first} as n", config=config)
    if case == "fewer digits" and "(" not in str(warehouse.kinds()[1][1]):
        pytest.skip("a query's decimals have all digits that the engine keeps")
    before = warehouse.rows()
    with pytest.raises(ProgramError, match=r"(?i)`n` has values that .* cannot keep"):
        warehouse.build("incremental", f"select 2 as id, {then} as n", config=config)
    assert warehouse.rows() == before
    fits = first if case == "cut" else "cast(6.00 as decimal(5, 2))"
    warehouse.build("incremental", f"select 2 as id, {fits} as n", config=config)
    assert len(warehouse.rows()) == 2


def test_a_column_that_follows_its_query_keeps_its_values(warehouse: Bench) -> None:
    _need_types(warehouse)
    need_keys(warehouse)
    config = {"on_schema_change": "sync_all_columns", "unique_key": "id"}
    warehouse.build("incremental", "select 1 as id, cast(1.5 as decimal(5, 2)) as n", config=config)
    before = warehouse.rows()
    with suppress(ProgramError, WarehouseError):  # unless the column takes the new values as it is
        warehouse.build("incremental", "select 2 as id, 7 as n", config=config)
    assert warehouse.rows()[:1] == before


def _typed(warehouse: Bench, columns: Any) -> list[tuple[str, str | None]]:
    return [(name, warehouse.read_as(warehouse.type(type))) for name, type in columns]


AWKWARD = [
    '"',
    'a"b',
    "select",
    "group",
    "Mixed Case",
    "größe",
    "a.b",
    "semi;colon",
    "日本",
    "per%cent",
    "{{x}}",
    "'quoted'",
    "-- x",
]


@pytest.mark.parametrize("strategy", ["append", "delete+insert", "merge"])
def test_awkward_names(warehouse: Bench, strategy: Any) -> None:
    need_strategy(warehouse, strategy)
    if not warehouse.can.narrows:
        pytest.skip("columns stay")

    def quoted(name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def select(number: int, names: list[str]) -> str:
        return "select " + ", ".join(f"{number} as {quoted(n)}" for n in names)

    config = {"on_schema_change": "sync_all_columns", "incremental_strategy": strategy, "unique_key": AWKWARD[:2]}
    warehouse.build("incremental", select(1, AWKWARD[:-3]), config=config)
    warehouse.build("incremental", select(2, AWKWARD), config=config)
    warehouse.build(
        "incremental", select(2, AWKWARD[:2] + AWKWARD[4:]).replace('2 as "größe"', 'cast(2 as bigint) as "größe"'), config=config
    )
    assert [name for name, _ in warehouse.columns()] == AWKWARD[:2] + AWKWARD[4:]
    assert len(warehouse.rows()) == (3 if strategy == "append" else 2)


@pytest.mark.parametrize(
    "type",
    ["decimal(18, 3)", "varchar", "timestamp with time zone", "timestamp", "date", "time", "interval", "uuid", "integer[]", "json"],
)
def test_an_unchanged_type_is_no_change(warehouse: Bench, type: Any) -> None:
    """The catalog and a query's description spell every type alike."""
    if type in warehouse.subject.lacks:
        pytest.skip(f"no type {type}")
    config = {"on_schema_change": "fail"}
    warehouse.build("incremental", f"select cast(null as {type}) as x", config=config)
    warehouse.build("incremental", f"select cast(null as {type}) as x", config=config)
    assert len(warehouse.rows("select * from s.t")) == 2


def test_the_query_may_read_a_column_that_is_about_to_go(warehouse: Bench) -> None:
    if not warehouse.can.narrows:
        pytest.skip("columns stay")
    config = {"on_schema_change": "sync_all_columns", "incremental_strategy": "append"}
    warehouse.build("incremental", "select 1 as id, 10 as seen", config=config)
    warehouse.build("incremental", "select 2 as id where (select max(seen) from s.t) = 10", config=config)
    assert warehouse.rows() == [(1,), (2,)]


def test_a_pre_hook_may_change_the_columns(warehouse: Bench) -> None:
    warehouse.build("incremental", "select 1 as id")
    hook = (Hook(sql="alter table s.t add column more integer"),)
    warehouse.build("incremental", "select 2 as id, 3 as more", pre=hook)
    assert warehouse.rows() == [(1, None), (2, 3)]


# -- predicates and chosen columns ---------------------------------------------------------------------------------------------

WIDE = "select 1 as id, 'a' as v, 10 as w union all select 2, 'b', 2"
WIDE_NEXT = "select 1 as id, 'a2' as v, 20 as w union all select 3, 'c', 3"


@pytest.mark.parametrize(
    ("config", "first"),
    [
        ({"merge_update_columns": ["v"]}, (1, "a2", 10)),
        ({"merge_update_columns": "V"}, (1, "a2", 10)),
        ({"merge_exclude_columns": ["v"]}, (1, "a", 20)),
        ({}, (1, "a2", 20)),
    ],
)
def test_columns_to_merge(warehouse: Bench, config: Any, first: Any) -> None:
    need_strategy(warehouse, "merge")
    config = {"incremental_strategy": "merge", "unique_key": "id", **config}
    warehouse.build("incremental", WIDE, config=config)
    warehouse.build("incremental", WIDE_NEXT, config=config)
    assert warehouse.rows() == [first, (2, "b", 2), (3, "c", 3)]


def test_columns_to_merge_and_to_leave(warehouse: Bench) -> None:
    need_strategy(warehouse, "merge")
    config = {"incremental_strategy": "merge", "unique_key": "id", "merge_update_columns": "v", "merge_exclude_columns": "w"}
    warehouse.build("incremental", WIDE, config=config)
    with pytest.raises(ProgramError, match="exclude each other"):
        warehouse.build("incremental", WIDE_NEXT, config=config)


def test_predicates_keep_old_rows(warehouse: Bench) -> None:
    need_keys(warehouse)
    config = {"unique_key": "id", "incremental_predicates": ["id > 1", "w < 100"]}
    warehouse.build("incremental", WIDE, config=config)
    warehouse.build("incremental", WIDE_NEXT + " union all select 2, 'b2', 2", config=config)
    assert warehouse.rows() == [(1, "a", 10), (1, "a2", 20), (2, "b2", 2), (3, "c", 3)]


@pytest.mark.parametrize(
    "predicate",
    [
        "eltflow_target.id > 1",
        "DBT_INTERNAL_DEST.id > 1",
        'dbt_internal_dest."id" > 1',
        "id > 1",
        "ID > 1 and v in (select v from s.t)",
        "DBT_INTERNAL_SOURCE.id > 1",
        "eltflow_source.id > 1 and id < 100",
        "exists (select 1 from (select 1 as id) as x where DBT_INTERNAL_DEST.id > x.id)",
        "DBT_INTERNAL_DEST.id > 1 -- DBT_INTERNAL_DEST.id > 100",
    ],
)
@pytest.mark.parametrize("strategy", ["delete+insert", "merge"])
def test_predicates_may_name_the_table_and_the_new_rows(warehouse: Bench, strategy: Any, predicate: Any) -> None:
    need_strategy(warehouse, strategy)
    predicate = predicate.replace('"id"', warehouse.adapter.dialect.quote("id"))
    config = {"unique_key": "id", "incremental_strategy": strategy, "incremental_predicates": [predicate]}
    warehouse.build("incremental", WIDE, config=config)
    warehouse.build("incremental", WIDE_NEXT + " union all select 2, 'b2', 2", config=config)
    assert warehouse.rows() == [(1, "a", 10), (1, "a2", 20), (2, "b2", 2), (3, "c", 3)]


def test_full_refresh(warehouse: Bench) -> None:
    warehouse.build("incremental", WIDE)
    warehouse.build("incremental", WIDE_NEXT, full_refresh=True)
    assert warehouse.rows() == [(1, "a2", 20), (3, "c", 3)]


def test_staging_is_not_left_and_not_logged(warehouse: Bench) -> None:
    need_keys(warehouse)
    config = {"unique_key": "id"}
    warehouse.build("incremental", WIDE, config=config)
    warehouse.build("incremental", WIDE_NEXT, config=config)
    staged = [s.sql for s in warehouse.statements if "__eltflow_tmp_0123abcd" in s.sql.lower()]
    assert staged
    assert warehouse.names() == {"t"}
