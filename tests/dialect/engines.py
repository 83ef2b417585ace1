"""The engines that a text in another dialect is run on: the real ones and the emulators that tests have."""

from __future__ import annotations

import datetime as dt
import decimal
import math
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from eltflow import api
from eltflow.base import plugins
from eltflow.events import StepResult
from eltflow.testing.bench import Subject
from eltflow.warehouse.protocols import Session
from eltflow.warehouse.values import Statement

NAMES = ("sqlite", "postgres", "mariadb", "spark", "snowflake", "bigquery", "redshift")
#: What an engine is started with; embedded ones need nothing.
_SERVED = ("postgres", "mariadb", "spark", "snowflake", "bigquery", "redshift")

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Engine:
    """One engine, and a target on it for a schema of one's own."""

    name: str
    server: Any

    def target(self, schema: str) -> dict[str, Any]:
        if self.server is not None:
            one = {"threads": 1} if self.name == "bigquery" else {}  # the emulator mixes up transactions of several jobs
            return {**self.server.target(), "schema": schema, **one}
        return {"type": self.name, "path": f"w.{self.name}", "schema": schema, "threads": 1}

    @property
    def adapter(self) -> Any:
        return plugins.load("eltflow.adapters", self.name)

    @contextmanager
    def session(self, root: Path, schema: str) -> Iterator[Session]:
        target = Subject(adapter=self.adapter, target=self.target(schema), root=root).values()
        database = self.adapter.open(target, root)
        session = database.session()
        try:
            yield session
        finally:
            session.close()
            database.close()


def started(name: str, request: pytest.FixtureRequest) -> Engine:
    server = request.getfixturevalue(name) if name in _SERVED else None
    if name == "mariadb":  # without it, a join of tables without indexes looks at every pair
        server.sql(
            "set global join_cache_level = 8", "set global optimizer_switch = 'join_cache_hashed=on,optimize_join_buffer_size=on'"
        )
        server.sql("set global join_buffer_size = 4194304")
    return Engine(name, server)


def with_target(root: Path, target: dict[str, Any]) -> None:
    """The project builds there, and nowhere else."""
    file = root / "eltflow.yml"
    settings = yaml.safe_load(file.read_text(encoding="utf-8"))
    settings["targets"], settings["default_target"] = {"dev": target}, "dev"
    file.write_text(yaml.safe_dump(settings, sort_keys=False, allow_unicode=True), encoding="utf-8")


def build(root: Path) -> dict[str, StepResult]:
    """What became of each node, by its name."""
    loaded = api.load(root, api.new_options(invocation_id=str(uuid.uuid4())))
    state = api.RunState(run_id=loaded.options.invocation_id)
    for _ in api.execute(loaded, api.RunOptions(command="build"), state):
        pass
    return {step.split(".", 2)[2]: result for step, result in state.results.items()}


def rows(session: Session, sql: str) -> Rows:
    return list(session.execute(Statement(sql, role="query")).rows)


def plain(value: Any) -> Any:
    """A value as it is compared: engines have booleans and dates, or numbers and texts in their place."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, decimal.Decimal):
        value = float(value)
    if isinstance(value, float) and math.isfinite(value) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    if isinstance(value, dt.datetime):
        text = value.replace(tzinfo=None).isoformat(sep=" ")
        return text.removesuffix(" 00:00:00")
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, str) and len(value) >= 19 and value[10:19] in (" 00:00:00", "T00:00:00"):
        return value[:10]
    return value


def in_order(found: Iterable[Sequence[Any]]) -> Rows:
    """The rows in an order that does not hang on the last digits of floats."""
    kept = [tuple(plain(value) for value in row) for row in found]
    return sorted(kept, key=lambda row: tuple(_key(value) for value in row))


def _key(value: Any) -> tuple[str, Any]:
    if value is None:
        return ("", 0)
    if isinstance(value, (int, float)):
        return ("number", float(f"{value:.6g}"))
    return (type(value).__name__, value)


def same(one: Rows, other: Rows, relative: float = 1e-9, absolute: float = 1e-9) -> bool:
    """Whether the rows are the same, in any order; floats within the tolerances."""
    first, second = in_order(one), in_order(other)
    if len(first) != len(second) or {len(row) for row in first} != {len(row) for row in second}:
        return False
    return all(_alike(a, b, relative, absolute) for x, y in zip(first, second, strict=True) for a, b in zip(x, y, strict=True))


def _alike(a: Any, b: Any, relative: float, absolute: float) -> bool:
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return math.isclose(a, b, rel_tol=relative, abs_tol=absolute)
    return bool(a == b)
