"""Statements as golden files have them: rewritten with GOLDEN=rewrite in the environment, and reviewed as diffs."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from eltflow.warehouse.values import Statement


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
