"""Artifacts and history → the docs site: one HTML page that fetches nothing and opens from a file.

The page is `site.html`, beside this file; the project goes into it as JSON that holds no `<`, `>` or `&`, and the page makes text nodes of
it, never HTML. Its content policy lets only its own script run, by that script's hash.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from eltflow.report.info import to_json
from eltflow.state.store import NodeRecord, RunRecord

_SLOT = re.compile("@@(POLICY|TITLE|DATA)@@")
_INLINE = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)
_SHOWN = ("model", "seed", "analysis")

#: A run and its nodes, as history keeps them.
History = Sequence[tuple[RunRecord, Sequence[NodeRecord]]]


def site(
    manifest: Mapping[str, Any],
    *,
    catalog: Mapping[str, Any] | None = None,
    history: History = (),
    readme: str = "",
    only: Collection[str] | None = None,
) -> str:
    """The page, of all nodes or `only` some (ids of the manifest). `history` are the latest runs of the target, newest first: the first is
    shown as the last run, and each node and test with the last result that it has in any of them. Rows of data are never part of it."""
    template = Path(__file__).with_name("site.html").read_text(encoding="utf-8")
    data = to_json(payload(manifest, catalog, history, readme, only))
    for char in "<>&":
        data = data.replace(char, f"\\u{ord(char):04x}")
    values = {"POLICY": _policy(template), "TITLE": html.escape(str(manifest["metadata"]["project_name"])), "DATA": data}
    return _SLOT.sub(lambda slot: values[slot.group(1)], template)


def _policy(template: str) -> str:
    hashes = {
        tag: "'sha256-" + base64.b64encode(hashlib.sha256(body.encode()).digest()).decode() + "'"
        for tag, body in _INLINE.findall(template)
    }
    return f"default-src 'none'; script-src {hashes['script']}; style-src {hashes['style']}; base-uri 'none'; form-action 'none'"


def payload(
    manifest: Mapping[str, Any],
    catalog: Mapping[str, Any] | None,
    history: History,
    readme: str,
    only: Collection[str] | None = None,
) -> dict[str, Any]:
    """What the page shows: nodes in the order of the list, which name each other by their position."""
    entries: dict[str, Mapping[str, Any]] = {**manifest["sources"], **manifest["nodes"], **manifest["exposures"]}
    if only is not None:
        entries = {i: e for i, e in entries.items() if i in only}
    last = _last(history)
    tests = {i: e for i, e in entries.items() if e["resource_type"] == "test"}
    shown = {
        i: e
        for i, e in entries.items()
        if e["resource_type"] in (*_SHOWN, "source", "exposure") or (i in tests and "test_metadata" not in e)
    }
    ordered = sorted(shown, key=lambda i: (_label(shown[i]).lower(), i))
    position = {unique_id: at for at, unique_id in enumerate(ordered)}
    hung: dict[str, list[dict[str, Any]]] = {}
    for unique_id, test in tests.items():
        one = _test(test, last.get(unique_id))
        for parent in _tested(test):
            hung.setdefault(parent, []).append(one)
    tables = {**catalog["nodes"], **catalog["sources"]} if catalog is not None else {}
    metadata = manifest["metadata"]
    return {
        "project": metadata["project_name"],
        "adapter": metadata["adapter_type"],
        "generated_at": metadata["generated_at"],
        "version": (metadata.get("env") or {}).get("eltflow_version", ""),
        "readme": readme,
        "run": _run(*history[0]) if history else None,
        "tests": len(tests),
        "nodes": [
            {
                **_node(shown[i], tables.get(i), last.get(_step(shown[i]) or i), i in tests),
                "tests": hung.get(i, []),
                "up": _near(manifest["parent_map"].get(i, ()), position),
                "down": _near((c for c in manifest["child_map"].get(i, ()) if c not in tests), position),
            }
            for i in ordered
        ],
    }


def _near(ids: Any, position: Mapping[str, int]) -> list[int]:
    return [position[i] for i in ids if i in position]


def _label(entry: Mapping[str, Any]) -> str:
    name = entry["name"]
    return f"{entry['source_name']}.{name}" if entry["resource_type"] == "source" else str(name)


def _step(entry: Mapping[str, Any]) -> str | None:
    """The ingestion step that loads a source."""
    step = (entry.get("meta") or {}).get("eltflow") if entry["resource_type"] == "source" else None
    return str(step["unique_id"]) if isinstance(step, Mapping) and "unique_id" in step else None


def _tested(test: Mapping[str, Any]) -> list[str]:
    """What a test hangs on: one table for a generic test (its first parent), all that it reads for a singular one."""
    parents = list(test["depends_on"]["nodes"])
    if "test_metadata" not in test:
        return parents
    return [test["attached_node"]] if test["attached_node"] else parents[:1]


def _node(entry: Mapping[str, Any], table: Mapping[str, Any] | None, last: Any, is_test: bool) -> dict[str, Any]:
    config = entry["config"]
    made: dict[str, Any] = {
        "id": entry["unique_id"],
        "name": _label(entry),
        "kind": entry["resource_type"],
        "materialized": config.get("materialized", entry["resource_type"])
        if entry["resource_type"] == "model"
        else entry["resource_type"],
        "path": entry["original_file_path"],
        "description": entry["description"],
        "tags": entry["tags"],
        "group": entry.get("group"),
        "relation": None if is_test else entry.get("relation_name"),
        "columns": _columns(entry.get("columns") or {}, table),
        "rows": ((table or {}).get("stats", {}).get("row_count") or {}).get("value"),
        "raw": entry.get("raw_code"),
        "compiled": entry.get("compiled_code"),
        "last": last,
    }
    if entry["resource_type"] == "source":
        made["loader"] = entry["loader"]
        if _step(entry) is not None:
            facts = entry["meta"]["eltflow"]
            made["loader"] = f"the step {facts['step']} ({facts['load']})"
            path = facts["source"].get("path")
            made["files"] = ", ".join(map(str, path)) if isinstance(path, (list, tuple)) else path
    elif entry["resource_type"] == "exposure":
        owner = entry["owner"]
        email = owner.get("email")
        emails = ", ".join(map(str, email)) if isinstance(email, (list, tuple)) else email
        made["exposure"] = {
            "type": entry["type"],
            "owner": " · ".join(str(part) for part in (owner.get("name"), emails) if part),
            "maturity": entry["maturity"],
            "url": entry["url"],
        }
    return made


def _columns(described: Mapping[str, Any], table: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The columns that exist, in their order, then those that are only described."""
    exists = list((table or {}).get("columns", {}).values())
    by_name = {name.lower(): c for name, c in described.items()}
    made = []
    for column in exists:
        about = by_name.pop(column["name"].lower(), None)
        # a test names its column as YAML writes it
        name = about["name"] if about is not None else column["name"]
        made.append(_column(name, column["type"], about, column["comment"]))
    return [*made, *(_column(c["name"], c["data_type"], c, None) for c in by_name.values())]


def _column(name: str, type_: str | None, about: Mapping[str, Any] | None, comment: str | None) -> dict[str, Any]:
    description = (about["description"] if about is not None else "") or comment or ""
    return {"name": name, "type": type_, "description": description, "tags": about["tags"] if about is not None else []}


def _test(test: Mapping[str, Any], last: Any) -> dict[str, Any]:
    facts = test.get("test_metadata")
    return {
        "id": test["unique_id"],
        "name": test["name"],
        "kind": facts["name"] if facts else "singular",
        "column": test.get("column_name"),
        "description": test["description"],
        "severity": str(test["config"]["severity"]).lower(),
        "last": last,
    }


def _last(history: History) -> dict[str, dict[str, Any]]:
    """The last result of each step that was not skipped."""
    found: dict[str, dict[str, Any]] = {}
    for run, records in history:
        for record in records:
            if record.status != "skipped" and record.unique_id not in found:
                found[record.unique_id] = {
                    "status": record.status,
                    "at": record.started_at or run.started_at,
                    "seconds": record.seconds,
                    "failures": record.failures,
                    "message": record.message,
                }
    return found


def _run(run: RunRecord, records: Sequence[NodeRecord]) -> dict[str, Any]:
    counts: dict[str, int] = {}
    for record in records:
        counts[record.status] = counts.get(record.status, 0) + 1
    return {
        "command": run.command,
        "selection": run.selection,
        "status": run.status,
        "started_at": run.started_at,
        "seconds": run.seconds,
        "target": run.target,
        "counts": counts,
    }
