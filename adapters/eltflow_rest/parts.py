"""Parts of an answer by their path, as they came: numbers keep their digits, since nothing is read that is not asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

_RAW = msgspec.json.Decoder(msgspec.Raw)
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_BREAKS = b"\r\n"


class NotThere(LookupError):
    """A path leads nowhere; says where it ends."""


def part(body: bytes | msgspec.Raw, path: str) -> bytes | msgspec.Raw:
    """What stands at a path, as it came. Raises NotThere; msgspec.DecodeError for what is no JSON."""
    found = body
    for name in [name for name in path.split(".") if name]:
        try:
            found = _OBJECT.decode(found)[name]
        except KeyError:
            raise NotThere(name) from None
        except msgspec.ValidationError:
            raise NotThere(name) from None
    return found


def value_in(body: bytes, path: str) -> Any:
    """The value at a path; None if there is none."""
    try:
        return msgspec.json.decode(part(body, path))
    except NotThere:
        return None


def records_in(body: bytes, path: str) -> Sequence[bytes]:
    """The records at a path, each as it came, on one line: those of a list, or a lone object.

    Raises NotThere where the path leads nowhere, or to what is no record; msgspec.DecodeError for what is no JSON.
    """
    found = part(body, path)
    head = bytes(found).lstrip()[:1]
    if head == b"{":
        _RAW.decode(found)
        items: Sequence[Any] = [found]
    elif head == b"[":
        items = _LIST.decode(found)
    elif head == b"":
        raise msgspec.DecodeError("nothing")
    else:
        _RAW.decode(found)
        raise NotThere(path or "the answer")
    made = []
    for item in items:
        raw = bytes(item)
        if raw[:1] != b"{" and raw.lstrip()[:1] != b"{":
            raise NotThere(f"a record that is no object, but {raw[:40].decode('utf-8', 'replace')}")
        # A line break stands between tokens alone: in a text it is written as one.
        made.append(raw.translate(None, _BREAKS) if b"\n" in raw or b"\r" in raw else raw)
    return made
