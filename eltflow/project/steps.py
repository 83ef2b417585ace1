"""Ingestion steps as YAML defines them: what of an entry a load needs to know, and what in it does not go together."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from eltflow.project.config import as_list
from eltflow.project.external import TURNED, file_format
from eltflow.project.shape import Path

#: How far back rows are read again: a number, or a time.
LOOKBACK = re.compile(r"(\d+(?:\.\d+)?)(?:\s*(second|minute|hour|day|week)s?)?")
#: How many rows may be bad: a number of them, or of each hundred.
BAD_ROWS = re.compile(r"\d+|\d+(?:\.\d+)? ?%")
#: The kinds of source that are requests.
ASKED = ("rest", "graphql")
#: Those whose records are in files of ours before they are loaded.
FETCHED = (*ASKED, "python")
#: How a path begins that leads elsewhere, and the type of connection that reads from there.
REMOTE = {"s3": "s3", "gs": "gcs", "az": "azure", "sftp": "sftp", "http": "http", "https": "http"}
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
#: The places of a path that `for_each` fills.
PLACES = re.compile(r"\{(\w+)\}")
#: Of a history: when a version began to hold, and when it ended; NULL where it holds.
VERSIONS = ("eltflow_valid_from", "eltflow_valid_to")
#: (place in the entry, message, help).
Finding = tuple[Path, str, str]
#: What a request needs, by the kind of source.
_ASKS = {"rest": ("path",), "graphql": ("query", "records")}
#: What each way to load needs to know of rows that take the place of others.
_MATCHES = {"merge": "unique_key", "history": "unique_key", "delete+insert": "partition_by"}


def columns_in(entry: Mapping[str, Any]) -> Sequence[tuple[str | int, str, Mapping[str, Any]]]:
    """(place under `columns`, name, what is said) of each column of an entry: a list of properties YAML, or a step's columns by name."""
    columns = entry.get("columns") or ()
    if isinstance(columns, Mapping):
        return [(name, str(name), column) for name, column in columns.items()]
    return [(index, column["name"], column) for index, column in enumerate(columns)]


def settings(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What a load of the step needs to know beside its source: plain values, empty ones left out.

    `rename` holds the names of columns in the source and in the table, `hash` the same of columns whose values are hashed, `exclude` those in
    the source of columns that are left out.
    """
    columns = [(name, column) for _, name, column in columns_in(entry)]
    made = {
        "column_types": entry.get("column_types"),
        "unique_key": as_list(entry.get("unique_key")),
        "partition_by": as_list(entry.get("partition_by")),
        "cursor": entry.get("cursor"),
        "schema_changes": entry.get("schema_changes"),
        "on_bad_row": entry.get("on_bad_row"),
        "max_bad_rows": None if entry.get("max_bad_rows") is None else str(entry["max_bad_rows"]),
        "rename": {name: c["rename"] for name, c in columns if c.get("rename")},
        "hash": {name: c.get("rename") or name for name, c in columns if c.get("hash")},
        "exclude": [name for name, c in columns if c.get("exclude")],
    }
    return {key: value for key, value in made.items() if value}


def is_remote(path: Any) -> bool:
    """Whether the path (or the paths) of a step lead elsewhere."""
    return any(_SCHEME.match(str(one)) for one in as_list(path))


def shown_path(path: Any) -> Any:
    """A path (or the paths) of a step as people may see it: an address without its parameters, which may be secret."""
    if isinstance(path, list | tuple):
        return [shown_path(one) for one in path]
    return str(path).partition("?")[0] if REMOTE.get(str(path).partition("://")[0].lower()) == "http" else path


def connection_type(path: Any) -> str:
    """The type of connection that reads what is at a path."""
    found = _SCHEME.match(str(as_list(path)[0]))
    assert found is not None
    return REMOTE[found.group(1).lower()]


def problems(entry: Mapping[str, Any]) -> Iterator[Finding]:
    """What of the entry does not go together."""
    load = entry.get("load") or "replace"
    needed = _MATCHES.get(load)
    if needed is not None and not any(as_list(entry.get(needed))):
        what = "whose values tell rows apart" if needed == "unique_key" else "whose values in the new rows say what is replaced"
        yield ("load",), f"`load: {load}` needs `{needed}`", f"add `{needed}:`, the column or columns {what}"
    for key in dict.fromkeys(_MATCHES.values()):
        if entry.get(key) and key != needed:
            way = next(way for way, its in _MATCHES.items() if its == key)
            yield (key,), f"`{key}` means nothing to `load: {load}`", f"take it out, or set `load: {way}`"
    kind = (entry.get("source") or {}).get("kind")
    files = kind == "files"
    cursor = entry.get("cursor") or {}
    if cursor and (load == "replace" or (load == "delete+insert" and "token" not in cursor) or (files and load == "append")):
        yield ("cursor",), f"`cursor` means nothing to `load: {load}`", "take it out, or set `load: merge`"
    for key in ("initial", "lookback", "interval"):
        if files and key in cursor:
            yield ("cursor", key), f"`{key}` means nothing to files", "take it out: which files are new is known by their names"
    if not files and load == "append" and not cursor:
        what = "a function" if kind == "python" else "a table"
        message = f"`load: append` of {what} needs `cursor`, or its rows would come again each time"
        yield ("load",), message, "add `cursor: {column: ...}`, or set `load: replace`"
    if kind == "python":
        yield from _function(entry, load, cursor)
    if files:
        yield from _paths(entry["source"])
        yield from _packed(entry["source"])
        yield from _lines(entry)
    lookback = cursor.get("lookback")
    if lookback is not None and not LOOKBACK.fullmatch(str(lookback)):
        yield ("cursor", "lookback"), f"`lookback` cannot be `{lookback}`", "write a number, or a time like `1 hour` or `2 days`"
    if cursor.get("interval") and not files and (load != "merge" or "column" not in cursor):
        message = "`interval` means nothing to " + ("a token" if "column" not in cursor else f"`load: {load}`")
        yield (
            ("cursor", "interval"),
            message,
            "take it out, or set `load: merge` with `cursor: {column: ...}`: rows may come again then",
        )
    yield from _bad_rows(entry)
    changes = entry.get("schema_changes") or {}
    if kind != "sql" and changes.get("type") not in (None, "fail"):
        what = {"files": "files", "python": "what a function gives"}.get(str(kind), "records of an API") + ", whose table"
        message = f"`type: {changes['type']}` means nothing to {what} keeps its types"
        help = "take it out, declare types under `columns:`, and put what is not of them aside with `on_bad_row: quarantine`"
        yield ("schema_changes", "type"), message, help
    source = entry.get("source") or {}
    for key in _ASKS.get(str(kind), ()):
        if not source.get(key):
            help = f"add `{key}:`" + (", or name several: `resources: [orders, customers]`" if key == "path" else "")
            yield ("source",), f"a step of kind `{kind}` needs `{key}`", help
    if kind in ASKED:
        yield from _requests(source, bool(cursor))
    if kind == "sql" and bool(source.get("table")) == bool(source.get("query")):
        yield (
            ("source",),
            "a step reads a `table` or a `query`",
            "keep one of the two" if source.get("table") else "add `table:`, `tables:` or `query:`",
        )
    for key in ("schema", "exclude") if kind == "sql" else ():
        if key in source:
            yield ("source", key), f"`{key}` means nothing without `tables`", "take it out, or name the tables with `tables:`"
    for place, name, column in columns_in(entry):
        if column.get("exclude"):
            more = next((key for key in ("rename", "data_type", "hash", "data_tests", "tests") if column.get(key)), None)
            if more is not None:
                message = f"the column `{name}` is left out, and `{more}` means nothing"
                yield ("columns", place, more), message, f"take out `{more}:` or `exclude:`"
        elif column.get("hash"):
            yield from _hashed(entry, place, column.get("rename") or name, column)


#: What a format of lines needs to know of them.
_OF_LINES = {"lines": "pattern", "fixed": "widths"}


def _lines(entry: Mapping[str, Any]) -> Iterator[Finding]:
    """What is wrong with how lines are read."""
    source = entry["source"]
    format = source.get("format")
    needed = _OF_LINES.get(format)
    if needed is not None and not source.get(needed):
        what = (
            "a regular expression with a named group for each column"
            if needed == "pattern"
            else "how many characters each column takes"
        )
        yield ("source", "format"), f"`format: {format}` needs `{needed}`", f"add `{needed}:`, {what}"
    for way, key in _OF_LINES.items():
        if key in source and format != way:
            yield (
                ("source", key),
                f"`{key}` means nothing to files that are no lines of that kind",
                f"take it out, or set `format: {way}`",
            )
    if needed == "pattern" and isinstance(source.get("pattern"), str):
        try:
            compiled = re.compile(source["pattern"])
        except re.error as error:
            yield ("source", "pattern"), f"`pattern` is no regular expression: {error}", "mend it"
            return
        if not compiled.groupindex or compiled.groups != len(compiled.groupindex):
            help = "write `(?P<name>...)` for each column, and `(?:...)` around what is none"
            yield ("source", "pattern"), "`pattern` has groups without a name, or none at all", help


#: A part of a sheet: two corners, of which the second may be left out, wholly or its column or row.
RANGE = re.compile(r"([A-Za-z]{1,3})([1-9]\d{0,6})(?::([A-Za-z]{1,3})?([1-9]\d{0,6})?)?")


def _packed(source: Mapping[str, Any]) -> Iterator[Finding]:
    """What is wrong with what is said of archives and workbooks."""
    paths = [str(path).partition("?")[0].lower() for path in as_list(source.get("path"))]
    packed = [path.endswith((".zip", "*", "]", "}}")) for path in paths]
    sheets = source.get("format") == "xlsx" or ("format" not in source and any(path.endswith((".xlsx", ".xlsm")) for path in paths))
    for key in ("sheet", "range"):
        if key in source and not sheets and not ("format" not in source and any(packed)):
            yield ("source", key), f"`{key}` means nothing to files that are no workbooks", "take it out, or set `format: xlsx`"
    if "member" in source and not any(packed):
        yield (
            ("source", "member"),
            "`member` means nothing to files that are no archives",
            "take it out, or name files that end in .zip",
        )
    if "encoding" in source:
        yield from _encoded(source, paths)
    if "max_unpacked_mb" in source and not any(packed) and not sheets:
        message = "`max_unpacked_mb` means nothing to files that are no archives and no workbooks"
        yield ("source", "max_unpacked_mb"), message, "take it out"
    given = source.get("range")
    if isinstance(given, str) and "{{" not in given:
        found = RANGE.fullmatch(given)
        if found is None or not (corners := corners_of(given)) or any(a > b for a, b in zip(corners[:2], corners[2:], strict=True)):
            yield ("source", "range"), f"`range` cannot be `{given}`", "write e.g. `B3:F200`; `B3:F`, with all rows below; or `B3`"


def _encoded(source: Mapping[str, Any], paths: Sequence[str]) -> Iterator[Finding]:
    """What is wrong with the encoding that files are said to be in."""
    name, place = str(source["encoding"]), ("source", "encoding")
    try:
        known = codecs.lookup(name)._is_text_encoding
    except LookupError:
        known = False
    if not known:
        yield place, f"there is no encoding `{name}`", "write one as Python calls it: latin-1, cp1252, utf-16, shift_jis"
    format = source.get("format") or next((file_format(path)[0] for path in paths), None)
    if format in ("parquet", *TURNED):
        yield place, f"`encoding` means nothing to files of {format}, which say it themselves", "take it out"


def corners_of(range: str) -> tuple[int, int, float, float]:
    """The first row and column of a part of a sheet, counted from 1, and the last ones; infinity where it goes on to the end."""
    found = RANGE.fullmatch(range)
    assert found is not None
    left, top, right, bottom = found.groups()
    end = float("inf")
    return int(top), column_number(left), int(bottom) if bottom else end, column_number(right) if right else end


def column_number(letters: str) -> int:
    """The number of a column of a sheet, from 1 for A."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _paths(source: Mapping[str, Any]) -> Iterator[Finding]:
    """What is wrong with where files are."""
    paths = [str(path) for path in as_list(source.get("path"))]
    if "connection" in source and not is_remote(paths):
        yield (
            ("source", "connection"),
            "files of this machine are read without a connection",
            "take it out, or write `path: s3://...`",
        )
    types = set()
    for path in paths:
        found = _SCHEME.match(path)
        types.add(REMOTE.get(found.group(1).lower(), "") if found is not None else None)
        if found is None or "{{" in path:
            continue
        if found.group(1).lower() not in REMOTE:
            known = ", ".join(f"{name}://" for name in REMOTE)
            yield ("source", "path"), f"files cannot be read from {found.group(0)}", f"known: {known}, and paths of this machine"
        parts = urlsplit(path)
        if REMOTE.get(parts.scheme) == "http" and re.search(r"[*\[]", parts.path):
            yield (
                ("source", "path"),
                "an address has no patterns: a server does not tell which files it has",
                "name each file, in a list",
            )
        if parts.username or parts.password:
            message = "the address holds a user or a password, which would be shown"
            yield (
                ("source", "path"),
                message,
                "take it out, and name a connection that has them: `connection: ...`"
                if REMOTE.get(parts.scheme) == "sftp"
                else "take it out; a file that one must sign in for is fetched by a function (`ingest/*.py`)",
            )
    if len(types) > 1:
        yield (
            ("source", "path"),
            "the files of a step are all here, or all in one kind of place",
            "give each place a step of its own",
        )


def _function(entry: Mapping[str, Any], load: str, cursor: Mapping[str, Any]) -> Iterator[Finding]:
    """What of a step in Python does not go together."""
    takes = "cursor" in entry["source"]["takes"]
    if cursor and ("column" in cursor) == ("token" in cursor):
        help = "write `column`, whose highest value is kept, or `token`, a name for what the function returns at its end"
        yield ("cursor",), "`cursor` has a `column` or a `token`", help
    asks = takes and "cursor" not in entry["source"]["free"]
    if asks and not cursor and load != "replace":
        message = "the function takes `cursor`, and the step has none"
        yield ("source", "takes", "cursor"), message, 'add `cursor={"column": ...}`, or `cursor={"token": ...}`'
    elif asks and not cursor:
        message = "the function takes `cursor`, and `load: replace` knows none"
        yield ("source", "takes", "cursor"), message, 'set another `load`, with `cursor={"column": ...}`'
    if "token" in cursor and not takes:
        message = "the function does not take `cursor`, and so its token leads nowhere"
        yield ("cursor", "token"), message, "add the parameter `cursor`: it is what the function returned the last time"
    if "token" in cursor and "lookback" in cursor:
        yield ("cursor", "lookback"), "`lookback` means nothing to a token", "take it out"
    for name in entry["source"].get("env") or {}:
        if name not in entry["source"]["takes"]:
            yield (
                ("env", name),
                f"`env` has `{name}`, which the function does not take",
                f"add the parameter `{name}`, or take it out",
            )


def allowed(limit: object) -> tuple[Decimal, bool]:
    """How many bad rows `max_bad_rows` allows, and whether that is a part of a hundred."""
    text = str(limit)
    return Decimal(text.rstrip("%").strip()), text.endswith("%")


def _requests(source: Mapping[str, Any], cursor: bool) -> Iterator[Finding]:
    """What of a request does not go together."""
    if source.get("incremental") and not cursor:
        message = "`incremental` asks for what is new, and the step has no `cursor` that says what that is"
        yield ("source", "incremental"), message, "add `cursor: {column: ...}`, or take `incremental:` out"
    if source.get("body") and source.get("method") != "post":
        yield ("source", "body"), "`body` means nothing to a request by get", "add `method: post`, or write `params:`"
    first = source.get("for_each") or {}
    places = PLACES.findall(str(source.get("path") or ""))
    unknown = next((name for name in places if name not in (first.get("fields") or {})), None)
    if unknown is not None and source.get("kind") == "rest":
        message = f"`path` has a place for `{unknown}`, which no field of `for_each` fills"
        yield ("source", "path"), message, f"add it: `for_each: {{path: ..., fields: {{{unknown}: id}}}}`"
    if first and not places:
        message = "`for_each` asks once for each of its records, and `path` has no place for what they hold"
        yield ("source", "for_each"), message, "name a field in it: `path: /customers/{customer_id}/orders`"


def _bad_rows(entry: Mapping[str, Any]) -> Iterator[Finding]:
    """What does not go together with `on_bad_row`."""
    aside, limit = entry.get("on_bad_row") == "quarantine", entry.get("max_bad_rows")
    if limit is None:
        return
    if not aside:
        yield ("max_bad_rows",), "`max_bad_rows` means nothing where a bad row stops the step", "add `on_bad_row: quarantine`"
    if not BAD_ROWS.fullmatch(str(limit)) or (str(limit).endswith("%") and allowed(limit)[0] > 100):
        yield ("max_bad_rows",), f"`max_bad_rows` cannot be `{limit}`", "write how many rows, or a part of them like `0.5%`"


def _hashed(entry: Mapping[str, Any], place: str | int, name: str, column: Mapping[str, Any]) -> Iterator[Finding]:
    """What does not go together with the `hash` of a column, whose name in the table is given."""
    if column.get("data_type") or name in (entry.get("column_types") or {}):
        yield (
            ("columns", place, "hash"),
            f"the column `{name}` is hashed, which is a text, and has a type too",
            "take one of them out",
        )
    if (entry.get("cursor") or {}).get("column") == name:
        yield (
            ("cursor", "column"),
            f"the cursor `{name}` is hashed, and hashes have no order",
            "take out its `hash:`, or name another column",
        )
