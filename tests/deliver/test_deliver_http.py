"""Rows to an API: what is sent, what is not sent again, and what was not taken. (The API is a double: it shows what is sent, and how often.)"""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import Any

import pytest
from api_server import Api, Asked, Reply
from forked import Forked
from ran import everything
from shop import HTTP, Contacts, Eltflow, Project, delivery, shop

ENGINES = ("duckdb", "postgres", "mariadb", "snowflake", "bigquery", "sqlite")


def edited(root: Path, old: str, new: str) -> None:
    path = root / "seeds/customers.csv"
    path.write_text(path.read_text().replace(old, new))


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_new_or_changed_is_sent_once(
    engine: str, request: pytest.FixtureRequest, project: Project, eltflow: Eltflow, crm: Api
) -> None:
    target: dict[str, Any] | None = None
    if engine == "sqlite":
        target = {"type": "sqlite", "path": "shop.db", "schema": "main"}
    elif engine != "duckdb":
        target = request.getfixturevalue(engine).target()
    contacts = Contacts(crm)
    root = shop(project, crm.url, target=target)
    assert eltflow("build", cwd=root).code == 0
    done = eltflow("deliver", cwd=root)
    assert done.code == 0, done.text
    assert "3 rows sent to /contacts of `crm`" in done.out
    assert contacts.kept == {n: {"customer_id": n, "name": name} for n, name in ((1, "Ann"), (2, "Bob"), (3, "Cid"))}
    assert [len(asked.body) for asked in crm.asked] == [2, 1]
    assert len({asked.headers["idempotency-key"] for asked in crm.asked}) == 2
    assert crm.asked[0].headers["authorization"] == "Bearer t0ps3cret"
    edited(root, "2,Bob", "2,Bea")
    edited(root, "3,Cid,30.75", "3,Cid,99.00\n4,Dee,1.00")  # a column that is not sent; a row that is new
    assert eltflow("build", cwd=root).code == 0
    again = eltflow("deliver", cwd=root)
    assert again.code == 0, again.text
    assert "2 rows sent to /contacts of `crm`, 2 as they were sent before" in again.out
    assert contacts.taken == [1, 2, 3, 2, 4]
    assert "0 rows sent to /contacts of `crm`, 4 as they were sent before" in eltflow("deliver", cwd=root).out
    assert eltflow("deliver", "--full-refresh", cwd=root).code == 0
    assert contacts.taken == [1, 2, 3, 2, 4, 1, 2, 3, 4]


def test_what_may_have_arrived_is_sent_again_under_the_same_key(project: Project, eltflow: Eltflow, crm: Api) -> None:
    contacts = Contacts(crm)
    root = shop(project, crm.url)
    eltflow("build", cwd=root)

    def lost(asked: Asked) -> Reply:
        contacts(asked)
        return Reply({"results": []}, 503)

    crm.answers["/contacts"] = lost  # it took the rows, and the answer was another
    failed = eltflow("deliver", cwd=root)
    assert failed.code == 1
    assert "it answers 503" in failed.text
    assert "t0ps3cret" not in everything(root, failed).replace("shop.duckdb", "")
    crm.answers["/contacts"] = contacts
    assert eltflow("deliver", cwd=root).code == 0
    assert contacts.taken == [1, 2, 3]
    assert [asked.body[0]["customer_id"] for asked in crm.asked] == [1, 1, 3]
    assert crm.asked[0].headers["idempotency-key"] == crm.asked[1].headers["idempotency-key"]


def test_rows_that_changed_since_they_may_have_arrived_get_a_key_of_their_own(project: Project, eltflow: Eltflow, crm: Api) -> None:
    contacts = Contacts(crm)
    root = shop(project, crm.url)
    eltflow("build", cwd=root)
    contacts.status = 503
    assert eltflow("deliver", cwd=root).code == 1
    edited(root, "1,Ann", "1,Ada")
    eltflow("build", cwd=root)
    contacts.status = 200
    assert eltflow("deliver", cwd=root).code == 0
    assert contacts.kept[1]["name"] == "Ada"
    assert contacts.taken == [1, 2, 3]
    assert len({asked.headers["idempotency-key"] for asked in crm.asked}) == 3


def test_rows_that_are_refused_are_told_and_sent_again(project: Project, eltflow: Eltflow, crm: Api) -> None:
    contacts = Contacts(crm)
    contacts.refuses = {2}
    to = {**HTTP, "results": {"path": "results", "error": "error.message"}}
    root = shop(project, crm.url, deliver__crm=delivery(to=to))
    eltflow("build", cwd=root)
    failed = eltflow("deliver", cwd=root)
    assert failed.code == 1
    assert "delivery `segments`: /contacts of `crm` refused 1 of 3 rows; the first: /contacts: no such e-mail" in failed.text
    assert "correct these rows: those that were taken are not sent again" in failed.text
    assert contacts.taken == [1, 3]
    contacts.refuses = set()
    assert eltflow("deliver", cwd=root).code == 0
    assert contacts.taken == [1, 3, 2]


def test_a_row_by_itself(project: Project, eltflow: Eltflow, crm: Api) -> None:
    names = {}

    def put(asked: Asked) -> Any:
        names[asked.path] = (asked.method, asked.body)
        return Reply({"message": "the name is taken"}, 422) if asked.path.endswith("2") else {}

    for n in (1, 2, 3):
        crm.answers[f"/contacts/{n}"] = put
    to = {
        "kind": "http", "connection": "crm", "path": "/contacts/{customer_id}", "method": "put",
        "rows": "contact", "body": {"source": "shop"},
    }  # fmt: skip
    root = shop(project, crm.url, deliver__crm=delivery(to=to))
    eltflow("build", cwd=root)
    done = eltflow("deliver", cwd=root)
    assert done.code == 1
    assert "refused 1 of 3 rows; the first: " in done.text
    assert "it answers 422" in done.text
    assert names["/contacts/1"] == ("PUT", {"source": "shop", "contact": {"customer_id": 1, "name": "Ann"}})
    crm.answers["/contacts/2"] = lambda asked: {}
    before = len(crm.asked)
    assert eltflow("deliver", cwd=root).code == 0
    assert [asked.path for asked in crm.asked[before:]] == ["/contacts/2"]


def test_an_api_that_refuses_everything_is_not_asked_for_every_row(project: Project, eltflow: Eltflow, crm: Api) -> None:
    crm.answers["/contacts"] = lambda asked: Reply({"message": "what is this?"}, 422)
    many = "id,name,spent\n" + "".join(f"{n},x,1.0\n" for n in range(50))
    root = shop(project, crm.url, seeds__customers=many, deliver__crm=delivery(to={**HTTP, "batch": 1}))
    eltflow("build", cwd=root)
    failed = eltflow("deliver", cwd=root)
    assert failed.code == 1
    assert len(crm.asked) == 10
    assert "refused the first 10 rows, and no more were sent" in failed.text


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "see whether the credentials in `auth:` of the connection are right"),
        (404, "correct `path:`, or `url:` of the connection"),
        (500, "it answers 500"),
    ],
)
def test_an_answer_that_is_no_rows_fault_stops_it(project: Project, eltflow: Eltflow, crm: Api, status: int, words: str) -> None:
    crm.answers["/contacts"] = lambda asked: Reply({"message": "no"}, status)
    root = shop(project, crm.url, deliver__crm=delivery(to={**HTTP, "batch": 1}))
    eltflow("build", cwd=root)
    failed = eltflow("deliver", cwd=root)
    assert (failed.code, len(crm.asked)) == (1, 1)
    assert words in failed.text


def test_too_many_requests_are_waited_out(project: Project, eltflow: Eltflow, crm: Api) -> None:
    contacts = Contacts(crm)
    left = [429, 429]

    def slow(asked: Asked) -> Reply:
        return Reply({}, left.pop(), {"Retry-After": "0"}) if left else contacts(asked)

    crm.answers["/contacts"] = slow
    connections = {"crm": {"type": "rest", "url": crm.url, "retries": 3}}
    root = shop(project, crm.url, connections=connections)
    eltflow("build", cwd=root)
    assert eltflow("deliver", cwd=root).code == 0
    assert contacts.taken == [1, 2, 3]


@pytest.mark.parametrize(
    ("view", "message"),
    [
        (
            "select 1 as customer_id, name from customers\n",
            "1 value of `customer_id` comes more than once",
        ),
        (
            "select nullif(id, 2) as customer_id, name from customers\n",
            "`customer_id` is NULL in 1 row, and is to tell rows apart",
        ),
        (
            "select id as custumer_id, name from customers\n",
            "segments has no column `customer_id`",
        ),
    ],
)
def test_what_does_not_tell_rows_apart_is_told_before_anything_is_sent(
    project: Project, eltflow: Eltflow, crm: Api, view: str, message: str
) -> None:
    root = shop(project, crm.url, models__segments=view)
    eltflow("build", cwd=root)
    failed = eltflow("deliver", cwd=root)
    assert failed.code == 1
    assert crm.asked == []
    assert message in failed.text
    assert "deliver/crm.yml:1" in failed.text


def test_nothing_is_sent_before_the_tests_of_its_relation_pass(project: Project, eltflow: Eltflow, crm: Api) -> None:
    contacts = Contacts(crm)
    tests = (
        "models: [{name: segments, columns: [{name: name, data_tests: [{accepted_values: {arguments: {values: [Ann, Bob]}}}]}]}]\n"
    )
    root = shop(project, crm.url, props__p=tests)
    eltflow("run", cwd=root)
    eltflow("seed", cwd=root)
    eltflow("run", cwd=root)
    failed = eltflow("deliver", cwd=root)
    assert failed.code == 1
    assert crm.asked == []
    assert "skipped" in failed.text
    edited(root, "Cid", "Bob")
    eltflow("seed", cwd=root)
    assert eltflow("deliver", cwd=root).code == 0
    assert contacts.taken == [1, 2, 3]


def test_only_on_the_targets_that_it_names(project: Project, eltflow: Eltflow, crm: Api) -> None:
    Contacts(crm)
    root = shop(project, crm.url)
    built = eltflow("build", "--target", "prod", cwd=root)
    assert built.code == 0
    assert "1 delivery left out: `segments` (by `eltflow deliver`, or in a job)" in built.err
    done = eltflow("deliver", "--target", "prod", cwd=root)
    assert done.code == 0
    assert crm.asked == []
    assert "`segments` is not sent: its targets are `dev`, and this one is `prod`" in done.out


def test_a_rehearsal_sends_nothing(project: Project, eltflow: Eltflow, crm: Api) -> None:
    Contacts(crm)
    root = shop(project, crm.url)
    eltflow("build", cwd=root)
    shown = eltflow("deliver", "--dry-run", cwd=root)
    assert (shown.code, crm.asked) == (0, [])
    assert "segments  3 rows to /contacts of `crm` in 2 requests" in shown.out
    assert "nothing was sent" in shown.out
    eltflow("deliver", cwd=root)
    edited(root, "Bob", "Bea")
    eltflow("seed", cwd=root)
    found = json.loads(eltflow("deliver", "--dry-run", "--json", cwd=root).out)
    assert found == [
        {
            "id": "deliver.shop.segments",
            "name": "segments",
            "would_send": "1 row to /contacts of `crm` in 1 request, 2 as they were sent before",
        }
    ]


def killed_runs(root: Path, forked: Forked, kills: int, seed: int) -> None:
    """Send, killed before or after a statement, which may be while a request is out; then once more to the end."""
    chance = random.Random(seed)
    for _ in range(kills):
        statement, delay = chance.randint(2, 25), chance.choice([0.0, chance.uniform(0, 0.02)])
        forked("deliver", "--quiet", cwd=root, statement=statement, delay=delay)
    code, out, err = forked("deliver", "--quiet", cwd=root)
    assert code == 0, out + err


def check_kills(project: Project, forked: Forked, crm: Api, target: Any, kills: int, seed: int) -> None:
    contacts = Contacts(crm)

    def slow(asked: Asked) -> Reply:
        time.sleep(0.004)
        return contacts(asked)

    crm.answers["/contacts"] = slow
    rows = 40 + 12 * kills
    many = "id,name,spent\n" + "".join(f"{n},name {n},1.0\n" for n in range(rows))
    root = shop(project, crm.url, target=target, seeds__customers=many, deliver__crm=delivery(to={**HTTP, "batch": 3}))
    assert forked("build", cwd=root)[0] == 0
    killed_runs(root, forked, kills, seed)
    assert sorted(contacts.taken) == list(range(rows)), "every row, and none twice"


@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
def test_killed_at_any_moment_it_sends_every_row_and_none_twice(
    engine: str, request: pytest.FixtureRequest, project: Project, forked: Forked, crm: Api
) -> None:
    target = request.getfixturevalue("postgres").target() if engine == "postgres" else None
    check_kills(project, forked, crm, target, kills=6, seed=7)


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(10))
def test_killed_two_hundred_times(seed: int, project: Project, forked: Forked, crm: Api) -> None:
    check_kills(project, forked, crm, None, kills=20, seed=seed)
