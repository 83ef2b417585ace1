"""What every artifact says of the command that made it, and how artifacts become text."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from eltflow.base.records import dataclass, field

#: The release of dbt whose artifacts ours have the shape of: tools choose how to read them by it.
DBT_VERSION = "1.11.0"
_SCHEMA = "https://schemas.getdbt.com/dbt"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """The command that an artifact comes from. Times are UTC; `args` are its options by name, `argv` what was typed; `env` are values
    that the user wants to see in artifacts, never the process environment."""

    invocation_id: str
    started_at: datetime.datetime
    generated_at: datetime.datetime
    command: str
    version: str
    args: Mapping[str, Any] = field(default_factory=dict)
    argv: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)


def metadata(info: RunInfo, artifact: str) -> dict[str, Any]:
    """The `metadata` that artifacts share; `artifact` is name and version as in the schema's address, e.g. `manifest/v12`."""
    return {
        "dbt_schema_version": f"{_SCHEMA}/{artifact}.json",
        "dbt_version": DBT_VERSION,
        "generated_at": stamp(info.generated_at),
        "invocation_id": info.invocation_id,
        "invocation_started_at": stamp(info.started_at),
        "env": {"eltflow_version": info.version, **info.env},
    }


def stamp(time: datetime.datetime) -> str:
    """A time as artifacts write it: ISO 8601 in UTC with microseconds and a Z."""
    return time.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def to_json(artifact: Any) -> str:
    """The artifact as one line of ASCII JSON. What YAML allows and JSON does not (dates, keys that are no text, NaN) becomes text
    or null."""
    try:
        return json.dumps(artifact, default=_plain, allow_nan=False)
    except (TypeError, ValueError):
        return json.dumps(_clean(artifact), allow_nan=False)


def to_lines(artifact: Mapping[str, Any], key: str) -> Iterator[str]:
    """The artifact as JSON in pieces: every member stands on a line of its own, and so does each entry under `key`, which is JSON already."""
    opening = "{"
    for name, value in artifact.items():
        if name != key:
            yield f'{opening}"{name}": {to_json(value)}'
        else:
            yield f'{opening}"{name}": {{'
            between = "\n"
            for i, entry in value.items():
                yield f"{between}{json.dumps(i)}: {entry}"
                between = ",\n"
            yield "\n}"
        opening = ",\n"
    yield "}\n"


def patch_lines(text: bytes, head: Mapping[str, Any], entries: Mapping[str, Any]) -> list[bytes] | None:
    """A text of `to_lines` in pieces, with another first member (`head`: its name and value) and some entries replaced; None if one is
    not there."""
    ((name, value),) = head.items()
    after = text.find(b"\n")
    if not text.startswith(f'{{"{name}": '.encode()):
        return None
    found: list[tuple[int, int, bytes]] = []
    for i, entry in entries.items():
        place = entry_place(text, i, after)
        if place is None:
            return None
        found.append((*place, to_json(entry).encode()))
    return patched_pieces(text, [(0, after, f'{{"{name}": {to_json(value)},'.encode()), *found])


def entry_place(text: bytes, unique_id: str, after: int) -> tuple[int, int] | None:
    """Where in a text of `to_lines` the JSON of an entry begins and ends; None if it is not there. `after` is where to look from."""
    key = f"{json.dumps(unique_id)}: ".encode()
    line = text.find(b"\n" + key + b"{", after) + 1
    if not line:
        return None
    end = text.find(b"\n", line)
    return line + len(key), end - 1 if text[end - 1 : end] == b"," else end


def patched_pieces(text: bytes, patches: Iterable[tuple[int, int, bytes]]) -> list[bytes]:
    """The text in pieces, with something else from the first to before the second place of each patch."""
    pieces: list[bytes] = []
    at = 0
    for start, end, fresh in sorted(patches):
        pieces += (text[at:start], fresh)
        at = end
    return [*pieces, text[at:]]


def _plain(value: Any) -> Any:
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    return str(value)


def _clean(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key if isinstance(key, str) else str(key): _clean(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (str, int, float)):
        return value
    return _clean(_plain(value))
