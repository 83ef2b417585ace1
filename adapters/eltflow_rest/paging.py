"""How the rest of an answer is asked for: from one answer to the next request. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from eltflow.base.records import replace
from eltflow.warehouse import WarehouseError
from eltflow_rest.client import Answer, Request
from eltflow_rest.parts import value_in

#: The request for what follows an answer with so many records, which was the n-th (from 1); None after the last one.
Next = Callable[[Request, Answer, int, int], Request | None]
_LINK = re.compile(r"<([^>]*)>\s*((?:;\s*[^;,]+)*)")


def first(request: Request, paging: Mapping[str, Any]) -> Request:
    """The request for the first part."""
    sizes = {str(paging.get("size_param") or _SIZES.get(paging.get("type", ""), "")): paging["size"]} if "size" in paging else {}
    match paging.get("type"):
        case "page":
            return _more(request, {**sizes, str(paging.get("param") or "page"): int(paging.get("start", 1))})
        case "offset":
            return _more(request, {**sizes, str(paging.get("param") or "offset"): 0})
    return request


_SIZES = {"page": "per_page", "offset": "limit"}


def following(paging: Mapping[str, Any], own: Callable[[str, str], str]) -> Next:
    """What asks for the next part; `own` makes an address that an answer names a full one of this API."""
    match paging.get("type"):
        case "page":
            return lambda request, answer, records, n: _next_page(paging, request, answer, records, n)
        case "offset":
            return lambda request, answer, records, n: _next_offset(paging, request, records)
        case "cursor":
            return lambda request, answer, records, n: _by_cursor(paging, request, answer)
        case "next_url":
            return lambda request, answer, records, n: _to(request, own, answer, _text(value_in(answer.body, str(paging["next"]))))
        case "link":
            return lambda request, answer, records, n: _to(request, own, answer, linked(answer.headers.get("link", "")))
    return lambda request, answer, records, n: None


def _more(request: Request, params: Mapping[str, Any]) -> Request:
    return replace(request, params={**request.params, **params})


def _next_page(paging: Mapping[str, Any], request: Request, answer: Answer, records: int, n: int) -> Request | None:
    param, start = str(paging.get("param") or "page"), int(paging.get("start", 1))
    if "pages" in paging:
        told = value_in(answer.body, str(paging["pages"]))
        if not isinstance(told, int) or isinstance(told, bool):
            raise WarehouseError(f"{request.shown}: `{paging['pages']}` is no number of pages: {told!r}", help="correct `pages:`")
        return _more(request, {param: start + n}) if n < told else None
    short = "size" in paging and records < int(paging["size"])
    return None if records == 0 or short else _more(request, {param: start + n})


def _next_offset(paging: Mapping[str, Any], request: Request, records: int) -> Request | None:
    param = str(paging.get("param") or "offset")
    if records < int(paging["size"]):
        return None
    return _more(request, {param: int(request.params[param]) + records})


def _by_cursor(paging: Mapping[str, Any], request: Request, answer: Answer) -> Request | None:
    if paging.get("more") is not None and not value_in(answer.body, str(paging["more"])):
        return None
    mark = value_in(answer.body, str(paging["next"]))
    if mark is None or mark == "":
        return None
    if "variable" in paging:
        variables = {**request.body["variables"], str(paging["variable"]): mark}
        return replace(request, body={**request.body, "variables": variables})
    if request.body is not None and str(paging["param"]) in request.body:
        return replace(request, body={**request.body, str(paging["param"]): mark})
    return _more(request, {str(paging["param"]): mark})


def _to(request: Request, own: Callable[[str, str], str], answer: Answer, address: str | None) -> Request | None:
    """What an address in an answer asks for: it holds its parameters itself."""
    return None if not address else replace(request, url=own(address, answer.url), params={})


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def linked(header: str) -> str | None:
    """The address of the next part in a Link header (RFC 8288)."""
    for address, parameters in _LINK.findall(header):
        for one in parameters.split(";"):
            name, _, value = one.strip().partition("=")
            if name.lower() == "rel" and "next" in value.strip('" ').lower().split():
                return str(address)
    return None
