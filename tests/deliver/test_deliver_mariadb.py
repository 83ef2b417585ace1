"""Rows into a table of a MariaDB server: added, changed or deleted by their keys, and nothing else of it."""

from __future__ import annotations

import datetime
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from forked import Forked
from shop import Eltflow, Project, delivery, shop

COLUMNS = (
    "customer_id int unique, name text, spent decimal(9, 2), day date, seen datetime(6), ok boolean, `50% off` text, more json,"
    " note varchar(9) default 'ours'"
)
TABLE = f"create table theirs.segments ({COLUMNS})"
VIEW = (
    "select id as customer_id, name, spent, date '2024-02-29' as day, timestamptz '2026-01-31 10:00:00.5+02' as seen, true as ok,"
    " 'x%s' as \"50% off\", {'a': [1, null]} as more from customers\n"
)


@pytest.fixture
def theirs(mariadb: Any, project: Project) -> Any:
    """A project that sends to MariaDB, and what asks the table there."""

    def make(*, table: str | None = TABLE, batch: int = 2, key: str = "customer_id", view: str = VIEW, **more: Any) -> Path:
        mariadb.sql("drop database if exists theirs", "create database theirs", *([table] if table else []))
        to = {"kind": "table", "connection": "crm", "table": "theirs.segments", "batch": batch}
        step = delivery(to=to, columns=None, on_delete="delete", unique_key=key)
        at = mariadb.target()
        connection = {"type": "mariadb", "host": at["host"], "port": at["port"], "user": at["user"], **more}
        return shop(project, "", connections={"crm": connection}, deliver__crm=step, models__segments=view)

    return make


def asked(mariadb: Any, sql: str) -> list[Any]:
    with mariadb.connect() as con, con.cursor() as cursor:
        cursor.execute(sql)
        con.commit()
        return list(cursor.fetchall())


def test_rows_are_added_changed_and_deleted_by_their_keys(theirs: Any, mariadb: Any, eltflow: Eltflow) -> None:
    root = theirs()
    asked(mariadb, "insert into theirs.segments (customer_id, name, note) values (2, 'old', 'theirs'), (9, 'nine', 'theirs')")
    assert eltflow("build", cwd=root).code == 0
    done = eltflow("deliver", cwd=root)
    assert done.code == 0, done.text
    sent = (datetime.date(2024, 2, 29), datetime.datetime(2026, 1, 31, 8, 0, 0, 500000), 1, "x%s", '{"a": [1, null]}')
    assert asked(mariadb, "select * from theirs.segments order by 1") == [
        (1, "Ann", Decimal("10.50"), *sent, "ours"),
        (2, "Bob", Decimal("20.25"), *sent, "theirs"),
        (3, "Cid", Decimal("30.75"), *sent, "ours"),
        (9, "nine", *[None] * 6, "theirs"),
    ]
    (root / "seeds/customers.csv").write_text("id,name,spent\n1,Ann,10.50\n2,Bea,20.25\n")
    assert eltflow("build", cwd=root).code == 0
    again = eltflow("deliver", cwd=root)
    assert "1 row sent to theirs.segments of `crm`, 1 as they were sent before, 1 deleted there" in again.out
    assert asked(mariadb, "select customer_id, name from theirs.segments order by 1") == [(1, "Ann"), (2, "Bea"), (9, "nine")]


def test_keys_of_text_are_compared_by_their_signs(theirs: Any, mariadb: Any, eltflow: Eltflow) -> None:
    """A column that takes `a` for `A` would have one row for both."""
    view = "select name as code, spent from customers\n"
    table = "create table theirs.segments (code varchar(9) {} unique, spent decimal(9, 2)) character set utf8mb4"
    root = theirs(table=table.format("collate utf8mb4_bin"), key="code", view=view)
    (root / "seeds/customers.csv").write_text("id,name,spent\n1,Ann,1\n2,ANN,2\n3,é,3\n4,e,4\n")
    assert eltflow("build", cwd=root).code == 0
    assert eltflow("deliver", cwd=root).code == 0
    (root / "seeds/customers.csv").write_text("id,name,spent\n1,Ann,7\n3,é,3\n")
    assert eltflow("build", cwd=root).code == 0
    done = eltflow("deliver", cwd=root)
    assert done.code == 0, done.text
    assert asked(mariadb, "select code, spent from theirs.segments order by 1") == [("Ann", Decimal(7)), ("é", Decimal(3))]
    root = theirs(table=table.format(""), key="code", view=view)
    assert eltflow("build", cwd=root).code == 0
    refused = eltflow("deliver", cwd=root)
    assert refused.code == 1
    assert "takes different texts of code for the same (utf8mb4_" in refused.text
    assert asked(mariadb, "select * from theirs.segments") == []


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (TABLE.replace(" unique", ""), "theirs.segments has no unique key of customer_id"),
        (TABLE.replace("name text", "name varchar(9) unique"), "theirs.segments has another unique key, name"),
        (TABLE.replace("name text", "name text check (name <> 'Bob')"), "CONSTRAINT `segments.name` failed"),
        (TABLE.replace("name text", "name varchar(2)"), "Data too long for column 'name'"),
        (f"{TABLE} engine = MyISAM", "theirs.segments is kept by MyISAM, which takes nothing back"),
        (None, "there is no table theirs.segments"),
    ],
)
def test_a_batch_is_written_whole_or_not_at_all(
    theirs: Any, mariadb: Any, eltflow: Eltflow, table: str | None, message: str
) -> None:
    root = theirs(table=table)
    assert eltflow("build", cwd=root).code == 0
    failed = eltflow("deliver", cwd=root)
    assert failed.code == 1
    assert f"connection `crm`: {message}" in failed.text
    if table is not None:
        assert asked(mariadb, "select * from theirs.segments") == []


def test_nobody_there(theirs: Any, eltflow: Eltflow) -> None:
    root = theirs(port=1, password="hidden-word")
    assert eltflow("build", cwd=root).code == 0
    failed = eltflow("deliver", cwd=root)
    assert failed.code == 1
    assert "connection `crm`: " in failed.text
    assert "hidden-word" not in failed.text


def prove(kills: int, seed: int, theirs: Any, mariadb: Any, forked: Forked) -> None:
    chance = random.Random(seed)
    root = theirs(batch=4)
    for number in range(kills):
        ids = sorted(chance.sample(range(60), 30))
        (root / "seeds/customers.csv").write_text("id,name,spent\n" + "".join(f"{id},v{number},1.5\n" for id in ids))
        assert forked("build", cwd=root)[0] == 0
        statement, delay = chance.randint(2, 40), chance.choice([0.0, chance.uniform(0, 0.02)])
        assert forked("deliver", cwd=root, statement=statement, delay=delay)[0] in (0, -9)
        code, out, err = forked("deliver", cwd=root)
        assert code == 0, out + err
        assert asked(mariadb, "select customer_id, name from theirs.segments order by 1") == [(id, f"v{number}") for id in ids]


def test_killed(theirs: Any, mariadb: Any, forked: Forked) -> None:
    prove(4, 1, theirs, mariadb, forked)


@pytest.mark.prove
def test_killed_two_hundred_times(theirs: Any, mariadb: Any, forked: Forked) -> None:
    prove(200, 2, theirs, mariadb, forked)
