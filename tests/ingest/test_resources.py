"""Steps that ask an API for several resources: each a table and a node, asked for as the step says unless it says otherwise."""

from __future__ import annotations

import json
import time

import duckdb
import pytest
from api_server import Api, Reply

CUSTOMERS = [{"id": 1, "name": "Ada"}, {"id": 2, "name": "Bo"}, {"id": 3, "name": "Cy"}]
ORDERS = [{"id": 10, "at": "2026-01-01", "items": [{"sku": "a"}]}, {"id": 11, "at": "2026-01-02", "items": []}]


class Shop:
    def __init__(self, root, eltflow, api):
        self.root, self._eltflow, self.api = root, eltflow, api
        for name in ("ingest", "models"):
            (root / name).mkdir()

    def project(self, source, *, connection=None, **step):
        shop = {"type": "rest", "url": self.api.url, "retries": 0, **(connection or {})}
        settings = {
            "name": "p",
            "targets": {"dev": {"type": "duckdb", "path": "p.duckdb", "schema": "s"}},
            "connections": {"shop": shop},
        }
        (self.root / "eltflow.yml").write_text(json.dumps(settings))
        one = {"name": "shop", "source": {"kind": "rest", "connection": "shop", **source}, "into": "raw.{table}", **step}
        (self.root / "ingest/shop.yml").write_text(json.dumps({"steps": [one]}, indent=1))

    def run(self, *arguments, code=0):
        ran = self._eltflow(*(arguments or ("ingest",)), cwd=self.root)
        assert ran.code == code, ran.text
        return ran.text

    def rows(self, sql):
        with duckdb.connect(str(self.root / "p.duckdb"), read_only=True) as con:
            return con.execute(sql).fetchall()

    def asked(self, path):
        return [one.params for one in self.api.asked if one.path == path]


@pytest.fixture
def shop(tmp_path, eltflow):
    api = Api()
    api.answers["/customers"] = lambda asked: {
        "data": CUSTOMERS[int(asked.params.get("offset", 0)) :][: int(asked.params.get("limit", 9))]
    }
    api.answers["/v2/orders"] = lambda asked: {"data": [one for one in ORDERS if one["at"] >= asked.params.get("since", "")]}
    for id in (1, 2, 3):
        api.answers[f"/customers/{id}/notes"] = lambda asked: {"notes": [{"text": asked.path}]}
    yield Shop(tmp_path, eltflow, api)
    api.close()


ALL = {
    "records": "data",
    "params": {"all": "yes", "old": 1},
    "pagination": {"type": "offset", "size": 2},
    "incremental": {"param": "since", "format": "date"},
    "resources": {
        "customers": None,
        "orders": {
            "path": "/v2/orders",
            "pagination": None,
            "params": {"deep": "1", "old": None},
            "load": "merge",
            "unique_key": "id",
            "cursor": {"column": "at"},
            "unnest": ["items"],
        },
        "notes": {
            "path": "/customers/{customer}/notes",
            "records": "notes",
            "pagination": None,
            "for_each": {"path": "/customers", "records": "data", "fields": {"customer": "id"}},
        },
    },
}


def test_each_resource_is_a_table_and_a_node(shop):
    shop.project(ALL)
    assert shop.run("ls", "--quiet").split() == ["raw.customers", "raw.orders", "raw.notes", "raw.orders__items"]
    shop.run()
    assert shop.rows("select * from s_raw.customers order by 1") == [(1, "Ada"), (2, "Bo"), (3, "Cy")]
    assert shop.rows("select customer, text from s_raw.notes order by 1")[0] == (1, "/customers/1/notes")
    assert shop.rows("select orders_id, sku from s_raw.orders__items") == [(10, "a")]
    assert {"all": "yes", "old": "1", "offset": "0", "limit": "2"} in shop.asked("/customers")
    assert shop.asked("/v2/orders") == [{"all": "yes", "deep": "1"}]
    ORDERS_NOW = [*ORDERS, {"id": 12, "at": "2026-01-03", "items": [{"sku": "z"}]}]
    shop.api.answers["/v2/orders"] = lambda asked: {"data": ORDERS_NOW[1:]}
    shop.run("ingest", "--select", "shop.orders")
    assert shop.asked("/v2/orders")[1]["since"] == "2026-01-02"
    assert shop.rows("select orders_id, sku from s_raw.orders__items order by 1") == [(10, "a"), (12, "z")]
    assert "notes" not in shop.run("ingest", "--select", "shop.orders", "shop.customers")


def test_names_alone_are_paths(shop):
    shop.project({"resources": ["customers"], "records": "data"})
    shop.run()
    assert shop.rows("select count(*) from s_raw.customers") == [(3,)]


def test_a_resource_that_fails_leaves_the_others(shop):
    shop.api.answers["/v2/orders"] = lambda asked: Reply({"error": "no"}, 500)
    shop.project(ALL)
    text = shop.run(code=1)
    assert "ingest `shop.orders`" in text
    assert shop.rows("select count(*) from s_raw.customers") == [(3,)]


def test_resources_of_a_connection_with_a_pace_take_turns(shop):
    running, most = [], []

    def answer(asked):
        running.append(asked)
        most.append(len(running))
        time.sleep(0.05)
        running.remove(asked)
        return [{"id": 1}]

    for name in ("a", "b", "c"):
        shop.api.answers[f"/{name}"] = answer
    shop.project({"resources": ["a", "b", "c"]}, connection={"rate_limit": "1000/second"})
    shop.run()
    assert max(most) == 1


def test_queries_are_resources_too(shop):
    shop.api.answers["/"] = shop.api.answers[""] = lambda asked: {"data": {"shops": [{"id": 1}], "staff": [{"id": 2}, {"id": 3}]}}
    resources = {name: {"query": f"{{ {name} {{ id }} }}", "records": f"data.{name}"} for name in ("shops", "staff")}
    shop.project({"kind": "graphql", "resources": resources})
    shop.run()
    assert shop.rows("select * from s_raw.staff order by 1") == [(2,), (3,)]


BAD = {
    "no place for names": ({"resources": ["a"]}, {"into": "raw.x"}, "has no place for their names", "into"),
    "a path of all": ({"resources": ["a"], "path": "/b"}, {}, "`path` of a step with several resources would be of all", "path"),
    "a name that is none": ({"resources": {"a/b": None}}, {}, "`a/b` cannot be the name of a table", "a/b"),
    "none": ({"resources": {}}, {}, "this step brings no table", "resources"),
    "columns of all": (
        {"resources": ["a"]},
        {"columns": {"id": {"tags": ["x"]}}},
        "`columns` of a step that brings several",
        "columns",
    ),
    "lists of all": ({"resources": ["a"]}, {"unnest": ["x"], "unique_key": "id", "load": "merge"}, "`unnest` of a step", "unnest"),
    "no path": ({}, {"into": "raw.x"}, "a step of kind `rest` needs `path`", "kind"),
    "no query": (
        {"kind": "graphql", "resources": {"a": {"records": "b"}}},
        {},
        "a step of kind `graphql` needs `query`",
        '"a"',
    ),
    "an unknown key": ({"resources": {"a": {"pth": "/b"}}}, {}, "a resource of a step has no key `pth`", "pth"),
    "a key without meaning": ({"resources": {"a": {"load": "append"}}}, {}, "`load: append` of a table needs `cursor`", "load"),
    "no cursor": ({"resources": {"a": {"incremental": {"param": "x"}}}}, {}, "the step has no `cursor`", "incremental"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_does_not_go_together_is_told_by_its_line(shop, case):
    source, step, message, line = BAD[case]
    shop.project(source, **step)
    found = shop.run("ls", code=2)
    assert message in found
    assert line in found.split("\n  |", 1)[0] + found.split("|", 2)[1] + found.split("|", 2)[2].split("\n")[0]
    assert not shop.api.asked
