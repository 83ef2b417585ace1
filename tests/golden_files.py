"""Statements as golden files have them: rewritten with GOLDEN=rewrite in the environment, and reviewed as diffs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from eltflow.compile.materialize import MATERIALIZATIONS
from eltflow.engine.drive import dry
from eltflow.testing.bench import make_job, make_node
from eltflow.warehouse.values import Relation, Result, Statement


def compare(path: Path, shown: str) -> None:
    """The text is that of the file."""
    if os.environ.get("GOLDEN") == "rewrite":
        path.write_text(shown)
    assert shown == path.read_text(), f"{path.name} differs"


def text(statements: Iterable[Statement]) -> str:
    return "".join(f"{s.sql};\n" for s in statements)


def without_ddl_inside(statements: Iterable[Statement]) -> str:
    """The text; none of the statements between begin and commit is DDL, which would commit by itself, or be refused."""
    kept, inside = list(statements), False
    for statement in kept:
        inside = statement.role == "begin" or (inside and statement.role not in ("commit", "rollback"))
        assert not inside or statement.role != "ddl", statement.sql
    return text(kept)


def of_cases(adapter: Any, relation: Relation, cases: Mapping[str, tuple[str, Mapping[str, Any], Result | None]]) -> str:
    """The statements of each case, by its name: of a materialization for that relation, with what a job is given, where every query has
    that answer."""
    shown = ""
    for name, (kind, given, answer) in cases.items():
        more = dict(given)
        node = make_node(kind, more.pop("config", {}), more.pop("columns", None), relation, **more.pop("node", {}))
        program = MATERIALIZATIONS[kind](make_job(adapter, node, "select id, v\nfrom s.up", dry=True, **more))
        shown += f"-- {name}\n" + text(dry(program, answer)) + "\n"
    return shown
