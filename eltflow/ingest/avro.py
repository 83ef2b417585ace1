"""Files of Avro: their records, and the types that their schema gives them (Avro 1.12, as DuckDB spells them)."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from eltflow.base.plugins import driver
from eltflow.compile.program import FileInfo, ProgramError
from eltflow.ingest.kinds import quoted

_TYPES = {
    "boolean": "BOOLEAN",
    "int": "INTEGER",
    "long": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "bytes": "BLOB",
    "string": "VARCHAR",
    "null": "VARCHAR",
    "enum": "VARCHAR",
    "fixed": "BLOB",
}
#: What a logical type makes of the type below it; of any other pair nothing.
_LOGICAL = {
    ("int", "date"): "DATE",
    ("int", "time-millis"): "TIME",
    ("long", "time-micros"): "TIME",
    ("long", "timestamp-millis"): "TIMESTAMP WITH TIME ZONE",
    ("long", "timestamp-micros"): "TIMESTAMP WITH TIME ZONE",
    ("long", "timestamp-nanos"): "TIMESTAMP_NS",
    ("long", "local-timestamp-millis"): "TIMESTAMP",
    ("long", "local-timestamp-micros"): "TIMESTAMP",
    ("long", "local-timestamp-nanos"): "TIMESTAMP_NS",
    ("string", "uuid"): "UUID",
    ("fixed", "uuid"): "UUID",
    ("fixed", "duration"): "INTERVAL",
}
#: Of two kinds of numbers in a union, the one that keeps both.
_WIDER = {frozenset({"INTEGER", "BIGINT"}): "BIGINT", frozenset({"FLOAT", "DOUBLE"}): "DOUBLE"}
_EPOCH = datetime.datetime(1970, 1, 1)
#: What a broken file makes the library raise: errors of its own, of each codec, and whatever comes of odd bytes.
_BROKEN = Exception
Turn = Callable[[Any], Any]


@contextmanager
def opened(file: FileInfo) -> Iterator[tuple[Mapping[str, str], Iterator[tuple[int, Mapping[str, Any]]]]]:
    """The types of the columns, by the file's schema; and its records, each with its number. Raises ProgramError, also while records are
    read; EltflowError (E0702) if the driver is not installed."""
    with driver("files of avro", "'eltflow[avro]'"):
        import fastavro
    with open(file.path, "rb") as handle:
        try:
            reader = fastavro.reader(handle)
        except _BROKEN as error:
            raise _broken(file, 0, error) from None
        schema = reader.writer_schema
        if not isinstance(schema, Mapping) or schema.get("type") not in ("record", "error") or not schema.get("fields"):
            raise ProgramError(f"{file.name} holds values that are no records", "write records: their fields are the columns")
        outer = str(schema["name"])
        named: dict[str, Mapping[str, Any]] = {outer: schema}
        try:
            read = [(str(field["name"]), *_read(field["type"], named, (outer,))) for field in schema["fields"]]
        except _BROKEN as error:
            raise _broken(file, 0, error) from None
        turns = [(name, turn) for name, _, turn in read if turn is not None]
        yield {name: type for name, type, _ in read}, _records(file, reader, turns)


def _records(file: FileInfo, reader: Iterator[Any], turns: Sequence[tuple[str, Turn]]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    number = 0
    while True:
        number += 1
        try:
            record = next(reader)
            for name, turn in turns:
                record[name] = turn(record[name])
        except StopIteration:
            return
        except _BROKEN as error:
            raise _broken(file, number, error) from None
        yield number, record


def _broken(file: FileInfo, number: int, error: BaseException) -> ProgramError:
    words = str(error) or type(error).__name__
    if isinstance(error, OverflowError) or "year" in words or "date value out of range" in words:
        message = f"{file.name}: record {number} holds a day or a point in time outside of the years 1 to 9999 ({words})"
        return ProgramError(message, "correct it where the file is written")
    what = "it is no Avro file" if not number else f"it breaks off, or is no Avro file, at record {number}"
    return ProgramError(f"{file.name} cannot be read: {what} ({words})", "see that the file is complete")


def _read(schema: Any, named: dict[str, Mapping[str, Any]], within: tuple[str, ...]) -> tuple[str, Turn | None]:
    """The type of a schema, and what turns a value that the library gives into one of that type, if anything is to be done. `named` are the
    named types so far, `within` those that this one is a part of: a type that holds itself comes as JSON."""
    if isinstance(schema, list):
        return _union(schema, named, within)
    if isinstance(schema, str):
        if schema in _TYPES:
            return _TYPES[schema], None
        return ("JSON", None) if schema in within else _read(named[schema], named, within)
    kind = schema["type"]
    if not isinstance(kind, str):
        return _read(kind, named, within)
    if kind in ("record", "error", "enum", "fixed"):
        named[schema["name"]] = schema
    if kind in ("record", "error"):
        return _record(schema, named, (*within, schema["name"]))
    if kind == "array":
        item, turn = _read(schema["items"], named, within)
        return f"{item}[]", _each(turn)
    if kind == "map":
        value, turn = _read(schema["values"], named, within)
        return f"MAP(VARCHAR, {value})", _values(turn)
    logical = schema.get("logicalType")
    if logical == "decimal" and kind in ("bytes", "fixed"):
        precision, scale = int(schema.get("precision") or 0), int(schema.get("scale") or 0)
        return ("VARCHAR" if precision > 38 else f"DECIMAL({precision},{scale})"), None
    type = _LOGICAL.get((kind, str(logical)))
    if type is not None:
        return type, _TURNS.get((kind, str(logical)))
    return _read(kind, named, within) if kind not in _TYPES else (_TYPES[kind], None)


def _record(schema: Mapping[str, Any], named: dict[str, Mapping[str, Any]], within: tuple[str, ...]) -> tuple[str, Turn | None]:
    read = [(field["name"], *_read(field["type"], named, within)) for field in schema["fields"]]
    turns = {name: turn for name, _, turn in read if turn is not None}

    def turned(value: Any) -> Any:
        return {name: turns[name](inner) if name in turns else inner for name, inner in value.items()}

    turn = _maybe(turned) if turns else None
    if not read or len({name.lower() for name, _, _ in read}) < len(read):
        return "JSON", turn
    return f"STRUCT({', '.join(f'{quoted(name)} {type}' for name, type, _ in read)})", turn


def _union(schema: Sequence[Any], named: dict[str, Mapping[str, Any]], within: tuple[str, ...]) -> tuple[str, Turn | None]:
    """A type beside null is that type; numbers of two sizes are of the larger one; all else is JSON."""
    read = [_read(one, named, within) for one in schema if one != "null" and one != {"type": "null"}]
    types = {type for type, _ in read}
    if len(read) == 1:
        return read[0]
    if not types:
        return "VARCHAR", None
    if all(turn is None for _, turn in read):
        return _WIDER.get(frozenset(types), next(iter(types)) if len(types) == 1 else "JSON"), None
    return "JSON", None


def _maybe(turn: Turn) -> Turn:
    return lambda value: None if value is None else turn(value)


def _each(turn: Turn | None) -> Turn | None:
    return None if turn is None else _maybe(lambda value: [turn(one) for one in value])


def _values(turn: Turn | None) -> Turn | None:
    return None if turn is None else _maybe(lambda value: {key: turn(one) for key, one in value.items()})


def _nanoseconds(value: int) -> str:
    seconds, rest = divmod(value, 1_000_000_000)
    return f"{(_EPOCH + datetime.timedelta(seconds=seconds)).isoformat()}.{rest:09}"


def _duration(value: bytes) -> str:
    months, days, millis = (int.from_bytes(value[n : n + 4], "little") for n in (0, 4, 8))
    return f"{months} months {days} days {millis} milliseconds"


#: What the library leaves as it is stored.
_TURNS: Mapping[tuple[str, str], Turn] = {
    ("long", "timestamp-nanos"): _maybe(_nanoseconds),
    ("long", "local-timestamp-nanos"): _maybe(_nanoseconds),
    ("fixed", "uuid"): _maybe(lambda value: uuid.UUID(bytes=value)),
    ("fixed", "duration"): _maybe(_duration),
}
