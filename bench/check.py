"""Checks that the references of a generated project are those that were drawn (`edges.json`).

    python -m bench.check PROJECT                            # by the names in the rendered SQL, for any style
    python -m bench.check PROJECT --manifest manifest.json   # by what a tool found

The names are read from DuckDB's own syntax tree with a scope walk of our own, so no tool is judged by itself. Needs
jinja2 for the first form.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import duckdb
import jinja2

from bench.shape import PROJECT

Names = frozenset[str]


def tables(node: object, hidden: Names = frozenset()) -> Iterator[str]:
    """The table names below a node of the syntax tree that are no CTE in their scope, with their schema if written."""
    if isinstance(node, list):
        for item in node:
            yield from tables(item, hidden)
    if not isinstance(node, dict):
        return
    entries = node.get("cte_map", {}).get("map", [])
    for entry in entries:  # the body of a CTE does not see its own name
        yield from tables(entry["value"], hidden)
        hidden = hidden | {entry["key"].lower()}
    if node.get("type") == "BASE_TABLE":
        name, schema = node["table_name"], node["schema_name"]
        if schema or name.lower() not in hidden:
            yield f"{schema}.{name}" if schema else name
    for key, value in node.items():
        if key != "cte_map":
            yield from tables(value, hidden)


def renderer(project: Path) -> jinja2.Environment:
    """Jinja with the project's macros and calls that leave plain names behind."""
    environment = jinja2.Environment()
    names = {
        "ref": lambda name: f"ref_.{name}",
        "source": lambda system, table: f"{system}.{table}",
        "config": lambda **options: "",
        "var": lambda name, default=None: default,
        "is_incremental": lambda: False,
    }
    environment.globals.update(names)
    text = "\n".join(path.read_text() for path in sorted((project / "macros").glob("*.sql")))
    module = environment.from_string(text).module
    environment.globals.update({name: value for name, value in vars(module).items() if not name.startswith("_")})
    return environment


def known(project: Path, edges: Mapping[str, list[str]]) -> dict[str, str]:
    """Every name that a relation may be written by, with its node id."""
    ids = {*edges, *(parent for parents in edges.values() for parent in parents)}
    found: dict[str, str] = {}
    for node_id in ids:
        kind, _, *rest = node_id.split(".")
        if kind == "source":
            found |= {f"{rest[0]}.{rest[1]}": node_id, f"raw.{rest[0]}__{rest[1]}": node_id}
        else:
            found |= {rest[0]: node_id, f"ref_.{rest[0]}": node_id}
    return found


def edges_by_names(project: Path, edges: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """What each model reads, by the names in its rendered SQL."""
    environment, names = renderer(project), known(project, edges)
    connection = duckdb.connect()
    found = {}
    for path in sorted((project / "models").rglob("*.sql")):
        sql = environment.from_string(path.read_text()).render()
        row = connection.execute("select json_serialize_sql(?)", [sql]).fetchone()
        tree = json.loads(row[0]) if row else {}
        if tree.get("error", True):
            raise SystemExit(f"{path}: {tree}")
        parents = {names.get(name, name) for name in tables(tree["statements"])}
        found[f"model.{PROJECT}.{path.stem}"] = sorted(parents)
    return found


def edges_by_manifest(path: Path) -> dict[str, list[str]]:
    """What each model reads, by a manifest."""
    nodes = json.loads(path.read_text())["nodes"]
    models = {key: node for key, node in nodes.items() if node["resource_type"] == "model"}
    return {key: sorted(set(node["depends_on"]["nodes"])) for key, node in models.items()}


def main() -> int:
    """The command line; 1 when an edge is missing or too many."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=Path)
    parser.add_argument("--manifest", type=Path)
    options = parser.parse_args()
    edges: dict[str, list[str]] = json.loads((options.project / "edges.json").read_text())
    found = edges_by_manifest(options.manifest) if options.manifest else edges_by_names(options.project, edges)
    wrong = [name for name in sorted({*edges, *found}) if edges.get(name) != found.get(name)]
    for name in wrong[:10]:
        print(f"{name}: drawn {edges.get(name)}, found {found.get(name)}", file=sys.stderr)
    print(f"{len(edges) - len(wrong)} of {len(edges)} models read what was drawn")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
