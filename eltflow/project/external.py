"""Where a model that is `materialized: external` keeps its rows, and how they are laid out there: its configuration as one value."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from eltflow.base.diagnostics import Diagnostic
from eltflow.base.names import did_you_mean, listed
from eltflow.base.records import dataclass
from eltflow.project.config import as_list
from eltflow.project.nodes import Node
from eltflow.project.places import config_span
from eltflow.project.settings import DEFAULT_PATHS, Settings
from eltflow.warehouse.dialect import Dialect
from eltflow.warehouse.values import Layout, Target

#: Formats that no engine here reads by itself: such files are turned into Parquet before they are loaded.
TURNED = ("xlsx", "avro")
#: How archives end, whose members are files.
ARCHIVES = (".zip",)
#: The endings of files that tell their format; each may be followed by one of a compression.
ENDINGS = {
    "csv": (".csv", ".tsv"),
    "json": (".json", ".jsonl", ".ndjson"),
    "parquet": (".parquet", ".parq", ".pq"),
    "xlsx": (".xlsx", ".xlsm"),
    "avro": (".avro",),
}
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
#: (key of the configuration, what is wrong with it, help).
_Finding = tuple[str, str, str]


def file_format(path: str) -> tuple[str | None, dict[str, object]]:
    """The format that a file's name tells, None if it tells none, and options that go with it."""
    name = path.lower()
    for suffix in (".gz", ".zst", ".zstd"):
        name = name.removesuffix(suffix)
    format = next((format for format, endings in ENDINGS.items() if name.endswith(endings)), None)
    return format, {"delimiter": "\t"} if name.endswith(".tsv") else {}


def is_turned(path: str, source: Mapping[str, Any]) -> bool:
    """Whether a file of a step with this `source` is read by way of others that are made of it: an archive, or one of a format or an encoding
    that no engine here reads."""
    return path.lower().endswith(ARCHIVES) or (source.get("format") or file_format(path)[0]) in TURNED or recoded(source)


def recoded(source: Mapping[str, Any]) -> bool:
    """Whether the texts of a step's files are in another encoding than UTF-8."""
    name = source.get("encoding")
    return name is not None and codecs.lookup(str(name)).name != "utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The files of a model: `path` is that of the file, or of the folder of partitions; absolute, or an address like s3://bucket/key.
    `shown` is what people know it by."""

    path: str
    shown: str
    layout: Layout

    @property
    def elsewhere(self) -> bool:
        """Whether it is no place of this machine."""
        return is_address(self.path)


def is_address(path: str) -> bool:
    return _ADDRESS.match(path) is not None


def place_of(node: Node, root: Path, target: Target) -> Place:
    """Where a model's rows are kept: at its `location`, or below the target's `external_root`. Relative ones start at the project root."""
    config, relation = node.config, node.relation
    assert relation is not None
    partitions = tuple(str(name) for name in as_list(config.get("partition_by")))
    location = str(config.get("location") or "")
    told, options = file_format(location)
    format = str(config.get("format") or told or "parquet")
    if not location:
        folder = str(target.values.get("external_root") or "external").rstrip("/")
        location = f"{folder}/{relation.schema}/{relation.identifier}" + ("" if partitions else f".{format}")
    location = location.rstrip("/") if partitions else location
    path = location if is_address(location) else os.path.normpath(root / location) + ("/" if location.endswith("/") else "")
    given = config.get("options")
    layout = Layout(
        format=format,
        partition_by=partitions,
        delimiter=str(config.get("delimiter") or options.get("delimiter") or ",") if format == "csv" else None,
        options={str(key).lower(): value for key, value in given.items()} if isinstance(given, Mapping) else {},
    )
    return Place(path=path, shown=location, layout=layout)


def problems(
    nodes: Sequence[Node], root: Path, settings: Settings, target: Target, dialect: Dialect, read: Callable[[str], str]
) -> Iterator[Diagnostic]:
    """What of the models among `nodes` that are files cannot be (E0125)."""
    places: dict[str, Node] = {}
    for node in nodes:
        found = _of_engine(dialect, target) or next(_of_layout(node, dialect), None)
        place = place_of(node, root, target)
        found = found or _of_place(place, root, settings)
        if found is None:
            key = place.path.lower()
            above = (key, *(str(parent) for parent in Path(key).parents)) if not place.elsewhere else (key,)
            other = next((places[one] for one in above if one in places), None)
            other = other or next((one for path, one in places.items() if path.startswith(f"{key}/")), None)
            places.setdefault(key, node)
            if other is not None:
                its = place_of(other, root, target)
                too = f"where model `{other.name}` is written too" if its.path == place.path else "and one is in the other"
                words = "" if its.path == place.path else f", and model `{other.name}` to {its.shown}"
                found = "location", f"is written to {place.shown}{words}, {too}", "give one of them another `location`"
        if found is not None:
            key, message, help = found
            span = config_span(read, node, key)
            yield Diagnostic(code="E0125", message=f"model `{node.name}` {message}", span=span, help=help)


def _of_engine(dialect: Dialect, target: Target) -> _Finding | None:
    if dialect.capabilities.external:
        return None
    help = f"set `materialized: table` where the target is {target.type}: \"{{{{ 'external' if target.type == 'duckdb' else 'table' }}}}\""
    return "materialized", f"is to be a file, and {dialect.name} writes none", help


def _of_layout(node: Node, dialect: Dialect) -> Iterator[_Finding]:
    config, formats = node.config, dialect.capabilities.external
    location = str(config.get("location") or "")
    told = file_format(location)[0]
    format = str(config.get("format") or told or "parquet")
    partitions = config.get("partition_by")
    if format not in formats:
        help = did_you_mean(format, formats) or f"the formats are {listed(formats)}"
        yield "format", f"has the format `{format}`, which {dialect.name} does not write", help
        return
    if told is not None and told != format:
        yield "format", f"has the format `{format}`, and its `location` ends like {told}", "make the two agree"
    names = as_list(partitions)
    if not all(isinstance(name, str) and name for name in names) or len({str(n).lower() for n in names}) < len(names):
        yield (
            "partition_by",
            "has a `partition_by` that is no list of different columns",
            "write e.g. `partition_by: [country, day]`",
        )
    if names and format == "json":
        yield "partition_by", "has partitions, which JSON files are not written in", "set `format: parquet` or `csv`"
    delimiter = config.get("delimiter")
    if delimiter is not None and (format != "csv" or not isinstance(delimiter, str) or len(delimiter) != 1):
        message = "has a `delimiter`, and writes no CSV" if format != "csv" else "has a `delimiter` that is not one character"
        yield "delimiter", message, "take it out" if format != "csv" else 'write e.g. `delimiter: ";"`'
    options = config.get("options") or {}
    if not isinstance(options, Mapping):
        yield "options", "has `options` that are no mapping", "write e.g. `options: {compression: zstd}`"
        return
    for key, value in options.items():
        known = formats[format]
        if str(key).lower() not in known:
            help = did_you_mean(str(key), known) or f"{format} has {listed(known, 8)}"
            yield "options", f"has the option `{key}`, which files of {format} do not have here", help
        elif not isinstance(value, str | int) or isinstance(value, bool):
            yield "options", f"has the option `{key}` with a value that is no text and no number", "write e.g. `compression: zstd`"


def _of_place(place: Place, root: Path, settings: Settings) -> _Finding | None:
    if place.elsewhere:
        if not place.path.lower().startswith("s3://"):
            return "location", f"is to be written to {place.shown}", "write to a path, or to an address that begins with s3://"
        if place.layout.partition_by:
            help = "leave `partition_by` out, or write to a path: what a build replaces cannot be taken away there"
            return "partition_by", f"has partitions, and is written to {place.shown}", help
        return None
    if any(sign in place.path for sign in "*?["):
        help = "name it without *, ? and [, by which engines name several files"
        return "location", f"is to be written to {place.shown}, which is no name of a file", help
    if place.path.endswith("/"):
        return "location", f"is to be written to {place.shown}, which is a folder", "name a file, or add `partition_by`"
    inside = Path(place.path).is_relative_to(root)
    if not inside and not os.path.isabs(place.shown):
        return (
            "location",
            f"is to be written to {place.shown}, outside the project",
            "write the whole path, from / on, if that is meant",
        )
    below = Path(place.path).relative_to(root).parts if inside else ()
    if inside and not below:
        return "location", f"is to be written to {place.shown}, which is the project itself", "name a folder in it, or a file"
    own = [path for key in DEFAULT_PATHS for path in getattr(settings, key)]
    for parts in sorted({Path(path).parts for path in (*own, settings.target_path, ".eltflow", ".git")}):
        if inside and parts and (below[: len(parts)] == parts or parts[: len(below)] == below):
            help = "name another: what is there is the project's own, or is deleted with what is derived"
            return "location", f"is to be written to {place.shown}, in the folder `{'/'.join(parts)}`", help
    return None


__all__ = ["ARCHIVES", "ENDINGS", "TURNED", "Place", "file_format", "is_address", "is_turned", "place_of", "problems", "recoded"]
