"""What the first answer of an API suggests of the rest: where its records are, and how more of them are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from eltflow.warehouse import WarehouseError
from eltflow_rest.client import Answer, Request
from eltflow_rest.paging import linked

_DEEP = 3
_NEXT = ("next", "next_url", "nextUrl", "next_page_url", "nextLink", "@odata.nextLink")


def guessed(request: Request, answer: Answer) -> dict[str, Any]:
    """`records` and `pagination` of a step, as far as an answer tells. Raises WarehouseError where it holds no records, or several lists."""
    try:
        body = msgspec.json.decode(answer.body)
    except msgspec.DecodeError as error:
        raise WarehouseError(f"{request.shown}: the answer is no JSON ({error})", help="name another path") from None
    made: dict[str, Any] = {}
    if isinstance(body, Mapping):
        lists = dict(_lists(body, (), _DEEP))
        if len(lists) > 1:
            names = ", ".join(f"`{path}`" for path in lists)
            raise WarehouseError(
                f"{request.shown}: the answer holds several lists: {names}",
                help="write the step by hand, with one of them as `records:`",
            )
        made["records"] = next(iter(lists), "")
        address = next(iter(_addresses(body, ())), None)
        if address is not None:
            made["pagination"] = {"type": "next_url", "next": address}
    elif not isinstance(body, list) or not all(isinstance(one, Mapping) for one in body):
        raise WarehouseError(f"{request.shown}: the answer holds no records", help="name another path")
    if linked(answer.headers.get("link", "")) is not None:
        made["pagination"] = {"type": "link"}
    return {key: value for key, value in made.items() if value}


def _lists(value: Mapping[str, Any], path: tuple[str, ...], deep: int) -> Iterator[tuple[str, int]]:
    """The lists of objects within an object, by their paths."""
    for name, inner in value.items():
        here = (*path, name)
        if "." in name:
            continue
        if isinstance(inner, list) and inner and all(isinstance(one, Mapping) for one in inner):
            yield ".".join(here), len(inner)
        elif isinstance(inner, Mapping) and deep > 1:
            yield from _lists(inner, here, deep - 1)


def _addresses(value: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    """Where an object holds the address of what follows."""
    for name, inner in value.items():
        if name in _NEXT and isinstance(inner, str) and inner.startswith(("http://", "https://", "/")) and "." not in name:
            yield ".".join((*path, name))
        elif isinstance(inner, Mapping) and not path:
            yield from _addresses(inner, (name,))
