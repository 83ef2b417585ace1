"""Artifacts, history and lineage → the parts that the docs site is made of, as plain values.

`index` is read first and is all that lists and graphs need; `search` and `code` hold what is searched; `nodes-NNN` and `lineage-NNN` tell
everything of CHUNK nodes each; `tests`, `macros`, `erd` are pages of their own. Nodes name each other by their position. No part holds rows
of data, the messages of warehouses (which may quote rows) or settings that could come from the environment.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import Any

from eltflow.base.records import dataclass, field
from eltflow.report.site.entries import constraints_of, detail, in_words, kind_of, label, limit_hours, owner_of, run_as, tested
from eltflow.report.site.past import History, Past, run_summary
from eltflow.sql.values import HOWS, Influence, QueryLineage

#: Nodes in one part: a page loads one part for what it shows.
CHUNK = 48
#: How much of a description lists show, in characters.
ABOUT = 140

#: A node (or the name of a table) and a column of it.
Spot = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Told:
    """What a column has from those that it is a copy of: a description with where it is from (None: there is none), tags, and keys of
    `meta` with their values, each with where it is from."""

    description: str = ""
    described: Spot | None = None
    tags: Mapping[str, Spot] = field(default_factory=dict)
    meta: Mapping[str, tuple[Any, Spot]] = field(default_factory=dict)


#: The lineage of a node's columns (tables are ids of the manifest where they are nodes), and the expressions that are more than a name.
Columns = tuple[QueryLineage, Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a site is made of. `history` are the latest runs of the target, newest first; `inherited` is by
    node and column, as is `personal`: the tagged column that a personal one is made of (itself, if it is tagged; None, if it only may be
    personal); `measured` is the last `sources.json`; `only` are ids of the manifest (None: all)."""

    manifest: Mapping[str, Any]
    catalog: Mapping[str, Any] | None = None
    history: History = ()
    lineage: Mapping[str, Columns] | None = None
    inherited: Mapping[str, Mapping[str, Told]] | None = None
    personal: Mapping[str, Mapping[str, Spot | None]] | None = None
    readme: str = ""
    measured: Mapping[str, Any] | None = None
    only: Collection[str] | None = None


def chunks(facts: Facts) -> dict[str, Any]:
    """The parts of the site by name."""
    return _Fold(facts).chunks()


class _Fold:
    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        manifest = facts.manifest
        known: dict[str, Mapping[str, Any]] = {**manifest["sources"], **manifest["nodes"], **manifest["exposures"]}
        if facts.only is not None:
            known = {i: e for i, e in known.items() if i in facts.only}
        self.past = Past(facts.history)
        measured = (facts.measured or {}).get("results") or ()
        self.newest = {r["unique_id"]: [r["max_loaded_at"], r["snapshotted_at"]] for r in measured if r.get("max_loaded_at")}
        self.tests = {i: e for i, e in known.items() if e["resource_type"] == "test"}
        shown = [
            i for i, e in known.items() if e["resource_type"] != "operation" and not (i in self.tests and "test_metadata" in e)
        ]
        # Neighbours in folders stand in one part, so that a walk along the lineage loads few.
        self.entries = {
            i: known[i] for i in sorted(shown, key=lambda i: (known[i]["original_file_path"], label(known[i]).lower(), i))
        }
        self.position = {unique_id: at for at, unique_id in enumerate(self.entries)}
        catalog = facts.catalog
        self.tables: dict[str, Any] = {**catalog["nodes"], **catalog["sources"]} if catalog is not None else {}
        self.hung: dict[str, list[dict[str, Any]]] = {}
        self.all_tests = [self._test(i, e) for i, e in self.tests.items()]

    def chunks(self) -> dict[str, Any]:
        lineage = self.facts.lineage or {}
        details = {}
        for i, entry in self.entries.items():
            inferred = [c.name for c in lineage[i][0].columns] if i in lineage else []
            details[i] = detail(entry, self.tables.get(i), inferred, self.hung.get(i, []), self.past.of(run_as(entry, i)))
            if i in lineage and lineage[i][0].unlisted is not None:
                details[i]["unlisted"] = lineage[i][0].unlisted
            self._inherit(details[i]["columns"], (self.facts.inherited or {}).get(i, {}))
            self._mark(i, details[i]["columns"], (self.facts.personal or {}).get(i, {}))
        made: dict[str, Any] = {"index": self._index(details), "search": self._search(details), "code": self._code(details)}
        made |= {"tests": self.all_tests, "macros": self._macros(), "erd": self._relationships()}
        for name, rows in (("nodes", details.values()), ("lineage", map(self._lineage, self.entries))):
            left = iter(rows)
            for number in range(0, len(self.entries), CHUNK):
                made[f"{name}-{number // CHUNK:03d}"] = list(islice(left, CHUNK))
        return made

    def _inherit(self, columns: list[dict[str, Any]], told: Mapping[str, Told]) -> None:
        """Put in what columns inherit, with where it is from: a description, tags and `meta`."""
        for column in columns:
            one = told.get(column["name"])
            if one is None:
                continue
            if one.description and one.described is not None and not column["description"]:
                column |= {"description": one.description, "from": self._spot(one.described)}
            if one.tags:
                column["inherited_tags"] = [[tag, *self._spot(spot)] for tag, spot in one.tags.items()]
            if one.meta:
                column["inherited_meta"] = [[key, value, *self._spot(spot)] for key, (value, spot) in one.meta.items()]

    def _mark(self, unique_id: str, columns: list[dict[str, Any]], personal: Mapping[str, Spot | None]) -> None:
        """Put in which columns are personal: `pii` is the tagged column that one is made of, or empty where that is not sure."""
        for column in columns if personal else ():
            name = column["name"].lower()
            if name in personal:
                spot = personal[name]
                if spot is None or (spot[0], spot[1].lower()) != (unique_id, name):
                    column["pii"] = self._spot(spot) if spot is not None else []
                elif "pii" not in column["tags"]:  # the step that loads a source is tagged
                    column["tags"].append("pii")

    def _spot(self, spot: Spot) -> list[Any]:
        return [self._place(spot[0]), spot[1]]

    # -- lists -------------------------------------------------------------------------------------------------------------------

    def _index(self, details: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        manifest, metadata = self.facts.manifest, self.facts.manifest["metadata"]
        return {
            "project": metadata["project_name"],
            "adapter": metadata["adapter_type"],
            "generated_at": metadata["generated_at"],
            "version": (metadata.get("env") or {}).get("eltflow_version", ""),
            "readme": self.facts.readme,
            "chunk": CHUNK,
            "runs": [run_summary(run, records) for run, records in self.facts.history],
            "tests": [len(self.tests), *(sum(t["status"] == s for t in self.all_tests) for s in ("pass", "warn", "fail", "error"))],
            "macros": len(manifest["macros"]),
            "groups": [
                {"name": g["name"], "description": g["description"] or "", "owner": in_words(g["owner"])}
                for g in manifest["groups"].values()
            ],
            "nodes": self._table(details),
        }

    def _table(self, details: Mapping[str, Mapping[str, Any]]) -> dict[str, list[Any]]:
        """What is listed of each node, a column of values each."""
        entries = self.entries
        names = _unique([(kind_of(e), label(e)) for e in entries.values()], list(entries))
        parents = self.facts.manifest["parent_map"]
        worst = ("pass", "warn", "fail", "error")
        health = {
            i: max((worst.index(t["status"]) for t in tests if t["status"] in worst), default=-1) for i, tests in self.hung.items()
        }
        return {
            "kind": [kind_of(e) for e in entries.values()],
            "name": names,
            "path": [e["original_file_path"] for e in entries.values()],
            "about": [_short(e["description"]) for e in entries.values()],
            "materialized": [e["config"].get("materialized") if e["resource_type"] == "model" else None for e in entries.values()],
            "group": [e.get("group") for e in entries.values()],
            "tags": [list(e["tags"]) for e in entries.values()],
            "owner": [owner_of(e) for e in entries.values()],
            "status": [d["runs"][0][1] if d["runs"] else None for d in details.values()],
            "built": [self.past.built(run_as(e, i)) for i, e in entries.items()],
            "newest": [self.newest.get(i) for i in entries],
            "limits": [limit_hours(e) for e in entries.values()],
            "seconds": [d["runs"][0][2] if d["runs"] else None for d in details.values()],
            "rows": [d["rows"] for d in details.values()],
            "columns": [len(d["columns"]) for d in details.values()],
            "tests": [len(self.hung.get(i, ())) for i in entries],
            "health": [health.get(i, -1) for i in entries],
            "up": [[self.position[p] for p in parents.get(i, ()) if p in self.position] for i in entries],
        }

    def _search(self, details: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        return {
            "columns": [[c["name"] for c in d["columns"]] for d in details.values()],
            "text": [
                " ".join(filter(None, (d["description"], *(c["description"] for c in d["columns"])))) for d in details.values()
            ],
            "macros": [[m["name"], m["description"] or ""] for m in self.facts.manifest["macros"].values()],
            "tests": [[t["name"], t["on"][0], t["column"]] for t in self.all_tests if t["node"] is None and t["on"]],
        }

    def _code(self, details: Mapping[str, Mapping[str, Any]]) -> list[str]:
        return [d["raw"] or "" for d in details.values()]

    def _macros(self) -> list[dict[str, Any]]:
        entries = (*self.facts.manifest["sources"].values(), *self.facts.manifest["nodes"].values())
        users: dict[str, list[int]] = {}
        for entry in entries:
            at = self.position.get(entry["unique_id"])
            for macro in entry["depends_on"]["macros"] if at is not None and "depends_on" in entry else ():
                users.setdefault(macro, []).append(at)  # type: ignore[arg-type]
        return [
            {
                "name": m["name"],
                "path": m["original_file_path"],
                "description": m["description"] or "",
                "arguments": m["arguments"],
                "sql": m["macro_sql"],
                "macros": [called.rpartition(".")[2] for called in m["depends_on"]["macros"]],
                "users": users.get(unique_id, []),
            }
            for unique_id, m in sorted(self.facts.manifest["macros"].items(), key=lambda item: str(item[1]["name"]))
        ]

    # -- tests and what they say of tables ---------------------------------------------------------------------------------------

    def _test(self, unique_id: str, test: Mapping[str, Any]) -> dict[str, Any]:
        facts = test.get("test_metadata")
        last = self.past.last(unique_id)
        parents = [p for p in tested(test) if p in self.position]
        made = {
            "name": test["name"],
            "kind": facts["name"] if facts else "singular",
            "column": test.get("column_name"),
            "severity": str(test["config"]["severity"]).lower(),
            "description": test["description"] or "",
            "arguments": {k: v for k, v in facts["kwargs"].items() if k not in ("model", "column_name")} if facts else {},
            "status": last.status if last is not None else None,
            "failures": last.failures if last is not None else None,
            "at": last.started_at if last is not None else None,
            "node": self.position.get(unique_id),
            "on": [self.position[p] for p in parents],
        }
        for parent in parents:
            self.hung.setdefault(parent, []).append(made)
        return made

    def _relationships(self) -> dict[str, Any]:
        """Keys and the columns that refer to them, as tests and contracts say it: [node, column, node, column, whether it is a constraint]."""
        links: dict[tuple[Any, ...], bool] = {}
        keys: dict[int, dict[str, set[str]]] = {}
        for unique_id, test in self.tests.items():
            facts = test.get("test_metadata")
            attached = next((self.position[p] for p in tested(test) if p in self.position), None)
            column = test.get("column_name")
            if facts is None or attached is None or column is None:
                continue
            if facts["name"] in ("unique", "not_null"):
                keys.setdefault(attached, {}).setdefault(column, set()).add(facts["name"])
            elif facts["name"] == "relationships":
                others = [p for p in self.facts.manifest["parent_map"][unique_id] if self.position.get(p) not in (None, attached)]
                above = self.position[others[0]] if others else attached
                links[attached, column, above, str(facts["kwargs"].get("field") or column)] = False
        primary: dict[int, list[str]] = {}
        relations = {e.get("relation_name"): self.position[i] for i, e in self.entries.items() if e.get("relation_name")}
        for unique_id, entry in self.entries.items():
            at = self.position[unique_id]
            for one in constraints_of(entry):
                if one["type"] == "primary_key":
                    primary[at] = one["columns"]
                elif one["type"] == "unique" and len(one["columns"]) == 1:
                    keys.setdefault(at, {}).setdefault(one["columns"][0], set()).add("unique")
                elif one["type"] == "foreign_key" and one["to"] in relations:
                    for column, field in zip(one["columns"], one["to_columns"], strict=False):
                        links[at, column, relations[one["to"]], field] = True
        return {
            "keys": {at: sorted(c for c, kinds in columns.items() if "unique" in kinds) for at, columns in keys.items()},
            "primary": primary,
            "links": [[*link, held] for link, held in links.items()],
        }

    # -- columns -----------------------------------------------------------------------------------------------------------------

    def _lineage(self, unique_id: str) -> Any:
        """Of a node: [columns, rows, why there may be more columns, why rows may hang on more]. A column is [name, origins, influences,
        expression, what is unknown]; an origin [node or name of a table, column, how]; an influence [node or name, column, why]."""
        known = (self.facts.lineage or {}).get(unique_id)
        if known is None:
            return None
        found, expressions = known
        columns = [
            [
                c.name,
                [[self._place(o.table), o.column, HOWS.index(o.how)] for o in c.origins],
                self._influences(c.influences),
                expressions.get(c.name),
                c.unknown,
            ]
            for c in found.columns
        ]
        return [columns, self._influences(found.rows), found.unlisted, found.unsure]

    def _influences(self, influences: Sequence[Influence]) -> list[list[Any]]:
        return [[self._place(one.table), one.column, one.why] for one in influences]

    def _place(self, table: str) -> int | str:
        return self.position.get(table, table)


def _unique(names: Sequence[tuple[str, str]], ids: Sequence[str]) -> list[str]:
    """The name of each node in addresses: its own, or its id where another one of that kind has the same."""
    seen: dict[tuple[str, str], int] = {}
    for name in names:
        seen[name] = seen.get(name, 0) + 1
    return [name[1] if seen[name] == 1 else unique_id for name, unique_id in zip(names, ids, strict=True)]


def _short(text: str | None) -> str:
    words = " ".join((text or "").split())
    return words if len(words) <= ABOUT else words[: ABOUT - 1].rstrip() + "…"
