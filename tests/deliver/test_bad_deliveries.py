"""Deliveries that cannot be: told with line and remedy before anything runs."""

from __future__ import annotations

from typing import Any

import pytest
from shop import Eltflow, Project, shop

_HEAD = "steps:\n  - name: segments\n    from: segments\n    targets: [dev]\n"
_TO = "    to: {kind: http, connection: crm, path: /contacts}\n    unique_key: customer_id\n"
_FILE = "    to: {kind: files, path: out.csv}\n"

CASES: dict[str, tuple[str, str, str]] = {
    "no such model": (
        _HEAD.replace("from: segments", "from: segmets") + _TO,
        "error[E0203]: delivery `segments` refers to `segmets`, which does not exist\n --> deliver/crm.yml:3:11",
        "did you mean `segments`",
    ),
    "no such connection": (
        _HEAD + _TO.replace("crm", "cmr"),
        "error[E0118]: there is no connection `cmr`\n --> deliver/crm.yml:5:34",
        "did you mean `crm`?",
    ),
    "another kind of connection": (
        _HEAD + _TO.replace("crm", "hook"),
        "error[E0701]: no recipient is called `webhook`",
        "installed: mariadb, mysql, postgres, rest, sqlite",
    ),
    "a message by an api": (
        _HEAD + "    to: {kind: email, connection: crm}\n",
        "error[E0103]: `crm` is a rest connection, by which no delivery of kind `email` goes out\n --> deliver/crm.yml:5:35",
        "name one of type smtp",
    ),
    "no such target": (
        _HEAD.replace("dev", "dve") + _TO,
        "error[E0107]: there is no target `dve`\n --> deliver/crm.yml:4:15",
        "did you mean `dev`?",
    ),
    "no target": (
        _HEAD.replace("[dev]", "[]") + _TO,
        "error[E0103]: `targets` names no target, so that nothing would ever be sent\n --> deliver/crm.yml:4:5",
        "name one: `targets: [prod]`",
    ),
    "changes without a key": (
        _HEAD + _TO.replace("    unique_key: customer_id\n", ""),
        "error[E0103]: `send: changed` needs `unique_key`: the column or columns whose values tell rows apart",
        "add `unique_key:`, or set `send: all`",
    ),
    "a key of a file": (
        _HEAD + _FILE + "    unique_key: customer_id\n",
        "error[E0103]: `unique_key` means nothing to a file, which always holds all rows\n --> deliver/crm.yml:6:17",
        "take it out",
    ),
    "a key that is not sent": (
        _HEAD + _TO + "    columns: [name]\n",
        "error[E0103]: `customer_id` is no column that is sent",
        "add it to `columns:`",
    ),
    "places in a path of many": (
        _HEAD + _TO.replace("/contacts}", "'/c/{customer_id}', batch: 5}"),
        "error[E0103]: `path` has places for the values of a row, and requests hold several rows",
        "take `batch:` out, or the places out of the path",
    ),
    "a file elsewhere": (
        _HEAD + _FILE.replace("out.csv", "../out.csv"),
        "error[E0103]: `../out.csv` is no file below the project\n --> deliver/crm.yml:5:29",
        "write a path from the project's root: out/segments.csv",
    ),
    "a file of no format": (
        _HEAD + _FILE.replace("out.csv", "out.dat"),
        "error[E0103]: `out.dat` does not tell its format",
        "add `format:`, or let it end in .csv, .tsv, .parquet, .jsonl, .ndjson, .xlsx",
    ),
    "an unknown key": (
        _HEAD + _TO + "    sned: all\n",
        "error[E0104]: a delivery has no key `sned`\n --> deliver/crm.yml:7:5",
        "did you mean `send`?",
    ),
    "an unknown kind": (
        _HEAD + "    to: {kind: ftp, path: x}\n",
        "error[E0103]: `kind` cannot be `ftp`\n --> deliver/crm.yml:5:16",
        "one of: http, table, files, webhook, email",
    ),
    "two of one name": (
        _HEAD + _FILE + _HEAD.removeprefix("steps:\n") + _FILE,
        "error[E0206]: two deliveries are called `segments`",
        "rename one of them",
    ),
    "too many rows of a message": (
        _HEAD + "    to: {kind: webhook, connection: hook, rows: 5000}\n",
        "error[E0103]: a message shows 100 rows at most, not 5,000",
        "write a file instead (`kind: files`), or show fewer",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_told_before_anything_runs(case: str, project: Project, eltflow: Eltflow) -> None:
    text, message, help = CASES[case]
    root = shop(project, "http://127.0.0.1:9", deliver__crm=text)
    failed = eltflow("deliver", cwd=root)
    assert failed.code == 2, failed.text
    assert message in failed.text
    assert help in failed.text
    assert not (root / "shop.duckdb").exists()


def test_a_model_without_a_table(project: Project, eltflow: Eltflow) -> None:
    root = shop(project, "", models__segments="{{ config(materialized='ephemeral') }} select 1 as customer_id\n")
    failed = eltflow("deliver", cwd=root)
    assert failed.code == 2
    assert "`segments` is ephemeral: there is no table of it that could be sent" in failed.text
    assert "deliver/crm.yml:1:" in failed.text


def test_a_connection_is_checked_as_sources_are(project: Project, eltflow: Eltflow) -> None:
    connections: dict[str, Any] = {"crm": {"type": "rest", "url": "ftp://x"}}
    root = shop(project, "", connections=connections)
    failed = eltflow("deliver", cwd=root)
    assert failed.code == 2
    assert "`url` must be an address like https://api.example.com/v1" in failed.text
