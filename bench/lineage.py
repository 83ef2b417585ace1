"""What the column lineage of a whole generated project costs, beside sqlglot's `qualify` on the same SQL.

    python -m bench.generate --models 1000 --style ref --flavour eltflow --out /tmp/project
    python -m bench.lineage /tmp/project

CPU seconds, one process. `qualify` is given the same trees and the columns of every table; parsing is told apart, since both need it.
sqlglot's `lineage()` is asked for each column of some of the models (of all it would take minutes), beside parsing and walking those.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

#: Of how many models sqlglot is asked column by column.
SAMPLE = 40


def measure(root: Path, *, peer: bool = True) -> dict[str, float]:
    """Figures for one project: seconds, counts, ratios."""
    from eltflow import api
    from eltflow.compile.lineage import Lineages, own_sql
    from eltflow.sql.lineage import lineage
    from eltflow.sql.parse import Parsed, parse
    from eltflow.sql.values import Names

    loaded = api.load(root, api.new_options(env=dict(os.environ)))
    dialect = loaded.adapter.dialect
    compiler = api.lineages(loaded).compiler
    models = [node for node in loaded.graph.nodes.values() if node.resource_type == "model"]
    for node in models:
        compiler.node(node)
    found = Lineages(compiler, {})
    made: dict[str, float] = {"models": len(models)}
    with _Clock(made, "lineage with parsing"):
        for node in models:
            found.of(node)
    with _Clock(made, "again, nothing changed"):
        again = Lineages(compiler, found.fresh)
        for node in models:
            again.of(node)
    assert again.walked == 0
    coverage = found.coverage(models)
    made |= {"columns": coverage.columns, "resolved %": coverage.percent}

    lookup = compiler.home(models[0]).lookup

    def upstream(parts: tuple[Any, ...]) -> tuple[str, Names]:
        hit = lookup.table(tuple((part.name, part.quoted) for part in parts))
        return (hit, found.names(loaded.graph.nodes[hit])) if isinstance(hit, str) else (parts[-1].name, Names())

    with _Clock(made, "parse"):
        parsed = [parse(own_sql(compiler.node(node)), dialect.sqlglot) for node in models]
    trees = [one for one in parsed if isinstance(one, Parsed)]
    with _Clock(made, "walk"):
        for one in trees:
            lineage(one, upstream, dialect.fold, again=dialect.again)
    with _Clock(made, "walk, with expressions"):
        for one in trees:
            lineage(one, upstream, dialect.fold, again=dialect.again, telling=dialect.sqlglot)
    if peer:
        _qualify(loaded, found, trees, made)
        made["walk / qualify"] = made["walk"] / made["qualify"]
        made["with parsing"] = (made["walk"] + made["parse"]) / (made["qualify"] + made["parse"])
        some = models[:: max(1, len(models) // SAMPLE)]
        with _Clock(made, "of some, parsing and walk"):
            for node in some:
                lineage(parse(own_sql(compiler.node(node)), dialect.sqlglot), upstream, dialect.fold, again=dialect.again)
        _each_column(loaded, found, {node.name: (own_sql(compiler.node(node)), found.columns(node)) for node in some}, made)
        made["lineage() of each column / that"] = made["of some, each column"] / made["of some, parsing and walk"]
    return made


def _each_column(loaded: Any, found: Any, models: dict[str, tuple[str, Any]], made: dict[str, float]) -> None:
    from sqlglot.lineage import lineage

    schema = _schema(loaded, found)
    with _Clock(made, "of some, each column"):
        for sql, columns in models.values():
            for column in columns:
                lineage(column, sql, schema=schema, dialect="duckdb")
    made["columns of some"] = sum(len(columns) for _, columns in models.values())


def _schema(loaded: Any, found: Any) -> Any:
    from sqlglot.schema import MappingSchema

    tables: dict[str, dict[str, dict[str, str]]] = {}
    for node in loaded.graph.nodes.values():
        if node.relation is not None:
            columns = dict.fromkeys(found.names(node).names or ("x",), "int")
            tables.setdefault(node.relation.schema or "main", {})[node.relation.identifier] = columns
    return MappingSchema(tables, dialect="duckdb")


def _qualify(loaded: Any, found: Any, trees: list[Any], made: dict[str, float]) -> None:
    from sqlglot.optimizer.qualify import qualify

    schema = _schema(loaded, found)
    copies = [one.tree.copy() for one in trees]
    with _Clock(made, "qualify"):
        for tree in copies:
            qualify(tree, schema=schema, dialect="duckdb", validate_qualify_columns=False, quote_identifiers=False)


class _Clock:
    def __init__(self, into: dict[str, float], key: str) -> None:
        self._into, self._key = into, key

    def __enter__(self) -> None:
        self._started = time.process_time()

    def __exit__(self, *_: object) -> None:
        self._into[self._key] = time.process_time() - self._started


if __name__ == "__main__":
    for key, value in measure(Path(sys.argv[1]), peer="--alone" not in sys.argv).items():
        print(f"{key:<24} {value:,.3f}" if isinstance(value, float) else f"{key:<24} {value:,}")
