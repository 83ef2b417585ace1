"""Rows that are gone from the relation are deleted where they were sent: each that was sent, no other, and whatever dies meanwhile."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest
from api_server import Api, Asked, Reply
from forked import Forked
from shop import Eltflow, Project, delivery, shop

TABLE = "create table crm.segments (customer_id bigint, name text, spent numeric(9,2), unique (customer_id, name))"


class Theirs:
    """A table of another database, and what is in it by its keys."""

    def __init__(self, server: Any) -> None:
        self.server = server
        with closing(server.connect()) as con:
            con.execute("drop schema if exists crm, s, eltflow_meta cascade")
            con.execute("create schema crm")
            con.execute(TABLE)

    def held(self) -> set[tuple[int, str]]:
        with closing(self.server.connect()) as con:
            return set(con.execute("select customer_id, name from crm.segments").fetchall())

    def execute(self, sql: str) -> None:
        with closing(self.server.connect()) as con:
            con.execute(sql)


@pytest.fixture
def theirs(postgres: Any) -> Theirs:
    return Theirs(postgres)


@pytest.fixture
def api() -> Iterator[Api]:
    with closing(Api()) as made:
        yield made


def customers(*rows: tuple[int, str]) -> str:
    return "id,name,spent\n" + "".join(f"{id},{name},1.5\n" for id, name in rows)


def to_table(project: Project, theirs: Theirs, rows: str, *, target: Any = None, batch: int = 2, **more: Any) -> Path:
    step = {
        "to": {"kind": "table", "connection": "crm", "table": "crm.segments", "batch": batch},
        "columns": None,
        "unique_key": ["customer_id", "name"],
        "on_delete": "delete",
        **more,
    }
    values = {key: value for key, value in theirs.server.target().items() if key not in ("schema", "threads")}
    return shop(project, "", target=target, connections={"crm": values}, deliver__crm=delivery(**step), seeds__customers=rows)


def sent(root: Path) -> tuple[int, int]:
    with duckdb.connect(str(root / "shop.duckdb"), read_only=True) as con:
        (rows,), (keys,) = (con.execute(f"select count(*) from eltflow_meta.{t}").fetchall()[0] for t in ("sent", "sent_key"))
    return rows, keys


def change(root: Path, eltflow: Eltflow, rows: str) -> None:
    (root / "seeds/customers.csv").write_text(rows)
    assert eltflow("build", cwd=root).code == 0


@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
def test_what_was_sent_and_is_gone_is_deleted(engine: str, project: Project, eltflow: Eltflow, theirs: Theirs) -> None:
    theirs.execute("insert into crm.segments values (99, 'theirs', 0)")
    odd = "O'Brien 50% \\ é"
    target = theirs.server.target() if engine == "postgres" else None
    root = to_table(project, theirs, customers((1, "Ann"), (2, odd), (3, "Cid"), (4, "Dan")), target=target)
    assert eltflow("build", cwd=root).code == 0
    assert eltflow("deliver", cwd=root).code == 0
    assert theirs.held() == {(99, "theirs"), (1, "Ann"), (2, odd), (3, "Cid"), (4, "Dan")}
    change(root, eltflow, customers((1, "Ann"), (5, "Eve")))
    rehearsed = eltflow("deliver", "--dry-run", cwd=root)
    assert "1 row to crm.segments of `crm` in 1 request, 1 as they were sent before, 3 to be deleted there" in rehearsed.text
    done = eltflow("deliver", cwd=root)
    assert done.code == 0, done.text
    assert "1 row sent to crm.segments of `crm`, 1 as they were sent before, 3 deleted there" in done.out
    assert theirs.held() == {(99, "theirs"), (1, "Ann"), (5, "Eve")}
    if engine == "duckdb":
        assert sent(root) == (2, 2)
    change(root, eltflow, customers((1, "Ann"), (3, "Cid"), (5, "Eve")))
    assert eltflow("deliver", cwd=root).code == 0
    assert theirs.held() == {(99, "theirs"), (1, "Ann"), (3, "Cid"), (5, "Eve")}


def test_it_holds_for_rows_that_were_sent_before_it_was_set(project: Project, eltflow: Eltflow, theirs: Theirs) -> None:
    root = to_table(project, theirs, customers((1, "Ann"), (2, "Bob")), on_delete="ignore")
    assert eltflow("build", cwd=root).code == 0
    assert eltflow("deliver", cwd=root).code == 0
    change(root, eltflow, customers((1, "Ann")))
    ignored = eltflow("deliver", cwd=root)
    assert "deleted" not in ignored.text
    text = (root / "deliver/crm.yml").read_text()
    (root / "deliver/crm.yml").write_text(text.replace('"ignore"', '"delete"'))
    assert eltflow("deliver", cwd=root).code == 0
    assert theirs.held() == {(1, "Ann"), (2, "Bob")}  # who was gone before is not known by a key
    change(root, eltflow, "id,name,spent\n9,Zed,1.5\n")
    assert eltflow("deliver", cwd=root).code == 0
    assert theirs.held() == {(2, "Bob"), (9, "Zed")}


class Contacts:
    """An API that keeps contacts by their ids. `refuses` are those that it does not let go of."""

    def __init__(self, api: Api, ids: range) -> None:
        self.kept: set[int] = set()
        self.deleted: list[int] = []
        self.refuses: set[int] = set()
        self.pause = 0.0
        api.answers["/contacts"] = self.take
        for id in ids:
            api.answers[f"/contacts/{id}"] = self.drop

    def take(self, asked: Asked) -> Reply:
        time.sleep(self.pause)
        self.kept.update(row["customer_id"] for row in asked.body)
        return Reply({})

    def drop(self, asked: Asked) -> Reply:
        assert asked.method == "DELETE"
        assert not asked.body
        time.sleep(self.pause)
        id = int(asked.path.rpartition("/")[2])
        if id in self.refuses:
            return Reply({"message": "has open orders"}, 409)
        if id not in self.kept:
            return Reply(status=404)
        self.kept.remove(id)
        self.deleted.append(id)
        return Reply(status=204)


def to_api(project: Project, api: Api, rows: str, **more: Any) -> Path:
    to = {"kind": "http", "connection": "crm", "path": "/contacts", "batch": 10, "delete": {"path": "/contacts/{customer_id}"}}
    return shop(project, api.url, deliver__crm=delivery(to=to, on_delete="delete", **more), seeds__customers=rows)


def test_an_api_is_asked_for_each(project: Project, eltflow: Eltflow, api: Api) -> None:
    contacts = Contacts(api, range(10))
    root = to_api(project, api, customers(*[(n, "x") for n in range(6)]))
    assert eltflow("build", cwd=root).code == 0
    assert eltflow("deliver", cwd=root).code == 0
    contacts.kept.remove(4)  # there it is gone already, which is as it should be
    contacts.refuses = {5}
    change(root, eltflow, customers((1, "x"), (2, "x")))
    failed = eltflow("deliver", cwd=root)
    assert failed.code == 1
    assert "/contacts of `crm` refused 1 of 4 rows; the first: " in failed.text
    assert "it answers 409" in failed.text
    assert (contacts.kept, sorted(contacts.deleted)) == ({1, 2, 5}, [0, 3])
    contacts.refuses = set()
    done = eltflow("deliver", cwd=root)
    assert "0 rows sent to /contacts of `crm`, 2 as they were sent before, 1 deleted there" in done.out
    assert (contacts.kept, sent(root)) == ({1, 2}, (2, 2))


def test_one_that_comes_back_while_it_is_deleted_is_sent_again(project: Project, eltflow: Eltflow, api: Api) -> None:
    contacts = Contacts(api, range(10))
    root = to_api(project, api, customers((1, "x"), (2, "x")))
    assert eltflow("build", cwd=root).code == 0
    assert eltflow("deliver", cwd=root).code == 0
    change(root, eltflow, customers((1, "x")))
    api.answers["/contacts/2"] = lambda asked: (contacts.drop(asked), Reply(status=500))[1]  # it is gone, and nobody was told
    assert eltflow("deliver", cwd=root).code == 1
    assert contacts.kept == {1}
    change(root, eltflow, customers((1, "x"), (2, "x")))
    assert eltflow("deliver", cwd=root).code == 0
    assert contacts.kept == {1, 2}


@pytest.mark.parametrize(
    ("more", "message", "help"),
    [
        (
            {"to": {"kind": "http", "connection": "crm", "path": "/contacts"}, "on_delete": "delete"},
            "a row that is gone is known by `unique_key`, and nothing in `path` says which row is meant",
            "add `delete: {path: /contacts/{customer_id}}`",
        ),
        (
            {"to": {"kind": "http", "connection": "crm", "path": "/contacts/{name}"}, "on_delete": "delete"},
            "`path` has a place for `name`, no part of the key",
            "add `delete: {path: /contacts/{customer_id}}`",
        ),
        (
            {"to": {"kind": "http", "connection": "crm", "path": "/c", "delete": {"path": "/c/{customer_id}"}}},
            "`delete` means nothing without `on_delete: delete`",
            "add that, or take it out",
        ),
        ({"on_delete": "remove"}, "`on_delete` cannot be `remove`", "one of: ignore, delete"),
        (
            {"to": {"kind": "files", "path": "x.csv"}, "unique_key": None, "columns": None, "on_delete": "delete"},
            "`on_delete` means nothing to a file, which always holds all rows",
            "take it out",
        ),
    ],
)
def test_settings_that_are_wrong(project: Project, eltflow: Eltflow, more: dict[str, Any], message: str, help: str) -> None:
    failed = eltflow("deliver", cwd=shop(project, "http://127.0.0.1:9", deliver__crm=delivery(**more)))
    assert failed.code == 2, failed.text
    assert message in failed.text
    assert help in failed.text
    assert "deliver/crm.yml:1" in failed.text


# -- kill -9 -----------------------------------------------------------------------------------------------------------------------


def prove(root: Path, kills: int, seed: int, forked: Forked, there: Any) -> None:
    """After any number of kills one run makes what is there what the relation is."""
    chance = random.Random(seed)
    assert forked("build", cwd=root)[0] == 0
    assert forked("deliver", cwd=root)[0] == 0
    killed = 0
    for number in range(kills):
        ids = sorted(chance.sample(range(60), 30))
        (root / "seeds/customers.csv").write_text(customers(*[(id, "x") for id in ids]))
        assert forked("build", cwd=root)[0] == 0
        statement, delay = chance.randint(2, 40), chance.choice([0.0, chance.uniform(0, 0.02)])
        code, out, err = forked("deliver", cwd=root, statement=statement, delay=delay)
        assert code in (0, -9), out + err
        killed += code == -9
        if chance.random() < 0.5:  # sometimes it goes on from there with other rows
            continue
        code, out, err = forked("deliver", cwd=root)
        assert code == 0, out + err
        assert there() == set(ids), f"after kill {number} at {statement}"
        assert sent(root) == (len(ids), len(ids))
    assert killed >= kills // 2, f"the kills came too late to prove anything: {killed} of {kills}"


def with_api(project: Project, api: Api) -> tuple[Path, Any]:
    contacts = Contacts(api, range(60))
    contacts.pause = 0.002
    return to_api(project, api, customers(*[(id, "x") for id in range(30)])), lambda: contacts.kept


def with_table(project: Project, theirs: Theirs) -> tuple[Path, Any]:
    root = to_table(project, theirs, customers(*[(id, "x") for id in range(30)]), batch=4)
    return root, lambda: {id for id, _ in theirs.held()}


@pytest.mark.parametrize("kind", ["http", "table"])
def test_killed(kind: str, project: Project, forked: Forked, api: Api, theirs: Theirs) -> None:
    root, there = with_api(project, api) if kind == "http" else with_table(project, theirs)
    prove(root, 8, 1, forked, there)


@pytest.mark.prove
@pytest.mark.parametrize("kind", ["http", "table"])
def test_killed_two_hundred_times(kind: str, project: Project, forked: Forked, api: Api, theirs: Theirs) -> None:
    root, there = with_api(project, api) if kind == "http" else with_table(project, theirs)
    prove(root, 100, 2, forked, there)
