"""The DuckDB adapter: the embedded default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eltflow.base.plugins import driver
from eltflow.warehouse import Database, Dialect, Offline, Target
from eltflow_duckdb.dialect import DuckDBDialect

MEMORY = ":memory:"


class DuckDBAdapter:
    """Targets of `type: duckdb`. The driver is imported by `open` and `offline`, not before."""

    name = "duckdb"
    dialect: Dialect = DuckDBDialect()
    target_fields: Mapping[str, str] = {
        "path": "the database file, from the project root; :memory: for none",
        "settings": "DuckDB settings by name, set on opening",
        "extensions": "names of extensions to load; none is downloaded",
        "read_only": "open the file read-only",
    }
    secret_fields: frozenset[str] = frozenset()
    starter = """type: duckdb
path: my_project.duckdb
schema: "dev_{{ env_var('MY_SCHEMA', env_var('USER', 'me')) }}"
threads: 4
"""

    def target_problems(self, values: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        path = values.get("path", MEMORY)
        if not isinstance(path, str) or not path:
            found.append(("path", "`path` must be a file name, or :memory:"))
        elif path != MEMORY and Path(path).parts[:1] == ("target",):
            found.append(("path", "the database cannot lie in target/, which `eltflow clean` deletes"))
        if not isinstance(values.get("settings", {}), dict):
            found.append(("settings", "`settings` must be a mapping of names to values"))
        if not isinstance(values.get("extensions", []), list):
            found.append(("extensions", "`extensions` must be a list of names"))
        return found

    def database_name(self, values: Mapping[str, Any], root: Path) -> str | None:
        path = str(values.get("path", MEMORY))
        return "memory" if path == MEMORY else Path(path).stem

    def location(self, target: Target, root: Path) -> str:
        path = str(target.values.get("path", MEMORY))
        return MEMORY if path == MEMORY else str((root / path).resolve())

    def open(self, target: Target, root: Path, *, read_only: bool = False) -> Database:
        with driver("duckdb targets", "duckdb"):
            from eltflow_duckdb.session import DuckDBDatabase
        return DuckDBDatabase(target, self.location(target, root), read_only=read_only)

    def offline(self) -> Offline | None:
        with driver("duckdb targets", "duckdb"):
            from eltflow_duckdb.offline import DuckDBOffline
        return DuckDBOffline()


ADAPTER = DuckDBAdapter()
