"""What a DuckDB target attaches beside its own file, and the secrets that DuckDB needs to reach it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from eltflow.base.records import dataclass
from eltflow.warehouse import Dialect

_KEYS = ("path", "alias", "type", "secret", "read_only", "options")
_WORD = re.compile(r"[A-Za-z_]\w*")
_CREDENTIALS = re.compile(r"\b(?:password|passwd|pwd)\s*=|://[^/@\s]*:[^/@\s]+@", re.IGNORECASE)
#: Databases that DuckDB itself has under these names.
_TAKEN = frozenset({"system", "temp", "memory"})
#: Types whose `path` is a file; that of others is what their client connects by.
_FILES = frozenset({"", "duckdb", "sqlite"})
_LAKE = "ducklake:"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A database to attach: its name, the statement, and the file that it must lie in if it is a local one."""

    alias: str
    sql: str
    file: str | None


def problems(values: Mapping[str, Any], own: str) -> Iterator[tuple[str, str]]:
    """(key, what is wrong) of `attach` and `secrets`; `own` is the name of the target's own database."""
    taken = {own.lower(), *_TAKEN}
    for entry in _entries(values, "attach"):
        if entry is None or not isinstance(entry.get("path"), str) or not (entry["path"] or entry.get("alias")):
            yield (
                "attach",
                "each entry of `attach` must be a mapping with a `path` (empty where a secret says all, with an `alias`)",
            )
            continue
        unknown = next((key for key in entry if key not in _KEYS), None)
        if unknown is not None:
            yield "attach", f"an entry of `attach` has no key `{unknown}`: it has {', '.join(_KEYS)}"
        if _CREDENTIALS.search(entry["path"]):
            yield (
                "attach",
                "no password may stand in the `path` of an entry of `attach`: put it under `secrets:`, and name that as `secret`",
            )
        if not _is_word(entry.get("type", "duckdb")):
            yield "attach", f"`type` of an entry of `attach` must be a word like postgres, not {entry['type']!r}"
        if not isinstance(entry.get("options", {}), dict) or not all(map(_is_word, entry.get("options", {}))):
            yield "attach", "`options` of an entry of `attach` must be a mapping of names to values"
        alias = alias_of(entry)
        if alias.lower() in taken:
            yield "attach", f"two databases would be called `{alias}`: give the entry of `attach` another `alias`"
        taken.add(alias.lower())
    for entry in _entries(values, "secrets"):
        if entry is None or not _is_word(entry.get("type")) or not all(map(_is_word, entry)):
            yield "secrets", "each entry of `secrets` must be a mapping of names to values with a `type` like s3"


def alias_of(entry: Mapping[str, Any]) -> str:
    """The name that the database is attached under: given, or that of its file."""
    path = str(entry["path"]).removeprefix(_LAKE)
    return str(entry.get("alias") or Path(path).stem or path)


def path_of(entry: Mapping[str, Any], root: Path) -> tuple[str, str | None]:
    """The path as DuckDB is given it, and the local file of it. Relative ones start at the project root."""
    path = str(entry["path"])
    prefix = _LAKE if path.startswith(_LAKE) else ""
    rest = path.removeprefix(prefix)
    if str(entry.get("type") or "").lower() not in _FILES or ":" in rest or not rest:
        return path, None
    file = str((root / rest).resolve())
    return f"{prefix}{file}", file


def attachments(values: Mapping[str, Any], root: Path, dialect: Dialect, *, read_only: bool) -> list[Attachment]:
    """What to attach, in order; with `read_only` nothing can be written by it."""
    return [_attachment(entry, root, dialect, read_only) for entry in _entries(values, "attach") if entry is not None]


def _attachment(entry: Mapping[str, Any], root: Path, dialect: Dialect, read_only: bool) -> Attachment:
    path, file = path_of(entry, root)
    options: list[str] = []
    kind = str(entry.get("type") or "duckdb").lower()
    if kind != "duckdb":
        options.append(f"type {kind}")
    if entry.get("secret"):
        options.append(f"secret {dialect.quote(str(entry['secret']))}")
    if read_only or entry.get("read_only"):
        options.append("read_only")
    for name, value in (entry.get("options") or {}).items():
        options.append(f"{name} {dialect.literal(_option(str(name), value, root))}")
    alias = alias_of(entry)
    told = f" ({', '.join(options)})" if options else ""
    return Attachment(alias, f"attach {dialect.string(path)} as {dialect.quote(alias)}{told}", file)


def _option(name: str, value: Any, root: Path) -> Any:
    """A folder for data starts at the project root too."""
    if name.lower() == "data_path" and isinstance(value, str) and ":" not in value:
        return os.path.join(str((root / value).resolve()), "")
    return value


def secret_statements(values: Mapping[str, Any], dialect: Dialect) -> list[str]:
    """A statement for each secret; DuckDB keeps them in memory only."""
    made = []
    for number, entry in enumerate(_entries(values, "secrets")):
        assert entry is not None
        name = str(entry.get("name") or f"eltflow_{number}")
        given = [f"type {entry['type']}"]
        given += [f"{key} {dialect.literal(value)}" for key, value in entry.items() if key not in ("type", "name")]
        made.append(f"create or replace temporary secret {dialect.quote(name)} ({', '.join(given)})")
    return made


def _entries(values: Mapping[str, Any], key: str) -> list[Mapping[str, Any] | None]:
    """The entries of a list; None for what is no mapping."""
    found = values.get(key) or []
    return [entry if isinstance(entry, dict) else None for entry in (found if isinstance(found, list) else [found])]


def _is_word(value: object) -> bool:
    return isinstance(value, str) and _WORD.fullmatch(value) is not None
