"""Deliveries as YAML defines them: the shape of `deliver/*.yml`, and what in an entry does not go together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from eltflow.project import config
from eltflow.project.config import NAMES, TEXT
from eltflow.project.properties import DOC_TEXT
from eltflow.project.shape import ByKey, ListOf, MapOf, Nullable, Object, Path, Scalar
from eltflow.project.steps import PLACES

#: (place in the entry, message, help).
Finding = tuple[Path, str, str]
#: The kinds of destination that are told of rows once and keep none: all rows, each time.
WHOLE = ("files", "webhook", "email")
#: The formats of files by how their names end.
FORMATS = {".csv": "csv", ".tsv": "csv", ".parquet": "parquet", ".jsonl": "json", ".ndjson": "json", ".xlsx": "xlsx"}
#: The most rows of a message to people.
MESSAGE_ROWS = 100

_KIND = Scalar(choices=("http", "table", "files", "webhook", "email"))
_TO = Scalar(about="One of `connections:` in eltflow.yml.")
_TITLE = Scalar(about="The line above the rows; the delivery's name unless told.")
_ROWS = Scalar((int,), least=1, about=f"How many rows it shows at most (default 20, no more than {MESSAGE_ROWS}).")
_DELETE = Object(
    what="`delete`",
    about="How a row is deleted with `on_delete: delete`, a request for each.",
    required=("path",),
    fields={
        "path": Scalar(about="Where, behind the connection's url, with {columns} of `unique_key`; that of the rows unless told."),
        "method": Scalar(choices=("delete", "post", "put", "patch"), about="How it is asked for (default: delete)."),
    },
)
HTTP = Object(
    what="the `to` of a delivery",
    required=("kind", "connection", "path"),
    fields={
        "kind": _KIND,
        "connection": Scalar(about="A connection of type rest."),
        "path": Scalar(
            about="Where rows are sent, behind the connection's url; may hold {columns} where one row is sent at a time."
        ),
        "method": Scalar(choices=("post", "put", "patch"), about="How they are sent (default: post)."),
        "batch": Scalar((int,), least=1, about="How many rows a request holds; 1 (default) sends a row by itself."),
        "rows": Scalar(about="The key of the body below which the rows stand; the body itself is the rows unless told."),
        "body": MapOf(about="What stands in the body beside the rows; needs `rows`."),
        "delete": _DELETE,
        "results": Object(
            what="`results`",
            about="Where the answer says what became of each row, in the order in which they were sent.",
            required=("path", "error"),
            fields={
                "path": Scalar(about="The list in the answer, as a path with dots."),
                "error": Scalar(
                    about="What is in an item, as a path with dots, if that row was refused; nothing, null or false if not."
                ),
            },
        ),
    },
)
FILE = Object(
    what="the `to` of a delivery",
    required=("kind", "path"),
    fields={
        "kind": _KIND,
        "path": Scalar(about="The file, from the project's root, or s3://bucket/key; {date} in it is the day of the run, UTC."),
        "connection": Scalar(
            about="A connection of type s3, for a path that begins with s3://; the machine's own key unless told."
        ),
        "format": Scalar(choices=("csv", "json", "parquet", "xlsx"), about="What is written; by how the path ends unless told."),
        "delimiter": TEXT,
    },
)
TABLE = Object(
    what="the `to` of a delivery",
    required=("kind", "connection", "table"),
    fields={
        "kind": _KIND,
        "connection": Scalar(about="A connection of type postgres, sqlite, mariadb or mysql."),
        "table": Scalar(
            about="A table that is there, as schema.table or by its name alone, with a unique constraint on `unique_key`."
        ),
        "batch": Scalar((int,), least=1, about="How many rows are written at once, all or none (default 1,000)."),
    },
)
WEBHOOK = Object(
    what="the `to` of a delivery",
    required=("kind", "connection"),
    fields={"kind": _KIND, "connection": _TO, "title": _TITLE, "rows": _ROWS},
)
DELIVERY = Object(
    what="a delivery",
    required=("name", "from", "to", "targets"),
    fields={
        "name": TEXT,
        "description": DOC_TEXT,
        "from": Scalar(about="The model, seed or ingested table whose rows are sent; or a table of a source, as source.table."),
        "to": ByKey(key="kind", options={"http": HTTP, "table": TABLE, "files": FILE, "webhook": WEBHOOK, "email": WEBHOOK}),
        "columns": Nullable(NAMES),
        "unique_key": Nullable(NAMES),
        "send": Scalar(
            choices=("changed", "all"), about="Which rows are sent: those that are new or others than when they were sent; all."
        ),
        "on_delete": Scalar(
            choices=("ignore", "delete"),
            about="What becomes there of rows that were sent and are gone from the relation: nothing (default); they are deleted.",
        ),
        "targets": ListOf(TEXT, lone=True, about="The targets whose rows are sent, and no others."),
        "config": Object(what="the config of a delivery", fields=dict(config.KEYS["deliver"])),
        "meta": Nullable(config.META),
        "tags": Nullable(NAMES),
    },
)
DELIVERIES = Object(
    what="a file of deliveries", about="What is sent to where.", required=("steps",), fields={"steps": ListOf(DELIVERY)}
)


def batch_of(to: Mapping[str, Any]) -> int:
    """How many rows a request holds."""
    return int(to.get("batch") or (1000 if to["kind"] == "table" else 1))


def format_of(to: Mapping[str, Any]) -> str | None:
    """The format of the file that a delivery writes; None where nothing tells."""
    given = to.get("format")
    return str(given) if given else FORMATS.get(PurePosixPath(str(to["path"])).suffix.lower())


def problems(entry: Mapping[str, Any]) -> Iterator[Finding]:
    """What of the entry does not go together."""
    to, kind = entry["to"], entry["to"]["kind"]
    keyed = bool(entry.get("unique_key"))
    if kind in WHOLE:
        for key in ("unique_key", "send", "on_delete"):
            if entry.get(key) and entry[key] != "all":
                message = f"`{key}` means nothing to {_NOUNS[kind]}, which always holds all rows"
                yield (key,), message, "take it out"
    elif not keyed and (kind == "table" or entry.get("send", "changed") == "changed"):
        what = "a table" if kind == "table" else "`send: changed`"
        message = f"{what} needs `unique_key`: the column or columns whose values tell rows apart"
        help = "add `unique_key:`" if kind == "table" else "add `unique_key:`, or set `send: all`"
        yield ("to",) if "send" not in entry else ("send",), message, help
    if kind == "http":
        yield from _http(to)
        yield from _deleted(entry, to)
    if entry.get("on_delete") == "delete" and not keyed and kind == "http" and entry.get("send") == "all":
        message = "`on_delete: delete` needs `unique_key`: the column or columns whose values tell rows apart"
        yield ("on_delete",), message, "add `unique_key:`"
    if kind == "files":
        yield from _file(to)
    if kind in ("webhook", "email") and (to.get("rows") or 0) > MESSAGE_ROWS:
        message = f"a message shows {MESSAGE_ROWS} rows at most, not {to['rows']:,}"
        yield ("to", "rows"), message, "write a file instead (`kind: files`), or show fewer"
    if not entry.get("targets"):
        yield ("targets",), "`targets` names no target, so that nothing would ever be sent", "name one: `targets: [prod]`"
    missing = [key for key in config.as_list(entry.get("unique_key")) if entry.get("columns") and key not in _columns(entry)]
    if missing:
        yield ("unique_key",), f"`{missing[0]}` is no column that is sent", "add it to `columns:`"


_NOUNS = {"files": "a file", "webhook": "a message", "email": "an e-mail"}


def _columns(entry: Mapping[str, Any]) -> list[Any]:
    return list(config.as_list(entry.get("columns")))


def _http(to: Mapping[str, Any]) -> Iterator[Finding]:
    many = (to.get("batch") or 1) > 1
    if many and PLACES.search(str(to["path"])):
        message = "`path` has places for the values of a row, and requests hold several rows"
        yield ("to", "path"), message, "take `batch:` out, or the places out of the path"
    if to.get("body") and not to.get("rows"):
        yield ("to", "body"), "`body` has no place for the rows", "name the key below which they stand: `rows: contacts`"
    if to.get("rows") and to.get("rows") in (to.get("body") or {}):
        yield ("to", "rows"), f"`body` has `{to['rows']}` too", "take it out of `body:`: the rows stand there"
    if to.get("results") and not many:
        message = "`results` is about the rows of a request, and each holds one"
        yield ("to", "results"), message, "set `batch:`, or take it out: the answer's status says what became of the row"
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", str(to["path"])):
        yield ("to", "path"), "`path` is what follows the connection's url", "take the host out of it"


def _deleted(entry: Mapping[str, Any], to: Mapping[str, Any]) -> Iterator[Finding]:
    if entry.get("on_delete") != "delete":
        if to.get("delete"):
            yield ("to", "delete"), "`delete` means nothing without `on_delete: delete`", "add that, or take it out"
        return
    path, place = (to["delete"]["path"], ("to", "delete", "path")) if to.get("delete") else (to["path"], ("to", "path"))
    places, keys = PLACES.findall(str(path)), config.as_list(entry.get("unique_key"))
    unknown = next((name for name in places if name not in keys), None)
    if not places or unknown is not None:
        what = (
            "nothing in `path` says which row is meant" if not places else f"`path` has a place for `{unknown}`, no part of the key"
        )
        example = "/".join(f"{{{key}}}" for key in keys) or "{id}"
        yield place, f"a row that is gone is known by `unique_key`, and {what}", f"add `delete: {{path: /contacts/{example}}}`"


def _file(to: Mapping[str, Any]) -> Iterator[Finding]:
    path = PurePosixPath(str(to["path"]))
    scheme, there, rest = str(to["path"]).partition("://")
    if there and scheme != "s3":
        message = f"no file is written to {scheme}://"
        yield ("to", "path"), message, "write s3://bucket/key, or a path from the project's root: out/segments.csv"
    elif there and not all(rest.partition("/")[::2]):
        yield ("to", "path"), f"`{to['path']}` names no file in a bucket", "write s3://bucket/key"
    elif there:
        pass
    elif "connection" in to:
        message = "`connection` means nothing to a file of this machine"
        yield ("to", "connection"), message, "take it out, or write `path: s3://bucket/key`"
    elif path.is_absolute() or ".." in path.parts:
        yield (
            ("to", "path"),
            f"`{to['path']}` is no file below the project",
            "write a path from the project's root: out/segments.csv",
        )
    unknown = next((name for name in PLACES.findall(str(to["path"])) if name != "date"), None)
    if unknown is not None:
        yield ("to", "path"), f"`path` has a place for `{unknown}`", "what can be filled in is {date}, the day of the run"
    format = format_of(to)
    if format is None:
        yield ("to", "path"), f"`{path.name}` does not tell its format", f"add `format:`, or let it end in {', '.join(FORMATS)}"
    if "delimiter" in to and format != "csv":
        yield ("to", "delimiter"), f"`delimiter` means nothing to a file of {format}", "take it out"
    elif len(str(to.get("delimiter") or ",")) != 1:
        yield ("to", "delimiter"), "`delimiter` is one character", 'write "," or "\\t"'
