"""Rows into a table of another database: added, or changed by their keys, and nothing else of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from shop import Eltflow, Project, delivery, shop

TABLE = "create table crm.segments (customer_id bigint unique, name text, spent numeric(9,2), \"50% off\" text, note text default 'ours')"


@pytest.fixture
def theirs(postgres: Any) -> Any:
    with postgres.connect() as connection:
        connection.execute("drop schema if exists crm cascade")
        connection.execute("create schema crm")
    return postgres


def rows(theirs: Any) -> list[Any]:
    with theirs.connect() as connection:
        return list(connection.execute("select * from crm.segments order by 1").fetchall())


def to_table(project: Project, theirs: Any, *, target: Any = None, **more: Any) -> Path:
    step = {"to": {"kind": "table", "connection": "crm", "table": "crm.segments", "batch": 2}, "columns": None, **more}
    values = {key: value for key, value in theirs.target().items() if key not in ("schema", "threads")}
    view = "select id as customer_id, name, spent, 'x' as \"50% off\" from customers\n"
    return shop(project, "", target=target, connections={"crm": values}, deliver__crm=delivery(**step), models__segments=view)


@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
def test_rows_are_added_or_changed_by_their_keys(engine: str, project: Project, eltflow: Eltflow, theirs: Any) -> None:
    with theirs.connect() as connection:
        connection.execute(TABLE)
        connection.execute("insert into crm.segments values (2, 'old', 0, 'y', 'theirs'), (9, 'nine', 9, 'z', 'theirs')")
    root = to_table(project, theirs, target=theirs.target() if engine == "postgres" else None)
    assert eltflow("build", cwd=root).code == 0
    done = eltflow("deliver", cwd=root)
    assert done.code == 0, done.text
    assert "3 rows sent to crm.segments of `crm`" in done.out
    assert [tuple(map(str, row)) for row in rows(theirs)] == [
        ("1", "Ann", "10.50", "x", "ours"),
        ("2", "Bob", "20.25", "x", "theirs"),
        ("3", "Cid", "30.75", "x", "ours"),
        ("9", "nine", "9.00", "z", "theirs"),
    ]
    (root / "seeds/customers.csv").write_text("id,name,spent\n1,Ann,10.50\n2,Bea,20.25\n3,Cid,30.75\n")
    eltflow("build", cwd=root)
    again = eltflow("deliver", cwd=root)
    assert "1 row sent to crm.segments of `crm`, 2 as they were sent before" in again.out
    assert rows(theirs)[1][1] == "Bea"


def test_a_table_without_a_key(project: Project, eltflow: Eltflow, theirs: Any) -> None:
    with theirs.connect() as connection:
        connection.execute(TABLE.replace(" unique", ""))
    root = to_table(project, theirs)
    eltflow("build", cwd=root)
    failed = eltflow("deliver", cwd=root)
    assert failed.code == 1
    assert 'connection `crm`: "crm"."segments" has no unique constraint on customer_id' in failed.text
    assert 'alter table "crm"."segments" add unique (customer_id)' in failed.text
    assert rows(theirs) == []


def test_a_table_that_is_not_there(project: Project, eltflow: Eltflow, theirs: Any) -> None:
    root = to_table(project, theirs)
    eltflow("build", cwd=root)
    failed = eltflow("deliver", cwd=root)
    assert failed.code == 1
    assert 'relation "crm.segments" does not exist' in failed.text


def test_a_batch_is_written_whole_or_not_at_all(project: Project, eltflow: Eltflow, theirs: Any) -> None:
    with theirs.connect() as connection:
        connection.execute(TABLE.replace("name text", "name text check (name <> 'Bob')"))
    root = to_table(project, theirs)
    eltflow("build", cwd=root)
    failed = eltflow("deliver", cwd=root)
    assert failed.code == 1
    assert "violates check constraint" in failed.text
    assert rows(theirs) == []  # Ann was in the batch of Bob


def test_a_table_needs_a_key(project: Project, eltflow: Eltflow, theirs: Any) -> None:
    failed = eltflow("deliver", cwd=to_table(project, theirs, unique_key=None, send="all"))
    assert failed.code == 2
    assert "a table needs `unique_key`: the column or columns whose values tell rows apart" in failed.text
