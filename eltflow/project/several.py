"""Steps that bring several tables: an entry becomes one for each of them, with what is said of all of them, and of each.

Which tables a pattern means stands in a file beside the step's own, for a project is read without asking any database.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import translate
from typing import Any

from eltflow.base.names import IDENTIFIER, IDENTIFIER_HELP, did_you_mean, listed
from eltflow.base.records import dataclass, field
from eltflow.project.config import as_list
from eltflow.project.shape import Path
from eltflow.project.steps import Finding

_WILD = re.compile(r"[*?\[]")
_PLACE = "{table}"
#: What can be said of one table alone.
_OWN = ("columns", "data_tests", "tests", "column_types", "unnest")
#: What says which records a resource has, and not how all of them are asked for.
_WHICH = ("path", "query", "body", "for_each")


#: What says how a resource's records are asked for.
_ASKS = frozenset({"path", "method", "params", "body", "records", "pagination", "incremental", "for_each", "query", "variables"})


@dataclass(slots=True, kw_only=True)
class Several:
    """The entries of the tables that a step brings, each with the place (in the step's) of what is said of it alone, by key; and what is
    wrong with the step."""

    entries: list[tuple[dict[str, Any], dict[str, Path]]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def brings_several(entry: Mapping[str, Any]) -> bool:
    """Whether an entry names several tables."""
    source = entry.get("source") or {}
    return "tables" in source or "resources" in source


def list_of(path: str, name: str) -> str:
    """The file that says which tables the patterns of a step mean, for a step in the file at `path`."""
    return f"{path.rpartition('/')[0]}/{name}.tables.txt".removeprefix("/")


def listed_in(text: str) -> list[str]:
    """The tables in such a file."""
    return [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def patterns_of(source: Mapping[str, Any], key: str = "tables") -> dict[str, Mapping[str, Any]]:
    """What a source names under `tables` (or another key), each with what is said of it."""
    told = source.get(key)
    if isinstance(told, Mapping):
        return {str(name): about or {} for name, about in told.items()}
    return {str(name): {} for name in as_list(told)}


def matching(patterns: Sequence[str], there: Sequence[str]) -> list[str]:
    """Those of the tables that any pattern matches, letter by letter."""
    matches = [re.compile(translate(pattern)).match for pattern in patterns]
    return [name for name in there if any(match(name) for match in matches)]


def expanded(entry: Mapping[str, Any], there: Sequence[str] | None, list_file: str) -> Several:
    """The entries of a step that brings several tables; `there` are those that stand in `list_file`, None if there is no such file."""
    made = Several()
    source = entry["source"]
    named = "resources" if "resources" in source else "tables"
    told = patterns_of(source, named)
    without = [str(name) for name in as_list(source.get("exclude"))]
    wild = [name for name in (*told, *without) if _WILD.search(name)]
    if _PLACE not in str(entry["into"]):
        message = "`into` of a step that brings several tables has no place for their names"
        made.findings.append(
            (("into",), message, f"write it with `{_PLACE}`, as in `{str(entry['into']).partition('.')[0]}.{_PLACE}`")
        )
    for key in _OWN:
        if key in entry:
            help = f"say it of a {named.removesuffix('s')}: `{named}: {{orders: {{{key}: ...}}}}`"
            made.findings.append(((key,), f"`{key}` of a step that brings several tables would be of all of them", help))
    if named == "resources":
        made.findings += _resource_problems(source, told)
        made.entries += _resources(entry, told)
        if not told:
            made.findings.append((("source", named), "this step brings no table", "name a resource: `resources: [orders]`"))
        return made
    if wild and there is None:
        message = f"which tables `{wild[0]}` means is not written down in {list_file} yet"
        made.findings.append((("source", "tables"), message, f"write it there: eltflow init-source --tables {entry['name']}"))
        return made
    for name in wild:
        if there is not None and not matching([name], there):
            help = (
                did_you_mean(name, there)
                or f"there are: {listed(there, 8)}; look again: eltflow init-source --tables {entry['name']}"
            )
            key = "exclude" if name in without else "tables"
            place = ("source", key, name) if isinstance(source[key], Mapping) else ("source", key)
            made.findings.append((place, f"`{name}` matches none of the tables in {list_file}", help))
    made.entries += _entries(entry, told, without, there or ())
    if not made.entries and not made.findings:
        made.findings.append((("source", "tables"), "this step brings no table", "name some, or exclude fewer"))
    return made


def _resource_problems(source: Mapping[str, Any], told: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    """What is wrong with the names of resources, and with what is said of all of them."""
    for name in told:
        if not IDENTIFIER.match(name):
            place = ("source", "resources", name) if isinstance(source["resources"], Mapping) else ("source", "resources")
            help = f"{IDENTIFIER_HELP}; its path may be another: `resources: {{orders: {{path: /{name.strip('/')}}}}}`"
            yield place, f"`{name}` cannot be the name of a table", help
    for key in _WHICH:
        if key in source:
            help = f"say it of one: `resources: {{orders: {{{key}: ...}}}}`"
            yield ("source", key), f"`{key}` of a step with several resources would be of all of them", help


def _resources(entry: Mapping[str, Any], told: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, Path]]]:
    """An entry for each resource. How all are asked holds for each that says nothing else; `null` says that it does not."""
    shared = {key: value for key, value in entry["source"].items() if key not in ("resources", *_WHICH)}
    for name, about in told.items():
        place: Path = (
            ("source", "resources", name) if isinstance(entry["source"]["resources"], Mapping) else ("source", "resources")
        )
        asks = {key: value for key, value in about.items() if key in _ASKS}
        own = {key: value for key, value in about.items() if key not in _ASKS}
        source = {**shared, **asks}
        if isinstance(shared.get("params"), Mapping) and isinstance(asks.get("params"), Mapping):
            both = {**shared["params"], **asks["params"]}
            source["params"] = {key: value for key, value in both.items() if value is not None}
        if entry["source"]["kind"] == "rest":
            source = {"path": f"/{name}", **source}
        if "incremental" not in asks and not (own.get("cursor") or entry.get("cursor")):
            source.pop("incremental", None)
        made = {
            **entry,
            **own,
            "name": f"{entry['name']}.{name}",
            "into": str(entry["into"]).replace(_PLACE, name),
            "source": {key: value for key, value in source.items() if value is not None},
        }
        # Where `path` or `query` is missing, that is said of the resource.
        places = {**dict.fromkeys(own, place), "source": place, **{f"source.{key}": place for key in asks}}
        places |= {f"source.{key}": () for key in shared if key not in asks}
        yield made, places


def _entries(
    entry: Mapping[str, Any], told: Mapping[str, Mapping[str, Any]], without: Sequence[str], there: Sequence[str]
) -> Iterator[tuple[dict[str, Any], dict[str, Path]]]:
    source = {key: value for key, value in entry["source"].items() if key not in ("tables", "exclude", "schema")}
    schema = entry["source"].get("schema")
    exact = [name for name in told if not _WILD.search(name)]
    found = dict.fromkeys((*exact, *matching([name for name in told if _WILD.search(name)], there)))
    for table in found:
        if matching(without, [table]):
            continue
        own: dict[str, Any] = {}
        places: dict[str, Path] = {}
        for name, about in sorted(told.items(), key=lambda item: item[0] == table):  # what is said of it alone counts most
            if matching([name], [table]):
                own |= about
                places |= dict.fromkeys(about, ("source", "tables", name))
        made = {
            **entry,
            **own,
            "name": f"{entry['name']}.{table}",
            "into": str(entry["into"]).replace(_PLACE, table),
            "source": {**source, "table": f"{schema}.{table}" if schema else table},
        }
        yield made, places
