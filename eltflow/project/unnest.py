"""Lists that are kept in a column of a step's table, each item a row of a view or a table beside it: an entry for each, and what is wrong
with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from eltflow.project import steps
from eltflow.project.config import as_list, canonical
from eltflow.project.external import file_format
from eltflow.project.several import patterns_of

#: The kind of source that such a node has.
KIND = "unnest"
#: The column that says where in its list an item stands, from 1.
POSITION = "eltflow_position"
#: Formats of files whose columns hold lists.
_NESTED = ("json", "parquet", "avro")
#: How rows come in, where a table of items can be kept beside them.
_FOLLOWED = ("replace", "append", "merge")
#: What a step's configuration says of where its table is and whose it is, which holds for what stands beside it too.
_SHARED = ("schema", "database", "enabled", "target", "quoting", "quote_columns", "tags", "group", "grants", "persist_docs")


def unnested(entry: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """What a step unnests: names of columns as its source calls them, with what is said of each."""
    return patterns_of(entry, "unnest")


def place_of(entry: Mapping[str, Any], column: str) -> tuple[str | int, ...]:
    """Where in a step's entry such a column is named."""
    told = entry.get("unnest")
    if isinstance(told, list):
        return ("unnest", [str(name) for name in told].index(column))
    return ("unnest", column) if isinstance(told, Mapping) else ("unnest",)


def problems(entry: Mapping[str, Any]) -> Iterator[steps.Finding]:
    """What of the lists that a step unnests does not go together."""
    wanted = unnested(entry)
    if not wanted:
        return
    why = _without_lists(entry["source"])
    if why is not None:
        yield ("unnest",), f"`unnest` means nothing to {why}", "take it out, and unnest such a column in a model"
        return
    own = as_list(entry.get("unique_key"))
    load = entry.get("load") or "replace"
    said = {name: column for _, name, column in steps.columns_in(entry)}
    for name, about in wanted.items():
        place = place_of(entry, name)
        for key in ("exclude", "hash"):
            if said.get(name, {}).get(key):
                what = "left out" if key == "exclude" else "hashed"
                yield place, f"the column `{name}` is {what}, and cannot be unnested", f"take out its `{key}:`, or do not unnest it"
        if not own and not about.get("key"):
            help = f"say which columns tell the rows of the table apart: `unnest: {{{name}: {{key: id}}}}`"
            yield (
                place,
                f"the items of `{name}` need the key of the row that they belong to, and the step has no `unique_key`",
                help,
            )
        elif own and about.get("key"):
            yield (*place, "key"), "`key` means nothing to a step with a `unique_key`", "take one of them out"
        if about.get("materialized") == "table" and load not in _FOLLOWED:
            message = f"a table of the items of `{name}` cannot be kept beside rows that come in by `load: {load}`"
            yield (*place, "materialized"), message, "leave it a view, or set another `load:`"
        for spot, column, its in steps.columns_in(about):
            if its.get("hash"):
                yield (
                    (*place, "columns", spot, "hash"),
                    f"`hash` means nothing to `{column}`: `{name}` holds its values in the table",
                    f"hash `{name}` as a whole, or leave it out: `columns: {{{name}: {{exclude: true}}}}`",
                )
            more = next(
                (key for key in ("rename", "data_type", "data_tests", "tests") if its.get("exclude") and its.get(key)), None
            )
            if more is not None:
                message = f"the column `{column}` is left out, and `{more}` means nothing"
                yield (*place, "columns", spot, more), message, f"take out `{more}:` or `exclude:`"


def key_columns(into: str, column: str, key: Iterable[str]) -> dict[str, str]:
    """The columns of a key of the step's table, by their names beside the items: `into` is where these are, `column` the list's."""
    table = into.rpartition(".")[2].removesuffix(f"__{column}")
    return {f"{table}_{name}": str(name) for name in key}


def _without_lists(source: Mapping[str, Any]) -> str | None:
    """What a source is whose columns hold no lists, in words."""
    kind = source.get("kind")
    if kind == "sql":
        return "tables of a database, whose columns come as they are"
    if kind == "files":
        paths = [str(path) for path in as_list(source.get("path"))]
        format = source.get("format") or next((found for path in paths if (found := file_format(path)[0]) is not None), None)
        if format is not None and format not in _NESTED:
            return f"files of {format}, which hold no lists"
    return None


def children(entry: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(the column, an entry of its own) for each list that a step unnests."""
    said = {name: column for _, name, column in steps.columns_in(entry)}
    shared = {key: value for key, value in (entry.get("config") or {}).items() if canonical(key) in _SHARED}
    for name, about in unnested(entry).items():
        final = said.get(name, {}).get("rename") or name
        config = {**shared, **(about.get("config") or {})}
        yield (
            name,
            {
                **{key: value for key, value in about.items() if key not in ("materialized", "key")},
                "tags": [*as_list(entry.get("tags")), *as_list(about.get("tags"))],
                "name": f"{entry['name']}.{name}",
                "into": f"{entry['into']}__{final}",
                **({"config": config} if config else {}),
                "source": {"kind": KIND, "step": str(entry["name"]), "column": final},
                "unnest": {
                    "materialized": about.get("materialized") or "view",
                    "key": as_list(about.get("key")) or as_list(entry.get("unique_key")),
                },
            },
        )
