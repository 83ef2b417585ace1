"""The records of an API in a file, asked for part by part."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

import msgspec

from eltflow.base.fingerprint import fingerprint
from eltflow.base.records import dataclass
from eltflow.transfer import Fetched
from eltflow.warehouse import WarehouseError
from eltflow_rest.client import Answer, Client, Request
from eltflow_rest.guess import guessed
from eltflow_rest.paging import first, following
from eltflow_rest.parts import NotThere, part, records_in, value_in
from eltflow_rest.settings import PLACE


@dataclass(slots=True)
class _Count:
    """What was fetched so far, and of how many answers no more are wanted."""

    answers: int = 0
    records: int = 0
    most: int | None = None

    @property
    def enough(self) -> bool:
        return self.most is not None and self.answers >= self.most


class ApiRecords:
    """A connection to an API."""

    def __init__(self, values: Mapping[str, Any], root: Path) -> None:
        self._stopped: Callable[[], bool] = lambda: False
        self._until: str | None = None
        self._client = Client(values, root, lambda: self._stopped())

    def close(self) -> None:
        self._client.close()

    def fetch(
        self,
        request: Mapping[str, Any],
        since: str | None,
        spool: Path,
        *,
        stop: Callable[[], bool],
        answers: int | None = None,
        until: str | None = None,
    ) -> Fetched:
        self._stopped, self._until = stop, until
        count = _Count(most=answers)
        with spool.open("wb") as file:
            if "for_each" in request:
                self._of_each(request, since, file, count)
            else:
                self._one(request, since, str(request.get("path") or ""), b"", file, count)
        return Fetched(records=count.records, answers=count.answers)

    def guess(self, request: Mapping[str, Any], *, stop: Callable[[], bool]) -> Mapping[str, Any]:
        self._stopped = stop
        asked = self._request({"kind": "rest", **request}, str(request.get("path") or ""), None)
        return guessed(asked, self._client.ask(asked))

    def _of_each(self, request: Mapping[str, Any], since: str | None, file: BinaryIO, count: _Count) -> None:
        """The step's records for each of those that are asked for first."""
        above = request["for_each"]
        asked = Request(url=self._client.url(str(above["path"])), params=above.get("params") or {})
        for records in self._parts(asked, above, _Count()):
            for record in records:
                if count.enough:
                    return
                fields = {name: self._field(record, str(path), asked) for name, path in above["fields"].items()}
                path = PLACE.sub(lambda m: quote(_told(fields, m.group(1)), safe=""), str(request["path"]))  # noqa: B023
                self._one(request, since, path, _opening(fields), file, count)

    def _field(self, record: bytes, path: str, asked: Request) -> Any:
        try:
            return msgspec.json.decode(part(record, path))
        except NotThere:
            raise WarehouseError(
                f"{asked.shown}: a record of `for_each` has no `{path}`", help="correct `fields:` of `for_each:`"
            ) from None

    def _one(self, request: Mapping[str, Any], since: str | None, path: str, opening: bytes, file: BinaryIO, count: _Count) -> None:
        """The records of one address, each with what comes from above in front."""
        asked = self._request(request, path, since)
        names = _names(opening)
        for records in self._parts(asked, request, count):
            if opening:
                records = [_joined(opening, names, record, asked) for record in records]
            file.write(b"\n".join(records) + b"\n" if records else b"")
            count.records += len(records)

    def _request(self, request: Mapping[str, Any], path: str, since: str | None) -> Request:
        incremental = request.get("incremental") or {}
        url = self._client.url(path)
        if request["kind"] == "graphql":
            variables = {**(request.get("variables") or {})}
            limits = {incremental.get("variable"): since, incremental.get("until"): self._until}
            variables |= {str(name): value for name, value in limits.items() if name is not None and value is not None}
            return Request(url=url, params={}, body={"query": request["query"], "variables": variables})
        params = {**(request.get("params") or {})}
        body = dict(request.get("body") or {}) if request.get("method") == "post" else None
        for name, value in ((incremental.get("param"), since), (incremental.get("until"), self._until)):
            if name is not None and value is not None:
                (params if body is None or name not in body else body)[str(name)] = value
        return Request(url=url, params=params, body=body)

    def _parts(self, request: Request, about: Mapping[str, Any], count: _Count) -> Iterator[Sequence[bytes]]:
        """The records of each answer. Raises WarehouseError where asking leads round in a ring."""
        paging = dict(about.get("pagination") or {})
        if "variable" in paging:
            paging["type"] = "cursor"
        step = following(paging, self._client.own)
        request, seen, last = first(request, paging), set(), ""
        n = 0
        while request is not None and not count.enough:
            mark = fingerprint(repr((request.url, request.params, request.body)))
            if mark in seen:
                raise _endless(request, "it was asked before")
            seen.add(mark)
            answer = self._client.ask(request)
            n, count.answers = n + 1, count.answers + 1
            records = self._records(request, answer, about)
            now = fingerprint(answer.body) if records else ""
            if records and now == last:
                raise _endless(request, "it is the same as the one before")
            last = now
            yield records
            request = step(request, answer, len(records), n)  # type: ignore[assignment]

    def _records(self, request: Request, answer: Answer, about: Mapping[str, Any]) -> Sequence[bytes]:
        path = str(about.get("records") or "")
        try:
            if about.get("kind") == "graphql" and (errors := value_in(answer.body, "errors")):
                told = errors[0].get("message") if isinstance(errors, list) and isinstance(errors[0], dict) else errors
                raise WarehouseError(f"{request.shown}: the query fails: {told}", help="correct `query:` or `variables:`")
            return records_in(answer.body, path)
        except NotThere as missing:
            where = f"`records: {path}`" if path else "the answer"
            message = f"{request.shown}: {where} leads to no records: there is no {missing}"
            if str(missing).startswith("a record"):
                message = f"{request.shown}: {where} holds {missing}"
            head = " ".join(answer.body[:200].decode("utf-8", "replace").split())
            raise WarehouseError(message, help=f"correct `records:`; the answer begins {head}") from None
        except msgspec.DecodeError as error:
            message = f"{request.shown}: the answer is no JSON ({error})"
            raise WarehouseError(message, help="correct `path:`; only answers in JSON are read") from None


def _endless(request: Request, why: str) -> WarehouseError:
    help = "correct `pagination:`: its parameter may be called otherwise, or the API may not know it"
    return WarehouseError(f"{request.shown}: the parts of the answer never end: {why}", help=help)


def _told(fields: Mapping[str, Any], name: str) -> str:
    return str(fields[name])


def _opening(fields: Mapping[str, Any]) -> bytes:
    """The beginning of a record that has these fields."""
    return msgspec.json.encode(dict(fields))[:-1]


def _names(opening: bytes) -> list[str]:
    return list(msgspec.json.decode(opening + b"}")) if opening else []


def _joined(opening: bytes, names: Sequence[str], record: bytes, asked: Request) -> bytes:
    """A record behind the fields that it gets. Raises WarehouseError where it has one of that name itself."""
    inner = record.lstrip()[1:].lstrip()
    for name in names:
        if f'"{name}"'.encode() in inner and _has(record, name):
            message = f"{asked.shown}: its records have a `{name}` themselves, like `fields:` of `for_each:`"
            raise WarehouseError(message, help="give the field another name")
    return opening + (b"}" if inner[:1] == b"}" else b"," + inner)


def _has(record: bytes, name: str) -> bool:
    try:
        part(record, name)
    except NotThere:
        return False
    return True
