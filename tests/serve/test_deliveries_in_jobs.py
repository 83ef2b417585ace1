"""Jobs that send what they built."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from api_server import Api, Asked, Reply
from served import bench

Project = Callable[..., Path]
JOBS = "jobs:\n  - {name: j, select: +deliver:people, triggers: [{cron: '0 * * * *'}]}\n"


@pytest.fixture
def crm() -> Iterator[Api]:
    made = Api()
    yield made
    made.close()


def shop(project: Project, crm: Api, **more: str) -> Path:
    to = {"kind": "http", "connection": "crm", "path": "/people", "batch": 10}
    steps = {"steps": [{"name": "people", "from": "b", "to": to, "unique_key": "id", "targets": ["dev"]}]}
    tests = "models: [{name: b, columns: [{name: id, data_tests: [unique, {accepted_values: {arguments: {values: [1, 2], quote: false}}}]}]}]\n"
    files = {
        "models/a.sql": "select 1 as id union all select 2\n",
        "models/b.sql": "select id from a\n",
        "models/p.yml": tests,
        "deliver/people.yml": json.dumps(steps),
        "jobs.yml": JOBS,
    }
    connections = json.dumps({"crm": {"type": "rest", "url": crm.url, "retries": 0}})
    return project({**files, **more}, settings=f"connections: {connections}\n")


def test_a_job_sends_what_it_built_and_tested(project: Project, crm: Api) -> None:
    crm.answers["/people"] = lambda asked: {}
    root = shop(project, crm)
    with bench(root) as made:
        (run,) = made.look(hours=1)
        assert run.state == "ok"
        assert [asked.body for asked in crm.asked] == [[{"id": 1}, {"id": 2}]]
        assert made.look(hours=1)[-1].state == "ok"
        assert len(crm.asked) == 1
        (root / "models/a.sql").write_text("select 1 as id union all select 3\n")
        assert made.look(hours=1)[-1].state == "failed"  # a test fails
        assert len(crm.asked) == 1


def test_an_attempt_that_failed_half_way_sends_the_rest_under_the_same_keys(project: Project, crm: Api) -> None:
    left: list[Any] = [503]

    def answer(asked: Asked) -> Any:
        return Reply({}, left.pop()) if left else {}

    crm.answers["/people"] = answer
    root = shop(project, crm, **{"jobs.yml": JOBS.replace("triggers", "retries: {attempts: 2, backoff: 1 s}, triggers")})
    with bench(root) as made:
        made.look(hours=1)
        assert made.look(minutes=1)[-1].state == "ok"
    assert len(crm.asked) == 2
    assert crm.asked[0].headers["idempotency-key"] == crm.asked[1].headers["idempotency-key"]


def test_a_program_comes_in_its_place_and_knows_what_it_is_about(project: Project, crm: Api) -> None:
    crm.answers["/people"] = lambda asked: {}
    code = "import os; open('told', 'a').write(os.environ['ELTFLOW_INTERVAL_START'] + ' ' + os.environ['ELTFLOW_INTERVAL_END'])"
    task = {"name": "tell", "command": [sys.executable, "-c", code], "after": ["people"], "targets": ["dev"]}
    jobs = JOBS.replace("+deliver:people", "+task:tell")
    root = shop(project, crm, **{"tasks/t.yml": json.dumps({"tasks": [task]}), "jobs.yml": jobs})
    with bench(root) as made:
        (run,) = made.look(hours=1)
        assert run.state == "ok"
    assert len(crm.asked) == 1
    assert (root / "told").read_text() == "2026-03-10T08:00:00+00:00 2026-03-10T09:00:00+00:00"
