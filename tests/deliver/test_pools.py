"""Slots that the nodes of all runs share."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

from api_server import Api, Asked
from ran import Ran

from eltflow import api
from eltflow.engine.pools import Pools
from eltflow.project.nodes import DeliverInfo, Node

Project = Callable[..., Path]
Eltflow = Callable[..., Ran]


def node(name: str, **config: object) -> Node:
    to = DeliverInfo(to={"kind": "http", "connection": "crm", "path": "/"})
    more = {"resource_type": "deliver", "package": "p", "path": "x", "fqn": (), "deliver": to}
    return Node(unique_id=name, name=name, config=config, **more)  # type: ignore[arg-type]


def test_slots_are_taken_and_given_back() -> None:
    pools = Pools({"crm": 3, "other": 1})
    one, two, heavy, huge = node("one"), node("two"), node("heavy", weight=2), node("huge", weight=9)
    assert pools.take(one)
    assert pools.take(heavy)
    assert not pools.take(two)
    assert pools.take(node("elsewhere", pool="other"))
    assert pools.take(node("unknown", pool="nobody's"))
    pools.give(one)
    assert pools.take(two)
    pools.give(two)
    assert not pools.take(huge)
    pools.give(heavy)
    assert pools.take(huge)  # alone: or it would wait for ever
    assert not pools.take(one)
    pools.set({})
    assert pools.take(one)


class Busy:
    """An answer that takes its time, and knows how many were asked at once."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.now = self.most = 0

    def __call__(self, asked: Asked) -> object:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.15)
        with self.lock:
            self.now -= 1
        return {}


def run_all(root: Path, target: str, pools: Pools) -> None:
    loaded = api.load(root, api.new_options(target=target, env={}))
    ids = tuple(n.unique_id for n in loaded.graph.of_type("deliver"))
    state = api.RunState(run_id=loaded.options.invocation_id)
    for _ in api.execute(loaded, api.RunOptions(command="deliver", selected=ids, pools=pools), state):
        pass
    assert {result.status for result in state.results.values()} == {"success"}


def test_two_runs_share_a_pool(project: Project, crm: Api, eltflow: Eltflow) -> None:
    busy = Busy()
    crm.answers["/x"] = busy
    to = {"kind": "http", "connection": "crm", "path": "/x"}
    steps = [{"name": f"d{n}", "from": "a", "to": to, "unique_key": "id", "targets": ["dev", "prod"]} for n in range(4)]
    settings = {
        "name": "p",
        "default_target": "dev",
        "targets": {name: {"type": "duckdb", "path": f"{name}.duckdb", "threads": 4} for name in ("dev", "prod")},
        "connections": {"crm": {"type": "rest", "url": crm.url}},
    }
    files = {"eltflow.yml": json.dumps(settings), "models/a.sql": "select 1 as id\n", "deliver/d.yml": json.dumps({"steps": steps})}
    root = project(files)
    for target in ("dev", "prod"):
        assert eltflow("build", "--target", target, cwd=root).code == 0
    pools = Pools({"crm": 2})
    runs = [threading.Thread(target=run_all, args=(root, target, pools)) for target in ("dev", "prod")]
    for run in runs:
        run.start()
    for run in runs:
        run.join(60)
    assert len(crm.asked) == 8
    assert busy.most == 2
