"""DuckDB's exceptions as WarehouseError: its own words without its noise, and the places that it tells."""

from __future__ import annotations

import json
import re
from typing import Any

from eltflow.warehouse import WarehouseError
from eltflow.warehouse.values import ErrorKind

_KINDS: dict[str, ErrorKind] = {"interrupt": "cancelled", "connection": "connection", "permission": "permission"}
_MOST_LINES = 8
_CSV_LINE = re.compile(r"CSV Error on Line: (\d+)")
_CSV_FILE = re.compile(r"^\s*file = (.+)$", re.MULTILINE)
_SNIFFED = re.compile(r'Error when sniffing file "([^"]*)"')
#: DuckDB 1.5 does not name the file of a list of one.
_ONLY_FILE = re.compile(r"read_csv\(\['((?:[^']|'')+)'\]")
#: Where DuckDB begins to speak of its own options, which are not the reader's.
_CSV_TAIL = re.compile(r"^\s*(?:\* |Possible Solution|Column .* is being|This type was|file = |The search space)", re.IGNORECASE)
_PREFIX = re.compile(r"\A(?:(\w[\w ]*?) ?Error: )+")
_NEAR = re.compile(r'^Did you mean "([^"]+)"\?\s*$', re.MULTILINE)
#: DuckDB takes its own tables and functions for what one may have meant.
_OF_THE_ENGINE = re.compile(r"(?:\w+\.)*(?:pragma_|duckdb_|sqlite_|pg_|information_schema\.)")
_UNINSTALLED = re.compile(r"install the required extension '(\w+)")
_DOUBLED = re.compile(r'Duplicate name "(.+)" in struct auto-detected in JSON')
_COLUMNS = re.compile(r"^\s*Candidate bindings:[ :]*(.+)$", re.MULTILINE)
_FILE_NAMED = re.compile(r"""(?:file "|file ')(/[^"']+)["']""")


def as_warehouse_error(error: Exception, sql: str = "", *, most: int = _MOST_LINES) -> WarehouseError:
    """What DuckDB said, in at most that many lines; its message is JSON where the session asked for that."""
    text = str(error)
    details = _details(text)
    kind_name = str(details.get("exception_type") or type(error).__name__.removesuffix("Exception"))
    message = str(details.get("exception_message") or text).strip()
    prefix = _PREFIX.match(message)
    if prefix is not None:
        kind_name, message = prefix.group(1), message[prefix.end() :]
    line, column = _place(details.get("position"), sql)
    lacks = _UNINSTALLED.search(message)
    if lacks is not None:
        help = f"install it (DuckDB: INSTALL {lacks[1]}), and name it in the target's `extensions:`: nothing is downloaded here"
        return WarehouseError(f"this needs DuckDB's extension `{lacks[1]}`, which is not installed", code=kind_name, help=help)
    csv = _CSV_LINE.search(message)
    file = _CSV_FILE.search(message) or _SNIFFED.search(message)
    if csv is not None or file is not None:
        words = _csv_words(message)
        only = _ONLY_FILE.search(sql)
        name = (file.group(1).strip() if file is not None else "") or (only[1].replace("''", "'") if only is not None else "")
        return WarehouseError(
            f"{kind_name} Error: {words}",
            kind=_kind(kind_name, message),
            code=kind_name,
            help=_csv_help(message),
            file=name or None,
            file_line=int(csv.group(1)) if csv is not None else None,
        )
    doubled = _DOUBLED.search(message)
    if doubled is not None:
        words = f"an object has keys that differ in case alone: `{doubled[1]}`"
        return WarehouseError(words, code=kind_name, help="give them one spelling in the file, or other names")
    named = _FILE_NAMED.search(message) if kind_name == "Invalid Input" else None
    return WarehouseError(
        f"{kind_name} Error: {_shortened(message, most)}",
        kind=_kind(kind_name, message),
        line=line,
        column=column,
        code=kind_name,
        help=_help(message),
        file=named.group(1) if named is not None else None,
    )


def _details(text: str) -> dict[str, Any]:
    start = text.find("{")
    if start < 0:
        return {}
    try:
        details = json.loads(text[start:])
    except ValueError:
        return {}
    return details if isinstance(details, dict) else {}


def _place(position: Any, sql: str) -> tuple[int | None, int | None]:
    if not sql or position is None or not str(position).isdigit():
        return None, None
    before = sql.encode()[: int(position)].decode(errors="ignore")
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _csv_words(message: str) -> str:
    """The sentence that says what is wrong with a CSV file, without the options it was read with."""
    if _SNIFFED.search(message):
        return "the file is not CSV of one shape"
    kept: list[str] = []
    for line in message.split("\n"):
        if _CSV_LINE.search(line) or line.startswith("Original Line:"):
            continue
        if _CSV_TAIL.match(line):
            break
        kept += [line.strip()] if line.strip() else []
    return " ".join(kept) or message.split("\n")[0]


def _csv_help(message: str) -> str:
    lowered = message.lower()
    if "utf-8" in lowered or "unicode" in lowered:
        return "save the file as UTF-8"
    if "could not convert" in lowered:
        return "correct the value, or give the column another type under `column_types:`"
    if "quote" in lowered and "sniffing" not in lowered:
        return "close the quotes of that value, and double those inside it"
    return "give every row as many values as the header; put quotes around a value that holds the delimiter"


def _help(message: str) -> str | None:
    near = _NEAR.search(message)
    if near is not None and not _OF_THE_ENGINE.match(near.group(1)):
        return f"did you mean `{near.group(1)}`?"
    columns = _COLUMNS.search(message)
    if columns is not None:
        return f"columns near that name: {columns.group(1).replace(chr(34), '`')}"
    if "explicit type casts" in message:
        return "give the arguments the types that it takes, with cast(... as ...)"
    if "Could not convert" in message:
        return "correct the value where it comes from, or use try_cast(), which gives NULL"
    if message.startswith("Extension "):
        return "install it first (DuckDB: INSTALL name), or take it out of the target's `extensions:`: nothing is downloaded here"
    if "not a valid DuckDB database" in message:
        return "name another `path:`, or move that file away"
    if "options were not recognized" in message:
        return "correct the name under the target's `settings:`"
    if "because schema" in message or "Table with name" in message:
        return "load or build that table first, or correct its name"
    return None


def _shortened(message: str, most: int) -> str:
    """The message without what our help says again, and with no more than a few candidates."""
    lines = [line.rstrip() for line in _COLUMNS.sub("", _NEAR.sub("", message)).split("\n") if line.strip()]
    left_out = len(lines) - most
    if left_out > 1:
        lines = [*lines[:most], f"… and {left_out} more lines"]
    return "\n".join([lines[0] if lines else "", *(line.strip() for line in lines[1:])])


def _kind(name: str, message: str) -> ErrorKind:
    lowered = message.lower()
    if name == "IO" and "lock" in lowered:
        return "locked"
    if any(
        words in lowered for words in ("no space left", "disk full", "could not write all bytes", "file too large", "disk quota")
    ):
        return "disk"
    if "read-only" in lowered or "read only" in lowered or (name == "IO" and "permission denied" in lowered):
        return "read_only"
    if name == "TransactionContext" or "write-write conflict" in lowered or "conflict on" in lowered:
        return "transient"
    return _KINDS.get(name.lower(), "sql")  # DuckDB spells some kinds in capitals
