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
        "external_root": "the folder of models that are files, from the project root, or an address (default: external)",
        "read_only": "open the file read-only",
        "attach": "a list of other databases: path, alias, type, secret, read_only, options",
        "secrets": "a list of what DuckDB needs to reach them: type, name, and what that type takes",
    }
    secret_fields: frozenset[str] = frozenset({"secrets"})
    starter = """type: duckdb
path: my_project.duckdb
schema: "dev_{{ env_var('MY_SCHEMA', env_var('USER', 'me')) }}"
threads: 4
"""

    def target_problems(self, values: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        path = values.get("path", MEMORY)
        if "path" not in values and "database" not in values:
            found.append(("type", "a duckdb target needs `path:`, its file (or :memory:, which keeps nothing)"))
        elif not isinstance(path, str) or not path:
            found.append(("path", "`path` must be a file name, or :memory:"))
        elif path != MEMORY and Path(path).parts[:1] == ("target",):
            found.append(("path", "the database cannot lie in target/, which `eltflow clean` deletes"))
        if not isinstance(values.get("settings", {}), dict):
            found.append(("settings", "`settings` must be a mapping of names to values"))
        if not isinstance(values.get("external_root", ""), str):
            found.append(("external_root", "`external_root` must be a folder, or an address like s3://bucket/folder"))
        if not isinstance(values.get("extensions", []), list):
            found.append(("extensions", "`extensions` must be a list of names"))
        own = _own_name(values)
        if values.get("attach") or values.get("secrets"):
            from eltflow_duckdb.attached import problems

            found += problems(values, own)
        database = values.get("database")
        if not found and database is not None and str(database).lower() not in (own.lower(), *map(str.lower, _attached(values))):
            found.append(("database", f"`database` must be `{own}` or the alias of what is attached, not {database!r}"))
        if not found and database is not None and values.get("threads") != 1:
            entry = _attached(values).get(str(database))
            if entry is not None and str(entry["path"]).startswith("ducklake:"):
                found.append(("database", "a DuckLake wants `threads: 1`: what one session made, the next may not find at once"))
        return found

    def database_name(self, values: Mapping[str, Any], root: Path) -> str | None:
        named = values.get("database")
        if named is not None and str(named).lower() != _own_name(values).lower():
            return str(named)
        return self._catalog(values, root)

    def location(self, target: Target, root: Path) -> str:
        values = target.values
        entry = _attached(values).get(str(target.database)) if str(target.database) != self._catalog(values, root) else None
        if entry is not None:  # what the models are built in is what two runs must not share
            from eltflow_duckdb.attached import path_of

            path, file = path_of(entry, root)
            return file or path
        return self._file(values, root)

    def open(self, target: Target, root: Path, *, read_only: bool = False) -> Database:
        with driver("duckdb targets", "duckdb"):
            from eltflow_duckdb.session import DuckDBDatabase
        return DuckDBDatabase(target, self._file(target.values, root), root, read_only=read_only)

    def _file(self, values: Mapping[str, Any], root: Path) -> str:
        path = str(values.get("path", MEMORY))
        return MEMORY if path == MEMORY else str((root / path).resolve())

    def _catalog(self, values: Mapping[str, Any], root: Path) -> str:
        """What DuckDB calls the target's own database: by its file, not by a link to it."""
        file = self._file(values, root)
        return "memory" if file == MEMORY else Path(file).stem

    def offline(self) -> Offline | None:
        with driver("duckdb targets", "duckdb"):
            from eltflow_duckdb.offline import DuckDBOffline
        return DuckDBOffline()


def _own_name(values: Mapping[str, Any]) -> str:
    """The name of the target's own database."""
    path = str(values.get("path", MEMORY))
    return "memory" if path == MEMORY else Path(path).stem


def _attached(values: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The entries of `attach` by their names."""
    if not values.get("attach"):
        return {}
    from eltflow_duckdb.attached import alias_of

    return {alias_of(entry): entry for entry in values["attach"]}


ADAPTER = DuckDBAdapter()
