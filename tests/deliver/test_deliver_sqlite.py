"""Rows into a table of an SQLite file: added, changed or deleted by their keys, and nothing else of it."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from forked import Forked
from shop import Eltflow, Project, delivery, shop

COLUMNS = "customer_id integer unique, name text, spent numeric, day text, ok integer, \"50% off\" text, note text default 'ours'"
TABLE = f"create table segments ({COLUMNS})"
VIEW = "select id as customer_id, name, spent, date '2024-02-29' as day, true as ok, 'x' as \"50% off\" from customers\n"


def asked(root: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(root / "theirs.sqlite")) as con, con:
        return con.execute(sql).fetchall()


def to_file(project: Project, *, table: str | None = TABLE, batch: int = 2, **more: str) -> Path:
    to = {"kind": "table", "connection": "crm", "table": "segments", "batch": batch}
    step = delivery(to=to, columns=None, on_delete="delete")
    files = {"deliver__crm": step, "models__segments": VIEW, **more}
    root = shop(project, "", connections={"crm": {"type": "sqlite", "path": "theirs.sqlite"}}, **files)
    if table is not None:
        asked(root, table)
    return root


def test_rows_are_added_changed_and_deleted_by_their_keys(project: Project, eltflow: Eltflow) -> None:
    root = to_file(project)
    asked(root, "insert into segments (customer_id, name, note) values (2, 'old', 'theirs'), (9, 'nine', 'theirs')")
    assert eltflow("build", cwd=root).code == 0
    done = eltflow("deliver", cwd=root)
    assert done.code == 0, done.text
    assert asked(root, "select * from segments order by 1") == [
        (1, "Ann", 10.5, "2024-02-29", 1, "x", "ours"),
        (2, "Bob", 20.25, "2024-02-29", 1, "x", "theirs"),
        (3, "Cid", 30.75, "2024-02-29", 1, "x", "ours"),
        (9, "nine", None, None, None, None, "theirs"),
    ]
    (root / "seeds/customers.csv").write_text("id,name,spent\n1,Ann,10.50\n2,Bea,20.25\n")
    assert eltflow("build", cwd=root).code == 0
    again = eltflow("deliver", cwd=root)
    assert "1 row sent to segments of `crm`, 1 as they were sent before, 1 deleted there" in again.out
    assert asked(root, "select customer_id, name from segments order by 1") == [(1, "Ann"), (2, "Bea"), (9, "nine")]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (TABLE.replace(" unique", ""), "`segments` has no unique constraint on customer_id"),
        (TABLE.replace("name text", "name text check (name <> 'Bob')"), "CHECK constraint failed: name <> 'Bob'"),
        ("create table other (x)", "no such table: segments"),
        (None, "there is no file theirs.sqlite"),
    ],
)
def test_a_batch_is_written_whole_or_not_at_all(project: Project, eltflow: Eltflow, table: str | None, message: str) -> None:
    root = to_file(project, table=table)
    assert eltflow("build", cwd=root).code == 0
    failed = eltflow("deliver", cwd=root)
    assert failed.code == 1
    assert f"connection `crm`: {message}" in failed.text
    if table is not None and "segments" in table:
        assert asked(root, "select * from segments") == []


def prove(kills: int, seed: int, project: Project, forked: Forked) -> None:
    chance = random.Random(seed)
    root = to_file(project, batch=4)
    for number in range(kills):
        ids = sorted(chance.sample(range(60), 30))
        (root / "seeds/customers.csv").write_text("id,name,spent\n" + "".join(f"{id},v{number},1.5\n" for id in ids))
        assert forked("build", cwd=root)[0] == 0
        statement, delay = chance.randint(2, 40), chance.choice([0.0, chance.uniform(0, 0.02)])
        assert forked("deliver", cwd=root, statement=statement, delay=delay)[0] in (0, -9)
        code, out, err = forked("deliver", cwd=root)
        assert code == 0, out + err
        assert asked(root, "select customer_id, name from segments order by 1") == [(id, f"v{number}") for id in ids]


def test_killed(project: Project, forked: Forked) -> None:
    prove(6, 1, project, forked)


@pytest.mark.prove
def test_killed_two_hundred_times(project: Project, forked: Forked) -> None:
    prove(200, 2, project, forked)
