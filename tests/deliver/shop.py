"""A shop: customers in a seed, a view of them, and a delivery of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from api_server import Api, Asked, Reply
from ran import Ran

Project = Callable[..., Path]
Eltflow = Callable[..., Ran]
CUSTOMERS = "id,name,spent\n1,Ann,10.50\n2,Bob,20.25\n3,Cid,30.75\n"
VIEW = "select id as customer_id, name, spent from customers\n"
HTTP = {"kind": "http", "connection": "crm", "path": "/contacts", "batch": 2}
STEP: dict[str, Any] = {
    "name": "segments",
    "from": "segments",
    "to": HTTP,
    "unique_key": "customer_id",
    "columns": ["customer_id", "name"],
    "targets": ["dev"],
}


def delivery(**more: Any) -> str:
    """`deliver/crm.yml` with one delivery; what is None is left out. (JSON is YAML.)"""
    return json.dumps({"steps": [{key: value for key, value in {**STEP, **more}.items() if value is not None}]})


def shop(project: Project, url: str, *, target: dict[str, Any] | None = None, connections: Any = None, **files: str) -> Path:
    """A built-by-nobody project. `files` are named with `__` for a slash and without their endings: deliver__crm, models__segments."""
    endings = {"deliver": "yml", "models": "sql", "seeds": "csv", "props": "yml"}
    given = {"deliver__crm": delivery(), "models__segments": VIEW, "seeds__customers": CUSTOMERS, **files}
    named = {f"{name.replace('__', '/')}.{endings[name.partition('__')[0]]}": text for name, text in given.items()}
    named = {name.replace("props/", "models/"): text for name, text in named.items()}
    settings = {
        "name": "shop",
        "default_target": "dev",
        "targets": {
            "dev": target or {"type": "duckdb", "path": "shop.duckdb", "schema": "s", "threads": 2},
            "prod": {"type": "duckdb", "path": "prod.duckdb", "schema": "main"},
        },
        "connections": connections
        or {
            "crm": {"type": "rest", "url": url, "retries": 0, "auth": {"type": "bearer", "token": "t0ps3cret"}},
            "hook": {"type": "webhook", "url": f"{url}/hook/t0ps3cret"},
        },
    }
    return project({**named, "eltflow.yml": json.dumps(settings)})


class Contacts:
    """An API that keeps what it is sent, and knows a request that comes twice by its key. `status` is what it answers, and `refuses` the ids
    that it does not take."""

    def __init__(self, api: Api, path: str = "/contacts") -> None:
        self.kept: dict[int, Any] = {}
        self.seen: dict[str, Any] = {}
        self.taken: list[int] = []
        self.status = 200
        self.refuses: set[int] = set()
        self.api = api
        api.answers[path] = self

    def __call__(self, asked: Asked) -> Reply:
        if self.status != 200:
            return Reply({"message": "not now"}, self.status)
        key = asked.headers["idempotency-key"]
        if key in self.seen:
            assert self.seen[key] == asked.body, "the same key for something else"
            return Reply({"results": [{} for _ in asked.body]})
        self.seen[key] = asked.body
        results = []
        for row in asked.body if isinstance(asked.body, list) else [asked.body]:
            if row["customer_id"] in self.refuses:
                results.append({"error": {"message": "no such e-mail"}})
                continue
            self.kept[row["customer_id"]] = row
            self.taken.append(row["customer_id"])
            results.append({})
        return Reply({"results": results})
