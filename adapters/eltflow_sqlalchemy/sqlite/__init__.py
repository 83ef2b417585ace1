"""SQLite: a file, and one more beside it for every other schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eltflow.base.plugins import driver
from eltflow.warehouse import Database, Dialect, Offline, Target
from eltflow_sqlalchemy.sqlite.dialect import SQLiteDialect

_PATIENCE = 60.0


class SQLiteAdapter:
    """Targets of `type: sqlite`."""

    name = "sqlite"
    dialect: Dialect = SQLiteDialect()
    target_fields: Mapping[str, str] = {
        "path": "the file, from the project root; it is the schema `main`",
        "timeout": f"seconds to wait while another process writes; {_PATIENCE:.0f} unless told",
    }
    secret_fields: frozenset[str] = frozenset()
    starter = """type: sqlite
path: my_project.sqlite
"""

    def target_problems(self, values: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        path = values.get("path")
        if not path:
            found.append(("type", "a sqlite target needs `path:`, its file"))
        elif str(path).startswith(":"):
            found.append(("path", "`path` must name a file: the sessions of a run share no memory"))
        timeout = values.get("timeout")
        if timeout is not None and not (str(timeout).replace(".", "", 1).isdigit()):
            found.append(("timeout", "`timeout` must be a number of seconds"))
        return found

    def database_name(self, values: Mapping[str, Any], root: Path) -> str | None:
        return None

    def location(self, target: Target, root: Path) -> str:
        return str((root / str(target.values["path"])).resolve())

    def open(self, target: Target, root: Path, *, read_only: bool = False) -> Database:
        with driver("sqlite targets", "'eltflow[sqlite]'"):
            from eltflow_sqlalchemy.session import SQLDatabase
            from eltflow_sqlalchemy.sqlite.engine import SQLiteDriver
        timeout = float(target.values.get("timeout", _PATIENCE))
        made = SQLiteDriver(Path(self.location(target, root)), read_only=read_only, timeout=timeout)
        return SQLDatabase(made, target, root, read_only=read_only)

    def offline(self) -> Offline | None:
        return None


ADAPTER = SQLiteAdapter()
