"""What the docs site tells of one entry of a manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

#: Settings that a page shows where the project sets them. Others may hold what came from the environment.
_SETTINGS = ("unique_key", "incremental_strategy", "on_schema_change", "access", "event_time", "batch_size", "lookback", "begin")
_HOURS = {"minute": 1 / 60, "hour": 1.0, "day": 24.0}


def kind_of(entry: Mapping[str, Any]) -> str:
    """What kind of page an entry has: its resource type; `ingest` for a table that a step loads, `deliver` and `task` for what is shown as
    an exposure."""
    if step_of(entry) is not None:
        return "ingest"
    return str(outside_of(entry).get("unique_id") or entry["resource_type"]).partition(".")[0]


def label(entry: Mapping[str, Any]) -> str:
    """What people call it."""
    name = entry["name"]
    return f"{entry['source_name']}.{name}" if entry["resource_type"] == "source" else str(name)


def step_of(entry: Mapping[str, Any]) -> str | None:
    """The ingestion step that loads a source."""
    step = (entry.get("meta") or {}).get("eltflow") if entry["resource_type"] == "source" else None
    return str(step["unique_id"]) if isinstance(step, Mapping) and "unique_id" in step else None


def outside_of(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is told of a delivery or a task; nothing of all else."""
    told = (entry.get("meta") or {}).get("eltflow") if entry["resource_type"] == "exposure" else None
    return told if isinstance(told, Mapping) else {}


def run_as(entry: Mapping[str, Any], unique_id: str) -> str:
    """The id that a node has in the history of runs."""
    return step_of(entry) or str(outside_of(entry).get("unique_id") or unique_id)


def tested(test: Mapping[str, Any]) -> list[str]:
    """What a test hangs on: one table for a generic test (its first parent), all that it reads for a singular one."""
    parents = list(test["depends_on"]["nodes"])
    if "test_metadata" not in test:
        return parents
    return [test["attached_node"]] if test["attached_node"] else parents[:1]


def constraints_of(entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The constraints that a contract puts into a model's table, each with the columns that it is on."""
    if not (entry.get("contract") or {}).get("enforced") or entry["config"].get("materialized") == "view":
        return []
    own = [{**one, "columns": [name]} for name, column in entry["columns"].items() for one in column["constraints"]]
    return [*entry["constraints"], *own]


def _in_words(one: Mapping[str, Any]) -> str:
    """A constraint as a page says it."""
    if one["type"] in ("check", "custom"):
        return f"{one['type']} {one['expression']}"
    words = str(one["type"]).replace("_", " ")
    if one["type"] != "foreign_key":
        return words
    return f"{words} to {one['to']} ({', '.join(one['to_columns'])})" if one["to"] else f"{words} {one['expression']}"


def detail(
    entry: Mapping[str, Any],
    table: Mapping[str, Any] | None,
    inferred: Sequence[str],
    tests: Sequence[Mapping[str, Any]],
    runs: list[list[Any]],
) -> dict[str, Any]:
    """Everything that a page tells of a node. `table` is its entry in the catalog, `inferred` the columns that its SQL gives, `tests` what
    hangs on it."""
    rules = constraints_of(entry)
    is_test = entry["resource_type"] == "test"
    made: dict[str, Any] = {
        "id": entry["unique_id"],
        "description": entry["description"] or "",
        "relation": None if is_test else entry.get("relation_name"),
        "columns": _columns(entry.get("columns") or {}, table, inferred),
        "rows": ((table or {}).get("stats", {}).get("row_count") or {}).get("value"),
        "type": (table or {}).get("metadata", {}).get("type"),
        "patch": (entry.get("patch_path") or "").partition("://")[2] or None,
        "raw": entry.get("raw_code"),
        "compiled": entry.get("compiled_code"),
        "macros": [macro.rpartition(".")[2] for macro in entry.get("depends_on", {}).get("macros", ())],
        "meta": {key: value for key, value in (entry.get("meta") or {}).items() if key != "eltflow"},
        "settings": {k: v for k, v in entry["unrendered_config"].items() if k in _SETTINGS and v not in (None, "", [])},
        "tests": tests,
        "runs": runs,
    }
    if (entry.get("contract") or {}).get("enforced"):
        several = [f"{_in_words(one)}{_on(one)}" for one in rules if len(one["columns"]) != 1]
        made["contract"] = several
        for column in made["columns"]:
            column["rules"] = [
                _in_words(one) for one in rules if [name.lower() for name in one["columns"]] == [column["name"].lower()]
            ]
    if entry["resource_type"] == "source":
        made |= _source(entry)
    elif entry["resource_type"] == "exposure":
        outside = outside_of(entry)
        if outside:
            made["outside"] = {key: outside[key] for key in ("to", "send", "command", "wait_for", "targets") if key in outside}
        else:
            made["exposure"] = {key: entry[key] for key in ("type", "maturity", "url", "label")}
    return made


def _on(one: Mapping[str, Any]) -> str:
    return f" on {', '.join(one['columns'])}" if one["columns"] else ""


def limits_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """After how long the project wants to be warned of a source that nothing came to, and when that is an error."""
    limits = (entry.get("freshness") or {}) if entry["resource_type"] == "source" else {}
    return {key: value for key, value in limits.items() if isinstance(value, Mapping) and value.get("count")}


def limit_hours(entry: Mapping[str, Any]) -> list[float | None] | None:
    """The same in hours, `warn_after` and `error_after`; None where the project says neither."""
    limits = limits_of(entry)
    found = [limits[k]["count"] * _HOURS[limits[k]["period"]] if k in limits else None for k in ("warn_after", "error_after")]
    return found if any(found) else None


def _source(entry: Mapping[str, Any]) -> dict[str, Any]:
    limits = limits_of(entry)
    made: dict[str, Any] = {"loader": entry["loader"], "about_source": entry["source_description"] or "", "freshness": limits}
    if step_of(entry) is not None:
        facts = entry["meta"]["eltflow"]
        made["step"] = {"name": facts["step"], "load": facts["load"], "into": facts["into"], "source": facts["source"]}
    return made


def owner_of(entry: Mapping[str, Any]) -> str | None:
    """Whom an exposure names as its owner, or another node's `meta`; None if nobody."""
    owner = entry["owner"] if entry["resource_type"] == "exposure" else (entry.get("meta") or {}).get("owner")
    return in_words(owner) or None if isinstance(owner, (str, Mapping)) else None


def in_words(owner: str | Mapping[str, Any]) -> str:
    """An owner as pages name it: name and addresses."""
    if isinstance(owner, str):
        return owner.strip()
    email = owner.get("email")
    emails = ", ".join(map(str, email)) if isinstance(email, (list, tuple)) else email
    return " · ".join(str(part) for part in (owner.get("name"), emails) if part)


def _columns(described: Mapping[str, Any], table: Mapping[str, Any] | None, inferred: Sequence[str]) -> list[dict[str, Any]]:
    """The columns that exist, or else those that the SQL gives, in their order; then those that are only described."""
    exists: list[Mapping[str, Any]] = list((table or {}).get("columns", {}).values())
    if not exists:
        exists = [{"name": name, "type": None, "comment": None} for name in inferred]
    by_name = {name.lower(): c for name, c in described.items()}
    made = []
    for column in exists:
        about = by_name.pop(column["name"].lower(), None)
        # a test names its column as YAML writes it
        name = about["name"] if about is not None else column["name"]
        made.append(_column(name, column["type"] or (about or {}).get("data_type"), about, column["comment"]))
    return [*made, *(_column(c["name"], c["data_type"], c, None) for c in by_name.values())]


def _column(name: str, type_: str | None, about: Mapping[str, Any] | None, comment: str | None) -> dict[str, Any]:
    description = (about["description"] if about is not None else "") or comment or ""
    made = {"name": name, "type": type_, "description": description, "tags": list(about["tags"]) if about is not None else []}
    meta = dict(about.get("meta") or {}) if about is not None else {}
    return {**made, "meta": meta} if meta else made
