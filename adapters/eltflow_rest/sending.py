"""Rows to an API: one or several in a request, and what it says became of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from eltflow.transfer.jsontext import NotJson
from eltflow.warehouse import WarehouseError
from eltflow_rest.client import Answer, Client, Request
from eltflow_rest.parts import NotThere, part, value_in
from eltflow_rest.settings import PLACE

#: Answers to a request of one row that are about that row. (Not among them: who may not, what is not there, and what may pass.)
_OF_THE_ROW = frozenset({"400", "409", "410", "412", "413", "422"})

#: Answers to a request to delete that say that it is done already.
_GONE = frozenset({"404", "410"})


class ApiRecipient:
    """A connection to an API that takes rows."""

    def __init__(self, values: Mapping[str, Any], root: Path) -> None:
        self._stopped: Callable[[], bool] = lambda: False
        self._client = Client(values, root, lambda: self._stopped())

    def close(self) -> None:
        self._client.close()

    def send(
        self, to: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], key: str, *, stop: Callable[[], bool]
    ) -> Mapping[int, str]:
        self._stopped = stop
        many = (to.get("batch") or 1) > 1
        content: Any = list(rows) if many else rows[0]
        if to.get("rows"):
            content = {**(to.get("body") or {}), str(to["rows"]): content}
        path = str(to["path"]) if many else PLACE.sub(lambda place: _filled(place.group(1), rows[0]), str(to["path"]))
        request = Request(url=self._client.url(path), body=content, method=str(to.get("method") or "post").upper(), key=key)
        try:
            answer = self._client.ask(request)
        except NotJson as error:
            raise WarehouseError(f"a value cannot be sent: {error}", help="leave such rows out, or cast the column") from None
        except WarehouseError as error:
            if not many and error.code in _OF_THE_ROW:
                return {0: error.engine_message}
            raise
        return _refused(request, to["results"], answer, len(rows)) if to.get("results") else {}

    def delete(
        self, to: Mapping[str, Any], keys: Sequence[Mapping[str, Any]], key: str, *, stop: Callable[[], bool]
    ) -> Mapping[int, str]:
        self._stopped = stop
        asked = to.get("delete") or {"path": to["path"]}
        (gone,) = keys  # a request each
        path = PLACE.sub(lambda place: _filled(place.group(1), gone), str(asked["path"]))
        request = Request(url=self._client.url(path), body=None, method=str(asked.get("method") or "delete").upper(), key=key)
        try:
            self._client.ask(request)
        except WarehouseError as error:
            if error.code in _GONE:
                return {}
            if error.code in _OF_THE_ROW:
                return {0: error.engine_message}
            raise
        return {}


def _filled(name: str, row: Mapping[str, Any]) -> str:
    """A row's value as a part of a path. Raises WarehouseError."""
    if name not in row:
        raise WarehouseError(
            f"`path` has a place for `{name}`, which is no column that is sent", help="correct it, or add the column"
        )
    value = row[name]
    if value is None or str(value) in ("", ".", ".."):
        raise WarehouseError(f"`{name}` is empty in a row, and stands in the path", help="leave such rows out")
    return quote(str(value), safe="")


def _refused(request: Request, results: Mapping[str, Any], answer: Answer, rows: int) -> Mapping[int, str]:
    """The rows that the answer says were refused. Raises WarehouseError where it does not say of each."""
    path = str(results["path"])
    items: list[msgspec.Raw] | None = None
    with suppress(NotThere, msgspec.DecodeError):
        items = msgspec.json.decode(part(answer.body, path), type=list[msgspec.Raw])
    if items is None or len(items) != rows:
        what = f"{len(items)} items" if items is not None else "no list"
        message = f"{request.shown}: the answer has {what} at `{path}`, and {rows} rows were sent"
        raise WarehouseError(message, help="correct `results:`, which says where the answer tells what became of each row")
    found = {}
    for place, item in enumerate(items):
        told = value_in(bytes(item), str(results["error"]))
        if told not in (None, False, "", [], {}):
            found[place] = f"{request.shown}: {_shown(told)}"
    return found


def _shown(told: Any) -> str:
    text = told if isinstance(told, str) else msgspec.json.encode(told).decode()
    return text if len(text) <= 200 else f"{text[:200]}…"
