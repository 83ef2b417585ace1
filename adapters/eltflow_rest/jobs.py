"""Jobs that an API runs: started, looked at, and cancelled by requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from eltflow.warehouse import WarehouseError
from eltflow_rest.client import Client, Request, cut
from eltflow_rest.parts import value_in
from eltflow_rest.settings import PLACE


class ApiJobs:
    """A connection to an API that runs jobs."""

    def __init__(self, values: Mapping[str, Any], root: Path, stop: Callable[[], bool]) -> None:
        self._client = Client(values, root, stop)

    def close(self) -> None:
        self._client.close()

    def start(self, job: Mapping[str, Any], key: str) -> str:
        asked = job["start"]
        answer = self._client.ask(self._request(asked, "post", None, key))
        found = _value(answer.body, str(asked["id"]))
        if found in (None, "") or isinstance(found, dict | list | bool):
            message = f"{asked['path']}: the answer has no id of a job at `{asked['id']}`"
            raise WarehouseError(message, help="correct `id:` below `start:`, which says where in the answer it is")
        return str(found)

    def state(self, job: Mapping[str, Any], id: str) -> tuple[str, str]:
        asked = job["poll"]
        answer = self._client.ask(self._request(asked, "get", id, None))
        found = _value(answer.body, str(asked["state"]))
        if found is None or isinstance(found, dict | list):
            message = f"{asked['path']}: the answer has no state of the job at `{asked['state']}`"
            raise WarehouseError(message, help="correct `state:` below `poll:`, which says where in the answer it is")
        return str(found).lower() if isinstance(found, bool) else str(found), cut(answer.body)

    def cancel(self, job: Mapping[str, Any], id: str) -> None:
        self._client.ask(self._request(job["cancel"], "post", id, None))

    def _request(self, asked: Mapping[str, Any], method: str, id: str | None, key: str | None) -> Request:
        path = str(asked["path"]) if id is None else PLACE.sub(quote(id, safe=""), str(asked["path"]))
        return Request(
            url=self._client.url(path), body=asked.get("body"), method=str(asked.get("method") or method).upper(), key=key
        )


def _value(body: bytes, path: str) -> Any:
    """What stands at a path in an answer; None where nothing does, or the answer is no JSON."""
    try:
        return value_in(body, path)
    except msgspec.DecodeError:
        return None
