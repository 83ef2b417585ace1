"""Keys of JSON that files spell in several ways (`Name` and `name`): one column, by the first spelling.

An engine that finds keys by their very spelling would give NULL for the others, or a column of its own. So files that spell alike are read
together, and those that do not beside each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eltflow.base.records import dataclass, replace
from eltflow.compile.program import FileInfo
from eltflow.warehouse.nested import opened, spellings, spelt_like, widened
from eltflow.warehouse.values import Column

#: Of each file its columns, by itself.
Files = Sequence[tuple[FileInfo, Sequence[Column]]]
_SPELT = "spelt"


@dataclass(frozen=True, slots=True)
class Spelt:
    """Files (as they are read) that spell their keys alike, and of each key in small letters how, with its type in them."""

    files: frozenset[str]
    keys: Mapping[str, tuple[str, str]]


def one_spelling(described: Files, options: Mapping[str, Any]) -> tuple[Files, Mapping[str, Any]]:
    """The columns of JSON files by the first spelling of each, and the options by which the files are read so."""
    groups: list[tuple[dict[str, str], list[FileInfo], dict[str, tuple[str, str]]]] = []
    for file, columns in described:
        ways = {way: spelt for c in columns for way, spelt in _ways(c)}
        if not groups or any(groups[-1][0].get(way, spelt) != spelt for way, spelt in ways.items()):
            groups.append(({}, [], {}))
        known, files, keys = groups[-1]
        known |= ways
        files.append(file)
        for c in columns:
            name, type = keys.get(c.name.lower(), (c.name, ""))
            keys[c.name.lower()] = (name, widened(type, c.type or "") if opened(type) is not None else c.type or "")
    if len(groups) == 1:
        return described, options
    first: dict[str, str] = {}
    for _, _, keys in groups:
        for key, (name, _) in keys.items():
            first.setdefault(key, name)
    named = [(file, [replace(c, name=first[c.name.lower()]) for c in columns]) for file, columns in described]
    return named, {**options, _SPELT: [Spelt(frozenset(f.read for f in files), keys) for _, files, keys in groups]}


def _ways(column: Column) -> list[tuple[str, str]]:
    key = column.name.lower()
    return [(key, column.name), *spellings(key, column.type or "")]


def spelt_alike(files: Sequence[FileInfo], options: Mapping[str, Any]) -> list[tuple[list[FileInfo], Mapping[str, Any]]]:
    """The files in groups that can be read at once, each with its options: their columns by the group's own keys."""
    found = []
    for spelt in options.get(_SPELT) or ():
        group = [f for f in files if f.read in spelt.files]
        if group:
            columns = options.get("columns")
            own = options if columns is None else {**options, "columns": _own(columns, spelt.keys)}
            if "written" in options:
                own = {**own, "written": [spelt.keys.get(name.lower(), (name, ""))[0] for name in options["written"]]}
            found.append((group, own))
    return found or [(list(files), options)]


def spelt_in(group: Sequence[FileInfo], options: Mapping[str, Any], name: str, type: str) -> str:
    """The type of a column as files of a group spell it."""
    keys: Mapping[str, tuple[str, str]] = next((one.keys for one in options.get(_SPELT) or () if group[0].read in one.files), {})
    return _own({name: type}, keys).popitem()[1]


def _own(columns: Mapping[str, str], keys: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Types of columns, as a group of files spells them."""
    found = {}
    for name, type in columns.items():
        own, like = keys.get(name.lower(), (name, type))
        found[own] = spelt_like(type, like)
    return found
